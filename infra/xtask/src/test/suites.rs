//! The tests of all crates, by cargo-nextest where it is installed and by cargo itself elsewhere, and the examples in
//! the documentation, which only cargo runs.

use super::steps::Tally;
use crate::azurite::Azurite;
use crate::cargo::{cargo, output};
use crate::processes::run_watched;
use anyhow::{Result, bail};

/// Where the tests find Azurite.
const AZURITE_VARIABLE: &str = "POOLWARDEN_TEST_AZURITE";

/// Every test but the examples; those of Blob Storage only with an Azurite.
pub(super) async fn tests(azurite: Option<&Azurite>) -> Result<Tally> {
    let nextest = output(&["nextest", "--version"]).await.is_ok();
    if nextest {
        let arguments = ["nextest", "run", "--workspace", "--all-features", "--no-fail-fast"];
        return counted(nextest_summary, &arguments, azurite).await;
    }
    println!("cargo-nextest is not installed; `cargo test` does the same, more slowly");
    let arguments = ["test", "--workspace", "--all-features", "--no-fail-fast", "--lib", "--bins", "--tests"];
    counted(cargo_summary, &arguments, azurite).await
}

/// The examples in the documentation.
pub(super) async fn examples() -> Result<Tally> {
    counted(cargo_summary, &["test", "--workspace", "--all-features", "--no-fail-fast", "--doc"], None).await
}

/// Runs tests and counts them by the summaries.
async fn counted(summary: fn(&str) -> Option<Tally>, arguments: &[&str], azurite: Option<&Azurite>) -> Result<Tally> {
    let (mut tally, mut summaries) = (Tally::default(), 0);
    let mut command = cargo(arguments);
    command.env("CARGO_TERM_COLOR", "never");
    if let Some(azurite) = azurite {
        command.env(AZURITE_VARIABLE, &azurite.url).env("SSL_CERT_FILE", &azurite.certificate);
    }
    let status = run_watched(&mut command, |line| {
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

/// `Summary [ 1.2s] 12 tests run: 10 passed (1 slow), 1 failed, 1 timed out, 3 skipped`
fn nextest_summary(line: &str) -> Option<Tally> {
    Some(count(line.trim_start().strip_prefix("Summary [")?.split_once(" run: ")?.1))
}

/// `test result: ok. 10 passed; 2 failed; 0 ignored; …`, at the beginning of the line: what a test prints is no summary.
fn cargo_summary(line: &str) -> Option<Tally> {
    Some(count(line.strip_prefix("test result: ")?.split_once(". ")?.1))
}

/// What passed and failed in a list of counts.
fn count(counts: &str) -> Tally {
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
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_both_kinds_are_counted() {
        let nextest = "     Summary [   1.234s] 14 tests run: 11 passed (1 slow), 2 failed, 1 timed out, 3 skipped";
        assert_eq!(nextest_summary(nextest), Some(Tally { passed: 11, failed: 3 }));
        let cargo =
            "test result: FAILED. 10 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        assert_eq!(cargo_summary(cargo), Some(Tally { passed: 10, failed: 2 }));
        assert_eq!(cargo_summary("test ui::passed ... ok"), None);
        assert_eq!(nextest_summary(cargo), None);
        assert_eq!(cargo_summary(&format!("    {cargo}")), None, "that is what a failed test printed");
    }
}
