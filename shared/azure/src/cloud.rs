//! Which Azure: the hosts and token audiences of a cloud, and to which hosts a token may go.
//!
//! The allow-list lives here because it is a fact about the connection, not about a request: a token is attached only
//! to the configured ARM endpoint, or to a vault under the cloud's vault suffix. No answer can widen it.

use poolwarden_domain::feed::FeedModel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use url::{Host, Url, form_urlencoded};

/// The domains of Service Bus in the clouds. Unverified outside the public one.
const SERVICE_BUS_SUFFIXES: [&str; 3] =
    [".servicebus.windows.net", ".servicebus.usgovcloudapi.net", ".servicebus.chinacloudapi.cn"];
/// The domains of Blob Storage in the clouds. Unverified outside the public one.
const BLOB_STORAGE_SUFFIXES: [&str; 3] =
    [".blob.core.windows.net", ".blob.core.usgovcloudapi.net", ".blob.core.chinacloudapi.cn"];

/// The management interface of the classic service; it was in the public cloud only.
const CLASSIC_BROKER: &str = "https://rdbroker.wvd.microsoft.com";
/// The scope of its tokens, and of tokens for the classic feed.
const CLASSIC_SCOPE: &str = "https://mrs-prod.ame.gbl/mrs-RDInfra-prod/user_impersonation";

/// An Azure cloud.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cloud {
    /// The public cloud.
    #[default]
    Public,
    /// Azure for the US Government.
    UsGovernment,
    /// Azure in China.
    China,
}

/// An endpoint that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The text is no absolute URL with a host.
    #[error("the endpoint `{0}` is not an absolute URL such as https://management.azure.com")]
    NotAUrl(String),
    /// Plain http to somewhere else than this machine would show the token to the network.
    #[error("the endpoint `{0}` must use https: http is accepted for this machine's own addresses only")]
    NotHttps(String),
}

/// Where a connection's requests go, and for which audience its tokens are.
#[derive(Debug, Clone)]
pub struct Endpoints {
    cloud: Cloud,
    authority: Url,
    arm: Url,
    arm_scope: String,
    key_vault_suffix: &'static str,
    key_vault_scope: &'static str,
    /// A stand-in for the vaults, for tests and emulators.
    key_vault_override: Option<Url>,
    graph: Url,
    feed: Url,
    feed_suffix: &'static str,
    feed_scope: &'static str,
    classic: Url,
    /// A stand-in for the instance metadata service, for tests and emulators.
    instance_metadata: Option<Url>,
}

impl Endpoints {
    /// The endpoints of a cloud.
    pub fn of(cloud: Cloud) -> Self {
        let (graph, feed_suffix, feed_scope) = match cloud {
            Cloud::Public => {
                ("https://graph.microsoft.com", ".wvd.microsoft.com", "https://www.wvd.microsoft.com/.default")
            }
            Cloud::UsGovernment => ("https://graph.microsoft.us", ".wvd.azure.us", "https://www.wvd.azure.us/.default"),
            Cloud::China => {
                ("https://microsoftgraph.chinacloudapi.cn", ".wvd.azure.cn", "https://www.wvd.azure.cn/.default")
            }
        };
        let (authority, arm, arm_audience, key_vault_suffix, key_vault_scope) = match cloud {
            Cloud::Public => (
                "https://login.microsoftonline.com",
                "https://management.azure.com",
                "https://management.azure.com",
                ".vault.azure.net",
                "https://vault.azure.net/.default",
            ),
            Cloud::UsGovernment => (
                "https://login.microsoftonline.us",
                "https://management.usgovcloudapi.net",
                "https://management.usgovcloudapi.net",
                ".vault.usgovcloudapi.net",
                "https://vault.usgovcloudapi.net/.default",
            ),
            Cloud::China => (
                "https://login.partner.microsoftonline.cn",
                "https://management.chinacloudapi.cn",
                "https://management.chinacloudapi.cn",
                ".vault.azure.cn",
                "https://vault.azure.cn/.default",
            ),
        };
        let constant = |url: &str| Url::parse(url).expect("the endpoints above are URLs");
        Self {
            cloud,
            authority: constant(authority),
            arm: constant(arm),
            arm_scope: format!("{arm_audience}/.default"),
            key_vault_suffix,
            key_vault_scope,
            key_vault_override: None,
            graph: constant(graph),
            feed: constant(&format!("https://rdweb{feed_suffix}")),
            feed_suffix,
            feed_scope,
            classic: constant(CLASSIC_BROKER),
            instance_metadata: None,
        }
    }

