//! Stories and simulations over several runs.

mod simulation;
mod stories;
