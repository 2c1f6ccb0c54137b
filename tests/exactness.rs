//! What the audit finds is what was planted: no more, and no less. The simulator decides by itself what is wrong with its
//! estates; it knows nothing of the rules' code.

use crate::harness::SignedIn;
use futures::{StreamExt, stream};
use poolwarden_azure::{AccessReader, AccessWanted, Depth, DirectoryReader, GraphDirectory, Shared};
use poolwarden_domain::Reading;
use poolwarden_domain::access::AccessFacts;
use poolwarden_domain::audit::{AuditPolicy, AuditReport, Family, Verdict, audit};
use simulator::{AuditSpec, EstateSpec, Options, Planted, Running, Simulator};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many estates are audited.
const ESTATES: u64 = 200;
/// How many at a time.
const AT_ONCE: usize = 4;

/// What tells one violation from others: rule, scope, principal, subject.
type Violation = (String, String, String, String);

/// A simulated Azure, and what reads it.
pub(crate) struct Audited {
    pub(crate) azure: Running,
    reader: AccessReader,
    wanted: AccessWanted,
    policy: AuditPolicy,
    _folder: tempfile::TempDir,
}

impl Audited {
    pub(crate) async fn new(estate: EstateSpec, seed: u64) -> Self {
        let azure = Simulator::start(Options { estate, seed, ..Options::default() }).await.unwrap();
        let SignedIn { http, credentials, endpoints, folder } = SignedIn::at(&azure);
        let graph = GraphDirectory::new(http.clone(), Arc::clone(&credentials), endpoints.clone());
        let shared = Arc::new(Shared::new(http, credentials, endpoints));
        let reader = AccessReader::new(shared, Vec::new(), Some(Arc::new(graph) as Arc<dyn DirectoryReader>));
        let policy: AuditPolicy = serde_json::from_value(azure.policy()).unwrap();
        let wanted = AccessWanted { depth: Depth::Posture, names: policy.vendor_names() };
        Self { azure, reader, wanted, policy, _folder: folder }
    }

    pub(crate) async fn facts(&self) -> AccessFacts {
        self.read().await.unwrap()
    }

    pub(crate) async fn read(&self) -> Reading<AccessFacts> {
        Ok(self.reader.read(&self.wanted, jiff::Timestamp::now(), None).await?.facts)
    }

    pub(crate) fn report(&self, facts: &AccessFacts) -> AuditReport {
        audit("simulated", facts, &self.policy, &[Family::Rbac, Family::Posture], jiff::Timestamp::now())
    }

    fn planted(&self) -> BTreeSet<Violation> {
        let text = |text: Option<String>| text.unwrap_or_default().to_lowercase();
        let planted = self.azure.violations().into_iter();
        planted.map(|one| (one.rule, one.scope.to_lowercase(), text(one.principal), text(one.subject))).collect()
    }
}

pub(crate) fn found(report: &AuditReport) -> BTreeSet<Violation> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default().to_lowercase();
    let found = report.findings.iter();
    found.map(|one| (one.rule.clone(), one.scope.canonical(), text(&one.principal), text(&one.subject))).collect()
}

/// An estate with everything planted; its size and shape follow from its number.
fn planted(number: u64) -> EstateSpec {
    let of = |most: u64, salt: u64| 1 + usize::try_from((number / salt + number) % most).unwrap_or(0);
    EstateSpec {
        subscriptions: of(3, 2),
        pools_per_subscription: 1 + of(2, 3),
        hosts_per_pool: 1 + of(3, 5),
        remoteapp_groups_per_pool: of(2, 7),
        desktop_groups_per_pool: 1,
        apps_per_group: 1,
        pools_per_workspace: 2,
        page_size: 7 + of(60, 11),
        audit: AuditSpec { clean: true, plant: Planted::All, copies: of(2, 13) },
        ..EstateSpec::default()
    }
}

/// What one estate differs in.
async fn difference(number: u64) -> Option<String> {
    let estate = Audited::new(planted(number), number).await;
    let facts = estate.facts().await;
    let report = estate.report(&facts);
    let (planted, found) = (estate.planted(), found(&report));
    let unread: Vec<&str> = report
        .rules
        .iter()
        .filter(|rule| rule.verdict == Verdict::Unknown && !is_never_read(&rule.id))
        .map(|rule| rule.id.as_str())
        .collect();
    let missed: Vec<_> = planted.difference(&found).collect();
    let made_up: Vec<_> = found.difference(&planted).collect();
    let is_exact = missed.is_empty() && made_up.is_empty() && unread.is_empty();
    (!is_exact).then(|| format!("estate {number}: missed {missed:?}, made up {made_up:?}, unknown {unread:?}"))
}

/// V48 to V60 look at the domain itself, which nothing reads yet, and V47 at what only the hosts know, but for run commands.
fn is_never_read(rule: &str) -> bool {
    let number = rule.strip_prefix('V').and_then(|number| number.parse().ok());
    number.is_some_and(|number: u32| number == 47 || (48..=60).contains(&number))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_planted_is_found_and_nothing_else() {
    let differences = stream::iter(1..=ESTATES).map(difference).buffer_unordered(AT_ONCE);
    let differences: Vec<String> = differences.filter_map(std::future::ready).collect().await;
    assert!(differences.is_empty(), "{} of {ESTATES} estates:\n{}", differences.len(), differences.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_estate_is_clean() {
    let spec = EstateSpec { audit: AuditSpec { clean: true, ..AuditSpec::default() }, ..planted(5) };
    let estate = Audited::new(spec, 5).await;
    let report = estate.report(&estate.facts().await);
    assert_eq!(found(&report), BTreeSet::new());
    for rule in report.rules.iter().filter(|rule| !is_never_read(&rule.id)) {
        assert!(matches!(rule.verdict, Verdict::Pass | Verdict::NotApplicable), "{}: {:?}", rule.id, rule.reasons);
    }
}
