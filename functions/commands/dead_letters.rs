//! `poolwarden dead-letters`: what failed and why, and having it done again.

use super::output::{self, say};
use super::session::{Session, configuration_or_empty};
use super::{COMPLETE, Cli, FAILED};
use crate::deps::Deps;
use crate::letters::{self, Replayed};
use anyhow::bail;
use clap::Subcommand;
use poolwarden_domain::dead_letter::{DeadLetter, State};
use serde_json::{Value, json};

/// `poolwarden dead-letters`
#[derive(Debug, Subcommand)]
pub(super) enum DeadLetters {
    /// Every message whose work was not done, with the reason
    #[command(after_help = "Example:\n  poolwarden dead-letters list --json")]
    List,
    /// One of them in full: every attempt, and the message itself
    #[command(after_help = "Example:\n  poolwarden dead-letters show 3f1c9a02b7d4e586")]
    Show {
        /// Its id, as `dead-letters list` shows it
        id: String,
    },
    /// Have it done again; where its run has ended, a new run does it
    #[command(
        after_help = "Examples:\n  poolwarden dead-letters replay 3f1c9a02b7d4e586\n  poolwarden dead-letters replay --all"
    )]
    Replay {
        /// Their ids, as `dead-letters list` shows them
        #[arg(required_unless_present = "all")]
        id: Vec<String>,
        /// All of them
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
    /// Forget it for good
    #[command(after_help = "Example:\n  poolwarden dead-letters discard 3f1c9a02b7d4e586")]
    Discard {
        /// Their ids, as `dead-letters list` shows them
        #[arg(required = true)]
        id: Vec<String>,
    },
}

impl DeadLetters {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let session = Session::open(configuration_or_empty(cli)?)?;
        let deps = &session.deps;
        match self {
            Self::List => list(deps, cli.json).await,
            Self::Show { id } => show(deps, id, cli.json).await,
            Self::Replay { id, all } => {
                let every = if *all { letters::all(deps).await? } else { Vec::new() };
                let ids: Vec<&str> = every.iter().map(|letter| &letter.id).chain(id).map(String::as_str).collect();
                replay(deps, &ids, cli.json).await
            }
            Self::Discard { id } => discard(deps, id).await,
        }
    }
}

fn next(letter: &DeadLetter) -> String {
    match letter.state {
        State::Waiting { replay_at: None } => "waits for you".to_owned(),
        State::Waiting { replay_at: Some(at) } => format!("again at {}", output::when(at)),
        State::Replaying { since } => format!("sent again {}", output::when(since)),
    }
}

async fn list(deps: &Deps, json: bool) -> anyhow::Result<u8> {
    let mut letters = letters::all(deps).await?;
    letters.sort_by_key(|letter| letter.deaths.last().map(|death| death.at));
    if json {
        output::json(&letters.iter().map(letters::summary).collect::<Vec<Value>>())?;
        return Ok(COMPLETE);
    }
    let rows = letters.iter().map(|letter| {
        let died = letter.deaths.last().map(|death| output::when(death.at)).unwrap_or_default();
        [letter.id.clone(), letter.queue.clone(), died, next(letter), letter.reason().to_owned()]
    });
    output::table(["ID", "QUEUE", "DIED", "NEXT", "REASON"], rows)?;
    Ok(COMPLETE)
}

async fn show(deps: &Deps, id: &str, json: bool) -> anyhow::Result<u8> {
    let Some(letter) = letters::find(deps, id).await? else {
        bail!("there is no dead letter {id:?}; `poolwarden dead-letters list` shows those there are");
    };
    if json {
        output::json(&letter)?;
        return Ok(COMPLETE);
    }
    say!("{} of queue {}, sent {}: {}", letter.id, letter.queue, output::when(letter.enqueued_at), next(&letter));
    say!("  message id   {}", output::visible(&letter.message));
    say!("  sent again   {} times", letter.replays);
    for death in &letter.deaths {
        say!(
            "  {}  after {} deliveries: {}",
            output::when(death.at),
            death.delivery_count,
            output::visible(&death.reason)
        );
    }
    say!("\n{}", output::visible(&letter.body));
    Ok(COMPLETE)
}

async fn replay(deps: &Deps, ids: &[&str], json: bool) -> anyhow::Result<u8> {
    let (mut replayed, mut missing) = (Vec::new(), Vec::new());
    let now = deps.now();
    for id in ids {
        match letters::replay(deps, id, now).await? {
            Some(one) => replayed.push(one),
            None => missing.push(*id),
        }
    }
    if json {
        output::json(&json!({ "replayed": replayed, "missing": missing }))?;
    } else {
        for Replayed { dead_letter, queue, run } in &replayed {
            match run {
                Some(run) => say!("{dead_letter}: nobody waits for it any more; run {run} does its work"),
                None => say!("{dead_letter}: is in queue {queue} again"),
            }
        }
        if !replayed.is_empty() {
            say!("the process that serves this store does the rest");
        }
    }
    complain(&missing)
}

async fn discard(deps: &Deps, ids: &[String]) -> anyhow::Result<u8> {
    let mut missing = Vec::new();
    for id in ids {
        if letters::discard(deps, id).await? {
            say!("{id}: discarded");
        } else {
            missing.push(id.as_str());
        }
    }
    complain(&missing)
}

fn complain(missing: &[&str]) -> anyhow::Result<u8> {
    for id in missing {
        eprintln!("error: there is no dead letter {id:?}; `poolwarden dead-letters list` shows those there are");
    }
    Ok(if missing.is_empty() { COMPLETE } else { FAILED })
}
