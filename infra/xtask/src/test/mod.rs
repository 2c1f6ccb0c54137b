//! `cargo xtask test`: everything that has to hold, in one run. CI runs this and nothing else.

mod arrows;
mod browser;
mod crashes;
mod deny;
mod python;
mod steps;
mod suites;

use crate::azurite::Azurite;
use crate::cargo::{self, Programs};
use crate::crash::{Bug, Reads};
use anyhow::{Result, bail};
use clap::Args;
use steps::{Steps, Tally};

const ABOUT: &str = "\
The steps: format, lints, which crate may use which, the build, all tests, the examples in the documentation, \
Azure's own Python clients against the simulator, the audit's page in Chromium, the crash test with 50 kills over ARM and over a feed, \
the crash test with each planted bug (which it has to find), a few seconds of broken documents for everything that \
reads what others send, and licenses, bans, sources and advisories of all dependencies.

It needs python3 with its venv module, and Node.js with npm; what else is missing it installs into the target folder: \
the packages that the clients' test needs, Azurite, and cargo-deny; and Chromium by apt-get, where there is none. cargo-nextest is used where it is installed. What had to be left out is said at \
the end, before `N passed, N failed`. Exit code 0: none failed.

Examples:
  cargo xtask test
  cargo xtask test --fast           without what takes minutes or the network
  cargo xtask test --only lints     one step";

/// `cargo xtask test`
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub(crate) struct Test {
    /// Leave out Azurite, the Python clients, Chromium, the crash tests, the broken documents and the dependencies
    #[arg(long)]
    fast: bool,
    /// Only the steps whose heading contains this; they take the programs as they were last built
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// What lints look at: all there is.
const EVERYTHING: [&str; 3] = ["--workspace", "--all-features", "--all-targets"];

/// How long each fuzzing target runs: with the build this stays below a minute. `cargo xtask fuzz` searches for longer.
const FUZZ_SECONDS: u64 = 3;
/// Where its chance begins: what fails here fails again.
const FUZZ_SEED: u64 = 1;

impl Test {
    pub(crate) async fn run(&self) -> Result<()> {
        let mut steps = Steps::new(self.only.as_deref());
        steps.step("Format", cargo(&[&["fmt", "--all", "--check"]])).await;
        steps.step("Lints", cargo(&[&["clippy"], &EVERYTHING, &["--", "--deny", "warnings"]])).await;
        steps.step("Which crate may use which", arrows::check()).await;
        let built = steps.step("Build", cargo(&[&["build"], &cargo::TESTED])).await;
        if built {
            if self.fast {
                steps.step("Tests", suites::tests(None)).await;
            } else {
                steps.step("Tests", with_azurite()).await;
            }
            steps.step("Examples in the documentation", suites::examples()).await;
        }
        if self.fast {
            steps.leave_out(
                "the tests against Azurite, the Python clients, the Bicep files, the audit's page in Chromium, SchemaStore's schema, the crash tests, the \
                 broken documents and the dependencies, as --fast says",
            );
        } else {
            if built {
                let programs = Programs::of("debug");
                steps.step("Azure's Python clients list what the simulator holds", python::check(&programs)).await;
                steps.step("The Bicep files", python::infra()).await;
                steps.step("The audit's page in Chromium", browser::check(&programs)).await;
                steps.step("Every function.json by SchemaStore's schema", python::function_json()).await;
                steps.step("Crash test: 50 kills", crashes::sound(&programs, Reads::Arm)).await;
                steps.step("Crash test: 50 kills where a feed is read", crashes::sound(&programs, Reads::Feed)).await;
                let title = "Crash test: 50 kills under a Functions host, on Service Bus and Blob Storage";
                steps.step(title, crashes::hosted(&programs)).await;
                for bug in Bug::ALL {
                    let title = format!("Crash test: it finds the planted bug {}", bug.name());
                    steps.step(&title, crashes::planted(&programs, bug)).await;
                }
            }
            steps.step("Broken documents for everything that reads what others send", fuzz()).await;
            deny::check(&mut steps).await;
        }
        let Tally { passed, failed } = steps.close();
        println!("{passed} passed, {failed} failed");
        if failed > 0 {
            bail!("{failed} failed; each is named above");
        }
        Ok(())
    }
}

/// All tests, those of Blob Storage included.
async fn with_azurite() -> Result<Tally> {
    let azurite = Azurite::start(&cargo::fresh_folder("tests")?).await?;
    let tally = suites::tests(Some(&azurite)).await?;
    azurite.stop().await?;
    Ok(tally)
}

/// Every fuzzing target for a few seconds.
async fn fuzz() -> Result<Tally> {
    crate::fuzz::bounded(FUZZ_SECONDS, FUZZ_SEED).await?;
    Ok(Tally::ONE)
}

/// A cargo command that passes or fails as one.
async fn cargo(arguments: &[&[&str]]) -> Result<Tally> {
    cargo::run(&arguments.concat()).await?;
    Ok(Tally::ONE)
}
