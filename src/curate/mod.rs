//! What people decide about samples: tags, rejections, restorations, and what is to be forgotten.
//!
//! Layer 3. Each decision is a list of changes for [`Store::change`]; whoever applies them calls [`crate::dedup::regrow`]
//! before the op closes. [`dump`] writes all decisions as lines for a file under version control, [`load`] brings them
//! into another store of the same sources.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::sample::{Sample, Side, State};
use crate::store::{Duplicate, Store, StoreError};

/// What is wrong with a decision.
#[derive(Debug, thiserror::Error)]
pub enum CurateError {
    /// A tag that queries could not name plainly.
    #[error("`{0}` is no tag: a tag has letters, digits and `-`, `_`, `.`, `/`, and begins with a letter or a digit")]
    Tag(String),
    /// A reason that cannot be shown or asked for.
    #[error("a reason is one line of 1 to 200 characters")]
    Reason,
    /// A reason that reading gives.
    #[error("`{0}` is the reason that reading a source gives: say it in other words")]
    Reserved(String),
    /// An origin that names nothing.
    #[error("{0}")]
    Origin(String),
    /// A line of a dump that is none.
    #[error("line {line}: {message}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a sample is rejected that its source no longer has.
const GONE: &str = "gone-upstream";

/// Checks a tag.
///
/// # Errors
/// [`CurateError::Tag`].
pub fn tag_name(text: &str) -> Result<String, CurateError> {
    let begins = text.chars().next().is_some_and(char::is_alphanumeric);
    let fits = text.chars().all(|ch| ch.is_alphanumeric() || "-_./".contains(ch)) && text.chars().count() <= 80;
    if begins && fits { Ok(text.to_owned()) } else { Err(CurateError::Tag(text.to_owned())) }
}

/// Checks the reason of a rejection.
///
/// # Errors
/// [`CurateError::Reason`].
pub fn reason(text: &str) -> Result<String, CurateError> {
    let text = text.trim();
    if [GONE, State::Forgotten.word()].contains(&text) {
        return Err(CurateError::Reserved(text.to_owned()));
    }
    let fits = !text.is_empty() && text.chars().count() <= 200 && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(CurateError::Reason) }
}

/// Adds and removes tags; rows that have them so already are left out.
///
/// # Errors
/// As the store.
pub fn tag(
    store: &Store,
    rows: &[u32],
    add: &BTreeSet<String>,
    remove: &BTreeSet<String>,
) -> Result<Vec<(u32, Value)>, StoreError> {
    let columns = store.columns()?;
    let mut out = Vec::new();
    for row in rows {
        let before: BTreeSet<String> = columns.words("tag", *row).into_iter().map(str::to_owned).collect();
        let after: BTreeSet<String> = before.iter().filter(|tag| !remove.contains(*tag)).chain(add).cloned().collect();
        let forgotten = columns.words("state", *row).first().copied() == Some(State::Forgotten.word());
        if after != before && !forgotten {
            out.push((*row, tags_column(&after)));
        }
    }
    Ok(out)
}

fn tags_column(tags: &BTreeSet<String>) -> Value {
    json!({ "tags": serde_json::to_string(tags).expect("words are plain JSON") })
}

/// Rejects rows, whatever they were; those that are rejected for this reason are left out.
///
/// # Errors
/// As the store.
pub fn reject(store: &Store, rows: &[u32], reason: &str) -> Result<Vec<(u32, Value)>, StoreError> {
    let columns = store.columns()?;
    let changes = rows.iter().filter(|row| {
        let word = |field: &str| columns.words(field, **row).first().copied();
        word("state") != Some(State::Forgotten.word())
            && (word("state"), word("reason")) != (Some(State::Rejected.word()), Some(reason))
    });
    let mut after = Duplicate::columns(None);
    after["state"] = json!(State::Rejected.word());
    after["reason"] = json!(reason);
    Ok(changes.map(|row| (*row, after.clone())).collect())
}

/// Brings back what was rejected or is a duplicate; a duplicate is exempt from then on. Others are left out.
///
/// # Errors
/// As the store.
pub fn restore(store: &Store, rows: &[u32]) -> Result<Vec<(u32, Value)>, StoreError> {
    let columns = store.columns()?;
    let generated = store.generated_rows()?;
    let mut out = Vec::new();
    for row in rows {
        let state = columns.words("state", *row).first().copied().unwrap_or_default();
        let mut after = back(generated.contains(*row));
        if state == State::Duplicate.word() {
            after["exempt"] = json!(1);
        } else if state != State::Rejected.word() {
            continue;
        }
        out.push((*row, after));
    }
    Ok(out)
}

