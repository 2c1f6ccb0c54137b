//! What sign-in remembers: refresh tokens, device codes, revoked sessions,
//! wrong passwords, and how often whom with which outcome.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{account::LOCKED_AFTER, token::Caller};

/// Refresh tokens and device codes kept; beyond that the oldest are forgotten.
const MAX_KEPT: usize = 10_000;
/// A refresh token that is not used for so long is refused, in seconds.
const REFRESH_IDLE_S: i64 = 90 * 24 * 3600;

/// What sign-in remembers.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<State>);

/// Account, grant, outcome, and how often.
type Attempts = BTreeMap<String, BTreeMap<&'static str, BTreeMap<String, u64>>>;

#[derive(Debug, Default)]
struct State {
    /// Sessions and tokens are numbered in one row.
    last: u64,
    revoked: HashMap<String, u64>,
    all_revoked: u64,
    refresh: BTreeMap<u64, Refresh>,
    single_use: bool,
    devices: BTreeMap<u64, Device>,
    plan: Plan,
    wrong: HashMap<String, u32>,
    /// Codes that a test has set for accounts.
    outcomes: BTreeMap<String, u32>,
    attempts: Attempts,
}

/// A refresh token that was given out.
#[derive(Debug, Clone)]
pub(super) struct Refresh {
    pub(super) token: String,
    pub(super) account: String,
    pub(super) client_id: String,
    pub(super) session: u64,
    issued: Timestamp,
    used: bool,
}

/// Why a refresh token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefreshFault {
    Unknown,
    Revoked,
    Idle,
}

/// How the person behind the next device codes behaves.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) account: String,
    pub(super) polls: u64,
    pub(super) interval_s: u64,
    pub(super) expires_in_s: u64,
    pub(super) outcome: String,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            account: "device@contoso.com".to_owned(),
            polls: 2,
            interval_s: 1,
            expires_in_s: 900,
            outcome: "success".to_owned(),
        }
    }
}

/// A device code that was given out.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) code: String,
    pub(super) user_code: String,
    pub(super) client_id: String,
    pub(super) scope: String,
    pub(super) plan: Plan,
    pub(super) expires: Timestamp,
    /// How often it was asked for.
    pub(super) asked: u64,
    pub(super) spent: bool,
}

impl Sessions {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for a new session, token or code.
    pub(super) fn number(&self) -> u64 {
        let mut state = self.state();
        state.last += 1;
        state.last
    }

    /// Ends the sessions of an account, or of all.
    pub(crate) fn revoke(&self, account: Option<&str>) {
        let mut state = self.state();
        state.last += 1;
        let last = state.last;
        match account {
            Some(account) => {
                state.revoked.insert(account.to_ascii_lowercase(), last);
            }
            None => state.all_revoked = last,
        }
    }

    /// Whether the session that a token came from has been ended.
    pub(crate) fn is_revoked(&self, caller: &Caller) -> bool {
        caller.account.as_ref().is_some_and(|account| self.state().is_revoked(account, caller.session))
    }

    /// Remembers a refresh token.
    pub(super) fn keep_refresh(&self, token: &str, account: &str, client_id: &str, session: u64, now: Timestamp) {
        let mut state = self.state();
        state.last += 1;
        let number = state.last;
        let refresh = Refresh {
            token: token.to_owned(),
            account: account.to_owned(),
            client_id: client_id.to_owned(),
            session,
            issued: now,
            used: false,
        };
        state.refresh.insert(number, refresh);
        if state.refresh.len() > MAX_KEPT {
            state.refresh.pop_first();
        }
    }

    /// Takes a refresh token; it stays good unless tokens are for one use.
    pub(super) fn redeem(&self, token: &str, now: Timestamp) -> (Option<Refresh>, Option<RefreshFault>) {
        let mut state = self.state();
        let single_use = state.single_use;
        let Some(refresh) = state.refresh.values_mut().find(|refresh| refresh.token == token) else {
            return (None, Some(RefreshFault::Unknown));
        };
        let spent = refresh.used && single_use;
        refresh.used = true;
        let refresh = refresh.clone();
        let idle = now.as_second() - refresh.issued.as_second() >= REFRESH_IDLE_S;
        let fault = if state.is_revoked(&refresh.account, refresh.session) {
            Some(RefreshFault::Revoked)
        } else if spent {
            Some(RefreshFault::Unknown)
        } else {
            idle.then_some(RefreshFault::Idle)
        };
        (Some(refresh), fault)
    }

    pub(super) fn plan(&self) -> Plan {
        self.state().plan.clone()
    }

