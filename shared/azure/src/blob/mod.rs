//! Documents in a container of Blob Storage, through `object_store`, with tokens of Microsoft Entra.
//!
//! A version is the blob's ETag. What `object_store` has no call for, a deletion of exactly one version, is one request
//! of our own.

mod name;
mod refusal;
#[cfg(test)]
mod tests;

use crate::answers::error_text;
use crate::cloud::{EndpointError, endpoint, is_loopback};
use crate::http::{Http, read_body, transport_text};
use crate::sign_in::Credentials;
use crate::throttle::jittered;
use crate::versions::{BLOB_STORAGE, STORAGE_SCOPE};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::azure::{AzureCredential, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientOptions, CredentialProvider, Error, ObjectStore, ObjectStoreExt,
    PutMode, PutOptions, RetryConfig, UpdateVersion,
};
use poolwarden_store::{
    Document, Documents, Expect, Listed, MAX_KEY_BYTES, StoreError, Version, check_body, check_key,
};
use refusal::unavailable;
use secrecy::ExposeSecret;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The largest page of a listing.
const PAGE: usize = 5_000;
/// How many documents of a scan are read at a time.
const READ_AT_A_TIME: usize = 16;
/// How often a request is sent that gets no answer, 429 or 5xx.
const TRIES: usize = 5;
/// For how long, in all.
const RETRY_FOR: Duration = Duration::from_secs(60);
/// The pause before the second try.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Longest time for one answer: a document has 16 MiB at most.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Largest answer to a deletion, in bytes.
const ANSWER_LIMIT: usize = 64 << 10;
/// What a PNG begins with.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Documents in a container of Blob Storage.
pub struct BlobDocuments {
    store: MicrosoftAzure,
    container: Url,
    http: Http,
    credentials: Arc<dyn Credentials>,
}

/// A container that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BlobSetUpError {
    /// The address is none that tokens may go to.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The address does not end with a container.
    #[error("`{0}` names no container; write it as https://ACCOUNT.blob.core.windows.net/CONTAINER")]
    NoContainer(String),
    /// The client refused it.
    #[error("the client for Blob Storage cannot be set up")]
    Client(#[source] Error),
}

impl BlobDocuments {
    /// The documents of a container such as `https://contoso.blob.core.windows.net/poolwarden`, which must exist.
    /// Nothing is asked yet.
    pub fn new(http: Http, credentials: Arc<dyn Credentials>, container: &str) -> Result<Self, BlobSetUpError> {
        let mut container = endpoint(container.trim_end_matches('/'))?;
        container.set_query(None);
        let no_container = || BlobSetUpError::NoContainer(container.to_string());
        let (account_path, name) = container.path().rsplit_once('/').ok_or_else(no_container)?;
        // An emulator has the account as the first segment of the path.
        let host = container.host_str().unwrap_or_default();
        let account = account_path.trim_matches('/');
        let account = if account.is_empty() { host.split('.').next().unwrap_or(host) } else { account };
        if name.is_empty() || account.contains('/') {
            return Err(no_container());
        }
        let mut service = container.clone();
        service.set_path(account_path);
        let backoff = BackoffConfig { init_backoff: PAUSE, max_backoff: LONGEST_PAUSE, base: 2.0 };
        let store = MicrosoftAzureBuilder::new()
            .with_account(account)
            .with_container_name(name)
            .with_endpoint(service.as_str().trim_end_matches('/').to_owned())
            .with_allow_http(is_loopback(&container))
            .with_credentials(Arc::new(Tokens(Arc::clone(&credentials))))
            .with_client_options(ClientOptions::new().with_timeout(TIMEOUT).with_allow_http(is_loopback(&container)))
            .with_retry(RetryConfig { backoff, max_retries: TRIES - 1, retry_timeout: RETRY_FOR })
            .build()
            .map_err(BlobSetUpError::Client)?;
        Ok(Self { store, container, http, credentials })
    }

