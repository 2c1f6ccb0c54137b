//! The scopes that a custom rule is about.

use crate::access::Facet;
use crate::audit::context::Audit;
use crate::{ArmId, wildcard};
use std::collections::{BTreeSet, HashSet};

/// The scopes of the estate that a pattern names.
pub(super) struct Scopes {
    pattern: String,
    /// Those that match.
    pub(super) matching: BTreeSet<ArmId>,
    /// Those that match and are below no other that does.
    topmost: Vec<ArmId>,
    /// Where a grant holds at one that matches: these, and all above them.
    bearing: HashSet<ArmId>,
}

impl Scopes {
    /// Those among the estate's subscriptions, resource groups and resources; management groups and `/` only where the
    /// pattern says so in its first characters, for `*` means what is there and not the tenant.
    pub(super) fn new(audit: &Audit<'_>, pattern: &str) -> Self {
        let pattern = pattern.trim();
        let facts = audit.facts;
        let resources = || facts.resources.iter().map(|resource| &resource.id);
        let groups = resources().filter_map(|id| id.up_to("resourceGroups"));
        let subscriptions = facts.subscriptions.iter().map(|subscription| subscription.id.clone());
        let is_above = pattern.to_ascii_lowercase().starts_with("/providers/microsoft.management/");
        let above = facts.management_groups.iter().filter(|_| is_above).map(|group| group.id.clone());
        let root = (pattern == "/").then(|| ArmId::new("/"));
        let all = subscriptions.chain(groups).chain(resources().cloned()).chain(above).chain(root);
        let matching: BTreeSet<ArmId> = all.filter(|scope| wildcard::matches(pattern, scope.as_str())).collect();
        let is_below = |scope: &ArmId| scope.ancestors().skip(1).any(|above| matching.contains(&above));
        let topmost: Vec<ArmId> = matching.iter().filter(|scope| !is_below(scope)).cloned().collect();
        let mut bearing: HashSet<ArmId> = matching.iter().cloned().collect();
        for scope in &matching {
            bearing.extend(audit.world.chain(scope));
        }
        Self { pattern: pattern.to_owned(), matching, topmost, bearing }
    }

    /// Whether what is granted at a scope holds at one that the rule is about.
    pub(super) fn bear(&self, scope: &ArmId) -> bool {
        self.bearing.contains(scope) || wildcard::matches(&self.pattern, scope.as_str())
    }

    /// Whether a scope has others below it that the rule is about.
    pub(super) fn reach_below(&self, scope: &ArmId) -> bool {
        self.matching.iter().any(|below| below != scope && below.is_within(scope))
    }

    /// Where to ask whether something that is granted at a scope is held: there, if the rule is about that or about
    /// something above it, else at the highest scopes below that it is about.
    pub(super) fn where_held(&self, audit: &Audit<'_>, granted: &ArmId) -> Vec<ArmId> {
        let is_own =
            wildcard::matches(&self.pattern, granted.as_str()) || self.topmost.iter().any(|top| granted.is_within(top));
        if is_own {
            return vec![granted.clone()];
        }
        let below = self.topmost.iter().filter(|top| audit.world.chain(top).contains(granted));
        below.cloned().collect()
    }
}

/// The facet that tells which resources are there of the provider that a pattern names. A pattern that names none, of
/// subscriptions or resource groups for instance, depends on none: what is granted at such a scope is seen by itself.
pub(super) fn facet_of(pattern: &str) -> Option<Facet> {
    const PROVIDERS: [(&str, Facet); 10] = [
        ("microsoft.desktopvirtualization", Facet::DesktopVirtualization),
        ("microsoft.compute", Facet::Compute),
        ("microsoft.network", Facet::Network),
        ("microsoft.keyvault", Facet::KeyVaults),
        ("microsoft.storage", Facet::Storage),
        ("microsoft.automation", Facet::Automation),
        ("microsoft.recoveryservices", Facet::RecoveryServices),
        ("microsoft.operationalinsights", Facet::Monitoring),
        ("microsoft.insights", Facet::Monitoring),
        ("microsoft.netapp", Facet::NetApp),
    ];
    let pattern = pattern.to_ascii_lowercase();
    let named = PROVIDERS.into_iter().find(|(provider, _)| pattern.contains(&format!("{provider}/")));
    // Host pools and their like are what this is about, also where a pattern leaves out whose they are.
    let is_avd =
        ["hostpools/", "applicationgroups/", "workspaces/", "scalingplans/"].iter().any(|kind| pattern.contains(kind));
    named.map(|(_, facet)| facet).or(is_avd.then_some(Facet::DesktopVirtualization))
}
