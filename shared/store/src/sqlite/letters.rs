//! The dead letters, in SQL. There is one for a queue and an id: who dies again replaces who died before.

use super::failure::Failure;
use super::messages::{self, Life};
use crate::clock::from_micros;
use crate::{DeadLetter, cut_reason};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Moves a message to the dead letters.
pub(super) fn give_up(
    connection: &Connection,
    sequence: i64,
    reason: &str,
    now: Timestamp,
) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached(
            "INSERT INTO dead_letters (queue, id, dead_at, enqueued_at, delivery_count, reason, body) \
             SELECT queue, id, ?2, enqueued_at, delivery_count, ?3, body FROM messages WHERE sequence = ?1 \
             ON CONFLICT (queue, id) DO UPDATE SET dead_at = excluded.dead_at, reason = excluded.reason, \
             delivery_count = excluded.delivery_count, body = excluded.body",
        )?
        .execute(params![sequence, now.as_microsecond(), cut_reason(reason)])?;
    connection.prepare_cached("DELETE FROM messages WHERE sequence = ?1")?.execute([sequence]).map(drop)
}

/// Records a letter as it is. The first one stays: burying again is what a repeated delivery does.
pub(super) fn bury(connection: &Connection, queue: &str, letter: &DeadLetter) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT INTO dead_letters (queue, id, dead_at, enqueued_at, delivery_count, reason, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (queue, id) DO NOTHING",
        )?
        .execute(params![
            queue,
            letter.id,
            letter.dead_at.as_microsecond(),
            letter.enqueued_at.as_microsecond(),
            letter.delivery_count,
            cut_reason(&letter.reason),
            letter.body
        ])?;
    Ok(())
}

pub(super) fn oldest(connection: &Connection, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, Failure> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(
        "SELECT id, body, reason, delivery_count, enqueued_at, dead_at FROM dead_letters \
         WHERE queue = ?1 ORDER BY dead_at, number LIMIT ?2",
    )?;
    let letters = statement.query_map(params![queue, limit], letter)?;
    Ok(letters.collect::<Result<_, _>>()?)
}

fn letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        id: row.get(0)?,
        body: row.get(1)?,
        reason: row.get(2)?,
        delivery_count: row.get(3)?,
        enqueued_at: from_micros(row.get(4)?),
        dead_at: from_micros(row.get(5)?),
    })
}

/// Back to the queue. Its id stays remembered: whoever sends it once more is still a duplicate.
pub(super) fn revive(connection: &Connection, queue: &str, id: &str, now: Timestamp) -> Result<bool, Failure> {
    let letter: Option<(String, i64)> = connection
        .prepare_cached("DELETE FROM dead_letters WHERE queue = ?1 AND id = ?2 RETURNING body, enqueued_at")?
        .query_row([queue, id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((body, enqueued_at)) = letter else {
        return Ok(false);
    };
    messages::insert(connection, &Life { queue, id, body: &body, enqueued_at }, now.as_microsecond())?;
    Ok(true)
}

pub(super) fn discard(connection: &Connection, queue: &str, id: &str) -> Result<bool, Failure> {
    let mut statement = connection.prepare_cached("DELETE FROM dead_letters WHERE queue = ?1 AND id = ?2")?;
    Ok(statement.execute([queue, id])? == 1)
}
