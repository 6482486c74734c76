//! One instruction form: prompts made anew out of a sentence and what differs from sample to sample.
//!
//! A gap `{name}` is filled from a named group of a pattern on the present instruction, else from the source's own column
//! `meta.name`. A sample that lacks a value is told, never filled with something else.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use regex::Regex;
use serde::Serialize;
use serde_json::Value;

use super::CurateError;
use crate::analyze;
use crate::sample::{DescriptionKind, Dialect, Sample, SampleId, State};
use crate::store::{Content, Edit, Store, StoreError};

/// A sentence with gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Gap(String),
}

impl Form {
    /// Reads a sentence: `{name}` is a gap, `{{` and `}}` are braces.
    ///
    /// # Errors
    /// [`CurateError::Form`] where a brace stands alone, a name is none, or nothing is said.
    pub fn parse(text: &str) -> Result<Form, CurateError> {
        let wrong = |message: String| Err(CurateError::Form(message));
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(ch) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
                plain.push(ch);
                rest = after;
            } else if ch == '{' {
                let Some(end) = rest.find('}') else {
                    return wrong(format!("`{rest}` opens a gap and does not close it; a brace itself is `{{{{`"));
                };
                let name = &rest[1..end];
                let name = name.strip_prefix("meta.").unwrap_or(name);
                let legal = |ch: char| ch.is_alphanumeric() || "_-. ".contains(ch);
                if name.trim().is_empty() || !name.chars().all(legal) {
                    return wrong(format!(
                        "`{{{name}}}` is no gap: name a column or a group; a brace itself is `{{{{`"
                    ));
                }
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(Part::Gap(name.to_owned()));
                rest = &rest[end + 1..];
            } else if ch == '}' {
                return wrong(format!("`{rest}` closes a gap that is not open; a brace itself is `}}}}`"));
            } else {
                plain.push(ch);
                rest = &rest[ch.len_utf8()..];
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        if text.trim().is_empty() {
            return wrong("the form says nothing".to_owned());
        }
        Ok(Form { parts })
    }

    /// The names of its gaps.
    pub fn names(&self) -> BTreeSet<&str> {
        let gaps = self.parts.iter().filter_map(|part| match part {
            Part::Gap(name) => Some(name.as_str()),
            Part::Text(_) => None,
        });
        gaps.collect()
    }

    /// The sentence with its gaps filled; else the names that have no value.
    fn fill(&self, values: &BTreeMap<&str, String>) -> Result<String, Vec<String>> {
        let missing = self.names().into_iter().filter(|name| !values.contains_key(name));
        let missing: Vec<String> = missing.map(str::to_owned).collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        let text = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Gap(name) => values.get(name.as_str()).map_or("", String::as_str),
        });
        Ok(text.collect())
    }
}

/// A change of an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reworded {
    /// The sample.
    pub id: SampleId,
    /// Its row.
    pub row: u32,
    /// What it asks now.
    pub before: Option<String>,
    /// What it will ask.
    pub after: String,
}

/// A sample that lacks a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lacking {
    /// Its id.
    pub id: SampleId,
    /// Its source.
    pub source: String,
    /// Where it was last seen.
    pub locator: String,
    /// The gaps without a value.
    pub gaps: Vec<String>,
}

/// How prompts repeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Repeats {
    /// Instructions that several samples have.
    pub prompts: u64,
    /// Samples that share theirs.
    pub samples: u64,
    /// Of those samples the ones whose code differs from another's with the same instruction.
    pub with_other_code: u64,
}

/// What a form comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standardised {
    /// Instructions that change.
    pub changes: Vec<Reworded>,
    /// Samples that ask so already.
    pub same: u64,
    /// Samples that lack a value.
    pub lacking: Vec<Lacking>,
    /// How the prompts of all these samples repeat now.
    pub before: Repeats,
    /// How they would.
    pub after: Repeats,
}

/// Works out what a form makes of samples, in their order; forgotten ones are left out.
///
/// # Errors
/// [`CurateError::Form`] where a group of the pattern has the name of no gap; as the store.
pub fn plan(store: &Store, rows: &[u32], form: &Form, from: Option<&Regex>) -> Result<Standardised, CurateError> {
    let names = form.names();
    if let Some(pattern) = from {
        let groups: Vec<&str> = pattern.capture_names().flatten().collect();
        if let Some(other) = groups.iter().find(|group| !names.contains(*group)) {
            return Err(CurateError::Form(format!(
                "the pattern has a group `{other}`, and the form no gap `{{{other}}}`"
            )));
        }
        if groups.is_empty() {
            let example = names.iter().next().copied().unwrap_or("name");
            return Err(CurateError::Form(format!(
                "the pattern has no named group; `(?P<{example}>...)` gives the gap `{{{example}}}` its value"
            )));
        }
    }
    let mut out = Standardised::default();
    let (mut before, mut after) = (Tally::default(), Tally::default());
    for row in rows {
        let sample = store.sample_without_facts(*row)?;
        if sample.state == State::Forgotten {
            continue;
        }
        let present = sample.instruction.as_deref();
        before.add(present, &sample);
        match form.fill(&values(&sample, &names, from)) {
            Ok(text) => {
                after.add(Some(&text), &sample);
                if present == Some(text.as_str()) {
                    out.same += 1;
                } else {
                    out.changes.push(Reworded {
                        id: sample.id,
                        row: *row,
                        before: sample.instruction.clone(),
                        after: text,
                    });
                }
            }
            Err(gaps) => {
                after.add(present, &sample);
                out.lacking.push(Lacking { id: sample.id, source: sample.source, locator: sample.locator, gaps });
            }
        }
    }
    (out.before, out.after) = (before.repeats(), after.repeats());
    Ok(out)
}

