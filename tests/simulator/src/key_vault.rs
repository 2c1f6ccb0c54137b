//! The data plane of key vaults: the lists of secrets and certificates, without
//! their values. A vault is addressed by its host (`{vault}.vault.azure.net`,
//! or any host with `.vault.` in it), below `/vaults/{vault}`, or, where only
//! one vault holds anything, at the address of everything else.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{estate::model::Estate, reply::Reply, request::Request, state::Simulation};

/// Items on a page unless fewer are asked for.
const PAGE: usize = 25;
/// The prefix of a vault's path.
const PREFIX: &str = "/vaults/";
/// What marks the host of a vault.
const HOST_MARK: &str = ".vault.";

/// Whether a request is for a vault.
pub(crate) fn is_one(origin: &str, lower: &str) -> bool {
    origin.contains(HOST_MARK)
        || lower.starts_with(PREFIX)
        || ["/secrets", "/certificates"].iter().any(|list| lower == *list || lower.starts_with(&format!("{list}/")))
}

/// Answers a request with a token for key vaults.
pub(crate) fn handle(simulation: &Simulation, request: &Request) -> Reply {
    match answer(simulation, request) {
        Ok(reply) | Err(reply) => reply,
    }
}

fn answer(simulation: &Simulation, request: &Request) -> Result<Reply, Reply> {
    let snapshot = simulation.world.current();
    if request.method != Method::GET {
        return Err(refusal(405, "MethodNotAllowed", "The method is not allowed."));
    }
    if request.query("api-version").is_none_or(str::is_empty) {
        return Err(refusal(400, "BadParameter", "api-version must be specified"));
    }
    let (vault, list) = place(&snapshot.estate, request)?;
    let contents = snapshot.estate.vaults.get(&vault).cloned().unwrap_or_default();
    let items = match list.as_str() {
        "secrets" => contents.secrets,
        "certificates" => contents.certificates,
        other => {
            let name = other.split('/').nth(1).unwrap_or(other);
            let message = format!("A secret with (name/id) {name} was not found in this key vault.");
            return Err(refusal(404, "SecretNotFound", &message));
        }
    };
    let size = match request.query("maxresults").map(str::parse::<usize>) {
        None => PAGE,
        Some(Ok(asked @ 1..=PAGE)) => asked,
        Some(_) => return Err(refusal(400, "BadParameter", "maxresults must be between 1 and 25")),
    };
    let skip = request.query("$skiptoken").and_then(|token| token.parse().ok()).unwrap_or(0);
    let size = size.min(simulation.options.estate.page_size);
    let rest: &[Value] = items.get(skip..).unwrap_or_default();
    let shown = &rest[..size.min(rest.len())];
    let next = (shown.len() < rest.len()).then(|| request.next_link(&(skip + shown.len()).to_string()));
    Ok(Reply::json(200, &json!({"value": shown, "nextLink": next})))
}

/// Which vault, and what of it.
fn place(estate: &Estate, request: &Request) -> Result<(String, String), Reply> {
    let unknown = || refusal(404, "VaultNotFound", "There is no such vault.");
    if let Some(rest) = request.lower.strip_prefix(PREFIX) {
        let (vault, list) = rest.split_once('/').ok_or_else(unknown)?;
        is_there(estate, vault).then(|| (vault.to_owned(), list.to_owned())).ok_or_else(unknown)
    } else {
        let list = request.lower.trim_start_matches('/').to_owned();
        let host = request.origin.trim_start_matches("http://").to_ascii_lowercase();
        let named = host.split_once(HOST_MARK).map(|(vault, _)| vault.to_owned());
        let vault = match named {
            Some(vault) => vault,
            None if estate.vaults.len() == 1 => estate.vaults.keys().next().cloned().unwrap_or_default(),
            None => return Err(unknown()),
        };
        is_there(estate, &vault).then_some((vault, list)).ok_or_else(unknown)
    }
}

fn is_there(estate: &Estate, vault: &str) -> bool {
    let is_vault =
        |key: &str| key.rsplit_once('/').is_some_and(|(path, name)| path.ends_with("/vaults") && name == vault);
    estate.vaults.contains_key(vault)
        || estate.other.all().any(|other| other.kind == "microsoft.keyvault/vaults" && is_vault(&other.key))
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::error(status, code, message)
}
