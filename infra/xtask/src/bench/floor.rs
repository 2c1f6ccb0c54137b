//! The least time that a run can take at a given distance from Azure, however it is written: its longest chain of
//! round trips, or what the subscription with the most reads has to wait for its budget.

use super::tap::Recorded;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;

/// Reads that a subscription grants at once, and then in a second.
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>
const BURST: u64 = 250;
const READS_A_SECOND: f64 = 25.0;

/// What bounds a run from below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Floor {
    /// Round trips that have to follow each other.
    pub(super) chain: u64,
    /// Reads in the subscription with the most.
    pub(super) most_reads: u64,
}

impl Floor {
    /// Of the requests of a whole first run.
    ///
    /// The chain: sign in, list the subscriptions, and then the longest of: the groups page by page and one group's
    /// list page by page; the roles' definitions and, once they are known, their assignments; any other query.
    pub(super) fn of(requests: &[Recorded]) -> Result<Self> {
        let (mut lists, mut queries, mut reads) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut subscriptions = 0;
        for request in requests {
            let path = request.target.split('?').next().unwrap_or_default().to_lowercase();
            if request.method == "POST" {
                let body: Value = serde_json::from_slice(&request.body).context("a query's body is no JSON")?;
                let query = body["query"].as_str().context("a query's body has no query")?.to_lowercase();
                *queries.entry(query).or_insert(0) += 1;
            } else if path == "/subscriptions" {
                subscriptions += 1;
            } else if let Some(subscription) =
                path.strip_prefix("/subscriptions/").and_then(|rest| rest.split('/').next())
            {
                *reads.entry(subscription.to_owned()).or_insert(0) += 1;
                *lists.entry(path).or_insert(0) += 1;
            }
        }
        let of_kind =
            |kind: &str| queries.iter().filter(|(query, _)| query.contains(kind)).map(|(_, pages)| *pages).sum();
        let (groups, definitions, assignments): (u64, u64, u64) =
            (of_kind("/applicationgroups'"), of_kind("/roledefinitions'"), of_kind("/roleassignments'"));
        let list = lists.values().copied().max().unwrap_or(0);
        let query = queries.values().copied().max().unwrap_or(0);
        Ok(Self {
            chain: 1 + subscriptions + (groups + list).max(definitions + assignments).max(query),
            most_reads: reads.values().copied().max().unwrap_or(0),
        })
    }

    /// In seconds, at this time for a round trip.
    pub(super) fn seconds(&self, rtt_ms: u32) -> f64 {
        let chain = self.chain as f64 * f64::from(rtt_ms) / 1000.0;
        let reads = self.most_reads.saturating_sub(BURST) as f64 / READS_A_SECOND;
        chain.max(reads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_of_chain_and_budget_counts() {
        let get = |target: String| Recorded { method: "GET".to_owned(), target, body: Vec::new() };
        let query = |query: &str| Recorded {
            method: "POST".to_owned(),
            target: "/providers/Microsoft.ResourceGraph/resources?api-version=1".to_owned(),
            body: format!(r#"{{"query":"{query}"}}"#).into_bytes(),
        };
        let mut requests = vec![
            get("/subscriptions?api-version=1".to_owned()),
            query("where type =~ 'microsoft.authorization/roledefinitions'"),
            query("where type =~ 'microsoft.authorization/roleassignments'"),
            query("where type in~ ('microsoft.desktopvirtualization/applicationgroups')"),
        ];
        requests
            .extend((0..500).map(|group| get(format!("/subscriptions/s/groups/{group}/applications?api-version=1"))));
        let floor = Floor::of(&requests).expect("requests");
        assert_eq!(floor, Floor { chain: 4, most_reads: 500 });
        assert!((floor.seconds(20) - 10.0).abs() < 1e-9);
        assert!((Floor { chain: 5, most_reads: 100 }.seconds(20) - 0.1).abs() < 1e-9);
    }
}
