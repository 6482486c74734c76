//! Values at a cursor: names by how often they occur, words in their order, the ends of numbers, ids, days.

use crate::analyze::features::Kind;

use super::super::ast::Span;
use super::super::fields;
use super::super::lower::typed_number;
use super::super::suggest::{quote, typed};
use super::super::{Moment, NoMoment, Vocabulary};
use super::{CandidateKind, Finder, begins};

/// The fewest digits that `near:` takes.
pub(super) const NEAR_DIGITS: usize = 6;

/// How many ids are looked at.
const IDS: usize = 50;

impl Finder<'_> {
    /// The value of a test; `test` is the whole of it.
    pub(super) fn values(&mut self, name: &str, sign: &str, word: Span, test: Span, negated: bool) {
        let Some(field) = fields::find(name) else { return };
        let ordered = matches!(sign, "<" | "<=" | ">" | ">=");
        if !ordered && !matches!(sign, ":" | "=" | "!=") {
            return;
        }
        match field.kind {
            Kind::Bool => {
                self.put(test, &format!("is:{name}"), CandidateKind::Value, field.doc);
                if !negated {
                    self.put(test, &format!("-is:{name}"), CandidateKind::Value, "The complement, nulls included.");
                }
            }
            Kind::Int | Kind::Real | Kind::Date => self.numbers(name, field.kind, sign, word),
            Kind::Enum { words, ordered: has_order } if has_order || !ordered => {
                self.words(name, words, has_order, sign, word);
            }
            Kind::Word if name == "level" && ordered => self.levels(word),
            Kind::Word if name == "id" && !ordered => self.ids(word, 1),
            Kind::Word if !ordered => self.names(name, word),
            Kind::Set | Kind::CountedSet if sign == ":" => self.names(name, word),
            // Texts have too many values to list, and the others have no such operator.
            Kind::Enum { .. } | Kind::Word | Kind::Set | Kind::CountedSet | Kind::Text => {}
        }
    }

    /// Names and free words.
    fn names(&mut self, field: &str, word: Span) {
        let names = self.vocabulary.commonest(field, self.typed(word), self.wanted);
        for (name, count) in names.unwrap_or_default() {
            self.put(word, &typed(&name), CandidateKind::Value, count.to_string());
        }
    }

    /// The words of an enumeration, in their order.
    fn words(&mut self, field: &str, words: &[&str], has_order: bool, sign: &str, word: Span) {
        let counts = self.vocabulary.values(field).unwrap_or_default();
        let detail = |word: &str| {
            counts.iter().find(|(known, _)| known == word).map(|(_, count)| count.to_string()).unwrap_or_default()
        };
        // The end of a range is a word of its own.
        let word = match self.typed(word).rfind("..") {
            Some(dots) if has_order && sign == ":" => Span::new(word.from + dots + 2, word.to),
            _ => word,
        };
        for (at, known) in words.iter().enumerate() {
            let beyond = (sign == "<" && at == 0) || (sign == ">" && at + 1 == words.len());
            if !beyond {
                self.offer(word, known, CandidateKind::Value, &detail(known));
            }
        }
        if field == "state" && sign == ":" {
            self.offer(word, "any", CandidateKind::Value, "Every state.");
        }
    }

    /// Levels that some source puts in an order.
    fn levels(&mut self, word: Span) {
        let mut seen: Vec<String> = Vec::new();
        for (source, levels) in self.vocabulary.levels(None) {
            for level in levels {
                if !seen.contains(&level) && begins(&level, self.typed(word)) {
                    self.put(word, &typed(&level), CandidateKind::Value, format!("as {source} orders them"));
                    seen.push(level);
                }
            }
        }
    }

    /// The ends of the numbers or days that the store has.
    fn numbers(&mut self, field: &str, kind: Kind, sign: &str, word: Span) {
        let Some((least, greatest)) = self.vocabulary.range(field) else { return };
        let (least, greatest) = (typed_number(kind, least), typed_number(kind, greatest));
        let range = format!("{least}..{greatest}");
        let offered: &[&String] = match sign {
            ":" => &[&range],
            ">" | ">=" => &[&least],
            "<" | "<=" => &[&greatest],
            _ if least == greatest => &[&least],
            _ => &[&least, &greatest],
        };
        for value in offered {
            self.offer(word, value, CandidateKind::Value, &range);
        }
    }

    /// Ids that begin so, each as short as it can be, but of no fewer than `digits`.
    pub(super) fn ids(&mut self, word: Span, digits: usize) {
        let prefix = self.typed(word).to_ascii_lowercase();
        if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return;
        }
        let Some(mut ids) = self.vocabulary.ids(&prefix, IDS, false) else { return };
        ids.sort();
        let whole = ids.len() == IDS;
        for (at, id) in ids.iter().enumerate() {
            let shared = |other: Option<&String>| {
                other.map_or(0, |other| id.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count())
            };
            let neighbours = [at.checked_sub(1).and_then(|before| ids.get(before)), ids.get(at + 1)];
            let needed = neighbours.into_iter().map(shared).max().unwrap_or(0) + 1;
            let length = if whole { id.len() } else { needed.max(digits).max(NEAR_DIGITS).max(prefix.len()) };
            self.put(word, id.get(..length).unwrap_or(id), CandidateKind::Id, "");
        }
    }

    /// The newest op, the first and the last day on which samples were added, and pins.
    pub(super) fn moments(&mut self, word: Span) {
        // There is no such op; the answer names the newest one.
        if let Err(NoMoment { instead: Some(newest), .. }) = self.vocabulary.moment(Moment::Op(i64::MAX)) {
            self.offer(word, &newest, CandidateKind::Moment, "The newest op.");
        }
        if let Some((first, last)) = self.vocabulary.range("added") {
            let (first, last) = (typed_number(Kind::Date, first), typed_number(Kind::Date, last));
            self.offer(word, &last, CandidateKind::Moment, "The last day on which samples were added.");
            if first != last {
                self.offer(word, &first, CandidateKind::Moment, "The first day on which samples were added.");
            }
        }
        for (name, number) in self.vocabulary.pins(None) {
            self.offer(word, &format!("@{name}#{number}"), CandidateKind::Pin, "");
        }
    }

    /// A value and its share.
    pub(super) fn shares(&mut self, name: &str, word: Span, used: &[&str]) {
        let Some(field) = fields::find(name) else { return };
        let prefix = self.typed(word).to_owned();
        let listed = |words: &[&str]| words.iter().map(|word| ((*word).to_owned(), String::new())).collect();
        let values: Vec<(String, String)> = match field.kind {
            Kind::Enum { words, .. } => listed(words),
            Kind::Bool => listed(&["true", "false"]),
            Kind::Word if name != "id" => {
                // Those that stand there already are left out below.
                let wanted = self.wanted.saturating_add(used.len());
                let names = self.vocabulary.commonest(name, &prefix, wanted).unwrap_or_default();
                names.into_iter().map(|(name, count)| (name, count.to_string())).collect()
            }
            _ => Vec::new(),
        };
        for (value, detail) in values {
            let written = if value.contains(':') { quote(&value) } else { typed(&value) };
            let stands = used.iter().any(|used| *used == written || *used == value);
            if !stands && begins(&value, &prefix) {
                self.put(word, &format!("{written}:1"), CandidateKind::Value, detail);
            }
        }
        if !used.is_empty() {
            self.offer(word, "to ", CandidateKind::Keyword, "How many rows there are to be.");
        }
    }
}
