//! Tables in a terminal: columns as wide as their widest cell, two blanks between them, no lines.

use std::fmt::{self, Write as _};

/// Where the text of a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// A table that prints itself.
#[derive(Clone, Debug)]
pub struct Table {
    head: Vec<String>,
    align: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(columns: &[(&str, Align)]) -> Self {
        Self {
            head: columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
            align: columns.iter().map(|(_, align)| *align).collect(),
            rows: Vec::new(),
        }
    }

    /// A table of a heading and rows that were made elsewhere.
    pub fn of(head: &[(String, Align)], rows: &[Vec<String>]) -> Self {
        Self {
            head: head.iter().map(|(name, _)| name.clone()).collect(),
            align: head.iter().map(|(_, align)| *align).collect(),
            rows: rows.to_vec(),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            std::iter::once(&self.head)
                .chain(&self.rows)
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.align.len()).map(width).collect();
        for (number, row) in std::iter::once(&self.head).chain(&self.rows).enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            let mut line = String::from(" ");
            for ((cell, width), align) in row.iter().zip(&widths).zip(&self.align) {
                // A cell cannot steer the terminal: what people typed is shown without its control characters.
                let cell: String = cell.chars().filter(|c| !c.is_control()).collect();
                line.push(' ');
                match align {
                    Align::Left => write!(line, "{cell:<width$}")?,
                    Align::Right => write!(line, "{cell:>width$}")?,
                }
                line.push(' ');
            }
            f.write_str(line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_no_cell_steers_the_terminal() {
        let mut table = Table::new(&[("Lead", Align::Left), ("Points", Align::Right)]);
        table.row(["ada\u{1b}[2J".into(), "7".into()]);
        table.row(["charles".into(), "1234567".into()]);
        assert_eq!(
            table.to_string(),
            "  Lead      Points\n  ada[2J         7\n  charles  1234567"
        );
    }
}
