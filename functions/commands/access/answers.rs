//! The answers, as tables and as JSON.

use super::resolve::WORDS;
use crate::commands::output::{self, say, visible};
use crate::commands::{COMPLETE, INCOMPLETE};
use poolwarden_domain::ArmId;
use poolwarden_domain::access::{
    AccessOf, Action, Answer, Decision, DirectoryObject, Explanation, GrantKind, Proof, WhoCan, World,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Somebody, with a name.
#[derive(Debug, Serialize)]
struct Who {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

fn who(world: &World<'_>, id: &str) -> Who {
    let kind = match world.object(id) {
        Some(DirectoryObject::User { guest: true, .. }) => "Guest",
        Some(object) => object.kind(),
        None => "Unknown",
    };
    Who { id: id.to_owned(), name: world.name_of(id).to_owned(), kind }
}

fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Allowed => "yes",
        Answer::Conditional => "as a condition decides",
        Answer::Denied => "denied",
        Answer::NotGranted => "no",
        Answer::Unknown => "unknown",
    }
}

fn held(kind: GrantKind) -> &'static str {
    match kind {
        GrantKind::Standing => "standing",
        GrantKind::Activated => "activated",
        GrantKind::Eligible => "eligible",
    }
}

/// From somebody through groups to whom the role is assigned, by name.
fn way(world: &World<'_>, path: &[String]) -> String {
    let names: Vec<&str> = path.iter().map(|id| world.name_of(id)).collect();
    if names.len() > 1 { format!("through {}", names[1..].join(" > ")) } else { "directly".to_owned() }
}

/// The first proof that holds without a condition, else the first.
fn best(proofs: &[Proof]) -> Option<&Proof> {
    proofs.iter().find(|proof| proof.condition.is_none()).or(proofs.first())
}

/// Says what could not be read, and returns the exit code that goes with it.
fn unread(unknown: &[String]) -> anyhow::Result<u8> {
    if unknown.is_empty() {
        return Ok(COMPLETE);
    }
    say!("\nNot read, and it may change the answer:");
    for line in unknown {
        say!("  {}", visible(line));
    }
    Ok(INCOMPLETE)
}

pub(in crate::commands) fn who_can(
    world: &World<'_>,
    action: &Action,
    scope: &ArmId,
    found: &WhoCan,
    json: bool,
) -> anyhow::Result<u8> {
    if json {
        let holders = found.holders.iter().map(|holder| {
            json!({"principal": who(world, &holder.principal), "answer": holder.answer, "proofs": holder.proofs})
        });
        let denied = found.denied.iter().map(|(id, deny)| json!({"principal": who(world, id), "denied_by": deny}));
        output::json(&json!({
            "action": action, "scope": scope,
            "holders": holders.collect::<Vec<Value>>(), "denied": denied.collect::<Vec<Value>>(), "unknown": found.unknown,
        }))?;
        return Ok(if found.unknown.is_empty() { COMPLETE } else { INCOMPLETE });
    }
    let rows = found.holders.iter().filter_map(|holder| {
        let (one, proof) = (who(world, &holder.principal), best(&holder.proofs)?);
        let kind = held(proof.kind).to_owned();
        let scope = proof.scope.to_string();
        Some([
            one.name,
            one.kind.to_owned(),
            word(holder.answer).to_owned(),
            proof.role_name.clone(),
            kind,
            way(world, &proof.path),
            scope,
        ])
    });
    output::table(["WHO", "TYPE", "ANSWER", "ROLE", "HELD", "THROUGH", "ASSIGNED AT"], rows)?;
    for (id, deny) in &found.denied {
        say!("denied: {} by {} at {}", visible(world.name_of(id)), visible(&deny.name), visible(deny.scope.as_str()));
    }
    let certain = found.holders.iter().filter(|holder| holder.answer == Answer::Allowed).count();
    say!("\n{certain} can {} at {}", visible(&action.name), visible(scope.as_str()));
    if certain < found.holders.len() {
        say!("{} more, as a condition or what could not be read decides", found.holders.len() - certain);
    }
    unread(&found.unknown)
}

/// Those who hold a role that applies to a scope, and those in the groups that do.
pub(super) fn who_holds(
    world: &World<'_>,
    scope: &ArmId,
    role: &str,
    eligible: bool,
    json: bool,
) -> anyhow::Result<u8> {
    let mut lines = Vec::new();
    let mut unknown: BTreeSet<String> = world.unread_at(scope, eligible).into_iter().collect();
    for grant in world.grants_on(scope).filter(|grant| grant.role.eq_ignore_ascii_case(role)) {
        if !(eligible || grant.is_active()) {
            continue;
        }
        unknown.extend(world.unread_members(&grant.principal.id));
        for id in world.members_of(&grant.principal.id).ids.iter().chain([&grant.principal.id]) {
            let path = world.ways_up(id).remove(&grant.principal.id).unwrap_or_default();
            lines.push((id.clone(), grant, path));
        }
    }
    let unknown: Vec<String> = unknown.into_iter().collect();
    if json {
        let holders = lines.iter().map(|(id, grant, path)| {
            json!({"principal": who(world, id), "held": grant.kind, "role": grant.role_name(), "assignment": grant.id,
                   "scope": grant.scope, "path": path, "condition": grant.condition})
        });
        output::json(
            &json!({"role": role, "scope": scope, "holders": holders.collect::<Vec<Value>>(), "unknown": unknown}),
        )?;
        return Ok(if unknown.is_empty() { COMPLETE } else { INCOMPLETE });
    }
    let rows = lines.iter().map(|(id, grant, path)| {
        let one = who(world, id);
        [one.name, one.kind.to_owned(), held(grant.kind).to_owned(), way(world, path), grant.scope.to_string()]
    });
    output::table(["WHO", "TYPE", "HELD", "THROUGH", "ASSIGNED AT"], rows)?;
    unread(&unknown)
}

