//! Where the classic service's role assignments come from: the service itself, or files that were saved.

use crate::commands::Cli;
use crate::commands::audit::chosen_of;
use crate::commands::output::visible;
use crate::commands::session::{Session, check, configuration};
use crate::config::Kind;
use crate::deps::Deps;
use anyhow::Context;
use poolwarden_azure::{ClassicRoles, RdsRead, read_rds_files};
use std::path::PathBuf;
use std::sync::Arc;

/// Where they come from.
#[derive(Debug, Clone)]
pub(in crate::commands) enum Source {
    /// A file, or a folder of files.
    Files(PathBuf),
    /// A connection of kind `classic`; none for the only one.
    Connection(Option<String>),
}

/// A connection of kind `classic`, open.
pub(super) struct Desk {
    pub(super) deps: Arc<Deps>,
    pub(super) name: String,
    pub(super) roles: ClassicRoles,
}

impl Desk {
    pub(super) fn open(cli: &Cli, connection: Option<&str>) -> anyhow::Result<Self> {
        let config = configuration(cli)?;
        let name = chosen_of(&config, connection, "classic", |kind| matches!(kind, Kind::Classic(_)))?;
        check(&config)?;
        let Session { deps, .. } = Session::open(config)?;
        deps.sources.forget_refusal(&name);
        let roles = deps.sources.classic_roles(&name).map_err(anyhow::Error::msg)?;
        Ok(Self { deps, name, roles })
    }
}

/// Reads them. What files hold besides is said, and no error.
pub(in crate::commands) async fn read_from(cli: &Cli, source: &Source) -> anyhow::Result<RdsRead> {
    match source {
        Source::Files(path) => {
            let read = read_rds_files(path).with_context(|| format!("cannot read {}", path.display()))?;
            for ignored in &read.ignored {
                eprintln!("not used: {}", visible(ignored));
            }
            Ok(read)
        }
        Source::Connection(name) => {
            let desk = Desk::open(cli, name.as_deref())?;
            let read = desk.roles.list(None).await;
            read.map_err(|reason| anyhow::anyhow!("the role assignments of {} could not be read: {reason}", desk.name))
        }
    }
}
