//! `train lint`.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::flags::of_a_look;
use super::{base_of, contract, dataset};
use crate::cli::args::TrainLintArgs;
use crate::cli::draw::{safe, table, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::sample::Side;
use crate::train::lint::{self, CHECKS, Check, Finding, Report, Severity, Subject, foreign};

/// Rows that are named of a finding.
const NAMED: usize = 5;

/// Checks training data.
///
/// # Errors
/// As the data; a request failure where an error is found.
pub fn lint(session: &Session, args: &TrainLintArgs) -> Result<(), Failure> {
    if args.list {
        return list(session);
    }
    let ignored = ignored(&args.ignore)?;
    let options = of_a_look(&args.tokens, &args.batches)?;
    let report = match &args.encoded {
        Some(file) => {
            let base = args.data.base.as_ref().ok_or_else(|| Failure::usage("--encoded needs --base DIR"))?;
            let (tokenizer, config) = base_of(base)?;
            lint::run(&foreign::read(file, &tokenizer, &config.eos, &options)?, &ignored)
        }
        None => {
            let dataset = dataset(session, &args.data)?;
            let (tokenizer, contract) = contract(session, &args.data, &args.tokens, options.max_len, &dataset)?;
            lint::run(&Subject::of_dataset(&dataset, &contract, &tokenizer, &options)?, &ignored)
        }
    };
    if session.json {
        session.print_json(&report)?;
    } else {
        session.print(text(session, &report, args.all))?;
        session.say(summary(&report));
    }
    if !report.sides.is_empty() && !report.sides.contains_key(Side::Train.word()) {
        session.note("no row is on the train side: nothing of this would be trained on");
    }
    if report.errors > 0 {
        let codes: Vec<&str> = errors(&report).map(|finding| finding.code).collect();
        return Err(Failure::new(
            1,
            "lint",
            format!(
                "this data is not fit to train on: {} (`--ignore {}` leaves them unasked{})",
                codes.join(", "),
                codes.join(","),
                if args.encoded.is_some() { "" } else { "; `train run` tells and trains" }
            ),
        ));
    }
    Ok(())
}

fn errors(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|finding| finding.severity == Severity::Error)
}

/// The codes that are not asked, as the checks have them.
fn ignored(given: &[String]) -> Result<Vec<&'static str>, Failure> {
    let known = || CHECKS.iter().map(|check| check.code);
    given
        .iter()
        .map(|code| {
            let found: Option<&'static Check> = lint::check(code);
            found.map(|check| check.code).ok_or_else(|| {
                let near = crate::query::similar(&code.to_ascii_uppercase(), known());
                let all: Vec<&str> = known().collect();
                Failure::usage(format!("--ignore {code}: there is no such check; there are {}", all.join(", ")))
                    .suggesting(near)
            })
        })
        .collect()
}

/// The checks and what to do about what they find.
fn list(session: &Session) -> Result<(), Failure> {
    if session.json {
        let all: Vec<Value> = CHECKS
            .iter()
            .map(|check| {
                json!({ "code": check.code, "name": check.name, "severity": check.severity, "doc": check.doc,
                        "remedy": check.remedy })
            })
            .collect();
        return session.print_json(&all);
    }
    let mut out = String::new();
    for check in CHECKS {
        let _ = writeln!(out, "{} {}\n    {}\n    {}", check.code, check.name, check.doc, check.remedy);
    }
    session.print(out)
}

fn text(session: &Session, report: &Report, all: bool) -> String {
    let paint = |text: &str, code: &str| {
        if session.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let mut out = String::new();
    for finding in &report.findings {
        let head = format!("{} {}", finding.code, finding.name);
        let head = paint(&head, if finding.severity == Severity::Error { "1;31" } else { "1;33" });
        let _ = writeln!(out, "{head}: {}", safe(&finding.message));
        let limit = if all { finding.rows.len() } else { NAMED };
        for row in finding.rows.iter().take(limit) {
            let side = row.side.map_or(String::new(), |side| format!(" {side}"));
            let id = if row.id.len() == 32 { &row.id[..8] } else { &row.id };
            let _ = writeln!(out, "  {id}{side}  {}", safe(&row.detail).replace('\n', " "));
        }
        if finding.rows.len() > limit {
            let _ = writeln!(out, "  ... and {} more", thousands((finding.rows.len() - limit) as u64));
        }
        for each in &finding.tables {
            let _ = writeln!(out, "\n  {}", paint(&safe(&each.title), "1"));
            let head: Vec<&str> = each.head.iter().map(String::as_str).collect();
            let cells: Vec<Vec<String>> = each.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
            for line in table_of(&head, &cells, session.width).lines() {
                let _ = writeln!(out, "  {line}");
            }
            for note in &each.notes {
                let _ = writeln!(out, "  {}", safe(note));
            }
        }
        let _ = writeln!(out, "  → {}\n", finding.remedy);
    }
    out
}

/// A table whose first column, often a sentence, stands last, where it has the width that is left.
fn table_of(head: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let turned = |row: &[String]| row.iter().skip(1).chain(row.first()).cloned().collect::<Vec<String>>();
    let head: Vec<String> = turned(&head.iter().map(|title| (*title).to_owned()).collect::<Vec<_>>());
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| turned(row)).collect();
    table(&head, &rows, width.saturating_sub(2))
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), thousands),
        other => other.to_string(),
    }
}

/// `1 error`, `12 errors`.
fn counted(count: usize, what: &str) -> String {
    format!("{} {what}{}", thousands(count as u64), if count == 1 { "" } else { "s" })
}

fn summary(report: &Report) -> String {
    let sides: Vec<String> =
        report.sides.iter().map(|(side, rows)| format!("{} {side}", thousands(*rows as u64))).collect();
    let mut out = format!(
        "{}{}, {} tokens, {} of them trained: {}, {}",
        counted(report.rows, "row"),
        if sides.is_empty() { String::new() } else { format!(" ({})", sides.join(", ")) },
        thousands(report.tokens as u64),
        thousands(report.trained_tokens as u64),
        counted(report.errors, "error"),
        counted(report.warnings, "warning")
    );
    let _ =
        write!(out, "\nclean: {}", if report.clean.is_empty() { "none".to_owned() } else { report.clean.join(" ") });
    for untold in &report.untold {
        let _ = write!(out, "\nnot told: {}, since {}", untold.code, untold.why);
    }
    if !report.ignored.is_empty() {
        let _ = write!(out, "\nnot asked: {}", report.ignored.join(" "));
    }
    out
}
