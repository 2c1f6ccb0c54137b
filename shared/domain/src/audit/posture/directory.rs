//! What holds in the Active Directory and of its synchronisation: `V48`–`V61`. The Active Directory itself is not read
//! from Azure: those rules say so, and never that all is well.

use super::estate::{SIGNS, if_vds};
use super::mend::violation;
use super::rule;
use crate::ArmId;
use crate::access::Facet;
use crate::audit::{Audit, Evidence, Fix, Outcome, Rule, Severity};
use jiff::SignedDuration;

const AD: &[&str] = &[
    "https://learn.microsoft.com/windows-server/identity/ad-ds/plan/security-best-practices/best-practices-for-securing-active-directory",
];
const SECONDS_OF_AN_HOUR: i64 = 3_600;
const NOT_READ: &str = "not read: needs the directory port (LDAPS)";

/// A rule about what only the Active Directory can tell.
const fn unread(id: &'static str, severity: Severity, title: &'static str, rationale: &'static str) -> Rule {
    rule(id, severity, title, rationale, AD, &SIGNS, not_read)
}

fn not_read(audit: &Audit<'_>) -> Outcome {
    if_vds(audit, || Outcome { unknown: vec![NOT_READ.to_owned()], ..Outcome::default() })
}

pub(super) const V48: Rule = unread(
    "V48",
    Severity::High,
    "The tree of organizational units is complete",
    "Hosts join the unit that is named for them, and a missing one stops every build. Checked over LDAPS: the units \
     below Cloud Workspace.",
);
pub(super) const V49: Rule = unread(
    "V49",
    Severity::High,
    "The groups are there, and CW-Infrastructure has the service account alone",
    "Whoever is in it has full control of the hosts' units. Checked over LDAPS: the member attribute of the groups.",
);
pub(super) const V50: Rule = unread(
    "V50",
    Severity::Critical,
    "The service account is unprivileged",
    "A deployment's account that administers the domain is the domain. Checked over LDAPS: adminCount and memberOf.",
);
pub(super) const V51: Rule = unread(
    "V51",
    Severity::Medium,
    "The service account's password is younger than a year",
    "People who knew it leave. Checked over LDAPS: pwdLastSet.",
);
pub(super) const V52: Rule = unread(
    "V52",
    Severity::High,
    "The infrastructure group has full control at Cloud Workspace and nowhere above",
    "Above, it would be power over the domain. Checked over LDAPS: nTSecurityDescriptor of the units and what is above.",
);
pub(super) const V53: Rule = unread(
    "V53",
    Severity::Medium,
    "The infrastructure group's rights on the DNS zone are the eight it needs",
    "More lets it answer for other names. Checked over LDAPS: nTSecurityDescriptor of the zone, mask 0x0003017F.",
);
pub(super) const V54: Rule = unread(
    "V54",
    Severity::Medium,
    "The infrastructure group's rights on the DNS server are the two it needs",
    "Who writes a DNS server's settings runs code on a domain controller. Checked over LDAPS: nTSecurityDescriptor of \
     MicrosoftDNS, mask 0x00020014.",
);
pub(super) const V55: Rule = unread(
    "V55",
    Severity::High,
    "Everyone and Authenticated Users create nothing in the hosts' units and change no rights there",
    "Anybody of the domain could put a machine of their own among the hosts. Checked over LDAPS: nTSecurityDescriptor.",
);
pub(super) const V56: Rule = unread(
    "V56",
    Severity::Medium,
    "Group policies are linked where they belong",
    "The general one at the root, firewall and RDS at the three units of servers, companies' nowhere. Checked over \
     LDAPS: gPLink.",
);
pub(super) const V57: Rule = unread(
    "V57",
    Severity::Medium,
    "Ordinary users join no machines to the domain",
    "Everybody may join ten by default. Checked over LDAPS: ms-DS-MachineAccountQuota is 0.",
);
pub(super) const V58: Rule = unread(
    "V58",
    Severity::Medium,
    "The hosts' computer accounts are in the tree",
    "Elsewhere no policy reaches them. Checked over LDAPS: distinguishedName of the computers of session hosts.",
);
pub(super) const V59: Rule = unread(
    "V59",
    Severity::Medium,
    "No computer account, name in DNS or device is left of a machine that is gone",
    "The next host of that name fails to join. Checked over LDAPS: computers and dnsNodes without a virtual machine.",
);
pub(super) const V60: Rule = unread(
    "V60",
    Severity::High,
    "Domain controllers refuse a bind in the clear and show a valid certificate",
    "The service account's password would pass in the clear. Checked over LDAPS: a simple bind, and the chain.",
);

pub(super) const V61: Rule = rule(
    "V61",
    Severity::High,
    "The directory was synchronised lately",
    "When synchronisation stands, leavers keep their desktops. Checked: onPremisesLastSyncDateTime of the tenant, at \
     the time of reading.",
    &["https://learn.microsoft.com/entra/identity/hybrid/connect/how-to-connect-health-sync"],
    &[Facet::Organization],
    synchronised,
);

fn synchronised(audit: &Audit<'_>) -> Outcome {
    let organization = audit.facts.directory.organization.as_ref().filter(|tenant| tenant.is_synchronised);
    let Some(organization) = organization else {
        return Outcome::not_applicable("the directory is not synchronised from an Active Directory");
    };
    let Some(last) = organization.last_sync else {
        let unknown = vec!["when the directory was last synchronised".to_owned()];
        return Outcome { unknown, ..Outcome::default() };
    };
    let hours = audit.policy.thresholds.sync_age_hours;
    let allowed = SignedDuration::from_secs(hours.saturating_mul(SECONDS_OF_AN_HOUR));
    if audit.facts.read_at.duration_since(last) <= allowed {
        return Outcome::default();
    }
    let evidence = vec![
        Evidence::new("organization", &*organization.id),
        Evidence::new("onPremisesLastSyncDateTime", last.to_string()),
    ];
    let fix = Fix {
        az: None,
        powershell: Some("Start-ADSyncSyncCycle -PolicyType Delta".to_owned()),
        portal: "Microsoft Entra ID > Microsoft Entra Connect > Connect Health: see what is wrong on the server, and \
                 start a cycle there"
            .to_owned(),
    };
    let message = format!("the directory was last synchronised at {last}, more than {hours} hours before it was read");
    let subject = Some("onPremisesLastSyncDateTime");
    Outcome::from_iter([violation(&ArmId::new("/"), subject, message, evidence, fix)])
}
