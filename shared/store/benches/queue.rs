//! How much the embedded store carries, on a real file and with the default durability: every answer is flushed.

use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use poolwarden_store::{Documents, Expect, Options, Outgoing, Queues, Sqlite};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Messages or documents a sample.
const ITEMS: usize = 6400;

/// What works at the same time, as in the embedded host.
const WORKERS: usize = 16;

/// Messages a worker sends at once, and receives at once.
const BATCH: usize = 50;

const LOCK: Duration = Duration::from_secs(60);

fn main() {
    divan::main();
}

struct Stand {
    runtime: Runtime,
    store: Sqlite,
    // Dropped last: the store is in it.
    _directory: tempfile::TempDir,
}

impl Stand {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Sqlite::open(directory.path().join("bench.db"), Options::default()).expect("a store");
        let runtime = Runtime::new().expect("a runtime");
        Self { runtime, store, _directory: directory }
    }

    /// Runs `work` on all workers at once, each told its number.
    fn all<F: Future<Output = ()> + Send + 'static>(&self, work: impl Fn(Sqlite, usize) -> F) {
        self.runtime.block_on(async {
            let workers: Vec<_> = (0..WORKERS).map(|n| tokio::spawn(work(self.store.clone(), n))).collect();
            for worker in workers {
                worker.await.expect("a worker ends well");
            }
        });
    }
}

fn body() -> String {
    format!(r#"{{"run":"2031-05-07T09:00:00Z","pool":"{}"}}"#, "x".repeat(470))
}

/// Sent in batches, then received and completed one by one.
#[divan::bench(sample_count = 10)]
fn send_receive_complete(bencher: Bencher<'_, '_>) {
    let stand = Stand::new();
    let mut round = 0;
    bencher.counter(ItemsCount::new(ITEMS)).bench_local(|| {
        round += 1;
        stand.all(|store, worker| async move {
            let share = ITEMS / WORKERS;
            for first in (0..share).step_by(BATCH) {
                let id = |n| Outgoing::new(format!("{round}-{worker}-{n}"), body());
                store.send("bench", (first..first + BATCH).map(id).collect()).await.expect("a send");
            }
            let mut done = 0;
            while done < share {
                let max = BATCH.min(share - done);
                for delivery in store.receive("bench", max, LOCK, LOCK).await.expect("a receive") {
                    store.complete(&delivery.lock).await.expect("a completion");
                    done += 1;
                }
            }
        });
    });
}

/// The worst case: one message a send, one a receive, and nothing in a batch but what happens to be waiting.
#[divan::bench(sample_count = 10)]
fn one_by_one(bencher: Bencher<'_, '_>) {
    let stand = Stand::new();
    let mut round = 0;
    bencher.counter(ItemsCount::new(ITEMS)).bench_local(|| {
        round += 1;
        stand.all(|store, worker| async move {
            for n in 0..ITEMS / WORKERS {
                let message = Outgoing::new(format!("{round}-{worker}-{n}"), body());
                store.send("bench", vec![message]).await.expect("a send");
                let delivery = store.receive("bench", 1, LOCK, LOCK).await.expect("a receive").remove(0);
                store.complete(&delivery.lock).await.expect("a completion");
            }
        });
    });
}

/// Created, read and replaced, 4 KiB each.
#[divan::bench(sample_count = 10)]
fn documents(bencher: Bencher<'_, '_>) {
    let stand = Stand::new();
    let mut round = 0;
    bencher.counter(ItemsCount::new(ITEMS)).bench_local(|| {
        round += 1;
        stand.all(|store, worker| async move {
            let body = Bytes::from(vec![b'x'; 4096]);
            for n in 0..ITEMS / WORKERS {
                let key = format!("packages/{worker}/{n}");
                let found = store.get(&key).await.expect("a get");
                let expect = found.map_or(Expect::Absent, |document| Expect::Version(document.version));
                store.put(&key, body.clone(), expect).await.expect("a put");
            }
        });
    });
}
