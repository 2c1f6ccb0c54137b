//! Findings as SARIF 2.1.0. <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use crate::access::State;
use crate::audit::{AuditReport, Comparison, Finding, RuleResult, Severity};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

/// The fingerprint's name: its number rises if ever another digest takes its place.
const FINGERPRINT: &str = "poolwardenFinding/v1";
/// What stands in a path of a URI as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The report as one SARIF run. Compared with an earlier report, each result says whether it is new.
pub fn sarif(report: &AuditReport, comparison: Option<&Comparison>) -> Value {
    let known: Option<HashSet<&str>> =
        comparison.map(|comparison| comparison.unchanged.iter().map(|finding| finding.fingerprint.as_str()).collect());
    let at: HashMap<&str, usize> = report.rules.iter().enumerate().map(|(at, rule)| (rule.id.as_str(), at)).collect();
    let results: Vec<Value> = report.findings.iter().map(|finding| result(finding, &at, known.as_ref())).collect();
    let unread = report.coverage.iter().filter_map(|coverage| match &coverage.state {
        State::Unknown(reason) => Some(json!({
            "level": "warning",
            "message": {"text": format!("{} of {} could not be read: {reason}", coverage.facet, coverage.scope)},
        })),
        State::Read { .. } => None,
    });
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "Poolwarden",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": report.rules.iter().map(rule).collect::<Vec<_>>(),
            }},
            "automationDetails": {"id": format!("poolwarden/{}/", utf8_percent_encode(&report.source, PATH))},
            "invocations": [{
                "executionSuccessful": true,
                "endTimeUtc": report.read_at.to_string(),
                "toolExecutionNotifications": unread.collect::<Vec<_>>(),
            }],
            "results": results,
        }],
    })
}

fn rule(rule: &RuleResult) -> Value {
    let mut value = json!({
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.rationale},
        "help": {"text": format!("{} {}", rule.rationale, rule.references.join(" "))},
        "defaultConfiguration": {"level": level(rule.severity)},
        "properties": {
            "tags": ["security", rule.family],
            "severity": rule.severity,
            "security-severity": score(rule.severity),
            "verdict": rule.verdict,
        },
    });
    if let Some(reference) = rule.references.first() {
        value["helpUri"] = json!(reference);
    }
    value
}

fn result(finding: &Finding, at: &HashMap<&str, usize>, known: Option<&HashSet<&str>>) -> Value {
    let uri = utf8_percent_encode(finding.scope.as_str().trim_start_matches('/'), PATH).to_string();
    let uri = if uri.is_empty() { "tenant".to_owned() } else { uri };
    let mut value = json!({
        "ruleId": finding.rule,
        "level": level(finding.severity),
        "message": {"text": finding.message},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": uri}},
            "logicalLocations": [{"fullyQualifiedName": finding.scope, "kind": "resource"}],
        }],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "properties": {
            "severity": finding.severity,
            "principal": finding.principal,
            "subject": finding.subject,
            "hostPools": finding.host_pools,
            "evidence": finding.evidence,
            "fix": finding.fix,
        },
    });
    if let Some(index) = at.get(finding.rule.as_str()) {
        value["ruleIndex"] = json!(index);
    }
    if let Some(known) = known {
        value["baselineState"] = json!(if known.contains(finding.fingerprint.as_str()) { "unchanged" } else { "new" });
    }
    if let Some(reason) = &finding.exempt {
        value["suppressions"] = json!([{"kind": "external", "justification": reason}]);
    }
    value
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// The number by which others sort: critical from 9.0, high from 7.0, medium from 4.0.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
    }
}
