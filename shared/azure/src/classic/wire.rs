//! The shapes in which the classic service and its PowerShell module write what a tenant consists of.
//!
//! One reader serves both: REST writes `hostPoolName`, `Get-RdsHostPool | ConvertTo-Json` writes `HostPoolName`; either
//! writes enumerations as numbers or as text. Only the fields named here are ever parsed: a tenant's `ssoClientSecret`
//! and the token of a registration are not among them.

use crate::wire::{Text, complaint, flag, optional};
use poolwarden_domain::ArmId;
use poolwarden_domain::estate::{
    ApplicationGroup, CommandLineSetting, HostPool, Permission, Principal, Resource, ResourceKind, RoleAssignment,
    RoleDefinition, Workspace,
};
use poolwarden_domain::{classic, entitlement};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The name of the one desktop of a desktop group, should it not be told.
const DESKTOP_NAME: &str = "Remote Desktop";

/// The kinds of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thing {
    Tenant,
    HostPool,
    Group,
    SessionHost,
    RemoteApp,
    Desktop,
    AssignedUser,
}

impl Thing {
    /// What comes before its name in an id.
    fn key(self) -> &'static str {
        match self {
            Self::Tenant => "tenants",
            Self::HostPool => "hostPools",
            Self::Group => "applicationGroups",
            Self::SessionHost => "sessionHosts",
            Self::RemoteApp => "applications",
            Self::Desktop => "desktops",
            Self::AssignedUser => "assignedUsers",
        }
    }
}

/// The names in an item, those that are text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Names<'a> {
    #[serde(borrow, default, alias = "TenantGroupName")]
    tenant_group_name: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "TenantName")]
    tenant_name: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "HostPoolName")]
    host_pool_name: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "AppGroupName")]
    app_group_name: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "RemoteAppName")]
    remote_app_name: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "RemoteDesktopName")]
    remote_desktop_name: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "SessionHostName")]
    session_host_name: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "UserPrincipalName")]
    user_principal_name: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "ResourceType")]
    resource_type: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "Persistent")]
    persistent: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "AadTenantId")]
    aad_tenant_id: Option<&'a RawValue>,
    /// What a registration of session hosts has. Its token is in another field.
    #[serde(borrow, default, alias = "ExpirationUtc", alias = "expirationTime", alias = "ExpirationTime")]
    expiration_utc: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "RoleDefinitionName")]
    role_definition_name: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "SessionId")]
    session_id: Option<&'a RawValue>,
}

fn text_of(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str::<Text<'_>>(value?.get()).ok().and_then(optional)
}

fn names(item: &RawValue) -> Result<Names<'_>, String> {
    serde_json::from_str(item.get()).map_err(|error| complaint(&error))
}

/// The item's own name.
pub(super) fn own_name(item: &RawValue, thing: Thing) -> Option<String> {
    let names = names(item).ok()?;
    match thing {
        Thing::Tenant => text_of(names.tenant_name),
        Thing::HostPool => text_of(names.host_pool_name),
        Thing::Group => text_of(names.app_group_name),
        Thing::SessionHost => text_of(names.session_host_name),
        Thing::RemoteApp => text_of(names.remote_app_name),
        Thing::Desktop => text_of(names.remote_desktop_name).or_else(|| Some(DESKTOP_NAME.to_owned())),
        Thing::AssignedUser => text_of(names.user_principal_name),
    }
}

/// The id of an item of a list, by its own name.
pub(super) fn id_below(holder: &ArmId, item: &RawValue, thing: Thing) -> Option<ArmId> {
    classic::below(holder, thing.key(), &own_name(item, thing)?)
}

