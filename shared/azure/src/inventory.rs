//! The port through which an estate is read.

use async_trait::async_trait;
use jiff::Timestamp;
use poolwarden_domain::estate::{Estate, HostPool, Resource, ResourceKind};
use poolwarden_domain::{ArmId, Reading};

pub use poolwarden_domain::run::Requests;

/// Where an estate is read from: Azure, or files.
///
/// Every method tells apart what is not there and what could not be read; none of them retries a refused sign-in.
#[async_trait]
pub trait Inventory: Send + Sync {
    /// Everything but the resources inside application groups. What could not be read is listed in the answer.
    async fn estate(&self) -> Reading<Estate>;

    /// One host pool by its own id, or `None` when the service says that it does not exist.
    async fn host_pool(&self, id: &ArmId) -> Reading<Option<HostPool>>;

    /// The desktops or RemoteApps of one application group, or `None` when the group does not exist.
    async fn resources(&self, group: &ArmId, kind: ResourceKind) -> Reading<Option<Vec<Resource>>>;

    /// The ids of resources under Microsoft.DesktopVirtualization that were written or deleted in a subscription
    /// since a time, as far as its activity log knows them yet.
    async fn changes(&self, subscription: &str, since: Timestamp) -> Reading<Vec<ArmId>>;

    /// What this handle has asked for so far.
    fn requests(&self) -> Requests;
}
