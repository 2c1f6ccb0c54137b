//! Microsoft Graph's objects as they are on the wire, and what they mean. Nothing in them is trusted: ids that are no
//! ids are refused, and texts are cut.

use crate::answers::excerpt;
use jiff::Timestamp;
use poolwarden_domain::access::{ClientCredential, DirectoryObject, ServicePrincipalKind, principal_id};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// Longest name that is kept, in characters.
const NAME_CHARS: usize = 256;
/// Longest resource id that is taken, in bytes.
const RESOURCE_BYTES: usize = 1_024;
/// Most secrets of one application that are kept.
const MAX_PASSWORDS: usize = 1_000;

/// A user, group, service principal or anything else.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Object {
    #[serde(rename = "@odata.type", default)]
    odata_type: Option<String>,
    id: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    user_principal_name: Option<String>,
    #[serde(default)]
    user_type: Option<String>,
    #[serde(default)]
    account_enabled: Option<bool>,
    #[serde(default)]
    is_assignable_to_role: Option<bool>,
    #[serde(default)]
    visibility: Option<String>,
    #[serde(default)]
    app_id: Option<String>,
    #[serde(default)]
    service_principal_type: Option<String>,
    #[serde(default)]
    app_owner_organization_id: Option<String>,
    #[serde(default)]
    alternative_names: Option<Vec<String>>,
    #[serde(default)]
    password_credentials: Option<Vec<Password>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Password {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    start_date_time: Option<Timestamp>,
    #[serde(default)]
    end_date_time: Option<Timestamp>,
}

/// An object that was read.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) id: String,
    pub(super) object: DirectoryObject,
    /// Whether the service kept back all but its id and type, as it does for what one may not read.
    pub(super) is_bare: bool,
    /// Whether it is a group whose members are hidden from most.
    pub(super) is_hidden: bool,
}

/// Reads one item, or tells in words why it cannot.
pub(super) fn item<T: DeserializeOwned>(item: &RawValue) -> Result<T, String> {
    serde_json::from_str(item.get()).map_err(|_| format!("cannot be understood: {}", excerpt(item.get().as_bytes())))
}

/// An id of the directory: a GUID, or nothing.
pub(super) fn id(text: &str) -> Option<String> {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let id = principal_id(text);
    let is_right = |(at, byte): (usize, u8)| {
        if DASHES.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() }
    };
    (id.len() == 36 && id.bytes().enumerate().all(is_right)).then_some(id)
}

/// The same for an item that has to have one.
pub(super) fn needed_id(text: &str) -> Result<String, String> {
    id(text).ok_or_else(|| format!("has no id but {}", excerpt(text.as_bytes())))
}

/// Text for people, cut.
pub(super) fn short(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(NAME_CHARS).collect()
}

fn passwords(list: Option<Vec<Password>>) -> Vec<ClientCredential> {
    let list = list.unwrap_or_default().into_iter().take(MAX_PASSWORDS);
    let credential = |password: Password| ClientCredential {
        key_id: short(&password.key_id.unwrap_or_default()),
        start: password.start_date_time,
        end: password.end_date_time,
    };
    list.map(credential).collect()
}

/// Reads an object whose type it names itself.
pub(super) fn object(raw: &RawValue) -> Result<Seen, String> {
    let object: Object = item(raw)?;
    let odata_type = object.odata_type.as_deref().unwrap_or_default().to_ascii_lowercase();
    let kind = odata_type.trim_start_matches("#microsoft.graph.").to_owned();
    object.seen(&kind)
}

/// Reads a user of a list of users.
pub(super) fn user(raw: &RawValue) -> Result<Seen, String> {
    item::<Object>(raw)?.seen("user")
}

/// Reads a group of a list of groups.
pub(super) fn group(raw: &RawValue) -> Result<Seen, String> {
    item::<Object>(raw)?.seen("group")
}

/// Reads a service principal of a list of them.
pub(super) fn service_principal(raw: &RawValue) -> Result<Seen, String> {
    item::<Object>(raw)?.seen("serviceprincipal")
}

