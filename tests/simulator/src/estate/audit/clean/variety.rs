//! What looks like a violation in the clean estate and is none.

use serde_json::json;

use super::Clean;
use crate::estate::{
    audit::{
        draft::{AppRole, Delegated, Denied, Draft, EVERYBODY, How, Permissions},
        ids,
    },
    model::Kind,
};

pub(super) fn grow(draft: &mut Draft, clean: &Clean) {
    custom_roles(draft);
    for_a_while(draft, clean);
    apart(draft, clean);
    people(draft, clean);
    denials(draft, clean);
    applications(draft);
    token(draft);
}

/// Custom roles that are used, and hold less than it seems.
fn custom_roles(draft: &mut Draft) {
    let subscription = draft.any_subscription();
    let scope = draft.spare_group_in(&subscription);
    let almost_all = Permissions::control(&["*"], &["Microsoft.Authorization/*", "Microsoft.ManagedIdentity/*"]);
    let roles = [
        (scope.as_str(), "Sandbox owner", almost_all),
        (subscription.as_str(), "Wide reader", Permissions::control(&["*/read"], &[])),
        (
            subscription.as_str(),
            "Role designer",
            Permissions::control(&["Microsoft.Authorization/role*"], &[ids::WRITE_ASSIGNMENTS]),
        ),
        (
            subscription.as_str(),
            "Delegation reader",
            Permissions::control(&["Microsoft.Authorization/*/read", "Microsoft.Support/*"], &[]),
        ),
    ];
    for (assignable, name, permissions) in roles {
        let role = draft.role(name, &[assignable], permissions);
        let how = *draft.dice.pick(&[How::Standing, How::Eligible, How::Activated, How::Scheduled]);
        let holder = draft.somebody(name);
        draft.hold(how, &scope, &holder, &role);
    }
    // Opens applications without a name that says so.
    let groups = draft.ids(Kind::ApplicationGroup);
    let mut permissions = Permissions::data(&["Microsoft.DesktopVirtualization/*"]);
    permissions.actions.push("Microsoft.DesktopVirtualization/*/read".to_owned());
    let role = draft.role("Workplace", &[&subscription], permissions);
    let pilots = draft.group_of_new("Pilot users", 2);
    let place = groups.iter().find(|id| id.starts_with(&subscription)).or(groups.first()).cloned();
    draft.hold(How::Eligible, &place.unwrap_or(scope), &pilots, &role);
}

/// What Privileged Identity Management gives for a while, gave once, or would
/// give.
fn for_a_while(draft: &mut Draft, clean: &Clean) {
    for site in &clean.sites {
        let group = draft.group_of_new("On call", 2);
        draft.hold(How::Eligible, &site.home, &group, ids::HOST_POOL_CONTRIBUTOR);
        draft.hold(How::Eligible, &site.subscription, &group, ids::USER_ACCESS_ADMINISTRATOR);
        let vault_readers = draft.group_of_new("Vault readers", 2);
        draft.hold(How::Eligible, &site.home, &vault_readers, ids::SECRETS_USER);
        let past = draft.group_of_new("Project of last year", 1);
        draft.hold(How::EligibleOnce, &site.home, &past, ids::READER);
        let now = draft.group_of_new("Incident 4711", 2);
        draft.hold(How::Activated, &site.home, &now, ids::DESKTOP_CONTRIBUTOR);
    }
}

