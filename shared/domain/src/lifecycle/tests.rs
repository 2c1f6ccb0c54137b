use super::*;
use crate::assignment::{IdentityType, Publish};
use crate::catalogue::{self, Applied};
use crate::package::{PackageContent, Revision};
use crate::plan::{Defaults, Entry};
use crate::testing::{at, content, look, package as active};
use jiff::SignedDuration;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const HOUR: i64 = 3_600;

/// A package in a stage since the tests' beginning.
fn package(stage: Stage) -> Package {
    Package { stage, ..active("excel") }
}

fn wish(to: Option<Stage>, who: &str, hour: i64) -> Wish<'_> {
    Wish { to, who, now: at(hour * HOUR) }
}

fn rules(stage: Stage, by: &[&str], hours: i64, approval: bool) -> Rules {
    let by = by.iter().map(ToString::to_string).collect();
    Rules(BTreeMap::from([(stage, Rule { by, after: SignedDuration::from_hours(hours), approval })]))
}

fn written(decided: Result<Decided, Refusal>) -> Package {
    match decided {
        Ok(Decided::Write(package)) => *package,
        other => panic!("not written: {other:?}"),
    }
}

fn last(package: &Package) -> &Revision {
    package.revisions.last().unwrap()
}

#[test]
fn a_package_goes_its_way_step_by_step_and_back() {
    let mut package = package(Stage::Development);
    for stage in [Stage::Test, Stage::Acceptance, Stage::Production] {
        package = written(promote(&package, wish(None, "ann", 1), false, &Rules::default()));
        assert_eq!(
            (package.stage, last(&package).stage, last(&package).change),
            (stage, Some(stage), Change::Promoted)
        );
        assert_eq!((last(&package).by.as_deref(), last(&package).run.as_deref()), (Some("ann"), None));
    }
    assert_eq!(promote(&package, wish(None, "ann", 1), false, &Rules::default()), Err(Refusal::LastStage));
    package = written(demote(&package, wish(None, "ann", 2), &Rules::default()));
    assert_eq!((package.stage, package.stage_since), (Stage::Acceptance, Some(at(2 * HOUR))));
    package = written(demote(&package, wish(Some(Stage::Development), "ann", 2), &Rules::default()));
    assert_eq!(demote(&package, wish(None, "ann", 2), &Rules::default()), Err(Refusal::FirstStage));
    let numbers: Vec<u64> = package.revisions.iter().map(|revision| revision.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn promoting_twice_is_promoting_once_and_the_wrong_way_is_named() {
    let test = Some(Stage::Test);
    let once = written(promote(&package(Stage::Development), wish(test, "ann", 1), false, &Rules::default()));
    assert_eq!(promote(&once, wish(test, "ann", 2), false, &Rules::default()), Ok(Decided::Already));
    assert_eq!(demote(&once, wish(test, "ann", 2), &Rules::default()), Ok(Decided::Already));
    let behind = promote(&once, wish(Some(Stage::Development), "ann", 2), false, &Rules::default());
    assert!(behind.unwrap_err().to_string().contains("`packages demote --to Development`"));
    let ahead = demote(&once, wish(Some(Stage::Production), "ann", 2), &Rules::default());
    assert!(ahead.unwrap_err().to_string().contains("`packages promote --to Production`"));
}

#[test]
fn rules_say_who_may_after_how_long_and_by_what_stage() {
    let (to, ops) = (Some(Stage::Production), &["ops@*", "cab"][..]);
    for (stage, who, hour, rules, refused) in [
        (Stage::Acceptance, "OPS@contoso.com", 1, rules(Stage::Production, ops, 0, false), None),
        (Stage::Acceptance, "ann", 1, rules(Stage::Production, ops, 0, false), Some("ann may not: into Production")),
        (Stage::Acceptance, "ann", 1, rules(Stage::Production, ops, 0, false), Some("by ops@*, cab")),
        (Stage::Test, "ann", 1, rules(Stage::Acceptance, ops, 0, false), Some("into Acceptance")),
        (Stage::Acceptance, "ann", 1, rules(Stage::Acceptance, ops, 9, true), None),
        (Stage::Acceptance, "ann", 71, rules(Stage::Production, &[], 72, false), Some("72h in Acceptance")),
        (Stage::Acceptance, "ann", 71, rules(Stage::Production, &[], 72, false), Some("2027-01-18T08:00:00Z at the")),
        (Stage::Acceptance, "ann", 72, rules(Stage::Production, &[], 72, false), None),
        (Stage::Test, "ann", 99, rules(Stage::Production, &[], 72, false), Some("promote it there first")),
        (Stage::Acceptance, "ann", 9, rules(Stage::Production, &[], i64::MAX / HOUR, false), Some("at the earliest")),
    ] {
        let decided = promote(&package(stage), wish(to, who, hour), false, &rules);
        match (decided, refused) {
            (Err(refusal), Some(said)) => assert!(refusal.to_string().contains(said), "{said:?}: {refusal}"),
            (Ok(Decided::Write(promoted)), None) => assert_eq!(promoted.stage, Stage::Production),
            (other, _) => panic!("{who} at {hour} h with {refused:?}: {other:?}"),
        }
    }
    let in_production = package(Stage::Production);
    let by_others = demote(&in_production, wish(None, "ann", 1), &rules(Stage::Production, ops, 72, true));
    assert!(matches!(by_others, Err(Refusal::NotAllowed { .. })), "{by_others:?}");
    written(demote(&in_production, wish(None, "cab", 1), &rules(Stage::Production, ops, 72, true)));
}

#[test]
fn where_a_rule_wants_approval_somebody_else_gives_it() {
    let rules = rules(Stage::Production, &[], 0, true);
    let nothing = promote(&package(Stage::Acceptance), wish(None, "bob", 1), true, &rules);
    assert_eq!(nothing, Err(Refusal::NothingRequested));
    let waiting = written(promote(&package(Stage::Acceptance), wish(None, "ann", 1), false, &rules));
    assert_eq!((waiting.stage, last(&waiting).change), (Stage::Acceptance, Change::Requested));
    assert_eq!(waiting.requested.as_ref().unwrap().to, Stage::Production);
    for who in ["ann", "bob"] {
        assert_eq!(
            promote(&waiting, wish(None, who, 2), false, &rules),
            Ok(Decided::Already),
            "asking is not approving"
        );
    }
    let own = promote(&waiting, wish(None, "ANN", 2), true, &rules);
    assert_eq!(own, Err(Refusal::OwnRequest { who: "ANN".to_owned() }));
    let other = promote(&waiting, wish(Some(Stage::Test), "bob", 2), true, &rules);
    assert_eq!(other, Err(Refusal::OtherRequested { requested: Stage::Production }));
    let promoted = written(promote(&waiting, wish(None, "bob", 2), true, &rules));
    assert_eq!((promoted.stage, promoted.requested.as_ref()), (Stage::Production, None));
    assert_eq!(promote(&promoted, wish(Some(Stage::Production), "bob", 3), true, &rules), Ok(Decided::Already));

    let demoted = written(demote(&waiting, wish(None, "bob", 2), &rules));
    assert_eq!(demoted.requested, None, "a request ends where the package goes another way");
    let Decided::Write(retired) = retire(&waiting, "bob", at(9)) else { panic!("not written") };
    assert_eq!(retired.requested, None);
}

#[test]
fn what_follows_its_source_is_not_edited_until_it_no_longer_does() {
    let name = |name: &str| Edit { display_name: Some(name.to_owned()), ..Edit::default() };
    let refused = edit(&package(Stage::Test), &name("Excel"), "ann", at(1)).unwrap_err().to_string();
    assert_eq!(refused, "it follows its source, which says display_name; `packages edit --managed false` first");
    let free = Edit { managed: Some(false), ..name(" Excel\u{202E} 2 ") };
    let edited = written(edit(&package(Stage::Test), &free, "ann", at(1)));
    assert_eq!((edited.content.display_name.as_str(), edited.managed), ("Excel 2", false));
    assert_eq!((last(&edited).change, last(&edited).fields.join(" ")), (Change::Edited, "display_name managed".into()));
    assert_eq!(edit(&edited, &free, "ann", at(2)), Ok(Decided::Already));
    let categories = |all: &[&str]| Edit {
        categories: Some(all.iter().map(ToString::to_string).collect()),
        description: Some(String::new()),
        ..Edit::default()
    };
    let edited = written(edit(&edited, &categories(&["Office", "Office", "Tools"]), "ann", at(3)));
    assert_eq!((edited.content.categories.join(" "), &edited.content.description), ("Office Tools".to_owned(), &None));
    let edited = written(edit(&edited, &categories(&[]), "ann", at(4)));
    assert_eq!((last(&edited).fields.join(" "), edited.content.categories.len()), ("categories".to_owned(), 0));
    let both = Edit { managed: Some(true), ..name("Excel") };
    assert!(matches!(edit(&edited, &both, "ann", at(5)), Err(Refusal::Managed { .. })));
    let long = "x".repeat(201);
    for odd in ["", "\u{200B}", &long] {
        assert!(matches!(edit(&edited, &name(odd), "ann", at(5)), Err(Refusal::Text { .. })), "{odd:?}");
    }
    let many: Vec<&str> = vec!["x"; MAX_CATEGORIES + 1];
    assert!(matches!(edit(&edited, &categories(&many), "ann", at(5)), Err(Refusal::Text { .. })));
}

fn assignment(identity: &str, stage: Stage) -> Assignment {
    Assignment {
        identity: identity.to_owned(),
        kind: IdentityType::User,
        stage,
        publish: Publish::Catalog,
        icons: BTreeSet::new(),
        by: "eve".to_owned(),
        at: at(5),
    }
}

#[test]
fn an_identity_is_assigned_once_and_taken_back_whatever_its_spelling() {
    let one = written(assign(&package(Stage::Test), &assignment("ann@contoso.com", Stage::Test)));
    assert_eq!(assign(&one, &assignment("ANN@contoso.com", Stage::Test)), Ok(Decided::Already));
    let changed = written(assign(&one, &assignment("ANN@contoso.com", Stage::Development)));
    assert_eq!(changed.assigned, [assignment("ANN@contoso.com", Stage::Development)]);
    let none = written(unassign(&changed, "Ann@Contoso.com", "eve", at(6)));
    assert_eq!((none.assigned.len(), none.revision()), (0, 4));
    let again = unassign(&none, "ann@contoso.com", "eve", at(7));
    assert_eq!(again, Err(Refusal::NotAssigned { identity: "ann@contoso.com".to_owned() }));
    for odd in ["", "a b", "a\nb", &"x".repeat(MAX_IDENTITY_CHARS + 1)] {
        assert!(matches!(assign(&none, &assignment(odd, Stage::Test)), Err(Refusal::Text { .. })), "{odd:?}");
    }
    let mut full = none;
    full.assigned = (0..MAX_ASSIGNED).map(|n| assignment(&n.to_string(), Stage::Test)).collect();
    assert_eq!(assign(&full, &assignment("one-more", Stage::Test)), Err(Refusal::TooManyAssigned));
    written(assign(&full, &assignment("0", Stage::Production)));
}

#[test]
fn what_a_person_retires_only_a_person_restores() {
    let Decided::Write(gone) = retire(&package(Stage::Test), "ann", at(5)) else { panic!("not written") };
    assert_eq!(retire(&gone, "bob", at(6)), Decided::Already);
    assert_eq!((gone.retired_at, gone.retired_by.as_deref()), (Some(at(5)), Some("ann")));
    assert!(matches!(promote(&gone, wish(None, "ann", 6), false, &Rules::default()), Err(Refusal::Retired)));
    let Decided::Write(back) = restore(&gone, "bob", at(7)) else { panic!("not written") };
    assert_eq!((back.state, back.retired_at, back.retired_by.as_deref()), (PackageState::Active, None, None));
    assert_eq!(restore(&back, "bob", at(8)), Decided::Already);
    // What a run has retired, a person can keep in the bin.
    let observation = look("r1", 10);
    let Applied::Write(gone) = catalogue::retire(Some(&package(Stage::Test)), &observation, at(11)) else { panic!() };
    assert!(!gone.stays());
    let Decided::Write(kept) = retire(&gone, "ann", at(12)) else { panic!("not written") };
    assert!(kept.stays());
}

#[test]
fn only_what_is_retired_for_long_enough_may_be_purged() {
    assert_eq!(may_be_purged(&package(Stage::Test), None), Err(Refusal::Active));
    let Decided::Write(mut gone) = retire(&package(Stage::Test), "ann", at(50)) else { panic!("not written") };
    for (before, may) in [(None, true), (Some(at(50)), true), (Some(at(49)), false)] {
        assert_eq!(may_be_purged(&gone, before).is_ok(), may);
        let retired_at = gone.retired_at.take();
        assert_eq!(may_be_purged(&gone, before).is_ok(), may, "by its last revision");
        gone.retired_at = retired_at;
    }
}

#[test]
fn an_index_forgets_what_was_purged_and_not_what_came_since() {
    let Decided::Write(gone) = retire(&package(Stage::Test), "ann", at(50)) else { panic!("not written") };
    let mut index = PoolIndex::new(gone.content.host_pool.id.clone(), "hp".to_owned());
    index.record(&gone);
    assert!(!index.forget("excel", 1), "it is newer than what was purged");
    assert!(index.forget("excel", 2));
    index.elsewhere.insert("excel".to_owned());
    assert!(index.forget("excel", 2));
    index.record(&package(Stage::Test));
    assert!(!index.forget("excel", 2), "it is offered again");
}

/// What a person or a run does.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Promote,
    Demote,
    Assign,
    Keep,
    Retire,
    Restore,
    Offered(u8),
    Missed,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    use Deed::{Assign, Demote, Keep, Missed, Offered, Promote, Restore, Retire};
    let person = prop::sample::select(vec![Promote, Demote, Assign, Keep, Retire, Restore]);
    let deed = prop_oneof![3 => person, 2 => (0..3_u8).prop_map(Offered), 1 => Just(Missed)];
    prop::collection::vec(deed, 1..12)
}

fn done(package: &Package, deed: Deed, number: i64) -> Option<Package> {
    let (wish, now) = (Wish { to: Some(Stage::Test), who: "ann", now: at(number * 10) }, at(number * 10));
    let observation = look(&format!("r{number}"), number * 10);
    let decided = match deed {
        Deed::Promote => promote(package, wish, false, &Rules::default()),
        Deed::Demote => demote(package, Wish { to: Some(Stage::Development), ..wish }, &Rules::default()),
        Deed::Assign => assign(package, &assignment("bob", Stage::Test)),
        Deed::Keep => edit(package, &Edit { managed: Some(false), ..Edit::default() }, "ann", now),
        Deed::Retire => Ok(retire(package, "ann", now)),
        Deed::Restore => Ok(restore(package, "ann", now)),
        Deed::Offered(said) => {
            let content = PackageContent { description: Some(said.to_string()), ..content("excel") };
            let entry = Entry { key: "excel".into(), change: Change::Updated, content, defaults: Defaults::default() };
            return match catalogue::publish(&entry, "contoso", Some(package), 0, &observation, now) {
                Applied::Write(package) => Some(*package),
                _ => None,
            };
        }
        Deed::Missed => {
            return match catalogue::retire(Some(package), &observation, now) {
                Applied::Write(package) => Some(*package),
                _ => None,
            };
        }
    };
    match decided {
        Ok(Decided::Write(package)) => Some(*package),
        _ => None,
    }
}

proptest! {
    #[test]
    fn whatever_is_done_is_done_once_and_counted_without_gaps(deeds in deeds()) {
        let mut package = package(Stage::Development);
        for (number, deed) in (1..).zip(deeds) {
            let before = package.clone();
            let Some(after) = done(&package, deed, number) else { continue };
            prop_assert_eq!(done(&after, deed, number), None, "{:?} again", deed);
            prop_assert_eq!(after.revision(), before.revision() + 1);
            if matches!(deed, Deed::Offered(_) | Deed::Missed) {
                prop_assert!(!before.stays(), "a run changed what a person keeps");
                prop_assert_eq!((after.stage, &after.assigned), (before.stage, &before.assigned));
            } else {
                prop_assert_eq!(&after.content, &before.content);
                prop_assert_eq!(after.observed_at, before.observed_at);
            }
            package = after;
        }
    }

    #[test]
    fn a_persons_change_and_a_runs_converge_in_any_order(said in 0..3_u8, which in 0..3_usize) {
        let person = [Deed::Promote, Deed::Demote, Deed::Assign][which];
        let run = Deed::Offered(said);
        let apply = |order: [Deed; 2]| {
            let start = package(Stage::Acceptance);
            let mut package = start;
            for deed in order {
                package = done(&package, deed, 7).unwrap_or(package);
            }
            Package { revisions: Vec::new(), ..package }
        };
        prop_assert_eq!(apply([person, run]), apply([run, person]));
    }
}
