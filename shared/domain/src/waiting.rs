//! What a connection that checks only would change, kept until a person has it applied.

use crate::package::Change;
use crate::plan::{PoolIndex, PoolPlan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A change that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// The package's name.
    pub display_name: String,
    /// The package.
    pub key: String,
    /// What would happen to it.
    pub change: Change,
}

/// Takes out of a plan all that would change the catalogue, and says what that was. What it found missing stays: that is
/// how the next look knows.
pub fn withhold(plan: &mut PoolPlan, index: &PoolIndex) -> Vec<Waiting> {
    let entries = std::mem::take(&mut plan.entries).into_iter();
    let mut waiting: Vec<Waiting> = entries
        .map(|entry| Waiting { key: entry.key, display_name: entry.content.display_name, change: entry.change })
        .collect();
    plan.unchanged += waiting.iter().filter(|waiting| waiting.change == Change::Updated).count();
    let retire = std::mem::take(&mut plan.retire).into_iter();
    waiting.extend(retire.map(|key| Waiting {
        display_name: index.rows.get(&key).map_or_else(String::new, |row| row.display_name.clone()),
        key,
        change: Change::Retired,
    }));
    waiting
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Entry;
    use crate::testing::{content, pool_id};

    #[test]
    fn what_is_withheld_is_named_and_not_in_the_plan() {
        let index = PoolIndex::new(pool_id("hp"), "hp".to_owned());
        let entry = |key: &str, change| Entry {
            key: key.to_owned(),
            change,
            content: content(key),
            defaults: crate::plan::Defaults::default(),
        };
        let mut plan = PoolPlan {
            entries: vec![entry("new", Change::Created), entry("old", Change::Updated)],
            missing: vec!["missed".to_owned()],
            retire: vec!["gone".to_owned()],
            ..PoolPlan::default()
        };
        let waiting = withhold(&mut plan, &index);
        let what: Vec<_> = waiting.iter().map(|waiting| (waiting.key.as_str(), waiting.change)).collect();
        assert_eq!(what, [("new", Change::Created), ("old", Change::Updated), ("gone", Change::Retired)]);
        assert_eq!((plan.entries.len(), plan.retire.len(), plan.unchanged, plan.missing.len()), (0, 0, 1, 1));
    }
}
