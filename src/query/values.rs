//! Values, read as the kind of their field says.

use std::ops::Bound;

use crate::analyze::features::Kind;

use super::ast::{Check, Expr, Node, Op, Resolved, Span, Value, ValueKind};
use super::error::QueryError;
use super::lower::inside;
use super::misfits::{comma, no_order, no_whole_value, yes_or_no};
use super::numbers::{self, Measure};
use super::plan::{Field, Home, Range, Within};
use super::resolve::{Ask, Resolver, Subject, did_you_mean, expression};
use super::suggest::{similar, typed};
use super::texts::Place;

/// How long an id is, in hexadecimal digits.
const ID_DIGITS: usize = 32;

impl Resolver<'_> {
    /// `field:value`
    pub(super) fn member(
        &mut self,
        ask: &Ask<'_>,
        subject: &Subject,
        value: &Value,
    ) -> Result<Expr<Resolved>, QueryError> {
        let field = match subject {
            Subject::Plain(field) => field,
            Subject::Count { field, name } => {
                self.note_unknown_value(field, name);
                return self.number(ask, subject, Measure::Count, value);
            }
        };
        match field.kind {
            // numbers in a source's own column are numbers; anything else there is text
            Kind::Text if numbers::of_column(field, ask.op, value) => {
                self.number(ask, subject, Measure::Real(""), value)
            }
            Kind::Text => {
                if let (Home::Meta, ValueKind::Bare(text)) = (field.home, &value.kind)
                    && text.contains("..")
                {
                    self.note(format!("`{text}` is looked for as a text: a range has numbers at its ends"));
                }
                let place = match (field.home, field.name.as_str()) {
                    (Home::Meta, _) => Place::Column(field),
                    (_, "instruction") => Place::Texts(Within::Instruction),
                    _ => Place::Texts(Within::Code),
                };
                self.words(ask.text, place, value, ask.whole)
            }
            Kind::Bool => Err(yes_or_no(ask, field, value)),
            Kind::Int | Kind::Real | Kind::Date => self.number(ask, subject, Measure::of(field), value),
            Kind::Enum { words, ordered } => self.word_of(ask, field, words, ordered, value),
            Kind::Word if field.home == Home::Id => id(ask, value),
            Kind::Word if field.home == Home::Kin => other_id(ask, field, value),
            Kind::Word | Kind::Set | Kind::CountedSet => self.name(ask, field, value),
        }
    }

    /// `field=value`, `field!=value`, `field<value` and so on
    pub(super) fn compare(
        &mut self,
        ask: &Ask<'_>,
        subject: &Subject,
        value: &Value,
    ) -> Result<Expr<Resolved>, QueryError> {
        let (field, kind) = match subject {
            Subject::Plain(field) => (field, field.kind),
            Subject::Count { field, name } => {
                self.note_unknown_value(field, name);
                (field, Kind::Int)
            }
        };
        let unequal = !matches!(ask.op, Op::Equal | Op::Differs);
        match kind {
            Kind::Text if numbers::of_column(field, ask.op, value) => {
                self.compare_with(ask, subject, field, Kind::Real, value)
            }
            Kind::Text | Kind::Set | Kind::CountedSet => Err(no_whole_value(ask, field, value)),
            Kind::Bool => Err(yes_or_no(ask, field, value)),
            Kind::Word if field.name == "level" && unequal => self.level_beyond(ask, field, value),
            Kind::Enum { ordered: false, .. } | Kind::Word if unequal => Err(no_order(ask, field, value)),
            _ => {
                if !unequal {
                    self.refuse_patterns(ask, field, kind, value)?;
                }
                self.compare_with(ask, subject, field, kind, value)
            }
        }
    }

    fn compare_with(
        &mut self,
        ask: &Ask<'_>,
        subject: &Subject,
        field: &Field,
        kind: Kind,
        value: &Value,
    ) -> Result<Expr<Resolved>, QueryError> {
        match kind {
            Kind::Int | Kind::Real | Kind::Date => {
                let measure =
                    if matches!(subject, Subject::Count { .. }) { Measure::Count } else { Measure::of(field) };
                let number = numbers::single(ask, measure, value)?;
                let mut range = |low, high| {
                    if ask.op != Op::Differs {
                        self.note_out_of_reach(subject, Range { low, high });
                    }
                    Expr::check(ranged(subject, Range { low, high }))
                };
                Ok(match ask.op {
                    Op::Has | Op::Equal => range(Bound::Included(number), Bound::Included(number)),
                    Op::Less => range(Bound::Unbounded, Bound::Excluded(number)),
                    Op::AtMost => range(Bound::Unbounded, Bound::Included(number)),
                    Op::More => range(Bound::Excluded(number), Bound::Unbounded),
                    Op::AtLeast => range(Bound::Included(number), Bound::Unbounded),
                    // A column may hold texts beside numbers: these are other values too.
                    Op::Differs if field.home == Home::Meta => {
                        let equal = range(Bound::Included(number), Bound::Included(number));
                        let given = Expr::check(Check::Given(field.clone()));
                        Expr::new(Node::And(vec![given, equal.complement()]), ())
                    }
                    // nulls are in neither
                    Op::Differs => either(
                        range(Bound::Unbounded, Bound::Excluded(number)),
                        range(Bound::Excluded(number), Bound::Unbounded),
                    ),
                })
            }
            Kind::Enum { words, .. } if !matches!(ask.op, Op::Equal | Op::Differs) => {
                let at = self.position(ask, field, words, value)?;
                let (low, high) = match ask.op {
                    Op::Less => (Bound::Unbounded, Bound::Excluded(at)),
                    Op::AtMost => (Bound::Unbounded, Bound::Included(at)),
                    Op::More => (Bound::Excluded(at), Bound::Unbounded),
                    _ => (Bound::Included(at), Bound::Unbounded),
                };
                let inside = (0..words.len()).any(|at| inside(at, low, high));
                if !inside {
                    let end = if ask.op == Op::Less { "lowest" } else { "highest" };
                    let message = format!("nothing is beyond `{}`, the {end} of `{}`", words[at], field.name);
                    return Err(ask.error("range", ask.whole, message).expected(words.iter().copied()).suggest(
                        ask.text,
                        ask.whole,
                        &format!("{}:{}", field.name, words[at]),
                    ));
                }
                Ok(Expr::check(Check::Between { field: field.clone(), low, high }))
            }
            _ => {
                let equal = match kind {
                    Kind::Enum { words, ordered } => self.word_of(ask, field, words, ordered, value)?,
                    _ if field.home == Home::Id => id(ask, value)?,
                    _ if field.home == Home::Kin && field.kind == Kind::Word => other_id(ask, field, value)?,
                    _ => self.name(ask, field, value)?,
                };
                if ask.op == Op::Equal {
                    return Ok(equal);
                }
                let given = Expr::check(Check::Given(field.clone()));
                Ok(Expr::new(Node::And(vec![given, equal.complement()]), ()))
            }
        }
    }

    /// `=` and `!=` take a whole value: no range, glob or expression.
    fn refuse_patterns(&self, ask: &Ask<'_>, field: &Field, kind: Kind, value: &Value) -> Result<(), QueryError> {
        let ordered = matches!(kind, Kind::Int | Kind::Real | Kind::Date | Kind::Enum { ordered: true, .. })
            || field.name == "level";
        let what = match &value.kind {
            ValueKind::Regex { .. } => "a regular expression",
            ValueKind::Bare(text) if ordered && text.contains("..") => "a range",
            ValueKind::Bare(text)
                if !matches!(kind, Kind::Int | Kind::Real | Kind::Date) && text.contains(['*', '?']) =>
            {
                "a glob"
            }
            _ => return Ok(()),
        };
        let (sign, minus) = if ask.op == Op::Differs { ("!=", "-") } else { ("=", "") };
        let ours = format!("{minus}{}:{}", ask.name.text, value.span.of(ask.text));
        Err(ask
            .error("operator", ask.whole, format!("`{sign}` takes a whole value, not {what}"))
            .help(format!("`{minus}{}:` takes {what}", ask.name.text))
            .suggest(ask.text, ask.whole, &ours))
    }

    /// A number, a day, or a range of them.
    fn number(
        &mut self,
        ask: &Ask<'_>,
        subject: &Subject,
        measure: Measure,
        value: &Value,
    ) -> Result<Expr<Resolved>, QueryError> {
        let range = numbers::range(ask, measure, value)?;
        self.note_out_of_reach(subject, range);
        Ok(Expr::check(ranged(subject, range)))
    }

    /// A word of an enumeration.
    fn word_of(
        &mut self,
        ask: &Ask<'_>,
        field: &Field,
        words: &'static [&'static str],
        ordered: bool,
        value: &Value,
    ) -> Result<Expr<Resolved>, QueryError> {
        let text = match &value.kind {
            ValueKind::Regex { pattern, flags } => {
                let pattern = expression(pattern, flags, value.span)?;
                let matches =
                    regex::Regex::new(&pattern).is_ok_and(|regex| words.iter().any(|word| regex.is_match(word)));
                return match matches {
                    true => Ok(Expr::check(Check::Match { field: field.clone(), pattern })),
                    false => Err(self.no_such_word(ask, field, words, "this expression", value.span)),
                };
            }
            ValueKind::Bare(text) => {
                if ordered && let Some((low, high)) = numbers::ends(text) {
                    return self.between(ask, field, words, value, low, high);
                }
                if text.contains(['*', '?']) {
                    let matches = words.iter().any(|word| glob_matches(text, word));
                    return match matches {
                        true => Ok(Expr::check(Check::Glob { field: field.clone(), glob: text.clone() })),
                        false => Err(self.no_such_word(ask, field, words, text, value.span)),
                    };
                }
                text
            }
            ValueKind::Quoted(text) => text,
        };
        if field.name == "state" && text == "any" {
            return Ok(Expr::check(Check::AnyState(field.clone())));
        }
        if words.contains(&text.as_str()) {
            if field.home != Home::Unfilled && !self.negated {
                self.note_unknown_value(field, text);
            }
            return Ok(Expr::check(Check::Value { field: field.clone(), value: text.clone() }));
        }
        if let Some(error) = comma(ask, value, text, |_| false) {
            return Err(error);
        }
        Err(self.no_such_word(ask, field, words, text, value.span))
    }

    fn no_such_word(&self, ask: &Ask<'_>, field: &Field, words: &[&str], text: &str, span: Span) -> QueryError {
        let name = &field.name;
        let shown = if text == "this expression" {
            format!("{text} matches no value of `{name}`")
        } else {
            format!("`{text}` is no value of `{name}`")
        };
        let mut error = ask.error("value", span, shown).expected(words.iter().copied());
        if name == "state" {
            error = error.expected(["any"]);
        }
        let near = similar(text, words.iter().copied().chain((name == "state").then_some("any")));
        for word in &near {
            error = error.suggest(ask.text, span, word);
        }
        if name == "complexity" && text == "beginner" {
            return error.help("exports say beginner for basic").suggest(ask.text, span, "basic");
        }
        if matches!(text, "null" | "none" | "None" | "unknown" | "empty") {
            return error.help(format!("`-has:{name}` asks for those without a value")).suggest(
                ask.text,
                ask.whole,
                &format!("-has:{name}"),
            );
        }
        if text == "*" {
            return error.suggest(ask.text, ask.whole, &format!("has:{name}"));
        }
        error
    }

    /// The position of a word in an ordered enumeration.
    fn position(
        &self,
        ask: &Ask<'_>,
        field: &Field,
        words: &'static [&'static str],
        value: &Value,
    ) -> Result<usize, QueryError> {
        let text = match &value.kind {
            ValueKind::Bare(text) | ValueKind::Quoted(text) => text.as_str(),
            ValueKind::Regex { .. } => "this expression",
        };
        words
            .iter()
            .position(|word| *word == text)
            .ok_or_else(|| self.no_such_word(ask, field, words, text, value.span))
    }

    /// `basic..intermediate`
    fn between(
        &self,
        ask: &Ask<'_>,
        field: &Field,
        words: &'static [&'static str],
        value: &Value,
        low: &str,
        high: &str,
    ) -> Result<Expr<Resolved>, QueryError> {
        if low.is_empty() && high.is_empty() {
            return Err(ask.error("range", value.span, "a range needs an end").suggest(
                ask.text,
                ask.whole,
                &format!("has:{}", field.name),
            ));
        }
        let typed = format!("{low}..{high}");
        let spans = numbers::sides(ask, value, &typed, low, high);
        let end = |text: &str, span: Span| {
            let found = words.iter().position(|word| *word == text);
            found.ok_or_else(|| self.no_such_word(ask, field, words, text, span))
        };
        let bound = |text: &str, span| match text {
            "" => Ok(Bound::Unbounded),
            text => end(text, span).map(Bound::Included),
        };
        let (from, to) = (bound(low, spans.0)?, bound(high, spans.1)?);
        if let (Bound::Included(from), Bound::Included(to)) = (from, to)
            && from > to
        {
            let message = format!("the range is empty: `{low}` comes after `{high}`");
            return Err(ask.error("range", value.span, message).suggest(
                ask.text,
                value.span,
                &format!("{high}..{low}"),
            ));
        }
        Ok(Expr::check(Check::Between { field: field.clone(), low: from, high: to }))
    }

    /// A free word, or a name in a set.
    fn name(&mut self, ask: &Ask<'_>, field: &Field, value: &Value) -> Result<Expr<Resolved>, QueryError> {
        let text = match &value.kind {
            ValueKind::Regex { pattern, flags } => {
                let pattern = expression(pattern, flags, value.span)?;
                if field.home != Home::Unfilled
                    && let (Ok(regex), Some(known)) = (regex::Regex::new(&pattern), self.known(&field.name))
                    && !known.names().any(|name| regex.is_match(name))
                {
                    self.note(format!("no sample has a `{}` that matches /{pattern}/", field.name));
                }
                return Ok(Expr::check(Check::Match { field: field.clone(), pattern }));
            }
            ValueKind::Bare(text) => {
                if field.name == "level"
                    && let Some((low, high)) = numbers::ends(text)
                {
                    let bound =
                        |text: &str| if text.is_empty() { Bound::Unbounded } else { Bound::Included(text.to_owned()) };
                    return self.level(ask, field, bound(low), bound(high), value.span);
                }
                if text.contains(['*', '?']) && ask.op == Op::Has {
                    if field.home != Home::Unfilled
                        && let Some(known) = self.known(&field.name)
                        && !known.names().any(|name| glob_matches(text, name))
                    {
                        self.note(format!("no sample has a `{}` that matches `{text}`", field.name));
                    }
                    return Ok(Expr::check(Check::Glob { field: field.clone(), glob: text.clone() }));
                }
                text
            }
            ValueKind::Quoted(text) => text,
        };
        if text.is_empty() {
            return Err(ask.error("value", value.span, format!("no `{}` is empty", field.name)).suggest(
                ask.text,
                ask.whole,
                &format!("-has:{}", field.name),
            ));
        }
        if field.home == Home::Unfilled || self.vocabulary.has_value(&field.name, text) {
            return Ok(Expr::check(Check::Value { field: field.clone(), value: text.clone() }));
        }
        let known = self.known(&field.name);
        let has = |name: &str| known.as_ref().is_some_and(|known| known.has(name));
        if matches!(value.kind, ValueKind::Bare(_))
            && field.home != Home::Scan
            && !has(text)
            && let Some(error) = comma(ask, value, text, has)
        {
            return Err(error);
        }
        if field.name == "source"
            && let Some(known) = known.filter(|known| !known.list.is_empty() && !known.has(text))
        {
            let near = similar(text, known.names());
            let mut error = ask.error("value", value.span, format!("there is no source `{text}`"));
            for name in &near {
                error = error.suggest(ask.text, value.span, &typed(name));
            }
            if text.contains('%') {
                error = error.help("a glob has `*` for any characters").suggest(
                    ask.text,
                    value.span,
                    &text.replace('%', "*"),
                );
            }
            let mut names: Vec<String> = known.names().map(str::to_owned).collect();
            names.sort();
            return Err(error.expected(names));
        }
        if field.name == "origin" && !text.contains(':') {
            let all = match typed(text) == *text {
                true => format!("{text}:*"),
                false => format!("/^{}:/", regex::escape(text)),
            };
            self.note(format!(
                "an origin is a source and a locator, so none is `{text}`; `origin:{all}` asks for all of a source"
            ));
            return Ok(Expr::check(Check::Value { field: field.clone(), value: text.clone() }));
        }
        self.note_unknown_value(field, text);
        Ok(Expr::check(Check::Value { field: field.clone(), value: text.clone() }))
    }

    /// Says that no sample has a value, where the store knows its values.
    pub(super) fn note_unknown_value(&mut self, field: &Field, value: &str) {
        // What is there now says nothing of what was there then.
        if self.at.is_some() || self.vocabulary.has_value(&field.name, value) {
            return;
        }
        let Some(known) = self.known(&field.name) else {
            if self.vocabulary.is_filled(&field.name) == Some(false) {
                self.note(format!("no sample has `{}:{}`", field.name, typed(value)));
            }
            return;
        };
        if !known.has(value) {
            let near = similar(value, known.names());
            self.note(format!("no sample has `{}:{}`{}", field.name, typed(value), did_you_mean(&near)));
        }
    }

    /// `level>=x`
    fn level_beyond(&mut self, ask: &Ask<'_>, field: &Field, value: &Value) -> Result<Expr<Resolved>, QueryError> {
        let (ValueKind::Bare(text) | ValueKind::Quoted(text)) = &value.kind else {
            return Err(ask.error("type", value.span, format!("`{}` takes a level here", ask.op.sign())));
        };
        let (low, high) = match ask.op {
            Op::Less => (Bound::Unbounded, Bound::Excluded(text.clone())),
            Op::AtMost => (Bound::Unbounded, Bound::Included(text.clone())),
            Op::More => (Bound::Excluded(text.clone()), Bound::Unbounded),
            _ => (Bound::Included(text.clone()), Bound::Unbounded),
        };
        self.level(ask, field, low, high, value.span)
    }

    /// A range of levels, in the order of each source that knows its ends.
    fn level(
        &mut self,
        ask: &Ask<'_>,
        field: &Field,
        low: Bound<String>,
        high: Bound<String>,
        span: Span,
    ) -> Result<Expr<Resolved>, QueryError> {
        let orders = self.vocabulary.levels(self.at);
        let named: Vec<&String> = [&low, &high]
            .into_iter()
            .filter_map(|end| match end {
                Bound::Included(level) | Bound::Excluded(level) => Some(level),
                Bound::Unbounded => None,
            })
            .collect();
        if named.is_empty() {
            return Err(ask.error("range", span, "a range needs an end").suggest(ask.text, ask.whole, "has:level"));
        }
        let mut all: Vec<String> = Vec::new();
        for level in orders.iter().flat_map(|(_, levels)| levels) {
            if !all.contains(level) {
                all.push(level.clone());
            }
        }
        for level in &named {
            if !all.contains(level) {
                let message = match all.is_empty() {
                    true => "no source of this store puts its levels in an order".to_owned(),
                    false => format!("no source has an ordered level `{level}`"),
                };
                let mut error = ask.error("value", span, message).expected(all.clone());
                for near in similar(level, all.iter().map(String::as_str)) {
                    let fixed = span.of(ask.text).replace(level.as_str(), &near);
                    error = error.suggest(ask.text, span, &fixed);
                }
                return Err(error.suggest(ask.text, ask.whole, &format!("level:{}", typed(level))));
            }
        }
        let orders: Vec<(String, Vec<String>)> =
            orders.into_iter().filter(|(_, levels)| named.iter().all(|level| levels.contains(level))).collect();
        if orders.is_empty() {
            let names: Vec<String> = named.iter().map(|level| format!("`{level}`")).collect();
            return Err(ask.error("range", span, format!("no source orders both {}", names.join(" and "))));
        }
        if let (Bound::Included(from), Bound::Included(to)) = (&low, &high) {
            let place = |levels: &[String], level: &String| levels.iter().position(|known| known == level);
            if orders.iter().all(|(_, levels)| place(levels, from) > place(levels, to)) {
                let message = format!("the range is empty: `{from}` comes after `{to}`");
                return Err(ask.error("range", span, message).suggest(ask.text, span, &format!("{to}..{from}")));
            }
        }
        let source = Field { name: "source".to_owned(), kind: Kind::Word, home: Home::Row };
        Ok(Expr::check(Check::Level { source, level: field.clone(), low, high, orders }))
    }
}

