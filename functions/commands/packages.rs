//! `poolwarden packages`: the catalogue as a list, as one package, and as a folder of files.

use super::export::{self, Format};
use super::output::{self, say};
use super::session::{Session, configuration_or_empty};
use super::{COMPLETE, Cli};
use crate::deps::Deps;
use crate::keys;
use anyhow::bail;
use clap::Subcommand;
use poolwarden_domain::package::{Package, PackageState};
use poolwarden_domain::plan::{PoolIndex, Row};
use serde::Serialize;
use std::path::PathBuf;

/// `poolwarden packages`
#[derive(Debug, Subcommand)]
pub(super) enum Packages {
    /// Every package that is offered
    #[command(
        after_help = "Examples:\n  poolwarden packages list\n  poolwarden packages list --connection contoso --retired --json"
    )]
    List {
        /// Only this connection's
        #[arg(long, value_name = "NAME")]
        connection: Option<String>,
        /// Also those that were retired
        #[arg(long)]
        retired: bool,
    },
    /// One package in full: how to launch it, who may, and its history
    #[command(after_help = "Example:\n  poolwarden packages show excel-0123456789abcdef")]
    Show {
        /// The package's key, as `packages list` shows it
        key: String,
    },
    /// Write manifests, icons and their JSON Schema to a folder
    #[command(
        after_help = "Examples:\n  poolwarden packages export catalogue/\n  poolwarden packages export bundle/ --format application_workspace"
    )]
    Export {
        /// The folder: a new one, an empty one, or one that an earlier export wrote
        folder: PathBuf,
        /// Only this connection's
        #[arg(long, value_name = "NAME")]
        connection: Option<String>,
        /// What the folder is for
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// One line of the list.
#[derive(Debug, Serialize)]
struct Line {
    key: String,
    connection: String,
    host_pool: String,
    #[serde(flatten)]
    row: Row,
}

impl Packages {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let session = Session::open(configuration_or_empty(cli)?)?;
        let deps = &session.deps;
        match self {
            Self::List { connection, retired } => list(deps, connection.as_deref(), *retired, cli.json).await,
            Self::Show { key } => show(deps, key, cli.json).await,
            Self::Export { folder, connection, format } => {
                export::run(deps, folder, connection.as_deref(), *format, cli.json).await
            }
        }
    }
}

async fn list(deps: &Deps, connection: Option<&str>, retired: bool, json: bool) -> anyhow::Result<u8> {
    let prefix = connection.map_or_else(|| keys::INDEXES.to_owned(), keys::indexes);
    let mut lines = Vec::new();
    for (name, index) in deps.state().all::<PoolIndex>(&prefix).await? {
        let connection = connection.unwrap_or_else(|| name.split('/').next().unwrap_or_default());
        let rows = index.rows.into_iter().filter(|(_, row)| retired || row.state == PackageState::Active);
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
    if json {
        output::json(&lines)?;
        return Ok(COMPLETE);
    }
    let rows = lines.into_iter().map(|line| {
        let state = match line.row.state {
            PackageState::Active => format!("{:?}", line.row.stage),
            PackageState::Retired => "retired".to_owned(),
        };
        let kind = format!("{:?}", line.row.kind);
        [line.row.display_name, kind, line.host_pool, line.row.workspace, state, line.connection, line.key]
    });
    output::table(["PACKAGE", "KIND", "HOST POOL", "WORKSPACE", "STAGE", "CONNECTION", "KEY"], rows)?;
    Ok(COMPLETE)
}

async fn show(deps: &Deps, key: &str, json: bool) -> anyhow::Result<u8> {
    let mut found = Vec::new();
    for name in deps.state().names(keys::PACKAGES).await? {
        if let Some((connection, _)) = name.split_once('/').filter(|(_, package)| *package == key) {
            found.extend(deps.state().value::<Package>(&keys::package(connection, key)).await?);
        }
    }
    if found.is_empty() {
        bail!("there is no package {key:?}; `poolwarden packages list --retired` shows every one");
    }
    if json {
        output::json(&found)?;
        return Ok(COMPLETE);
    }
    for package in &found {
        print(package)?;
    }
    Ok(COMPLETE)
}

fn print(package: &Package) -> anyhow::Result<()> {
    let content = &package.content;
    let line = |name: &str, value: &str| -> anyhow::Result<()> {
        say!("  {name:<18} {}", output::visible(value));
        Ok(())
    };
    say!("{}", output::visible(&content.display_name));
    line("key", &package.key)?;
    line("connection", &package.connection)?;
    line("state", &format!("{:?}, {:?}", package.state, package.stage))?;
    line("kind", &format!("{:?}", content.kind))?;
    line("resource", content.resource.as_str())?;
    line("host pool", &format!("{} ({})", content.host_pool.name, content.host_pool.id))?;
    line("application group", &format!("{} ({})", content.application_group.name, content.application_group.id))?;
    line("workspace", &format!("{} ({})", content.workspace.name, content.workspace.id))?;
    if let Some(description) = &content.description {
        line("description", description)?;
    }
    if let Some(program) = &content.program {
        line("program", &program.path)?;
        line(
            "command line",
            &format!("{:?} {}", program.command_line, program.arguments.as_deref().unwrap_or_default()),
        )?;
    }
    let placeholder = if content.icon.placeholder { " (placeholder)" } else { "" };
    line("icon", &format!("{}{placeholder}", content.icon.sha256))?;
    for action in &content.launch {
        line("launch", &format!("{} ({:?}, {})", action.uri, action.with, action.versions))?;
    }
    match &content.entitlements {
        None => line("entitled", "unknown")?,
        Some(entitlements) if entitlements.is_empty() => line("entitled", "nobody")?,
        Some(entitlements) => {
            for entitled in entitlements {
                let condition = if entitled.conditional { ", on a condition" } else { "" };
                let principal = &entitled.principal;
                line(
                    "entitled",
                    &format!(
                        "{} {} as {} at {}{condition}",
                        principal.kind, principal.id, entitled.role, entitled.scope
                    ),
                )?;
            }
        }
    }
    for revision in &package.revisions {
        let fields =
            if revision.fields.is_empty() { String::new() } else { format!(": {}", revision.fields.join(", ")) };
        let who = match (&revision.by, &revision.run) {
            (Some(person), _) => person.clone(),
            (None, Some(run)) => format!("run {run}"),
            (None, None) => "nobody known".to_owned(),
        };
        let (change, at) = (format!("{:?}", revision.change).to_lowercase(), output::when(revision.at));
        line(&format!("revision {}", revision.number), &format!("{change} at {at} by {who}{fields}"))?;
    }
    Ok(())
}
