//! Key vaults of a deployment and what is in them, by name and date: `V41`–`V43`. No secret is read.

use super::estate::{Deployed, SECRETS, extensions, if_deployed, is_extension};
use super::mend::{bicep, seen, set, violation};
use super::{days_before, rule};
use crate::access::{ArmResource, Facet};
use crate::audit::fix::sh;
use crate::audit::{Audit, Fix, Outcome, Rule, Severity};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

const KEY_VAULTS: &str = "microsoft.keyvault/vaults";
const CERTIFICATES: &str = "microsoft.keyvault/vaults/certificates";
/// The property that makes a vault go by roles instead of access policies.
const BY_ROLES: &str = "enableRbacAuthorization";
/// The extension that joins a machine to a domain.
const DOMAIN_JOIN: &str = "JsonADDomainExtension";

pub(super) const V41: Rule = rule(
    "V41",
    Severity::High,
    "Key vaults use roles, cannot be purged, and are not on the Internet",
    "Access policies let whoever may write the vault read it; a purged vault is gone with what it keeps. Checked: \
     enableRbacAuthorization, enablePurgeProtection, publicNetworkAccess and networkAcls of the deployment's vaults.",
    &["https://learn.microsoft.com/azure/key-vault/general/secure-key-vault"],
    &[Facet::DesktopVirtualization, Facet::KeyVaults],
    |audit| if_vaults(audit, |deployed| vaults(audit, deployed)),
);

pub(super) const V42: Rule = rule(
    "V42",
    Severity::Medium,
    "Secrets end, and the password that joins hosts to the domain is changed",
    "A secret without an end is never changed. Checked: attributes exp and created of the secrets of the deployment's \
     vaults; the join password is the one that the hosts' join extension names, or one with join in its name.",
    &["https://learn.microsoft.com/azure/key-vault/secrets/secrets-best-practices"],
    &[Facet::DesktopVirtualization, Facet::KeyVaults, Facet::VaultContents, Facet::Compute],
    |audit| if_vaults(audit, |deployed| secrets(audit, deployed)),
);

pub(super) const V43: Rule = rule(
    "V43",
    Severity::High,
    "Certificates have a third of their life left",
    "One that should have been renewed and was not will end on a day nobody watches. Checked: attributes nbf and exp \
     of the certificates of the deployment's vaults.",
    &["https://learn.microsoft.com/azure/key-vault/certificates/overview-renew-certificate"],
    &[Facet::DesktopVirtualization, Facet::KeyVaults, Facet::VaultContents],
    |audit| if_vaults(audit, |deployed| certificates(audit, deployed)),
);

fn if_vaults<'a>(audit: &Audit<'a>, check: impl FnOnce(&Deployed<'a>) -> Outcome) -> Outcome {
    if_deployed(audit, |deployed| match deployed.resources_of(audit, KEY_VAULTS).next() {
        Some(_) => check(deployed),
        None => Outcome::not_applicable("no key vault in the deployment's resource groups"),
    })
}

/// Whether what is on a network is open to everybody: neither shut nor behind rules that deny by default.
pub(super) fn is_public(resource: &ArmResource) -> bool {
    let is = |path: &str, value: &str| resource.text(path).is_some_and(|own| own.eq_ignore_ascii_case(value));
    !is("publicNetworkAccess", "Disabled") && !is("networkAcls/defaultAction", "Deny")
}

fn vaults(audit: &Audit<'_>, deployed: &Deployed<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    for vault in deployed.resources_of(audit, KEY_VAULTS) {
        let name = vault.id.name();
        let mut add = |property: &str, wrong: &str, value: &str| {
            let lines = match value {
                "Disabled" => format!("{property}: '{value}' in the vault's properties."),
                _ => format!("{property}: {value} in the vault's properties."),
            };
            let mut fix = set(&vault.id, property, value, &lines);
            if property == BY_ROLES {
                fix.portal +=
                    ". Give those that the access policies name a role at the vault first, or they lose access";
            }
            let message = format!("key vault {name} {wrong}");
            outcome.violations.push(violation(&vault.id, Some(property), message, seen(vault, property), fix));
        };
        if vault.flag(BY_ROLES) != Some(true) {
            add(BY_ROLES, "uses access policies", "true");
        }
        if vault.flag("enablePurgeProtection") != Some(true) {
            add("enablePurgeProtection", "can be purged", "true");
        }
        if is_public(vault) {
            add("publicNetworkAccess", "is open to every network", "Disabled");
        }
    }
    outcome
}

