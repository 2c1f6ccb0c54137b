//! The permissions of Azure AD Graph, which is retired, and what they are called on Microsoft Graph: by name, for the two
//! use different ids, and the directory does not always tell the name.
//! <https://learn.microsoft.com/graph/permissions-reference>,
//! <https://learn.microsoft.com/graph/migrate-azure-ad-graph-permissions-differences>

use crate::access::AppRoleAssignment;
use crate::access::builtin::{AZURE_AD_GRAPH, MICROSOFT_GRAPH};

/// In whose name a permission is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PermissionKind {
    /// In the name of the user who is signed in; a scope.
    Delegated,
    /// In the application's own name; an app role.
    Application,
}

/// A permission on the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// Its name, the same on both.
    pub name: &'static str,
    /// In whose name it is used.
    pub kind: PermissionKind,
    /// Whether it changes what belongs to the whole tenant, and not only what its holder made.
    pub is_write: bool,
    /// Its id on Azure AD Graph, where it is there.
    pub azure_ad_graph: Option<&'static str>,
    /// Its id on Microsoft Graph.
    pub microsoft_graph: &'static str,
}

/// A permission in the application's own name.
const fn application(
    name: &'static str,
    is_write: bool,
    azure_ad_graph: Option<&'static str>,
    microsoft_graph: &'static str,
) -> Permission {
    Permission { name, kind: PermissionKind::Application, is_write, azure_ad_graph, microsoft_graph }
}

/// A permission in the name of the user who is signed in.
const fn delegated(
    name: &'static str,
    is_write: bool,
    azure_ad_graph: &'static str,
    microsoft_graph: &'static str,
) -> Permission {
    let azure_ad_graph = Some(azure_ad_graph);
    Permission { name, kind: PermissionKind::Delegated, is_write, azure_ad_graph, microsoft_graph }
}

/// The permissions that a VDS-style deployment asked for, by kind and name.
#[rustfmt::skip]
pub const PERMISSIONS: [Permission; 17] = [
    application("Application.ReadWrite.All", true, Some("1cda74f2-2616-4834-b122-5cb1b07f8a59"), "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9"),
    application("Application.ReadWrite.OwnedBy", false, Some("824c81eb-e3f8-4ee6-8f6d-de7f50d565b7"), "18a4783c-866b-4cc7-a460-3d5e5662c884"),
    application("Device.ReadWrite.All", true, Some("1138cb37-bd11-4084-a2b7-9f71582aeddb"), "1138cb37-bd11-4084-a2b7-9f71582aeddb"),
    application("Directory.Read.All", false, Some("5778995a-e1bf-45b8-affa-663a9f3f4d04"), "7ab1d382-f21e-4acd-a863-ba3e13f7da61"),
    application("Directory.ReadWrite.All", true, Some("78c8a3c8-a07e-4b9e-af1b-b5ccab50a175"), "19dbc75e-c2e2-444c-a770-ec69d8559fc7"),
    application("Domain.ReadWrite.All", true, Some("abefe9df-d5a9-41c6-a60b-27b38eac3efb"), "7e05723c-0bb0-42da-be95-ae9f08a6e53c"),
    application("Group.ReadWrite.All", true, None, "62a82d76-70ea-41e2-9197-370581804d09"),
    application("Member.Read.Hidden", false, Some("9728c0c4-a06b-4e0e-8d1b-3d694e8ec207"), "658aa5d8-239f-45c4-aa12-864f4fc7e490"),
    delegated("Directory.AccessAsUser.All", true, "a42657d6-7f20-40e3-b6f0-cee03008a62a", "0e263e50-5827-48a4-b97c-d940288653c7"),
    delegated("Directory.Read.All", false, "5778995a-e1bf-45b8-affa-663a9f3f4d04", "06da0dbc-49e2-44d2-8312-53f166ab848a"),
    delegated("Directory.ReadWrite.All", true, "78c8a3c8-a07e-4b9e-af1b-b5ccab50a175", "c5366453-9fb0-48a5-a156-24f0c49a4b84"),
    delegated("Group.Read.All", false, "6234d376-f627-4f0f-90e0-dff25c5211a3", "5f8c59db-677d-491f-a6b8-5f174b11ec1d"),
    delegated("Group.ReadWrite.All", true, "970d6fa6-214a-4a9b-8513-08fad511e2fd", "4e46008b-f24c-477d-8fff-7bb4ec7aafe0"),
    delegated("Member.Read.Hidden", false, "2d05a661-f651-4d57-a595-489c91eda336", "f6a3db3e-f7e8-4ed2-a414-557c8c9830be"),
    delegated("User.Read", false, "311a71cc-e848-46a1-bdf8-97ff7156d8e6", "e1fe6dd8-ba31-4d61-89e7-88639da4683d"),
    delegated("User.Read.All", false, "c582532d-9d9e-43bd-a97c-2667a28ce295", "a154be20-db9c-4678-8ab7-66f6cc099a59"),
    delegated("User.ReadBasic.All", false, "cba73afc-7f69-4d86-8450-4978e04ecd1a", "b340eb25-3456-403f-be2f-af7a0d370277"),
];

