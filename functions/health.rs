//! Whether a connection can sign in: written by whoever tries, read by whoever plans.
//!
//! A refusal is tried again only when a person asks: by `connections check` or `connections sign-in`, which try at once,
//! or by a run or a replay, which leaves permission here for one try. Whoever takes the permission removes it first, so
//! that it is one try whichever process makes it, and none after a restart.

use crate::deps::Deps;
use crate::keys;
use crate::stage::Fault;
use jiff::{SignedDuration, Timestamp};
use poolwarden_azure::{SignInError, SignInProblem};
use poolwarden_domain::run::{Run, Source};
use serde::{Deserialize, Serialize};

/// How long before its end a secret or certificate is complained of.
const WARN_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How often the directory is asked when a secret or certificate ends.
const ASK_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// A connection's health: `connections/<name>/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether sign-in works.
    pub state: HealthState,
    /// Since when it is in that state.
    pub since: Timestamp,
    /// What is wrong and what to do about it.
    pub detail: Option<String>,
    /// Who has to act, if something is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<SignInProblem>,
    /// When the client secret or certificate ends, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// When that was last asked for, answered or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_asked_at: Option<Timestamp>,
    /// When a person last had it tried, and it worked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven_at: Option<Timestamp>,
    /// When a person asked for a run, if nobody has tried to sign in since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
}

/// Whether sign-in works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// It does.
    Valid,
    /// It does, with a secret or certificate that ends within a month.
    Expiring,
    /// It was refused or is not set up. Nobody tries again by itself: repeated attempts lock accounts.
    NeedsAttention,
}

impl HealthState {
    /// Whether sign-in works.
    pub fn signs_in(self) -> bool {
        self != Self::NeedsAttention
    }
}

/// What a stage may do about signing in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    /// Try, whatever was refused before: a person asks.
    Asked,
    /// Try, unless it was refused since this time; if there is one, somebody has mended it then.
    Usual(Option<Timestamp>),
    /// Do not try. This is what was wrong.
    Withheld(String),
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attempt<'a> {
    /// Why it failed, if it did.
    pub failure: Option<&'a SignInError>,
    /// When the secret or certificate ends, if that was asked for.
    pub end: Option<Option<Timestamp>>,
    /// Whether a person had it made.
    pub by_a_person: bool,
}

impl Health {
    fn new(state: HealthState, since: Timestamp) -> Self {
        let (detail, problem, ends_at, end_asked_at, proven_at, asked_at) = (None, None, None, None, None, None);
        Self { state, since, detail, problem, ends_at, end_asked_at, proven_at, asked_at }
    }

    /// Since when sign-in is known to work; `None` where it does not.
    fn mended_at(&self) -> Option<Timestamp> {
        self.state.signs_in().then(|| self.proven_at.map_or(self.since, |proven| proven.max(self.since)))
    }

    /// What it is after an attempt.
    fn after(known: Option<&Self>, attempt: Attempt<'_>, now: Timestamp) -> Self {
        let since = |state| known.filter(|known| known.state == state).map_or(now, |known| known.since);
        let proven_before = known.and_then(|known| known.proven_at);
        if let Some(failure) = attempt.failure {
            let state = HealthState::NeedsAttention;
            let (detail, problem) = (Some(failure.to_string()), failure.problem());
            return Self { detail, problem, proven_at: proven_before, ..Self::new(state, since(state)) };
        }
        // What is not known now may have been known before, and then still holds.
        let ends_before = known.and_then(|known| known.ends_at);
        let ends_at = attempt.end.flatten().or(ends_before);
        let is_expiring = ends_at.is_some_and(|end| end > now && end.duration_since(now) <= WARN_BEFORE);
        let state = if is_expiring { HealthState::Expiring } else { HealthState::Valid };
        let asked_before = known.and_then(|known| known.end_asked_at);
        Self {
            ends_at,
            end_asked_at: attempt.end.map_or(asked_before, |_| Some(now)),
            proven_at: if attempt.by_a_person { Some(now) } else { proven_before },
            ..Self::new(state, since(state))
        }
    }
}

/// Records the outcome of an attempt.
pub async fn record(deps: &Deps, connection: &str, attempt: Attempt<'_>) -> Result<(), Fault> {
    let now = deps.now();
    deps.state()
        .change(&keys::health(connection), |known: Option<Health>| {
            let health = Health::after(known.as_ref(), attempt, now);
            (known.as_ref() != Some(&health)).then_some(health)
        })
        .await?;
    Ok(())
}

/// Records a sign-in that worked, with the end of its secret or certificate if it is time to ask for that.
pub async fn record_success(deps: &Deps, connection: &str, by_a_person: bool) -> Result<(), Fault> {
    let asked_at = of(deps, connection).await?.and_then(|health| health.end_asked_at);
    let is_time = by_a_person || asked_at.is_none_or(|at| deps.now().duration_since(at) >= ASK_EVERY);
    let end = if is_time { Some(deps.sources.credential_end(connection, deps.now()).await) } else { None };
    record(deps, connection, Attempt { failure: None, end, by_a_person }).await
}

/// Writes down why a stage could not sign in, after the run's first one could. This process remembers the refusal, so
/// nobody is asked again for it.
pub async fn record_refusal(deps: &Deps, run: &Run) -> Result<(), Fault> {
    if run.source != Source::Azure {
        return Ok(());
    }
    match deps.sources.sign_in(&run.connection).await.map_err(Fault::Permanent)? {
        Ok(()) | Err(SignInError::Unreachable(_)) => Ok(()),
        Err(refused) => record(deps, &run.connection, Attempt { failure: Some(&refused), ..Attempt::default() }).await,
    }
}

/// Lets this process try again what it remembers as refused, if whichever process has found it mended since.
pub async fn forget_what_was_mended(deps: &Deps, connection: &str) -> Result<(), Fault> {
    if let Some(mended_at) = of(deps, connection).await?.and_then(|health| health.mended_at()) {
        deps.sources.forget_refusal_before(connection, mended_at);
    }
    Ok(())
}

/// What is known of a connection.
pub async fn of(deps: &Deps, connection: &str) -> Result<Option<Health>, Fault> {
    Ok(deps.state().value(&keys::health(connection)).await?)
}

/// A person asks for a run: it may try to sign in once, although that was refused before.
pub async fn allow_one_try(deps: &Deps, connection: &str) -> Result<(), Fault> {
    let now = deps.now();
    // Where nobody has tried yet, nothing stands in the way.
    let ask = |known: Option<Health>| Some(Health { asked_at: Some(now), ..known? });
    deps.state().change(&keys::health(connection), ask).await?;
    Ok(())
}

/// Gives a try back that came to no answer.
pub async fn give_back_try(deps: &Deps, connection: &str, leave: &Leave) -> Result<(), Fault> {
    if *leave == Leave::Asked { allow_one_try(deps, connection).await } else { Ok(()) }
}

/// What a stage may do now. A person's permission is used up by this.
pub async fn leave_to_try(deps: &Deps, connection: &str) -> Result<Leave, Fault> {
    let mut leave = Leave::Usual(None);
    let take = |known: Option<Health>| {
        leave = Leave::Usual(None);
        let health = known?;
        if health.asked_at.is_some() {
            leave = Leave::Asked;
            return Some(Health { asked_at: None, ..health });
        }
        leave = match health.mended_at() {
            None => Leave::Withheld(health.detail.unwrap_or_default()),
            mended_at => Leave::Usual(mended_at),
        };
        None
    };
    deps.state().change(&keys::health(connection), take).await?;
    Ok(leave)
}

#[cfg(test)]
mod tests;
