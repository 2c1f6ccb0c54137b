//! From the classic model's role assignments to Azure's: which role at which scope says the same, and what has no
//! equivalent. There is no official mapping; each line says why it is proposed.

use super::{RdsAssignment, RdsPrincipal, RdsRole, scope_text};
use crate::access::builtin;
use crate::audit::fix::{ps, sh};
use crate::text::guid_of;
use crate::{ArmId, classic};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Desktop Virtualization Reader.
const DESKTOP_VIRTUALIZATION_READER: (&str, &str) =
    ("49a72310-ab8d-41df-bbb0-79b649203868", "Desktop Virtualization Reader");
/// Desktop Virtualization Contributor.
const DESKTOP_VIRTUALIZATION_CONTRIBUTOR: (&str, &str) =
    (builtin::DESKTOP_VIRTUALIZATION_CONTRIBUTOR, "Desktop Virtualization Contributor");
/// User Access Administrator.
const USER_ACCESS_ADMINISTRATOR: (&str, &str) = (builtin::USER_ACCESS_ADMINISTRATOR, "User Access Administrator");
/// Log Analytics Reader: where Azure Virtual Desktop keeps its diagnostics now.
const LOG_ANALYTICS_READER: (&str, &str) = ("73c42c96-874c-492b-b04d-ab87d138a893", "Log Analytics Reader");

/// Where classic scopes went. What is given counts; what is not is found by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map {
    /// Classic scopes and what takes their place.
    pub given: BTreeMap<ArmId, ArmId>,
    /// The host pools and application groups of Azure Resource Manager.
    pub resources: BTreeSet<ArmId>,
    /// Object ids by the names that users sign in with, in lower case.
    pub object_ids: BTreeMap<String, String>,
}

/// A role assignment to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Line {
    /// The classic assignment that it stands for.
    pub classic: String,
    /// Who.
    pub principal: RdsPrincipal,
    /// The object id to assign to, if it is known.
    pub principal_id: Option<String>,
    /// The role's GUID.
    pub role: String,
    /// The role's name.
    pub role_name: String,
    /// Where.
    pub scope: ArmId,
    /// Why this says the same.
    pub reason: String,
    /// The assignment's name: the same for the same principal, role and scope. None without an object id.
    pub name: Option<String>,
}

/// A classic assignment that Azure has no equivalent of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NoEquivalent {
    /// The classic assignment.
    pub classic: String,
    /// Who.
    pub principal: RdsPrincipal,
    /// What it was.
    pub role: RdsRole,
    /// Where, as the classic service writes it.
    pub scope: String,
    /// Why there is none.
    pub reason: String,
}

/// What becomes of classic role assignments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Migration {
    /// The role assignments to make.
    pub lines: Vec<Line>,
    /// What has no equivalent.
    pub without: Vec<NoEquivalent>,
    /// Records that contradict themselves, by their ids, and how.
    pub contradictions: BTreeMap<String, Vec<String>>,
}

/// The plan for these assignments.
pub fn migrate(assignments: &[RdsAssignment], map: &Map) -> Migration {
    let mut plan = Migration::default();
    for one in assignments {
        if !one.contradictions.is_empty() {
            plan.contradictions.insert(one.id.clone(), one.contradictions.clone());
        }
        let without = |reason: String| NoEquivalent {
            classic: one.id.clone(),
            principal: one.principal.clone(),
            role: one.role,
            scope: scope_text(&one.scope),
            reason,
        };
        let placed = map.find(one, assignments).and_then(|places| Ok((lines(one, &places.found, map)?, places.lost)));
        match placed {
            Ok((lines, lost)) => {
                plan.lines.extend(lines);
                plan.without.extend(lost.map(without));
            }
            Err(reason) => plan.without.push(without(reason)),
        }
    }
    plan.lines.sort_by(|a, b| (&a.scope, &a.role, a.principal.key()).cmp(&(&b.scope, &b.role, b.principal.key())));
    plan.lines.dedup_by(|a, b| a.scope == b.scope && a.role == b.role && a.principal.key() == b.principal.key());
    plan
}

