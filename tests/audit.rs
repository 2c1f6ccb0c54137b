//! The audit as its users meet it: what a run leaves behind, what the command prints, who is told, and what cannot be seen.

use crate::exactness::{Audited, found};
use crate::harness::{CONNECTION, Stand};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use poolwarden_domain::audit::Verdict;
use serde_json::{Value, json};
use simulator::{AuditSpec, EstateSpec, Planted};
use std::collections::BTreeSet;

fn estate(plant: Planted) -> EstateSpec {
    EstateSpec {
        pools_per_subscription: 2,
        hosts_per_pool: 2,
        apps_per_group: 1,
        audit: AuditSpec { clean: true, plant, ..AuditSpec::default() },
        ..EstateSpec::default()
    }
}

/// An installation that audits, with more of its connection's settings.
async fn stand(plant: Planted, more: &str) -> Stand {
    let stand = Stand::new(estate(plant)).await;
    let url = stand.azure.url();
    let endpoints = format!("arm = \"{url}\", graph = \"{url}\", key_vault = \"{url}\"");
    let text = format!(
        "[[connection]]\nname = \"{CONNECTION}\"\ncredential = {{ kind = \"managed_identity\" }}\n\
         endpoints = {{ {endpoints} }}\nenabled = false\n{more}\n"
    );
    std::fs::write(stand.path("poolwarden.toml"), text).unwrap();
    std::fs::write(stand.path("policy.json"), stand.azure.policy().to_string()).unwrap();
    stand
}

const POLICY: &str = "audit = { posture = true, policy = \"policy.json\" }";

fn planted(stand: &Stand) -> BTreeSet<(String, String)> {
    // V17 is about the identity that reads, and is planted for another one.
    let violations = stand.azure.violations().into_iter().filter(|one| one.rule != "V17");
    violations.map(|one| (one.rule, one.scope.to_lowercase())).collect()
}

fn told(report: &Value) -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|one| (text(&one["rule"]), text(&one["scope"]).to_lowercase())).collect()
}

#[tokio::test]
async fn a_run_is_followed_by_an_audit_that_the_command_prints_without_asking_again() {
    let stand = stand(Planted::All, POLICY).await;
    stand.sync_whole(&[]).await;
    let before = stand.azure.stats()["requests"].clone();
    let stored = stand.run(&["audit", "--stored", "--json"]).await;
    assert_eq!(stand.azure.stats()["requests"], before, "nobody was asked");
    let report = stored.json();
    assert_eq!(told(&report), planted(&stand));
    assert_eq!(stored.code, Some(2), "V48 to V60 are not read");

    let trend = stand.run(&["audit", "trend", "--json"]).await.json();
    assert_eq!(trend.as_array().unwrap().len(), 1, "{trend:#}");
    stand.sync_whole(&[]).await;
    let trend = stand.run(&["audit", "trend", "--json"]).await.json();
    assert_eq!(trend.as_array().unwrap().len(), 2, "{trend:#}");
}

#[tokio::test]
async fn every_form_holds_every_finding_and_is_valid() {
    let stand = stand(Planted::All, POLICY).await;
    let report = stand.run(&["audit", "--json", "--save-facts", "facts.json"]).await.json();
    let count = report["findings"].as_array().unwrap().len();
    assert!(count > 100, "{count}");
    let schema = stand.run(&["audit", "schema", "report"]).await.json();
    valid(&schema, &report);

    let sarif = stand.run(&["audit", "--stored", "--format", "sarif"]).await.json();
    // A pattern of the schema (of a language's name) is no regular expression as JSON Schema has them.
    let oasis = include_str!("schemas/sarif-2.1.0.json").replace("{2}]?$", "{2}$");
    let oasis: Value = serde_json::from_str(&oasis).unwrap();
    valid(&oasis, &sarif);
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), count);

    let csv = stand.run(&["audit", "--stored", "--format", "csv"]).await.stdout;
    assert_eq!(csv.matches("\r\n").count(), count + 1, "a line a finding, and the headings");
    let html = stand.run(&["audit", "--stored", "--format", "html"]).await.stdout;
    assert_eq!(html.matches("<details data-finding=").count(), count);
    let table = stand.run(&["audit", "--stored", "--limit", "0"]).await.stdout;
    for finding in report["findings"].as_array().unwrap() {
        assert!(table.contains(finding["rule"].as_str().unwrap()));
    }

    std::fs::create_dir(stand.path("exports")).unwrap();
    std::fs::rename(stand.path("facts.json"), stand.path("exports/facts.json")).unwrap();
    let offline = ["audit", "--from", "exports", "--family", "all", "--policy", "policy.json", "--json"];
    assert_eq!(told(&stand.run(&offline).await.json()), told(&report), "files say the same");
}

