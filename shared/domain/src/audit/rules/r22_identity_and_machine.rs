//! A machine of one's own, with an identity of somebody else's.

use super::combination::{COMBINATION, combinations};
use super::helpers::{name_of, part_with, role_of};
use crate::access::{Action, Effective, builtin};
use crate::audit::{Audit, Family, Outcome, Rule, Severity, Violation};
use std::collections::HashMap;

pub(super) const RULE: Rule = Rule {
    id: "R22",
    family: Family::Rbac,
    title: "May assign managed identities and change virtual machines",
    severity: Severity::High,
    rationale: "Whoever can give a managed identity to a machine that they control can run code there and use the \
                identity's token, with all that it may do.",
    references: &[
        "https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identity-best-practice-recommendations",
        "https://learn.microsoft.com/azure/role-based-access-control/best-practices",
    ],
    needs: COMBINATION,
    check,
};

/// The operation as the provider lists it, and as the built-in role Managed Identity Operator means it: that role writes
/// `userAssignedIdentities/*/assign/action`, which matches the first one only where the identity's name is taken along.
const ASSIGN_IDENTITY: [&str; 2] = [
    "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
    "Microsoft.ManagedIdentity/userAssignedIdentities/identity/assign/action",
];
const WRITE_MACHINE: &str = "Microsoft.Compute/virtualMachines/write";
/// Roles that hold both by design.
const WHOLE: [&str; 2] = [builtin::OWNER, builtin::CONTRIBUTOR];

fn check(audit: &Audit<'_>) -> Outcome {
    let (assign, write) = (ASSIGN_IDENTITY.map(Action::control), Action::control(WRITE_MACHINE));
    let holds = |grant: &Effective<'_>, action: &Action| !WHOLE.contains(&grant.role.as_str()) && grant.allows(action);
    let mut outcome = Outcome::default();
    let mut roles: HashMap<&str, [bool; 2]> = HashMap::new();
    for grant in audit.world.grants() {
        let powers = || [assign.iter().any(|assign| holds(grant, assign)), holds(grant, &write)];
        roles.entry(&grant.role).or_insert_with(powers);
    }
    let has = |grant: &Effective<'_>, power: usize| roles.get(grant.role.as_str()).is_some_and(|powers| powers[power]);
    let powers: [&dyn Fn(&Effective<'_>) -> bool; 2] = [&|grant| has(grant, 0), &|grant| has(grant, 1)];
    for found in combinations(audit, &mut outcome, powers) {
        let [identity, machine] = found.grants;
        let message = format!(
            "{} can give managed identities to virtual machines by {} and change virtual machines by {}",
            name_of(audit, &found.principal),
            role_of(identity),
            role_of(machine)
        );
        outcome.violations.push(Violation {
            scope: found.subscription,
            severity: None,
            message,
            fix: part_with(identity, &found.principal, &found.ways[0]),
            principal: Some(found.principal),
            subject: None,
            evidence: found.evidence,
        });
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Facet;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, LANDING, RG, S1};

    fn roles() -> Estate {
        Estate::bare()
            .subscription("s2")
            .role("ids", &["Microsoft.ManagedIdentity/*"], &[], &[], &[S1])
            .role("vms", &["Microsoft.Compute/virtualMachines/*"], &[], &[], &[S1])
            .role("both", &["Microsoft.ManagedIdentity/*", "Microsoft.Compute/*"], &[], &[], &[S1])
            .role("operator", &["Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action"], &[], &[], &[S1])
            .user("ann")
            .user("bob")
    }

    #[test]
    fn the_built_in_role_for_it_counts_as_it_is_written() {
        let estate = roles().assign("ann", "operator", RG).assign("ann", "vms", S1);
        assert_eq!(estate.found(&RULE).len(), 1);
    }

    #[test]
    fn one_role_or_two_at_different_scopes_of_a_subscription_are_reported() {
        assert_eq!(roles().assign("ann", "both", RG).found(&RULE), ["/subscriptions/s1 ann -"]);
        let apart = roles().assign("ann", "ids", LANDING).assign("ann", "vms", RG);
        assert_eq!(apart.found(&RULE), ["/subscriptions/s1 ann -"]);
        let above = roles().assign("ann", "both", LANDING);
        assert_eq!(above.found(&RULE), ["/subscriptions/s1 ann -", "/subscriptions/s2 ann -"]);
    }

    #[test]
    fn a_group_is_reported_for_its_members_and_who_adds_to_it_besides() {
        let group = roles().group("g", &["ann"]).assign("g", "both", S1);
        assert_eq!(group.found(&RULE), ["/subscriptions/s1 g -"]);
        let through = roles().group("g", &["ann", "bob"]).assign("g", "ids", S1).assign("ann", "vms", S1);
        assert_eq!(through.found(&RULE), ["/subscriptions/s1 ann -"]);
        let evidence = through.check(&RULE).violations.remove(0).evidence;
        assert!(evidence.iter().any(|one| one.value == "User ann (ann) > Group g (g)"), "{evidence:?}");
    }

    #[test]
    fn a_user_who_combines_two_groups_is_reported_unless_a_reported_group_holds_them() {
        let two =
            roles().group("g", &["ann", "bob"]).group("h", &["ann"]).assign("g", "ids", S1).assign("h", "vms", S1);
        assert_eq!(two.found(&RULE), ["/subscriptions/s1 ann -"]);
        let nested = two.group("in-both", &["ann"]).group("g", &["in-both"]).group("h", &["in-both"]);
        assert_eq!(nested.clone().found(&RULE), ["/subscriptions/s1 ann -"]);
        let assigned = nested.assign("in-both", builtin::READER, S1);
        assert_eq!(assigned.found(&RULE), ["/subscriptions/s1 in-both -"]);
    }

    #[test]
    fn owners_contributors_other_subscriptions_and_what_is_not_active_are_none_of_it() {
        let estate = roles()
            .assign("ann", builtin::OWNER, S1)
            .assign("ann", builtin::CONTRIBUTOR, S1)
            .assign("ann", "ids", S1)
            .assign("bob", "ids", S1)
            .assign("bob", "vms", "/subscriptions/s2")
            .eligible("bob", "vms", S1, None);
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
    }

    #[test]
    fn members_that_could_not_be_seen_matter_only_where_both_are_given() {
        let estate = roles().opaque_group("g").assign("g", "ids", S1);
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
        assert_eq!(estate.assign("ann", "vms", S1).verdict(&RULE), Verdict::Unknown);
        assert_eq!(roles().forbidden(Facet::PimActive, S1).verdict(&RULE), Verdict::Unknown);
    }
}
