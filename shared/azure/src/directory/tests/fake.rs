//! A small Microsoft Graph: objects, memberships with delta queries, batches, and faults on demand.

use crate::cloud::{Cloud, Endpoints};
use crate::directory::{DirectoryMemory, DirectoryRead, DirectoryReader, GraphDirectory, Wanted};
use crate::http::Http;
use crate::testing::FixedToken;
use crate::{Shared, sign_in::Credentials};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// Members that one page of a delta query tells of.
const DELTA_PAGE: usize = 2;

/// The id of the directory with this number.
pub(super) fn id(number: u32) -> String {
    format!("{number:08}-0000-4000-8000-000000000000")
}

/// What happens to requests whose path begins so.
#[derive(Clone)]
pub(super) struct Fault {
    pub(super) path: &'static str,
    pub(super) status: u16,
    pub(super) times: usize,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) objects: BTreeMap<String, Value>,
    pub(super) members: BTreeMap<String, Vec<String>>,
    pub(super) lists: BTreeMap<String, Vec<Value>>,
    pub(super) applications: Vec<Value>,
    pub(super) faults: Vec<Fault>,
    /// Paths that were asked for, those within batches too.
    pub(super) log: Vec<String>,
    /// Memberships as they came and went: group, member, whether it came.
    changes: Vec<(String, String, bool)>,
    pub(super) ignores_select: bool,
    pub(super) uri: String,
}

#[derive(Clone, Default)]
pub(super) struct Fake(pub(super) Arc<Mutex<State>>);

type Answer = (u16, Value);

fn list(value: &[Value]) -> Answer {
    (200, json!({ "value": value }))
}

fn error(status: u16) -> Answer {
    (status, json!({"error": {"code": "Code", "message": "words"}}))
}

fn select(object: &Value, query: &BTreeMap<String, String>) -> Value {
    let Some(names) = query.get("$select") else { return object.clone() };
    let is_wanted = |name: &str| name.starts_with('@') || names.split(',').any(|wanted| wanted == name);
    let pairs = object.as_object().unwrap().iter().filter(|(name, _)| is_wanted(name));
    Value::Object(pairs.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
}

/// `property in ('a','b')`, `property eq 'a' or property eq 'b'`.
fn filter(text: &str) -> (String, Vec<String>) {
    let property = text.split(' ').next().unwrap().to_owned();
    let text = text.replace("''", "\u{1}");
    let values = text.split('\'').skip(1).step_by(2).map(|value| value.replace('\u{1}', "'")).collect();
    (property, values)
}

impl State {
    pub(super) fn join(&mut self, group: u32, member: u32) {
        self.members.entry(id(group)).or_default().push(id(member));
        self.changes.push((id(group), id(member), true));
    }

    pub(super) fn leave(&mut self, group: u32, member: u32) {
        self.members.get_mut(&id(group)).unwrap().retain(|one| *one != id(member));
        self.changes.push((id(group), id(member), false));
    }

    pub(super) fn add(&mut self, number: u32, kind: &str, more: &Value) {
        let mut object = json!({"@odata.type": format!("#microsoft.graph.{kind}"), "id": id(number), "displayName": format!("{kind} {number}")});
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.objects.insert(id(number), object);
    }

    pub(super) fn user(&mut self, number: u32) {
        self.add(
            number,
            "user",
            &json!({"userPrincipalName": format!("u{number}@x"), "userType": "Member", "accountEnabled": true}),
        );
    }

    pub(super) fn group(&mut self, number: u32, members: &[u32]) {
        self.add(number, "group", &json!({}));
        self.members.entry(id(number)).or_default();
        for member in members {
            self.join(number, *member);
        }
    }

    pub(super) fn service_principal(&mut self, number: u32, app: u32) {
        self.add(
            number,
            "servicePrincipal",
            &json!({"appId": id(app), "servicePrincipalType": "Application", "accountEnabled": true}),
        );
    }

    pub(super) fn fault(&mut self, path: &'static str, status: u16, times: usize) {
        self.faults.push(Fault { path, status, times });
    }

    fn of_kind(&self, kind: &str) -> Vec<Value> {
        let is_one = |object: &&Value| object["@odata.type"] == format!("#microsoft.graph.{kind}");
        self.objects.values().filter(is_one).cloned().collect()
    }

    fn filtered(&self, all: &[Value], query: &BTreeMap<String, String>) -> Answer {
        let (property, values) = filter(&query["$filter"]);
        let is_one = |object: &&Value| values.iter().any(|value| object[&property].as_str() == Some(value));
        list(&all.iter().filter(is_one).map(|object| select(object, query)).collect::<Vec<_>>())
    }

    fn get_by_ids(&self, body: &Value, query: &BTreeMap<String, String>) -> Answer {
        let ids = body["ids"].as_array().unwrap();
        assert!(ids.len() <= 1_000);
        let found = ids.iter().filter_map(|id| self.objects.get(id.as_str().unwrap()));
        let short = BTreeMap::from([("$select".to_owned(), "id,displayName,userPrincipalName,appId".to_owned())]);
        list(&found.map(|object| select(object, if self.ignores_select { &short } else { query })).collect::<Vec<_>>())
    }

    /// The first read tells all members, two a page; a later one what has changed since.
    fn delta(&self, query: &BTreeMap<String, String>) -> Answer {
        let token = query.get("$token").cloned().unwrap_or_else(|| {
            let (_, ids) = filter(&query["$filter"]);
            assert!(ids.len() <= 50 && query["$select"].contains("members"));
            format!("{}|all|0", ids.join(","))
        });
        let parts: Vec<&str> = token.split('|').collect();
        let (ids, since, from) = (parts[0], parts[1], parts[2].parse::<usize>().unwrap());
        let groups: Vec<&String> = self.members.keys().filter(|group| ids.contains(*group)).collect();
        let all: Vec<(String, String, bool)> = match since.parse::<usize>() {
            Err(_) => {
                let of = |group: &&String| {
                    self.members[*group].iter().map(|one| ((*group).clone(), one.clone(), true)).collect::<Vec<_>>()
                };
                groups.iter().flat_map(of).collect()
            }
            Ok(since) => self.changes[since..].iter().filter(|(group, ..)| ids.contains(group)).cloned().collect(),
        };
        let mut value: Vec<Value> = Vec::new();
        if since == "all" && from == 0 {
            value.extend(groups.iter().map(|group| json!({"id": group, "displayName": format!("name of {group}")})));
        }
        for (group, member, came) in all.iter().skip(from).take(DELTA_PAGE) {
            let of = self.objects.get(member).map_or(&Value::Null, |object| &object["@odata.type"]);
            let mut change = json!({"@odata.type": of, "id": member});
            if !came {
                change["@removed"] = json!({"reason": "deleted"});
            }
            value.push(json!({"id": group, "members@delta": [change]}));
        }
        let next = from + DELTA_PAGE;
        let link = |token: String| format!("{}/v1.0/groups/delta?$token={}", self.uri, token.replace('|', "%7C"));
        if next < all.len() {
            (200, json!({"value": value, "@odata.nextLink": link(format!("{ids}|{since}|{next}"))}))
        } else {
            (200, json!({"value": value, "@odata.deltaLink": link(format!("{ids}|{}|0", self.changes.len()))}))
        }
    }

    fn answer(&mut self, path: &str, query: &BTreeMap<String, String>, body: &Value) -> Answer {
        self.log.push(format!("{path}{}", if query.contains_key("$token") { "?token" } else { "" }));
        if let Some(fault) = self.faults.iter_mut().find(|fault| fault.times > 0 && path.starts_with(fault.path)) {
            fault.times -= 1;
            return error(fault.status);
        }
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            ["directoryObjects", "getByIds"] => self.get_by_ids(body, query),
            ["groups", "delta"] => self.delta(query),
            ["groups", group, "members", cast @ ..] => match self.members.get(*group) {
                None => error(404),
                Some(members) => {
                    let is_service =
                        |id: &&String| self.objects[*id]["@odata.type"] == "#microsoft.graph.servicePrincipal";
                    let of = members.iter().filter(|id| is_service(id) != cast.is_empty());
                    list(&of.map(|id| json!({"id": id})).collect::<Vec<_>>())
                }
            },
            ["servicePrincipals"] => self.filtered(&self.of_kind("servicePrincipal"), query),
            ["users"] => self.filtered(&self.of_kind("user"), query),
            ["applications"] => self.filtered(&self.applications, query),
            _ => list(self.lists.get(path).map(Vec::as_slice).unwrap_or_default()),
        }
    }
}

