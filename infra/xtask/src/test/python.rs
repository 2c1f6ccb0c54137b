//! Azure's own management clients for Python against the simulator: they know nothing of it, and list what it holds.

use super::steps::Tally;
use crate::cargo::{self, Programs};
use crate::processes::capture;
use crate::simulator::Simulator;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// What the clients need, and what they run.
const CLIENTS: &str = "tests/simulator/clients";

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
        let script = cargo::root().join(CLIENTS).join("list_planted.py");
        let (status, out, err) = capture(Command::new(&python).arg(script).arg(&azure.url)).await?;
        print!("{out}{err}");
        tally += Tally { passed: usize::from(status.success()), failed: usize::from(!status.success()) };
        azure.stop().await?;
    }
    Ok(tally)
}

/// A Python with what the clients need, in the target folder. Made anew when that changes.
async fn environment() -> Result<PathBuf> {
    let venv = cargo::target().join("venv");
    let python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let wanted = cargo::root().join(CLIENTS).join("requirements.txt");
    let installed = venv.join("requirements.txt");
    let read = |path: &Path| std::fs::read(path).ok();
    if read(&installed).is_some() && read(&installed) == read(&wanted) {
        return Ok(python);
    }
    if !make(&venv).await? {
        install_venv().await?;
        ensure!(make(&venv).await?, "python3 -m venv still fails; what it printed above says why");
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&wanted);
    let status = pip.kill_on_drop(true).status().await.context("pip does not start")?;
    ensure!(status.success(), "pip install failed ({status}); what it printed above says why");
    std::fs::copy(&wanted, &installed).with_context(|| format!("cannot write {}", installed.display()))?;
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
    let (_, user, _) = capture(Command::new("id").arg("-u")).await?;
    let arguments = ["install", "--yes", "--no-install-recommends", "python3-venv"];
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(std::process::Stdio::null());
        command.kill_on_drop(true);
        command
    };
    if user.trim() == "0" && apt(&["--version"]).output().await.is_ok() {
        println!("python3-venv is missing; installing it");
        // Lists that cannot be brought up to date may still do.
        drop(apt(&["update", "--quiet"]).status().await);
        if apt(&arguments).status().await.is_ok_and(|status| status.success()) {
            return Ok(());
        }
    }
    bail!("python3 with its venv module is missing: install both (on Debian and Ubuntu: apt-get install python3-venv)")
}
