//! What tests of several functions need.

use crate::config::Config;
use crate::deps::Deps;
use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use jiff::Timestamp;
use poolwarden_domain::ArmId;
use poolwarden_domain::estate::ResourceKind;
use poolwarden_domain::package::{Icon, Named, Package, PackageContent, PackageState, Stage};
use poolwarden_domain::text::sha256_hex;
use poolwarden_store::{Document, Documents, Expect, Listed, Options, Sqlite, StoreError, Version};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// An empty store.
pub(crate) fn store() -> Sqlite {
    Sqlite::in_memory(Options::default()).unwrap()
}

/// What functions are given where nothing is configured.
pub(crate) fn deps(documents: Arc<dyn Documents>, queues: &Sqlite) -> Deps {
    let nothing = HashMap::<&str, &str>::new();
    let config = Config::empty(Path::new(""), &nothing).unwrap();
    Deps::new(config, documents, Arc::new(queues.clone())).unwrap()
}

/// A package of the connection `contoso`, without a revision.
pub(crate) fn package(title: &str) -> Package {
    let named = |path: &str| Named { id: ArmId::new(&format!("/subscriptions/s/{path}")), name: path.to_owned() };
    let content = PackageContent {
        display_name: title.to_owned(),
        kind: ResourceKind::RemoteApp,
        description: None,
        resource: ArmId::new(&format!("/subscriptions/s/applications/{title}")),
        host_pool: named("hostPools/hp"),
        application_group: named("applicationGroups/g"),
        workspace: named("workspaces/ws"),
        program: None,
        icon: Icon { sha256: sha256_hex(title.as_bytes()), placeholder: false },
        launch: Vec::new(),
        rdp: None,
        runs_on: None,
        categories: Vec::new(),
        file_associations: Vec::new(),
        network_credentials: None,
        dependencies: Vec::new(),
        entitlements: Some(Vec::new()),
    };
    Package {
        key: format!("app-{}", &sha256_hex(title.as_bytes())[..16]),
        connection: "contoso".to_owned(),
        state: PackageState::Active,
        content,
        stage: Stage::Production,
        stage_since: None,
        requested: None,
        managed: true,
        assigned: Vec::new(),
        retired_at: None,
        retired_by: None,
        observed_at: Timestamp::UNIX_EPOCH,
        revisions: Vec::new(),
    }
}

/// What happens before a store answers about a key or a prefix; an error is the answer.
type Before = Box<dyn Fn(Sqlite, String) -> BoxFuture<'static, Result<(), StoreError>> + Send + Sync>;

/// A store in which something happens between two calls.
pub(crate) struct Disturbed {
    store: Sqlite,
    before: Before,
}

impl Disturbed {
    pub(crate) fn new<F>(store: &Sqlite, before: F) -> Self
    where
        F: Fn(Sqlite, String) -> BoxFuture<'static, Result<(), StoreError>> + Send + Sync + 'static,
    {
        Self { store: store.clone(), before: Box::new(before) }
    }

    async fn reading(&self, asked: &str) -> Result<&Sqlite, StoreError> {
        (self.before)(self.store.clone(), asked.to_owned()).await?;
        Ok(&self.store)
    }
}

#[async_trait]
impl Documents for Disturbed {
    async fn get(&self, key: &str) -> Result<Option<Document>, StoreError> {
        self.reading(key).await?.get(key).await
    }

    async fn put(&self, key: &str, body: Bytes, expect: Expect) -> Result<Version, StoreError> {
        self.store.put(key, body, expect).await
    }

    async fn delete(&self, key: &str, version: &Version) -> Result<(), StoreError> {
        self.store.delete(key, version).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
        self.reading(prefix).await?.list(prefix, after, limit).await
    }

    async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Document)>, StoreError> {
        self.reading(prefix).await?.scan(prefix, after, limit).await
    }
}
