//! What a package says, changed by a person: only where it does not follow its source.

use super::{Decided, Refusal};
use crate::package::{Author, Change, Package};
use crate::text::{MAX_TITLE_CHARS, title};
use jiff::Timestamp;

/// The most categories that a package can be in.
pub const MAX_CATEGORIES: usize = 32;

/// What a person wants a package to say; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// Its name in the catalogue.
    pub display_name: Option<String>,
    /// What it is; an empty text takes the description away.
    pub description: Option<String>,
    /// Where the catalogue shows it; none takes it out of all.
    pub categories: Option<Vec<String>>,
    /// Whether it follows its source.
    pub managed: Option<bool>,
}

/// Changes what a package says. Text of a package that follows its source is refused, unless the same edit ends that.
pub fn edit(package: &Package, edit: &Edit, who: &str, now: Timestamp) -> Result<Decided, Refusal> {
    let managed = edit.managed.unwrap_or(package.managed);
    let texts = [
        ("display_name", edit.display_name.is_some()),
        ("description", edit.description.is_some()),
        ("categories", edit.categories.is_some()),
    ];
    let fields: Vec<&'static str> = texts.into_iter().filter(|(_, edited)| *edited).map(|(name, _)| name).collect();
    if managed && !fields.is_empty() {
        return Err(Refusal::Managed { fields });
    }
    let mut edited = package.clone();
    edited.managed = managed;
    if let Some(name) = &edit.display_name {
        edited.content.display_name = text("the display name", name)?;
    }
    if let Some(description) = &edit.description {
        let is_empty = description.trim().is_empty();
        edited.content.description = if is_empty { None } else { Some(text("the description", description)?) };
    }
    if let Some(categories) = &edit.categories {
        if categories.len() > MAX_CATEGORIES {
            let why = format!("are {}, and {MAX_CATEGORIES} is the most", categories.len());
            return Err(Refusal::Text { what: "the categories", why });
        }
        let mut named: Vec<String> = Vec::new();
        for category in categories {
            let category = text("the category", category)?;
            if !named.contains(&category) {
                named.push(category);
            }
        }
        edited.content.categories = named;
    }
    let mut fields = package.content.differences(&edited.content);
    if package.managed != managed {
        fields.push("managed".to_owned());
    }
    if fields.is_empty() {
        return Ok(Decided::Already);
    }
    edited.revise(Change::Edited, fields, Author::Person(who), now);
    Ok(Decided::Write(Box::new(edited)))
}

/// A text as a package may hold it: one visible line.
fn text(what: &'static str, text: &str) -> Result<String, Refusal> {
    if text.chars().count() > MAX_TITLE_CHARS {
        return Err(Refusal::Text { what, why: format!("has more than {MAX_TITLE_CHARS} characters") });
    }
    title(text).ok_or(Refusal::Text { what, why: "has nothing in it that can be seen".to_owned() })
}
