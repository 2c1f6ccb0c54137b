//! What Microsoft.Authorization answers, as facts. One reader serves ARM, Resource Graph and what `az` and Azure
//! PowerShell leave in files.

use super::item::{Item, holder, scope};
use poolwarden_domain::ArmId;
use poolwarden_domain::access::{
    Assignment, AssignmentType, ClassicAdministrator, Definition, DefinitionKind, DenyAssignment, PimInstance, PimKind,
    principal_id,
};
use poolwarden_domain::estate::{Permission, Principal};
use serde_json::Value;
use serde_json::value::RawValue;

/// Where the ids of role definitions and assignments are, below a scope.
const PROVIDER: &str = "providers/Microsoft.Authorization";

/// The JSON of an item.
pub(super) fn parsed(raw: &RawValue) -> Result<Value, String> {
    serde_json::from_str(raw.get()).map_err(|error| crate::wire::complaint(&error))
}

/// A role assignment.
pub(crate) fn assignment(raw: &RawValue) -> Result<Assignment, String> {
    assignment_of(&parsed(raw)?)
}

/// A role assignment, from any writer.
pub(super) fn assignment_of(value: &Value) -> Result<Assignment, String> {
    let item = Item::of(value)?;
    let id = item.own("id").or_else(|| item.own("roleAssignmentId"));
    let at = item.text("scope").map(scope).or_else(|| id.and_then(holder)).ok_or("lacks a scope")?;
    let role = role(item.text("roleDefinitionId").ok_or("lacks a roleDefinitionId")?);
    let principal = principal(&item).ok_or("lacks a principalId")?;
    let id = match (id, item.own("roleAssignmentName")) {
        (Some(id), _) => ArmId::new(id),
        // Older modules of Azure PowerShell write neither; there is one assignment of a role to somebody at a scope.
        (None, name) => {
            let made_up = format!("{}-{}", role.name(), principal.id);
            below(&at, "roleAssignments", name.unwrap_or(&made_up))
        }
    };
    Ok(Assignment {
        id,
        scope: at,
        role,
        principal,
        condition: item.text("condition").map(str::to_owned),
        created_on: item.time("createdOn"),
        description: item.text("description").map(str::to_owned),
    })
}

/// A role definition.
pub(crate) fn definition(raw: &RawValue) -> Result<Definition, String> {
    definition_of(&parsed(raw)?)
}

/// A role definition: REST's shape (`roleName`, `permissions`) or PowerShell's (`Name`, `IsCustom`, `Actions`).
pub(super) fn definition_of(value: &Value) -> Result<Definition, String> {
    let item = Item::of(value)?;
    let id = item.own("id").ok_or("has no id")?;
    let name =
        item.text("roleName").or_else(|| item.own("name")).unwrap_or_else(|| id.rsplit('/').next().unwrap_or(id));
    let assignable_scopes: Vec<ArmId> = item.texts("assignableScopes").iter().map(|text| scope(text)).collect();
    let is_anywhere = assignable_scopes.iter().any(|scope| scope.as_str() == "/");
    // `az` writes the type of role beside the type of resource; REST writes one of them inside the properties.
    let kind = ["roleType", "type"].iter().find_map(|name| kind_of(item.text(name)?));
    let kind = kind.or_else(|| item.flag("isCustom").map(of_custom)).unwrap_or_else(|| of_custom(!is_anywhere));
    let blocks = item.list("permissions");
    let is_bare = item.value("permissions").is_none();
    if is_bare && item.value("actions").is_none() && item.value("dataActions").is_none() {
        return Err("lacks permissions".to_owned());
    }
    let permissions = if is_bare { vec![permission(&item)?] } else { permissions(blocks)? };
    Ok(Definition { id: role(id), name: name.to_owned(), kind, permissions, assignable_scopes })
}

fn of_custom(is_custom: bool) -> DefinitionKind {
    if is_custom { DefinitionKind::Custom } else { DefinitionKind::BuiltIn }
}

