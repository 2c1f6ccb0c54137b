//! How far the runs of a command have got, while they go on: one line that is rewritten on a terminal, a line every
//! second elsewhere.

use crate::config::Store;
use crate::deps::Deps;
use crate::keys;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use poolwarden_domain::report::PoolReport;
use poolwarden_domain::run::{Requests, Run};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often documents are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The same where every look is a request to Azure, which costs time and money.
const LOOK_AT_AZURE_EVERY: Duration = Duration::from_secs(3);
/// How often a line is printed where lines cannot be rewritten.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// Waits until every connection's part of a run has ended, showing how it goes on.
pub(super) async fn follow(deps: &Deps, run: &str, connections: &[String], quiet: bool) -> anyhow::Result<Vec<Run>> {
    let terminal = std::io::stderr().is_terminal() && !quiet;
    let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target)
        .with_style(ProgressStyle::with_template("{spinner} {elapsed} {msg}").expect("the template is fixed"));
    let in_azure = matches!(deps.config.store, Store::Azure(_));
    let look_every = if in_azure { LOOK_AT_AZURE_EVERY } else { LOOK_EVERY };
    let mut last_line = Instant::now();
    loop {
        let rung = deps.ended.notified();
        let (ended, line) = look(deps, run, connections, in_azure).await?;
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
        drop(tokio::time::timeout(look_every, rung).await);
    }
}

/// What the documents of a run say so far: they are the same whichever process does the work.
#[derive(Default)]
struct SoFar {
    pools: usize,
    pools_left: usize,
    packages: usize,
    requests: Requests,
}

impl SoFar {
    /// Adds one connection's part. In Azure, a part costs a look at its document and one listing, however many pools
    /// it has: what the pools report is not read before the end.
    async fn add(&mut self, deps: &Deps, part: &Run, in_azure: bool) -> anyhow::Result<()> {
        if let Some(finished) = &part.finished {
            let report = &finished.report;
            self.pools += report.pools.found;
            self.packages += report.packages.created + report.packages.updated + report.packages.retired;
            self.requests += report.requests;
        } else if let Some(discovered) = &part.discovered {
            let (state, run, connection) = (deps.state(), &part.id, &part.connection);
            self.pools += discovered.pools.len() + discovered.carried.len();
            self.pools_left += state.names(&keys::pending_of(run, connection, &discovered.layout)).await?.len();
            self.requests += discovered.requests;
            if in_azure {
                return Ok(());
            }
            for (_, pool) in state.all::<PoolReport>(&keys::pool_reports(run, connection)).await? {
                self.requests += pool.requests;
                self.packages += pool.parts.values().map(|p| p.created + p.updated + p.restored).sum::<usize>();
            }
        }
        Ok(())
    }
}

async fn look(deps: &Deps, run: &str, connections: &[String], in_azure: bool) -> anyhow::Result<(Vec<Run>, String)> {
    let (mut ended, mut so_far) = (Vec::new(), SoFar::default());
    for connection in connections {
        let Some(part) = deps.state().value::<Run>(&keys::run(run, connection)).await? else { continue };
        so_far.add(deps, &part, in_azure).await?;
        if part.finished.is_some() {
            ended.push(part);
        }
    }
    let SoFar { pools, pools_left, packages, requests } = so_far;
    let pools = format!(
        "connections {}/{}, host pools {}/{pools}",
        ended.len(),
        connections.len(),
        pools.saturating_sub(pools_left)
    );
    if in_azure {
        return Ok((ended, pools));
    }
    let throttled = match requests.throttled {
        0 => String::new(),
        throttled => format!(", throttled {throttled} times"),
    };
    let line = format!("{pools}, packages changed {packages}, requests {}{throttled}", requests.total());
    Ok((ended, line))
}
