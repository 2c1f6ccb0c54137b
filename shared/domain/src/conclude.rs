//! The end of a run: the sum of what its pools reported, what to retire, and what the next run can build on.

use crate::UnknownScope;
use crate::plan::Observation;
use crate::policy::Brake;
use crate::report::{ConnectionReport, PoolReport, ReportedScope};
use crate::run::{Baseline, BaselinePool, Discovered, Run, Source, Status};

/// What the end of a run comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The packages to retire now: pool key, package keys, and the look that missed them.
    pub retire: Vec<(String, Vec<String>, Observation)>,
    /// The account.
    pub report: ConnectionReport,
    /// What the next run may take for granted.
    pub baseline: Option<Baseline>,
}

/// Draws the sum of a run: the report, what to retire, and what the next run can build on.
pub fn conclude(run: &Run, pools: &[PoolReport], brake: Brake, policy: String, previous: Option<&Baseline>) -> Ending {
    let nothing = Discovered::default();
    let discovered = run.discovered.as_ref().unwrap_or(&nothing);
    let active = pools.iter().map(|pool| pool.active).sum::<usize>()
        + discovered.carried.values().map(|pool| pool.packages).sum::<usize>()
        + others(run, pools, previous);
    let retiring: usize = pools.iter().map(|pool| pool.plan.retire.len()).sum();
    let held = brake.stops(retiring, active) && run.approved_at.is_none();

    let mut report = ConnectionReport::new(&run.connection, Status::Complete);
    report.only.clone_from(&run.only);
    report.pools.found = discovered.pools.len() + discovered.carried.len();
    report.ignored_files.clone_from(&discovered.ignored);
    report.requests = discovered.requests;
    let mut unknown: Vec<&UnknownScope> = discovered.unknown.iter().collect();
    for pool in pools {
        if pool.unknown.is_empty() {
            report.pools.read += 1;
        } else {
            report.pools.unknown += 1;
        }
        report.session_hosts += pool.session_hosts.unwrap_or(0);
        report.resources += pool.resources;
        for part in pool.parts.values() {
            report.packages.created += part.created;
            report.packages.updated += part.updated + part.restored;
            report.packages.unchanged += part.superseded;
            report.failed_packages.extend(part.failed.clone());
        }
        report.packages.unchanged += pool.plan.unchanged + pool.plan.missing;
        report.packages.unknown += pool.plan.unknown;
        report.not_published.extend(pool.not_published.iter().cloned());
        report.waiting.extend(pool.waiting.iter().cloned());
        report.requests += pool.requests;
        unknown.extend(&pool.unknown);
    }
    for pool in discovered.carried.values() {
        report.pools.read += 1;
        report.session_hosts += pool.session_hosts.unwrap_or(0);
        report.resources += pool.resources;
        report.packages.unchanged += pool.packages;
        report.not_published.extend(pool.not_published.iter().cloned());
    }
    if held {
        report.packages.held = retiring;
    } else {
        report.packages.retired = retiring;
    }
    unknown.sort_by_key(|dark| (&dark.scope, dark.reason.why, &dark.reason.detail));
    unknown.dedup();
    report.unknown_scopes = unknown
        .into_iter()
        .map(|dark| ReportedScope { scope: dark.scope.clone(), reason: dark.reason.to_string() })
        .collect();
    report.waiting.sort();
    report.packages.waiting = report.waiting.len();
    report.not_published.sort_by(|a, b| a.resource.cmp(&b.resource));
    report.status = if held {
        Status::Held
    } else if !report.unknown_scopes.is_empty() || !report.failed_packages.is_empty() {
        Status::Incomplete
    } else {
        Status::Complete
    };

    let retire = pools
        .iter()
        .filter(|pool| !held && !pool.plan.retire.is_empty())
        .map(|pool| (pool.pool.clone(), pool.plan.retire.clone(), pool.observation.clone()))
        .collect();
    let settled = pools.iter().filter(|pool| pool.is_settled()).filter_map(|pool| {
        let packages = pool.plan.unchanged + pool.plan.entries;
        let settled = BaselinePool {
            fingerprint: pool.fingerprint.clone()?,
            resources: pool.resources,
            session_hosts: pool.session_hosts,
            packages,
            not_published: pool.not_published.clone(),
        };
        Some((pool.pool.clone(), settled))
    });
    // A part says nothing about the rest, and its pools are read again whenever the activity log says so.
    let baseline = (run.source == Source::Azure && !run.is_part()).then(|| Baseline {
        run: run.id.clone(),
        started_at: run.started_at,
        full_at: if discovered.full { run.started_at } else { previous.map_or(run.started_at, |b| b.full_at) },
        policy,
        pools: discovered.carried.clone().into_iter().chain(settled).collect(),
    });
    Ending { retire, report, baseline }
}

/// The packages that the connection offers beside those of a limited run, as the last whole run counted them: the
/// brake's share is one of the connection's packages, however little a run looks at.
fn others(run: &Run, pools: &[PoolReport], whole: Option<&Baseline>) -> usize {
    let Some(whole) = whole.filter(|_| run.is_part()) else { return 0 };
    let is_other = |key: &String| !pools.iter().any(|pool| pool.pool == *key);
    whole.pools.iter().filter(|(key, _)| is_other(key)).map(|(_, pool)| pool.packages).sum()
}

#[cfg(test)]
mod tests;
