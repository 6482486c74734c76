//! The tree of a query, at two stages of knowledge.
//!
//! `Query<Parsed>` holds names as they were typed, each with its place; `Query<Resolved>` holds fields, checked values
//! and expanded saved queries, and has no room for a name that was not looked up. One shape serves both: what differs
//! are the associated types of [`Leaf`] and [`Stage`].
//!
//! One file because both stages are one shape.

use std::fmt::Debug;
use std::ops::Bound;

use crate::analyze::pattern::Pattern;

use super::plan::{Field, Note, Pin, Range, Step, Within};

/// A byte range in the text of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub from: usize,
    /// Byte after the last.
    pub to: usize,
}

impl Span {
    /// The range from one byte up to another.
    pub fn new(from: usize, to: usize) -> Self {
        Span { from, to }
    }

    /// The shortest range that holds both.
    pub fn to(self, other: Span) -> Self {
        Span { from: self.from.min(other.from), to: self.to.max(other.to) }
    }

    /// The text in this range.
    pub fn of(self, text: &str) -> &str {
        text.get(self.from..self.to).unwrap_or_default()
    }

    /// The text with this range replaced; where nothing takes its place, a blank goes with it.
    pub fn replaced(self, text: &str, replacement: &str) -> String {
        let (before, after) = (text.get(..self.from).unwrap_or(text), text.get(self.to..).unwrap_or_default());
        let apart = before.is_empty() || before.ends_with(char::is_whitespace);
        let after = if replacement.is_empty() && apart { after.trim_start_matches(' ') } else { after };
        format!("{before}{replacement}{after}")
    }
}

/// What stands at the leaves of an expression.
pub trait Leaf: Clone + Debug + PartialEq {
    /// A leaf.
    type Atom: Clone + Debug + PartialEq;
    /// What every node carries: its place, where one is known.
    type Mark: Clone + Debug + PartialEq;
}

/// How much is known of a query.
pub trait Stage: Leaf {
    /// The text that the query was read from.
    type Origin: Clone + Debug + PartialEq;
    /// The moment that `at:` names.
    type When: Clone + Debug + PartialEq;
    /// A stage after `|`.
    type Step: Clone + Debug + PartialEq;
}

/// As typed: nothing looked up, every node with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed;

/// Every name looked up, every value checked, saved queries expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved;

/// The expressions in `field:( … )`, whose leaves are values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InValues;

impl Leaf for Parsed {
    type Atom = Atom;
    type Mark = Span;
}

impl Stage for Parsed {
    type Origin = String;
    type When = When;
    type Step = Stated;
}

impl Leaf for Resolved {
    type Atom = Check;
    type Mark = ();
}

impl Stage for Resolved {
    type Origin = ();
    /// The op after which it asks.
    type When = i64;
    type Step = Step;
}

impl Leaf for InValues {
    type Atom = Value;
    type Mark = Span;
}

/// A query: a filter and what is done with the rows it selects.
#[derive(Clone, Debug, PartialEq)]
pub struct Query<S: Stage> {
    /// The text it was read from.
    pub origin: S::Origin,
    /// The moment it asks about, where it says.
    pub at: Option<S::When>,
    /// Which rows.
    pub filter: Expr<S>,
    /// What is done with them, left to right.
    pub steps: Vec<S::Step>,
    /// What the person should know.
    pub notes: Vec<Note>,
}

/// A set of rows (or, in `field:( … )`, of values).
#[derive(Clone, Debug, PartialEq)]
pub struct Expr<L: Leaf> {
    /// What it is.
    pub node: Node<L>,
    /// Its place, where one is known.
    pub mark: L::Mark,
}

/// What an expression is. `And` and `Or` are flat and have at least two members.
#[derive(Clone, Debug, PartialEq)]
pub enum Node<L: Leaf> {
    /// Everything: the filter of a query that has none.
    All,
    /// In all of these.
    And(Vec<Expr<L>>),
    /// In any of these.
    Or(Vec<Expr<L>>),
    /// The complement, nulls included.
    Not(Box<Expr<L>>),
    /// A leaf.
    Atom(L::Atom),
}

/// A word with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub text: String,
    /// Its place.
    pub span: Span,
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// What it is.
    pub kind: ValueKind,
    /// Its place.
    pub span: Span,
}

/// What a value is, as typed. Whether a bare one is a word, a glob, a number, a date or a range is for the field to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// Without quotes.
    Bare(String),
    /// In quotes, which are taken off.
    Quoted(String),
    /// `/pattern/flags`, with `\/` for `/` undone.
    Regex {
        /// The expression.
        pattern: String,
        /// Letters after the second slash.
        flags: String,
    },
}

