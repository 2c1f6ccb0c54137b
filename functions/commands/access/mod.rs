//! `poolwarden access`: who can do something, what somebody can do, and why.

pub(super) mod answers;
pub(super) mod resolve;

use super::Cli;
use super::audit::{Facts, SourceArgs, facts_of};
use clap::Subcommand;
use poolwarden_domain::access::World;
use resolve::Asked;

const WHO_CAN: &str = "Examples:
  poolwarden access who-can open hp-sales-desktop --stored
  poolwarden access who-can \"Virtual Machine Contributor\" hp-sales
  poolwarden access who-can Microsoft.DesktopVirtualization/hostPools/delete /subscriptions/…/hostPools/hp-sales
  poolwarden access who-can delegate /subscriptions/… --eligible --json

Words for what is asked most: open, sign-in, sign-in-as-administrator, change, let-hosts-join, delegate.
Exit codes: 0 answered, 1 failed, 2 answered, but something that bears on it could not be read.";

const OF: &str = "Examples:
  poolwarden access of adele@contoso.com --stored
  poolwarden access of \"AVD users\" --from exports/";

const EXPLAIN: &str = "Examples:
  poolwarden access explain adele@contoso.com hp-sales-desktop --stored
  poolwarden access explain 2f1c…-object-id /subscriptions/… --json";

/// `poolwarden access`
#[derive(Debug, Subcommand)]
pub(super) enum Access {
    /// Everybody who can do something, or holds a role, at a resource
    #[command(after_help = WHO_CAN)]
    WhoCan {
        /// An action, a role's name or GUID, or a word (see below)
        action_or_role: String,
        /// A resource by its id or its name
        resource: String,
        /// Take the action for one of the data plane
        #[arg(long)]
        data: bool,
        /// Also list those who could activate it (Privileged Identity Management)
        #[arg(long)]
        eligible: bool,
        #[command(flatten)]
        source: SourceArgs,
    },
    /// Everything that somebody holds, directly and through groups
    #[command(after_help = OF)]
    Of {
        /// An object id, a user principal name, an application id or a name
        principal: String,
        #[command(flatten)]
        source: SourceArgs,
    },
    /// What somebody can do at a resource, and what proves it
    #[command(after_help = EXPLAIN)]
    Explain {
        /// An object id, a user principal name, an application id or a name
        principal: String,
        /// A resource by its id or its name
        resource: String,
        #[command(flatten)]
        source: SourceArgs,
    },
}

impl Access {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let (Self::WhoCan { source, .. } | Self::Of { source, .. } | Self::Explain { source, .. }) = self;
        let Facts { facts, .. } = facts_of(cli, source, Some(false)).await?;
        let world = World::new(&facts);
        match self {
            Self::WhoCan { action_or_role, resource, data, eligible, .. } => {
                let scope = resolve::resource(&facts, resource)?;
                match resolve::asked(&world, action_or_role, *data)? {
                    Asked::Action(action) => {
                        let found = world.who_can(&action, &scope, *eligible);
                        answers::who_can(&world, &action, &scope, &found, cli.json)
                    }
                    Asked::Role(role) => answers::who_holds(&world, &scope, role.id.name(), *eligible, cli.json),
                }
            }
            Self::Of { principal, .. } => answers::of(&world, &resolve::principal(&facts, principal)?, cli.json),
            Self::Explain { principal, resource, .. } => {
                let (principal, scope) = (resolve::principal(&facts, principal)?, resolve::resource(&facts, resource)?);
                answers::explain(&world, &principal, &scope, cli.json)
            }
        }
    }
}
