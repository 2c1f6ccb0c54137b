//! The machines of the clean estate's session hosts, with what belongs to
//! them.

use serde_json::{Value, json};

use super::{Clean, PoolAccess, Site, network};
use crate::estate::{
    audit::{draft::Draft, ids},
    bodies,
    model::Kind,
};

/// The version of the image that hosts are made from: of the last day of 2030.
const IMAGE_VERSION: &str = "26100.4652.301231";
/// The fewest and the most people of each of a pool's two groups.
const PEOPLE: (usize, usize) = (2, 7);

/// How the hosts of a pool are made.
struct Style {
    entra: bool,
    /// Whether names are of the form that VDS gave: `{code}TS{n}`.
    vds_names: bool,
    /// An availability set in place of zones.
    set: Option<String>,
    runs_script: bool,
}

pub(super) fn grow(draft: &mut Draft, clean: &mut Clean) {
    let pools = draft.ids(Kind::HostPool);
    for (number, pool) in pools.into_iter().enumerate() {
        let Some(site) = clean.sites.iter().position(|site| pool.starts_with(&format!("{}/", site.subscription)))
        else {
            continue;
        };
        let resource_group = pool.split("/providers/").next().unwrap_or(&pool).to_owned();
        let entra = if number == 0 { true } else { draft.dice.chance(0.5) };
        let style = style(draft, &resource_group, number, entra);
        let machines = hosts(draft, &clean.sites[site], &pool, &resource_group, number, &style);
        let (desktop, remote) = (people(draft, number, "desktops"), people(draft, number, "applications"));
        clean.pools.push(PoolAccess { pool, resource_group, desktop, remote, machines, entra });
    }
}

/// A group of people for one of the two things of a pool.
fn people(draft: &mut Draft, number: usize, what: &str) -> (String, Vec<String>) {
    let count = PEOPLE.0 + draft.dice.below(PEOPLE.1 - PEOPLE.0 + 1);
    let users = draft.several(count);
    (draft.group(&format!("Users of {what} {number:03}"), users.clone()), users)
}

fn style(draft: &mut Draft, resource_group: &str, number: usize, entra: bool) -> Style {
    let set = draft.dice.chance(0.25).then(|| {
        let id = format!("{resource_group}/providers/Microsoft.Compute/availabilitySets/avail-{number:03}");
        draft.resource(
            &id,
            "Microsoft.Compute/availabilitySets",
            json!({
                "properties": {"platformFaultDomainCount": 2, "platformUpdateDomainCount": 5},
            }),
        )
    });
    Style { entra, vds_names: draft.dice.chance(0.6), set, runs_script: draft.dice.chance(0.4) }
}

fn hosts(
    draft: &mut Draft,
    site: &Site,
    pool: &str,
    resource_group: &str,
    number: usize,
    style: &Style,
) -> Vec<String> {
    let key = pool.to_ascii_lowercase();
    let hosts: Vec<String> = draft.estate.children(&key, "sessionHosts").map(|host| host.id.clone()).collect();
    let mut machines = Vec::new();
    for (index, host) in hosts.into_iter().enumerate() {
        let name = if style.vds_names { format!("c{number:04}TS{index}") } else { format!("avd-{number:04}-{index}") };
        let machine = format!("{resource_group}/providers/{}/{name}", ids::MACHINES);
        draft.set(&host, "resourceId", json!(machine));
        build(draft, site, &machine, &name, index, style);
        machines.push(machine);
    }
    machines
}

fn build(draft: &mut Draft, site: &Site, machine: &str, name: &str, index: usize, style: &Style) {
    let group = machine.split("/providers/").next().unwrap_or(machine).to_owned();
    let nic = format!("{group}/providers/Microsoft.Network/networkInterfaces/{name}-nic");
    let disk = format!("{group}/providers/Microsoft.Compute/disks/{name}-os");
    let serial = draft.number();
    let address = format!("{}.{}.{}", site.prefix, (serial / 250) % 128, 4 + serial % 250);
    network::interface(draft, &nic, Some(machine), &site.host_subnet, &address);
    let version = json!({
        "publisher": "microsoftwindowsdesktop", "offer": "windows-11", "sku": "win11-24h2-avd",
        "version": "latest", "exactVersion": IMAGE_VERSION,
    });
    let mut body = json!({
        "location": "westeurope",
        "tags": {},
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "osProfile": {"computerName": name},
            "securityProfile": {"securityType": *draft.dice.pick(&["TrustedLaunch", "ConfidentialVM"])},
            "licenseType": *draft.dice.pick(&["Windows_Client", "Windows_Server"]),
            "storageProfile": {
                "imageReference": version,
                "osDisk": {"name": format!("{name}-os"), "deleteOption": "Delete", "managedDisk": {"id": disk}},
            },
            "networkProfile": {"networkInterfaces": [{"id": nic, "properties": {"deleteOption": "Delete"}}]},
        },
    });
    match &style.set {
        Some(set) => body["properties"]["availabilitySet"] = json!({"id": set}),
        None => body["zones"] = json!([(index % 3 + 1).to_string()]),
    }
    draft.resource(machine, ids::MACHINES, body);
    let disk_body = json!({"managedBy": machine, "properties": {"diskState": "Attached"}});
    draft.resource(&disk, "Microsoft.Compute/disks", disk_body);
    extensions(draft, site, machine, style);
}

