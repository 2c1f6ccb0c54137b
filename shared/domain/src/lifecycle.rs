//! What persons do to packages: let them through to more people and back, change what they say, retire and restore
//! them. Plain functions from a package to what it becomes, as [`crate::catalogue`] has them for runs: doing the same
//! again changes nothing, and a refusal says what to do instead.
//!
//! Names of persons are what they say of themselves. The rules keep careful people from mistakes; whoever may write to
//! the store is bound by nothing.

mod edit;
mod promotion;

pub use edit::{Edit, MAX_CATEGORIES, edit};
pub use promotion::{Rule, Rules, Wish, demote, promote};

use crate::assignment::{Assignment, MAX_ASSIGNED, MAX_IDENTITY_CHARS};
use crate::package::{Author, Change, Package, PackageState, Stage};
use crate::plan::PoolIndex;
use jiff::Timestamp;

/// What a person's wish comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Decided {
    /// The document to write, whose newest revision is the person's.
    Write(Box<Package>),
    /// The package is so already.
    Already,
}

/// Why a person's wish is refused, and what would help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is in the recycle bin.
    #[error("it is retired; `packages restore` it first")]
    Retired,
    /// It is not in the recycle bin.
    #[error("it is offered; only retired packages can be purged: `packages retire` it first")]
    Active,
    /// It has not been in the recycle bin for long enough.
    #[error("it was retired at {retired_at}, which is not long enough ago")]
    TooYoung {
        /// When it was retired.
        retired_at: Timestamp,
    },
    /// It is in the last stage.
    #[error("it is in Production, which is the last stage")]
    LastStage,
    /// It is in the first stage.
    #[error("it is in Development, which is the first stage")]
    FirstStage,
    /// The stage is behind it.
    #[error("it is in {stage:?} already; `packages demote --to {to:?}` takes it back")]
    Behind {
        /// Where it is.
        stage: Stage,
        /// Where it should go.
        to: Stage,
    },
    /// The stage is before it.
    #[error("it is in {stage:?}; `packages promote --to {to:?}` takes it there")]
    Ahead {
        /// Where it is.
        stage: Stage,
        /// Where it should go.
        to: Stage,
    },
    /// The rules name others.
    #[error("{who} may not: into {stage:?} it is promoted, and from there demoted, by {}", by.join(", "))]
    NotAllowed {
        /// Who asked.
        who: String,
        /// The stage whose rule it is.
        stage: Stage,
        /// Who may.
        by: Vec<String>,
    },
    /// It has not been in the stage before for long enough.
    #[error("it may go to {stage:?} after {after:#} in {before:?}, that is, at {from} at the earliest")]
    TooSoon {
        /// The stage whose rule it is.
        stage: Stage,
        /// The stage before.
        before: Stage,
        /// How long it has to be there.
        after: jiff::SignedDuration,
        /// From when on it may go.
        from: Timestamp,
    },
    /// It has not been in the stage before at all.
    #[error("it may go to {stage:?} after {after:#} in {before:?}, where it is not yet: promote it there first")]
    Skipped {
        /// The stage whose rule it is.
        stage: Stage,
        /// The stage before.
        before: Stage,
        /// How long it has to be there.
        after: jiff::SignedDuration,
    },
    /// Nobody asked for a promotion.
    #[error("nobody asked for a promotion of it that would wait for approval")]
    NothingRequested,
    /// Somebody asked for another promotion.
    #[error("what waits for approval is its promotion to {requested:?}")]
    OtherRequested {
        /// The promotion that waits.
        requested: Stage,
    },
    /// Who asked cannot approve.
    #[error("{who} asked for it, so somebody else has to approve it")]
    OwnRequest {
        /// Who asked, and would approve.
        who: String,
    },
    /// It follows its source.
    #[error("it follows its source, which says {}; `packages edit --managed false` first", fields.join(", "))]
    Managed {
        /// What would be edited.
        fields: Vec<&'static str>,
    },
    /// A text cannot be taken.
    #[error("{what} {why}")]
    Text {
        /// What the text is for.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody assigned it.
    #[error("{identity} is not assigned to it; what its source says of who may open it is changed there")]
    NotAssigned {
        /// The identity.
        identity: String,
    },
    /// There are too many assignments.
    #[error("{MAX_ASSIGNED} identities are assigned to it, and no more can be: assign a group")]
    TooManyAssigned,
}

