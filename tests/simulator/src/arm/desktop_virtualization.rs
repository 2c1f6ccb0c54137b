//! Microsoft.DesktopVirtualization: its lists and single resources. Changes
//! are in [`super::writes`].

use axum::http::Method;

use super::{
    error,
    filter::{self, Term},
    paging::{self, End, render},
    versions, writes,
};
use crate::{
    estate::{
        model::{Estate, Kind, Resource},
        other::Other,
    },
    fault::Active,
    reply::Reply,
    request::Request,
    state::Simulation,
};

/// Types that an estate does not grow: their lists are there, and hold what was
/// planted besides.
const PLAIN_TYPES: [&str; 13] = [
    "scalingplans",
    "appattachpackages",
    "applicationgroups/startmenuitems",
    "hostpools/usersessions",
    "hostpools/sessionhosts/usersessions",
    "hostpools/scalingplans",
    "hostpools/msixpackages",
    "hostpools/privateendpointconnections",
    "hostpools/privatelinkresources",
    "hostpools/sessionhostconfigurations",
    "hostpools/sessionhostmanagements",
    "workspaces/privateendpointconnections",
    "workspaces/privatelinkresources",
];

pub(crate) fn handle(
    simulation: &Simulation,
    request: &Request,
    estate: &Estate,
    denied: &Active,
) -> Result<Reply, Reply> {
    let lower: Vec<&str> = request.lower.split('/').skip(1).collect();
    let (in_group, rest) = match lower.as_slice() {
        ["subscriptions", _, "providers", _, rest @ ..] => (false, rest),
        ["subscriptions", subscription, "resourcegroups", group, "providers", _, rest @ ..] => {
            let path = format!("/subscriptions/{subscription}/resourcegroups/{group}");
            if !estate.resource_groups.contains(&path) {
                return Err(error::no_resource_group(group));
            }
            (true, rest)
        }
        _ => return Err(error::not_found(request)),
    };
    let types: Vec<&str> = rest.iter().copied().step_by(2).collect();
    versions::check(request, rest.first().unwrap_or(&""), versions::DESKTOP_VIRTUALIZATION)?;
    let is_list = rest.len() % 2 == 1;
    if !is_list && in_group && request.method != Method::POST {
        return match request.method {
            Method::GET => single(simulation, request, estate),
            _ => writes::handle(simulation, request, estate),
        };
    }
    if request.method == Method::POST {
        return registration_token(request, estate, rest);
    }
    if request.method != Method::GET {
        return Err(error::not_allowed(request));
    }
    if !is_list || (!in_group && rest.len() > 1) {
        return Err(error::not_found(request));
    }
    if rest.len() > 1 {
        check_parent(request, estate)?;
    }
    let Some(kind) = Kind::from_segments(&types) else {
        let wanted = types.join("/");
        if PLAIN_TYPES.contains(&wanted.as_str()) {
            let end = if rest.len() == 1 { End::NoKey } else { End::Null };
            return Ok(render(&plain(request, estate, denied, rest), None, end));
        }
        return Err(unknown_type(request, &wanted));
    };
    let wanted_type = group_type_filter(request, kind)?;
    let end = if kind.is_child() { End::Null } else { End::NoKey };
    paging::page(
        request,
        estate.collection(&request.lower),
        simulation.options.estate.page_size,
        end,
        simulation.oddness(),
        |resource| !denied.denies(&resource.key) && is_of_type(resource, wanted_type.as_deref()),
    )
}

fn single(simulation: &Simulation, request: &Request, estate: &Estate) -> Result<Reply, Reply> {
    if let Some(plain) = estate.other.get(&request.lower) {
        return Ok(Reply::json(200, &plain.body));
    }
    let resource = estate.get(&request.lower).ok_or_else(|| error::no_resource(&request.path))?;
    let mut printed = Vec::new();
    simulation.oddness().print(resource, &mut printed);
    let body = printed.pop().unwrap_or_default();
    Ok(Reply::page(body.into()))
}

/// What was planted of a type that an estate does not grow. A host pool's
/// scaling plans are those that refer to it.
fn plain(request: &Request, estate: &Estate, denied: &Active, rest: &[&str]) -> Vec<String> {
    let listed = match rest {
        ["hostpools", _, "scalingplans"] => {
            let (pool, _) = request.lower.rsplit_once('/').unwrap_or_default();
            let refers = |plan: &Other| {
                let references = plan.body["properties"]["hostPoolReferences"].as_array().into_iter().flatten();
                let mut paths = references.filter_map(|reference| reference["hostPoolArmPath"].as_str());
                paths.any(|path| path.eq_ignore_ascii_case(pool))
            };
            let plans = estate.other.all().filter(|other| other.kind.ends_with("/scalingplans"));
            plans.filter(|plan| refers(plan)).collect()
        }
        _ => estate.other.listed(&request.lower),
    };
    listed.iter().filter(|other| !denied.denies(&other.key)).map(|other| other.body.to_string()).collect()
}

/// A list of children needs the resource above it.
fn check_parent(request: &Request, estate: &Estate) -> Result<(), Reply> {
    let (parent, _) = request.lower.rsplit_once('/').unwrap_or_default();
    match estate.get(parent) {
        Some(_) => Ok(()),
        None => {
            let (spelled, _) = request.path.rsplit_once('/').unwrap_or_default();
            Err(error::no_resource(spelled))
        }
    }
}

/// `POST hostPools/{h}/retrieveRegistrationToken` and `listRegistrationTokens`.
fn registration_token(request: &Request, estate: &Estate, rest: &[&str]) -> Result<Reply, Reply> {
    let ["hostpools", _, action @ ("retrieveregistrationtoken" | "listregistrationtokens")] = rest else {
        return Err(error::not_found(request));
    };
    check_parent(request, estate)?;
    let (parent, _) = request.lower.rsplit_once('/').unwrap_or_default();
    let pool = estate.get(parent).ok_or_else(|| error::no_resource(parent))?;
    let info = pool.property("registrationInfo");
    if *action == "retrieveregistrationtoken" {
        return Ok(Reply::json(200, info));
    }
    let token = serde_json::json!({"token": info["token"], "expirationTime": info["expirationTime"]});
    Ok(render(&[token.to_string()], None, End::Null))
}

fn unknown_type(request: &Request, wanted: &str) -> Reply {
    let version = request.query("api-version").unwrap_or("");
    let message = format!(
        "The resource type '{wanted}' could not be found in the namespace 'Microsoft.DesktopVirtualization' for api version '{version}'. The supported api-versions are '{}'.",
        versions::DESKTOP_VIRTUALIZATION.join(",")
    );
    Reply::error(404, "InvalidResourceType", &message)
}

/// `$filter=applicationGroupType eq '…'`, which only groups know.
fn group_type_filter(request: &Request, kind: Kind) -> Result<Option<String>, Reply> {
    let Some(text) = request.query("$filter").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let terms = filter::parse(text).unwrap_or_default();
    match (kind, terms.as_slice()) {
        (Kind::ApplicationGroup, [Term::Compare(name, operator, value)])
            if name == "applicationgrouptype" && operator == "eq" =>
        {
            // The published example filters on the older name.
            let value = if value == "RailApplication" { "RemoteApp" } else { value };
            Ok(Some(value.to_owned()))
        }
        _ => Err(error::bad_request(&format!("The filter '{text}' is not supported."))),
    }
}

fn is_of_type(resource: &Resource, wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| {
        resource.property("applicationGroupType").as_str().is_some_and(|kind| kind.eq_ignore_ascii_case(wanted))
    })
}
