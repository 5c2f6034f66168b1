//! Import: rows of a file become facts.
//!
//! Each row's facts have ids made of the row, so a repeat writes nothing; a cursor in `ops` lets a run that was stopped go on. What came
//! of each row is told in order: created, updated, skipped or rejected, with a code.
//!
//! An import never mails: it makes no work. It proves no address and qualifies nobody (the fold sees to that). A person who was erased
//! stays erased; one who left gets no consent by a file. A row that says somebody left is taken at its word, in one transaction with the
//! guard.
//!
//! [`columns`] knows what columns mean, [`row`] what a row says; here is what becomes of it.

pub mod columns;
pub mod row;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, bail};
use csv::{ReaderBuilder, StringRecord};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use shared::domain::guard::Guard;
use shared::domain::id::{LeadId, random};
use shared::flow::Write;
use shared::runtime::Entropy;
use shared::store::{Committed, Store};

use row::{Reader, Refused, Row};

use crate::pace::Pace;

/// Rows worked on together: between two looks at the pace, and between two notes of how far it is.
const BATCH: usize = 200;
/// Calls under way at once.
const AT_ONCE: usize = 8;
/// Tries at a guard that others change meanwhile.
const TRIES: usize = 6;
/// Partition of cursors in `ops`.
const CURSOR: &str = "import";

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The person was not known.
    Created,
    /// The person was known.
    Updated,
    /// It is there already.
    Skipped,
    /// It says nothing that can be kept.
    Rejected,
}

impl Outcome {
    /// The word in the result file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Skipped => "skipped",
            Self::Rejected => "rejected",
        }
    }
}

/// A line of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Line of the file, from 1; the heading is line 1.
    pub line: u64,
    /// The row's own name, or empty.
    pub row_id: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, or empty.
    pub code: &'static str,
}

/// Counts of all rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Rows read in this run.
    pub rows: u64,
    /// People who were not known.
    pub created: u64,
    /// Rows about people who were known.
    pub updated: u64,
    /// Rows that were there already.
    pub skipped: u64,
    /// Rows that were refused.
    pub rejected: u64,
    /// Rows that an earlier run did.
    pub done_before: u64,
}

impl Sums {
    fn add(&mut self, outcome: Outcome) {
        self.rows += 1;
        *match outcome {
            Outcome::Created => &mut self.created,
            Outcome::Updated => &mut self.updated,
            Outcome::Skipped => &mut self.skipped,
            Outcome::Rejected => &mut self.rejected,
        } += 1;
    }
}

/// A file whose heading was read.
pub struct Source {
    rows: csv::Reader<Box<dyn Read + Send>>,
    /// Names of its columns.
    pub heading: Vec<String>,
    /// What tells it apart from other files: digest of its content.
    pub digest: String,
    /// Lines in all, about.
    pub lines: u64,
    shift: u64,
}

/// Opens a file: UTF-8 with or without a byte-order mark, separated by comma, semicolon or tab.
pub fn open(path: &Path) -> anyhow::Result<Source> {
    let cannot = || format!("cannot read {}", path.display());
    let mut file = std::fs::File::open(path).with_context(cannot)?;
    let (mut digest, mut lines, mut first) = (Sha256::new(), 0, Vec::new());
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer).with_context(cannot)?;
        if read == 0 {
            break;
        }
        let part = &buffer[..read];
        digest.update(part);
        if !first.contains(&b'\n') {
            first.extend_from_slice(part);
        }
        lines += part.iter().fold(0, |n, byte| n + u64::from(*byte == b'\n'));
    }
    let line = first.split(|b| *b == b'\n').next().unwrap_or_default();
    if std::str::from_utf8(line).is_err() || line.contains(&0) {
        bail!(
            "{} is not UTF-8 text; save it as CSV (UTF-8)",
            path.display()
        );
    }
    let delimiter = delimiter(line);
    // Where lines end in CR LF the reader counts a record as beginning before the LF, on the line above.
    let shift = u64::from(line.ends_with(b"\r"));
    let file = std::fs::File::open(path).with_context(cannot)?;
    let bytes: Box<dyn Read + Send> = Box::new(std::io::BufReader::new(file));
    let mut rows = ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(bytes);
    let heading = rows.headers().with_context(cannot)?;
    let heading: Vec<String> = heading
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
        .collect();
    Ok(Source {
        rows,
        heading,
        digest: data_encoding::HEXLOWER.encode(&digest.finalize()[..16]),
        lines,
        shift,
    })
}

/// The separator that a heading has most of, outside quotes.
fn delimiter(line: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in line {
        quoted ^= *byte == b'"';
        for (delimiter, count) in &mut counts {
            *count += usize::from(!quoted && byte == delimiter);
        }
    }
    // The first wins where none has more, so a file of one column reads too.
    counts
        .into_iter()
        .rev()
        .max_by_key(|(_, count)| *count)
        .map_or(b',', |(delimiter, _)| delimiter)
}

/// What an import works with.
pub struct Import<'a> {
    /// The tables.
    pub store: &'a Store,
    /// Reads rows.
    pub reader: Reader<'a>,
    /// Names writes of guards.
    pub entropy: &'a Entropy,
    /// Write nothing.
    pub dry_run: bool,
    /// Most write units a second; none = as fast as it goes.
    pub pace: Option<u32>,
}

struct Known {
    /// Something is known of them.
    known: bool,
    guard: Guard,
}

