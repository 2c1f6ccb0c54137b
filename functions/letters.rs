//! Dead letters: kept as documents, whatever carries the messages, sent again by a timer or a person, and gone once their
//! work is done.

use crate::deps::Deps;
use crate::stage::{self, Fault, MAX_DELIVERIES};
use crate::{keys, runs};
use poolwarden_domain::dead_letter::{Corpse, DeadLetter, Death, Kind, State, is_final, life};
use poolwarden_domain::message::{Body, queue};
use poolwarden_domain::run::Run;
use poolwarden_store::{Delivery, Outgoing, dead_letter_queue};
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

/// Every letter, in the order of their ids.
pub async fn all(deps: &Deps) -> Result<Vec<DeadLetter>, Fault> {
    let letters: Vec<(String, DeadLetter)> = deps.state().all(keys::DEAD_LETTERS).await?;
    Ok(letters.into_iter().map(|(_, letter)| letter).collect())
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

/// Has a letter's work done, as a person asks; `None` if there is no such letter. A run that has ended would not look
/// at its old messages any more, so a new one does what was left undone.
pub async fn replay(deps: &Deps, id: &str) -> Result<Option<Replayed>, Fault> {
    let Some(letter) = find(deps, id).await? else { return Ok(None) };
    if let Some((ended, pool)) = ended_run(deps, &letter).await? {
        deps.sources.forget_refusal(&ended.connection);
        let run = runs::instead_of(deps, &ended, pool.as_deref(), &letter.id).await?;
        discard(deps, id).await?;
        return Ok(Some(Replayed { dead_letter: letter.id, queue: queue::ACQUIRE_TOKEN.to_owned(), run: Some(run) }));
    }
    let sent = send_again(deps, id).await?;
    Ok(sent.map(|letter| Replayed { dead_letter: letter.id, queue: letter.queue, run: None }))
}

/// The run that a letter's message belongs to, if that has ended, and the pool it is about.
async fn ended_run(deps: &Deps, letter: &DeadLetter) -> Result<Option<(Run, Option<String>)>, Fault> {
    #[derive(Deserialize)]
    struct OfRun {
        run: String,
        connection: String,
        pool: Option<String>,
    }
    // A message of no run, a notification, or nothing that can be read.
    let Ok(body) = serde_json::from_str::<Body<OfRun>>(&letter.body) else { return Ok(None) };
    let OfRun { run, connection, pool } = body.poolwarden;
    let run: Option<Run> = deps.state().value(&keys::run(&run, &connection)).await?;
    Ok(run
        .filter(|run| run.finished.is_some() && deps.config.connection(&run.connection).is_some())
        .map(|run| (run, pool)))
}

/// Sends a letter's message again. Repeated, it sends the same message; `None` if there is no such letter.
async fn send_again(deps: &Deps, id: &str) -> Result<Option<DeadLetter>, Fault> {
    let now = deps.now();
    let again = |known: Option<DeadLetter>| Some(known?.replayed(now));
    let Some(letter) = deps.state().change(&keys::dead_letter(id), again).await? else { return Ok(None) };
    deps.send(&letter.queue, vec![Outgoing::new(letter.replay_id(), letter.body.as_str())]).await?;
    Ok(Some(letter))
}

/// Forgets a letter for good. Returns whether there was one.
pub async fn discard(deps: &Deps, id: &str) -> Result<bool, Fault> {
    let there = find(deps, id).await?.is_some();
    deps.state().delete(&keys::dead_letter(id)).await?;
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
        send_again(deps, &letter.id).await?;
        round.replayed += 1;
    }
    first_fault.map_or(Ok(round), Err)
}

/// Messages that were delivered too often: whoever had them died before they could say why.
async fn take_over(deps: &Deps, queue: &str) -> Result<usize, Fault> {
    let mut taken = 0;
    loop {
        let dead = deps.queues.receive(&dead_letter_queue(queue), BATCH, LOCK, Duration::ZERO).await?;
        if dead.is_empty() {
            return Ok(taken);
        }
        taken += dead.len();
        for delivery in &dead {
            adopt(deps, queue, delivery).await?;
            deps.queues.complete(&delivery.lock).await?;
        }
    }
}

async fn adopt(deps: &Deps, queue: &str, delivery: &Delivery) -> Result<(), Fault> {
    let told = delivery.reason.as_deref().unwrap_or("the queue gave no reason");
    let reason = format!("it was delivered {MAX_DELIVERIES} times, and its function never answered: {told}");
    tracing::error!(queue, reason, "taken over from the dead-letter queue");
    let (message, kind) = (delivery.id.as_str(), Kind::Transient);
    if is_last(deps, queue, message, kind) {
        stage::give_up(deps, queue, &delivery.body, &reason).await?;
    }
    let corpse = Corpse { queue, message, body: &delivery.body, kind, enqueued_at: delivery.enqueued_at };
    keep(deps, &corpse, &Death { at: deps.now(), reason, delivery_count: MAX_DELIVERIES }).await
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
