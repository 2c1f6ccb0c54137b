//! Icons on their way from a group's answer to the store: each is checked, and kept once under its hash.

use crate::deps::Deps;
use crate::keys;
use crate::stage::Fault;
use bytes::Bytes;
use poolwarden_domain::estate::ResourceKind;
use poolwarden_domain::snapshot::GroupAnswer;
use poolwarden_domain::{icon, text};

/// Stores the icons of these answers and puts their hashes where the bytes were. An icon that cannot be used is
/// left out: the package then shows the placeholder.
pub async fn store(deps: &Deps, mut answers: Vec<GroupAnswer>) -> Result<Vec<GroupAnswer>, Fault> {
    for kind in [ResourceKind::Desktop, ResourceKind::RemoteApp] {
        store_once(deps, icon::placeholder_sha256(kind), || icon::placeholder(kind).into()).await?;
    }
    for (_, answer) in &mut answers {
        let Ok(Some(resources)) = answer else { continue };
        for resource in resources {
            let Some(bytes) = resource.icon.take() else { continue };
            let sha256 = text::sha256_hex(&bytes);
            if !deps.icons.contains_key(&sha256)
                && let Err(error) = icon::check(&bytes)
            {
                tracing::warn!(resource = %resource.id.as_str().escape_debug(), %error, "icon left out");
                continue;
            }
            store_once(deps, &sha256, || bytes.into()).await?;
            resource.icon_sha256 = Some(sha256);
        }
    }
    Ok(answers)
}

/// `deps.icons` remembers what this process knows to be stored; the store has the last word.
async fn store_once(deps: &Deps, sha256: &str, bytes: impl FnOnce() -> Bytes) -> Result<(), Fault> {
    if !deps.icons.contains_key(sha256) {
        deps.state().create_bytes(&keys::icon(sha256), bytes()).await?;
        deps.icons.insert(sha256.to_owned(), ());
    }
    Ok(())
}
