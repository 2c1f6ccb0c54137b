//! Which roles matter: those whose data actions may open a desktop or an application.

use crate::versions::USE_PACKAGES;
use poolwarden_domain::entitlement::{DESKTOP_VIRTUALIZATION_USER, USE_APPLICATIONS};
use poolwarden_domain::estate::{Permission, RoleDefinition};
use poolwarden_domain::{ArmId, wildcard};

/// Whether a role may open a desktop or an application. What it takes back again (`notDataActions`) is for whoever
/// evaluates the grants; here too much does no harm.
pub(crate) fn may_use_applications(role: &RoleDefinition) -> bool {
    let mut patterns = role.permissions.iter().flat_map(|permission| &permission.data_actions);
    patterns.any(|pattern| wildcard::matches(pattern, USE_APPLICATIONS))
}

/// The built-in role Desktop Virtualization User: the same everywhere, so nobody is asked for it.
pub(crate) fn desktop_virtualization_user() -> RoleDefinition {
    RoleDefinition {
        id: ArmId::new(&format!("/providers/Microsoft.Authorization/roleDefinitions/{DESKTOP_VIRTUALIZATION_USER}")),
        role_name: "Desktop Virtualization User".to_owned(),
        permissions: vec![Permission {
            data_actions: vec![USE_APPLICATIONS.to_owned(), USE_PACKAGES.to_owned()],
            ..Permission::default()
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_role_opens_applications() {
        assert!(may_use_applications(&desktop_virtualization_user()));
    }
}
