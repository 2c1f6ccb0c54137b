//! `poolwarden classic roles`: what `Get-`, `New-` and `Remove-RdsRoleAssignment` do, with their parameters, and who can
//! do what by it.

mod change;
mod explain;
mod known;
mod list;
pub(super) mod source;

use super::Cli;
use anyhow::Context;
use clap::{Args, Subcommand};
use poolwarden_domain::delegated::Arguments;
use std::path::PathBuf;

const LIST: &str = "Examples:
  poolwarden classic roles list --connection old
  poolwarden classic roles list --tenant-name contoso --role-definition-name \"RDS Owner\"
  poolwarden classic roles list --from rds-roles.json --json      what `Get-RdsRoleAssignment | ConvertTo-Json` wrote

The options are the parameters of Get-RdsRoleAssignment. A scope's list holds what is made at it and below it.
A record that contradicts itself is listed with what contradicts what.
Exit codes: 0 listed, 1 failed, 2 listed, but something could not be read.";

const GRANT: &str = "Examples:
  poolwarden classic roles grant --tenant-name contoso --role-definition-name \"RDS Reader\" --sign-in-name adele@contoso.com
  poolwarden classic roles grant --tenant-name contoso --host-pool-name sales --role-definition-name \"RDS Operator\" --group-object-id 2f1c…

The options are the parameters of New-RdsRoleAssignment. Granting what is there already changes nothing and ends with 0;
of --diagnostics and --infrastructure that cannot be seen, so it is left to the service.
Exit codes: 0 granted or there already, 1 failed.";

const REVOKE: &str = "Example:
  poolwarden classic roles revoke --tenant-name contoso --role-definition-name \"RDS Reader\" --sign-in-name adele@contoso.com

The options are the parameters of Remove-RdsRoleAssignment. What --diagnostics and --infrastructure mean has no mark of
its own in the service's lists, so they go with --id, and so does what may be several. The last RDS Owner of a tenant group
or tenant stays.
Exit codes: 0 revoked or not there, 1 failed or refused.";

const EXPLAIN: &str = "Examples:
  poolwarden classic roles explain adele@contoso.com \"/Default Tenant Group/contoso/Sales pool\"
  poolwarden classic roles explain adele@contoso.com /group/contoso --from rds-roles.json --json

Exit codes: 0 answered, 1 failed, 2 answered, but something that bears on it could not be read.";

const WHO_CAN: &str = "Examples:
  poolwarden classic roles who-can change \"/Default Tenant Group/contoso/Sales pool\"
  poolwarden classic roles who-can Microsoft.RDS.Diagnostics/Read /group/contoso --from rds-roles.json

Words for what is asked most: see, change, delegate, see-diagnostics.
Exit codes: 0 answered, 1 failed, 2 answered, but something that bears on it could not be read.";

/// `poolwarden classic roles`
#[derive(Debug, Subcommand)]
pub(super) enum ClassicRoles {
    /// The role assignments (Get-RdsRoleAssignment)
    #[command(after_help = LIST)]
    List(list::List),
    /// Make a role assignment, unless it is there (New-RdsRoleAssignment)
    #[command(after_help = GRANT)]
    Grant(change::Grant),
    /// Remove a role assignment, if it is there (Remove-RdsRoleAssignment)
    #[command(after_help = REVOKE)]
    Revoke(change::Revoke),
    /// What somebody can do at a scope, and what proves it
    #[command(after_help = EXPLAIN)]
    Explain(explain::Explain),
    /// Everybody who can do something at a scope
    #[command(after_help = WHO_CAN)]
    WhoCan(explain::WhoCan),
}

impl ClassicRoles {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        match self {
            Self::List(command) => command.run(cli).await,
            Self::Grant(command) => command.run(cli).await,
            Self::Revoke(command) => command.run(cli).await,
            Self::Explain(command) => command.run(cli).await,
            Self::WhoCan(command) => command.run(cli).await,
        }
    }
}

/// The cmdlets' parameters.
#[derive(Debug, Args)]
struct Parameters {
    /// The Entra tenant that the service principal is a member of
    #[arg(long, value_name = "ID")]
    aad_tenant_id: Option<String>,
    /// The application group
    #[arg(long, value_name = "NAME")]
    app_group_name: Option<String>,
    /// The diagnostics scope; goes with --infrastructure or --tenant-name
    #[arg(long)]
    diagnostics: bool,
    /// The host pool
    #[arg(long, value_name = "NAME")]
    host_pool_name: Option<String>,
    /// The infrastructure scope
    #[arg(long)]
    infrastructure: bool,
    /// RDS Owner, RDS Contributor, RDS Reader or RDS Operator
    #[arg(long, value_name = "ROLE")]
    role_definition_name: Option<String>,
    /// The Entra application, by its id or name
    #[arg(long, value_name = "APPLICATION", visible_alias = "server-principle-name")]
    service_principal_name: Option<String>,
    /// The user, by the name that is signed in with
    #[arg(long, value_name = "UPN")]
    sign_in_name: Option<String>,
    /// The group, by its object id
    #[arg(long, value_name = "ID")]
    group_object_id: Option<String>,
    /// The tenant group [default: "Default Tenant Group"]
    #[arg(long, value_name = "NAME")]
    tenant_group_name: Option<String>,
    /// The tenant
    #[arg(long, value_name = "NAME")]
    tenant_name: Option<String>,
}

impl Parameters {
    fn arguments(&self) -> Arguments {
        Arguments {
            aad_tenant_id: self.aad_tenant_id.clone(),
            app_group_name: self.app_group_name.clone(),
            diagnostics: self.diagnostics,
            host_pool_name: self.host_pool_name.clone(),
            infrastructure: self.infrastructure,
            role_definition_name: self.role_definition_name.clone(),
            service_principal_name: self.service_principal_name.clone(),
            sign_in_name: self.sign_in_name.clone(),
            group_object_id: self.group_object_id.clone(),
            tenant_group_name: self.tenant_group_name.clone(),
            tenant_name: self.tenant_name.clone(),
        }
    }
}

/// Where the role assignments come from.
#[derive(Debug, Args)]
struct From {
    /// The connection [default: the only one of kind "classic"]
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// What `Get-RdsRoleAssignment | ConvertTo-Json` wrote, instead of the service: a file, or a folder of them
    #[arg(long, value_name = "FILE_OR_DIR", conflicts_with = "connection")]
    from: Option<PathBuf>,
}

impl From {
    fn source(&self) -> source::Source {
        match &self.from {
            Some(path) => source::Source::Files(path.clone()),
            None => source::Source::Connection(self.connection.clone()),
        }
    }
}

/// What the parameters ask for, or why they make no sense.
fn judged<T>(request: Result<T, poolwarden_domain::delegated::Refused>) -> anyhow::Result<T> {
    request.context("the parameters make no sense together")
}
