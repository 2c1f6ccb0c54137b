//! Facts of a large tenant made by chance, for measuring: what is in them matters less than how much it is, but scopes,
//! groups and roles are as crooked as real ones.

use super::{
    AccessFacts, Action, Assignment, Coverage, Definition, DefinitionKind, DenyAssignment, DirectoryObject, Facet,
    ManagementGroup, PimInstance, PimKind, ServicePrincipalKind, SubscriptionFacts, builtin,
};
use crate::ArmId;
use crate::estate::{Permission, Principal};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Role assignments in a whole tenant.
const ASSIGNMENTS: usize = 100_000;
/// Users and service principals.
const PRINCIPALS: usize = 50_000;
/// Groups.
const GROUPS: usize = 10_000;
/// How deep groups are nested.
const LEVELS: usize = 5;
/// Resources, each a scope of its own.
const RESOURCES: usize = 2_000;
/// Subscriptions: Azure takes 4,000 role assignments in each.
const SUBSCRIPTIONS: usize = 40;
/// Subscriptions in one management group.
const SUBSCRIPTIONS_IN_GROUP: usize = 5;
/// Resource groups in a subscription.
const RESOURCE_GROUPS: usize = 8;
/// Role assignments at the root management group, whatever the size of the tenant.
const AT_ROOT: usize = 25;
/// One group in so many is large,
const ONE_LARGE_IN: usize = 200;
/// … with so many users in it; others have a handful.
const USERS_IN_LARGE: usize = 400;
/// One group of the lowest level in so many has a group in it that it is itself in.
const ONE_CYCLE_IN: usize = 20;

/// A tenant of this share of the full size, which is 100,000 role assignments, 50,000 users and service principals,
/// 10,000 groups nested five deep and with cycles, and 2,000 resources. The same again for the same seed.
pub fn large(seed: u64, share: f64) -> AccessFacts {
    Generator { chance: StdRng::seed_from_u64(seed), share, facts: AccessFacts::new(Timestamp::UNIX_EPOCH) }.run()
}

/// The scopes of its resources.
pub fn resource_scopes(facts: &AccessFacts) -> Vec<ArmId> {
    facts.resources.iter().map(|resource| resource.id.clone()).collect()
}

/// A handful of actions worth asking about.
pub fn actions() -> Vec<Action> {
    vec![
        Action::data(builtin::USE_APPLICATIONS),
        Action::data(builtin::LOG_IN),
        Action::control(builtin::WRITE_ROLE_ASSIGNMENTS),
        Action::control(builtin::RETRIEVE_REGISTRATION_TOKEN),
        Action::control(builtin::START_VIRTUAL_MACHINE),
        Action::control("Microsoft.DesktopVirtualization/hostPools/write"),
    ]
}

struct Generator {
    chance: StdRng,
    share: f64,
    facts: AccessFacts,
}

impl Generator {
    fn run(mut self) -> AccessFacts {
        self.scopes();
        self.directory();
        self.roles();
        self.assignments();
        self.denies();
        for facet in [Facet::GroupMembers, Facet::Principals] {
            self.facts.coverage.push(Coverage::read(ArmId::new("/"), facet, 0));
        }
        self.facts
    }