    /// The same with another ARM endpoint. The token's audience stays the cloud's.
    pub fn with_arm(self, url: &str) -> Result<Self, EndpointError> {
        Ok(Self { arm: endpoint(url)?, ..self })
    }

    /// The same with another sign-in authority.
    pub fn with_authority(self, url: &str) -> Result<Self, EndpointError> {
        Ok(Self { authority: endpoint(url)?, ..self })
    }

    /// The same with one stand-in that answers for every vault.
    pub fn with_key_vault(self, url: &str) -> Result<Self, EndpointError> {
        Ok(Self { key_vault_override: Some(endpoint(url)?), ..self })
    }

    /// The same with a stand-in for the instance metadata service of virtual machines (`http://169.254.169.254`).
    pub fn with_instance_metadata(self, url: &str) -> Result<Self, EndpointError> {
        Ok(Self { instance_metadata: Some(endpoint(url)?), ..self })
    }

    /// The same with another address of Microsoft Graph.
    pub fn with_graph(self, url: &str) -> Result<Self, EndpointError> {
        Ok(Self { graph: endpoint(url)?, ..self })
    }

    /// The same with another address at which the user's feed is discovered. Feeds and files may be there too.
    pub fn with_feed(self, url: &str) -> Result<Self, EndpointError> {
        Ok(Self { feed: endpoint(url)?, ..self })
    }

    /// The same with another address of the classic service's management interface.
    pub fn with_classic(self, url: &str) -> Result<Self, EndpointError> {
        Ok(Self { classic: endpoint(url)?, ..self })
    }

    /// The cloud.
    pub fn cloud(&self) -> Cloud {
        self.cloud
    }

    /// The sign-in authority.
    pub fn authority(&self) -> &Url {
        &self.authority
    }

    /// Azure Resource Manager.
    pub fn arm(&self) -> &Url {
        &self.arm
    }

    /// The scope of a token for ARM.
    pub fn arm_scope(&self) -> &str {
        &self.arm_scope
    }

    /// The scope of a token for Key Vault.
    pub fn key_vault_scope(&self) -> &str {
        self.key_vault_scope
    }

    pub(crate) fn key_vault_suffix(&self) -> &str {
        self.key_vault_suffix
    }

    pub(crate) fn key_vault_override(&self) -> Option<&Url> {
        self.key_vault_override.as_ref()
    }

    pub(crate) fn instance_metadata(&self) -> Option<&Url> {
        self.instance_metadata.as_ref()
    }

    /// Microsoft Graph.
    pub fn graph(&self) -> &Url {
        &self.graph
    }

