use super::*;
use crate::access::{DenyAssignment, builtin};
use crate::audit::testing::{DELEGATION, Estate, LANDING, POOL, RG, S1, now};
use crate::audit::{AuditReport, Exemption, Expected, Severity, Verdict};
use crate::estate::Permission;
use serde_json::json;

const WRITE_POOLS: &str = "Microsoft.DesktopVirtualization/hostPools/write";

fn rule(must: Must, principals: &[&str], scope: &str) -> CustomRule {
    CustomRule {
        name: "mine".to_owned(),
        title: "A rule of one's own".to_owned(),
        severity: Severity::Medium,
        principals: principals.iter().map(|&one| one.to_owned()).collect(),
        role: None,
        action: None,
        data_action: false,
        scope: scope.to_owned(),
        must,
    }
}

fn of_role(must: Must, principals: &[&str], role: &str, scope: &str) -> CustomRule {
    CustomRule { role: Some(role.to_owned()), ..rule(must, principals, scope) }
}

fn of_action(must: Must, principals: &[&str], scope: &str) -> CustomRule {
    CustomRule { action: Some(WRITE_POOLS.to_owned()), ..rule(must, principals, scope) }
}

fn estate() -> Estate {
    Estate::bare().user("ann").guest("gus").identity("robot", "robot").group("team", &["ann", "gus"]).resource(
        POOL,
        "Microsoft.DesktopVirtualization/hostPools",
        json!({}),
    )
}

fn run(estate: Estate, rule: CustomRule) -> AuditReport {
    estate.policy(|policy| policy.rules.push(rule)).report()
}

fn verdict(estate: Estate, rule: CustomRule) -> Verdict {
    run(estate, rule).rules.iter().find(|result| result.id == "C-mine").unwrap().verdict
}

fn found(estate: Estate, rule: CustomRule) -> Vec<String> {
    let findings = run(estate, rule).findings.into_iter().filter(|finding| finding.rule == "C-mine");
    let line = |finding: super::super::Finding| format!("{} {}", finding.scope, finding.principal.unwrap());
    let mut lines: Vec<String> = findings.map(line).collect();
    lines.sort();
    lines
}

#[test]
fn who_must_not_hold_a_role_is_found_above_in_groups_and_when_eligible() {
    let estate = estate().assign("team", builtin::READER, LANDING).eligible("gus", builtin::READER, RG, None).assign(
        "robot",
        builtin::READER,
        S1,
    );
    let guests = of_role(Must::NotHold, &["Guest"], "reader", "*/hostPools/*");
    assert_eq!(found(estate.clone(), guests), [format!("{LANDING} gus"), format!("{RG} gus")]);
    let users = of_role(Must::NotHold, &["user"], builtin::READER, "/subscriptions/s1");
    assert_eq!(found(estate.clone(), users), [format!("{LANDING} ann"), format!("{LANDING} gus")]);
    let one = of_role(Must::NotHold, &["ROBOT", "team"], "Reader", "*");
    assert_eq!(found(estate.clone(), one), [format!("{LANDING} team"), format!("{S1} robot")]);
    let all = of_role(Must::NotHold, &["*"], "Reader", S1);
    assert_eq!(found(estate, all), [format!("{LANDING} team"), format!("{S1} robot")]);
}

#[test]
fn other_roles_scopes_and_principals_are_none_of_it() {
    let estate = estate().assign("ann", builtin::READER, RG).assign("gus", builtin::CONTRIBUTOR, S1);
    let elsewhere = of_role(Must::NotHold, &["*"], "Reader", S1);
    assert_eq!(verdict(estate.clone(), elsewhere), Verdict::Pass);
    let guests = of_role(Must::NotHold, &["Guest", "ServicePrincipal"], "Reader", "*");
    assert_eq!(verdict(estate, guests), Verdict::Pass);
}

