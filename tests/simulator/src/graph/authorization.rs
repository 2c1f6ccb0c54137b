//! The table `authorizationresources`: role assignments by where they stand,
//! role definitions, and classic administrators.

use std::{borrow::Cow, collections::BTreeSet};

use serde_json::{Value, json};

use super::{
    eval::Row,
    rows::{Asked, row},
};
use crate::{
    estate::{
        access::{Grant, GrantKind, subscription_of},
        model::Estate,
    },
    fault::Active,
};

pub(super) fn rows<'a>(estate: &'a Estate, asked: Asked<'_>, denied: &Active) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = assignments(estate, asked)
        .into_iter()
        .filter(|grant| !denied.denies(&grant.scope))
        .map(|grant| grant_row(estate, grant))
        .collect();
    rows.extend(role_rows(estate, asked));
    let administrators = estate.classic_administrators.iter().filter(|administrator| {
        let is_own = |id: &String| id.eq_ignore_ascii_case(&administrator.subscription);
        asked.subscriptions.iter().any(is_own)
            && !denied.denies(&format!("/subscriptions/{}", administrator.subscription.to_ascii_lowercase()))
    });
    rows.extend(administrators.map(|administrator| {
        let body = administrator.body();
        row(
            [
                Cow::Owned(body["id"].clone()),
                Cow::Owned(body["name"].clone()),
                Cow::Owned(json!("microsoft.authorization/classicadministrators")),
            ],
            estate,
            &administrator.subscription,
            "",
            Cow::Owned(body["properties"].clone()),
            [Cow::Owned(json!("global")), Cow::Owned(Value::Null)],
        )
    }));
    rows
}

/// The role assignments that the scopes asked for and the filter bring in.
fn assignments<'a>(estate: &'a Estate, asked: Asked<'_>) -> Vec<&'a Grant> {
    let kind = GrantKind::Assignment;
    let mut found: Vec<&Grant> = Vec::new();
    for subscription in asked.subscriptions {
        let own = format!("/subscriptions/{}", subscription.to_ascii_lowercase());
        // Of management groups the subscriptions are what is below.
        if !asked.asks_below(estate, &own) {
            continue;
        }
        let is_in = |grant: &&Grant| asked.scope.below() || grant.scope == own;
        found.extend(estate.access.in_subscription(subscription, kind).filter(is_in));
    }
    let scopes = asked.scopes();
    let above: BTreeSet<String> = scopes.iter().flat_map(|scope| estate.chain(scope).into_iter().skip(1)).collect();
    found.extend(estate.access.above_subscriptions(kind).filter(|grant| {
        let below = || scopes.iter().any(|scope| scope != "/" && estate.chain(&grant.scope).contains(scope));
        scopes.contains(&grant.scope)
            || (asked.scope.above() && above.contains(&grant.scope))
            || (asked.scope.below() && below())
    }));
    found
}

impl Asked<'_> {
    /// The scopes that were asked for, in lower case: management groups, or
    /// else subscriptions.
    fn scopes(&self) -> Vec<String> {
        if self.management_groups.is_empty() {
            let of = |id: &String| format!("/subscriptions/{}", id.to_ascii_lowercase());
            return self.subscriptions.iter().map(of).collect();
        }
        let of = |name: &String| format!("/providers/microsoft.management/managementgroups/{name}");
        self.management_groups.iter().map(of).collect()
    }

    /// Whether what is in a subscription belongs to the answer.
    fn asks_below(&self, estate: &Estate, subscription: &str) -> bool {
        let scopes = self.scopes();
        scopes.iter().any(|scope| scope == subscription)
            || (self.scope.below() && estate.chain(subscription).iter().any(|above| scopes.contains(above)))
    }
}

fn grant_row<'a>(estate: &Estate, grant: &'a Grant) -> Row<'a> {
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
        subscription_of(&grant.scope),
        "",
        Cow::Owned(properties),
        [Cow::Owned(json!("global")), Cow::Owned(Value::Null)],
    )
}

fn role_rows<'a>(estate: &'a Estate, asked: Asked<'_>) -> Vec<Row<'a>> {
    let chains: Vec<Vec<String>> = asked.scopes().iter().map(|scope| estate.chain(scope)).collect();
    let visible: BTreeSet<&str> =
        chains.iter().flat_map(|chain| estate.access.roles_around(chain)).map(|role| role.guid.as_str()).collect();
    estate
        .access
        .roles
        .iter()
        .filter(|role| visible.contains(role.guid.as_str()))
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
