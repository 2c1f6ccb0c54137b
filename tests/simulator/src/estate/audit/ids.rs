//! Published ids of roles, actions and applications that an audited estate
//! is grown from.

/// Owner.
pub(crate) const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
/// Contributor.
pub(crate) const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
/// Reader.
pub(crate) const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
/// User Access Administrator.
pub(crate) const USER_ACCESS_ADMINISTRATOR: &str = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9";
/// Role Based Access Control Administrator.
pub(crate) const RBAC_ADMINISTRATOR: &str = "f58310d9-a9f6-439a-9e8d-f62e7b41a168";
/// Desktop Virtualization User.
pub(crate) const DESKTOP_USER: &str = "1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63";
/// Desktop Virtualization Contributor.
pub(crate) const DESKTOP_CONTRIBUTOR: &str = "082f0a83-3be5-4ba1-904c-961cca79b387";
/// Desktop Virtualization Reader.
pub(crate) const DESKTOP_READER: &str = "49a72310-ab8d-41df-bbb0-79b649203868";
/// Desktop Virtualization Host Pool Contributor.
pub(crate) const HOST_POOL_CONTRIBUTOR: &str = "e307426c-f9b6-4e81-87de-d99efb3c32bc";
/// Desktop Virtualization Application Group Contributor.
pub(crate) const APPLICATION_GROUP_CONTRIBUTOR: &str = "86240b0e-9422-4c43-887b-b61143f32ba8";
/// Desktop Virtualization Workspace Contributor.
pub(crate) const WORKSPACE_CONTRIBUTOR: &str = "21efdde3-836f-432b-bf3d-3e8e734d4b2b";
/// Desktop Virtualization Session Host Operator.
pub(crate) const SESSION_HOST_OPERATOR: &str = "2ad6aaab-ead9-4eaa-8ac5-da422f562408";
/// Desktop Virtualization User Session Operator.
pub(crate) const USER_SESSION_OPERATOR: &str = "ea4bfff8-7fb4-485a-aadd-d4129a0ffaa6";
/// Desktop Virtualization Power On Contributor.
pub(crate) const POWER_ON: &str = "489581de-a3bd-480d-9518-53dea7416b33";
/// Desktop Virtualization Power On Off Contributor.
pub(crate) const POWER_ON_OFF: &str = "40c5ff49-9181-41f8-ae61-143b0e78555e";
/// Desktop Virtualization Virtual Machine Contributor.
pub(crate) const DESKTOP_MACHINE_CONTRIBUTOR: &str = "a959dbd1-f747-45e3-8ba6-dd80f235f97c";
/// Virtual Machine User Login.
pub(crate) const USER_LOGIN: &str = "fb879df8-f326-4884-b1cf-06f3ad86be52";
/// Virtual Machine Administrator Login.
pub(crate) const ADMINISTRATOR_LOGIN: &str = "1c0163c0-47e6-4577-8991-ea5c82e286e4";
/// Storage File Data SMB Share Contributor.
pub(crate) const SMB_CONTRIBUTOR: &str = "0c867c2a-1d8c-454a-a3db-ab2ea1bdc8bb";
/// Storage File Data SMB Share Elevated Contributor.
pub(crate) const SMB_ELEVATED: &str = "a7264617-510b-434b-a828-9731dc254ea7";
/// Key Vault Secrets User.
pub(crate) const SECRETS_USER: &str = "4633458b-17de-408a-b874-0445c86b69e6";
/// Virtual Machine Contributor.
pub(crate) const MACHINE_CONTRIBUTOR: &str = "9980e02c-c2be-4d73-94e8-173b1dc7cf3c";

/// Creates or changes a role assignment.
pub(crate) const WRITE_ASSIGNMENTS: &str = "Microsoft.Authorization/roleAssignments/write";
/// Creates or changes a lock.
pub(crate) const WRITE_LOCKS: &str = "Microsoft.Authorization/locks/write";
/// Opens what an application group publishes (data).
pub(crate) const USE_APPLICATIONS: &str = "Microsoft.DesktopVirtualization/applicationGroups/useApplications/action";
/// Gives an identity to a machine.
pub(crate) const ASSIGN_IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";
/// Creates or changes a machine.
pub(crate) const WRITE_MACHINES: &str = "Microsoft.Compute/virtualMachines/write";
/// Creates or changes an application group.
pub(crate) const WRITE_GROUPS: &str = "Microsoft.DesktopVirtualization/applicationGroups/write";
/// Starts a machine.
pub(crate) const START: &str = "Microsoft.Compute/virtualMachines/start/action";
/// Stops a machine and frees what it runs on.
pub(crate) const DEALLOCATE: &str = "Microsoft.Compute/virtualMachines/deallocate/action";
/// Signs in to a machine (data).
pub(crate) const LOG_IN: &str = "Microsoft.Compute/virtualMachines/login/action";

/// The application that starts and stops machines for Azure Virtual Desktop.
pub(crate) const AVD_APPLICATION: &str = "9cdead84-a844-4324-93f2-b2e6bb768d07";
/// Applications of nearly the same name that do not.
pub(crate) const AVD_NAME_SAKES: [(&str, &str); 4] = [
    ("a85cf173-4192-42f8-81fa-777a763e6e2c", "Azure Virtual Desktop Client"),
    ("50e95039-b200-4007-bc97-8d5790743a63", "Azure Virtual Desktop ARM Provider"),
    ("5a0aa725-4958-4b0c-80a9-34562e23f3b7", "Windows Virtual Desktop"),
    ("fa4345a4-a730-4230-84a8-7d9651b86739", "Windows Virtual Desktop Client"),
];
/// Azure AD Graph, which is retired.
pub(crate) const AZURE_AD_GRAPH: &str = "00000002-0000-0000-c000-000000000000";
/// Microsoft Graph.
pub(crate) const MICROSOFT_GRAPH: &str = "00000003-0000-0000-c000-000000000000";
/// Azure Resource Manager as an application.
pub(crate) const AZURE_MANAGEMENT: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";

/// The type of virtual machines.
pub(crate) const MACHINES: &str = "Microsoft.Compute/virtualMachines";
/// The type of what is installed into a machine from outside.
pub(crate) const EXTENSIONS: &str = "Microsoft.Compute/virtualMachines/extensions";
/// The type of scaling plans.
pub(crate) const SCALING_PLANS: &str = "Microsoft.DesktopVirtualization/scalingPlans";
/// The type of key vaults.
pub(crate) const VAULTS: &str = "Microsoft.KeyVault/vaults";
/// The type of storage accounts.
pub(crate) const STORAGE: &str = "Microsoft.Storage/storageAccounts";

/// A condition that limits which roles may be assigned on.
pub(crate) const DELEGATION_BY_ROLE: &str = "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR \
     (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals \
     {1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63}))";
/// A condition that limits to whom roles may be assigned on.
pub(crate) const DELEGATION_BY_PRINCIPAL: &str = "(\n (\n  !(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})\n )\n \
     OR\n (\n  @Request[Microsoft.Authorization/roleAssignments:PrincipalType] StringEqualsIgnoreCase 'Group'\n )\n)";
/// A condition about something else: it limits no delegation.
pub(crate) const OTHER_CONDITION: &str = "((!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'})) \
     OR (@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'logs'))";
