//! An estate as the management interface of Azure Virtual Desktop (classic) tells it.
//!
//! Classic has no query over everything: a tenant costs one request, each of its host pools two and each application
//! group one. Roles of the classic model are not read here; who may open a group is whom it is assigned to.
//!
//! The service was retired, and a retired service may answer anything. So "not there" counts only while the service
//! still tells of the tenant that it would be in.

mod lists;
mod roles;
mod tenant;
pub(crate) mod wire;

use crate::arm::{Arm, Shared};
use crate::cloud::Endpoints;
use crate::http::Http;
use crate::inventory::{Inventory, Listing, Requests, WantedPool};
use crate::sign_in::Credentials;
use async_trait::async_trait;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use lists::{List, call, list};
use poolwarden_domain::estate::{ApplicationGroup, Estate, HostPool, Resource, ResourceKind, Workspace};
use poolwarden_domain::{ArmId, Reading, UnknownScope, Unreadable, Why, classic};
use serde_json::value::RawValue;
use std::sync::Arc;

pub use roles::{ClassicRoles, RdsChanged, RdsRead, read_rds_files};

/// Tenants that are read at once.
const TENANTS_AT_ONCE: usize = 4;
/// What becomes of the packages, for a connection that meets the retired service.
const KEPT: &str =
    "its packages are kept; `poolwarden classic successors` names what replaces them in Azure Resource Manager";

/// What of the classic service a connection covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassicSettings {
    /// The tenant groups, by name.
    pub tenant_groups: Vec<String>,
    /// The tenants, by name; every one that the identity sees when there are none.
    pub tenants: Vec<String>,
}

impl Default for ClassicSettings {
    fn default() -> Self {
        Self { tenant_groups: vec![classic::DEFAULT_TENANT_GROUP.to_owned()], tenants: Vec::new() }
    }
}

/// Reads an estate from the classic service. A clone counts its requests together with its original; [`Self::handle`]
/// makes one that counts for itself.
#[derive(Clone)]
pub struct ClassicInventory {
    arm: Arm,
    settings: Arc<ClassicSettings>,
}

impl ClassicInventory {
    /// Ready to ask, nothing asked yet. One per connection, kept for as long as the process runs: it remembers when
    /// the service asked to wait.
    pub fn new(http: Http, credentials: Arc<dyn Credentials>, endpoints: Endpoints, settings: ClassicSettings) -> Self {
        Self::over(Shared::new(http, credentials, endpoints), settings)
    }

    fn over(shared: Shared, settings: ClassicSettings) -> Self {
        Self { arm: Arm::new(Arc::new(shared.for_classic())), settings: Arc::new(settings) }
    }

    /// Another handle to the same, which counts its own requests.
    #[must_use]
    pub fn handle(&self) -> Self {
        Self { arm: Arm::new(Arc::clone(&self.arm.shared)), settings: Arc::clone(&self.settings) }
    }

    /// The tenants to cover, and the configured ones that cannot be seen.
    async fn covered(&self) -> Reading<(Vec<Workspace>, Vec<UnknownScope>)> {
        let (mut seen, mut unknown, mut none_there) = (Vec::new(), Vec::new(), None);
        let mut answered = false;
        for name in &self.settings.tenant_groups {
            let Some(group) = classic::below(&classic::root(), "tenantGroups", name) else {
                let detail = format!("{:?} is no name of a tenant group", crate::answers::safe(name, 100));
                unknown.push(UnknownScope { scope: classic::root(), reason: Unreadable::new(Why::Missing, detail) });
                continue;
            };
            match list(&self.arm, &group, List::TENANTS, wire::tenant).await {
                Ok(Some(mut tenants)) => {
                    answered = true;
                    seen.append(&mut tenants.items);
                    unknown.append(&mut tenants.flaws);
                    unknown.extend(tenants.stopped.map(|reason| UnknownScope { scope: group, reason }));
                }
                Ok(None) => {
                    let reason = Unreadable::new(Why::Missing, format!("the tenants of {group}: 404, it is not there"));
                    none_there.get_or_insert_with(|| reason.detail.clone());
                    unknown.push(UnknownScope { scope: group, reason });
                }
                Err(reason) => unknown.push(UnknownScope { scope: group, reason }),
            }
        }
        if !answered {
            return Err(whole_is_unreadable(unknown, none_there));
        }
        self.choose(seen, unknown)
    }

