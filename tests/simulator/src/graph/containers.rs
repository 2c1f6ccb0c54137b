//! The table `resourcecontainers`: subscriptions with the management groups
//! above them, resource groups, and management groups.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{
    eval::Row,
    rows::{Asked, row},
};
use crate::{
    estate::model::{Estate, ManagementGroup, Subscription},
    fault::Active,
};

pub(super) fn rows<'a>(estate: &'a Estate, asked: Asked<'_>, denied: &Active) -> Vec<Row<'a>> {
    let is_asked =
        |subscription: &&Subscription| asked.subscriptions.iter().any(|id| id.eq_ignore_ascii_case(&subscription.id));
    let subscriptions: Vec<&Subscription> = estate.subscriptions.iter().filter(is_asked).collect();
    let mut rows: Vec<Row<'a>> = Vec::new();
    for subscription in subscriptions {
        rows.push(subscription_row(estate, subscription));
        let prefix = format!("/subscriptions/{}/", subscription.id.to_ascii_lowercase());
        let groups = estate.resource_groups.iter().filter(|path| path.starts_with(&prefix) && !denied.denies(path));
        rows.extend(
            groups.filter_map(|path| path.rsplit('/').next()).map(|name| group_row(estate, subscription, name)),
        );
    }
    let management = estate.management_groups.iter().filter(|group| !denied.denies(&group.id().to_ascii_lowercase()));
    rows.extend(management.map(|group| management_group_row(estate, group)));
    rows
}

/// Names of management groups from one on upwards.
fn chain(estate: &Estate, name: &str) -> Value {
    let ancestors = estate.ancestors(name).into_iter();
    ancestors.map(|group| json!({"displayName": group.display_name, "name": group.name})).collect()
}

fn subscription_row<'a>(estate: &Estate, subscription: &Subscription) -> Row<'a> {
    let properties = json!({
        "managedByTenants": [],
        "managementGroupAncestorsChain": chain(estate, &subscription.management_group),
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "EnterpriseAgreement_2014-09-01",
            "spendingLimit": "Off",
        },
    });
    container(
        estate,
        &format!("/subscriptions/{}", subscription.id),
        [&subscription.name, "microsoft.resources/subscriptions"],
        [&subscription.id, ""],
        properties,
    )
}

fn group_row<'a>(estate: &Estate, subscription: &Subscription, name: &str) -> Row<'a> {
    container(
        estate,
        &format!("/subscriptions/{}/resourceGroups/{name}", subscription.id),
        [name, "microsoft.resources/subscriptions/resourcegroups"],
        [&subscription.id, name],
        json!({"provisioningState": "Succeeded"}),
    )
}

fn management_group_row<'a>(estate: &Estate, group: &ManagementGroup) -> Row<'a> {
    let parent = group.parent.as_deref().and_then(|parent| estate.management_group(parent));
    let properties = json!({
        "displayName": group.display_name,
        "tenantId": estate.tenant,
        "details": {
            "managementGroupAncestors": parent.map(|parent| {
                estate.ancestors(&parent.name).iter().map(|above| above.name.clone()).collect::<Vec<_>>()
            }),
            "managementGroupAncestorsChain": parent.map(|parent| chain(estate, &parent.name)),
            "parent": parent.map(|parent| {
                json!({"id": parent.id(), "name": parent.name, "displayName": parent.display_name})
            }),
        },
    });
    container(estate, &group.id(), [&group.name, "microsoft.management/managementgroups"], ["", ""], properties)
}

fn container<'a>(
    estate: &Estate,
    id: &str,
    [name, kind]: [&str; 2],
    [subscription, resource_group]: [&str; 2],
    properties: Value,
) -> Row<'a> {
    row(
        [Cow::Owned(json!(id)), Cow::Owned(json!(name)), Cow::Owned(json!(kind))],
        estate,
        subscription,
        resource_group,
        Cow::Owned(properties),
        [Cow::Owned(Value::Null), Cow::Owned(json!({}))],
    )
}
