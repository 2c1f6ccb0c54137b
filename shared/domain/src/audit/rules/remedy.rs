//! The commands that mend what several rules report. Where only those who run the estate know whom or what to name, a
//! shell takes it from a variable, and stops if that is not set; PowerShell asks.

use crate::ArmId;
use crate::access::{Effective, builtin};
use crate::audit::Fix;
use crate::audit::fix::{conditions, is_standing_assignment, kind_flag, leave_group, ps, remove, sh};

/// Where requests to Azure Resource Manager go.
const MANAGEMENT: &str = "https://management.azure.com";
/// Where requests to Microsoft Graph go.
const GRAPH: &str = "https://graph.microsoft.com/v1.0";
/// The version of Azure Virtual Desktop's interface that commands ask for.
const DESKTOP_VIRTUALIZATION_VERSION: &str = "2025-10-10";

/// Who is to get a role.
#[derive(Debug, Clone, Copy)]
pub(super) enum Grantee<'a> {
    /// The service principal of an application, by the application's (client) id.
    Application(&'a str),
    /// This principal: its id, and its kind as far as that is known.
    Known(&'a str, &'a str),
    /// A group that has to be named.
    AGroup,
    /// The service principal as which the audit reads, which has to be named.
    TheReader,
}

/// Where somebody is to get a role.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// There.
    At(&'a ArmId),
    /// At something that has to be named: the variable of a shell, and what it is.
    Named(&'a str, &'a str),
}

/// An application group that has to be named.
pub(super) const AN_APPLICATION_GROUP: Place<'static> =
    Place::Named("APPLICATION_GROUP", "id of an application group that they shall open");

/// What a shell takes from a variable.
fn variable(name: &str, what: &str) -> String {
    format!("\"${{{name}:?{what}}}\"")
}

/// What PowerShell asks for.
fn question(what: &str) -> String {
    format!("(Read-Host {})", ps(what))
}

/// Gives a role to somebody.
pub(super) fn assign(grantee: Grantee<'_>, role: &str, role_name: &str, place: Place<'_>) -> Fix {
    assign_if(grantee, role, role_name, place, None)
}

/// The same, under a condition.
fn assign_if(grantee: Grantee<'_>, role: &str, role_name: &str, place: Place<'_>, condition: Option<&str>) -> Fix {
    let named = |name: &str, what: &str, kind: &str| {
        let az = format!("{} --assignee-principal-type {kind}", variable(name, what));
        (az, format!("-ObjectId {}", question(what)), what.to_owned())
    };
    let (az_who, ps_who, who) = match grantee {
        Grantee::Application(app_id) => (
            format!(
                "\"$(az ad sp show --id {} --query id --output tsv)\" --assignee-principal-type ServicePrincipal",
                sh(app_id)
            ),
            format!("-ApplicationId {}", ps(app_id)),
            format!("the service principal of application {app_id}"),
        ),
        Grantee::Known(id, kind) => {
            (format!("{}{}", sh(id), kind_flag(kind)), format!("-ObjectId {}", ps(id)), id.to_owned())
        }
        Grantee::AGroup => named("GROUP", "object id of a group", "Group"),
        Grantee::TheReader => {
            named("READER", "object id of the service principal that the audit reads as", "ServicePrincipal")
        }
    };
    let (az_where, ps_where, at) = match place {
        Place::At(scope) => (sh(scope.as_str()), ps(scope.as_str()), scope.as_str()),
        Place::Named(name, what) => (variable(name, what), question(what), what),
    };
    let (az_role, ps_role) = (sh(role), ps(role));
    let (az_condition, ps_condition) = conditions(condition);
    Fix {
        az: Some(format!(
            "az role assignment create --assignee-object-id {az_who} --role {az_role} --scope {az_where}{az_condition}"
        )),
        powershell: Some(format!(
            "New-AzRoleAssignment {ps_who} -RoleDefinitionId {ps_role} -Scope {ps_where}{ps_condition} -ErrorAction \
             Stop"
        )),
        portal: format!("{at} > Access control (IAM) > Add role assignment: {role_name} to {who}"),
    }
}

