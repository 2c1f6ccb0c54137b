//! One package in full.

use crate::commands::COMPLETE;
use crate::commands::output::{self, say};
use crate::deps::Deps;
use crate::{keys, lifecycle};
use anyhow::bail;
use poolwarden_domain::assignment::{Entitled, effective};
use poolwarden_domain::package::{Package, PackageState};
use serde::Serialize;
use std::collections::BTreeSet;

pub(super) async fn show(deps: &Deps, key: &str, json: bool) -> anyhow::Result<u8> {
    let mut found = Vec::new();
    for name in deps.state().names(keys::PACKAGES).await? {
        if let Some((connection, _)) = name.split_once('/').filter(|(_, package)| *package == key) {
            found.extend(deps.state().value::<Package>(&keys::package(connection, key)).await?);
        }
    }
    if found.is_empty() {
        bail!("there is no package {key:?}; `poolwarden packages list --retired` shows every one");
    }
    let found: Vec<Shown> = found
        .into_iter()
        .map(|package| Shown { entitled: effective(&package, &lifecycle::offer(deps, &package.connection)), package })
        .collect();
    if json {
        output::json(&found)?;
        return Ok(COMPLETE);
    }
    for shown in &found {
        print(shown)?;
    }
    Ok(COMPLETE)
}

/// A package, and who has it in the end.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    package: Package,
    entitled: Vec<Entitled>,
}

fn line(name: &str, value: &str) -> anyhow::Result<()> {
    say!("  {name:<18} {}", output::visible(value));
    Ok(())
}

fn print(shown: &Shown) -> anyhow::Result<()> {
    let package = &shown.package;
    let content = &package.content;
    say!("{}", output::visible(&content.display_name));
    line("key", &package.key)?;
    line("connection", &package.connection)?;
    line("state", &state(package))?;
    line("stage", &stage(package))?;
    if !package.managed {
        line("managed", "no: it never changes by itself")?;
    }
    line("kind", &format!("{:?}", content.kind))?;
    line("resource", content.resource.as_str())?;
    line("host pool", &format!("{} ({})", content.host_pool.name, content.host_pool.id))?;
    line("application group", &format!("{} ({})", content.application_group.name, content.application_group.id))?;
    line("workspace", &format!("{} ({})", content.workspace.name, content.workspace.id))?;
    if let Some(description) = &content.description {
        line("description", description)?;
    }
    if let Some(program) = &content.program {
        line("program", &program.path)?;
        line(
            "command line",
            &format!("{:?} {}", program.command_line, program.arguments.as_deref().unwrap_or_default()),
        )?;
    }
    let placeholder = if content.icon.placeholder { " (placeholder)" } else { "" };
    line("icon", &format!("{}{placeholder}", content.icon.sha256))?;
    for action in &content.launch {
        line("launch", &format!("{} ({:?}, {})", action.uri, action.with, action.versions))?;
    }
    print_entitled(shown)?;
    print_history(package)
}

fn state(package: &Package) -> String {
    match (package.state, package.retired_at) {
        (PackageState::Active, _) => "offered".to_owned(),
        (PackageState::Retired, None) => "retired".to_owned(),
        (PackageState::Retired, Some(at)) => {
            let by = package.retired_by.as_deref().unwrap_or("its source");
            format!("retired at {} by {by}", output::when(at))
        }
    }
}

fn stage(package: &Package) -> String {
    let mut stage = format!("{:?}", package.stage);
    if let Some(since) = package.stage_since {
        stage += &format!(", since {}", output::when(since));
    }
    if let Some(requested) = &package.requested {
        let (to, by, at) = (requested.to, &requested.by, output::when(requested.at));
        stage += &format!("; {by} asked at {at} for its promotion to {to:?}, which somebody else has to approve");
    }
    stage
}

/// Whom the source entitles, whom persons did, and what that comes to.
fn print_entitled(shown: &Shown) -> anyhow::Result<()> {
    match &shown.package.content.entitlements {
        None => line("source entitles", "unknown")?,
        Some(entitlements) if entitlements.is_empty() => line("source entitles", "nobody")?,
        Some(entitlements) => {
            for entitled in entitlements {
                let condition = if entitled.conditional { ", on a condition" } else { "" };
                let (principal, role) = (&entitled.principal, &entitled.role);
                let who = format!("{} {} as {role} at {}{condition}", principal.kind, principal.id, entitled.scope);
                line("source entitles", &who)?;
            }
        }
    }
    for assigned in &shown.package.assigned {
        let (kind, at) = (assigned.kind, output::when(assigned.at));
        line("assigned", &format!("{kind:?} {} by {} at {at}", assigned.identity, assigned.by))?;
    }
    for one in &shown.entitled {
        let icons = if one.icons.is_empty() { String::new() } else { format!(", icons {}", words(&one.icons)) };
        let sees = if one.sees_it { "" } else { ", which it does not see yet" };
        let (from, publish) = (words(&one.from), word(&one.publish));
        line(
            "entitled",
            &format!("{} {} from {:?} on, {publish}{icons} ({from}){sees}", one.kind, one.identity, one.stage),
        )?;
    }
    Ok(())
}

/// A choice as the configuration and JSON spell it.
fn word<T: Serialize>(choice: &T) -> String {
    let value = serde_json::to_value(choice).expect("a choice is a word and always serialises");
    value.as_str().unwrap_or_default().to_owned()
}

fn words<T: Serialize>(choices: &BTreeSet<T>) -> String {
    choices.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn print_history(package: &Package) -> anyhow::Result<()> {
    for revision in &package.revisions {
        let fields =
            if revision.fields.is_empty() { String::new() } else { format!(": {}", revision.fields.join(", ")) };
        let who = match (&revision.by, &revision.run) {
            (Some(person), _) => person.clone(),
            (None, Some(run)) => format!("run {run}"),
            (None, None) => "nobody known".to_owned(),
        };
        let to = revision.stage.map(|stage| format!(" to {stage:?}")).unwrap_or_default();
        let (change, at) = (format!("{:?}", revision.change).to_lowercase(), output::when(revision.at));
        line(&format!("revision {}", revision.number), &format!("{change}{to} at {at} by {who}{fields}"))?;
    }
    Ok(())
}
