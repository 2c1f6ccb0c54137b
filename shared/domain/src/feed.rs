//! What only a user's feed tells of a published resource: the signed `.rdp` file, folders, file associations.
//!
//! A feed has no resource ids of Azure's. What it offers is identified by ids made here, which sort and nest as Azure's
//! do: `/feeds/{arm|classic}/workspaces/{workspace}` stands where a host pool's id does, and below it
//! `applicationGroups/{desktops|remoteapps}` and `desktops/{resource}` or `applications/{resource}`.

use crate::ArmId;
use crate::estate::ResourceKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which of Azure Virtual Desktop's two models something belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedModel {
    /// Azure Resource Manager.
    Arm,
    /// Azure Virtual Desktop (classic), retired on 2026-09-30.
    Classic,
}

impl FeedModel {
    /// As it stands in ids.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arm => "arm",
            Self::Classic => "classic",
        }
    }

    /// The id that everything of this model lies below.
    pub fn id(self) -> ArmId {
        ArmId::new(&format!("/feeds/{}", self.name()))
    }

    /// The id of a workspace's feed. A `/` in the workspace's own id cannot lead elsewhere.
    pub fn workspace(self, workspace: &str) -> ArmId {
        ArmId::new(&format!("{}/workspaces/{}", self.id(), workspace.replace('/', "_")))
    }
}

/// The id of a workspace's desktops or RemoteApps.
pub fn group(workspace: &ArmId, kind: ResourceKind) -> ArmId {
    let name = match kind {
        ResourceKind::Desktop => "desktops",
        ResourceKind::RemoteApp => "remoteapps",
    };
    ArmId::new(&format!("{workspace}/applicationGroups/{name}"))
}

/// The id of one of them.
pub fn resource(workspace: &ArmId, kind: ResourceKind, resource: &str) -> ArmId {
    let segment = match kind {
        ResourceKind::Desktop => "desktops",
        ResourceKind::RemoteApp => "applications",
    };
    ArmId::new(&format!("{}/{segment}/{}", group(workspace, kind), resource.replace('/', "_")))
}

/// What the feed says of a resource, beyond what every source does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedItem {
    /// The id that the resource's address names its workspace by: a launch link needs it.
    pub workspace_id: String,
    /// `Resource@Alias`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// `Resource@ArmPath`, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm_path: Option<String>,
    /// The host pool that the `.rdp` file names: its resource id, or what the file has instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_pool: Option<String>,
    /// The folders it is shown in, without slashes at their ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<String>,
    /// The files it opens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub file_associations: Vec<FileAssociation>,
    /// Changes whenever the feed says that the icon or the `.rdp` file may have: both are asked for again only then.
    pub version: String,
    /// The `.rdp` file, once it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rdp: Option<RdpRef>,
}

/// A kind of file that a RemoteApp opens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct FileAssociation {
    /// With its dot, in lower case.
    pub extension: String,
    /// Whether it opens them unless the user chose otherwise.
    pub primary: bool,
}

/// A `.rdp` file in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RdpRef {
    /// The SHA-256 of its connection and of what it says, without what changes by itself: its name in the store, which
    /// holds whichever of the files that say the same was fetched last.
    pub sha256: String,
}
