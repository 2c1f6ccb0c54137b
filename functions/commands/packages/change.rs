//! What the commands have in common that change packages: which packages, who does it, and what became of each.

use crate::commands::output::{self, say};
use crate::commands::{COMPLETE, FAILED, INCOMPLETE};
use crate::deps::Deps;
use crate::keys;
use crate::lifecycle::{self, Outcome};
use crate::stage::Fault;
use anyhow::{Context, bail};
use clap::Args;
use poolwarden_domain::lifecycle::{Decided, Refusal};
use poolwarden_domain::package::{Package, Stage};
use serde::Serialize;
use std::collections::BTreeMap;
use std::env;

/// The longest name of a person, in characters.
const MAX_NAME_CHARS: usize = 256;
/// Where the name of a person is, if the command does not say: ours, then the system's.
const NAME_VARIABLES: [&str; 4] = ["POOLWARDEN_USER", "USER", "LOGNAME", "USERNAME"];

/// Which packages, and who does it.
#[derive(Debug, Args)]
pub(super) struct Chosen {
    /// The packages' keys, as `packages list` shows them
    #[arg(required = true, value_name = "KEY")]
    pub(super) keys: Vec<String>,
    #[command(flatten)]
    pub(super) by: By,
}

/// Who does it, and in which connection.
#[derive(Debug, Args)]
pub(super) struct By {
    /// Only this connection's, should several have a package of that key
    #[arg(long, value_name = "NAME")]
    pub(super) connection: Option<String>,
    /// Who does this [default: $POOLWARDEN_USER, else the system's user]
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
}

impl By {
    /// The person's name.
    pub(super) fn name(&self) -> anyhow::Result<String> {
        let from_system =
            || NAME_VARIABLES.iter().find_map(|variable| env::var(variable).ok().filter(|n| !n.is_empty()));
        let name = self.name.clone().or_else(from_system);
        let name = name.context("who does this? Say it with --as NAME, or set POOLWARDEN_USER")?;
        if name.trim().is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
            bail!("a name is one line of at most {MAX_NAME_CHARS} characters");
        }
        Ok(name.trim().to_owned())
    }
}

/// What became of one package.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connection: Option<String>,
    /// `changed`, `unchanged`, `waits` for approval, or `refused`; `deleted` or `would_be_deleted`.
    pub(super) outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stage: Option<Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) requested: Option<Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revision: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

impl Line {
    /// A package that cannot be changed, and why.
    pub(super) fn refused(key: &str, connection: Option<&str>, reason: String) -> Self {
        Self {
            key: key.to_owned(),
            connection: connection.map(str::to_owned),
            outcome: "refused",
            stage: None,
            requested: None,
            revision: None,
            reason: Some(reason),
        }
    }

    fn of(package: &Package, outcome: &'static str) -> Self {
        Self {
            key: package.key.clone(),
            connection: Some(package.connection.clone()),
            outcome,
            stage: Some(package.stage),
            requested: package.requested.as_ref().map(|requested| requested.to),
            revision: Some(package.revision()),
            reason: None,
        }
    }

    /// The same, with another word for what is done.
    pub(super) fn called(self, done: &'static str) -> Self {
        Self { outcome: if self.outcome == "changed" { done } else { self.outcome }, ..self }
    }

    /// What became of a wish. Whoever promotes a package may be told that it `waits`.
    pub(super) fn from(key: &str, connection: &str, outcome: Option<Outcome>, may_wait: bool) -> Self {
        let waits = |package: &Package| may_wait && package.requested.is_some();
        match outcome {
            None => Self::refused(key, Some(connection), format!("there is no package {key:?}")),
            Some(Outcome::Refused(refusal)) => Self::refused(key, Some(connection), refusal.to_string()),
            Some(Outcome::Changed(package) | Outcome::Already(package)) if waits(&package) => {
                Self::of(&package, "waits")
            }
            Some(Outcome::Changed(package)) => Self::of(&package, "changed"),
            Some(Outcome::Already(package)) => Self::of(&package, "unchanged"),
        }
    }
}

/// Where each package is: its key with its connection, or why it cannot be told.
pub(super) async fn find(
    deps: &Deps,
    keys: &[String],
    connection: Option<&str>,
) -> anyhow::Result<Vec<Result<(String, String), Line>>> {
    if let Some(connection) = connection {
        return Ok(keys.iter().map(|key| Ok((connection.to_owned(), key.clone()))).collect());
    }
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in deps.state().names(keys::PACKAGES).await? {
        if let Some((connection, key)) = name.split_once('/').filter(|(_, key)| keys.iter().any(|k| k == key)) {
            known.entry(key.to_owned()).or_default().push(connection.to_owned());
        }
    }
    let find = |key: &String| match known.get(key).map(Vec::as_slice).unwrap_or_default() {
        [connection] => Ok((connection.clone(), key.clone())),
        [] => {
            let hint = "`poolwarden packages list --retired` shows every one";
            Err(Line::refused(key, None, format!("there is no package {key:?}; {hint}")))
        }
        several => {
            let hint = "say which with --connection";
            Err(Line::refused(key, None, format!("{} have a package of that key; {hint}", several.join(", "))))
        }
    };
    Ok(keys.iter().map(find).collect())
}

/// Changes each package, and says what became of it.
pub(super) async fn each<F>(
    deps: &Deps,
    chosen: &Chosen,
    json: bool,
    may_wait: bool,
    done: impl Fn(&Line) -> String,
    mut decide: F,
) -> anyhow::Result<u8>
where
    F: FnMut(&str, &Package) -> Result<Decided, Refusal>,
{
    let mut lines = Vec::new();
    for found in find(deps, &chosen.keys, chosen.by.connection.as_deref()).await? {
        lines.push(match found {
            Err(line) => line,
            Ok((connection, key)) => {
                let outcome = lifecycle::change(deps, &connection, &key, |package| decide(&connection, package)).await;
                judged(&key, &connection, outcome, may_wait)?
            }
        });
    }
    tell(&lines, json, done)
}

/// What became of a wish. What may pass ends the command; what will not is said of that package alone.
pub(super) fn judged(
    key: &str,
    connection: &str,
    outcome: Result<Option<Outcome>, Fault>,
    may_wait: bool,
) -> anyhow::Result<Line> {
    match outcome {
        Ok(outcome) => Ok(Line::from(key, connection, outcome, may_wait)),
        Err(Fault::Permanent(reason)) => Ok(Line::refused(key, Some(connection), reason)),
        Err(fault) => Err(fault).with_context(|| format!("package {key} could not be changed")),
    }
}

/// Prints what became of each, and returns the exit code for all.
pub(super) fn tell(lines: &[Line], json: bool, done: impl Fn(&Line) -> String) -> anyhow::Result<u8> {
    if json {
        output::json(&lines)?;
    }
    for line in lines.iter().filter(|_| !json) {
        let key = output::visible(&line.key);
        match (line.outcome, &line.reason) {
            (_, Some(reason)) => eprintln!("error: {key}: {}", output::visible(reason)),
            ("waits", None) => {
                let to = line.requested.map(|to| format!("{to:?}")).unwrap_or_default();
                say!("{key}: its promotion to {to} waits until somebody else approves it:");
                say!("  poolwarden packages promote {key} --approve");
            }
            ("unchanged", None) => say!("{key}: it is so already"),
            _ => say!("{key}: {}", output::visible(&done(line))),
        }
    }
    let has = |outcome: &str| lines.iter().any(|line| line.outcome == outcome);
    Ok(if has("refused") {
        FAILED
    } else if has("waits") {
        INCOMPLETE
    } else {
        COMPLETE
    })
}
