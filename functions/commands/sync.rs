//! `poolwarden sync`: one run, now.

use super::output::{self, say};
use super::serve::{host, no_http};
use super::session::{Session, check, configuration, configuration_or_empty};
use super::summary::{self, Summary, peak_rss_bytes, planned};
use super::{COMPLETE, Cli, FAILED, INCOMPLETE, progress};
use crate::config::Config;
use crate::deps::Deps;
use crate::health;
use crate::runs;
use anyhow::{Context, bail};
use clap::Args;
use jiff::Timestamp;
use poolwarden_domain::message::queue;
use poolwarden_domain::report::ConnectionReport;
use poolwarden_domain::run::{Run, Source, Status, Trigger};
use poolwarden_store::{HostGuard, Sqlite};
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const EXAMPLES: &str = "Examples:
  az login && poolwarden sync                 every connection of ./poolwarden.toml
  poolwarden sync --connection contoso --json one of them, for a script
  poolwarden sync --dry-run                   what would change, without changing it
  poolwarden sync --apply                     apply what a connection with check_only has found
  poolwarden sync --from exports/             files as Azure prints them instead of Azure itself

Exit codes: 0 complete, 1 failed, 2 incomplete or held.";

/// How long `sync` tries to become the store's host before it leaves the run to the process that is.
const PATIENCE: Duration = Duration::from_millis(300);

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
    /// Apply what changed, also where the connection is set to check only
    #[arg(long, conflicts_with = "dry_run")]
    apply: bool,
    /// Print what would change, and change nothing
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    /// If another process serves this store (in Azure it always is one), wait until it has done the run
    #[arg(long)]
    wait: bool,
}

impl Sync {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let began = Instant::now();
        let (config, connections) = self.choose(cli)?;
        if !self.dry_run && self.from.is_none() {
            check(&config)?;
        }
        let session = if self.dry_run { Session::open_dry(config)? } else { Session::open(config)? };
        if self.from.is_some() && session.sqlite.is_none() {
            bail!(
                "files can only be read where the store is a file on this machine; use --dry-run, or a configuration with [store]"
            );
        }
        let deps = &session.deps;
        let run = self.start(deps, &connections).await?;

        let Some(ended) = self.carry_out(&session, &run, &connections, cli.json).await? else {
            if cli.json {
                output::json(&json!({ "run": run, "status": "queued", "connections": [] }))?;
            } else {
                say!(
                    "run {run} is queued for the process that serves this store; follow it with `poolwarden runs show {run}`"
                );
            }
            return Ok(COMPLETE);
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
            summary::print(&summary)?;
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

    /// The runs as they ended, or nothing if they are left to another process.
    async fn carry_out(
        &self,
        session: &Session,
        run: &str,
        connections: &[String],
        quiet: bool,
    ) -> anyhow::Result<Option<Vec<Run>>> {
        // Another `sync` that is about to end lets go of the store in a moment; a `serve` does not.
        let patience = match &session.sqlite {
            Some(_) if !self.wait => PATIENCE,
            // In Azure a run is always another process' to do.
            None if !self.wait => return Ok(None),
            _ => Duration::MAX,
        };
        let following = progress::follow(&session.deps, run, connections, quiet);
        let ended = tokio::select! {
            biased;
            guard = tokio::time::timeout(patience, become_host(session.sqlite.as_ref())) => match guard {
                Ok(guard) => {
                    let _guard = guard?;
                    host_until_ended(session, run, connections, quiet).await?
                }
                Err(_) => return Ok(None),
            },
            ended = following => ended?,
        };
        Ok(Some(ended))
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
            // A dry run changes nothing by itself, so it shows what would be applied.
            let run = Run { full: self.full, apply: self.apply || self.dry_run, ..run };
            // A person asks: a refusal from before does not count.
            if source == Source::Azure {
                health::allow_one_try(deps, connection).await?;
            }
            runs::start(deps, &run).await?;
        }
        Ok(id)
    }
}

/// The runs as they ended, with this process as the store's host.
async fn host_until_ended(
    session: &Session,
    run: &str,
    connections: &[String],
    quiet: bool,
) -> anyhow::Result<Vec<Run>> {
    let deps = &session.deps;
    let hosting = host(session, no_http()).await?.run(std::future::pending());
    let following = async {
        let ended = progress::follow(deps, run, connections, quiet).await?;
        if let Some(sqlite) = &session.sqlite {
            drained(sqlite).await?;
        }
        anyhow::Ok(ended)
    };
    // Nothing is in flight once the queues are drained, so the host may be dropped where it stands.
    tokio::select! {
        hosted = hosting => bail!("the host stopped before the run ended: {hosted:?}"),
        ended = following => ended,
    }
}

/// Waits until this process is the store's host.
async fn become_host(sqlite: Option<&Sqlite>) -> anyhow::Result<HostGuard> {
    let Some(sqlite) = sqlite else { return std::future::pending().await };
    loop {
        if let Some(guard) = sqlite.try_become_host()? {
            return Ok(guard);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until no message is ready or under way; those scheduled for later are the next host's. Messages only go
/// forward through the queues, so looking at them in that order misses none.
async fn drained(sqlite: &Sqlite) -> anyhow::Result<()> {
    loop {
        let mut left = 0;
        for queue in queue::ALL {
            let depth = sqlite.depth(queue).await?;
            left += depth.ready + depth.locked;
        }
        if left == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
