//! Microsoft.Authorization at any scope: role assignments and definitions,
//! deny assignments, and PIM instances.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::json;

use super::{
    error,
    filter::{self, Term},
    paging::{self, End, render},
    role_assignments, versions,
};
use crate::{
    auth::token::Caller,
    dice::{guid, hash},
    estate::{
        access::{self, Grant, GrantKind, is_at_or_below, subscription_of},
        model::Estate,
    },
    reply::Reply,
    request::Request,
    state::Simulation,
};

/// `scope` is as it was spelled, without a trailing slash, or `/`; `rest` is
/// what follows the namespace.
pub(crate) fn handle(
    simulation: &Simulation,
    request: &Request,
    caller: &Caller,
    estate: &Estate,
    scope: &str,
    rest: &[&str],
) -> Result<Reply, Reply> {
    let (kind, name) = match rest {
        [kind] => (*kind, None),
        [kind, name] => (*kind, Some(*name)),
        _ => return Err(error::not_found(request)),
    };
    let lower = scope.to_ascii_lowercase();
    check_management_group(estate, &lower)?;
    if let (Some(name), true) = (name, kind.eq_ignore_ascii_case(GrantKind::Assignment.segment()))
        && request.method != Method::GET
    {
        versions::check(request, kind, versions::ROLE_ASSIGNMENTS)?;
        return role_assignments::handle(simulation, request, scope, name);
    }
    if request.method != Method::GET {
        return Err(error::not_allowed(request));
    }
    if kind.eq_ignore_ascii_case("roleDefinitions") {
        versions::check(request, kind, versions::ROLE_DEFINITIONS)?;
        return role_definitions(request, estate, &lower, name);
    }
    if kind.eq_ignore_ascii_case("classicAdministrators") && name.is_none() {
        versions::check(request, kind, versions::CLASSIC_ADMINISTRATORS)?;
        return Ok(classic_administrators(estate, &lower));
    }
    if kind.eq_ignore_ascii_case("permissions") && name.is_none() {
        versions::check(request, kind, versions::PERMISSIONS)?;
        // Rights are not simulated: whatever is not kept from it by a fault, a caller may do.
        let all = json!({"actions": ["*"], "notActions": [], "dataActions": [], "notDataActions": []});
        return Ok(render(&[all.to_string()], None, End::NoKey));
    }
    let Some(kind) = GrantKind::ALL.into_iter().find(|known| known.segment().eq_ignore_ascii_case(kind)) else {
        let message =
            format!("The resource type '{kind}' could not be found in the namespace 'Microsoft.Authorization'.");
        return Err(Reply::error(404, "InvalidResourceType", &message));
    };
    let supported = match kind {
        GrantKind::Assignment => versions::ROLE_ASSIGNMENTS,
        GrantKind::Deny => versions::DENY_ASSIGNMENTS,
        GrantKind::Active | GrantKind::Eligible => versions::PIM_INSTANCES,
    };
    versions::check(request, kind.segment(), supported)?;
    match name {
        Some(name) => estate
            .access
            .in_subscription(subscription_of(&lower), kind)
            .find(|grant| grant.scope == lower && grant.name.eq_ignore_ascii_case(name))
            .map(|grant| Reply::json(200, &grant.body))
            .ok_or_else(|| {
                let message = format!("The {} '{name}' is not found.", kind.segment());
                Reply::error(404, "RoleAssignmentNotFound", &message)
            }),
        None => {
            let wanted = Wanted::parse(request.query("$filter"), caller, estate)?;
            let refused = if kind == GrantKind::Deny { refusals(simulation, caller, &lower) } else { Vec::new() };
            let refused = refused.iter().filter(|_| !wanted.at_scope_only);
            list(simulation, request, wanted.among(estate, kind, &lower).into_iter().chain(refused).collect())
        }
    }
}

/// Who may read a subscription and is refused below it is so by a deny
/// assignment: those that say it, below a scope.
fn refusals(simulation: &Simulation, caller: &Caller, scope: &str) -> Vec<Grant> {
    let active = simulation.faults.active();
    let below = active.denied().iter().filter(|denied| *denied != scope && is_at_or_below(denied, scope));
    let grant = |denied: &String| {
        let properties = access::refusal(&caller.object_id);
        let name = guid(hash(1, denied), hash(2, &caller.object_id));
        Grant::named(GrantKind::Deny, &name, denied, &caller.object_id, properties)
    };
    below.map(grant).collect()
}

fn check_management_group(estate: &Estate, lower_scope: &str) -> Result<(), Reply> {
    match lower_scope.strip_prefix("/providers/microsoft.management/managementgroups/") {
        Some(name) if estate.management_group(name).is_none() => Err(error::no_management_group(name)),
        _ => Ok(()),
    }
}

fn classic_administrators(estate: &Estate, lower_scope: &str) -> Reply {
    let value: Vec<String> = estate
        .classic_administrators
        .iter()
        .filter(|administrator| subscription_of(lower_scope).eq_ignore_ascii_case(&administrator.subscription))
        .map(|administrator| administrator.body().to_string())
        .collect();
    render(&value, None, End::NoKey)
}

/// What a `$filter` asks of a record.
#[derive(Debug, Default)]
struct Wanted {
    at_scope_only: bool,
    /// Any of these principals; `None` is whoever.
    principals: Option<BTreeSet<String>>,
}

