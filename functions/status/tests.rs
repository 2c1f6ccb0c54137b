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
