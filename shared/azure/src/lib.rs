//! Adapters to Azure: one file a port. (in work)

mod inventory;
pub use inventory::{Inventory, Requests};
