//! Lists of the classic service: bare JSON arrays, page after page by the name of the last entry.
//!
//! What goes for ARM's lists goes here: one malformed item never hides its neighbours, and a page that cannot be had
//! never hides the pages before it.

use super::wire::{Thing, id_below, own_name};
use crate::arm::{Arm, Call, json};
use crate::listing::{Item, Listed};
use crate::throttle::{Kind, Meter};
use poolwarden_domain::{ArmId, Reading, Unreadable, Why, classic};
use serde_json::value::RawValue;
use std::collections::HashSet;

/// Entries asked for at a time, as the service's own PowerShell module does. A page with fewer is the last.
pub(super) const PAGE_SIZE: usize = 1_000;
/// Pages of one list at most.
pub(super) const PAGES: usize = 100;
/// The role that reads everything of the classic service.
const READER: &str = "RDS Reader";
/// Everything that is asked counts against one allowance: the service publishes none.
pub(super) const SUBJECT: &str = "classic";

/// A list of the classic service.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    /// What it lists.
    pub(super) thing: Thing,
    /// Its part of the path, and what it is sorted by.
    path: &'static str,
    sort: &'static str,
    /// What it is, for a person.
    what: &'static str,
}

impl List {
    pub(super) const TENANTS: Self = Self::new(Thing::Tenant, "Tenants", "TenantName", "the tenants");
    pub(super) const HOST_POOLS: Self = Self::new(Thing::HostPool, "HostPools", "HostPoolName", "the host pools");
    pub(super) const GROUPS: Self = Self::new(Thing::Group, "AppGroups", "AppGroupName", "the application groups");
    pub(super) const SESSION_HOSTS: Self =
        Self::new(Thing::SessionHost, "SessionHosts", "SessionHostName", "the session hosts");
    pub(super) const REMOTE_APPS: Self = Self::new(Thing::RemoteApp, "RemoteApps", "RemoteAppName", "the applications");
    pub(super) const USERS: Self =
        Self::new(Thing::AssignedUser, "AssignedUsers", "UserPrincipalName", "the assigned users");

    const fn new(thing: Thing, path: &'static str, sort: &'static str, what: &'static str) -> Self {
        Self { thing, path, sort, what }
    }

    /// What is unknown when the list of what `holder` has breaks off.
    pub(super) fn scope(self, holder: &ArmId) -> ArmId {
        match self.thing {
            Thing::SessionHost => ArmId::new(&format!("{holder}/sessionHosts")),
            Thing::AssignedUser => ArmId::new(&format!("{holder}/assignedUsers")),
            _ => holder.clone(),
        }
    }
}

/// One thing to ask: `path` is what comes after the holder's own path.
pub(super) fn call(arm: &Arm, holder: &ArmId, path: Option<&str>, what: &'static str, query: &[(&str, &str)]) -> Call {
    const KEYS: [(&str, &str); 4] = [
        ("tenantGroups", "TenantGroups"),
        ("tenants", "Tenants"),
        ("hostPools", "HostPools"),
        ("applicationGroups", "AppGroups"),
    ];
    let of = |(key, segment): (&str, &str)| Some([segment.to_owned(), classic::name_in(holder, key)?]);
    let mut segments = vec!["RdsManagement".to_owned(), "V1".to_owned()];
    segments.extend(KEYS.into_iter().filter_map(of).flatten());
    segments.extend(path.map(str::to_owned));
    Call {
        url: arm.shared.endpoints.classic_url(segments.iter().map(String::as_str), query),
        body: None,
        meter: Meter { subject: SUBJECT.to_owned(), kind: Kind::Read, units: 1 },
        what,
        scope: holder.clone(),
        role: READER,
    }
}

/// The items of one page, and the name of its last entry.
pub(super) type Page<T> = (Vec<Item<T>>, Option<String>);

