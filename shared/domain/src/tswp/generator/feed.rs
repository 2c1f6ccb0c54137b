//! Makes a feed: what it means and how it is written, side by side.

use super::writer::{Attributes, Writer};
use super::{Chance, GeneratedFeed, icon_element};
use crate::estate::ResourceKind;
use crate::tswp::{
    FileExtension, Hosting, Icon, IconForm, MAX_ATTRIBUTE_BYTES, Publisher, Resource, ResourceCollection, ResourceFile,
    TerminalServer,
};
use rand::rngs::StdRng;

const TIME: &str = "2026-11-25T20:00:00.1234567Z";
const ADDRESSES: [&str; 4] = ["/rdweb/a.rdp", "https://contoso.com/a?b=c&d=%3D", "../a b.png", "x:\"'<>"];
/// As written, as understood, and how many warnings that takes.
const FOLDERS: [(&str, Option<&str>, usize); 8] = [
    ("/", Some("/"), 0),
    ("/Utility", Some("/Utility"), 0),
    ("/Ünï & <co>", Some("/Ünï & <co>"), 0),
    ("Games", Some("/Games"), 1),
    ("/Tools/", Some("/Tools"), 1),
    ("/Deep/er", Some("/Deep"), 1),
    ("//", Some("/"), 1),
    ("", None, 1),
];
const TRUTHS: [(&str, Option<bool>); 7] = [
    ("true", Some(true)),
    ("True", Some(true)),
    ("1", Some(true)),
    ("FALSE", Some(false)),
    ("false", Some(false)),
    ("yes", None),
    ("", None),
];

pub(super) struct Generator {
    writer: Writer,
    warnings: usize,
    skipped: usize,
    /// The ids of the whole resources so far, and of those servers that references may name.
    resources: Vec<String>,
    servers: Vec<String>,
}

impl Generator {
    pub(super) fn new(dice: StdRng) -> Self {
        let servers = vec!["server".into(), "ser ver & <co>".into()];
        Self { writer: Writer::new(dice), warnings: 0, skipped: 0, resources: Vec::new(), servers }
    }

    fn dice(&mut self) -> &mut StdRng {
        &mut self.writer.dice
    }

    fn some_of(&mut self, most: usize) -> usize {
        if self.dice().in_hundred(50) { 1 } else { self.dice().below(most + 1) }
    }

    /// Whether a list that may be missing is.
    fn is_missing(&mut self) -> bool {
        self.dice().in_hundred(40)
    }

    pub(super) fn feed(mut self) -> GeneratedFeed {
        let mut attributes = Attributes::default();
        attributes.exactly(self.writer.prolog(), "http://schemas.microsoft.com/ts/2007/05/tswf");
        let schema_version = self.dice().one_of(&["1.1", "2.0", "2.1", "1.0", "9"]).to_owned();
        self.warnings += usize::from(matches!(&*schema_version, "1.0" | "9"));
        attributes.token("SchemaVersion", &*schema_version);
        let pub_date = self.maybe(&mut attributes, "PubDate", TIME);
        self.writer.open("ResourceCollection", attributes);
        let mut publishers = Vec::new();
        for number in 0..self.some_of(3) {
            publishers.push(self.publisher(number == 0));
        }
        // References are looked up in the whole document: where no publisher has servers, all of them dangle.
        self.warnings += usize::from(publishers.is_empty());
        self.writer.close_root("ResourceCollection");
        let expected = ResourceCollection { schema_version, pub_date, publishers, ..ResourceCollection::default() };
        let warnings = self.warnings + self.writer.warnings;
        let bytes = encoded(&self.writer.xml, &mut self.writer.dice);
        GeneratedFeed { bytes, expected, warnings, skipped: self.skipped }
    }

    fn maybe(&mut self, attributes: &mut Attributes, name: &'static str, value: &str) -> Option<String> {
        let there = self.dice().in_hundred(80);
        there.then(|| attributes.token(name, value));
        there.then(|| value.to_owned())
    }

    fn maybe_words(&mut self, attributes: &mut Attributes, name: &'static str) -> Option<String> {
        let there = self.dice().in_hundred(80);
        let word = self.dice().word();
        there.then(|| attributes.words(name, &*word));
        there.then_some(word)
    }

    fn maybe_truth(&mut self, attributes: &mut Attributes, name: &'static str) -> Option<bool> {
        if self.dice().in_hundred(50) {
            return None;
        }
        let (written, meant) = TRUTHS[self.dice().below(TRUTHS.len())];
        self.warnings += usize::from(meant.is_none());
        attributes.token(name, written);
        meant
    }

