//! Whether a role assignment is there all the time: one that was activated looks the same, and only Privileged Identity
//! Management tells them apart.

use super::helpers::{is_privileged, kind_of};
use crate::ArmId;
use crate::access::{Effective, Facet, GrantKind};
use crate::audit::fix::is_assignment;
use crate::audit::{Audit, Fix};
use std::collections::{HashMap, HashSet};

/// What ends the message about a grant of which nobody told for how long it is there.
const NOT_TOLD: &str = "; whether only for now was not read";
/// What ends the mend of such a grant.
const CAUTION: &str =
    ". Look first whether it was activated only, which was not read: then make a group eligible instead";

/// Which standing grants are known to stand. Each subscription, and each scope above them, is looked at once.
pub(in crate::audit) struct Standing<'a> {
    audit: &'a Audit<'a>,
    /// The role assignments that active instances are seen as.
    told: HashSet<&'a ArmId>,
    read: HashMap<ArmId, bool>,
}

impl<'a> Standing<'a> {
    pub(in crate::audit) fn new(audit: &'a Audit<'a>) -> Self {
        let told = audit.facts.pim.iter().filter_map(|instance| instance.origin.as_ref()).collect();
        Self { audit, told, read: HashMap::new() }
    }

    /// Whether a grant is there all the time, as far as was read.
    pub(in crate::audit) fn is_meant(grant: &Effective<'_>) -> bool {
        grant.kind == GrantKind::Standing
    }

    /// Whether it was read that it is.
    pub(in crate::audit) fn is_told(&mut self, grant: &Effective<'a>) -> bool {
        let audit = self.audit;
        // Nothing but users and groups can activate a role.
        if !is_assignment(grant)
            || self.told.contains(grant.id)
            || kind_of(audit, grant.principal) == "ServicePrincipal"
        {
            return true;
        }
        let place = grant.scope.up_to("subscriptions").unwrap_or_else(|| grant.scope.clone());
        *self.read.entry(place).or_insert_with_key(|place| is_read(audit, place))
    }

    /// The end of a message about a grant.
    pub(super) fn caveat(&mut self, grant: &Effective<'a>) -> &'static str {
        if self.is_told(grant) { "" } else { NOT_TOLD }
    }

    /// A fix that puts an assignment, which stands, in the place of one that may have been activated only. Power over
    /// who may do what is not made to stand by a command then.
    pub(super) fn with_caution(&mut self, grant: &Effective<'a>, mut fix: Fix) -> Fix {
        if !Self::is_meant(grant) || self.is_told(grant) {
            return fix;
        }
        fix.portal.push_str(CAUTION);
        match is_privileged(grant) {
            true => Fix { portal: fix.portal, ..Fix::default() },
            false => fix,
        }
    }
}

/// Whether the active instances of a subscription were read, or at a scope above: each subscription's list tells of
/// those above it too.
fn is_read(audit: &Audit<'_>, place: &ArmId) -> bool {
    let is_read = |subscription: &ArmId| audit.is_read(&[Facet::PimActive], subscription);
    if place.subscription().is_some() {
        return is_read(place);
    }
    let mut subscriptions = audit.facts.subscriptions.iter().map(|one| &one.id);
    subscriptions.any(|one| is_read(one) && audit.world.chain(one).contains(place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{World, builtin};
    use crate::audit::fix::move_to_group;
    use crate::audit::testing::{Estate, LANDING, RG, S1, now};

    /// Whether the fix of the first grant has commands, and a caution.
    fn mended(estate: &Estate) -> (bool, bool) {
        let world = World::new(&estate.facts);
        let audit = Audit { facts: &estate.facts, world: &world, policy: &estate.policy, now: now() };
        let grant = &world.grants()[0];
        let fix = Standing::new(&audit).with_caution(grant, move_to_group(grant));
        (fix.az.is_some() && fix.powershell.is_some(), fix.portal.ends_with(CAUTION))
    }

    #[test]
    fn power_that_may_have_been_activated_only_is_not_made_to_stand_by_a_command() {
        for scope in [LANDING, S1, RG] {
            let owner = Estate::bare().user("ann").assign("ann", builtin::OWNER, scope);
            assert_eq!(mended(&owner), (true, false), "{scope}");
            assert_eq!(mended(&owner.forbidden(Facet::PimActive, S1)), (false, true), "{scope}");
            let reader = Estate::bare().user("ann").assign("ann", builtin::READER, scope);
            assert_eq!(mended(&reader.forbidden(Facet::PimActive, S1)), (true, true), "{scope}");
        }
        let robot = Estate::bare().identity("robot", "robot").assign("robot", builtin::OWNER, S1);
        assert_eq!(mended(&robot.forbidden(Facet::PimActive, S1)), (true, false), "it can activate nothing");
    }
}
