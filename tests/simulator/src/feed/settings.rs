//! What a test sets of the feeds: which clients are too old, whether the
//! classic service is retired, and where discovery redirects to.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};

/// The settings.
#[derive(Debug, Default)]
pub(crate) struct Settings(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    classic_retired: bool,
    /// Where discovery sends everybody.
    redirect: Option<String>,
    /// The lowest version served by product; `*` stands for the others.
    min_versions: BTreeMap<String, String>,
}

impl Settings {
    pub(crate) fn new(classic_retired: bool) -> Self {
        Self(Mutex::new(State { classic_retired, ..State::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_classic_retired(&self) -> bool {
        self.state().classic_retired
    }

    pub(super) fn redirect(&self) -> Option<String> {
        self.state().redirect.clone()
    }

    /// Whether a client of an `X-MS-User-Agent` is served.
    pub(super) fn takes(&self, agent: Option<&str>) -> bool {
        let Some(agent) = agent.map(str::trim).filter(|agent| !agent.is_empty()) else {
            return false;
        };
        let state = self.state();
        if state.min_versions.is_empty() {
            return true;
        }
        let (product, version) = agent.split(' ').next().and_then(|first| first.split_once('/')).unwrap_or((agent, ""));
        let own = state.min_versions.iter().find(|(known, _)| known.eq_ignore_ascii_case(product));
        let lowest = own.map(|(_, version)| version).or_else(|| state.min_versions.get("*"));
        lowest.is_none_or(|lowest| numbers(version) >= numbers(lowest))
    }

    pub(crate) fn document(&self) -> Value {
        let state = self.state();
        json!({
            "classic": if state.classic_retired { "retired" } else { "on" },
            "redirect": state.redirect,
            "min_versions": state.min_versions,
        })
    }

    /// `"10.0.1"` for all products, or `{"MSRDC": "10.0.1", "*": "1.0"}`; an
    /// empty object serves all.
    pub(crate) fn set_min_versions(&self, body: &Value) -> Result<(), String> {
        let versions = match body {
            Value::String(version) => BTreeMap::from([("*".to_owned(), version.clone())]),
            Value::Object(versions) => versions
                .iter()
                .map(|(product, version)| Some((product.clone(), version.as_str()?.to_owned())))
                .collect::<Option<_>>()
                .ok_or("a version is no text")?,
            _ => return Err("the body is neither a version nor an object of versions".to_owned()),
        };
        self.state().min_versions = versions;
        Ok(())
    }

    /// `{"classic": "on"|"retired", "redirect": "https://…"|"/…"|null}`.
    pub(crate) fn set(&self, name: &str, value: &Value) -> Result<(), String> {
        let mut state = self.state();
        match (name, value) {
            ("classic", Value::String(text)) if text == "on" => state.classic_retired = false,
            ("classic", Value::String(text)) if text == "retired" => state.classic_retired = true,
            ("redirect", Value::Null) => state.redirect = None,
            ("redirect", Value::String(target)) => state.redirect = Some(target.clone()),
            _ => {
                return Err(format!("{name} is none of classic (on, retired), redirect and single_use_refresh_tokens"));
            }
        }
        Ok(())
    }
}

/// A version as numbers; what is none counts 0.
fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}
