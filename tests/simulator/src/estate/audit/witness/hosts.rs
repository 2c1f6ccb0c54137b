//! Rules about hosts and machines: V36, V39, V47, V62 to V68, and leftovers in
//! machines.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    directory::has_sign,
    parts::paths_of_files,
    view::{Found, View},
};
use crate::estate::{
    audit::{ids, record::Violation},
    model::Kind,
};

/// How long the name of a machine may be.
const LONGEST_NAME: usize = 15;

/// A machine that session hosts run on.
pub(super) struct Host<'a> {
    pub(super) pool: &'a str,
    pub(super) is_pooled: bool,
    pub(super) id: &'a str,
    pub(super) body: &'a Value,
}

pub(super) fn hosts<'a>(view: &View<'a>) -> Vec<Host<'a>> {
    let mut hosts = Vec::new();
    for pool in view.avd(Kind::HostPool) {
        for host in view.draft.estate.children(&pool.key, "sessionHosts") {
            let machine = host.property("resourceId").as_str().unwrap_or("").to_ascii_lowercase();
            if let Some((id, body)) = view.draft.resources.get_key_value(&machine) {
                let is_pooled = *pool.property("hostPoolType") == "Pooled";
                hosts.push(Host { pool: &pool.key, is_pooled, id, body });
            }
        }
    }
    hosts
}

/// The extensions of a machine.
pub(super) fn extensions<'a>(view: &View<'a>, machine: &str) -> Vec<(&'a str, &'a Value)> {
    let prefix = format!("{}/extensions/", machine.to_ascii_lowercase());
    let range = view.draft.resources.range(prefix.clone()..);
    range.take_while(|(id, _)| id.starts_with(&prefix)).map(|(id, body)| (id.as_str(), body)).collect()
}

fn has_extension(view: &View<'_>, machine: &str, kind: &str) -> bool {
    extensions(view, machine).iter().any(|(_, body)| body["properties"]["type"] == kind)
}

/// Whether a machine is joined to Entra.
pub(super) fn is_entra(view: &View<'_>, machine: &str) -> bool {
    has_extension(view, machine, "AADLoginForWindows")
}

pub(super) fn check(view: &View<'_>, found: &mut Found) {
    let hosts = hosts(view);
    let (files, has_sign) = (paths_of_files(view), has_sign(view));
    for host in &hosts {
        one(view, host, &files, has_sign, found);
    }
    zones(view, &hosts, found);
    pairs(view, &hosts, found);
    leftovers(view, found);
}

fn one(view: &View<'_>, host: &Host<'_>, files: &BTreeSet<String>, has_sign: bool, found: &mut Found) {
    let mut say = |rule: &str, subject: Option<&str>| found.push(Violation::new(rule, host.id, None, subject));
    let properties = &host.body["properties"];
    if !has_extension(view, host.id, "AzureMonitorWindowsAgent") {
        say("V39", Some("AzureMonitorWindowsAgent"));
    }
    let prefix = format!("{}/providers/microsoft.insights/datacollectionruleassociations/", host.id);
    let associations = view.draft.resources.range(prefix.clone()..).take_while(|(id, _)| id.starts_with(&prefix));
    if !associations.into_iter().any(|(_, body)| body["properties"]["dataCollectionRuleId"].is_string()) {
        say("V39", Some("dataCollectionRuleAssociations"));
    }
    let scripts = view.draft.resources.range(format!("{}/runcommands/", host.id)..);
    let scripts = scripts.take_while(|(id, _)| id.starts_with(&format!("{}/runcommands/", host.id)));
    let parameters = scripts.flat_map(|(_, body)| body["properties"]["parameters"].as_array().into_iter().flatten());
    let mut places = parameters.filter(|one| one["name"] == "VHDLocations").filter_map(|one| one["value"].as_str());
    if places.any(|text| text.split([';', ',']).any(|place| !files.iter().any(|file| starts(place.trim(), file)))) {
        say("V47", Some("VHDLocations"));
    }
    let is = |path: &str, allowed: &[&str]| {
        properties.pointer(path).and_then(Value::as_str).is_some_and(|value| allowed.contains(&value))
    };
    if !is("/securityProfile/securityType", &["TrustedLaunch", "ConfidentialVM"]) {
        say("V62", None);
    }
    if !is("/licenseType", &["Windows_Client", "Windows_Server"]) {
        say("V63", None);
    }
    if !is("/storageProfile/osDisk/deleteOption", &["Delete"]) {
        say("V64", Some("osDisk"));
    }
    let nics = properties["networkProfile"]["networkInterfaces"].as_array().into_iter().flatten();
    if nics.into_iter().any(|nic| nic["properties"]["deleteOption"] != "Delete") {
        say("V64", Some("networkInterfaces"));
    }
    let version = properties["storageProfile"]["imageReference"]["exactVersion"].as_str().unwrap_or("");
    let built = version.rsplit('.').next().unwrap_or("");
    if host.is_pooled && built < "260101" {
        say("V65", None);
    }
    let name = host.body["name"].as_str().unwrap_or("");
    let is_plain = name.len() <= LONGEST_NAME && name.starts_with(|letter: char| letter.is_ascii_alphabetic());
    if !is_plain || (has_sign && !is_vds_name(name)) {
        say("V66", None);
    }
}

