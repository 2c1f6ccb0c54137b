//! What Microsoft.Authorization lists at a subscription: below it and at it without a filter, above it with `atScope()`.
//!
//! What is above is the same for every subscription of a management group, so one of them is asked for all.

use super::ledger::Ledger;
use super::reader::Subscription;
use crate::arm::{Arm, Call};
use crate::listing::Listed;
use crate::throttle::{Kind, Meter};
use crate::versions::{AUTHORIZATION, CLASSIC_ADMINISTRATORS, PIM, PIM_NOT_LICENSED};
use futures::{StreamExt, stream};
use poolwarden_domain::access::Facet;
use poolwarden_domain::{ArmId, Reading, Unreadable, Why};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Lists asked for at once; what really bounds them is the shared client.
const LISTS_AT_ONCE: usize = 16;
/// The role that reads all of this.
pub(super) const READER: &str = "Reader";

/// A list of Microsoft.Authorization.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    segment: &'static str,
    version: &'static str,
    what: &'static str,
    pub(super) facet: Facet,
}

pub(super) const ASSIGNMENTS: List =
    list("roleAssignments", AUTHORIZATION, "the role assignments", Facet::RoleAssignments);
pub(super) const DENIES: List = list("denyAssignments", AUTHORIZATION, "the deny assignments", Facet::DenyAssignments);
pub(super) const ACTIVE: List =
    list("roleAssignmentScheduleInstances", PIM, "the active instances of PIM", Facet::PimActive);
pub(super) const ELIGIBLE: List =
    list("roleEligibilityScheduleInstances", PIM, "the eligible instances of PIM", Facet::PimEligible);
pub(super) const CLASSIC: List =
    list("classicAdministrators", CLASSIC_ADMINISTRATORS, "the classic administrators", Facet::ClassicAdministrators);
pub(super) const DEFINITIONS: List =
    list("roleDefinitions", AUTHORIZATION, "the role definitions", Facet::RoleDefinitions);
/// What the caller may do; no facet of its own.
pub(super) const PERMISSIONS: List =
    list("permissions", AUTHORIZATION, "the identity's own permissions", Facet::RoleAssignments);

const fn list(segment: &'static str, version: &'static str, what: &'static str, facet: Facet) -> List {
    List { segment, version, what, facet }
}

/// How a list's items are read.
pub(super) type Read<T> = fn(&RawValue) -> Result<T, String>;

impl List {
    /// The request for it at a scope.
    pub(super) fn call(self, arm: &Arm, scope: &ArmId, filter: Option<&str>) -> Call {
        let mut query = vec![("api-version", self.version)];
        query.extend(filter.map(|filter| ("$filter", filter)));
        let path = format!("{scope}/providers/Microsoft.Authorization/{}", self.segment);
        Call {
            url: arm.shared.endpoints.arm_url(&path, &query),
            body: None,
            meter: Meter::new(scope.subscription(), Kind::Read),
            what: self.what,
            scope: scope.clone(),
            role: READER,
        }
    }

    /// Its items at a scope. A tenant that is not licensed for PIM has no instances of it.
    pub(super) async fn at<T>(
        self,
        arm: &Arm,
        scope: &ArmId,
        filter: Option<&str>,
        read: Read<T>,
    ) -> Reading<Listed<T>> {
        match arm.list(self.call(arm, scope, filter), read).await {
            Ok(Some(listed)) => Ok(listed),
            Ok(None) => {
                Err(Unreadable::new(Why::Failed, format!("{} of {scope}: 404, they are not offered", self.what)))
            }
            Err(reason) if self.version == PIM && reason.detail.contains(PIM_NOT_LICENSED) => Ok(Listed::new()),
            Err(reason) => Err(reason),
        }
    }

    /// Its items at and below these subscriptions, each by itself.
    pub(super) async fn below<T>(self, arm: &Arm, scopes: &[ArmId], read: Read<T>, ledger: &mut Ledger) -> Vec<T> {
        let lists = stream::iter(scopes.to_vec())
            .map(|scope| async move { (self.at(arm, &scope, None, read).await, scope) })
            .buffered(LISTS_AT_ONCE);
        let mut items = Vec::new();
        for (list, scope) in lists.collect::<Vec<_>>().await {
            let scopes = std::slice::from_ref(&scope);
            match list {
                Ok(listed) => items.extend(ledger.settle(scopes, self.facet, listed)),
                Err(reason) => ledger.fail_all(scopes, self.facet, &reason),
            }
        }
        items
    }

    /// Its items above these subscriptions: of each management group one subscription is asked, another one should
    /// that fail.
    pub(super) async fn above<T>(
        self,
        arm: &Arm,
        subscriptions: &[Subscription],
        read: Read<T>,
        ledger: &mut Ledger,
    ) -> Vec<T> {
        let groups = stream::iter(siblings(subscriptions))
            .map(|group| async move {
                let mut failed = None;
                for scope in &group {
                    match self.at(arm, scope, Some("atScope()"), read).await {
                        Ok(listed) if listed.stopped.is_none() => return (Ok(listed), group),
                        Ok(listed) => failed = failed.or(listed.stopped),
                        Err(reason) => failed = failed.or(Some(reason)),
                    }
                }
                let reason = failed.unwrap_or_else(|| Unreadable::new(Why::Failed, "nothing was asked"));
                (Err(reason), group)
            })
            .buffered(LISTS_AT_ONCE);
        let mut items = Vec::new();
        for (list, group) in groups.collect::<Vec<_>>().await {
            match list {
                Ok(listed) => items.extend(ledger.settle(&group, self.facet, listed)),
                Err(reason) => ledger.fail_all(&group, self.facet, &reason),
            }
        }
        items
    }
}

/// The subscriptions by the management group they are in; those of which that is not known, each by itself.
pub(super) fn siblings(subscriptions: &[Subscription]) -> Vec<Vec<ArmId>> {
    let mut groups: BTreeMap<ArmId, Vec<ArmId>> = BTreeMap::new();
    for subscription in subscriptions {
        let above = subscription.chain.first().map_or(&subscription.id, |(id, _)| id);
        groups.entry(above.clone()).or_default().push(subscription.id.clone());
    }
    groups.into_values().collect()
}
