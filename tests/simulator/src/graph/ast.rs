//! The parsed form of a query.

use serde_json::Value;

/// A query: a table and the stages its rows go through.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(crate) table: Table,
    pub(crate) stages: Vec<Stage>,
}

/// The tables that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Resources,
    Containers,
    DesktopVirtualization,
    Authorization,
    Insights,
    RecoveryServices,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stage {
    Where(Expr),
    Extend(Vec<Named>),
    Project(Vec<Named>),
    ProjectAway(Vec<String>),
    Order(Vec<(Expr, Direction)>),
    Summarize {
        aggregates: Vec<Aggregate>,
        by: Vec<Named>,
    },
    Distinct(Vec<Named>),
    /// One row for each element of these lists, side by side.
    Expand(Vec<Named>),
    Take(usize),
    Count,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

/// A column's name and what it holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) expr: Expr,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Aggregate {
    pub(crate) name: String,
    pub(crate) function: AggregateFunction,
    /// What it counts or adds; `None` for `count()`.
    pub(crate) argument: Option<Expr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AggregateFunction {
    Count,
    CountIf,
    DistinctCount,
    Sum,
    Min,
    Max,
    MakeList,
    MakeSet,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Literal(Value),
    Column(String),
    Field(Box<Expr>, String),
    Index(Box<Expr>, Box<Expr>),
    Call(Function, Vec<Expr>),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    In { item: Box<Expr>, list: Vec<Expr>, any_case: bool },
}

/// Comparisons; the negated ones are a [`Expr::Not`] around these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    EqualAnyCase,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Has,
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    ToLower,
    ToUpper,
    ToString,
    ToLong,
    ToBool,
    Substring,
    IndexOf,
    StrCat,
    StrLen,
    Split,
    ArrayLength,
    Coalesce,
    Iff,
    IsEmpty,
    IsNotEmpty,
    IsNull,
    IsNotNull,
}
