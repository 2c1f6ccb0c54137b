use super::*;

mod laws;

const DESKTOP: &[u8] = include_bytes!("../../fixtures/rdp/arm-desktop-signed.rdp");
const DESKTOP_UTF16: &[u8] = include_bytes!("../../fixtures/rdp/arm-desktop-signed-utf16le.rdp");
const REMOTE_APP: &[u8] = include_bytes!("../../fixtures/rdp/arm-remoteapp-signed-bom.rdp");
const CLASSIC: &[u8] = include_bytes!("../../fixtures/rdp/classic-desktop-lf.rdp");

fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_desktop_of_azure_tells_where_it_leads() {
    for bytes in [DESKTOP, DESKTOP_UTF16] {
        let rdp = parse(bytes).unwrap();
        assert_eq!(rdp.as_bytes(), bytes);
        assert_eq!(rdp.kind(), ResourceKind::Desktop);
        assert!(rdp.is_signed());
        assert!(rdp.host_pool().unwrap().ends_with("/hostpools/hp-finance"));
        assert_eq!(rdp.workspace_id(), Some("0b6f2c8e-54f1-4a53-8d0c-6b7f1f0e9a11"));
        assert_eq!(rdp.tenant_id(), Some("9a1d0c53-2f0e-4b8e-8f7a-3e6a5d4c3b2a"));
        assert_eq!(rdp.text("RemoteDesktopName"), Some("Finance – desktop"));
        assert_eq!(rdp.text("drivestoredirect"), Some(""));
        assert_eq!(rdp.integer("Use Redirection Server Name"), Some(1));
        assert_eq!((rdp.text("gatewayusagemethod"), rdp.integer("geo"), rdp.text("nothing")), (None, None, None));
        assert_eq!(rdp.properties().count(), 26);
    }
}

