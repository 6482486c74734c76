//! The form of a document: which fields the query index has, and how a sample becomes one.
//!
//! - `row`, `id_high`, `id_low`: numbers, fast. `row` is a term too, for deletion. `digest`: what the document was made of.
//! - `terms`: every name, word and yes-or-no of a sample as the term `FIELD U+001F VALUE`; counts above 1 of a counted
//!   set as `FIELD# U+001F NAME U+001F COUNT` (count as 10 digits); `has U+001F FIELD` for what is not empty.
//! - `code`, `instruction`: the terms of `text`, with positions; `meta`: the same with `NAME U+001F` before each term.
//! - a fast field per numeric feature, and `added` as days since 1970-01-01.

use std::collections::BTreeMap;

use tantivy::TantivyDocument;
use tantivy::schema::{Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::analyze::features::{EXTRACTORS, Kind};
use crate::sample::{FactValue, Sample};
use crate::text;

/// Between the parts of a term.
pub const UNIT: char = '\u{1f}';
/// Between the terms of a document, and between the values of `meta`.
pub const RECORD: char = '\u{1e}';

/// Raised whenever documents may differ; an index of another version is rebuilt.
pub const VERSION: u32 = 2;

/// The field `has`.
pub const HAS: &str = "has";

/// Positions left free between two values of `meta`, so that no phrase crosses them.
const META_GAP: usize = 64;

/// A number that the index keeps.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// The tantivy field.
    pub field: Field,
    /// Whether it holds whole numbers.
    pub whole: bool,
}

/// The fields of the index.
#[derive(Clone, Debug)]
pub struct Fields {
    /// The schema they are of.
    pub schema: Schema,
    /// Dense row number.
    pub row: Field,
    /// Upper half of the id.
    pub id_high: Field,
    /// Lower half of the id.
    pub id_low: Field,
    /// Digest of what the document was made of.
    pub digest: Field,
    /// Names, words, yes-or-no.
    pub terms: Field,
    /// Code.
    pub code: Field,
    /// Instruction.
    pub instruction: Field,
    /// The source's own columns.
    pub meta: Field,
    /// Numeric features and `added`.
    pub numbers: BTreeMap<&'static str, Number>,
}

impl Fields {
    /// Builds the fields from the registry of features.
    pub fn new() -> Fields {
        let mut builder = Schema::builder();
        let row = builder.add_u64_field("row", NumericOptions::default().set_fast().set_indexed());
        let id_high = builder.add_u64_field("id_high", NumericOptions::default().set_fast());
        let id_low = builder.add_u64_field("id_low", NumericOptions::default().set_fast());
        let text = |tokenizer: &str, record, norms| {
            TextOptions::default().set_indexing_options(
                TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(record).set_fieldnorms(norms),
            )
        };
        let terms = builder.add_text_field("terms", text("terms", IndexRecordOption::Basic, false));
        let code = builder.add_text_field("code", text("code", IndexRecordOption::WithFreqsAndPositions, true));
        let instruction =
            builder.add_text_field("instruction", text("code", IndexRecordOption::WithFreqsAndPositions, true));
        let meta = builder.add_text_field("meta", text("meta", IndexRecordOption::WithFreqsAndPositions, false));
        let mut numbers = BTreeMap::new();
        for entry in EXTRACTORS {
            let name = number_name(entry.name);
            let number = match entry.kind {
                Kind::Int => {
                    Number { field: builder.add_i64_field(&name, NumericOptions::default().set_fast()), whole: true }
                }
                Kind::Real => {
                    Number { field: builder.add_f64_field(&name, NumericOptions::default().set_fast()), whole: false }
                }
                _ => continue,
            };
            numbers.insert(entry.name, number);
        }
        let added = builder.add_i64_field(&number_name("added"), NumericOptions::default().set_fast());
        numbers.insert("added", Number { field: added, whole: true });
        let digest = builder.add_u64_field("digest", NumericOptions::default().set_fast());
        let schema = builder.build();
        Fields { schema, row, id_high, id_low, digest, terms, code, instruction, meta, numbers }
    }

    /// What an index must have been made with to be usable: versions of documents and text, and the names of the numbers.
    pub fn stamp(&self) -> String {
        let names: Vec<String> = self.numbers.iter().map(|(name, number)| format!("{name}:{}", number.whole)).collect();
        format!("documents {VERSION}, text {}, numbers {}", text::VERSION, names.join(" "))
    }

