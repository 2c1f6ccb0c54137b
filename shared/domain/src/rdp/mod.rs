//! `.rdp` files: what a user's feed hands out to start a desktop or a RemoteApp with.
//!
//! Most are signed by Microsoft, so a file passes through byte for byte ([`Rdp::as_bytes`]) or is refused ([`parse`]);
//! nothing here edits one. What Poolwarden writes itself comes from a [`Builder`], whose values cannot become properties
//! of their own. Signatures are recognised and never verified: the client does that, against the certificates it trusts.
//!
//! The format: one `name:type:value` a line, type `s` (text), `i` (integer) or `b` (binary), in UTF-8 or UTF-16LE.
//! <https://learn.microsoft.com/azure/virtual-desktop/rdp-properties>

mod concern;
mod content;
mod read;
mod write;

pub use concern::Concern;
pub use content::CHANGES_BY_ITSELF;
pub use read::{MAX_LINES, MAX_PROPERTIES, MAX_RDP_BYTES, RdpError, parse};
pub use write::{Builder, Encoding, Integer, MAX_VALUE_CHARS, Text, ValueError};

use crate::ArmId;
use crate::estate::ResourceKind;
use crate::text::title;
use std::fmt;
use std::ops::Range;

/// A `.rdp` file that was read: its bytes as they came, and its properties in their order.
#[derive(Clone, PartialEq, Eq)]
pub struct Rdp {
    bytes: Vec<u8>,
    /// The same, decoded; the lines point into it.
    text: String,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    name: Range<usize>,
    kind: char,
    value: Range<usize>,
}

/// One property of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Property<'a> {
    /// As written, without spaces around it. Names are the same whatever their case.
    pub name: &'a str,
    /// `s`, `i` or `b`.
    pub kind: char,
    /// Everything behind the second colon, as written.
    pub value: &'a str,
}

impl Rdp {
    /// The file, exactly as it came in.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Every property in the file's order, unknown ones and repeated ones too.
    pub fn properties(&self) -> impl DoubleEndedIterator<Item = Property<'_>> {
        self.lines.iter().map(|line| Property {
            name: &self.text[line.name.clone()],
            kind: line.kind,
            value: &self.text[line.value.clone()],
        })
    }

    /// The text under this name. Of a property that is there twice the last one counts, as it does for clients that set
    /// one property after the other.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.property(name).filter(|property| property.kind == 's').map(|property| property.value)
    }

    /// The integer under this name, by the rule of [`Rdp::text`]; `None` also for what is no number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.property(name).filter(|property| property.kind == 'i')?.value.trim().parse().ok()
    }

    fn property(&self, name: &str) -> Option<Property<'_>> {
        self.properties().rfind(|property| property.name.eq_ignore_ascii_case(name))
    }

    fn filled(&self, name: &str) -> Option<&str> {
        self.text(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// Whether it has exactly one signature, in Base64, and exactly one list of what that signature covers, which names
    /// something. Whether the signature is good only a client can tell.
    pub fn is_signed(&self) -> bool {
        self.only("signature").is_some_and(is_base64) && self.signed_names().next().is_some()
    }

    /// The names of the properties that the signature covers, as `signscope` lists them.
    fn signed_names(&self) -> impl Iterator<Item = &str> {
        let scope = self.only("signscope").unwrap_or_default();
        scope.split(',').map(str::trim).filter(|name| !name.is_empty())
    }

    /// The text of a property that is there once.
    fn only(&self, name: &str) -> Option<&str> {
        self.once(name).filter(|property| property.kind == 's').map(|property| property.value)
    }

    fn once(&self, name: &str) -> Option<Property<'_>> {
        let mut all = self.properties().filter(|property| property.name.eq_ignore_ascii_case(name));
        let first = all.next()?;
        all.next().is_none().then_some(first)
    }

    /// The host pool the file leads to: its resource id if `armpath` is one, else the id that the service knows it by,
    /// else the name that brokers are given.
    pub fn host_pool(&self) -> Option<String> {
        let arm = self.filled("armpath").and_then(ArmId::from_outside).filter(ArmId::is_host_pool);
        arm.map(|id| id.as_str().to_owned())
            .or_else(|| self.filled("wvd endpoint pool").and_then(title))
            .or_else(|| self.filled("loadbalanceinfo").and_then(named_by_broker).and_then(title))
    }

    /// The object id of the workspace it was published in.
    pub fn workspace_id(&self) -> Option<&str> {
        self.filled("workspace id").filter(|id| is_guid(id))
    }

    /// The id of the Entra tenant that users sign in to.
    pub fn tenant_id(&self) -> Option<&str> {
        self.filled("aadtenantid").filter(|id| is_guid(id))
    }

    /// A RemoteApp if it says so, else a desktop.
    pub fn kind(&self) -> ResourceKind {
        match self.integer("remoteapplicationmode") {
            Some(1) => ResourceKind::RemoteApp,
            _ => ResourceKind::Desktop,
        }
    }
}

/// Files may hold passwords and access tokens, so only their outline is shown.
impl fmt::Debug for Rdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.properties().map(|property| property.name).collect();
        f.debug_struct("Rdp").field("bytes", &self.bytes.len()).field("names", &names).finish()
    }
}

/// `mth://localhost/<host pool>/<resource>` of Azure Virtual Desktop, `tsv://MS Terminal Services Plugin.1.<collection>`
/// of Remote Desktop Services.
fn named_by_broker(info: &str) -> Option<&str> {
    let name = match info.strip_prefix("tsv://MS Terminal Services Plugin.1.") {
        Some(collection) => collection,
        None => info.strip_prefix("mth://")?.split('/').nth(1)?,
    };
    Some(name.trim()).filter(|name| !name.is_empty())
}

/// `8-4-4-4-12` hexadecimal digits: nothing that could lead elsewhere once it stands in an address.
fn is_guid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Base64 as rdpsign writes it, with spaces between its lines.
fn is_base64(text: &str) -> bool {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    let padding = digits.iter().rev().take_while(|byte| **byte == b'=').count();
    let (data, _) = digits.split_at(digits.len() - padding);
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    !data.is_empty() && digits.len().is_multiple_of(4) && padding <= 2 && data.iter().all(known)
}

#[cfg(test)]
mod tests;
