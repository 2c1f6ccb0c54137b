//! `poolwarden connections`: what is configured, and whether it can sign in and see anything.

use super::session::{Session, configuration};
use super::{COMPLETE, Cli, FAILED, output, sign_in};
use crate::deps::Deps;
use crate::health::{self, Attempt, Health, HealthState};
use anyhow::bail;
use clap::Subcommand;
use poolwarden_domain::run::{Run, Source, Trigger};
use serde::Serialize;

/// What the Application Workspace connector's settings are called here.
pub(super) const SETTINGS: &str = "\
A connection is a [[connection]] of poolwarden.toml. For whoever knows the AVD connector of Application Workspace:
  Scope                          scope, workspaces, host_pools, resources, cloud_pcs
  Username, Password             credential = { kind = \"username_password\", username, password }
  Application ID, Client secret  … client_id, secret
  Network Credentials            network_credentials = \"${Identity.UserName}\"
  Install dependency             install_dependency = true
  Use web client when no agent is present    web_client
  On-demand, Synchronize         method = \"on_demand\", \"synchronize\"
  Check only, or apply           check_only, and `poolwarden sync --apply`
  Name prefix, stage, managed, enabled, schedule    name_prefix, stage, managed, enabled, schedule
With multifactor authentication: credential = { kind = \"device_code\", … } and `poolwarden connections sign-in`.

Example:
  poolwarden connections list";

/// `poolwarden connections`
#[derive(Debug, Subcommand)]
pub(super) enum Connections {
    /// The configured connections, and when they last could sign in
    #[command(after_help = "Example:\n  poolwarden connections list --json")]
    List,
    /// Sign in now and count what can be seen; ends what `needs_attention` waits for
    #[command(after_help = "Example:\n  poolwarden connections check contoso")]
    Check {
        /// The connection [default: every one]
        name: Option<String>,
    },
    /// Sign in by hand, once, with a code that you enter in a browser on any device
    #[command(after_help = sign_in::HELP)]
    SignIn {
        /// The connection; its credential is of the kind "device_code"
        name: String,
    },
}

#[derive(Debug, Serialize)]
struct Line {
    name: String,
    enabled: bool,
    schedule: String,
    health: Option<Health>,
}

#[derive(Debug, Serialize)]
struct Checked {
    name: String,
    ok: bool,
    detail: String,
}

impl Connections {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let session = Session::open(configuration(cli)?)?;
        let deps = &session.deps;
        match self {
            Self::List => list(deps, cli.json).await,
            Self::Check { name } => check(deps, name.as_deref(), cli.json).await,
            Self::SignIn { name } => sign_in::run(deps, name, cli.json).await,
        }
    }
}

async fn list(deps: &Deps, json: bool) -> anyhow::Result<u8> {
    let mut lines = Vec::new();
    for connection in &deps.config.connections {
        lines.push(Line {
            name: connection.name.clone(),
            enabled: connection.enabled,
            schedule: connection.schedule.clone(),
            health: health::of(deps, &connection.name).await?,
        });
    }
    if json {
        output::json(&lines)?;
        return Ok(COMPLETE);
    }
    let rows = lines.into_iter().map(|line| {
        let (state, since, detail) = match line.health {
            None => ("not tried yet".to_owned(), String::new(), String::new()),
            Some(Health { state: HealthState::Valid, since, .. }) => {
                ("valid".to_owned(), output::when(since), String::new())
            }
            Some(Health { state: HealthState::Expiring, since, ends_at, .. }) => {
                let detail = ends_at.map(|end| format!("the secret or certificate ends at {}", output::when(end)));
                ("expiring".to_owned(), output::when(since), detail.unwrap_or_default())
            }
            Some(Health { state: HealthState::NeedsAttention, since, detail, .. }) => {
                ("needs attention".to_owned(), output::when(since), detail.unwrap_or_default())
            }
        };
        [line.name, if line.enabled { "yes" } else { "no" }.to_owned(), line.schedule, state, since, detail]
    });
    output::table(["CONNECTION", "ENABLED", "SCHEDULE", "SIGN-IN", "SINCE", "DETAIL"], rows)?;
    Ok(COMPLETE)
}

async fn check(deps: &Deps, name: Option<&str>, json: bool) -> anyhow::Result<u8> {
    let names: Vec<String> = match name {
        Some(name) if deps.config.connection(name).is_none() => bail!("there is no connection {name:?}"),
        Some(name) => vec![name.to_owned()],
        None => deps.config.connections.iter().map(|connection| connection.name.clone()).collect(),
    };
    let mut results = Vec::new();
    for name in names {
        let result = check_one(deps, &name).await?;
        results.push(Checked { name, ok: result.is_ok(), detail: result.unwrap_or_else(|problem| problem) });
    }
    let ok = results.iter().all(|checked| checked.ok);
    if json {
        output::json(&results)?;
    } else {
        let rows = results.into_iter().map(|c| [c.name, if c.ok { "ok" } else { "failed" }.to_owned(), c.detail]);
        output::table(["CONNECTION", "RESULT", "DETAIL"], rows)?;
    }
    Ok(if ok { COMPLETE } else { FAILED })
}

/// What can be seen, or what is wrong.
async fn check_one(deps: &Deps, name: &str) -> anyhow::Result<Result<String, String>> {
    deps.sources.forget_refusal(name);
    let signed_in = deps.sources.sign_in(name).await.map_err(anyhow::Error::msg)?;
    if let Err(error) = signed_in {
        // Out of reach says nothing about the credential.
        if error.problem().is_some() {
            let attempt = Attempt { failure: Some(&error), by_a_person: true, ..Attempt::default() };
            health::record(deps, name, attempt).await?;
        }
        return Ok(Err(error.to_string()));
    }
    health::record_success(deps, name, true).await?;
    let run = Run::new(String::new(), name, Trigger::Command, Source::Azure, deps.now());
    let inventory = deps.sources.inventory(&run).map_err(anyhow::Error::msg)?;
    Ok(match inventory.estate().await {
        Err(reason) => Err(reason.to_string()),
        Ok(estate) if estate.unknown.is_empty() => Ok(format!(
            "{} subscriptions, {} host pools, {} application groups",
            estate.subscriptions.len(),
            estate.host_pools.len(),
            estate.application_groups.len()
        )),
        Ok(estate) => {
            let scopes: Vec<String> =
                estate.unknown.iter().map(|dark| format!("{}: {}", dark.scope, dark.reason)).collect();
            Err(scopes.join("; "))
        }
    })
}