    /// Remembers a device code.
    pub(super) fn keep_device(&self, device: Device) {
        let mut state = self.state();
        state.last += 1;
        let number = state.last;
        state.devices.insert(number, device);
        if state.devices.len() > MAX_KEPT {
            state.devices.pop_first();
        }
    }

    /// Works on the device code that a test picks.
    pub(super) fn device<T>(&self, wanted: impl Fn(&Device) -> bool, act: impl FnOnce(&mut Device) -> T) -> Option<T> {
        self.state().devices.values_mut().find(|device| wanted(device)).map(act)
    }

    /// Notes a password; whether the account is locked.
    pub(super) fn note_password(&self, account: &str, wrong: bool) -> bool {
        let mut state = self.state();
        let count = state.wrong.entry(account.to_ascii_lowercase()).or_default();
        if *count >= LOCKED_AFTER {
            return true;
        }
        *count = if wrong { *count + 1 } else { 0 };
        false
    }

    /// The code that a test has set for an account.
    pub(super) fn outcome(&self, account: &str) -> Option<u32> {
        self.state().outcomes.get(&account.to_ascii_lowercase()).copied()
    }

    /// Sets how an account's sign-ins end from now on; no code lets it in.
    pub(crate) fn set_outcome(&self, account: &str, code: Option<u32>) {
        let account = account.to_ascii_lowercase();
        let mut state = self.state();
        match code {
            Some(code) => state.outcomes.insert(account, code),
            None => state.outcomes.remove(&account),
        };
    }

    /// Counts an attempt to sign in.
    pub(super) fn count(&self, account: &str, grant: &'static str, outcome: &str) {
        let mut state = self.state();
        let by_grant = state.attempts.entry(account.to_ascii_lowercase()).or_default();
        *by_grant.entry(grant).or_default().entry(outcome.to_owned()).or_default() += 1;
    }

    /// The attempts by account, grant and outcome, for `/_sim/stats`.
    pub(crate) fn attempts(&self) -> Value {
        json!(self.state().attempts)
    }

    /// Sets the counters back; what was given out stays good.
    pub(crate) fn reset_attempts(&self) {
        let mut state = self.state();
        state.attempts.clear();
        state.wrong.clear();
    }

    /// `{"single_use_refresh_tokens": bool}`.
    pub(crate) fn set_single_use(&self, on: bool) {
        self.state().single_use = on;
    }

    /// What `GET /_sim/feed` shows.
    pub(crate) fn document(&self) -> Value {
        let state = self.state();
        json!({
            "single_use_refresh_tokens": state.single_use,
            "device": state.plan.document(),
            "outcomes": state.outcomes,
        })
    }

    /// Changes how the next device codes behave.
    pub(crate) fn set_plan(&self, body: &Value) -> Result<Value, String> {
        let mut state = self.state();
        state.plan.merge(body)?;
        Ok(state.plan.document())
    }

    /// What the person does who has the user code.
    pub(crate) fn act(&self, user_code: &str, body: &Value) -> Result<Value, String> {
        self.device(
            |device| device.user_code.eq_ignore_ascii_case(user_code),
            |device| {
                device.plan.merge(body)?;
                device.plan.polls = 0;
                Ok(device.plan.document())
            },
        )
        .ok_or_else(|| format!("there is no user code {user_code}"))?
    }
}

impl State {
    fn is_revoked(&self, account: &str, session: u64) -> bool {
        let own = self.revoked.get(&account.to_ascii_lowercase()).copied().unwrap_or(0);
        session < own.max(self.all_revoked)
    }
}

impl Plan {
    fn merge(&mut self, body: &Value) -> Result<(), String> {
        let fields = body.as_object().ok_or("the body is not an object")?;
        for (name, value) in fields {
            let number = || value.as_u64().ok_or_else(|| format!("{name} is not a number"));
            let text = || value.as_str().map(str::to_owned).ok_or_else(|| format!("{name} is no text"));
            match name.as_str() {
                "account" => self.account = text()?,
                "outcome" => self.outcome = text()?,
                "polls" => self.polls = number()?,
                "interval_s" => self.interval_s = number()?,
                "expires_in_s" => self.expires_in_s = number()?,
                _ => return Err(format!("{name} is none of account, outcome, polls, interval_s and expires_in_s")),
            }
        }
        let known = ["success", "declined", "expired", "slow_down"].contains(&self.outcome.as_str());
        if known || super::account::planted_code(&self.outcome).is_some() {
            Ok(())
        } else {
            Err(format!("{:?} is none of success, declined, expired, slow_down and aadsts<code>", self.outcome))
        }
    }

    fn document(&self) -> Value {
        json!({
            "account": self.account,
            "polls": self.polls,
            "interval_s": self.interval_s,
            "expires_in_s": self.expires_in_s,
            "outcome": self.outcome,
        })
    }
}
