//! What may come next at a cursor of a query: fields, values with their counts, saved queries, stages, keywords.
//!
//! `context` finds where the cursor stands, this file what fits there, and a compilation of the whole text with a
//! candidate put in tells whether the query is right then. Any text and any cursor give an answer, unclosed and wrong
//! texts included.

mod context;
mod values;

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::analyze::features::Kind;

use super::ast::Span;
use super::fields::{self, FieldInfo};
use super::plan::Home;
use super::{Moment, NoMoment, Pin, STAGE_TABLE, Saved, Vocabulary, saved};
use context::{Begun, Context, Joints};

/// How many candidates one page has.
pub const PAGE: usize = 50;

/// What a candidate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidateKind {
    /// A field with an operator after it, or a yes-or-no field.
    Field,
    /// A value of a field.
    Value,
    /// A saved query.
    Saved,
    /// A pin of a saved query.
    Pin,
    /// A stage.
    Stage,
    /// A word of the language.
    Keyword,
    /// A sample's id.
    Id,
    /// A point of the store's past.
    Moment,
}

impl CandidateKind {
    /// Its name, as programs read it.
    pub fn name(self) -> &'static str {
        match self {
            CandidateKind::Field => "field",
            CandidateKind::Value => "value",
            CandidateKind::Saved => "saved query",
            CandidateKind::Pin => "pin",
            CandidateKind::Stage => "stage",
            CandidateKind::Keyword => "keyword",
            CandidateKind::Id => "id",
            CandidateKind::Moment => "moment",
        }
    }
}

/// Something that may stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// First byte of what it replaces.
    pub from: usize,
    /// End of what it replaces; `from` where nothing is replaced.
    pub to: usize,
    /// The text to put there.
    pub insert: String,
    /// What it is.
    pub kind: CandidateKind,
    /// A sentence, or how many samples have the value; may be empty.
    pub detail: String,
    /// Whether the query compiles once it is put in; where not, more must come, there or elsewhere.
    pub compiles: bool,
}

impl Candidate {
    /// The text with the candidate put in.
    pub fn put_into(&self, text: &str) -> String {
        [&text[..self.from], &self.insert, &text[self.to..]].concat()
    }
}

/// The candidates at a cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The candidates, best first.
    pub candidates: Vec<Candidate>,
    /// Whether there are more.
    pub more: bool,
}

/// Finds what may stand at a cursor, which is a byte offset; one inside a character or behind the end is moved to the
/// left. At most `limit` candidates, all of them where it is `None`.
pub fn complete(text: &str, cursor: usize, vocabulary: &dyn Vocabulary, limit: Option<usize>) -> Completion {
    let mut cursor = cursor.min(text.len());
    while !text.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let memory = Memory::new(vocabulary);
    let limit = limit.unwrap_or(usize::MAX);
    let mut finder = Finder { text, cursor, vocabulary: &memory, wanted: limit.saturating_add(1), found: Vec::new() };
    finder.find();
    let mut candidates = finder.found;
    let more = candidates.len() > limit;
    candidates.truncate(limit);
    for candidate in &mut candidates {
        if candidate.kind == CandidateKind::Saved {
            describe(candidate, text, &memory);
        }
        // A blank at its end is there already.
        if text[candidate.to..].starts_with(char::is_whitespace) {
            candidate.insert.truncate(candidate.insert.trim_end().len());
        }
        candidate.compiles = super::unverified(&candidate.put_into(text), &memory).is_ok();
    }
    Completion { candidates, more }
}

/// Says what a saved query is for and opens its arguments where it needs some.
fn describe(candidate: &mut Candidate, text: &str, vocabulary: &dyn Vocabulary) {
    let Some(name) = candidate.insert.strip_prefix('@').filter(|name| !name.is_empty()) else { return };
    let Some(saved) = vocabulary.saved(name) else { return };
    let about = saved
        .text
        .lines()
        .map_while(|line| line.trim_start().strip_prefix('#'))
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("args:"));
    let parameters = saved::parameters(&saved.text).unwrap_or_default();
    let form = (!parameters.is_empty()).then(|| saved::form(name, &parameters));
    candidate.detail = [about.map(str::to_owned), form].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let needs_some = parameters.first().is_some_and(|(_, default)| default.is_none());
    if needs_some && !text[candidate.to..].starts_with(['(', '#']) {
        candidate.insert.push('(');
    }
}

