//! What is wrong with a policy, all at once, before any audit is run by it.

#[cfg(test)]
mod tests;

use super::custom::{self, KINDS, is_guid};
use super::judge::rules_of;
use super::policy::{AuditPolicy, CustomRule, Exemption, Expected, Must, Thresholds};
use super::rule::Family;
use crate::{ArmId, wildcard};
use std::collections::HashSet;

/// The most entries that each list of a policy may have.
pub const MAX_ENTRIES: usize = 10_000;
/// The most custom rules.
pub const MAX_CUSTOM_RULES: usize = 500;
/// The longest name of a custom rule.
pub const MAX_NAME_BYTES: usize = 64;

impl AuditPolicy {
    /// Everything that is wrong with the policy, each with the entry that it is about; nothing if all is well.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let ids = self.known_ids();
        thresholds(&self.thresholds, &mut faults);
        for rule in self.disabled.iter().filter(|rule| !is_known(&ids, rule)) {
            faults.push(format!("disabled: there is no rule {rule}"));
        }
        for (at, one) in self.expected.iter().enumerate() {
            let faulty = expected(one, &ids);
            faults.extend(faulty.into_iter().map(|fault| format!("expected {}: {fault}", at + 1)));
        }
        for (at, one) in self.exemptions.iter().enumerate() {
            faults.extend(exemption(one, &ids).into_iter().map(|fault| format!("exemption {}: {fault}", at + 1)));
        }
        let mut names = HashSet::new();
        for (at, rule) in self.rules.iter().enumerate() {
            let twice = (!names.insert(rule.name.as_str())).then(|| "the name is taken by another rule".to_owned());
            let faulty = custom_rule(rule).into_iter().chain(twice);
            faults.extend(faulty.map(|fault| format!("rule {} ({}): {fault}", at + 1, rule.name)));
        }
        for pool in &self.deployments_under_way {
            if !ArmId::from_outside(pool.trim()).is_some_and(|id| id.is_host_pool()) {
                faults.push(format!("deployments_under_way: {pool} is not the id of a host pool"));
            }
        }
        if self.vendor_applications.iter().flatten().any(|name| name.trim().is_empty()) {
            faults.push("vendor_applications: a name is empty".to_owned());
        }
        faults.extend(self.too_many());
        faults
    }

    /// The ids of all rules, built in and the policy's own.
    fn known_ids(&self) -> Vec<String> {
        let built_in = [Family::Rbac, Family::Posture].into_iter().flat_map(rules_of).map(|rule| rule.id.to_owned());
        built_in.chain(self.rules.iter().map(custom::id)).collect()
    }

    fn too_many(&self) -> Vec<String> {
        let lists = [
            ("disabled", self.disabled.len(), MAX_ENTRIES),
            ("expected", self.expected.len(), MAX_ENTRIES),
            ("exemption", self.exemptions.len(), MAX_ENTRIES),
            ("rule", self.rules.len(), MAX_CUSTOM_RULES),
            ("deployments_under_way", self.deployments_under_way.len(), MAX_ENTRIES),
        ];
        let over = lists.into_iter().filter(|(_, number, limit)| number > limit);
        over.map(|(list, number, limit)| format!("{list}: {number} entries; at most {limit} are allowed")).collect()
    }
}

fn is_known(ids: &[String], rule: &str) -> bool {
    ids.iter().any(|id| id.eq_ignore_ascii_case(rule.trim()))
}

fn thresholds(limits: &Thresholds, faults: &mut Vec<String>) {
    let mut check = |is_wrong: bool, fault: &str| {
        if is_wrong {
            faults.push(format!("thresholds: {fault}"));
        }
    };
    check(limits.owners_min > limits.owners_max, "owners_min is more than owners_max");
    check(limits.assignment_limit == 0, "assignment_limit is 0");
    check(limits.custom_role_limit == 0, "custom_role_limit is 0");
    check(!(1..=100).contains(&limits.limit_share_percent), "limit_share_percent is not from 1 to 100");
    check(limits.secret_age_days < 1, "secret_age_days is less than 1");
    check(limits.image_age_days < 1, "image_age_days is less than 1");
    check(limits.sync_age_hours < 1, "sync_age_hours is less than 1");
}

