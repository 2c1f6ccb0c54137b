use super::*;
use crate::health::HealthState;
use poolwarden_domain::dead_letter::{Corpse, DeadLetter, Death, Kind};
use poolwarden_domain::report::ConnectionReport;
use poolwarden_domain::run::{Finished, Source, Trigger};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn run(begun: i64, ended: Option<Ending>) -> Run {
    let mut run = Run::new(format!("r{begun}"), "c", Trigger::Timer, Source::Azure, at(begun));
    let report = |status| ConnectionReport::new("c", status);
    run.finished = ended.map(|status| Finished { at: at(begun + 10), report: report(status) });
    run
}

const EVERY_QUARTER: &str = "0 */15 * * * *";

fn found(runs: Vec<Run>) -> Found {
    let open = runs.iter().rev().find(|run| run.finished.is_none()).cloned();
    let (schedule, dead_letters) = (EVERY_QUARTER.to_owned(), DeadLetters::default());
    Found {
        name: "c".into(),
        enabled: true,
        schedule,
        health: None,
        runs,
        open,
        promotions: Vec::new(),
        dead_letters,
        targets: Vec::new(),
    }
}

fn status_at(now: i64, found: Found, dead_letters: DeadLetters) -> Status {
    judge(Facts { now: at(now), connections: vec![found], dead_letters })
}

fn healthy(state: HealthState, ends_at: Option<Timestamp>) -> Health {
    let written = serde_json::json!({"state": state, "since": at(0), "detail": null, "ends_at": ends_at});
    serde_json::from_value(written).unwrap()
}

fn status(runs: Vec<Run>, health: Option<HealthState>, waiting: usize) -> Status {
    let health = health.map(|state| healthy(state, None));
    status_at(1_000, Found { health, ..found(runs) }, DeadLetters { waiting, retrying: 1, stuck: 0 })
}

#[test]
fn a_connection_whose_last_run_was_complete_is_well() {
    let status = status(vec![run(900, None), run(500, Some(Ending::Complete))], Some(HealthState::Valid), 0);
    assert!(status.healthy, "{status:?}");
    let connection = &status.connections[0];
    assert_eq!(connection.running_since, Some(at(900)));
    assert_eq!(connection.last_good_run.as_ref().map(|line| (line.run.as_str(), line.age_s)), Some(("r500", 490)));
}

#[test]
fn a_promotion_that_waits_for_approval_waits_for_a_person() {
    let waiting = |keys: &[&str]| {
        let promotions = keys.iter().map(ToString::to_string).collect();
        let found = Found { promotions, ..found(vec![run(500, Some(Ending::Complete))]) };
        status_at(1_000, found, DeadLetters::default()).attention
    };
    assert_eq!(waiting(&[]), [""; 0]);
    let one = waiting(&["excel-1"]);
    assert_eq!(one, ["c: the promotion of excel-1 waits for approval: `poolwarden packages show excel-1`"]);
    assert_eq!(waiting(&["a", "b"]), ["c: 2 promotions wait for approval: `poolwarden packages list`"]);
}

#[test]
fn a_run_of_a_few_pools_says_nothing_about_the_connection_unless_it_is_held() {
    let part = |begun, ended| run(begun, Some(ended)).limited_to(&[poolwarden_domain::ArmId::new("/pools/1")]);
    let before = status(vec![run(500, Some(Ending::Complete))], None, 0);
    for ended in [Ending::Complete, Ending::Incomplete, Ending::Failed] {
        assert_eq!(status(vec![part(700, ended), run(500, Some(Ending::Complete))], None, 0), before, "{ended:?}");
    }
    let held =
        status(vec![part(800, Ending::Complete), part(700, Ending::Held), run(500, Some(Ending::Complete))], None, 0);
    assert_eq!(held.connections[0].held.as_deref(), Some("r700"));
    let over = status(vec![run(900, Some(Ending::Complete)), part(700, Ending::Held)], None, 0);
    assert_eq!(over.connections[0].held, None, "a whole run has ended since");
}

