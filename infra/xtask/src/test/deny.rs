//! What the dependencies are: their licenses, sources, bans and known advisories, as deny.toml wants them.

use super::steps::{Steps, Tally};
use crate::cargo;
use crate::processes::capture;
use anyhow::Result;
use std::path::PathBuf;
use tokio::process::Command;

/// What is installed where no cargo-deny is. It takes three minutes on two cores.
const CARGO_DENY: &str = "cargo-deny@0.20.2";

/// What needs nothing but the workspace and the packages' sources.
const CHECKS: [&str; 3] = ["bans", "licenses", "sources"];

/// What needs their list besides, which is fetched.
const ADVISORIES: &str = "advisories";

fn title(check: &str) -> String {
    format!("Dependencies: {check}")
}

/// Runs what can be run.
pub(super) async fn check(steps: &mut Steps) {
    if !CHECKS.iter().chain([&ADVISORIES]).any(|check| steps.wants(&title(check))) {
        return;
    }
    let deny = match find_or_install().await {
        Ok(deny) => deny,
        Err(error) => return steps.leave_out(&format!("licenses, bans, sources and advisories: {error:#}")),
    };
    for check in CHECKS {
        steps.step(&title(check), one(&deny, check)).await;
    }
    if !steps.wants(&title(ADVISORIES)) {
        return;
    }
    let (status, _, err) = match capture(deny.command().args(["fetch", "db"])).await {
        Ok(fetched) => fetched,
        Err(error) => return steps.leave_out(&format!("advisories on the dependencies: {error:#}")),
    };
    if status.success() {
        steps.step(&title(ADVISORIES), one(&deny, ADVISORIES)).await;
    } else {
        let reason = err.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no reason is given").trim();
        steps.leave_out(&format!("advisories on the dependencies: their list cannot be fetched: {reason}"));
    }
}

/// Where cargo-deny is: on the path, or where it was installed to.
#[derive(Debug, Clone)]
struct Deny(PathBuf);

impl Deny {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.0);
        command.current_dir(cargo::root()).kill_on_drop(true).stdin(std::process::Stdio::null());
        command
    }
}

async fn find_or_install() -> Result<Deny> {
    let tools = cargo::target().join("tools");
    let ours = Deny(tools.join("bin").join("cargo-deny").with_extension(std::env::consts::EXE_EXTENSION));
    for deny in [Deny(PathBuf::from("cargo-deny")), ours.clone()] {
        if deny.command().arg("--version").output().await.is_ok_and(|output| output.status.success()) {
            return Ok(deny);
        }
    }
    println!("\n── cargo-deny is not installed; building it into {}", tools.display());
    cargo::run(&["install", "--locked", "--root", &tools.to_string_lossy(), CARGO_DENY]).await?;
    Ok(ours)
}

async fn one(deny: &Deny, check: &str) -> Result<Tally> {
    let mut command = deny.command();
    // The licenses of a crate are in its sources; nothing newer than the lock file is looked for.
    command.args(["--all-features", "--locked", "check", "--hide-inclusion-graph", check]);
    let passed = command.status().await?.success();
    Ok(Tally { passed: usize::from(passed), failed: usize::from(!passed) })
}