fn expected(one: &Expected, ids: &[String]) -> Vec<String> {
    let unknown = one.rules.iter().filter(|rule| !is_known(ids, rule));
    let mut faults: Vec<String> = unknown.map(|rule| format!("there is no rule {rule}")).collect();
    if one.principals.is_empty() {
        faults.push("it names no principal".to_owned());
    }
    faults.extend(one.principals.iter().filter_map(|id| not_an_id(id)));
    faults.extend(no_reason(&one.reason));
    faults
}

fn exemption(one: &Exemption, ids: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    let narrows = |pattern: &Option<String>| {
        pattern.as_deref().is_some_and(|text| text.chars().any(|c| c != '*' && !c.is_whitespace()))
    };
    if ![&one.fingerprint, &one.rule, &one.scope, &one.principal].into_iter().any(narrows) {
        faults.push("nothing narrows it: name a fingerprint, rule, scope or principal".to_owned());
    }
    if let Some(pattern) = one.rule.as_deref()
        && !ids.iter().any(|id| wildcard::matches(pattern, id))
    {
        faults.push(format!("there is no rule {pattern}"));
    }
    if let Some(text) = one.fingerprint.as_deref().map(str::trim)
        && !(text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        faults.push(format!("{text} is not the fingerprint of a finding"));
    }
    if let Some(pattern) = one.scope.as_deref()
        && !is_scope_pattern(pattern)
    {
        faults.push(format!("{pattern} is not a pattern of scopes: these begin with / or *"));
    }
    faults.extend(one.principal.as_deref().and_then(not_an_id));
    faults.extend(no_reason(&one.reason));
    faults
}

fn custom_rule(rule: &CustomRule) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |is_wrong: bool, fault: &str| {
        if is_wrong {
            faults.push(fault.to_owned());
        }
    };
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = (1..=MAX_NAME_BYTES).contains(&rule.name.len()) && rule.name.bytes().all(is_plain);
    check(!is_name, "the name has to be of a-z, 0-9 and -, and at most 64 long");
    check(rule.title.trim().is_empty(), "it has no title");
    check(rule.role.is_some() && rule.action.is_some(), "it names both a role and an action");
    check(rule.role.is_none() && rule.action.is_none(), "it names neither a role nor an action");
    check(rule.role.as_deref().is_some_and(|role| role.trim().is_empty()), "the role is empty");
    check(rule.data_action && rule.action.is_none(), "data_action is about an action, and it names none");
    let is_concrete = |action: &str| action.contains('/') && !action.contains('*');
    check(
        rule.action.as_deref().is_some_and(|action| !is_concrete(action)),
        "the action has to be a single one, such as Microsoft.Compute/virtualMachines/start/action, without *",
    );
    check(!is_scope_pattern(&rule.scope), "the scope is not a pattern of scopes: these begin with / or *");
    check(rule.principals.is_empty(), "it names no principal");
    let is_kind = |one: &str| KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(one.trim()));
    let kinds = rule.principals.iter().any(|one| is_kind(one));
    check(kinds && rule.must == Must::Hold, "a rule that demands names its principals by id");
    let others = rule.principals.iter().filter(|one| !is_kind(one));
    faults.extend(others.filter_map(|one| not_an_id(one)));
    faults
}

fn is_scope_pattern(pattern: &str) -> bool {
    let pattern = pattern.trim();
    pattern.starts_with('/') || pattern.starts_with('*')
}

fn not_an_id(id: &str) -> Option<String> {
    let is_id = is_guid(&crate::access::principal_id(id));
    (!is_id).then(|| format!("{id} is not the object id of a principal"))
}

fn no_reason(reason: &str) -> Option<String> {
    reason.trim().is_empty().then(|| "it gives no reason".to_owned())
}
