use super::*;

/// A group of groups that holds itself, and a user at its end.
async fn nested() -> Bench {
    Bench::new(|graph| {
        (1..=9).for_each(|number| graph.user(number));
        graph.group(20, &[1, 2, 21]);
        graph.group(21, &[3, 4, 22]);
        graph.group(22, &[5, 20]);
        graph.service_principal(30, 31);
    })
    .await
}

#[tokio::test]
async fn groups_are_followed_however_deep_and_circles_end() {
    let bench = nested().await;
    let read = bench.read(&[20]).await;
    assert_eq!(gaps(&read), []);
    assert_eq!(read.directory.members[&id(20)], [id(1), id(2), id(21)]);
    assert_eq!(read.directory.members[&id(22)], [id(5), id(20)]);
    assert!((1..=5).all(|number| read.directory.objects.contains_key(&id(number))));
}

#[tokio::test]
async fn an_unchanged_directory_costs_one_question_for_all_its_groups() {
    let bench = nested().await;
    let first = bench.read(&[20]).await;
    bench.asked();
    let second = bench.read_on(&[20], Some(&first.memory)).await;
    assert_eq!((&second.directory, second.memory.followed.len()), (&first.directory, first.memory.followed.len()));
    let asked = bench.asked();
    let deltas: Vec<_> = asked.iter().filter(|path| path.contains("delta")).collect();
    assert_eq!(deltas, ["/groups/delta?token"; 3], "one for each query of the first read, and none anew");
}

#[tokio::test]
async fn what_has_changed_is_applied_and_new_groups_are_followed() {
    let bench = nested().await;
    let first = bench.read(&[20]).await;
    bench.change(|graph| {
        graph.leave(20, 1);
        graph.join(20, 9);
        graph.leave(21, 22);
        graph.group(23, &[6, 30]);
        graph.join(21, 23);
    });
    let memory: DirectoryMemory = serde_json::from_value(serde_json::to_value(&first.memory).unwrap()).unwrap();
    let second = bench.read_on(&[20], Some(&memory)).await;
    assert_eq!(gaps(&second), []);
    assert_eq!(second.directory.members[&id(20)], [id(2), id(9), id(21)]);
    assert_eq!(second.directory.members[&id(23)], [id(6), id(30)]);
    assert!(!second.directory.members.contains_key(&id(22)), "nobody leads there any more");
    assert!(!second.directory.objects.contains_key(&id(1)));
    let anew = bench.read(&[20]).await;
    assert_eq!(anew.directory, second.directory, "reading anew finds the same");
}

#[tokio::test]
async fn a_stale_link_makes_a_read_anew() {
    for status in [410, 400] {
        let bench = nested().await;
        let first = bench.read(&[20]).await;
        bench.change(|graph| {
            graph.leave(20, 2);
            graph.fault("/groups/delta", status, 3);
        });
        let second = bench.read_on(&[20], Some(&first.memory)).await;
        assert_eq!(gaps(&second), [], "{status}");
        assert_eq!(second.directory.members[&id(20)], [id(1), id(21)]);
        assert!(!second.memory.followed.is_empty());
    }
}

#[tokio::test]
async fn where_delta_queries_are_refused_members_are_listed_service_principals_too() {
    for status in [400, 403, 404, 501] {
        let bench = nested().await;
        bench.change(|graph| {
            graph.join(22, 30);
            graph.fault("/groups/delta", status, usize::MAX);
        });
        let read = bench.read(&[20]).await;
        assert_eq!(gaps(&read), [], "{status}");
        assert_eq!(read.directory.members[&id(22)], [id(5), id(20), id(30)]);
        assert!(read.memory.followed.is_empty());
    }
}

#[tokio::test]
async fn groups_that_may_not_be_read_are_opaque_and_nothing_else_suffers() {
    let bench = nested().await;
    bench.change(|graph| graph.fault("/groups", 403, usize::MAX));
    let read = bench.read(&[1, 20, 21]).await;
    assert_eq!(gaps(&read), [Facet::GroupMembers]);
    let (why, text) = gap(&read, Facet::GroupMembers);
    assert!(why == Why::Forbidden && text.contains("GroupMember.Read.All"), "{text}");
    assert_eq!(read.directory.opaque_groups, BTreeSet::from([id(20), id(21)]));
    assert!(read.directory.objects.contains_key(&id(1)));
}

#[tokio::test]
async fn a_group_whose_service_principals_cannot_be_listed_is_opaque() {
    let bench = nested().await;
    bench.change(|graph| {
        graph.fault("/groups/delta", 501, usize::MAX);
        graph.fault("/groups/00000022-0000-4000-8000-000000000000/members/microsoft", 400, usize::MAX);
    });
    let read = bench.read(&[20]).await;
    assert_eq!(read.directory.opaque_groups, BTreeSet::from([id(22)]));
    assert_eq!(read.directory.members[&id(22)], [id(5), id(20)], "what could be read is kept");
    assert_eq!(gap(&read, Facet::GroupMembers).0, Why::Failed);
}

#[tokio::test]
async fn hidden_members_make_a_group_opaque() {
    let bench = nested().await;
    bench.change(|graph| {
        graph.add(24, "group", &json!({"visibility": "HiddenMembership"}));
        graph.group(25, &[24]);
        graph.add(24, "group", &json!({"visibility": "HiddenMembership"}));
        graph.members.insert(id(24), Vec::new());
    });
    let read = bench.read(&[25]).await;
    assert_eq!(read.directory.opaque_groups, BTreeSet::from([id(24)]));
    let (why, text) = gap(&read, Facet::GroupMembers);
    assert!(
        why == Why::Forbidden && text.ends_with("grant the permission Member.Read.Hidden of Microsoft Graph"),
        "{text}"
    );
}

#[tokio::test]
async fn a_wait_that_is_too_long_keeps_what_is_remembered_for_the_next_time() {
    let bench = nested().await;
    let first = bench.read(&[20]).await;
    let throttled = wiremock::ResponseTemplate::new(429).insert_header("retry-after", "900");
    let server = wiremock::MockServer::start().await;
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(throttled).mount(&server).await;
    let text = serde_json::to_string(&first.memory).unwrap().replace(&bench.server.uri(), &server.uri());
    let memory: DirectoryMemory = serde_json::from_str(&text).unwrap();
    let wanted = Wanted { principals: [id(20)].into(), ..Wanted::default() };
    let read = reader(&server.uri(), Arc::<FixedToken>::default()).read(&wanted, Some(&memory)).await;
    assert_eq!(gap(&read, Facet::Principals).0, Why::Throttled);
    assert_eq!(gap(&read, Facet::GroupMembers).0, Why::Throttled);
    assert!(read.directory.opaque_groups.contains(&id(20)) && read.directory.missing.is_empty());
    assert_eq!(read.memory, memory);
}

#[tokio::test]
async fn groups_that_came_one_by_one_are_followed_together_again_in_the_end() {
    let bench = Bench::new(|graph| (1..=40).for_each(|number| graph.group(number, &[]))).await;
    let mut memory = DirectoryMemory::default();
    let mut most = 0;
    for last in 1..=30 {
        memory = bench.read_on(&(1..=last).collect::<Vec<_>>(), Some(&memory)).await.memory;
        most = most.max(memory.followed.len());
    }
    assert!(most <= 11, "{most}");
}
