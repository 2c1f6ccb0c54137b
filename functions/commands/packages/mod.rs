//! `poolwarden packages`: the catalogue as a list, as one package, and as a folder of files; and what persons do to it.
//! One file a group of verbs.

mod assign;
mod bin;
mod change;
mod edit;
mod list;
mod show;
mod stage;

use super::Cli;
use super::export::{self, Format};
use super::session::{Session, configuration_or_empty};
use clap::Subcommand;
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
    /// Let packages through to more people: Development, Test, Acceptance, Production
    #[command(after_help = stage::PROMOTE_HELP)]
    Promote(stage::Promote),
    /// Take packages back from people, at once
    #[command(after_help = stage::DEMOTE_HELP)]
    Demote(stage::Demote),
    /// Change what a package says, or whether it follows its source
    #[command(after_help = edit::HELP)]
    Edit(edit::Edit),
    /// Let somebody have packages, beside those whom the source entitles
    #[command(after_help = assign::ASSIGN_HELP)]
    Assign(assign::Assign),
    /// Take back what was assigned
    #[command(after_help = assign::UNASSIGN_HELP)]
    Unassign(assign::Unassign),
    /// Put packages into the recycle bin, until somebody restores them
    #[command(after_help = bin::RETIRE_HELP)]
    Retire(bin::Retire),
    /// Take packages out of the recycle bin: the same ones, with their history
    #[command(after_help = bin::RESTORE_HELP)]
    Restore(bin::Restore),
    /// What is in the recycle bin
    #[command(after_help = "Example:\n  poolwarden packages bin --connection contoso")]
    Bin {
        /// Only this connection's
        #[arg(long, value_name = "NAME")]
        connection: Option<String>,
    },
    /// Delete retired packages for good
    #[command(after_help = bin::PURGE_HELP)]
    Purge(bin::Purge),
}

impl Packages {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let session = Session::open(configuration_or_empty(cli)?)?;
        let deps = &session.deps;
        match self {
            Self::List { connection, retired } => list::list(deps, connection.as_deref(), *retired, cli.json).await,
            Self::Show { key } => show::show(deps, key, cli.json).await,
            Self::Export { folder, connection, format } => {
                export::run(deps, folder, connection.as_deref(), *format, cli.json).await
            }
            Self::Promote(command) => command.run(deps, cli.json).await,
            Self::Demote(command) => command.run(deps, cli.json).await,
            Self::Edit(command) => command.run(deps, cli.json).await,
            Self::Assign(command) => command.run(deps, cli.json).await,
            Self::Unassign(command) => command.run(deps, cli.json).await,
            Self::Retire(command) => command.run(deps, cli.json).await,
            Self::Restore(command) => command.run(deps, cli.json).await,
            Self::Bin { connection } => list::bin(deps, connection.as_deref(), cli.json).await,
            Self::Purge(command) => command.run(deps, cli.json).await,
        }
    }
}
