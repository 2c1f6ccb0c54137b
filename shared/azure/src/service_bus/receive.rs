//! Receiving: the interface gives one message a request, so many are asked for at a time.

use super::error::Answer;
use super::properties::{Broker, dead_letter_reason, time, trace};
use super::{MAX_WAIT_S, PATIENCE, Received, ServiceBus, ServiceBusError};
use futures::future::join_all;
use jiff::Timestamp;
use poolwarden_store::{Delivery, Lock};
use reqwest::Method;
use reqwest::header::LOCATION;
use std::time::Duration;

/// How many messages are asked for at a time once there are two.
const AT_A_TIME: usize = 8;

impl ServiceBus {
    /// At most `max` messages, as soon as there is one.
    pub(super) async fn take(&self, queue: &str, max: usize, wait: Duration) -> Answer<Vec<Delivery>> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let Some(first) = self.take_one(queue, wait).await? else { return Ok(Vec::new()) };
        let mut taken = vec![first];
        loop {
            let before = taken.len();
            // A message that came alone costs one request more, not many.
            let at_once = (max - before).min(if before == 1 { 1 } else { AT_A_TIME });
            let more = join_all((0..at_once).map(|_| self.take_one(queue, Duration::ZERO))).await;
            for answer in more {
                match answer {
                    Ok(delivery) => taken.extend(delivery),
                    // What was taken already must be worked on before its locks run out.
                    Err(error) => tracing::debug!(queue, %error, "no more messages for now"),
                }
            }
            // Somebody came back with nothing: the queue is empty, or others are as quick.
            if taken.len() < before + at_once || at_once == 0 {
                break;
            }
        }
        taken.sort_by_key(|delivery| delivery.sequence);
        Ok(taken)
    }

    async fn take_one(&self, queue: &str, wait: Duration) -> Answer<Option<Delivery>> {
        let wait_s = wait.as_millis().div_ceil(1000).min(u128::from(MAX_WAIT_S));
        let mut url = self.url(&format!("/{queue}/messages/head"));
        url.set_query(Some(&format!("timeout={wait_s}")));
        let wait = Duration::from_secs(u64::try_from(wait_s).unwrap_or(MAX_WAIT_S));
        let received =
            self.ask(&Method::POST, &url, wait, &PATIENCE, |request| request.header("content-length", "0")).await?;
        match received.status {
            204 => Ok(None),
            _ => delivery(queue, received).map(Some),
        }
    }
}

fn delivery(queue: &str, received: Received) -> Answer<Delivery> {
    let malformed = |what: &str| ServiceBusError::Malformed(format!("a message without {what}"));
    let headers = &received.headers;
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).ok_or_else(|| malformed("Location"))?;
    let broker = Broker::of(headers).ok_or_else(|| malformed("BrokerProperties"))?;
    let now = Timestamp::now();
    let sequence = broker.sequence_number.ok_or_else(|| malformed("SequenceNumber"))?;
    let moment = |text: Option<String>| text.and_then(|text| time(&text)).unwrap_or(now);
    let lock = Lock { queue: queue.to_owned(), token: path_of(location) };
    if !is_lock_of(&lock) {
        return Err(malformed("a Location in its own queue"));
    }
    Ok(Delivery {
        id: broker.message_id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("sequence-{sequence}")),
        delivery_count: broker.delivery_count.unwrap_or(1).max(1),
        sequence,
        enqueued_at: moment(broker.enqueued_time_utc),
        locked_until: moment(broker.locked_until_utc),
        lock,
        traceparent: trace(headers),
        reason: dead_letter_reason(headers),
        // A body that is no text is no message of ours: it is kept as well as text can.
        body: String::from_utf8(received.body.into())
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    })
}

/// The path of an absolute or relative address. Only that is used: a token goes to the configured host alone.
pub(crate) fn path_of(location: &str) -> String {
    let rest = location.split_once("://").map_or(location, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
    rest.to_owned()
}

/// Whether a lock is of the queue it claims to be of.
pub(crate) fn is_lock_of(lock: &Lock) -> bool {
    let plain = |path: &str| path.to_ascii_lowercase().replace("%24", "$");
    let prefix = format!("/{}/messages/", plain(&lock.queue));
    plain(&lock.token).starts_with(&prefix) && !lock.token.contains("..") && !lock.token.contains(['?', '#'])
}
