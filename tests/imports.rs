//! Imports that are asked for over HTTP: who may, what for, and what becomes of a request that comes again.

use crate::desk::{CONNECTION, Desk, LOCKED_OUT, Post};
use crate::harness::tiny;
use jiff::{SignedDuration, Timestamp};
use poolwarden::import::claims;
use poolwarden::keys;
use poolwarden_azure::sign;
use poolwarden_domain::ArmId;
use poolwarden_domain::run::{Baseline, Run, Status};
use serde_json::{Value, json};
use simulator::EstateSpec;

/// What the desk's webhook signs with signs imports too: the file is there.
const SECRET: &str = "whsec_c2ltdWxhdGVkLXNpZ25pbmctc2VjcmV0";
const SIGNED: &str = "enabled = false\n[[import.secret]]\nname = \"portal\"\nsecret = { file = \"signing\" }\n";

pub(crate) fn connection() -> String {
    json!({ "connection": CONNECTION }).to_string()
}

async fn import(desk: &Desk, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
    let (status, answer, _) = desk.call("import_webhook", "POST", headers, Some(body)).await;
    (status, answer)
}

/// A signed request, with what is signed and what is sent set apart.
struct Signing<'a> {
    id: &'a str,
    at: Timestamp,
    signed_body: &'a str,
    body: &'a str,
    secret: &'a str,
}

impl<'a> Signing<'a> {
    fn new(desk: &Desk, id: &'a str, body: &'a str) -> Self {
        Self { id, at: desk.deps.now(), signed_body: body, body, secret: SECRET }
    }

    async fn send(&self, desk: &Desk) -> (u16, Value) {
        let signature = sign(&self.secret.into(), self.id, self.at, self.signed_body.as_bytes()).unwrap();
        let at = self.at.as_second().to_string();
        let headers = [("webhook-id", self.id), ("webhook-timestamp", &at), ("webhook-signature", &signature)];
        let (status, answer, _) = desk.call("import_webhook_signed", "POST", &headers, Some(self.body)).await;
        (status, answer)
    }
}

pub(crate) async fn runs(desk: &Desk) -> Vec<Run> {
    desk.deps.state().all(keys::RUNS).await.unwrap().into_iter().map(|(_, run)| run).collect()
}