/// The roles that say the same, at each scope.
fn lines(one: &RdsAssignment, scopes: &[(ArmId, String)], map: &Map) -> Result<Vec<Line>, String> {
    let is_group = one.scope.segment("applicationGroups").is_some();
    let roles: Vec<((&str, &str), &str)> = match one.role {
        RdsRole::Owner => vec![
            (DESKTOP_VIRTUALIZATION_CONTRIBUTOR, "RDS Owner manages everything"),
            (USER_ACCESS_ADMINISTRATOR, "RDS Owner says who has access"),
        ],
        RdsRole::Contributor => {
            vec![(DESKTOP_VIRTUALIZATION_CONTRIBUTOR, "RDS Contributor manages everything but who has access")]
        }
        RdsRole::Reader => vec![(DESKTOP_VIRTUALIZATION_READER, "RDS Reader sees everything")],
        RdsRole::Operator if is_group => {
            return Err(
                "diagnostics are kept in a Log Analytics workspace now, which knows no application group".to_owned()
            );
        }
        RdsRole::Operator => {
            vec![(LOG_ANALYTICS_READER, "RDS Operator sees diagnostics, which Log Analytics keeps now")]
        }
    };
    let object_id = one.principal.object_id.clone().or_else(|| map.object_ids.get(&one.principal.key()).cloned());
    let mut lines = Vec::new();
    for (scope, where_from) in scopes {
        for ((role, role_name), why) in &roles {
            // The workspace that holds the logs is beside the pool, not in it.
            let scope = match scope.up_to("resourceGroups") {
                Some(group) if one.role == RdsRole::Operator => group,
                _ => scope.clone(),
            };
            let name = object_id.as_ref().map(|id| guid_of(&[&scope.canonical(), id, role]));
            lines.push(Line {
                classic: one.id.clone(),
                principal: one.principal.clone(),
                principal_id: object_id.clone(),
                role: (*role).to_owned(),
                role_name: (*role_name).to_owned(),
                scope,
                reason: format!("{why}; {where_from}"),
                name,
            });
        }
    }
    Ok(lines)
}

/// What takes the place of a scope.
struct Places {
    /// Each with why.
    found: Vec<(ArmId, String)>,
    /// Why there may be others.
    lost: Option<String>,
}

impl Places {
    fn one(place: (ArmId, String)) -> Self {
        Self { found: vec![place], lost: None }
    }
}

impl Map {
    /// What takes the place of an assignment's scope, and why; or why nothing does.
    fn find(&self, one: &RdsAssignment, all: &[RdsAssignment]) -> Result<Places, String> {
        if let Some(given) = self.given.get(&one.scope) {
            return Ok(Places::one((given.clone(), "the scope as it was given".to_owned())));
        }
        let name = |level| classic::name_in(&one.scope, level);
        if let Some(group) = name("applicationGroups") {
            return self.named("applicationGroups", &group, "application group").map(Places::one);
        }
        if let Some(pool) = name("hostPools") {
            return self.named("hostPools", &pool, "host pool").map(Places::one);
        }
        // A tenant, or a group of them, is no thing of its own in Azure: what takes its place is where its pools went.
        let below = all.iter().map(|other| &other.scope).chain(self.given.keys());
        let below = below.filter(|scope| scope.is_within(&one.scope));
        let pools: BTreeSet<ArmId> = below.filter_map(|scope| scope.up_to("hostPools")).collect();
        let level = if name("tenants").is_some() { "resourceGroups" } else { "subscriptions" };
        let (mut holders, mut lost) = (BTreeSet::new(), Vec::new());
        for pool in &pools {
            let tenant = pool.up_to("tenants");
            let given = [Some(pool), tenant.as_ref()].into_iter().flatten().find_map(|scope| self.given.get(scope));
            let place = given.cloned().map_or_else(
                || {
                    let name = classic::name_in(pool, "hostPools").unwrap_or_default();
                    self.named("hostPools", &name, "host pool").map(|(id, _)| id)
                },
                Ok,
            );
            match place {
                Ok(place) => drop(holders.insert(place.up_to(level).unwrap_or(place))),
                Err(reason) => lost.push(format!("{}: {reason}", scope_text(pool))),
            }
        }
        let text = scope_text(&one.scope);
        if holders.is_empty() {
            return Err(format!(
                "{text} is no thing of Azure Resource Manager, and nothing says where its host pools went: give --map \"{text}=/subscriptions/…\""
            ));
        }
        let lost = (!lost.is_empty())
            .then(|| format!("not wholly, where some of its host pools went is not known: {}", lost.join("; ")));
        let found = holders.into_iter().map(|id| (id, "its host pools are there now".to_owned())).collect();
        Ok(Places { found, lost })
    }

