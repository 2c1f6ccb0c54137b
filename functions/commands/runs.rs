//! `poolwarden runs`: what happened, and letting a held run go on.

use super::session::{Session, configuration_or_empty};
use super::{COMPLETE, Cli, INCOMPLETE, output};
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
        println!("{} of {}, begun {}: {}", run.id, run.connection, output::when(run.started_at), status(run));
        if let Some(finished) = &run.finished {
            let (report, packages) = (&finished.report, &finished.report.packages);
            println!(
                "  host pools   {} found, {} read, {} unknown",
                report.pools.found, report.pools.read, report.pools.unknown
            );
            println!(
                "  packages     {} created, {} updated, {} unchanged, {} retired, {} held, {} unknown",
                packages.created,
                packages.updated,
                packages.unchanged,
                packages.retired,
                packages.held,
                packages.unknown
            );
            explain(report);
        }
    }
    Ok(COMPLETE)
}

/// Says what a report's numbers leave out: what could not be read, what is not published, what waits.
pub(super) fn explain(report: &ConnectionReport) {
    if let Some(error) = &report.error {
        println!("\n{}: nothing could be read: {}", report.name, output::visible(error));
    }
    section(
        "could not be read, so nothing was concluded from it",
        report.unknown_scopes.iter().map(|dark| format!("{}: {}", dark.scope, dark.reason)),
    );
    section("could not be written", report.failed_packages.iter().map(|(key, reason)| format!("{key}: {reason}")));
    not_published(report);
    section("files not understood", report.ignored_files.iter().cloned());
    if report.status == Status::Held {
        println!(
            "\n{} packages would be retired, more than the brake lets through; \
            `poolwarden runs approve RUN` lets it go on",
            report.packages.held
        );
    }
}

/// What is not published, by reason: how many, and the first few by name.
fn not_published(report: &ConnectionReport) {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for not in &report.not_published {
        let group = not.resource.segment("applicationGroups").unwrap_or_default();
        by_reason.entry(&not.reason).or_default().push(format!("{group}/{}", not.resource.name()));
    }
    let lines = by_reason.iter().map(|(reason, names)| {
        let more = if names.len() > NAMES { ", …" } else { "" };
        format!("{}: {reason} ({}{more})", names.len(), names[..names.len().min(NAMES)].join(", "))
    });
    let lines: Vec<String> = lines.collect();
    section("reason(s) why something is not published", lines.into_iter());
}

/// How many names stand for all that share a reason.
const NAMES: usize = 3;
/// How many lines of one kind are printed; `--json` has all of them.
const LINES: usize = 20;

fn section(title: &str, lines: impl ExactSizeIterator<Item = String>) {
    let all = lines.len();
    if all > 0 {
        println!("\n{all} {title}:");
    }
    for line in lines.take(LINES) {
        println!("  {}", output::visible(&line));
    }
    if all > LINES {
        println!("  … and {} more; --json lists them all", all - LINES);
    }
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
            println!("{} of {} goes on as soon as a process serves this store", run.id, run.connection);
        }
    }
    if approved == 0 {
        println!("nothing of run {id} is held");
        return Ok(INCOMPLETE);
    }
    Ok(COMPLETE)
}
