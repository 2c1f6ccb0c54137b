use super::*;
use poolwarden_domain::discovery::discover;

#[tokio::test]
async fn each_workspace_stands_where_a_host_pool_does_and_the_account_may_open_it() {
    let service = Service::with(&["w1", "w2"]).await;
    let inventory = service.inventory();
    let estate = inventory.estate().await.unwrap();
    assert_eq!(inventory.requests().feed, 1, "one request, however many workspaces");
    assert_eq!(estate.unknown, []);
    let discovery = discover(estate, &[]);
    let pool = &discovery.pools[0];
    assert_eq!((pool.pool.id.as_str(), pool.label.as_str()), ("/feeds/arm/workspaces/w1", "Name of w1"));
    assert_eq!((pool.pool.object_id.as_str(), pool.pool.location.as_str()), ("w1", "EU"));
    assert_eq!(pool.groups.len(), 2);
    for group in &pool.groups {
        assert_eq!(group.workspace.as_ref().unwrap().object_id, "w1");
        let entitled = group.entitlements.as_ref().unwrap();
        assert_eq!(entitled.len(), 1);
        assert_eq!(
            (entitled[0].principal.id.as_str(), entitled[0].principal.kind.as_str()),
            ("sync@contoso.com", "User")
        );
        assert_eq!(entitled[0].role, "shown in this account's feed");
    }
    assert_eq!((discovery.pools.len(), discovery.unknown), (2, Vec::new()));
}

#[tokio::test]
async fn an_account_that_the_connection_does_not_name_is_the_token_s() {
    let service = Service::with(&["w1", "w2"]).await;
    // {"upn":"kim@contoso.com"}
    *service.credentials.always.lock().unwrap() = Some("e30.eyJ1cG4iOiJraW1AY29udG9zby5jb20ifQ.x".to_owned());
    let discovery = discover(service.nameless().estate().await.unwrap(), &[]);
    assert_eq!(discovery.unknown, []);
    for group in discovery.pools.iter().flat_map(|pool| &pool.groups) {
        assert_eq!(group.entitlements.as_ref().unwrap()[0].principal.id, "kim@contoso.com");
    }
}

#[tokio::test]
async fn an_account_that_nobody_names_leaves_it_unknown_who_may_open_what_and_nothing_else() {
    let service = Service::with(&["w1", "w2"]).await;
    let inventory = service.nameless();
    let discovery = discover(inventory.estate().await.unwrap(), &[]);
    assert_eq!(discovery.pools.len(), 2);
    for pool in &discovery.pools {
        assert_eq!(pool.unknown, [], "what it publishes is known");
        assert!(pool.groups.iter().all(|group| group.entitlements.is_none()), "neither nobody nor somebody");
    }
    assert_eq!(discovery.unknown.len(), 1);
    assert!(discovery.unknown[0].reason.detail.contains("set `username`"), "{}", discovery.unknown[0].reason);
    assert!(inventory.host_pool(&w("w3")).await.unwrap().is_none(), "what is gone is gone");
}

#[tokio::test]
async fn requests_say_what_they_accept_and_which_client_they_are() {
    let service = Service::offering(&[]).await;
    apps(&service.inventory(), &[]).await.unwrap();
    let requests = service.requests().await;
    let header = |at: usize, name: &str| requests[at].headers[name].to_str().unwrap().to_owned();
    assert_eq!(header(0, "accept"), "application/x-msts-radc-discovery+xml,text/xml");
    assert_eq!(header(1, "accept"), "application/x-msts-radc+xml;radc_schema_version=2.0,text/xml");
    assert_eq!(
        (header(1, "x-ms-user-agent").as_str(), header(1, "authorization").as_str()),
        ("client/1.0", "Bearer token 1")
    );
}

#[tokio::test]
async fn an_account_without_workspaces_removes_nothing() {
    let service = Service::with(&[]).await;
    let inventory = service.inventory();
    let estate = inventory.estate().await.unwrap();
    assert_eq!(scopes(&estate), [("/feeds/arm".to_owned(), Why::Missing)]);
    assert!(estate.unknown[0].reason.detail.starts_with("this account has no workspace; nothing is removed for that"));
    assert_eq!(inventory.host_pool(&w("w1")).await.unwrap_err().why, Why::Missing, "unknown, not gone");
    assert_eq!(apps(&inventory, &[]).await.unwrap_err().why, Why::Missing);
}

