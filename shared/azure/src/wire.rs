//! The shapes in which Azure and its tools write what an estate consists of, and how they become domain types.
//!
//! One reader serves three writers: REST (`{id, properties: {…}}`), the Azure CLI and Resource Graph rows (properties
//! at the top level). Only the fields named here are ever parsed; a host pool's registration token is not among them.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use poolwarden_domain::ArmId;
use poolwarden_domain::estate::{
    ApplicationGroup, CommandLineSetting, HostPool, Permission, Principal, Resource, ResourceKind, RoleAssignment,
    RoleDefinition, Subscription, Workspace,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

pub(crate) type Text<'a> = Option<Cow<'a, str>>;

/// Base64 with or without padding: both are seen.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    location: Text<'a>,
    #[serde(borrow, default)]
    properties: Option<&'a RawValue>,
}

/// The head of an item and its properties, wherever those are.
fn parts<'a, P: Deserialize<'a>>(item: &'a RawValue) -> Result<(Head<'a>, P), String> {
    let head: Head<'a> = serde_json::from_str(item.get()).map_err(|error| complaint(&error))?;
    if head.id.trim().trim_matches('/').is_empty() {
        return Err("has no id".to_owned());
    }
    let properties = head.properties.filter(|properties| properties.get().starts_with('{')).unwrap_or(item);
    let properties = serde_json::from_str(properties.get()).map_err(|error| complaint(&error))?;
    Ok((head, properties))
}

/// serde's words for a missing or mistyped field, without any value of it.
pub(crate) fn complaint(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    if text.starts_with("missing field") {
        format!("lacks something ({text})")
    } else {
        format!("is not what it should be (at column {})", error.column())
    }
}

fn required(text: Text<'_>, field: &str) -> Result<String, String> {
    optional(text).ok_or_else(|| format!("lacks {field}"))
}

/// Absent and empty are the same: Resource Graph writes the one, REST the other.
pub(crate) fn optional(text: Text<'_>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty()).map(Cow::into_owned)
}

/// A yes or no, also as text: a projected column may come as either.
pub(crate) fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Bool(bool),
        Text(String),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Option::<Flag>::deserialize(deserializer)? {
        Some(Flag::Bool(flag)) => Some(flag),
        Some(Flag::Text(text)) if text.eq_ignore_ascii_case("true") => Some(true),
        Some(Flag::Text(text)) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    })
}

/// A host pool.
pub(crate) fn host_pool(item: &RawValue) -> Result<HostPool, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Properties<'a> {
        #[serde(borrow, default)]
        object_id: Text<'a>,
        #[serde(borrow, default)]
        friendly_name: Text<'a>,
        #[serde(borrow, default)]
        host_pool_type: Text<'a>,
        #[serde(borrow, default)]
        preferred_app_group_type: Text<'a>,
        #[serde(borrow, default)]
        application_group_references: Option<Vec<Cow<'a, str>>>,
    }
    let (head, properties) = parts::<Properties<'_>>(item)?;
    let references = properties.application_group_references.unwrap_or_default();
    Ok(HostPool {
        id: ArmId::new(&head.id),
        object_id: optional(properties.object_id).unwrap_or_default(),
        friendly_name: optional(properties.friendly_name),
        location: optional(head.location).unwrap_or_default(),
        host_pool_type: optional(properties.host_pool_type),
        preferred_app_group_type: optional(properties.preferred_app_group_type),
        application_group_references: references.iter().map(|id| ArmId::new(id)).collect(),
    })
}

/// An application group.
pub(crate) fn application_group(item: &RawValue) -> Result<ApplicationGroup, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Properties<'a> {
        #[serde(borrow, default)]
        object_id: Text<'a>,
        #[serde(borrow, default)]
        friendly_name: Text<'a>,
        #[serde(borrow, default)]
        application_group_type: Text<'a>,
        #[serde(borrow, default)]
        host_pool_arm_path: Text<'a>,
        #[serde(borrow, default)]
        workspace_arm_path: Text<'a>,
        #[serde(default, deserialize_with = "flag")]
        show_in_feed: Option<bool>,
        #[serde(default, deserialize_with = "flag")]
        cloud_pc_resource: Option<bool>,
    }
    let (head, properties) = parts::<Properties<'_>>(item)?;
    let kind = required(properties.application_group_type, "applicationGroupType")?;
    let kind = match kind.to_ascii_lowercase().as_str() {
        "desktop" => ResourceKind::Desktop,
        "remoteapp" | "railapplication" | "railapplications" => ResourceKind::RemoteApp,
        _ => return Err("has an applicationGroupType that is neither Desktop nor RemoteApp".to_owned()),
    };
    Ok(ApplicationGroup {
        id: ArmId::new(&head.id),
        object_id: optional(properties.object_id).unwrap_or_default(),
        friendly_name: optional(properties.friendly_name),
        kind,
        host_pool: ArmId::new(&required(properties.host_pool_arm_path, "hostPoolArmPath")?),
        workspace: optional(properties.workspace_arm_path).map(|id| ArmId::new(&id)),
        show_in_feed: properties.show_in_feed,
        cloud_pc: properties.cloud_pc_resource.unwrap_or_default(),
    })
}

