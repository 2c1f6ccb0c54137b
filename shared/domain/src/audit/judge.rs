//! Runs the rules.

use super::completeness::{spelled_out, unread};
use super::context::{Audit, Pools};
use super::exemptions::Exemptions;
use super::finding::{Finding, Violation, fingerprint};
use super::overview::overview;
use super::policy::AuditPolicy;
use super::report::{AuditReport, Named, RuleResult, Summary, Verdict};
use super::rule::{Family, Heading, Outcome, Rule};
use super::tidy::{merge, tidy, visible};
use super::{custom, posture, rules};
use crate::access::{AccessFacts, Coverage, DirectoryObject, Facet, State, World};
use jiff::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// The most reasons that are told of a rule that could not see everything.
pub const MAX_REASONS: usize = 100;

/// The built-in rules of a family.
pub fn rules_of(family: Family) -> &'static [Rule] {
    match family {
        Family::Rbac => rules::RULES,
        Family::Posture => posture::RULES,
        Family::Custom => &[],
    }
}

/// Runs every rule of these families over the facts; those of the policy are [`Family::Custom`].
///
/// The report depends on the facts, the policy and the time only, and not on the order in which the facts were read.
pub fn audit(
    source: &str,
    facts: &AccessFacts,
    policy: &AuditPolicy,
    families: &[Family],
    now: Timestamp,
) -> AuditReport {
    let world = World::new(facts);
    let audit = Audit { facts, world: &world, policy, now };
    let mut judge = Judge::new(&audit);
    let families: BTreeSet<Family> = families.iter().copied().collect();
    for family in families {
        for rule in rules_of(family) {
            judge.run(Heading::from(rule), rule.check);
        }
        if family == Family::Custom {
            for rule in &policy.rules {
                judge.run(custom::heading(rule), |audit| custom::check(audit, rule));
            }
        }
    }
    judge.report(source)
}

/// The results so far.
struct Judge<'a, 'b> {
    audit: &'b Audit<'a>,
    pools: Pools,
    exemptions: Exemptions<'a>,
    results: Vec<RuleResult>,
    findings: Vec<Finding>,
    /// What the rules that were run depend on.
    needs: BTreeSet<Facet>,
}

impl<'a, 'b> Judge<'a, 'b> {
    fn new(audit: &'b Audit<'a>) -> Self {
        Self {
            audit,
            pools: Pools::new(audit.facts),
            exemptions: Exemptions::new(audit.policy, audit.now),
            results: Vec::new(),
            findings: Vec::new(),
            needs: BTreeSet::new(),
        }
    }