/// Lets an identity have a package, or changes how.
pub fn assign(package: &Package, assignment: &Assignment) -> Result<Decided, Refusal> {
    let identity = &assignment.identity;
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if identity.is_empty() || identity.chars().count() > MAX_IDENTITY_CHARS || identity.contains(odd) {
        let why = format!("is no object id or user principal name of at most {MAX_IDENTITY_CHARS} characters");
        return Err(Refusal::Text { what: "the identity", why });
    }
    let known = package.assigned.iter().position(|known| known.is_of(assignment));
    if known.is_some_and(|at| package.assigned[at].says_the_same(assignment)) {
        return Ok(Decided::Already);
    }
    if known.is_none() && package.assigned.len() >= MAX_ASSIGNED {
        return Err(Refusal::TooManyAssigned);
    }
    let mut package = package.clone();
    match known {
        Some(at) => package.assigned[at] = assignment.clone(),
        None => package.assigned.push(assignment.clone()),
    }
    Ok(assigned(package, &assignment.by, assignment.at))
}

/// Takes back what was assigned to an identity, whatever its type.
pub fn unassign(package: &Package, identity: &str, who: &str, now: Timestamp) -> Result<Decided, Refusal> {
    let mut package = package.clone();
    let before = package.assigned.len();
    package.assigned.retain(|known| !known.identity.eq_ignore_ascii_case(identity));
    if package.assigned.len() == before {
        return Err(Refusal::NotAssigned { identity: identity.to_owned() });
    }
    Ok(assigned(package, who, now))
}

fn assigned(mut package: Package, who: &str, now: Timestamp) -> Decided {
    package.revise(Change::Assigned, vec!["assigned".to_owned()], Author::Person(who), now);
    Decided::Write(Box::new(package))
}

/// Puts a package into the recycle bin, where it stays until a person restores it, whatever its source says.
pub fn retire(package: &Package, who: &str, now: Timestamp) -> Decided {
    if package.retired_by.is_some() {
        return Decided::Already;
    }
    let mut package = package.clone();
    package.put_away(Author::Person(who), now);
    Decided::Write(Box::new(package))
}

/// Takes a package out of the recycle bin: the same package, with its history.
pub fn restore(package: &Package, who: &str, now: Timestamp) -> Decided {
    if package.state == PackageState::Active {
        return Decided::Already;
    }
    let mut package = package.clone();
    package.take_back();
    package.revise(Change::Restored, Vec::new(), Author::Person(who), now);
    Decided::Write(Box::new(package))
}

/// Whether a package may be deleted for good: one that was retired before a time, if one is named.
pub fn may_be_purged(package: &Package, before: Option<Timestamp>) -> Result<(), Refusal> {
    if package.state == PackageState::Active {
        return Err(Refusal::Active);
    }
    // Documents of earlier versions do not say when; their last revision does.
    let retired_at = package.retired_at.or_else(|| package.revisions.last().map(|revision| revision.at));
    match (before, retired_at) {
        (Some(before), Some(retired_at)) if retired_at > before => Err(Refusal::TooYoung { retired_at }),
        _ => Ok(()),
    }
}

impl PoolIndex {
    /// Lets go of a package that was purged at a revision. Returns whether anything changed.
    pub fn forget(&mut self, key: &str, revision: u64) -> bool {
        let gone = |index: &Self| {
            let row = index.rows.get(key);
            row.is_some_and(|row| row.state == PackageState::Retired && row.revision <= revision)
        };
        let forgotten = gone(self) && self.rows.remove(key).is_some();
        self.elsewhere.remove(key) || forgotten
    }
}

#[cfg(test)]
mod tests;
