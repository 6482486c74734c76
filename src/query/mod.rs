//! The query language: `FILTER | stage | stage`.
//!
//! A text becomes a tree with places ([`parse`]), a tree of known fields and checked values ([`resolve`]), and a plan
//! ([`plan()`]) that `slice` evaluates; [`compile`] does all three and keeps them for `explain`. The stages are types: in
//! [`Query<Resolved>`] an unresolved name cannot be written down. Resolving comes before simplifying, so a wrong name is
//! an error even where it cannot matter.
//!
//! # Grammar
//!
//! ```text
//! query  := [ "at:" when ] [ expr ] { "|" stage }          when := date | "op" int (`at:op12`) | "@" name "#" int
//! expr   := and { "or" and }        and := not { ["and"] not }        not := ["not" | "-"] atom
//! atom   := "(" expr ")" | "@" name [ "(" args ")" ] [ "#" int ] | test | word | word"*" | string | /regex/ [flags]
//! test   := field ( ":" values | "=" value | "!=" value | ("<" | "<=" | ">" | ">=") value )
//!         | "near:" id [ ">=" number ] | "ast:" string | ("code:" | "instruction:") (word | word"*" | string | /regex/)
//!         | "has:" field | "is:" name
//! field  := ident { "." ident }     string := '"' .. '"' | "'" .. "'"
//! args   := value { "," value }     (in a saved query: a first line `# args: lo, hi=80`, used as `{lo}`)
//! values := value | "(" vexpr ")"   vexpr := vand { "or" vand }   vand := vnot { ["and"] vnot }
//! vnot   := ["not" | "-"] ( value | "(" vexpr ")" )
//! value  := word | word with * or ? | string | /regex/ | number | date | [lo] ".." [hi]
//! stage  := sort [-]field {[","] [-]field} | take n | skip n | sample (n | p%) [seed k] [by field]
//!         | per field n | balance field a:1 b:2 [to n] | dedup [t] | split 90/5/5 [seed k]
//! ```
//!
//! `and`, `or` and `not` are operators in any case. A word goes up to a blank, a `|`, or a `)` that closes nothing inside
//! it. In a string `\"` (or `\'`) is the quote, `\\` a backslash, and any other `\` itself. A line that begins with `#`
//! and a blank is a comment. Parentheses may be nested [`MAX_DEPTH`] deep; a phrase may have [`MAX_PHRASE`] terms. In texts a
//! `*` is the rest of a word, at its end; in names it stands anywhere.
//!
//! # Invariants
//!
//! * Reading is linear in the length of the text, and no text makes it panic or overflow the stack.
//! * A parsed query prints as a query that parses to the same tree.
//! * Every suggestion of an error compiles.
//! * Relevance (`sort -score`) orders rows to look at: right after the filter, nowhere else.
//! * Nothing is read, asked or written: what the store knows comes in through [`Vocabulary`].

#![allow(clippy::result_large_err)] // errors are data for people and made once

pub mod ast;
mod calls;
pub mod complete;
mod error;
mod faults;
pub mod fields;
mod foreign;
mod literals;
mod lower;
mod misfits;
mod moments;
mod numbers;
mod parse;
pub mod plan;
mod print;
pub mod reference;
mod relevance;
mod resolve;
mod saved;
mod stages;
mod steps;
mod suggest;
mod texts;
mod typography;
mod values;

pub use ast::{Expr, Parsed, Query, Resolved};
pub use error::{KINDS, Place, QueryError};
pub use moments::pinnable;
pub use parse::MAX_DEPTH;
pub use plan::{Filter, Note, Pin, Plan, Step};
pub use saved::{MAX_EXPANSIONS, MAX_SAVED_DEPTH, named as saved_names_in};
pub use stages::{ALL as STAGE_TABLE, NAMES as STAGES, StageInfo};
pub use steps::side_shares;
pub use suggest::{distance, quote, similar, typed};
pub use texts::MAX_PHRASE;

