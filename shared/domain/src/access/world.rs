//! The facts, ready to be asked.

use super::{AccessFacts, Action, AssignmentType, Definition, DirectoryObject, Facet, PimKind, State, principal_id};
use crate::ArmId;
use crate::estate::Principal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

/// How a grant is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantKind {
    /// All the time.
    Standing,
    /// Now, activated through Privileged Identity Management.
    Activated,
    /// Not now: it can be activated.
    Eligible,
}

/// A role that somebody holds somewhere: a role assignment, or a direct instance of Privileged Identity Management
/// that is not seen as one.
#[derive(Debug, Clone)]
pub struct Effective<'a> {
    /// How it is held.
    pub kind: GrantKind,
    /// The id of the assignment or instance.
    pub id: &'a ArmId,
    /// Where.
    pub scope: &'a ArmId,
    /// The role's GUID, in lower case.
    pub role: String,
    /// The role, if there is a definition of it.
    pub definition: Option<&'a Definition>,
    /// Who.
    pub principal: &'a Principal,
    /// Under which condition.
    pub condition: Option<&'a str>,
    /// Until when; endless if there is none.
    pub end: Option<Timestamp>,
}

impl Effective<'_> {
    /// The role's name for people.
    pub fn role_name(&self) -> &str {
        self.definition.map_or(self.role.as_str(), |definition| definition.name.as_str())
    }

    /// Whether its role holds an action, whatever its condition.
    pub fn allows(&self, action: &Action) -> bool {
        self.definition.is_some_and(|definition| action.is_in(&definition.permissions))
    }

    /// Whether it holds now.
    pub fn is_active(&self) -> bool {
        self.kind != GrantKind::Eligible
    }
}

/// Why somebody may do something: which grant, through which role and action, and by which groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Proof {
    /// How it is held.
    pub kind: GrantKind,
    /// The role assignment, or the instance of Privileged Identity Management.
    pub assignment: ArmId,
    /// Where it was made.
    pub scope: ArmId,
    /// The role's GUID.
    pub role: String,
    /// The role's name.
    pub role_name: String,
    /// What of the role holds the action: a pattern of its actions or data actions.
    pub pattern: String,
    /// From the principal through its groups to whom the role is assigned: ids, at least one.
    pub path: Vec<String>,
    /// The condition that decides case by case, where one stands in the way.
    pub condition: Option<String>,
}

/// The deny assignment that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DenyProof {
    /// The deny assignment.
    pub deny: ArmId,
    /// What it is called.
    pub name: String,
    /// Where it was made.
    pub scope: ArmId,
    /// From the principal through its groups to whom it denies; the principal alone if it denies everybody.
    pub path: Vec<String>,
}

/// Whether somebody may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Yes.
    Allowed,
    /// As a condition decides, case by case.
    Conditional,
    /// No: a deny assignment says so.
    Denied,
    /// No: nothing grants it.
    NotGranted,
    /// Nobody can say: what could not be read might grant it, or deny it.
    Unknown,
}

/// The answer to one question, and what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Decision {
    /// The answer.
    pub answer: Answer,
    /// Each grant that holds the action.
    pub proofs: Vec<Proof>,
    /// What denies it.
    pub denied_by: Option<DenyProof>,
    /// What could not be read and might change the answer.
    pub unknown: Vec<String>,
}

/// Somebody who may do something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Holder {
    /// Who, by id.
    pub principal: String,
    /// Whether without a condition.
    pub answer: Answer,
    /// Why.
    pub proofs: Vec<Proof>,
}

/// Everybody who may do something, as far as that could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WhoCan {
    /// Users, groups and service principals. A group is listed as such, and so are those in it.
    pub holders: Vec<Holder>,
    /// Those whom a deny assignment keeps from it.
    pub denied: Vec<(String, DenyProof)>,
    /// What could not be read and might hide more.
    pub unknown: Vec<String>,
}

/// Who is in a group, however deep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// Everybody and every group below it, by id, without the group itself.
    pub ids: BTreeSet<String>,
    /// The groups of these, the group itself included, whose members could not be read.
    pub opaque: BTreeSet<String>,
}

