//! What `Get-`, `New-` and `Remove-RdsRoleAssignment` are asked with: every parameter of the cmdlets, and which of them
//! make sense together.

use super::{RdsAssignment, RdsRole};
use crate::ArmId;
use crate::classic::{self, DEFAULT_TENANT_GROUP};
use std::fmt;

/// The parameters, as they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    /// `AadTenantId`: the Entra tenant that a service principal is a member of.
    pub aad_tenant_id: Option<String>,
    /// `AppGroupName`.
    pub app_group_name: Option<String>,
    /// `Diagnostics`: the diagnostics scope.
    pub diagnostics: bool,
    /// `HostPoolName`.
    pub host_pool_name: Option<String>,
    /// `Infrastructure`: the infrastructure scope.
    pub infrastructure: bool,
    /// `RoleDefinitionName`.
    pub role_definition_name: Option<String>,
    /// `ServicePrincipalName`, which the documentation also writes `ServerPrincipleName`: an application's name or id.
    pub service_principal_name: Option<String>,
    /// `SignInName`: a user's address.
    pub sign_in_name: Option<String>,
    /// `GroupObjectId`.
    pub group_object_id: Option<String>,
    /// `TenantGroupName`.
    pub tenant_group_name: Option<String>,
    /// `TenantName`.
    pub tenant_name: Option<String>,
}

/// Why parameters make no sense together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

fn refused<T>(why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(why.into()))
}

/// Whom a role is given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignee {
    /// A user, by the name that is signed in with.
    User(String),
    /// A group, by its object id.
    Group(String),
    /// An application, by its name or id, of an Entra tenant.
    ServicePrincipal {
        /// Its name or id.
        name: String,
        /// The tenant it is a member of, where that is not the connection's own.
        tenant: Option<String>,
    },
}

impl fmt::Display for Assignee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) | Self::ServicePrincipal { name, .. } => f.write_str(name),
            Self::Group(id) => write!(f, "the group {id}"),
        }
    }
}

/// What is asked for, once it makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Where.
    pub scope: ArmId,
    /// Only the diagnostics of it.
    pub diagnostics: bool,
    /// The service's infrastructure instead of a tenant.
    pub infrastructure: bool,
    /// Which role; none for any.
    pub role: Option<RdsRole>,
    /// Who; none for anybody.
    pub assignee: Option<Assignee>,
}

impl Arguments {
    /// What they ask for.
    pub fn request(&self) -> Result<Request, Refused> {
        let level =
            |value: &Option<String>| value.as_deref().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        let (tenant, pool, group) =
            (level(&self.tenant_name), level(&self.host_pool_name), level(&self.app_group_name));
        if self.diagnostics && !self.infrastructure && tenant.is_none() {
            return refused(
                "Diagnostics goes with Infrastructure or with TenantName, and neither is given: a diagnostics scope alone says nothing of whose diagnostics are meant",
            );
        }
        if self.infrastructure && (tenant.is_some() || pool.is_some() || group.is_some()) {
            return refused(
                "Infrastructure is the service itself, so it goes with no TenantName, HostPoolName or AppGroupName",
            );
        }
        if pool.is_some() && tenant.is_none() {
            return refused("HostPoolName needs TenantName: host pools are in a tenant");
        }
        if group.is_some() && pool.is_none() {
            return refused("AppGroupName needs HostPoolName: application groups are of a host pool");
        }
        let holder = level(&self.tenant_group_name).unwrap_or_else(|| DEFAULT_TENANT_GROUP.to_owned());
        let levels =
            [("tenantGroups", Some(holder)), ("tenants", tenant), ("hostPools", pool), ("applicationGroups", group)];
        let mut scope = classic::root();
        for (key, name) in levels {
            let Some(name) = name else { break };
            scope = match classic::below(&scope, key, &name) {
                Some(below) => below,
                None => return refused(format!("{name:?} is no name of the classic service")),
            };
        }
        let role = match self.role_definition_name.as_deref() {
            None => None,
            Some(name) => match RdsRole::from_name(name).or_else(|| RdsRole::from_id(name)) {
                Some(role) => Some(role),
                None => {
                    let names: Vec<&str> = RdsRole::ALL.into_iter().map(RdsRole::name).collect();
                    return refused(format!("there is no role {name:?}; there are {}", names.join(", ")));
                }
            },
        };
        let (diagnostics, infrastructure) = (self.diagnostics, self.infrastructure);
        Ok(Request { scope, diagnostics, infrastructure, role, assignee: self.assignee()? })
    }

