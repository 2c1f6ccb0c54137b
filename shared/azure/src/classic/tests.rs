use super::lists::{PAGE_SIZE, PAGES};
use super::*;
use crate::cloud::Cloud;
use crate::testing::{FixedToken, page_of};
use poolwarden_domain::discovery::discover;
use poolwarden_domain::policy::Policy;
use poolwarden_domain::published::published;
use poolwarden_domain::snapshot::PoolSnapshot;
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::matchers::{header_exists, method, path, query_param};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const TENANTS: &str = "/RdsManagement/V1/TenantGroups/Default%20Tenant%20Group/Tenants";
const TENANT: &str = "/classic/RdsManagement/tenantGroups/Default Tenant Group/tenants/contoso";

struct Service(MockServer);

impl Service {
    async fn start() -> Self {
        Self(MockServer::start().await)
    }

    /// One tenant with the answers of `fixtures/classic/rest`.
    async fn of_contoso() -> Self {
        let service = Self::start().await;
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/classic/rest");
        for (of, file) in [
            ("", "tenants"),
            ("/contoso/HostPools", "host-pools"),
            ("/contoso/HostPools/Sales%20pool/AppGroups", "sales-groups"),
            ("/contoso/HostPools/Sales%20pool/SessionHosts", "sales-session-hosts"),
            ("/contoso/HostPools/Sales%20pool/AppGroups/Desktop%20Application%20Group/AssignedUsers", "users"),
            ("/contoso/HostPools/Sales%20pool/AppGroups/Desktop%20Application%20Group/Desktop", "desktop"),
            ("/contoso/HostPools/Sales%20pool/AppGroups/Office/AssignedUsers", "no-users"),
            ("/contoso/HostPools/Sales%20pool/AppGroups/Office/RemoteApps", "office-apps"),
        ] {
            let body = std::fs::read_to_string(format!("{folder}/{file}.json")).unwrap();
            service.answer(of, ResponseTemplate::new(200).set_body_string(body)).await;
        }
        service
    }

    /// `of` comes after the tenants of the default tenant group.
    async fn answer(&self, of: &str, answer: impl Respond + 'static) {
        let mock = Mock::given(method("GET")).and(path(format!("{TENANTS}{of}")));
        mock.and(header_exists("x-ms-correlation-id")).respond_with(answer).mount(&self.0).await;
    }

    async fn list(&self, of: &str, items: Value) {
        self.answer(of, page_of(&items)).await;
    }

    fn inventory(&self, tenants: &[&str]) -> ClassicInventory {
        inventory_at(&self.0.uri(), tenants)
    }

    async fn asked(&self) -> usize {
        self.0.received_requests().await.unwrap().len()
    }
}

fn inventory_at(address: &str, tenants: &[&str]) -> ClassicInventory {
    let endpoints = Endpoints::of(Cloud::Public).with_classic(address).unwrap();
    let shared = Shared::new(Http::new().unwrap(), Arc::<FixedToken>::default(), endpoints);
    let tenants = tenants.iter().map(|&tenant| tenant.to_owned()).collect();
    let settings = ClassicSettings { tenants, ..ClassicSettings::default() };
    ClassicInventory::over(shared.with_pause(Duration::from_millis(1)), settings)
}

fn scopes(estate: &Estate) -> Vec<(&str, Why)> {
    let short = |scope: &'_ ArmId| scope.as_str().strip_prefix(TENANT).map_or(0, |_| TENANT.len());
    estate.unknown.iter().map(|dark| (&dark.scope.as_str()[short(&dark.scope)..], dark.reason.why)).collect()
}

fn pool() -> ArmId {
    ArmId::new(&format!("{TENANT}/hostPools/Sales pool"))
}

fn group(name: &str) -> ArmId {
    classic::below(&pool(), "applicationGroups", name).unwrap()
}

fn tenants(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "tenantName": name })).collect()
}

#[tokio::test]
async fn an_estate_of_the_classic_service_is_one_like_any_other() {
    let service = Service::of_contoso().await;
    let inventory = service.inventory(&[]);
    let estate = inventory.estate().await.unwrap();
    let session_hosts: Vec<_> = estate.session_hosts.iter().collect();
    let shown = serde_json::to_string_pretty(&json!({
        "host_pools": estate.host_pools, "groups": estate.application_groups, "workspaces": estate.workspaces,
        "session_hosts": session_hosts, "role_assignments": estate.role_assignments, "unknown": estate.unknown,
    }));
    let shown = shown.unwrap();
    assert!(!shown.contains("hush"), "no secret of the answers is kept");
    insta::assert_snapshot!(shown);
    assert_eq!(inventory.requests(), Requests { feed: 6, ..Requests::default() });
    assert_eq!(inventory.handle().requests(), Requests::default(), "another handle counts for itself");
    assert_eq!(inventory.clone().requests(), inventory.requests());
}

