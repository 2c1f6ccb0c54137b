//! Users who get the desktop of a host pool and its RemoteApps too.

mod parting;
mod users;

use super::grants::{ByScope, MAX_LISTED};
use super::helpers::{evidence_of, name_of, note_opaque, through_groups};
use crate::ArmId;
use crate::access::{Effective, Facet};
use crate::audit::{Audit, Evidence, Family, Fix, Outcome, Rule, Severity, Violation};
use parting::Parting;
use std::collections::{BTreeMap, HashMap};
use users::Users;

pub(super) const RULE: Rule = Rule {
    id: "R28",
    family: Family::Rbac,
    title: "Users have the desktop and RemoteApps of one host pool",
    severity: Severity::Medium,
    rationale: "Both show up for them, and a second session on another host of the pool fights with the first for the \
                profile. Azure Virtual Desktop advises to give a user one of the two.",
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/preferred-application-group-type",
        "https://learn.microsoft.com/azure/virtual-desktop/manage-app-groups",
    ],
    needs: &[
        Facet::RoleAssignments,
        Facet::RoleDefinitions,
        Facet::PimActive,
        Facet::GroupMembers,
        Facet::DesktopVirtualization,
        Facet::ManagementGroups,
    ],
    check,
};

/// The active grants of each principal that holds one, those at the narrowest scope first.
type Holders<'a> = BTreeMap<&'a str, Vec<&'a Effective<'a>>>;

/// Who holds what of a pool.
#[derive(Default)]
struct Sides<'a> {
    desktop: Holders<'a>,
    remote_apps: Holders<'a>,
}

fn check(audit: &Audit<'_>) -> Outcome {
    let (mut outcome, mut users, mut parting) = (Outcome::default(), Users::default(), Parting::default());
    let pools = sides_by_pool(audit);
    for pool in audit.host_pools() {
        let Some(sides) = pools.get(&pool.id) else { continue };
        if sides.desktop.is_empty() || sides.remote_apps.is_empty() {
            continue;
        }
        let both = users.on_both(audit, sides);
        if !both.is_empty() {
            outcome.violations.push(violation(audit, &mut parting, &pool.id, sides, &both));
            continue;
        }
        for principal in sides.desktop.keys().chain(sides.remote_apps.keys()) {
            note_opaque(&mut outcome, audit, users.unseen(principal));
        }
    }
    outcome
}

fn sides_by_pool<'a>(audit: &Audit<'a>) -> HashMap<ArmId, Sides<'a>> {
    let entitling = ByScope::entitling_now(audit);
    let mut pools: HashMap<ArmId, Sides<'a>> = HashMap::new();
    for group in audit.application_groups() {
        let Some(pool) = group.reference("hostPoolArmPath") else { continue };
        let sides = pools.entry(pool).or_default();
        let side = match group.text("applicationGroupType") {
            Some(kind) if kind.eq_ignore_ascii_case("Desktop") => &mut sides.desktop,
            Some(kind) if kind.eq_ignore_ascii_case("RemoteApp") => &mut sides.remote_apps,
            _ => continue,
        };
        for grant in entitling.on(audit, &group.id) {
            let held = side.entry(&grant.principal.id).or_default();
            if held.iter().all(|one| one.id != grant.id) {
                held.push(grant);
            }
        }
    }
    pools
}

fn violation(audit: &Audit<'_>, parting: &mut Parting, pool: &ArmId, sides: &Sides<'_>, users: &[String]) -> Violation {
    let mut evidence = vec![Evidence::new("users with both", users.len().to_string())];
    let mut fixes = Vec::new();
    for user in users.iter().take(MAX_LISTED) {
        evidence.push(Evidence::new("user", format!("{} ({user})", name_of(audit, user))));
        let ways = audit.world.ways_up(user);
        for (what, holders) in [("desktop", &sides.desktop), ("RemoteApps", &sides.remote_apps)] {
            let Some((grant, way)) = nearest(holders, &ways) else { continue };
            evidence.extend(evidence_of(grant).into_iter().take(1).map(|one| Evidence::new(what, one.value)));
            if way.len() > 1 {
                evidence.push(through_groups(audit, way));
            }
        }
        fixes.extend(parting.steps(audit, sides, user, &ways).into_iter().flatten());
    }
    let who = match users {
        [user] => format!("{} has", name_of(audit, user)),
        [first, ..] => format!("{} and {} more have", name_of(audit, first), users.len() - 1),
        [] => "Nobody has".to_owned(),
    };
    Violation {
        scope: pool.clone(),
        principal: None,
        subject: None,
        severity: None,
        message: format!("{who} the desktop of host pool {} and RemoteApps of it", pool.name()),
        evidence,
        fix: in_turn(pool, &fixes),
    }
}

