//! A request as the simulator sees it: read whole, its path decoded once, and
//! assigned to one of the interfaces that are simulated.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

use crate::{auth::token::Resource, key_vault, reply::Reply, service_bus};

/// The largest body that is read, in bytes (an ARM request may have 4 MB).
const MAX_BODY: usize = 4 * 1024 * 1024;

/// What is escaped in a query: all but the characters that never need it.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What is in the lower-case path of every request to the AVD provider.
const AVD_PATH: &str = "/providers/microsoft.desktopvirtualization/";

/// The simulated interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Api {
    Arm,
    ResourceGraph,
    ActivityLog,
    Token,
    ManagedIdentity,
    Discovery,
    ServiceBus,
    /// The user feed of the current model.
    Feed,
    /// The user feed of the classic model.
    ClassicFeed,
    /// The classic model's management.
    Classic,
    /// Microsoft Graph.
    Directory,
    /// The data plane of key vaults.
    KeyVault,
    Control,
}

impl Api {
    /// The name used in `/_sim/stats`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Arm => "arm",
            Self::ResourceGraph => "resource_graph",
            Self::ActivityLog => "activity_log",
            Self::Token => "token",
            Self::ManagedIdentity => "managed_identity",
            Self::Discovery => "discovery",
            Self::ServiceBus => "service_bus",
            Self::Feed => "feed",
            Self::ClassicFeed => "classic_feed",
            Self::Classic => "classic",
            Self::Directory => "microsoft_graph",
            Self::KeyVault => "key_vault",
            Self::Control => "control",
        }
    }

    /// Whether it is called with a bearer token.
    pub(crate) fn needs_token(self) -> bool {
        self.resource().is_some()
    }

    /// What the bearer token must be for.
    pub(crate) fn resource(self) -> Option<Resource> {
        match self {
            Self::Arm | Self::ResourceGraph | Self::ActivityLog => Some(Resource::Arm),
            Self::ServiceBus => Some(Resource::ServiceBus),
            Self::Feed => Some(Resource::Feed),
            Self::ClassicFeed | Self::Classic => Some(Resource::Classic),
            Self::Directory => Some(Resource::Directory),
            Self::KeyVault => Some(Resource::KeyVault),
            Self::Token | Self::ManagedIdentity | Self::Discovery | Self::Control => None,
        }
    }

    /// Whether it is one of the user feeds, which answer with XML and files.
    pub(crate) fn is_feed(self) -> bool {
        matches!(self, Self::Feed | Self::ClassicFeed)
    }
}

/// A request, read and decoded.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) api: Api,
    pub(crate) method: Method,
    /// The decoded path, without a trailing slash.
    pub(crate) path: String,
    /// The same in lower case.
    pub(crate) lower: String,
    /// Path and query as sent.
    pub(crate) raw: String,
    /// Scheme and host as the client addressed them.
    pub(crate) origin: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    query: Vec<(String, String)>,
}

