//! Rules about single grants.

use super::view::{Found, View, is_within};
use crate::estate::{
    audit::{
        draft::{Held, Who},
        ids,
        record::Violation,
    },
    model::Kind,
};

/// Reads the value of a secret (data).
const GET_SECRET: &str = "Microsoft.KeyVault/vaults/secrets/getSecret/action";
/// Reads the token with which a host joins a pool.
const READ_TOKEN: &str = "Microsoft.DesktopVirtualization/hostPools/retrieveRegistrationToken/action";
/// The names of the vendor's applications.
const VENDORS: [&str; 5] =
    ["cloud workspace", "cloud workspace api", "cloud workspace avd", "cloud workspace management api", "netapp vds"];

/// Whether an application is the vendor's.
pub(crate) fn is_vendor(view: &View<'_>, id: &str) -> bool {
    view.service(id).is_some() && VENDORS.contains(&view.draft.principals[id].name.trim().to_lowercase().as_str())
}

pub(super) fn check(view: &View<'_>, found: &mut Found) {
    let pools = view.avd(Kind::HostPool);
    let pools: Vec<&str> = pools.iter().map(|pool| pool.key.as_str()).collect();
    let above_pools: std::collections::BTreeSet<String> = pools.iter().flat_map(|pool| view.chain(pool)).collect();
    let vaults: Vec<&str> = view.resources(ids::VAULTS).map(|(id, _)| id).collect();
    let files = view.file_accounts();
    let entitled = view.all_entitled();
    for held in &view.draft.held {
        let scope = held.scope.to_ascii_lowercase();
        let mut say = |rule: &str| {
            found.push(Violation::new(rule, &held.scope, Some(&held.principal), Some(&held.role)));
        };
        privileged(view, held, &scope, &mut say);
        let reads_token = held.how.is_standing() && view.holds(&held.role, READ_TOKEN);
        let at_pool = above_pools.contains(&scope) || pools.iter().any(|pool| is_within(&scope, pool));
        if reads_token && at_pool && !is_avd(view, &held.principal) {
            say("R34");
        }
        desktop(view, held, &scope, &mut say);
        let members = view.everybody(&held.principal);
        let has_entitled = members.iter().any(|one| *one != held.principal && entitled.contains(one));
        let to_users = view.is_user(&held.principal) || has_entitled;
        match held.role.as_str() {
            ids::ADMINISTRATOR_LOGIN if to_users => say("R37"),
            ids::SMB_ELEVATED if to_users => say("R40"),
            _ => {}
        }
        let is_entitled_user = view.is_user(&held.principal) && entitled.contains(held.principal.as_str());
        let at_files = || files.iter().any(|account| view.concerns(&scope, account));
        if held.role == ids::SMB_ELEVATED && held.how.is_active() && (is_entitled_user || has_entitled) && at_files() {
            say("V45");
        }
        let to_people = view.is_user(&held.principal) || view.is_group(&held.principal);
        let reads_secrets = held.how.is_standing() && view.holds_data(&held.role, GET_SECRET);
        if reads_secrets && to_people && vaults.iter().any(|vault| view.concerns(&scope, vault)) {
            say("R41");
        }
        vendor(view, held, &scope, &files, &mut say);
        for member in members {
            person(view, held, member, found);
        }
    }
    own(view, found);
}

fn privileged(view: &View<'_>, held: &Held, scope: &str, say: &mut impl FnMut(&str)) {
    let role = held.role.as_str();
    let writes = view.holds(role, ids::WRITE_ASSIGNMENTS);
    if role == ids::OWNER && view.service(&held.principal).is_some() {
        say("R02");
    }
    if administers(role) && view.is_user(&held.principal) {
        say("R03");
    }
    if view.permissions(role).is_none() {
        say("R09");
    }
    if held.how.is_standing() && writes && !limits_delegation(held) {
        say("R13");
    }
    if held.how.is_standing() && role == ids::USER_ACCESS_ADMINISTRATOR && scope == "/" {
        say("R14");
    }
    if held.how.is_assignment() && is_on_single_resource(scope, role) {
        say("R16");
    }
    if held.how.is_standing() && (administers(role) || (view.is_custom(role) && writes)) {
        say("R17");
    }
    if held.how == crate::estate::audit::draft::How::EligibleForEver {
        say("R18");
    }
}

fn administers(role: &str) -> bool {
    [ids::OWNER, ids::USER_ACCESS_ADMINISTRATOR, ids::RBAC_ADMINISTRATOR].contains(&role)
}

/// Whether a grant's condition limits what may be assigned on.
pub(super) fn limits_delegation(held: &Held) -> bool {
    held.condition
        .as_deref()
        .is_some_and(|text| text == ids::DELEGATION_BY_ROLE || text == ids::DELEGATION_BY_PRINCIPAL)
}

