//! What Event Grid tells of changed resources: the handshakes, which pools are looked at, and how often.

use crate::desk::{CONNECTION, Desk, Post};
use crate::harness::tiny;
use jiff::{SignedDuration, Timestamp};
use poolwarden::keys;
use poolwarden::resource_events::{MAX_BODY_BYTES, WINDOW};
use poolwarden_domain::ArmId;
use poolwarden_domain::message::queue;
use poolwarden_domain::run::{Run, Status, Trigger};
use serde_json::{Value, json};
use simulator::EstateSpec;

const NOTIFICATION: [(&str, &str); 2] = [("aeg-event-type", "Notification"), ("content-type", "application/json")];

/// An event of a change, as Event Grid tells it.
fn event(resource: &str, at: Timestamp) -> Value {
    json!({
        "id": "4db48cba", "topic": "/subscriptions/s", "subject": resource, "dataVersion": "2", "metadataVersion": "1",
        "eventType": "Microsoft.Resources.ResourceWriteSuccess", "eventTime": at.to_string(),
        "data": {"resourceUri": resource, "operationName": "Microsoft.DesktopVirtualization/x/write",
            "status": "Succeeded", "claims": {"name": "hunter2"}},
    })
}

async fn tell(desk: &Desk, events: &[Value]) -> (u16, Value) {
    let (status, answer, _) =
        desk.call("resource_events", "POST", &NOTIFICATION, Some(&json!(events).to_string())).await;
    (status, answer)
}

/// Tells events that must be taken, lets the gathering end, and carries out the run. Returns what it came to.
async fn follow(desk: &Desk, resources: &[&str]) -> Run {
    let events: Vec<Value> = resources.iter().map(|resource| event(resource, desk.deps.now())).collect();
    let (status, answer) = tell(desk, &events).await;
    assert_eq!((status, &answer["events"]["taken"]), (200, &json!(events.len())), "{answer}");
    carry_out(desk, answer["runs"][CONNECTION].as_str().unwrap()).await
}

async fn carry_out(desk: &Desk, run: &str) -> Run {
    desk.pass(WINDOW + SignedDuration::from_secs(1));
    desk.drain(Post::BackwardsAndTwice).await;
    let run: Run = desk.deps.state().value(&keys::run(run, CONNECTION)).await.unwrap().unwrap();
    assert_eq!(run.finished.as_ref().map(|finished| finished.report.status), Some(Status::Complete), "{run:#?}");
    run
}

/// A desk that has looked at everything, a second or more ago.
async fn desk() -> Desk {
    desk_with(tiny()).await
}

async fn desk_with(estate: EstateSpec) -> Desk {
    let desk = Desk::new(estate, "enabled = false").await;
    desk.begin("whole").await;
    desk.drain(Post::Tidy).await;
    desk.assert_true().await;
    desk.pass(SignedDuration::from_secs(2));
    desk.azure.reset_stats();
    desk
}

fn planted(desk: &Desk, kind: &str) -> Vec<Value> {
    desk.azure.estate()[kind].as_array().unwrap().clone()
}

fn ids(resources: &[Value]) -> Vec<String> {
    resources.iter().map(|resource| resource["id"].as_str().unwrap().to_owned()).collect()
}

fn asked(desk: &Desk, operation: &str) -> u64 {
    // Ids are spelled in many ways.
    let stats = desk.azure.stats();
    let counts = stats["requests"]["by_operation"].as_object().unwrap().iter();
    counts.filter(|(name, _)| name.eq_ignore_ascii_case(operation)).map(|(_, count)| count.as_u64().unwrap()).sum()
}

async fn runs(desk: &Desk) -> Vec<Run> {
    desk.deps.state().all(keys::RUNS).await.unwrap().into_iter().map(|(_, run)| run).collect()
}

