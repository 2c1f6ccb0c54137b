use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

const DAY_S: i64 = 24 * 60 * 60;

fn refused() -> SignInError {
    SignInError::Refused { problem: SignInProblem::User, code: Some(50_126), text: "wrong password".into() }
}

fn success(end: Option<Timestamp>) -> Attempt<'static> {
    Attempt { end: Some(end), ..Attempt::default() }
}

#[test]
fn documents_of_earlier_versions_are_understood_and_look_the_same() {
    let old = r#"{"state":"needs_attention","since":"2026-01-01T00:00:00Z","detail":"wrong"}"#;
    let health: Health = serde_json::from_str(old).unwrap();
    assert_eq!((health.state, health.problem, health.ends_at), (HealthState::NeedsAttention, None, None));
    assert_eq!(serde_json::to_string(&health).unwrap(), old);
}

#[test]
fn a_secret_that_ends_within_a_month_is_expiring_and_one_that_has_ended_is_not() {
    let now = at(1_000_000);
    for (days, state) in
        [(31, HealthState::Valid), (30, HealthState::Expiring), (1, HealthState::Expiring), (-1, HealthState::Valid)]
    {
        let end = at(1_000_000 + days * DAY_S);
        let health = Health::after(None, success(Some(end)), now);
        assert_eq!((health.state, health.ends_at), (state, Some(end)), "{days}");
    }
}

#[test]
fn an_end_that_is_not_told_today_still_holds_and_a_refusal_forgets_it() {
    let end = at(20 * DAY_S);
    let known = Health::after(None, success(Some(end)), at(0));
    let later = Health::after(Some(&known), success(None), at(DAY_S));
    assert_eq!((later.state, later.ends_at, later.since), (HealthState::Expiring, Some(end), at(0)));
    assert_eq!(later.end_asked_at, Some(at(DAY_S)));
    let unasked = Health::after(Some(&known), Attempt::default(), at(5));
    assert_eq!(unasked.end_asked_at, Some(at(0)));
    let failure = refused();
    let broken = Health::after(Some(&later), Attempt { failure: Some(&failure), ..Attempt::default() }, at(2 * DAY_S));
    assert_eq!((broken.state, broken.problem), (HealthState::NeedsAttention, Some(SignInProblem::User)));
    assert_eq!((broken.since, broken.ends_at, broken.end_asked_at), (at(2 * DAY_S), None, None));
}
