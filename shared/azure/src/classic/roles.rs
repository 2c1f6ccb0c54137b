//! Role assignments of the classic service: listed, made and removed, and read from what `Get-RdsRoleAssignment` left in
//! files.
//!
//! The service gives an assignment its id, so making one twice could make two. Nothing is sent again before a look at
//! what is there; a client that was cut off does the same.

use super::ClassicInventory;
use super::lists::{PAGE_SIZE, Page, Paging, SUBJECT};
use crate::answers::safe;
use crate::arm::{Arm, Call, TRIES, json};
use crate::files::{Found, OpenError, Problem, find, shown, text};
use crate::throttle::{Kind, Meter, jittered};
use poolwarden_domain::delegated::{Assignee, RdsAssignment, RdsRole, Request, read, scope_text};
use poolwarden_domain::{Reading, UnknownScope, Unreadable, Why, classic};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::Path;

/// The role that sees assignments, and the one that changes them.
const READER: &str = "RDS Reader";
const OWNER: &str = "RDS Owner";
/// What is listed.
const WHAT: &str = "the role assignments";
/// What tells a role assignment from other things in a file.
const SIGNS: [&str; 3] = ["roleAssignmentId", "roleDefinitionName", "roleDefinitionId"];
/// The longest text that an error repeats.
const SHOWN_CHARS: usize = 100;

/// Role assignments, and what of them could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RdsRead {
    /// Those that could be understood, contradictions noted.
    pub assignments: Vec<RdsAssignment>,
    /// Those that could not, and where the list broke off.
    pub unknown: Vec<UnknownScope>,
    /// Files, and things in them, that are no role assignments.
    pub ignored: Vec<String>,
}

/// What became of an assignment that was to be made or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RdsChanged {
    /// It was done.
    Done(RdsAssignment),
    /// It was so already.
    AlreadySo,
}

/// Lists, makes and removes role assignments of the classic service.
#[derive(Clone)]
pub struct ClassicRoles {
    arm: Arm,
}

impl ClassicInventory {
    /// The service's role assignments, asked for with the same identity.
    pub fn roles(&self) -> ClassicRoles {
        ClassicRoles { arm: self.handle().arm }
    }
}

impl ClassicRoles {
    /// The role assignments that the identity sees; of one user, if a name that is signed in with is given.
    pub async fn list(&self, user: Option<&str>) -> Reading<RdsRead> {
        let (mut paging, page_size) = (Paging::new(WHAT.to_owned(), classic::root()), PAGE_SIZE.to_string());
        while let Some(last_entry) = paging.next() {
            let mut query = vec![("PageSize", page_size.as_str()), ("LastEntry", &last_entry), ("InitialSkip", "0")];
            query.extend(user.map(|user| ("upn", user)));
            let call = self.call(None, Kind::Read, None, &query, WHAT, READER);
            if !paging.take(&last_entry, self.arm.ask(&call, read_page).await)? {
                let text = format!("{WHAT}: 404, and a retired service may answer that to anything");
                return Err(Unreadable::new(Why::Missing, text));
            }
        }
        let listed = paging.listed;
        let mut unknown: Vec<UnknownScope> = listed.flaws.iter().map(at_root).collect();
        unknown.extend(listed.stopped.map(|reason| UnknownScope { scope: classic::root(), reason }));
        Ok(RdsRead { assignments: listed.items, unknown, ignored: Vec::new() })
    }

