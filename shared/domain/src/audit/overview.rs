//! Who reaches what: for each host pool and application group, who may open it, sign in to its hosts, change it, or let
//! a host join.

use super::context::Audit;
use crate::ArmId;
use crate::access::{Action, Answer, ArmResource, DirectoryObject, Facet, builtin};
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
pub(super) fn overview(audit: &Audit<'_>) -> Vec<Reach> {
    let mut crowd = Crowd { audit, known: HashMap::new() };
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

/// Who is behind each principal, looked up once.
struct Crowd<'a> {
    audit: &'a Audit<'a>,
    known: HashMap<String, Rc<BTreeSet<String>>>,
}

impl Crowd<'_> {
    fn reach(&mut self, pool: &ArmId, resource: &ArmId, question: Question, scopes: &[ArmId]) -> Reach {
        let (audit, action) = (self.audit, question.action());
        let mut holders: BTreeMap<&str, (Answer, BTreeSet<String>)> = BTreeMap::new();
        let mut unknown = BTreeSet::new();
        // Hosts of one resource group differ in nothing but what is assigned to single machines.
        for scope in scopes {
            unknown.extend(audit.world.unread_at(scope, false));
            for grant in audit.world.grants_on(scope).filter(|grant| grant.is_active() && grant.allows(&action)) {
                let (_, roles) = holders.entry(&grant.principal.id).or_insert((Answer::Unknown, BTreeSet::new()));
                roles.insert(grant.role_name().to_owned());
            }
            let principals: Vec<&str> = holders.keys().copied().collect();
            for principal in principals {
                let decision = audit.world.decide(principal, &action, scope);
                unknown.extend(decision.unknown);
                if let Some((answer, _)) = holders.get_mut(principal) {
                    *answer = (*answer).min(decision.answer);
                }
            }
        }
        holders.keys().for_each(|principal| unknown.extend(audit.world.unread_members(principal)));
        let subscription = pool.up_to("subscriptions").unwrap_or_else(|| pool.clone());
        if resource == pool
            && scopes != [pool.clone()]
            && !audit.is_read(&[Facet::DesktopVirtualization], &subscription)
        {
            unknown.insert(format!("session hosts of {pool}: perhaps not all of them were read"));
        }
        let mut people = BTreeSet::new();
        let mut reachers: Vec<Reacher> = holders
            .into_iter()
            .map(|(principal, (answer, roles))| {
                let behind = self.people(principal);
                if matches!(answer, Answer::Allowed | Answer::Conditional) {
                    people.extend(behind.iter().cloned());
                }
                let object = audit.world.object(principal);
                let kind = match object {
                    Some(DirectoryObject::User { guest: true, .. }) => "Guest",
                    Some(object) => object.kind(),
                    None => "Unknown",
                };
                let (name, kind) = (audit.world.name_of(principal).to_owned(), kind.to_owned());
                Reacher { principal: principal.to_owned(), name, kind, answer, roles, people: behind.len() }
            })
            .collect();
        reachers.sort_by(|a, b| b.people.cmp(&a.people).then_with(|| a.name.cmp(&b.name)));
        let more = reachers.len().saturating_sub(MAX_HOLDERS);
        reachers.truncate(MAX_HOLDERS);
        Reach {
            host_pool: pool.clone(),
            resource: resource.clone(),
            question,
            holders: reachers,
            more,
            people: people.len(),
            unknown: unknown.into_iter().collect(),
        }
    }

    /// The people behind a principal: itself, or who is in it.
    fn people(&mut self, principal: &str) -> Rc<BTreeSet<String>> {
        let world = self.audit.world;
        let is_person = |id: &str| matches!(world.object(id), Some(DirectoryObject::User { .. }));
        let known = self.known.entry(principal.to_owned()).or_insert_with(|| {
            let members = world.members_of(principal).ids;
            Rc::new(members.into_iter().chain([principal.to_owned()]).filter(|id| is_person(id)).collect())
        });
        Rc::clone(known)
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
