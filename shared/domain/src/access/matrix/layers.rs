//! What a matrix is made of: what was granted at each scope, once.

use crate::ArmId;
use crate::access::answer::mask;
use crate::access::binding::Binding;
use crate::access::denies::Deny;
use crate::access::rule::{Rule, kept};
use crate::access::scopes::Chain;
use crate::access::unread::GRANTS;
use crate::access::{Action, World};
use std::collections::HashMap;

/// What one principal was granted at one scope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) principal: u32,
    pub(super) allowed: u32,
    pub(super) conditional: u32,
    pub(super) unknown: u32,
}

/// What was granted at one scope.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// By principal, each once.
    pub(super) cells: Vec<Cell>,
    /// What anybody may have, since nobody knows who is in a group.
    pub(super) open: u32,
}

/// What a deny assignment denies of the actions.
#[derive(Debug)]
pub(super) struct Barrier {
    pub(super) deny: usize,
    /// Always.
    pub(super) always: u32,
    /// As its condition decides.
    pub(super) sometimes: u32,
}

/// What makes up a row.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) scope: ArmId,
    pub(super) layers: Vec<u32>,
    pub(super) barriers: Vec<Barrier>,
    /// Whether grants may be missing, so that what is not granted is unknown.
    pub(super) is_unread: bool,
}

impl Cell {
    /// Nothing.
    pub(super) const EMPTY: Self = Self { principal: 0, allowed: 0, conditional: 0, unknown: 0 };

    /// Both together.
    pub(super) fn add(&mut self, other: &Self) {
        self.allowed |= other.allowed;
        self.conditional |= other.conditional;
        self.unknown |= other.unknown;
    }
}

/// Builds the layers, each once.
pub(super) struct Builder<'w> {
    world: &'w World<'w>,
    actions: &'w [Action],
    /// Which actions each role holds, by the number of the role.
    roles: HashMap<u32, Option<u32>>,
    layer_of: Vec<Option<u32>>,
    pub(super) layers: Vec<Layer>,
}

impl<'w> Builder<'w> {
    pub(super) fn new(world: &'w World<'w>, actions: &'w [Action]) -> Self {
        let layer_of = vec![None; world.scopes.len()];
        Self { world, actions, roles: HashMap::new(), layer_of, layers: Vec::new() }
    }

    /// What makes up the row of a scope.
    pub(super) fn line(&mut self, scope: &ArmId) -> Line {
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
