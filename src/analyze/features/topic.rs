//! `topic`: mathematical and other subjects of a sample, from names and words.
//!
//! The evidence and its weights, 1 to 4, are data: `topic.toml`. Each piece counts once however often it occurs, a word
//! of the instruction twice its weight, and pieces of weights 1 and 2 add at most `MAX_WEAK_POINTS` together. A topic
//! is given to a sample from `THRESHOLD` points on, if one piece weighs at least 3 or three weigh 2, and if its points
//! are at least its share of the best topic's; the best `MAX_TOPICS` are kept.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use serde::Deserialize;

use crate::analyze::facts::Subject;
use crate::analyze::features::{Contribution, Example, Extractor, Kind};
use crate::analyze::lexical::{Words, stem, stems};
use crate::sample::FactValue;

/// The feature `topic`.
pub static ENTRY: Extractor = Extractor {
    name: "topic",
    kind: Kind::Set,
    unit: "",
    doc: "Subjects of the sample (`geometry`, `calculus`, `physics`, ...), from names in the code and words of both texts.",
    query: "topic:(calculus and not physics)",
    version: 2,
    examples: &[
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.add(Circle(), Text('a circle'), Dot())\n",
            instruction: "Show a circle, its name and a dot.",
            value: "{}",
        },
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.add(Triangle(), RightAngle(a, b), Text('hypotenuse'))\n",
            instruction: "",
            value: "{\"geometry\":1}",
        },
        Example { code: "x = 1\n", instruction: "Explain the derivative of a function.", value: "{\"calculus\":1}" },
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        f_prime = MathTex(\"f'(x)\")\n        square = Square()\n",
            instruction: "Draw the tangent line of a curve and read the derivative off its slope.",
            value: "{\"calculus\":1}",
        },
        Example { code: "x = 1\n", instruction: "Mark all primes below 100.", value: "{\"number-theory\":1}" },
        Example {
            code: "from manim import *\nclass A(ThreeDScene):\n    def construct(self):\n        self.add(Sphere())\n",
            instruction: "A 3D ball",
            value: "{\"3d\":1}",
        },
        Example { code: "def broken(:\n", instruction: "Bubble sort, step by step", value: "{\"algorithms\":1}" },
        Example {
            code: "x = 1\n",
            instruction: "Find the shortest path in a weighted graph with Dijkstra's algorithm.",
            value: "{\"algorithms\":1,\"graph-theory\":1}",
        },
        Example { code: "print('hello')\n", instruction: "Say hello.", value: "{}" },
    ],
    extract,
    why: Some(why),
};

/// Points from which on a topic is given.
const THRESHOLD: u32 = 6;

/// Most points that pieces of weights 1 and 2 add to a topic.
const MAX_WEAK_POINTS: u32 = 6;

/// Least weight of a piece that speaks for a topic without two others.
const STRONG: u32 = 3;

/// Most topics of a sample.
const MAX_TOPICS: usize = 3;

/// Part of the best topic's points that a topic needs beside it, in percent, where the table does not say.
const SHARE: u32 = 50;

/// A topic of the table, as it is written: lists of evidence by weight.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Entry {
    share: Option<u32>,
    words: BTreeMap<String, Vec<String>>,
    asked: BTreeMap<String, Vec<String>>,
    names: BTreeMap<String, Vec<String>>,
    attributes: BTreeMap<String, Vec<String>>,
}

/// What a piece of evidence speaks for: place of the topic, weight.
type Spoken = Vec<(usize, u32)>;

/// One or more words in order.
#[derive(Debug, Default, PartialEq)]
struct Phrase {
    /// As it is written in the table.
    shown: String,
    /// Whole words if `exact`, stems otherwise.
    parts: Vec<String>,
    exact: bool,
    /// What it speaks for in the code, and in the instruction.
    coded: Spoken,
    asked: Spoken,
}

impl Phrase {
    fn new(written: &str) -> Self {
        let exact = written.starts_with('=');
        let words = stems(written);
        let part = |at| singular(&words, at).map(|(stem, whole)| if exact { whole } else { stem }.to_owned());
        let parts = (0..words.len()).filter_map(part).collect();
        Phrase { shown: written.trim_start_matches('=').to_owned(), parts, exact, ..Phrase::default() }
    }

