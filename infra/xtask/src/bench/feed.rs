//! `cargo xtask bench feed`: whole runs over one account's feed, in turn with a client that only downloads the same bytes.

use super::plain::{self, CONNECTIONS};
use super::stand::{self, Cost, Reads, median};
use super::table::Table;
use crate::cargo::{self, Programs, fresh_folder};
use crate::simulator::Simulator;
use anyhow::{Result, ensure};
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
        let (requests, _) = plain::record(programs, Reads::Feed, &azure).await?;
        let recording = plain::write(folder, &requests)?;
        let (mut firsts, mut seconds, mut downloads, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for number in 1..=self.runs {
            let poolwarden = stand::install(programs, Reads::Feed, &azure.url, &azure.url)?;
            let first = stand::run(&poolwarden).await?;
            let second = stand::run(&poolwarden).await?;
            ensure!(second.changed == 0, "a second run changed {} packages", second.changed);
            let (download, read) = plain::fetch(programs, Reads::Feed, &azure, &recording).await?;
            bytes = read;
            println!(
                "{number}/{}: first run {:.3} s, second run {:.3} s, plain client {download:.3} s",
                self.runs, first.seconds, second.seconds
            );
            firsts.push(first);
            seconds.push(second);
            downloads.push(download);
        }
        azure.stop().await?;

        let time = |costs: &[Cost]| median(costs.iter().map(|cost| cost.seconds));
        let peak = |costs: &[Cost]| costs.iter().map(|cost| cost.peak_rss_mib).fold(0.0, f64::max);
        let (first, second, plain) = (time(&firsts), time(&seconds), median(downloads));
        let away = if rtt_ms == 0 { String::new() } else { format!(", {rtt_ms} ms away") };
        let estate = &self.estate;
        table.row(
            format!("`{estate}`{away}: first run ({} packages)", firsts[0].changed),
            format!("{first:.2} s, {} requests, peak {:.0} MiB", firsts[0].requests, peak(&firsts)),
        );
        table.row(
            format!("`{estate}`{away}: second run, nothing changed"),
            format!("{second:.2} s, {} requests, peak {:.0} MiB", seconds[0].requests, peak(&seconds)),
        );
        table.row(
            format!(
                "`{estate}`{away}: a plain client, {CONNECTIONS} connections, downloading the same and dropping it"
            ),
            format!("{plain:.2} s, {} requests, {:.1} MB", requests.len(), bytes as f64 / 1e6),
        );
        table.row(
            format!("`{estate}`{away}: first run ÷ plain client (the aim is 1.5)"),
            format!("{:.2}", first / plain),
        );
        Ok(())
    }
}
