use super::*;
use crate::access::Plane;
use proptest::prelude::*;

const A: &str = "5e467623-bb1f-42f4-a55d-6e525e11384b";
const B: &str = "a795c7a0-d4a2-40c1-ae25-d81f01202912";
const P: &str = "28c35fea-2099-4cf5-8ad9-473547bc9423";

fn both(ask: impl Fn(&str) -> String) -> String {
    let part = |verb: &str, source: &str| {
        format!(
            "(\n (\n  !(ActionMatches{{'Microsoft.Authorization/roleAssignments/{verb}'}})\n )\n OR \n (\n  {}\n )\n)",
            ask(&format!("@{source}[Microsoft.Authorization/roleAssignments:"))
        )
    };
    format!("{}\nAND\n{}", part("write", "Request"), part("delete", "Resource"))
}

fn only<const N: usize>(these: [&str; N]) -> Option<Choice> {
    Some(Choice::Only(these.into_iter().map(str::to_owned).collect()))
}

#[test]
fn the_templates_of_the_portal_are_understood_for_writing_and_deleting() {
    let roles = both(|a| format!("{a}RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{A}, {}}}", B.to_uppercase()));
    let limits = Limits { roles: only([A, B]), ..Limits::default() };
    assert_eq!(Delegation::of(&roles), Some(Delegation { write: vec![limits.clone()], delete: vec![limits] }));

    let types = both(|a| {
        format!(
            "{a}RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{A}}}\n  AND\n  \
             {a}PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {{'User', 'Group'}}"
        )
    });
    let limits = Limits { roles: only([A]), principal_types: only(["user", "group"]), principals: None };
    assert_eq!(Delegation::of(&types), Some(Delegation { write: vec![limits.clone()], delete: vec![limits] }));

    let principals = both(|a| {
        format!(
            "{a}RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{A}}} AND \
             {a}PrincipalId] ForAnyOfAnyValues:GuidEquals {{{P}}}"
        )
    });
    let limits = Limits { roles: only([A]), principal_types: None, principals: only([P]) };
    assert_eq!(Delegation::of(&principals), Some(Delegation { write: vec![limits.clone()], delete: vec![limits] }));

    let but = both(|a| format!("{a}RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals {{{A}, {B}}}"));
    let write = Delegation::of(&but).unwrap().write;
    let roles = write[0].roles.as_ref().unwrap();
    assert!(!roles.holds(&A.to_uppercase()) && !roles.holds(B) && roles.holds(P));
}

#[test]
fn what_any_of_several_values_lets_through_is_everything() {
    let differs = |quantifier: &str, values: &str| {
        both(|a| format!("{a}RoleDefinitionId] {quantifier}:GuidNotEquals {{{values}}}"))
    };
    let (one, two) = (A.to_owned(), format!("{A}, {B}"));
    assert!(!constrains_delegation(&differs("ForAnyOfAnyValues", &two)), "every role differs from A or from B");
    assert!(!constrains_delegation(&both(|a| format!("{a}RoleDefinitionId] GuidNotEquals {{{A}, {B}}}"))));
    assert!(constrains_delegation(&differs("ForAnyOfAnyValues", &one)));
    assert!(constrains_delegation(&differs("ForAnyOfAllValues", &two)));
}

#[test]
fn other_ways_to_write_the_same_are_understood() {
    for condition in [
        // On one line, with parentheses around everything and a value without braces.
        format!(
            "((!(ActionMatches{{'microsoft.authorization/ROLEASSIGNMENTS/write'}}) OR (@Request[Microsoft.Authorization/\
             roleAssignments:RoleDefinitionId]ForAnyOfAnyValues:GuidEquals{{{A}}}))AND(!(ActionMatches{{'Microsoft.\
             Authorization/roleAssignments/delete'}})OR(@Resource[Microsoft.Authorization/roleAssignments:\
             RoleDefinitionId] GuidEquals {A})))"
        ),
        // With signs for the operators, and each comparison in parentheses.
        both(|a| format!("(({a}RoleDefinitionId] GuidEquals {A}))")).replace("OR", "||").replace("AND", "&&"),
        // The limits first.
        both(|a| format!("{a}RoleDefinitionId] GuidEquals {A} OR {a}RoleDefinitionId] GuidEquals {B}")),
    ] {
        let delegation = Delegation::of(&condition).unwrap_or_else(|| panic!("{condition}"));
        assert!(!delegation.write.is_empty() && !delegation.delete.is_empty(), "{condition}");
        assert!(constrains_delegation(&condition));
    }
}