#[tokio::test]
async fn a_burst_leads_to_one_look_at_each_pool() {
    let desk = desk_with(EstateSpec { page_size: 100, ..EstateSpec::default() }).await;
    let (pools, groups) = (planted(&desk, "hostPools"), planted(&desk, "applicationGroups"));
    let applications: Vec<Value> =
        groups.iter().flat_map(|group| group["applications"].as_array().unwrap().clone()).collect();
    let touched: Vec<String> = [ids(&pools), ids(&groups), ids(&applications)].concat();
    let mut run = Value::Null;
    // Twenty requests of ten, all within the window, some of them again.
    for request in 0..20 {
        let now = desk.deps.now();
        let events: Vec<Value> = (0..10).map(|n| event(&touched[(request * 10 + n) % touched.len()], now)).collect();
        let (status, answer) = tell(&desk, &events).await;
        assert_eq!((status, &answer["events"]["taken"]), (200, &json!(10)), "{answer}");
        let is_same = run.is_null() || run == answer["runs"][CONNECTION];
        run = answer["runs"][CONNECTION].clone();
        assert!(is_same, "one run");
        assert_eq!(tell(&desk, &events).await.0, 200);
    }
    assert_eq!(desk.store.depth(queue::ACQUIRE_TOKEN).await.unwrap().scheduled, 1, "one message");
    desk.pass(WINDOW + SignedDuration::from_secs(1));
    desk.drain(Post::Tidy).await;
    let run: Run = desk.deps.state().value(&keys::run(run.as_str().unwrap(), CONNECTION)).await.unwrap().unwrap();
    assert_eq!(run.trigger, Trigger::ResourceEvent);
    assert_eq!(run.finished.unwrap().report.pools.found, pools.len());
    let listed = asked(&desk, "GET applicationGroups/applications") + asked(&desk, "GET applicationGroups/desktops");
    assert_eq!(
        (asked(&desk, "GET hostPools"), asked(&desk, "GET applicationGroups"), listed),
        (pools.len() as u64, groups.len() as u64, groups.len() as u64),
        "{:#}",
        desk.azure.stats()
    );
    assert_eq!(desk.azure.stats()["requests"]["resource_graph"], 0);
    desk.assert_true().await;
}

#[tokio::test]
async fn what_changed_before_the_last_look_is_ignored() {
    let desk = desk().await;
    let ids = [
        ids(&planted(&desk, "hostPools")),
        ids(&planted(&desk, "applicationGroups")),
        ids(&planted(&desk, "workspaces")),
    ]
    .concat();
    let before = desk.everything().await;
    let old = desk.deps.now() - SignedDuration::from_mins(1);
    let mut events: Vec<Value> = ids.iter().map(|id| event(id, old)).collect();
    let subscription = ids[0].split('/').nth(2).unwrap();
    let assignment = format!("/subscriptions/{subscription}/providers/Microsoft.Authorization/roleAssignments/1");
    events.push(event(&assignment, old));
    let (status, answer) = tell(&desk, &events).await;
    assert_eq!(
        (status, &answer["events"]["stale"], &answer["runs"]),
        (200, &json!(events.len()), &json!({})),
        "{answer}"
    );
    assert_eq!(desk.everything().await, before);

    // Events that led to a look are old once it is over, and come again all the same.
    let told = event(&ids[0], desk.deps.now());
    let (_, answer) = tell(&desk, std::slice::from_ref(&told)).await;
    carry_out(&desk, answer["runs"][CONNECTION].as_str().unwrap()).await;
    assert_eq!(tell(&desk, &[told]).await.1["events"]["stale"], 1);
}