/// What would be a violation on one principal or at one scope, and is apart.
fn apart(draft: &mut Draft, clean: &Clean) {
    let subscription = draft.any_subscription();
    let spare = draft.spare_group_in(&subscription);
    // The same role twice, the direct one above the group's.
    let application = draft.application("Inventory");
    let group = draft.group("Inventories", vec![application.clone()]);
    draft.hold(How::Standing, &subscription, &application, ids::READER);
    draft.hold(How::Standing, &spare, &group, ids::READER);
    // Standing rights where there is no pool and no vault.
    let builders = draft.group_of_new("Image builders", 3);
    draft.hold(How::Standing, &spare, &builders, ids::CONTRIBUTOR);
    draft.hold(How::Standing, &spare, &builders, ids::SECRETS_USER);
    draft.hold_if(How::Standing, &spare, &builders, ids::READER, ids::OTHER_CONDITION);
    // Two halves in two subscriptions.
    if let [first, second, ..] = clean.sites.as_slice() {
        let (first, second) = (first.subscription.clone(), second.subscription.clone());
        let identities = draft.role("Identity assigner", &[&first], Permissions::control(&[ids::ASSIGN_IDENTITY], &[]));
        let (here, there) = (draft.spare_group_in(&first), draft.spare_group_in(&second));
        let pipeline = draft.application("Pipeline");
        draft.hold(How::Standing, &here, &pipeline, &identities);
        draft.hold(How::Standing, &there, &pipeline, ids::MACHINE_CONTRIBUTOR);
    }
}

/// Guests and those who left, who hold nothing that a rule minds.
fn people(draft: &mut Draft, clean: &Clean) {
    for _ in 0..2 {
        let (guest, gone) = (draft.guest(), draft.disabled());
        draft.group("Former project", vec![guest, gone]);
    }
    let guests = vec![draft.guest(), draft.guest()];
    let guests = draft.group("Guests with a share", guests);
    let share = clean.sites[0].storage.clone();
    draft.hold(How::Standing, &share, &guests, ids::SMB_CONTRIBUTOR);
    let sleeping = draft.identity("cwmgr10");
    draft.hold(How::Standing, &clean.sites[0].home, &sleeping, ids::READER);
}

/// Deny assignments that keep nobody from what they need.
fn denials(draft: &mut Draft, clean: &Clean) {
    for site in &clean.sites {
        let denied = |principals: Vec<String>, except: Vec<String>, action: &str, here_only: bool| Denied {
            scope: site.home.clone(),
            principals,
            except,
            actions: vec![action.to_owned()],
            data_actions: Vec::new(),
            here_only,
        };
        let everybody = vec![EVERYBODY.to_owned()];
        let except = vec![clean.admins.clone(), clean.avd.clone()];
        draft.denied.push(denied(everybody, except, "Microsoft.Compute/virtualMachines/capture/action", false));
        draft.denied.push(denied(vec![clean.operators.clone()], Vec::new(), "Microsoft.Storage/*/delete", true));
        let mut opening = denied(vec![clean.admins.clone()], Vec::new(), "Microsoft.Support/*/write", false);
        opening.data_actions = vec![ids::USE_APPLICATIONS.to_owned()];
        draft.denied.push(opening);
        if draft.dice.chance(0.5) {
            // Stopping is asked of the whole subscription, not of a group in it.
            draft.denied.push(denied(vec![clean.avd.clone()], Vec::new(), ids::DEALLOCATE, false));
        }
    }
}

/// Applications with permissions that nobody minds.
fn applications(draft: &mut Draft) {
    let scope = draft.spare_group();
    let portal = draft.application("Cloud Workspace Portal");
    draft.hold(How::Standing, &scope, &portal, ids::READER);
    draft.app_roles.push(AppRole {
        principal: portal.clone(),
        resource_app_id: ids::MICROSOFT_GRAPH,
        value: "Directory.Read.All",
    });
    draft.app_roles.push(AppRole {
        principal: portal.clone(),
        resource_app_id: ids::MICROSOFT_GRAPH,
        value: "Application.ReadWrite.OwnedBy",
    });
    let user = draft.member();
    draft.delegated.push(Delegated {
        client: portal.clone(),
        resource_app_id: ids::AZURE_MANAGEMENT,
        user: Some(user),
        scopes: vec!["user_impersonation"],
    });
    draft.delegated.push(Delegated {
        client: portal,
        resource_app_id: ids::MICROSOFT_GRAPH,
        user: None,
        scopes: vec!["User.Read", "Group.Read.All"],
    });
}

/// A pool whose registration token is alive because hosts are being added.
fn token(draft: &mut Draft) {
    if draft.dice.chance(0.5) {
        let pool = draft.any(Kind::HostPool);
        draft.set(&pool, "registrationInfo", super::super::live_token(&pool));
        draft.policy["deployments_under_way"] = json!([pool]);
    }
}
