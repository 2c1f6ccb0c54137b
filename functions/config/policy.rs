//! The part of a connection that says what to publish and how.

use super::entry::{Entry, Judged, Shape, wrong};
use super::faults::quoted;
use super::reader::Table;
use poolwarden_azure::Cloud;
use poolwarden_domain::launch::LaunchCloud;
use poolwarden_domain::package::{Dependency, Stage};
use poolwarden_domain::policy::{Brake, Method, NameFilter, Policy, Scope};
use poolwarden_domain::{dependency, template};

/// The longest prefix of names, in characters: a title has to leave room for the name itself.
const MAX_PREFIX_CHARS: usize = 64;

const SCOPES: [(&str, Scope); 3] =
    [("desktops", Scope::Desktops), ("remote_apps", Scope::RemoteApps), ("both", Scope::Both)];

const STAGES: [(&str, Stage); 4] = [
    ("Development", Stage::Development),
    ("Test", Stage::Test),
    ("Acceptance", Stage::Acceptance),
    ("Production", Stage::Production),
];

const METHODS: [(&str, Method); 2] = [("synchronize", Method::Synchronize), ("on_demand", Method::OnDemand)];

type Client = fn() -> Dependency;

const CLIENTS: [(&str, Client); 2] =
    [("windows_app", dependency::windows_app), ("remote_desktop", dependency::remote_desktop)];

/// Takes the policy's keys out of a connection. What is absent or wrong has its default.
pub(super) fn read(table: &mut Table<'_>, cloud: Cloud, tenant: Option<String>) -> Policy {
    let default = Policy::default();
    let scope = table.take("scope").and_then(|entry| entry.choice(&SCOPES));
    let stage = table.take("stage").and_then(|entry| entry.choice(&STAGES));
    let truth = |entry: Entry<'_>| entry.truth();
    Policy {
        scope: scope.unwrap_or(default.scope),
        host_pools: filter(table.take("host_pools")),
        workspaces: filter(table.take("workspaces")),
        resources: filter(table.take("resources")),
        cloud_pcs: table.take("cloud_pcs").and_then(truth).unwrap_or(default.cloud_pcs),
        name_prefix: table.take("name_prefix").and_then(|entry| entry.parsed(prefix)).unwrap_or(default.name_prefix),
        stage: stage.unwrap_or(default.stage),
        managed: table.take("managed").and_then(truth).unwrap_or(default.managed),
        cloud: match cloud {
            Cloud::Public => LaunchCloud::Public,
            Cloud::UsGovernment => LaunchCloud::UsGovernment,
            Cloud::China => LaunchCloud::China,
        },
        tenant,
        brake: table.take("brake").and_then(|entry| brake(&entry)).unwrap_or(default.brake),
        method: table.take("method").and_then(|entry| entry.choice(&METHODS)).unwrap_or(default.method),
        check_only: table.take("check_only").and_then(truth).unwrap_or(default.check_only),
        web_client: table.take("web_client").and_then(truth).unwrap_or(default.web_client),
        network_credentials: table.take("network_credentials").and_then(|entry| entry.parsed(template)),
        dependencies: table.take("install_dependency").map(|entry| dependencies(&entry)).unwrap_or_default(),
    }
}

fn filter(entry: Option<Entry<'_>>) -> NameFilter {
    let Some((name, entry)) = entry.map(|entry| (entry.label.clone(), entry)) else {
        return NameFilter::default();
    };
    let Some(mut table) = entry.table(&name) else {
        return NameFilter::default();
    };
    let mut patterns = |key| {
        let entries = table.take(key).map(Entry::list).unwrap_or_default().into_iter();
        entries.filter_map(|entry| entry.parsed(pattern)).collect()
    };
    let filter = NameFilter { include: patterns("include"), exclude: patterns("exclude") };
    table.finish();
    filter
}

fn pattern(text: &str) -> Judged<String> {
    if text.is_empty() {
        return wrong("is empty and matches nothing", "write a name; * stands for any characters");
    }
    Ok(text.to_owned())
}

fn prefix(text: &str) -> Judged<String> {
    if text.chars().any(char::is_control) {
        return wrong("has control characters", "write plain text on one line");
    }
    if text.chars().count() > MAX_PREFIX_CHARS {
        return wrong("is too long", format!("write at most {MAX_PREFIX_CHARS} characters"));
    }
    Ok(text.to_owned())
}

fn template(text: &str) -> Judged<String> {
    match template::check(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(error) => wrong("is no template of a user name", error.to_string()),
    }
}

/// True for Windows App, a client's name, or a table with its name and oldest version.
fn dependencies(entry: &Entry<'_>) -> Vec<Dependency> {
    let client = match entry.shape {
        Shape::Bool(wanted) => return if wanted { vec![dependency::windows_app()] } else { Vec::new() },
        Shape::Text(_) => entry.choice(&CLIENTS).map(|client| client()),
        Shape::Table(_) => entry.table("`install_dependency`").and_then(|mut table| {
            let client = table.require("client", "\"windows_app\"").and_then(|entry| entry.choice(&CLIENTS));
            let version = table.take("minimum_version").and_then(|entry| entry.parsed(version));
            table.finish();
            let client = client?();
            Some(Dependency { minimum_version: version.unwrap_or_else(|| client.minimum_version.clone()), ..client })
        }),
        _ => {
            let fix = "write true, \"windows_app\", or { client = \"windows_app\", minimum_version = \"2.0.804\" }";
            entry.refuse("names no client", fix);
            None
        }
    };
    client.into_iter().collect()
}

fn version(text: &str) -> Judged<String> {
    let is_number = |part: &str| (1..=9).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if (2..=4).contains(&text.split('.').count()) && text.split('.').all(is_number) {
        return Ok(text.to_owned());
    }
    wrong(format!("is {}, which is no version", quoted(text)), "write two to four numbers, such as \"2.0.804\"")
}

fn brake(entry: &Entry<'_>) -> Option<Brake> {
    let mut table = entry.table("`brake`")?;
    let default = Brake::default();
    let share = table.take("share").and_then(|entry| {
        let share = entry.number()?;
        entry.judged(if (0.0..=1.0).contains(&share) {
            Ok(share)
        } else {
            wrong(format!("is {share}"), "write a share from 0 to 1, such as 0.2 for a fifth")
        })
    });
    let count = table.take("count").and_then(|entry| entry.count());
    table.finish();
    Some(Brake { share: share.unwrap_or(default.share), count: count.unwrap_or(default.count) })
}