#[tokio::test]
async fn what_changes_nothing_that_is_published_is_ignored() {
    let desk = desk().await;
    let pool = ids(&planted(&desk, "hostPools")).remove(0);
    let now = desk.deps.now();
    let before = desk.everything().await;
    let mut failed = event(&pool, now);
    failed["eventType"] = json!("Microsoft.Resources.ResourceWriteFailure");
    let mut action = event(&pool, now);
    action["eventType"] = json!("Microsoft.Resources.ResourceActionSuccess");
    let elsewhere =
        "/subscriptions/99999999-9999-9999-9999-999999999999/providers/Microsoft.Authorization/roleAssignments/1";
    let machine = pool.replace("Microsoft.DesktopVirtualization/hostPools", "Microsoft.Compute/virtualMachines");
    let events = [
        event(&format!("{pool}/sessionHosts/h1"), now),
        event(&machine, now),
        action,
        failed,
        json!({"eventType": 7}),
        json!("not an event"),
        event("no id", now),
        event(elsewhere, now),
    ];
    let (status, answer) = tell(&desk, &events).await;
    let counts =
        json!({"taken": 0, "irrelevant": 4, "failed": 1, "stale": 0, "unknown_subscription": 0, "malformed": 3});
    assert_eq!((status, answer), (200, json!({"runs": {}, "events": counts})));
    assert_eq!(desk.everything().await, before);
    for unreadable in ["", "{", "{}", r#"[{"eventType":7}]"#, r#"["x", 1]"#] {
        let (status, answer, _) = desk.call("resource_events", "POST", &NOTIFICATION, Some(unreadable)).await;
        assert_eq!(status, 400, "{unreadable}: {answer}");
        assert!(answer["error"].is_string(), "{answer}");
    }
    assert_eq!(tell(&desk, &[]).await.0, 200);
    let large = " ".repeat(MAX_BODY_BYTES + 1);
    assert_eq!(desk.call("resource_events", "POST", &NOTIFICATION, Some(&large)).await.0, 413);
    assert_eq!(desk.everything().await, before);
}

#[tokio::test]
async fn a_subscription_that_no_connection_reads_is_counted() {
    let desk = Desk::new(tiny(), "enabled = false\nsubscriptions = [\"99999999-9999-9999-9999-999999999999\"]").await;
    let desk_only_disabled = event(
        "/subscriptions/99999999-9999-9999-9999-999999999999/resourceGroups/g/providers/Microsoft.DesktopVirtualization/hostPools/p",
        desk.deps.now(),
    );
    // The one that names it does not run by itself; the one that reads all it can see may see it.
    let (status, answer) = tell(&desk, &[desk_only_disabled]).await;
    assert_eq!((status, &answer["events"]["taken"]), (200, &json!(1)), "{answer}");
}

#[tokio::test]
async fn a_new_group_is_published_within_the_window_and_a_deleted_one_missed() {
    let desk = desk().await;
    let group = planted(&desk, "applicationGroups")
        .into_iter()
        .find(|group| group["kind"] != "Desktop" && !group["applications"].as_array().unwrap().is_empty())
        .unwrap();
    let (id, pool) = (group["id"].as_str().unwrap().to_owned(), group["properties"]["hostPoolArmPath"].clone());
    let mut properties = group["properties"].clone();
    properties["friendlyName"] = json!("New");
    let new = format!("{}/applicationGroups/new-group", id.split("/applicationGroups/").next().unwrap());
    properties["objectId"] = json!("8f0b6c0e-0000-4000-8000-00000000beef");
    let application = &group["applications"][0];
    // Groups are put into a workspace by a change of the workspace.
    let workspace = &planted(&desk, "workspaces")[0];
    let mut references = workspace["properties"]["applicationGroupReferences"].as_array().unwrap().clone();
    references.push(json!(new));
    let joined = json!({"id": workspace["id"], "properties": {"applicationGroupReferences": references}});
    desk.azure
        .change(&json!([
            {"op": "put", "resource": {"id": new, "location": group["location"], "properties": properties}},
            {"op": "put", "resource": {"id": format!("{new}/applications/tool"), "properties": application["properties"]}},
        ]))
        .unwrap();
    let run = follow(&desk, &[&new, &format!("{new}/applications/tool")]).await;
    assert_eq!(run.only.iter().map(ArmId::name).collect::<Vec<_>>(), ["new-group"], "nobody knew whose it is");
    let report = run.finished.unwrap().report;
    assert_eq!((report.pools.found, report.packages.created), (1, 0), "in no workspace yet: {report:#?}");
    desk.azure.change(&json!([{"op": "patch", "resource": joined}])).unwrap();
    let run = follow(&desk, &[workspace["id"].as_str().unwrap()]).await;
    assert_eq!(run.finished.unwrap().report.packages.created, 1);
    desk.assert_true().await;

    desk.azure.change(&json!([{"op": "delete", "id": new}])).unwrap();
    desk.pass(SignedDuration::from_secs(60));
    let run = follow(&desk, &[&new]).await;
    assert_eq!(run.only, [ArmId::new(pool.as_str().unwrap())], "now it is known");
    let report = run.finished.unwrap().report;
    assert_eq!((report.packages.created, report.packages.retired), (0, 0), "{report:#?}");
    desk.begin("later").await;
    desk.drain(Post::Tidy).await;
    desk.assert_true().await;
    assert!(desk.deps.state().is_empty(&keys::parts(CONNECTION)).await.unwrap(), "a whole run has looked since");
}

