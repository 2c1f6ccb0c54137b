//! The catalogue that an estate should lead to, computed from `GET /_sim/estate` alone: no code of Poolwarden's is
//! used, so that a mistake there is not repeated here. Included by `cargo xtask` and by the integration tests.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What lets a principal open an application.
const USE_APPLICATIONS: &str = "microsoft.desktopvirtualization/applicationgroups/useapplications/action";
/// The longest name that is kept, in characters.
const MAX_NAME_CHARS: usize = 200;
/// What every PNG begins with.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A package as it should be. Ids are in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    /// `Desktop` or `RemoteApp`.
    pub(crate) kind: String,
    /// What its display name contains.
    pub(crate) name: String,
    /// The host pool's id.
    pub(crate) host_pool: String,
    /// The application group's id.
    pub(crate) application_group: String,
    /// The workspace's id.
    pub(crate) workspace: String,
    /// The workspace's `objectId`, which launch links name.
    pub(crate) workspace_object: String,
    /// The resource's `objectId`, which launch links name.
    pub(crate) resource_object: String,
    /// Of a RemoteApp: its path, its `commandLineSetting` and its arguments.
    pub(crate) program: Option<(String, String, Option<String>)>,
    /// The SHA-256 of its PNG; `None` where a placeholder stands in.
    pub(crate) icon_sha256: Option<String>,
    /// The object ids of those who may open it.
    pub(crate) principals: BTreeSet<String>,
}

/// The packages that an estate should lead to, by the lower-case id of the desktop or application.
pub(crate) fn catalogue(estate: &Value) -> Result<BTreeMap<String, Expected>, String> {
    let pools: HashSet<String> = list(estate, "hostPools")?.iter().map(|pool| lower(&pool["id"])).collect();
    let workspaces: HashMap<String, &Value> =
        list(estate, "workspaces")?.iter().map(|workspace| (lower(&workspace["id"]), workspace)).collect();
    let grants = grants(estate)?;
    let mut expected = BTreeMap::new();
    for group in list(estate, "applicationGroups")? {
        let properties = &group["properties"];
        let (host_pool, workspace) = (lower(&properties["hostPoolArmPath"]), lower(&properties["workspaceArmPath"]));
        let (true, Some(workspace)) = (pools.contains(&host_pool), workspaces.get(&workspace)) else { continue };
        if properties["showInFeed"] == false || properties["cloudPcResource"] == true {
            continue;
        }
        let (kind, children) = match properties["applicationGroupType"].as_str() {
            Some("Desktop") => ("Desktop", "desktops"),
            Some("RemoteApp") => ("RemoteApp", "applications"),
            other => return Err(format!("{} is of type {other:?}", group["id"])),
        };
        let id = lower(&group["id"]);
        let holds = |(scope, _): &&(String, String)| is_within(&id, scope);
        let principals: BTreeSet<String> =
            grants.iter().filter(holds).map(|(_, principal)| principal.clone()).collect();
        for resource in list(group, children)? {
            let object = text(&resource["properties"]["objectId"]);
            if resource["properties"]["showInPortal"] == false || object.is_empty() {
                continue;
            }
            let package = Expected {
                kind: kind.to_owned(),
                name: display_name(resource, properties, kind),
                host_pool: host_pool.clone(),
                application_group: id.clone(),
                workspace: lower(&workspace["id"]),
                workspace_object: text(&workspace["properties"]["objectId"]).to_owned(),
                resource_object: object.to_owned(),
                program: if kind == "RemoteApp" { program(&resource["properties"]) } else { None },
                icon_sha256: icon(&resource["properties"]["iconContent"])?,
                principals: principals.clone(),
            };
            expected.insert(lower(&resource["id"]), package);
        }
    }
    Ok(expected)
}

/// Where the manifests that were exported differ from what should be there; empty when they do not.
pub(crate) fn differences(expected: &BTreeMap<String, Expected>, exported: &[Value]) -> Vec<String> {
    let mut differences = Vec::new();
    let (mut seen, mut names) = (HashSet::new(), HashMap::new());
    for manifest in exported {
        let id = lower(&manifest["resource"]);
        if !seen.insert(id.clone()) {
            differences.push(format!("{id} is exported twice"));
        }
        if let Some(other) = names.insert(text(&manifest["display_name"]).to_lowercase(), id.clone()) {
            differences.push(format!("{id} has the display name of {other}: {}", manifest["display_name"]));
        }
        match expected.get(&id) {
            None => differences.push(format!("{id} is exported and should not be")),
            Some(expected) => {
                let faults = faults(expected, manifest);
                differences.extend(faults.into_iter().map(|fault| format!("{id}: {fault}")));
            }
        }
    }
    let missing = expected.keys().filter(|id| !seen.contains(*id));
    differences.extend(missing.map(|id| format!("{id} is missing")));
    differences
}

