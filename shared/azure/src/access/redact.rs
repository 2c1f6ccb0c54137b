//! What is left out of a resource's body: whatever is named like a secret. The key stays, so that a rule can tell that
//! something stood there.

use serde_json::Value;

/// What stands in a secret's place.
pub(super) const REDACTED: &str = "[redacted]";

/// Names of values that are left out whatever they are.
const WHOLE: [&str; 7] =
    ["protectedsettings", "protectedparameters", "customdata", "userdata", "commandtoexecute", "script", "vmtemplate"];
/// Parts of names of values that are left out.
const PARTS: [&str; 6] = ["password", "passphrase", "secret", "token", "connectionstring", "credential"];
/// Ends of such names.
const ENDS: [&str; 4] = ["key", "keys", "key1", "key2"];
/// Names that only sound like one: they say where a secret is, or of which kind.
const HARMLESS: [&str; 7] = [
    "secreturl",
    "secreturi",
    "secretname",
    "ssosecrettype",
    "ssoclientsecretkeyvaultpath",
    "registrationtokenoperation",
    "publickey",
];
/// What an access policy of a vault allows: `{keys: ["get"], secrets: ["list"]}`.
const VERBS: &str = "permissions";

/// Leaves the secrets out.
pub(super) fn redact(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let names_secret = object.iter().any(|(key, value)| {
                key.eq_ignore_ascii_case("name")
                    && value.as_str().is_some_and(|name| is_secret(&name.to_ascii_lowercase()))
            });
            for (key, value) in object.iter_mut() {
                let key = key.to_ascii_lowercase();
                if key == VERBS {
                    continue;
                }
                if WHOLE.contains(&key.as_str()) {
                    leave_out_whole(value);
                } else if is_secret(&key) {
                    leave_out(value);
                } else if names_secret && key == "value" {
                    // A parameter is `{name, value}`.
                    leave_out(value);
                } else if key == "settings" {
                    settings(value);
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        _ => {}
    }
}

fn is_secret(name: &str) -> bool {
    !HARMLESS.contains(&name)
        && (PARTS.iter().any(|part| name.contains(part)) || ENDS.iter().any(|end| name.ends_with(end)))
}

/// Texts and numbers go; what else is below such a name (`secrets: [{sourceVault}]`) may be no secret itself.
fn leave_out(value: &mut Value) {
    match value {
        Value::String(text) if !text.is_empty() => REDACTED.clone_into(text),
        Value::Array(items) if items.iter().any(|item| !item.is_object()) => items.iter_mut().for_each(leave_out),
        Value::Number(_) => *value = REDACTED.into(),
        other => redact(other),
    }
}

fn leave_out_whole(value: &mut Value) {
    if !value.is_null() {
        *value = REDACTED.into();
    }
}

/// Settings of an extension; some clients write them as JSON in a text.
fn settings(value: &mut Value) {
    if let Value::String(text) = value {
        *value = serde_json::from_str(text).ok().filter(Value::is_object).unwrap_or_else(|| REDACTED.into());
    }
    redact(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_secret_stays_and_what_rules_ask_for_does() {
        let mut body = json!({"properties": {
            "registrationInfo": {"expirationTime": "2024", "token": "never", "registrationTokenOperation": "None"},
            "ssoClientSecretKeyVaultPath": "https://v/secrets/s", "ssoSecretType": "SharedKeyInKeyVault", "ssoSecret": "never",
            "settings": {"properties": {"registrationInfoToken": "never", "hostPoolName": "p"}, "commandToExecute": "never"},
            "protectedSettings": {"Password": "never"},
            "protectedSettingsFromKeyVault": {"secretUrl": "https://v/secrets/j", "sourceVault": {"id": "/v"}},
            "parameters": [{"name": "VHDLocations", "value": "\\\\a\\b"}, {"name": "JoinPassword", "value": "never"}],
            "primaryKey": "never", "keys": ["never", 7], "connectionString": "never", "pin": {"accessKey1": 12345},
            "osProfile": {"adminPassword": "never", "customData": "never", "secrets": [{"sourceVault": {"id": "/v"}}]},
            "accessPolicies": [{"objectId": "o", "permissions": {"secrets": ["get"]}}],
            "enableRbacAuthorization": true, "encryption": {"keySource": "Microsoft.Storage"}, "tokenLimit": null,
        }});
        redact(&mut body);
        let text = body.to_string();
        assert!(!text.contains("never") && !text.contains("12345"), "{text}");
        let at = |path: &str| body.pointer(&format!("/properties/{path}")).cloned().unwrap_or_default();
        assert_eq!(at("settings/properties/registrationInfoToken"), json!(REDACTED));
        assert_eq!(at("settings/properties/hostPoolName"), json!("p"));
        assert_eq!(at("protectedSettingsFromKeyVault/secretUrl"), json!("https://v/secrets/j"));
        assert_eq!(at("parameters/0/value"), json!("\\\\a\\b"));
        assert_eq!(at("osProfile/secrets/0/sourceVault/id"), json!("/v"));
        assert_eq!(at("accessPolicies/0/permissions/secrets/0"), json!("get"));
        assert_eq!(at("registrationInfo/expirationTime"), json!("2024"));
        assert_eq!(at("ssoClientSecretKeyVaultPath"), json!("https://v/secrets/s"));
    }

    #[test]
    fn settings_that_are_json_in_a_text_are_looked_into() {
        let mut body = json!({"settings": "{\"registrationInfoToken\":\"never\",\"a\":1}"});
        redact(&mut body);
        assert_eq!(body, json!({"settings": {"registrationInfoToken": REDACTED, "a": 1}}));
        let mut body = json!({"settings": "never"});
        redact(&mut body);
        assert_eq!(body, json!({"settings": REDACTED}));
    }
}