/// The last whole run saw what is there now; what a limited run saw in between is in the catalogue.
#[tokio::test]
async fn what_is_as_the_last_whole_run_saw_it_is_looked_at_if_a_limited_run_saw_it_otherwise() {
    let desk = desk().await;
    let group = ids(&planted(&desk, "applicationGroups")).remove(0);
    let role = "1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63";
    let assign = json!([{"op": "assign", "scope": group, "principalId": "8f0b6c0e-0000-4000-8000-00000000cafe", "roleDefinition": role}]);
    let made = desk.azure.change(&assign).unwrap();
    let assignment = made[0]["id"].as_str().unwrap().to_owned();
    let run = follow(&desk, &[&assignment]).await;
    assert!(run.finished.unwrap().report.packages.updated > 0);
    desk.azure.change(&json!([{"op": "unassign", "id": assignment}])).unwrap();
    desk.begin("later").await;
    desk.drain(Post::Tidy).await;
    desk.assert_true().await;
}

#[tokio::test]
async fn a_workspace_and_a_role_stand_for_the_pools_they_touch() {
    let desk = desk().await;
    let workspace = planted(&desk, "workspaces").remove(0);
    let renamed = json!({"id": workspace["id"], "properties": {"friendlyName": "Renamed"}});
    desk.azure.change(&json!([{"op": "patch", "resource": renamed}])).unwrap();
    let run = follow(&desk, &[workspace["id"].as_str().unwrap()]).await;
    assert!(run.finished.unwrap().report.packages.updated > 0);
    desk.assert_true().await;

    let groups = ids(&planted(&desk, "applicationGroups"));
    let group = &groups[0];
    let role = "1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63";
    let scope = group.split("/providers/").next().unwrap();
    let made = desk
        .azure
        .change(&json!([{"op": "assign", "scope": scope, "principalId": "8f0b6c0e-0000-4000-8000-00000000cafe", "roleDefinition": role}]))
        .unwrap();
    let run = follow(
        &desk,
        &[made[0]["id"].as_str().unwrap_or(&format!("{scope}/providers/Microsoft.Authorization/roleAssignments/1"))],
    )
    .await;
    assert!(run.is_part() && run.finished.unwrap().report.packages.updated > 0);
    desk.assert_true().await;
}

/// The process was killed before it had sent the message: Event Grid was not answered, and sends again.
#[tokio::test]
async fn events_that_come_again_send_what_was_not_sent() {
    let desk = desk().await;
    let pool = ids(&planted(&desk, "hostPools")).remove(0);
    let told = event(&pool, desk.deps.now());
    let (_, answer) = tell(&desk, std::slice::from_ref(&told)).await;
    let run = answer["runs"][CONNECTION].as_str().unwrap();
    let unsent = |gathering: Option<Value>| {
        gathering.map(|mut gathering| {
            gathering["sent"] = json!(false);
            gathering
        })
    };
    let state = desk.deps.state();
    state.change(&keys::gathering(CONNECTION), unsent).await.unwrap();
    state.delete(&keys::run(run, CONNECTION)).await.unwrap();
    let (status, again) = tell(&desk, &[told]).await;
    assert_eq!((status, &again["runs"]), (200, &answer["runs"]));
    carry_out(&desk, run).await;
}

