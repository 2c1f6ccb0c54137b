//! Grows an estate from its spec and a seed: subscriptions, workspaces, pools,
//! hosts, groups, applications and desktops. Access is in [`super::grants`].

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{
    audit, bodies, change, directory, grants, icons,
    icons::Icon,
    model::{Estate, PROVIDER, Subscription},
    names,
    spec::EstateSpec,
};
use crate::dice::Dice;

/// Host pools that share a resource group.
const POOLS_PER_RESOURCE_GROUP: usize = 8;

/// One in so many pools prefers neither desktops nor RemoteApps.
const POOLS_WITHOUT_PREFERENCE: usize = 7;

/// The estate of a spec and a seed: always the same one.
pub(crate) fn generate(spec: &EstateSpec, seed: u64) -> Estate {
    let mut estate = bare(spec, seed);
    if spec.audit.clean {
        return audit::grow(estate, &spec.audit, seed);
    }
    estate.access = Arc::new(grants::generate(&estate, spec, seed));
    estate.directory = Arc::new(directory::populate(&spec.tenant_id, seed));
    estate
}

/// The resources of Azure Virtual Desktop, without any access to them.
pub(crate) fn bare(spec: &EstateSpec, seed: u64) -> Estate {
    let subscriptions: Vec<Subscription> = (0..spec.subscriptions)
        .map(|index| {
            let mut dice = Dice::new(seed, &format!("subscription {index}"));
            let plain = format!("Contoso AVD {:02}", index + 1);
            let id = dice.guid();
            let name = names::friendly(&mut dice, spec.odd_names_share, &plain);
            Subscription { id, name, management_group: String::new() }
        })
        .collect();
    let resource_groups = subscriptions
        .iter()
        .flat_map(|subscription| {
            (0..spec.pools_per_subscription)
                .step_by(POOLS_PER_RESOURCE_GROUP)
                .map(|pool| group_path(&subscription.id, pool).to_ascii_lowercase())
        })
        .collect::<BTreeSet<_>>();
    let mut grower = Grower {
        spec,
        seed,
        icons: (0..spec.distinct_icons).map(|number| icons::draw(seed, number)).collect(),
        estate: Estate::new(spec.tenant_id.clone(), subscriptions, resource_groups),
    };
    let subscriptions = Arc::clone(&grower.estate.subscriptions);
    for subscription in subscriptions.iter() {
        for pool in 0..spec.pools_per_subscription {
            grower.pool(&subscription.id, pool);
        }
    }
    let mut estate = grower.estate;
    change::relink(&mut estate);
    estate
}

fn group_path(subscription: &str, pool: usize) -> String {
    let number = pool / POOLS_PER_RESOURCE_GROUP + 1;
    format!("/subscriptions/{subscription}/resourceGroups/rg-avd-{number:02}")
}

/// What a pool prefers, spread evenly over the pools.
fn preferred(spec: &EstateSpec, index: usize) -> &'static str {
    if spec.desktop_groups_per_pool == 0 {
        return "RailApplications";
    }
    if index % POOLS_WITHOUT_PREFERENCE == POOLS_WITHOUT_PREFERENCE - 1 {
        return "None";
    }
    #[expect(clippy::cast_precision_loss, reason = "there are far fewer pools than a double counts")]
    let before = |index: usize| (index as f64 * spec.preferred_desktop_share).floor();
    if before(index + 1) > before(index) { "Desktop" } else { "RailApplications" }
}

struct Grower<'a> {
    spec: &'a EstateSpec,
    seed: u64,
    icons: Vec<Icon>,
    estate: Estate,
}

