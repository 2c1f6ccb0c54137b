//! How a connection signs in, as a person writes it.

use super::{faults_with, parse};
use crate::config::check_references;
use poolwarden_azure::{AVD_CLIENT, Credential, SecretRef, TokenPlace};
use std::collections::HashMap;

const CLIENT: &str = "33333333-3333-3333-3333-333333333333";

fn credential(written: &str) -> Credential {
    let text = format!("[[connection]]\nname = \"c\"\ncredential = {written}\n");
    parse(&text).unwrap_or_else(|faults| panic!("{faults}")).connections[0].credential.clone()
}

fn told(written: &str) -> String {
    let told = faults_with(&format!("credential = {written}"));
    assert!(!told.contains("hunter2"), "{told}");
    told
}

#[test]
fn a_username_and_a_password_are_enough() {
    let read =
        credential("{ kind = \"username_password\", username = \"svc@contoso.com\", password = { env = \"P\" } }");
    let meant = Credential::UsernamePassword {
        username: "svc@contoso.com".into(),
        password: SecretRef::Env("P".into()),
        client_id: AVD_CLIENT.into(),
        secret: None,
        tenant_id: "organizations".into(),
    };
    assert_eq!(read, meant);
}

#[test]
fn an_application_of_one_s_own_with_a_secret_signs_the_account_in_to_the_connection_s_tenant() {
    let text = format!(
        "[[connection]]\nname = \"c\"\ntenant = \"contoso.com\"\ncredential = {{ kind = \"username_password\", username = \"u@contoso.com\", password = {{ file = \"p\" }}, client_id = \"{CLIENT}\", secret = {{ env = \"S\" }} }}\n"
    );
    let config = parse(&text).unwrap();
    let Credential::UsernamePassword { client_id, secret, tenant_id, .. } = &config.connections[0].credential else {
        panic!("{:?}", config.connections[0].credential)
    };
    assert_eq!((client_id.as_str(), tenant_id.as_str()), (CLIENT, "contoso.com"));
    assert_eq!(secret, &Some(SecretRef::Env("S".into())));
}

#[test]
fn an_account_s_tenant_is_one_or_any_organization_and_never_everyone() {
    let with = |tenant: &str| {
        format!(
            "{{ kind = \"username_password\", username = \"u@a.example\", password = {{ env = \"P\" }}, tenant_id = \"{tenant}\" }}"
        )
    };
    assert!(
        matches!(credential(&with("Organizations")), Credential::UsernamePassword { tenant_id, .. } if tenant_id == "organizations")
    );
    for tenant in ["common", "consumers"] {
        let told = told(&with(tenant));
        assert!(told.contains(&format!("`tenant_id` is `{tenant}`")) && told.contains("\"organizations\""), "{told}");
    }
    assert!(told(&with("hunter2")).contains("neither a GUID nor a domain"));
}

#[test]
fn a_device_code_needs_a_place_that_can_be_written_and_need_not_be_there_yet() {
    let with = |place: &str| format!("{{ kind = \"device_code\", refresh_token = {place} }}");
    let text = format!("[[connection]]\nname = \"c\"\ncredential = {}\n", with("{ file = \"secrets/feed\" }"));
    let config = parse(&text).unwrap();
    let place = TokenPlace::File("etc/secrets/feed".into());
    assert!(
        matches!(&config.connections[0].credential, Credential::DeviceCode { refresh_token, .. } if *refresh_token == place)
    );
    assert_eq!(check_references(&config, &HashMap::new()), []);
    credential(&with("{ key_vault = \"https://v.vault.azure.net/secrets/feed\" }"));
    for (place, said) in [
        ("{ env = \"hunter2\" }", "`env` cannot be used here"),
        ("\"hunter2\"", "holds a literal text"),
        ("{}", "names no place"),
        ("{ file = \"f\", key_vault = \"https://v.vault.azure.net/secrets/n\" }", "exactly one place"),
        ("{ key_vault = \"https://v.vault.azure.net/secrets/n/0123\" }", "leave the version out"),
        ("{ key_vault = \"https://v.example.net/secrets/n\" }", "no secret in a Key Vault"),
    ] {
        let told = told(&with(place));
        assert!(told.contains(said), "{place}: {told}");
    }
}

#[test]
fn a_certificate_is_of_an_application_in_a_tenant() {
    let read = credential(&format!(
        "{{ kind = \"client_certificate\", tenant_id = \"contoso.com\", client_id = \"{CLIENT}\", certificate = {{ file = \"app.pem\" }} }}"
    ));
    let meant = Credential::ClientCertificate {
        tenant_id: "contoso.com".into(),
        client_id: CLIENT.into(),
        certificate: SecretRef::File("etc/app.pem".into()),
    };
    assert_eq!(read, meant);
    let told = told("{ kind = \"client_certificate\" }");
    for lacks in ["`tenant_id`", "`client_id`", "`certificate`"] {
        assert!(told.contains(&format!("`credential` lacks {lacks}")), "{told}");
    }
}

#[test]
fn everything_that_is_wrong_with_an_account_is_told_at_once_and_no_password_is() {
    let told = told(
        "{ kind = \"username_password\", username = \"hunter2\", password = \"hunter2\", client_id = \"hunter2\", secret = \"hunter2\", refresh_token = { file = \"x\" } }",
    );
    for said in [
        "5 faults",
        "`username` is no UPN",
        "`password` holds a literal text",
        "`client_id` is no GUID",
        "`secret` holds a literal text",
        "`refresh_token` is no setting of `credential`",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
}

#[test]
fn a_kind_that_needs_more_than_its_name_says_what() {
    for kind in ["client_secret", "client_certificate", "username_password", "device_code"] {
        let told = told(&format!("\"{kind}\""));
        assert!(
            told.contains("needs more than its kind") && told.contains(&format!("write {{ kind = \"{kind}\"")),
            "{told}"
        );
    }
}
