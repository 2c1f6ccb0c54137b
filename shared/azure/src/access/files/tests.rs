use super::*;
use poolwarden_domain::access::{DefinitionKind, DirectoryObject, builtin};
use serde_json::json;

const S: &str = "/subscriptions/00000000-0000-0000-0000-0000000000a1";
const ROLE: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
const USER: &str = "00000000-0000-0000-0000-000000000001";
const GROUP: &str = "00000000-0000-0000-0000-000000000002";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(self, name: &str, value: &Value) -> Self {
        std::fs::write(self.0.path().join(name), value.to_string()).unwrap();
        self
    }

    fn read(&self, depth: Depth) -> AccessFiles {
        read_access_files(self.0.path(), depth, Timestamp::UNIX_EPOCH).unwrap()
    }
}

fn assignment(scope: &str, name: &str, principal: &str) -> Value {
    json!({"id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"), "name": name, "scope": scope,
        "type": "Microsoft.Authorization/roleAssignments", "principalId": principal, "principalType": "Group",
        "roleDefinitionId": format!("{S}/providers/Microsoft.Authorization/roleDefinitions/{ROLE}")})
}

fn state(files: &AccessFiles, scope: &str, facet: Facet) -> State {
    let scope = ArmId::new(scope);
    let line = files.facts.coverage.iter().find(|one| one.scope == scope && one.facet == facet);
    line.unwrap_or_else(|| panic!("no line for {facet} of {scope}")).state.clone()
}

fn is_read(files: &AccessFiles, scope: &str, facet: Facet) -> bool {
    matches!(state(files, scope, facet), State::Read { .. })
}

fn recorded(url: &str, items: &Value) -> Value {
    json!({"request": {"url": format!("https://management.azure.com{url}")}, "response": {"status": 200, "body": {"value": items}}})
}

#[test]
fn what_az_prints_is_facts_and_the_rest_is_unknown() {
    let roles = [ROLE, builtin::CONTRIBUTOR, builtin::READER, builtin::USER_ACCESS_ADMINISTRATOR];
    let roles = roles.into_iter().chain([builtin::DESKTOP_VIRTUALIZATION_USER]).map(|role| {
        json!({"id": format!("{S}/providers/Microsoft.Authorization/roleDefinitions/{role}"), "name": role,
            "type": "Microsoft.Authorization/roleDefinitions", "roleName": role, "roleType": "BuiltInRole",
            "assignableScopes": ["/"], "permissions": [{"actions": ["*"]}]})
    });
    let roles: Vec<Value> = roles.collect();
    let read = |roles: &[Value]| {
        let folder = Folder::new().with("anything.json", &json!([assignment(S, "a", GROUP)]));
        folder.with("b.json", &json!(roles)).read(Depth::Rbac)
    };
    assert!(!is_read(&read(&roles[..1]), S, Facet::RoleDefinitions), "a list of some roles is none of all");
    let files = read(&roles);
    assert_eq!(files.ignored, Vec::<String>::new());
    assert_eq!((files.facts.assignments.len(), files.facts.definitions[0].kind), (1, DefinitionKind::BuiltIn));
    assert!(is_read(&files, S, Facet::RoleDefinitions));
    for facet in Depth::Rbac.facets().iter().filter(|facet| **facet != Facet::RoleDefinitions) {
        let State::Unknown(reason) = state(&files, S, *facet) else { panic!("{facet} is in no file") };
        assert_eq!(reason.why, Why::Missing);
    }
    let State::Unknown(reason) = state(&files, S, Facet::RoleAssignments) else { panic!("above is missing") };
    assert!(reason.detail.contains("--include-inherited"), "{reason}");
    assert!(!is_read(&files, "/", Facet::Principals) && !is_read(&files, "/", Facet::GroupMembers));
}

#[test]
fn assignments_with_those_above_are_whole() {
    let group = "/providers/Microsoft.Management/managementGroups/m";
    let files = Folder::new()
        .with("a.json", &json!([assignment(S, "a", GROUP), assignment(group, "b", GROUP)]))
        .read(Depth::Rbac);
    assert_eq!(state(&files, S, Facet::RoleAssignments), State::Read { items: 1 });
    let cut = json!({"value": [assignment(S, "a", GROUP), assignment(group, "b", GROUP)], "nextLink": "https://x"});
    let files = Folder::new().with("a.json", &cut).read(Depth::Rbac);
    assert!(!is_read(&files, S, Facet::RoleAssignments), "a list that goes on elsewhere");
    assert_eq!(files.facts.assignments.len(), 2, "what was read is kept");
}

