//! The functions' steps without their ports: what they decide, kept in memory. As in Azure, any step may be repeated.

use super::{Look, World, at};
use crate::catalogue::{self, Applied};
use crate::conclude::{Ending, conclude};
use crate::discovery::{PoolFacts, discover};
use crate::layout::{Changes, lay_out};
use crate::package::{Package, PackageState};
use crate::plan::{Observation, PoolIndex, PoolPlan, plan};
use crate::policy::Policy;
use crate::published::{Published, published};
use crate::report::{PartOutcome, PoolReport};
use crate::run::{Baseline, Discovered, PoolWork, Run, Source, Trigger};
use crate::snapshot::{GroupAnswer, PoolSnapshot};
use crate::{ArmId, UnknownScope};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How far apart runs begin, in seconds.
const BETWEEN_RUNS: i64 = 100;

/// A connection's documents.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pipeline {
    pub(crate) policy: Policy,
    pub(crate) packages: BTreeMap<String, Package>,
    pub(crate) indexes: BTreeMap<String, PoolIndex>,
    pub(crate) snapshots: BTreeMap<String, PoolSnapshot>,
    pub(crate) baseline: Option<Baseline>,
    /// Whether every step is done again after it was done.
    pub(crate) everything_twice: bool,
    runs: i64,
    world: World,
    activity_log: Vec<(Timestamp, ArmId)>,
}

/// What became of a run.
pub(crate) struct Ended {
    pub(crate) run: Run,
    pub(crate) reports: Vec<PoolReport>,
    pub(crate) ending: Ending,
    /// Packages offered before it.
    pub(crate) active_before: usize,
}

impl Pipeline {
    /// One run over the world as it is now.
    pub(crate) fn run(&mut self, world: &World, look: &Look) -> Ended {
        self.runs += 1;
        let started = self.runs * BETWEEN_RUNS;
        let changed = world.changes_since(&self.world).into_iter().map(|id| (at(started - 1), id));
        self.activity_log.extend(changed);
        self.world = world.clone();
        let id = format!("run-{:03}", self.runs);
        let mut run = Run::new(id, "contoso", Trigger::Timer, Source::Azure, at(started));
        let active_before = self.active();

        let known = self.indexes.iter().filter(|(_, index)| index.active() > 0);
        let known = known.map(|(key, index)| (key.clone(), index.host_pool.clone())).collect();
        let discovery = discover(world.estate(look), &[]);
        let layout = lay_out(discovery.pools, known, self.baseline.as_ref(), &self.changes(look));
        run.discovered = Some(Discovered {
            pools: layout.work.keys().cloned().collect(),
            carried: layout.carried,
            unknown: discovery.unknown,
            full: self.baseline.is_none(),
            ..Discovered::default()
        });
        let mut reports = Vec::new();
        for (number, (key, work)) in (1..).zip(layout.work) {
            let observation = run.observe(at(started + number));
            if self.everything_twice {
                // Killed before the report was written: the message comes again.
                self.pool(&key, work.clone(), world, look, observation.clone());
            }
            let (mut report, plan) = self.pool(&key, work, world, look, observation.clone());
            for part in 0..report.parts_expected() {
                let outcome = self.publish(&key, &plan, &observation);
                assert_eq!(self.publish(&key, &plan, &observation), outcome, "a second delivery reports the same");
                // For the sum it does not matter which part did what.
                report.parts.insert(part, if part == 0 { outcome } else { PartOutcome::default() });
            }
            reports.push(report);
        }
        let ending = conclude(&run, &reports, self.policy.brake, self.policy.fingerprint(), self.baseline.as_ref());
        self.carry_out(&ending);
        if self.everything_twice {
            self.carry_out(&ending);
        }
        self.baseline.clone_from(&ending.baseline);
        Ended { run, reports, ending, active_before }
    }

    fn changes(&self, look: &Look) -> Changes {
        let Some(baseline) = self.baseline.as_ref().filter(|_| !look.no_log) else { return Changes::new() };
        let since = self.activity_log.iter().filter(|(at, _)| *at >= baseline.started_at);
        Changes::from([("s".to_owned(), since.map(|(_, id)| id.clone()).collect())])
    }