fn is_on_single_resource(scope: &str, role: &str) -> bool {
    let parts: Vec<&str> = scope.split('/').collect();
    let below_group = parts.len() > 6 && parts[3] == "resourcegroups" && parts[5] == "providers";
    let within = |kind: &str| scope.contains(&format!("/providers/{kind}/"));
    let session = [ids::SESSION_HOST_OPERATOR, ids::USER_SESSION_OPERATOR].contains(&role);
    let share = [ids::SMB_CONTRIBUTOR, ids::SMB_ELEVATED].contains(&role);
    let is_meant = within("microsoft.desktopvirtualization/applicationgroups")
        || within("microsoft.desktopvirtualization/appattachpackages")
        || (session && within("microsoft.desktopvirtualization/hostpools"))
        || (share && within("microsoft.storage/storageaccounts"));
    below_group && !is_meant
}

fn is_name_sake(view: &View<'_>, id: &str) -> bool {
    view.service(id).is_some_and(|one| ids::AVD_NAME_SAKES.iter().any(|(app_id, _)| *app_id == one.app_id))
}

fn is_avd(view: &View<'_>, id: &str) -> bool {
    is_name_sake(view, id) || view.service(id).is_some_and(|one| one.app_id == ids::AVD_APPLICATION)
}

fn desktop(view: &View<'_>, held: &Held, scope: &str, say: &mut impl FnMut(&str)) {
    let (role, principal) = (held.role.as_str(), held.principal.as_str());
    let within = |kind: &str| scope.contains(&format!("/providers/microsoft.desktopvirtualization/{kind}/"));
    if view.entitles(role) {
        if !within("applicationgroups") && !within("appattachpackages") {
            say("R24");
        }
        if view.is_user(principal) {
            say("R25");
        }
        if matches!(view.who(principal), Who::Deleted(_)) {
            say("R26");
        }
    } else if matches!(view.who(principal), Who::Deleted(_)) {
        say("R08");
    }
    let is_power = [ids::POWER_ON, ids::POWER_ON_OFF, ids::DESKTOP_MACHINE_CONTRIBUTOR].contains(&role);
    if is_avd(view, principal) && !is_power {
        say("R31");
    }
    if is_name_sake(view, principal) && is_power {
        say("R32");
    }
    let has_users = view.everybody(principal).iter().any(|one| view.is_user(one));
    if role == ids::DESKTOP_MACHINE_CONTRIBUTOR && has_users {
        say("R36");
    }
    if [ids::SESSION_HOST_OPERATOR, ids::USER_SESSION_OPERATOR].contains(&role) && !within("hostpools") {
        say("R39");
    }
}

fn vendor(view: &View<'_>, held: &Held, scope: &str, files: &[&str], say: &mut impl FnMut(&str)) {
    let role = held.role.as_str();
    if is_vendor(view, &held.principal) {
        if [ids::OWNER, ids::USER_ACCESS_ADMINISTRATOR].contains(&role) {
            say("R42");
            say("V01");
        }
        if role == ids::CONTRIBUTOR && !scope.contains("/resourcegroups/") {
            say("V02");
        }
        if role == ids::OWNER && files.iter().any(|account| view.chain(account).iter().any(|above| above == scope)) {
            say("V03");
        }
    }
    let is_old_server = view.draft.principals[&held.principal].name.eq_ignore_ascii_case("CWMGR1");
    if is_old_server && view.service(&held.principal).is_some_and(|one| one.managed) {
        say("R43");
    }
}

/// What a grant means for each of those who have it.
fn person(view: &View<'_>, held: &Held, member: &str, found: &mut Found) {
    let Who::User { guest, enabled } = *view.who(member) else {
        return;
    };
    let role = held.role.as_str();
    let mut say = |rule: &str| found.push(Violation::new(rule, &held.scope, Some(member), Some(role)));
    if view.entitles(role) {
        if guest || !enabled {
            say("R26");
        }
        return;
    }
    if guest && administers(role) {
        say("R05");
    } else if guest && view.permissions(role).is_some_and(|role| !role.actions.is_empty()) {
        say("R06");
    }
    if !enabled {
        say("R07");
    }
}

/// What the audit's own identity holds.
fn own(view: &View<'_>, found: &mut Found) {
    let client = crate::options::DEFAULT_CLIENT_ID;
    for (id, _) in
        view.draft.principals.iter().filter(|(id, _)| view.service(id).is_some_and(|one| one.app_id == client))
    {
        let groups = view.groups(id);
        for held in view.draft.held.iter().filter(|held| groups.contains(held.principal.as_str())) {
            if held.role == ids::OWNER || view.holds(&held.role, ids::WRITE_ASSIGNMENTS) {
                found.push(Violation::new("V17", &held.scope, Some(id), Some(&held.role)));
            }
        }
    }
}
