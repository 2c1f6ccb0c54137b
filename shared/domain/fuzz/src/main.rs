//! Fuzzes every target for some seconds: `bounded SECONDS SEED [FOLDER]`. What failed is written into the folder.
//!
//! `bounded --write FOLDER` writes what every target begins with into folders below it, for `cargo fuzz`.

use poolwarden_fuzz::{TARGETS, Target, mutation};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What takes longer is a failure.
const MAX_CASE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [option, folder] = arguments.as_slice()
        && option == "--write"
    {
        return write(Path::new(folder));
    }
    let number = |at: usize| arguments.get(at).and_then(|argument| argument.parse().ok());
    let (Some(seconds), Some(seed)) = (number(0), number(1)) else {
        eprintln!("usage: bounded SECONDS SEED [FOLDER], or bounded --write FOLDER");
        return ExitCode::FAILURE;
    };
    let folder = arguments.get(2).map_or_else(std::env::temp_dir, PathBuf::from);
    let failed = TARGETS.iter().filter(|target| !fuzz(target, Duration::from_secs(seconds), seed, &folder)).count();
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether nothing failed.
fn fuzz(target: &Target, time: Duration, seed: u64, folder: &Path) -> bool {
    let begin_with = target.documents();
    let start = Instant::now();
    let mut cases = 0_u64;
    while start.elapsed() < time {
        // Each case has its dice, so that it can be had again by its number.
        let mut dice = StdRng::seed_from_u64(seed.wrapping_add(cases));
        let document = &begin_with[cases as usize % begin_with.len()];
        let other = &begin_with[(cases / begin_with.len() as u64) as usize % begin_with.len()];
        let bytes = mutation::changed(document, other, &mut dice);
        let case_start = Instant::now();
        let ended = std::panic::catch_unwind(|| (target.run)(&bytes));
        if ended.is_err() || case_start.elapsed() > MAX_CASE {
            let file = folder.join(format!("{}-{seed}-{cases}", target.name));
            let kept = std::fs::write(&file, &bytes);
            eprintln!(
                "{}: case {cases} of seed {seed} failed; its document: {} ({kept:?})",
                target.name,
                file.display()
            );
            return false;
        }
        cases += 1;
    }
    println!("{}: {cases} documents in {:.1} s, nothing found", target.name, start.elapsed().as_secs_f64());
    true
}

/// Writes the documents that every target begins with.
fn write(folder: &Path) -> ExitCode {
    for target in TARGETS {
        let folder = folder.join(target.name);
        let written = std::fs::create_dir_all(&folder).and_then(|()| {
            let mut documents = target.documents().into_iter().enumerate();
            documents.try_for_each(|(number, document)| std::fs::write(folder.join(number.to_string()), document))
        });
        if let Err(error) = written {
            eprintln!("{}: {error}", folder.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