    /// Makes the assignment that a request asks for, unless it, or what another one of these asks for, is there: the
    /// service lists an application by another id than it is named by. After a request whose end is not known, it looks
    /// before it asks again.
    pub async fn grant(&self, request: &Request, likewise: &[Request]) -> Reading<RdsChanged> {
        let body = body(request)?;
        let call = self.call(None, Kind::Write, Some(body), &[], "the new role assignment", OWNER);
        let call = Call { scope: request.scope.clone(), ..call };
        // The ids of what was there before it was sent.
        let (mut tries, mut before): (u32, Option<HashSet<String>>) = (0, None);
        loop {
            let all = self.whole().await?;
            if let Some(one) = there(&all, request, likewise, before.as_ref()) {
                let one = one.clone();
                return Ok(if before.is_some() { RdsChanged::Done(one) } else { RdsChanged::AlreadySo });
            }
            let read_made = |body: &[u8]| read(&json::<Value>(body)?);
            match self.arm.ask(&call, read_made).await {
                Ok(Some(made)) => return Ok(RdsChanged::Done(made)),
                Ok(None) => {
                    let text = format!("404, there is no {}, or no such role", scope_text(&request.scope));
                    return Err(Unreadable::new(Why::Missing, format!("{}: {text}", call.what)));
                }
                Err(reason) if reason.why == Why::Failed && tries + 1 < TRIES && is_open(&reason) => {
                    tries += 1;
                    before.get_or_insert_with(|| all.into_iter().map(|one| one.id).collect());
                    tokio::time::sleep(jittered(self.arm.shared.pause * (1 << tries))).await;
                }
                Err(reason) => return Err(reason),
            }
        }
    }

    /// Removes an assignment.
    pub async fn revoke(&self, one: &RdsAssignment) -> Reading<RdsChanged> {
        let call = self.call(Some(&one.id), Kind::Write, None, &[], "the removal of the role assignment", OWNER);
        let call = Call { scope: one.scope.clone(), ..call };
        let removed = self.arm.ask(&call, |_| Ok(())).await?;
        Ok(removed.map_or(RdsChanged::AlreadySo, |()| RdsChanged::Done(one.clone())))
    }

    /// All assignments; an error if there may be others.
    pub async fn whole(&self) -> Reading<Vec<RdsAssignment>> {
        let RdsRead { assignments, unknown, .. } = self.list(None).await?;
        match unknown.into_iter().next() {
            None => Ok(assignments),
            Some(dark) => Err(dark.reason),
        }
    }

    fn call(
        &self,
        id: Option<&str>,
        kind: Kind,
        body: Option<bytes::Bytes>,
        query: &[(&str, &str)],
        what: &'static str,
        role: &'static str,
    ) -> Call {
        let path = ["RdsManagement", "V1", "Rds.Authorization", "roleAssignments"].into_iter().chain(id);
        Call {
            url: self.arm.shared.endpoints.classic_url(path, query),
            body,
            meter: Meter { subject: SUBJECT.to_owned(), kind, units: 1 },
            what,
            scope: classic::root(),
            role,
        }
    }
}

fn read_page(body: &[u8]) -> Result<Page<RdsAssignment>, String> {
    let records: Vec<Value> = json(body)?;
    let id = |record: &Value| record["roleAssignmentId"].as_str().map(str::to_owned);
    Ok((records.iter().map(|record| (id(record), read(record))).collect(), records.last().and_then(id)))
}

/// A record that could not be understood, by what it calls itself, hides nothing else; where it holds is not known.
fn at_root(flaw: &UnknownScope) -> UnknownScope {
    let id = safe(flaw.scope.name(), SHOWN_CHARS);
    let reason = Unreadable::new(flaw.reason.why, format!("the role assignment {id}: {}", flaw.reason.detail));
    UnknownScope { scope: classic::root(), reason }
}

/// What one of the requests asks for. What records do not tell apart counts only if it is new.
fn there<'a>(
    all: &'a [RdsAssignment],
    request: &Request,
    likewise: &[Request],
    before: Option<&HashSet<String>>,
) -> Option<&'a RdsAssignment> {
    let is_it = |request: &Request, one: &RdsAssignment| match before {
        Some(before) if request.is_untold() => request.may_be(one) && !before.contains(&one.id),
        _ => request.is(one),
    };
    all.iter().find(|one| std::iter::once(request).chain(likewise).any(|request| is_it(request, one)))
}

/// Whether it may have been done all the same.
fn is_open(reason: &Unreadable) -> bool {
    reason.detail.contains(crate::arm::NOT_KNOWN)
}

