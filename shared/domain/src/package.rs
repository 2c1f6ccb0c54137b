//! What the catalogue holds for one published desktop or RemoteApp: all that a launcher, a catalogue page or another
//! system needs, under a key that stays the same for as long as the resource exists.

use crate::ArmId;
use crate::assignment::Assignment;
use crate::entitlement::Entitlement;
use crate::estate::{CommandLineSetting, ResourceKind};
use crate::feed::{FileAssociation, RdpRef};
pub use crate::revision::{Author, Change, MAX_REVISIONS, Revision};
use crate::text::sha256_hex;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How far a package has been let through to people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Stage {
    /// New, seen by its makers.
    Development,
    /// Under test.
    Test,
    /// Shown to the people who accept it.
    Acceptance,
    /// For everybody.
    #[default]
    Production,
}

/// A promotion that somebody asked for and that waits for the approval of somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Promotion {
    /// Where the package shall go.
    pub to: Stage,
    /// Who asked.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Something that has an id and a name for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Named {
    /// Its resource id.
    pub id: ArmId,
    /// What people call it.
    pub name: String,
}

/// What a RemoteApp starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Program {
    /// The executable on the session host.
    pub path: String,
    /// Whether arguments are passed.
    pub command_line: CommandLineSetting,
    /// The configured arguments.
    pub arguments: Option<String>,
}

/// The icon to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Icon {
    /// The SHA-256 of the PNG, which is also its name in the store.
    pub sha256: String,
    /// Whether the source had none, or none that could be read.
    pub placeholder: bool,
}

/// A way to start the resource; the first that a device supports is the one to take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LaunchAction {
    /// What opens it.
    pub with: Launcher,
    /// Which versions of the launcher understand it.
    pub versions: String,
    /// The address to open.
    pub uri: String,
}

/// What opens a launch address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Launcher {
    /// Windows App, through its `ms-avd:` scheme.
    WindowsApp,
    /// A browser, through the web client.
    WebClient,
    /// An agent on the device, which opens the `.rdp` file: a path in the exported catalogue.
    Agent,
    /// A browser, which downloads the `.rdp` file.
    Download,
}

/// What must be on the device before the package can be launched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dependency {
    /// What it is called.
    pub name: String,
    /// Its id in the Windows Package Manager.
    pub package_id: String,
    /// The oldest version that will do.
    pub minimum_version: String,
}

/// All of a package that follows its source. Two observations with equal content are the same to everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackageContent {
    /// The package's name in the catalogue; unique among the connection's packages.
    pub display_name: String,
    /// Desktop or RemoteApp.
    pub kind: ResourceKind,
    /// What it is, in its owner's words.
    pub description: Option<String>,
    /// The published resource itself.
    pub resource: ArmId,
    /// The host pool it runs on.
    pub host_pool: Named,
    /// The application group that publishes it.
    pub application_group: Named,
    /// The workspace that shows it.
    pub workspace: Named,
    /// What it starts; RemoteApps only.
    pub program: Option<Program>,
    /// The icon to show.
    pub icon: Icon,
    /// The ways to start it, best first.
    pub launch: Vec<LaunchAction>,
    /// The signed `.rdp` file, where the source has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rdp: Option<RdpRef>,
    /// The host pool that the `.rdp` file names, where `host_pool` stands for a feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_on: Option<String>,
    /// Where a catalogue shows it: the source's folders, and the kinds of files it opens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// The files it opens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub file_associations: Vec<FileAssociation>,
    /// The template of the user name it is started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_credentials: Option<String>,
    /// What must be installed first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
    /// Who may open it; `null` when that could never be read.
    pub entitlements: Option<Vec<Entitlement>>,
}

impl PackageContent {
    /// The same content, the same digest, however its source spelled the ids this time.
    pub fn sha256(&self) -> String {
        sha256_hex(&serde_json::to_vec(&self.canonical()).expect("a package is plain data and always serialises"))
    }

    /// The same content, with every id in the spelling that all its case variants share.
    fn canonical(&self) -> Self {
        let mut same = self.clone();
        let ids = [&mut same.resource, &mut same.host_pool.id, &mut same.application_group.id, &mut same.workspace.id];
        let scopes = same.entitlements.iter_mut().flatten().map(|entitlement| &mut entitlement.scope);
        for id in ids.into_iter().chain(scopes) {
            *id = ArmId::new(&id.canonical());
        }
        same
    }

