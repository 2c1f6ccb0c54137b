//! The planted truth as one JSON document, for tests to compare with: ids in
//! their true case, every value as planted, no oddities of the wire.

use serde_json::{Map, Value, json};

use super::{
    access::GrantKind,
    model::{Estate, Kind, Resource},
};

/// The whole estate. Without `icons`, iconContent is left out (iconHash
/// stays).
pub(crate) fn document(estate: &Estate, seed: u64, icons: bool) -> Value {
    let mut document = Map::new();
    document.insert("tenantId".to_owned(), json!(estate.tenant));
    document.insert("seed".to_owned(), json!(seed));
    let subscriptions: Vec<Value> = estate
        .subscriptions
        .iter()
        .map(|subscription| json!({"id": subscription.id, "name": subscription.name}))
        .collect();
    document.insert("subscriptions".to_owned(), subscriptions.into());
    let list = |kind: Kind, extend: &dyn Fn(&Resource, &mut Value)| -> Value {
        estate
            .all(kind)
            .map(|resource| {
                let mut entry = entry(resource, icons);
                extend(resource, &mut entry);
                entry
            })
            .collect()
    };
    let nested = |resource: &Resource, child: &str| -> Value {
        estate.children(&resource.key, child).map(|child| entry(child, icons)).collect()
    };
    document.insert(
        "hostPools".to_owned(),
        list(Kind::HostPool, &|pool, entry| {
            entry["sessionHosts"] = json!(estate.children(&pool.key, "sessionHosts").count());
        }),
    );
    document.insert("sessionHosts".to_owned(), list(Kind::SessionHost, &|_, _| {}));
    document.insert(
        "applicationGroups".to_owned(),
        list(Kind::ApplicationGroup, &|group, entry| {
            entry["applications"] = nested(group, "applications");
            entry["desktops"] = nested(group, "desktops");
        }),
    );
    document.insert("workspaces".to_owned(), list(Kind::Workspace, &|_, _| {}));
    let roles: Vec<Value> = estate
        .access
        .roles
        .iter()
        .map(|role| {
            let prefix = role.subscription.as_ref();
            role.body(&prefix.map_or(String::new(), |id| format!("/subscriptions/{id}")))
        })
        .collect();
    document.insert("roleDefinitions".to_owned(), roles.into());
    for kind in GrantKind::ALL {
        let records: Vec<Value> = estate
            .subscriptions
            .iter()
            .flat_map(|subscription| estate.access.in_subscription(&subscription.id, kind))
            .chain(estate.access.above_subscriptions(kind))
            .map(|grant| grant.body.clone())
            .collect();
        document.insert(kind.segment().to_owned(), records.into());
    }
    Value::Object(document)
}

fn entry(resource: &Resource, icons: bool) -> Value {
    let mut properties = resource.body["properties"].clone();
    if !icons && let Some(properties) = properties.as_object_mut() {
        properties.remove("iconContent");
    }
    let mut entry = json!({
        "id": resource.id,
        "name": resource.name,
        "subscriptionId": resource.subscription,
        "resourceGroup": resource.resource_group,
        "properties": properties,
    });
    if !resource.kind.is_child() {
        entry["location"] = resource.body["location"].clone();
        entry["tags"] = resource.body["tags"].clone();
    }
    entry
}
