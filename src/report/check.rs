//! The check of a published table: whether its parts add up.
//!
//! [`check`] finds the tables of a text, learns from their names which column (or, where a table has a line per
//! quantity, which line) counts what was read, removed and kept and what each side of a split holds, and tests for each
//! row
//!
//! - read − removed = kept,
//! - kept = the sum of the sides; or, where nothing says what is kept, read − removed = the sum of the sides,
//! - a count = the sum of what breaks it down (reasons of rejection),
//! - after each step of several: what was there − what the step removed = what is left,
//!
//! and for a row of totals that each column adds up to it. A name that can mean two things (`filtered`, `total`) means
//! what makes more of the equations hold, as long as no fewer of them are tested. A table of which nothing can be
//! tested is an error: silence would look like praise.

mod json;
mod names;
mod reasons;
mod sheet;
mod tables;
#[cfg(test)]
mod tests;

use super::{plain, thousands};
use reasons::Block;
use sheet::Sheet;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// How many equations were tested.
    pub laws: usize,
    /// The equations that do not hold, in the order of the text.
    pub findings: Vec<Finding>,
    /// Known columns that stand in no equation: nothing is said about them.
    pub unchecked: Vec<String>,
}

impl Checked {
    /// Whether every equation holds.
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }
}

/// An equation that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where its figures stand: `line 5 (source x)`.
    pub place: String,
    /// How many rows the first side has more than the second one; less than zero where it has fewer.
    pub unexplained: i64,
    /// The sentence with all figures.
    pub message: String,
}

/// A text that cannot be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// Nothing is in it.
    #[error("the text is empty; give a file with a table in Markdown, CSV, TSV or JSON")]
    Empty,
    /// No table is in it.
    #[error(
        "no table is found; write a pipe table of Markdown with its `| --- |` line, CSV or TSV with a line of titles, \
         lines like `raw: 7,434`, or JSON objects with counts by name"
    )]
    NoTable,
    /// It is no JSON.
    #[error("this is no JSON, at line {line}, column {column}: {message}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// It is no CSV.
    #[error("this is no CSV: {message}")]
    Csv {
        /// What the parser says.
        message: String,
    },
    /// A row has not as many cells as there are titles.
    #[error(
        "line {line} has {cells} cells, but the table has {columns} columns; write a number with commas in quotes, a \
         pipe inside a cell as `\\|`, and nothing as 0"
    )]
    UnevenRow {
        /// Line, from 1.
        line: usize,
        /// How many cells it has.
        cells: usize,
        /// How many titles there are.
        columns: usize,
    },
    /// A table has titles and no rows.
    #[error("{place}: the table has titles ({found}) and no rows; write a line of numbers below them")]
    NoRows {
        /// Where the titles stand.
        place: String,
        /// The titles.
        found: String,
    },
    /// No name in any table is known.
    #[error(
        "no column or line is known among {found}; name what was read (`read`, `raw`, `total`), removed (`removed`, \
         `duplicates`, `rejected`), kept (`kept`, `final`, `unique`), and the sides (`train`, `validation`, `test`)"
    )]
    NoKnownColumn {
        /// The names that are there.
        found: String,
    },
    /// A cell of a known column holds no whole number.
    #[error(
        "{place}: column `{column}` holds `{cell}`, which is no whole number; write a count of rows like 7,434, \
         or 0 for none"
    )]
    NotANumber {
        /// Where the cell stands.
        place: String,
        /// Its title.
        column: String,
        /// What it holds.
        cell: String,
    },
    /// No equation can be made of the columns.
    #[error(
        "nothing can be checked: an equation needs read, removed and kept; or read (and removed) and the sides; or \
         kept and the sides; or a row of totals; but the table has only {found}"
    )]
    NothingToCheck {
        /// The known names that are there, and what each counts.
        found: String,
    },
}

/// Tests whether the tables of a text add up. `name_hint` is the name of its file, whose ending says the form; without
/// one the text does.
///
/// # Errors
///
/// A text without a table, without a known name, with a cell that should be a number and is none, or of which nothing
/// can be tested.
pub fn check(text: &str, name_hint: Option<&str>) -> Result<Checked, CheckError> {
    let grids = tables::grids(text, name_hint)?;
    let mut sheets: Vec<Sheet> = Vec::new();
    let mut checked = Checked::default();
    let mut strange: Vec<String> = Vec::new();
    let mut no_counts = None;
    for grid in &grids {
        if let Some(sheet) = sheets.last()
            && let Some(block) = Block::read(grid)?
        {
            sheet.check_reasons(&block, &mut checked);
            continue;
        }
        match Sheet::read(grid) {
            Ok(Some(sheet)) => {
                sheet.check(&mut checked);
                sheets.push(sheet);
            }
            // A table of other things: results, losses.
            Err(error) if !grid.counts() => {
                no_counts.get_or_insert(error);
            }
            Err(error) => return Err(error),
            Ok(None) => {
                strange.extend(grid.header.iter().cloned());
                strange.extend(grid.rows.iter().filter_map(|row| row.first()?.text.clone()));
            }
        }
    }
    if let Some(error) = no_counts.filter(|_| checked.laws == 0) {
        return Err(error);
    }
    if sheets.is_empty() {
        return Err(CheckError::NoKnownColumn { found: listed(strange.iter().map(|name| tables::unmarked(name))) });
    }
    if checked.laws == 0 {
        return Err(CheckError::NothingToCheck { found: listed(sheets.iter().flat_map(Sheet::known)) });
    }
    Ok(checked)
}

/// Names in quotes, the first of them where there are many.
fn listed(names: impl Iterator<Item = String>) -> String {
    const MOST: usize = 12;
    let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => "no names at all".to_owned(),
        many if many > MOST => format!("{} and {} more", shown.join(", "), thousands((many - MOST) as i128)),
        _ => shown.join(", "),
    }
}

/// Text from outside on one line, cut where all can see it.
fn excerpt(text: &str) -> String {
    const LONGEST: usize = 80;
    let text = plain(text);
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
