//! The language of conditions, as far as conditions about role assignments use it.
//! <https://learn.microsoft.com/azure/role-based-access-control/conditions-format>

use std::collections::BTreeSet;

/// The longest condition that is looked at, in bytes; Azure takes 8 KB.
const MAX_BYTES: usize = 16 * 1024;
/// How deep parentheses may nest.
const MAX_DEPTH: usize = 32;

/// A condition, in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// All of them hold.
    And(Vec<Expression>),
    /// One of them holds.
    Or(Vec<Expression>),
    /// It does not hold.
    Not(Box<Expression>),
    /// `ActionMatches{'…'}`
    ActionMatches(String),
    /// `@Request[…] … {…}`
    Compare(Comparison),
}

/// An attribute compared with values.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    /// The attribute's name, without its source: of the request when a role assignment is made, of the resource when
    /// one is removed.
    pub(super) attribute: String,
    /// The operator, with what stands before its colon.
    pub(super) operator: String,
    /// Its right side.
    pub(super) values: BTreeSet<String>,
}

/// Reads a condition; `None` if it is not of this language.
pub(super) fn parse(condition: &str) -> Option<Expression> {
    if condition.len() > MAX_BYTES {
        return None;
    }
    let lower = condition.to_ascii_lowercase();
    let mut parser = Parser { rest: lower.trim(), depth: 0 };
    let expression = parser.expression()?;
    parser.rest.is_empty().then_some(expression)
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// Operands joined by one kind of operator: which of two binds closer is not for us to say.
    fn expression(&mut self) -> Option<Expression> {
        let first = self.operand()?;
        let is_and = self.rest.starts_with("and") || self.rest.starts_with("&&");
        let mut operands = vec![first];
        let (word, sign) = if is_and { ("and", "&&") } else { ("or", "||") };
        while self.word(word) || self.takes(sign) {
            operands.push(self.operand()?);
        }
        match operands.len() {
            1 => operands.pop(),
            _ if is_and => Some(Expression::And(operands)),
            _ => Some(Expression::Or(operands)),
        }
    }

    fn operand(&mut self) -> Option<Expression> {
        self.depth += 1;
        let operand = if self.depth > MAX_DEPTH { None } else { self.operand_within() };
        self.depth -= 1;
        operand
    }

    fn operand_within(&mut self) -> Option<Expression> {
        if self.takes("!") || self.word("not") {
            return self.operand().map(|inner| Expression::Not(Box::new(inner)));
        }
        if self.takes("(") {
            let inner = self.expression()?;
            return self.takes(")").then_some(inner);
        }
        if self.takes("actionmatches") {
            let mut actions = self.values()?.into_iter();
            return actions.next().filter(|_| actions.len() == 0).map(Expression::ActionMatches);
        }
        self.comparison().map(Expression::Compare)
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let is_known = self.takes("@request") || self.takes("@resource");
        let attribute = is_known.then(|| self.between('[', ']')).flatten()?.trim().to_owned();
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != ':')?;
        let operator = self.rest[..end].to_owned();
        self.skip(end);
        Some(Comparison { attribute, operator, values: self.values()? })
    }

    /// `{'a', 'b'}`, `{guid, guid}`, or one value without braces.
    fn values(&mut self) -> Option<BTreeSet<String>> {
        if self.rest.starts_with('{') {
            let list = self.between('{', '}')?;
            return list.split(',').map(plain).collect();
        }
        if self.rest.starts_with('\'') {
            return plain(&format!("'{}'", self.between('\'', '\'')?)).map(|value| BTreeSet::from([value]));
        }
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(self.rest.len());
        let value = plain(&self.rest[..end]);
        self.skip(end);
        value.map(|value| BTreeSet::from([value]))
    }

    fn between(&mut self, open: char, close: char) -> Option<&'a str> {
        let inside = self.rest.strip_prefix(open)?;
        let end = inside.find(close)?;
        self.skip(open.len_utf8() + end + close.len_utf8());
        Some(&inside[..end])
    }

    fn word(&mut self, word: &str) -> bool {
        let ends = self.rest.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()));
        ends && self.takes(word)
    }

    fn takes(&mut self, text: &str) -> bool {
        let starts = self.rest.starts_with(text);
        if starts {
            self.skip(text.len());
        }
        starts
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest[bytes..].trim_start();
    }
}

/// A value without its quotation marks.
fn plain(value: &str) -> Option<String> {
    let value = value.trim();
    let value = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')).unwrap_or(value).trim();
    let is_plain = !value.is_empty() && !value.contains(['\'', '{', '}', '@', '[', ']', '(', ')']);
    is_plain.then(|| value.to_owned())
}
