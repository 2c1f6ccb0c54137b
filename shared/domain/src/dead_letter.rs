//! A message whose work was not done: kept with what was tried and why it failed, until it is done after all or a person
//! discards it.
//!
//! A letter has one life after another: it dies, it waits, it is sent again under an id that names letter and life, and
//! either its work is done then, and the letter goes, or it dies once more. Whatever comes late or twice belongs to a
//! life that is over, and changes nothing.

use crate::text::sha256_hex;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a letter waits before it is sent again by itself, after its first, second, … death. Then it waits for a
/// person.
const DELAYS_S: [i64; 3] = [30, 120, 300];
/// How long a replay may be under way before it is sent again: its message may never have left.
const RESEND_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// How many deaths are told; of more, the newest.
const DEATHS_KEPT: usize = 20;
/// What the id of a message that is sent again begins with.
const REPLAY_PREFIX: &str = "dead-letter/";

/// A message whose work was not done: `dead-letters/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Derived from the queue and the message's id.
    pub id: String,
    /// The queue it is from.
    pub queue: String,
    /// The id it was first sent under.
    pub message: String,
    /// The body as it was received.
    pub body: String,
    /// Whether trying again can help.
    pub kind: Kind,
    /// When it was first sent.
    pub enqueued_at: Timestamp,
    /// When it first died. Who dies again after its letter was closed is another one, with messages of its own.
    pub born_at: Timestamp,
    /// How often it was sent again.
    pub replays: u32,
    /// What happens next.
    pub state: State,
    /// Whether those who waited for the work have been told that it will not be done.
    pub given_up: bool,
    /// The run that does the work instead, once that was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// How each life ended, the newest last.
    pub deaths: Vec<Death>,
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It may: something was out of reach.
    Transient,
    /// Not before a person changes something: a permission, a secret, a configuration.
    Permanent,
    /// Never as it is: the message makes no sense.
    Malformed,
}

/// What happens next to a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is sent again at this time, or when a person says so.
    Waiting {
        /// When it is sent again by itself, if at all.
        replay_at: Option<Timestamp>,
    },
    /// It was sent again.
    Replaying {
        /// When it was last sent.
        since: Timestamp,
    },
}

/// The end of one life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Death {
    /// When it was given up.
    pub at: Timestamp,
    /// Why: the error and its causes.
    pub reason: String,
    /// How often it was delivered in this life.
    pub delivery_count: u32,
}

/// A message about to be kept.
#[derive(Debug, Clone, Copy)]
pub struct Corpse<'a> {
    /// The queue.
    pub queue: &'a str,
    /// Its id, as it was received.
    pub message: &'a str,
    /// Its body, as it was received.
    pub body: &'a str,
    /// Whether trying again can help.
    pub kind: Kind,
    /// When it was sent.
    pub enqueued_at: Timestamp,
    /// Whether those who waited have been told: then it waits for a person, however much may pass.
    pub given_up: bool,
}

/// Which letter a message is of, and which of its lives this is: 0 for one that was never sent again.
#[must_use]
pub fn life(queue: &str, message: &str) -> (String, u32) {
    let replayed = || {
        let (name, replay) = message.strip_prefix(REPLAY_PREFIX)?.split_once('~')?;
        let (id, _) = name.split_once('.')?;
        let is_id = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then_some((id.to_owned(), replay.parse().ok()?))
    };
    replayed().unwrap_or_else(|| (sha256_hex(format!("{queue}/{message}").as_bytes())[..16].to_owned(), 0))
}

/// Whether one more death after so many replays is left to a person.
#[must_use]
pub fn is_final(kind: Kind, replays: u32) -> bool {
    kind != Kind::Transient || replays as usize >= DELAYS_S.len()
}

impl DeadLetter {
    /// The letter after a death. `None` if it was recorded already, or belongs to a life that is long over.
    #[must_use]
    pub fn died(known: Option<Self>, corpse: &Corpse<'_>, death: Death) -> Option<Self> {
        let (id, life) = life(corpse.queue, corpse.message);
        // What makes no sense cannot say which life it is in either.
        let is_over = |known: &Self| life < known.replays && corpse.kind != Kind::Malformed;
        let mut letter = match known {
            Some(known) if is_over(&known) || matches!(known.state, State::Waiting { .. }) => return None,
            Some(known) => known,
            None => Self {
                id,
                queue: corpse.queue.to_owned(),
                message: corpse.message.to_owned(),
                body: corpse.body.to_owned(),
                kind: corpse.kind,
                enqueued_at: corpse.enqueued_at,
                born_at: death.at,
                replays: life,
                state: State::Waiting { replay_at: None },
                given_up: false,
                run: None,
                deaths: Vec::new(),
            },
        };
        letter.kind = corpse.kind;
        letter.given_up |= corpse.given_up;
        let delay = DELAYS_S.get(letter.replays as usize);
        let delay = delay.filter(|_| letter.kind == Kind::Transient && !letter.given_up);
        letter.state =
            State::Waiting { replay_at: delay.map(|delay_s| death.at + SignedDuration::from_secs(*delay_s)) };
        letter.deaths.push(death);
        let surplus = letter.deaths.len().saturating_sub(DEATHS_KEPT);
        letter.deaths.drain(..surplus);
        Some(letter)
    }

