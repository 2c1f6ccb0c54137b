//! An audit as a table for people.

use crate::commands::output::{rows, visible};
use poolwarden_domain::access::State;
use poolwarden_domain::audit::{AuditReport, Comparison, Finding, Severity, Verdict};
use std::fmt::Write;

/// The most unread scopes that are listed one by one.
const MAX_UNREAD: usize = 20;

/// The report as text: what is wrong, what could not be read, and the sum.
pub(super) fn text(report: &AuditReport, comparison: Option<&Comparison>, limit: usize) -> anyhow::Result<String> {
    let mut text = String::new();
    let open: Vec<&Finding> = report.findings.iter().filter(|finding| finding.exempt.is_none()).collect();
    let shown = if limit == 0 { open.len() } else { limit.min(open.len()) };
    let is_new = |finding: &Finding| {
        comparison.is_some_and(|one| one.new.iter().any(|new| new.fingerprint == finding.fingerprint))
    };
    let lines = open[..shown].iter().map(|finding| {
        let who = finding.principal.as_deref().map(|id| match report.principals.get(id) {
            Some(named) => format!("{} ({})", named.name, named.kind),
            None => id.to_owned(),
        });
        let mark = if is_new(finding) { "new " } else { "" };
        [
            format!("{mark}{}", finding.severity),
            finding.rule.clone(),
            finding.message.clone(),
            finding.scope.to_string(),
            who.unwrap_or_default(),
        ]
    });
    if !open.is_empty() {
        text.push_str(&rows(["SEVERITY", "RULE", "WHAT IS WRONG", "WHERE", "WHO"], lines));
    }
    if shown < open.len() {
        let more = open.len() - shown;
        writeln!(text, "… and {more} more: --limit 0 shows all, --format html or json with the evidence and the fix")?;
    }
    unread(&mut text, report)?;
    let count = |severity| report.summary.findings.get(&severity).copied().unwrap_or(0);
    let counts: Vec<String> = Severity::ALL.iter().map(|severity| format!("{} {severity}", count(*severity))).collect();
    let rules = |verdict| report.summary.rules.get(&verdict).copied().unwrap_or(0);
    writeln!(
        text,
        "\n{}: {}, {} exempt. Rules: {} failed, {} unknown, {} passed, {} not applicable.",
        visible(&report.source),
        counts.join(", "),
        report.summary.exempt,
        rules(Verdict::Fail),
        rules(Verdict::Unknown),
        rules(Verdict::Pass),
        rules(Verdict::NotApplicable)
    )?;
    if let Some(one) = comparison {
        let (new, fixed, unchanged, unclear) = (one.new.len(), one.fixed.len(), one.unchanged.len(), one.unclear.len());
        writeln!(text, "Since the baseline: {new} new, {fixed} fixed, {unchanged} unchanged, {unclear} unclear.")?;
    }
    Ok(text)
}

fn unread(text: &mut String, report: &AuditReport) -> std::fmt::Result {
    let unread: Vec<String> = report
        .coverage
        .iter()
        .filter_map(|coverage| match &coverage.state {
            State::Unknown(reason) => Some(format!("{} of {}: {reason}", coverage.facet, coverage.scope)),
            State::Read { .. } => None,
        })
        .collect();
    if unread.is_empty() {
        return Ok(());
    }
    writeln!(text, "\nNot read, so that what depends on it is unknown:")?;
    for line in unread.iter().take(MAX_UNREAD) {
        writeln!(text, "  {}", visible(line))?;
    }
    if unread.len() > MAX_UNREAD {
        writeln!(text, "  … and {} more", unread.len() - MAX_UNREAD)?;
    }
    Ok(())
}
