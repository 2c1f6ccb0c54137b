//! Those who administer: R01 to R05, R13, R14, R17, R18, V17.

use crate::estate::audit::{
    clean::Clean,
    draft::{Draft, How},
    ids,
};

const ADMINISTRATORS: [&str; 3] = [ids::OWNER, ids::USER_ACCESS_ADMINISTRATOR, ids::RBAC_ADMINISTRATOR];
/// All ways to hold something, now or later.
pub(super) const WAYS: [How; 4] = [How::Standing, How::Scheduled, How::Activated, How::Eligible];

/// Where somebody can be an administrator: a whole subscription, or a group in
/// it.
fn place(draft: &mut Draft) -> String {
    if draft.dice.chance(0.3) { draft.any_subscription() } else { draft.spare_group() }
}

pub(super) fn owners(draft: &mut Draft, clean: &Clean) {
    let subscription = draft.any_subscription();
    let at_it =
        |held: &crate::estate::audit::draft::Held| held.role == ids::OWNER && !held.scope.contains("/resourceGroups/");
    let only_clean = draft.held.iter().filter(|held| at_it(held)).all(|held| held.principal == clean.owners);
    if only_clean && draft.dice.chance(0.5) {
        draft.held.retain(|held| !(at_it(held) && held.scope == subscription));
    } else {
        let count = 4 + draft.dice.below(3);
        let group = draft.group_of_new("More owners", count);
        draft.hold(How::Eligible, &subscription, &group, ids::OWNER);
    }
    draft.violates("R01", &subscription, None, None);
}

pub(super) fn service_principal_owner(draft: &mut Draft, _: &Clean) {
    let scope = place(draft);
    let principal = if draft.dice.chance(0.5) { draft.application("Deployer") } else { draft.identity("id-deploy") };
    let how = *draft.dice.pick(&WAYS);
    draft.hold(how, &scope, &principal, ids::OWNER);
    draft.grant_violates(&["R02"], &scope, &principal, ids::OWNER);
    if how.is_standing() {
        draft.grant_violates(&["R13", "R17"], &scope, &principal, ids::OWNER);
    }
}

pub(super) fn user_administrator(draft: &mut Draft, _: &Clean) {
    let scope = place(draft);
    let user = draft.member();
    let (how, role) = (*draft.dice.pick(&WAYS), *draft.dice.pick(&ADMINISTRATORS));
    draft.hold(how, &scope, &user, role);
    draft.grant_violates(&["R03"], &scope, &user, role);
    if how.is_standing() {
        draft.grant_violates(&["R13", "R17"], &scope, &user, role);
    }
}

pub(super) fn guest_administrator(draft: &mut Draft, _: &Clean) {
    let scope = place(draft);
    let guest = draft.guest();
    let (how, role) = (*draft.dice.pick(&WAYS), *draft.dice.pick(&ADMINISTRATORS));
    let principal = if draft.dice.chance(0.3) {
        draft.grant_violates(&["R03"], &scope, &guest, role);
        guest.clone()
    } else {
        let mut members = draft.several(1);
        members.push(guest.clone());
        draft.group("Consultants", members)
    };
    draft.hold(how, &scope, &principal, role);
    draft.grant_violates(&["R05"], &scope, &guest, role);
}

pub(super) fn unconstrained(draft: &mut Draft, _: &Clean) {
    let scope = draft.spare_group();
    let group = draft.group_of_new("Delegates", 2);
    let role = *draft.dice.pick(&ADMINISTRATORS[1..]);
    if draft.dice.chance(0.4) {
        draft.hold_if(How::Standing, &scope, &group, role, ids::OTHER_CONDITION);
    } else {
        draft.hold(How::Standing, &scope, &group, role);
    }
    draft.grant_violates(&["R13", "R17"], &scope, &group, role);
}

pub(super) fn elevated(draft: &mut Draft, _: &Clean) {
    let holder = match draft.dice.below(3) {
        0 => draft.member(),
        1 => draft.application("Elevated"),
        _ => draft.group_of_new("Elevated", 1),
    };
    let role = ids::USER_ACCESS_ADMINISTRATOR;
    draft.hold(How::Standing, "/", &holder, role);
    draft.grant_violates(&["R13", "R14", "R17"], "/", &holder, role);
}

pub(super) fn standing(draft: &mut Draft, _: &Clean) {
    let scope = place(draft);
    let group = draft.group_of_new("Standing delegates", 2);
    let how = *draft.dice.pick(&[How::Standing, How::Scheduled]);
    // Which roles may be assigned on is limited: nothing else is wrong.
    let condition = *draft.dice.pick(&[ids::DELEGATION_BY_ROLE, ids::DELEGATION_BY_PRINCIPAL]);
    draft.hold_if(how, &scope, &group, ids::RBAC_ADMINISTRATOR, condition);
    draft.grant_violates(&["R17"], &scope, &group, ids::RBAC_ADMINISTRATOR);
}

pub(super) fn endless(draft: &mut Draft, _: &Clean) {
    let scope = place(draft);
    let group = draft.somebody("Endless");
    let role = *draft.dice.pick(&[ids::READER, ids::CONTRIBUTOR, ids::USER_ACCESS_ADMINISTRATOR]);
    draft.hold(How::EligibleForEver, &scope, &group, role);
    draft.grant_violates(&["R18"], &scope, &group, role);
}

pub(super) fn own(draft: &mut Draft, clean: &Clean) {
    let scope = place(draft);
    let (how, role) = (*draft.dice.pick(&WAYS), *draft.dice.pick(&ADMINISTRATORS));
    let principal =
        if draft.dice.chance(0.5) { clean.own.clone() } else { draft.group("Deployers", vec![clean.own.clone()]) };
    draft.hold(how, &scope, &principal, role);
    draft.grant_violates(&["V17"], &scope, &clean.own, role);
}
