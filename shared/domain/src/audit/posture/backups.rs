//! Whether files are backed up: `V40`.

use super::absence::{Absence, is_nowhere};
use super::estate::{Deployed, SHARES, if_deployed};
use super::mend::{bicep, seen, violation};
use super::rule;
use crate::ArmId;
use crate::access::{ArmResource, Facet};
use crate::audit::{Audit, Evidence, Outcome, Rule, Severity, Violation};
use std::collections::BTreeSet;

const RECOVERY_VAULTS: &str = "microsoft.recoveryservices/vaults";
const PROTECTED_ITEMS: &str = "microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems";

pub(super) const V40: Rule = rule(
    "V40",
    Severity::Medium,
    "File shares are backed up, and what is deleted of a backup can be brought back",
    "Profiles and data have no other copy. Checked: protected items of Recovery Services vaults for each share of the \
     deployment's storage accounts, and the vaults' soft delete.",
    &["https://learn.microsoft.com/azure/backup/azure-file-share-backup-overview"],
    &[Facet::DesktopVirtualization, Facet::Storage, Facet::RecoveryServices],
    |audit| if_deployed(audit, |deployed| backed_up(audit, deployed)),
);

/// Whether a protected item is a share that is backed up: one whose backup was deleted is kept for a while, and one whose
/// backup was stopped keeps what it has.
fn protects(item: &ArmResource) -> bool {
    let is = |path: &str, value: &str| item.text(path).is_some_and(|own| own.eq_ignore_ascii_case(value));
    is("protectedItemType", "AzureFileShareProtectedItem")
        && !is("protectionState", "ProtectionStopped")
        && item.flag("isScheduledForDeferredDelete") != Some(true)
}

fn backed_up(audit: &Audit<'_>, deployed: &Deployed<'_>) -> Outcome {
    let accounts = deployed.file_accounts(audit);
    let shares: Vec<&ArmResource> = audit.facts.resources_of(SHARES).collect();
    let items: Vec<&ArmResource> = audit.facts.resources_of(PROTECTED_ITEMS).filter(|item| protects(item)).collect();
    let absence = Absence::of(audit, &[Facet::Storage]);
    let (mut outcome, mut bare) = (Outcome::default(), Vec::new());
    for account in &accounts {
        let own = || items.iter().filter(|item| item.reference("sourceResourceId").as_ref() == Some(&account.id));
        let mut own_shares = shares.iter().filter(|share| share.id.is_within(&account.id)).peekable();
        if own_shares.peek().is_none() && own().next().is_none() {
            // Shares that nobody has seen are not those that are not backed up.
            if absence.proves(&mut outcome, &account.id, "there are shares in") {
                bare.push((&account.id, "storage account"));
            }
        }
        for share in own_shares {
            let is_it = |item: &&&ArmResource| {
                item.text("friendlyName").is_some_and(|name| name.eq_ignore_ascii_case(share.id.name()))
            };
            if own().find(is_it).is_none() {
                bare.push((&share.id, "share"));
            }
        }
    }
    // Any vault could protect them.
    let what = format!("{} shares and storage accounts are backed up", bare.len());
    if !bare.is_empty() && is_nowhere(audit, &[Facet::RecoveryServices], &mut outcome, &what) {
        outcome.violations.extend(bare.into_iter().map(|(id, what)| unprotected(id, what)));
    }
    let of_accounts = |item: &&&ArmResource| {
        let source = item.reference("sourceResourceId");
        source.is_some_and(|source| accounts.iter().any(|account| account.id == source))
    };
    let protecting: BTreeSet<ArmId> =
        items.iter().filter(of_accounts).filter_map(|item| item.id.up_to("vaults")).collect();
    let all = audit.facts.resources_of(RECOVERY_VAULTS);
    let vaults: Vec<&ArmResource> =
        all.filter(|vault| deployed.holds(&vault.id) || protecting.contains(&vault.id)).collect();
    if accounts.is_empty() && vaults.is_empty() {
        return Outcome::not_applicable("no storage account that serves files, and no Recovery Services vault");
    }
    vaults.into_iter().for_each(|vault| judge_soft_delete(&mut outcome, vault));
    outcome
}

fn unprotected(id: &ArmId, what: &str) -> Violation {
    let evidence = vec![Evidence::new("resource", id.as_str()), Evidence::new("protected item", "absent")];
    let lines = "resource item 'Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems@\
                 2024-04-01' with protectedItemType 'AzureFileShareProtectedItem', sourceResourceId and policyId.";
    let fix = bicep(lines, format!("{id} > Backup"));
    violation(id, Some("protectedItem"), format!("{what} {} is not backed up", id.name()), evidence, fix)
}

fn judge_soft_delete(outcome: &mut Outcome, vault: &ArmResource) {
    const PATH: &str = "securitySettings/softDeleteSettings/softDeleteState";
    let Some(state) = vault.text(PATH) else {
        outcome.unknown.push(format!("whether {} keeps what is deleted", vault.id));
        return;
    };
    if ["Enabled", "AlwaysON"].iter().any(|good| good.eq_ignore_ascii_case(state)) {
        return;
    }
    let lines = "securitySettings: { softDeleteSettings: { softDeleteState: 'Enabled' } } in the vault's properties.";
    let fix = bicep(lines, format!("{} > Properties > Security settings > Soft delete", vault.id));
    let message = format!("Recovery Services vault {} keeps nothing that is deleted", vault.id.name());
    outcome.violations.push(violation(&vault.id, Some("softDeleteState"), message, seen(vault, PATH), fix));
}
