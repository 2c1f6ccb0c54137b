use super::*;
use crate::ArmId;
use crate::package::MAX_REVISIONS;
use crate::package::Stage;
use crate::plan::{Defaults, Missing};
use crate::testing::{at, content, look, pool_id};
use proptest::prelude::*;

fn entry(description: &str) -> Entry {
    let content = PackageContent { description: Some(description.to_owned()), ..content("excel") };
    Entry { key: "excel".to_owned(), change: Change::Updated, content, defaults: Defaults::default() }
}

fn published(entry: &Entry, existing: Option<&Package>, observation: &Observation) -> Applied {
    publish(entry, "contoso", existing, 0, observation, at(9_999))
}

fn written(applied: Applied) -> Package {
    match applied {
        Applied::Write(package) => *package,
        other => panic!("not written: {other:?}"),
    }
}

/// A package that the first run created.
fn created() -> Package {
    written(published(&entry("first"), None, &look("r1", 10)))
}

#[test]
fn a_package_is_created_changed_retired_and_restored_and_remembers_it() {
    let mut package = created();
    package = written(published(&entry("second"), Some(&package), &look("r2", 20)));
    package = written(retire(Some(&package), &look("r3", 30), at(9_999)));
    assert_eq!(package.state, PackageState::Retired);
    package = written(published(&entry("second"), Some(&package), &look("r4", 40)));
    assert_eq!((package.state, package.observed_at), (PackageState::Active, at(41)));
    let history: Vec<_> = package.revisions.iter().map(|r| (r.number, r.change, r.fields.join(" "))).collect();
    assert_eq!(
        history,
        [
            (1, Change::Created, String::new()),
            (2, Change::Updated, "description".to_owned()),
            (3, Change::Retired, String::new()),
            (4, Change::Restored, String::new()),
        ]
    );
}

#[test]
fn a_message_that_comes_again_finds_what_it_did_before_however_late() {
    let first = created();
    let again = published(&entry("first"), Some(&first), &look("r1", 10));
    assert_eq!(again, Applied::Already(first.revisions[0].clone()));
    let second = written(published(&entry("second"), Some(&first), &look("r2", 20)));
    assert_eq!(published(&entry("first"), Some(&second), &look("r1", 10)), again);
    let gone = written(retire(Some(&second), &look("r3", 30), at(31)));
    assert_eq!(retire(Some(&gone), &look("r3", 30), at(32)), Applied::Already(gone.revisions[2].clone()));
}

#[test]
fn what_is_older_or_says_the_same_writes_nothing() {
    let package = written(published(&entry("new"), Some(&created()), &look("r5", 50)));
    assert_eq!(published(&entry("old"), Some(&package), &look("r4", 40)), Applied::Superseded);
    assert_eq!(retire(Some(&package), &look("r4", 40), at(60)), Applied::Superseded);
    assert_eq!(published(&entry("new"), Some(&package), &look("r6", 60)), Applied::Superseded);
    assert_eq!(retire(None, &look("r6", 60), at(60)), Applied::Superseded);
    let gone = written(retire(Some(&package), &look("r6", 60), at(61)));
    assert_eq!(retire(Some(&gone), &look("r7", 70), at(71)), Applied::Superseded);
    assert_eq!(published(&entry("new"), Some(&gone), &look("r4", 40)), Applied::Superseded);
}

#[test]
fn another_spelling_of_the_same_ids_is_no_change() {
    let mut entry = entry("first");
    entry.content.resource = ArmId::new(&entry.content.resource.as_str().to_uppercase());
    entry.content.host_pool.id = ArmId::new(&entry.content.host_pool.id.canonical());
    assert_eq!(published(&entry, Some(&created()), &look("r2", 20)), Applied::Superseded);
}

