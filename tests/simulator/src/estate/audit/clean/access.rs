//! Who holds what in the clean estate.

use super::{Clean, PoolAccess};
use crate::estate::audit::{
    draft::{Draft, How, Permissions},
    ids,
};

/// Assignments to single users that a subscription may have by default.
const DIRECT_USER_ASSIGNMENTS: usize = 5;
/// Assignments that a subscription may inherit from management groups by
/// default.
const INHERITED_ASSIGNMENTS: usize = 3;

pub(super) fn grow(draft: &mut Draft, clean: &mut Clean) {
    let subscriptions = draft.subscriptions();
    let (owners, avd, own) = (clean.owners.clone(), clean.avd.clone(), clean.own.clone());
    for subscription in &subscriptions {
        draft.hold(How::Eligible, subscription, &owners, ids::OWNER);
        draft.hold(How::Standing, subscription, &avd, ids::POWER_ON_OFF);
        draft.hold(How::Standing, subscription, &own, ids::READER);
    }
    let scopes: Vec<&str> = subscriptions.iter().map(String::as_str).collect();
    let locks = Permissions::control(&["Microsoft.Authorization/locks/*", "*/read"], &[]);
    clean.lock_role = draft.role("Lock administrator", &scopes, locks);
    draft.hold(How::Standing, &subscriptions[0], &clean.operators, &clean.lock_role);
    inherited(draft);
    direct(draft, &subscriptions);
    let pools = std::mem::take(&mut clean.pools);
    for pool in &pools {
        pool_access(draft, clean, pool);
    }
    clean.pools = pools;
    secrets(draft, clean);
}

/// Exactly as many assignments at management groups as may be.
fn inherited(draft: &mut Draft) {
    let groups: Vec<String> = draft.management_groups.iter().skip(1).map(|group| group.id.clone()).collect();
    for _ in 0..INHERITED_ASSIGNMENTS {
        let scope = draft.dice.pick(&groups).clone();
        let reader = draft.somebody("Tenant auditors");
        draft.hold(How::Standing, &scope, &reader, ids::READER);
    }
}

/// Up to as many assignments to single users as may be, exactly that in the
/// first subscription.
fn direct(draft: &mut Draft, subscriptions: &[String]) {
    for (index, subscription) in subscriptions.iter().enumerate() {
        let count = if index == 0 { DIRECT_USER_ASSIGNMENTS } else { draft.dice.below(DIRECT_USER_ASSIGNMENTS + 1) };
        let scope = draft.spare_group_in(subscription);
        for _ in 0..count {
            let user = draft.member();
            let role = *draft.dice.pick(&[ids::READER, ids::DESKTOP_READER, ids::WORKSPACE_CONTRIBUTOR]);
            draft.hold(How::Standing, &scope, &user, role);
        }
    }
}

fn pool_access(draft: &mut Draft, clean: &Clean, pool: &PoolAccess) {
    for (kind, (group, _)) in [("Desktop", &pool.desktop), ("RemoteApp", &pool.remote)] {
        for application_group in draft.groups_of(&pool.pool, kind) {
            let how = if draft.dice.chance(0.1) { How::Activated } else { How::Standing };
            draft.hold(how, &application_group, group, ids::DESKTOP_USER);
        }
        draft.hold(How::Standing, &pool.resource_group, group, ids::USER_LOGIN);
    }
    let operator = *draft.dice.pick(&[ids::SESSION_HOST_OPERATOR, ids::USER_SESSION_OPERATOR]);
    draft.hold(How::Standing, &pool.pool, &clean.operators, operator);
    let already =
        draft.held.iter().any(|held| held.role == ids::ADMINISTRATOR_LOGIN && held.scope == pool.resource_group);
    if !already {
        draft.hold(How::Standing, &pool.resource_group, &clean.admins, ids::ADMINISTRATOR_LOGIN);
    }
}

/// Secrets are read by machines, shares by the people of the pools.
fn secrets(draft: &mut Draft, clean: &Clean) {
    for site in &clean.sites {
        let reader = draft.identity("id-secrets");
        draft.hold(How::Standing, &site.home, &reader, ids::SECRETS_USER);
        draft.hold(How::Standing, &site.storage, &clean.admins, ids::SMB_ELEVATED);
        let here: Vec<&PoolAccess> =
            clean.pools.iter().filter(|pool| pool.pool.starts_with(&site.subscription)).collect();
        for (group, _) in here.iter().flat_map(|pool| [&pool.desktop, &pool.remote]) {
            draft.hold(How::Standing, &site.storage, group, ids::SMB_CONTRIBUTOR);
        }
    }
}
