//! `cargo xtask bench pipeline`: whole runs over a simulated estate, in turn with a client that only fetches the same
//! pages, and at a distance that makes round trips and Azure's limits count.

use super::floor::Floor;
use super::plain;
use super::stand::{self, Reads, median};
use super::start;
use super::table::Table;
use crate::cargo::{self, Programs, fresh_folder};
use crate::simulator::Simulator;
use anyhow::Result;
use clap::Args;
use std::path::Path;

/// The distance at which the floor is measured, in milliseconds.
const RTT_MS: u32 = 20;
/// Runs at a distance take long and vary little.
const RUNS_AT_DISTANCE: usize = 3;
/// The estate whose reads exceed what Azure grants at once.
const DENSE: &str = "dense";

const ABOUT: &str = "\
It builds release binaries, and measures with the simulator in a process of its own on the same machine:
  - a whole first run into an empty store, and a second one: wall time, requests, peak memory;
  - in turn with that, a plain client that fetches the same pages over 32 connections;
  - the same first run 20 ms away, under Azure's own limits, against the least time it can take:
    max(longest chain of round trips × 20 ms, (reads of a subscription − 250) ÷ 25 a second);
  - the time from starting `poolwarden serve` to its first answer.
The result is a table in Markdown, of medians.

Examples:
  cargo xtask bench pipeline
  cargo xtask bench pipeline --estate small --runs 3";

/// `cargo xtask bench pipeline`
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub(crate) struct Pipeline {
    /// small, large, dense, or the path of an estate file
    #[arg(long, default_value = "large")]
    estate: String,
    /// How often each is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

impl Pipeline {
    pub(super) async fn run(&self) -> Result<()> {
        let packages = ["--package", "poolwarden", "--package", "simulator", "--package", "xtask"];
        cargo::run(&[&["build", "--release", "--features", "xtask/plain-client"], &packages[..]].concat()).await?;
        let programs = Programs::of("release");
        let folder = fresh_folder("bench")?;
        let mut table = Table::default();
        self.compare(&programs, &folder, &mut table).await?;
        at_distance(&programs, &folder, &self.estate, &mut table).await?;
        if self.estate != DENSE {
            at_distance(&programs, &folder, DENSE, &mut table).await?;
        }
        println!("\n{table}");
        println!("The embedded queue has a benchmark of its own: cargo bench --package poolwarden-store");
        Ok(())
    }

    /// Runs and plain fetches in turn, over one simulator and without delay.
    async fn compare(&self, programs: &Programs, folder: &Path, table: &mut Table) -> Result<()> {
        let azure = Simulator::start(programs, folder, &self.estate, &[]).await?;
        let compared = plain::compare(programs, Reads::Arm, &azure, folder, self.runs).await?;
        let poolwarden = stand::install(programs, Reads::Arm, &azure.url, &azure.url)?;
        stand::run(&poolwarden).await?;
        let start_ms = start::measure(&poolwarden).await?;
        azure.stop().await?;
        compared.rows(&format!("`{}`", self.estate), "", table);
        table.row("start of `poolwarden serve` to the first answered `GET /`".to_owned(), format!("{start_ms:.1} ms"));
        Ok(())
    }
}

/// First runs at a distance and under Azure's limits, against the least that they can take.
async fn at_distance(programs: &Programs, folder: &Path, estate: &str, table: &mut Table) -> Result<()> {
    let azure = Simulator::start(programs, folder, estate, &[]).await?;
    let floor = Floor::of(&plain::record(programs, Reads::Arm, &azure).await?.0)?;
    azure.stop().await?;
    let least = floor.seconds(RTT_MS);
    let mut costs = Vec::new();
    for number in 1..=RUNS_AT_DISTANCE {
        // A new simulator each time: the last run has used up what the limits grant at once.
        let azure =
            Simulator::start(programs, folder, estate, &["--rtt-ms", &RTT_MS.to_string(), "--throttle", "azure"])
                .await?;
        let poolwarden = stand::install(programs, Reads::Arm, &azure.url, &azure.url)?;
        let cost = stand::run(&poolwarden).await?;
        let stats = azure.stats().await?;
        azure.stop().await?;
        println!(
            "{number}/{RUNS_AT_DISTANCE}: {estate} at {RTT_MS} ms: {:.3} s, {} throttled, at least {least:.3} s; {} requests at once at most",
            cost.seconds, cost.throttled, stats["peak_concurrency"]
        );
        costs.push(cost);
    }
    let seconds = median(costs.iter().map(|cost| cost.seconds));
    table.row(
        format!("`{estate}`: first run, {RTT_MS} ms away, Azure's limits ({} requests)", costs[0].requests),
        format!("{seconds:.2} s, {} throttled", costs.iter().map(|cost| cost.throttled).max().unwrap_or_default()),
    );
    table.row(
        format!(
            "`{estate}`: … ÷ the least it can take: {} round trips in a row, {} reads in one subscription, {least:.2} s",
            floor.chain, floor.most_reads
        ),
        format!("{:.2}", seconds / least),
    );
    Ok(())
}
