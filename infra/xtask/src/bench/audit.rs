//! `cargo xtask bench audit`: the evaluation of access to a large tenant: sorting its facts, the whole access matrix, and
//! the whole audit.

mod whole;

use super::stand::median;
use super::table::Table;
use crate::cargo::{self, Programs};
use anyhow::{Context, Result, ensure};
use clap::Args;
use poolwarden_domain::access::{Answer, World, generator};
use serde_json::{Value, json};
use std::time::Instant;
use tokio::process::Command;

/// The sizes that are measured, in per cent of the full size.
const PERCENTS: [u32; 4] = [10, 25, 50, 100];
/// What the full size may take: seconds of one core.
const MOST_SECONDS: f64 = 2.0;
/// … and memory of the whole process, the facts included.
const MOST_MIB: f64 = 500.0;
/// The tenant that is measured.
const SEED: u64 = 5;

const ABOUT: &str = "\
It builds release binaries and measures each size in a process of its own, on one thread: a tenant of 100,000 role
assignments, 50,000 users and service principals, 10,000 groups nested five deep and with cycles, and 2,000 resources,
and of 10, 25 and 50 per cent of that. Measured are
  - sorting the facts (`World::new`),
  - the access matrix of six actions at every resource (`World::matrix`),
  - looking at every cell of it, row by row, groups spelled out,
as seconds of one core, and the peak memory of the process, which holds the facts too.
Then the whole audit by every rule about who may do what, with the overview of who reaches what: seconds of one core, the
peak memory, and the findings.
The result are two tables in Markdown, of medians, with the exponent of growth: the slope of the time, both in logarithms.

Examples:
  cargo xtask bench audit
  cargo xtask bench audit --runs 9";

/// `cargo xtask bench audit`
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub(crate) struct Audit {
    /// How often each size is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Measure this share of the full size, in per cent, in this process
    #[arg(long, hide = true)]
    percent: Option<u32>,
    /// … by the whole audit, and not by the matrix
    #[arg(long, hide = true, requires = "percent")]
    whole: bool,
}

/// What one size costs.
#[derive(Debug, Clone)]
struct Cost {
    world: f64,
    matrix: f64,
    walk: f64,
    wall: f64,
    facts_mib: f64,
    peak_mib: f64,
    cells: u64,
}

impl Audit {
    pub(super) async fn run(&self) -> Result<()> {
        if let Some(percent) = self.percent {
            println!("{}", if self.whole { whole::measure(percent)? } else { measure(percent)? });
            return Ok(());
        }
        cargo::run(&["build", "--release", "--package", "xtask"]).await?;
        let programs = Programs::of("release");
        let mut table = Table::default();
        let mut costs = Vec::new();
        for percent in PERCENTS {
            let mut runs = Vec::new();
            for _ in 0..self.runs {
                runs.push(measured_apart(&programs, percent).await?);
            }
            let of = |what: fn(&Cost) -> f64| median(runs.iter().map(what));
            let (world, matrix, walk, wall) =
                (of(|cost| cost.world), of(|cost| cost.matrix), of(|cost| cost.walk), of(|cost| cost.wall));
            let (facts_mib, peak_mib) = (of(|cost| cost.facts_mib), of(|cost| cost.peak_mib));
            let cost = Cost { world, matrix, walk, wall, facts_mib, peak_mib, cells: runs[0].cells };
            row(percent, &cost, &mut table);
            costs.push((f64::from(percent), cost));
        }
        let slope = |what: fn(&Cost) -> f64| slope(costs.iter().map(|(size, cost)| (*size, what(cost))));
        table.row("exponent of growth: time".to_owned(), format!("{:.2}", slope(Cost::seconds)));
        table.row("exponent of growth: peak memory".to_owned(), format!("{:.2}", slope(|cost| cost.peak_mib)));
        table.row("exponent of growth: cells".to_owned(), format!("{:.2}", slope(|cost| cost.cells as f64)));
        println!("\n{table}");
        let full = &costs[costs.len() - 1].1;
        ensure!(full.seconds() < MOST_SECONDS, "{:.2} s are more than {MOST_SECONDS} s", full.seconds());
        ensure!(full.peak_mib < MOST_MIB, "{:.0} MiB are more than {MOST_MIB} MiB", full.peak_mib);
        whole::run(&programs, self.runs).await
    }
}

impl Cost {
    /// Of one core.
    fn seconds(&self) -> f64 {
        self.world + self.matrix + self.walk
    }
}

