//! Everything that was read about access to an estate.

use super::{ArmResource, Coverage, Directory};
use crate::ArmId;
use crate::estate::{Permission, Principal};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A management group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ManagementGroup {
    /// Its id, `/providers/Microsoft.Management/managementGroups/{name}`.
    pub id: ArmId,
    /// What people call it.
    pub name: String,
    /// The management group it is in; none for the root management group of the tenant.
    pub parent: Option<ArmId>,
}

/// A subscription that is audited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SubscriptionFacts {
    /// `/subscriptions/{guid}`.
    pub id: ArmId,
    /// What people call it.
    pub name: String,
    /// The management group it is in, if that could be read.
    pub management_group: Option<ArmId>,
}

/// A role assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Assignment {
    /// Its resource id.
    pub id: ArmId,
    /// Where it holds, and everywhere below.
    pub scope: ArmId,
    /// The role's resource id; its last segment is the role's GUID.
    pub role: ArmId,
    /// Who holds it; the id as [`super::principal_id`] writes it.
    pub principal: Principal,
    /// The condition under which it holds.
    #[serde(default)]
    pub condition: Option<String>,
    /// When it was made.
    #[serde(default)]
    pub created_on: Option<Timestamp>,
    /// What its maker wrote.
    #[serde(default)]
    pub description: Option<String>,
}

/// Whether a role is Azure's or somebody's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub enum DefinitionKind {
    /// `BuiltInRole`.
    BuiltIn,
    /// `CustomRole`.
    Custom,
}

/// A role definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Definition {
    /// Its resource id; the last segment is the role's GUID, by which roles are told apart.
    pub id: ArmId,
    /// Its display name.
    pub name: String,
    /// Whose it is.
    pub kind: DefinitionKind,
    /// What it grants.
    pub permissions: Vec<Permission>,
    /// Where it can be assigned.
    pub assignable_scopes: Vec<ArmId>,
}

/// A deny assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DenyAssignment {
    /// Its resource id.
    pub id: ArmId,
    /// What it is called.
    pub name: String,
    /// Where it holds.
    pub scope: ArmId,
    /// Whether it holds at its scope only and not below.
    pub not_for_child_scopes: bool,
    /// What it denies, read as a role's permissions are.
    pub permissions: Vec<Permission>,
    /// For whom. The all-zero id of type `SystemDefined` means everybody.
    pub principals: Vec<Principal>,
    /// For whom not, though they are among the principals.
    pub except: Vec<Principal>,
    /// The condition under which it holds.
    #[serde(default)]
    pub condition: Option<String>,
}

/// Whether an instance of Privileged Identity Management holds now or could be activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PimKind {
    /// It holds now (`roleAssignmentScheduleInstances`).
    Active,
    /// It can be activated (`roleEligibilityScheduleInstances`).
    Eligible,
}

/// How an active instance came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub enum AssignmentType {
    /// Activated from an eligibility, for a while.
    Activated,
    /// Assigned, as role assignments are.
    Assigned,
}

/// An instance of Privileged Identity Management.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PimInstance {
    /// Its resource id.
    pub id: ArmId,
    /// Whether it holds now.
    pub kind: PimKind,
    /// Where.
    pub scope: ArmId,
    /// The role's resource id.
    pub role: ArmId,
    /// Who.
    pub principal: Principal,
    /// `Direct`, `Group` (through membership) or `Inherited` (from a scope above). Only the direct ones are grants of
    /// their own.
    pub member_type: Option<String>,
    /// How it came to be; active ones only.
    #[serde(default)]
    pub assignment_type: Option<AssignmentType>,
    /// From when.
    #[serde(default)]
    pub start: Option<Timestamp>,
    /// Until when; endless if there is none.
    #[serde(default)]
    pub end: Option<Timestamp>,
    /// The role assignment that an active instance is seen as (`originRoleAssignmentId`).
    #[serde(default)]
    pub origin: Option<ArmId>,
    /// The condition under which it holds.
    #[serde(default)]
    pub condition: Option<String>,
}

/// A classic administrator of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ClassicAdministrator {
    /// The subscription.
    pub subscription: ArmId,
    /// Whose account it is.
    pub email: String,
    /// `ServiceAdministrator`, `CoAdministrator`, `AccountAdministrator`; several are joined by `;`.
    pub role: String,
}

/// Everything that was read about access to an estate, and what could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AccessFacts {
    /// When the reading began.
    pub read_at: Timestamp,
    /// The tenant, if it is known.
    pub tenant: Option<String>,
    /// Who reads: the object id of the identity that Poolwarden itself has in the tenant, if it is known.
    #[serde(default)]
    pub own_principal: Option<String>,
    /// The management groups above the subscriptions.
    pub management_groups: Vec<ManagementGroup>,
    /// The subscriptions that are audited.
    pub subscriptions: Vec<SubscriptionFacts>,
    /// Role assignments at those scopes, above and below.
    pub assignments: Vec<Assignment>,
    /// Role definitions.
    pub definitions: Vec<Definition>,
    /// Deny assignments.
    pub denies: Vec<DenyAssignment>,
    /// Privileged Identity Management.
    pub pim: Vec<PimInstance>,
    /// Classic administrators.
    pub classic_administrators: Vec<ClassicAdministrator>,
    /// The directory.
    pub directory: Directory,
    /// The estate's resources.
    pub resources: Vec<ArmResource>,
    /// What was read and what was not.
    pub coverage: Vec<Coverage>,
}

impl AccessFacts {
    /// Nothing, read at a moment.
    pub fn new(read_at: Timestamp) -> Self {
        Self {
            read_at,
            tenant: None,
            own_principal: None,
            management_groups: Vec::new(),
            subscriptions: Vec::new(),
            assignments: Vec::new(),
            definitions: Vec::new(),
            denies: Vec::new(),
            pim: Vec::new(),
            classic_administrators: Vec::new(),
            directory: Directory::default(),
            resources: Vec::new(),
            coverage: Vec::new(),
        }
    }

    /// The resources of a type, given in any case.
    pub fn resources_of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a ArmResource> {
        self.resources.iter().filter(move |resource| resource.kind.eq_ignore_ascii_case(kind))
    }
}
