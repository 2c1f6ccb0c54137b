//! One value of the file: what it is, where it stands, and the faults of taking it for something else.
//!
//! A value of the wrong type is named by its type and never repeated: it may be a secret in the wrong place.

use super::faults::{Fault, Place, quoted};
use super::reader::{Source, Table, resembling};
use toml_edit::{Item, TableLike, Value};

/// What is wrong with a value, after the name of its key, and what to do about it.
pub(super) struct Wrong {
    pub(super) what: String,
    pub(super) fix: String,
}

impl Wrong {
    /// The fault of an environment variable.
    pub(super) fn of_variable(self, name: &str) -> Fault {
        Fault { place: Place::Variable(name.to_owned()), what: format!("the value {}", self.what), fix: self.fix }
    }
}

/// The outcome of judging a value.
pub(super) type Judged<T> = Result<T, Wrong>;

/// Shorthand for a value that is refused.
pub(super) fn wrong<T>(what: impl Into<String>, fix: impl Into<String>) -> Judged<T> {
    Err(Wrong { what: what.into(), fix: fix.into() })
}

/// A value and where it stands.
pub(super) struct Entry<'a> {
    pub(super) source: &'a Source<'a>,
    /// What to call it in messages.
    pub(super) label: String,
    pub(super) shape: Shape<'a>,
    pub(super) start: usize,
}

/// What a value is. TOML has two ways to write a table and two to write a list of them: here they are one.
pub(super) enum Shape<'a> {
    Text(&'a str),
    Integer(i64),
    Float(f64),
    Bool(bool),
    Date,
    List(Vec<Entry<'a>>),
    Table(&'a dyn TableLike),
}

impl<'a> Shape<'a> {
    pub(super) fn of_item(source: &'a Source<'a>, key: &str, item: &'a Item, start: usize) -> Option<Self> {
        match item {
            Item::None => None,
            Item::Value(value) => Some(Self::of_value(source, key, value, start)),
            Item::Table(table) => Some(Self::Table(table)),
            Item::ArrayOfTables(tables) => {
                let element = |table: &'a toml_edit::Table| Entry {
                    source,
                    label: format!("[[{key}]]"),
                    shape: Self::Table(table),
                    start: table.span().map_or(start, |span| span.start),
                };
                Some(Self::List(tables.iter().map(element).collect()))
            }
        }
    }

    fn of_value(source: &'a Source<'a>, key: &str, value: &'a Value, start: usize) -> Self {
        match value {
            Value::String(text) => Self::Text(text.value()),
            Value::Integer(number) => Self::Integer(*number.value()),
            Value::Float(number) => Self::Float(*number.value()),
            Value::Boolean(truth) => Self::Bool(*truth.value()),
            Value::Datetime(_) => Self::Date,
            Value::InlineTable(table) => Self::Table(table),
            Value::Array(array) => {
                let element = |value: &'a Value| {
                    let start = value.span().map_or(start, |span| span.start);
                    let label = format!("an entry of `{key}`");
                    Entry { source, label, shape: Self::of_value(source, key, value, start), start }
                };
                Self::List(array.iter().map(element).collect())
            }
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number with a fraction",
            Self::Bool(_) => "true or false",
            Self::Date => "a date or time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl<'a> Entry<'a> {
    /// Reports what is wrong with the value.
    pub(super) fn refuse(&self, what: impl AsRef<str>, fix: impl Into<String>) {
        let what = format!("{} {}", self.label, what.as_ref());
        self.source.fault(self.start, what, fix);
    }

    fn refuse_shape<T>(&self, fix: &str) -> Option<T> {
        self.refuse(format!("is {}", self.shape.name()), fix);
        None
    }

    /// A text.
    pub(super) fn text(&self) -> Option<&'a str> {
        match self.shape {
            Shape::Text(text) => Some(text),
            _ => self.refuse_shape("write a text between quotation marks"),
        }
    }

    /// What a judge makes of a text.
    pub(super) fn parsed<T>(&self, judge: impl FnOnce(&'a str) -> Judged<T>) -> Option<T> {
        self.judged(judge(self.text()?))
    }

    /// A value that was judged already.
    pub(super) fn judged<T>(&self, judged: Judged<T>) -> Option<T> {
        judged.map_err(|Wrong { what, fix }| self.refuse(what, fix)).ok()
    }

    /// True or false.
    pub(super) fn truth(&self) -> Option<bool> {
        match self.shape {
            Shape::Bool(truth) => Some(truth),
            _ => self.refuse_shape("write true or false, without quotation marks"),
        }
    }

    /// A number, with or without a fraction.
    pub(super) fn number(&self) -> Option<f64> {
        match self.shape {
            Shape::Float(number) => Some(number),
            Shape::Integer(number) => Some(number as f64),
            _ => self.refuse_shape("write a number, without quotation marks"),
        }
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self) -> Option<usize> {
        match self.shape {
            Shape::Integer(number) => self.judged(
                usize::try_from(number)
                    .or_else(|_| wrong(format!("is {number}"), "write a whole number that is not negative")),
            ),
            _ => self.refuse_shape("write a whole number, without quotation marks"),
        }
    }

    /// One of a few words, whatever their case.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        self.parsed(|text| {
            let chosen = choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
            let (_, value) = chosen.ok_or_else(|| {
                let words = choices.iter().map(|(word, _)| *word);
                let listed = words.clone().collect::<Vec<_>>().join(", ");
                Wrong {
                    what: format!("is {}", quoted(text)),
                    fix: match resembling(text, words) {
                        Some(meant) => format!("did you mean `{meant}`? known are {listed}"),
                        None => format!("known are {listed}"),
                    },
                }
            })?;
            Ok(*value)
        })
    }

    /// The entries of a list.
    pub(super) fn list(self) -> Vec<Self> {
        match self.shape {
            Shape::List(entries) => entries,
            _ => {
                self.refuse_shape::<()>("write a list between [ and ]");
                Vec::new()
            }
        }
    }

    /// The tables of a `[[list]]`.
    pub(super) fn tables(self, key: &str) -> Vec<Table<'a>> {
        match self.shape {
            Shape::List(entries) => {
                let table = |entry: Self| entry.table(&format!("[[{key}]]"));
                entries.into_iter().filter_map(table).collect()
            }
            _ => {
                self.refuse_shape::<()>(&format!("there can be several: head each with [[{key}]]"));
                Vec::new()
            }
        }
    }

    /// A table, and what messages about its keys shall call it.
    pub(super) fn table(&self, name: &str) -> Option<Table<'a>> {
        match self.shape {
            Shape::Table(items) => Some(Table::new(self.source, items, name, self.start)),
            _ => self.refuse_shape(&format!("write {name} as a table")),
        }
    }
}