    /// What is under a prefix, in order. Blob Storage lists by name, which is not the order of the keys where
    /// something is escaped: pages are asked for until no later one can change the answer.
    async fn rows(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let unavailable = |source| unavailable(format!("list documents under {prefix}"), source);
        let folder = name::folder_of(prefix).map_err(|error| unavailable(error.into()))?;
        let folder = folder.map(|folder| format!("{folder}/"));
        let mut rows: Vec<Listed> = Vec::new();
        // The greatest key seen that needs no escape. What comes later is greater.
        let mut passed: Option<String> = None;
        // One more than asked for, should all be in order; else the rest in pages as large as they come.
        let mut max_keys = if after.is_none() { limit.checked_add(1).filter(|&keys| keys <= PAGE) } else { None };
        let mut page_token = None;
        loop {
            let options = PaginatedListOptions { max_keys: max_keys.take(), page_token, ..Default::default() };
            let page = self.store.list_paginated(folder.as_deref(), options).await.map_err(unavailable)?;
            for meta in page.result.objects {
                let Some(key) = name::to_key(&meta.location) else { continue };
                if meta.location.as_ref() == key && passed.as_ref().is_none_or(|passed| *passed < key) {
                    passed = Some(key.clone());
                }
                if key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after) {
                    rows.push(Listed { key, version: version(meta.e_tag), size_bytes: meta.size });
                }
            }
            page_token = page.page_token;
            let certain = || rows.iter().filter(|row| passed.as_ref().is_some_and(|passed| row.key <= *passed)).count();
            if page_token.is_none() || certain() >= limit {
                break;
            }
        }
        rows.sort_unstable_by(|one, next| one.key.cmp(&next.key));
        rows.truncate(limit);
        Ok(rows)
    }

    /// Deletes the blob if its ETag is still this; says whether it did, or `None` if there is no such blob.
    async fn delete_version(
        &self,
        path: &Path,
        version: &Version,
    ) -> Result<Option<bool>, Box<dyn std::error::Error + Send + Sync>> {
        let mut url = self.container.clone();
        url.path_segments_mut().map_err(|()| "the container's address has no path")?.extend(path.parts());
        let mut pause = PAUSE;
        let mut renewed = false;
        let mut tries_left = TRIES;
        loop {
            tries_left -= 1;
            let token = self.credentials.token(STORAGE_SCOPE).await?;
            let request = self.http.0.delete(url.clone()).bearer_auth(token.secret.expose_secret()).timeout(TIMEOUT);
            let request = request.header("x-ms-version", BLOB_STORAGE).header("if-match", &version.0);
            let problem = match request.send().await {
                Err(error) => transport_text(error),
                Ok(response) => match response.status().as_u16() {
                    200..=299 => return Ok(Some(true)),
                    404 => {
                        let body = read_body(response, ANSWER_LIMIT).await.unwrap_or_default();
                        if refusal::names_no_container(&String::from_utf8_lossy(&body)) {
                            return Err(Box::new(refusal::NoContainer { source: None }));
                        }
                        return Ok(None);
                    }
                    412 => return Ok(Some(false)),
                    status => {
                        let body = read_body(response, ANSWER_LIMIT).await.unwrap_or_default();
                        let problem = format!("{status} {}", error_text(&body));
                        match status {
                            401 if !renewed => {
                                renewed = true;
                                self.credentials.reject(STORAGE_SCOPE, &token);
                            }
                            408 | 429 | 500..=599 => {}
                            _ => return Err(problem.into()),
                        }
                        problem
                    }
                },
            };
            if tries_left == 0 {
                return Err(problem.into());
            }
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

#[async_trait]
impl Documents for BlobDocuments {
    async fn get(&self, key: &str) -> Result<Option<Document>, StoreError> {
        let path = path_of(key)?;
        let unavailable = |source| unavailable(format!("read document {key}"), source);
        let found = match self.store.get(&path).await {
            Ok(found) => found,
            Err(error @ Error::NotFound { .. }) if !refusal::is_no_container(&error) => return Ok(None),
            Err(error) => return Err(unavailable(error)),
        };
        let version = version(found.meta.e_tag.clone());
        Ok(Some(Document { version, body: found.bytes().await.map_err(unavailable)? }))
    }

    async fn put(&self, key: &str, body: Bytes, expect: Expect) -> Result<Version, StoreError> {
        let path = path_of(key)?;
        check_body(key, &body)?;
        let action = format!("write document {key}");
        let creates = expect == Expect::Absent;
        let mode = match expect {
            Expect::Absent => PutMode::Create,
            Expect::Version(Version(e_tag)) => PutMode::Update(UpdateVersion { e_tag: Some(e_tag), version: None }),
        };
        let content_type = if body.starts_with(PNG) { "image/png" } else { "application/json" };
        let attributes = Attributes::from_iter([(Attribute::ContentType, content_type)]);
        match self.store.put_opts(&path, body.into(), PutOptions { mode, attributes, ..PutOptions::default() }).await {
            Ok(put) => Ok(version(put.e_tag)),
            // What is created needs nothing but the container.
            Err(error @ Error::NotFound { .. }) if creates => {
                Err(StoreError::Unavailable { action, source: Box::new(refusal::NoContainer { source: Some(error) }) })
            }
            Err(error) if refusal::is_no_container(&error) => Err(unavailable(action, error)),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. }) => {
                Err(StoreError::Conflict { key: key.to_owned() })
            }
            Err(error) => Err(unavailable(action, error)),
        }
    }

    async fn delete(&self, key: &str, version: &Version) -> Result<(), StoreError> {
        let path = path_of(key)?;
        match self.delete_version(&path, version).await {
            // Of a blob that is gone, some servers say that the condition is not met.
            Ok(Some(false)) if self.get(key).await?.is_some() => Err(StoreError::Conflict { key: key.to_owned() }),
            Ok(_) => Ok(()),
            Err(source) => Err(StoreError::Unavailable { action: format!("delete document {key}"), source }),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
        self.rows(prefix, after, limit).await
    }

    async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Document)>, StoreError> {
        let mut rows = self.rows(prefix, after, usize::MAX).await?.into_iter().map(|row| row.key);
        let mut found: Vec<(String, Document)> = Vec::new();
        // What was deleted since the listing leaves room for more.
        while found.len() < limit {
            let keys: Vec<String> = rows.by_ref().take(limit - found.len()).collect();
            if keys.is_empty() {
                break;
            }
            let reads = keys.into_iter().map(|key| async move {
                let document = self.get(&key).await?;
                Ok::<_, StoreError>(document.map(|document| (key, document)))
            });
            let reads: Vec<_> = reads.collect();
            let read: Vec<Option<_>> = stream::iter(reads).buffered(READ_AT_A_TIME).try_collect().await?;
            found.extend(read.into_iter().flatten());
        }
        Ok(found)
    }
}

/// An ETag as a condition names it: in quotes, which a listing leaves out.
fn version(e_tag: Option<String>) -> Version {
    let e_tag = e_tag.unwrap_or_default();
    Version(if e_tag.ends_with('"') { e_tag } else { format!("\"{e_tag}\"") })
}

/// The blob of a document.
fn path_of(key: &str) -> Result<Path, StoreError> {
    check_key(key)?;
    let invalid = |problem| StoreError::InvalidKey { key: key.to_owned(), problem };
    let path = name::to_path(key).map_err(|_| invalid("it is no path"))?;
    if path.as_ref().len() > MAX_KEY_BYTES {
        return Err(invalid("as the name of a blob, escapes included, it is longer than 1,024 characters"));
    }
    Ok(path)
}

/// Our tokens as `object_store` wants them.
struct Tokens(Arc<dyn Credentials>);

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

#[async_trait]
impl CredentialProvider for Tokens {
    type Credential = AzureCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AzureCredential>> {
        let token = self.0.token(STORAGE_SCOPE).await;
        let token = token.map_err(|source| Error::Generic { store: "sign-in", source: Box::new(source) })?;
        Ok(Arc::new(AzureCredential::BearerToken(token.secret.expose_secret().to_owned())))
    }
}