    fn named(&self, kind: &str, name: &str, what: &str) -> Result<(ArmId, String), String> {
        let is_it = |id: &&ArmId| {
            id.segment(kind).is_some_and(|one| one.eq_ignore_ascii_case(name)) && id.name().eq_ignore_ascii_case(name)
        };
        let found: Vec<&ArmId> = self.resources.iter().filter(is_it).collect();
        match found.as_slice() {
            [one] => Ok(((*one).clone(), format!("the {what} of that name"))),
            [] => Err(format!("no {what} of Azure Resource Manager is called {name:?}: give it with --map")),
            several => Err(format!("{} {what}s are called {name:?}: say which with --map", several.len())),
        }
    }
}

impl Migration {
    /// The plan as Azure CLI commands, each with its reason, and what has no equivalent as remarks.
    pub fn az(&self) -> String {
        let mut text = String::from("#!/bin/sh\nset -eu\n");
        for line in &self.lines {
            let who = match &line.principal_id {
                Some(id) => {
                    format!("--assignee-object-id {} --assignee-principal-type {}", sh(id), sh(&line.principal.kind))
                }
                None => format!("--assignee {}", sh(line.principal.name())),
            };
            let name = line.name.as_deref().map(|name| format!(" --name {name}")).unwrap_or_default();
            let (remark, scope) =
                (one_line(&format!("{}: {}", line.principal.name(), line.reason)), sh(line.scope.as_str()));
            let _ = writeln!(
                text,
                "# {remark}\naz role assignment create{name} {who} --role {} --scope {scope}",
                line.role
            );
        }
        for one in &self.without {
            let remark =
                one_line(&format!("{} of {} at {}: {}", one.role, one.principal.name(), one.scope, one.reason));
            let _ = writeln!(text, "# not migrated: {remark}");
        }
        text
    }

    /// The plan as PowerShell.
    pub fn powershell(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            let who = match &line.principal_id {
                Some(id) => format!("-ObjectId {}", ps(id)),
                None => format!("-SignInName {}", ps(line.principal.name())),
            };
            let remark = one_line(&format!("{}: {}", line.principal.name(), line.reason));
            let _ = writeln!(
                text,
                "# {remark}\nNew-AzRoleAssignment {who} -RoleDefinitionId {} -Scope {}",
                line.role,
                ps(line.scope.as_str())
            );
        }
        text
    }

    /// The plan as Bicep, one file a resource group: `<resource group>.bicep`. What lies above resource groups, and
    /// whose object id is not known, is left to [`Migration::az`].
    pub fn bicep(&self) -> BTreeMap<String, String> {
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        for (number, line) in self.lines.iter().enumerate() {
            let (Some(group), Some(id), Some(name)) = (line.scope.resource_group(), &line.principal_id, &line.name)
            else {
                continue;
            };
            let subscription = line.scope.subscription().unwrap_or_default();
            let kind =
                if line.scope.segment("applicationGroups").is_some() { "applicationGroups" } else { "hostPools" };
            let file = files.entry(format!("{subscription}-{group}.bicep")).or_insert_with(|| {
                format!("// Deploy into subscription {subscription}, resource group {group}.\ntargetScope = 'resourceGroup'\n")
            });
            let is_resource = line.scope.segment(kind).is_some();
            if is_resource {
                let _ = write!(
                    file,
                    "\nresource scope{number} 'Microsoft.DesktopVirtualization/{kind}@2024-04-03' existing = {{\n  name: {}\n}}\n",
                    bicep(line.scope.name())
                );
            }
            let scope = if is_resource { format!("  scope: scope{number}\n") } else { String::new() };
            let _ = write!(
                file,
                "\n// {}\nresource assignment{number} 'Microsoft.Authorization/roleAssignments@2022-04-01' = {{\n{scope}  name: '{name}'\n  properties: {{\n    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{}')\n    principalId: {}\n    principalType: {}\n  }}\n}}\n",
                one_line(&format!("{}: {}", line.principal.name(), line.reason)),
                line.role,
                bicep(id),
                bicep(&line.principal.kind)
            );
        }
        files
    }
}

/// A text as a Bicep string.
fn bicep(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace("${", "\\${").replace('\n', "\\n"))
}

