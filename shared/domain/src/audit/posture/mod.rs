//! The rules about how a deployment is made: `V01` to `V68`.
//!
//! What each looks at, when it applies and what its violations are about is told by the rule itself: its title says
//! what must hold, and its rationale how that was checked. Nothing here reads anything: the facts are all there is.

mod absence;
mod accounts;
mod address;
mod address_space;
mod backups;
mod components;
mod control_server;
mod directory;
mod estate;
mod files;
mod hosts;
mod leftovers;
mod mend;
mod network;
mod permissions;
mod security_groups;
mod security_rules;
mod vaults;
mod vendor_identity;
mod wiring;

use super::context::Audit;
use super::finding::Severity;
use super::rule::{Family, Outcome, Rule};
use crate::access::Facet;
use jiff::{SignedDuration, Timestamp};

/// A rule of this family.
const fn rule(
    id: &'static str,
    severity: Severity,
    title: &'static str,
    rationale: &'static str,
    references: &'static [&'static str],
    needs: &'static [Facet],
    check: fn(&Audit<'_>) -> Outcome,
) -> Rule {
    Rule { id, family: Family::Posture, title, severity, rationale, references, needs, check }
}

/// The moment that lies so many days before another; the beginning of time if that is beyond it.
fn days_before(now: Timestamp, days: i64) -> Timestamp {
    const SECONDS_OF_A_DAY: i64 = 86_400;
    let ago = SignedDuration::from_secs(days.saturating_mul(SECONDS_OF_A_DAY));
    now.checked_sub(ago).unwrap_or(Timestamp::MIN)
}

/// The rules, by id.
pub const RULES: &[Rule] = &[
    vendor_identity::V01,
    vendor_identity::V02,
    vendor_identity::V03,
    vendor_identity::V04,
    vendor_identity::V05,
    permissions::V06,
    permissions::V07,
    permissions::V08,
    permissions::V09,
    permissions::V10,
    permissions::V11,
    permissions::V12,
    permissions::V13,
    vendor_identity::V14,
    accounts::V15,
    accounts::V16,
    accounts::V17,
    leftovers::V18,
    leftovers::V19,
    control_server::V20,
    control_server::V21,
    leftovers::V22,
    leftovers::V23,
    leftovers::V24,
    leftovers::V25,
    leftovers::V26,
    network::V27,
    network::V28,
    network::V29,
    network::V30,
    security_groups::V31,
    security_groups::V32,
    network::V33,
    address_space::V34,
    address_space::V35,
    components::V36,
    components::V37,
    components::V38,
    components::V39,
    backups::V40,
    vaults::V41,
    vaults::V42,
    vaults::V43,
    files::V44,
    files::V45,
    files::V46,
    files::V47,
    directory::V48,
    directory::V49,
    directory::V50,
    directory::V51,
    directory::V52,
    directory::V53,
    directory::V54,
    directory::V55,
    directory::V56,
    directory::V57,
    directory::V58,
    directory::V59,
    directory::V60,
    directory::V61,
    hosts::V62,
    hosts::V63,
    hosts::V64,
    hosts::V65,
    hosts::V66,
    hosts::V67,
    hosts::V68,
];

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests;
