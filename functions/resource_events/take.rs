//! What becomes of a request's events: sorted by the connection and the pools they touch, and those looked at soon.

use super::gathering;
use crate::deps::Deps;
use crate::health::{self, HealthState};
use crate::import::choose::connections_of;
use crate::stage::Fault;
use jiff::Timestamp;
use poolwarden_domain::ArmId;
use poolwarden_domain::part::{Due, due, touched};
use poolwarden_domain::resource_event::{Illegible, Told};
use serde::Serialize;
use std::collections::BTreeMap;

/// Malformed events of one request that the log tells one by one.
const MAX_TOLD: usize = 5;

/// What became of a request's events; each counts once.
#[derive(Debug, Default, Serialize)]
pub(super) struct Counts {
    /// They lead to a look at something.
    taken: usize,
    /// They change nothing that is published.
    irrelevant: usize,
    /// The change failed.
    failed: usize,
    /// What they touch was looked at since.
    stale: usize,
    /// No connection that runs by itself reads their subscription.
    unknown_subscription: usize,
    /// They cannot be read.
    malformed: usize,
}

/// A target and the time of the newest change in it; without a time it is new in any case.
type Newest = BTreeMap<ArmId, (Option<Timestamp>, usize)>;

/// What becomes of a change; of several connections that it concerns, the most counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outlook {
    UnknownSubscription,
    Irrelevant,
    Stale,
    Taken,
}

/// Sorts the events out, and has looked at what has to be. Returns the runs by connection.
pub(super) async fn take(
    deps: &Deps,
    events: Vec<Result<Told, Illegible>>,
) -> Result<(BTreeMap<String, String>, Counts), Fault> {
    let (mut counts, mut newest) = (Counts::default(), Newest::new());
    for event in events {
        match event {
            Ok(Told::Nothing) => counts.irrelevant += 1,
            Ok(Told::Failed) => counts.failed += 1,
            Ok(Told::Changed(event)) => match touched(&event.resource) {
                None => counts.irrelevant += 1,
                Some(target) => {
                    let (at, count) = newest.entry(target).or_insert((event.at, 0));
                    *at = at.zip(event.at).map(|(known, at)| known.max(at));
                    *count += 1;
                }
            },
            Err(error) => {
                counts.malformed += 1;
                if counts.malformed <= MAX_TOLD {
                    tracing::warn!(%error, "a malformed event is left out");
                }
            }
        }
    }
    let mut looks: BTreeMap<&str, Vec<ArmId>> = BTreeMap::new();
    for (target, (at, count)) in newest {
        let enabled = deps.config.connections.iter().filter(|connection| connection.enabled);
        let connections = connections_of(deps, enabled, &target).await?;
        let mut outcome = if connections.is_empty() { Outlook::UnknownSubscription } else { Outlook::Irrelevant };
        for connection in connections {
            let known = deps.known.of(deps, &connection.name).await?;
            outcome = outcome.max(match due(&target, at, &known) {
                Due::Look(only) => {
                    let look = looks.entry(&connection.name).or_insert_with(|| only.clone());
                    // Nothing in the list is the whole connection, which has all the rest.
                    if !look.is_empty() {
                        look.extend(only);
                    }
                    Outlook::Taken
                }
                Due::Whole => {
                    looks.insert(&connection.name, Vec::new());
                    Outlook::Taken
                }
                Due::Stale => Outlook::Stale,
                Due::Nothing => Outlook::Irrelevant,
            });
        }
        *match outcome {
            Outlook::UnknownSubscription => &mut counts.unknown_subscription,
            Outlook::Irrelevant => &mut counts.irrelevant,
            Outlook::Stale => &mut counts.stale,
            Outlook::Taken => &mut counts.taken,
        } += count;
    }
    let mut runs = BTreeMap::new();
    for (connection, only) in looks {
        // Whoever cannot sign in would be locked out by trying.
        if health::of(deps, connection).await?.is_some_and(|health| health.state == HealthState::NeedsAttention) {
            tracing::warn!(connection, "its sign-in needs attention; what changed is looked at once it is mended");
            continue;
        }
        runs.insert(connection.to_owned(), gathering::look_soon(deps, connection, &only).await?);
    }
    Ok((runs, counts))
}
