//! How each stage of a query is shown. A parsed query prints as a query that parses to the same tree; a resolved one and
//! a plan print as indented trees.

use std::fmt::{self, Display, Formatter, Write};
use std::ops::Bound;

use crate::analyze::features::Kind;

use super::ast::{
    Atom, Check, Expr, InValues, Leaf, Node, Parsed, Query, Resolved, Stated, StatedKind, Value, ValueKind, When,
};
use super::lower::typed_number;
use super::plan::{Field, Filter, Plan, Range, Test, Within};
use super::suggest::{quote, typed};

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ValueKind::Bare(text) => f.write_str(text),
            ValueKind::Quoted(text) => f.write_str(&quote(text)),
            ValueKind::Regex { pattern, flags } => write!(f, "/{}/{flags}", pattern.replace('/', "\\/")),
        }
    }
}

impl Display for When {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            When::Day(word) | When::Op(word) => f.write_str(&word.text),
            When::Pin { name, pin } => write!(f, "@{}#{}", name.text, pin.text),
        }
    }
}

impl Display for Atom {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Atom::Text(value) => write!(f, "{value}"),
            Atom::Test { field, op, values } => {
                // A sign right after the operator would be read as another operator.
                let signed = |value: &Value| matches!(&value.kind, ValueKind::Bare(text) if text.starts_with([':', '=', '<', '>', '!', '~']));
                let single = matches!(&values.node, Node::Atom(value) if !signed(value));
                let (open, close) = if single { ("", "") } else { ("(", ")") };
                let gap = if !single && ends_open(values) { " " } else { "" };
                write!(f, "{}{}{open}{values}{gap}{close}", field.text, op.sign())
            }
            Atom::Near { id, threshold: Some(threshold) } => write!(f, "near:{}>={}", id.text, threshold.text),
            Atom::Near { id, threshold: None } => write!(f, "near:{}", id.text),
            Atom::Ast { pattern } => write!(f, "ast:{}", quote(&pattern.text)),
            Atom::Given(name) => write!(f, "has:{}", name.text),
            Atom::Is(name) => write!(f, "is:{}", name.text),
            Atom::Saved { name, args, pin } => {
                write!(f, "@{}", name.text)?;
                if !args.is_empty() {
                    f.write_char('(')?;
                    for (at, arg) in args.iter().enumerate() {
                        f.write_str(if at > 0 { ", " } else { "" })?;
                        write!(f, "{arg}{}", if leaves_open(&arg.to_string()) { " " } else { "" })?;
                    }
                    f.write_char(')')?;
                }
                match pin {
                    Some(pin) => write!(f, "#{}", pin.text),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Whether a `)` or `,` after this would become part of its last word, because a `(` in that is not closed.
fn leaves_open(text: &str) -> bool {
    let inside = text.chars().fold(0usize, |inside, c| match c {
        '(' => inside + 1,
        ')' => inside.saturating_sub(1),
        _ => inside,
    });
    inside > 0
}

/// The same of an expression in parentheses.
fn ends_open<L: Leaf>(expr: &Expr<L>) -> bool
where
    L::Atom: Display,
{
    match &expr.node {
        Node::All => false,
        Node::Atom(atom) => leaves_open(&atom.to_string()),
        Node::And(members) | Node::Or(members) => {
            members.last().is_some_and(|last| !matches!(last.node, Node::And(_) | Node::Or(_)) && ends_open(last))
        }
        Node::Not(inner) => !matches!(inner.node, Node::And(_) | Node::Or(_) | Node::Not(_)) && ends_open(inner),
    }
}

/// Prints an expression; `sign` is how a complement begins.
fn infix<L: Leaf>(expr: &Expr<L>, sign: &str, f: &mut Formatter<'_>) -> fmt::Result
where
    L::Atom: Display,
{
    let grouped = |inner: &Expr<L>, f: &mut Formatter<'_>| {
        f.write_char('(')?;
        infix(inner, sign, f)?;
        f.write_str(if ends_open(inner) { " )" } else { ")" })
    };
    let member = |inner: &Expr<L>, f: &mut Formatter<'_>| match inner.node {
        Node::And(_) | Node::Or(_) => grouped(inner, f),
        _ => infix(inner, sign, f),
    };
    match &expr.node {
        Node::All => Ok(()),
        Node::Atom(atom) => write!(f, "{atom}"),
        Node::Not(inner) => {
            f.write_str(sign)?;
            // two signs in a row are an error
            if matches!(inner.node, Node::Not(_)) { grouped(inner, f) } else { member(inner, f) }
        }
        Node::And(members) | Node::Or(members) => {
            let between = if matches!(expr.node, Node::Or(_)) { " or " } else { " " };
            for (at, inner) in members.iter().enumerate() {
                if at > 0 {
                    f.write_str(between)?;
                }
                member(inner, f)?;
            }
            Ok(())
        }
    }
}

impl Display for Expr<Parsed> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        infix(self, "-", f)
    }
}

