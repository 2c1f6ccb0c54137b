//! What an Azure Virtual Desktop estate consists of, as its sources tell it: only the properties that Poolwarden
//! decides on, under Azure's own names.
//!
//! Nothing here is judged or mended; see [`crate::published`] for what becomes of it.

use crate::feed::FeedItem;
use crate::{ArmId, UnknownScope};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A host pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostPool {
    /// Its resource id.
    pub id: ArmId,
    /// The GUID the service knows it by.
    pub object_id: String,
    /// What people call it; often absent.
    pub friendly_name: Option<String>,
    /// The Azure region.
    pub location: String,
    /// `Personal`, `Pooled` or `BYODesktop`.
    pub host_pool_type: Option<String>,
    /// `None`, `Desktop` or `RailApplications`: what a user entitled to both sees.
    pub preferred_app_group_type: Option<String>,
    /// Every group on this pool, readable or not.
    pub application_group_references: Vec<ArmId>,
}

/// Whether an application group offers the whole desktop or single applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum ResourceKind {
    /// A full desktop.
    Desktop,
    /// A single application.
    RemoteApp,
}

/// An application group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationGroup {
    /// Its resource id.
    pub id: ArmId,
    /// The GUID the service knows it by. Not unique in practice.
    pub object_id: String,
    /// What people call it.
    pub friendly_name: Option<String>,
    /// `applicationGroupType`.
    pub kind: ResourceKind,
    /// `hostPoolArmPath`.
    pub host_pool: ArmId,
    /// `workspaceArmPath`; without one nobody sees the group.
    pub workspace: Option<ArmId>,
    /// Whether clients show it; absent means yes.
    pub show_in_feed: Option<bool>,
    /// Whether it belongs to a Windows 365 Cloud PC.
    pub cloud_pc: bool,
}

/// A workspace: what a client shows as a heading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// Its resource id.
    pub id: ArmId,
    /// The GUID the service knows it by: part of every launch link.
    pub object_id: String,
    /// What people call it.
    pub friendly_name: Option<String>,
}

/// `commandLineSetting` of a RemoteApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum CommandLineSetting {
    /// The client may pass no arguments.
    DoNotAllow,
    /// The client may pass arguments.
    Allow,
    /// The configured arguments are always used.
    Require,
}

/// One desktop or RemoteApp as its application group lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Its resource id.
    pub id: ArmId,
    /// The GUID the service knows it by: part of every launch link. Not unique in practice.
    pub object_id: String,
    /// Its own name, the last segment of its id.
    pub name: String,
    /// What people call it.
    pub friendly_name: Option<String>,
    /// What it is, in its owner's words.
    pub description: Option<String>,
    /// Whether clients show it; absent means yes. Desktops have no such setting.
    pub show_in_portal: Option<bool>,
    /// The program on the session host; RemoteApps only.
    pub file_path: Option<String>,
    /// Whether arguments are passed; RemoteApps only.
    pub command_line_setting: Option<CommandLineSetting>,
    /// The configured arguments; RemoteApps only.
    pub command_line_arguments: Option<String>,
    /// The icon's bytes as the source sent them, not yet checked. Never stored inside a snapshot.
    #[serde(skip)]
    pub icon: Option<Vec<u8>>,
    /// The SHA-256 of a checked icon, once it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon_sha256: Option<String>,
    /// What only a feed tells; nothing from other sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<Box<FeedItem>>,
    /// The bytes of its `.rdp` file as the feed sent them. Never stored inside a snapshot.
    #[serde(skip)]
    pub rdp: Option<Vec<u8>>,
}

/// Who a grant is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Principal {
    /// The directory's object id.
    pub id: String,
    /// `User`, `Group`, `ServicePrincipal`, `ForeignGroup`, `Device`, …
    #[serde(rename = "type")]
    pub kind: String,
}

/// A role assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAssignment {
    /// Its resource id.
    pub id: ArmId,
    /// Where it holds, and everywhere below.
    pub scope: ArmId,
    /// The role's resource id, with or without a subscription.
    pub role_definition_id: ArmId,
    /// Who holds it.
    pub principal: Principal,
    /// The condition under which it holds (attribute-based access control).
    pub condition: Option<String>,
}

/// One block of permissions of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Permission {
    /// Control-plane operations granted.
    pub actions: Vec<String>,
    /// … less these.
    pub not_actions: Vec<String>,
    /// Data-plane operations granted.
    pub data_actions: Vec<String>,
    /// … less these.
    pub not_data_actions: Vec<String>,
}

/// A role definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleDefinition {
    /// Its resource id; the last segment is the role's GUID.
    pub id: ArmId,
    /// Its display name.
    pub role_name: String,
    /// What it grants.
    pub permissions: Vec<Permission>,
}

/// A subscription that the connection covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its GUID.
    pub id: String,
    /// Its display name.
    pub display_name: String,
}

/// All that is read in a few requests, before any single application group is asked for its applications.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    /// The subscriptions that were covered.
    pub subscriptions: Vec<Subscription>,
    /// Every host pool that could be seen.
    pub host_pools: Vec<HostPool>,
    /// Every application group that could be seen.
    pub application_groups: Vec<ApplicationGroup>,
    /// Every workspace that could be seen.
    pub workspaces: Vec<Workspace>,
    /// Session hosts by pool. A pool that is absent has none; unreadable ones are in `unknown`.
    pub session_hosts: BTreeMap<ArmId, u64>,
    /// The assignments of roles that may open a desktop or application.
    pub role_assignments: Vec<RoleAssignment>,
    /// The definitions of the roles that `role_assignments` name.
    pub role_definitions: Vec<RoleDefinition>,
    /// The scopes that could not be read.
    pub unknown: Vec<UnknownScope>,
    /// Input that was recognised as nothing known (offline input only): the file and why.
    pub ignored: Vec<String>,
}
