//! What a person has to do about a connection.

use super::ConnectionStatus;
use crate::health::{Health, HealthState};
use jiff::{SignedDuration, Timestamp};
use poolwarden_domain::run::{Run, Status as Ending};
use poolwarden_host::Schedule;

/// A run that has not ended after this long is ended by `sync_timer`; where that has not happened, nobody serves.
const RUN_TAKES_AT_MOST: SignedDuration = SignedDuration::from_hours(2);
/// How often a connection may be due, beginning with its last good run, before one is missed.
const DUE_WITHOUT_GOOD_RUN: usize = 4;
/// A connection is not missed sooner than this, however often it is due.
const MISSED_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Everything there is. A connection that is not enabled is looked at all the same, for a held run is held; but nobody
/// expects runs of it. `known_since` is when the oldest run that was looked at began.
pub(super) fn complaints(
    connection: &ConnectionStatus,
    schedule: &str,
    open: Option<&Run>,
    known_since: Option<Timestamp>,
    now: Timestamp,
) -> Vec<String> {
    let name = &connection.name;
    let mut complaints = Vec::new();
    let signs_in = connection.credential.as_ref().is_none_or(|health| health.state.signs_in());
    if !signs_in {
        complaints.push(format!("{name} cannot sign in: `poolwarden connections list` says why"));
    }
    if let Some(Health { state: HealthState::Expiring, ends_at: Some(end), .. }) = &connection.credential {
        let days = end.duration_since(now).as_hours() / 24;
        complaints.push(format!(
            "{name}: its client secret or certificate ends at {end}, in {days} days: make a new one in the Entra admin centre → App registrations → the application → Certificates & secrets"
        ));
    }
    if let Some(run) = &connection.held {
        complaints.push(format!("{name}: run {run} is held: `poolwarden runs show {run}`"));
    }
    if let Some(line) = &connection.last_run
        && line.status != Ending::Complete
        && connection.held.as_ref() != Some(&line.run)
    {
        let why = connection.error.as_ref().map(|error| format!("{error}: ")).unwrap_or_default();
        complaints.push(format!("{name}: the last run was not complete: {why}`poolwarden runs show {}`", line.run));
    }
    match connection.promotions.as_slice() {
        [] => {}
        [key] => complaints
            .push(format!("{name}: the promotion of {key} waits for approval: `poolwarden packages show {key}`")),
        several => complaints
            .push(format!("{name}: {} promotions wait for approval: `poolwarden packages list`", several.len())),
    }
    let stalled = open.filter(|run| now.duration_since(run.started_at) > RUN_TAKES_AT_MOST);
    if let Some(run) = stalled {
        complaints.push(format!(
            "{name}: run {} began at {} and has not ended; is the process that serves running?",
            run.id, run.started_at
        ));
    }
    let good = connection.last_good_run.as_ref().map(|line| line.at);
    // A run under way may be the one that is missed: a large estate may take longer than its schedule's period.
    let is_under_way = open.is_some_and(|run| !run.is_part()) && stalled.is_none();
    if let Some(since) = good.or(known_since)
        && connection.enabled
        && !is_under_way
        && is_missed(schedule, since, now)
    {
        // Where runs end otherwise, or cannot begin, it is not for want of a process.
        let is_idle = signs_in && connection.last_run == connection.last_good_run;
        let question = if is_idle { "; is the process that serves running?" } else { "" };
        complaints.push(format!("{name}: no good run since {since}{question}"));
    }
    complaints
}

/// Whether a run should have been good since. Counted in times it was due, not in hours: a schedule may rest over
/// nights and weekends.
fn is_missed(schedule: &str, since: Timestamp, now: Timestamp) -> bool {
    // The configuration was judged when it was read.
    let Ok(schedule) = Schedule::parse(schedule) else { return false };
    let mut due = Some(since);
    for _ in 0..DUE_WITHOUT_GOOD_RUN {
        due = due.and_then(|due| schedule.after(due));
    }
    now.duration_since(since) > MISSED_AFTER && due.is_some_and(|due| due < now)
}
