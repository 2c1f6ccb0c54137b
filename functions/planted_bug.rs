//! Bugs that the crash test must find, so that nobody has to believe that it would. They exist only in builds with the
//! feature `fault-points`, where `POOLWARDEN_PLANTED_BUG` names one.

/// The message is acknowledged before its work is done.
pub const ACK_BEFORE_STATE: &str = "ack_before_state";
/// Ids are made up anew each time instead of being derived from what they stand for.
pub const RANDOM_IDS: &str = "random_ids";
/// A document is written whatever became of it since it was read.
pub const NO_COMPARE_AND_SWAP: &str = "no_compare_and_swap";

/// Whether a bug is planted.
#[cfg(feature = "fault-points")]
pub fn is(name: &str) -> bool {
    static PLANTED: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| std::env::var("POOLWARDEN_PLANTED_BUG").ok());
    PLANTED.as_deref() == Some(name)
}

/// No bug is.
#[cfg(not(feature = "fault-points"))]
pub const fn is(_: &str) -> bool {
    false
}

/// An id, or one made up if that is the bug.
pub fn id(derived: String) -> String {
    if !is(RANDOM_IDS) {
        return derived;
    }
    let now = jiff::Timestamp::now().as_nanosecond();
    format!("made-up-{}", &poolwarden_domain::text::sha256_hex(format!("{derived}{now}").as_bytes())[..32])
}
