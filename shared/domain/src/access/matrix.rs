//! The access matrix: who may do which of a handful of actions at each of many scopes.
//!
//! What holds at a scope is what was granted at it and at the scopes above it. The matrix keeps each scope's own grants
//! once, as a [`Layer`] of who holds what, and a row as the layers that make it up. Groups are spelled out when a row is
//! looked at: spelled out for all rows at once they would take as much memory as principals times scopes.

use super::answer::mask;
use super::binding::Binding;
use super::denies::{Applies, Deny, applies};
use super::groups::Groups;
use super::rule::{Rule, kept};
use super::scopes::Chain;
use super::unread::GRANTS;
use super::{Action, Answer, Masks, World};
use crate::ArmId;
use std::collections::HashMap;

/// The most actions that one matrix is about.
pub const MAX_ACTIONS: usize = 32;
/// How many members of groups are kept spelled out, in all. Those of further groups are looked up each time.
const MAX_SPELLED_OUT: usize = 16 * 1024 * 1024;

/// What one principal was granted at one scope.
#[derive(Debug, Clone, Copy)]
struct Cell {
    principal: u32,
    allowed: u32,
    conditional: u32,
    unknown: u32,
}

/// What was granted at one scope.
#[derive(Debug, Default)]
struct Layer {
    /// By principal, each once.
    cells: Vec<Cell>,
    /// What anybody may have, since nobody knows who is in a group.
    open: u32,
}

/// What a deny assignment denies of the actions.
#[derive(Debug)]
struct Barrier {
    deny: usize,
    /// Always.
    always: u32,
    /// As its condition decides.
    sometimes: u32,
}

/// What makes up a row.
#[derive(Debug)]
struct Line {
    scope: ArmId,
    layers: Vec<u32>,
    barriers: Vec<Barrier>,
    /// Whether grants may be missing, so that what is not granted is unknown.
    is_unread: bool,
}

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
    /// What is answered about everybody else whom no deny assignment names or leaves out; [`Matrix::answer`] tells of those.
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

/// Builds the layers, each once.
struct Builder<'w> {
    world: &'w World<'w>,
    actions: &'w [Action],
    /// Which actions each role holds, by the number of the role.
    roles: HashMap<u32, Option<u32>>,
    layer_of: Vec<Option<u32>>,
    layers: Vec<Layer>,
}

impl<'w> Builder<'w> {
    fn new(world: &'w World<'w>, actions: &'w [Action]) -> Self {
        let layer_of = vec![None; world.scopes.len()];
        Self { world, actions, roles: HashMap::new(), layer_of, layers: Vec::new() }
    }

    fn line(&mut self, scope: &ArmId) -> Line {
        let chain = self.world.scopes.chain(scope);
        let layers = chain.scopes.iter().map(|&scope| self.layer(scope)).collect();
        let barriers = self.barriers(&chain);
        let is_unread = self.world.unread.about(&GRANTS, scope, |scope| self.world.chain(scope)).next().is_some();
        Line { scope: scope.clone(), layers, barriers, is_unread }
    }

    fn barriers(&self, chain: &Chain) -> Vec<Barrier> {
        let holding = chain.scopes.iter().flat_map(|&scope| &self.world.denies_at[scope as usize]);
        let barrier = |&at: &u32| {
            let deny: &Deny<'_> = &self.world.denies[at as usize];
            let denied = |is_bound: bool| {
                mask(self.actions, |action| deny.binding.binds(action) == is_bound && deny.denies(action))
            };
            let barrier = Barrier { deny: at as usize, always: denied(false), sometimes: denied(true) };
            Some(barrier).filter(|one| deny.holds_at(chain) && one.always | one.sometimes != 0)
        };
        holding.filter_map(barrier).collect()
    }

    fn layer(&mut self, scope: u32) -> u32 {
        if let Some(layer) = self.layer_of[scope as usize] {
            return layer;
        }
        let all = mask(self.actions, |_| true);
        let mut layer = Layer::default();
        for &at in &self.world.grants_at[scope as usize] {
            let (grant, key) = (&self.world.grants()[at as usize], self.world.keys[at as usize]);
            if !grant.is_active() {
                continue;
            }
            let actions = self.actions;
            let holds = || grant.definition.map(|_| mask(actions, |action| grant.allows(action)));
            let role = *self.roles.entry(key.role).or_insert_with(holds);
            let unknown = if role.is_none() && kept(Rule::MissingDefinition) { all } else { 0 };
            let granted = role.unwrap_or(0);
            if self.world.groups.is_open(key.principal) {
                layer.open |= granted | unknown;
            }
            let conditional = match key.binding {
                Binding::Nothing => 0,
                binding => granted & mask(actions, |action| binding.binds(action)),
            };
            if granted | unknown != 0 {
                let allowed = granted & !conditional;
                layer.cells.push(Cell { principal: key.principal, allowed, conditional, unknown });
            }
        }
        layer.cells.sort_unstable_by_key(|cell| cell.principal);
        layer.cells.dedup_by(|next, cell| {
            let is_same = cell.principal == next.principal;
            if is_same {
                cell.add(next);
            }
            is_same
        });
        layer.cells.shrink_to_fit();
        let number = u32::try_from(self.layers.len()).expect("there are no more layers than scopes");
        self.layers.push(layer);
        self.layer_of[scope as usize] = Some(number);
        number
    }
}

impl Cell {
    const EMPTY: Self = Self { principal: 0, allowed: 0, conditional: 0, unknown: 0 };

    fn add(&mut self, other: &Self) {
        self.allowed |= other.allowed;
        self.conditional |= other.conditional;
        self.unknown |= other.unknown;
    }
}

/// The members of groups, spelled out once.
#[derive(Debug, Default)]
struct Spelled {
    /// Where each principal's members are, if they are kept.
    places: HashMap<u32, (u32, u32)>,
    members: Vec<u32>,
}

impl Spelled {
    fn of<'c>(groups: &Groups<'_>, cells: impl Iterator<Item = &'c Cell>) -> Self {
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

/// Space for one row after the other.
struct Sheet<'m> {
    matrix: &'m Matrix<'m>,
    /// By principal; all zero between rows.
    cells: Vec<Cell>,
    touched: Vec<u32>,
    /// Whom the deny assignments name and leave out, by the number of the deny assignment.
    named: HashMap<usize, (Vec<u32>, Vec<u32>)>,
}

impl<'m> Sheet<'m> {
    fn new(matrix: &'m Matrix<'m>) -> Self {
        let cells = vec![Cell::EMPTY; matrix.world.groups.len()];
        Self { matrix, cells, touched: Vec::new(), named: HashMap::new() }
    }

    fn row(&mut self, line: &'m Line) -> Row<'m> {
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
