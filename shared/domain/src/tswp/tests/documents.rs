use super::*;
use std::path::PathBuf;

#[test]
fn a_feed_of_azure_resource_manager_is_read_whole() {
    let parsed = resource_collection(&own("arm.xml")).unwrap();
    let word = &parsed.value.publishers[0].resources[1];
    assert_eq!(word.resource_file().unwrap().url, "rdps/word.rdp");
    insta::assert_snapshot!(shown(&parsed));
}

#[test]
fn a_flawed_feed_gives_what_is_whole_in_it_and_names_the_rest() {
    let parsed = resource_collection(&own("classic-flawed.xml")).unwrap();
    assert_eq!(ids(&parsed), ["a", "a", "c"]);
    insta::assert_snapshot!(shown(&parsed));
}

#[test]
fn discovery_tells_feeds_from_those_of_cloud_pcs() {
    let parsed = discovery(&own("discovery.xml")).unwrap();
    assert_eq!(parsed.value.feeds.iter().map(|feed| feed.cloud_pc).collect::<Vec<_>>(), [false, true]);
    insta::assert_snapshot!(shown(&parsed));
}

#[test]
fn an_account_without_a_workspace_is_no_error() {
    let parsed = discovery(&own("discovery-none.xml")).unwrap();
    assert_eq!(parsed, Parsed { value: Discovery::default(), warnings: vec![], skipped: vec![] });
}

/// The samples of the protocol's document, which the repository does not hold.
fn specification(name: &str) -> Option<Parsed<ResourceCollection>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/fixtures");
    let set = std::env::var_os("POOLWARDEN_FIXTURES").map(PathBuf::from);
    let Some(folder) = set.into_iter().chain([beside.clone(), above]).find(|folder| folder.is_dir()) else {
        eprintln!("SKIPPED: no fixtures in {}; set POOLWARDEN_FIXTURES to their folder", beside.display());
        return None;
    };
    Some(resource_collection(&std::fs::read(folder.join(name)).unwrap()).unwrap())
}

macro_rules! specification_samples {
    ($($test:ident: $file:literal, $warnings:literal warnings;)*) => {$(
        #[test]
        fn $test() {
            let Some(parsed) = specification($file) else { return };
            insta::assert_snapshot!(shown(&parsed));
            assert_eq!((parsed.warnings.len(), parsed.skipped.len()), ($warnings, 0));
        }
    )*};
}

specification_samples! {
    sample_4_1_1_one_server: "tswp-1.1-one-server.xml", 0 warnings;
    sample_4_1_2_multiple_servers_as_printed: "tswp-1.1-multiple-servers-as-printed.xml", 37 warnings;
    sample_4_1_2_multiple_servers_rejoined: "tswp-1.1-multiple-servers-rejoined.xml", 5 warnings;
    sample_4_2_1_one_server: "tswp-2.0-one-server.xml", 1 warnings;
    sample_4_2_2_subfolders_and_display_folder: "tswp-2.0-subfolders-displayfolder.xml", 0 warnings;
    sample_4_2_3_multiple_folders: "tswp-2.0-multiple-folders.xml", 0 warnings;
}

#[test]
fn a_feed_that_a_printer_broke_over_lines_means_the_same_apart_from_its_names() {
    let samples = ["tswp-1.1-multiple-servers-as-printed.xml", "tswp-1.1-multiple-servers-rejoined.xml"];
    let [Some(printed), Some(rejoined)] = samples.map(specification) else { return };
    let without_aliases = |mut collection: ResourceCollection| {
        for resource in collection.publishers.iter_mut().flat_map(|publisher| &mut publisher.resources) {
            // A space or none: only a person can tell.
            resource.alias = resource.alias.take().map(|alias| alias.replace(' ', ""));
        }
        collection
    };
    assert_eq!(without_aliases(printed.value), without_aliases(rejoined.value));
}
