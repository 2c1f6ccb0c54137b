use super::*;
use wiremock::matchers::header;

#[tokio::test]
async fn a_document_that_has_not_changed_is_not_sent_again() {
    for (sent, asked, value) in
        [("etag", "if-none-match", "\"v1\""), ("last-modified", "if-modified-since", "Thu, 01 Jan 2026 00:00:00 GMT")]
    {
        let service = Service::with(&["w1"]).await;
        service.files().await;
        let unchanged =
            Mock::given(path("/feeds/w1")).and(header(asked, value)).respond_with(ResponseTemplate::new(304));
        unchanged.with_priority(1).mount(&service.server).await;
        let feed = xml(&feed_of(&[resource("RemoteApp", "a")])).insert_header(sent, value);
        service.answer("/feeds/w1", feed.clone()).await;
        let first = service.apps(&[]).await;
        let second = service.apps(&[]).await;
        assert_eq!((names(&first), names(&second)), (vec!["a"], vec!["a"]));
        let asked_with = service.requests().await.iter().filter(|request| request.headers.contains_key(asked)).count();
        assert_eq!(asked_with, 1, "what came without {sent} is asked for anew");
    }
}

#[tokio::test]
async fn handles_of_one_run_ask_once_for_a_document_and_the_next_run_asks_again() {
    let service = Service::with(&["w1"]).await;
    service.files().await;
    service.answer("/feeds/w1", xml(&feed_of(&[resource("RemoteApp", "a")]))).await;
    for asked in 1..=2 {
        let began = Timestamp::now();
        for _ in 0..3 {
            let handle = service.inventory_since(began);
            handle.estate().await.unwrap();
            apps(&handle, &[]).await.unwrap();
        }
        let requests = service.requests().await;
        let count = |path: &str| requests.iter().filter(|request| request.url.path() == path).count();
        assert_eq!((count(DISCOVERY), count("/feeds/w1")), (asked, asked));
    }
}

#[tokio::test]
async fn a_broken_document_is_not_kept_for_next_time() {
    let service = Service::with(&["w1"]).await;
    let broken = xml("<Resource").insert_header("etag", "\"1\"");
    Mock::given(path("/feeds/w1")).respond_with(broken).up_to_n_times(1).with_priority(1).mount(&service.server).await;
    assert_eq!(apps(&service.inventory(), &[]).await.unwrap_err().why, Why::Malformed);
    service.answer("/feeds/w1", xml(&feed_of(&[]))).await;
    service.apps(&[]).await;
    assert!(service.requests().await.iter().all(|request| !request.headers.contains_key("if-none-match")));
}

#[tokio::test]
async fn links_are_relative_to_where_the_feed_was_in_the_end() {
    let service = Service::with(&["w1"]).await;
    service.files().await;
    service.answer("/feeds/w1", ResponseTemplate::new(302).insert_header("location", "/region/feed.xml")).await;
    let relative = resource("RemoteApp", "a").replace("/api/arm/feeddiscovery/tenants", "tenants");
    service.answer("/region/feed.xml", xml(&feed_of(&[relative]))).await;
    assert_eq!(names(&service.apps(&[]).await), ["a"]);
    assert_eq!(service.asked("/region/tenants/w1/rdps/a.rdp").await, 1);
}

#[tokio::test]
async fn one_feed_that_fails_fails_no_other() {
    let service = Service::with(&["w1", "w2"]).await;
    service.answer("/feeds/w1", ResponseTemplate::new(500)).await;
    service.answer("/feeds/w2", xml(&feed_of(&[]))).await;
    let inventory = service.inventory();
    assert_eq!(inventory.estate().await.unwrap().host_pools.len(), 2);
    assert_eq!(list(&inventory, "w1", ResourceKind::Desktop).await.unwrap_err().why, Why::Failed);
    assert_eq!(list(&inventory, "w2", ResourceKind::Desktop).await.unwrap(), Some(Listing::default()));
}

#[tokio::test]
async fn a_document_that_is_none_is_unknown_and_says_what_it_is() {
    let large = format!("<a>{}</a>", " ".repeat(5 << 20));
    for (body, why, says) in [
        ("<!DOCTYPE html><html><body>Please sign in</body></html>", Why::Malformed, "Please sign in"),
        ("<ResourceCollection", Why::Malformed, "line 1"),
        ("{}", Why::Malformed, ""),
        ("", Why::Malformed, ""),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><ResourceCollection/>", Why::Malformed, "document type definition"),
        ("<TenantFeedURLs/>", Why::Malformed, "TenantFeedURLs"),
        (large.as_str(), Why::TooLarge, "4096 KiB"),
    ] {
        let service = Service::with(&["w1"]).await;
        service.answer("/feeds/w1", xml(body)).await;
        let error = apps(&service.inventory(), &[]).await.unwrap_err();
        assert!(error.why == why && error.detail.contains(says), "{error}");
        let elsewhere = Service::empty().await;
        elsewhere.answer(DISCOVERY, xml(if body == "<TenantFeedURLs/>" { "<x/>" } else { body })).await;
        assert_eq!(elsewhere.inventory().estate().await.unwrap_err().why, why, "{}", &body[..body.len().min(40)]);
    }
}