use crate::sample::State;

/// How deep the tree of a query may be, saved queries included.
pub const MAX_TREE: usize = 400;

/// A saved query, as the project keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its text.
    pub text: String,
    /// Its file, relative to the project.
    pub path: String,
}

/// A moment of a store's past, as a query names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment<'a> {
    /// After an op.
    Op(i64),
    /// The end of a day (`YYYY-MM-DD`, UTC).
    Day(&'a str),
}

/// Why there is no such moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoMoment {
    /// One sentence.
    pub message: String,
    /// What may have been meant, as it follows `at:`.
    pub instead: Option<String>,
}

/// What a store knows and a query may name.
pub trait Vocabulary {
    /// The values of a field that the store has, each with how many samples have it; `None` where that is not known.
    fn values(&self, field: &str) -> Option<Vec<(String, u64)>>;
    /// The values of a field that begin with `prefix` in any case, the commonest first, at most `limit`; `None` where
    /// they are not known.
    fn commonest(&self, field: &str, prefix: &str, limit: usize) -> Option<Vec<(String, u64)>> {
        Some(complete::commonest(self.values(field)?, prefix, limit))
    }
    /// Whether the store surely has a value of a field; false where it has not, or only [`Vocabulary::values`] tells. It
    /// spares reading all values of a field for a name that is there.
    fn has_value(&self, _field: &str, _value: &str) -> bool {
        false
    }
    /// The least and the greatest number that the store has for a field; `None` where that is not known.
    fn range(&self, _field: &str) -> Option<(f64, f64)> {
        None
    }
    /// Whether some sample has, or had not long ago, a value of a field; `None` where that is not known.
    fn is_filled(&self, _field: &str) -> Option<bool> {
        None
    }
    /// Whole ids of the samples whose id begins with hexadecimal digits, at most `limit`; those that are gone too, where
    /// `gone`. `None` where that is not known.
    fn ids(&self, _digits: &str, _limit: usize, _gone: bool) -> Option<Vec<String>> {
        None
    }
    /// Names of the sources' own columns, without `meta.`; empty where they are not known.
    fn meta_names(&self) -> Vec<String>;
    /// Sources that order their levels, each with its levels from low to high; as they were after an op, or are now.
    fn levels(&self, at: Option<i64>) -> Vec<(String, Vec<String>)>;
    /// The op after which the store was as it was at a moment; `None` where that is not known.
    ///
    /// # Errors
    /// Where the store has no such moment.
    fn moment(&self, _moment: Moment<'_>) -> Result<Option<i64>, NoMoment> {
        Ok(None)
    }
    /// The pin of a saved query with a number.
    fn pin(&self, _name: &str, _number: u64) -> Option<Pin> {
        None
    }
    /// What a pin asked, under `NAME#NUMBER`, and the texts of the saved queries that it used: what it takes to ask it anew
    /// where there is no such pin.
    fn pin_texts(&self, _pin: &Pin) -> Vec<(String, String)> {
        Vec::new()
    }
    /// The pins of a saved query, or all, by name and number.
    fn pins(&self, _name: Option<&str>) -> Vec<(String, u64)> {
        Vec::new()
    }
    /// The saved query of a name.
    fn saved(&self, name: &str) -> Option<Saved>;
    /// Names of all saved queries.
    fn saved_names(&self) -> Vec<String>;
}

/// Knows nothing: every open name is taken as it is, no query is saved.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoVocabulary;

impl Vocabulary for NoVocabulary {
    fn values(&self, _: &str) -> Option<Vec<(String, u64)>> {
        None
    }

    fn meta_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn levels(&self, _: Option<i64>) -> Vec<(String, Vec<String>)> {
        Vec::new()
    }

    fn saved(&self, _: &str) -> Option<Saved> {
        None
    }

