//! `topic`: mathematical and other subjects of a sample, from names and words.
//!
//! The evidence and its weights are data, `topic.toml`; each piece counts once however often it occurs, and words of
//! the instruction count twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

use crate::analyze::facts::Subject;
use crate::analyze::features::{Contribution, Example, Extractor, Kind};
use crate::analyze::lexical::{Words, stems};
use crate::sample::FactValue;

/// The feature `topic`.
pub static ENTRY: Extractor = Extractor {
    name: "topic",
    kind: Kind::Set,
    unit: "",
    doc: "Subjects of the sample (`geometry`, `calculus`, `physics`, ...), from names in the code and words of both texts.",
    version: 1,
    examples: &[
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.add(Circle(), Triangle())\n",
            instruction: "",
            value: "{\"geometry\":1}",
        },
        Example { code: "x = 1\n", instruction: "Explain the derivative of a function.", value: "{\"calculus\":1}" },
        Example { code: "def broken(:\n", instruction: "Bubble sort, step by step", value: "{\"algorithms\":1}" },
        Example { code: "print('hello')\n", instruction: "Say hello.", value: "{}" },
    ],
    extract,
    why: Some(why),
};

/// Points from which on a topic is given.
const THRESHOLD: u32 = 4;

#[derive(Debug, Deserialize)]
struct Entry {
    words: BTreeMap<String, u32>,
    #[serde(default)]
    names: BTreeMap<String, u32>,
    #[serde(default)]
    attributes: BTreeMap<String, u32>,
}

/// Evidence by its form: for each, the topics that it speaks for, with weights.
struct Table {
    /// Phrases of stems; the beginnings of longer ones stand here too, for no topic.
    phrases: HashMap<String, Vec<(String, u32)>>,
    names: HashMap<String, Vec<(String, u32)>>,
    attributes: HashMap<String, Vec<(String, u32)>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let file: BTreeMap<String, Entry> =
        toml::from_str(include_str!("topic.toml")).expect("the embedded table of topics is well-formed TOML");
    let mut table = Table { phrases: HashMap::new(), names: HashMap::new(), attributes: HashMap::new() };
    for (topic, entry) in file {
        for (phrase, weight) in entry.words {
            let phrase = stems(&phrase).iter().collect::<Vec<_>>().join(" ");
            for (end, _) in phrase.match_indices(' ') {
                table.phrases.entry(phrase[..end].to_owned()).or_default();
            }
            let list = table.phrases.entry(phrase).or_default();
            // Two forms of one word are one piece of evidence.
            match list.iter_mut().find(|(other, _)| *other == topic) {
                Some((_, known)) => *known = (*known).max(weight),
                None => list.push((topic.clone(), weight)),
            }
        }
        for (name, weight) in entry.names {
            table.names.entry(name).or_default().push((topic.clone(), weight));
        }
        for (name, weight) in entry.attributes {
            table.attributes.entry(name).or_default().push((topic.clone(), weight));
        }
    }
    table
});

/// The phrases of the table that a text has, given as stems in order.
fn phrases_of(stems: &Words) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    let mut phrase = String::new();
    for start in 0..stems.len() {
        phrase.clear();
        for word in (start..stems.len()).map_while(|at| stems.get(at)) {
            if !phrase.is_empty() {
                phrase.push(' ');
            }
            phrase.push_str(word);
            match TABLE.phrases.get_key_value(phrase.as_str()) {
                Some((known, topics)) => {
                    if !topics.is_empty() {
                        found.insert(known.as_str());
                    }
                }
                None => break,
            }
        }
    }
    found
}

/// Each topic's evidence with points, in a fixed order.
fn evidence(subject: &Subject<'_>) -> BTreeMap<&'static str, Vec<(String, u32)>> {
    let mut found: BTreeMap<&'static str, Vec<(String, u32)>> = BTreeMap::new();
    let asked = phrases_of(&stems(subject.instruction.unwrap_or_default()));
    let coded = phrases_of(&subject.facts.words);
    for phrase in asked.union(&coded) {
        for (topic, weight) in TABLE.phrases.get(*phrase).into_iter().flatten() {
            let (what, points) = if asked.contains(phrase) {
                (format!("`{phrase}` in the instruction"), weight * 2)
            } else {
                (format!("`{phrase}` in the code"), *weight)
            };
            found.entry(topic).or_default().push((what, points));
        }
    }
    for (names, table, what) in
        [(&subject.facts.manim, &TABLE.names, "name"), (&subject.facts.attributes, &TABLE.attributes, "attribute")]
    {
        for name in names.keys() {
            for (topic, weight) in table.get(name).into_iter().flatten() {
                found.entry(topic).or_default().push((format!("{what} `{name}`"), *weight));
            }
        }
    }
    found
}

fn given(points: &[(String, u32)]) -> bool {
    points.iter().map(|(_, points)| points).sum::<u32>() >= THRESHOLD
}

fn extract(subject: &Subject<'_>) -> FactValue {
    let topics = evidence(subject).into_iter().filter(|(_, points)| given(points));
    FactValue::Set(topics.map(|(topic, _)| (topic.to_owned(), 1)).collect())
}

fn why(subject: &Subject<'_>) -> Vec<Contribution> {
    let topics = evidence(subject).into_iter().filter(|(_, points)| given(points));
    topics
        .flat_map(|(topic, points)| {
            points
                .into_iter()
                .map(move |(what, points)| Contribution { what: format!("{topic}: {what}"), points: f64::from(points) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_of_the_table_can_be_found() {
        for (phrase, _) in TABLE.phrases.iter().filter(|(_, topics)| !topics.is_empty()) {
            let stems: Words = phrase.split(' ').collect();
            assert!(stems.iter().all(|stem| !stem.is_empty()), "{phrase:?}");
            assert!(phrases_of(&stems).contains(phrase.as_str()), "{phrase:?}");
        }
        let has = |text: &str, phrase: &str| phrases_of(&stems(text)).contains(phrase);
        assert!(has("Completing the Square", "complet the squar"));
        assert!(!has("completing some squares", "complet the squar"));
        assert!(has("binary_search(x)", "binar search"));
    }

    #[test]
    fn names_of_the_table_are_manim_names() {
        for name in TABLE.names.keys() {
            assert!(crate::analyze::manim_api::api().kind(name).is_some(), "{name}");
        }
    }
}
