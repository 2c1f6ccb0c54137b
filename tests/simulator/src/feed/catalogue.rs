//! What the estate offers through a feed: per workspace its desktops and
//! RemoteApps, each with what the feed says of it and who sees it.

use std::collections::HashMap;

use super::{
    gather::{cloud_pcs, of_arm, of_tenant, unmix},
    offer::Offer,
};
use crate::{
    auth::account::View,
    estate::model::{Estate, Kind},
    options::Options,
};

/// The two models of AVD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Model {
    Arm,
    Classic,
}

impl Model {
    /// What stands between `/api/` and the rest of a path.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Arm => "arm/",
            Self::Classic => "",
        }
    }

    pub(super) fn regions(self) -> [&'static str; 2] {
        match self {
            Self::Arm => ["r1", "r2"],
            Self::Classic => ["c1", "c2"],
        }
    }
}

/// A workspace with more offers than this says less of each, or its feed would
/// be larger than the four mebibytes that careful clients read: one icon each,
/// short addresses, and nothing that is the default.
const TERSE_ABOVE: usize = 1_000;

/// Everything one model's feeds offer.
#[derive(Debug)]
pub(crate) struct Catalogue {
    workspaces: Vec<Workspace>,
    /// Where an offer is: by workspace and id.
    places: HashMap<(String, String), usize>,
}

/// One feed. In the classic model it is a tenant's.
#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) model: Model,
    pub(super) id: String,
    /// The workspace's ARM id.
    pub(super) arm_path: Option<String>,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) geo: &'static str,
    pub(super) region: &'static str,
    pub(super) is_cloud_pcs: bool,
    pub(super) is_first: bool,
    pub(super) offers: Vec<Offer>,
}

impl Workspace {
    /// Whether the discovery document names it without its region.
    pub(super) fn redirects(&self) -> bool {
        self.region == self.model.regions()[1]
    }

    /// The path of its feed: the one that answers, or the one discovery names.
    pub(super) fn feed_path(&self, final_one: bool) -> String {
        let region = if self.redirects() && !final_one { String::new() } else { format!("{}/", self.region) };
        format!("/api/{}feed/{region}{}/webfeed", self.model.prefix(), self.id)
    }

    fn is_seen(&self, view: View) -> bool {
        match view {
            View::FirstWorkspace => self.is_first,
            _ => self.offers.iter().any(|offer| offer.is_seen(view)),
        }
    }

    pub(super) fn seen(&self, view: View) -> impl Iterator<Item = &Offer> {
        self.offers.iter().filter(move |offer| offer.is_seen(view))
    }
}

impl Catalogue {
    pub(super) fn new(estate: &Estate, model: Model, options: &Options) -> Self {
        let mut workspaces: Vec<Workspace> = match model {
            Model::Arm => {
                estate.all(Kind::Workspace).map(|workspace| of_arm(estate, workspace, options.seed)).collect()
            }
            Model::Classic => estate
                .subscriptions
                .iter()
                .enumerate()
                .map(|(index, subscription)| of_tenant(estate, subscription, index, options.seed))
                .collect(),
        };
        for workspace in &mut workspaces {
            unmix(&mut workspace.offers);
            let is_terse = workspace.offers.len() > TERSE_ABOVE;
            workspace.offers.iter_mut().for_each(|offer| offer.is_terse = is_terse);
        }
        workspaces.retain(|workspace| !workspace.offers.is_empty());
        if let Some(first) = workspaces.first_mut() {
            first.is_first = true;
        }
        if model == Model::Arm && options.estate.cloud_pcs > 0 {
            workspaces.push(cloud_pcs(options));
        }
        let mut places = HashMap::new();
        for workspace in &workspaces {
            for (index, offer) in workspace.offers.iter().enumerate() {
                places.insert((workspace.id.to_ascii_lowercase(), offer.id.to_ascii_lowercase()), index);
            }
        }
        Self { workspaces, places }
    }

    /// The workspaces that an account sees something of.
    pub(super) fn seen(&self, view: View) -> impl Iterator<Item = &Workspace> {
        self.workspaces.iter().filter(move |workspace| workspace.is_seen(view))
    }

    /// An offer by its id in lower case.
    pub(super) fn offer<'a>(&self, workspace: &'a Workspace, id: &str) -> Option<&'a Offer> {
        let index = self.places.get(&(workspace.id.to_ascii_lowercase(), id.to_owned()))?;
        workspace.offers.get(*index)
    }
}
