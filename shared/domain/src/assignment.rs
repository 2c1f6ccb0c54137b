//! Who may have a package, at which stage and in which places: what persons assign beside what the source says.

use crate::package::{Package, PackageState, Stage};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, btree_map};

/// How a package is put before somebody, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Publish {
    /// Not at all: it can be started by whoever knows of it.
    Hidden,
    /// In the catalogue, to be chosen.
    #[default]
    Catalog,
    /// In the workspace, from the start.
    Workspace,
    /// In the workspace, and it cannot be removed from there.
    Forced,
}

/// Where an icon is placed on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IconPlace {
    /// On the desktop.
    Desktop,
    /// In the start menu.
    StartMenu,
}

/// What an identity is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum IdentityType {
    /// A person.
    #[default]
    User,
    /// A group of persons or devices.
    Group,
    /// A device.
    Device,
}

/// A person's decision that an identity may have a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assignment {
    /// Its object id in Entra, or its user principal name.
    pub identity: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: IdentityType,
    /// From which stage on it sees the package.
    pub stage: Stage,
    /// How the package is put before it.
    pub publish: Publish,
    /// Where the icon is placed.
    pub icons: BTreeSet<IconPlace>,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The most identities that can be assigned to a package.
pub const MAX_ASSIGNED: usize = 500;
/// The longest identity: a user principal name has at most 113 characters before the @, and a domain at most 255.
pub const MAX_IDENTITY_CHARS: usize = 369;

impl Assignment {
    /// Whether both are about the same identity.
    pub(crate) fn is_of(&self, other: &Self) -> bool {
        self.kind == other.kind && self.identity.eq_ignore_ascii_case(&other.identity)
    }

    /// Whether both say the same, whoever said it.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        (self.stage, self.publish, &self.icons) == (other.stage, other.publish, &other.icons)
    }
}

/// How a connection puts packages before those whom its source entitles. They see what is in Production.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// How.
    pub publish: Publish,
    /// Where icons are placed.
    pub icons: BTreeSet<IconPlace>,
}

/// Where an entitlement comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The source: an assignment of the application group, or the feed's account.
    Source,
    /// A person's assignment.
    Assigned,
}

/// What one identity has of a package in the end: one entitlement, whatever overlaps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Entitled {
    /// The identity, in lower case.
    pub identity: String,
    /// What it is: `User`, `Group`, `Device`, `ServicePrincipal`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// From which stage on it sees the package.
    pub stage: Stage,
    /// How the package is put before it.
    pub publish: Publish,
    /// Where the icon is placed.
    pub icons: BTreeSet<IconPlace>,
    /// What says so.
    pub from: BTreeSet<Origin>,
    /// Whether it sees the package where that is now.
    pub sees_it: bool,
}

/// Who has a package: the source's entitlements, from Production on and as the connection offers them, and what persons
/// assigned. Whom the source entitles when nobody could read it is not known, and not in here.
pub fn effective(package: &Package, offer: &Offer) -> Vec<Entitled> {
    let from_source = package.content.entitlements.iter().flatten().map(|entitlement| Entitled {
        identity: entitlement.principal.id.to_lowercase(),
        kind: entitlement.principal.kind.clone(),
        stage: Stage::Production,
        publish: offer.publish,
        icons: offer.icons.clone(),
        from: BTreeSet::from([Origin::Source]),
        sees_it: false,
    });
    let assigned = package.assigned.iter().map(|assignment| Entitled {
        identity: assignment.identity.to_lowercase(),
        kind: format!("{:?}", assignment.kind),
        stage: assignment.stage,
        publish: assignment.publish,
        icons: assignment.icons.clone(),
        from: BTreeSet::from([Origin::Assigned]),
        sees_it: false,
    });
    let mut entitled = resolve(from_source.chain(assigned));
    for one in &mut entitled {
        one.sees_it = package.state == PackageState::Active && package.stage >= one.stage;
    }
    entitled
}

/// One entitlement an identity. Of several the one with the lowest stage counts; of several with that stage, the
/// stronger publish and the icons of all.
pub fn resolve(each: impl IntoIterator<Item = Entitled>) -> Vec<Entitled> {
    let mut resolved: BTreeMap<(String, String), Entitled> = BTreeMap::new();
    for one in each {
        match resolved.entry((one.identity.clone(), one.kind.to_lowercase())) {
            btree_map::Entry::Vacant(free) => {
                free.insert(one);
            }
            btree_map::Entry::Occupied(mut taken) => taken.get_mut().overlap(one),
        }
    }
    resolved.into_values().collect()
}

