//! What runs in Python: Azure's own management clients against the simulator, of which they know nothing, the tests of
//! the Bicep files, and SchemaStore's schema of a function.json.

use super::steps::Tally;
use crate::cargo::{self, Programs};
use crate::processes::{capture, run_watched};
use crate::simulator::Simulator;
use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// What the clients run.
const CLIENTS: &str = "tests/simulator/clients/list_planted.py";
/// The tests of the Bicep files.
const INFRA: &str = "infra/tests/test_infra.py";
/// The check of every function.json.
const FUNCTION_JSON: &str = "infra/xtask/schemas/function_json.py";
/// What all of them need.
const REQUIREMENTS: [&str; 3] = [
    "tests/simulator/clients/requirements.txt",
    "infra/tests/requirements.txt",
    "infra/xtask/schemas/requirements.txt",
];

/// An estate in which everything that can be odd is.
const ODD: &str = "\
subscriptions = 2
pools_per_subscription = 3
remoteapp_groups_per_pool = 2
apps_per_group = 5
distinct_icons = 9
hidden_share = 0.15
orphan_group_share = 0.2
odd_names_share = 1.0
odd_wire_share = 1.0
page_size = 3
";

/// Lists two estates.
pub(super) async fn check(programs: &Programs) -> Result<Tally> {
    let python = environment().await?;
    let folder = cargo::fresh_folder("python")?;
    let odd = folder.join("odd.toml");
    std::fs::write(&odd, ODD).with_context(|| format!("cannot write {}", odd.display()))?;
    let mut tally = Tally::default();
    for (estate, seed) in [("small", "1"), (&*odd.to_string_lossy(), "2")] {
        let azure = Simulator::start(programs, &folder, estate, &["--seed", seed]).await?;
        let script = cargo::root().join(CLIENTS);
        let (status, out, err) = capture(Command::new(&python).arg(script).arg(&azure.url)).await?;
        print!("{out}{err}");
        tally += Tally { passed: usize::from(status.success()), failed: usize::from(!status.success()) };
        azure.stop().await?;
    }
    Ok(tally)
}

/// Parses every Bicep file and checks what is in it.
pub(super) async fn infra() -> Result<Tally> {
    script(INFRA, &[]).await
}

/// Holds every function.json against the schema.
pub(super) async fn function_json() -> Result<Tally> {
    script(FUNCTION_JSON, &[]).await
}

/// Runs a script that says at its end how much passed and failed.
pub(super) async fn script(path: &str, arguments: &[&OsStr]) -> Result<Tally> {
    let python = environment().await?;
    let mut tally = None;
    let mut command = Command::new(python);
    command.arg(cargo::root().join(path)).args(arguments).current_dir(cargo::root());
    let status = run_watched(&mut command, |line| tally = plain_summary(line).or(tally)).await?;
    let tally = tally.with_context(|| format!("{path} said nothing of how it ended"))?;
    ensure!(status.success() == (tally.failed == 0), "{path} ended with {status}");
    Ok(tally)
}

/// `12 passed, 0 failed`, and what follows.
fn plain_summary(line: &str) -> Option<Tally> {
    let (passed, rest) = line.split_once(" passed, ")?;
    let failed = rest.split_once(" failed")?.0;
    Some(Tally { passed: passed.parse().ok()?, failed: failed.parse().ok()? })
}

/// A Python with all that is needed, in the target folder. Made anew when that changes.
async fn environment() -> Result<PathBuf> {
    let venv = cargo::target().join("venv");
    let python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let read = |name| std::fs::read_to_string(cargo::root().join(name)).with_context(|| format!("{name} is missing"));
    let wanted = REQUIREMENTS.into_iter().map(read).collect::<Result<Vec<_>>>()?.join("\n");
    let installed = venv.join("requirements.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    if !make(&venv).await? {
        install_venv().await?;
        ensure!(make(&venv).await?, "python3 -m venv still fails; what it printed above says why");
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    for requirements in REQUIREMENTS {
        pip.arg("--requirement").arg(cargo::root().join(requirements));
    }
    let status = pip.kill_on_drop(true).status().await.context("pip does not start")?;
    ensure!(status.success(), "pip install failed ({status}); what it printed above says why");
    std::fs::write(&installed, wanted).with_context(|| format!("cannot write {}", installed.display()))?;
    Ok(python)
}

/// Whether an environment could be made.
async fn make(venv: &Path) -> Result<bool> {
    let mut command = Command::new("python3");
    command.args(["-m", "venv", "--clear"]).arg(venv);
    match capture(&mut command).await {
        Ok((status, out, err)) => {
            if !status.success() {
                print!("{out}{err}");
            }
            Ok(status.success())
        }
        Err(error) => {
            println!("{error:#}");
            Ok(false)
        }
    }
}

/// Debian keeps venv in a package of its own.
async fn install_venv() -> Result<()> {
    if apt_install("python3-venv").await? {
        return Ok(());
    }
    bail!("python3 with its venv module is missing: install both (on Debian and Ubuntu: apt-get install python3-venv)")
}

/// Installs a Debian package, where that can be done. Returns whether it was.
pub(super) async fn apt_install(package: &str) -> Result<bool> {
    let (_, user, _) = capture(Command::new("id").arg("-u")).await?;
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(std::process::Stdio::null());
        command.kill_on_drop(true);
        command
    };
    if user.trim() != "0" || apt(&["--version"]).output().await.is_err() {
        return Ok(false);
    }
    println!("{package} is missing; installing it");
    // Lists that cannot be brought up to date may still do.
    drop(apt(&["update", "--quiet"]).status().await);
    let installed = apt(&["install", "--yes", "--quiet", "--no-install-recommends", package]).status().await;
    Ok(installed.is_ok_and(|status| status.success()))
}
