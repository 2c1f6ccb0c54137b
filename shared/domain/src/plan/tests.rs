use super::*;
use crate::testing::{app_id, at, content, forbidden, group_id, look, package, pool_id};
use proptest::prelude::*;

/// An index with these apps offered, all observed at the tests' beginning.
fn index(apps: &[&str]) -> PoolIndex {
    let mut index = PoolIndex::new(pool_id("hp"), "hp".to_owned());
    for app in apps {
        index.record(&package(app));
    }
    index
}

fn offering(apps: &[&str]) -> Published {
    let packages = apps.iter().map(|&app| (app.to_owned(), content(app))).collect();
    Published { packages, ..Published::default() }
}

fn below(scope: &ArmId, rest: &str) -> UnknownScope {
    forbidden(&ArmId::new(&format!("{scope}/{rest}")))
}

#[test]
fn what_differs_is_planned_and_what_does_not_is_not() {
    let mut published = offering(&["same", "changed", "new", "back"]);
    published.packages.get_mut("changed").unwrap().description = None;
    let mut index = index(&["same", "changed", "gone", "back", "long-gone"]);
    for key in ["back", "long-gone"] {
        index.rows.get_mut(key).unwrap().state = PackageState::Retired;
    }
    let plan = plan(&published, &index, &[], &look("r1", 10));
    let entries: Vec<_> = plan.entries.iter().map(|entry| (entry.key.as_str(), entry.change)).collect();
    assert_eq!(entries, [("back", Change::Restored), ("changed", Change::Updated), ("new", Change::Created)]);
    assert_eq!((plan.unchanged, plan.unknown), (1, 0));
    assert_eq!(plan.missing, ["gone"]);
    assert_eq!(plan.retire, [""; 0]);
}

#[test]
fn a_miss_becomes_a_retirement_only_in_a_later_run_that_does_not_overlap() {
    let mut index = index(&["gone"]);
    let first = look("r1", 10);
    let missed = plan(&offering(&[]), &index, &[], &first);
    assert!(index.mark(&missed, &first));
    assert!(!index.mark(&missed, &first), "a second delivery finds it marked");
    for (run, started_at, retires) in
        [("r1", 10, false), ("r1", 100, false), ("r2", 5, false), ("r2", 11, false), ("r2", 12, true)]
    {
        let plan = plan(&offering(&[]), &index, &[], &look(run, started_at));
        assert_eq!(!plan.retire.is_empty(), retires, "{run} at {started_at}");
        assert_eq!(plan.missing.len() + plan.retire.len(), 1);
    }
}

#[test]
fn whatever_may_hide_a_package_freezes_it() {
    let group = group_id("office");
    for (unknown, freezes) in [
        (forbidden(&ArmId::new("/")), true),
        (forbidden(&ArmId::new("/subscriptions/S")), true),
        (forbidden(&pool_id("HP")), true),
        (forbidden(&group), true),
        (below(&group, "applications"), true),
        (below(&group, "applications/other"), false),
        (below(&ArmId::new("/subscriptions/s"), "providers/Microsoft.DesktopVirtualization/applicationGroups"), true),
        (forbidden(&group_id("office2")), false),
        (forbidden(&ArmId::new("/subscriptions/other")), false),
        (below(&pool_id("hp"), "sessionHosts"), false),
        (below(&group, "providers/Microsoft.Authorization/roleAssignments"), false),
    ] {
        let mut index = index(&["offered", "gone"]);
        let first = look("r1", 10);
        let missed = plan(&offering(&["offered"]), &index, &[], &first);
        index.mark(&missed, &first);
        let mut published = offering(&["offered", "new"]);
        published.packages.get_mut("offered").unwrap().description = None;
        let scope = unknown.scope.clone();
        let later = plan(&published, &index, &[unknown], &look("r2", 20));
        assert_eq!(later.unknown, if freezes { 2 } else { 0 }, "{scope}");
        assert_eq!(later.entries.len(), if freezes { 0 } else { 2 }, "{scope}");
        assert_eq!(later.retire.len(), usize::from(!freezes), "{scope}");
        assert_eq!(later.not_missing.len(), usize::from(freezes), "{scope}");
    }
}

#[test]
fn what_a_look_saw_is_published_whatever_may_hide_others() {
    let index = index(&["changed", "hidden"]);
    let mut published = offering(&["changed", "new", "hidden"]);
    published.packages.get_mut("changed").unwrap().description = None;
    published.packages.get_mut("hidden").unwrap().description = None;
    published.seen = ["changed", "new"].map(str::to_owned).into();
    let plan = plan(&published, &index, &[forbidden(&group_id("office"))], &look("r1", 10));
    let entries: Vec<_> = plan.entries.iter().map(|entry| (entry.key.as_str(), entry.change)).collect();
    assert_eq!(entries, [("changed", Change::Updated), ("new", Change::Created)]);
    assert_eq!((plan.unknown, plan.missing.len()), (1, 0), "what it did not see stays as it was");
}

