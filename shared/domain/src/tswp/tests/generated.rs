use super::*;

const FEEDS: u64 = 10_000;

#[test]
fn ten_thousand_generated_feeds_lose_no_whole_resource() {
    for seed in 0..FEEDS {
        let feed = generator::feed(seed);
        let document = String::from_utf8_lossy(&feed.bytes);
        let parsed =
            resource_collection(&feed.bytes).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{document}"));
        assert_eq!(parsed.value, feed.expected, "seed {seed}:\n{document}");
        assert_eq!(parsed.skipped.len(), feed.skipped, "seed {seed}: {:#?}\n{document}", parsed.skipped);
        assert_eq!(parsed.warnings.len(), feed.warnings, "seed {seed}: {:#?}\n{document}", parsed.warnings);
    }
}

#[test]
fn generated_feeds_have_whole_and_broken_resources_and_odd_details() {
    let feeds: Vec<_> = (0..200).map(generator::feed).collect();
    let whole = |feed: &generator::GeneratedFeed| {
        feed.expected.publishers.iter().map(|publisher| publisher.resources.len()).sum::<usize>()
    };
    assert!(feeds.iter().map(whole).sum::<usize>() > 200);
    assert!(feeds.iter().map(|feed| feed.skipped).sum::<usize>() > 100);
    assert!(feeds.iter().map(|feed| feed.warnings).sum::<usize>() > 200);
}

#[test]
fn a_feed_that_ends_anywhere_is_an_error_and_no_smaller_feed() {
    for seed in 0..20 {
        let feed = generator::feed(seed);
        let end = feed.bytes.iter().rposition(|byte| *byte == b'>').unwrap();
        for length in (0..end).step_by(101) {
            assert!(resource_collection(&feed.bytes[..length]).is_err(), "seed {seed}, {length} bytes");
        }
    }
}

#[test]
fn the_plain_feed_has_no_flaws() {
    let parsed = resource_collection(generator::plain_feed(50).as_bytes()).unwrap();
    assert_eq!((parsed.warnings, parsed.skipped), (vec![], vec![]));
    assert_eq!(parsed.value.publishers[0].resources.len(), 50);
}
