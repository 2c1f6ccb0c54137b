//! Changes drawn from a seed, in the proportions an estate sees in a working
//! week: mostly applications, now and then a whole group or pool.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    change::{self, Change, Mode, Refusal},
    icons,
    model::{Estate, Kind, PROVIDER, Resource},
    names,
};
use crate::dice::Dice;

/// Makes `count` changes (fewer when the estate runs out of things to change)
/// and lists what was done.
pub(crate) fn apply(estate: &mut Estate, seed: u64, count: usize, now: &str) -> Vec<Change> {
    let mut dice = Dice::new(seed, "random changes");
    let mut done = Vec::new();
    for number in 0..count {
        let mut step = Step { estate, dice: &mut dice, seed, number, now };
        if let Ok(changes) = step.take() {
            done.extend(changes);
        }
    }
    done
}

struct Step<'a> {
    estate: &'a mut Estate,
    dice: &'a mut Dice,
    seed: u64,
    number: usize,
    now: &'a str,
}

impl Step<'_> {
    fn take(&mut self) -> Result<Vec<Change>, Refusal> {
        match self.dice.below(22) {
            0..=4 => self.rename(),
            5..=8 => self.add_application(),
            9..=11 => self.remove(Kind::Application),
            12..=14 => self.hide(),
            15..=16 => self.change_icon(),
            17..=18 => self.add_group(),
            19 => self.remove(Kind::ApplicationGroup),
            20 => self.add_pool(),
            _ => self.remove(Kind::HostPool),
        }
    }

    fn any(&mut self, kind: Kind) -> Result<Arc<Resource>, Refusal> {
        let all: Vec<&Arc<Resource>> = self.estate.all(kind).collect();
        if all.is_empty() {
            return Err(Refusal::NotFound(kind.path().to_owned()));
        }
        Ok(Arc::clone(all[self.dice.below(all.len())]))
    }

    fn write(&mut self, id: &str, properties: &Value, mode: Mode) -> Result<Vec<Change>, Refusal> {
        let body = json!({ "properties": properties });
        let (resource, _) = change::put(self.estate, id, &body, mode, self.now)?;
        Ok(vec![Change::write(&resource.id)])
    }

    fn rename(&mut self) -> Result<Vec<Change>, Refusal> {
        let app = self.any(Kind::Application)?;
        let plain = format!("{} (renamed {})", app.name, self.number + 1);
        let friendly = names::friendly(self.dice, 0.2, &plain);
        self.write(&app.id, &json!({"friendlyName": friendly}), Mode::Merge)
    }

    fn hide(&mut self) -> Result<Vec<Change>, Refusal> {
        let app = self.any(Kind::Application)?;
        let shown = app.property("showInPortal").as_bool().unwrap_or(true);
        self.write(&app.id, &json!({"showInPortal": !shown}), Mode::Merge)
    }

    fn change_icon(&mut self) -> Result<Vec<Change>, Refusal> {
        let app = self.any(Kind::Application)?;
        let icon = icons::draw(self.seed ^ 0x5eed, self.number);
        self.write(&app.id, &json!({"iconContent": icon.content}), Mode::Merge)
    }

    fn add_application(&mut self) -> Result<Vec<Change>, Refusal> {
        let groups: Vec<Arc<Resource>> = self
            .estate
            .all(Kind::ApplicationGroup)
            .filter(|group| group.property("applicationGroupType") == "RemoteApp")
            .cloned()
            .collect();
        if groups.is_empty() {
            return Err(Refusal::NotFound("applicationGroups".to_owned()));
        }
        let group = Arc::clone(self.dice.pick(&groups));
        let (name, friendly, path) = *self.dice.pick(&names::APPLICATIONS);
        let id = format!("{}/applications/{name}-new{:x}", group.id, self.dice.next() >> 44);
        let properties = json!({
            "friendlyName": names::friendly(self.dice, 0.1, friendly),
            "filePath": path,
            "commandLineSetting": "DoNotAllow",
            "iconPath": path,
            "iconContent": icons::draw(self.seed, self.number).content,
        });
        self.write(&id, &properties, Mode::Replace)
    }

    /// An id beside a resource, with a name that is not taken.
    fn id_beside(&mut self, neighbour: &Resource, kind: Kind, name: &str) -> String {
        let (subscription, group) = (&neighbour.subscription, &neighbour.resource_group);
        let suffix = self.dice.next() >> 44;
        format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/{PROVIDER}/{}/{name}-new{suffix:x}",
            kind.path()
        )
    }

    /// A RemoteApp group with two applications, published in some workspace.
    fn add_group(&mut self) -> Result<Vec<Change>, Refusal> {
        let pool = self.any(Kind::HostPool)?;
        let id = self.id_beside(&pool, Kind::ApplicationGroup, &pool.name);
        let properties = json!({"applicationGroupType": "RemoteApp", "hostPoolArmPath": pool.id});
        let mut changes = self.write(&id, &properties, Mode::Replace)?;
        for (name, friendly, path) in &names::APPLICATIONS[..2] {
            let properties = json!({
                "friendlyName": friendly,
                "filePath": path,
                "commandLineSetting": "Allow",
            });
            changes.extend(self.write(&format!("{id}/applications/{name}"), &properties, Mode::Replace)?);
        }
        changes.extend(self.publish(&id)?);
        Ok(changes)
    }

    /// A pool with a Desktop group, published in some workspace; its hosts
    /// come later, as they do.
    fn add_pool(&mut self) -> Result<Vec<Change>, Refusal> {
        let neighbour = self.any(Kind::HostPool)?;
        let pool = self.id_beside(&neighbour, Kind::HostPool, "hp-random");
        let mut changes = self.write(&pool, &json!({}), Mode::Replace)?;
        let group = self.id_beside(&neighbour, Kind::ApplicationGroup, "hp-random-dag");
        let properties = json!({"applicationGroupType": "Desktop", "hostPoolArmPath": pool});
        changes.extend(self.write(&group, &properties, Mode::Replace)?);
        changes.extend(self.publish(&group)?);
        Ok(changes)
    }

    fn publish(&mut self, group: &str) -> Result<Vec<Change>, Refusal> {
        let workspace = self.any(Kind::Workspace)?;
        let mut listed = workspace.property("applicationGroupReferences").clone();
        if let Some(listed) = listed.as_array_mut() {
            listed.push(json!(group));
        }
        self.write(&workspace.id, &json!({"applicationGroupReferences": listed}), Mode::Merge)
    }

    fn remove(&mut self, kind: Kind) -> Result<Vec<Change>, Refusal> {
        let resource = self.any(kind)?;
        change::delete(self.estate, &resource.id)
    }
}
