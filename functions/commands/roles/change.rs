//! `poolwarden roles grant` and `poolwarden roles revoke`

use super::desk::{Desk, Role, Who};
use super::told::Outcome;
use super::{Of, owners};
use crate::commands::output::{self, say, visible};
use crate::commands::{COMPLETE, Cli};
use anyhow::{Context, bail};
use clap::Args;
use poolwarden_azure::{Around, Granted, NewRoleAssignment};
use poolwarden_domain::ArmId;
use poolwarden_domain::access::Assignment;
use serde::Serialize;

/// `poolwarden roles grant`
#[derive(Debug, Args)]
pub(in crate::commands) struct Grant {
    /// Where: an id, a subscription's GUID, or a name of the estate
    #[arg(long, value_name = "SCOPE")]
    scope: String,
    /// The role, by its GUID or name
    #[arg(long, value_name = "ROLE")]
    role: String,
    /// Whom: an object id, a user principal name, an application id or a name
    #[arg(long, value_name = "WHO")]
    principal: String,
    /// What that is (User, Group, ServicePrincipal, …); for one that was made just now and is not known everywhere yet
    #[arg(long, value_name = "TYPE")]
    principal_type: Option<String>,
    /// The condition under which the role is held
    #[arg(long, value_name = "CONDITION")]
    condition: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    of: Of,
}

/// `poolwarden roles revoke`
#[derive(Debug, Args)]
pub(in crate::commands) struct Revoke {
    /// The assignment, by its id
    #[arg(long, value_name = "ID", conflicts_with_all = ["scope", "role", "principal"], required_unless_present = "scope")]
    id: Option<String>,
    /// Where: an id, a subscription's GUID, or a name of the estate
    #[arg(long, value_name = "SCOPE", requires = "role", requires = "principal")]
    scope: Option<String>,
    /// The role, by its GUID or name
    #[arg(long, value_name = "ROLE", requires = "scope")]
    role: Option<String>,
    /// Whose: an object id, a user principal name, an application id or a name
    #[arg(long, value_name = "WHO", requires = "scope")]
    principal: Option<String>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    of: Of,
}

/// What became of one assignment.
#[derive(Debug, Serialize)]
struct Change {
    outcome: Outcome,
    id: Option<ArmId>,
    scope: Option<ArmId>,
    role: Option<Role>,
    principal: Option<Who>,
}

impl Grant {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let mut desk = Desk::open(cli, self.of.connection.as_deref()).await?;
        let scope = desk.scope(&self.scope).await?;
        let role = desk.role(&scope, &self.role).await?;
        let principal = desk.principal(&self.principal).await?;
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let new = NewRoleAssignment {
            scope: scope.clone(),
            role: role.id.clone(),
            principal: principal.id.clone(),
            principal_type: given(&self.principal_type).or_else(|| principal.kind.clone()),
            condition: given(&self.condition),
            description: given(&self.description),
        };
        let listed = desk.roles.list(&scope, Around::Of(&principal.id)).await.map_err(anyhow::Error::msg)?;
        let (outcome, id) = match listed.into_iter().find(|one| new.is(one)) {
            Some(one) if one.condition != new.condition => {
                let held =
                    one.condition.map_or_else(|| "no condition".to_owned(), |text| format!("the condition {text}"));
                bail!("{} holds the role there already, under {held}: revoke {} first", principal.name, one.id);
            }
            Some(one) => (Outcome::AlreadyGranted, one.id),
            None if self.dry_run => (Outcome::WouldGrant, new.id()),
            None => match desk.roles.grant(&new).await.map_err(anyhow::Error::msg)? {
                Granted::Made(id) => (Outcome::Granted, id),
                Granted::Already(id) => (Outcome::AlreadyGranted, id),
            },
        };
        let (role, principal) = (Some(role), Some(principal));
        show(&Change { outcome, id: Some(id), scope: Some(scope), role, principal }, cli.json)
    }
}

impl Revoke {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let mut desk = Desk::open(cli, self.of.connection.as_deref()).await?;
        let (found, mut change) = match &self.id {
            Some(id) => by_id(&desk, id).await?,
            None => self.by_what(&mut desk).await?,
        };
        let Some(one) = found else { return show(&change, cli.json) };
        let others = owners::check(&desk, &one).await?;
        change.id = Some(one.id.clone());
        change.outcome = if self.dry_run {
            Outcome::WouldRevoke
        } else {
            // It was there a moment ago: one that is gone now was removed by this, though the first answer was lost.
            let sent = desk.roles.revoke(&one.id).await;
            owners::look_again(&desk, &one, &others).await?;
            sent.map_err(anyhow::Error::msg)?;
            Outcome::Revoked
        };
        show(&change, cli.json)
    }

    async fn by_what(&self, desk: &mut Desk) -> anyhow::Result<(Option<Assignment>, Change)> {
        let (Some(scope), Some(role), Some(principal)) = (&self.scope, &self.role, &self.principal) else {
            bail!("give --id, or --scope with --role and --principal");
        };
        let scope = desk.scope(scope).await?;
        let role = desk.role(&scope, role).await?;
        let principal = desk.principal(principal).await?;
        let listed = desk.roles.list(&scope, Around::Of(&principal.id)).await.map_err(anyhow::Error::msg)?;
        let is_it = |one: &Assignment| {
            one.scope == scope && one.role.name().eq_ignore_ascii_case(&role.id) && one.principal.id == principal.id
        };
        let found = listed.into_iter().find(is_it);
        let (role, principal) = (Some(role), Some(principal));
        Ok((found, Change { outcome: Outcome::NotThere, id: None, scope: Some(scope), role, principal }))
    }
}

async fn by_id(desk: &Desk, text: &str) -> anyhow::Result<(Option<Assignment>, Change)> {
    let id = ArmId::from_outside(text.trim()).filter(|id| id.segment("roleAssignments").is_some());
    let id = id.with_context(|| {
        format!("{text:?} is no id of a role assignment: …/providers/Microsoft.Authorization/roleAssignments/…")
    })?;
    let found = desk.roles.get(&id).await.map_err(anyhow::Error::msg)?;
    let role = |one: &Assignment| Role { id: one.role.name().to_ascii_lowercase(), name: one.role.name().to_owned() };
    let change = Change {
        outcome: Outcome::NotThere,
        id: Some(id),
        scope: found.as_ref().map(|one| one.scope.clone()),
        role: found.as_ref().map(role),
        principal: found.as_ref().map(|one| desk.holder(one)),
    };
    Ok((found, change))
}

fn show(change: &Change, json: bool) -> anyhow::Result<u8> {
    if json {
        output::json(change)?;
        return Ok(COMPLETE);
    }
    match (&change.role, &change.principal, &change.scope) {
        (Some(role), Some(who), Some(scope)) => {
            let id = if who.name == who.id { String::new() } else { format!(" ({})", who.id) };
            say!("{}: {} to {}{id} at {scope}", change.outcome, visible(&role.name), visible(&who.name));
        }
        _ => say!("{}", change.outcome),
    }
    if let Some(id) = &change.id {
        say!("  {id}");
    }
    Ok(COMPLETE)
}
