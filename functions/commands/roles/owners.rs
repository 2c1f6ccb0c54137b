//! Nobody removes the last Owner of a subscription: after that, nobody could give access there again.
//!
//! What counts is whether somebody is left who can sign in: a group counts if it has a member, a principal that was
//! deleted or cannot sign in does not. What cannot be seen is not counted on.

use super::desk::Desk;
use anyhow::bail;
use poolwarden_azure::Around;
use poolwarden_azure::{DirectoryReader, Wanted};
use poolwarden_domain::access::{AccessFacts, Assignment, DirectoryObject, World, builtin};
use poolwarden_domain::estate::Principal;
use poolwarden_domain::{ArmId, Reading};
use std::sync::Arc;

/// Refuses to remove an assignment that makes somebody the last Owner of a subscription. Tells the subscriptions that it
/// makes somebody Owner of, with the assignments that make others so.
pub(super) async fn check(desk: &Desk, one: &Assignment) -> anyhow::Result<Vec<(ArmId, Vec<ArmId>)>> {
    let mut reached = Vec::new();
    if !is_free_owner(one) {
        return Ok(reached);
    }
    for subscription in concerned(desk, &one.scope).await? {
        let above = above(desk, &subscription).await.map_err(|reason| {
            anyhow::anyhow!("it is not known who else is Owner of {subscription} ({reason}), so nothing is removed")
        })?;
        if !above.iter().any(|other| other.id == one.id) {
            continue;
        }
        let left = left(desk, one, &above).await;
        if left.is_nobody() {
            bail!(
                "this is the last Owner of {subscription}, and nobody could give access there again; make somebody else Owner first{}",
                left.why_not()
            );
        }
        let others = above.into_iter().filter(|other| other.id != one.id && is_free_owner(other));
        reached.push((subscription, others.map(|other| other.id).collect()));
    }
    Ok(reached)
}

/// Puts an assignment back, which was removed, if nobody is Owner of one of its subscriptions now: whoever else was may
/// have been removed at the same time.
pub(super) async fn look_again(desk: &Desk, gone: &Assignment, reached: &[(ArmId, Vec<ArmId>)]) -> anyhow::Result<()> {
    for (subscription, others) in reached {
        let above = above(desk, subscription).await.map_err(|reason| {
            anyhow::anyhow!(
                "it was removed, or may have been, and who is Owner of {subscription} now is not known ({reason}): look"
            )
        })?;
        let is_there = |id: &ArmId| above.iter().any(|one| one.id == *id);
        if is_there(&gone.id) || others.iter().all(is_there) {
            continue;
        }
        if left(desk, gone, &above).await.is_nobody() {
            desk.roles.restore(gone).await.map_err(|reason| {
                anyhow::anyhow!(
                    "it was removed, nobody is Owner of {subscription} now, and it cannot be put back: {reason}"
                )
            })?;
            bail!("the other Owner of {subscription} was removed at the same time, so this one was put back");
        }
    }
    Ok(())
}

fn is_owner(one: &Assignment) -> bool {
    one.role.name().eq_ignore_ascii_case(builtin::OWNER)
}

/// A condition may forbid to make an Owner, so who holds the role under one does not count.
fn is_free_owner(one: &Assignment) -> bool {
    is_owner(one) && one.condition.is_none()
}

async fn above(desk: &Desk, subscription: &ArmId) -> Reading<Vec<Assignment>> {
    desk.roles.list(subscription, Around::Above).await
}

/// The Owners without this one.
async fn left(desk: &Desk, one: &Assignment, all: &[Assignment]) -> Left {
    let others = all.iter().filter(|other| other.id != one.id && is_owner(other));
    let (free, bound): (Vec<&Assignment>, Vec<&Assignment>) = others.partition(|other| is_free_owner(other));
    let principals = free.into_iter().map(|other| other.principal.clone()).collect();
    let mut left = Left::of(desk.deps.sources.directory(&desk.name), principals, desk.deps.now()).await;
    left.not_counted.extend(bound.into_iter().map(|other| format!("{} (under a condition)", desk.holder(other).name)));
    left
}

/// The subscriptions that an assignment at this scope reaches as a whole, or may.
async fn concerned(desk: &Desk, scope: &ArmId) -> anyhow::Result<Vec<ArmId>> {
    match scope.up_to("subscriptions") {
        Some(subscription) if subscription == *scope => Ok(vec![subscription]),
        Some(_) => Ok(Vec::new()),
        None => {
            let all = desk.roles.subscriptions().await.map_err(anyhow::Error::msg)?;
            Ok(all.into_iter().map(|(id, _)| id).collect())
        }
    }
}

