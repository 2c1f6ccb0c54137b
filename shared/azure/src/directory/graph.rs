//! A tenant's directory, read from Microsoft Graph.

use super::run::Run;
use super::{DirectoryMemory, DirectoryRead, DirectoryReader, Wanted};
use crate::arm::{Arm, Shared};
use crate::cloud::Endpoints;
use crate::http::Http;
use crate::sign_in::Credentials;
use async_trait::async_trait;
use poolwarden_domain::access::{Coverage, Facet, principal_id};
use poolwarden_domain::{ArmId, Unreadable, Why};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What is read of every directory …
const FACETS: [Facet; 6] = [
    Facet::Principals,
    Facet::GroupMembers,
    Facet::Applications,
    Facet::Owners,
    Facet::AppRoleAssignments,
    Facet::DelegatedGrants,
];
/// … and what of one whose posture is wanted.
const POSTURE: [Facet; 2] = [Facet::DirectoryRoles, Facet::Organization];

/// Reads a tenant's directory from Microsoft Graph. It only reads.
///
/// The permissions it needs are Directory.Read.All, or User.Read.All, GroupMember.Read.All, Application.Read.All,
/// RoleManagement.Read.Directory and Organization.Read.All one by one, and Member.Read.Hidden for groups that hide
/// their members. What is not granted is unknown, and nothing else suffers.
pub struct GraphDirectory {
    shared: Arc<Shared>,
}

impl GraphDirectory {
    /// Ready to read; the token goes to the endpoints' Microsoft Graph and nowhere else.
    pub fn new(http: Http, credentials: Arc<dyn Credentials>, endpoints: Endpoints) -> Self {
        Self::over(Shared::new(http, credentials, endpoints))
    }

    /// The same with a client that was set up otherwise, with another patience for example.
    pub fn over(shared: Shared) -> Self {
        Self { shared: Arc::new(shared.for_graph()) }
    }
}

#[async_trait]
impl DirectoryReader for GraphDirectory {
    async fn read(&self, wanted: &Wanted, memory: Option<&DirectoryMemory>) -> DirectoryRead {
        let mut facets = FACETS.to_vec();
        if wanted.posture {
            facets.extend(POSTURE);
        }
        if !self.shared.endpoints.has_graph() {
            return nothing(&facets, memory);
        }
        let arm = Arm::new(Arc::clone(&self.shared));
        let mut run = Run::new(&arm);
        if wanted.posture {
            run.read_posture().await;
        }
        run.find_named(wanted).await;
        run.find_people(&wanted.people).await;
        let holders = run.directory.roles.iter().flat_map(|role| role.standing.clone());
        let roots: Vec<String> = wanted.principals.iter().map(|id| principal_id(id)).chain(holders).collect();
        run.maybe_groups.extend(roots.iter().cloned());
        run.resolve(roots).await;
        let memory = run.follow_groups(memory).await;
        run.look_into_service_principals().await;
        run.resolve_consenters(&wanted.names).await;
        let coverage = run.coverage(&facets);
        let requests = arm.counters.graph.load(Ordering::Relaxed);
        DirectoryRead { directory: run.directory, coverage, memory, requests }
    }
}

/// Nothing is asked where the sign-in is a stand-in's and Microsoft Graph is not.
fn nothing(facets: &[Facet], memory: Option<&DirectoryMemory>) -> DirectoryRead {
    let text = "the tokens of this sign-in service are not the ones of the cloud's Microsoft Graph; nothing was asked";
    let reason = Unreadable::new(Why::Missing, text);
    let unknown = |facet: &Facet| Coverage::unknown(ArmId::new("/"), *facet, reason.clone());
    DirectoryRead {
        coverage: facets.iter().map(unknown).collect(),
        memory: memory.cloned().unwrap_or_default(),
        ..DirectoryRead::default()
    }
}
