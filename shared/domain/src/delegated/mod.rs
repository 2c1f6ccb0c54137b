//! Delegated access of Azure Virtual Desktop (classic): who was given which role where, and how that is asked for.
//!
//! A role assignment has a principal, a role and a scope, as in Azure; the scopes are tenant group, tenant, host pool
//! and application group. Their ids are those of [`crate::classic`], so that the same evaluation answers who can do
//! what. <https://learn.microsoft.com/azure/virtual-desktop/virtual-desktop-fall-2019/delegated-access-virtual-desktop-2019>

mod migrate;
mod record;
mod request;

pub use migrate::{Line, Map, Migration, NoEquivalent, migrate};
pub use record::{RdsAssignment, RdsPrincipal, assignment_facts, read};
pub use request::{Arguments, Assignee, Refused, Request};

use crate::access::{Definition, DefinitionKind};
use crate::estate::Permission;
use crate::{ArmId, classic};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A built-in role of the classic model. There are no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum RdsRole {
    /// Can manage everything, and who has access to it.
    #[serde(rename = "RDS Owner")]
    Owner,
    /// Can manage everything, but not who has access to it.
    #[serde(rename = "RDS Contributor")]
    Contributor,
    /// Can see everything, and change nothing.
    #[serde(rename = "RDS Reader")]
    Reader,
    /// Can see diagnostic activities.
    #[serde(rename = "RDS Operator")]
    Operator,
}

impl RdsRole {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Contributor, Self::Reader, Self::Operator];

    /// Its name, as the service spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "RDS Owner",
            Self::Contributor => "RDS Contributor",
            Self::Reader => "RDS Reader",
            Self::Operator => "RDS Operator",
        }
    }

    /// Its id, the same everywhere.
    pub fn id(self) -> &'static str {
        match self {
            Self::Owner => "3b14baea-8d82-4610-f5da-08d623dd1cc4",
            Self::Contributor => "f5dc85e1-b94d-48f0-f5dc-08d623dd1cc4",
            Self::Reader => "2ea11dc0-46e3-4ee8-f5db-08d623dd1cc4",
            Self::Operator => "827a079d-aa89-4d0d-f5dd-08d623dd1cc4",
        }
    }

    /// What it can do, in a sentence.
    pub fn can(self) -> &'static str {
        match self {
            Self::Owner => "manages everything, and who has access to it",
            Self::Contributor => "manages everything, but not who has access to it",
            Self::Reader => "sees everything, and changes nothing",
            Self::Operator => "sees diagnostic activities",
        }
    }

    /// Its actions, as the service lists them.
    pub fn actions(self) -> &'static [&'static str] {
        match self {
            Self::Owner => &["*"],
            Self::Contributor => &["Microsoft.RDS.Resources/*", "Microsoft.RDS.Diagnostics/*"],
            Self::Reader => &["*/Read"],
            Self::Operator => &["Microsoft.RDS.Diagnostics/Read"],
        }
    }

    /// A role by its name, with `RDS` or in full (`Remote Desktop Services Owner`) or without, whatever the case.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        let short = name.strip_prefix("remote desktop services ").or_else(|| name.strip_prefix("rds "));
        let short = short.unwrap_or(&name);
        Self::ALL.into_iter().find(|role| role.name()[4..].eq_ignore_ascii_case(short))
    }

    /// A role by its id, whatever the case.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.id().eq_ignore_ascii_case(id.trim()))
    }

    /// The same as the evaluation knows roles.
    pub fn definition(self) -> Definition {
        Definition {
            id: self.definition_id(),
            name: self.name().to_owned(),
            kind: DefinitionKind::BuiltIn,
            permissions: vec![Permission {
                actions: self.actions().iter().map(|&action| action.to_owned()).collect(),
                ..Permission::default()
            }],
            assignable_scopes: vec![classic::root()],
        }
    }

    fn definition_id(self) -> ArmId {
        ArmId::new(&format!("{}/roleDefinitions/{}", classic::root(), self.id()))
    }
}

impl fmt::Display for RdsRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The levels of a classic scope, from the tenant group down.
const LEVELS: [&str; 4] = ["tenantGroups", "tenants", "hostPools", "applicationGroups"];

/// The id of a scope as the service writes it: `/TenantGroup/Tenant/HostPool/AppGroup`, cut off at its level. An empty
/// one is the default tenant group. `None` for what is no such scope.
pub fn scope_id(text: &str) -> Option<ArmId> {
    let parts: Vec<&str> = text.trim_matches('/').split('/').collect();
    if parts == [""] {
        return classic::below(&classic::root(), LEVELS[0], classic::DEFAULT_TENANT_GROUP);
    }
    if parts.len() > LEVELS.len() {
        return None;
    }
    parts.iter().zip(LEVELS).try_fold(classic::root(), |above, (name, level)| classic::below(&above, level, name))
}

/// The scope as the service writes it.
pub fn scope_text(scope: &ArmId) -> String {
    LEVELS.iter().map_while(|level| classic::name_in(scope, level)).map(|name| format!("/{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_go_by_several_names_and_one_id() {
        for (name, role) in [
            ("RDS Owner", RdsRole::Owner),
            ("remote desktop services reader", RdsRole::Reader),
            ("Operator", RdsRole::Operator),
            (" rds contributor ", RdsRole::Contributor),
        ] {
            assert_eq!(RdsRole::from_name(name), Some(role), "{name}");
            assert_eq!(RdsRole::from_id(&role.id().to_uppercase()), Some(role));
        }
        assert_eq!(RdsRole::from_name("RDS Administrator"), None);
    }

    #[test]
    fn scopes_come_and_go_as_the_service_writes_them() {
        for text in [
            "/Default Tenant Group",
            "/Default Tenant Group/contoso",
            "/G/t/Sales pool",
            "/G/t/p/Desktop Application Group",
        ] {
            assert_eq!(scope_text(&scope_id(text).unwrap()), text);
        }
        assert_eq!(scope_text(&scope_id("").unwrap()), "/Default Tenant Group");
        for text in ["/a/b/c/d/e", "/a//c", "/a/../c"] {
            assert_eq!(scope_id(text), None, "{text}");
        }
        assert!(scope_id("/g/t/p").unwrap().is_within(&scope_id("/G/T").unwrap()), "whatever the case");
    }
}