/// The ids of the planted host pools.
fn pools(desk: &Desk) -> Vec<String> {
    let estate = desk.azure.estate();
    estate["hostPools"].as_array().unwrap().iter().map(|pool| pool["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn one_connection_is_imported_when_somebody_with_a_key_asks() {
    let desk = Desk::new(tiny(), "enabled = false").await;
    let (status, answer, headers) = desk.call("import_webhook", "POST", &[], Some(&connection())).await;
    assert_eq!((status, &answer["connection"], &headers["Location"]), (202, &json!(CONNECTION), &json!("/api/status")));
    desk.drain(Post::BackwardsAndTwice).await;
    assert_eq!(desk.ended(answer["run"].as_str().unwrap()).await, Some(Status::Complete));
    desk.assert_true().await;
    assert!(!runs(&desk).await[0].full);
    let full = json!({"connection": CONNECTION, "full": true}).to_string();
    assert_eq!(import(&desk, &[], &full).await.0, 202);
    assert!(runs(&desk).await.iter().any(|run| run.full));
}

#[tokio::test]
async fn one_host_pool_is_imported_for_few_requests_and_nothing_else_is_touched() {
    let desk = Desk::new(EstateSpec { page_size: 100, ..EstateSpec::default() }, "enabled = false").await;
    desk.begin("whole").await;
    desk.drain(Post::Tidy).await;
    let before = desk.assert_true().await;
    let state = desk.deps.state();
    let baseline: Baseline = state.value(&keys::baseline(CONNECTION)).await.unwrap().unwrap();
    // In both pools something was renamed; only one of them is asked for.
    let by_pool = |pool: &str| {
        let of = before.iter().find(|manifest| {
            let (id, host_pool) =
                (manifest["resource"].as_str().unwrap(), manifest["host_pool"]["id"].as_str().unwrap());
            id.contains("/applications/") && host_pool.eq_ignore_ascii_case(pool)
        });
        of.unwrap()["resource"].as_str().unwrap().to_owned()
    };
    let pools = pools(&desk);
    for pool in &pools {
        let renamed = json!({"id": by_pool(pool), "properties": {"friendlyName": "Renamed"}});
        desk.azure.change(&json!([{"op": "patch", "resource": renamed}])).unwrap();
    }
    desk.azure.reset_stats();
    let (status, answer) = import(&desk, &[], &json!({ "host_pool": pools[0] }).to_string()).await;
    assert_eq!((status, &answer["connection"]), (202, &json!(CONNECTION)), "whoever knows the pool");
    desk.drain(Post::BackwardsAndTwice).await;
    let run = answer["run"].as_str().unwrap();
    assert_eq!(desk.ended(run).await, Some(Status::Complete));
    let run: Run = state.value(&keys::run(run, CONNECTION)).await.unwrap().unwrap();
    let report = run.finished.unwrap().report;
    assert_eq!((report.pools.found, report.packages.updated, report.packages.retired), (1, 1, 0), "{report:#?}");
    assert_eq!(report.only, [ArmId::new(&pools[0])]);
    // The pool, two groups, their workspace, who may open each, and what each offers. Delivered twice, asked twice.
    let requests = &desk.azure.stats()["requests"];
    assert_eq!((report.requests.arm, report.requests.resource_graph), (8, 0), "{requests:#}");
    assert_eq!((&requests["resource_graph"], &requests["activity_log"]), (&json!(0), &json!(0)), "{requests:#}");
    let after: Baseline = state.value(&keys::baseline(CONNECTION)).await.unwrap().unwrap();
    assert_eq!(after, baseline, "it vouches for nothing");

    desk.begin("next").await;
    desk.drain(Post::Tidy).await;
    let names = |manifests: &[Value]| {
        manifests.iter().filter(|m| m["display_name"].as_str().unwrap().contains("Renamed")).count()
    };
    assert_eq!(names(&desk.assert_true().await), 2, "the rest is the next whole run's");
}

#[tokio::test]
async fn a_pool_that_is_gone_is_missed_and_what_is_forbidden_is_not() {
    let desk = Desk::new(tiny(), "enabled = false").await;
    desk.begin("whole").await;
    desk.drain(Post::Tidy).await;
    let pool = pools(&desk).remove(0);
    let ask = async |number: usize| {
        let body = json!({ "host_pool": pool }).to_string();
        let (_, answer) = import(&desk, &[("idempotency-key", &number.to_string())], &body).await;
        desk.drain(Post::Tidy).await;
        let key = keys::run(answer["run"].as_str().unwrap(), CONNECTION);
        let run: Run = desk.deps.state().value(&key).await.unwrap().unwrap();
        run.finished.unwrap().report
    };
    desk.azure.set_faults(vec![format!("403:scope={pool}").parse().unwrap()]);
    let dark = ask(1).await;
    assert_eq!((dark.status, dark.packages.retired), (Status::Incomplete, 0), "{dark:#?}");
    assert!(dark.packages.unknown > 0 && dark.unknown_scopes.iter().all(|scope| scope.reason.contains("forbidden")));
    desk.azure.set_faults(Vec::new());
    desk.azure.change(&json!([{"op": "delete", "id": pool}])).unwrap();
    let first = ask(2).await;
    assert_eq!((first.status, first.packages.retired, first.packages.unknown), (Status::Complete, 0, 0), "{first:#?}");
    let second = ask(3).await;
    assert_eq!(second.packages.retired + second.packages.held, first.packages.unchanged, "{second:#?}");
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_told_why() {
    let desk = Desk::new(tiny(), "enabled = false").await;
    let pool = pools(&desk).remove(0);
    let before = desk.everything().await;
    let two = "name one of the connections contoso, fabrikam";
    for (body, why) in [
        (json!({}), "name a connection or a host_pool"),
        (json!({"connection": "none"}), "there is no connection of this name"),
        (json!({"connection": CONNECTION, "fulll": true}), "unknown field"),
        (json!({"connection": 7}), "invalid type"),
        (json!({"host_pool": "hp-1"}), "is not the resource id of a host pool"),
        (json!({"host_pool": format!("{pool}/sessionHosts/h")}), "is not the resource id of a host pool"),
        (json!({"host_pool": format!("{pool}?x=/hostPools/y")}), "is not the resource id of a host pool"),
        (json!({"host_pool": pool}), two),
        (json!([]), "the body is not what it should be"),
    ] {
        let (status, answer) = import(&desk, &[], &body.to_string()).await;
        assert_eq!(status, 400, "{body}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(why), "{body}: {answer}");
    }
    for body in ["", "{", "no JSON"] {
        assert_eq!(import(&desk, &[], body).await.0, 400, "{body}");
    }
    let (status, answer, _) = desk.call("import_webhook", "POST", &[], None).await;
    assert_eq!(status, 400);
    assert!(answer["error"].as_str().unwrap().contains("Content-Length"), "{answer}");
    let large = json!({"connection": "x".repeat(64 * 1024)}).to_string();
    assert_eq!(import(&desk, &[], &large).await.0, 413);
    assert_eq!(desk.everything().await, before);
}

#[tokio::test]
async fn the_same_request_makes_one_run_and_another_under_its_key_none() {
    let desk = Desk::new(tiny(), "enabled = false").await;
    for header in ["idempotency-key", "webhook-id"] {
        let key = [(header, "order-66")];
        let first = import(&desk, &key, &connection()).await;
        desk.pass(SignedDuration::from_mins(20));
        let again = import(&desk, &key, &connection()).await;
        assert_eq!((first.0, &first), (202, &again), "{header}");
        let other = json!({"connection": CONNECTION, "full": true}).to_string();
        assert_eq!(import(&desk, &key, &other).await.0, 409);
    }
    assert_eq!(runs(&desk).await.len(), 1, "a caller's keys are one space, whichever header they come in");
    let bad = import(&desk, &[("idempotency-key", "")], &connection()).await;
    assert_eq!(bad.0, 400);
    claims::forget_old(&desk.deps, desk.deps.now()).await.unwrap();
    assert_eq!(import(&desk, &[("idempotency-key", "order-66")], &connection()).await.0, 202);
    assert_eq!(runs(&desk).await.len(), 1);
    desk.pass(SignedDuration::from_hours(25));
    claims::forget_old(&desk.deps, desk.deps.now()).await.unwrap();
    assert_eq!(import(&desk, &[("idempotency-key", "order-66")], &connection()).await.0, 202);
    assert_eq!(runs(&desk).await.len(), 2, "it is forgotten after a day");
}

#[tokio::test]
async fn a_refused_sign_in_waits_for_a_person_whoever_asks() {
    let desk = Desk::new(tiny(), "").await;
    let locked_out = json!({ "connection": LOCKED_OUT }).to_string();
    assert_eq!(import(&desk, &[], &locked_out).await.0, 202);
    desk.drain(Post::Tidy).await;
    desk.pass(SignedDuration::from_secs(2));
    let (status, answer) = import(&desk, &[], &locked_out).await;
    assert_eq!(status, 409, "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("poolwarden connections check fabrikam"), "{answer}");
}

#[tokio::test]
async fn a_signed_request_is_taken_once() {
    let desk = Desk::new(tiny(), SIGNED).await;
    let body = connection();
    let request = Signing::new(&desk, "msg_1", &body);
    let (status, answer) = request.send(&desk).await;
    assert_eq!((status, &answer["connection"]), (202, &json!(CONNECTION)), "{answer}");
    let before = desk.everything().await;
    assert_eq!(request.send(&desk).await, (401, json!({"error": "unauthorized"})), "exactly the same");
    let later = Signing { at: request.at + SignedDuration::from_secs(5), ..Signing::new(&desk, "msg_1", &body) };
    assert_eq!(later.send(&desk).await.0, 401, "signed anew, under the same id");
    assert_eq!(desk.everything().await, before);
    desk.drain(Post::Tidy).await;
    assert_eq!(desk.ended(answer["run"].as_str().unwrap()).await, Some(Status::Complete));
    desk.assert_true().await;
}

#[tokio::test]
async fn whoever_cannot_show_that_they_may_ask_leaves_no_trace() {
    let desk = Desk::new(tiny(), SIGNED).await;
    let (body, full) = (connection(), json!({"connection": CONNECTION, "full": true}).to_string());
    let before = desk.everything().await;
    let new = || Signing::new(&desk, "msg_1", &body);
    for (what, request) in [
        ("another secret", Signing { secret: "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldA==", ..new() }),
        ("tampered with", Signing { body: &full, ..new() }),
        ("old", Signing { at: new().at - SignedDuration::from_secs(310), ..new() }),
        ("from the future", Signing { at: new().at + SignedDuration::from_secs(310), ..new() }),
        ("an id with a full stop", Signing { id: "msg.1", ..new() }),
    ] {
        assert_eq!(request.send(&desk).await, (401, json!({"error": "unauthorized"})), "{what}");
    }
    let unsigned: [&[(&str, &str)]; 4] = [
        &[],
        &[("webhook-id", "msg_1"), ("webhook-timestamp", "1")],
        &[("authorization", "Bearer eyJhbGciOiJub25lIn0.e30.")],
        &[("x-functions-key", "whatever")],
    ];
    for headers in unsigned {
        assert_eq!(desk.call("import_webhook_signed", "POST", headers, Some(&body)).await.0, 401, "{headers:?}");
    }
    let large = "x".repeat(64 * 1024 + 1);
    assert_eq!(desk.call("import_webhook_signed", "POST", &[], Some(&large)).await.0, 413);
    assert_eq!(desk.everything().await, before);
    let off = Desk::new(tiny(), "enabled = false").await;
    assert_eq!(new().send(&off).await.0, 401, "nothing is configured");
}

#[tokio::test]
async fn a_signed_request_that_makes_no_sense_is_told_why_and_may_come_again() {
    let desk = Desk::new(tiny(), SIGNED).await;
    for _ in 0..2 {
        let (status, answer) = Signing::new(&desk, "msg_1", "{}").send(&desk).await;
        assert_eq!((status, &answer["error"]), (400, &json!("name a connection or a host_pool")));
    }
    assert_eq!(Signing::new(&desk, "msg_1", &connection()).send(&desk).await.0, 202, "it did not use up the id");
}

/// The process was killed after the id was claimed and before, or after, the run was begun.
#[tokio::test]
async fn a_request_whose_handling_broke_off_comes_to_the_same_run() {
    for begun in [false, true] {
        let desk = Desk::new(tiny(), SIGNED).await;
        let body = connection();
        let request = Signing::new(&desk, "msg_1", &body);
        let (_, first) = request.send(&desk).await;
        let state = desk.deps.state();
        let [(hash, _)] = &state.all::<claims::Claim>("webhook-ids/").await.unwrap()[..] else { panic!("one claim") };
        let unsure = |claim: Option<claims::Claim>| claim.map(|claim| claims::Claim { begun: false, ..claim });
        state.change(&keys::webhook_id(hash), unsure).await.unwrap();
        if !begun {
            desk.drain(Post::Tidy).await;
            state.delete_all(keys::RUNS).await.unwrap();
        }
        desk.pass(SignedDuration::from_secs(60));
        assert_eq!(request.send(&desk).await, (202, first), "the sender was not answered, and sends again");
        assert_eq!(runs(&desk).await.len(), 1);
        assert_eq!(request.send(&desk).await.0, 401);
    }
}
