//! Who is entitled to both sides of a pool, for many pools, groups and users.

use super::super::helpers::users_of;
use super::{Holders, Sides};
use crate::audit::Audit;
use std::collections::{BTreeSet, HashMap};

/// The users of principals, as numbers: each principal is gone through once, however many pools it is entitled to, and
/// a pool costs as many steps as it has users.
#[derive(Default)]
pub(super) struct Users<'a> {
    numbers: HashMap<String, usize>,
    names: Vec<String>,
    known: HashMap<&'a str, Known>,
    /// The last pool, counted from one, whose desktop each user has.
    has_desktop: Vec<usize>,
    pools: usize,
}

struct Known {
    users: Vec<usize>,
    opaque: BTreeSet<String>,
}

impl<'a> Users<'a> {
    fn learn(&mut self, audit: &Audit<'_>, holders: &Holders<'a>) {
        for (principal, grants) in holders {
            let Some(grant) = grants.first().filter(|_| !self.known.contains_key(principal)) else { continue };
            let found = users_of(audit, grant);
            let users = found.ids.into_iter().map(|id| self.number(id)).collect();
            self.known.insert(principal, Known { users, opaque: found.opaque });
        }
    }

    fn number(&mut self, user: String) -> usize {
        *self.numbers.entry(user).or_insert_with_key(|user| {
            self.names.push(user.clone());
            self.has_desktop.push(0);
            self.names.len() - 1
        })
    }

    /// The users who are on both sides, sorted.
    pub(super) fn on_both(&mut self, audit: &Audit<'_>, sides: &Sides<'a>) -> Vec<String> {
        self.learn(audit, &sides.desktop);
        self.learn(audit, &sides.remote_apps);
        self.pools += 1;
        for user in sides.desktop.keys().flat_map(|principal| &self.known[principal].users) {
            self.has_desktop[*user] = self.pools;
        }
        let remote = sides.remote_apps.keys().flat_map(|principal| &self.known[principal].users);
        let both: BTreeSet<&str> = remote
            .filter(|user| self.has_desktop[**user] == self.pools)
            .map(|user| self.names[*user].as_str())
            .collect();
        both.into_iter().map(str::to_owned).collect()
    }

    /// What could not be seen of a principal, once it is known.
    pub(super) fn unseen(&self, principal: &str) -> impl Iterator<Item = &String> {
        self.known.get(principal).into_iter().flat_map(|known| &known.opaque)
    }
}
