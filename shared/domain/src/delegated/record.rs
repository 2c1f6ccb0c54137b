//! Role assignments as the service and `Get-RdsRoleAssignment` print them. Published samples contradict themselves, so
//! a record that does is read as far as it goes, and what contradicts what is said.

use super::{RdsRole, scope_id};
use crate::access::{
    AccessFacts, Assignment, Coverage, Directory, DirectoryObject, Facet, ServicePrincipalKind, principal_id,
};
use crate::estate::Principal;
use crate::{ArmId, UnknownScope, classic};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who holds a classic role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RdsPrincipal {
    /// `User`, `Group` or `ServicePrincipal`.
    pub kind: String,
    /// Its object id in Entra; none where the service shows only zeroes.
    pub object_id: Option<String>,
    /// The name a user signs in with.
    pub sign_in_name: Option<String>,
    /// What people call it.
    pub display_name: Option<String>,
}

impl RdsPrincipal {
    /// What it is told by: its object id, else the name it signs in with.
    pub fn key(&self) -> String {
        let name = || self.sign_in_name.as_deref().map(str::to_lowercase);
        self.object_id.clone().or_else(name).unwrap_or_default()
    }

    /// Whether it is an application.
    pub fn is_application(&self) -> bool {
        self.kind.eq_ignore_ascii_case("ServicePrincipal")
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        let named = self.sign_in_name.as_deref().or(self.display_name.as_deref());
        named.or(self.object_id.as_deref()).unwrap_or("somebody without a name")
    }
}

/// A role assignment of the classic model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RdsAssignment {
    /// Its id (`roleAssignmentId`).
    pub id: String,
    /// Where it holds, and everywhere below: an id of [`crate::classic`].
    pub scope: ArmId,
    /// The role: that of the id where name and id disagree, since the service goes by ids.
    pub role: RdsRole,
    /// Who holds it.
    pub principal: RdsPrincipal,
    /// What in the record contradicts something else in it.
    pub contradictions: Vec<String>,
}

/// Reads one record: an object of the service's (camelCase) or of PowerShell's (PascalCase).
pub fn read(record: &Value) -> Result<RdsAssignment, String> {
    let Some(fields) = record.as_object() else { return Err("is no object".to_owned()) };
    let (id, mut contradictions) = (text(fields, "roleAssignmentId").unwrap_or_default(), Vec::new());
    let written = text(fields, "scope").unwrap_or_default();
    let scope = scope_id(&written).ok_or_else(|| format!("has the scope {written:?}, which is none"))?;
    let (name, guid) = (text(fields, "roleDefinitionName"), text(fields, "roleDefinitionId"));
    let (by_name, by_id) = (name.as_deref().and_then(RdsRole::from_name), guid.as_deref().and_then(RdsRole::from_id));
    let role =
        by_id.or(by_name).ok_or_else(|| format!("has the role {:?}, which is none", name.as_deref().unwrap_or("")))?;
    if let (Some(by_name), Some(by_id)) = (by_name, by_id)
        && by_name != by_id
    {
        contradictions.push(format!("it is called {by_name} and has the id of {by_id}"));
    }
    for (level, field) in [
        ("tenantGroups", "tenantGroupName"),
        ("tenants", "tenantName"),
        ("hostPools", "hostPoolName"),
        ("applicationGroups", "appGroupName"),
    ] {
        let (named, in_scope) = (text(fields, field), classic::name_in(&scope, level));
        if let Some(named) =
            named.filter(|named| !in_scope.as_deref().is_some_and(|one| one.eq_ignore_ascii_case(named)))
        {
            let scoped = in_scope.as_deref().unwrap_or("none");
            contradictions.push(format!("its {field} is {named:?}, and its scope says {scoped:?}"));
        }
    }
    let object_id = text(fields, "objectId").map(|id| principal_id(&id)).filter(|id| !is_zero(id));
    let sign_in_name = text(fields, "signInName");
    let kind = text(fields, "objectType").unwrap_or_else(|| "User".to_owned());
    if object_id.is_none() && sign_in_name.is_none() {
        return Err("names nobody".to_owned());
    }
    if sign_in_name.is_some() && !kind.eq_ignore_ascii_case("User") {
        contradictions.push(format!("it has a sign-in name and is a {kind}"));
    }
    let principal = RdsPrincipal { kind, object_id, sign_in_name, display_name: text(fields, "displayName") };
    Ok(RdsAssignment { id, scope, role, principal, contradictions })
}

fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    let (_, value) = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn is_zero(id: &str) -> bool {
    id.bytes().all(|byte| byte == b'0' || byte == b'-')
}

