use super::bundle::{self, Do, Manifest, PACKAGES, Way};
use super::quote::{MAX_LINK_BYTES, argument, link, template_in_link};
use super::script::script;
use crate::assignment::{Assignment, IconPlace, IdentityType, Offer, Publish};
use crate::feed::RdpRef;
use crate::package::{Dependency, LaunchAction, Launcher, Package, PackageContent, PackageState, Stage};
use crate::testing::{self, at};
use crate::{dependency, template};
use proptest::prelude::*;
use serde_json::Value;

fn package(app: &str, change: impl FnOnce(&mut PackageContent)) -> Package {
    let mut package = testing::package(app);
    package.key = format!("{app}-0123456789abcdef");
    change(&mut package.content);
    package
}

fn manifest(package: &Package) -> Manifest {
    let offer = Offer { publish: Publish::Workspace, icons: [IconPlace::StartMenu].into() };
    bundle::manifest(package, &offer)
}

fn rdp(says: char) -> Option<RdpRef> {
    Some(RdpRef { sha256: says.to_string().repeat(64) })
}

/// A package with everything that a bundle knows.
fn full() -> Package {
    let mut package = package("excel", |content| {
        content.rdp = rdp('a');
        content.categories = vec!["Office".to_owned(), ".xlsx".to_owned()];
        content.network_credentials = Some("CONTOSO\\${identity.username}".to_owned());
        content.dependencies = vec![dependency::windows_app()];
    });
    package.stage = Stage::Acceptance;
    package.assigned = vec![assigned("tester@contoso.example", IdentityType::User)];
    package
}

fn assigned(identity: &str, kind: IdentityType) -> Assignment {
    Assignment {
        identity: identity.to_owned(),
        kind,
        stage: Stage::Acceptance,
        publish: Publish::Forced,
        icons: [IconPlace::Desktop].into(),
        by: "someone".to_owned(),
        at: at(1),
    }
}

fn written(manifest: &Manifest) -> Value {
    serde_json::from_slice(&manifest.bytes()).unwrap()
}

#[test]
fn a_bundle_as_it_is_written() {
    let retired = Package { state: PackageState::Retired, ..package("word", |_| {}) };
    let manifests = [manifest(&full()), manifest(&retired)];
    let names = manifests.iter().map(|manifest| &*manifest.name);
    let list: Value = serde_json::from_slice(&bundle::list(names)).unwrap();
    let files: Vec<(String, Value)> = manifests.iter().map(|manifest| (manifest.file(), written(manifest))).collect();
    insta::assert_json_snapshot!("bundle", ((PACKAGES, list), files));
}

#[test]
fn windows_powershell_reads_the_script_as_it_was_meant() {
    let text = script().strip_prefix('\u{FEFF}').unwrap();
    assert!(text.is_ascii(), "quotation marks that are no ASCII would be quotation marks to PowerShell");
    assert!(!text.contains('\r') && text.ends_with('\n'));
    assert!(text.lines().all(|line| line.len() <= 120));
}

#[test]
fn the_module_is_called_in_one_place() {
    let (before, rest) = script().split_once("# === The module ===").unwrap();
    let (module, after) = rest.split_once("# === The end of the module ===").unwrap();
    let calls = |text: &str| {
        text.lines().filter(|line| !line.trim_start().starts_with('#')).any(|line| line.contains("-Liquit"))
    };
    assert!(calls(module) && !calls(before) && !calls(after));
}

#[test]
fn the_ways_are_in_order_and_those_that_are_not_there_are_left_out() {
    let ways = |package: &Package| manifest(package).content.launch.iter().map(|way| way.way).collect::<Vec<_>>();
    assert_eq!(ways(&full()), ["rdp", "link", "web"]);
    assert_eq!(ways(&package("word", |_| {})), ["link", "web"]);
    assert_eq!(ways(&package("word", |content| content.launch.clear())), [""; 0]);
    let file_only = manifest(&package("word", |content| {
        content.launch.clear();
        content.rdp = rdp('b');
    }));
    assert!(!file_only.content.web);
    let evil = LaunchAction {
        with: Launcher::WebClient,
        versions: "any".to_owned(),
        uri: "file:///c:/windows/system32/calc.exe".to_owned(),
    };
    assert_eq!(ways(&package("word", |content| content.launch = vec![evil])), [""; 0]);
}