fn row(percent: u32, cost: &Cost, table: &mut Table) {
    let (seconds, cells) = (cost.seconds(), cost.cells);
    table.row(
        format!("{percent} %: facts sorted + matrix + every cell looked at ({cells} cells that hold something)"),
        format!(
            "{:.3} + {:.3} + {:.3} = {seconds:.3} s of one core ({:.3} s on the clock)",
            cost.world, cost.matrix, cost.walk, cost.wall
        ),
    );
    table.row(
        format!("{percent} %: peak memory of the process"),
        format!("{:.0} MiB, of which {:.0} MiB are the facts", cost.peak_mib, cost.facts_mib),
    );
}

async fn measured_apart(programs: &Programs, percent: u32) -> Result<Cost> {
    let told = told_apart(programs, percent, &[]).await?;
    let number = |name: &str| number(&told, name);
    Ok(Cost {
        world: number("world")?,
        matrix: number("matrix")?,
        walk: number("walk")?,
        wall: number("wall")?,
        facts_mib: number("facts_mib")?,
        peak_mib: number("peak_mib")?,
        cells: told["cells"].as_u64().context("a measurement does not tell its cells")?,
    })
}

/// What a process of its own tells of one size.
async fn told_apart(programs: &Programs, percent: u32, more: &[&str]) -> Result<Value> {
    let size = percent.to_string();
    let mut command = Command::new(&programs.xtask);
    let output = command.args(["bench", "audit", "--percent", &size]).args(more).output().await;
    let output = output.with_context(|| format!("cannot start {}", programs.xtask.display()))?;
    ensure!(output.status.success(), "measuring {percent} % failed: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("a measurement is not JSON")
}

fn number(told: &Value, name: &str) -> Result<f64> {
    told[name].as_f64().with_context(|| format!("a measurement does not tell its {name}"))
}

/// Measures one size here. Seconds of the core are this thread's, so that other processes do not count.
fn measure(percent: u32) -> Result<Value> {
    let facts = generator::large(SEED, f64::from(percent) / 100.0);
    let (actions, scopes) = (generator::actions(), generator::resource_scopes(&facts));
    let facts_mib = memory_mib("VmRSS")?;
    let (began, start) = (Instant::now(), core_seconds()?);
    let world = World::new(&facts);
    let sorted = core_seconds()?;
    let matrix = world.matrix(&actions, &scopes);
    let built = core_seconds()?;
    let mut cells = 0_u64;
    for row in matrix.rows() {
        for held in &row.holders {
            let answers = (0..actions.len()).map(|action| held.masks.answer(action));
            cells += answers.filter(|answer| *answer != Answer::NotGranted).count() as u64;
        }
    }
    let walked = core_seconds()?;
    Ok(json!({
        "world": sorted - start,
        "matrix": built - sorted,
        "walk": walked - built,
        "wall": began.elapsed().as_secs_f64(),
        "facts_mib": facts_mib,
        "peak_mib": memory_mib("VmHWM")?,
        "cells": cells,
    }))
}

/// How long this thread has had a core.
fn core_seconds() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").context("cannot read the thread's time")?;
    let nanoseconds = text.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
    Ok(nanoseconds.context("the thread's time is not a number")? as f64 / 1e9)
}

/// A line of what the kernel says of this process's memory.
fn memory_mib(name: &str) -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/status").context("cannot read the process's memory")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    Ok(kib.with_context(|| format!("the kernel does not tell {name}"))? / 1024.0)
}

/// The slope of the line that fits best through the logarithms of both: 1 is linear growth, 2 quadratic.
fn slope(points: impl Iterator<Item = (f64, f64)>) -> f64 {
    let points: Vec<(f64, f64)> = points.map(|(size, cost)| (size.ln(), cost.ln())).collect();
    let count = points.len() as f64;
    let (x, y) =
        (points.iter().map(|one| one.0).sum::<f64>() / count, points.iter().map(|one| one.1).sum::<f64>() / count);
    let both: f64 = points.iter().map(|one| (one.0 - x) * (one.1 - y)).sum();
    both / points.iter().map(|one| (one.0 - x).powi(2)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn the_exponent_of_growth_is_that_of_the_power() {
        for exponent in [1.0, 1.5, 2.0] {
            let points = [10.0_f64, 25.0, 50.0, 100.0].map(|size| (size, 3.0 * size.powf(exponent)));
            assert!((slope(points.into_iter()) - exponent).abs() < 1e-9);
        }
    }
}
