//! A role that nobody who only opens desktops and RemoteApps should hold: the check that two rules share.

use super::grants::{ByScope, MAX_LISTED, grants_whose_role};
use super::helpers::{kind_of, name_of, named, note_opaque, role_of, violation_of};
use crate::access::Effective;
use crate::audit::{Audit, Evidence, Outcome};
use std::collections::{BTreeSet, HashSet};

/// Everybody who is entitled to an application group now, groups and those in them included, however deep.
struct Entitled {
    ids: HashSet<String>,
    opaque: BTreeSet<String>,
}

impl Entitled {
    fn new(audit: &Audit<'_>) -> Self {
        let entitling = ByScope::entitling_now(audit);
        let mut holders: BTreeSet<&str> = BTreeSet::new();
        for group in audit.application_groups() {
            holders.extend(entitling.holders_on(audit, &group.id).into_keys());
        }
        let mut entitled = Self { ids: HashSet::new(), opaque: BTreeSet::new() };
        for holder in holders {
            let members = audit.world.members_of(holder);
            entitled.ids.extend(members.ids);
            entitled.opaque.extend(members.opaque);
            entitled.ids.insert(holder.to_owned());
        }
        entitled
    }
}

/// The grants of a role to a user, or to a group with a member who is entitled to an application group: each a violation
/// whose message ends with what the role lets them do.
pub(super) fn held_by_the_entitled(audit: &Audit<'_>, role: &str, power: &str) -> Outcome {
    let mut outcome = Outcome::default();
    let grants = grants_whose_role(audit, |grant| grant.role == role);
    if grants.is_empty() {
        return outcome;
    }
    let entitled = Entitled::new(audit);
    for grant in grants {
        let message = format!("{} holds {} and so {power}", named(audit, grant.principal), role_of(grant));
        if kind_of(audit, grant.principal) == "User" {
            outcome.violations.push(violation_of(audit, grant, message));
            continue;
        }
        let members = audit.world.members_of(&grant.principal.id);
        let mut who = members.ids.iter().filter(|id| entitled.ids.contains(*id)).peekable();
        if who.peek().is_some() {
            outcome.violations.push(of_group(audit, grant, message, who));
        } else if !members.opaque.is_empty() || kind_of(audit, grant.principal) == "ForeignGroup" {
            let foreign = members.opaque.is_empty().then_some(&grant.principal.id);
            note_opaque(&mut outcome, audit, members.opaque.iter().chain(foreign));
        } else if !members.ids.is_empty() {
            note_opaque(&mut outcome, audit, &entitled.opaque);
        }
    }
    outcome
}

fn of_group<'b>(
    audit: &Audit<'_>,
    grant: &Effective<'_>,
    message: String,
    who: impl Iterator<Item = &'b String>,
) -> crate::audit::Violation {
    let mut violation = violation_of(audit, grant, message);
    let who = who.take(MAX_LISTED).map(|id| format!("{} ({id})", name_of(audit, id)));
    violation.evidence.extend(who.map(|who| Evidence::new("member who is entitled to desktops or RemoteApps", who)));
    violation
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::access::builtin::{self, DESKTOP_VIRTUALIZATION_USER as USER};
    use crate::audit::Rule;
    use crate::audit::context::APPLICATION_GROUPS;
    use crate::audit::testing::{Estate, GROUP, RG, S1};
    use serde_json::json;

    fn estate() -> Estate {
        Estate::bare()
            .resource(GROUP, APPLICATION_GROUPS, json!({}))
            .user("ann")
            .user("bob")
            .group("staff", &["ann"])
            .group("admins", &["bob"])
    }

    /// What holds for either rule, over its role.
    pub(in super::super) fn holds_of(rule: &Rule, role: &str) {
        finding(rule, role);
        no_finding(rule, role);
        unknown(rule, role);
    }

    fn finding(rule: &Rule, role: &str) {
        let direct = estate().assign("bob", role, RG).eligible("ann", role, S1, None);
        assert_eq!(direct.found(rule), [format!("{S1} ann {role}"), format!("{RG} bob {role}")]);
        let same = estate().assign("staff", USER, GROUP).assign("staff", role, RG);
        assert_eq!(same.found(rule), [format!("{RG} staff {role}")]);
        let nested = estate().group("all", &["admins", "staff"]).assign("staff", USER, S1).assign("all", role, RG);
        assert_eq!(nested.found(rule), [format!("{RG} all {role}")]);
        let evidence = &nested.check(rule).violations[0].evidence;
        assert!(evidence.iter().any(|one| one.value == "User ann (ann)"), "{evidence:?}");
    }

    fn no_finding(rule: &Rule, role: &str) {
        let apart = estate().assign("staff", USER, GROUP).assign("admins", role, RG);
        assert_eq!(apart.check(rule), Outcome::default());
        let elsewhere = estate().assign("admins", USER, "/subscriptions/s2").assign("admins", role, RG);
        assert_eq!(elsewhere.check(rule), Outcome::default());
        let not_now = estate().eligible("admins", USER, GROUP, None).assign("admins", role, RG);
        assert_eq!(not_now.check(rule), Outcome::default());
        let service = estate().identity("robot", "Robot").assign("robot", USER, GROUP).assign("robot", role, RG);
        assert_eq!(service.check(rule), Outcome::default());
        let other = estate().assign("bob", builtin::OWNER, RG);
        assert_eq!(other.check(rule), Outcome::default());
    }

    fn unknown(rule: &Rule, role: &str) {
        let holder = estate().opaque_group("dark").assign("dark", role, RG).check(rule);
        assert_eq!(holder.unknown, ["members of group Group dark could not be read"]);
        assert!(holder.violations.is_empty());
        let entitled = estate().opaque_group("dark").assign("dark", USER, GROUP).assign("admins", role, RG).check(rule);
        assert_eq!(entitled.unknown, ["members of group Group dark could not be read"]);
        assert!(entitled.violations.is_empty());
    }
}
