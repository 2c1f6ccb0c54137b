//! How a connection signs in: a word, or a table whose `kind` says what else it holds.

use super::entry::{Entry, Judged, Shape, Wrong};
use super::reader::{Table, resembling};
use super::references::{self, Needed};
use super::values;
use poolwarden_azure::{Credential, Endpoints, SecretRef};
use std::path::PathBuf;

const KINDS: [&str; 4] = ["azure_cli", "managed_identity", "workload_identity", "client_secret"];

/// What a credential's table holds, whatever its kind.
#[derive(Default)]
struct Written {
    tenant_id: Option<String>,
    client_id: Option<String>,
    token_file: Option<PathBuf>,
    secret: Option<SecretRef>,
}

/// Reads a credential. `tenant` is the connection's, for a credential that names none.
pub(super) fn read(entry: &Entry<'_>, tenant: Option<&str>, endpoints: &Endpoints) -> Option<Credential> {
    let mut table = match entry.shape {
        Shape::Text(kind) => {
            let kind = known(entry, kind)?;
            if kind == "client_secret" {
                entry.refuse(
                    "needs more than its kind",
                    "write { kind = \"client_secret\", tenant_id = \"…\", client_id = \"…\", secret = { env = \"NAME\" } }",
                );
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
            None if kind == "client_secret" => table.require("tenant_id", "\"…\", the tenant's id"),
            _ => table.take("tenant_id"),
        };
        written.tenant_id = match tenant_id {
            Some(entry) => entry.parsed(|text| unseen(values::tenant(text), "is neither a GUID nor a domain")),
            None => tenant.map(str::to_owned),
        };
    }
    if kind != "azure_cli" {
        let client_id = match kind {
            "client_secret" => table.require("client_id", "\"…\", the application's id"),
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
    if kind == "client_secret" {
        let secret = table.require("secret", "{ env = \"NAME\" }");
        written.secret = secret.and_then(|entry| references::secret(&entry, Some(endpoints)));
    }
    written
}

/// The judgement without the value: next to a secret, someone may have mixed up the two.
fn unseen<T>(judged: Judged<T>, what: &str) -> Judged<T> {
    judged.map_err(|Wrong { fix, .. }| Wrong { what: what.to_owned(), fix })
}

fn credential(entry: &Entry<'_>, kind: &str, written: Written) -> Option<Credential> {
    let Written { tenant_id, client_id, token_file, secret } = written;
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
        _ => Credential::AzureCli { tenant_id },
    })
}
