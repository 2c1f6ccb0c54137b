//! Who reaches what: for each host pool and application group, who may open it, sign in to its hosts, change it, or let
//! a host join.

use super::context::Audit;
use crate::ArmId;
use crate::access::{Action, Answer, ArmResource, Asked, DirectoryObject, Facet, builtin};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// The most holders that one answer names; the rest is counted.
const MAX_HOLDERS: usize = 200;

/// What is asked of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Open the desktop or the applications of a group.
    Open,
    /// Sign in to the pool's hosts as a user.
    SignIn,
    /// Sign in to them as an administrator.
    SignInAsAdministrator,
    /// Change the pool.
    Change,
    /// Read the token with which a host joins the pool.
    LetHostsJoin,
    /// Say who else may do all this.
    Delegate,
}

impl Question {
    /// The questions of a host pool.
    const OF_POOL: [Self; 5] =
        [Self::SignIn, Self::SignInAsAdministrator, Self::Change, Self::LetHostsJoin, Self::Delegate];

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Open => "open it",
            Self::SignIn => "sign in to its hosts",
            Self::SignInAsAdministrator => "sign in to its hosts as administrator",
            Self::Change => "change it",
            Self::LetHostsJoin => "let a host join",
            Self::Delegate => "grant access to it",
        }
    }

    fn action(self) -> Action {
        match self {
            Self::Open => Action::data(builtin::USE_APPLICATIONS),
            Self::SignIn => Action::data(builtin::LOG_IN),
            Self::SignInAsAdministrator => Action::data(builtin::LOG_IN_AS_ADMINISTRATOR),
            Self::Change => Action::control("Microsoft.DesktopVirtualization/hostPools/write"),
            Self::LetHostsJoin => Action::control(builtin::RETRIEVE_REGISTRATION_TOKEN),
            Self::Delegate => Action::control(builtin::WRITE_ROLE_ASSIGNMENTS),
        }
    }
}

/// Somebody who was assigned a role that answers a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reacher {
    /// Who: an object id.
    pub principal: String,
    /// What people call it.
    pub name: String,
    /// `User`, `Guest`, `Group`, `ServicePrincipal`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether without a condition, and not denied.
    pub answer: Answer,
    /// Through which roles, by name.
    pub roles: BTreeSet<String>,
    /// How many people that is.
    pub people: usize,
}

/// The answer to a question about a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reach {
    /// The host pool that it is about.
    pub host_pool: ArmId,
    /// The resource: the pool itself, or an application group of it.
    pub resource: ArmId,
    /// What is asked.
    pub question: Question,
    /// Who was assigned what answers it, the most people first.
    pub holders: Vec<Reacher>,
    /// How many holders there are besides those named.
    pub more: usize,
    /// How many people reach it in all.
    pub people: usize,
    /// What could not be read and may hide more.
    pub unknown: Vec<String>,
}

/// The answers for every host pool and application group.
pub(super) fn overview<'a>(audit: &'a Audit<'a>) -> Vec<Reach> {
    let mut crowd = Crowd::new(audit);
    let mut reaches = Vec::new();
    for group in audit.application_groups() {
        if let Some(pool) = group.reference("hostPoolArmPath") {
            reaches.push(crowd.reach(&pool, &group.id, Question::Open, std::slice::from_ref(&group.id)));
        }
    }
    let mut hosts: HashMap<ArmId, Vec<ArmId>> = HashMap::new();
    for host in audit.facts.resources_of(super::context::SESSION_HOSTS) {
        if let (Some(pool), Some(machine)) = (host.id.up_to("hostPools"), host.reference("resourceId")) {
            hosts.entry(pool).or_default().push(machine);
        }
    }
    for pool in audit.host_pools().map(|pool: &ArmResource| &pool.id) {
        for question in Question::OF_POOL {
            let is_of_hosts = matches!(question, Question::SignIn | Question::SignInAsAdministrator);
            let machines = hosts.get(pool).map(Vec::as_slice).unwrap_or_default();
            let scopes = if is_of_hosts { machines } else { std::slice::from_ref(pool) };
            reaches.push(crowd.reach(pool, pool, question, scopes));
        }
    }
    reaches.sort_by(|a, b| (&a.host_pool, &a.resource, a.question).cmp(&(&b.host_pool, &b.resource, b.question)));
    reaches
}

/// Who is behind each principal, and which roles answer each question: looked up once.
struct Crowd<'a> {
    audit: &'a Audit<'a>,
    asked: BTreeMap<Question, Asked<'a>>,
    /// The people behind each principal, by number.
    known: HashMap<u32, Rc<[u32]>>,
    /// The last answer, counted from one, in which each person was counted.
    counted: Vec<usize>,
    answers: usize,
}

/// Somebody who was assigned what answers a question, so far.
struct Holder<'a> {
    principal: &'a str,
    answer: Answer,
    roles: BTreeSet<String>,
}

impl<'a> Crowd<'a> {
    fn new(audit: &'a Audit<'a>) -> Self {
        let counted = vec![0; audit.world.numbers()];
        Self { audit, asked: BTreeMap::new(), known: HashMap::new(), counted, answers: 0 }
    }

