//! The messages that are alive, in SQL: sent, locked, settled. Each function is one job of the writer; the rules of
//! the queue are here, the waiting is in [`super::queues`].

use super::failure::Failure;
use crate::clock::{from_micros, later, micros_rounded_up};
use crate::{DEAD_LETTER_SUFFIX, Delivery, Lock, Outgoing, cut_reason, dead_letter_queue};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use std::time::Duration;

/// The most messages one call of receive takes.
const MAX_TAKEN: usize = 1024;

/// How many outdated ids a send forgets besides two for every one it adds: the table shrinks, in small steps.
const PRUNED_BESIDES: usize = 16;

pub(super) fn send(
    connection: &Connection,
    queue: &str,
    messages: &[Outgoing],
    window: Duration,
    now: Timestamp,
) -> Result<(), Failure> {
    let forgotten = now.as_microsecond().saturating_sub(i64::try_from(window.as_micros()).unwrap_or(i64::MAX));
    for message in messages {
        if seen(connection, queue, &message.id, now, forgotten)? {
            continue;
        }
        let due_at = message.not_before.map_or(now, |not_before| not_before.max(now));
        connection
            .prepare_cached(
                "INSERT INTO messages (queue, id, body, enqueued_at, due_at, delivery_count, traceparent) \
                 VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)",
            )?
            .execute(params![
                queue,
                message.id,
                message.body,
                now.as_microsecond(),
                micros_rounded_up(due_at),
                message.traceparent
            ])?;
    }
    let pruned = i64::try_from(2 * messages.len() + PRUNED_BESIDES).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "DELETE FROM seen_ids WHERE seen_at <= ?1 \
             AND number IN (SELECT number FROM seen_ids ORDER BY number LIMIT ?2)",
        )?
        .execute(params![forgotten, pruned])?;
    Ok(())
}

/// Whether the id was seen within the window; from now on it was.
fn seen(
    connection: &Connection,
    queue: &str,
    id: &str,
    now: Timestamp,
    forgotten: i64,
) -> Result<bool, rusqlite::Error> {
    let mut remember = connection.prepare_cached(
        "INSERT INTO seen_ids (queue, id, seen_at) VALUES (?1, ?2, ?3) ON CONFLICT (queue, id) DO NOTHING",
    )?;
    if remember.execute(params![queue, id, now.as_microsecond()])? == 1 {
        return Ok(false);
    }
    // Not updated but replaced, so that the oldest stay first.
    let outdated = connection
        .prepare_cached("DELETE FROM seen_ids WHERE queue = ?1 AND id = ?2 AND seen_at <= ?3")?
        .execute(params![queue, id, forgotten])?;
    if outdated == 1 {
        remember.execute(params![queue, id, now.as_microsecond()])?;
    }
    Ok(outdated == 0)
}

/// Locks at most `max` messages that are due, the longest due first. It may come to none although some are due: when
/// the first `max` were all to be given up.
pub(super) fn take(
    connection: &Connection,
    queue: &str,
    max: usize,
    lock_for: Duration,
    max_delivery_count: u32,
    now: Timestamp,
) -> Result<Vec<Delivery>, Failure> {
    let locked_until = later(now, lock_for).as_microsecond();
    let limit = i64::try_from(max.min(MAX_TAKEN)).unwrap_or(i64::MAX);
    let due: Vec<(i64, u32)> = connection
        .prepare_cached(
            "SELECT sequence, delivery_count FROM messages WHERE queue = ?1 AND due_at <= ?2 \
             ORDER BY due_at, sequence LIMIT ?3",
        )?
        .query_map(params![queue, now.as_microsecond(), limit], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut taken = Vec::with_capacity(due.len());
    for (sequence, delivered) in due {
        if is_exhausted(queue, delivered, max_delivery_count) {
            let reason = exhausted(connection, sequence, delivered)?;
            give_up(connection, queue, sequence, &reason, now)?;
        } else {
            taken.push(lock(connection, queue, sequence, locked_until)?);
        }
    }
    Ok(taken)
}

/// A dead letter is never given up again.
fn is_exhausted(queue: &str, delivered: u32, max_delivery_count: u32) -> bool {
    delivered >= max_delivery_count && !queue.ends_with(DEAD_LETTER_SUFFIX)
}

/// Moves a message to the dead-letter queue.
fn give_up(
    connection: &Connection,
    queue: &str,
    sequence: i64,
    reason: &str,
    now: Timestamp,
) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached(
            "UPDATE messages SET queue = ?2, due_at = ?3, lock_token = NULL, last_reason = ?4 WHERE sequence = ?1",
        )?
        .execute(params![sequence, dead_letter_queue(queue), now.as_microsecond(), cut_reason(reason)])
        .map(drop)
}

fn exhausted(connection: &Connection, sequence: i64, delivered: u32) -> Result<String, rusqlite::Error> {
    let last: Option<String> = connection
        .prepare_cached("SELECT last_reason FROM messages WHERE sequence = ?1")?
        .query_row([sequence], |row| row.get(0))?;
    let reason = format!("delivered {delivered} times and never completed");
    Ok(match last {
        Some(last) => format!("{reason}; the last reason given was: {last}"),
        None => reason,
    })
}

