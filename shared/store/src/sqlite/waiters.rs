//! Who waits for a message in this process, so that a send is received at once and not at the next look.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// One bell a queue. An entry stays for good: the names of queues are few and fixed.
#[derive(Default)]
pub(super) struct Waiters(Mutex<HashMap<String, Arc<Notify>>>);

impl Waiters {
    pub(super) fn bell(&self, queue: &str) -> Arc<Notify> {
        Arc::clone(self.bells().entry(queue.to_owned()).or_default())
    }

    /// Everybody looks again: one batch may feed several receivers, and a message with a time changes how long they
    /// have to wait.
    pub(super) fn ring(&self, queue: &str) {
        if let Some(bell) = self.bells().get(queue) {
            bell.notify_waiters();
        }
    }

    pub(super) fn ring_all(&self) {
        for bell in self.bells().values() {
            bell.notify_waiters();
        }
    }

    fn bells(&self) -> MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