/// Collects candidates, best first.
struct Finder<'f> {
    text: &'f str,
    cursor: usize,
    vocabulary: &'f Memory<'f>,
    /// How many candidates are enough.
    wanted: usize,
    found: Vec<Candidate>,
}

impl Finder<'_> {
    fn find(&mut self) {
        let text = self.text;
        match context::at(text, self.cursor) {
            Context::Nothing => {}
            Context::Test(begun) => self.tests(&begun),
            Context::Value { field, sign, word, test, negated, list } => {
                if let Some(joints) = list {
                    self.keywords(word, joints);
                }
                self.values(field, sign, word, Span::new(test, word.to), negated);
            }
            Context::Is { word } => {
                let fields = known().into_iter().filter(|field| field.kind == Kind::Bool);
                fields.for_each(|field| self.offer(word, field.name, CandidateKind::Field, field.doc));
            }
            Context::Has { word } => {
                let (fields, meta) = (known(), self.meta());
                for field in fields.iter().filter(|field| field.home != Home::Meta) {
                    self.offer(word, field.name, CandidateKind::Field, field.doc);
                }
                meta.iter().for_each(|name| self.offer(word, name, CandidateKind::Field, META));
            }
            Context::Near { word } => self.ids(word, values::NEAR_DIGITS),
            Context::Moment { word } => self.moments(word),
            Context::Saved { word } => self.saved(word),
            Context::Pin { name, word } => {
                for (_, number) in self.vocabulary.pins(Some(name)).into_iter().rev() {
                    self.offer(word, &number.to_string(), CandidateKind::Pin, "");
                }
            }
            Context::Stage { word } => self.stages(word),
            Context::Column { word, used, goes_on } => self.columns(word, &used, goes_on),
            Context::Words { word, words } => {
                words.iter().for_each(|keyword| self.offer(word, keyword, CandidateKind::Keyword, ""));
            }
            Context::Share { field, word, used } => self.shares(field, word, &used),
        }
    }

    /// What was typed of a word up to the cursor.
    fn typed(&self, word: Span) -> &str {
        &self.text[word.from..self.cursor.max(word.from)]
    }

    fn put(&mut self, word: Span, insert: &str, kind: CandidateKind, detail: impl Into<String>) {
        self.found.push(Candidate {
            from: word.from,
            to: word.to,
            insert: insert.to_owned(),
            kind,
            detail: detail.into(),
            compiles: false,
        });
    }

    /// Puts it in where it begins with what was typed.
    fn offer(&mut self, word: Span, insert: &str, kind: CandidateKind, detail: &str) {
        if begins(insert, self.typed(word)) {
            self.put(word, insert, kind, detail);
        }
    }

    fn meta(&self) -> Vec<String> {
        let names = self.vocabulary.meta_names().into_iter().map(|name| format!("meta.{name}"));
        names.filter(|name| context::is_field(name)).collect()
    }

    /// `and`, `or`, `not`
    fn keywords(&mut self, word: Span, joints: Joints) {
        let all = [
            ("or ", joints.joins, "What stands on either side may match."),
            ("and ", joints.joins, "Both must match; a blank says the same."),
            ("not ", joints.negates, "The complement of what follows, nulls included; `-` says the same."),
        ];
        for (keyword, _, about) in all.iter().filter(|(_, fits, _)| *fits) {
            self.offer(word, keyword, CandidateKind::Keyword, about);
        }
    }

    /// The beginning of a test.
    fn tests(&mut self, begun: &Begun<'_>) {
        let typed = begun.typed;
        let all = known();
        if let Some(whole) = begun.whole {
            self.keywords(whole, begun.joints);
            for field in all.iter().filter(|field| field.kind == Kind::Bool) {
                let test = format!("is:{}", field.name);
                if begins(&test, typed) || begins(field.name, typed) {
                    self.put(whole, &test, CandidateKind::Field, field.doc);
                }
            }
            if begun.first {
                self.offer(whole, "at:", CandidateKind::Keyword, "The store as it was at a day, an op or a pin.");
            }
            for (keyword, about) in [
                ("has:", "Whether a field has a value."),
                ("near:", "Code like that of a sample: `near:ID>=0.85`."),
                ("ast:\"", "A pattern of code: `$A` is any one thing, `$$$` any number of them."),
            ] {
                self.offer(whole, keyword, CandidateKind::Keyword, about);
            }
            let saved = self.vocabulary.saved_names().len();
            if typed.is_empty() && saved > 0 {
                self.put(whole, "@", CandidateKind::Saved, format!("{saved} saved queries"));
            }
        }
        // A value that is there already stays.
        let meta = self.meta();
        let named = all.iter().map(|field| (field.name, field.kind, field.doc));
        let named = named.filter(|(name, kind, _)| *name != "meta.NAME" && *kind != Kind::Bool);
        let named: Vec<(&str, Kind, &str)> =
            named.chain(meta.iter().map(|name| (name.as_str(), Kind::Text, META))).collect();
        let mut second = Vec::new();
        for (name, kind, about) in named {
            self.offer(begun.name, &format!("{name}:"), CandidateKind::Field, about);
            let other = match kind {
                Kind::Int | Kind::Real | Kind::Date | Kind::Enum { ordered: true, .. } => format!("{name}>="),
                Kind::Word if name == "level" => format!("{name}>="),
                Kind::CountedSet => format!("{name}."),
                _ => continue,
            };
            if other != typed {
                second.push((other, about));
            }
        }
        if !typed.is_empty() && begun.whole.is_some() && typed.starts_with('@') {
            self.saved(begun.name);
        }
        for (other, about) in second {
            self.offer(begun.name, &other, CandidateKind::Field, about);
        }
        if let Some((set, _)) = typed.split_once('.')
            && let Some(field) = fields::find(set)
            && field.kind == Kind::CountedSet
        {
            self.counts(&field, begun.name);
        }
        if typed.is_empty()
            && let Some(whole) = begun.whole
        {
            self.saved(whole);
        }
    }

    /// `calls.play>=`
    fn counts(&mut self, field: &FieldInfo, word: Span) {
        let typed = &self.typed(word)[field.name.len() + 1..];
        let mut wanted = self.wanted;
        let found: Vec<(String, u64)> = loop {
            let names = self.vocabulary.commonest(field.name, typed, wanted).unwrap_or_default();
            let all = names.len() < wanted;
            let tests = names.into_iter().map(|(name, count)| (format!("{}.{name}", field.name), count));
            let found: Vec<(String, u64)> = tests.filter(|(test, _)| context::is_field(test)).collect();
            if all || found.len() >= self.wanted {
                break found;
            }
            // Names that cannot be written so took the places of others.
            wanted = wanted.saturating_mul(4);
        };
        for (test, count) in found {
            self.put(word, &format!("{test}>="), CandidateKind::Value, count.to_string());
        }
    }

    fn saved(&mut self, word: Span) {
        for name in self.vocabulary.saved_names() {
            self.offer(word, &format!("@{name}"), CandidateKind::Saved, "");
        }
    }

    fn stages(&mut self, word: Span) {
        for stage in STAGE_TABLE {
            // What the language has and nothing answers yet is not offered.
            let example = super::compile(stage.example, &super::NoVocabulary);
            if example.is_ok() {
                let needs_more = stage.name != "dedup";
                let insert = if needs_more { format!("{} ", stage.name) } else { stage.name.to_owned() };
                self.offer(word, &insert, CandidateKind::Stage, &format!("{} {}", stage.form, stage.doc));
            }
        }
    }

    /// Fields with one value per row.
    fn columns(&mut self, word: Span, used: &[&str], goes_on: bool) {
        let (all, meta) = (known(), self.meta());
        let single = |field: &&FieldInfo| {
            field.home != Home::Meta && !matches!(field.kind, Kind::Set | Kind::CountedSet | Kind::Text)
        };
        let named = all.iter().filter(single).map(|field| (field.name, field.doc));
        for (name, about) in named.chain(meta.iter().map(|name| (name.as_str(), META))) {
            if !used.contains(&name) {
                let insert = if goes_on { format!("{name} ") } else { name.to_owned() };
                self.offer(word, &insert, CandidateKind::Field, about);
            }
        }
        // Relevance is for looking, the best first: `sort -score`.
        if self.text[..word.from].ends_with('-')
            && !used.contains(&"score")
            && let Some(score) = fields::find("score")
        {
            self.offer(word, score.name, CandidateKind::Field, score.doc);
        }
    }
}

