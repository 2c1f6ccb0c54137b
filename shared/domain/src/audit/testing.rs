//! Small estates for the tests of rules. Names are short: a principal's id is its name, a role's GUID is its name.

mod roles;

use super::{Audit, AuditPolicy, AuditReport, Outcome, Rule, Verdict};
use crate::access::{
    AccessFacts, ArmResource, Assignment, AssignmentType, Coverage, DefinitionKind, DirectoryObject, Facet,
    ManagementGroup, PimInstance, PimKind, ServicePrincipalKind, State, SubscriptionFacts, World, builtin,
};
use crate::estate::Principal;
use crate::{ArmId, Unreadable, Why};
use jiff::Timestamp;
use roles::{built_in_roles, definition};
use serde_json::{Value, json};

/// The subscription that every estate has.
pub(crate) const S1: &str = "/subscriptions/s1";
/// The management group that it is in.
pub(crate) const LANDING: &str = "/providers/Microsoft.Management/managementGroups/landing";
/// The one above, which is the tenant's root group.
pub(crate) const TENANT: &str = "/providers/Microsoft.Management/managementGroups/tenant";
/// A resource group of it.
pub(crate) const RG: &str = "/subscriptions/s1/resourceGroups/avd";
/// A host pool's id, to which no pool has to belong.
pub(crate) const POOL: &str =
    "/subscriptions/s1/resourceGroups/avd/providers/Microsoft.DesktopVirtualization/hostPools/p1";
/// An application group's id, likewise.
pub(crate) const GROUP: &str =
    "/subscriptions/s1/resourceGroups/avd/providers/Microsoft.DesktopVirtualization/applicationGroups/g1";
/// A condition that limits delegation to one role.
pub(crate) const DELEGATION: &str = "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR \
    (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] \
    ForAnyOfAnyValues:GuidEquals {1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63}))";

/// An estate in the making.
#[derive(Clone)]
pub(crate) struct Estate {
    pub(crate) facts: AccessFacts,
    pub(crate) policy: AuditPolicy,
}

/// The tests' day.
pub(crate) fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

impl Estate {
    /// One subscription below two management groups, Azure's roles, nobody who holds anything, everything read.
    pub(crate) fn bare() -> Self {
        let mut facts = AccessFacts::new(now());
        let group = |id: &str, parent: Option<&str>| ManagementGroup {
            id: ArmId::new(id),
            name: ArmId::new(id).name().to_owned(),
            parent: parent.map(ArmId::new),
        };
        facts.management_groups = vec![group(TENANT, None), group(LANDING, Some(TENANT))];
        facts.definitions = built_in_roles();
        for facet in Facet::ALL.into_iter().filter(|facet| facet.is_of_directory()) {
            facts.coverage.push(Coverage::read(ArmId::new("/"), facet, 0));
        }
        Self { facts, policy: AuditPolicy::default() }.subscription("s1")
    }

    /// A bare estate with what no rule complains of: two eligible owners in a group, and a role for locks.
    pub(crate) fn clean() -> Self {
        Self::bare()
            .user("olga")
            .user("otto")
            .group("owners", &["olga", "otto"])
            .eligible("owners", builtin::OWNER, S1, Some("2027-01-01T00:00:00Z"))
            .user("oscar")
            .group("operators", &["oscar"])
            .role("lock-administrator", &["Microsoft.Authorization/locks/*"], &[], &[], &[S1])
            .assign("operators", "lock-administrator", S1)
    }

    /// Another subscription, in the same management group.
    pub(crate) fn subscription(mut self, name: &str) -> Self {
        let id = ArmId::new(&format!("/subscriptions/{name}"));
        for facet in Facet::ALL.into_iter().filter(|facet| !facet.is_of_directory()) {
            self.facts.coverage.push(Coverage::read(id.clone(), facet, 0));
        }
        let management_group = Some(ArmId::new(LANDING));
        self.facts.subscriptions.push(SubscriptionFacts { id, name: format!("Subscription {name}"), management_group });
        self
    }