fn read_page<T>(
    list: List,
    holder: &ArmId,
    body: &[u8],
    read: impl Fn(&RawValue, &ArmId) -> Result<T, String>,
) -> Result<Page<T>, String> {
    let items: Vec<&RawValue> = json(body)?;
    let last = items.last().and_then(|item| own_name(item, list.thing));
    let read = |item: &&RawValue| match id_below(holder, item, list.thing) {
        Some(id) => (Some(id.as_str().to_owned()), read(item, &id)),
        None => (None, Err("has no name, or one that cannot be used".to_owned())),
    };
    Ok((items.iter().map(read).collect(), last))
}

/// The whole list, as far as it can be had. `None`: the service says that what is listed does not exist.
pub(super) async fn list<T>(
    arm: &Arm,
    holder: &ArmId,
    list: List,
    read: impl Fn(&RawValue, &ArmId) -> Result<T, String>,
) -> Reading<Option<Listed<T>>> {
    let scope = list.scope(holder);
    let what = format!("{} of {holder}", list.what);
    let (mut paging, page_size) = (Paging::new(what, scope), PAGE_SIZE.to_string());
    while let Some(last_entry) = paging.next() {
        let query = [
            ("PageSize", page_size.as_str()),
            ("LastEntry", &last_entry),
            ("SortField", list.sort),
            ("IsDescending", "False"),
            ("InitialSkip", "0"),
        ];
        let call = call(arm, holder, Some(list.path), list.what, &query);
        let answer = arm.ask(&call, |body| read_page(list, holder, body, &read)).await;
        if !paging.take(&last_entry, answer)? {
            return Ok(None);
        }
    }
    Ok(Some(paging.listed))
}

/// A list that comes in pages, each asked for with the last entry of the one before.
pub(super) struct Paging<T> {
    what: String,
    scope: ArmId,
    pages: usize,
    /// The entry after which the next page begins, as long as there may be one.
    next: Option<String>,
    seen: HashSet<String>,
    /// What has come so far.
    pub(super) listed: Listed<T>,
}

impl<T> Paging<T> {
    /// A list of something, whose items are in a scope.
    pub(super) fn new(what: String, scope: ArmId) -> Self {
        Self { what, scope, pages: 0, next: Some(String::new()), seen: HashSet::new(), listed: Listed::new() }
    }

    /// The entry after which the next page begins; none when there is no page more to be asked for.
    pub(super) fn next(&mut self) -> Option<String> {
        self.next.take()
    }

    /// Takes a page. The first one tells whether there is a list at all: `false` if what is listed does not exist.
    pub(super) fn take(&mut self, last_entry: &str, answer: Reading<Option<Page<T>>>) -> Reading<bool> {
        let (items, last) = match answer {
            Ok(Some(page)) => page,
            Ok(None) if self.pages == 0 => return Ok(false),
            Err(reason) if self.pages == 0 => return Err(reason),
            Ok(None) => return Ok(self.stop(Why::Failed, "the next page is not there (404)")),
            Err(reason) => {
                self.listed.stopped = Some(reason);
                return Ok(true);
            }
        };
        let (entries, before) = (items.len(), self.seen.len());
        self.listed.take_in(&mut self.seen, &self.scope, items);
        self.pages += 1;
        // The last page may begin with the entry that it was to follow, and hold nothing else.
        let is_at_the_end = entries == 0 || (entries == 1 && last.as_deref() == Some(last_entry));
        if self.pages > 1 && self.seen.len() == before && !is_at_the_end {
            return Ok(self.stop(Why::Malformed, "the pages repeat, so there may be more than they show"));
        }
        if entries < PAGE_SIZE {
            return Ok(true);
        }
        match last {
            None => {
                let text = "the last entry has no name, so the next page cannot be asked for";
                return Ok(self.stop(Why::Malformed, text));
            }
            Some(_) if self.pages == PAGES => {
                return Ok(self.stop(Why::TooLarge, &format!("there are more than {PAGES} pages")));
            }
            Some(last) => self.next = Some(last),
        }
        Ok(true)
    }

    fn stop(&mut self, why: Why, text: &str) -> bool {
        self.listed.stopped = Some(Unreadable::new(why, format!("{}: {text}", self.what)));
        true
    }
}
