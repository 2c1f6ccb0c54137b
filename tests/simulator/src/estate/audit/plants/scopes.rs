//! What is held too high or too low: R15, R16, R24, R39.

use super::privileged::WAYS;
use crate::estate::{
    audit::{
        clean::Clean,
        draft::{Draft, How, Permissions},
        ids,
    },
    model::Kind,
};

pub(super) fn inherited(draft: &mut Draft, clean: &Clean) {
    let reader = draft.somebody("One auditor too many");
    draft.hold(How::Standing, &clean.landing, &reader, ids::READER);
    for subscription in draft.subscriptions() {
        draft.violates("R15", &subscription, None, None);
    }
}

pub(super) fn single_resource(draft: &mut Draft, clean: &Clean) {
    let machines: Vec<String> = clean.pools.iter().flat_map(|pool| pool.machines.clone()).collect();
    let scope = match draft.dice.below(4) {
        0 => draft.dice.pick(&machines).clone(),
        1 => draft.any(Kind::Workspace),
        2 => draft.any(Kind::SessionHost),
        _ => draft.any(Kind::HostPool),
    };
    let (how, reader) = (*draft.dice.pick(&[How::Standing, How::Activated]), draft.somebody("Support"));
    draft.hold(how, &scope, &reader, ids::READER);
    draft.grant_violates(&["R16"], &scope, &reader, ids::READER);
}

pub(super) fn wide_entitlement(draft: &mut Draft, clean: &Clean) {
    let subscription = draft.any_subscription();
    let scope = match draft.dice.below(4) {
        0 => subscription.clone(),
        1 => draft.any(Kind::HostPool),
        2 => clean.sites[0].home.clone(),
        _ => draft.spare_group(),
    };
    let role = if draft.dice.chance(0.5) {
        ids::DESKTOP_USER.to_owned()
    } else {
        let everything = Permissions::data(&["Microsoft.DesktopVirtualization/*"]);
        let all: Vec<String> = draft.subscriptions();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        draft.role("Opens everything", &all, everything)
    };
    let (how, group) = (*draft.dice.pick(&WAYS), draft.group_of_new("Everybody's desktop", 2));
    draft.hold(how, &scope, &group, &role);
    draft.grant_violates(&["R24"], &scope, &group, &role);
}

pub(super) fn wide_operator(draft: &mut Draft, clean: &Clean) {
    let scope = if draft.dice.chance(0.5) { draft.spare_group() } else { clean.sites[0].subscription.clone() };
    let role = *draft.dice.pick(&[ids::SESSION_HOST_OPERATOR, ids::USER_SESSION_OPERATOR]);
    let (how, group) = (*draft.dice.pick(&WAYS), draft.group_of_new("Wide operators", 2));
    draft.hold(how, &scope, &group, role);
    draft.grant_violates(&["R39"], &scope, &group, role);
}