/// What the service is told to make.
fn body(request: &Request) -> Reading<bytes::Bytes> {
    let missing = |what: &str| Unreadable::new(Why::Missing, format!("the new role assignment: no {what} is given"));
    let role: RdsRole = request.role.ok_or_else(|| missing("role"))?;
    let assignee = request.assignee.as_ref().ok_or_else(|| missing("principal"))?;
    let mut body = json!({
        "scope": scope_text(&request.scope),
        "roleDefinitionName": role.name(),
        "roleDefinitionId": role.id(),
    });
    for (field, level) in [
        ("tenantGroupName", "tenantGroups"),
        ("tenantName", "tenants"),
        ("hostPoolName", "hostPools"),
        ("appGroupName", "applicationGroups"),
    ] {
        if let Some(name) = classic::name_in(&request.scope, level) {
            body[field] = json!(name);
        }
    }
    for (field, is_set) in [("diagnostics", request.diagnostics), ("infrastructure", request.infrastructure)] {
        if is_set {
            body[field] = json!(true);
        }
    }
    match assignee {
        Assignee::User(name) => body["signInName"] = json!(name),
        Assignee::Group(id) => body["groupObjectId"] = json!(id),
        Assignee::ServicePrincipal { name, tenant } => {
            body["appId"] = json!(name);
            if let Some(tenant) = tenant {
                body["aadTenantId"] = json!(tenant);
            }
        }
    }
    Ok(body.to_string().into())
}

/// Reads role assignments from a file that `Get-RdsRoleAssignment | ConvertTo-Json` wrote, or from every `.json` file of
/// a folder. Blocks on the disk.
pub fn read_rds_files(path: &Path) -> Result<RdsRead, OpenError> {
    let mut found = RdsRead::default();
    if path.is_file() {
        found.take_file(path, &shown(path.parent().unwrap_or(path), path));
        return Ok(found);
    }
    let Found { root, files, problems } = find(path)?;
    for problem in problems {
        match problem {
            Problem::Ignored(shown, reason) => found.ignored.push(format!("{shown}: {reason}")),
            Problem::CutShort(reason) => {
                let reason = Unreadable::new(Why::TooLarge, reason);
                found.unknown.push(UnknownScope { scope: classic::root(), reason });
            }
        }
    }
    for file in &files {
        found.take_file(file, &shown(&root, file));
    }
    Ok(found)
}

impl RdsRead {
    fn take_file(&mut self, file: &Path, shown: &str) {
        let value = text(file).and_then(|text| {
            let wrong =
                |error: serde_json::Error| format!("is no JSON (line {}, column {})", error.line(), error.column());
            serde_json::from_str::<Value>(&text).map_err(wrong)
        });
        let records = match value {
            Ok(Value::Array(records)) => records,
            // `ConvertTo-Json` of Windows PowerShell wraps some arrays, and writes one of one as itself.
            Ok(Value::Object(mut object)) => match object.remove("value") {
                Some(Value::Array(records)) => records,
                _ => vec![Value::Object(object)],
            },
            Ok(_) => return self.ignored.push(format!("{shown}: holds no objects")),
            Err(reason) => return self.ignored.push(format!("{shown}: {reason}")),
        };
        let (mut others, mut known) = (0, HashSet::new());
        known.extend(self.assignments.iter().map(|one| one.id.to_ascii_lowercase()).filter(|id| !id.is_empty()));
        for (number, record) in records.iter().enumerate() {
            if !is_assignment(record) {
                others += 1;
                continue;
            }
            match read(record) {
                // The same may be in several files; the first one counts.
                Ok(one) if !one.id.is_empty() && !known.insert(one.id.to_ascii_lowercase()) => {}
                Ok(one) => self.assignments.push(one),
                Err(text) => {
                    let text = format!("role assignment {} in {shown} {}", number + 1, safe(&text, SHOWN_CHARS * 3));
                    let reason = Unreadable::new(Why::Malformed, text);
                    self.unknown.push(UnknownScope { scope: classic::root(), reason });
                }
            }
        }
        if others > 0 {
            self.ignored.push(format!("{shown}: {others} things that are no role assignments"));
        }
    }
}

/// Azure's own role assignments have fields of the same names, and paths for ids.
fn is_assignment(record: &Value) -> bool {
    let Some(fields) = record.as_object() else { return false };
    let field = |sign: &str| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(sign)).map(|(_, value)| value);
    let is_azures = field("roleAssignmentId").and_then(Value::as_str).is_some_and(|id| id.starts_with('/'));
    !is_azures && SIGNS.into_iter().any(|sign| field(sign).is_some())
}

#[cfg(test)]
mod tests;
