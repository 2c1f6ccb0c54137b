//! The resource collection of one workspace, as MS-TSWP describes it: schema
//! 2.1 with `ShowByDefault`, 2.0 with folders, 1.1 with neither.
//!
//! `Resource@ArmPath` is taken to be the desktop's or application's own ARM id,
//! which no public document says.

use bytes::Bytes;

use super::{
    catalogue::{Icons, Model, Offer, Workspace},
    xml::Xml,
};
use crate::auth::account::View;

const NAMESPACE: &str = "http://schemas.microsoft.com/ts/2007/05/tswf";

pub(super) fn document(workspace: &Workspace, view: View, schema: &str, origin: &str) -> Bytes {
    let latest = workspace.seen(view).map(|offer| offer.last_updated.as_str()).max().unwrap_or("2024-01-01T00:00:00Z");
    let mut xml = Xml::new();
    let root = [("xmlns", NAMESPACE), ("PubDate", latest), ("SchemaVersion", schema)];
    xml.begin("ResourceCollection", &root);
    let mut publisher = vec![
        ("LastUpdated", latest),
        ("Name", workspace.name.as_str()),
        ("ID", workspace.id.as_str()),
        ("Description", workspace.description.as_str()),
    ];
    if schema != "1.1" {
        publisher.extend([("SupportsReconnect", "true"), ("DisplayFolder", "/")]);
    }
    xml.begin("Publisher", &publisher);
    xml.begin("Resources", &[]);
    let writer = Writer { workspace, schema, origin };
    for offer in workspace.seen(view) {
        writer.resource(&mut xml, offer);
    }
    xml.end();
    xml.begin("TerminalServers", &[]);
    let server = [("ID", workspace.id.as_str()), ("Name", workspace.name.as_str()), ("LastUpdated", latest)];
    xml.empty("TerminalServer", &server);
    xml.finish().into()
}

struct Writer<'a> {
    workspace: &'a Workspace,
    schema: &'a str,
    origin: &'a str,
}

impl Writer<'_> {
    fn resource(&self, xml: &mut Xml, offer: &Offer) {
        let kind = if offer.is_desktop { "Desktop" } else { "RemoteApp" };
        let mut attributes = vec![
            ("ID", offer.id.as_str()),
            ("Alias", offer.alias.as_str()),
            ("Title", offer.title.as_str()),
            ("LastUpdated", offer.last_updated.as_str()),
            ("Type", kind),
        ];
        let path = offer.source.property("filePath").as_str().unwrap_or("");
        let executable = path.rsplit('\\').next().unwrap_or("");
        if !executable.is_empty() {
            attributes.push(("ExecutableName", executable));
        }
        if !offer.command_line().is_empty() {
            attributes.push(("RequiredCommandLine", offer.command_line()));
        }
        if self.workspace.model == Model::Arm {
            attributes.push(("ArmPath", &offer.source.id));
        }
        if self.schema == "2.1" {
            // Booleans are written "False" too.
            attributes.extend(offer.show_by_default().map(|shown| {
                let spelled = if offer.dice & 8 == 0 { ["false", "true"] } else { ["False", "True"] };
                ("ShowByDefault", spelled[usize::from(shown)])
            }));
        }
        xml.begin("Resource", &attributes);
        self.icons(xml, offer);
        extensions(xml, offer, self.workspace, self.origin);
        if self.schema != "1.1" {
            xml.begin("Folders", &[]);
            for folder in offer.folders() {
                xml.empty("Folder", &[("Name", folder)]);
            }
            xml.end();
        }
        self.servers(xml, offer);
        xml.end();
    }

    fn icons(&self, xml: &mut Xml, offer: &Offer) {
        let icons = offer.icons();
        if icons == Icons::None {
            xml.empty("Icons", &[]);
            return;
        }
        let address = |format: &str| icon_address(self.workspace, offer, self.origin, format);
        xml.begin("Icons", &[]);
        xml.empty("IconRaw", &[("FileType", "Ico"), ("FileURL", &address("ico"))]);
        if icons == Icons::IcoAndPng {
            xml.empty("Icon48", &[("Dimensions", "48x48"), ("FileType", "Png"), ("FileURL", &address("png"))]);
        }
        xml.end();
    }

    fn servers(&self, xml: &mut Xml, offer: &Offer) {
        let path = format!(
            "/api/{}feeddiscovery/tenants/{}/rdps/{}.rdp",
            self.workspace.model.prefix(),
            self.workspace.id,
            offer.id
        );
        let address = if offer.dice & 2 == 0 { format!("{}{path}", self.origin) } else { path };
        xml.begin("HostingTerminalServers", &[]);
        xml.begin("HostingTerminalServer", &[]);
        xml.empty("ResourceFile", &[("FileExtension", ".rdp"), ("URL", &address)]);
        xml.empty("TerminalServerRef", &[("Ref", &self.workspace.id)]);
        xml.end();
        xml.end();
    }
}

/// Where an icon is: relative to the feed for most, whole for some.
fn icon_address(workspace: &Workspace, offer: &Offer, origin: &str, format: &str) -> String {
    let relative = format!("icons/{}.{format}", offer.id);
    if offer.dice % 6 == 0 {
        let feed = workspace.feed_path(true);
        format!("{origin}{}{relative}", feed.trim_end_matches("webfeed"))
    } else {
        relative
    }
}

fn extensions(xml: &mut Xml, offer: &Offer, workspace: &Workspace, origin: &str) {
    if offer.file_extensions().is_empty() {
        xml.empty("FileExtensions", &[]);
        return;
    }
    xml.begin("FileExtensions", &[]);
    for (extension, primary) in offer.file_extensions() {
        let primary = match (primary, offer.dice & 4 == 0) {
            (true, true) => "True",
            (true, false) => "true",
            (false, _) => "false",
        };
        let attributes = [("Name", *extension), ("PrimaryHandler", primary)];
        if offer.icons() == Icons::IcoAndPng && offer.dice & 16 == 0 {
            xml.begin("FileExtension", &attributes);
            xml.begin("FileAssociationIcons", &[]);
            let address = icon_address(workspace, offer, origin, "ico");
            xml.empty("IconRaw", &[("FileType", "Ico"), ("FileURL", &address)]);
            xml.end();
            xml.end();
        } else {
            xml.empty("FileExtension", &attributes);
        }
    }
    xml.end();
}