impl Display for Expr<InValues> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // a `-` before a digit would be a negative number
        infix(self, "not ", f)
    }
}

impl Display for Stated {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            StatedKind::Sort(keys) => {
                f.write_str("sort")?;
                keys.iter().try_for_each(|(descending, word)| {
                    write!(f, " {}{}", if *descending { "-" } else { "" }, word.text)
                })
            }
            StatedKind::Take(count) => write!(f, "take {}", count.text),
            StatedKind::Skip(count) => write!(f, "skip {}", count.text),
            StatedKind::Sample { amount, seed, by } => {
                write!(f, "sample {}", amount.text)?;
                seed.iter().try_for_each(|seed| write!(f, " seed {}", seed.text))?;
                by.iter().try_for_each(|by| write!(f, " by {}", by.text))
            }
            StatedKind::Per { field, count } => write!(f, "per {} {}", field.text, count.text),
            StatedKind::Balance { field, shares, to } => {
                write!(f, "balance {}", field.text)?;
                shares.iter().try_for_each(|(value, share)| write!(f, " {value}:{}", share.text))?;
                to.iter().try_for_each(|to| write!(f, " to {}", to.text))
            }
            StatedKind::Dedup(threshold) => {
                f.write_str("dedup")?;
                threshold.iter().try_for_each(|threshold| write!(f, " {}", threshold.text))
            }
            StatedKind::Split { shares, seed } => {
                write!(f, "split {}", shares.text)?;
                seed.iter().try_for_each(|seed| write!(f, " seed {}", seed.text))
            }
        }
    }
}

impl Display for Query<Parsed> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(self.at.iter().map(|when| format!("at:{when}")));
        if self.filter.node != Node::All {
            let filter = self.filter.to_string();
            // a `#` and a blank at the beginning of a line are a comment
            let comment = parts.is_empty()
                && filter.strip_prefix('#').is_some_and(|after| after.is_empty() || after.starts_with(' '));
            parts.push(if comment { format!("({filter})") } else { filter });
        }
        parts.extend(self.steps.iter().map(|step| format!("| {step}")));
        f.write_str(&parts.join(" "))
    }
}

fn within(within: Within) -> &'static str {
    match within {
        Within::Any => "text",
        Within::Instruction => "instruction",
        Within::Code => "code",
    }
}

fn phrase(terms: &[String], prefix: bool) -> String {
    format!("{}{}", quote(&terms.join(" ")), if prefix { "…" } else { "" })
}

fn slashed(pattern: &str) -> String {
    format!("/{}/", pattern.replace('/', "\\/"))
}

