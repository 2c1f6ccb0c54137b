//! Who may have a package, at which stage and in which places: what persons assign beside what the source says.

use crate::package::Stage;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a package is put before somebody, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Publish {
    /// Not at all: it can be started by whoever knows of it.
    Hidden,
    /// In the catalogue, to be chosen.
    #[default]
    Catalog,
    /// In the workspace, from the start.
    Workspace,
    /// In the workspace, and it cannot be removed from there.
    Forced,
}

/// Where an icon is placed on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IconPlace {
    /// On the desktop.
    Desktop,
    /// In the start menu.
    StartMenu,
}

/// What an identity is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum IdentityType {
    /// A person.
    #[default]
    User,
    /// A group of persons or devices.
    Group,
    /// A device.
    Device,
}

/// A person's decision that an identity may have a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assignment {
    /// Its object id in Entra, or its user principal name.
    pub identity: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: IdentityType,
    /// From which stage on it sees the package.
    pub stage: Stage,
    /// How the package is put before it.
    pub publish: Publish,
    /// Where the icon is placed.
    pub icons: BTreeSet<IconPlace>,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
}
