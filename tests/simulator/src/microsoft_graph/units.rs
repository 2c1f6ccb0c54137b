//! What a request costs in Microsoft Graph's units.
//! <https://learn.microsoft.com/graph/throttling-limits>

use crate::request::Request;

/// `$top` below this makes a request cheaper.
const SMALL_PAGE: usize = 20;

/// The units of a request.
pub(crate) fn of(request: &Request) -> u32 {
    let path: Vec<&str> = request.lower.split('/').skip(2).collect();
    let base: u32 = match path[..] {
        ["directoryobjects", "getbyids" | "microsoft.graph.getbyids"] => 3,
        ["groups", _, "transitivemembers", ..] => 5,
        ["groups", _, "members", ..] | ["groups", "delta"] => 3,
        ["users" | "groups" | "applications"] => 2,
        ["serviceprincipals", _, "approleassignments" | "oauth2permissiongrants"] | ["oauth2permissiongrants"] => 2,
        _ => 1,
    };
    let selects = u32::from(request.query("$select").is_some());
    let is_small = request.query("$top").and_then(|top| top.parse::<usize>().ok()).is_some_and(|top| top < SMALL_PAGE);
    base.saturating_sub(selects + u32::from(is_small)).max(1)
}
