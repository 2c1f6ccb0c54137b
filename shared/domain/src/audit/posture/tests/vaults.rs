//! Key vaults and what is in them.

use super::super::testing::{NONE, VAULT, VM1, VM2, deployed, edited, found, verdict, with, without};
use super::super::vaults::*;
use crate::audit::Verdict;
use crate::audit::testing::{Estate, POOL};
use serde_json::{Value, json};

fn secret(name: &str, attributes: &Value) -> Estate {
    with(deployed(), &format!("{VAULT}/secrets/{name}"), json!({ "attributes": attributes }))
}

#[test]
fn a_vault_uses_roles_cannot_be_purged_and_is_not_public() {
    let set =
        |estate: Estate, property: &str, value: Value| edited(estate, VAULT, &format!("/properties/{property}"), value);
    let estate = set(deployed(), "enableRbacAuthorization", json!(false));
    let estate = set(estate, "enablePurgeProtection", Value::Null);
    let estate = set(estate, "publicNetworkAccess", json!("Enabled"));
    assert_eq!(
        found(&estate, &V41),
        [
            format!("{VAULT} - enablePurgeProtection"),
            format!("{VAULT} - enableRbacAuthorization"),
            format!("{VAULT} - publicNetworkAccess"),
        ]
    );
    let behind =
        set(set(deployed(), "publicNetworkAccess", Value::Null), "networkAcls", json!({ "defaultAction": "Deny" }));
    assert_eq!(found(&behind, &V41), NONE);
    let other = "/subscriptions/s1/resourceGroups/other/providers/Microsoft.KeyVault/vaults/v";
    assert_eq!(found(&with(deployed(), other, json!({})), &V41), NONE);
    for rule in [V41, V42, V43] {
        assert_eq!(verdict(&without(deployed(), VAULT), &rule), Verdict::NotApplicable);
    }
}

#[test]
fn who_makes_a_vault_go_by_roles_is_told_who_loses_access() {
    let estate = edited(deployed(), VAULT, "/properties/enableRbacAuthorization", json!(false));
    let fix = estate.check(&V41).violations.remove(0).fix;
    assert!(
        fix.portal.contains("Give those that the access policies name a role at the vault first"),
        "{}",
        fix.portal
    );
    let estate = edited(deployed(), VAULT, "/properties/enablePurgeProtection", Value::Null);
    assert!(!estate.check(&V41).violations.remove(0).fix.portal.contains("access policies"));
}

#[test]
fn a_secret_that_is_in_use_has_an_end() {
    let line = [format!("{VAULT}/secrets/api-key - exp")];
    assert_eq!(found(&secret("api-key", &json!({ "enabled": true })), &V42), line);
    assert_eq!(found(&secret("api-key", &json!({})), &V42), line);
    assert_eq!(found(&secret("api-key", &json!({ "enabled": false })), &V42), NONE);
    assert_eq!(found(&secret("api-key", &json!({ "exp": "2027-01-01T00:00:00Z" })), &V42), NONE);
    let of_certificate = json!({ "attributes": { "enabled": true }, "managed": true });
    assert_eq!(found(&with(deployed(), &format!("{VAULT}/secrets/c"), of_certificate), &V42), NONE);
}

#[test]
fn the_join_password_is_the_one_that_the_extension_names() {
    let password = format!("{VAULT}/secrets/domain-password");
    let created = |text: Value| edited(deployed(), &password, "/properties/attributes/created", text);
    // 90 days before the tests' day.
    let old = created(json!("2026-03-03T12:00:00Z"));
    assert_eq!(found(&old, &V42), [format!("{password} - created")]);
    assert_eq!(found(&created(json!("2026-03-03T12:00:01Z")), &V42), NONE);
    assert_eq!(verdict(&created(Value::Null), &V42), Verdict::Unknown);
    let unnamed = without(without(old, &format!("{VM1}/extensions/join")), &format!("{VM2}/extensions/join"));
    assert_eq!(found(&unnamed, &V42), NONE);
}

#[test]
fn what_hosts_elsewhere_join_with_is_unknown() {
    let vm = "/subscriptions/s9/resourceGroups/r/providers/Microsoft.Compute/virtualMachines/x";
    let estate = with(deployed(), &format!("{POOL}/sessionHosts/x"), json!({ "resourceId": vm }));
    assert_eq!(verdict(&estate, &V42), Verdict::Unknown);
}

#[test]
fn or_the_one_with_join_in_its_name() {
    let attributes = json!({ "exp": 1_809_129_600, "created": 1_577_836_800 });
    assert_eq!(found(&secret("AD-Join-pw", &attributes), &V42), [format!("{VAULT}/secrets/AD-Join-pw - created")]);
    assert_eq!(found(&secret("api-key", &attributes), &V42), NONE);
}

#[test]
fn a_certificate_has_a_third_of_its_life_left() {
    let certificate = format!("{VAULT}/certificates/wildcard");
    let life = |begin: &str, end: &str| {
        let attributes = json!({ "nbf": begin, "exp": end });
        edited(deployed(), &certificate, "/properties/attributes", attributes)
    };
    // 90 days, of which 30 and then 29 are left on the tests' day.
    assert_eq!(found(&life("2026-04-02T12:00:00Z", "2026-07-01T12:00:00Z"), &V43), NONE);
    assert_eq!(found(&life("2026-04-01T12:00:00Z", "2026-06-30T12:00:00Z"), &V43), [format!("{certificate} - -")]);
    assert_eq!(found(&life("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"), &V43), [format!("{certificate} - -")]);
    let off = edited(
        life("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"),
        &certificate,
        "/properties/attributes/enabled",
        json!(false),
    );
    assert_eq!(found(&off, &V43), NONE);
}

#[test]
fn a_certificate_without_dates_is_unknown() {
    let certificate = format!("{VAULT}/certificates/wildcard");
    let of = |attributes: Value| edited(deployed(), &certificate, "/properties/attributes", attributes);
    assert_eq!(verdict(&of(json!({ "exp": 1_809_129_600 })), &V43), Verdict::Unknown);
    assert_eq!(verdict(&of(json!({ "created": 1_777_593_600 })), &V43), Verdict::Unknown);
    assert_eq!(verdict(&of(json!({ "created": 1_777_593_600, "exp": 1_809_129_600 })), &V43), Verdict::Pass);
}
