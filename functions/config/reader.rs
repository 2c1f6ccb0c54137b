//! Reads tables key by key and collects every fault on the way. It knows TOML and places, and no setting by name.
//!
//! A key that was never asked for is unknown: what a table may hold is nowhere listed but in the code that reads it.

use super::faults::{Fault, Place, quoted};
use super::references::Need;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml_edit::{Item, TableLike, Value};

/// A longer word resembles no setting.
const MAX_RESEMBLING_CHARS: usize = 40;

/// What is wrong with a value, after the name of its key, and what to do about it.
pub(super) struct Wrong {
    pub(super) what: String,
    pub(super) fix: String,
}

/// The outcome of judging a value.
pub(super) type Judged<T> = Result<T, Wrong>;

/// Shorthand for a value that is refused.
pub(super) fn wrong<T>(what: impl Into<String>, fix: impl Into<String>) -> Judged<T> {
    Err(Wrong {
        what: what.into(),
        fix: fix.into(),
    })
}

/// The file that is being read, what is wrong with it so far, and what it refers to.
pub(super) struct Source<'a> {
    path: &'a Path,
    text: &'a str,
    faults: RefCell<Vec<(usize, Fault)>>,
    needs: RefCell<Vec<Need>>,
}

impl<'a> Source<'a> {
    pub(super) fn new(path: &'a Path, text: &'a str) -> Self {
        Self {
            path,
            text,
            faults: RefCell::default(),
            needs: RefCell::default(),
        }
    }

    /// A path as the file means it: relative to the file's folder.
    pub(super) fn beside(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        (line, column)
    }

    pub(super) fn place(&self, offset: usize) -> Place {
        let (line, column) = self.position(offset);
        let path = self.path.to_owned();
        Place::File { path, line, column }
    }

    pub(super) fn fault(&self, offset: usize, what: impl Into<String>, fix: impl Into<String>) {
        let (place, what, fix) = (self.place(offset), what.into(), fix.into());
        let fault = Fault { place, what, fix };
        self.faults.borrow_mut().push((offset, fault));
    }

    pub(super) fn need(&self, need: Need) {
        self.needs.borrow_mut().push(need);
    }

    /// What was referred to since the last call.
    pub(super) fn take_needs(&self) -> Vec<Need> {
        self.needs.take()
    }

    /// Every fault, in the order of the file.
    pub(super) fn into_faults(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        faults.sort_by_key(|(offset, _)| *offset);
        faults.into_iter().map(|(_, fault)| fault).collect()
    }
}

/// A table whose keys are taken one by one.
pub(super) struct Table<'a> {
    source: &'a Source<'a>,
    items: &'a dyn TableLike,
    /// What to call it in messages.
    name: String,
    start: usize,
    asked: Vec<&'static str>,
}

impl<'a> Table<'a> {
    pub(super) fn root(source: &'a Source<'a>, items: &'a dyn TableLike) -> Self {
        let name = "the file's top level".to_owned();
        let (start, asked) = (0, Vec::new());
        Self { source, items, name, start, asked }
    }

    /// The entry of a key that may be absent.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Entry<'a>> {
        self.asked.push(key);
        let (written, item) = self.items.get_key_value(key)?;
        let start = item.span().or_else(|| written.span());
        let start = start.map_or(self.start, |span| span.start);
        Some(Entry {
            source: self.source,
            label: format!("`{key}`"),
            shape: Shape::of_item(self.source, key, item, start)?,
            start,
        })
    }

    /// The entry of a key that must be there.
    pub(super) fn require(&mut self, key: &'static str, example: &str) -> Option<Entry<'a>> {
        let present = self.items.contains_key(key);
        if !present {
            let what = format!("{} lacks `{key}`", self.name);
            self.source.fault(self.start, what, format!("add {key} = {example}"));
        }
        self.take(key)
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        for (key, item) in self.items.iter() {
            if item.is_none() || self.asked.contains(&key) {
                continue;
            }
            let span = self.items.key(key).and_then(toml_edit::Key::span).or_else(|| item.span());
            let fix = match resembling(key, self.asked.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("remove it; known are {}", self.asked.join(", ")),
            };
            let what = format!("{} is no setting of {}", quoted(key), self.name);
            self.source.fault(span.map_or(self.start, |span| span.start), what, fix);
        }
    }
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
    fn of_item(source: &'a Source<'a>, key: &str, item: &'a Item, start: usize) -> Option<Self> {
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
