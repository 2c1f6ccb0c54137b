//! Every api-version and every wire detail that was not seen first-hand, in one place, so that a correction is one
//! line. What is marked "unverified" comes from documents only.

/// Microsoft.DesktopVirtualization: the stable version of the published specification.
pub(crate) const DESKTOP_VIRTUALIZATION: &str = "2025-10-10";
/// Role assignments and role definitions.
pub(crate) const AUTHORIZATION: &str = "2022-04-01";
/// Instances of Privileged Identity Management.
pub(crate) const PIM: &str = "2020-10-01";
/// Classic administrators of a subscription.
pub(crate) const CLASSIC_ADMINISTRATORS: &str = "2015-07-01";
/// Virtual machines.
pub(crate) const COMPUTE: &str = "2024-11-01";
/// Key vaults as resources, and the names of their secrets.
pub(crate) const KEY_VAULT_RESOURCES: &str = "2023-07-01";
/// Diagnostic settings. Unverified: no stable version lists them.
pub(crate) const DIAGNOSTIC_SETTINGS: &str = "2021-05-01-preview";
/// What a Recovery Services vault protects.
pub(crate) const BACKUP: &str = "2023-04-01";
/// Which data collection rules reach a resource.
pub(crate) const DATA_COLLECTION: &str = "2022-06-01";
/// File shares of a storage account.
pub(crate) const FILE_SHARES: &str = "2023-05-01";
/// What Privileged Identity Management answers in a tenant that is not licensed for it: there are no instances then.
/// Unverified.
pub(crate) const PIM_NOT_LICENSED: &str = "AadPremiumLicenseRequired";
/// `GET /subscriptions`.
pub(crate) const SUBSCRIPTIONS: &str = "2022-12-01";
/// Azure Resource Graph.
pub(crate) const RESOURCE_GRAPH: &str = "2022-10-01";
/// The activity log (`Microsoft.Insights/eventtypes/management/values`).
pub(crate) const ACTIVITY_LOG: &str = "2015-04-01";
/// Secrets in Key Vault.
pub(crate) const KEY_VAULT: &str = "7.4";

/// Where the feed is discovered, below its host: Azure Resource Manager's and the classic one.
pub(crate) const FEED_DISCOVERY_ARM: &str = "/api/arm/feeddiscovery";
/// See above.
pub(crate) const FEED_DISCOVERY_CLASSIC: &str = "/api/feeddiscovery/webfeeddiscovery.aspx";
/// What a client of the feed accepts when it looks for workspaces …
pub(crate) const FEED_DISCOVERY_ACCEPT: &str = "application/x-msts-radc-discovery+xml,text/xml";
/// … and when it asks one what it offers.
pub(crate) const FEED_ACCEPT: &str = "application/x-msts-radc+xml;radc_schema_version=2.0,text/xml";
/// The header in which a client of the feed says which it is; without it the service answers 400.
pub(crate) const FEED_USER_AGENT_HEADER: &str = "x-ms-user-agent";
/// What stands in it unless a connection says otherwise. The service cuts old clients off: this ages.
pub const DEFAULT_FEED_USER_AGENT: &str = "com.microsoft.rdc.html/2.0.79.2 rdhtml-sdk/2.0.4";
/// What the feed's answer says when it no longer takes the client in that header.
pub(crate) const FEED_CLIENT_TOO_OLD: &str = "INCOMPATIBLE_CLIENT_VERSION";

/// The scope of a token for Service Bus. Unverified outside the public cloud.
pub(crate) const SERVICE_BUS_SCOPE: &str = "https://servicebus.azure.net/.default";
/// The scope of a token for Blob Storage.
pub(crate) const STORAGE_SCOPE: &str = "https://storage.azure.com/.default";
/// Blob Storage, where object_store has no request of its own.
pub(crate) const BLOB_STORAGE: &str = "2023-11-03";
/// The property in which Service Bus clients, and the Functions host, carry the W3C trace context. Unverified.
pub(crate) const SERVICE_BUS_TRACE_PROPERTY: &str = "Diagnostic-Id";
/// The largest batch in bytes: 256 KiB on the standard tier, less room for what the broker adds to each message.
pub(crate) const SERVICE_BUS_BATCH_BYTES: usize = 192 << 10;
/// The most messages in a batch. Unverified; the byte limit is met first with messages such as ours.
pub(crate) const SERVICE_BUS_BATCH_MESSAGES: usize = 1_000;

