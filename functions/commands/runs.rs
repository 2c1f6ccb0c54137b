//! `poolwarden runs`: what happened, and letting a held run go on.

use super::output::{self, say};
use super::session::{Session, configuration_or_empty};
use super::{COMPLETE, Cli, INCOMPLETE};
use crate::deps::Deps;
use crate::keys;
use crate::runs::send_finish;
use anyhow::bail;
use clap::Subcommand;
use poolwarden_domain::report::ConnectionReport;
use poolwarden_domain::run::{Run, Status};
use std::collections::BTreeMap;

/// `poolwarden runs`
#[derive(Debug, Subcommand)]
pub(super) enum Runs {
    /// Every run that is kept, newest first
    #[command(after_help = "Example:\n  poolwarden runs list --json")]
    List,
    /// One run in full: what was read, what changed, what could not be read and why
    #[command(after_help = "Example:\n  poolwarden runs show 20261122T081500Z-1a2b3c")]
    Show {
        /// The run's id, as `runs list` shows it
        run: String,
    },
    /// Let a held run retire what it would retire
    #[command(
        after_help = "Example:\n  poolwarden runs show 20261122T081500Z-1a2b3c\n  poolwarden runs approve 20261122T081500Z-1a2b3c"
    )]
    Approve {
        /// The run's id, as `runs list` shows it
        run: String,
        /// Only this connection's part
        #[arg(long, value_name = "NAME")]
        connection: Option<String>,
    },
}

impl Runs {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let session = Session::open(configuration_or_empty(cli)?)?;
        let deps = &session.deps;
        match self {
            Self::List => list(deps, cli.json).await,
            Self::Show { run } => show(deps, run, cli.json).await,
            Self::Approve { run, connection } => approve(deps, run, connection.as_deref()).await,
        }
    }
}

fn status(run: &Run) -> String {
    match &run.finished {
        Some(finished) => format!("{:?}", finished.report.status).to_lowercase(),
        None => "running".to_owned(),
    }
}

async fn list(deps: &Deps, json: bool) -> anyhow::Result<u8> {
    let mut runs: Vec<Run> = deps.state().all(keys::RUNS).await?.into_iter().map(|(_, run)| run).collect();
    runs.reverse();
    if json {
        output::json(&runs)?;
        return Ok(COMPLETE);
    }
    let rows = runs.iter().map(|run| {
        let packages = run.finished.as_ref().map(|finished| finished.report.packages).unwrap_or_default();
        [
            run.id.clone(),
            run.connection.clone(),
            output::when(run.started_at),
            status(run),
            packages.created.to_string(),
            packages.updated.to_string(),
            packages.retired.to_string(),
            packages.held.to_string(),
        ]
    });
    output::table(["RUN", "CONNECTION", "BEGAN", "STATUS", "CREATED", "UPDATED", "RETIRED", "HELD"], rows)?;
    Ok(COMPLETE)
}

/// The parts of a run, one a connection.
async fn parts(deps: &Deps, id: &str) -> anyhow::Result<Vec<Run>> {
    let parts: Vec<(String, Run)> = deps.state().all(&keys::run(id, "")).await?;
    if parts.is_empty() {
        bail!("there is no run {id:?}; `poolwarden runs list` shows those that are kept");
    }
    Ok(parts.into_iter().map(|(_, run)| run).collect())
}

async fn show(deps: &Deps, id: &str, json: bool) -> anyhow::Result<u8> {
    let parts = parts(deps, id).await?;
    if json {
        output::json(&parts)?;
        return Ok(COMPLETE);
    }
    for run in &parts {
        say!("{} of {}, begun {}: {}", run.id, run.connection, output::when(run.started_at), status(run));
        if let Some(finished) = &run.finished {
            let (report, packages) = (&finished.report, &finished.report.packages);
            say!(
                "  host pools   {} found, {} read, {} unknown",
                report.pools.found,
                report.pools.read,
                report.pools.unknown
            );
            say!(
                "  packages     {} created, {} updated, {} unchanged, {} retired, {} held, {} unknown",
                packages.created,
                packages.updated,
                packages.unchanged,
                packages.retired,
                packages.held,
                packages.unknown
            );
            explain(&run.id, report)?;
        }
    }
    Ok(COMPLETE)
}

/// Says what a report's numbers leave out: what could not be read, what is not published, what waits.
pub(super) fn explain(run: &str, report: &ConnectionReport) -> anyhow::Result<()> {
    if let Some(error) = &report.error {
        say!("\n{}: nothing could be read: {}", report.name, output::visible(error));
    }
    let dark = report.unknown_scopes.iter().map(|dark| format!("{}: {}", dark.scope, dark.reason)).collect();
    section("could not be read, so nothing was concluded from it", report.unknown_scopes.len(), dark)?;
    let failed = report.failed_packages.iter().map(|(key, reason)| format!("{key}: {reason}")).collect();
    section("could not be written", report.failed_packages.len(), failed)?;
    let waiting = report.waiting.iter().map(|waiting| {
        let change = format!("{:?}", waiting.change).to_lowercase();
        format!("{change}: {} ({})", output::visible(&waiting.display_name), waiting.key)
    });
    section("checked only: `poolwarden sync --apply` applies", report.waiting.len(), waiting.collect())?;
    section("not published", report.not_published.len(), reasons(report))?;
    section("files not understood", report.ignored_files.len(), report.ignored_files.clone())?;
    if report.status == Status::Held {
        let held = report.packages.held;
        say!("\n{held} packages would be retired, more than the brake lets through;");
        say!("`poolwarden runs approve {run}` lets it go on");
    }
    Ok(())
}

/// Why something is not published: of each reason how many, and the first few by name.
fn reasons(report: &ConnectionReport) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for not in &report.not_published {
        let group = not.resource.segment("applicationGroups").unwrap_or_default();
        by_reason.entry(&not.reason).or_default().push(format!("{group}/{}", not.resource.name()));
    }
    let lines = by_reason.iter().map(|(reason, names)| {
        let more = if names.len() > NAMES { ", …" } else { "" };
        format!("{} × {reason} ({}{more})", names.len(), names[..names.len().min(NAMES)].join(", "))
    });
    lines.collect()
}

/// How many names stand for all that share a reason.
const NAMES: usize = 3;
/// How many lines of one kind are printed; `--json` has all of them.
const LINES: usize = 20;

fn section(title: &str, count: usize, lines: Vec<String>) -> anyhow::Result<()> {
    if count > 0 {
        say!("\n{count} {title}:");
    }
    let all = lines.len();
    for line in lines.into_iter().take(LINES) {
        say!("  {}", output::visible(&line));
    }
    if all > LINES {
        say!("  … and {} more; --json lists them all", all - LINES);
    }
    Ok(())
}

async fn approve(deps: &Deps, id: &str, connection: Option<&str>) -> anyhow::Result<u8> {
    let mut approved = 0;
    for run in parts(deps, id).await? {
        if !run.held() || connection.is_some_and(|name| name != run.connection) {
            continue;
        }
        let now = deps.now();
        let recorded = deps
            .state()
            .change(&keys::run(&run.id, &run.connection), |existing: Option<Run>| {
                existing.filter(|run| run.approved_at.is_none()).map(|run| Run { approved_at: Some(now), ..run })
            })
            .await?;
        if let Some(run) = recorded {
            send_finish(deps, &run, "approved").await?;
            approved += 1;
            say!("{} of {} goes on as soon as a process serves this store", run.id, run.connection);
        }
    }
    if approved == 0 {
        say!("nothing of run {id} is held");
        return Ok(INCOMPLETE);
    }
    Ok(COMPLETE)
}
