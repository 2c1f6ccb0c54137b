//! What was granted in the directory, and the tenant.

use serde_json::{Value, json};

use super::{
    answer::{self, select, selected},
    objects::filter,
};
use crate::{
    estate::directory::{Directory, ObjectKind},
    reply::Reply,
    request::Request,
    state::Simulation,
};

/// Records that pass the request's filter.
pub(super) fn answer(simulation: &Simulation, request: &Request, records: &[Value]) -> Result<Reply, Reply> {
    let filter = filter(request)?;
    let select = select(request);
    let found: Vec<Value> = records
        .iter()
        .filter(|record| filter.as_ref().is_none_or(|filter| filter.takes(record)))
        .map(|record| selected(record, select.as_deref(), &[]))
        .collect();
    answer::page(simulation, request, &found)
}

/// Records of one service principal, which a field of theirs names.
pub(super) fn of_holder(
    simulation: &Simulation,
    request: &Request,
    directory: &Directory,
    id: &str,
    records: &[Value],
    field: &str,
) -> Result<Reply, Reply> {
    let holder = directory.get(id).filter(|object| object.kind == ObjectKind::ServicePrincipal);
    let holder = holder.ok_or_else(|| answer::not_found(id))?;
    let is_own = |record: &&Value| record[field].as_str().is_some_and(|id| id.eq_ignore_ascii_case(&holder.id));
    let own: Vec<Value> = records.iter().filter(is_own).cloned().collect();
    answer(simulation, request, &own)
}

/// The directory's roles as Privileged Identity Management tells of them: all
/// are assigned for good.
pub(super) fn role_instances(
    simulation: &Simulation,
    request: &Request,
    directory: &Directory,
) -> Result<Reply, Reply> {
    let instances: Vec<Value> = directory
        .role_assignments
        .iter()
        .map(|assignment| {
            let mut instance = assignment.clone();
            instance["assignmentType"] = json!("Assigned");
            instance["memberType"] = json!("Direct");
            instance["endDateTime"] = Value::Null;
            instance
        })
        .collect();
    answer(simulation, request, &instances)
}
