//! `poolwarden classic`: what becomes of what Azure Virtual Desktop (classic) published.

use super::classic_roles::ClassicRoles;
use super::output::{self, say};
use super::session::{Session, configuration_or_empty};
use super::{COMPLETE, Cli, INCOMPLETE};
use crate::deps::Deps;
use crate::keys;
use anyhow::bail;
use clap::Subcommand;
use poolwarden_domain::classic::is_classic;
use poolwarden_domain::discovery::pool_key;
use poolwarden_domain::package::{Package, PackageState};
use poolwarden_domain::snapshot::PoolSnapshot;
use poolwarden_domain::successor::{Candidate, Offer, Successor, successors};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

const EXAMPLES: &str = "Examples:
  poolwarden classic successors --from old --to contoso
  poolwarden classic successors --from old --to contoso --json | jq '.packages[] | select(.outcome != \"found\")'

Exit codes: 0 each package has one successor, 2 some have none or several, 1 failed.";

/// `poolwarden classic`
#[derive(Debug, Subcommand)]
pub(super) enum Classic {
    /// For each package of the classic service, the package of Azure Resource Manager that takes its place
    ///
    /// It is found by the names of host pool, application group and application. Reads the catalogue only.
    #[command(after_help = EXAMPLES)]
    Successors {
        /// The connection whose classic packages are meant: of the classic service, of a feed or of saved files
        #[arg(long, value_name = "CONNECTION")]
        from: String,
        /// The connection that publishes what may take their place
        #[arg(long, value_name = "CONNECTION")]
        to: String,
    },
    /// Look at the classic service's role assignments, make and remove them, or ask who can do what
    #[command(subcommand)]
    Roles(Box<ClassicRoles>),
}

/// All that is found.
#[derive(Debug, Serialize)]
struct Mapping {
    from: String,
    to: String,
    found: usize,
    ambiguous: usize,
    unmatched: usize,
    packages: Vec<Line>,
}

/// One classic package.
#[derive(Debug, Serialize)]
struct Line {
    key: String,
    display_name: String,
    #[serde(flatten)]
    successor: Successor,
    /// The names of the packages that it names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    names: BTreeMap<String, String>,
    /// Why those that match do, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<&'static str>,
}

impl Classic {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let (from, to) = match self {
            Self::Successors { from, to } => (from, to),
            Self::Roles(roles) => return roles.run(cli).await,
        };
        let session = Session::open(configuration_or_empty(cli)?)?;
        let mapping = map(&session.deps, from, to).await?;
        if cli.json {
            output::json(&mapping)?;
        } else {
            print(&mapping)?;
        }
        Ok(if mapping.ambiguous + mapping.unmatched == 0 { COMPLETE } else { INCOMPLETE })
    }
}

/// The offered packages of a connection, those of the classic model or the others, with the names they are found by.
async fn offers(deps: &Deps, connection: &str, classic: bool) -> anyhow::Result<Vec<(Offer, Package)>> {
    let mut snapshots: HashMap<String, Option<PoolSnapshot>> = HashMap::new();
    let mut offers = Vec::new();
    for (key, package) in deps.state().all::<Package>(&keys::package(connection, "")).await? {
        if package.state != PackageState::Active || is_classic(&package.content.resource) != classic {
            continue;
        }
        let pool = pool_key(&package.content.host_pool.id);
        if !snapshots.contains_key(&pool) {
            let snapshot = deps.state().value(&keys::snapshot(connection, &pool)).await?;
            snapshots.insert(pool.clone(), snapshot);
        }
        offers.push((Offer::of(&key, &package.content, snapshots[&pool].as_ref()), package));
    }
    Ok(offers)
}

async fn map(deps: &Deps, from: &str, to: &str) -> anyhow::Result<Mapping> {
    let (old, new) = (offers(deps, from, true).await?, offers(deps, to, false).await?);
    if old.is_empty() {
        bail!(
            "connection {from:?} offers no package of the classic service; `poolwarden packages list` shows what it does"
        );
    }
    let plain = |offers: &[(Offer, Package)]| offers.iter().map(|(offer, _)| offer.clone()).collect::<Vec<_>>();
    let mut fates = successors(&plain(&old), &plain(&new));
    let names: HashMap<&str, &str> = old
        .iter()
        .chain(&new)
        .map(|(offer, package)| (offer.key.as_str(), package.content.display_name.as_str()))
        .collect();
    let mut mapping = Mapping {
        from: from.to_owned(),
        to: to.to_owned(),
        found: 0,
        ambiguous: 0,
        unmatched: 0,
        packages: Vec::new(),
    };
    for (offer, package) in &old {
        let Some(successor) = fates.remove(&offer.key) else { continue };
        let (candidates, rivals): (&[Candidate], &[String]) = match &successor {
            Successor::Found(candidate) => (std::slice::from_ref(candidate), &[]),
            Successor::Ambiguous { candidates, rivals } => (candidates, rivals),
            Successor::Unmatched { .. } => (&[], &[]),
        };
        let named = candidates.iter().map(|candidate| &candidate.package).chain(rivals);
        let names = named.filter_map(|key| Some((key.clone(), (*names.get(key.as_str())?).to_owned()))).collect();
        let because = candidates.first().map(|candidate| candidate.how.reason(offer.kind));
        match &successor {
            Successor::Found(_) => mapping.found += 1,
            Successor::Ambiguous { .. } => mapping.ambiguous += 1,
            Successor::Unmatched { .. } => mapping.unmatched += 1,
        }
        let display_name = package.content.display_name.clone();
        mapping.packages.push(Line { key: offer.key.clone(), display_name, successor, names, because });
    }
    mapping.packages.sort_by(|a, b| (&a.display_name, &a.key).cmp(&(&b.display_name, &b.key)));
    Ok(mapping)
}

fn print(mapping: &Mapping) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for line in &mapping.packages {
        let why = line.because.unwrap_or_default();
        let name = |key: &String| line.names.get(key).cloned().unwrap_or_default();
        match &line.successor {
            Successor::Found(candidate) => {
                rows.push([
                    line.display_name.clone(),
                    name(&candidate.package),
                    why.to_owned(),
                    candidate.package.clone(),
                ]);
            }
            Successor::Ambiguous { candidates, rivals } => {
                for candidate in candidates {
                    let also = rivals.iter().map(|key| format!("; so it does for {}", name(key))).collect::<String>();
                    let why = format!("ambiguous: {why}{also}");
                    rows.push([line.display_name.clone(), name(&candidate.package), why, candidate.package.clone()]);
                }
            }
            Successor::Unmatched { reason } => {
                rows.push([line.display_name.clone(), "none".to_owned(), reason.clone(), String::new()]);
            }
        }
    }
    output::table(["CLASSIC PACKAGE", "SUCCESSOR", "WHY", "KEY"], rows)?;
    say!(
        "\n{} have a successor, {} may have several or share one, {} have none",
        mapping.found,
        mapping.ambiguous,
        mapping.unmatched
    );
    Ok(())
}
