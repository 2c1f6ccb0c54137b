//! What a person does to a package: write it, bring the catalogue's index up to date, tell the webhooks.
//!
//! A command may be killed anywhere. So it first leaves a mark that something may be untold, then writes the package,
//! then does what follows from it, and takes the mark away last. What follows can be repeated, and is, by
//! [`sweep`], for every mark that its command has not taken away: messages have ids that follow from the revision.

use crate::chosen;
use crate::deps::Deps;
use crate::stage::Fault;
use crate::state::{StateError, Versioned};
use crate::{keys, runs};
use jiff::{SignedDuration, Timestamp};
use poolwarden_domain::assignment::Offer;
use poolwarden_domain::discovery::pool_key;
use poolwarden_domain::event::{self, Event};
use poolwarden_domain::lifecycle::{Decided, Refusal, Rules, may_be_purged};
use poolwarden_domain::package::{Change, Package, Revision};
use poolwarden_domain::plan::PoolIndex;
use poolwarden_store::StoreError;
use serde::{Deserialize, Serialize};

/// How long a command may take before its mark is taken for that of one that was killed.
const COMMAND_TAKES_AT_MOST: SignedDuration = SignedDuration::from_mins(5);
/// How often a package is read anew because somebody changed it before it could be purged.
const MAX_ATTEMPTS: usize = 8;

/// What became of a person's wish.
#[derive(Debug)]
pub enum Outcome {
    /// The package is as was wished, or was.
    Changed(Box<Package>),
    /// It was so before.
    Already(Box<Package>),
    /// It is not to be.
    Refused(Refusal),
}

/// `untold/<connection>/<package>/<command>`: what a command is about to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Untold {
    /// The package's newest revision before.
    after: u64,
    /// When the command did it.
    at: Timestamp,
    /// What to tell of a package that is deleted, and the pool that it was of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purged: Option<Purged>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Purged {
    pool: String,
    event: Event,
}

/// What it takes to promote a connection's packages; nothing, if the connection is not configured.
pub fn rules(deps: &Deps, connection: &str) -> Rules {
    deps.config.connection(connection).map(|connection| connection.promotion.clone()).unwrap_or_default()
}

/// What those get of a connection's packages whom its source entitles.
pub fn offer(deps: &Deps, connection: &str) -> Offer {
    deps.config.connection(connection).map(|connection| connection.offer.clone()).unwrap_or_default()
}

/// Changes a package as a person decided, deciding anew whenever somebody else wrote first. `None`: there is no such
/// package.
pub async fn change<F>(deps: &Deps, connection: &str, key: &str, mut decide: F) -> Result<Option<Outcome>, Fault>
where
    F: FnMut(&Package) -> Result<Decided, Refusal>,
{
    let state = deps.state();
    let document = keys::package(connection, key);
    let Some(before) = state.value::<Package>(&document).await? else { return Ok(None) };
    match decide(&before) {
        Err(refusal) => return Ok(Some(Outcome::Refused(refusal))),
        Ok(Decided::Already) => return Ok(Some(Outcome::Already(Box::new(before)))),
        Ok(Decided::Write(_)) => {}
    }
    let untold = Untold { after: before.revision(), at: deps.now(), purged: None };
    let mark = leave_mark(deps, connection, key, &untold).await?;
    let mut decided = Ok(Decided::Already);
    let after = state
        .change(&document, |existing: Option<Package>| {
            decided = decide(&existing?);
            match &decided {
                Ok(Decided::Write(package)) => Some((**package).clone()),
                _ => None,
            }
        })
        .await?;
    settle(deps, connection, key, &mark, &untold).await?;
    Ok(after.map(Box::new).map(|package| match decided {
        Ok(Decided::Write(_)) => Outcome::Changed(package),
        Ok(Decided::Already) => Outcome::Already(package),
        Err(refusal) => Outcome::Refused(refusal),
    }))
}

/// Deletes a package for good, if it was retired before a time; at whatever time, if none is named. `None`: there is no
/// such package.
pub async fn purge(
    deps: &Deps,
    connection: &str,
    key: &str,
    before: Option<Timestamp>,
    who: &str,
) -> Result<Option<Outcome>, Fault> {
    let state = deps.state();
    let document = keys::package(connection, key);
    for _ in 0..MAX_ATTEMPTS {
        let Some(Versioned { value: package, version }) = state.read::<Package>(&document).await? else {
            return Ok(None);
        };
        if let Err(refusal) = may_be_purged(&package, before) {
            return Ok(Some(Outcome::Refused(refusal)));
        }
        let revision = Revision::purged(&package, who, deps.now());
        let last = revision.number;
        let purged = Purged {
            pool: pool_key(&package.content.host_pool.id),
            event: event::package(&package, &revision, &package.content),
        };
        let untold = Untold { after: package.revision(), at: revision.at, purged: Some(purged) };
        let mark = leave_mark(deps, connection, key, &untold).await?;
        let count_on = |known: Option<u64>| known.is_none_or(|known| known < last).then_some(last);
        state.change(&keys::purged(connection, key), count_on).await?;
        // What was made on demand is not made again by itself.
        chosen::remove(deps, connection, key).await?;
        let deleted = deps.documents.delete(&document, &version).await;
        settle(deps, connection, key, &mark, &untold).await?;
        match deleted {
            Ok(()) => return Ok(Some(Outcome::Changed(Box::new(package)))),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(StateError::from(error).into()),
        }
    }
    Err(Fault::Transient(format!("package {key} was changed by others again and again")))
}

