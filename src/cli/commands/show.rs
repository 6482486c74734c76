//! `show` and `why`.

use std::fmt::Write as _;

use serde_json::json;

use super::look::{Beside, row_json};
use crate::analyze;
use crate::cli::args::{ShowArgs, WhyArgs};
use crate::cli::draw::{line, safe};
use crate::cli::failure::Failure;
use crate::cli::pager;
use crate::cli::session::Session;
use crate::sample::{FactValue, Sample};
use crate::store::{Method, Store};

/// The sample whose id begins so.
///
/// # Errors
/// Where none or several do.
pub fn by_id(store: &Store, digits: &str) -> Result<Sample, Failure> {
    let found = store.rows_by_id(digits.trim_start_matches("id:"), 6)?;
    match found.as_slice() {
        [] => Err(Failure::request(format!("no sample has an id that begins with `{digits}`"))),
        [(row, _)] => Ok(store.sample(*row)?),
        several => {
            let ids: Vec<_> = several.iter().map(|(_, id)| *id).collect();
            let width = store.short_digits(&ids)?;
            let shown: Vec<String> = ids.iter().take(5).map(|id| id.to_string()[..width].to_owned()).collect();
            Err(Failure::request(format!(
                "several ids begin with `{digits}`: {}{}",
                shown.join(", "),
                if ids.len() > 5 { " ..." } else { "" }
            )))
        }
    }
}

/// Shows a sample.
///
/// # Errors
/// As the store.
pub fn show(session: &Session, args: &ShowArgs) -> Result<(), Failure> {
    let store = session.store()?;
    let sample = by_id(&store, &args.id)?;
    let revisions = store.revisions(sample.row)?;
    let history = store.history(sample.row)?;
    if session.json {
        let mut out = row_json(&sample, &[], &Beside::default());
        out.insert("key".into(), json!(sample.key));
        out.insert("level".into(), json!(sample.level));
        out.insert("description_kind".into(), json!(sample.description_kind));
        out.insert("meta".into(), json!(sample.meta));
        out.insert("reason".into(), json!(sample.reason));
        out.insert("family".into(), json!(store.family_of(sample.row)?));
        out.insert("family_columns".into(), json!(sample.family));
        out.insert("added".into(), json!(sample.added));
        out.insert("cleaners".into(), json!(sample.cleaners));
        out.insert("revisions".into(), json!(revisions));
        out.insert("facts".into(), json!(sample.facts));
        out.insert("cluster".into(), cluster(&store, &sample)?);
        out.insert("exempt".into(), json!(store.is_exempt(sample.row)?));
        out.insert("verdicts".into(), json!(store.verdicts_of(sample.row)?));
        out.insert("generation".into(), generation(&store, &sample)?);
        out.insert("history".into(), json!(history));
        return session.print_json(&out);
    }
    let digits = store.short_digits(&[sample.id])?;
    let bold = |text: &str| if session.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() };
    let mut out = String::new();
    let _ = writeln!(out, "{} {}", bold(&sample.id.to_string()[..digits]), safe(&sample.locator));
    let mut put = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(out, "  {name:13} {}", line(&value, 400));
        }
    };
    put("source", format!("{} (rank {}, {})", sample.source, sample.rank, sample.licence));
    put(
        "state",
        sample.reason.as_ref().map_or(sample.state.to_string(), |reason| format!("{} ({reason})", sample.state)),
    );
    put(
        "split",
        if sample.held { "held".into() } else { sample.split.map(|side| side.to_string()).unwrap_or_default() },
    );
    for sentence in standing(&store, &sample)? {
        put("", sentence);
    }
    put("split given", sample.split_given.map(|side| side.to_string()).unwrap_or_default());
    put("level", sample.level.clone().unwrap_or_default());
    put("description", sample.description_kind.to_string());
    put("tags", sample.tags.iter().cloned().collect::<Vec<_>>().join(" "));
    put("cleaned by", sample.cleaners.join(", "));
    put("added", sample.added.clone());
    for (name, value) in written(&store, &sample)? {
        put(name, value);
    }
    for (name, value) in &sample.meta {
        put(&format!("meta.{name}"), crate::store::index::schema::meta_text(value));
    }
    let _ = writeln!(out, "\n{}", bold("instruction"));
    let _ = writeln!(out, "{}", sample.instruction.as_deref().map_or("  (none)".to_owned(), safe));
    let _ = writeln!(out, "\n{}", bold("code"));
    let _ = writeln!(out, "{}", safe(sample.code.trim_end()));
    let read = revisions.iter().rev().find(|revision| revision.kind == crate::sample::RevisionKind::Read);
    if let Some(read) = read.filter(|read| !read.current) {
        let _ = writeln!(out, "\n{}", bold("what was read, against what stands now"));
        out.push_str(&diff(&read.code, &sample.code, session.colour));
    }
    let _ = writeln!(out, "\n{}", bold("facts"));
    for (name, value) in &sample.facts.0 {
        let text = match value {
            FactValue::Set(names) => names
                .iter()
                .map(|(name, count)| if *count > 1 { format!("{name}×{count}") } else { name.clone() })
                .collect::<Vec<_>>()
                .join(" "),
            FactValue::Word(word) => word.clone(),
            FactValue::Bool(yes) => yes.to_string(),
            FactValue::Int(number) => number.to_string(),
            FactValue::Real(number) => number.to_string(),
            FactValue::Null => continue,
        };
        let _ = writeln!(out, "  {name:17} {}", line(&text, session.width.saturating_sub(20).max(60)));
    }
    let _ = writeln!(out, "\n{}", bold("history"));
    for entry in &history {
        let _ = writeln!(out, "  op {} {} {}", entry.op, entry.verb, entry.ended.as_deref().unwrap_or("(open)"));
    }
    pager::print(session, &out, !args.no_pager)
}

