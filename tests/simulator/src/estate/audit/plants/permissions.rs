//! What applications hold: R31, R32, V06 to V13.

use super::privileged::WAYS;
use crate::estate::audit::{
    clean::Clean,
    draft::{AppRole, Delegated, Draft, How},
    ids,
};

pub(super) fn more_than_power(draft: &mut Draft, clean: &Clean) {
    let mut all = clean.name_sakes.clone();
    all.extend([clean.avd.clone(), clean.avd.clone()]);
    let (scope, holder) = (draft.spare_group(), draft.dice.pick(&all).clone());
    let (how, role) =
        (*draft.dice.pick(&WAYS), *draft.dice.pick(&[ids::READER, ids::WORKSPACE_CONTRIBUTOR, ids::CONTRIBUTOR]));
    draft.hold(how, &scope, &holder, role);
    draft.grant_violates(&["R31"], &scope, &holder, role);
}

pub(super) fn wrong_application(draft: &mut Draft, clean: &Clean) {
    let (scope, holder) = (draft.spare_group(), draft.dice.pick(&clean.name_sakes).clone());
    let role = *draft.dice.pick(&[ids::POWER_ON, ids::POWER_ON_OFF, ids::DESKTOP_MACHINE_CONTRIBUTOR]);
    let how = *draft.dice.pick(&WAYS);
    draft.hold(how, &scope, &holder, role);
    draft.grant_violates(&["R32"], &scope, &holder, role);
}

/// An application in view: it can read something.
fn in_view(draft: &mut Draft, name: &str) -> String {
    let (scope, application) = (draft.spare_group(), draft.application(name));
    draft.hold(How::Standing, &scope, &application, ids::READER);
    application
}

fn app_role(draft: &mut Draft, rule: &'static str, resource_app_id: &'static str, value: &'static str) {
    let principal = in_view(draft, "Integration");
    draft.violates(rule, "/", Some(&principal), Some(value));
    draft.app_roles.push(AppRole { principal, resource_app_id, value });
}

fn scope(draft: &mut Draft, rule: &'static str, resource_app_id: &'static str, value: &'static str, for_all: bool) {
    let client = in_view(draft, "Consent");
    let user = (!for_all).then(|| draft.member());
    draft.violates(rule, "/", Some(&client), Some(value));
    let scopes = if resource_app_id == ids::AZURE_MANAGEMENT { vec![value] } else { vec!["User.Read", value] };
    draft.delegated.push(Delegated { client, resource_app_id, user, scopes });
}

pub(super) fn retired_graph(draft: &mut Draft, _: &Clean) {
    if draft.dice.chance(0.5) {
        app_role(draft, "V06", ids::AZURE_AD_GRAPH, "Directory.Read.All");
    } else {
        let for_all = draft.dice.chance(0.5);
        scope(draft, "V06", ids::AZURE_AD_GRAPH, "Directory.Read.All", for_all);
    }
}

/// The Graph of today, or now and then the retired one.
fn graph(draft: &mut Draft) -> &'static str {
    if draft.dice.chance(0.8) { ids::MICROSOFT_GRAPH } else { ids::AZURE_AD_GRAPH }
}

pub(super) fn applications(draft: &mut Draft, _: &Clean) {
    let graph = graph(draft);
    app_role(draft, "V07", graph, "Application.ReadWrite.All");
}

pub(super) fn directory(draft: &mut Draft, _: &Clean) {
    let graph = graph(draft);
    app_role(draft, "V08", graph, "Directory.ReadWrite.All");
}

pub(super) fn domains(draft: &mut Draft, _: &Clean) {
    let graph = graph(draft);
    app_role(draft, "V09", graph, "Domain.ReadWrite.All");
}

pub(super) fn devices(draft: &mut Draft, _: &Clean) {
    app_role(draft, "V10", ids::MICROSOFT_GRAPH, "Device.ReadWrite.All");
}

pub(super) fn for_all(draft: &mut Draft, _: &Clean) {
    let value = *draft.dice.pick(&["Directory.AccessAsUser.All", "Directory.ReadWrite.All", "Group.ReadWrite.All"]);
    let graph = graph(draft);
    scope(draft, "V11", graph, value, true);
}

pub(super) fn management(draft: &mut Draft, _: &Clean) {
    scope(draft, "V12", ids::AZURE_MANAGEMENT, "user_impersonation", true);
}

pub(super) fn hidden_members(draft: &mut Draft, _: &Clean) {
    if draft.dice.chance(0.5) {
        app_role(draft, "V13", ids::MICROSOFT_GRAPH, "Member.Read.Hidden");
    } else {
        let for_all = draft.dice.chance(0.5);
        scope(draft, "V13", ids::MICROSOFT_GRAPH, "Member.Read.Hidden", for_all);
    }
}
