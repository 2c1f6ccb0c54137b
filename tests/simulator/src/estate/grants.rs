//! Grows the access part of an estate: roles, and who holds them at groups,
//! resource groups and subscriptions.

use std::sync::Arc;

use super::{
    access::{self, Access, Grant, GrantKind},
    directory::{self, AVD_APPLICATION},
    model::{Estate, Kind, Resource, Subscription},
    roles,
    spec::EstateSpec,
};
use crate::dice::Dice;

pub(crate) fn generate(estate: &Estate, spec: &EstateSpec, seed: u64) -> Access {
    let mut access = Access::new(roles::built_in());
    for subscription in estate.subscriptions.iter() {
        let mut dice = Dice::new(seed, &format!("access {}", subscription.id));
        let custom = roles::custom(&mut dice, &subscription.id, spec.custom_roles_per_subscription);
        let custom_ids: Vec<String> = custom.iter().map(|role| role.guid.clone()).collect();
        access.roles.extend(custom);
        let groups: Vec<Arc<Resource>> =
            estate.in_subscription(&subscription.id, Kind::ApplicationGroup).cloned().collect();
        let mut grower = Grower { seed, dice, subscription, access: &mut access };
        grower.subscription_roles();
        for group in &groups {
            for _ in 0..spec.assignments_per_group {
                grower.group_role(&group.id, &custom_ids);
            }
        }
        for scope in estate.resource_groups.iter() {
            if access::is_at_or_below(scope, &format!("/subscriptions/{}", subscription.id)) {
                grower.resource_group_role(scope);
            }
        }
        for _ in 0..spec.deny_assignments_per_subscription {
            grower.exception(&groups, GrantKind::Deny);
        }
        for _ in 0..spec.pim_instances_per_subscription {
            grower.exception(&groups, GrantKind::Active);
            grower.exception(&groups, GrantKind::Eligible);
        }
    }
    access
}

struct Grower<'a> {
    seed: u64,
    dice: Dice,
    subscription: &'a Subscription,
    access: &'a mut Access,
}

impl Grower<'_> {
    fn assign(&mut self, scope: &str, role: &str, principal: &str, principal_type: &str) {
        let properties = access::assignment(&mut self.dice, &self.subscription.id, role, principal, principal_type);
        let grant = Grant::new(GrantKind::Assignment, &mut self.dice, scope, principal, properties);
        self.access.add(grant);
    }

    fn principal(&mut self) -> (String, &'static str) {
        directory::any_principal(self.seed, &mut self.dice)
    }

    fn subscription_roles(&mut self) {
        let scope = format!("/subscriptions/{}", self.subscription.id);
        let (owner, kind) = self.principal();
        self.assign(&scope, roles::OWNER, &owner, kind);
        let (contributor, kind) = self.principal();
        self.assign(&scope, roles::CONTRIBUTOR, &contributor, kind);
        self.assign(&scope, roles::POWER_ON_CONTRIBUTOR, &directory::object_id(AVD_APPLICATION), "ServicePrincipal");
    }

    fn resource_group_role(&mut self, lower_scope: &str) {
        let name = lower_scope.rsplit('/').next().unwrap_or(lower_scope);
        let scope = format!("/subscriptions/{}/resourceGroups/{name}", self.subscription.id);
        let role = if self.dice.chance(0.5) { roles::READER } else { roles::DESKTOP_VIRTUALIZATION_USER };
        let (principal, kind) = self.principal();
        self.assign(&scope, role, &principal, kind);
    }

    fn group_role(&mut self, scope: &str, custom: &[String]) {
        let role = if !custom.is_empty() && self.dice.chance(0.15) {
            self.dice.pick(custom).clone()
        } else {
            roles::DESKTOP_VIRTUALIZATION_USER.to_owned()
        };
        let (principal, kind) = self.principal();
        self.assign(scope, &role, &principal, kind);
    }

    /// A deny assignment or a PIM instance at some group.
    fn exception(&mut self, groups: &[Arc<Resource>], kind: GrantKind) {
        if groups.is_empty() {
            return;
        }
        let scope = self.dice.pick(groups).id.clone();
        let (principal, _) = self.principal();
        let properties = match kind {
            GrantKind::Deny => access::denial(&mut self.dice, &principal),
            _ => access::pim(&mut self.dice, kind, &self.subscription.id, &scope, &principal),
        };
        let grant = Grant::new(kind, &mut self.dice, &scope, &principal, properties);
        self.access.add(grant);
    }
}
