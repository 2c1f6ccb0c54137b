//! Templates of user names: text with placeholders that whoever launches a package fills in for each user.
//!
//! Poolwarden checks them and hands them on; it never knows who launches. The placeholders are those of the Recast
//! Application Workspace's template credentials.

/// Every placeholder there is, as it stands between `${` and `}`.
pub const PLACEHOLDERS: [&str; 6] =
    ["Identity.UserName", "Identity.Source", "Identity.ID", "Identity.Mail", "Identity.DisplayName", "Input.UserName"];

/// The longest template, in characters.
pub const MAX_CHARS: usize = 256;

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Nothing in it, too much, or characters that a user name cannot have.
    #[error("a template has 1 to {MAX_CHARS} characters on one line")]
    Text,
    /// `${` without its `}`.
    #[error("a placeholder is not closed: write it as ${{{}}}", PLACEHOLDERS[0])]
    Open,
    /// A placeholder that does not exist.
    #[error("there is no placeholder ${{{0}}}; known are {list}", list = listed())]
    Unknown(String),
}

fn listed() -> String {
    PLACEHOLDERS.map(|name| format!("${{{name}}}")).join(", ")
}

/// Checks a template, such as `${Identity.UserName}` or `CONTOSO\\${Identity.UserName}`. Names of placeholders are
/// compared without regard to case.
pub fn check(template: &str) -> Result<(), TemplateError> {
    let length = template.chars().count();
    if template.trim().is_empty() || length > MAX_CHARS || template.chars().any(char::is_control) {
        return Err(TemplateError::Text);
    }
    for rest in template.split("${").skip(1) {
        let (name, _) = rest.split_once('}').ok_or(TemplateError::Open)?;
        if !PLACEHOLDERS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(TemplateError::Unknown(name.to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_known_and_no_other() {
        for name in PLACEHOLDERS {
            assert_eq!(check(&format!("${{{name}}}")), Ok(()));
            assert_eq!(check(&format!("CONTOSO\\${{{}}}@x", name.to_lowercase())), Ok(()));
        }
        assert_eq!(check("plain@contoso.com"), Ok(()));
        let error = check("${Identity.Password}").unwrap_err().to_string();
        assert!(error.contains("${Identity.Password}") && error.contains("${Input.UserName}"), "{error}");
        assert_eq!(check("${Identity.UserName"), Err(TemplateError::Open));
        for text in ["", " ", "a\nb", &"x".repeat(MAX_CHARS + 1)] {
            assert_eq!(check(text), Err(TemplateError::Text));
        }
    }
}
