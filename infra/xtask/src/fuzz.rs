//! `cargo xtask fuzz`: gives broken documents to everything in the domain that reads bytes from outside.

use crate::cargo;
use anyhow::{Context, Result, bail};
use clap::Args;

/// The fuzzing's own workspace, from the workspace's folder.
const WORKSPACE: &str = "shared/domain/fuzz";
/// The folder that `cargo fuzz` works in.
const FUZZED: &str = "shared/domain";
/// What to do without it.
const TOOLCHAIN_HINT: &str =
    "install it with `cargo install cargo-fuzz`; without --libfuzzer nothing has to be installed";

/// A short run of every target. What fails is kept, and the seed finds it again.
#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    /// How long each target runs
    #[arg(long, default_value_t = 10, value_name = "N")]
    seconds: u64,
    /// Where chance begins
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Let libFuzzer search, which remembers what led it to new code; needs cargo-fuzz
    #[arg(long)]
    libfuzzer: bool,
}

impl Fuzz {
    pub(crate) async fn run(self) -> Result<()> {
        if self.libfuzzer { self.libfuzzer().await } else { self.bounded().await }
    }

    async fn bounded(&self) -> Result<()> {
        let failures = cargo::target().join("fuzz-failures");
        std::fs::create_dir_all(&failures).with_context(|| format!("cannot create {}", failures.display()))?;
        let manifest = format!("{WORKSPACE}/Cargo.toml");
        let (target, failures) = (cargo::target().join("fuzz"), failures.to_string_lossy().into_owned());
        let (seconds, seed) = (self.seconds.to_string(), self.seed.to_string());
        let build = ["run", "--quiet", "--release", "--manifest-path", &manifest, "--target-dir"];
        let program = ["--", &seconds, &seed, &failures];
        cargo::run(&[&build[..], &[&*target.to_string_lossy()], &program[..]].concat()).await
    }

    async fn libfuzzer(&self) -> Result<()> {
        if cargo::output(&["fuzz", "--version"]).await.is_err() {
            bail!("cargo-fuzz is not installed: {TOOLCHAIN_HINT}");
        }
        let limits = [format!("-max_total_time={}", self.seconds), format!("-seed={}", self.seed)];
        for target in targets()? {
            let corpus = format!("{WORKSPACE}/corpus/{target}");
            std::fs::create_dir_all(cargo::root().join(&corpus)).with_context(|| format!("cannot create {corpus}"))?;
            let known = cargo::root().join(FUZZED).join("fixtures").join(target.split('_').next().unwrap_or_default());
            let (corpus, known) = (cargo::root().join(corpus), known.to_string_lossy().into_owned());
            let corpus = corpus.to_string_lossy();
            let arguments = ["fuzz", "run", "--features", "libfuzzer", &target, &corpus, &known, "--"];
            let mut command = cargo::cargo(&arguments);
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
