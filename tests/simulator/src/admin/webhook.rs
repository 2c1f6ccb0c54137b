//! A receiver for deliveries under test: it remembers what arrived, checks
//! signatures as the Standard Webhooks specification says, and refuses the
//! first deliveries when asked to.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    fmt::Write as _,
    sync::{Mutex, PoisonError},
};

use axum::http::Method;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{reply::Reply, request::Request};

/// The largest delivery that is taken, in bytes.
const MAX_DELIVERY: usize = 1024 * 1024;

/// All receivers by name.
#[derive(Debug, Default)]
pub(crate) struct Webhooks(Mutex<HashMap<String, Sink>>);

#[derive(Debug, Default)]
struct Sink {
    secret: Option<Vec<u8>>,
    fail: VecDeque<u16>,
    raw: usize,
    deliveries: Vec<Delivery>,
}

/// All deliveries of one id.
#[derive(Debug)]
struct Delivery {
    id: Option<String>,
    count: usize,
    accepted: usize,
    timestamps: Vec<String>,
    kind: Value,
    subject: Value,
    valid_signature: Option<bool>,
    bodies: BTreeSet<String>,
}

impl Webhooks {
    pub(crate) fn handle(&self, method: &Method, name: &str, request: &Request) -> Reply {
        let mut sinks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sink = sinks.entry(name.to_owned()).or_default();
        match *method {
            Method::POST => sink.receive(request),
            Method::GET => Reply::json(200, &sink.document()),
            Method::PUT => match request.json().map(|body| sink.configure(&body)) {
                Ok(Ok(())) => Reply::empty(204),
                Ok(Err(message)) => Reply::error(400, "BadRequest", message),
                Err(refusal) => refusal,
            },
            Method::DELETE => {
                sinks.remove(name);
                Reply::empty(204)
            }
            _ => Reply::error(405, "MethodNotAllowed", "POST, GET, PUT or DELETE."),
        }
    }
}

impl Sink {
    /// `{"secret": "whsec_…", "fail": [500, 503]}`, both optional.
    fn configure(&mut self, body: &Value) -> Result<(), &'static str> {
        if let Some(secret) = body["secret"].as_str() {
            let encoded = secret.strip_prefix("whsec_").unwrap_or(secret);
            let secret = BASE64_STANDARD.decode(encoded);
            self.secret = Some(secret.map_err(|_| "the secret is not base64 after whsec_")?);
        }
        if let Some(statuses) = body["fail"].as_array() {
            let statuses: Option<VecDeque<u16>> =
                statuses.iter().map(|status| status.as_u64().and_then(|status| u16::try_from(status).ok())).collect();
            self.fail = statuses.ok_or("fail is not an array of statuses")?;
        }
        Ok(())
    }

    fn receive(&mut self, request: &Request) -> Reply {
        if request.body.len() > MAX_DELIVERY {
            return Reply::error(413, "RequestEntityTooLarge", "A delivery is at most 1 MiB.");
        }
        self.raw += 1;
        let status = self.fail.pop_front().unwrap_or(204);
        let id = request.header("webhook-id").map(str::to_owned);
        let valid = self.secret.as_ref().map(|secret| is_signed(request, secret));
        let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let field = |name: &str, header: &str| match request.header(header) {
            Some(text) => json!(text),
            None => body[name].clone(),
        };
        let known = self.deliveries.iter().position(|known| known.id.is_some() && known.id == id);
        let at = known.unwrap_or_else(|| {
            self.deliveries.push(Delivery {
                id,
                count: 0,
                accepted: 0,
                timestamps: Vec::new(),
                kind: field("type", "ce-type"),
                subject: field("subject", "ce-subject"),
                valid_signature: valid,
                bodies: BTreeSet::new(),
            });
            self.deliveries.len() - 1
        });
        let delivery = &mut self.deliveries[at];
        delivery.count += 1;
        delivery.accepted += usize::from((200..300).contains(&status));
        delivery.timestamps.extend(request.header("webhook-timestamp").map(str::to_owned));
        delivery.valid_signature = match (delivery.valid_signature, valid) {
            (Some(before), Some(now)) => Some(before && now),
            (_, now) => now,
        };
        delivery.bodies.insert(hex(&Sha256::digest(&request.body)));
        Reply::empty(status)
    }

    fn document(&self) -> Value {
        let deliveries: Vec<Value> = self
            .deliveries
            .iter()
            .map(|delivery| {
                json!({
                    "id": delivery.id,
                    "count": delivery.count,
                    "accepted": delivery.accepted,
                    "type": delivery.kind,
                    "subject": delivery.subject,
                    "timestamps": delivery.timestamps,
                    "valid_signature": delivery.valid_signature,
                    "body_sha256": delivery.bodies,
                })
            })
            .collect();
        json!({"raw": self.raw, "distinct": deliveries.len(), "deliveries": deliveries})
    }
}

/// Whether one of the signatures is `v1,` and the HMAC-SHA256 of
/// `{id}.{timestamp}.{body}` in base64.
fn is_signed(request: &Request, secret: &[u8]) -> bool {
    let header = |name: &str| request.header(name);
    let (Some(id), Some(timestamp), Some(signatures)) =
        (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"))
    else {
        return false;
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(&request.body);
    signatures
        .split(' ')
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .filter_map(|signature| BASE64_STANDARD.decode(signature).ok())
        .any(|signature| mac.clone().verify_slice(&signature).is_ok())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}
