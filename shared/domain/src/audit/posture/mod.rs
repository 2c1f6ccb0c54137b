//! The rules about how a deployment is made: `V01` to `V68`.
//!
//! What each looks at, when it applies and what its violations are about is told by the rule itself: its title says
//! what must hold, and its rationale how that was checked. Nothing here reads anything: the facts are all there is.

mod address;
mod components;
mod directory;
mod estate;
mod files;
mod hosts;
mod leftovers;
mod mend;
mod network;
mod permissions;
mod security_groups;
mod security_rules;
mod vaults;
mod vendor_identity;
mod wiring;

use super::context::Audit;
use super::finding::Severity;
use super::rule::{Family, Outcome, Rule};
use crate::access::Facet;

/// A rule of this family.
const fn rule(
    id: &'static str,
    severity: Severity,
    title: &'static str,
    rationale: &'static str,
    references: &'static [&'static str],
    needs: &'static [Facet],
    check: fn(&Audit<'_>) -> Outcome,
) -> Rule {
    Rule { id, family: Family::Posture, title, severity, rationale, references, needs, check }
}

/// The rules, by id.
pub const RULES: &[Rule] = &[
    vendor_identity::V01,
    vendor_identity::V02,
    vendor_identity::V03,
    vendor_identity::V04,
    vendor_identity::V05,
    permissions::V06,
    permissions::V07,
    permissions::V08,
    permissions::V09,
    permissions::V10,
    permissions::V11,
    permissions::V12,
    permissions::V13,
    vendor_identity::V14,
    vendor_identity::V15,
    vendor_identity::V16,
    vendor_identity::V17,
    leftovers::V18,
    leftovers::V19,
    leftovers::V20,
    leftovers::V21,
    leftovers::V22,
    leftovers::V23,
    leftovers::V24,
    leftovers::V25,
    leftovers::V26,
    network::V27,
    network::V28,
    network::V29,
    network::V30,
    security_groups::V31,
    security_groups::V32,
    network::V33,
    network::V34,
    network::V35,
    components::V36,
    components::V37,
    components::V38,
    components::V39,
    components::V40,
    vaults::V41,
    vaults::V42,
    vaults::V43,
    files::V44,
    files::V45,
    files::V46,
    files::V47,
    directory::V48,
    directory::V49,
    directory::V50,
    directory::V51,
    directory::V52,
    directory::V53,
    directory::V54,
    directory::V55,
    directory::V56,
    directory::V57,
    directory::V58,
    directory::V59,
    directory::V60,
    directory::V61,
    hosts::V62,
    hosts::V63,
    hosts::V64,
    hosts::V65,
    hosts::V66,
    hosts::V67,
    hosts::V68,
];

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use super::testing::{NONE, deployed, failing, found, id, result, vds, verdict};
    use super::*;
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
    fn a_finding_names_the_whole_resource_and_tells_how_it_was_checked_and_mended() {
        let estate = testing::edited(deployed(), testing::VM1, "/properties/licenseType", serde_json::Value::Null);
        assert_eq!(found(&estate, &hosts::V63), [format!("{} - -", testing::VM1)]);
        let violation = estate.check(&hosts::V63).violations.remove(0);
        assert_eq!(violation.scope.as_str(), id(testing::VM1));
        let evidence: Vec<(&str, &str)> =
            violation.evidence.iter().map(|one| (one.what.as_str(), one.value.as_str())).collect();
        assert_eq!(evidence, [("resource", id(testing::VM1).as_str()), ("properties.licenseType", "absent")]);
        assert!(violation.fix.portal.contains("Bicep: licenseType: 'Windows_Client'"));
    }
}
