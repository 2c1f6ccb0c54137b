//! What only the rules on posture need: diagnostic settings, vaults' contents, file shares, what is backed up, and
//! which data collection rules reach which machine.

use super::authorization::READER;
use super::graph::Graph;
use super::kinds::{
    APPLICATION_GROUPS, HOST_POOLS, RECOVERY_VAULTS, SESSION_HOSTS, STORAGE_ACCOUNTS, VAULTS, WORKSPACES,
};
use super::ledger::Ledger;
use super::resource::resource;
use super::vaults;
use crate::arm::{Arm, Call};
use crate::throttle::{Kind, Meter};
use crate::versions::{BACKUP, DATA_COLLECTION, DIAGNOSTIC_SETTINGS, FILE_SHARES};
use futures::{StreamExt, stream};
use poolwarden_domain::access::{ArmResource, Facet};
use poolwarden_domain::{ArmId, Unreadable, Why};
use std::collections::BTreeSet;

/// Resources asked at once for what belongs to them.
const AT_ONCE: usize = 16;
/// Kinds of storage accounts that hold no file shares.
const WITHOUT_SHARES: [&str; 2] = ["blobstorage", "blockblobstorage"];
/// The only kind that holds file shares on premium storage; others hold page blobs there, and ARM refuses to list shares.
const PREMIUM_SHARES: &str = "filestorage";

/// Adds all of it.
pub(super) async fn read(graph: &Graph<'_>, scopes: &[ArmId], found: &mut Vec<ArmResource>, ledger: &mut Ledger) {
    let arm = graph.arm;
    let of = |kinds: &[&str]| -> Vec<ArmResource> {
        found.iter().filter(|one| kinds.contains(&one.kind.as_str())).cloned().collect()
    };
    let (desktops, vaults, mut accounts) =
        (of(&[HOST_POOLS, APPLICATION_GROUPS, WORKSPACES]), of(&[VAULTS]), of(&[STORAGE_ACCOUNTS]));
    accounts.retain(may_hold_shares);
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
    for (listed, list) in [(protected, PROTECTED), (collected, COLLECTED)] {
        match listed {
            Ok(listed) if listed.stopped.is_none() => found.extend(ledger.settle(scopes, list.facet, listed)),
            Ok(_) | Err(_) => {
                tracing::warn!(what = list.what, "Resource Graph does not give these; asking ARM for each resource");
                let more = lists(arm, holders(found, list), list, ledger).await;
                found.extend(more);
            }
        }
    }
    found.extend(settings.into_iter().chain(contents).chain(shares));
    found.retain(|one| one.id.up_to("subscriptions").is_some_and(|scope| scopes.contains(&scope)));
    // What belongs to resources that could not all be seen was not all asked for.
    let unseen = |what: &str| Unreadable::new(Why::Missing, format!("not every {what} of it could be seen"));
    ledger.fail_all(&unseen_vaults, Facet::VaultContents, &unseen("key vault"));
    ledger.fail_all(&unseen_desktops, Facet::DiagnosticSettings, &unseen("host pool, application group or workspace"));
}

/// Whether a storage account may hold file shares at all.
pub(super) fn may_hold_shares(account: &ArmResource) -> bool {
    let text =
        |path: &str| account.at(path).and_then(serde_json::Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let (kind, sku) = (text("kind"), text("sku/name"));
    !WITHOUT_SHARES.contains(&kind.as_str()) && (kind == PREMIUM_SHARES || !sku.starts_with("premium_"))
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
const PROTECTED: Below =
    Below { path: "backupProtectedItems", version: BACKUP, what: "what is backed up", facet: Facet::RecoveryServices };
const COLLECTED: Below = Below {
    path: "providers/Microsoft.Insights/dataCollectionRuleAssociations",
    version: DATA_COLLECTION,
    what: "the associations of data collection rules",
    facet: Facet::Monitoring,
};

/// Below which resources ARM has these: Recovery Services vaults, or the virtual machines of session hosts.
fn holders(found: &[ArmResource], list: Below) -> Vec<ArmResource> {
    let hosts = found.iter().filter(|one| one.kind == SESSION_HOSTS);
    let machines: BTreeSet<ArmId> = hosts.filter_map(|host| host.reference("resourceId")).collect();
    let is_holder = |one: &&ArmResource| match list.facet {
        Facet::RecoveryServices => one.kind == RECOVERY_VAULTS,
        _ => machines.contains(&one.id),
    };
    found.iter().filter(is_holder).cloned().collect()
}

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
