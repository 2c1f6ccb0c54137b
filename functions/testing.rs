//! What tests of several functions need.

use crate::config::Config;
use crate::deps::Deps;
use crate::keys;
use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use jiff::Timestamp;
use poolwarden_domain::ArmId;
use poolwarden_domain::access::{
    AccessFacts, Assignment, Coverage, Definition, DefinitionKind, Facet, SubscriptionFacts, builtin,
};
use poolwarden_domain::estate::{Permission, Principal, ResourceKind};
use poolwarden_domain::package::{Icon, Named, Package, PackageContent, PackageState, Stage};
use poolwarden_domain::run::{Run, Source, Trigger};
use poolwarden_domain::text::sha256_hex;
use poolwarden_store::{Document, Documents, Expect, Listed, Options, Queues, Sqlite, StoreError, Version};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

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

/// The subscription of [`facts`].
pub(crate) const SUBSCRIPTION: &str = "/subscriptions/00000000-0000-0000-0000-0000000000a1";

/// What functions are given where the connection `contoso` is audited, with more lines of its audit's settings, and a
/// webhook that wants all events. The password is a variable that every process has.
pub(crate) fn audited(documents: Arc<dyn Documents>, queues: &Sqlite, endpoint: &str, settings: &str) -> Deps {
    let text = format!(
        "[[connection]]\nname = \"contoso\"\nendpoints = {{ authority = \"{endpoint}\", arm = \"{endpoint}\", graph = \"{endpoint}\" }}\n\
         credential = {{ kind = \"username_password\", username = \"u@a.example\", password = {{ env = \"PATH\" }} }}\n\
         [connection.audit]\ndirectory = false\n{settings}\n\
         [[connection.webhook]]\nname = \"hook\"\nurl = \"https://hook.example/\"\nsecret = {{ env = \"SECRET\" }}\nevents = [\"*\"]\n"
    );
    let env = HashMap::from([("PATH", "hunter2"), ("SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]);
    let config = Config::parse(&text, Path::new("poolwarden.toml"), &env, |_| Ok(())).unwrap();
    Deps::new(config, documents, Arc::new(queues.clone())).unwrap()
}

/// Facts about a subscription, read in full, in which these users hold the role Owner.
pub(crate) fn facts(read_at: Timestamp, owners: &[&str]) -> AccessFacts {
    let scope = ArmId::new(SUBSCRIPTION);
    let role =
        ArmId::new(&format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{}", builtin::OWNER));
    let assignment = |user: &&str| Assignment {
        id: ArmId::new(&format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments/{user}")),
        scope: scope.clone(),
        role: role.clone(),
        principal: Principal { id: (*user).to_owned(), kind: "User".to_owned() },
        condition: None,
        created_on: None,
        description: None,
    };
    let place = |facet: Facet| if facet.is_of_directory() { ArmId::new("/") } else { scope.clone() };
    AccessFacts {
        subscriptions: vec![SubscriptionFacts { id: scope.clone(), name: "s".to_owned(), management_group: None }],
        definitions: vec![Definition {
            id: role.clone(),
            name: "Owner".to_owned(),
            kind: DefinitionKind::BuiltIn,
            permissions: vec![Permission { actions: vec!["*".to_owned()], ..Permission::default() }],
            assignable_scopes: vec![ArmId::new("/")],
        }],
        assignments: owners.iter().map(assignment).collect(),
        coverage: Facet::ALL.into_iter().map(|facet| Coverage::read(place(facet), facet, 1)).collect(),
        ..AccessFacts::new(read_at)
    }
}

/// A run of `contoso` that began at a second, kept as such.
pub(crate) async fn run(deps: &Deps, id: &str, second: i64) -> Run {
    let at = Timestamp::from_second(second).unwrap();
    let run = Run::new(id.to_owned(), "contoso", Trigger::Timer, Source::Azure, at);
    deps.state().create(&keys::run(id, "contoso"), &run).await.unwrap();
    run
}

/// Takes all messages of a queue: their ids and bodies.
pub(crate) async fn taken(store: &Sqlite, queue: &str) -> Vec<(String, String)> {
    let mut taken = Vec::new();
    loop {
        let deliveries = store.receive(queue, 100, Duration::from_secs(60), Duration::ZERO).await.unwrap();
        if deliveries.is_empty() {
            return taken;
        }
        for delivery in deliveries {
            store.complete(&delivery.lock).await.unwrap();
            taken.push((delivery.id, delivery.body));
        }
    }
}
