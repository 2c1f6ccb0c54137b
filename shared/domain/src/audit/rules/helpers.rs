//! What several rules ask alike: who a grant reaches, what kind of principal and role it is about, and the violation
//! that it makes.

use crate::access::{Action, Assignment, Definition, DefinitionKind, DirectoryObject, Effective, Facet, builtin};
use crate::audit::{Audit, Evidence, Fix, Outcome, Violation, fix};
use crate::estate::Principal;
use crate::{ArmId, DESKTOP_VIRTUALIZATION, text};
use std::collections::{BTreeSet, HashMap, HashSet};

/// The users that a grant reaches.
#[derive(Debug, Default)]
pub(in crate::audit) struct EffectiveUsers {
    /// Users, by id: the principal itself, or those in the group, however deep. Deleted ones are none.
    pub ids: BTreeSet<String>,
    /// Service principals, likewise.
    pub services: BTreeSet<String>,
    /// Groups whose members, and members whose kind, could not be seen.
    pub opaque: BTreeSet<String>,
}

/// The users that a grant reaches: its principal if that is a user, else every user in it, however deep.
pub(in crate::audit) fn users_of(audit: &Audit<'_>, grant: &Effective<'_>) -> EffectiveUsers {
    users_who(audit, grant, |_| true)
}

/// Those of the users that a grant reaches of whom something is true, which is asked of what the directory knows of them.
pub(super) fn users_who(
    audit: &Audit<'_>,
    grant: &Effective<'_>,
    is_meant: impl Fn(Option<&DirectoryObject>) -> bool,
) -> EffectiveUsers {
    let (principal, directory) = (grant.principal, &audit.facts.directory);
    let mut users = EffectiveUsers::default();
    match kind_of(audit, principal) {
        // Its members are of another tenant.
        "ForeignGroup" => users.opaque.extend([principal.id.clone()]),
        _ if directory.missing.contains(&principal.id) => {}
        "ServicePrincipal" => users.services.extend([principal.id.clone()]),
        "User" if is_meant(audit.world.object(&principal.id)) => users.ids.extend([principal.id.clone()]),
        "Group" => {
            if !directory.members.contains_key(&principal.id) {
                users.opaque.insert(principal.id.clone());
            }
            add_members(audit, &principal.id, is_meant, &mut users);
        }
        _ => {}
    }
    users
}

fn add_members(
    audit: &Audit<'_>,
    group: &str,
    is_meant: impl Fn(Option<&DirectoryObject>) -> bool,
    users: &mut EffectiveUsers,
) {
    let world = audit.world;
    let Some(group) = world.number(group) else { return };
    for member in world.all_in([group]) {
        let id = || [world.id_of(member).to_owned()];
        if world.is_opaque(member) {
            users.opaque.extend(id());
        }
        match world.object_of(member) {
            _ if member == group => {}
            Some(object @ DirectoryObject::User { .. }) if is_meant(Some(object)) => users.ids.extend(id()),
            Some(DirectoryObject::ServicePrincipal { .. }) => users.services.extend(id()),
            Some(_) => {}
            None if audit.facts.directory.missing.contains(world.id_of(member)) => {}
            None => users.opaque.extend(id()),
        }
    }
}

/// The users that grants reach, as far as a rule is about them. Many grants are to the same groups: who is in these is
/// looked up once.
pub(super) struct UsersReached<'a> {
    is_meant: fn(Option<&DirectoryObject>) -> bool,
    known: HashMap<(&'a str, &'a str), BTreeSet<String>>,
}

impl<'a> UsersReached<'a> {
    /// Those users of whom this is true, by what the directory knows of them.
    pub(super) fn of_those(is_meant: fn(Option<&DirectoryObject>) -> bool) -> Self {
        Self { is_meant, known: HashMap::new() }
    }

