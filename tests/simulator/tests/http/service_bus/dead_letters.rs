//! Dead letters: when messages become one, and how they are read.

use reqwest::Method;
use serde_json::json;

use super::bus;

#[tokio::test]
async fn after_too_many_deliveries_a_message_is_dead_lettered() {
    let bus = bus().await;
    let request = bus.request(Method::POST, "/finish_run/messages").header("BrokerProperties", r#"{"MessageId":"m"}"#);
    request.header("Priority", "High").header("Content-Type", "text/plain").body("x").send().await.unwrap();
    for delivery in 1..=10 {
        let message = bus.lock("finish_run").await.unwrap();
        assert_eq!(message.broker["DeliveryCount"], delivery);
        assert_eq!(message.header("deadletterreason"), "");
        if delivery % 2 == 0 {
            bus.advance(60);
        } else {
            bus.status(Method::PUT, &message.location).await;
        }
    }
    assert!(bus.lock("finish_run").await.is_none());
    let counts = bus.counts("finish_run");
    assert_eq!((&counts["dead"], &counts["redeliveries"], &counts["lapsed"]), (&json!(1), &json!(9), &json!(5)));

    let dead = bus.lock("finish_run/%24DeadLetterQueue").await.unwrap();
    assert_eq!(
        (dead.body.as_str(), dead.header("content-type"), dead.header("priority")),
        ("x", "text/plain", "\"High\"")
    );
    assert_eq!(dead.header("deadletterreason"), "\"MaxDeliveryCountExceeded\"");
    assert_eq!(
        dead.header("deadlettererrordescription"),
        "\"Message could not be consumed after 10 delivery attempts.\""
    );
    assert_eq!(dead.broker["MessageId"], "m");
    assert!(dead.location.contains("/finish_run/$deadletterqueue/messages/"), "{}", dead.location);
}

#[tokio::test]
async fn dead_letters_are_settled_like_messages_and_stay_until_they_are() {
    let bus = bus().await;
    bus.azure.running.put_queue("brittle:max_delivery=1,ttl=1000s".parse().unwrap());
    bus.send("brittle", &json!({}), "x").await;
    bus.wear_out("brittle").await;
    assert_eq!(bus.count("brittle", "dead"), 1);
    for _ in 0..20 {
        let dead = bus.lock("brittle/$deadletterqueue").await.unwrap();
        assert!(bus.lock("brittle/$deadletterqueue").await.is_none(), "it is locked");
        bus.status(Method::PUT, &dead.location).await;
    }
    let dead = bus.lock("brittle/$deadletterqueue").await.unwrap();
    assert_eq!(bus.status(Method::POST, &dead.location).await, 200, "renewed");
    bus.advance(61);
    assert_eq!(bus.status(Method::DELETE, &dead.location).await, 404);
    bus.advance(1000);
    let dead = bus.lock("brittle/$DEADLETTERQUEUE").await.unwrap();
    let elsewhere = dead.location.replace("/$deadletterqueue", "");
    assert_eq!(bus.status(Method::DELETE, &elsewhere).await, 404, "it is not in the queue itself");
    assert_eq!(bus.status(Method::DELETE, &dead.location).await, 200);
    assert!(bus.lock("brittle/$deadletterqueue").await.is_none());
    assert_eq!((bus.count("brittle", "dead"), bus.count("brittle", "size_bytes")), (0, 0));

    bus.send("brittle", &json!({}), "y").await;
    bus.wear_out("brittle").await;
    let path = "/brittle/$deadletterqueue/messages/head?timeout=0";
    assert_eq!(bus.status(Method::DELETE, path).await, 200, "received and deleted");
    assert_eq!(bus.status(Method::DELETE, path).await, 204);
}
