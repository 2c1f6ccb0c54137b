//! `poolwarden roles list`

use super::Of;
use super::desk::{Desk, Who, role_among};
use super::told::Listing;
use crate::commands::Cli;
use clap::Args;
use poolwarden_azure::Around;
use poolwarden_domain::ArmId;
use poolwarden_domain::access::{Assignment, Definition};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// `poolwarden roles list`
#[derive(Debug, Args)]
pub(in crate::commands) struct List {
    /// Where: an id, a subscription's GUID, or a name of the estate [default: the connection's subscriptions, and all below]
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// Also what is made below the scope
    #[arg(long, requires = "scope")]
    below: bool,
    /// Only what this one holds directly: an object id, a user principal name or a name
    #[arg(long, value_name = "WHO")]
    principal: Option<String>,
    /// Only this role, by its GUID or name
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    #[command(flatten)]
    of: Of,
}

/// One assignment.
#[derive(Debug, Serialize)]
struct Line {
    id: ArmId,
    scope: ArmId,
    role: String,
    role_name: String,
    principal: Who,
    condition: Option<String>,
    description: Option<String>,
}

impl Line {
    fn row(&self) -> [String; 5] {
        let kind = self.principal.kind.clone().unwrap_or_default();
        let condition = if self.condition.is_some() { "conditional" } else { "" };
        [self.role_name.clone(), self.principal.name.clone(), kind, condition.to_owned(), self.scope.to_string()]
    }
}

impl List {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let mut desk = Desk::open(cli, self.of.connection.as_deref()).await?;
        let scopes = match &self.scope {
            Some(scope) => vec![desk.scope(scope).await?],
            None => subscriptions(&desk).await?,
        };
        let principal = match &self.principal {
            Some(text) => Some(desk.principal(text).await?),
            None => None,
        };
        let around = match &principal {
            Some(principal) => Around::Of(&principal.id),
            None if self.below || self.scope.is_none() => Around::AboveAndBelow,
            None => Around::Above,
        };
        let (mut found, mut unknown) = (BTreeMap::new(), BTreeSet::new());
        let mut definitions: BTreeMap<String, Definition> = BTreeMap::new();
        for scope in &scopes {
            match desk.roles.look(scope, around).await {
                Ok((listed, dark)) => {
                    found.extend(listed.into_iter().map(|one| ((one.scope.clone(), one.id.clone()), one)));
                    unknown.extend(dark.iter().map(ToString::to_string));
                }
                Err(reason) if scopes.len() > 1 => drop(unknown.insert(reason.to_string())),
                Err(reason) => return Err(anyhow::Error::msg(reason)),
            }
            match desk.roles.definitions(scope).await {
                Ok(listed) => {
                    definitions.extend(listed.into_iter().map(|one| (one.id.name().to_ascii_lowercase(), one)));
                }
                // Roles go by their GUIDs then.
                Err(reason) => drop(unknown.insert(reason.to_string())),
            }
        }
        let role = match (&self.role, scopes.first()) {
            (Some(text), Some(scope)) => {
                let all: Vec<Definition> = definitions.values().cloned().collect();
                Some(role_among(&all, scope, text)?.id)
            }
            _ => None,
        };
        let is_wanted = |one: &Assignment| {
            // Asked about one principal, Azure lists what is below the scope too.
            let applies = self.scope.is_none() || self.below || scopes.iter().any(|scope| !is_below(&one.scope, scope));
            applies && role.as_ref().is_none_or(|role| one.role.name().eq_ignore_ascii_case(role))
        };
        let assignments = found.into_values().filter(is_wanted).map(|one| line(&desk, &definitions, one)).collect();
        let listing = Listing { assignments, unknown: unknown.into_iter().collect() };
        listing.show(cli.json, ["ROLE", "WHO", "TYPE", "", "AT"], Line::row, |_| Vec::new())
    }
}

fn is_below(scope: &ArmId, other: &ArmId) -> bool {
    scope != other && scope.is_within(other)
}

/// The subscriptions that the connection covers.
async fn subscriptions(desk: &Desk) -> anyhow::Result<Vec<ArmId>> {
    let configured = desk.deps.config.connection(&desk.name).map(|connection| connection.subscriptions.clone());
    let configured = configured.unwrap_or_default();
    if !configured.is_empty() {
        return Ok(configured.iter().map(|id| ArmId::new(&format!("/subscriptions/{id}"))).collect());
    }
    let all = desk.roles.subscriptions().await.map_err(anyhow::Error::msg)?;
    Ok(all.into_iter().map(|(id, _)| id).collect())
}

fn line(desk: &Desk, definitions: &BTreeMap<String, Definition>, one: Assignment) -> Line {
    let role = one.role.name().to_ascii_lowercase();
    let role_name = definitions.get(&role).map_or_else(|| role.clone(), |definition| definition.name.clone());
    let principal = desk.holder(&one);
    Line {
        id: one.id,
        scope: one.scope,
        role,
        role_name,
        principal,
        condition: one.condition,
        description: one.description,
    }
}
