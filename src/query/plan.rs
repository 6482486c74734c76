//! What runs: a filter of resolved tests and an ordered list of steps. Made by [`super::resolve`], evaluated by `slice`.

use std::ops::Bound;

use crate::analyze::features::Kind;
use crate::analyze::pattern::Pattern;

/// Where the values of a field are kept, which decides what answers a test on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// A fact of the current code: terms and fast fields of the index.
    Fact,
    /// Given by the source and rewritten with the sample: `source`, `level`, `split.given`, `description.kind`, `added`,
    /// `eval.run`, `eval.stop`.
    Row,
    /// Changes without the code changing: `state`, `reason`, `split`, `tag`, `licence`, `rank`, `edited`.
    Column,
    /// The source's own column `meta.NAME`.
    Meta,
    /// The texts.
    Text,
    /// Only in SQLite: `key`, `locator`, `origin`. Answered by a scan.
    Scan,
    /// The id.
    Id,
    /// Who is like it, in SQLite: `dup.of`, `dup.similarity`, `dup.size`, `family`.
    Kin,
    /// Nowhere: how well a row fits the words of a query. Only `sort -score` may name it.
    Relevance,
    /// Nowhere: nothing makes its values yet, so every row is null there.
    Unfilled,
}

/// A field that resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name as written, `meta.` included: `plays`, `meta.title`.
    pub name: String,
    /// Kind of its values.
    pub kind: Kind,
    /// Where they are kept.
    pub home: Home,
}

/// Where text is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// Instruction or code.
    Any,
    /// The instruction.
    Instruction,
    /// The code.
    Code,
}

/// A range of numbers (days since 1970-01-01 UTC for dates). Nulls are in no range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Lower end.
    pub low: Bound<f64>,
    /// Upper end.
    pub high: Bound<f64>,
}

impl Range {
    /// Whether the range holds a number.
    pub fn holds(&self, value: f64) -> bool {
        let above = match self.low {
            Bound::Included(low) => value >= low,
            Bound::Excluded(low) => value > low,
            Bound::Unbounded => true,
        };
        let below = match self.high {
            Bound::Included(high) => value <= high,
            Bound::Excluded(high) => value < high,
            Bound::Unbounded => true,
        };
        above && below
    }
}

/// A resolved test. A row for which the field is null passes none of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Consecutive terms of `text::terms` within one text; `prefix`: the last is the beginning of a term.
    Phrase {
        /// Which texts.
        within: Within,
        /// The terms.
        terms: Vec<String>,
        /// Whether the last term is a prefix.
        prefix: bool,
    },
    /// A regular expression (syntax of the `regex` crate, flags inline) that matches somewhere in a text.
    Regex {
        /// Which texts.
        within: Within,
        /// The expression.
        pattern: String,
    },
    /// The enum or word equals the value; the set has it; the bool is `true`/`false`.
    Value {
        /// Field of kind Bool, Enum, Word, Set or CountedSet.
        field: Field,
        /// The value; `true` or `false` for bools.
        value: String,
    },
    /// The word, or a name of the set, matches the regular expression as a whole (globs are lowered to this).
    Match {
        /// Field of kind Enum, Word, Set or CountedSet.
        field: Field,
        /// Expression, anchored at both ends where it came from a glob.
        pattern: String,
    },
    /// The number or date lies in the range.
    Range {
        /// Field of kind Int, Real or Date.
        field: Field,
        /// The range.
        range: Range,
    },
    /// How often a name occurs lies in the range; 0 where a known set lacks it; null where the set is unknown.
    Count {
        /// Field of kind CountedSet.
        field: Field,
        /// The name.
        name: String,
        /// The range.
        range: Range,
    },
    /// The field is not null and, for sets and texts, not empty.
    Has {
        /// Any field.
        field: Field,
    },
    /// `meta.NAME` contains these consecutive terms.
    Meta {
        /// Name after `meta.`.
        name: String,
        /// The terms.
        terms: Vec<String>,
        /// Whether the last term is a prefix.
        prefix: bool,
    },
    /// The code is as alike to that of a sample as the threshold says: share of shingles in common. A sample is like
    /// itself.
    Near {
        /// The sample's whole id.
        id: String,
        /// From above 0 to 1.
        threshold: f64,
    },
    /// A pattern of code is found in the code.
    Ast {
        /// The pattern.
        pattern: Pattern,
    },
    /// The id begins with these hexadecimal digits.
    Id {
        /// Lower-case digits, at most 32.
        prefix: String,
    },
}

/// A slice that was frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Name of the saved query.
    pub name: String,
    /// Its number among the pins of that name.
    pub number: u64,
    /// Its number in the store.
    pub key: i64,
    /// The op after which its rows are as it has them.
    pub op: i64,
}

impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "@{}#{}", self.name, self.number)
    }
}

