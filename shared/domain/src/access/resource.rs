//! A resource as Azure Resource Manager describes it, for rules that look at what it is made of.

use crate::ArmId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A resource: its id, its type, and its body as read. Secrets are not in it: whoever reads it leaves them out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ArmResource {
    /// Its resource id.
    pub id: ArmId,
    /// Its type in lower case, such as `microsoft.compute/virtualmachines`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The Azure region, if it has one.
    #[serde(default)]
    pub location: Option<String>,
    /// The whole body, `properties` and what stands beside them (`sku`, `zones`, `identity`, `tags`).
    pub body: Value,
}

/// A value by a path of names; they compare without regard to case, and null is as good as absent.
pub(crate) fn at<'a>(mut value: &'a Value, path: &str) -> Option<&'a Value> {
    for name in path.split('/') {
        value = value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?.1;
    }
    Some(value).filter(|value| !value.is_null())
}

impl ArmResource {
    /// A value of its properties by a path of names, `networkAcls/defaultAction`; names compare without regard to case.
    pub fn property(&self, path: &str) -> Option<&Value> {
        self.at(&format!("properties/{path}"))
    }

    /// A value of its body by a path of names, `sku/name`.
    pub fn at(&self, path: &str) -> Option<&Value> {
        at(&self.body, path)
    }

    /// A text of its properties.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.property(path)?.as_str()
    }

    /// A truth value of its properties.
    pub fn flag(&self, path: &str) -> Option<bool> {
        self.property(path)?.as_bool()
    }

    /// A number of its properties.
    pub fn number(&self, path: &str) -> Option<f64> {
        self.property(path)?.as_f64()
    }

    /// A list of its properties; an absent one is empty.
    pub fn list(&self, path: &str) -> &[Value] {
        self.property(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// A reference to another resource in its properties.
    pub fn reference(&self, path: &str) -> Option<ArmId> {
        self.text(path).filter(|id| !id.trim().is_empty()).map(ArmId::new)
    }
}
