//! Requests to Privileged Identity Management.
//! <https://learn.microsoft.com/rest/api/authorization/privileged-role-eligibility-rest-sample>

use super::{Fix, ps, role_id, sh};
use crate::access::{Effective, GrantKind};
use serde_json::{Value, json};

/// How long an eligibility is proposed to last: a year, as ISO 8601 writes it.
const ELIGIBLE_FOR: &str = "P365D";
/// The version of the language that conditions are written in.
const CONDITION_VERSION: &str = "2.0";

/// Takes an eligibility or an active instance away.
pub(super) fn remove(grant: &Effective<'_>) -> Fix {
    let kind = if grant.kind == GrantKind::Eligible { Kind::Eligibility } else { Kind::Assignment };
    Fix {
        az: Some(az(grant, kind, "AdminRemove", None)),
        powershell: Some(powershell(grant, kind, "AdminRemove", false)),
        portal: format!(
            "Privileged Identity Management > Azure resources > {} > Assignments: remove {} of {}",
            grant.scope,
            grant.role_name(),
            grant.principal.id
        ),
    }
}

/// Gives an eligibility an end.
pub fn end_eligibility(grant: &Effective<'_>) -> Fix {
    Fix {
        az: Some(az(grant, Kind::Eligibility, "AdminUpdate", Some(schedule()))),
        powershell: Some(powershell(grant, Kind::Eligibility, "AdminUpdate", true)),
        portal: format!(
            "Privileged Identity Management > Azure resources > {} > Assignments > Eligible: set an end for {} of {}",
            grant.scope,
            grant.role_name(),
            grant.principal.id
        ),
    }
}

/// Makes a principal eligible for what it holds all the time, and takes that away.
pub fn make_eligible(grant: &Effective<'_>) -> Fix {
    let away = super::remove(grant);
    let request = az(grant, Kind::Eligibility, "AdminAssign", Some(schedule()));
    let cmdlet = powershell(grant, Kind::Eligibility, "AdminAssign", true);
    Fix {
        az: away.az.map(|delete| format!("{request} && {delete}")),
        powershell: away.powershell.map(|delete| format!("{cmdlet} -ErrorAction Stop\n{delete}")),
        portal: format!(
            "Privileged Identity Management > Azure resources > {} > Assignments: add {} for {} as eligible with an end, \
             then remove the active assignment",
            grant.scope,
            grant.role_name(),
            grant.principal.id
        ),
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Eligibility,
    Assignment,
}

fn schedule() -> Value {
    json!({ "startDateTime": null, "expiration": { "type": "AfterDuration", "duration": ELIGIBLE_FOR } })
}

fn az(grant: &Effective<'_>, kind: Kind, request: &str, schedule: Option<Value>) -> String {
    let list = match kind {
        Kind::Eligibility => "roleEligibilityScheduleRequests",
        Kind::Assignment => "roleAssignmentScheduleRequests",
    };
    let mut properties = json!({
        "requestType": request,
        "principalId": grant.principal.id,
        "roleDefinitionId": role_id(grant),
    });
    if let Some(schedule) = schedule {
        properties["scheduleInfo"] = schedule;
        // A request without it would give the role without it.
        if let Some(condition) = grant.condition {
            properties["condition"] = condition.into();
            properties["conditionVersion"] = CONDITION_VERSION.into();
        }
    }
    let scope = grant.scope.as_str().trim_end_matches('/');
    format!(
        "az rest --method put --url {}\"$(uuidgen)\"'?api-version=2020-10-01' --body {}",
        sh(&format!("{scope}/providers/Microsoft.Authorization/{list}/")),
        sh(&json!({ "properties": properties }).to_string())
    )
}

fn powershell(grant: &Effective<'_>, kind: Kind, request: &str, with_end: bool) -> String {
    let cmdlet = match kind {
        Kind::Eligibility => "New-AzRoleEligibilityScheduleRequest",
        Kind::Assignment => "New-AzRoleAssignmentScheduleRequest",
    };
    let terms = || {
        let (_, condition) = super::conditions(grant.condition);
        format!(
            " -ScheduleInfoStartDateTime (Get-Date -Format o) -ExpirationType AfterDuration -ExpirationDuration \
             {ELIGIBLE_FOR}{condition}"
        )
    };
    format!(
        "{cmdlet} -Name (New-Guid).Guid -Scope {} -PrincipalId {} -RoleDefinitionId {} -RequestType {request}{}",
        ps(grant.scope.as_str()),
        ps(&grant.principal.id),
        ps(&role_id(grant)),
        if with_end { terms() } else { String::new() }
    )
}