    fn choose(
        &self,
        seen: Vec<Workspace>,
        mut unknown: Vec<UnknownScope>,
    ) -> Reading<(Vec<Workspace>, Vec<UnknownScope>)> {
        if self.settings.tenants.is_empty() {
            if seen.is_empty() && unknown.is_empty() {
                // Having lost every right looks just like this; it must not be taken for an empty estate.
                let text = "the identity sees no tenant; grant RDS Reader on those to read";
                return Err(Unreadable::new(Why::Forbidden, text));
            }
            return Ok((seen, unknown));
        }
        let name = |tenant: &Workspace| classic::name_in(&tenant.id, "tenants").unwrap_or_default();
        for wanted in &self.settings.tenants {
            if seen.iter().any(|tenant| name(tenant).eq_ignore_ascii_case(wanted)) {
                continue;
            }
            // Which tenant group it would be in, nobody can say.
            for group in &self.settings.tenant_groups {
                let group = classic::below(&classic::root(), "tenantGroups", group);
                let scope = group.and_then(|group| classic::below(&group, "tenants", wanted));
                let scope = scope.unwrap_or_else(classic::root);
                let advice =
                    format!("{scope} is configured, but the identity does not see it; grant RDS Reader on {scope}");
                unknown.push(UnknownScope { scope, reason: Unreadable::new(Why::Forbidden, advice) });
            }
        }
        let is_wanted =
            |tenant: &Workspace| self.settings.tenants.iter().any(|wanted| name(tenant).eq_ignore_ascii_case(wanted));
        Ok((seen.into_iter().filter(is_wanted).collect(), unknown))
    }

    /// Whether what the service calls not there may be taken for gone.
    async fn believed<T>(&self, id: &ArmId, answer: Reading<Option<T>>) -> Reading<Option<T>> {
        if !matches!(answer, Ok(None)) {
            return answer;
        }
        let (Some(group), Some(tenant)) = (id.up_to("tenantGroups"), id.up_to("tenants")) else {
            return Err(Unreadable::new(Why::Missing, format!("{id} is no id of the classic model")));
        };
        let tenants = list(&self.arm, &group, List::TENANTS, wire::tenant).await?;
        let is_seen = tenants.is_some_and(|tenants| tenants.items.iter().any(|seen| seen.id == tenant));
        let doubt = || format!("{id}: 404, and {tenant} cannot be seen any more either; that does not make it gone");
        if is_seen { Ok(None) } else { Err(Unreadable::new(Why::Missing, doubt())) }
    }

    async fn get<T>(
        &self,
        id: &ArmId,
        path: Option<&str>,
        what: &'static str,
        read: impl Fn(&RawValue) -> Result<T, String>,
    ) -> Reading<Option<T>> {
        let call = call(&self.arm, id, path, what, &[]);
        let read = |body: &[u8]| read(crate::arm::json(body)?).map_err(|text| format!("the answer {text}"));
        let answer = self.arm.ask(&call, read).await;
        self.believed(id, answer).await
    }
}

/// Why nothing at all can be read: the service is gone, or the first reason there is.
fn whole_is_unreadable(unknown: Vec<UnknownScope>, none_there: Option<String>) -> Unreadable {
    let all_are_gone = unknown.iter().all(|unknown| matches!(unknown.reason.why, Why::Missing | Why::Retired));
    let retired = unknown.iter().find(|unknown| unknown.reason.why == Why::Retired);
    let detail = retired.map(|unknown| unknown.reason.detail.clone()).or(none_there.filter(|_| all_are_gone));
    match detail {
        Some(detail) => Unreadable::new(Why::Retired, format!("{detail}; {KEPT}")),
        None => unknown
            .into_iter()
            .next()
            .map_or_else(|| Unreadable::new(Why::Missing, "no tenant group is configured"), |unknown| unknown.reason),
    }
}

