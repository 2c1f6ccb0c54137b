//! `poolwarden classic roles list`

use super::source::read_from;
use super::{From, Parameters, judged};
use crate::commands::Cli;
use crate::commands::roles::told::Listing;
use clap::Args;
use poolwarden_domain::classic;
use poolwarden_domain::delegated::{RdsAssignment, RdsPrincipal, RdsRole, Request, scope_text};
use serde::Serialize;

/// `poolwarden classic roles list`
#[derive(Debug, Args)]
pub(in crate::commands) struct List {
    #[command(flatten)]
    parameters: Parameters,
    #[command(flatten)]
    from: From,
}

/// One assignment.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    id: String,
    role: RdsRole,
    /// What the role can do.
    can: &'static str,
    scope: String,
    principal: RdsPrincipal,
    contradictions: Vec<String>,
}

impl Line {
    pub(super) fn of(one: &RdsAssignment) -> Self {
        Self {
            id: one.id.clone(),
            role: one.role,
            can: one.role.can(),
            scope: scope_text(&one.scope),
            principal: one.principal.clone(),
            contradictions: one.contradictions.clone(),
        }
    }

    fn row(&self) -> [String; 5] {
        let Self { role, principal, scope, id, .. } = self;
        [role.to_string(), principal.name().to_owned(), principal.kind.clone(), scope.clone(), id.clone()]
    }

    fn remarks(&self) -> Vec<String> {
        self.contradictions.iter().map(|text| format!("contradicts itself: {}: {text}", self.id)).collect()
    }
}

impl List {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let arguments = self.parameters.arguments();
        let mut request: Request = judged(arguments.request())?;
        if arguments.tenant_group_name.is_none() && arguments.tenant_name.is_none() {
            // Nothing says where, so the default tenant group is not meant either.
            request.scope = classic::root();
        }
        let read = read_from(cli, &self.from.source()).await?;
        let mut found: Vec<&RdsAssignment> = read.assignments.iter().filter(|one| request.matches(one)).collect();
        found.sort_by(|a, b| (&a.scope, a.role, &a.principal).cmp(&(&b.scope, b.role, &b.principal)));
        let assignments = found.into_iter().map(Line::of).collect();
        let mut unknown: Vec<String> = read.unknown.iter().map(|dark| dark.reason.to_string()).collect();
        if request.infrastructure {
            unknown.push(
                "which of them hold for the infrastructure: records look like those of the tenant group".to_owned(),
            );
        }
        let listing = Listing { assignments, unknown };
        listing.show(cli.json, ["ROLE", "WHO", "TYPE", "AT", "ID"], Line::row, Line::remarks)
    }
}
