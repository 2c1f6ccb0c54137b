//! Pools, application groups and who may do what to machines: R27 to R30, R34
//! to R38.

use serde_json::json;

use super::privileged::WAYS;
use crate::estate::{
    audit::{
        self,
        clean::{Clean, PoolAccess, diagnose},
        draft::{Denied, Draft, How},
        ids,
    },
    bodies,
    model::Kind,
};

/// One of the pools.
fn any_pool<'c>(draft: &mut Draft, clean: &'c Clean) -> &'c PoolAccess {
    draft.dice.pick(&clean.pools)
}

/// The subscription of an id.
fn subscription_of(id: &str) -> String {
    id.split('/').take(3).collect::<Vec<_>>().join("/")
}

pub(super) fn dead_group(draft: &mut Draft, clean: &Clean) {
    let pool = any_pool(draft, clean);
    let number = draft.number();
    let id = format!(
        "{}/providers/Microsoft.DesktopVirtualization/applicationGroups/ag-forgotten-{number}",
        pool.resource_group
    );
    let properties = bodies::application_group(&mut draft.dice, "Forgotten", "RemoteApp", &pool.pool);
    let system = bodies::system_data(&mut draft.dice);
    if let Some(group) = bodies::resource(&id, "westeurope", json!({}), properties, system) {
        draft.estate.insert(group);
    }
    diagnose(draft, clean, &id);
    draft.violates("R27", &id, None, Some("workspace"));
}

pub(super) fn both_kinds(draft: &mut Draft, clean: &Clean) {
    let pool = any_pool(draft, clean);
    let user = draft.member();
    for (group, _) in [&pool.desktop, &pool.remote] {
        draft.members.entry(group.clone()).or_default().push(user.clone());
    }
    draft.violates("R28", &pool.pool, None, None);
}

pub(super) fn scaling_without_power(draft: &mut Draft, clean: &Clean) {
    let subscription = draft.any_subscription();
    if draft.dice.chance(0.5) {
        for held in &mut draft.held {
            if held.principal == clean.avd && held.scope == subscription && held.role == ids::POWER_ON_OFF {
                ids::POWER_ON.clone_into(&mut held.role);
            }
        }
    } else {
        let group = draft.group("Desktop services", vec![clean.avd.clone()]);
        draft.denied.push(Denied {
            scope: subscription.clone(),
            principals: vec![group],
            except: Vec::new(),
            actions: vec!["Microsoft.Compute/virtualMachines/deallocate/*".to_owned()],
            data_actions: Vec::new(),
            here_only: draft.dice.chance(0.5),
        });
    }
    draft.violates("R29", &subscription, None, None);
}

pub(super) fn start_without_power(draft: &mut Draft, clean: &Clean) {
    let pool = any_pool(draft, clean);
    draft.set(&pool.pool, "startVMOnConnect", json!(true));
    draft.denied.push(Denied {
        scope: pool.resource_group.clone(),
        principals: vec![clean.avd.clone()],
        except: Vec::new(),
        actions: vec![ids::START.to_owned()],
        data_actions: Vec::new(),
        here_only: false,
    });
    draft.violates("R30", &pool.pool, None, None);
}

pub(super) fn token_reader(draft: &mut Draft, clean: &Clean) {
    let pool = any_pool(draft, clean);
    let scope = match draft.dice.below(3) {
        0 => pool.pool.clone(),
        1 => pool.resource_group.clone(),
        _ => subscription_of(&pool.pool),
    };
    let role = *draft.dice.pick(&[ids::HOST_POOL_CONTRIBUTOR, ids::DESKTOP_CONTRIBUTOR, ids::CONTRIBUTOR]);
    let (how, holder) = (*draft.dice.pick(&[How::Standing, How::Scheduled]), draft.somebody("Deployment"));
    draft.hold(how, &scope, &holder, role);
    draft.grant_violates(&["R34"], &scope, &holder, role);
}

pub(super) fn live_token(draft: &mut Draft, _: &Clean) {
    let expected = draft.policy["deployments_under_way"].clone();
    let is_expected = |pool: &str| expected.as_array().into_iter().flatten().any(|id| id == pool);
    let mut pools = draft.ids(Kind::HostPool);
    pools.retain(|pool| !is_expected(pool));
    let pool = match pools.as_slice() {
        [] => {
            draft.policy["deployments_under_way"] = json!([]);
            draft.any(Kind::HostPool)
        }
        some => draft.dice.pick(some).clone(),
    };
    draft.set(&pool, "registrationInfo", audit::live_token(&pool));
    draft.violates("R35", &pool, None, None);
}

pub(super) fn machine_contributor(draft: &mut Draft, _: &Clean) {
    let scope = draft.spare_group();
    let holder = if draft.dice.chance(0.5) { draft.member() } else { draft.group_of_new("Image team", 2) };
    let how = *draft.dice.pick(&WAYS);
    draft.hold(how, &scope, &holder, ids::DESKTOP_MACHINE_CONTRIBUTOR);
    draft.grant_violates(&["R36"], &scope, &holder, ids::DESKTOP_MACHINE_CONTRIBUTOR);
}

/// A user, or a group with somebody in it who opens something.
pub(super) fn user_or_entitled(draft: &mut Draft, clean: &Clean, name: &str) -> String {
    if draft.dice.chance(0.5) {
        return draft.member();
    }
    let pool = any_pool(draft, clean);
    let (_, users) = if draft.dice.chance(0.5) { &pool.desktop } else { &pool.remote };
    let mut members = draft.several(1);
    members.push(draft.dice.pick(users).clone());
    draft.group(name, members)
}

pub(super) fn administrator_login(draft: &mut Draft, clean: &Clean) {
    let scope = draft.spare_group();
    let holder = user_or_entitled(draft, clean, "Power users");
    let how = *draft.dice.pick(&WAYS);
    draft.hold(how, &scope, &holder, ids::ADMINISTRATOR_LOGIN);
    draft.grant_violates(&["R37"], &scope, &holder, ids::ADMINISTRATOR_LOGIN);
}

pub(super) fn no_login(draft: &mut Draft, clean: &Clean) {
    let pools: Vec<&PoolAccess> = clean.pools.iter().filter(|pool| pool.entra).collect();
    let pool = *draft.dice.pick(&pools);
    let kind = *draft.dice.pick(&["Desktop", "RemoteApp"]);
    let groups = draft.groups_of(&pool.pool, kind);
    let group = draft.dice.pick(&groups).clone();
    let newcomers = draft.group_of_new("Newcomers", 2);
    draft.hold(How::Standing, &group, &newcomers, ids::DESKTOP_USER);
    draft.violates("R38", &group, Some(&newcomers), None);
}
