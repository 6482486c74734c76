//! `pin` and `diff`.

use std::collections::BTreeMap;

use serde_json::json;

use crate::analyze;
use crate::cli::args::{DiffArgs, PinArgs};
use crate::cli::draw::{table, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::query::{self, Compiled};
use crate::sample::ContentDigest;
use crate::slice;
use crate::slice::diff::{self, Cause, Change, Compared};
use crate::slice::vocabulary::{Frozen, StoreVocabulary};
use crate::store::{Begin, Freeze, PinRecord, Store};

/// Rows of `diff` that are listed unless more are asked for.
const LISTED: usize = 20;

/// Freezes what a saved query selects, or lists the pins.
///
/// # Errors
/// As the query and the store.
pub fn pin(session: &Session, args: &PinArgs) -> Result<(), Failure> {
    let Some(named) = &args.name else { return list(session) };
    let (name, call) = query::pinnable(named).map_err(|error| Failure::query(error, named))?;
    let mut store = session.writable()?;
    let words = StoreVocabulary::new(&store);
    let none = BTreeMap::new();
    let vocabulary = Frozen::new(&words, &none);
    let compiled = session.compile_with(&store, &call, &vocabulary)?;
    super::export::refuse_relevance(&compiled.plan, "pin")?;
    let queries = vocabulary.used();
    let slice = session.select(&store, &compiled.plan, usize::MAX)?;
    if slice.rows.is_empty() {
        return Err(Failure::request(format!("{call} selects no row: there is nothing to freeze")));
    }
    let mut digest = ContentDigest::default();
    for sample in slice::samples(&store, &slice) {
        digest.add(&sample?);
    }
    let content = digest.finish();
    let before = store.pins(Some(&name))?;
    let same = before.iter().rev().find(|pin| pin.content == crate::sample::hex(&content));
    if let Some(same) = same {
        session.note(format!("@{}#{} has the same rows and texts", same.name, same.number));
    }
    let rows: Vec<u32> = slice.rows.iter().map(|(row, _)| *row).collect();
    let arguments = json!({ "query": call, "command": session.command });
    let op = store.begin(&Begin { verb: "pin", arguments, now: &session.now() })?;
    let analyser = analyze::analyser_version();
    let freeze = Freeze {
        name: &name,
        query: &call,
        queries: &queries,
        analyser: &analyser,
        moment: slice.at,
        rows: &rows,
        content,
    };
    let number = store.put_pin(op, &freeze)?;
    let pin = format!("@{name}#{number}");
    store.close(op, &json!({ "pin": pin, "rows": rows.len() }), &session.now())?;
    if session.json {
        let content = crate::sample::hex(&content);
        return session.print_json(&json!({
            "pin": pin, "name": name, "number": number, "rows": rows.len(), "content": content, "op": op,
        }));
    }
    session.say(format!(
        "froze {} rows as {pin}; `scenery diff {pin}` says what changes from now on",
        thousands(rows.len() as u64)
    ));
    Ok(())
}

fn list(session: &Session) -> Result<(), Failure> {
    let pins = session.store_as_it_is()?.pins(None)?;
    if session.json {
        return session.print_json(&pins);
    }
    if pins.is_empty() {
        session.say("nothing is frozen: `scenery pin NAME` freezes what a saved query selects");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = pins
        .iter()
        .map(|pin| {
            vec![
                format!("@{}#{}", pin.name, pin.number),
                pin.rows.to_string(),
                pin.made.clone(),
                format!("op{}", pin.moment),
                pin.content[..12].to_owned(),
                pin.query.clone(),
            ]
        })
        .collect();
    session.print(table(&["pin", "rows", "made", "as of", "content", "query"], &rows, session.width))
}

/// A query to compare, with what was asked for it.
struct Asked {
    compiled: Compiled,
    /// Of a pin: the query that it froze.
    origin: Option<Compiled>,
}

impl Asked {
    fn new(session: &Session, store: &Store, text: &str) -> Result<Asked, Failure> {
        let compiled = session.compile(store, text)?;
        let origin = match pin_of(store, &compiled)? {
            None => None,
            Some(pin) => {
                let words = StoreVocabulary::new(store);
                let frozen = Frozen::new(&words, &pin.queries);
                Some(session.compile_with(store, &pin.query, &frozen)?)
            }
        };
        Ok(Asked { compiled, origin })
    }

    fn compared(&self) -> Compared<'_> {
        Compared { plan: &self.compiled.plan, asked: &self.origin.as_ref().unwrap_or(&self.compiled).plan }
    }
}

/// The pin that is the whole of a query, if one is.
fn pin_of(store: &Store, compiled: &Compiled) -> Result<Option<PinRecord>, Failure> {
    let Some(pin) = compiled.plan.order.as_ref().filter(|_| compiled.plan.steps.is_empty()) else { return Ok(None) };
    Ok(store.pins(Some(&pin.name))?.into_iter().find(|each| each.number == pin.number))
}

/// Says what two slices differ by.
///
/// # Errors
/// As the queries and the store.
pub fn diff(session: &Session, args: &DiffArgs) -> Result<(), Failure> {
    let store = session.store()?;
    let first = Asked::new(session, &store, &args.first)?;
    let second = match &args.second {
        Some(text) => text.clone(),
        None => now(&store, &first.compiled, &args.first)?,
    };
    let other = Asked::new(session, &store, &second)?;
    let found = diff::diff(&store, first.compared(), other.compared())?;
    if session.json {
        let mut causes: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        for difference in &found.differences {
            *causes
                .entry(change_word(difference.change))
                .or_default()
                .entry(cause_word(difference.cause))
                .or_default() += 1;
        }
        return session.print_json(&json!({
            "first": { "query": args.first, "rows": found.first },
            "second": { "query": second, "rows": found.second },
            "both": found.both, "same_order": found.same_order, "causes": causes, "rows": found.differences,
        }));
    }
    let order = if found.same_order { "" } else { ", in another order" };
    session.print(format!(
        "{} rows  {}\n{} rows  {}\n{} rows in both{order}\n",
        thousands(found.first),
        args.first,
        thousands(found.second),
        second,
        thousands(found.both)
    ))?;
    let mut counted = Vec::new();
    for change in [Change::Entered, Change::Left, Change::Changed] {
        for (cause, word, means) in Cause::ALL {
            let count = found.differences.iter().filter(|each| (each.change, each.cause) == (change, *cause)).count();
            if count > 0 {
                let cells = [change_word(change), &thousands(count as u64), word, means].map(str::to_owned);
                counted.push(cells.to_vec());
            }
        }
    }
    if counted.is_empty() {
        session.say("the same rows, as they are");
        return Ok(());
    }
    session.print("\n")?;
    session.print(table(&["rows that", "are", "cause", "what it means"], &counted, session.width))?;
    let limit = args.limit.unwrap_or(LISTED);
    let shown = &found.differences[..found.differences.len().min(limit)];
    let ids: Vec<_> = shown.iter().map(|each| each.id).collect();
    let digits = store.short_digits(&ids)?;
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|each| {
            let op = each.op.map_or(String::new(), |op| format!("op {op}"));
            vec![
                each.id.to_string()[..digits].to_owned(),
                change_word(each.change).to_owned(),
                cause_word(each.cause).to_owned(),
                op,
            ]
        })
        .collect();
    if !rows.is_empty() {
        session.print("\n")?;
        session.print(table(&["id", "row", "cause", "by"], &rows, session.width))?;
    }
    if shown.len() < found.differences.len() {
        session.say(format!(
            "the first {} of {} rows are shown (-n N shows more)",
            shown.len(),
            found.differences.len()
        ));
    }
    Ok(())
}

/// The same query now, of one that asks about the past.
fn now(store: &Store, compiled: &Compiled, text: &str) -> Result<String, Failure> {
    if let Some(pin) = pin_of(store, compiled)? {
        return Ok(pin.query);
    }
    let mut parsed = compiled.parsed.clone();
    if parsed.at.take().is_some() {
        return Ok(parsed.to_string());
    }
    Err(Failure::usage(format!("`{text}` asks about now: name a second query to compare it with"))
        .suggesting(vec![format!("scenery diff {} QUERY", crate::cli::quoted(text))]))
}

fn cause_word(cause: Cause) -> &'static str {
    Cause::ALL.iter().find(|(each, ..)| *each == cause).map_or("", |(_, word, _)| word)
}

fn change_word(change: Change) -> &'static str {
    match change {
        Change::Entered => "entered",
        Change::Left => "left",
        Change::Changed => "changed",
    }
}
