use super::*;
use crate::arm::Shared;
use crate::classic::ClassicSettings;
use crate::cloud::{Cloud, Endpoints};
use crate::http::Http;
use crate::testing::{FixedToken, page_of};
use poolwarden_domain::delegated::Arguments;
use std::sync::Arc;
use std::time::Duration;
use wiremock::matchers::{body_partial_json, header_exists, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const PATH: &str = "/RdsManagement/V1/Rds.Authorization/roleAssignments";

fn record(id: &str, who: &str) -> Value {
    json!({"roleAssignmentId": id, "scope": "/Default Tenant Group/contoso", "displayName": null, "signInName": who,
        "roleDefinitionName": "RDS Reader", "roleDefinitionId": RdsRole::Reader.id(),
        "objectId": "00000000-0000-0000-0000-000000000000", "objectType": "User", "item": null})
}

fn roles_at(address: &str) -> ClassicRoles {
    let endpoints = Endpoints::of(Cloud::Public).with_classic(address).unwrap();
    let shared = Shared::new(Http::new().unwrap(), Arc::<FixedToken>::default(), endpoints);
    ClassicInventory::over(shared.with_pause(Duration::from_millis(1)), ClassicSettings::default()).roles()
}

fn request() -> Request {
    let text = |text: &str| Some(text.to_owned());
    let arguments = Arguments {
        tenant_name: text("contoso"),
        role_definition_name: text("RDS Reader"),
        sign_in_name: text("Adele@contoso.com"),
        ..Arguments::default()
    };
    arguments.assignment().unwrap()
}

async fn lists(server: &MockServer, items: &Value) {
    Mock::given(method("GET"))
        .and(path(PATH))
        .and(header_exists("x-ms-correlation-id"))
        .respond_with(page_of(items))
        .mount(server)
        .await;
}

async fn posts(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().iter().filter(|one| one.method.as_str() == "POST").count()
}

#[tokio::test]
async fn a_record_that_cannot_be_understood_hides_nobody() {
    let server = MockServer::start().await;
    let mut odd = record("2", "b@contoso.com");
    odd["scope"] = json!("/a/b/c/d/e");
    let mut contradicting = record("3", "c@contoso.com");
    contradicting["roleDefinitionId"] = json!(RdsRole::Owner.id());
    lists(&server, &json!([record("1", "a@contoso.com"), odd, contradicting])).await;
    let read = roles_at(&server.uri()).list(None).await.unwrap();
    let ids: Vec<&str> = read.assignments.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["1", "3"]);
    assert_eq!((read.assignments[1].role, read.assignments[1].contradictions.len()), (RdsRole::Owner, 1));
    assert_eq!(read.unknown.len(), 1);
    assert!(read.unknown[0].reason.detail.contains("role assignment 2"), "{:?}", read.unknown);
    assert!(roles_at(&server.uri()).whole().await.is_err(), "a part is not the whole");
}

#[tokio::test]
async fn pages_are_followed_by_the_last_id() {
    let server = MockServer::start().await;
    let first: Vec<Value> = (0..PAGE_SIZE).map(|number| record(&format!("{number:04}"), "a@contoso.com")).collect();
    let last = format!("{:04}", PAGE_SIZE - 1);
    Mock::given(query_param("LastEntry", last))
        .respond_with(page_of(&json!([record("x", "b@b")])))
        .mount(&server)
        .await;
    Mock::given(query_param("LastEntry", "")).respond_with(page_of(&json!(first))).mount(&server).await;
    assert_eq!(roles_at(&server.uri()).whole().await.unwrap().len(), PAGE_SIZE + 1);
}

#[tokio::test]
async fn what_is_there_is_not_made_again() {
    let server = MockServer::start().await;
    lists(&server, &json!([record("1", "adele@contoso.com")])).await;
    assert_eq!(roles_at(&server.uri()).grant(&request(), &[]).await, Ok(RdsChanged::AlreadySo));
    assert_eq!(posts(&server).await, 0);
}