/// The application permission with this id on Azure AD Graph or Microsoft Graph, by the application (client) id of
/// either; nothing for other resources and for permissions that are not in the table.
pub fn application_permission(resource_app_id: &str, app_role_id: &str) -> Option<&'static Permission> {
    find(PermissionKind::Application, resource_app_id, app_role_id)
}

/// The delegated permission with this id on Azure AD Graph or Microsoft Graph.
pub fn delegated_permission(resource_app_id: &str, scope_id: &str) -> Option<&'static Permission> {
    find(PermissionKind::Delegated, resource_app_id, scope_id)
}

fn find(kind: PermissionKind, resource_app_id: &str, id: &str) -> Option<&'static Permission> {
    let is_old = resource_app_id.eq_ignore_ascii_case(AZURE_AD_GRAPH);
    if !is_old && !resource_app_id.eq_ignore_ascii_case(MICROSOFT_GRAPH) {
        return None;
    }
    PERMISSIONS.iter().filter(|permission| permission.kind == kind).find(|permission| {
        let own = if is_old { permission.azure_ad_graph } else { Some(permission.microsoft_graph) };
        own.is_some_and(|own| own.eq_ignore_ascii_case(id))
    })
}

/// What an application permission is called: as its resource says, else as the table says, else its id.
pub fn graph_name(assignment: &AppRoleAssignment) -> &str {
    let told = assignment.value.as_deref().map(str::trim).filter(|value| !value.is_empty());
    told.unwrap_or_else(|| {
        application_permission(&assignment.resource_app_id, &assignment.app_role_id)
            .map_or(assignment.app_role_id.as_str(), |permission| permission.name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin::AZURE_SERVICE_MANAGEMENT;
    use std::collections::BTreeSet;

    fn assignment(resource_app_id: &str, app_role_id: &str, value: Option<&str>) -> AppRoleAssignment {
        AppRoleAssignment {
            id: "grant".to_owned(),
            principal: "sp".to_owned(),
            resource_app_id: resource_app_id.to_owned(),
            app_role_id: app_role_id.to_owned(),
            value: value.map(str::to_owned),
        }
    }

    #[test]
    fn the_same_permission_has_its_own_id_on_each_of_the_two() {
        let old = application_permission(AZURE_AD_GRAPH, "1CDA74F2-2616-4834-b122-5cb1b07f8a59").unwrap();
        let new = application_permission(MICROSOFT_GRAPH, "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9").unwrap();
        assert_eq!((old.name, new.name), ("Application.ReadWrite.All", "Application.ReadWrite.All"));
        assert_eq!(application_permission(MICROSOFT_GRAPH, "1cda74f2-2616-4834-b122-5cb1b07f8a59"), None);
        assert_eq!(application_permission(AZURE_SERVICE_MANAGEMENT, "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9"), None);
    }

    #[test]
    fn an_id_that_both_kinds_share_gives_the_permission_of_the_kind_that_was_asked_for() {
        let id = "78c8a3c8-a07e-4b9e-af1b-b5ccab50a175";
        assert_eq!(application_permission(AZURE_AD_GRAPH, id).unwrap().kind, PermissionKind::Application);
        assert_eq!(delegated_permission(AZURE_AD_GRAPH, id).unwrap().kind, PermissionKind::Delegated);
        assert_eq!(delegated_permission(MICROSOFT_GRAPH, "19dbc75e-c2e2-444c-a770-ec69d8559fc7"), None);
    }

    #[test]
    fn a_name_comes_from_the_resource_then_from_the_table_then_it_is_the_id() {
        let device = "1138cb37-bd11-4084-a2b7-9f71582aeddb";
        assert_eq!(graph_name(&assignment(MICROSOFT_GRAPH, device, Some("Told.By.Resource"))), "Told.By.Resource");
        assert_eq!(graph_name(&assignment(MICROSOFT_GRAPH, device, Some(" "))), "Device.ReadWrite.All");
        assert_eq!(graph_name(&assignment(AZURE_AD_GRAPH, device, None)), "Device.ReadWrite.All");
        assert_eq!(graph_name(&assignment(AZURE_AD_GRAPH, "nobody-knows", None)), "nobody-knows");
    }

    #[test]
    fn ids_are_guids_in_lower_case_and_none_stands_twice_for_a_kind() {
        let mut seen = BTreeSet::new();
        for permission in &PERMISSIONS {
            for (resource, id) in
                [(AZURE_AD_GRAPH, permission.azure_ad_graph), (MICROSOFT_GRAPH, Some(permission.microsoft_graph))]
            {
                let Some(id) = id else { continue };
                let parts: Vec<usize> = id.split('-').map(str::len).collect();
                assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
                assert!(id.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{id}");
                assert!(seen.insert((resource, permission.kind, id)), "{id} twice");
            }
        }
    }
}
