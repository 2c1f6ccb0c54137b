//! Resource ids of Azure Resource Manager, compared as Azure compares them: without regard to case.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// The provider of Azure Virtual Desktop.
pub const DESKTOP_VIRTUALIZATION: &str = "Microsoft.DesktopVirtualization";
/// The longest id that is taken from outside, in bytes.
pub(crate) const MAX_OUTSIDE_BYTES: usize = 1_024;

/// A resource id such as `/subscriptions/{s}/resourceGroups/{g}/providers/{namespace}/{type}/{name}`.
///
/// It keeps the spelling it came with and compares without regard to ASCII case: real answers mix `resourceGroups`
/// with `resourcegroups`, and the ids of one resource with differently cased names.
#[derive(Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct ArmId(String);

impl ArmId {
    /// The id as spelled by its source; a missing leading slash and a trailing one are mended.
    pub fn new(id: &str) -> Self {
        let id = id.trim().trim_end_matches('/');
        Self(if id.starts_with('/') { id.to_owned() } else { format!("/{id}") })
    }

    /// An id that somebody outside names, if it is a chain of keys and values in which no part can lead elsewhere once
    /// it stands in a URL. At most 1,024 bytes long.
    pub fn from_outside(id: &str) -> Option<Self> {
        let id = id.trim_end_matches('/');
        let is_plain = |c: char| !c.is_control() && !matches!(c, '?' | '#' | '%' | '\\' | '<' | '>' | '"');
        let is_part = |part: &str| !part.trim().is_empty() && part != "." && part != ".." && part.chars().all(is_plain);
        let parts = id.strip_prefix('/').filter(|_| id.len() <= MAX_OUTSIDE_BYTES)?;
        parts.split('/').all(is_part).then(|| Self(id.to_owned()))
    }

    /// The id of a host pool and of nothing below it.
    pub fn is_host_pool(&self) -> bool {
        let parts: Vec<&str> = self.0.split('/').collect();
        let keys = ["subscriptions", "resourceGroups", "providers", "hostPools"];
        parts.len() == 9
            && keys.iter().enumerate().all(|(at, key)| parts[1 + 2 * at].eq_ignore_ascii_case(key))
            && parts[6].eq_ignore_ascii_case(DESKTOP_VIRTUALIZATION)
    }

    /// The spelling it came with.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The spelling that is the same for every case variant: for keys and hashes.
    pub fn canonical(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// The segment after `key`, as in `segment("subscriptions")`. An id is a chain of keys and values, so a resource
    /// group that is called like a key is not taken for one.
    pub fn segment(&self, key: &str) -> Option<&str> {
        let mut segments = self.0.split('/').skip(1);
        while let (Some(segment), Some(value)) = (segments.next(), segments.next()) {
            if segment.eq_ignore_ascii_case(key) {
                return Some(value).filter(|value| !value.is_empty());
            }
        }
        None
    }

    /// The subscription's id.
    pub fn subscription(&self) -> Option<&str> {
        self.segment("subscriptions")
    }

    /// The resource group's name.
    pub fn resource_group(&self) -> Option<&str> {
        self.segment("resourceGroups")
    }

    /// The last segment.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The id itself and every scope above it, up to the root scope `/`.
    pub fn ancestors(&self) -> impl Iterator<Item = ArmId> {
        let cuts = self.0.rmatch_indices('/').map(|(at, _)| at.max(1));
        std::iter::once(self.0.len()).chain(cuts).map(|end| ArmId(self.0[..end].to_owned()))
    }

    /// Whether `self` is `other` or lies below it. The root scope `/` holds everything.
    pub fn is_within(&self, other: &ArmId) -> bool {
        let scope = other.0.trim_end_matches('/');
        match self.0.get(..scope.len()) {
            Some(head) if head.eq_ignore_ascii_case(scope) => {
                self.0.len() == scope.len() || self.0.as_bytes()[scope.len()] == b'/'
            }
            _ => false,
        }
    }

    /// The ancestor that ends with the value of segment `key`: `up_to("hostPools")` of a session host is its pool.
    pub fn up_to(&self, key: &str) -> Option<ArmId> {
        let value = self.segment(key)?;
        let end = value.as_ptr() as usize - self.0.as_ptr() as usize + value.len();
        Some(ArmId(self.0[..end].to_owned()))
    }
}

impl PartialEq for ArmId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ArmId {}

impl Ord for ArmId {
    fn cmp(&self, other: &Self) -> Ordering {
        // Most ids that are compared begin alike.
        let (one, other) = (self.0.as_bytes(), other.0.as_bytes());
        let alike = one.iter().zip(other).take_while(|(a, b)| a == b).count();
        one[alike..].iter().map(u8::to_ascii_lowercase).cmp(other[alike..].iter().map(u8::to_ascii_lowercase))
    }
}

impl PartialOrd for ArmId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for ArmId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Many bytes at once: hashing them one by one takes several times as long.
        let mut lower = [0_u8; 64];
        for part in self.0.as_bytes().chunks(lower.len()) {
            let lower = &mut lower[..part.len()];
            lower.copy_from_slice(part);
            lower.make_ascii_lowercase();
            state.write(lower);
        }
        state.write_u8(0xff);
    }
}

