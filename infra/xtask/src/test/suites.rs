//! The tests of all crates, by cargo-nextest where it is installed and by cargo itself elsewhere, and the examples in
//! the documentation, which only cargo runs.

use super::steps::Tally;
use crate::cargo::{cargo, output};
use crate::processes::run_watched;
use anyhow::{Result, bail};

/// Every test but the examples.
pub(super) async fn tests() -> Result<Tally> {
    let nextest = output(&["nextest", "--version"]).await.is_ok();
    if nextest {
        return counted(&["nextest", "run", "--workspace", "--all-features", "--no-fail-fast"]).await;
    }
    println!("cargo-nextest is not installed; `cargo test` does the same, more slowly");
    counted(&["test", "--workspace", "--all-features", "--no-fail-fast", "--lib", "--bins", "--tests"]).await
}

/// The examples in the documentation.
pub(super) async fn examples() -> Result<Tally> {
    counted(&["test", "--workspace", "--all-features", "--no-fail-fast", "--doc"]).await
}

/// Runs tests and counts them by what is said about them.
async fn counted(arguments: &[&str]) -> Result<Tally> {
    let (mut tally, mut summaries) = (Tally::default(), 0);
    let status = run_watched(cargo(arguments).env("CARGO_TERM_COLOR", "never"), |line| {
        if let Some(counts) = summary(line) {
            tally += counts;
            summaries += 1;
        }
    })
    .await?;
    if summaries == 0 || (!status.success() && tally.failed == 0) {
        bail!("cargo {} ended with {status}, and not by a test", arguments.join(" "));
    }
    Ok(tally)
}

/// What a summary of tests counts, in either form:
/// `Summary [ 1.2s] 12 tests run: 10 passed (1 slow), 1 failed, 1 timed out, 3 skipped` and
/// `test result: ok. 10 passed; 2 failed; 0 ignored; …`.
fn summary(line: &str) -> Option<Tally> {
    let line = line.trim_start();
    let counts = match line.strip_prefix("test result: ") {
        Some(rest) => rest.split_once(". ")?.1,
        None => line.strip_prefix("Summary [")?.split_once(" run: ")?.1,
    };
    let mut tally = Tally::default();
    for count in counts.split([',', ';']) {
        let mut words = count.split_whitespace();
        let (number, what) = (words.next().and_then(|number| number.parse::<usize>().ok()), words.next());
        match (number, what) {
            (Some(number), Some("passed")) => tally.passed += number,
            (Some(number), Some("failed" | "timed" | "exec")) => tally.failed += number,
            _ => {}
        }
    }
    Some(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_both_kinds_are_counted() {
        let nextest = "     Summary [   1.234s] 14 tests run: 11 passed (1 slow), 2 failed, 1 timed out, 3 skipped";
        assert_eq!(summary(nextest), Some(Tally { passed: 11, failed: 3 }));
        let cargo =
            "test result: FAILED. 10 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        assert_eq!(summary(cargo), Some(Tally { passed: 10, failed: 2 }));
        assert_eq!(summary("test ui::passed ... ok"), None);
    }
}
