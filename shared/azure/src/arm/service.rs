//! Whom the client asks, and what differs between them.

use super::Call;
use crate::cloud::Endpoints;
use crate::throttle::Kind;
use poolwarden_domain::feed::FeedModel;
use rand::RngExt;
use reqwest::Method;
use url::Url;

/// The header that the classic service finds a request by, and that its support asks for.
pub(super) const CORRELATION_ID: &str = "x-ms-correlation-id";

/// Whom a client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Azure Resource Manager, and what it hosts.
    Arm,
    /// The management interface of Azure Virtual Desktop (classic).
    Classic,
    /// Microsoft Graph.
    Graph,
    /// Key vaults: the names of what is in them.
    KeyVault,
}

impl Service {
    /// Whether a token may go to this URL.
    pub(super) fn may_ask(self, endpoints: &Endpoints, url: &Url) -> bool {
        match self {
            Self::Arm => endpoints.is_arm(url),
            Self::Classic => endpoints.is_classic(url),
            Self::Graph => endpoints.is_graph(url),
            Self::KeyVault => endpoints.is_key_vault(url),
        }
    }

    /// How it is asked. A write with a body makes something, at a URL of its own (PUT) or in a list (POST).
    pub(super) fn method(self, call: &Call) -> Method {
        match (call.meter.kind, &call.body) {
            (Kind::Write, None) => Method::DELETE,
            (Kind::Write, Some(_)) if self == Self::Arm => Method::PUT,
            (_, Some(_)) => Method::POST,
            (_, None) => Method::GET,
        }
    }

    /// Whether asking twice does no more than asking once: all but what is put into a list.
    pub(super) fn may_repeat(self, call: &Call) -> bool {
        call.meter.kind != Kind::Write || self.method(call) != Method::POST
    }

    /// The scope of the tokens.
    pub(super) fn scope(self, endpoints: &Endpoints) -> &str {
        match self {
            Self::Arm => endpoints.arm_scope(),
            Self::Classic => endpoints.feed_scope(FeedModel::Classic),
            Self::Graph => endpoints.graph_scope(),
            Self::KeyVault => endpoints.key_vault_scope(),
        }
    }

    /// What a call asks for and of what, for a person.
    pub(crate) fn subject(self, call: &Call) -> String {
        match self {
            Self::Arm | Self::Classic | Self::KeyVault => format!("{} of {}", call.what, call.scope),
            Self::Graph => format!("{} of the directory", call.what),
        }
    }

    /// What to grant to whoever may not ask this.
    pub(crate) fn advice(self, call: &Call) -> String {
        match self {
            Self::Arm | Self::Classic | Self::KeyVault => format!("grant {} on {}", call.role, call.scope),
            Self::Graph => format!("grant the permission {} of Microsoft Graph", call.role),
        }
    }
}

/// A new id that tells nothing: a random GUID (version 4).
pub(super) fn correlation_id() -> String {
    let mut dice: rand::rngs::StdRng = rand::make_rng();
    let bits = (dice.random::<u128>() & !(0xf << 76) & !(0b11 << 62)) | (4 << 76) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
