//! A queue's trigger: it receives, invokes, renews locks meanwhile, and settles by the verdict.

use crate::answer::Verdict;
use crate::envelope::{Encoding, queue_message};
use crate::host::Shared;
use crate::service_bus::{Received, ServiceBus};
use jiff::Timestamp;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How long one request waits for a message.
const WAIT: Duration = Duration::from_secs(20);
/// How long to wait after the namespace has failed.
const PAUSE: Duration = Duration::from_millis(500);
/// The shortest time between two renewals.
const LEAST_RENEWAL: Duration = Duration::from_millis(200);

/// Which queue fires which function.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) function: String,
    pub(crate) binding: String,
    pub(crate) queue: String,
}

/// Works a queue until there is no handler any more.
pub(crate) async fn work(shared: Arc<Shared>, bus: Arc<ServiceBus>, source: Source) {
    let permits = Arc::new(Semaphore::new(shared.at_a_time));
    let mut invocations = JoinSet::new();
    while shared.ready().await.is_ok() {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        match bus.receive(&source.queue, WAIT).await {
            Ok(Some(received)) => {
                let (shared, bus, source) = (Arc::clone(&shared), Arc::clone(&bus), source.clone());
                invocations.spawn(async move {
                    handle(&shared, &bus, &source, &received).await;
                    drop(permit);
                });
            }
            Ok(None) => {}
            Err(error) => {
                eprintln!("functions host: {error:#}");
                tokio::time::sleep(PAUSE).await;
            }
        }
        while invocations.try_join_next().is_some() {}
    }
}

async fn handle(shared: &Shared, bus: &ServiceBus, source: &Source, received: &Received) {
    let envelope = queue_message(&source.function, &source.binding, &received.message, Encoding::Double);
    let mut invocation = pin!(shared.invoke(&source.function, &envelope, received.trace.as_deref()));
    let left = Duration::try_from(received.locked_until.duration_since(Timestamp::now())).unwrap_or_default();
    let every = (left / 2).max(LEAST_RENEWAL);
    let verdict = loop {
        tokio::select! {
            verdict = &mut invocation => break verdict,
            () = tokio::time::sleep(every) => {
                // A lock that is lost shows again when the message is settled.
                drop(bus.renew(received).await);
            }
        }
    };
    let settled = match verdict {
        Verdict::Done(_) => bus.complete(received).await,
        Verdict::Failed(_) | Verdict::Hangs(_) => bus.unlock(received).await,
    };
    match settled {
        Ok(true) => {}
        Ok(false) => shared.count(&source.function, |counts| counts.lost_locks += 1),
        Err(error) => eprintln!("functions host: {error:#}"),
    }
}
