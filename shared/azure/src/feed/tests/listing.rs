use super::*;
use crate::feed::client::FeedClient;
use crate::feed::files::Files;
use poolwarden_domain::estate::CommandLineSetting;
use poolwarden_domain::feed::FileAssociation;
use poolwarden_domain::tswp::{Icon, IconForm};
use std::path::{Path, PathBuf};

#[tokio::test]
async fn a_resource_is_told_with_its_icon_its_file_and_all_that_the_feed_says() {
    let odd = resource("RemoteApp", "word")
        .replace("<FileExtensions/>", r#"<FileExtensions><FileExtension Name=".DOCX" PrimaryHandler="True"/><FileExtension Name=".rtf"/></FileExtensions>"#)
        .replace(r#"Type="RemoteApp""#, r#"Type="RemoteApp" ShowByDefault="false" RequiredCommandLine="/q" ArmPath="/arm""#);
    let service = Service::offering(&[odd]).await;
    let listing = service.apps(&[]).await;
    assert_eq!(dark(&listing), []);
    let word = &listing.resources[0];
    assert_eq!(word.id.as_str(), "/feeds/arm/workspaces/w1/applicationGroups/remoteapps/applications/word");
    assert_eq!(
        (word.object_id.as_str(), word.name.as_str()),
        ("word", "word"),
        "as the file's address has it, never the title"
    );
    assert_eq!((word.friendly_name.as_deref(), word.file_path.as_deref()), (Some("Title of word"), Some("word.exe")));
    assert_eq!(
        (word.command_line_setting, word.command_line_arguments.as_deref()),
        (Some(CommandLineSetting::Require), Some("/q"))
    );
    assert_eq!(word.show_in_portal, Some(false));
    assert_eq!(word.icon.as_deref(), Some(&**PNG));
    assert_eq!(word.rdp.as_deref(), Some(RDP.as_bytes()), "byte for byte");
    let item = word.feed.as_deref().unwrap();
    assert_eq!(
        (item.workspace_id.as_str(), item.alias.as_deref(), item.arm_path.as_deref()),
        ("w1", Some("alias"), Some("/arm"))
    );
    assert!(item.host_pool.as_deref().unwrap().ends_with("/hostpools/p"), "{item:?}");
    assert_eq!(item.folders, ["Office"]);
    let opens = |extension: &str, primary| FileAssociation { extension: extension.to_owned(), primary };
    assert_eq!(item.file_associations, [opens(".docx", true), opens(".rtf", false)]);
}

#[tokio::test]
async fn both_groups_of_a_workspace_share_one_look_at_its_feed() {
    let service = Service::offering(&[resource("Desktop", "d"), resource("RemoteApp", "a")]).await;
    let inventory = service.inventory();
    let (desktops, apps) =
        futures::join!(list(&inventory, "w1", ResourceKind::Desktop), list(&inventory, "w1", ResourceKind::RemoteApp));
    let (desktops, apps) = (desktops.unwrap().unwrap(), apps.unwrap().unwrap());
    assert_eq!((names(&desktops), names(&apps)), (vec!["d"], vec!["a"]));
    assert_eq!(desktops.resources[0].file_path, None, "a desktop has no program");
    assert_eq!(desktops.resources[0].id.as_str(), "/feeds/arm/workspaces/w1/applicationGroups/desktops/desktops/d");
    assert_eq!((service.asked("/feeds").await, inventory.requests().feed), (1, 6));
}

#[tokio::test]
async fn what_is_known_and_has_not_changed_is_not_fetched_again_but_its_words_are_new() {
    let service = Service::offering(&[resource("RemoteApp", "a")]).await;
    let known = stored(service.apps(&[]).await);
    let before = service.requests().await.len();
    let renamed = resource("RemoteApp", "a").replace("Title of a", "New title").replace("sig=secret", "sig=other");
    service.override_with("/feeds/w1", xml(&feed_of(&[renamed]))).await;
    let again = service.apps(&known).await;
    assert_eq!(service.requests().await.len(), before + 2, "the two documents and no file");
    assert_eq!(again.resources[0].friendly_name.as_deref(), Some("New title"));
    assert_eq!(again.resources[0].icon_sha256, known[0].icon_sha256);
    assert_eq!(again.resources[0].feed, known[0].feed);
    assert!(again.resources[0].icon.is_none() && again.resources[0].rdp.is_none());
}

#[tokio::test]
async fn files_of_kinds_that_are_not_published_are_not_asked_for_until_they_are() {
    let service = Service::offering(&[resource("RemoteApp", "a"), resource("Desktop", "d")]).await;
    let desktops = service.with_settings(FeedSettings { scope: Scope::Desktops, ..settings(&[FeedModel::Arm]) });
    let left_out = apps(&desktops, &[]).await.unwrap().unwrap();
    assert_eq!((names(&left_out), dark(&left_out)), (vec!["a"], Vec::new()), "the report names it");
    assert_eq!(service.requests().await.len(), 2, "the two documents and no file");
    let wanted = list(&desktops, "w1", ResourceKind::Desktop).await.unwrap().unwrap();
    assert!(wanted.resources[0].rdp.is_some() && wanted.resources[0].icon.is_some());

    let later = service.apps(&stored(left_out)).await;
    assert!(later.resources[0].rdp.is_some() && later.resources[0].icon.is_some());
    let before = service.requests().await.len();
    let known = stored(later);
    let again = apps(&desktops, &known).await.unwrap().unwrap();
    assert_eq!(again.resources[0].feed, known[0].feed, "what is known is kept");
    assert_eq!(service.requests().await.len(), before);
}

#[tokio::test]
async fn what_the_feed_says_has_changed_is_fetched_again() {
    let service = Service::offering(&[resource("RemoteApp", "a")]).await;
    let known = stored(service.apps(&[]).await);
    let same = resource("RemoteApp", "a");
    let later = resource_with("RemoteApp", "a", "2026-02-02T00:00:00Z", &[(32, "")], "w1");
    let other_icon = resource_with("RemoteApp", "a", "2026-01-01T00:00:00Z", &[(32, "/other.png")], "w1");
    for (offered, is_new) in [(same, false), (later, true), (other_icon, true)] {
        // Another host, too: regions take turns, and that alone changes nothing.
        let again = Service::offering(&[offered]).await.apps(&known).await;
        assert_eq!((again.resources[0].rdp.is_some(), again.resources[0].icon.is_some()), (is_new, is_new));
    }
}

#[tokio::test]
async fn the_largest_icon_that_is_one_is_taken() {
    let icons = [(16, ""), (256, ""), (100, ""), (48, "")];
    let service = Service::offering(&[resource_with("RemoteApp", "a", "", &icons, "w1")]).await;
    service.override_with("/files/a-256.png", ResponseTemplate::new(404)).await;
    let page = ResponseTemplate::new(200).set_body_string("<html>sign in</html>");
    service.override_with("/files/a-100.png", page).await;
    let large = picture("Excel");
    service.override_with("/files/a-48.png", ResponseTemplate::new(200).set_body_bytes(large.clone())).await;
    let listing = service.apps(&[]).await;
    assert_eq!(listing.resources[0].icon.as_deref(), Some(large.as_slice()));
    assert_eq!(service.asked("/files/a-16").await, 0);
}

#[tokio::test]
async fn a_look_that_fetches_anew_keeps_the_icon_that_fails_meanwhile() {
    let service = Service::offering(&[resource("RemoteApp", "a")]).await;
    let known = stored(service.apps(&[]).await);
    let broken = Service::with(&["w1"]).await;
    broken.answer("/feeds/w1", xml(&feed_of(&[resource("RemoteApp", "a")]))).await;
    broken.answer_all(r"\.rdp$", ResponseTemplate::new(200).set_body_string(RDP)).await;
    broken.answer_all(r"\.png$", ResponseTemplate::new(503)).await;
    let handle = broken.handle(&[FeedModel::Arm], FeedLook { anew: true, ..NEW });
    let again = apps(&handle, &known).await.unwrap().unwrap();
    assert!(again.resources[0].rdp.is_some(), "the file is fetched though nothing says that it changed");
    assert_eq!(again.resources[0].icon_sha256, known[0].icon_sha256);
}

#[tokio::test]
async fn an_icon_that_cannot_be_used_gives_way_to_a_smaller_one_and_replaces_none() {
    let broken = |png: &[u8]| png[..png.len() / 2].to_vec();
    let edge_of_60000 = [&PNG[..18], &60_000_u16.to_be_bytes(), &PNG[20..]].concat();
    let icons = [(256, ""), (100, ""), (48, ""), (32, "")];
    let service = Service::offering(&[resource_with("RemoteApp", "a", "", &icons, "w1")]).await;
    let no_ico = b"\0\0\x01\0 and nothing".to_vec();
    for (edge, body) in [(256, broken(&PNG)), (100, edge_of_60000), (48, no_ico)] {
        let answer = ResponseTemplate::new(200).set_body_bytes(body);
        service.override_with(&format!("/files/a-{edge}.png"), answer).await;
    }
    let known = stored(service.apps(&[]).await);
    assert_eq!(known[0].icon_sha256, Some(poolwarden_domain::text::sha256_hex(&PNG)));

    let newer = resource_with("RemoteApp", "a", "2026-02-02T00:00:00Z", &icons[..3], "w1");
    service.override_with("/feeds/w1", xml(&feed_of(&[newer]))).await;
    let later = service.apps(&known).await;
    assert_eq!((&later.resources[0].icon_sha256, &later.resources[0].icon), (&known[0].icon_sha256, &None));
}

#[tokio::test]
async fn an_ico_arrives_as_the_picture_in_it() {
    let service = Service::offering(&[resource("RemoteApp", "a")]).await;
    // One picture of 48 by 48 with 32 bits, which begins behind the header's 22 bytes.
    let header = [0, 0, 1, 0, 1, 0, 48, 48, 0, 0, 1, 0, 32, 0];
    let ico = [&header[..], &(PNG.len() as u32).to_le_bytes(), &22_u32.to_le_bytes(), &PNG].concat();
    service.override_with("/files/a-32.png", ResponseTemplate::new(200).set_body_bytes(ico)).await;
    assert_eq!(service.apps(&[]).await.resources[0].icon.as_deref(), Some(&**PNG));
}

#[tokio::test]
async fn an_icon_that_fails_today_keeps_the_one_that_is_known_and_is_asked_for_again() {
    let service = Service::offering(&[resource("RemoteApp", "a")]).await;
    let known = stored(service.apps(&[]).await);
    let newer = resource_with("RemoteApp", "a", "2026-02-02T00:00:00Z", &[(32, "")], "w1");
    service.override_with("/feeds/w1", xml(&feed_of(&[newer]))).await;
    let failing = Mock::given(path("/files/a-32.png")).respond_with(ResponseTemplate::new(503)).up_to_n_times(4);
    failing.with_priority(1).mount(&service.server).await;
    let today = service.apps(&known).await;
    assert_eq!(today.resources[0].icon_sha256, known[0].icon_sha256);
    assert_eq!(dark(&today), [], "an icon hides no resource");
    let tomorrow = service.apps(&stored(today)).await;
    assert_eq!(tomorrow.resources[0].icon.as_deref(), Some(&**PNG));
    let settled = service.requests().await.len();
    service.apps(&stored(tomorrow)).await;
    assert_eq!(service.requests().await.len(), settled + 2);
}

#[tokio::test]
async fn what_found_no_room_is_asked_for_another_time_and_says_nothing_of_the_service() {
    let service = Service::offering(&[]).await;
    let client = FeedClient::new(Arc::clone(&service.shared), "client/1.0", NEW);
    let base = service.server.uri().parse().unwrap();
    let icon = Icon {
        form: IconForm::Sized(32),
        dimensions: None,
        file_type: None,
        file_url: "/a.png".to_owned(),
        index: None,
    };
    let files = Files::new(&client, FeedModel::Arm, &base).spent();
    for _ in 0..20 {
        let picture = files.icon(&w("w1"), std::slice::from_ref(&icon)).await;
        assert!(picture.bytes.is_none() && !picture.is_settled, "a placeholder is not for ever");
        let reason = files.rdp(&w("w1"), "/a.rdp").await.err().unwrap();
        assert!(reason.why == Why::Failed && reason.detail.contains("128 MiB already"), "{reason}");
    }
    assert_eq!(service.requests().await.len(), 0);
}

#[tokio::test]
async fn a_file_that_holds_a_secret_is_not_kept() {
    for line in ["password 51:b:01000000D08C", "GatewayAccessToken:s:hunter2"] {
        let service = Service::with(&["w1"]).await;
        service.answer("/feeds/w1", xml(&feed_of(&[resource("RemoteApp", "a")]))).await;
        let file = format!("{line}\r\n{RDP}");
        service.answer_all(r"\.rdp$", ResponseTemplate::new(200).set_body_string(file)).await;
        service.answer_all(r"\.png$", ResponseTemplate::new(404)).await;
        let listing = service.apps(&[]).await;
        assert!(listing.resources.is_empty());
        let detail = &listing.unknown[0].reason.detail;
        assert!(detail.contains("it holds a secret") && !detail.contains("hunter2"), "{detail}");
    }
}

#[tokio::test]
async fn a_file_that_is_none_makes_its_resource_unknown_and_no_other() {
    let answers = [
        (ResponseTemplate::new(200).set_body_string("<html><body>Sign in</body></html>"), Why::Malformed),
        (ResponseTemplate::new(200).set_body_bytes(vec![0_u8, 255, 1, 2]), Why::Malformed),
        (ResponseTemplate::new(200).set_body_bytes(vec![b'a'; 300 << 10]), Why::TooLarge),
        (ResponseTemplate::new(404), Why::Missing),
        (ResponseTemplate::new(403), Why::Forbidden),
        (ResponseTemplate::new(500), Why::Failed),
    ];
    for (answer, why) in answers {
        let service = Service::offering(&["a", "b", "c"].map(|id| resource("RemoteApp", id))).await;
        service.override_with("/api/arm/feeddiscovery/tenants/w1/rdps/b.rdp", answer).await;
        let listing = service.apps(&[]).await;
        assert_eq!(names(&listing), ["a", "c"]);
        assert_eq!(dark(&listing), [("b", why)]);
        let group = feed::group(&w("w1"), ResourceKind::RemoteApp);
        assert!(listing.unknown[0].scope.is_within(&group), "it hides itself only");
        assert!(!listing.unknown[0].reason.detail.contains("secret"), "{}", listing.unknown[0].reason);
    }
}

#[tokio::test]
async fn what_the_document_offers_illegibly_leaves_its_group_unknown_and_its_neighbours_there() {
    let unnamed = resource("RemoteApp", "x").replace(r#"ID="xml-x""#, "");
    let service = Service::offering(&[resource("RemoteApp", "a"), unnamed]).await;
    let listing = service.apps(&[]).await;
    assert_eq!((names(&listing), dark(&listing)), (vec!["a"], vec![("remoteapps", Why::Malformed)]));
}

#[tokio::test]
async fn ids_come_from_the_address_and_odd_ones_neither_collide_nor_lead_elsewhere() {
    let local = |id: &str, of: &str| {
        resource("RemoteApp", id).replace(&format!("/api/arm/feeddiscovery/tenants/w1/rdps/{id}.rdp"), of)
    };
    let long = "l".repeat(300);
    let service = Service::offering(&[
        local("a/b", "/x.rdp"),
        local("a_b", "/x.rdp"),
        local("..", "/x.rdp"),
        local(&long, "/x.rdp"),
        resource_with("RemoteApp", "other", "", &[], "w9"),
        resource_with("RemoteApp", "other", "", &[], "w9").replace("xml-other", "xml-again"),
    ])
    .await;
    let listing = service.apps(&[]).await;
    assert_eq!(dark(&listing), []);
    assert_eq!(listing.resources.len(), 5, "one item under two ids is one item");
    assert_eq!(listing.resources[0].object_id, "xml-a/b", "a launch link needs it as it is");
    for resource in &listing.resources {
        let prefix = "/feeds/arm/workspaces/w1/applicationGroups/remoteapps/applications/";
        let name = resource.id.as_str().strip_prefix(prefix).unwrap();
        assert!(!name.contains('/') && name.len() <= 200, "{name}");
    }
    let elsewhere = listing.resources.last().unwrap();
    assert_eq!((elsewhere.name.as_str(), elsewhere.feed.as_deref().unwrap().workspace_id.as_str()), ("other", "w9"));
}

#[tokio::test]
async fn of_two_resources_with_one_id_the_same_one_counts_whatever_their_order() {
    // One id in the address below two workspaces, each with a title of its own.
    let of = |workspace: &str, title: &str| {
        resource_with("RemoteApp", "same", "", &[], workspace).replace("Title of same", title)
    };
    let (one, other) = (of("w1", "One"), of("w9", "Other"));
    let neighbours = ["a", "b"].map(|id| resource("RemoteApp", id));
    for pair in [[&one, &other], [&other, &one]] {
        let offered = [&neighbours[0], pair[0], &neighbours[1], pair[1]].map(String::clone);
        let listing = Service::offering(&offered).await.apps(&[]).await;
        assert_eq!(names(&listing), ["a", "same", "b"]);
        assert_eq!(listing.resources[1].friendly_name.as_deref(), Some("One"));
    }
}

#[tokio::test]
async fn a_service_that_fails_every_time_is_not_asked_for_every_file() {
    let many: Vec<String> =
        (0..400).map(|number| resource_with("RemoteApp", &format!("r{number}"), "", &[], "w1")).collect();
    let service = Service::offering(&many).await;
    let failing = Mock::given(path_regex(r"\.rdp$")).respond_with(ResponseTemplate::new(503)).with_priority(1);
    failing.mount(&service.server).await;
    let listing = service.apps(&[]).await;
    assert_eq!(listing.resources, []);
    assert!(service.requests().await.len() < 400, "{}", service.requests().await.len());
    assert_eq!(dark(&listing).len(), 101, "a hundred by name, and the group for the rest");
    assert_eq!(dark(&listing)[100], ("remoteapps", Why::Failed));
}

#[tokio::test]
async fn the_specification_s_own_examples_are_listed() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    let folder = std::env::var_os("POOLWARDEN_FIXTURES").map_or(beside, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("SKIPPED: no fixtures in {}; set POOLWARDEN_FIXTURES to their folder", folder.display());
        return;
    };
    for entry in entries.filter_map(Result::ok).filter(|entry| entry.path().extension().is_some_and(|it| it == "xml")) {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let offered = poolwarden_domain::tswp::resource_collection(text.as_bytes()).unwrap().value;
        let offered: usize = offered.publishers.iter().map(|publisher| publisher.resources.len()).sum();
        let service = Service::with(&["w1"]).await;
        service.answer("/feeds/w1", xml(&text)).await;
        service.files().await;
        let inventory = service.inventory();
        let mut listed = 0;
        for kind in [ResourceKind::Desktop, ResourceKind::RemoteApp] {
            let listing = list(&inventory, "w1", kind).await.unwrap().unwrap();
            listed += listing.resources.len();
            assert!(listing.resources.iter().all(|resource| resource.rdp.is_some()), "{:?}", entry.path());
        }
        assert_eq!(listed, offered, "{:?}", entry.path());
    }
}