/// The fields that some row may have a value of.
fn known() -> Vec<FieldInfo> {
    let mut all = fields::all();
    all.retain(|field| !matches!(field.home, Home::Unfilled | Home::Relevance));
    all
}

const META: &str = "A column of its source's own.";

/// The names that begin with `prefix` in any case, the commonest first, then by name; at most `limit`.
pub fn commonest(names: Vec<(String, u64)>, prefix: &str, limit: usize) -> Vec<(String, u64)> {
    let mut names: Vec<(String, u64)> = names.into_iter().filter(|(name, _)| begins(name, prefix)).collect();
    names.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    names.truncate(limit);
    names
}

/// Whether a text begins so, in any case.
fn begins(text: &str, typed: &str) -> bool {
    let mut chars = text.chars().flat_map(char::to_lowercase);
    typed.chars().flat_map(char::to_lowercase).all(|c| chars.next() == Some(c))
}

/// Values with how many samples have each; `None` where they are not known.
type Counts = Option<Vec<(String, u64)>>;

/// A vocabulary that is asked for nothing twice: every candidate is compiled.
struct Memory<'v> {
    inner: &'v dyn Vocabulary,
    values: RefCell<HashMap<String, Counts>>,
    ranges: RefCell<HashMap<String, Option<(f64, f64)>>>,
    saved: RefCell<HashMap<String, Option<Saved>>>,
    names: RefCell<HashMap<&'static str, Vec<String>>>,
}

