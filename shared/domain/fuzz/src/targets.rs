//! The functions that are fuzzed, and what must be true of whatever they return.

use poolwarden_domain::tswp::{self, Flaw, MAX_FLAWS, Parsed, TswpError};
use std::collections::HashSet;

/// No error or flaw quotes more of a document than a person wants to read.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// A feed.
pub fn tswp_resource_collection(bytes: &[u8]) {
    let Some(collection) = checked(tswp::resource_collection(bytes), bytes) else { return };
    let mut ids = HashSet::new();
    for publisher in &collection.publishers {
        let resources = &publisher.resources;
        assert!(resources.iter().all(|resource| !resource.id.is_empty() && ids.insert(&resource.id)), "{resources:?}");
        let folders = resources.iter().flat_map(|resource| &resource.folders).chain(&publisher.sub_folders);
        for folder in folders.chain(&publisher.display_folder) {
            assert_eq!(folder.rfind('/'), Some(0), "{folder:?}");
        }
        for resource in resources {
            let icons = resource.icons.iter().chain(resource.file_extensions.iter().flat_map(|found| &found.icons));
            assert!(icons.into_iter().all(|icon| !icon.file_url.is_empty()), "{resource:?}");
            assert!(resource.resource_file().is_none_or(|file| !file.url.is_empty()), "{resource:?}");
        }
    }
}

/// A discovery document.
pub fn tswp_discovery(bytes: &[u8]) {
    let Some(discovery) = checked(tswp::discovery(bytes), bytes) else { return };
    assert!(discovery.feeds.iter().all(|feed| !feed.feed_url.is_empty()), "{discovery:?}");
}

/// What was read, if anything, after a look at what was told about it.
fn checked<T>(result: Result<Parsed<T>, TswpError>, bytes: &[u8]) -> Option<T> {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    let check = |flaws: Vec<Flaw>| {
        assert!(flaws.len() <= MAX_FLAWS + 1, "{} flaws", flaws.len());
        for flaw in flaws {
            let in_document = (1..=lines).contains(&(flaw.line as usize)) && flaw.column >= 1;
            assert!(in_document && is_short(&flaw.to_string()), "{flaw:?}");
        }
    };
    match result {
        Ok(parsed) => {
            check(parsed.warnings);
            check(parsed.skipped);
            Some(parsed.value)
        }
        Err(error) => {
            assert!(is_short(&error.to_string()), "{error}");
            None
        }
    }
}

fn is_short(message: &str) -> bool {
    message.chars().take(MAX_MESSAGE_CHARS + 1).count() <= MAX_MESSAGE_CHARS
}
