//! Takes the desktop of a pool from users, and leaves them its RemoteApps.

use super::super::grants::MAX_LISTED;
use super::Sides;
use crate::audit::fix::{leave_group, remove};
use crate::audit::{Audit, Fix};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What takes the desktop from users. Many are in the same groups: what these are in is looked up once.
#[derive(Default)]
pub(super) struct Parting {
    above: HashMap<String, BTreeSet<String>>,
}

impl Parting {
    /// The steps for one user, with the ways up to the groups that they are in; none where a grant gives more than the
    /// desktop, or one group gives both sides, so that a step would take other things too, and where there are too many.
    pub(super) fn steps(
        &mut self,
        audit: &Audit<'_>,
        sides: &Sides<'_>,
        user: &str,
        ways: &BTreeMap<String, Vec<String>>,
    ) -> Option<Vec<Fix>> {
        let gives_remote_apps = |group: &String| sides.remote_apps.contains_key(group.as_str());
        // The shortest way to a group is of two only if somebody is in it directly.
        let direct: Vec<&String> = ways.values().filter(|way| way.len() == 2).map(|way| &way[1]).collect();
        let (mut steps, mut leaving) = (Vec::new(), BTreeSet::<&String>::new());
        for (principal, grants) in sides.desktop.iter().filter(|(principal, _)| ways.contains_key(**principal)) {
            // What is granted above the application group may open others too, of this pool or of another one.
            if grants.iter().any(|grant| grant.scope.segment("applicationGroups").is_none()) {
                return None;
            }
            // Whoever is in a group that has both loses the desktop with its assignment, and keeps the RemoteApps.
            if *principal == user || self.above(audit, principal).iter().any(gives_remote_apps) {
                steps.extend(grants.iter().map(|grant| remove(grant)));
            } else {
                leaving.extend(direct.iter().copied().filter(|group| self.above(audit, group).contains(*principal)));
            }
        }
        let mut kept = direct.iter().filter(|group| !leaving.contains(**group));
        let keeps = sides.remote_apps.contains_key(user)
            || kept.any(|group| self.above(audit, group).iter().any(gives_remote_apps));
        steps.extend(leaving.into_iter().map(|group| leave_group(group, user)));
        (keeps && steps.len() <= MAX_LISTED).then_some(steps)
    }

    /// A principal and every group that it is in.
    fn above(&mut self, audit: &Audit<'_>, principal: &str) -> &BTreeSet<String> {
        let all = || audit.world.ways_up(principal).into_keys().collect();
        self.above.entry(principal.to_owned()).or_insert_with(all)
    }
}
