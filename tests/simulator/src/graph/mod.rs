//! Azure Resource Graph: an interpreter for the part of its query language
//! that is needed to list and count things, and an error for the rest.

pub(crate) mod answer;
mod ast;
mod authorization;
mod containers;
mod eval;
mod functions;
mod lexer;
mod operators;
mod parser;
mod pipeline;
mod rows;

pub(crate) use answer::{query, refusal};

#[cfg(test)]
mod tests;
