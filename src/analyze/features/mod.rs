//! The registry of features: one file, one entry, queryable and documented from there.

pub mod animations;
pub mod base;
pub mod calls;
pub mod chars;
pub mod complexity;
pub mod complexity_score;
pub mod cyclomatic;
pub mod depth;
pub mod dialect;
pub mod duration;
pub mod duration_exact;
pub mod functions;
pub mod imports;
pub mod issue;
pub mod lines;
pub mod loops;
pub mod mathtex;
pub mod method;
pub mod mobjects;
pub mod nodes;
pub mod plays;
pub mod quality;
pub mod scene;
pub mod scenes;
pub mod syntax;
pub mod tokens;
pub mod topic;
pub mod unknown_api;
pub mod updaters;
pub mod uses;
pub mod valid;
pub mod waits;

use crate::analyze::facts::{CodeFacts, Subject};
use crate::analyze::manim_api::{NameKind, kind_in_text};
use crate::sample::FactValue;

/// The kind of values that a feature, or another field, has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers.
    Int,
    /// Measures.
    Real,
    /// Yes or no, asked with `is:NAME`.
    Bool,
    /// One of these words, ordered from least to most where `ordered`.
    Enum {
        /// The words.
        words: &'static [&'static str],
        /// Whether `<` and ranges make sense.
        ordered: bool,
    },
    /// A free word (a source's name).
    Word,
    /// A set of names.
    Set,
    /// A set of names with counts: `calls:play`, `calls.play>=3`.
    CountedSet,
    /// Text, searched by terms and phrases.
    Text,
    /// A day (UTC).
    Date,
}

/// A part of a score, as `why` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// What contributed: `plays = 12`.
    pub what: String,
    /// How much it added, in the feature's unit.
    pub points: f64,
}

/// An example, run as a test: the feature of `code` (with `instruction`) prints as `value`.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The code.
    pub code: &'static str,
    /// The instruction; empty for none.
    pub instruction: &'static str,
    /// The value as JSON.
    pub value: &'static str,
}

/// A feature: what `fields` lists and queries ask.
pub struct Extractor {
    /// Name in queries.
    pub name: &'static str,
    /// Kind of its values.
    pub kind: Kind,
    /// Unit; empty where there is none.
    pub unit: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// A query that asks it.
    pub query: &'static str,
    /// Raised whenever results may differ; samples analysed by another version are stale.
    pub version: u32,
    /// Examples, run as tests.
    pub examples: &'static [Example],
    /// Computes the value.
    pub extract: fn(&Subject<'_>) -> FactValue,
    /// Lists what made up the value, for features that are scores or verdicts.
    pub why: Option<fn(&Subject<'_>) -> Vec<Contribution>>,
}

/// Every feature, sorted by name.
pub static EXTRACTORS: &[&Extractor] = &[
    &animations::ENTRY,
    &base::ENTRY,
    &calls::ENTRY,
    &chars::ENTRY,
    &complexity::ENTRY,
    &complexity_score::ENTRY,
    &cyclomatic::ENTRY,
    &depth::ENTRY,
    &dialect::ENTRY,
    &duration::ENTRY,
    &duration_exact::ENTRY,
    &functions::ENTRY,
    &imports::ENTRY,
    &issue::ENTRY,
    &lines::ENTRY,
    &loops::ENTRY,
    &mathtex::ENTRY,
    &method::ENTRY,
    &mobjects::ENTRY,
    &nodes::ENTRY,
    &plays::ENTRY,
    &quality::ENTRY,
    &scene::ENTRY,
    &scenes::ENTRY,
    &syntax::ENTRY,
    &tokens::ENTRY,
    &topic::ENTRY,
    &unknown_api::ENTRY,
    &updaters::ENTRY,
    &uses::ENTRY,
    &valid::ENTRY,
    &waits::ENTRY,
];

/// What `read` makes of the facts of a tree; null where there is none, because unknown is not zero.
pub(super) fn tree(subject: &Subject<'_>, read: impl FnOnce(&CodeFacts) -> FactValue) -> FactValue {
    if subject.facts.has_tree() { read(subject.facts) } else { FactValue::Null }
}

/// Calls in a text of classes of a kind, Manim's or its own.
pub(super) fn constructions(facts: &CodeFacts, kind: NameKind) -> u32 {
    let count = facts.calls.iter().filter(|call| match &call.manim {
        Some(name) => super::manim_api::api().kind_in_either(name) == Some(kind),
        None => {
            facts.classes.iter().any(|class| class.name == call.name) && kind_in_text(facts, &call.name) == Some(kind)
        }
    });
    count.count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::facts::Shared;
    use crate::analyze::walk::code_facts;

    #[test]
    fn names_are_unique_sorted_and_legal() {
        assert!(EXTRACTORS.windows(2).all(|pair| pair[0].name < pair[1].name));
        for extractor in EXTRACTORS {
            let legal = |ch: char| ch.is_ascii_lowercase() || ch == '_' || ch == '.';
            assert!(extractor.name.chars().all(legal), "{}", extractor.name);
            assert!(extractor.version >= 1 && extractor.doc.ends_with('.') && !extractor.doc.contains('\n'));
        }
    }

    #[test]
    fn every_file_is_registered() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/analyze/features");
        let mut files: Vec<String> = std::fs::read_dir(directory)
            .expect("the source tree is there")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
            .filter(|name| name != "mod")
            .collect();
        files.sort();
        let mut names: Vec<String> = EXTRACTORS.iter().map(|extractor| extractor.name.replace('.', "_")).collect();
        names.sort();
        assert_eq!(files, names);
    }

    #[test]
    fn examples_are_true() {
        let mut wrong = Vec::new();
        for extractor in EXTRACTORS {
            assert!(extractor.examples.len() >= 2, "{} has fewer than two examples", extractor.name);
            for example in extractor.examples {
                let facts = code_facts(example.code);
                let instruction = (!example.instruction.is_empty()).then_some(example.instruction);
                let subject = Subject {
                    code: example.code,
                    instruction,
                    facts: &facts,
                    dialect_hint: None,
                    reader_issues: &[],
                    shared: &Shared::default(),
                };
                let value = serde_json::to_string(&(extractor.extract)(&subject)).expect("facts are JSON");
                if value != example.value {
                    wrong.push(format!("{}: {:?}: {value}, not {}", extractor.name, example.code, example.value));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn parts_add_up_to_scores() {
        let code = "from manim import *\nclass A(Scene):\n    def construct(self):\n        for i in range(3):\n            self.play(Create(Circle()))\n";
        let facts = code_facts(code);
        let subject = Subject {
            code,
            instruction: None,
            facts: &facts,
            dialect_hint: None,
            reader_issues: &[],
            shared: &Shared::default(),
        };
        for name in ["complexity.score", "quality", "duration"] {
            let extractor = super::super::extractor(name).expect("a feature");
            let parts = extractor.why.expect("it has parts")(&subject);
            let sum: f64 = parts.iter().map(|part| part.points).sum();
            let value = (extractor.extract)(&subject).number().expect("a number");
            assert!((sum - value).abs() < 0.01, "{name}: {sum} {value}");
        }
    }
}
