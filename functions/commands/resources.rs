//! `poolwarden resources`: what the sources offer, whether or not the catalogue has a package of it.

use super::output::{self, say};
use super::session::{Session, configuration_or_empty};
use super::{COMPLETE, Cli};
use crate::deps::Deps;
use crate::{chosen, keys};
use anyhow::bail;
use clap::Subcommand;
use poolwarden_domain::ArmId;
use poolwarden_domain::package::PackageState;
use poolwarden_domain::plan::PoolIndex;
use poolwarden_domain::policy::Method;
use poolwarden_domain::published::published;
use poolwarden_domain::snapshot::PoolSnapshot;
use serde::Serialize;

/// `poolwarden resources`
#[derive(Debug, Subcommand)]
pub(super) enum Resources {
    /// Everything that was found, with its package or the reason why it has none
    #[command(
        after_help = "Examples:\n  poolwarden resources list\n  poolwarden resources list --connection reader --json"
    )]
    List {
        /// Only this connection's
        #[arg(long, value_name = "NAME")]
        connection: Option<String>,
    },
    /// Make packages of resources, where the connection's method is "on_demand"
    #[command(
        after_help = "Example:\n  poolwarden resources create-package excel-0123456789abcdef\n  poolwarden sync\n\nThe package is written by the connection's next run."
    )]
    CreatePackage {
        /// The keys that `resources list` shows
        #[arg(required = true)]
        keys: Vec<String>,
    },
}

/// One resource.
#[derive(Debug, Serialize)]
struct Line {
    connection: String,
    resource: ArmId,
    /// What its package is called, or would be; nothing if it cannot have one.
    name: Option<String>,
    /// The key of its package, if it has or may have one.
    key: Option<String>,
    /// `active` or `retired`; nothing if it has no package.
    package: Option<PackageState>,
    /// Why it has none and gets none.
    reason: Option<String>,
    #[serde(skip)]
    pool: String,
}

impl Resources {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let session = Session::open(configuration_or_empty(cli)?)?;
        match self {
            Self::List { connection } => list(&session.deps, connection.as_deref(), cli.json).await,
            Self::CreatePackage { keys } => create(&session.deps, keys, cli.json).await,
        }
    }
}

/// What the last looks found, of one connection or of all.
async fn found(deps: &Deps, connection: Option<&str>) -> anyhow::Result<Vec<Line>> {
    let prefix = connection.map_or_else(|| keys::SNAPSHOTS.to_owned(), keys::snapshots);
    let mut lines = Vec::new();
    let snapshots = deps.state().all::<PoolSnapshot>(&prefix).await?;
    for (name, snapshot) in snapshots.into_iter().filter(|(_, snapshot)| !snapshot.gone) {
        let connection = connection.unwrap_or_else(|| name.split('/').next().unwrap_or_default());
        let index: Option<PoolIndex> = deps.state().value(&keys::index(connection, &snapshot.facts.key)).await?;
        let line = |resource, name, key: Option<String>, reason| Line {
            connection: connection.to_owned(),
            package: key.as_ref().and_then(|key| Some(index.as_ref()?.rows.get(key)?.state)),
            pool: snapshot.facts.key.clone(),
            resource,
            name,
            key,
            reason,
        };
        let published = published(&snapshot, &deps.policy(connection));
        lines.extend(
            published
                .packages
                .into_iter()
                .map(|(key, content)| line(content.resource, Some(content.display_name), Some(key), None)),
        );
        lines.extend(published.not_published.into_iter().map(|not| line(not.resource, None, None, Some(not.reason))));
    }
    lines.sort_by(|a, b| (&a.connection, &a.name, &a.resource).cmp(&(&b.connection, &b.name, &b.resource)));
    Ok(lines)
}

async fn list(deps: &Deps, connection: Option<&str>, json: bool) -> anyhow::Result<u8> {
    let lines = found(deps, connection).await?;
    if json {
        output::json(&lines)?;
        return Ok(COMPLETE);
    }
    let rows = lines.into_iter().map(|line| {
        let package = match (line.package, &line.reason) {
            (Some(PackageState::Active), _) => "active".to_owned(),
            (Some(PackageState::Retired), _) => "retired".to_owned(),
            (None, Some(reason)) => format!("none: {reason}"),
            (None, None) => "none".to_owned(),
        };
        let name = line.name.unwrap_or_else(|| line.resource.name().to_owned());
        [name, line.connection, package, line.key.unwrap_or_default()]
    });
    output::table(["RESOURCE", "CONNECTION", "PACKAGE", "KEY"], rows)?;
    Ok(COMPLETE)
}

async fn create(deps: &Deps, wanted: &[String], json: bool) -> anyhow::Result<u8> {
    let lines = found(deps, None).await?;
    let chosen = choose(&lines, wanted, |connection| deps.policy(connection).method == Method::OnDemand)?;
    for line in &chosen {
        chosen::add(deps, &line.connection, &line.pool, line.key.as_deref().unwrap_or_default()).await?;
    }
    if json {
        output::json(&chosen)?;
    } else {
        say!("{} chosen; `poolwarden sync` makes the packages, or the connection's next run", chosen.len());
    }
    Ok(COMPLETE)
}

/// The resources of these keys, of every connection that makes packages on demand: several may offer the same one.
fn choose<'a>(
    lines: &'a [Line],
    wanted: &[String],
    is_on_demand: impl Fn(&str) -> bool,
) -> anyhow::Result<Vec<&'a Line>> {
    let mut chosen = Vec::new();
    for key in wanted {
        let (on_demand, others): (Vec<&Line>, Vec<&Line>) =
            lines.iter().filter(|line| line.key.as_ref() == Some(key)).partition(|line| is_on_demand(&line.connection));
        match (&on_demand[..], &others[..]) {
            ([], []) => bail!("no resource has the key {key:?}; `poolwarden resources list` shows those that have one"),
            ([], [other, ..]) => bail!(
                "connection {} makes a package of every resource by itself (method = \"synchronize\")",
                other.connection
            ),
            _ => chosen.extend(on_demand),
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_chosen_of_each_connection_that_makes_packages_on_demand() {
        let line = |connection: &str| Line {
            connection: connection.to_owned(),
            resource: ArmId::new("/r"),
            name: Some("Excel".to_owned()),
            key: Some("excel".to_owned()),
            package: None,
            reason: None,
            pool: "pool".to_owned(),
        };
        let lines = [line("all"), line("one"), line("two")];
        let chosen = |is_on_demand: fn(&str) -> bool, key: &str| {
            let chosen = choose(&lines, &[key.to_owned()], is_on_demand).map_err(|error| error.to_string())?;
            Ok(chosen.iter().map(|line| &*line.connection).collect::<Vec<_>>())
        };
        assert_eq!(chosen(|connection| connection != "all", "excel"), Ok(vec!["one", "two"]));
        let refused: Result<_, String> = chosen(|_| false, "excel");
        assert!(refused.unwrap_err().contains("connection all makes a package of every resource"));
        assert!(chosen(|_| true, "word").unwrap_err().contains("no resource has the key"));
    }
}
