//! The members of a group, direct and through other groups. As in v1.0 of the
//! real service, service principals are left out unless they are asked for by
//! their type.

use std::collections::BTreeSet;

use serde_json::Value;

use super::answer::{self, select};
use crate::{
    estate::directory::{Directory, Object, ObjectKind},
    reply::Reply,
    request::Request,
    state::Simulation,
};

pub(super) fn members(
    simulation: &Simulation,
    request: &Request,
    directory: &Directory,
    id: &str,
    cast: Option<&str>,
) -> Result<Reply, Reply> {
    let group = found(directory, id)?;
    let members = if group.hides_members { BTreeSet::new() } else { group.members.clone() };
    list(simulation, request, directory, &members, cast)
}

pub(super) fn transitive(
    simulation: &Simulation,
    request: &Request,
    directory: &Directory,
    id: &str,
    cast: Option<&str>,
) -> Result<Reply, Reply> {
    let group = found(directory, id)?;
    let members = if group.hides_members { BTreeSet::new() } else { directory.transitive_members(&group.id) };
    list(simulation, request, directory, &members, cast)
}

fn found<'a>(directory: &'a Directory, id: &str) -> Result<&'a Object, Reply> {
    let group = directory.get(id).filter(|object| object.kind == ObjectKind::Group);
    group.map(AsRef::as_ref).ok_or_else(|| answer::not_found(id))
}

fn list(
    simulation: &Simulation,
    request: &Request,
    directory: &Directory,
    members: &BTreeSet<String>,
    cast: Option<&str>,
) -> Result<Reply, Reply> {
    let is_wanted: Box<dyn Fn(ObjectKind) -> bool> = match cast {
        None => Box::new(|kind| kind != ObjectKind::ServicePrincipal),
        Some(cast) => {
            let name = cast.strip_prefix("microsoft.graph.").ok_or_else(answer::no_segment)?.to_owned();
            let is_type = [ObjectKind::User, ObjectKind::Group, ObjectKind::ServicePrincipal]
                .into_iter()
                .any(|kind| kind.name().eq_ignore_ascii_case(&name));
            if !is_type {
                return Err(answer::no_segment());
            }
            // Casts are answered from an index, which must be asked for.
            let is_eventual =
                request.header("consistencylevel").is_some_and(|level| level.eq_ignore_ascii_case("eventual"));
            if !is_eventual || request.query("$count") != Some("true") {
                return Err(answer::refusal(
                    400,
                    "Request_UnsupportedQuery",
                    "The specified filter to the reference property query is currently not supported.",
                ));
            }
            Box::new(move |kind| kind.name().eq_ignore_ascii_case(&name))
        }
    };
    let select = select(request);
    let found: Vec<Value> = members
        .iter()
        .filter_map(|member| directory.get(member))
        .filter(|member| is_wanted(member.kind))
        .map(|member| answer::typed(member, select.as_deref()))
        .collect();
    answer::page(simulation, request, &found)
}
