//! A scaling plan that can neither start nor stop the hosts that it is for.

use super::avd::{DEALLOCATE_VIRTUAL_MACHINE, Right, SERVICE_RIGHT, right_of_service};
use super::grants::listed;
use super::remedy::{Grantee, Place, assign};
use crate::ArmId;
use crate::access::{ArmResource, builtin};
use crate::audit::{Audit, Evidence, Family, Outcome, Rule, Severity, Violation};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const RULE: Rule = Rule {
    id: "R29",
    family: Family::Rbac,
    title: "Autoscale cannot start and stop virtual machines",
    severity: Severity::High,
    rationale: "A scaling plan acts through Azure Virtual Desktop's service principal, which needs Desktop Virtualization \
                Power On Off Contributor at the subscription. Without it autoscale fails silently: hosts stay off when \
                people come, or on when they are gone.",
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/autoscale-create-assign-scaling-plan",
        "https://learn.microsoft.com/azure/virtual-desktop/service-principal-assign-roles",
    ],
    needs: SERVICE_RIGHT,
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    if audit.scaling_plans().next().is_none() {
        return Outcome::not_applicable("there is no scaling plan");
    }
    let actions = [builtin::START_VIRTUAL_MACHINE, DEALLOCATE_VIRTUAL_MACHINE];
    let mut outcome = Outcome::default();
    for (subscription, pools) in scaled_pools(audit) {
        match right_of_service(audit, &actions, &subscription) {
            Right::Held => {}
            Right::Unclear(why) => outcome.unknown.push(format!("Azure Virtual Desktop's service principal: {why}")),
            Right::Lacking(why) => outcome.violations.push(violation(&subscription, &pools, &why)),
        }
    }
    outcome
}

/// The pools that scaling plans are switched on for, by subscription.
fn scaled_pools(audit: &Audit<'_>) -> BTreeMap<ArmId, BTreeSet<ArmId>> {
    let scaled: BTreeSet<ArmId> = audit.scaling_plans().flat_map(switched_on).collect();
    let mut by_subscription: BTreeMap<ArmId, BTreeSet<ArmId>> = BTreeMap::new();
    for pool in audit.host_pools().filter(|pool| scaled.contains(&pool.id)) {
        if let Some(subscription) = pool.id.up_to("subscriptions") {
            by_subscription.entry(subscription).or_default().insert(pool.id.clone());
        }
    }
    by_subscription
}

fn switched_on(plan: &ArmResource) -> Vec<ArmId> {
    let field = |reference: &Value, name: &str| {
        let fields = reference.as_object()?;
        fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    let is_on = |reference: &&Value| field(reference, "scalingPlanEnabled") == Some(Value::Bool(true));
    let pool = |reference: &Value| field(reference, "hostPoolArmPath")?.as_str().map(ArmId::new);
    plan.list("hostPoolReferences").iter().filter(is_on).filter_map(pool).collect()
}

fn violation(subscription: &ArmId, pools: &BTreeSet<ArmId>, why: &str) -> Violation {
    Violation {
        scope: subscription.clone(),
        principal: None,
        subject: None,
        severity: None,
        message: format!(
            "Scaling plans are switched on for {} of {subscription}, and Azure Virtual Desktop's service principal may \
             not start and deallocate its virtual machines: {why}",
            if pools.len() == 1 { "a host pool".to_owned() } else { format!("{} host pools", pools.len()) }
        ),
        evidence: vec![
            Evidence::new("host pools with a scaling plan", listed(pools)),
            Evidence::new("application", builtin::AVD_APPLICATION),
            Evidence::new("missing", why),
        ],
        fix: assign(
            Grantee::Application(builtin::AVD_APPLICATION),
            builtin::POWER_ON_OFF_CONTRIBUTOR,
            "Desktop Virtualization Power On Off Contributor",
            Place::At(subscription),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Facet;
    use crate::audit::context::{HOST_POOLS, SCALING_PLANS};
    use crate::audit::testing::{Estate, LANDING, POOL, RG, S1};
    use serde_json::json;

    const PLAN: &str = "/subscriptions/s1/resourceGroups/avd/providers/Microsoft.DesktopVirtualization/scalingPlans/p";

    fn estate(enabled: bool) -> Estate {
        let references = json!([{ "hostPoolArmPath": POOL.to_uppercase(), "scalingPlanEnabled": enabled }]);
        Estate::bare().resource(POOL, HOST_POOLS, json!({})).resource(
            PLAN,
            SCALING_PLANS,
            json!({ "hostPoolReferences": references }),
        )
    }

    fn with_service(enabled: bool) -> Estate {
        estate(enabled).application("avd", "Azure Virtual Desktop", builtin::AVD_APPLICATION)
    }

    #[test]
    fn a_subscription_is_reported_where_the_service_is_missing_or_may_not_do_both() {
        let line = [format!("{S1} - -")];
        assert_eq!(estate(true).found(&RULE), line);
        assert_eq!(with_service(true).found(&RULE), line);
        assert_eq!(with_service(true).assign("avd", builtin::POWER_ON_CONTRIBUTOR, S1).found(&RULE), line);
        assert_eq!(with_service(true).assign("avd", builtin::POWER_ON_OFF_CONTRIBUTOR, RG).found(&RULE), line);
        assert_eq!(with_service(true).eligible("avd", builtin::OWNER, S1, None).found(&RULE), line);
        let fix = estate(true).check(&RULE).violations.remove(0).fix;
        assert!(fix.az.unwrap().ends_with("--role '40c5ff49-9181-41f8-ae61-143b0e78555e' --scope '/subscriptions/s1'"));
    }

    #[test]
    fn both_rights_at_the_subscription_or_above_are_enough_be_it_through_groups() {
        for scope in [S1, LANDING] {
            assert!(with_service(true).assign("avd", builtin::POWER_ON_OFF_CONTRIBUTOR, scope).found(&RULE).is_empty());
        }
        let grouped = with_service(true).group("services", &["avd"]).assign("services", builtin::CONTRIBUTOR, S1);
        assert!(grouped.found(&RULE).is_empty());
    }

    #[test]
    fn without_a_plan_there_is_nothing_to_judge_and_one_that_is_switched_off_needs_nothing() {
        assert!(Estate::bare().resource(POOL, HOST_POOLS, json!({})).check(&RULE).not_applicable.is_some());
        let off = estate(false).check(&RULE);
        assert!(off.violations.is_empty() && off.unknown.is_empty() && off.not_applicable.is_none());
    }

    #[test]
    fn what_could_not_be_read_is_not_taken_for_lacking() {
        for (facet, scope) in [(Facet::RoleAssignments, S1), (Facet::ManagementGroups, S1), (Facet::GroupMembers, "/")]
        {
            let outcome = with_service(true).forbidden(facet, scope).check(&RULE);
            assert!(outcome.violations.is_empty() && outcome.unknown.len() == 1, "{facet}: {outcome:?}");
        }
        let outcome = estate(true).forbidden(Facet::Principals, "/").check(&RULE);
        assert!(outcome.violations.is_empty() && outcome.unknown.len() == 1, "{outcome:?}");
    }

    #[test]
    fn a_condition_leaves_it_open() {
        let estate =
            with_service(true).assign_if("avd", builtin::POWER_ON_OFF_CONTRIBUTOR, S1, Some("@Resource[a] == 1"));
        let outcome = estate.check(&RULE);
        assert!(outcome.violations.is_empty() && outcome.unknown.len() == 1, "{outcome:?}");
    }
}
