//! Reading TOML with places: every value keeps where it stood, every table knows which keys it was asked for, and a wrong value is
//! reported and left out instead of ending the reading. So one run shows all mistakes.
//!
//! Knows nothing of forms, magnets or rules.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Diagnostic, Diagnostics, Severity};

/// One file of the site, as read from disk.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// Path inside the site folder, with `/`.
    pub name: String,
    /// Its text, with `\n` line ends.
    pub text: String,
}

impl SourceFile {
    /// Line and column (both from 1, the column in characters) of a byte offset.
    fn position(&self, offset: usize) -> (u32, u32) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let line = before.matches('\n').count() + 1;
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        (
            u32::try_from(line).unwrap_or(u32::MAX),
            u32::try_from(column).unwrap_or(u32::MAX),
        )
    }

    /// The place of a byte offset.
    pub fn spot<'a>(&'a self, report: &'a Report, offset: usize) -> Spot<'a> {
        Spot {
            file: self,
            report,
            offset,
        }
    }

    /// The place where a line begins (lines from 1; a line past the end is the end).
    pub fn line_spot<'a>(&'a self, report: &'a Report, line: usize) -> Spot<'a> {
        let before: usize = self
            .text
            .split_inclusive('\n')
            .take(line.saturating_sub(1))
            .map(str::len)
            .sum();
        self.spot(report, before)
    }
}

/// Where findings are gathered.
#[derive(Debug, Default)]
pub(super) struct Report(
    RefCell<Vec<Diagnostic>>,
    /// For each kind of table that was read, the keys it was asked for.
    RefCell<BTreeMap<String, BTreeSet<&'static str>>>,
);

impl Report {
    fn add(&self, diagnostic: Diagnostic) {
        self.0.borrow_mut().push(diagnostic);
    }

    /// Adds an error about a file as a whole.
    pub fn file_error(&self, file: &str, message: impl Into<String>, help: Option<&str>) {
        self.add_for_file(Severity::Error, file, message.into(), help);
    }

    /// Adds a warning about a file as a whole.
    pub fn file_warning(&self, file: &str, message: impl Into<String>, help: &str) {
        self.add_for_file(Severity::Warning, file, message.into(), Some(help));
    }

    fn add_for_file(&self, severity: Severity, file: &str, message: String, help: Option<&str>) {
        let help = help.map(str::to_owned);
        self.add(Diagnostic {
            file: file.to_owned(),
            line: 1,
            column: 1,
            severity,
            message,
            help,
        });
    }

    /// The keys that tables were asked for, by what messages call the table: what a schema of the files has to know.
    pub fn keys(&self) -> BTreeMap<String, BTreeSet<&'static str>> {
        self.1.borrow().clone()
    }

    /// How many errors were found so far.
    pub fn errors(&self) -> usize {
        self.0
            .borrow()
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .count()
    }

    /// All findings, sorted.
    pub fn finish(self) -> Diagnostics {
        Diagnostics::new(self.0.into_inner())
    }
}

/// A place in a file, and where to report about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot<'a> {
    file: &'a SourceFile,
    report: &'a Report,
    offset: usize,
}

impl Spot<'_> {
    /// Reports an error here.
    pub fn error(self, message: impl Into<String>) {
        self.add(Severity::Error, message.into(), None);
    }

    /// Reports an error here and what to do about it.
    pub fn error_help(self, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Error, message.into(), Some(help.into()));
    }

    /// Reports an error here, with a suggestion where a candidate is near `word`.
    pub fn error_near(self, message: impl Into<String>, word: &str, candidates: &[&str]) {
        self.add(
            Severity::Error,
            message.into(),
            suggestion(word, candidates),
        );
    }

    /// Reports a warning here and what to do about it.
    pub fn warn_help(self, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Warning, message.into(), Some(help.into()));
    }

    /// The line this place is on, from 1.
    pub fn line(self) -> u32 {
        self.file.position(self.offset).0
    }

    fn add(self, severity: Severity, message: String, help: Option<String>) {
        let (line, column) = self.file.position(self.offset);
        self.report.add(Diagnostic {
            file: self.file.name.clone(),
            line,
            column,
            severity,
            message,
            help,
        });
    }
}

/// A value and where it stood.
#[derive(Clone, Debug)]
pub(super) struct At<'a, T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub spot: Spot<'a>,
}

/// The candidate that `word` is most likely a misspelling of.
pub(super) fn nearest<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    let word = word.to_lowercase();
    let close = |c: &&'c str| {
        let distance = strsim::osa_distance(&word, c);
        (distance <= 1 + c.len().min(word.len()) / 4).then_some((distance, *c))
    };
    candidates
        .iter()
        .filter_map(close)
        .min()
        .map(|(_, candidate)| candidate)
}

/// "did you mean", or the whole list where it is short and nothing is near.
pub(super) fn suggestion(word: &str, candidates: &[&str]) -> Option<String> {
    match nearest(word, candidates) {
        Some(candidate) => Some(format!("did you mean `{candidate}`?")),
        None if candidates.is_empty() || candidates.len() > 12 => None,
        None => Some(format!("known here: {}", candidates.join(", "))),
    }
}

