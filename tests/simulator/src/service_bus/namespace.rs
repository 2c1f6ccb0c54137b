//! All queues behind one mutex, and the receivers that wait for messages.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::{sync::Notify, time::Instant};

use super::{
    address::Address,
    error::Refusal,
    message::Message,
    queue::{Mode, Queue},
    settings::QueueSpec,
};
use crate::{
    clock::Clock,
    dice::{guid, hash},
};

/// The shortest nap of a receiver, so that one whose time has almost come does
/// not spin.
const MIN_NAP: Duration = Duration::from_millis(1);

/// Wakes the receivers that wait at a queue and at its dead-letter queue.
#[derive(Debug, Default)]
struct Bells {
    main: Notify,
    dead: Notify,
}

impl Bells {
    fn of(&self, dead: bool) -> &Notify {
        if dead { &self.dead } else { &self.main }
    }

    fn ring_all(&self) {
        self.main.notify_waiters();
        self.dead.notify_waiters();
    }
}

#[derive(Debug)]
struct Entry {
    queue: Queue,
    bells: Arc<Bells>,
}

/// The namespace.
#[derive(Debug)]
pub(crate) struct Namespace {
    seed: u64,
    queues: Mutex<BTreeMap<String, Entry>>,
    tokens: AtomicU64,
    closing: AtomicBool,
}

impl Namespace {
    pub(crate) fn new(seed: u64, specs: &[QueueSpec]) -> Self {
        let namespace =
            Self { seed, queues: Mutex::default(), tokens: AtomicU64::new(0), closing: AtomicBool::new(false) };
        for spec in specs {
            namespace.put(spec.clone());
        }
        namespace
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The settings of a queue, if there is one.
    pub(crate) fn spec(&self, name: &str) -> Option<QueueSpec> {
        self.lock().get(&name.to_ascii_lowercase()).map(|entry| entry.queue.spec.clone())
    }

    /// Makes a queue, or gives one other settings; its messages stay.
    pub(crate) fn put(&self, spec: QueueSpec) {
        let mut queues = self.lock();
        if let Some(entry) = queues.get_mut(&spec.name) {
            entry.queue.spec = spec;
            entry.bells.ring_all();
        } else {
            let queue = Queue::new(spec.clone(), hash(self.seed, &spec.name));
            queues.insert(spec.name, Entry { queue, bells: Arc::default() });
        }
    }

    /// Removes a queue with all that is in it; whether there was one.
    pub(crate) fn delete(&self, name: &str) -> bool {
        let removed = self.lock().remove(&name.to_ascii_lowercase());
        if let Some(entry) = &removed {
            entry.bells.ring_all();
        }
        removed.is_some()
    }

    /// Does something with a queue, and wakes whom it concerns: one receiver
    /// for each message that can newly be received, all when something falls
    /// due sooner than they know.
    pub(crate) fn with<T>(&self, name: &str, act: impl FnOnce(&mut Queue) -> T) -> Result<T, Refusal> {
        let mut queues = self.lock();
        let entry = queues.get_mut(name).ok_or_else(|| Refusal::NoQueue(name.to_owned()))?;
        let before = (entry.queue.ready(false), entry.queue.ready(true), entry.queue.next_due());
        let result = act(&mut entry.queue);
        for (dead, before) in [(false, before.0), (true, before.1)] {
            for _ in before..entry.queue.ready(dead) {
                entry.bells.of(dead).notify_one();
            }
        }
        let sooner = match (entry.queue.next_due(), before.2) {
            (Some(now), Some(before)) => now < before,
            (now, None) => now.is_some(),
            (None, Some(_)) => false,
        };
        if sooner {
            entry.bells.ring_all();
        }
        Ok(result)
    }

    /// The next message of a queue, waiting for one; `None` when none came.
    pub(crate) async fn receive(
        &self,
        address: &Address,
        clock: &Clock,
        timeout: Duration,
        peek_lock: bool,
    ) -> Result<Option<Message>, Refusal> {
        let deadline = Instant::now() + timeout;
        loop {
            let bells = self.bells(&address.queue)?;
            let mut rung = pin!(bells.of(address.dead).notified());
            let mut moved = pin!(clock.moved());
            // From here on no bell is missed.
            rung.as_mut().enable();
            moved.as_mut().enable();
            let now = clock.now();
            let mode = if peek_lock { Mode::PeekLock(self.next_token()) } else { Mode::Delete };
            let (message, due) = self.with(&address.queue, |queue| {
                let message = queue.receive(address.dead, mode, now);
                (message, queue.next_due())
            })?;
            let left = deadline.saturating_duration_since(Instant::now());
            if message.is_some() || left.is_zero() || self.closing.load(Ordering::Relaxed) {
                return Ok(message);
            }
            let due = due.and_then(|due| Duration::try_from(due.duration_since(now)).ok());
            let nap = left.min(due.unwrap_or(left)).max(MIN_NAP);
            tokio::select! {
                () = rung => {}
                () = moved => {}
                () = tokio::time::sleep(nap) => {}
            }
        }
    }

    fn bells(&self, name: &str) -> Result<Arc<Bells>, Refusal> {
        let queues = self.lock();
        let entry = queues.get(name).ok_or_else(|| Refusal::NoQueue(name.to_owned()))?;
        Ok(Arc::clone(&entry.bells))
    }

    fn next_token(&self) -> String {
        let number = self.tokens.fetch_add(1, Ordering::Relaxed);
        guid(hash(self.seed, "service bus locks"), number)
    }

    /// Ends all locks of all queues; answers how many.
    pub(crate) fn lapse(&self, now: Timestamp) -> usize {
        let names: Vec<String> = self.lock().keys().cloned().collect();
        names.iter().filter_map(|name| self.with(name, |queue| queue.lapse(now)).ok()).sum()
    }

    /// Every queue with its counts and settings.
    pub(crate) fn document(&self, now: Timestamp) -> Value {
        let names: Vec<String> = self.lock().keys().cloned().collect();
        let mut queues = Map::new();
        for name in names {
            let document = self.with(&name, |queue| {
                queue.pass_time(now);
                queue.document()
            });
            if let Ok(document) = document {
                queues.insert(name, document);
            }
        }
        Value::Object(Map::from_iter([("queues".to_owned(), Value::Object(queues))]))
    }

    /// Sends the waiting receivers home, so that a stop need not wait for them.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
        for entry in self.lock().values() {
            entry.bells.ring_all();
        }
    }
}