impl Entitled {
    fn overlap(&mut self, other: Self) {
        // Sources may spell a type differently; which spelling stays must not depend on the order.
        let kind = self.kind.clone().min(other.kind.clone());
        match other.stage.cmp(&self.stage) {
            Ordering::Less => *self = other,
            Ordering::Equal => {
                self.publish = self.publish.max(other.publish);
                self.icons.extend(other.icons);
                self.from.extend(other.from);
                self.sees_it |= other.sees_it;
            }
            Ordering::Greater => {}
        }
        self.kind = kind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use proptest::prelude::*;

    fn entitled(identity: &str, stage: Stage, publish: Publish, icons: &[IconPlace], from: Origin) -> Entitled {
        let (icons, from) = (icons.iter().copied().collect(), BTreeSet::from([from]));
        Entitled { identity: identity.to_owned(), kind: "User".to_owned(), stage, publish, icons, from, sees_it: false }
    }

    #[test]
    fn of_overlapping_entitlements_the_lowest_stage_counts_with_what_it_says() {
        use IconPlace::{Desktop, StartMenu};
        use Origin::{Assigned, Source};
        use Publish::{Catalog, Forced, Hidden};
        use Stage::{Development, Production, Test};
        for (each, expected) in [
            (
                vec![
                    entitled("ann", Production, Forced, &[Desktop], Source),
                    entitled("ann", Test, Hidden, &[], Assigned),
                ],
                vec![entitled("ann", Test, Hidden, &[], Assigned)],
            ),
            (
                vec![
                    entitled("ann", Test, Catalog, &[Desktop], Assigned),
                    entitled("ann", Test, Forced, &[StartMenu], Assigned),
                ],
                vec![entitled("ann", Test, Forced, &[Desktop, StartMenu], Assigned)],
            ),
            (
                vec![
                    entitled("ann", Development, Catalog, &[], Assigned),
                    entitled("bob", Production, Catalog, &[], Source),
                ],
                vec![
                    entitled("ann", Development, Catalog, &[], Assigned),
                    entitled("bob", Production, Catalog, &[], Source),
                ],
            ),
            (Vec::new(), Vec::new()),
        ] {
            assert_eq!(resolve(each.clone()), expected);
            assert_eq!(resolve(each.into_iter().rev()), expected, "in another order");
        }
    }

    #[test]
    fn the_source_entitles_for_production_and_persons_for_what_they_say() {
        let mut package = testing::package("excel");
        package.stage = Stage::Test;
        let assignment = |identity: &str, kind, stage| Assignment {
            identity: identity.to_owned(),
            kind,
            stage,
            publish: Publish::Workspace,
            icons: BTreeSet::from([IconPlace::Desktop]),
            by: "eve".to_owned(),
            at: testing::at(1),
        };
        let offer = Offer { publish: Publish::Forced, icons: BTreeSet::new() };
        let seen = |package: &Package| -> Vec<(String, Stage, Publish, bool)> {
            let entitled = effective(package, &offer).into_iter();
            entitled.map(|one| (one.identity, one.stage, one.publish, one.sees_it)).collect()
        };
        assert_eq!(seen(&package), [("finance".to_owned(), Stage::Production, Publish::Forced, false)]);
        package.assigned = vec![
            assignment("Finance", IdentityType::Group, Stage::Test),
            assignment("Dev@contoso.com", IdentityType::User, Stage::Acceptance),
        ];
        let expected = [
            ("dev@contoso.com".to_owned(), Stage::Acceptance, Publish::Workspace, false),
            ("finance".to_owned(), Stage::Test, Publish::Workspace, true),
        ];
        assert_eq!(seen(&package), expected);
        package.content.entitlements = None;
        package.state = PackageState::Retired;
        assert!(seen(&package).iter().all(|(_, _, _, sees_it)| !sees_it), "nobody sees what is retired");
    }

    fn any() -> impl Strategy<Value = Entitled> {
        let stages = [Stage::Development, Stage::Test, Stage::Acceptance, Stage::Production];
        let publish = [Publish::Hidden, Publish::Catalog, Publish::Workspace, Publish::Forced];
        let icons = prop::sample::subsequence(vec![IconPlace::Desktop, IconPlace::StartMenu], 0..=2);
        let from = prop::sample::select(vec![Origin::Source, Origin::Assigned]);
        let kind = prop::sample::select(vec!["User", "user", "Group"]);
        let (stage, publish) = (prop::sample::select(stages.to_vec()), prop::sample::select(publish.to_vec()));
        ("[a-c]", kind, stage, publish, icons, from).prop_map(|(identity, kind, stage, publish, icons, from)| {
            Entitled { kind: kind.to_owned(), ..entitled(&identity, stage, publish, &icons, from) }
        })
    }

    proptest! {
        #[test]
        fn neither_order_nor_repetition_matters(
            each in prop::collection::vec(any(), 0..12).prop_shuffle(),
            order in prop::collection::vec(0..12_usize, 0..12),
        ) {
            let resolved = resolve(each.clone());
            prop_assert_eq!(&resolve(each.iter().rev().cloned()), &resolved);
            prop_assert_eq!(&resolve(resolved.clone()), &resolved);
            let again = order.iter().filter_map(|at| each.get(*at)).cloned();
            prop_assert_eq!(&resolve(again.chain(each.clone())), &resolved);
            for one in &each {
                let is_same = |found: &&Entitled| {
                    found.identity == one.identity && found.kind.eq_ignore_ascii_case(&one.kind)
                };
                let found: Vec<&Entitled> = resolved.iter().filter(is_same).collect();
                prop_assert_eq!(found.len(), 1);
                prop_assert!(found[0].stage <= one.stage);
            }
        }
    }
}
