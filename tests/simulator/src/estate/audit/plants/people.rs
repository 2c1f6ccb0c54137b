//! Those who should not hold anything, or not so: R04, R06 to R08, R19, R25,
//! R26, V61.

use super::privileged::WAYS;
use crate::estate::{
    audit::{
        clean::Clean,
        draft::{Draft, How},
        ids,
    },
    model::Kind,
};

/// Roles of which nobody minds that a group holds them where no pool is.
const HARMLESS: [&str; 4] = [ids::READER, ids::DESKTOP_READER, ids::WORKSPACE_CONTRIBUTOR, ids::CONTRIBUTOR];

/// Somebody, as a member of a group with others.
fn in_group(draft: &mut Draft, somebody: &str, name: &str) -> String {
    let mut members = draft.several(2);
    members.push(somebody.to_owned());
    draft.group(name, members)
}

pub(super) fn many_direct_users(draft: &mut Draft, _: &Clean) {
    let subscription = draft.any_subscription();
    let scope = draft.spare_group_in(&subscription);
    for _ in 0..6 {
        let user = draft.member();
        draft.hold(How::Standing, &scope, &user, ids::READER);
    }
    draft.violates("R04", &subscription, None, None);
}

pub(super) fn guest(draft: &mut Draft, _: &Clean) {
    let (scope, guest) = (draft.spare_group(), draft.guest());
    let (how, role) = (*draft.dice.pick(&WAYS), *draft.dice.pick(&HARMLESS));
    let principal = if draft.dice.chance(0.3) { guest.clone() } else { in_group(draft, &guest, "Partners") };
    draft.hold(how, &scope, &principal, role);
    draft.grant_violates(&["R06"], &scope, &guest, role);
}

pub(super) fn disabled(draft: &mut Draft, _: &Clean) {
    let (scope, gone) = (draft.spare_group(), draft.disabled());
    let (how, role) = (*draft.dice.pick(&WAYS), *draft.dice.pick(&HARMLESS));
    let principal = if draft.dice.chance(0.3) { gone.clone() } else { in_group(draft, &gone, "Former staff") };
    draft.hold(how, &scope, &principal, role);
    draft.grant_violates(&["R07"], &scope, &gone, role);
}

pub(super) fn deleted(draft: &mut Draft, _: &Clean) {
    let scope = draft.spare_group();
    let kind = *draft.dice.pick(&["User", "Group", "ServicePrincipal"]);
    let (nobody, role) = (draft.deleted(kind), *draft.dice.pick(&HARMLESS));
    draft.hold(How::Standing, &scope, &nobody, role);
    draft.grant_violates(&["R08"], &scope, &nobody, role);
}

pub(super) fn classic_administrator(draft: &mut Draft, _: &Clean) {
    let subscription = draft.any_subscription();
    let email = format!("Old.Admin{}@contoso.example", draft.number());
    draft.classic_administrators.push((subscription.clone(), email.clone()));
    draft.violates("R19", &subscription, None, Some(&email));
}

pub(super) fn entitled_user(draft: &mut Draft, _: &Clean) {
    let (group, user) = (draft.any(Kind::ApplicationGroup), draft.member());
    let how = *draft.dice.pick(&WAYS);
    draft.hold(how, &group, &user, ids::DESKTOP_USER);
    draft.grant_violates(&["R25"], &group, &user, ids::DESKTOP_USER);
}

pub(super) fn entitled_outsider(draft: &mut Draft, _: &Clean) {
    let group = draft.any(Kind::ApplicationGroup);
    let how = *draft.dice.pick(&WAYS);
    let outsider = match draft.dice.below(3) {
        0 => draft.guest(),
        1 => draft.disabled(),
        _ => {
            let kind = *draft.dice.pick(&["User", "Group"]);
            let nobody = draft.deleted(kind);
            draft.hold(How::Standing, &group, &nobody, ids::DESKTOP_USER);
            draft.grant_violates(&["R26"], &group, &nobody, ids::DESKTOP_USER);
            return;
        }
    };
    let principal = in_group(draft, &outsider, "Mixed users");
    draft.hold(how, &group, &principal, ids::DESKTOP_USER);
    draft.grant_violates(&["R26"], &group, &outsider, ids::DESKTOP_USER);
}

pub(super) fn stale_directory(draft: &mut Draft, _: &Clean) {
    draft.last_sync = Some("2024-05-06T07:08:09Z");
    draft.violates("V61", "/", None, Some("onPremisesLastSyncDateTime"));
}
