use super::*;

const GUID: &str = "11111111-2222-3333-4444-555555555555";

fn policy(text: &str) -> AuditPolicy {
    serde_json::from_str(text).unwrap()
}

fn custom(text: &str) -> Vec<String> {
    let mut rule = serde_json::json!({
        "name": "mine", "title": "t", "severity": "low", "principals": ["User"], "scope": "*", "must": "not_hold"
    });
    for (key, value) in serde_json::from_str::<serde_json::Map<_, _>>(text).unwrap() {
        rule[key] = value;
    }
    AuditPolicy { rules: vec![serde_json::from_value(rule).unwrap()], ..AuditPolicy::default() }.faults()
}

#[test]
fn a_policy_without_faults_has_none() {
    assert!(AuditPolicy::default().faults().is_empty());
    let policy = policy(&format!(
        r#"{{
            "disabled": ["r20", "C-mine"],
            "expected": [{{ "rules": ["R02"], "principals": ["{GUID}"], "reason": "the deployer" }}],
            "exemption": [
                {{ "rule": "R0*", "scope": "/subscriptions/s*", "reason": "r", "until": "2026-01-01" }},
                {{ "rule": "C-mine", "reason": "r", "until": "2026-01-01" }},
                {{ "fingerprint": "0123456789abcdef0123456789abcdef", "reason": "r", "until": "2026-01-01" }}
            ],
            "rule": [
                {{ "name": "mine", "title": "t", "severity": "low", "principals": ["Guest", "{GUID}"],
                   "role": "Reader", "scope": "*", "must": "not_hold" }}
            ],
            "deployments_under_way":
                ["/subscriptions/s/resourceGroups/g/providers/Microsoft.DesktopVirtualization/hostPools/p"]
        }}"#
    ));
    assert_eq!(policy.faults(), Vec::<String>::new());
}

#[test]
fn rules_that_are_not_there_are_named_wherever_they_stand() {
    let policy = policy(&format!(
        r#"{{
            "disabled": ["R99"],
            "expected": [{{ "rules": ["R98"], "principals": ["{GUID}"], "reason": "r" }}],
            "exemption": [{{ "rule": "X*", "reason": "r", "until": "2026-01-01" }}]
        }}"#
    ));
    let expected =
        ["disabled: there is no rule R99", "expected 1: there is no rule R98", "exemption 1: there is no rule X*"];
    assert_eq!(policy.faults(), expected);
}

#[test]
fn an_exemption_has_to_narrow_and_to_say_why() {
    for narrow in [r#""rule": "*""#, r#""scope": "**""#, r#""rule": "*", "scope": "*""#, r#""scope": null"#] {
        let policy = policy(&format!(r#"{{ "exemption": [{{ {narrow}, "reason": " ", "until": "2026-01-01" }}] }}"#));
        let faults = policy.faults();
        assert!(faults[0].contains("nothing narrows it"), "{narrow}: {faults:?}");
        assert!(faults[1].contains("no reason"), "{faults:?}");
    }
}

#[test]
fn a_custom_rule_names_either_a_role_or_a_single_action() {
    for (text, fault) in [
        (r#"{}"#, "neither a role nor an action"),
        (r#"{"role": "Reader", "action": "A/b/read"}"#, "both a role and an action"),
        (r#"{"role": " "}"#, "the role is empty"),
        (r#"{"action": "A/*"}"#, "without *"),
        (r#"{"action": "*"}"#, "without *"),
        (r#"{"role": "Reader", "data_action": true}"#, "names none"),
        (r#"{"role": "Reader", "name": "My rule"}"#, "the name"),
        (r#"{"role": "Reader", "name": ""}"#, "the name"),
        (r#"{"role": "Reader", "title": ""}"#, "no title"),
        (r#"{"role": "Reader", "scope": "subscriptions/s"}"#, "pattern of scopes"),
        (r#"{"role": "Reader", "principals": []}"#, "names no principal"),
        (r#"{"role": "Reader", "principals": ["ann@contoso.com"]}"#, "not the object id"),
        (r#"{"role": "Reader", "must": "hold"}"#, "by id"),
    ] {
        let faults = custom(text);
        assert!(faults.iter().any(|one| one.contains(fault)), "{text}: {faults:?}");
        assert!(faults.iter().all(|one| one.starts_with("rule 1 (")), "{faults:?}");
    }
    assert!(custom(r#"{"action": "A/b/read", "data_action": true}"#).is_empty());
}

#[test]
fn numbers_that_make_no_sense_ids_that_are_none_and_names_that_repeat_are_told_together() {
    let rule = r#"{ "name": "a", "title": "t", "severity": "low", "principals": ["*"], "role": "Reader", "scope": "*",
                    "must": "not_hold" }"#;
    let policy = policy(&format!(
        r#"{{
            "thresholds": {{ "owners_min": 4, "limit_share_percent": 0, "secret_age_days": 0 }},
            "expected": [{{ "principals": [], "reason": "" }}, {{ "principals": ["x"], "reason": "r" }}],
            "rule": [{rule}, {rule}],
            "deployments_under_way": ["/subscriptions/s"],
            "vendor_applications": [""]
        }}"#
    ));
    let faults = policy.faults().join("\n");
    for fault in [
        "owners_min is more than owners_max",
        "limit_share_percent",
        "secret_age_days",
        "expected 1: it names no principal",
        "expected 1: it gives no reason",
        "expected 2: x is not the object id",
        "rule 2 (a): the name is taken",
        "is not the id of a host pool",
        "vendor_applications",
    ] {
        assert!(faults.contains(fault), "{fault} in {faults}");
    }
}

#[test]
fn lists_without_end_are_refused() {
    let policy = AuditPolicy { disabled: vec!["R01".to_owned(); MAX_ENTRIES + 1], ..AuditPolicy::default() };
    assert_eq!(policy.faults(), ["disabled: 10001 entries; at most 10000 are allowed"]);
}
