//! The port through which an estate is read.

use async_trait::async_trait;
use jiff::Timestamp;
use poolwarden_domain::estate::{Estate, HostPool, Resource, ResourceKind};
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

/// Where an estate is read from: Azure, or files.
///
/// Every method tells apart what is not there and what could not be read; none of them retries a refused sign-in.
#[async_trait]
pub trait Inventory: Send + Sync {
    /// Everything but the resources inside application groups. What could not be read is listed in the answer.
    async fn estate(&self) -> Reading<Estate>;

    /// One host pool by its own id, or `None` when the service says that it does not exist.
    async fn host_pool(&self, id: &ArmId) -> Reading<Option<HostPool>>;

    /// The desktops or RemoteApps of one application group, or `None` when the group does not exist. What is in the
    /// list's `unknown` is neither there nor gone.
    async fn listing(&self, group: &ArmId, kind: ResourceKind) -> Reading<Option<Listing>>;

    /// The same, all or nothing: an item that cannot be read makes the group unreadable.
    async fn resources(&self, group: &ArmId, kind: ResourceKind) -> Reading<Option<Vec<Resource>>> {
        let Some(listing) = self.listing(group, kind).await? else { return Ok(None) };
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
