use super::*;
use crate::testing::{FixedToken, shared};
use serde_json::{Value, json};
use wiremock::matchers::{body_json, method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const SCOPE: &str = "/subscriptions/s/resourceGroups/rg";
const ROLE: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
const WHO: &str = "11111111-1111-4111-8111-111111111111";

fn new() -> NewRoleAssignment {
    NewRoleAssignment {
        scope: ArmId::new(SCOPE),
        role: ROLE.to_owned(),
        principal: WHO.to_owned(),
        principal_type: Some("User".to_owned()),
        condition: None,
        description: Some("why".to_owned()),
    }
}

fn item(name: &str, scope: &str) -> Value {
    json!({"id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"), "properties": {
        "scope": scope, "principalId": WHO, "principalType": "User",
        "roleDefinitionId": format!("/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{ROLE}")}})
}

struct Azure(MockServer);

impl Azure {
    async fn start() -> Self {
        Self(MockServer::start().await)
    }

    fn roles(&self) -> RoleAssignments {
        RoleAssignments::new(shared(&self.0.uri(), Arc::<FixedToken>::default()))
    }

    /// What every request of this kind is answered with.
    async fn answers(&self, verb: &str, answer: ResponseTemplate) {
        Mock::given(method(verb)).respond_with(answer).mount(&self.0).await;
    }

    async fn asked(&self) -> Vec<Request> {
        self.0.received_requests().await.unwrap()
    }
}

fn refusal(status: u16, code: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"error": {"code": code, "message": message}}))
}

#[tokio::test]
async fn an_assignment_is_put_under_a_name_that_follows_from_it() {
    let azure = Azure::start().await;
    let id = new().id();
    let body = json!({"properties": {
        "roleDefinitionId": format!("/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{ROLE}"),
        "principalId": WHO, "principalType": "User", "description": "why"}});
    Mock::given(method("PUT"))
        .and(path(id.as_str()))
        .and(query_param("api-version", "2022-04-01"))
        .and(body_json(body))
        .respond_with(ResponseTemplate::new(201).set_body_json(item(&new().name(), SCOPE)))
        .mount(&azure.0)
        .await;
    assert_eq!(azure.roles().grant(&new()).await, Ok(Granted::Made(id)));
    let louder = NewRoleAssignment { scope: ArmId::new(&SCOPE.to_uppercase()), ..new() };
    assert_eq!(louder.name(), new().name(), "whatever the case");
    let other = NewRoleAssignment { principal: WHO.replace('1', "2"), ..new() };
    assert_ne!(other.name(), new().name());
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again() {
    let azure = Azure::start().await;
    let lost = Mock::given(method("PUT")).respond_with(ResponseTemplate::new(503)).up_to_n_times(2);
    lost.mount(&azure.0).await;
    azure.answers("PUT", ResponseTemplate::new(200).set_body_json(item(&new().name(), SCOPE))).await;
    assert_eq!(azure.roles().grant(&new()).await, Ok(Granted::Made(new().id())));
    let asked = azure.asked().await;
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| request.url == asked[0].url && request.body == asked[0].body));
}

#[tokio::test]
async fn what_is_there_already_is_named() {
    let azure = Azure::start().await;
    let text = "The role assignment already exists. The ID of the existing role assignment is aaaabbbbccccddddeeeeffff00001111.";
    azure.answers("PUT", refusal(409, "RoleAssignmentExists", text)).await;
    let Ok(Granted::Already(id)) = azure.roles().grant(&new()).await else { panic!("it is there") };
    assert_eq!(id, below(&ArmId::new(SCOPE), "roleAssignments", "aaaabbbb-cccc-dddd-eeee-ffff00001111"));
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    for (answer, words) in [
        (refusal(400, "PrincipalNotFound", "Principal x does not exist in the directory y."), "--principal-type"),
        (refusal(403, "AuthorizationFailed", "no"), "Microsoft.Authorization/roleAssignments/write"),
        (refusal(403, "AuthorizationFailed", "no"), "Role Based Access Control Administrator"),
        (refusal(404, "ResourceGroupNotFound", "no"), "no such scope"),
        (refusal(400, "UnmatchedPrincipalType", "has type Group"), "has type Group"),
    ] {
        let azure = Azure::start().await;
        azure.answers("PUT", answer).await;
        let reason = azure.roles().grant(&new()).await.unwrap_err();
        assert!(reason.detail.contains(words), "{reason}");
        assert_eq!(azure.asked().await.len(), 1, "{reason}: once is enough");
    }
}

#[tokio::test]
async fn removing_what_is_not_there_is_no_error() {
    for (answer, removed) in [
        (ResponseTemplate::new(200).set_body_json(item("n", SCOPE)), Removed::Removed),
        (ResponseTemplate::new(204), Removed::WasNotThere),
        (refusal(404, "RoleAssignmentNotFound", "no"), Removed::WasNotThere),
    ] {
        let azure = Azure::start().await;
        azure.answers("DELETE", answer).await;
        assert_eq!(azure.roles().revoke(&new().id()).await, Ok(removed));
    }
    let azure = Azure::start().await;
    azure.answers("DELETE", refusal(403, "AuthorizationFailed", "no")).await;
    let reason = azure.roles().revoke(&new().id()).await.unwrap_err();
    assert!(reason.detail.contains("roleAssignments/delete"), "{reason}");
}

#[tokio::test]
async fn a_list_has_what_is_above_and_below_once_or_nothing() {
    let azure = Azure::start().await;
    let page = |items: &[Value]| ResponseTemplate::new(200).set_body_json(json!({"value": items}));
    Mock::given(query_param("$filter", "atScope()"))
        .respond_with(page(&[item("above", "/"), item("here", SCOPE)]))
        .mount(&azure.0)
        .await;
    let of = Mock::given(query_param("$filter", format!("principalId eq '{WHO}'")));
    of.respond_with(page(&[item("here", SCOPE), json!({"id": "/odd"})])).mount(&azure.0).await;
    azure.answers("GET", page(&[item("here", SCOPE), item("below", &format!("{SCOPE}/providers/p/t/n"))])).await;
    let names = |list: Vec<Assignment>| list.iter().map(|one| one.id.name().to_owned()).collect::<Vec<_>>();
    let (roles, scope) = (azure.roles(), ArmId::new(SCOPE));
    assert_eq!(names(roles.list(&scope, Around::Above).await.unwrap()), ["above", "here"]);
    assert_eq!(names(roles.list(&scope, Around::AboveAndBelow).await.unwrap()), ["above", "here", "below"]);
    let part = roles.list(&scope, Around::Of(WHO)).await.unwrap_err();
    assert_eq!(part.why, Why::Malformed, "a part is not taken for the whole");
    let (seen, unknown) = roles.look(&scope, Around::Of(WHO)).await.unwrap();
    assert_eq!((names(seen), unknown.len()), (vec!["here".to_owned()], 1), "and hides nobody from who only looks");
}
