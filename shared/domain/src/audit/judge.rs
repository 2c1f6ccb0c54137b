//! Runs the rules.

use super::completeness::unread;
use super::context::Audit;
use super::finding::{Finding, Violation, fingerprint};
use super::policy::AuditPolicy;
use super::report::{AuditReport, Named, RuleResult, Summary, Verdict};
use super::rule::{Family, Outcome, Rule};
use super::{posture, rules};
use crate::access::{AccessFacts, DirectoryObject, State, World};
use crate::wildcard;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// The built-in rules of a family.
pub fn rules_of(family: Family) -> &'static [Rule] {
    match family {
        Family::Rbac => rules::RULES,
        Family::Posture => posture::RULES,
        Family::Custom => &[],
    }
}

/// Runs every rule of these families over the facts.
pub fn audit(
    source: &str,
    facts: &AccessFacts,
    policy: &AuditPolicy,
    families: &[Family],
    now: Timestamp,
) -> AuditReport {
    let world = World::new(facts);
    let audit = Audit { facts, world: &world, policy, now };
    let (mut results, mut findings) = (Vec::new(), Vec::new());
    for rule in families.iter().flat_map(|family| rules_of(*family)) {
        if policy.disabled.iter().any(|disabled| disabled.eq_ignore_ascii_case(rule.id)) {
            continue;
        }
        let outcome = (rule.check)(&audit);
        let (result, found) = settle(&audit, rule, outcome);
        results.push(result);
        findings.extend(found);
    }
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| (std::cmp::Reverse(finding.severity), finding.rule.clone());
        key(a).cmp(&key(b)).then_with(|| a.scope.cmp(&b.scope)).then_with(|| a.fingerprint.cmp(&b.fingerprint))
    });
    let summary = summary(&results, &findings, facts);
    AuditReport {
        source: source.to_owned(),
        tenant: facts.tenant.clone(),
        read_at: facts.read_at,
        summary,
        rules: results,
        principals: principals(&world, &findings),
        findings,
        coverage: facts.coverage.clone(),
    }
}

/// What becomes of a single rule.
#[cfg(test)]
pub(super) fn verdict(audit: &Audit<'_>, rule: &Rule) -> Verdict {
    settle(audit, rule, (rule.check)(audit)).0.verdict
}

fn settle(audit: &Audit<'_>, rule: &Rule, outcome: Outcome) -> (RuleResult, Vec<Finding>) {
    let expected = |violation: &Violation| {
        violation.principal.as_deref().is_some_and(|principal| audit.policy.expects(rule.id, principal))
    };
    let mut findings: Vec<Finding> = Vec::new();
    for violation in outcome.violations.into_iter().filter(|violation| !expected(violation)) {
        let finding = finding(audit, rule, violation);
        if findings.iter().all(|known| known.fingerprint != finding.fingerprint) {
            findings.push(finding);
        }
    }
    let open = findings.iter().filter(|finding| finding.exempt.is_none()).count();
    let mut reasons = unread(audit.facts, rule.needs);
    reasons.extend(outcome.unknown);
    let verdict = match &outcome.not_applicable {
        _ if open > 0 => Verdict::Fail,
        _ if !reasons.is_empty() => Verdict::Unknown,
        Some(reason) => {
            reasons.push(reason.clone());
            Verdict::NotApplicable
        }
        None => Verdict::Pass,
    };
    let result = RuleResult {
        id: rule.id.to_owned(),
        family: rule.family,
        title: rule.title.to_owned(),
        severity: rule.severity,
        rationale: rule.rationale.to_owned(),
        references: rule.references.iter().map(|&reference| reference.to_owned()).collect(),
        verdict,
        findings: open,
        reasons,
    };
    (result, findings)
}

fn finding(audit: &Audit<'_>, rule: &Rule, violation: Violation) -> Finding {
    let (principal, subject) = (violation.principal.as_deref(), violation.subject.as_deref());
    let mut finding = Finding {
        fingerprint: fingerprint(rule.id, &violation.scope, principal, subject),
        rule: rule.id.to_owned(),
        severity: violation.severity.unwrap_or(rule.severity),
        host_pools: audit.pools_at(&violation.scope),
        scope: violation.scope,
        principal: violation.principal,
        subject: violation.subject,
        message: violation.message,
        evidence: violation.evidence,
        fix: violation.fix,
        exempt: None,
    };
    finding.exempt = exemption(audit, &finding);
    finding
}

/// The reason of the exemption that lets a finding stand today.
fn exemption(audit: &Audit<'_>, finding: &Finding) -> Option<String> {
    let today = audit.now.to_zoned(TimeZone::UTC).date();
    let applies = |given: &Option<String>, matches: &dyn Fn(&str) -> bool| given.as_deref().is_none_or(matches);
    let found = audit.policy.exemptions.iter().find(|exemption| {
        exemption.until >= today
            && applies(&exemption.fingerprint, &|text| text.eq_ignore_ascii_case(&finding.fingerprint))
            && applies(&exemption.rule, &|pattern| wildcard::matches(pattern, &finding.rule))
            && applies(&exemption.scope, &|pattern| wildcard::matches(pattern, finding.scope.as_str()))
            && applies(&exemption.principal, &|id| {
                finding.principal.as_deref().is_some_and(|principal| principal.eq_ignore_ascii_case(id))
            })
    })?;
    Some(format!("{} (until {})", found.reason.trim(), found.until))
}

fn summary(results: &[RuleResult], findings: &[Finding], facts: &AccessFacts) -> Summary {
    let mut summary = Summary::default();
    for finding in findings {
        match finding.exempt {
            Some(_) => summary.exempt += 1,
            None => *summary.findings.entry(finding.severity).or_default() += 1,
        }
    }
    for result in results {
        *summary.rules.entry(result.verdict).or_default() += 1;
    }
    let is_unknown = |state: &State| matches!(state, State::Unknown(_));
    summary.unknown_scopes = facts.coverage.iter().filter(|coverage| is_unknown(&coverage.state)).count();
    summary
}

fn principals(world: &World<'_>, findings: &[Finding]) -> BTreeMap<String, Named> {
    let ids = findings.iter().filter_map(|finding| finding.principal.as_ref());
    let named = ids.filter_map(|id| {
        let object = world.object(id)?;
        let kind = match object {
            DirectoryObject::User { guest: true, .. } => "Guest",
            other => other.kind(),
        };
        Some((id.clone(), Named { name: object.name().to_owned(), kind: kind.to_owned() }))
    });
    named.collect()
}
