//! Findings as CSV: one line each, for spreadsheets.

use crate::audit::{AuditReport, Finding};

/// The columns.
const HEADINGS: &str = "fingerprint,rule,title,severity,scope,principal,principal_name,principal_type,subject,message,host_pools,evidence,fix_az,fix_powershell,fix_portal,exempt";

/// The findings as CSV (RFC 4180), with headings. What a spreadsheet would take for a formula begins with an
/// apostrophe.
pub fn csv(report: &AuditReport) -> String {
    let mut text = format!("{HEADINGS}\r\n");
    for finding in &report.findings {
        let line: Vec<String> = cells(report, finding).iter().map(|cell| quoted(cell)).collect();
        text.push_str(&line.join(","));
        text.push_str("\r\n");
    }
    text
}

fn cells(report: &AuditReport, finding: &Finding) -> [String; 16] {
    let title = report.rules.iter().find(|rule| rule.id == finding.rule).map(|rule| rule.title.clone());
    let principal = finding.principal.clone().unwrap_or_default();
    let named = report.principals.get(&principal);
    let pools: Vec<&str> = finding.host_pools.iter().map(crate::ArmId::as_str).collect();
    let evidence: Vec<String> = finding.evidence.iter().map(|one| format!("{}: {}", one.what, one.value)).collect();
    [
        finding.fingerprint.clone(),
        finding.rule.clone(),
        title.unwrap_or_default(),
        finding.severity.to_string(),
        finding.scope.to_string(),
        principal.clone(),
        named.map(|named| named.name.clone()).unwrap_or_default(),
        named.map(|named| named.kind.clone()).unwrap_or_default(),
        finding.subject.clone().unwrap_or_default(),
        finding.message.clone(),
        pools.join("\n"),
        evidence.join("\n"),
        finding.fix.az.clone().unwrap_or_default(),
        finding.fix.powershell.clone().unwrap_or_default(),
        finding.fix.portal.clone(),
        finding.exempt.clone().unwrap_or_default(),
    ]
}

fn quoted(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if is_formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}
