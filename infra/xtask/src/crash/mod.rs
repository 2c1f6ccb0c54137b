//! `cargo xtask crash`: kills who does the work at any moment, again and again, while an estate changes and runs go
//! on, and compares at the end what came of it with what should have: the catalogue and every single event.

mod changes;
mod cycle;
mod findings;
#[cfg(feature = "functions-host")]
mod hosted;
mod lives;
mod shown;
mod stand;
mod verdict;

use crate::cargo::{self, Programs};
use anyhow::{Result, bail, ensure};
use clap::{Args, ValueEnum};
use cycle::Ended;
use stand::Stand;
use std::time::Instant;

const ABOUT: &str = "\
The processes are killed by SIGKILL at random moments of their runs, and abort by themselves at fault points that \
are compiled in for it: between state, messages and acknowledgement. The seed decides what changes and how long each \
process lives; what it has got to by then is up to the machine.

It prints `lost N, duplicated N, raw re-sends N`. Lost or duplicated is an event of a package's revision or of a run \
that came never, or under two ids; an event that came twice under its id is a re-send, which receivers drop. \
Exit code 0: none lost, none duplicated, every run ended, and the catalogue is what the estate leads to.

Examples:
  cargo xtask crash
  cargo xtask crash --kills 1000 --seed 7
  cargo xtask crash --backend azure
  cargo xtask crash --reads feed
  cargo xtask crash --kills 20 --bug no_compare_and_swap    must fail: the bug is planted";

/// `cargo xtask crash`
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub(crate) struct Crash {
    /// How many kills
    #[arg(long, default_value_t = 50)]
    kills: usize,
    /// The seed of the changes and of the moments to kill at
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What keeps state and messages
    #[arg(long, value_enum, default_value_t = Backend::Sqlite)]
    backend: Backend,
    /// What the connection reads
    #[arg(long, value_enum, default_value_t = Reads::Arm)]
    reads: Reads,
    /// Plant a bug that this test has to find
    #[arg(long, value_enum)]
    bug: Option<Bug>,
    /// Keep the working folder, target/crash, also when nothing is wrong
    #[arg(long)]
    keep: bool,
}

/// What keeps state and messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Backend {
    /// A file
    Sqlite,
    /// The simulator's Service Bus and Azurite; the custom handler is killed under a Functions host
    Azure,
}

/// What the connection reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reads {
    /// The estate, through ARM
    Arm,
    /// The feed of an account that is shown everything
    Feed,
}

/// A mistake that can be planted into Poolwarden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Bug {
    /// Messages are acknowledged before their work is done
    AckBeforeState,
    /// Messages get a new id whenever they are sent
    RandomIds,
    /// Documents are overwritten whatever their version
    NoCompareAndSwap,
}

impl Bug {
    pub(crate) const ALL: [Self; 3] = [Self::AckBeforeState, Self::RandomIds, Self::NoCompareAndSwap];

    /// Its name where it is planted.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AckBeforeState => "ack_before_state",
            Self::RandomIds => "random_ids",
            Self::NoCompareAndSwap => "no_compare_and_swap",
        }
    }
}

/// What a crash test is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) kills: usize,
    pub(crate) seed: u64,
    pub(crate) backend: Backend,
    pub(crate) reads: Reads,
    pub(crate) bug: Option<Bug>,
    pub(crate) keep: bool,
}

/// How a crash test ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// `lost 0, duplicated 0, raw re-sends 12`
    pub(crate) result: String,
    /// What is not as it should be; empty when all is.
    pub(crate) faults: Vec<String>,
}

impl Crash {
    pub(crate) async fn run(&self) -> Result<()> {
        cargo::run(&[&["build"], &cargo::TESTED[..]].concat()).await?;
        if self.backend == Backend::Azure && !cfg!(feature = "functions-host") {
            return in_full(&Programs::of("debug")).await;
        }
        let Self { kills, seed, backend, reads, bug, keep } = *self;
        let plan = Plan { kills, seed, backend, reads, bug, keep };
        let outcome = run(&Programs::of("debug"), plan).await?;
        report(&outcome);
        if outcome.faults.is_empty() {
            Ok(())
        } else {
            bail!("{} faults; the files are in target/crash", outcome.faults.len())
        }
    }
}

/// Does the same with this program as it is built for the tests: with the host that is needed here.
async fn in_full(programs: &Programs) -> Result<()> {
    let mut command = tokio::process::Command::new(&programs.xtask);
    let status = command.args(std::env::args_os().skip(1)).kill_on_drop(true).status().await?;
    ensure!(status.success(), "the crash test ended with {status}");
    Ok(())
}

/// How many faults are printed.
const FAULTS: usize = 20;

/// Prints the result and what is wrong with it.
pub(crate) fn report(outcome: &Outcome) {
    println!("{}", outcome.result);
    for fault in outcome.faults.iter().take(FAULTS) {
        println!("  {fault}");
    }
    if outcome.faults.len() > FAULTS {
        println!("  … and {} more", outcome.faults.len() - FAULTS);
    }
}

/// Runs a crash test with programs that have the feature `fault-points`.
pub(crate) async fn run(programs: &Programs, plan: Plan) -> Result<Outcome> {
    let began = Instant::now();
    let mut stand = Stand::set_up(programs, plan).await?;
    let mut stalled = None;
    while stalled.is_none() && stand.tally.kills() < plan.kills {
        if let Ended::Never(run) = cycle::run(&mut stand, plan.kills).await? {
            stalled = Some(run);
        }
    }
    let outcome = match stalled {
        Some(run) => verdict::never_ends(&stand, &run).await?,
        None => verdict::judge(&mut stand).await?,
    };
    println!("{}; {:.1} s; seed {}", stand.tally, began.elapsed().as_secs_f64(), plan.seed);
    stand.tear_down(plan.keep || !outcome.faults.is_empty()).await?;
    Ok(outcome)
}
