//! What holds for every rule.

use super::RULES;
use crate::access::builtin::{
    AVD_APPLICATION, DESKTOP_VIRTUALIZATION_USER, POWER_ON_OFF_CONTRIBUTOR, SESSION_HOST_OPERATOR,
    VIRTUAL_MACHINE_USER_LOGIN,
};
use crate::access::{Coverage, Facet, State};
use crate::audit::context::{APPLICATION_GROUPS, HOST_POOLS, SCALING_PLANS, SESSION_HOSTS};
use crate::audit::testing::{Estate, GROUP, POOL, RG, S1};
use crate::audit::{Family, Rule, Severity, Verdict};
use crate::{Unreadable, Why};
use serde_json::json;

/// The longest title that a table shows on one line.
const MAX_TITLE_CHARS: usize = 90;

fn needing(facet: Facet) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| rule.needs.contains(&facet))
}

/// A clean estate in which there is something to judge for every rule.
fn deployed() -> Estate {
    let provider = format!("{RG}/providers/Microsoft.DesktopVirtualization");
    let (apps, workspace, machine) = (
        format!("{provider}/applicationGroups/apps"),
        format!("{provider}/workspaces/w"),
        format!("{RG}/providers/Microsoft.Compute/virtualMachines/h1"),
    );
    let group =
        |kind: &str| json!({ "hostPoolArmPath": POOL, "workspaceArmPath": workspace, "applicationGroupType": kind });
    let ended = json!({ "expirationTime": "2026-01-01T00:00:00.0000000Z" });
    let plan = json!({ "hostPoolReferences": [{ "hostPoolArmPath": POOL, "scalingPlanEnabled": true }] });
    Estate::clean()
        .resource(POOL, HOST_POOLS, json!({ "startVMOnConnect": true, "registrationInfo": ended }))
        .resource(GROUP, APPLICATION_GROUPS, group("Desktop"))
        .resource(&apps, APPLICATION_GROUPS, group("RemoteApp"))
        .resource(&format!("{provider}/scalingPlans/plan"), SCALING_PLANS, plan)
        .resource(&format!("{POOL}/sessionHosts/h1"), SESSION_HOSTS, json!({ "resourceId": machine }))
        .resource(&machine, "Microsoft.Compute/virtualMachines", json!({}))
        .resource(
            &format!("{machine}/extensions/AADLogin"),
            "Microsoft.Compute/virtualMachines/extensions",
            json!({ "type": "AADLoginForWindows" }),
        )
        .resource(
            &format!("{RG}/providers/Microsoft.KeyVault/vaults/kv"),
            "Microsoft.KeyVault/vaults",
            json!({ "enableRbacAuthorization": true }),
        )
        .user("ann")
        .user("bob")
        .group("desktop-users", &["ann"])
        .group("app-users", &["bob"])
        .application("avd", "Azure Virtual Desktop", AVD_APPLICATION)
        .assign("desktop-users", DESKTOP_VIRTUALIZATION_USER, GROUP)
        .assign("app-users", DESKTOP_VIRTUALIZATION_USER, &apps)
        .assign("desktop-users", VIRTUAL_MACHINE_USER_LOGIN, RG)
        .assign("app-users", VIRTUAL_MACHINE_USER_LOGIN, RG)
        .assign("avd", POWER_ON_OFF_CONTRIBUTOR, S1)
        .assign("operators", SESSION_HOST_OPERATOR, POOL)
}

#[test]
fn the_rules_are_numbered_without_gaps_and_say_what_is_wrong_why_and_where_to_read_on() {
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    let expected: Vec<String> = (1..=44).map(|number| format!("R{number:02}")).collect();
    assert_eq!(ids, expected);
    for rule in RULES {
        assert_eq!(rule.family, Family::Rbac, "{}", rule.id);
        assert!(!rule.title.is_empty() && rule.title.chars().count() <= MAX_TITLE_CHARS, "{}: title", rule.id);
        assert!(rule.rationale.len() > rule.title.len() && rule.rationale.ends_with('.'), "{}: rationale", rule.id);
        assert!(!rule.rationale.contains("  ") && !rule.rationale.contains('\n'), "{}: rationale", rule.id);
        assert!(!rule.references.is_empty(), "{}: references", rule.id);
        for reference in rule.references {
            assert!(reference.starts_with("https://learn.microsoft.com/"), "{}: {reference}", rule.id);
            assert!(!reference.contains("/en-us/"), "{}: {reference} is in one language", rule.id);
        }
        let distinct: std::collections::BTreeSet<Facet> = rule.needs.iter().copied().collect();
        assert_eq!(distinct.len(), rule.needs.len(), "{}: a facet twice", rule.id);
        assert_eq!(rule.needs.is_empty(), rule.id == "R44", "{}: needs", rule.id);
    }
}

#[test]
fn severities_are_those_of_the_table() {
    let of = |severity: Severity| -> Vec<&str> {
        RULES.iter().filter(|rule| rule.severity == severity).map(|rule| &rule.id[1..]).collect()
    };
    assert_eq!(of(Severity::Critical).join(" "), "02 05 11 14 42");
    assert_eq!(of(Severity::Medium).join(" "), "04 08 09 15 17 18 25 28 32 35 38 39 43");
    assert_eq!(of(Severity::Low).join(" "), "10 16 20 21 23 27");
    assert_eq!(of(Severity::High).len(), 44 - 5 - 13 - 6);
}

#[test]
fn every_rule_passes_a_clean_estate_that_was_read_in_full() {
    for rule in deployed().report().rules {
        assert_eq!(rule.verdict, Verdict::Pass, "{}: {:?}", rule.id, rule.reasons);
    }
    for result in Estate::clean().report().rules {
        assert!(matches!(result.verdict, Verdict::Pass | Verdict::NotApplicable), "{}: {result:?}", result.id);
    }
}

#[test]
fn a_coverage_entry_that_is_missing_leaves_no_rule_that_needs_it_at_pass() {
    for estate in [deployed(), Estate::clean()] {
        for at in 0..estate.facts.coverage.len() {
            let facet = estate.facts.coverage[at].facet;
            let silent = estate.clone().with(|facts| drop(facts.coverage.remove(at)));
            for rule in needing(facet) {
                assert_eq!(silent.verdict(rule), Verdict::Unknown, "{} without {facet}", rule.id);
            }
        }
    }
}

#[test]
fn a_scope_that_could_not_be_read_leaves_no_rule_that_needs_it_at_pass() {
    for estate in [deployed(), Estate::clean()] {
        for Coverage { scope, facet, .. } in &estate.facts.coverage {
            let unread = estate.clone().forbidden(*facet, scope.as_str());
            for rule in needing(*facet) {
                assert_eq!(unread.verdict(rule), Verdict::Unknown, "{} without {facet} of {scope}", rule.id);
            }
        }
    }
}

#[test]
fn what_was_read_in_part_below_a_subscription_counts_as_unread() {
    let reason = Unreadable::new(Why::Throttled, "429");
    let estate = deployed().with(|facts| {
        facts.coverage.push(Coverage::unknown(crate::ArmId::new(POOL), Facet::DesktopVirtualization, reason));
    });
    assert!(estate.facts.coverage.iter().any(|one| matches!(one.state, State::Unknown(_))));
    for rule in needing(Facet::DesktopVirtualization) {
        assert_eq!(estate.verdict(rule), Verdict::Unknown, "{}", rule.id);
    }
}
