//! Addresses that open a desktop or RemoteApp. The clients' forms change with their versions: they are all here.

use crate::feed::RdpRef;
use crate::package::{LaunchAction, Launcher};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// What differs between the Azure clouds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaunchCloud {
    /// Azure.
    #[default]
    Public,
    /// Azure Government.
    UsGovernment,
    /// Azure operated by 21Vianet.
    China,
}

impl LaunchCloud {
    /// `env` of the `ms-avd:` scheme, where the cloud's value is documented.
    fn env(self) -> Option<&'static str> {
        match self {
            Self::Public => Some("avdarm"),
            Self::UsGovernment => Some("avdgov"),
            Self::China => None,
        }
    }

    /// The web client, where the cloud's address is documented.
    fn web_client(self) -> Option<&'static str> {
        match self {
            Self::Public => Some("https://windows.cloud.microsoft/webclient/avd"),
            Self::UsGovernment | Self::China => None,
        }
    }
}

/// Everything but what RFC 3986 leaves unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is to be opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target<'a> {
    /// The workspace's object id; empty if it is not known.
    pub workspace: &'a str,
    /// The resource's object id.
    pub resource: &'a str,
    /// Its `.rdp` file, if there is one.
    pub rdp: Option<&'a RdpRef>,
    /// Whether the classic service offers it, whose ids mean nothing to today's clients.
    pub is_classic: bool,
}

/// The ways to open a resource, best first: the `.rdp` file by an agent on the device, Windows App, and where none is,
/// if `web_client` says so, the web client or the file to download. Ids come from outside: each is encoded for its place.
/// A workspace whose id is not known leaves out the ways that name it.
pub fn actions(cloud: LaunchCloud, target: &Target<'_>, tenant: Option<&str>, web_client: bool) -> Vec<LaunchAction> {
    let encode = |value: &str| utf8_percent_encode(value, ENCODED).to_string();
    let (workspace, resource) = (encode(target.workspace), encode(target.resource));
    let mut actions = Vec::with_capacity(5);
    let mut add = |with, versions: &str, uri| actions.push(LaunchAction { with, versions: versions.to_owned(), uri });
    let is_known = !workspace.is_empty() && !target.is_classic;
    let file = target.rdp.map(|rdp| format!("rdp/{}.rdp", rdp.sha256));
    if let Some(file) = &file {
        add(Launcher::Agent, "any", file.clone());
    }
    if cloud.env().is_some() && !target.is_classic {
        add(Launcher::WindowsApp, ">=2.0.804", format!("ms-avd:connect?resourceid={resource}"));
    }
    if let Some(env) = cloud.env().filter(|_| is_known) {
        let old = format!("ms-avd:connect?workspaceid={workspace}&resourceid={resource}&env={env}&version=0");
        add(Launcher::WindowsApp, "<2.0.804", old);
    }
    if let Some(base) = cloud.web_client().filter(|_| is_known && web_client) {
        let tenant = tenant.map(|tenant| format!("?tenant={}", encode(tenant))).unwrap_or_default();
        add(Launcher::WebClient, "any", format!("{base}/{workspace}/{resource}{tenant}"));
    }
    if let Some(file) = file.filter(|_| web_client) {
        add(Launcher::Download, "any", file);
    }
    actions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target<'a>(workspace: &'a str, resource: &'a str) -> Target<'a> {
        Target { workspace, resource, ..Target::default() }
    }

    fn uris(target: &Target<'_>, web_client: bool) -> Vec<String> {
        let actions = actions(LaunchCloud::Public, target, Some("t"), web_client);
        actions.into_iter().map(|action| action.uri).collect()
    }

    #[test]
    fn the_documented_forms() {
        let all = [
            "ms-avd:connect?resourceid=r-1",
            "ms-avd:connect?workspaceid=w-1&resourceid=r-1&env=avdarm&version=0",
            "https://windows.cloud.microsoft/webclient/avd/w-1/r-1?tenant=t",
        ];
        assert_eq!(uris(&target("w-1", "r-1"), true), all);
        assert_eq!(uris(&target("w-1", "r-1"), false), all[..2]);
        assert_eq!(actions(LaunchCloud::China, &target("w", "r"), None, true), []);
        assert_eq!(uris(&target("", "r"), true), ["ms-avd:connect?resourceid=r"]);
    }

    #[test]
    fn an_agent_takes_the_file_first_and_a_device_without_one_downloads_it_last() {
        let rdp = RdpRef { sha256: "digest".to_owned() };
        let with_file = Target { rdp: Some(&rdp), ..target("w", "r") };
        let ways = |target: &Target<'_>, web_client| -> Vec<Launcher> {
            actions(LaunchCloud::Public, target, None, web_client).into_iter().map(|action| action.with).collect()
        };
        use Launcher::{Agent, Download, WebClient, WindowsApp};
        assert_eq!(ways(&with_file, true), [Agent, WindowsApp, WindowsApp, WebClient, Download]);
        assert_eq!(ways(&with_file, false), [Agent, WindowsApp, WindowsApp]);
        assert_eq!(ways(&Target { is_classic: true, ..with_file }, true), [Agent, Download]);
        assert_eq!(uris(&with_file, true)[0], "rdp/digest.rdp");
    }

    #[test]
    fn an_id_from_outside_cannot_leave_its_place() {
        for action in actions(LaunchCloud::UsGovernment, &target("../w?x#", "r&env=evil\n"), Some("#t"), true) {
            assert!(!action.uri.contains("../") && !action.uri.contains("env=evil") && !action.uri.contains('\n'));
            assert!(!action.uri.contains('#'), "{}", action.uri);
        }
    }
}
