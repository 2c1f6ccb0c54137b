//! Resources of any provider, as they were planted: one by its id, and lists of
//! a type in a subscription, in a resource group, or below another resource.

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    error,
    paging::{self, End, render},
};
use crate::{
    estate::{model::Estate, other::Other},
    fault::Active,
    reply::Reply,
    request::Request,
    state::Simulation,
};

/// Providers whose lists are there, though they may be empty.
const NAMESPACES: [&str; 12] = [
    "microsoft.automation",
    "microsoft.compute",
    "microsoft.insights",
    "microsoft.keyvault",
    "microsoft.managedidentity",
    "microsoft.netapp",
    "microsoft.network",
    "microsoft.operationalinsights",
    "microsoft.recoveryservices",
    "microsoft.resources",
    "microsoft.storage",
    "microsoft.desktopvirtualization",
];

/// What ends the path of the list of everything that a vault protects.
const PROTECTED_ITEMS: &str = "/backupprotecteditems";

/// Answers for a namespace (as it was spelled) that has no module of its own.
pub(super) fn handle(
    simulation: &Simulation,
    request: &Request,
    estate: &Estate,
    denied: &Active,
    namespace: &str,
) -> Result<Reply, Reply> {
    let lower = namespace.to_ascii_lowercase();
    let is_planted = |other: &std::sync::Arc<Other>| other.kind.split('/').next() == Some(&lower);
    if !NAMESPACES.contains(&lower.as_str()) && !estate.other.all().any(is_planted) {
        let message = format!("The resource namespace '{namespace}' is invalid.");
        return Err(Reply::error(404, "InvalidResourceNamespace", &message));
    }
    if request.method != Method::GET {
        return Err(error::not_allowed(request));
    }
    if request.query("api-version").is_none_or(str::is_empty) {
        return Err(Reply::error(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    }
    check_group(request, estate)?;
    let (before, typed) = request.lower.rsplit_once("/providers/").unwrap_or_default();
    let is_list = typed.matches('/').count() % 2 == 1;
    if !is_list {
        let found = estate.other.get(&request.lower).ok_or_else(|| error::no_resource(&request.path))?;
        return Ok(Reply::json(200, &found.body));
    }
    if let Some(vault) = request.lower.strip_suffix(PROTECTED_ITEMS) {
        check_parent(request, estate, vault)?;
        let is_item = |other: &&std::sync::Arc<Other>| {
            other.kind.ends_with("/protecteditems") && other.key.starts_with(&format!("{vault}/"))
        };
        let items: Vec<String> = estate.other.all().filter(is_item).map(|other| other.body.to_string()).collect();
        return page(simulation, request, &items);
    }
    // A list below a resource needs that resource.
    if typed.matches('/').count() > 1 {
        let (parent, _) = request.lower.rsplit_once('/').unwrap_or_default();
        check_parent(request, estate, parent)?;
        if parent.contains("/providers/microsoft.keyvault/vaults/") && request.lower.ends_with("/certificates") {
            // Only a vault itself lists its certificates.
            let message =
                "The resource type 'vaults/certificates' could not be found in the namespace 'Microsoft.KeyVault'.";
            return Err(Reply::error(404, "InvalidResourceType", message));
        }
        if let Some(contents) = vault_contents(estate, parent, &request.lower) {
            return page(simulation, request, &contents);
        }
    } else if before.contains("/providers/") {
        check_parent(request, estate, before)?;
    }
    let listed = estate.other.listed(&request.lower);
    let visible = listed.into_iter().filter(|other| !denied.denies(&other.key));
    page(simulation, request, &visible.map(|other| other.body.to_string()).collect::<Vec<_>>())
}

fn check_group(request: &Request, estate: &Estate) -> Result<(), Reply> {
    let segments: Vec<&str> = request.lower.split('/').skip(1).collect();
    if let ["subscriptions", subscription, "resourcegroups", name, ..] = segments[..] {
        let path = format!("/subscriptions/{subscription}/resourcegroups/{name}");
        if !estate.resource_groups.contains(&path) {
            return Err(error::no_resource_group(name));
        }
    }
    Ok(())
}

/// What a list is of must be there. Of parts that nobody names by themselves,
/// such as a storage account's `fileServices/default`, the resource they are of
/// is enough.
fn check_parent(request: &Request, estate: &Estate, parent: &str) -> Result<(), Reply> {
    let is_there = |id: &str| estate.get(id).is_some() || estate.other.get(id).is_some();
    let mut candidate = Some(parent);
    while let Some(id) = candidate.filter(|id| id.contains("/providers/")) {
        if is_there(id) {
            return Ok(());
        }
        candidate = id.rsplit_once('/').and_then(|(collection, _)| collection.rsplit_once('/')).map(|(above, _)| above);
    }
    let spelled = request.path.get(..parent.len()).unwrap_or(parent);
    Err(error::no_resource(spelled))
}

/// The secrets of a vault as ARM lists them: names and attributes.
fn vault_contents(estate: &Estate, vault: &str, list: &str) -> Option<Vec<String>> {
    let is_vault = vault.contains("/providers/microsoft.keyvault/vaults/") && list.ends_with("/secrets");
    let vault = is_vault.then(|| estate.other.get(vault))??;
    let name = vault.key.rsplit('/').next()?;
    let secrets = estate.vaults.get(name).map(|contents| contents.secrets.as_slice()).unwrap_or_default();
    let of_arm = |secret: &Value| {
        let name = secret["id"].as_str().and_then(|id| id.rsplit('/').next()).unwrap_or("");
        let properties = json!({
            "attributes": secret["attributes"],
            "contentType": secret["contentType"],
            "secretUri": secret["id"],
        });
        json!({
            "id": format!("{}/secrets/{name}", vault.id),
            "name": name,
            "type": "Microsoft.KeyVault/vaults/secrets",
            "location": vault.body["location"],
            "properties": properties,
        })
        .to_string()
    };
    Some(secrets.iter().map(of_arm).collect())
}

/// A page of a list that is whole already.
fn page(simulation: &Simulation, request: &Request, items: &[String]) -> Result<Reply, Reply> {
    let skip: usize = match request.query("$skipToken") {
        None => 0,
        Some(token) => paging::decode(token)?
            .parse()
            .map_err(|_| error::bad_request("The $skipToken is not one that was given out."))?,
    };
    let size = simulation.options.estate.page_size;
    let rest = items.get(skip..).unwrap_or_default();
    let shown = &rest[..size.min(rest.len())];
    let next =
        (shown.len() < rest.len()).then(|| request.next_link(&paging::encode(&(skip + shown.len()).to_string())));
    Ok(render(shown, next.as_deref(), End::NoKey))
}