    fn publisher(&mut self, with_servers: bool) -> Publisher {
        let mut attributes = Attributes::default();
        let mut publisher = Publisher {
            id: self.maybe(&mut attributes, "ID", "5d4f8d1c"),
            name: self.maybe_words(&mut attributes, "Name"),
            description: self.maybe_words(&mut attributes, "Description"),
            last_updated: self.maybe(&mut attributes, "LastUpdated", TIME),
            supports_reconnect: self.maybe_truth(&mut attributes, "SupportsReconnect"),
            ..Publisher::default()
        };
        self.writer.open("Publisher", attributes);
        publisher.sub_folders = self.folders("SubFolders");
        self.writer.open("Resources", Attributes::default());
        for _ in 0..self.dice().below(7) {
            publisher.resources.extend(self.resource());
        }
        self.writer.close("Resources");
        if with_servers {
            publisher.terminal_servers = self.terminal_servers();
        }
        self.writer.close("Publisher");
        publisher
    }

    /// Every server once, one of them perhaps twice, and perhaps one without an id.
    fn terminal_servers(&mut self) -> Vec<TerminalServer> {
        self.writer.open("TerminalServers", Attributes::default());
        let mut servers = Vec::new();
        for id in self.servers.clone() {
            let times = if self.dice().in_hundred(10) { 2 } else { 1 };
            self.warnings += times - 1;
            for time in 0..times {
                let mut attributes = Attributes::default();
                attributes.token("ID", &*id);
                let name = self.maybe_words(&mut attributes, "Name");
                let last_updated = self.maybe(&mut attributes, "LastUpdated", TIME);
                self.writer.empty("TerminalServer", attributes);
                if time == 0 {
                    servers.push(TerminalServer { id: id.clone(), name, last_updated });
                }
            }
        }
        if self.dice().in_hundred(10) {
            self.warnings += 1;
            self.writer.empty("TerminalServer", Attributes::default());
        }
        self.writer.close("TerminalServers");
        servers
    }

    fn folders(&mut self, list: &'static str) -> Vec<String> {
        let mut folders = Vec::new();
        if self.is_missing() {
            return folders;
        }
        self.writer.open(list, Attributes::default());
        for _ in 0..self.some_of(4) {
            let (written, meant, warnings) = FOLDERS[self.dice().below(FOLDERS.len())];
            self.warnings += warnings;
            let mut attributes = Attributes::default();
            attributes.exactly("Name", written);
            self.writer.empty("Folder", attributes);
            match meant.map(str::to_owned) {
                Some(folder) if folders.contains(&folder) => self.warnings += 1,
                meant => folders.extend(meant),
            }
        }
        self.writer.close(list);
        folders
    }

    /// A resource; none when what is written cannot be taken.
    fn resource(&mut self) -> Option<Resource> {
        let mut attributes = Attributes::default();
        let is_whole = self.broken_or_whole(&mut attributes);
        let mut resource = Resource {
            id: is_whole.clone().map_or_else(String::new, |(id, _)| id),
            kind: is_whole.clone().map_or(ResourceKind::Desktop, |(_, kind)| kind),
            alias: self.maybe_words(&mut attributes, "Alias"),
            title: self.maybe_words(&mut attributes, "Title"),
            last_updated: self.maybe(&mut attributes, "LastUpdated", TIME),
            required_command_line: self.maybe_words(&mut attributes, "RequiredCommandLine"),
            executable_name: self.maybe_words(&mut attributes, "ExecutableName"),
            show_by_default: self.maybe_truth(&mut attributes, "ShowByDefault").unwrap_or(true),
            arm_path: self.maybe(&mut attributes, "ArmPath", "/subscriptions/s/resourceGroups/r g/x"),
            icons: Vec::new(),
            file_extensions: Vec::new(),
            folders: Vec::new(),
            hosting: Vec::new(),
        };
        self.writer.open("Resource", attributes);
        // The parts of a broken resource are not read, so that nothing in them is warned of.
        let warnings = (self.warnings, self.writer.warnings);
        resource.icons = self.icons("Icons");
        resource.file_extensions = self.file_extensions();
        resource.folders = self.folders("Folders");
        resource.hosting = self.hosting();
        if is_whole.is_none() {
            (self.warnings, self.writer.warnings) = warnings;
            self.skipped += 1;
        }
        self.writer.close("Resource");
        is_whole.map(|_| resource)
    }

    /// The id and the kind of a whole resource, or what breaks one.
    fn broken_or_whole(&mut self, attributes: &mut Attributes) -> Option<(String, ResourceKind)> {
        let id = format!("{}-{}", self.resources.len(), self.dice().one_of(&["id", "ÏÐ", "i d", "<&\"'>"]));
        let (kind, type_name) = match self.dice().in_hundred(30) {
            true => (ResourceKind::Desktop, "Desktop"),
            false => (ResourceKind::RemoteApp, "RemoteApp"),
        };
        let flaw = if self.dice().in_hundred(30) { self.dice().below(6) + 1 } else { 0 };
        match flaw {
            1 => {}
            2 => attributes.token("ID", ""),
            3 => {
                attributes.exactly("ID", "x".repeat(MAX_ATTRIBUTE_BYTES + 1));
                self.warnings += 1;
            }
            4 if !self.resources.is_empty() => {
                let at = self.writer.dice.below(self.resources.len());
                attributes.token("ID", &*self.resources[at]);
            }
            _ => attributes.token("ID", &*id),
        }
        match flaw {
            5 => {}
            6 => attributes.words("Type", self.dice().one_of(&["", "desktop", "VirtualMachine", "RemoteApp\u{A0}"])),
            _ => attributes.token("Type", type_name),
        }
        let is_whole = flaw == 0 || flaw == 4 && self.resources.is_empty();
        if is_whole {
            self.resources.push(id.clone());
        }
        is_whole.then_some((id, kind))
    }