#[test]
fn the_connection_says_what_a_new_package_is_and_nothing_of_one_that_is_there() {
    let defaults = Defaults { stage: Stage::Test, managed: true };
    let package = written(published(&Entry { defaults, ..entry("first") }, None, &look("r1", 10)));
    assert_eq!((package.stage, package.managed, package.stage_since), (Stage::Test, true, Some(at(9_999))));
    let package = written(published(&entry("second"), Some(&package), &look("r2", 20)));
    assert_eq!((package.stage, package.managed), (Stage::Test, true));
    assert_eq!(package.revisions[1].fields, ["description"]);
}

#[test]
fn no_run_touches_an_unmanaged_package() {
    let mut package = Package { managed: false, ..created() };
    let mut moved = entry("second");
    moved.content.host_pool.id = pool_id("other");
    for entry in [entry("second"), moved] {
        assert_eq!(published(&entry, Some(&package), &look("r2", 20)), Applied::Superseded);
    }
    assert_eq!(retire(Some(&package), &look("r3", 30), at(31)), Applied::Superseded);
    package.state = PackageState::Retired;
    assert_eq!(published(&entry("second"), Some(&package), &look("r4", 40)), Applied::Superseded);
}

#[test]
fn what_a_person_retired_no_run_brings_back() {
    let mut package = created();
    package.put_away(Author::Person("ann"), at(15));
    assert_eq!(published(&entry("second"), Some(&package), &look("r2", 20)), Applied::Superseded);
    assert_eq!((package.retired_at, package.retired_by.as_deref()), (Some(at(15)), Some("ann")));
    let mut package = created();
    package.put_away(Author::Run("r2"), at(15));
    let back = written(published(&entry("first"), Some(&package), &look("r3", 30)));
    assert_eq!((back.state, back.retired_at), (PackageState::Active, None));
}

#[test]
fn a_package_that_was_purged_counts_its_revisions_on() {
    let package = written(publish(&entry("first"), "contoso", None, 7, &look("r9", 90), at(91)));
    assert_eq!((package.revision(), package.revisions[0].change), (8, Change::Created));
}

#[test]
fn an_index_remembers_what_stays_with_another_pool_until_it_no_longer_does() {
    let mut index = PoolIndex::new(pool_id("other"), "other".to_owned());
    let mut package = Package { managed: false, ..created() };
    assert!(index.record(&package));
    assert!(!index.record(&package));
    assert_eq!((index.rows.len(), index.elsewhere.contains("excel")), (0, true));
    package.managed = true;
    assert!(index.record(&package));
    assert!(index.elsewhere.is_empty());
}

#[test]
fn a_look_at_one_pool_retires_nothing_that_another_pool_offers() {
    let package = created();
    let of = |pool: &ArmId| Observation { pool: Some(pool_key(pool)), ..look("r2", 20) };
    assert_eq!(retire(Some(&package), &of(&pool_id("other")), at(30)), Applied::Superseded);
    written(retire(Some(&package), &of(&ArmId::new(&pool_id("HP").canonical())), at(30)));
}

#[test]
fn history_is_cut_at_its_old_end_and_numbers_go_on() {
    let mut package = created();
    for number in 2..=60 {
        let observation = look(&format!("r{number}"), number * 10);
        package = written(published(&entry(&number.to_string()), Some(&package), &observation));
    }
    assert_eq!(package.revisions.len(), MAX_REVISIONS);
    assert_eq!((package.revisions[0].number, package.revision()), (11, 60));
    // The first run is forgotten; its message is too old to do anything all the same.
    assert_eq!(package.revision_of("r1"), None);
    assert_eq!(published(&entry("first"), Some(&package), &look("r1", 10)), Applied::Superseded);
    assert_eq!(retire(Some(&package), &look("r1", 10), at(9_999)), Applied::Superseded);
}

fn index() -> PoolIndex {
    PoolIndex::new(pool_id("hp"), "hp".to_owned())
}