/// The facts, ready to be asked. Built once for many questions.
#[derive(Debug)]
pub struct World<'a> {
    facts: &'a AccessFacts,
    definitions: HashMap<String, &'a Definition>,
    grants: Vec<Effective<'a>>,
    by_scope: HashMap<ArmId, Vec<usize>>,
    parents: HashMap<ArmId, ArmId>,
    groups_of: HashMap<&'a str, Vec<&'a str>>,
}

/// The GUID that a role is told by.
fn guid(role: &ArmId) -> String {
    role.name().to_ascii_lowercase()
}

impl<'a> World<'a> {
    /// Sorts the facts.
    pub fn new(facts: &'a AccessFacts) -> Self {
        let definitions: HashMap<String, &Definition> =
            facts.definitions.iter().map(|definition| (guid(&definition.id), definition)).collect();
        let grants = grants(facts, &definitions);
        let mut by_scope: HashMap<ArmId, Vec<usize>> = HashMap::new();
        for (at, grant) in grants.iter().enumerate() {
            by_scope.entry(grant.scope.clone()).or_default().push(at);
        }
        let mut parents = HashMap::new();
        for group in &facts.management_groups {
            parents.extend(group.parent.clone().map(|parent| (group.id.clone(), parent)));
        }
        for subscription in &facts.subscriptions {
            parents.extend(subscription.management_group.clone().map(|parent| (subscription.id.clone(), parent)));
        }
        let mut groups_of: HashMap<&str, Vec<&str>> = HashMap::new();
        for (group, members) in &facts.directory.members {
            for member in members {
                groups_of.entry(member).or_default().push(group);
            }
        }
        Self { facts, definitions, grants, by_scope, parents, groups_of }
    }

