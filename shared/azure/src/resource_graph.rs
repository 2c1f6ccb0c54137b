//! Azure Resource Graph: an estate in four queries. The queries are beside this file, in `queries/`.
//!
//! It leaves out silently what the caller may not read, and it lags behind by seconds to minutes; what follows from
//! that is [`crate::azure_inventory`]'s.

use crate::arm::{Arm, Call, json};
use crate::listing::{Item, Listed, PAGES, read_items};
use crate::throttle::{Kind, Meter};
use crate::versions::{AUTHORIZATION_SCOPE_FILTER, RESOURCE_GRAPH, RESOURCE_GRAPH_SUBSCRIPTIONS, RESOURCE_GRAPH_TOP};
use crate::wire;
use bytes::Bytes;
use poolwarden_domain::estate::{ApplicationGroup, HostPool, RoleAssignment, RoleDefinition, Workspace};
use poolwarden_domain::{ArmId, Reading, Unreadable, Why};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;

const ESTATE: &str = include_str!("queries/estate.kql");
const SESSION_HOSTS: &str = include_str!("queries/session_hosts.kql");
const CUSTOM_ROLES: &str = include_str!("queries/custom_roles.kql");
const ROLE_ASSIGNMENTS: &str = include_str!("queries/role_assignments.kql");
/// Where the query on role assignments names the roles.
const ROLES_PLACEHOLDER: &str = "ANY_OF_THE_ROLES";
/// Roles that one query names.
const ROLES_A_QUERY: usize = 100;

/// One row of the estate query.
pub(crate) enum Row {
    HostPool(HostPool),
    Group(ApplicationGroup),
    Workspace(Workspace),
}

/// Where a list would be below a subscription: the scope of a row that does not say whose it is.
const HOSTS: &str = "/providers/Microsoft.DesktopVirtualization/sessionHosts";
const ROLES: &str = "/providers/Microsoft.Authorization/roleDefinitions";
const GRANTS: &str = "/providers/Microsoft.Authorization/roleAssignments";

/// A question: the query, what it asks for, which list below a subscription that would be, and whether grants above
/// the subscriptions belong to the answer.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) query: &'a str,
    pub(crate) what: &'static str,
    pub(crate) list: &'static str,
    pub(crate) with_scopes_above: bool,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    /// `"true"`, as text; a true `true` is understood as well.
    #[serde(borrow, default, rename = "resultTruncated")]
    truncated: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "$skipToken", alias = "skipToken")]
    skip_token: Option<Cow<'a, str>>,
}

impl Arm {
    /// Host pools, application groups and workspaces.
    pub(crate) async fn query_estate(&self, subscriptions: &[String]) -> Reading<Listed<Row>> {
        let question =
            Question { query: ESTATE, what: "the estate in Resource Graph", list: "", with_scopes_above: false };
        self.query(subscriptions, &question, row).await
    }

    /// The number of session hosts of each pool that has any.
    pub(crate) async fn query_session_hosts(&self, subscriptions: &[String]) -> Reading<Listed<(ArmId, u64)>> {
        let question = Question {
            query: SESSION_HOSTS,
            what: "the session hosts in Resource Graph",
            list: HOSTS,
            with_scopes_above: false,
        };
        let mut listed = self.query(subscriptions, &question, host_count).await?;
        // A pool whose hosts cannot be counted is not unknown itself.
        for flaw in &mut listed.flaws {
            if flaw.scope.segment("hostPools").is_some() {
                flaw.scope = ArmId::new(&format!("{}/sessionHosts", flaw.scope));
            }
        }
        Ok(listed)
    }

    /// All custom roles.
    pub(crate) async fn query_custom_roles(&self, subscriptions: &[String]) -> Reading<Listed<RoleDefinition>> {
        let question = Question {
            query: CUSTOM_ROLES,
            what: "the custom roles in Resource Graph",
            list: ROLES,
            with_scopes_above: true,
        };
        self.query(subscriptions, &question, wire::role_definition).await
    }

    /// The assignments of these roles, named by GUID.
    pub(crate) async fn query_assignments(
        &self,
        subscriptions: &[String],
        roles: &[String],
    ) -> Reading<Listed<RoleAssignment>> {
        let mut all = Listed::new();
        for some in roles.chunks(ROLES_A_QUERY) {
            let any: Vec<_> =
                some.iter().map(|role| format!("roleDefinitionId endswith '/{}'", literal(role))).collect();
            let query = ROLE_ASSIGNMENTS.replace(ROLES_PLACEHOLDER, &any.join(" or "));
            let question = Question {
                query: &query,
                what: "the role assignments in Resource Graph",
                list: GRANTS,
                with_scopes_above: true,
            };
            all.append(self.query(subscriptions, &question, wire::role_assignment).await?);
        }
        Ok(all)
    }

