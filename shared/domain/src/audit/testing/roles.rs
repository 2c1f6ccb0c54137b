//! Azure's roles that rules and tests name, with what matters of them.

use super::role_id;
use crate::ArmId;
use crate::access::{Definition, DefinitionKind, builtin};
use crate::estate::Permission;

/// GUID, name, actions, notActions, data actions.
type Row<'a> = (&'a str, &'a str, &'a [&'a str], &'a [&'a str], &'a [&'a str]);

/// A role that can be assigned everywhere.
pub(super) fn definition(
    guid: &str,
    name: &str,
    kind: DefinitionKind,
    actions: &[&str],
    not: &[&str],
    data: &[&str],
) -> Definition {
    let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    Definition {
        id: role_id(guid),
        name: name.to_owned(),
        kind,
        permissions: vec![Permission {
            actions: texts(actions),
            not_actions: texts(not),
            data_actions: texts(data),
            not_data_actions: Vec::new(),
        }],
        assignable_scopes: vec![ArmId::new("/")],
    }
}

/// The roles.
pub(super) fn built_in_roles() -> Vec<Definition> {
    let contributor_not = ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"];
    let assignments = ["*/read", "Microsoft.Authorization/roleAssignments/*", "Microsoft.Support/*"];
    let avd_machines = [
        "Microsoft.Compute/virtualMachines/*",
        "Microsoft.DesktopVirtualization/hostPools/retrieveRegistrationToken/action",
    ];
    let power =
        ["Microsoft.Compute/virtualMachines/start/action", "Microsoft.Compute/virtualMachines/deallocate/action"];
    let user = [
        "Microsoft.DesktopVirtualization/applicationGroups/useApplications/action",
        "Microsoft.DesktopVirtualization/appAttachPackages/useApplications/action",
    ];
    let session_hosts = ["Microsoft.DesktopVirtualization/hostpools/sessionhosts/*"];
    let user_sessions = ["Microsoft.DesktopVirtualization/hostpools/sessionhosts/usersessions/*"];
    let login = ["Microsoft.Compute/virtualMachines/login/action"];
    let admin_login = [login[0], "Microsoft.Compute/virtualMachines/loginAsAdmin/action"];
    let share = ["Microsoft.Storage/storageAccounts/fileServices/fileshares/files/write"];
    let avd = ["Microsoft.DesktopVirtualization/*"];
    let pools = ["Microsoft.DesktopVirtualization/hostpools/*"];
    let all: [Row<'_>; 17] = [
        (builtin::OWNER, "Owner", &["*"], &[], &[]),
        (builtin::CONTRIBUTOR, "Contributor", &["*"], &contributor_not, &[]),
        (builtin::READER, "Reader", &["*/read"], &[], &[]),
        (
            builtin::USER_ACCESS_ADMINISTRATOR,
            "User Access Administrator",
            &["*/read", "Microsoft.Authorization/*"],
            &[],
            &[],
        ),
        (builtin::RBAC_ADMINISTRATOR, "Role Based Access Control Administrator", &assignments, &[], &[]),
        (builtin::DESKTOP_VIRTUALIZATION_USER, "Desktop Virtualization User", &[], &[], &user),
        (builtin::DESKTOP_VIRTUALIZATION_CONTRIBUTOR, "Desktop Virtualization Contributor", &avd, &[], &[]),
        (builtin::HOST_POOL_CONTRIBUTOR, "Desktop Virtualization Host Pool Contributor", &pools, &[], &[]),
        (builtin::SESSION_HOST_OPERATOR, "Desktop Virtualization Session Host Operator", &session_hosts, &[], &[]),
        (builtin::USER_SESSION_OPERATOR, "Desktop Virtualization User Session Operator", &user_sessions, &[], &[]),
        (builtin::POWER_ON_CONTRIBUTOR, "Desktop Virtualization Power On Contributor", &power[..1], &[], &[]),
        (builtin::POWER_ON_OFF_CONTRIBUTOR, "Desktop Virtualization Power On Off Contributor", &power, &[], &[]),
        (
            builtin::AVD_VIRTUAL_MACHINE_CONTRIBUTOR,
            "Desktop Virtualization Virtual Machine Contributor",
            &avd_machines,
            &[],
            &[],
        ),
        (builtin::VIRTUAL_MACHINE_USER_LOGIN, "Virtual Machine User Login", &[], &[], &login),
        (builtin::VIRTUAL_MACHINE_ADMINISTRATOR_LOGIN, "Virtual Machine Administrator Login", &[], &[], &admin_login),
        (builtin::SMB_SHARE_CONTRIBUTOR, "Storage File Data SMB Share Contributor", &[], &[], &share),
        (builtin::SMB_SHARE_ELEVATED_CONTRIBUTOR, "Storage File Data SMB Share Elevated Contributor", &[], &[], &share),
    ];
    let built_in = DefinitionKind::BuiltIn;
    all.into_iter().map(|(guid, name, yes, not, data)| definition(guid, name, built_in, yes, not, data)).collect()
}