#[test]
fn an_item_that_cannot_be_read_freezes_its_own_package_only() {
    let mut index = index(&["garbled", "gone", "same"]);
    let first = look("r1", 10);
    let unknown = [forbidden(&ArmId::new(&app_id("office", "garbled").canonical()))];
    let missed = plan(&offering(&["same"]), &index, &unknown, &first);
    assert_eq!((missed.missing.as_slice(), missed.unknown, missed.unchanged), (["gone".to_owned()].as_slice(), 1, 1));
    index.mark(&missed, &first);
    let later = plan(&offering(&["same"]), &index, &unknown, &look("r2", 20));
    assert_eq!((later.retire.as_slice(), later.unknown), (["gone".to_owned()].as_slice(), 1));
}

#[test]
fn an_unmanaged_package_is_as_it_should_be_whatever_its_source_says() {
    let mut published = offering(&["a", "b"]);
    for content in published.packages.values_mut() {
        content.description = None;
    }
    let mut index = index(&["a", "b", "c"]);
    for row in index.rows.values_mut() {
        row.managed = false;
        row.missing = Some(Missing { run: "run-0".to_owned(), observed_at: at(0) });
    }
    index.rows.get_mut("b").unwrap().state = PackageState::Retired;
    for unknown in [Vec::new(), vec![forbidden(&group_id("office"))]] {
        let plan = plan(&published, &index, &unknown, &look("r1", 10));
        assert_eq!((plan.entries, plan.unchanged, plan.unknown), (Vec::new(), 2, 0));
        assert_eq!((plan.missing.len(), plan.retire.len()), (0, 0));
    }
    assert!(!index.is_due("a", &look("r1", 10)), "a retirement that was planned while it was managed");
}

#[test]
fn what_a_person_retired_is_not_planned_to_come_back() {
    let mut index = index(&["a", "b"]);
    for row in index.rows.values_mut() {
        row.state = PackageState::Retired;
    }
    index.rows.get_mut("a").unwrap().retired_by = Some("ann".to_owned());
    let plan = plan(&offering(&["a", "b"]), &index, &[], &look("r1", 10));
    let entries: Vec<_> = plan.entries.iter().map(|entry| (entry.key.as_str(), entry.change)).collect();
    assert_eq!((entries, plan.unchanged), (vec![("b", Change::Restored)], 0));
}

#[test]
fn what_stays_with_another_pool_is_not_planned_here() {
    let mut index = index(&[]);
    index.elsewhere.insert("a".to_owned());
    let plan = plan(&offering(&["a"]), &index, &[], &look("r1", 10));
    assert_eq!((plan.entries.len(), plan.unchanged), (0, 0));
}

#[test]
fn an_entry_that_an_earlier_version_planned_says_the_same() {
    let defaults = Defaults { stage: Stage::Test, managed: false };
    let entry = Entry { key: "a".to_owned(), change: Change::Created, content: content("a"), defaults };
    let mut stored = serde_json::to_value(&entry).unwrap();
    assert_eq!(serde_json::from_value::<Entry>(stored.clone()).unwrap(), entry);
    stored.as_object_mut().unwrap().remove("defaults");
    stored["content"]["stage"] = "Test".into();
    stored["content"]["managed"] = false.into();
    assert_eq!(serde_json::from_value::<Entry>(stored).unwrap(), entry);
}

#[test]
fn an_older_look_marks_nothing_missing_that_a_newer_one_saw() {
    let mut index = index(&["a"]);
    index.rows.get_mut("a").unwrap().observed_at = at(50);
    let late = look("r1", 10);
    let missed = plan(&offering(&[]), &index, &[], &late);
    assert!(!index.mark(&missed, &late));
}

/// Looks at up to four apps: which are offered, and whether the group could be read.
fn looks() -> impl Strategy<Value = Vec<(Vec<&'static str>, bool)>> {
    let look = (prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..=4), any::<bool>());
    prop::collection::vec(look, 1..10)
}

proptest! {
    #[test]
    fn nothing_retires_while_every_other_look_is_blind(looks in looks()) {
        let mut index = index(&["a", "b", "c", "d"]);
        for (number, (apps, _)) in (1..).zip(looks) {
            let unknown = if number % 2 == 0 { vec![forbidden(&group_id("office"))] } else { Vec::new() };
            let observation = look(&format!("r{number}"), number * 10);
            let plan = plan(&offering(&apps), &index, &unknown, &observation);
            prop_assert_eq!(&plan.retire, &[""; 0]);
            index.mark(&plan, &observation);
        }
    }

    #[test]
    fn every_package_of_the_index_counts_once(looks in looks(), before in prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..=4)) {
        let mut index = index(&before);
        for (number, (apps, readable)) in (1..).zip(looks) {
            let unknown = if readable { Vec::new() } else { vec![forbidden(&group_id("office"))] };
            let observation = look(&format!("r{number}"), number * 10);
            let plan = plan(&offering(&apps), &index, &unknown, &observation);
            let updated = plan.entries.iter().filter(|entry| entry.change == Change::Updated).count();
            let counted = plan.unchanged + plan.missing.len() + plan.retire.len() + plan.unknown + updated;
            prop_assert_eq!(counted, index.active());
            index.mark(&plan, &observation);
        }
    }
}