fn valid(schema: &Value, document: &Value) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(document).take(5).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[tokio::test]
async fn the_exit_code_says_how_bad_it_is_and_what_is_new() {
    let stand = stand(Planted::Rules(vec!["R16".to_owned()]), "audit = { policy = \"policy.json\" }").await;
    let clean = stand.run(&["audit", "--fail-on", "critical", "--json", "--output", "before.json"]).await;
    assert_eq!((clean.code, clean.stdout.as_str()), (Some(0), ""), "{clean:?}");
    assert_eq!(stand.run(&["audit", "--stored", "--fail-on", "low"]).await.code, Some(3));
    let shallow = stand.run(&["audit", "--stored", "--family", "all"]).await;
    assert!(shallow.code == Some(1) && shallow.stderr.contains("too little for the posture"), "{shallow:?}");
    let same = stand.run(&["audit", "--baseline", "before.json", "--fail-on", "low", "--json"]).await;
    assert_eq!(same.code, Some(0), "nothing is new: {same:?}");
    assert_eq!(same.json()["comparison"]["new"], json!([]));

    let subscription = stand.azure.estate()["subscriptions"][0]["id"].as_str().unwrap().to_owned();
    grant_owner(&stand, &subscription).await;
    let worse = stand.run(&["audit", "--baseline", "before.json", "--fail-on", "high", "--json"]).await;
    assert_eq!(worse.code, Some(3), "{worse:?}");
    let new = worse.json()["comparison"]["new"].as_array().unwrap().clone();
    assert!(new.iter().any(|finding| finding["rule"] == "R02"), "{new:#?}");
}

/// Makes an application of the tenant an Owner, all the time.
async fn grant_owner(stand: &Stand, subscription: &str) {
    let principal = "0a0a0a0a-0000-4000-8000-00000000000a";
    let url = format!("{}/_sim/graph/change", stand.azure.url());
    let sp = json!([
        {"op": "add_service_principal", "id": principal, "appId": principal, "displayName": "Deployer of the night"},
    ]);
    let answer = reqwest::Client::new().post(url).json(&sp).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    let scope = format!("/subscriptions/{subscription}");
    stand.change(&json!([{
        "op": "assign", "scope": scope, "roleDefinition": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "principalId": principal,
        "principalType": "ServicePrincipal",
    }]));
}

#[tokio::test]
async fn what_appears_and_what_vanishes_is_told_once() {
    let secret = format!("whsec_{}", BASE64_STANDARD.encode(b"a secret of at least 24 bytes"));
    let mut stand = stand(Planted::Rules(vec!["R16".to_owned(), "R19".to_owned()]), "").await;
    let webhook = format!("{}/_sim/webhook/ops", stand.azure.url());
    let more = format!(
        "audit = {{ policy = \"policy.json\" }}\n[[connection.webhook]]\nname = \"ops\"\nurl = \"{webhook}\"\n\
         secret = {{ env = \"OPS\" }}\nevents = [\"finding.*\"]"
    );
    let text = std::fs::read_to_string(stand.path("poolwarden.toml")).unwrap();
    std::fs::write(stand.path("poolwarden.toml"), format!("{text}{more}\n")).unwrap();
    stand.set("OPS", &secret);
    let answer =
        reqwest::Client::new().put(&webhook).json(&json!({"secret": secret, "fail": []})).send().await.unwrap();
    assert_eq!(answer.status(), 204);

    stand.sync_whole(&[]).await;
    let first = deliveries(&webhook).await;
    let findings = planted(&stand).len();
    assert_eq!(first.iter().filter(|one| one["type"] == "dev.poolwarden.finding.appeared").count(), findings);
    stand.sync_whole(&[]).await;
    assert_eq!(deliveries(&webhook).await.len(), findings, "what is known is not told again");

    let subscription = stand.azure.estate()["subscriptions"][0]["id"].as_str().unwrap().to_owned();
    grant_owner(&stand, &subscription).await;
    stand.sync_whole(&[]).await;
    let appeared = deliveries(&webhook).await.len() - findings;
    assert!(appeared >= 3, "{appeared}");
    let id = stand.azure.estate()["roleAssignments"].as_array().unwrap().iter().find_map(|one| {
        let is_it = one["properties"]["principalId"] == "0a0a0a0a-0000-4000-8000-00000000000a";
        is_it.then(|| one["id"].as_str().unwrap().to_owned())
    });
    let url = format!("{}{}?api-version=2022-04-01", stand.azure.url(), id.unwrap());
    let deleted = reqwest::Client::new().delete(url).bearer_auth(stand.azure.token()).send().await.unwrap();
    assert_eq!(deleted.status(), 200);
    stand.sync_whole(&[]).await;
    let vanished = deliveries(&webhook).await;
    let vanished = vanished.iter().filter(|one| one["type"] == "dev.poolwarden.finding.vanished").count();
    assert_eq!(vanished, appeared, "what came is gone, and nothing else");
}

