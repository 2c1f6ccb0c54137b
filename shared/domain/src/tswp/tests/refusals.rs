use super::*;
use std::time::{Duration, Instant};

/// Where an error says it is, and what it is.
fn refused(document: impl AsRef<[u8]>) -> String {
    resource_collection(document.as_ref()).unwrap_err().to_string()
}

#[test]
fn document_type_definitions_are_refused_whatever_is_in_them() {
    let expected = "line 2, column 1: the document has a document type definition, which is refused";
    assert_eq!(refused(own("hostile-laughs.xml")), expected);
    assert_eq!(refused(own("hostile-external-entity.xml")), expected);
    assert!(matches!(discovery(&own("hostile-laughs.xml")), Err(TswpError::Dtd { line: 2, column: 1 })));
}

#[test]
fn entities_are_refused_but_for_the_five_of_xml() {
    let error = resource_collection(&own("hostile-entity.xml")).unwrap_err();
    assert_eq!(error, TswpError::Entity { line: 2, column: 21, name: "nbsp".into() });
    let five = collection_of("<Resource ID='&lt;&gt;&amp;&quot;&apos;&#x41;&#66;' Type='Desktop'/>");
    assert_eq!(ids(&resource_collection(five.as_bytes()).unwrap()), ["<>&\"'AB"]);
}

#[test]
fn a_web_page_is_told_from_a_feed_and_quoted() {
    let error = resource_collection(&own("sign-in.html")).unwrap_err();
    assert!(error.is_html());
    assert_eq!(error, TswpError::Html { excerpt: "Sign in to your account Enter&nbsp;your password".into() });
    for page in ["<HTML>", "\u{FEFF}<!-- x --><html lang='en'>", "<?xml version='1.0'?><!doctype HTML><html/>"] {
        assert!(discovery(page.as_bytes()).unwrap_err().is_html(), "{page}");
    }
    assert!(!resource_collection(b"<htmlish/>").unwrap_err().is_html());
    assert!(!resource_collection(b"{\"error\":\"no\"}").unwrap_err().is_html());
    let long = format!("<html>{}\u{7}", "<b>x".repeat(100_000));
    assert!(refused(long).chars().count() < 300);
}

#[test]
fn what_is_not_well_formed_is_placed() {
    for (document, expected) in [
        (
            "<ResourceCollection>\n  <Publisher Name='ü' Name=''/>",
            "line 2, column 23: not well-formed XML: attribute 'Name' is already defined",
        ),
        (
            "<ResourceCollection>\n ü</Publisher>",
            "line 2, column 3: not well-formed XML: expected 'ResourceCollection' tag, not 'Publisher'",
        ),
        (
            "<ResourceCollection>\r\n<Publisher/>\r\n",
            "line 3, column 1: not well-formed XML: the root node was opened but never closed",
        ),
        ("", "line 1, column 1: not well-formed XML: the document does not have a root node"),
        ("<ResourceCollection/>\n<ResourceCollection/>", "line 2, column 1"),
        ("<ResourceCollection a='<'/>", "line 1, column 24"),
    ] {
        assert!(refused(document).starts_with(expected), "{document:?}: {}", refused(document));
    }
    assert_eq!(refused(b"<a>\n\xC3\xBC\xFF"), "line 2, column 2: not well-formed XML: not UTF-8 from here on");
    assert_eq!(refused(b"\xFF\xFEa\0\0\xD8"), "line 1, column 2: not well-formed XML: not UTF-16 from here on");
    assert_eq!(
        refused(b"\xFF\xFEa\0b"),
        "line 1, column 2: not well-formed XML: UTF-16 that ends with half a character"
    );
}

#[test]
fn another_document_is_no_empty_feed() {
    let expected = "line 1, column 1: the root element is TenantFeedURLs, not ResourceCollection";
    assert_eq!(refused(own("discovery-none.xml")), expected);
    assert!(matches!(discovery(&own("arm.xml")), Err(TswpError::WrongRoot { line: 2, column: 1, .. })));
}

#[test]
fn every_limit_is_kept_and_named() {
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    let root =
        |inner: &str| format!("<ResourceCollection SchemaVersion='2.0'><Publisher/>{inner}</ResourceCollection>");
    assert_eq!(resource_collection(root(&nested(MAX_DEPTH)).as_bytes()).unwrap().warnings, []);
    assert!(
        matches!(resource_collection(root(&nested(MAX_DEPTH + 1)).as_bytes()), Err(TswpError::TooDeep { line: 1, element, .. }) if element == "a")
    );
    assert!(refused(nested(500_000)).contains("nested in more than 32 elements"));
    assert_eq!(refused(vec![b' '; MAX_FEED_BYTES + 1]), "the document has 4194305 bytes, more than 4194304");

    let attributes =
        |count: usize| root(&format!("\n<t:b {}/>", (0..count).map(|n| format!("a{n}='' ")).collect::<String>()));
    assert!(refused(attributes(MAX_ATTRIBUTES)).contains("unknown namespace prefix 't'"));
    assert_eq!(refused(attributes(MAX_ATTRIBUTES + 1)), "line 2, column 1, b: more than 64 attributes");
    let namespaces = |count: usize| (0..count).map(|n| format!("xmlns:n{n}='u{n}' ")).collect::<String>();
    let halves = format!("<a {}><b {}/></a>", namespaces(MAX_NAMESPACES / 2), namespaces(MAX_NAMESPACES / 2 + 1));
    assert_eq!(refused(root(&halves)).split(", ").nth(2), Some("b: more than 64 namespaces"));
    assert!(refused(root(&"<a/>".repeat(MAX_NODES))).ends_with("a: more than 200000 elements and comments"));

    let resource = |number| format!("<Resource ID='{number}' Type='Desktop'/>");
    let resources = |count: usize| collection_of(&(0..count).map(resource).collect::<String>());
    assert_eq!(ids(&resource_collection(resources(MAX_RESOURCES).as_bytes()).unwrap()).len(), MAX_RESOURCES);
    assert!(refused(resources(MAX_RESOURCES + 1)).ends_with("Resource: more than 10000 resources"));
    let feeds =
        format!("<TenantFeedURLs>{}</TenantFeedURLs>", "<TenantFeedURL FeedURL='a'/>".repeat(MAX_TENANT_FEEDS + 1));
    assert!(matches!(discovery(feeds.as_bytes()), Err(TswpError::TooMany { most: MAX_TENANT_FEEDS, .. })));
}

