//! The naive evaluator: what a query means, row by row, straight over the resolved tree. It shares no code with the plan,
//! the index or the steps; of the texts it takes the tokenizer only.

use std::cell::{OnceCell, RefCell};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::rc::Rc;

use regex::Regex;
use scenery::analyze::features::Kind;
use scenery::query::ast::{Check, Expr, Node, Query, Resolved};
use scenery::query::plan::{Amount, Field, Step, Test, Within};
use scenery::sample::{FactValue, RevisionKind, Sample, State};
use sha2::{Digest, Sha256};

use crate::relevance::Relevance;

/// The rows that a query selects, as positions in `rows`, in order.
///
/// Sorting by `level` is not covered: its order is that of the sources' recipes, which the rows do not hold.
pub fn select(query: &Query<Resolved>, rows: &[Sample]) -> Vec<usize> {
    select_with(query, rows, &Terms::default())
}

/// As [`select`], for many queries over the same rows.
pub fn select_with(query: &Query<Resolved>, rows: &[Sample], terms: &Terms) -> Vec<usize> {
    let naive = Naive {
        rows,
        kept_only: !names_state(query),
        with_generated: names_evaluation(query),
        sets: RefCell::default(),
        expressions: RefCell::default(),
        terms,
        relevance: &terms.2,
    };
    naive.rows_of(query)
}

/// What was read off texts once: where each term stands, the windows of five tokens, and how common terms are.
#[derive(Default)]
pub struct Terms(RefCell<HashMap<String, Rc<Places>>>, RefCell<HashMap<String, Rc<Windows>>>, OnceCell<Relevance>);

type Windows = HashSet<Vec<String>>;

type Places = BTreeMap<String, BTreeSet<u32>>;

impl Terms {
    fn of(&self, text: &str) -> Rc<Places> {
        if let Some(known) = self.0.borrow().get(text) {
            return known.clone();
        }
        let mut places = Places::new();
        for term in scenery::text::terms(text) {
            places.entry(term.text).or_default().insert(term.position);
        }
        let places = Rc::new(places);
        self.0.borrow_mut().insert(text.to_owned(), places.clone());
        places
    }

    /// The share of windows of five tokens that two texts have in common.
    pub fn alike(&self, left: &str, right: &str) -> f64 {
        let (left, right) = (self.windows(left), self.windows(right));
        let both = left.iter().filter(|window| right.contains(*window)).count();
        let either = left.len() + right.len() - both;
        if either == 0 { 0.0 } else { both as f64 / either as f64 }
    }

    fn windows(&self, code: &str) -> Rc<Windows> {
        let made = || {
            let tokens: Vec<String> =
                scenery::similarity::lexer::tokens(code).map(|token| token.text.to_owned()).collect();
            match tokens.len() {
                0 => Windows::new(),
                1..=4 => Windows::from([tokens]),
                _ => tokens.windows(5).map(<[String]>::to_vec).collect(),
            }
        };
        Rc::clone(self.1.borrow_mut().entry(code.to_owned()).or_insert_with(|| Rc::new(made())))
    }

    /// Whether terms stand at positions that follow one another.
    fn has_phrase(&self, text: &str, wanted: &[String], prefix: bool) -> bool {
        let places = self.of(text);
        let mut ends: Option<BTreeSet<u32>> = None;
        for (at, term) in wanted.iter().enumerate() {
            let found: BTreeSet<u32> = if prefix && at + 1 == wanted.len() {
                let from = places.range(term.clone()..).take_while(|(found, _)| found.starts_with(term.as_str()));
                from.flat_map(|(_, positions)| positions.iter().copied()).collect()
            } else {
                places.get(term).cloned().unwrap_or_default()
            };
            let next: BTreeSet<u32> = match ends {
                None => found,
                Some(ends) => {
                    found.into_iter().filter(|position| *position > 0 && ends.contains(&(position - 1))).collect()
                }
            };
            if next.is_empty() {
                return false;
            }
            ends = Some(next);
        }
        ends.is_some()
    }
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Null,
    Number(f64),
    Word(String),
    Names(BTreeMap<String, u32>),
}

