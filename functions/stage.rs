//! What every queue-driven function has in common: read the message, do the work, and see to it that work which
//! fails for good is kept with its reason and that nobody waits for it.

use crate::acquire_token::AcquireToken;
use crate::audit_host_pool::AuditHostPool;
use crate::deliver_notification::DeliverNotification;
use crate::deps::Deps;
use crate::discover_host_pools::DiscoverHostPools;
use crate::enumerate_host_pool::EnumerateHostPool;
use crate::finish_run::FinishRun;
use crate::publish_package::PublishPackage;
use crate::read_access::ReadAccess;
use crate::state::StateError;
use crate::{health, letters, planted_bug};
use poolwarden_domain::dead_letter::{Corpse, Death, Kind};
use poolwarden_domain::message::{Body, queue};
use poolwarden_domain::text::sha256_hex;
use poolwarden_host::{Failure, Invocation, Outcome, trace};
use poolwarden_store::{Outgoing, QueueError, StoreError, cut_reason};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::future::Future;
use std::sync::Arc;

/// How often a message is delivered before it is given up. The queues' own maxDeliveryCount is the same.
pub const MAX_DELIVERIES: u32 = 10;

/// The queues whose stages read a connection's source, and so need it to be signed in.
const READING: [&str; 3] = [queue::DISCOVER_HOST_POOLS, queue::ENUMERATE_HOST_POOL, queue::READ_ACCESS];

/// The name of the binding in every queue function's function.json.
const BINDING: &str = "message";

/// Why a message's work was not done.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It may succeed later: the message comes again.
    #[error("{0}")]
    Transient(String),
    /// It never will: the message is buried with the reason.
    #[error("{0}")]
    Permanent(String),
}

impl Fault {
    /// An error and its causes as a fault that may pass.
    pub fn transient(error: &dyn std::error::Error) -> Self {
        Self::Transient(Failure::caused_by(error).message)
    }
}

impl From<StateError> for Fault {
    fn from(error: StateError) -> Self {
        match &error {
            StateError::Malformed { .. }
            | StateError::Store(StoreError::InvalidKey { .. } | StoreError::TooLarge { .. }) => {
                Self::Permanent(Failure::caused_by(&error).message)
            }
            StateError::Store(StoreError::Conflict { .. } | StoreError::Unavailable { .. }) => Self::transient(&error),
        }
    }
}

impl From<QueueError> for Fault {
    fn from(error: QueueError) -> Self {
        match &error {
            QueueError::TooLarge { .. } | QueueError::InvalidName { .. } => {
                Self::Permanent(Failure::caused_by(&error).message)
            }
            QueueError::LockLost { .. } | QueueError::Unavailable { .. } => Self::transient(&error),
        }
    }
}

/// A function that a queue message fires.
pub trait Stage {
    /// What the message says.
    type Message: DeserializeOwned + Send + Sync + 'static;

    /// The queue, which is also the function's name.
    const QUEUE: &'static str;

    /// Does the work. It may be called again for the same message, at any time and from any point it got to before.
    fn handle(deps: &Deps, message: &Self::Message) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Lets everybody who waits for this work know that it will not be done.
    fn give_up(deps: &Deps, message: &Self::Message, reason: &str) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// What a message is about, as far as it says so.
#[derive(Deserialize)]
struct About {
    run: Option<String>,
    connection: Option<String>,
}

/// Runs a stage for one invocation.
pub async fn invoke<S: Stage + 'static>(deps: &Arc<Deps>, invocation: &Invocation) -> Result<Outcome, Failure> {
    let message = match invocation.binding::<Body<S::Message>>(BINDING) {
        Ok(body) => body.poolwarden,
        Err(error) => {
            let reason = Failure::from(error).message;
            tracing::error!(queue = S::QUEUE, reason, "malformed message");
            // Its metadata may be forged by its body, so it does not choose the id it is kept under.
            let id = format!("malformed-{}", &sha256_hex(received(invocation).as_bytes())[..32]);
            return bury::<S>(deps, invocation, &id, Kind::Malformed, true, reason).await;
        }
    };
    if let Ok(Body { poolwarden: About { run, connection } }) = invocation.binding(BINDING) {
        trace::note_run(run.as_deref(), connection.as_deref());
        if let Some(connection) = connection.filter(|_| READING.contains(&S::QUEUE))
            && let Err(fault) = health::forget_what_was_mended(deps, &connection).await
        {
            // Then what was refused before is refused again, at worst.
            tracing::warn!(connection, %fault, "whether it can sign in cannot be read");
        }
    }
    if planted_bug::is(planted_bug::ACK_BEFORE_STATE) {
        let deps = Arc::clone(deps);
        tokio::spawn(async move { S::handle(&deps, &message).await });
        return Ok(Outcome::done());
    }
    let id = invocation.metadata.message_id().unwrap_or_else(|| invocation.id.clone());
    let last = invocation.metadata.delivery_count().is_some_and(|count| count >= MAX_DELIVERIES);
    let (kind, reason) = match S::handle(deps, &message).await {
        Ok(()) => {
            letters::resolve(deps, S::QUEUE, &id).await?;
            return Ok(Outcome::done());
        }
        Err(Fault::Transient(reason)) if !last => return Err(Failure::new(reason)),
        Err(Fault::Transient(reason)) => (Kind::Transient, reason),
        Err(Fault::Permanent(reason)) => (Kind::Permanent, reason),
    };
    let last = letters::is_last(deps, S::QUEUE, &id, kind);
    if last {
        tracing::error!(queue = S::QUEUE, reason, "given up");
        let_go::<S>(deps, &message, &reason).await?;
    } else {
        tracing::warn!(queue = S::QUEUE, reason, "given up for now");
    }
    bury::<S>(deps, invocation, &id, kind, last, reason).await
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::new(fault.to_string())
    }
}

