//! What can be asked about: the features of [`crate::analyze::features`] and the fields that are none.

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
    fixed("edited", Kind::Bool, Home::Column, "", "is:edited", "Whether it was changed here after it was read."),
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
    fixed("source", Kind::Word, Home::Row, "", "source:(manimbench or bespoke_manim)", "Name of its source."),
    fixed("split", words(Side::WORDS), Home::Column, "", "split:train", "The store's own side of it."),
    fixed("split.given", words(Side::WORDS), Home::Row, "", "split.given:test", "The side that its source gives."),
    fixed("state", words(State::WORDS), Home::Column, "", "state:any", "Its state; `state:any` is every state."),
    fixed("tag", Kind::Set, Home::Column, "", "-tag:needs-review", "Labels that people put on it."),
];

/// Fields that the language has and nothing fills yet, each with what will.
pub static PLANNED: &[(&str, &str)] = &[
    ("dup.of", "duplicates are not searched for yet"),
    ("dup.similarity", "duplicates are not searched for yet"),
    ("dup.size", "duplicates are not searched for yet"),
    ("fail.class", "validation does not exist yet"),
    ("family", "families are made with duplicates, which are not searched for yet"),
    ("score", "ranking by relevance does not exist yet"),
    ("validated", "validation does not exist yet"),
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

/// The field of a name; any `meta.NAME` is one.
pub fn find(name: &str) -> Option<FieldInfo> {
    let meta = name.strip_prefix("meta.").is_some_and(|column| !column.is_empty());
    let wanted = if meta { "meta.NAME" } else { name };
    FIXED
        .iter()
        .find(|field| field.name == wanted)
        .cloned()
        .or_else(|| EXTRACTORS.iter().find(|extractor| extractor.name == wanted).map(|extractor| feature(extractor)))
}

/// The least and the greatest number that a field can have; infinite where there is no end.
pub(super) fn bounds(field: &Field) -> (f64, f64) {
    match field.name.as_str() {
        "rank" => (1.0, 5.0),
        "complexity.score" | "quality" => (0.0, 100.0),
        _ if field.kind == Kind::Date => (f64::NEG_INFINITY, f64::INFINITY),
        // numbers, sizes and seconds
        _ => (0.0, f64::INFINITY),
    }
}

/// What a field of the language waits for, where nothing fills it yet.
pub fn planned(name: &str) -> Option<&'static str> {
    if name.starts_with("eval.") {
        return Some("evaluation does not exist yet");
    }
    PLANNED.iter().find(|(known, _)| *known == name).map(|(_, why)| *why)
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
        assert!(PLANNED.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(ALIASES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(all().windows(2).all(|pair| pair[0].name < pair[1].name));
        for (name, _) in PLANNED {
            assert!(find(name).is_none(), "{name} is both planned and there");
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
    }
}
