//! Lint: what is wrong with training data, told before a GPU is paid for.
//!
//! One check, one file or small group of them, one line in [`CHECKS`]. Checks read a [`Subject`]: rows as the ids that are
//! really trained, made by the contract and the tokenizer (`rows`) or handed over by another trainer (`foreign`), and
//! the dataset that they stem from. An error is something that makes a run worthless or harmful; a warning is something
//! that a person should know.

mod answers;
mod batches;
mod descriptions;
pub mod foreign;
mod forms;
mod ids;
mod repeats;
mod rows;
mod secrets;
mod sides;
pub mod statistics;
mod style;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

pub use forms::{Form, GAP, forms};
pub use rows::{Marked, Prefix, Row, Subject};
pub use secrets::{Secret, scan};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A run on this data is worthless or harmful.
    Error,
    /// Something that a person should know.
    Warning,
}

/// A check.
pub struct Check {
    /// `E01`, `W10`.
    pub code: &'static str,
    /// Its name in words.
    pub name: &'static str,
    /// How bad what it finds is.
    pub severity: Severity,
    /// What it looks at, in one sentence.
    pub doc: &'static str,
    /// What to do about what it finds.
    pub remedy: &'static str,
    run: fn(&Subject<'_>) -> Outcome,
}

/// Every check, sorted by code.
pub const CHECKS: &[&Check] = &[
    &ids::BOS,
    &ids::END,
    &ids::NOTHING,
    &ids::PREFIX,
    &ids::LONG,
    &sides::FAMILIES,
    &answers::FOREIGN_TEXT,
    &secrets::SECRETS,
    &answers::UNPARSED,
    &forms::FORMS,
    &style::STYLE,
    &repeats::REPEATS,
    &descriptions::MISMATCH,
    &sides::LEVELS,
    &batches::PADDING,
    &batches::UNKNOWN,
    &sides::NEAR_TRAIN,
    &ids::PROMPT,
];

/// What a check came to.
enum Outcome {
    /// Nothing.
    Clean,
    /// It cannot be told, and why.
    Untold(String),
    /// Something.
    Found(Found),
}

/// What a check found.
#[derive(Default)]
struct Found {
    /// In one sentence.
    message: String,
    /// The rows that it concerns.
    rows: Vec<Named>,
    /// Numbers.
    tables: Vec<Table>,
}

impl Found {
    /// What was found of rows; clean where there are none.
    fn of_rows(rows: Vec<Named>, message: impl FnOnce(usize) -> String) -> Outcome {
        if rows.is_empty() {
            return Outcome::Clean;
        }
        Outcome::Found(Found { message: message(rows.len()), rows, tables: Vec::new() })
    }
}

/// A row that a finding concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its id; of data of another trainer its line.
    pub id: String,
    /// Its side, where it has one.
    pub side: Option<crate::sample::Side>,
    /// What is wrong with it.
    pub detail: String,
}

/// A table of a finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// What it is of.
    pub title: String,
    /// Names of its columns.
    pub head: Vec<String>,
    /// Its rows; text or numbers.
    pub rows: Vec<Vec<Value>>,
    /// What it comes to, in sentences.
    pub notes: Vec<String>,
}

/// What a check found, with what it is and what to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Code of the check.
    pub code: &'static str,
    /// Its name.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, in one sentence.
    pub message: String,
    /// How many rows it concerns; 0 where it concerns all of them together.
    pub count: usize,
    /// The rows that it concerns, in the order of the data.
    pub rows: Vec<Named>,
    /// Numbers.
    pub tables: Vec<Table>,
    /// What to do.
    pub remedy: &'static str,
}

/// A check that could not tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Untold {
    /// Its code.
    pub code: &'static str,
    /// Why.
    pub why: String,
}