#[test]
fn a_remote_app_keeps_the_colons_of_its_values() {
    let rdp = parse(REMOTE_APP).unwrap();
    assert_eq!(rdp.as_bytes(), REMOTE_APP);
    assert_eq!(rdp.kind(), ResourceKind::RemoteApp);
    assert_eq!(rdp.properties().next().unwrap().name, "gatewayusagemethod");
    assert_eq!(rdp.text("remoteapplicationcmdline"), Some(r#""C:\Reports\Q1: totals.xlsx""#));
    assert!(rdp.is_signed());
}

#[test]
fn a_classic_one_names_its_pool_to_the_broker_only() {
    let rdp = parse(CLASSIC).unwrap();
    assert_eq!(rdp.host_pool().unwrap(), "8e0d4c72-1a7f-4a52-9a0b-77d0f2a9c603");
    assert!(!rdp.is_signed());
    assert_eq!(rdp.integer("use multimon"), Some(1), "the last line has no end");
    assert_eq!((rdp.workspace_id(), rdp.tenant_id()), (None, None));
}

#[test]
fn the_pool_is_named_by_the_best_of_what_there_is() {
    let pool = |text: &str| parse(text.as_bytes()).unwrap().host_pool();
    let endpoint = "wvd endpoint pool:s:e\nloadbalanceinfo:s:mth://localhost/l/r\n";
    // Of a resource group, an application group, or what could lead elsewhere in a URL.
    for other in [
        "/subscriptions/s/resourceGroups/g",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.DesktopVirtualization/applicationGroups/a",
        "/subscriptions/s/resourceGroups/../providers/Microsoft.DesktopVirtualization/hostPools/p",
        " ",
    ] {
        assert_eq!(pool(&format!("armpath:s:{other}\n{endpoint}")).as_deref(), Some("e"), "{other}");
    }
    assert_eq!(pool("loadbalanceinfo:s:tsv://MS Terminal Services Plugin.1.QuickSession").unwrap(), "QuickSession");
    assert_eq!(pool("loadbalanceinfo:s:mth://localhost"), None);
    assert_eq!(pool("loadbalanceinfo:s:something else"), None);
    for id in ["", "../../x", "0b6f2c8e-54f1-4a53-8d0c-6b7f1f0e9a1", "0b6f2c8e-54f1-4a53-8d0c-6b7f1f0e9a1?"] {
        let rdp = parse(format!("workspace id:s:{id}\naadtenantid:s:{id}").as_bytes()).unwrap();
        assert_eq!((rdp.workspace_id(), rdp.tenant_id()), (None, None), "{id}");
    }
}

#[test]
fn what_no_real_file_is_like_is_refused_with_the_reason() {
    use RdpError::{Empty, Malformed, NotText, TooLarge, TooLong};
    for empty in [&b""[..], b"\xEF\xBB\xBF", b"\xFF\xFE", b" \r\n\r\n"] {
        assert_eq!(parse(empty), Err(Empty));
    }
    assert_eq!(parse(&vec![b'a'; MAX_RDP_BYTES + 1]), Err(TooLarge(MAX_RDP_BYTES + 1)));
    assert_eq!(parse("\n".repeat(MAX_LINES + 1).as_bytes()), Err(TooLong));
    assert_eq!(parse("a:i:1\n".repeat(MAX_PROPERTIES + 1).as_bytes()), Err(TooLong));
    assert!(parse("a:i:1\n".repeat(MAX_PROPERTIES).as_bytes()).is_ok());
    for no_text in
        [&b"a:s:\0\n"[..], b"a:s:\xFF\n", b"\xFF\xFEa\0:", b"\xFF\xFE\x00\xD8", b"\xFE\xFF\0a", b"a\0:\0s\0:\0"]
    {
        assert!(matches!(parse(no_text), Err(NotText(_))), "{no_text:?}");
    }
    for (text, line) in [
        ("a:i:1\nnonsense\n", 2),
        ("\r\na:i\n", 2),
        ("# a comment\n", 1),
        (":s:x", 1),
        (" :s:x", 1),
        ("\u{FEFF}\u{FEFF}geo:s:x", 1),
        ("ge\u{43E}:s:x", 1),
        ("a:x:1", 1),
        ("a:si:1", 1),
        ("a::1", 1),
        ("a:s:one\rb:s:two\n", 1),
        ("a:s:\u{85}b:s:two\n", 1),
        ("a:s:\u{1B}[2J", 1),
        (&format!("{}:s:x", "n".repeat(129)), 1),
    ] {
        assert!(matches!(parse(text.as_bytes()), Err(Malformed { line: at, .. }) if at == line), "{text:?}");
    }
    assert!(matches!(parse(&utf16("a:s:\0")), Err(Malformed { line: 1, .. })));
}

#[test]
fn a_web_page_is_quoted_and_its_addresses_are_not() {
    let page = "\r\n<!DOCTYPE html><html><head><TITLE lang=en>Sign in\n to your account</title></head></html>";
    assert_eq!(parse(page.as_bytes()), Err(RdpError::Html { excerpt: "Sign in to your account".to_owned() }));
    let page = "<html><p>Go to https://proxy.contoso.com/?sig=secret now</p></html>";
    let error = parse(&utf16(page)).unwrap_err().to_string();
    assert_eq!(error, "a web page came instead of an .rdp file: Go to … now");
    assert!(parse(b"<").unwrap_err().to_string().contains("without any text"));
}

#[test]
fn of_a_repeated_property_the_last_one_counts_and_a_repeated_signature_is_none() {
    let rdp = parse(b"A:s:1\na:s:2\n \tb :I: 7 \nb:s:x\nc:i:x\n").unwrap();
    assert_eq!((rdp.text("a"), rdp.integer("b"), rdp.text("b"), rdp.integer("c")), (Some("2"), None, Some("x"), None));
    assert_eq!(rdp.properties().nth(2).unwrap(), Property { name: "b", kind: 'i', value: " 7 " });
    let signed = |text: &str| parse(text.as_bytes()).unwrap().is_signed();
    assert!(signed("signscope:s:Full Address\nsignature:s:QUJD  QQ==  "));
    for not in [
        "signature:s:QUJD",
        "signscope:s:Full Address",
        "signscope:s:Full Address\nsignature:s:",
        "signscope:s:Full Address\nsignature:s:QUJ",
        "signscope:s:Full Address\nsignature:s:====",
        "signscope:s:Full Address\nsignature:s:QU!D",
        "signscope:s:Full Address\nsignature:i:QUJD",
        "signscope:s:Full Address\nsignature:s:QUJD\nSignature:s:QUJD",
        "signscope:s: ,\nsignature:s:QUJD",
    ] {
        assert!(!signed(not), "{not}");
    }
}

#[test]
fn the_digest_is_the_same_in_every_encoding_and_ignores_what_changes_by_itself() {
    let (desktop, text) = (parse(DESKTOP).unwrap(), std::str::from_utf8(DESKTOP).unwrap());
    let digest = desktop.content_sha256();
    let digest_of = |text: &str| parse(text.as_bytes()).unwrap().content_sha256();
    assert_eq!(parse(DESKTOP_UTF16).unwrap().content_sha256(), digest);
    assert_eq!(digest_of(text.replace("\r\n", "\n").trim_end()), digest);
    assert_eq!(digest_of(&text.replace("-r1.wvd", "-r7.wvd").replace("ScaleUnitPath", "Path")), digest);
    assert_eq!(digest_of(&text.replace("armpath:s:", "ArmPath:s:")), digest);
    assert_ne!(digest_of(&text.replace("Finance", "Finances")), digest);
    assert_ne!(digest_of(&text.replace("geo:s:EU", "geo:s:US")), digest);
    assert!(CHANGES_BY_ITSELF.is_sorted());
}

#[test]
fn what_could_be_turned_against_a_user_is_named_and_whether_it_is_signed() {
    assert_eq!(parse(DESKTOP).unwrap().concerns(), []);
    assert_eq!(parse(REMOTE_APP).unwrap().concerns(), []);
    assert_eq!(parse(CLASSIC).unwrap().concerns(), []);
    let hostile = "full address:s:evil.example\nGatewayHostname:s:wvd.microsoft.com.evil.example:443\n\
        alternate full address:s:https://wvd.microsoft.com@evil.example/\nhubdiscoverygeourl:s:http://a.wvd.microsoft.com\n\
        alternate shell:s:cmd.exe\ndrivestoredirect:s:*\npassword 51:b:01\nauthentication level:i:0\n\
        enablecredsspsupport:i:0\nremoteapplicationprogram:s:C:\\x.exe\ndiagnosticserviceurl:s:https://evilwvd.azure.us\n";
    let concerns = parse(hostile.as_bytes()).unwrap().concerns();
    assert_eq!(concerns.len(), 11, "{concerns:#?}");
    assert!(concerns.iter().all(|concern| !concern.signed));
    let signed = format!("{hostile}signscope:s:Full Address,GatewayHostname\nsignature:s:QUJD\n");
    let concerns = parse(signed.as_bytes()).unwrap().concerns();
    let covered: Vec<_> = concerns.iter().filter(|c| c.signed).map(|c| c.property.as_str()).collect();
    assert_eq!(covered, ["full address", "gatewayhostname"]);
    let twice = parse(format!("{signed}Full Address:s:other.example\n").as_bytes()).unwrap().concerns();
    assert_eq!(twice.iter().filter(|c| c.signed).count(), 1, "{twice:#?}");
}

#[test]
fn neither_errors_nor_debug_forms_show_values() {
    let rdp = parse(b"password 51:b:S3CRET\nusername:s:S3CRET").unwrap();
    assert_eq!(format!("{rdp:?}"), r#"Rdp { bytes: 38, names: ["password 51", "username"] }"#);
    for error in [
        format!("{:?}", parse(b"S3CRET").unwrap_err()),
        format!("{:?}", Builder::new().text(Text::UserName, "S3CRET\n").err()),
    ] {
        assert!(!error.contains("S3CRET"), "{error}");
    }
}

#[test]
fn a_file_of_our_own_is_what_was_set() {
    let builder = Builder::new()
        .integer(Integer::RemoteApplicationMode, 0)
        .text(Text::RemoteApplicationName, "old")
        .and_then(|file| file.text(Text::RemoteApplicationName, "Excel: 2021"))
        .unwrap()
        .integer(Integer::RemoteApplicationMode, 1);
    let written = builder.build(Encoding::Utf8).unwrap();
    assert_eq!(written.as_bytes(), b"remoteapplicationname:s:Excel: 2021\r\nremoteapplicationmode:i:1\r\n");
    assert_eq!(written.kind(), ResourceKind::RemoteApp);
    assert!(builder.build(Encoding::Utf16Le).unwrap().as_bytes().starts_with(b"\xFF\xFEr\0"));
    assert!(Builder::new().build(Encoding::Utf8).is_none());
}

#[test]
fn the_largest_file_that_can_be_written_can_be_read() {
    let value = "\u{10FFFD}".repeat(MAX_VALUE_CHARS);
    let full = Text::ALL.iter().try_fold(Builder::new(), |file, property| file.text(*property, &value)).unwrap();
    let full = Integer::ALL.iter().fold(full, |file, property| file.integer(*property, i32::MIN));
    for encoding in [Encoding::Utf8, Encoding::Utf16Le] {
        let written = full.build(encoding).unwrap();
        assert_eq!(written.properties().count(), Text::ALL.len() + Integer::ALL.len());
    }
    let longer = Builder::new().text(Text::Geo, &format!("{value}x")).err();
    assert_eq!(longer, Some(ValueError::TooLong("geo")));
}
