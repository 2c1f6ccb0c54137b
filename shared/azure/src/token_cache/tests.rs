use super::*;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

/// Issues numbered tokens of a fixed life, or fails.
struct Issuer {
    clock: Arc<AtomicI64>,
    life_seconds: i64,
    asked: Arc<AtomicU32>,
    failure: Arc<Mutex<Option<SignInError>>>,
}

#[async_trait]
impl TokenSource for Issuer {
    async fn acquire(&self, _: &str) -> Result<AccessToken, NoToken> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
        if let Some(error) = lock(&self.failure).clone() {
            let is_loop = error.to_string().contains("loop");
            return Err(if is_loop { NoToken::for_a_while(error) } else { error.into() });
        }
        let expires_at = second(self.clock.load(Ordering::SeqCst) + self.life_seconds);
        Ok(AccessToken { secret: format!("token {number}").into(), expires_at })
    }
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

struct Fixture {
    cache: TokenCache<Issuer>,
    clock: Arc<AtomicI64>,
    asked: Arc<AtomicU32>,
    failure: Arc<Mutex<Option<SignInError>>>,
}

impl Fixture {
    fn new(life_seconds: i64) -> Self {
        let (clock, asked, failure) = (Arc::new(AtomicI64::new(1_000)), Arc::default(), Arc::default());
        let issuer = Issuer {
            clock: Arc::clone(&clock),
            life_seconds,
            asked: Arc::clone(&asked),
            failure: Arc::clone(&failure),
        };
        let hands = Arc::clone(&clock);
        let cache = TokenCache::with_clock(issuer, Box::new(move || second(hands.load(Ordering::SeqCst))));
        Self { cache, clock, asked, failure }
    }

    fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    fn fail(&self, error: Option<SignInError>) {
        *lock(&self.failure) = error;
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    async fn token(&self, scope: &str) -> Result<String, SignInError> {
        Ok(self.cache.token(scope).await?.secret.expose_secret().to_owned())
    }
}

fn unreachable_error() -> SignInError {
    SignInError::Unreachable("out of reach".into())
}

fn refused() -> SignInError {
    refused_for(SignInProblem::Application)
}

fn refused_for(problem: SignInProblem) -> SignInError {
    SignInError::Refused { problem, code: None, text: "wrong secret".into() }
}

#[tokio::test(start_paused = true)]
async fn one_sign_in_serves_everyone_and_each_scope_has_its_own() {
    let fixture = Fixture::new(3_600);
    let (a, b, c) = tokio::join!(fixture.token("x"), fixture.token("x"), fixture.token("x"));
    assert_eq!((a.unwrap(), b.unwrap(), c.unwrap()), ("token 1".into(), "token 1".into(), "token 1".into()));
    assert_eq!(fixture.token("y").await.unwrap(), "token 2");
    assert_eq!(fixture.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_refreshed_five_minutes_early_by_one_while_others_go_on() {
    let fixture = Fixture::new(3_600);
    fixture.token("x").await.unwrap();
    fixture.pass(3_299);
    assert_eq!(fixture.token("x").await.unwrap(), "token 1");
    fixture.pass(1);
    let (first, second) = tokio::join!(fixture.token("x"), fixture.token("x"));
    assert_eq!((first.unwrap(), second.unwrap()), ("token 2".into(), "token 1".into()));
}

#[tokio::test(start_paused = true)]
async fn a_short_lived_token_is_not_refreshed_at_every_call() {
    let fixture = Fixture::new(60);
    fixture.token("x").await.unwrap();
    fixture.pass(29);
    assert_eq!(fixture.token("x").await.unwrap(), "token 1");
    fixture.pass(1);
    assert_eq!(fixture.token("x").await.unwrap(), "token 2");
}

#[tokio::test(start_paused = true)]
async fn an_expiring_token_is_used_while_refreshing_fails_and_not_after() {
    let fixture = Fixture::new(3_600);
    fixture.token("x").await.unwrap();
    fixture.fail(Some(unreachable_error()));
    fixture.pass(3_400);
    assert_eq!(fixture.token("x").await.unwrap(), "token 1");
    let asked = fixture.asked();
    assert_eq!(fixture.token("x").await.unwrap(), "token 1");
    assert_eq!(fixture.asked(), asked, "a failing refresh is not repeated at every call");
    fixture.pass(200);
    assert_eq!(fixture.token("x").await.unwrap_err(), unreachable_error());
    fixture.fail(None);
    assert!(fixture.token("x").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_never_tried_again_until_it_is_forgotten() {
    let fixture = Fixture::new(3_600);
    fixture.fail(Some(refused()));
    for scope in ["x", "x", "y"] {
        assert_eq!(fixture.token(scope).await.unwrap_err(), refused());
    }
    assert_eq!(fixture.asked(), 1);
    fixture.fail(None);
    assert_eq!(fixture.token("x").await.unwrap_err(), refused());
    fixture.cache.forget();
    assert_eq!(fixture.token("x").await.unwrap(), "token 2");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_sent_once_however_many_scopes_want_a_token_at_once() {
    let fixture = Fixture::new(3_600);
    fixture.fail(Some(refused()));
    let all = tokio::join!(fixture.token("x"), fixture.token("y"), fixture.token("z"));
    assert_eq!(all, (Err(refused()), Err(refused()), Err(refused())));
    assert_eq!(fixture.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_consented_to_for_one_scope_is_asked_for_another() {
    let fixture = Fixture::new(3_600);
    fixture.fail(Some(refused_for(SignInProblem::Consent)));
    for _ in 0..2 {
        fixture.token("x").await.unwrap_err();
    }
    assert_eq!(fixture.asked(), 1);
    fixture.fail(None);
    assert_eq!(fixture.token("y").await.unwrap(), "token 2");
    fixture.token("x").await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn only_a_refusal_from_before_the_mending_is_forgotten() {
    let fixture = Fixture::new(3_600);
    fixture.pass(10);
    fixture.fail(Some(refused()));
    fixture.token("x").await.unwrap_err();
    fixture.fail(None);
    fixture.cache.forget_refusal_before(second(1_010));
    fixture.token("x").await.unwrap_err();
    fixture.cache.forget_refusal_before(second(1_011));
    fixture.token("x").await.unwrap();
    assert_eq!(fixture.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_complains_of_a_loop_is_left_alone_for_some_minutes() {
    let fixture = Fixture::new(3_600);
    fixture.fail(Some(SignInError::Unreachable("a loop".into())));
    for _ in 0..3 {
        fixture.token("x").await.unwrap_err();
    }
    assert_eq!(fixture.asked(), 1);
    fixture.fail(None);
    fixture.pass(299);
    fixture.token("x").await.unwrap_err();
    fixture.pass(1);
    fixture.token("x").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_service_is_asked_three_times() {
    let fixture = Fixture::new(3_600);
    fixture.fail(Some(unreachable_error()));
    fixture.token("x").await.unwrap_err();
    assert_eq!(fixture.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_replaced_once() {
    let fixture = Fixture::new(3_600);
    let old = fixture.cache.token("x").await.unwrap();
    fixture.cache.reject("x", &old);
    assert_eq!(fixture.token("x").await.unwrap(), "token 2");
    fixture.cache.reject("x", &old);
    assert_eq!(fixture.token("x").await.unwrap(), "token 2", "only the token that was not accepted is dropped");
}
