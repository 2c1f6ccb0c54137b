//! PUT, PATCH and DELETE on resources of Microsoft.DesktopVirtualization.
//! Answers of host pools carry the registration token, as the real ones do.

use axum::http::Method;
use serde_json::{Value, json};

use super::{error, refused};
use crate::{
    estate::{
        change::{self, Change, Mode, Refusal},
        model::{Estate, Kind, Resource},
    },
    reply::Reply,
    request::Request,
    state::Simulation,
};

pub(crate) fn handle(simulation: &Simulation, request: &Request, estate: &Estate) -> Result<Reply, Reply> {
    let shell = Resource::new(&canonical(&request.path), Value::Null).ok_or_else(|| error::not_found(request))?;
    let forbidden = match shell.kind {
        Kind::Desktop => request.method != Method::PATCH,
        Kind::SessionHost => request.method == Method::PUT,
        _ => false,
    };
    match request.method {
        _ if forbidden => Err(error::not_allowed(request)),
        Method::PUT => put(simulation, request, &shell, Mode::Replace),
        Method::PATCH => put(simulation, request, &shell, Mode::Merge),
        Method::DELETE => delete(simulation, &shell, estate),
        _ => Err(error::not_allowed(request)),
    }
}

/// The id with the provider's own spelling of the fixed segments.
fn canonical(path: &str) -> String {
    const SPELLED: [&str; 9] = [
        "subscriptions",
        "resourceGroups",
        "providers",
        "Microsoft.DesktopVirtualization",
        "hostPools",
        "sessionHosts",
        "applicationGroups",
        "applications",
        "desktops",
    ];
    path.split('/')
        .enumerate()
        .map(|(index, segment)| {
            // Even places hold names, except the provider's namespace at the sixth.
            let fixed = index % 2 == 1 || index == 6;
            let spelled = SPELLED.iter().find(|spelled| spelled.eq_ignore_ascii_case(segment));
            match spelled {
                Some(spelled) if fixed => spelled,
                _ => segment,
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

fn put(simulation: &Simulation, request: &Request, shell: &Resource, mode: Mode) -> Result<Reply, Reply> {
    let given = request.json()?;
    if mode == Mode::Replace {
        check_required(&given, shell.kind)?;
    }
    let now_text = simulation.now_text();
    let (resource, is_new) = simulation
        .world
        .change(simulation.now(), |estate| {
            check_references(estate, &given, shell.kind)?;
            let (resource, is_new) = change::put(estate, &shell.id, &given, mode, &now_text)?;
            let change = Change::write(&resource.id);
            Ok(((resource, is_new), vec![change]))
        })
        .map_err(refused)?;
    Ok(Reply::json(if is_new { 201 } else { 200 }, &resource.body))
}

/// What the provider demands of a new resource.
fn check_required(given: &Value, kind: Kind) -> Result<(), Reply> {
    let required: &[&str] = match kind {
        Kind::HostPool => &["hostPoolType", "loadBalancerType", "preferredAppGroupType"],
        Kind::ApplicationGroup => &["hostPoolArmPath", "applicationGroupType"],
        Kind::Application => &["commandLineSetting"],
        Kind::SessionHost | Kind::Desktop | Kind::Workspace => &[],
    };
    let needs_location = !kind.is_child();
    if needs_location && !given["location"].is_string() {
        return Err(Reply::error(400, "LocationRequired", "The location property is required for this definition."));
    }
    match required.iter().find(|name| given["properties"][**name].is_null()) {
        None => Ok(()),
        Some(name) => Err(error::bad_request(&format!("The property '{name}' is required."))),
    }
}

fn check_references(estate: &Estate, given: &Value, kind: Kind) -> Result<(), Refusal> {
    if kind != Kind::ApplicationGroup {
        return Ok(());
    }
    let pool = &given["properties"]["hostPoolArmPath"];
    match pool.as_str().map(|path| estate.get(path)) {
        Some(None) => Err(Refusal::Invalid(format!("The host pool {pool} does not exist."))),
        _ => Ok(()),
    }
}

fn delete(simulation: &Simulation, shell: &Resource, estate: &Estate) -> Result<Reply, Reply> {
    let Some(present) = estate.get(&shell.key) else {
        return Ok(Reply::empty(204));
    };
    if present.kind == Kind::HostPool && !change::groups_of(estate, present).is_empty() {
        return Err(error::bad_request(
            "The host pool cannot be deleted because application groups are assigned to it.",
        ));
    }
    let body = match present.kind {
        Kind::HostPool => Some(json!({"properties": present.body["properties"]})),
        _ => None,
    };
    simulation
        .world
        .change(simulation.now(), |estate| {
            let changes = change::delete(estate, &shell.key)?;
            Ok(((), changes))
        })
        .map_err(refused)?;
    Ok(body.map_or_else(|| Reply::empty(200), |body| Reply::json(200, &body)))
}