/// One after the other; a shell takes the second step only after the first succeeded.
pub(super) fn then(first: Fix, second: Fix) -> Fix {
    let both = |first: Option<String>, second: Option<String>, between: &str| match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first}{between}{second}")),
        (one, None) | (None, one) => one,
    };
    Fix {
        az: both(first.az, second.az, " &&\n"),
        powershell: both(first.powershell, second.powershell, "\n"),
        portal: format!("{}. Then {}", first.portal, second.portal),
    }
}

/// Gives the same role to a group at a narrower place, under the same condition, then takes the grant away. What is not
/// there all the time is made anew in the portal: an assignment in its place would be.
pub(super) fn move_to(grant: &Effective<'_>, place: Place<'_>) -> Fix {
    let removal = remove(grant);
    if !is_standing_assignment(grant) {
        let portal = format!("{}. Make a group eligible at {} instead", removal.portal, name_of(place));
        return Fix { portal, ..Fix::default() };
    }
    then(assign_if(Grantee::AGroup, &grant.role, grant.role_name(), place, grant.condition), removal)
}

fn name_of(place: Place<'_>) -> String {
    match place {
        Place::At(scope) => scope.to_string(),
        Place::Named(_, what) => format!("the {what}"),
    }
}

/// Takes somebody's power away who has it directly (`way` of one) or through a group.
pub(super) fn release(grant: &Effective<'_>, way: &[String]) -> Fix {
    match way {
        [user, group, ..] => leave_group(group, user),
        _ => remove(grant),
    }
}

/// Changes properties of a host pool and leaves the others: the command for host pools writes them all, in the words of
/// an older interface.
pub(super) fn patch_pool(pool: &ArmId, body: &str) -> String {
    let url = format!("{MANAGEMENT}{pool}?api-version={DESKTOP_VIRTUALIZATION_VERSION}");
    format!("az rest --method PATCH --url {} --body {}", sh(&url), sh(body))
}

/// Gives whoever reads an application permission on Microsoft Graph.
pub(super) fn grant_app_role(app_role: &str, name: &str) -> Fix {
    let graph = builtin::MICROSOFT_GRAPH;
    let reader = "object id of the service principal that the audit reads as";
    Fix {
        az: Some(format!(
            "READER={} &&\naz rest --method POST --url \"{GRAPH}/servicePrincipals/$READER/appRoleAssignments\" --body \
             \"{{\\\"principalId\\\":\\\"$READER\\\",\\\"resourceId\\\":\\\"$(az ad sp show --id {graph} --query id \
             --output tsv)\\\",\\\"appRoleId\\\":\\\"{app_role}\\\"}}\"",
            variable("READER", reader)
        )),
        powershell: Some(format!(
            "$reader = {}\nNew-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $reader -PrincipalId $reader \
             -ResourceId (Get-MgServicePrincipal -Filter \"appId eq '{graph}'\").Id -AppRoleId {}",
            question(reader),
            ps(app_role)
        )),
        portal: format!(
            "Microsoft Entra ID > App registrations > the audit's application > API permissions > Microsoft Graph > \
             Application permissions: {name}, then grant admin consent. A managed identity gets it by command only"
        ),
    }
}

/// Takes an application permission away from a service principal.
pub(super) fn remove_app_role(principal: &str, grant: &str, name: &str) -> Fix {
    let url = format!("{GRAPH}/servicePrincipals/{principal}/appRoleAssignments/{grant}");
    Fix {
        az: Some(format!("az rest --method DELETE --url {}", sh(&url))),
        powershell: Some(format!(
            "Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId {} -AppRoleAssignmentId {}",
            ps(principal),
            ps(grant)
        )),
        portal: format!("Microsoft Entra ID > Enterprise applications > {principal} > Permissions: revoke {name}"),
    }
}

