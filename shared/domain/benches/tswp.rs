//! How long a feed takes to read, beside roxmltree's bare parse of the same bytes. The aim is at most twice as long.

use divan::Bencher;
use divan::counter::BytesCount;
use poolwarden_domain::tswp::{self, generator};

/// About as many as one document can hold.
const RESOURCES: usize = 5_000;
/// Some, for a document that fits in the processor's caches.
const FEW_RESOURCES: usize = 50;

fn main() {
    divan::main();
}

#[divan::bench(args = [FEW_RESOURCES, RESOURCES])]
fn resource_collection(bencher: Bencher, resources: usize) {
    let feed = feed(resources);
    let read = || tswp::resource_collection(divan::black_box(feed.as_bytes())).expect("a whole feed");
    assert_eq!(read().value.publishers[0].resources.len(), resources);
    bencher.counter(BytesCount::of_str(&feed)).bench_local(read);
}

#[divan::bench(args = [FEW_RESOURCES, RESOURCES])]
fn roxmltree_alone(bencher: Bencher, resources: usize) {
    let feed = feed(resources);
    let parse = || {
        let text = std::str::from_utf8(divan::black_box(feed.as_bytes())).expect("UTF-8");
        roxmltree::Document::parse(text).expect("well-formed").descendants().len()
    };
    bencher.counter(BytesCount::of_str(&feed)).bench_local(parse);
}

/// A feed that is not larger than what is read.
fn feed(resources: usize) -> String {
    let feed = generator::plain_feed(resources);
    assert!(feed.len() <= tswp::MAX_FEED_BYTES, "{} bytes", feed.len());
    feed
}