    fn saved_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A text without the byte order mark that some editors begin a file with.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Whether a text holds nothing but blanks and comments.
pub fn says_nothing(text: &str) -> bool {
    text.lines().map(str::trim_start).all(|line| line.is_empty() || line.starts_with('#'))
}

/// Reads the text of a query.
///
/// # Errors
///
/// What does not fit the grammar. Each suggestion parses.
pub fn parse(text: &str) -> Result<Query<Parsed>, QueryError> {
    parse::query(text).map_err(|error| error.verified(&|text| parse::query(text).map(drop)))
}

/// Looks up every name, checks every value and expands saved queries.
///
/// # Errors
///
/// Unknown names, values that do not fit their field, empty ranges, and cycles of saved
/// queries. Each suggestion compiles.
pub fn resolve(query: Query<Parsed>, vocabulary: &dyn Vocabulary) -> Result<Query<Resolved>, QueryError> {
    resolve::query(&query, vocabulary).map_err(|error| error.verified(&|text| unverified(text, vocabulary)))
}

/// Lowers a resolved query to what runs. `state:kept` is added unless a test on `state` stands anywhere in the query,
/// saved queries included, and `state:generated` beside it where a field of evaluation is named (`eval.run:r7`); a saved query with stages inside an expression chooses among the same rows.
pub fn plan(query: Query<Resolved>) -> Plan {
    lower::plan(query, States::Kept)
}

/// A query at all its stages, for `explain`.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The text as typed.
    pub text: String,
    /// As parsed; prints as a query in one spelling.
    pub parsed: Query<Parsed>,
    /// As resolved, saved queries expanded; prints as a tree.
    pub resolved: Query<Resolved>,
    /// What runs; prints as a tree. Its notes are those of the whole query.
    pub plan: Plan,
    /// What was added that nobody typed: `state:kept`, with `state:generated` beside it, or nothing.
    pub defaults: Vec<String>,
}

/// The states that a query asks of which says nothing of states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum States {
    /// `kept`; with a field of evaluation in the query `generated` too.
    Kept,
    /// Those that a person can bring back: `duplicate` and `rejected`.
    PutAside,
    /// All.
    Any,
}

impl States {
    /// `evaluation`: a field of evaluation is named, so that what models wrote is asked for too.
    fn asked(self, evaluation: bool) -> &'static [State] {
        match self {
            States::Kept if evaluation => &[State::Kept, State::Generated],
            States::Kept => &[State::Kept],
            States::PutAside => &[State::Duplicate, State::Rejected],
            States::Any => &[],
        }
    }
}

/// Reads, resolves and lowers a query of kept samples, unless it says otherwise.
///
/// # Errors
///
/// Those of [`parse`] and [`resolve`]; each suggestion compiles.
pub fn compile(text: &str, vocabulary: &dyn Vocabulary) -> Result<Compiled, QueryError> {
    compile_in(text, vocabulary, States::Kept)
}

/// As [`compile`], with other states for a query that says nothing of them.
///
/// # Errors
/// As [`compile`].
pub fn compile_in(text: &str, vocabulary: &dyn Vocabulary, states: States) -> Result<Compiled, QueryError> {
    let compiled = || {
        let parsed = parse::query(text)?;
        let resolved = resolve::query(&parsed, vocabulary)?;
        let plan = lower::plan(resolved.clone(), states);
        let asked = if plan.default_state { lower::asked(&resolved, states) } else { &[] };
        let defaults = asked.iter().map(|state| format!("state:{state}")).collect();
        Ok(Compiled { text: text.to_owned(), parsed, resolved, plan, defaults })
    };
    compiled().map_err(|error: QueryError| error.verified(&|text| unverified(text, vocabulary)))
}

/// Whether a text compiles; its own suggestions are not checked.
fn unverified(text: &str, vocabulary: &dyn Vocabulary) -> Result<(), QueryError> {
    let parsed = parse::query(text)?;
    resolve::query(&parsed, vocabulary).map(drop)
}
