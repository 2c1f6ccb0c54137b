//! Poolwarden with its state and messages in Azure: the simulator's Service Bus, and Azurite.

use crate::blob_storage::container;
use crate::harness::{CONNECTION, Stand, UNTIMED, tiny, until};
use crate::serving::serve;
use serde_json::json;

/// A stand whose store is in Azure; nothing without Azurite.
async fn in_azure(name: &str) -> Option<Stand> {
    let container = container(name).await?;
    let mut stand = Stand::new(tiny()).await;
    stand.set("ServiceBus__fullyQualifiedNamespace", &stand.azure.service_bus_url());
    stand.set("POOLWARDEN_BLOB", &container);
    stand.set("SSL_CERT_FILE", &std::env::var("SSL_CERT_FILE").unwrap());
    stand.configure(UNTIMED);
    Some(stand)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_serves_works_the_queues_of_service_bus_and_keeps_its_state_in_blobs() {
    let Some(stand) = in_azure("serves").await else { return };
    let asked = stand.run(&["sync", "--json", "--connection", CONNECTION]).await.json();
    assert_eq!(asked["status"], "queued", "nobody serves yet: {asked}");
    let served = serve(&stand).await;
    until("the run that was asked for is done", || async {
        let runs = stand.run(&["runs", "show", asked["run"].as_str().unwrap(), "--json"]).await.json();
        runs[0]["finished"]["report"]["status"] == "complete"
    })
    .await;
    stand.assert_true().await;
    let again = stand.sync_whole(&["--wait"]).await;
    assert_eq!(again.changed(), 0, "{:#}", again.summary);

    let id = stand.applications().remove(0);
    stand.change(&json!([{"op": "patch", "resource": {"id": id, "properties": {"friendlyName": "Renamed"}}}]));
    assert_eq!(stand.sync_whole(&["--wait"]).await.packages("updated"), 1);
    stand.assert_true().await;

    let status = stand.run(&["status", "--json"]).await;
    assert_eq!((status.code, &status.json()["healthy"]), (Some(0), &json!(true)), "{status:?}");
    assert_eq!(stand.run(&["dead-letters", "list", "--json"]).await.json(), json!([]));
    served.stop().await;
    assert!(!stand.path("poolwarden.db").exists(), "nothing is kept on this machine");
}

#[tokio::test]
async fn a_handler_without_a_store_in_azure_does_not_start() {
    let stand = Stand::new(tiny()).await;
    let refused = stand.run(&["handler"]).await;
    assert_eq!(refused.code, Some(1));
    for named in ["ServiceBus__fullyQualifiedNamespace", "POOLWARDEN_BLOB", "poolwarden serve"] {
        assert!(refused.stderr.contains(named), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn a_container_that_is_out_of_reach_is_said_to_be() {
    let mut stand = Stand::new(tiny()).await;
    stand.set("ServiceBus__fullyQualifiedNamespace", &stand.azure.service_bus_url());
    stand.set("POOLWARDEN_BLOB", "http://127.0.0.1:9/devstoreaccount1/none");
    let refused = stand.run(&["runs", "list"]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("the store could not list documents"), "{}", refused.stderr);
}

#[tokio::test]
async fn files_of_this_machine_are_not_left_to_a_process_elsewhere() {
    let mut stand = Stand::new(tiny()).await;
    stand.set("ServiceBus__fullyQualifiedNamespace", &stand.azure.service_bus_url());
    stand.set("POOLWARDEN_BLOB", "http://127.0.0.1:9/devstoreaccount1/none");
    let folder = stand.path("exports");
    std::fs::create_dir(&folder).unwrap();
    let refused = stand.run(&["sync", "--from", folder.to_str().unwrap()]).await;
    assert_eq!(refused.code, Some(1));
    for named in ["files can only be read where", "--dry-run", "[store]"] {
        assert!(refused.stderr.contains(named), "{}", refused.stderr);
    }
}
