//! What an audit of a generated tenant costs, at a few per cent of the full size: sorting the facts, the access matrix,
//! and the whole audit. `cargo xtask bench audit` measures the full size.

use divan::Bencher;
use poolwarden_domain::access::{World, generator};
use poolwarden_domain::audit::{AuditPolicy, Family, audit};

/// The tenant that is measured.
const SEED: u64 = 5;
/// The sizes, in per cent of the full one.
const PERCENTS: [u32; 2] = [1, 5];

fn main() {
    divan::main();
}

#[divan::bench(args = PERCENTS)]
fn world_and_matrix(bencher: Bencher<'_, '_>, percent: u32) {
    let facts = generator::large(SEED, f64::from(percent) / 100.0);
    let (actions, scopes) = (generator::actions(), generator::resource_scopes(&facts));
    bencher.bench(|| {
        let world = World::new(divan::black_box(&facts));
        world.matrix(&actions, &scopes).rows().map(|row| row.holders.len()).sum::<usize>()
    });
}

#[divan::bench(args = PERCENTS, sample_count = 10)]
fn whole_audit(bencher: Bencher<'_, '_>, percent: u32) {
    let facts = generator::large(SEED, f64::from(percent) / 100.0);
    let policy = AuditPolicy::default();
    bencher.bench(|| audit("generated", divan::black_box(&facts), &policy, &[Family::Rbac], facts.read_at));
}
