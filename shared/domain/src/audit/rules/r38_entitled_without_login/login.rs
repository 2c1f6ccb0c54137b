//! Who may sign in to which machine, looked up once for all machines that nothing tells apart.

use super::super::grants::{ByScope, grants_that_allow};
use super::super::helpers::{EffectiveUsers, users_of};
use crate::ArmId;
use crate::access::{Action, Answer, DenyAssignment, Effective, Facet, builtin};
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

/// Whom the grants on a machine name.
#[derive(Debug, Default)]
struct Named<'a> {
    freely: HashSet<&'a str>,
    under_a_condition: HashSet<&'a str>,
    is_told: bool,
    /// Whether a deny assignment against signing in is made there or above.
    may_be_denied: bool,
}

/// Who may sign in where.
pub(super) struct Logins<'a> {
    audit: &'a Audit<'a>,
    action: Action,
    grants: ByScope<'a>,
    denies: Vec<&'a DenyAssignment>,
    machines: HashMap<ArmId, Rc<Named<'a>>>,
    /// Everybody who was asked about, with the groups that they are in, however deep.
    groups: HashMap<String, Rc<Vec<String>>>,
    users: HashMap<String, Rc<EffectiveUsers>>,
}

impl<'a> Logins<'a> {
    pub(super) fn new(audit: &'a Audit<'a>) -> Self {
        let action = Action::data(builtin::LOG_IN);
        let grants = ByScope::new(grants_that_allow(audit, &action).into_iter().filter(|grant| grant.is_active()));
        let denies = audit.facts.denies.iter().filter(|deny| action.is_in(&deny.permissions)).collect();
        Self { audit, action, grants, denies, machines: HashMap::new(), groups: HashMap::new(), users: HashMap::new() }
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
        let (named, groups) = (self.named(machine), self.groups(who));
        let is_in = |principals: &HashSet<&str>| groups.iter().any(|group| principals.contains(group.as_str()));
        let is_free = is_in(&named.freely);
        match () {
            () if is_free && named.may_be_denied && self.is_denied(who, machine) => Right::Lacking,
            () if is_free => Right::Held,
            () if is_in(&named.under_a_condition) => {
                Right::Unclear(format!("a condition decides whether {who} may sign in to {machine}"))
            }
            () if named.is_told => Right::Lacking,
            () => Right::Unclear(format!("who may sign in to {machine} could not be read in full")),
        }
    }

    fn is_denied(&self, who: &str, machine: &ArmId) -> bool {
        self.audit.world.decide(who, &self.action, machine).answer == Answer::Denied
    }

    fn groups(&mut self, who: &str) -> Rc<Vec<String>> {
        if let Some(known) = self.groups.get(who) {
            return Rc::clone(known);
        }
        let groups = Rc::new(self.audit.world.ways_up(who).into_keys().collect());
        self.groups.insert(who.to_owned(), Rc::clone(&groups));
        groups
    }

    fn named(&mut self, machine: &ArmId) -> Rc<Named<'a>> {
        if let Some(known) = self.machines.get(machine) {
            return Rc::clone(known);
        }
        let mut named = Named::default();
        for grant in self.grants.on(self.audit, machine) {
            let side = if grant.condition.is_none() { &mut named.freely } else { &mut named.under_a_condition };
            side.insert(grant.principal.id.as_str());
        }
        if !self.denies.is_empty() {
            let chain = self.audit.world.chain(machine);
            named.may_be_denied = self.denies.iter().any(|deny| chain.contains(&deny.scope));
        }
        let subscription = machine.up_to("subscriptions");
        named.is_told = subscription.is_some_and(|subscription| self.audit.is_read(&TELLING, &subscription));
        let named = Rc::new(named);
        self.machines.insert(machine.clone(), Rc::clone(&named));
        named
    }

    /// The users that a grant reaches, gone through once for each principal.
    pub(super) fn users(&mut self, grant: &Effective<'_>) -> Rc<EffectiveUsers> {
        if let Some(known) = self.users.get(&grant.principal.id) {
            return Rc::clone(known);
        }
        let users = Rc::new(users_of(self.audit, grant));
        self.users.insert(grant.principal.id.clone(), Rc::clone(&users));
        users
    }
}