#[test]
fn one_that_never_ran_is_well_too() {
    assert!(status(Vec::new(), None, 0).healthy);
}

#[test]
fn everything_that_waits_for_a_person_is_said() {
    let complete = || run(500, Some(Ending::Complete));
    for (runs, health, waiting, said) in [
        (vec![complete()], Some(HealthState::NeedsAttention), 0, "cannot sign in"),
        (vec![run(600, Some(Ending::Held)), complete()], None, 0, "is held"),
        (vec![run(600, Some(Ending::Incomplete)), complete()], None, 0, "not complete"),
        (vec![run(600, Some(Ending::Failed)), complete()], None, 0, "not complete"),
        (vec![complete()], None, 3, "3 dead letters"),
    ] {
        let status = status(runs, health, waiting);
        assert!(!status.healthy && status.attention.len() == 1 && status.attention[0].contains(said), "{status:?}");
    }
}

#[test]
fn a_secret_that_ends_soon_is_said_with_its_day_and_where_to_make_another() {
    let health = Some(healthy(HealthState::Expiring, Some(at(1_000 + 12 * 86_400))));
    let found = Found { health, ..found(vec![run(500, Some(Ending::Complete))]) };
    let said = status_at(1_000, found, DeadLetters::default()).attention;
    assert!(said.len() == 1 && said[0].contains("1970-01-13") && said[0].contains("in 12 days"), "{said:?}");
    assert!(said[0].contains("Certificates & secrets"), "{said:?}");
}

#[test]
fn who_cannot_sign_in_still_has_a_held_run() {
    let runs = vec![run(600, Some(Ending::Held)), run(500, Some(Ending::Complete))];
    let both = status(runs, Some(HealthState::NeedsAttention), 0);
    assert_eq!(both.attention.len(), 2, "{both:?}");
    assert!(both.attention[0].contains("cannot sign in") && both.attention[1].contains("r600 is held"), "{both:?}");
}

#[test]
fn a_run_that_has_not_ended_for_hours_is_complained_of() {
    let runs = || vec![run(6_900, Some(Ending::Complete)), run(100, None)];
    assert!(status_at(7_300, found(runs()), DeadLetters::default()).healthy);
    let stalled = status_at(7_301, found(runs()), DeadLetters::default());
    assert!(stalled.attention.len() == 1 && stalled.attention[0].contains("run r100 began"), "{stalled:?}");
}

#[test]
fn an_enabled_connection_without_a_good_run_for_long_is_complained_of() {
    let good = || run(890, Some(Ending::Complete));
    let said = |now, found| status_at(now, found, DeadLetters::default()).attention;
    // It ended at 900 and was due at 1800, 2700, 3600 and 4500.
    assert_eq!(said(4_500, found(vec![good()])), [""; 0]);
    let idle = said(4_501, found(vec![good()]));
    assert_eq!(idle, ["c: no good run since 1970-01-01T00:15:00Z; is the process that serves running?"]);
    assert_eq!(said(4_501, Found { enabled: false, ..found(vec![good()]) }), [""; 0]);
    assert_eq!(said(4_501, found(vec![run(4_000, None), good()])), [""; 0], "one is under way");
    let part = run(4_000, None).limited_to(&[poolwarden_domain::ArmId::new("/pools/1")]);
    assert_eq!(said(4_501, found(vec![part, good()])), idle, "a limited one is no substitute");

    let failing = said(4_501, found(vec![run(4_000, Some(Ending::Failed)), good()]));
    assert_eq!(failing[1..], ["c: no good run since 1970-01-01T00:15:00Z"], "something does serve");
    let never = said(4_501, found(vec![run(900, Some(Ending::Failed))]));
    assert_eq!(never[1..], ["c: no good run since 1970-01-01T00:15:00Z"]);
}

