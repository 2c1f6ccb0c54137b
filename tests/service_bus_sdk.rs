//! The published crate behind the port: the suite that every queue passes, with nothing left out, and what the transport
//! does to the crate's requests.
//!
//! The crate builds its requests and reads the answers by itself, so this is also a second opinion on the simulator.

use crate::service_bus::{LOCK, simulated, stand_of};
use poolwarden_azure::{Http, SdkServiceBus, ServiceBus};
use poolwarden_store::conformance::queues;
use poolwarden_store::{Delivery, Lock, MAX_NAME_CHARS, Outgoing, QueueError, Queues};
use simulator::{Fault, QueueSpec, Running};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

async fn namespace() -> (Arc<Running>, SdkServiceBus) {
    let (azure, tokens) = simulated().await;
    let queues = SdkServiceBus::new(Http::new().unwrap(), tokens, &azure.service_bus_url()).unwrap();
    (azure, queues)
}

macro_rules! behaviours {
    ($($behaviour:ident),+ $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $behaviour() {
            queues::$behaviour(&stand_of(Arc::new(namespace().await.1)), "q").await;
        })+
    };
}

// All of them: the crate lacks batches, but not what the port promises of one.
poolwarden_store::queue_behaviours!(behaviours);

async fn receive_one(queues: &dyn Queues) -> Delivery {
    queues.receive("q", 1, LOCK, Duration::from_secs(5)).await.unwrap().remove(0)
}

fn faults(azure: &Running, faults: &[&str]) {
    azure.set_faults(faults.iter().map(|fault| fault.parse::<Fault>().unwrap()).collect());
}

/// What one client sends the other receives, to the letter.
#[tokio::test(flavor = "multi_thread")]
async fn both_clients_mean_the_same() {
    let (azure, tokens) = simulated().await;
    let sdk = SdkServiceBus::new(Http::new().unwrap(), tokens.clone(), &azure.service_bus_url()).unwrap();
    let rest = ServiceBus::new(Http::new().unwrap(), tokens, &azure.service_bus_url()).unwrap();
    let clients: [&dyn Queues; 2] = [&sdk, &rest];
    let traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    for (n, [sender, receiver]) in [[0, 0], [0, 1], [1, 0]].into_iter().enumerate() {
        let id = format!("Z\u{fc}rich/{n}/{}", "x".repeat(MAX_NAME_CHARS - 9));
        let body = "{\"poolwarden\":\"\u{1f642} \\\"quoted\\\"\"}";
        let message = Outgoing { traceparent: traceparent.clone(), ..Outgoing::new(&id, body) };
        clients[sender].send("q", vec![message]).await.unwrap();
        let got = receive_one(clients[receiver]).await;
        assert_eq!((got.id.as_str(), got.body.as_str(), &got.traceparent), (id.as_str(), body, &traceparent));
        clients[receiver].complete(&got.lock).await.unwrap();
    }
}

/// Who did not receive a message cannot settle it, and nobody is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_the_process_that_received_it() {
    let (azure, tokens) = simulated().await;
    let new = || SdkServiceBus::new(Http::new().unwrap(), tokens.clone(), &azure.service_bus_url()).unwrap();
    let (one, other) = (new(), new());
    one.send("q", vec![Outgoing::new("a", "{}")]).await.unwrap();
    let delivery = receive_one(&one).await;
    for lock in [delivery.lock.clone(), Lock { queue: "q-2".into(), ..delivery.lock.clone() }] {
        let refused = other.complete(&lock).await;
        assert!(matches!(&refused, Err(QueueError::LockLost { .. })), "{refused:?}");
    }
    one.complete(&delivery.lock).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_waited_out_and_an_answer_that_is_lost_does_no_harm() {
    let (azure, queues) = namespace().await;
    faults(&azure, &["cut:path=/q/messages,count=1", "503:path=/q/messages,after=1,count=1"]);
    queues.send("q", vec![Outgoing::new("a", "{}"), Outgoing::new("b", "{}")]).await.unwrap();
    for expected in ["a", "b"] {
        let delivery = receive_one(&queues).await;
        assert_eq!(delivery.id, expected);
        queues.complete(&delivery.lock).await.unwrap();
    }
    assert!(queues.receive("q", 10, LOCK, Duration::ZERO).await.unwrap().is_empty());
}

/// The refusals are the other client's: the crate's own say no more than a status.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_what_to_do() {
    let (azure, queues) = namespace().await;
    let message = || vec![Outgoing::new("a", "{}")];
    let told = |error: QueueError| error.source().map(ToString::to_string).unwrap_or_default();
    let gone = told(queues.send("no-such-queue", message()).await.unwrap_err());
    assert!(gone.contains("no such queue") && gone.contains("deploy infra/"), "{gone}");
    let gone = told(queues.receive("no-such-queue", 1, LOCK, Duration::ZERO).await.unwrap_err());
    assert!(gone.contains("no such queue"), "{gone}");
    azure.put_queue(QueueSpec { max_size: 1, ..QueueSpec::named("q").unwrap() });
    let full = told(queues.send("q", message()).await.unwrap_err());
    assert!(full.contains("403") && full.contains("maximum size"), "{full}");
    faults(&azure, &["expired-token:path=/q/messages"]);
    let refused = told(queues.send("q", message()).await.unwrap_err());
    assert!(refused.contains("401") && refused.contains("Azure Service Bus Data Sender"), "{refused}");
}

/// Somebody else's message, which is no text, comes as well as text can: else it could never be settled.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_no_text_is_handed_over() {
    let (azure, queues) = namespace().await;
    let url = format!("{}/q/messages", azure.service_bus_url());
    let token = azure.token_for("https://servicebus.azure.net");
    let sent = reqwest::Client::new().post(url).bearer_auth(token).body(vec![b'a', 0xff, b'b']).send().await.unwrap();
    assert_eq!(sent.status(), 201);
    let delivery = receive_one(&queues).await;
    assert_eq!(delivery.body, "a\u{fffd}b");
    assert!(!delivery.id.is_empty());
    queues.complete(&delivery.lock).await.unwrap();
}

/// A name cannot make a request to somewhere else.
#[tokio::test(flavor = "multi_thread")]
async fn a_queues_name_is_a_name() {
    let (_azure, queues) = namespace().await;
    for name in ["q/messages?x=", "q#", "no such queue"] {
        let refused = queues.send(name, vec![Outgoing::new("a", "{}")]).await;
        assert!(refused.is_err(), "{name:?}");
    }
    assert!(queues.receive("q", 1, LOCK, Duration::ZERO).await.unwrap().is_empty());
}
