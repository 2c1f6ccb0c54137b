//! `[[connection.webhook]]`: who is told what a connection's runs changed.

use super::entry::{Judged, Shape, wrong};
use super::faults::quoted;
use super::reader::{Distinct, Table};
use super::{references, values};
use poolwarden_azure::{Endpoints, SecretRef};
use std::fmt;
use url::Url;

/// The longest name of a webhook, in characters.
const MAX_NAME_CHARS: usize = 24;

/// Someone who is told about events, in the form of Standard Webhooks.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Unique within the connection: `[a-z0-9][a-z0-9-]{0,23}`.
    pub name: String,
    /// Where events go: https, or http on this machine. Its query may hold a signature, so its debug form hides it.
    pub url: Url,
    /// The secret that signs them.
    pub secret: SecretRef,
    /// Patterns of the events' types without `dev.poolwarden.`, such as `package.*`; `*` stands for any characters.
    pub events: Vec<String>,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("name", &self.name)
            .field("url", &self.url.origin().ascii_serialization())
            .field("secret", &self.secret)
            .field("events", &self.events)
            .finish()
    }
}

/// Reads a webhook; nothing when something that has no default is missing or wrong.
pub(super) fn read(mut table: Table<'_>, endpoints: &Endpoints, names: &mut Distinct) -> Option<Webhook> {
    let name = table.require("name", "\"ops\"").and_then(|entry| {
        let name = entry.parsed(|text| values::name(text, MAX_NAME_CHARS))?;
        names.check(&entry, &name);
        Some(name)
    });
    let url = table.require("url", "\"https://…\"");
    let url = url.and_then(|entry| entry.parsed(values::web_address));
    let secret = table.require("secret", "{ env = \"NAME\" }");
    let secret = secret.and_then(|entry| references::secret(&entry, Some(endpoints)));
    let events = match table.take("events") {
        None => vec!["*".to_owned()],
        Some(entry) => {
            if matches!(&entry.shape, Shape::List(events) if events.is_empty()) {
                entry.refuse("is empty, so nothing would be told", "write [\"*\"] for everything");
            }
            let events = entry.list().into_iter();
            events.filter_map(|event| event.parsed(pattern)).collect()
        }
    };
    table.finish();
    Some(Webhook { name: name?, url: url?, secret: secret?, events })
}

fn pattern(text: &str) -> Judged<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || matches!(c, '.' | '_' | '*');
    if let Some(short) = text.strip_prefix("dev.poolwarden.") {
        return wrong(format!("is {}", quoted(text)), format!("write {} alone", quoted(short)));
    }
    if text.is_empty() || !text.chars().all(allowed) {
        return wrong(
            format!("is {}, which is no pattern of events", quoted(text)),
            "write one such as \"package.*\", \"run.failed\" or \"*\"",
        );
    }
    Ok(text.to_owned())
}
