//! Places where a test may have the process die at once, as by SIGKILL.
//!
//! `POOLWARDEN_FAULT_POINTS=before_ack:0.01:7,after_ack:0.5` lets the process die at `before_ack` with a
//! probability of one in a hundred (seeded with 7) and at `after_ack` every other time. The variable is read once.
//! Nothing is flushed, no destructor runs. Written `before_send!:1`, the place panics instead: the invocation fails, and
//! the process has to live on. Present only with the feature `fault-points`.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The variable that arms fault points.
pub const VARIABLE: &str = "POOLWARDEN_FAULT_POINTS";

/// Dies or panics here, if the point is armed and the dice say so.
///
/// # Panics
/// If it is armed to.
pub fn hit(name: &'static str) {
    static ARMED: OnceLock<Mutex<Armed>> = OnceLock::new();
    let armed = ARMED.get_or_init(|| {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        Mutex::new(Armed::parse(&text, std::process::id().into()).unwrap_or_else(|fault| {
            // A crash test that silently tests nothing is worse than one that does not start.
            eprintln!("{VARIABLE}: {fault}");
            std::process::exit(2);
        }))
    });
    let fires = armed.lock().unwrap_or_else(PoisonError::into_inner).fires(name);
    match fires {
        None => {}
        Some(End::Panic) => panic!("fault point {name}: this is the panic that was asked for"),
        Some(End::Abort) => {
            eprintln!("fault point {name}: the process dies here");
            std::process::abort();
        }
    }
}

struct Armed(BTreeMap<String, Point>);

/// What happens at a point that fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Abort,
    Panic,
}

struct Point {
    end: End,
    probability: f64,
    state: u64,
}

impl Armed {
    fn parse(text: &str, default_seed: u64) -> Result<Self, String> {
        let mut points = BTreeMap::new();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let fault = || format!("{item:?} is not name[!]:probability[:seed]");
            let mut parts = item.split(':');
            let (Some(name), Some(probability), seed, None) = (parts.next(), parts.next(), parts.next(), parts.next())
            else {
                return Err(fault());
            };
            let probability: f64 = probability.parse().map_err(|_| fault())?;
            let (name, end) = name.strip_suffix('!').map_or((name, End::Abort), |name| (name, End::Panic));
            if name.is_empty() || !(0.0..=1.0).contains(&probability) {
                return Err(fault());
            }
            let state = seed.map_or(Ok(default_seed), str::parse).map_err(|_| fault())?;
            points.insert(name.to_owned(), Point { end, probability, state });
        }
        Ok(Self(points))
    }

    fn fires(&mut self, name: &str) -> Option<End> {
        let point = self.0.get_mut(name)?;
        // SplitMix64: a seed gives the same run again.
        point.state = point.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = point.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let unit = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
        (unit < point.probability).then_some(point.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Run only as a child of the test below.
    #[test]
    #[ignore = "it ends the process"]
    fn dies() {
        hit("here");
        println!("still alive");
    }

    #[test]
    fn an_armed_point_ends_the_process_and_another_does_not() {
        let run = |points: &str| {
            let child = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "--ignored", "--nocapture", "fault_point::tests::dies"])
                .env(VARIABLE, points)
                .output()
                .unwrap();
            (child.status.success(), String::from_utf8_lossy(&child.stdout).contains("still alive"))
        };
        assert_eq!(run("here:1"), (false, false));
        assert_eq!(run("elsewhere:1"), (true, true));
        assert_eq!(run("here:often"), (false, false), "a mistake in the variable does not go unnoticed");
    }

    #[test]
    fn points_fire_as_often_as_they_are_told_and_the_same_way_again() {
        let run = || {
            let mut armed = Armed::parse("often:0.5:7, never:0,always:1,panics!:1", 1).unwrap();
            let often: Vec<bool> = (0..1000).map(|_| armed.fires("often").is_some()).collect();
            for _ in 0..1000 {
                let fired = ["never", "always", "panics", "unknown"].map(|name| armed.fires(name));
                assert_eq!(fired, [None, Some(End::Abort), Some(End::Panic), None]);
            }
            often
        };
        let fired = run().iter().filter(|&&fired| fired).count();
        assert!((400..600).contains(&fired), "{fired}");
        assert_eq!(run(), run());
        for bad in ["x", "x:2", "x:-1", "x:a", ":1", "!:1", "x:1:y", "x:1:1:1"] {
            assert!(Armed::parse(bad, 1).is_err(), "{bad}");
        }
    }
}
