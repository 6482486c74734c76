//! What can be asked about: the features of [`crate::analyze::features`] and the fields that are none.
//!
//! A field whose values nothing makes yet is a field all the same ([`Home::Unfilled`]): every row is null there, so what
//! asks for it compiles, means what it will mean, and is noted.

use crate::analyze::features::{EXTRACTORS, Kind};
use crate::sample::{DescriptionKind, Side, State};

use super::plan::{Field, Home};

/// A field, as `fields` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// Name in queries; `meta.NAME` stands for all columns of the sources' own.
    pub name: &'static str,
    /// Kind of its values.
    pub kind: Kind,
    /// Unit; empty where there is none.
    pub unit: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// Where the values are kept.
    pub home: Home,
    /// A query that asks it.
    pub example: &'static str,
}

impl FieldInfo {
    /// The field as a plan holds it.
    pub fn field(&self) -> Field {
        Field { name: self.name.to_owned(), kind: self.kind, home: self.home }
    }
}

const fn fixed(
    name: &'static str,
    kind: Kind,
    home: Home,
    unit: &'static str,
    example: &'static str,
    doc: &'static str,
) -> FieldInfo {
    FieldInfo { name, kind, unit, doc, home, example }
}

const fn words(words: &'static [&'static str]) -> Kind {
    Kind::Enum { words, ordered: false }
}

/// How far a sample came in validation, from the first check to the last.
const VALIDATION: Kind =
    Kind::Enum { words: &["syntax", "structure", "imports", "instantiate", "run", "frame", "render"], ordered: true };

/// The fields that are no features, by name.
pub static FIXED: &[FieldInfo] = &[
    fixed("added", Kind::Date, Home::Row, "day (UTC)", "added:2026-01-01..2026-01-31", "When it was first read."),
    fixed("code", Kind::Text, Home::Text, "", "code:\"self.play\"", "The code of the current revision."),
    fixed(
        "description.kind",
        words(DescriptionKind::WORDS),
        Home::Row,
        "",
        "description.kind:(human or reviewed)",
        "Who wrote the instruction.",
    ),
    fixed(
        "dup.of",
        Kind::Word,
        Home::Kin,
        "",
        "has:dup.of",
        "The sample that stands for it, where it is a duplicate: its id, or the beginning of it. `dedup` finds duplicates.",
    ),
    fixed(
        "dup.similarity",
        Kind::Real,
        Home::Kin,
        "0 to 1",
        "dup.similarity>=0.9",
        "How alike it is to the sample that stands for it (Jaccard), where it is a duplicate.",
    ),
    fixed(
        "dup.size",
        Kind::Int,
        Home::Kin,
        "samples",
        "dup.size>=3",
        "How many samples the cluster of duplicates has that it is of, the kept one counted; null where it is of none.",
    ),
    fixed("edited", Kind::Bool, Home::Column, "", "is:edited", "Whether it was changed here after it was read."),
    fixed(
        "eval.NAME",
        Kind::Real,
        Home::Unfilled,
        "",
        "eval.quality>=50",
        "A number that an evaluation gave it. Nothing fills it yet: there are no evaluations.",
    ),
    fixed(
        "eval.run",
        Kind::Word,
        Home::Row,
        "",
        "eval.run:base",
        "The run of the model that wrote it, where one did. A query that names a field of evaluation sees generated samples beside the kept ones.",
    ),
    fixed(
        "eval.stop",
        Kind::Word,
        Home::Row,
        "",
        "eval.stop:max-tokens",
        "Why the model ended that wrote it: `stop-id`, `stop-string`, `max-tokens`, `context-full`, `template-end`.",
    ),
    fixed(
        "fail.class",
        Kind::Word,
        Home::Unfilled,
        "",
        "-has:fail.class",
        "What kind of failure ended its validation. Nothing fills it yet: nothing is validated.",
    ),
    fixed(
        "family",
        Kind::Word,
        Home::Kin,
        "",
        "has:family",
        "The first, by id, of the samples that must share a side with it: an id, or the beginning of it. `split` finds families.",
    ),
    fixed("id", Kind::Word, Home::Id, "", "id:7f3a21", "Its id, or the beginning of it, in hexadecimal digits."),
    fixed("instruction", Kind::Text, Home::Text, "", "instruction:circle*", "The instruction of the current revision."),
    fixed("key", Kind::Word, Home::Scan, "", "key:*#Intro", "What makes it the same row next time it is read."),
    fixed(
        "level",
        Kind::Word,
        Home::Row,
        "",
        "level:foundation",
        "The level that its source gives, in the order of the source's recipe.",
    ),
    fixed("licence", Kind::Word, Home::Column, "", "licence:MIT", "SPDX expression of its licence, or `none-stated`."),
    fixed("locator", Kind::Word, Home::Scan, "", "locator:Day_05/*", "Where it was last seen."),
    fixed("meta.NAME", Kind::Text, Home::Meta, "", "meta.title:vectors", "A column of its source's own."),
    fixed(
        "origin",
        Kind::Set,
        Home::Scan,
        "",
        "origin:manimbench:*",
        "Where it and those it stands for come from, each as `source:locator`.",
    ),
    fixed(
        "rank",
        Kind::Int,
        Home::Column,
        "1 to 5",
        "rank>=3",
        "Rank of its source; the higher wins among duplicates.",
    ),
    fixed(
        "reason",
        Kind::Word,
        Home::Column,
        "",
        "state:rejected reason:off-topic",
        "Why it is rejected, where it is.",
    ),
    fixed(
        super::relevance::SCORE,
        Kind::Real,
        Home::Relevance,
        "",
        "circle | sort -score",
        "How well its texts fit the words of the query (BM25): to sort by, downwards, right after the filter.",
    ),
    fixed("source", Kind::Word, Home::Row, "", "source:(manimbench or bespoke_manim)", "Name of its source."),
    fixed(
        "split",
        words(Side::WORDS_AND_HELD),
        Home::Column,
        "",
        "split:train",
        "The store's own side of it; `held`: none, because it ties rows of two sides.",
    ),
    fixed("split.given", words(Side::WORDS), Home::Row, "", "split.given:test", "The side that its source gives."),
    fixed("state", words(State::WORDS), Home::Column, "", "state:any", "Its state; `state:any` is every state."),
    fixed("tag", Kind::Set, Home::Column, "", "-tag:needs-review", "Labels that people put on it."),
    fixed(
        "validated",
        VALIDATION,
        Home::Unfilled,
        "",
        "validated>=frame",
        "The last check of validation that it passed. Nothing fills it yet: nothing is validated.",
    ),
];

