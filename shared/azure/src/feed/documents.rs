//! The feed's documents: where they are, what they say, and those that need not be sent again.

use super::client::{Answer, Ask, FeedClient, Validators};
use crate::answers::safe;
use crate::versions::{FEED_ACCEPT, FEED_DISCOVERY_ACCEPT, FEED_DISCOVERY_ARM, FEED_DISCOVERY_CLASSIC};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use poolwarden_domain::feed::FeedModel;
use poolwarden_domain::tswp::{self, Discovery, Flaw, MAX_FEED_BYTES, Parsed, ResourceCollection, TswpError};
use poolwarden_domain::{ArmId, Reading, Unreadable, Why};
use std::sync::Arc;
use url::Url;

/// Documents that are remembered take this much memory together, in bytes.
const REMEMBERED_BYTES: u64 = 32 << 20;
/// How much is said of a document that cannot be read, in characters.
const STORY_CHARS: usize = 300;
/// How long the handles of a run share what one of them has read.
const SHARED_FOR: SignedDuration = SignedDuration::from_mins(2);
/// How many oddities of one document are logged.
const LOGGED: usize = 10;

/// Documents by model and address, each with what tells whether it changed.
pub(super) struct DocumentCache(Cache<(FeedModel, Url), Arc<Remembered>>);

struct Remembered {
    body: Bytes,
    /// Where it was in the end: its own links are relative to that.
    url: Url,
    validators: Validators,
    /// When it was asked for.
    asked_at: Timestamp,
}

impl Default for DocumentCache {
    fn default() -> Self {
        let weight = |key: &(FeedModel, Url), document: &Arc<Remembered>| {
            u32::try_from(document.body.len() + key.1.as_str().len()).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(REMEMBERED_BYTES).weigher(weight).build())
    }
}

/// A document and the address that had it.
#[derive(Debug)]
pub(super) struct Document<T> {
    pub(super) parsed: Parsed<T>,
    pub(super) url: Url,
}

/// Where a model's feeds are discovered.
fn discovery_url(client: &FeedClient, model: FeedModel) -> Url {
    let mut url = client.shared.endpoints.feed().clone();
    let path = match model {
        FeedModel::Arm => FEED_DISCOVERY_ARM,
        FeedModel::Classic => FEED_DISCOVERY_CLASSIC,
    };
    let base = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{base}{path}"));
    url
}

/// The workspaces of an account, in one model.
pub(super) async fn discovery(client: &FeedClient, model: FeedModel) -> Reading<Document<Discovery>> {
    let (url, scope) = (discovery_url(client, model), model.id());
    let ask = Ask {
        url: &url,
        model,
        what: "the discovery document",
        scope: &scope,
        accept: FEED_DISCOVERY_ACCEPT,
        limit: MAX_FEED_BYTES,
        validators: None,
    };
    document(client, ask, tswp::discovery).await.map_err(|absent| match (absent, model) {
        (Absence::Unreadable(reason), _) => reason,
        (Absence::Absent { text, .. }, FeedModel::Classic) => retired(&text),
        (Absence::Absent { text, .. }, FeedModel::Arm) => {
            let text = format!("the discovery document of {scope}: {text}; is this the address of the feed?");
            Unreadable::new(Why::Failed, text)
        }
    })
}

/// What a workspace offers.
pub(super) async fn feed(
    client: &FeedClient,
    model: FeedModel,
    scope: &ArmId,
    url: &Url,
) -> Reading<Document<ResourceCollection>> {
    let (what, limit) = ("the feed", MAX_FEED_BYTES);
    let ask = Ask { url, model, what, scope, accept: FEED_ACCEPT, limit, validators: None };
    document(client, ask, tswp::resource_collection).await.map_err(|absent| match absent {
        Absence::Unreadable(reason) => reason,
        Absence::Absent { status: 410, text } if model == FeedModel::Classic => retired(&text),
        Absence::Absent { text, .. } => {
            Unreadable::new(Why::Missing, format!("the feed of {scope}: {text}; what is known of it is kept"))
        }
    })
}

/// What meeting the retired service amounts to.
fn retired(text: &str) -> Unreadable {
    let story = "the classic service was retired on 2026-09-30; the connection's packages are kept, move them to \
                 Azure Resource Manager";
    Unreadable::new(Why::Retired, format!("the classic feed: {text}; {story}"))
}

enum Absence {
    Unreadable(Unreadable),
    Absent { status: u16, text: String },
}

async fn document<T>(
    client: &FeedClient,
    ask: Ask<'_>,
    parse: impl Fn(&[u8]) -> Result<Parsed<T>, TswpError>,
) -> Result<Document<T>, Absence> {
    let documents = &client.shared.documents.0;
    let key = (ask.model, ask.url.clone());
    let remembered = documents.get(&key);
    let validators = remembered.as_ref().map(|document| &document.validators).filter(|known| !known.is_none());
    let ask = Ask { validators, ..ask };
    let asked_at = Timestamp::now();
    // What another handle of this run has just asked for says what is there now. A run that was held up asks again: by
    // now another process may have seen something newer.
    let is_new = |document: &Remembered| {
        document.asked_at >= client.look.since && asked_at.duration_since(document.asked_at) < SHARED_FOR
    };
    let is_read = remembered.as_deref().is_some_and(is_new);
    let answer = if is_read { Answer::NotModified } else { client.ask(&ask).await.map_err(Absence::Unreadable)? };
    let (body, url, validators) = match answer {
        Answer::Got { body, url, validators } => (body, url, validators),
        Answer::Absent { status, text } => return Err(Absence::Absent { status, text }),
        Answer::NotModified => match &remembered {
            Some(document) => (document.body.clone(), document.url.clone(), document.validators.clone()),
            None => {
                let text = format!("{} of {}: 304, though nothing is known of it", ask.what, ask.scope);
                return Err(Absence::Unreadable(Unreadable::new(Why::Failed, text)));
            }
        },
    };
    let parsed = parse(&body).map_err(|error| {
        let why = if matches!(error, TswpError::TooLarge(_) | TswpError::TooMany { .. }) {
            Why::TooLarge
        } else {
            Why::Malformed
        };
        let error = safe(&error.to_string(), STORY_CHARS);
        Absence::Unreadable(Unreadable::new(why, format!("{} of {}: {error}", ask.what, ask.scope)))
    })?;
    if !is_read {
        log(&parsed.warnings, ask.what, ask.scope);
        documents.insert(key, Arc::new(Remembered { body, url: url.clone(), validators, asked_at }));
    }
    Ok(Document { parsed, url })
}

fn log(warnings: &[Flaw], what: &str, scope: &ArmId) {
    for warning in warnings.iter().take(LOGGED) {
        tracing::warn!(%scope, %warning, "an oddity in {what}");
    }
    if warnings.len() > LOGGED {
        tracing::warn!(%scope, more = warnings.len() - LOGGED, "more oddities in {what}");
    }
}