impl Request {
    pub(crate) async fn read(request: axum::http::Request<Body>) -> Result<Self, Reply> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, MAX_BODY).await.map_err(|_| {
            Reply::error(413, "RequestEntityTooLarge", "The request body cannot be read or is too large.")
        })?;
        let host = parts
            .headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .or_else(|| parts.uri.authority().map(axum::http::uri::Authority::as_str))
            .unwrap_or("localhost");
        let origin = format!("http://{host}");
        let raw = parts.uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str).to_owned();
        Ok(Self::assemble(parts.method, raw, origin, parts.headers, body))
    }

    /// A request that came within another one, as in a batch: `url` is a path
    /// with a query. `None` when a header is none.
    pub(crate) fn within(&self, method: Method, url: &str, headers: &[(&str, &str)], body: String) -> Option<Self> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            all.insert(name, HeaderValue::from_str(value).ok()?);
        }
        Some(Self::assemble(method, url.to_owned(), self.origin.clone(), all, Bytes::from(body)))
    }

    fn assemble(method: Method, raw: String, origin: String, headers: HeaderMap, body: Bytes) -> Self {
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (path, query) = raw.split_once('?').unwrap_or((&raw, ""));
        let path = decode(path);
        let path = format!("/{}", path.trim_matches('/'));
        let lower = path.to_ascii_lowercase();
        let query = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(name), decode(&value.replace('+', " ")))
            })
            .collect();
        let api = if service_bus::Address::is_one(&raw) {
            Api::ServiceBus
        } else if key_vault::is_one(&origin, &lower) {
            Api::KeyVault
        } else {
            api_of(&lower)
        };
        Self { api, method, path, lower, raw, origin, headers, body, query }
    }

    /// A query parameter by name, compared without regard to case.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The address of the page after this one: the same query with another
    /// `$skipToken`.
    pub(crate) fn next_link(&self, skip_token: &str) -> String {
        let encode = |text: &str| utf8_percent_encode(text, QUERY).to_string();
        let kept = self
            .query
            .iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case("$skipToken") && !name.eq_ignore_ascii_case("initialSkip"));
        let pairs: Vec<String> = kept
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .chain([format!("%24skipToken={}", encode(skip_token))])
            .collect();
        let path = self.raw.split('?').next().unwrap_or(&self.raw);
        format!("{}{path}?{}", self.origin, pairs.join("&"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, Reply> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Reply::error(
                400,
                "InvalidRequestContent",
                &format!("The request content was invalid and could not be deserialized: '{error}'."),
            )
        })
    }

    /// The segments of the decoded path.
    pub(crate) fn segments(&self) -> Vec<&str> {
        self.path.split('/').skip(1).collect()
    }

    /// What is counted in `/_sim/stats`: the method and the kind of thing.
    pub(crate) fn operation(&self) -> String {
        let what = match self.api {
            Api::Arm => self.arm_type(),
            Api::Directory => self.directory_type(),
            other => other.name().to_owned(),
        };
        format!("{} {what}", self.method)
    }

    /// The ARM type a path is about, such as `applicationGroups/applications`.
    fn arm_type(&self) -> String {
        let segments = self.segments();
        let provider = segments.iter().rposition(|segment| segment.eq_ignore_ascii_case("providers"));
        match provider {
            Some(at) if at + 2 < segments.len() => {
                segments[at + 2..].iter().step_by(2).copied().collect::<Vec<_>>().join("/")
            }
            _ if segments.len() > 2 => segments[2].to_owned(),
            _ => "subscriptions".to_owned(),
        }
    }

    /// What of Microsoft Graph a path is about, without the ids in it, such as
    /// `microsoft_graph groups/members`.
    fn directory_type(&self) -> String {
        let segments = self.lower.split('/').skip(2).map(|segment| segment.split('(').next().unwrap_or(segment));
        let names: Vec<&str> = segments.filter(|segment| !segment.contains('-') && !segment.contains('@')).collect();
        format!("{} {}", self.api.name(), names.join("/"))
    }

    /// The subscription in the path, if it names one.
    pub(crate) fn subscription(&self) -> Option<&str> {
        let rest = self.lower.strip_prefix("/subscriptions/")?;
        rest.split('/').next().filter(|id| !id.is_empty())
    }

    /// Whether it addresses a list of session hosts.
    pub(crate) fn lists_session_hosts(&self) -> bool {
        self.method == Method::GET && self.lower.ends_with("/sessionhosts") && self.is_avd()
    }

    /// Whether it addresses the AVD provider.
    pub(crate) fn is_avd(&self) -> bool {
        self.lower.contains(AVD_PATH)
    }
}

fn api_of(lower: &str) -> Api {
    if lower == "/_sim" || lower.starts_with("/_sim/") {
        Api::Control
    } else if lower == "/msi/token" || lower == "/metadata/identity/oauth2/token" {
        Api::ManagedIdentity
    } else if ["/oauth2/v2.0/token", "/oauth2/token", "/oauth2/v2.0/devicecode"].iter().any(|end| lower.ends_with(end))
    {
        Api::Token
    } else if lower.ends_with("/.well-known/openid-configuration")
        || lower.ends_with("/discovery/instance")
        || lower.ends_with("/discovery/v2.0/keys")
    {
        Api::Discovery
    } else if is_below(lower, &["/api/arm/feeddiscovery", "/api/arm/feed"]) {
        Api::Feed
    } else if is_below(lower, &["/api/feeddiscovery", "/api/feed"]) {
        Api::ClassicFeed
    } else if is_below(lower, &["/rdsmanagement"]) {
        Api::Classic
    } else if is_below(lower, &["/v1.0", "/beta"]) {
        Api::Directory
    } else if lower == "/providers/microsoft.resourcegraph/resources" {
        Api::ResourceGraph
    } else if lower.ends_with("/providers/microsoft.insights/eventtypes/management/values") {
        Api::ActivityLog
    } else {
        Api::Arm
    }
}

/// Whether a path is one of some others, or lies below it.
fn is_below(lower: &str, ancestors: &[&str]) -> bool {
    ancestors
        .iter()
        .any(|ancestor| lower.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}
