//! What the simulator has no fault for. What the interface does is tested in `tests/service_bus.rs`.

use super::*;
use crate::testing::FixedToken;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A namespace that answers everything so, and how often it was asked.
async fn always(answer: &'static str) -> (ServiceBus, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (ServiceBus::new(Http::new().unwrap(), Arc::new(FixedToken::default()), &url).unwrap(), asked)
}

#[tokio::test]
async fn what_the_namespace_finds_too_large_is_too_large() {
    for answer in [
        "HTTP/1.1 413 x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 403 x\r\nconnection: close\r\ncontent-length: 22\r\n\r\nx: MessageSizeExceeded.",
    ] {
        let (queues, asked) = always(answer).await;
        let sent = queues.send("q", vec![Outgoing::new("a", "{}"), Outgoing::new("b", "{}")]).await;
        assert!(matches!(&sent, Err(QueueError::TooLarge { id, .. }) if id == "a"), "{answer}: {sent:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_settlement_is_tried_twice_and_waits_no_longer_than_its_lock_allows() {
    let answer = "HTTP/1.1 503 x\r\nconnection: close\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n";
    let (queues, asked) = always(answer).await;
    let started = Instant::now();
    let lock = Lock { queue: "q".into(), token: "/q/messages/1/x".into() };
    assert!(queues.complete(&lock).await.is_err());
    assert_eq!(asked.load(Ordering::SeqCst), LOCKED_PATIENCE.tries as usize);
    assert!(started.elapsed() < LONGEST_PAUSE + Duration::from_secs(5), "{:?}", started.elapsed());
}