    /// Whether it is to be sent (again) by itself.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        match self.state {
            State::Waiting { replay_at } => replay_at.is_some_and(|at| at <= now),
            State::Replaying { since } => since + RESEND_AFTER <= now,
        }
    }

    /// The letter as it is sent again: a new life, or the same one if that is still under way.
    #[must_use]
    pub fn replayed(mut self, now: Timestamp) -> Self {
        if matches!(self.state, State::Waiting { .. }) {
            self.replays += 1;
        }
        self.state = State::Replaying { since: now };
        self
    }

    /// The letter left to a person.
    #[must_use]
    pub fn left_to_a_person(self) -> Self {
        Self { state: State::Waiting { replay_at: None }, given_up: true, ..self }
    }

    /// The id to send it under: the same for the same life of the same letter.
    #[must_use]
    pub fn replay_id(&self) -> String {
        let birth = &sha256_hex(self.born_at.as_nanosecond().to_string().as_bytes())[..6];
        format!("{REPLAY_PREFIX}{}.{birth}~{}", self.id, self.replays)
    }

    /// Why it died last.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.deaths.last().map_or("", |death| &death.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn die(known: Option<DeadLetter>, message: &str, kind: Kind, second: i64) -> Option<DeadLetter> {
        let corpse = Corpse { queue: "q", message, body: "{}", kind, enqueued_at: at(0), given_up: false };
        let death = Death { at: at(second), reason: format!("at {second}"), delivery_count: 10 };
        DeadLetter::died(known, &corpse, death)
    }

    #[test]
    fn a_transient_letter_is_sent_again_later_each_time_and_then_waits_for_a_person() {
        let mut letter = die(None, "m", Kind::Transient, 0).unwrap();
        let mut now = 0;
        for delay in DELAYS_S {
            assert!(!is_final(letter.kind, letter.replays));
            assert!(!letter.is_due(at(now + delay - 1)) && letter.is_due(at(now + delay)));
            now += delay;
            letter = letter.replayed(at(now));
            assert!(!letter.is_due(at(now)), "under way");
            letter = die(Some(letter.clone()), &letter.replay_id(), Kind::Transient, now).unwrap();
        }
        assert_eq!((letter.state, letter.deaths.len()), (State::Waiting { replay_at: None }, 4));
        assert!(is_final(letter.kind, letter.replays));
        assert!(!letter.is_due(at(now + 1_000_000)));
    }

    #[test]
    fn what_trying_cannot_help_waits_for_a_person_at_once() {
        for kind in [Kind::Permanent, Kind::Malformed] {
            assert_eq!(die(None, "m", kind, 0).unwrap().state, State::Waiting { replay_at: None });
            assert!(is_final(kind, 0));
        }
    }

    #[test]
    fn a_replay_that_never_left_is_sent_again_under_the_same_id() {
        let letter = die(None, "m", Kind::Transient, 0).unwrap().replayed(at(100));
        assert!(!letter.is_due(at(399)) && letter.is_due(at(400)));
        assert_eq!(letter.replay_id(), letter.clone().replayed(at(400)).replay_id());
    }

    #[test]
    fn who_dies_twice_in_one_life_is_told_of_once() {
        let first = die(None, "m", Kind::Transient, 0).unwrap();
        assert_eq!(die(Some(first.clone()), "m", Kind::Transient, 1), None);
        let replayed = first.replayed(at(100));
        assert_eq!(die(Some(replayed.clone()), "m", Kind::Transient, 101), None, "the first life came once more");
        let second = die(Some(replayed.clone()), &replayed.replay_id(), Kind::Permanent, 102).unwrap();
        assert_eq!((second.kind, second.reason()), (Kind::Permanent, "at 102"));
    }

    #[test]
    fn what_makes_no_sense_dies_again_when_it_is_sent_again() {
        let letter = die(None, "malformed-1", Kind::Malformed, 0).unwrap().replayed(at(10));
        let again = die(Some(letter), "malformed-1", Kind::Malformed, 11).unwrap();
        assert_eq!((again.deaths.len(), again.state), (2, State::Waiting { replay_at: None }));
    }

    #[test]
    fn what_was_given_up_waits_for_a_person_however_much_may_pass() {
        let corpse =
            Corpse { queue: "q", message: "m", body: "", kind: Kind::Transient, enqueued_at: at(0), given_up: true };
        let death = Death { at: at(0), reason: String::new(), delivery_count: 10 };
        let letter = DeadLetter::died(None, &corpse, death).unwrap();
        assert_eq!((letter.state, letter.given_up), (State::Waiting { replay_at: None }, true));
        assert!(!letter.is_due(at(1_000_000)));
    }

    #[test]
    fn who_dies_again_after_its_letter_was_closed_is_sent_under_another_id() {
        let ids = [0, 1].map(|second| die(None, "m", Kind::Transient, second).unwrap().replayed(at(50)).replay_id());
        assert_ne!(ids[0], ids[1]);
    }

    proptest! {
        #[test]
        fn a_letter_is_found_by_whatever_id_it_travels_under(queue in "[a-z_]{1,20}", message in ".{1,100}") {
            let (id, first) = life(&queue, &message);
            prop_assert_eq!(first, 0);
            let (body, kind) = ("", Kind::Transient);
            let corpse = Corpse { queue: &queue, message: &message, body, kind, enqueued_at: at(0), given_up: false };
            let death = Death { at: at(0), reason: String::new(), delivery_count: 1 };
            let letter = DeadLetter::died(None, &corpse, death).unwrap().replayed(at(1));
            prop_assert_eq!(life(&queue, &letter.replay_id()), (id, 1));
        }
    }
}