    /// Asks, in as many queries as there are subscriptions for.
    pub(crate) async fn query<T>(
        &self,
        subscriptions: &[String],
        question: &Question<'_>,
        read: fn(&RawValue) -> Result<T, String>,
    ) -> Reading<Listed<T>> {
        let mut all = Listed::new();
        for some in subscriptions.chunks(RESOURCE_GRAPH_SUBSCRIPTIONS) {
            let part = self.query_some(some, question, read).await?;
            all.append(part);
        }
        Ok(all)
    }

    async fn query_some<T>(
        &self,
        subscriptions: &[String],
        question: &Question<'_>,
        read: fn(&RawValue) -> Result<T, String>,
    ) -> Reading<Listed<T>> {
        let scope = match subscriptions {
            [one] => ArmId::new(&format!("/subscriptions/{one}")),
            _ => ArmId::new("/subscriptions"),
        };
        let list = ArmId::new(&format!("{scope}{}", question.list));
        let stop = |why, text: &str| Unreadable::new(why, format!("{}: {text}", question.what));
        let (mut listed, mut seen, mut tokens) = (Listed::new(), HashSet::new(), HashSet::new());
        let mut skip_token = None;
        for _ in 0..PAGES {
            let call = Call {
                url: self
                    .shared
                    .endpoints
                    .arm_url("/providers/Microsoft.ResourceGraph/resources", &[("api-version", RESOURCE_GRAPH)]),
                body: Some(body(subscriptions, question, skip_token.as_deref())),
                meter: Meter::new(None, Kind::Query),
                what: question.what,
                scope: scope.clone(),
                role: "Reader",
            };
            let (items, truncated, next) = self
                .ask(&call, |body| read_page(body, read))
                .await?
                .ok_or_else(|| stop(Why::Failed, "404, Resource Graph is not offered here"))?;
            listed.take_in(&mut seen, &list, items);
            match next {
                None if truncated => {
                    listed.stopped =
                        Some(stop(Why::TooLarge, "the answer is cut off, and no way to the rest is given"));
                    return Ok(listed);
                }
                None => return Ok(listed),
                Some(token) if !tokens.insert(token.clone()) => {
                    listed.stopped = Some(stop(Why::Malformed, "its pages go in a circle"));
                    return Ok(listed);
                }
                token => skip_token = token,
            }
        }
        listed.stopped = Some(stop(Why::TooLarge, &format!("it has more than {PAGES} pages")));
        Ok(listed)
    }
}

type PageRead<T> = (Vec<Item<T>>, bool, Option<String>);

fn read_page<T>(body: &[u8], read: fn(&RawValue) -> Result<T, String>) -> Result<PageRead<T>, String> {
    let page: Page<'_> = json(body)?;
    let truncated = page.truncated.is_some_and(|flag| flag.get().trim_matches('"').eq_ignore_ascii_case("true"));
    let next = page.skip_token.filter(|token| !token.is_empty()).map(Cow::into_owned);
    Ok((read_items(&page.data, read), truncated, next))
}

fn body(subscriptions: &[String], question: &Question<'_>, skip_token: Option<&str>) -> Bytes {
    let mut options = serde_json::json!({ "$top": RESOURCE_GRAPH_TOP, "resultFormat": "objectArray" });
    if let Some(token) = skip_token {
        options["$skipToken"] = token.into();
    }
    if question.with_scopes_above {
        options["authorizationScopeFilter"] = AUTHORIZATION_SCOPE_FILTER.into();
    }
    let body = serde_json::json!({ "subscriptions": subscriptions, "query": question.query, "options": options });
    body.to_string().into()
}

/// A role's name inside a query's quotes. Role ids are GUIDs; whatever else one may be, it ends no quote.
fn literal(role: &str) -> String {
    role.chars().filter(|letter| letter.is_alphanumeric() || "-_.".contains(*letter)).collect()
}

fn row(item: &RawValue) -> Result<Row, String> {
    #[derive(Deserialize)]
    struct Type<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
    }
    let kind = serde_json::from_str::<Type<'_>>(item.get()).map_err(|_| "has no type")?.kind.to_ascii_lowercase();
    match kind.rsplit('/').next().unwrap_or_default() {
        "hostpools" => wire::host_pool(item).map(Row::HostPool),
        "applicationgroups" => wire::application_group(item).map(Row::Group),
        "workspaces" => wire::workspace(item).map(Row::Workspace),
        _ => Err("has a type that was not asked for".to_owned()),
    }
}