async fn leave_mark(deps: &Deps, connection: &str, key: &str, untold: &Untold) -> Result<String, Fault> {
    let mark = keys::untold(connection, key, &format!("{:016x}", rand::random::<u64>()));
    deps.state().create(&mark, untold).await?;
    Ok(mark)
}

/// Does what follows for commands that were killed before they did it. Returns how many there were.
pub async fn sweep(deps: &Deps) -> Result<usize, Fault> {
    let state = deps.state();
    let mut swept = 0;
    for name in state.names(keys::UNTOLD).await? {
        let mark = format!("{}{name}", keys::UNTOLD);
        let mut parts = name.split('/');
        let (Some(connection), Some(key)) = (parts.next(), parts.next()) else { continue };
        let untold = match state.value::<Untold>(&mark).await {
            Ok(Some(untold)) => untold,
            Ok(None) => continue,
            // It is kept: what it tells of is known to nobody else.
            Err(error @ StateError::Malformed { .. }) => {
                tracing::error!(connection, package = key, %error, "what a person did to it cannot be told");
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if deps.now().duration_since(untold.at) < COMMAND_TAKES_AT_MOST {
            continue;
        }
        match settle(deps, connection, key, &mark, &untold).await {
            Err(Fault::Permanent(reason)) => {
                tracing::error!(connection, package = key, reason, "what a person did to it is told to nobody");
                state.delete(&mark).await?;
            }
            done => done?,
        }
        swept += 1;
    }
    Ok(swept)
}

/// Brings everything up to date with what a command did, if it did it, and takes its mark away.
async fn settle(deps: &Deps, connection: &str, key: &str, mark: &str, untold: &Untold) -> Result<(), Fault> {
    let state = deps.state();
    let package: Option<Package> = state.value(&keys::package(connection, key)).await?;
    let events = match (&untold.purged, &package) {
        (None, Some(package)) => told_by_persons(package, untold.after),
        (None, None) => Vec::new(),
        (Some(purged), package) => {
            // One that is there again since has been created since.
            let created_since =
                |revision: &Revision| revision.change == Change::Created && revision.number > untold.after;
            let is_gone = package.as_ref().is_none_or(|package| package.revisions.iter().any(created_since));
            if is_gone {
                let forget = |index: Option<PoolIndex>| {
                    let mut index = index?;
                    index.forget(key, untold.after).then_some(index)
                };
                state.change(&keys::index(connection, &purged.pool), forget).await?;
                look_again(deps, connection, key, &purged.pool).await?;
            }
            is_gone.then(|| purged.event.clone()).into_iter().collect()
        }
    };
    let waits = package.as_ref().is_some_and(|package| package.requested.is_some());
    if waits {
        state.create(&keys::request(connection, key), &untold.at).await?;
    } else {
        state.delete(&keys::request(connection, key)).await?;
    }
    if let Some(package) = &package {
        record(deps, package).await?;
        let may_follow = |event: &Event| event.kind.ends_with(".restored") || event.kind.ends_with(".edited");
        if !package.stays() && events.iter().any(may_follow) {
            look_again(deps, connection, key, &pool_key(&package.content.host_pool.id)).await?;
        }
    }
    runs::notify(deps, connection, events).await?;
    Ok(state.delete(mark).await?)
}

/// The events of what persons did after a revision.
fn told_by_persons(package: &Package, after: u64) -> Vec<Event> {
    let revisions = package.revisions.iter().filter(|revision| revision.by.is_some() && revision.number > after);
    revisions.map(|revision| event::package(package, revision, &package.content)).collect()
}

async fn record(deps: &Deps, package: &Package) -> Result<(), StateError> {
    let pool = &package.content.host_pool;
    let record = |index: Option<PoolIndex>| {
        let mut index = index.unwrap_or_else(|| PoolIndex::new(pool.id.clone(), pool.name.clone()));
        index.record(package).then_some(index)
    };
    deps.state().change(&keys::index(&package.connection, &pool_key(&pool.id)), record).await?;
    Ok(())
}

/// Has the next run look at every pool that offers a package which runs may touch again, changed or not.
async fn look_again(deps: &Deps, connection: &str, key: &str, pool: &str) -> Result<(), Fault> {
    let (state, now) = (deps.state(), deps.now());
    let others = state.names(&keys::all_offered_elsewhere(connection, key)).await?;
    for other in &others {
        let forget = |index: Option<PoolIndex>| {
            let mut index = index?;
            index.elsewhere.remove(key).then_some(index)
        };
        state.change(&keys::index(connection, other), forget).await?;
    }
    for pool in others.iter().map(String::as_str).chain([pool]) {
        let newer = |known: Option<Timestamp>| known.is_none_or(|known| known < now).then_some(now);
        state.change(&keys::part(connection, pool), newer).await?;
    }
    for other in &others {
        state.delete(&keys::offered_elsewhere(connection, key, other)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
