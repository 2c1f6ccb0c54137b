//! Following groups with delta queries: everything the first time, and what has changed ever after.
//! <https://learn.microsoft.com/graph/delta-query-groups>

use super::ask::Topic;
use super::memory::Followed;
use super::wire;
use crate::arm::{Arm, Call, json};
use crate::versions::GRAPH_DELTA_GROUPS;
use poolwarden_domain::Reading;
use serde::Deserialize;
use std::collections::BTreeSet;
use url::Url;

/// Pages of one delta query at most.
const DELTA_PAGES: usize = 5_000;
/// Memberships of the groups of one delta query at most.
const MAX_MEMBERSHIPS: usize = 2_000_000;

pub(super) const MEMBERS: Topic = Topic { what: "the members of groups", permission: "GroupMember.Read.All", units: 2 };

/// What a delta query told.
#[derive(Debug)]
pub(super) struct Delta {
    pub(super) followed: Followed,
    /// Groups that have members of whom it did not tell who they are.
    pub(super) veiled: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Page {
    value: Vec<Change>,
    #[serde(default, rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(default, rename = "@odata.deltaLink")]
    delta: Option<String>,
}

#[derive(Deserialize)]
struct Change {
    id: String,
    #[serde(default, rename = "displayName")]
    name: Option<String>,
    #[serde(default, rename = "@removed")]
    removed: Option<serde::de::IgnoredAny>,
    #[serde(default, rename = "members@delta")]
    members: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    #[serde(default)]
    id: Option<String>,
    #[serde(default, rename = "@odata.type")]
    odata_type: Option<String>,
    #[serde(default, rename = "@removed")]
    removed: Option<serde::de::IgnoredAny>,
}

impl Delta {
    fn apply(&mut self, change: Change) {
        let Some(group) = wire::id(&change.id) else { return };
        if change.removed.is_some() {
            self.followed.members.remove(&group);
            return;
        }
        if let Some(name) = &change.name {
            self.followed.names.insert(group.clone(), wire::short(name));
        }
        let followed = &mut self.followed;
        let members = followed.members.entry(group.clone()).or_default();
        for member in change.members {
            match (member.id.as_deref().and_then(wire::id), member.removed.is_some()) {
                (Some(id), true) => drop(members.remove(&id)),
                (Some(id), false) => {
                    if wire::may_be_group(member.odata_type.as_deref()) {
                        followed.nested.insert(id.clone());
                    }
                    members.insert(id);
                }
                (None, _) => drop(self.veiled.insert(group.clone())),
            }
        }
    }
}

/// Begins to follow groups; no more of them than one query takes.
pub(super) async fn follow(arm: &Arm, groups: &[String]) -> Reading<Delta> {
    debug_assert!(groups.len() <= GRAPH_DELTA_GROUPS);
    let filter = groups.iter().map(|group| format!("id eq '{group}'")).collect::<Vec<_>>().join(" or ");
    let query = [("$select", "displayName,members"), ("$filter", &filter)];
    let call = arm.graph_call(MEMBERS, "groups/delta", &query, None);
    let mut delta = read(arm, call, Followed::default()).await?;
    // What was not asked for is none of ours, whatever the service makes of the filter.
    delta.followed.members.retain(|group, _| groups.contains(group));
    Ok(delta)
}

/// Follows on from an earlier read.
pub(super) async fn follow_on(arm: &Arm, followed: &Followed) -> Reading<Delta> {
    let url = Url::parse(&followed.link).map_err(|_| MEMBERS.malformed("the link to what has changed is no URL"))?;
    let mut delta = read(arm, MEMBERS.call(url, None), followed.clone()).await?;
    delta.followed.members.retain(|group, _| followed.members.contains_key(group));
    Ok(delta)
}

async fn read(arm: &Arm, mut call: Call, followed: Followed) -> Reading<Delta> {
    let mut delta = Delta { followed, veiled: BTreeSet::new() };
    let mut told = 0;
    for _ in 0..DELTA_PAGES {
        let page = arm.ask(&call, |body: &[u8]| json::<Page>(body)).await?;
        let page = page.ok_or_else(|| MEMBERS.failed("404, the service knows no such query"))?;
        for change in page.value {
            told += change.members.len();
            delta.apply(change);
        }
        if told > MAX_MEMBERSHIPS {
            return Err(MEMBERS.too_large(&format!("there are more than {MAX_MEMBERSHIPS}")));
        }
        let link =
            |text: &str| call.url.join(text).map_err(|_| MEMBERS.malformed("the link to its next page is no URL"));
        match (page.next.filter(|next| !next.is_empty()), page.delta) {
            (Some(next), _) => {
                let next = link(&next)?;
                if next == call.url {
                    return Err(MEMBERS.malformed("its pages go in a circle"));
                }
                call.url = next;
            }
            (None, Some(last)) => {
                delta.followed.link = link(&last)?.into();
                return Ok(delta);
            }
            (None, None) => return Err(MEMBERS.malformed("the last page has no link to what will change")),
        }
    }
    Err(MEMBERS.too_large(&format!("they have more than {DELTA_PAGES} pages")))
}
