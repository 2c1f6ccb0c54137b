//! The command line: one file a command. Each reads what it needs, calls the same code as the functions, and prints a
//! table for people or JSON for machines.

mod access;
mod audit;
mod classic;
mod classic_roles;
mod compare;
mod connections;
mod dead_letters;
mod export;
mod output;
mod packages;
mod progress;
mod resources;
mod roles;
mod runs;
mod serve;
mod session;
mod sign_in;
mod status;
mod summary;
mod sync;

use crate::telemetry;
use clap::{Parser, Subcommand};
use poolwarden_host::trace;
use std::path::PathBuf;
use std::process::ExitCode;

/// Everything was done.
pub const COMPLETE: u8 = 0;
/// The command failed, and says why on standard error.
pub const FAILED: u8 = 1;
/// Part of it could not be read, or waits for a person.
pub const INCOMPLETE: u8 = 2;
/// The command line makes no sense (`EX_USAGE`).
pub const USAGE: u8 = 64;

const EXIT_CODES: &str = "Exit codes: 0 complete, 1 failed, 2 incomplete or held, 64 wrong usage.";

/// Keeps an Azure Virtual Desktop estate published, every desktop and RemoteApp a ready-to-launch package, and audited:
/// who may do what, what is wrong with it, and what mends it.
#[derive(Debug, Parser)]
#[command(name = "poolwarden", version, after_help = EXIT_CODES, max_term_width = 110)]
pub struct Cli {
    /// The configuration file [default: $POOLWARDEN_CONFIG, else ./poolwarden.toml]
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON for machines instead of tables for people
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run every function on this machine: timers, queues and HTTP, until stopped
    Serve(serve::Serve),
    /// Read the estate now and bring the catalogue up to date
    Sync(sync::Sync),
    /// Look at the catalogue, write it to a folder, or change what persons decide of it
    #[command(subcommand)]
    Packages(packages::Packages),
    /// Look at what the sources offer, and make packages of it on demand
    #[command(subcommand)]
    Resources(resources::Resources),
    /// Explain what an account is shown and ARM does not list, and the other way round
    Compare(compare::Compare),
    /// Look at the configured connections, or check that they can sign in
    #[command(subcommand, after_help = connections::SETTINGS)]
    Connections(connections::Connections),
    /// Find out what takes the place of what Azure Virtual Desktop (classic) published, and who has which role in it
    #[command(subcommand)]
    Classic(classic::Classic),
    /// Find out what is wrong with who may do what, how bad it is, and what mends it
    Audit(audit::Audit),
    /// Ask who can do something, what somebody can do, and why
    #[command(subcommand)]
    Access(access::Access),
    /// Look at role assignments, make and remove them, or carry the classic service's over to Azure
    #[command(subcommand)]
    Roles(roles::Roles),
    /// Look at past runs, or let a held one go on
    #[command(subcommand)]
    Runs(runs::Runs),
    /// Look at messages whose work was not done, have it done again, or forget them
    #[command(subcommand)]
    DeadLetters(dead_letters::DeadLetters),
    /// Say how everything stands, and what waits for a person
    #[command(after_help = status::HELP)]
    Status,
    /// Serve the Azure Functions host that started this process (host.json names this mode)
    #[command(
        after_help = "Example, as the Functions host starts it:\n  FUNCTIONS_CUSTOMHANDLER_PORT=7073 poolwarden handler"
    )]
    Handler,
}

impl Command {
    /// What it is called in a trace.
    fn name(&self) -> &'static str {
        match self {
            Self::Serve(_) => "serve",
            Self::Sync(_) => "sync",
            Self::Packages(_) => "packages",
            Self::Resources(_) => "resources",
            Self::Compare(_) => "compare",
            Self::Connections(_) => "connections",
            Self::Classic(_) => "classic",
            Self::Audit(_) => "audit",
            Self::Access(_) => "access",
            Self::Roles(_) => "roles",
            Self::Runs(_) => "runs",
            Self::DeadLetters(_) => "dead-letters",
            Self::Status => "status",
            Self::Handler => "handler",
        }
    }
}

/// Runs the command line and returns the process' exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no mistakes. What cannot be printed cannot be reported either.
            let code = if error.use_stderr() { USAGE } else { COMPLETE };
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime could not start: {error}");
            return ExitCode::from(FAILED);
        }
    };
    let ended = runtime.block_on(run(&cli));
    telemetry::finish();
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) if output::nobody_reads(&error) => ExitCode::from(COMPLETE),
        Err(error) => {
            eprintln!("{}", output::told(&error));
            ExitCode::from(FAILED)
        }
    }
}

async fn run(cli: &Cli) -> anyhow::Result<u8> {
    let served = matches!(cli.command, Command::Serve(_) | Command::Handler);
    output::log(if served { "info" } else { "error" });
    let command = carry_out(cli);
    // What is served is traced function by function.
    if served { command.await } else { trace::root(cli.command.name(), command).await }
}

async fn carry_out(cli: &Cli) -> anyhow::Result<u8> {
    match &cli.command {
        Command::Serve(command) => command.run(cli).await,
        Command::Sync(command) => command.run(cli).await,
        Command::Packages(command) => command.run(cli).await,
        Command::Resources(command) => command.run(cli).await,
        Command::Compare(command) => command.run(cli).await,
        Command::Connections(command) => command.run(cli).await,
        Command::Classic(command) => command.run(cli).await,
        Command::Audit(command) => command.run(cli).await,
        Command::Access(command) => command.run(cli).await,
        Command::Roles(command) => command.run(cli).await,
        Command::Runs(command) => command.run(cli).await,
        Command::DeadLetters(command) => command.run(cli).await,
        Command::Status => status::run(cli).await,
        Command::Handler => serve::handler(cli).await,
    }
}
