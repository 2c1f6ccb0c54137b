//! `cargo xtask bench host`: Poolwarden as a custom handler of the Functions host, beside two minimal handlers with the
//! same contract, in one run and under the same load.

use super::contestant::{Contestant, Running};
use super::stand::median;
use super::storage::Storage;
use super::table::Table;
use crate::cargo::{self, Programs, fresh_folder};
use crate::processes::capture;
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;
use tokio::time::sleep;

/// Invocations at a time, each on a connection that is kept alive.
const CONNECTIONS: usize = 32;
/// How often each one's throughput is measured, in turn, and for how long.
const ROUNDS: usize = 5;
const ROUND_MS: u64 = 2_000;
/// A first load, which is not counted: the others run warm.
const WARM_UP_MS: u64 = 500;
/// How long a process is left alone before its memory counts as that of an idle one.
const IDLE: Duration = Duration::from_secs(1);
/// The function that is measured: it answers Event Grid's handshake without asking anybody. No queue function does
/// without state.
const HANDSHAKE: &str = "resource_events";
/// A queue message about a run that has ended: the least that a queue function does.
const ENDED_RUN: &str = "finish_run";

const ABOUT: &str = "\
It builds release binaries, and measures in turn, on this machine, `poolwarden handler` and the two handlers in \
infra/xtask/twins, which parse the invocation and the request in it and answer, and do nothing else:
  - from the start of the process to the first 200 on `/`, which is asked for without pause;
  - invocations a second over 32 connections that are kept alive, sent in chunks as the host sends them: Event \
Grid's handshake, which asks nobody and keeps nothing. Poolwarden writes its line of log for each;
  - resident memory after a second of idleness.
Beside that, for Poolwarden alone, a queue message about a run that has ended: it reads that run and looks for its mark, \
at a stand-in for Blob Storage that answers at once.
The result is a table in Markdown, of medians.

Examples:
  cargo xtask bench host
  cargo xtask bench host --starts 50";

/// `cargo xtask bench host`
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub(crate) struct Host {
    /// How often each is started
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(3..))]
    starts: u32,
}

/// What was measured of one handler.
struct Measured {
    name: &'static str,
    about: String,
    start_ms: f64,
    load: Loaded,
    resident_mib: Option<f64>,
}

/// How one handler bore the load.
#[derive(Debug, Clone, Copy)]
struct Loaded {
    per_second: f64,
    p99_ms: f64,
    /// Processor time an invocation, in microseconds, which does not depend on who else uses the machine.
    processor_us: Option<f64>,
}

/// One round of load.
#[derive(Debug, Clone, Copy)]
struct Round {
    invocations: f64,
    per_second: f64,
    p99_ms: f64,
}

impl Host {
    pub(super) async fn run(&self) -> Result<()> {
        cargo::run(&["build", "--release", "--package", "poolwarden", "--package", "xtask"]).await?;
        let programs = Programs::of("release");
        let folder = fresh_folder("bench-host")?;
        let mut contestants = vec![Contestant::poolwarden(&programs, &folder)];
        for (name, program, script) in [("Node", "node", "handler.cjs"), ("Python", "python3", "handler.py")] {
            match Contestant::twin(name, program, script, &folder).await {
                Ok(twin) => contestants.push(twin),
                Err(error) => println!("LEFT OUT: the handler for {name}: {error:#}"),
            }
        }
        let envelope = folder.join("handshake.json");
        write(&envelope, &handshake())?;
        let starts = self.starts(&contestants).await?;
        let loads = loads(&programs, &contestants, &envelope).await?;
        let mut measured = Vec::new();
        for ((contestant, start_ms), load) in contestants.into_iter().zip(starts).zip(loads) {
            let running = contestant.start(&[]).await?;
            sleep(IDLE).await;
            let resident_mib = running.resident_mib();
            let Contestant { name, about, .. } = contestant;
            measured.push(Measured { name, about, start_ms, load, resident_mib });
        }
        let ended_run = ended_run(&programs, &folder).await?;
        let binary = std::fs::metadata(&programs.poolwarden).context("the binary cannot be read")?.len();
        println!("\n{}", table(&measured, ended_run, binary));
        Ok(())
    }