    /// Anything else.
    pub(crate) fn with(mut self, edit: impl FnOnce(&mut AccessFacts)) -> Self {
        edit(&mut self.facts);
        self
    }

    /// A change of the policy.
    pub(crate) fn policy(mut self, edit: impl FnOnce(&mut AuditPolicy)) -> Self {
        edit(&mut self.policy);
        self
    }

    /// Something of the directory.
    pub(crate) fn object(self, id: &str, object: DirectoryObject) -> Self {
        self.with(|facts| facts.directory.objects.extend([(id.to_owned(), object)]))
    }

    fn account(self, id: &str, guest: bool, enabled: Option<bool>) -> Self {
        self.object(id, DirectoryObject::User { name: format!("User {id}"), upn: None, guest, enabled })
    }

    /// A member user who can sign in.
    pub(crate) fn user(self, id: &str) -> Self {
        self.account(id, false, Some(true))
    }

    /// A guest who can sign in.
    pub(crate) fn guest(self, id: &str) -> Self {
        self.account(id, true, Some(true))
    }

    /// A user whose account is disabled.
    pub(crate) fn disabled(self, id: &str) -> Self {
        self.account(id, false, Some(false))
    }

    /// A user of whom nobody can say whether the account is enabled.
    pub(crate) fn unclear(self, id: &str) -> Self {
        self.account(id, false, None)
    }

    /// Somebody who was looked for and is not there.
    pub(crate) fn deleted(self, id: &str) -> Self {
        self.with(|facts| facts.directory.missing.extend([id.to_owned()]))
    }

    /// A group with its direct members.
    pub(crate) fn group(self, id: &str, members: &[&str]) -> Self {
        let object = DirectoryObject::Group { name: format!("Group {id}"), role_assignable: false };
        let members = members.iter().map(|&member| member.to_owned()).collect();
        self.object(id, object).with(|facts| facts.directory.members.extend([(id.to_owned(), members)]))
    }

    /// A group whose members could not be read.
    pub(crate) fn opaque_group(self, id: &str) -> Self {
        self.group(id, &[]).with(|facts| facts.directory.opaque_groups.extend([id.to_owned()]))
    }

    fn service(self, id: &str, name: &str, app_id: &str, kind: ServicePrincipalKind) -> Self {
        let (name, app_id) = (name.to_owned(), app_id.to_owned());
        let (enabled, owners, passwords) = (Some(true), Some(Vec::new()), Vec::new());
        let object = DirectoryObject::ServicePrincipal {
            name,
            app_id,
            kind,
            enabled,
            owner_tenant: None,
            owners,
            passwords,
            resource: None,
        };
        self.object(id, object)
    }

    /// A service principal of an application, with its name and application id.
    pub(crate) fn application(self, id: &str, name: &str, app_id: &str) -> Self {
        self.service(id, name, app_id, ServicePrincipalKind::Application)
    }

    /// A managed identity, with its name.
    pub(crate) fn identity(self, id: &str, name: &str) -> Self {
        self.service(id, name, &format!("app-of-{id}"), ServicePrincipalKind::ManagedIdentity)
    }

    fn principal(&self, id: &str) -> Principal {
        let kind = self.facts.directory.objects.get(id).map_or("User", DirectoryObject::kind);
        Principal { id: id.to_owned(), kind: kind.to_owned() }
    }

    /// A role assignment.
    pub(crate) fn assign(self, principal: &str, role: &str, scope: &str) -> Self {
        self.assign_if(principal, role, scope, None)
    }

    /// A role assignment under a condition.
    pub(crate) fn assign_if(mut self, principal: &str, role: &str, scope: &str, condition: Option<&str>) -> Self {
        let place = scope.trim_end_matches('/');
        let number = self.facts.assignments.len();
        self.facts.assignments.push(Assignment {
            id: ArmId::new(&format!("{place}/providers/Microsoft.Authorization/roleAssignments/a{number}")),
            scope: ArmId::new(scope),
            role: role_id(role),
            principal: self.principal(principal),
            condition: condition.map(str::to_owned),
            created_on: None,
            description: None,
        });
        self
    }

