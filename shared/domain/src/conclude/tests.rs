use super::*;
use crate::plan::PoolPlan;
use crate::report::{PackageCounts, PartOutcome};
use crate::run::Trigger;
use crate::testing::{at, forbidden, look, pool_id};
use crate::{ArmId, Unreadable, Why};
use std::collections::BTreeMap;

fn run(pools: &[PoolReport], carried: &[(&str, usize)]) -> Run {
    let carried = carried.iter().map(|(key, packages)| {
        let pool = BaselinePool {
            fingerprint: "same".to_owned(),
            resources: *packages,
            session_hosts: Some(2),
            packages: *packages,
            not_published: Vec::new(),
        };
        ((*key).to_owned(), pool)
    });
    let mut run = Run::new("r2".to_owned(), "contoso", Trigger::Timer, Source::Azure, at(20));
    run.discovered = Some(Discovered {
        pools: pools.iter().map(|pool| pool.pool.clone()).collect(),
        carried: carried.collect(),
        ..Discovered::default()
    });
    run
}

fn end(pools: &[PoolReport], carried: &[(&str, usize)]) -> Ending {
    conclude(&run(pools, carried), pools, Brake::default(), "policy".to_owned(), None)
}

/// A pool with nothing to do but what the plan says.
fn pool(key: &str, active: usize, plan: &PoolPlan) -> PoolReport {
    let mut report = PoolReport::new(key, look("r2", 20), plan, active, Vec::new());
    report.fingerprint = Some(format!("fingerprint of {key}"));
    report.session_hosts = Some(3);
    report
}

fn retiring(count: usize) -> PoolPlan {
    PoolPlan { retire: (0..count).map(|n| format!("package-{n}")).collect(), ..PoolPlan::default() }
}

fn planning(report: &mut PoolReport, entries: usize, outcome: PartOutcome) {
    report.plan.entries = entries;
    report.parts = BTreeMap::from([(0, outcome)]);
}

#[test]
fn every_package_is_counted_once() {
    let mut busy =
        pool("busy", 9, &PoolPlan { unchanged: 2, missing: vec!["m".to_owned()], unknown: 1, ..retiring(1) });
    planning(
        &mut busy,
        5,
        PartOutcome { created: 1, updated: 2, restored: 1, superseded: 1, ..PartOutcome::default() },
    );
    let report = end(&[busy], &[("carried", 4)]).report;
    let expected = PackageCounts { created: 1, updated: 3, unchanged: 8, retired: 1, held: 0, waiting: 0, unknown: 1 };
    assert_eq!(report.packages, expected);
    assert_eq!((report.pools.found, report.pools.read, report.pools.unknown), (2, 2, 0));
    assert_eq!(report.session_hosts, 5);
    assert_eq!(report.status, Status::Complete);
}

#[test]
fn the_brake_looks_at_the_whole_connection_and_retires_nothing_while_it_holds() {
    for (pools, carried, held) in [
        (vec![pool("a", 5, &retiring(5))], 0, false),
        (vec![pool("a", 6, &retiring(6))], 0, true),
        (vec![pool("a", 3, &retiring(3)), pool("b", 3, &retiring(3))], 0, true),
        (vec![pool("a", 6, &retiring(6))], 24, false),
        (vec![pool("a", 6, &retiring(6))], 23, true),
        (vec![pool("a", 6, &retiring(6)), pool("b", 24, &PoolPlan::default())], 0, false),
    ] {
        let ending = end(&pools, &[("carried", carried)]);
        assert_eq!(ending.report.status == Status::Held, held);
        assert_eq!(ending.retire.is_empty(), held);
        let PackageCounts { retired, held: waiting, .. } = ending.report.packages;
        assert_eq!(
            if held { waiting } else { retired },
            pools.iter().map(|pool| pool.plan.retire.len()).sum::<usize>()
        );
        assert_eq!(if held { retired } else { waiting }, 0);
    }
}

#[test]
fn a_person_lets_a_held_run_go_on() {
    let pools = [pool("a", 6, &retiring(6))];
    let approved = Run { approved_at: Some(at(99)), ..run(&pools, &[]) };
    let ending = conclude(&approved, &pools, Brake::default(), String::new(), None);
    assert_eq!((ending.report.status, ending.report.packages.retired), (Status::Complete, 6));
    let (pool, packages, observation) = &ending.retire[0];
    assert_eq!((pool.as_str(), packages.len(), observation.pool.as_deref()), ("a", 6, Some("a")));
}