/// Tells whoever waits. Nobody can wait for what makes no sense, so that is no reason to try again.
async fn let_go<S: Stage>(deps: &Deps, message: &S::Message, reason: &str) -> Result<(), Fault> {
    match S::give_up(deps, message, reason).await {
        Err(Fault::Permanent(why)) => {
            tracing::warn!(queue = S::QUEUE, why, "nobody waits for this message");
            Ok(())
        }
        told => told,
    }
}

/// Whether a message of any queue makes sense, and, with a reason, tells whoever waits for it.
pub async fn give_up(deps: &Deps, of: &str, body: &str, reason: Option<&str>) -> Result<bool, Fault> {
    async fn tell<S: Stage>(deps: &Deps, body: &str, reason: Option<&str>) -> Result<bool, Fault> {
        let Ok(message) = serde_json::from_str::<Body<S::Message>>(body) else { return Ok(false) };
        if let Some(reason) = reason {
            let_go::<S>(deps, &message.poolwarden, reason).await?;
        }
        Ok(true)
    }
    match of {
        queue::ACQUIRE_TOKEN => tell::<AcquireToken>(deps, body, reason).await,
        queue::DISCOVER_HOST_POOLS => tell::<DiscoverHostPools>(deps, body, reason).await,
        queue::ENUMERATE_HOST_POOL => tell::<EnumerateHostPool>(deps, body, reason).await,
        queue::PUBLISH_PACKAGE => tell::<PublishPackage>(deps, body, reason).await,
        queue::FINISH_RUN => tell::<FinishRun>(deps, body, reason).await,
        queue::READ_ACCESS => tell::<ReadAccess>(deps, body, reason).await,
        queue::AUDIT_HOST_POOL => tell::<AuditHostPool>(deps, body, reason).await,
        queue::DELIVER_NOTIFICATION => tell::<DeliverNotification>(deps, body, reason).await,
        other => Err(Fault::Permanent(format!("there is no queue {other}"))),
    }
}

/// The message's body as it was received: the host hands on a text as a JSON string.
fn received(invocation: &Invocation) -> String {
    match invocation.data.get(BINDING) {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| text.clone()),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

/// Keeps the message with the reason, which is all that is left to do about it.
async fn bury<S: Stage>(
    deps: &Deps,
    invocation: &Invocation,
    message: &str,
    kind: Kind,
    given_up: bool,
    reason: String,
) -> Result<Outcome, Failure> {
    let now = deps.now();
    let enqueued_at = invocation.metadata.enqueued_at().unwrap_or(now);
    let delivery_count = invocation.metadata.delivery_count().unwrap_or(1);
    let body = received(invocation);
    let corpse = Corpse { queue: S::QUEUE, message, body: &body, kind, enqueued_at, given_up };
    let death = Death { at: now, reason: cut_reason(&reason).to_owned(), delivery_count };
    letters::keep(deps, &corpse, &death).await?;
    Ok(Outcome::done().with_log(format!("kept as a dead letter: {reason}")))
}

/// A message to send at once.
pub fn outgoing<T: serde::Serialize>(id: String, content: T) -> Outgoing {
    Outgoing::new(planted_bug::id(id), poolwarden_domain::message::body(content))
}