    /// Runs a rule, unless the policy says that it is not run; then the report says so.
    fn run(&mut self, rule: Heading, check: impl FnOnce(&Audit<'a>) -> Outcome) {
        if self.audit.policy.disabled.iter().any(|disabled| disabled.trim().eq_ignore_ascii_case(&rule.id)) {
            let reasons = vec!["the policy says that it is not run".to_owned()];
            self.results.push(result(rule, Verdict::Disabled, 0, &reasons));
            return;
        }
        self.needs.extend(rule.needs.iter().copied());
        let outcome = check(self.audit);
        let findings = self.findings(&rule, outcome.violations);
        let open = findings.iter().filter(|finding| finding.exempt.is_none()).count();
        let mut reasons = unread(self.audit.facts, &rule.needs);
        reasons.extend(outcome.unknown);
        let verdict = match outcome.not_applicable {
            _ if open > 0 => Verdict::Fail,
            _ if !reasons.is_empty() => Verdict::Unknown,
            Some(reason) => {
                reasons.push(reason);
                Verdict::NotApplicable
            }
            None => Verdict::Pass,
        };
        self.results.push(result(rule, verdict, open, &reasons));
        self.findings.extend(findings);
    }

    /// The violations as findings, each once, without those of whom the policy expects it.
    fn findings(&mut self, rule: &Heading, violations: Vec<Violation>) -> Vec<Finding> {
        let expected = |violation: &Violation| {
            violation.principal.as_deref().is_some_and(|principal| self.audit.policy.expects(&rule.id, principal))
        };
        let mut of_rule: Vec<Finding> = violations
            .into_iter()
            .filter(|violation| !expected(violation))
            .map(|violation| finding(rule, violation, &self.pools))
            .collect();
        of_rule
            .sort_by(|a, b| (&a.fingerprint, &a.message, &a.evidence).cmp(&(&b.fingerprint, &b.message, &b.evidence)));
        let mut findings: Vec<Finding> = Vec::new();
        for finding in of_rule {
            match findings.last_mut() {
                Some(known) if known.fingerprint == finding.fingerprint => merge(known, finding),
                _ => findings.push(finding),
            }
        }
        for finding in &mut findings {
            tidy(finding);
            self.exemptions.apply(finding);
        }
        findings
    }

    fn report(mut self, source: &str) -> AuditReport {
        self.findings.sort_unstable_by(|a, b| {
            let by_rule = (Reverse(a.severity), &a.rule).cmp(&(Reverse(b.severity), &b.rule));
            by_rule.then_with(|| a.scope.cmp(&b.scope)).then_with(|| a.fingerprint.cmp(&b.fingerprint))
        });
        self.results.sort_by(|a, b| (a.family, &a.id).cmp(&(b.family, &b.id)));
        let facts = self.audit.facts;
        let coverage = spelled_out(facts, &self.needs);
        AuditReport {
            source: source.to_owned(),
            tenant: facts.tenant.clone(),
            read_at: facts.read_at,
            summary: summary(&self.results, &self.findings, &coverage),
            rules: self.results,
            exemptions: self.exemptions.results(),
            principals: principals(self.audit.world, &self.findings),
            findings: self.findings,
            access: overview(self.audit),
            coverage,
        }
    }
}

fn result(rule: Heading, verdict: Verdict, findings: usize, reasons: &[String]) -> RuleResult {
    let reasons: BTreeSet<String> = reasons.iter().map(|reason| visible(reason)).collect();
    let more = reasons.len().saturating_sub(MAX_REASONS);
    let mut reasons: Vec<String> = reasons.into_iter().take(MAX_REASONS).collect();
    if more > 0 {
        reasons.push(format!("and {more} more"));
    }
    let Heading { id, family, title, severity, rationale, references, .. } = rule;
    RuleResult { id, family, title, severity, rationale, references, verdict, findings, reasons }
}

fn finding(rule: &Heading, violation: Violation, pools: &Pools) -> Finding {
    let (principal, subject) = (violation.principal.as_deref(), violation.subject.as_deref());
    Finding {
        fingerprint: fingerprint(&rule.id, &violation.scope, principal, subject),
        rule: rule.id.clone(),
        severity: violation.severity.unwrap_or(rule.severity),
        host_pools: pools.at(&violation.scope),
        scope: violation.scope,
        principal: violation.principal,
        subject: violation.subject,
        message: violation.message,
        evidence: violation.evidence,
        fix: violation.fix,
        exempt: None,
    }
}

fn summary(results: &[RuleResult], findings: &[Finding], coverage: &[Coverage]) -> Summary {
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
    summary.unknown_scopes = coverage.iter().filter(|coverage| is_unknown(&coverage.state)).count();
    summary
}

fn principals(world: &World<'_>, findings: &[Finding]) -> BTreeMap<String, Named> {
    let ids: BTreeSet<&String> = findings.iter().filter_map(|finding| finding.principal.as_ref()).collect();
    let named = ids.into_iter().filter_map(|id| {
        let object = world.object(id)?;
        let kind = match object {
            DirectoryObject::User { guest: true, .. } => "Guest",
            other => other.kind(),
        };
        Some((id.clone(), Named { name: visible(object.name()), kind: kind.to_owned() }))
    });
    named.collect()
}

/// What becomes of a single rule.
#[cfg(test)]
pub(super) fn verdict(audit: &Audit<'_>, rule: &Rule) -> Verdict {
    let mut judge = Judge::new(audit);
    judge.run(Heading::from(rule), rule.check);
    judge.results[0].verdict
}

#[cfg(test)]
mod tests;
