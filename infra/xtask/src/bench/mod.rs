//! `cargo xtask bench`: how fast it is, measured on release builds, against what the same answers cost without it.

mod audit;
mod contestant;
mod feed;
#[cfg(feature = "plain-client")]
mod fetch;
mod floor;
mod host;
mod load;
mod pipeline;
mod plain;
mod stand;
mod start;
mod storage;
mod table;
mod tap;

use anyhow::Result;
use clap::Subcommand;

const ABOUT: &str = "\
The embedded queue has a benchmark of its own: cargo bench --package poolwarden-store

Examples:
  cargo xtask bench pipeline
  cargo xtask bench pipeline --estate dense --runs 9
  cargo xtask bench feed
  cargo xtask bench host
  cargo xtask bench audit";

/// `cargo xtask bench`
#[derive(Debug, Subcommand)]
#[command(after_help = ABOUT)]
pub(crate) enum Bench {
    /// Runs over a simulated estate, from the first request to the finished catalogue
    Pipeline(pipeline::Pipeline),
    /// A feed of 5,000 resources with icons, from sign-in to the finished catalogue
    Feed(feed::Feed),
    /// Poolwarden as a custom handler of the Functions host, beside minimal ones in Node and Python
    Host(host::Host),
    /// The access matrix and the whole audit of a tenant with 100,000 role assignments: time, memory, and how they grow
    Audit(audit::Audit),
    /// Invoke a custom handler for a while (the load of `bench host`)
    #[command(hide = true)]
    Load(load::Load),
    /// Fetch what a recording lists and say how long it took (the pipeline's measure of comparison)
    #[cfg(feature = "plain-client")]
    #[command(hide = true)]
    Fetch(fetch::Fetch),
}

impl Bench {
    pub(crate) async fn run(&self) -> Result<()> {
        match self {
            Self::Pipeline(pipeline) => pipeline.run().await,
            Self::Feed(feed) => feed.run().await,
            Self::Host(host) => host.run().await,
            Self::Audit(audit) => audit.run().await,
            Self::Load(load) => load.run().await,
            #[cfg(feature = "plain-client")]
            Self::Fetch(fetch) => fetch.run().await,
        }
    }
}
