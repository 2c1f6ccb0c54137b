//! Which roles matter: those whose data actions may open a desktop or an application.

use crate::versions::{DESKTOP_VIRTUALIZATION_USER, USE_APPLICATIONS, USE_PACKAGES};
use poolwarden_domain::ArmId;
use poolwarden_domain::estate::{Permission, RoleDefinition};

/// Whether a pattern of a role's (`Microsoft.DesktopVirtualization/*/action`) covers an action. A `*` stands for any
/// text, slashes included, and may stand anywhere; case does not count.
pub fn action_matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.trim().to_ascii_lowercase(), action.to_ascii_lowercase());
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == action };
    let Some(mut left) = action.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        // The leftmost match leaves the most for the rest, so there is no need to try others.
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(tail)
}

/// Whether a role may open a desktop or an application. What it takes back again (`notDataActions`) is for whoever
/// evaluates the grants; here too much does no harm.
pub(crate) fn may_use_applications(role: &RoleDefinition) -> bool {
    let mut patterns = role.permissions.iter().flat_map(|permission| &permission.data_actions);
    patterns.any(|pattern| action_matches(pattern, USE_APPLICATIONS))
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
    use proptest::prelude::*;

    #[test]
    fn wildcards_stand_anywhere() {
        for pattern in [
            "*",
            "**",
            "Microsoft.DesktopVirtualization/*",
            "microsoft.desktopvirtualization/APPLICATIONGROUPS/useApplications/Action",
            "Microsoft.DesktopVirtualization/*/action",
            "*/useApplications/*",
            "Microsoft.*/applicationGroups/*ion",
            "*action",
        ] {
            assert!(action_matches(pattern, USE_APPLICATIONS), "{pattern}");
        }
        for pattern in [
            "",
            "Microsoft.DesktopVirtualization",
            "*/read",
            "Microsoft.Compute/*",
            "*/action/*",
            "*useApplications",
            "a*action",
        ] {
            assert!(!action_matches(pattern, USE_APPLICATIONS), "{pattern}");
        }
        assert!(!action_matches("a*a", "a"), "what matches the head does not match the tail too");
    }

    proptest! {
        /// The same verdict as the obvious, slow definition.
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*]{0,8}", action in "[ab]{0,8}") {
            fn slow(pattern: &[u8], action: &[u8]) -> bool {
                match pattern.split_first() {
                    None => action.is_empty(),
                    Some((b'*', rest)) => (0..=action.len()).any(|at| slow(rest, &action[at..])),
                    Some((letter, rest)) => action.first() == Some(letter) && slow(rest, &action[1..]),
                }
            }
            prop_assert_eq!(action_matches(&pattern, &action), slow(pattern.as_bytes(), action.as_bytes()));
        }
    }

    #[test]
    fn the_built_in_role_opens_applications() {
        assert!(may_use_applications(&desktop_virtualization_user()));
    }
}