fn kind_of(text: &str) -> Option<DefinitionKind> {
    match text.to_ascii_lowercase().as_str() {
        "builtinrole" => Some(DefinitionKind::BuiltIn),
        "customrole" => Some(DefinitionKind::Custom),
        _ => None,
    }
}

fn permissions(blocks: &[Value]) -> Result<Vec<Permission>, String> {
    blocks.iter().map(|block| permission(&Item::of(block)?)).collect()
}

fn permission(block: &Item<'_>) -> Result<Permission, String> {
    Ok(Permission {
        actions: block.patterns("actions")?,
        not_actions: block.patterns("notActions")?,
        data_actions: block.patterns("dataActions")?,
        not_data_actions: block.patterns("notDataActions")?,
    })
}

/// What the caller may do, as `…/providers/Microsoft.Authorization/permissions` lists it.
pub(super) fn own_permission(raw: &RawValue) -> Result<Permission, String> {
    permission(&Item::of(&parsed(raw)?)?)
}

/// A deny assignment.
pub(super) fn deny(raw: &RawValue) -> Result<DenyAssignment, String> {
    deny_of(&parsed(raw)?)
}

/// A deny assignment, from any writer.
pub(super) fn deny_of(value: &Value) -> Result<DenyAssignment, String> {
    let item = Item::of(value)?;
    let id = item.own("id").ok_or("has no id")?;
    let at = item.text("scope").map(scope).or_else(|| holder(id)).ok_or("lacks a scope")?;
    // PowerShell writes the permissions beside the rest, and the GUID alone.
    let is_bare =
        item.value("permissions").is_none() && (item.value("actions").or(item.value("dataActions"))).is_some();
    Ok(DenyAssignment {
        name: item.any_text(&["denyAssignmentName", "name"]).unwrap_or_default().to_owned(),
        id: if id.contains('/') { ArmId::new(id) } else { below(&at, "denyAssignments", id) },
        scope: at,
        not_for_child_scopes: item.flag("doNotApplyToChildScopes").unwrap_or_default(),
        permissions: if is_bare { vec![permission(&item)?] } else { permissions(item.list("permissions"))? },
        principals: principals(&item, "principals")?,
        except: principals(&item, "excludePrincipals")?,
        condition: item.text("condition").map(str::to_owned),
    })
}

fn principals(item: &Item<'_>, name: &str) -> Result<Vec<Principal>, String> {
    let read = |value: &Value| {
        let one = Item::of(value).ok()?;
        let id = one.any_text(&["id", "objectId"])?;
        Some(Principal {
            id: principal_id(id),
            kind: one.any_text(&["type", "objectType"]).unwrap_or_default().to_owned(),
        })
    };
    let all = item.list(name).iter().map(read).collect::<Option<_>>();
    all.ok_or_else(|| format!("has something in {name} that names nobody"))
}

/// An instance that holds now.
pub(super) fn active(raw: &RawValue) -> Result<PimInstance, String> {
    instance_of(&parsed(raw)?, PimKind::Active)
}

/// An instance that can be activated.
pub(super) fn eligible(raw: &RawValue) -> Result<PimInstance, String> {
    instance_of(&parsed(raw)?, PimKind::Eligible)
}

/// An instance of Privileged Identity Management, from any writer.
pub(super) fn instance_of(value: &Value, kind: PimKind) -> Result<PimInstance, String> {
    let item = Item::of(value)?;
    let id = item.own("id").ok_or("has no id")?;
    let at = item.text("scope").map(scope).or_else(|| holder(id)).ok_or("lacks a scope")?;
    let end = match item.value("endDateTime") {
        None => None,
        // An end that cannot be read must not become "endless".
        Some(_) => Some(item.time("endDateTime").ok_or("has an endDateTime that is no time")?),
    };
    let assignment_type = match item.text("assignmentType") {
        Some(text) if text.eq_ignore_ascii_case("Activated") => Some(AssignmentType::Activated),
        Some(text) if text.eq_ignore_ascii_case("Assigned") => Some(AssignmentType::Assigned),
        _ => None,
    };
    let origin = item
        .text("originRoleAssignmentId")
        .map(|origin| if origin.contains('/') { ArmId::new(origin) } else { below(&at, "roleAssignments", origin) });
    Ok(PimInstance {
        id: ArmId::new(id),
        kind,
        role: role(item.text("roleDefinitionId").ok_or("lacks a roleDefinitionId")?),
        principal: principal(&item).ok_or("lacks a principalId")?,
        member_type: item.text("memberType").map(str::to_owned),
        assignment_type: assignment_type.filter(|_| kind == PimKind::Active),
        start: item.time("startDateTime"),
        end,
        origin: origin.filter(|_| kind == PimKind::Active),
        condition: item.text("condition").map(str::to_owned),
        scope: at,
    })
}

