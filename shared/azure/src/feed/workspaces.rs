//! What a discovery document amounts to: the account's workspaces, each standing where a host pool does.

use super::documents::Document;
use super::files::path_of;
use poolwarden_domain::entitlement::USE_APPLICATIONS;
use poolwarden_domain::estate::{
    ApplicationGroup, Estate, HostPool, Permission, Principal, ResourceKind, RoleAssignment, RoleDefinition, Workspace,
};
use poolwarden_domain::feed::{self, FeedModel};
use poolwarden_domain::text::sha256_hex;
use poolwarden_domain::tswp::{Discovery, TenantFeed};
use poolwarden_domain::{ArmId, UnknownScope, Unreadable, Why};
use std::collections::BTreeMap;
use url::Url;

/// Feeds that are read of one account and model.
pub(super) const FEEDS: usize = 16;
/// Feeds beyond those that are named one by one.
const NAMED: usize = 64;
/// The longest id from a feed that stands in an id here as it is, in bytes; of a longer one its hash does.
const ID_BYTES: usize = 200;
/// Both groups of a workspace, each with what people call it.
const GROUPS: [(ResourceKind, &str); 2] = [(ResourceKind::Desktop, "Desktop"), (ResourceKind::RemoteApp, "RemoteApp")];
/// The role that stands for what the feed shows: what the account really holds it does not tell.
const ROLE: &str = "/feeds/providers/Microsoft.Authorization/roleDefinitions/shown-in-feed";
/// What people read of it.
const ROLE_NAME: &str = "shown in this account's feed";

/// One workspace of the account.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) id: ArmId,
    /// The id that the service knows it by.
    pub(super) object_id: String,
    name: Option<String>,
    geo: Option<String>,
    pub(super) cloud_pc: bool,
    pub(super) url: Url,
}

/// The account's workspaces in one model, and what of them is unknown.
#[derive(Debug, Default)]
pub(super) struct Workspaces {
    pub(super) found: Vec<Found>,
    pub(super) unknown: Vec<UnknownScope>,
}

/// What a look for one workspace comes to.
pub(super) enum Lookup<'a> {
    Found(&'a Found),
    /// It may be there.
    Unknown(Unreadable),
    /// The account has other workspaces, and not this one.
    Gone,
}

impl Workspaces {
    /// Sorts out what the document says. The order of its feeds means nothing, so which of too many are read does not
    /// depend on it. Cloud PCs that are not wanted come last; those for which there is no room are as good as gone, as
    /// whatever else a filter leaves out.
    pub(super) fn of(model: FeedModel, document: &Document<Discovery>, cloud_pcs: bool) -> Self {
        let mut workspaces = Self::default();
        let mut unknown = |scope: ArmId, why, detail: String| {
            workspaces.unknown.push(UnknownScope { scope, reason: Unreadable::new(why, detail) });
        };
        if let Some(first) = document.parsed.skipped.first() {
            let more = document.parsed.skipped.len() - 1;
            let detail = format!("a feed that the discovery document names cannot be read ({first}), and {more} more");
            unknown(model.id(), Why::Malformed, detail);
        } else if document.parsed.value.feeds.is_empty() {
            let detail = "this account has no workspace; nothing is removed for that. Check that it is assigned to an \
                          application group, and that the connection signs in as the account that is meant";
            unknown(model.id(), Why::Missing, detail.to_owned());
        }
        let mut each: BTreeMap<ArmId, Found> = BTreeMap::new();
        for feed in &document.parsed.value.feeds {
            let (id, object_id) = identity(model, &document.url, feed);
            let Ok(url) = document.url.join(&feed.feed_url) else {
                unknown(id, Why::Malformed, "the address of its feed is no URL".to_owned());
                continue;
            };
            match each.get(&id) {
                None => {
                    each.insert(id.clone(), Found::of(id, object_id, feed, url));
                }
                Some(first) if first.url == url => {}
                Some(_) => {
                    let detail = "the discovery document names it twice, with different feeds; one of them is read";
                    unknown(id, Why::Malformed, detail.to_owned());
                }
            }
        }
        let (left_out, wanted): (Vec<Found>, Vec<Found>) =
            each.into_values().partition(|found| found.cloud_pc && !cloud_pcs);
        let beyond = wanted.len().saturating_sub(FEEDS);
        for (number, Found { id, .. }) in wanted.iter().skip(FEEDS).enumerate() {
            let detail = format!("the account has {beyond} feed(s) more than the {FEEDS} that are read of one account");
            match number {
                0..NAMED => unknown(id.clone(), Why::TooLarge, detail),
                NAMED => unknown(model.id(), Why::TooLarge, detail),
                _ => break,
            }
        }
        workspaces.found = wanted.into_iter().chain(left_out).take(FEEDS).collect();
        workspaces
    }

