//! What two grants make together: R22, R23, R33.

use crate::estate::audit::{
    clean::Clean,
    draft::{Draft, How, Permissions},
    ids,
};

/// The ways to hold something now.
const NOW: [How; 3] = [How::Standing, How::Scheduled, How::Activated];

/// Gives two roles to one principal, or to two groups that one user is in.
/// Answers whom a rule reports.
fn both(draft: &mut Draft, scopes: [&str; 2], roles: [(How, &str); 2], name: &str) -> String {
    let user = draft.member();
    let (first, second, reported) = match draft.dice.below(3) {
        0 => {
            let one = draft.application(name);
            (one.clone(), one.clone(), one)
        }
        1 => {
            let one = draft.group(name, vec![user]);
            (one.clone(), one.clone(), one)
        }
        _ => {
            let (first, second) = (draft.group(name, vec![user.clone()]), draft.group(name, vec![user.clone()]));
            (first, second, user)
        }
    };
    draft.hold(roles[0].0, scopes[0], &first, roles[0].1);
    draft.hold(roles[1].0, scopes[1], &second, roles[1].1);
    reported
}

pub(super) fn identity_and_machine(draft: &mut Draft, _: &Clean) {
    let subscription = draft.any_subscription();
    let (here, there) = (draft.spare_group_in(&subscription), draft.spare_group_in(&subscription));
    let pattern = *draft.dice.pick(&[ids::ASSIGN_IDENTITY, "Microsoft.ManagedIdentity/*/action"]);
    let identities = draft.role("Identity desk", &[&subscription], Permissions::control(&[pattern], &[]));
    let hows = [*draft.dice.pick(&NOW), *draft.dice.pick(&NOW)];
    let roles = [(hows[0], identities.as_str()), (hows[1], ids::MACHINE_CONTRIBUTOR)];
    let reported = both(draft, [&here, &there], roles, "Builders of machines");
    draft.violates("R22", &subscription, Some(&reported), None);
}

pub(super) fn publisher_and_delegate(draft: &mut Draft, _: &Clean) {
    let subscription = draft.any_subscription();
    let (here, there) = (draft.spare_group_in(&subscription), draft.spare_group_in(&subscription));
    let publishes = *draft.dice.pick(&[ids::APPLICATION_GROUP_CONTRIBUTOR, ids::DESKTOP_CONTRIBUTOR, ids::CONTRIBUTOR]);
    let delegates = *draft.dice.pick(&[ids::USER_ACCESS_ADMINISTRATOR, ids::RBAC_ADMINISTRATOR]);
    let hows = [*draft.dice.pick(&NOW), *draft.dice.pick(&NOW)];
    let roles = [(hows[0], publishes), (hows[1], delegates)];
    let reported = both(draft, [&here, &there], roles, "Publishers");
    draft.violates("R33", &subscription, Some(&reported), None);
}

pub(super) fn twice(draft: &mut Draft, _: &Clean) {
    let subscription = draft.any_subscription();
    let below = draft.spare_group_in(&subscription);
    let somebody = if draft.dice.chance(0.5) { draft.member() } else { draft.application("Twice") };
    let group = draft.group("Once more", vec![somebody.clone()]);
    let above = if draft.dice.chance(0.5) { below.clone() } else { subscription };
    draft.hold(How::Standing, &below, &somebody, ids::READER);
    draft.hold(How::Activated, &above, &group, ids::READER);
    draft.grant_violates(&["R23"], &below, &somebody, ids::READER);
}
