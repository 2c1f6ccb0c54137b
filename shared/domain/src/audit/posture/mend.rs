//! What a violation of posture looks like, and what mends it: a line of Bicep, or a command. What comes from outside is
//! quoted in commands and never stands in Bicep.

use crate::ArmId;
use crate::access::ArmResource;
use crate::audit::fix::{ps, sh};
use crate::audit::{Evidence, Fix, Violation};
use crate::text;
use serde_json::Value;

/// A violation that is about a resource and nobody.
pub(super) fn violation(
    scope: &ArmId,
    subject: Option<&str>,
    message: impl Into<String>,
    evidence: Vec<Evidence>,
    fix: Fix,
) -> Violation {
    let subject = subject.map(str::to_owned);
    let message = message.into().replace(char::is_control, " ");
    Violation { scope: scope.clone(), principal: None, subject, severity: None, message, evidence, fix }
}

/// A violation that is about somebody in the directory.
pub(super) fn of_principal(
    principal: &str,
    subject: Option<&str>,
    message: String,
    evidence: Vec<Evidence>,
    fix: Fix,
) -> Violation {
    let mut violation = violation(&ArmId::new("/"), subject, message, evidence, fix);
    violation.principal = Some(principal.to_owned());
    violation
}

/// A value of a resource's properties as evidence: the resource, the path, and the value, on one line.
pub(super) fn seen(resource: &ArmResource, path: &str) -> Vec<Evidence> {
    vec![
        Evidence::new("resource", resource.id.as_str()),
        Evidence::new(format!("properties.{}", path.replace('/', ".")), shown(resource.property(path))),
    ]
}

/// A value as people see it.
pub(super) fn shown(value: Option<&Value>) -> String {
    let text = match value {
        None => return "absent".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    text::title(&text).unwrap_or_else(|| "empty".to_owned())
}

/// Deletes a resource, after what has to be kept of it was.
pub(super) fn delete(id: &ArmId, first: &str) -> Fix {
    Fix {
        az: Some(format!("az resource delete --ids {}", sh(id.as_str()))),
        powershell: Some(format!("Remove-AzResource -ResourceId {} -Force", ps(id.as_str()))),
        portal: format!("{first} Then {id} > Delete."),
    }
}

/// Deletes a rule of a security group.
pub(super) fn delete_security_rule(group: &ArmId, rule: &str) -> Fix {
    let id = format!("{group}/securityRules/{rule}");
    Fix {
        az: Some(format!("az network nsg rule delete --ids {}", sh(&id))),
        powershell: Some(format!(
            "Get-AzNetworkSecurityGroup -Name {} -ResourceGroupName {} | Remove-AzNetworkSecurityRuleConfig -Name {} | \
             Set-AzNetworkSecurityGroup",
            ps(group.name()),
            ps(group.resource_group().unwrap_or_default()),
            ps(rule)
        )),
        portal: format!("{group} > Security rules: delete {rule}"),
    }
}

/// Deploys a resource anew with these lines of Bicep.
pub(super) fn bicep(lines: &str, portal: impl Into<String>) -> Fix {
    Fix { az: None, powershell: None, portal: format!("Bicep: {lines} Portal: {}", portal.into()) }
}

/// Sets a property of a resource to a value that is ours; with Bicep or with the Azure CLI.
pub(super) fn set(id: &ArmId, property: &str, value: &str, lines: &str) -> Fix {
    let az = format!("az resource update --ids {} --set properties.{property}={value}", sh(id.as_str()));
    Fix { az: Some(az), ..bicep(lines, format!("{id} > Properties: {property} = {value}")) }
}

/// Deletes something of the directory by a request to Microsoft Graph.
pub(super) fn delete_in_directory(path: &str, portal: impl Into<String>) -> Fix {
    let url = format!("https://graph.microsoft.com/v1.0/{path}");
    Fix {
        az: Some(format!("az rest --method delete --url {}", sh(&url))),
        powershell: Some(format!("Invoke-MgGraphRequest -Method DELETE -Uri {}", ps(&url))),
        portal: portal.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_from_outside_stay_one_word_of_a_command() {
        let id = ArmId::new("/subscriptions/s/resourceGroups/it's; rm -rf ~/providers/p/t/n");
        let fix = delete(&id, "Export it.");
        assert_eq!(
            fix.az.unwrap(),
            r"az resource delete --ids '/subscriptions/s/resourceGroups/it'\''s; rm -rf ~/providers/p/t/n'"
        );
        assert!(delete_security_rule(&id, "x'; y").powershell.unwrap().contains("-Name 'x''; y'"));
        assert!(delete_in_directory("a/$(b)", "").az.unwrap().ends_with("'https://graph.microsoft.com/v1.0/a/$(b)'"));
    }

    #[test]
    fn values_are_shown_on_one_short_line() {
        assert_eq!(shown(None), "absent");
        assert_eq!(shown(Some(&json!(" "))), "empty");
        assert_eq!(shown(Some(&json!("a\nb"))), "a b");
        assert_eq!(shown(Some(&json!({"a": [1]}))), r#"{"a":[1]}"#);
        assert!(shown(Some(&json!("x".repeat(5_000)))).len() <= text::MAX_TITLE_CHARS + '…'.len_utf8());
    }
}
