//! What the plain client is given to fetch, and how long it takes: the measure that runs are held against.

use super::stand::{self, Cost, Reads, median};
use super::table::Table;
use super::tap::{Recorded, Tap};
use crate::cargo::Programs;
use crate::processes::capture;
use crate::simulator::Simulator;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// The plain client's connections.
pub(super) const CONNECTIONS: usize = 32;

/// A first run through a tap: every request it sends, and what it cost.
pub(super) async fn record(programs: &Programs, reads: Reads, azure: &Simulator) -> Result<(Vec<Recorded>, Cost)> {
    let tap = Tap::open(&azure.url).await?;
    let poolwarden = stand::install(programs, reads, &azure.url, &tap.url)?;
    let cost = stand::run(&poolwarden).await?;
    let requests = tap.recorded()?;
    ensure!(
        requests.len() as u64 == cost.requests,
        "{} requests went over the wire, and the run says {}",
        requests.len(),
        cost.requests
    );
    Ok((requests, cost))
}

fn write(folder: &Path, requests: &[Recorded]) -> Result<PathBuf> {
    let path = folder.join("requests.json");
    let requests: Vec<Value> = requests.iter().map(Recorded::to_json).collect();
    std::fs::write(&path, Value::from(requests).to_string())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// A plain fetch of everything recorded, by this program's release build: its seconds and the bytes it read.
async fn fetch(programs: &Programs, reads: Reads, azure: &Simulator, recording: &Path) -> Result<(f64, u64)> {
    let mut command = Command::new(&programs.xtask);
    command.args(["bench", "fetch", "--url", &azure.url, "--requests"]).arg(recording);
    if reads == Reads::Feed {
        command.arg("--feed");
    }
    let (status, out, err) = capture(&mut command).await?;
    ensure!(status.success(), "the plain client failed ({status}): {}", err.trim());
    let said: Value = serde_json::from_str(&out).context("the plain client printed something else than JSON")?;
    let elapsed_ms = said["elapsed_ms"].as_f64().context("the plain client does not say how long it took")?;
    Ok((elapsed_ms / 1000.0, said["bytes"].as_u64().unwrap_or_default()))
}

/// Runs and plain fetches, in turn over one simulator.
pub(super) struct Compared {
    firsts: Vec<Cost>,
    seconds: Vec<Cost>,
    plain: Vec<f64>,
    bytes: u64,
    requests: usize,
}

/// Measures first and second runs in empty folders, in turn with the plain client that fetches the same.
pub(super) async fn compare(
    programs: &Programs,
    reads: Reads,
    azure: &Simulator,
    folder: &Path,
    runs: u32,
) -> Result<Compared> {
    let (requests, _) = record(programs, reads, azure).await?;
    let recording = write(folder, &requests)?;
    let mut compared =
        Compared { firsts: Vec::new(), seconds: Vec::new(), plain: Vec::new(), bytes: 0, requests: requests.len() };
    for number in 1..=runs {
        let poolwarden = stand::install(programs, reads, &azure.url, &azure.url)?;
        let first = stand::run(&poolwarden).await?;
        let second = stand::run(&poolwarden).await?;
        ensure!(second.changed == 0, "a second run changed {} packages", second.changed);
        let (plain, bytes) = fetch(programs, reads, azure, &recording).await?;
        println!(
            "{number}/{runs}: first run {:.3} s, second run {:.3} s, plain client {plain:.3} s",
            first.seconds, second.seconds
        );
        compared.bytes = bytes;
        compared.firsts.push(first);
        compared.seconds.push(second);
        compared.plain.push(plain);
    }
    Ok(compared)
}

impl Compared {
    /// The medians as rows of the table; `what` names what was read.
    pub(super) fn rows(&self, what: &str, aim: &str, table: &mut Table) {
        let time = |costs: &[Cost]| median(costs.iter().map(|cost| cost.seconds));
        let peak = |costs: &[Cost]| costs.iter().map(|cost| cost.peak_rss_mib).fold(0.0, f64::max);
        let (first, second, plain) = (time(&self.firsts), time(&self.seconds), median(self.plain.iter().copied()));
        table.row(
            format!("{what}: first run ({} packages)", self.firsts[0].changed),
            format!("{first:.2} s, {} requests, peak {:.0} MiB", self.firsts[0].requests, peak(&self.firsts)),
        );
        table.row(
            format!("{what}: second run, nothing changed"),
            format!("{second:.2} s, {} requests, peak {:.0} MiB", self.seconds[0].requests, peak(&self.seconds)),
        );
        table.row(
            format!("{what}: a plain client, {CONNECTIONS} connections, fetching the same and dropping it"),
            format!("{plain:.2} s, {} requests, {:.1} MB", self.requests, self.bytes as f64 / 1e6),
        );
        table.row(format!("{what}: first run ÷ plain client{aim}"), format!("{:.2}", first / plain));
    }
}