/// The grant that reaches a user through the fewest groups, with the way up to it.
fn nearest<'a, 'b>(
    holders: &Holders<'a>,
    ways: &'b BTreeMap<String, Vec<String>>,
) -> Option<(&'a Effective<'a>, &'b Vec<String>)> {
    let reaching = holders.iter().filter_map(|(principal, grants)| Some((*grants.first()?, ways.get(*principal)?)));
    reaching.min_by_key(|(_, way)| way.len())
}

/// What takes the desktop from these users, each step once.
fn in_turn(pool: &ArmId, fixes: &[Fix]) -> Fix {
    let lines = |command: fn(&Fix) -> Option<&str>| {
        let mut lines: Vec<&str> = Vec::new();
        for line in fixes.iter().filter_map(command) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    };
    Fix {
        az: lines(|fix| fix.az.as_deref()),
        powershell: lines(|fix| fix.powershell.as_deref()),
        portal: format!(
            "{pool} > Application groups: for each user, leave either the desktop's assignments or the RemoteApps'. \
             Commands take the desktop from users that the evidence names and leave them the RemoteApps; who leaves a \
             group loses whatever else it gives. There are none for users to whom an assignment above the application \
             group gives the desktop, or one group gives both: these have to be parted first"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin::{self, DESKTOP_VIRTUALIZATION_USER as USER};
    use crate::audit::context::{APPLICATION_GROUPS, HOST_POOLS};
    use crate::audit::testing::{Estate, POOL, RG, S1};
    use serde_json::json;

    fn group(name: &str) -> String {
        format!("{RG}/providers/Microsoft.DesktopVirtualization/applicationGroups/{name}")
    }

    fn application_group(estate: Estate, name: &str, kind: &str, pool: &str) -> Estate {
        let properties = json!({ "hostPoolArmPath": pool, "applicationGroupType": kind });
        estate.resource(&group(name), APPLICATION_GROUPS, properties)
    }

    fn estate() -> Estate {
        let estate = Estate::bare().resource(POOL, HOST_POOLS, json!({})).user("ann").user("bob");
        let estate = application_group(estate, "desktop", "Desktop", POOL);
        application_group(estate, "apps", "RemoteApp", &POOL.to_uppercase())
    }

    #[test]
    fn a_user_who_has_both_is_found_through_whatever_groups_and_scopes() {
        let line = [format!("{POOL} - -")];
        let direct = estate().assign("ann", USER, &group("desktop")).assign("ann", USER, &group("apps"));
        assert_eq!(direct.found(&RULE), line);
        assert_eq!(estate().assign("ann", USER, S1).found(&RULE), line);
        let through = estate()
            .group("inner", &["ann"])
            .group("outer", &["inner", "bob"])
            .assign("outer", USER, &group("desktop"))
            .activated("ann", USER, &group("apps"));
        assert_eq!(through.found(&RULE), line);
        let violation = through.check(&RULE).violations.remove(0);
        let values: Vec<&str> = violation.evidence.iter().map(|one| one.value.as_str()).collect();
        assert_eq!(values[..2], ["1", "User ann (ann)"]);
        assert!(values.contains(&"User ann (ann) > Group inner (inner) > Group outer (outer)"), "{values:?}");
        assert_eq!(violation.fix.az.as_deref(), Some("az ad group member remove --group 'inner' --member-id 'ann'"));
    }

    #[test]
    fn the_fix_takes_the_desktop_and_never_the_remote_apps() {
        let az = |estate: Estate| estate.check(&RULE).violations.remove(0).fix.az;
        let staff = || estate().group("staff", &["ann", "bob"]).group("all", &["staff"]);
        let delete = |at: &str| {
            let id = format!("{}/providers/Microsoft.Authorization/roleAssignments/a0", group(at));
            Some(format!("az role assignment delete --ids '{id}'"))
        };
        let both = |holder: &str| staff().assign("staff", USER, &group("desktop")).assign(holder, USER, &group("apps"));
        assert_eq!(az(both("staff")), delete("desktop"), "once for both users, who stay in the group");
        assert_eq!(az(both("all")), delete("desktop"));
        assert_eq!(az(staff().assign("all", USER, &group("desktop")).assign("staff", USER, &group("apps"))), None);
        for scope in [S1, RG] {
            assert_eq!(az(staff().assign("staff", USER, scope)), None, "one grant gives both");
            assert_eq!(az(staff().assign("ann", USER, scope)), None, "one grant gives both");
            let wide = staff().assign("staff", USER, scope).assign("staff", USER, &group("apps"));
            assert_eq!(az(wide), None, "without it others lose the RemoteApps");
        }
        let other = staff().group("desktops", &["ann"]).assign("desktops", USER, &group("desktop"));
        let leave = "az ad group member remove --group 'desktops' --member-id 'ann'";
        assert_eq!(az(other.assign("staff", USER, &group("apps"))).as_deref(), Some(leave));
        let wider = both("staff").assign("staff", USER, &group("desktop"));
        assert_eq!(az(wider).unwrap().lines().count(), 2, "every grant of the desktop goes");
    }

    #[test]
    fn what_gives_more_than_the_desktop_is_not_taken_by_a_command() {
        let far = group("apps").replace("/avd/", "/rg2/");
        let base = || {
            let estate = Estate::bare().resource(POOL, HOST_POOLS, json!({})).user("ann").group("staff", &["ann"]);
            let estate = application_group(estate, "desktop", "Desktop", POOL);
            let estate = application_group(estate, "apps-of-other", "RemoteApp", &format!("{POOL}2"));
            let apps = json!({ "hostPoolArmPath": POOL, "applicationGroupType": "RemoteApp" });
            estate.resource(&far, APPLICATION_GROUPS, apps).assign("ann", USER, &far)
        };
        // Whoever loses the grant at the resource group loses the other pool's RemoteApps too.
        for holder in ["ann", "staff"] {
            let found = base().assign(holder, USER, RG).check(&RULE).violations;
            let [violation] = found.as_slice() else { panic!("{found:?}") };
            assert_eq!((&violation.fix.az, &violation.fix.powershell), (&None, &None), "{holder}");
            let both = base().assign(holder, USER, RG).assign("ann", USER, &group("desktop"));
            assert_eq!(both.check(&RULE).violations.remove(0).fix.az, None, "half of it would leave the desktop");
            let exact = base().assign(holder, USER, &group("desktop")).check(&RULE).violations.remove(0).fix;
            assert_eq!(exact.az.unwrap().lines().count(), 1, "{holder}");
            assert!(exact.portal.contains("who leaves a group loses whatever else it gives"));
        }
    }

    #[test]
    fn one_of_the_two_is_fine_and_so_are_two_pools() {
        let apart = estate()
            .group("desktops", &["ann"])
            .group("apps", &["bob"])
            .assign("desktops", USER, &group("desktop"))
            .assign("apps", USER, &group("apps"));
        assert_eq!(apart.check(&RULE), Outcome::default());
        let other = format!("{POOL}2");
        let estate =
            Estate::bare().user("ann").resource(POOL, HOST_POOLS, json!({})).resource(&other, HOST_POOLS, json!({}));
        let estate = application_group(estate, "desktop", "Desktop", POOL);
        let two = application_group(estate, "apps", "RemoteApp", &other).assign("ann", USER, S1);
        assert_eq!(two.check(&RULE), Outcome::default());
    }

    #[test]
    fn what_could_be_activated_services_and_other_roles_do_not_count() {
        let estate = estate()
            .identity("robot", "Robot")
            .assign("robot", USER, S1)
            .assign("ann", USER, &group("desktop"))
            .eligible("ann", USER, &group("apps"), None)
            .assign("ann", builtin::OWNER, &group("apps"));
        assert_eq!(estate.check(&RULE), Outcome::default());
    }

    #[test]
    fn a_group_that_could_not_be_read_leaves_it_open_where_both_sides_are_held() {
        let dark = || estate().opaque_group("dark").assign("dark", USER, &group("desktop"));
        assert_eq!(dark().check(&RULE), Outcome::default());
        let outcome = dark().assign("ann", USER, &group("apps")).check(&RULE);
        assert_eq!(outcome.unknown, ["members of group Group dark could not be read"]);
        assert!(outcome.violations.is_empty());
    }

    #[test]
    fn many_users_in_many_groups_are_counted_and_few_are_named() {
        let (users, groups) = (50_000, 1_000);
        let mut estate = Estate::bare();
        for pool in 0..groups / 2 {
            let id = format!("{POOL}-{pool}");
            estate = estate.resource(&id, HOST_POOLS, json!({}));
            for (kind, at) in [("Desktop", 2 * pool), ("RemoteApp", 2 * pool + 1)] {
                estate = application_group(estate, &format!("g{at}"), kind, &id);
                estate = estate.group(&format!("team{at}"), &[]).assign(
                    &format!("team{at}"),
                    USER,
                    &group(&format!("g{at}")),
                );
            }
        }
        for user in 0..users {
            estate = estate.user(&format!("u{user}"));
            for team in [user % groups, (user * 7) % groups] {
                let members = estate.facts.directory.members.get_mut(&format!("team{team}")).unwrap();
                members.push(format!("u{user}"));
            }
        }
        // In pool 0 are teams 0 and 1: a user is in both if 7 × user ends with 1 where user ends with 0, or the other way.
        let mut expected = 0;
        for user in 0..users {
            let (a, b) = (user % groups, (user * 7) % groups);
            expected += usize::from(a != b && a / 2 == b / 2);
        }
        let outcome = estate.check(&RULE);
        let counted: usize = outcome.violations.iter().map(|one| one.evidence[0].value.parse::<usize>().unwrap()).sum();
        assert_eq!(counted, expected);
        assert!(outcome.violations.iter().all(|one| one.fix.az.as_ref().unwrap().lines().count() <= MAX_LISTED));
    }
}
