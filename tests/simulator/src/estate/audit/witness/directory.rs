//! Rules about applications and people: R42 and R43, V04 to V16, V18 to V20,
//! V61.

use std::collections::BTreeSet;

use super::{
    grants::is_vendor,
    view::{Found, View},
};
use crate::estate::audit::{draft::Who, ids, pour, record::Violation};

/// What R42 minds of a vendor's application.
const WIDE: [&str; 5] = [
    "Application.ReadWrite.All",
    "Directory.ReadWrite.All",
    "Domain.ReadWrite.All",
    "Device.ReadWrite.All",
    "Group.ReadWrite.All",
];
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";

/// Whether something tells that VDS was here.
pub(super) fn has_sign(view: &View<'_>) -> bool {
    let has_secret = view.draft.secrets.iter().any(|(_, name, _)| name.starts_with("cjDomainAdministrator"));
    has_secret || has_narrow_sign(view) || view.draft.applications.iter().any(|(_, name)| is_vendor_name(name))
}

/// The same, without what only the posture rules take for a sign.
fn has_narrow_sign(view: &View<'_>) -> bool {
    let principals = &view.draft.principals;
    principals.keys().any(|id| is_vendor(view, id) || is_old_identity(view, id))
        || has_old_machine(view)
        || view.draft.roles.iter().any(|role| role.name == "Automation Contributor")
}

fn has_old_machine(view: &View<'_>) -> bool {
    view.resources(ids::MACHINES).any(|(_, body)| body["name"] == "CWMGR1")
}

fn is_old_identity(view: &View<'_>, id: &str) -> bool {
    view.service(id).is_some_and(|one| one.managed) && view.draft.principals[id].name.eq_ignore_ascii_case("CWMGR1")
}

fn is_vendor_name(name: &str) -> bool {
    name.starts_with("Cloud Workspace") || name == "NetApp VDS"
}

pub(super) fn check(view: &View<'_>, found: &mut Found) {
    permissions(view, found);
    for (id, principal) in &view.draft.principals {
        let is_service_account = ["CloudWorkspaceSVC", "CloudWorkspaceCASVC"].contains(&principal.name.as_str());
        if is_service_account && matches!(principal.who, Who::User { .. }) {
            found.push(Violation::new("V16", "/", Some(id), None));
        }
    }
    if has_narrow_sign(view) {
        for (id, _) in view.resources("Microsoft.Automation/automationAccounts") {
            found.push(Violation::new("R43", id, None, Some("automationAccount")));
        }
    }
    if has_sign(view) {
        leftovers(view, found);
        installers(view, found);
    }
    if view.draft.last_sync.is_some_and(|time| time < "2026") {
        found.push(Violation::new("V61", "/", None, Some("onPremisesLastSyncDateTime")));
    }
}

fn permissions(view: &View<'_>, found: &mut Found) {
    let mut say = |rule: &str, id: &str, value: &str| found.push(Violation::new(rule, "/", Some(id), Some(value)));
    for grant in &view.draft.app_roles {
        let (id, value) = (grant.principal.as_str(), grant.value);
        let is_old = grant.resource_app_id == ids::AZURE_AD_GRAPH;
        if is_vendor(view, id) && WIDE.contains(&value) {
            say("R42", id, value);
        }
        if is_old {
            say("R43", id, value);
            say("V06", id, value);
        }
        let removes = view.draft.policy["removes_devices"] == true;
        match value {
            "Application.ReadWrite.All" => say("V07", id, value),
            "Directory.ReadWrite.All" => say("V08", id, value),
            "Domain.ReadWrite.All" => say("V09", id, value),
            "Device.ReadWrite.All" if !removes => say("V10", id, value),
            "Member.Read.Hidden" => say("V13", id, value),
            _ => {}
        }
    }
    for grant in &view.draft.delegated {
        let (id, for_all) = (grant.client.as_str(), grant.user.is_none());
        for value in &grant.scopes {
            if grant.resource_app_id == ids::AZURE_AD_GRAPH {
                say("R43", id, value);
                say("V06", id, value);
            }
            let is_graph = grant.resource_app_id != ids::AZURE_MANAGEMENT;
            match *value {
                "Directory.AccessAsUser.All" | "Directory.ReadWrite.All" | "Group.ReadWrite.All"
                    if is_graph && for_all =>
                {
                    say("V11", id, value);
                }
                "user_impersonation" if !is_graph && for_all => say("V12", id, value),
                "Member.Read.Hidden" if is_graph => say("V13", id, value),
                _ => {}
            }
        }
    }
}

