//! Rules that count and compare: subscriptions, roles, pools, application
//! groups.

use std::collections::BTreeSet;

use super::view::{Found, View, is_within};
use crate::estate::{
    audit::{ids, record::Violation},
    model::{Kind, Resource},
};

pub(super) fn check(view: &View<'_>, found: &mut Found) {
    for subscription in view.draft.subscriptions() {
        counts(view, &subscription, found);
        scaling(view, &subscription, found);
    }
    roles(view, found);
    for (subscription, email) in &view.draft.classic_administrators {
        found.push(Violation::new("R19", subscription, None, Some(email)));
    }
    twice(view, found);
    let entitled = view.entitled();
    for group in view.application_groups() {
        let is_assigned = view.held_on(&group.key).iter().any(|held| view.entitles(&held.role));
        if !is_assigned {
            found.push(Violation::new("R27", &group.key, None, Some("assignment")));
        }
        if !group.property("workspaceArmPath").is_string() {
            found.push(Violation::new("R27", &group.key, None, Some("workspace")));
        }
        logins(view, group, found);
    }
    for pool in view.avd(Kind::HostPool) {
        let users = |group_type: &str| -> BTreeSet<&str> {
            let groups = view.draft.groups_of(&pool.id, group_type);
            let ids = groups.iter().filter_map(|id| entitled.get(id.to_ascii_lowercase().as_str())).flatten();
            ids.copied().filter(|id| view.is_user(id)).collect()
        };
        if users("Desktop").intersection(&users("RemoteApp")).next().is_some() {
            found.push(Violation::new("R28", &pool.key, None, None));
        }
        tokens_and_start(view, pool, found);
    }
    for (id, body) in view.resources(ids::VAULTS) {
        if body["properties"]["enableRbacAuthorization"] != true {
            found.push(Violation::new("R41", id, None, Some("access-policy")));
        }
    }
}

fn counts(view: &View<'_>, subscription: &str, found: &mut Found) {
    let chain = view.chain(subscription);
    let mut say = |rule: &str, subject: Option<&str>| found.push(Violation::new(rule, subscription, None, subject));
    let owners: BTreeSet<&str> = view
        .held_on(subscription)
        .into_iter()
        .filter(|held| held.role == ids::OWNER)
        .flat_map(|held| view.everybody(&held.principal))
        .filter(|id| !view.is_group(id))
        .collect();
    let count = owners.len() as u64;
    if count < view.threshold("owners_min", 2) || count > view.threshold("owners_max", 3) {
        say("R01", None);
    }
    let assignments = || view.draft.held.iter().filter(|held| held.how.is_assignment());
    let here = || assignments().filter(|held| is_within(&held.scope, subscription));
    let direct = here().filter(|held| view.is_user(&held.principal)).count() as u64;
    if direct > view.threshold("direct_user_assignments", 5) {
        say("R04", None);
    }
    let inherited = assignments().filter(|held| {
        let scope = held.scope.to_ascii_lowercase();
        scope.starts_with("/providers/") && chain.contains(&scope)
    });
    if inherited.count() as u64 > view.threshold("inherited_assignments", 3) {
        say("R15", None);
    }
    let share = view.threshold("limit_share_percent", 80);
    if here().count() as u64 * 100 > share * view.threshold("assignment_limit", 4_000) {
        say("R20", Some("roleAssignments"));
    }
}

fn roles(view: &View<'_>, found: &mut Found) {
    let mut holds_locks = false;
    for role in &view.draft.roles {
        let first = role.scopes.iter().min_by_key(|scope| scope.to_ascii_lowercase()).map_or("/", String::as_str);
        let mut say = |rule: &str| found.push(Violation::new(rule, first, None, Some(&role.guid)));
        if !view.draft.held.iter().any(|held| held.role == role.guid) {
            say("R10");
        }
        let is_wide = role.scopes.iter().any(|scope| !scope.to_ascii_lowercase().contains("/resourcegroups/"));
        if is_wide && role.permissions.actions.iter().any(|action| action == "*") {
            say("R11");
        }
        if view.holds(&role.guid, ids::WRITE_ASSIGNMENTS) {
            say("R12");
        }
        holds_locks |= view.holds(&role.guid, ids::WRITE_LOCKS);
    }
    if !holds_locks {
        found.push(Violation::new("R21", "/", None, None));
    }
    let count = view.draft.roles.len() as u64 * 100;
    if count > view.threshold("limit_share_percent", 80) * view.threshold("custom_role_limit", 5_000) {
        found.push(Violation::new("R20", "/", None, Some("roleDefinitions")));
    }
}