#[tokio::test]
async fn what_is_in_the_groups_is_published_without_links() {
    let service = Service::of_contoso().await;
    let inventory = service.inventory(&["CONTOSO"]);
    let facts = discover(inventory.estate().await.unwrap(), &[]).pools.remove(0);
    let mut answers = Vec::new();
    for group in &facts.groups {
        let listing = inventory.listing(&group.group.id, group.group.kind, &[]).await.unwrap().unwrap();
        answers.push((group.group.id.clone(), Ok(Some(listing.resources))));
    }
    let (snapshot, unknown) = PoolSnapshot::observe(facts, answers, None, Timestamp::UNIX_EPOCH);
    assert_eq!(unknown, []);
    let published = published(&snapshot, &Policy::default());
    insta::assert_json_snapshot!((
        published.packages.into_values().map(|content| json!({
            "name": content.display_name, "kind": content.kind, "resource": content.resource,
            "workspace": content.workspace.name, "program": content.program, "launch": content.launch,
            "entitled": content.entitlements.map(|all| all.into_iter().map(|one| one.principal.id).collect::<Vec<_>>()),
        })).collect::<Vec<_>>(),
        published.not_published,
    ));
}

#[tokio::test]
async fn a_list_that_cannot_be_read_leaves_in_the_dark_what_it_may_hold() {
    let service = Service::start().await;
    service.list("", tenants(&["contoso", "closed"])).await;
    service.answer("/closed/HostPools", ResponseTemplate::new(403)).await;
    service
        .list("/contoso/HostPools", json!([{"hostPoolName": "a"}, {"hostPoolName": "b"}, {"hostPoolName": 7}]))
        .await;
    service.answer("/contoso/HostPools/a/AppGroups", ResponseTemplate::new(404)).await;
    service.answer("/contoso/HostPools/a/SessionHosts", ResponseTemplate::new(403)).await;
    let groups = json!([{"appGroupName": "g", "resourceType": 0}, {"appGroupName": "odd", "resourceType": "Cloud"}]);
    service.list("/contoso/HostPools/b/AppGroups", groups).await;
    service.list("/contoso/HostPools/b/SessionHosts", json!([])).await;
    service.answer("/contoso/HostPools/b/AppGroups/g/AssignedUsers", ResponseTemplate::new(403)).await;
    let estate = service.inventory(&[]).estate().await.unwrap();
    let closed = TENANT.replace("contoso", "closed");
    assert_eq!(
        scopes(&estate),
        [
            ("", Why::Malformed),
            ("/hostPools/a", Why::Failed),
            ("/hostPools/a/sessionHosts", Why::Forbidden),
            ("/hostPools/b/applicationGroups/odd", Why::Malformed),
            ("/hostPools/b/applicationGroups/g/assignedUsers", Why::Forbidden),
            (closed.as_str(), Why::Forbidden),
        ]
    );
    assert!(estate.unknown[5].reason.detail.contains("grant RDS Reader on"), "{}", estate.unknown[5].reason);
    let found = discover(estate, &[]);
    let of = |name: &str| found.pools.iter().find(|facts| facts.pool.id.name() == name).unwrap();
    assert_eq!((of("a").session_hosts, of("b").session_hosts), (None, Some(0)));
    assert_eq!(of("b").groups[0].entitlements, None, "nobody can say, which is not nobody");
    assert_eq!(of("b").unknown.len(), 2, "the pool may have the group that cannot be understood");
}

