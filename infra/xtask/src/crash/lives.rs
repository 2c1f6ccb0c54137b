//! The lives of whoever does the work: begun, ended by SIGKILL or at a fault point, and begun again.

use super::Backend;
use super::stand::Stand;
use crate::processes::{Process, free_address};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::process::ExitStatus;

/// The variable that arms fault points.
pub(super) const FAULT_POINTS_VARIABLE: &str = "POOLWARDEN_FAULT_POINTS";
/// Where the process may die: after a message came, between the writes and sends of its work, before and after it is
/// acknowledged. A name that a handler does not have is never hit.
const FAULT_POINTS: [&str; 6] =
    ["before_invoke", "after_state", "before_send", "after_send", "before_ack", "after_ack"];
/// How likely a point that is armed ends the process when it is passed: a run passes it hundreds of times.
const PROBABILITIES: [f64; 3] = [0.005, 0.02, 0.1];
/// The share of lives that have a fault point armed.
const ARMED: f64 = 0.7;

/// Who does the work, for one life.
pub(super) enum Life {
    /// `poolwarden serve`.
    Serve {
        process: Box<Process>,
        /// The fault point that may end it.
        armed: Option<&'static str>,
    },
    /// A custom handler under a Functions host, which starts the next one by itself.
    #[cfg(feature = "functions-host")]
    Hosted(Box<super::hosted::Hosted>),
}

/// How processes ended.
#[derive(Debug, Default)]
pub(super) struct Kills {
    pub(super) by_signal: usize,
    pub(super) at_fault_points: BTreeMap<String, usize>,
}

impl Kills {
    /// Counts a death by SIGKILL, or at the fault point that was armed; any other is a defect.
    pub(super) fn count(&mut self, status: ExitStatus, armed: Option<&str>) -> Result<()> {
        match (died_of(status), armed) {
            (Some(SIGKILL), _) => self.by_signal += 1,
            (Some(SIGABRT), Some(point)) => *self.at_fault_points.entry(point.to_owned()).or_default() += 1,
            _ => bail!("the process ended by itself ({status}); its log in target/crash says why"),
        }
        Ok(())
    }
}

impl Life {
    pub(super) fn is_armed(&self) -> bool {
        match self {
            Self::Serve { armed, .. } => armed.is_some(),
            #[cfg(feature = "functions-host")]
            Self::Hosted(hosted) => hosted.is_armed(),
        }
    }

    /// Whether it is over.
    pub(super) fn has_ended(&mut self) -> Result<bool> {
        match self {
            Self::Serve { process, .. } => Ok(process.ended()?.is_some()),
            #[cfg(feature = "functions-host")]
            Self::Hosted(hosted) => Ok(hosted.has_died()),
        }
    }

    pub(super) async fn stop(self) -> Result<()> {
        match self {
            Self::Serve { process, .. } => process.stop().await,
            #[cfg(feature = "functions-host")]
            Self::Hosted(hosted) => {
                hosted.stop().await;
                Ok(())
            }
        }
    }
}

impl Stand {
    /// Makes sure that a process works which nothing but us will end.
    pub(super) async fn serve_in_peace(&mut self) -> Result<()> {
        if let Some(life) = &mut self.life {
            if !life.is_armed() && !life.has_ended()? {
                return Ok(());
            }
            self.end_current().await?;
        }
        match self.life {
            #[cfg(feature = "functions-host")]
            Some(_) => self.begin(None).await,
            _ => self.first_life().await,
        }
    }

    async fn first_life(&mut self) -> Result<()> {
        self.life = Some(match self.plan.backend {
            Backend::Sqlite => Life::Serve { process: Box::new(self.poolwarden.serve().await?), armed: None },
            #[cfg(feature = "functions-host")]
            Backend::Azure => {
                let hosted = super::hosted::Hosted::start(&self.programs, &self.poolwarden, &self.azure).await?;
                Life::Hosted(Box::new(hosted))
            }
            #[cfg(not(feature = "functions-host"))]
            Backend::Azure => bail!("this program was built without its feature functions-host"),
        });
        Ok(())
    }

    /// Begins a life that may end at a fault point.
    pub(super) async fn serve_dangerously(&mut self) -> Result<()> {
        if !self.dice.chance(ARMED) {
            return self.begin(None).await;
        }
        let point = self.dice.pick(&FAULT_POINTS).copied();
        let probability = self.dice.pick(&PROBABILITIES).copied().unwrap_or_default();
        let seed = self.dice.number() >> 1;
        self.begin(point.map(|point| (point, format!("{point}:{probability}:{seed}")))).await
    }

    async fn begin(&mut self, armed: Option<(&'static str, String)>) -> Result<()> {
        #[cfg(feature = "functions-host")]
        if let Some(Life::Hosted(hosted)) = &mut self.life {
            let kills = hosted.replace(armed.as_ref().map_or("", |(_, points)| points)).await?;
            self.tally.add(kills);
            return Ok(());
        }
        let poolwarden = match &armed {
            Some((_, points)) => self.poolwarden.clone().with(FAULT_POINTS_VARIABLE, points),
            None => self.poolwarden.clone(),
        };
        let process = Box::new(poolwarden.spawn_serve(&free_address()?)?.process);
        self.life = Some(Life::Serve { process, armed: armed.map(|(point, _)| point) });
        Ok(())
    }

    /// Kills the process that serves, or notes how it had died before, and counts it. One under a host is killed when
    /// the next one is wanted.
    pub(super) async fn end_current(&mut self) -> Result<()> {
        let (mut process, armed) = match self.life.take().context("no process serves")? {
            Life::Serve { process, armed } => (process, armed),
            #[cfg(feature = "functions-host")]
            hosted => {
                self.life = Some(hosted);
                return Ok(());
            }
        };
        let mut kills = Kills::default();
        kills.count(process.kill().await?, armed)?;
        self.tally.add(kills);
        Ok(())
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