#[test]
fn who_must_not_hold_an_action_is_found_by_what_roles_hold_unless_a_deny_stands_in_the_way() {
    let estate =
        estate().assign("ann", builtin::DESKTOP_VIRTUALIZATION_CONTRIBUTOR, S1).assign("gus", builtin::READER, S1);
    let rule = of_action(Must::NotHold, &["User"], "*/hostPools/*");
    assert_eq!(found(estate.clone(), rule.clone()), [format!("{S1} ann")]);
    let deny = |shallow: bool| DenyAssignment {
        id: ArmId::new(&format!("{RG}/providers/Microsoft.Authorization/denyAssignments/d")),
        name: "d".to_owned(),
        scope: ArmId::new(RG),
        not_for_child_scopes: shallow,
        permissions: vec![Permission { actions: vec!["*/write".to_owned()], ..Permission::default() }],
        principals: vec![Principal { id: "ann".to_owned(), kind: "User".to_owned() }],
        except: Vec::new(),
        condition: None,
    };
    let denied = estate.clone().with(|facts| facts.denies.push(deny(false)));
    assert_eq!(verdict(denied, rule.clone()), Verdict::Pass);
    let sometimes = DenyAssignment { condition: Some("@Request[a:b] StringEquals 'c'".to_owned()), ..deny(false) };
    let sometimes = estate.clone().with(|facts| facts.denies.push(sometimes));
    assert_eq!(found(sometimes, rule), [format!("{S1} ann")], "what denies case by case lets through in others");
    let shallow = estate.with(|facts| facts.denies.push(deny(true)));
    assert_eq!(found(shallow, of_action(Must::NotHold, &["User"], &format!("{RG}*"))), [format!("{S1} ann")]);
}

#[test]
fn a_condition_does_not_make_it_not_held() {
    let estate = estate().assign_if("ann", builtin::OWNER, S1, Some(DELEGATION));
    let report = run(estate, of_role(Must::NotHold, &["ann"], "Owner", S1));
    let finding = report.findings.iter().find(|finding| finding.rule == "C-mine").unwrap();
    assert_eq!(finding.message, "User ann holds, under a condition, Owner at /subscriptions/s1");
}

#[test]
fn who_must_hold_a_role_and_does_not_is_found_once_and_told_how() {
    let rule = of_role(Must::Hold, &["team"], "Reader", "/subscriptions/*");
    let report = run(estate(), rule.clone());
    let finding = report.findings.iter().find(|finding| finding.rule == "C-mine").unwrap();
    assert_eq!(finding.message, "group Group team does not hold Reader at /subscriptions/s1");
    assert!(finding.fix.az.as_deref().unwrap().starts_with("az role assignment create --assignee-object-id 'team'"));
    assert_eq!(found(estate().assign("team", builtin::READER, POOL), rule.clone()), [format!("{S1} team")]);
    assert_eq!(verdict(estate().assign("team", builtin::READER, LANDING), rule.clone()), Verdict::Pass);
    assert_eq!(verdict(estate().eligible("team", builtin::READER, S1, None), rule), Verdict::Fail);
    let member = of_role(Must::Hold, &["ann"], "Reader", S1);
    assert_eq!(verdict(estate().assign("team", builtin::READER, S1), member), Verdict::Pass);
}

#[test]
fn who_must_hold_an_action_holds_it_by_any_role() {
    let rule = of_action(Must::Hold, &["ann"], "*/hostPools/*");
    assert_eq!(found(estate(), rule.clone()), [format!("{POOL} ann")]);
    let held = estate().assign("team", builtin::DESKTOP_VIRTUALIZATION_CONTRIBUTOR, RG);
    assert_eq!(verdict(held, rule.clone()), Verdict::Pass);
    let perhaps = estate().assign_if("ann", builtin::OWNER, S1, Some("@Resource[x] StringEquals 'y'"));
    assert_eq!(verdict(perhaps, rule), Verdict::Unknown);
}

