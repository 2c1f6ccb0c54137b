//! Who holds which role where: role assignments, deny assignments and PIM
//! instances, found by scope.

use std::collections::HashMap;

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
    pub(crate) fn new(kind: GrantKind, dice: &mut Dice, scope: &str, principal: &str, mut properties: Value) -> Self {
        let name = dice.guid();
        properties["scope"] = json!(scope);
        let kind_name = kind.segment();
        Self {
            kind,
            scope: scope.to_ascii_lowercase(),
            principals: vec![principal.to_ascii_lowercase()],
            body: json!({
                "properties": properties,
                "id": format!("{scope}/providers/Microsoft.Authorization/{kind_name}/{name}"),
                "type": format!("Microsoft.Authorization/{kind_name}"),
                "name": name,
            }),
            name,
        }
    }

    fn subscription(&self) -> &str {
        self.scope.split('/').nth(2).unwrap_or("")
    }
}

/// All roles and records, indexed by subscription.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    pub(crate) roles: Vec<Role>,
    grants: HashMap<String, Vec<Grant>>,
}

impl Access {
    pub(crate) fn new(roles: Vec<Role>) -> Self {
        Self { roles, grants: HashMap::new() }
    }

    pub(crate) fn add(&mut self, grant: Grant) {
        let subscription = grant.subscription().to_owned();
        self.grants.entry(subscription).or_default().push(grant);
    }

    /// The records of a kind in one subscription, oldest first.
    pub(crate) fn in_subscription(&self, subscription: &str, kind: GrantKind) -> impl Iterator<Item = &Grant> {
        self.grants
            .get(&subscription.to_ascii_lowercase())
            .into_iter()
            .flatten()
            .filter(move |grant| grant.kind == kind)
    }

    /// The roles that can be seen from a subscription: all built-in ones and
    /// its own. `None` is the tenant: built-in ones only.
    pub(crate) fn roles_in<'a>(&'a self, subscription: Option<&'a str>) -> impl Iterator<Item = &'a Role> {
        self.roles.iter().filter(move |role| match (&role.subscription, subscription) {
            (None, _) => true,
            (Some(own), Some(asked)) => own.eq_ignore_ascii_case(asked),
            (Some(_), None) => false,
        })
    }

    /// Drops the records at or below a scope that has been deleted.
    pub(crate) fn forget(&mut self, scope: &str) {
        let scope = scope.to_ascii_lowercase();
        for grants in self.grants.values_mut() {
            grants.retain(|grant| !is_at_or_below(&grant.scope, &scope));
        }
    }

    /// Removes a record by its id.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        let subscription = id.to_ascii_lowercase().split('/').nth(2).unwrap_or("").to_owned();
        let Some(grants) = self.grants.get_mut(&subscription) else {
            return false;
        };
        let before = grants.len();
        grants.retain(|grant| !grant.body["id"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(id)));
        grants.len() < before
    }

    /// Whether a record stands at or below a scope.
    pub(crate) fn any_below(&self, scope: &str) -> bool {
        let scope = scope.to_ascii_lowercase();
        let subscription = scope.split('/').nth(2).unwrap_or("");
        self.grants
            .get(subscription)
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
        "roleDefinitionId": format!(
            "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        ),
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

/// Properties of an active or eligible PIM instance.
pub(crate) fn pim(dice: &mut Dice, kind: GrantKind, subscription: &str, scope: &str, principal: &str) -> Value {
    let role = format!(
        "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{}",
        roles::DESKTOP_VIRTUALIZATION_USER
    );
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
