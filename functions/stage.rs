//! What every queue-driven function has in common: read the message, do the work, and see to it that work which
//! fails for good is kept with its reason and that nobody waits for it.

use crate::deps::Deps;
use crate::planted_bug;
use crate::state::StateError;
use poolwarden_domain::message::Body;
use poolwarden_domain::text::sha256_hex;
use poolwarden_host::{Failure, Invocation, Outcome};
use poolwarden_store::{DeadLetter, Outgoing, QueueError, StoreError};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::future::Future;
use std::sync::Arc;

/// How often a message is delivered before it is given up. The queues' own maxDeliveryCount is the same.
pub const MAX_DELIVERIES: u32 = 10;

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

/// Runs a stage for one invocation.
pub async fn invoke<S: Stage + 'static>(deps: &Arc<Deps>, invocation: &Invocation) -> Result<Outcome, Failure> {
    let message = match invocation.binding::<Body<S::Message>>(BINDING) {
        Ok(body) => body.poolwarden,
        Err(error) => {
            let reason = Failure::from(error).message;
            tracing::error!(queue = S::QUEUE, reason, "malformed message");
            // Its metadata may be forged by its body, so it does not choose the id it is kept under.
            let id = format!("malformed-{}", &sha256_hex(received(invocation).as_bytes())[..32]);
            bury::<S>(deps, invocation, id, &reason).await?;
            return Ok(Outcome::done().with_log(format!("buried: {reason}")));
        }
    };
    if planted_bug::is(planted_bug::ACK_BEFORE_STATE) {
        let deps = Arc::clone(deps);
        tokio::spawn(async move { S::handle(&deps, &message).await });
        return Ok(Outcome::done());
    }
    let last = invocation.metadata.delivery_count().is_some_and(|count| count >= MAX_DELIVERIES);
    match S::handle(deps, &message).await {
        Ok(()) => Ok(Outcome::done()),
        Err(Fault::Transient(reason)) if !last => Err(Failure::new(reason)),
        Err(Fault::Transient(reason)) => {
            // The broker keeps the message among its dead letters once this answer fails.
            let_go::<S>(deps, &message, &reason).await?;
            Err(Failure::new(reason))
        }
        Err(Fault::Permanent(reason)) => {
            tracing::error!(queue = S::QUEUE, reason, "given up");
            let_go::<S>(deps, &message, &reason).await?;
            let id = invocation.metadata.message_id().unwrap_or_else(|| invocation.id.clone());
            bury::<S>(deps, invocation, id, &reason).await?;
            Ok(Outcome::done().with_log(format!("buried: {reason}")))
        }
    }
}

/// Tells whoever waits. Nobody can wait for what makes no sense, so that is no reason to try again.
async fn let_go<S: Stage>(deps: &Deps, message: &S::Message, reason: &str) -> Result<(), Failure> {
    match S::give_up(deps, message, reason).await {
        Err(Fault::Transient(why)) => Err(Failure::new(why)),
        Err(Fault::Permanent(why)) => {
            tracing::warn!(queue = S::QUEUE, why, "nobody waits for this message");
            Ok(())
        }
        Ok(()) => Ok(()),
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

async fn bury<S: Stage>(deps: &Deps, invocation: &Invocation, id: String, reason: &str) -> Result<(), Failure> {
    let now = deps.now();
    let letter = DeadLetter {
        id,
        body: received(invocation),
        reason: reason.to_owned(),
        delivery_count: invocation.metadata.delivery_count().unwrap_or(1),
        enqueued_at: invocation.metadata.enqueued_at().unwrap_or(now),
        dead_at: now,
    };
    deps.queues.bury(S::QUEUE, letter).await.map_err(|error| Failure::caused_by(&error))
}

/// A message to send at once.
pub fn outgoing<T: serde::Serialize>(id: String, content: T) -> Outgoing {
    Outgoing { id: planted_bug::id(id), body: poolwarden_domain::message::body(content), not_before: None }
}