/// What a saved item is.
#[derive(Debug, PartialEq)]
pub(crate) enum Identity {
    /// A thing and its id.
    Known(Thing, ArmId),
    /// A thing that does not say which it is, and why.
    Nameless(Thing, String),
    /// Something of the classic service that is of no use here.
    Unused(&'static str),
}

/// What a saved item is, by the names in it; what it does not say is taken from `asked`: what was asked for, and of
/// what. `None` for what is nothing of the classic model.
pub(crate) fn identify(item: &RawValue, asked: Option<&(Thing, ArmId)>) -> Option<Identity> {
    let names = names(item).ok()?;
    let (group, tenant) = (text_of(names.tenant_group_name), text_of(names.tenant_name));
    if tenant.is_none() && asked.is_none() {
        return None;
    }
    let thing = if names.role_definition_name.is_some() {
        return Some(Identity::Unused("a role assignment of the classic service"));
    } else if names.expiration_utc.is_some() {
        return Some(Identity::Unused("a registration of session hosts"));
    } else if names.session_id.is_some() {
        return Some(Identity::Unused("a user's session"));
    } else if let Some((thing, _)) = asked {
        *thing
    } else if names.remote_app_name.is_some() {
        Thing::RemoteApp
    } else if names.remote_desktop_name.is_some() {
        Thing::Desktop
    } else if names.session_host_name.is_some() {
        Thing::SessionHost
    } else if names.user_principal_name.is_some() {
        Thing::AssignedUser
    } else if names.app_group_name.is_some() && names.resource_type.is_some() {
        Thing::Group
    } else if names.host_pool_name.is_some() && names.app_group_name.is_none() && names.persistent.is_some() {
        Thing::HostPool
    } else if names.aad_tenant_id.is_some() && names.host_pool_name.is_none() && tenant.is_some() {
        Thing::Tenant
    } else {
        return Some(Identity::Unused("something of the classic service that publishes nothing"));
    };
    let place = || {
        let asked = |key: &str| asked.and_then(|(_, asked)| classic::name_in(asked, key));
        let needs = |what: &str| format!("does not say of which {what} it is");
        let cannot = || "has a name that cannot be used".to_owned();
        let below = |holder: &ArmId, key: &str, name: &str| classic::below(holder, key, name).ok_or_else(cannot);
        let group = group.or_else(|| asked("tenantGroups"));
        let group = below(&classic::root(), "tenantGroups", group.as_deref().unwrap_or(classic::DEFAULT_TENANT_GROUP))?;
        let mut holder = group;
        let chain = [
            ("tenants", "tenant", tenant.or_else(|| asked("tenants")), Thing::Tenant),
            ("hostPools", "host pool", text_of(names.host_pool_name).or_else(|| asked("hostPools")), Thing::HostPool),
            (
                "applicationGroups",
                "application group",
                text_of(names.app_group_name).or_else(|| asked("applicationGroups")),
                Thing::Group,
            ),
        ];
        for (key, what, name, last) in chain {
            if thing == Thing::SessionHost && last == Thing::Group {
                break;
            }
            holder = below(&holder, key, &name.ok_or_else(|| needs(what))?)?;
            if last == thing {
                return Ok(holder);
            }
        }
        id_below(&holder, item, thing).ok_or_else(cannot)
    };
    Some(match place() {
        Ok(id) => Identity::Known(thing, id),
        Err(why) => Identity::Nameless(thing, why),
    })
}

/// A number or a text: enumerations are written as either.
#[derive(Deserialize)]
#[serde(untagged)]
enum Loose<'a> {
    Number(u64),
    #[serde(borrow)]
    Text(Text<'a>),
    Other(serde::de::IgnoredAny),
}

impl Loose<'_> {
    /// The member, by its number or its name.
    fn member<T: Copy>(&self, members: &[(&str, T)]) -> Option<T> {
        match self {
            Self::Number(number) => members.get(usize::try_from(*number).ok()?).map(|(_, member)| *member),
            Self::Text(text) => {
                let text = text.as_deref()?.trim();
                let by_number = text.parse().ok().and_then(|number: usize| members.get(number));
                let by_name = members.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
                by_number.or(by_name).map(|(_, member)| *member)
            }
            Self::Other(_) => None,
        }
    }
}

/// `AppGroupResource`, in the order of its numbers.
const RESOURCE_TYPES: [(&str, ResourceKind); 2] =
    [("RemoteApp", ResourceKind::RemoteApp), ("Desktop", ResourceKind::Desktop)];
/// `CommandLineSetting`, in the order of its numbers.
const COMMAND_LINE_SETTINGS: [(&str, CommandLineSetting); 3] = [
    ("DoNotAllow", CommandLineSetting::DoNotAllow),
    ("Allow", CommandLineSetting::Allow),
    ("Require", CommandLineSetting::Require),
];

/// What the things have in common and of their own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    #[serde(borrow, default, alias = "FriendlyName")]
    friendly_name: Text<'a>,
    #[serde(borrow, default, alias = "Description")]
    description: Text<'a>,
    #[serde(default, alias = "Persistent", deserialize_with = "flag")]
    persistent: Option<bool>,
    #[serde(borrow, default, alias = "ResourceType")]
    resource_type: Option<Loose<'a>>,
    #[serde(borrow, default, alias = "FilePath")]
    file_path: Text<'a>,
    #[serde(borrow, default, alias = "CommandLineSetting")]
    command_line_setting: Option<Loose<'a>>,
    #[serde(borrow, default, alias = "RequiredCommandLine")]
    required_command_line: Text<'a>,
    #[serde(default, alias = "ShowInWebFeed", deserialize_with = "flag")]
    show_in_web_feed: Option<bool>,
}

