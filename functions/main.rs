//! The one binary: command line, embedded host and custom handler.

fn main() -> std::process::ExitCode {
    poolwarden::commands::main()
}
