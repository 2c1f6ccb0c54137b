//! What the vendor's applications, accounts and installer hold, and what Poolwarden holds itself.

use super::super::accounts::*;
use super::super::testing::{FILES, NONE, account, deployed, found, id, vds, verdict, without};
use super::super::vendor_identity::*;
use crate::access::{
    Application, ClientCredential, DelegatedGrant, DirectoryObject, DirectoryRole, Facet, builtin::CONTRIBUTOR,
    builtin::OWNER, builtin::READER, builtin::USER_ACCESS_ADMINISTRATOR,
};
use crate::audit::Verdict;
use crate::audit::testing::{DELEGATION, Estate, LANDING, RG, S1};

const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";

fn vendor() -> Estate {
    deployed().application("cw", "cloud workspace API", "cw-app")
}

fn service(estate: Estate, edit: impl FnOnce(&mut Vec<ClientCredential>, &mut Option<Vec<String>>)) -> Estate {
    estate.with(|facts| match facts.directory.objects.get_mut("cw") {
        Some(DirectoryObject::ServicePrincipal { passwords, owners, .. }) => edit(passwords, owners),
        _ => unreachable!(),
    })
}

fn registration(estate: Estate, name: &str, passwords: Vec<ClientCredential>) -> Estate {
    let (id, app_id) = ("reg".to_owned(), "CW-app".to_owned());
    let application = Application { id, app_id, name: name.to_owned(), passwords };
    estate.with(|facts| facts.directory.applications.push(application))
}

fn secret(key: &str, start: Option<&str>, end: Option<&str>) -> ClientCredential {
    let time = |text: Option<&str>| text.map(|text| text.parse().unwrap());
    ClientCredential { key_id: key.to_owned(), start: time(start), end: time(end) }
}

#[test]
fn the_vendor_is_owner_nowhere_not_even_by_eligibility() {
    assert_eq!(verdict(&vendor(), &V01), Verdict::Pass);
    let estate = vendor().assign("cw", OWNER, RG).eligible("cw", USER_ACCESS_ADMINISTRATOR, S1, None);
    assert_eq!(found(&estate, &V01), [format!("{S1} cw {USER_ACCESS_ADMINISTRATOR}"), format!("{RG} cw {OWNER}"),]);
    let other = vendor().application("tf", "Terraform", "tf-app").assign("tf", OWNER, S1);
    assert_eq!(found(&other, &V01), NONE);
}

#[test]
fn the_policy_says_who_the_vendor_is() {
    let estate = deployed().application("acme", "Acme Deployer", "a").assign("acme", OWNER, S1);
    assert_eq!(verdict(&estate, &V01), Verdict::NotApplicable);
    let estate = estate.policy(|policy| policy.vendor_applications = Some(vec!["ACME deployer".to_owned()]));
    assert_eq!(found(&estate, &V01), [format!("{S1} acme {OWNER}")]);
}

#[test]
fn the_vendor_is_contributor_in_its_resource_group_at_most() {
    assert_eq!(found(&vendor().assign("cw", CONTRIBUTOR, RG), &V02), NONE);
    for above in [S1, LANDING] {
        assert_eq!(found(&vendor().assign("cw", CONTRIBUTOR, above), &V02), [format!("{above} cw {CONTRIBUTOR}")]);
    }
}

#[test]
fn owner_at_or_above_files_is_told_apart_from_owner_elsewhere() {
    let other = "/subscriptions/s1/resourceGroups/other";
    assert_eq!(found(&vendor().assign("cw", OWNER, other), &V03), NONE);
    for scope in [LANDING, S1, RG] {
        assert_eq!(found(&vendor().assign("cw", OWNER, scope), &V03), [format!("{scope} cw {OWNER}")]);
    }
    let without_files = without(vendor().assign("cw", OWNER, S1), FILES);
    assert_eq!(verdict(&without_files, &V03), Verdict::NotApplicable);
    let fix = vendor().assign("cw", OWNER, S1).check(&V03).violations.remove(0);
    assert!(fix.message.contains("Storage File Data SMB Share Elevated Contributor"));
}

