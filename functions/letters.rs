//! Dead letters: kept as documents, whatever carries the messages, sent again by a timer or a person, and gone once their
//! work is done.

use crate::deps::Deps;
use crate::stage::{self, Fault, MAX_DELIVERIES};
use crate::state::StateError;
use crate::{health, keys, runs};
use jiff::Timestamp;
use poolwarden_domain::dead_letter::{Corpse, DeadLetter, Death, Kind, State, is_final, life};
use poolwarden_domain::message::{Body, queue};
use poolwarden_domain::run::{Run, Source};
use poolwarden_store::{Delivery, Outgoing, cut_reason, dead_letter_queue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// How many messages of a dead-letter queue are taken over at a time.
const BATCH: usize = 32;
/// How long a message of a dead-letter queue is locked while it is taken over.
const LOCK: Duration = Duration::from_secs(60);

/// Keeps a message whose work was not done.
pub async fn keep(deps: &Deps, corpse: &Corpse<'_>, death: &Death) -> Result<(), Fault> {
    let (id, _) = life(corpse.queue, corpse.message);
    let died = |known| DeadLetter::died(known, corpse, death.clone());
    deps.state().change(&keys::dead_letter(&id), died).await?;
    Ok(())
}

/// Whether a death of this message is left to a person, or the timer sends it again.
pub fn is_last(deps: &Deps, queue: &str, message: &str, kind: Kind) -> bool {
    !deps.reprocesses || is_final(kind, life(queue, message).1)
}

/// Forgets the letter of a message whose work is done now.
pub async fn resolve(deps: &Deps, queue: &str, message: &str) -> Result<(), Fault> {
    match life(queue, message) {
        (_, 0) => Ok(()),
        (id, _) => Ok(deps.state().delete(&keys::dead_letter(&id)).await?),
    }
}

/// Every letter that can be read, in the order of their ids. One that cannot is told in the log and hides no other.
pub async fn all(deps: &Deps) -> Result<Vec<DeadLetter>, Fault> {
    let (letters, malformed) = deps.state().all_readable(keys::DEAD_LETTERS).await?;
    for error in malformed {
        tracing::error!(%error, "a dead letter");
    }
    Ok(letters)
}

/// The letter of this id.
pub async fn find(deps: &Deps, id: &str) -> Result<Option<DeadLetter>, Fault> {
    Ok(deps.state().value(&keys::dead_letter(id)).await?)
}

/// What became of a letter that was to be done again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// The letter.
    pub dead_letter: String,
    /// The queue its message is in again; or, where the run it belonged to has ended, the first of a new one.
    pub queue: String,
    /// The run that does its work instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// Has a letter's work done, as a person asks; `None` if there is no such letter. Whoever waited for it does so no more
/// once it was given up or its run has ended, so then a new run does it: one for all letters of a pool that are asked
/// for at the same time.
pub async fn replay(deps: &Deps, id: &str, now: Timestamp) -> Result<Option<Replayed>, Fault> {
    let Some(letter) = find(deps, id).await? else { return Ok(None) };
    let run = match about(deps, &letter).await? {
        Some((run, pool)) if letter.given_up || run.finished.is_some() => {
            health::allow_one_try(deps, &run.connection).await?;
            Some(runs::id_instead_of(deps, &run, pool.as_deref(), now).await?)
        }
        _ => None,
    };
    let again = |known: Option<DeadLetter>| {
        let known = known?;
        // Who asks again gets the run that was decided on first.
        let run = known.run.clone().or_else(|| run.clone());
        Some(DeadLetter { run, ..known.replayed(now) })
    };
    let Some(letter) = deps.state().change(&keys::dead_letter(id), again).await? else { return Ok(None) };
    send(deps, &letter).await?;
    let queue = if letter.run.is_some() { queue::ACQUIRE_TOKEN.to_owned() } else { letter.queue };
    Ok(Some(Replayed { dead_letter: letter.id, queue, run: letter.run }))
}

/// The run that a letter's message belongs to, and the pool it is about; nothing for a notification, for what cannot be
/// read, and for a run that nobody could begin again.
async fn about(deps: &Deps, letter: &DeadLetter) -> Result<Option<(Run, Option<String>)>, Fault> {
    #[derive(Deserialize)]
    struct OfRun {
        run: String,
        connection: String,
        pool: Option<String>,
    }
    let Ok(body) = serde_json::from_str::<Body<OfRun>>(&letter.body) else { return Ok(None) };
    let OfRun { run, connection, pool } = body.poolwarden;
    let run: Option<Run> = deps.state().value(&keys::run(&run, &connection)).await?;
    let can_begin = |run: &Run| run.source != Source::Azure || deps.config.connection(&run.connection).is_some();
    Ok(run.filter(can_begin).map(|run| (run, pool)))
}

/// Sends what a letter has decided on: its message, or the beginning of the run that does its work instead. It can be
/// repeated, for the ids are in the letter.
async fn send(deps: &Deps, letter: &DeadLetter) -> Result<(), Fault> {
    if let (Some(id), Some((run, pool))) = (&letter.run, about(deps, letter).await?) {
        runs::start_instead_of(deps, &run, pool.as_deref(), id).await?;
        discard(deps, &letter.id).await?;
        return Ok(());
    }
    deps.send(&letter.queue, vec![Outgoing::new(letter.replay_id(), letter.body.as_str())]).await?;
    Ok(())
}

/// Sends a letter again whose time has come, unless its run has ended meanwhile: then only a person can say whether it
/// is still wanted. Returns whether it was sent.
async fn send_due(deps: &Deps, id: &str, now: Timestamp) -> Result<bool, Fault> {
    let Some(letter) = find(deps, id).await? else { return Ok(false) };
    let ended = about(deps, &letter).await?.is_some_and(|(run, _)| run.finished.is_some());
    let mut sent = None;
    let again = |known: Option<DeadLetter>| {
        // Another process may have been here since the letters were listed, or since the last attempt to write.
        sent = None;
        let letter = known.filter(|letter| letter.is_due(now))?;
        sent = (!ended || letter.run.is_some()).then(|| letter.clone().replayed(now));
        Some(sent.clone().unwrap_or_else(|| letter.left_to_a_person()))
    };
    deps.state().change(&keys::dead_letter(id), again).await?;
    let Some(letter) = sent else { return Ok(false) };
    match send(deps, &letter).await {
        Err(Fault::Permanent(reason)) => {
            tracing::error!(letter.id, reason, "a dead letter that cannot be sent");
            let unsent = |known: Option<DeadLetter>| {
                let mut letter = known?.left_to_a_person();
                letter.deaths.push(Death { at: now, reason: reason.clone(), delivery_count: 0 });
                Some(letter)
            };
            deps.state().change(&keys::dead_letter(id), unsent).await?;
            Ok(false)
        }
        done => done.map(|()| true),
    }
}

/// Forgets a letter for good, even one that cannot be read. Returns whether there was one.
pub async fn discard(deps: &Deps, id: &str) -> Result<bool, Fault> {
    let key = keys::dead_letter(id);
    let there = deps.documents.get(&key).await.map_err(StateError::from)?.is_some();
    deps.state().delete(&key).await?;
    Ok(there)
}

/// What a round of the timer did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Messages taken over from dead-letter queues.
    pub taken: usize,
    /// Letters sent again.
    pub replayed: usize,
}

