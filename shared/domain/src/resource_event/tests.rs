use super::*;
use serde_json::{Value, json};

const GROUP: &str =
    "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.DesktopVirtualization/applicationGroups/office";

/// An event as Azure documents it, with the personal data that comes with it.
fn event(kind: &str, resource: &str, status: &str) -> Value {
    json!({
        "id": "4db48cba-50a2-455a-93b4-de41a3b5b7f6", "topic": "/subscriptions/s1", "subject": resource,
        "eventType": kind, "eventTime": "2026-03-01T10:00:00.1234567Z", "dataVersion": "2", "metadataVersion": "1",
        "data": {
            "authorization": {"scope": resource, "action": "x/write", "evidence": {"role": "Contributor", "principalId": "hunter2"}},
            "claims": {"aud": "https://management.core.windows.net/", "name": "hunter2", "ipaddr": "hunter2"},
            "correlationId": "c", "httpRequest": {"clientIpAddress": "hunter2"}, "resourceProvider": "Microsoft.DesktopVirtualization",
            "resourceUri": resource, "operationName": "Microsoft.DesktopVirtualization/applicationgroups/write",
            "status": status, "subscriptionId": "S1", "tenantId": "t",
        },
    })
}

fn one(event: &Value) -> Result<Told, Illegible> {
    single(event.to_string().as_bytes())
}

fn changed(resource: &str) -> Result<Told, Illegible> {
    let at = Some("2026-03-01T10:00:00.1234567Z".parse().unwrap());
    Ok(Told::Changed(ResourceEvent { resource: ArmId::new(resource), at }))
}

#[test]
fn what_an_event_comes_to() {
    for (kind, status, told) in [
        ("Microsoft.Resources.ResourceWriteSuccess", "Succeeded", changed(GROUP)),
        ("Microsoft.Resources.ResourceDeleteSuccess", "succeeded", changed(GROUP)),
        ("microsoft.resources.resourcewritesuccess", "Succeeded", changed(GROUP)),
        ("Microsoft.Resources.ResourceWriteFailure", "Failed", Ok(Told::Failed)),
        ("Microsoft.Resources.ResourceDeleteCancel", "Canceled", Ok(Told::Failed)),
        ("Microsoft.Resources.ResourceWriteSuccess", "Failed", Ok(Told::Failed)),
        ("Microsoft.Resources.ResourceActionSuccess", "Succeeded", Ok(Told::Nothing)),
        ("Microsoft.Storage.BlobCreated", "Succeeded", Ok(Told::Nothing)),
    ] {
        assert_eq!(one(&event(kind, GROUP, status)), told, "{kind} {status}");
    }
}

#[test]
fn nothing_about_people_is_read() {
    let told = one(&event("Microsoft.Resources.ResourceWriteSuccess", GROUP, "Succeeded")).unwrap();
    assert!(!format!("{told:?}").contains("hunter2"), "{told:?}");
    let mut odd = event("Microsoft.Resources.ResourceWriteSuccess", GROUP, "Succeeded");
    for skipped in ["claims", "authorization", "httpRequest"] {
        odd["data"][skipped] = json!([7, "hunter2"]);
    }
    assert_eq!(one(&odd), changed(GROUP), "and its form does not matter");
}

#[test]
fn the_data_goes_before_the_subject_and_either_is_enough() {
    let mut both = event("Microsoft.Resources.ResourceWriteSuccess", GROUP, "Succeeded");
    both["subject"] = json!(GROUP.to_uppercase());
    assert_eq!(one(&both), changed(GROUP));
    both["data"]["resourceUri"] = Value::Null;
    assert_eq!(one(&both), changed(GROUP));
    both["data"] = Value::Null;
    assert_eq!(one(&both), changed(GROUP));
    both["subject"] = Value::Null;
    assert_eq!(one(&both), Err(Illegible::NoResource));
}

#[test]
fn ids_that_lead_elsewhere_are_illegible() {
    for resource in ["/subscriptions/s1/../../x", "subscriptions/s1", "/providers/x/y?z=1", "", "/subscriptions/s2/a/b"]
    {
        let told = one(&event("Microsoft.Resources.ResourceWriteSuccess", resource, "Succeeded"));
        assert_eq!(told, Err(Illegible::NoResource), "{resource}");
    }
}

#[test]
fn a_time_that_is_missing_or_odd_leaves_the_event_standing() {
    let mut timeless = event("Microsoft.Resources.ResourceWriteSuccess", GROUP, "Succeeded");
    for time in [Value::Null, json!("yesterday")] {
        timeless["eventTime"] = time;
        let Ok(Told::Changed(event)) = one(&timeless) else { panic!("{timeless}") };
        assert_eq!(event.at, None);
    }
}

#[test]
fn cloud_events_say_the_same_in_three_modes() {
    let grid = event("Microsoft.Resources.ResourceWriteSuccess", GROUP, "Succeeded");
    let mut cloud = json!({"specversion": "1.0", "source": "/subscriptions/s1", "id": "1"});
    for (theirs, ours) in [("type", "eventType"), ("time", "eventTime"), ("subject", "subject"), ("data", "data")] {
        cloud[theirs] = grid[ours].clone();
    }
    assert_eq!(one(&cloud), changed(GROUP));
    assert_eq!(batch(json!([cloud, grid]).to_string().as_bytes()), Ok(vec![changed(GROUP), changed(GROUP)]));
    let data = grid["data"].to_string();
    let time = grid["eventTime"].as_str();
    assert_eq!(binary("Microsoft.Resources.ResourceWriteSuccess", None, time, data.as_bytes()), changed(GROUP));
    assert!(matches!(binary("x", None, None, b"{"), Err(Illegible::Body { .. })));
}

#[test]
fn a_malformed_event_does_not_hide_its_neighbours() {
    let good = event("Microsoft.Resources.ResourceWriteSuccess", GROUP, "Succeeded");
    let told = batch(json!([7, good, {"eventType": []}, {}]).to_string().as_bytes()).unwrap();
    assert_eq!(told.iter().filter(|told| told.is_err()).count(), 3);
    assert_eq!(told[1], changed(GROUP));
    for body in ["", "{}", "[", "no JSON", r#"[{"eventType":"#] {
        let error = batch(body.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with("the body is no array of events"), "{body}: {error}");
    }
    assert_eq!(batch(b"[]"), Ok(vec![]));
    let many = format!("[{}]", vec!["1"; MAX_EVENTS + 1].join(","));
    assert_eq!(batch(many.as_bytes()), Err(Illegible::TooMany));
}

#[test]
fn the_handshake_gives_the_code_back() {
    let handshake = |code: &str| {
        let url = "https://rp-eastus2.eventgrid.azure.net/eventsubscriptions/x/validate?id=1";
        json!([{"id": "1", "topic": "/subscriptions/s1", "subject": "",
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "eventTime": "2026-03-01T10:00:00Z",
            "data": {"validationCode": code, "validationUrl": url}, "metadataVersion": "1", "dataVersion": "1"}])
        .to_string()
    };
    assert_eq!(validation_code(handshake("512d38b6-c7b8-40c8").as_bytes()).unwrap(), "512d38b6-c7b8-40c8");
    for bad in [handshake(&"x".repeat(201)), handshake("a\nb"), "[]".to_owned(), "{}".to_owned(), "[7]".to_owned()] {
        validation_code(bad.as_bytes()).unwrap_err();
    }
}
