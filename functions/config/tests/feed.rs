//! Connections that read a user's feed or the classic service, and what their packages need.

use super::{EXAMPLE, faults_with, parse};
use crate::config::{Classic, Feed, Kind};
use poolwarden_domain::feed::FeedModel;
use poolwarden_domain::policy::{Method, Policy};

fn policy(lines: &str) -> Policy {
    let config = parse(&format!("[[connection]]\nname = \"c\"\n{lines}\n")).unwrap_or_else(|faults| panic!("{faults}"));
    config.connections[0].policy.clone()
}

#[test]
fn the_example_reads_a_feed_and_the_classic_service() {
    let config = parse(EXAMPLE).unwrap();
    let feed = Feed {
        models: vec![FeedModel::Arm, FeedModel::Classic],
        user_agent: Some("MSRDC/10.0.0".to_owned()),
        arm: Some("contoso".to_owned()),
    };
    assert_eq!(config.connection("reader").unwrap().kind, Kind::Feed(feed));
    let classic =
        Classic { tenant_groups: vec!["Default Tenant Group".to_owned()], tenants: vec!["Contoso".to_owned()] };
    assert_eq!(config.connection("old").unwrap().kind, Kind::Classic(classic));
    assert_eq!(config.connection("contoso").unwrap().kind, Kind::Arm);
}

#[test]
fn a_setting_of_one_kind_is_none_of_another() {
    for line in [
        "kind = \"feed\"\nsubscriptions = []",
        "models = [\"arm\"]",
        "kind = \"classic\"\nuser_agent = \"x\"",
        "kind = \"feed\"\ntenants = []",
    ] {
        assert!(faults_with(line).contains("is no setting of"), "{line}: {}", faults_with(line));
    }
    assert!(faults_with("kind = \"feeds\"").contains("did you mean `feed`?"));
    assert!(faults_with("kind = \"feed\"\nmodels = [\"arm\", \"arm\"]").contains("already"));
    assert!(faults_with("kind = \"feed\"\nuser_agent = \"a\\nb\"").contains("cannot be sent"));
    assert!(faults_with("kind = \"classic\"\ntenants = [\"a/b\"]").contains("no name of the classic service"));
}

#[test]
fn an_application_alone_sees_no_feed() {
    for credential in ["\"managed_identity\"", "\"workload_identity\""] {
        let told = faults_with(&format!("kind = \"feed\"\ncredential = {credential}"));
        assert!(told.contains("a feed is shown to persons alone") && told.contains("device_code"), "{told}");
        parse(&format!("[[connection]]\nname = \"c\"\nkind = \"classic\"\ncredential = {credential}")).unwrap();
    }
}

#[test]
fn what_packages_need_is_read() {
    assert_eq!(policy("method = \"on_demand\"").method, Method::OnDemand);
    assert!(policy("check_only = true").check_only && !policy("").check_only);
    assert!(!policy("web_client = false").web_client && policy("").web_client);
    let template = policy("network_credentials = \"${Identity.UserName}\"").network_credentials;
    assert_eq!(template.as_deref(), Some("${Identity.UserName}"));
    for (written, name, version) in [
        ("true", "Windows App", "2.0.804"),
        ("\"remote_desktop\"", "Remote Desktop client", "1.2.1755"),
        ("{ client = \"windows_app\", minimum_version = \"2.0.900\" }", "Windows App", "2.0.900"),
    ] {
        let dependencies = policy(&format!("install_dependency = {written}")).dependencies;
        assert_eq!((dependencies[0].name.as_str(), dependencies[0].minimum_version.as_str()), (name, version));
    }
    assert!(policy("install_dependency = false").dependencies.is_empty());
}

#[test]
fn a_placeholder_that_does_not_exist_is_refused_with_those_that_do() {
    let told = faults_with("network_credentials = \"${Identity.Password}\"");
    assert!(told.contains("${Identity.Password}") && told.contains("${Input.UserName}"), "{told}");
    for wrong in ["7", "\"msrdc\"", "{ client = \"windows_app\", minimum_version = \"new\" }", "{}"] {
        faults_with(&format!("install_dependency = {wrong}"));
    }
    assert!(faults_with("install_dependency = {}").contains("lacks `client`"));
}
