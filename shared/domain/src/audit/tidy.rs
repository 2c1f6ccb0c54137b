//! Findings as they may be shown: names from outside cannot hide or reorder what stands beside them, and no text or list
//! grows without end.

use super::finding::{Evidence, Finding, Fix};
use crate::text::is_invisible;

/// The longest text of a finding that is kept, in characters. Commands are not cut: half of one is another one.
pub const MAX_TEXT_CHARS: usize = 4_000;
/// The most facts that prove one finding.
pub const MAX_EVIDENCE: usize = 200;

/// A text as people may see it: on one line, nothing invisible in it, at most [`MAX_TEXT_CHARS`] long.
pub(super) fn visible(text: &str) -> String {
    let mut clean: String = text.chars().map(|c| if is_invisible(c) { ' ' } else { c }).take(MAX_TEXT_CHARS).collect();
    if text.chars().nth(MAX_TEXT_CHARS).is_some() {
        clean.push('…');
    }
    clean
}

/// Makes a text fit to be shown, where it is not, and gives back the space that it has no use for.
fn clean(text: &mut String) {
    if text.len() > MAX_TEXT_CHARS || text.chars().any(is_invisible) {
        *text = visible(text);
    }
    text.shrink_to_fit();
}

/// Makes a finding fit to be shown.
pub(super) fn tidy(finding: &mut Finding) {
    clean(&mut finding.message);
    clean(&mut finding.fix.portal);
    for command in [&mut finding.fix.az, &mut finding.fix.powershell].into_iter().flatten() {
        command.shrink_to_fit();
    }
    for evidence in &mut finding.evidence {
        clean(&mut evidence.value);
    }
    let more = finding.evidence.len().saturating_sub(MAX_EVIDENCE);
    if more > 0 {
        finding.evidence.truncate(MAX_EVIDENCE);
        finding.evidence.push(Evidence::new("not listed", format!("{more} more")));
    }
    finding.evidence.shrink_to_fit();
}

/// Makes one finding of several that are about the same: all that proves them, and all that has to be done.
pub(super) fn merge(finding: &mut Finding, other: Finding) {
    finding.severity = finding.severity.max(other.severity);
    for evidence in other.evidence {
        if !finding.evidence.contains(&evidence) {
            finding.evidence.push(evidence);
        }
    }
    let Fix { az, powershell, portal } = &mut finding.fix;
    for (all, one) in [(az, other.fix.az), (powershell, other.fix.powershell)] {
        match (all.as_mut(), one) {
            (Some(all), Some(one)) if !all.contains(&one) => {
                all.push('\n');
                all.push_str(&one);
            }
            (None, Some(one)) => *all = Some(one),
            _ => {}
        }
    }
    if !portal.contains(&other.fix.portal) {
        portal.push_str("; ");
        portal.push_str(&other.fix.portal);
    }
}