/// A subscription, as REST and as `az account list` write it.
pub(crate) fn subscription(item: &RawValue) -> Result<Subscription, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shape<'a> {
        #[serde(borrow, default)]
        subscription_id: Text<'a>,
        #[serde(borrow, default)]
        id: Text<'a>,
        #[serde(borrow, default, alias = "name")]
        display_name: Text<'a>,
    }
    let shape: Shape<'_> = serde_json::from_str(item.get()).map_err(|error| complaint(&error))?;
    let id = optional(shape.subscription_id).or_else(|| optional(shape.id)).ok_or("has no id")?;
    let id = id.rsplit('/').next().unwrap_or(&id).to_owned();
    Ok(Subscription { display_name: optional(shape.display_name).unwrap_or_else(|| id.clone()), id })
}

/// A workspace.
pub(crate) fn workspace(item: &RawValue) -> Result<Workspace, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Properties<'a> {
        #[serde(borrow, default)]
        object_id: Text<'a>,
        #[serde(borrow, default)]
        friendly_name: Text<'a>,
    }
    let (head, properties) = parts::<Properties<'_>>(item)?;
    Ok(Workspace {
        id: ArmId::new(&head.id),
        object_id: optional(properties.object_id).unwrap_or_default(),
        friendly_name: optional(properties.friendly_name),
    })
}

/// The application groups that a workspace names.
pub(crate) fn workspace_groups(item: &RawValue) -> Result<Vec<ArmId>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Properties<'a> {
        #[serde(borrow, default)]
        application_group_references: Option<Vec<Cow<'a, str>>>,
    }
    let (_, properties) = parts::<Properties<'_>>(item)?;
    let references = properties.application_group_references.unwrap_or_default();
    Ok(references.iter().map(|id| ArmId::new(id)).collect())
}

/// A desktop or RemoteApp.
pub(crate) fn resource(item: &RawValue) -> Result<Resource, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Properties<'a> {
        #[serde(borrow, default)]
        object_id: Text<'a>,
        #[serde(borrow, default)]
        friendly_name: Text<'a>,
        #[serde(borrow, default)]
        description: Text<'a>,
        #[serde(default, deserialize_with = "flag")]
        show_in_portal: Option<bool>,
        #[serde(borrow, default)]
        file_path: Text<'a>,
        #[serde(borrow, default)]
        command_line_setting: Text<'a>,
        #[serde(borrow, default)]
        command_line_arguments: Text<'a>,
        #[serde(borrow, default)]
        icon_content: Text<'a>,
    }
    let (head, properties) = parts::<Properties<'_>>(item)?;
    let id = ArmId::new(&head.id);
    let setting = optional(properties.command_line_setting).map(|setting| setting.to_ascii_lowercase());
    Ok(Resource {
        object_id: optional(properties.object_id).unwrap_or_default(),
        name: id.name().to_owned(),
        id,
        friendly_name: optional(properties.friendly_name),
        description: optional(properties.description),
        show_in_portal: properties.show_in_portal,
        file_path: optional(properties.file_path),
        command_line_setting: match setting.as_deref() {
            Some("allow") => Some(CommandLineSetting::Allow),
            Some("require") => Some(CommandLineSetting::Require),
            Some("donotallow") => Some(CommandLineSetting::DoNotAllow),
            _ => None,
        },
        command_line_arguments: optional(properties.command_line_arguments),
        icon: properties.icon_content.filter(|icon| !icon.is_empty()).map(|icon| icon_bytes(&icon)),
        icon_sha256: None,
        feed: None,
        rdp: None,
    })
}

/// An icon's bytes. Text that is no base64 stays as it is: whoever checks the picture will say that it is none.
fn icon_bytes(text: &str) -> Vec<u8> {
    BASE64.decode(text.trim()).unwrap_or_else(|_| text.as_bytes().to_vec())
}

