//! One cycle: the estate changes, a run (sometimes two at once) is asked for, and whoever serves it is killed until it
//! has ended all the same.

use super::lives::Life;
use super::stand::{CONNECTION, Stand};
use crate::processes::capture;
use anyhow::{Context, Result, bail};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Deaths that one cycle sees at most; then its runs may end in peace. A message that met more deaths than its queue
/// has deliveries would rightly be given up.
const MAX_DEATHS: usize = 7;
/// The share of cycles in which the estate changes again, and a second run begins, while the first is under way.
const OVERLAPPING: f64 = 0.25;
/// How often it is looked whether the runs have ended.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long runs may take in peace before they count as never ending: many times what they take.
const PEACE: Duration = Duration::from_secs(60);
/// As [`PEACE`], where a bug is planted that may well do that.
const PEACE_WITH_BUG: Duration = Duration::from_secs(20);
/// The shortest time in which kills fall.
const SHORTEST: Duration = Duration::from_millis(500);

/// How runs ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// Each with a status.
    All,
    /// This one did not, though nothing disturbed it any more.
    Never(String),
}

/// Runs one cycle, with no more deaths than are wanted in all.
pub(super) async fn run(stand: &mut Stand, kills: usize) -> Result<Ended> {
    stand.tally.cycles += 1;
    stand.serve_in_peace().await?;
    stand.change_estate().await?;
    let began = Instant::now();
    stand.ask_for_run().await?;
    if stand.tally.cycles == 1 {
        // The first run is left alone: it tells how long one takes.
        let ended = stand.in_peace().await?;
        stand.run_takes = began.elapsed().max(SHORTEST);
        return Ok(ended);
    }
    if stand.dice.chance(OVERLAPPING) {
        stand.change_estate().await?;
        stand.ask_for_run().await?;
    }
    for deaths in 0..MAX_DEATHS {
        if stand.tally.kills() >= kills {
            break;
        }
        // Who may die at a fault point gets the time to come to it.
        let armed = stand.life.as_ref().is_some_and(Life::is_armed);
        let lives_for = if armed { stand.run_takes } else { stand.dice.up_to(stand.run_takes) };
        if stand.run_has_ended_within(lives_for).await? {
            if deaths == 0 {
                stand.run_takes = began.elapsed().max(SHORTEST);
            }
            return Ok(Ended::All);
        }
        stand.end_current().await?;
        stand.serve_dangerously().await?;
    }
    stand.in_peace().await
}

impl Stand {
    /// Queues a run for the process that serves.
    pub(super) async fn ask_for_run(&self) -> Result<()> {
        let (status, _, err) = capture(&mut self.poolwarden.command(&["sync", "--connection", CONNECTION])).await?;
        if !status.success() {
            bail!("poolwarden sync failed ({status}): {}", err.trim());
        }
        Ok(())
    }

    /// Waits for the runs to end with nobody killed.
    pub(super) async fn in_peace(&mut self) -> Result<Ended> {
        self.serve_in_peace().await?;
        let deadline = Instant::now() + if self.plan.bug.is_some() { PEACE_WITH_BUG } else { PEACE };
        loop {
            let open = self.look_at_runs().await?;
            let Some(run) = open.into_iter().next() else { return Ok(Ended::All) };
            if Instant::now() > deadline {
                return Ok(Ended::Never(run));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits for the runs to end, for the process to die or for the time to pass.
    async fn run_has_ended_within(&mut self, time: Duration) -> Result<bool> {
        let until = Instant::now() + time;
        let mut look_at = Instant::now() + LOOK_EVERY;
        loop {
            let life = self.life.as_mut().context("no process serves")?;
            if life.has_ended()? || Instant::now() >= until {
                return Ok(false);
            }
            if Instant::now() >= look_at {
                if self.look_at_runs().await?.is_empty() {
                    return Ok(true);
                }
                look_at = Instant::now() + LOOK_EVERY;
            }
            let next = until.min(look_at).min(Instant::now() + Duration::from_millis(20));
            tokio::time::sleep_until(next).await;
        }
    }

    /// Notes how every run stands, and returns those that have not ended.
    pub(super) async fn look_at_runs(&mut self) -> Result<Vec<String>> {
        let runs = self.poolwarden.json(&["runs", "list"]).await?;
        let mut open = Vec::new();
        for run in runs.as_array().context("poolwarden runs list --json is no list")? {
            let id = run["id"].as_str().context("a run has no id")?;
            let status = run["finished"]["report"]["status"].as_str().map(str::to_owned);
            if status.is_none() {
                open.push(id.to_owned());
            }
            self.runs.insert(id.to_owned(), status);
        }
        self.tally.runs = self.runs.len();
        Ok(open)
    }
}
