//! What the estate offers through a feed: per workspace its desktops and
//! RemoteApps, each with what the feed says of it and who sees it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::xml::title;
use crate::{
    auth::account::View,
    dice::{Dice, guid, hash},
    estate::{
        bodies,
        model::{Estate, Kind, Resource, Subscription},
    },
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
    is_first: bool,
    pub(super) offers: Vec<Offer>,
}

/// One desktop or RemoteApp.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) id: String,
    /// The desktop or application; a Cloud PC's is in no subscription of the
    /// tenant's.
    pub(super) source: Arc<Resource>,
    pub(super) is_desktop: bool,
    pub(super) title: String,
    pub(super) alias: String,
    pub(super) last_updated: String,
    pub(super) pool: Arc<Resource>,
    pub(super) is_cloud_pc: bool,
    /// Not shown to who is in groups of both kinds of its pool.
    not_preferred: bool,
    /// Bits that decide how it is printed.
    pub(super) dice: u64,
}

/// How an offer's icon comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Icons {
    None,
    /// An ICO only.
    Ico,
    /// An ICO and the PNG that is its largest image.
    IcoAndPng,
}

impl Offer {
    pub(super) fn is_seen(&self, view: View) -> bool {
        match view {
            View::All | View::FirstWorkspace => !self.not_preferred,
            View::Nothing => false,
            View::Apps => !self.is_desktop && !self.is_cloud_pc,
            View::Desktops => self.is_desktop && !self.is_cloud_pc,
            View::CloudPcs => self.is_cloud_pc,
        }
    }

    pub(super) fn icons(&self) -> Icons {
        match self.source.property("iconContent").as_str() {
            Some(_) => Icons::IcoAndPng,
            None if self.dice % 5 == 0 => Icons::None,
            None => Icons::Ico,
        }
    }

