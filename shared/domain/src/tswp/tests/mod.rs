mod documents;
mod generated;
mod refusals;

use super::*;
use std::fmt::Write as _;
use std::path::Path;

/// The documents that the repository holds.
fn own(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tswp").join(name)).unwrap()
}

/// What a parser made of a document, for a person to compare with it.
fn shown<T: serde::Serialize>(parsed: &Parsed<T>) -> String {
    let mut text = serde_json::to_string_pretty(&parsed.value).unwrap();
    for (title, flaws) in [("warnings", &parsed.warnings), ("skipped", &parsed.skipped)] {
        write!(text, "\n{title}:").unwrap();
        flaws.iter().for_each(|flaw| write!(text, "\n  {flaw}").unwrap());
    }
    text
}

fn collection_of(resources: &str) -> String {
    format!(
        "<ResourceCollection SchemaVersion=\"2.0\"><Publisher><Resources>{resources}</Resources></Publisher></ResourceCollection>"
    )
}

fn ids(parsed: &Parsed<ResourceCollection>) -> Vec<&str> {
    parsed.value.publishers.iter().flat_map(|publisher| &publisher.resources).map(|found| found.id.as_str()).collect()
}
