//! What a feed points to: `.rdp` files and icons; and the feed of 5,000.

use std::collections::HashSet;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use simulator::EstateSpec;

use crate::{
    feed::{expected, feeds, get, values},
    support::{Azure, options, small, start},
};

const ACCOUNT: &str = "apps@contoso.com";

/// All resources of an account in the current model, with their workspace.
async fn resources(azure: &Azure, account: &str) -> Vec<(Value, Value)> {
    let truth = expected(azure, account).await;
    let workspaces = truth["arm"].as_array().unwrap().clone();
    workspaces
        .into_iter()
        .flat_map(|workspace| {
            let resources = workspace["resources"].as_array().unwrap().clone();
            resources.into_iter().map(move |resource| (workspace.clone(), resource))
        })
        .collect()
}

fn decoded(bytes: &[u8]) -> String {
    match bytes.strip_prefix(&[0xff, 0xfe]) {
        Some(rest) => {
            let units: Vec<u16> = rest.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            String::from_utf16(&units).unwrap()
        }
        None => String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

#[tokio::test]
async fn connection_files_name_their_pool_and_differ_only_in_the_hint() {
    let azure = small().await;
    let mut encodings = HashSet::new();
    for (workspace, resource) in resources(&azure, ACCOUNT).await {
        let (home, id) = (workspace["id"].as_str().unwrap(), resource["id"].as_str().unwrap());
        let path = format!("/api/arm/feeddiscovery/tenants/{home}/rdps/{id}.rdp");
        let mut seen = Vec::new();
        for _ in 0..2 {
            let answer = get(&azure, ACCOUNT, &path).await;
            assert_eq!(answer.status(), 200, "{path}");
            let bytes = answer.bytes().await.unwrap();
            let encoding = if bytes.starts_with(&[0xff, 0xfe]) { "utf-16le" } else { "utf-8" };
            assert_eq!(resource["rdpEncoding"], encoding);
            encodings.insert(encoding);
            seen.push(decoded(&bytes));
        }
        let lines: Vec<Vec<&str>> = seen.iter().map(|text| text.split("\r\n").collect()).collect();
        let differing: Vec<&str> = lines[0].iter().zip(&lines[1]).filter(|(a, b)| a != b).map(|(a, _)| *a).collect();
        assert!(differing.len() == 1 && differing[0].starts_with("activityhint:s:ms-wvd-ep:"), "{differing:?}");
        assert!(lines[0].contains(&format!("armpath:s:{}", resource["hostPool"].as_str().unwrap()).as_str()));
        assert!(lines[0].contains(&format!("workspace id:s:{home}").as_str()));
        assert!(seen[0].contains("\r\nsignature:s:") && seen[0].contains("\r\nsignscope:s:"));
        assert!(lines[0].iter().all(|line| line.is_empty() || line.split(':').count() >= 3), "one property a line");
    }
    assert_eq!(encodings.len(), 2);
    let (workspace, resource) = resources(&azure, "desktops@contoso.com").await.remove(0);
    let (home, id) = (workspace["id"].as_str().unwrap(), resource["id"].as_str().unwrap());
    let path = format!("/api/arm/feeddiscovery/tenants/{home}/rdps/{id}.rdp");
    assert_eq!(get(&azure, ACCOUNT, &path).await.status(), 404, "it is not entitled to desktops");
}

#[tokio::test]
async fn icons_are_the_estates_png_or_an_ico_around_it() {
    let azure = small().await;
    let (mut with_png, mut ico_only, mut without) = (0, 0, 0);
    for (workspace, resource) in resources(&azure, ACCOUNT).await {
        let feed = workspace["feedPath"].as_str().unwrap().trim_end_matches("webfeed");
        let id = resource["id"].as_str().unwrap();
        let fetch = async |format: &str| {
            let answer = get(&azure, ACCOUNT, &format!("{feed}icons/{id}.{format}")).await;
            (answer.status().as_u16(), answer.bytes().await.unwrap())
        };
        let (ico_status, ico) = fetch("ico").await;
        let (png_status, png) = fetch("png").await;
        let digest =
            |bytes: &[u8]| -> String { Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect() };
        if resource["icon"] == false {
            assert_eq!((ico_status, png_status), (404, 404));
            without += 1;
            continue;
        }
        assert_eq!((ico_status, &ico[..6]), (200, &[0, 0, 1, 0, 3, 0][..]), "an ICO of three images");
        let at = ico.windows(8).position(|bytes| bytes == b"\x89PNG\r\n\x1a\n").unwrap();
        assert_eq!(digest(&ico[at..]), resource["iconPngSha256"].as_str().unwrap());
        if png_status == 200 {
            assert_eq!(digest(&png), resource["iconPngSha256"].as_str().unwrap());
            with_png += 1;
        } else {
            ico_only += 1;
        }
    }
    assert!(with_png > 5 && ico_only > 2 && without > 0, "{with_png} {ico_only} {without}");
}

#[tokio::test]
async fn addresses_in_a_feed_are_relative_or_whole_and_all_lead_somewhere() {
    let azure = small().await;
    let (mut relative, mut whole) = (0, 0);
    for feed in feeds(&azure, ACCOUNT, "/api/arm/feeddiscovery").await {
        let answer = get(&azure, ACCOUNT, &feed).await;
        let base = answer.url().clone();
        let xml = answer.text().await.unwrap();
        let files = [values(&xml, "IconRaw", "FileURL"), values(&xml, "ResourceFile", "URL")].concat();
        for file in files {
            if file.starts_with("http") {
                whole += 1;
            } else {
                relative += 1;
            }
            let url = base.join(&file).unwrap();
            assert_eq!(get(&azure, ACCOUNT, url.as_str()).await.status(), 200, "{url}");
        }
    }
    assert!(relative > 10 && whole > 5, "{relative} {whole}");
}

#[tokio::test]
async fn five_thousand_resources_are_one_feed_below_four_mebibytes() {
    let estate = EstateSpec { distinct_icons: 20, ..EstateSpec::built_in("feed5000").unwrap() };
    let azure = start(options(estate)).await;
    let feeds = feeds(&azure, "all@contoso.com", "/api/arm/feeddiscovery").await;
    assert_eq!(feeds.len(), 1);
    let xml = get(&azure, "all@contoso.com", &feeds[0]).await.text().await.unwrap();
    let ids: HashSet<String> = values(&xml, "Resource", "ID").into_iter().collect();
    let icons = xml.matches("<IconRaw ").count() + xml.matches("<Icon48 ").count();
    assert_eq!((ids.len(), icons), (5_000, 5_000));
    assert!(xml.len() < 4 * 1024 * 1024, "{} bytes", xml.len());
}