async fn deliveries(url: &str) -> Vec<Value> {
    let received: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    received["deliveries"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_cannot_be_seen_passes_no_rule() {
    let audited = Audited::new(estate(Planted::All), 3).await;
    let facts = audited.facts().await;
    let everything = found(&audited.report(&facts));
    let truth = audited.azure.estate();
    let scopes = |key: &str| facts.resources.iter().filter_map(|one| one.id.up_to(key)).collect::<BTreeSet<_>>();
    let containers = scopes("subscriptions").into_iter().chain(scopes("resourceGroups"));
    let pool = truth["hostPools"][0]["id"].as_str().unwrap();
    let group = truth["applicationGroups"][0]["id"].as_str().unwrap();
    let authorization = "/providers/microsoft.authorization";
    let faults = [
        format!("403:scope={pool}"),
        format!("403:scope={group}"),
        "403:scope=resourcegraph".to_owned(),
        format!("403:path={authorization}/denyassignments"),
        format!("403:path={authorization}/roleassignmentscheduleinstances"),
        format!("403:path={authorization}/roleeligibilityscheduleinstances"),
        format!("malformed:path={authorization}/roleeligibilityscheduleinstances"),
        format!("403:path={authorization}/roledefinitions"),
        "403:path=/v1.0/directoryobjects/getbyids".to_owned(),
        "403:path=/v1.0/groups".to_owned(),
        "403:path=/v1.0/serviceprincipals".to_owned(),
        "403:path=/v1.0/applications".to_owned(),
        "403:path=/v1.0/organization".to_owned(),
        "403:path=/v1.0/rolemanagement".to_owned(),
        "503:path=/v1.0/oauth2permissiongrants".to_owned(),
        "403:path=/vaults".to_owned(),
        "403:path=/providers/microsoft.insights/diagnosticsettings".to_owned(),
    ];
    let faults: Vec<String> = containers.map(|scope| format!("403:scope={scope}")).chain(faults).collect();
    let mut wrong = Vec::new();
    for fault in &faults {
        audited.azure.set_faults(vec![fault.parse().unwrap()]);
        let Ok(facts) = audited.read().await else { continue };
        let report = audited.report(&facts);
        let found = found(&report);
        let missed: BTreeSet<&str> = everything.difference(&found).map(|one| one.0.as_str()).collect();
        for rule in &report.rules {
            let is_sure = matches!(rule.verdict, Verdict::Pass | Verdict::NotApplicable)
                || (rule.verdict == Verdict::Fail && rule.reasons.is_empty());
            if missed.contains(rule.id.as_str()) && is_sure {
                wrong.push(format!("{fault}: {} misses something and says {:?}", rule.id, rule.verdict));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    audited.azure.set_faults(vec!["429:rate=0.3,retry_after=1".parse().unwrap()]);
    let stormy = audited.report(&audited.facts().await);
    assert_eq!(found(&stormy), everything, "a storm of refusals slows it and loses nothing");
}

#[tokio::test]
async fn questions_about_access_are_answered_with_the_proof() {
    let stand = stand(Planted::Nothing, "").await;
    let group = stand.azure.estate()["applicationGroups"][0]["id"].as_str().unwrap().to_owned();
    stand.sync_whole(&[]).await;
    let who = stand.run(&["access", "who-can", "open", &group, "--stored", "--json"]).await;
    assert_eq!(who.code, Some(0), "{who:?}");
    let holders = who.json()["holders"].as_array().unwrap().clone();
    let user = holders.iter().find(|one| one["principal"]["type"] == "User").unwrap();
    assert_eq!(user["proofs"][0]["pattern"].as_str().unwrap().rsplit('/').nth(1), Some("useApplications"));
    assert!(user["proofs"][0]["path"].as_array().unwrap().len() > 1, "through a group: {user:#}");

    let id = user["principal"]["id"].as_str().unwrap();
    let explained = stand.run(&["access", "explain", id, &group, "--stored"]).await;
    assert!(explained.stdout.contains("open") && explained.stdout.contains("yes"), "{explained:?}");
    let of = stand.run(&["access", "of", id, "--stored", "--json"]).await.json();
    assert!(of["grants"].as_array().unwrap().iter().any(|one| one["role"] == "Desktop Virtualization User"), "{of:#}");
    for (arguments, text) in [
        (["access", "of", "nobody@contoso.com", "--stored"].as_slice(), "nobody@contoso.com"),
        (&["access", "who-can", "fly", &group, "--stored"], "no role"),
        (&["access", "who-can", "open", "no-such-group", "--stored"], "no-such-group"),
    ] {
        let refused = stand.run(arguments).await;
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.contains(text), "{refused:?}");
    }
}

#[tokio::test]
async fn a_policy_that_makes_no_sense_stops_the_start() {
    let stand = stand(Planted::Nothing, "audit = { policy = \"wrong.toml\" }").await;
    std::fs::write(stand.path("wrong.toml"), "disabled = [\"R99\"]\n").unwrap();
    let refused = stand.run(&["packages", "list"]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("wrong.toml") && refused.stderr.contains("R99"), "{refused:?}");
}
