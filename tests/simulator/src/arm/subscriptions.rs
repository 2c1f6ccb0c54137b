//! `GET /subscriptions` and `GET /subscriptions/{s}`, and a subscription's
//! resource groups.

use serde_json::{Value, json};

use super::{
    error,
    paging::{End, render},
    versions,
};
use crate::{
    estate::model::{Estate, Subscription},
    fault::Active,
    reply::Reply,
    request::Request,
};

pub(crate) fn handle(request: &Request, estate: &Estate, denied: &Active, path: &[&str]) -> Result<Reply, Reply> {
    if !matches!(path.first(), Some(&("subscriptions" | "tenants"))) {
        return Err(error::not_found(request));
    }
    if request.method != axum::http::Method::GET {
        return Err(error::not_allowed(request));
    }
    versions::check(request, "subscriptions", versions::SUBSCRIPTIONS)?;
    let subscription =
        path.get(1).map(|id| estate.subscription(id).ok_or_else(|| error::no_subscription(id))).transpose()?;
    match (path, subscription) {
        (["tenants"], _) => Ok(Reply::json(
            200,
            &json!({"value": [{"id": format!("/tenants/{}", estate.tenant), "tenantId": estate.tenant}]}),
        )),
        (["subscriptions"], _) => {
            let visible: Vec<Value> = estate
                .subscriptions
                .iter()
                .filter(|subscription| !denied.denies(&format!("/subscriptions/{}", subscription.id)))
                .map(|subscription| body(estate, subscription))
                .collect();
            let count = json!({"type": "Total", "value": visible.len()});
            Ok(Reply::json(200, &json!({"value": visible, "count": count})))
        }
        ([_, _], Some(subscription)) => Ok(Reply::json(200, &body(estate, subscription))),
        ([_, _, "resourcegroups"], Some(subscription)) => {
            let prefix = format!("/subscriptions/{}/", subscription.id);
            let groups: Vec<String> = estate
                .resource_groups
                .iter()
                .filter(|path| path.starts_with(&prefix) && !denied.denies(path))
                .filter_map(|path| path.rsplit('/').next())
                .map(|name| group(subscription, name).to_string())
                .collect();
            Ok(render(&groups, None, End::NoKey))
        }
        ([_, _, "resourcegroups", name], Some(subscription)) => {
            let path = format!("/subscriptions/{}/resourcegroups/{name}", subscription.id);
            if !estate.resource_groups.contains(&path) {
                return Err(error::no_resource_group(name));
            }
            Ok(Reply::json(200, &group(subscription, name)))
        }
        _ => Err(error::not_found(request)),
    }
}

fn body(estate: &Estate, subscription: &Subscription) -> Value {
    json!({
        "id": format!("/subscriptions/{}", subscription.id),
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription.id,
        "tenantId": estate.tenant,
        "displayName": subscription.name,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "EnterpriseAgreement_2014-09-01",
            "spendingLimit": "Off",
        },
    })
}

fn group(subscription: &Subscription, name: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{}/resourceGroups/{name}", subscription.id),
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": "westeurope",
        "properties": {"provisioningState": "Succeeded"},
    })
}