    /// Makes the document of a sample.
    pub fn document(&self, sample: &Sample) -> TantivyDocument {
        let mut doc = TantivyDocument::new();
        doc.add_u64(self.row, u64::from(sample.row));
        let (high, low) = sample.id.halves();
        doc.add_u64(self.id_high, high);
        doc.add_u64(self.id_low, low);
        doc.add_u64(self.digest, self.digest(sample));
        doc.add_text(self.terms, terms_of(sample));
        doc.add_text(self.code, &sample.code);
        if let Some(instruction) = &sample.instruction {
            doc.add_text(self.instruction, instruction);
        }
        let mut meta = String::new();
        for (name, value) in &sample.meta {
            meta.push_str(name);
            meta.push(UNIT);
            meta.push_str(&meta_text(value));
            meta.push(RECORD);
        }
        if !meta.is_empty() {
            doc.add_text(self.meta, meta);
        }
        for (name, number) in &self.numbers {
            if let Some(value) = number_of(sample, name) {
                if number.whole {
                    doc.add_i64(number.field, value as i64);
                } else {
                    doc.add_f64(number.field, value);
                }
            }
        }
        doc
    }

    /// A digest of all that the document of a sample is made of: where the database gives another one than the index
    /// holds, it was changed behind the back of the change log.
    pub fn digest(&self, sample: &Sample) -> u64 {
        let mut out = sample.id.to_string();
        for part in [terms_of(sample).as_str(), &sample.code, sample.instruction.as_deref().unwrap_or_default()] {
            out.push(RECORD);
            out.push_str(part);
        }
        for (name, value) in &sample.meta {
            out.push(RECORD);
            out.push_str(name);
            steady(value, &mut out);
        }
        for name in self.numbers.keys() {
            out.push(RECORD);
            // Half the digits: a fraction that was written as JSON and read again may differ in its last bit.
            if let Some(value) = number_of(sample, name) {
                out.push_str(&(value as f32).to_string());
            }
        }
        xxhash_rust::xxh3::xxh3_64(out.as_bytes())
    }
}

/// The value of a sample that a numeric field of the index holds.
fn number_of(sample: &Sample, name: &str) -> Option<f64> {
    if name == "added" { days(&sample.added).map(|day| day as f64) } else { sample.facts.number(name) }
}

/// Writes a JSON value so that it is the same after it was written as JSON and read again.
fn steady(value: &serde_json::Value, out: &mut String) {
    use serde_json::Value;
    out.push(UNIT);
    match value {
        Value::Number(number) if number.is_f64() => {
            out.push_str(&(number.as_f64().unwrap_or_default() as f32).to_string());
        }
        Value::Array(values) => values.iter().for_each(|value| steady(value, out)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            out.push_str(name);
            steady(value, out);
        }),
        other => out.push_str(&meta_text(other)),
    }
}

impl Default for Fields {
    fn default() -> Self {
        Fields::new()
    }
}

/// The tantivy field of a number. A dot in a fast field's name would mean a path inside a JSON field.
pub fn number_name(feature: &str) -> String {
    format!("n_{}", feature.replace('.', "_"))
}

/// A value of `meta` as text: strings as they are, anything else as JSON.
pub fn meta_text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value of `meta` as a number: a number, or a text that is nothing else, as a table without types has it.
pub fn meta_number(value: &serde_json::Value) -> Option<f64> {
    match value {
        serde_json::Value::String(text) => {
            let text = text.trim();
            let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
            text.parse().ok().filter(|number: &f64| plain && number.is_finite())
        }
        other => other.as_f64(),
    }
}

/// Days since 1970-01-01 of the date that an RFC 3339 time begins with.
pub fn days(time: &str) -> Option<i64> {
    let mut parts = time.get(..10)?.split('-');
    let year: i64 = parts.next()?.parse().ok()?;
    let month: i64 = parts.next()?.parse().ok()?;
    let day: i64 = parts.next()?.parse().ok()?;
    // Howard Hinnant, "chrono-compatible low-level date algorithms": days_from_civil.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let of_era_days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some(era * 146_097 + of_era_days - 719_468)
}

/// The term of a value of a field.
pub fn term_text(field: &str, value: &str) -> String {
    format!("{field}{UNIT}{value}")
}

/// The term of a count of a name.
pub fn count_text(field: &str, name: &str, count: u32) -> String {
    format!("{field}#{UNIT}{name}{UNIT}{count:010}")
}

fn terms_of(sample: &Sample) -> String {
    let mut out = String::with_capacity(2048);
    let mut put = |field: &str, value: &str| {
        out.push_str(field);
        out.push(UNIT);
        // Control characters in names would cut terms in two; no name of Python or of a recipe has one.
        if value.contains([UNIT, RECORD]) {
            out.extend(value.chars().map(|ch| if ch == UNIT || ch == RECORD { ' ' } else { ch }));
        } else {
            out.push_str(value);
        }
        out.push(RECORD);
    };
    put("source", &sample.source);
    put("description.kind", sample.description_kind.word());
    for always in ["id", "source", "key", "locator", "origin", "code", "added", "description.kind"] {
        put(HAS, always);
    }
    if let Some(level) = &sample.level {
        put("level", level);
        put(HAS, "level");
    }
    if let Some(side) = sample.split_given {
        put("split.given", side.word());
        put(HAS, "split.given");
    }
    if let Some(family) = &sample.family {
        put("family", family);
        put(HAS, "family");
    }
    if let Some(written) = &sample.written {
        for (field, word) in [("eval.run", &written.run), ("eval.stop", &written.stop)] {
            put(field, word);
            put(HAS, field);
        }
    }
    if sample.instruction.is_some() {
        put(HAS, "instruction");
    }
    for name in sample.meta.keys() {
        put(HAS, &format!("meta.{name}"));
    }
    let mut counts = String::new();
    for (name, value) in &sample.facts.0 {
        if !value.is_empty() {
            put(HAS, name);
        }
        match value {
            FactValue::Bool(yes) => put(name, if *yes { "true" } else { "false" }),
            FactValue::Word(word) => put(name, word),
            FactValue::Set(names) => {
                // A known set, empty or not: counts of names that it lacks are 0.
                put("known", name);
                for (member, count) in names {
                    put(name, member);
                    if *count > 1 {
                        counts.push_str(&count_text(name, member, *count));
                        counts.push(RECORD);
                    }
                }
            }
            FactValue::Null | FactValue::Int(_) | FactValue::Real(_) => {}
        }
    }
    out.push_str(&counts);
    out
}