    /// The scope of a token for Microsoft Graph: the cloud's, whatever the address.
    pub fn graph_scope(&self) -> &'static str {
        match self.cloud {
            Cloud::Public => "https://graph.microsoft.com/.default",
            Cloud::UsGovernment => "https://graph.microsoft.us/.default",
            Cloud::China => "https://microsoftgraph.chinacloudapi.cn/.default",
        }
    }

    /// Whether a token for Microsoft Graph may go to this URL.
    pub fn is_graph(&self, url: &Url) -> bool {
        same_origin(&self.graph, url)
    }

    /// Whether Microsoft Graph takes the tokens that are had here: those of a stand-in, be it the sign-in service's or
    /// Azure Resource Manager's, are worth nothing to the cloud's own Graph, and are not sent there.
    pub(crate) fn has_graph(&self) -> bool {
        let cloud = Self::of(self.cloud);
        let is_cloud = same_origin(&self.authority, &cloud.authority) && same_origin(&self.arm, &cloud.arm);
        is_cloud || !same_origin(&self.graph, &cloud.graph)
    }

    /// A URL below Microsoft Graph's endpoint.
    pub(crate) fn graph_url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        below(&self.graph, path.split('/'), query)
    }

    /// Where the user's feed is discovered, for both models.
    pub fn feed(&self) -> &Url {
        &self.feed
    }

    /// The scope of a token for the feed of one model.
    pub fn feed_scope(&self, model: FeedModel) -> &'static str {
        match model {
            FeedModel::Arm => self.feed_scope,
            FeedModel::Classic => CLASSIC_SCOPE,
        }
    }

    /// The management interface of the classic service (RdsManagement).
    pub fn classic(&self) -> &Url {
        &self.classic
    }

    /// Whether a token for the feed may go to this URL: where the feed is discovered, or a host of the service's own
    /// domain, by https. Regional feeds are named by the discovery document, which cannot widen this.
    pub fn is_feed(&self, url: &Url) -> bool {
        let regional = url.scheme() == "https"
            && url.port().is_none()
            && url.host_str().and_then(|host| host.strip_suffix(self.feed_suffix)).is_some_and(|name| {
                !name.is_empty()
                    && name.split('.').all(|label| {
                        !label.is_empty() && label.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
                    })
            });
        same_origin(&self.feed, url) || regional
    }

    /// Whether a token for the classic service may go to this URL.
    pub fn is_classic(&self, url: &Url) -> bool {
        same_origin(&self.classic, url)
    }

    /// Whether an ARM token may go to this URL: scheme, host and port must be the connection's.
    pub fn is_arm(&self, url: &Url) -> bool {
        same_origin(&self.arm, url)
    }

    /// Whether a Key Vault token may go to this URL.
    pub fn is_key_vault(&self, url: &Url) -> bool {
        let stand_in = self.key_vault_override.as_ref().is_some_and(|vault| same_origin(vault, url));
        let vault = url.scheme() == "https"
            && url.port().is_none()
            && url.host_str().and_then(|host| host.strip_suffix(self.key_vault_suffix)).is_some_and(|name| {
                !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
            });
        stand_in || vault
    }

    /// Whether a Service Bus token may go to this URL: a namespace of any cloud, or this machine.
    pub fn is_service_bus(url: &Url) -> bool {
        is_account_of(url, &SERVICE_BUS_SUFFIXES)
    }

    /// Whether a storage token may go to this URL: Blob Storage of any cloud, or this machine.
    pub fn is_blob_storage(url: &Url) -> bool {
        is_account_of(url, &BLOB_STORAGE_SUFFIXES)
    }

    /// The URL of a resource id or path below ARM's endpoint. Each segment is escaped, so a name cannot become a
    /// query or another path.
    pub(crate) fn arm_url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        below(&self.arm, path.split('/').filter(|segment| !segment.is_empty()), query)
    }

    /// The same below the classic service's endpoint; each segment is a name or a key.
    pub(crate) fn classic_url<'a>(&self, path: impl Iterator<Item = &'a str>, query: &[(&str, &str)]) -> Url {
        below(&self.classic, path, query)
    }
}

fn below<'a>(endpoint: &Url, path: impl Iterator<Item = &'a str>, query: &[(&str, &str)]) -> Url {
    let mut url = endpoint.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url.set_query((!query.is_empty()).then(|| query_text(query)).as_deref());
    url
}

/// A query whose blanks are `%20` and whose names keep their `$`, as Azure's own clients write it.
pub(crate) fn query_text(query: &[(&str, &str)]) -> String {
    let escaped = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let pairs: Vec<_> = query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    pairs.join("&")
}

/// Whether the host is one name under one of these domains, by https; or this machine.
fn is_account_of(url: &Url, suffixes: &[&str]) -> bool {
    let name = |suffix: &&str| url.host_str().and_then(|host| host.strip_suffix(*suffix));
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let is_account = url.scheme() == "https" && url.port().is_none() && suffixes.iter().filter_map(name).any(is_name);
    is_account || is_loopback(url)
}

