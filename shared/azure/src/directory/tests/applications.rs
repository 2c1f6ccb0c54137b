use super::*;

const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";

/// A vendor's service principal (1, of application 2) with a permission of Microsoft Graph (3, of application 4).
async fn vendor() -> Bench {
    Bench::new(|graph| {
        graph.user(9);
        graph.add(
            1,
            "servicePrincipal",
            &json!({"displayName": "O'Vendor", "appId": id(2), "servicePrincipalType": "Application", "appOwnerOrganizationId": id(77),
                "passwordCredentials": [{"keyId": id(5), "endDateTime": "2027-01-01T00:00:00Z", "hint": "abc"}]}),
        );
        let role = json!({"id": id(6), "value": "Directory.ReadWrite.All"});
        graph.add(3, "servicePrincipal", &json!({"appId": id(4), "servicePrincipalType": "Application", "appRoles": [role]}));
        let list = |of: &str| format!("/servicePrincipals/{}/{of}", id(1));
        graph.lists.insert(list("owners"), vec![json!({"id": id(9)})]);
        let role = json!({"id": "assignment", "appRoleId": id(6).to_uppercase(), "resourceId": id(3), "principalId": id(1)});
        graph.lists.insert(list("appRoleAssignments"), vec![role]);
        let grant = json!({"id": "g1", "clientId": id(1), "consentType": "AllPrincipals", "principalId": null, "resourceId": id(3), "scope": " User.Read Directory.Read.All"});
        let one = json!({"id": "g2", "clientId": id(1), "consentType": "Principal", "principalId": id(9), "resourceId": id(3), "scope": "User.Read"});
        graph.lists.insert(list("oauth2PermissionGrants"), vec![grant, one]);
        graph.applications.push(json!({"id": id(8), "appId": id(2), "displayName": "O'Vendor", "passwordCredentials": []}));
    })
    .await
}

fn wanted() -> Wanted {
    Wanted { names: vec!["O'Vendor".into(), "Nobody".into()], app_ids: vec![id(4).to_uppercase()], ..Wanted::default() }
}

#[tokio::test]
async fn a_name_with_a_quotation_mark_is_one_literal() {
    let parts = run::parts_by("applications", "displayName", &["O'V".to_owned()], "id");
    assert!(format!("{parts:?}").contains("displayName%20in%20%28%27O%27%27V%27%29"), "{parts:?}");
}

#[tokio::test]
async fn a_service_principal_comes_with_its_owners_secrets_and_permissions() {
    let bench = vendor().await;
    let wanted = Wanted { app_ids: vec![id(2).to_uppercase(), id(4)], ..Wanted::default() };
    let read = bench.reader.read(&wanted, None).await;
    assert_eq!(gaps(&read), []);
    let DirectoryObject::ServicePrincipal { owners, passwords, owner_tenant, app_id, .. } =
        &read.directory.objects[&id(1)]
    else {
        panic!()
    };
    assert_eq!((owners, owner_tenant, app_id), (&Some(vec![id(9)]), &Some(id(77)), &id(2)));
    assert_eq!((passwords[0].key_id.clone(), passwords[0].end), (id(5), "2027-01-01T00:00:00Z".parse().ok()));
    assert!(read.directory.objects.contains_key(&id(9)), "owners have names");
    let role = &read.directory.app_roles[0];
    assert_eq!((role.resource_app_id.clone(), role.value.as_deref()), (id(4), Some("Directory.ReadWrite.All")));
    assert_eq!(read.directory.delegated[0].user, None);
    assert_eq!(read.directory.delegated[0].scopes, ["User.Read", "Directory.Read.All"]);
    assert_eq!(read.directory.delegated[1].user, Some(id(9)));
}

#[tokio::test]
async fn who_consented_to_a_named_application_and_what_owns_it_are_known() {
    let bench = vendor().await;
    bench.change(|graph| {
        graph.user(10);
        graph.user(11);
        graph.service_principal(12, 13);
        let of = |client: u32, user: u32| {
            json!({"id": format!("g{user}"), "clientId": id(client), "consentType": "Principal", "principalId": id(user),
                "resourceId": id(3), "scope": "User.Read"})
        };
        graph.lists.insert(format!("/servicePrincipals/{}/oauth2PermissionGrants", id(1)), vec![of(1, 10), of(1, 99)]);
        graph.lists.insert(format!("/servicePrincipals/{}/oauth2PermissionGrants", id(3)), vec![of(3, 11)]);
        graph.lists.insert(format!("/servicePrincipals/{}/owners", id(1)), vec![json!({"id": id(12)})]);
    });
    let read = bench.reader.read(&wanted(), None).await;
    assert_eq!(gaps(&read), []);
    assert!(matches!(read.directory.objects[&id(10)], DirectoryObject::User { .. }));
    assert!(read.directory.missing.contains(&id(99)), "who is gone is known to be");
    assert!(!read.directory.objects.contains_key(&id(11)), "others' users are nobody's business");
    assert_eq!(read.directory.objects[&id(12)], DirectoryObject::Other { name: "servicePrincipal 12".to_owned() });
}