#[test]
fn what_powershell_prints_is_the_same() {
    let shell = json!([{"RoleAssignmentName": "a", "RoleAssignmentId": format!("{S}/providers/Microsoft.Authorization/roleAssignments/a"),
        "Scope": S, "RoleDefinitionName": "Owner", "RoleDefinitionId": ROLE, "ObjectId": USER, "ObjectType": "User"}]);
    let role = json!({"Name": "Mine", "Id": "00000000-0000-0000-0000-0000000000ff", "IsCustom": true, "Actions": ["*/read"],
        "NotActions": [], "AssignableScopes": [S]});
    let user = json!([{"Id": USER, "DisplayName": "A", "UserPrincipalName": "a@x", "AccountEnabled": false, "UserType": "Guest"}]);
    let files = Folder::new().with("1.json", &shell).with("2.json", &role).with("3.json", &user).read(Depth::Rbac);
    assert_eq!(files.ignored, Vec::<String>::new());
    assert_eq!(files.facts.assignments[0].principal.id, USER);
    assert_eq!(files.facts.definitions[0].kind, DefinitionKind::Custom);
    let expected =
        DirectoryObject::User { name: "A".into(), upn: Some("a@x".into()), guest: true, enabled: Some(false) };
    assert_eq!(files.facts.directory.objects[USER], expected);
    assert!(is_read(&files, "/", Facet::Principals) && is_read(&files, "/", Facet::GroupMembers));
}

