//! Tokens cached per scope: refreshed early, by one caller at a time; a token with time left is still used while a
//! refresh fails; a refusal is remembered and never tried again by itself.

use crate::aadsts::SignInProblem;
use crate::sign_in::{AccessToken, Credentials, NoToken, SignInError, TokenSource};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A token is refreshed when it has less than this left, or less than half of its life if that is short.
const REFRESH_MARGIN: SignedDuration = SignedDuration::from_mins(5);
/// After a failed refresh, the old token is used for this long before the next try.
const REFRESH_PAUSE: SignedDuration = SignedDuration::from_secs(30);
/// How often an unreachable sign-in service is asked in one call.
const TRIES: u32 = 3;
/// The pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(500);

type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    /// Held by the one caller that refreshes.
    refreshing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    token: Option<AccessToken>,
    refresh_at: Timestamp,
}

/// The cache in front of one credential.
pub(crate) struct TokenCache<S> {
    source: S,
    now: Clock,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    refusals: Mutex<Vec<Refusal>>,
    /// Until when the service is left alone, and why.
    pause: Mutex<Option<(Timestamp, SignInError)>>,
}

/// What is not tried again.
#[derive(Clone)]
struct Refusal {
    /// The one scope that it is about; nothing for the credential itself.
    scope: Option<String>,
    at: Timestamp,
    error: SignInError,
}

enum Cached {
    Fresh(AccessToken),
    Aging(AccessToken),
    Nothing,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing panics while it holds one of these locks, and what they guard is whole after every statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: TokenSource> TokenCache<S> {
    pub(crate) fn new(source: S) -> Self {
        Self::with_clock(source, Box::new(Timestamp::now))
    }

    fn with_clock(source: S, now: Clock) -> Self {
        Self { source, now, slots: Mutex::default(), refusals: Mutex::default(), pause: Mutex::default() }
    }

    fn slot(&self, scope: &str) -> Arc<Slot> {
        lock(&self.slots).entry(scope.to_owned()).or_default().clone()
    }

    fn cached(&self, slot: &Slot) -> Cached {
        let now = (self.now)();
        let state = lock(&slot.state);
        match &state.token {
            Some(token) if now < state.refresh_at => Cached::Fresh(token.clone()),
            Some(token) if now < token.expires_at => Cached::Aging(token.clone()),
            _ => Cached::Nothing,
        }
    }

    async fn acquire(&self, scope: &str) -> Result<AccessToken, SignInError> {
        if let Some(error) = self.held_back(scope) {
            return Err(error);
        }
        let mut pause = PAUSE;
        for tries_left in (0..TRIES).rev() {
            match self.source.acquire(scope).await {
                Err(NoToken { error: SignInError::Unreachable(_), pause: None }) if tries_left > 0 => {
                    tokio::time::sleep(crate::throttle::jittered(pause)).await;
                    pause *= 2;
                }
                Err(failed) => return Err(self.remember(scope, failed)),
                Ok(token) => return Ok(token),
            }
        }
        unreachable!("the last try returns")
    }

    /// Why the service is not asked now.
    fn held_back(&self, scope: &str) -> Option<SignInError> {
        let refused = lock(&self.refusals)
            .iter()
            .find(|refusal| refusal.scope.as_deref().is_none_or(|of| of == scope))
            .map(|refusal| refusal.error.clone());
        let paused = || lock(&self.pause).clone().filter(|(until, _)| (self.now)() < *until).map(|(_, error)| error);
        refused.or_else(paused)
    }

    fn remember(&self, scope: &str, NoToken { error, pause }: NoToken) -> SignInError {
        let now = (self.now)();
        if let Some(pause) = pause {
            *lock(&self.pause) = Some((now + pause, error.clone()));
        }
        if let SignInError::Refused { problem, .. } = &error {
            // What is not consented to for one service may be for another; everything else is wrong whatever is asked.
            let scope = (*problem == SignInProblem::Consent).then(|| scope.to_owned());
            lock(&self.refusals).push(Refusal { scope, at: now, error: error.clone() });
        }
        error
    }

    /// Forgets the refusals that `is_mended` says to forget. Tokens of a credential that was not refused are as good as
    /// before.
    fn forget_if(&self, is_mended: impl Fn(&Refusal) -> bool) {
        let mut refusals = lock(&self.refusals);
        let before = refusals.len();
        refusals.retain(|refusal| !is_mended(refusal));
        if refusals.len() < before {
            lock(&self.slots).clear();
        }
    }
}

#[async_trait]
impl<S: TokenSource> Credentials for TokenCache<S> {
    async fn token(&self, scope: &str) -> Result<AccessToken, SignInError> {
        let slot = self.slot(scope);
        let _refreshing = match self.cached(&slot) {
            Cached::Fresh(token) => return Ok(token),
            Cached::Aging(token) => match slot.refreshing.try_lock() {
                Ok(guard) => guard,
                Err(_) => return Ok(token),
            },
            Cached::Nothing => slot.refreshing.lock().await,
        };
        // Somebody else may have refreshed it while this caller waited.
        let aging = match self.cached(&slot) {
            Cached::Fresh(token) => return Ok(token),
            Cached::Aging(token) => Some(token),
            Cached::Nothing => None,
        };
        match self.acquire(scope).await {
            Ok(token) => {
                let now = (self.now)();
                let life = token.expires_at.duration_since(now);
                let mut state = lock(&slot.state);
                state.refresh_at = token.expires_at - REFRESH_MARGIN.min(life / 2);
                state.token = Some(token.clone());
                Ok(token)
            }
            Err(error) => match aging.filter(|token| (self.now)() < token.expires_at) {
                Some(token) => {
                    tracing::warn!(scope, expires_at = %token.expires_at, %error, "a token could not be refreshed; the old one is used while it lasts");
                    lock(&slot.state).refresh_at = ((self.now)() + REFRESH_PAUSE).min(token.expires_at);
                    Ok(token)
                }
                None => Err(error),
            },
        }
    }

    fn reject(&self, scope: &str, token: &AccessToken) {
        let slot = self.slot(scope);
        let mut state = lock(&slot.state);
        if state.token.as_ref().is_some_and(|held| held.secret.expose_secret() == token.secret.expose_secret()) {
            state.token = None;
        }
    }

    fn forget(&self) {
        self.forget_if(|_| true);
    }

    fn forget_refusal_before(&self, mended_at: Timestamp) {
        self.forget_if(|refusal| refusal.at < mended_at);
    }
}

#[cfg(test)]
mod tests {
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
}