#[tokio::test]
async fn an_assignment_is_posted_with_all_that_names_it() {
    let server = MockServer::start().await;
    lists(&server, &json!([])).await;
    let wanted = json!({"scope": "/Default Tenant Group/contoso", "tenantGroupName": "Default Tenant Group",
        "tenantName": "contoso", "roleDefinitionName": "RDS Reader", "signInName": "Adele@contoso.com"});
    Mock::given(method("POST"))
        .and(path(PATH))
        .and(body_partial_json(wanted))
        .respond_with(ResponseTemplate::new(201).set_body_json(record("7", "Adele@contoso.com")))
        .mount(&server)
        .await;
    let made = roles_at(&server.uri()).grant(&request(), &[]).await.unwrap();
    assert!(matches!(made, RdsChanged::Done(one) if one.id == "7"));
}

#[tokio::test]
async fn after_a_lost_answer_it_looks_before_it_asks_again() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(page_of(&json!([]))).up_to_n_times(1).mount(&server).await;
    lists(&server, &json!([record("7", "adele@contoso.com")])).await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(503)).mount(&server).await;
    let made = roles_at(&server.uri()).grant(&request(), &[]).await.unwrap();
    assert!(matches!(made, RdsChanged::Done(one) if one.id == "7"), "it was done all the same");
    assert_eq!(posts(&server).await, 1, "and not twice");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_a_lost_one() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(page_of(&json!([]))).up_to_n_times(1).mount(&server).await;
    lists(&server, &json!([record("7", "adele@contoso.com")])).await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(201)).mount(&server).await;
    let made = roles_at(&server.uri()).grant(&request(), &[]).await.unwrap();
    assert!(matches!(made, RdsChanged::Done(one) if one.id == "7"));
    assert_eq!(posts(&server).await, 1, "it was not sent twice");
}

#[tokio::test]
async fn of_diagnostics_only_what_is_new_was_made() {
    let server = MockServer::start().await;
    let old = record("1", "adele@contoso.com");
    Mock::given(method("GET")).respond_with(page_of(&json!([old]))).up_to_n_times(1).mount(&server).await;
    lists(&server, &json!([old, record("7", "adele@contoso.com")])).await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(503)).mount(&server).await;
    let request = Request { diagnostics: true, ..request() };
    let made = roles_at(&server.uri()).grant(&request, &[]).await.unwrap();
    assert!(matches!(made, RdsChanged::Done(one) if one.id == "7"), "the old one may be of the whole tenant");
    assert_eq!(posts(&server).await, 1);
}

#[tokio::test]
async fn removing_what_is_gone_is_no_error_and_retired_is_said() {
    let server = MockServer::start().await;
    let one = read(&record("a/1", "a@b")).unwrap();
    Mock::given(method("DELETE")).respond_with(ResponseTemplate::new(404)).up_to_n_times(1).mount(&server).await;
    Mock::given(method("DELETE"))
        .and(path(format!("{PATH}/a%2F1")))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let roles = roles_at(&server.uri());
    assert_eq!(roles.revoke(&one).await, Ok(RdsChanged::AlreadySo));
    assert_eq!(roles.revoke(&one).await, Ok(RdsChanged::Done(one)));
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(410)).mount(&server).await;
    assert_eq!(roles.list(None).await.unwrap_err().why, Why::Retired);
}

#[test]
fn files_hold_one_or_many_in_either_case() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let shell = record("2", "b@contoso.com").to_string().replace("\"role", "\"Role").replace("\"scope", "\"Scope");
    write("one.json", &shell);
    write("many.json", &json!([record("1", "a@contoso.com"), {"roleDefinitionName": "Boss"}]).to_string());
    write("again.json", &json!({"value": [record("1", "a@contoso.com")], "Count": 1}).to_string());
    write("tenants.json", r#"[{"tenantName": "contoso"}]"#);
    write("broken.json", "[");
    let read = read_rds_files(folder.path()).unwrap();
    let ids: std::collections::BTreeSet<&str> = read.assignments.iter().map(|one| one.id.as_str()).collect();
    assert_eq!((read.assignments.len(), ids), (2, ["1", "2"].into()));
    assert_eq!(read.unknown.len(), 1, "{:?}", read.unknown);
    assert!(read.unknown[0].reason.detail.contains("many.json"));
    assert_eq!(read.ignored.len(), 2, "{:?}", read.ignored);
    let one = read_rds_files(&folder.path().join("one.json")).unwrap();
    assert_eq!(one.assignments.len(), 1);
    assert!(read_rds_files(&folder.path().join("none")).is_err());
}