#[test]
fn what_could_not_be_read_is_never_fine_and_never_missing() {
    for facet in [Facet::RoleAssignments, Facet::PimActive, Facet::ManagementGroups, Facet::RoleDefinitions] {
        for rule in [
            of_role(Must::NotHold, &["Guest"], "Reader", "*"),
            of_role(Must::Hold, &["ann"], "Reader", "*"),
            of_action(Must::NotHold, &["Guest"], "*"),
            of_action(Must::Hold, &["ann"], "*"),
        ] {
            let unread = estate().forbidden(facet, S1);
            assert_eq!(verdict(unread, rule.clone()), Verdict::Unknown, "{facet}: {rule:?}");
        }
    }
    let hidden = estate().opaque_group("g").assign("g", builtin::READER, S1);
    assert_eq!(verdict(hidden, of_role(Must::NotHold, &["Guest"], "Reader", S1)), Verdict::Unknown);
    let pools = estate().forbidden(Facet::DesktopVirtualization, S1);
    assert_eq!(verdict(pools, of_role(Must::NotHold, &["Guest"], "Reader", "*/hostPools/*")), Verdict::Unknown);
}

#[test]
fn a_rule_that_cannot_be_judged_is_unknown_and_one_about_nothing_does_not_apply() {
    assert_eq!(verdict(estate(), of_role(Must::NotHold, &["*"], "No Such Role", "*")), Verdict::Unknown);
    assert_eq!(verdict(estate(), rule(Must::NotHold, &["*"], "*")), Verdict::Unknown);
    assert_eq!(verdict(estate(), of_role(Must::Hold, &["User"], "Reader", "*")), Verdict::Unknown);
    let elsewhere = of_role(Must::Hold, &["ann"], "Reader", "/subscriptions/other*");
    assert_eq!(verdict(estate(), elsewhere), Verdict::NotApplicable);
    let root = of_role(Must::NotHold, &["*"], "Owner", "/");
    assert_eq!(verdict(estate().assign("ann", builtin::OWNER, S1), root.clone()), Verdict::Pass);
    assert_eq!(found(estate().assign("ann", builtin::OWNER, "/"), root), ["/ ann"]);
}

#[test]
fn custom_rules_can_be_disabled_exempted_and_expected_like_others() {
    let estate = estate().assign("ann", builtin::READER, S1);
    let rule = of_role(Must::NotHold, &["ann"], "Reader", S1);
    let disabled = estate.clone().policy(|policy| policy.disabled.push("c-MINE".to_owned()));
    assert_eq!(verdict(disabled, rule.clone()), Verdict::Disabled);
    let exempt = estate.clone().policy(|policy| {
        policy.exemptions.push(Exemption {
            fingerprint: None,
            rule: Some("C-*".to_owned()),
            scope: None,
            principal: None,
            reason: "for now".to_owned(),
            until: "2026-06-01".parse().unwrap(),
        });
    });
    let report = run(exempt, rule.clone());
    assert!(report.findings.iter().all(|finding| finding.rule != "C-mine" || finding.exempt.is_some()));
    assert_eq!(report.exemptions[0].findings, 1);
    let expected = estate.policy(|policy| {
        let (rules, principals) = (vec!["C-mine".to_owned()], vec!["ANN".to_owned()]);
        policy.expected.push(Expected { rules, principals, reason: "she does".to_owned() });
    });
    assert_eq!(verdict(expected, rule), Verdict::Pass);
}

#[test]
fn the_custom_family_is_run_only_when_it_is_asked_for() {
    let estate = estate().policy(|policy| policy.rules.push(of_role(Must::NotHold, &["*"], "Reader", "*")));
    let audit = |families: &[Family]| crate::audit::audit("x", &estate.facts, &estate.policy, families, now());
    assert!(audit(&[Family::Rbac]).rules.iter().all(|result| result.family == Family::Rbac));
    assert_eq!(audit(&[Family::Custom, Family::Custom]).rules.len(), 1);
}
