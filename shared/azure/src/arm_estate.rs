//! An estate by ARM alone, subscription by subscription: for when Resource Graph is refused or fails.
//!
//! Each list fails by itself: what could not be read is named in `unknown`, and the rest stands.

use crate::arm::{Arm, Call};
use crate::listing::Listed;
use crate::roles::{desktop_virtualization_user, may_use_applications};
use crate::throttle::{Kind, Meter};
use crate::versions::{AUTHORIZATION, DESKTOP_VIRTUALIZATION, ROLES_WITHOUT_USE};
use crate::wire;
use futures::{StreamExt, stream};
use poolwarden_domain::estate::{Estate, RoleAssignment, RoleDefinition};
use poolwarden_domain::{ArmId, Reading, UnknownScope, Unreadable, Why};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Lists asked for at once. What really bounds them is the shared client; this keeps memory in bounds.
const LISTS_AT_ONCE: usize = 32;

/// The role that reads everything of the desktop service.
pub(crate) const AVD_READER: &str = "Desktop Virtualization Reader";
/// The provider's part of a path.
pub(crate) const AVD: &str = "providers/Microsoft.DesktopVirtualization";
const AUTHORIZATION_PROVIDER: &str = "providers/Microsoft.Authorization";

/// Role assignments and the definitions they need, as far as they could be read.
#[derive(Default)]
pub(crate) struct Grants {
    pub(crate) assignments: Vec<RoleAssignment>,
    pub(crate) definitions: Vec<RoleDefinition>,
    pub(crate) unknown: Vec<UnknownScope>,
}

/// Puts a list's items in one place and what is missing of it in another. `scope` is what is unknown when the list
/// breaks off.
pub(crate) fn settle<T>(
    list: Reading<Option<Listed<T>>>,
    scope: &ArmId,
    items: &mut Vec<T>,
    unknown: &mut Vec<UnknownScope>,
) {
    let gone = || Unreadable::new(Why::Failed, format!("{scope}: 404, it is not there (any more)"));
    match list.and_then(|list| list.ok_or_else(gone)) {
        Ok(mut list) => {
            items.append(&mut list.items);
            unknown.append(&mut list.flaws);
            unknown.extend(list.stopped.map(|reason| UnknownScope { scope: scope.clone(), reason }));
        }
        Err(reason) => unknown.push(UnknownScope { scope: scope.clone(), reason }),
    }
}

fn subscription_scope(subscription: &str) -> ArmId {
    ArmId::new(&format!("/subscriptions/{subscription}"))
}

impl Arm {
    /// A list of the desktop service, below a subscription, a pool or a group.
    pub(crate) fn avd_call(&self, path: &str, scope: &ArmId, what: &'static str) -> Call {
        let kind = if path.to_ascii_lowercase().ends_with("/sessionhosts") { Kind::SessionHosts } else { Kind::Read };
        Call {
            url: self.shared.endpoints.arm_url(path, &[("api-version", DESKTOP_VIRTUALIZATION)]),
            body: None,
            meter: Meter::new(scope.subscription(), kind),
            what,
            scope: scope.clone(),
            role: AVD_READER,
        }
    }

    /// Host pools, groups and workspaces of the subscriptions, by ARM.
    pub(crate) async fn list_estate(&self, subscriptions: &[String]) -> Estate {
        let parts = stream::iter(subscriptions.to_vec())
            .map(|subscription| async move { self.list_subscription(&subscription).await });
        let parts: Vec<Estate> = parts.buffered(LISTS_AT_ONCE).collect().await;
        let mut estate = Estate::default();
        for mut part in parts {
            estate.host_pools.append(&mut part.host_pools);
            estate.application_groups.append(&mut part.application_groups);
            estate.workspaces.append(&mut part.workspaces);
            estate.unknown.append(&mut part.unknown);
        }
        estate
    }

    async fn list_subscription(&self, subscription: &str) -> Estate {
        let scope = subscription_scope(subscription);
        let call = |kind: &str, what| self.avd_call(&format!("{scope}/{AVD}/{kind}"), &scope, what);
        let (pools, groups, workspaces) = tokio::join!(
            self.list(call("hostPools", "the host pools"), wire::host_pool),
            self.list(call("applicationGroups", "the application groups"), wire::application_group),
            self.list(call("workspaces", "the workspaces"), wire::workspace),
        );
        let mut estate = Estate::default();
        // Whichever list breaks off, what it would have named lies somewhere in the subscription.
        settle(pools, &scope, &mut estate.host_pools, &mut estate.unknown);
        settle(groups, &scope, &mut estate.application_groups, &mut estate.unknown);
        settle(workspaces, &scope, &mut estate.workspaces, &mut estate.unknown);
        estate
    }