struct Naive<'a> {
    rows: &'a [Sample],
    kept_only: bool,
    with_generated: bool,
    sets: RefCell<HashMap<*const Query<Resolved>, HashSet<usize>>>,
    expressions: RefCell<HashMap<String, Regex>>,
    terms: &'a Terms,
    relevance: &'a OnceCell<Relevance>,
}

fn names_state(query: &Query<Resolved>) -> bool {
    fn within(expr: &Expr<Resolved>) -> bool {
        match &expr.node {
            Node::All => false,
            Node::And(members) | Node::Or(members) => members.iter().any(within),
            Node::Not(inner) => within(inner),
            Node::Atom(Check::Saved { query, .. }) => names_state(query),
            Node::Atom(Check::AnyState(_)) => true,
            Node::Atom(
                Check::Value { field, .. }
                | Check::Glob { field, .. }
                | Check::Match { field, .. }
                | Check::Given(field),
            ) => field.name == "state",
            Node::Atom(_) => false,
        }
    }
    within(&query.filter)
}

fn names_evaluation(query: &Query<Resolved>) -> bool {
    fn within(expr: &Expr<Resolved>) -> bool {
        match &expr.node {
            Node::And(members) | Node::Or(members) => members.iter().any(within),
            Node::Not(inner) => within(inner),
            Node::Atom(Check::Saved { query, .. }) => names_evaluation(query),
            Node::Atom(
                Check::Value { field, .. }
                | Check::Glob { field, .. }
                | Check::Match { field, .. }
                | Check::Range { field, .. }
                | Check::Given(field),
            ) => field.name.starts_with("eval."),
            _ => false,
        }
    }
    within(&query.filter)
}

