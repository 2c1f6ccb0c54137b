//! Documents and queues in memory, on tokio's clock, that can be told to fail.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use poolwarden_store::{
    Delivery, Document, Documents, Expect, Listed, Lock, Outgoing, QueueError, Queues, StoreError, Version,
};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
pub(super) struct FakeDocuments {
    stored: Mutex<BTreeMap<String, (u64, Bytes)>>,
    /// So many calls fail first.
    pub(super) outage: Mutex<u32>,
}

impl FakeDocuments {
    fn available(&self, action: &str) -> Result<(), StoreError> {
        let mut outage = lock(&self.outage);
        if *outage == 0 {
            return Ok(());
        }
        *outage -= 1;
        Err(StoreError::Unavailable { action: action.to_owned(), source: "down".into() })
    }

    pub(super) fn json(&self, key: &str) -> Option<serde_json::Value> {
        lock(&self.stored).get(key).map(|(_, body)| serde_json::from_slice(body).unwrap())
    }

    /// Writes behind everybody's back.
    pub(super) fn force(&self, key: &str, body: &serde_json::Value) {
        let mut stored = lock(&self.stored);
        let version = stored.get(key).map_or(1, |(version, _)| version + 1);
        stored.insert(key.to_owned(), (version, body.to_string().into()));
    }
}

#[async_trait]
impl Documents for FakeDocuments {
    async fn get(&self, key: &str) -> Result<Option<Document>, StoreError> {
        self.available("read")?;
        let found = lock(&self.stored).get(key).cloned();
        Ok(found.map(|(version, body)| Document { version: Version(version.to_string()), body }))
    }

    async fn put(&self, key: &str, body: Bytes, expect: Expect) -> Result<Version, StoreError> {
        self.available("write")?;
        let mut stored = lock(&self.stored);
        let known = stored.get(key).map(|(version, _)| *version);
        let expected = match expect {
            Expect::Absent => None,
            Expect::Version(Version(version)) => Some(version.parse().unwrap()),
        };
        if known != expected {
            return Err(StoreError::Conflict { key: key.to_owned() });
        }
        let version = known.map_or(1, |known| known + 1);
        stored.insert(key.to_owned(), (version, body));
        Ok(Version(version.to_string()))
    }

    async fn delete(&self, _: &str, _: &Version) -> Result<(), StoreError> {
        unreachable!("the host deletes nothing")
    }

    async fn list(&self, _: &str, _: Option<&str>, _: usize) -> Result<Vec<Listed>, StoreError> {
        unreachable!("the host lists nothing")
    }

    async fn scan(&self, _: &str, _: Option<&str>, _: usize) -> Result<Vec<(String, Document)>, StoreError> {
        unreachable!("the host scans nothing")
    }
}

struct Entry {
    id: String,
    body: String,
    count: u32,
    ready_at: Instant,
    /// The current lock, and when it runs out.
    held: Option<(String, Instant)>,
    enqueued_at: Timestamp,
}

/// What was given up.
#[derive(Clone)]
pub(super) struct Dead {
    pub(super) reason: String,
    pub(super) delivery_count: u32,
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    dead: Vec<Dead>,
    tokens: u64,
    /// What was done to messages, in order: `complete m1`, `abandon m1`, `renew m1`, `lost m1`.
    log: Vec<String>,
}

/// One queue, whatever its name.
pub(super) struct FakeQueues {
    state: Mutex<State>,
    max_delivery_count: u32,
    pub(super) outage: Mutex<u32>,
}

impl FakeQueues {
    pub(super) fn new(max_delivery_count: u32) -> Self {
        Self { state: Mutex::default(), max_delivery_count, outage: Mutex::default() }
    }

    pub(super) fn put(&self, id: &str, body: &str) {
        lock(&self.state).entries.push(Entry {
            id: id.to_owned(),
            body: body.to_owned(),
            count: 0,
            ready_at: Instant::now(),
            held: None,
            enqueued_at: "2026-03-01T10:00:00.75Z".parse().unwrap(),
        });
    }

