//! What a bundle says of each package, from plain values to file names and bytes.

use super::quote::{argument, link, template_in_link};
use crate::assignment::{self, IconPlace, Offer, Publish};
use crate::package::{Package, PackageState, Stage};
use crate::text::{is_invisible, sha256_hex, slug};
use serde::{Serialize, Serializer};

/// The file that lists the manifests.
pub const PACKAGES: &str = "packages.json";
/// What the script calls the form of all this.
const FORMAT: u32 = 1;
/// What the technical name of each of Poolwarden's packages begins with.
const PREFIX: &str = "poolwarden";
/// The longest technical name, in bytes: the script refuses longer ones.
const MAX_NAME_BYTES: usize = 128;
/// The longest description, in characters.
const MAX_DESCRIPTION_CHARS: usize = 1_000;
/// The most identities that one package names.
const MAX_ENTITLEMENTS: usize = 1_000;
/// The most of those left out that it names; of the others it says how many there are.
const MAX_LEFT_OUT_NAMED: usize = 20;
/// How many hexadecimal digits tell one content from another: they are part of a snapshot's name.
const DIGEST_DIGITS: usize = 16;

/// The Remote Desktop client, which opens the `.rdp` files of Azure Virtual Desktop, where it is installed for all
/// users. Unverified beyond its default folder.
const REMOTE_DESKTOP_CLIENT: &str = r"C:\Program Files\Remote Desktop\msrdc.exe";
/// Opens a link with the program that is registered for its scheme.
const EXPLORER: &str = r"C:\Windows\explorer.exe";

/// A text from outside. It is written with `=` before it: `ConvertFrom-Json` would turn one that looks like a date into
/// one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text(pub String);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("={}", self.0))
    }
}

/// What is to be done about a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Do {
    /// Create it, or bring it to this content and stage.
    Ensure,
    /// Disable and hide it.
    Retire,
}

/// What a bundle says of one package: `packages/<name>.json`. Every field is always there, for the script reads them
/// in strict mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// What to do.
    #[serde(rename = "do")]
    pub action: Do,
    /// The technical name it is found by: letters, digits and dashes.
    pub name: String,
    /// Tells this content from another: equal for what would be written equally.
    pub content_sha256: String,
    /// How far it is let through.
    pub stage: Stage,
    /// Whether it follows its source. One that does not changes when a person edits or promotes it, and only then.
    pub managed: bool,
    /// All that the digest covers.
    #[serde(flatten)]
    pub content: Content,
    /// Who sees it.
    pub entitlements: Vec<Entitled>,
    /// Whether nobody else does: `false` when it could never be read whom the source entitles, or when some are left
    /// out.
    pub entitlements_complete: bool,
    /// Who is entitled as well and is not in the list: what is no person or group, and what is beyond its end.
    pub entitlements_left_out: Vec<Text>,
}

/// The part of a manifest that makes a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Content {
    /// What people call it.
    pub display_name: Text,
    /// What it is, and the categories it is shown in.
    pub description: Text,
    /// The SHA-256 of its icon: `icons/<sha256>.png`.
    pub icon: String,
    /// The SHA-256 of its `.rdp` file, if it has one: `rdp/<sha256>.rdp`.
    pub rdp: Option<String>,
    /// Whether it opens without an agent.
    pub web: bool,
    /// The ways to start it, best first.
    pub launch: Vec<Way>,
    /// What must be installed first.
    pub dependencies: Vec<Needed>,
}

/// A way to start a package: either a process with its parameters, or a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Way {
    /// What it is: `rdp`, `link` or `web`.
    pub way: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// The file that must be there for it.
    pub only_if_file: Option<&'static str>,
    /// The program to start.
    pub process: Option<&'static str>,
    /// Its command line, quoted.
    pub parameters: Option<String>,
    /// The link to open.
    pub url: Option<String>,
}

/// Something to install first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Needed {
    /// What people call it, in Application Workspace too.
    pub name: Text,
    /// The oldest version that will do.
    pub minimum_version: Text,
}

/// Who sees a package, from which stage on, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Entitled {
    /// The object id in Microsoft Entra.
    pub identity: Text,
    /// The stage it sees.
    pub stage: Stage,
    /// How it is put before them: `Hidden`, `Catalog`, `Workspace` or `Forced`.
    pub publish: &'static str,
    /// Whether it has an icon on the desktop.
    pub desktop: bool,
    /// Whether it has an icon in the start menu.
    pub start_menu: bool,
}

/// What a bundle says of a package, of a connection that offers it so to those whom its source entitles.
pub fn manifest(package: &Package, offer: &Offer) -> Manifest {
    let name = name(&package.connection, &package.key);
    let content = content(package, &name);
    let (entitlements, entitlements_left_out) = entitlements(package, offer);
    Manifest {
        action: match package.state {
            PackageState::Active => Do::Ensure,
            PackageState::Retired => Do::Retire,
        },
        content_sha256: digest(&content),
        stage: package.stage,
        managed: package.managed,
        entitlements,
        entitlements_complete: package.content.entitlements.is_some() && entitlements_left_out.is_empty(),
        entitlements_left_out,
        name,
        content,
    }
}

impl Manifest {
    /// Its file, from the bundle's root.
    pub fn file(&self) -> String {
        format!("packages/{}.json", self.name)
    }

    /// What the file holds.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a manifest is plain data and always serialises")
    }
}

