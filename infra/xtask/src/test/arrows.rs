//! Which crate of the workspace may use which, and which crates the domain may not use at all. `cargo tree` is the
//! witness: it knows what is really compiled in.

use super::steps::Tally;
use crate::cargo;
use anyhow::Result;
use std::collections::BTreeSet;

/// What belongs to the workspace.
const OURS: [&str; 8] = [
    "functions-host",
    "poolwarden",
    "poolwarden-azure",
    "poolwarden-domain",
    "poolwarden-host",
    "poolwarden-store",
    "simulator",
    "xtask",
];

/// Input, output and clocks: what makes a crate impure.
const IMPURE: [&str; 7] = ["axum", "hyper", "mio", "reqwest", "rusqlite", "socket2", "tokio"];

/// A crate, what of ours it may use, and what it may not use whoever brings it.
struct Arrow {
    of: &'static str,
    to: &'static [&'static str],
    never: &'static [&'static str],
}

const ARROWS: [Arrow; 7] = [
    Arrow { of: "poolwarden-domain", to: &[], never: &IMPURE },
    Arrow { of: "poolwarden-store", to: &[], never: &["axum", "reqwest"] },
    Arrow { of: "poolwarden-azure", to: &["poolwarden-domain", "poolwarden-store"], never: &["axum", "rusqlite"] },
    Arrow { of: "poolwarden-host", to: &["poolwarden-store"], never: &["reqwest"] },
    Arrow { of: "functions-host", to: &[], never: &["axum", "rusqlite"] },
    Arrow { of: "simulator", to: &[], never: &["reqwest", "rusqlite"] },
    // It measures the evaluation of access by itself.
    Arrow { of: "xtask", to: &["functions-host", "poolwarden-domain"], never: &["axum", "rusqlite"] },
];

/// Checks every arrow.
pub(super) async fn check() -> Result<Tally> {
    let mut tally = Tally::default();
    for Arrow { of, to, never } in &ARROWS {
        let used = used_by(of).await?;
        let ours: Vec<&str> = OURS.into_iter().filter(|name| name != of && used.contains(*name)).collect();
        let stray =
            ours.iter().filter(|name| !to.contains(name)).chain(never.iter().filter(|name| used.contains(**name)));
        let stray: Vec<&str> = stray.copied().collect();
        let list = |names: &[&str]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        if stray.is_empty() {
            println!("{of}: of ours {}; of all {} crates none of {}", list(&ours), used.len(), list(never));
            tally += Tally::ONE;
        } else {
            println!(
                "{of} must not use {}; `cargo tree -p {of} -e normal,build -i {}` shows the way",
                list(&stray),
                stray[0]
            );
            tally += Tally { passed: 0, failed: 1 };
        }
    }
    Ok(tally)
}

/// The names of all crates that are compiled into a crate or into its build, tests left aside.
async fn used_by(package: &str) -> Result<BTreeSet<String>> {
    let arguments = ["tree", "--package", package, "--edges", "normal,build", "--all-features", "--target", "all"];
    let tree = cargo::output(&[&arguments[..], &["--prefix", "none", "--format", "{p}"]].concat()).await?;
    let names = tree.lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty());
    Ok(names.filter(|name| *name != package).map(str::to_owned).collect())
}
