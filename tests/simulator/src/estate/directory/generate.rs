//! Grows the directory of an estate: the principals that its roles are given
//! to, some of them in groups, and Azure Virtual Desktop's own applications.

use super::{AVD_APPLICATION, Directory, Object, first_party::first_party};
use crate::dice::Dice;

/// People, groups and service principals that roles are given to.
const PRINCIPALS: usize = 200;
/// The most users that are put into a group.
const MOST_MEMBERS: usize = 5;
/// One in so many groups holds another group.
const NESTED: usize = 8;

/// A principal by its number: its id and its type as role assignments spell
/// it. Mostly groups, as it should be.
fn principal(seed: u64, number: usize) -> (String, &'static str) {
    let kind = match number % 10 {
        0..=5 => "Group",
        6..=8 => "User",
        _ => "ServicePrincipal",
    };
    (Dice::new(seed, &format!("principal {number}")).guid(), kind)
}

/// One of the tenant's principals.
pub(crate) fn any_principal(seed: u64, dice: &mut Dice) -> (String, &'static str) {
    principal(seed, dice.below(PRINCIPALS))
}

/// The directory of a tenant with all its principals.
pub(crate) fn populate(tenant: &str, seed: u64) -> Directory {
    let mut directory = Directory::new(tenant);
    for (name, app_id) in [
        ("Azure Virtual Desktop", AVD_APPLICATION),
        ("Azure Virtual Desktop Client", "a85cf173-4192-42f8-81fa-777a763e6e2c"),
        ("Azure Virtual Desktop ARM Provider", "50e95039-b200-4007-bc97-8d5790743a63"),
    ] {
        directory.add(first_party(name, app_id));
    }
    let of_kind = |wanted: &str| -> Vec<String> {
        (0..PRINCIPALS)
            .map(|number| principal(seed, number))
            .filter(|(_, kind)| *kind == wanted)
            .map(|(id, _)| id)
            .collect()
    };
    let (users, groups) = (of_kind("User"), of_kind("Group"));
    for number in 0..PRINCIPALS {
        let (id, kind) = principal(seed, number);
        let mut dice = Dice::new(seed, &format!("directory {number}"));
        directory.add(match kind {
            "User" => user(&mut dice, &id, number),
            "Group" => group(&mut dice, &id, number, &users, &groups),
            _ => service_principal(&mut dice, tenant, &id, number, &users),
        });
    }
    directory
}

fn user(dice: &mut Dice, id: &str, number: usize) -> Object {
    let user = Object::user(id, &format!("Person {number:03}"), &format!("person{number:03}@contoso.example"));
    let user = if dice.chance(0.05) { user.disabled() } else { user };
    if dice.chance(0.05) { user.guest() } else { user }
}

fn group(dice: &mut Dice, id: &str, number: usize, users: &[String], groups: &[String]) -> Object {
    let count = 1 + dice.below(MOST_MEMBERS);
    let mut members: Vec<String> = (0..count).map(|_| dice.pick(users).clone()).collect();
    if dice.below(NESTED) == 0 {
        members.push(dice.pick(groups).clone());
    }
    Object::group(id, &format!("AVD group {number:03}")).members(members)
}

fn service_principal(dice: &mut Dice, tenant: &str, id: &str, number: usize, users: &[String]) -> Object {
    let name = format!("Automation {number:03}");
    Object::service_principal(id, &name, &dice.guid())
        .owned_by_tenant(tenant)
        .owners([dice.pick(users)])
        .secret("2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z")
}