#[async_trait]
impl Inventory for ClassicInventory {
    async fn estate(&self) -> Reading<Estate> {
        let (tenants, unknown) = self.covered().await?;
        let parts = stream::iter(tenants).map(|tenant| async move { self.read_tenant(tenant).await });
        let parts: Vec<Estate> = parts.buffered(TENANTS_AT_ONCE).collect().await;
        let mut estate = Estate { unknown, role_definitions: vec![wire::assigned_user()], ..Estate::default() };
        for part in parts {
            tenant::add(&mut estate, part);
        }
        Ok(estate)
    }

    async fn part(&self, wanted: &[WantedPool]) -> Reading<Estate> {
        let mut estate = self.estate().await?;
        estate.host_pools.retain(|pool| wanted.iter().any(|wanted| wanted.id == pool.id));
        estate.application_groups.retain(|group| wanted.iter().any(|wanted| wanted.id == group.host_pool));
        for WantedPool { id, .. } in wanted {
            let is_told = estate.host_pools.iter().any(|pool| pool.id == *id)
                || estate.unknown.iter().any(|unknown| id.is_within(&unknown.scope));
            if is_told {
                continue;
            }
            let reason = match self.host_pool(id).await {
                Ok(None) => continue,
                Ok(Some(_)) => Unreadable::new(Why::Missing, format!("{id} is there, but the list left it out")),
                Err(reason) => reason,
            };
            estate.unknown.push(UnknownScope { scope: id.clone(), reason });
        }
        Ok(estate)
    }

    async fn application_group(&self, id: &ArmId) -> Reading<Option<ApplicationGroup>> {
        self.get(id, None, "the application group", |item| wire::application_group(item, id)).await
    }

    async fn workspace_groups(&self, id: &ArmId) -> Reading<Option<Vec<ArmId>>> {
        let pools = list(&self.arm, id, List::HOST_POOLS, |_, id| Ok(id.clone())).await;
        let Some(pools) = self.believed(id, pools).await? else { return Ok(None) };
        let mut groups = Vec::new();
        for pool in pools.whole()? {
            let of_pool = list(&self.arm, &pool, List::GROUPS, |_, id| Ok(id.clone())).await;
            if let Some(of_pool) = self.believed(&pool, of_pool).await? {
                groups.append(&mut of_pool.whole()?);
            }
        }
        Ok(Some(groups))
    }

    async fn host_pool(&self, id: &ArmId) -> Reading<Option<HostPool>> {
        self.get(id, None, "the host pool", |item| wire::host_pool(item, id)).await
    }

    async fn listing(&self, group: &ArmId, kind: ResourceKind, _: &[Resource]) -> Reading<Option<Listing>> {
        match kind {
            ResourceKind::Desktop => self.desktop(group).await,
            ResourceKind::RemoteApp => {
                let apps = list(&self.arm, group, List::REMOTE_APPS, wire::resource).await;
                let Some(apps) = self.believed(group, apps).await? else { return Ok(None) };
                let mut unknown = apps.flaws;
                unknown.extend(apps.stopped.map(|reason| UnknownScope { scope: group.clone(), reason }));
                Ok(Some(Listing { resources: apps.items, unknown }))
            }
        }
    }

    async fn changes(&self, _: &str, _: Timestamp) -> Reading<Vec<ArmId>> {
        Err(Unreadable::new(Why::Missing, "the classic service has no log of changes"))
    }

    fn requests(&self) -> Requests {
        self.arm.counters.read()
    }
}

#[cfg(test)]
mod tests;
