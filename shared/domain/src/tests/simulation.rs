//! Several runs over an estate that changes at random and is seen badly, against the few sentences that say what the
//! catalogue should hold.

use crate::ArmId;
use crate::lifecycle::{Decided, Edit, edit, retire};
use crate::package::{Package, PackageState};
use crate::policy::Brake;
use crate::report::PackageCounts;
use crate::run::Status;
use crate::testing::{App, Look, Pipeline, World, app_id, group_id, pool_id};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// What the catalogue should hold: every package ever offered, with its place and whether the last look missed it.
#[derive(Default)]
struct Model {
    active: BTreeMap<ArmId, Held>,
}

struct Held {
    group: ArmId,
    pool: ArmId,
    missed: bool,
}

impl Model {
    /// A look: whatever can be seen is offered or missed; missed twice in a row is gone, unless that is too much.
    fn look(&mut self, world: &World, look: &Look, brake: Brake) {
        let offered = world.offered();
        let dark = |id: &ArmId| look.dark.iter().any(|scope| id.is_within(scope));
        // A pool that can be seen names its groups, readable or not: one that it does not name is gone.
        let unseen = |id: &ArmId, pool: &ArmId, group: &ArmId| {
            let groups = world.pools.iter().find(|(name, _)| pool_id(name) == *pool).map(|(_, groups)| groups);
            let is_named = |groups: &BTreeMap<String, _>| groups.keys().any(|name| group_id(name) == *group);
            let may_be_there = groups.is_some_and(|groups| groups.is_empty() && dark(group) || is_named(groups));
            let garbled = look.garbled.contains(id) && world.has(id);
            dark(pool) || may_be_there && (dark(group) || look.silent.contains(group) || garbled)
        };
        let before = self.active.len();
        let mut due = Vec::new();
        for (id, held) in &mut self.active {
            let missing = !offered.contains_key(id);
            if unseen(id, &held.pool, &held.group) || !missing {
                held.missed = false;
            } else if std::mem::replace(&mut held.missed, true) {
                due.push(id.clone());
            }
        }
        if !brake.stops(due.len(), before) {
            due.iter().for_each(|id| drop(self.active.remove(id)));
        }
        for (id, (pool, group)) in offered {
            if !unseen(&id, &pool, &group) {
                self.active.entry(id).or_insert(Held { group, pool, missed: false });
            }
        }
    }
}

const POOLS: usize = 2;
const GROUPS: usize = 2;
const APPS: usize = 5;

fn group_name(pool: usize, group: usize) -> String {
    format!("p{pool}-g{group}")
}

/// An app is there and shown, there and hidden, or not there; a group or pool is there or not.
fn worlds() -> impl Strategy<Value = World> {
    let app = prop_oneof![5 => Just(Some(true)), 1 => Just(Some(false)), 2 => Just(None)];
    let group = prop::option::weighted(0.85, prop::collection::vec((app, 0..2_usize), APPS));
    let pool = prop::option::weighted(0.9, prop::collection::vec(group, GROUPS));
    prop::collection::vec(pool, POOLS).prop_map(|pools| {
        let mut world = World::default();
        for (p, groups) in pools.into_iter().enumerate().filter_map(|(p, groups)| Some((p, groups?))) {
            let world = world.pools.entry(format!("p{p}")).or_default();
            for (g, apps) in groups.into_iter().enumerate().filter_map(|(g, apps)| Some((g, apps?))) {
                let apps = apps.into_iter().enumerate().filter_map(|(a, (shown, called))| {
                    Some((format!("a{a}"), App { called: format!("App {called}"), shown: shown? }))
                });
                world.insert(group_name(p, g), apps.collect());
            }
        }
        world
    })
}

fn looks() -> impl Strategy<Value = Look> {
    let groups: Vec<ArmId> = (0..POOLS).flat_map(|p| (0..GROUPS).map(move |g| group_id(&group_name(p, g)))).collect();
    let pools = (0..POOLS).map(|p| pool_id(&format!("p{p}")));
    let scopes: Vec<ArmId> = groups.iter().cloned().chain(pools).chain([ArmId::new("/subscriptions/s")]).collect();
    let none = || Just(BTreeSet::new());
    let dark = prop_oneof![4 => none(), 1 => prop::sample::subsequence(scopes, 1..=2).prop_map(BTreeSet::from_iter)];
    let silent = prop_oneof![4 => none(), 1 => prop::sample::subsequence(groups, 1..=2).prop_map(BTreeSet::from_iter)];
    let apps: Vec<ArmId> = (0..APPS).map(|a| app_id("p0-g0", &format!("a{a}"))).collect();
    let garbled = prop_oneof![4 => none(), 1 => prop::sample::subsequence(apps, 1..=2).prop_map(BTreeSet::from_iter)];
    (dark, silent, garbled, prop::bool::weighted(0.2)).prop_map(|(dark, silent, garbled, no_log)| Look {
        dark,
        silent,
        garbled,
        no_log,
    })
}

/// A world either stays as it was since the last run or is another one.
fn history() -> impl Strategy<Value = Vec<(World, Look)>> {
    prop::collection::vec((prop::option::of(worlds()), looks()), 1..9).prop_map(|runs| {
        let mut world = World::default();
        runs.into_iter()
            .map(|(next, look)| {
                world = next.unwrap_or_else(|| world.clone());
                (world.clone(), look)
            })
            .collect()
    })
}

