//! `poolwarden status`: how things stand, and what waits for a person.

use super::output::{self, say};
use super::session::{Session, configuration};
use super::{COMPLETE, Cli, INCOMPLETE};
use crate::health::HealthState;
use crate::status::{self, ConnectionStatus, RunLine};
use jiff::SignedDuration;

pub(super) const HELP: &str = "Examples:
  poolwarden status
  poolwarden status --json | jq .attention

Exit codes: 0 all is well, 2 something waits for a person, 1 failed.";

pub(super) async fn run(cli: &Cli) -> anyhow::Result<u8> {
    let session = Session::open(configuration(cli)?)?;
    let status = status::of(&session.deps).await?;
    let code = if status.healthy { COMPLETE } else { INCOMPLETE };
    if cli.json {
        output::json(&status)?;
        return Ok(code);
    }
    let headings = ["CONNECTION", "SIGN-IN", "LAST GOOD RUN", "LAST RUN", "UNKNOWN", "HELD", "DEAD LETTERS"];
    output::table(headings, status.connections.iter().map(row))?;
    let letters = status.dead_letters;
    say!("\ndead letters: {} wait for you, {} are tried again by themselves", letters.waiting, letters.retrying);
    for line in &status.attention {
        say!("! {}", output::visible(line));
    }
    if status.healthy {
        say!("all is well");
    }
    Ok(code)
}

fn row(connection: &ConnectionStatus) -> [String; 7] {
    let sign_in = match connection.credential.as_ref().map(|health| health.state) {
        None => "not tried yet",
        Some(HealthState::Valid) => "valid",
        Some(HealthState::Expiring) => "expiring",
        Some(HealthState::NeedsAttention) => "needs attention",
    };
    let ended = |line: &Option<RunLine>| match line {
        None => "none yet".to_owned(),
        Some(line) => format!("{} ({} ago)", format!("{:?}", line.status).to_lowercase(), ago(line.age_s)),
    };
    let name = if connection.enabled { connection.name.clone() } else { format!("{} (disabled)", connection.name) };
    let good =
        connection.last_good_run.as_ref().map_or("none yet".to_owned(), |line| format!("{} ago", ago(line.age_s)));
    let letters = (connection.dead_letters.waiting + connection.dead_letters.retrying).to_string();
    let held = connection.held.clone().unwrap_or_default();
    [name, sign_in.to_owned(), good, ended(&connection.last_run), connection.unknown_scopes.to_string(), held, letters]
}

/// A time span in its largest unit.
fn ago(age_s: i64) -> String {
    let age = SignedDuration::from_secs(age_s.max(0));
    match (age.as_hours(), age.as_mins()) {
        (hours @ 48.., _) => format!("{} days", hours / 24),
        (hours @ 1.., _) => format!("{hours} h"),
        (_, minutes @ 1..) => format!("{minutes} min"),
        _ => format!("{} s", age.as_secs()),
    }
}
