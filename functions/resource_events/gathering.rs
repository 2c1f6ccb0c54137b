//! Bursts: what events tell of a connection is gathered for a few seconds, and one run looks at all of it.
//!
//! The first event creates the run and a message that is delivered when the gathering is over; those that follow
//! widen the run. Each step can be repeated, and Event Grid repeats what was not answered.

use crate::deps::Deps;
use crate::stage::Fault;
use crate::{keys, runs};
use jiff::{SignedDuration, Timestamp};
use poolwarden_domain::ArmId;
use poolwarden_domain::run::{PART_SUFFIX, Run, Source, Trigger};
use serde::{Deserialize, Serialize};

/// How long events are gathered: a deployment writes a pool, its groups and their applications within seconds.
pub const WINDOW: SignedDuration = SignedDuration::from_secs(10);
/// How often it is tried anew when others were first, or a run has just begun to look.
const MAX_ATTEMPTS: usize = 8;

/// The run that gathers: `connections/<name>/gathering`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Gathering {
    run: String,
    /// When it is over and the run begins.
    until: Timestamp,
    /// Whether the run's message is sent for certain.
    sent: bool,
}

impl Gathering {
    fn new(connection: &str, now: Timestamp) -> Self {
        let until = now + WINDOW;
        let salt = format!("{connection} {}", now.as_nanosecond());
        Self { run: runs::id(until, &salt) + PART_SUFFIX, until, sent: false }
    }
}

/// Has these looked at soon, or the whole connection when there are none; returns the run that will.
pub(super) async fn look_soon(deps: &Deps, connection: &str, only: &[ArmId]) -> Result<String, Fault> {
    let (state, key) = (deps.state(), keys::gathering(connection));
    let mut over: Option<String> = None;
    for _ in 0..MAX_ATTEMPTS {
        let now = deps.now();
        let known: Option<Gathering> = state.value(&key).await?;
        let gathering = match known {
            Some(known) if now < known.until && over.as_ref() != Some(&known.run) => known,
            known => {
                let next = Gathering::new(connection, now);
                let first = |found: Option<Gathering>| (found == known).then(|| next.clone());
                match state.change(&key, first).await? {
                    Some(recorded) if recorded == next => next,
                    // Somebody else has begun another one.
                    _ => continue,
                }
            }
        };
        let run = Run::new(gathering.run.clone(), connection, Trigger::ResourceEvent, Source::Azure, gathering.until);
        let run = run.limited_to(only);
        if !gathering.sent {
            runs::start_at(deps, &run, Some(gathering.until)).await?;
            let sent = |found: Option<Gathering>| {
                found.filter(|found| *found == gathering).map(|found| Gathering { sent: true, ..found })
            };
            state.change(&key, sent).await?;
        }
        let widened = state
            .change(&keys::run(&run.id, connection), |known: Option<Run>| known.and_then(|known| known.widened(only)))
            .await?;
        match widened {
            Some(run) if !run.has_looked() => return Ok(run.id),
            // It looks already, and may have looked before this happened.
            _ => over = Some(run.id),
        }
    }
    Err(Fault::Transient(format!("what changed in {connection} could not be gathered now")))
}
