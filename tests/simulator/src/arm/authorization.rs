//! Microsoft.Authorization at any scope: role assignments and definitions,
//! deny assignments, and PIM instances.

use axum::http::Method;

use super::{
    error,
    filter::{self, Term},
    paging::{self, End, render},
    versions,
};
use crate::{
    estate::{
        access::{Grant, GrantKind, is_at_or_below},
        model::Estate,
    },
    reply::Reply,
    request::Request,
    state::Simulation,
};

/// `scope` is in lower case and without a trailing slash; `rest` is what
/// follows the namespace.
pub(crate) fn handle(
    simulation: &Simulation,
    request: &Request,
    estate: &Estate,
    scope: &str,
    rest: &[&str],
) -> Result<Reply, Reply> {
    if request.method != Method::GET {
        return Err(error::not_allowed(request));
    }
    let (kind, name) = match rest {
        [kind] => (*kind, None),
        [kind, name] => (*kind, Some(*name)),
        _ => return Err(error::not_found(request)),
    };
    if kind.eq_ignore_ascii_case("roleDefinitions") {
        versions::check(request, kind, versions::ROLE_DEFINITIONS)?;
        return role_definitions(request, estate, scope, name);
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
    let subscription = request.subscription().unwrap_or("");
    let mut grants = estate.access.in_subscription(subscription, kind);
    match name {
        Some(name) => grants
            .find(|grant| grant.scope == scope && grant.name.eq_ignore_ascii_case(name))
            .map(|grant| Reply::json(200, &grant.body))
            .ok_or_else(|| {
                let message = format!("The {} '{name}' is not found.", kind.segment());
                Reply::error(404, "RoleAssignmentNotFound", &message)
            }),
        None => list(simulation, request, grants, scope),
    }
}

/// What a `$filter` asks of a record.
#[derive(Debug, Default)]
struct Wanted {
    at_scope_only: bool,
    principal: Option<String>,
}

impl Wanted {
    fn parse(text: Option<&str>) -> Result<Self, Reply> {
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
        for term in filter::parse(text).ok_or_else(unsupported)? {
            match term {
                Term::Call(name, argument) if argument.is_empty() && name == "atscope" => {
                    wanted.at_scope_only = true;
                }
                Term::Call(name, argument) if argument.is_empty() && name == "astarget" => {}
                Term::Call(name, principal) if !principal.is_empty() && name == "assignedto" => {
                    wanted.principal = Some(principal.to_ascii_lowercase());
                }
                Term::Compare(name, operator, principal) if name == "principalid" && operator == "eq" => {
                    wanted.principal = Some(principal.to_ascii_lowercase());
                }
                _ => return Err(unsupported()),
            }
        }
        Ok(wanted)
    }

    fn takes(&self, grant: &Grant, scope: &str) -> bool {
        let here_or_above = is_at_or_below(scope, &grant.scope);
        let below = !self.at_scope_only && is_at_or_below(&grant.scope, scope);
        let principal = self.principal.as_ref();
        (here_or_above || below) && principal.is_none_or(|wanted| grant.principals.contains(wanted))
    }
}

fn list<'a>(
    simulation: &Simulation,
    request: &Request,
    grants: impl Iterator<Item = &'a Grant>,
    scope: &str,
) -> Result<Reply, Reply> {
    let wanted = Wanted::parse(request.query("$filter"))?;
    let oddness = simulation.oddness();
    let skip: usize = match request.query("$skipToken") {
        None => 0,
        Some(token) => paging::decode(token)?
            .parse()
            .map_err(|_| error::bad_request("The $skipToken is not one that was given out."))?,
    };
    let size = simulation.options.estate.page_size;
    let mut matching = grants.filter(|grant| wanted.takes(grant, scope)).skip(skip).peekable();
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
    let subscription = request.subscription();
    let prefix = subscription
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
