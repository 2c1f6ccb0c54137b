//! The activity log: which desktop resources were written or deleted lately.
//!
//! It knows operations through ARM only, some minutes late; it is a hint where to look, not a source of facts.

use crate::arm::{Arm, Call};
use crate::listing::Listed;
use crate::throttle::{Kind, Meter};
use crate::versions::ACTIVITY_LOG;
use jiff::Timestamp;
use poolwarden_domain::{ArmId, Reading, Unreadable, Why};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The endings of operations that may change something.
const CHANGES: [&str; 3] = ["/write", "/delete", "/action"];

impl Arm {
    /// The ids of what was changed in a subscription from `since` to `until`, each once.
    pub(crate) async fn changes(&self, subscription: &str, since: Timestamp, until: Timestamp) -> Reading<Vec<ArmId>> {
        let filter = format!(
            "eventTimestamp ge '{since}' and eventTimestamp le '{until}' and resourceProvider eq 'Microsoft.DesktopVirtualization'"
        );
        let scope = ArmId::new(&format!("/subscriptions/{subscription}"));
        let path = format!("{scope}/providers/Microsoft.Insights/eventtypes/management/values");
        let query = [
            ("api-version", ACTIVITY_LOG),
            ("$filter", &filter),
            ("$select", "resourceId,operationName,eventTimestamp,status"),
        ];
        let call = Call {
            url: self.shared.endpoints.arm_url(&path, &query),
            body: None,
            meter: Meter::new(Some(subscription), Kind::Read),
            what: "the activity log",
            scope: scope.clone(),
            role: "Monitoring Reader",
        };
        let log: Listed<Option<ArmId>> = self.list(call, change).await?.ok_or_else(|| {
            Unreadable::new(Why::Failed, format!("the activity log of {scope}: 404, there is no such subscription"))
        })?;
        // An event that cannot be read may have been about anything, so nothing less than the whole will do.
        let changed: BTreeSet<ArmId> = log.whole()?.into_iter().flatten().collect();
        Ok(changed.into_iter().collect())
    }
}

fn change(item: &RawValue) -> Result<Option<ArmId>, String> {
    #[derive(Deserialize)]
    struct Value<'a> {
        #[serde(borrow)]
        value: Cow<'a, str>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Event<'a> {
        #[serde(borrow)]
        resource_id: Cow<'a, str>,
        #[serde(borrow)]
        operation_name: Value<'a>,
        #[serde(borrow, default)]
        status: Option<Value<'a>>,
    }
    let event: Event<'_> = serde_json::from_str(item.get()).map_err(|_| "is no event that can be understood")?;
    let operation = event.operation_name.value.to_ascii_lowercase();
    let failed = event.status.is_some_and(|status| status.value.eq_ignore_ascii_case("failed"));
    let is_change = !failed && CHANGES.iter().any(|ending| operation.ends_with(ending));
    let id = ArmId::new(&event.resource_id);
    let is_desktop = id.as_str().to_ascii_lowercase().contains("/providers/microsoft.desktopvirtualization/");
    Ok((is_change && is_desktop).then_some(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{arm, page_of};
    use serde_json::json;
    use wiremock::matchers::{path, query_param};
    use wiremock::{Mock, MockServer};

    fn event(name: &str, operation: &str, status: &str) -> serde_json::Value {
        let id =
            format!("/subscriptions/s/resourcegroups/g/providers/microsoft.desktopvirtualization/hostpools/{name}");
        json!({"resourceId": id, "operationName": {"value": operation}, "status": {"value": status}, "eventTimestamp": "x"})
    }

    async fn changes(events: serde_json::Value) -> Reading<Vec<ArmId>> {
        let server = MockServer::start().await;
        Mock::given(path("/subscriptions/s/providers/Microsoft.Insights/eventtypes/management/values"))
            .and(query_param("api-version", "2015-04-01"))
            .and(query_param(
                "$filter",
                "eventTimestamp ge '2026-01-01T00:00:00Z' and eventTimestamp le '2026-01-02T00:00:00Z' and \
                 resourceProvider eq 'Microsoft.DesktopVirtualization'",
            ))
            .respond_with(page_of(&json!({ "value": events })))
            .mount(&server)
            .await;
        let (since, until) = ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-01-02T00:00:00Z".parse().unwrap());
        arm(&server).changes("s", since, until).await
    }

    #[tokio::test]
    async fn what_was_changed_is_named_once() {
        let found = changes(json!([
            event("a", "Microsoft.DesktopVirtualization/hostpools/write", "Started"),
            event("A", "Microsoft.DesktopVirtualization/hostpools/write", "Succeeded"),
            event("b", "Microsoft.DesktopVirtualization/hostpools/DELETE", "Succeeded"),
            event("c", "Microsoft.DesktopVirtualization/hostpools/write", "Failed"),
            event("d", "Microsoft.DesktopVirtualization/hostpools/read", "Succeeded"),
        ]));
        let names: Vec<_> = found.await.unwrap().iter().map(|id| id.name().to_ascii_lowercase()).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[tokio::test]
    async fn an_event_that_cannot_be_read_makes_the_log_unreadable() {
        let found = changes(json!([event("a", "x/write", "Succeeded"), {"resourceId": 7}])).await;
        assert_eq!(found.unwrap_err().why, Why::Malformed);
    }
}
