//! A resource of Azure, as the facts keep it.

use super::item::Item;
use super::kinds::SESSION_HOSTS;
use super::redact::redact;
use super::wire::parsed;
use poolwarden_domain::ArmId;
use poolwarden_domain::access::ArmResource;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// A resource, from ARM or a row of Resource Graph; its secrets are left out.
pub(super) fn resource(raw: &RawValue) -> Result<ArmResource, String> {
    resource_of(parsed(raw)?)
}

/// The same, from any writer.
pub(super) fn resource_of(mut value: Value) -> Result<ArmResource, String> {
    redact(&mut value);
    let item = Item::of(&value)?;
    let id = ArmId::new(item.own("id").ok_or("has no id")?);
    let kind = item
        .own("type")
        .filter(|kind| kind.contains('/'))
        .map(|kind| kind.trim_start_matches('/').to_ascii_lowercase());
    let kind = kind.or_else(|| type_of(&id)).ok_or("says neither by type nor by id what it is")?;
    let location = item.own("location").map(str::to_owned);
    Ok(ArmResource { id, kind, location, body: value })
}

/// A session host, of which only the virtual machine matters.
pub(super) fn session_host(raw: &RawValue) -> Result<ArmResource, String> {
    let value = parsed(raw)?;
    let item = Item::of(&value)?;
    let id = ArmId::new(item.own("id").ok_or("has no id")?);
    let body = json!({ "properties": { "resourceId": item.text("resourceId") } });
    Ok(ArmResource { id, kind: SESSION_HOSTS.to_owned(), location: None, body })
}

/// The type that an id names: `namespace/type/type` after its last provider.
pub(super) fn type_of(id: &ArmId) -> Option<String> {
    const PROVIDERS: &str = "/providers/";
    let lower = id.canonical();
    let at = lower.rfind(PROVIDERS)? + PROVIDERS.len();
    let parts: Vec<&str> = lower[at..].split('/').collect();
    let (namespace, rest) = parts.split_first()?;
    let types: Vec<&str> = rest.chunks_exact(2).map(|pair| pair[0]).collect();
    (!types.is_empty() && rest.len() % 2 == 0).then(|| format!("{namespace}/{}", types.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_lower_case_and_has_no_leading_slash() {
        let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DesktopVirtualization/hostPools/p";
        let read = |value: Value| resource_of(value).unwrap().kind;
        let expected = "microsoft.desktopvirtualization/hostpools";
        assert_eq!(read(json!({"id": id, "type": "/Microsoft.DesktopVirtualization/hostPools"})), expected);
        assert_eq!(read(json!({"id": id, "type": null})), expected);
        assert_eq!(read(json!({"id": format!("{id}/sessionHosts/h")})), format!("{expected}/sessionhosts"));
        assert!(resource_of(json!({"id": "/x"})).is_err());
    }

    #[test]
    fn the_registration_token_does_not_get_in() {
        let value = json!({"id": "/providers/a/b/c", "properties": {"registrationInfo": {"token": "never"}}});
        assert!(!format!("{:?}", resource_of(value)).contains("never"));
    }
}