/// A stream over tokens that were made at once.
pub struct Buffered {
    arena: String,
    items: Vec<(usize, usize, usize, usize, usize)>,
    next: usize,
    token: Token,
}

impl Buffered {
    fn new() -> Self {
        Buffered { arena: String::new(), items: Vec::new(), next: 0, token: Token::default() }
    }

    fn push(&mut self, parts: [&str; 2], position: usize, from: usize, to: usize) {
        let start = self.arena.len();
        self.arena.push_str(parts[0]);
        self.arena.push_str(parts[1]);
        self.items.push((start, self.arena.len(), position, from, to));
    }
}

impl TokenStream for Buffered {
    fn advance(&mut self) -> bool {
        let Some(&(start, end, position, from, to)) = self.items.get(self.next) else { return false };
        self.next += 1;
        self.token.text.clear();
        self.token.text.push_str(&self.arena[start..end]);
        self.token.position = position;
        self.token.offset_from = from;
        self.token.offset_to = to;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// Splits at U+001E: each piece is a term as it is.
#[derive(Clone)]
pub struct TermsTokenizer;

impl Tokenizer for TermsTokenizer {
    type TokenStream<'a> = Buffered;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Buffered {
        let mut out = Buffered::new();
        let mut at = 0;
        for (position, piece) in text.split(RECORD).enumerate() {
            if !piece.is_empty() {
                out.push([piece, ""], position, at, at + piece.len());
            }
            at += piece.len() + 1;
        }
        out
    }
}

/// The tokenizer of [`crate::text`].
#[derive(Clone)]
pub struct CodeTokenizer;

impl Tokenizer for CodeTokenizer {
    type TokenStream<'a> = Buffered;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Buffered {
        let mut out = Buffered::new();
        out.arena.reserve(text.len());
        text::for_each_term(text, &mut |term, position, from, to| out.push([term, ""], position as usize, from, to));
        out
    }
}

/// The tokenizer of [`crate::text`] over each value of `meta`, with the name before each term.
#[derive(Clone)]
pub struct MetaTokenizer;

impl Tokenizer for MetaTokenizer {
    type TokenStream<'a> = Buffered;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Buffered {
        let mut out = Buffered::new();
        let mut base = 0usize;
        let mut at = 0usize;
        for record in text.split(RECORD) {
            if let Some((name, value)) = record.split_once(UNIT) {
                let prefix = &record[..=name.len()];
                let mut last = 0;
                text::for_each_term(value, &mut |term, position, from, to| {
                    last = position as usize;
                    out.push([prefix, term], base + last, at + from, at + to);
                });
                base += last + META_GAP;
            }
            at += record.len() + 1;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_from_the_epoch() {
        assert_eq!(days("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(days("2000-03-01"), Some(11_017));
        assert_eq!(days("2024-02-29T23:59:59Z"), Some(19_782));
        assert_eq!(days("nonsense"), None);
    }

    #[test]
    fn a_text_that_is_a_number_is_one() {
        let number = |value: serde_json::Value| meta_number(&value);
        assert_eq!(number(serde_json::json!(2019)), Some(2019.0));
        assert_eq!(number(serde_json::json!(" -2.5e1 ")), Some(-25.0));
        for other in
            [serde_json::json!("2019-01"), serde_json::json!("nan"), serde_json::json!(""), serde_json::json!(true)]
        {
            assert_eq!(number(other.clone()), None, "{other}");
        }
    }

    #[test]
    fn values_of_meta_do_not_run_into_each_other() {
        let mut stream = MetaTokenizer.token_stream("a\u{1f}one two\u{1e}b\u{1f}three\u{1e}");
        let mut seen = Vec::new();
        while stream.advance() {
            seen.push((stream.token().text.clone(), stream.token().position));
        }
        assert_eq!(seen[0], ("a\u{1f}one".into(), 0));
        assert_eq!(seen[1], ("a\u{1f}two".into(), 1));
        assert!(seen[2].1 > 10);
    }
}