impl Object {
    fn seen(self, kind: &str) -> Result<Seen, String> {
        let id = needed_id(&self.id)?;
        // What one may not read comes with its id and its type, and null for the rest.
        let is_bare = self.display_name.is_none()
            && match kind {
                "user" => self.user_principal_name.is_none() && self.account_enabled.is_none(),
                "serviceprincipal" => self.app_id.is_none(),
                kind => kind == "group",
            };
        let is_hidden = self.visibility.as_deref().is_some_and(|one| one.eq_ignore_ascii_case("HiddenMembership"));
        let name = self.display_name.as_deref().map(short).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| id.clone());
        let object = match kind {
            "user" => {
                let upn = self.user_principal_name.as_deref().map(short);
                // Accounts from before the property existed have none; an invited one shows in its name.
                let looks_invited = || upn.as_deref().is_some_and(|upn| upn.to_ascii_uppercase().contains("#EXT#"));
                let guest = self.user_type.as_deref().map_or_else(looks_invited, |of| of.eq_ignore_ascii_case("Guest"));
                DirectoryObject::User { name, guest, upn, enabled: self.account_enabled }
            }
            "group" => DirectoryObject::Group { name, role_assignable: self.is_assignable_to_role == Some(true) },
            "serviceprincipal" => DirectoryObject::ServicePrincipal {
                name,
                app_id: self.app_id.as_deref().and_then(self::id).unwrap_or_default(),
                kind: match self.service_principal_type.as_deref() {
                    Some("Application") => ServicePrincipalKind::Application,
                    Some("ManagedIdentity") => ServicePrincipalKind::ManagedIdentity,
                    _ => ServicePrincipalKind::Other,
                },
                enabled: self.account_enabled,
                owner_tenant: self.app_owner_organization_id.as_deref().and_then(self::id),
                owners: None,
                passwords: passwords(self.password_credentials),
                resource: resource(self.alternative_names),
            },
            _ => DirectoryObject::Other { name },
        };
        Ok(Seen { id, object, is_bare, is_hidden })
    }
}

/// The resource that a managed identity is of.
fn resource(names: Option<Vec<String>>) -> Option<String> {
    let is_resource = |name: &String| name.get(..15).is_some_and(|head| head.eq_ignore_ascii_case("/subscriptions/"));
    names?.into_iter().find(is_resource).filter(|name| name.len() <= RESOURCE_BYTES && !name.contains(char::is_control))
}

/// An application of a list of them.
pub(super) fn application(raw: &RawValue) -> Result<poolwarden_domain::access::Application, String> {
    let object: Object = item(raw)?;
    Ok(poolwarden_domain::access::Application {
        id: needed_id(&object.id)?,
        app_id: needed_id(object.app_id.as_deref().unwrap_or_default())?,
        name: short(object.display_name.as_deref().unwrap_or_default()),
        passwords: passwords(object.password_credentials),
    })
}

/// Reads nothing but an object's id.
pub(super) fn only_id(raw: &RawValue) -> Result<String, String> {
    needed_id(&item::<Object>(raw)?.id)
}

/// Reads a member's id, and whether it may be a group.
pub(super) fn member(raw: &RawValue) -> Result<(String, bool), String> {
    let object: Object = item(raw)?;
    Ok((needed_id(&object.id)?, may_be_group(object.odata_type.as_deref())))
}

/// Whether something of this type may be a group: it is one, or nobody says what it is.
pub(super) fn may_be_group(odata_type: Option<&str>) -> bool {
    odata_type.is_none_or(|of| of.eq_ignore_ascii_case("#microsoft.graph.group"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "0B5F8D5C-1D0E-4C5A-9C57-0F4D2E3A1B01";

    fn raw(value: &serde_json::Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(value).unwrap()
    }

    #[test]
    fn a_guest_is_one_by_type_or_where_there_is_none_by_name() {
        let is_guest = |value: serde_json::Value| match object(&raw(&value)).unwrap().object {
            DirectoryObject::User { guest, .. } => guest,
            other => panic!("{other:?}"),
        };
        let user = |extra: serde_json::Value| {
            let mut user = json!({"@odata.type": "#microsoft.graph.user", "id": ID, "displayName": "A"});
            user.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            user
        };
        assert!(is_guest(user(json!({"userType": "Guest"}))));
        assert!(!is_guest(user(json!({"userType": "Member", "userPrincipalName": "a_x#EXT#@y"}))));
        assert!(is_guest(user(json!({"userType": null, "userPrincipalName": "a_x#ext#@y"}))));
        assert!(!is_guest(user(json!({"userPrincipalName": "a@y"}))));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        assert_eq!(id(ID).as_deref(), Some("0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b01"));
        assert_eq!(id(&ID.replace('-', "")), id(ID));
        for wrong in ["", "a", "' or id eq '", "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b0g", "../../users"] {
            assert_eq!(id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_managed_identity_names_its_resource() {
        let resource_id = "/subscriptions/s/resourcegroups/g/providers/Microsoft.Compute/virtualMachines/v";
        let identity = json!({"id": ID, "displayName": "CWMGR1", "appId": ID, "servicePrincipalType": "ManagedIdentity", "alternativeNames": ["isExplicit=False", resource_id]});
        let seen = service_principal(&raw(&identity)).unwrap();
        let DirectoryObject::ServicePrincipal { resource, kind, .. } = seen.object else { panic!() };
        assert_eq!((resource.as_deref(), kind), (Some(resource_id), ServicePrincipalKind::ManagedIdentity));
        assert!(!seen.is_bare);
    }

    #[test]
    fn what_may_not_be_read_is_told_from_what_is_empty() {
        let bare = json!({"@odata.type": "#microsoft.graph.user", "id": ID, "displayName": null});
        assert!(object(&raw(&bare)).unwrap().is_bare);
        let group = json!({"@odata.type": "#microsoft.graph.group", "id": ID, "visibility": "HiddenMembership"});
        assert!(object(&raw(&group)).unwrap().is_hidden);
    }
}
