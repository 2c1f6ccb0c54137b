//! Whether a role assignment is there all the time: one that was activated looks the same, and only Privileged Identity
//! Management tells them apart.

use crate::ArmId;
use crate::access::{Effective, Facet, GrantKind};
use crate::audit::Audit;
use crate::audit::fix::is_assignment;
use std::collections::{HashMap, HashSet};

/// What ends the message about a grant of which nobody told for how long it is there.
const NOT_TOLD: &str = "; whether only for now was not read";

/// Which standing grants are known to stand. Each scope is looked at once.
pub(super) struct Standing<'a> {
    audit: &'a Audit<'a>,
    /// The role assignments that active instances are seen as.
    told: HashSet<&'a ArmId>,
    read: HashMap<&'a ArmId, bool>,
}

impl<'a> Standing<'a> {
    pub(super) fn new(audit: &'a Audit<'a>) -> Self {
        let told = audit.facts.pim.iter().filter_map(|instance| instance.origin.as_ref()).collect();
        Self { audit, told, read: HashMap::new() }
    }

    /// Whether a grant is there all the time, as far as was read.
    pub(super) fn is_meant(grant: &Effective<'_>) -> bool {
        grant.kind == GrantKind::Standing
    }

    /// Whether it was read that it is.
    pub(super) fn is_told(&mut self, grant: &Effective<'a>) -> bool {
        let (audit, scope) = (self.audit, grant.scope);
        !is_assignment(grant)
            || self.told.contains(grant.id)
            || *self.read.entry(scope).or_insert_with(|| is_read(audit, scope))
    }

    /// The end of a message about a grant.
    pub(super) fn caveat(&mut self, grant: &Effective<'a>) -> &'static str {
        if self.is_told(grant) { "" } else { NOT_TOLD }
    }
}

/// Whether the active instances at a scope were read. A subscription's list tells of those above it too.
fn is_read(audit: &Audit<'_>, scope: &ArmId) -> bool {
    let is_read = |subscription: &ArmId| audit.is_read(&[Facet::PimActive], subscription);
    match scope.up_to("subscriptions") {
        Some(subscription) => is_read(&subscription),
        None => {
            let mut subscriptions = audit.facts.subscriptions.iter().map(|one| &one.id);
            subscriptions.any(|one| is_read(one) && audit.world.chain(one).contains(scope))
        }
    }
}
