//! What is fuzzed: everything in the domain that reads bytes from outside.
//!
//! `cargo fuzz` runs the functions in [`targets`], and so does the program `bounded`, which needs no nightly compiler:
//! it changes known documents at random for as long as it is told to.

pub mod icons;
pub mod mutation;
pub mod targets;

use poolwarden_domain::tswp::generator;
use std::path::{Path, PathBuf};

/// How many documents are made by each target's generator, to begin with.
const GENERATED: u64 = 50;

/// Something to fuzz.
pub struct Target {
    /// As `cargo fuzz` names it.
    pub name: &'static str,
    /// Panics when what came of the bytes cannot be right.
    pub run: fn(&[u8]),
    /// The folder with documents to begin with, below the domain's.
    pub fixtures: Option<&'static str>,
    /// Makes another document to begin with.
    pub generate: Option<fn(u64) -> Vec<u8>>,
}

/// All of them. One more is one more line here, a function in [`targets`], and a file in `fuzz_targets` with its entry
/// in Cargo.toml.
pub const TARGETS: &[Target] = &[
    Target {
        name: "tswp_resource_collection",
        run: targets::tswp_resource_collection,
        fixtures: Some("fixtures/tswp"),
        generate: Some(|seed| generator::feed(seed).bytes),
    },
    Target { name: "tswp_discovery", run: targets::tswp_discovery, fixtures: Some("fixtures/tswp"), generate: None },
    Target { name: "rdp", run: targets::rdp, fixtures: Some("fixtures/rdp"), generate: None },
    Target { name: "icon", run: targets::icon, fixtures: None, generate: Some(icons::icon) },
];

impl Target {
    /// What to begin with: the fixtures in the order of their names, and what the generator makes.
    pub fn documents(&self) -> Vec<Vec<u8>> {
        let files = self.fixtures.map(files).unwrap_or_default();
        let read = files.iter().map(|file| std::fs::read(file).expect("a readable file"));
        let made = self.generate.into_iter().flat_map(|generate| (0..GENERATED).map(generate));
        read.chain(made).collect()
    }
}

fn files(fixtures: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(fixtures);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a readable folder").path()).collect();
    files.sort();
    files
}
