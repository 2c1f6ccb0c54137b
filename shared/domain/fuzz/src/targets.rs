//! The functions that are fuzzed, and what must be true of whatever they return.

use poolwarden_domain::icon::{self, MAX_ICON_BYTES, MAX_ICON_EDGE};
use poolwarden_domain::rdp::{self, MAX_PROPERTIES, MAX_RDP_BYTES, Rdp};
use poolwarden_domain::tswp::{self, Flaw, MAX_FLAWS, Parsed, TswpError};
use std::borrow::Cow;
use std::collections::HashSet;

/// No error or flaw quotes more of a document than a person wants to read.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// A feed.
pub fn tswp_resource_collection(bytes: &[u8]) {
    let Some((collection, warnings)) = checked(tswp::resource_collection(bytes), bytes) else { return };
    let (mut ids, mut repeated) = (HashSet::new(), 0);
    for publisher in &collection.publishers {
        let resources = &publisher.resources;
        assert!(resources.iter().all(|resource| !resource.id.is_empty()), "{resources:?}");
        repeated += resources.iter().filter(|resource| !ids.insert(&resource.id)).count();
        let folders = resources.iter().flat_map(|resource| &resource.folders).chain(&publisher.sub_folders);
        for folder in folders.chain(&publisher.display_folder) {
            assert_eq!(folder.rfind('/'), Some(0), "{folder:?}");
        }
        for resource in resources {
            let icons = resource.icons.iter().chain(resource.file_extensions.iter().flat_map(|found| &found.icons));
            assert!(icons.into_iter().all(|icon| !icon.file_url.is_empty()), "{resource:?}");
            assert!(resource.resource_file().is_none_or(|file| !file.url.is_empty()), "{resource:?}");
        }
    }
    assert!(warnings >= repeated.min(MAX_FLAWS), "{repeated} ids are repeated, with {warnings} warnings");
}

/// A discovery document.
pub fn tswp_discovery(bytes: &[u8]) {
    let Some((discovery, _)) = checked(tswp::discovery(bytes), bytes) else { return };
    assert!(discovery.feeds.iter().all(|feed| !feed.feed_url.is_empty()), "{discovery:?}");
}

/// A `.rdp` file.
pub fn rdp(bytes: &[u8]) {
    let file = match rdp::parse(bytes) {
        Ok(file) => file,
        Err(error) => return assert!(is_short(&error.to_string()), "{error}"),
    };
    assert!(file.as_bytes() == bytes, "a file passes through byte for byte");
    let mut count = 0;
    for property in file.properties() {
        count += 1;
        let name = property.name;
        assert!(!name.is_empty() && name.trim() == name && !name.contains(':') && name.is_ascii(), "{property:?}");
        assert!(matches!(property.kind, 's' | 'i' | 'b'), "{property:?}");
        assert!(!property.value.contains(['\r', '\n', '\0']), "{property:?}");
        let last = file.properties().rfind(|other| other.name.eq_ignore_ascii_case(name)).expect("it is there");
        assert_eq!(file.text(name), (last.kind == 's').then_some(last.value));
        assert!(file.integer(name).is_none() || last.kind == 'i', "{property:?}");
    }
    assert!((1..=MAX_PROPERTIES).contains(&count), "{count} properties");
    rdp_meaning(&file);
}

/// What is made of a file's properties.
fn rdp_meaning(file: &Rdp) {
    let digest = file.content_sha256();
    assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
    // The encoding and the ends of lines say nothing.
    let lines: String =
        file.properties().map(|line| format!("{}:{}:{}\r\n", line.name, line.kind, line.value)).collect();
    let wide: Vec<u8> = [0xFEFF].into_iter().chain(lines.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    if wide.len() <= MAX_RDP_BYTES {
        let again = rdp::parse(&wide).expect("what was read can be written");
        assert_eq!(again.content_sha256(), digest);
        assert!(again.properties().eq(file.properties()));
    }
    for concern in file.concerns() {
        assert!(file.properties().any(|property| property.name.eq_ignore_ascii_case(&concern.property)), "{concern:?}");
        assert!(!concern.signed || file.is_signed(), "{concern:?}");
    }
    assert!(file.host_pool().is_none_or(|pool| !pool.is_empty()));
    for id in file.workspace_id().into_iter().chain(file.tenant_id()) {
        assert_eq!(id.len(), 36, "{id:?}");
    }
    let _ = (file.kind(), format!("{file:?}"));
}

/// An icon.
pub fn icon(bytes: &[u8]) {
    let png = match icon::accept(bytes) {
        Ok(png) => png,
        Err(error) => return assert!(is_short(&error.to_string()), "{error}"),
    };
    assert!(png.len() <= MAX_ICON_BYTES, "{} bytes", png.len());
    // Behind the signature comes IHDR: its length, its name, the width and the height.
    for edge in [&png[16..20], &png[20..24]] {
        let edge = u32::from_be_bytes(edge.try_into().expect("four bytes"));
        assert!((1..=MAX_ICON_EDGE).contains(&edge), "{edge} pixels");
    }
    assert!(matches!(icon::accept(&png), Ok(Cow::Borrowed(again)) if *again == *png), "a PNG stays as it is");
}

/// What was read, if anything, after a look at what was told about it, and how many warnings there are.
fn checked<T>(result: Result<Parsed<T>, TswpError>, bytes: &[u8]) -> Option<(T, usize)> {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    let check = |flaws: Vec<Flaw>| {
        assert!(flaws.len() <= MAX_FLAWS + 1, "{} flaws", flaws.len());
        for flaw in flaws {
            let in_document = (1..=lines).contains(&(flaw.line as usize)) && flaw.column >= 1;
            assert!(in_document && is_short(&flaw.to_string()), "{flaw:?}");
        }
    };
    match result {
        Ok(parsed) => {
            let warnings = parsed.warnings.len();
            check(parsed.warnings);
            check(parsed.skipped);
            Some((parsed.value, warnings))
        }
        Err(error) => {
            assert!(is_short(&error.to_string()), "{error}");
            None
        }
    }
}

fn is_short(message: &str) -> bool {
    message.chars().take(MAX_MESSAGE_CHARS + 1).count() <= MAX_MESSAGE_CHARS
}
