//! What is left of a vendor's applications: R42, R43, V01 to V05, V14, V15.

use super::privileged::WAYS;
use crate::estate::audit::{
    clean::Clean,
    draft::{AppRole, Delegated, Draft, How, Service, Who},
    ids,
};

const NAMES: [&str; 5] =
    ["Cloud Workspace", "Cloud Workspace API", "Cloud Workspace AVD", "Cloud Workspace Management API", "NetApp VDS"];

/// A vendor's application, which is one violation by itself.
fn vendor(draft: &mut Draft) -> String {
    let name = *draft.dice.pick(&NAMES);
    let id = draft.application(name);
    draft.violates("V04", "/", Some(&id), None);
    id
}

pub(super) fn still_owner(draft: &mut Draft, _: &Clean) {
    let (id, scope) = (vendor(draft), draft.spare_group());
    if draft.dice.chance(0.5) {
        let (how, role) = (*draft.dice.pick(&WAYS), *draft.dice.pick(&[ids::OWNER, ids::USER_ACCESS_ADMINISTRATOR]));
        draft.hold(how, &scope, &id, role);
        draft.grant_violates(&["R42", "V01"], &scope, &id, role);
    } else {
        let value = *draft.dice.pick(&["Group.ReadWrite.All", "Directory.ReadWrite.All", "Application.ReadWrite.All"]);
        draft.app_roles.push(AppRole { principal: id.clone(), resource_app_id: ids::MICROSOFT_GRAPH, value });
        draft.violates("R42", "/", Some(&id), Some(value));
    }
}

pub(super) fn old_graph(draft: &mut Draft, _: &Clean) {
    let scope = draft.spare_group();
    match draft.dice.below(3) {
        0 => {
            let id = draft.application("Sync tool");
            draft.hold(How::Standing, &scope, &id, ids::READER);
            draft.app_roles.push(AppRole {
                principal: id.clone(),
                resource_app_id: ids::AZURE_AD_GRAPH,
                value: "Directory.Read.All",
            });
            draft.violates("R43", "/", Some(&id), Some("Directory.Read.All"));
        }
        1 => {
            let id = draft.application("Consent of old");
            draft.hold(How::Standing, &scope, &id, ids::READER);
            draft.delegated.push(Delegated {
                client: id.clone(),
                resource_app_id: ids::AZURE_AD_GRAPH,
                user: None,
                scopes: vec!["User.Read", "Directory.AccessAsUser.All"],
            });
            for value in ["User.Read", "Directory.AccessAsUser.All"] {
                draft.violates("R43", "/", Some(&id), Some(value));
            }
        }
        _ => {
            let name = *draft.dice.pick(&["CWMGR1", "cwmgr1"]);
            let id = draft.identity(name);
            draft.hold(How::Standing, &scope, &id, ids::READER);
            draft.grant_violates(&["R43"], &scope, &id, ids::READER);
        }
    }
}

pub(super) fn administrator(draft: &mut Draft, _: &Clean) {
    let (id, scope) = (vendor(draft), draft.spare_group());
    let (how, role) = (*draft.dice.pick(&WAYS), *draft.dice.pick(&[ids::OWNER, ids::USER_ACCESS_ADMINISTRATOR]));
    draft.hold(how, &scope, &id, role);
    draft.grant_violates(&["V01"], &scope, &id, role);
}

pub(super) fn contributor(draft: &mut Draft, clean: &Clean) {
    let id = vendor(draft);
    let scope = if draft.dice.chance(0.3) { clean.landing.clone() } else { draft.any_subscription() };
    let how = *draft.dice.pick(&WAYS);
    draft.hold(how, &scope, &id, ids::CONTRIBUTOR);
    draft.grant_violates(&["V02"], &scope, &id, ids::CONTRIBUTOR);
}

pub(super) fn owner_of_files(draft: &mut Draft, clean: &Clean) {
    let id = vendor(draft);
    let site = draft.dice.below(clean.sites.len());
    let site = &clean.sites[site];
    let scope = draft.dice.pick(&[&site.home, &site.subscription, &site.storage]).to_string();
    let how = *draft.dice.pick(&WAYS);
    draft.hold(how, &scope, &id, ids::OWNER);
    draft.grant_violates(&["V03"], &scope, &id, ids::OWNER);
}

pub(super) fn present(draft: &mut Draft, _: &Clean) {
    let (id, scope) = (vendor(draft), draft.spare_group());
    if draft.dice.chance(0.5) {
        draft.hold(How::Standing, &scope, &id, ids::READER);
    }
}

pub(super) fn registered(draft: &mut Draft, _: &Clean) {
    let (app_id, name) = (draft.dice.guid(), *draft.dice.pick(&NAMES));
    draft.violates("V05", "/", None, Some(&app_id));
    draft.applications.push((app_id, name.to_owned()));
}

pub(super) fn old_secret(draft: &mut Draft, _: &Clean) {
    let id = vendor(draft);
    let registered_here = draft.dice.chance(0.5);
    let app_id = draft.dice.guid();
    let secrets = vec![
        ("2024-01-01T00:00:00Z".to_owned(), "2031-06-01T00:00:00Z".to_owned()),
        ("2020-01-01T00:00:00Z".to_owned(), "2022-01-01T00:00:00Z".to_owned()),
    ];
    if registered_here {
        draft.violates("V05", "/", None, Some(&app_id));
        draft.applications.push((app_id.clone(), draft.principals[&id].name.clone()));
    }
    let service = Service { app_id, secrets, registered_here, ..Service::default() };
    if let Some(principal) = draft.principals.get_mut(&id) {
        principal.who = Who::ServicePrincipal(Box::new(service));
        let key = crate::estate::audit::pour::secrets(&id, principal).swap_remove(0).0;
        draft.violates("V14", "/", Some(&id), Some(&key));
    }
}

pub(super) fn installer(draft: &mut Draft, _: &Clean) {
    let user = draft.member();
    let (scope, group) = (draft.spare_group(), draft.group("Installers", vec![user.clone()]));
    let id = vendor(draft);
    match draft.dice.below(2) {
        0 => {
            if let Some(Who::ServicePrincipal(service)) = draft.principals.get_mut(&id).map(|one| &mut one.who) {
                service.owners.push(user.clone());
            }
        }
        _ => draft.delegated.push(Delegated {
            client: id,
            resource_app_id: ids::MICROSOFT_GRAPH,
            user: Some(user.clone()),
            scopes: vec!["User.Read"],
        }),
    }
    if draft.dice.chance(0.5) {
        draft.hold(How::Standing, &scope, &group, ids::OWNER);
        draft.grant_violates(&["V15"], &scope, &user, ids::OWNER);
    } else {
        let administrators = &mut draft.directory_roles[0];
        administrators.2.push(user.clone());
        draft.violates("V15", "/", Some(&user), Some("62e90394-69f5-4237-9190-012177145e10"));
    }
}