/// `x in a..b`, or a comparison
fn ranged(f: &mut Formatter<'_>, name: &str, kind: Kind, range: &Range) -> fmt::Result {
    let show = |number: f64| typed_number(kind, number);
    match (range.low, range.high) {
        (Bound::Included(low), Bound::Included(high)) if low == high => write!(f, "{name} = {}", show(low)),
        (Bound::Included(low), Bound::Included(high)) => write!(f, "{name} in {}..{}", show(low), show(high)),
        (low, high) => {
            let low = match low {
                Bound::Included(low) => Some(format!("{name} >= {}", show(low))),
                Bound::Excluded(low) => Some(format!("{name} > {}", show(low))),
                Bound::Unbounded => None,
            };
            let high = match high {
                Bound::Included(high) => Some(format!("{name} <= {}", show(high))),
                Bound::Excluded(high) => Some(format!("{name} < {}", show(high))),
                Bound::Unbounded => None,
            };
            let both: Vec<String> = low.into_iter().chain(high).collect();
            f.write_str(if both.is_empty() { name } else { "" })?;
            f.write_str(&both.join(" and "))
        }
    }
}

fn valued(f: &mut Formatter<'_>, field: &Field, value: &str) -> fmt::Result {
    match field.kind {
        Kind::Set | Kind::CountedSet => write!(f, "{} has {}", field.name, typed(value)),
        _ => write!(f, "{} = {}", field.name, typed(value)),
    }
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Test::Phrase { within: place, terms, prefix } => {
                write!(f, "{} has {}", within(*place), phrase(terms, *prefix))
            }
            Test::Regex { within: place, pattern } => write!(f, "{} matches {}", within(*place), slashed(pattern)),
            Test::Value { field, value } => valued(f, field, value),
            Test::Match { field, pattern } => write!(f, "{} matches {}", field.name, slashed(pattern)),
            Test::Range { field, range } => ranged(f, &field.name, field.kind, range),
            Test::Count { field, name, range } => ranged(f, &format!("{}.{name}", field.name), Kind::Int, range),
            Test::Has { field } => write!(f, "{} is given", field.name),
            Test::Meta { name, terms, prefix } => write!(f, "meta.{name} has {}", phrase(terms, *prefix)),
            Test::Near { id, threshold } => write!(f, "code like that of {id} by {threshold} or more"),
            Test::Ast { pattern } => write!(f, "code has {}", quote(pattern.text())),
            Test::Id { prefix } => write!(f, "id begins with {prefix}"),
        }
    }
}

/// A line of an indented tree.
fn line(f: &mut Formatter<'_>, depth: usize, text: impl Display) -> fmt::Result {
    writeln!(f, "{:width$}{text}", "", width = 2 * depth)
}

fn filter_tree(filter: &Filter, depth: usize, f: &mut Formatter<'_>) -> fmt::Result {
    match filter {
        Filter::All => line(f, depth, "every row"),
        Filter::Or(members) if members.is_empty() => line(f, depth, "no row"),
        Filter::And(members) | Filter::Or(members) => {
            line(f, depth, if matches!(filter, Filter::And(_)) { "and" } else { "or" })?;
            members.iter().try_for_each(|member| filter_tree(member, depth + 1, f))
        }
        Filter::Not(inner) => match &**inner {
            Filter::Test(test) => line(f, depth, format_args!("not {test}")),
            inner => {
                line(f, depth, "not")?;
                filter_tree(inner, depth + 1, f)
            }
        },
        Filter::Test(test) => line(f, depth, test),
        Filter::Pin(pin) => line(f, depth, format_args!("the rows of {pin}")),
        Filter::Rows(plan) => {
            line(f, depth, "the rows of")?;
            plan_tree(plan, depth + 1, f)
        }
    }
}

fn plan_tree(plan: &Plan, depth: usize, f: &mut Formatter<'_>) -> fmt::Result {
    plan.at.iter().try_for_each(|op| line(f, depth, format_args!("as it was after op {op}")))?;
    filter_tree(&plan.filter, depth, f)?;
    plan.order.iter().try_for_each(|pin| line(f, depth, format_args!("in the order of {pin}")))?;
    plan.steps.iter().try_for_each(|step| line(f, depth, format_args!("| {step}")))
}

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        filter_tree(self, 0, f)
    }
}

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        plan_tree(self, 0, f)
    }
}

