//! What the store knows of every connection.

use super::{DeadLetters, Facts, Found};
use crate::deps::Deps;
use crate::stage::Fault;
use crate::{health, keys, letters, targets};
use jiff::{SignedDuration, Timestamp};
use poolwarden_domain::dead_letter::{DeadLetter, State};
use poolwarden_domain::message::Body;
use poolwarden_domain::package::Package;
use poolwarden_domain::run::{Run, Status};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How many runs of a connection are read at most, if none of them was good. No more are kept.
const LOOK_BACK: usize = 50;
/// How long a letter that was sent again may be under way.
const STUCK_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Reads runs, health and dead letters. A connection that is configured and never ran is there too; one that ran and is
/// configured no more is not.
pub(super) async fn gather(deps: &Deps) -> Result<Facts, Fault> {
    let now = deps.now();
    let names = deps.state().names(keys::RUNS).await?;
    let (dead_letters, mut of_connections) = count(&letters::all(deps).await?, now);
    let mut connections = Vec::new();
    for connection in &deps.config.connections {
        let name = &connection.name;
        connections.push(Found {
            name: name.clone(),
            enabled: connection.enabled,
            schedule: connection.schedule.clone(),
            health: health::of(deps, name).await?,
            runs: runs_of(deps, &names, name).await?,
            open: first_open(deps, name).await?,
            promotions: promotions(deps, name).await?,
            dead_letters: of_connections.remove(name).unwrap_or_default(),
            targets: targets::complaints(deps, name, &connection.targets).await?,
        });
    }
    Ok(Facts { now, connections, dead_letters })
}

/// The runs of a connection from the newest to the last good one of the whole connection.
async fn runs_of(deps: &Deps, names: &[String], connection: &str) -> Result<Vec<Run>, Fault> {
    let ids = names.iter().rev().filter_map(|name| name.split_once('/'));
    let ids = ids.filter(|(_, of)| *of == connection).map(|(id, _)| id).take(LOOK_BACK);
    let mut runs = Vec::new();
    for id in ids {
        let Some(run) = deps.state().value::<Run>(&keys::run(id, connection)).await? else { continue };
        let is_good = run.finished.as_ref().is_some_and(|finished| finished.report.status == Status::Complete);
        let is_last = is_good && !run.is_part();
        runs.push(run);
        if is_last {
            break;
        }
    }
    Ok(runs)
}

/// The packages whose promotion waits for approval. A mark may outlive what it stands for: a run may have retired the
/// package since.
async fn promotions(deps: &Deps, connection: &str) -> Result<Vec<String>, Fault> {
    let mut waiting = Vec::new();
    for key in deps.state().names(&keys::requests(connection)).await? {
        let package: Option<Package> = deps.state().value(&keys::package(connection, &key)).await?;
        waiting.extend(package.filter(|package| package.requested.is_some()).map(|_| key));
    }
    Ok(waiting)
}

/// The run under way that began first. A mark may outlive its run for a moment.
async fn first_open(deps: &Deps, connection: &str) -> Result<Option<Run>, Fault> {
    for id in deps.state().names(&keys::open_runs(connection)).await? {
        let run: Option<Run> = deps.state().value(&keys::run(&id, connection)).await?;
        if let Some(run) = run.filter(|run| run.finished.is_none()) {
            return Ok(Some(run));
        }
    }
    Ok(None)
}

/// How many letters there are, and how many of them each connection's messages left.
pub(super) fn count(letters: &[DeadLetter], now: Timestamp) -> (DeadLetters, BTreeMap<String, DeadLetters>) {
    let (mut total, mut of_connections) = (DeadLetters::default(), BTreeMap::<_, DeadLetters>::new());
    for letter in letters {
        total.add(letter, now);
        if let Some(connection) = connection_of(letter) {
            of_connections.entry(connection).or_default().add(letter, now);
        }
    }
    (total, of_connections)
}

impl DeadLetters {
    fn add(&mut self, letter: &DeadLetter, now: Timestamp) {
        if letters::waits_for_a_person(letter) {
            self.waiting += 1;
            return;
        }
        self.retrying += 1;
        self.stuck += usize::from(is_stuck(letter, now));
    }
}

/// A letter under way is sent again every few minutes where a process serves, so the time of that says little. One that
/// was not left to a person set out minutes after it died; when a person sent another is not known.
fn is_stuck(letter: &DeadLetter, now: Timestamp) -> bool {
    let State::Replaying { since } = letter.state else { return false };
    let set_out = letter.deaths.last().filter(|_| !letter.given_up).map_or(since, |death| death.at.min(since));
    now.duration_since(set_out) > STUCK_AFTER
}

/// The connection whose message it was, if that can be read.
fn connection_of(letter: &DeadLetter) -> Option<String> {
    #[derive(Deserialize)]
    struct OfConnection {
        connection: String,
    }
    let body: Body<OfConnection> = serde_json::from_str(&letter.body).ok()?;
    Some(body.poolwarden.connection)
}