    /// The facts themselves.
    pub fn facts(&self) -> &'a AccessFacts {
        self.facts
    }

    /// What the directory knows of a principal.
    pub fn object(&self, principal: &str) -> Option<&'a DirectoryObject> {
        self.facts.directory.objects.get(principal)
    }

    /// A principal's name for people; its id where nobody knows a name.
    pub fn name_of<'b>(&'b self, principal: &'b str) -> &'b str {
        self.object(principal).map_or(principal, DirectoryObject::name)
    }

    /// A role by its GUID, whatever the case.
    pub fn definition(&self, role: &str) -> Option<&'a Definition> {
        self.definitions.get(role.to_ascii_lowercase().as_str()).copied()
    }

    /// Every grant: role assignments, and direct instances of Privileged Identity Management.
    pub fn grants(&self) -> &[Effective<'a>] {
        &self.grants
    }

    /// A scope and every scope above it, through the management groups up to `/`.
    pub fn chain(&self, scope: &ArmId) -> Vec<ArmId> {
        let mut chain: Vec<ArmId> = scope.ancestors().filter(is_scope).collect();
        let root = chain.pop();
        let mut above = chain.last().and_then(|top| self.parents.get(top));
        while let Some(scope) = above.filter(|scope| !chain.contains(scope)) {
            chain.push(scope.clone());
            above = self.parents.get(scope);
        }
        chain.extend(root);
        chain
    }

    /// The grants that apply to a scope: made at it or above it.
    pub fn grants_on(&self, scope: &ArmId) -> impl Iterator<Item = &Effective<'a>> {
        let chain = self.chain(scope);
        chain.into_iter().filter_map(|scope| self.by_scope.get(&scope)).flatten().map(|&at| &self.grants[at])
    }

    /// Every group that a principal is in, however deep, with the shortest way to it: from the principal to the group,
    /// both included. The principal itself comes first, with a way of one.
    pub fn ways_up(&self, principal: &str) -> BTreeMap<String, Vec<String>> {
        let start = principal_id(principal);
        let mut ways = BTreeMap::from([(start.clone(), vec![start.clone()])]);
        let mut next = VecDeque::from([start]);
        while let Some(at) = next.pop_front() {
            for group in self.groups_of.get(at.as_str()).into_iter().flatten() {
                if !ways.contains_key(*group) {
                    let mut way = ways[&at].clone();
                    way.push((*group).to_owned());
                    ways.insert((*group).to_owned(), way);
                    next.push_back((*group).to_owned());
                }
            }
        }
        ways
    }

    /// Who is in a group, however deep; nobody in what is no group.
    pub fn members_of(&self, group: &str) -> Members {
        let directory = &self.facts.directory;
        let mut members = Members::default();
        let mut next = vec![principal_id(group)];
        let mut seen: HashSet<String> = next.iter().cloned().collect();
        while let Some(at) = next.pop() {
            let is_group = matches!(directory.objects.get(&at), Some(DirectoryObject::Group { .. }));
            if directory.opaque_groups.contains(&at) || (is_group && !directory.members.contains_key(&at)) {
                members.opaque.insert(at.clone());
            }
            for member in directory.members.get(&at).into_iter().flatten() {
                if seen.insert(member.clone()) {
                    members.ids.insert(member.clone());
                    next.push(member.clone());
                }
            }
        }
        members.ids.remove(&principal_id(group));
        members
    }

    /// Whether somebody may do something somewhere, now.
    pub fn decide(&self, principal: &str, action: &Action, scope: &ArmId) -> Decision {
        let ways = self.ways_up(principal);
        let chain = self.chain(scope);
        let denied_by = self.denial(&ways, action, scope, &chain);
        let mut proofs = Vec::new();
        for grant in chain.iter().filter_map(|scope| self.by_scope.get(scope)).flatten().map(|&at| &self.grants[at]) {
            if let (true, Some(way)) = (grant.is_active(), ways.get(&grant.principal.id)) {
                proofs.extend(prove(grant, action, way));
            }
        }
        let unknown = self.unknown_about(&chain);
        let answer = match () {
            () if denied_by.is_some() => Answer::Denied,
            () if proofs.iter().any(|proof| proof.condition.is_none()) => Answer::Allowed,
            () if !proofs.is_empty() => Answer::Conditional,
            () if !unknown.is_empty() => Answer::Unknown,
            () => Answer::NotGranted,
        };
        Decision { answer, proofs, denied_by, unknown }
    }

    /// Everybody who may do something somewhere; those who could activate it too, if `eligible`.
    pub fn who_can(&self, action: &Action, scope: &ArmId, eligible: bool) -> WhoCan {
        let chain = self.chain(scope);
        let mut proofs: BTreeMap<String, Vec<Proof>> = BTreeMap::new();
        for grant in chain.iter().filter_map(|scope| self.by_scope.get(scope)).flatten().map(|&at| &self.grants[at]) {
            if !grant.allows(action) || !(eligible || grant.is_active()) {
                continue;
            }
            let members = self.members_of(&grant.principal.id);
            for holder in members.ids.iter().chain([&grant.principal.id]) {
                let ways = self.ways_up(holder);
                if let Some(way) = ways.get(&grant.principal.id) {
                    proofs.entry(holder.clone()).or_default().extend(prove(grant, action, way));
                }
            }
        }
        let (mut holders, mut denied) = (Vec::new(), Vec::new());
        for (principal, proofs) in proofs {
            match self.denial(&self.ways_up(&principal), action, scope, &chain) {
                Some(denial) => denied.push((principal, denial)),
                None => {
                    let is_free = proofs.iter().any(|proof| proof.condition.is_none());
                    let answer = if is_free { Answer::Allowed } else { Answer::Conditional };
                    holders.push(Holder { principal, answer, proofs });
                }
            }
        }
        WhoCan { holders, denied, unknown: self.unknown_about(&chain) }
    }

    fn denial(
        &self,
        ways: &BTreeMap<String, Vec<String>>,
        action: &Action,
        scope: &ArmId,
        chain: &[ArmId],
    ) -> Option<DenyProof> {
        const EVERYBODY: &str = "00000000-0000-0000-0000-000000000000";
        self.facts.denies.iter().find_map(|deny| {
            let applies = chain.contains(&deny.scope) && (!deny.not_for_child_scopes || deny.scope == *scope);
            if !applies || deny.condition.is_some() || !action.is_in(&deny.permissions) {
                return None;
            }
            if deny.except.iter().any(|except| ways.contains_key(&except.id)) {
                return None;
            }
            let way = deny.principals.iter().find_map(|denied| match denied.id.as_str() {
                EVERYBODY => ways.values().find(|way| way.len() == 1),
                id => ways.get(id),
            })?;
            let (deny_id, name, scope) = (deny.id.clone(), deny.name.clone(), deny.scope.clone());
            Some(DenyProof { deny: deny_id, name, scope, path: way.clone() })
        })
    }

    /// What could not be read and bears on these scopes.
    fn unknown_about(&self, chain: &[ArmId]) -> Vec<String> {
        let bears = |facet| {
            matches!(
                facet,
                Facet::RoleAssignments
                    | Facet::RoleDefinitions
                    | Facet::DenyAssignments
                    | Facet::PimActive
                    | Facet::GroupMembers
                    | Facet::ManagementGroups
            )
        };
        let unknown = self.facts.coverage.iter().filter_map(|coverage| match &coverage.state {
            State::Unknown(reason) if bears(coverage.facet) && chain.contains(&coverage.scope) => {
                Some(format!("{} of {}: {reason}", coverage.facet, coverage.scope))
            }
            _ => None,
        });
        unknown.collect()
    }
}