    /// Whether it stands in a text from a word on.
    fn is_at(&self, words: &Words, start: usize) -> bool {
        self.parts.iter().zip(start..).all(|(part, at)| {
            singular(words, at).is_some_and(|(stem, whole)| part == if self.exact { whole } else { stem })
        })
    }
}

/// A word's stem and whole, without the `'s` of a name.
fn singular(words: &Words, at: usize) -> Option<(&str, &str)> {
    let whole = words.whole(at)?;
    Some(match whole.strip_suffix("'s") {
        Some(name) => (stem(name), name),
        None => (words.get(at)?, whole),
    })
}

/// Places of texts in a list.
struct Index {
    places: FxHashMap<String, Vec<usize>>,
    /// By the first byte of a text, the lengths that texts have (as bits, 31 and more in one), since most of what is
    /// asked for is not there.
    lengths: [u32; 256],
}

impl Index {
    fn new<'a>(keys: impl Iterator<Item = &'a str>) -> Self {
        let mut index = Index { places: FxHashMap::default(), lengths: [0; 256] };
        for (place, key) in keys.enumerate() {
            if let Some(first) = key.bytes().next() {
                index.lengths[usize::from(first)] |= 1 << key.len().min(31);
                index.places.entry(key.to_owned()).or_default().push(place);
            }
        }
        index
    }

    fn of(&self, key: &str) -> &[usize] {
        match key.bytes().next() {
            Some(first) if self.lengths[usize::from(first)] >> key.len().min(31) & 1 == 1 => {
                self.places.get(key).map_or(&[], Vec::as_slice)
            }
            _ => &[],
        }
    }
}

/// Evidence by its form.
struct Table {
    /// Topics with the share that each needs, sorted by name.
    topics: Vec<(String, u32)>,
    phrases: Vec<Phrase>,
    /// Phrases by the stem of the first word.
    by_first: Index,
    /// Phrases that begin with a digit, which are no words: `3d`.
    literals: Vec<usize>,
    /// Names, each with what it speaks for.
    names: FxHashMap<String, Spoken>,
    attributes: FxHashMap<String, Spoken>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let file: BTreeMap<String, Entry> =
        toml::from_str(include_str!("topic.toml")).expect("the embedded table of topics is well-formed TOML");
    let mut table = Table {
        topics: Vec::new(),
        phrases: Vec::new(),
        by_first: Index::new(std::iter::empty()),
        literals: Vec::new(),
        names: FxHashMap::default(),
        attributes: FxHashMap::default(),
    };
    let mut places: BTreeMap<(bool, Vec<String>), usize> = BTreeMap::new();
    for (topic, (name, entry)) in file.into_iter().enumerate() {
        for (list, in_code) in [(&entry.words, true), (&entry.asked, false)] {
            for (weight, written) in weighed(list) {
                let phrase = Phrase::new(written);
                let is_literal = written.starts_with(|ch: char| ch.is_ascii_digit());
                let key = if is_literal { vec![written.to_owned()] } else { phrase.parts.clone() };
                let place = *places.entry((phrase.exact, key)).or_insert_with(|| {
                    table.phrases.push(phrase);
                    table.phrases.len() - 1
                });
                if is_literal && !table.literals.contains(&place) {
                    table.literals.push(place);
                }
                let phrase = &mut table.phrases[place];
                speak(&mut phrase.asked, topic, weight);
                if in_code && !is_literal {
                    speak(&mut phrase.coded, topic, weight);
                }
            }
        }
        for (list, into) in [(&entry.names, &mut table.names), (&entry.attributes, &mut table.attributes)] {
            for (weight, written) in weighed(list) {
                speak(into.entry(written.to_owned()).or_default(), topic, weight);
            }
        }
        table.topics.push((name, entry.share.unwrap_or(SHARE)));
    }
    let literals = &table.literals;
    table.by_first = Index::new(table.phrases.iter().enumerate().map(|(place, phrase)| match phrase.parts.first() {
        Some(first) if phrase.exact => stem(first),
        Some(first) if !literals.contains(&place) => first,
        _ => "",
    }));
    table
});

/// What a list by weight holds, with the weights.
fn weighed(list: &BTreeMap<String, Vec<String>>) -> impl Iterator<Item = (u32, &str)> {
    list.iter().flat_map(|(weight, written)| {
        let weight = weight.parse().expect("weights of the embedded table are numbers");
        written.iter().map(move |text| (weight, text.as_str()))
    })
}