    fn pool(
        &mut self,
        key: &str,
        work: PoolWork,
        world: &World,
        look: &Look,
        observation: Observation,
    ) -> (PoolReport, PoolPlan) {
        match work {
            PoolWork::Seen { facts, changed } => self.enumerate(*facts, changed.as_deref(), world, look, observation),
            PoolWork::Vanished { id } => {
                let is_dark = look.dark.iter().any(|scope| id.is_within(scope));
                let unknown = is_dark.then(|| super::forbidden(&id)).into_iter().collect();
                self.decide(key, PoolIndex::new(id, key.to_owned()), &Published::default(), unknown, observation)
            }
        }
    }

    fn enumerate(
        &mut self,
        mut facts: PoolFacts,
        changed: Option<&[ArmId]>,
        world: &World,
        look: &Look,
        observation: Observation,
    ) -> (PoolReport, PoolPlan) {
        let key = facts.key.clone();
        let previous = self.snapshots.get(&key);
        let fingerprint = facts.fingerprint();
        let ids = facts.groups.iter().map(|group| &group.group.id);
        let asked = ids.filter(|id| match (changed, previous) {
            (Some(changed), Some(previous)) => changed.contains(id) || previous.resources_of(id).is_none(),
            _ => true,
        });
        let answers: Vec<GroupAnswer> = asked.map(|id| world.answer(id, look)).collect();
        let listed = |id: &&ArmId| answers.iter().any(|(group, answer)| answer.is_ok() && id.is_within(group));
        let garbled = look.garbled.iter().filter(|id| world.has(id)).filter(listed);
        facts.unknown.extend(garbled.map(super::forbidden));
        let (snapshot, unknown) = PoolSnapshot::observe(facts, answers, previous, observation.observed_at);
        let published = published(&snapshot, &self.policy);
        let empty = PoolIndex::new(snapshot.facts.pool.id.clone(), snapshot.facts.label.clone());
        self.snapshots.insert(key.clone(), snapshot);
        let (mut report, plan) = self.decide(&key, empty, &published, unknown, observation);
        report.fingerprint = Some(fingerprint);
        report.not_published = published.not_published;
        (report, plan)
    }

    fn decide(
        &mut self,
        key: &str,
        empty: PoolIndex,
        published: &Published,
        unknown: Vec<UnknownScope>,
        observation: Observation,
    ) -> (PoolReport, PoolPlan) {
        let index = self.indexes.entry(key.to_owned()).or_insert(empty);
        let plan = plan(published, index, &unknown, &observation);
        let active = index.active();
        index.mark(&plan, &observation);
        (PoolReport::new(key, observation, &plan, active, unknown), plan)
    }

    fn publish(&mut self, pool: &str, plan: &PoolPlan, observation: &Observation) -> PartOutcome {
        let mut outcome = PartOutcome::default();
        for entry in &plan.entries {
            let existing = self.packages.get(&entry.key);
            match catalogue::publish(entry, "contoso", existing, 0, observation, observation.observed_at) {
                Applied::Write(package) => {
                    outcome.count(package.revisions.last().unwrap().change);
                    self.packages.insert(entry.key.clone(), *package);
                }
                Applied::Already(revision) => outcome.count(revision.change),
                Applied::Superseded => outcome.superseded += 1,
            }
            self.indexes.get_mut(pool).unwrap().record(&self.packages[&entry.key]);
        }
        outcome
    }

    fn carry_out(&mut self, ending: &Ending) {
        for (pool, keys, observation) in &ending.retire {
            for key in keys {
                let index = self.indexes.get_mut(pool).unwrap();
                if !index.is_due(key, observation) {
                    continue;
                }
                let existing = self.packages.get(key);
                if let Applied::Write(package) = catalogue::retire(existing, observation, observation.observed_at) {
                    self.packages.insert(key.clone(), *package);
                }
                index.record(&self.packages[key]);
            }
        }
    }

    /// How many packages the indexes say are offered.
    pub(crate) fn active(&self) -> usize {
        self.indexes.values().map(PoolIndex::active).sum()
    }

    /// The ids of what is offered.
    pub(crate) fn offered(&self) -> Vec<ArmId> {
        let active = self.packages.values().filter(|package| package.state == PackageState::Active);
        let mut ids: Vec<ArmId> = active.map(|package| package.content.resource.clone()).collect();
        ids.sort();
        ids
    }

    /// What people see: the names of what is offered, in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        let active = self.packages.values().filter(|package| package.state == PackageState::Active);
        let mut names: Vec<&str> = active.map(|package| package.content.display_name.as_str()).collect();
        names.sort_unstable();
        names
    }
}
