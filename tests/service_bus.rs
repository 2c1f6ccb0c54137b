//! Service Bus as the simulator has it: the suite that every queue passes, and what only a service far away does.

use async_trait::async_trait;
use poolwarden_azure::{AccessToken, Credentials, Http, ServiceBus, SignInError};
use poolwarden_store::conformance::queues::{self, RealTime, Stand};
use poolwarden_store::{Lock, Outgoing, QueueError, Queues};
use serde_json::Value;
use simulator::{Fault, Options, QueueSpec, Running, Simulator};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const LOCK: Duration = Duration::from_millis(1500);
const DUPLICATE_WINDOW: Duration = Duration::from_secs(2);
const MAX_DELIVERY_COUNT: u32 = 3;

/// Tokens of the simulator's, each new.
pub(crate) struct Tokens(Arc<Running>);

#[async_trait]
impl Credentials for Tokens {
    async fn token(&self, scope: &str) -> Result<AccessToken, SignInError> {
        let token = self.0.token_for(scope.trim_end_matches("/.default"));
        Ok(AccessToken { secret: token.into(), expires_at: jiff::Timestamp::MAX })
    }

    fn reject(&self, _: &str, _: &AccessToken) {}

    fn forget(&self) {}
}

/// A namespace with two queues, and tokens for it.
pub(crate) async fn simulated() -> (Arc<Running>, Arc<Tokens>) {
    let azure = Arc::new(Simulator::start(Options::default()).await.unwrap());
    for name in ["q", "q-2"] {
        azure.put_queue(QueueSpec {
            lock: LOCK,
            duplicates: DUPLICATE_WINDOW,
            max_delivery: MAX_DELIVERY_COUNT,
            ..QueueSpec::named(name).unwrap()
        });
    }
    let tokens = Arc::new(Tokens(Arc::clone(&azure)));
    (azure, tokens)
}

async fn namespace() -> (Arc<Running>, ServiceBus) {
    let (azure, tokens) = simulated().await;
    let queues = ServiceBus::new(Http::new().unwrap(), tokens, &azure.service_bus_url()).unwrap();
    (azure, queues)
}

async fn stand() -> Stand {
    stand_of(Arc::new(namespace().await.1))
}

/// What the suite needs to know about the queues of [`simulated`].
pub(crate) fn stand_of(queues: Arc<dyn Queues>) -> Stand {
    Stand {
        queues,
        time: Arc::new(RealTime),
        lock: LOCK,
        patience: Duration::from_secs(5),
        max_delivery_count: MAX_DELIVERY_COUNT,
        duplicate_window: DUPLICATE_WINDOW,
    }
}

macro_rules! behaviours {
    ($($behaviour:ident),+ $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $behaviour() {
            queues::$behaviour(&stand().await, "q").await;
        })+
    };
}

poolwarden_store::queue_behaviours!(behaviours);

async fn receive(queues: &ServiceBus, max: usize) -> Vec<poolwarden_store::Delivery> {
    queues.receive("q", max, LOCK, Duration::from_secs(5)).await.unwrap()
}

fn faults(azure: &Running, faults: &[&str]) {
    azure.set_faults(faults.iter().map(|fault| fault.parse::<Fault>().unwrap()).collect());
}

fn of_queue(azure: &Running) -> Value {
    azure.service_bus()["queues"]["q"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_too_large_for_one_request_arrives_whole_and_in_order() {
    let (azure, queues) = namespace().await;
    // Quotes double in a batch: the largest messages go by themselves.
    let sizes = [10, 150_000, 90_000, 90_000, 10, 10, 190_000, 10];
    let messages: Vec<Outgoing> =
        sizes.iter().enumerate().map(|(n, size)| Outgoing::new(format!("m{n}"), "\"".repeat(*size))).collect();
    queues.send("q", messages.clone()).await.unwrap();
    let mut received = Vec::new();
    while received.len() < sizes.len() {
        for delivery in receive(&queues, sizes.len()).await {
            queues.complete(&delivery.lock).await.unwrap();
            received.push(delivery);
        }
    }
    for (delivery, message) in received.iter().zip(&messages) {
        assert!(
            (&delivery.id, &delivery.body) == (&message.id, &message.body),
            "{} is not {}",
            delivery.id,
            message.id
        );
    }
    assert!(azure.stats().to_string().contains("service_bus"), "{}", azure.stats());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_whose_answer_is_lost_arrives_once() {
    let (azure, queues) = namespace().await;
    faults(&azure, &["cut:path=/q/messages,count=1"]);
    queues.send("q", vec![Outgoing::new("a", "{}"), Outgoing::new("b", "{}")]).await.unwrap();
    let received = receive(&queues, 10).await;
    assert_eq!(received.iter().map(|delivery| delivery.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(queues.receive("q", 10, LOCK, Duration::ZERO).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_waited_out() {
    let (azure, queues) = namespace().await;
    faults(&azure, &["429:path=/q/messages,count=1,retry_after=1", "503:path=/q/messages,after=1,count=1"]);
    queues.send("q", vec![Outgoing::new("a", "{}")]).await.unwrap();
    assert_eq!(receive(&queues, 1).await[0].id, "a");
}

/// Each refusal says what to do about it.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_what_to_do() {
    let (azure, queues) = namespace().await;
    let told = async |result: Result<(), QueueError>| {
        let error = result.unwrap_err();
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    };
    let message = || vec![Outgoing::new("a", "{}")];
    let gone = told(queues.send("no-such-queue", message()).await).await;
    assert!(gone.contains("no such queue") && gone.contains("deploy infra/"), "{gone}");
    azure.put_queue(QueueSpec { max_size: 1, ..QueueSpec::named("q").unwrap() });
    let full = told(queues.send("q", message()).await).await;
    assert!(full.contains("403") && full.contains("maximum size"), "{full}");
    faults(&azure, &["expired-token:path=/q/messages"]);
    let refused = told(queues.send("q", message()).await).await;
    assert!(refused.contains("401") && refused.contains("Azure Service Bus Data Sender"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_status_of_a_lost_lock_is_one() {
    for lost_lock in [404, 409, 410] {
        let (azure, queues) = namespace().await;
        azure.put_queue(QueueSpec { lost_lock, lock: Duration::from_millis(50), ..QueueSpec::named("q").unwrap() });
        queues.send("q", vec![Outgoing::new("a", "{}")]).await.unwrap();
        let delivery = receive(&queues, 1).await.remove(0);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let late = queues.complete(&delivery.lock).await;
        assert!(matches!(&late, Err(QueueError::LockLost { queue }) if queue == "q"), "{lost_lock}: {late:?}");
        assert_eq!(of_queue(&azure)["completed"], 0);
    }
}

#[tokio::test]
async fn a_token_goes_nowhere_but_to_the_queue_that_was_named() {
    let (azure, queues) = namespace().await;
    for token in ["/q-2/messages/1/x", "/q/messages/../../q-2/messages/1/x", "/q/messages/1/x?y", "http://example.net/"]
    {
        let lock = Lock { queue: "q".into(), token: token.into() };
        let refused = queues.complete(&lock).await;
        assert!(matches!(&refused, Err(QueueError::LockLost { .. })), "{token}: {refused:?}");
    }
    assert_eq!(of_queue(&azure)["completed"], 0);
}