    fn reach(&mut self, pool: &ArmId, resource: &ArmId, question: Question, scopes: &[ArmId]) -> Reach {
        let mut unknown = BTreeSet::new();
        let holders = self.holders(question, scopes, &mut unknown);
        self.note_unread(pool, resource, scopes, &holders, &mut unknown);
        let (mut people, mut reachers) = (0, Vec::with_capacity(holders.len()));
        self.answers += 1;
        for (number, holder) in holders {
            let behind = self.people(number);
            if matches!(holder.answer, Answer::Allowed | Answer::Conditional) {
                people += self.count(&behind);
            }
            reachers.push((behind.len(), number, holder));
        }
        let name = |number: u32| self.audit.world.object_of(number).map(DirectoryObject::name);
        reachers.sort_by(|(many, one, a), (few, other, b)| {
            let by_name = || name(*one).unwrap_or(a.principal).cmp(name(*other).unwrap_or(b.principal));
            few.cmp(many).then_with(by_name).then_with(|| a.principal.cmp(b.principal))
        });
        let more = reachers.len().saturating_sub(MAX_HOLDERS);
        let named = reachers.into_iter().take(MAX_HOLDERS);
        let holders = named.map(|(people, number, holder)| {
            let object = self.audit.world.object_of(number);
            let kind = match object {
                Some(DirectoryObject::User { guest: true, .. }) => "Guest",
                Some(object) => object.kind(),
                None => "Unknown",
            };
            Reacher {
                principal: holder.principal.to_owned(),
                name: object.map_or(holder.principal, DirectoryObject::name).to_owned(),
                kind: kind.to_owned(),
                answer: holder.answer,
                roles: holder.roles,
                people,
            }
        });
        Reach {
            host_pool: pool.clone(),
            resource: resource.clone(),
            question,
            holders: holders.collect(),
            more,
            people,
            unknown: unknown.into_iter().collect(),
        }
    }

    /// What could not be read and may hide somebody, or somebody behind a holder.
    fn note_unread(
        &self,
        pool: &ArmId,
        resource: &ArmId,
        scopes: &[ArmId],
        holders: &BTreeMap<u32, Holder<'a>>,
        unknown: &mut BTreeSet<String>,
    ) {
        let (audit, world) = (self.audit, self.audit.world);
        scopes.iter().for_each(|scope| unknown.extend(world.unread_at(scope, false)));
        holders.values().for_each(|holder| unknown.extend(world.unread_members(holder.principal)));
        let subscription = pool.up_to("subscriptions").unwrap_or_else(|| pool.clone());
        let is_of_hosts = resource == pool && scopes != [pool.clone()];
        if is_of_hosts && !audit.is_read(&[Facet::DesktopVirtualization], &subscription) {
            unknown.insert(format!("session hosts of {pool}: perhaps not all of them were read"));
        }
    }

    /// Who was assigned what answers a question at one of these scopes, and the best that is answered about them.
    fn holders(
        &mut self,
        question: Question,
        scopes: &[ArmId],
        unknown: &mut BTreeSet<String>,
    ) -> BTreeMap<u32, Holder<'a>> {
        let world = self.audit.world;
        let asked = self.asked.entry(question).or_insert_with(|| Asked::new(world, question.action()));
        let mut holders: BTreeMap<u32, Holder<'a>> = BTreeMap::new();
        for scope in scopes {
            for (grant, number) in asked.granted(scope) {
                let principal = grant.principal.id.as_str();
                let nobody = || Holder { principal, answer: Answer::Unknown, roles: BTreeSet::new() };
                let roles = &mut holders.entry(number).or_insert_with(nobody).roles;
                if !roles.contains(grant.role_name()) {
                    roles.insert(grant.role_name().to_owned());
                }
            }
            let principals: Vec<u32> = holders.keys().copied().collect();
            let answers = asked.answers(scope, &principals, unknown);
            for (holder, answer) in holders.values_mut().zip(answers) {
                holder.answer = holder.answer.min(answer);
            }
        }
        holders
    }

    /// The people behind a principal: itself, or who is in it.
    fn people(&mut self, principal: u32) -> Rc<[u32]> {
        let world = self.audit.world;
        let is_person = |number: &u32| matches!(world.object_of(*number), Some(DirectoryObject::User { .. }));
        let look_up = || world.all_in([principal]).into_iter().filter(is_person).collect();
        Rc::clone(self.known.entry(principal).or_insert_with(look_up))
    }

    /// How many of these were not yet counted in this answer.
    fn count(&mut self, people: &[u32]) -> usize {
        let mut new = 0;
        for &person in people {
            let last = &mut self.counted[person as usize];
            new += usize::from(*last != self.answers);
            *last = self.answers;
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::context::{APPLICATION_GROUPS, HOST_POOLS};
    use crate::audit::testing::{Estate, GROUP, POOL, S1};
    use serde_json::json;

    fn estate() -> Estate {
        let group = json!({ "hostPoolArmPath": POOL });
        Estate::clean().resource(POOL, HOST_POOLS, json!({})).resource(GROUP, APPLICATION_GROUPS, group)
    }

    fn unknown(estate: &Estate, question: Question) -> Vec<String> {
        let report = estate.report();
        report.access.into_iter().find(|reach| reach.question == question).unwrap().unknown
    }

    #[test]
    fn nobody_is_said_to_reach_something_only_where_everything_was_read() {
        for question in [Question::Open, Question::SignIn, Question::Change] {
            assert_eq!(unknown(&estate(), question), [] as [String; 0], "{question:?}");
        }
        let blind = estate().forbidden(Facet::RoleAssignments, S1);
        assert!(!unknown(&blind, Question::Open).is_empty() && !unknown(&blind, Question::Change).is_empty());
        let hostless = estate().forbidden(Facet::DesktopVirtualization, S1);
        assert!(!unknown(&hostless, Question::SignIn).is_empty() && unknown(&hostless, Question::Change).is_empty());
        let opaque = estate().opaque_group("users").assign("users", builtin::DESKTOP_VIRTUALIZATION_USER, GROUP);
        assert!(unknown(&opaque, Question::Open).iter().any(|line| line.contains("users")));
    }
}
