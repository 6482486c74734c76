//! `explain`.

use serde_json::json;

use crate::cli::args::ExplainArgs;
use crate::cli::draw::{safe, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::query::plan::{Filter, Plan};
use crate::slice;
use crate::store::Store;

/// Shows how a query is understood and run: each of its forms, what answers each clause, and rows after each.
///
/// # Errors
/// As the query and the store.
pub fn explain(session: &Session, args: &ExplainArgs) -> Result<(), Failure> {
    let store = session.store()?;
    let text = session.query_text(&args.asked)?;
    let compiled = session.compile(&store, &text)?;
    let clauses = clauses(&store, &compiled.plan)?;
    let index_query = slice::index_query(&store, &compiled.plan)?;
    let slice = slice::select(&store, &compiled.plan, 0)?;
    if session.json {
        let notes: Vec<&str> = compiled.plan.notes.iter().map(|note| note.message.as_str()).collect();
        return session.print_json(&json!({
            "typed": text, "parsed": compiled.parsed.to_string(), "resolved": compiled.resolved.to_string(),
            "plan": compiled.plan.to_string(), "index_query": index_query, "defaults": compiled.defaults, "notes": notes,
            "clauses": clauses.iter().map(|(clause, answer, rows)| json!({ "clause": clause, "answered_by": answer, "rows": rows })).collect::<Vec<_>>(),
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
    let lines: Vec<String> = clauses
        .iter()
        .map(|(clause, answer, rows)| format!("{:>9}  {clause}   ({answer})", thousands(*rows)))
        .collect();
    put("rows of each clause alone", &lines.join("\n"));
    let lines: Vec<String> =
        slice.steps.iter().map(|step| format!("{:>9}  {}", thousands(step.rows_out), step.step)).collect();
    if !lines.is_empty() {
        put("rows after each stage", &lines.join("\n"));
    }
    put("rows", &thousands(slice.total));
    session.print(out)
}

/// The clauses of the conjunction at the top: the clause, what answers it, the rows that pass it alone.
fn clauses(store: &Store, plan: &Plan) -> Result<Vec<(String, &'static str, u64)>, Failure> {
    let parts: Vec<&Filter> = match &plan.filter {
        Filter::And(parts) => parts.iter().collect(),
        other => vec![other],
    };
    let mut out = Vec::new();
    for part in parts {
        let alone = Plan { filter: part.clone(), steps: Vec::new(), notes: Vec::new(), default_state: false };
        out.push((part.to_string().replace('\n', " "), slice::answered_by(part), slice::count(store, &alone)?));
    }
    Ok(out)
}
