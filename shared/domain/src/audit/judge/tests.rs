use super::*;
use crate::access::{Facet, builtin};
use crate::audit::testing::{Estate, GROUP, POOL, RG, S1};
use crate::audit::{Evidence, Exemption, ExemptionState, Expected, Severity};
use serde_json::json;

fn exemption(rule: &str, until: &str) -> Exemption {
    Exemption {
        fingerprint: None,
        rule: Some(rule.to_owned()),
        scope: None,
        principal: None,
        reason: " moving to a group ".to_owned(),
        until: until.parse().unwrap(),
    }
}

fn result_of<'a>(report: &'a AuditReport, rule: &str) -> &'a RuleResult {
    report.rules.iter().find(|result| result.id == rule).unwrap()
}

fn with_power() -> Estate {
    Estate::clean().user("ann").assign("ann", builtin::USER_ACCESS_ADMINISTRATOR, S1)
}

#[test]
fn a_clean_estate_has_no_finding_of_who_may_do_what() {
    let report = Estate::clean().report();
    let found: Vec<_> = report.findings.iter().map(|finding| (&finding.rule, &finding.message)).collect();
    assert!(found.is_empty(), "{found:?}");
    let is_fine = |result: &RuleResult| matches!(result.verdict, Verdict::Pass | Verdict::NotApplicable);
    let others: Vec<_> = report.rules.iter().filter(|result| !is_fine(result)).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn no_rule_passes_where_what_it_depends_on_could_not_be_read_or_nobody_says_that_it_was() {
    for rule in rules::RULES.iter().chain(posture::RULES) {
        for facet in rule.needs {
            let scope = if facet.is_of_directory() { "/" } else { S1 };
            let forbidden = Estate::clean().forbidden(*facet, scope);
            let silent = Estate::clean().with(|facts| facts.coverage.retain(|one| one.facet != *facet));
            let below = Estate::clean().forbidden(*facet, &format!("{scope}/x").replace("//", "/"));
            for estate in [forbidden, silent, below] {
                let verdict = estate.verdict(rule);
                assert!(!matches!(verdict, Verdict::Pass | Verdict::NotApplicable), "{} without {facet}", rule.id);
            }
        }
    }
}

#[test]
fn every_rule_says_what_it_is_and_where_that_comes_from() {
    let rules: Vec<&Rule> = rules::RULES.iter().chain(posture::RULES).collect();
    assert!(rules.is_sorted_by_key(|rule| rule.id) && !rules.is_empty());
    for rule in rules {
        assert!(!rule.title.is_empty() && !rule.title.ends_with('.'), "{}", rule.id);
        assert!(rule.rationale.ends_with('.') && !rule.rationale.contains("  "), "{}", rule.id);
        assert!(!rule.references.is_empty() || rule.family != Family::Rbac, "{}", rule.id);
        for reference in rule.references {
            assert!(reference.starts_with("https://") && !reference.contains("/en-us/"), "{}: {reference}", rule.id);
        }
    }
}

#[test]
fn an_exemption_lets_a_finding_stand_until_its_last_day() {
    for (until, state, stands) in
        [("2026-06-01", ExemptionState::Applied, true), ("2026-05-31", ExemptionState::Ended, false)]
    {
        let report = with_power().policy(|policy| policy.exemptions.push(exemption("r03", until))).report();
        let finding = report.findings.iter().find(|finding| finding.rule == "R03").unwrap();
        let reason = format!("moving to a group (until {until})");
        assert_eq!(finding.exempt, stands.then_some(reason));
        assert_eq!((report.exemptions[0].state, report.exemptions[0].findings), (state, 1));
        let result = result_of(&report, "R03");
        assert_eq!((result.verdict, result.findings), if stands { (Verdict::Pass, 0) } else { (Verdict::Fail, 1) });
        assert_eq!(report.summary.exempt, usize::from(stands));
    }
}

#[test]
fn every_part_of_an_exemption_has_to_fit_and_one_that_fits_nothing_is_told() {
    let report = with_power().report();
    let finding = report.findings.iter().find(|finding| finding.rule == "R03").unwrap();
    let whole = Exemption {
        fingerprint: Some(finding.fingerprint.to_uppercase()),
        rule: Some("R*".to_owned()),
        scope: Some("/SUBSCRIPTIONS/*".to_owned()),
        principal: Some("Ann".to_owned()),
        ..exemption("", "2027-01-01")
    };
    let state = |exemption: Exemption| {
        with_power().policy(|policy| policy.exemptions.push(exemption)).report().exemptions.remove(0).state
    };
    assert_eq!(state(whole.clone()), ExemptionState::Applied);
    let other = Some("0123".to_owned());
    for miss in [
        Exemption { fingerprint: other.clone(), ..whole.clone() },
        Exemption { rule: other.clone(), ..whole.clone() },
        Exemption { scope: other.clone(), ..whole.clone() },
        Exemption { principal: other, ..whole.clone() },
        Exemption { fingerprint: None, rule: None, scope: None, principal: None, ..whole },
    ] {
        assert_eq!(state(miss.clone()), ExemptionState::Unused, "{miss:?}");
    }
}

#[test]
fn whom_the_policy_expects_is_no_finding_and_everybody_else_still_is() {
    let estate = with_power().user("bob").assign("bob", builtin::USER_ACCESS_ADMINISTRATOR, S1).policy(|policy| {
        let (rules, principals) = (vec!["r03".to_owned()], vec!["ANN".to_owned()]);
        policy.expected.push(Expected { rules, principals, reason: "break glass".to_owned() });
    });
    let report = estate.report();
    let of = |rule: &str| {
        report
            .findings
            .iter()
            .filter(|one| one.rule == rule)
            .filter_map(|one| one.principal.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("R03"), ["bob"]);
    assert_eq!(of("R17").len(), 2);
}

#[test]
fn a_rule_that_is_not_run_is_listed_as_such() {
    let report = with_power().policy(|policy| policy.disabled.push("r03".to_owned())).report();
    let result = result_of(&report, "R03");
    assert_eq!((result.verdict, result.findings), (Verdict::Disabled, 0));
    assert!(report.findings.iter().all(|finding| finding.rule != "R03"));
    assert_eq!(report.summary.rules[&Verdict::Disabled], 1);
}

#[test]
fn the_worst_stands_first_and_the_order_of_reading_changes_nothing() {
    let estate =
        with_power().identity("robot", "robot").assign("robot", builtin::OWNER, S1).assign("robot", builtin::OWNER, RG);
    let report = estate.report();
    assert!(report.findings.is_sorted_by_key(|finding| Reverse(finding.severity)));
    assert_eq!(report.findings[0].rule, "R02");
    assert!(report.rules.is_sorted_by_key(|result| &result.id));
    let shuffled = estate.with(|facts| {
        facts.assignments.reverse();
        facts.definitions.reverse();
        facts.pim.reverse();
    });
    assert_eq!(shuffled.report(), report);
}

#[test]
fn the_same_grant_twice_is_one_finding_with_the_proof_and_the_mending_of_both() {
    let estate = with_power().assign("ann", builtin::USER_ACCESS_ADMINISTRATOR, S1);
    let report = estate.report();
    let found: Vec<&Finding> = report.findings.iter().filter(|finding| finding.rule == "R17").collect();
    assert_eq!(found.len(), 1);
    let assignments = found[0].evidence.iter().filter(|one| one.what == "role assignment").count();
    assert_eq!(assignments, 2);
    assert_eq!(found[0].fix.az.as_deref().unwrap().matches("az role assignment delete").count(), 2);
}

#[test]
fn a_fingerprint_stays_when_names_and_case_change() {
    let first = with_power().report();
    let renamed = with_power().with(|facts| {
        facts.subscriptions[0].name = "Other".to_owned();
        for assignment in &mut facts.assignments {
            assignment.scope = crate::ArmId::new(&assignment.scope.as_str().to_uppercase());
        }
    });
    let prints = |report: &AuditReport| report.findings.iter().map(|one| one.fingerprint.clone()).collect::<Vec<_>>();
    assert_eq!(prints(&first), prints(&renamed.report()));
}

#[test]
fn names_from_outside_hide_nothing_and_no_list_grows_without_end() {
    let mut violation = with_power().check(&rules::RULES[2]).violations.remove(0);
    violation.message = format!("evil\u{202E}\n\u{1b}[2J{}", "x".repeat(10_000));
    violation.evidence = (0..1_000).map(|at| Evidence::new("owner", format!("{at}\u{200B}"))).collect();
    let rule = Heading::from(&rules::RULES[2]);
    let estate = with_power();
    let world = World::new(&estate.facts);
    let audit =
        Audit { facts: &estate.facts, world: &world, policy: &estate.policy, now: crate::audit::testing::now() };
    let mut judge = Judge::new(&audit);
    judge.run(rule, |_| Outcome {
        violations: vec![violation],
        unknown: (0..1_000).map(|at| at.to_string()).collect(),
        not_applicable: None,
    });
    let finding = &judge.findings[0];
    assert!(finding.message.starts_with("evil   [2J") && finding.message.chars().count() < 5_000);
    assert_eq!(finding.evidence.len(), crate::audit::MAX_EVIDENCE + 1);
    assert!(finding.evidence.iter().all(|one| !one.value.chars().any(crate::text::is_invisible)));
    assert_eq!(judge.results[0].reasons.len(), MAX_REASONS + 1);
    assert_eq!(judge.results[0].reasons[MAX_REASONS], "and 900 more");
}

#[test]
fn a_finding_names_the_host_pools_that_it_concerns_and_the_report_names_principals() {
    let estate = with_power()
        .resource(POOL, "Microsoft.DesktopVirtualization/hostPools", json!({}))
        .resource(GROUP, "Microsoft.DesktopVirtualization/applicationGroups", json!({ "hostPoolArmPath": POOL }))
        .guest("gus")
        .assign("gus", builtin::CONTRIBUTOR, GROUP);
    let report = estate.report();
    let pools_of = |rule: &str| &report.findings.iter().find(|finding| finding.rule == rule).unwrap().host_pools;
    assert_eq!(pools_of("R06"), &[crate::ArmId::new(POOL)]);
    assert!(pools_of("R03").is_empty());
    assert_eq!(report.principals["gus"], Named { name: "User gus".to_owned(), kind: "Guest".to_owned() });
    assert_eq!(report.principals["ann"].kind, "User");
}

#[test]
fn what_does_not_apply_is_unknown_while_nobody_can_see_whether_it_does() {
    let rule = |needs: &'static [Facet]| Rule {
        id: "X01",
        family: Family::Rbac,
        title: "t",
        severity: Severity::Low,
        rationale: "r.",
        references: &[],
        needs,
        check: |_| Outcome::not_applicable("no scaling plan"),
    };
    assert_eq!(Estate::clean().verdict(&rule(&[Facet::Compute])), Verdict::NotApplicable);
    assert_eq!(Estate::clean().forbidden(Facet::Compute, S1).verdict(&rule(&[Facet::Compute])), Verdict::Unknown);
    let none = Estate::clean().with(|facts| facts.subscriptions.clear());
    let nobody_looked = none.with(|facts| facts.coverage.clear());
    assert_eq!(nobody_looked.verdict(&rule(&[Facet::Compute])), Verdict::Unknown);
}

#[test]
fn a_report_survives_being_written_and_read() {
    let estate = with_power().policy(|policy| policy.exemptions.push(exemption("R17", "2027-01-01")));
    let report = estate.forbidden(Facet::PimEligible, S1).report();
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<AuditReport>(&text).unwrap(), report);
}

#[test]
fn what_nobody_told_of_is_a_line_of_the_coverage_for_all_who_look_at_it_alone() {
    let silent = Estate::clean().with(|facts| facts.coverage.retain(|one| one.facet != Facet::KeyVaults));
    let (whole, report) = (Estate::clean().report(), silent.report());
    assert_eq!(whole.coverage, Estate::clean().facts.coverage, "nothing is added where all is told");
    let added: Vec<_> = report.coverage.iter().filter(|one| one.facet == Facet::KeyVaults).collect();
    let [Coverage { scope, state: State::Unknown(_), .. }] = added[..] else { panic!("{added:?}") };
    assert_eq!((scope, report.summary.unknown_scopes), (&crate::ArmId::new(S1), 1));
    let page = crate::audit::render::html(&report);
    assert!(page.contains("<b>1</b>not read") && !page.contains("<p>Nothing:"));
    let rules = |report: &AuditReport| report.findings.iter().map(|one| one.rule.clone()).collect::<Vec<_>>();
    assert_eq!(rules(&report), rules(&whole), "and no finding comes of it");
}
