//! What an estate file says: how many of each thing, and which share of them
//! is odd. The files that ship with the simulator are read here too.

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Deserializer, de::Error as _};

/// The names of the estates that ship with the simulator.
const BUILT_IN: &str = "small, large, dense, feed5000, audit, audit-clean";
const SMALL: &str = include_str!("../../estates/small.toml");
const LARGE: &str = include_str!("../../estates/large.toml");
const DENSE: &str = include_str!("../../estates/dense.toml");
const AUDIT: &str = include_str!("../../estates/audit.toml");
const AUDIT_CLEAN: &str = include_str!("../../estates/audit-clean.toml");
/// Subscriptions of an estate for audits: each has a network of its own.
const MOST_AUDITED: usize = 250;
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
    /// Whether access is grown for an audit, and what is wrong with it.
    pub audit: AuditSpec,
}

/// What an audit of the estate finds.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditSpec {
    /// Access, directory and other resources are grown so that no rule is
    /// violated; else access is given at random, and nothing else is grown.
    pub clean: bool,
    /// What is planted into a clean estate.
    pub plant: Planted,
    /// How often each is planted; 0 counts as 1.
    pub copies: usize,
}

/// Which rules an estate violates on purpose: `"all"`, or a list of their ids.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Planted {
    /// None.
    #[default]
    Nothing,
    /// All of them.
    All,
    /// These.
    Rules(Vec<String>),
}

impl<'de> Deserialize<'de> for Planted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Text {
            Word(String),
            Rules(Vec<String>),
        }
        match Text::deserialize(deserializer)? {
            Text::Word(word) if word == "all" => Ok(Self::All),
            Text::Word(word) => {
                Err(D::Error::custom(format!("plant is {word:?}: neither \"all\" nor a list of rules")))
            }
            Text::Rules(rules) => Ok(Self::Rules(rules)),
        }
    }
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
            audit: AuditSpec::default(),
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
    /// `dense`, `feed5000`, `audit` or `audit-clean`.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn built_in(name: &str) -> Result<Self> {
        match name {
            "small" => Self::from_toml(SMALL),
            "large" => Self::from_toml(LARGE),
            "dense" => Self::from_toml(DENSE),
            "feed5000" => Self::from_toml(FEED_5000),
            "audit" => Self::from_toml(AUDIT),
            "audit-clean" => Self::from_toml(AUDIT_CLEAN),
            other => bail!("there is no built-in estate {other:?}: {BUILT_IN}"),
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
        let text = std::fs::read_to_string(name_or_path)
            .with_context(|| format!("{name_or_path} is no built-in estate ({BUILT_IN}) and cannot be read"))?;
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
        self.check_audit()
    }

    fn check_audit(&self) -> Result<()> {
        if let Planted::Rules(rules) = &self.audit.plant
            && let Some(unknown) = rules.iter().find(|rule| !super::audit::is_plantable(rule))
        {
            bail!("there is nothing to plant for {unknown}");
        }
        if !self.audit.clean && self.audit.plant != Planted::Nothing {
            bail!("violations are planted only into a clean estate");
        }
        let least = [
            ("pools_per_subscription", self.pools_per_subscription, 1),
            ("hosts_per_pool", self.hosts_per_pool, 2),
            ("desktop_groups_per_pool", self.desktop_groups_per_pool, 1),
            ("remoteapp_groups_per_pool", self.remoteapp_groups_per_pool, 1),
        ];
        for (name, count, least) in least {
            if self.audit.clean && count < least {
                bail!("{name} must be at least {least} in an estate for audits");
            }
        }
        if self.audit.clean && self.subscriptions > MOST_AUDITED {
            bail!("an estate for audits has at most {MOST_AUDITED} subscriptions");
        }
        Ok(())
    }
}
