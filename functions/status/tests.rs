use super::*;
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

fn status(runs: Vec<Run>, health: Option<HealthState>, waiting: usize) -> Status {
    let health = health.map(|state| Health { state, since: at(0), detail: None });
    let found = Found { name: "c".into(), enabled: true, health, runs };
    judge(Facts { now: at(1_000), connections: vec![found], dead_letters: DeadLetters { waiting, retrying: 1 } })
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