#[test]
fn what_could_not_be_read_or_written_makes_a_run_incomplete_and_is_told_once() {
    let why = |detail: &str| UnknownScope { scope: pool_id("p"), reason: Unreadable::new(Why::Failed, detail) };
    let mut dark = pool("p", 1, &PoolPlan { unknown: 1, ..PoolPlan::default() });
    dark.unknown = vec![why("one"), why("two")];
    let dark_too =
        PoolReport { pool: "q".to_owned(), unknown: vec![why("one"), forbidden(&ArmId::new("/a"))], ..dark.clone() };
    let report = end(&[dark, dark_too], &[]).report;
    let told: Vec<String> = report.unknown_scopes.iter().map(|scope| scope.reason.clone()).collect();
    assert_eq!(told, ["forbidden: 403", "failed: one", "failed: two"]);
    assert_eq!((report.status, report.pools.unknown), (Status::Incomplete, 2));

    let mut failed = pool("p", 0, &PoolPlan::default());
    let reasons = BTreeMap::from([("excel".to_owned(), "too large".to_owned())]);
    planning(&mut failed, 1, PartOutcome { failed: reasons.clone(), ..PartOutcome::default() });
    let report = end(&[failed], &[]).report;
    assert_eq!((report.status, report.failed_packages), (Status::Incomplete, reasons));
}

#[test]
fn only_what_is_settled_is_taken_for_granted_next_time() {
    let with = |change: &dyn Fn(&mut PoolReport)| {
        let mut report = pool("p", 2, &PoolPlan { unchanged: 2, ..PoolPlan::default() });
        change(&mut report);
        report
    };
    let outcome = PartOutcome::default;
    for (settled, story, report) in [
        (Some(2), "nothing to do", with(&|_| ())),
        (Some(3), "one created", with(&|report| planning(report, 1, PartOutcome { created: 1, ..outcome() }))),
        (None, "something unknown", with(&|report| report.unknown.push(forbidden(&pool_id("p"))))),
        (None, "a first miss", with(&|report| report.plan.missing = 1)),
        (None, "something to retire", with(&|report| report.plan.retire.push("x".to_owned()))),
        (None, "something newer", with(&|report| planning(report, 1, PartOutcome { superseded: 1, ..outcome() }))),
        (None, "a part that never came", with(&|report| report.plan.entries = 1)),
        (None, "half of a part", with(&|report| planning(report, 2, PartOutcome { updated: 1, ..outcome() }))),
        (
            None,
            "given up",
            with(&|report| {
                report.plan.entries = 1;
                report.give_up("tired");
            }),
        ),
        (None, "a pool that is gone", with(&|report| report.fingerprint = None)),
    ] {
        let baseline = end(&[report], &[("carried", 4)]).baseline.unwrap();
        assert_eq!(baseline.pools.get("p").map(|pool| pool.packages), settled, "{story}");
        assert_eq!(baseline.pools["carried"].packages, 4, "{story}");
    }
}

#[test]
fn a_full_read_is_remembered_and_files_vouch_for_nothing() {
    let mut full = run(&[], &[]);
    full.discovered.as_mut().unwrap().full = true;
    let previous = Baseline { full_at: at(5), ..end(&[], &[]).baseline.unwrap() };
    let full_at = |run: &Run, previous| {
        conclude(run, &[], Brake::default(), String::new(), previous).baseline.map(|baseline| baseline.full_at)
    };
    assert_eq!(full_at(&full, Some(&previous)), Some(at(20)));
    assert_eq!(full_at(&run(&[], &[]), Some(&previous)), Some(at(5)));
    let files = Run { source: Source::Directory("export".into()), ..run(&[], &[]) };
    assert_eq!(full_at(&files, None), None);
}

#[test]
fn a_limited_run_vouches_for_nothing_and_the_brake_counts_the_whole_connection() {
    let limited = |pools: &[PoolReport], whole: Option<&Baseline>| {
        let run = run(pools, &[]).limited_to(&[pool_id("hp")]);
        conclude(&run, pools, Brake::default(), "policy".to_owned(), whole)
    };
    let shrinking = [pool("hp", 10, &retiring(6))];
    let whole = end(
        &[pool("hp", 10, &PoolPlan::default()), pool("other", 90, &PoolPlan { unchanged: 90, ..PoolPlan::default() })],
        &[],
    );
    let ending = limited(&shrinking, whole.baseline.as_ref());
    assert_eq!((ending.report.status, ending.report.packages.retired), (Status::Complete, 6), "6 of 100");
    assert_eq!((ending.report.pools.found, ending.report.only), (1, vec![pool_id("hp")]));
    assert_eq!(ending.baseline, None);
    let alone = limited(&shrinking, None);
    assert_eq!((alone.report.status, alone.retire), (Status::Held, vec![]), "6 of 10, as far as anybody knows");
}