    /// Looks for one of them.
    pub(super) fn look_up(&self, id: &ArmId) -> Lookup<'_> {
        if let Some(found) = self.found.iter().find(|found| found.id == *id) {
            return Lookup::Found(found);
        }
        match self.unknown.iter().find(|unknown| id.is_within(&unknown.scope)) {
            Some(unknown) => Lookup::Unknown(unknown.reason.clone()),
            None => Lookup::Gone,
        }
    }

    /// Adds them to an estate. `account` is who sees them. When nobody knows, it is unknown who may open what they offer:
    /// that makes a run incomplete until `username` is set, but "nobody may" and "somebody without a name may" would
    /// both be wrong, and have people lose what they were given.
    pub(super) fn add_to(&self, model: FeedModel, estate: &mut Estate, account: Option<&str>) {
        if account.is_none() && !self.found.is_empty() {
            let detail = "the sign-in does not tell whose feed this is; set `username` of the connection's credential";
            let scope = ArmId::new(&format!("{}/providers/Microsoft.Authorization", model.id()));
            estate.unknown.push(UnknownScope { scope, reason: Unreadable::new(Why::Missing, detail) });
        }
        for found in &self.found {
            estate.host_pools.push(found.host_pool());
            estate.application_groups.extend(found.groups());
            estate.workspaces.push(Workspace {
                id: found.id.clone(),
                object_id: found.object_id.clone(),
                friendly_name: found.name.clone(),
            });
            estate.role_assignments.extend(account.map(|account| RoleAssignment {
                id: ArmId::new(&format!("{}/providers/Microsoft.Authorization/roleAssignments/account", found.id)),
                scope: found.id.clone(),
                role_definition_id: ArmId::new(ROLE),
                principal: Principal { id: account.to_owned(), kind: "User".to_owned() },
                condition: None,
            }));
        }
        estate.unknown.extend(self.unknown.iter().cloned());
    }
}

/// The role that the assignments above name.
pub(super) fn role() -> RoleDefinition {
    let permissions = Permission { data_actions: vec![USE_APPLICATIONS.to_owned()], ..Permission::default() };
    RoleDefinition { id: ArmId::new(ROLE), role_name: ROLE_NAME.to_owned(), permissions: vec![permissions] }
}

impl Found {
    fn of(id: ArmId, object_id: String, feed: &TenantFeed, url: Url) -> Self {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let name = filled(&feed.workspace_name).or_else(|| filled(&feed.tenant_display_name));
        Self { id, object_id, name, geo: filled(&feed.geo), cloud_pc: feed.cloud_pc, url }
    }

    pub(super) fn host_pool(&self) -> HostPool {
        HostPool {
            id: self.id.clone(),
            object_id: self.object_id.clone(),
            friendly_name: self.name.clone(),
            location: self.geo.clone().unwrap_or_default(),
            host_pool_type: None,
            preferred_app_group_type: None,
            application_group_references: GROUPS.map(|(kind, _)| feed::group(&self.id, kind)).into(),
        }
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = ApplicationGroup> {
        GROUPS.into_iter().map(|(kind, name)| ApplicationGroup {
            id: feed::group(&self.id, kind),
            object_id: String::new(),
            friendly_name: Some(name.to_owned()),
            kind,
            host_pool: self.id.clone(),
            workspace: Some(self.id.clone()),
            show_in_feed: None,
            cloud_pc: self.cloud_pc,
        })
    }
}

/// The workspace's id here and the one it has in the service. Without `TenantId`, its feed's address has to do: the id
/// that it names, or else its path. The host is a region's and changes.
fn identity(model: FeedModel, base: &Url, feed: &TenantFeed) -> (ArmId, String) {
    let named = feed.tenant_id.as_deref().map(str::trim).filter(|id| !id.is_empty());
    let object_id = named.map_or_else(
        || {
            let path = path_of(base, &feed.feed_url);
            tenant_in(&path).map_or_else(|| sha256_hex(path.as_bytes()), str::to_owned)
        },
        str::to_owned,
    );
    (model.workspace(&fit_for_id(&object_id)), object_id)
}

/// The id in a path `…/tenants/{id}/…`.
fn tenant_in(path: &str) -> Option<&str> {
    let mut segments = path.split('/').skip_while(|segment| *segment != "tenants");
    segments.nth(1).filter(|id| !id.is_empty())
}

/// An address as written, without what may be a signature.
pub(super) fn without_query(url: &str) -> &str {
    url.find(['?', '#']).map_or(url, |end| &url[..end])
}

/// An id of the feed's as it stands in ours: itself, or its hash if it would be changed or mistaken there.
pub(super) fn fit_for_id(id: &str) -> std::borrow::Cow<'_, str> {
    let is_plain = |letter: char| !letter.is_control() && letter != '/';
    if id.len() <= ID_BYTES && id.trim() == id && !id.is_empty() && id.chars().all(is_plain) {
        id.into()
    } else {
        sha256_hex(id.as_bytes()).into()
    }
}