/// Why nothing fills a field yet, by the beginning of its name.
static UNFILLED: &[(&str, &str)] = &[
    ("eval.", "there are no evaluations"),
    ("fail.class", "nothing is validated"),
    ("validated", "nothing is validated"),
];

/// What other tools call a field of ours.
static ALIASES: &[(&str, &str)] = &[
    ("animation", "uses"),
    ("answer", "code"),
    ("class", "base"),
    ("completion", "code"),
    ("content", "code"),
    ("created", "added"),
    ("created_at", "added"),
    ("date", "added"),
    ("description", "instruction"),
    ("difficulty", "complexity"),
    ("file", "locator"),
    ("filename", "locator"),
    ("import", "imports"),
    ("label", "tag"),
    ("labels", "tag"),
    ("length", "chars"),
    ("license", "licence"),
    ("loc", "lines"),
    ("output", "code"),
    ("path", "locator"),
    ("prompt", "instruction"),
    ("python_code", "code"),
    ("question", "instruction"),
    ("run_time", "duration"),
    ("seconds", "duration"),
    ("side", "split"),
    ("size", "chars"),
    ("spdx", "licence"),
    ("status", "state"),
    ("subject", "topic"),
    ("text", "code"),
    ("title", "meta.title"),
    ("topics", "topic"),
    ("type", "complexity"),
];

/// Every field, features included, by name.
pub fn all() -> Vec<FieldInfo> {
    let mut all: Vec<FieldInfo> = FIXED.to_vec();
    all.extend(EXTRACTORS.iter().map(|extractor| feature(extractor)));
    all.sort_by_key(|field| field.name);
    all
}

