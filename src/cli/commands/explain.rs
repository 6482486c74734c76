//! `explain`.

use std::time::Instant;

use serde_json::json;

use crate::cli::args::ExplainArgs;
use crate::cli::draw::{safe, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::query::plan::{Filter, Plan};
use crate::slice::{self, account};
use crate::store::Store;
use crate::store::index::rows::RowSet;

/// Rows of the first page, which is what is timed.
const PAGE: usize = 20;

/// Shows how a query is understood and run: each of its forms, what answers each clause, and rows after each.
///
/// # Errors
/// As the query and the store.
pub fn explain(session: &Session, args: &ExplainArgs) -> Result<(), Failure> {
    let store = session.store()?;
    let text = session.query_text(&args.asked)?;
    let compiled = session.compile(&store, &text)?;
    let clauses = clauses(&store, &compiled.plan)?;
    let index_query = account::index_query(&store, &compiled.plan)?;
    let reads = account::reads(&store, &compiled.plan.filter)?;
    let begun = Instant::now();
    let slice = slice::select(&store, &compiled.plan, PAGE)?;
    let whole = milliseconds(begun);
    if session.json {
        let notes: Vec<&str> = compiled.plan.notes.iter().map(|note| note.message.as_str()).collect();
        return session.print_json(&json!({
            "typed": text, "parsed": compiled.parsed.to_string(), "resolved": compiled.resolved.to_string(),
            "plan": compiled.plan.to_string(), "index_query": index_query, "defaults": compiled.defaults, "notes": notes,
            "reads": reads, "clauses": clauses, "ms": whole,
            "steps": slice.steps, "total": slice.total,
        }));
    }
    let mut out = String::new();
    let mut put = |title: &str, text: &str| {
        out.push_str(&format!("{title}\n"));
        for line in safe(text).lines() {
            out.push_str(&format!("  {line}\n"));
        }
    };
    put("typed", &text);
    put("parsed", &compiled.parsed.to_string());
    put("resolved", &compiled.resolved.to_string());
    let defaults = if compiled.defaults.is_empty() { "none".to_owned() } else { compiled.defaults.join(", ") };
    put("defaults applied", &defaults);
    put("plan", &compiled.plan.to_string());
    put("index query", &index_query);
    if !reads.is_empty() {
        put("reads beside the index", &reads.join("\n"));
    }
    let mut shown = vec![format!("{:>9}  {:>9}  {:>8}", "alone", "so far", "ms")];
    lines(&clauses, 0, &mut shown);
    put("rows of each clause", &shown.join("\n"));
    let stages = slice.steps.iter().map(|step| format!("{:>9}  {}", thousands(step.rows_out), step.step));
    let stages: Vec<String> = stages.chain(slice.remarks()).collect();
    if !stages.is_empty() {
        put("rows after each stage", &stages.join("\n"));
    }
    put("rows", &format!("{} in {whole:.1} ms", thousands(slice.total)));
    session.print(out)
}

/// A clause of a query.
#[derive(serde::Serialize)]
struct Clause {
    /// What it asks; the word that joins its operands where it has some.
    clause: String,
    /// What answers it.
    answered_by: &'static str,
    /// Rows that pass it alone.
    rows: u64,
    /// Rows that pass it and all clauses before it; of the clauses at the top.
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<u64>,
    /// What it takes to find its rows alone, in milliseconds.
    ms: f64,
    /// Its operands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clauses: Vec<Clause>,
}

/// The clauses of the conjunction at the top, each with its operands below it.
fn clauses(store: &Store, plan: &Plan) -> Result<Vec<Clause>, Failure> {
    let parts: &[Filter] = match &plan.filter {
        Filter::And(parts) => parts,
        other => std::slice::from_ref(other),
    };
    let mut left: Option<RowSet> = None;
    let mut out = Vec::with_capacity(parts.len());
    for part in parts {
        let (mut clause, rows) = clause(store, plan.at, part)?;
        let both = match left {
            Some(before) => before.iter().filter(|row| rows.contains(*row)).collect(),
            None => rows,
        };
        clause.left = Some(both.len() as u64);
        left = Some(both);
        out.push(clause);
    }
    Ok(out)
}

/// A clause, and the rows that pass it alone.
fn clause(store: &Store, at: Option<i64>, filter: &Filter) -> Result<(Clause, RowSet), Failure> {
    let operands: &[Filter] = match filter {
        Filter::And(parts) | Filter::Or(parts) => parts,
        Filter::Not(inner) if matches!(**inner, Filter::And(_) | Filter::Or(_)) => std::slice::from_ref(inner),
        _ => &[],
    };
    let shown = match filter {
        Filter::And(_) => "and".to_owned(),
        Filter::Or(parts) if !parts.is_empty() => "or".to_owned(),
        Filter::Not(_) if !operands.is_empty() => "not".to_owned(),
        other => other.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
    };
    let begun = Instant::now();
    let rows = slice::matching(store, at, filter)?;
    let ms = milliseconds(begun);
    let clauses = operands.iter().map(|operand| Ok(clause(store, at, operand)?.0)).collect::<Result<_, Failure>>()?;
    let answered_by = account::answered_by(filter);
    Ok((Clause { clause: shown, answered_by, rows: rows.len() as u64, left: None, ms, clauses }, rows))
}

/// Milliseconds since a moment, to a hundredth.
fn milliseconds(begun: Instant) -> f64 {
    (begun.elapsed().as_secs_f64() * 100_000.0).round() / 100.0
}

/// A line per clause, operands further in.
fn lines(clauses: &[Clause], depth: usize, out: &mut Vec<String>) {
    for clause in clauses {
        let left = clause.left.map_or(String::new(), thousands);
        let by = if clause.clauses.is_empty() { format!("   ({})", clause.answered_by) } else { String::new() };
        let (rows, ms) = (thousands(clause.rows), format!("{:.1}", clause.ms));
        out.push(format!("{rows:>9}  {left:>9}  {ms:>8}  {:depth$}{}{by}", "", clause.clause));
        lines(&clause.clauses, depth + 2, out);
    }
}