#[test]
fn what_is_left_of_the_vendor_in_the_directory_is_found() {
    assert_eq!(found(&vendor(), &V04), ["/ cw -"]);
    assert_eq!(found(&vds(deployed()), &V04), NONE);
    assert_eq!(found(&registration(deployed(), "Cloud Workspace", Vec::new()), &V05), ["/ - CW-app"]);
    assert_eq!(found(&registration(vendor(), "Payroll", Vec::new()), &V05), NONE);
}

#[test]
fn a_client_secret_that_still_works_must_not_be_old() {
    let with = |passwords: Vec<ClientCredential>| service(vendor(), |own, _| *own = passwords);
    // 180 days before the tests' day.
    let old = secret("old", Some("2025-12-03T11:59:59Z"), Some("2027-01-01T00:00:00Z"));
    let young = secret("young", Some("2025-12-03T12:00:00Z"), None);
    let ended = secret("ended", Some("2020-01-01T00:00:00Z"), Some("2021-01-01T00:00:00Z"));
    assert_eq!(found(&with(vec![young, ended]), &V14), NONE);
    assert_eq!(found(&with(vec![old.clone()]), &V14), ["/ cw old"]);
    assert_eq!(verdict(&with(vec![secret("when", None, None)]), &V14), Verdict::Unknown);
    assert_eq!(found(&registration(vendor(), "Cloud Workspace API", vec![old.clone()]), &V14), ["/ cw old"]);
    assert_eq!(found(&registration(deployed(), "Cloud Workspace API", vec![old.clone()]), &V14), ["/ - old"]);
    assert_eq!(found(&registration(vendor(), "Payroll", vec![old]), &V14), NONE);
}

fn administrators(estate: Estate, standing: &[&str]) -> Estate {
    let role = DirectoryRole {
        template_id: GLOBAL_ADMINISTRATOR.to_uppercase(),
        name: "Global Administrator".to_owned(),
        standing: standing.iter().map(|&id| id.to_owned()).collect(),
    };
    estate.with(|facts| facts.directory.roles.push(role))
}

#[test]
fn who_installed_it_is_told_by_both_roles_by_ownership_or_by_consent() {
    let both = administrators(vendor().user("ines").group("top", &["ines"]).assign("top", OWNER, S1), &["ines"]);
    let lines = [format!("/ ines {GLOBAL_ADMINISTRATOR}"), format!("{S1} ines {OWNER}")];
    assert_eq!(found(&both, &V15), lines);

    let one = administrators(vendor().user("ines"), &["ines"]);
    assert_eq!(found(&one, &V15), NONE);
    let owner = service(one.clone(), |_, owners| *owners = Some(vec!["INES".to_owned()]));
    assert_eq!(found(&owner, &V15), lines[..1]);
    let consent = one.with(|facts| {
        facts.directory.delegated.push(DelegatedGrant {
            id: "g".to_owned(),
            client: "cw".to_owned(),
            resource_app_id: "x".to_owned(),
            user: Some("ines".to_owned()),
            scopes: Vec::new(),
        });
    });
    assert_eq!(found(&consent, &V15), lines[..1]);
}

#[test]
fn who_installed_it_may_be_owner_by_eligibility() {
    let estate = service(vendor().user("ines"), |_, owners| *owners = Some(vec!["ines".to_owned()]));
    assert_eq!(found(&estate.clone().eligible("ines", OWNER, S1, None).activated("ines", OWNER, S1), &V15), NONE);
    assert_eq!(found(&estate.assign("ines", OWNER, RG), &V15), [format!("{RG} ines {OWNER}")]);
}

#[test]
fn who_may_have_power_only_for_now_is_not_said_to_have_it_all_the_time() {
    let estate = administrators(vendor().user("ines").assign("ines", OWNER, S1), &["ines"]);
    let administrator = format!("/ ines {GLOBAL_ADMINISTRATOR}");
    assert_eq!(found(&estate, &V15), [administrator.clone(), format!("{S1} ines {OWNER}")]);
    let owned = service(estate, |_, owners| *owners = Some(vec!["ines".to_owned()]));
    let no_pim = owned.clone().forbidden(Facet::PimActive, S1);
    assert_eq!(found(&no_pim, &V15), [administrator]);
    let no_roles = owned.clone().forbidden(Facet::DirectoryRoles, "/");
    assert_eq!(found(&no_roles, &V15), [format!("{S1} ines {OWNER}")]);
    let neither = no_roles.forbidden(Facet::PimActive, S1);
    assert_eq!(found(&neither, &V15), NONE);
    assert_eq!(verdict(&neither, &V15), Verdict::Unknown);
}