fn faults(expected: &Expected, manifest: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut same = |what: &str, wanted: &str, found: &str| {
        if wanted != found {
            faults.push(format!("{what} is {found:?}, not {wanted:?}"));
        }
    };
    same("state", "active", text(&manifest["state"]));
    same("kind", &expected.kind, text(&manifest["kind"]));
    same("host_pool", &expected.host_pool, &lower(&manifest["host_pool"]["id"]));
    same("application_group", &expected.application_group, &lower(&manifest["application_group"]["id"]));
    same("workspace", &expected.workspace, &lower(&manifest["workspace"]["id"]));
    let program = &manifest["program"];
    let program = program.is_object().then(|| {
        let arguments = program["arguments"].as_str().map(str::to_owned);
        (text(&program["path"]).to_owned(), text(&program["command_line"]).to_owned(), arguments)
    });
    same("program", &format!("{:?}", expected.program), &format!("{program:?}"));
    let placeholder = manifest["icon"]["placeholder"] == true;
    let icon = (!placeholder).then(|| text(&manifest["icon"]["sha256"]).to_owned());
    same("icon", &format!("{:?}", expected.icon_sha256), &format!("{icon:?}"));
    let entitlements = manifest["entitlements"].as_array();
    let principals: Option<BTreeSet<String>> =
        entitlements.map(|all| all.iter().map(|one| lower(&one["principal"]["id"])).collect());
    same("entitlements", &format!("{:?}", Some(&expected.principals)), &format!("{principals:?}"));

    let name = text(&manifest["display_name"]);
    if !name.contains(&expected.name) {
        faults.push(format!("display_name is {name:?}, without {:?}", expected.name));
    }
    let links: Vec<&str> =
        manifest["launch"].as_array().into_iter().flatten().map(|action| text(&action["uri"])).collect();
    if links.is_empty() || !links.iter().all(|link| link.contains(&expected.resource_object)) {
        faults.push(format!("launch does not name {} everywhere: {links:?}", expected.resource_object));
    }
    if !links.iter().any(|link| link.contains(&expected.workspace_object)) {
        faults.push(format!("launch does not name workspace {}: {links:?}", expected.workspace_object));
    }
    faults
}

/// Scope and principal of every assignment of a role that opens applications, in lower case.
fn grants(estate: &Value) -> Result<Vec<(String, String)>, String> {
    let mut roles = HashSet::new();
    for role in list(estate, "roleDefinitions")? {
        let matches = |block: &Value, which: &str| {
            let patterns = block[which].as_array().into_iter().flatten();
            patterns.filter_map(Value::as_str).any(|pattern| is_match(&pattern.to_lowercase(), USE_APPLICATIONS))
        };
        let opens = |block: &Value| matches(block, "dataActions") && !matches(block, "notDataActions");
        if list(&role["properties"], "permissions")?.iter().any(opens) {
            roles.insert(last_segment(&lower(&role["id"])).to_owned());
        }
    }
    let assignments = list(estate, "roleAssignments")?.iter().map(|assignment| &assignment["properties"]);
    let opens = |assignment: &&Value| roles.contains(last_segment(&lower(&assignment["roleDefinitionId"])));
    Ok(assignments.filter(opens).map(|one| (lower(&one["scope"]), lower(&one["principalId"]))).collect())
}

/// Every desktop is called SessionDesktop until somebody names it; then its group's name says more.
fn display_name(resource: &Value, group: &Value, kind: &str) -> String {
    let friendly =
        |properties: &Value| Some(visible(text(&properties["friendlyName"]))).filter(|name| !name.is_empty());
    let own = friendly(&resource["properties"]);
    let own = own.filter(|name| kind != "Desktop" || !name.eq_ignore_ascii_case("SessionDesktop"));
    own.or_else(|| friendly(group).filter(|_| kind == "Desktop")).unwrap_or_else(|| visible(text(&resource["name"])))
}

/// One line without characters that cannot be seen, cut to length.
pub(crate) fn visible(name: &str) -> String {
    let hidden = |c: char| {
        let code = u32::from(c);
        c.is_control()
            || [0x200B..=0x200F, 0x2028..=0x202E, 0x2060..=0x2069, 0xFEFF..=0xFEFF, 0xFFF9..=0xFFFB, 0xE0000..=0xE007F]
                .iter()
                .any(|range| range.contains(&code))
    };
    let spaced: String = name.chars().map(|c| if hidden(c) { ' ' } else { c }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(MAX_NAME_CHARS).collect::<String>().trim_end().to_owned()
}

fn program(properties: &Value) -> Option<(String, String, Option<String>)> {
    let path = properties["filePath"].as_str()?.to_owned();
    let setting = properties["commandLineSetting"].as_str().unwrap_or("DoNotAllow").to_owned();
    let arguments = properties["commandLineArguments"].as_str().filter(|arguments| !arguments.is_empty());
    Some((path, setting, arguments.map(str::to_owned)))
}

fn icon(content: &Value) -> Result<Option<String>, String> {
    let Some(content) = content.as_str() else { return Ok(None) };
    let bytes = BASE64_STANDARD.decode(content).map_err(|error| format!("an icon is no base64: {error}"))?;
    let digest = Sha256::digest(&bytes);
    let hex = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(bytes.starts_with(PNG).then_some(hex))
}

/// Whether text is a pattern in which `*` stands for any characters.
fn is_match(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(tail) = text.strip_prefix(head) else { return false };
    tail.char_indices().map(|(at, _)| at).chain([tail.len()]).any(|at| is_match(rest, &tail[at..]))
}

fn is_within(id: &str, scope: &str) -> bool {
    let scope = scope.trim_end_matches('/');
    id.strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn last_segment(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn list<'a>(value: &'a Value, name: &str) -> Result<&'a Vec<Value>, String> {
    value[name].as_array().ok_or_else(|| format!("{name} is not a list"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn lower(value: &Value) -> String {
    text(value).to_lowercase()
}