/// The values that a sample has for gaps.
fn values<'n>(sample: &Sample, names: &BTreeSet<&'n str>, from: Option<&Regex>) -> BTreeMap<&'n str, String> {
    let captures = from.and_then(|pattern| pattern.captures(sample.instruction.as_deref()?));
    let mut out = BTreeMap::new();
    for name in names {
        let captured =
            captures.as_ref().and_then(|captures| captures.name(name)).map(|found| found.as_str().to_owned());
        // A gap that the pattern names is the pattern's: where it does not match, no column stands in for it.
        let named = from.is_some_and(|pattern| pattern.capture_names().flatten().any(|group| group == *name));
        let value = if named { captured } else { sample.meta.get(*name).and_then(column) };
        if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
            out.insert(*name, value.trim().to_owned());
        }
    }
    out
}

/// A column's value as it stands in a sentence; lists and objects have none.
fn column(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Samples and codes by instruction.
#[derive(Default)]
struct Tally(BTreeMap<String, Vec<[u8; 16]>>);

impl Tally {
    fn add(&mut self, instruction: Option<&str>, sample: &Sample) {
        if let Some(text) = instruction.map(str::trim).filter(|text| !text.is_empty()) {
            self.0.entry(text.to_owned()).or_default().push(sample.content);
        }
    }

    fn repeats(self) -> Repeats {
        let mut out = Repeats::default();
        for codes in self.0.into_values().filter(|codes| codes.len() > 1) {
            out.prompts += 1;
            out.samples += codes.len() as u64;
            if codes.iter().any(|code| *code != codes[0]) {
                out.with_other_code += codes.len() as u64;
            }
        }
        out
    }
}

/// Puts the changes into the store under an open op: an edited revision each, analysed anew.
///
/// # Errors
/// As the store.
pub fn apply(store: &mut Store, op: i64, changes: &[Reworded]) -> Result<(), StoreError> {
    /// Rows that are in memory at a time.
    const BATCH: usize = 1_000;
    let analyser = store.analyser_number(&analyze::analyser_version())?;
    let dialects: BTreeMap<String, Option<Dialect>> =
        store.sources()?.into_iter().map(|source| (source.name, source.dialect)).collect();
    for batch in changes.chunks(BATCH) {
        let mut given = Vec::with_capacity(batch.len());
        for change in batch {
            let sample = store.sample_without_facts(change.row)?;
            let (dialect, issues) = store.hints(change.row)?;
            let hint = dialect.or(dialects.get(&sample.source).copied().flatten());
            given.push((change, sample.code, hint, issues));
        }
        let edits: Vec<Result<Edit, StoreError>> = analyze::parse::pool().install(|| {
            given
                .par_iter()
                .map(|(change, code, hint, issues)| {
                    Ok(Edit {
                        row: change.row,
                        content: Content::new(Some(change.after.clone()), code)?,
                        facts: analyze::analyse(code, Some(&change.after), *hint, issues),
                        description_kind: DescriptionKind::Template,
                    })
                })
                .collect()
        });
        let edits: Vec<Edit> = edits.into_iter().collect::<Result<_, _>>()?;
        store.put_edits(op, analyser, &edits)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_text_and_gaps() {
        let form = Form::parse("Derive f(x) = {function} {{so}} for {meta.level}").expect("a form");
        assert_eq!(form.names().into_iter().collect::<Vec<_>>(), ["function", "level"]);
        let values = BTreeMap::from([("function", "x^2".to_owned()), ("level", "all".to_owned())]);
        assert_eq!(form.fill(&values), Ok("Derive f(x) = x^2 {so} for all".to_owned()));
        assert_eq!(form.fill(&BTreeMap::from([("level", "a".to_owned())])), Err(vec!["function".to_owned()]));
        for (text, says) in [
            ("", "nothing"),
            ("a {b", "does not close"),
            ("a } b", "not open"),
            ("a {} b", "no gap"),
            ("a {x+1}", "no gap"),
        ] {
            let error = Form::parse(text).expect_err(text).to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
