//! Small worlds made by chance, in which everything that matters happens often.

use crate::ArmId;
use crate::access::{
    AccessFacts, Action, Assignment, AssignmentType, Coverage, Definition, DefinitionKind, DenyAssignment,
    DirectoryObject, Facet, ManagementGroup, PimInstance, PimKind, SubscriptionFacts,
};
use crate::estate::{Permission, Principal};
use crate::{Unreadable, Why};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

const USERS: usize = 5;
const GROUPS: usize = 6;
const ROLES: usize = 5;
/// Whom questions are about: everybody in the worlds, and a stranger.
pub(super) const PRINCIPALS: usize = USERS + GROUPS + 1;

pub(super) const SCOPES: [&str; 10] = [
    "/",
    "/providers/Microsoft.Management/managementGroups/root",
    "/providers/Microsoft.Management/managementGroups/mid",
    "/subscriptions/aaaa0000-0000-4000-8000-000000000001",
    "/subscriptions/aaaa0000-0000-4000-8000-000000000002",
    "/subscriptions/aaaa0000-0000-4000-8000-000000000001/resourceGroups/avd",
    "/subscriptions/aaaa0000-0000-4000-8000-000000000001/resourceGroups/avd2",
    "/subscriptions/aaaa0000-0000-4000-8000-000000000001/resourceGroups/avd/providers/Microsoft.DesktopVirtualization/hostPools/pool",
    "/subscriptions/aaaa0000-0000-4000-8000-000000000001/resourceGroups/avd/providers/Microsoft.DesktopVirtualization/hostPools/pool/sessionHosts/h",
    "/subscriptions/aaaa0000-0000-4000-8000-000000000002/resourceGroups/avd/providers/Microsoft.DesktopVirtualization/applicationGroups/g",
];

const PATTERNS: [&str; 16] = [
    "*",
    "*",
    "*/read",
    "*/Write",
    "Microsoft.Authorization/*",
    "microsoft.authorization/*/WRITE",
    "Microsoft.Authorization/*/read",
    "Microsoft.Authorization/*/delete",
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.DesktopVirtualization/*",
    "Microsoft.DesktopVirtualization/hostPools/*",
    "Microsoft.DesktopVirtualization/*/useApplications/action",
    "Microsoft.*/hostPools/*ead",
    "MICROSOFT.DESKTOPVIRTUALIZATION/HOSTPOOLS/WRITE",
    "Microsoft.DesktopVirtualization/*/*",
    "Microsoft.Compute/*",
];

pub(super) fn actions() -> Vec<Action> {
    let control = [
        "Microsoft.Authorization/roleAssignments/write",
        "microsoft.authorization/ROLEASSIGNMENTS/delete",
        "Microsoft.Authorization/roleAssignments/read",
        "Microsoft.DesktopVirtualization/hostPools/read",
        "Microsoft.DesktopVirtualization/hostPools/write",
        "Microsoft.DesktopVirtualization/applicationGroups/useApplications/action",
    ];
    let data = [
        "Microsoft.DesktopVirtualization/applicationGroups/useApplications/action",
        "Microsoft.Authorization/roleAssignments/write",
    ];
    control.into_iter().map(Action::control).chain(data.into_iter().map(Action::data)).collect()
}

/// A principal's id: users first, then groups, then a stranger.
pub(super) fn id(number: usize) -> String {
    format!("c0ffee00-0000-4000-8000-0000000000{:02x}", number + 0xa0)
}

/// The world of this seed.
pub(super) fn facts(seed: u64) -> AccessFacts {
    Chance(StdRng::seed_from_u64(seed)).facts()
}

pub(super) struct Chance(StdRng);

