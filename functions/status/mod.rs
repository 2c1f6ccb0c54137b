//! How things stand, for a person or a monitor: of each connection the last good run, what is unknown, whether it can
//! sign in, what waits for somebody.

mod complaints;
mod gather;

use crate::deps::Deps;
use crate::health::Health;
use axum::http::StatusCode;
use complaints::complaints;
use gather::gather;
use jiff::Timestamp;
use poolwarden_domain::run::{Run, Status as Ending};
use poolwarden_host::{Failure, HttpAnswer, Invocation, Outcome};
use serde::Serialize;
use std::sync::Arc;

/// Runs the function for one invocation.
pub async fn invoke(deps: &Arc<Deps>, _: &Invocation) -> Result<Outcome, Failure> {
    let status = of(deps).await?;
    let answer = HttpAnswer::json_of(StatusCode::OK, &status).map_err(|error| Failure::caused_by(&error))?;
    Ok(Outcome::http("res", answer))
}

/// How everything stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Whether nothing waits for a person and every enabled connection is as it should be.
    pub healthy: bool,
    /// What it depends on, one line each.
    pub attention: Vec<String>,
    /// Each connection.
    pub connections: Vec<ConnectionStatus>,
    /// The messages whose work was not done, of every connection and of none.
    pub dead_letters: DeadLetters,
}

/// How one connection stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConnectionStatus {
    /// Its name.
    pub name: String,
    /// Whether it runs by itself.
    pub enabled: bool,
    /// Whether it can sign in; nothing before the first try.
    pub credential: Option<Health>,
    /// The newest run of the whole connection that ended complete.
    pub last_good_run: Option<RunLine>,
    /// The newest run of the whole connection that ended.
    pub last_run: Option<RunLine>,
    /// Since when a run is under way; of several, the one that began first.
    pub running_since: Option<Timestamp>,
    /// What the newest run could not read.
    pub unknown_scopes: usize,
    /// Why the newest run of the whole connection could read nothing, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The newest run, if it waits for approval.
    pub held: Option<String>,
    /// Its packages whose promotion waits for approval.
    pub promotions: Vec<String>,
    /// Its messages whose work was not done.
    pub dead_letters: DeadLetters,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunLine {
    /// Its id.
    pub run: String,
    /// How it ended.
    pub status: Ending,
    /// When it ended.
    pub at: Timestamp,
    /// How long ago that is, in seconds.
    pub age_s: i64,
}

/// How many messages' work was not done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DeadLetters {
    /// Those that wait for a person.
    pub waiting: usize,
    /// Those that are sent again by themselves.
    pub retrying: usize,
    /// Those of them that were sent again long ago, and neither succeeded nor failed.
    pub stuck: usize,
}

/// Gathers and judges.
pub async fn of(deps: &Deps) -> Result<Status, crate::stage::Fault> {
    Ok(judge(gather(deps).await?))
}

/// What is found of one connection.
struct Found {
    name: String,
    enabled: bool,
    schedule: String,
    health: Option<Health>,
    /// From the newest on, as far back as something is to be learned from them.
    runs: Vec<Run>,
    /// The run under way that began first.
    open: Option<Run>,
    promotions: Vec<String>,
    dead_letters: DeadLetters,
    /// What is wrong with its targets.
    targets: Vec<String>,
}

/// What is found.
struct Facts {
    now: Timestamp,
    connections: Vec<Found>,
    dead_letters: DeadLetters,
}

fn judge(facts: Facts) -> Status {
    let mut attention = Vec::new();
    let connections = facts.connections.into_iter().map(|found| {
        let (schedule, open, targets) = (found.schedule.clone(), found.open.clone(), found.targets.clone());
        let known_since = found.runs.last().map(|run| run.started_at);
        let connection = connection(found, facts.now);
        attention.extend(complaints(&connection, &schedule, open.as_ref(), known_since, facts.now));
        attention.extend(targets);
        connection
    });
    let connections = connections.collect();
    let DeadLetters { waiting, stuck, .. } = facts.dead_letters;
    if waiting > 0 {
        attention.push(format!("{waiting} dead letters wait for you: `poolwarden dead-letters list`"));
    }
    if stuck > 0 {
        attention.push(format!(
            "{stuck} dead letters were sent again more than an hour ago, and their work neither succeeded nor failed; is the process that serves running?"
        ));
    }
    Status { healthy: attention.is_empty(), attention, connections, dead_letters: facts.dead_letters }
}

fn connection(found: Found, now: Timestamp) -> ConnectionStatus {
    let line = |run: &Run| {
        let finished = run.finished.as_ref()?;
        let age_s = now.duration_since(finished.at).as_secs();
        Some(RunLine { run: run.id.clone(), status: finished.report.status, at: finished.at, age_s })
    };
    // A run of a few pools says nothing about the connection; but one that is held since waits for somebody all the same.
    let ended: Vec<RunLine> = found.runs.iter().filter(|run| !run.is_part()).filter_map(line).collect();
    let is_whole = |run: &&Run| run.finished.is_some() && !run.is_part();
    let newest = found.runs.iter().find(is_whole);
    let since = found.runs.iter().take_while(|run| !is_whole(run)).chain(newest);
    let report = newest.and_then(|run| run.finished.as_ref()).map(|finished| &finished.report);
    ConnectionStatus {
        name: found.name,
        enabled: found.enabled,
        credential: found.health,
        last_good_run: ended.iter().find(|line| line.status == Ending::Complete).cloned(),
        last_run: ended.first().cloned(),
        running_since: found.open.map(|run| run.started_at),
        unknown_scopes: report.map_or(0, |report| report.unknown_scopes.len()),
        error: report.and_then(|report| report.error.clone()),
        held: since.filter(|run| run.held()).map(|run| run.id.clone()).next(),
        promotions: found.promotions,
        dead_letters: found.dead_letters,
    }
}

#[cfg(test)]
mod tests;