/// How a field and a value are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `:`, membership.
    Has,
    /// `=`, the whole value.
    Equal,
    /// `!=`, another value; nulls left out.
    Differs,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

impl Op {
    /// The operator as typed.
    pub fn sign(self) -> &'static str {
        match self {
            Op::Has => ":",
            Op::Equal => "=",
            Op::Differs => "!=",
            Op::Less => "<",
            Op::AtMost => "<=",
            Op::More => ">",
            Op::AtLeast => ">=",
        }
    }
}

/// A leaf as typed.
#[derive(Clone, Debug, PartialEq)]
pub enum Atom {
    /// A word, prefix, string or expression that the texts are searched for.
    Text(Value),
    /// A field and what it is compared with.
    Test {
        /// The field's name.
        field: Word,
        /// The operator.
        op: Op,
        /// The value; a single one unless the operator is `:`.
        values: Expr<InValues>,
    },
    /// `near:ID>=t`
    Near {
        /// Beginning of an id.
        id: Word,
        /// Smallest similarity.
        threshold: Option<Word>,
    },
    /// `ast:"pattern"`
    Ast {
        /// The pattern.
        pattern: Word,
    },
    /// `has:field`
    Given(Word),
    /// `is:name`
    Is(Word),
    /// `@name(args)#pin`
    Saved {
        /// Name, without `@`.
        name: Word,
        /// Arguments, in order.
        args: Vec<Value>,
        /// Number of a pin.
        pin: Option<Word>,
    },
}

/// A moment as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// The end of a day (UTC).
    Day(Word),
    /// After an operation: `op12`.
    Op(Word),
    /// When a pin was made.
    Pin {
        /// Name of the saved query.
        name: Word,
        /// Number of the pin.
        pin: Word,
    },
}

/// A stage as typed, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// What it is.
    pub kind: StatedKind,
    /// Its place, from its name to its last word.
    pub span: Span,
}

/// A stage as typed. Numbers are words still, because a saved query may have `{name}` there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatedKind {
    /// `sort [-]field …`
    Sort(Vec<(bool, Word)>),
    /// `take n`
    Take(Word),
    /// `skip n`
    Skip(Word),
    /// `sample (n | p%) [seed k] [by field]`
    Sample {
        /// How many.
        amount: Word,
        /// Seed.
        seed: Option<Word>,
        /// Field.
        by: Option<Word>,
    },
    /// `per field n`
    Per {
        /// Field.
        field: Word,
        /// Rows of each.
        count: Word,
    },
    /// `balance field a:1 b:2 [to n]`
    Balance {
        /// Field.
        field: Word,
        /// Values and their shares.
        shares: Vec<(Value, Word)>,
        /// Rows in total.
        to: Option<Word>,
    },
    /// `dedup [t]`
    Dedup(Option<Word>),
    /// `split 90/5/5 [seed k]`
    Split {
        /// The shares.
        shares: Word,
        /// Seed.
        seed: Option<Word>,
    },
}

