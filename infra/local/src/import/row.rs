//! One row of a file, checked and turned into facts. Pure: the same row makes the same facts with the same ids, so a repeat changes
//! nothing.
//!
//! A row without a kind says who somebody is (a fact `imported`); one with a kind says what happened, dated. Either has trust `imported`:
//! it proves no address, and nobody becomes an MQL by it alone.

use shared::domain::consent::{ConsentGiven, Decision};
use shared::domain::email::EmailAddress;
use shared::domain::form::FieldKind;
use shared::domain::guard::SuppressionReason;
use shared::domain::id::{IdentityKey, LeadId, derived, is_id, sha256_hex};
use shared::domain::lead::is_hard;
use shared::domain::pii::Pii;
use shared::domain::source::Source;
use shared::domain::text::{clean_line, clean_lines};
use shared::domain::time::Timestamp;
use shared::domain::touchpoint::{Answer, Touchpoint, TouchpointKind, Trust, Value};
use shared::edge::http::network;
use shared::site::Site;

use super::columns::Column;
use crate::sheet::unguarded;

/// Longest cell in bytes.
const MAX_CELL: usize = 4096;
/// Earliest date that is believed: before it, dates are mistakes of a spreadsheet.
const EARLIEST: Timestamp = Timestamp(631_152_000_000);

/// A checked row.
#[derive(Debug, Clone)]
pub struct Row {
    /// The person.
    pub lead_id: LeadId,
    /// The row's own name, or empty.
    pub row_id: String,
    /// What it says; one fact, or none where it says nothing but a consent.
    pub fact: Touchpoint,
    /// The consent it proves, as a fact of its own time.
    pub consent: Option<Touchpoint>,
    /// It says that no mail may go out any more.
    pub suppresses: Option<SuppressionReason>,
}

/// Why a row is refused: a code for the result file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused(pub &'static str);

/// What rows are read with.
pub struct Reader<'a> {
    /// Meaning of the columns.
    pub columns: &'a [Column],
    /// Forms and fields.
    pub site: &'a Site,
    /// Names people and digests.
    pub identity: &'a IdentityKey,
    /// What a row without a kind is.
    pub kind: TouchpointKind,
    /// Purpose of consents where no column says it.
    pub purpose: Option<&'a str>,
    /// Now: nothing happened later, and rows without a date happened then.
    pub now: Timestamp,
}