#[tokio::test]
async fn a_workspace_is_gone_only_when_the_account_still_has_others() {
    let service = Service::with(&["w1"]).await;
    let inventory = service.inventory();
    assert!(inventory.host_pool(&w("W1")).await.unwrap().is_some());
    assert!(inventory.host_pool(&w("w2")).await.unwrap().is_none());
    assert!(list(&inventory, "w2", ResourceKind::Desktop).await.unwrap().is_none());
    for foreign in ["/feeds/classic/workspaces/w2", "/feeds/other/workspaces/w2", "/subscriptions/s/x/y", "/feeds/arm"]
    {
        inventory.host_pool(&ArmId::new(foreign)).await.unwrap_err();
    }
    let part =
        inventory.part(&[crate::WantedPool { id: ArmId::new("/subscriptions/s/x/y"), groups: Vec::new() }]).await;
    let part = part.unwrap();
    assert!(part.host_pools.is_empty() && part.application_groups.is_empty());
    assert_eq!(scopes(&part), [("/subscriptions/s/x/y".to_owned(), Why::Missing)]);
}

#[tokio::test]
async fn groups_are_found_by_their_ids() {
    let service = Service::with(&["w1"]).await;
    let inventory = service.inventory();
    let groups = inventory.workspace_groups(&w("w1")).await.unwrap().unwrap();
    assert_eq!(groups.len(), 2);
    for id in &groups {
        assert_eq!(inventory.application_group(id).await.unwrap().unwrap().id, *id);
    }
    assert!(
        inventory
            .application_group(&ArmId::new("/feeds/arm/workspaces/w1/applicationGroups/x"))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(service.requests().await.len(), 1, "one look at the discovery document serves them all");
}

#[tokio::test]
async fn only_sixteen_feeds_are_read_and_the_others_are_said_to_be_unknown() {
    let all: Vec<String> = (0..18).map(|number| format!("w{number:02}")).collect();
    let service = Service::with(&all.iter().rev().map(String::as_str).collect::<Vec<_>>()).await;
    let inventory = service.inventory();
    let estate = inventory.estate().await.unwrap();
    assert_eq!(estate.host_pools.len(), 16);
    let beyond = [16, 17].map(|number| (format!("/feeds/arm/workspaces/w{number}"), Why::TooLarge));
    assert_eq!(scopes(&estate), beyond, "the same ones, whatever the document's order");
    assert!(estate.unknown[0].reason.detail.contains("2 feed(s) more than the 16"), "{}", estate.unknown[0].reason);
    assert_eq!(inventory.host_pool(&w("w17")).await.unwrap_err().why, Why::TooLarge);
    assert!(inventory.host_pool(&w("w18")).await.unwrap().is_none());
}

#[tokio::test]
async fn cloud_pcs_that_nobody_wants_take_no_room_from_other_feeds() {
    let mark = r#"Geo="EU"><Extensions><Extension Name="CloudPC"/></Extensions></TenantFeedURL>"#;
    let cloud_pcs: String = (0..20)
        .map(|number| {
            let name = format!("a{number:02}");
            discovery_of(&[(&name, "/feeds/pc")]).replace(r#"Geo="EU"/>"#, mark)
        })
        .map(|document| document[document.find("<TenantFeedURL ").unwrap()..].replace("</TenantFeedURLs>", ""))
        .collect();
    let others: Vec<String> = (0..15).map(|number| format!("w{number:02}")).collect();
    let others: Vec<(&str, &str)> = others.iter().map(|name| (name.as_str(), "/feeds/w")).collect();
    let document = discovery_of(&others).replace("</TenantFeedURLs>", &(cloud_pcs + "</TenantFeedURLs>"));
    let service = Service::empty().await;
    service.answer(DISCOVERY, xml(&document)).await;
    service.answer("/feeds/pc", xml(&feed_of(&[resource("Desktop", "d")]))).await;

    let inventory = service.inventory();
    let estate = inventory.estate().await.unwrap();
    assert_eq!((estate.host_pools.len(), estate.unknown.len()), (16, 0));
    let one = inventory.host_pool(&w("a00")).await.unwrap();
    assert!(one.is_some(), "where there is room, a report can say why it is left out");
    let desktops = list(&inventory, "a00", ResourceKind::Desktop).await.unwrap().unwrap();
    assert_eq!(
        (names(&desktops), service.asked("/files").await, service.asked("/api/arm/feeddiscovery/tenants").await),
        (vec!["d"], 0, 0)
    );
    assert!(inventory.host_pool(&w("a01")).await.unwrap().is_none(), "left out, as by any other filter");

    let all = service.with_settings(FeedSettings { cloud_pcs: true, ..settings(&[FeedModel::Arm]) });
    let estate = all.estate().await.unwrap();
    assert_eq!((estate.host_pools.len(), estate.unknown.len()), (16, 19), "wanted, they count");
}

#[tokio::test]
async fn a_feed_that_cannot_be_read_off_the_document_may_be_any() {
    let service = Service::empty().await;
    let document =
        discovery_of(&[("w1", "/feeds/w1"), ("w2", ""), ("", "/feeds/w3?sig=1"), ("w4", "/a"), ("w4", "/b")]);
    service.answer(DISCOVERY, xml(&document)).await;
    let inventory = service.inventory();
    let estate = inventory.estate().await.unwrap();
    assert_eq!(estate.host_pools.len(), 3, "its neighbours are there");
    let twice = ("/feeds/arm/workspaces/w4".to_owned(), Why::Malformed);
    assert_eq!(scopes(&estate), [("/feeds/arm".to_owned(), Why::Malformed), twice]);
    inventory.host_pool(&w("w9")).await.unwrap_err();
    let nameless =
        |estate: &Estate| estate.host_pools.iter().find(|pool| pool.object_id.len() == 64).unwrap().id.clone();
    let first = nameless(&estate);
    let other = Service::empty().await;
    other.answer(DISCOVERY, xml(&document.replace("sig=1", "sig=2"))).await;
    assert_eq!(nameless(&other.inventory().estate().await.unwrap()), first, "a signature makes no other workspace");
}

#[tokio::test]
async fn a_workspace_without_an_id_keeps_its_own_when_another_region_serves_it() {
    let of = async |region: &str, path: &str| {
        let service = Service::empty().await;
        let url = format!("https://rdweb-{region}.wvd.microsoft.com{path}?sig={region}");
        service.answer(DISCOVERY, xml(&discovery_of(&[("", &url)]))).await;
        let estate = service.inventory().estate().await.unwrap();
        estate.host_pools[0].id.clone()
    };
    let named = "/api/arm/feeddiscovery/tenants/0c0ffee0/feed";
    assert_eq!(of("r0", named).await, w("0c0ffee0"));
    for (path, other) in [(named, "/api/arm/feeddiscovery/tenants/1/feed"), ("/feeds/a", "/feeds/b")] {
        assert_eq!(of("r0", path).await, of("r1", path).await, "{path}");
        assert_ne!(of("r0", path).await, of("r0", other).await, "{path}");
    }
    assert_eq!(of("r0", "/tenants/").await.name().len(), 64, "no id is named");
}

#[tokio::test]
async fn both_models_make_one_estate_and_a_failure_of_one_hides_nothing_of_the_other() {
    let service = Service::with(&["w1"]).await;
    service.answer(CLASSIC_DISCOVERY, xml(&discovery_of(&[("w1", "/feeds/classic")]))).await;
    let both = [FeedModel::Classic, FeedModel::Arm, FeedModel::Classic];
    let estate = service.inventory_of(&both).estate().await.unwrap();
    let ids: Vec<&str> = estate.host_pools.iter().map(|pool| pool.id.as_str()).collect();
    assert_eq!(ids, ["/feeds/arm/workspaces/w1", "/feeds/classic/workspaces/w1"]);

    service.override_with(CLASSIC_DISCOVERY, ResponseTemplate::new(403)).await;
    let inventory = service.inventory_of(&both);
    let estate = inventory.estate().await.unwrap();
    assert_eq!((estate.host_pools.len(), scopes(&estate)), (1, vec![("/feeds/classic".to_owned(), Why::Forbidden)]));
    inventory.host_pool(&FeedModel::Classic.workspace("w1")).await.unwrap_err();
}

#[tokio::test]
async fn the_retired_service_says_so_and_keeps_its_packages() {
    for status in [404, 410] {
        let service = Service::with(&["w1"]).await;
        service.answer(CLASSIC_DISCOVERY, ResponseTemplate::new(status)).await;
        let inventory = service.inventory_of(&[FeedModel::Classic, FeedModel::Arm]);
        let estate = inventory.estate().await.unwrap();
        assert_eq!(scopes(&estate), [("/feeds/classic".to_owned(), Why::Retired)]);
        let text = estate.unknown[0].reason.to_string();
        assert!(text.starts_with("retired since 2026-09-30: ") && text.contains("packages are kept"), "{text}");
        let alone = service.inventory_of(&[FeedModel::Classic]);
        assert_eq!(alone.estate().await.unwrap_err().why, Why::Retired);
        let known = FeedModel::Classic.workspace("w1");
        assert_eq!(alone.host_pool(&known).await.unwrap_err().why, Why::Retired, "unknown, not gone");
    }
}

#[tokio::test]
async fn a_host_without_an_address_is_out_of_reach_and_not_retired() {
    let endpoints = Endpoints::of(Cloud::Public).with_feed("https://feed.invalid").unwrap();
    let shared = FeedShared::new(Http::new().unwrap(), Arc::<FixedToken>::default(), endpoints);
    let shared = Arc::new(shared.with_pause(Duration::from_millis(1)));
    for model in [FeedModel::Classic, FeedModel::Arm] {
        let error = FeedInventory::new(Arc::clone(&shared), settings(&[model]), NEW).estate().await;
        assert_eq!(error.unwrap_err().why, Why::Failed);
    }
}
