//! A feed service for these tests, and how they look at it.

mod documents;
mod estate;
mod generated;
mod listing;
mod refusals;
mod throughput;
mod tokens;

use super::{FeedInventory, FeedLook, FeedSettings, FeedShared};
use crate::cloud::{Cloud, Endpoints};
use crate::http::Http;
use crate::inventory::{Inventory, Listing};
use crate::testing::FixedToken;
use jiff::Timestamp;
use poolwarden_domain::estate::{Estate, Resource, ResourceKind};
use poolwarden_domain::feed::{self, FeedModel};
use poolwarden_domain::policy::Scope;
use poolwarden_domain::{ArmId, Reading, Why};
use std::fmt::Write;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const DISCOVERY: &str = "/api/arm/feeddiscovery";
/// A look by a handle of its own.
const NEW: FeedLook = FeedLook { since: Timestamp::MAX, anew: false };
const CLASSIC_DISCOVERY: &str = "/api/feeddiscovery/webfeeddiscovery.aspx";
/// An icon as feeds have them.
static PNG: LazyLock<Vec<u8>> = LazyLock::new(|| picture("Word"));
const RDP: &str = "full address:s:rdgateway.wvd.microsoft.com\r\narmpath:s:/subscriptions/00000000-0000-0000-0000-000000000001/resourcegroups/g/providers/Microsoft.DesktopVirtualization/hostpools/p\r\nsignature:s:AQAB\r\n";

/// A PNG that shows the first letters of this.
fn picture(name: &str) -> Vec<u8> {
    poolwarden_domain::icon::placeholder(ResourceKind::RemoteApp, name).png.to_vec()
}