/// Adds a topic to what is spoken for; two forms of one word are one piece of evidence, that of the greater weight.
fn speak(spoken: &mut Spoken, topic: usize, weight: u32) {
    match spoken.iter_mut().find(|(other, _)| *other == topic) {
        Some((_, known)) => *known = (*known).max(weight),
        None => spoken.push((topic, weight)),
    }
}

/// The phrases of the table that a text has: for each, whether it is there.
fn phrases_of(words: &Words) -> Vec<bool> {
    let table = &*TABLE;
    let mut found = vec![false; table.phrases.len()];
    for start in 0..words.len() {
        let Some((first, _)) = singular(words, start) else { continue };
        for place in table.by_first.of(first) {
            if !found[*place] && table.phrases[*place].is_at(words, start) {
                found[*place] = !table.phrases[*place].parts.is_empty();
            }
        }
    }
    found
}

/// Whether a text has a piece that letters and digits do not go on from, in any case.
fn says(text: &str, piece: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let alone = |at: usize| {
        let (before, after) = (text[..at].chars().next_back(), text[at + piece.len()..].chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    };
    text.match_indices(piece).any(|(at, _)| alone(at))
}

/// Where a piece of evidence was found.
#[derive(Clone, Copy, Debug)]
enum Found<'a> {
    Asked(&'static Phrase),
    Coded(&'static Phrase),
    Name(&'a str),
    Attribute(&'a str),
}

impl Found<'_> {
    fn shown(self) -> String {
        match self {
            Found::Asked(phrase) => format!("`{}` in the instruction", phrase.shown),
            Found::Coded(phrase) => format!("`{}` in the code", phrase.shown),
            Found::Name(name) => format!("name `{name}`"),
            Found::Attribute(name) => format!("attribute `{name}`"),
        }
    }
}

/// A piece of evidence for a topic.
#[derive(Clone, Copy, Debug)]
struct Piece<'a> {
    topic: usize,
    weight: u32,
    points: u32,
    found: Found<'a>,
}

/// All evidence, in a fixed order.
fn evidence<'a>(subject: &Subject<'a>) -> Vec<Piece<'a>> {
    let table = &*TABLE;
    let instruction = subject.instruction.unwrap_or_default();
    let mut asked = phrases_of(&stems(instruction));
    for place in &table.literals {
        asked[*place] = says(instruction, &table.phrases[*place].shown);
    }
    let coded = phrases_of(&subject.facts.words);
    let mut pieces = Vec::new();
    for ((phrase, asked), coded) in table.phrases.iter().zip(asked).zip(coded) {
        let (spoken, factor, found) = match (asked, coded) {
            (true, _) => (&phrase.asked, 2, Found::Asked(phrase)),
            (false, true) => (&phrase.coded, 1, Found::Coded(phrase)),
            (false, false) => continue,
        };
        pieces.extend(spoken.iter().map(|(topic, weight)| Piece {
            topic: *topic,
            weight: *weight,
            points: weight * factor,
            found,
        }));
    }
    let mut take = |names: &FxHashMap<String, Spoken>, name: &'a str, found: Found<'a>| {
        for (topic, weight) in names.get(name).into_iter().flatten() {
            pieces.push(Piece { topic: *topic, weight: *weight, points: *weight, found });
        }
    };
    subject.facts.manim.keys().for_each(|name| take(&table.names, name, Found::Name(name)));
    subject.facts.attributes.keys().for_each(|name| take(&table.attributes, name, Found::Attribute(name)));
    pieces
}