impl<'v> Memory<'v> {
    fn new(inner: &'v dyn Vocabulary) -> Self {
        let (values, ranges) = Default::default();
        Memory { inner, values, ranges, saved: RefCell::default(), names: RefCell::default() }
    }
}

fn remembered<K: std::hash::Hash + Eq, V: Clone>(
    memory: &RefCell<HashMap<K, V>>,
    key: K,
    ask: impl FnOnce(&K) -> V,
) -> V {
    match memory.borrow_mut().entry(key) {
        Entry::Occupied(known) => known.get().clone(),
        Entry::Vacant(free) => {
            let value = ask(free.key());
            free.insert(value).clone()
        }
    }
}

impl Vocabulary for Memory<'_> {
    fn values(&self, field: &str) -> Counts {
        remembered(&self.values, field.to_owned(), |field| self.inner.values(field))
    }

    fn commonest(&self, field: &str, prefix: &str, limit: usize) -> Counts {
        self.inner.commonest(field, prefix, limit)
    }

    fn has_value(&self, field: &str, value: &str) -> bool {
        self.inner.has_value(field, value)
    }

    fn range(&self, field: &str) -> Option<(f64, f64)> {
        remembered(&self.ranges, field.to_owned(), |field| self.inner.range(field))
    }

    fn ids(&self, digits: &str, limit: usize, gone: bool) -> Option<Vec<String>> {
        self.inner.ids(digits, limit, gone)
    }

    fn meta_names(&self) -> Vec<String> {
        remembered(&self.names, "meta", |_| self.inner.meta_names())
    }

    fn levels(&self, at: Option<i64>) -> Vec<(String, Vec<String>)> {
        self.inner.levels(at)
    }

    fn moment(&self, moment: Moment<'_>) -> Result<Option<i64>, NoMoment> {
        self.inner.moment(moment)
    }

    fn pin(&self, name: &str, number: u64) -> Option<Pin> {
        self.inner.pin(name, number)
    }

    fn pin_texts(&self, pin: &Pin) -> Vec<(String, String)> {
        self.inner.pin_texts(pin)
    }

    fn pins(&self, name: Option<&str>) -> Vec<(String, u64)> {
        self.inner.pins(name)
    }

    fn saved(&self, name: &str) -> Option<Saved> {
        remembered(&self.saved, name.to_owned(), |name| self.inner.saved(name))
    }

    fn saved_names(&self) -> Vec<String> {
        remembered(&self.names, "saved", |_| self.inner.saved_names())
    }
}
