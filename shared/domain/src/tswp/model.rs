//! What the documents hold. Strings are as written; addresses are not resolved, and times are not read.

use crate::estate::ResourceKind;
use serde::Serialize;

/// Where an account's workspaces have their feeds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Discovery {
    /// `UserIdType`.
    pub user_id_type: Option<String>,
    /// `ClassicResources`.
    pub classic_resources: Option<bool>,
    /// `ARMResources`.
    pub arm_resources: Option<bool>,
    /// None is an answer of its own: the account has no workspace.
    pub feeds: Vec<TenantFeed>,
}

/// One workspace's feed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TenantFeed {
    /// `TenantId`.
    pub tenant_id: Option<String>,
    /// `TenantDisplayName`.
    pub tenant_display_name: Option<String>,
    /// `WorkspaceName`.
    pub workspace_name: Option<String>,
    /// `FeedURL`, never empty.
    pub feed_url: String,
    /// `Geo`.
    pub geo: Option<String>,
    /// `ArmPath`.
    pub arm_path: Option<String>,
    /// `HubDiscoveryURL`.
    pub hub_discovery_url: Option<String>,
    /// `ContactEmail`.
    pub contact_email: Option<String>,
    /// `ConsentStatus`.
    pub consent_status: Option<String>,
    /// Whether the feed's extensions mark it as Windows 365's.
    pub cloud_pc: bool,
}

/// A feed: what an account may open in one workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ResourceCollection {
    /// `SchemaVersion`; empty when the document has none.
    pub schema_version: String,
    /// `PubDate`.
    pub pub_date: Option<String>,
    /// `SupportsReconnect`, where the collection has it instead of its publishers.
    pub supports_reconnect: Option<bool>,
    /// `DisplayFolder`, likewise.
    pub display_folder: Option<String>,
    /// In the document's order.
    pub publishers: Vec<Publisher>,
}

/// Who offers resources: a workspace, or a farm of servers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Publisher {
    /// `ID`.
    pub id: Option<String>,
    /// `Name`.
    pub name: Option<String>,
    /// `Description`.
    pub description: Option<String>,
    /// `LastUpdated`.
    pub last_updated: Option<String>,
    /// `SupportsReconnect`.
    pub supports_reconnect: Option<bool>,
    /// `DisplayFolder`: `/` or `/name`.
    pub display_folder: Option<String>,
    /// `SubFolders`, each `/` or `/name`.
    pub sub_folders: Vec<String>,
    /// No two of a document have the same id.
    pub resources: Vec<Resource>,
    /// No two of a publisher have the same id.
    pub terminal_servers: Vec<TerminalServer>,
}

/// A server, or what stands for one, that resources refer to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TerminalServer {
    /// `ID`, never empty.
    pub id: String,
    /// `Name`.
    pub name: Option<String>,
    /// `LastUpdated`.
    pub last_updated: Option<String>,
}

/// A desktop or a RemoteApp.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resource {
    /// `ID`, never empty.
    pub id: String,
    /// `Alias`.
    pub alias: Option<String>,
    /// `Title`.
    pub title: Option<String>,
    /// `LastUpdated`.
    pub last_updated: Option<String>,
    /// `Type`.
    pub kind: ResourceKind,
    /// `RequiredCommandLine`.
    pub required_command_line: Option<String>,
    /// `ExecutableName`.
    pub executable_name: Option<String>,
    /// `ShowByDefault` of schema 2.1; true when absent.
    pub show_by_default: bool,
    /// `ArmPath`, which Azure Virtual Desktop adds.
    pub arm_path: Option<String>,
    /// Of any size, in the document's order.
    pub icons: Vec<Icon>,
    /// The files that it opens.
    pub file_extensions: Vec<FileExtension>,
    /// Each `/` or `/name`.
    pub folders: Vec<String>,
    /// Where it runs, and the files that open it.
    pub hosting: Vec<Hosting>,
}

impl Resource {
    /// The file that opens it: the first one wins.
    pub fn resource_file(&self) -> Option<&ResourceFile> {
        self.hosting.iter().find_map(|hosting| hosting.resource_file.as_ref())
    }
}

/// Where a picture is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Icon {
    /// Which element named it.
    pub form: IconForm,
    /// `Dimensions`, such as `32x32`.
    pub dimensions: Option<String>,
    /// `FileType`, such as `Png`.
    pub file_type: Option<String>,
    /// `FileURL`, never empty.
    pub file_url: String,
    /// `Index`.
    pub index: Option<String>,
}

/// The elements that name icons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum IconForm {
    /// `IconRaw`: an ICO file with every size there is.
    Raw,
    /// `Icon16` to `Icon256`: the edge in pixels.
    Sized(u32),
    /// `Icon`: its `Dimensions` say what it measures.
    Other,
}

/// A kind of file that a resource opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileExtension {
    /// `Name`, with its dot; never empty.
    pub name: String,
    /// `PrimaryHandler`; false when absent.
    pub primary_handler: bool,
    /// Those of `FileAssociationIcons`.
    pub icons: Vec<Icon>,
}

/// A server that a resource runs on, and the file that opens the resource there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Hosting {
    /// `ResourceFile`.
    pub resource_file: Option<ResourceFile>,
    /// `TerminalServerRef@Ref`, whether or not there is such a server.
    pub terminal_server_ref: Option<String>,
}

/// The file that opens a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResourceFile {
    /// `FileExtension`; `.rdp` when absent.
    pub extension: String,
    /// `URL`, never empty; often relative to the feed's own.
    pub url: String,
}