    /// The users that a grant reaches. What could not be seen of them is noted in the outcome.
    pub(super) fn of(&mut self, audit: &Audit<'_>, grant: &Effective<'a>, outcome: &mut Outcome) -> &BTreeSet<String> {
        let principal = grant.principal;
        self.known.entry((&principal.id, &principal.kind)).or_insert_with(|| {
            let users = users_who(audit, grant, self.is_meant);
            note_opaque(outcome, audit, &users.opaque);
            users.ids
        })
    }
}

/// A principal's kind: what the directory says, else what its role assignment says.
pub(in crate::audit) fn kind_of<'b>(audit: &'b Audit<'_>, principal: &'b Principal) -> &'b str {
    const KINDS: [&str; 4] = ["User", "Group", "ServicePrincipal", "ForeignGroup"];
    match audit.world.object(&principal.id) {
        Some(object) => object.kind(),
        None => KINDS.into_iter().find(|kind| kind.eq_ignore_ascii_case(&principal.kind)).unwrap_or(&principal.kind),
    }
}

/// Whether a principal was looked for in the directory and is not there. Groups of other tenants never are.
pub(super) fn is_deleted(audit: &Audit<'_>, principal: &Principal) -> bool {
    audit.facts.directory.missing.contains(&principal.id) && kind_of(audit, principal) != "ForeignGroup"
}

/// What mends a grant. One to somebody who is gone is only taken away: whatever else there is would give anew what nobody
/// uses.
pub(super) fn mend<'g>(audit: &Audit<'_>, grant: &Effective<'g>, mend: impl FnOnce(&Effective<'g>) -> Fix) -> Fix {
    if is_deleted(audit, grant.principal) { fix::remove(grant) } else { mend(grant) }
}

/// Whether somebody is a guest; `None` where the directory says nothing of them.
pub(super) fn is_guest(audit: &Audit<'_>, user: &str) -> Option<bool> {
    guest(audit.world.object(user))
}

/// The same, by what the directory knows of them.
pub(super) fn guest(object: Option<&DirectoryObject>) -> Option<bool> {
    match object? {
        DirectoryObject::User { guest, .. } => Some(*guest),
        _ => Some(false),
    }
}

/// Whether somebody's account is disabled; `None` where the directory does not say.
pub(super) fn is_disabled(audit: &Audit<'_>, user: &str) -> Option<bool> {
    disabled(audit.world.object(user))
}

/// The same, by what the directory knows of them.
pub(super) fn disabled(object: Option<&DirectoryObject>) -> Option<bool> {
    match object? {
        DirectoryObject::User { enabled, .. } => enabled.map(|enabled| !enabled),
        _ => Some(false),
    }
}

/// Whether a grant's role opens what application groups publish. Azure's own role for it does, read or not.
pub(in crate::audit) fn is_entitling(grant: &Effective<'_>) -> bool {
    match grant.definition {
        Some(_) => grant.allows(&Action::data(builtin::USE_APPLICATIONS)),
        None => grant.role == builtin::DESKTOP_VIRTUALIZATION_USER,
    }
}

/// Whether a grant's role gives power over who may do what: Owner, User Access Administrator, Role Based Access Control
/// Administrator, or a custom role that can write role assignments.
pub(super) fn is_privileged(grant: &Effective<'_>) -> bool {
    const PRIVILEGED: [&str; 3] = [builtin::OWNER, builtin::USER_ACCESS_ADMINISTRATOR, builtin::RBAC_ADMINISTRATOR];
    let is_custom = grant.definition.is_some_and(|definition| definition.kind == DefinitionKind::Custom);
    PRIVILEGED.contains(&grant.role.as_str())
        || (is_custom && grant.allows(&Action::control(builtin::WRITE_ROLE_ASSIGNMENTS)))
}

/// A role that is missing among the definitions, where the definitions were not read in full: nobody can say what it
/// grants.
pub(super) fn is_role_unseen(audit: &Audit<'_>, grant: &Effective<'_>) -> bool {
    grant.definition.is_none() && !audit.is_read_everywhere(&[Facet::RoleDefinitions])
}