/// Whether a glob matches a whole word.
pub(super) fn glob_matches(glob: &str, word: &str) -> bool {
    regex::Regex::new(&glob_pattern(glob)).is_ok_and(|regex| regex.is_match(word))
}

/// The anchored expression that a glob means: `*` is any characters, `?` is one.
pub(super) fn glob_pattern(glob: &str) -> String {
    let mut pattern = String::from("(?s)\\A");
    for c in glob.chars() {
        match c {
            '*' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            c => pattern.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    pattern.push_str("\\z");
    pattern
}

fn either(left: Expr<Resolved>, right: Expr<Resolved>) -> Expr<Resolved> {
    Expr::new(Node::Or(vec![left, right]), ())
}

/// The check that a number of a subject lies in a range.
pub(super) fn ranged(subject: &Subject, range: Range) -> Check {
    match subject {
        Subject::Plain(field) => Check::Range { field: field.clone(), range },
        Subject::Count { field, name } => Check::Count { field: field.clone(), name: name.clone(), range },
    }
}

/// `id:7f3a21`
fn id(ask: &Ask<'_>, value: &Value) -> Result<Expr<Resolved>, QueryError> {
    let text = match &value.kind {
        ValueKind::Bare(text) | ValueKind::Quoted(text) => text.to_ascii_lowercase(),
        ValueKind::Regex { .. } => String::new(),
    };
    let bare = text.strip_suffix('*').unwrap_or(&text);
    if bare.is_empty() || bare.len() > ID_DIGITS || !bare.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let message = format!("an id is up to {ID_DIGITS} hexadecimal digits, or the first of them");
        return Err(ask.error("value", value.span, message).expected(["digits 0 to 9 and a to f"]));
    }
    Ok(Expr::check(Check::Id { prefix: bare.to_owned() }))
}

/// `dup.of:7f3a21`, `family:7f3a21`
fn other_id(ask: &Ask<'_>, field: &Field, value: &Value) -> Result<Expr<Resolved>, QueryError> {
    let checked = id(ask, value)?;
    Ok(match checked.node {
        Node::Atom(Check::Id { prefix }) => Expr::check(Check::Value { field: field.clone(), value: prefix }),
        _ => checked,
    })
}