/// A time among a secret's attributes: seconds since 1970, or a text.
fn time(item: &ArmResource, attribute: &str) -> Option<Timestamp> {
    match item.property(&format!("attributes/{attribute}"))? {
        Value::Number(seconds) => Timestamp::from_second(seconds.as_i64()?).ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The secrets or certificates of the deployment's vaults that are in use.
fn contents<'a, 'b>(
    audit: &Audit<'a>,
    deployed: &'b Deployed<'a>,
    kind: &'static str,
) -> impl Iterator<Item = &'a ArmResource> + use<'a, 'b> {
    let all = audit.facts.resources_of(kind).filter(|item| deployed.holds(&item.id));
    all.filter(|item| item.flag("attributes/enabled") != Some(false))
}

/// The vault and the name of the secret with which hosts join the domain, in lower case.
fn join_secrets(audit: &Audit<'_>, deployed: &Deployed<'_>) -> BTreeSet<(String, String)> {
    let by_vm = extensions(audit);
    let own = deployed.hosts.iter().filter_map(|host| by_vm.get(&host.vm.id)).flatten();
    let urls = own.filter(|extension| is_extension(extension, DOMAIN_JOIN));
    let urls = urls.filter_map(|extension| extension.text("protectedSettingsFromKeyVault/secretUrl"));
    urls.filter_map(|url| secret_of(&url.to_ascii_lowercase())).collect()
}

/// The vault and the name in `https://{vault}.vault.azure.net/secrets/{name}/{version}`.
fn secret_of(url: &str) -> Option<(String, String)> {
    let (host, path) = url.strip_prefix("https://")?.split_once('/')?;
    let mut parts = path.split('/');
    let is_secret = parts.next() == Some("secrets");
    let name = parts.next().filter(|name| is_secret && !name.is_empty())?;
    Some((host.split('.').next()?.to_owned(), name.to_owned()))
}

fn secrets(audit: &Audit<'_>, deployed: &Deployed<'_>) -> Outcome {
    let joins = join_secrets(audit, deployed);
    let days = audit.policy.thresholds.join_password_age_days;
    let oldest = days_before(audit.now, days);
    // What their extensions name is not known.
    let mut outcome = Outcome { unknown: deployed.unseen.clone(), ..Outcome::default() };
    for secret in contents(audit, deployed, SECRETS).filter(|secret| secret.flag("managed") != Some(true)) {
        let vault = secret.id.up_to("vaults").map(|vault| vault.name().to_ascii_lowercase()).unwrap_or_default();
        let name = secret.id.name().to_ascii_lowercase();
        if time(secret, "exp").is_none() {
            let az = "az keyvault secret set-attributes --vault-name";
            let az = format!("{az} {} --name {} --expires \"$END\"", sh(&vault), sh(&name));
            let fix = Fix { az: Some(az), powershell: None, portal: format!("{} > Expiration date", secret.id) };
            let message = format!("secret {name} of vault {vault} has no end");
            let evidence = seen(secret, "attributes/exp");
            outcome.violations.push(violation(&secret.id, Some("exp"), message, evidence, fix));
        }
        if !name.contains("join") && !joins.contains(&(vault.clone(), name.clone())) {
            continue;
        }
        match time(secret, "created") {
            None => outcome.unknown.push(format!("when {} was made", secret.id)),
            Some(created) if created > oldest => {}
            Some(_) => {
                let portal =
                    format!("Change the join account's password in the domain, then {} > New version", secret.id);
                let fix = Fix { az: None, powershell: None, portal };
                let message = format!("the join password {name} of vault {vault} is {days} days old or older");
                let evidence = seen(secret, "attributes/created");
                outcome.violations.push(violation(&secret.id, Some("created"), message, evidence, fix));
            }
        }
    }
    outcome
}

fn certificates(audit: &Audit<'_>, deployed: &Deployed<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    for certificate in contents(audit, deployed, CERTIFICATES) {
        let begin = time(certificate, "nbf").or_else(|| time(certificate, "created"));
        let (Some(begin), Some(end)) = (begin, time(certificate, "exp")) else {
            outcome.unknown.push(format!("from when until when {} is valid", certificate.id));
            continue;
        };
        let (left, life) = (end.duration_since(audit.now), end.duration_since(begin));
        if left.as_secs().saturating_mul(3) < life.as_secs() {
            let message = format!("certificate {} has less than a third of its life left", certificate.id.name());
            let lines = "no certificate in Bicep: let the nightly renewal run, or renew it by hand.";
            let fix = bicep(lines, format!("{} > New version", certificate.id));
            let mut evidence = seen(certificate, "attributes/exp");
            evidence.extend(seen(certificate, "attributes/nbf").into_iter().skip(1));
            outcome.violations.push(violation(&certificate.id, None, message, evidence, fix));
        }
    }
    outcome
}
