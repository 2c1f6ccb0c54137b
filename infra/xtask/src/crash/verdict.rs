//! The comparison at the end: the catalogue with the estate, and the webhook's events with the revisions and the runs;
//! and no message may be left whose work was not done.

use super::cycle::Ended;
use super::stand::{CONNECTION, SINK, Stand};
use super::{Outcome, Reads, findings, shown};
use crate::simulator::ACCOUNT;
use crate::{demo, expected};
use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Runs until nothing changes any more: a package goes only after two complete runs without it.
const LAST_RUNS: usize = 5;
/// How long events may take to arrive after the last run. A refused one comes again after 5 and after 30 seconds.
const DELIVERY_PATIENCE: Duration = Duration::from_secs(60);
/// As [`DELIVERY_PATIENCE`], where a bug is planted that may well lose them.
const DELIVERY_PATIENCE_WITH_BUG: Duration = Duration::from_secs(10);
/// How long dead letters that are sent again by themselves may take to go: that is after 30 seconds first.
const LETTERS_PATIENCE: Duration = Duration::from_secs(180);
/// For how long nothing more must arrive.
const SILENCE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The result of a test in which a run did not end.
pub(super) async fn never_ends(stand: &Stand, run: &str) -> Result<Outcome> {
    let received = Received::read(&stand.azure.webhook(SINK).await?)?;
    let result = format!("a run never ends, raw re-sends {}", received.resends);
    Ok(Outcome { result, faults: vec![format!("run {run} never ends, though nothing disturbs it")] })
}

/// Makes the last runs, waits for the last events, and compares.
pub(super) async fn judge(stand: &mut Stand) -> Result<Outcome> {
    let mut faults = Vec::new();
    if let Some(fault) = last_runs(stand).await? {
        match fault {
            Ended::Never(run) => return never_ends(stand, &run).await,
            Ended::All => {
                faults.push(format!("the catalogue still changes after {LAST_RUNS} runs over the same estate"));
            }
        }
    }
    let manifests = demo::export(&stand.poolwarden).await?;
    faults.extend(match stand.plan.reads {
        Reads::Arm => {
            let estate = stand.azure.estate().await?;
            let expected = expected::catalogue(&estate).map_err(|error| anyhow!("/_sim/estate: {error}"))?;
            expected::differences(&expected, &manifests)
        }
        Reads::Feed => {
            let shown = shown::catalogue(&stand.azure.shown_to(ACCOUNT).await?)?;
            shown::differences(&shown, &manifests, &stand.poolwarden.folder.join("catalogue"))?
        }
    });

    let rows = stand.poolwarden.json(&["packages", "list", "--retired"]).await?;
    let revisions = revisions(&rows)?;
    faults.extend(index_differences(&revisions, &manifests));
    let wanted = wanted_events(stand, &revisions, &manifests);
    let mut received = arrive(stand, &wanted).await?;
    let findings = received.take_findings();

    let lost: Vec<&String> = wanted.keys().filter(|id| !received.events.contains_key(*id)).collect();
    let duplicated: Vec<&String> = received.events.keys().filter(|id| !wanted.contains_key(*id)).collect();
    let (lost_findings, told_twice) = findings::judge(&findings, &still_open(stand).await?);
    faults.extend(lost.iter().copied().chain(&lost_findings).map(|id| format!("lost: {id}")));
    faults.extend(told_twice.iter().map(|story| format!("duplicated: {story}")));
    faults.extend(duplicated.iter().map(|id| format!("duplicated: {id} is no revision's and no run's")));
    for (id, kind) in &received.events {
        if let Some(Some(wanted)) = wanted.get(id).filter(|wanted| wanted.as_ref().is_some_and(|wanted| wanted != kind))
        {
            faults.push(format!("{id} came as {kind}, and was {wanted}"));
        }
    }
    faults.extend(received.faults);
    faults.extend(stuck_letters(stand).await?);
    stand.tally.events = received.events.len() + findings.len();
    stand.tally.packages = manifests.len();
    let (lost, duplicated) = (lost.len() + lost_findings.len(), duplicated.len() + told_twice.len());
    let result = format!("lost {lost}, duplicated {duplicated}, raw re-sends {}", received.resends);
    Ok(Outcome { result, faults })
}

/// The fingerprints of what is wrong by the last audit, as far as events name them; nothing where there is none.
async fn still_open(stand: &Stand) -> Result<BTreeSet<String>> {
    if !matches!(stand.plan.reads, Reads::Arm) {
        return Ok(BTreeSet::new());
    }
    let report = stand.poolwarden.json(&["audit", "--stored"]).await?;
    let findings = report["findings"].as_array().context("poolwarden audit --json lists no findings")?;
    let read = |finding: &Value| finding["fingerprint"].as_str().map(|one| one.chars().take(16).collect::<String>());
    Ok(findings.iter().filter_map(read).collect())
}

/// `None` once a complete run has changed nothing.
async fn last_runs(stand: &mut Stand) -> Result<Option<Ended>> {
    for _ in 0..LAST_RUNS {
        stand.serve_in_peace().await?;
        stand.ask_for_run().await?;
        if let Ended::Never(run) = stand.in_peace().await? {
            return Ok(Some(Ended::Never(run)));
        }
        let run = stand.poolwarden.newest_run().await?;
        let report = &run["finished"]["report"];
        let changes = ["created", "updated", "retired", "held", "unknown"];
        let changed = changes.iter().any(|count| report["packages"][count] != 0);
        if report["status"] == "complete" && !changed {
            return Ok(None);
        }
    }
    Ok(Some(Ended::All))
}