fn end<T: Display>(bound: &Bound<T>, included: &str, excluded: &str, name: &str) -> Option<String> {
    match bound {
        Bound::Included(end) => Some(format!("{name} {included} {end}")),
        Bound::Excluded(end) => Some(format!("{name} {excluded} {end}")),
        Bound::Unbounded => None,
    }
}

impl Display for Check {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Check::Phrase { within: place, terms, prefix } => {
                write!(f, "{} has {}", within(*place), phrase(terms, *prefix))
            }
            Check::Pattern { within: place, pattern } => write!(f, "{} matches {}", within(*place), slashed(pattern)),
            Check::Meta { name, terms, prefix } => write!(f, "meta.{name} has {}", phrase(terms, *prefix)),
            Check::Is(field) => write!(f, "is {}", field.name),
            Check::Value { field, value } => valued(f, field, value),
            Check::Glob { field, glob } => write!(f, "{} like {glob}", field.name),
            Check::Match { field, pattern } => write!(f, "{} matches {}", field.name, slashed(pattern)),
            Check::Range { field, range } => ranged(f, &field.name, field.kind, range),
            Check::Between { field, low, high } => {
                let words = match field.kind {
                    Kind::Enum { words, .. } => words,
                    _ => &[],
                };
                let named = |bound: Bound<usize>| bound.map(|at| words.get(at).copied().unwrap_or_default());
                let low = end(&named(*low), ">=", ">", &field.name);
                let both: Vec<String> = low.into_iter().chain(end(&named(*high), "<=", "<", &field.name)).collect();
                f.write_str(&both.join(" and "))
            }
            Check::Level { low, high, orders, .. } => {
                let low = end(low, ">=", ">", "level");
                let both: Vec<String> = low.into_iter().chain(end(high, "<=", "<", "level")).collect();
                let orders: Vec<String> =
                    orders.iter().map(|(source, levels)| format!("{source}: {}", levels.join(" < "))).collect();
                write!(f, "{} ({})", both.join(" and "), orders.join("; "))
            }
            Check::Count { field, name, range } => ranged(f, &format!("{}.{name}", field.name), Kind::Int, range),
            Check::Given(field) => write!(f, "{} is given", field.name),
            Check::Near { id, threshold } => write!(f, "code like that of {id} by {threshold} or more"),
            Check::Ast { pattern } => write!(f, "code has {}", quote(pattern.text())),
            Check::Id { prefix } => write!(f, "id begins with {prefix}"),
            Check::AnyState(_) => f.write_str("any state"),
            Check::Pin(pin) => write!(f, "{pin}"),
            Check::Saved { name, args, .. } if args.is_empty() => write!(f, "@{name}"),
            Check::Saved { name, args, .. } => write!(f, "@{name}({})", args.join(", ")),
        }
    }
}

fn expr_tree(expr: &Expr<Resolved>, depth: usize, f: &mut Formatter<'_>) -> fmt::Result {
    match &expr.node {
        Node::All => line(f, depth, "every row"),
        Node::And(members) | Node::Or(members) => {
            line(f, depth, if matches!(expr.node, Node::And(_)) { "and" } else { "or" })?;
            members.iter().try_for_each(|member| expr_tree(member, depth + 1, f))
        }
        Node::Not(inner) => {
            line(f, depth, "not")?;
            expr_tree(inner, depth + 1, f)
        }
        Node::Atom(check) => {
            line(f, depth, check)?;
            match check {
                Check::Saved { query, .. } => query_tree(query, depth + 1, f),
                _ => Ok(()),
            }
        }
    }
}

fn query_tree(query: &Query<Resolved>, depth: usize, f: &mut Formatter<'_>) -> fmt::Result {
    query.at.iter().try_for_each(|op| line(f, depth, format_args!("at op{op}")))?;
    expr_tree(&query.filter, depth, f)?;
    query.steps.iter().try_for_each(|step| line(f, depth, format_args!("| {step}")))
}

impl Display for Expr<Resolved> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        expr_tree(self, 0, f)
    }
}

impl Display for Query<Resolved> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        query_tree(self, 0, f)
    }
}
