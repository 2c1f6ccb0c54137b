//! The conformance suite on every implementation there is here.

use jiff::Timestamp;
use poolwarden_store::conformance::queues::{RealTime, Stand, Time};
use poolwarden_store::{Clock, Documents, Expect, ManualClock, Options, Overlay, Sqlite};
use std::sync::Arc;
use std::time::Duration;

const MAX_DELIVERY_COUNT: u32 = 3;
const DUPLICATE_WINDOW: Duration = Duration::from_secs(600);

fn options(clock: Clock) -> Options {
    Options { max_delivery_count: MAX_DELIVERY_COUNT, duplicate_window: DUPLICATE_WINDOW, clock, ..Options::default() }
}

fn stand(store: Sqlite, time: Arc<dyn Time>, lock: Duration, duplicate_window: Duration) -> Stand {
    Stand {
        queues: Arc::new(store),
        time,
        lock,
        patience: Duration::from_secs(5),
        max_delivery_count: MAX_DELIVERY_COUNT,
        duplicate_window,
    }
}

fn clock() -> ManualClock {
    ManualClock::new("2031-05-07T09:00:00Z".parse::<Timestamp>().unwrap())
}

/// Documents that are partly in the base and partly changed, around what a test uses.
async fn overlay(base: Sqlite) -> Overlay {
    for key in ["a", "t/", "t/deleted", "z"] {
        base.put(key, key.into(), Expect::Absent).await.unwrap();
    }
    let overlay = Overlay::new(Arc::new(base));
    for key in ["a", "t/", "t/deleted"] {
        let version = overlay.get(key).await.unwrap().unwrap().version;
        overlay.delete(key, &version).await.unwrap();
    }
    overlay
}

macro_rules! documents {
    ($($behaviour:ident),+ $(,)?) => {
        mod documents_in_a_file {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                let directory = tempfile::tempdir().unwrap();
                let store = super::Sqlite::open(directory.path().join("s.db"), super::Options::default()).unwrap();
                poolwarden_store::conformance::documents::$behaviour(std::sync::Arc::new(store), "t/").await;
            })+
        }
        mod documents_in_memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                let store = super::Sqlite::in_memory(super::Options::default()).unwrap();
                poolwarden_store::conformance::documents::$behaviour(std::sync::Arc::new(store), "t/").await;
            })+
        }
        mod documents_in_an_overlay {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                let base = super::Sqlite::in_memory(super::Options::default()).unwrap();
                let overlay = std::sync::Arc::new(super::overlay(base.clone()).await);
                poolwarden_store::conformance::documents::$behaviour(overlay, "t/").await;
                let left = super::Documents::list(&base, "", None, 9).await.unwrap();
                let keys: Vec<_> = left.iter().map(|row| row.key.as_str()).collect();
                assert_eq!(keys, ["a", "t/", "t/deleted", "z"], "the base is as it was");
            })+
        }
    };
}

poolwarden_store::document_behaviours!(documents);

macro_rules! queues {
    ($($behaviour:ident),+ $(,)?) => {
        mod queues_in_a_file {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                let (directory, clock) = (tempfile::tempdir().unwrap(), super::clock());
                let store = super::Sqlite::open(directory.path().join("s.db"), super::options(clock.clock())).unwrap();
                let lock = std::time::Duration::from_secs(30);
                let stand = super::stand(store, std::sync::Arc::new(clock), lock, super::DUPLICATE_WINDOW);
                poolwarden_store::conformance::queues::$behaviour(&stand, "q").await;
            })+
        }
        mod queues_in_memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                let clock = super::clock();
                let store = super::Sqlite::in_memory(super::options(clock.clock())).unwrap();
                let lock = std::time::Duration::from_secs(30);
                let stand = super::stand(store, std::sync::Arc::new(clock), lock, super::DUPLICATE_WINDOW);
                poolwarden_store::conformance::queues::$behaviour(&stand, "q").await;
            })+
        }
    };
}

poolwarden_store::queue_behaviours!(queues);

/// The system's clock in place of one that is moved: what depends on time, once more with sleeping.
#[tokio::test(flavor = "multi_thread")]
async fn queues_in_real_time() {
    use poolwarden_store::conformance::queues as behaviours;
    let lock = Duration::from_millis(900);
    let window = Duration::from_millis(500);
    let options = Options { duplicate_window: window, ..options(Clock::default()) };
    let stand = stand(Sqlite::in_memory(options).unwrap(), Arc::new(RealTime), lock, window);
    tokio::join!(
        behaviours::a_lock_excludes_until_it_runs_out(&stand, "a"),
        behaviours::late_settlement_is_refused(&stand, "b"),
        behaviours::a_renewed_lock_lasts(&stand, "c"),
        behaviours::an_abandoned_message_comes_again(&stand, "d"),
        behaviours::not_before_its_time(&stand, "e"),
        behaviours::the_duplicate_window_ends(&stand, "f"),
    );
}
