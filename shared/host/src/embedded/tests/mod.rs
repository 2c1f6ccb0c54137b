//! The embedded host, seen from a function and from a queue.

mod fakes;
mod http;
mod queues;
mod roundtrip;
mod start;
mod timers;

use super::*;
use crate::{FunctionApp, Outcome};
use fakes::{FakeDocuments, FakeQueues};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

const HOST_JSON: &str = r#"{
    "version": "2.0",
    "functionTimeout": "00:00:30",
    "extensions": {
        "http": { "routePrefix": "api" },
        "serviceBus": { "maxAutoLockRenewalDuration": "00:01:00", "maxConcurrentCalls": 3 }
    },
    "customHandler": { "description": { "defaultExecutablePath": "poolwarden" } }
}"#;

const QUEUE: FunctionDefinition = FunctionDefinition {
    name: "work",
    function_json: r#"{ "bindings": [
        { "name": "message", "type": "serviceBusTrigger", "direction": "in", "queueName": "jobs",
          "connection": "ServiceBus", "dataType": "string" } ] }"#,
};

/// When every test starts: a Sunday, half a minute past a full hour.
const START: &str = "2026-03-01T10:00:30Z";

/// A clock that goes with tokio's, which stands still while anybody works.
fn clock() -> Clock {
    let (start, origin): (Timestamp, _) = (START.parse().unwrap(), Instant::now());
    Arc::new(move || start + SignedDuration::try_from(origin.elapsed()).unwrap())
}

fn options() -> HostOptions {
    HostOptions {
        listen: None,
        lock_duration: Duration::from_secs(4),
        clock: clock(),
        settings: Arc::new(|name| (name == "SCHEDULE").then(|| "0 */5 * * * *".to_owned())),
        ..HostOptions::default()
    }
}

/// A list that handlers write to and tests read.
#[derive(Clone)]
struct Seen<T>(Arc<Mutex<Vec<T>>>);

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Seen<T> {
    fn push(&self, item: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(item);
    }

    fn all(&self) -> Vec<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A host at work.
struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), RunError>>,
}

impl Running {
    fn new(host: EmbeddedHost) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(host.run(async {
            let _ = stopped.await;
        }));
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

async fn seconds(count: u64) {
    tokio::time::sleep(Duration::from_secs(count)).await;
}