    /// The median time of a start of each, in milliseconds, in turn.
    async fn starts(&self, contestants: &[Contestant]) -> Result<Vec<f64>> {
        let mut times = vec![Vec::new(); contestants.len()];
        // The first start of each reads its files from the disk, and is not counted.
        for round in 0..=self.starts {
            for (contestant, times) in contestants.iter().zip(&mut times) {
                let mut running = contestant.start(&[]).await?;
                running.process.kill().await?;
                if round > 0 {
                    times.push(running.start.as_secs_f64() * 1000.0);
                }
            }
        }
        Ok(times.into_iter().map(median).collect())
    }
}

/// The load of each, in turn.
async fn loads(programs: &Programs, contestants: &[Contestant], envelope: &Path) -> Result<Vec<Loaded>> {
    let mut running = Vec::new();
    for contestant in contestants {
        let started = contestant.start(&[]).await?;
        load(programs, &started.address, HANDSHAKE, envelope, WARM_UP_MS).await?;
        let used_ms = started.processor_ms();
        running.push((contestant.name, started, used_ms, Vec::new()));
    }
    for number in 1..=ROUNDS {
        for (name, running, _, rounds) in &mut running {
            let round = load(programs, &running.address, HANDSHAKE, envelope, ROUND_MS).await?;
            println!("{number}/{ROUNDS}: {name}: {:.0} a second, p99 {:.1} ms", round.per_second, round.p99_ms);
            rounds.push(round);
        }
    }
    let sum_up = |(_, running, used_ms, rounds): (_, Running, Option<f64>, Vec<Round>)| {
        let invocations: f64 = rounds.iter().map(|round| round.invocations).sum();
        let used_ms = running.processor_ms().zip(used_ms).map(|(after, before)| after - before);
        Loaded {
            per_second: median(rounds.iter().map(|round| round.per_second)),
            p99_ms: median(rounds.iter().map(|round| round.p99_ms)),
            processor_us: used_ms.map(|used_ms| used_ms * 1000.0 / invocations),
        }
    };
    Ok(running.into_iter().map(sum_up).collect::<Vec<_>>())
}

/// The load generator, as a process of the release build.
async fn load(programs: &Programs, address: &str, function: &str, envelope: &Path, time_ms: u64) -> Result<Round> {
    let mut command = Command::new(&programs.xtask);
    command.args(["bench", "load", "--address", address, "--function", function, "--envelope"]).arg(envelope);
    command.args(["--connections", &CONNECTIONS.to_string(), "--milliseconds", &time_ms.to_string()]);
    let (status, out, err) = capture(&mut command).await?;
    ensure!(status.success(), "the load failed ({status}): {}", err.trim());
    let said: Value = serde_json::from_str(&out).context("the load printed something else than JSON")?;
    let number = |name: &str| said[name].as_f64().with_context(|| format!("the load does not say {name}"));
    let invocations = number("invocations")?;
    Ok(Round { invocations, per_second: invocations / number("seconds")?, p99_ms: number("p99_ms")? })
}

/// Messages a second about a run that has ended, with its state at a stand-in for Blob Storage.
async fn ended_run(programs: &Programs, folder: &Path) -> Result<f64> {
    let storage = Storage::open().await?;
    let envelope: PathBuf = folder.join("ended-run.json");
    let content = json!({"run": Storage::RUN, "connection": Storage::CONNECTION});
    write(&envelope, &envelope_of(ENDED_RUN, &content))?;
    let contestant = Contestant::poolwarden(programs, folder);
    let running = contestant.start(&storage.settings()).await?;
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        rates.push(load(programs, &running.address, ENDED_RUN, &envelope, ROUND_MS).await?.per_second);
    }
    Ok(median(rates))
}

