//! `.rdp` files on their way from a feed's answer to the store, byte for byte. Files of a connection that say the same
//! share a place: what changes by itself (gateways, signatures) is in the one that was fetched last. No other connection's
//! file gets there, and no unsigned one where a signed one is.

use crate::deps::Deps;
use crate::keys;
use crate::stage::Fault;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use poolwarden_domain::estate::Resource;
use poolwarden_domain::feed::RdpRef;
use poolwarden_domain::snapshot::GroupAnswer;
use poolwarden_domain::{rdp, text};

/// How many files are written at a time: the store writes down together what it is given together.
const AT_A_TIME: usize = 128;

/// Stores the files of these answers and puts their digests where the bytes were.
pub async fn store(deps: &Deps, connection: &str, mut answers: Vec<GroupAnswer>) -> Result<Vec<GroupAnswer>, Fault> {
    let mut writes = Vec::new();
    for resource in answers.iter_mut().filter_map(|(_, answer)| answer.as_mut().ok()?.as_mut()).flatten() {
        let Some((found, bytes)) = take(connection, resource) else { continue };
        writes.push(async move { deps.state().replace_bytes(&keys::rdp(&found.sha256), bytes).await });
    }
    stream::iter(writes).buffer_unordered(AT_A_TIME).try_collect::<()>().await?;
    Ok(answers)
}

/// A resource's file and its digest, which stays with the resource, if it has a file that can be read.
fn take(connection: &str, resource: &mut Resource) -> Option<(RdpRef, Bytes)> {
    let bytes = resource.rdp.take()?;
    let file = match rdp::parse(&bytes) {
        Ok(file) => file,
        Err(error) => {
            tracing::warn!(resource = %resource.id.as_str().escape_debug(), %error, "a .rdp file is left out");
            return None;
        }
    };
    // What the service has signed, an administrator of the host pool has set.
    if let Some(concern) = file.concerns().into_iter().find(|concern| !concern.signed) {
        let (property, why) = (concern.property, concern.why);
        tracing::warn!(resource = %resource.id.as_str().escape_debug(), property, why, "an unsigned .rdp file asks for much");
    }
    let place = format!("{connection}\n{}\n{}", file.is_signed(), file.content_sha256());
    let found = RdpRef { sha256: text::sha256_hex(place.as_bytes()) };
    resource.feed.as_mut()?.rdp = Some(found.clone());
    Some((found, bytes.into()))
}
