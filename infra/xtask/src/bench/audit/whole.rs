//! The whole audit: every rule about who may do what, and the overview of who reaches what.

use super::super::stand::median;
use super::super::table::Table;
use super::{PERCENTS, SEED, core_seconds, memory_mib, number, slope, told_apart};
use crate::cargo::Programs;
use anyhow::{Result, ensure};
use poolwarden_domain::access::generator;
use poolwarden_domain::audit::{AuditPolicy, Family, audit};
use serde_json::{Value, json};

/// What the full size may take: seconds of one core.
const MOST_SECONDS: f64 = 20.0;
/// … and memory of the whole process, the facts and the report included.
const MOST_MIB: f64 = 1_024.0;

/// What one size costs.
struct Cost {
    seconds: f64,
    peak_mib: f64,
    findings: f64,
}

/// Measures every size, each in a process of its own.
pub(super) async fn run(programs: &Programs, runs: u32) -> Result<()> {
    let mut table = Table::default();
    let mut costs: Vec<(f64, Cost)> = Vec::new();
    for percent in PERCENTS {
        let (mut seconds, mut peaks, mut findings) = (Vec::new(), Vec::new(), 0.0);
        for _ in 0..runs {
            let told = told_apart(programs, percent, &["--whole"]).await?;
            seconds.push(number(&told, "seconds")?);
            peaks.push(number(&told, "peak_mib")?);
            findings = number(&told, "findings")?;
        }
        let cost = Cost { seconds: median(seconds), peak_mib: median(peaks), findings };
        table.row(
            format!("{percent} %: whole audit ({findings} findings)"),
            format!("{:.2} s of one core, {:.0} MiB at most", cost.seconds, cost.peak_mib),
        );
        costs.push((f64::from(percent), cost));
    }
    let slope = |what: fn(&Cost) -> f64| slope(costs.iter().map(|(size, cost)| (*size, what(cost))));
    table.row("exponent of growth: time".to_owned(), format!("{:.2}", slope(|cost| cost.seconds)));
    table.row("exponent of growth: peak memory".to_owned(), format!("{:.2}", slope(|cost| cost.peak_mib)));
    table.row("exponent of growth: findings".to_owned(), format!("{:.2}", slope(|cost| cost.findings)));
    println!("\n{table}");
    let full = &costs[costs.len() - 1].1;
    ensure!(full.seconds < MOST_SECONDS, "{:.2} s are more than {MOST_SECONDS} s", full.seconds);
    ensure!(full.peak_mib < MOST_MIB, "{:.0} MiB are more than {MOST_MIB} MiB", full.peak_mib);
    Ok(())
}

/// Measures one size here.
pub(super) fn measure(percent: u32) -> Result<Value> {
    let facts = generator::large(SEED, f64::from(percent) / 100.0);
    let start = core_seconds()?;
    let report = audit("generated", &facts, &AuditPolicy::default(), &[Family::Rbac], facts.read_at);
    Ok(json!({
        "seconds": core_seconds()? - start,
        "findings": report.findings.len(),
        "peak_mib": memory_mib("VmHWM")?,
    }))
}