    /// The names of the fields in which two contents differ.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let fields = |content: &Self| match serde_json::to_value(content) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => unreachable!("a package serialises to an object"),
        };
        let (ours, theirs) = (fields(&self.canonical()), fields(&other.canonical()));
        // What is empty may not be written at all, so each may lack a field that the other has.
        let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        names.into_iter().filter(|name| ours.get(*name) != theirs.get(*name)).cloned().collect()
    }
}

/// Whether a package is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PackageState {
    /// Offered.
    Active,
    /// No longer published by its source, and kept so that the same package can come back.
    Retired,
}

/// A package as the catalogue holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Package {
    /// Stable for as long as the resource exists under its id.
    pub key: String,
    /// The connection it came through.
    pub connection: String,
    /// Offered or retired.
    pub state: PackageState,
    /// All that follows the source.
    #[serde(flatten)]
    pub content: PackageContent,
    /// How far it is let through. The connection says it of a new package; afterwards only a person changes it.
    pub stage: Stage,
    /// Since when it is let through that far; `None` for as long as it has been there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage_since: Option<Timestamp>,
    /// A promotion that waits for somebody's approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<Promotion>,
    /// Whether it follows its source by itself. An unmanaged package never changes by itself, nor does it retire.
    #[serde(default = "follows_its_source")]
    pub managed: bool,
    /// Who may have it beside those that its source names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assigned: Vec<Assignment>,
    /// Since when it is retired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
    /// The person who retired it: it stays retired until a person restores it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_by: Option<String>,
    /// When the source was last seen to say so.
    pub observed_at: Timestamp,
    /// The newest [`MAX_REVISIONS`] revisions, oldest first.
    pub revisions: Vec<Revision>,
}

impl Package {
    /// The number of the newest revision.
    pub fn revision(&self) -> u64 {
        self.revisions.last().map_or(0, |revision| revision.number)
    }

    /// The revision that a run made, if it made one.
    pub fn revision_of(&self, run: &str) -> Option<&Revision> {
        self.revisions.iter().rev().find(|revision| revision.run.as_deref() == Some(run))
    }

    /// Whether no run may touch it: it does not follow its source, or a person has retired it.
    pub fn stays(&self) -> bool {
        !self.managed || self.retired_by.is_some()
    }

    /// Adds a revision with the next number.
    pub(crate) fn revise(&mut self, change: Change, fields: Vec<String>, who: Author<'_>, at: Timestamp) {
        self.revise_after(self.revision(), change, fields, who, at);
    }

    /// The same, counting on from a number: of a package that was there before and has been purged.
    pub(crate) fn revise_after(
        &mut self,
        last: u64,
        change: Change,
        fields: Vec<String>,
        who: Author<'_>,
        at: Timestamp,
    ) {
        let (run, by) = match who {
            Author::Run(run) => (Some(run.to_owned()), None),
            Author::Person(name) => (None, Some(name.to_owned())),
        };
        let stage = matches!(change, Change::Promoted | Change::Demoted).then_some(self.stage);
        self.revisions.push(Revision { number: last + 1, change, fields, stage, run, by, at });
        if self.revisions.len() > MAX_REVISIONS {
            self.revisions.remove(0);
        }
    }

    /// Leaves it in the recycle bin.
    pub(crate) fn put_away(&mut self, who: Author<'_>, at: Timestamp) {
        self.state = PackageState::Retired;
        self.retired_at = Some(at);
        self.retired_by = match who {
            Author::Run(_) => None,
            Author::Person(name) => Some(name.to_owned()),
        };
        self.requested = None;
        self.revise(Change::Retired, Vec::new(), who, at);
    }

    /// Takes it out of the recycle bin.
    pub(crate) fn take_back(&mut self) {
        self.state = PackageState::Active;
        (self.retired_at, self.retired_by) = (None, None);
    }
}

/// What a document says that was written before packages were told apart by it.
pub(crate) fn follows_its_source() -> bool {
    true
}

#[cfg(test)]
mod tests;
