//! Reads tables key by key and collects every fault on the way. It knows TOML and places, and no setting by name.
//!
//! A key that was never asked for is unknown: what a table may hold is nowhere listed but in the code that reads it.

use super::entry::{Entry, Shape};
use super::faults::{Fault, Place, quoted};
use super::references::Need;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml_edit::TableLike;

/// A shorter beginning of a word stands for too many.
const MIN_BEGINNING_CHARS: usize = 3;
/// A longer word resembles no setting.
const MAX_RESEMBLING_CHARS: usize = 40;

/// The file that is being read, what is wrong with it so far, and what it refers to.
pub(super) struct Source<'a> {
    path: &'a Path,
    text: &'a str,
    faults: RefCell<Vec<(usize, Fault)>>,
    needs: RefCell<Vec<Need>>,
}

impl<'a> Source<'a> {
    pub(super) fn new(path: &'a Path, text: &'a str) -> Self {
        Self { path, text, faults: RefCell::default(), needs: RefCell::default() }
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

    /// Whether nothing is wrong so far.
    pub(super) fn is_clean(&self) -> bool {
        self.faults.borrow().is_empty()
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
    pub(super) fn new(source: &'a Source<'a>, items: &'a dyn TableLike, name: &str, start: usize) -> Self {
        let (name, asked) = (name.to_owned(), Vec::new());
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

/// The candidate that a misspelt word most likely meant.
pub(super) fn resembling<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let word = word.to_lowercase();
    let chars = word.chars().count();
    if chars > MAX_RESEMBLING_CHARS {
        return None;
    }
    let distance = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        let is_beginning = chars >= MIN_BEGINNING_CHARS && candidate.starts_with(&word);
        if is_beginning { 0 } else { strsim::damerau_levenshtein(&word, &candidate) }
    };
    candidates
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, _)| *distance <= 1 + chars / 5)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Values that must differ from one another, whatever their case.
pub(super) struct Distinct {
    seen: BTreeMap<String, usize>,
    fix: &'static str,
}

impl Distinct {
    pub(super) fn new(fix: &'static str) -> Self {
        let seen = BTreeMap::new();
        Self { seen, fix }
    }

    /// Reports the value when it was seen before, with the place of the first.
    pub(super) fn check(&mut self, entry: &Entry<'_>, value: &str) {
        let first = *self.seen.entry(value.to_lowercase()).or_insert(entry.start);
        if first != entry.start {
            let (line, _) = entry.source.position(first);
            let what = format!("is {}, which line {line} has already", quoted(value));
            entry.refuse(what, self.fix);
        }
    }
}