/// The newest revision of every package, by key.
fn revisions(rows: &Value) -> Result<BTreeMap<String, u64>> {
    let rows = rows.as_array().context("poolwarden packages list --json is no list")?;
    let read = |row: &Value| Some((row["key"].as_str()?.to_owned(), row["revision"].as_u64()?));
    rows.iter().map(|row| read(row).with_context(|| format!("a row has no key or no revision: {row}"))).collect()
}

/// The list and the packages must tell the same.
fn index_differences(listed: &BTreeMap<String, u64>, manifests: &[Value]) -> Vec<String> {
    let read = |manifest: &Value| {
        let key = manifest["key"].as_str().unwrap_or_default();
        let last = manifest["revisions"].as_array().and_then(|all| all.last()).and_then(|last| last["number"].as_u64());
        (listed.get(key).copied() != last)
            .then(|| format!("{key} is at revision {last:?}, and is listed at {:?}", listed.get(key)))
    };
    manifests.iter().filter_map(read).collect()
}

/// The id of every event there should be, with its type where that is known.
fn wanted_events(
    stand: &Stand,
    revisions: &BTreeMap<String, u64>,
    manifests: &[Value],
) -> BTreeMap<String, Option<String>> {
    let mut wanted = BTreeMap::new();
    for (key, newest) in revisions {
        wanted.extend((1..=*newest).map(|number| (format!("{CONNECTION}.{key}.{number}"), None)));
    }
    for manifest in manifests {
        for revision in manifest["revisions"].as_array().into_iter().flatten() {
            let id = format!("{CONNECTION}.{}.{}", manifest["key"].as_str().unwrap_or_default(), revision["number"]);
            let kind = revision["change"].as_str().map(|change| format!("dev.poolwarden.package.{change}"));
            wanted.insert(id, kind);
        }
    }
    for (run, status) in &stand.runs {
        let kind = format!("run.{}", status.as_deref().unwrap_or("?"));
        wanted.insert(format!("{CONNECTION}.{run}.{kind}"), Some(format!("dev.poolwarden.{kind}")));
    }
    wanted
}

/// Waits until all that is wanted has arrived and nothing more does, or the patience is over.
async fn arrive(stand: &Stand, wanted: &BTreeMap<String, Option<String>>) -> Result<Received> {
    let patience = if stand.plan.bug.is_some() { DELIVERY_PATIENCE_WITH_BUG } else { DELIVERY_PATIENCE };
    let deadline = Instant::now() + patience;
    let (mut raw, mut silent_since) = (None, Instant::now());
    loop {
        let received = Received::read(&stand.azure.webhook(SINK).await?)?;
        if raw != Some(received.raw) {
            (raw, silent_since) = (Some(received.raw), Instant::now());
        }
        let complete = wanted.keys().all(|id| received.events.contains_key(id));
        if (complete && silent_since.elapsed() >= SILENCE) || Instant::now() > deadline {
            return Ok(received);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// The dead letters that do not go. One that waits for a person does not; the others get their time.
async fn stuck_letters(stand: &Stand) -> Result<Vec<String>> {
    let patience = if stand.plan.bug.is_some() { Duration::ZERO } else { LETTERS_PATIENCE };
    let deadline = Instant::now() + patience;
    loop {
        let listed = stand.poolwarden.json(&["dead-letters", "list"]).await?;
        let letters = listed.as_array().context("poolwarden dead-letters list --json is no list")?;
        if letters.iter().all(waits_for_a_person) || Instant::now() > deadline {
            return Ok(letters.iter().map(stuck).collect());
        }
        sleep(LOOK_EVERY).await;
    }
}

fn waits_for_a_person(letter: &Value) -> bool {
    letter["state"]["waiting"].as_object().is_some_and(|waiting| waiting["replay_at"].is_null())
}

fn stuck(letter: &Value) -> String {
    let text = |field: &str| letter[field].as_str().unwrap_or("?");
    format!("dead letter {} of queue {}: {}", text("id"), text("queue"), text("reason"))
}

/// What the webhook received.
struct Received {
    /// Requests.
    raw: u64,
    /// Events that were accepted: their ids and types.
    events: BTreeMap<String, String>,
    /// Events that were accepted again.
    resends: u64,
    faults: Vec<String>,
}

impl Received {
    /// Takes out the events of findings that can be told from others by their ids; one with an id of no meaning stays,
    /// and is nobody's.
    fn take_findings(&mut self) -> Vec<findings::Told> {
        let found: Vec<findings::Told> =
            self.events.iter().filter_map(|(id, kind)| findings::Told::read(id, kind)).collect();
        self.events.retain(|id, kind| findings::Told::read(id, kind).is_none());
        found
    }

    fn read(sink: &Value) -> Result<Self> {
        let deliveries = sink["deliveries"].as_array().context("the webhook lists no deliveries")?;
        let mut received = Self {
            raw: sink["raw"].as_u64().unwrap_or_default(),
            events: BTreeMap::new(),
            resends: 0,
            faults: Vec::new(),
        };
        for delivery in deliveries {
            let id = delivery["id"].as_str().unwrap_or("(no id)").to_owned();
            if delivery["valid_signature"] != true {
                received.faults.push(format!("{id} came with a signature that is not valid"));
            }
            let bodies: BTreeSet<&str> =
                delivery["body_sha256"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if bodies.len() > 1 {
                received.faults.push(format!("duplicated: {id} came with {} different bodies", bodies.len()));
            }
            let accepted = delivery["accepted"].as_u64().unwrap_or_default();
            if accepted > 0 {
                received.resends += accepted - 1;
                received.events.insert(id, delivery["type"].as_str().unwrap_or_default().to_owned());
            }
        }
        Ok(received)
    }
}