/// How a model wrote a sample as JSON; null where none did.
fn generation(store: &Store, sample: &Sample) -> Result<serde_json::Value, Failure> {
    let Some(generation) = store.generation_of(sample.row)? else { return Ok(json!(null)) };
    let of = generation.prompt_of.map(|row| store.id_of(row)).transpose()?.flatten();
    let mut out = json!(generation);
    out["run"] = json!(sample.written.as_ref().map(|written| &written.run));
    out["of"] = json!(of);
    Ok(out)
}

/// The same for people: names and values.
fn written(store: &Store, sample: &Sample) -> Result<Vec<(&'static str, String)>, Failure> {
    let (Some(generation), Some(written)) = (store.generation_of(sample.row)?, &sample.written) else {
        return Ok(Vec::new());
    };
    let mut out = vec![(
        "written by",
        format!(
            "run {}: {} tokens to a prompt of {}, ended by {}",
            written.run,
            generation.tokens.len(),
            generation.prompt_tokens,
            generation.stop
        ),
    )];
    if let Some(id) = generation.prompt_of.map(|row| store.id_of(row)).transpose()?.flatten() {
        let side = generation.side.as_ref().map_or(String::new(), |side| format!(" ({side} then)"));
        out.push(("prompt of", format!("{}{side}", &id.to_string()[..12])));
    }
    for (name, value) in generation.fields.as_object().into_iter().flatten().filter(|(name, _)| *name != "instruction")
    {
        out.push(("prompt", format!("{name}: {}", crate::store::index::schema::meta_text(value))));
    }
    out.push((
        "parameters",
        format!("{}, seed {}, answer {}", generation.parameters, generation.seed, generation.number),
    ));
    out.push(("contract", generation.contract.get(..12).unwrap_or(&generation.contract).to_owned()));
    out.push(("model", generation.model.to_string()));
    Ok(out)
}

/// The cluster of a sample as JSON: its survivor, and those that the survivor stands for; null where it is of none.
fn cluster(store: &Store, sample: &Sample) -> Result<serde_json::Value, Failure> {
    let own = store.duplicate_of(sample.row)?;
    let survivor = own.as_ref().map_or(sample.row, |duplicate| duplicate.of);
    let rows = store.duplicates_of(survivor)?;
    if rows.is_empty() {
        return Ok(json!(null));
    }
    let place = |row: u32| -> Result<serde_json::Value, Failure> {
        let sample = store.sample_without_facts(row)?;
        Ok(json!({ "id": sample.id, "source": sample.source, "locator": sample.locator, "licence": sample.licence }))
    };
    let mut members = Vec::new();
    for row in &rows {
        let mut member = place(*row)?;
        let duplicate = store.duplicate_of(*row)?;
        member["similarity"] = json!(duplicate.as_ref().map(|duplicate| duplicate.similarity));
        member["method"] = json!(duplicate.as_ref().map(|duplicate| duplicate.method));
        member["clause"] = json!(duplicate.as_ref().map(|duplicate| &duplicate.clause));
        members.push(member);
    }
    Ok(json!({ "size": rows.len() + 1, "survivor": place(survivor)?, "members": members }))
}

/// What a sample is to others, in sentences: whose duplicate, whose survivor, of which family.
fn standing(store: &Store, sample: &Sample) -> Result<Vec<String>, Failure> {
    let named = |row: u32| -> Result<String, Failure> {
        let other = store.sample_without_facts(row)?;
        Ok(format!("{} ({} {})", &other.id.to_string()[..8], other.source, other.locator))
    };
    let mut out = Vec::new();
    if let Some(duplicate) = store.duplicate_of(sample.row)? {
        let like = match duplicate.method {
            Method::Exact => "the same code as".to_owned(),
            Method::Near => format!("{:.3} like", duplicate.similarity),
            Method::Renamed => format!("a renamed copy ({:.3}) of", duplicate.similarity),
        };
        out.push(format!("it is {like} {}, which is kept by {}", named(duplicate.of)?, duplicate.clause));
    }
    let stands_for = store.duplicates_of(sample.row)?;
    if !stands_for.is_empty() {
        let mut first = Vec::new();
        for row in stands_for.iter().take(3) {
            first.push(named(*row)?);
        }
        let more = stands_for.len() - first.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        out.push(format!("it stands for {}{more}", first.join(", ")));
    }
    if store.is_exempt(sample.row)? {
        out.push("a person restored it: it is never a duplicate".to_owned());
    }
    for verdict in store.verdicts_of(sample.row)? {
        out.push(format!(
            "it stands in {} at {}: {}, {:.3} alike, lines {}",
            verdict.reference,
            verdict.place,
            verdict.method.word(),
            verdict.score,
            verdict.span
        ));
    }
    if sample.held {
        out.push("it is on no side, because it ties rows of two sides".to_owned());
    }
    if let Some(family) = store.family_of(sample.row)?.filter(|id| *id != sample.id) {
        out.push(format!("its family is that of {}", &family.to_string()[..8]));
    }
    Ok(out)
}

