//! The rows of each table, as Resource Graph shows an estate: types and
//! resource groups in lower case, and no registration tokens.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{
    ast::Table,
    eval::{Columns, Row},
    pipeline::Rows,
};
use crate::{
    estate::{
        access::{Grant, GrantKind},
        model::{Estate, Kind, PROVIDER, Resource},
    },
    fault::Active,
};

const COLUMNS: [&str; 16] = [
    "id",
    "name",
    "type",
    "tenantId",
    "kind",
    "location",
    "resourceGroup",
    "subscriptionId",
    "managedBy",
    "sku",
    "plan",
    "properties",
    "tags",
    "identity",
    "zones",
    "extendedLocation",
];

/// The rows of a table in some subscriptions, less what the caller may not
/// read.
pub(crate) fn of<'a>(estate: &'a Estate, table: Table, subscriptions: &'a [String], denied: &Active) -> Rows<'a> {
    let kinds: &[Kind] = match table {
        Table::Resources => &[Kind::HostPool, Kind::ApplicationGroup, Kind::Workspace],
        Table::DesktopVirtualization => &[Kind::SessionHost],
        Table::Authorization => &[],
    };
    let mut rows = Vec::new();
    for subscription in subscriptions {
        for kind in kinds {
            rows.extend(
                estate
                    .in_subscription(subscription, *kind)
                    .filter(|resource| !denied.denies(&resource.key))
                    .map(|resource| resource_row(estate, resource)),
            );
        }
        if table == Table::Authorization {
            let grants = estate.access.in_subscription(subscription, GrantKind::Assignment);
            rows.extend(
                grants.filter(|grant| !denied.denies(&grant.scope)).map(|grant| grant_row(estate, grant, subscription)),
            );
        }
    }
    if table == Table::Authorization {
        rows.extend(role_rows(estate, subscriptions));
    }
    Rows { columns: Columns(COLUMNS.map(str::to_owned).to_vec()), rows }
}

fn resource_row<'a>(estate: &Estate, resource: &'a Resource) -> Row<'a> {
    let body = &resource.body;
    let mut properties = Cow::Borrowed(&body["properties"]);
    if resource.kind == Kind::HostPool {
        properties.to_mut()["registrationInfo"] = Value::Null;
    }
    let kind = format!("{PROVIDER}/{}", resource.kind.path()).to_ascii_lowercase();
    row(
        [Cow::Owned(json!(graph_id(resource))), Cow::Borrowed(&body["name"]), Cow::Owned(json!(kind))],
        estate,
        &resource.subscription,
        &resource.resource_group,
        properties,
        [Cow::Borrowed(&body["location"]), Cow::Borrowed(&body["tags"])],
    )
}

/// Resource Graph writes the type's segments in lower case, unlike ARM.
fn graph_id(resource: &Resource) -> String {
    let mut id = resource.id.clone();
    for segment in resource.kind.path().split('/') {
        id = id.replace(&format!("/{segment}/"), &format!("/{}/", segment.to_ascii_lowercase()));
    }
    id
}

fn grant_row<'a>(estate: &Estate, grant: &'a Grant, subscription: &str) -> Row<'a> {
    let mut properties = grant.body["properties"].clone();
    let role = properties["roleDefinitionId"].as_str().and_then(|id| id.rsplit('/').next());
    properties["roleDefinitionId"] =
        json!(format!("/providers/Microsoft.Authorization/RoleDefinitions/{}", role.unwrap_or("")));
    row(
        [
            Cow::Borrowed(&grant.body["id"]),
            Cow::Borrowed(&grant.body["name"]),
            Cow::Owned(json!("microsoft.authorization/roleassignments")),
        ],
        estate,
        subscription,
        "",
        Cow::Owned(properties),
        [Cow::Owned(json!("global")), Cow::Owned(Value::Null)],
    )
}

fn role_rows<'a>(estate: &'a Estate, subscriptions: &[String]) -> Vec<Row<'a>> {
    estate
        .access
        .roles
        .iter()
        .filter(|role| match &role.subscription {
            None => true,
            Some(own) => subscriptions.iter().any(|asked| asked.eq_ignore_ascii_case(own)),
        })
        .map(|role| {
            row(
                [
                    Cow::Owned(json!(format!("/providers/Microsoft.Authorization/RoleDefinitions/{}", role.guid))),
                    Cow::Owned(json!(role.guid)),
                    Cow::Owned(json!("microsoft.authorization/roledefinitions")),
                ],
                estate,
                role.subscription.as_deref().unwrap_or(""),
                "",
                Cow::Borrowed(&role.properties),
                [Cow::Owned(json!("global")), Cow::Owned(Value::Null)],
            )
        })
        .collect()
}

/// A row in the order of [`COLUMNS`].
fn row<'a>(
    [id, name, kind]: [Cow<'a, Value>; 3],
    estate: &Estate,
    subscription: &str,
    resource_group: &str,
    properties: Cow<'a, Value>,
    [location, tags]: [Cow<'a, Value>; 2],
) -> Row<'a> {
    let text = |text: &str| Cow::Owned(json!(text));
    let null = || Cow::Owned(Value::Null);
    vec![
        id,
        name,
        kind,
        text(&estate.tenant),
        text(""),
        if location.is_null() { text("") } else { location },
        Cow::Owned(json!(resource_group.to_ascii_lowercase())),
        text(subscription),
        text(""),
        null(),
        null(),
        properties,
        tags,
        null(),
        null(),
        null(),
    ]
}
