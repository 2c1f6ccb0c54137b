//! ARM's error answers, worded as ARM words them.

use axum::http::Method;

use crate::{
    auth::token::Caller,
    reply::Reply,
    request::{Api, Request},
};

pub(crate) fn no_subscription(id: &str) -> Reply {
    let message = format!("The subscription '{id}' could not be found.");
    Reply::error(404, "SubscriptionNotFound", &message)
}

pub(crate) fn no_management_group(name: &str) -> Reply {
    let message = format!("The management group '{name}' cannot be found.");
    Reply::error(404, "ManagementGroupNotFound", &message)
}

pub(crate) fn no_resource_group(name: &str) -> Reply {
    let message = format!("Resource group '{name}' could not be found.");
    Reply::error(404, "ResourceGroupNotFound", &message)
}

/// 404 for a resource's id.
pub(crate) fn no_resource(id: &str) -> Reply {
    let (scope, resource) = id.split_once("/providers/").unwrap_or(("", id));
    let group = scope.rsplit('/').next().unwrap_or("");
    let message = format!(
        "The Resource '{resource}' under resource group '{group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    );
    Reply::error(404, "ResourceNotFound", &message)
}

/// 404 for a path that leads nowhere.
pub(crate) fn not_found(request: &Request) -> Reply {
    let message = format!("No HTTP resource was found that matches the request URI '{}'.", request.path);
    Reply::error(404, "NotFound", &message)
}

pub(crate) fn not_allowed(request: &Request) -> Reply {
    let message = format!("The requested resource does not support http method '{}'.", request.method);
    Reply::error(405, "MethodNotAllowed", &message).with("allow", "GET")
}

pub(crate) fn bad_request(message: &str) -> Reply {
    Reply::error(400, "BadRequest", message)
}

/// 403 as ARM prints it.
pub(crate) fn forbidden(request: &Request, caller: Option<&Caller>) -> Reply {
    let (client, object) = caller.map_or(("", ""), |caller| (&caller.client_id, &caller.object_id));
    let (action, scope) = if request.api == Api::ResourceGraph {
        ("Microsoft.ResourceGraph/resources/read".to_owned(), "/".to_owned())
    } else {
        (action(request), request.path.clone())
    };
    let message = format!(
        "The client '{client}' with object id '{object}' does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials."
    );
    Reply::error(403, "AuthorizationFailed", &message)
}

/// The action a request needs, such as
/// `Microsoft.DesktopVirtualization/hostPools/read`.
fn action(request: &Request) -> String {
    let verb = match request.method {
        Method::GET | Method::HEAD => "read",
        Method::DELETE => "delete",
        Method::POST => "action",
        _ => "write",
    };
    let segments = request.segments();
    let provider = segments.iter().rposition(|segment| segment.eq_ignore_ascii_case("providers"));
    let kind = match provider {
        Some(at) => {
            let types = segments.iter().skip(at + 2).step_by(2).copied();
            segments.get(at + 1).copied().into_iter().chain(types).collect::<Vec<_>>().join("/")
        }
        None => "Microsoft.Resources/subscriptions".to_owned(),
    };
    format!("{kind}/{verb}")
}