impl Naive<'_> {
    /// A query by itself: a saved query that is the whole filter hands on its order.
    fn rows_of(&self, query: &Query<Resolved>) -> Vec<usize> {
        let mut chosen: Vec<usize> = match &query.filter.node {
            Node::Atom(Check::Saved { query, .. }) => self.rows_of(query),
            _ => {
                let mut chosen: Vec<usize> = (0..self.rows.len())
                    .filter(|row| {
                        let state = self.rows[*row].state;
                        !self.kept_only || state == State::Kept || (self.with_generated && state == State::Generated)
                    })
                    .filter(|row| self.passes(&query.filter, *row))
                    .collect();
                chosen.sort_by_key(|row| self.rows[*row].id);
                chosen
            }
        };
        for step in &query.steps {
            if let Step::Relevance { texts, .. } = step {
                let asked = asked_for(&query.filter);
                assert!(
                    texts.iter().all(|text| asked.contains(text)) && texts.len() == asked.len(),
                    "{texts:?} {asked:?}"
                );
            }
            chosen = self.step(step, chosen);
        }
        chosen
    }

    fn passes(&self, expr: &Expr<Resolved>, row: usize) -> bool {
        match &expr.node {
            Node::All => true,
            Node::And(members) => members.iter().all(|member| self.passes(member, row)),
            Node::Or(members) => members.iter().any(|member| self.passes(member, row)),
            Node::Not(inner) => !self.passes(inner, row),
            Node::Atom(Check::Saved { query, .. }) => {
                let key: *const Query<Resolved> = &**query;
                if let Some(set) = self.sets.borrow().get(&key) {
                    return set.contains(&row);
                }
                let set: HashSet<usize> = self.rows_of(query).into_iter().collect();
                let has = set.contains(&row);
                self.sets.borrow_mut().insert(key, set);
                has
            }
            Node::Atom(check) => self.holds(check, &self.rows[row]),
        }
    }

    fn holds(&self, check: &Check, sample: &Sample) -> bool {
        match check {
            Check::Phrase { within, terms, prefix } => {
                texts(sample, *within).any(|text| self.terms.has_phrase(text, terms, *prefix))
            }
            Check::Pattern { within, pattern } => texts(sample, *within).any(|text| self.matches(pattern, text)),
            Check::Meta { name, terms, prefix } => {
                column(sample, name).is_some_and(|text| self.terms.has_phrase(&text, terms, *prefix))
            }
            Check::Is(field) => value(sample, field) == Value::Word("true".to_owned()),
            Check::Value { field, value: wanted } => self.any_name(sample, field, &|name| name == wanted),
            Check::Glob { field, glob } => self.any_name(sample, field, &|name| globbed(glob, name)),
            Check::Match { field, pattern } if field.name.starts_with("meta.") => {
                column(sample, &field.name["meta.".len()..]).is_some_and(|text| self.matches(pattern, &text))
            }
            Check::Match { field, pattern } => self.any_name(sample, field, &|name| self.matches(pattern, name)),
            Check::Range { field, range } if field.name.starts_with("meta.") => {
                let number = column(sample, &field.name["meta.".len()..]).and_then(|text| text.trim().parse().ok());
                number.is_some_and(|number: f64| lies(number, &range.low, &range.high))
            }
            Check::Range { field, range } => match value(sample, field) {
                Value::Number(number) => lies(number, &range.low, &range.high),
                _ => false,
            },
            Check::Between { field, low, high } => match (value(sample, field), field.kind) {
                (Value::Word(word), Kind::Enum { words, .. }) => {
                    words.iter().position(|known| *known == word).is_some_and(|at| lies(at, low, high))
                }
                _ => false,
            },
            Check::Level { low, high, orders, .. } => {
                let order = orders.iter().find(|(source, _)| *source == sample.source).map(|(_, levels)| levels);
                let (Some(order), Some(level)) = (order, &sample.level) else { return false };
                let place = |level: &String| order.iter().position(|known| known == level);
                let end = |bound: &Bound<String>| {
                    bound.as_ref().map(|level| place(level).expect("both ends are in the order"))
                };
                place(level).is_some_and(|at| lies(at, &end(low), &end(high)))
            }
            Check::Count { field, name, range } => match sample.facts.get(&field.name) {
                FactValue::Set(names) => {
                    lies(f64::from(names.get(name).copied().unwrap_or(0)), &range.low, &range.high)
                }
                _ => false,
            },
            Check::Given(field) => match field.name.as_str() {
                "code" => !sample.code.is_empty(),
                "instruction" => sample.instruction.as_ref().is_some_and(|text| !text.is_empty()),
                _ => match value(sample, field) {
                    Value::Null => false,
                    Value::Names(names) => !names.is_empty(),
                    Value::Word(_) | Value::Number(_) => true,
                },
            },
            Check::Id { prefix } => sample.id.to_string().starts_with(prefix),
            Check::Near { id, threshold } => {
                let other = self.rows.iter().find(|row| row.id.to_string() == *id);
                other.is_some_and(|other| self.terms.alike(&other.code, &sample.code) >= *threshold)
            }
            // The index and the order of looking are what is put to the test here; what a pattern is found in has an
            // oracle of its own.
            Check::Ast { pattern } => pattern.is_in(&sample.code),
            Check::AnyState(_) => true,
            Check::Pin(_) => unreachable!("random queries name no pins"),
            Check::Saved { .. } => unreachable!("handled with the rows"),
        }
    }

    fn any_name(&self, sample: &Sample, field: &Field, pass: &dyn Fn(&str) -> bool) -> bool {
        match value(sample, field) {
            Value::Null | Value::Number(_) => false,
            Value::Word(word) => pass(&word),
            Value::Names(names) => names.keys().any(|name| pass(name)),
        }
    }

    fn matches(&self, pattern: &str, text: &str) -> bool {
        let mut expressions = self.expressions.borrow_mut();
        expressions
            .entry(pattern.to_owned())
            .or_insert_with(|| Regex::new(pattern).expect("it resolved"))
            .is_match(text)
    }

    fn step(&self, step: &Step, rows: Vec<usize>) -> Vec<usize> {
        match step {
            Step::Sort(keys) => {
                let mut rows = rows;
                rows.sort_by(|left, right| {
                    let (left, right) = (&self.rows[*left], &self.rows[*right]);
                    keys.iter()
                        .map(|key| {
                            assert_ne!(key.field.name, "level", "sorting by level is not covered");
                            order(&key.field, &value(left, &key.field), &value(right, &key.field), key.descending)
                        })
                        .find(|order| order.is_ne())
                        .unwrap_or_else(|| left.id.cmp(&right.id))
                });
                rows
            }
            Step::Relevance { texts, then } => {
                let scores = self.relevance.get_or_init(|| Relevance::new(self.rows)).scores(texts);
                let mut rows = self.step(&Step::Sort(then.clone()), rows);
                rows.sort_by(|left, right| scores[*right].total_cmp(&scores[*left]));
                rows
            }
            Step::Take(count) => rows.into_iter().take(*count as usize).collect(),
            Step::Skip(count) => rows.into_iter().skip(*count as usize).collect(),
            Step::Per { field, count } => {
                let mut kept: Vec<(Value, u64)> = Vec::new();
                rows.into_iter()
                    .filter(|row| {
                        let value = value(&self.rows[*row], field);
                        let at = kept.iter().position(|(known, _)| *known == value).unwrap_or_else(|| {
                            kept.push((value, 0));
                            kept.len() - 1
                        });
                        kept[at].1 += 1;
                        kept[at].1 <= *count
                    })
                    .collect()
            }
            Step::Balance { field, shares, to } => {
                let is = |row: usize, wanted: &str| match value(&self.rows[row], field) {
                    Value::Word(word) => word == wanted,
                    Value::Number(number) => wanted.parse() == Ok(number),
                    Value::Null | Value::Names(_) => false,
                };
                let have = |wanted: &str| rows.iter().filter(|row| is(**row, wanted)).count();
                // In whole units of a thousandth of a share, one row at a time to whoever is furthest behind.
                let mut left: Vec<(String, usize)> = match to {
                    None => {
                        let most = |count: &dyn Fn(usize) -> bool| (1..=rows.len()).take_while(|n| count(*n)).last();
                        let fits = |n: usize, share: f64, of: f64, have: usize| {
                            (n as f64 * share / of + 1e-9).floor() as usize <= have
                        };
                        let first = shares
                            .iter()
                            .min_by(|a, b| {
                                (have(&a.value) as f64 / a.share).total_cmp(&(have(&b.value) as f64 / b.share))
                            })
                            .expect("there are shares");
                        let scarce = most(&|n| fits(n, 1.0, 1.0, have(&first.value))).unwrap_or(0);
                        let count = |share: f64| ((scarce as f64 * share / first.share + 1e-9).floor() as usize).max(1);
                        shares.iter().map(|share| (share.value.clone(), count(share.share))).collect()
                    }
                    Some(total) => {
                        let sum: f64 = shares.iter().map(|share| share.share).sum();
                        let exact: Vec<f64> = shares.iter().map(|share| *total as f64 * share.share / sum).collect();
                        let mut counts: Vec<usize> =
                            exact.iter().map(|wanted| (wanted + 1e-9).floor() as usize).collect();
                        while (counts.iter().sum::<usize>() as u64) < *total {
                            let behind = |at: usize| exact[at] - counts[at] as f64;
                            let mut next = 0;
                            for at in 1..counts.len() {
                                if behind(at) > behind(next) {
                                    next = at;
                                }
                            }
                            counts[next] += 1;
                        }
                        shares.iter().zip(counts).map(|(share, count)| (share.value.clone(), count)).collect()
                    }
                };
                rows.iter()
                    .copied()
                    .filter(|row| {
                        let Some((_, count)) = left.iter_mut().find(|(wanted, _)| is(*row, wanted)) else {
                            return false;
                        };
                        let takes = *count > 0;
                        *count -= usize::from(takes);
                        takes
                    })
                    .collect()
            }
            Step::Split { .. } => rows,
            Step::Dedup { threshold } => {
                let mut kept: Vec<usize> = Vec::new();
                for row in rows {
                    if !kept
                        .iter()
                        .any(|other| self.terms.alike(&self.rows[*other].code, &self.rows[row].code) >= *threshold)
                    {
                        kept.push(row);
                    }
                }
                kept
            }
            Step::Sample { amount: Amount::Share(share), seed, .. } => {
                let bound = share * 2f64.powi(64);
                rows.into_iter().filter(|row| (self.hash(*row, *seed) as f64) < bound || *share >= 1.0).collect()
            }
            Step::Sample { amount: Amount::Rows(count), seed, by: None } => {
                let chosen = self.smallest(&rows, *count as usize, *seed);
                rows.into_iter().filter(|row| chosen.contains(row)).collect()
            }
            Step::Sample { amount: Amount::Rows(count), seed, by: Some(field) } => {
                let mut groups: Vec<(Value, Vec<usize>)> = Vec::new();
                for row in &rows {
                    let value = value(&self.rows[*row], field);
                    match groups.iter_mut().find(|(known, _)| *known == value) {
                        Some((_, members)) => members.push(*row),
                        None => groups.push((value, vec![*row])),
                    }
                }
                groups.sort_by(|(left, _), (right, _)| by_text(left, right));
                let chosen: HashSet<usize> = shares(&groups, *count as usize, rows.len())
                    .into_iter()
                    .zip(&groups)
                    .flat_map(|(share, (_, members))| self.smallest(members, share, *seed))
                    .collect();
                rows.into_iter().filter(|row| chosen.contains(row)).collect()
            }
        }
    }

    fn smallest(&self, rows: &[usize], count: usize, seed: u64) -> HashSet<usize> {
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| (self.hash(*row, seed), self.rows[*row].id));
        rows.into_iter().take(count).collect()
    }

    /// The first 8 bytes, big endian, of SHA-256 over the id and the seed (little endian).
    fn hash(&self, row: usize, seed: u64) -> u64 {
        let mut bytes = self.rows[row].id.0.to_vec();
        bytes.extend(seed.to_le_bytes());
        Sha256::digest(&bytes).iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// Largest remainders; ties go to the value that comes first.
fn shares(groups: &[(Value, Vec<usize>)], count: usize, total: usize) -> Vec<usize> {
    if count >= total {
        return groups.iter().map(|(_, members)| members.len()).collect();
    }
    let mut shares: Vec<usize> = groups.iter().map(|(_, members)| members.len() * count / total).collect();
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(groups[*at].1.len() * count % total));
    for at in order {
        if shares.iter().sum::<usize>() < count {
            shares[at] += 1;
        }
    }
    shares
}