/// Whether a URL is this machine's own.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

/// Scheme, host and port are the same.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_known_default() == b.port_or_known_default()
}

/// An address that tokens may go to: https, or http on this machine.
pub(crate) fn endpoint(text: &str) -> Result<Url, EndpointError> {
    let url = Url::parse(text).map_err(|_| EndpointError::NotAUrl(text.to_owned()))?;
    match url.scheme() {
        _ if !url.has_host() || !url.username().is_empty() || url.password().is_some() => {
            Err(EndpointError::NotAUrl(url.host_str().unwrap_or_default().to_owned()))
        }
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(EndpointError::NotHttps(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_token_goes_to_the_configured_origin_only() {
        let public = Endpoints::of(Cloud::Public);
        assert!(public.is_arm(&url("https://management.azure.com/subscriptions?x=1")));
        assert!(public.is_arm(&url("https://MANAGEMENT.azure.com:443/")));
        for foreign in [
            "http://management.azure.com/",
            "https://management.azure.com:8443/",
            "https://management.azure.com.example.net/",
            "https://example.net/?https://management.azure.com",
            "https://management.usgovcloudapi.net/",
        ] {
            assert!(!public.is_arm(&url(foreign)), "{foreign}");
        }
    }

    #[test]
    fn a_vault_token_goes_to_vaults_only() {
        let public = Endpoints::of(Cloud::Public);
        assert!(public.is_key_vault(&url("https://keys-1.vault.azure.net/secrets/n")));
        for foreign in [
            "http://keys.vault.azure.net/",
            "https://vault.azure.net/",
            "https://a.b.vault.azure.net/",
            "https://keys.vault.azure.net.example.net/",
            "https://keys.vault.azure.net:444/",
            "https://keysvault.azure.net/",
        ] {
            assert!(!public.is_key_vault(&url(foreign)), "{foreign}");
        }
        assert!(Endpoints::of(Cloud::China).is_key_vault(&url("https://k.vault.azure.cn/")));
    }

    #[test]
    fn a_feed_token_goes_to_the_service_and_where_it_is_discovered() {
        let public = Endpoints::of(Cloud::Public);
        for ours in ["https://rdweb.wvd.microsoft.com/api", "https://rdweb-g-eu-r1.wvd.microsoft.com/x"] {
            assert!(public.is_feed(&url(ours)), "{ours}");
        }
        for foreign in [
            "http://rdweb.wvd.microsoft.com/",
            "https://wvd.microsoft.com/",
            "https://rdweb.wvd.microsoft.com:8443/",
            "https://rdweb.wvd.microsoft.com.example.net/",
            "https://rdwebwvd.microsoft.com/",
            "https://rdweb.wvd.azure.us/",
        ] {
            assert!(!public.is_feed(&url(foreign)), "{foreign}");
        }
        let local = public.with_feed("http://127.0.0.1:7998").unwrap();
        assert!(local.is_feed(&url("http://127.0.0.1:7998/api/arm/feeddiscovery")));
        assert!(!local.is_feed(&url("http://127.0.0.1:7999/")));
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for local in ["http://127.0.0.1:7071", "http://localhost:1", "http://[::1]:1/"] {
            Endpoints::of(Cloud::Public).with_arm(local).unwrap();
        }
        for refused in
            ["http://10.0.0.1", "http://example.net", "ftp://localhost", "management.azure.com", "https://u:p@h/"]
        {
            Endpoints::of(Cloud::Public).with_arm(refused).unwrap_err();
        }
    }

    #[test]
    fn names_are_escaped_into_urls() {
        let endpoints = Endpoints::of(Cloud::Public).with_arm("http://127.0.0.1:1/base/").unwrap();
        let url = endpoints.arm_url("/subscriptions/s/x/a b?c#d/ü%2e/../z", &[("$filter", "a eq 'b c'")]);
        assert_eq!(
            url.as_str(),
            "http://127.0.0.1:1/base/subscriptions/s/x/a%20b%3Fc%23d/%C3%BC%252e/z?$filter=a%20eq%20%27b%20c%27"
        );
    }
}