#[tokio::test]
async fn a_change_while_the_run_looks_leads_to_another_look() {
    let desk = desk().await;
    let pool = ids(&planted(&desk, "hostPools")).remove(0);
    let (_, first) = tell(&desk, &[event(&pool, desk.deps.now())]).await;
    desk.pass(WINDOW + SignedDuration::from_secs(1));
    desk.carry_to(queue::ENUMERATE_HOST_POOL).await;
    let (_, second) = tell(&desk, &[event(&pool, desk.deps.now())]).await;
    assert_ne!(first["runs"], second["runs"]);
    carry_out(&desk, second["runs"][CONNECTION].as_str().unwrap()).await;
    assert_eq!(runs(&desk).await.iter().filter(|run| run.finished.is_some()).count(), 3);
    desk.assert_true().await;
}

#[tokio::test]
async fn event_grid_and_cloud_events_shake_hands() {
    let desk = Desk::new(tiny(), "enabled = false").await;
    let validation = json!([{"id": "1", "topic": "t", "subject": "", "data": {"validationCode": "512d38b6",
        "validationUrl": format!("{}/validate", desk.azure.url())}, "eventTime": "2026-03-01T10:00:00Z",
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "metadataVersion": "1", "dataVersion": "1"}]);
    let headers = [("AEG-Event-Type", "SubscriptionValidation")];
    let told = desk.call("resource_events", "POST", &headers, Some(&validation.to_string())).await;
    assert_eq!((told.0, told.1), (200, json!({"validationResponse": "512d38b6"})));
    assert_eq!(desk.azure.stats()["requests"]["total"], 0, "nobody fetched what the event names");
    assert_eq!(desk.call("resource_events", "POST", &headers, Some("[]")).await.0, 400);

    let headers = [("WebHook-Request-Origin", "eventgrid.azure.net"), ("WebHook-Request-Rate", "120")];
    let (status, _, headers) = desk.call("resource_events", "OPTIONS", &headers, None).await;
    assert_eq!((status, &headers["WebHook-Allowed-Origin"]), (200, &json!("eventgrid.azure.net")));
    assert!(headers["WebHook-Allowed-Rate"].is_string() && headers["Allow"].as_str().unwrap().contains("POST"));
    let odd = [("WebHook-Request-Origin", "a b<script>")];
    assert!(desk.call("resource_events", "OPTIONS", &odd, None).await.2.get("WebHook-Allowed-Origin").is_none());
}

#[tokio::test]
async fn cloud_events_lead_to_the_same_look() {
    let desk = desk().await;
    let pools = ids(&planted(&desk, "hostPools"));
    let now = desk.deps.now();
    let cloud = |pool: &str| {
        let grid = event(pool, now);
        json!({"specversion": "1.0", "id": "1", "source": "/subscriptions/s", "type": grid["eventType"],
            "subject": pool, "time": grid["eventTime"], "data": grid["data"]})
    };
    let data = event(&pools[0], now)["data"].to_string();
    let at = now.to_string();
    let binary = [("ce-specversion", "1.0"), ("ce-type", "Microsoft.Resources.ResourceWriteSuccess"), ("ce-time", &at)];
    let single = [("content-type", "application/cloudevents+json; charset=utf-8")];
    let batch = [("content-type", "application/cloudevents-batch+json")];
    for (headers, body, taken) in [
        (&single[..], cloud(&pools[0]).to_string(), 1),
        (&batch[..], json!([cloud(&pools[0]), cloud(&pools[1])]).to_string(), 2),
        (&binary[..], data, 1),
    ] {
        let (status, answer, _) = desk.call("resource_events", "POST", headers, Some(&body)).await;
        assert_eq!((status, &answer["events"]["taken"]), (200, &json!(taken)), "{headers:?}: {answer}");
    }
    let part = runs(&desk).await.into_iter().find(|run| run.trigger == Trigger::ResourceEvent).unwrap();
    assert_eq!(part.only.len(), 2, "one run for all of them");
}