/// Whether a part of an id is a scope in itself: `/subscriptions` is none.
fn is_scope(id: &ArmId) -> bool {
    let text = id.as_str();
    if text == "/" {
        return true;
    }
    let parts = text.split('/').skip(1).count();
    let is_pair = parts.is_multiple_of(2);
    is_pair && !text.rsplit('/').nth(1).is_some_and(|key| key.eq_ignore_ascii_case("providers"))
}

/// What a grant proves of an action.
fn prove(grant: &Effective<'_>, action: &Action, way: &[String]) -> Option<Proof> {
    let definition = grant.definition?;
    let pattern = action.pattern_in(&definition.permissions)?;
    Some(Proof {
        kind: grant.kind,
        assignment: grant.id.clone(),
        scope: grant.scope.clone(),
        role: grant.role.clone(),
        role_name: definition.name.clone(),
        pattern: pattern.to_owned(),
        path: way.to_vec(),
        condition: grant.condition.map(str::to_owned),
    })
}

/// Role assignments with what Privileged Identity Management says of them, and its other direct instances.
fn grants<'a>(facts: &'a AccessFacts, definitions: &HashMap<String, &'a Definition>) -> Vec<Effective<'a>> {
    let activated: HashSet<&ArmId> = facts
        .pim
        .iter()
        .filter(|one| one.kind == PimKind::Active && one.assignment_type == Some(AssignmentType::Activated))
        .filter_map(|one| one.origin.as_ref())
        .collect();
    let assigned: HashSet<&ArmId> = facts.assignments.iter().map(|assignment| &assignment.id).collect();
    let condition = |text: &'a Option<String>| text.as_deref().filter(|text| !text.trim().is_empty());
    let assignments = facts.assignments.iter().map(|assignment| {
        let role = guid(&assignment.role);
        Effective {
            kind: if activated.contains(&assignment.id) { GrantKind::Activated } else { GrantKind::Standing },
            id: &assignment.id,
            scope: &assignment.scope,
            definition: definitions.get(&role).copied(),
            role,
            principal: &assignment.principal,
            condition: condition(&assignment.condition),
            end: None,
        }
    });
    let is_direct = |member: &Option<String>| member.as_deref().is_none_or(|one| one.eq_ignore_ascii_case("Direct"));
    let instances = facts.pim.iter().filter(|one| is_direct(&one.member_type)).filter_map(|one| {
        let kind = match (one.kind, one.assignment_type) {
            (PimKind::Eligible, _) => GrantKind::Eligible,
            (PimKind::Active, _) if one.origin.as_ref().is_some_and(|origin| assigned.contains(origin)) => return None,
            (PimKind::Active, Some(AssignmentType::Assigned)) => GrantKind::Standing,
            (PimKind::Active, _) => GrantKind::Activated,
        };
        let role = guid(&one.role);
        Some(Effective {
            kind,
            id: &one.id,
            scope: &one.scope,
            definition: definitions.get(&role).copied(),
            role,
            principal: &one.principal,
            condition: condition(&one.condition),
            end: one.end,
        })
    });
    assignments.chain(instances).collect()
}
