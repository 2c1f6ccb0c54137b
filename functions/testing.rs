//! What tests of several functions need.

use crate::config::Config;
use crate::deps::Deps;
use poolwarden_store::{Documents, Options, Sqlite};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// An empty store.
pub(crate) fn store() -> Sqlite {
    Sqlite::in_memory(Options::default()).unwrap()
}

/// What functions are given where nothing is configured.
pub(crate) fn deps(documents: Arc<dyn Documents>, queues: &Sqlite) -> Deps {
    let nothing = HashMap::<&str, &str>::new();
    let config = Config::empty(Path::new(""), &nothing).unwrap();
    Deps::new(config, documents, Arc::new(queues.clone())).unwrap()
}
