//! The user feed of both models: what an account sees of the estate, as the
//! discovery document, the resource collections, `.rdp` files and icons that
//! AVD's clients read. Where the public documents leave something open, the
//! choice made here is named where it is made.
//!
//! | path (current model; classic has `/api/feeddiscovery/webfeeddiscovery.aspx` and `/api/feed`) | what |
//! |---|---|
//! | `/api/arm/feeddiscovery` | the feeds of the account |
//! | `/api/arm/feed/r1/{workspace}/webfeed` | the resources of a workspace; of those in `r2` the address is without region and redirects |
//! | `/api/arm/feed/r1/{workspace}/icons/{resource}.ico` or `.png` | an icon |
//! | `/api/arm/feeddiscovery/tenants/{workspace}/rdps/{resource}.rdp` | a connection file |
//!
//! All of it needs a user's token and `X-MS-User-Agent`.

mod catalogue;
mod collection;
mod discovery;
mod expected;
mod icons;
mod rdp;
mod rendered;
mod settings;
mod xml;

pub(crate) use catalogue::classic_tenant;
pub(crate) use expected::expected;
pub(crate) use settings::Settings;

use std::sync::Arc;

use axum::http::Method;

use crate::{
    auth::{
        account::{View, is_regional},
        token::Caller,
    },
    reply::Reply,
    request::{Api, Request},
    state::Simulation,
};
use catalogue::{Catalogue, Model, Workspace};
pub(crate) use rendered::Rendered;

const DISCOVERY_TYPE: &str = "application/x-msts-radc-discovery+xml; charset=utf-8";
const COLLECTION_TYPE: &str = "application/x-msts-radc+xml; charset=utf-8";

/// Answers a request to one of the feeds.
pub(crate) fn handle(simulation: &Simulation, request: &Request, caller: &Caller) -> Reply {
    let model = if request.api == Api::ClassicFeed { Model::Classic } else { Model::Arm };
    if model == Model::Classic && simulation.feed.is_classic_retired() {
        return plain(410, "The Azure Virtual Desktop (classic) service was retired on 2026-09-30.");
    }
    if request.method != Method::GET {
        return plain(405, "GET only.").with("allow", "GET");
    }
    if !simulation.feed.takes(request.header("x-ms-user-agent")) {
        return plain(400, "INCOMPATIBLE_CLIENT_VERSION");
    }
    let Some(account) = caller.account.as_deref() else {
        // A feed is a person's: the permission User.Access is a delegated one.
        return plain(403, "The token is one of an application; the feed needs one of a user.");
    };
    let snapshot = simulation.world.current();
    let call = Call {
        simulation,
        request,
        model,
        view: View::of(account),
        catalogue: simulation.rendered.catalogue(&snapshot, model, &simulation.options),
    };
    let lower: Vec<&str> = request.lower.split('/').skip(1).collect();
    let rest = if model == Model::Arm { lower.get(2..) } else { lower.get(1..) };
    match rest.unwrap_or(&[]) {
        ["feeddiscovery"] if model == Model::Arm => call.discovery(is_regional(account)),
        ["feeddiscovery", "webfeeddiscovery.aspx"] if model == Model::Classic => call.discovery(is_regional(account)),
        ["feeddiscovery", region] if model.regions().contains(region) => call.discovery(false),
        ["feeddiscovery", "tenants", workspace, "rdps", file] => call.connection_file(workspace, file),
        ["feed", workspace, "webfeed"] => call.to_region(workspace),
        ["feed", region, workspace, "webfeed"] => call.collection(region, workspace),
        ["feed", region, workspace, "icons", file] => call.icon(region, workspace, file),
        _ => plain(404, "There is no such address."),
    }
}

/// An answer in plain words, as the gateway of the feed gives them.
pub(crate) fn plain(status: u16, text: &'static str) -> Reply {
    Reply::bytes(status, "text/plain; charset=utf-8", text.into())
}

/// One request by an account.
struct Call<'a> {
    simulation: &'a Simulation,
    request: &'a Request,
    model: Model,
    view: View,
    catalogue: Arc<Catalogue>,
}

impl Call<'_> {
    fn discovery(&self, regional: bool) -> Reply {
        if let Some(target) = self.simulation.feed.redirect() {
            return Reply::empty(307).with("location", &target);
        }
        if regional {
            let path = format!("/api/{}feeddiscovery/{}", self.model.prefix(), self.model.regions()[0]);
            return Reply::empty(307).with("location", &path);
        }
        let key = format!("{:?} discovery {:?} {}", self.model, self.view, self.request.origin);
        self.simulation.rendered.answer(self.simulation, self.request, key, DISCOVERY_TYPE, || {
            discovery::document(&self.catalogue, self.view, self.simulation.tenant(), &self.request.origin)
        })
    }

    /// The workspace at a path, if the account sees it.
    fn workspace(&self, id: &str) -> Option<&Workspace> {
        self.catalogue.seen(self.view).find(|workspace| workspace.id.eq_ignore_ascii_case(id))
    }

    fn to_region(&self, id: &str) -> Reply {
        match self.workspace(id).filter(|workspace| workspace.redirects()) {
            Some(workspace) => Reply::empty(307).with("location", &workspace.feed_path(true)),
            None => plain(404, "There is no such feed."),
        }
    }

    fn collection(&self, region: &str, id: &str) -> Reply {
        let Some(workspace) = self.workspace(id).filter(|workspace| workspace.region == region) else {
            return plain(404, "There is no such feed.");
        };
        // A classic feed is in the schema that the client says it reads.
        let schema = match self.model {
            Model::Arm => "2.1",
            Model::Classic if self.reads_schema_2() => "2.0",
            Model::Classic => "1.1",
        };
        let key = format!("{:?} feed {id} {:?} {schema} {}", self.model, self.view, self.request.origin);
        self.simulation.rendered.answer(self.simulation, self.request, key, COLLECTION_TYPE, || {
            collection::document(workspace, self.view, schema, &self.request.origin)
        })
    }

    fn reads_schema_2(&self) -> bool {
        self.request.header("accept").is_some_and(|accept| accept.contains("radc_schema_version=2"))
    }

    fn connection_file(&self, workspace: &str, file: &str) -> Reply {
        let found = file.strip_suffix(".rdp").and_then(|id| {
            let workspace = self.workspace(workspace)?;
            Some((workspace, self.catalogue.offer(workspace, id).filter(|offer| offer.is_seen(self.view))?))
        });
        match found {
            Some((workspace, offer)) => {
                let hint = self.simulation.next_request_id();
                let bytes = rdp::file(workspace, offer, self.simulation.tenant(), &hint);
                let name = format!("attachment; filename=\"{}.rdp\"", offer.id);
                Reply::bytes(200, "application/x-rdp", bytes.into()).with("content-disposition", &name)
            }
            None => plain(404, "There is no such resource."),
        }
    }

    fn icon(&self, region: &str, workspace: &str, file: &str) -> Reply {
        let found = self.workspace(workspace).filter(|workspace| workspace.region == region).and_then(|workspace| {
            let (id, format) = file.rsplit_once('.')?;
            let offer = self.catalogue.offer(workspace, id).filter(|offer| offer.is_seen(self.view))?;
            let seed = self.simulation.options.seed;
            Some((format == "png", self.simulation.rendered.icon(offer, format, || icons::draw(offer, format, seed))?))
        });
        match found {
            Some((true, bytes)) => Reply::bytes(200, "image/png", bytes),
            Some((false, bytes)) => Reply::bytes(200, "image/vnd.microsoft.icon", bytes),
            None => plain(404, "There is no such icon."),
        }
    }
}
