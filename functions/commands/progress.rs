//! How far the runs of a command have got, while they go on: one line that is rewritten on a terminal, a line every
//! few seconds elsewhere.

use crate::deps::Deps;
use crate::keys;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use poolwarden_domain::run::Run;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often documents are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often a line is printed where lines cannot be rewritten.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Waits until every connection's part of a run has ended, showing how it goes on.
pub(super) async fn follow(deps: &Deps, run: &str, connections: &[String], quiet: bool) -> anyhow::Result<Vec<Run>> {
    let terminal = std::io::stderr().is_terminal() && !quiet;
    let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target)
        .with_style(ProgressStyle::with_template("{spinner} {elapsed} {msg}").expect("the template is fixed"));
    let mut last_line = Instant::now();
    loop {
        let rung = deps.ended.notified();
        let (ended, line) = look(deps, run, connections).await?;
        bar.set_message(line.clone());
        bar.tick();
        if ended.len() == connections.len() {
            bar.finish_and_clear();
            return Ok(ended);
        }
        if !terminal && !quiet && last_line.elapsed() >= LINE_EVERY {
            eprintln!("{line}");
            last_line = Instant::now();
        }
        // Another process' runs ring no bell here.
        drop(tokio::time::timeout(LOOK_EVERY, rung).await);
    }
}

async fn look(deps: &Deps, run: &str, connections: &[String]) -> anyhow::Result<(Vec<Run>, String)> {
    let state = deps.state();
    let (mut ended, mut pools, mut left) = (Vec::new(), 0, 0);
    for connection in connections {
        let Some(part) = state.value::<Run>(&keys::run(run, connection)).await? else { continue };
        if let Some(discovered) = &part.discovered {
            pools += discovered.pools.len() + discovered.carried.len();
            if part.finished.is_none() {
                left += state.names(&keys::pending_of(run, connection, &discovered.layout)).await?.len();
            }
        }
        if part.finished.is_some() {
            ended.push(part);
        }
    }
    let meter = &deps.meter;
    let line = format!(
        "connections {}/{}, host pools {}/{pools}, packages changed {}, requests {}{}",
        ended.len(),
        connections.len(),
        pools - left,
        meter.packages(),
        meter.requests().arm + meter.requests().resource_graph,
        match meter.requests().throttled {
            0 => String::new(),
            throttled => format!(", throttled {throttled} times"),
        }
    );
    Ok((ended, line))
}
