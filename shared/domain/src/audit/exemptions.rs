//! Findings that the policy lets stand for a while.

use super::finding::Finding;
use super::policy::{AuditPolicy, Exemption, is_same};
use super::report::{ExemptionResult, ExemptionState};
use crate::wildcard;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The policy's exemptions on a day, and how many findings each is about.
pub(super) struct Exemptions<'a> {
    all: &'a [Exemption],
    findings: Vec<usize>,
    today: Date,
}

impl<'a> Exemptions<'a> {
    /// The policy's exemptions at a time. Days are those of Coordinated Universal Time.
    pub(super) fn new(policy: &'a AuditPolicy, now: Timestamp) -> Self {
        let all = policy.exemptions.as_slice();
        Self { all, findings: vec![0; all.len()], today: now.to_zoned(TimeZone::UTC).date() }
    }

    /// Lets a finding stand if an exemption says so that has not ended.
    pub(super) fn apply(&mut self, finding: &mut Finding) {
        for (exemption, findings) in self.all.iter().zip(&mut self.findings) {
            if !is_about(exemption, finding) {
                continue;
            }
            *findings += 1;
            if exemption.until >= self.today && finding.exempt.is_none() {
                finding.exempt = Some(format!("{} (until {})", exemption.reason.trim(), exemption.until));
            }
        }
    }

    /// What became of them.
    pub(super) fn results(self) -> Vec<ExemptionResult> {
        let today = self.today;
        let state = |exemption: &Exemption, findings: usize| match findings {
            _ if exemption.until < today => ExemptionState::Ended,
            0 => ExemptionState::Unused,
            _ => ExemptionState::Applied,
        };
        let all = self.all.iter().zip(self.findings);
        all.map(|(exemption, findings)| ExemptionResult {
            exemption: exemption.clone(),
            state: state(exemption, findings),
            findings,
        })
        .collect()
    }
}

/// Whether everything that an exemption gives fits a finding. One that gives nothing fits none.
fn is_about(exemption: &Exemption, finding: &Finding) -> bool {
    let fits = |given: &Option<String>, fits: &dyn Fn(&str) -> bool| given.as_deref().is_none_or(fits);
    let Exemption { fingerprint, rule, scope, principal, .. } = exemption;
    let is_given = [fingerprint, rule, scope, principal].into_iter().any(Option::is_some);
    is_given
        && fits(fingerprint, &|text| text.trim().eq_ignore_ascii_case(&finding.fingerprint))
        && fits(principal, &|id| finding.principal.as_deref().is_some_and(|one| is_same(id, one)))
        && fits(rule, &|pattern| wildcard::matches(pattern, &finding.rule))
        && fits(scope, &|pattern| wildcard::matches(pattern, finding.scope.as_str()))
}
