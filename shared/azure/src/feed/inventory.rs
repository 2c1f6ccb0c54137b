//! The port [`Inventory`] over a user's feed. One handle reads each document once, however many ask for it.

use super::account;
use super::client::FeedClient;
use super::documents::{self, Document};
use super::files::Files;
use super::resources;
use super::shared::FeedShared;
use super::workspaces::{Found, Lookup, Workspaces, role};
use crate::inventory::{Inventory, Listing, Requests, WantedPool};
use async_trait::async_trait;
use futures::future::join_all;
use jiff::Timestamp;
use poolwarden_domain::estate::{ApplicationGroup, Estate, HostPool, Resource, ResourceKind};
use poolwarden_domain::feed::{self, FeedModel};
use poolwarden_domain::policy::Scope;
use poolwarden_domain::tswp::ResourceCollection;
use poolwarden_domain::{ArmId, Reading, UnknownScope, Unreadable, Why};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// How a connection reads its account's feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedSettings {
    /// Which of the two models, or both.
    pub models: Vec<FeedModel>,
    /// What is sent as `X-MS-User-Agent`; see [`crate::DEFAULT_FEED_USER_AGENT`].
    pub user_agent: String,
    /// The account's user principal name, as far as the connection names one: who may open what the feed shows. Without,
    /// the one that the token names.
    pub account: Option<String>,
    /// Whether Windows 365 Cloud PCs are published. If not, they take no room from other feeds, and of those that are
    /// read all the same, so that a report can say why they are left out, no file is asked for.
    pub cloud_pcs: bool,
    /// The kinds that are published: of others no file is asked for.
    pub scope: Scope,
}

/// How closely a handle looks.
#[derive(Debug, Clone, Copy)]
pub struct FeedLook {
    /// The documents that another handle has asked for since this time, when the run began, are as good as its own.
    pub since: Timestamp,
    /// Whether icons and `.rdp` files are fetched anew, though the feed says that they have not changed.
    pub anew: bool,
}

type Feed = Arc<OnceCell<Reading<Document<ResourceCollection>>>>;

/// Reads what one account sees. A handle asks for each document once and counts its own requests.
pub struct FeedInventory {
    client: FeedClient,
    models: Vec<(FeedModel, OnceCell<Reading<Workspaces>>)>,
    account: Option<String>,
    cloud_pcs: bool,
    scope: Scope,
    feeds: Mutex<HashMap<ArmId, Feed>>,
}

impl FeedInventory {
    /// A handle that has read nothing yet.
    pub fn new(shared: Arc<FeedShared>, settings: FeedSettings, look: FeedLook) -> Self {
        let mut models = settings.models;
        models.sort();
        models.dedup();
        Self {
            client: FeedClient::new(shared, &settings.user_agent, look),
            models: models.into_iter().map(|model| (model, OnceCell::new())).collect(),
            account: settings.account,
            cloud_pcs: settings.cloud_pcs,
            scope: settings.scope,
            feeds: Mutex::default(),
        }
    }

    async fn workspaces(&self, model: FeedModel) -> Reading<&Workspaces> {
        let cell = self.models.iter().find(|(each, _)| *each == model).map(|(_, cell)| cell);
        let Some(cell) = cell else {
            let text = format!("this connection does not read the {} feed; what is known of it is kept", model.name());
            return Err(Unreadable::new(Why::Missing, text));
        };
        let look = async || {
            let document = documents::discovery(&self.client, model).await?;
            Ok(Workspaces::of(model, &document, self.cloud_pcs))
        };
        cell.get_or_init(look).await.as_ref().map_err(Clone::clone)
    }

    /// The workspace that an id is of or lies in; `None` when the account has others and not this one.
    async fn workspace(&self, id: &ArmId) -> Reading<Option<(FeedModel, &Found)>> {
        let (Some(model), Some(workspace)) = (model_of(id), id.up_to("workspaces")) else {
            return Err(Unreadable::new(Why::Missing, format!("{id} is not of a feed; what is known of it is kept")));
        };
        match self.workspaces(model).await?.look_up(&workspace) {
            Lookup::Found(found) => Ok(Some((model, found))),
            Lookup::Unknown(reason) => Err(reason),
            Lookup::Gone => Ok(None),
        }
    }

