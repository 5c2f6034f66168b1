//! The hosted form, drawn from the form's definition: one view for each field, ready for `templates/form.html`.
//!
//! Answers stand as they were typed; whether they are right is decided in `domain::submission`, never here. A consent is ticked only
//! where the visitor ticked it.

use askama::Template;

use super::Look;
use super::words::fill;
use crate::domain::countries::COUNTRIES;
use crate::domain::form::{Choice, ConsentAsk, Field, FieldKind, Form};
use crate::domain::proof::ProofKind;
use crate::domain::reserved::{Reserved, reserved, stored_name};
use crate::domain::submission::Problem;
use crate::domain::text::shortened;
use crate::domain::time::Timestamp;
use crate::domain::typo::did_you_mean;

/// A required choice with at most this many options shows them all. An optional one is a menu, because a round button that was pressed
/// cannot be let go.
const MOST_RADIOS: usize = 5;
/// Characters of a consent that name it in the summary of problems.
const CONSENT_NAME: usize = 60;

/// The hosted form, empty or with what the visitor posted and what is wrong with it.
#[derive(Template)]
#[template(path = "form.html")]
pub struct FormPage<'a> {
    /// Whose page it is.
    pub look: Look<'a>,
    /// The form.
    pub form: &'a Form,
    /// Where it posts to.
    pub action: String,
    /// What is wrong; empty where nothing was posted yet.
    pub problems: &'a [Problem],
    /// What was posted, names as posted, in order; shown again.
    pub posted: &'a [(String, String)],
    /// What the page sends along unseen: its ticket, where the visitor came from.
    pub hidden: &'a [(String, String)],
}

/// How a field is drawn.
enum Control<'a> {
    /// Not seen.
    Hidden { value: &'a str },
    /// One line.
    Line {
        kind: &'static str,
        input_mode: Option<&'static str>,
        autocomplete: Option<&'a str>,
        spelled: bool,
        value: &'a str,
    },
    /// Several lines.
    Lines { value: &'a str },
    /// One of many, folded.
    Menu {
        autocomplete: Option<&'a str>,
        options: Vec<Offer<'a>>,
    },
    /// One of few.
    Radios { options: Vec<Offer<'a>> },
    /// Any of some.
    Boxes { options: Vec<Offer<'a>> },
    /// Yes or no.
    Tick { ticked: bool },
}

/// A choice as it is drawn.
struct Offer<'a> {
    value: &'a str,
    label: &'a str,
    chosen: bool,
}

/// A field as it is drawn.
struct FieldView<'a> {
    field: &'a Field,
    id: String,
    help: Option<String>,
    problem: Option<String>,
    /// Ids of the problem and the help; empty where there is neither.
    described_by: String,
    /// Shares its row with its neighbour where there is room.
    half: bool,
    control: Control<'a>,
}

/// A consent as it is drawn.
struct ConsentView<'a> {
    ask: &'a ConsentAsk,
    id: String,
    problem: Option<String>,
    ticked: bool,
}

/// A line of the summary of problems.
struct SummaryLine {
    /// Id of the input it is about, where a person can see one.
    target: Option<String>,
    label: String,
    rest: String,
}

impl<'a> FormPage<'a> {
    /// Posted answers under the names that the check knows them by.
    fn answers(&self) -> Vec<(String, &'a str)> {
        let pairs = self
            .posted
            .iter()
            .filter(|(name, _)| reserved(self.form, name).is_none());
        pairs
            .map(|(name, value)| (stored_name(self.form, name), value.as_str()))
            .collect()
    }

