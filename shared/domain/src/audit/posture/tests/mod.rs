//! Laws of all rules about posture, and each rule by what spoils it.

mod components;
mod directory;
mod files;
mod hosts;
mod leftovers;
mod network;
mod permissions;
mod security_groups;
mod vaults;
mod vendor_identity;

use super::testing::{NONE, VM1, deployed, edited, failing, found, id, result, vds, verdict};
use super::{Family, RULES};
use crate::audit::Verdict;
use crate::audit::testing::Estate;

#[test]
fn the_rules_stand_in_order_and_none_is_missing() {
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    let all: Vec<String> = (1..=68).map(|number| format!("V{number:02}")).collect();
    assert_eq!(ids, all);
    assert!(RULES.iter().all(|rule| rule.family == Family::Posture && !rule.references.is_empty()));
}

#[test]
fn a_deployment_as_it_should_be_violates_nothing_and_all_that_applies_passes() {
    let estate = deployed();
    assert_eq!(failing(&estate), NONE);
    for rule in RULES {
        let result = result(&estate, rule.id);
        let number: u32 = rule.id[1..].parse().unwrap();
        let is_vendors = matches!(number, 1..=5 | 14..=16 | 18..=26 | 48..=60);
        let expected = if is_vendors { Verdict::NotApplicable } else { Verdict::Pass };
        assert_eq!(result.verdict, expected, "{} {:?}", rule.id, result.reasons);
    }
}

#[test]
fn where_vds_has_been_its_rules_apply_and_the_directory_is_unknown() {
    let estate = vds(deployed());
    assert_eq!(failing(&estate), ["V19"]);
    for rule in RULES {
        let result = result(&estate, rule.id);
        let expected = match rule.id {
            "V19" => Verdict::Fail,
            // There is no CWMGR1.
            "V21" => Verdict::NotApplicable,
            id if ("V48"..="V60").contains(&id) => Verdict::Unknown,
            _ => Verdict::Pass,
        };
        assert_eq!(result.verdict, expected, "{} {:?}", rule.id, result.reasons);
    }
}

#[test]
fn an_estate_without_a_deployment_is_not_judged_by_its_absence() {
    let estate = Estate::bare().with(|facts| facts.own_principal = Some("poolwarden".to_owned()));
    for rule in RULES {
        let about_identities = (6..=13).any(|number| rule.id == format!("V{number:02}")) || rule.id == "V17";
        let expected = if about_identities { Verdict::Pass } else { Verdict::NotApplicable };
        assert_eq!(verdict(&estate, rule), expected, "{}", rule.id);
    }
}

#[test]
fn a_rule_passes_only_if_every_facet_it_needs_was_read() {
    for rule in RULES {
        assert!(!rule.needs.is_empty(), "{}", rule.id);
        for facet in rule.needs {
            let scope = if facet.is_of_directory() { "/" } else { crate::audit::testing::S1 };
            let estate = deployed().forbidden(*facet, scope);
            assert_eq!(verdict(&estate, rule), Verdict::Unknown, "{} {facet}", rule.id);
        }
    }
}

#[test]
fn thresholds_beyond_all_time_neither_stop_an_audit_nor_find_anything() {
    let estate = vds(deployed()).policy(|policy| {
        let thresholds = &mut policy.thresholds;
        for days in [
            &mut thresholds.secret_age_days,
            &mut thresholds.image_age_days,
            &mut thresholds.sync_age_hours,
            &mut thresholds.join_password_age_days,
        ] {
            *days = i64::MAX;
        }
    });
    assert_eq!(failing(&estate), ["V19"]);
}

#[test]
fn a_finding_names_the_whole_resource_and_tells_how_it_was_checked_and_mended() {
    let estate = edited(deployed(), VM1, "/properties/licenseType", serde_json::Value::Null);
    assert_eq!(found(&estate, &super::hosts::V63), [format!("{VM1} - -")]);
    let violation = estate.check(&super::hosts::V63).violations.remove(0);
    assert_eq!(violation.scope.as_str(), id(VM1));
    let evidence: Vec<(&str, &str)> =
        violation.evidence.iter().map(|one| (one.what.as_str(), one.value.as_str())).collect();
    assert_eq!(evidence, [("resource", id(VM1).as_str()), ("properties.licenseType", "absent")]);
    assert!(violation.fix.portal.contains("Bicep: licenseType: 'Windows_Client'"));
}
