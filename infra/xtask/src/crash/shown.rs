//! The catalogue that an account's feed should lead to, from what the simulator says that the account is shown: no code
//! of Poolwarden's is used.

use crate::expected::visible;
use crate::simulator::ACCOUNT;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// How a file in UTF-16 begins.
const UTF16_MARK: &[u8] = b"\xFF\xFE";

/// What is shown, by the id that Poolwarden gives it, in lower case.
pub(super) fn catalogue(told: &Value) -> Result<BTreeMap<String, Value>> {
    let mut shown = BTreeMap::new();
    for workspace in told["arm"].as_array().context("/_sim/feed/expected lists no workspaces")? {
        if workspace["cloudPc"] == true {
            continue;
        }
        let resources = workspace["resources"].as_array().context("a workspace lists no resources")?;
        for resource in resources.iter().filter(|resource| resource["showByDefault"] != false) {
            let below = match resource["kind"].as_str() {
                Some("Desktop") => "desktops/desktops",
                _ => "remoteapps/applications",
            };
            let (workspace, id) = (text(&workspace["id"]), text(&resource["id"]));
            let id = format!("/feeds/arm/workspaces/{workspace}/applicationGroups/{below}/{id}");
            shown.insert(id.to_lowercase(), resource.clone());
        }
    }
    Ok(shown)
}

/// Where the manifests that were exported, and the files beside them in the folder, differ from what is shown.
pub(super) fn differences(shown: &BTreeMap<String, Value>, exported: &[Value], folder: &Path) -> Result<Vec<String>> {
    let (mut differences, mut seen) = (Vec::new(), BTreeSet::new());
    for manifest in exported {
        let id = text(&manifest["resource"]).to_lowercase();
        if !seen.insert(id.clone()) {
            differences.push(format!("{id} is exported twice"));
        }
        match shown.get(&id) {
            None => differences.push(format!("{id} is exported and is not shown")),
            Some(resource) => {
                let faults = faults(resource, manifest, folder)?;
                differences.extend(faults.into_iter().map(|fault| format!("{id}: {fault}")));
            }
        }
    }
    differences.extend(shown.keys().filter(|id| !seen.contains(*id)).map(|id| format!("{id} is missing")));
    Ok(differences)
}

fn faults(resource: &Value, manifest: &Value, folder: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let mut same = |what: &str, found: &Value, wanted: &Value| {
        if found != wanted {
            faults.push(format!("{what} is {found}, not {wanted}"));
        }
    };
    same("state", &manifest["state"], &"active".into());
    same("kind", &manifest["kind"], &resource["kind"]);
    same(
        "runs_on",
        &text(&manifest["runs_on"]).to_lowercase().into(),
        &text(&resource["hostPool"]).to_lowercase().into(),
    );
    same("the one entitled", &manifest["entitlements"][0]["principal"]["id"], &ACCOUNT.into());
    if resource["icon"] == true {
        same("icon", &manifest["icon"]["sha256"], &resource["iconPngSha256"]);
    } else {
        same("whether the icon is a placeholder", &manifest["icon"]["placeholder"], &true.into());
    }
    let file = folder.join(text(&manifest["rdp_file"]));
    let file = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let encoding = if file.starts_with(UTF16_MARK) { "utf-16le" } else { "utf-8" };
    same("the encoding of the .rdp file", &encoding.into(), &resource["rdpEncoding"]);
    let name = name(resource);
    if !text(&manifest["display_name"]).contains(&name) {
        faults.push(format!("display_name is {}, without {name:?}", manifest["display_name"]));
    }
    Ok(faults)
}

/// Every desktop is called SessionDesktop until somebody names it: that says nothing.
fn name(resource: &Value) -> String {
    let title = text(&resource["title"]);
    if resource["kind"] == "Desktop" && title.eq_ignore_ascii_case("SessionDesktop") {
        return "Desktop".to_owned();
    }
    visible(title)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
