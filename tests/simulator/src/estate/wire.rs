//! The oddities of real answers: a share of resources is printed with other
//! cases, other names, other time formats, or twice. Which ones is decided by
//! the seed and the id, so the same resource is odd in the same way each time.

use serde_json::{Value, json};

use super::model::{Kind, Resource};
use crate::dice::{fraction, hash};

/// How odd answers are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Oddness {
    pub(crate) share: f64,
    pub(crate) seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Oddity {
    LowerCaseIds,
    SlashedType,
    OtherName,
    Twice,
    NullSystemData,
    EmptySystemData,
    OtherTimes,
    OtherValues,
}

const ODDITIES: [Oddity; 8] = [
    Oddity::LowerCaseIds,
    Oddity::SlashedType,
    Oddity::OtherName,
    Oddity::Twice,
    Oddity::NullSystemData,
    Oddity::EmptySystemData,
    Oddity::OtherTimes,
    Oddity::OtherValues,
];

impl Oddness {
    fn of(self, key: &str) -> Option<Oddity> {
        let bits = hash(self.seed, key);
        let index = usize::try_from(bits & 7).unwrap_or(0);
        (fraction(bits) < self.share).then(|| ODDITIES[index])
    }

    /// Whether a record of this key is listed twice.
    pub(crate) fn is_twice(self, key: &str) -> bool {
        self.of(key) == Some(Oddity::Twice)
    }

    /// Prints a resource onto a page, once or twice.
    pub(crate) fn print(self, resource: &Resource, page: &mut Vec<String>) {
        let text = match self.of(&resource.key) {
            None | Some(Oddity::Twice) => resource.body.to_string(),
            Some(oddity) => dressed(resource, oddity).to_string(),
        };
        if self.is_twice(&resource.key) {
            page.push(text.clone());
        }
        page.push(text);
    }
}

fn dressed(resource: &Resource, oddity: Oddity) -> Value {
    let mut body = resource.body.clone();
    match oddity {
        Oddity::LowerCaseIds => lower_ids(&mut body),
        Oddity::SlashedType => body["type"] = json!(format!("/{}", resource.kind.type_name())),
        Oddity::OtherName if resource.kind.is_child() => body["name"] = json!(resource.name),
        Oddity::OtherName => body["name"] = json!(resource.name.to_ascii_uppercase()),
        Oddity::Twice => {}
        Oddity::NullSystemData => body["systemData"] = Value::Null,
        Oddity::EmptySystemData => {
            for field in ["createdBy", "createdByType", "lastModifiedBy", "lastModifiedByType"] {
                body["systemData"][field] = Value::Null;
            }
        }
        Oddity::OtherTimes => other_times(&mut body),
        Oddity::OtherValues => other_values(resource.kind, &mut body),
    }
    body
}

fn lower_ids(value: &mut Value) {
    match value {
        Value::String(text) if text.starts_with("/subscriptions/") => {
            for (spelled, lower) in [
                ("/resourceGroups/", "/resourcegroups/"),
                ("/hostPools/", "/hostpools/"),
                ("/applicationGroups/", "/applicationgroups/"),
            ] {
                *text = text.replace(spelled, lower);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(lower_ids),
        Value::Object(fields) => fields.values_mut().for_each(lower_ids),
        _ => {}
    }
}

/// Two digits of fraction and a zone, or none of either.
fn other_times(body: &mut Value) {
    for field in ["createdAt", "lastModifiedAt"] {
        shorten(&mut body["systemData"][field], 2, "Z");
    }
    for field in ["lastHeartBeat", "statusTimestamp", "lastUpdateTime"] {
        if let Some(time) = body["properties"].get_mut(field) {
            shorten(time, 0, "");
        }
    }
}

fn shorten(time: &mut Value, digits: usize, zone: &str) {
    let Some((seconds, fraction)) = time.as_str().and_then(|text| text.split_once('.')) else {
        return;
    };
    let kept: String = fraction.chars().take(digits).collect();
    let point = if digits == 0 { "" } else { "." };
    *time = json!(format!("{seconds}{point}{kept}{zone}"));
}

fn other_values(kind: Kind, body: &mut Value) {
    match kind {
        Kind::Application => body["properties"]["applicationType"] = json!("Inbuilt"),
        Kind::HostPool => {
            body["tags"] = Value::Null;
            body["properties"]["vmTemplate"] = json!("{json:json}");
        }
        Kind::ApplicationGroup | Kind::Workspace => body["tags"] = json!({}),
        Kind::SessionHost | Kind::Desktop => {}
    }
}
