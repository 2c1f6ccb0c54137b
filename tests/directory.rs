//! A tenant's directory, as it is read from Microsoft Graph: all of it once, and what has changed ever after.

use crate::harness::SignedIn;
use poolwarden_azure::{DirectoryMemory, DirectoryRead, DirectoryReader, GraphDirectory, Wanted};
use poolwarden_domain::access::{DirectoryObject, Facet, State, builtin};
use serde_json::{Value, json};
use simulator::{EstateSpec, Options, Running, Simulator};
use std::collections::{BTreeMap, BTreeSet};

const GRAPH: &str = "https://graph.microsoft.com";
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
const NEW_GROUP: &str = "00000888-0000-4000-8000-000000000000";
const NOBODY: &str = "00004711-0000-4000-8000-000000000000";

/// A simulated tenant, and a reader that signs in to it as an application.
struct Tenant {
    azure: Running,
    reader: GraphDirectory,
    wanted: Wanted,
    groups: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Tenant {
    async fn new() -> Self {
        let estate = EstateSpec { page_size: 50, ..EstateSpec::default() };
        let azure = Simulator::start(Options { estate, ..Options::default() }).await.unwrap();
        let SignedIn { http, credentials, endpoints, folder } = SignedIn::at(&azure);
        let reader = GraphDirectory::new(http, credentials, endpoints);
        let (wanted, groups) = (Wanted { posture: true, ..Wanted::default() }, Vec::new());
        let mut tenant = Self { azure, reader, wanted, groups, _folder: folder };
        tenant.ask("PUT", "/_sim/graph/applications", Some(json!({"allow": true}))).await;
        for kind in ["users", "groups", "servicePrincipals"] {
            let ids = tenant.ids(&format!("/v1.0/{kind}?$select=id")).await;
            tenant.wanted.principals.extend(ids.clone());
            if kind == "groups" {
                tenant.groups = ids.into_iter().collect();
            }
        }
        tenant.wanted.app_ids = vec![builtin::AVD_APPLICATION.to_owned()];
        tenant
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let url = if path.starts_with('/') { format!("{}{path}", self.azure.url()) } else { path.to_owned() };
        let request = reqwest::Client::new().request(method.parse().unwrap(), url);
        let request = request.bearer_auth(self.azure.token_for(GRAPH)).header("ConsistencyLevel", "eventual");
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = request.body(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default()
    }

    async fn ids(&self, path: &str) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let page = self.ask("GET", &path, None).await;
            ids.extend(page["value"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
        }
        ids
    }

    /// Who is in the groups, asked for group by group.
    async fn members(&self) -> BTreeMap<String, Vec<String>> {
        let mut all = BTreeMap::new();
        for group in &self.groups {
            let path = format!("/v1.0/groups/{group}/members");
            let mut members = self.ids(&path).await;
            members.extend(self.ids(&format!("{path}/microsoft.graph.servicePrincipal?$count=true")).await);
            all.insert(group.clone(), members.into_iter().collect());
        }
        all
    }

    async fn read(&self, memory: Option<&DirectoryMemory>) -> DirectoryRead {
        self.reader.read(&self.wanted, memory).await
    }

    async fn change(&self, changes: Value) {
        self.ask("POST", "/_sim/graph/change", Some(changes)).await;
    }

    fn faults(&self, faults: &[&str]) {
        self.azure.set_faults(faults.iter().map(|fault| fault.parse().unwrap()).collect());
    }
}

fn unknown(read: &DirectoryRead) -> Vec<Facet> {
    let is_unknown = |state: &State| matches!(state, State::Unknown(_));
    read.coverage.iter().filter(|one| is_unknown(&one.state)).map(|one| one.facet).collect()
}

#[tokio::test]
async fn a_directory_is_read_whole_and_afterwards_by_what_has_changed() {
    let mut tenant = Tenant::new().await;
    tenant.wanted.principals.insert(NOBODY.to_owned());
    let first = tenant.read(None).await;
    assert_eq!(unknown(&first), []);
    assert_eq!(first.directory.missing, BTreeSet::from([NOBODY.to_owned()]));
    assert_eq!(first.directory.members, tenant.members().await);
    let unchanged = tenant.read(Some(&first.memory)).await;
    assert_eq!(unchanged.directory, first.directory);
    assert!(unchanged.requests < first.requests, "{} {}", unchanged.requests, first.requests);

    let of_kind = |kind: &str| {
        let mut objects = first.directory.objects.iter().rev();
        objects.find(|(_, object)| object.kind() == kind).unwrap().0.clone()
    };
    let (person, application) = (of_kind("User"), of_kind("ServicePrincipal"));
    let (one, other, third) = (&tenant.groups[0], &tenant.groups[1], &tenant.groups[2]);
    let gone = first.directory.members[one][0].clone();
    let graph = builtin::MICROSOFT_GRAPH;
    tenant
        .change(json!([
            {"op": "add_member", "group": other, "member": application},
            {"op": "add_group", "id": NEW_GROUP, "displayName": "New", "members": [person]},
            {"op": "add_member", "group": third, "member": NEW_GROUP},
            {"op": "update", "id": person, "fields": {"accountEnabled": false}},
            {"op": "grant_app_role", "principal": application, "resource": graph, "value": "Directory.ReadWrite.All"},
            {"op": "assign_role", "role": GLOBAL_ADMINISTRATOR, "principal": person},
            {"op": "delete", "id": gone},
        ]))
        .await;
    tenant.groups.push(NEW_GROUP.to_owned());
    let changed = tenant.read(Some(&unchanged.memory)).await;
    assert_eq!(unknown(&changed), []);
    assert_eq!(changed.directory.members, tenant.members().await);
    assert!(changed.directory.missing.contains(&gone));
    assert!(matches!(changed.directory.objects[&person], DirectoryObject::User { enabled: Some(false), .. }));
    assert_eq!(changed.directory.app_roles[0].value.as_deref(), Some("Directory.ReadWrite.All"));
    assert_eq!(changed.directory.roles[0].standing, [person]);
    assert_eq!(tenant.read(None).await.directory, changed.directory, "reading anew finds the same");
}

#[tokio::test]
async fn faults_of_microsoft_graph_lose_nothing() {
    let tenant = Tenant::new().await;
    let calm = tenant.read(None).await;
    tenant.ask("POST", "/_sim/graph/forget-deltas", Some(json!({}))).await;
    assert_eq!(tenant.read(Some(&calm.memory)).await.directory, calm.directory, "links that are forgotten");
    for faults in ["503:rate=0.1", "403:path=groups/delta", "429:rate=0.1,retry_after=1"] {
        tenant.faults(&[faults]);
        let read = tenant.read(None).await;
        assert_eq!((unknown(&read), &read.directory), (vec![], &calm.directory), "{faults}");
    }
}

#[tokio::test]
async fn what_may_not_be_read_is_unknown_and_never_empty() {
    let tenant = Tenant::new().await;
    let calm = tenant.read(None).await;
    for (path, facet) in [
        ("getbyids", Facet::Principals),
        ("/owners", Facet::Owners),
        ("/approleassignments", Facet::AppRoleAssignments),
        ("/oauth2permissiongrants", Facet::DelegatedGrants),
        ("organization", Facet::Organization),
        ("/groups/", Facet::GroupMembers),
    ] {
        tenant.faults(&[&format!("403:path={path}")]);
        let read = tenant.read(Some(&calm.memory)).await;
        assert!(unknown(&read).contains(&facet), "{path}: {:?}", unknown(&read));
        assert!(read.directory.missing.is_empty(), "{path}");
    }
    tenant.faults(&[]);
    tenant.change(json!([{"op": "hide_members", "group": tenant.groups[0], "hidden": true}])).await;
    let read = tenant.read(Some(&calm.memory)).await;
    assert_eq!(unknown(&read), [Facet::GroupMembers]);
    assert_eq!(read.directory.opaque_groups, BTreeSet::from([tenant.groups[0].clone()]));
}