/// A text that ends no remark.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || crate::text::is_invisible(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{read, scope_id};
    use super::*;
    use serde_json::json;

    const POOL: &str =
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DesktopVirtualization/hostPools/Sales pool";

    fn assignment(id: &str, role: RdsRole, scope: &str, who: &str) -> RdsAssignment {
        let record = json!({
            "roleAssignmentId": id, "scope": scope, "roleDefinitionName": role.name(), "roleDefinitionId": role.id(),
            "signInName": who, "objectType": "User",
        });
        read(&record).unwrap()
    }

    fn map() -> Map {
        let group = POOL.replace("hostPools/Sales pool", "applicationGroups/Apps");
        Map {
            resources: BTreeSet::from([ArmId::new(POOL), ArmId::new(&group)]),
            object_ids: BTreeMap::from([(
                "adele@contoso.com".to_owned(),
                "11111111-1111-4111-8111-111111111111".to_owned(),
            )]),
            ..Map::default()
        }
    }

    #[test]
    fn each_role_has_its_lines_and_each_line_its_reason() {
        let all = [
            assignment("1", RdsRole::Owner, "/Default Tenant Group/contoso", "adele@contoso.com"),
            assignment("2", RdsRole::Contributor, "/Default Tenant Group/contoso/Sales pool", "b'o\nb@contoso.com"),
            assignment("3", RdsRole::Reader, "/Default Tenant Group/contoso/Sales pool/Apps", "adele@contoso.com"),
            assignment("4", RdsRole::Operator, "/Default Tenant Group/contoso/Sales pool", "adele@contoso.com"),
            assignment("5", RdsRole::Operator, "/Default Tenant Group/contoso/Sales pool/Apps", "adele@contoso.com"),
            assignment("6", RdsRole::Reader, "/Default Tenant Group/fabrikam", "adele@contoso.com"),
            assignment("7", RdsRole::Reader, "/Default Tenant Group/contoso/Gone", "adele@contoso.com"),
        ];
        let plan = migrate(&all, &map());
        insta::assert_snapshot!(plan.az());
        let bicep: String = plan.bicep().into_iter().map(|(name, text)| format!("== {name}\n{text}")).collect();
        insta::assert_snapshot!(bicep);
        assert_eq!(plan.without.len(), 4, "{:#?}", plan.without);
    }

    #[test]
    fn a_tenant_goes_wherever_its_pools_went_and_what_is_lost_is_said() {
        let tenant = "/Default Tenant Group/contoso";
        let at =
            |id: &str, pool: &str| assignment(id, RdsRole::Reader, &format!("{tenant}/{pool}"), "adele@contoso.com");
        let all = [
            assignment("1", RdsRole::Owner, tenant, "adele@contoso.com"),
            at("2", "Sales pool"),
            at("3", "Renamed"),
            at("4", "Gone"),
        ];
        let mut map = map();
        let give = |map: &mut Map, pool: &str, to: &str| {
            map.given.insert(scope_id(&format!("{tenant}/{pool}")).unwrap(), ArmId::new(to));
        };
        give(&mut map, "Renamed", &POOL.replace("/rg/", "/other/").replace("Sales pool", "B2"));
        let of_tenant = |plan: &Migration| -> (BTreeSet<String>, Vec<String>) {
            let lines = plan.lines.iter().filter(|line| line.classic == "1").map(|line| line.scope.to_string());
            let without = plan.without.iter().filter(|one| one.classic == "1").map(|one| one.reason.clone());
            (lines.collect(), without.collect())
        };
        let groups = BTreeSet::from(["rg", "other"].map(|name| format!("/subscriptions/s/resourceGroups/{name}")));
        let (scopes, without) = of_tenant(&migrate(&all, &map));
        assert_eq!(scopes, groups);
        assert!(without.len() == 1 && without[0].contains("contoso/Gone"), "{without:?}");
        give(&mut map, "Gone", "/subscriptions/s/resourceGroups/rg");
        assert_eq!(of_tenant(&migrate(&all, &map)), (groups, Vec::new()));
    }

    #[test]
    fn what_is_given_counts_before_names() {
        let one = assignment("1", RdsRole::Reader, "/Default Tenant Group/fabrikam", "a@b");
        let given = BTreeMap::from([(
            scope_id("/default tenant group/FABRIKAM").unwrap(),
            ArmId::new("/subscriptions/s/resourceGroups/new"),
        )]);
        let plan = migrate(&[one], &Map { given, ..map() });
        assert_eq!(plan.lines[0].scope, ArmId::new("/subscriptions/s/resourceGroups/new"));
        assert_eq!(plan.lines[0].name, None, "nobody knows who that is");
    }

    #[test]
    fn the_same_assignment_has_the_same_name_each_time() {
        let one = [assignment("1", RdsRole::Reader, "/Default Tenant Group/contoso/Sales pool", "adele@contoso.com")];
        assert_eq!(migrate(&one, &map()), migrate(&one, &map()));
        assert!(migrate(&one, &map()).lines[0].name.is_some());
    }
}