/// Takes a grant of delegated permissions away, with all permissions that it names.
pub(super) fn remove_delegated(client: &str, grant: &str, name: &str) -> Fix {
    let url = format!("{GRAPH}/oauth2PermissionGrants/{grant}");
    Fix {
        az: Some(format!("az rest --method DELETE --url {}", sh(&url))),
        powershell: Some(format!("Remove-MgOauth2PermissionGrant -OAuth2PermissionGrantId {}", ps(grant))),
        portal: format!("Microsoft Entra ID > Enterprise applications > {client} > Permissions: revoke {name}"),
    }
}

/// The resource group, the name and the subscription of a resource, as flags of PowerShell.
pub(super) fn ps_place(id: &ArmId, name_flag: &str) -> String {
    format!(
        "-ResourceGroupName {} {name_flag} {} -SubscriptionId {}",
        ps(id.resource_group().unwrap_or_default()),
        ps(id.name()),
        ps(id.subscription().unwrap_or_default())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_given_with_the_flags_of_either_command() {
        let scope = ArmId::new("/subscriptions/s/resourceGroups/o'neil");
        let fix = assign(Grantee::Application("app"), "role", "Role", Place::At(&scope));
        assert_eq!(
            fix.az.unwrap(),
            r#"az role assignment create --assignee-object-id "$(az ad sp show --id 'app' --query id --output tsv)" --assignee-principal-type ServicePrincipal --role 'role' --scope '/subscriptions/s/resourceGroups/o'\''neil'"#
        );
        assert_eq!(
            fix.powershell.unwrap(),
            "New-AzRoleAssignment -ApplicationId 'app' -RoleDefinitionId 'role' -Scope '/subscriptions/s/resourceGroups/o''neil' -ErrorAction Stop"
        );
        let fix = assign(Grantee::AGroup, "role", "Role", AN_APPLICATION_GROUP);
        assert!(
            fix.az
                .unwrap()
                .contains(r#"--assignee-object-id "${GROUP:?object id of a group}" --assignee-principal-type Group"#)
        );
        assert!(
            fix.powershell.unwrap().contains("-Scope (Read-Host 'id of an application group that they shall open')")
        );
    }

    #[test]
    fn the_second_step_waits_for_the_first_and_a_missing_one_leaves_the_other() {
        let step = |az: Option<&str>| Fix { az: az.map(str::to_owned), powershell: None, portal: "step".to_owned() };
        assert_eq!(then(step(Some("a")), step(Some("b"))).az.unwrap(), "a &&\nb");
        assert_eq!(then(step(None), step(Some("b"))).az.unwrap(), "b");
        assert_eq!(then(step(Some("a")), step(None)).portal, "step. Then step");
    }

    #[test]
    fn ids_from_the_directory_cannot_become_commands() {
        let az = remove_app_role("sp", "x'; rm -rf ~; '", "Directory.Read.All").az.unwrap();
        assert!(az.ends_with(r"/sp/appRoleAssignments/x'\''; rm -rf ~; '\'''"), "{az}");
        let az = patch_pool(&ArmId::new("/subscriptions/s/a'b"), "{}");
        assert!(az.contains(r"/subscriptions/s/a'\''b?api-version"), "{az}");
    }

    #[test]
    fn a_grant_that_moves_keeps_its_condition_and_stands_only_if_it_did() {
        use crate::access::World;
        use crate::audit::testing::{DELEGATION, Estate, S1};
        let moved = |estate: Estate| {
            let world = World::new(&estate.facts);
            move_to(&world.grants()[0], AN_APPLICATION_GROUP)
        };
        let team = || Estate::bare().group("team", &[]);
        let standing = moved(team().assign_if("team", builtin::SESSION_HOST_OPERATOR, S1, Some(DELEGATION)));
        assert!(standing.az.unwrap().contains(" --condition "));
        assert!(standing.powershell.unwrap().contains(" -Condition "));
        for held in [
            team().eligible("team", builtin::SESSION_HOST_OPERATOR, S1, None),
            team().activated("team", builtin::SESSION_HOST_OPERATOR, S1),
        ] {
            let fix = moved(held);
            assert!(fix.az.is_none() && fix.powershell.is_none() && fix.portal.contains("eligible at"), "{fix:?}");
        }
    }
}