#[test]
fn a_schedule_may_rest_over_the_weekend_or_tick_every_second() {
    let said = |schedule: &str, now: &str| {
        let good = Run::new("r".into(), "c", Trigger::Timer, Source::Azure, "2026-11-20T17:59:00Z".parse().unwrap());
        let ended = "2026-11-20T18:00:00Z".parse().unwrap();
        let finished = Some(Finished { at: ended, report: ConnectionReport::new("c", Ending::Complete) });
        let found = Found { schedule: schedule.into(), ..found(vec![Run { finished, ..good }]) };
        let now: Timestamp = now.parse().unwrap();
        status_at(now.as_second(), found, DeadLetters::default()).attention.len()
    };
    let work_hours = "0 0 8-18 * * 1-5";
    assert_eq!(said(work_hours, "2026-11-23T11:00:00Z"), 0, "a Monday");
    assert_eq!(said(work_hours, "2026-11-23T11:00:01Z"), 1);
    assert_eq!(said("* * * * * *", "2026-11-20T19:00:00Z"), 0);
    assert_eq!(said("* * * * * *", "2026-11-20T19:00:01Z"), 1);
}

fn letter(body: &str, kind: Kind) -> DeadLetter {
    let corpse = Corpse { queue: "q", message: body, body, kind, enqueued_at: at(0), given_up: false };
    DeadLetter::died(None, &corpse, Death { at: at(0), reason: "why".into(), delivery_count: 10 }).unwrap()
}

#[test]
fn dead_letters_are_counted_for_each_connection_and_for_the_store() {
    let letters = [
        letter(r#"{"poolwarden": {"run": "r", "connection": "a"}}"#, Kind::Permanent),
        letter(r#"{"poolwarden": {"run": "s", "connection": "a"}}"#, Kind::Transient),
        letter(r#"{"poolwarden": {"run": "r", "connection": "b"}}"#, Kind::Permanent),
        letter("nonsense", Kind::Malformed),
    ];
    let (total, of_connections) = gather::count(&letters, at(10));
    assert_eq!(total, DeadLetters { waiting: 3, retrying: 1, stuck: 0 });
    assert_eq!(of_connections["a"], DeadLetters { waiting: 1, retrying: 1, stuck: 0 });
    assert_eq!(of_connections["b"], DeadLetters { waiting: 1, retrying: 0, stuck: 0 });
    assert_eq!(of_connections.len(), 2);
}

#[test]
fn a_letter_that_is_under_way_for_more_than_an_hour_is_stuck_however_often_it_is_sent() {
    let sent = letter("m", Kind::Transient).replayed(at(30));
    let again = sent.clone().replayed(at(3_500));
    for (letter, now, stuck) in [(&sent, 3_600, 0), (&again, 3_600, 0), (&sent, 3_601, 1), (&again, 3_601, 1)] {
        assert_eq!(gather::count(std::slice::from_ref(letter), at(now)).0.stuck, stuck, "{letter:?} at {now}");
    }
    // A person may send an old one at any time.
    let mut asked = letter("m", Kind::Permanent).left_to_a_person().replayed(at(9_000));
    assert_eq!(gather::count(&[asked.clone()], at(9_100)).0.stuck, 0);
    asked = asked.replayed(at(9_300));
    assert_eq!(gather::count(&[asked], at(12_901)).0.stuck, 1);

    let letters = DeadLetters { waiting: 0, retrying: 1, stuck: 1 };
    let said = status_at(1_000, found(vec![run(500, Some(Ending::Complete))]), letters).attention;
    assert!(said.len() == 1 && said[0].contains("neither succeeded nor failed"), "{said:?}");
}

#[test]
fn a_service_that_is_retired_is_said_to_be() {
    let mut failed = run(600, Some(Ending::Failed));
    let error = "retired since 2026-09-30: nobody answers at rdbroker.wvd.microsoft.com; its packages are kept";
    failed.finished.as_mut().unwrap().report.error = Some(error.to_owned());
    let status = status(vec![failed, run(500, Some(Ending::Complete))], None, 0);
    assert!(status.attention[0].starts_with("c: the last run was not complete: retired since 2026-09-30"));
    assert_eq!(status.connections[0].error.as_deref(), Some(error));
}