/// A principal as a sentence names it: kind and name.
pub(in crate::audit) fn named(audit: &Audit<'_>, principal: &Principal) -> String {
    let kind = match audit.world.object(&principal.id) {
        Some(DirectoryObject::User { guest: true, .. }) => "guest",
        Some(DirectoryObject::User { .. }) => "user",
        Some(DirectoryObject::Group { .. }) => "group",
        Some(DirectoryObject::ServicePrincipal { .. }) => "service principal",
        Some(DirectoryObject::Other { .. }) => "principal",
        None => match kind_of(audit, principal) {
            "User" => "user",
            "Group" => "group",
            "ServicePrincipal" => "service principal",
            "ForeignGroup" => "foreign group",
            _ => "principal",
        },
    };
    format!("{kind} {}", name_of(audit, &principal.id))
}

/// A principal's name on one line; its id where there is none.
pub(in crate::audit) fn name_of(audit: &Audit<'_>, principal: &str) -> String {
    text::title(audit.world.name_of(principal)).unwrap_or_else(|| principal.to_owned())
}

/// A role's name on one line.
pub(super) fn role_of(grant: &Effective<'_>) -> String {
    text::title(grant.role_name()).unwrap_or_else(|| grant.role.clone())
}

/// A violation that a grant is: removing it mends it.
pub(in crate::audit) fn violation_of(_audit: &Audit<'_>, grant: &Effective<'_>, message: String) -> Violation {
    Violation {
        scope: grant.scope.clone(),
        principal: Some(grant.principal.id.clone()),
        subject: Some(grant.role.clone()),
        severity: None,
        message,
        evidence: evidence_of(grant),
        fix: fix::remove(grant),
    }
}

/// A violation that somebody's holding of a grant is: themselves, or through the groups that the evidence tells.
pub(in crate::audit) fn member_violation(
    audit: &Audit<'_>,
    grant: &Effective<'_>,
    user: &str,
    message: String,
) -> Violation {
    let mut violation = violation_of(audit, grant, message);
    if user == grant.principal.id {
        return violation;
    }
    violation.principal = Some(user.to_owned());
    let way = audit.world.way_up(user, &grant.principal.id).unwrap_or_default();
    if !way.is_empty() {
        violation.evidence.push(through_groups(audit, &way));
    }
    violation.fix = part_with(grant, user, &way);
    violation
}

/// What proves that a grant is there.
pub(in crate::audit) fn evidence_of(grant: &Effective<'_>) -> Vec<Evidence> {
    let is_assignment = grant.id.as_str().to_ascii_lowercase().contains("/roleassignments/");
    let what = if is_assignment { "role assignment" } else { "instance of Privileged Identity Management" };
    vec![
        Evidence::new(what, grant.id.as_str()),
        Evidence::new("role", format!("{} ({})", role_of(grant), grant.role)),
        Evidence::new("scope", grant.scope.as_str()),
    ]
}

/// A way from a principal through its groups, as evidence.
pub(super) fn through_groups(audit: &Audit<'_>, way: &[String]) -> Evidence {
    let steps: Vec<String> = way.iter().map(|id| format!("{} ({id})", name_of(audit, id))).collect();
    Evidence::new("through groups", steps.join(" > "))
}

/// Says of which groups and members nothing could be seen.
pub(in crate::audit) fn note_opaque<'b>(
    outcome: &mut Outcome,
    audit: &Audit<'_>,
    opaque: impl IntoIterator<Item = &'b String>,
) {
    let directory = &audit.facts.directory;
    for id in opaque {
        let is_group = matches!(directory.objects.get(id), Some(DirectoryObject::Group { .. }));
        let line = match is_group || directory.opaque_groups.contains(id) {
            true => format!("members of group {} could not be read", name_of(audit, id)),
            false => format!("who or what {id} is, could not be read"),
        };
        if !outcome.unknown.contains(&line) {
            outcome.unknown.push(line);
        }
    }
}

/// Whether what is granted at a scope bears on a subscription, when a rule adds up what is at, above and below it. The
/// chain is the subscription's.
pub(super) fn bears_on(scope: &ArmId, subscription: &ArmId, chain: &[ArmId]) -> bool {
    scope.is_within(subscription) || chain.contains(scope)
}

