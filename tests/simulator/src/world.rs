//! The estate over time: what is true now, what Resource Graph still sees,
//! and what the activity log has recorded. Rendered answers are kept beside
//! the state they were rendered from, so a change makes them disappear.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use crate::{
    arm::activity_log::Event,
    estate::{change::Change, model::Estate},
    graph::answer::Table,
};

/// Rendered answers kept for one state.
const MAX_CACHED_PAGES: usize = 50_000;
/// Query results kept for one state.
const MAX_CACHED_TABLES: usize = 200;
/// Events kept in the activity log.
const MAX_EVENTS: usize = 100_000;

/// One state of the estate with what was rendered from it.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) estate: Estate,
    pages: Mutex<HashMap<String, Bytes>>,
    tables: Mutex<HashMap<String, Arc<Table>>>,
}

impl Snapshot {
    fn new(estate: Estate) -> Arc<Self> {
        Arc::new(Self { estate, pages: Mutex::default(), tables: Mutex::default() })
    }

    pub(crate) fn cached_page(&self, key: &str) -> Option<Bytes> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(crate) fn keep_page(&self, key: String, page: Bytes) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.len() >= MAX_CACHED_PAGES {
            pages.clear();
        }
        pages.insert(key, page);
    }

    pub(crate) fn cached_table(&self, key: &str) -> Option<Arc<Table>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(crate) fn keep_table(&self, key: String, table: Arc<Table>) {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if tables.len() >= MAX_CACHED_TABLES {
            tables.clear();
        }
        tables.insert(key, table);
    }
}

/// The estate and its recent past.
#[derive(Debug)]
pub(crate) struct World {
    current: RwLock<Arc<Snapshot>>,
    /// Snapshots by the time they become visible to Resource Graph.
    graph: Mutex<VecDeque<(Timestamp, Arc<Snapshot>)>>,
    graph_lag: SignedDuration,
    events: RwLock<Vec<Event>>,
    log_delay: SignedDuration,
}

impl World {
    pub(crate) fn new(estate: Estate, graph_lag_ms: u64, log_delay_ms: u64, now: Timestamp) -> Self {
        let first = Snapshot::new(estate);
        let millis = |ms: u64| SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        Self {
            graph: Mutex::new(VecDeque::from([(now, Arc::clone(&first))])),
            current: RwLock::new(first),
            graph_lag: millis(graph_lag_ms),
            events: RwLock::default(),
            log_delay: millis(log_delay_ms),
        }
    }

    /// What is true now.
    pub(crate) fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What Resource Graph sees at a time.
    pub(crate) fn seen_by_graph(&self, now: Timestamp) -> Arc<Snapshot> {
        let mut graph = self.graph.lock().unwrap_or_else(PoisonError::into_inner);
        while graph.len() > 1 && graph[1].0 <= now {
            graph.pop_front();
        }
        graph.front().map_or_else(|| self.current(), |(_, snapshot)| Arc::clone(snapshot))
    }

    /// Changes the estate. `apply` works on a copy and answers what it did
    /// beside its own result; on an error nothing is kept. Changes are made
    /// one after the other.
    pub(crate) fn change<T, E>(
        &self,
        now: Timestamp,
        apply: impl FnOnce(&mut Estate) -> Result<(T, Vec<Change>), E>,
    ) -> Result<T, E> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let mut estate = current.estate.clone();
        let (result, changes) = apply(&mut estate)?;
        if changes.is_empty() {
            return Ok(result);
        }
        self.put(&mut current, estate, now);
        let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes.iter().filter(|change| !change.cascaded) {
            let number = events.len();
            events.extend(Event::pair(change, number, now));
        }
        if events.len() > MAX_EVENTS {
            let surplus = events.len() - MAX_EVENTS;
            events.drain(..surplus);
        }
        Ok(result)
    }

    /// Changes what no activity log tells of, such as the directory. On an
    /// error nothing is kept.
    pub(crate) fn alter<T, E>(&self, now: Timestamp, apply: impl FnOnce(&mut Estate) -> Result<T, E>) -> Result<T, E> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let mut estate = current.estate.clone();
        let result = apply(&mut estate)?;
        self.put(&mut current, estate, now);
        Ok(result)
    }

    /// Makes an estate the current one; Resource Graph sees it later.
    fn put(&self, current: &mut Arc<Snapshot>, estate: Estate, now: Timestamp) {
        let next = Snapshot::new(estate);
        *current = Arc::clone(&next);
        let visible = now.checked_add(self.graph_lag).unwrap_or(now);
        self.graph.lock().unwrap_or_else(PoisonError::into_inner).push_back((visible, next));
    }

    /// The events that the activity log shows at a time and that pass a test.
    pub(crate) fn events(&self, now: Timestamp, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
        let latest = now.checked_sub(self.log_delay).unwrap_or(now);
        self.events
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter(|event| event.at <= latest && wanted(event))
            .cloned()
            .collect()
    }
}
