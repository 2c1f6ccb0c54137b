//! The part of a connection that says who gets its packages, and what it takes to let them through to more people.

use super::entry::{Entry, Judged, wrong};
use super::reader::Table;
use super::values;
use jiff::SignedDuration;
use poolwarden_domain::assignment::{IconPlace, Offer, Publish};
use poolwarden_domain::lifecycle::{Rule, Rules};
use poolwarden_domain::package::Stage;
use std::time::Duration;

/// The stages that a package can be promoted into.
const INTO: [(&str, Stage); 3] =
    [("test", Stage::Test), ("acceptance", Stage::Acceptance), ("production", Stage::Production)];

const PUBLISH: [(&str, Publish); 4] = [
    ("hidden", Publish::Hidden),
    ("catalog", Publish::Catalog),
    ("workspace", Publish::Workspace),
    ("forced", Publish::Forced),
];

const ICONS: [(&str, IconPlace); 2] = [("desktop", IconPlace::Desktop), ("start_menu", IconPlace::StartMenu)];

/// Takes the rules of promotion out of a connection. Without them everybody may, at once.
pub(super) fn rules(table: &mut Table<'_>) -> Rules {
    let mut rules = Rules::default();
    let entry = table.take("promotion");
    let Some(mut stages) = entry.and_then(|entry| entry.table("[connection.promotion]")) else { return rules };
    for (name, stage) in INTO {
        let rule = stages.take(name).and_then(|entry| rule(&entry, name));
        rules.0.extend(rule.map(|rule| (stage, rule)));
    }
    stages.finish();
    rules
}

fn rule(entry: &Entry<'_>, name: &str) -> Option<Rule> {
    let mut table = entry.table(&format!("[connection.promotion.{name}]"))?;
    let by = table.take("by").map(Entry::list).unwrap_or_default().into_iter();
    let by = by.filter_map(|entry| entry.parsed(pattern)).collect();
    let after = table.take("after").and_then(|entry| entry.parsed(|text| values::duration(text, Duration::ZERO)));
    let approval = table.take("approval").and_then(|entry| entry.truth());
    table.finish();
    let after = after.map(|after| SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX));
    Some(Rule { by, after: after.unwrap_or_default(), approval: approval.unwrap_or_default() })
}

fn pattern(text: &str) -> Judged<String> {
    if text.trim().is_empty() {
        return wrong("is empty and matches nobody", "write a name, such as \"ops@*\"; * stands for any characters");
    }
    Ok(text.to_owned())
}

/// Takes what those get whom the source entitles.
pub(super) fn offer(table: &mut Table<'_>) -> Offer {
    let publish = table.take("publish").and_then(|entry| entry.choice(&PUBLISH)).unwrap_or_default();
    let icons = table.take("icons").map(Entry::list).unwrap_or_default().into_iter();
    Offer { publish, icons: icons.filter_map(|entry| entry.choice(&ICONS)).collect() }
}
