//! Gathers what a feed offers from the estate: by workspaces in the current
//! model, by subscriptions (a tenant each) in the classic one, and the Cloud
//! PCs, which are in none.

use std::{collections::HashSet, sync::Arc};

use super::{
    catalogue::{Model, Workspace},
    offer::Offer,
    xml::title,
};
use crate::{
    dice::{Dice, guid, hash},
    estate::{
        bodies,
        model::{Estate, Kind, Resource, Subscription},
    },
    options::Options,
};

/// The classic tenant of a subscription: its name and its id.
pub(crate) fn classic_tenant(subscription: &Subscription, index: usize) -> (String, String) {
    (format!("Tenant {:02}", index + 1), derived("classic tenant", &subscription.id))
}

fn derived(what: &str, id: &str) -> String {
    let lower = id.to_ascii_lowercase();
    guid(hash(5, &format!("{what} {lower}")), hash(6, &format!("{what} {lower}")))
}

pub(super) fn of_arm(estate: &Estate, workspace: &Arc<Resource>, seed: u64) -> Workspace {
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

pub(super) fn of_tenant(estate: &Estate, subscription: &Subscription, index: usize, seed: u64) -> Workspace {
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
            is_terse: false,
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
pub(super) fn unmix(offers: &mut [Offer]) {
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
pub(super) fn cloud_pcs(options: &Options) -> Workspace {
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
                is_terse: false,
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