/// Whether a scope lies within a resource of Azure Virtual Desktop of this type, `applicationGroups`, or is one.
pub(super) fn is_in_avd(scope: &ArmId, kind: &str) -> bool {
    let provider = scope.segment("providers");
    provider.is_some_and(|one| one.eq_ignore_ascii_case(DESKTOP_VIRTUALIZATION)) && scope.segment(kind).is_some()
}

/// Whether a scope is a subscription and nothing below one.
pub(super) fn is_subscription(scope: &ArmId) -> bool {
    scope.up_to("subscriptions").is_some_and(|subscription| subscription == *scope)
}

/// Whether a scope is a management group.
pub(super) fn is_management_group(scope: &ArmId) -> bool {
    scope.segment("managementGroups").is_some() && scope.subscription().is_none()
}

/// "1 owner", "2 owners".
pub(super) fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// The custom roles, each once, however many subscriptions list it.
pub(super) fn custom_roles<'a>(audit: &Audit<'a>) -> impl Iterator<Item = &'a Definition> + use<'a> {
    let mut seen = HashSet::new();
    let custom = audit.facts.definitions.iter().filter(|role| role.kind == DefinitionKind::Custom);
    custom.filter(move |role| seen.insert(role.id.name().to_ascii_lowercase()))
}

/// A violation that a custom role is, at the first of the scopes at which it can be assigned.
pub(super) fn custom_role_violation(role: &Definition, message: String, fix: Fix) -> Violation {
    let scope = role.assignable_scopes.iter().min().cloned().unwrap_or_else(|| ArmId::new("/"));
    let evidence = vec![Evidence::new("role definition", role.id.as_str())];
    let subject = Some(role.id.name().to_ascii_lowercase());
    Violation { scope, principal: None, subject, severity: None, message, evidence, fix }
}

/// Parts somebody from a grant: the grant goes if it is theirs, else they leave the first group on the way to whom it is
/// for.
pub(in crate::audit) fn part_with(grant: &Effective<'_>, principal: &str, way: &[String]) -> Fix {
    match way.get(1) {
        Some(group) => fix::leave_group(group, principal),
        None => fix::remove(grant),
    }
}

/// The role assignments at and below each subscription, by its id in lower case, each assignment once.
pub(super) fn by_subscription<'a>(audit: &Audit<'a>) -> HashMap<String, Vec<&'a Assignment>> {
    let mut by_subscription: HashMap<String, Vec<&Assignment>> = HashMap::new();
    for assignment in assignments(audit) {
        if let Some(subscription) = assignment.scope.subscription() {
            by_subscription.entry(subscription.to_ascii_lowercase()).or_default().push(assignment);
        }
    }
    by_subscription
}

/// What [`by_subscription`] found of one.
pub(super) fn of_subscription<'m, 'a>(
    found: &'m HashMap<String, Vec<&'a Assignment>>,
    subscription: &ArmId,
) -> &'m [&'a Assignment] {
    let key = subscription.subscription().unwrap_or_default().to_ascii_lowercase();
    found.get(&key).map_or(&[], Vec::as_slice)
}

/// The role assignments, each once: answers name some of them twice, and those above subscriptions with each of these.
pub(super) fn assignments<'a>(audit: &Audit<'a>) -> Vec<&'a Assignment> {
    let mut seen = HashSet::new();
    audit.facts.assignments.iter().filter(|assignment| seen.insert(&assignment.id)).collect()
}

/// A role assignment as evidence, when a finding is about many.
pub(super) fn listed(audit: &Audit<'_>, assignment: &Assignment) -> Evidence {
    let guid = assignment.role.name();
    let role = audit.world.definition(guid).and_then(|role| text::title(&role.name));
    let (role, who) = (role.as_deref().unwrap_or(guid), name_of(audit, &assignment.principal.id));
    Evidence::new("role assignment", format!("{}: {role} for {who}", assignment.id))
}