fn lock(connection: &Connection, queue: &str, sequence: i64, locked_until: i64) -> Result<Delivery, rusqlite::Error> {
    connection
        .prepare_cached(
            "UPDATE messages SET due_at = ?2, lock_token = randomblob(16), delivery_count = delivery_count + 1 \
             WHERE sequence = ?1 \
             RETURNING id, body, delivery_count, enqueued_at, lock_token, traceparent, last_reason",
        )?
        .query_row(params![sequence, locked_until], |row| {
            let token = Token { sequence, random: row.get(4)? };
            Ok(Delivery {
                id: row.get(0)?,
                body: row.get(1)?,
                delivery_count: row.get(2)?,
                sequence,
                enqueued_at: from_micros(row.get(3)?),
                locked_until: from_micros(locked_until),
                lock: Lock { queue: queue.to_owned(), token: token.to_text() },
                traceparent: row.get(5)?,
                reason: row.get(6)?,
            })
        })
}

/// What proves a lock: where the message is, and what was drawn for this delivery of it.
pub(super) struct Token {
    sequence: i64,
    random: [u8; 16],
}

impl Token {
    fn to_text(&self) -> String {
        format!("{}-{:032x}", self.sequence, u128::from_be_bytes(self.random))
    }

    /// A token this store never gave is a lock nobody has.
    pub(super) fn of(lock: &Lock) -> Result<Self, Failure> {
        let parse = |text: &str| {
            let (sequence, random) = text.split_once('-')?;
            Some(Self {
                sequence: sequence.parse().ok()?,
                random: u128::from_str_radix(random, 16).ok()?.to_be_bytes(),
            })
        };
        parse(&lock.token).ok_or(Failure::LockLost)
    }
}

pub(super) fn complete(connection: &Connection, queue: &str, token: &Token, now: Timestamp) -> Result<(), Failure> {
    let removed = connection
        .prepare_cached("DELETE FROM messages WHERE sequence = ?1 AND lock_token = ?2 AND queue = ?3 AND due_at > ?4")?
        .execute(params![token.sequence, token.random, queue, now.as_microsecond()])?;
    if removed == 0 { Err(Failure::LockLost) } else { Ok(()) }
}

/// The delivery count of a message whose lock this is; refused if it was lost.
fn held(connection: &Connection, queue: &str, token: &Token, now: Timestamp) -> Result<u32, Failure> {
    connection
        .prepare_cached(
            "SELECT delivery_count FROM messages \
             WHERE sequence = ?1 AND lock_token = ?2 AND queue = ?3 AND due_at > ?4",
        )?
        .query_row(params![token.sequence, token.random, queue, now.as_microsecond()], |row| row.get(0))
        .optional()?
        .ok_or(Failure::LockLost)
}

pub(super) fn abandon(
    connection: &Connection,
    queue: &str,
    token: &Token,
    delay: Duration,
    reason: &str,
    max_delivery_count: u32,
    now: Timestamp,
) -> Result<(), Failure> {
    let delivered = held(connection, queue, token, now)?;
    if is_exhausted(queue, delivered, max_delivery_count) {
        return Ok(give_up(connection, queue, token.sequence, reason, now)?);
    }
    connection
        .prepare_cached("UPDATE messages SET due_at = ?2, lock_token = NULL, last_reason = ?3 WHERE sequence = ?1")?
        .execute(params![token.sequence, later(now, delay).as_microsecond(), reason])?;
    Ok(())
}

pub(super) fn renew(
    connection: &Connection,
    queue: &str,
    token: &Token,
    lock_for: Duration,
    now: Timestamp,
) -> Result<Timestamp, Failure> {
    held(connection, queue, token, now)?;
    let locked_until = later(now, lock_for).as_microsecond();
    connection
        .prepare_cached("UPDATE messages SET due_at = ?2 WHERE sequence = ?1")?
        .execute([token.sequence, locked_until])?;
    Ok(from_micros(locked_until))
}

pub(super) fn release_all(connection: &Connection, now: Timestamp) -> Result<usize, Failure> {
    Ok(connection.execute(
        "UPDATE messages SET due_at = ?1, lock_token = NULL WHERE lock_token IS NOT NULL AND due_at > ?1",
        [now.as_microsecond()],
    )?)
}

/// When the first message of the queue can be received, be it in the past or in the future.
pub(super) fn next_due(connection: &Connection, queue: &str) -> Result<Option<Timestamp>, Failure> {
    let due_at: Option<i64> = connection
        .prepare_cached("SELECT min(due_at) FROM messages WHERE queue = ?1")?
        .query_row([queue], |row| row.get(0))?;
    Ok(due_at.map(from_micros))
}

/// How full a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Receivable now.
    pub ready: u64,
    /// Waiting for their time.
    pub scheduled: u64,
    /// With a receiver.
    pub locked: u64,
    /// In the dead-letter queue.
    pub dead: u64,
}

pub(super) fn depth(connection: &Connection, queue: &str, now: Timestamp) -> Result<Depth, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT (SELECT count(*) FROM messages WHERE queue = ?1 AND due_at <= ?2), \
                (SELECT count(*) FROM messages WHERE queue = ?1 AND due_at > ?2 AND lock_token IS NULL), \
                (SELECT count(*) FROM messages WHERE queue = ?1 AND due_at > ?2 AND lock_token IS NOT NULL), \
                (SELECT count(*) FROM messages WHERE queue = ?3)",
    )?;
    Ok(statement.query_row(params![queue, now.as_microsecond(), dead_letter_queue(queue)], |row| {
        let count = |column| row.get(column).map(i64::unsigned_abs);
        Ok(Depth { ready: count(0)?, scheduled: count(1)?, locked: count(2)?, dead: count(3)? })
    })?)
}