#[test]
fn the_user_name_is_filled_in_by_whoever_starts_it_and_nothing_else_is() {
    let full = manifest(&full());
    let [_, client, web] = &full.content.launch[..] else { panic!("three ways") };
    let start = client.parameters.clone().unwrap();
    assert_eq!(start, "\"ms-avd:connect?resourceid=app-1&user=CONTOSO%5C${Identity.UserName}\"");
    let url = web.url.clone().unwrap();
    assert!(url.ends_with("/ws-1/app-1?tenant=tenant#loginHint=CONTOSO%5C${Identity.UserName}"), "{url}");

    let unknown = package("excel", |content| content.network_credentials = Some("${Env.PATH}".to_owned()));
    let text = String::from_utf8(manifest(&unknown).bytes()).unwrap();
    assert!(!text.contains("${"), "{text}");
}

#[test]
fn the_digest_is_of_the_content_alone() {
    let digest = |change: fn(&mut Package)| {
        let mut package = full();
        change(&mut package);
        manifest(&package).content_sha256
    };
    let before = digest(|_| {});
    assert_eq!(digest(|package| package.stage = Stage::Test), before);
    assert_eq!(digest(|package| package.content.entitlements = None), before);
    assert_ne!(digest(|package| package.content.rdp = rdp('b')), before);
    assert_ne!(digest(|package| package.content.display_name.push('!')), before);
    assert_ne!(digest(|package| package.content.icon.sha256 = "1".repeat(64)), before);
}

#[test]
fn unknown_entitlements_are_told_from_none_and_only_persons_and_groups_are_entitled() {
    let of = |package: &Package| {
        let manifest = manifest(package);
        let who: Vec<String> = manifest.entitlements.into_iter().map(|entitled| entitled.identity.0).collect();
        (who, manifest.entitlements_complete)
    };
    let mut unknown = package("a", |content| content.entitlements = None);
    unknown.assigned = vec![assigned("mail@x", IdentityType::User), assigned("device", IdentityType::Device)];
    assert_eq!(of(&unknown), (vec!["mail@x".to_owned()], false));
    assert_eq!(of(&package("a", |content| content.entitlements = Some(Vec::new()))), (Vec::new(), true));
    let apps_only = package("a", |content| {
        content.entitlements.as_mut().unwrap()[0].principal.kind = "ServicePrincipal".to_owned();
    });
    assert_eq!(of(&apps_only), (Vec::new(), false), "who is not named is entitled all the same");
}

#[test]
fn who_is_left_out_is_named_and_then_nobody_is_known_to_be_another() {
    let with = |identities: usize| {
        let mut package = package("a", |content| content.entitlements = Some(Vec::new()));
        let person = |n| assigned(&format!("person-{n:04}"), IdentityType::User);
        package.assigned = (0..identities).map(person).collect();
        package
    };
    let of = |package: &Package| {
        let manifest = manifest(package);
        let left_out: Vec<String> = manifest.entitlements_left_out.into_iter().map(|one| one.0).collect();
        (manifest.entitlements.len(), manifest.entitlements_complete, left_out)
    };
    assert_eq!(of(&with(1_000)), (1_000, true, Vec::new()));
    assert_eq!(of(&with(1_001)), (1_000, false, vec!["User person-1000".to_owned()]));
    let (named, complete, left_out) = of(&with(1_030));
    assert_eq!((named, complete, left_out.len()), (1_000, false, 21));
    assert_eq!(left_out[20], "10 more");

    let mut to_a_device = with(1);
    to_a_device.assigned.push(assigned("kiosk", IdentityType::Device));
    assert_eq!(of(&to_a_device), (1, false, vec!["Device kiosk".to_owned()]));
    assert_eq!(written(&manifest(&to_a_device))["entitlements_left_out"], serde_json::json!(["=Device kiosk"]));
}

