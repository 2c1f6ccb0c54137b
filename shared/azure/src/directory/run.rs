//! One read under way: what was found so far, facet by facet what is missing of it, and how ids become users, groups
//! and service principals.

use super::ask::{AT_ONCE, Found, Part, Topic};
use super::wire;
use crate::arm::Arm;
use crate::versions::{GRAPH_IDS, GRAPH_IN, GRAPH_PRINCIPALS};
use futures::{StreamExt, stream};
use poolwarden_domain::access::{Coverage, Directory, DirectoryObject, Facet};
use poolwarden_domain::{ArmId, Reading, Unreadable, Why};
use std::collections::{BTreeMap, BTreeSet};

/// Most principals, with everybody in the groups.
const MAX_PRINCIPALS: usize = 1_000_000;

/// What deny assignments call everybody; no object of the directory.
const EVERYBODY: &str = "00000000-0000-0000-0000-000000000000";

const PRINCIPALS: Topic = Topic { what: "the principals", permission: "Directory.Read.All", units: 2 };
pub(super) const USERS: Topic = Topic { what: "the users", permission: "User.Read.All", units: 1 };

/// One read under way.
pub(super) struct Run<'a> {
    pub(super) arm: &'a Arm,
    pub(super) directory: Directory,
    /// Ids of which nobody can say whether they exist.
    pub(super) unresolved: BTreeSet<String>,
    /// Ids that may be a group's, for all that is known without asking what they are.
    pub(super) maybe_groups: BTreeSet<String>,
    /// What people call the groups that were followed.
    pub(super) group_names: BTreeMap<String, String>,
    /// Groups whose members are hidden from most.
    pub(super) hidden: BTreeSet<String>,
    /// Whether this application may not ask what ids are …
    is_refused: bool,
    /// … or in which state users are.
    are_states_refused: bool,
    gaps: BTreeMap<Facet, Unreadable>,
}

impl<'a> Run<'a> {
    pub(super) fn new(arm: &'a Arm) -> Self {
        let (directory, unresolved, maybe_groups, group_names, hidden, gaps) = Default::default();
        let (is_refused, are_states_refused) = (false, false);
        Self { arm, directory, unresolved, maybe_groups, group_names, hidden, is_refused, are_states_refused, gaps }
    }

    /// Something of a facet is missing. The first reason is kept: what follows is mostly the same.
    pub(super) fn gap(&mut self, facet: Facet, reason: Unreadable) {
        self.gaps.entry(facet).or_insert(reason);
    }

    /// The same, if there is a reason.
    pub(super) fn gap_if(&mut self, facet: Facet, reason: Option<Unreadable>) {
        if let Some(reason) = reason {
            self.gap(facet, reason);
        }
    }

    /// The items of a list; why some are missing goes to the facet.
    pub(super) fn take<T>(&mut self, facet: Facet, found: Reading<Found<T>>) -> Vec<T> {
        match found {
            Ok(found) => {
                self.gap_if(facet, found.gap);
                found.items
            }
            Err(reason) => {
                self.gap(facet, reason);
                Vec::new()
            }
        }
    }

    /// What became of these facets.
    pub(super) fn coverage(&self, facets: &[Facet]) -> Vec<Coverage> {
        let root = || ArmId::new("/");
        let one = |facet: &Facet| match self.gaps.get(facet) {
            Some(reason) => Coverage::unknown(root(), *facet, reason.clone()),
            None => Coverage::read(root(), *facet, self.items(*facet)),
        };
        facets.iter().map(one).collect()
    }

    fn items(&self, facet: Facet) -> usize {
        let directory = &self.directory;
        match facet {
            Facet::Principals => directory.objects.len(),
            Facet::GroupMembers => directory.members.len(),
            Facet::Applications => directory.applications.len(),
            Facet::Owners => self.service_principals().len(),
            Facet::AppRoleAssignments => directory.app_roles.len(),
            Facet::DelegatedGrants => directory.delegated.len(),
            Facet::DirectoryRoles => directory.roles.iter().map(|role| role.standing.len()).sum(),
            _ => directory.organization.iter().len(),
        }
    }

    /// The service principals in view, by object id.
    pub(super) fn service_principals(&self) -> Vec<String> {
        let is_one = |object: &DirectoryObject| matches!(object, DirectoryObject::ServicePrincipal { .. });
        self.directory.objects.iter().filter(|(_, object)| is_one(object)).map(|(id, _)| id.clone()).collect()
    }

    /// Finds out what these ids are. An id that does not come back is missing: deleted, or of another tenant.
    pub(super) async fn resolve(&mut self, ids: impl IntoIterator<Item = String>) {
        let mut wanted: Vec<String> = Vec::new();
        for id in ids.into_iter().collect::<BTreeSet<_>>() {
            let is_known = self.directory.objects.contains_key(&id)
                || self.directory.missing.contains(&id)
                || self.unresolved.contains(&id);
            match wire::id(&id) {
                _ if is_known || id == EVERYBODY => {}
                Some(id) => wanted.push(id),
                // The directory gives out GUIDs only.
                None => drop(self.directory.missing.insert(id)),
            }
        }
        let room = MAX_PRINCIPALS.saturating_sub(self.directory.objects.len());
        if wanted.len() > room {
            self.gap(Facet::Principals, PRINCIPALS.too_large(&format!("there are more than {MAX_PRINCIPALS}")));
            self.unresolved.extend(wanted.drain(room..));
        }
        // One question first: who may not ask it need not repeat it for everybody.
        let rest = wanted.split_off(wanted.len().min(GRAPH_IDS));
        self.ask_for(&wanted).await;
        self.ask_for(&rest).await;
    }

