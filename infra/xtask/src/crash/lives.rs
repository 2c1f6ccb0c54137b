//! The lives of `poolwarden serve`: begun, ended by SIGKILL or at a fault point, and begun again.

use super::stand::Stand;
use crate::processes::{Process, free_address};
use anyhow::{Context, Result, bail};
use std::process::ExitStatus;

/// The variable that arms fault points.
const FAULT_POINTS_VARIABLE: &str = "POOLWARDEN_FAULT_POINTS";
/// Where the process may die: after a message came, between the writes and sends of its work, before and after it is
/// acknowledged. A name that a handler does not have is never hit.
const FAULT_POINTS: [&str; 6] =
    ["before_invoke", "after_state", "before_send", "after_send", "before_ack", "after_ack"];
/// How likely a point that is armed ends the process when it is passed: a run passes it hundreds of times.
const PROBABILITIES: [f64; 3] = [0.005, 0.02, 0.1];
/// The share of lives that have a fault point armed.
const ARMED: f64 = 0.7;

/// One life of `poolwarden serve`.
pub(super) struct Life {
    process: Process,
    /// The fault point that may end it.
    armed: Option<&'static str>,
}

impl Life {
    pub(super) fn is_armed(&self) -> bool {
        self.armed.is_some()
    }

    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.process.ended()
    }

    pub(super) async fn stop(self) -> Result<()> {
        self.process.stop().await
    }
}

impl Stand {
    /// Makes sure that a process serves which nothing but us will end.
    pub(super) async fn serve_in_peace(&mut self) -> Result<()> {
        if let Some(mut life) = self.life.take() {
            if !life.is_armed() && life.ended()?.is_none() {
                self.life = Some(life);
                return Ok(());
            }
            self.end(life).await?;
        }
        let process = self.poolwarden.serve().await?;
        self.life = Some(Life { process, armed: None });
        Ok(())
    }

    /// Begins a life that may end at a fault point.
    pub(super) fn serve_dangerously(&mut self) -> Result<()> {
        if !self.dice.chance(ARMED) {
            return self.begin(None);
        }
        let point = self.dice.pick(&FAULT_POINTS).copied();
        let probability = self.dice.pick(&PROBABILITIES).copied().unwrap_or_default();
        let seed = self.dice.number() >> 1;
        self.begin(point.map(|point| (point, format!("{point}:{probability}:{seed}"))))
    }

    fn begin(&mut self, armed: Option<(&'static str, String)>) -> Result<()> {
        let poolwarden = match &armed {
            Some((_, points)) => self.poolwarden.clone().with(FAULT_POINTS_VARIABLE, points),
            None => self.poolwarden.clone(),
        };
        let process = poolwarden.spawn_serve(&free_address()?)?.process;
        self.life = Some(Life { process, armed: armed.map(|(point, _)| point) });
        Ok(())
    }

    /// Kills the process that serves, or notes how it had died before, and counts it.
    pub(super) async fn end(&mut self, mut life: Life) -> Result<()> {
        let status = life.process.kill().await?;
        // A broker far away keeps the locks of who died until they run out; here nobody waits for that.
        self.azure.lapse_locks().await?;
        match (died_of(status), life.armed) {
            (Some(SIGKILL), _) => self.tally.by_signal += 1,
            (Some(SIGABRT), Some(point)) => *self.tally.at_fault_points.entry(point.to_owned()).or_default() += 1,
            _ => {
                let log = self.poolwarden.folder.join("serve.log");
                bail!("poolwarden serve ended by itself ({status}); {} says why", log.display());
            }
        }
        Ok(())
    }

    /// As [`Stand::end`], for whichever process serves.
    pub(super) async fn end_current(&mut self) -> Result<()> {
        let life = self.life.take().context("no process serves")?;
        self.end(life).await
    }
}

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;

#[cfg(unix)]
fn died_of(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn died_of(_: ExitStatus) -> Option<i32> {
    Some(SIGKILL)
}
