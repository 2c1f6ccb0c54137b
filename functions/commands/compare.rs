//! `poolwarden compare`: what one account is shown against what Azure Resource Manager lists.

use super::output::{self, say};
use super::session::{Session, configuration};
use super::{COMPLETE, Cli, INCOMPLETE};
use crate::config::Kind;
use crate::deps::Deps;
use crate::keys;
use anyhow::{Context, bail};
use clap::Args;
use poolwarden_domain::comparison::{Seen, Side, compare};
use poolwarden_domain::report::ReportedScope;
use poolwarden_domain::run::Run;
use poolwarden_domain::snapshot::PoolSnapshot;

const EXAMPLES: &str = "Examples:
  poolwarden sync --connection reader --connection contoso
  poolwarden compare reader                  with the connection that its `arm` names
  poolwarden compare reader --with contoso --json

It reads the store, not Azure: both connections must have run.
Exit codes: 0 no difference, 1 failed, 2 differences.";

/// `poolwarden compare`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Compare {
    /// A connection of kind "feed"
    feed: String,
    /// A connection of kind "arm" that sees the same estate [default: the one that `arm` names]
    #[arg(long, value_name = "NAME")]
    with: Option<String>,
}

/// One side, as the store has it.
struct Found {
    snapshots: Vec<PoolSnapshot>,
    unknown: Vec<ReportedScope>,
}

impl Compare {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let session = Session::open(configuration(cli)?)?;
        let deps = &session.deps;
        let configured = deps.config.connection(&self.feed);
        let configured = configured.with_context(|| format!("there is no connection {:?}", self.feed))?;
        let Kind::Feed(settings) = &configured.kind else {
            bail!("{} reads no feed; name a connection of kind \"feed\"", self.feed);
        };
        let arm = self.with.as_ref().or(settings.arm.as_ref()).with_context(|| {
            format!("{} names no connection to compare with: give it `arm = \"NAME\"`, or use --with NAME", self.feed)
        })?;
        if deps.config.connection(arm).is_none_or(|other| other.kind != Kind::Arm) {
            bail!("{arm} is no configured connection of kind \"arm\"");
        }
        let (feed, other) = (found(deps, &self.feed).await?, found(deps, arm).await?);
        let comparison = compare(feed.side(&self.feed), other.side(arm));
        if cli.json {
            output::json(&comparison)?;
        } else {
            let rows = comparison.differences.iter().map(|difference| {
                let seen = match difference.seen {
                    Seen::InFeedOnly => &self.feed,
                    Seen::InArmOnly => arm,
                };
                [
                    difference.name.clone(),
                    format!("{:?}", difference.kind),
                    difference.workspace.clone(),
                    format!("only {seen}"),
                    difference.reason.clone(),
                ]
            });
            output::table(["RESOURCE", "KIND", "WORKSPACE", "SEEN BY", "WHY"], rows)?;
            let count = comparison.differences.len();
            say!("\n{} in both, {count} in one of {} and {arm}", comparison.in_both, self.feed);
        }
        Ok(if comparison.differences.is_empty() { COMPLETE } else { INCOMPLETE })
    }
}

impl Found {
    fn side<'a>(&'a self, connection: &'a str) -> Side<'a> {
        Side { connection, snapshots: &self.snapshots, unknown: &self.unknown }
    }
}

/// What a connection's last whole run left in the store.
async fn found(deps: &Deps, connection: &str) -> anyhow::Result<Found> {
    let names = deps.state().names(keys::RUNS).await?;
    let ids = names.iter().rev().filter_map(|name| name.split_once('/')).filter(|(_, of)| *of == connection);
    for (id, of) in ids {
        let run: Option<Run> = deps.state().value(&keys::run(id, of)).await?;
        let Some(run) = run.filter(|run| !run.is_part()) else { continue };
        let Some(finished) = run.finished else { continue };
        if let Some(error) = finished.report.error {
            bail!("the last run of {connection} could read nothing, so there is nothing to compare: {error}");
        }
        let snapshots: Vec<(String, PoolSnapshot)> = deps.state().all(&keys::snapshots(connection)).await?;
        let (discovered, unknown) = (run.discovered.unwrap_or_default(), finished.report.unknown_scopes);
        // A pool that nobody published anything of is not looked for when the listing leaves it out.
        let is_there = |key: &String, snapshot: &PoolSnapshot| {
            let is_dark = || unknown.iter().any(|dark| snapshot.facts.pool.id.is_within(&dark.scope));
            let is_listed = || discovered.pools.contains(key) || discovered.carried.contains_key(key);
            !snapshot.gone && (is_listed() || is_dark())
        };
        let snapshots = snapshots.into_iter().filter(|(key, snapshot)| is_there(key, snapshot));
        let snapshots = snapshots.map(|(_, snapshot)| snapshot).collect();
        return Ok(Found { snapshots, unknown });
    }
    bail!("{connection} has not run yet; `poolwarden sync --connection {connection}` runs it")
}