/// Takes over what the broker gave up, and sends again what is due.
pub async fn reprocess(deps: &Deps) -> Result<Round, Fault> {
    let (mut round, mut first_fault) = (Round::default(), None);
    for queue in queue::ALL {
        // One queue's trouble is not its neighbours'.
        match take_over(deps, queue).await {
            Ok(taken) => round.taken += taken,
            Err(fault) => first_fault = first_fault.or(Some(fault)),
        }
    }
    let now = deps.now();
    for letter in all(deps).await?.iter().filter(|letter| letter.is_due(now)) {
        match send_due(deps, &letter.id, now).await {
            Ok(sent) => round.replayed += usize::from(sent),
            Err(fault) => first_fault = first_fault.or(Some(fault)),
        }
    }
    first_fault.map_or(Ok(round), Err)
}

/// Messages that were delivered too often: whoever had them died before they could say why. One that cannot be taken
/// over is left to its lock, and does not keep the others from it.
async fn take_over(deps: &Deps, queue: &str) -> Result<usize, Fault> {
    let (mut taken, mut first_fault) = (0, None);
    loop {
        let dead = deps.queues.receive(&dead_letter_queue(queue), BATCH, LOCK, Duration::ZERO).await?;
        if dead.is_empty() {
            return first_fault.map_or(Ok(taken), Err);
        }
        for delivery in &dead {
            match take_over_one(deps, queue, delivery).await {
                Ok(()) => taken += 1,
                Err(fault) => first_fault = first_fault.or(Some(fault)),
            }
        }
    }
}

async fn take_over_one(deps: &Deps, queue: &str, delivery: &Delivery) -> Result<(), Fault> {
    adopt(deps, queue, delivery).await?;
    Ok(deps.queues.complete(&delivery.lock).await?)
}

/// Who was delivered too often had a function that never answered. Whatever else is there was put there for a reason
/// of its own, such as its age: trying again by itself would not help.
async fn adopt(deps: &Deps, queue: &str, delivery: &Delivery) -> Result<(), Fault> {
    let told = delivery.reason.as_deref().unwrap_or("the queue gave no reason");
    let exhausted = delivery.delivery_count >= MAX_DELIVERIES;
    let (kind, reason) = match stage::give_up(deps, queue, &delivery.body, None).await? {
        false => (Kind::Malformed, told.to_owned()),
        true if exhausted => (
            Kind::Transient,
            format!("it was delivered {MAX_DELIVERIES} times, and its function never finished: {told}"),
        ),
        true => (Kind::Permanent, told.to_owned()),
    };
    tracing::error!(queue, reason, "taken over from the dead-letter queue");
    let (message, given_up) = (delivery.id.as_str(), is_last(deps, queue, &delivery.id, kind));
    if given_up {
        stage::give_up(deps, queue, &delivery.body, Some(&reason)).await?;
    }
    let enqueued_at = delivery.enqueued_at;
    let corpse = Corpse { queue, message, body: &delivery.body, kind, enqueued_at, given_up };
    // Receiving it here counts as a delivery too.
    let delivery_count = delivery.delivery_count.saturating_sub(1);
    keep(deps, &corpse, &Death { at: deps.now(), reason: cut_reason(&reason).to_owned(), delivery_count }).await
}

/// Whether a letter waits for a person.
pub fn waits_for_a_person(letter: &DeadLetter) -> bool {
    matches!(letter.state, State::Waiting { replay_at: None })
}

/// A letter as a list shows it: without its body.
pub fn summary(letter: &DeadLetter) -> Value {
    json!({
        "id": letter.id,
        "queue": letter.queue,
        "kind": letter.kind,
        "state": letter.state,
        "replays": letter.replays,
        "enqueued_at": letter.enqueued_at,
        "dead_at": letter.deaths.last().map(|death| death.at),
        "reason": letter.reason(),
    })
}
