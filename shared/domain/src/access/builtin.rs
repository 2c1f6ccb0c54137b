//! The built-in roles, actions and applications that rules name, by their published ids.
//! <https://learn.microsoft.com/azure/role-based-access-control/built-in-roles>

/// Owner.
pub const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
/// Contributor.
pub const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
/// Reader.
pub const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
/// User Access Administrator.
pub const USER_ACCESS_ADMINISTRATOR: &str = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9";
/// Role Based Access Control Administrator.
pub const RBAC_ADMINISTRATOR: &str = "f58310d9-a9f6-439a-9e8d-f62e7b41a168";
/// Desktop Virtualization User.
pub const DESKTOP_VIRTUALIZATION_USER: &str = crate::entitlement::DESKTOP_VIRTUALIZATION_USER;
/// Desktop Virtualization Contributor.
pub const DESKTOP_VIRTUALIZATION_CONTRIBUTOR: &str = "082f0a83-3be5-4ba1-904c-961cca79b387";
/// Desktop Virtualization Host Pool Contributor.
pub const HOST_POOL_CONTRIBUTOR: &str = "e307426c-f9b6-4e81-87de-d99efb3c32bc";
/// Desktop Virtualization Session Host Operator.
pub const SESSION_HOST_OPERATOR: &str = "2ad6aaab-ead9-4eaa-8ac5-da422f562408";
/// Desktop Virtualization User Session Operator.
pub const USER_SESSION_OPERATOR: &str = "ea4bfff8-7fb4-485a-aadd-d4129a0ffaa6";
/// Desktop Virtualization Power On Contributor.
pub const POWER_ON_CONTRIBUTOR: &str = "489581de-a3bd-480d-9518-53dea7416b33";
/// Desktop Virtualization Power On Off Contributor.
pub const POWER_ON_OFF_CONTRIBUTOR: &str = "40c5ff49-9181-41f8-ae61-143b0e78555e";
/// Desktop Virtualization Virtual Machine Contributor.
pub const AVD_VIRTUAL_MACHINE_CONTRIBUTOR: &str = "a959dbd1-f747-45e3-8ba6-dd80f235f97c";
/// Virtual Machine User Login.
pub const VIRTUAL_MACHINE_USER_LOGIN: &str = "fb879df8-f326-4884-b1cf-06f3ad86be52";
/// Virtual Machine Administrator Login.
pub const VIRTUAL_MACHINE_ADMINISTRATOR_LOGIN: &str = "1c0163c0-47e6-4577-8991-ea5c82e286e4";
/// Storage File Data SMB Share Contributor.
pub const SMB_SHARE_CONTRIBUTOR: &str = "0c867c2a-1d8c-454a-a3db-ab2ea1bdc8bb";
/// Storage File Data SMB Share Elevated Contributor.
pub const SMB_SHARE_ELEVATED_CONTRIBUTOR: &str = "a7264617-510b-434b-a828-9731dc254ea7";

/// Creates or changes a role assignment.
pub const WRITE_ROLE_ASSIGNMENTS: &str = "Microsoft.Authorization/roleAssignments/write";
/// Opens what an application group publishes (data).
pub const USE_APPLICATIONS: &str = crate::entitlement::USE_APPLICATIONS;
/// Reads the token with which a host joins a pool.
pub const RETRIEVE_REGISTRATION_TOKEN: &str =
    "Microsoft.DesktopVirtualization/hostPools/retrieveRegistrationToken/action";
/// Starts a virtual machine.
pub const START_VIRTUAL_MACHINE: &str = "Microsoft.Compute/virtualMachines/start/action";
/// Signs in to a virtual machine as a user (data).
pub const LOG_IN: &str = "Microsoft.Compute/virtualMachines/login/action";
/// Signs in to a virtual machine as an administrator (data).
pub const LOG_IN_AS_ADMINISTRATOR: &str = "Microsoft.Compute/virtualMachines/loginAsAdmin/action";
/// Reads the value of a secret of a vault (data).
pub const GET_SECRET: &str = "Microsoft.KeyVault/vaults/secrets/getSecret/action";

/// Azure Virtual Desktop's own application: the one that starts and stops virtual machines.
pub const AVD_APPLICATION: &str = "9cdead84-a844-4324-93f2-b2e6bb768d07";
/// Applications of the same name or nearly, which do not: its client, its ARM provider, and the classic pair.
pub const AVD_NAME_SAKES: [&str; 4] = [
    "a85cf173-4192-42f8-81fa-777a763e6e2c",
    "50e95039-b200-4007-bc97-8d5790743a63",
    "5a0aa725-4958-4b0c-80a9-34562e23f3b7",
    "fa4345a4-a730-4230-84a8-7d9651b86739",
];
/// Azure AD Graph, which is retired.
pub const AZURE_AD_GRAPH: &str = "00000002-0000-0000-c000-000000000000";
/// Microsoft Graph.
pub const MICROSOFT_GRAPH: &str = "00000003-0000-0000-c000-000000000000";
/// Azure Service Management: Azure Resource Manager as an application.
pub const AZURE_SERVICE_MANAGEMENT: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";
