//! The functions as Azure runs them: an independent Functions host that fires them by Service Bus messages, and a
//! custom handler that is killed under it, and that it starts again.

use super::lives::{FAULT_POINTS_VARIABLE, Kills};
use crate::cargo::Programs;
use crate::poolwarden::Poolwarden;
use crate::simulator::{IDENTITY_HEADER, Simulator};
use crate::stage::package;
use anyhow::Result;
use functions_host::{FunctionsHost, Options, Settings, Tokens};

/// A Functions host with its handler.
pub(super) struct Hosted {
    host: FunctionsHost,
    /// The fault point that may end the handler; empty for none.
    armed: String,
    /// Deaths that were counted.
    counted: usize,
    /// Deaths before this handler's.
    before: usize,
}

impl Hosted {
    /// Stages the app in the installation's folder and starts it there.
    pub(super) async fn start(programs: &Programs, poolwarden: &Poolwarden, azure: &Simulator) -> Result<Self> {
        let app = poolwarden.folder.join("functionapp");
        std::fs::create_dir_all(&app)?;
        package::assemble(&programs.poolwarden, crate::cargo::root(), &app)?;
        let mut environment = poolwarden.environment().to_vec();
        environment.push(("POOLWARDEN_CONFIG".into(), poolwarden.folder.join("poolwarden.toml").display().to_string()));
        environment.push(("RUST_LOG".into(), "warn".into()));
        let settings = Settings { environment, log: Some(poolwarden.folder.join("handler.log")) };
        let tokens = Tokens::ManagedIdentity {
            endpoint: format!("{}/msi/token", azure.url),
            header: IDENTITY_HEADER.to_owned(),
        };
        let service_bus = Some((azure.url.clone(), tokens));
        let options = Options { settings, service_bus, timers: true, ..Options::new(app) };
        let host = FunctionsHost::start(options).await?;
        Ok(Self { host, armed: String::new(), counted: 0, before: 0 })
    }

    /// Whether the handler died since it was last replaced.
    pub(super) fn has_died(&self) -> bool {
        self.host.deaths().len() > self.before
    }

    pub(super) fn is_armed(&self) -> bool {
        !self.armed.is_empty()
    }

    /// Kills the handler; the next one has this fault point armed, or none. Returns how handlers died since the last
    /// count.
    pub(super) async fn replace(&mut self, points: &str) -> Result<Kills> {
        self.host.set(FAULT_POINTS_VARIABLE, points);
        self.host.kill().await?;
        let deaths = self.host.deaths();
        let mut kills = Kills::default();
        for status in &deaths[self.counted..] {
            kills.count(*status, self.armed.split(':').next().filter(|point| !point.is_empty()))?;
        }
        (self.counted, self.before) = (deaths.len(), deaths.len());
        self.armed = points.to_owned();
        Ok(kills)
    }

    pub(super) async fn stop(self) {
        self.host.stop().await;
    }
}