/// What is installed into a machine.
fn extensions(draft: &mut Draft, site: &Site, machine: &str, style: &Style) {
    if style.entra {
        let settings = json!({"mdmId": "0000000a-0000-0000-c000-000000000000"});
        extension(draft, machine, "Microsoft.Azure.ActiveDirectory", "AADLoginForWindows", &settings);
    } else {
        let settings = json!({"Name": "contoso.example", "User": "join@contoso.example", "Options": "3"});
        let id = extension(draft, machine, "Microsoft.Compute", "JsonADDomainExtension", &settings);
        let vault = super::components::vault_id(site);
        let reference = json!({
            "secretUrl": format!("https://{}.vault.azure.net/secrets/domain-account/0123", name_of(&vault)),
            "sourceVault": {"id": vault},
        });
        draft.edit(&id, |body| body["properties"]["protectedSettingsFromKeyVault"] = reference);
    }
    extension(draft, machine, "Microsoft.Azure.Monitor", "AzureMonitorWindowsAgent", &json!({}));
    let association = format!("{machine}/providers/Microsoft.Insights/dataCollectionRuleAssociations/avd");
    let rule = format!("{}/providers/Microsoft.Insights/dataCollectionRules/dcr-avd", site.home);
    draft.resource(
        &association,
        "Microsoft.Insights/dataCollectionRuleAssociations",
        json!({
            "properties": {"dataCollectionRuleId": rule},
        }),
    );
    if style.runs_script {
        let share = format!(r"\\{}.file.core.windows.net\profiles", name_of(&super::components::storage_id(site)));
        run_command(draft, machine, &share);
    }
}

/// A script that tells a host where profiles are.
pub(crate) fn run_command(draft: &mut Draft, machine: &str, locations: &str) {
    let id = format!("{machine}/runCommands/configure");
    draft.resource(&id, "Microsoft.Compute/virtualMachines/runCommands", json!({
        "properties": {"parameters": [{"name": "VHDLocations", "value": locations}], "provisioningState": "Succeeded"},
    }));
}

/// An extension of a machine, named as its type.
pub(crate) fn extension(draft: &mut Draft, machine: &str, publisher: &str, kind: &str, settings: &Value) -> String {
    let id = format!("{machine}/extensions/{kind}");
    draft.resource(
        &id,
        ids::EXTENSIONS,
        json!({
            "location": "westeurope",
            "properties": {
                "publisher": publisher,
                "type": kind,
                "settings": settings,
                "provisioningState": "Succeeded",
            },
        }),
    )
}

/// The last part of an id.
pub(crate) fn name_of(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// One more host of a pool; answers its machine.
pub(crate) fn add_host(draft: &mut Draft, clean: &Clean, pool: &PoolAccess, name: Option<&str>) -> String {
    let number = draft.number();
    let name = name.map_or_else(|| format!("x{number:04}TS1"), str::to_owned);
    let machine = format!("{}/providers/{}/{name}", pool.resource_group, ids::MACHINES);
    let host = format!("{}/sessionHosts/{name}.contoso.example", pool.pool);
    let properties = bodies::session_host(&mut draft.dice, &machine);
    let system = bodies::system_data(&mut draft.dice);
    if let Some(host) = bodies::resource(&host, "", Value::Null, properties, system) {
        draft.estate.insert(host);
    }
    let style = Style { entra: pool.entra, vds_names: true, set: None, runs_script: false };
    let site = clean.sites.iter().find(|site| machine.starts_with(&format!("{}/", site.subscription)));
    build(draft, site.unwrap_or(&clean.sites[0]), &machine, &name, number, &style);
    machine
}
