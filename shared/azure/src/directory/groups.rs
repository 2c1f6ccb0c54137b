//! Who is in the groups, level by level, however deep: with delta queries, or where the service refuses those with
//! plain lists of members.

use super::ask::{AT_ONCE, Part, Topic};
use super::delta::{Delta, MEMBERS, follow, follow_on};
use super::memory::{DirectoryMemory, Followed, Members};
use super::run::Run;
use super::wire;
use crate::versions::{GRAPH_DELTA_GROUPS, GRAPH_SERVICE_PRINCIPAL_MEMBERS};
use futures::{StreamExt, stream};
use poolwarden_domain::access::{DirectoryObject, Facet};
use poolwarden_domain::{Unreadable, Why};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most groups, nested ones included.
const MAX_GROUPS: usize = 50_000;
/// Most memberships of all groups.
const MAX_MEMBERSHIPS: usize = 5_000_000;
/// Delta queries that may be left half empty, as groups come one by one, before all groups are followed anew.
const SPARE_QUERIES: usize = 8;
/// Groups whose plain lists are asked for before all the others: if all of them are forbidden, the rest are too.
const SCOUTS: usize = 10;

/// The groups that are followed, and by which query.
#[derive(Default)]
struct Tracker {
    followed: Vec<Followed>,
    by_group: HashMap<String, usize>,
    /// Groups of which not all members are told; what is told of them is not remembered.
    veiled: BTreeSet<String>,
}

impl Tracker {
    fn add(&mut self, followed: Followed) {
        let at = self.followed.len();
        self.by_group.extend(followed.members.keys().map(|group| (group.clone(), at)));
        self.followed.push(followed);
    }

    fn members(&self, group: &str) -> Option<&BTreeSet<String>> {
        self.followed[*self.by_group.get(group)?].members.get(group)
    }

    /// What is worth keeping: queries that follow a group still in use.
    fn into_memory(self, used: &BTreeSet<String>) -> DirectoryMemory {
        let mut followed = self.followed;
        for one in &mut followed {
            one.members.retain(|group, _| !self.veiled.contains(group));
        }
        followed.retain(|one| one.members.keys().any(|group| used.contains(group)));
        let groups: usize = followed.iter().map(|one| one.members.len()).sum();
        if followed.len() > groups.div_ceil(GRAPH_DELTA_GROUPS) * 2 + SPARE_QUERIES {
            followed.clear();
        }
        DirectoryMemory { followed }
    }
}

