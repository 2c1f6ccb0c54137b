//! Who is in what, in numbers: for those who ask about many principals. A principal's number is its place among all who
//! hold something, are denied something, are in a group or are one.

use super::groups::{Groups, Walk};
use super::{DirectoryObject, Effective, World, principal_id};

/// A principal and every group that it is in, however deep.
#[derive(Debug)]
pub(crate) struct Above<'w> {
    groups: &'w Groups<'w>,
    walk: Walk,
}

impl Above<'_> {
    /// All of them by number, the nearest first; the principal itself is the first.
    pub(crate) fn all(&self) -> impl Iterator<Item = u32> {
        self.walk.all()
    }

    /// The nearest of which something is true; of several, the first by id.
    pub(crate) fn nearest(&self, is_meant: impl Fn(u32) -> bool) -> Option<u32> {
        let meant = self.walk.distances().filter(|(number, _)| is_meant(*number));
        let nearest = meant.min_by(|(one, near), (other, far)| {
            near.cmp(far).then_with(|| self.groups.id(*one).cmp(self.groups.id(*other)))
        });
        nearest.map(|(number, _)| number)
    }

    /// The shortest way up to one of them, in ids.
    pub(crate) fn way(&self, to: u32) -> Vec<String> {
        self.groups.way_up(&self.walk, to)
    }
}

impl<'a> World<'a> {
    /// A principal's number, if it has one.
    pub(crate) fn number(&self, principal: &str) -> Option<u32> {
        self.groups.find(principal)
    }

    /// A principal's id by its number.
    pub(crate) fn id_of(&self, number: u32) -> &str {
        self.groups.id(number)
    }

    /// How many principals have a number.
    pub(crate) fn numbers(&self) -> usize {
        self.groups.len()
    }

    /// Every grant with the number of who holds it.
    pub(crate) fn numbered_grants(&self) -> impl Iterator<Item = (&Effective<'a>, u32)> {
        self.grants().iter().zip(&self.keys).map(|(grant, key)| (grant, key.principal))
    }

    /// What the directory knows of a principal, by its number.
    pub(crate) fn object_of(&self, number: u32) -> Option<&'a DirectoryObject> {
        self.objects[number as usize]
    }

    /// A principal and every group that it is in.
    pub(crate) fn above(&self, number: u32) -> Above<'_> {
        Above { groups: &self.groups, walk: self.groups.above(Some(number)) }
    }

    /// These and all that is in them, however deep, each once.
    pub(crate) fn all_in(&self, principals: impl IntoIterator<Item = u32>) -> Vec<u32> {
        self.groups.all_below(principals)
    }

    /// Whether it is a group whose members could not be read.
    pub(crate) fn is_opaque(&self, number: u32) -> bool {
        self.groups.is_opaque(number)
    }

    /// Whether anybody may be in it: it is such a group, or has one in it.
    pub(crate) fn is_open(&self, number: u32) -> bool {
        self.groups.is_open(number)
    }

    /// The shortest way from a principal up to a group that it is in, or to itself.
    pub(crate) fn way_up(&self, principal: &str, group: &str) -> Option<Vec<String>> {
        match (self.number(principal), self.number(group)) {
            (Some(principal), Some(group)) => Some(self.above(principal).way(group)).filter(|way| !way.is_empty()),
            _ => Some(principal_id(principal)).filter(|id| *id == principal_id(group)).map(|id| vec![id]),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::access::{World, generator};

    #[test]
    fn ways_and_members_are_the_same_one_by_one_and_all_at_once() {
        let facts = generator::large(11, 0.01);
        let world = World::new(&facts);
        for id in facts.directory.objects.keys().step_by(3) {
            let (Some(number), ways) = (world.number(id), world.ways_up(id)) else { continue };
            let above = world.above(number);
            assert_eq!(above.all().count(), ways.len());
            for (group, way) in &ways {
                assert_eq!(world.way_up(id, group).as_ref(), Some(way));
            }
            let wanted = |group: &str| group.ends_with(['1', '5', '9']);
            let nearest = ways.iter().filter(|(group, _)| wanted(group)).min_by_key(|(_, way)| way.len());
            let found = above.nearest(|number| wanted(world.id_of(number))).map(|number| world.id_of(number));
            assert_eq!(found, nearest.map(|(group, _)| group.as_str()));
            let mut members = world.members_of(id).ids;
            members.insert(id.clone());
            let mut all: Vec<&str> = world.all_in([number]).into_iter().map(|member| world.id_of(member)).collect();
            all.sort_unstable();
            assert!(all.into_iter().eq(&members), "{id}");
        }
    }
}