/// Parses a file; syntax errors are reported, all of them, and nothing is returned then.
pub(super) fn parse<'a>(file: &'a SourceFile, report: &Report) -> Option<Spanned<DeTable<'a>>> {
    let (document, errors) = DeTable::parse_recoverable(&file.text);
    for error in &errors {
        file.spot(report, error.span().map_or(0, |span| span.start))
            .error(error.message());
    }
    errors.is_empty().then_some(document)
}

/// A table that remembers which keys it was asked for, so that [`Table::finish`] can name the others.
#[derive(Debug)]
pub(super) struct Table<'a> {
    /// How messages name it: `[business]`, `[[field]]`, `this file`.
    pub what: String,
    /// Where it begins.
    pub spot: Spot<'a>,
    entries: &'a DeTable<'a>,
    file: &'a SourceFile,
    report: &'a Report,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    /// The document itself.
    pub fn root(
        file: &'a SourceFile,
        document: &'a Spanned<DeTable<'a>>,
        report: &'a Report,
    ) -> Self {
        Self::new(
            String::from("this file"),
            file,
            report,
            document.get_ref(),
            0,
        )
    }

    fn new(
        what: String,
        file: &'a SourceFile,
        report: &'a Report,
        entries: &'a DeTable<'a>,
        offset: usize,
    ) -> Self {
        Self {
            what,
            spot: file.spot(report, offset),
            entries,
            file,
            report,
            known: RefCell::default(),
        }
    }

    /// Declares keys that are allowed here although they are not always read.
    pub fn allow(&self, keys: &[&'static str]) {
        self.known.borrow_mut().extend_from_slice(keys);
    }

    /// Whether the key is there, whatever its value.
    pub fn has(&self, key: &'static str) -> bool {
        self.entries.get(key).is_some()
    }

    /// The place of a key, or of the table where the key is missing.
    pub fn key_spot(&self, key: &'static str) -> Spot<'a> {
        self.entries.get_key_value(key).map_or(self.spot, |(k, _)| {
            self.file.spot(self.report, k.span().start)
        })
    }

    /// Where to look for a key that is missing: at one that is most likely a misspelling of it, else where the table begins.
    fn place_of_missing(&self, key: &'static str) -> Spot<'a> {
        let alike =
            |name: &str| nearest(name, &[key]).is_some() && !self.known.borrow().contains(&name);
        self.entries
            .iter()
            .find(|(name, _)| alike(name.get_ref()))
            .map_or(self.spot, |(name, _)| {
                self.file.spot(self.report, name.span().start)
            })
    }

    fn value(&self, key: &'static str) -> Option<(&'a DeValue<'a>, Spot<'a>)> {
        self.allow(&[key]);
        let value = self.entries.get(key)?;
        Some((
            value.get_ref(),
            self.file.spot(self.report, value.span().start),
        ))
    }

    fn wrong_type(spot: Spot<'a>, key: &str, expected: &str, found: &DeValue<'_>) {
        spot.error(format!(
            "`{key}` should be {expected}, not {}",
            type_of(found)
        ));
    }

    /// A string.
    pub fn text(&self, key: &'static str) -> Option<At<'a, String>> {
        match self.value(key)? {
            (DeValue::String(text), spot) => Some(At {
                value: text.to_string(),
                spot,
            }),
            (other, spot) => {
                Self::wrong_type(spot, key, "a text in quotes", other);
                None
            }
        }
    }

    /// A string that must be there and must not be blank; `why` goes into the help.
    pub fn required_text(&self, key: &'static str, why: &str) -> Option<At<'a, String>> {
        if !self.has(key) {
            self.allow(&[key]);
            self.place_of_missing(key)
                .error_help(format!("{} has no `{key}`", self.what), why);
            return None;
        }
        let text = self.text(key)?;
        if text.value.trim().is_empty() {
            text.spot.error_help(format!("`{key}` is empty"), why);
            return None;
        }
        Some(text)
    }

    /// A whole number.
    pub fn number(&self, key: &'static str) -> Option<At<'a, i64>> {
        let (value, spot) = self.value(key)?;
        let number = match value {
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).ok()
            }
            _ => None,
        };
        if number.is_none() {
            Self::wrong_type(spot, key, "a whole number", value);
        }
        number.map(|value| At { value, spot })
    }

    /// A whole number within bounds, as any integer type; out of bounds is reported.
    pub fn bounded<N: TryFrom<i64>>(
        &self,
        key: &'static str,
        least: i64,
        most: i64,
    ) -> Option<At<'a, N>> {
        let At { value, spot } = self.number(key)?;
        let bounded = if (least..=most).contains(&value) {
            N::try_from(value).ok()
        } else {
            None
        };
        if bounded.is_none() {
            spot.error(format!(
                "`{key}` is {value}, but should be from {least} to {most}"
            ));
        }
        bounded.map(|value| At { value, spot })
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &'static str) -> Option<bool> {
        match self.value(key)? {
            (DeValue::Boolean(flag), _) => Some(*flag),
            (other, spot) => {
                Self::wrong_type(spot, key, "true or false", other);
                None
            }
        }
    }

    /// A list of strings; one string alone counts as a list of one.
    pub fn texts(&self, key: &'static str) -> Option<Vec<At<'a, String>>> {
        match self.value(key)? {
            (DeValue::String(text), spot) => Some(vec![At {
                value: text.to_string(),
                spot,
            }]),
            (DeValue::Array(items), _) => {
                let read = |item: &'a Spanned<DeValue<'a>>| {
                    let spot = self.file.spot(self.report, item.span().start);
                    match item.get_ref() {
                        DeValue::String(text) => Some(At {
                            value: text.to_string(),
                            spot,
                        }),
                        other => {
                            spot.error(format!(
                                "`{key}` should hold texts in quotes, not {}",
                                type_of(other)
                            ));
                            None
                        }
                    }
                };
                Some(items.iter().filter_map(read).collect())
            }
            (other, spot) => {
                Self::wrong_type(spot, key, "a list of texts", other);
                None
            }
        }
    }

    /// A list of whole numbers.
    pub fn numbers(&self, key: &'static str) -> Option<Vec<At<'a, i64>>> {
        let items = self.has(key).then(|| self.items(key))?;
        let read = |item: &'a Spanned<DeValue<'a>>| {
            let spot = self.file.spot(self.report, item.span().start);
            match item.get_ref() {
                DeValue::Integer(integer) => {
                    let value = i64::from_str_radix(integer.as_str(), integer.radix()).ok()?;
                    Some(At { value, spot })
                }
                other => {
                    spot.error(format!(
                        "`{key}` should hold whole numbers, not {}",
                        type_of(other)
                    ));
                    None
                }
            }
        };
        Some(items.iter().filter_map(read).collect())
    }

    /// A table.
    pub fn table(&self, key: &'static str, what: &str) -> Option<Table<'a>> {
        match self.value(key)? {
            (DeValue::Table(entries), spot) => Some(Table::new(
                what.to_owned(),
                self.file,
                self.report,
                entries,
                spot.offset,
            )),
            (other, spot) => {
                Self::wrong_type(spot, key, "a table", other);
                None
            }
        }
    }

    /// A table that must be there; `why` goes into the help.
    pub fn required_table(&self, key: &'static str, what: &str, why: &str) -> Option<Table<'a>> {
        if !self.has(key) {
            self.allow(&[key]);
            self.place_of_missing(key)
                .error_help(format!("{} has no {what}", self.what), why);
        }
        self.table(key, what)
    }

    /// A list of tables, `[[key]]` or `key = [{ .. }]`; empty where it is missing.
    pub fn tables(&self, key: &'static str, what: &str) -> Vec<Table<'a>> {
        let entries = self.items(key);
        let read = |item: &'a Spanned<DeValue<'a>>| match item.get_ref() {
            DeValue::Table(entries) => Some(Table::new(
                what.to_owned(),
                self.file,
                self.report,
                entries,
                item.span().start,
            )),
            other => {
                let spot = self.file.spot(self.report, item.span().start);
                spot.error(format!(
                    "`{key}` should hold tables, not {}",
                    type_of(other)
                ));
                None
            }
        };
        entries.iter().filter_map(read).collect()
    }

    /// A list whose items are texts or tables, each handed to the function for its type.
    pub fn texts_or_tables<T>(
        &self,
        key: &'static str,
        what: &str,
        from_text: impl Fn(At<'a, String>) -> Option<T>,
        from_table: impl Fn(Table<'a>) -> Option<T>,
    ) -> Vec<T> {
        let read = |item: &'a Spanned<DeValue<'a>>| {
            let offset = item.span().start;
            let spot = self.file.spot(self.report, offset);
            match item.get_ref() {
                DeValue::String(text) => from_text(At {
                    value: text.to_string(),
                    spot,
                }),
                DeValue::Table(entries) => from_table(Table::new(
                    what.to_owned(),
                    self.file,
                    self.report,
                    entries,
                    offset,
                )),
                other => {
                    spot.error(format!(
                        "`{key}` should hold texts or tables, not {}",
                        type_of(other)
                    ));
                    None
                }
            }
        };
        self.items(key).iter().filter_map(read).collect()
    }

    fn items(&self, key: &'static str) -> &'a [Spanned<DeValue<'a>>] {
        match self.value(key) {
            Some((DeValue::Array(items), _)) => items,
            Some((other, spot)) => {
                Self::wrong_type(spot, key, "a list", other);
                &[]
            }
            None => &[],
        }
    }

    /// Reports every key that nothing asked for.
    pub fn finish(self) {
        let known = self.known.borrow();
        self.report
            .1
            .borrow_mut()
            .entry(self.what.clone())
            .or_default()
            .extend(known.iter().copied());
        for (key, _) in self
            .entries
            .iter()
            .filter(|(key, _)| !known.contains(&key.get_ref().as_ref()))
        {
            let spot = self.file.spot(self.report, key.span().start);
            let name = key.get_ref();
            spot.error_near(
                format!("unknown key `{name}` in {}", self.what),
                name,
                &known,
            );
        }
    }
}

fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a decimal point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