/// What [`PACKAGES`] holds.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let names: Vec<&str> = names.into_iter().collect();
    let list = serde_json::json!({ "format": FORMAT, "packages": names });
    serde_json::to_vec_pretty(&list).expect("names always serialise")
}

/// Persons and groups, and whatever overlaps resolved; and who else is entitled. Azure decides again when the package is
/// opened.
fn entitlements(package: &Package, offer: &Offer) -> (Vec<Entitled>, Vec<Text>) {
    let all = assignment::effective(package, offer).into_iter();
    let (mut people, mut left_out): (Vec<_>, Vec<_>) =
        all.partition(|entitled| matches!(&*entitled.kind, "User" | "Group"));
    left_out.extend(people.drain(MAX_ENTITLEMENTS.min(people.len())..));
    let entitled = people.into_iter().map(|entitled| Entitled {
        identity: Text(one_line(&entitled.identity)),
        stage: entitled.stage,
        publish: match entitled.publish {
            Publish::Hidden => "Hidden",
            Publish::Catalog => "Catalog",
            Publish::Workspace => "Workspace",
            Publish::Forced => "Forced",
        },
        desktop: entitled.icons.contains(&IconPlace::Desktop),
        start_menu: entitled.icons.contains(&IconPlace::StartMenu),
    });
    let named = left_out.iter().take(MAX_LEFT_OUT_NAMED);
    let mut names: Vec<Text> = named.map(|one| Text(one_line(&format!("{} {}", one.kind, one.identity)))).collect();
    if left_out.len() > names.len() {
        names.push(Text(format!("{} more", left_out.len() - names.len())));
    }
    (entitled.collect(), names)
}

/// The technical name, plain whatever the key is. Keys end in a hash, so different packages have different names.
fn name(connection: &str, key: &str) -> String {
    let whole = format!("{PREFIX}-{connection}-{key}");
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if whole.len() <= MAX_NAME_BYTES && whole.chars().all(plain) {
        return whole;
    }
    format!("{PREFIX}-{}-{}", slug(key), &sha256_hex(format!("{connection}.{key}").as_bytes())[..DIGEST_DIGITS])
}

fn content(package: &Package, name: &str) -> Content {
    let from = &package.content;
    let launch = ways(package, name);
    Content {
        display_name: Text(one_line(&from.display_name)),
        description: Text(description(package)),
        icon: from.icon.sha256.clone(),
        rdp: from.rdp.as_ref().map(|rdp| rdp.sha256.clone()),
        web: launch.iter().any(|way| way.url.is_some()),
        launch,
        dependencies: from
            .dependencies
            .iter()
            .map(|needed| Needed {
                name: Text(one_line(&needed.name)),
                minimum_version: Text(one_line(&needed.minimum_version)),
            })
            .collect(),
    }
}

/// The agent with the `.rdp` file, then the client's link, then the web client.
fn ways(package: &Package, name: &str) -> Vec<Way> {
    let user = package.content.network_credentials.as_deref();
    let mut ways = Vec::new();
    if package.content.rdp.is_some() {
        // Application Workspace says where; the file is named by us.
        let file = argument(&format!("${{PackageTempDir}}\\{name}.rdp"));
        ways.push(Way {
            way: "rdp",
            name: "Open the .rdp file",
            only_if_file: Some(REMOTE_DESKTOP_CLIENT),
            process: Some(REMOTE_DESKTOP_CLIENT),
            parameters: Some(file),
            url: None,
        });
    }
    let of = |scheme: &str| {
        let mut links = package.content.launch.iter().map(|action| &action.uri);
        links.find(|uri| uri.starts_with(scheme)).and_then(|uri| link(uri))
    };
    if let Some(uri) = of("ms-avd:") {
        let user = user.and_then(template_in_link).map(|user| format!("&user={user}")).unwrap_or_default();
        let parameters = Some(argument(&(uri + &user)));
        ways.push(Way {
            way: "link",
            name: "Open in Windows App",
            only_if_file: None,
            process: Some(EXPLORER),
            parameters,
            url: None,
        });
    }
    if let Some(uri) = of("https://") {
        let user = user.and_then(template_in_link).filter(|_| !uri.contains('#'));
        let user = user.map(|user| format!("#loginHint={user}")).unwrap_or_default();
        let url = Some(uri + &user);
        ways.push(Way {
            way: "web",
            name: "Open in the web client",
            only_if_file: None,
            process: None,
            parameters: None,
            url,
        });
    }
    ways
}

fn description(package: &Package) -> String {
    let from = &package.content;
    let mut text = match &from.description {
        Some(description) => one_line(description),
        None => format!("{} of {}", one_line(&from.display_name), one_line(&from.workspace.name)),
    };
    if !from.categories.is_empty() {
        // No cmdlet for categories is documented; here they are at least found.
        text += &format!(" [{}]", one_line(&from.categories.join(", ")));
    }
    text.chars().take(MAX_DESCRIPTION_CHARS).collect()
}

/// A text on one line, without what people cannot see.
fn one_line(text: &str) -> String {
    let visible: String = text.chars().map(|c| if is_invisible(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    words.join(" ").chars().take(MAX_DESCRIPTION_CHARS).collect()
}

/// The digest of what a snapshot is made from.
fn digest(content: &Content) -> String {
    let bytes = serde_json::to_vec(content).expect("a manifest is plain data and always serialises");
    sha256_hex(&bytes)[..DIGEST_DIGITS].to_owned()
}
