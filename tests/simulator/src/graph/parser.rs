//! Parses the stages of a query. Expressions are in [`super::operators`].

use super::{
    ast::{Aggregate, AggregateFunction, Direction, Expr, Named, Query, Stage, Table},
    lexer::{Fault, Kind, Token, tokens},
};

/// Parses a whole query.
pub(crate) fn parse(text: &str) -> Result<Query, Fault> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    let table = parser.table()?;
    let mut stages = Vec::new();
    while parser.take_symbol("|") {
        stages.push(parser.stage()?);
    }
    parser.take_symbol(";");
    match parser.peek().kind {
        Kind::End => Ok(Query { table, stages }),
        _ => Err(parser.peek().fault("expected '|' or the end of the query")),
    }
}

pub(super) struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    pub(super) fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    pub(super) fn peek_second(&self) -> &Token {
        &self.tokens[(self.at + 1).min(self.tokens.len() - 1)]
    }

    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek().kind, Kind::Symbol(found) if found == symbol);
        if found {
            self.at += 1;
        }
        found
    }

    pub(super) fn expect_symbol(&mut self, symbol: &str) -> Result<(), Fault> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.peek().fault(&format!("expected '{symbol}'"))) }
    }

    /// The next token when it is a word.
    pub(super) fn word(&self) -> Option<&str> {
        match &self.peek().kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn take_word(&mut self, wanted: &str) -> bool {
        let found = self.word() == Some(wanted);
        if found {
            self.at += 1;
        }
        found
    }

    pub(super) fn expect_name(&mut self) -> Result<String, Fault> {
        let name = self.word().map(str::to_owned);
        let name = name.ok_or_else(|| self.peek().fault("expected a name"))?;
        self.at += 1;
        Ok(name)
    }

    fn table(&mut self) -> Result<Table, Fault> {
        let at = self.peek().clone();
        match self.expect_name()?.to_ascii_lowercase().as_str() {
            "resources" => Ok(Table::Resources),
            "resourcecontainers" => Ok(Table::Containers),
            "insightsresources" => Ok(Table::Insights),
            "recoveryservicesresources" => Ok(Table::RecoveryServices),
            "desktopvirtualizationresources" => Ok(Table::DesktopVirtualization),
            "authorizationresources" => Ok(Table::Authorization),
            _ => Err(at.fault("the table is not known")),
        }
    }

    fn stage(&mut self) -> Result<Stage, Fault> {
        let at = self.peek().clone();
        match self.expect_name()?.as_str() {
            "where" | "filter" => Ok(Stage::Where(self.expression()?)),
            "extend" => Ok(Stage::Extend(self.named_list()?)),
            "project" => Ok(Stage::Project(self.named_list()?)),
            "project-away" => Ok(Stage::ProjectAway(self.names()?)),
            "mv-expand" | "mvexpand" => Ok(Stage::Expand(self.named_list()?)),
            "distinct" => Ok(Stage::Distinct(self.named_list()?)),
            "order" | "sort" => {
                if !self.take_word("by") {
                    return Err(self.peek().fault("expected 'by'"));
                }
                Ok(Stage::Order(self.order()?))
            }
            "summarize" => self.summarize(),
            "take" | "limit" => Ok(Stage::Take(self.count()?)),
            "count" => Ok(Stage::Count),
            _ => Err(at.fault("the operator is not supported")),
        }
    }

    fn count(&mut self) -> Result<usize, Fault> {
        let count = match &self.peek().kind {
            Kind::Literal(value) => value.as_u64().and_then(|count| usize::try_from(count).ok()),
            _ => None,
        };
        let count = count.ok_or_else(|| self.peek().fault("expected a number"))?;
        self.at += 1;
        Ok(count)
    }

    fn names(&mut self) -> Result<Vec<String>, Fault> {
        let mut names = vec![self.expect_name()?];
        while self.take_symbol(",") {
            names.push(self.expect_name()?);
        }
        Ok(names)
    }

    fn named_list(&mut self) -> Result<Vec<Named>, Fault> {
        let mut list = vec![self.named(1)?];
        while self.take_symbol(",") {
            list.push(self.named(list.len() + 1)?);
        }
        Ok(list)
    }

    /// `name = expression`, or an expression that is named after what it is.
    fn named(&mut self, number: usize) -> Result<Named, Fault> {
        let name = self.assigned_name()?;
        let expr = self.expression()?;
        let name = name.or_else(|| own_name(&expr)).unwrap_or_else(|| format!("Column{number}"));
        Ok(Named { name, expr })
    }

    fn assigned_name(&mut self) -> Result<Option<String>, Fault> {
        if self.word().is_none() || self.peek_second().kind != Kind::Symbol("=") {
            return Ok(None);
        }
        let name = self.expect_name()?;
        self.expect_symbol("=")?;
        Ok(Some(name))
    }

    fn order(&mut self) -> Result<Vec<(Expr, Direction)>, Fault> {
        let mut order = Vec::new();
        loop {
            let expr = self.expression()?;
            let direction = if self.take_word("asc") {
                Direction::Ascending
            } else {
                self.take_word("desc");
                Direction::Descending
            };
            order.push((expr, direction));
            if !self.take_symbol(",") {
                return Ok(order);
            }
        }
    }

    fn summarize(&mut self) -> Result<Stage, Fault> {
        let mut aggregates = Vec::new();
        while self.word().is_some_and(|word| word != "by") {
            aggregates.push(self.aggregate()?);
            if !self.take_symbol(",") {
                break;
            }
        }
        let by = if self.take_word("by") { self.named_list()? } else { Vec::new() };
        if aggregates.is_empty() && by.is_empty() {
            return Err(self.peek().fault("expected an aggregate or 'by'"));
        }
        Ok(Stage::Summarize { aggregates, by })
    }

    fn aggregate(&mut self) -> Result<Aggregate, Fault> {
        let name = self.assigned_name()?;
        let at = self.peek().clone();
        let written = self.expect_name()?;
        let function = match written.as_str() {
            "count" => AggregateFunction::Count,
            "countif" => AggregateFunction::CountIf,
            "dcount" => AggregateFunction::DistinctCount,
            "sum" => AggregateFunction::Sum,
            "min" => AggregateFunction::Min,
            "max" => AggregateFunction::Max,
            "make_list" => AggregateFunction::MakeList,
            "make_set" => AggregateFunction::MakeSet,
            _ => return Err(at.fault("the aggregate is not supported")),
        };
        self.expect_symbol("(")?;
        let argument = match function {
            AggregateFunction::Count => None,
            _ => Some(self.expression()?),
        };
        self.expect_symbol(")")?;
        let of = argument.as_ref().and_then(own_name).unwrap_or_default();
        let name = name.unwrap_or_else(|| match written.as_str() {
            "make_list" => format!("list_{of}"),
            "make_set" => format!("set_{of}"),
            _ => format!("{written}_{of}"),
        });
        Ok(Aggregate { name, function, argument })
    }
}

/// What Kusto calls an expression that was given no name.
fn own_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Column(name) => Some(name.clone()),
        Expr::Field(of, name) => Some(format!("{}_{name}", own_name(of)?)),
        _ => None,
    }
}
