//! What an estate file says: how many of each thing, and which share of them
//! is odd. The files that ship with the simulator are read here too.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

const SMALL: &str = include_str!("../../estates/small.toml");
const LARGE: &str = include_str!("../../estates/large.toml");
const DENSE: &str = include_str!("../../estates/dense.toml");
const FEED_5000: &str = include_str!("../../estates/feed5000.toml");

/// The knobs of a generated estate; every one has a default. Shares are
/// between 0 and 1.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EstateSpec {
    /// The tenant all subscriptions belong to (a GUID).
    pub tenant_id: String,
    /// Subscriptions in the tenant.
    pub subscriptions: usize,
    /// Host pools in each subscription.
    pub pools_per_subscription: usize,
    /// Session hosts in each host pool.
    pub hosts_per_pool: usize,
    /// Application groups of type RemoteApp for each host pool.
    pub remoteapp_groups_per_pool: usize,
    /// Application groups of type Desktop for each host pool (one desktop each).
    pub desktop_groups_per_pool: usize,
    /// Applications in each RemoteApp group.
    pub apps_per_group: usize,
    /// Host pools whose groups share one workspace.
    pub pools_per_workspace: usize,
    /// How many different icons the applications draw from.
    pub distinct_icons: usize,
    /// Share of applications with iconContent.
    pub icon_share: f64,
    /// Share of applications with showInPortal false.
    pub hidden_share: f64,
    /// Share of groups with showInFeed false.
    pub hidden_group_share: f64,
    /// Share of groups that are in no workspace.
    pub orphan_group_share: f64,
    /// Share of host pools that prefer the desktop for who may use both it and
    /// RemoteApps; the others prefer RemoteApps, and every seventh pool neither.
    pub preferred_desktop_share: f64,
    /// Cloud PCs of Windows 365, which only the user feed shows.
    pub cloud_pcs: usize,
    /// Role assignments at the scope of each group.
    pub assignments_per_group: usize,
    /// Custom roles in each subscription.
    pub custom_roles_per_subscription: usize,
    /// Deny assignments in each subscription.
    pub deny_assignments_per_subscription: usize,
    /// Active and eligible PIM instances in each subscription (of each kind).
    pub pim_instances_per_subscription: usize,
    /// Share of friendly names with awkward content.
    pub odd_names_share: f64,
    /// Share of resources that are printed in an unusual way.
    pub odd_wire_share: f64,
    /// The most items on a page of an ARM list.
    pub page_size: usize,
    /// Milliseconds until a change shows in the activity log.
    pub activity_log_delay_ms: u64,
    /// Milliseconds until a change shows in Resource Graph.
    pub graph_lag_ms: u64,
}

impl Default for EstateSpec {
    fn default() -> Self {
        Self {
            tenant_id: "5d3f9c1e-7a64-4b0e-9c55-a2d0c0de0001".to_owned(),
            subscriptions: 1,
            pools_per_subscription: 2,
            hosts_per_pool: 3,
            remoteapp_groups_per_pool: 1,
            desktop_groups_per_pool: 1,
            apps_per_group: 4,
            pools_per_workspace: 2,
            distinct_icons: 12,
            icon_share: 0.8,
            hidden_share: 0.0,
            hidden_group_share: 0.0,
            orphan_group_share: 0.0,
            preferred_desktop_share: 0.5,
            cloud_pcs: 0,
            assignments_per_group: 3,
            custom_roles_per_subscription: 2,
            deny_assignments_per_subscription: 0,
            pim_instances_per_subscription: 0,
            odd_names_share: 0.0,
            odd_wire_share: 0.0,
            page_size: 100,
            activity_log_delay_ms: 0,
            graph_lag_ms: 0,
        }
    }
}

impl EstateSpec {
    /// Reads a spec from TOML.
    ///
    /// # Errors
    /// When the text is not TOML, has an unknown key, or a value is out of
    /// range.
    pub fn from_toml(text: &str) -> Result<Self> {
        let spec: Self = toml_edit::de::from_str(text).context("the estate file is not valid")?;
        spec.check()?;
        Ok(spec)
    }

    /// One of the estates that ship with the simulator: `small`, `large`,
    /// `dense` or `feed5000`.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn built_in(name: &str) -> Result<Self> {
        match name {
            "small" => Self::from_toml(SMALL),
            "large" => Self::from_toml(LARGE),
            "dense" => Self::from_toml(DENSE),
            "feed5000" => Self::from_toml(FEED_5000),
            other => bail!("there is no built-in estate {other:?}: small, large, dense or feed5000"),
        }
    }

    /// A built-in estate by name, or else the file at that path.
    ///
    /// # Errors
    /// When it is neither, or the file is not valid.
    pub fn load(name_or_path: &str) -> Result<Self> {
        if let Ok(spec) = Self::built_in(name_or_path) {
            return Ok(spec);
        }
        let text = std::fs::read_to_string(name_or_path).with_context(|| {
            format!("{name_or_path} is no built-in estate (small, large, dense, feed5000) and cannot be read")
        })?;
        Self::from_toml(&text).with_context(|| format!("in {name_or_path}"))
    }

    fn check(&self) -> Result<()> {
        for (name, share) in [
            ("icon_share", self.icon_share),
            ("hidden_share", self.hidden_share),
            ("hidden_group_share", self.hidden_group_share),
            ("orphan_group_share", self.orphan_group_share),
            ("preferred_desktop_share", self.preferred_desktop_share),
            ("odd_names_share", self.odd_names_share),
            ("odd_wire_share", self.odd_wire_share),
        ] {
            if !(0.0..=1.0).contains(&share) {
                bail!("{name} is {share}; a share is between 0 and 1");
            }
        }
        for (name, count) in [
            ("page_size", self.page_size),
            ("pools_per_workspace", self.pools_per_workspace),
            ("distinct_icons", self.distinct_icons),
            ("subscriptions", self.subscriptions),
        ] {
            if count == 0 {
                bail!("{name} must be at least 1");
            }
        }
        Ok(())
    }
}