/// What opens a comment does not close it: an attribute's quote inside one must not hide what comes after.
#[test]
fn no_limit_is_evaded_by_what_looks_like_a_whole_comment() {
    let many: String = (0..=MAX_ATTRIBUTES).map(|number| format!(" a{number}=''")).collect();
    for comment in ["<!--><a b=\" -->", "<!---><a b=' -->", "<!-- <a b=\" -->"] {
        let document = format!("<ResourceCollection>{comment}<x{many}/></ResourceCollection>");
        let error = resource_collection(document.as_bytes()).unwrap_err();
        assert!(matches!(error, TswpError::TooMany { .. }), "{comment}: {error}");
    }
}

#[test]
fn flaws_beyond_the_limit_are_counted() {
    let parsed = resource_collection(collection_of(&"<Resource/>".repeat(MAX_FLAWS + 7)).as_bytes()).unwrap();
    assert_eq!(parsed.skipped.len(), MAX_FLAWS + 1);
    assert!(parsed.skipped[MAX_FLAWS].what.starts_with("7 more"));
}

#[test]
fn a_long_attribute_costs_its_resource_only_when_it_must_be_there() {
    let long = "x".repeat(MAX_ATTRIBUTE_BYTES + 1);
    let resources = collection_of(&format!(
        "<Resource ID='{long}' Type='Desktop'/><Resource ID='b' Title='{long}' Type='Desktop'/><Resource ID='c' Type='Desktop'/>"
    ));
    let parsed = resource_collection(resources.as_bytes()).unwrap();
    assert_eq!(ids(&parsed), ["b", "c"]);
    assert_eq!(parsed.value.publishers[0].resources[0].title, None);
    assert!(parsed.warnings.iter().chain(&parsed.skipped).all(|flaw| flaw.to_string().len() < 300));
}

#[test]
fn a_part_beyond_the_limit_is_left_out_and_its_resource_kept() {
    let icons = "<Icon16 FileURL='a'/>".repeat(MAX_PARTS + 2);
    let resource = format!("<Resource ID='a' Type='Desktop'><Icons>{icons}</Icons></Resource>");
    let parsed = resource_collection(collection_of(&resource).as_bytes()).unwrap();
    assert_eq!(parsed.value.publishers[0].resources[0].icons.len(), MAX_PARTS);
    assert_eq!(parsed.warnings[1].what, "more than 256 icons; this one and the rest are left out");
}

#[test]
fn no_flaw_shows_the_query_of_an_address() {
    let resource = "<Resource ID='https://contoso.com/a?sig=secret' Type='https://contoso.com/b?sig=secret'/>";
    let parsed = resource_collection(collection_of(resource).as_bytes()).unwrap();
    assert!(parsed.skipped[0].what.contains("https://contoso.com/b?…"), "{}", parsed.skipped[0]);
    assert!(!format!("{parsed:?}").contains("secret"));
}

/// Each of these would take a parser minutes that compares everything with everything.
#[test]
fn documents_made_to_keep_the_parser_busy_are_done_within_seconds() {
    let fill = |part: &dyn Fn(usize) -> String| {
        let mut text = String::from("<ResourceCollection SchemaVersion='2.0'>");
        for number in 0.. {
            let part = part(number);
            if text.len() + part.len() > MAX_FEED_BYTES - 100 {
                break;
            }
            text.push_str(&part);
        }
        text + "</ResourceCollection>"
    };
    let attributes = format!("<a {}/>", (0..MAX_ATTRIBUTES).map(|n| format!("a{n}=''")).collect::<Vec<_>>().join(" "));
    let namespaces: String = (0..MAX_NAMESPACES).map(|n| format!(" xmlns:n{n}='{n}'")).collect();
    let folders: String = (0..200_000).map(|n| format!("<Folder Name='/{n}'/>")).collect();
    for document in [
        fill(&|_| attributes.clone()),
        fill(&|n| format!("<n:a xmlns:n='{n}'/>")),
        format!("<ResourceCollection{namespaces}>{}</ResourceCollection>", "<n63:a/>".repeat(MAX_NODES - 1)),
        format!(
            "<ResourceCollection><Publisher><SubFolders>{}</SubFolders></Publisher></ResourceCollection>",
            &folders
        ),
        fill(&|n| format!("<Publisher><TerminalServers><TerminalServer ID='{n}'/></TerminalServers></Publisher>")),
        "<".repeat(MAX_FEED_BYTES),
        format!("<html>{}", "<script".repeat(500_000)),
        "<!--".repeat(1_000_000),
    ] {
        let start = Instant::now();
        let _ = resource_collection(document.as_bytes());
        let took = start.elapsed();
        assert!(took < Duration::from_secs(10), "{took:?}: {}", &document[..100]);
    }
}
