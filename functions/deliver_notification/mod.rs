//! Delivers one event to one webhook, signed, until it is taken or given up.

use crate::deps::Deps;
use crate::stage::{self, Fault, Stage, outgoing};
use jiff::SignedDuration;
use poolwarden_domain::message::{Notification, queue};
use poolwarden_host::{Failure, Invocation, Outcome};
use poolwarden_store::Outgoing;
use std::sync::Arc;

/// How long to wait after each failed attempt, in seconds, as the Standard Webhooks specification suggests; then the
/// event is given up.
const BACKOFF_S: [i64; 8] = [5, 30, 120, 600, 1_800, 7_200, 21_600, 43_200];

/// The longest wait that a receiver's Retry-After gets.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);

/// Runs the function for one invocation.
pub async fn invoke(deps: &Arc<Deps>, invocation: &Invocation) -> Result<Outcome, Failure> {
    stage::invoke::<DeliverNotification>(deps, invocation).await
}

pub(crate) struct DeliverNotification;

impl Stage for DeliverNotification {
    type Message = Notification;
    const QUEUE: &'static str = queue::DELIVER_NOTIFICATION;

    async fn handle(deps: &Deps, message: &Notification) -> Result<(), Fault> {
        let webhook = deps
            .config
            .connection(&message.connection)
            .and_then(|connection| connection.webhooks.iter().find(|webhook| webhook.name == message.webhook))
            .ok_or_else(|| {
                let (webhook, connection) = (&message.webhook, &message.connection);
                Fault::Permanent(format!("webhook {webhook} of connection {connection} is no longer configured"))
            })?;
        let body = serde_json::to_vec(&message.event).expect("events are plain data and always serialise");
        let sent = deps.sources.send_webhook(&message.connection, webhook, &message.event.id, deps.now(), body).await;
        let Err(error) = sent else { return Ok(()) };
        let story = Failure::caused_by(&error).message;
        let Some(wait_s) = BACKOFF_S.get(message.attempt as usize).filter(|_| error.is_transient()) else {
            return Err(Fault::Permanent(story));
        };
        let asked = error.retry_after().map(|wait| SignedDuration::try_from(wait).unwrap_or(LONGEST_WAIT));
        let asked = asked.unwrap_or_default().min(LONGEST_WAIT);
        let not_before = Some(deps.now() + SignedDuration::from_secs(*wait_s).max(asked));
        tracing::warn!(webhook = message.webhook, event = message.event.id, error = story, "will be delivered later");
        let next = Notification { attempt: message.attempt + 1, ..message.clone() };
        let id = format!("{}/{}/{}", next.event.id, next.webhook, next.attempt);
        let later = Outgoing { not_before, ..outgoing(id, next) };
        deps.send(queue::DELIVER_NOTIFICATION, vec![later]).await?;
        Ok(())
    }

    async fn give_up(_: &Deps, _: &Notification, _: &str) -> Result<(), Fault> {
        Ok(())
    }
}
