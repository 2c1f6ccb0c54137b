//! The classic model's management interface (RdsManagement), from the same
//! estate: one tenant group, a tenant for each subscription, and pools, groups,
//! applications and hosts by their names. Lists are bare arrays. Only role
//! assignments can be changed; the rest answers to GET.

mod fields;
mod lists;
mod roles;

pub(crate) use roles::RoleAssignments;

use axum::http::Method;

use crate::{
    estate::{
        change::groups_of,
        model::{Estate, Kind, Resource, Subscription},
    },
    feed::classic_tenant,
    reply::Reply,
    request::Request,
    state::Simulation,
};
use fields::Place;
use lists::{Entry, page};

/// The one tenant group.
pub(crate) const TENANT_GROUP: &str = "Default Tenant Group";

/// Answers a request with a classic token.
pub(crate) fn handle(simulation: &Simulation, request: &Request) -> Reply {
    if simulation.feed.is_classic_retired() {
        return Reply::error(410, "Gone", "The Azure Virtual Desktop (classic) service was retired on 2026-09-30.");
    }
    let snapshot = simulation.world.current();
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().skip(2).copied().collect();
    if !request.lower.starts_with("/rdsmanagement/v1") {
        return not_found("There is no such version.");
    }
    if let ["rds.authorization", "roleassignments", rest @ ..] = lower(&path).as_slice() {
        return simulation.role_assignments.handle(&snapshot.estate, request, rest, &simulation.next_request_id());
    }
    if request.method != Method::GET {
        return Reply::error(405, "MethodNotAllowed", "GET only.").with("allow", "GET");
    }
    match path.as_slice() {
        [kind, rest @ ..] if kind.eq_ignore_ascii_case("TenantGroups") => {
            tenant_groups(&snapshot.estate, request, rest).unwrap_or_else(|reply| reply)
        }
        _ => not_found("There is no such resource."),
    }
}

fn lower<'a>(path: &[&'a str]) -> Vec<&'a str> {
    // Only the two fixed words are compared; what follows keeps its case.
    path.iter()
        .map(|segment| match segment.to_ascii_lowercase().as_str() {
            "rds.authorization" => "rds.authorization",
            "roleassignments" => "roleassignments",
            _ => *segment,
        })
        .collect()
}

fn not_found(message: &str) -> Reply {
    Reply::error(404, "NotFound", message)
}

fn tenant_groups(estate: &Estate, request: &Request, path: &[&str]) -> Result<Reply, Reply> {
    let group = || Entry::new(TENANT_GROUP, fields::tenant_group());
    match path {
        [] => Ok(page(request, vec![group()])),
        [name, ..] if !name.eq_ignore_ascii_case(TENANT_GROUP) => Err(not_found("TenantGroup does not exist.")),
        [_] => Ok(Reply::json(200, &group().body)),
        [_, kind, rest @ ..] if kind.eq_ignore_ascii_case("Tenants") => tenants(estate, request, rest),
        _ => Err(not_found("There is no such resource.")),
    }
}

/// The tenants by name.
fn tenants_of(estate: &Estate) -> Vec<(String, &Subscription)> {
    let named = |(index, subscription)| (classic_tenant(subscription, index).0, subscription);
    estate.subscriptions.iter().enumerate().map(named).collect()
}

fn tenants(estate: &Estate, request: &Request, path: &[&str]) -> Result<Reply, Reply> {
    let tenants = tenants_of(estate);
    let [name, rest @ ..] = path else {
        let all =
            tenants.iter().map(|(name, subscription)| Entry::new(name, fields::tenant(estate, name, subscription)));
        return Ok(page(request, all.collect()));
    };
    let (name, subscription) = tenants
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .ok_or_else(|| not_found("Tenant does not exist."))?;
    match rest {
        [] => Ok(Reply::json(200, &fields::tenant(estate, name, subscription))),
        [kind, rest @ ..] if kind.eq_ignore_ascii_case("HostPools") => {
            host_pools(estate, request, name, subscription, rest)
        }
        _ => Err(not_found("There is no such resource.")),
    }
}