fn host_count(item: &RawValue) -> Result<(ArmId, u64), String> {
    #[derive(Deserialize)]
    struct Count<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
        hosts: u64,
    }
    let count: Count<'_> = serde_json::from_str(item.get()).map_err(|_| "is no count of session hosts")?;
    let pool = ArmId::new(&count.id);
    if pool.segment("hostPools").is_none() {
        return Err(format!("counts {} session hosts whose ids name no host pool", count.hosts));
    }
    Ok((pool, count.hosts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{arm, page_of};
    use serde_json::{Value, json};
    use wiremock::matchers::{body_partial_json, body_string_contains, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    fn graph() -> wiremock::MockBuilder {
        Mock::given(method("POST")).and(path("/providers/Microsoft.ResourceGraph/resources"))
    }

    fn pool(name: &str) -> Value {
        json!({"id": format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.DesktopVirtualization/hostPools/{name}"),
            "type": "/Microsoft.DesktopVirtualization/hostpools", "location": "weu", "showInFeed": null})
    }

    #[tokio::test]
    async fn pages_are_followed_by_skip_token() {
        let server = MockServer::start().await;
        graph()
            .and(body_partial_json(json!({"options": {"$skipToken": "2", "$top": 1000}, "subscriptions": ["s"]})))
            .respond_with(
                ResponseTemplate::new(200)
                    .set_body_json(json!({"data": [pool("b"), pool("A")], "resultTruncated": "false"})),
            )
            .with_priority(1)
            .mount(&server)
            .await;
        graph()
            .respond_with(ResponseTemplate::new(200).set_body_json(
                json!({"data": [pool("a"), pool("a"), {"id": "/x", "type": "t"}], "resultTruncated": "true", "$skipToken": "2"}),
            ))
            .mount(&server)
            .await;
        let listed = arm(&server).query_estate(&["s".into()]).await.unwrap();
        assert_eq!(listed.items.len(), 2, "ids are the same in every case");
        assert_eq!(listed.flaws.len(), 1);
        assert!(listed.stopped.is_none());
    }

    #[tokio::test]
    async fn a_cut_off_answer_without_a_way_on_is_not_whole() {
        let server = MockServer::start().await;
        for truncated in [json!("true"), json!(true)] {
            server.reset().await;
            let page =
                json!({"data": [{"id": "/subscriptions/s/hostpools/p", "hosts": 3}], "resultTruncated": truncated});
            graph().respond_with(ResponseTemplate::new(200).set_body_json(page)).mount(&server).await;
            let listed = arm(&server).query_session_hosts(&["s".into()]).await.unwrap();
            assert_eq!(listed.items, [(ArmId::new("/subscriptions/s/hostPools/P"), 3)]);
            assert_eq!(listed.stopped.unwrap().why, Why::TooLarge);
        }
    }

    #[tokio::test]
    async fn pages_that_go_in_a_circle_are_left() {
        let server = MockServer::start().await;
        let page = json!({"data": [], "resultTruncated": "true", "$skipToken": "same"});
        graph().respond_with(ResponseTemplate::new(200).set_body_json(page)).mount(&server).await;
        let listed = arm(&server).query_estate(&["s".into()]).await.unwrap();
        assert_eq!(listed.stopped.unwrap().why, Why::Malformed);
        assert_eq!(server.received_requests().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn roles_are_named_in_the_query_and_cannot_break_out_of_it() {
        let server = MockServer::start().await;
        graph()
            .and(body_string_contains("endswith '/1d18' or roleDefinitionId endswith '/xoryz'"))
            .and(body_partial_json(json!({"options": {"authorizationScopeFilter": "AtScopeAboveAndBelow"}})))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"data": []})))
            .mount(&server)
            .await;
        arm(&server).query_assignments(&["s".into()], &["1d18".into(), "x' or 'y' | z".into()]).await.unwrap();
    }

    #[tokio::test]
    async fn many_subscriptions_are_asked_in_parts() {
        let server = MockServer::start().await;
        graph().respond_with(page_of(&json!({"data": []}))).expect(3).mount(&server).await;
        let subscriptions: Vec<_> = (0..2_001).map(|number| number.to_string()).collect();
        arm(&server).query_estate(&subscriptions).await.unwrap();
    }

    #[test]
    fn hosts_without_a_pool_are_a_flaw() {
        let item = serde_json::value::to_raw_value(&json!({"id": "", "hosts": 2})).unwrap();
        assert!(host_count(&item).is_err());
    }
}