fn discovery_of(feeds: &[(&str, &str)]) -> String {
    let mut xml = r#"<TenantFeedURLs xmlns="http://schemas.microsoft.com/ts/2014/03/tswfdiscovery">"#.to_owned();
    for (workspace, url) in feeds {
        let named =
            format!(r#"TenantId="{workspace}" WorkspaceName="Name of {workspace}" TenantDisplayName="Contoso""#);
        write!(xml, r#"<TenantFeedURL {named} FeedURL="{url}" Geo="EU"/>"#).unwrap();
    }
    xml + "</TenantFeedURLs>"
}

fn feed_of(resources: &[String]) -> String {
    let (head, tail) = (
        r#"<ResourceCollection SchemaVersion="2.1" PubDate="2026-01-01T00:00:00Z" xmlns="http://schemas.microsoft.com/ts/2007/05/tswf"><Publisher Name="p" ID="p" LastUpdated="2026-01-01T00:00:00Z" Description=""><Resources>"#,
        r#"</Resources><TerminalServers/></Publisher></ResourceCollection>"#,
    );
    format!("{head}{}{tail}", resources.concat())
}

/// A RemoteApp or desktop as a feed of Azure's writes it, with one icon.
fn resource(kind: &str, id: &str) -> String {
    resource_with(kind, id, "2026-01-01T00:00:00Z", &[(32, "")], "w1")
}

/// The same with a time, icons of these edges at these addresses (its own where there is none), and the workspace in
/// its file's address.
fn resource_with(kind: &str, id: &str, updated: &str, icons: &[(u32, &str)], workspace: &str) -> String {
    let mut xml = format!(
        r#"<Resource ID="xml-{id}" Alias="alias" Title="Title of {id}" LastUpdated="{updated}" Type="{kind}" ExecutableName="{id}.exe"><Icons>"#
    );
    for (edge, url) in icons {
        let own = format!("/files/{id}-{edge}.png?sig=secret");
        let url = if url.is_empty() { &own } else { *url };
        write!(xml, r#"<Icon{edge} Dimensions="{edge}x{edge}" FileType="Png" FileURL="{url}"/>"#).unwrap();
    }
    let file = format!("/api/arm/feeddiscovery/tenants/{workspace}/rdps/{id}.rdp?sig=secret");
    xml + &format!(
        r#"</Icons><FileExtensions/><Folders><Folder Name="/Office"/></Folders><HostingTerminalServers><HostingTerminalServer><ResourceFile FileExtension=".rdp" URL="{file}"/><TerminalServerRef Ref="p"/></HostingTerminalServer></HostingTerminalServers></Resource>"#
    )
}

/// A service with one account; what is mounted first answers first.
struct Service {
    server: MockServer,
    credentials: Arc<FixedToken>,
    shared: Arc<FeedShared>,
}

impl Service {
    async fn empty() -> Self {
        let (server, credentials) = (MockServer::start().await, Arc::<FixedToken>::default());
        let endpoints = Endpoints::of(Cloud::Public).with_feed(&server.uri()).unwrap();
        let shared = FeedShared::new(Http::new().unwrap(), Arc::clone(&credentials) as _, endpoints);
        Self { server, credentials, shared: Arc::new(shared.with_pause(Duration::from_millis(1))) }
    }

    /// With these workspaces, each with its feed at `/feeds/{workspace}`.
    async fn with(workspaces: &[&str]) -> Self {
        let service = Self::empty().await;
        let urls: Vec<String> = workspaces.iter().map(|workspace| format!("/feeds/{workspace}")).collect();
        let feeds: Vec<(&str, &str)> = workspaces.iter().copied().zip(urls.iter().map(String::as_str)).collect();
        service.answer(DISCOVERY, xml(&discovery_of(&feeds))).await;
        service
    }

    /// With one workspace, `w1`, that offers these; every icon and `.rdp` file is there.
    async fn offering(resources: &[String]) -> Self {
        let service = Self::with(&["w1"]).await;
        service.answer("/feeds/w1", xml(&feed_of(resources))).await;
        service.files().await;
        service
    }

    async fn files(&self) {
        self.answer_all(r"\.rdp$", ResponseTemplate::new(200).set_body_string(RDP)).await;
        self.answer_all(r"\.png$", ResponseTemplate::new(200).set_body_bytes(PNG.clone())).await;
    }

    async fn answer(&self, of: &str, answer: ResponseTemplate) {
        Mock::given(method("GET")).and(path(of)).respond_with(answer).mount(&self.server).await;
    }

    /// Before anything else that answers there.
    async fn override_with(&self, of: &str, answer: ResponseTemplate) {
        Mock::given(method("GET")).and(path(of)).respond_with(answer).with_priority(1).mount(&self.server).await;
    }

    async fn answer_all(&self, of: &str, answer: ResponseTemplate) {
        Mock::given(method("GET")).and(path_regex(of)).respond_with(answer).mount(&self.server).await;
    }

    /// A new handle, as each function has one.
    fn inventory(&self) -> FeedInventory {
        self.inventory_of(&[FeedModel::Arm])
    }

    fn inventory_of(&self, models: &[FeedModel]) -> FeedInventory {
        self.handle(models, NEW)
    }

    /// A handle that takes what others have read since a time.
    fn inventory_since(&self, since: Timestamp) -> FeedInventory {
        self.handle(&[FeedModel::Arm], FeedLook { since, ..NEW })
    }

    fn handle(&self, models: &[FeedModel], look: FeedLook) -> FeedInventory {
        FeedInventory::new(Arc::clone(&self.shared), settings(models), look)
    }

    /// A handle of a connection that does not name its account.
    fn nameless(&self) -> FeedInventory {
        self.with_settings(FeedSettings { account: None, ..settings(&[FeedModel::Arm]) })
    }

    fn with_settings(&self, settings: FeedSettings) -> FeedInventory {
        FeedInventory::new(Arc::clone(&self.shared), settings, NEW)
    }

    async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    /// How often something below this path was asked for.
    async fn asked(&self, below: &str) -> usize {
        self.requests().await.iter().filter(|request| request.url.path().starts_with(below)).count()
    }

    async fn apps(&self, known: &[Resource]) -> Listing {
        apps(&self.inventory(), known).await.unwrap().unwrap()
    }
}

fn settings(models: &[FeedModel]) -> FeedSettings {
    let (user_agent, account) = ("client/1.0".to_owned(), Some("sync@contoso.com".to_owned()));
    FeedSettings { models: models.to_vec(), user_agent, account, cloud_pcs: false, scope: Scope::Both }
}

fn xml(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(text)
}

fn w(name: &str) -> ArmId {
    FeedModel::Arm.workspace(name)
}

async fn list(inventory: &FeedInventory, workspace: &str, kind: ResourceKind) -> Reading<Option<Listing>> {
    inventory.listing(&feed::group(&w(workspace), kind), kind, &[]).await
}

async fn apps(inventory: &FeedInventory, known: &[Resource]) -> Reading<Option<Listing>> {
    inventory.listing(&feed::group(&w("w1"), ResourceKind::RemoteApp), ResourceKind::RemoteApp, known).await
}

/// The estate's unknown scopes.
fn scopes(estate: &Estate) -> Vec<(String, Why)> {
    estate.unknown.iter().map(|unknown| (unknown.scope.as_str().to_owned(), unknown.reason.why)).collect()
}

fn names(listing: &Listing) -> Vec<&str> {
    listing.resources.iter().map(|resource| resource.name.as_str()).collect()
}

fn dark(listing: &Listing) -> Vec<(&str, Why)> {
    listing.unknown.iter().map(|unknown| (unknown.scope.name(), unknown.reason.why)).collect()
}

/// What a listing leaves in a snapshot once its files are stored.
fn stored(listing: Listing) -> Vec<Resource> {
    let store = |mut resource: Resource| {
        if let Some(bytes) = resource.icon.take() {
            resource.icon_sha256 = Some(poolwarden_domain::text::sha256_hex(&bytes));
        }
        if let (Some(bytes), Some(feed)) = (resource.rdp.take(), &mut resource.feed) {
            let sha256 = poolwarden_domain::text::sha256_hex(&bytes);
            feed.rdp = Some(feed::RdpRef { sha256 });
        }
        resource
    };
    listing.resources.into_iter().map(store).collect()
}
