//! The workspace and its builds.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// The tests and the programs that they run. One set of packages and features for everything, so that no dependency is
/// compiled twice; fault points are in it.
pub(crate) const TESTED: [&str; 4] = ["--workspace", "--all-features", "--tests", "--bins"];

/// Variables that `cargo run` sets for this program and that a build inside it must not see: build scripts watch some
/// of them, and would run again.
const OF_THIS_PROGRAM: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];

/// The programs that a build made.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) poolwarden: PathBuf,
    pub(crate) simulator: PathBuf,
    pub(crate) xtask: PathBuf,
}

impl Programs {
    /// Those in a profile's folder.
    pub(crate) fn of(profile: &str) -> Self {
        let folder = target().join(profile);
        let program = |name: &str| folder.join(name).with_extension(std::env::consts::EXE_EXTENSION);
        Self { poolwarden: program("poolwarden"), simulator: program("simulator"), xtask: program("xtask") }
    }
}

/// The workspace's folder.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// Where builds go; everything that is written goes below it.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// An empty folder below the target folder. What an earlier run left there is deleted.
pub(crate) fn fresh_folder(name: &str) -> Result<PathBuf> {
    let folder = target().join(name);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot empty {}", folder.display()));
        }
        _ => {}
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    folder.canonicalize().with_context(|| format!("cannot find {}", folder.display()))
}

/// Cargo in the workspace's folder.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root()).stdin(std::process::Stdio::null()).kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if OF_THIS_PROGRAM.iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// Runs cargo with its output in sight.
pub(crate) async fn run(arguments: &[&str]) -> Result<()> {
    let line = format!("cargo {}", arguments.join(" "));
    let status = cargo(arguments).status().await.with_context(|| format!("{line} does not start"))?;
    if !status.success() {
        bail!("{line} failed ({status}); what it printed above says why");
    }
    Ok(())
}

/// Runs cargo and returns what it printed on standard output.
pub(crate) async fn output(arguments: &[&str]) -> Result<String> {
    let line = format!("cargo {}", arguments.join(" "));
    let output = cargo(arguments).output().await.with_context(|| format!("{line} does not start"))?;
    if !output.status.success() {
        bail!("{line} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{line} printed something that is not text"))
}
