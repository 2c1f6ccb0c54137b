//! A connection whose role assignments are looked at or changed, and what people write, made into ids.

use crate::audit;
use crate::commands::Cli;
use crate::commands::access::resolve;
use crate::commands::audit::{chosen, read_now};
use crate::commands::output::when;
use crate::commands::session::{Session, check, configuration};
use crate::deps::Deps;
use anyhow::{Context, bail};
use poolwarden_azure::{RoleAssignments, Wanted};
use poolwarden_domain::ArmId;
use poolwarden_domain::access::{AccessFacts, Assignment, Definition, DirectoryObject, Facet, State, principal_id};
use serde::Serialize;
use std::sync::Arc;

/// The most roles that an error lists.
const MAX_CANDIDATES: usize = 10;

/// A connection of kind `arm`, open.
pub(super) struct Desk {
    pub(super) deps: Arc<Deps>,
    pub(super) name: String,
    pub(super) roles: RoleAssignments,
    facts: Option<AccessFacts>,
    quiet: bool,
}

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Who {
    /// The object id.
    pub(super) id: String,
    /// What people call it, as far as that is known.
    pub(super) name: String,
    /// `User`, `Group`, …, as far as that is known.
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Role {
    /// Its GUID, in lower case.
    pub(super) id: String,
    /// Its name.
    pub(super) name: String,
}

impl Desk {
    /// Opens the connection that is meant, with what was read of it last.
    pub(super) async fn open(cli: &Cli, connection: Option<&str>) -> anyhow::Result<Self> {
        let config = configuration(cli)?;
        let name = chosen(&config, connection)?;
        check(&config)?;
        let Session { deps, .. } = Session::open(config)?;
        deps.sources.forget_refusal(&name);
        let roles = deps.sources.role_assignments(&name).map_err(anyhow::Error::msg)?;
        let stored = audit::load(&deps, &name).await.map_err(anyhow::Error::msg)?;
        Ok(Self { deps, name, roles, facts: stored.map(|(_, kept)| kept.facts), quiet: cli.json })
    }

    /// What was read of the connection last; read now if nothing was.
    pub(super) async fn facts(&mut self) -> anyhow::Result<&AccessFacts> {
        if self.facts.is_none() {
            self.facts = Some(read_now(&self.deps, &self.name, false, self.quiet).await?);
        }
        self.facts.as_ref().context("facts were read just now")
    }

    /// A scope by its id, a subscription by its GUID, or something of the estate by its name.
    pub(super) async fn scope(&mut self, text: &str) -> anyhow::Result<ArmId> {
        let text = text.trim();
        if text.starts_with('/') {
            return resolve::resource(&AccessFacts::new(self.deps.now()), text);
        }
        if is_guid(text) {
            return Ok(ArmId::new(&format!("/subscriptions/{}", text.to_ascii_lowercase())));
        }
        let (was_stored, name) = (self.facts.is_some(), self.name.clone());
        let facts = self.facts().await?;
        let found = resolve::resource(facts, text);
        if !was_stored {
            return found;
        }
        let read_at = when(facts.read_at);
        found.with_context(|| format!("as {name} was read at {read_at}; `poolwarden audit` reads it anew"))
    }

    /// A role that can be assigned at a scope, by its GUID, id or name.
    pub(super) async fn role(&self, scope: &ArmId, text: &str) -> anyhow::Result<Role> {
        let definitions = self.roles.definitions(scope).await.map_err(anyhow::Error::msg)?;
        role_among(&definitions, scope, text)
    }

    /// A principal by its object id, user principal name, application id or name. Names change hands, so the directory
    /// says whose one is now; what was read before only where there is no directory to ask.
    pub(super) async fn principal(&self, text: &str) -> anyhow::Result<Who> {
        let text = text.trim();
        let directory = self.deps.sources.directory(&self.name);
        if (is_guid(text) || directory.is_none())
            && let Some(facts) = &self.facts
            && let Ok(id) = resolve::principal(facts, text)
        {
            return Ok(who(facts, id, None));
        }
        if is_guid(text) {
            let id = principal_id(text);
            return Ok(Who { name: id.clone(), id, kind: None });
        }
        let Some(directory) = directory else {
            bail!("nobody who was read is called {text:?}, and the directory is not read; write an object id");
        };
        let name = vec![text.to_owned()];
        let read = directory.read(&Wanted { names: name.clone(), people: name, ..Wanted::default() }, None).await;
        let unread = read.coverage.iter().find_map(|one| match &one.state {
            State::Unknown(reason) if one.facet == Facet::Principals => Some(reason.to_string()),
            _ => None,
        });
        let facts = AccessFacts { directory: read.directory, ..AccessFacts::new(self.deps.now()) };
        match (resolve::principal(&facts, text), unread) {
            (Ok(id), None) => Ok(who(&facts, id, None)),
            // Of two with the same name, one may be what could not be read; a user principal name is nobody else's.
            (Ok(id), Some(_)) if is_upn_of(&facts, &id, text) => Ok(who(&facts, id, None)),
            (_, Some(reason)) => bail!("who is called {text:?} could not be read ({reason}); write an object id"),
            (Err(_), None) if facts.directory.objects.is_empty() => {
                bail!("nobody in the directory is called {text:?}; write an object id, a user principal name or a name")
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Whoever an assignment is for.
    pub(super) fn holder(&self, one: &Assignment) -> Who {
        let kind = Some(one.principal.kind.clone()).filter(|kind| !kind.is_empty());
        match &self.facts {
            Some(facts) => who(facts, one.principal.id.clone(), kind),
            None => Who { id: one.principal.id.clone(), name: one.principal.id.clone(), kind },
        }
    }
}

fn who(facts: &AccessFacts, id: String, kind: Option<String>) -> Who {
    let object = facts.directory.objects.get(&id);
    let name = object.map_or_else(|| id.clone(), |object| object.name().to_owned());
    let known = object.map(|object| object.kind().to_owned()).filter(|kind| kind != "Other");
    Who { id, name, kind: known.or(kind) }
}

fn is_upn_of(facts: &AccessFacts, id: &str, text: &str) -> bool {
    let object = facts.directory.objects.get(id);
    matches!(object, Some(DirectoryObject::User { upn: Some(upn), .. }) if upn.eq_ignore_ascii_case(text))
}

/// Whether a text is 32 hexadecimal digits with dashes where a GUID has them.
pub(in crate::commands) fn is_guid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A role by its GUID, id or name, among those that can be assigned at a scope.
pub(super) fn role_among(definitions: &[Definition], scope: &ArmId, text: &str) -> anyhow::Result<Role> {
    let text = text.trim();
    let guid = text.rsplit('/').next().unwrap_or(text);
    let is_it = |one: &&Definition| one.name.eq_ignore_ascii_case(text) || one.id.name().eq_ignore_ascii_case(guid);
    let found: Vec<&Definition> = definitions.iter().filter(is_it).collect();
    match found.as_slice() {
        [one] => Ok(Role { id: one.id.name().to_ascii_lowercase(), name: one.name.clone() }),
        [] => {
            let words = |name: &str| name.to_lowercase().contains(&text.to_lowercase());
            let near: Vec<&str> = definitions
                .iter()
                .map(|one| one.name.as_str())
                .filter(|name| words(name))
                .take(MAX_CANDIDATES)
                .collect();
            let near = if near.is_empty() { String::new() } else { format!("; there are {}", near.join(", ")) };
            bail!("no role that can be assigned at {scope} is called {text:?}{near}")
        }
        several => {
            let ids: Vec<&str> = several.iter().take(MAX_CANDIDATES).map(|one| one.id.name()).collect();
            bail!("several roles are called {text:?}; name one by its GUID: {}", ids.join(", "))
        }
    }
}
