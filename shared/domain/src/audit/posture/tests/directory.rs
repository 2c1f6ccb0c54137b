//! What only the Active Directory tells, and when it was last synchronised.

use super::super::directory::*;
use super::super::testing::{NONE, deployed, found, result, vds, verdict};
use crate::access::AccessFacts;
use crate::audit::Verdict;
use crate::audit::testing::now;

#[test]
fn what_is_in_the_active_directory_is_never_said_to_be_well() {
    let estate = vds(deployed());
    for rule in [V48, V50, V60] {
        assert_eq!(found(&estate, &rule), NONE);
        assert_eq!(result(&estate, rule.id).reasons, ["not read: needs the directory port (LDAPS)"]);
    }
}

#[test]
fn a_directory_that_was_not_synchronised_lately_is_found() {
    let last = |time: Option<&str>| {
        let time = time.map(|time| time.parse().unwrap());
        deployed().with(move |facts| facts.directory.organization.as_mut().unwrap().last_sync = time)
    };
    assert_eq!(found(&last(Some("2026-06-01T09:00:00Z")), &V61), NONE);
    assert_eq!(found(&last(Some("2026-06-01T08:59:59Z")), &V61), ["/ - onPremisesLastSyncDateTime"]);
    assert_eq!(verdict(&last(None), &V61), Verdict::Unknown);
}

#[test]
fn how_late_it_is_counts_from_the_reading_and_not_from_the_audit() {
    let read = |edit: fn(&mut AccessFacts)| deployed().with(edit);
    let earlier = read(|facts| {
        facts.read_at = "2026-05-01T12:00:00Z".parse().unwrap();
        facts.directory.organization.as_mut().unwrap().last_sync = Some("2026-05-01T10:00:00Z".parse().unwrap());
    });
    assert!(now() > earlier.facts.read_at);
    assert_eq!(found(&earlier, &V61), NONE);
    let cloud_only = read(|facts| facts.directory.organization.as_mut().unwrap().is_synchronised = false);
    assert_eq!(verdict(&cloud_only, &V61), Verdict::NotApplicable);
    let unread = read(|facts| facts.directory.organization = None);
    assert_eq!(verdict(&unread, &V61), Verdict::NotApplicable);
}
