//! What was rendered, kept until the estate changes, with the validators of
//! conditional requests: an entity tag over the bytes, and the time at which a
//! document was first seen to be another.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use jiff::Timestamp;

use super::catalogue::{Catalogue, Model, Offer};
use crate::{dice::hash, options::Options, reply::Reply, request::Request, state::Simulation, world::Snapshot};

/// Documents kept; then all are rendered anew.
const MAX_DOCUMENTS: usize = 2_000;
/// Icons kept.
const MAX_ICONS: usize = 30_000;
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// What was rendered.
#[derive(Debug, Default)]
pub(crate) struct Rendered {
    catalogues: Mutex<HashMap<Model, (Arc<Snapshot>, Arc<Catalogue>)>>,
    documents: Mutex<HashMap<String, Document>>,
    icons: Mutex<HashMap<String, Bytes>>,
}

#[derive(Debug, Clone)]
struct Document {
    snapshot: Arc<Snapshot>,
    bytes: Bytes,
    tag: String,
    /// Seconds since 1970.
    modified: i64,
}

impl Rendered {
    /// What a model's feeds offer in a state of the estate.
    pub(super) fn catalogue(&self, snapshot: &Arc<Snapshot>, model: Model, options: &Options) -> Arc<Catalogue> {
        let mut catalogues = self.catalogues.lock().unwrap_or_else(PoisonError::into_inner);
        match catalogues.get(&model) {
            Some((known, catalogue)) if Arc::ptr_eq(known, snapshot) => Arc::clone(catalogue),
            _ => {
                let catalogue = Arc::new(Catalogue::new(&snapshot.estate, model, options));
                catalogues.insert(model, (Arc::clone(snapshot), Arc::clone(&catalogue)));
                catalogue
            }
        }
    }

    /// Answers with a document, or that it is the one the client has.
    pub(super) fn answer(
        &self,
        simulation: &Simulation,
        request: &Request,
        key: String,
        content_type: &'static str,
        render: impl FnOnce() -> Bytes,
    ) -> Reply {
        let document = self.document(simulation, key, render);
        let modified = Timestamp::from_second(document.modified).unwrap_or_default();
        let reply = if is_current(request, &document) {
            Reply::empty(304)
        } else {
            Reply::bytes(200, content_type, document.bytes)
        };
        reply.with("etag", &document.tag).with("last-modified", &modified.strftime(HTTP_DATE).to_string())
    }

    fn document(&self, simulation: &Simulation, key: String, render: impl FnOnce() -> Bytes) -> Document {
        let snapshot = simulation.world.current();
        let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let known = documents.get(&key).cloned();
        if let Some(known) = &known
            && Arc::ptr_eq(&known.snapshot, &snapshot)
        {
            return known.clone();
        }
        let bytes = render();
        let now = simulation.now().as_second();
        let modified = match &known {
            Some(known) if known.bytes == bytes => known.modified,
            // Whole seconds are all that the header tells apart.
            Some(known) => now.max(known.modified + 1),
            None => now,
        };
        let text = String::from_utf8_lossy(&bytes);
        let tag = format!("\"{:016x}{:016x}\"", hash(9, &text), hash(10, &text));
        let document = Document { snapshot, bytes, tag, modified };
        if documents.len() >= MAX_DOCUMENTS {
            documents.clear();
        }
        documents.insert(key, document.clone());
        document
    }

    /// An icon of an offer, drawn once.
    pub(super) fn icon(&self, offer: &Offer, format: &str, draw: impl FnOnce() -> Option<Bytes>) -> Option<Bytes> {
        let key = format!("{} {} {format}", offer.id, offer.source.property("iconHash"));
        if let Some(known) = self.icons.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Some(known.clone());
        }
        let drawn = draw()?;
        let mut icons = self.icons.lock().unwrap_or_else(PoisonError::into_inner);
        if icons.len() >= MAX_ICONS {
            icons.clear();
        }
        icons.insert(key, drawn.clone());
        Some(drawn)
    }
}

/// Whether a conditional request names the document there is. An entity tag
/// counts more than a date.
fn is_current(request: &Request, document: &Document) -> bool {
    if let Some(tags) = request.header("if-none-match") {
        return tags
            .split(',')
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .any(|tag| tag == document.tag || tag == "*");
    }
    request
        .header("if-modified-since")
        .and_then(|date| jiff::fmt::strtime::parse("%a, %d %b %Y %H:%M:%S GMT", date).ok())
        .and_then(|parsed| parsed.to_datetime().ok())
        .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok())
        .is_some_and(|date| document.modified <= date.timestamp().as_second())
}
