//! Steps with a heading and a duration, and what they add up to.

use anyhow::Result;
use std::time::Instant;

/// How much passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: usize,
    pub(super) failed: usize,
}

impl Tally {
    /// One thing passed.
    pub(super) const ONE: Self = Self { passed: 1, failed: 0 };
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// The steps so far.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// In lower case: only steps whose heading contains it are done.
    only: Option<String>,
    sum: Tally,
    failures: Vec<String>,
    left_out: Vec<String>,
}

impl Steps {
    pub(super) fn new(only: Option<&str>) -> Self {
        Self { only: only.map(str::to_lowercase), ..Self::default() }
    }

    /// Whether a step is among those to do.
    pub(super) fn wants(&self, title: &str) -> bool {
        self.only.as_ref().is_none_or(|only| title.to_lowercase().contains(only))
    }

    /// Does one step. An error counts as one failure; the steps after it are done all the same. Returns whether
    /// none of it failed.
    pub(super) async fn step(&mut self, title: &str, work: impl Future<Output = Result<Tally>>) -> bool {
        if !self.wants(title) {
            return true;
        }
        println!("\n── {title}");
        let began = Instant::now();
        let tally = match work.await {
            Ok(tally) => tally,
            Err(error) => {
                println!("{error:#}");
                Tally { passed: 0, failed: 1 }
            }
        };
        let seconds = began.elapsed().as_secs_f64();
        self.sum += tally;
        if tally.failed == 0 {
            println!("   passed in {seconds:.1} s");
            return true;
        }
        println!("   FAILED in {seconds:.1} s: {} passed, {} failed", tally.passed, tally.failed);
        self.failures.push(format!("{title}: {} failed", tally.failed));
        false
    }

    /// Notes what was not done and why. It neither passed nor failed, and it is not passed over in silence.
    pub(super) fn leave_out(&mut self, what: &str) {
        println!("\n── LEFT OUT: {what}");
        self.left_out.push(what.to_owned());
    }

    /// Says what failed and what was left out, and returns the sum.
    pub(super) fn close(self) -> Tally {
        println!();
        for failure in &self.failures {
            println!("FAILED: {failure}");
        }
        for what in &self.left_out {
            println!("LEFT OUT: {what}");
        }
        self.sum
    }
}
