use super::*;
use crate::event;
use crate::report::ConnectionReport;
use crate::run::Status;
use crate::testing::{at, content, group_id};

fn package() -> Package {
    let mut package = Package {
        key: "excel-0123456789abcdef".to_owned(),
        connection: "contoso".to_owned(),
        state: PackageState::Active,
        content: content("excel"),
        observed_at: at(1),
        revisions: Vec::new(),
    };
    package.revise(Change::Created, Vec::new(), "r1", at(2));
    package.revise(Change::Updated, vec!["description".to_owned()], "r2", at(3));
    package
}

#[test]
fn a_package_as_it_is_stored_and_shown() {
    insta::assert_json_snapshot!("package", package());
    let text = serde_json::to_string(&package()).unwrap();
    assert_eq!(serde_json::from_str::<Package>(&text).unwrap(), package());
}

#[test]
fn an_event_as_it_is_sent() {
    let package = package();
    let mut event = event::package("contoso", &package.key, &package.revisions[1], &package.content);
    assert_eq!(event.data["package"].take(), serde_json::to_value(&package.content).unwrap());
    event.data["package"] = "(the package's content)".into();
    insta::assert_json_snapshot!("package_event", event);
}

#[test]
fn each_change_and_each_end_has_its_own_event_and_the_same_one_when_told_again() {
    let kinds = [Change::Created, Change::Updated, Change::Restored, Change::Retired].map(|change| {
        let revision = Revision { change, ..package().revisions[0].clone() };
        let told = event::package("contoso", "k", &revision, &content("excel"));
        assert_eq!(told, event::package("contoso", "k", &revision, &content("excel")));
        assert_eq!(serde_json::to_value(change).unwrap(), told.kind.rsplit('.').next().unwrap());
        told.kind
    });
    let prefix = "dev.poolwarden.package";
    assert_eq!(kinds, ["created", "updated", "restored", "retired"].map(|kind| format!("{prefix}.{kind}")));

    let ids = [Status::Complete, Status::Incomplete, Status::Held, Status::Failed]
        .map(|status| event::run("r1", &ConnectionReport::new("contoso", status), at(9)).id);
    assert_eq!(ids, ["complete", "incomplete", "held", "failed"].map(|kind| format!("contoso.r1.run.{kind}")));
}

#[test]
fn a_digest_changes_with_what_people_see_and_not_with_the_spelling_of_ids() {
    let before = content("excel");
    let mut spelled = before.clone();
    for id in
        [&mut spelled.resource, &mut spelled.host_pool.id, &mut spelled.application_group.id, &mut spelled.workspace.id]
    {
        *id = ArmId::new(&id.as_str().to_uppercase());
    }
    spelled.entitlements.as_mut().unwrap()[0].scope = ArmId::new(&group_id("office").canonical());
    assert_eq!((spelled.sha256(), spelled.differences(&before)), (before.sha256(), Vec::new()));

    let changed = PackageContent { description: None, entitlements: None, stage: Stage::Test, ..before.clone() };
    assert_ne!(changed.sha256(), before.sha256());
    assert_eq!(changed.differences(&before), ["description", "entitlements", "stage"]);
}

#[test]
fn the_placeholder_icons_are_the_ones_that_stored_packages_name() {
    // Should a new PNG encoder change these, every package without an icon changes with them: say so in the release.
    let hashes = ["", "Microsoft Excel"].map(|name| {
        let hash = |kind| crate::icon::placeholder(kind, name).sha256.to_string();
        [ResourceKind::Desktop, ResourceKind::RemoteApp].map(hash)
    });
    insta::assert_json_snapshot!("placeholder_icons", hashes);
}