fn leftovers(view: &View<'_>, found: &mut Found) {
    for (id, principal) in &view.draft.principals {
        if is_vendor(view, id) {
            found.push(Violation::new("V04", "/", Some(id), None));
            for (key, start, end) in pour::secrets(id, principal) {
                if start.as_str() < "2025" && end.as_str() > "2030" {
                    found.push(Violation::new("V14", "/", Some(id), Some(&key)));
                }
            }
        }
        if is_old_identity(view, id) && !has_old_machine(view) {
            found.push(Violation::new("V20", "/", Some(id), None));
        }
    }
    for (app_id, name) in &view.draft.applications {
        if is_vendor_name(name) {
            found.push(Violation::new("V05", "/", None, Some(app_id)));
        }
    }
    for (id, _) in view.resources("Microsoft.Automation/automationAccounts") {
        found.push(Violation::new("V18", id, None, None));
    }
    for role in view.draft.roles.iter().filter(|role| role.name == "Automation Contributor") {
        let first = role.scopes.iter().min_by_key(|scope| scope.to_ascii_lowercase()).map_or("/", String::as_str);
        found.push(Violation::new("V19", first, None, Some(&role.guid)));
    }
    for (vault, name, _) in &view.draft.secrets {
        if name.starts_with("cjDomainAdministrator") {
            found.push(Violation::new("V24", &format!("{vault}/secrets/{name}"), None, None));
        }
    }
}

/// Those who installed VDS, and what they still hold for good.
fn installers(view: &View<'_>, found: &mut Found) {
    let administrators: BTreeSet<&str> = view
        .draft
        .directory_roles
        .iter()
        .filter(|(template, _, _)| *template == GLOBAL_ADMINISTRATOR)
        .flat_map(|(_, _, holders)| holders)
        .flat_map(|holder| view.everybody(holder))
        .collect();
    let owned = view.draft.held.iter().filter(|held| held.role == ids::OWNER && held.how.is_standing());
    let owned: Vec<_> = owned.collect();
    let vendors: Vec<&String> = view.draft.principals.keys().filter(|id| is_vendor(view, id)).collect();
    for id in view.draft.principals.keys().filter(|id| view.is_user(id)) {
        let owns = |vendor: &&String| view.service(vendor).is_some_and(|one| one.owners.contains(id));
        let owns_vendor = vendors.iter().any(owns);
        let mut consents = view.draft.delegated.iter();
        let consented = consents.any(|one| one.user.as_ref() == Some(id) && is_vendor(view, &one.client));
        let groups = view.groups(id);
        let mine = || owned.iter().filter(|held| groups.contains(held.principal.as_str()));
        let is_administrator = administrators.contains(id.as_str());
        let above = |scope: &str| !scope.to_ascii_lowercase().contains("/resourcegroups/");
        if !(owns_vendor || consented || (is_administrator && mine().any(|held| above(&held.scope)))) {
            continue;
        }
        for held in mine() {
            found.push(Violation::new("V15", &held.scope, Some(id), Some(ids::OWNER)));
        }
        if is_administrator {
            found.push(Violation::new("V15", "/", Some(id), Some(GLOBAL_ADMINISTRATOR)));
        }
    }
}