fn properties(item: &RawValue) -> Result<Properties<'_>, String> {
    serde_json::from_str(item.get()).map_err(|error| complaint(&error))
}

/// What people call something; its own name where that had to be escaped in the id.
fn friendly(text: Text<'_>, id: &ArmId, thing: Thing) -> Option<String> {
    let own = || classic::name_in(id, thing.key()).filter(|own| own != id.name());
    optional(text).or_else(own)
}

/// A tenant, which stands where a workspace does: it is what the feed shows as a heading.
pub(crate) fn tenant(item: &RawValue, id: &ArmId) -> Result<Workspace, String> {
    let properties = properties(item)?;
    Ok(Workspace {
        object_id: id.canonical(),
        friendly_name: friendly(properties.friendly_name, id, Thing::Tenant),
        id: id.clone(),
    })
}

/// A host pool; its groups are still to be told.
pub(crate) fn host_pool(item: &RawValue, id: &ArmId) -> Result<HostPool, String> {
    let properties = properties(item)?;
    let kind = properties.persistent.map(|persistent| if persistent { "Personal" } else { "Pooled" });
    Ok(HostPool {
        object_id: id.canonical(),
        friendly_name: friendly(properties.friendly_name, id, Thing::HostPool),
        location: String::new(),
        host_pool_type: kind.map(str::to_owned),
        preferred_app_group_type: None,
        application_group_references: Vec::new(),
        id: id.clone(),
    })
}

/// An application group.
pub(crate) fn application_group(item: &RawValue, id: &ArmId) -> Result<ApplicationGroup, String> {
    let properties = properties(item)?;
    let kind = properties.resource_type.ok_or("lacks resourceType")?.member(&RESOURCE_TYPES);
    Ok(ApplicationGroup {
        object_id: id.canonical(),
        friendly_name: friendly(properties.friendly_name, id, Thing::Group),
        kind: kind.ok_or("has a resourceType that is neither Desktop nor RemoteApp")?,
        host_pool: id.up_to("hostPools").ok_or("is on no host pool")?,
        workspace: id.up_to("tenants"),
        show_in_feed: None,
        cloud_pc: false,
        id: id.clone(),
    })
}

/// A desktop or RemoteApp. Its icon is a path on the session host, so nobody can see it from here.
pub(crate) fn resource(item: &RawValue, id: &ArmId) -> Result<Resource, String> {
    let properties = properties(item)?;
    let thing = if id.segment("desktops").is_some() { Thing::Desktop } else { Thing::RemoteApp };
    Ok(Resource {
        object_id: id.canonical(),
        name: classic::name_in(id, thing.key()).unwrap_or_default(),
        friendly_name: optional(properties.friendly_name),
        description: optional(properties.description),
        show_in_portal: properties.show_in_web_feed,
        file_path: optional(properties.file_path),
        command_line_setting: properties.command_line_setting.and_then(|set| set.member(&COMMAND_LINE_SETTINGS)),
        command_line_arguments: optional(properties.required_command_line),
        icon: None,
        icon_sha256: None,
        feed: None,
        rdp: None,
        id: id.clone(),
    })
}

/// A user whom a group is assigned to: what an assignment of [`assigned_user`] is in Azure Resource Manager.
pub(crate) fn assignment(item: &RawValue, id: &ArmId) -> Result<RoleAssignment, String> {
    let user = own_name(item, Thing::AssignedUser).ok_or("lacks userPrincipalName")?;
    Ok(RoleAssignment {
        id: id.clone(),
        scope: id.up_to("applicationGroups").ok_or("is assigned to no application group")?,
        role_definition_id: assigned_user().id,
        principal: Principal { id: user, kind: "User".to_owned() },
        condition: None,
    })
}

