//! Microsoft's own applications that every tenant has: those whose permissions
//! an audit looks at, with the published ids of these.

use super::Object;
use crate::dice::{guid, hash};

/// Azure AD Graph, which is retired.
pub(crate) const AZURE_AD_GRAPH: &str = "00000002-0000-0000-c000-000000000000";
/// Microsoft Graph.
pub(crate) const MICROSOFT_GRAPH: &str = "00000003-0000-0000-c000-000000000000";
/// Azure Resource Manager as an application.
pub(crate) const AZURE_SERVICE_MANAGEMENT: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";
/// Azure Virtual Desktop, which starts and stops virtual machines.
pub(crate) const AVD_APPLICATION: &str = "9cdead84-a844-4324-93f2-b2e6bb768d07";
/// The tenant in which Microsoft registers its applications.
pub(crate) const MICROSOFT_TENANT: &str = "f8cdef31-a31e-4b4a-93e4-5f571e91255a";

/// Permissions for applications: name, Azure AD Graph's id, Microsoft Graph's
/// id. An id that is not published for one of them is empty.
const APP_ROLES: [(&str, &str, &str); 8] = [
    ("Directory.Read.All", "5778995a-e1bf-45b8-affa-663a9f3f4d04", "7ab1d382-f21e-4acd-a863-ba3e13f7da61"),
    ("Directory.ReadWrite.All", "78c8a3c8-a07e-4b9e-af1b-b5ccab50a175", "19dbc75e-c2e2-444c-a770-ec69d8559fc7"),
    ("Member.Read.Hidden", "9728c0c4-a06b-4e0e-8d1b-3d694e8ec207", "658aa5d8-239f-45c4-aa12-864f4fc7e490"),
    ("Application.ReadWrite.All", "1cda74f2-2616-4834-b122-5cb1b07f8a59", "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9"),
    ("Application.ReadWrite.OwnedBy", "", "18a4783c-866b-4cc7-a460-3d5e5662c884"),
    ("Device.ReadWrite.All", "1138cb37-bd11-4084-a2b7-9f71582aeddb", "1138cb37-bd11-4084-a2b7-9f71582aeddb"),
    ("Domain.ReadWrite.All", "abefe9df-d5a9-41c6-a60b-27b38eac3efb", "7e05723c-0bb0-42da-be95-ae9f08a6e53c"),
    ("Group.ReadWrite.All", "", "62a82d76-70ea-41e2-9197-370581804d09"),
];

/// Permissions for users, in the same form.
const SCOPES: [(&str, &str, &str); 9] = [
    ("Directory.AccessAsUser.All", "a42657d6-7f20-40e3-b6f0-cee03008a62a", "0e263e50-5827-48a4-b97c-d940288653c7"),
    ("Directory.Read.All", "5778995a-e1bf-45b8-affa-663a9f3f4d04", "06da0dbc-49e2-44d2-8312-53f166ab848a"),
    ("Directory.ReadWrite.All", "78c8a3c8-a07e-4b9e-af1b-b5ccab50a175", "c5366453-9fb0-48a5-a156-24f0c49a4b84"),
    ("User.Read", "311a71cc-e848-46a1-bdf8-97ff7156d8e6", "e1fe6dd8-ba31-4d61-89e7-88639da4683d"),
    ("User.ReadBasic.All", "cba73afc-7f69-4d86-8450-4978e04ecd1a", "b340eb25-3456-403f-be2f-af7a0d370277"),
    ("User.Read.All", "c582532d-9d9e-43bd-a97c-2667a28ce295", "a154be20-db9c-4678-8ab7-66f6cc099a59"),
    ("Group.Read.All", "6234d376-f627-4f0f-90e0-dff25c5211a3", "5f8c59db-677d-491f-a6b8-5f174b11ec1d"),
    ("Group.ReadWrite.All", "970d6fa6-214a-4a9b-8513-08fad511e2fd", "4e46008b-f24c-477d-8fff-7bb4ec7aafe0"),
    ("Member.Read.Hidden", "2d05a661-f651-4d57-a595-489c91eda336", "f6a3db3e-f7e8-4ed2-a414-557c8c9830be"),
];

/// The service principals of the resources whose permissions are granted.
pub(super) fn resources() -> [Object; 3] {
    let mut old = first_party("Windows Azure Active Directory", AZURE_AD_GRAPH);
    let mut new = first_party("Microsoft Graph", MICROSOFT_GRAPH);
    for (value, old_id, new_id) in APP_ROLES {
        if !old_id.is_empty() {
            old = old.app_role(old_id, value);
        }
        new = new.app_role(new_id, value);
    }
    for (value, old_id, new_id) in SCOPES {
        old = old.scope(old_id, value);
        new = new.scope(new_id, value);
    }
    let management = first_party("Windows Azure Service Management API", AZURE_SERVICE_MANAGEMENT)
        .scope("41094075-9dad-400e-a0bd-54e686782033", "user_impersonation");
    [old, new, management]
}

/// The object id of the service principal of one of Microsoft's applications;
/// it follows from the application's id.
pub(crate) fn object_id(app_id: &str) -> String {
    guid(hash(1, app_id), hash(2, app_id))
}

/// The service principal of one of Microsoft's applications.
pub(super) fn first_party(name: &str, app_id: &str) -> Object {
    Object::service_principal(&object_id(app_id), name, app_id).owned_by_tenant(MICROSOFT_TENANT)
}
