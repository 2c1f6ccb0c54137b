//! The crash test: sound code passes it, and each planted bug makes it fail. A test that no bug can fail proves
//! nothing.

use super::steps::Tally;
use crate::cargo::Programs;
use crate::crash::{self, Backend, Bug, Plan, Reads};
use crate::processes::run_watched;
use anyhow::Result;
use tokio::process::Command;

/// Kills of the test that has to pass.
const KILLS: usize = 50;
/// Kills of a test that has to fail.
const KILLS_WITH_BUG: usize = 20;
/// Seeds that may be tried until a planted bug shows: what a kill meets is up to the machine.
const SEEDS: u64 = 3;

/// Nothing is lost and nothing done twice.
pub(super) async fn sound(programs: &Programs, reads: Reads) -> Result<Tally> {
    let plan = Plan { kills: KILLS, seed: 1, backend: Backend::Sqlite, reads, bug: None, keep: false };
    let outcome = crash::run(programs, plan).await?;
    crash::report(&outcome);
    let failed = usize::from(!outcome.faults.is_empty());
    Ok(Tally { passed: 1 - failed, failed })
}

/// The same under a Functions host, on Service Bus and Blob Storage: this program as it is built for the tests has what
/// that takes.
pub(super) async fn hosted(programs: &Programs) -> Result<Tally> {
    let mut command = Command::new(&programs.xtask);
    command.args(["crash", "--backend", "azure", "--kills", &KILLS.to_string()]);
    let passed = usize::from(run_watched(&mut command, |_| ()).await?.success());
    Ok(Tally { passed, failed: 1 - passed })
}

/// The test finds a planted bug.
pub(super) async fn planted(programs: &Programs, bug: Bug) -> Result<Tally> {
    for seed in 1..=SEEDS {
        let plan = Plan {
            kills: KILLS_WITH_BUG,
            seed,
            backend: Backend::Sqlite,
            reads: Reads::Arm,
            bug: Some(bug),
            keep: false,
        };
        let outcome = crash::run(programs, plan).await?;
        crash::report(&outcome);
        if !outcome.faults.is_empty() {
            println!("found, as it should be");
            return Ok(Tally::ONE);
        }
        println!("not found with seed {seed}");
    }
    println!("{} was not found by {KILLS_WITH_BUG} kills with any of {SEEDS} seeds", bug.name());
    Ok(Tally { passed: 0, failed: 1 })
}