    /// Who sees a model's feed, as far as the connection or its token says.
    async fn account(&self, model: FeedModel) -> Option<String> {
        if self.account.is_some() {
            return self.account.clone();
        }
        let shared = &self.client.shared;
        let token = shared.credentials.token(shared.endpoints.feed_scope(model)).await.ok()?;
        account::named_in(&token)
    }

    /// What a workspace offers. Whoever asks second waits for the first one's answer.
    async fn feed(&self, model: FeedModel, workspace: &Found) -> Feed {
        let cell = {
            let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(feeds.entry(workspace.id.clone()).or_default())
        };
        cell.get_or_init(|| documents::feed(&self.client, model, &workspace.id, &workspace.url)).await;
        cell
    }
}

fn model_of(id: &ArmId) -> Option<FeedModel> {
    let name = id.segment("feeds")?;
    [FeedModel::Arm, FeedModel::Classic].into_iter().find(|model| model.name().eq_ignore_ascii_case(name))
}

#[async_trait]
impl Inventory for FeedInventory {
    async fn estate(&self) -> Reading<Estate> {
        let mut estate = Estate { role_definitions: vec![role()], ..Estate::default() };
        let looks = self.models.iter().map(async |(model, _)| (*model, self.workspaces(*model).await));
        let mut failures = Vec::new();
        for (model, workspaces) in join_all(looks).await {
            match workspaces {
                Ok(workspaces) => workspaces.add_to(model, &mut estate, self.account(model).await.as_deref()),
                Err(reason) => failures.push(UnknownScope { scope: model.id(), reason }),
            }
        }
        // One model that cannot be read hides nothing of the other; if none can, there is nothing to tell.
        if failures.len() == self.models.len() {
            let nothing = || Unreadable::new(Why::Missing, "the connection reads neither the ARM nor the classic feed");
            return Err(failures.into_iter().next().map_or_else(nothing, |failure| failure.reason));
        }
        estate.unknown.extend(failures);
        Ok(estate)
    }

    async fn part(&self, wanted: &[WantedPool]) -> Reading<Estate> {
        let mut estate = self.estate().await?;
        let is_wanted = |id: &ArmId| wanted.iter().any(|wanted| wanted.id == *id);
        estate.host_pools.retain(|pool| is_wanted(&pool.id));
        estate.application_groups.retain(|group| is_wanted(&group.host_pool));
        for wanted in wanted {
            if let Err(reason) = self.workspace(&wanted.id).await {
                estate.unknown.push(UnknownScope { scope: wanted.id.clone(), reason });
            }
        }
        Ok(estate)
    }

    async fn application_group(&self, id: &ArmId) -> Reading<Option<ApplicationGroup>> {
        let found = self.workspace(id).await?;
        Ok(found.and_then(|(_, workspace)| workspace.groups().find(|group| group.id == *id)))
    }

    async fn workspace_groups(&self, id: &ArmId) -> Reading<Option<Vec<ArmId>>> {
        let found = self.workspace(id).await?;
        Ok(found.map(|(_, workspace)| workspace.groups().map(|group| group.id).collect()))
    }

    async fn host_pool(&self, id: &ArmId) -> Reading<Option<HostPool>> {
        Ok(self.workspace(id).await?.map(|(_, workspace)| workspace.host_pool()))
    }

    async fn listing(&self, group: &ArmId, kind: ResourceKind, known: &[Resource]) -> Reading<Option<Listing>> {
        let Some((model, workspace)) = self.workspace(group).await? else { return Ok(None) };
        if feed::group(&workspace.id, kind) != *group {
            return Err(Unreadable::new(Why::Missing, format!("{group} is no group of {kind:?}s of a feed")));
        }
        match self.feed(model, workspace).await.get() {
            Some(Ok(document)) => {
                let is_published = self.scope.covers(kind) && (self.cloud_pcs || !workspace.cloud_pc);
                let files = Files::new(&self.client, model, &document.url);
                let files = if is_published { files } else { files.not_wanted() };
                Ok(Some(resources::listing(&files, workspace, document, kind, known).await))
            }
            Some(Err(reason)) => Err(reason.clone()),
            None => Err(Unreadable::new(Why::Failed, format!("the feed of {}: nobody read it", workspace.id))),
        }
    }

    async fn changes(&self, _: &str, _: Timestamp) -> Reading<Vec<ArmId>> {
        Err(Unreadable::new(Why::Missing, "a feed does not tell what changed since when"))
    }

    fn requests(&self) -> Requests {
        self.client.counters.read()
    }
}