/// A classic administrator.
pub(super) fn classic_administrator(raw: &RawValue) -> Result<ClassicAdministrator, String> {
    classic_administrator_of(&parsed(raw)?)
}

/// A classic administrator, from any writer.
pub(super) fn classic_administrator_of(value: &Value) -> Result<ClassicAdministrator, String> {
    let item = Item::of(value)?;
    let id = ArmId::new(item.own("id").ok_or("has no id")?);
    Ok(ClassicAdministrator {
        subscription: id.up_to("subscriptions").ok_or("is of no subscription")?,
        email: item.text("emailAddress").ok_or("lacks an emailAddress")?.to_owned(),
        role: item.text("role").unwrap_or_default().to_owned(),
    })
}

fn principal(item: &Item<'_>) -> Option<Principal> {
    let id = principal_id(item.any_text(&["principalId", "objectId"])?);
    let kind = item.any_text(&["principalType", "objectType"]).unwrap_or_default();
    Some(Principal { id, kind: kind.to_owned() })
}

/// A role by its resource id, or by its GUID alone.
fn role(id: &str) -> ArmId {
    if id.contains('/') { ArmId::new(id) } else { below(&ArmId::new("/"), "roleDefinitions", id) }
}

fn below(scope: &ArmId, kind: &str, name: &str) -> ArmId {
    ArmId::new(&format!("{}/{PROVIDER}/{kind}/{name}", scope.as_str().trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ROLE: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";

    #[test]
    fn an_assignment_is_the_same_from_every_writer() {
        let id = "/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/a";
        let role = format!("/providers/Microsoft.Authorization/RoleDefinitions/{ROLE}");
        let rest = json!({"id": id, "properties": {"scope": "/subscriptions/s", "roleDefinitionId": role,
            "principalId": "00000000000000000000000000000ABC", "principalType": "User", "condition": "",
            "createdOn": "2024-01-01T00:00:00.12", "description": null}});
        let cli = json!({"id": id, "scope": "/subscriptions/s", "roleDefinitionId": role, "roleDefinitionName": "Owner",
            "principalId": "00000000-0000-0000-0000-000000000abc", "principalType": "User", "condition": null,
            "createdOn": "2024-01-01T00:00:00.120000+00:00"});
        let shell = json!({"RoleAssignmentName": "a", "RoleAssignmentId": id, "Scope": "/subscriptions/s",
            "RoleDefinitionId": ROLE, "ObjectId": "00000000-0000-0000-0000-000000000abc", "ObjectType": "User"});
        let read = assignment_of(&rest).unwrap();
        assert_eq!(read, assignment_of(&cli).unwrap());
        assert_eq!(read.principal.id, "00000000-0000-0000-0000-000000000abc");
        let from_shell = assignment_of(&shell).unwrap();
        assert_eq!((&from_shell.id, &from_shell.role, &from_shell.principal), (&read.id, &read.role, &read.principal));
    }

    #[test]
    fn an_assignment_without_an_id_still_has_one_of_its_own() {
        let of = |who: &str| json!({"Scope": "/", "RoleDefinitionId": ROLE, "ObjectId": who, "ObjectType": "Unknown"});
        let (one, two) = (assignment_of(&of("a")).unwrap(), assignment_of(&of("b")).unwrap());
        assert_ne!(one.id, two.id);
        assert_eq!((one.scope, one.id.as_str().starts_with("/providers/")), (ArmId::new("/"), true));
    }

    #[test]
    fn custom_roles_come_in_two_shapes() {
        let rest = json!({"id": format!("/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{ROLE}"),
            "type": "Microsoft.Authorization/roleDefinitions", "properties": {"roleName": "Mine", "type": "CustomRole",
            "assignableScopes": ["/subscriptions/s"], "permissions": [{"actions": ["*/read"], "notActions": null}]}});
        let cli = json!({"id": format!("/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{ROLE}"),
            "name": ROLE, "type": "Microsoft.Authorization/roleDefinitions", "roleName": "Mine", "roleType": "CustomRole",
            "assignableScopes": ["/subscriptions/s"], "permissions": [{"actions": ["*/read"], "dataActions": []}]});
        let shell = json!({"Name": "Mine", "Id": ROLE, "IsCustom": true, "Actions": ["*/read"], "NotActions": [],
            "AssignableScopes": ["/subscriptions/s"]});
        for value in [&rest, &cli, &shell] {
            let read = definition_of(value).unwrap();
            assert_eq!(
                (read.name.as_str(), read.kind, read.id.name()),
                ("Mine", DefinitionKind::Custom, ROLE),
                "{value}"
            );
            assert_eq!(read.permissions[0].actions, ["*/read"]);
            assert_eq!(read.assignable_scopes, [ArmId::new("/subscriptions/s")]);
        }
        assert_eq!(
            definition_of(&json!({"id": "/x", "properties": {"roleName": "r"}})).unwrap_err(),
            "lacks permissions"
        );
    }

    #[test]
    fn a_role_with_a_pattern_that_is_no_text_is_not_read_without_it() {
        let odd = json!({"id": ROLE, "properties": {"permissions": [{"actions": ["*"], "notActions": [{"a": 1}]}]}});
        assert!(definition_of(&odd).unwrap_err().contains("notActions"));
    }

    #[test]
    fn a_deny_assignments_ids_get_their_dashes() {
        let value = json!({"id": "/subscriptions/s/providers/Microsoft.Authorization/denyAssignments/d", "properties": {
            "denyAssignmentName": "n", "permissions": [{"actions": ["*"]}], "doNotApplyToChildScopes": null,
            "principals": [{"id": "00000000000000000000000000000000", "type": "SystemDefined"}],
            "excludePrincipals": [{"id": "0000000000000000000000000000000A", "type": "User"}]}});
        let deny = deny_of(&value).unwrap();
        assert_eq!(deny.scope, ArmId::new("/subscriptions/s"));
        assert_eq!(deny.principals[0].id, "00000000-0000-0000-0000-000000000000");
        assert_eq!(deny.except[0].id, "00000000-0000-0000-0000-00000000000a");
        assert!(deny_of(&json!({"id": "/x", "scope": "/", "principals": [{}]})).is_err(), "nobody is not everybody");
    }

    #[test]
    fn an_end_that_cannot_be_read_is_not_endless() {
        let value = |end: Value| {
            json!({"id": "/subscriptions/s/providers/Microsoft.Authorization/RoleEligibilityScheduleInstances/i",
                "properties": {"scope": "/providers/Microsoft.Subscription/subscriptions/s", "principalId": "p",
                "roleDefinitionId": ROLE, "memberType": "Direct", "endDateTime": end, "startDateTime": "odd"}})
        };
        let endless = instance_of(&value(Value::Null), PimKind::Eligible).unwrap();
        assert_eq!((endless.end, endless.start, endless.scope), (None, None, ArmId::new("/subscriptions/s")));
        instance_of(&value(json!("some day")), PimKind::Eligible).unwrap_err();
    }

    #[test]
    fn an_origin_that_is_a_guid_alone_stands_at_the_same_scope() {
        let value = json!({"id": "/i", "scope": "/subscriptions/s", "roleDefinitionId": ROLE, "principalId": "p",
            "assignmentType": "activated", "originRoleAssignmentId": "a"});
        let read = instance_of(&value, PimKind::Active).unwrap();
        assert_eq!(read.assignment_type, Some(AssignmentType::Activated));
        let origin = ArmId::new("/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/a");
        assert_eq!(read.origin, Some(origin));
    }
}