/// What those may do whom a group is assigned to. The classic model has no role for it.
pub(crate) fn assigned_user() -> RoleDefinition {
    RoleDefinition {
        id: ArmId::new(&format!("{}/roleDefinitions/assigned-user", classic::root())),
        role_name: "Assigned user (classic)".to_owned(),
        permissions: vec![Permission {
            data_actions: vec![entitlement::USE_APPLICATIONS.to_owned()],
            ..Permission::default()
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json, value::to_raw_value};

    const POOL: &str = "/classic/RdsManagement/tenantGroups/Default Tenant Group/tenants/contoso/hostPools/p";

    fn raw(value: &Value) -> Box<RawValue> {
        to_raw_value(value).unwrap()
    }

    fn identity(value: &Value) -> Option<Identity> {
        identify(&raw(value), None)
    }

    #[test]
    fn enumerations_come_as_numbers_and_as_text() {
        let id = ArmId::new(&format!("{POOL}/applicationGroups/g"));
        for (written, kind) in [
            (json!(0), ResourceKind::RemoteApp),
            (json!(1), ResourceKind::Desktop),
            (json!("1"), ResourceKind::Desktop),
            (json!("desktop"), ResourceKind::Desktop),
            (json!("RemoteApp"), ResourceKind::RemoteApp),
        ] {
            assert_eq!(application_group(&raw(&json!({"resourceType": written})), &id).unwrap().kind, kind);
        }
        for odd in [json!(7), json!("7"), json!(-1), json!(true), json!({"a": 1}), json!(""), json!(null)] {
            application_group(&raw(&json!({"ResourceType": odd})), &id).unwrap_err();
        }
        let app = ArmId::new(&format!("{id}/applications/a"));
        for (written, setting) in [
            (json!(2), Some(CommandLineSetting::Require)),
            (json!("Allow"), Some(CommandLineSetting::Allow)),
            (json!(0), Some(CommandLineSetting::DoNotAllow)),
            (json!(9), None),
        ] {
            let item = raw(&json!({"CommandLineSetting": written}));
            assert_eq!(resource(&item, &app).unwrap().command_line_setting, setting);
        }
    }

    #[test]
    fn saved_items_say_by_their_names_what_they_are() {
        let names = json!({"TenantName": "contoso", "HostPoolName": "p"});
        let with = |more: Value| {
            let mut item = names.clone();
            item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            identity(&item)
        };
        let known = |thing, below: &str| Some(Identity::Known(thing, ArmId::new(&format!("{POOL}{below}"))));
        assert_eq!(with(json!({"Persistent": false})), known(Thing::HostPool, ""));
        assert_eq!(with(json!({"SessionHostName": "h", "Sessions": 1})), known(Thing::SessionHost, "/sessionHosts/h"));
        let group = "/applicationGroups/g";
        assert_eq!(with(json!({"AppGroupName": "g", "ResourceType": 0})), known(Thing::Group, group));
        assert_eq!(
            with(json!({"AppGroupName": "g", "RemoteAppName": "a/b"})),
            known(Thing::RemoteApp, &format!("{group}/applications/a%2Fb"))
        );
        assert_eq!(
            with(json!({"AppGroupName": "g", "RemoteDesktopName": "Remote Desktop"})),
            known(Thing::Desktop, &format!("{group}/desktops/Remote Desktop"))
        );
        assert_eq!(
            with(json!({"AppGroupName": "g", "UserPrincipalName": "u@contoso.com"})),
            known(Thing::AssignedUser, &format!("{group}/assignedUsers/u@contoso.com"))
        );
        let of_none = identity(&json!({"TenantName": "t", "RemoteAppName": "a", "AppGroupName": "g"}));
        assert!(matches!(of_none, Some(Identity::Nameless(Thing::RemoteApp, why)) if why.contains("host pool")));
        for unused in [
            json!({"SessionHostName": "h", "SessionId": 2, "UserPrincipalName": "u"}),
            json!({"Token": "t", "ExpirationUtc": "2020"}),
            json!({"RoleDefinitionName": "RDS Owner", "AppGroupName": "g"}),
            json!({"AppGroupName": "g", "AppAlias": "word", "FilePath": "w.exe"}),
        ] {
            assert!(matches!(with(unused), Some(Identity::Unused(_))));
        }
        assert_eq!(identity(&json!({"id": "/subscriptions/s", "properties": {}})), None);
    }

    #[test]
    fn no_secret_of_a_tenant_gets_any_further() {
        let item = raw(&json!({"tenantName": "t", "ssoClientSecret": "hush", "friendlyName": null}));
        let tenant = tenant(&item, &ArmId::new("/classic/RdsManagement/tenantGroups/g/tenants/t")).unwrap();
        assert!(!format!("{tenant:?}").contains("hush"));
        let odd = raw(&json!({"tenantName": "t", "friendlyName": {"ssoClientSecret": "hush"}}));
        assert!(!super::tenant(&odd, &ArmId::new(POOL)).unwrap_err().contains("hush"));
    }
}
