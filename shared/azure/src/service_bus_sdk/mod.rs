//! Queues in a Service Bus namespace through the crate `azure_messaging_servicebus` 0.21, in builds with the feature
//! `servicebus-sdk`. Decision 0016 says why [`ServiceBus`](crate::ServiceBus) is what is used otherwise.
//!
//! The crate makes the requests and reads the answers; [`transport`] carries them, with a token of Microsoft Entra in
//! place of the crate's signature. The whole port is there, but for some of it the crate leaves less:
//!
//! - a batch is sent as single messages, so a process that ends half way has sent some of them (send it again: those
//!   are dropped as duplicates);
//! - a lock is settled by the process that received it and no other: the crate's own object does that, and it cannot
//!   be made from a lock's token. Locks that ran out are forgotten;
//! - a renewal does not say until when: as much is added as has passed;
//! - a message that lacks a property of the broker's which the crate wants is not handed over, but stays locked until
//!   its lock runs out, and is given up by the broker in the end;
//! - times of scheduled messages are written as `+0000` instead of `GMT`;
//! - as with the other client, the reason of an abandonment is not kept, and its delay is this process' to wait.

mod transport;

use crate::cloud::EndpointError;
use crate::http::Http;
use crate::service_bus::properties::{self, unquoted, whole_second};
use crate::service_bus::receive::{is_lock_of, path_of};
use crate::service_bus::{MAX_WAIT_S, ServiceBus, ServiceBusError};
use crate::sign_in::Credentials;
use crate::versions::SERVICE_BUS_TRACE_PROPERTY;
use async_trait::async_trait;
use azure_core_legacy::headers::{Headers, LOCATION};
use azure_messaging_servicebus::service_bus::{
    PeekLockResponse, QueueClient, SendMessageOptions, SettableBrokerProperties,
};
use jiff::Timestamp;
use poolwarden_store::{Delivery, Lock, Outgoing, QueueError, Queues, check_batch, check_name};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;
use transport::Transport;

/// How long a lock is remembered after it ran out, for clocks that disagree.
const FORGET_AFTER: Duration = Duration::from_secs(60);

/// Queues in a Service Bus namespace, through `azure_messaging_servicebus`. Cheap to clone.
#[derive(Clone)]
pub struct SdkServiceBus {
    transport: Arc<Transport>,
    held: Arc<Mutex<HashMap<String, Held>>>,
}

/// A message that this process has the lock on.
struct Held {
    message: Arc<PeekLockResponse>,
    granted: Timestamp,
    until: Timestamp,
}

impl SdkServiceBus {
    /// The queues of a namespace such as `https://contoso.servicebus.windows.net`. Nothing is asked yet.
    ///
    /// Tokens go to this host and no other, whatever an answer says.
    pub fn new(http: Http, credentials: Arc<dyn Credentials>, namespace: &str) -> Result<Self, EndpointError> {
        let transport = Transport(ServiceBus::new(http, credentials, namespace)?);
        Ok(Self { transport: Arc::new(transport), held: Arc::default() })
    }

