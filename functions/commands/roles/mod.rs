//! `poolwarden roles`: role assignments of Azure, looked at, made and removed at any scope, and those of the classic
//! service carried over.

mod change;
mod desk;
mod list;
mod migrate;
pub(super) mod owners;
pub(super) mod told;

use super::Cli;
use clap::{Args, Subcommand};
pub(super) use desk::is_guid;

const LIST: &str = "Examples:
  poolwarden roles list                                     everything in the connection's subscriptions and above them
  poolwarden roles list --scope hp-sales                    at a host pool and above it
  poolwarden roles list --scope /subscriptions/… --below --role Owner
  poolwarden roles list --principal adele@contoso.com --json

Exit codes: 0 listed, 1 failed, 2 listed, but something could not be read.";

const GRANT: &str = "Examples:
  poolwarden roles grant --scope hp-sales-desktop --role \"Desktop Virtualization User\" --principal \"AVD users\"
  poolwarden roles grant --scope /subscriptions/…/resourceGroups/rg --role Reader --principal adele@contoso.com --dry-run
  poolwarden roles grant --scope /subscriptions/… --role Contributor --principal 2f1c…-object-id --principal-type ServicePrincipal

Granting what is there already changes nothing and ends with 0.
Exit codes: 0 granted or there already, 1 failed.";

const REVOKE: &str = "Examples:
  poolwarden roles revoke --scope hp-sales-desktop --role \"Desktop Virtualization User\" --principal \"AVD users\"
  poolwarden roles revoke --id /subscriptions/…/providers/Microsoft.Authorization/roleAssignments/… --dry-run

The last Owner of a subscription stays: nobody could give access there again.
Exit codes: 0 revoked or not there, 1 failed or refused.";

/// `poolwarden roles`
#[derive(Debug, Subcommand)]
pub(super) enum Roles {
    /// The role assignments at a scope, of somebody, of a role
    #[command(after_help = LIST)]
    List(list::List),
    /// Make a role assignment, unless it is there
    #[command(after_help = GRANT)]
    Grant(change::Grant),
    /// Remove a role assignment, if it is there
    #[command(after_help = REVOKE)]
    Revoke(change::Revoke),
    /// What takes the place of the classic service's role assignments: as a plan, as commands, or made at once
    #[command(after_help = migrate::EXAMPLES)]
    Migrate(migrate::Migrate),
}

/// Which connection is meant.
#[derive(Debug, Args)]
struct Of {
    /// The connection [default: the only one of kind "arm"]
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
}

impl Roles {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        match self {
            Self::List(command) => command.run(cli).await,
            Self::Grant(command) => command.run(cli).await,
            Self::Revoke(command) => command.run(cli).await,
            Self::Migrate(command) => command.run(cli).await,
        }
    }
}
