//! Splits a query into tokens.

use serde_json::Value;

/// Where in a query something is wrong, and at which text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) token: String,
    pub(crate) message: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A name or keyword; `in~` is one too.
    Word(String),
    Literal(Value),
    /// Punctuation: one of `SYMBOLS`.
    Symbol(&'static str),
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Token {
    /// The fault of not understanding this token.
    pub(crate) fn fault(&self, message: &str) -> Fault {
        let token = match &self.kind {
            Kind::Word(word) => word.clone(),
            Kind::Literal(value) => value.to_string(),
            Kind::Symbol(symbol) => (*symbol).to_owned(),
            Kind::End => "<EOF>".to_owned(),
        };
        Fault { line: self.line, column: self.column, token, message: message.to_owned() }
    }
}

/// Longer ones first, so that `==` is not read as two `=`.
const SYMBOLS: [&str; 19] =
    ["==", "=~", "!=", "!~", "<=", ">=", "|", ",", "(", ")", "[", "]", "=", "<", ">", ".", "!", "-", ";"];

/// The keywords with a dash in them: what stands before it, and the rest.
const DASHED: [(&str, &str); 2] = [("project", "-away"), ("mv", "-expand")];

pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let mut lexer = Lexer { rest: text, line: 1, column: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks();
        let (line, column) = (lexer.line, lexer.column);
        let kind = lexer.next()?;
        let end = kind == Kind::End;
        tokens.push(Token { kind, line, column });
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    column: usize,
}

impl<'a> Lexer<'a> {
    fn advance(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        for c in taken.chars() {
            if c == '\n' {
                self.line += 1;
                self.column = 0;
            } else {
                self.column += 1;
            }
        }
        self.rest = rest;
        taken
    }

    fn advance_while(&mut self, test: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !test(c)).unwrap_or(self.rest.len());
        self.advance(end)
    }

    fn skip_blanks(&mut self) {
        loop {
            self.advance_while(char::is_whitespace);
            if !self.rest.starts_with("//") {
                return;
            }
            self.advance_while(|c| c != '\n');
        }
    }

    fn fault(&self, message: &str) -> Fault {
        Fault {
            line: self.line,
            column: self.column,
            token: self.rest.chars().take(1).collect(),
            message: message.to_owned(),
        }
    }

    fn next(&mut self) -> Result<Kind, Fault> {
        let Some(first) = self.rest.chars().next() else {
            return Ok(Kind::End);
        };
        if first.is_ascii_alphabetic() || first == '_' || first == '$' {
            let mut word = self.advance_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$').to_owned();
            let tilde = word.eq_ignore_ascii_case("in") && self.rest.starts_with('~');
            if tilde {
                word.push_str(self.advance(1));
            }
            for (first, rest) in DASHED {
                if word == first && self.rest.starts_with(rest) {
                    word.push_str(self.advance(rest.len()));
                }
            }
            return Ok(Kind::Word(word));
        }
        if first.is_ascii_digit() {
            return self.number();
        }
        if first == '\'' || first == '"' {
            return self.string(first, true);
        }
        if let Some(quote @ ('\'' | '"')) = self.rest.strip_prefix('@').and_then(|rest| rest.chars().next()) {
            self.advance(1);
            return self.string(quote, false);
        }
        match SYMBOLS.iter().find(|symbol| self.rest.starts_with(**symbol)) {
            Some(symbol) => {
                self.advance(symbol.len());
                Ok(Kind::Symbol(symbol))
            }
            None => Err(self.fault("the character is not part of the language")),
        }
    }

    fn number(&mut self) -> Result<Kind, Fault> {
        let at = self.fault("the number is not valid");
        let text = self.advance_while(|c| c.is_ascii_digit() || c == '.');
        let whole = text.parse::<i64>().map(Value::from);
        let number = whole.or_else(|_| text.parse::<f64>().map(Value::from));
        number.map(Kind::Literal).map_err(|_| at)
    }

    fn string(&mut self, quote: char, escapes: bool) -> Result<Kind, Fault> {
        let at = self.fault("the string has no end");
        self.advance(1);
        let mut text = String::new();
        loop {
            let Some(c) = self.rest.chars().next() else {
                return Err(at);
            };
            self.advance(c.len_utf8());
            match c {
                c if c == quote => return Ok(Kind::Literal(Value::from(text))),
                '\n' => return Err(at),
                '\\' if escapes => {
                    let escaped = self.rest.chars().next().ok_or_else(|| at.clone())?;
                    self.advance(escaped.len_utf8());
                    text.push(match escaped {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        other => other,
                    });
                }
                other => text.push(other),
            }
        }
    }
}
