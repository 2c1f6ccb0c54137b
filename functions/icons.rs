//! Icons on their way from a group's answer to the store: each is checked, and kept once under its hash.

use crate::deps::Deps;
use crate::keys;
use crate::stage::Fault;
use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use poolwarden_domain::estate::Resource;
use poolwarden_domain::icon::{self, IconError, Placeholder};
use poolwarden_domain::snapshot::GroupAnswer;
use poolwarden_domain::text;
use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

/// How many icons are stored at a time: the store writes down together what it is given together.
const AT_A_TIME: usize = 128;
/// How many icons are decoded in one go.
const DECODED_TOGETHER: usize = 64;

/// Stores the icons of these answers and puts their hashes where the bytes were. An icon that cannot be used is
/// left out: the package then shows a placeholder.
pub async fn store(deps: &Deps, mut answers: Vec<GroupAnswer>) -> Result<Vec<GroupAnswer>, Fault> {
    // What sources sent, by its own hash, and the hash it is stored under: those differ for an ICO.
    let mut stored: HashMap<String, Option<String>> = HashMap::new();
    let (mut named, mut unseen) = (Vec::new(), Vec::new());
    // By their places: ids are a source's, and may not be different ones.
    let mut sent_by_each = Vec::new();
    for resource in resources(&mut answers) {
        let Some(bytes) = resource.icon.take() else {
            sent_by_each.push(None);
            continue;
        };
        let sha256 = text::sha256_hex(&bytes);
        sent_by_each.push(Some(sha256.clone()));
        named.push((resource.id.clone(), sha256.clone()));
        if let Entry::Vacant(free) = stored.entry(sha256) {
            let known = deps.icons.get(free.key());
            if known.is_none() {
                unseen.push((free.key().clone(), bytes));
            }
            free.insert(known);
        }
    }
    let mut fresh = BTreeMap::new();
    for (sent, accepted) in accept_all(unseen).await? {
        match accepted {
            Ok((sha256, png)) => {
                fresh.insert(sha256.clone(), png);
                stored.insert(sent, Some(sha256));
            }
            Err(error) => {
                let resource = named.iter().find(|(_, sha256)| *sha256 == sent).map_or("", |(id, _)| id.as_str());
                tracing::warn!(resource = %resource.escape_debug(), %error, "icon left out");
            }
        }
    }
    store_all(deps, fresh).await?;
    for (resource, sent) in resources(&mut answers).zip(sent_by_each) {
        if let Some(sent) = sent {
            resource.icon_sha256 = stored.get(&sent).cloned().flatten();
        }
    }
    for (sent, stored) in stored {
        if let Some(stored) = stored {
            deps.icons.insert(sent, stored);
        }
    }
    Ok(answers)
}

fn resources(answers: &mut [GroupAnswer]) -> impl Iterator<Item = &mut Resource> {
    answers.iter_mut().filter_map(|(_, answer)| answer.as_mut().ok()?.as_mut()).flatten()
}

/// An icon that can be used: the hash it is stored under, and its PNG.
type Accepted = Result<(String, Bytes), IconError>;

/// Decodes what sources sent, on as many cores as there are.
async fn accept_all(sent: Vec<(String, Vec<u8>)>) -> Result<Vec<(String, Accepted)>, Fault> {
    let mut rest = sent.into_iter();
    let mut under_way = Vec::new();
    loop {
        let together: Vec<_> = rest.by_ref().take(DECODED_TOGETHER).collect();
        if together.is_empty() {
            break;
        }
        let accept = move || together.into_iter().map(|(sent, bytes)| accept(sent, bytes)).collect::<Vec<_>>();
        under_way.push(tokio::task::spawn_blocking(accept));
    }
    let mut accepted = Vec::new();
    for decoded in under_way {
        accepted.extend(decoded.await.map_err(|error| Fault::transient(&error))?);
    }
    Ok(accepted)
}

fn accept(sent: String, bytes: Vec<u8>) -> (String, Accepted) {
    let accepted = match icon::accept(&bytes) {
        Ok(Cow::Borrowed(_)) => Ok((sent.clone(), Bytes::from(bytes))),
        Ok(Cow::Owned(png)) => Ok((text::sha256_hex(&png), Bytes::from(png))),
        Err(error) => Err(error),
    };
    (sent, accepted)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use poolwarden_domain::ArmId;
    use poolwarden_domain::estate::ResourceKind;
    use poolwarden_store::{Options, Sqlite};
    use std::path::Path;
    use std::sync::Arc;

    fn deps() -> Deps {
        let store = Arc::new(Sqlite::in_memory(Options::default()).unwrap());
        let config = Config::parse("", Path::new("poolwarden.toml"), &HashMap::<&str, &str>::new(), |_| Ok(()));
        Deps::new(config.unwrap(), store.clone(), store).unwrap()
    }

    fn resource(icon: &[u8]) -> Resource {
        let bare = serde_json::json!({"id": "/a", "object_id": "o", "name": "a"});
        Resource { icon: Some(icon.to_vec()), ..serde_json::from_value(bare).unwrap() }
    }

    async fn stored(deps: &Deps, sha256: &str) -> Option<Bytes> {
        deps.documents.get(&keys::icon(sha256)).await.unwrap().map(|document| document.body)
    }

    #[tokio::test]
    async fn icons_are_stored_once_as_png_and_left_out_when_they_are_none() {
        let png = icon::placeholder(ResourceKind::Desktop, "Finance").png;
        let other = icon::placeholder(ResourceKind::RemoteApp, "Excel").png;
        // One picture of 48 by 48 with 32 bits, which begins behind the header's 22 bytes.
        let header = [0, 0, 1, 0, 1, 0, 48, 48, 0, 0, 1, 0, 32, 0];
        let ico = [&header[..], &(png.len() as u32).to_le_bytes(), &22u32.to_le_bytes(), &png].concat();
        let (png_sha256, other_sha256) = (text::sha256_hex(&png), text::sha256_hex(&other));
        let deps = deps();
        // The second time everything is known.
        for _ in 0..2 {
            let resources = [&ico[..], &other, b"<svg/>", &ico].map(resource).to_vec();
            let answers = vec![(ArmId::new("/g"), Ok(Some(resources))), (ArmId::new("/h"), Ok(None))];
            let answers = store(&deps, answers).await.unwrap();
            let resources = answers[0].1.as_ref().unwrap().as_ref().unwrap();
            let hashes: Vec<_> = resources.iter().map(|resource| resource.icon_sha256.as_deref()).collect();
            assert_eq!(hashes, [Some(&*png_sha256), Some(&*other_sha256), None, Some(&*png_sha256)]);
            assert!(resources.iter().all(|resource| resource.icon.is_none()));
        }
        assert_eq!(stored(&deps, &png_sha256).await.as_deref(), Some(&*png));
        assert_eq!(stored(&deps, &other_sha256).await.as_deref(), Some(&*other));
        assert_eq!(stored(&deps, &text::sha256_hex(&ico)).await, None);
        assert_eq!(deps.documents.list("icons/", None, 10).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn more_placeholders_than_are_stored_at_a_time_are_all_there() {
        let deps = deps();
        let placeholders: Vec<_> =
            ('A'..='Z').map(|letter| icon::placeholder(ResourceKind::Desktop, &letter.to_string())).collect();
        for _ in 0..2 {
            store_placeholders(&deps, &placeholders).await.unwrap();
        }
        for placeholder in &placeholders {
            assert_eq!(stored(&deps, &placeholder.sha256).await.as_deref(), Some(&*placeholder.png));
        }
    }
}
