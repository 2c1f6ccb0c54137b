//! An Azure to run against: ARM for Azure Virtual Desktop, authorization and
//! whatever else is planted, the activity log, Resource Graph, Microsoft Graph,
//! the lists of key vaults, a Service Bus namespace, and the endpoints that hand
//! out tokens, over plain HTTP, with planted estates, true paging and
//! throttling, and faults on demand. It is for tests and measurements only: it is no proof that the real
//! Azure answers alike, and it keeps nothing when it stops.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use simulator::{EstateSpec, Options, Simulator};
//!
//! let options = Options { estate: EstateSpec::built_in("small")?, ..Options::default() };
//! let running = Simulator::start(options).await?;
//! println!("ARM at {}, token {}", running.url(), running.token());
//! running.shutdown().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Service Bus
//! The namespace has the address of everything else, and no prefix:
//! `/{queue}/messages`. A request needs a token for
//! `https://servicebus.azure.net`, such as [`Running::token_for`] makes. Queues
//! are made by [`Options::queues`], [`Running::put_queue`] or `/_sim`.
//!
//! # Sign-in and the user feed
//! Entra's token endpoint takes passwords, device codes, refresh tokens and
//! client credentials; the name of an account decides what happens to it
//! (`GET /_sim/feed` lists the rules: `aadsts50126@…` is refused with that
//! code, `none@…` has no workspace, any other sees all). The feed of the
//! current model is at `/api/arm/feeddiscovery`, the classic one at
//! `/api/feeddiscovery/webfeeddiscovery.aspx`, classic management at
//! `/RdsManagement/V1`; each takes only tokens for itself. `GET /_sim/feed/expected?account=…` tells what
//! an account should see, and `/_sim/stats` counts `sign_in_attempts` by
//! account, grant and outcome.
//!
//! # Access and the directory
//! Role assignments, deny assignments and PIM instances stand at any scope, up
//! to management groups and `/`; role assignments are made and removed with
//! PUT and DELETE, and nobody's rights are simulated: faults refuse. Microsoft
//! Graph is at `/v1.0`: users, groups with their members, service principals
//! and what they may do, `directoryObjects/getByIds`, `groups/delta` and
//! `$batch`. Applications are refused until `PUT /_sim/graph/applications`
//! allows them, and hidden memberships always look empty. A vault lists its
//! secrets and certificates below `/vaults/{name}` or at its own host; values
//! it has none.
//!
//! `POST /_sim/graph/change` changes the directory, `POST /_sim/plant` adds
//! resources of other providers, management groups, roles and grants of every
//! kind, and `POST /_sim/graph/forget-deltas` makes all delta links answer 410.
//! Each takes an array of `{"op": …}`.
//!
//! # Audits
//! An estate whose file has `[audit] clean = true` (`audit`, `audit-clean`) has
//! a directory, roles, networks and machines with which nothing is wrong, but
//! for what `plant` names: `"all"`, or a list of rules. `GET /_sim/violations`
//! ([`Running::violations`]) lists all that is wrong, with the policy to judge
//! it by.
//!
//! # Faults
//! A fault is written `KIND[:key=value,…]`:
//!
//! | kind | what happens | keys of its own |
//! |---|---|---|
//! | `429` | refused as throttled | `retry_after=`seconds, `date`, `none` or `garbage` (1) |
//! | `503` | refused as unavailable | |
//! | `403` | refused as not authorized | `scope=` an ARM path, or `resourcegraph` |
//! | `404`, `410` | refused as not found, or as gone | |
//! | `cut` | done, but the connection ends in the middle of the body, or before an answer that has none | |
//! | `truncate` | the body ends half-way, with a length that matches | |
//! | `malformed` | 200 with a web page that breaks off | |
//! | `html` | 200 with a whole web page, as a portal in between gives it | |
//! | `slow` | answered late | `ms=` (1000) |
//! | `expired-token` | 401 as if the token had expired | |
//!
//! All take `path=` (hit only requests whose path or query contains it; without
//! it, all that need a token), `rate=` (0 to 1), `after=` (spare the first N
//! matching requests) and `count=` (hit at most N). What is below the scope of
//! an unconditional `403` also disappears from lists and from Resource Graph;
//! where that scope is within a subscription, a deny assignment says so.
//! Each request within a `$batch` meets the faults by its own path.

mod admin;
mod arm;
mod auth;
mod classic;
mod clock;
mod dice;
mod dispatch;
mod estate;
mod fault;
mod feed;
mod graph;
mod key_vault;
mod microsoft_graph;
mod options;
mod reply;
mod request;
mod server;
mod service_bus;
mod state;
mod stats;
mod throttle;
mod world;

pub use clock::Clock;
pub use estate::{
    audit::Violation,
    bodies::REGISTRATION_SECRET_PREFIX,
    spec::{AuditSpec, EstateSpec, Planted},
};
pub use fault::Fault;
pub use options::{
    Client, DEFAULT_AVD_LIMIT, DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_IDENTITY_HEADER, Options, ThrottleMode,
};
pub use server::{Running, Simulator, planted};
pub use service_bus::{DEFAULT_QUEUES, QueueSpec};