/// Resource Graph's option to return grants made above the subscription too (management groups); without it they
/// are left out silently. Unverified.
pub(crate) const AUTHORIZATION_SCOPE_FILTER: &str = "AtScopeAboveAndBelow";
/// Rows a page that Resource Graph allows at most.
pub(crate) const RESOURCE_GRAPH_TOP: u32 = 1_000;
/// Subscriptions that one Resource Graph query may name. Unverified.
pub(crate) const RESOURCE_GRAPH_SUBSCRIPTIONS: usize = 1_000;

/// The data action for app attach packages; part of the built-in role Desktop Virtualization User.
pub(crate) const USE_PACKAGES: &str = "Microsoft.DesktopVirtualization/appAttachPackages/useApplications/action";
/// The built-in roles that grant no such data action: their assignments say nothing about who may open what.
pub(crate) const ROLES_WITHOUT_USE: [&str; 22] = [
    "082f0a83-3be5-4ba1-904c-961cca79b387",
    "49a72310-ab8d-41df-bbb0-79b649203868",
    "e307426c-f9b6-4e81-87de-d99efb3c32bc",
    "ceadfde2-b300-400a-ab7b-6143895aa822",
    "86240b0e-9422-4c43-887b-b61143f32ba8",
    "aebf23d0-b568-4e86-b8f9-fe83a2c6ab55",
    "21efdde3-836f-432b-bf3d-3e8e734d4b2b",
    "0fa44ee9-7a7d-466b-9bb2-2bf446b1204d",
    "2ad6aaab-ead9-4eaa-8ac5-da422f562408",
    "ea4bfff8-7fb4-485a-aadd-d4129a0ffaa6",
    "489581de-a3bd-480d-9518-53dea7416b33",
    "40c5ff49-9181-41f8-ae61-143b0e78555e",
    "a959dbd1-f747-45e3-8ba6-dd80f235f97c",
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
    "fb879df8-f326-4884-b1cf-06f3ad86be52",
    "1c0163c0-47e6-4577-8991-ea5c82e286e4",
    // Log Analytics Reader and Monitoring Reader.
    "73c42c96-874c-492b-b04d-ab87d138a893",
    "43d0d8ad-25c7-4714-9337-8ba259a9fe05",
];

/// The version of Microsoft Graph, as it stands in every path.
pub(crate) const GRAPH: &str = "v1.0";
/// What is asked of principals by their ids. `getByIds` answers a short default set without it; that it takes `$select`
/// is not in its reference but in the service's own issue tracker (microsoft-graph-docs, issue 6783). Unverified: what
/// a user lacks all the same is asked for by another way.
pub(crate) const GRAPH_PRINCIPALS: &str = "id,displayName,userPrincipalName,userType,accountEnabled,isAssignableToRole,visibility,appId,servicePrincipalType,appOwnerOrganizationId";
/// Ids that one `getByIds` takes.
pub(crate) const GRAPH_IDS: usize = 1_000;
/// Ids or names that an `in (…)` of a filter takes.
pub(crate) const GRAPH_IN: usize = 15;
/// Groups that one delta query follows.
pub(crate) const GRAPH_DELTA_GROUPS: usize = 50;
/// Requests that one `$batch` takes.
pub(crate) const GRAPH_BATCH: usize = 20;
/// The service principals in a group, which the plain list of members leaves out (a known issue of v1.0). That the
/// cast brings them, with `ConsistencyLevel: eventual` and `$count`, is unverified.
pub(crate) const GRAPH_SERVICE_PRINCIPAL_MEMBERS: &str = "microsoft.graph.servicePrincipal";