/// Lines that went and came, with two lines around them.
pub fn diff(before: &str, after: &str, colour: bool) -> String {
    let before = before.replace("\r\n", "\n");
    let mut out = String::new();
    let changes = similar::TextDiff::from_lines(before.as_str(), after);
    for group in changes.grouped_ops(2) {
        out.push_str("  …\n");
        for op in group {
            for change in changes.iter_changes(&op) {
                let (sign, paint) = match change.tag() {
                    similar::ChangeTag::Delete => ("-", "\u{1b}[31m"),
                    similar::ChangeTag::Insert => ("+", "\u{1b}[32m"),
                    similar::ChangeTag::Equal => (" ", ""),
                };
                let text = format!("{sign} {}", safe(change.value().trim_end_matches('\n')));
                if colour && !paint.is_empty() {
                    let _ = writeln!(out, "{paint}{text}\u{1b}[0m");
                } else {
                    let _ = writeln!(out, "{text}");
                }
            }
        }
    }
    out
}

/// Says why a sample is what it is.
///
/// # Errors
/// As the store; usage where the feature has no contributions.
pub fn why(session: &Session, args: &WhyArgs) -> Result<(), Failure> {
    let store = session.store()?;
    let sample = by_id(&store, &args.id)?;
    let (dialect, issues) = store.hints(sample.row)?;
    let recipe_dialect =
        store.sources()?.into_iter().find(|source| source.name == sample.source).and_then(|source| source.dialect);
    let hint = dialect.or(recipe_dialect);
    if let Some(feature) = &args.feature {
        let Some(parts) = analyze::why(feature, &sample.code, sample.instruction.as_deref(), hint, &issues) else {
            let known: Vec<&str> = crate::analyze::features::EXTRACTORS
                .iter()
                .filter(|entry| entry.why.is_some())
                .map(|entry| entry.name)
                .collect();
            return Err(Failure::usage(format!(
                "`{feature}` has no contributions to list; these have: {}",
                known.join(", ")
            )));
        };
        let value = serde_json::to_value(sample.facts.get(feature)).unwrap_or_default();
        if session.json {
            let parts: Vec<_> = parts.iter().map(|part| json!({ "what": part.what, "points": part.points })).collect();
            return session.print_json(
                &json!({ "id": sample.id.to_string(), "feature": feature, "value": value, "contributions": parts }),
            );
        }
        let digits = store.short_digits(&[sample.id])?;
        session.print(format!("{feature} of {} is {value}\n", &sample.id.to_string()[..digits]))?;
        for part in parts {
            session.print(format!("  {:+8.2}  {}\n", part.points, safe(&part.what)))?;
        }
        return Ok(());
    }
    let history = store.history(sample.row)?;
    let mut out: Vec<String> = Vec::new();
    out.push(format!("it was read from {} at {}", sample.source, sample.locator));
    for entry in &history {
        let what = if entry.before.is_null() { "added it" } else { "changed it" };
        out.push(format!("op {} ({}) {what}", entry.op, entry.verb));
    }
    if sample.cleaners.is_empty() {
        out.push("its code stands as it was read".to_owned());
    } else {
        out.push(format!("its code was mended by {}", sample.cleaners.join(", then ")));
    }
    match &sample.reason {
        Some(reason) => out.push(format!("it is {} because: {reason}", sample.state)),
        None => out.push(format!("it is {}", sample.state)),
    }
    out.extend(standing(&store, &sample)?);
    if let Some(side) = sample.split {
        out.push(format!("its side is {side}"));
    }
    let rules: Vec<&str> = sample.facts.names("issue").map(|(name, _)| name).collect();
    if !rules.is_empty() {
        out.push(format!("rules that fired: {}", rules.join(", ")));
    }
    if session.json {
        return session.print_json(&json!({ "id": sample.id.to_string(), "why": out }));
    }
    for sentence in out {
        session.print(format!("{}\n", safe(&sentence)))?;
    }
    session.say(format!("`scenery why {} complexity` lists what made up a score", &sample.id.to_string()[..8]));
    Ok(())
}