/// What a row becomes that is brought back: kept, or what a model wrote and no more.
fn back(generated: bool) -> Value {
    let mut after = Duplicate::columns(None);
    if generated {
        after["state"] = json!(State::Generated.word());
    }
    after
}

/// The rows of an origin: `SOURCE`, `SOURCE:LOCATOR` (with `*` for any characters) or the beginning of an id (at least 6
/// digits), and what models wrote from their prompts, since that holds these. Rows that are forgotten already are left out.
///
/// # Errors
/// [`CurateError::Origin`] where it names nothing; as the store.
pub fn of_origin(store: &Store, origin: &str) -> Result<Vec<u32>, CurateError> {
    let (source, locator) = match origin.split_once(':') {
        Some((source, locator)) => (source, Some(locator)),
        None => (origin, None),
    };
    let known = store.sources()?.iter().any(|each| each.name == source);
    let mut rows: Vec<u32> = Vec::new();
    if known {
        let parts: Vec<String> = locator.unwrap_or("*").split('*').map(regex::escape).collect();
        let pattern = regex::Regex::new(&format!("^(?s:{})$", parts.join(".*")))
            .map_err(|error| CurateError::Origin(format!("`{origin}`: {error}")))?;
        store.scan_places(&mut |row, _, place, of| {
            if of == source && pattern.is_match(place) {
                rows.push(row);
            }
        })?;
    } else if origin.len() >= 6 && origin.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let found = store.rows_by_id(origin, 2)?;
        if found.len() > 1 {
            return Err(CurateError::Origin(format!("several ids begin with `{origin}`: give more digits")));
        }
        rows.extend(found.into_iter().map(|(row, _)| row));
    } else {
        return Err(CurateError::Origin(format!(
            "`{origin}` names no source of this store and is no id: an origin is SOURCE, SOURCE:LOCATOR or an id"
        )));
    }
    if rows.is_empty() {
        return Err(CurateError::Origin(format!(
            "`{origin}` names no sample: `scenery query 'state:any source:{source}'` prints locators"
        )));
    }
    // What was written from what was written, and so on.
    let mut known: BTreeSet<u32> = rows.iter().copied().collect();
    let mut newest = rows.clone();
    while !newest.is_empty() {
        newest = store.generated_from(&newest)?;
        newest.retain(|row| known.insert(*row));
        rows.extend(&newest);
    }
    rows.sort_unstable();
    let columns = store.columns()?;
    rows.retain(|row| columns.words("state", *row).first().copied() != Some(State::Forgotten.word()));
    Ok(rows)
}

/// The decisions about a sample, as a dump has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Its id.
    pub id: String,
    /// Its source, to be read by people.
    pub source: String,
    /// Where it was last seen, to be read by people.
    pub locator: String,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Why it is rejected, where it is.
    #[serde(default)]
    pub rejected: Option<String>,
    /// Whether it is never a duplicate.
    #[serde(default)]
    pub exempt: bool,
    /// The side that is recorded for it.
    #[serde(default)]
    pub split: Option<Side>,
}

/// All decisions of a store, by id.
///
/// # Errors
/// As the store.
pub fn dump(store: &Store) -> Result<Vec<Decision>, StoreError> {
    let exempt: BTreeSet<u32> = store.exempt_rows()?.into_iter().collect();
    let columns = store.columns()?;
    let mut out = Vec::new();
    for row in columns.present().iter() {
        let one = |field: &str| columns.words(field, row).first().map(|word| (*word).to_owned());
        let tags: BTreeSet<String> = columns.words("tag", row).into_iter().map(str::to_owned).collect();
        // What went upstream is no decision of a person.
        let rejected = one("reason").filter(|reason| reason != GONE);
        let split = one("split").and_then(|side| side.parse().ok());
        if tags.is_empty() && rejected.is_none() && split.is_none() && !exempt.contains(&row) {
            continue;
        }
        let placed = store.placed(row)?;
        out.push(Decision {
            id: placed.id.to_string(),
            source: placed.source,
            locator: placed.locator,
            tags,
            rejected,
            exempt: exempt.contains(&row),
            split,
        });
    }
    out.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(out)
}

