//! Feeds that nobody would write by hand, from the bytes to the catalogue. Files are left out: they decide nothing here.

use super::super::documents::Document;
use super::super::resources::described;
use super::super::workspaces::{Lookup, Workspaces};
use jiff::Timestamp;
use poolwarden_domain::catalogue::{self, Applied};
use poolwarden_domain::discovery::discover;
use poolwarden_domain::estate::{Estate, Resource, ResourceKind};
use poolwarden_domain::feed::{self, FeedModel};
use poolwarden_domain::plan::{Observation, PoolIndex, plan};
use poolwarden_domain::policy::Policy;
use poolwarden_domain::published::published;
use poolwarden_domain::snapshot::PoolSnapshot;
use poolwarden_domain::tswp::{self, Discovery, Parsed, TenantFeed, generator};
use std::collections::BTreeSet;
use url::Url;

const FEEDS: u64 = 10_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// The resources of a document, and the pool they are observed in.
fn observed(bytes: &[u8], look: &Observation) -> (PoolSnapshot, Vec<Resource>, usize) {
    let url = Url::parse("https://rdweb.wvd.microsoft.com/feeds/w").unwrap();
    let feeds = vec![TenantFeed {
        tenant_id: Some("w".to_owned()),
        workspace_name: Some("Workspace".to_owned()),
        feed_url: url.to_string(),
        ..TenantFeed::default()
    }];
    let value = Discovery { feeds, ..Discovery::default() };
    let found = Document { parsed: Parsed { value, warnings: vec![], skipped: vec![] }, url: url.clone() };
    let workspaces = Workspaces::of(FeedModel::Arm, &found, true);
    let mut estate = Estate::default();
    workspaces.add_to(FeedModel::Arm, &mut estate, Some("sync@contoso.com"));
    let Lookup::Found(workspace) = workspaces.look_up(&FeedModel::Arm.workspace("w")) else { panic!("one workspace") };
    let document = Document { parsed: tswp::resource_collection(bytes).unwrap(), url };
    let kinds = [ResourceKind::Desktop, ResourceKind::RemoteApp];
    let lists = kinds.map(|kind| (feed::group(&workspace.id, kind), described(workspace, &document, kind)));
    let all: Vec<Resource> = lists.iter().flat_map(|(_, list)| list.clone()).collect();
    let offered = document.parsed.value.publishers.iter().map(|publisher| publisher.resources.len()).sum();
    let facts = discover(estate, &[]).pools.remove(0);
    let answers = lists.into_iter().map(|(group, list)| (group, Ok(Some(list)))).collect();
    (PoolSnapshot::observe(facts, answers, None, look.observed_at).0, all, offered)
}

/// Whatever a feed says, none of its whole resources is lost, no two packages are called the same, and a second look at
/// the same bytes changes nothing.
#[test]
fn every_whole_resource_becomes_a_package_and_a_second_look_changes_nothing() {
    let look = |run: &str, second| Observation {
        run: run.to_owned(),
        run_started_at: at(second),
        observed_at: at(second + 1),
        pool: None,
    };
    let policy = Policy::default();
    let mut packages = 0;
    for seed in 0..FEEDS {
        let generated = generator::feed(seed);
        let (first, second) = (look("first", 0), look("second", 100));
        let (snapshot, resources, offered) = observed(&generated.bytes, &first);
        let whole = generated.expected.publishers.iter().flat_map(|publisher| &publisher.resources);
        assert_eq!(offered, whole.count(), "seed {seed}: a whole resource is lost");
        let wanted = published(&snapshot, &policy);
        assert_eq!(wanted.packages.len() + wanted.not_published.len(), resources.len(), "seed {seed}");
        for not in &wanted.not_published {
            assert!(not.reason.contains("showInPortal"), "seed {seed}: {}", not.reason);
        }
        let names: BTreeSet<String> =
            wanted.packages.values().map(|content| content.display_name.to_lowercase()).collect();
        assert_eq!(names.len(), wanted.packages.len(), "seed {seed}: two packages are called the same");

        let mut index = PoolIndex::new(snapshot.facts.pool.id.clone(), snapshot.facts.label.clone());
        for entry in &plan(&wanted, &index, &[], &first).entries {
            let Applied::Write(package) = catalogue::publish(entry, "c", None, 0, &first, at(2)) else {
                panic!("seed {seed}: a new package is not written")
            };
            index.record(&package);
            packages += 1;
        }
        let (again, ..) = observed(&generated.bytes, &second);
        let planned = plan(&published(&again, &policy), &index, &[], &second);
        assert!(planned.entries.is_empty(), "seed {seed}: {:?}", planned.entries.first());
        assert!(planned.missing.is_empty() && planned.retire.is_empty(), "seed {seed}");
    }
    assert!(packages > 10_000, "{packages} packages are too few to show anything");
}
