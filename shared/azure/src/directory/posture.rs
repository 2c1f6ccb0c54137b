//! The directory's own roles and the tenant.

use super::ask::Topic;
use super::run::Run;
use super::wire;
use jiff::Timestamp;
use poolwarden_domain::Why;
use poolwarden_domain::access::{DirectoryRole, Facet, Organization};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// The roles that are read: template id and name.
const ROLES: [(&str, &str); 1] = [("62e90394-69f5-4237-9190-012177145e10", "Global Administrator")];
/// Most who may hold a role of the directory.
const MAX_HOLDERS: usize = 10_000;

const HOLDERS: Topic = Topic { what: "the roles", permission: "RoleManagement.Read.Directory", units: 1 };
const TENANT: Topic = Topic { what: "the tenant", permission: "Organization.Read.All", units: 1 };

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Holder {
    principal_id: String,
    #[serde(default)]
    directory_scope_id: Option<String>,
    #[serde(default)]
    assignment_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawOrganization {
    id: String,
    #[serde(default)]
    on_premises_sync_enabled: Option<bool>,
    #[serde(default)]
    on_premises_last_sync_date_time: Option<Timestamp>,
}

fn organization(raw: &RawValue) -> Result<Organization, String> {
    let one: RawOrganization = wire::item(raw)?;
    Ok(Organization {
        id: wire::needed_id(&one.id)?,
        is_synchronised: one.on_premises_sync_enabled == Some(true),
        last_sync: one.on_premises_last_sync_date_time,
    })
}

impl Run<'_> {
    /// Reads both.
    pub(super) async fn read_posture(&mut self) {
        for (template, name) in ROLES {
            self.read_role(template, name).await;
        }
        let query = [("$select", "id,onPremisesSyncEnabled,onPremisesLastSyncDateTime")];
        let call = self.arm.graph_call(TENANT, "organization", &query, None);
        let found = self.arm.graph_list(TENANT, call, organization).await;
        let is_read = found.is_ok();
        self.directory.organization = self.take(Facet::Organization, found).into_iter().next();
        if is_read && self.directory.organization.is_none() {
            self.gap(Facet::Organization, TENANT.malformed("the list of tenants is empty"));
        }
    }

    async fn read_role(&mut self, template: &str, name: &str) {
        let filter = format!("roleDefinitionId eq '{template}'");
        let query = [("$filter", filter.as_str())];
        let call = self.arm.graph_call(HOLDERS, "roleManagement/directory/roleAssignments", &query, None);
        let found = self.arm.graph_list(HOLDERS, call, wire::item::<Holder>).await;
        let is_read = found.is_ok();
        let mut standing: BTreeSet<String> = BTreeSet::new();
        for holder in self.take(Facet::DirectoryRoles, found).into_iter().take(MAX_HOLDERS) {
            match wire::needed_id(&holder.principal_id) {
                // One whose scope is narrower is no administrator of the whole directory.
                Ok(id) if holder.directory_scope_id.as_deref().is_none_or(|scope| scope == "/") => {
                    standing.insert(id);
                }
                Ok(_) => {}
                Err(text) => self.gap(Facet::DirectoryRoles, HOLDERS.malformed(&format!("a holder {text}"))),
            }
        }
        if is_read {
            for activated in self.activated(&query).await {
                standing.remove(&activated);
            }
            let (template_id, name) = (template.to_owned(), name.to_owned());
            let standing = standing.into_iter().collect();
            self.directory.roles.push(DirectoryRole { template_id, name, standing });
        }
    }

    /// Who has activated the role for a while. Tenants without Privileged Identity Management have no such list.
    async fn activated(&mut self, query: &[(&str, &str)]) -> Vec<String> {
        const PATH: &str = "roleManagement/directory/roleAssignmentScheduleInstances";
        let call = self.arm.graph_call(HOLDERS, PATH, query, None);
        let found = match self.arm.graph_list(HOLDERS, call, wire::item::<Holder>).await {
            Err(reason) if matches!(reason.why, Why::Failed) => return Vec::new(),
            found => self.take(Facet::DirectoryRoles, found),
        };
        let is_activated =
            |holder: &Holder| holder.assignment_type.as_deref().is_some_and(|of| of.eq_ignore_ascii_case("Activated"));
        found.iter().filter(|holder| is_activated(holder)).filter_map(|holder| wire::id(&holder.principal_id)).collect()
    }
}
