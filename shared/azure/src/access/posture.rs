//! What only the rules on posture need: diagnostic settings, vaults' contents, file shares, what is backed up, and
//! which data collection rules reach which machine.

use super::authorization::READER;
use super::graph::Graph;
use super::kinds::{APPLICATION_GROUPS, HOST_POOLS, STORAGE_ACCOUNTS, VAULTS, WORKSPACES};
use super::ledger::Ledger;
use super::resource::resource;
use super::vaults;
use crate::arm::{Arm, Call};
use crate::throttle::{Kind, Meter};
use crate::versions::{DIAGNOSTIC_SETTINGS, FILE_SHARES};
use futures::{StreamExt, stream};
use poolwarden_domain::access::{ArmResource, Facet};
use poolwarden_domain::{ArmId, Unreadable, Why};

/// Resources asked at once for what belongs to them.
const AT_ONCE: usize = 16;
/// Kinds of storage accounts that hold no file shares.
const WITHOUT_SHARES: [&str; 2] = ["blobstorage", "blockblobstorage"];

/// Adds all of it.
pub(super) async fn read(graph: &Graph<'_>, scopes: &[ArmId], found: &mut Vec<ArmResource>, ledger: &mut Ledger) {
    let arm = graph.arm;
    let of = |kinds: &[&str]| -> Vec<ArmResource> {
        found.iter().filter(|one| kinds.contains(&one.kind.as_str())).cloned().collect()
    };
    let (desktops, vaults, mut accounts) =
        (of(&[HOST_POOLS, APPLICATION_GROUPS, WORKSPACES]), of(&[VAULTS]), of(&[STORAGE_ACCOUNTS]));
    accounts.retain(|account| {
        let kind = account.at("kind").and_then(serde_json::Value::as_str).unwrap_or_default().to_ascii_lowercase();
        !WITHOUT_SHARES.contains(&kind.as_str())
    });
    let unseen_vaults: Vec<ArmId> =
        scopes.iter().filter(|scope| !ledger.is_whole(scope, Facet::KeyVaults)).cloned().collect();
    let unseen_desktops: Vec<ArmId> =
        scopes.iter().filter(|scope| !ledger.is_whole(scope, Facet::DesktopVirtualization)).cloned().collect();
    let mut parts: [Ledger; 3] = Default::default();
    let [of_settings, of_vaults, of_shares] = &mut parts;
    let (settings, contents, shares, protected, collected) = tokio::join!(
        lists(arm, desktops, SETTINGS, of_settings),
        vaults::contents(arm, vaults, of_vaults),
        lists(arm, accounts, SHARES, of_shares),
        graph.protected_items(),
        graph.data_collection(),
    );
    parts.into_iter().for_each(|part| ledger.merge(part));
    for (listed, facet) in [(protected, Facet::RecoveryServices), (collected, Facet::Monitoring)] {
        match listed {
            Ok(listed) => found.extend(ledger.settle(scopes, facet, listed)),
            Err(reason) => ledger.fail_all(scopes, facet, &reason),
        }
    }
    found.extend(settings.into_iter().chain(contents).chain(shares));
    found.retain(|one| one.id.up_to("subscriptions").is_some_and(|scope| scopes.contains(&scope)));
    // What belongs to resources that could not all be seen was not all asked for.
    let unseen = |what: &str| Unreadable::new(Why::Missing, format!("not every {what} of it could be seen"));
    ledger.fail_all(&unseen_vaults, Facet::VaultContents, &unseen("key vault"));
    ledger.fail_all(&unseen_desktops, Facet::DiagnosticSettings, &unseen("host pool, application group or workspace"));
}

/// A list that ARM has below a resource.
#[derive(Clone, Copy)]
struct Below {
    path: &'static str,
    version: &'static str,
    what: &'static str,
    facet: Facet,
}

const SETTINGS: Below = Below {
    path: "providers/microsoft.insights/diagnosticSettings",
    version: DIAGNOSTIC_SETTINGS,
    what: "the diagnostic settings",
    facet: Facet::DiagnosticSettings,
};
const SHARES: Below =
    Below { path: "fileServices/default/shares", version: FILE_SHARES, what: "the file shares", facet: Facet::Storage };

/// The list below each of these resources; one that cannot be had is unknown by itself.
async fn lists(arm: &Arm, holders: Vec<ArmResource>, list: Below, ledger: &mut Ledger) -> Vec<ArmResource> {
    let lists = stream::iter(holders).map(|holder| async move {
        let call = Call {
            url: arm
                .shared
                .endpoints
                .arm_url(&format!("{}/{}", holder.id, list.path), &[("api-version", list.version)]),
            body: None,
            meter: Meter::new(holder.id.subscription(), Kind::Read),
            what: list.what,
            scope: holder.id.clone(),
            role: READER,
        };
        (arm.list(call, resource).await, holder.id)
    });
    let mut found = Vec::new();
    for (listed, id) in lists.buffered(AT_ONCE).collect::<Vec<_>>().await {
        match listed {
            Ok(Some(listed)) => found.extend(ledger.settle(std::slice::from_ref(&id), list.facet, listed)),
            // What was listed a moment ago and is gone now has no list.
            Ok(None) => {}
            Err(reason) => ledger.fail(&id, list.facet, reason),
        }
    }
    found
}
