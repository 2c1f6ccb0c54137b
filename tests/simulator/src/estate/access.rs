//! Who holds which role where: role assignments, deny assignments and PIM
//! instances, found by scope.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Value, json};

use super::roles::{self, Role};
use crate::dice::Dice;

/// The kinds of record about access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum GrantKind {
    Assignment,
    Deny,
    Active,
    Eligible,
}

impl GrantKind {
    pub(crate) const ALL: [Self; 4] = [Self::Assignment, Self::Deny, Self::Active, Self::Eligible];

    /// The type's last segment, as ARM spells it.
    pub(crate) fn segment(self) -> &'static str {
        match self {
            Self::Assignment => "roleAssignments",
            Self::Deny => "denyAssignments",
            Self::Active => "roleAssignmentScheduleInstances",
            Self::Eligible => "roleEligibilityScheduleInstances",
        }
    }
}

/// One record at one scope.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) kind: GrantKind,
    /// The scope in lower case.
    pub(crate) scope: String,
    /// The principals it names, in lower case.
    pub(crate) principals: Vec<String>,
    pub(crate) name: String,
    pub(crate) body: Value,
}

impl Grant {
    /// A record named by a new GUID; `properties.scope` is set here.
    pub(crate) fn new(kind: GrantKind, dice: &mut Dice, scope: &str, principal: &str, properties: Value) -> Self {
        let name = dice.guid();
        Self::named(kind, &name, scope, principal, properties)
    }

    /// A record of a given name; `properties.scope` is set here.
    pub(crate) fn named(kind: GrantKind, name: &str, scope: &str, principal: &str, mut properties: Value) -> Self {
        properties["scope"] = json!(scope);
        let kind_name = kind.segment();
        let prefix = scope.trim_end_matches('/');
        Self {
            kind,
            scope: scope.to_ascii_lowercase(),
            principals: vec![principal.to_ascii_lowercase()],
            body: json!({
                "properties": properties,
                "id": format!("{prefix}/providers/Microsoft.Authorization/{kind_name}/{name}"),
                "type": format!("Microsoft.Authorization/{kind_name}"),
                "name": name,
            }),
            name: name.to_owned(),
        }
    }

    /// A role assignment at any scope.
    pub(crate) fn assignment(dice: &mut Dice, scope: &str, role: &str, principal: &str, principal_type: &str) -> Self {
        let properties = assignment(dice, subscription_of(scope), role, principal, principal_type);
        Self::new(GrantKind::Assignment, dice, scope, principal, properties)
    }

    /// An active or eligible PIM instance at any scope; without an `end` it is
    /// endless. What an active one stems from is set by [`Self::with`].
    pub(crate) fn pim(
        kind: GrantKind,
        dice: &mut Dice,
        scope: &str,
        role: &str,
        (principal, principal_type): (&str, &str),
        end: Option<&str>,
    ) -> Self {
        let mut properties = pim(dice, kind, subscription_of(scope), scope, principal);
        let role_id = role_definition_id(subscription_of(scope), role);
        properties["expandedProperties"]["roleDefinition"]["id"] = json!(role_id);
        properties["expandedProperties"]["principal"]["type"] = json!(principal_type);
        properties["roleDefinitionId"] = json!(role_id);
        properties["principalType"] = json!(principal_type);
        properties["endDateTime"] = json!(end);
        Self::new(kind, dice, scope, principal, properties)
    }

    /// The record with another property.
    pub(crate) fn with(mut self, property: &str, value: Value) -> Self {
        self.body["properties"][property] = value;
        self
    }

    /// The record with a condition under which it holds.
    pub(crate) fn condition(self, condition: &str) -> Self {
        self.with("condition", json!(condition)).with("conditionVersion", json!("2.0"))
    }

    /// The record's resource id.
    pub(crate) fn id(&self) -> &str {
        self.body["id"].as_str().unwrap_or("")
    }
}

/// The subscription that a scope is in, as it is spelled; empty for what is
/// above subscriptions.
pub(crate) fn subscription_of(scope: &str) -> &str {
    let mut segments = scope.split('/').skip(1);
    let first = segments.next().unwrap_or("");
    if first.eq_ignore_ascii_case("subscriptions") { segments.next().unwrap_or("") } else { "" }
}

