//! The bodies of new resources, with every property the provider prints.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    icons::Icon,
    model::{Kind, Resource},
};
use crate::{clock::seven_digits, dice::Dice};

/// What a planted registration token starts with: it must appear nowhere but
/// in an answer of ARM.
pub const REGISTRATION_SECRET_PREFIX: &str = "SIMULATED-REGISTRATION-SECRET-";

/// A resource from its id and properties. `None` when the id is not one of an
/// AVD resource.
pub(crate) fn resource(id: &str, location: &str, tags: Value, properties: Value, system: Value) -> Option<Resource> {
    let mut resource = Resource::new(id, Value::Null)?;
    let name = match resource.parent_key() {
        Some(_) => {
            let mut segments = id.rsplit('/');
            let leaf = segments.next()?;
            let parent = segments.nth(1)?;
            format!("{parent}/{leaf}")
        }
        None => resource.name.clone(),
    };
    let mut body = json!({
        "name": name,
        "id": id,
        "type": resource.kind.type_name(),
    });
    if !resource.kind.is_child() {
        body["location"] = json!(location);
        body["tags"] = tags;
    }
    body["systemData"] = system;
    body["properties"] = properties;
    resource.body = body;
    Some(resource)
}

/// Moments in the two years before 2025, as the estate's history.
pub(crate) fn moment(dice: &mut Dice) -> String {
    let start = Timestamp::constant(1_672_531_200, 0);
    let seconds = i64::try_from(dice.below(63_072_000)).unwrap_or(0);
    let ticks = i32::try_from(dice.below(10_000_000)).unwrap_or(0);
    seven_digits(start.checked_add(SignedDuration::new(seconds, ticks * 100)).unwrap_or(start))
}

pub(crate) fn system_data(dice: &mut Dice) -> Value {
    let created = moment(dice);
    json!({
        "createdBy": "admin@contoso.example",
        "createdByType": "User",
        "createdAt": created,
        "lastModifiedBy": "deploy@contoso.example",
        "lastModifiedByType": "Application",
        "lastModifiedAt": created,
    })
}

pub(crate) fn host_pool(dice: &mut Dice, friendly: &str, preferred: &str) -> Value {
    let personal = dice.chance(0.25);
    let secret = format!("{REGISTRATION_SECRET_PREFIX}{}", dice.guid());
    json!({
        "objectId": dice.guid(),
        "friendlyName": friendly,
        "description": format!("Host pool {friendly}"),
        "hostPoolType": if personal { "Personal" } else { "Pooled" },
        "personalDesktopAssignmentType": if personal { json!("Automatic") } else { Value::Null },
        "customRdpProperty": "drivestoredirect:s:;audiomode:i:0;redirectclipboard:i:0;enablerdsaadauth:i:1;",
        "maxSessionLimit": if personal { 1 } else { 16 },
        "loadBalancerType": if personal { "Persistent" } else { *dice.pick(&["BreadthFirst", "DepthFirst"]) },
        "validationEnvironment": dice.chance(0.1),
        "ring": null,
        "registrationInfo": {
            "expirationTime": moment(dice),
            "token": secret,
            "registrationTokenOperation": "None",
        },
        "vmTemplate": json!({"domain": "contoso.example", "vmSize": {"id": "Standard_D4s_v5"}}).to_string(),
        "ssoadfsAuthority": null,
        "ssoClientId": null,
        "ssoClientSecretKeyVaultPath": null,
        "ssoSecretType": null,
        "preferredAppGroupType": preferred,
        "startVMOnConnect": dice.chance(0.5),
        "publicNetworkAccess": "Enabled",
        "cloudPcResource": false,
        "agentUpdate": null,
        "applicationGroupReferences": [],
    })
}

pub(crate) fn session_host(dice: &mut Dice, machine_id: &str) -> Value {
    let status = if dice.chance(0.9) {
        "Available"
    } else {
        *dice.pick(&["Unavailable", "Shutdown", "NeedsAssistance", "Upgrading"])
    };
    let seen = moment(dice);
    json!({
        "objectId": dice.guid(),
        "lastHeartBeat": seen,
        "sessions": dice.below(12),
        "agentVersion": "1.0.9742.2500",
        "allowNewSession": dice.chance(0.9),
        "assignedUser": null,
        "status": status,
        "statusTimestamp": seen,
        "osVersion": "10.0.22631.4169",
        "sxSStackVersion": "rdp-sxs240705700",
        "updateState": "Succeeded",
        "lastUpdateTime": seen,
        "updateErrorMessage": null,
        "virtualMachineId": dice.guid(),
        "friendlyName": null,
        "resourceId": machine_id,
        "sessionHostHealthCheckResults": [{
            "healthCheckName": "DomainJoinedCheck",
            "healthCheckResult": "HealthCheckSucceeded",
            "additionalFailureDetails": {
                "message": "SessionHost healthy: is joined to domain ≤contoso.example≥",
                "errorCode": if dice.chance(0.1) { -2_147_467_259 } else { 0 },
                "lastHealthCheckDateTime": seen,
            },
        }],
    })
}

pub(crate) fn application_group(dice: &mut Dice, friendly: &str, group_type: &str, pool_id: &str) -> Value {
    json!({
        "objectId": dice.guid(),
        "description": format!("{group_type} group {friendly}"),
        "friendlyName": friendly,
        "hostPoolArmPath": pool_id,
        "workspaceArmPath": null,
        "applicationGroupType": group_type,
        "cloudPcResource": false,
        "showInFeed": true,
    })
}

pub(crate) fn application(dice: &mut Dice, friendly: &str, path: &str, icon: Option<&Icon>) -> Value {
    json!({
        "objectId": dice.guid(),
        "description": format!("{friendly} for everyone"),
        "friendlyName": friendly,
        "filePath": path,
        "commandLineSetting": *dice.pick(&["DoNotAllow", "Allow", "Require"]),
        "commandLineArguments": if dice.chance(0.3) { "/profile \"default user\"" } else { "" },
        "showInPortal": true,
        "iconPath": path,
        "iconIndex": 0,
        "iconHash": icon.map(|icon| icon.hash.clone()),
        "iconContent": icon.map(|icon| icon.content.clone()),
        "applicationType": "InBuilt",
        "msixPackageFamilyName": null,
        "msixPackageApplicationId": null,
    })
}

pub(crate) fn desktop(dice: &mut Dice, friendly: &str, icon: Option<&Icon>) -> Value {
    json!({
        "objectId": dice.guid(),
        "description": "The full desktop",
        "friendlyName": friendly,
        "iconHash": icon.map(|icon| icon.hash.clone()),
        "iconContent": icon.map(|icon| icon.content.clone()),
    })
}

pub(crate) fn workspace(dice: &mut Dice, friendly: &str) -> Value {
    json!({
        "objectId": dice.guid(),
        "description": format!("Workspace {friendly}"),
        "friendlyName": friendly,
        "applicationGroupReferences": [],
        "cloudPcResource": false,
        "publicNetworkAccess": "Enabled",
        "privateEndpointConnections": [],
    })
}

/// The properties a new resource of a kind has before the caller's are laid
/// over them.
pub(crate) fn defaults(kind: Kind, dice: &mut Dice, name: &str) -> Value {
    match kind {
        Kind::HostPool => host_pool(dice, name, "Desktop"),
        Kind::SessionHost => session_host(dice, ""),
        Kind::ApplicationGroup => application_group(dice, name, "RemoteApp", ""),
        Kind::Application => application(dice, name, "", None),
        Kind::Desktop => desktop(dice, name, None),
        Kind::Workspace => workspace(dice, name),
    }
}