impl Run<'_> {
    /// Finds everybody in the groups that are known so far, and in the groups among them.
    pub(super) async fn follow_groups(&mut self, memory: Option<&DirectoryMemory>) -> DirectoryMemory {
        let mut tracker = self.remembered(memory).await;
        let (mut visited, mut memberships, mut takes_delta) = (BTreeSet::new(), 0, true);
        loop {
            let level = self.next_level(&visited);
            if level.is_empty() {
                break;
            }
            if visited.len() + level.len() > MAX_GROUPS || memberships > MAX_MEMBERSHIPS {
                let text = format!("there are more than {MAX_GROUPS} groups or {MAX_MEMBERSHIPS} memberships");
                self.opaque(&level, &MEMBERS.too_large(&text));
                break;
            }
            let new: Vec<String> = level.iter().filter(|group| tracker.members(group).is_none()).cloned().collect();
            let mut listed = Members::new();
            let mut to_list = if takes_delta { self.begin(&new, &mut tracker).await } else { new.clone() };
            if !to_list.is_empty() {
                takes_delta = false;
                to_list.retain(|group| tracker.members(group).is_none());
                listed = self.list_members(&to_list).await;
            }
            let mut next = BTreeSet::new();
            for group in &level {
                let members = listed.get(group).or_else(|| tracker.members(group));
                self.settle_group(group, members);
                next.extend(members.into_iter().flatten().cloned());
                memberships += members.map_or(0, BTreeSet::len);
            }
            visited.extend(level);
            self.resolve(next).await;
        }
        tracker.into_memory(&visited)
    }

    /// Groups that were not looked into yet; whatever could not be resolved may be one too.
    fn next_level(&self, visited: &BTreeSet<String>) -> Vec<String> {
        let groups = self.directory.objects.keys().filter(|id| self.is_group(id));
        let maybe = self.unresolved.intersection(&self.maybe_groups);
        groups.chain(maybe).filter(|id| !visited.contains(*id)).cloned().collect()
    }

    fn is_group(&self, id: &str) -> bool {
        matches!(self.directory.objects.get(id), Some(DirectoryObject::Group { .. }))
    }

    /// What an earlier read followed, brought up to date. What cannot be brought up to date is read anew, unless the
    /// service asks to wait for too long: then it is kept for the next time and its groups are opaque.
    async fn remembered(&mut self, memory: Option<&DirectoryMemory>) -> Tracker {
        let followed = memory.map(|memory| memory.followed.clone()).unwrap_or_default();
        let arm = self.arm;
        let answers = stream::iter(followed).map(|one| async move { (follow_on(arm, &one).await, one) });
        let answers: Vec<_> = answers.buffered(AT_ONCE).collect().await;
        let mut tracker = Tracker::default();
        for (answer, before) in answers {
            match answer {
                Ok(delta) => self.took_delta(delta, &mut tracker),
                Err(reason) if reason.why == Why::Throttled => {
                    self.gap(Facet::GroupMembers, reason);
                    self.directory.opaque_groups.extend(before.members.keys().cloned());
                    self.track(before, &mut tracker);
                }
                Err(reason) => {
                    tracing::info!(%reason, "what has changed in the groups cannot be told any more; they are read anew");
                }
            }
        }
        tracker
    }

    fn took_delta(&mut self, mut delta: Delta, tracker: &mut Tracker) {
        if !delta.veiled.is_empty() {
            self.veiled(&delta.veiled);
            tracker.veiled.append(&mut delta.veiled);
        }
        self.track(delta.followed, tracker);
    }

    fn track(&mut self, followed: Followed, tracker: &mut Tracker) {
        self.maybe_groups.extend(followed.nested.iter().cloned());
        self.group_names.extend(followed.names.clone());
        tracker.add(followed);
    }

    fn veiled(&mut self, groups: &BTreeSet<String>) {
        let hidden = Topic { permission: "Member.Read.Hidden", ..MEMBERS };
        self.gap(Facet::GroupMembers, hidden.forbidden("some groups keep their members hidden"));
        self.directory.opaque_groups.extend(groups.iter().cloned());
    }

    /// Begins to follow groups. Answers those that have to be listed in the plain way, because the service refuses.
    async fn begin(&mut self, groups: &[String], tracker: &mut Tracker) -> Vec<String> {
        let arm = self.arm;
        let chunks: Vec<Vec<String>> = groups.chunks(GRAPH_DELTA_GROUPS).map(<[String]>::to_vec).collect();
        let answers = stream::iter(chunks).map(|chunk| async move { (follow(arm, &chunk).await, chunk) });
        let answers: Vec<_> = answers.buffered(AT_ONCE).collect().await;
        let mut refused = Vec::new();
        for (answer, chunk) in answers {
            match answer {
                Ok(delta) => self.took_delta(delta, tracker),
                Err(reason) if matches!(reason.why, Why::Throttled | Why::TooLarge) => self.opaque(&chunk, &reason),
                Err(reason) => {
                    tracing::info!(%reason, "delta queries are refused; members are listed instead");
                    refused.extend(chunk);
                }
            }
        }
        refused
    }

    fn opaque(&mut self, groups: &[String], reason: &Unreadable) {
        self.gap(Facet::GroupMembers, reason.clone());
        let groups: Vec<String> = groups.iter().filter(|id| self.is_group(id)).cloned().collect();
        self.directory.opaque_groups.extend(groups);
    }

    /// The members of groups by plain lists: one of everybody but service principals, and one of these.
    async fn list_members(&mut self, groups: &[String]) -> Members {
        let mut members = Members::new();
        for part in [&groups[..groups.len().min(SCOUTS)], &groups[groups.len().min(SCOUTS)..]] {
            let mut reasons: BTreeMap<String, Unreadable> = BTreeMap::new();
            let parts = part.iter().flat_map(|group| member_lists(group)).collect();
            for (group, answer) in self.arm.graph_lists(MEMBERS, parts, wire::member).await {
                match answer {
                    Ok(Some(found)) => {
                        let nested = found.items.iter().filter(|(_, may_be_group)| *may_be_group);
                        self.maybe_groups.extend(nested.map(|(id, _)| id.clone()));
                        members.entry(group.clone()).or_default().extend(found.items.into_iter().map(|(id, _)| id));
                        reasons.extend(found.gap.map(|gap| (group, gap)));
                    }
                    // What was taken for a group because nobody knows what it is, is none.
                    Ok(None) if !self.is_group(&group) => {}
                    Ok(None) => drop(reasons.insert(group, MEMBERS.failed("404, it is not there (any more)"))),
                    Err(reason) => drop(reasons.insert(group, reason)),
                }
            }
            let is_forbidden = |group| matches!(reasons.get(group), Some(reason) if reason.why == Why::Forbidden);
            let are_forbidden = !part.is_empty() && part.iter().all(is_forbidden);
            for (group, reason) in reasons {
                self.opaque(std::slice::from_ref(&group), &reason);
                if are_forbidden {
                    self.opaque(groups, &reason);
                }
            }
            if are_forbidden {
                break;
            }
        }
        members
    }

    /// Puts down who is in a group, as far as that is known.
    fn settle_group(&mut self, group: &str, members: Option<&BTreeSet<String>>) {
        match members {
            None if self.is_group(group) && !self.directory.opaque_groups.contains(group) => {
                let reason = MEMBERS.failed("a group that is there was left out of the answer");
                self.opaque(&[group.to_owned()], &reason);
            }
            None => {}
            Some(members) => {
                let name = || self.group_names.get(group).cloned().unwrap_or_else(|| group.to_owned());
                let unread = || DirectoryObject::Group { name: name(), role_assignable: false };
                self.directory.objects.entry(group.to_owned()).or_insert_with(unread);
                if members.is_empty() && self.hidden.contains(group) {
                    self.veiled(&BTreeSet::from([group.to_owned()]));
                }
                self.directory.members.insert(group.to_owned(), members.iter().cloned().collect());
            }
        }
    }
}

fn member_lists(group: &str) -> [Part; 2] {
    let members = format!("groups/{group}/members");
    let query = [("$select", "id"), ("$top", "999"), ("$count", "true")];
    let service_principals = format!("{members}/{GRAPH_SERVICE_PRINCIPAL_MEMBERS}");
    [Part::new(group, &members, &query[..2]), Part::new(group, &service_principals, &query).eventual()]
}
