//! The report as one HTML page that needs nothing else: no script, style or font from elsewhere. Its only script is a
//! constant, which the page's own policy names by digest, so that nothing else can run in it, whatever a name says.

use crate::access::State;
use crate::audit::{AuditReport, Evidence, Finding, Reach, Severity, Verdict};
use crate::text::is_invisible;
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The script of the page: what filters, and what opens everything before it is printed.
const SCRIPT: &str = include_str!("../../../templates/audit.js");
/// The style of the page.
const STYLE: &str = include_str!("../../../templates/audit.css");
/// The most holders that a line of the matrix names.
const MAX_HOLDERS: usize = 12;

#[derive(Template)]
#[template(path = "audit.html")]
struct Page<'a> {
    source: String,
    tenant: String,
    read_at: String,
    counts: Vec<(Severity, usize)>,
    exempt: usize,
    rules_line: String,
    pools: Vec<(String, String)>,
    findings: Vec<Row<'a>>,
    rules: Vec<RuleRow<'a>>,
    access: Vec<AccessRow>,
    unknown: Vec<(String, String, String)>,
    read: usize,
    script: &'static str,
    style: &'static str,
    policy: String,
}

struct Row<'a> {
    rule: &'a str,
    title: &'a str,
    severity: Severity,
    message: String,
    scope: String,
    principal: String,
    pools: String,
    evidence: Vec<Evidence>,
    az: String,
    powershell: String,
    portal: String,
    exempt: String,
    fingerprint: &'a str,
}

struct RuleRow<'a> {
    id: &'a str,
    title: &'a str,
    severity: Severity,
    verdict: &'static str,
    findings: usize,
    rationale: &'a str,
    reasons: Vec<String>,
    references: &'a [String],
}

struct AccessRow {
    pool: String,
    resource: String,
    question: &'static str,
    people: usize,
    holders: Vec<String>,
    more: usize,
    unknown: Vec<String>,
}

/// The report as a page.
pub fn html(report: &AuditReport) -> String {
    let digest = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    // By the ids as they are compared: answers spell the same pool in different cases.
    let pools: BTreeMap<String, String> = report
        .access
        .iter()
        .map(|reach| &reach.host_pool)
        .chain(report.findings.iter().flat_map(|one| &one.host_pools))
        .map(|id| (shown(&id.canonical()), shown(id.as_str())))
        .collect();
    let unread = report.coverage.iter().filter_map(|coverage| match &coverage.state {
        State::Unknown(reason) => {
            Some((shown(coverage.scope.as_str()), coverage.facet.to_string(), shown(&reason.to_string())))
        }
        State::Read { .. } => None,
    });
    let unknown: Vec<_> = unread.collect();
    let page = Page {
        source: shown(&report.source),
        tenant: shown(report.tenant.as_deref().unwrap_or("unknown")),
        read_at: report.read_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        counts: Severity::ALL
            .map(|severity| (severity, report.summary.findings.get(&severity).copied().unwrap_or(0)))
            .to_vec(),
        exempt: report.summary.exempt,
        rules_line: rules_line(report),
        pools: pools.into_iter().collect(),
        findings: report.findings.iter().map(|finding| row(report, finding)).collect(),
        rules: report
            .rules
            .iter()
            .map(|rule| RuleRow {
                id: &rule.id,
                title: &rule.title,
                severity: rule.severity,
                verdict: verdict(rule.verdict),
                findings: rule.findings,
                rationale: &rule.rationale,
                reasons: rule.reasons.iter().map(|reason| shown(reason)).collect(),
                references: &rule.references,
            })
            .collect(),
        access: report.access.iter().map(access_row).collect(),
        read: report.coverage.len() - unknown.len(),
        unknown,
        script: SCRIPT,
        style: STYLE,
        policy: format!(
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        ),
    };
    page.render().expect("a template over plain text always renders")
}

fn row<'a>(report: &'a AuditReport, finding: &'a Finding) -> Row<'a> {
    let rule = report.rules.iter().find(|rule| rule.id == finding.rule);
    let principal = finding.principal.as_deref().map(|id| match report.principals.get(id) {
        Some(named) => format!("{} ({}, {id})", named.name, named.kind),
        None => id.to_owned(),
    });
    let text = |text: &Option<String>| shown(text.as_deref().unwrap_or_default());
    let pools: Vec<String> = finding.host_pools.iter().map(crate::ArmId::canonical).collect();
    Row {
        rule: &finding.rule,
        title: rule.map_or("", |rule| rule.title.as_str()),
        severity: finding.severity,
        message: shown(&finding.message),
        scope: shown(finding.scope.as_str()),
        principal: shown(&principal.unwrap_or_default()),
        pools: shown(&pools.join("\n")),
        evidence: finding.evidence.iter().map(|one| Evidence::new(shown(&one.what), shown(&one.value))).collect(),
        az: text(&finding.fix.az),
        powershell: text(&finding.fix.powershell),
        portal: shown(&finding.fix.portal),
        exempt: text(&finding.exempt),
        fingerprint: &finding.fingerprint,
    }
}

fn access_row(reach: &Reach) -> AccessRow {
    let named = reach.holders.iter().take(MAX_HOLDERS).map(|holder| {
        let roles: Vec<&str> = holder.roles.iter().map(String::as_str).collect();
        let answer = match holder.answer {
            crate::access::Answer::Allowed => String::new(),
            other => format!(", {}", format!("{other:?}").to_lowercase()),
        };
        shown(&format!("{} ({}{answer}): {}", holder.name, holder.kind, roles.join(", ")))
    });
    AccessRow {
        pool: shown(&reach.host_pool.canonical()),
        resource: shown(reach.resource.name()),
        question: reach.question.title(),
        people: reach.people,
        holders: named.collect(),
        more: reach.more + reach.holders.len().saturating_sub(MAX_HOLDERS),
        unknown: reach.unknown.iter().map(|text| shown(text)).collect(),
    }
}

fn rules_line(report: &AuditReport) -> String {
    let count = |verdict| report.summary.rules.get(&verdict).copied().unwrap_or(0);
    format!(
        "{} rules failed, {} unknown, {} passed, {} not applicable",
        count(Verdict::Fail),
        count(Verdict::Unknown),
        count(Verdict::Pass),
        count(Verdict::NotApplicable)
    )
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fail => "fail",
        Verdict::Unknown => "unknown",
        Verdict::Pass => "pass",
        Verdict::NotApplicable => "not applicable",
        Verdict::Disabled => "disabled",
    }
}

/// Text from outside as it may be shown: nothing that reorders or hides what stands beside it.
fn shown(text: &str) -> String {
    text.chars().map(|c| if is_invisible(c) && c != '\n' { '\u{FFFD}' } else { c }).collect()
}
