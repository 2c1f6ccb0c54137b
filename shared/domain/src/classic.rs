//! Azure Virtual Desktop (classic): what its things are called here, and how they are told from those of Azure
//! Resource Manager.
//!
//! The classic model has names instead of resource ids. What is identified by ids here is a chain of those names,
//! which sorts and nests as Azure's ids do:
//! `/classic/RdsManagement/tenantGroups/{tenant group}/tenants/{tenant}/hostPools/{pool}`, and below a pool
//! `applicationGroups/{group}`, `applicationGroups/{group}/applications/{app}` or `…/desktops/{desktop}`. A tenant
//! plays the part of a workspace. The scopes `{pool}/sessionHosts` and `{group}/assignedUsers` stand for those lists.

use crate::ArmId;
use percent_encoding::percent_decode_str;

/// The day from which the service answers only those who have an exemption.
pub const RETIRED_SINCE: &str = "2026-09-30";
/// The tenant group that everybody's tenants are in unless they made one of their own.
pub const DEFAULT_TENANT_GROUP: &str = "Default Tenant Group";
/// The longest name that is taken from outside, in characters.
const MAX_NAME_CHARS: usize = 256;

/// The scope that holds the whole classic model.
pub fn root() -> ArmId {
    ArmId::new("/classic/RdsManagement")
}

/// Whether a published resource, or what it lies in, belongs to the classic model: by its id, whether it came through
/// the management interface or through a feed.
pub fn is_classic(id: &ArmId) -> bool {
    id.segment("classic").is_some() || id.segment("feeds").is_some_and(|model| model.eq_ignore_ascii_case("classic"))
}

/// The id of something below another, by its own name. What could lead elsewhere within an id or a URL is escaped;
/// `None` for a name that cannot be told from others or from nothing.
pub fn below(holder: &ArmId, key: &str, name: &str) -> Option<ArmId> {
    let is_name = !name.trim().is_empty() && name.chars().count() <= MAX_NAME_CHARS && name != "." && name != "..";
    is_name.then(|| ArmId::new(&format!("{holder}/{key}/{}", escaped(name))))
}

/// The name that stands in an id, as the service writes it.
pub fn name_in(id: &ArmId, key: &str) -> Option<String> {
    id.segment(key).map(|name| percent_decode_str(name).decode_utf8_lossy().into_owned())
}

/// `/` divides an id, `%` begins an escape, and blanks at the ends would be trimmed.
fn escaped(name: &str) -> String {
    let inner = name.trim();
    let start = name.len() - name.trim_start().len();
    let is_end = |at: usize| at < start || at >= start + inner.len();
    let mut escaped = String::with_capacity(name.len());
    for (at, letter) in name.char_indices() {
        if is_end(at) || letter.is_control() || matches!(letter, '/' | '%' | '\\') {
            let mut bytes = [0; 4];
            escaped.extend(letter.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")));
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

/// What a list of this name, or something in it, belongs to.
pub(crate) fn holder_of_list(id: &ArmId, list: &str) -> Option<ArmId> {
    // The list itself is a key without a value.
    let item = id.up_to(list).or_else(|| ArmId::new(&format!("{id}/-")).up_to(list))?;
    item.ancestors().nth(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pool(name: &str) -> Option<ArmId> {
        let group = below(&root(), "tenantGroups", DEFAULT_TENANT_GROUP).unwrap();
        below(&below(&group, "tenants", "contoso").unwrap(), "hostPools", name)
    }

    #[test]
    fn ids_are_chains_of_keys_and_names() {
        let id = pool("Sales pool").unwrap();
        assert_eq!(
            id.as_str(),
            "/classic/RdsManagement/tenantGroups/Default Tenant Group/tenants/contoso/hostPools/Sales pool"
        );
        for (key, name) in
            [("tenantGroups", "Default Tenant Group"), ("tenants", "contoso"), ("hostPools", "Sales pool")]
        {
            assert_eq!(id.segment(key), Some(name));
        }
        assert!(id.is_within(&root()));
        assert_eq!(pool(" "), None);
        assert_eq!(pool(".."), None);
        assert_eq!(pool(&"p".repeat(MAX_NAME_CHARS + 1)), None);
    }

    #[test]
    fn both_ways_to_the_classic_model_are_known_by_their_ids() {
        assert!(is_classic(&pool("p").unwrap()));
        assert!(is_classic(&crate::feed::FeedModel::Classic.workspace("w")));
        assert!(!is_classic(&crate::feed::FeedModel::Arm.workspace("classic")));
        assert!(!is_classic(&ArmId::new("/subscriptions/s/resourceGroups/classic/providers/a/hostPools/p")));
    }

    #[test]
    fn lists_and_what_is_in_them_have_one_holder() {
        let pool = pool("sessionHosts").unwrap();
        assert_eq!(holder_of_list(&pool, "sessionHosts"), None, "a pool's name is no list");
        for of_pool in [format!("{pool}/sessionHosts"), format!("{pool}/sessionHosts/h")] {
            assert_eq!(holder_of_list(&ArmId::new(&of_pool), "sessionHosts"), Some(pool.clone()));
        }
    }

    proptest! {
        #[test]
        fn any_name_stays_in_its_place_and_comes_back(name in "\\PC{1,12}|[ /%.\\\\\\n2F]{1,6}") {
            if let Some(id) = pool(&name) {
                prop_assert_eq!(name_in(&id, "hostPools").unwrap(), name);
                prop_assert_eq!(id.as_str().split('/').count(), 9);
                prop_assert_eq!(&ArmId::new(id.as_str()), &id);
            }
        }
    }
}
