//! What Resource Graph is asked: the queries are in `queries/`.

use super::authorization::Read;
use super::kinds::{EXTENSIONS, KINDS, SESSION_HOSTS, VIRTUAL_MACHINES};
use super::resource::{resource, session_host};
use super::wire;
use super::{Depth, item::Item};
use crate::arm::Arm;
use crate::listing::Listed;
use crate::resource_graph::Question;
use poolwarden_domain::access::{ArmResource, Assignment, ClassicAdministrator, Definition};
use poolwarden_domain::{ArmId, Reading};
use serde_json::value::RawValue;

/// Where the query on resources names their types.
const TYPES_PLACEHOLDER: &str = "THESE_TYPES";
/// Management groups above one another at most: Azure allows six, and the root.
const LEVELS: usize = 16;

const ASSIGNMENTS: Question<'static> = Question {
    query: include_str!("queries/access_assignments.kql"),
    what: "the role assignments in Resource Graph",
    list: "/providers/Microsoft.Authorization/roleAssignments",
    with_scopes_above: true,
};
const CUSTOM_ROLES: Question<'static> = Question {
    query: include_str!("queries/access_custom_roles.kql"),
    what: "the custom roles in Resource Graph",
    list: "/providers/Microsoft.Authorization/roleDefinitions",
    with_scopes_above: true,
};
const CLASSIC: Question<'static> =
    question(include_str!("queries/access_classic_administrators.kql"), "the classic administrators in Resource Graph");
const MANAGEMENT_GROUPS: Question<'static> =
    question(include_str!("queries/access_management_groups.kql"), "the management groups in Resource Graph");
const ENTRA_JOINED: Question<'static> =
    question(include_str!("queries/access_entra_joined.kql"), "the extensions of virtual machines in Resource Graph");
const NAMES_OF_MACHINES: Question<'static> =
    question(include_str!("queries/access_virtual_machines.kql"), "the virtual machines in Resource Graph");
const MACHINES_OF_HOSTS: Question<'static> =
    question(include_str!("queries/access_session_hosts.kql"), "the session hosts in Resource Graph");
const SESSION_HOSTS_WHOLE: Question<'static> =
    question(include_str!("queries/posture_session_hosts.kql"), "the session hosts in Resource Graph");
const PROTECTED_ITEMS: Question<'static> =
    question(include_str!("queries/posture_protected_items.kql"), "what is backed up in Resource Graph");
const DATA_COLLECTION: Question<'static> = question(
    include_str!("queries/posture_data_collection.kql"),
    "the associations of data collection rules in Resource Graph",
);

const fn question(query: &'static str, what: &'static str) -> Question<'static> {
    Question { query, what, list: "", with_scopes_above: false }
}

/// What Resource Graph knows of a subscription: its tenant, and the management groups above it from the nearest on,
/// by id and name; `None` where it does not say.
pub(super) struct Place {
    pub(super) id: ArmId,
    pub(super) tenant: Option<String>,
    pub(super) chain: Option<Vec<(ArmId, String)>>,
}

/// Asks Resource Graph of some subscriptions.
pub(super) struct Graph<'a> {
    pub(super) arm: &'a Arm,
    pub(super) subscriptions: &'a [String],
}