/// Numbers by size, then words by text, then nothing.
fn by_text(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.total_cmp(right),
        (Value::Number(_), _) => Ordering::Less,
        (_, Value::Number(_)) => Ordering::Greater,
        (Value::Word(left), Value::Word(right)) => left.cmp(right),
        (Value::Word(_), _) => Ordering::Less,
        (_, Value::Word(_)) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

/// Nulls are last both ways; the words of an enumeration go by their place in it.
fn order(field: &Field, left: &Value, right: &Value, descending: bool) -> Ordering {
    match (left, right) {
        (Value::Null, Value::Null) => return Ordering::Equal,
        (Value::Null, _) => return Ordering::Greater,
        (_, Value::Null) => return Ordering::Less,
        _ => {}
    }
    let upward = match (field.kind, left, right) {
        (Kind::Enum { words, .. }, Value::Word(left), Value::Word(right)) => {
            let place = |word: &str| words.iter().position(|known| *known == word);
            place(left).cmp(&place(right))
        }
        _ => by_text(left, right),
    };
    if descending { upward.reverse() } else { upward }
}

fn lies<T: PartialOrd>(value: T, low: &Bound<T>, high: &Bound<T>) -> bool {
    let above = match low {
        Bound::Included(low) => value >= *low,
        Bound::Excluded(low) => value > *low,
        Bound::Unbounded => true,
    };
    let below = match high {
        Bound::Included(high) => value <= *high,
        Bound::Excluded(high) => value < *high,
        Bound::Unbounded => true,
    };
    above && below
}

/// The words and phrases that a filter asks for: those under an even number of negations.
fn asked_for(filter: &Expr<Resolved>) -> Vec<Test> {
    let mut out: Vec<Test> = Vec::new();
    let mut open = vec![(filter, 0)];
    while let Some((expr, negations)) = open.pop() {
        match &expr.node {
            Node::Not(inner) => open.push((inner, negations + 1)),
            Node::And(members) | Node::Or(members) => open.extend(members.iter().map(|member| (member, negations))),
            Node::Atom(Check::Saved { query, .. }) => {
                if query.steps.iter().all(|step| matches!(step, Step::Sort(_) | Step::Relevance { .. })) {
                    open.push((&query.filter, negations));
                }
            }
            Node::Atom(Check::Phrase { within, terms, prefix }) if negations % 2 == 0 => {
                out.push(Test::Phrase { within: *within, terms: terms.clone(), prefix: *prefix });
            }
            Node::All | Node::Atom(_) => {}
        }
    }
    let mut once: Vec<Test> = Vec::new();
    out.into_iter().for_each(|test| {
        if !once.contains(&test) {
            once.push(test)
        }
    });
    once
}

fn texts(sample: &Sample, within: Within) -> impl Iterator<Item = &str> {
    let instruction = sample.instruction.as_deref().filter(|_| within != Within::Code);
    let code = Some(sample.code.as_str()).filter(|_| within != Within::Instruction);
    instruction.into_iter().chain(code)
}

/// `*` is any characters, `?` one; the whole name must match.
fn globbed(glob: &str, name: &str) -> bool {
    let (glob, name): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
    let mut reached: HashSet<usize> = HashSet::from([0]);
    for c in glob {
        reached = match c {
            '*' => (reached.iter().copied().min().unwrap_or(name.len() + 1)..=name.len()).collect(),
            c => reached
                .iter()
                .filter(|at| name.get(**at).is_some_and(|found| c == '?' || c == *found))
                .map(|at| at + 1)
                .collect(),
        };
    }
    reached.contains(&name.len())
}

fn column(sample: &Sample, name: &str) -> Option<String> {
    match sample.meta.get(name)? {
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Days since 1970-01-01, counted year by year and month by month.
fn days(time: &str) -> f64 {
    let number = |from: usize, to: usize| time[from..to].parse::<i64>().expect("times are RFC 3339");
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let years: i64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months: i64 = lengths.iter().take(month as usize - 1).sum();
    (years + months + day - 1) as f64
}

/// The value of a field; yes and no are the words `true` and `false`.
fn value(sample: &Sample, field: &Field) -> Value {
    let word = |text: &str| Value::Word(text.to_owned());
    let maybe = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Word(text.to_owned()));
    match field.name.as_str() {
        // nothing makes their values yet
        "dup.of" | "dup.similarity" | "dup.size" | "fail.class" | "family" | "validated" => Value::Null,
        "eval.run" => maybe(sample.written.as_ref().map(|written| written.run.as_str())),
        "eval.stop" => maybe(sample.written.as_ref().map(|written| written.stop.as_str())),
        name if name.starts_with("eval.") => Value::Null,
        "id" => word(&sample.id.to_string()),
        "source" => word(&sample.source),
        "key" => word(&sample.key),
        "locator" => word(&sample.locator),
        "origin" => Value::Names(BTreeMap::from([(format!("{}:{}", sample.source, sample.locator), 1)])),
        "licence" => word(&sample.licence),
        "rank" => Value::Number(f64::from(sample.rank)),
        "level" => maybe(sample.level.as_deref()),
        "split" => maybe(sample.split.map(|side| side.word())),
        "split.given" => maybe(sample.split_given.map(|side| side.word())),
        "tag" => Value::Names(sample.tags.iter().map(|tag| (tag.clone(), 1)).collect()),
        "reason" => maybe(sample.reason.as_deref()),
        "added" => Value::Number(days(&sample.added)),
        "edited" => word(if sample.revision == RevisionKind::Edited { "true" } else { "false" }),
        "description.kind" => word(sample.description_kind.word()),
        "state" => word(sample.state.word()),
        name => match name.strip_prefix("meta.") {
            Some(name) => match sample.meta.get(name).and_then(serde_json::Value::as_f64) {
                Some(number) => Value::Number(number),
                None => maybe(column(sample, name).as_deref()),
            },
            None => match sample.facts.get(name) {
                FactValue::Null => Value::Null,
                FactValue::Bool(yes) => word(if *yes { "true" } else { "false" }),
                FactValue::Int(number) => Value::Number(*number as f64),
                FactValue::Real(number) => Value::Number(*number),
                FactValue::Word(text) => word(text),
                FactValue::Set(names) => Value::Names(names.clone()),
            },
        },
    }
}
