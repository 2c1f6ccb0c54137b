use super::*;
use crate::event;
use crate::report::ConnectionReport;
use crate::run::Status;
use crate::testing::{at, content, group_id};

fn package() -> Package {
    let mut package = Package { key: "excel-0123456789abcdef".to_owned(), ..crate::testing::package("excel") };
    package.revise(Change::Updated, vec!["description".to_owned()], Author::Run("r2"), at(3));
    package
}

#[test]
fn a_package_as_it_is_stored_and_shown() {
    insta::assert_json_snapshot!("package", package());
    let text = serde_json::to_string(&package()).unwrap();
    assert_eq!(serde_json::from_str::<Package>(&text).unwrap(), package());
}

#[test]
fn a_package_that_an_earlier_version_wrote_is_read() {
    let mut stored = serde_json::to_value(package()).unwrap();
    let document = stored.as_object_mut().unwrap();
    for new in ["stage_since", "requested", "assigned", "retired_at", "retired_by"] {
        document.remove(new);
    }
    stored["stage"] = "Test".into();
    stored["managed"] = false.into();
    let read: Package = serde_json::from_value(stored).unwrap();
    let expected = Package { stage: Stage::Test, managed: false, stage_since: None, ..package() };
    assert_eq!(read, expected);
}

#[test]
fn an_event_as_it_is_sent() {
    let package = package();
    let mut event = event::package(&package, &package.revisions[1], &package.content);
    let mut expected = serde_json::to_value(&package.content).unwrap();
    expected["stage"] = "Production".into();
    expected["managed"] = true.into();
    assert_eq!(event.data["package"].take(), expected);
    event.data["package"] = "(the package's content)".into();
    insta::assert_json_snapshot!("package_event", event);
}

#[test]
fn each_change_and_each_end_has_its_own_event_and_the_same_one_when_told_again() {
    let changes = [
        Change::Created,
        Change::Updated,
        Change::Restored,
        Change::Retired,
        Change::Requested,
        Change::Promoted,
        Change::Demoted,
        Change::Edited,
        Change::Assigned,
        Change::Purged,
    ];
    let kinds = changes.map(|change| {
        let revision = Revision { change, ..package().revisions[0].clone() };
        let told = event::package(&package(), &revision, &content("excel"));
        assert_eq!(told, event::package(&package(), &revision, &content("excel")));
        assert_eq!(serde_json::to_value(change).unwrap(), told.kind.rsplit('.').next().unwrap());
        told.kind
    });
    let prefix = "dev.poolwarden.package";
    assert_eq!(
        kinds,
        [
            "created",
            "updated",
            "restored",
            "retired",
            "requested",
            "promoted",
            "demoted",
            "edited",
            "assigned",
            "purged",
        ]
        .map(|kind| format!("{prefix}.{kind}"))
    );

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

    let changed = PackageContent { description: None, entitlements: None, ..before.clone() };
    assert_ne!(changed.sha256(), before.sha256());
    assert_eq!(changed.differences(&before), ["description", "entitlements"]);
    let more = PackageContent { categories: vec!["Office".to_owned()], ..before.clone() };
    assert_eq!(
        (more.differences(&before), before.differences(&more)),
        (vec!["categories".to_owned()], vec!["categories".to_owned()])
    );
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
