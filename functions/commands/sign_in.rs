//! `poolwarden connections sign-in`: a person signs in once, with a code, and what comes of it is kept for the runs.

use super::output::{self, say};
use super::{COMPLETE, FAILED, USAGE};
use crate::config::Connection;
use crate::deps::Deps;
use crate::health::{self, Attempt};
use anyhow::bail;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use poolwarden_azure::{Credential, DeviceCodeSignIn, SignInError};
use serde_json::json;
use std::io::IsTerminal;
use std::time::Duration;

pub(super) const HELP: &str = "Examples:
  poolwarden connections sign-in contoso
  poolwarden connections sign-in contoso --json | jq -r .user_code

With --json it prints two objects: the code at once, and what came of it at the end.

Exit codes: 0 signed in, 1 failed, 64 this connection signs in another way.";

/// How often the line that says how long the code is good is written anew.
const TICK_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn run(deps: &Deps, name: &str, json: bool) -> anyhow::Result<u8> {
    let Some(connection) = deps.config.connection(name) else { bail!("there is no connection {name:?}") };
    let Credential::DeviceCode { username, .. } = &connection.credential else {
        eprintln!("error: {}", instead(connection));
        return Ok(USAGE);
    };
    let outcome = match deps.sources.sign_in_by_hand(name).await.map_err(anyhow::Error::msg)? {
        Ok(begun) => {
            tell(&begun, username.as_deref(), json)?;
            wait(begun).await.map_err(|error| error.of_connection(name))
        }
        Err(error) => Err(error),
    };
    let outcome = match outcome {
        Ok(()) => prove(deps, name).await?,
        failed => failed,
    };
    record(deps, name, outcome.as_ref().err()).await?;
    let (ok, detail) = match outcome {
        Ok(()) => (true, "signed in; runs of this connection go on by themselves".to_owned()),
        Err(error) => (false, error.to_string()),
    };
    if json {
        output::json(&json!({ "name": name, "ok": ok, "detail": detail }))?;
    } else if ok {
        say!("{name}: {detail}");
    } else {
        eprintln!("error: {}", output::visible(&detail));
    }
    Ok(if ok { COMPLETE } else { FAILED })
}

/// Prints the code, and where to enter it.
fn tell(begun: &DeviceCodeSignIn, username: Option<&str>, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&json!({
            "user_code": begun.user_code(),
            "verification_uri": begun.address(),
            "expires_at": begun.expires_at(),
            "username": username,
        }));
    }
    let who = username.map(|name| format!(" as {name}")).unwrap_or_default();
    say!("Open {} in a browser, enter the code {} and sign in{who}.", begun.address(), begun.user_code());
    Ok(())
}

/// Waits for the person, and shows on a terminal how long the code is still good.
async fn wait(begun: DeviceCodeSignIn) -> Result<(), SignInError> {
    let is_terminal = std::io::stderr().is_terminal();
    let target = if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target)
        .with_style(ProgressStyle::with_template("{spinner} {msg}").expect("the template is fixed"));
    let expires_at = begun.expires_at();
    let mut ticks = tokio::time::interval(TICK_EVERY);
    let finish = begun.finish();
    tokio::pin!(finish);
    loop {
        tokio::select! {
            outcome = &mut finish => {
                bar.finish_and_clear();
                return outcome;
            }
            _ = ticks.tick() => {
                let left_s = expires_at.duration_since(Timestamp::now()).as_secs().max(0);
                bar.set_message(format!("waiting for you; the code is good for {}:{:02} more", left_s / 60, left_s % 60));
                bar.tick();
            }
        }
    }
}

/// Uses what was kept, as a run would.
async fn prove(deps: &Deps, name: &str) -> anyhow::Result<Result<(), SignInError>> {
    deps.sources.forget_refusal(name);
    deps.sources.sign_in(name).await.map_err(anyhow::Error::msg)
}

async fn record(deps: &Deps, name: &str, failure: Option<&SignInError>) -> anyhow::Result<()> {
    match failure {
        None => health::record_success(deps, name, true).await?,
        // Out of reach says nothing about the credential.
        Some(error) if error.problem().is_none() => {}
        Some(_) => {
            let attempt = Attempt { failure, by_a_person: true, ..Attempt::default() };
            health::record(deps, name, attempt).await?;
        }
    }
    Ok(())
}

/// What to do where there is no sign-in by hand.
fn instead(connection: &Connection) -> String {
    let name = &connection.name;
    let how = match &connection.credential {
        Credential::AzureCli { .. } => "it uses the Azure CLI's sign-in: run `az login`",
        Credential::ManagedIdentity { .. } => {
            "it uses a managed identity: turn it on for this app or machine, and give it a role"
        }
        Credential::WorkloadIdentity { .. } => {
            "it uses a federated token: check the application's federated credential (App registrations → Certificates & secrets)"
        }
        Credential::ClientSecret { .. } => "it uses a client secret: put a new one where `secret` says",
        Credential::ClientCertificate { .. } => "it uses a certificate: put a new one where `certificate` says",
        Credential::UsernamePassword { .. } => {
            "it uses a username and password: correct them where the configuration says, or choose the kind \"device_code\" to sign in by hand"
        }
        Credential::DeviceCode { .. } => "it signs in by hand",
    };
    format!("connection {name} does not sign in by hand; {how}, then run `poolwarden connections check {name}`")
}
