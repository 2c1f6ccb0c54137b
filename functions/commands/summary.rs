//! What `poolwarden sync` says at its end.

use super::output::{self, say};
use crate::deps::Deps;
use crate::keys;
use poolwarden_domain::plan::Entry;
use poolwarden_domain::report::{ConnectionReport, PoolReport};
use poolwarden_domain::run::{Run, Status};
use serde::Serialize;
use std::time::Duration;

/// What `sync --json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'a> {
    pub(super) run: &'a str,
    pub(super) status: Status,
    pub(super) elapsed_ms: u64,
    pub(super) peak_rss_bytes: Option<u64>,
    pub(super) connections: Vec<&'a ConnectionReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) plan: Vec<Planned>,
}

/// A line of a dry run's plan.
#[derive(Debug, Serialize)]
pub(super) struct Planned {
    connection: String,
    change: String,
    package: String,
    display_name: String,
}

/// What a dry run would have done.
pub(super) async fn planned(deps: &Deps, runs: &[Run]) -> anyhow::Result<Vec<Planned>> {
    let state = deps.state();
    let mut planned = Vec::new();
    for run in runs {
        let line = |change: &str, package: &str, display_name: &str| Planned {
            connection: run.connection.clone(),
            change: change.to_owned(),
            package: package.to_owned(),
            display_name: display_name.to_owned(),
        };
        let plans: Vec<(String, Vec<Entry>)> = state.all(&keys::plans(&run.id, &run.connection)).await?;
        for entry in plans.iter().flat_map(|(_, entries)| entries) {
            let change = format!("{:?}", entry.change).to_lowercase();
            planned.push(line(&change, &entry.key, &entry.content.display_name));
        }
        let pools: Vec<(String, PoolReport)> = state.all(&keys::pool_reports(&run.id, &run.connection)).await?;
        planned.extend(pools.iter().flat_map(|(_, pool)| &pool.plan.retire).map(|key| line("retired", key, "")));
    }
    Ok(planned)
}

pub(super) fn print(summary: &Summary<'_>) -> anyhow::Result<()> {
    if !summary.plan.is_empty() {
        let rows = summary.plan.iter().map(|line| {
            [line.change.clone(), line.display_name.clone(), line.connection.clone(), line.package.clone()]
        });
        output::table(["WOULD BE", "PACKAGE", "CONNECTION", "KEY"], rows)?;
        say!();
    }
    let rows = summary.connections.iter().map(|report| {
        let packages = &report.packages;
        [
            report.name.clone(),
            format!("{:?}", report.status).to_lowercase(),
            format!("{}/{}", report.pools.read, report.pools.found),
            report.session_hosts.to_string(),
            report.resources.to_string(),
            packages.created.to_string(),
            packages.updated.to_string(),
            packages.unchanged.to_string(),
            packages.retired.to_string(),
            (packages.held + packages.waiting + packages.unknown).to_string(),
            report.requests.total().to_string(),
        ]
    });
    let headings = [
        "CONNECTION",
        "STATUS",
        "POOLS READ",
        "HOSTS",
        "RESOURCES",
        "CREATED",
        "UPDATED",
        "UNCHANGED",
        "RETIRED",
        "LEFT",
        "REQUESTS",
    ];
    output::table(headings, rows)?;
    for report in &summary.connections {
        super::runs::explain(summary.run, report)?;
    }
    let changed: usize =
        summary.connections.iter().map(|r| r.packages.created + r.packages.updated + r.packages.retired).sum();
    let requests: u64 = summary.connections.iter().map(|r| r.requests.total()).sum();
    let throttled: u64 = summary.connections.iter().map(|r| r.requests.throttled).sum();
    say!(
        "\nrun {}: {changed} changed, {requests} requests ({throttled} throttled), {:.2} s",
        summary.run,
        Duration::from_millis(summary.elapsed_ms).as_secs_f64()
    );
    Ok(())
}

/// The most memory this process has held, where the system tells.
pub(super) fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
