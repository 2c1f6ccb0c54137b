//! What people write, and what is meant: principals, resources, and actions or roles.

use anyhow::bail;
use poolwarden_domain::ArmId;
use poolwarden_domain::access::{AccessFacts, Action, Definition, DirectoryObject, World, builtin, principal_id};

/// The most candidates that an error lists.
const MAX_CANDIDATES: usize = 10;

/// Short words for what is asked most.
pub(super) const WORDS: [(&str, &str, bool); 6] = [
    ("open", builtin::USE_APPLICATIONS, true),
    ("sign-in", builtin::LOG_IN, true),
    ("sign-in-as-administrator", builtin::LOG_IN_AS_ADMINISTRATOR, true),
    ("change", "Microsoft.DesktopVirtualization/hostPools/write", false),
    ("let-hosts-join", builtin::RETRIEVE_REGISTRATION_TOKEN, false),
    ("delegate", builtin::WRITE_ROLE_ASSIGNMENTS, false),
];

/// What is asked about: an action, or a role.
pub(super) enum Asked<'a> {
    Action(Action),
    Role(&'a Definition),
}

/// An action by a short word or its name, or a role by its GUID or name.
pub(super) fn asked<'a>(world: &World<'a>, text: &str, data: bool) -> anyhow::Result<Asked<'a>> {
    if let Some((_, name, data)) = WORDS.iter().find(|(word, ..)| word.eq_ignore_ascii_case(text)) {
        return Ok(Asked::Action(if *data { Action::data(*name) } else { Action::control(*name) }));
    }
    let definitions = &world.facts().definitions;
    let is_it = |one: &&Definition| one.name.eq_ignore_ascii_case(text) || one.id.name().eq_ignore_ascii_case(text);
    let found: Vec<&Definition> = definitions.iter().filter(is_it).collect();
    match found.as_slice() {
        [one] => return Ok(Asked::Role(one)),
        [] => {}
        several => {
            let ids: Vec<&str> = several.iter().take(MAX_CANDIDATES).map(|one| one.id.name()).collect();
            bail!("several roles are called {text:?}; name one by its GUID: {}", ids.join(", "));
        }
    }
    if !text.contains('/') || text.contains('*') {
        let words: Vec<&str> = WORDS.iter().map(|(word, ..)| *word).collect();
        bail!(
            "{text:?} is no role of the estate and no action; write an action such as {}, a role's name or GUID, or one of: {}",
            builtin::USE_APPLICATIONS,
            words.join(", ")
        );
    }
    // Data actions look like others; a role that lists it by name tells.
    let is_listed = |one: &Definition| {
        one.permissions.iter().any(|block| block.data_actions.iter().any(|action| action.eq_ignore_ascii_case(text)))
    };
    let is_data = data || definitions.iter().any(is_listed);
    Ok(Asked::Action(if is_data { Action::data(text) } else { Action::control(text) }))
}

/// A scope by its id, or a resource of the estate by its name.
pub(in crate::commands) fn resource(facts: &AccessFacts, text: &str) -> anyhow::Result<ArmId> {
    if text.starts_with('/') {
        if text == "/" {
            return Ok(ArmId::new("/"));
        }
        let Some(id) = ArmId::from_outside(text) else { bail!("{text:?} is no resource id") };
        return Ok(id);
    }
    let is_it = |id: &ArmId, name: Option<&str>| {
        id.name().eq_ignore_ascii_case(text) || name.is_some_and(|name| name.eq_ignore_ascii_case(text))
    };
    let resources = facts.resources.iter().filter(|one| is_it(&one.id, one.text("friendlyName"))).map(|one| &one.id);
    let subscriptions = facts.subscriptions.iter().filter(|one| is_it(&one.id, Some(&one.name))).map(|one| &one.id);
    let groups = facts.management_groups.iter().filter(|one| is_it(&one.id, Some(&one.name))).map(|one| &one.id);
    let found: Vec<&ArmId> = resources.chain(subscriptions).chain(groups).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => bail!("nothing in the estate is called {text:?}; write a name, or an id that begins with /"),
        several => {
            let ids: Vec<&str> = several.iter().take(MAX_CANDIDATES).map(|id| id.as_str()).collect();
            bail!("several things are called {text:?}; name one by its id:\n  {}", ids.join("\n  "))
        }
    }
}

/// A principal by its object id, user principal name, application id or name.
pub(in crate::commands) fn principal(facts: &AccessFacts, text: &str) -> anyhow::Result<String> {
    let id = principal_id(text);
    let objects = &facts.directory.objects;
    let is_named = |grant: &str| grant == id;
    let holds = || {
        facts.assignments.iter().any(|one| is_named(&one.principal.id))
            || facts.pim.iter().any(|one| is_named(&one.principal.id))
    };
    if objects.contains_key(&id) || facts.directory.missing.contains(&id) || holds() {
        return Ok(id);
    }
    let is_it = |object: &DirectoryObject| {
        let other = match object {
            DirectoryObject::User { upn, .. } => upn.as_deref(),
            DirectoryObject::ServicePrincipal { app_id, .. } => Some(app_id.as_str()),
            _ => None,
        };
        object.name().eq_ignore_ascii_case(text) || other.is_some_and(|other| other.eq_ignore_ascii_case(text))
    };
    let found: Vec<&String> = objects.iter().filter(|(_, object)| is_it(object)).map(|(id, _)| id).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => bail!(
            "nobody who holds something here is called {text:?}; write an object id, a user principal name, an application id or a name"
        ),
        several => {
            let ids: Vec<&str> = several.iter().take(MAX_CANDIDATES).map(|id| id.as_str()).collect();
            bail!("several are called {text:?}; name one by its object id: {}", ids.join(", "))
        }
    }
}