/// What all checks came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Rows that were looked at.
    pub rows: usize,
    /// Of them by side; rows of other trainers have none.
    pub sides: BTreeMap<String, usize>,
    /// Tokens of all rows that could be encoded.
    pub tokens: usize,
    /// Of them trained.
    pub trained_tokens: usize,
    /// How many findings are errors.
    pub errors: usize,
    /// How many are warnings.
    pub warnings: usize,
    /// What was found, by code.
    pub findings: Vec<Finding>,
    /// Codes of the checks that found nothing.
    pub clean: Vec<&'static str>,
    /// Checks that could not tell.
    pub untold: Vec<Untold>,
    /// Codes of the checks that were not asked.
    pub ignored: Vec<&'static str>,
}

/// Finds a check by its code, in any case.
pub fn check(code: &str) -> Option<&'static Check> {
    CHECKS.iter().copied().find(|check| check.code.eq_ignore_ascii_case(code.trim()))
}

/// Runs every check but those whose codes are ignored.
pub fn run(subject: &Subject<'_>, ignored: &[&str]) -> Report {
    let mut report = Report {
        rows: subject.rows.len(),
        sides: BTreeMap::new(),
        tokens: subject.marked().map(|(_, marked)| marked.ids.len()).sum(),
        trained_tokens: subject.marked().map(|(_, marked)| marked.trained_count()).sum(),
        errors: 0,
        warnings: 0,
        findings: Vec::new(),
        clean: Vec::new(),
        untold: Vec::new(),
        ignored: Vec::new(),
    };
    for side in subject.rows.iter().filter_map(|row| row.side) {
        *report.sides.entry(side.word().to_owned()).or_default() += 1;
    }
    for each in CHECKS {
        if ignored.iter().any(|code| each.code.eq_ignore_ascii_case(code)) {
            report.ignored.push(each.code);
            continue;
        }
        match (each.run)(subject) {
            Outcome::Clean => report.clean.push(each.code),
            Outcome::Untold(why) => report.untold.push(Untold { code: each.code, why }),
            Outcome::Found(found) => {
                match each.severity {
                    Severity::Error => report.errors += 1,
                    Severity::Warning => report.warnings += 1,
                }
                report.findings.push(Finding {
                    code: each.code,
                    name: each.name,
                    severity: each.severity,
                    message: found.message,
                    count: found.rows.len(),
                    rows: found.rows,
                    tables: found.tables,
                    remedy: each.remedy,
                });
            }
        }
    }
    report
}

/// `1 row`, `12 rows`.
fn rows_are(count: usize) -> String {
    format!("{count} row{}", if count == 1 { "" } else { "s" })
}

/// A number with so many decimals, as a cell of a table.
fn rounded(value: f64, decimals: i32) -> Value {
    let scale = 10f64.powi(decimals);
    Value::from((value * scale).round() / scale)
}

/// A share as a cell: percent with one decimal.
fn percent(part: usize, of: usize) -> Value {
    rounded(100.0 * part as f64 / of.max(1) as f64, 1)
}

/// A p-value in a sentence.
fn p_value(p: f64) -> String {
    if p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p = {p:.4}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_that_is_written_is_asked() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/train/lint");
        let mut written = 0;
        for entry in std::fs::read_dir(folder).expect("the folder") {
            let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a source");
            written += text.matches(": Check = Check {").count() - text.matches("\": Check = Check {").count();
        }
        assert_eq!(written, CHECKS.len());
    }

    #[test]
    fn codes_are_sorted_and_say_their_severity_and_every_text_is_a_sentence() {
        assert!(CHECKS.windows(2).all(|pair| pair[0].code < pair[1].code));
        for each in CHECKS {
            let error = each.code.starts_with('E');
            assert_eq!(each.severity == Severity::Error, error, "{}", each.code);
            assert!(error || each.code.starts_with('W'), "{}", each.code);
            assert!(each.code[1..].parse::<u8>().is_ok(), "{}", each.code);
            assert!(each.doc.ends_with('.') && each.remedy.ends_with('.'), "{}", each.code);
            assert!(each.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", each.name);
        }
        assert_eq!(check("e07").map(|check| check.code), Some("E07"));
        assert!(check("E99").is_none());
    }
}
