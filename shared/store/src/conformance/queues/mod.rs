//! The behaviours of [`Queues`](crate::Queues). Each takes a queue that is empty and never had a message;
//! [`queues_are_separate`] uses the queue of that name with `-2` behind it too.

mod dead_letters;
mod locks;
mod sending;
mod stand;

pub use dead_letters::*;
pub use locks::*;
pub use sending::*;
pub use stand::{RealTime, Stand, Time};

/// Calls a macro with the name of every behaviour of queues.
#[macro_export]
macro_rules! queue_behaviours {
    ($then:ident) => {
        $then!(
            delivers_and_completes,
            delivers_at_most_what_is_asked_for,
            queues_are_separate,
            a_lock_excludes_until_it_runs_out,
            late_settlement_is_refused,
            a_renewed_lock_lasts,
            an_abandoned_message_comes_again,
            not_before_its_time,
            a_trace_travels_along,
            duplicates_are_dropped,
            the_duplicate_window_ends,
            abandoned_too_often_is_given_up,
            never_settled_is_given_up,
            a_dead_letter_stays_until_it_is_completed,
            a_send_wakes_who_waits,
            a_wait_ends,
            a_bad_batch_is_refused_whole,
            receivers_share,
        );
    };
}
