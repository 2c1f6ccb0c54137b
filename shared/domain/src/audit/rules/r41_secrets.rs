//! Vaults whose secrets people read, or that role assignments say nothing about.

use super::grants::{Reach, grants_that_allow};
use super::helpers::{kind_of, named, role_of, violation_of};
use super::remedy::ps_place;
use super::standing::Standing;
use crate::access::{Action, ArmResource, Facet, builtin};
use crate::audit::fix::sh;
use crate::audit::{Audit, Evidence, Family, Fix, Outcome, Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    id: "R41",
    family: Family::Rbac,
    title: "Secrets can be read by people, or a vault goes by access policies",
    severity: Severity::High,
    rationale: "The secrets join hosts to the domain and open profile shares: automation reads them, people need not. \
                Access policies stand beside role assignments, where no audit of roles sees them, and a Contributor can \
                write one.",
    references: &[
        "https://learn.microsoft.com/azure/key-vault/general/rbac-guide",
        "https://learn.microsoft.com/azure/key-vault/general/rbac-access-policy",
    ],
    needs: &[
        Facet::RoleAssignments,
        Facet::RoleDefinitions,
        Facet::PimActive,
        Facet::Principals,
        Facet::GroupMembers,
        Facet::KeyVaults,
        Facet::ManagementGroups,
    ],
    check,
};

const VAULTS: &str = "microsoft.keyvault/vaults";

fn check(audit: &Audit<'_>) -> Outcome {
    let vaults: Vec<&ArmResource> = audit.facts.resources_of(VAULTS).collect();
    let by_policy = vaults.iter().filter(|vault| vault.flag("enableRbacAuthorization") != Some(true));
    let mut outcome: Outcome = by_policy.map(|vault| access_policy(vault)).collect();
    let reach = Reach::new(audit, vaults.iter().map(|vault| &vault.id));
    let reading = grants_that_allow(audit, &Action::data(builtin::GET_SECRET)).into_iter();
    let by_people = reading.filter(|grant| {
        Standing::is_meant(grant)
            && matches!(kind_of(audit, grant.principal), "User" | "Group" | "ForeignGroup")
            && reach.is_concerned_by(grant.scope)
    });
    let mut terms = Standing::new(audit);
    outcome.violations.extend(by_people.map(|grant| {
        let caveat = terms.caveat(grant);
        let when = if caveat.is_empty() { " at any time" } else { "" };
        let (who, role) = (named(audit, grant.principal), role_of(grant));
        let message = format!("{who} can read secrets{when}: {role} at {}{caveat}", grant.scope);
        let mut violation = violation_of(audit, grant, message);
        violation.evidence.push(Evidence::new("data action", builtin::GET_SECRET));
        violation
    }));
    outcome
}

fn access_policy(vault: &ArmResource) -> Violation {
    let id = &vault.id;
    Violation {
        scope: id.clone(),
        principal: None,
        subject: Some("access-policy".to_owned()),
        severity: None,
        message: format!("Key vault {} goes by access policies, not by role assignments", id.name()),
        evidence: vec![Evidence::new(
            "properties.enableRbacAuthorization",
            vault.property("enableRbacAuthorization").map_or("absent".to_owned(), ToString::to_string),
        )],
        fix: Fix {
            az: Some(format!(
                "az keyvault update --subscription {} --resource-group {} --name {} --enable-rbac-authorization true",
                sh(id.subscription().unwrap_or_default()),
                sh(id.resource_group().unwrap_or_default()),
                sh(id.name())
            )),
            powershell: Some(format!(
                "Update-AzKeyVault {} -DisableRbacAuthorization $false",
                ps_place(id, "-VaultName")
            )),
            portal: format!(
                "{id} > Settings > Access configuration: Azure role-based access control. Give those that the access \
                 policies name a role at the vault first, or they lose access"
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, LANDING, RG, S1};
    use serde_json::{Value, json};

    const VAULT: &str = "/subscriptions/s1/resourceGroups/avd/providers/Microsoft.KeyVault/vaults/kv";
    const READS: &str = "Microsoft.KeyVault/vaults/secrets/getSecret/action";

    fn estate(rbac: &Value) -> Estate {
        Estate::bare()
            .resource(VAULT, "Microsoft.KeyVault/vaults", json!({ "enableRbacAuthorization": rbac }))
            .role("secrets", &[], &[], &[READS], &[S1])
            .role("vault-owner", &["*"], &[], &[], &[S1])
            .user("ann")
            .group("team", &["ann"])
            .identity("robot", "Robot")
    }

    #[test]
    fn a_vault_that_does_not_say_it_goes_by_roles_goes_by_policies() {
        for rbac in [json!(false), Value::Null] {
            assert_eq!(estate(&rbac).found(&RULE), [format!("{VAULT} - access-policy")]);
        }
        let fix = estate(&json!(false)).check(&RULE).violations.remove(0).fix;
        let az = "az keyvault update --subscription 's1' --resource-group 'avd' --name 'kv' --enable-rbac-authorization true";
        assert_eq!(fix.az.as_deref(), Some(az));
    }

    #[test]
    fn users_and_groups_that_read_secrets_at_any_time_are_reported_at_above_and_within_a_vault() {
        let secret = format!("{VAULT}/secrets/join");
        for (who, scope) in [("ann", VAULT), ("team", LANDING), ("team", RG), ("ann", &*secret)] {
            let estate = estate(&json!(true)).assign(who, "secrets", scope);
            assert_eq!(estate.found(&RULE), [format!("{scope} {who} secrets")]);
        }
    }

    #[test]
    fn automation_what_is_activated_other_places_and_the_control_plane_are_fine() {
        let estate = estate(&json!(true))
            .assign("robot", "secrets", VAULT)
            .eligible("team", "secrets", VAULT, None)
            .activated("ann", "secrets", VAULT)
            .assign("ann", "vault-owner", VAULT)
            .assign("ann", "secrets", "/subscriptions/s1/resourceGroups/other");
        assert_eq!(estate.check(&RULE), Outcome::default());
    }

    #[test]
    fn vaults_that_could_not_be_read_leave_it_open() {
        assert_eq!(Estate::bare().verdict(&RULE), Verdict::Pass);
        assert_eq!(Estate::bare().forbidden(Facet::KeyVaults, S1).verdict(&RULE), Verdict::Unknown);
    }

    #[test]
    fn management_groups_that_could_not_be_read_may_hold_vaults_that_somebody_reads() {
        let above = estate(&json!(true)).assign("team", "secrets", LANDING).forbidden(Facet::ManagementGroups, S1);
        let above = above.with(|facts| {
            facts.management_groups.clear();
            facts.subscriptions[0].management_group = None;
        });
        assert_eq!(above.verdict(&RULE), Verdict::Unknown);
    }

    #[test]
    fn who_may_be_there_for_now_only_is_not_said_to_be_there_at_any_time() {
        let estate = estate(&json!(true)).assign("team", "secrets", RG).forbidden(Facet::PimActive, S1);
        let message = estate.check(&RULE).violations.remove(0).message;
        assert!(
            !message.contains("at any time") && message.ends_with("; whether only for now was not read"),
            "{message}"
        );
    }
}
