//! The access matrix: who may do which of a handful of actions at each of many scopes.
//!
//! What holds at a scope is what was granted at it and at the scopes above it. The matrix keeps each scope's own grants
//! once, as a [`Layer`] of who holds what, and a row as the layers that make it up. Groups are spelled out when a row
//! is looked at: spelled out for all rows at once they would take as much memory as principals times scopes.

mod layers;
mod sheet;

use super::answer::mask;
use super::denies::{Applies, Deny};
use super::{Action, Answer, Masks, World};
use crate::ArmId;
use layers::{Builder, Cell, Layer, Line};
use sheet::{Sheet, Spelled};
use std::collections::HashMap;

/// The most actions that one matrix is about.
pub const MAX_ACTIONS: usize = 32;

/// Who may do which of a handful of actions at each of many scopes, now.
#[derive(Debug)]
pub struct Matrix<'w> {
    world: &'w World<'w>,
    actions: Vec<Action>,
    layers: Vec<Layer>,
    lines: Vec<Line>,
    by_scope: HashMap<ArmId, u32>,
    spelled_out: Spelled,
}

/// Somebody in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Who; [`Matrix::principal`] tells the id.
    pub principal: u32,
    /// What is answered about each action.
    pub masks: Masks,
}

/// Who may do what at one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'m> {
    /// The scope.
    pub scope: &'m ArmId,
    /// Users, groups and service principals to whom any of the actions is granted, or may be by a role without a
    /// definition; by number.
    pub holders: Vec<Held>,
    /// What is answered about everybody else whom no deny assignment names or leaves out. Of those that one does,
    /// [`Matrix::answer`] tells.
    pub others: Masks,
}

impl<'a> World<'a> {
    /// Who may do which of these actions at each of these scopes.
    ///
    /// # Panics
    /// If there are more than [`MAX_ACTIONS`] actions.
    pub fn matrix<'w>(&'w self, actions: &[Action], scopes: &[ArmId]) -> Matrix<'w>
    where
        'a: 'w,
    {
        assert!(actions.len() <= MAX_ACTIONS, "a matrix is about {MAX_ACTIONS} actions at most");
        let mut builder = Builder::new(self, actions);
        let lines: Vec<Line> = scopes.iter().map(|scope| builder.line(scope)).collect();
        let by_scope = lines.iter().zip(0..).map(|(line, at)| (line.scope.clone(), at)).collect();
        let spelled_out = Spelled::of(&self.groups, builder.layers.iter().flat_map(|layer| &layer.cells));
        Matrix { world: self, actions: actions.to_vec(), layers: builder.layers, lines, by_scope, spelled_out }
    }
}

impl<'w> Matrix<'w> {
    /// The actions, in the order of the bits of [`Masks`].
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The scopes, in the order in which they were asked about.
    pub fn scopes(&self) -> impl Iterator<Item = &ArmId> {
        self.lines.iter().map(|line| &line.scope)
    }

    /// A principal's id.
    pub fn principal(&self, number: u32) -> &str {
        self.world.groups.id(number)
    }

    /// Who may do what at a scope; nothing if it is not in the matrix.
    pub fn of(&self, scope: &ArmId) -> Option<Row<'_>> {
        let line = &self.lines[*self.by_scope.get(scope)? as usize];
        Some(Sheet::new(self).row(line))
    }

    /// Every row, in the order of the scopes.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let mut sheet = Sheet::new(self);
        self.lines.iter().map(move |line| sheet.row(line))
    }

    /// Whether somebody may do something somewhere: the action by its position. Nothing if the scope or the action is
    /// not in the matrix.
    pub fn answer(&self, principal: &str, action: usize, scope: &ArmId) -> Option<Answer> {
        let line = &self.lines[*self.by_scope.get(scope)? as usize];
        self.actions.get(action)?;
        let groups = &self.world.groups;
        let above = groups.above(groups.find(principal));
        let mut sum = Cell::EMPTY;
        for layer in line.layers.iter().map(|&at| &self.layers[at as usize]) {
            for group in above.all() {
                if let Ok(at) = layer.cells.binary_search_by_key(&group, |cell| cell.principal) {
                    sum.add(&layer.cells[at]);
                }
            }
        }
        Some(self.settle(line, &sum, |_, deny| deny.applies_to(&above)).answer(action))
    }

    /// What anybody may have at a scope, for all that could be read.
    fn open(&self, line: &Line) -> u32 {
        if line.is_unread {
            return mask(&self.actions, |_| true);
        }
        line.layers.iter().fold(0, |open, &at| open | self.layers[at as usize].open)
    }

    /// The answers about somebody who was granted this.
    fn settle(&self, line: &Line, cell: &Cell, applies: impl Fn(usize, &Deny<'_>) -> Applies) -> Masks {
        let (mut denied, mut perhaps, mut sometimes) = (0, 0, 0);
        for barrier in &line.barriers {
            match applies(barrier.deny, &self.world.denies[barrier.deny]) {
                Applies::No => {}
                Applies::Perhaps => perhaps |= barrier.always | barrier.sometimes,
                Applies::Yes => {
                    denied |= barrier.always;
                    sometimes |= barrier.sometimes;
                }
            }
        }
        let allowed = cell.allowed & !denied;
        let conditional = cell.conditional & !cell.allowed & !denied;
        let unknown = (cell.unknown | self.open(line)) & !allowed & !conditional & !denied;
        let in_doubt = (allowed | conditional) & perhaps;
        let (allowed, conditional) = (allowed & !perhaps, conditional & !perhaps);
        Masks {
            allowed: allowed & !sometimes,
            conditional: conditional | (allowed & sometimes),
            denied,
            unknown: unknown | in_doubt,
        }
    }
}
