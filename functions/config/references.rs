//! Secrets by reference: reading the reference, and checking at the start that it leads somewhere.

use super::Config;
use super::entry::{Entry, Judged, Shape, wrong};
use super::environment::Environment;
use super::faults::{Fault, Place};
use super::values;
use poolwarden_azure::{Endpoints, SecretRef};
use std::path::PathBuf;
use url::Url;

/// What to write where a secret is wanted.
const HOW: &str =
    "write { env = \"NAME\" }, { file = \"path\" } or { key_vault = \"https://vault.vault.azure.net/secrets/name\" }";

/// Something outside the configuration without which the start makes no sense.
#[derive(Debug, Clone)]
pub(super) struct Need {
    pub(super) place: Place,
    /// Which setting needs it.
    pub(super) label: String,
    pub(super) what: Needed,
}

#[derive(Debug, Clone)]
pub(super) enum Needed {
    /// An environment variable that is set and not empty.
    Variable(String),
    /// A file that exists.
    File(PathBuf),
}

/// Which of the variables and files that the configuration refers to are missing here. Those of connections that are
/// not enabled are not looked for; whether a Key Vault gives its secret shows only when it is asked.
pub fn check_references(config: &Config, env: &dyn Environment) -> Vec<Fault> {
    let missing = |need: &Need| {
        let (what, fix) = match &need.what {
            Needed::Variable(name) if env.filled(name).is_none() => {
                (format!("the environment variable {name}, which is not set or empty"), format!("set {name}"))
            }
            Needed::File(path) if !path.is_file() => {
                let path = path.display();
                (format!("the file {path}, which does not exist"), format!("create {path} or correct the path"))
            }
            _ => return None,
        };
        let what = format!("{} needs {what}", need.label);
        Some(Fault { place: need.place.clone(), what, fix })
    };
    let mut faults: Vec<Fault> = config.needs.iter().filter_map(missing).collect();
    faults.sort_by(|a, b| a.place.cmp(&b.place));
    faults
}

/// Where a secret is. No message repeats what stands in the file: it may be the secret itself.
pub(super) fn secret(entry: &Entry<'_>, endpoints: Option<&Endpoints>) -> Option<SecretRef> {
    let (mut items, keys) = match entry.shape {
        Shape::Table(items) => (entry.table(&entry.label)?, items.len()),
        Shape::Text(_) => {
            entry.refuse("holds a literal text", "write { env = \"NAME\" } instead; never the secret itself");
            return None;
        }
        _ => {
            entry.refuse("is no reference to a secret", HOW);
            return None;
        }
    };
    let found = [
        items.take("env").map(|env| env.parsed(variable).map(SecretRef::Env)),
        items.take("file").map(|file| file.parsed(values::path).map(|path| SecretRef::File(file.source.beside(path)))),
        items.take("key_vault").map(|vault| vault.parsed(|text| key_vault(text, endpoints)).map(SecretRef::KeyVault)),
    ];
    items.finish();
    let mut found = found.into_iter().flatten();
    let secret = match (found.next(), found.next()) {
        (Some(found), None) => found?,
        // Its keys are unknown, and reported as such.
        (None, _) if keys > 0 => return None,
        _ => {
            entry.refuse("must name exactly one place", HOW);
            return None;
        }
    };
    let what = match &secret {
        SecretRef::Env(name) => Needed::Variable(name.clone()),
        SecretRef::File(path) => Needed::File(path.clone()),
        SecretRef::KeyVault(_) => return Some(secret),
    };
    need(entry, what);
    Some(secret)
}

/// Notes that a setting needs something from outside.
pub(super) fn need(entry: &Entry<'_>, what: Needed) {
    let place = entry.source.place(entry.start);
    entry.source.need(Need { place, label: entry.label.clone(), what });
}

fn variable(text: &str) -> Judged<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.is_empty() || !text.chars().all(allowed) || text.starts_with(|c: char| c.is_ascii_digit()) {
        return wrong(
            "is no name of an environment variable",
            "write a name such as \"POOLWARDEN_SECRET\" (letters, digits and _); never the secret itself",
        );
    }
    Ok(text.to_owned())
}

/// A secret in a vault of the connection's cloud. Without a connection nobody could sign in to a vault.
pub(super) fn key_vault(text: &str, endpoints: Option<&Endpoints>) -> Judged<Url> {
    let Some(endpoints) = endpoints else {
        return wrong("cannot be used here, where there is no sign-in to read it with", "use env or file instead");
    };
    let refused = || {
        wrong(
            "is no secret in a Key Vault of this cloud",
            "write it as https://vault.vault.azure.net/secrets/name, with the domain of the cloud's vaults",
        )
    };
    let Ok(url) = Url::parse(text) else { return refused() };
    let segments: Vec<_> = url.path().split('/').collect();
    let is_secret = matches!(segments[..], ["", "secrets", name] | ["", "secrets", name, _] if !name.is_empty());
    let is_bare =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    if endpoints.is_key_vault(&url) && is_secret && is_bare { Ok(url) } else { refused() }
}
