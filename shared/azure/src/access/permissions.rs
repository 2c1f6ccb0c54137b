//! What the identity may read at all: Resource Graph says of nothing that it left it out.

use super::Depth;
use super::authorization::{PERMISSIONS, READER};
use super::kinds::{DIAGNOSTIC_SETTINGS, KINDS, PROTECTED_ITEMS, RULE_ASSOCIATIONS, VAULTS};
use super::wire;
use crate::arm::Arm;
use futures::{StreamExt, stream};
use poolwarden_domain::access::{Action, Facet};
use poolwarden_domain::estate::Permission;
use poolwarden_domain::{ArmId, Reading, Unreadable, Why};
use std::collections::BTreeMap;

/// Subscriptions asked at once.
const AT_ONCE: usize = 16;

/// What the identity may do at each subscription; `None` where the service does not tell.
pub(super) struct Permissions(BTreeMap<ArmId, Reading<Option<Vec<Permission>>>>);

impl Permissions {
    pub(super) async fn read(arm: &Arm, scopes: &[ArmId]) -> Self {
        let answers = stream::iter(scopes.to_vec()).map(|scope| async move {
            let call = PERMISSIONS.call(arm, &scope, None);
            let listed = arm.list(call, wire::own_permission).await;
            let whole = match listed {
                Ok(Some(listed)) => listed.whole().map(Some),
                Ok(None) => Ok(None),
                Err(reason) => Err(reason),
            };
            (scope, whole)
        });
        Self(answers.buffered(AT_ONCE).collect().await)
    }

    /// Whether anybody knows what the identity may do there.
    pub(super) fn is_known(&self, scope: &ArmId) -> bool {
        matches!(self.0.get(scope), Some(Ok(Some(_))))
    }

    /// Why a facet of a subscription may be more than Resource Graph tells; `None` if the identity may read all of it,
    /// or nobody knows.
    pub(super) fn lacks(&self, scope: &ArmId, facet: Facet, depth: Depth) -> Option<Unreadable> {
        let permissions = match self.0.get(scope)? {
            Ok(permissions) => permissions.as_ref()?,
            Err(reason) => return Some(reason.clone()),
        };
        let missing = reads(facet, depth).find(|read| !read.is_in(permissions))?;
        let missing = missing.name.trim_end_matches("/read");
        let text = format!(
            "the identity may not read {missing} everywhere in {scope}, and Resource Graph leaves out silently what it \
             may not read; grant {READER} on {scope}"
        );
        Some(Unreadable::new(Why::Forbidden, text))
    }
}

/// What must be allowed to whoever reads a facet.
pub(super) fn reads(facet: Facet, depth: Depth) -> impl Iterator<Item = Action> {
    let kinds = KINDS.iter().filter(move |kind| kind.facet == facet && (kind.for_access || depth == Depth::Posture));
    let other = match facet {
        Facet::RoleAssignments => Some("Microsoft.Authorization/roleAssignments"),
        Facet::RoleDefinitions => Some("Microsoft.Authorization/roleDefinitions"),
        Facet::DenyAssignments => Some("Microsoft.Authorization/denyAssignments"),
        Facet::PimActive => Some("Microsoft.Authorization/roleAssignmentScheduleInstances"),
        Facet::PimEligible => Some("Microsoft.Authorization/roleEligibilityScheduleInstances"),
        Facet::ClassicAdministrators => Some("Microsoft.Authorization/classicAdministrators"),
        Facet::VaultContents => Some(VAULTS),
        Facet::DiagnosticSettings => Some(DIAGNOSTIC_SETTINGS),
        // Resource Graph has these, in tables of their own.
        Facet::RecoveryServices if depth == Depth::Posture => Some(PROTECTED_ITEMS),
        Facet::Monitoring if depth == Depth::Posture => Some(RULE_ASSOCIATIONS),
        _ => None,
    };
    kinds.map(|kind| kind.name).chain(other).map(|name| Action::control(format!("{name}/read")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_identity_may_not_read_is_missing_in_silence() {
        let scope = ArmId::new("/subscriptions/s");
        let of = |actions: &[&str]| {
            let actions = actions.iter().map(|&action| action.to_owned()).collect();
            let permission = Permission { actions, ..Permission::default() };
            Permissions(BTreeMap::from([(scope.clone(), Ok(Some(vec![permission])))]))
        };
        let avd = of(&["Microsoft.DesktopVirtualization/*/read"]);
        assert!(avd.lacks(&scope, Facet::DesktopVirtualization, Depth::Rbac).is_none());
        let reason = avd.lacks(&scope, Facet::KeyVaults, Depth::Rbac).unwrap();
        assert!(reason.why == Why::Forbidden && reason.detail.contains("microsoft.keyvault/vaults"), "{reason}");
        assert!(of(&["*/read"]).lacks(&scope, Facet::KeyVaults, Depth::Posture).is_none());
        let machines =
            of(&["Microsoft.Compute/virtualMachines/read", "Microsoft.Compute/virtualMachines/extensions/read"]);
        assert!(machines.lacks(&scope, Facet::Compute, Depth::Rbac).is_none());
        assert!(machines.lacks(&scope, Facet::Compute, Depth::Posture).is_some(), "disks too");
        let vaults = of(&[
            "Microsoft.RecoveryServices/vaults/read",
            "Microsoft.Insights/dataCollectionRules/read",
            "Microsoft.OperationalInsights/workspaces/read",
        ]);
        for facet in [Facet::RecoveryServices, Facet::Monitoring] {
            assert!(vaults.lacks(&scope, facet, Depth::Posture).is_some(), "{facet}: what is in them too");
        }
    }
}