fn sum(counts: PackageCounts) -> usize {
    let PackageCounts { created, updated, unchanged, retired, held, waiting: _, unknown } = counts;
    created + updated + unchanged + retired + held + unknown
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_catalogue_holds_what_the_model_says(history in history(), everything_twice: bool, careful: bool) {
        let brake = if careful { Brake { share: 0.2, count: 1 } } else { Brake { share: 1.0, count: 0 } };
        let mut pipeline = Pipeline::default();
        pipeline.everything_twice = everything_twice;
        pipeline.policy.brake = brake;
        let mut model = Model::default();
        let mut keys: BTreeMap<ArmId, String> = BTreeMap::new();
        for (world, look) in history {
            let restored = pipeline.packages.clone();
            let ended = pipeline.run(&world, &look);
            model.look(&world, &look, brake);
            prop_assert_eq!(pipeline.offered(), model.active.keys().cloned().collect::<Vec<_>>());
            prop_assert_eq!(pipeline.active(), model.active.len(), "the indexes say the same");

            // Every package counts once. One that came back was not offered before, and counts as updated.
            let was_retired = |key: &str| restored.get(key).is_some_and(|p| p.state == PackageState::Retired);
            let active_again = |key: &str| pipeline.packages[key].state == PackageState::Active;
            let restored = pipeline.packages.keys().filter(|key| was_retired(key) && active_again(key)).count();
            let report = &ended.ending.report;
            prop_assert_eq!(sum(report.packages), ended.active_before + report.packages.created + restored);
            prop_assert_eq!(report.pools.found, report.pools.read + report.pools.unknown);
            prop_assert_eq!(report.status == Status::Held, report.packages.held > 0);
            let whole = look.dark.is_empty() && report.unknown_scopes.is_empty();
            prop_assert_eq!(report.status == Status::Complete, whole && report.packages.held == 0);

            // Names are told apart, keys stay, indexes agree with packages.
            let names: BTreeSet<String> = pipeline.snapshots.values()
                .flat_map(|snapshot| crate::published::published(snapshot, &pipeline.policy).packages.into_values())
                .map(|content| content.display_name.to_lowercase()).collect();
            let count: usize = pipeline.snapshots.values()
                .map(|snapshot| crate::published::published(snapshot, &pipeline.policy).packages.len()).sum();
            prop_assert_eq!(names.len(), count);
            for (key, package) in &pipeline.packages {
                prop_assert_eq!(keys.entry(package.content.resource.clone()).or_insert(key.clone()), key);
            }
            for (key, row) in pipeline.indexes.values().flat_map(|index| &index.rows) {
                let package = &pipeline.packages[key];
                prop_assert_eq!((row.state, row.revision), (package.state, package.revision()));
                prop_assert_eq!(&row.content_sha256, &package.content.sha256());
            }
        }
    }

    #[test]
    fn no_run_touches_what_a_person_keeps(
        history in history(),
        kept in prop::collection::vec(any::<(bool, bool)>(), POOLS * GROUPS * APPS),
        everything_twice: bool,
    ) {
        let mut pipeline = Pipeline::default();
        pipeline.everything_twice = everything_twice;
        pipeline.policy.brake = Brake { share: 1.0, count: 0 };
        let mut keeps: BTreeMap<String, Package> = BTreeMap::new();
        for (world, look) in history {
            pipeline.run(&world, &look);
            for (key, package) in &keeps {
                prop_assert_eq!(&pipeline.packages[key], package);
            }
            let offered = pipeline.packages.values().filter(|package| package.state == PackageState::Active).count();
            prop_assert_eq!(pipeline.active(), offered, "the indexes say the same");
            for ((key, package), (is_kept, retires)) in pipeline.packages.iter_mut().zip(&kept) {
                let free = Edit { managed: Some(false), ..Edit::default() };
                let now = package.observed_at;
                let decided = if *retires { Ok(retire(package, "ann", now)) } else { edit(package, &free, "ann", now) };
                if let (true, Ok(Decided::Write(written))) = (*is_kept && !keeps.contains_key(key), decided) {
                    *package = *written;
                    keeps.insert(key.clone(), package.clone());
                }
            }
            for index in pipeline.indexes.values_mut() {
                let pool = index.host_pool.clone();
                for package in keeps.values().filter(|package| package.content.host_pool.id == pool) {
                    index.record(package);
                }
            }
        }
    }

    #[test]
    fn an_estate_that_is_never_seen_again_keeps_its_packages(world in worlds(), looks in prop::collection::vec(looks(), 1..6)) {
        let mut pipeline = Pipeline::default();
        pipeline.run(&world, &Look::default());
        let offered = pipeline.offered();
        for look in looks {
            let everything = BTreeSet::from([ArmId::new("/subscriptions/s")]);
            pipeline.run(&World::default(), &Look { dark: everything, ..look });
            prop_assert_eq!(&pipeline.offered(), &offered);
        }
    }

    #[test]
    fn a_run_over_the_same_world_writes_nothing(world in worlds(), no_log: bool) {
        let mut pipeline = Pipeline::default();
        pipeline.run(&world, &Look::default());
        let before = pipeline.packages.clone();
        let ended = pipeline.run(&world, &Look { no_log, ..Look::default() });
        prop_assert_eq!(ended.ending.report.packages.unchanged, before.len());
        prop_assert_eq!(&pipeline.packages, &before);
    }
}
