//! The small part of OData's `$filter` that these interfaces document:
//! comparisons and functions joined by `and`.

/// One term of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Term {
    /// `name operator 'value'`; name and operator in lower case.
    Compare(String, String, String),
    /// `name('argument')` or `name()`; the name in lower case.
    Call(String, String),
}

/// Takes a filter apart; `None` when it is none of the documented shape.
pub(crate) fn parse(text: &str) -> Option<Vec<Term>> {
    let mut terms = Vec::new();
    let mut rest = text.trim();
    loop {
        let (term, after) = term(rest)?;
        terms.push(term);
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(terms);
        }
        let (joint, after) = rest.split_at_checked(4)?;
        if !joint.eq_ignore_ascii_case("and ") {
            return None;
        }
        rest = after.trim_start();
    }
}

fn term(text: &str) -> Option<(Term, &str)> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '/' && c != '_')?;
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    let name = name.to_ascii_lowercase();
    if let Some(inner) = rest.strip_prefix('(') {
        let inner = inner.trim_start();
        if let Some(after) = inner.strip_prefix(')') {
            return Some((Term::Call(name, String::new()), after));
        }
        let (argument, after) = quoted(inner)?;
        let after = after.trim_start().strip_prefix(')')?;
        return Some((Term::Call(name, argument), after));
    }
    let rest = rest.trim_start();
    let (operator, rest) = rest.split_once(' ')?;
    let (value, after) = quoted(rest.trim_start())?;
    Some((Term::Compare(name, operator.to_ascii_lowercase(), value), after))
}

/// A string in single quotes; two of them stand for one.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('\'')?;
    let mut value = String::new();
    loop {
        let (part, after) = rest.split_once('\'')?;
        value.push_str(part);
        match after.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Some((value, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_comparisons_and_calls() {
        let compare = |name: &str, operator: &str, value: &str| {
            Term::Compare(name.to_owned(), operator.to_owned(), value.to_owned())
        };
        assert_eq!(
            parse("atScope() and principalId eq 'it''s' AND assignedTo('x')"),
            Some(vec![
                Term::Call("atscope".to_owned(), String::new()),
                compare("principalid", "eq", "it's"),
                Term::Call("assignedto".to_owned(), "x".to_owned()),
            ])
        );
        for wrong in ["", "name", "a eq b", "a eq 'x' or b eq 'y'", "a eq 'x", "f('x'"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