/// The id of a role's definition as it is seen from a subscription, or from
/// above all of them when that is empty.
pub(crate) fn role_definition_id(subscription: &str, role: &str) -> String {
    let prefix = if subscription.is_empty() { String::new() } else { format!("/subscriptions/{subscription}") };
    format!("{prefix}/providers/Microsoft.Authorization/roleDefinitions/{role}")
}

/// All roles and records, indexed by subscription; what stands above all
/// subscriptions is under the empty one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    pub(crate) roles: Vec<Role>,
    grants: HashMap<String, Arc<Vec<Arc<Grant>>>>,
}

impl Access {
    pub(crate) fn new(roles: Vec<Role>) -> Self {
        Self { roles, grants: HashMap::new() }
    }

    pub(crate) fn add(&mut self, grant: Grant) {
        let subscription = subscription_of(&grant.scope).to_owned();
        Arc::make_mut(self.grants.entry(subscription).or_default()).push(Arc::new(grant));
    }

    /// The records of a kind in one subscription, oldest first.
    pub(crate) fn in_subscription<'a>(
        &'a self,
        subscription: &str,
        kind: GrantKind,
    ) -> impl Iterator<Item = &'a Grant> + use<'a> {
        self.grants
            .get(&subscription.to_ascii_lowercase())
            .into_iter()
            .flat_map(|grants| grants.iter())
            .map(AsRef::as_ref)
            .filter(move |grant| grant.kind == kind)
    }

    /// The records of a kind at the tenant's root and at management groups.
    pub(crate) fn above_subscriptions(&self, kind: GrantKind) -> impl Iterator<Item = &Grant> {
        self.in_subscription("", kind)
    }

    /// The records of a kind that hold in a subscription (given by its id), or
    /// in none: first those of the subscription, then those above it, where
    /// `chain` holds the management groups above it and `/`.
    pub(crate) fn around<'a, 'b>(
        &'a self,
        subscription: &str,
        chain: &'b [String],
        kind: GrantKind,
    ) -> impl Iterator<Item = &'a Grant> + use<'a, 'b> {
        let own = (!subscription.is_empty()).then(|| self.in_subscription(subscription, kind));
        let above = self.above_subscriptions(kind).filter(|grant| chain.contains(&grant.scope));
        own.into_iter().flatten().chain(above)
    }

    /// The roles that can be seen from a scope: all built-in ones, and the
    /// custom ones that can be assigned at it, above it or below it. `chain` is
    /// the scope and what is above it, in lower case.
    pub(crate) fn roles_around<'a>(&'a self, chain: &'a [String]) -> impl Iterator<Item = &'a Role> {
        self.roles.iter().filter(move |role| {
            !role.is_custom()
                || role.assignable_scopes().any(|own| {
                    chain.contains(&own)
                        || chain.first().is_some_and(|scope| scope != "/" && is_at_or_below(&own, scope))
                })
        })
    }

    /// Drops the records at or below a scope that has been deleted.
    pub(crate) fn forget(&mut self, scope: &str) {
        let scope = scope.to_ascii_lowercase();
        for grants in self.grants.values_mut() {
            if grants.iter().any(|grant| is_at_or_below(&grant.scope, &scope)) {
                Arc::make_mut(grants).retain(|grant| !is_at_or_below(&grant.scope, &scope));
            }
        }
    }

    /// Removes a record by its id.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        let subscription = subscription_of(id).to_ascii_lowercase();
        let Some(grants) = self.grants.get_mut(&subscription) else {
            return false;
        };
        let before = grants.len();
        Arc::make_mut(grants).retain(|grant| !grant.id().eq_ignore_ascii_case(id));
        grants.len() < before
    }

    /// Whether a record stands at or below a scope.
    pub(crate) fn any_below(&self, scope: &str) -> bool {
        let scope = scope.to_ascii_lowercase();
        self.grants
            .get(subscription_of(&scope))
            .is_some_and(|grants| grants.iter().any(|grant| is_at_or_below(&grant.scope, &scope)))
    }
}

