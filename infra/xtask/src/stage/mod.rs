//! `cargo xtask stage`: the folder that is deployed, and the zip of it.
//!
//! It builds and copies; it deploys nothing and knows no subscription.

mod build;
pub(crate) mod package;
#[cfg(test)]
mod tests;

use crate::cargo;
use anyhow::{Context, Result, ensure};
use build::Build;
use clap::Args;
use std::path::Path;

/// The deployed binary's largest size, in bytes: what is deployed is copied to every new instance before it answers.
const MAX_BINARY_BYTES: u64 = 25_000_000;
/// The folder that is deployed, and the zip of it, below the target folder.
const FOLDER: &str = "functionapp";
const ZIP: &str = "functionapp.zip";

const ABOUT: &str = "\
target/functionapp/ is made anew, with host.json, the binary and one folder a function, and nothing else: what \
`func start`, `azd deploy` and a zip deployment take. Azure runs x86_64 Linux. Where rustc has the target \
x86_64-unknown-linux-musl and it builds, that is taken, for a binary that needs no library of the system; else this \
machine's own, if that is x86_64 Linux with glibc.

Examples:
  cargo xtask stage
  cargo xtask stage --zip
  cargo xtask stage --debug --target aarch64-apple-darwin    for `func start` on that machine";

/// `cargo xtask stage`
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub(crate) struct Stage {
    /// What to build for, instead of the best for Azure that is at hand
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Write target/functionapp.zip as well
    #[arg(long)]
    zip: bool,
    /// The debug build: quick to make, slow and large
    #[arg(long)]
    debug: bool,
}

impl Stage {
    pub(crate) async fn run(&self) -> Result<()> {
        let build = Build::of(self.target.as_deref(), self.debug).await?;
        println!("{} for {}: {}", build.profile(), build.triple, build.why);
        let binary_bytes = size(&build.binary)?;
        // A debug build is as large as it is; it is not for Azure.
        ensure!(
            self.debug || binary_bytes <= MAX_BINARY_BYTES,
            "the binary has {binary_bytes} bytes, more than {MAX_BINARY_BYTES}; see what made it grow (`cargo bloat`)"
        );
        let folder = cargo::fresh_folder(FOLDER)?;
        let files = package::assemble(&build.binary, cargo::root(), &folder)?;
        println!(
            "{}: {} files, {}, of which the binary has {}",
            folder.display(),
            files.len(),
            megabytes(files.iter().map(|file| file.bytes).sum()),
            megabytes(binary_bytes)
        );
        if self.zip {
            let path = cargo::target().join(ZIP);
            package::zip(&folder, &files, &path)?;
            println!("{}: {}", path.display(), megabytes(size(&path)?));
        }
        Ok(())
    }
}

fn size(path: &Path) -> Result<u64> {
    Ok(std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
