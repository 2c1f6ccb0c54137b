//! What the plain client is given to fetch, and how long it takes: the measure that runs are held against.

use super::stand::{self, Cost, Reads};
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

pub(super) fn write(folder: &Path, requests: &[Recorded]) -> Result<PathBuf> {
    let path = folder.join("requests.json");
    let requests: Vec<Value> = requests.iter().map(Recorded::to_json).collect();
    std::fs::write(&path, Value::from(requests).to_string())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// A plain fetch of everything recorded, by this program's release build: its seconds and the bytes it read.
pub(super) async fn fetch(
    programs: &Programs,
    reads: Reads,
    azure: &Simulator,
    recording: &Path,
) -> Result<(f64, u64)> {
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
