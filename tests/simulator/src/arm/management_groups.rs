//! Microsoft.Management: the management groups, and what is in each.

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    error,
    paging::{End, render},
    versions,
};
use crate::{
    estate::model::{Estate, ManagementGroup},
    fault::Active,
    reply::Reply,
    request::Request,
};

const TYPE: &str = "Microsoft.Management/managementGroups";

/// `path` is the request's, in lower case.
pub(super) fn handle(request: &Request, estate: &Estate, denied: &Active, path: &[&str]) -> Result<Reply, Reply> {
    if request.method != Method::GET {
        return Err(error::not_allowed(request));
    }
    versions::check(request, "managementGroups", versions::MANAGEMENT_GROUPS)?;
    let found = |name: &str| estate.management_group(name).ok_or_else(|| error::no_management_group(name));
    match path {
        ["providers", _, "managementgroups"] => {
            let visible =
                estate.management_groups.iter().filter(|group| !denied.denies(&group.id().to_ascii_lowercase()));
            let value: Vec<String> = visible.map(|group| short(estate, group).to_string()).collect();
            Ok(render(&value, None, End::NoKey))
        }
        ["providers", _, "managementgroups", name] => Ok(Reply::json(200, &whole(estate, found(name)?))),
        ["providers", _, "managementgroups", name, "subscriptions"] => {
            let group = found(name)?;
            let value: Vec<String> = subscriptions(estate, group)
                .map(|(id, name)| {
                    json!({
                        "id": format!("{}/subscriptions/{id}", group.id()),
                        "name": id,
                        "type": format!("{TYPE}/subscriptions"),
                        "properties": {
                            "displayName": name,
                            "tenant": estate.tenant,
                            "state": "Active",
                            "parent": {"id": group.id()},
                        },
                    })
                    .to_string()
                })
                .collect();
            Ok(render(&value, None, End::NoKey))
        }
        _ => Err(error::not_found(request)),
    }
}

fn short(estate: &Estate, group: &ManagementGroup) -> Value {
    json!({
        "id": group.id(),
        "name": group.name,
        "type": TYPE,
        "properties": {"displayName": group.display_name, "tenantId": estate.tenant},
    })
}

fn whole(estate: &Estate, group: &ManagementGroup) -> Value {
    let mut body = short(estate, group);
    let parent = group.parent.as_deref().and_then(|parent| estate.management_group(parent));
    body["properties"]["details"] = match parent {
        Some(parent) => json!({
            "parent": {"id": parent.id(), "name": parent.name, "displayName": parent.display_name},
        }),
        None => json!({}),
    };
    let is_child = |other: &&ManagementGroup| {
        other.parent.as_deref().is_some_and(|parent| parent.eq_ignore_ascii_case(&group.name))
    };
    let groups =
        estate.management_groups.iter().filter(is_child).map(
            |child| json!({"id": child.id(), "type": TYPE, "name": child.name, "displayName": child.display_name}),
        );
    let subscriptions = subscriptions(estate, group)
        .map(|(id, name)| json!({"id": format!("/subscriptions/{id}"), "type": "/subscriptions", "name": id, "displayName": name}));
    body["properties"]["children"] = groups.chain(subscriptions).collect();
    body
}

/// Ids and names of the subscriptions right in a group.
fn subscriptions<'a>(estate: &'a Estate, group: &ManagementGroup) -> impl Iterator<Item = (&'a str, &'a str)> {
    let name = group.name.clone();
    estate
        .subscriptions
        .iter()
        .filter(move |subscription| {
            let home = &subscription.management_group;
            let home = if home.is_empty() { &estate.tenant } else { home };
            home.eq_ignore_ascii_case(&name)
        })
        .map(|subscription| (subscription.id.as_str(), subscription.name.as_str()))
}
