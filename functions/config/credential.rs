//! How a connection signs in: a word, or a table whose `kind` says what else it holds.

use super::entry::{Entry, Judged, Shape, Wrong};
use super::reader::{Table, resembling};
use super::references::{self, Needed};
use super::{account, values};
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

/// Reads a credential that is no connection's, and so must sign in without a person.
pub(super) fn read_unattended(entry: &Entry<'_>, endpoints: &Endpoints) -> Option<Credential> {
    let credential = read(entry, None, endpoints)?;
    if matches!(credential, Credential::DeviceCode { .. }) {
        entry.refuse(
            "signs in by hand, which `poolwarden connections sign-in` does for connections alone",
            "use managed_identity, workload_identity, client_secret or client_certificate; or azure_cli on one machine",
        );
        return None;
    }
    Some(credential)
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
    let mut names_application = false;
    if kind != "managed_identity" {
        let tenant_id = match tenant {
            None if is_application(kind) => table.require("tenant_id", "\"…\", the tenant's id"),
            _ => table.take("tenant_id"),
        };
        written.tenant_id = match tenant_id {
            Some(entry) => entry.parsed(|text| match kind {
                "username_password" | "device_code" => account::tenant(text),
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
        names_application = client_id.is_some();
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
            written.username = username.and_then(|entry| entry.parsed(account::upn));
            written.password = table.require("password", "{ env = \"NAME\" }").and_then(secret);
            if let Some(entry) = table.take("secret") {
                if !names_application {
                    entry.refuse(
                        "is an application's, and no application is named",
                        "add client_id, the application ID",
                    );
                }
                written.secret = secret(entry);
            }
        }
        "device_code" => {
            written.username = table.take("username").and_then(|entry| entry.parsed(account::upn));
            let place = table.require("refresh_token", "{ file = \"path\" }");
            written.refresh_token = place.and_then(|entry| account::token_place(&entry, endpoints));
        }
        _ => {}
    }
    written
}

/// Whether an application signs in for itself, so that its directory and its id must be known.
fn is_application(kind: &str) -> bool {
    matches!(kind, "client_secret" | "client_certificate")
}

/// The judgement without the value: next to a secret, someone may have mixed up the two.
pub(super) fn unseen<T>(judged: Judged<T>, what: &str) -> Judged<T> {
    judged.map_err(|Wrong { fix, .. }| Wrong { what: what.to_owned(), fix })
}

fn credential(entry: &Entry<'_>, kind: &str, written: Written) -> Option<Credential> {
    let Written { tenant_id, client_id, token_file, secret, certificate, username, password, refresh_token } = written;
    // A fault in either was reported, and then nothing of this is used.
    let of_account =
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
            let (tenant_id, client_id) = of_account();
            let (username, password) = (username?, password?);
            Credential::UsernamePassword { username, password, client_id, secret, tenant_id }
        }
        "device_code" => {
            let (tenant_id, client_id) = of_account();
            Credential::DeviceCode { client_id, tenant_id, refresh_token: refresh_token?, username }
        }
        _ => Credential::AzureCli { tenant_id },
    })
}