    fn fields(&self) -> Vec<FieldView<'a>> {
        let answers = self.answers();
        let fields = &self.form.fields;
        (0..fields.len())
            .map(|at| {
                let field = &fields[at];
                let mut typed = values(&answers, &field.name);
                // A choice that a visitor left open stays open; what no visitor sees, none can have left out.
                let hidden = matches!(field.kind, FieldKind::Hidden);
                if self.posted.is_empty() || (hidden && typed.is_empty()) {
                    typed = field.value.as_deref().into_iter().collect();
                }
                self.field(field, is_half(fields, at), &typed)
            })
            .collect()
    }

    fn field(&self, field: &'a Field, half: bool, typed: &[&'a str]) -> FieldView<'a> {
        let id = input_id(&field.name);
        let problem = self.problem(&field.name);
        let help = with_advice(field, typed, help(field));
        let described: Vec<String> = [(problem.is_some(), "problem"), (help.is_some(), "help")]
            .into_iter()
            .filter(|(there, _)| *there)
            .map(|(_, part)| format!("{id}-{part}"))
            .collect();
        FieldView {
            field,
            id,
            help,
            problem,
            described_by: described.join(" "),
            half,
            control: control(field, typed),
        }
    }

    fn consents(&self) -> Vec<ConsentView<'a>> {
        let answers = self.answers();
        let consents = &self.form.consents;
        consents
            .iter()
            .map(|ask| ConsentView {
                ask,
                id: input_id(&ask.field),
                problem: self.problem(&ask.field),
                ticked: values(&answers, &ask.field).into_iter().any(is_ticked),
            })
            .collect()
    }

    /// What was posted beside the fields a person sees: where they came from, where they go next, answers that the form does not
    /// declare. The form that corrects an answer must not lose them. Not traps, not tokens that work once, not what was refused.
    fn carried(&self) -> Vec<(&'a str, &'a str)> {
        let declared = |name: &str| {
            let stored = stored_name(self.form, name);
            self.form.field(&stored).is_some()
                || self.form.consents.iter().any(|c| c.field == stored)
        };
        let keeps = |name: &str| match reserved(self.form, name) {
            Some(Reserved::Honeypot | Reserved::Ignored | Reserved::ReplyTo) => false,
            Some(Reserved::Next | Reserved::ErrorNext | Reserved::PageUrl | Reserved::Nonce) => {
                true
            }
            None => {
                !name.trim().is_empty()
                    && !declared(name)
                    && self.problem(&stored_name(self.form, name)).is_none()
            }
        };
        let pairs = self.posted.iter().filter(|(name, _)| keeps(name));
        pairs
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// What is wrong with a field, as a sentence beside it.
    fn problem(&self, name: &str) -> Option<String> {
        let found = self
            .problems
            .iter()
            .find(|p| p.field.as_deref() == Some(name));
        found.map(|p| sentence(&p.message))
    }

    fn summary(&self) -> Vec<SummaryLine> {
        self.problems
            .iter()
            .map(|problem| {
                let name = problem.field.as_deref().unwrap_or_default();
                let (label, seen) = self.label(name);
                SummaryLine {
                    target: seen.then(|| input_id(name)),
                    rest: rest(&label, &problem.message),
                    label,
                }
            })
            .collect()
    }

    fn summary_title(&self) -> String {
        let words = self.look.words();
        match self.problems.iter().filter(|p| p.field.is_some()).count() {
            0 => words.form_not_sent.to_owned(),
            1 => words.form_not_sent_one.to_owned(),
            n => fill(words.form_not_sent_some, &[("count", &n.to_string())]),
        }
    }

    /// What people call the input of that name, and whether they can see it.
    fn label(&self, name: &str) -> (String, bool) {
        if let Some(field) = self.form.field(name) {
            let seen = !matches!(field.kind, FieldKind::Hidden);
            return (field.label.clone(), seen);
        }
        match self.form.consents.iter().find(|c| c.field == name) {
            Some(ask) if ask.text.chars().count() > CONSENT_NAME => {
                (format!("{}…", shortened(&ask.text, CONSENT_NAME)), true)
            }
            Some(ask) => (ask.text.clone(), true),
            None => (name.to_owned(), false),
        }
    }

    /// Whether the page brings the script that works for the form's proof. It is the only page with a script.
    fn has_script(&self) -> bool {
        let proof = self.form.proof.as_ref();
        proof.is_some_and(|ask| ask.kind == ProofKind::Altcha)
    }

    fn has_required(&self) -> bool {
        let mut seen = self
            .form
            .fields
            .iter()
            .filter(|f| !matches!(f.kind, FieldKind::Hidden));
        seen.any(|f| f.required) || self.form.consents.iter().any(|c| c.required)
    }
}

/// Field names have no `-`, so ids made from them with one cannot meet.
fn input_id(name: &str) -> String {
    format!("f-{name}")
}

fn values<'a>(answers: &[(String, &'a str)], name: &str) -> Vec<&'a str> {
    answers
        .iter()
        .filter(|(n, _)| n == name)
        .map(|(_, value)| *value)
        .collect()
}

