//! `cargo xtask`: what developers and CI run. It builds the workspace's programs and runs them as processes; it knows
//! them by their command lines and files only, and links none of their code.

mod azurite;
mod bench;
mod cargo;
mod crash;
mod demo;
mod dice;
mod fuzz;
mod http;
mod poolwarden;
mod processes;
mod simulator;
mod stage;
mod test;

/// What the integration tests compare catalogues with, too.
#[path = "../../../tests/expected.rs"]
mod expected;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Runs, tests and measures Poolwarden.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show Poolwarden at work on a simulated Azure
    Demo(demo::Demo),
    /// Check and test everything; what CI runs
    Test(test::Test),
    /// Kill `poolwarden serve` again and again, and prove that nothing is lost or done twice
    Crash(crash::Crash),
    /// Give broken documents to everything that reads what others send
    Fuzz(fuzz::Fuzz),
    /// Assemble what is deployed to Azure
    Stage(stage::Stage),
    /// Measure
    #[command(subcommand)]
    Bench(bench::Bench),
}

/// What a shell reports for a process that was interrupted.
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let work = async {
        match cli.command {
            Command::Demo(demo) => demo.run().await,
            Command::Test(test) => test.run().await,
            Command::Crash(crash) => crash.run().await,
            Command::Fuzz(fuzz) => fuzz.run().await,
            Command::Stage(stage) => stage.run().await,
            Command::Bench(bench) => bench.run().await,
        }
    };
    // Whichever way this ends, the work is dropped here, and with it every process it started.
    let ended = tokio::select! {
        ended = work => Some(ended),
        () = processes::asked_to_stop() => None,
    };
    match ended {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("interrupted; what was started is stopped");
            ExitCode::from(INTERRUPTED)
        }
    }
}