#[tokio::test]
async fn names_lead_nowhere_else_whatever_they_are() {
    let service = Service::start().await;
    service.list("", tenants(&["contoso"])).await;
    let hostile = ["a/../b", "100 %", "x?y#z", "..", ".", "", "SessionHosts"];
    let pools: Value = hostile.iter().map(|name| json!({ "hostPoolName": name })).collect();
    service.list("/contoso/HostPools", pools).await;
    let estate = service.inventory(&[]).estate().await.unwrap();
    let names: Vec<_> = estate.host_pools.iter().map(|pool| pool.id.name()).collect();
    assert_eq!(names, ["a%2F..%2Fb", "100 %25", "x?y#z", "SessionHosts"]);
    let called: Vec<_> = estate.host_pools.iter().map(|pool| pool.friendly_name.as_deref()).collect();
    assert_eq!(called, [Some("a/../b"), Some("100 %"), None, None]);
    let asked: Vec<String> =
        service.0.received_requests().await.unwrap().iter().map(|asked| asked.url.path().to_owned()).collect();
    assert!(asked.iter().all(|path| path == TENANTS || path.starts_with(&format!("{TENANTS}/contoso/HostPools"))));
    for part in ["a%2F..%2Fb/AppGroups", "100%20%25/AppGroups", "x%3Fy%23z/AppGroups", "SessionHosts/SessionHosts"] {
        assert!(asked.iter().any(|path| path.ends_with(part)), "{part} in {asked:?}");
    }
}

/// Answers page after page, each after the last entry of the one before; `wild` answers the rest.
struct Pages {
    names: Vec<String>,
    wild: bool,
}

impl Respond for Pages {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let last = request.url.query_pairs().find(|(key, _)| key == "LastEntry").unwrap().1.into_owned();
        let start = self.names.iter().position(|name| *name == last).map_or(0, |at| at + 1);
        let start = if self.wild || last.is_empty() { 0 } else { start };
        let page = self.names.iter().skip(start).take(PAGE_SIZE);
        page_of(&page.map(|name| json!({ "remoteAppName": name })).collect())
    }
}

async fn listing(pages: Pages) -> (Listing, usize) {
    let service = Service::start().await;
    let of = "/contoso/HostPools/Sales%20pool/AppGroups/g/RemoteApps";
    service.answer(of, pages).await;
    let listing = service.inventory(&[]).listing(&group("g"), ResourceKind::RemoteApp, &[]).await.unwrap().unwrap();
    (listing, service.asked().await)
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("app {number:06}")).collect()
}

#[tokio::test]
async fn lists_are_read_to_their_end_by_the_last_entry() {
    for (count, pages) in [(PAGE_SIZE - 1, 1), (PAGE_SIZE, 2), (2 * PAGE_SIZE + 1, 3)] {
        let (listing, asked) = listing(Pages { names: names(count), wild: false }).await;
        assert_eq!((listing.resources.len(), listing.unknown.len(), asked), (count, 0, pages));
    }
}

#[tokio::test]
async fn pages_that_repeat_or_never_end_make_the_scope_unknown() {
    let (repeating, asked) = listing(Pages { names: names(PAGE_SIZE), wild: true }).await;
    assert_eq!((repeating.resources.len(), asked), (PAGE_SIZE, 2));
    assert_eq!((repeating.unknown[0].scope.clone(), repeating.unknown[0].reason.why), (group("g"), Why::Malformed));

    let mut nameless = names(PAGE_SIZE);
    nameless[PAGE_SIZE - 1] = String::new();
    let (cut_off, asked) = listing(Pages { names: nameless, wild: false }).await;
    assert_eq!((cut_off.resources.len(), cut_off.unknown.len(), asked), (PAGE_SIZE - 1, 2, 1));

    let (endless, asked) = listing(Pages { names: names((PAGES + 1) * PAGE_SIZE), wild: false }).await;
    assert_eq!((endless.resources.len(), asked), (PAGES * PAGE_SIZE, PAGES));
    assert_eq!(endless.unknown[0].reason.why, Why::TooLarge);
}

#[tokio::test]
async fn a_service_that_asks_to_wait_is_waited_for() {
    let service = Service::start().await;
    let busy = Mock::given(method("GET")).and(path(TENANTS)).and(query_param("PageSize", "1000"));
    let busy = busy.respond_with(ResponseTemplate::new(429).insert_header("retry-after", "0")).up_to_n_times(2);
    busy.mount(&service.0).await;
    service.list("", tenants(&["contoso"])).await;
    service.list("/contoso/HostPools", json!([])).await;
    let inventory = service.inventory(&[]);
    assert_eq!(scopes(&inventory.estate().await.unwrap()), []);
    assert_eq!(inventory.requests(), Requests { feed: 4, throttled: 2, ..Requests::default() });
}

