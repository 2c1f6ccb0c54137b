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
        match self.dice.below(20) {
            0..=4 => self.rename(),
            5..=8 => self.add_application(),
            9..=11 => self.remove(Kind::Application),
            12..=14 => self.hide(),
            15..=16 => self.change_icon(),
            17 => self.add_group(),
            18 => self.remove(Kind::ApplicationGroup),
            _ => self.remove(Kind::HostPool),
        }
    }

    fn any(&mut self, kind: Kind) -> Result<Arc<Resource>, Refusal> {
        let all: Vec<&Arc<Resource>> = self.estate.all(kind).collect();
        if all.is_empty() {
            return Err(Refusal::NotFound(kind.path().to_owned()));
        }
        Ok(Arc::clone(self.dice.pick(&all)))
    }

    fn write(&mut self, id: &str, properties: &Value, mode: Mode) -> Result<Vec<Change>, Refusal> {
        let body = json!({ "properties": properties });
        let (resource, _) = change::put(self.estate, id, &body, mode, self.now)?;
        Ok(vec![Change { op: "write", id: resource.id.clone() }])
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

    fn add_group(&mut self) -> Result<Vec<Change>, Refusal> {
        let pool = self.any(Kind::HostPool)?;
        let id = format!(
            "/subscriptions/{}/resourceGroups/{}/providers/{PROVIDER}/applicationGroups/{}-new{:x}",
            pool.subscription,
            pool.resource_group,
            pool.name,
            self.dice.next() >> 44
        );
        let properties = json!({"applicationGroupType": "RemoteApp", "hostPoolArmPath": pool.id});
        let mut changes = self.write(&id, &properties, Mode::Replace)?;
        for app in 0..2 {
            let (name, friendly, path) = names::APPLICATIONS[app];
            let properties = json!({
                "friendlyName": friendly,
                "filePath": path,
                "commandLineSetting": "Allow",
            });
            changes.extend(self.write(&format!("{id}/applications/{name}"), &properties, Mode::Replace)?);
        }
        Ok(changes)
    }

    fn remove(&mut self, kind: Kind) -> Result<Vec<Change>, Refusal> {
        let resource = self.any(kind)?;
        change::delete(self.estate, &resource.id)
    }
}