fn starts(place: &str, with: &str) -> bool {
    place.to_ascii_lowercase().starts_with(with)
}

/// Whether a name is `{code}TS{n}`.
fn is_vds_name(name: &str) -> bool {
    let digits = name.len() - name.trim_end_matches(|one: char| one.is_ascii_digit()).len();
    let rest = &name.to_ascii_lowercase()[..name.len() - digits];
    let code = rest.strip_suffix("ts").unwrap_or("");
    digits > 0 && !code.is_empty() && code.chars().all(|one| one.is_ascii_alphanumeric())
}

fn zones(view: &View<'_>, hosts: &[Host<'_>], found: &mut Found) {
    let mut pools: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for host in hosts {
        pools.entry(host.pool).or_default().push(host.body);
    }
    for (pool, bodies) in pools.into_iter().filter(|(_, bodies)| bodies.len() >= 2) {
        let lists = bodies.iter().flat_map(|body| body["zones"].as_array().into_iter().flatten());
        let zones: BTreeSet<&str> = lists.filter_map(Value::as_str).collect();
        let in_set = |body: &&Value| {
            let set = view.draft.body(body["properties"]["availabilitySet"]["id"].as_str().unwrap_or(""));
            set["properties"]["platformFaultDomainCount"].as_u64().is_some_and(|count| count >= 2)
        };
        if zones.len() < 2 && !bodies.iter().all(in_set) {
            found.push(Violation::new("V36", pool, None, None));
        }
    }
}

/// V67: machines without session hosts, and the other way round.
fn pairs(view: &View<'_>, hosts: &[Host<'_>], found: &mut Found) {
    for host in view.avd(Kind::SessionHost) {
        let machine = host.property("resourceId").as_str().unwrap_or("").to_ascii_lowercase();
        if !view.draft.resources.contains_key(&machine) {
            found.push(Violation::new("V67", &host.key, None, None));
        }
    }
    let named: BTreeSet<&str> = hosts.iter().map(|host| host.id).collect();
    for (id, body) in view.resources(ids::MACHINES).filter(|(id, _)| !named.contains(id)) {
        let is_client = view.is_of_estate(id) && body["properties"]["licenseType"] == "Windows_Client";
        let parent = body["tags"]["cm-resource-parent"].as_str().unwrap_or("");
        let is_tagged = view.avd(Kind::HostPool).iter().any(|pool| pool.id.eq_ignore_ascii_case(parent));
        if (is_client || is_tagged) && body["name"] != "CWMGR1" {
            found.push(Violation::new("V67", id, None, None));
        }
    }
}

fn leftovers(view: &View<'_>, found: &mut Found) {
    for (id, body) in view.resources("Microsoft.Network/networkInterfaces").filter(|(id, _)| view.is_of_estate(id)) {
        let uses = ["virtualMachine", "privateEndpoint", "privateLinkService"];
        if uses.iter().all(|name| body["properties"][name].is_null()) {
            found.push(Violation::new("V68", id, None, None));
        }
    }
    for (id, body) in view.resources("Microsoft.Compute/disks").filter(|(id, _)| view.is_of_estate(id)) {
        if body["properties"]["diskState"] == "Unattached" {
            found.push(Violation::new("V68", id, None, None));
        }
    }
    if !has_sign(view) {
        return;
    }
    for (id, body) in view.resources(ids::MACHINES) {
        if body["name"] == "CWMGR1" {
            found.push(Violation::new("V20", id, None, None));
        }
    }
    for (id, body) in view.resources(ids::EXTENSIONS) {
        if has_token(&body["properties"]["settings"]) {
            found.push(Violation::new("V25", id, None, None));
        }
        if body["properties"]["type"] == "DSC" {
            found.push(Violation::new("V26", id, None, None));
        }
    }
}

fn has_token(settings: &Value) -> bool {
    match settings {
        Value::Object(fields) => fields.iter().any(|(key, value)| {
            (key == "registrationInfoToken" && value.as_str().is_some_and(|text| !text.is_empty())) || has_token(value)
        }),
        Value::Array(items) => items.iter().any(has_token),
        _ => false,
    }
}

/// Whether an id in lower case is that of the old server.
pub(super) fn is_old_server(id: &str) -> bool {
    id.ends_with("/cwmgr1")
}