/// The topics that evidence gives, best first, with points.
fn given(pieces: &[Piece<'_>]) -> Vec<(usize, u32)> {
    let topics = &TABLE.topics;
    // Of each topic: points of strong pieces, of weak ones, number of those that weigh 2.
    let mut sums = vec![(0u32, 0u32, 0u32); topics.len()];
    for piece in pieces {
        let (strong, weak, companions) = &mut sums[piece.topic];
        if piece.weight >= STRONG {
            *strong += piece.points;
        } else {
            *weak += piece.points;
            *companions += u32::from(piece.weight == STRONG - 1);
        }
    }
    let points = |(strong, weak, companions): (u32, u32, u32)| {
        let sum = strong + weak.min(MAX_WEAK_POINTS);
        (sum >= THRESHOLD && (strong > 0 || companions >= 3)).then_some(sum)
    };
    let mut found: Vec<(usize, u32)> =
        sums.into_iter().enumerate().filter_map(|(topic, sum)| Some((topic, points(sum)?))).collect();
    let best = found.iter().map(|(_, points)| *points).max().unwrap_or(0);
    found.retain(|(topic, points)| points * 100 >= best * topics[*topic].1);
    found.sort_by_key(|(topic, points)| (Reverse(*points), *topic));
    found.truncate(MAX_TOPICS);
    found
}

fn extract(subject: &Subject<'_>) -> FactValue {
    let given = given(&evidence(subject));
    FactValue::Set(given.into_iter().map(|(topic, _)| (TABLE.topics[topic].0.clone(), 1)).collect())
}

/// Of each topic that is given its evidence, weightiest first; what exceeds the limit for weak pieces has 0 points.
fn why(subject: &Subject<'_>) -> Vec<Contribution> {
    let mut pieces = evidence(subject);
    pieces.sort_by_key(|piece| Reverse((piece.weight, piece.points)));
    let mut list = Vec::new();
    for (topic, _) in given(&pieces) {
        let mut left = MAX_WEAK_POINTS;
        for piece in pieces.iter().filter(|piece| piece.topic == topic) {
            let points = if piece.weight >= STRONG { piece.points } else { piece.points.min(left) };
            if piece.weight < STRONG {
                left -= points;
            }
            let what = format!("{}: {}", TABLE.topics[topic].0, piece.found.shown());
            list.push(Contribution { what, points: f64::from(points) });
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::facts::Shared;
    use crate::analyze::walk::code_facts;

    fn has(text: &str, shown: &str) -> bool {
        let found = phrases_of(&stems(text));
        TABLE.phrases.iter().zip(found).any(|(phrase, found)| found && phrase.shown == shown)
    }

    #[test]
    fn every_phrase_of_the_table_can_be_found() {
        for (place, phrase) in TABLE.phrases.iter().enumerate().filter(|(place, _)| !TABLE.literals.contains(place)) {
            assert!(!phrase.parts.is_empty() && phrase.parts.iter().all(|part| !part.is_empty()), "{phrase:?}");
            assert!(phrases_of(&stems(&phrase.shown))[place], "{phrase:?}");
        }
        assert!(has("Completing the Square", "completing the square"));
        assert!(!has("completing some squares", "completing the square"));
        assert!(has("binary_search(x)", "binary search"));
        assert!(has("Cantor's diagonal", "cantor") && has("the derivatives", "derivative"));
    }

    #[test]
    fn exact_words_have_no_other_forms() {
        assert!(has("all primes", "primes") && !has("f_prime", "primes"));
        assert!(has("a sine", "sine") && !has("np.sin(x)", "sine"));
    }

    #[test]
    fn literals_stand_alone() {
        assert!(says("A 3D scene", "3d") && says("in 3d", "3d") && says("3-D", "3-d"));
        assert!(!says("13d", "3d") && !says("3dx", "3d") && !says("", "3d") && !says("é3dé", "3d"));
    }

    #[test]
    fn names_of_the_table_are_manim_names() {
        for (name, _) in TABLE.names.iter() {
            assert!(crate::analyze::manim_api::api().kind(name).is_some(), "{name}");
        }
    }

    #[test]
    fn weights_and_shares_are_in_range() {
        let spoken = TABLE.phrases.iter().flat_map(|phrase| &phrase.asked);
        let named = TABLE.names.iter().chain(&TABLE.attributes).flat_map(|(_, spoken)| spoken);
        assert!(spoken.chain(named).all(|(_, weight)| (1..=4).contains(weight)));
        assert!(TABLE.topics.iter().all(|(_, share)| (1..=100).contains(share)));
    }

    #[test]
    fn reasons_of_a_topic_add_up_to_its_points() {
        let code = "from manim import *\nclass Hypotenuse(Scene):\n    def construct(self):\n        self.add(Triangle(), Angle(a, b), Polygon(), Star())\n";
        let facts = code_facts(code);
        let instruction = Some("The angle, radius and sides of a triangle");
        let shared = Shared::default();
        let subject =
            Subject { code, instruction, facts: &facts, dialect_hint: None, reader_issues: &[], shared: &shared };
        let sum: f64 = why(&subject).iter().map(|part| part.points).sum();
        let points: u32 = given(&evidence(&subject)).iter().map(|(_, points)| points).sum();
        assert_eq!((sum, points), (19.0, 19));
    }
}