impl Wanted {
    fn parse(text: Option<&str>, caller: &Caller, estate: &Estate) -> Result<Self, Reply> {
        let mut wanted = Self::default();
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(wanted);
        };
        let unsupported = || {
            Reply::error(
                400,
                "UnsupportedQuery",
                &format!(
                    "The filter '{text}' is not supported. Supported filters are either 'atScope()' or 'principalId eq '{{value}}' or assignedTo('{{value}}')'."
                ),
            )
        };
        // With the groups that somebody is in, however deep.
        let through_groups = |principal: &str| {
            let mut principals = estate.directory.groups_of(principal);
            principals.insert(principal.to_ascii_lowercase());
            principals
        };
        for term in filter::parse(text).ok_or_else(unsupported)? {
            match term {
                Term::Call(name, argument) if argument.is_empty() && name == "atscope" => {
                    wanted.at_scope_only = true;
                }
                Term::Call(name, argument) if argument.is_empty() && name == "astarget" => {
                    wanted.principals = Some(through_groups(&caller.object_id));
                }
                Term::Call(name, principal) if !principal.is_empty() && name == "assignedto" => {
                    wanted.principals = Some(through_groups(&principal));
                }
                Term::Compare(name, operator, principal) if name == "principalid" && operator == "eq" => {
                    wanted.principals = Some(BTreeSet::from([principal.to_ascii_lowercase()]));
                }
                _ => return Err(unsupported()),
            }
        }
        Ok(wanted)
    }

    /// The records of a kind that a list at a scope shows: what holds there,
    /// and unless only the scope is asked for what stands below it.
    fn among<'a>(&self, estate: &'a Estate, kind: GrantKind, scope: &str) -> Vec<&'a Grant> {
        let chain = estate.chain(scope);
        let subscription = subscription_of(scope);
        let is_wanted = |grant: &Grant| {
            self.principals.as_ref().is_none_or(|any| grant.principals.iter().any(|principal| any.contains(principal)))
        };
        if !subscription.is_empty() {
            let around = estate.access.around(subscription, &chain, kind);
            let is_here = |grant: &&Grant| {
                chain.contains(&grant.scope) || (!self.at_scope_only && is_at_or_below(&grant.scope, scope))
            };
            return around.filter(|grant| is_here(grant) && is_wanted(grant)).collect();
        }
        let above = estate.access.above_subscriptions(kind);
        let within = estate.subscriptions.iter().flat_map(|found| estate.access.in_subscription(&found.id, kind));
        let is_here = |grant: &&Grant| {
            let below = || estate.chain(&grant.scope).iter().any(|ancestor| ancestor == scope);
            chain.contains(&grant.scope) || (!self.at_scope_only && below())
        };
        within.chain(above).filter(|grant| is_here(grant) && is_wanted(grant)).collect()
    }
}

fn list(simulation: &Simulation, request: &Request, grants: Vec<&Grant>) -> Result<Reply, Reply> {
    let oddness = simulation.oddness();
    let skip: usize = match request.query("$skipToken") {
        None => 0,
        Some(token) => paging::decode(token)?
            .parse()
            .map_err(|_| error::bad_request("The $skipToken is not one that was given out."))?,
    };
    let size = simulation.options.estate.page_size;
    let mut matching = grants.into_iter().skip(skip).peekable();
    let mut value = Vec::new();
    for grant in matching.by_ref().take(size) {
        let printed = grant.body.to_string();
        if oddness.is_twice(&grant.name) {
            value.push(printed.clone());
        }
        value.push(printed);
    }
    let next = matching.peek().map(|_| request.next_link(&paging::encode(&(skip + size).to_string())));
    Ok(render(&value, next.as_deref(), End::NoKey))
}

fn role_definitions(request: &Request, estate: &Estate, scope: &str, name: Option<&str>) -> Result<Reply, Reply> {
    let prefix = request
        .subscription()
        .and_then(|id| estate.subscription(id))
        .map_or(String::new(), |found| format!("/subscriptions/{}", found.id));
    let chain = estate.chain(scope);
    if let Some(name) = name {
        return estate
            .access
            .roles_around(&chain)
            .find(|role| role.guid.eq_ignore_ascii_case(name))
            .map(|role| Reply::json(200, &role.body(&prefix)))
            .ok_or_else(|| {
                let message =
                    format!("The specified role definition with ID '{name}' does not exist at the scope '{scope}'.");
                Reply::error(404, "RoleDefinitionDoesNotExist", &message)
            });
    }
    let (mut kind, mut role_name) = (None, None);
    if let Some(text) = request.query("$filter").filter(|text| !text.is_empty()) {
        let unsupported = || Reply::error(400, "UnsupportedQuery", &format!("The filter '{text}' is not supported."));
        for term in filter::parse(text).ok_or_else(unsupported)? {
            match term {
                Term::Call(name, _) if name == "atscope" || name == "atscopeandbelow" => {}
                Term::Compare(name, operator, value) if name == "type" && operator == "eq" => kind = Some(value),
                Term::Compare(name, operator, value) if name == "rolename" && operator == "eq" => {
                    role_name = Some(value);
                }
                _ => return Err(unsupported()),
            }
        }
    }
    let value: Vec<String> = estate
        .access
        .roles_around(&chain)
        .filter(|role| {
            kind.as_ref().is_none_or(|kind| role.is_custom() == kind.eq_ignore_ascii_case("CustomRole"))
                && role_name.as_ref().is_none_or(|name| role.properties["roleName"] == name.as_str())
        })
        .map(|role| role.body(&prefix).to_string())
        .collect();
    Ok(render(&value, None, End::NoKey))
}