    /// How many session hosts each pool has, by ARM: one list a pool.
    pub(crate) async fn list_session_hosts(&self, pools: &[ArmId]) -> (BTreeMap<ArmId, u64>, Vec<UnknownScope>) {
        let lists = stream::iter(pools.to_vec()).map(|pool| async move {
            let scope = ArmId::new(&format!("{pool}/sessionHosts"));
            let call = self.avd_call(scope.as_str(), &pool, "the session hosts");
            // Only how many there are matters; what is odd about one of them does not.
            (pool, scope, self.list(call, |_: &RawValue| Ok(())).await)
        });
        let lists: Vec<_> = lists.buffered(LISTS_AT_ONCE).collect().await;
        let (mut counts, mut unknown) = (BTreeMap::new(), Vec::new());
        for (pool, scope, list) in lists {
            let (mut hosts, before) = (Vec::new(), unknown.len());
            settle(list, &scope, &mut hosts, &mut unknown);
            if unknown.len() == before && !hosts.is_empty() {
                counts.insert(pool, hosts.len() as u64);
            }
        }
        (counts, unknown)
    }

    /// Role assignments and custom roles of the subscriptions, by ARM: two lists a subscription.
    pub(crate) async fn list_grants(&self, subscriptions: &[String]) -> Grants {
        let parts = stream::iter(subscriptions.to_vec()).map(|subscription| async move {
            let scope = subscription_scope(&subscription);
            let lists = tokio::join!(
                self.list(
                    self.grants_call(&scope, "roleAssignments", None, "the role assignments"),
                    wire::role_assignment
                ),
                self.list(self.custom_roles_call(&scope), wire::role_definition),
            );
            (scope, lists)
        });
        let parts: Vec<_> = parts.buffered(LISTS_AT_ONCE).collect().await;
        let mut grants = Grants::default();
        for (scope, (assignments, definitions)) in parts {
            settle(assignments, &below(&scope, "roleAssignments"), &mut grants.assignments, &mut grants.unknown);
            settle(definitions, &below(&scope, "roleDefinitions"), &mut grants.definitions, &mut grants.unknown);
        }
        grants.keep_relevant();
        grants
    }

    fn grants_call(&self, scope: &ArmId, kind: &str, filter: Option<&str>, what: &'static str) -> Call {
        let mut query = vec![("api-version", AUTHORIZATION)];
        query.extend(filter.map(|filter| ("$filter", filter)));
        Call {
            url: self.shared.endpoints.arm_url(below(scope, kind).as_str(), &query),
            body: None,
            meter: Meter::new(scope.subscription(), Kind::Read),
            what,
            scope: scope.clone(),
            role: "Reader",
        }
    }

    fn custom_roles_call(&self, subscription: &ArmId) -> Call {
        self.grants_call(subscription, "roleDefinitions", Some("type eq 'CustomRole'"), "the custom roles")
    }

    /// Who may open these application groups, by ARM: the assignments that hold at each, one list a group; and the
    /// custom roles of a subscription only if an assignment in it is of a role that is not known otherwise.
    pub(crate) async fn list_grants_of_groups(&self, groups: &[ArmId]) -> Grants {
        let lists = stream::iter(groups.to_vec()).map(|group| async move {
            let call = self.grants_call(&group, "roleAssignments", Some("atScope()"), "the role assignments");
            (below(&group, "roleAssignments"), self.list(call, wire::role_assignment).await)
        });
        let lists: Vec<_> = lists.buffered(LISTS_AT_ONCE).collect().await;
        let mut grants = Grants::default();
        let mut subscriptions: BTreeSet<ArmId> = BTreeSet::new();
        for (list, assignments) in lists {
            let before = grants.assignments.len();
            settle(assignments, &list, &mut grants.assignments, &mut grants.unknown);
            if grants.assignments[before..].iter().any(is_of_another_role) {
                subscriptions.extend(list.up_to("subscriptions"));
            }
        }
        let roles = stream::iter(subscriptions).map(|subscription| async move {
            (
                below(&subscription, "roleDefinitions"),
                self.list(self.custom_roles_call(&subscription), wire::role_definition).await,
            )
        });
        for (list, definitions) in roles.buffered(LISTS_AT_ONCE).collect::<Vec<_>>().await {
            settle(definitions, &list, &mut grants.definitions, &mut grants.unknown);
        }
        grants.keep_relevant();
        grants
    }
}

/// A list of Microsoft.Authorization at a scope.
fn below(scope: &ArmId, kind: &str) -> ArmId {
    ArmId::new(&format!("{scope}/{AUTHORIZATION_PROVIDER}/{kind}"))
}

/// Whether the role is neither the built-in one that opens applications nor a built-in one known not to.
fn is_of_another_role(assignment: &RoleAssignment) -> bool {
    let role = assignment.role_definition_id.name().to_ascii_lowercase();
    role != desktop_virtualization_user().id.name() && !ROLES_WITHOUT_USE.contains(&role.as_str())
}

impl Grants {
    /// Keeps the roles that may open something and their assignments, each once, and adds the built-in role.
    pub(crate) fn keep_relevant(&mut self) {
        self.definitions.retain(may_use_applications);
        let mut seen = HashSet::new();
        // The same custom role is listed by every subscription that it may be assigned in.
        self.definitions.retain(|role| seen.insert(role.id.name().to_ascii_lowercase()));
        let built_in = desktop_virtualization_user();
        if seen.insert(built_in.id.name().to_ascii_lowercase()) {
            self.definitions.push(built_in);
        }
        self.assignments.retain(|assignment| seen.contains(&assignment.role_definition_id.name().to_ascii_lowercase()));
        let mut seen = HashSet::new();
        self.assignments.retain(|assignment| seen.insert(assignment.id.clone()));
    }
}