impl Grower<'_> {
    fn dice(&self, id: &str) -> Dice {
        Dice::new(self.seed, id)
    }

    fn friendly(&self, dice: &mut Dice, plain: &str) -> String {
        names::friendly(dice, self.spec.odd_names_share, plain)
    }

    fn plant(&mut self, dice: &mut Dice, id: &str, location: &str, properties: Value) {
        let tags = json!({"environment": *dice.pick(&["production", "acceptance", "test"])});
        let system = bodies::system_data(dice);
        let resource =
            bodies::resource(id, location, tags, properties, system).expect("generated ids are ids of AVD resources");
        self.estate.insert(resource);
    }

    fn pool(&mut self, subscription: &str, index: usize) {
        let base = format!("{}/providers/{PROVIDER}", group_path(subscription, index));
        let department = names::DEPARTMENTS[index % names::DEPARTMENTS.len()];
        let name = format!("hp-{department}-{:03}", index + 1);
        let id = format!("{base}/hostPools/{name}");
        let mut dice = self.dice(&id);
        let region = *dice.pick(&names::REGIONS);
        let friendly = self.friendly(&mut dice, &format!("{department} pool {}", index + 1));
        let preferred = preferred(self.spec, index);
        let properties = bodies::host_pool(&mut dice, &friendly, preferred);
        let personal = properties["hostPoolType"] == "Personal";
        self.plant(&mut dice, &id, region, properties);
        for host in 0..self.spec.hosts_per_pool {
            self.session_host(&id, &name, host, personal);
        }
        let workspace = self.workspace(subscription, index, region);
        for number in 0..self.spec.desktop_groups_per_pool {
            let group = format!("{base}/applicationGroups/{name}-dag{}", number + 1);
            self.group(&group, "Desktop", &id, region, &workspace);
        }
        for number in 0..self.spec.remoteapp_groups_per_pool {
            let group = format!("{base}/applicationGroups/{name}-rag{}", number + 1);
            self.group(&group, "RemoteApp", &id, region, &workspace);
        }
    }

    fn session_host(&mut self, pool_id: &str, pool: &str, index: usize, personal: bool) {
        let short = format!("{}-{index}", pool.trim_start_matches("hp-"));
        let id = format!("{pool_id}/sessionHosts/{short}.contoso.example");
        let mut dice = self.dice(&id);
        let (scope, _) = pool_id.split_once("/providers/").unwrap_or((pool_id, ""));
        let machine = format!("{scope}/providers/Microsoft.Compute/virtualMachines/{short}");
        let mut properties = bodies::session_host(&mut dice, &machine);
        if personal && dice.chance(0.8) {
            properties["assignedUser"] = json!(format!("user{index}@contoso.example"));
        }
        self.plant(&mut dice, &id, "", properties);
    }

    /// The workspace of a pool, planted with the first pool that uses it.
    fn workspace(&mut self, subscription: &str, pool: usize, region: &str) -> String {
        let number = pool / self.spec.pools_per_workspace;
        let home = group_path(subscription, number * self.spec.pools_per_workspace);
        let id = format!("{home}/providers/{PROVIDER}/workspaces/ws-{:02}", number + 1);
        if self.estate.get(&id).is_none() {
            let mut dice = self.dice(&id);
            let friendly = self.friendly(&mut dice, &format!("Workplace {}", number + 1));
            let properties = bodies::workspace(&mut dice, &friendly);
            self.plant(&mut dice, &id, region, properties);
        }
        id
    }

    fn group(&mut self, id: &str, group_type: &str, pool_id: &str, region: &str, workspace: &str) {
        let mut dice = self.dice(id);
        let name = id.rsplit('/').next().unwrap_or(id);
        let friendly = self.friendly(&mut dice, &format!("{group_type}s of {name}"));
        let mut properties = bodies::application_group(&mut dice, &friendly, group_type, pool_id);
        properties["showInFeed"] = json!(!dice.chance(self.spec.hidden_group_share));
        let orphan = dice.chance(self.spec.orphan_group_share) && !self.spec.audit.clean;
        self.plant(&mut dice, id, region, properties);
        if !orphan {
            change::add_to_workspace(&mut self.estate, workspace, id);
        }
        if group_type == "Desktop" {
            self.desktop(id);
        } else {
            let mut shared_object = None;
            for index in 0..self.spec.apps_per_group {
                self.application(id, index, &mut shared_object);
            }
        }
    }

    fn desktop(&mut self, group: &str) {
        let id = format!("{group}/desktops/SessionDesktop");
        let mut dice = self.dice(&id);
        let friendly = self.friendly(&mut dice, "SessionDesktop");
        let icon = self.icon(&mut dice);
        let properties = bodies::desktop(&mut dice, &friendly, icon.as_ref());
        self.plant(&mut dice, &id, "", properties);
    }

    /// `last_object` carries the objectId of the application before it, which
    /// a share of odd applications reuses.
    fn application(&mut self, group: &str, index: usize, last_object: &mut Option<Value>) {
        let (name, friendly, path) = names::APPLICATIONS[index % names::APPLICATIONS.len()];
        let round = index / names::APPLICATIONS.len();
        let name = if round == 0 { name.to_owned() } else { format!("{name}-{}", round + 1) };
        let id = format!("{group}/applications/{name}");
        let mut dice = self.dice(&id);
        let friendly = self.friendly(&mut dice, friendly);
        let icon = self.icon(&mut dice);
        let mut properties = bodies::application(&mut dice, &friendly, path, icon.as_ref());
        properties["showInPortal"] = json!(!dice.chance(self.spec.hidden_share));
        if dice.chance(self.spec.odd_wire_share)
            && let Some(object) = last_object.take()
        {
            properties["objectId"] = object;
        }
        *last_object = Some(properties["objectId"].clone());
        self.plant(&mut dice, &id, "", properties);
    }

    fn icon(&self, dice: &mut Dice) -> Option<Icon> {
        let drawn = dice.pick(&self.icons).clone();
        dice.chance(self.spec.icon_share).then_some(drawn)
    }
}
