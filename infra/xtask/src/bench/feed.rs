//! `cargo xtask bench feed`: whole runs over one account's feed, in turn with a client that only downloads the same bytes.

use super::plain;
use super::stand::Reads;
use super::table::Table;
use crate::cargo::{self, Programs, fresh_folder};
use crate::simulator::Simulator;
use anyhow::Result;
use clap::Args;
use std::path::Path;

/// The distance of the second measurement, in milliseconds.
const RTT_MS: u32 = 20;

const ABOUT: &str = "\
It builds release binaries, and measures with the simulator in a process of its own on the same machine: a whole first run
into an empty store (discovery, the feed, every icon and .rdp file), in turn with a plain client that downloads the same
bytes over 32 connections and drops them; a second run; and both again 20 ms away.
The result is a table in Markdown, of medians.

Examples:
  cargo xtask bench feed
  cargo xtask bench feed --estate small --runs 3";

/// `cargo xtask bench feed`
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub(crate) struct Feed {
    /// feed5000, small, large, or the path of an estate file
    #[arg(long, default_value = "feed5000")]
    estate: String,
    /// How often each is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

impl Feed {
    pub(super) async fn run(&self) -> Result<()> {
        let packages = ["--package", "poolwarden", "--package", "simulator", "--package", "xtask"];
        cargo::run(&[&["build", "--release", "--features", "xtask/plain-client"], &packages[..]].concat()).await?;
        let programs = Programs::of("release");
        let folder = fresh_folder("bench")?;
        let mut table = Table::default();
        self.compare(&programs, &folder, 0, &mut table).await?;
        self.compare(&programs, &folder, RTT_MS, &mut table).await?;
        println!("\n{table}");
        Ok(())
    }

    /// Runs and plain downloads in turn, over one simulator at this distance.
    async fn compare(&self, programs: &Programs, folder: &Path, rtt_ms: u32, table: &mut Table) -> Result<()> {
        let azure = Simulator::start(programs, folder, &self.estate, &["--rtt-ms", &rtt_ms.to_string()]).await?;
        let compared = plain::compare(programs, Reads::Feed, &azure, folder, self.runs).await?;
        azure.stop().await?;
        let away = if rtt_ms == 0 { String::new() } else { format!(", {rtt_ms} ms away") };
        compared.rows(&format!("`{}`{away}", self.estate), " (the aim is 1.5)", table);
        Ok(())
    }
}
