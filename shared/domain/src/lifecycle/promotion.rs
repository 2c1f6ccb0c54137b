//! Stages: who may let a package through to more people, after how long, and with whose approval.

use super::{Decided, Refusal};
use crate::package::{Author, Change, Package, PackageState, Promotion, Stage};
use crate::wildcard;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The way of a package.
const WAY: [Stage; 4] = [Stage::Development, Stage::Test, Stage::Acceptance, Stage::Production];

/// What it takes to be promoted into a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// Patterns of the names of those who may; empty for anybody.
    pub by: Vec<String>,
    /// How long a package has to be in the stage before.
    pub after: SignedDuration,
    /// Whether somebody else than who asks has to approve.
    pub approval: bool,
}

impl Rule {
    fn allows(&self, who: &str) -> bool {
        self.by.is_empty() || self.by.iter().any(|pattern| wildcard::matches(pattern, who))
    }
}

/// The rules of a connection, by the stage into which they let packages. A stage without one is open to all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules(pub BTreeMap<Stage, Rule>);

/// What a person wants of a package's stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish<'a> {
    /// The stage to go to; one step, if none is named.
    pub to: Option<Stage>,
    /// Who wants it.
    pub who: &'a str,
    /// When.
    pub now: Timestamp,
}

/// Promotes a package, or records the request where the rules want an approval; approves such a request, if that is
/// what is wanted. To skip a stage takes what its rule takes.
pub fn promote(package: &Package, wish: Wish<'_>, approve: bool, rules: &Rules) -> Result<Decided, Refusal> {
    if package.state == PackageState::Retired {
        return Err(Refusal::Retired);
    }
    let stage = package.stage;
    if wish.to == Some(stage) {
        return Ok(Decided::Already);
    }
    let to = match (wish.to, &package.requested) {
        (to, Some(requested)) if approve => {
            if to.is_some_and(|to| to != requested.to) {
                return Err(Refusal::OtherRequested { requested: requested.to });
            }
            if requested.by.eq_ignore_ascii_case(wish.who) {
                return Err(Refusal::OwnRequest { who: wish.who.to_owned() });
            }
            requested.to
        }
        (_, None) if approve => return Err(Refusal::NothingRequested),
        (Some(to), _) => to,
        (None, _) => WAY.into_iter().find(|next| *next > stage).ok_or(Refusal::LastStage)?,
    };
    if to < stage {
        return Err(Refusal::Behind { stage, to });
    }
    let needs_approval = check(package, to, wish, rules)?;
    if !needs_approval || approve {
        return Ok(moved(package, to, Change::Promoted, wish));
    }
    if package.requested.as_ref().is_some_and(|requested| requested.to == to) {
        return Ok(Decided::Already);
    }
    let mut package = package.clone();
    package.requested = Some(Promotion { to, by: wish.who.to_owned(), at: wish.now });
    package.revise(Change::Requested, vec!["requested".to_owned()], Author::Person(wish.who), wish.now);
    Ok(Decided::Write(Box::new(package)))
}

/// Takes a package back, at once. Whoever may promote into the stage where it is may do that.
pub fn demote(package: &Package, wish: Wish<'_>, rules: &Rules) -> Result<Decided, Refusal> {
    if package.state == PackageState::Retired {
        return Err(Refusal::Retired);
    }
    let stage = package.stage;
    let to = match wish.to {
        Some(to) if to == stage => return Ok(Decided::Already),
        Some(to) if to > stage => return Err(Refusal::Ahead { stage, to }),
        Some(to) => to,
        None => WAY.into_iter().rev().find(|before| *before < stage).ok_or(Refusal::FirstStage)?,
    };
    if let Some(rule) = rules.0.get(&stage).filter(|rule| !rule.allows(wish.who)) {
        return Err(Refusal::NotAllowed { who: wish.who.to_owned(), stage, by: rule.by.clone() });
    }
    Ok(moved(package, to, Change::Demoted, wish))
}

/// Holds a promotion against the rule of every stage on the way. Returns whether it needs an approval.
fn check(package: &Package, to: Stage, wish: Wish<'_>, rules: &Rules) -> Result<bool, Refusal> {
    let mut needs_approval = false;
    let steps = WAY.windows(2).map(|step| (step[0], step[1]));
    for (before, stage) in steps.filter(|(_, stage)| *stage > package.stage && *stage <= to) {
        let Some(rule) = rules.0.get(&stage) else { continue };
        if !rule.allows(wish.who) {
            return Err(Refusal::NotAllowed { who: wish.who.to_owned(), stage, by: rule.by.clone() });
        }
        if before != package.stage && rule.after.is_positive() {
            return Err(Refusal::Skipped { stage, before, after: rule.after });
        }
        // A time beyond the end of time never comes.
        let from = since(package).checked_add(rule.after).unwrap_or(Timestamp::MAX);
        if before == package.stage && wish.now < from {
            return Err(Refusal::TooSoon { stage, before, after: rule.after, from });
        }
        needs_approval |= rule.approval;
    }
    Ok(needs_approval)
}

/// Since when a package is in its stage. Documents of earlier versions do not say: their first revision is as good.
fn since(package: &Package) -> Timestamp {
    let first = package.revisions.first().map(|revision| revision.at);
    package.stage_since.or(first).unwrap_or(package.observed_at)
}

fn moved(package: &Package, to: Stage, change: Change, wish: Wish<'_>) -> Decided {
    let mut package = package.clone();
    package.stage = to;
    package.stage_since = Some(wish.now);
    package.requested = None;
    package.revise(change, vec!["stage".to_owned()], Author::Person(wish.who), wish.now);
    Decided::Write(Box::new(package))
}
