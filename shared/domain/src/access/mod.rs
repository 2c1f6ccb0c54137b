//! Who may do what to an estate: the facts of Azure role-based access control, and the evaluation of them.
//!
//! [`AccessFacts`] is all that was read, from Azure or from files, with a [`Coverage`] that says of every scope whether
//! it could be read. [`World`] answers questions over it, each answer with its [`Proof`]: assignment → role → action,
//! and the path of groups; a [`Matrix`] holds the answers for many scopes at once. It never takes what nobody could
//! read for nothing.
//!
//! The rules are Azure's: what applies to a scope is what is assigned at it or above it; a principal holds what is
//! assigned to it or to a group it is in, however deep; a deny assignment comes first; within one role what
//! `notActions` name is taken away, and over several roles the rest adds up; data actions are apart; `*` stands
//! anywhere; nothing regards case. <https://learn.microsoft.com/azure/role-based-access-control/overview>

mod above;
mod action;
mod answer;
mod asked;
mod binding;
mod bits;
pub mod builtin;
pub mod condition;
mod coverage;
mod decide;
mod denies;
mod directory;
mod facts;
#[cfg(any(test, feature = "generator"))]
pub mod generator;
mod grant;
mod groups;
mod matrix;
mod reach;
mod resource;
mod rule;
mod scopes;
#[cfg(test)]
mod tests;
mod unread;
mod world;

pub use action::{Action, Plane};
pub use answer::{
    AccessOf, Answer, Decision, DenyProof, DenyReach, Explanation, Holder, Masks, Members, Proof, Reach, WhoCan,
};
pub(crate) use asked::Asked;
pub use coverage::{Coverage, Facet, State};
pub use directory::{
    AppRoleAssignment, Application, ClientCredential, DelegatedGrant, Directory, DirectoryObject, DirectoryRole,
    Organization, ServicePrincipalKind, principal_id,
};
pub use facts::{
    AccessFacts, Assignment, AssignmentType, ClassicAdministrator, Definition, DefinitionKind, DenyAssignment,
    ManagementGroup, PimInstance, PimKind, SubscriptionFacts,
};
pub use grant::{Effective, GrantKind};
pub use matrix::{Held, MAX_ACTIONS, Matrix, Row};
pub use resource::ArmResource;
pub(crate) use resource::at;
pub use world::World;
