//! How a connection signs in: a word, or a table whose `kind` says what else it holds.

use super::entry::{Entry, Judged, Shape, Wrong, wrong};
use super::reader::{Table, resembling};
use super::references::{self, Needed};
use super::values;
use poolwarden_azure::{ANY_ORGANIZATION, AVD_CLIENT, Credential, Endpoints, SecretRef, TokenPlace};
use std::path::PathBuf;

const KINDS: [&str; 7] = [
    "azure_cli",
    "managed_identity",
    "workload_identity",
    "client_secret",
    "client_certificate",
    "username_password",
    "device_code",
];
/// The longest UPN, in characters: 64 before the @, 48 after it, and room for what a directory may allow one day.
const MAX_USERNAME_CHARS: usize = 320;

/// What a credential's table holds, whatever its kind.
#[derive(Default)]
struct Written {
    tenant_id: Option<String>,
    client_id: Option<String>,
    token_file: Option<PathBuf>,
    secret: Option<SecretRef>,
    certificate: Option<SecretRef>,
    username: Option<String>,
    password: Option<SecretRef>,
    refresh_token: Option<TokenPlace>,
}

/// What is to be written for a kind that needs more than its name.
fn example(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "client_secret" => {
            "{ kind = \"client_secret\", tenant_id = \"…\", client_id = \"…\", secret = { env = \"NAME\" } }"
        }
        "client_certificate" => {
            "{ kind = \"client_certificate\", tenant_id = \"…\", client_id = \"…\", certificate = { file = \"path\" } }"
        }
        "username_password" => {
            "{ kind = \"username_password\", username = \"name@contoso.com\", password = { env = \"NAME\" } }"
        }
        "device_code" => "{ kind = \"device_code\", refresh_token = { file = \"path\" } }",
        _ => return None,
    })
}

/// Reads a credential. `tenant` is the connection's, for a credential that names none.
pub(super) fn read(entry: &Entry<'_>, tenant: Option<&str>, endpoints: &Endpoints) -> Option<Credential> {
    let mut table = match entry.shape {
        Shape::Text(kind) => {
            let kind = known(entry, kind)?;
            if let Some(example) = example(kind) {
                entry.refuse("needs more than its kind", format!("write {example}"));
                return None;
            }
            let written = Written { tenant_id: tenant.map(str::to_owned), ..Written::default() };
            return credential(entry, kind, written);
        }
        Shape::Table(_) => entry.table("`credential`")?,
        _ => {
            entry.refuse("is no credential", format!("write one of {}", KINDS.join(", ")));
            return None;
        }
    };
    let kind = table.require("kind", "\"azure_cli\"")?;
    let kind = known(&kind, kind.text()?)?;
    let written = written(&mut table, kind, tenant, endpoints);
    table.finish();
    credential(entry, kind, written)
}

/// The kind, without repeating a word that is none: someone may have put a password there.
fn known(entry: &Entry<'_>, word: &str) -> Option<&'static str> {
    let kind = KINDS.into_iter().find(|kind| *kind == word);
    if kind.is_none() {
        let kinds = KINDS.join(", ");
        let fix = match resembling(word, KINDS.into_iter()) {
            Some(meant) => format!("did you mean `{meant}`? known are {kinds}"),
            None => format!("write one of {kinds}"),
        };
        entry.refuse("is no known kind of credential", fix);
    }
    kind
}

/// Takes the keys that a credential of this kind has, so that the others are reported as unknown.
fn written(table: &mut Table<'_>, kind: &'static str, tenant: Option<&str>, endpoints: &Endpoints) -> Written {
    let mut written = Written::default();
    if kind != "managed_identity" {
        let tenant_id = match tenant {
            None if is_application(kind) => table.require("tenant_id", "\"…\", the tenant's id"),
            _ => table.take("tenant_id"),
        };
        written.tenant_id = match tenant_id {
            Some(entry) => entry.parsed(|text| match kind {
                "username_password" | "device_code" => account_tenant(text),
                _ => unseen(values::tenant(text), "is neither a GUID nor a domain"),
            }),
            None => tenant.map(str::to_owned),
        };
    }
    if kind != "azure_cli" {
        let client_id = match kind {
            kind if is_application(kind) => table.require("client_id", "\"…\", the application ID"),
            _ => table.take("client_id"),
        };
        written.client_id = client_id.and_then(|entry| entry.parsed(|text| unseen(values::guid(text), "is no GUID")));
    }
    if kind == "workload_identity" {
        written.token_file = table.take("token_file").and_then(|entry| {
            let path = entry.source.beside(entry.parsed(values::path)?);
            references::need(&entry, Needed::File(path.clone()));
            Some(path)
        });
    }
    let secret = |entry: Entry<'_>| references::secret(&entry, Some(endpoints));
    match kind {
        "client_secret" => written.secret = table.require("secret", "{ env = \"NAME\" }").and_then(secret),
        "client_certificate" => {
            written.certificate = table.require("certificate", "{ file = \"path\" }").and_then(secret);
        }
        "username_password" => {
            let username = table.require("username", "\"name@contoso.com\", the account's UPN");
            written.username = username.and_then(|entry| entry.parsed(upn));
            written.password = table.require("password", "{ env = \"NAME\" }").and_then(secret);
            written.secret = table.take("secret").and_then(secret);
        }
        "device_code" => {
            written.username = table.take("username").and_then(|entry| entry.parsed(upn));
            let place = table.require("refresh_token", "{ file = \"path\" }");
            written.refresh_token = place.and_then(|entry| token_place(&entry, endpoints));
        }
        _ => {}
    }
    written
}

/// Whether an application signs in for itself, so that its directory and its id must be known.
fn is_application(kind: &str) -> bool {
    matches!(kind, "client_secret" | "client_certificate")
}

/// The directory of an account: it may be left to the account.
fn account_tenant(text: &str) -> Judged<String> {
    if text.eq_ignore_ascii_case(ANY_ORGANIZATION) {
        return Ok(ANY_ORGANIZATION.to_owned());
    }
    let is_for_anyone = ["common", "consumers"].iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_for_anyone {
        return wrong(
            format!("is `{}`, which is not for accounts of an organization alone", text.to_ascii_lowercase()),
            "write the tenant's id, one of its domains, or \"organizations\"",
        );
    }
    unseen(values::tenant(text), "is neither a GUID nor a domain")
}

/// An account's name. What is none is not repeated: it may be the password.
fn upn(text: &str) -> Judged<String> {
    let is_part = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control());
    let is_upn = text.chars().count() <= MAX_USERNAME_CHARS
        && text.split_once('@').is_some_and(|(name, domain)| is_part(name) && is_part(domain) && !domain.contains('@'));
    if is_upn { Ok(text.to_owned()) } else { wrong("is no UPN", "write the account's name as name@contoso.com") }
}