    async fn ask_for(&mut self, ids: &[String]) {
        if self.is_refused {
            self.unresolved.extend(ids.iter().cloned());
            return;
        }
        let chunks: Vec<Vec<String>> = ids.chunks(GRAPH_IDS).map(<[String]>::to_vec).collect();
        let arm = self.arm;
        let answers = stream::iter(chunks).map(|ids| async move {
            let body = serde_json::json!({ "ids": ids }).to_string();
            let query = [("$select", GRAPH_PRINCIPALS)];
            let call = arm.graph_call(PRINCIPALS, "directoryObjects/getByIds", &query, Some(body.into()));
            (arm.graph_list(PRINCIPALS, call, wire::object).await, ids)
        });
        let answers: Vec<_> = answers.buffered(AT_ONCE).collect().await;
        let mut stateless = Vec::new();
        for (answer, ids) in answers {
            self.is_refused |= matches!(&answer, Err(reason) if reason.why == Why::Forbidden);
            self.took(answer, ids, &mut stateless);
        }
        self.complete_users(stateless).await;
    }

    /// Puts names to people: owners, or who consented. Of those who were not in view before and are no people, what they
    /// may do is not looked into: that they are there is all that is kept of them.
    pub(super) async fn resolve_people(&mut self, ids: BTreeSet<String>) {
        let new: Vec<String> = ids.into_iter().filter(|id| !self.directory.objects.contains_key(id)).collect();
        self.resolve(new.clone()).await;
        for id in new {
            match self.directory.objects.get_mut(&id) {
                None | Some(DirectoryObject::User { .. }) => {}
                Some(object) => *object = DirectoryObject::Other { name: object.name().to_owned() },
            }
        }
    }

    fn took(&mut self, answer: Reading<Found<wire::Seen>>, ids: Vec<String>, stateless: &mut Vec<String>) {
        let is_whole = matches!(&answer, Ok(found) if found.gap.is_none());
        let asked: BTreeSet<&String> = ids.iter().collect();
        for seen in self.take(Facet::Principals, answer) {
            if !asked.contains(&seen.id) {
                continue;
            }
            if matches!(seen.object, DirectoryObject::User { enabled: None, .. }) {
                stateless.push(seen.id.clone());
            } else if seen.is_bare {
                self.gap(Facet::Principals, PRINCIPALS.forbidden("some came with nothing but their ids"));
            }
            self.add(seen);
        }
        for id in ids {
            if self.directory.objects.contains_key(&id) {
                continue;
            }
            // What could not be read of the answer may have been this one.
            let set = if is_whole { &mut self.directory.missing } else { &mut self.unresolved };
            set.insert(id);
        }
    }

    pub(super) fn add(&mut self, seen: wire::Seen) {
        if seen.is_hidden {
            self.hidden.insert(seen.id.clone());
        }
        self.directory.objects.insert(seen.id, seen.object);
    }

    /// Asks in another way for users that came without their state.
    async fn complete_users(&mut self, mut stateless: Vec<String>) {
        if stateless.is_empty() {
            return;
        }
        stateless.sort();
        // One question first: who may not ask it need not repeat it for everybody.
        let first = stateless.len().min(GRAPH_IN);
        for ids in [&stateless[..first], &stateless[first..]] {
            if self.are_states_refused {
                break;
            }
            let parts = parts_by("users", "id", ids, USER);
            for (_, answer) in self.arm.graph_lists(USERS, parts, wire::user).await {
                self.are_states_refused |= matches!(&answer, Err(reason) if reason.why == Why::Forbidden);
                for seen in self.take(Facet::Principals, there(USERS, answer)) {
                    if stateless.binary_search(&seen.id).is_ok() {
                        self.add(seen);
                    }
                }
            }
        }
        let lacks =
            |id: &String| matches!(self.directory.objects.get(id), Some(DirectoryObject::User { enabled: None, .. }));
        let lacking = stateless.iter().filter(|id| lacks(id)).count();
        if lacking > 0 {
            let text = format!("{lacking} came without telling whether they are enabled");
            self.gap(Facet::Principals, USERS.forbidden(&text));
        }
    }
}

/// What is wanted of a user.
pub(super) const USER: &str = "id,displayName,userPrincipalName,userType,accountEnabled";

/// A list that has to be there.
pub(super) fn there<T>(topic: Topic, answer: Reading<Option<Found<T>>>) -> Reading<Found<T>> {
    answer?.ok_or_else(|| topic.failed("404, there is no such list"))
}

/// Requests for the items of a list whose property is one of these values.
pub(super) fn parts_by(list: &str, property: &str, values: &[String], select: &str) -> Vec<Part> {
    let quoted = |value: &String| format!("'{}'", value.replace('\'', "''"));
    let part = |values: &[String]| {
        let filter = format!("{property} in ({})", values.iter().map(quoted).collect::<Vec<_>>().join(","));
        Part::new(property, list, &[("$filter", &filter), ("$select", select)])
    };
    values.chunks(GRAPH_IN).map(part).collect()
}