/// What loading decisions comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// Changes for [`Store::change`], by row.
    pub changes: Vec<(u32, Value)>,
    /// Decisions that hold already.
    pub unchanged: u64,
    /// Decisions about samples that this store does not have, or has forgotten.
    pub missing: Vec<Decision>,
    /// Decisions whose side is not the one that this store recorded.
    pub contradictions: Vec<(Decision, Side)>,
}

/// Reads a dump.
///
/// # Errors
/// [`CurateError::Line`] names the first line that is no decision.
pub fn read_dump(text: &str) -> Result<Vec<Decision>, CurateError> {
    let mut out: Vec<Decision> = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |message: String| CurateError::Line { line: at + 1, message };
        let decision: Decision = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        if decision.id.len() != 32 || !decision.id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong(format!("`{}` is no id: ids are 32 hexadecimal digits", decision.id)));
        }
        for tag in &decision.tags {
            tag_name(tag).map_err(|error| wrong(error.to_string()))?;
        }
        if let Some(text) = &decision.rejected {
            reason(text).map_err(|error| wrong(error.to_string()))?;
        }
        if let Some(first) = seen.insert(decision.id.clone(), at + 1) {
            return Err(wrong(format!("{} stands in line {first} already", decision.id)));
        }
        out.push(decision);
    }
    Ok(out)
}

/// Compares decisions with a store. A decision stands for the whole of what people decided about its sample; samples
/// that it does not name stay as they are.
///
/// # Errors
/// As the store.
pub fn load(store: &Store, decisions: &[Decision]) -> Result<Loaded, StoreError> {
    let exempt: BTreeSet<u32> = store.exempt_rows()?.into_iter().collect();
    let columns = store.columns()?;
    let generated = store.generated_rows()?;
    let present = columns.present();
    let mut out = Loaded::default();
    for decision in decisions {
        let row = store.row_of(&decision.id)?.filter(|row| present.contains(*row));
        let state = |row: u32| columns.words("state", row).first().and_then(|word| word.parse::<State>().ok());
        let Some((row, state)) =
            row.and_then(|row| Some((row, state(row)?))).filter(|(_, state)| *state != State::Forgotten)
        else {
            out.missing.push(decision.clone());
            continue;
        };
        let mut after = serde_json::Map::new();
        let mut set = |columns: Value| {
            if let Value::Object(fields) = columns {
                after.extend(fields);
            }
        };
        let tags: BTreeSet<String> = columns.words("tag", row).into_iter().map(str::to_owned).collect();
        if tags != decision.tags {
            set(tags_column(&decision.tags));
        }
        let reason = columns.words("reason", row).first().map(|word| (*word).to_owned());
        match &decision.rejected {
            Some(wanted) if state != State::Rejected || reason.as_deref() != Some(wanted) => {
                let mut columns = Duplicate::columns(None);
                columns["state"] = json!(State::Rejected.word());
                columns["reason"] = json!(wanted);
                set(columns);
            }
            None if state == State::Rejected && reason.as_deref() != Some(GONE) => {
                set(back(generated.contains(row)));
            }
            _ => {}
        }
        if decision.exempt != exempt.contains(&row) {
            if decision.exempt && state == State::Duplicate {
                set(Duplicate::columns(None));
            }
            set(json!({ "exempt": i64::from(decision.exempt) }));
        }
        let side = columns.words("split", row).first().and_then(|word| word.parse::<Side>().ok());
        match (side, decision.split) {
            (Some(own), Some(wanted)) if own != wanted => out.contradictions.push((decision.clone(), own)),
            (None, Some(wanted)) => {
                set(json!({ "split": wanted.word(), "held": 0, "side_revision": store.revision_of(row)? }))
            }
            _ => {}
        }
        if after.is_empty() {
            out.unchanged += 1;
        } else {
            out.changes.push((row, Value::Object(after)));
        }
    }
    Ok(out)
}

/// One line of what a sample is, for lists of what changes.
pub fn standing(sample: &Sample) -> String {
    match &sample.reason {
        Some(reason) => format!("{} ({reason})", sample.state),
        None => sample.state.to_string(),
    }
}