    /// The same for an assignment that is made or removed: role and principal must be named.
    pub fn assignment(&self) -> Result<Request, Refused> {
        let request = self.request()?;
        if request.role.is_none() {
            return refused("RoleDefinitionName is missing: RDS Owner, RDS Contributor, RDS Reader or RDS Operator");
        }
        if request.assignee.is_none() {
            return refused("who is meant is missing: give SignInName, GroupObjectId or ServicePrincipalName");
        }
        Ok(request)
    }

    fn assignee(&self) -> Result<Option<Assignee>, Refused> {
        let given =
            |value: &Option<String>| value.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let (user, group, service) =
            (given(&self.sign_in_name), given(&self.group_object_id), given(&self.service_principal_name));
        let tenant = given(&self.aad_tenant_id);
        let assignee = match (user, group, service) {
            (None, None, None) => None,
            (Some(name), None, None) => Some(Assignee::User(name)),
            (None, Some(id), None) => Some(Assignee::Group(id)),
            (None, None, Some(name)) => Some(Assignee::ServicePrincipal { name, tenant: tenant.clone() }),
            _ => return refused("SignInName, GroupObjectId and ServicePrincipalName each name somebody: give one"),
        };
        if tenant.is_some() && matches!(assignee, Some(Assignee::User(_)) | None) {
            return refused(
                "AadTenantId says which tenant a service principal or group is a member of, and none is given",
            );
        }
        Ok(assignee)
    }
}

impl Request {
    /// Whether an assignment is one that is asked for: at that very scope, or, without role and principal, below it.
    pub fn matches(&self, one: &RdsAssignment) -> bool {
        let is_role = self.role.is_none_or(|role| role == one.role);
        let is_diagnostic = !self.diagnostics || one.role == RdsRole::Operator || one.role == RdsRole::Owner;
        let is_somebody = self.assignee.as_ref().is_none_or(|assignee| assignee.is(one));
        is_role && is_diagnostic && is_somebody && one.scope.is_within(&self.scope)
    }

    /// Whether an assignment is what is asked for. None is, as far as anybody can tell, where diagnostics or the
    /// infrastructure is asked for: see [`Request::is_untold`].
    pub fn is(&self, one: &RdsAssignment) -> bool {
        !self.is_untold() && self.may_be(one)
    }

    /// Whether an assignment may be what is asked for: the same role, principal and scope.
    pub fn may_be(&self, one: &RdsAssignment) -> bool {
        let of_any_kind = Self { diagnostics: false, ..self.clone() };
        of_any_kind.matches(one) && one.scope == self.scope
    }

    /// Whether it asks for what records do not tell: whether an assignment holds for diagnostics alone, or for the
    /// infrastructure. Such a record looks like one of the tenant group or tenant itself.
    pub fn is_untold(&self) -> bool {
        self.diagnostics || self.infrastructure
    }
}