#[test]
fn what_a_deny_assignment_hides_from_whoever_asked_is_unknown() {
    let group = format!("{S}/resourceGroups/dark");
    let deny = |pattern: &str| {
        let permissions = json!([{"actions": [pattern], "notActions": []}]);
        let everybody = json!([{"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}]);
        let body = json!({"denyAssignmentName": "d", "permissions": permissions, "principals": everybody});
        let id = format!("{group}/providers/Microsoft.Authorization/denyAssignments/d");
        let one = json!({"id": id, "type": "Microsoft.Authorization/denyAssignments", "properties": body});
        Folder::new().with("denies.json", &json!({ "value": [one] })).read(Depth::Rbac)
    };
    assert!(!is_read(&deny("*/read"), &group, Facet::KeyVaults));
    let files = deny("*/write");
    assert!(files.facts.denies.len() == 1 && files.facts.coverage.iter().all(|one| one.scope != ArmId::new(&group)));
}

#[test]
fn members_come_by_name_by_question_or_with_their_group() {
    let group = json!([{"id": GROUP, "displayName": "G", "securityEnabled": true}]);
    let user = json!({"id": USER, "displayName": "A", "userPrincipalName": "a@x"});
    let base = || Folder::new().with("a.json", &json!([assignment(S, "a", GROUP)])).with("g.json", &group);
    let question = json!({"request": {"url": format!("https://graph.microsoft.com/v1.0/groups/{GROUP}/transitiveMembers?$top=9")},
        "response": {"status": 200, "body": {"value": [user]}}});
    for (name, value) in [
        (format!("members-{GROUP}.json"), json!({"value": [user]})),
        ("q.json".to_owned(), question),
        ("m.json".to_owned(), json!({"groupId": GROUP, "members": [user]})),
        ("m.json".to_owned(), json!([{"groupId": GROUP, "members": [USER]}, user])),
    ] {
        let files = base().with(&name, &value).read(Depth::Rbac);
        assert_eq!(files.facts.directory.members[GROUP], [USER], "{value}");
        assert!(is_read(&files, "/", Facet::GroupMembers), "{value}: {:?}", state(&files, "/", Facet::GroupMembers));
    }
    let cut = json!({"value": [user], "@odata.nextLink": "https://graph.microsoft.com/next"});
    let files = base().with(&format!("members-{GROUP}.json"), &cut).read(Depth::Rbac);
    assert!(files.facts.directory.opaque_groups.contains(GROUP) && !is_read(&files, "/", Facet::GroupMembers));
}

#[test]
fn who_was_asked_for_and_did_not_come_back_is_missing() {
    let asked = json!({"request": {"url": "https://graph.microsoft.com/v1.0/directoryObjects/getByIds", "body": {"ids": [USER, GROUP]}},
        "response": {"status": 200, "body": {"value": [{"@odata.type": "#microsoft.graph.user", "id": USER, "displayName": "A"}]}}});
    let files =
        Folder::new().with("a.json", &json!([assignment(S, "a", GROUP)])).with("b.json", &asked).read(Depth::Rbac);
    assert!(files.facts.directory.missing.contains(GROUP) && !files.facts.directory.missing.contains(USER));
    assert!(is_read(&files, "/", Facet::Principals));
}

#[test]
fn an_empty_list_counts_where_it_says_of_what() {
    let url = format!("{S}/providers/Microsoft.Authorization/denyAssignments?api-version=2022-04-01");
    let base = || Folder::new().with("a.json", &json!([assignment(S, "a", GROUP)]));
    let files = base().with("d.json", &recorded(&url, &json!([]))).read(Depth::Rbac);
    assert!(is_read(&files, S, Facet::DenyAssignments));
    let files = base().with("deny-assignments.json", &json!({"value": []})).read(Depth::Rbac);
    assert!(is_read(&files, S, Facet::DenyAssignments), "of the only subscription there is");
    let files = base().with("d.json", &json!([])).read(Depth::Rbac);
    assert!(!is_read(&files, S, Facet::DenyAssignments));
    assert!(files.ignored[0].contains("does not say of what"), "{:?}", files.ignored);
    let above = recorded(&format!("{url}&$filter=atScope()"), &json!([]));
    assert!(
        !is_read(&base().with("d.json", &above).read(Depth::Rbac), S, Facet::DenyAssignments),
        "only what is above"
    );
}

#[test]
fn an_answer_to_a_narrower_question_is_not_all_that_there_is() {
    let above = assignment("/providers/Microsoft.Management/managementGroups/m", "b", GROUP);
    let list = json!([assignment(S, "a", GROUP), above]);
    let url =
        |of: &str, rest: &str| format!("{of}/providers/Microsoft.Authorization/roleAssignments?api-version=1{rest}");
    let group = format!("{S}/resourceGroups/g");
    let read = |url: &str| Folder::new().with("a.json", &recorded(url, &list)).read(Depth::Rbac);
    assert!(is_read(&read(&url(S, "")), S, Facet::RoleAssignments));
    for narrower in [url(&group, ""), url(S, "&$filter=principalId eq '1'"), url(S, "&$filter=atScope()")] {
        assert!(!is_read(&read(&narrower), S, Facet::RoleAssignments), "{narrower}");
    }
}

#[test]
fn an_answer_of_the_directory_with_a_filter_is_not_all_that_there_is() {
    let graph = |rest: &str, items: &Value| json!({"request": {"url": format!("https://graph.microsoft.com/v1.0/{rest}")}, "response": {"status": 200, "body": {"value": items}}});
    let app = json!([{"id": USER, "appId": USER, "displayName": "a", "passwordCredentials": []}]);
    let base = || Folder::new().with("a.json", &json!([assignment(S, "a", GROUP)]));
    let facet = |url: &str, items: &Value, facet| {
        is_read(&base().with("d.json", &graph(url, items)).read(Depth::Posture), "/", facet)
    };
    assert!(facet("applications", &app, Facet::Applications));
    assert!(!facet("applications?$filter=displayName eq 'a'", &app, Facet::Applications));
    assert!(!facet("applications?$filter=displayName eq 'b'", &json!([]), Facet::Applications));
    let members = |url: &str| {
        let user = json!([{"id": USER, "displayName": "A", "userPrincipalName": "a@x"}]);
        let group = json!([{"id": GROUP, "displayName": "G", "securityEnabled": true}]);
        let folder = base().with("g.json", &group).with("m.json", &graph(url, &user));
        is_read(&folder.read(Depth::Rbac), "/", Facet::GroupMembers)
    };
    assert!(members(&format!("groups/{GROUP}/members")));
    assert!(!members(&format!("groups/{GROUP}/members?$filter=accountEnabled eq true")));
}

#[test]
fn nobody_is_found_by_name_where_not_everybody_is_in_the_files() {
    let graph = |rest: &str, items: &Value| json!({"request": {"url": format!("https://graph.microsoft.com/v1.0/{rest}")}, "response": {"status": 200, "body": {"value": items}}});
    let users = json!([{"id": GROUP, "displayName": "A", "userPrincipalName": "a@x"}]);
    let services = json!([{"id": USER, "appId": USER, "servicePrincipalType": "Application", "displayName": "S"}]);
    let read = |one: (&str, &Value), other: (&str, &Value), depth| {
        let base = Folder::new().with("a.json", &json!([assignment(S, "a", GROUP)]));
        is_read(&base.with(one.0, one.1).with(other.0, other.1).read(depth), "/", Facet::Principals)
    };
    let plain = (("1.json", &users), ("2.json", &services));
    assert!(read(plain.0, plain.1, Depth::Rbac) && !read(plain.0, plain.1, Depth::Posture));
    assert!(read(("users.json", &users), ("service-principals.json", &services), Depth::Posture));
    assert!(!read(("users.json", &users), ("2.json", &services), Depth::Posture));
    let asked = |of_users: &str| {
        let (users, services) = (graph(of_users, &users), graph("servicePrincipals?$top=999", &services));
        read(("1.json", &users), ("2.json", &services), Depth::Posture)
    };
    assert!(asked("users?$select=id"));
    for narrower in ["users?$filter=startswith(displayName,'A')", "users?$search=\"displayName:A\"", "groups/g/users"] {
        assert!(!asked(narrower), "{narrower}");
    }
}

#[test]
fn a_permission_for_nobody_knows_what_leaves_its_kind_unknown() {
    const RESOURCE: &str = "00000000-0000-0000-0000-000000000009";
    let service = |id: &str, app: &str| json!({"id": id, "appId": app, "servicePrincipalType": "Application", "displayName": "S"});
    let role = |more: &Value| {
        let mut role = json!({"id": "g", "appRoleId": USER, "principalId": USER, "resourceId": RESOURCE});
        more.as_object().unwrap().iter().for_each(|(key, value)| role[key] = value.clone());
        json!([role])
    };
    let grant = json!([{"id": "g", "clientId": USER, "consentType": "AllPrincipals", "resourceId": RESOURCE, "scope": "user_impersonation"}]);
    let read = |roles: &Value, services: &Value| {
        let folder = Folder::new().with("s.json", services).with("r.json", roles).with("g.json", &grant);
        let files = folder.read(Depth::Posture);
        let facets = [Facet::AppRoleAssignments, Facet::DelegatedGrants].map(|facet| is_read(&files, "/", facet));
        (facets, files.facts.directory.delegated[0].resource_app_id.clone())
    };
    let alone = json!([service(USER, USER)]);
    assert_eq!(read(&role(&json!({})), &alone).0, [false, false]);
    assert_eq!(read(&role(&json!({"resourceDisplayName": "Anything"})), &alone).0, [false, false]);
    let named = read(&role(&json!({"resourceDisplayName": "Windows Azure Service Management API"})), &alone);
    assert_eq!(named, ([true, true], "797f4846-ba00-4fd7-ba43-dac1f8f63013".to_owned()));
    // The service principal that the permissions are for tells its application.
    let both = json!([service(USER, USER), service(RESOURCE, "797f4846-ba00-4fd7-ba43-dac1f8f63013")]);
    let (_, app) = read(&role(&json!({})), &both);
    assert_eq!(app, "797f4846-ba00-4fd7-ba43-dac1f8f63013");
}

#[test]
fn an_empty_list_of_one_provider_says_nothing_of_another_ones() {
    let url = format!("{S}/providers/Microsoft.RecoveryServices/vaults?api-version=1");
    let base = || Folder::new().with("a.json", &json!([assignment(S, "a", GROUP)]));
    assert!(!is_read(&base().with("v.json", &recorded(&url, &json!([]))).read(Depth::Rbac), S, Facet::KeyVaults));
    let url = format!("{S}/providers/Microsoft.KeyVault/vaults?api-version=1");
    assert!(is_read(&base().with("v.json", &recorded(&url, &json!([]))).read(Depth::Rbac), S, Facet::KeyVaults));
}

#[test]
fn what_is_in_resources_is_whole_when_every_resource_was_asked() {
    const AVD: &str = "Microsoft.DesktopVirtualization";
    let id = |kind: &str, name: &str| format!("{S}/resourceGroups/g/providers/{AVD}/{kind}/{name}");
    let of = |kind: &str, name: &str| json!({"id": id(kind, name), "type": format!("{AVD}/{kind}")});
    let pools = json!([of("hostPools", "p"), of("hostPools", "q")]);
    let others = ["applicationGroups", "workspaces", "scalingPlans", "appAttachPackages"];
    let host = |pool: &str| json!({"id": format!("{}/sessionHosts/h", id("hostPools", pool))});
    let hosts = |pool: &str| format!("{}/sessionHosts?api-version=1", id("hostPools", pool));
    let base = || {
        let list = |folder: Folder, kind: &str| folder.with(&format!("{kind}.json"), &json!([of(kind, "x")]));
        others.into_iter().fold(Folder::new().with("pools.json", &pools), list)
    };
    let is_whole = |folder: Folder| is_read(&folder.read(Depth::Rbac), S, Facet::DesktopVirtualization);
    assert!(!is_whole(base()));
    assert!(!is_whole(base().with("p.json", &json!([host("p")]))), "the hosts of one pool");
    assert!(!is_whole(base().with("p.json", &recorded(&hosts("p"), &json!([host("p")])))));
    assert!(is_whole(base().with("p.json", &json!([host("p")])).with("q.json", &recorded(&hosts("q"), &json!([])))));
    assert!(is_whole(base().with("p.json", &json!({"data": [host("p")], "count": 1}))), "Resource Graph");
}

/// A folder with each of these in a file of its own.
fn folder_of(items: &[Value]) -> Folder {
    items.iter().enumerate().fold(Folder::new(), |folder, (at, item)| folder.with(&format!("{at}.json"), item))
}

#[test]
fn what_is_in_resources_is_a_part_of_their_facet() {
    let id = |rest: &str| format!("{S}/resourceGroups/g/providers/{rest}");
    let of = |rest: &str, more: &Value| {
        let mut one = json!({ "id": id(rest) });
        more.as_object().unwrap().iter().for_each(|(key, value)| one[key] = value.clone());
        json!([one])
    };
    let none = |path: &str| recorded(&format!("{}?api-version=1", id(path)), &json!([]));
    let account = of("Microsoft.Storage/storageAccounts/st", &json!({ "kind": "StorageV2" }));
    let vault = of("Microsoft.RecoveryServices/vaults/rsv", &json!({}));
    let keys = of("Microsoft.KeyVault/vaults/kv", &json!({}));
    let secrets = of("Microsoft.KeyVault/vaults/kv/secrets/s", &json!({}));
    let item = "Microsoft.RecoveryServices/vaults/rsv/backupFabrics/Azure/protectionContainers/c/protectedItems/i";
    let share = "Microsoft.Storage/storageAccounts/st/fileServices/default/shares/s";
    let is_whole = |facet, items: &[Value]| is_read(&folder_of(items).read(Depth::Posture), S, facet);

    assert!(!is_whole(Facet::Storage, std::slice::from_ref(&account)));
    assert!(is_whole(Facet::Storage, &[account.clone(), of(share, &json!({}))]));
    let other = of("Microsoft.Storage/storageAccounts/other", &json!({ "kind": "StorageV2" }));
    assert!(!is_whole(Facet::Storage, &[account.clone(), other, of(share, &json!({}))]), "the shares of one account");
    assert!(is_whole(
        Facet::Storage,
        &[account, none("Microsoft.Storage/storageAccounts/st/fileServices/default/shares")]
    ));
    let blobs = of("Microsoft.Storage/storageAccounts/blobs", &json!({ "kind": "BlobStorage" }));
    assert!(is_whole(Facet::Storage, &[blobs]), "none can be there");

    assert!(!is_whole(Facet::RecoveryServices, std::slice::from_ref(&vault)));
    assert!(is_whole(Facet::RecoveryServices, &[vault.clone(), of(item, &json!({}))]));
    assert!(is_whole(
        Facet::RecoveryServices,
        &[vault, none("Microsoft.RecoveryServices/vaults/rsv/backupProtectedItems")]
    ));

    assert!(!is_whole(Facet::VaultContents, &[keys.clone(), secrets.clone()]), "certificates too");
    assert!(is_whole(Facet::VaultContents, &[keys, secrets, none("Microsoft.KeyVault/vaults/kv/certificates")]));
}

#[test]
fn what_is_in_one_resource_tells_nothing_of_others_that_no_list_names() {
    let id = |rest: &str| format!("{S}/resourceGroups/g/providers/{rest}");
    let within = |path: &str, items: &Value| recorded(&format!("{}?api-version=1", id(path)), items);
    let of_subscription = |list: &str, items: &Value| recorded(&format!("{S}/providers/{list}?api-version=1"), items);
    let vault = json!([{ "id": id("Microsoft.KeyVault/vaults/kv") }]);
    let none_in_vault = |list: &str| within(&format!("Microsoft.KeyVault/vaults/kv/{list}"), &json!([]));
    let base = [json!([assignment(S, "a", GROUP)]), none_in_vault("secrets"), none_in_vault("certificates")];
    let read = |more: &[Value]| folder_of(&[&base[..], more].concat()).read(Depth::Posture);
    assert!(!is_read(&read(&[]), S, Facet::VaultContents), "there may be more vaults");
    let of_group = read(&[within("Microsoft.KeyVault/vaults", &vault)]);
    assert!(!is_read(&of_group, S, Facet::KeyVaults), "of one resource group");
    assert!(!is_read(&of_group, S, Facet::VaultContents), "there may be vaults in other resource groups");
    assert!(is_read(&read(&[of_subscription("Microsoft.KeyVault/vaults", &vault)]), S, Facet::VaultContents));

    // Galleries and images are not kept: only where there is no gallery there are no versions for certain.
    let gallery = json!([{ "id": id("Microsoft.Compute/galleries/one") }]);
    let versions = within("Microsoft.Compute/galleries/one/images/i/versions", &json!([]));
    let lacks_versions = |items: &[Value]| {
        let State::Unknown(reason) = state(&read(items), S, Facet::Compute) else { panic!("no machines are there") };
        reason.detail.contains("galleries/images/versions")
    };
    assert!(lacks_versions(std::slice::from_ref(&versions)));
    assert!(lacks_versions(&[of_subscription("Microsoft.Compute/galleries", &gallery), versions]));
    assert!(!lacks_versions(&[of_subscription("Microsoft.Compute/galleries", &json!([]))]));
}

#[test]
fn data_collection_rules_reach_hosts_only_if_every_host_was_asked() {
    let id = |rest: &str| format!("{S}/resourceGroups/g/providers/{rest}");
    let vm = |name: &str| id(&format!("Microsoft.Compute/virtualMachines/{name}"));
    let pool = id("Microsoft.DesktopVirtualization/hostPools/p");
    let host =
        |name: &str| json!({"id": format!("{pool}/sessionHosts/{name}"), "properties": {"resourceId": vm(name)}});
    let rule = |name: &str| json!({"id": format!("{}/providers/Microsoft.Insights/dataCollectionRuleAssociations/a", vm(name))});
    let base = [
        json!([{"id": id("Microsoft.OperationalInsights/workspaces/w")}]),
        json!([{"id": id("Microsoft.Insights/dataCollectionRules/r")}]),
        json!([{"id": pool}]),
        json!([host("a"), host("b")]),
        json!([{"id": vm("a")}, {"id": vm("b")}, {"id": vm("server")}]),
        json!([rule("a")]),
    ];
    let is_whole = |items: &[Value]| is_read(&folder_of(items).read(Depth::Posture), S, Facet::Monitoring);
    assert!(!is_whole(&base), "one host of two");
    assert!(is_whole(&[&base[..], &[json!([rule("b")])]].concat()));
    assert!(!is_whole(&base[..5]));
}

#[test]
fn resources_lose_their_secrets_and_are_whole_when_every_type_is_there() {
    let vault = json!({"id": format!("{S}/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"),
        "type": "Microsoft.KeyVault/vaults", "properties": {"enableRbacAuthorization": true, "token": "never-shown"}});
    let files = Folder::new().with("v.json", &json!([vault])).read(Depth::Rbac);
    assert!(is_read(&files, S, Facet::KeyVaults) && !is_read(&files, S, Facet::DesktopVirtualization));
    assert!(!format!("{:?}", files.facts).contains("never-shown"));
}

#[test]
fn an_audits_own_facts_come_back_as_they_were() {
    let group = "/providers/Microsoft.Management/managementGroups/m";
    let first = Folder::new()
        .with("a.json", &json!([assignment(S, "a", GROUP), assignment(group, "b", USER)]))
        .with("u.json", &json!([{"id": USER, "displayName": "A", "userPrincipalName": "a@x"}]))
        .read(Depth::Rbac);
    let saved = serde_json::to_value(&first.facts).unwrap();
    let folder = Folder::new().with("facts.json", &saved);
    let again = folder.read(Depth::Rbac);
    assert_eq!(again.facts, first.facts);
    let one = read_access_files(&folder.0.path().join("facts.json"), Depth::Rbac, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(one.facts, first.facts, "one file will do");
}

#[test]
fn the_facts_of_an_audit_of_access_are_too_little_for_the_posture() {
    let lines = |facets: &[Facet]| {
        let mut facts = AccessFacts::new(Timestamp::UNIX_EPOCH);
        let scope = |facet: &Facet| ArmId::new(if facet.is_of_directory() { "/" } else { S });
        facts.coverage = facets.iter().map(|facet| Coverage::read(scope(facet), *facet, 1)).collect();
        facts.subscriptions.push(SubscriptionFacts { id: ArmId::new(S), name: "S".into(), management_group: None });
        Folder::new().with("facts.json", &serde_json::to_value(&facts).unwrap())
    };
    let access = [Depth::Rbac.facets(), Depth::Rbac.of_directory()].concat();
    let files = lines(&access).read(Depth::Posture);
    assert_eq!((files.depth, &files.facts), (Depth::Rbac, &lines(&access).read(Depth::Rbac).facts));
    let unread: Vec<_> = files.facts.coverage.iter().filter(|line| matches!(line.state, State::Unknown(_))).collect();
    assert!(unread.is_empty(), "they are all that the rules on access need: {unread:?}");
    for more in [Facet::Network, Facet::Organization] {
        let files = lines(&[&access[..], &[more]].concat()).read(Depth::Posture);
        assert!(files.depth == Depth::Posture && is_read(&files, S, Facet::Compute), "{more}");
        assert!(!is_read(&files, S, Facet::VaultContents), "{more}");
    }
    assert_eq!(lines(&[Facet::Network]).read(Depth::Rbac).depth, Depth::Rbac, "no deeper than was wanted");
    assert_eq!(Folder::new().with("a.json", &json!([])).read(Depth::Posture).depth, Depth::Posture);
}

#[test]
fn an_item_of_the_directory_that_is_not_understood_is_held_against_its_facet() {
    let role = |holder: &Value| json!({"roleDefinitionId": "62e90394-69f5-4237-9190-012177145e10", "directoryScopeId": "/", "principalId": holder});
    let read = |name: &str, value: &Value| {
        Folder::new().with("a.json", &json!([assignment(S, "a", USER)])).with(name, value).read(Depth::Posture)
    };
    let roles = |holder: &Value| read("r.json", &json!({"value": [role(&json!(USER)), role(holder)]}));
    assert!(is_read(&roles(&json!(GROUP)), "/", Facet::DirectoryRoles));
    let State::Unknown(reason) = state(&roles(&Value::Null), "/", Facet::DirectoryRoles) else { panic!("one is lost") };
    assert!(reason.why == Why::Malformed && reason.detail.contains("principalId"), "{reason}");
    let group = json!([{"groupId": GROUP, "members": [USER]}, {"groupId": "x", "members": [{"displayName": "y"}]},
        {"id": USER, "displayName": "A", "userPrincipalName": "a@x"}]);
    assert!(!is_read(&read("m.json", &group), "/", Facet::GroupMembers));
}

#[test]
fn what_newer_files_break_is_read_no_more() {
    let management_group = "/providers/Microsoft.Management/managementGroups/m";
    let url = |list: &str| format!("{S}/providers/Microsoft.Authorization/{list}?api-version=1");
    let first = Folder::new()
        .with("a.json", &recorded(&url("roleAssignments"), &json!([assignment(S, "a", USER)])))
        .with("above.json", &json!([assignment(S, "a", USER), assignment(management_group, "b", USER)]))
        .with("d.json", &recorded(&url("denyAssignments"), &json!([])))
        .read(Depth::Rbac);
    assert!(is_read(&first, S, Facet::RoleAssignments) && is_read(&first, S, Facet::DenyAssignments));
    let saved = serde_json::to_value(&first.facts).unwrap();
    let odd =
        json!({"id": format!("{S}/providers/Microsoft.Authorization/roleAssignments/odd"), "properties": {"scope": S}});
    let again = Folder::new().with("facts.json", &saved).with("new.json", &json!([odd])).read(Depth::Rbac);
    let State::Unknown(reason) = state(&again, S, Facet::RoleAssignments) else { panic!("one is odd") };
    assert!(reason.detail.contains("roleAssignments/odd"), "{reason}");
    assert!(is_read(&again, S, Facet::DenyAssignments), "the facts tell what no file holds now");
    let same = |one: &&Coverage| one.scope == ArmId::new(S) && one.facet == Facet::RoleAssignments;
    assert_eq!(again.facts.coverage.iter().filter(same).count(), 1);
}

#[test]
fn what_is_not_understood_is_listed_and_never_fatal() {
    let odd =
        json!({"id": format!("{S}/providers/Microsoft.Authorization/roleAssignments/odd"), "properties": {"scope": S}});
    let folder = Folder::new()
        .with("a.json", &json!([odd, assignment(S, "a", GROUP)]))
        .with("b.json", &json!({"hello": 1}))
        .with("c.json", &json!({"response": {"status": 403, "body": {"error": {}}}}))
        .with("d.json", &json!([{"id": format!("{S}/resourceGroups/g/providers/Microsoft.Web/sites/s")}]))
        .with("e.json", &json!(7));
    std::fs::write(folder.0.path().join("f.json"), "{").unwrap();
    let files = folder.read(Depth::Rbac);
    assert_eq!(files.ignored.len(), 6, "{:?}", files.ignored);
    assert_eq!(files.facts.assignments.len(), 1);
    let State::Unknown(reason) = state(&files, S, Facet::RoleAssignments) else { panic!("one is odd") };
    assert!(reason.detail.contains("roleAssignments/odd"), "{reason}");
}

#[test]
fn the_specifications_own_examples_are_readable() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    let fixtures = std::env::var_os("POOLWARDEN_FIXTURES").map_or(beside, std::path::PathBuf::from);
    if !fixtures.is_dir() {
        eprintln!("SKIPPED: no fixtures in {}; set POOLWARDEN_FIXTURES to their folder", fixtures.display());
        return;
    }
    let files = read_access_files(&fixtures, Depth::Rbac, Timestamp::UNIX_EPOCH).unwrap();
    let facts = &files.facts;
    assert_eq!((facts.denies.len(), facts.definitions.len()), (1, 1), "{:?}", files.ignored);
    assert_eq!((facts.assignments.len(), facts.pim.len()), (1, 2), "{:?}", files.ignored);
    let of_pim = facts.pim.iter().find(|one| one.kind == PimKind::Active).unwrap();
    assert_eq!(of_pim.scope, ArmId::new("/subscriptions/dfa2a084-766f-4003-8ae1-c4aeb893a99f"));
    assert!(of_pim.end.is_some() && of_pim.origin.is_some());
    assert!(facts.resources.iter().any(|one| one.kind == "microsoft.desktopvirtualization/hostpools"));
    let text = serde_json::to_string(facts).unwrap();
    assert!(!text.contains("\"token\":\"ey"), "no registration token");
}