    pub(super) fn left(&self) -> usize {
        lock(&self.state).entries.len()
    }

    pub(super) fn dead(&self) -> Vec<Dead> {
        lock(&self.state).dead.clone()
    }

    pub(super) fn log(&self) -> Vec<String> {
        lock(&self.state).log.clone()
    }

    fn take(&self, max: usize, lock_for: Duration) -> Vec<Delivery> {
        let now = Instant::now();
        let mut state = lock(&self.state);
        let State { entries, tokens, .. } = &mut *state;
        let free = entries
            .iter_mut()
            .filter(|entry| entry.ready_at <= now && entry.held.as_ref().is_none_or(|(_, until)| *until <= now));
        free.take(max)
            .map(|entry| {
                *tokens += 1;
                entry.count += 1;
                entry.held = Some((format!("t{tokens}"), now + lock_for));
                Delivery {
                    id: entry.id.clone(),
                    body: entry.body.clone(),
                    delivery_count: entry.count,
                    sequence: 1,
                    enqueued_at: entry.enqueued_at,
                    locked_until: entry.enqueued_at + SignedDuration::try_from(lock_for).unwrap(),
                    lock: Lock { queue: "jobs".into(), token: format!("t{tokens}") },
                    traceparent: None,
                    reason: None,
                }
            })
            .collect()
    }

    /// Does something to the entry that is held under this lock.
    fn settle(&self, name: &str, held: &Lock, act: impl FnOnce(&mut State, usize)) -> Result<(), QueueError> {
        let mut state = lock(&self.state);
        let now = Instant::now();
        let found = state
            .entries
            .iter()
            .position(|entry| entry.held.as_ref().is_some_and(|(token, until)| *token == held.token && *until > now));
        let Some(index) = found else {
            state.log.push(format!("lost {name}"));
            return Err(QueueError::LockLost { queue: held.queue.clone() });
        };
        let id = state.entries[index].id.clone();
        state.log.push(format!("{name} {id}"));
        act(&mut state, index);
        Ok(())
    }
}

#[async_trait]
impl Queues for FakeQueues {
    async fn send(&self, _: &str, _: Vec<Outgoing>) -> Result<(), QueueError> {
        unreachable!("the host sends nothing")
    }

    async fn receive(
        &self,
        queue: &str,
        max: usize,
        lock_for: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        assert!(max > 0);
        {
            let mut outage = lock(&self.outage);
            if *outage > 0 {
                *outage -= 1;
                let queue = queue.to_owned();
                return Err(QueueError::Unavailable { queue, action: "receive", source: "down".into() });
            }
        }
        let deadline = Instant::now() + wait;
        loop {
            let taken = self.take(max, lock_for);
            if !taken.is_empty() || Instant::now() >= deadline {
                return Ok(taken);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn complete(&self, held: &Lock) -> Result<(), QueueError> {
        self.settle("complete", held, |state, index| drop(state.entries.remove(index)))
    }

    async fn abandon(&self, held: &Lock, delay: Duration, reason: &str) -> Result<(), QueueError> {
        let max = self.max_delivery_count;
        self.settle("abandon", held, |state, index| {
            let entry = &mut state.entries[index];
            entry.held = None;
            entry.ready_at = Instant::now() + delay;
            if entry.count >= max {
                let entry = state.entries.remove(index);
                state.dead.push(Dead { reason: reason.to_owned(), delivery_count: entry.count });
            }
        })
    }

    async fn renew(&self, held: &Lock, lock_for: Duration) -> Result<Timestamp, QueueError> {
        self.settle("renew", held, |state, index| {
            if let Some((_, until)) = &mut state.entries[index].held {
                *until = Instant::now() + lock_for;
            }
        })?;
        Ok(Timestamp::UNIX_EPOCH)
    }
}
