//! Role definitions: R09 to R12, R20, R21.

use serde_json::json;

use super::privileged::WAYS;
use crate::estate::audit::{
    clean::Clean,
    draft::{CustomRole, Draft, How, Permissions},
};

pub(super) fn deleted_role(draft: &mut Draft, _: &Clean) {
    let (scope, role) = (draft.spare_group(), draft.dice.guid());
    let (how, holder) = (*draft.dice.pick(&WAYS), draft.somebody("Holders of nothing"));
    draft.hold(how, &scope, &holder, &role);
    draft.grant_violates(&["R09"], &scope, &holder, &role);
}

/// Records a violation at the first scope that a role can be assigned at.
fn role_violates(draft: &mut Draft, rule: &'static str, role: &str, scopes: &[&str]) {
    let first = scopes.iter().min_by_key(|scope| scope.to_ascii_lowercase()).map_or("/", |scope| scope);
    draft.violates(rule, first, None, Some(role));
}

pub(super) fn unused(draft: &mut Draft, _: &Clean) {
    let (one, other) = (draft.any_subscription(), draft.spare_group());
    let scopes = [other.as_str(), one.as_str()];
    let role = draft.role("Forgotten", &scopes, Permissions::control(&["Microsoft.Compute/*/read"], &[]));
    role_violates(draft, "R10", &role, &scopes);
}

pub(super) fn everything(draft: &mut Draft, clean: &Clean) {
    let subscription = draft.any_subscription();
    let scope = if draft.dice.chance(0.3) { clean.landing.clone() } else { subscription };
    let not_actions: &[&str] = match draft.dice.below(2) {
        0 => &["Microsoft.Authorization/locks/*"],
        _ => &["Microsoft.Authorization/*", "Microsoft.ManagedIdentity/*/action"],
    };
    let role = draft.role("Administrator", &[&scope], Permissions::control(&["*"], not_actions));
    let (place, holder) = (draft.spare_group(), draft.somebody("Administrators"));
    let how = *draft.dice.pick(&WAYS);
    draft.hold(how, &place, &holder, &role);
    role_violates(draft, "R11", &role, &[&scope]);
}

pub(super) fn writes_assignments(draft: &mut Draft, _: &Clean) {
    let scope = draft.any_subscription();
    let permissions = match draft.dice.below(3) {
        0 => Permissions::control(&["Microsoft.Authorization/roleAssignments/*"], &[]),
        1 => Permissions::control(&["microsoft.authorization/*/WRITE"], &["Microsoft.Authorization/locks/*"]),
        _ => Permissions::control(&["Microsoft.*/roleAssignments/write", "*/read"], &[]),
    };
    let role = draft.role("Access desk", &[&scope], permissions);
    let (place, holder) = (draft.spare_group(), draft.group_of_new("Access desk", 2));
    let how = *draft.dice.pick(&[How::Eligible, How::Activated, How::Standing]);
    draft.hold(how, &place, &holder, &role);
    role_violates(draft, "R12", &role, &[&scope]);
    if how.is_standing() {
        draft.grant_violates(&["R13", "R17"], &place, &holder, &role);
    }
}

pub(super) fn no_locks(draft: &mut Draft, clean: &Clean) {
    let holds_locks = |role: &CustomRole| role.guid == clean.lock_role;
    draft.roles.retain(|role| !holds_locks(role));
    draft.held.retain(|held| held.role != clean.lock_role);
    draft.violates("R21", "/", None, None);
}

/// The subscription with the most role assignments, and how many these are.
fn fullest(draft: &Draft) -> Option<(String, usize)> {
    let counts = draft.subscriptions().into_iter().map(|subscription| {
        let of_it = format!("{subscription}/");
        let is_in = |scope: &str| scope == subscription || scope.starts_with(&of_it);
        let count = draft.held.iter().filter(|held| held.how.is_assignment() && is_in(&held.scope)).count();
        (subscription, count)
    });
    counts.max_by_key(|(_, count)| *count)
}

/// Sets a limit of the policy so that its share is just used up, if there is
/// such a limit: that violates nothing.
pub(super) fn at_the_limit(draft: &mut Draft) {
    if let Some((_, most)) = fullest(draft).filter(|(_, most)| most % 4 == 0) {
        draft.policy["thresholds"]["assignment_limit"] = json!(most / 4 * 5);
    }
}

/// Sets the limits of the policy to what is there.
pub(super) fn limits(draft: &mut Draft, _: &Clean) {
    if let Some((subscription, most)) = fullest(draft) {
        draft.policy["thresholds"]["assignment_limit"] = json!(most);
        draft.violates("R20", &subscription, None, Some("roleAssignments"));
    }
    if draft.dice.chance(0.5) && !draft.roles.is_empty() {
        draft.policy["thresholds"]["custom_role_limit"] = json!(draft.roles.len());
        draft.violates("R20", "/", None, Some("roleDefinitions"));
    }
}
