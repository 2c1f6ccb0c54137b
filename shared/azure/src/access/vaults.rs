//! What is in key vaults: the names of secrets and certificates, and from when until when they hold; never a value.
//!
//! A vault itself is asked, as its identity-based access decides. Where it refuses, ARM still lists the secrets to
//! whoever may read the vault as a resource; it does not list certificates.

use super::authorization::READER;
use super::item::Item;
use super::kinds::{CERTIFICATES, SECRETS};
use super::ledger::Ledger;
use super::wire::parsed;
use crate::arm::{Arm, Call};
use crate::listing::Listed;
use crate::throttle::{Kind, Meter};
use crate::versions::{KEY_VAULT, KEY_VAULT_RESOURCES};
use futures::{StreamExt, stream};
use poolwarden_domain::access::{ArmResource, Facet};
use poolwarden_domain::{ArmId, Reading, Unreadable, Why};
use serde_json::json;
use serde_json::value::RawValue;
use std::sync::Arc;
use url::Url;

/// Vaults asked at once.
const AT_ONCE: usize = 8;
/// The role that lists what is in a vault.
const KEY_VAULT_READER: &str = "Key Vault Reader";

/// What a vault lists.
#[derive(Debug, Clone, Copy)]
struct Contents {
    segment: &'static str,
    kind: &'static str,
    what: &'static str,
}

const OF_VAULTS: [Contents; 2] = [
    Contents { segment: "secrets", kind: SECRETS, what: "the names of the secrets" },
    Contents { segment: "certificates", kind: CERTIFICATES, what: "the names of the certificates" },
];

/// Adds up what these vaults hold; one that cannot be read is unknown by itself.
pub(super) async fn contents(arm: &Arm, vaults: Vec<ArmResource>, ledger: &mut Ledger) -> Vec<ArmResource> {
    let asks = Arm { shared: Arc::new(arm.shared.to_vaults()), counters: Arc::clone(&arm.counters) };
    let calls: Vec<_> = vaults.iter().flat_map(|vault| OF_VAULTS.map(|contents| (vault, contents))).collect();
    let lists = calls.into_iter().map(|(vault, contents)| {
        let asks = &asks;
        async move {
            let listed = from_vault(asks, vault, contents).await;
            match listed {
                Err(reason) if contents.kind == SECRETS => {
                    (from_arm(arm, vault, contents).await.unwrap_or(Err(reason)), vault)
                }
                listed => (listed, vault),
            }
        }
    });
    let mut found = Vec::new();
    for (listed, vault) in stream::iter(lists.collect::<Vec<_>>()).buffered(AT_ONCE).collect::<Vec<_>>().await {
        match listed {
            Ok(listed) => found.extend(ledger.settle(std::slice::from_ref(&vault.id), Facet::VaultContents, listed)),
            Err(reason) => ledger.fail(&vault.id, Facet::VaultContents, reason),
        }
    }
    found
}

async fn from_vault(asks: &Arm, vault: &ArmResource, contents: Contents) -> Reading<Listed<ArmResource>> {
    let url = address(asks, vault, contents)?;
    let call = Call {
        meter: Meter::new(url.host_str(), Kind::Read),
        url,
        body: None,
        what: contents.what,
        scope: vault.id.clone(),
        role: KEY_VAULT_READER,
    };
    let gone = || Unreadable::new(Why::Failed, format!("{} of {}: 404", contents.what, vault.id));
    asks.list(call, |raw| item(raw, &vault.id, contents)).await?.ok_or_else(gone)
}

/// `None` where that helps no further.
async fn from_arm(arm: &Arm, vault: &ArmResource, contents: Contents) -> Option<Reading<Listed<ArmResource>>> {
    let path = format!("{}/{}", vault.id, contents.segment);
    let call = Call {
        url: arm.shared.endpoints.arm_url(&path, &[("api-version", KEY_VAULT_RESOURCES)]),
        body: None,
        meter: Meter::new(vault.id.subscription(), Kind::Read),
        what: contents.what,
        scope: vault.id.clone(),
        role: READER,
    };
    arm.list(call, |raw| item(raw, &vault.id, contents)).await.ok().flatten().map(Ok)
}

/// Where a vault lists something: at the address it tells, if that is a vault of this cloud; below `/vaults/{name}` of
/// the stand-in that answers for every vault, if there is one.
fn address(asks: &Arm, vault: &ArmResource, contents: Contents) -> Reading<Url> {
    let endpoints = &asks.shared.endpoints;
    let told = vault.text("vaultUri").and_then(|uri| Url::parse(uri).ok());
    let (mut url, prefix) = match endpoints.key_vault_override() {
        Some(stand_in) => (stand_in.clone(), format!("/vaults/{}", vault.id.name())),
        None => {
            let text = format!("{} tells no address (vaultUri) that is a vault of this cloud", vault.id);
            let of_this_cloud = told.filter(|url| endpoints.is_key_vault(url));
            (of_this_cloud.ok_or_else(|| Unreadable::new(Why::Malformed, text))?, String::new())
        }
    };
    url.set_path(&format!("{prefix}/{}", contents.segment));
    url.set_query(Some(&format!("api-version={KEY_VAULT}")));
    url.set_fragment(None);
    Ok(url)
}

/// An item as a vault (`{id: https://…/secrets/{name}, attributes}`) or ARM lists it (`{name, properties}`).
fn item(raw: &RawValue, vault: &ArmId, contents: Contents) -> Result<ArmResource, String> {
    let value = parsed(raw)?;
    let item = Item::of(&value)?;
    let own = item.own("id").ok_or("has no id")?.trim_end_matches('/');
    let name = own.rsplit('/').next().unwrap_or(own);
    let id = ArmId::new(&format!("{vault}/{}/{name}", contents.segment));
    let body = json!({
        "id": id.as_str(),
        "name": name,
        "properties": {
            "attributes": item.value("attributes"),
            "contentType": item.text("contentType"),
            "managed": item.flag("managed"),
        },
    });
    Ok(ArmResource { id, kind: contents.kind.to_owned(), location: None, body })
}