fn feature(extractor: &crate::analyze::features::Extractor) -> FieldInfo {
    FieldInfo {
        name: extractor.name,
        kind: extractor.kind,
        unit: extractor.unit,
        doc: extractor.doc,
        home: Home::Fact,
        example: extractor.query,
    }
}

/// The field of a name; any `meta.NAME` is one, and any `eval.NAME`.
pub fn find(name: &str) -> Option<FieldInfo> {
    let named = |info: &&FieldInfo| info.name == name;
    let open = |info: &&FieldInfo| {
        let stem = info.name.strip_suffix("NAME");
        stem.and_then(|stem| name.strip_prefix(stem)).is_some_and(|member| !member.is_empty())
    };
    FIXED
        .iter()
        .find(named)
        .or_else(|| FIXED.iter().find(open))
        .cloned()
        .or_else(|| EXTRACTORS.iter().find(|extractor| extractor.name == name).map(|extractor| feature(extractor)))
}

/// The field of a name, as a plan holds it: one of many (`meta.title`) keeps the name that was asked for.
pub fn named(name: &str) -> Option<Field> {
    find(name).map(|info| Field { name: name.to_owned(), ..info.field() })
}

/// The least and the greatest number that a field can have; infinite where there is no end.
pub(super) fn bounds(field: &Field) -> (f64, f64) {
    match field.name.as_str() {
        "rank" => (1.0, 5.0),
        "complexity.score" | "quality" => (0.0, 100.0),
        _ if field.kind == Kind::Date || field.home == Home::Meta => (f64::NEG_INFINITY, f64::INFINITY),
        // numbers, sizes and seconds
        _ => (0.0, f64::INFINITY),
    }
}

/// The sentence that no sample has a value of a field, where nothing makes its values yet.
pub fn unfilled(field: &Field) -> Option<String> {
    if field.home != Home::Unfilled {
        return None;
    }
    let (_, why) = UNFILLED.iter().find(|(begin, _)| field.name.starts_with(begin))?;
    Some(format!("no sample has `{}` yet: {why}", field.name))
}

/// Our name for what other tools call so.
pub(super) fn alias(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    ALIASES
        .iter()
        .find(|(known, _)| *known == lower)
        .map(|(_, ours)| *ours)
        .filter(|ours| *ours != name && find(ours).is_some())
}

/// What a kind of values is called in messages.
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "whole number",
        Kind::Real => "number",
        Kind::Bool => "yes or no",
        Kind::Enum { ordered: true, .. } => "word out of an ordered list",
        Kind::Enum { .. } => "word out of a list",
        Kind::Word => "word",
        Kind::Set => "set",
        Kind::CountedSet => "set with counts",
        Kind::Text => "text",
        Kind::Date => "day",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_no_name_stands_twice() {
        assert!(FIXED.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert!(UNFILLED.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(ALIASES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(all().windows(2).all(|pair| pair[0].name < pair[1].name));
        for field in FIXED.iter().filter(|field| field.home == Home::Unfilled) {
            let why = unfilled(&field.field()).expect(field.name);
            let why = why.rsplit(": ").next().unwrap_or_default();
            assert!(field.doc.ends_with(&format!("Nothing fills it yet: {why}.")), "{}", field.name);
        }
    }

    #[test]
    fn every_field_has_a_sentence_and_an_example_that_names_it_and_compiles() {
        for field in all() {
            assert!(field.doc.ends_with('.'), "{}", field.name);
            let name = field.name.strip_suffix("NAME").unwrap_or(field.name);
            assert!(field.example.contains(name), "{}", field.name);
            super::super::compile(field.example, &super::super::NoVocabulary).expect(field.example);
        }
    }

    #[test]
    fn columns_of_a_source_are_fields() {
        assert_eq!(find("meta.title").map(|field| field.home), Some(Home::Meta));
        assert_eq!(find("meta."), None);
        assert_eq!(find("meta.NAME").map(|field| field.name), Some("meta.NAME"));
        assert_eq!(find("eval.run").map(|field| (field.kind, field.home)), Some((Kind::Word, Home::Row)));
        assert_eq!(find("eval.render-rate").map(|field| field.name), Some("eval.NAME"));
        assert_eq!(named("eval.x").map(|field| field.name), Some("eval.x".to_owned()));
    }
}