pub(super) fn of(world: &World<'_>, principal: &str, json: bool) -> anyhow::Result<u8> {
    let AccessOf { grants, unknown } = world.access_of(principal);
    if json {
        let grants = grants.iter().map(|grant| {
            json!({"held": grant.kind, "role": grant.role_name, "role_id": grant.role, "assignment": grant.assignment,
                   "scope": grant.scope, "path": grant.path, "condition": grant.condition, "end": grant.end})
        });
        output::json(
            &json!({"principal": who(world, principal), "grants": grants.collect::<Vec<Value>>(), "unknown": unknown}),
        )?;
        return Ok(if unknown.is_empty() { COMPLETE } else { INCOMPLETE });
    }
    let rows = grants.iter().map(|grant| {
        let condition = if grant.condition.is_some() { "conditional" } else { "" };
        [
            grant.role_name.clone(),
            held(grant.kind).to_owned(),
            way(world, &grant.path),
            condition.to_owned(),
            grant.scope.to_string(),
        ]
    });
    output::table(["ROLE", "HELD", "THROUGH", "", "AT"], rows)?;
    say!("\n{} holds {} roles", visible(world.name_of(principal)), grants.len());
    unread(&unknown)
}

/// One thing that somebody might do, and whether.
#[derive(Debug, Serialize)]
struct Explained {
    question: &'static str,
    action: Action,
    #[serde(flatten)]
    decision: Decision,
}

pub(super) fn explain(world: &World<'_>, principal: &str, scope: &ArmId, json: bool) -> anyhow::Result<u8> {
    explain_with(&WORDS, world, principal, scope, json)
}

/// What somebody can do of these: a question, the action that it means, and whether that is one of the data plane.
pub(in crate::commands) fn explain_with(
    words: &[(&'static str, &'static str, bool)],
    world: &World<'_>,
    principal: &str,
    scope: &ArmId,
    json: bool,
) -> anyhow::Result<u8> {
    let explained: Vec<Explained> = words
        .iter()
        .map(|(question, name, data)| {
            let action = if *data { Action::data(*name) } else { Action::control(*name) };
            Explained { question, decision: world.decide(principal, &action, scope), action }
        })
        .collect();
    let Explanation { grants, unknown, .. } = world.explain(principal, scope);
    let unknown: BTreeSet<String> =
        unknown.into_iter().chain(explained.iter().flat_map(|one| one.decision.unknown.clone())).collect();
    let unknown: Vec<String> = unknown.into_iter().collect();
    if json {
        let grants = grants.iter().map(|grant| {
            json!({"held": grant.kind, "role": grant.role_name, "assignment": grant.assignment, "scope": grant.scope,
                   "path": grant.path, "condition": grant.condition})
        });
        output::json(&json!({
            "principal": who(world, principal), "scope": scope, "grants": grants.collect::<Vec<Value>>(),
            "can": explained, "unknown": unknown,
        }))?;
        return Ok(if unknown.is_empty() { COMPLETE } else { INCOMPLETE });
    }
    say!("{} at {}\n", visible(world.name_of(principal)), visible(scope.as_str()));
    for grant in &grants {
        say!(
            "  {} ({}) {}, assigned at {}",
            visible(&grant.role_name),
            held(grant.kind),
            visible(&way(world, &grant.path)),
            visible(grant.scope.as_str())
        );
        say!("    {}", visible(grant.assignment.as_str()));
        if let Some(condition) = &grant.condition {
            say!("    if {}", visible(condition));
        }
    }
    if grants.is_empty() {
        say!("  no role reaches it there");
    }
    say!("");
    let rows = explained.iter().map(|one| {
        let proof = match (&one.decision.denied_by, best(&one.decision.proofs)) {
            (Some(deny), _) => format!("deny assignment {} at {}", deny.name, deny.scope),
            (None, Some(proof)) => format!("{} holds {}", proof.role_name, proof.pattern),
            (None, None) => String::new(),
        };
        [one.question.to_owned(), word(one.decision.answer).to_owned(), proof]
    });
    output::table(["CAN", "ANSWER", "BECAUSE"], rows)?;
    unread(&unknown)
}
