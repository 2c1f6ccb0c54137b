//! `cargo xtask fuzz`: gives broken documents to everything in the domain that reads bytes from outside.

use crate::cargo;
use anyhow::{Context, Result, bail};
use clap::Args;

/// The fuzzing's own workspace, from the workspace's folder.
const WORKSPACE: &str = "shared/domain/fuzz";
/// The folder that `cargo fuzz` works in.
const FUZZED: &str = "shared/domain";
/// What to do without it.
const TOOLCHAIN_HINT: &str = "\
install it with `cargo install cargo-fuzz`, and a C++ compiler where there is none; without --libfuzzer nothing has to \
be installed";

/// A short run of every target. What fails is kept, and the seed finds it again.
#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    /// How long each target runs
    #[arg(long, default_value_t = 10, value_name = "N")]
    seconds: u64,
    /// Where chance begins
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Let libFuzzer search, which remembers what led it to new code; needs cargo-fuzz and a C++ compiler
    #[arg(long)]
    libfuzzer: bool,
}

impl Fuzz {
    pub(crate) async fn run(self) -> Result<()> {
        if self.libfuzzer { self.libfuzzer().await } else { bounded(self.seconds, self.seed).await }
    }

    async fn libfuzzer(&self) -> Result<()> {
        if cargo::output(&["fuzz", "--version"]).await.is_err() {
            bail!("cargo-fuzz is not installed: {TOOLCHAIN_HINT}");
        }
        let known = folder("fuzz-documents")?;
        program(&["--write", &known]).await?;
        let limits = [format!("-max_total_time={}", self.seconds), format!("-seed={}", self.seed)];
        let build = cargo::target().join("libfuzzer");
        let build = build.to_string_lossy();
        for target in targets()? {
            let (corpus, known) = (folder(&format!("fuzz-corpus/{target}"))?, format!("{known}/{target}"));
            let options = ["--features", "libfuzzer", "--target-dir", &build];
            let mut command =
                cargo::cargo(&[&["fuzz", "run"], &options[..], &[&target, &corpus, &known, "--"]].concat());
            // What libFuzzer needs of a compiler is kept from stable ones, unless they are told otherwise.
            command.args(&limits).env("RUSTC_BOOTSTRAP", "1").current_dir(cargo::root().join(FUZZED));
            let status = command.status().await.context("cargo fuzz does not start")?;
            if !status.success() {
                bail!("cargo fuzz run {target} failed ({status}); what it printed above says why");
            }
        }
        Ok(())
    }
}

/// Runs every target for so long, from this seed on, with what stable compilers have.
pub(crate) async fn bounded(seconds: u64, seed: u64) -> Result<()> {
    let failures = folder("fuzz-failures")?;
    program(&[&seconds.to_string(), &seed.to_string(), &failures]).await
}

/// Runs the fuzzing's own program.
async fn program(arguments: &[&str]) -> Result<()> {
    let (manifest, target) = (format!("{WORKSPACE}/Cargo.toml"), cargo::target().join("fuzz"));
    let target = target.to_string_lossy();
    let build = ["run", "--quiet", "--release", "--manifest-path", &manifest, "--target-dir", &target, "--"];
    cargo::run(&[&build[..], arguments].concat()).await
}

/// A folder below the target folder, which is made if it is not there.
fn folder(name: &str) -> Result<String> {
    let folder = cargo::target().join(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder.to_string_lossy().into_owned())
}

/// The names of the targets: those of their files.
fn targets() -> Result<Vec<String>> {
    let folder = cargo::root().join(WORKSPACE).join("fuzz_targets");
    let files = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for file in files {
        let path = file.with_context(|| format!("cannot read {}", folder.display()))?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}
