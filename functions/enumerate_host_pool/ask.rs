//! The gathering: one request for each application group whose resources may not be what they were.

use futures::future::join_all;
use poolwarden_azure::{Inventory, Listing};
use poolwarden_domain::discovery::PoolFacts;
use poolwarden_domain::snapshot::{GroupAnswer, PoolSnapshot};
use poolwarden_domain::{ArmId, Reading, UnknownScope};

/// Asks the groups that may have changed, or were never read, for their resources. What of a list could not be read is
/// neither there nor gone: it joins the pool's unknown scopes.
pub(super) async fn ask(
    inventory: &dyn Inventory,
    facts: &mut PoolFacts,
    changed: Option<&[ArmId]>,
    previous: Option<&PoolSnapshot>,
) -> Vec<GroupAnswer> {
    let asked = facts.groups.iter().map(|group| &group.group).filter(|group| match (changed, previous) {
        (Some(changed), Some(previous)) => changed.contains(&group.id) || previous.resources_of(&group.id).is_none(),
        _ => true,
    });
    let answers = join_all(asked.map(|group| async {
        let known = previous.and_then(|previous| previous.resources_of(&group.id));
        (group.id.clone(), inventory.listing(&group.id, group.kind, known.unwrap_or_default()).await)
    }))
    .await;
    let mut take = |group: &ArmId, listing: Listing| {
        // An item that names itself as something else may be any of the group's.
        let dark = listing.unknown.into_iter().map(|dark| match dark.scope.is_within(group) {
            true => dark,
            false => UnknownScope { scope: group.clone(), ..dark },
        });
        facts.unknown.extend(dark);
        listing.resources
    };
    let mut answer = |(group, answer): (ArmId, Reading<Option<Listing>>)| {
        let answer = answer.map(|listing| listing.map(|listing| take(&group, listing)));
        (group, answer)
    };
    answers.into_iter().map(&mut answer).collect()
}
