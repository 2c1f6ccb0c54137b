//! What a connection wants published, and how.

use crate::estate::ResourceKind;
use crate::launch::LaunchCloud;
use crate::package::{Dependency, Stage};
use crate::text::sha256_hex;
use crate::wildcard;
use serde::{Deserialize, Serialize};

/// Which resources a connection publishes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Desktops only.
    Desktops,
    /// RemoteApps only.
    RemoteApps,
    /// Both.
    #[default]
    Both,
}

impl Scope {
    /// Whether it covers a kind.
    pub fn covers(self, kind: ResourceKind) -> bool {
        match self {
            Self::Both => true,
            Self::Desktops => kind == ResourceKind::Desktop,
            Self::RemoteApps => kind == ResourceKind::RemoteApp,
        }
    }
}

/// A choice by name: `*` stands for any characters, case does not count. Without includes everything is included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameFilter {
    /// Patterns of which one must match.
    pub include: Vec<String>,
    /// Patterns of which none may match.
    pub exclude: Vec<String>,
}

impl NameFilter {
    /// Why something that goes by these names is left out; `None` when it is not.
    pub fn leaves_out(&self, names: &[&str]) -> Option<String> {
        let hits = |pattern: &&String| names.iter().any(|name| wildcard::matches(pattern, name));
        if let Some(pattern) = self.exclude.iter().find(hits) {
            return Some(format!("excluded by the pattern {pattern:?}"));
        }
        let missed = !self.include.is_empty() && !self.include.iter().any(|pattern| hits(&pattern));
        missed.then(|| format!("matched by none of the patterns {:?}", self.include))
    }
}

/// When retiring stops and waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Brake {
    /// The share of a connection's packages that a run may retire, from 0 to 1.
    pub share: f64,
    /// The number that it may retire whatever the share.
    pub count: usize,
}

impl Default for Brake {
    fn default() -> Self {
        Self { share: 0.2, count: 5 }
    }
}

impl Brake {
    /// Whether retiring `retiring` of `active` packages needs a person.
    pub fn stops(&self, retiring: usize, active: usize) -> bool {
        retiring > self.count && retiring as f64 > self.share * active as f64
    }
}

/// What a connection wants published, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Desktops, RemoteApps or both.
    pub scope: Scope,
    /// Which host pools.
    pub host_pools: NameFilter,
    /// Which workspaces.
    pub workspaces: NameFilter,
    /// Which desktops and RemoteApps.
    pub resources: NameFilter,
    /// Whether Windows 365 Cloud PCs are published.
    pub cloud_pcs: bool,
    /// Put before every package's name.
    pub name_prefix: String,
    /// The stage of new packages.
    pub stage: Stage,
    /// Whether packages follow their source.
    pub managed: bool,
    /// The Azure cloud, for launch addresses.
    pub cloud: LaunchCloud,
    /// The Entra tenant, for launch addresses.
    pub tenant: Option<String>,
    /// When retiring waits for a person.
    pub brake: Brake,
    /// Whether every resource becomes a package, or only those that somebody chose.
    pub method: Method,
    /// Whether what changed is only reported, until somebody has it applied.
    pub check_only: bool,
    /// Whether a device without an agent is sent to the web client, or to download the `.rdp` file.
    pub web_client: bool,
    /// The template of the user name that packages are started with.
    pub network_credentials: Option<String>,
    /// What packages need on the device.
    pub dependencies: Vec<Dependency>,
}

/// Which of the resources that are offered become packages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// All of them.
    #[default]
    Synchronize,
    /// Those that somebody chose.
    OnDemand,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            scope: Scope::default(),
            host_pools: NameFilter::default(),
            workspaces: NameFilter::default(),
            resources: NameFilter::default(),
            cloud_pcs: false,
            name_prefix: String::new(),
            stage: Stage::default(),
            managed: true,
            cloud: LaunchCloud::default(),
            tenant: None,
            brake: Brake::default(),
            method: Method::default(),
            check_only: false,
            web_client: true,
            network_credentials: None,
            dependencies: Vec::new(),
        }
    }
}

impl Policy {
    /// A digest of it: the same policy, the same digest.
    pub fn fingerprint(&self) -> String {
        sha256_hex(&serde_json::to_vec(self).expect("a policy is plain data and always serialises"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_says_why() {
        let filter = NameFilter { include: vec!["hp-*".to_owned()], exclude: vec!["*-test".to_owned()] };
        assert_eq!(filter.leaves_out(&["HP-East"]), None);
        assert_eq!(filter.leaves_out(&["other", "hp-east"]), None);
        assert_eq!(filter.leaves_out(&["hp-test"]).unwrap(), "excluded by the pattern \"*-test\"");
        assert!(filter.leaves_out(&["other"]).unwrap().contains("hp-*"));
        assert_eq!(NameFilter::default().leaves_out(&["anything"]), None);
    }

    #[test]
    fn the_brake_wants_both_a_share_and_a_number() {
        let brake = Brake::default();
        for (retiring, active, stops) in [
            (5, 5, false),
            (6, 30, false),
            (6, 29, true),
            (20, 100, false),
            (21, 100, true),
            (0, 0, false),
            (6, 6, true),
        ] {
            assert_eq!(brake.stops(retiring, active), stops, "{retiring} of {active}");
        }
    }
}