    fn icons(&mut self, list: &'static str) -> Vec<Icon> {
        let mut icons = Vec::new();
        if self.is_missing() {
            return icons;
        }
        self.writer.open(list, Attributes::default());
        for _ in 0..self.some_of(3) {
            let forms = [IconForm::Raw, IconForm::Other, IconForm::Sized(16), IconForm::Sized(256)];
            let mut attributes = Attributes::default();
            let icon = Icon {
                form: forms[self.dice().below(forms.len())],
                dimensions: self.maybe(&mut attributes, "Dimensions", "16x16"),
                file_type: self.maybe(&mut attributes, "FileType", "Png"),
                file_url: self.dice().one_of(&ADDRESSES).to_owned(),
                index: self.maybe(&mut attributes, "Index", "0"),
            };
            let is_whole = self.dice().in_hundred(90);
            if is_whole {
                attributes.token("FileURL", &*icon.file_url);
            } else {
                self.warnings += 1;
            }
            self.writer.empty(&icon_element(&icon), attributes);
            icons.extend(is_whole.then_some(icon));
        }
        self.writer.close(list);
        icons
    }

    fn file_extensions(&mut self) -> Vec<FileExtension> {
        let mut extensions = Vec::new();
        if self.is_missing() {
            return extensions;
        }
        self.writer.open("FileExtensions", Attributes::default());
        for _ in 0..self.some_of(3) {
            let mut attributes = Attributes::default();
            let name = self.dice().one_of(&[".docx", ".bmp", "odd one", ""]).to_owned();
            attributes.token("Name", &*name);
            let primary_handler = self.maybe_truth(&mut attributes, "PrimaryHandler").unwrap_or(false);
            self.writer.open("FileExtension", attributes);
            let warnings = (self.warnings, self.writer.warnings);
            let icons = self.icons("FileAssociationIcons");
            if name.is_empty() {
                (self.warnings, self.writer.warnings) = warnings;
                self.warnings += 1;
            } else {
                extensions.push(FileExtension { name, primary_handler, icons });
            }
            self.writer.close("FileExtension");
        }
        self.writer.close("FileExtensions");
        extensions
    }

    fn hosting(&mut self) -> Vec<Hosting> {
        let mut all = Vec::new();
        self.writer.open("HostingTerminalServers", Attributes::default());
        for _ in 0..self.some_of(2) {
            self.writer.open("HostingTerminalServer", Attributes::default());
            let hosting =
                Hosting { resource_file: self.resource_file(), terminal_server_ref: self.terminal_server_ref() };
            self.writer.close("HostingTerminalServer");
            all.push(hosting);
        }
        self.writer.close("HostingTerminalServers");
        self.warnings += usize::from(all.iter().all(|hosting| hosting.resource_file.is_none()));
        all
    }

    fn resource_file(&mut self) -> Option<ResourceFile> {
        if self.dice().in_hundred(10) {
            return None;
        }
        let mut attributes = Attributes::default();
        let extension = self.maybe(&mut attributes, "FileExtension", ".rdpx").unwrap_or_else(|| ".rdp".into());
        let url = self.dice().one_of(&ADDRESSES).to_owned();
        attributes.token("URL", &*url);
        self.writer.empty("ResourceFile", attributes);
        Some(ResourceFile { extension, url })
    }

    fn terminal_server_ref(&mut self) -> Option<String> {
        if self.dice().in_hundred(20) {
            return None;
        }
        let dangles = self.dice().in_hundred(20);
        let at = self.writer.dice.below(self.servers.len());
        let name = if dangles { "nobody".to_owned() } else { self.servers[at].clone() };
        self.warnings += usize::from(dangles);
        let mut attributes = Attributes::default();
        attributes.token("Ref", &*name);
        self.writer.empty("TerminalServerRef", attributes);
        Some(name)
    }
}

/// In one of the encodings that a feed may have.
fn encoded(xml: &str, dice: &mut StdRng) -> Vec<u8> {
    match dice.below(10) {
        0 => [0xFF, 0xFE].into_iter().chain(xml.encode_utf16().flat_map(u16::to_le_bytes)).collect(),
        1 => [0xFE, 0xFF].into_iter().chain(xml.encode_utf16().flat_map(u16::to_be_bytes)).collect(),
        2 => [0xEF, 0xBB, 0xBF].into_iter().chain(xml.bytes()).collect(),
        _ => xml.into(),
    }
}
