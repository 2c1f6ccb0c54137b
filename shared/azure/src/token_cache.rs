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
    /// Held by the one caller that signs in, whatever for: what is refused to it, nobody tries after it.
    signing_in: tokio::sync::Mutex<()>,
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
        let (slots, refusals, signing_in, pause) = Default::default();
        Self { source, now, slots, refusals, signing_in, pause }
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
        let mut pause = PAUSE;
        for tries_left in (0..TRIES).rev() {
            {
                let _signing_in = self.signing_in.lock().await;
                if let Some(error) = self.held_back(scope) {
                    return Err(error);
                }
                match self.source.acquire(scope).await {
                    Err(NoToken { error: SignInError::Unreachable(_), pause: None }) if tries_left > 0 => {}
                    Err(failed) => return Err(self.remember(scope, failed)),
                    Ok(token) => return Ok(token),
                }
            }
            tokio::time::sleep(crate::throttle::jittered(pause)).await;
            pause *= 2;
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
mod tests;