#[tokio::test]
async fn registrations_and_service_principals_are_found_by_name() {
    let bench = vendor().await;
    let read = bench.reader.read(&wanted(), None).await;
    assert_eq!((gaps(&read), read.directory.applications[0].app_id.clone()), (vec![], id(2)));
    assert_eq!(read.directory.objects[&id(1)].name(), "O'Vendor");
    assert!(read.directory.objects.contains_key(&id(3)), "found by application id");
}

#[tokio::test]
async fn each_facet_that_is_forbidden_names_its_permission_and_nothing_else_suffers() {
    let vendor_s = "/servicePrincipals/00000001-0000-4000-8000-000000000000";
    let cases = [
        ("/applications", Facet::Applications, "Application.Read.All"),
        (concat_owned(vendor_s, "/owners"), Facet::Owners, "Application.Read.All"),
        (concat_owned(vendor_s, "/appRoleAssignments"), Facet::AppRoleAssignments, "Application.Read.All"),
        (concat_owned(vendor_s, "/oauth2PermissionGrants"), Facet::DelegatedGrants, "Directory.Read.All"),
        ("/roleManagement/directory/roleAssignments", Facet::DirectoryRoles, "RoleManagement.Read.Directory"),
        ("/organization", Facet::Organization, "Organization.Read.All"),
    ];
    for (path, facet, permission) in cases {
        let bench = vendor().await;
        bench.change(|graph| {
            graph.lists.insert("/organization".into(), vec![json!({"id": id(70)})]);
            graph.fault(path, 403, usize::MAX);
        });
        let wanted = Wanted { principals: [id(1)].into(), posture: true, ..wanted() };
        let read = bench.reader.read(&wanted, None).await;
        assert_eq!(gaps(&read), [facet]);
        let (why, text) = gap(&read, facet);
        let advice = format!("grant the permission {permission} of Microsoft Graph");
        assert!(why == Why::Forbidden && text.ends_with(&advice), "{text}");
    }
}

fn concat_owned(a: &str, b: &str) -> &'static str {
    String::leak(format!("{a}{b}"))
}

#[tokio::test]
async fn a_permission_of_what_cannot_be_told_is_unknown() {
    let bench = vendor().await;
    bench.change(|graph| drop(graph.objects.remove(&id(3))));
    let read = bench.read(&[1]).await;
    assert_eq!(gaps(&read), [Facet::AppRoleAssignments, Facet::DelegatedGrants]);
    assert_eq!((read.directory.app_roles.len(), read.directory.app_roles[0].value.as_deref()), (1, None));
}

#[tokio::test]
async fn one_malformed_item_hides_none_of_its_neighbours() {
    let bench = vendor().await;
    bench.change(|graph| {
        let list = graph.lists.get_mut(&format!("/servicePrincipals/{}/appRoleAssignments", id(1))).unwrap();
        list.insert(0, json!({"id": 7}));
    });
    let read = bench.read(&[1]).await;
    assert_eq!((gap(&read, Facet::AppRoleAssignments).0, read.directory.app_roles.len()), (Why::Malformed, 1));
}

#[tokio::test]
async fn the_directory_s_roles_are_standing_only_where_nobody_activated_them() {
    let bench = Bench::new(|graph| {
        [1, 2, 3, 4].into_iter().for_each(|number| graph.user(number));
        graph.group(10, &[4]);
        let holder = |number: u32, scope: &str| json!({"id": format!("r{number}"), "principalId": id(number), "directoryScopeId": scope});
        let all = vec![holder(1, "/"), holder(2, "/"), holder(3, "/administrativeUnits/a"), holder(10, "/")];
        graph.lists.insert("/roleManagement/directory/roleAssignments".into(), all);
        let activated = json!({"id": "s", "principalId": id(2), "directoryScopeId": "/", "assignmentType": "Activated"});
        graph.lists.insert("/roleManagement/directory/roleAssignmentScheduleInstances".into(), vec![activated]);
        let organization = json!({"id": id(70), "onPremisesSyncEnabled": true, "onPremisesLastSyncDateTime": "2026-11-01T00:00:00Z"});
        graph.lists.insert("/organization".into(), vec![organization]);
    })
    .await;
    let read = bench.reader.read(&Wanted { posture: true, ..Wanted::default() }, None).await;
    assert_eq!(gaps(&read), []);
    let role = &read.directory.roles[0];
    assert_eq!((role.template_id.as_str(), &role.standing), (GLOBAL_ADMINISTRATOR, &vec![id(1), id(10)]));
    assert_eq!(read.directory.members[&id(10)], [id(4)], "a group that holds a role is followed");
    let organization = read.directory.organization.unwrap();
    assert!(organization.is_synchronised && organization.last_sync.is_some());
}