impl Reader<'_> {
    /// Reads a row.
    pub fn read(&self, cells: &[&str]) -> Result<Row, Refused> {
        if cells.iter().any(|cell| cell.len() > MAX_CELL) {
            return Err(Refused("TOO_LONG"));
        }
        let email = EmailAddress::parse(self.cell(cells, &Column::Email).unwrap_or_default());
        let email = email.map_err(|_| Refused("TYPE_EMAIL"))?;
        let lead_id = self.identity.lead_of_email(&email);
        let kind = match self.cell(cells, &Column::Kind) {
            None => self.kind,
            Some(name) => kind(name)?,
        };
        let at = match self.cell(cells, &Column::At) {
            None if kind == TouchpointKind::Imported => self.now,
            None => return Err(Refused("DATE_MISSING")),
            Some(text) => self.instant(text)?,
        };
        let row_id = self.cell(cells, &Column::RowId).unwrap_or_default();
        let said = self.content(cells);
        let id = |prefix: &str, part: &str| {
            derived(
                prefix,
                &[
                    b"import",
                    part.as_bytes(),
                    row_id.as_bytes(),
                    said.as_bytes(),
                ],
            )
        };
        let mut fact = Touchpoint::new(lead_id, id(kind.prefix(), kind.name()), kind, at);
        self.describe(&mut fact, cells)?;
        fact.digest = Some(said.clone());
        if matches!(
            kind,
            TouchpointKind::Imported | TouchpointKind::FormSubmitted
        ) {
            fact.email = Some(Pii::new(email.given().to_owned()));
            fact.answers = self.answers(cells);
        }
        let consent = self.consent(lead_id, cells, &|at| {
            Touchpoint::new(
                lead_id,
                id(TouchpointKind::Imported.prefix(), "consent"),
                TouchpointKind::Imported,
                at,
            )
        })?;
        let suppresses = match kind.name() {
            "unsubscribed" => Some(SuppressionReason::Unsubscribed),
            "complained" => Some(SuppressionReason::Complaint),
            "bounced" if is_hard(&fact) => Some(SuppressionReason::HardBounce),
            _ => None,
        };
        Ok(Row {
            lead_id,
            row_id: row_id.to_owned(),
            fact,
            consent,
            suppresses,
        })
    }

    /// What the row says besides who and when.
    fn describe(&self, fact: &mut Touchpoint, cells: &[&str]) -> Result<(), Refused> {
        let id = |column, code| match self.cell(cells, column) {
            Some(name) if is_id(name) => Ok(Some(name.to_owned())),
            Some(_) => Err(Refused(code)),
            None => Ok(None),
        };
        fact.form = id(&Column::Form, "BAD_FORM")?;
        fact.magnet = id(&Column::Magnet, "BAD_MAGNET")?;
        fact.reason = id(&Column::Reason, "BAD_REASON")?;
        fact.trust = Trust::Imported;
        fact.recorded_at = self.now;
        fact.site_hash = Some(self.site.hash.clone());
        let attribution = self.columns.iter().zip(cells).filter_map(|(column, cell)| {
            let Column::Attribution(name) = column else {
                return None;
            };
            Some((name.as_str(), cell.trim()))
        });
        let source = Source::gather(attribution, self.cell(cells, &Column::Page));
        fact.source = Some(source).filter(|s| !s.is_empty());
        Ok(())
    }

    fn cell<'c>(&self, cells: &[&'c str], wanted: &Column) -> Option<&'c str> {
        let at = self.columns.iter().position(|column| column == wanted)?;
        let cell = unguarded(cells.get(at)?).trim();
        (!cell.is_empty()).then_some(cell)
    }

    fn instant(&self, text: &str) -> Result<Timestamp, Refused> {
        let at = instant(text).ok_or(Refused("TYPE_DATE"))?;
        if at < EARLIEST {
            return Err(Refused("TYPE_DATE"));
        }
        if at > self.now {
            return Err(Refused("DATE_IN_FUTURE"));
        }
        Ok(at)
    }

    /// Keyed digest of everything the row says.
    fn content(&self, cells: &[&str]) -> String {
        let mut parts = Vec::new();
        for (column, cell) in self.columns.iter().zip(cells) {
            if *column != Column::Ignored {
                parts.push(sha256_hex(format!("{column:?}={}", cell.trim()).as_bytes()));
            }
        }
        // The order of columns is not part of what is said.
        parts.sort_unstable();
        self.identity.pseudonym("import", &parts.join("\n"))
    }

    fn answers(&self, cells: &[&str]) -> Vec<Answer> {
        self.columns
            .iter()
            .zip(cells)
            .filter_map(|(column, cell)| {
                let Column::Answer(name) = column else {
                    return None;
                };
                let cell = unguarded(cell).trim();
                (!cell.is_empty()).then(|| Answer {
                    name: name.clone(),
                    value: value(name, cell, self.site),
                })
            })
            .collect()
    }

    /// The consent that the row proves; none where it names no time.
    fn consent(
        &self,
        lead_id: LeadId,
        cells: &[&str],
        fact: &dyn Fn(Timestamp) -> Touchpoint,
    ) -> Result<Option<Touchpoint>, Refused> {
        let given = self.cell(cells, &Column::OptInTime);
        let confirmed = self.cell(cells, &Column::ConfirmTime);
        let Some(said) = confirmed.or(given) else {
            return Ok(None);
        };
        let purpose = self
            .cell(cells, &Column::Purpose)
            .or(self.purpose)
            .ok_or(Refused("CONSENT_WITHOUT_PURPOSE"))?;
        if !is_id(purpose) {
            return Err(Refused("BAD_PURPOSE"));
        }
        // A confirmation of something that was never given proves nothing.
        if given.is_none() {
            return Err(Refused("CONSENT_WITHOUT_OPT_IN"));
        }
        let at = self.instant(said)?;
        let ip = if confirmed.is_some() {
            self.cell(cells, &Column::ConfirmIp)
        } else {
            self.cell(cells, &Column::OptInIp)
        };
        let wording = self.cell(cells, &Column::Wording);
        let mut fact = fact(at);
        debug_assert_eq!(fact.lead_id, lead_id);
        fact.trust = Trust::Imported;
        fact.recorded_at = self.now;
        fact.ip_hash = ip.map(|ip| self.identity.pseudonym("network", &network(ip)));
        fact.consents = vec![ConsentGiven {
            purpose: purpose.to_owned(),
            decision: if confirmed.is_some() {
                Decision::Confirmed
            } else {
                Decision::Granted
            },
            text_sha256: wording.map_or_else(String::new, |text| sha256_hex(text.as_bytes())),
        }];
        Ok(Some(fact))
    }
}

