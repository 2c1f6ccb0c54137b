//! Users, groups and service principals: one, those of a filter, and many by
//! their ids.

use serde_json::{Value, json};

use super::{
    answer::{self, select},
    filter::{Filter, Refused},
};
use crate::{
    dice::is_guid,
    estate::directory::{Directory, ObjectKind},
    reply::Reply,
    request::Request,
    state::Simulation,
};

/// The most ids that are resolved at once.
const MAX_IDS: usize = 1_000;

/// The filter of a request.
pub(super) fn filter(request: &Request) -> Result<Option<Filter>, Reply> {
    let Some(text) = request.query("$filter").filter(|text| !text.trim().is_empty()) else {
        return Ok(None);
    };
    Filter::parse(text).map(Some).map_err(|refused| match refused {
        Refused::NotUnderstood => answer::bad_filter(),
        Refused::TooManyClauses => answer::refusal(
            400,
            "Request_UnsupportedQuery",
            "Too many child clauses specified in search filter expression containing 'OR' operators. Max allowed: 15.",
        ),
    })
}

pub(super) fn list(
    simulation: &Simulation,
    request: &Request,
    directory: &Directory,
    kind: ObjectKind,
) -> Result<Reply, Reply> {
    let filter = filter(request)?;
    let select = select(request);
    let found: Vec<Value> = directory
        .all(kind)
        .filter(|object| filter.as_ref().is_none_or(|filter| filter.takes(&object.body)))
        .map(|object| answer::object(object, select.as_deref()))
        .collect();
    answer::page(simulation, request, &found)
}

/// One object; a user also by its name, a service principal also by its
/// application: `servicePrincipals(appId='…')` is not taken.
pub(super) fn one(request: &Request, directory: &Directory, kind: ObjectKind, id: &str) -> Result<Reply, Reply> {
    let by_name = || {
        let is_named = |name: &str| name.eq_ignore_ascii_case(id);
        directory.all(ObjectKind::User).find(|user| user.text("userPrincipalName").is_some_and(is_named))
    };
    let found = directory.get(id).filter(|object| object.kind == kind);
    let found = found.or_else(|| if kind == ObjectKind::User { by_name() } else { None });
    let found = found.ok_or_else(|| answer::not_found(id))?;
    Ok(Reply::json(200, &answer::object(found, select(request).as_deref())))
}

/// `POST directoryObjects/getByIds`: what is not there is left out.
pub(super) fn by_ids(request: &Request, directory: &Directory) -> Result<Reply, Reply> {
    let body = request.json().map_err(|_| answer::bad_request("Unable to read JSON request payload."))?;
    let texts = |name: &str| -> Option<Vec<String>> {
        body[name].as_array()?.iter().map(|text| Some(text.as_str()?.to_owned())).collect()
    };
    let ids = texts("ids").ok_or_else(|| answer::bad_request("The property 'ids' is missing or no list of texts."))?;
    if ids.len() > MAX_IDS {
        return Err(answer::bad_request("The number of ids exceeds the limit of 1000."));
    }
    if let Some(wrong) = ids.iter().find(|id| !is_guid(id)) {
        return Err(answer::bad_request(&format!("Invalid GUID:{wrong}")));
    }
    let types = texts("types");
    let is_wanted = |kind: ObjectKind| {
        let of_type =
            |name: &String| name.eq_ignore_ascii_case(kind.name()) || name.eq_ignore_ascii_case("directoryObject");
        types.as_ref().is_none_or(|types| types.iter().any(of_type))
    };
    let select = select(request);
    let mut seen = std::collections::BTreeSet::new();
    let found: Vec<Value> = ids
        .iter()
        .filter_map(|id| directory.get(id))
        .filter(|object| is_wanted(object.kind) && seen.insert(object.id.clone()))
        .map(|object| answer::typed(object, select.as_deref()))
        .collect();
    let context = format!("{}/v1.0/$metadata#directoryObjects", request.origin);
    Ok(Reply::json(200, &json!({"@odata.context": context, "value": found})))
}

/// The owners of a service principal.
pub(super) fn owners(
    simulation: &Simulation,
    request: &Request,
    directory: &Directory,
    id: &str,
) -> Result<Reply, Reply> {
    let owned = directory.get(id).filter(|object| object.kind == ObjectKind::ServicePrincipal);
    let owned = owned.ok_or_else(|| answer::not_found(id))?;
    let select = select(request);
    let owners = owned.owners.iter().filter_map(|owner| directory.get(owner));
    let owners: Vec<Value> = owners.map(|owner| answer::typed(owner, select.as_deref())).collect();
    answer::page(simulation, request, &owners)
}
