//! The rows of each table, as Resource Graph shows an estate: types and
//! resource groups in lower case, and no registration tokens.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{
    ast::Table,
    authorization, containers,
    eval::{Columns, Row},
    pipeline::Rows,
};
use crate::{
    estate::{
        model::{Estate, Kind, PROVIDER, Resource},
        other::Other,
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

/// What a query is asked of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Ids of subscriptions.
    pub(crate) subscriptions: &'a [String],
    /// Names of management groups, in lower case.
    pub(crate) management_groups: &'a [String],
    /// Which records about access belong to it.
    pub(crate) scope: ScopeFilter,
}

/// Which records about access an answer holds, by where they stand
/// (`authorizationScopeFilter`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScopeFilter {
    Exact,
    AndBelow,
    AndAbove,
    AboveAndBelow,
}

impl ScopeFilter {
    pub(crate) fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            None | Some("AtScopeAndBelow") => Some(Self::AndBelow),
            Some("AtScopeAndAbove") => Some(Self::AndAbove),
            Some("AtScopeAboveAndBelow") => Some(Self::AboveAndBelow),
            Some("AtScopeExact") => Some(Self::Exact),
            Some(_) => None,
        }
    }

    pub(super) fn above(self) -> bool {
        matches!(self, Self::AndAbove | Self::AboveAndBelow)
    }

    pub(super) fn below(self) -> bool {
        matches!(self, Self::AndBelow | Self::AboveAndBelow)
    }
}

/// The rows of a table, less what the caller may not read.
pub(crate) fn of<'a>(estate: &'a Estate, table: Table, asked: Asked<'_>, denied: &Active) -> Rows<'a> {
    let rows = match table {
        Table::Resources => {
            let mut rows =
                grown(estate, asked.subscriptions, &[Kind::HostPool, Kind::ApplicationGroup, Kind::Workspace], denied);
            rows.extend(others(estate, table, asked.subscriptions, denied));
            rows
        }
        Table::DesktopVirtualization => grown(estate, asked.subscriptions, &[Kind::SessionHost], denied),
        Table::Insights | Table::RecoveryServices => others(estate, table, asked.subscriptions, denied),
        Table::Containers => containers::rows(estate, asked, denied),
        Table::Authorization => authorization::rows(estate, asked, denied),
    };
    Rows { columns: Columns(COLUMNS.map(str::to_owned).to_vec()), rows }
}

/// The AVD resources of some kinds.
fn grown<'a>(estate: &'a Estate, subscriptions: &[String], kinds: &[Kind], denied: &Active) -> Vec<Row<'a>> {
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
    }
    rows
}

/// The table that a resource of another provider is in; `None` when Resource
/// Graph does not have it.
fn table_of(kind: &str) -> Option<Table> {
    const NOWHERE: [&str; 5] = [
        "microsoft.insights/diagnosticsettings",
        "microsoft.keyvault/vaults/secrets",
        "microsoft.keyvault/vaults/certificates",
        "microsoft.storage/storageaccounts/fileservices",
        "microsoft.storage/storageaccounts/fileservices/shares",
    ];
    match kind {
        "microsoft.insights/datacollectionruleassociations" => Some(Table::Insights),
        _ if kind.starts_with("microsoft.recoveryservices/vaults/") => Some(Table::RecoveryServices),
        _ if NOWHERE.contains(&kind) => None,
        _ => Some(Table::Resources),
    }
}

fn others<'a>(estate: &'a Estate, table: Table, subscriptions: &[String], denied: &Active) -> Vec<Row<'a>> {
    subscriptions
        .iter()
        .flat_map(|subscription| estate.other.in_subscription(subscription))
        .filter(|other| table_of(&other.kind) == Some(table) && !denied.denies(&other.key))
        .map(|other| other_row(estate, other))
        .collect()
}

fn other_row<'a>(estate: &Estate, other: &'a Other) -> Row<'a> {
    let body = &other.body;
    let mut row = row(
        [Cow::Borrowed(&body["id"]), Cow::Borrowed(&body["name"]), Cow::Owned(json!(other.kind))],
        estate,
        &other.subscription,
        &other.resource_group,
        Cow::Borrowed(&body["properties"]),
        [Cow::Borrowed(&body["location"]), Cow::Borrowed(&body["tags"])],
    );
    for (at, name) in COLUMNS.iter().enumerate() {
        if ["kind", "managedBy", "sku", "plan", "identity", "zones", "extendedLocation"].contains(name)
            && !body[*name].is_null()
        {
            row[at] = Cow::Borrowed(&body[*name]);
        }
    }
    row
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

/// A row in the order of [`COLUMNS`].
pub(super) fn row<'a>(
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