impl Graph<'_> {
    async fn ask<T>(&self, question: &Question<'_>, read: Read<T>) -> Reading<Listed<T>> {
        self.arm.query(self.subscriptions, question, read).await
    }

    pub(super) async fn places(&self) -> Reading<Listed<Place>> {
        self.ask(&MANAGEMENT_GROUPS, place).await
    }

    pub(super) async fn assignments(&self) -> Reading<Listed<Assignment>> {
        self.ask(&ASSIGNMENTS, wire::assignment).await
    }

    pub(super) async fn custom_roles(&self) -> Reading<Listed<Definition>> {
        self.ask(&CUSTOM_ROLES, wire::definition).await
    }

    pub(super) async fn classic_administrators(&self) -> Reading<Listed<ClassicAdministrator>> {
        self.ask(&CLASSIC, wire::classic_administrator).await
    }

    /// The estate's resources without session hosts.
    pub(super) async fn resources(&self, depth: Depth) -> Reading<Listed<ArmResource>> {
        let is_wanted = |name: &str| match depth {
            // Of virtual machines access needs the names, of their extensions one; these have their own questions.
            Depth::Rbac => name != VIRTUAL_MACHINES && name != EXTENSIONS,
            Depth::Posture => true,
        };
        let kinds = KINDS.iter().filter(|kind| kind.for_access || depth == Depth::Posture);
        let names = kinds.map(|kind| kind.name).filter(|name| *name != SESSION_HOSTS && is_wanted(name));
        let names: Vec<String> = names.map(|name| format!("'{name}'")).collect();
        let query = include_str!("queries/access_resources.kql").replace(TYPES_PLACEHOLDER, &names.join(", "));
        let all =
            Question { query: &query, what: "the resources in Resource Graph", list: "", with_scopes_above: false };
        let mut listed = self.ask(&all, resource).await?;
        if depth == Depth::Rbac {
            listed.append(self.ask(&NAMES_OF_MACHINES, resource).await?);
            listed.append(self.ask(&ENTRA_JOINED, resource).await?);
        }
        Ok(listed)
    }

    pub(super) async fn session_hosts(&self, depth: Depth) -> Reading<Listed<ArmResource>> {
        match depth {
            Depth::Rbac => self.ask(&MACHINES_OF_HOSTS, session_host).await,
            Depth::Posture => self.ask(&SESSION_HOSTS_WHOLE, resource).await,
        }
    }

    pub(super) async fn protected_items(&self) -> Reading<Listed<ArmResource>> {
        self.ask(&PROTECTED_ITEMS, resource).await
    }

    pub(super) async fn data_collection(&self) -> Reading<Listed<ArmResource>> {
        self.ask(&DATA_COLLECTION, resource).await
    }
}

fn place(raw: &RawValue) -> Result<Place, String> {
    let value = wire::parsed(raw)?;
    let item = Item::of(&value)?;
    let id = ArmId::new(item.own("id").ok_or("has no id")?).up_to("subscriptions").ok_or("is no subscription")?;
    let chain: Vec<_> = chain_of(&item)?.into_iter().map(|(id, name, _)| (id, name)).collect();
    // A tenant's root is above every subscription, so nothing above means that it was not told.
    let chain = Some(chain).filter(|chain| !chain.is_empty());
    Ok(Place { id, tenant: item.own("tenantId").map(str::to_owned), chain })
}

/// The management groups above a subscription from the nearest on: id, name, and the one above.
pub(super) fn chain_of(item: &Item<'_>) -> Result<Vec<(ArmId, String, Option<ArmId>)>, String> {
    let group = |value: &serde_json::Value| {
        let group = Item::of(value).ok()?;
        let name = group.own("name")?;
        let id = ArmId::new(&format!("/providers/Microsoft.Management/managementGroups/{name}"));
        Some((id, group.own("displayName").unwrap_or(name).to_owned()))
    };
    let chain = item.value("chain").or_else(|| item.value("managementGroupAncestorsChain"));
    let groups = chain.and_then(serde_json::Value::as_array).filter(|groups| groups.len() <= LEVELS);
    let chain = groups.into_iter().flatten().map(group).collect::<Option<Vec<_>>>();
    let chain = chain.ok_or("has a management group without a name")?;
    let above = chain.iter().skip(1).map(|(id, _)| Some(id.clone())).chain([None]);
    Ok(chain.iter().zip(above).map(|((id, name), above)| (id.clone(), name.clone(), above)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use serde_json::value::to_raw_value;

    #[test]
    fn the_management_groups_above_come_nearest_first() {
        let row = json!({"id": "/subscriptions/s", "tenantId": "t", "chain": [
            {"displayName": "Desktops", "name": "avd"}, {"displayName": "Tenant Root Group", "name": "t"}]});
        let place = place(&to_raw_value(&row).unwrap()).unwrap();
        let chain = place.chain.unwrap();
        assert_eq!(chain[0].0, ArmId::new("/providers/Microsoft.Management/managementGroups/avd"));
        assert_eq!((chain[0].1.as_str(), chain.len(), place.tenant.as_deref()), ("Desktops", 2, Some("t")));
    }

    #[test]
    fn no_management_group_above_is_not_told_rather_than_none() {
        for row in [json!({"id": "/subscriptions/s", "chain": []}), json!({"id": "/subscriptions/s", "chain": null})] {
            assert!(place(&to_raw_value(&row).unwrap()).unwrap().chain.is_none());
        }
        let odd = json!({"id": "/subscriptions/s", "chain": [{"displayName": "x"}]});
        assert!(place(&to_raw_value(&odd).unwrap()).is_err());
    }
}
