//! A report with everything in it that a form could trip over.

use super::{csv, html, sarif};
use crate::ArmId;
use crate::access::{Answer, Coverage, Facet};
use crate::audit::{
    AuditReport, Evidence, Family, Finding, Fix, Named, Question, Reach, Reacher, RuleResult, Severity, Summary,
    Verdict, compare, fingerprint,
};
use crate::{Unreadable, Why};
use std::collections::{BTreeMap, BTreeSet};

const HOSTILE: &str = "=cmd()\"><script>alert(1)</script>\u{202E}";
const SCOPE: &str = "/subscriptions/s/resourceGroups/rg (ü)/providers/Microsoft.DesktopVirtualization/hostPools/hp";

fn finding(rule: &str, severity: Severity, exempt: Option<&str>) -> Finding {
    let scope = ArmId::new(SCOPE);
    Finding {
        fingerprint: fingerprint(rule, &scope, Some("p"), None),
        rule: rule.to_owned(),
        severity,
        scope: scope.clone(),
        principal: Some("p".to_owned()),
        subject: None,
        message: format!("{HOSTILE} holds Owner,\nand that is \"wrong\""),
        evidence: vec![Evidence::new("role assignment", HOSTILE)],
        fix: Fix { az: Some("az role assignment delete --ids 'x'".to_owned()), ..Fix::default() },
        host_pools: vec![scope],
        exempt: exempt.map(str::to_owned),
    }
}

fn report() -> AuditReport {
    let scope = ArmId::new(SCOPE);
    let rule = |id: &str, verdict| RuleResult {
        id: id.to_owned(),
        family: Family::Rbac,
        title: "owned by an application".to_owned(),
        severity: Severity::Critical,
        rationale: "one stolen secret is the subscription".to_owned(),
        references: vec!["https://learn.microsoft.com/azure/role-based-access-control/best-practices".to_owned()],
        verdict,
        findings: 1,
        reasons: Vec::new(),
    };
    let reacher = Reacher {
        principal: "p".to_owned(),
        name: HOSTILE.to_owned(),
        kind: "User".to_owned(),
        answer: Answer::Conditional,
        roles: BTreeSet::from(["Owner".to_owned()]),
        people: 1,
    };
    AuditReport {
        source: "contoso".to_owned(),
        tenant: None,
        read_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        summary: Summary { findings: BTreeMap::from([(Severity::Critical, 1)]), exempt: 1, ..Summary::default() },
        rules: vec![rule("R02", Verdict::Fail), rule("R16", Verdict::Unknown)],
        findings: vec![
            finding("R02", Severity::Critical, None),
            finding("R16", Severity::Low, Some("known (until 2027-01-01)")),
        ],
        exemptions: Vec::new(),
        principals: BTreeMap::from([("p".to_owned(), Named { name: HOSTILE.to_owned(), kind: "User".to_owned() })]),
        access: vec![Reach {
            host_pool: scope.clone(),
            resource: scope,
            question: Question::Change,
            holders: vec![reacher],
            more: 0,
            people: 1,
            unknown: vec!["group members of /: forbidden".to_owned()],
        }],
        coverage: vec![
            Coverage::read(ArmId::new("/subscriptions/s"), Facet::RoleAssignments, 3),
            Coverage::unknown(
                ArmId::new("/"),
                Facet::GroupMembers,
                Unreadable::new(Why::Forbidden, "grant GroupMember.Read.All"),
            ),
        ],
    }
}

#[test]
fn a_line_of_csv_is_a_finding_and_never_a_formula() {
    insta::assert_snapshot!(csv(&report()));
}

#[test]
fn a_result_of_sarif_names_its_rule_scope_and_fingerprint() {
    let report = report();
    let before = AuditReport { findings: vec![report.findings[1].clone()], ..report.clone() };
    insta::assert_json_snapshot!(sarif(&report, Some(&compare(&before, &report))));
    assert!(sarif(&report, None)["runs"][0]["results"][0].get("baselineState").is_none());
}

#[test]
fn what_an_exemption_lets_stand_no_more_is_new_to_sarif_too() {
    let (before, mut now) = (report(), report());
    now.findings[1].exempt = None;
    let results = sarif(&now, Some(&compare(&before, &now)))["runs"][0]["results"].clone();
    let states: Vec<&str> =
        results.as_array().unwrap().iter().map(|one| one["baselineState"].as_str().unwrap()).collect();
    assert_eq!(states, ["unchanged", "new"]);
}

#[test]
fn what_a_name_says_stays_text_on_the_page() {
    let page = html(&report());
    assert_eq!(page.matches("<script").count(), 1, "the page's own and no other");
    assert!(page.contains("&#60;script&#62;alert(1)"), "the name is there, as text");
    assert!(!page.contains('\u{202E}'), "nothing turns text around");
    let script = page.rsplit("<script>").next().unwrap().split("</script>").next().unwrap();
    use base64::Engine;
    let digest = base64::engine::general_purpose::STANDARD.encode(<sha2::Sha256 as sha2::Digest>::digest(script));
    assert!(page.contains(&format!("script-src &#39;sha256-{digest}&#39;")), "the policy names what is there");
    for text in ["contoso", "R02", "exempt", "grant GroupMember.Read.All", "change it", "or more", "az role"] {
        assert!(page.contains(text), "{text}");
    }
}
