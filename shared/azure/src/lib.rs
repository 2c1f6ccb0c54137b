//! Adapters to Azure: one file a port.
//!
//! * [`Inventory`]: an estate, read from Azure ([`AzureInventory`]), from a user's feed
//!   ([`FeedInventory`]), from Azure Virtual Desktop (classic) ([`ClassicInventory`]) or from files ([`FileInventory`]).
//! * [`DirectoryReader`]: a tenant's directory, read from Microsoft Graph.
//! * [`AccessReader`]: who may do what to an estate, read from Azure; [`read_access_files`]: the same from files.
//! * [`Credentials`]: tokens from Microsoft Entra ([`sign_in()`]).
//! * [`SecretRef`] and [`KeyVault`]: where secrets are, never the secrets.
//! * [`ServiceBus`] and [`BlobDocuments`]: messages and documents in Azure.
//! * [`WebhookSender`]: signed notifications. [`verify`]: the same signature on what others send.
//! * [`TokenVerifier`]: tokens of Microsoft Entra that callers bring.
//!
//! Only this crate speaks HTTP to Azure. No token or secret leaves it in an error, a log line or a debug form.

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that meets nothing where something must be shall fail"))]

mod aadsts;
mod access;
mod activity_log;
mod answers;
mod app_expiry;
mod arm;
mod arm_estate;
mod azure_inventory;
mod blob;
mod bucket;
mod certificate;
mod classic;
mod cloud;
mod device_code;
mod directory;
mod entra;
mod feed;
mod files;
mod http;
mod identity;
mod inventory;
mod key_vault;
mod listing;
mod rate_headers;
mod refresh_token;
mod resource_graph;
mod role_assignments;
mod roles;
mod ropc;
mod secret;
mod service_bus;
#[cfg(feature = "servicebus-sdk")]
mod service_bus_sdk;
mod sign_in;
#[cfg(test)]
mod testing;
mod throttle;
mod token_cache;
mod token_endpoint;
mod versions;
mod webhook;
mod webhook_in;
mod wire;

pub use aadsts::SignInProblem;
pub use access::{AccessFiles, AccessRead, AccessReader, AccessWanted, Depth, read_access_files};
pub use app_expiry::credential_end;
pub use arm::Shared;
pub use azure_inventory::AzureInventory;
pub use blob::{BlobDocuments, BlobSetUpError};
pub use classic::{ClassicInventory, ClassicRoles, ClassicSettings, RdsChanged, RdsRead, read_rds_files};
pub use cloud::{Cloud, EndpointError, Endpoints};
pub use device_code::DeviceCodeSignIn;
pub use directory::{DirectoryMemory, DirectoryRead, DirectoryReader, GraphDirectory, Wanted};
pub use entra::{Caller, TokenError, TokenVerifier, TrustedCallers};
pub use feed::{DEFAULT_FEED_USER_AGENT, FeedInventory, FeedLook, FeedSettings, FeedShared};
pub use files::{FileInventory, OpenError};
pub use http::{Http, HttpSetUpError};
pub use inventory::{Inventory, Listing, Requests, WantedPool};
pub use key_vault::{KeyVault, KeyVaultError};
pub use refresh_token::TokenPlace;
pub use role_assignments::{Around, Granted, NewRoleAssignment, Removed, RoleAssignments};
pub use secret::{SecretError, SecretRef};
pub use service_bus::{ServiceBus, ServiceBusError};
#[cfg(feature = "servicebus-sdk")]
pub use service_bus_sdk::SdkServiceBus;
pub use sign_in::{ANY_ORGANIZATION, AVD_CLIENT, AccessToken, Credential, Credentials, SignInError, sign_in};
pub use webhook::{SendError, SigningSecretError, WebhookSender, sign};
pub use webhook_in::{SignatureError, Signed, TOLERANCE, is_strong, precheck, verify};