    fn of(&self, full: usize) -> usize {
        // Sizes are far below what a float holds exactly.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let share = (full as f64 * self.share).ceil() as usize;
        share.max(1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.chance.random_range(0..bound)
    }

    fn scopes(&mut self) {
        let group = |name: &str| ArmId::new(&format!("/providers/Microsoft.Management/managementGroups/{name}"));
        let root = ManagementGroup { id: group("root"), name: "root".to_owned(), parent: None };
        self.facts.management_groups.push(root);
        let subscriptions = self.of(SUBSCRIPTIONS);
        for number in 0..subscriptions.div_ceil(SUBSCRIPTIONS_IN_GROUP) {
            let name = format!("unit-{number}");
            let unit = ManagementGroup { id: group(&name), name, parent: Some(group("Root")) };
            self.facts.management_groups.push(unit);
        }
        for number in 0..subscriptions {
            self.facts.subscriptions.push(SubscriptionFacts {
                id: ArmId::new(&format!("/subscriptions/{}", guid(1, number))),
                name: format!("subscription {number}"),
                management_group: Some(group(&format!("Unit-{}", number / SUBSCRIPTIONS_IN_GROUP))),
            });
        }
        for number in 0..self.of(RESOURCES) {
            let group = self.resource_group(number % (subscriptions * RESOURCE_GROUPS));
            let kind = ["hostPools", "applicationGroups", "workspaces"][number % 3];
            let provider = "providers/Microsoft.DesktopVirtualization";
            self.facts.resources.push(super::ArmResource {
                id: ArmId::new(&format!("{group}/{provider}/{kind}/resource-{number}")),
                kind: format!("microsoft.desktopvirtualization/{}", kind.to_lowercase()),
                location: None,
                body: serde_json::Value::Null,
            });
        }
    }

    fn resource_group(&self, number: usize) -> ArmId {
        let subscription = &self.facts.subscriptions[number / RESOURCE_GROUPS].id;
        ArmId::new(&format!("{subscription}/resourceGroups/rg-{}", number % RESOURCE_GROUPS))
    }

    fn directory(&mut self) {
        let (principals, groups) = (self.of(PRINCIPALS), self.of(GROUPS));
        for number in 0..principals {
            let name = format!("principal {number}");
            let object = if is_service(number) {
                let (app_id, kind) = (guid(4, number), ServicePrincipalKind::Application);
                let (enabled, owner_tenant, owners, resource) = (Some(true), None, None, None);
                let passwords = Vec::new();
                DirectoryObject::ServicePrincipal {
                    name,
                    app_id,
                    kind,
                    enabled,
                    owner_tenant,
                    owners,
                    passwords,
                    resource,
                }
            } else {
                DirectoryObject::User { name, upn: None, guest: number % 50 == 0, enabled: Some(number % 40 != 0) }
            };
            self.facts.directory.objects.insert(guid(2, number), object);
        }
        let in_level = groups.div_ceil(LEVELS);
        for number in 0..groups {
            let object = DirectoryObject::Group { name: format!("group {number}"), role_assignable: false };
            self.facts.directory.objects.insert(guid(3, number), object);
            let level = number / in_level;
            let users =
                if self.below(ONE_LARGE_IN) == 0 { USERS_IN_LARGE.min(principals / 10) } else { self.below(16) };
            let mut members: Vec<String> = (0..users).map(|_| guid(2, self.below(principals))).collect();
            if level + 1 < LEVELS {
                for _ in 0..=self.below(2) {
                    let below = (level + 1) * in_level + self.below(in_level);
                    members.push(guid(3, below.min(groups - 1)));
                }
            } else if self.below(ONE_CYCLE_IN) == 0 {
                members.push(guid(3, self.below(groups)));
            }
            self.facts.directory.members.insert(guid(3, number), members);
        }
    }

    fn roles(&mut self) {
        let built_in: [(&str, &[&str], &[&str], &[&str]); 8] = [
            (builtin::OWNER, &["*"], &[], &[]),
            (
                builtin::CONTRIBUTOR,
                &["*"],
                &["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"],
                &[],
            ),
            (builtin::READER, &["*/read"], &[], &[]),
            (builtin::USER_ACCESS_ADMINISTRATOR, &["*/read", "Microsoft.Authorization/*"], &[], &[]),
            (
                builtin::DESKTOP_VIRTUALIZATION_USER,
                &[],
                &[],
                &["Microsoft.DesktopVirtualization/*/useApplications/action"],
            ),
            (builtin::DESKTOP_VIRTUALIZATION_CONTRIBUTOR, &["Microsoft.DesktopVirtualization/*"], &[], &[]),
            (
                builtin::VIRTUAL_MACHINE_USER_LOGIN,
                &["Microsoft.Compute/virtualMachines/*/read"],
                &[],
                &[builtin::LOG_IN],
            ),
            (builtin::POWER_ON_CONTRIBUTOR, &["Microsoft.Compute/virtualMachines/start/action"], &[], &[]),
        ];
        let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<String>>();
        for (id, actions, not_actions, data_actions) in built_in {
            let permissions = Permission {
                actions: texts(actions),
                not_actions: texts(not_actions),
                data_actions: texts(data_actions),
                not_data_actions: Vec::new(),
            };
            self.role(id.to_owned(), DefinitionKind::BuiltIn, permissions);
        }
        for number in 0..self.of(100) {
            let kinds = ["Storage/storageAccounts", "Network", "DesktopVirtualization/hostPools", "Insights"];
            let pattern = |at: usize| format!("Microsoft.{}/*/kind-{number}/*", kinds[(number + at) % kinds.len()]);
            let mut actions: Vec<String> = (0..8).map(pattern).collect();
            actions.extend((number % 4 == 0).then(|| "Microsoft.DesktopVirtualization/hostPools/*".to_owned()));
            let permissions = Permission { actions, ..Permission::default() };
            self.role(guid(5, number), DefinitionKind::Custom, permissions);
        }
    }

    fn role(&mut self, guid: String, kind: DefinitionKind, permissions: Permission) {
        self.facts.definitions.push(Definition {
            id: ArmId::new(&format!("/providers/Microsoft.Authorization/roleDefinitions/{guid}")),
            name: format!("role {guid}"),
            kind,
            permissions: vec![permissions],
            assignable_scopes: vec![ArmId::new("/")],
        });
    }

    /// Of a hundred role assignments, one is made at a management group, three at a subscription, sixteen at a resource
    /// group and eighty at a resource.
    fn scope(&mut self, number: usize) -> ArmId {
        let (groups, subscriptions) = (self.facts.management_groups.len(), self.facts.subscriptions.len());
        match number % 100 {
            _ if number < AT_ROOT => self.facts.management_groups[0].id.clone(),
            0 => {
                let unit = 1 + self.below(groups - 1);
                self.facts.management_groups[unit].id.clone()
            }
            1..4 => {
                let at = self.below(subscriptions);
                self.facts.subscriptions[at].id.clone()
            }
            4..20 => {
                let at = self.below(subscriptions * RESOURCE_GROUPS);
                self.resource_group(at)
            }
            _ => {
                let at = self.below(self.facts.resources.len());
                self.facts.resources[at].id.clone()
            }
        }
    }

    /// Sixty in a hundred hold it through a group.
    fn holder(&mut self) -> Principal {
        if self.below(100) < 60 {
            let group = self.below(self.of(GROUPS));
            return Principal { id: guid(3, group), kind: "Group".to_owned() };
        }
        let number = self.below(self.of(PRINCIPALS));
        let kind = if is_service(number) { "ServicePrincipal" } else { "User" };
        Principal { id: guid(2, number), kind: kind.to_owned() }
    }

    fn assignments(&mut self) {
        for number in 0..self.of(ASSIGNMENTS) {
            let scope = self.scope(number);
            let role = self.below(self.facts.definitions.len());
            let role = if self.below(2) == 0 { role } else { role % 8 };
            let condition = (self.below(50) == 0).then(|| {
                "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'a'".to_owned()
            });
            let principal = self.holder();
            self.facts.assignments.push(Assignment {
                id: ArmId::new(&format!(
                    "{scope}/providers/Microsoft.Authorization/roleAssignments/{}",
                    guid(6, number)
                )),
                role: ArmId::new(&format!("{}{}", self.facts.subscriptions[0].id, self.facts.definitions[role].id)),
                principal,
                condition,
                created_on: None,
                description: None,
                scope,
            });
        }
        for number in 0..self.of(ASSIGNMENTS / 100) {
            let at = self.below(self.facts.subscriptions.len());
            let principal = self.holder();
            self.facts.pim.push(PimInstance {
                id: ArmId::new(&format!(
                    "/providers/Microsoft.Authorization/roleEligibilityScheduleInstances/{number}"
                )),
                kind: PimKind::Eligible,
                scope: self.facts.subscriptions[at].id.clone(),
                role: self.facts.definitions[0].id.clone(),
                principal,
                member_type: Some("Direct".to_owned()),
                assignment_type: None,
                start: None,
                end: None,
                origin: None,
                condition: None,
            });
        }
    }

    /// Every other subscription has a resource group that nobody but some may change.
    fn denies(&mut self) {
        for number in (0..self.facts.subscriptions.len()).step_by(2) {
            let actions = vec!["Microsoft.DesktopVirtualization/*/write".to_owned()];
            let deny = DenyAssignment {
                id: ArmId::new(&format!("/providers/Microsoft.Authorization/denyAssignments/{}", guid(7, number))),
                name: format!("managed application {number}"),
                scope: self.resource_group(number * RESOURCE_GROUPS),
                not_for_child_scopes: false,
                permissions: vec![Permission { actions, ..Permission::default() }],
                principals: vec![Principal { id: guid(0, 0), kind: "SystemDefined".to_owned() }],
                except: vec![self.holder(), self.holder()],
                condition: None,
            };
            self.facts.denies.push(deny);
        }
    }
}

/// One in twenty-five is no person.
fn is_service(number: usize) -> bool {
    number % 25 == 0
}

/// An id of its own for each kind and number; all zero for the first of the first.
fn guid(kind: usize, number: usize) -> String {
    if kind == 0 {
        return "00000000-0000-0000-0000-000000000000".to_owned();
    }
    // Spread, so that ids which follow one another do not share their beginnings.
    let spread = number.wrapping_mul(0x9e37_79b1) & 0xffff_ffff;
    format!("{spread:08x}-000{kind:x}-4000-8000-{number:012x}")
}

#[cfg(test)]
mod tests {
    use super::super::World;
    use super::*;

