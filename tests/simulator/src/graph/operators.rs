//! Parses expressions: `or` binds least, then `and`, then comparisons, then
//! calls, fields and indexes.

use serde_json::Value;

use super::{
    ast::{Comparison, Expr, Function},
    lexer::{Fault, Kind},
    parser::Parser,
};

impl Parser {
    pub(super) fn expression(&mut self) -> Result<Expr, Fault> {
        let mut left = self.conjunction()?;
        while self.take_word("or") {
            left = Expr::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Expr, Fault> {
        let mut left = self.comparison()?;
        while self.take_word("and") {
            left = Expr::And(Box::new(left), Box::new(self.comparison()?));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Expr, Fault> {
        let left = self.postfix()?;
        let negated = self.take_negation();
        if self.take_word("in") {
            return self.membership(left, false, negated);
        }
        if self.take_word("in~") {
            return self.membership(left, true, negated);
        }
        let Some((comparison, negative)) = self.comparison_operator() else {
            if negated {
                return Err(self.peek().fault("expected an operator after '!'"));
            }
            return Ok(left);
        };
        self.advance();
        let compared = Expr::Compare(comparison, Box::new(left), Box::new(self.postfix()?));
        Ok(if negated != negative { Expr::Not(Box::new(compared)) } else { compared })
    }

    /// `!` before a word, as in `!contains`.
    fn take_negation(&mut self) -> bool {
        let word_follows = matches!(self.peek_second().kind, Kind::Word(_));
        word_follows && self.take_symbol("!")
    }

    /// The comparison at the next token, and whether it is a negative one.
    fn comparison_operator(&self) -> Option<(Comparison, bool)> {
        let operator = match &self.peek().kind {
            Kind::Symbol(symbol) => symbol,
            Kind::Word(word) => word.as_str(),
            _ => return None,
        };
        Some(match operator {
            "==" => (Comparison::Equal, false),
            "!=" => (Comparison::Equal, true),
            "=~" => (Comparison::EqualAnyCase, false),
            "!~" => (Comparison::EqualAnyCase, true),
            "<" => (Comparison::Less, false),
            "<=" => (Comparison::LessOrEqual, false),
            ">" => (Comparison::Greater, false),
            ">=" => (Comparison::GreaterOrEqual, false),
            "has" => (Comparison::Has, false),
            "contains" => (Comparison::Contains, false),
            "startswith" => (Comparison::StartsWith, false),
            "endswith" => (Comparison::EndsWith, false),
            _ => return None,
        })
    }

    fn membership(&mut self, item: Expr, any_case: bool, negated: bool) -> Result<Expr, Fault> {
        self.expect_symbol("(")?;
        let list = self.arguments()?;
        let found = Expr::In { item: Box::new(item), list, any_case };
        Ok(if negated { Expr::Not(Box::new(found)) } else { found })
    }

    /// Expressions up to a closing parenthesis.
    fn arguments(&mut self) -> Result<Vec<Expr>, Fault> {
        let mut list = Vec::new();
        if self.take_symbol(")") {
            return Ok(list);
        }
        loop {
            list.push(self.expression()?);
            if self.take_symbol(")") {
                return Ok(list);
            }
            self.expect_symbol(",")?;
        }
    }

    fn postfix(&mut self) -> Result<Expr, Fault> {
        let mut expr = self.primary()?;
        loop {
            if self.take_symbol(".") {
                expr = Expr::Field(Box::new(expr), self.expect_name()?);
            } else if self.take_symbol("[") {
                let index = self.expression()?;
                self.expect_symbol("]")?;
                expr = match index {
                    Expr::Literal(Value::String(name)) => Expr::Field(Box::new(expr), name),
                    index => Expr::Index(Box::new(expr), Box::new(index)),
                };
            } else {
                return Ok(expr);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, Fault> {
        let token = self.peek().clone();
        self.advance();
        match token.kind {
            Kind::Literal(value) => Ok(Expr::Literal(value)),
            Kind::Symbol("(") => {
                let inner = self.expression()?;
                self.expect_symbol(")")?;
                Ok(inner)
            }
            Kind::Symbol("-") => match self.peek().kind.clone() {
                Kind::Literal(Value::Number(number)) => {
                    self.advance();
                    let negative = number.as_i64().map(|whole| Value::from(-whole));
                    Ok(Expr::Literal(negative.unwrap_or_else(|| Value::from(-number.as_f64().unwrap_or_default()))))
                }
                _ => Err(self.peek().fault("expected a number after '-'")),
            },
            Kind::Word(ref word) => match word.as_str() {
                "true" | "false" => Ok(Expr::Literal(Value::from(word == "true"))),
                _ if self.take_symbol("(") => {
                    let arguments = self.arguments()?;
                    call(word, arguments).map_err(|message| token.fault(message))
                }
                _ => Ok(Expr::Column(word.clone())),
            },
            _ => Err(token.fault("expected an expression")),
        }
    }
}

fn call(name: &str, mut arguments: Vec<Expr>) -> Result<Expr, &'static str> {
    let (function, at_least, at_most) = match name {
        "not" if arguments.len() == 1 => return Ok(Expr::Not(Box::new(arguments.remove(0)))),
        "tolower" => (Function::ToLower, 1, 1),
        "toupper" => (Function::ToUpper, 1, 1),
        "tostring" => (Function::ToString, 1, 1),
        "toint" | "tolong" => (Function::ToLong, 1, 1),
        "tobool" => (Function::ToBool, 1, 1),
        "substring" => (Function::Substring, 2, 3),
        "indexof" => (Function::IndexOf, 2, 2),
        "strcat" => (Function::StrCat, 1, 64),
        "strlen" => (Function::StrLen, 1, 1),
        "split" => (Function::Split, 2, 2),
        "array_length" => (Function::ArrayLength, 1, 1),
        "coalesce" => (Function::Coalesce, 2, 64),
        "iff" | "iif" => (Function::Iff, 3, 3),
        "isempty" => (Function::IsEmpty, 1, 1),
        "isnotempty" => (Function::IsNotEmpty, 1, 1),
        "isnull" => (Function::IsNull, 1, 1),
        "isnotnull" => (Function::IsNotNull, 1, 1),
        _ => return Err("the function is not supported"),
    };
    if (at_least..=at_most).contains(&arguments.len()) {
        Ok(Expr::Call(function, arguments))
    } else {
        Err("the number of arguments does not fit")
    }
}
