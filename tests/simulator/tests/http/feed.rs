//! The user feed: who sees what, how it changes, and who is turned away.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use simulator::{EstateSpec, Options};

use crate::support::{Azure, options, small, start};

pub(crate) const AUDIENCE: &str = "https://www.wvd.microsoft.com";
pub(crate) const CLASSIC_AUDIENCE: &str = "https://mrs-prod.ame.gbl/mrs-RDInfra-prod";
const DISCOVERY: &str = "/api/arm/feeddiscovery";
const CLASSIC_DISCOVERY: &str = "/api/feeddiscovery/webfeeddiscovery.aspx";

/// A GET as an account; redirects are followed, with the token.
pub(crate) async fn get(azure: &Azure, account: &str, path: &str) -> Response {
    let audience = if path.contains("/api/arm/") { AUDIENCE } else { CLASSIC_AUDIENCE };
    let token = azure.running.user_token(account, audience);
    let url = if path.starts_with("http") { path.to_owned() } else { azure.url(path) };
    let request = azure.http.get(url).bearer_auth(token).header("X-MS-User-Agent", "MSRDC/10.0.0");
    request.header("accept", "application/x-msts-radc+xml;radc_schema_version=2.0,text/xml").send().await.unwrap()
}

/// The values of an attribute of all elements of a name.
pub(crate) fn values(xml: &str, element: &str, attribute: &str) -> Vec<String> {
    xml.split(&format!("<{element} "))
        .skip(1)
        .filter_map(|rest| {
            let head = rest.split('>').next()?;
            let (_, value) = head.split_once(&format!("{attribute}=\""))?;
            Some(unescaped(value.split('"').next()?))
        })
        .collect()
}