#[test]
fn arguments_as_windows_documents_them() {
    for (value, quoted) in [
        ("", r#""""#),
        ("a b", r#""a b""#),
        (r#"say "hi""#, r#""say \"hi\"""#),
        (r"C:\dir\", r#""C:\dir\\""#),
        (r#"a\\"b"#, r#""a\\\\\"b""#),
    ] {
        assert_eq!(argument(value), quoted);
    }
}

/// `CommandLineToArgvW` beyond the program's name, written from its documentation and not from [`argument`].
fn split(line: &str) -> Vec<String> {
    let chars: Vec<char> = line.chars().collect();
    let (mut all, mut one, mut inside, mut at) = (Vec::new(), None::<String>, false, 0);
    while at < chars.len() {
        let run = chars[at..].iter().take_while(|c| **c == '\\').count();
        let after = chars.get(at + run).copied();
        if run > 0 {
            let text = one.get_or_insert_default();
            if after == Some('"') {
                text.extend(std::iter::repeat_n('\\', run / 2));
                if run % 2 == 1 {
                    text.push('"');
                    at += 1;
                }
            } else {
                text.extend(std::iter::repeat_n('\\', run));
            }
            at += run;
            continue;
        }
        match chars[at] {
            '"' if inside && chars.get(at + 1) == Some(&'"') => {
                one.get_or_insert_default().push('"');
                at += 1;
            }
            '"' => {
                inside = !inside;
                one.get_or_insert_default();
            }
            ' ' | '\t' if !inside => all.extend(one.take()),
            c => one.get_or_insert_default().push(c),
        }
        at += 1;
    }
    all.extend(one);
    all
}

#[test]
fn the_independent_reader_knows_the_documented_examples() {
    for (line, arguments) in [
        (r#""abc" d e"#, vec!["abc", "d", "e"]),
        (r#"a\\b d"e f"g h"#, vec![r"a\\b", "de fg", "h"]),
        (r#"a\\\"b c d"#, vec![r#"a\"b"#, "c", "d"]),
        (r#"a\\\\"b c" d e"#, vec![r"a\\b c", "d", "e"]),
    ] {
        assert_eq!(split(line), arguments, "{line}");
    }
}

/// Strings that mean something to one of those that read them on the way.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "'",
        "\"",
        "\u{2018}",
        "\u{2019}",
        "\u{201A}",
        "\u{201B}",
        "\u{201C}",
        "`",
        "$(calc)",
        "${Env.PATH}",
        "\\",
        "\n",
        "\r",
        "\0",
        ";",
        "|",
        "&",
        "#>",
        "@'\n",
        "'@",
        "-EncodedCommand",
        "%COMSPEC%",
        ",",
        "/Date(0)/",
        "2026-01-01T00:00:00Z",
        "..",
        "/",
        ":",
        "ms-avd:",
        "https://",
        "file:",
        "\u{FEFF}",
        "\u{202E}",
        "x",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat()),
        any::<String>(),
        Just("https://x/?a=".to_owned() + &"y".repeat(2 * MAX_LINK_BYTES)),
    ]
}

fn hostile_package() -> impl Strategy<Value = Package> {
    prop::collection::vec(hostile(), 12).prop_map(|text| {
        let mut package = package("excel", |content| {
            content.display_name.clone_from(&text[0]);
            content.description = Some(text[1].clone());
            content.workspace.name.clone_from(&text[2]);
            content.categories = vec![text[3].clone()];
            content.network_credentials = Some(text[4].clone());
            content.launch = ["", "ms-avd:", "https://"]
                .map(|scheme| LaunchAction {
                    with: Launcher::WindowsApp,
                    versions: text[5].clone(),
                    uri: format!("{scheme}{}", text[6]),
                })
                .to_vec();
            content.rdp = rdp('a');
            content.dependencies = vec![Dependency {
                name: text[8].clone(),
                package_id: text[8].clone(),
                minimum_version: text[9].clone(),
            }];
            content.entitlements.as_mut().unwrap()[0].principal.id.clone_from(&text[10]);
        });
        package.key.clone_from(&text[11]);
        package.connection.clone_from(&text[5]);
        package
    })
}

/// Whether a text holds only those placeholders that Application Workspace shall fill in.
fn only_known_placeholders(text: &str, also: &[&str]) -> bool {
    text.split('$').skip(1).all(|rest| {
        let name = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(name, _)| name);
        name.is_some_and(|name| template::PLACEHOLDERS.contains(&name) || also.contains(&name))
    })
}

fn check_way(way: &Way) -> Result<(), TestCaseError> {
    prop_assert_eq!(way.process.is_some(), way.parameters.is_some());
    prop_assert_ne!(way.process.is_some(), way.url.is_some());
    let opened = match (&way.parameters, &way.url) {
        (Some(parameters), _) => {
            let arguments = split(parameters);
            prop_assert_eq!(arguments.len(), 1, "{}", parameters);
            arguments.into_iter().next().unwrap()
        }
        (_, url) => url.clone().unwrap(),
    };
    let begins = if way.way == "rdp" { "${PackageTempDir}\\poolwarden-" } else { "" };
    prop_assert!(opened.starts_with(begins), "{}", opened);
    prop_assert!(only_known_placeholders(&opened, &["PackageTempDir"]), "{}", opened);
    if way.way != "rdp" {
        prop_assert!(opened.starts_with("ms-avd:") || opened.starts_with("https://"), "{}", opened);
        let odd = |c: char| c.is_control() || c.is_whitespace() || !c.is_ascii() || "\"'`<>|^\\,;()".contains(c);
        prop_assert!(!opened.contains(odd), "{}", opened);
    }
    Ok(())
}

proptest! {
    #[test]
    fn an_argument_is_read_back_as_it_was(values in prop::collection::vec(hostile(), 0..4)) {
        let line: Vec<String> = values.iter().map(|value| argument(value)).collect();
        let without_nul: Vec<String> = values.iter().map(|value| value.replace('\0', "")).collect();
        prop_assert_eq!(split(&line.join(" ")), without_nul);
    }

    #[test]
    fn a_link_is_one_that_poolwarden_makes_and_stays_so(uri in hostile()) {
        if let Some(safe) = link(&uri) {
            prop_assert!(safe.len() <= MAX_LINK_BYTES);
            prop_assert_eq!(link(&safe), Some(safe));
        }
    }

    #[test]
    fn a_template_in_a_link_has_the_placeholders_it_had_and_no_others(text in hostile()) {
        let text = format!("a\\{}${{input.username}}", text.replace(['\n', '\r', '\0'], ""));
        if let Some(safe) = template_in_link(&text) {
            prop_assert!(only_known_placeholders(&safe, &[]), "{}", safe);
            prop_assert_eq!(safe.matches('$').count(), text.matches("${").count());
            prop_assert!(safe.is_ascii() && !safe.contains(['"', '&', '#', '\\', ' ', '=']), "{}", safe);
        }
    }

    #[test]
    fn whatever_a_package_is_called_it_is_data_under_a_plain_name(package in hostile_package(), retired: bool) {
        let state = if retired { PackageState::Retired } else { PackageState::Active };
        let manifest = manifest(&Package { state, ..package });
        prop_assert_eq!(manifest.action == Do::Retire, retired);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        prop_assert!(manifest.name.chars().all(plain) && manifest.name.len() <= 128, "{}", manifest.name);
        for way in &manifest.content.launch {
            check_way(way)?;
        }
        let value = written(&manifest);
        let texts = ["/display_name", "/description", "/dependencies/0/name", "/dependencies/0/minimum_version",
            "/entitlements/0/identity"];
        for text in texts {
            let text = value.pointer(text).and_then(Value::as_str).unwrap();
            prop_assert!(text.starts_with('=') && !text.contains(char::is_control), "{}", text);
        }
    }
}
