//! `.rdp` files on their way from a feed's answer to the store: kept once, byte for byte, and only when they say
//! something new.

use crate::deps::Deps;
use crate::keys;
use crate::stage::Fault;
use futures::{StreamExt, TryStreamExt, stream};
use poolwarden_domain::estate::Resource;
use poolwarden_domain::feed::RdpRef;
use poolwarden_domain::snapshot::{GroupAnswer, PoolSnapshot};
use poolwarden_domain::{ArmId, rdp, text};
use std::collections::HashMap;

/// How many files are written at a time: the store writes down together what it is given together.
const AT_A_TIME: usize = 128;

/// Stores the files of these answers and puts their digests where the bytes were. One that differs from what is stored
/// only in what changes by itself is not stored anew.
pub async fn store(
    deps: &Deps,
    mut answers: Vec<GroupAnswer>,
    previous: Option<&PoolSnapshot>,
) -> Result<Vec<GroupAnswer>, Fault> {
    let before = previous.iter().flat_map(|previous| previous.resources.values()).flat_map(|read| &read.resources);
    let stored: HashMap<&ArmId, &RdpRef> =
        before.filter_map(|resource| Some((&resource.id, resource.feed.as_ref()?.rdp.as_ref()?))).collect();
    let mut writes = Vec::new();
    for resource in answers.iter_mut().filter_map(|(_, answer)| answer.as_mut().ok()?.as_mut()).flatten() {
        let Some((found, bytes)) = take(resource) else { continue };
        let known = stored.get(&resource.id).filter(|known| known.content_sha256 == found.content_sha256);
        if known.is_none() {
            let key = keys::rdp(&found.sha256);
            writes.push(async move { deps.state().create_bytes(&key, bytes.into()).await.map(|_| ()) });
        }
        if let Some(feed) = &mut resource.feed {
            feed.rdp = Some(known.map_or(found, |known| (*known).clone()));
        }
    }
    stream::iter(writes).buffer_unordered(AT_A_TIME).try_collect::<()>().await?;
    Ok(answers)
}

/// A resource's file and its digests, if it has one that can be read.
fn take(resource: &mut Resource) -> Option<(RdpRef, Vec<u8>)> {
    let bytes = resource.rdp.take()?;
    match rdp::parse(&bytes) {
        Ok(file) => {
            let found = RdpRef { sha256: text::sha256_hex(&bytes), content_sha256: file.content_sha256() };
            Some((found, bytes))
        }
        Err(error) => {
            tracing::warn!(resource = %resource.id.as_str().escape_debug(), %error, "a .rdp file is left out");
            None
        }
    }
}
