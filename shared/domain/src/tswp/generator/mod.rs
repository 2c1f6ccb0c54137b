//! Feeds made by chance: whole and broken resources side by side, odd names, and everything that XML allows around
//! them. A feed comes with what it means, so that a test can tell whether a parser lost any of it.

mod feed;
mod writer;

use super::{Icon, IconForm, ResourceCollection};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::fmt::Write as _;

/// A document, and what a parser should make of it.
#[derive(Debug, Clone)]
pub struct GeneratedFeed {
    /// The document.
    pub bytes: Vec<u8>,
    /// What it means: every resource that is whole is in it.
    pub expected: ResourceCollection,
    /// How many warnings it is good for.
    pub warnings: usize,
    /// How many of its resources are broken.
    pub skipped: usize,
}

/// The feed of this seed, which gives the same again.
pub fn feed(seed: u64) -> GeneratedFeed {
    feed::Generator::new(StdRng::seed_from_u64(seed)).feed()
}

/// A feed like those of Azure Virtual Desktop, without flaws, of so many resources; its addresses are short, so that
/// 5,000 of them fit into a document.
pub fn plain_feed(resources: usize) -> String {
    let mut xml = String::from(concat!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n",
        "<ResourceCollection PubDate=\"2026-11-25T20:00:00.0000000Z\" SchemaVersion=\"2.1\" ",
        "xmlns=\"http://schemas.microsoft.com/ts/2007/05/tswf\">\r\n",
        "  <Publisher LastUpdated=\"2026-11-25T19:00:00.0000000Z\" Name=\"Contoso &amp; Sons\" ",
        "ID=\"5d4f8d1c-0000-4000-8000-000000000001\" Description=\"\" SupportsReconnect=\"true\">\r\n    <Resources>\r\n"
    ));
    for number in 0..resources {
        plain_resource(&mut xml, number);
    }
    xml.push_str(concat!(
        "    </Resources>\r\n    <TerminalServers>\r\n",
        "      <TerminalServer ID=\"pool\" Name=\"pool\" LastUpdated=\"2026-11-25T19:00:00.0000000Z\" />\r\n",
        "    </TerminalServers>\r\n  </Publisher>\r\n</ResourceCollection>\r\n"
    ));
    xml
}

fn plain_resource(xml: &mut String, number: usize) {
    let id = format!("00000000-0000-4000-8000-{number:012x}");
    let base = "/api/arm/feeddiscovery/tenants/5d4f8d1c";
    write!(
        xml,
        "      <Resource ID=\"{id}\" Alias=\"app-{number}\" Title=\"Application {number}\" \
         LastUpdated=\"2026-11-25T19:00:00.0000000Z\" Type=\"RemoteApp\" ExecutableName=\"app.exe\" \
         ShowByDefault=\"True\">\r\n\
         \x20       <Icons>\r\n\
         \x20         <IconRaw FileType=\"Ico\" FileURL=\"{base}/icons/{id}.ico?hash=f4eV7HuTXB6H6%3D\" />\r\n\
         \x20         <Icon32 Dimensions=\"32x32\" FileType=\"Png\" FileURL=\"{base}/icons/{id}.png\" />\r\n\
         \x20       </Icons>\r\n\
         \x20       <FileExtensions>\r\n\
         \x20         <FileExtension Name=\".docx\" PrimaryHandler=\"True\" />\r\n\
         \x20       </FileExtensions>\r\n\
         \x20       <Folders>\r\n          <Folder Name=\"/Office\" />\r\n        </Folders>\r\n\
         \x20       <HostingTerminalServers>\r\n\
         \x20         <HostingTerminalServer>\r\n\
         \x20           <ResourceFile FileExtension=\".rdp\" URL=\"{base}/rdps/{id}.rdp\" />\r\n\
         \x20           <TerminalServerRef Ref=\"pool\" />\r\n\
         \x20         </HostingTerminalServer>\r\n\
         \x20       </HostingTerminalServers>\r\n\
         \x20     </Resource>\r\n"
    )
    .expect("a string takes everything");
}

/// What a name may be that nobody thought of, and other words.
const WORDS: [&str; 18] = [
    "Calculator",
    "Paint",
    "Ünïcödé ✓ 计算器 🧮",
    "<script>alert(1)</script>",
    "'; Remove-Item C:\\ -Recurse; '",
    "$(Stop-Computer) `whoami`",
    "A & B &amp; C",
    "\"quoted\" and 'quoted'",
    "tab\tand\nline\r\nbreaks",
    " spaces around ",
    "]]> --> ?>",
    "\u{202E}backwards",
    "%00%0a..\\..\\",
    "CON",
    "ID=\"1\" Type=\"Desktop\"",
    "a\u{0301}",
    "Title",
    "",
];

/// Chances, and what is made by them alone.
trait Chance {
    fn below(&mut self, end: usize) -> usize;
    fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T;
    fn in_hundred(&mut self, chance: u32) -> bool;
    fn word(&mut self) -> String;
}

impl Chance for StdRng {
    // Not quite even, but many times as fast as an even one where nothing is optimized.
    fn below(&mut self, end: usize) -> usize {
        self.next_u32() as usize % end
    }

    fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    fn in_hundred(&mut self, chance: u32) -> bool {
        self.next_u32() % 100 < chance
    }

    fn word(&mut self) -> String {
        match self.below(40) {
            0 => "long ".repeat(self.below(200)),
            _ => self.one_of(&WORDS).to_owned(),
        }
    }
}

/// The name of an icon's element.
fn icon_element(icon: &Icon) -> String {
    match icon.form {
        IconForm::Raw => "IconRaw".into(),
        IconForm::Sized(edge) => format!("Icon{edge}"),
        IconForm::Other => "Icon".into(),
    }
}
