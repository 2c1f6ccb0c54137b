//! What the credentials of accounts hold besides secrets: whose they are, and where a sign-in by hand is kept.

use super::credential::unseen;
use super::entry::{Entry, Judged, Shape, wrong};
use super::{references, values};
use poolwarden_azure::{ANY_ORGANIZATION, Endpoints, TokenPlace};

/// The longest UPN, in characters: 64 before the @, 48 after it, and room for what a directory may allow one day.
const MAX_USERNAME_CHARS: usize = 320;

/// The directory of an account: it may be left to the account.
pub(super) fn tenant(text: &str) -> Judged<String> {
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
pub(super) fn upn(text: &str) -> Judged<String> {
    let is_part = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control());
    let is_upn = text.chars().count() <= MAX_USERNAME_CHARS
        && text.split_once('@').is_some_and(|(name, domain)| is_part(name) && is_part(domain) && !domain.contains('@'));
    if is_upn { Ok(text.to_owned()) } else { wrong("is no UPN", "write the account's name as name@contoso.com") }
}

/// Where a refresh token is kept. It is written there, so it cannot be a variable, nor one version of a secret; and it
/// need not be there yet.
pub(super) fn token_place(entry: &Entry<'_>, endpoints: &Endpoints) -> Option<TokenPlace> {
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