    fn client(&self, queue: &str) -> Result<QueueClient, ServiceBusError> {
        // The crate writes the name into an address as it is.
        let path = self.transport.0.url(&format!("/{queue}"));
        let queue = path.path().trim_start_matches('/').to_owned();
        let transport = Arc::clone(&self.transport);
        // The namespace's host and the key are the transport's business; the crate signs with the key all the same,
        // and that signature is thrown away.
        QueueClient::new(transport, "namespace", queue, "none", "none").map_err(refused)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The message of a lock; without it, the lock is none of this process'.
    fn message(&self, lock: &Lock) -> Result<Arc<PeekLockResponse>, QueueError> {
        let message = self.held().get(&lock.token).filter(|_| is_lock_of(lock)).map(|held| Arc::clone(&held.message));
        message.ok_or_else(|| QueueError::LockLost { queue: lock.queue.clone() })
    }

    /// Concludes a settlement, after which there is nothing more to do about the lock unless it failed for now.
    fn settled<T>(
        &self,
        lock: &Lock,
        action: &'static str,
        answer: Result<T, azure_core_legacy::Error>,
    ) -> Result<T, QueueError> {
        let answer = match answer.map_err(refused) {
            Err(ServiceBusError::Gone { .. }) => Err(QueueError::LockLost { queue: lock.queue.clone() }),
            answer => answer.map_err(|error| error.of_queue(&lock.queue, action)),
        };
        if matches!(answer, Err(QueueError::LockLost { .. })) {
            self.held().remove(&lock.token);
        }
        answer
    }

    async fn unlock(&self, lock: &Lock) -> Result<(), QueueError> {
        let message = self.message(lock)?;
        self.settled(lock, "abandon a message", message.unlock_message().await)?;
        self.held().remove(&lock.token);
        Ok(())
    }

    async fn take_one(&self, client: &QueueClient, queue: &str, wait_s: u64) -> Result<Option<Delivery>, QueueError> {
        let failed = |error: ServiceBusError| error.of_queue(queue, "deliver messages");
        let answer = client.peek_lock_message2(Some(Duration::from_secs(wait_s))).await;
        let message = answer.map_err(|error| failed(refused(error)))?;
        if u16::from(*message.status()) == 204 {
            return Ok(None);
        }
        let received = Timestamp::now();
        let delivery = delivery(queue, &message, received).map_err(failed)?;
        let held = Held { message: Arc::new(message), granted: received, until: delivery.locked_until };
        self.held().insert(delivery.lock.token.clone(), held);
        Ok(Some(delivery))
    }
}

/// What the transport said, or what the crate made of an answer.
fn refused(error: azure_core_legacy::Error) -> ServiceBusError {
    match error.into_downcast::<ServiceBusError>() {
        Ok(error) => error,
        Err(error) => ServiceBusError::Malformed(error.to_string()),
    }
}

/// What the crate knows no names for.
struct More {
    location: Option<String>,
    traceparent: Option<String>,
    reason: Option<String>,
}

impl From<Headers> for More {
    fn from(headers: Headers) -> Self {
        let text = |name: &str| headers.get_optional_string(&name.to_ascii_lowercase().into());
        let user = |name: &str| unquoted(&text(name)?);
        Self {
            location: headers.get_optional_string(&LOCATION),
            traceparent: user(SERVICE_BUS_TRACE_PROPERTY),
            reason: properties::reason(user),
        }
    }
}

fn delivery(queue: &str, message: &PeekLockResponse, received: Timestamp) -> Result<Delivery, ServiceBusError> {
    let malformed = |what: &str| ServiceBusError::Malformed(format!("a message without {what}"));
    let Ok(More { location, traceparent, reason }) = message.custom_properties::<More>();
    let broker = message.broker_properties().ok_or_else(|| malformed("BrokerProperties"))?;
    let lock = Lock { queue: queue.to_owned(), token: path_of(&location.ok_or_else(|| malformed("Location"))?) };
    if !is_lock_of(&lock) {
        return Err(malformed("a Location in its own queue"));
    }
    let moment = |time: OffsetDateTime| Timestamp::from_second(time.unix_timestamp()).unwrap_or(received);
    let sequence = broker.sequence_number;
    Ok(Delivery {
        id: if broker.message_id.is_empty() { format!("sequence-{sequence}") } else { broker.message_id },
        body: message.body(),
        delivery_count: u32::try_from(broker.delivery_count).unwrap_or(1).max(1),
        sequence,
        enqueued_at: broker.enqueued_time_utc.map_or(received, moment),
        locked_until: moment(broker.locked_until_utc),
        lock,
        traceparent,
        reason,
    })
}

fn options(message: &Outgoing) -> SendMessageOptions {
    let due = message.not_before.map(whole_second);
    let scheduled = due.and_then(|at| OffsetDateTime::from_unix_timestamp(at.as_second()).ok());
    let broker = SettableBrokerProperties {
        message_id: Some(message.id.clone()),
        scheduled_enqueue_time_utc: scheduled,
        ..SettableBrokerProperties::default()
    };
    let trace = message.traceparent.as_ref();
    let trace = trace.map(|trace| (SERVICE_BUS_TRACE_PROPERTY.to_ascii_lowercase(), format!("\"{trace}\"")));
    SendMessageOptions {
        content_type: Some("application/json".to_owned()),
        broker_properties: Some(broker),
        custom_properties: Some(trace.into_iter().collect()),
    }
}

#[async_trait]
impl Queues for SdkServiceBus {
    async fn send(&self, queue: &str, messages: Vec<Outgoing>) -> Result<(), QueueError> {
        check_batch(queue, &messages)?;
        let failed = |error: ServiceBusError| error.of_queue(queue, "take messages in");
        let client = self.client(queue).map_err(failed)?;
        for message in &messages {
            let sent = client.send_message(&message.body, Some(options(message))).await;
            sent.map_err(|error| failed(refused(error)))?;
        }
        Ok(())
    }

    async fn receive(&self, queue: &str, max: usize, _: Duration, wait: Duration) -> Result<Vec<Delivery>, QueueError> {
        check_name(queue)?;
        let now = Timestamp::now();
        self.held().retain(|_, held| held.until + FORGET_AFTER > now);
        let client = self.client(queue).map_err(|error| error.of_queue(queue, "deliver messages"))?;
        let mut wait_s = u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(MAX_WAIT_S).min(MAX_WAIT_S);
        let mut taken: Vec<Delivery> = Vec::new();
        while taken.len() < max {
            match self.take_one(&client, queue, wait_s).await {
                Ok(Some(delivery)) => taken.push(delivery),
                Ok(None) => break,
                Err(error) if taken.is_empty() => return Err(error),
                // What was taken already must be worked on before its locks run out.
                Err(error) => {
                    tracing::debug!(queue, %error, "no more messages for now");
                    break;
                }
            }
            wait_s = 0;
        }
        taken.sort_by_key(|delivery| delivery.sequence);
        Ok(taken)
    }

    async fn complete(&self, lock: &Lock) -> Result<(), QueueError> {
        let message = self.message(lock)?;
        self.settled(lock, "complete a message", message.delete_message().await)?;
        self.held().remove(&lock.token);
        Ok(())
    }

    async fn abandon(&self, lock: &Lock, delay: Duration, _: &str) -> Result<(), QueueError> {
        if delay.is_zero() {
            return self.unlock(lock).await;
        }
        self.message(lock)?;
        let (queues, lock) = (self.clone(), lock.clone());
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            // Should it fail, the lock runs out instead.
            if let Err(error) = queues.unlock(&lock).await {
                tracing::debug!(queue = lock.queue, %error, "a message waits for its lock to run out");
            }
        });
        Ok(())
    }

    async fn renew(&self, lock: &Lock, lock_for: Duration) -> Result<Timestamp, QueueError> {
        let message = self.message(lock)?;
        let asked = Timestamp::now();
        self.settled(lock, "renew a lock", message.renew_message_lock().await)?;
        let mut held = self.held();
        let Some(held) = held.get_mut(&lock.token) else { return Ok(asked + lock_for) };
        held.until += asked.duration_since(held.granted);
        held.granted = asked;
        Ok(held.until)
    }
}