impl Import<'_> {
    /// Where an earlier run of this file stopped: the last line it did.
    pub async fn stopped_at(&self, digest: &str) -> anyhow::Result<u64> {
        if self.dry_run {
            return Ok(0);
        }
        let note = self.store.note(CURSOR, digest).await?;
        Ok(note.and_then(|n| n.parse().ok()).unwrap_or(0))
    }

    /// Takes every row after line `after`; `tell` hears of each in order.
    pub async fn run(
        &self,
        source: Source,
        after: u64,
        mut tell: impl FnMut(&Told) -> anyhow::Result<()>,
    ) -> anyhow::Result<Sums> {
        let mut sums = Sums::default();
        let pace = Pace::new(self.pace, self.store);
        let (digest, shift) = (source.digest.clone(), source.shift);
        let mut rows = source.rows.into_records();
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            for record in rows.by_ref() {
                let position = match &record {
                    Ok(record) => record.position(),
                    Err(error) => error.position(),
                };
                let line = position.map_or(0, csv::Position::line) + shift;
                if line <= after {
                    sums.done_before += 1;
                    continue;
                }
                batch.push((line, self.read(record)?));
                if batch.len() == BATCH {
                    break;
                }
            }
            let Some((last, _)) = batch.last() else {
                break;
            };
            let last = *last;
            for told in self.take(batch).await? {
                sums.add(told.outcome);
                tell(&told)?;
            }
            if !self.dry_run {
                let line = last.to_string();
                self.store.put_note(CURSOR, &digest, &line).await?;
            }
            pace.keep(self.store).await;
        }
        if !self.dry_run {
            // Done: the same file again is looked at from its first row, and found to be there.
            self.store.put_note(CURSOR, &digest, "0").await?;
        }
        Ok(sums)
    }

    fn read(&self, record: csv::Result<StringRecord>) -> anyhow::Result<Result<Row, Refused>> {
        match record {
            Ok(record) => Ok(self.reader.read(&record.iter().collect::<Vec<_>>())),
            Err(error) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => {
                Ok(Err(Refused("NOT_UTF8")))
            }
            Err(error) => Err(error).context("cannot read on"),
        }
    }

    async fn take(&self, batch: Vec<(u64, Result<Row, Refused>)>) -> anyhow::Result<Vec<Told>> {
        let ids: BTreeSet<LeadId> = batch
            .iter()
            .filter_map(|(_, row)| row.as_ref().ok().map(|r| r.lead_id))
            .collect();
        let mut known: BTreeMap<LeadId, Known> = stream::iter(ids)
            .map(|id| async move {
                let known = Known {
                    known: self.store.has_facts(id).await?,
                    guard: self.store.guard(id).await?,
                };
                anyhow::Ok((id, known))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        // What a row is to the person is settled in order, before anything is written side by side.
        let mut jobs = Vec::with_capacity(batch.len());
        for (line, row) in batch {
            let job = row.map(|row| {
                let person = known.get_mut(&row.lead_id);
                let (was, guard) = person.map_or((false, Guard::default()), |p| {
                    (std::mem::replace(&mut p.known, true), p.guard.clone())
                });
                (row, was, guard)
            });
            jobs.push((line, job));
        }
        stream::iter(jobs)
            .map(|(line, job)| async move {
                let (row_id, done) = match job {
                    Err(refused) => (String::new(), Ok((Outcome::Rejected, refused.0))),
                    Ok((row, was, guard)) => {
                        (row.row_id.clone(), self.keep(row, was, &guard).await)
                    }
                };
                let (outcome, code) = done?;
                anyhow::Ok(Told {
                    line,
                    row_id,
                    outcome,
                    code,
                })
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn keep(
        &self,
        mut row: Row,
        was_known: bool,
        guard: &Guard,
    ) -> anyhow::Result<(Outcome, &'static str)> {
        if guard.erased_at.is_some() {
            return Ok((Outcome::Rejected, "ERASED"));
        }
        let told = if was_known {
            Outcome::Updated
        } else {
            Outcome::Created
        };
        let (consent, code) = match &row.consent {
            Some(_) if guard.suppressed.is_some() => (None, "LEFT_WITHOUT_CONSENT"),
            consent => (consent.clone(), ""),
        };
        if self.dry_run {
            let there = self.store.has_fact(row.lead_id, &row.fact.id).await?;
            return Ok(if there {
                (Outcome::Skipped, "ALREADY_THERE")
            } else {
                (told, code)
            });
        }
        // Each fact under its own condition: a row whose consent was written before still brings the rest. The write has an identity of
        // this run, so that a fact of an earlier one is told from our own whose reply was lost.
        let ours = random("imp", self.entropy.bytes());
        if let Some(mut consent) = consent {
            consent.last_write_id.clone_from(&ours);
            self.store.commit(&[Write::Touchpoint(consent)]).await?;
        }
        row.fact.last_write_id = ours;
        for _ in 0..TRIES {
            let mut writes = vec![Write::Touchpoint(row.fact.clone())];
            if let Some(reason) = row.suppresses {
                let before = self.store.guard(row.lead_id).await?;
                let mut after = before.clone().suppress(reason, row.fact.at);
                if after != before {
                    after.version = before.version + 1;
                    writes.push(Write::Guard {
                        lead_id: row.lead_id,
                        guard: after,
                        write_id: random("imp", self.entropy.bytes()),
                    });
                }
            }
            match self.store.commit(&writes).await? {
                Committed::Written => return Ok((told, code)),
                // The fact itself stood in the way: it is there.
                Committed::Lost(old) if old.first().is_some_and(Option::is_some) => {
                    return Ok((Outcome::Skipped, "ALREADY_THERE"));
                }
                // The guard moved meanwhile: look again.
                Committed::Lost(_) => {}
            }
        }
        bail!("a person's record is changed by others all the time; run the import again")
    }
}