    #[test]
    fn a_tenant_has_the_size_it_is_asked_for_and_is_the_same_again() {
        let facts = large(7, 0.01);
        assert_eq!(facts, large(7, 0.01));
        assert_eq!((facts.assignments.len(), facts.resources.len()), (1_000, 20));
        assert_eq!((facts.directory.objects.len(), facts.directory.members.len()), (600, 100));
    }

    #[test]
    fn its_matrix_is_the_same_row_by_row_and_cell_by_cell() {
        let facts = large(3, 0.004);
        let world = World::new(&facts);
        let (actions, scopes) = (actions(), resource_scopes(&facts));
        let matrix = world.matrix(&actions, &scopes);
        let mut cells = 0;
        for (row, scope) in matrix.rows().zip(&scopes) {
            assert_eq!(row.scope, scope);
            assert_eq!(Some(&row), matrix.of(scope).as_ref());
            assert!(row.holders.is_sorted_by_key(|held| held.principal));
            for held in row.holders.iter().step_by(7) {
                for at in 0..actions.len() {
                    let answer = held.masks.answer(at);
                    assert_eq!(matrix.answer(matrix.principal(held.principal), at, scope), Some(answer));
                    assert_eq!(world.decide(matrix.principal(held.principal), &actions[at], scope).answer, answer);
                    cells += 1;
                }
            }
        }
        assert!(cells > 500, "{cells}");
    }
}
