//! Who may ask for imports.

use super::{EXAMPLE, parse};
use poolwarden_azure::{Cloud, Credential, SecretRef};

fn told(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn the_example_lets_in_who_signs_and_an_application() {
    let import = parse(EXAMPLE).unwrap().import;
    assert_eq!(import.credential, Credential::ManagedIdentity { client_id: None });
    assert_eq!(import.secrets[0].name, "portal");
    assert_eq!(import.secrets[0].secret, SecretRef::Env("POOLWARDEN_IMPORT_SECRET".to_owned()));
    let entra = import.entra.unwrap();
    assert_eq!((entra.audiences.len(), entra.clients.len(), entra.roles.len()), (1, 1, 1));
    assert_eq!(entra.tenant, "22222222-2222-2222-2222-222222222222");
}

#[test]
fn nobody_is_let_in_unless_it_is_written() {
    let import = parse("").unwrap().import;
    assert!(import.secrets.is_empty() && import.entra.is_none());
}

#[test]
fn secrets_may_be_in_a_vault_of_the_cloud() {
    let text = "[import]\ncloud = \"china\"\n[[import.secret]]\nname = \"a\"\nsecret = { key_vault = \"https://v.vault.azure.cn/secrets/n\" }";
    let import = parse(text).unwrap().import;
    assert_eq!(import.endpoints.cloud(), Cloud::China);
    assert!(matches!(import.secrets[0].secret, SecretRef::KeyVault(_)));
    let other = text.replace("azure.cn", "azure.net");
    assert!(told(&other).contains("no secret in a Key Vault of this cloud"), "{}", told(&other));
}

#[test]
fn what_is_wrong_is_told() {
    let entra = "[import.entra]\ntenant = \"22222222-2222-2222-2222-222222222222\"\naudience = \"api://p\"\n";
    for (text, says) in [
        ("[[import.secret]]\nname = \"a\"\nsecret = \"hunter2\"".to_owned(), "holds a literal text"),
        ("[[import.secret]]\nname = \"a\"".to_owned(), "lacks `secret`"),
        ("[[import.secret]]\nname = \"a\"\nsecret = { env = \"A\" }\n[[import.secret]]\nname = \"a\"\nsecret = { env = \"B\" }".to_owned(), "give each secret its own name"),
        ("[import.secret]\nname = \"a\"".to_owned(), "head each with [[import.secret]]"),
        ("[import]\nsecrets = []".to_owned(), "did you mean `secret`?"),
        ("[import]\ncredential = { kind = \"device_code\", refresh_token = { file = \"f\" } }".to_owned(), "signs in by hand"),
        (entra.to_owned(), "lets no application in, or any"),
        (format!("{entra}clients = [\"x\"]"), "which is no GUID"),
        (format!("{entra}roles = [\"a b\"]"), "without blanks"),
        (entra.replace("22222222-2222-2222-2222-222222222222", "contoso.com") + "roles = [\"r\"]", "which is no GUID"),
        (entra.replace("audience", "audiences") + "roles = [\"r\"]", "lacks `audience`"),
    ] {
        assert!(told(&text).contains(says) && !told(&text).contains("hunter2"), "{text}\n{}", told(&text));
    }
}
