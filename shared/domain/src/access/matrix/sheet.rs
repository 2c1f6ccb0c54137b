//! The rows of a matrix, with groups spelled out.

use super::layers::{Cell, Line};
use super::{Held, Matrix, Row};
use crate::access::Masks;
use crate::access::denies::applies;
use crate::access::groups::Groups;
use std::collections::HashMap;

/// How many members of groups are kept spelled out, in all. Those of further groups are looked up each time.
const MAX_SPELLED_OUT: usize = 16 * 1024 * 1024;

/// The members of groups, spelled out once.
#[derive(Debug, Default)]
pub(super) struct Spelled {
    /// Where each principal's members are, if they are kept.
    places: HashMap<u32, (u32, u32)>,
    members: Vec<u32>,
}

impl Spelled {
    pub(super) fn of<'c>(groups: &Groups<'_>, cells: impl Iterator<Item = &'c Cell>) -> Self {
        let mut spelled = Self::default();
        for cell in cells.filter(|cell| groups.has_members(cell.principal)) {
            let from = spelled.members.len();
            if from < MAX_SPELLED_OUT && !spelled.places.contains_key(&cell.principal) {
                spelled.members.extend(groups.below(cell.principal).all().skip(1));
                let place = |at: usize| u32::try_from(at).expect("a group has fewer members than numbers");
                spelled.places.insert(cell.principal, (place(from), place(spelled.members.len())));
            }
        }
        spelled
    }

    /// Calls with everybody and everything in a principal, but not itself.
    fn each(&self, groups: &Groups<'_>, principal: u32, mut call: impl FnMut(u32)) {
        match self.places.get(&principal) {
            Some(&(from, to)) => self.members[from as usize..to as usize].iter().copied().for_each(call),
            None if groups.has_members(principal) => groups.below(principal).all().skip(1).for_each(&mut call),
            None => {}
        }
    }
}

/// Space for one row after the other.
pub(super) struct Sheet<'m> {
    matrix: &'m Matrix<'m>,
    /// By principal; all zero between rows.
    cells: Vec<Cell>,
    touched: Vec<u32>,
    /// Whom the deny assignments name and leave out, by the number of the deny assignment.
    named: HashMap<usize, (Vec<u32>, Vec<u32>)>,
}

impl<'m> Sheet<'m> {
    pub(super) fn new(matrix: &'m Matrix<'m>) -> Self {
        let cells = vec![Cell::EMPTY; matrix.world.groups.len()];
        Self { matrix, cells, touched: Vec::new(), named: HashMap::new() }
    }

    /// The row of a scope.
    pub(super) fn row(&mut self, line: &'m Line) -> Row<'m> {
        let matrix = self.matrix;
        for layer in line.layers.iter().map(|&at| &matrix.layers[at as usize]) {
            for cell in &layer.cells {
                self.put(cell.principal, cell);
                matrix.spelled_out.each(&matrix.world.groups, cell.principal, |member| self.put(member, cell));
            }
        }
        self.touched.sort_unstable();
        for barrier in &line.barriers {
            self.name(barrier.deny);
        }
        let held = |&principal| Held { principal, masks: self.masks(line, principal) };
        let holders = self.touched.iter().map(held).collect();
        for &principal in &self.touched {
            self.cells[principal as usize] = Cell::EMPTY;
        }
        self.touched.clear();
        let others = matrix
            .settle(line, &Cell::EMPTY, |_, deny| applies(deny.principals.is_met(false), deny.except.is_met(false)));
        Row { scope: &line.scope, holders, others }
    }

    fn put(&mut self, principal: u32, cell: &Cell) {
        let place = &mut self.cells[principal as usize];
        if place.allowed | place.conditional | place.unknown == 0 {
            self.touched.push(principal);
        }
        place.add(cell);
    }

    fn masks(&self, line: &Line, principal: u32) -> Masks {
        self.matrix.settle(line, &self.cells[principal as usize], |at, deny| {
            let (named, left_out) = &self.named[&at];
            let is_in = |list: &[u32]| list.binary_search(&principal).is_ok();
            applies(deny.principals.is_met(is_in(named)), deny.except.is_met(is_in(left_out)))
        })
    }

    /// Spells out whom a deny assignment is for.
    fn name(&mut self, deny: usize) {
        let groups = &self.matrix.world.groups;
        let of = |principals: &[u32]| {
            let mut all: Vec<u32> =
                principals.iter().flat_map(|&one| groups.below(one).all().collect::<Vec<_>>()).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        let deny_facts = &self.matrix.world.denies[deny];
        self.named
            .entry(deny)
            .or_insert_with(|| (of(&deny_facts.principals.principals), of(&deny_facts.except.principals)));
    }
}