fn unescaped(text: &str) -> String {
    [("&#xA;", "\n"), ("&#xD;", "\r"), ("&#x9;", "\t"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The addresses of an account's feeds.
pub(crate) async fn feeds(azure: &Azure, account: &str, discovery: &str) -> Vec<String> {
    let answer = get(azure, account, discovery).await;
    assert_eq!(answer.status(), 200);
    values(&answer.text().await.unwrap(), "TenantFeedURL", "FeedURL")
}

pub(crate) async fn expected(azure: &Azure, account: &str) -> Value {
    azure.sim(Method::GET, &format!("feed/expected?account={account}"), &Value::Null).await.1
}

fn texts(items: &Value, name: &str) -> Vec<String> {
    items.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_is_served_is_what_is_expected() {
    let azure = small().await;
    for account in ["all@contoso.com", "apps@contoso.com", "desktops@contoso.com", "guest@contoso.com"] {
        let truth = expected(&azure, account).await;
        for (model, discovery) in [("arm", DISCOVERY), ("classic", CLASSIC_DISCOVERY)] {
            let feeds = feeds(&azure, account, discovery).await;
            let workspaces = truth[model].as_array().unwrap();
            assert_eq!(feeds.len(), workspaces.len(), "{account} {model}");
            for (feed, workspace) in feeds.iter().zip(workspaces) {
                assert!(feed.starts_with(&azure.running.url()), "the address is whole");
                let xml = get(&azure, account, feed).await.text().await.unwrap();
                let resources = &workspace["resources"];
                assert_eq!(values(&xml, "Resource", "ID"), texts(resources, "id"));
                assert_eq!(values(&xml, "Resource", "Title"), texts(resources, "title"));
                assert_eq!(values(&xml, "Resource", "Type"), texts(resources, "kind"));
                let with_icon = resources.as_array().unwrap().iter().filter(|resource| resource["icon"] == true);
                let beside_associations = xml.matches("<FileAssociationIcons>").count();
                assert_eq!(xml.matches("<IconRaw ").count() - beside_associations, with_icon.count());
                let schema = if model == "arm" { "2.1" } else { "2.0" };
                assert_eq!(values(&xml, "ResourceCollection", "SchemaVersion"), [schema]);
            }
        }
    }
}

#[tokio::test]
async fn the_account_decides_what_is_seen() {
    let azure = small().await;
    let count = async |account: &str| {
        let truth = expected(&azure, account).await;
        let all: Vec<Value> = truth["arm"].as_array().unwrap().clone();
        let resources: Vec<Value> =
            all.iter().flat_map(|workspace| workspace["resources"].as_array().unwrap().clone()).collect();
        let of_kind = |kind: &str| resources.iter().filter(|resource| resource["kind"] == kind).count();
        (all.len(), of_kind("Desktop"), of_kind("RemoteApp"))
    };
    assert_eq!(count("none@contoso.com").await, (0, 0, 0));
    assert_eq!(feeds(&azure, "none@contoso.com", DISCOVERY).await.len(), 0);
    assert_eq!(count("guest@contoso.com").await.0, 1);
    let (_, desktops, apps) = count("apps@contoso.com").await;
    assert!(desktops == 0 && apps > 10);
    let (_, desktops, apps) = count("desktops@contoso.com").await;
    assert!(desktops > 2 && apps == 0);
    assert_eq!(count("cloudpc@contoso.com").await, (1, 2, 0));
}

#[tokio::test]
async fn the_preferred_type_hides_the_other_from_who_may_use_both() {
    let estate = EstateSpec { pools_per_subscription: 7, ..EstateSpec::default() };
    let azure = start(options(estate)).await;
    let truth = expected(&azure, "all@contoso.com").await;
    let resources: Vec<Value> = truth["arm"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|workspace| workspace["resources"].as_array().unwrap().clone())
        .collect();
    let mut preferences = Vec::new();
    for pool in azure.planted("hostPools") {
        let kinds = |kind: &str| {
            resources.iter().filter(|resource| resource["hostPool"] == pool["id"] && resource["kind"] == kind).count()
        };
        let preferred = pool["properties"]["preferredAppGroupType"].as_str().unwrap().to_owned();
        let expected = match preferred.as_str() {
            "Desktop" => (1, 0),
            "RailApplications" => (0, 4),
            _ => (1, 4),
        };
        assert_eq!((kinds("Desktop"), kinds("RemoteApp")), expected, "{preferred}");
        preferences.push(preferred);
    }
    preferences.sort();
    preferences.dedup();
    assert_eq!(preferences, ["Desktop", "None", "RailApplications"]);
}

#[tokio::test]
async fn what_is_hidden_in_arm_is_not_in_the_feed() {
    let azure = start(options(EstateSpec { desktop_groups_per_pool: 0, ..EstateSpec::default() })).await;
    let count = async || {
        let truth = expected(&azure, "all@contoso.com").await;
        truth["arm"].as_array().unwrap().iter().map(|feed| feed["resources"].as_array().unwrap().len()).sum::<usize>()
    };
    assert_eq!(count().await, 8);
    let groups = azure.planted("applicationGroups");
    let app = &groups[0]["applications"][0]["id"];
    let hide_app = json!([{"op": "patch", "resource": {"id": app, "properties": {"showInPortal": false}}}]);
    azure.running.change(&hide_app).unwrap();
    assert_eq!(count().await, 7);
    let hide_group = json!([{"op": "patch", "resource": {"id": groups[1]["id"], "properties": {"showInFeed": false}}}]);
    azure.running.change(&hide_group).unwrap();
    assert_eq!(count().await, 3);
}

#[tokio::test]
async fn a_feed_that_has_not_changed_is_not_sent_again() {
    let azure = small().await;
    let feed = feeds(&azure, "all@contoso.com", DISCOVERY).await.remove(1);
    let answer = get(&azure, "all@contoso.com", &feed).await;
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let (tag, modified) = (header("etag"), header("last-modified"));
    let xml = answer.text().await.unwrap();
    let ask = async |name: &str, value: &str| {
        let token = azure.running.user_token("all@contoso.com", AUDIENCE);
        let request = azure.http.get(&feed).bearer_auth(token).header("X-MS-User-Agent", "MSRDC/10.0.0");
        request.header(name, value).send().await.unwrap()
    };
    assert_eq!(ask("if-none-match", &tag).await.status(), 304);
    assert_eq!(ask("if-modified-since", &modified).await.status(), 304);
    let id = &values(&xml, "Resource", "ArmPath")[0];
    let rename = json!([{"op": "patch", "resource": {"id": id, "properties": {"friendlyName": "Renamed"}}}]);
    azure.running.change(&rename).unwrap();
    assert_eq!(ask("if-modified-since", &modified).await.status(), 200);
    let again = ask("if-none-match", &tag).await;
    assert_eq!(again.status(), 200);
    let changed = again.text().await.unwrap();
    assert_eq!(values(&changed, "Resource", "Title")[0], "Renamed");
    assert_ne!(values(&changed, "Resource", "LastUpdated")[0], values(&xml, "Resource", "LastUpdated")[0]);
    assert_eq!(values(&changed, "Resource", "LastUpdated")[1], values(&xml, "Resource", "LastUpdated")[1]);
}

#[tokio::test]
async fn a_client_must_say_which_it_is_and_old_ones_are_cut_off() {
    let azure = small().await;
    let ask = async |agent: Option<&str>| {
        let token = azure.running.user_token("all@contoso.com", AUDIENCE);
        let mut request = azure.http.get(azure.url(DISCOVERY)).bearer_auth(token);
        if let Some(agent) = agent {
            request = request.header("X-MS-User-Agent", agent);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let refused = (400, "INCOMPATIBLE_CLIENT_VERSION".to_owned());
    assert_eq!(ask(None).await, refused);
    let web = "com.microsoft.rdc.html/2.0.79.2 rdhtml-sdk/2.0.4";
    assert_eq!(ask(Some(web)).await.0, 200);
    let gate = json!({"com.microsoft.rdc.html": "2.0.80", "*": "10.0"});
    assert_eq!(azure.sim(Method::PUT, "feed/min-version", &gate).await.0, 200);
    assert_eq!(ask(Some(web)).await, refused);
    assert_eq!(ask(Some("MSRDC/10.0.0")).await.0, 200);
    assert_eq!(ask(Some("MSRDC/9.9")).await, refused);
    azure.sim(Method::PUT, "feed/min-version", &json!({})).await;
    assert_eq!(ask(Some(web)).await.0, 200);
}

#[tokio::test]
async fn some_accounts_and_some_feeds_are_redirected() {
    let azure = small().await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let ask = async |account: &str, url: &str| {
        let token = azure.running.user_token(account, AUDIENCE);
        let answer = http.get(url).bearer_auth(token).header("X-MS-User-Agent", "MSRDC/10.0.0").send().await.unwrap();
        let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), location)
    };
    let discovery = azure.url(DISCOVERY);
    assert_eq!(ask("all@contoso.com", &discovery).await, (200, None));
    let regional = ask("regional@contoso.com", &discovery).await;
    assert_eq!(regional, (307, Some("/api/arm/feeddiscovery/r1".to_owned())));
    assert_eq!(get(&azure, "regional@contoso.com", DISCOVERY).await.status(), 200);
    let truth = expected(&azure, "all@contoso.com").await;
    let mut redirected = 0;
    for (feed, workspace) in
        feeds(&azure, "all@contoso.com", DISCOVERY).await.iter().zip(truth["arm"].as_array().unwrap())
    {
        let (status, location) = ask("all@contoso.com", feed).await;
        assert_eq!(status == 307, workspace["redirects"] == true);
        if status == 307 {
            redirected += 1;
            assert_eq!(location.as_deref(), workspace["feedPath"].as_str());
        }
    }
    assert_eq!(redirected, 1, "of five");
    azure.sim(Method::PUT, "feed", &json!({"redirect": "https://feeds.example/steal"})).await;
    assert_eq!(ask("all@contoso.com", &discovery).await, (307, Some("https://feeds.example/steal".to_owned())));
}

#[tokio::test]
async fn a_feed_fails_as_a_fault_demands() {
    let azure = small().await;
    for (fault, status) in
        [("404", 404), ("410", 410), ("429", 429), ("503", 503), ("403", 403), ("expired-token", 401)]
    {
        azure.running.set_faults(vec![format!("{fault}:path=/webfeed,count=1").parse().unwrap()]);
        let feed = feeds(&azure, "all@contoso.com", DISCOVERY).await.remove(1);
        assert_eq!(get(&azure, "all@contoso.com", &feed).await.status(), status);
        assert_eq!(get(&azure, "all@contoso.com", &feed).await.status(), 200);
    }
    azure.running.set_faults(vec!["html:path=/feeddiscovery".parse().unwrap()]);
    let page = get(&azure, "all@contoso.com", DISCOVERY).await;
    assert!(page.status() == 200 && page.text().await.unwrap().ends_with("</html>"));
}

#[tokio::test]
async fn an_application_has_no_feed_and_a_retired_service_is_gone() {
    let azure = start(Options { classic_retired: true, ..options(EstateSpec::default()) }).await;
    let token = azure.running.token_for(AUDIENCE);
    let request = azure.http.get(azure.url(DISCOVERY)).bearer_auth(token).header("X-MS-User-Agent", "MSRDC/10.0.0");
    assert_eq!(request.send().await.unwrap().status(), 403);
    assert_eq!(get(&azure, "all@contoso.com", CLASSIC_DISCOVERY).await.status(), 410);
    assert_eq!(expected(&azure, "all@contoso.com").await["classic"], json!([]));
    azure.sim(Method::PUT, "feed", &json!({"classic": "on"})).await;
    assert_eq!(get(&azure, "all@contoso.com", CLASSIC_DISCOVERY).await.status(), 200);
}

#[tokio::test]
async fn a_classic_feed_is_in_the_schema_that_the_client_reads() {
    let azure = small().await;
    let feed = feeds(&azure, "all@contoso.com", CLASSIC_DISCOVERY).await.remove(0);
    let newer = get(&azure, "all@contoso.com", &feed).await.text().await.unwrap();
    assert!(newer.contains("SchemaVersion=\"2.0\"") && newer.contains("<Folders>"));
    let token = azure.running.user_token("all@contoso.com", CLASSIC_AUDIENCE);
    let request = azure.http.get(&feed).bearer_auth(token).header("X-MS-User-Agent", "MSRDC/1.0");
    let older = request.header("accept", "text/xml").send().await.unwrap().text().await.unwrap();
    assert!(older.contains("SchemaVersion=\"1.1\"") && !older.contains("Folders") && !older.contains("ArmPath"));
    assert_eq!(values(&older, "Resource", "ID"), values(&newer, "Resource", "ID"));
}
