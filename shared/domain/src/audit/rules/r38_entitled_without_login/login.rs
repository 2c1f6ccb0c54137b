//! Who may sign in to which machine, looked up once for all machines that nothing tells apart.

use super::super::grants::{ByScope, grants_that_allow};
use crate::ArmId;
use crate::access::{Action, Answer, DenyAssignment, Facet, builtin};
use crate::audit::Audit;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

/// What tells whether somebody may sign in: where these are not read, a lack of grants proves nothing.
const TELLING: [Facet; 5] =
    [Facet::RoleAssignments, Facet::RoleDefinitions, Facet::PimActive, Facet::GroupMembers, Facet::ManagementGroups];

/// What is known of somebody's right to sign in.
#[derive(Debug)]
pub(super) enum Right {
    /// They may.
    Held,
    /// They may not.
    Lacking,
    /// Nobody can say, for this reason.
    Unclear(String),
}

/// Those whom the grants on a machine reach, groups included, however deep.
#[derive(Debug, Default)]
struct Holders {
    freely: HashSet<String>,
    under_a_condition: HashSet<String>,
    is_told: bool,
}

/// Who may sign in where.
pub(super) struct Logins<'a> {
    audit: &'a Audit<'a>,
    action: Action,
    grants: ByScope<'a>,
    denies: Vec<&'a DenyAssignment>,
    known: HashMap<ArmId, Rc<Holders>>,
}

impl<'a> Logins<'a> {
    pub(super) fn new(audit: &'a Audit<'a>) -> Self {
        let action = Action::data(builtin::LOG_IN);
        let grants = ByScope::new(grants_that_allow(audit, &action).into_iter().filter(|grant| grant.is_active()));
        let denies = audit.facts.denies.iter().filter(|deny| action.is_in(&deny.permissions)).collect();
        Self { audit, action, grants, denies, known: HashMap::new() }
    }

    /// One machine for all of a resource group that have nothing of their own, and each that has.
    pub(super) fn distinct(&self, machines: &BTreeSet<ArmId>) -> Vec<ArmId> {
        let mut seen = BTreeSet::new();
        let is_own =
            |machine: &ArmId| self.grants.is_at(machine) || self.denies.iter().any(|deny| deny.scope == *machine);
        let is_new = |machine: &&ArmId| {
            is_own(machine) || machine.up_to("resourceGroups").is_none_or(|group| seen.insert(group))
        };
        machines.iter().filter(is_new).cloned().collect()
    }

    /// Whether somebody may sign in to a machine.
    pub(super) fn right(&mut self, who: &str, machine: &ArmId) -> Right {
        let holders = self.holders(machine);
        if !self.denies.is_empty() && holders.freely.contains(who) {
            let answer = self.audit.world.decide(who, &self.action, machine).answer;
            return if answer == Answer::Denied { Right::Lacking } else { Right::Held };
        }
        match () {
            () if holders.freely.contains(who) => Right::Held,
            () if holders.under_a_condition.contains(who) => {
                Right::Unclear(format!("a condition decides whether {who} may sign in to {machine}"))
            }
            () if holders.is_told => Right::Lacking,
            () => Right::Unclear(format!("who may sign in to {machine} could not be read in full")),
        }
    }

    fn holders(&mut self, machine: &ArmId) -> Rc<Holders> {
        if let Some(known) = self.known.get(machine) {
            return Rc::clone(known);
        }
        let mut holders = Holders::default();
        for grant in self.grants.on(self.audit, machine) {
            let side = if grant.condition.is_none() { &mut holders.freely } else { &mut holders.under_a_condition };
            if side.insert(grant.principal.id.clone()) {
                side.extend(self.audit.world.members_of(&grant.principal.id).ids);
            }
        }
        let subscription = machine.up_to("subscriptions");
        holders.is_told = subscription.is_some_and(|subscription| self.audit.is_read(&TELLING, &subscription));
        let holders = Rc::new(holders);
        self.known.insert(machine.clone(), Rc::clone(&holders));
        holders
    }
}