/// Event Grid's handshake as the Functions host hands it over.
fn handshake() -> Value {
    let events = json!([{
        "id": "2d1781af-3a4c-4d7c-bd0c-e34b19da4e66", "topic": "/subscriptions/00000000-0000-0000-0000-000000000000",
        "subject": "", "data": {"validationCode": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"},
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "eventTime": "2026-11-23T12:00:00.0000000Z",
        "metadataVersion": "1", "dataVersion": "2",
    }]);
    let headers = json!({
        "Host": ["app.azurewebsites.net"], "Content-Type": ["application/json; charset=utf-8"],
        "aeg-event-type": ["SubscriptionValidation"], "aeg-delivery-count": ["0"], "aeg-data-version": ["2"],
    });
    json!({
        "Data": {"req": {
            "Url": "https://app.azurewebsites.net/api/resource-events", "Method": "POST", "Query": {},
            "Headers": headers, "Params": {}, "Identities": [], "Body": events.to_string(),
        }},
        "Metadata": {
            "Headers": headers,
            "sys": {"MethodName": HANDSHAKE, "UtcNow": "2026-11-23T12:00:01Z",
                    "RandGuid": "6b1f5a9e-0c2d-4e8f-9a3b-1c2d3e4f5a6b"},
        },
    })
}

/// A Service Bus message as the Functions host hands it over.
fn envelope_of(function: &str, content: &Value) -> Value {
    let body = json!({ "poolwarden": content }).to_string();
    json!({
        "Data": {"message": Value::from(body).to_string()},
        "Metadata": {
            "MessageId": "\"20261123T120000Z-0a1b2c/contoso/finish\"", "DeliveryCount": "1", "SequenceNumber": "42",
            "LockToken": "\"6b1f5a9e-0c2d-4e8f-9a3b-1c2d3e4f5a6b\"", "EnqueuedTimeUtc": "\"2026-11-23T12:00:00Z\"",
            "EnqueuedTime": "\"2026-11-23T12:00:00+00:00\"", "ExpiresAt": "\"2026-12-07T12:00:00+00:00\"",
            "ContentType": "\"application/json\"", "ApplicationProperties": {}, "UserProperties": {},
            "sys": {"MethodName": function, "UtcNow": "2026-11-23T12:00:01Z",
                    "RandGuid": "6b1f5a9e-0c2d-4e8f-9a3b-1c2d3e4f5a6b"},
        },
    })
}

fn write(path: &Path, envelope: &Value) -> Result<()> {
    std::fs::write(path, envelope.to_string()).with_context(|| format!("cannot write {}", path.display()))
}

fn table(measured: &[Measured], ended_run: f64, binary_bytes: u64) -> Table {
    let mut table = Table::default();
    let each = |value: fn(&Measured) -> String| {
        let parts: Vec<String> = measured.iter().map(|one| format!("{} {}", one.name, value(one))).collect();
        parts.join(", ")
    };
    table.row(
        format!("handlers: {}", measured.iter().map(|one| one.about.as_str()).collect::<Vec<_>>().join(", ")),
        format!("{CONNECTIONS} connections, one load generator on the same machine"),
    );
    table.row("start to the first 200 on `/`".to_owned(), each(|one| format!("{:.1} ms", one.start_ms)));
    let rates = each(|one| format!("{:.0}/s (p99 {:.1} ms)", one.load.per_second, one.load.p99_ms));
    table.row("invocations that ask nobody (Event Grid's handshake)".to_owned(), rates);
    let used = |one: &Measured| one.load.processor_us.map_or("unknown".to_owned(), |used| format!("{used:.1} µs"));
    table.row("processor time an invocation".to_owned(), each(used));
    let resident = |one: &Measured| one.resident_mib.map_or("unknown".to_owned(), |mib| format!("{mib:.1} MiB"));
    table.row("resident memory when idle".to_owned(), each(resident));
    if let Some((ours, twins)) = measured.split_first() {
        for twin in twins {
            table.row(
                format!("poolwarden ÷ {}: start, invocations a second", twin.name),
                format!("{:.2}, {:.1}", ours.start_ms / twin.start_ms, ours.load.per_second / twin.load.per_second),
            );
        }
    }
    table.row(
        "a queue message about a run that has ended (one blob read, one looked for in vain)".to_owned(),
        format!("poolwarden {ended_run:.0}/s"),
    );
    table.row("stripped release binary".to_owned(), format!("{:.1} MB", binary_bytes as f64 / 1e6));
    table
}
