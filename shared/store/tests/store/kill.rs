//! A process is killed while it works, several times over: everything it was told is done is done.
//!
//! The child is this same test binary, told by the environment which file to work on. It prints what it is about to
//! do and what was acknowledged; the parent kills it at some moment and compares the file with what it read.

use poolwarden_store::{Documents, Expect, Options, Outgoing, Queues, Sqlite};
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const FILE: &str = "POOLWARDEN_TEST_STORE";
const ROUNDS: u64 = 8;
const WORKERS: u64 = 4;
const QUEUE: &str = "work";
const LOCK: Duration = Duration::from_secs(3600);

/// Every check receives all there is, and no message is to be given up for that.
fn options() -> Options {
    Options { max_delivery_count: u32::MAX, ..Options::default() }
}

/// Works until it is killed. Without its variable, as when all ignored tests are asked for, it does nothing.
#[test]
#[ignore = "the child of the kill test"]
fn child() {
    let Ok(path) = std::env::var(FILE) else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Sqlite::open(path, options()).unwrap();
        let _host = store.try_become_host().unwrap().expect("the last child is dead, and its right with it");
        store.release_locks().await.unwrap();
        println!("\nready");
        let run = std::process::id();
        let workers = (0..WORKERS).map(|worker| tokio::spawn(work(store.clone(), run, worker)));
        for worker in workers.collect::<Vec<_>>() {
            worker.await.unwrap();
        }
    });
}

async fn work(store: Sqlite, run: u32, worker: u64) {
    let key = format!("counters/{worker}");
    for n in 0_u64.. {
        let found = store.get(&key).await.unwrap();
        let count = found.as_ref().map_or(0, |found| String::from_utf8_lossy(&found.body).parse::<u64>().unwrap()) + 1;
        let expect = found.map_or(Expect::Absent, |found| Expect::Version(found.version));
        println!("putting {worker} {count}");
        store.put(&key, count.to_string().into(), expect).await.unwrap();
        println!("put {worker} {count}");

        let ids = [format!("{run}-{worker}-{n}-a"), format!("{run}-{worker}-{n}-b")];
        let batch = ids.iter().map(|id| Outgoing::new(id, "{}"));
        store.send(QUEUE, batch.collect()).await.unwrap();
        println!("sent {} {}", ids[0], ids[1]);

        // One in, one out, and one left: the queue grows, so a lost message cannot hide.
        for delivery in store.receive(QUEUE, 1, LOCK, Duration::ZERO).await.unwrap() {
            println!("completing {}", delivery.id);
            store.complete(&delivery.lock).await.unwrap();
            println!("completed {}", delivery.id);
        }
    }
}

/// What the children said.
#[derive(Default)]
struct Said {
    putting: HashMap<u64, u64>,
    put: HashMap<u64, u64>,
    sent: HashSet<String>,
    completing: HashSet<String>,
    completed: HashSet<String>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        match words.as_slice() {
            ["putting", worker, count] => drop(self.putting.insert(worker.parse().unwrap(), count.parse().unwrap())),
            ["put", worker, count] => drop(self.put.insert(worker.parse().unwrap(), count.parse().unwrap())),
            ["sent", ids @ ..] => self.sent.extend(ids.iter().map(|&id| id.to_owned())),
            ["completing", id] => drop(self.completing.insert((*id).to_owned())),
            ["completed", id] => drop(self.completed.insert((*id).to_owned())),
            _ => {}
        }
    }
}

/// Starts a child and kills it `after` it was ready.
fn run_and_kill(path: &Path, after: Duration, said: &mut Said) {
    let mut child = spawn(path);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    while next_line(&mut stdout).expect("the child starts") != "ready" {}
    let killer = thread::spawn(move || {
        thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap()
    });
    while let Some(line) = next_line(&mut stdout) {
        said.hear(&line);
    }
    assert!(!killer.join().unwrap().success(), "the child works until it is killed");
}

/// A line as the child finished it: one that the kill cut off says nothing.
fn next_line(stdout: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    line.strip_suffix('\n').map(str::to_owned)
}

async fn check(path: &Path, said: &Said) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    drop(connection);

    let store = Sqlite::open(path, options()).unwrap();
    for (worker, acknowledged) in &said.put {
        let found = store.get(&format!("counters/{worker}")).await.unwrap().expect("an acknowledged document");
        let count: u64 = String::from_utf8_lossy(&found.body).parse().unwrap();
        assert!(count >= *acknowledged, "counter {worker} is {count}, and {acknowledged} was acknowledged");
        let announced = said.putting[worker];
        assert!(count <= announced, "counter {worker} is {count}, and {announced} was announced");
    }

    store.release_locks().await.unwrap();
    let mut present = HashSet::new();
    loop {
        let received = store.receive(QUEUE, 500, LOCK, Duration::ZERO).await.unwrap();
        if received.is_empty() {
            break;
        }
        for delivery in received {
            assert!(present.insert(delivery.id), "a message is there twice");
        }
    }
    store.release_locks().await.unwrap();
    for id in &said.completed {
        assert!(!present.contains(id), "{id} was completed and is there");
    }
    let lost: Vec<_> = said.sent.iter().filter(|id| !present.contains(*id) && !said.completing.contains(*id)).collect();
    assert!(lost.is_empty(), "sent, never completed, and not there: {lost:?}");
    assert_eq!(store.depth(QUEUE).await.unwrap().dead, 0);
}

fn spawn(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--ignored", "--nocapture"])
        .env(FILE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Killed at any moment while it creates the file, the child leaves one that can be opened.
#[tokio::test]
async fn a_file_half_created_is_completed() {
    let directory = tempfile::tempdir().unwrap();
    for n in 0..20_u64 {
        let path = directory.path().join(format!("{n}.db"));
        let mut child = spawn(&path);
        thread::sleep(Duration::from_micros(n * 700));
        child.kill().unwrap();
        child.wait().unwrap();
        check(&path, &Said::default()).await;
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let mut said = Said::default();
    let mut random = Instant::now().elapsed().as_nanos() as u64 ^ u64::from(std::process::id());
    for _ in 0..ROUNDS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        run_and_kill(&path, Duration::from_micros(20_000 + (random >> 33) % 250_000), &mut said);
        check(&path, &said).await;
    }
    assert!(said.completed.len() > 20, "the children came to work: {}", said.completed.len());
}