/// The kind of this name, where a file may speak of it. What proves something, or what only our own mails cause, it may not.
fn kind(name: &str) -> Result<TouchpointKind, Refused> {
    const ALLOWED: [&str; 14] = [
        "delivered",
        "imported",
        "form_submitted",
        "magnet_downloaded",
        "link_clicked",
        "link_renewed",
        "unsubscribed",
        "complained",
        "bounced",
        "accepted",
        "rejected",
        "sales_qualified",
        "won",
        "lost",
    ];
    let name = name.to_lowercase();
    if !ALLOWED.contains(&&*name) {
        return Err(Refused("UNKNOWN_KIND"));
    }
    TouchpointKind::ALL
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or(Refused("UNKNOWN_KIND"))
}

/// An instant with its offset, or a day or a time of day, taken as UTC.
fn instant(text: &str) -> Option<Timestamp> {
    let day_and_time = || Timestamp::parse(&format!("{}Z", text.replacen(' ', "T", 1)));
    let day = || Timestamp::parse(&format!("{text}T00:00:00Z")).filter(|_| text.len() == 10);
    Timestamp::parse(text).or_else(day_and_time).or_else(day)
}

/// A cell as the value that the site's forms would have made of it. What does not fit stays the text it is: it is another system's.
fn value(name: &str, cell: &str, site: &Site) -> Value {
    let text = |text: String| Value::Text(Pii::new(text));
    let number = |cell: &str| {
        let digits: String = cell.chars().filter(|c| *c != ' ' && *c != ',').collect();
        digits.parse().ok().map(|n: i64| Value::Number(Pii::new(n)))
    };
    let declared = site.forms.values().find_map(|form| form.field(name));
    let Some(field) = declared else {
        let as_number = matches!(name, "employees" | "revenue").then(|| number(cell));
        return as_number
            .flatten()
            .unwrap_or_else(|| text(clean_lines(cell)));
    };
    let choice = |cell: &str, options: &[shared::domain::form::Choice]| {
        let cell = clean_line(cell);
        options
            .iter()
            .find(|o| o.value.eq_ignore_ascii_case(&cell) || o.label.eq_ignore_ascii_case(&cell))
            .map_or(cell, |option| option.value.clone())
    };
    match &field.kind {
        FieldKind::Number { .. } => number(cell).unwrap_or_else(|| text(clean_line(cell))),
        FieldKind::Choice { options } => text(choice(cell, options)),
        FieldKind::Choices { options } => Value::List(
            cell.split('|')
                .map(|one| Pii::new(choice(one, options)))
                .collect(),
        ),
        FieldKind::Checkbox => {
            Value::Flag(matches!(&*cell.to_lowercase(), "true" | "1" | "on" | "yes"))
        }
        FieldKind::Country => text(clean_line(cell).to_uppercase()),
        FieldKind::LongText { .. } => text(clean_lines(cell)),
        FieldKind::Email
        | FieldKind::Text { .. }
        | FieldKind::Phone
        | FieldKind::Date
        | FieldKind::Url
        | FieldKind::Hidden => text(clean_line(cell)),
    }
}
