//! The policy's own rules: these principals must, or must not, hold this role or action at these scopes.
//!
//! *Must not hold* looks at every grant of it that holds at such a scope, those that could be activated included, and
//! at everybody whom it reaches; *must hold* asks of each principal whether it holds it there now. What a condition
//! decides case by case is held where it must not be, and unknown where it must be.

mod power;
mod scopes;
#[cfg(test)]
mod tests;

use super::context::Audit;
use super::finding::{Evidence, Violation};
use super::policy::{CustomRule, Must};
use super::rule::{Family, Heading, Outcome};
use super::rules::helpers::{kind_of, member_violation, name_of, named, note_opaque};
use super::{Fix, fix};
use crate::ArmId;
use crate::access::{DirectoryObject, Effective, Facet, principal_id};
use crate::estate::Principal;
pub(super) use power::is_guid;
use power::{Held, Power};
use scopes::Scopes;

/// What a custom rule's principals may be besides ids.
pub(super) const KINDS: [&str; 5] = ["User", "Guest", "Group", "ServicePrincipal", EVERYBODY];
/// Whoever it is.
const EVERYBODY: &str = "*";

/// The id that findings of a custom rule have.
pub(super) fn id(rule: &CustomRule) -> String {
    format!("C-{}", rule.name)
}

/// What is told of a custom rule.
pub(super) fn heading(rule: &CustomRule) -> Heading {
    let mut needs = vec![
        Facet::RoleAssignments,
        Facet::RoleDefinitions,
        Facet::PimActive,
        Facet::Principals,
        Facet::GroupMembers,
        Facet::ManagementGroups,
    ];
    needs.extend((rule.must == Must::NotHold).then_some(Facet::PimEligible));
    needs.extend(rule.action.as_ref().map(|_| Facet::DenyAssignments));
    needs.extend(scopes::facet_of(&rule.scope));
    let what = rule.role.as_deref().or(rule.action.as_deref()).unwrap_or_default();
    let must = if rule.must == Must::Hold { "must" } else { "must not" };
    Heading {
        id: id(rule),
        family: Family::Custom,
        title: rule.title.clone(),
        severity: rule.severity,
        rationale: format!("The policy says: {} {must} hold {what} at {}.", rule.principals.join(", "), rule.scope),
        references: Vec::new(),
        needs,
    }
}

/// Runs a custom rule.
pub(super) fn check(audit: &Audit<'_>, rule: &CustomRule) -> Outcome {
    let mut outcome = Outcome::default();
    let power = match Power::of(audit, rule) {
        Ok(power) => power,
        Err(reason) => {
            outcome.unknown.push(reason);
            return outcome;
        }
    };
    let scopes = Scopes::new(audit, &rule.scope);
    match rule.must {
        Must::NotHold => forbid(audit, rule, &power, &scopes, &mut outcome),
        Must::Hold => demand(audit, rule, &power, &scopes, &mut outcome),
    }
    if scopes.matching.is_empty() && outcome.violations.is_empty() {
        outcome.not_applicable = Some(format!("nothing in the estate has a scope like {}", rule.scope));
    }
    outcome
}

fn forbid(audit: &Audit<'_>, rule: &CustomRule, power: &Power, scopes: &Scopes, outcome: &mut Outcome) {
    let is_everybody = rule.principals.iter().any(|one| one.trim() == EVERYBODY);
    for grant in audit.world.grants().iter().filter(|grant| power.is_in(grant) && scopes.bear(grant.scope)) {
        let mut reached = vec![grant.principal.id.clone()];
        // Whom a group's role reaches is told by the group, if nobody may hold it.
        if !is_everybody {
            let members = audit.world.members_of(&grant.principal.id);
            note_opaque(outcome, audit, &members.opaque);
            reached.extend(members.ids);
        }
        for who in reached.iter().filter(|who| is_meant(audit, rule, grant, who)) {
            if !power.is_denied(audit, who, grant, scopes) {
                outcome.violations.push(forbidden(audit, power, grant, who));
            }
        }
    }
}

fn forbidden(audit: &Audit<'_>, power: &Power, grant: &Effective<'_>, who: &str) -> Violation {
    let how = match (grant.is_active(), grant.condition) {
        (false, _) => "could activate",
        (true, Some(_)) => "holds, under a condition,",
        (true, None) => "holds",
    };
    let message = format!("{} {how} {} at {}", name_of(audit, who), power.name(), grant.scope);
    let mut violation = member_violation(audit, grant, who, message);
    violation.subject = Some(power.subject());
    violation
}

/// Whether somebody whom a grant reaches is among the principals that a rule is about.
fn is_meant(audit: &Audit<'_>, rule: &CustomRule, grant: &Effective<'_>, who: &str) -> bool {
    let kind = match audit.world.object(who) {
        Some(object) => object.kind(),
        None if who == grant.principal.id => kind_of(audit, grant.principal),
        None => "",
    };
    let is_guest = || matches!(audit.world.object(who), Some(DirectoryObject::User { guest: true, .. }));
    rule.principals.iter().map(|one| one.trim()).any(|one| {
        one == EVERYBODY
            || one.eq_ignore_ascii_case(kind)
            || (one.eq_ignore_ascii_case("Guest") && is_guest())
            || principal_id(one) == who
    })
}

fn demand(audit: &Audit<'_>, rule: &CustomRule, power: &Power, scopes: &Scopes, outcome: &mut Outcome) {
    for one in &rule.principals {
        if KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(one.trim())) {
            outcome.unknown.push(format!("that {one} must hold something cannot be judged: name principals by id"));
            continue;
        }
        let who = principal_id(one);
        let ways = audit.world.ways_up(&who);
        let mut lacking: Vec<&ArmId> = Vec::new();
        for scope in &scopes.matching {
            // What is missing above is missing below; one finding says so.
            if lacking.iter().any(|above| scope.is_within(above)) {
                continue;
            }
            match power.held(audit, &who, &ways, scope) {
                Held::Yes => {}
                Held::No => {
                    lacking.push(scope);
                    outcome.violations.push(lacks(audit, power, &who, scope));
                }
                Held::Unknown(reason) => outcome.unknown.push(reason),
            }
        }
    }
}

fn lacks(audit: &Audit<'_>, power: &Power, who: &str, scope: &ArmId) -> Violation {
    let kind = audit.world.object(who).map(DirectoryObject::kind);
    let principal = Principal { id: who.to_owned(), kind: kind.unwrap_or("User").to_owned() };
    let message = format!("{} does not hold {} at {scope}", named(audit, &principal), power.name());
    let portal = format!("{scope} > Access control (IAM): give {who} a role that holds {}", power.name());
    let fix = match power.role() {
        Some(role) => fix::assign(who, kind.unwrap_or_default(), role, power.name(), scope),
        None => Fix { portal, ..Fix::default() },
    };
    Violation {
        scope: scope.clone(),
        principal: Some(who.to_owned()),
        subject: Some(power.subject()),
        severity: None,
        message,
        evidence: vec![Evidence::new("principal", who), Evidence::new("scope", scope.as_str())],
        fix,
    }
}
