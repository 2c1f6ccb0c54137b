//! Runs of the release build over a simulator, each in an empty folder or in one that has seen the estate.

use crate::cargo::{Programs, fresh_folder};
use crate::poolwarden::Poolwarden;
use crate::simulator::{ACCOUNT, PASSWORD};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What a run cost, as it says itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) seconds: f64,
    pub(super) requests: u64,
    pub(super) throttled: u64,
    pub(super) peak_rss_mib: f64,
    pub(super) changed: u64,
}

/// What the connection that is measured reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// The estate, through ARM.
    Arm,
    /// What [`ACCOUNT`] is shown.
    Feed,
}

/// An installation with an empty store. `asked` is where its requests go; it signs in at `azure` itself.
pub(super) fn install(programs: &Programs, reads: Reads, azure: &str, asked: &str) -> Result<Poolwarden> {
    let folder = fresh_folder("bench/run")?;
    let connection = match reads {
        Reads::Arm => format!(
            "credential = \"managed_identity\"\nendpoints = {{ arm = \"{asked}\" }}\naudit = {{ enabled = false }}"
        ),
        Reads::Feed => {
            std::fs::write(folder.join("password"), PASSWORD).context("cannot write the account's password")?;
            format!(
                "kind = \"feed\"\nendpoints = {{ feed = \"{asked}\", authority = \"{azure}\" }}\ncredential = {{ kind = \
                 \"username_password\", username = \"{ACCOUNT}\", password = {{ file = \"password\" }} }}"
            )
        }
    };
    let configuration = format!(
        "[store]\npath = \"poolwarden.db\"\n\n[[connection]]\nname = \"bench\"\nenabled = false\n{connection}\n"
    );
    Poolwarden::install(programs, &folder, azure, &configuration)
}

/// One run by `poolwarden sync`, which is a process of its own.
pub(super) async fn run(poolwarden: &Poolwarden) -> Result<Cost> {
    let summary = poolwarden.json(&["sync", "--connection", "bench"]).await?;
    ensure!(summary["status"] == "complete", "a run ended {} instead of complete", summary["status"]);
    let report = &summary["connections"][0];
    let count = |value: &Value, what: &str| value.as_u64().with_context(|| format!("a run does not say its {what}"));
    let packages = &report["packages"];
    let mut changed = 0;
    for kind in ["created", "updated", "retired"] {
        changed += count(&packages[kind], kind)?;
    }
    Ok(Cost {
        seconds: count(&summary["elapsed_ms"], "elapsed_ms")? as f64 / 1000.0,
        requests: count(&report["requests"]["arm"], "requests")?
            + count(&report["requests"]["resource_graph"], "queries")?
            + count(&report["requests"]["feed"], "requests to the feed")?,
        throttled: count(&report["requests"]["throttled"], "throttled requests")?,
        peak_rss_mib: summary["peak_rss_bytes"].as_u64().unwrap_or_default() as f64 / f64::from(1 << 20),
        changed,
    })
}

/// The middle one, or the mean of the two in the middle.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median([4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median([]).is_nan());
    }
}