impl Assignee {
    fn is(&self, one: &RdsAssignment) -> bool {
        let named =
            |text: &Option<String>, wanted: &str| text.as_deref().is_some_and(|text| text.eq_ignore_ascii_case(wanted));
        let principal = &one.principal;
        match self {
            Self::User(name) => named(&principal.sign_in_name, name),
            Self::Group(id) => named(&principal.object_id, &crate::access::principal_id(id)),
            // A name is a user's or a group's too.
            Self::ServicePrincipal { name, .. } => {
                named(&principal.object_id, &crate::access::principal_id(name))
                    || (principal.is_application() && named(&principal.display_name, name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scope_text;
    use super::*;

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn parameters_name_a_scope_from_the_tenant_group_down() {
        let all = Arguments {
            tenant_group_name: text("Group"),
            tenant_name: text("contoso"),
            host_pool_name: text("Sales pool"),
            app_group_name: text("Desktop Application Group"),
            ..Arguments::default()
        };
        let request = all.request().unwrap();
        assert_eq!(scope_text(&request.scope), "/Group/contoso/Sales pool/Desktop Application Group");
        assert_eq!(scope_text(&Arguments::default().request().unwrap().scope), "/Default Tenant Group");
    }

    #[test]
    fn what_makes_no_sense_together_is_refused_with_the_reason() {
        let base = Arguments::default;
        for (arguments, reason) in [
            (Arguments { diagnostics: true, ..base() }, "Infrastructure or with TenantName"),
            (
                Arguments { diagnostics: true, tenant_group_name: text("G"), ..base() },
                "Infrastructure or with TenantName",
            ),
            (Arguments { infrastructure: true, tenant_name: text("t"), ..base() }, "no TenantName"),
            (Arguments { host_pool_name: text("p"), ..base() }, "needs TenantName"),
            (Arguments { tenant_name: text("t"), app_group_name: text("g"), ..base() }, "needs HostPoolName"),
            (Arguments { role_definition_name: text("Boss"), ..base() }, "there is no role"),
            (Arguments { sign_in_name: text("a"), group_object_id: text("b"), ..base() }, "give one"),
            (Arguments { aad_tenant_id: text("t"), sign_in_name: text("a"), ..base() }, "AadTenantId"),
            (Arguments { tenant_name: text(".."), ..base() }, "is no name"),
        ] {
            let Refused(why) = arguments.request().unwrap_err();
            assert!(why.contains(reason), "{why:?} of {arguments:?}");
        }
        for arguments in [
            Arguments { diagnostics: true, infrastructure: true, ..base() },
            Arguments { diagnostics: true, tenant_name: text("t"), ..base() },
            Arguments { aad_tenant_id: text("t"), service_principal_name: text("app"), ..base() },
        ] {
            assert!(arguments.request().is_ok(), "{arguments:?}");
        }
    }

    fn reader_of_t(more: &Arguments) -> Request {
        let arguments = Arguments { role_definition_name: text("RDS Reader"), ..more.clone() };
        arguments.assignment().unwrap()
    }

    fn record(scope: &str, who: &serde_json::Value) -> RdsAssignment {
        let mut record = serde_json::json!({"scope": scope, "roleDefinitionName": "RDS Reader"});
        record.as_object_mut().unwrap().append(&mut who.as_object().unwrap().clone());
        super::super::read(&record).unwrap()
    }

    #[test]
    fn a_record_is_never_taken_for_one_of_diagnostics_or_the_infrastructure() {
        let adele = Arguments { sign_in_name: text("a@b"), ..Arguments::default() };
        let who = serde_json::json!({"signInName": "A@b", "objectType": "User"});
        let of_tenant = record("/Default Tenant Group/t", &who);
        let plain = reader_of_t(&Arguments { tenant_name: text("t"), ..adele.clone() });
        let diagnostics = reader_of_t(&Arguments { tenant_name: text("t"), diagnostics: true, ..adele.clone() });
        assert!(plain.is(&of_tenant));
        assert!(!diagnostics.is(&of_tenant) && diagnostics.may_be(&of_tenant));
        assert!(!diagnostics.matches(&of_tenant), "listing diagnostics shows who sees them");
        let of_group = record("/Default Tenant Group", &who);
        let infrastructure = reader_of_t(&Arguments { infrastructure: true, ..adele });
        assert!(!infrastructure.is(&of_group) && infrastructure.may_be(&of_group));
    }

    #[test]
    fn an_applications_name_is_no_groups() {
        let asked = reader_of_t(&Arguments {
            tenant_name: text("t"),
            service_principal_name: text("Helpdesk"),
            ..Arguments::default()
        });
        let id = "11111111-1111-4111-8111-111111111111";
        let of = |kind: &str| {
            let who = serde_json::json!({"objectId": id, "displayName": "helpdesk", "objectType": kind});
            asked.is(&record("/Default Tenant Group/t", &who))
        };
        assert!(of("ServicePrincipal") && !of("Group") && !of("User"));
    }

    #[test]
    fn an_assignment_needs_a_role_and_somebody() {
        let role = Arguments { role_definition_name: text("RDS Reader"), ..Arguments::default() };
        assert!(role.assignment().unwrap_err().to_string().contains("SignInName"));
        let who = Arguments { sign_in_name: text("a@b"), ..Arguments::default() };
        assert!(who.assignment().unwrap_err().to_string().contains("RoleDefinitionName"));
        let both = Arguments { sign_in_name: text("a@b"), ..role };
        assert_eq!(both.assignment().unwrap().role, Some(RdsRole::Reader));
    }
}