#[test]
fn a_part_binds_its_own_action_and_no_other() {
    let condition = format!(
        "((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/write'}})) OR \
         (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] GuidEquals {A}))"
    );
    let delegation = Delegation::of(&condition).unwrap();
    assert!(delegation.binds(&Action::control("microsoft.authorization/roleassignments/WRITE")));
    for (action, plane) in [("delete", Plane::Control), ("read", Plane::Control), ("write", Plane::Data)] {
        let action = Action { plane, name: format!("Microsoft.Authorization/roleAssignments/{action}") };
        assert!(!delegation.binds(&action), "{action}");
    }
    let delete = condition.replace("/write", "/delete").replace("@Request", "@Resource");
    assert!(!constrains_delegation(&delete));
    assert!(Delegation::of(&delete).is_some_and(|delegation| delegation.write.is_empty()));
}

#[test]
fn alternatives_and_repeated_limits_add_up() {
    let condition = both(|a| {
        format!(
            "{a}RoleDefinitionId] GuidEquals {{{A}, {B}}} AND {a}RoleDefinitionId] GuidNotEquals {B} AND \
             ({a}PrincipalType] StringEqualsIgnoreCase 'ServicePrincipal' OR {a}PrincipalId] GuidEquals {P})"
        )
    });
    let expected = [
        Limits { roles: only([A]), principal_types: only(["serviceprincipal"]), principals: None },
        Limits { roles: only([A]), principal_types: None, principals: only([P]) },
    ];
    assert_eq!(Delegation::of(&condition).unwrap().write, expected);
}

#[test]
fn every_other_condition_is_left_to_azure() {
    let good = both(|a| format!("{a}RoleDefinitionId] GuidEquals {A}"));
    for condition in [
        "".to_owned(),
        "true".to_owned(),
        // No limit on the action it is about, or no action.
        "!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})".to_owned(),
        format!("@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] GuidEquals {A}"),
        // Another action, attribute, source or operator.
        good.replace("/write", "/read"),
        good.replace("RoleDefinitionId", "Description"),
        good.replace("@Request", "@Principal"),
        good.replace("GuidEquals", "GuidLike"),
        good.replace(A, "@Principal[x]"),
        good.replace(A, "{}"),
        // Not negated, and negated twice.
        good.replacen("!(Action", "(Action", 1),
        good.replacen("!(Action", "!!(Action", 1),
        // It does something else as well.
        format!("{good} AND (@Resource[Microsoft.Storage/storageAccounts:name] StringEquals 'x')"),
        // Broken, or ambiguous without parentheses.
        format!("{good})"),
        good.replacen('(', "", 1),
        format!("{good} AND"),
        good.replace("AND\n", "AND\nAND\n"),
        good.replace(A, &format!("{A} OR (@Request[Microsoft.Authorization/roleAssignments:PrincipalId] GuidEquals {P}) AND (@Request[Microsoft.Authorization/roleAssignments:PrincipalId] GuidEquals {P})")),
        format!("{}{good}{}", "(".repeat(100), ")".repeat(100)),
        format!("{good}{}", " ".repeat(20_000)),
        "(".repeat(10_000),
    ] {
        assert_eq!(Delegation::of(&condition), None, "{condition}");
        assert!(!constrains_delegation(&condition));
    }
}

#[test]
fn many_alternatives_are_not_multiplied_without_end() {
    let either = |a: &str| format!("({a}PrincipalId] GuidEquals {P} OR {a}RoleDefinitionId] GuidEquals {A})");
    let of = |times: usize| both(|a| vec![either(a); times].join(" AND "));
    assert_eq!(Delegation::of(&of(6)).unwrap().write.len(), MAX_ALTERNATIVES);
    assert_eq!(Delegation::of(&of(7)), None);
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in r"[(){}\[\]@!&|',aA:é \n]{0,60}", cut in 0_usize..600) {
        let good = both(|a| format!("{a}RoleDefinitionId] GuidEquals {A}"));
        let cut = cut.min(good.len());
        _ = Delegation::of(&text);
        _ = Delegation::of(&format!("{}{text}{}", &good[..cut], &good[cut..]));
    }
}
