//! CSV that a spreadsheet may open: every field quoted, and none of them a formula.
//!
//! A cell that a spreadsheet would take for a formula gets a `'` in front, and [`unguarded`] takes it away again, so a phone number such
//! as `+49 711 ...` survives a round trip. Nothing else is changed. Machines that want values as they are take `--json`.

use std::io::Write;

use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};

/// Writes rows.
pub struct Sheet<W: Write>(Writer<W>);

impl<W: Write> Sheet<W> {
    /// Rows go to `out`.
    pub fn new(out: W) -> Self {
        Self(
            WriterBuilder::new()
                .quote_style(QuoteStyle::Always)
                .terminator(Terminator::CRLF)
                .flexible(true)
                .from_writer(out),
        )
    }

    /// Writes a row.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) -> csv::Result<()> {
        self.0.write_record(cells.into_iter().map(guarded))
    }

    /// Hands on what was written so far.
    pub fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// The cell as it may be opened.
pub fn guarded(cell: &str) -> String {
    if needs_guard(cell) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

/// The cell as it was before [`guarded`].
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if needs_guard(rest) => rest,
        _ => cell,
    }
}

/// Whether a spreadsheet could take it for a formula: `= + - @`, their full-width forms, a tab or a line break, also after blanks. A
/// cell that begins with our own mark and such a text gets another one, so that no two cells become the same.
fn needs_guard(cell: &str) -> bool {
    let text = cell.trim_start_matches('\'').trim_start_matches(' ');
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frm_10_no_cell_is_a_formula_and_every_cell_comes_back() {
        for cell in [
            "=1+1",
            "+49 711 1",
            "-5",
            "@x",
            "\tx",
            "\rx",
            "\nx",
            " =1",
            "＝1",
            "'=1",
            "''+1",
        ] {
            let written = guarded(cell);
            assert!(written.starts_with('\''), "{cell:?}");
            assert_eq!(unguarded(&written), cell);
        }
        for cell in ["", "Ada", "'Ada'", "a=b", "5", "' x"] {
            assert_eq!(guarded(cell), cell);
            assert_eq!(unguarded(cell), cell);
        }
    }

    #[test]
    fn frm_10_every_field_is_quoted_and_lines_end_as_the_standard_says() {
        let mut out = Vec::new();
        let mut sheet = Sheet::new(&mut out);
        sheet.row(["say \"hi\"", "=x"]).unwrap();
        sheet.flush().unwrap();
        drop(sheet);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"say \"\"hi\"\"\",\"'=x\"\r\n"
        );
    }
}
