//! A received message as an answer.

use axum::http::{HeaderName, HeaderValue};
use serde_json::json;

use super::{
    address::Address,
    message::{Message, State, ascii_json},
};
use crate::reply::Reply;

/// The answer with a message: its body, its properties as headers, and where
/// it is settled if it is locked.
pub(crate) fn reply(message: &Message, address: &Address, origin: &str) -> Reply {
    let locked = matches!(message.state, State::Locked { .. });
    let mut reply = Reply::bytes(if locked { 201 } else { 200 }, "", message.sent.body.clone());
    if let Some(content_type) = &message.sent.content_type {
        reply = reply.with("content-type", content_type);
    }
    if let State::Locked { token, .. } = &message.state {
        let location = format!("{origin}/{}/messages/{}/{token}", address.entity(), message.sequence);
        reply = reply.with("location", &location);
    }
    reply = reply.with("brokerproperties", &ascii_json(&message.broker_properties()));
    for (name, value) in &message.sent.user {
        if let Ok(value) = HeaderValue::from_str(&ascii_json(value)) {
            reply.headers.push((name.clone(), value));
        }
    }
    if let Some((reason, description)) = &message.dead {
        for (name, value) in [("deadletterreason", *reason), ("deadlettererrordescription", description)] {
            if let Ok(value) = HeaderValue::from_str(&ascii_json(&json!(value))) {
                reply.headers.push((HeaderName::from_static(name), value));
            }
        }
    }
    reply
}