impl fmt::Display for ArmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ArmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const POOL: &str = "/subscriptions/S1/resourceGroups/Rg/providers/Microsoft.DesktopVirtualization/hostPools/Pool";

    #[test]
    fn case_never_distinguishes_two_ids() {
        let (a, b) = (ArmId::new(POOL), ArmId::new(&POOL.to_lowercase()));
        assert_eq!(a, b);
        assert_eq!(a.cmp(&b), Ordering::Equal);
        assert_eq!(HashSet::from([a.clone(), b.clone()]).len(), 1);
        assert_eq!(a.canonical(), b.canonical());
    }

    #[test]
    fn segments_are_found_whatever_their_case() {
        let id = ArmId::new(&format!("{POOL}/sessionHosts/h1"));
        assert_eq!(id.subscription(), Some("S1"));
        assert_eq!(id.resource_group(), Some("Rg"));
        assert_eq!(id.up_to("hostpools"), Some(ArmId::new(POOL)));
        assert_eq!(id.name(), "h1");
        assert_eq!(ArmId::new("subscriptions/").subscription(), None);
    }

    #[test]
    fn a_resource_group_called_like_a_type_is_not_taken_for_one() {
        let id = ArmId::new(
            "/subscriptions/s/resourceGroups/hostPools/providers/Microsoft.DesktopVirtualization/hostPools/p",
        );
        assert_eq!(id.segment("hostPools"), Some("p"));
        assert_eq!(id.up_to("hostPools"), Some(id.clone()));
        assert_eq!(id.segment("sessionHosts"), None);
    }

    #[test]
    fn a_scope_holds_itself_and_what_is_below_but_not_its_name_sakes() {
        let id = ArmId::new(POOL);
        assert!(id.is_within(&ArmId::new("/")));
        assert!(id.is_within(&ArmId::new("/subscriptions/s1/RESOURCEGROUPS/rg")));
        assert!(id.is_within(&id));
        assert!(!id.is_within(&ArmId::new("/subscriptions/s1/resourceGroups/r")));
        assert!(!ArmId::new("/subscriptions/s1").is_within(&id));
    }

    #[test]
    fn ids_from_outside_lead_nowhere_else() {
        assert_eq!(ArmId::from_outside(&format!("{POOL}/")), Some(ArmId::new(POOL)));
        for id in ["/subscriptions/s/resourceGroups/Größe (1)/providers/a.b/c/my pool", "/subscriptions/s"] {
            assert!(ArmId::from_outside(id).is_some(), "{id}");
        }
        let long = format!("/subscriptions/{}", "s".repeat(MAX_OUTSIDE_BYTES));
        for id in [
            "",
            "/",
            "subscriptions/s",
            "/a//b",
            "/a/../b",
            "/a/./b",
            "/a/b?c=d",
            "/a/b#c",
            "/a/%2e%2e",
            "/a/\n",
            "/a/ /b",
            "/a\\b",
            &long,
        ] {
            assert_eq!(ArmId::from_outside(id), None, "{id}");
        }
    }

    #[test]
    fn a_host_pool_is_told_from_what_is_above_and_below() {
        assert!(ArmId::new(POOL).is_host_pool() && ArmId::new(&POOL.to_uppercase()).is_host_pool());
        for id in [
            "/subscriptions/s/resourceGroups/g".to_owned(),
            format!("{POOL}/sessionHosts/h"),
            POOL.replace("hostPools", "workspaces"),
            POOL.replace("DesktopVirtualization", "Compute"),
        ] {
            assert!(!ArmId::new(&id).is_host_pool(), "{id}");
        }
    }

    proptest! {
        #[test]
        fn what_lies_within_a_scope_has_it_among_its_ancestors(id in "(/[aAbé]{0,2}){0,4}", scope in "(/[aAbé]{0,2}){0,3}") {
            let (id, scope) = (ArmId::new(&id), ArmId::new(&scope));
            prop_assert_eq!(id.is_within(&scope), id.ancestors().any(|above| above == scope), "{} in {}", id, scope);
        }
    }
}
