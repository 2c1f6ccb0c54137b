//! An estate for audits: clean as the rules mean it, with planted violations,
//! and the list of all that is wrong with it. What each rule means is decided
//! here anew from its description: nothing of the code under test is used.

mod clean;
mod draft;
mod ids;
mod people;
mod plants;
mod pour;
mod record;
mod witness;

use serde_json::{Value, json};

pub use record::Violation;

use super::{
    bodies::REGISTRATION_SECRET_PREFIX,
    change,
    model::Estate,
    spec::{AuditSpec, Planted},
};
use draft::Draft;

/// When planted registration tokens end.
pub(super) const ALIVE_UNTIL: &str = "2031-05-06T07:08:09.1234567Z";

/// The registration of a pool, alive for years.
fn live_token(pool: &str) -> Value {
    json!({
        "expirationTime": ALIVE_UNTIL,
        "token": format!("{REGISTRATION_SECRET_PREFIX}{:016x}", crate::dice::hash(1, pool)),
        "registrationTokenOperation": "None",
    })
}

/// Whether a rule can be planted.
pub(super) fn is_plantable(rule: &str) -> bool {
    plants::rules().any(|known| known == rule)
}

/// Gives an estate its access, its directory and its other resources, all
/// clean but for what is planted.
pub(super) fn grow(estate: Estate, spec: &AuditSpec, seed: u64) -> Estate {
    pour::pour(finished(estate, spec, seed))
}

fn finished(estate: Estate, spec: &AuditSpec, seed: u64) -> Draft {
    let mut draft = Draft::new(estate, seed);
    let clean = clean::grow(&mut draft);
    let wanted = |rule: &str| match &spec.plant {
        Planted::Nothing => false,
        Planted::All => true,
        Planted::Rules(rules) => rules.iter().any(|one| one == rule),
    };
    plants::plant(&mut draft, &clean, &wanted, spec.copies);
    change::relink(&mut draft.estate);
    draft.dice = draft.dice_of("pour");
    witness::record(&mut draft);
    draft
}

#[cfg(test)]
mod tests;
