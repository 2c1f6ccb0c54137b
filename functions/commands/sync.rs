//! `poolwarden sync`: one run, now.

use super::serve::{host, no_http};
use super::session::{Session, configuration, configuration_or_empty};
use super::{COMPLETE, Cli, FAILED, INCOMPLETE, output, progress};
use crate::config::Config;
use crate::deps::Deps;
use crate::{keys, runs};
use anyhow::{Context, bail};
use clap::Args;
use jiff::Timestamp;
use poolwarden_domain::message::queue;
use poolwarden_domain::plan::Entry;
use poolwarden_domain::report::{ConnectionReport, PoolReport};
use poolwarden_domain::run::{Run, Source, Status, Trigger};
use serde::Serialize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const EXAMPLES: &str = "Examples:
  az login && poolwarden sync                 every connection of ./poolwarden.toml
  poolwarden sync --connection contoso --json one of them, for a script
  poolwarden sync --dry-run                   what would change, without changing it
  poolwarden sync --from exports/             files as Azure prints them instead of Azure itself

Exit codes: 0 complete, 1 failed, 2 incomplete or held.";

/// `poolwarden sync`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Sync {
    /// Only this connection; may be repeated [default: every enabled one]
    #[arg(long, value_name = "NAME")]
    connection: Vec<String>,
    /// Read JSON files from a folder instead of Azure: REST pages, `az … -o json`, single resources, recordings
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Ask for every application anew, even where nothing seems to have changed
    #[arg(long)]
    full: bool,
    /// Print what would change, and change nothing
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    /// If another process serves this store, wait until it has done the run
    #[arg(long)]
    wait: bool,
}

/// What `sync --json` prints.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    run: &'a str,
    status: Status,
    elapsed_ms: u64,
    peak_rss_bytes: Option<u64>,
    connections: Vec<&'a ConnectionReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    plan: Vec<Planned>,
}

/// A line of a dry run's plan.
#[derive(Debug, Serialize)]
struct Planned {
    connection: String,
    change: String,
    package: String,
    display_name: String,
}

impl Sync {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let began = Instant::now();
        let (config, connections) = self.choose(cli)?;
        let session = if self.dry_run { Session::open_dry(config)? } else { Session::open(config)? };
        let deps = &session.deps;
        let run = self.start(deps, &connections).await?;

        let guard = session.sqlite.try_become_host()?;
        if guard.is_none() && !self.wait {
            println!(
                "run {run} is queued for the process that serves this store; `poolwarden runs show {run}` follows it"
            );
            return Ok(COMPLETE);
        }
        let ended = if guard.is_some() {
            let hosting = host(&session, no_http()).await?.run(std::future::pending());
            let following = async {
                let ended = progress::follow(deps, &run, &connections, cli.json).await?;
                drained(deps).await?;
                anyhow::Ok(ended)
            };
            // Nothing is in flight once the queues are drained, so the host may be dropped where it stands.
            tokio::select! {
                hosted = hosting => bail!("the host stopped before the run ended: {hosted:?}"),
                ended = following => ended?,
            }
        } else {
            progress::follow(deps, &run, &connections, cli.json).await?
        };
        let plan = if self.dry_run { planned(deps, &ended).await? } else { Vec::new() };
        let reports: Vec<&ConnectionReport> =
            ended.iter().filter_map(|run| run.finished.as_ref()).map(|finished| &finished.report).collect();
        let summary = Summary {
            run: &run,
            status: reports.iter().map(|report| report.status).max().unwrap_or(Status::Complete),
            elapsed_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            peak_rss_bytes: peak_rss_bytes(),
            connections: reports,
            plan,
        };
        if cli.json {
            output::json(&summary)?;
        } else {
            print(&summary)?;
        }
        Ok(match summary.status {
            Status::Complete => COMPLETE,
            Status::Incomplete | Status::Held => INCOMPLETE,
            Status::Failed => FAILED,
        })
    }

    /// The configuration and the connections to run. Files need neither.
    fn choose(&self, cli: &Cli) -> anyhow::Result<(Config, Vec<String>)> {
        if self.from.is_some() {
            let config = configuration_or_empty(cli)?;
            return match self.connection.as_slice() {
                [] => Ok((config, vec!["offline".to_owned()])),
                [one] => Ok((config, vec![one.clone()])),
                _ => bail!("--from reads one estate: name one --connection"),
            };
        }
        let config = configuration(cli)?;
        let enabled = config.connections.iter().filter(|connection| connection.enabled);
        let all: Vec<String> = enabled.map(|connection| connection.name.clone()).collect();
        for name in &self.connection {
            if config.connection(name).is_none() {
                bail!("there is no connection {name:?}; the configuration has: {}", all.join(", "));
            }
        }
        let chosen = if self.connection.is_empty() { all } else { self.connection.clone() };
        if chosen.is_empty() {
            bail!("no connection is enabled; add a [[connection]] to the configuration");
        }
        Ok((config, chosen))
    }

    async fn start(&self, deps: &Deps, connections: &[String]) -> anyhow::Result<String> {
        let now: Timestamp = deps.now();
        let source = match &self.from {
            Some(dir) => {
                Source::Directory(dir.canonicalize().with_context(|| format!("cannot read {}", dir.display()))?)
            }
            None => Source::Azure,
        };
        let salt = poolwarden_domain::text::sha256_hex(format!("{now}/{}", std::process::id()).as_bytes());
        let id = format!("{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), &salt[..6]);
        for connection in connections {
            let run = Run::new(id.clone(), connection, Trigger::Command, source.clone(), now);
            let run = Run { full: self.full, ..run };
            // A person asks: a remembered refusal does not count.
            deps.sources.forget_refusal(connection);
            runs::start(deps, &run).await?;
        }
        Ok(id)
    }
}

/// Waits until no message is ready or under way; those scheduled for later are the next host's.
async fn drained(deps: &Deps) -> anyhow::Result<()> {
    for queue in queue::ALL {
        loop {
            let depth = deps.queues.depth(queue).await?;
            if depth.ready + depth.locked == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    Ok(())
}

/// What a dry run would have done.
async fn planned(deps: &Deps, runs: &[Run]) -> anyhow::Result<Vec<Planned>> {
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

fn print(summary: &Summary<'_>) -> anyhow::Result<()> {
    if !summary.plan.is_empty() {
        let rows = summary.plan.iter().map(|line| {
            [line.change.clone(), line.display_name.clone(), line.connection.clone(), line.package.clone()]
        });
        output::table(["WOULD BE", "PACKAGE", "CONNECTION", "KEY"], rows)?;
        println!();
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
            (packages.held + packages.unknown).to_string(),
            (report.requests.arm + report.requests.resource_graph).to_string(),
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
        super::runs::explain(report);
    }
    let changed: usize =
        summary.connections.iter().map(|r| r.packages.created + r.packages.updated + r.packages.retired).sum();
    let requests: u64 = summary.connections.iter().map(|r| r.requests.arm + r.requests.resource_graph).sum();
    let throttled: u64 = summary.connections.iter().map(|r| r.requests.throttled).sum();
    println!(
        "\nrun {}: {changed} changed, {requests} requests ({throttled} throttled), {:.2} s",
        summary.run,
        Duration::from_millis(summary.elapsed_ms).as_secs_f64()
    );
    Ok(())
}

/// The most memory this process has held, where the system tells.
fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