#[test]
fn above_subscriptions_one_that_was_read_tells_who_is_owner_all_the_time() {
    let estate = vendor().subscription("s2").user("ines").assign("ines", OWNER, LANDING);
    let owned = service(estate, |_, owners| *owners = Some(vec!["ines".to_owned()]));
    let line = [format!("{LANDING} ines {OWNER}")];
    assert_eq!(found(&owned, &V15), line);
    let one = owned.forbidden(Facet::PimActive, "/subscriptions/s2");
    assert_eq!(found(&one, &V15), line);
    let none = one.forbidden(Facet::PimActive, S1);
    assert_eq!(found(&none, &V15), NONE);
    assert_eq!(
        none.check(&V15).unknown,
        [format!("whether User ines is Owner at {LANDING} all the time or only for now")]
    );
}

#[test]
fn who_can_activate_nothing_is_not_said_to_be_owner_for_now() {
    let unknown = |estate: Estate| estate.forbidden(Facet::PimActive, S1).check(&V15).unknown;
    assert_eq!(unknown(vendor().assign("cw", OWNER, S1)), NONE);
    assert_eq!(unknown(vendor().user("ines").assign("ines", OWNER, S1)).len(), 1);
}

#[test]
fn an_owners_group_that_cannot_be_seen_into_leaves_the_installer_unknown() {
    let estate = vds(deployed()).opaque_group("dark").assign("dark", OWNER, S1);
    assert_eq!(verdict(&estate, &V15), Verdict::Unknown);
}

#[test]
fn an_owner_whom_nobody_could_look_up_leaves_the_installer_unknown() {
    let owned_by = |owner: &str| service(vendor(), |_, owners| *owners = Some(vec![owner.to_owned()]));
    assert_eq!(verdict(&owned_by("somebody"), &V15), Verdict::Unknown);
    assert_eq!(verdict(&owned_by("somebody").deleted("somebody"), &V15), Verdict::Pass);
    assert_eq!(verdict(&owned_by("poolwarden"), &V15), Verdict::Pass);
}

#[test]
fn the_vendors_service_accounts_are_found_by_either_name() {
    let by_upn = deployed().object("svc", account("Service", "cloudworkspacesvc@example.com"));
    assert_eq!(found(&by_upn, &V16), ["/ svc -"]);
    let by_name = deployed().object("ca", account("CloudWorkspaceCASVC", "x@example.com"));
    assert_eq!(found(&by_name, &V16), ["/ ca -"]);
    assert_eq!(verdict(&vds(deployed()), &V16), Verdict::Pass);
    let other = vds(deployed()).object("u", account("Cloud", "cloudworkspacesvc2@example.com"));
    assert_eq!(found(&other, &V16), NONE);
}

#[test]
fn poolwarden_itself_can_change_nobodys_roles() {
    assert_eq!(verdict(&deployed(), &V17), Verdict::Pass);
    let delegate = deployed().assign_if("poolwarden", USER_ACCESS_ADMINISTRATOR, S1, Some(DELEGATION));
    assert_eq!(found(&delegate, &V17), [format!("{S1} poolwarden {USER_ACCESS_ADMINISTRATOR}")]);
    let grouped = deployed().group("apps", &["poolwarden"]).eligible("apps", OWNER, RG, None);
    assert_eq!(found(&grouped, &V17), [format!("{RG} poolwarden {OWNER}")]);
    let custom =
        deployed().role("sly", &["Microsoft.Authorization/*"], &[], &[], &[S1]).assign("poolwarden", "sly", S1);
    assert_eq!(found(&custom, &V17), [format!("{S1} poolwarden sly")]);
    assert_eq!(found(&deployed().assign("adam", OWNER, S1).assign("poolwarden", READER, &id(FILES)), &V17), NONE);
}

#[test]
fn who_poolwarden_is_has_to_be_known() {
    let estate = deployed().with(|facts| facts.own_principal = None);
    assert_eq!(verdict(&estate, &V17), Verdict::Unknown);
}
