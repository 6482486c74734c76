//! From a resolved query to a plan: defaults are added, words are lowered to tests, and what says nothing is left out.
//! Runs after resolving, so every name has been looked at, and cannot fail.

use std::ops::Bound;

use crate::analyze::features::Kind;
use crate::sample::State;

use super::States;
use super::ast::{Check, Expr, Node, Query, Resolved};
use super::numbers;
use super::plan::{Field, Filter, Home, Note, Plan, Range, Step, Test};
use super::values::glob_pattern;

/// The states that a query asks of which nobody typed.
pub(super) fn asked(query: &Query<Resolved>, states: States) -> &'static [State] {
    if query.filter.names_state() { &[] } else { states.asked(query.filter.names_evaluation()) }
}

/// Lowers a whole query.
pub(super) fn plan(query: Query<Resolved>, states: States) -> Plan {
    let states = asked(&query, states);
    let mut notes = query.notes.clone();
    let mut plan = lower(&query, !states.is_empty(), states);
    contradictions(&plan.filter, &mut notes);
    if let (None, Some(pin)) = (plan.at, query.filter.pins().first()) {
        let message = format!(
            "beside other tests `{pin}` is the set of its rows as they are now; `at:{pin}` asks for all as it was then"
        );
        notes.push(Note { message });
    }
    plan.notes = notes;
    plan
}

/// What runs for a query. A saved query that is the whole filter brings its own moment and steps, which come first; a pin
/// that is the whole filter its moment and order. `kept_only`: the state is asked here; `default`: it is asked by every
/// query with stages inside.
fn lower(query: &Query<Resolved>, kept_only: bool, default: &[State]) -> Plan {
    let mut plan = Plan {
        at: query.at,
        filter: Filter::All,
        order: None,
        steps: Vec::new(),
        notes: Vec::new(),
        default_state: false,
    };
    match &query.filter.node {
        Node::Atom(Check::Pin(pin)) => {
            plan.at = query.at.or(Some(pin.op));
            plan.filter = Filter::Pin(pin.clone());
            plan.order = Some(pin.clone());
        }
        Node::Atom(Check::Saved { query: inner, .. }) => {
            let inner = lower(inner, kept_only, default);
            match (query.at, inner.at) {
                // Asked at two moments: the set that it was at its own.
                (Some(outer), Some(own)) if outer != own => plan.filter = Filter::Rows(Box::new(inner)),
                (outer, own) => plan = Plan { at: outer.or(own), ..inner },
            }
        }
        _ => {
            plan.filter = expr(&query.filter, default);
            if kept_only {
                plan.default_state = true;
                plan.filter = and(vec![in_states(&query.filter, default), plan.filter]);
            }
        }
    }
    plan.steps.extend(query.steps.iter().cloned());
    plan
}

/// `state:kept`, or what else the default is; that is not asked of the rows that a pin names.
fn in_states(expression: &Expr<Resolved>, states: &[State]) -> Filter {
    let kind = super::fields::find("state").map_or(Kind::Word, |info| info.kind);
    let test = |state: &State| {
        let field = Field { name: "state".to_owned(), kind, home: Home::Column };
        Filter::Test(Test::Value { field, value: state.word().to_owned() })
    };
    let mut out: Vec<Filter> = states.iter().map(test).collect();
    for pin in expression.pins() {
        let pin = Filter::Pin(pin.clone());
        if !out.contains(&pin) {
            out.push(pin);
        }
    }
    or(out)
}

fn expr(expression: &Expr<Resolved>, default: &[State]) -> Filter {
    match &expression.node {
        Node::All => Filter::All,
        Node::And(members) => and(members.iter().map(|member| expr(member, default)).collect()),
        Node::Or(members) => or(members.iter().map(|member| expr(member, default)).collect()),
        Node::Not(inner) => not(expr(inner, default)),
        Node::Atom(check) => lower_check(check, default),
    }
}

fn and(members: Vec<Filter>) -> Filter {
    let mut flat: Vec<Filter> = Vec::with_capacity(members.len());
    for member in members {
        match member {
            Filter::All => {}
            Filter::And(inner) => flat.extend(inner),
            Filter::Or(inner) if inner.is_empty() => return Filter::Or(inner),
            other => flat.push(other),
        }
    }
    match flat.len() {
        0 => Filter::All,
        1 => flat.remove(0),
        _ => Filter::And(flat),
    }
}

