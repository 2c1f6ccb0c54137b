//! Where a token goes, and where it never does.

use super::*;

/// Addresses that are not the feed's; `{other}` is a host that listens.
const ELSEWHERE: [&str; 14] = [
    "{other}/x",
    "//{other-authority}/x",
    "https://evil.example/x",
    "https://rdweb.wvd.microsoft.com@evil.example/x",
    "https://rdweb.wvd.microsoft.com%2f@evil.example/x",
    "https://rdweb.wvd.microsoft.com.evil.example/x",
    "https://evilwvd.microsoft.com/x",
    "http://rdweb.wvd.microsoft.com/x",
    "https://rdweb.wvd.microsoft.com:444/x",
    "https://user:password@rdweb.wvd.microsoft.com/x",
    "https:\\\\evil.example\\rdweb.wvd.microsoft.com/x",
    "file:///etc/passwd",
    "data:text/xml,x",
    "http://169.254.169.254/metadata",
];

fn addresses(other: &MockServer) -> Vec<String> {
    let authority = other.address().to_string();
    ELSEWHERE.iter().map(|url| url.replace("{other-authority}", &authority).replace("{other}", &other.uri())).collect()
}

async fn elsewhere() -> MockServer {
    let other = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(ResponseTemplate::new(200)).mount(&other).await;
    other
}

#[tokio::test]
async fn no_address_in_an_answer_takes_the_token_elsewhere() {
    let other = elsewhere().await;
    for url in addresses(&other) {
        let redirect = || ResponseTemplate::new(302).insert_header("location", url.as_str());

        let named = Service::empty().await;
        named.answer(DISCOVERY, xml(&discovery_of(&[("w1", &url)]))).await;
        let error = apps(&named.inventory(), &[]).await.unwrap_err();
        assert!(error.why == Why::Malformed && error.detail.contains("no token was sent"), "FeedURL {url}: {error}");

        let redirected = Service::empty().await;
        redirected.answer(DISCOVERY, redirect()).await;
        let error = redirected.inventory().estate().await.unwrap_err();
        assert!(error.detail.contains("no token was sent"), "discovery redirects to {url}: {error}");

        let service = Service::with(&["w1"]).await;
        service.answer("/feeds/w1", redirect()).await;
        let error = apps(&service.inventory(), &[]).await.unwrap_err();
        assert!(error.detail.contains("a redirect; it leads to "), "the feed redirects to {url}: {error}");

        let icon = resource_with("RemoteApp", "icon", "", &[(32, &url)], "w1");
        let file =
            resource("RemoteApp", "file").replace("/api/arm/feeddiscovery/tenants/w1/rdps/file.rdp?sig=secret", &url);
        let service =
            Service::offering(&[icon, file, resource("RemoteApp", "good"), resource("RemoteApp", "moved")]).await;
        service.override_with("/api/arm/feeddiscovery/tenants/w1/rdps/moved.rdp", redirect()).await;
        service.override_with("/files/good-32.png", redirect()).await;
        let listing = service.apps(&[]).await;
        assert_eq!(
            names(&listing),
            ["icon", "good"],
            "{url}: an icon elsewhere is left out, a file elsewhere is unknown"
        );
        assert!(listing.resources.iter().all(|resource| resource.icon.is_none()), "{url}");
        assert!(dark(&listing).iter().all(|(_, why)| *why == Why::Malformed), "{url}: {:?}", dark(&listing));
        assert!(listing.unknown.iter().all(|unknown| !unknown.reason.detail.contains("password@")), "{url}");
    }
    assert_eq!(other.received_requests().await.unwrap().len(), 0, "nothing was ever sent there");
}

#[tokio::test]
async fn redirects_within_the_feed_are_followed_and_not_for_ever() {
    let service = Service::with(&["w1"]).await;
    for hop in 0..9 {
        let next = ResponseTemplate::new(307).insert_header("location", format!("/hop/{}", hop + 1));
        service.answer(&format!("/hop/{hop}"), next).await;
    }
    service.answer("/feeds/w1", ResponseTemplate::new(301).insert_header("location", "/hop/0")).await;
    let error = apps(&service.inventory(), &[]).await.unwrap_err();
    assert!(error.why == Why::Failed && error.detail.contains("more than 5 redirects"), "{error}");
    assert_eq!((service.asked("/hop").await, service.asked("/feeds/w1").await), (5, 1));

    service.override_with("/hop/4", xml(&feed_of(&[]))).await;
    service.apps(&[]).await;
    assert!(service.requests().await.iter().all(|request| request.headers["authorization"] == "Bearer token 1"));
}

#[tokio::test]
async fn a_redirect_to_nowhere_ends() {
    let service = Service::with(&["w1"]).await;
    service.answer("/feeds/w1", ResponseTemplate::new(302)).await;
    assert_eq!(apps(&service.inventory(), &[]).await.unwrap_err().why, Why::Malformed);
}
