//! Icons on their way from a group's answer to the store: each is checked, and kept once under its hash.

use crate::deps::Deps;
use crate::keys;
use crate::stage::Fault;
use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use poolwarden_domain::icon::{self, Placeholder};
use poolwarden_domain::snapshot::GroupAnswer;
use poolwarden_domain::text;
use std::collections::BTreeMap;

/// How many icons are stored at a time.
const AT_A_TIME: usize = 16;

/// Stores the icons of these answers and puts their hashes where the bytes were. An icon that cannot be used is
/// left out: the package then shows a placeholder.
pub async fn store(deps: &Deps, mut answers: Vec<GroupAnswer>) -> Result<Vec<GroupAnswer>, Fault> {
    let mut fresh = BTreeMap::new();
    // What a source sent, by its own hash, and the hash it is stored under: those differ for an ICO.
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let resources = answers.iter_mut().filter_map(|(_, answer)| answer.as_mut().ok()?.as_mut()).flatten();
    for resource in resources {
        let Some(bytes) = resource.icon.take() else { continue };
        let sent = text::sha256_hex(&bytes);
        if let Some(stored) = known.get(&sent).cloned().or_else(|| deps.icons.get(&sent)) {
            resource.icon_sha256 = Some(stored);
            continue;
        }
        match icon::accept(&bytes) {
            Ok(png) => {
                let (sha256, png) = match png {
                    std::borrow::Cow::Borrowed(_) => (sent.clone(), Bytes::from(bytes)),
                    std::borrow::Cow::Owned(png) => (text::sha256_hex(&png), Bytes::from(png)),
                };
                fresh.insert(sha256.clone(), png);
                known.insert(sent, sha256.clone());
                resource.icon_sha256 = Some(sha256);
            }
            Err(error) => {
                tracing::warn!(resource = %resource.id.as_str().escape_debug(), %error, "icon left out");
            }
        }
    }
    store_all(deps, fresh).await?;
    for (sent, stored) in known {
        deps.icons.insert(sent, stored);
    }
    Ok(answers)
}

/// Stores the pictures that packages are about to name.
pub async fn store_placeholders(deps: &Deps, placeholders: &[Placeholder]) -> Result<(), Fault> {
    let bytes = |drawn: &Placeholder| (drawn.sha256.to_string(), Bytes::from_owner(drawn.png.clone()));
    store_all(deps, placeholders.iter().map(bytes).collect()).await
}

/// `deps.icons` remembers what this process knows to be stored; the store has the last word.
async fn store_all(deps: &Deps, icons: BTreeMap<String, Bytes>) -> Result<(), Fault> {
    let missing = icons.into_iter().filter(|(sha256, _)| !deps.icons.contains_key(sha256));
    let store = |(sha256, png): (String, Bytes)| async move {
        deps.state().create_bytes(&keys::icon(&sha256), png).await?;
        deps.icons.insert(sha256.clone(), sha256);
        Ok::<(), Fault>(())
    };
    stream::iter(missing.map(store)).buffer_unordered(AT_A_TIME).try_collect::<()>().await
}