#[tokio::test]
async fn a_retired_service_says_so_and_that_the_packages_are_kept() {
    let gone = Service::start().await;
    gone.answer("", ResponseTemplate::new(410).set_body_string("the service was retired")).await;
    let not_found = Service::start().await;
    let refused = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for inventory in [gone.inventory(&[]), not_found.inventory(&["contoso"]), inventory_at(&refused, &[])] {
        let reason = inventory.estate().await.unwrap_err();
        let text = reason.to_string();
        assert_eq!(reason.why, Why::Retired, "{text}");
        assert!(text.starts_with("retired since 2026-09-30: the tenants of /classic/RdsManagement"), "{text}");
        assert!(text.contains("packages are kept") && text.contains("`poolwarden classic successors`"), "{text}");
    }
    assert_eq!(gone.asked().await, 1, "no use in asking again");
}

#[tokio::test]
async fn other_failures_are_not_taken_for_the_end_of_the_service() {
    for (status, why) in [(403, Why::Forbidden), (500, Why::Failed), (302, Why::Failed)] {
        let service = Service::start().await;
        service.answer("", ResponseTemplate::new(status)).await;
        assert_eq!(service.inventory(&[]).estate().await.unwrap_err().why, why);
    }
    for garbage in
        ["<html>", "{\"tenantName\": \"t\", \"ssoClientSecret\": \"hush\"}", "[{\"ssoClientSecret\": \"hush\""]
    {
        let service = Service::start().await;
        service.answer("", ResponseTemplate::new(200).set_body_string(garbage)).await;
        let reason = service.inventory(&[]).estate().await.unwrap_err();
        assert_eq!(reason.why, Why::Malformed);
        assert!(!reason.to_string().contains("hush"), "{reason}");
    }
}

#[tokio::test]
async fn seeing_no_tenant_is_no_empty_estate() {
    let service = Service::start().await;
    service.list("", json!([])).await;
    assert_eq!(service.inventory(&[]).estate().await.unwrap_err().why, Why::Forbidden);
    let estate = service.inventory(&["contoso"]).estate().await.unwrap();
    assert_eq!(scopes(&estate), [("", Why::Forbidden)]);
}

#[tokio::test]
async fn not_found_counts_only_while_the_tenant_is_seen() {
    let service = Service::start().await;
    service.list("", tenants(&["contoso"])).await;
    let inventory = service.inventory(&[]);
    assert_eq!(inventory.host_pool(&pool()).await, Ok(None));
    assert_eq!(inventory.listing(&group("g"), ResourceKind::RemoteApp, &[]).await, Ok(None));
    assert_eq!(inventory.listing(&group("g"), ResourceKind::Desktop, &[]).await, Ok(None));

    let dying = Service::start().await;
    let inventory = dying.inventory(&[]);
    assert_eq!(inventory.host_pool(&pool()).await.unwrap_err().why, Why::Missing);
    assert_eq!(inventory.listing(&group("g"), ResourceKind::RemoteApp, &[]).await.unwrap_err().why, Why::Missing);
    let wanted = WantedPool { id: pool(), groups: vec![] };
    service.list("/contoso/HostPools", json!([])).await;
    let part = service.inventory(&[]).part(&[wanted]).await.unwrap();
    assert_eq!((part.host_pools.len(), scopes(&part)), (0, vec![]), "it does not exist");
}

#[tokio::test]
async fn single_things_are_read_by_their_ids() {
    let service = Service::of_contoso().await;
    let pool_itself = json!({"hostPoolName": "Sales pool", "persistent": true});
    service.list("/contoso/HostPools/Sales%20pool", pool_itself).await;
    service.list("/contoso/HostPools/Sales%20pool/AppGroups/Office", json!({"resourceType": "RemoteApp"})).await;
    service.list("/contoso/HostPools/Empty/AppGroups", json!([])).await;
    let inventory = service.inventory(&[]);
    let found = inventory.host_pool(&pool()).await.unwrap().unwrap();
    assert_eq!((found.id, found.host_pool_type.as_deref()), (pool(), Some("Personal")));
    let found = inventory.application_group(&group("Office")).await.unwrap().unwrap();
    assert_eq!((found.kind, found.host_pool), (ResourceKind::RemoteApp, pool()));
    let of_tenant = inventory.workspace_groups(&ArmId::new(TENANT)).await.unwrap().unwrap();
    assert_eq!(of_tenant, [group("Desktop Application Group"), group("Office")]);
    assert_eq!(inventory.changes("s", Timestamp::UNIX_EPOCH).await.unwrap_err().why, Why::Missing);
}