fn or(members: Vec<Filter>) -> Filter {
    let mut flat: Vec<Filter> = Vec::with_capacity(members.len());
    for member in members {
        match member {
            Filter::All => return Filter::All,
            Filter::Or(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    match flat.len() {
        1 => flat.remove(0),
        _ => Filter::Or(flat),
    }
}

fn not(inner: Filter) -> Filter {
    match inner {
        Filter::Not(inner) => *inner,
        Filter::All => Filter::Or(Vec::new()),
        Filter::Or(members) if members.is_empty() => Filter::All,
        other => Filter::Not(Box::new(other)),
    }
}

fn lower_check(check: &Check, default: &[State]) -> Filter {
    let test = match check {
        Check::Phrase { within, terms, prefix } => {
            Test::Phrase { within: *within, terms: terms.clone(), prefix: *prefix }
        }
        Check::Pattern { within, pattern } => Test::Regex { within: *within, pattern: pattern.clone() },
        Check::Meta { name, terms, prefix } => Test::Meta { name: name.clone(), terms: terms.clone(), prefix: *prefix },
        Check::Is(field) => Test::Value { field: field.clone(), value: "true".to_owned() },
        Check::Value { field, value } => Test::Value { field: field.clone(), value: value.clone() },
        Check::Glob { field, glob } => Test::Match { field: field.clone(), pattern: glob_pattern(glob) },
        Check::Match { field, pattern } => Test::Match { field: field.clone(), pattern: pattern.clone() },
        Check::Range { field, range } => Test::Range { field: field.clone(), range: *range },
        Check::Count { field, name, range } => Test::Count { field: field.clone(), name: name.clone(), range: *range },
        Check::Given(field) => Test::Has { field: field.clone() },
        Check::Near { id, threshold } => Test::Near { id: id.clone(), threshold: *threshold },
        Check::Ast { pattern } => Test::Ast { pattern: pattern.clone() },
        Check::Id { prefix } => Test::Id { prefix: prefix.clone() },
        Check::AnyState(_) => return Filter::All,
        Check::Pin(pin) => return Filter::Pin(pin.clone()),
        Check::Between { field, low, high } => return between(field, *low, *high),
        Check::Level { source, level, low, high, orders } => {
            return or(orders.iter().map(|(name, levels)| of_source(source, level, name, levels, low, high)).collect());
        }
        Check::Saved { query, .. } => return saved(query, default),
    };
    Filter::Test(test)
}

/// A saved query inside an expression is the set that it selects. Stages that only order select everything.
fn saved(query: &Query<Resolved>, default: &[State]) -> Filter {
    // without steps the state is asked once, by the whole query
    let plain = lower(query, false, default);
    if plain.at.is_none() && plain.steps.iter().all(Step::only_orders) {
        return plain.filter;
    }
    Filter::Rows(Box::new(lower(query, !default.is_empty(), default)))
}

/// The words of an ordered enumeration between two positions.
fn between(field: &Field, low: Bound<usize>, high: Bound<usize>) -> Filter {
    let Kind::Enum { words, .. } = field.kind else { return Filter::Or(Vec::new()) };
    or(words
        .iter()
        .enumerate()
        .filter(|(at, _)| inside(*at, low, high))
        .map(|(_, word)| Filter::Test(Test::Value { field: field.clone(), value: (*word).to_owned() }))
        .collect())
}

/// Whether a position lies between two ends.
pub(super) fn inside(at: usize, low: Bound<usize>, high: Bound<usize>) -> bool {
    let above = match low {
        Bound::Included(low) => at >= low,
        Bound::Excluded(low) => at > low,
        Bound::Unbounded => true,
    };
    let below = match high {
        Bound::Included(high) => at <= high,
        Bound::Excluded(high) => at < high,
        Bound::Unbounded => true,
    };
    above && below
}

/// The rows of one source whose level lies between two others.
fn of_source(
    source: &Field,
    level: &Field,
    name: &str,
    levels: &[String],
    low: &Bound<String>,
    high: &Bound<String>,
) -> Filter {
    let place = |end: &Bound<String>| {
        end.as_ref().map(|end| levels.iter().position(|level| level == end).unwrap_or(levels.len()))
    };
    let (low, high) = (place(low), place(high));
    let inside = levels.iter().enumerate().filter(|(at, _)| inside(*at, low, high));
    let picked =
        inside.map(|(_, word)| Filter::Test(Test::Value { field: level.clone(), value: word.clone() })).collect();
    let source = Filter::Test(Test::Value { field: source.clone(), value: name.to_owned() });
    and(vec![source, or(picked)])
}

/// Notes the members of a conjunction that no row can pass together.
fn contradictions(filter: &Filter, notes: &mut Vec<Note>) {
    match filter {
        Filter::All | Filter::Test(_) | Filter::Pin(_) => {}
        Filter::Not(inner) => contradictions(inner, notes),
        Filter::Rows(plan) => contradictions(&plan.filter, notes),
        Filter::Or(members) => {
            if members.is_empty() {
                notes.push(Note { message: "a part of this query can select no row".to_owned() });
            }
            members.iter().for_each(|member| contradictions(member, notes));
        }
        Filter::And(members) => {
            members.iter().for_each(|member| contradictions(member, notes));
            // pairs among many members would take quadratic time
            const MOST: usize = 64;
            for inner in members.iter().take(MOST).filter_map(|member| match member {
                Filter::Not(inner) => Some(inner),
                _ => None,
            }) {
                let Filter::Test(negated) = &**inner else { continue };
                let asked = members.iter().take(MOST).find(|member| match member {
                    Filter::Test(test) => test == negated || needs(test, negated),
                    _ => false,
                });
                if let Some(Filter::Test(asked)) = asked {
                    notes.push(Note { message: format!("no row can have `{asked}` and not `{negated}`") });
                }
            }
            let tests: Vec<&Test> = members
                .iter()
                .filter_map(|member| if let Filter::Test(test) = member { Some(test) } else { None })
                .take(MOST)
                .collect();
            for (at, left) in tests.iter().enumerate() {
                for right in &tests[at + 1..] {
                    if excludes(left, right) {
                        notes.push(Note { message: format!("no row can have both `{left}` and `{right}`") });
                    }
                }
            }
        }
    }
}

/// Whether what passes a test has a value, and the other asks for just that.
fn needs(test: &Test, given: &Test) -> bool {
    let Test::Has { field: given } = given else { return false };
    match test {
        Test::Value { field, .. }
        | Test::Match { field, .. }
        | Test::Range { field, .. }
        | Test::Count { field, .. } => field == given,
        Test::Meta { name, .. } => given.name.strip_prefix("meta.") == Some(name),
        _ => false,
    }
}

fn excludes(left: &Test, right: &Test) -> bool {
    match (left, right) {
        (Test::Value { field, value }, Test::Value { field: other, value: wanted }) => {
            field == other && value != wanted && !matches!(field.kind, Kind::Set | Kind::CountedSet)
        }
        (Test::Range { field, range }, Test::Range { field: other, range: wanted }) => {
            field == other && apart(range, wanted)
        }
        (Test::Count { field, name, range }, Test::Count { field: other, name: named, range: wanted }) => {
            field == other && name == named && apart(range, wanted)
        }
        (Test::Id { prefix }, Test::Id { prefix: other }) => {
            !prefix.starts_with(other.as_str()) && !other.starts_with(prefix.as_str())
        }
        _ => false,
    }
}

/// Whether two ranges share no number.
pub(super) fn apart(left: &Range, right: &Range) -> bool {
    below(left.high, right.low) || below(right.high, left.low)
}

/// Whether an upper end lies under a lower one.
fn below(high: Bound<f64>, low: Bound<f64>) -> bool {
    match (high, low) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(high), Bound::Included(low)) => high < low,
        (Bound::Included(high) | Bound::Excluded(high), Bound::Included(low) | Bound::Excluded(low)) => high <= low,
    }
}

/// A number of a field as it is typed: a day for dates.
pub(super) fn typed_number(kind: Kind, number: f64) -> String {
    if kind == Kind::Date { numbers::day(number as i64) } else { number.to_string() }
}