/// Where a refresh token is kept. It is written there, so it cannot be a variable, nor one version of a secret; and it
/// need not be there yet.
fn token_place(entry: &Entry<'_>, endpoints: &Endpoints) -> Option<TokenPlace> {
    const HOW: &str = "write { file = \"path\" } or { key_vault = \"https://vault.vault.azure.net/secrets/name\" }";
    let mut items = match entry.shape {
        Shape::Table(_) => entry.table(&entry.label)?,
        Shape::Text(_) => {
            entry.refuse("holds a literal text", format!("{HOW}; never the token itself"));
            return None;
        }
        _ => {
            entry.refuse("is no place to keep a token", HOW);
            return None;
        }
    };
    if let Some(variable) = items.take("env") {
        variable.refuse(
            "cannot be used here: the token service gives a new token at every use, and a variable cannot keep it",
            HOW,
        );
        return None;
    }
    let file =
        items.take("file").map(|file| file.parsed(values::path).map(|path| TokenPlace::File(file.source.beside(path))));
    let vault = items.take("key_vault").map(|vault| {
        let url = vault.parsed(|text| references::key_vault(text, Some(endpoints)))?;
        if url.path_segments().is_some_and(|segments| segments.count() > 2) {
            vault.refuse("names one version of a secret, which never changes", "leave the version out");
            return None;
        }
        Some(TokenPlace::KeyVault(url))
    });
    let is_empty = file.is_none() && vault.is_none();
    items.finish();
    match (file, vault) {
        (Some(place), None) | (None, Some(place)) => place,
        _ => {
            entry.refuse(if is_empty { "names no place" } else { "must name exactly one place" }, HOW);
            None
        }
    }
}

/// The judgement without the value: next to a secret, someone may have mixed up the two.
fn unseen<T>(judged: Judged<T>, what: &str) -> Judged<T> {
    judged.map_err(|Wrong { fix, .. }| Wrong { what: what.to_owned(), fix })
}

fn credential(entry: &Entry<'_>, kind: &str, written: Written) -> Option<Credential> {
    let Written { tenant_id, client_id, token_file, secret, certificate, username, password, refresh_token } = written;
    // A fault in either was reported, and then nothing of this is used.
    let account =
        || (tenant_id.clone().unwrap_or(ANY_ORGANIZATION.into()), client_id.clone().unwrap_or(AVD_CLIENT.into()));
    Some(match kind {
        "managed_identity" => Credential::ManagedIdentity { client_id },
        "workload_identity" => {
            for (variable, is_written) in [
                ("AZURE_TENANT_ID", tenant_id.is_some()),
                ("AZURE_CLIENT_ID", client_id.is_some()),
                ("AZURE_FEDERATED_TOKEN_FILE", token_file.is_some()),
            ] {
                if !is_written {
                    references::need(entry, Needed::Variable(variable.to_owned()));
                }
            }
            Credential::WorkloadIdentity { tenant_id, client_id, token_file }
        }
        "client_secret" => Credential::ClientSecret { tenant_id: tenant_id?, client_id: client_id?, secret: secret? },
        "client_certificate" => {
            Credential::ClientCertificate { tenant_id: tenant_id?, client_id: client_id?, certificate: certificate? }
        }
        "username_password" => {
            let (tenant_id, client_id) = account();
            let (username, password) = (username?, password?);
            Credential::UsernamePassword { username, password, client_id, secret, tenant_id }
        }
        "device_code" => {
            let (tenant_id, client_id) = account();
            Credential::DeviceCode { client_id, tenant_id, refresh_token: refresh_token?, username }
        }
        _ => Credential::AzureCli { tenant_id },
    })
}