/// A leaf that resolved: fields are known, values are checked, nothing is lowered yet. A row for which the field is
/// null passes none of the tests.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// Consecutive terms within one text.
    Phrase {
        /// Which texts.
        within: Within,
        /// The terms, at least one.
        terms: Vec<String>,
        /// Whether the last is the beginning of a term.
        prefix: bool,
    },
    /// An expression that matches somewhere in a text.
    Pattern {
        /// Which texts.
        within: Within,
        /// The expression, flags inline; it compiles.
        pattern: String,
    },
    /// The source's own column contains consecutive terms.
    Meta {
        /// Name after `meta.`.
        name: String,
        /// The terms, at least one.
        terms: Vec<String>,
        /// Whether the last is the beginning of a term.
        prefix: bool,
    },
    /// A yes-or-no field that says yes.
    Is(Field),
    /// The word or enum is this; the set has it.
    Value {
        /// Field of kind Enum, Word, Set or CountedSet.
        field: Field,
        /// The value.
        value: String,
    },
    /// The word or enum, or a name of the set, is matched as a whole by a glob (`*` any characters, `?` one).
    Glob {
        /// Field of kind Enum, Word, Set or CountedSet.
        field: Field,
        /// The glob.
        glob: String,
    },
    /// The word or enum, or a name of the set is matched somewhere by an expression.
    Match {
        /// Field of kind Enum, Word, Set or CountedSet.
        field: Field,
        /// The expression, flags inline; it compiles.
        pattern: String,
    },
    /// The number, or the date in days since 1970-01-01, lies in a range.
    Range {
        /// Field of kind Int, Real or Date.
        field: Field,
        /// The range.
        range: Range,
    },
    /// The word of an ordered enum lies between two others.
    Between {
        /// Field of an ordered kind Enum.
        field: Field,
        /// Lower end, as a position in the field's words.
        low: Bound<usize>,
        /// Upper end.
        high: Bound<usize>,
    },
    /// The level lies between two others, in the order of the row's source.
    Level {
        /// The field `source`.
        source: Field,
        /// The field `level`.
        level: Field,
        /// Lower end.
        low: Bound<String>,
        /// Upper end.
        high: Bound<String>,
        /// Sources that know both ends, each with its levels from low to high.
        orders: Vec<(String, Vec<String>)>,
    },
    /// How often a name occurs in a set lies in a range; 0 where a known set lacks it.
    Count {
        /// Field of kind CountedSet.
        field: Field,
        /// The name.
        name: String,
        /// The range.
        range: Range,
    },
    /// There is a value: not null, and neither an empty set nor an empty text.
    Given(Field),
    /// The code is as alike to that of a sample as a threshold says.
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
    /// The id begins with these lower-case hexadecimal digits.
    Id {
        /// At most 32 digits.
        prefix: String,
    },
    /// Any state: every row, and the default `state:kept` does not apply.
    AnyState(Field),
    /// The frozen rows of a saved query.
    Pin(Pin),
    /// A saved query, expanded.
    Saved {
        /// Its name.
        name: String,
        /// Arguments, as typed.
        args: Vec<String>,
        /// What it says.
        query: Box<Query<Resolved>>,
    },
}

impl<L: Leaf> Expr<L> {
    /// Makes an expression of a node and its mark.
    pub fn new(node: Node<L>, mark: L::Mark) -> Self {
        Expr { node, mark }
    }
}

impl Expr<Resolved> {
    /// A leaf.
    pub fn check(check: Check) -> Self {
        Expr::new(Node::Atom(check), ())
    }

    /// The complement.
    pub fn complement(self) -> Self {
        Expr::new(Node::Not(Box::new(self)), ())
    }

    /// The pins that stand in it, saved queries included.
    pub fn pins(&self) -> Vec<&Pin> {
        match &self.node {
            Node::All => Vec::new(),
            Node::And(members) | Node::Or(members) => members.iter().flat_map(Expr::pins).collect(),
            Node::Not(inner) => inner.pins(),
            Node::Atom(Check::Pin(pin)) => vec![pin],
            Node::Atom(Check::Saved { query, .. }) => query.filter.pins(),
            Node::Atom(_) => Vec::new(),
        }
    }

    /// Whether a test on `state` stands anywhere in it, saved queries included.
    pub fn names_state(&self) -> bool {
        match &self.node {
            Node::All => false,
            Node::And(members) | Node::Or(members) => members.iter().any(Expr::names_state),
            Node::Not(inner) => inner.names_state(),
            Node::Atom(check) => match check {
                Check::AnyState(_) => true,
                Check::Value { field, .. }
                | Check::Glob { field, .. }
                | Check::Match { field, .. }
                | Check::Given(field) => field.name == "state",
                Check::Saved { query, .. } => query.filter.names_state(),
                _ => false,
            },
        }
    }

    /// Whether a test on what models wrote stands anywhere in it: on a field of evaluation.
    pub fn names_evaluation(&self) -> bool {
        match &self.node {
            Node::All => false,
            Node::And(members) | Node::Or(members) => members.iter().any(Expr::names_evaluation),
            Node::Not(inner) => inner.names_evaluation(),
            Node::Atom(check) => match check {
                Check::Value { field, .. }
                | Check::Glob { field, .. }
                | Check::Match { field, .. }
                | Check::Range { field, .. }
                | Check::Given(field) => field.name.starts_with("eval."),
                Check::Saved { query, .. } => query.filter.names_evaluation(),
                _ => false,
            },
        }
    }
}

impl Query<Parsed> {
    /// The same tree with every place set to nothing and notes and text left out, to compare two texts by what they say.
    pub fn without_places(&self) -> Query<Parsed> {
        let mut query = self.clone();
        query.origin.clear();
        query.notes.clear();
        query.visit_spans(&mut |span| *span = Span::default());
        query
    }

