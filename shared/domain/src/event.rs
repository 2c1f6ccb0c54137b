//! What happened, for others: events in the CloudEvents 1.0 form.
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>

use crate::audit::{Finding, PoolFindings};
use crate::package::{Change, Package, PackageContent, Revision};
use crate::report::ConnectionReport;
use crate::run::Status;
use crate::text::title;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A CloudEvent. Its id is derived from what happened, so that telling it again is recognised as the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Always `1.0`.
    pub specversion: String,
    /// Unique within `source`, and the same whenever the same thing is told.
    pub id: String,
    /// `/poolwarden/<connection>`.
    pub source: String,
    /// `dev.poolwarden.package.created`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The package's key or the run's id.
    pub subject: String,
    /// When it happened.
    pub time: Timestamp,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// The package or the report.
    pub data: Value,
}

fn event(connection: &str, id: String, kind: &str, subject: &str, time: Timestamp, data: Value) -> Event {
    Event {
        specversion: "1.0".to_owned(),
        id,
        source: format!("/poolwarden/{connection}"),
        kind: format!("dev.poolwarden.{kind}"),
        subject: subject.to_owned(),
        time,
        datacontenttype: "application/json".to_owned(),
        data,
    }
}

/// How many entries of a list an event carries; whoever wants all of them reads the run or the package.
pub const MAX_LISTED: usize = 50;

/// The most bytes of a finding that an event carries: a message with it, which is JSON within JSON, has to be taken.
const MAX_DATA_BYTES: usize = 64 << 10;
/// Why a finding becomes JSON.
const PLAIN: &str = "a finding is plain data and always serialises";

/// The event of one revision of a package, and what the package held then.
pub fn package(package: &Package, revision: &Revision, content: &PackageContent) -> Event {
    let Package { connection, key, .. } = package;
    let kind = match revision.change {
        Change::Created => "package.created",
        Change::Updated => "package.updated",
        Change::Restored => "package.restored",
        Change::Retired => "package.retired",
        Change::Requested => "package.requested",
        Change::Promoted => "package.promoted",
        Change::Demoted => "package.demoted",
        Change::Edited => "package.edited",
        Change::Assigned => "package.assigned",
        Change::Purged => "package.purged",
    };
    let mut content = content.clone();
    let entitlements = content.entitlements.as_mut();
    let entitled = entitlements.map(|all| (all.len(), all.truncate(MAX_LISTED)).0);
    let mut data = serde_json::json!({ "key": key, "revision": revision, "package": content, "entitled": entitled });
    data["package"]["stage"] = serde_json::json!(revision.stage.unwrap_or(package.stage));
    data["package"]["managed"] = package.managed.into();
    event(connection, format!("{connection}.{key}.{}", revision.number), kind, key, revision.at, data)
}

/// The events of an audit of one pool: each finding that has appeared, and each that has gone. A finding that concerns
/// several pools is told by the first of them.
pub fn findings(connection: &str, kept: &PoolFindings) -> Vec<Event> {
    let told = |finding: &Finding, kind: &str| {
        let mut finding = finding.clone();
        finding.evidence.truncate(MAX_LISTED);
        finding.host_pools.truncate(MAX_LISTED);
        let serialised = |finding: &Finding| serde_json::to_value(finding).expect(PLAIN);
        let mut data = serialised(&finding);
        if data.to_string().len() > MAX_DATA_BYTES {
            // Whoever wants the proof and the commands reads the report.
            finding.evidence.clear();
            (finding.fix.az, finding.fix.powershell) = (None, None);
            finding.fix.portal = title(&finding.fix.portal).unwrap_or_default();
            data = serialised(&finding);
        }
        // Short enough, with a webhook's name, for the id of a message.
        let fingerprint = finding.fingerprint.get(..16).unwrap_or(&finding.fingerprint);
        let id = format!("{connection}.{fingerprint}.{}.{kind}", kept.run);
        event(connection, id, &format!("finding.{kind}"), &finding.fingerprint, kept.read_at, data)
    };
    let is_new = |finding: &&Finding| kept.appeared.contains(&finding.fingerprint) && finding.exempt.is_none();
    let appeared = kept.findings.iter().filter(is_new).filter(|finding| kept.tells(finding));
    let vanished = kept.vanished.iter().filter(|finding| kept.tells(finding));
    appeared.map(|finding| told(finding, "appeared")).chain(vanished.map(|finding| told(finding, "vanished"))).collect()
}

/// The event of a run's end.
pub fn run(run: &str, report: &ConnectionReport, at: Timestamp) -> Event {
    let kind = match report.status {
        Status::Complete => "run.complete",
        Status::Incomplete => "run.incomplete",
        Status::Held => "run.held",
        Status::Failed => "run.failed",
    };
    let mut data = serde_json::to_value(report).expect("a report is plain data and always serialises");
    for list in ["not_published", "unknown_scopes", "ignored_files", "failed_packages"] {
        let count = match &mut data[list] {
            Value::Array(all) => (all.len(), all.truncate(MAX_LISTED)).0,
            Value::Object(all) => (all.len(), *all = std::mem::take(all).into_iter().take(MAX_LISTED).collect()).0,
            _ => continue,
        };
        data[format!("{list}_count")] = count.into();
    }
    event(&report.name, format!("{}.{run}.{kind}", report.name), kind, run, at, data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ArmId;
    use crate::published::NotPublished;

    #[test]
    fn the_event_of_a_run_with_thousands_of_remarks_still_fits_into_a_message() {
        let remark = |n: usize| NotPublished {
            resource: ArmId::new(&format!("/subscriptions/s/applications/{n}/{}", "x".repeat(300))),
            reason: "its application group is in no workspace, so no client shows it".to_owned(),
        };
        let mut report = ConnectionReport::new("contoso", Status::Complete);
        report.not_published = (0..5_000).map(remark).collect();
        let event = run("r", &report, Timestamp::UNIX_EPOCH);
        assert_eq!(event.data["not_published"].as_array().unwrap().len(), MAX_LISTED);
        assert_eq!(event.data["not_published_count"], 5_000);
        assert!(serde_json::to_string(&event).unwrap().len() < 100_000);
    }
}
