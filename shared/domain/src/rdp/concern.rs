//! What whoever hands a file to users should know of it.
//!
//! Nothing is dropped for it: a signed file cannot be changed, and most of this is what administrators set on purpose.

use super::{Property, Rdp};

/// The domains that Azure Virtual Desktop answers under, in its clouds.
const SERVICE_DOMAINS: [&str; 3] = ["wvd.microsoft.com", "wvd.azure.us", "wvd.azure.cn"];

/// A property that a hostile file would use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concern {
    /// Its name, in lower case.
    pub property: String,
    /// What it does, as the rest of a sentence that begins with the name.
    pub why: &'static str,
    /// Whether the file's signature covers it: then it is what the service wrote, else anybody may have.
    pub signed: bool,
}

impl Rdp {
    /// What in this file could be turned against whoever opens it. Values are not quoted: some are secrets.
    pub fn concerns(&self) -> Vec<Concern> {
        let signed = self.is_signed();
        // Of a property that is there twice the signature covers one, and a client may use the other.
        let covers = |name: &str| {
            signed && self.once(name).is_some() && self.signed_names().any(|covered| covered.eq_ignore_ascii_case(name))
        };
        let concern = |property: Property<'_>| {
            let name = property.name.to_ascii_lowercase();
            let why = why(&name, property.value.trim())?;
            Some(Concern { signed: covers(&name), property: name, why })
        };
        self.properties().filter_map(concern).collect()
    }
}

fn why(name: &str, value: &str) -> Option<&'static str> {
    let is_set = !value.is_empty();
    match name {
        "full address"
        | "alternate full address"
        | "gatewayhostname"
        | "diagnosticserviceurl"
        | "hubdiscoverygeourl" => {
            (is_set && !is_of_the_service(value)).then_some("leads to a host that is not Azure Virtual Desktop's")
        }
        "alternate shell" => {
            (is_set && !value.starts_with("||")).then_some("runs a program by its path when the session starts")
        }
        "remoteapplicationprogram" => {
            (is_set && !value.starts_with("||")).then_some("runs a program by its path instead of a published one")
        }
        "drivestoredirect" | "devicestoredirect" | "usbdevicestoredirect" => {
            is_set.then_some("gives the session access to drives or devices of the user's machine")
        }
        "password 51" | "gatewayaccesstoken" => is_set.then_some("holds a credential"),
        "authentication level" => (value == "0").then_some("connects even where the server cannot prove who it is"),
        "enablecredsspsupport" => (value == "0").then_some("turns network level authentication off"),
        _ => None,
    }
}

/// Whether an address or a host with or without a port lies below one of the service's domains.
fn is_of_the_service(address: &str) -> bool {
    let rest = match address.split_once("://") {
        Some(("https", rest)) => rest,
        Some(_) => return false,
        None => address,
    };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    // What stands before an @ is a user, not a host.
    !authority.contains('@')
        && SERVICE_DOMAINS
            .iter()
            .any(|domain| host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.')))
}
