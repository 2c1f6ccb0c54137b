//! What those who run the estate expect, allow for a while, and demand besides.

use super::finding::Severity;
use crate::access::principal_id;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The numbers that rules compare with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// The fewest owners of a subscription.
    pub owners_min: usize,
    /// The most.
    pub owners_max: usize,
    /// The most role assignments to single users in a subscription.
    pub direct_user_assignments: usize,
    /// The most role assignments that a subscription inherits from management groups.
    pub inherited_assignments: usize,
    /// How many role assignments Azure allows in a subscription.
    pub assignment_limit: usize,
    /// How many custom roles Azure allows in a tenant.
    pub custom_role_limit: usize,
    /// From which share of a limit on a rule speaks, in percent.
    pub limit_share_percent: usize,
    /// How old a client secret of a vendor's application may be, in days.
    pub secret_age_days: i64,
    /// How old an image may be that hosts are made from, in days.
    pub image_age_days: i64,
    /// How long ago the directory may have been synchronised, in hours.
    pub sync_age_hours: i64,
    /// How much of a subnet of hosts must be free, in percent.
    pub subnet_free_percent: u64,
    /// How long a workspace must keep logs, in days.
    pub log_retention_days: i64,
    /// How old the password may be with which hosts join the domain, in days.
    pub join_password_age_days: i64,
    /// The most users for whom the Standard level of Azure NetApp Files suffices.
    pub netapp_standard_users: usize,
    /// The most for whom Premium does.
    pub netapp_premium_users: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            owners_min: 2,
            owners_max: 3,
            direct_user_assignments: 5,
            inherited_assignments: 3,
            assignment_limit: 4_000,
            custom_role_limit: 5_000,
            limit_share_percent: 80,
            secret_age_days: 180,
            image_age_days: 45,
            sync_age_hours: 3,
            subnet_free_percent: 20,
            log_retention_days: 30,
            join_password_age_days: 90,
            netapp_standard_users: 150,
            netapp_premium_users: 500,
        }
    }
}

/// Principals that may hold what a rule otherwise reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The rules, by id; empty for every rule that is about somebody.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Object ids of principals.
    pub principals: Vec<String>,
    /// Why.
    pub reason: String,
}

/// A finding that may stand for a while. Every part that is given must match; patterns may hold `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exemption {
    /// The finding's fingerprint.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// A pattern of the rule's id.
    #[serde(default)]
    pub rule: Option<String>,
    /// A pattern of the scope.
    #[serde(default)]
    pub scope: Option<String>,
    /// The principal's object id.
    #[serde(default)]
    pub principal: Option<String>,
    /// Why it may stand.
    pub reason: String,
    /// The last day on which it may.
    pub until: Date,
}

/// Whether a custom rule forbids or demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Must {
    /// Each of these principals, which are named by id, must hold it now, at every such scope.
    Hold,
    /// Nobody of these principals may hold it at any such scope, nor be able to activate it.
    NotHold,
}

/// A rule of one's own: principal × role or action × scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomRule {
    /// Its name, unique: `[a-z0-9-]`.
    pub name: String,
    /// What it is about.
    pub title: String,
    /// How bad a violation is.
    pub severity: Severity,
    /// Object ids of principals, or kinds of them: `User` (guests too), `Guest`, `Group`, `ServicePrincipal`, and `*`
    /// for whomever it is assigned to.
    pub principals: Vec<String>,
    /// A role, by GUID or name; either this or an action.
    #[serde(default)]
    pub role: Option<String>,
    /// An action, or a data action if `data_action` says so.
    #[serde(default)]
    pub action: Option<String>,
    /// Whether the action is one of the data plane.
    #[serde(default)]
    pub data_action: bool,
    /// A pattern of the scopes it is about, among subscriptions, resource groups and resources of the estate; also
    /// management groups, if it begins with `/providers/Microsoft.Management/`, and the root, if it is `/`.
    pub scope: String,
    /// Whether it forbids or demands.
    pub must: Must,
}

/// What those who run the estate expect, allow and demand: the policy file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuditPolicy {
    /// The numbers that rules compare with.
    pub thresholds: Thresholds,
    /// Rules that are not run, by id.
    pub disabled: Vec<String>,
    /// Principals that may hold what rules otherwise report.
    pub expected: Vec<Expected>,
    /// Findings that may stand for a while.
    #[serde(rename = "exemption")]
    pub exemptions: Vec<Exemption>,
    /// Rules of one's own.
    #[serde(rename = "rule")]
    pub rules: Vec<CustomRule>,
    /// Host pools, by id, to which hosts are being added: their registration tokens may be alive.
    pub deployments_under_way: Vec<String>,
    /// Names by which a deployment vendor's applications are known, without regard to case.
    pub vendor_applications: Option<Vec<String>>,
    /// Whether a host's device in Entra is removed with it, which takes `Device.ReadWrite.All`.
    pub removes_devices: bool,
    /// Addresses and prefixes from which a deployment vendor's own servers come.
    pub vendor_addresses: Vec<String>,
    /// Addresses of the domain controllers, which the hosts' networks must name as their DNS servers.
    pub domain_controllers: Vec<String>,
}

/// The vendor's applications that the VDS document names, and those that its releases made besides.
const VENDOR_APPLICATIONS: [&str; 5] =
    ["Cloud Workspace", "Cloud Workspace API", "Cloud Workspace AVD", "Cloud Workspace Management API", "NetApp VDS"];

/// Whether two object ids are the same; that of a policy may be without dashes.
pub(super) fn is_same(one: &str, principal: &str) -> bool {
    one.eq_ignore_ascii_case(principal) || principal_id(one) == principal_id(principal)
}

impl AuditPolicy {
    /// Whether a principal may hold what this rule reports.
    pub fn expects(&self, rule: &str, principal: &str) -> bool {
        self.expected.iter().any(|expected| {
            let is_rule =
                expected.rules.is_empty() || expected.rules.iter().any(|one| one.trim().eq_ignore_ascii_case(rule));
            is_rule && expected.principals.iter().any(|one| is_same(one, principal))
        })
    }

    /// The names by which a deployment vendor's applications are known.
    pub fn vendor_names(&self) -> Vec<String> {
        let named = || VENDOR_APPLICATIONS.map(str::to_owned).to_vec();
        self.vendor_applications.clone().unwrap_or_else(named)
    }

    /// Whether a name is that of a deployment vendor's application.
    pub fn is_vendor(&self, name: &str) -> bool {
        let is = |vendor: &str| vendor.eq_ignore_ascii_case(name.trim());
        match &self.vendor_applications {
            Some(names) => names.iter().any(|vendor| is(vendor)),
            None => VENDOR_APPLICATIONS.into_iter().any(is),
        }
    }
}