    /// Shows every place in the tree to `visit`.
    fn visit_spans(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        match &mut self.at {
            Some(When::Day(word) | When::Op(word)) => visit(&mut word.span),
            Some(When::Pin { name, pin }) => {
                visit(&mut name.span);
                visit(&mut pin.span);
            }
            None => {}
        }
        self.filter.visit_spans(visit);
        for step in &mut self.steps {
            visit(&mut step.span);
        }
        self.visit_pieces(&mut |piece| match piece {
            Piece::Word(word) => visit(&mut word.span),
            Piece::Value(value) => visit(&mut value.span),
        });
    }

    /// Shows every word and value in the tree to `visit`, so that a saved query's arguments can be put in.
    pub(super) fn visit_pieces(&mut self, visit: &mut dyn FnMut(Piece<'_>)) {
        self.filter.visit_pieces(visit);
        for step in &mut self.steps {
            match &mut step.kind {
                StatedKind::Sort(keys) => keys.iter_mut().for_each(|(_, word)| visit(Piece::Word(word))),
                StatedKind::Take(word) | StatedKind::Skip(word) => visit(Piece::Word(word)),
                StatedKind::Sample { amount, seed, by } => {
                    visit(Piece::Word(amount));
                    seed.iter_mut().chain(by).for_each(|word| visit(Piece::Word(word)));
                }
                StatedKind::Per { field, count } => {
                    visit(Piece::Word(field));
                    visit(Piece::Word(count));
                }
                StatedKind::Balance { field, shares, to } => {
                    visit(Piece::Word(field));
                    for (value, share) in shares {
                        visit(Piece::Value(value));
                        visit(Piece::Word(share));
                    }
                    to.iter_mut().for_each(|word| visit(Piece::Word(word)));
                }
                StatedKind::Dedup(threshold) => threshold.iter_mut().for_each(|word| visit(Piece::Word(word))),
                StatedKind::Split { shares, seed } => {
                    visit(Piece::Word(shares));
                    seed.iter_mut().for_each(|word| visit(Piece::Word(word)));
                }
            }
        }
    }
}

/// A word or a value of a parsed tree.
pub(super) enum Piece<'a> {
    /// A word.
    Word(&'a mut Word),
    /// A value.
    Value(&'a mut Value),
}

impl Expr<Parsed> {
    fn visit_spans(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.mark);
        match &mut self.node {
            Node::All => {}
            Node::And(members) | Node::Or(members) => members.iter_mut().for_each(|member| member.visit_spans(visit)),
            Node::Not(inner) => inner.visit_spans(visit),
            Node::Atom(Atom::Test { values, .. }) => values.visit_marks(visit),
            Node::Atom(_) => {}
        }
    }

    fn visit_pieces(&mut self, visit: &mut dyn FnMut(Piece<'_>)) {
        match &mut self.node {
            Node::All => {}
            Node::And(members) | Node::Or(members) => members.iter_mut().for_each(|member| member.visit_pieces(visit)),
            Node::Not(inner) => inner.visit_pieces(visit),
            Node::Atom(atom) => match atom {
                Atom::Text(value) => visit(Piece::Value(value)),
                Atom::Test { field, values, .. } => {
                    visit(Piece::Word(field));
                    values.visit_values(visit);
                }
                Atom::Near { id, threshold } => {
                    visit(Piece::Word(id));
                    threshold.iter_mut().for_each(|word| visit(Piece::Word(word)));
                }
                Atom::Ast { pattern: word } | Atom::Given(word) | Atom::Is(word) => visit(Piece::Word(word)),
                Atom::Saved { name, args, pin } => {
                    visit(Piece::Word(name));
                    args.iter_mut().for_each(|value| visit(Piece::Value(value)));
                    pin.iter_mut().for_each(|word| visit(Piece::Word(word)));
                }
            },
        }
    }
}

impl Expr<InValues> {
    fn visit_marks(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.mark);
        match &mut self.node {
            Node::All | Node::Atom(_) => {}
            Node::And(members) | Node::Or(members) => members.iter_mut().for_each(|member| member.visit_marks(visit)),
            Node::Not(inner) => inner.visit_marks(visit),
        }
    }

    fn visit_values(&mut self, visit: &mut dyn FnMut(Piece<'_>)) {
        match &mut self.node {
            Node::All => {}
            Node::And(members) | Node::Or(members) => members.iter_mut().for_each(|member| member.visit_values(visit)),
            Node::Not(inner) => inner.visit_values(visit),
            Node::Atom(value) => visit(Piece::Value(value)),
        }
    }
}