/// Who is left, and who does not count.
pub(in crate::commands) struct Left {
    counted: usize,
    not_counted: Vec<String>,
}

impl Left {
    /// Of these, as the directory knows them.
    pub(in crate::commands) async fn of(
        directory: Option<Arc<dyn DirectoryReader>>,
        others: Vec<Principal>,
        now: jiff::Timestamp,
    ) -> Self {
        let principals = others.iter().map(|one| one.id.clone()).collect();
        let read = match directory {
            Some(directory) => directory.read(&Wanted { principals, ..Wanted::default() }, None).await.directory,
            None => poolwarden_domain::access::Directory::default(),
        };
        let facts = AccessFacts { directory: read, ..AccessFacts::new(now) };
        let world = World::new(&facts);
        let mut left = Self { counted: 0, not_counted: Vec::new() };
        for one in others {
            match why_not(&world, &one) {
                None => left.counted += 1,
                Some(why) => left.not_counted.push(format!("{} ({why})", world.name_of(&one.id))),
            }
        }
        left
    }

    /// Whether nobody is.
    pub(in crate::commands) fn is_nobody(&self) -> bool {
        self.counted == 0
    }

    /// Who else there is, and why that is nobody; to follow a sentence.
    pub(in crate::commands) fn why_not(&self) -> String {
        match self.not_counted.as_slice() {
            [] => String::new(),
            others => format!(". It is held by others, who do not count: {}", others.join(", ")),
        }
    }
}

/// Why somebody does not count, if so.
fn why_not(world: &World<'_>, one: &Principal) -> Option<&'static str> {
    let is_anybody = |id: &String| match world.object(id) {
        Some(DirectoryObject::User { enabled, .. } | DirectoryObject::ServicePrincipal { enabled, .. }) => {
            *enabled != Some(false)
        }
        _ => false,
    };
    if world.facts().directory.missing.contains(&one.id) {
        return Some("it was deleted, or is of another tenant");
    }
    match world.object(&one.id) {
        Some(DirectoryObject::Group { .. }) if world.members_of(&one.id).ids.iter().any(is_anybody) => None,
        Some(DirectoryObject::Group { .. }) => Some("no member that can sign in is seen in the group"),
        Some(_) if !is_anybody(&one.id) => Some("it cannot sign in"),
        Some(_) => None,
        None if one.kind.to_ascii_lowercase().contains("group") => Some("the group's members are not to be seen"),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolwarden_domain::access::Directory;

    fn principal(id: &str, kind: &str) -> Principal {
        Principal { id: id.to_owned(), kind: kind.to_owned() }
    }

    fn user(enabled: Option<bool>) -> DirectoryObject {
        DirectoryObject::User { name: "u".to_owned(), upn: None, guest: false, enabled }
    }

    #[test]
    fn only_who_can_still_sign_in_counts() {
        let group = || DirectoryObject::Group { name: "g".to_owned(), role_assignable: false };
        let id = |number: u8| format!("00000000-0000-4000-8000-{number:012}");
        let mut directory = Directory::default();
        directory.objects.extend([
            (id(1), user(Some(true))),
            (id(2), user(Some(false))),
            (id(3), group()),
            (id(4), group()),
            (id(5), group()),
            (id(6), group()),
        ]);
        directory.members.extend([
            (id(3), vec![id(5)]),
            (id(4), Vec::new()),
            (id(5), vec![id(1)]),
            (id(6), vec![id(2), id(4)]),
        ]);
        directory.missing.insert(id(7));
        let facts = AccessFacts { directory, ..AccessFacts::new(jiff::Timestamp::UNIX_EPOCH) };
        let world = World::new(&facts);
        let counts = |number: u8, kind: &str| why_not(&world, &principal(&id(number), kind)).is_none();
        assert!(counts(1, "User") && counts(3, "Group") && counts(5, "Group"), "somebody, however deep");
        assert!(!counts(2, "User"), "who is disabled");
        assert!(!counts(4, "Group") && !counts(6, "Group"), "groups of nobody");
        assert!(!counts(7, "User"), "who was deleted");
        assert!(!counts(8, "Group") && !counts(8, "ForeignGroup"), "groups that cannot be seen into");
        assert!(counts(8, "User"), "a directory that cannot be read says nothing against a user");
    }
}
