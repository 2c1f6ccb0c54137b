//! What has changed since another audit, and whether that is bad enough to fail.

use super::finding::{Finding, Severity};
use super::report::AuditReport;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How the findings of an audit differ from those of one before. Findings are told apart by their fingerprints.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Comparison {
    /// Those that were not there before, and those that an exemption let stand before and lets stand no more.
    pub new: Vec<Finding>,
    /// Those that are gone, and everything was read that they depend on; as they were found before.
    pub fixed: Vec<Finding>,
    /// Those that are still there, as they are now.
    pub unchanged: Vec<Finding>,
    /// Those that are gone though nobody can say that they are mended: their rule was not run this time, or could not
    /// see everything. As they were found before.
    pub unclear: Vec<Finding>,
}

/// Compares an audit with one before it.
pub fn compare(previous: &AuditReport, now: &AuditReport) -> Comparison {
    fn by_fingerprint(report: &AuditReport) -> HashMap<&str, &Finding> {
        report.findings.iter().map(|finding| (finding.fingerprint.as_str(), finding)).collect()
    }
    let (before, after) = (by_fingerprint(previous), by_fingerprint(now));
    let mut comparison = Comparison::default();
    for finding in &now.findings {
        let speaks_again = |known: &&Finding| known.exempt.is_some() && finding.exempt.is_none();
        let list = match before.get(finding.fingerprint.as_str()) {
            Some(known) if !speaks_again(known) => &mut comparison.unchanged,
            _ => &mut comparison.new,
        };
        list.push(finding.clone());
    }
    for finding in previous.findings.iter().filter(|finding| !after.contains_key(finding.fingerprint.as_str())) {
        let list = if saw_everything(now, &finding.rule) { &mut comparison.fixed } else { &mut comparison.unclear };
        list.push(finding.clone());
    }
    comparison
}

/// Whether a rule was run and saw all that it depends on, so that what it does not find is not there.
fn saw_everything(report: &AuditReport, rule: &str) -> bool {
    report.rules.iter().any(|result| result.id == rule && result.saw_everything())
}

/// Whether an audit fails: it has a finding as bad as this or worse that no exemption lets stand; of those that are new,
/// if there is an audit to compare with.
pub fn fails(report: &AuditReport, comparison: Option<&Comparison>, threshold: Severity) -> bool {
    let findings = comparison.map_or(&report.findings, |comparison| &comparison.new);
    findings.iter().any(|finding| finding.exempt.is_none() && finding.severity >= threshold)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Facet, builtin};
    use crate::audit::Exemption;
    use crate::audit::testing::{Estate, S1};

    fn with_power() -> Estate {
        Estate::clean().user("ann").assign("ann", builtin::USER_ACCESS_ADMINISTRATOR, S1)
    }

    fn rules(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.rule.as_str()).collect()
    }

    #[test]
    fn what_appears_is_new_what_goes_is_fixed_and_what_stays_is_unchanged() {
        let (clean, power) = (Estate::clean().report(), with_power().report());
        let appeared = compare(&clean, &power);
        assert_eq!(rules(&appeared.new), ["R03", "R13", "R17"]);
        assert!(appeared.fixed.is_empty() && appeared.unclear.is_empty());
        let stays = compare(&power, &power);
        assert_eq!(stays.unchanged, power.findings);
        assert!(stays.new.is_empty() && stays.fixed.is_empty());
        let gone = compare(&power, &clean);
        assert_eq!(rules(&gone.fixed), ["R03", "R13", "R17"]);
        assert!(gone.unclear.is_empty());
    }

    #[test]
    fn a_finding_that_is_gone_because_nobody_could_look_is_not_fixed() {
        let power = with_power().report();
        let blind = Estate::clean().forbidden(Facet::RoleAssignments, S1).report();
        assert_eq!(rules(&compare(&power, &blind).unclear), ["R03", "R13", "R17"]);
        assert!(compare(&power, &blind).fixed.is_empty());
        let disabled = with_power().policy(|policy| policy.disabled.push("r03".to_owned())).report();
        assert_eq!(rules(&compare(&power, &disabled).unclear), ["R03"]);
    }

    #[test]
    fn a_rule_that_finds_other_things_and_did_not_see_all_fixes_nothing() {
        let before = with_power().user("bob").assign("bob", builtin::OWNER, S1).report();
        let after = with_power().forbidden(Facet::PimActive, S1).report();
        let comparison = compare(&before, &after);
        let of_bob = |finding: &&Finding| finding.principal.as_deref() == Some("bob");
        assert!(comparison.fixed.iter().all(|finding| !of_bob(&finding)));
        assert!(comparison.unclear.iter().any(|finding| of_bob(&finding) && finding.rule == "R03"));
    }

    #[test]
    fn the_threshold_decides_and_a_comparison_lets_old_findings_pass() {
        let report = with_power().report();
        assert!(fails(&report, None, Severity::Medium) && fails(&report, None, Severity::High));
        assert!(!fails(&report, None, Severity::Critical));
        assert!(!fails(&report, Some(&compare(&report, &report)), Severity::Low));
        assert!(fails(&report, Some(&compare(&Estate::clean().report(), &report)), Severity::High));
        assert!(!fails(&Estate::clean().report(), None, Severity::Low));
    }

    #[test]
    fn an_exemption_keeps_from_failing_and_its_end_makes_the_finding_new() {
        let exempt = |until: &str| {
            with_power().policy(|policy| {
                policy.exemptions.push(Exemption {
                    fingerprint: None,
                    rule: Some("*".to_owned()),
                    scope: None,
                    principal: Some("ANN".to_owned()),
                    reason: "moving".to_owned(),
                    until: until.parse().unwrap(),
                });
            })
        };
        let (during, after) = (exempt("2026-06-01").report(), exempt("2026-05-31").report());
        assert!(!fails(&during, None, Severity::Low));
        assert!(fails(&during, None, Severity::Low) != fails(&after, None, Severity::Low));
        assert_eq!(rules(&compare(&during, &after).new), ["R03", "R13", "R17"]);
        assert_eq!(compare(&after, &during).unchanged.len(), 3);
    }
}
