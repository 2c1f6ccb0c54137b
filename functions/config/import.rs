//! `[import]`: who may ask for imports besides those who hold a key of the function: whoever signs with a shared
//! secret, and applications of a Microsoft Entra tenant.

use super::connection::{CLOUDS, endpoints};
use super::entry::{Entry, Judged, Shape, wrong};
use super::faults::quoted;
use super::reader::{Distinct, Table};
use super::{credential, references, values};
use poolwarden_azure::{Cloud, Credential, Endpoints, SecretRef, TrustedCallers};

/// The longest name of a secret, in characters.
const MAX_NAME_CHARS: usize = 24;
/// The longest audience or role, in characters.
const MAX_WORD_CHARS: usize = 200;

/// Who may ask for imports.
#[derive(Debug, Clone)]
pub struct Import {
    /// The cloud's sign-in and vaults.
    pub endpoints: Endpoints,
    /// How Key Vault is read.
    pub credential: Credential,
    /// The secrets that sign requests; several while one takes another's place.
    pub secrets: Vec<ImportSecret>,
    /// Whose tokens are taken.
    pub entra: Option<TrustedCallers>,
}

/// A secret that signs requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportSecret {
    /// What the log calls it.
    pub name: String,
    /// Where it is.
    pub secret: SecretRef,
}

impl Default for Import {
    fn default() -> Self {
        let credential = Credential::ManagedIdentity { client_id: None };
        Self { endpoints: Endpoints::of(Cloud::Public), credential, secrets: Vec::new(), entra: None }
    }
}

/// Reads the table. What is wrong is reported and left out.
pub(super) fn read(mut table: Table<'_>) -> Import {
    let default = Import::default();
    let cloud = table.take("cloud").and_then(|entry| entry.choice(&CLOUDS)).unwrap_or_default();
    let endpoints = endpoints(Endpoints::of(cloud), table.take("endpoints"));
    let credential = table.take("credential").and_then(|entry| credential::read_unattended(&entry, &endpoints));
    let mut names = Distinct::new("give each secret its own name");
    let secrets = table.take("secret").map(|entry| entry.tables("import.secret")).unwrap_or_default();
    let import = Import {
        credential: credential.unwrap_or(default.credential),
        secrets: secrets.into_iter().filter_map(|table| secret(table, &endpoints, &mut names)).collect(),
        entra: table.take("entra").and_then(|entry| entra(&entry)),
        endpoints,
    };
    table.finish();
    import
}

fn secret(mut table: Table<'_>, endpoints: &Endpoints, names: &mut Distinct) -> Option<ImportSecret> {
    let name = table.require("name", "\"portal\"").and_then(|entry| {
        let name = entry.parsed(|text| values::name(text, MAX_NAME_CHARS))?;
        names.check(&entry, &name);
        Some(name)
    });
    let secret = table.require("secret", "{ env = \"NAME\" }");
    let secret = secret.and_then(|entry| references::secret(&entry, Some(endpoints)));
    table.finish();
    Some(ImportSecret { name: name?, secret: secret? })
}

fn entra(entry: &Entry<'_>) -> Option<TrustedCallers> {
    let mut table = entry.table("[import.entra]")?;
    // The tenant's id stands in its tokens; a domain does not.
    let tenant = table.require("tenant", "\"…\", the tenant's id").and_then(|entry| entry.parsed(values::guid));
    let audiences = table.require("audience", "\"api://poolwarden\"").map(|entry| words(entry, word));
    let clients = table.take("clients").map(|entry| words(entry, values::guid)).unwrap_or_default();
    let roles = table.take("roles").map(|entry| words(entry, word)).unwrap_or_default();
    table.finish();
    if clients.is_empty() && roles.is_empty() {
        entry.refuse(
            "lets no application in, or any: every application of the tenant can get a token for an audience",
            "name the callers' client ids in `clients`, or the app roles that let them in in `roles`",
        );
        return None;
    }
    let audiences = audiences.filter(|audiences| !audiences.is_empty())?;
    Some(TrustedCallers { tenant: tenant?, audiences, clients, roles })
}

/// One text, or a list of them.
fn words(entry: Entry<'_>, judge: fn(&str) -> Judged<String>) -> Vec<String> {
    let entries = if matches!(entry.shape, Shape::List(_)) { entry.list() } else { vec![entry] };
    entries.into_iter().filter_map(|entry| entry.parsed(judge)).collect()
}

fn word(text: &str) -> Judged<String> {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control();
    if text.is_empty() || text.chars().count() > MAX_WORD_CHARS || !text.chars().all(is_plain) {
        return wrong(format!("is {}", quoted(text)), format!("write 1 to {MAX_WORD_CHARS} characters without blanks"));
    }
    Ok(text.to_owned())
}