/// A role assignment.
pub(crate) fn role_assignment(item: &RawValue) -> Result<RoleAssignment, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Properties<'a> {
        #[serde(borrow, default)]
        scope: Text<'a>,
        #[serde(borrow, default)]
        role_definition_id: Text<'a>,
        #[serde(borrow, default)]
        principal_id: Text<'a>,
        #[serde(borrow, default)]
        principal_type: Text<'a>,
        #[serde(borrow, default)]
        condition: Text<'a>,
    }
    let (head, properties) = parts::<Properties<'_>>(item)?;
    let id = ArmId::new(&head.id);
    // Without a scope of its own, it holds where its id says that it is.
    let holder =
        id.as_str().to_ascii_lowercase().rfind("/providers/microsoft.authorization/").map(|end| &id.as_str()[..end]);
    let scope = optional(properties.scope).or_else(|| holder.map(str::to_owned)).ok_or("lacks a scope")?;
    Ok(RoleAssignment {
        scope: ArmId::new(&scope),
        role_definition_id: ArmId::new(&required(properties.role_definition_id, "roleDefinitionId")?),
        principal: Principal {
            id: required(properties.principal_id, "principalId")?,
            kind: optional(properties.principal_type).unwrap_or_default(),
        },
        condition: optional(properties.condition),
        id,
    })
}

/// A role definition, as REST writes it.
pub(crate) fn role_definition(item: &RawValue) -> Result<RoleDefinition, String> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Block {
        actions: Option<Vec<String>>,
        not_actions: Option<Vec<String>>,
        data_actions: Option<Vec<String>>,
        not_data_actions: Option<Vec<String>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Properties<'a> {
        #[serde(borrow, default)]
        role_name: Text<'a>,
        permissions: Vec<Block>,
    }
    let (head, properties) = parts::<Properties<'_>>(item)?;
    let permission = |block: Block| Permission {
        actions: block.actions.unwrap_or_default(),
        not_actions: block.not_actions.unwrap_or_default(),
        data_actions: block.data_actions.unwrap_or_default(),
        not_data_actions: block.not_data_actions.unwrap_or_default(),
    };
    Ok(RoleDefinition {
        id: ArmId::new(&head.id),
        role_name: optional(properties.role_name).unwrap_or_default(),
        permissions: properties.permissions.into_iter().map(permission).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json, value::to_raw_value};

    fn raw(value: &Value) -> Box<RawValue> {
        to_raw_value(value).unwrap()
    }

    #[test]
    fn rest_and_flattened_shapes_are_the_same_pool() {
        let properties = json!({
            "objectId": "o", "friendlyName": "", "hostPoolType": "Pooled", "applicationGroupReferences": ["/a", "b"],
            "registrationInfo": {"token": 7}, "vmTemplate": ["odd"],
        });
        let rest =
            json!({"id": "subscriptions/S/hostPools/p", "location": "weu", "tags": null, "properties": properties});
        let mut flat = properties.clone();
        flat["id"] = json!("subscriptions/S/hostPools/p");
        flat["location"] = json!("weu");
        let pool = host_pool(&raw(&rest)).unwrap();
        assert_eq!(pool, host_pool(&raw(&flat)).unwrap());
        assert_eq!(pool.friendly_name, None);
        assert_eq!(pool.application_group_references, [ArmId::new("/a"), ArmId::new("/b")]);
    }

    #[test]
    fn what_is_wrong_with_an_item_is_said_without_its_values() {
        let group = |value: Value| application_group(&raw(&value)).unwrap_err();
        assert_eq!(group(json!({"properties": {}})), "lacks something (missing field `id`)");
        assert_eq!(group(json!({"id": "/x", "properties": {}})), "lacks applicationGroupType");
        let odd = json!({"id": "/x", "properties": {"applicationGroupType": "Cloud", "hostPoolArmPath": "/p"}});
        assert_eq!(group(odd), "has an applicationGroupType that is neither Desktop nor RemoteApp");
        let mistyped = group(json!({"id": "/x", "properties": {"objectId": {"secret": 1}}}));
        assert!(mistyped.starts_with("is not what it should be") && !mistyped.contains("secret"), "{mistyped}");
    }

    #[test]
    fn icons_come_as_their_bytes() {
        for (written, bytes) in [("aGk=", &b"hi"[..]), ("aGk", b"hi"), ("no base64!", b"no base64!")] {
            let item = json!({"id": "/g/applications/a", "properties": {"iconContent": written}});
            assert_eq!(resource(&raw(&item)).unwrap().icon.unwrap(), bytes);
        }
    }

    #[test]
    fn an_assignment_without_a_scope_holds_where_its_id_is() {
        let properties = json!({"roleDefinitionId": "/r", "principalId": "p"});
        let item = json!({"id": "/subscriptions/s/providers/Microsoft.authorization/roleAssignments/a", "properties": properties});
        let assignment = role_assignment(&raw(&item)).unwrap();
        assert_eq!(assignment.scope, ArmId::new("/subscriptions/s"));
        assert_eq!(assignment.principal.kind, "");
    }
}
