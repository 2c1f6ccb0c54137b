//! A Service Bus namespace: queues with the REST interface for sending,
//! receiving and settling, as it is documented below
//! learn.microsoft.com/rest/api/servicebus. Like in Azure it is addressed
//! without any prefix, `/{queue}/messages`, at the simulator's own address. It
//! has no topics, sessions, deferral or transactions, no AMQP, and none of the
//! interface that manages entities: queues are made by options and `/_sim`.

mod address;
mod error;
mod message;
mod namespace;
mod queue;
mod receive;
mod send;
mod settings;
mod shelf;

use std::time::Duration;

use axum::http::Method;

pub(crate) use address::Address;
pub(crate) use namespace::Namespace;
pub use settings::{DEFAULT_QUEUES, QueueSpec};

use self::{address::Target, error::Refusal, queue::Settlement};
use crate::{
    auth::token::{Resource, TokenFault},
    dispatch,
    fault::Effect,
    reply::Reply,
    request::Request,
    state::Simulation,
};

/// How long a receiver waits that does not say how long.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest that one may wait.
const MAX_TIMEOUT: Duration = Duration::from_secs(3600);

/// Answers a request to the namespace.
pub(crate) async fn answer(simulation: &Simulation, request: &Request, effects: &[Effect]) -> Reply {
    let now = simulation.now();
    let result = match authorized(simulation, request) {
        Err(refusal) => Err(refusal),
        Ok(()) => match effects.iter().find_map(|effect| wrecked(simulation, effect)) {
            Some(reply) => return reply,
            None => route(simulation, request).await,
        },
    };
    result.unwrap_or_else(|refusal| refusal.reply(&simulation.next_request_id(), now))
}

fn authorized(simulation: &Simulation, request: &Request) -> Result<(), Refusal> {
    let header = request.header("authorization");
    if header.is_some_and(|header| header.starts_with("SharedAccessSignature")) {
        return Err(Refusal::Signature);
    }
    let caller = simulation.tokens.check(header, Resource::ServiceBus, &request.origin, simulation.now());
    caller.map(drop).map_err(Refusal::Token)
}

/// The answer a fault gives in place of the real one.
fn wrecked(simulation: &Simulation, effect: &Effect) -> Option<Reply> {
    let now = simulation.now();
    let refusal = match effect {
        Effect::TooManyRequests(retry_after) => {
            let reply = Refusal::Throttled.reply(&simulation.next_request_id(), now);
            return Some(dispatch::with_retry_after(reply, *retry_after, now));
        }
        Effect::Unavailable => Refusal::Busy,
        Effect::Forbidden(_) => Refusal::Forbidden,
        Effect::ExpiredToken => Refusal::Token(TokenFault::Expired),
        Effect::Malformed => return Some(dispatch::web_page()),
        Effect::Html => return Some(dispatch::portal_page()),
        Effect::NotFound => Refusal::LockLost(404),
        Effect::Gone => Refusal::LockLost(410),
        Effect::Cut | Effect::Truncate | Effect::Slow(_) => return None,
    };
    Some(refusal.reply(&simulation.next_request_id(), now))
}

async fn route(simulation: &Simulation, request: &Request) -> Result<Reply, Refusal> {
    let namespace = &simulation.namespace;
    let address = Address::parse(&request.raw).ok_or_else(|| Refusal::NoQueue(request.path.clone()))?;
    let now = simulation.now();
    match (&address.target, &request.method) {
        (Target::Messages, &Method::POST) if address.dead => {
            Err(Refusal::BadRequest("nothing can be sent to a dead-letter queue".to_owned()))
        }
        (Target::Messages, &Method::POST) => {
            // A queue that does not exist is reported before a fault of the message.
            namespace.with(&address.queue, |_| ())?;
            let messages = send::messages(request, now)?;
            namespace.with(&address.queue, |queue| queue.send(messages, now))??;
            Ok(done(201))
        }
        (Target::Head, method @ (&Method::POST | &Method::DELETE)) => {
            let timeout = timeout(request)?;
            let peek_lock = *method == Method::POST;
            let message = namespace.receive(&address, &simulation.clock, timeout, peek_lock).await?;
            Ok(message.map_or_else(|| Reply::empty(204), |message| receive::reply(&message, &address, &request.origin)))
        }
        (Target::Lock { message, token }, method) => {
            let settlement = settlement(method).ok_or(Refusal::MethodNotAllowed)?;
            namespace.with(&address.queue, |queue| queue.settle(address.dead, (message, token), settlement, now))??;
            Ok(done(200))
        }
        _ => Err(Refusal::MethodNotAllowed),
    }
}

fn settlement(method: &Method) -> Option<Settlement> {
    match *method {
        Method::DELETE => Some(Settlement::Complete),
        Method::PUT => Some(Settlement::Unlock),
        Method::POST => Some(Settlement::Renew),
        _ => None,
    }
}

fn timeout(request: &Request) -> Result<Duration, Refusal> {
    let Some(text) = request.query("timeout") else { return Ok(DEFAULT_TIMEOUT) };
    let seconds = text.parse().map_err(|_| Refusal::BadRequest("timeout is not a number of seconds".to_owned()))?;
    Ok(Duration::from_secs(seconds).min(MAX_TIMEOUT))
}

/// A success without a body, typed as the documents' examples are.
fn done(status: u16) -> Reply {
    Reply::empty(status).with("content-type", "application/xml; charset=utf-8")
}

/// What a request does, as `/_sim/stats` counts it.
pub(crate) fn operation(request: &Request) -> String {
    let Some(address) = Address::parse(&request.raw) else { return "other".to_owned() };
    let what = match (&address.target, &request.method) {
        (Target::Messages, &Method::POST) => "send",
        (Target::Head, &Method::POST) => "peek_lock",
        (Target::Head, &Method::DELETE) => "receive_and_delete",
        (Target::Lock { .. }, method) => match settlement(method) {
            Some(Settlement::Complete) => "complete",
            Some(Settlement::Unlock) => "unlock",
            Some(Settlement::Renew) => "renew_lock",
            None => "other",
        },
        _ => "other",
    };
    if address.dead { format!("dead_letters.{what}") } else { what.to_owned() }
}
