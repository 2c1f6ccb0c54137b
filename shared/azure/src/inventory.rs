//! The port through which an estate is read.

use async_trait::async_trait;
use jiff::Timestamp;
use poolwarden_domain::estate::{ApplicationGroup, Estate, HostPool, Resource, ResourceKind};
use poolwarden_domain::{ArmId, Reading, UnknownScope, Unreadable};

pub use poolwarden_domain::run::Requests;

/// The desktops or RemoteApps of one application group, and what of them could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Those that could be read.
    pub resources: Vec<Resource>,
    /// Those that could not, by id where it is legible; the group itself when the list breaks off.
    pub unknown: Vec<UnknownScope>,
}

/// A host pool to read by itself, with all that hangs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedPool {
    /// The pool.
    pub id: ArmId,
    /// Groups it had before, to ask for even if it does not name them any more.
    pub groups: Vec<ArmId>,
}

/// Where an estate is read from: Azure, or files.
///
/// Every method tells apart what is not there and what could not be read; none of them retries a refused sign-in.
#[async_trait]
pub trait Inventory: Send + Sync {
    /// Everything but the resources inside application groups. What could not be read is listed in the answer.
    async fn estate(&self) -> Reading<Estate>;

    /// What of the estate belongs to these host pools: each pool, its groups, their workspaces and who may open them.
    /// A pool that is in neither the answer's pools nor its unknown scopes does not exist. Session hosts may be left
    /// uncounted.
    async fn part(&self, wanted: &[WantedPool]) -> Reading<Estate> {
        let mut estate = self.estate().await?;
        estate.host_pools.retain(|pool| wanted.iter().any(|wanted| wanted.id == pool.id));
        estate.application_groups.retain(|group| wanted.iter().any(|wanted| wanted.id == group.host_pool));
        Ok(estate)
    }

    /// One application group by its own id, or `None` when the service says that it does not exist.
    async fn application_group(&self, id: &ArmId) -> Reading<Option<ApplicationGroup>>;

    /// The application groups that a workspace names, or `None` when the service says that it does not exist.
    async fn workspace_groups(&self, id: &ArmId) -> Reading<Option<Vec<ArmId>>>;

    /// One host pool by its own id, or `None` when the service says that it does not exist.
    async fn host_pool(&self, id: &ArmId) -> Reading<Option<HostPool>>;

    /// The desktops or RemoteApps of one application group, or `None` when the group does not exist. What is in the
    /// list's `unknown` is neither there nor gone.
    ///
    /// `known` is what an earlier look found in it: what is certain not to have changed need not be fetched again, and
    /// is answered as it is known. Empty asks for everything.
    async fn listing(&self, group: &ArmId, kind: ResourceKind, known: &[Resource]) -> Reading<Option<Listing>>;

    /// The same, all or nothing: an item that cannot be read makes the group unreadable.
    async fn resources(&self, group: &ArmId, kind: ResourceKind) -> Reading<Option<Vec<Resource>>> {
        let Some(listing) = self.listing(group, kind, &[]).await? else { return Ok(None) };
        match listing.unknown.into_iter().next() {
            None => Ok(Some(listing.resources)),
            Some(flaw) => Err(Unreadable::new(flaw.reason.why, format!("{}: {}", flaw.scope, flaw.reason.detail))),
        }
    }

    /// The ids of resources under Microsoft.DesktopVirtualization that were written or deleted in a subscription
    /// since a time, as far as its activity log knows them yet.
    async fn changes(&self, subscription: &str, since: Timestamp) -> Reading<Vec<ArmId>>;

    /// What this handle has asked for so far.
    fn requests(&self) -> Requests;
}