#[test]
fn the_index_takes_over_what_is_new_and_says_whether_it_did() {
    let first = created();
    let second = written(published(&entry("second"), Some(&first), &look("r2", 20)));
    let mut index = index();
    assert!(index.record(&second));
    assert!(!index.record(&second));
    assert!(!index.record(&first), "an older revision");
    assert_eq!(index.rows["excel"].revision, 2);
    assert_eq!(index.rows["excel"].content_sha256, second.content.sha256());
}

#[test]
fn a_late_message_does_not_forget_that_a_package_was_missed_since() {
    let package = created();
    let mut index = index();
    index.record(&package);
    let missing = Missing { run: "r2".to_owned(), observed_at: at(21) };
    index.rows.get_mut("excel").unwrap().missing = Some(missing.clone());
    assert!(!index.record(&package));
    assert_eq!(index.rows["excel"].missing, Some(missing));
    let seen_again = written(published(&entry("second"), Some(&package), &look("r3", 30)));
    index.record(&seen_again);
    assert_eq!(index.rows["excel"].missing, None);
}

#[test]
fn the_index_lets_go_of_a_package_that_moved_and_follows_its_pools_name() {
    let mut index = index();
    index.record(&created());
    let mut renamed = entry("second");
    renamed.content.host_pool.name = "Finance".to_owned();
    let renamed = written(published(&renamed, Some(&created()), &look("r2", 20)));
    index.record(&renamed);
    assert_eq!(index.label, "Finance");
    let mut moved = renamed.clone();
    moved.content.host_pool.id = pool_id("other");
    assert!(index.record(&moved));
    assert!(!index.record(&moved));
    assert_eq!(index.active(), 0);
}

/// What one run says about the package; `None` retires it.
type Said = Option<u8>;

fn apply(existing: Option<Package>, number: usize, said: Said) -> Option<Package> {
    let observation = look(&format!("r{number}"), number as i64 * 10);
    let applied = match said {
        Some(text) => published(&entry(&format!("{number}-{text}")), existing.as_ref(), &observation),
        None => retire(existing.as_ref(), &observation, at(9_999)),
    };
    match applied {
        Applied::Write(package) => Some(*package),
        Applied::Already(_) | Applied::Superseded => existing,
    }
}

proptest! {
    /// Several runs say something new each, one at most that the package is gone; their messages come in any order,
    /// and again. The first run's creation comes first: nothing else can be about a package that is not there.
    #[test]
    fn the_newest_look_has_the_last_word_whatever_the_order(
        texts in prop::collection::vec(any::<u8>(), 1..6),
        gone in prop::option::of(1_usize..6),
        order in prop::collection::vec(1_usize..6, 0..30),
    ) {
        let said: Vec<Said> = texts.iter().enumerate().map(|(n, text)| Some(*text).filter(|_| n == 0 || gone != Some(n))).collect();
        let run = |order: &[usize]| {
            order.iter().filter(|n| **n < said.len()).fold(apply(None, 0, said[0]), |package, n| apply(package, *n, said[*n]))
        };
        let straight: Vec<usize> = (1..said.len()).collect();
        let in_order = run(&straight).unwrap();
        let last = said.len() - 1;
        prop_assert_eq!(in_order.observed_at, look("", last as i64 * 10).observed_at);
        prop_assert_eq!(in_order.state == PackageState::Retired, said[last].is_none());

        let shuffled = run(&[order, straight].concat()).unwrap();
        prop_assert_eq!((shuffled.state, shuffled.observed_at), (in_order.state, in_order.observed_at));
        if in_order.state == PackageState::Active {
            prop_assert_eq!(&shuffled.content, &in_order.content);
        }
        let runs: Vec<&str> = shuffled.revisions.iter().map(|revision| revision.run.as_deref().unwrap()).collect();
        let once: std::collections::BTreeSet<&str> = runs.iter().copied().collect();
        prop_assert_eq!(once.len(), runs.len(), "one revision a run");
        let numbers: Vec<u64> = shuffled.revisions.iter().map(|revision| revision.number).collect();
        prop_assert_eq!(numbers, (1..=runs.len() as u64).collect::<Vec<_>>());
    }
}