/// The same role directly and through a group.
fn twice(view: &View<'_>, found: &mut Found) {
    let active: Vec<_> = view.draft.held.iter().filter(|held| held.how.is_active()).collect();
    for direct in &active {
        let groups = view.groups(&direct.principal);
        let chain = view.chain(&direct.scope);
        let again = groups.len() > 1
            && active.iter().any(|other| {
                other.role == direct.role
                    && other.principal != direct.principal
                    && groups.contains(other.principal.as_str())
                    && chain.contains(&other.scope.to_ascii_lowercase())
            });
        if again {
            found.push(Violation::new("R23", &direct.scope, Some(&direct.principal), Some(&direct.role)));
        }
    }
}

fn avd_may(view: &View<'_>, action: &str, scope: &str) -> bool {
    let avd =
        view.draft.principals.keys().find(|id| view.service(id).is_some_and(|one| one.app_id == ids::AVD_APPLICATION));
    avd.is_some_and(|avd| view.may(avd, action, false, scope))
}

fn scaling(view: &View<'_>, subscription: &str, found: &mut Found) {
    let is_scaled = view.resources(ids::SCALING_PLANS).any(|(_, plan)| {
        let pools = plan["properties"]["hostPoolReferences"].as_array().into_iter().flatten();
        pools.filter(|pool| pool["scalingPlanEnabled"] == true).any(|pool| {
            let id = pool["hostPoolArmPath"].as_str().unwrap_or("");
            is_within(id, subscription) && view.draft.estate.get(id).is_some()
        })
    });
    let may = || avd_may(view, ids::START, subscription) && avd_may(view, ids::DEALLOCATE, subscription);
    if is_scaled && !may() {
        found.push(Violation::new("R29", subscription, None, None));
    }
}

fn tokens_and_start(view: &View<'_>, pool: &Resource, found: &mut Found) {
    let group = super::view::group_of(&pool.key);
    if *pool.property("startVMOnConnect") == true && !avd_may(view, ids::START, &group) {
        found.push(Violation::new("R30", &pool.key, None, None));
    }
    let end = pool.property("registrationInfo")["expirationTime"].as_str().unwrap_or("");
    let under_way = view.draft.policy["deployments_under_way"].as_array().into_iter().flatten();
    let is_expected = under_way.filter_map(|id| id.as_str()).any(|id| id.eq_ignore_ascii_case(&pool.key));
    if end == super::super::ALIVE_UNTIL && !is_expected {
        found.push(Violation::new("R35", &pool.key, None, None));
    }
}

/// R38: who may open what runs on machines joined to Entra, and may not sign in
/// to them.
fn logins(view: &View<'_>, group: &Resource, found: &mut Found) {
    let pool = group.property("hostPoolArmPath").as_str().unwrap_or("").to_ascii_lowercase();
    let machines: Vec<String> = view
        .draft
        .estate
        .children(&pool, "sessionHosts")
        .filter_map(|host| host.property("resourceId").as_str())
        .filter(|machine| super::hosts::is_entra(view, machine))
        .map(str::to_owned)
        .collect();
    if machines.is_empty() {
        return;
    }
    let holders = view.held_on(&group.key);
    let holders = holders.iter().filter(|held| held.how.is_active() && view.entitles(&held.role));
    let principals: BTreeSet<&str> = holders.map(|held| held.principal.as_str()).collect();
    for principal in principals {
        let may = |id: &str| machines.iter().all(|machine| view.may(id, ids::LOG_IN, true, machine));
        let mut members = view.everybody(principal);
        members.retain(|id| *id != principal && !view.is_group(id));
        let all_members = view.is_group(principal) && !members.is_empty() && members.iter().all(|id| may(id));
        if !may(principal) && !all_members {
            found.push(Violation::new("R38", &group.key, Some(principal), None));
        }
    }
}
