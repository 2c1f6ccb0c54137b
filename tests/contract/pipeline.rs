//! The whole pipeline over Service Bus and Blob Storage, driven by the test host: the catalogue is the same as over SQLite.

use super::Site;
use crate::harness::{CONNECTION, Stand, manifest_of, tiny, until};
use serde_json::{Value, json};

/// What a package says, whoever looked and whenever: endpoints and ids of runs differ.
fn timeless(manifests: &[Value]) -> Vec<Value> {
    let mut manifests: Vec<Value> = manifests.to_vec();
    for manifest in &mut manifests {
        manifest["observed_at"] = Value::Null;
        manifest["stage_since"] = Value::Null;
        for revision in manifest["revisions"].as_array_mut().unwrap() {
            revision["run"] = Value::Null;
            revision["at"] = Value::Null;
        }
    }
    manifests.sort_by_key(|manifest| manifest["key"].to_string());
    manifests
}

/// A first run, a change, two more runs.
async fn changes(stand: &Stand, published: &[Value]) {
    let applications = stand.applications();
    let renamed = json!({"id": applications[0], "properties": {"friendlyName": "Renamed"}});
    stand.change(&json!([{"op": "patch", "resource": renamed}, {"op": "delete", "id": applications[1]}]));
    assert!(manifest_of(published, &applications[1]).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_is_the_same_as_over_a_file() {
    let Some(site) = Site::new("pipeline").await else { return };
    let host = site.host().await;
    let complete = async || {
        let run = site.begin(CONNECTION).await;
        until("the run has ended", || async { site.ended(&run).await.is_some() }).await;
        assert_eq!(site.ended(&run).await.as_deref(), Some("complete"));
    };
    complete().await;
    let first = site.stand.assert_true().await;
    changes(&site.stand, &first).await;
    complete().await;
    complete().await;
    let azure = site.stand.assert_true().await;
    let counts = host.counts();
    let clean = counts.values().all(|count| (count.failed, count.hung, count.lost_locks) == (0, 0, 0));
    assert!(clean && host.deaths().is_empty(), "{counts:#?}");
    host.stop().await;

    let local = Stand::new(tiny()).await;
    local.sync_whole(&[]).await;
    changes(&local, &local.assert_true().await).await;
    local.sync_whole(&[]).await;
    local.sync_whole(&[]).await;
    let file = local.assert_true().await;
    assert!(!file.is_empty());
    assert_eq!(timeless(&azure), timeless(&file));
}