/// A set of rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Every row.
    All,
    /// Rows in all of these.
    And(Vec<Filter>),
    /// Rows in any of these; empty: no row.
    Or(Vec<Filter>),
    /// The complement, nulls included.
    Not(Box<Filter>),
    /// Rows that pass a test.
    Test(Test),
    /// The rows that a whole sub-query selects (a saved query with stages, or of another moment, inside an expression).
    Rows(Box<Plan>),
    /// The rows that a pin names.
    Pin(Pin),
}

/// A field to sort by.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// Numbers, words, enums, dates, bools or the id; never a set or a text.
    pub field: Field,
    /// From most to least. Nulls are last both ways.
    pub descending: bool,
}

/// How many `sample` takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// The n rows of smallest hash.
    Rows(u64),
    /// The rows whose hash is under this share (0 to 1).
    Share(f64),
}

/// A stage, in the order it runs. Each keeps a total order.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Orders by the keys, then by id.
    Sort(Vec<SortKey>),
    /// Orders by how well the texts of a row fit some words, the best first, then by the keys, then by id.
    Relevance {
        /// The words and phrases that the filter asks for: [`Test::Phrase`] each, at least one.
        texts: Vec<Test>,
        /// Further keys.
        then: Vec<SortKey>,
    },
    /// Keeps the first n.
    Take(u64),
    /// Drops the first n.
    Skip(u64),
    /// Chooses by hash(id, seed), keeping the incoming order.
    Sample {
        /// How many.
        amount: Amount,
        /// Seed.
        seed: u64,
        /// Proportional by this field, by largest remainder.
        by: Option<Field>,
    },
    /// Keeps the first n of each value of a field (null is a value of its own).
    Per {
        /// The field, not a set.
        field: Field,
        /// Rows of each.
        count: u64,
    },
    /// Keeps the first rows of each of some values of a field, in proportion; rows with other values go.
    Balance {
        /// The field, not a set.
        field: Field,
        /// The values with their shares.
        shares: Vec<Share>,
        /// Rows in all; as many as the scarcest value allows where it is not said.
        to: Option<u64>,
    },
    /// Drops rows whose code is as alike to that of an earlier row that stays as the threshold says.
    Dedup {
        /// Share of shingles in common, from above 0 to 1.
        threshold: f64,
    },
    /// Labels rows with sides, families whole; keeps rows and order.
    Split {
        /// Shares of train, validation and test; they add up to 1.
        shares: [f64; 3],
        /// Seed.
        seed: u64,
    },
}

/// A value and how much of it is wanted beside the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// The value: a word, or a number as it is typed.
    pub value: String,
    /// Above 0.
    pub share: f64,
}

/// Something that the person who typed the query should know; printed to stderr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The sentence.
    pub message: String,
}

/// A query, ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The op after which it asks; now where there is none. A sub-query without one asks when the whole does.
    pub at: Option<i64>,
    /// Which rows. The default `state:kept` is in it where it applied.
    pub filter: Filter,
    /// The pin whose order the rows have at first; else that is by id.
    pub order: Option<Pin>,
    /// What is done with them, left to right.
    pub steps: Vec<Step>,
    /// Notes for the person.
    pub notes: Vec<Note>,
    /// Whether `state:kept` was added.
    pub default_state: bool,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Step::Sort(keys) => {
                f.write_str("sort")?;
                for key in keys {
                    write!(f, " {}{}", if key.descending { "-" } else { "" }, key.field.name)?;
                }
                Ok(())
            }
            Step::Relevance { then, .. } => write!(f, "sort -score{}", super::relevance::shown(then)),
            Step::Take(count) => write!(f, "take {count}"),
            Step::Skip(count) => write!(f, "skip {count}"),
            Step::Sample { amount, seed, by } => {
                match amount {
                    Amount::Rows(count) => write!(f, "sample {count}")?,
                    Amount::Share(share) => write!(f, "sample {}%", (share * 1e11).round() / 1e9)?,
                }
                write!(f, " seed {seed}")?;
                match by {
                    Some(field) => write!(f, " by {}", field.name),
                    None => Ok(()),
                }
            }
            Step::Per { field, count } => write!(f, "per {} {count}", field.name),
            Step::Balance { field, shares, to } => {
                write!(f, "balance {}", field.name)?;
                for share in shares {
                    write!(f, " {}:{}", super::typed(&share.value), share.share)?;
                }
                to.map_or(Ok(()), |to| write!(f, " to {to}"))
            }
            Step::Dedup { threshold } => write!(f, "dedup {threshold}"),
            Step::Split { shares, seed } => {
                let [train, validation, test] = shares.map(|share| (share * 1e11).round() / 1e9);
                write!(f, "split {train}/{validation}/{test} seed {seed}")
            }
        }
    }
}