fn control<'a>(field: &'a Field, typed: &[&'a str]) -> Control<'a> {
    // The check reads the first answer that is not blank.
    let value = typed
        .iter()
        .find(|v| !v.trim().is_empty())
        .or(typed.first())
        .copied()
        .unwrap_or_default();
    let autocomplete = field.autocomplete.as_deref();
    let line =
        |kind, input_mode, usual: Option<&'static str>, spelled: bool, value| Control::Line {
            kind,
            input_mode,
            autocomplete: autocomplete.or(usual),
            spelled,
            value,
        };
    match &field.kind {
        FieldKind::Email => line("email", Some("email"), Some("email"), false, value),
        FieldKind::Text { .. } => line("text", None, None, true, value),
        FieldKind::LongText { .. } => Control::Lines { value },
        FieldKind::Phone => line("tel", Some("tel"), Some("tel"), false, value),
        // Not `type=number`: it shows nothing of an answer that is no number, and a wheel changes it unseen.
        FieldKind::Number { min, .. } => {
            // A telephone's number pad has no minus.
            let pad = if *min < 0 { None } else { Some("numeric") };
            line("text", pad, None, false, value)
        }
        FieldKind::Choice { options } => {
            let options = offers(options, &[value]);
            if field.required && options.len() <= MOST_RADIOS {
                Control::Radios { options }
            } else {
                Control::Menu {
                    autocomplete,
                    options,
                }
            }
        }
        FieldKind::Choices { options } => Control::Boxes {
            options: offers(options, typed),
        },
        FieldKind::Checkbox => Control::Tick {
            ticked: typed.iter().copied().any(is_ticked),
        },
        FieldKind::Date => line(
            if is_date(value) { "date" } else { "text" },
            None,
            None,
            false,
            value,
        ),
        // Not `type=url`: it refuses `example.com`, which the check takes.
        FieldKind::Url => line("text", Some("url"), Some("url"), false, value),
        FieldKind::Country => Control::Menu {
            autocomplete: autocomplete.or(Some("country")),
            options: countries(value),
        },
        FieldKind::Hidden => Control::Hidden { value },
    }
}

fn offers<'a>(options: &'a [Choice], typed: &[&str]) -> Vec<Offer<'a>> {
    let chosen = |choice: &Choice| {
        typed
            .iter()
            .map(|t| t.trim())
            .any(|t| t == choice.value || t == choice.label)
    };
    options
        .iter()
        .map(|choice| Offer {
            value: &choice.value,
            label: &choice.label,
            chosen: chosen(choice),
        })
        .collect()
}

fn countries(typed: &str) -> Vec<Offer<'static>> {
    COUNTRIES
        .iter()
        .map(|&(value, label)| Offer {
            value,
            label,
            chosen: value.eq_ignore_ascii_case(typed.trim()),
        })
        .collect()
}

/// Whether a date input can show it. One that cannot would show nothing, so the visitor could not see what to correct.
fn is_date(typed: &str) -> bool {
    typed.is_empty()
        || (typed.len() == 10 && Timestamp::parse(&format!("{typed}T00:00:00Z")).is_some())
}

/// As the check in `domain::submission` reads a box.
fn is_ticked(value: &str) -> bool {
    !matches!(
        value.trim().to_ascii_lowercase().as_str(),
        "" | "0" | "false" | "off" | "no"
    )
}

/// The help under an address that was posted, with the one that was most likely meant.
fn with_advice(field: &Field, typed: &[&str], help: Option<String>) -> Option<String> {
    let meant = typed
        .first()
        .filter(|_| matches!(field.kind, FieldKind::Email))
        .and_then(|typed| did_you_mean(typed));
    match (meant, help) {
        (Some(meant), Some(help)) => Some(format!("Did you mean {meant}? {help}")),
        (Some(meant), None) => Some(format!("Did you mean {meant}?")),
        (None, help) => help,
    }
}

/// The help under a field. A limit that a person may meet is said before they meet it.
fn help(field: &Field) -> Option<String> {
    let limit = match field.kind {
        FieldKind::LongText { max } => Some(format!("Up to {max} characters.")),
        _ => None,
    };
    match (&field.help, limit) {
        (Some(help), Some(limit)) => Some(format!("{help} {limit}")),
        (Some(help), None) => Some(help.clone()),
        (None, limit) => limit,
    }
}

/// First and last name stand side by side.
fn is_half(fields: &[Field], at: usize) -> bool {
    let is = |at: Option<usize>, part: &str, name: &str| {
        at.and_then(|at| fields.get(at))
            .is_some_and(|f| match f.autocomplete.as_deref() {
                Some(autocomplete) => autocomplete == part,
                None => f.name == name,
            })
    };
    let given = |at| is(at, "given-name", "first_name");
    let family = |at| is(at, "family-name", "last_name");
    (given(Some(at)) && family(at.checked_add(1))) || (family(Some(at)) && given(at.checked_sub(1)))
}

/// A message beside its field. Built-in messages read after a label, the form's own are sentences.
fn sentence(message: &str) -> String {
    if message.starts_with(char::is_lowercase) {
        format!("This {message}.")
    } else {
        message.to_owned()
    }
}

/// A message after its label in the summary.
fn rest(label: &str, message: &str) -> String {
    if label.is_empty() {
        sentence(message)
    } else if !label.ends_with(char::is_alphanumeric) {
        format!(" {}", sentence(message))
    } else if message.starts_with(char::is_lowercase) {
        format!(" {message}")
    } else {
        format!(": {message}")
    }
}