    fn instance(mut self, kind: PimKind, principal: &str, role: &str, scope: &str, end: Option<&str>) -> Self {
        let number = self.facts.pim.len();
        let (list, assignment_type) = match kind {
            PimKind::Active => ("roleAssignmentScheduleInstances", Some(AssignmentType::Activated)),
            PimKind::Eligible => ("roleEligibilityScheduleInstances", None),
        };
        self.facts.pim.push(PimInstance {
            id: ArmId::new(&format!("{scope}/providers/Microsoft.Authorization/{list}/i{number}")),
            kind,
            scope: ArmId::new(scope),
            role: role_id(role),
            principal: self.principal(principal),
            member_type: Some("Direct".to_owned()),
            assignment_type,
            start: None,
            end: end.map(|end| end.parse().unwrap()),
            origin: None,
            condition: None,
        });
        self
    }

    /// Somebody who could activate a role.
    pub(crate) fn eligible(self, principal: &str, role: &str, scope: &str, end: Option<&str>) -> Self {
        self.instance(PimKind::Eligible, principal, role, scope, end)
    }

    /// Somebody who has activated a role.
    pub(crate) fn activated(self, principal: &str, role: &str, scope: &str) -> Self {
        self.instance(PimKind::Active, principal, role, scope, Some("2026-06-01T20:00:00Z"))
    }

    /// A custom role: its GUID and name, actions, notActions, data actions, and where it can be assigned.
    pub(crate) fn role(self, guid: &str, actions: &[&str], not: &[&str], data: &[&str], scopes: &[&str]) -> Self {
        let mut role = definition(guid, &format!("Role {guid}"), DefinitionKind::Custom, actions, not, data);
        role.assignable_scopes = scopes.iter().map(|scope| ArmId::new(scope)).collect();
        self.with(|facts| facts.definitions.push(role))
    }

    /// A resource: its id, its type, and the body's `properties`.
    pub(crate) fn resource(self, id: &str, kind: &str, properties: Value) -> Self {
        let mut body = json!({});
        body["properties"] = properties;
        let resource = ArmResource { id: ArmId::new(id), kind: kind.to_lowercase(), location: None, body };
        self.with(|facts| facts.resources.push(resource))
    }

    /// A facet of a scope that could not be read.
    pub(crate) fn forbidden(self, facet: Facet, scope: &str) -> Self {
        let scope = ArmId::new(scope);
        let state = State::Unknown(Unreadable::new(Why::Forbidden, "403"));
        self.with(|facts| {
            facts.coverage.retain(|one| one.facet != facet || one.scope != scope);
            facts.coverage.push(Coverage { scope, facet, state });
        })
    }

    /// What a rule says.
    pub(crate) fn check(&self, rule: &Rule) -> Outcome {
        let world = World::new(&self.facts);
        (rule.check)(&Audit { facts: &self.facts, world: &world, policy: &self.policy, now: now() })
    }

    /// What a rule finds: scope, principal and subject, `-` for none; sorted.
    pub(crate) fn found(&self, rule: &Rule) -> Vec<String> {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let violations = self.check(rule).violations;
        let line =
            violations.iter().map(|one| format!("{} {} {}", one.scope, or_dash(&one.principal), or_dash(&one.subject)));
        let mut lines: Vec<String> = line.collect();
        lines.sort();
        lines
    }

    /// What becomes of a rule.
    pub(crate) fn verdict(&self, rule: &Rule) -> Verdict {
        let world = World::new(&self.facts);
        let audit = Audit { facts: &self.facts, world: &world, policy: &self.policy, now: now() };
        super::judge::verdict(&audit, rule)
    }

    /// The whole report.
    pub(crate) fn report(&self) -> AuditReport {
        super::audit("test", &self.facts, &self.policy, &[super::Family::Rbac, super::Family::Custom], now())
    }
}

fn role_id(guid: &str) -> ArmId {
    ArmId::new(&format!("{S1}/providers/Microsoft.Authorization/roleDefinitions/{guid}"))
}