/// Whether one ARM path is another or lies below it; both in lower case.
pub(crate) fn is_at_or_below(path: &str, ancestor: &str) -> bool {
    let ancestor = ancestor.trim_end_matches('/');
    path.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Properties of a role assignment.
pub(crate) fn assignment(
    dice: &mut Dice,
    subscription: &str,
    role: &str,
    principal: &str,
    principal_type: &str,
) -> Value {
    let created_by = if dice.chance(0.1) { Value::Null } else { json!(dice.guid()) };
    json!({
        "roleDefinitionId": role_definition_id(subscription, role),
        "principalId": principal,
        "principalType": principal_type,
        "scope": null,
        "condition": null,
        "conditionVersion": null,
        "createdOn": "2024-02-03T04:05:06.1234567Z",
        "updatedOn": "2024-02-03T04:05:06.1234567Z",
        "createdBy": created_by,
        "updatedBy": created_by,
        "delegatedManagedIdentityResourceId": null,
        "description": null,
    })
}

/// Properties of a deny assignment against one group of people.
pub(crate) fn denial(dice: &mut Dice, principal: &str) -> Value {
    json!({
        "denyAssignmentName": format!("Deny {}", &dice.guid()[..8]),
        "description": "Planted: nobody in this group opens an application.",
        "permissions": [{
            "actions": [],
            "notActions": [],
            "dataActions": ["Microsoft.DesktopVirtualization/applicationGroups/useApplications/action"],
            "notDataActions": [],
        }],
        "scope": null,
        "doNotApplyToChildScopes": false,
        "principals": [{"id": principal.replace('-', ""), "type": "Group"}],
        "excludePrincipals": [],
        "isSystemProtected": true,
    })
}

/// Properties of a deny assignment that keeps a service principal from all.
pub(crate) fn refusal(principal: &str) -> Value {
    json!({
        "denyAssignmentName": "Refused",
        "permissions": [{"actions": ["*"], "notActions": [], "dataActions": [], "notDataActions": []}],
        "doNotApplyToChildScopes": false,
        "principals": [{"id": principal, "type": "ServicePrincipal"}],
        "excludePrincipals": [],
        "isSystemProtected": true,
    })
}

/// Properties of an active or eligible PIM instance.
pub(crate) fn pim(dice: &mut Dice, kind: GrantKind, subscription: &str, scope: &str, principal: &str) -> Value {
    let role = role_definition_id(subscription, roles::DESKTOP_VIRTUALIZATION_USER);
    let end = if dice.chance(0.5) { Value::Null } else { json!("2031-09-10T05:35:17.91Z") };
    let mut properties = json!({
        "scope": scope,
        "roleDefinitionId": role,
        "principalId": principal,
        "principalType": "User",
        "status": "Provisioned",
        "startDateTime": "2024-09-09T21:35:27.91Z",
        "endDateTime": end,
        "memberType": "Direct",
        "createdOn": "2024-09-09T21:35:27.91Z",
        "condition": null,
        "conditionVersion": null,
        "expandedProperties": {
            "scope": {"id": scope, "displayName": scope.rsplit('/').next(), "type": "resource"},
            "roleDefinition": {"id": role, "displayName": "Desktop Virtualization User", "type": "BuiltInRole"},
            "principal": {"id": principal, "displayName": "Simulated person", "email": null, "type": "User"},
        },
    });
    let schedule = dice.guid();
    if kind == GrantKind::Active {
        properties["assignmentType"] = json!("Activated");
        properties["originRoleAssignmentId"] = Value::Null;
        properties["linkedRoleEligibilityScheduleId"] = json!(dice.guid());
        properties["linkedRoleEligibilityScheduleInstanceId"] = json!(dice.guid());
        properties["roleAssignmentScheduleId"] =
            json!(format!("{scope}/providers/Microsoft.Authorization/RoleAssignmentSchedules/{schedule}"));
    } else {
        properties["roleEligibilityScheduleId"] =
            json!(format!("{scope}/providers/Microsoft.Authorization/RoleEligibilitySchedules/{schedule}"));
    }
    properties
}