fn query_of(url: &url::Url) -> BTreeMap<String, String> {
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

impl Respond for Fake {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let path = request.url.path().strip_prefix("/v1.0").unwrap().to_owned();
        if path != "/$batch" {
            let (status, answer) = state.answer(&path, &query_of(&request.url), &body);
            return ResponseTemplate::new(status).set_body_json(answer);
        }
        let parts = body["requests"].as_array().unwrap();
        assert!(parts.len() <= 20);
        if let Some((status, answer)) =
            state.faults.iter_mut().find(|fault| fault.path == "/$batch" && fault.times > 0).map(|fault| {
                fault.times -= 1;
                error(fault.status)
            })
        {
            return ResponseTemplate::new(status).set_body_json(answer);
        }
        let mut responses: Vec<Value> = parts
            .iter()
            .map(|part| {
                let url = url::Url::parse("http://x").unwrap().join(part["url"].as_str().unwrap()).unwrap();
                let (status, answer) = state.answer(url.path(), &query_of(&url), &Value::Null);
                json!({"id": part["id"], "status": status, "headers": {"retry-after": "1"}, "body": answer})
            })
            .collect();
        responses.reverse();
        ResponseTemplate::new(200).set_body_json(json!({ "responses": responses }))
    }
}

/// A directory to read, and the reader.
pub(super) struct Bench {
    pub(super) fake: Fake,
    pub(super) server: MockServer,
    pub(super) reader: GraphDirectory,
}

impl Bench {
    pub(super) async fn new(fill: impl FnOnce(&mut State)) -> Self {
        let server = MockServer::start().await;
        let fake = Fake::default();
        fake.0.lock().unwrap().uri = server.uri();
        fill(&mut fake.0.lock().unwrap());
        Mock::given(wiremock::matchers::any()).respond_with(fake.clone()).mount(&server).await;
        let reader = reader(&server.uri(), Arc::<FixedToken>::default());
        Self { fake, server, reader }
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.fake.0.lock().unwrap());
    }

    pub(super) async fn read(&self, principals: &[u32]) -> DirectoryRead {
        self.read_on(principals, None).await
    }

    pub(super) async fn read_on(&self, principals: &[u32], memory: Option<&DirectoryMemory>) -> DirectoryRead {
        let principals = principals.iter().map(|number| id(*number)).collect();
        self.reader.read(&Wanted { principals, ..Wanted::default() }, memory).await
    }

    /// What was asked for since the last time.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.fake.0.lock().unwrap().log)
    }
}

pub(super) fn reader(uri: &str, credentials: Arc<dyn Credentials>) -> GraphDirectory {
    let endpoints = Endpoints::of(Cloud::Public).with_graph(uri).unwrap();
    let shared = Shared::new(Http::new().unwrap(), credentials, endpoints);
    GraphDirectory::over(shared.with_pause(Duration::from_millis(1)))
}