/// The records as facts that the evaluation takes: the four roles, and each principal under what it is told by. Who is
/// in a group is not known to the classic service.
pub fn assignment_facts(assignments: &[RdsAssignment], unknown: &[UnknownScope], read_at: Timestamp) -> AccessFacts {
    let mut directory = Directory::default();
    for RdsAssignment { principal, .. } in assignments {
        let name = principal.name().to_owned();
        let object = match principal.kind.to_ascii_lowercase().as_str() {
            "group" => {
                directory.opaque_groups.insert(principal.key());
                DirectoryObject::Group { name, role_assignable: false }
            }
            "serviceprincipal" => DirectoryObject::ServicePrincipal {
                name,
                app_id: String::new(),
                kind: ServicePrincipalKind::Application,
                enabled: None,
                owner_tenant: None,
                owners: None,
                passwords: Vec::new(),
                resource: None,
            },
            _ => DirectoryObject::User { name, upn: principal.sign_in_name.clone(), guest: false, enabled: None },
        };
        directory.objects.insert(principal.key(), object);
    }
    let coverage = match unknown.is_empty() {
        true => vec![Coverage::read(classic::root(), Facet::ClassicAssignments, assignments.len())],
        false => unknown
            .iter()
            .map(|dark| Coverage::unknown(dark.scope.clone(), Facet::ClassicAssignments, dark.reason.clone()))
            .collect(),
    };
    AccessFacts {
        assignments: assignments.iter().map(as_assignment).collect(),
        definitions: RdsRole::ALL.into_iter().map(RdsRole::definition).collect(),
        directory,
        coverage,
        ..AccessFacts::new(read_at)
    }
}

fn as_assignment(one: &RdsAssignment) -> Assignment {
    Assignment {
        id: ArmId::new(&format!("{}/roleAssignments/{}", one.scope, one.id)),
        scope: one.scope.clone(),
        role: one.role.definition_id(),
        principal: Principal { id: one.principal.key(), kind: one.principal.kind.clone() },
        condition: None,
        created_on: None,
        description: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Action, Answer, World};
    use serde_json::json;

    fn record(role: (&str, &str), scope: &str) -> Value {
        json!({
            "roleAssignmentId": "a1", "scope": scope, "displayName": null, "signInName": "Adele@contoso.com",
            "roleDefinitionName": role.0, "roleDefinitionId": role.1,
            "objectId": "00000000-0000-0000-0000-000000000000", "objectType": "User", "item": null,
        })
    }

    #[test]
    fn powershell_and_the_service_print_the_same_record() {
        let service = record(("RDS Operator", RdsRole::Operator.id()), "/Default Tenant Group/contoso/Sales pool");
        let powershell: Map<String, Value> = service
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| {
                let mut letters = key.chars();
                let first = letters.next().unwrap().to_ascii_uppercase();
                (format!("{first}{}", letters.as_str()), value.clone())
            })
            .collect();
        let (a, b) = (read(&service).unwrap(), read(&Value::Object(powershell)).unwrap());
        assert_eq!(a, b);
        assert_eq!((a.role, a.principal.key().as_str()), (RdsRole::Operator, "adele@contoso.com"));
        assert_eq!(a.contradictions, [] as [&str; 0]);
    }

    #[test]
    fn a_record_that_contradicts_itself_is_read_and_reported() {
        let mut odd = record(("RDS Reader", RdsRole::Owner.id()), "/Default Tenant Group/contoso");
        odd["tenantGroupName"] = json!("Other Group");
        let read = read(&odd).unwrap();
        assert_eq!(read.role, RdsRole::Owner, "the service goes by ids");
        assert_eq!(read.contradictions.len(), 2, "{:?}", read.contradictions);
    }

    #[test]
    fn what_is_no_assignment_is_refused_with_the_reason() {
        for (record, text) in [
            (json!("text"), "no object"),
            (json!({"scope": "/a/b/c/d/e", "roleDefinitionName": "RDS Owner", "signInName": "x"}), "scope"),
            (json!({"scope": "/a", "roleDefinitionName": "Boss", "signInName": "x"}), "role"),
            (json!({"scope": "/a", "roleDefinitionName": "RDS Owner"}), "nobody"),
        ] {
            assert!(read(&record).unwrap_err().contains(text), "{record}");
        }
    }

    #[test]
    fn the_same_evaluation_answers_who_can_do_what() {
        let all = [
            read(&record(("RDS Owner", RdsRole::Owner.id()), "/Default Tenant Group/contoso")).unwrap(),
            RdsAssignment {
                principal: RdsPrincipal {
                    kind: "User".to_owned(),
                    object_id: None,
                    sign_in_name: Some("op@contoso.com".to_owned()),
                    display_name: None,
                },
                ..read(&record(("RDS Operator", RdsRole::Operator.id()), "/Default Tenant Group/contoso/p")).unwrap()
            },
        ];
        let facts = assignment_facts(&all, &[], Timestamp::UNIX_EPOCH);
        let world = World::new(&facts);
        let pool = scope_id("/default tenant group/Contoso/P").unwrap();
        let can = |who: &str, action: &str| world.decide(who, &Action::control(action), &pool).answer;
        assert_eq!(can("adele@contoso.com", "Microsoft.RDS.Resources/HostPools/Write"), Answer::Allowed);
        assert_eq!(can("op@contoso.com", "Microsoft.RDS.Diagnostics/Read"), Answer::Allowed);
        assert_eq!(can("op@contoso.com", "Microsoft.RDS.Resources/HostPools/Read"), Answer::NotGranted);
        let other = scope_id("/Default Tenant Group/fabrikam").unwrap();
        let elsewhere = world.decide("adele@contoso.com", &Action::control("Microsoft.RDS.Resources/Read"), &other);
        assert_eq!(elsewhere.answer, Answer::NotGranted);
    }
}
