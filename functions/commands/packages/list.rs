//! The catalogue line by line, and what is in its recycle bin.

use crate::commands::COMPLETE;
use crate::commands::output;
use crate::deps::Deps;
use crate::keys;
use poolwarden_domain::package::PackageState;
use poolwarden_domain::plan::{PoolIndex, Row};
use serde::Serialize;

/// One line of the list.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) key: String,
    pub(super) connection: String,
    pub(super) host_pool: String,
    #[serde(flatten)]
    pub(super) row: Row,
}

/// Every line whose row is wanted, in order.
pub(super) async fn lines(
    deps: &Deps,
    connection: Option<&str>,
    wanted: impl Fn(&Row) -> bool,
) -> anyhow::Result<Vec<Line>> {
    let prefix = connection.map_or_else(|| keys::INDEXES.to_owned(), keys::indexes);
    let mut lines = Vec::new();
    for (name, index) in deps.state().all::<PoolIndex>(&prefix).await? {
        let connection = connection.unwrap_or_else(|| name.split('/').next().unwrap_or_default());
        let rows = index.rows.into_iter().filter(|(_, row)| wanted(row));
        lines.extend(rows.map(|(key, row)| Line {
            key,
            connection: connection.to_owned(),
            host_pool: index.label.clone(),
            row,
        }));
    }
    lines.sort_by(|a, b| {
        (&a.connection, &a.row.display_name, &a.key).cmp(&(&b.connection, &b.row.display_name, &b.key))
    });
    Ok(lines)
}

pub(super) async fn list(deps: &Deps, connection: Option<&str>, retired: bool, json: bool) -> anyhow::Result<u8> {
    let lines = lines(deps, connection, |row| retired || row.state == PackageState::Active).await?;
    if json {
        output::json(&lines)?;
        return Ok(COMPLETE);
    }
    let rows = lines.into_iter().map(|line| {
        let (state, kind) = (standing(&line.row), format!("{:?}", line.row.kind));
        [line.row.display_name, kind, line.host_pool, line.row.workspace, state, line.connection, line.key]
    });
    output::table(["PACKAGE", "KIND", "HOST POOL", "WORKSPACE", "STAGE", "CONNECTION", "KEY"], rows)?;
    Ok(COMPLETE)
}

/// How far it is let through, and what is not as usual about it.
fn standing(row: &Row) -> String {
    if row.state == PackageState::Retired {
        return row.retired_at.map_or_else(|| "retired".to_owned(), |at| format!("retired {}", output::when(at)));
    }
    let mut standing = format!("{:?}", row.stage);
    if let Some(to) = row.requested {
        standing += &format!(", {to:?} waits for approval");
    }
    if !row.managed {
        standing += ", unmanaged";
    }
    standing
}

pub(super) async fn bin(deps: &Deps, connection: Option<&str>, json: bool) -> anyhow::Result<u8> {
    let lines = lines(deps, connection, |row| row.state == PackageState::Retired).await?;
    if json {
        output::json(&lines)?;
        return Ok(COMPLETE);
    }
    let rows = lines.into_iter().map(|line| {
        let at = line.row.retired_at.map(output::when).unwrap_or_default();
        let by = line.row.retired_by.unwrap_or_else(|| "its source".to_owned());
        [line.row.display_name, line.host_pool, at, by, line.connection, line.key]
    });
    output::table(["PACKAGE", "HOST POOL", "RETIRED", "BY", "CONNECTION", "KEY"], rows)?;
    Ok(COMPLETE)
}
