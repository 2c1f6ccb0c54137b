//! What is wrong with an estate for audits, as the simulator tells it, and as
//! it can be seen.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use simulator::{EstateSpec, Planted};

use crate::support::{Azure, options, start};

async fn grown(name: &str) -> Azure {
    start(options(EstateSpec::built_in(name).unwrap())).await
}

fn values(list: &Value) -> Vec<Value> {
    list["value"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_clean_estate_lists_nothing_and_a_planted_one_every_rule() {
    let clean = grown("audit-clean").await;
    let document = clean.json("/_sim/violations").await;
    assert_eq!(document["violations"], json!([]));
    assert_eq!(document["policy"]["vendor_addresses"], json!(["203.0.113.0/24"]));
    let planted = grown("audit").await;
    let violations = planted.running.violations();
    let rules: BTreeSet<&str> = violations.iter().map(|violation| violation.rule.as_str()).collect();
    assert_eq!(rules.len(), 43 + 47 + 8);
    let document = planted.json("/_sim/violations").await;
    assert_eq!(document["violations"], json!(violations));
    assert_eq!(document["policy"], planted.running.policy());
}

#[tokio::test]
async fn planted_grants_are_read_as_azure_lists_them() {
    let mut spec = EstateSpec::built_in("audit").unwrap();
    spec.audit.plant = Planted::Rules(vec!["R14".to_owned(), "R18".to_owned(), "R19".to_owned()]);
    let azure = start(options(spec)).await;
    for violation in azure.running.violations() {
        let scope = violation.scope.trim_end_matches('/');
        let authorization = format!("{scope}/providers/Microsoft.Authorization");
        let path = match violation.rule.as_str() {
            "R18" => format!("{authorization}/roleEligibilityScheduleInstances?api-version=2020-10-01"),
            "R19" => format!("{authorization}/classicAdministrators?api-version=2015-07-01"),
            _ => format!("{authorization}/roleAssignments?api-version=2022-04-01"),
        };
        let list = values(&azure.json(&path).await);
        let is_it = |item: &Value| {
            let of = |name: &str| item["properties"][name].as_str().unwrap_or("").to_lowercase();
            match &violation.principal {
                Some(principal) => {
                    of("principalId") == *principal
                        && of("roleDefinitionId").ends_with(violation.subject.as_ref().unwrap())
                }
                None => Some(of("emailAddress")) == violation.subject,
            }
        };
        assert!(list.iter().any(is_it), "{violation:?} in {path}");
    }
}
