//! Registration tokens that are alive though nobody adds hosts.

use super::remedy::{patch_pool, ps_place};
use crate::ArmId;
use crate::access::{ArmResource, Facet};
use crate::audit::{Audit, Evidence, Family, Fix, Outcome, Rule, Severity, Violation};
use jiff::Timestamp;

pub(super) const RULE: Rule = Rule {
    id: "R35",
    family: Family::Rbac,
    title: "A registration token is alive and no deployment is under way",
    severity: Severity::Medium,
    rationale: "Until it expires, whoever got hold of the token can add a machine of their own to the host pool. It is in \
                deployment scripts, extension settings and logs more often than anybody thinks.",
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/add-session-hosts-host-pool",
        "https://learn.microsoft.com/azure/virtual-desktop/security-recommendations",
    ],
    needs: &[Facet::DesktopVirtualization],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let under_way: Vec<ArmId> = audit.policy.deployments_under_way.iter().map(|pool| ArmId::new(pool)).collect();
    let mut outcome = Outcome::default();
    for pool in audit.host_pools().filter(|pool| !under_way.contains(&pool.id)) {
        let Some(end) = pool.text("registrationInfo/expirationTime").filter(|end| !end.trim().is_empty()) else {
            continue;
        };
        match time(end) {
            Some(time) if time > audit.now => outcome.violations.push(violation(pool, time)),
            Some(_) => {}
            None => {
                outcome.unknown.push(format!("when the registration token of {} ends cannot be understood", pool.id));
            }
        }
    }
    outcome
}

/// A time as host pools give it: with any number of digits after the second, and at times without a zone, which is UTC.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}

fn violation(pool: &ArmResource, end: Timestamp) -> Violation {
    Violation {
        scope: pool.id.clone(),
        principal: None,
        subject: None,
        severity: None,
        message: format!("The registration token of host pool {} is alive until {end}", pool.id.name()),
        evidence: vec![Evidence::new("properties.registrationInfo.expirationTime", end.to_string())],
        fix: Fix {
            az: Some(patch_pool(
                &pool.id,
                r#"{"properties":{"registrationInfo":{"registrationTokenOperation":"Delete"}}}"#,
            )),
            powershell: Some(format!("Remove-AzWvdRegistrationInfo {}", ps_place(&pool.id, "-HostPoolName"))),
            portal: format!("{} > Registration key: expire the key", pool.id),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Verdict;
    use crate::audit::context::HOST_POOLS;
    use crate::audit::testing::{Estate, POOL, S1};
    use serde_json::{Value, json};

    fn estate(end: Value) -> Estate {
        Estate::bare().resource(POOL, HOST_POOLS, json!({ "registrationInfo": { "expirationTime": end } }))
    }

    #[test]
    fn a_token_that_ends_later_than_now_is_alive_however_the_time_is_written() {
        for end in ["2026-06-01T12:00:00.0000001Z", "2026-06-01T14:00:01+02:00", "2027-01-01T00:00:00.12"] {
            assert_eq!(estate(json!(end)).found(&RULE), [format!("{POOL} - -")], "{end}");
        }
        let violation = estate(json!("2027-01-01T00:00:00Z")).check(&RULE).violations.remove(0);
        assert_eq!(
            violation.fix.powershell.as_deref(),
            Some("Remove-AzWvdRegistrationInfo -ResourceGroupName 'avd' -HostPoolName 'p1' -SubscriptionId 's1'")
        );
    }

    #[test]
    fn an_expired_token_none_and_a_deployment_under_way_are_fine() {
        for end in [json!("2026-06-01T12:00:00Z"), json!("2020-01-01T00:00:00"), Value::Null, json!("")] {
            assert_eq!(estate(end.clone()).check(&RULE), Outcome::default(), "{end}");
        }
        assert_eq!(Estate::bare().resource(POOL, HOST_POOLS, json!({})).check(&RULE), Outcome::default());
        let under_way = estate(json!("2027-01-01T00:00:00Z"))
            .policy(|policy| policy.deployments_under_way = vec![POOL.to_uppercase()]);
        assert_eq!(under_way.check(&RULE), Outcome::default());
    }

    #[test]
    fn a_time_that_cannot_be_understood_and_pools_that_could_not_be_read_leave_it_open() {
        let outcome = estate(json!("soon")).check(&RULE);
        assert!(outcome.violations.is_empty() && outcome.unknown.len() == 1, "{outcome:?}");
        assert_eq!(Estate::bare().forbidden(Facet::DesktopVirtualization, S1).verdict(&RULE), Verdict::Unknown);
    }
}
