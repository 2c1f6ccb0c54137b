//! Addresses that open a desktop or RemoteApp. The clients' forms change with their versions: they are all here.

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

/// The ways to open a resource, best first. Ids come from outside: each is encoded for its place. A workspace whose id
/// is not known (empty) leaves out the ways that name it.
pub fn actions(cloud: LaunchCloud, workspace: &str, resource: &str, tenant: Option<&str>) -> Vec<LaunchAction> {
    let encode = |value: &str| utf8_percent_encode(value, ENCODED).to_string();
    let (workspace, resource) = (encode(workspace), encode(resource));
    let mut actions = Vec::with_capacity(3);
    let mut add = |with, versions: &str, uri| actions.push(LaunchAction { with, versions: versions.to_owned(), uri });
    let is_known = !workspace.is_empty();
    if cloud.env().is_some() {
        add(Launcher::WindowsApp, ">=2.0.804", format!("ms-avd:connect?resourceid={resource}"));
    }
    if let Some(env) = cloud.env().filter(|_| is_known) {
        let old = format!("ms-avd:connect?workspaceid={workspace}&resourceid={resource}&env={env}&version=0");
        add(Launcher::WindowsApp, "<2.0.804", old);
    }
    if let Some(base) = cloud.web_client().filter(|_| is_known) {
        let tenant = tenant.map(|tenant| format!("?tenant={}", encode(tenant))).unwrap_or_default();
        add(Launcher::WebClient, "any", format!("{base}/{workspace}/{resource}{tenant}"));
    }
    actions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_forms() {
        let uris: Vec<String> =
            actions(LaunchCloud::Public, "w-1", "r-1", Some("t")).into_iter().map(|action| action.uri).collect();
        assert_eq!(
            uris,
            [
                "ms-avd:connect?resourceid=r-1",
                "ms-avd:connect?workspaceid=w-1&resourceid=r-1&env=avdarm&version=0",
                "https://windows.cloud.microsoft/webclient/avd/w-1/r-1?tenant=t",
            ]
        );
        assert_eq!(actions(LaunchCloud::China, "w", "r", None), []);
        let without_workspace = actions(LaunchCloud::Public, "", "r", None);
        assert_eq!(without_workspace.len(), 1);
        assert_eq!(without_workspace[0].uri, "ms-avd:connect?resourceid=r");
    }

    #[test]
    fn an_id_from_outside_cannot_leave_its_place() {
        for action in actions(LaunchCloud::UsGovernment, "../w?x#", "r&env=evil\n", Some("#t")) {
            assert!(!action.uri.contains("../") && !action.uri.contains("env=evil") && !action.uri.contains('\n'));
            assert!(!action.uri.contains('#'), "{}", action.uri);
        }
    }
}