    pub(super) fn folders(&self) -> &'static [&'static str] {
        match self.dice % 7 {
            0 => &["/Office"],
            1 => &["/", "/Favourites"],
            2 if self.is_desktop => &["/Desktops & more"],
            _ => &["/"],
        }
    }

    /// Extensions, and whether it is the one that opens them.
    pub(super) fn file_extensions(&self) -> &'static [(&'static str, bool)] {
        let name = self.source.name.split('-').next().unwrap_or("");
        match name {
            _ if self.is_desktop => &[],
            "winword" => &[(".docx", true), (".doc", true), (".rtf", false)],
            "excel" => &[(".xlsx", true), (".csv", false)],
            "outlook" => &[(".msg", true)],
            "acrobat" => &[(".pdf", true)],
            "notepadpp" => &[(".txt", false), (".log", false)],
            "paint" => &[(".png", false), (".bmp", false)],
            _ => &[],
        }
    }

    /// `ShowByDefault` as printed; absent is true.
    pub(super) fn show_by_default(&self) -> Option<bool> {
        match self.dice % 13 {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// The command line that is handed over, when the application demands one.
    pub(super) fn command_line(&self) -> &str {
        match self.source.property("commandLineSetting").as_str() {
            Some("Require") => self.source.property("commandLineArguments").as_str().unwrap_or(""),
            _ => "",
        }
    }
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

/// The classic tenant of a subscription: its name and its id.
pub(crate) fn classic_tenant(subscription: &Subscription, index: usize) -> (String, String) {
    (format!("Tenant {:02}", index + 1), derived("classic tenant", &subscription.id))
}

fn derived(what: &str, id: &str) -> String {
    let lower = id.to_ascii_lowercase();
    guid(hash(5, &format!("{what} {lower}")), hash(6, &format!("{what} {lower}")))
}

fn of_arm(estate: &Estate, workspace: &Arc<Resource>, seed: u64) -> Workspace {
    let references = workspace.property("applicationGroupReferences").as_array();
    let groups: Vec<&Arc<Resource>> =
        references.into_iter().flatten().filter_map(|id| estate.get(id.as_str()?)).collect();
    let id = text(workspace, "objectId");
    let mut offers = Vec::new();
    for group in groups.iter().filter(|group| *group.property("showInFeed") != false) {
        add_group(estate, group, Model::Arm, seed, &mut offers);
    }
    let bits = hash(seed, &id);
    Workspace {
        model: Model::Arm,
        arm_path: Some(workspace.id.clone()),
        name: name_of(workspace),
        description: text(workspace, "description"),
        geo: "EU",
        region: region(Model::Arm, bits),
        is_cloud_pcs: false,
        is_first: false,
        offers,
        id,
    }
}

fn of_tenant(estate: &Estate, subscription: &Subscription, index: usize, seed: u64) -> Workspace {
    let (name, id) = classic_tenant(subscription, index);
    let mut offers = Vec::new();
    for group in estate.in_subscription(&subscription.id, Kind::ApplicationGroup) {
        add_group(estate, group, Model::Classic, seed, &mut offers);
    }
    Workspace {
        model: Model::Classic,
        arm_path: None,
        description: title(&subscription.name).to_owned(),
        geo: "US",
        region: region(Model::Classic, hash(seed, &id)),
        is_cloud_pcs: false,
        is_first: false,
        offers,
        name,
        id,
    }
}

fn region(model: Model, bits: u64) -> &'static str {
    model.regions()[usize::from(bits & 1 == 1)]
}

fn text(resource: &Resource, name: &str) -> String {
    resource.property(name).as_str().unwrap_or("").to_owned()
}

/// What a person calls it.
fn name_of(resource: &Resource) -> String {
    let friendly = resource.property("friendlyName").as_str().unwrap_or("");
    title(if friendly.trim().is_empty() { &resource.name } else { friendly }).to_owned()
}

fn add_group(estate: &Estate, group: &Arc<Resource>, model: Model, seed: u64, offers: &mut Vec<Offer>) {
    let pool = group.property("hostPoolArmPath").as_str().and_then(|pool| estate.get(pool));
    let Some(pool) = pool else {
        return;
    };
    let is_desktop = *group.property("applicationGroupType") == "Desktop";
    let children = if is_desktop { "desktops" } else { "applications" };
    for source in estate.children(&group.key, children).filter(|source| *source.property("showInPortal") != false) {
        let object = match model {
            Model::Arm => text(source, "objectId"),
            Model::Classic => derived("classic resource", &source.key),
        };
        // Ids are unique in a feed, also where the estate repeats an object id.
        let taken = object.is_empty() || offers.iter().rev().take(64).any(|offer| offer.id == object);
        offers.push(Offer {
            id: if taken { derived("resource", &source.key) } else { object },
            is_desktop,
            title: name_of(source),
            alias: source.name.clone(),
            last_updated: last_updated(source),
            pool: Arc::clone(pool),
            is_cloud_pc: false,
            not_preferred: false,
            dice: hash(seed, &source.key),
            source: Arc::clone(source),
        });
    }
}

/// When a resource changed last. The digits after the point depend on what it
/// says, so that two changes in one instant differ too.
fn last_updated(source: &Resource) -> String {
    let at = source.body["systemData"]["lastModifiedAt"].as_str().unwrap_or("2024-01-01T00:00:00");
    let seconds = at.split(['.', 'Z']).next().unwrap_or(at);
    let said: String = ["friendlyName", "filePath", "commandLineSetting", "commandLineArguments", "iconHash"]
        .iter()
        .map(|name| source.property(name).to_string())
        .collect();
    format!("{seconds}.{:07}Z", hash(7, &said) % 10_000_000)
}

/// Of a pool with groups of both kinds, marks the kind that is not preferred:
/// who is in both sees only the other. A pool with no preference shows both.
fn unmix(offers: &mut [Offer]) {
    let of_kind = |is_desktop: bool| -> HashSet<String> {
        offers.iter().filter(|offer| offer.is_desktop == is_desktop).map(|offer| offer.pool.key.clone()).collect()
    };
    let (with_desktops, with_apps) = (of_kind(true), of_kind(false));
    for offer in offers {
        let preferred = offer.pool.property("preferredAppGroupType").as_str().unwrap_or("");
        offer.not_preferred = match preferred {
            "Desktop" => !offer.is_desktop && with_desktops.contains(&offer.pool.key),
            "RailApplications" => offer.is_desktop && with_apps.contains(&offer.pool.key),
            _ => false,
        };
    }
}

/// The feed of Windows 365, which is not the tenant's own: its desktops are in
/// no subscription that ARM shows.
fn cloud_pcs(options: &Options) -> Workspace {
    let base = "/subscriptions/00000000-0000-0000-0000-0000000cc365/resourceGroups/cloudpcs/providers/Microsoft.DesktopVirtualization";
    let grown = |id: &str, properties| {
        let system = bodies::system_data(&mut Dice::new(options.seed, id));
        bodies::resource(id, "westeurope", serde_json::json!({}), properties, system)
            .map(Arc::new)
            .expect("the id is one of an AVD resource")
    };
    let offers = (0..options.estate.cloud_pcs)
        .map(|number| {
            let pool_id = format!("{base}/hostPools/cpc-{:03}", number + 1);
            let id = format!("{base}/applicationGroups/cpc-{:03}/desktops/SessionDesktop", number + 1);
            let mut dice = Dice::new(options.seed, &id);
            let pool = grown(&pool_id, bodies::host_pool(&mut dice, "Cloud PC", "Desktop"));
            let source = grown(&id, bodies::desktop(&mut dice, &format!("Cloud PC {}", number + 1), None));
            Offer {
                id: text(&source, "objectId"),
                is_desktop: true,
                title: name_of(&source),
                alias: format!("CPC-{:03}", number + 1),
                last_updated: last_updated(&source),
                pool,
                is_cloud_pc: true,
                not_preferred: false,
                dice: hash(options.seed, &id),
                source,
            }
        })
        .collect();
    Workspace {
        model: Model::Arm,
        id: derived("cloud pcs", &options.estate.tenant_id),
        arm_path: None,
        name: "Windows 365".to_owned(),
        description: "Cloud PCs".to_owned(),
        geo: "EU",
        region: Model::Arm.regions()[0],
        is_cloud_pcs: true,
        is_first: false,
        offers,
    }
}
