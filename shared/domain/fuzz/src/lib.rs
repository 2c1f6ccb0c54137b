//! What is fuzzed: everything in the domain that reads bytes from outside.
//!
//! `cargo fuzz` runs the functions in [`targets`], and so does the program `bounded`, which needs no nightly compiler:
//! it changes known documents at random for as long as it is told to.

pub mod mutation;
pub mod targets;

use poolwarden_domain::tswp::generator;

/// Something to fuzz.
pub struct Target {
    /// As `cargo fuzz` names it.
    pub name: &'static str,
    /// Panics when what came of the bytes cannot be right.
    pub run: fn(&[u8]),
    /// The folder with documents to begin with, below the domain's.
    pub fixtures: &'static str,
    /// Makes another document to begin with.
    pub generate: fn(u64) -> Vec<u8>,
}

/// All of them. One more is one more line here, a function in [`targets`] and a file in `fuzz_targets`.
pub const TARGETS: &[Target] = &[
    Target {
        name: "tswp_resource_collection",
        run: targets::tswp_resource_collection,
        fixtures: "fixtures/tswp",
        generate: |seed| generator::feed(seed).bytes,
    },
    Target {
        name: "tswp_discovery",
        run: targets::tswp_discovery,
        fixtures: "fixtures/tswp",
        generate: |_| include_bytes!("../../fixtures/tswp/discovery.xml").to_vec(),
    },
];