fn host_pools(
    estate: &Estate,
    request: &Request,
    tenant: &str,
    subscription: &Subscription,
    path: &[&str],
) -> Result<Reply, Reply> {
    let mut pools = estate.in_subscription(&subscription.id, Kind::HostPool);
    let [name, rest @ ..] = path else {
        let all = pools.map(|pool| Entry::new(&pool.name, Place::new(tenant, pool).host_pool()));
        return Ok(page(request, all.collect()));
    };
    let pool =
        pools.find(|pool| pool.name.eq_ignore_ascii_case(name)).ok_or_else(|| not_found("HostPool does not exist."))?;
    let place = Place::new(tenant, pool);
    let Some((kind, rest)) = rest.split_first() else {
        return Ok(Reply::json(200, &place.host_pool()));
    };
    match (kind.to_ascii_lowercase().as_str(), rest) {
        ("appgroups", rest) => app_groups(estate, request, &place, pool, rest),
        ("sessionhosts", []) => {
            let hosts = estate.children(&pool.key, "sessionHosts");
            Ok(page(request, hosts.map(|host| Entry::new(&host.name, place.session_host(host))).collect()))
        }
        ("sessionhosts", [name]) => estate
            .children(&pool.key, "sessionHosts")
            .find(|host| host.name.eq_ignore_ascii_case(name))
            .map(|host| Reply::json(200, &place.session_host(host)))
            .ok_or_else(|| not_found("SessionHost does not exist.")),
        ("sessions", []) => Ok(page(request, Vec::new())),
        ("registrationinfos", []) => Ok(page(request, vec![Entry::new("1", place.registration())])),
        _ => Err(not_found("There is no such resource.")),
    }
}

fn app_groups(
    estate: &Estate,
    request: &Request,
    place: &Place<'_>,
    pool: &Resource,
    path: &[&str],
) -> Result<Reply, Reply> {
    let groups = groups_of(estate, pool);
    let [name, rest @ ..] = path else {
        let all = groups.iter().map(|group| Entry::new(&group.name, place.app_group(group)));
        return Ok(page(request, all.collect()));
    };
    let group = groups
        .iter()
        .find(|group| group.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| not_found("AppGroup does not exist."))?;
    let Some((kind, rest)) = rest.split_first() else {
        return Ok(Reply::json(200, &place.app_group(group)));
    };
    let apps = || estate.children(&group.key, "applications");
    match (kind.to_ascii_lowercase().as_str(), rest) {
        ("remoteapps", []) => {
            Ok(page(request, apps().map(|app| Entry::new(&app.name, place.remote_app(group, app))).collect()))
        }
        ("remoteapps", [name]) => apps()
            .find(|app| app.name.eq_ignore_ascii_case(name))
            .map(|app| Reply::json(200, &place.remote_app(group, app)))
            .ok_or_else(|| not_found("RemoteApp does not exist.")),
        ("desktop", []) => estate
            .children(&group.key, "desktops")
            .next()
            .map(|desktop| Reply::json(200, &place.desktop(group, desktop)))
            .ok_or_else(|| not_found("The AppGroup is not of type Desktop.")),
        ("startmenuapps", []) => {
            Ok(page(request, apps().map(|app| Entry::new(&app.name, place.start_menu_app(group, app))).collect()))
        }
        ("assignedusers", rest) => {
            let users: Vec<Entry> = fields::assigned_users(estate, group)
                .into_iter()
                .map(|user| Entry::new(&user, place.assigned_user(group, &user)))
                .collect();
            match rest {
                [] => Ok(page(request, users)),
                [name, ..] => users
                    .into_iter()
                    .find(|user| user.name.eq_ignore_ascii_case(name))
                    .map(|user| Reply::json(200, &user.body))
                    .ok_or_else(|| not_found("The user is not assigned.")),
            }
        }
        _ => Err(not_found("There is no such resource.")),
    }
}