impl Chance {
    pub(super) fn of(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound)
    }

    fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    /// Another spelling of the same, sometimes.
    pub(super) fn odd_case(&mut self, text: &str) -> String {
        match self.below(8) {
            0 => text.to_uppercase(),
            1 => text.to_lowercase(),
            2 => text.chars().map(|c| if self.0.next_u32() % 2 == 0 { c.to_ascii_uppercase() } else { c }).collect(),
            _ => text.to_owned(),
        }
    }

    /// Another spelling of an id, sometimes.
    pub(super) fn odd_id(&mut self, number: usize) -> String {
        let id = id(number);
        let id = self.odd_case(&id);
        if self.percent(10) { id.replace('-', "") } else { id }
    }

    fn scope(&mut self) -> ArmId {
        let at = self.below(SCOPES.len());
        ArmId::new(&self.odd_case(SCOPES[at]))
    }

    fn principal(&mut self) -> Principal {
        let number = self.below(USERS + GROUPS);
        let kind = if number < USERS { "User" } else { "Group" };
        Principal { id: self.odd_id(number), kind: kind.to_owned() }
    }

    fn patterns(&mut self, most: usize) -> Vec<String> {
        let count = self.below(most + 1);
        let pattern = |chance: &mut Self| {
            let at = chance.below(PATTERNS.len());
            chance.odd_case(PATTERNS[at])
        };
        (0..count).map(|_| pattern(self)).collect()
    }

    fn permissions(&mut self) -> Vec<Permission> {
        let blocks = 1 + usize::from(self.percent(25));
        (0..blocks)
            .map(|_| Permission {
                actions: self.patterns(2),
                not_actions: if self.percent(35) { self.patterns(2) } else { Vec::new() },
                data_actions: if self.percent(35) { self.patterns(2) } else { Vec::new() },
                not_data_actions: if self.percent(15) { self.patterns(1) } else { Vec::new() },
            })
            .collect()
    }

    fn condition(&mut self) -> Option<String> {
        let part = |verb: &str, source: &str| {
            format!(
                "((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/{verb}'}})) OR (@{source}[Microsoft.\
                 Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{}}}))",
                id(0)
            )
        };
        let text = match self.below(24) {
            0 => part("write", "Request"),
            1 => part("delete", "Resource"),
            2 | 3 => format!("{} AND {}", part("write", "Request"), part("delete", "Resource")),
            4 | 5 => "@Resource[Microsoft.Storage/storageAccounts:name] StringEquals 'a'".to_owned(),
            6 => format!("{} AND (@Resource[Microsoft.Storage/x:name] StringEquals 'a')", part("write", "Request")),
            7 => " ".to_owned(),
            _ => return None,
        };
        Some(self.odd_case(&text))
    }

    fn role(&mut self) -> ArmId {
        // One of them is not defined.
        let number = if self.percent(5) { ROLES } else { self.below(ROLES) };
        let role =
            format!("/providers/Microsoft.Authorization/roleDefinitions/d0000000-0000-4000-8000-00000000000{number:x}");
        ArmId::new(&self.odd_case(&role))
    }

    fn facts(&mut self) -> AccessFacts {
        let mut facts = AccessFacts::new(Timestamp::UNIX_EPOCH);
        let (root, mid) = (ArmId::new(SCOPES[1]), ArmId::new(SCOPES[2]));
        let parent = self.percent(80).then(|| ArmId::new(&self.odd_case(SCOPES[1])));
        facts.management_groups = vec![
            ManagementGroup { id: root.clone(), name: "root".to_owned(), parent: self.percent(5).then(|| mid.clone()) },
            ManagementGroup { id: mid.clone(), name: "mid".to_owned(), parent },
        ];
        for (at, group) in [(3, mid), (4, root)] {
            let management_group = self.percent(85).then_some(group);
            facts.subscriptions.push(SubscriptionFacts {
                id: ArmId::new(&self.odd_case(SCOPES[at])),
                name: String::new(),
                management_group,
            });
        }
        self.directory(&mut facts);
        self.access(&mut facts);
        self.coverage(&mut facts);
        facts
    }

    fn directory(&mut self, facts: &mut AccessFacts) {
        let is_partial = self.percent(35);
        let directory = &mut facts.directory;
        for number in USERS..USERS + GROUPS {
            let id = id(number);
            let group = DirectoryObject::Group { name: format!("group {number}"), role_assignable: false };
            if self.percent(70) {
                directory.objects.insert(id.clone(), group);
            }
            let count = self.below(4);
            let members = (0..count).map(|_| self.below(USERS + GROUPS)).collect::<Vec<_>>();
            let members = members.into_iter().map(|member| self.odd_id(member)).collect();
            if !(is_partial && self.percent(15)) {
                let key = self.odd_id(number);
                directory.members.insert(key, members);
            } else if self.percent(20) {
                directory.objects.remove(&id);
                directory.missing.insert(id.clone());
            }
            if is_partial && self.percent(15) {
                directory.opaque_groups.insert(id);
            }
        }
    }

    fn access(&mut self, facts: &mut AccessFacts) {
        for number in 0..ROLES {
            let id = format!(
                "/subscriptions/x/providers/Microsoft.Authorization/roleDefinitions/d0000000-0000-4000-8000-00000000000{number:x}"
            );
            facts.definitions.push(Definition {
                id: ArmId::new(&self.odd_case(&id)),
                name: format!("role {number}"),
                kind: DefinitionKind::Custom,
                permissions: self.permissions(),
                assignable_scopes: Vec::new(),
            });
        }
        for number in 0..3 + self.below(10) {
            facts.assignments.push(Assignment {
                id: ArmId::new(&format!("/providers/Microsoft.Authorization/roleAssignments/{number}")),
                scope: self.scope(),
                role: self.role(),
                principal: self.principal(),
                condition: self.condition(),
                created_on: None,
                description: None,
            });
        }
        for number in 0..self.below(4) {
            let instance = self.instance(number, facts);
            facts.pim.push(instance);
        }
        let most = if self.percent(50) { 3 } else { 1 };
        for number in 0..self.below(most) {
            let principal = |chance: &mut Self| match chance.below(4) {
                0 => Principal {
                    id: "00000000-0000-0000-0000-000000000000".to_owned(),
                    kind: "SystemDefined".to_owned(),
                },
                _ => chance.principal(),
            };
            let except = self.below(3);
            let deny = DenyAssignment {
                id: ArmId::new(&format!("/providers/Microsoft.Authorization/denyAssignments/{number}")),
                name: format!("deny {number}"),
                scope: self.scope(),
                not_for_child_scopes: self.percent(30),
                permissions: self.permissions(),
                principals: vec![principal(self)],
                except: (0..except).map(|_| self.principal()).collect(),
                condition: self.condition(),
            };
            facts.denies.push(deny);
        }
    }

    fn instance(&mut self, number: usize, facts: &AccessFacts) -> PimInstance {
        let kind = if self.percent(50) { PimKind::Active } else { PimKind::Eligible };
        let member_type = [None, Some("Direct"), Some("direct"), Some("Group"), Some("Inherited")][self.below(5)];
        let assignment_type = [None, Some(AssignmentType::Activated), Some(AssignmentType::Assigned)][self.below(3)];
        let mut instance = PimInstance {
            id: ArmId::new(&format!("/providers/Microsoft.Authorization/roleAssignmentScheduleInstances/{number}")),
            kind,
            scope: self.scope(),
            role: self.role(),
            principal: self.principal(),
            member_type: member_type.map(str::to_owned),
            assignment_type,
            start: None,
            end: None,
            origin: None,
            condition: self.condition(),
        };
        if kind == PimKind::Active && self.percent(30) {
            // The same as a role assignment that is listed.
            let seen = &facts.assignments[self.below(facts.assignments.len())];
            instance.origin = Some(seen.id.clone());
            instance.scope = seen.scope.clone();
            instance.role = seen.role.clone();
            instance.principal = seen.principal.clone();
            instance.condition = seen.condition.clone();
        }
        instance
    }

    fn coverage(&mut self, facts: &mut AccessFacts) {
        if !self.percent(25) {
            return;
        }
        const FACETS: [Facet; 7] = [
            Facet::RoleAssignments,
            Facet::DenyAssignments,
            Facet::PimActive,
            Facet::PimEligible,
            Facet::RoleDefinitions,
            Facet::ManagementGroups,
            Facet::Principals,
        ];
        for _ in 0..1 + self.below(3) {
            let (scope, facet) = (self.scope(), FACETS[self.below(FACETS.len())]);
            let reason = Unreadable::new(Why::Forbidden, "403");
            facts.coverage.push(match self.below(3) {
                0 => Coverage::read(scope, facet, 1),
                _ => Coverage::unknown(scope, facet, reason),
            });
        }
        if self.percent(20) {
            let reason = Unreadable::new(Why::Throttled, "429");
            facts.coverage.push(Coverage::unknown(ArmId::new("/"), Facet::GroupMembers, reason));
        }
    }
}
