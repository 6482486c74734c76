//! From names to fields: looks up every name, checks every value against the kind of its field, expands saved queries.
//! Nothing is simplified before that, so a wrong name is an error even where it cannot matter.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::analyze::features::Kind;
use crate::analyze::pattern::Pattern;

use super::ast::{
    Atom, Check, Expr, InValues, Leaf, Node, Op, Parsed, Query, Resolved, Span, StatedKind, Value, ValueKind, Word,
};
use super::error::QueryError;
use super::fields::{self, kind_name};
use super::numbers::number;
use super::plan::{Field, Home, Note, Step, Within};
use super::relevance;
use super::suggest::{listed, quote, similar, typed, unknown_field};
use super::texts::Place;
use super::{MAX_TREE, Vocabulary};

/// Most notes that one query makes; a closing one counts the others.
const MAX_NOTES: usize = 20;

/// Resolves a query. Suggestions of an error are not checked yet.
pub(super) fn query(parsed: &Query<Parsed>, vocabulary: &dyn Vocabulary) -> Result<Query<Resolved>, QueryError> {
    let mut resolver = Resolver {
        vocabulary,
        notes: Vec::new(),
        further_notes: 0,
        at: None,
        known: HashMap::new(),
        open: Vec::new(),
        negated: false,
        order_survives: true,
        expansions: 0,
        depth: 0,
    };
    let mut resolved = *resolver.query(parsed).map_err(|error| *error)?;
    resolved.notes = resolver.notes;
    if resolver.further_notes > 0 {
        resolved.notes.push(Note { message: format!("and {} more notes of this sort", resolver.further_notes) });
    }
    Ok(resolved)
}

/// What the functions hand back that call themselves: a boxed error takes little of the stack at each level.
pub(super) type Stacked<T> = Result<T, Box<QueryError>>;

/// The values of a field that this store has.
pub(super) struct Known {
    pub(super) list: Vec<(String, u64)>,
    set: HashSet<String>,
}

impl Known {
    pub(super) fn has(&self, value: &str) -> bool {
        self.set.contains(value)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|(name, _)| name.as_str())
    }
}

/// What is asked: a field, or how often a name occurs in a set.
pub(super) enum Subject {
    Plain(Field),
    Count { field: Field, name: String },
}

/// A test as it is being resolved.
pub(super) struct Ask<'t> {
    /// The text that the test stands in.
    pub(super) text: &'t str,
    /// The field's name as typed.
    pub(super) name: &'t Word,
    /// The operator.
    pub(super) op: Op,
    /// The whole test.
    pub(super) whole: Span,
}

impl Ask<'_> {
    /// An error about a value of this test.
    pub(super) fn error(&self, kind: &'static str, at: Span, message: impl Into<String>) -> QueryError {
        QueryError::new(kind, at, message)
    }

    /// The test with another operator and value: a correction.
    pub(super) fn rewritten(&self, error: QueryError, replacement: &str) -> QueryError {
        error.suggest(self.text, self.whole, replacement)
    }
}

/// Resolves one query and the saved ones in it.
pub(super) struct Resolver<'v> {
    pub(super) vocabulary: &'v dyn Vocabulary,
    pub(super) notes: Vec<Note>,
    further_notes: usize,
    /// The op after which is asked; now where there is none.
    pub(super) at: Option<i64>,
    known: HashMap<String, Option<Rc<Known>>>,
    /// Names of the saved queries that are being expanded, outermost first.
    pub(super) open: Vec<String>,
    /// Whether what is being resolved is under an odd number of negations, where finding nothing is as it should be.
    pub(super) negated: bool,
    /// Whether the order of the query that is being resolved is that of the whole: it is the whole, or all of its filter.
    pub(super) order_survives: bool,
    /// How many saved queries were expanded.
    pub(super) expansions: usize,
    depth: usize,
}

impl Resolver<'_> {
    pub(super) fn note(&mut self, message: String) {
        let message = match self.open.last() {
            Some(name) => format!("in @{name}: {message}"),
            None => message,
        };
        let note = Note { message };
        if self.notes.contains(&note) {
            return;
        }
        if self.notes.len() < MAX_NOTES { self.notes.push(note) } else { self.further_notes += 1 }
    }

    /// The values that this store has for a field; `None` where that is not known.
    pub(super) fn known(&mut self, field: &str) -> Option<Rc<Known>> {
        if !self.known.contains_key(field) {
            let known = self.vocabulary.values(field).map(|list| {
                let set = list.iter().map(|(name, _)| name.clone()).collect();
                Rc::new(Known { list, set })
            });
            self.known.insert(field.to_owned(), known);
        }
        self.known.get(field).cloned().flatten()
    }

    /// Resolves a query as part of the whole.
    pub(super) fn query(&mut self, parsed: &Query<Parsed>) -> Stacked<Box<Query<Resolved>>> {
        let text = parsed.origin.as_str();
        let at = parsed.at.as_ref().map(|when| self.moment(text, when)).transpose()?;
        let outside = self.at;
        self.at = at.or(outside);
        for note in &parsed.notes {
            self.note(note.message.clone());
        }
        let mut resolved = Vec::with_capacity(1);
        let survives = self.order_survives;
        self.order_survives = survives && matches!(parsed.filter.node, Node::Atom(Atom::Saved { .. }));
        self.expr(text, &parsed.filter, &mut resolved)?;
        self.order_survives = survives;
        let filter = resolved.pop().expect("one expression resolves to one");
        let mut steps = Vec::with_capacity(parsed.steps.len());
        for stated in &parsed.steps {
            if matches!(stated.kind, StatedKind::Split { .. })
                && steps.iter().any(|step| matches!(step, Step::Split { .. }))
            {
                let error =
                    QueryError::new("stage", stated.span, "rows are split once: this would replace the first `split`");
                let bar = text[..stated.span.from].rfind('|').unwrap_or(stated.span.from);
                return Err(error.suggest(text, Span::new(bar, stated.span.to), "").into());
            }
            steps.push(match relevance::asked(stated) {
                true => self.by_score(text, stated, &filter, steps.len())?,
                false => self.step(text, stated)?,
            });
        }
        self.at = outside;
        Ok(Box::new(Query { origin: (), at, filter, steps, notes: Vec::new() }))
    }

    /// Counts a level of the tree, so that no expansion can overflow the stack.
    fn enter(&mut self, at: Span) -> Result<(), QueryError> {
        if self.depth == MAX_TREE {
            let message = format!("the query is nested more than {MAX_TREE} deep, saved queries included");
            return Err(QueryError::new("depth", at, message));
        }
        self.depth += 1;
        Ok(())
    }

    /// Resolves an expression to the end of `out`: results that are handed on so need little of the stack at each level.
    fn expr(&mut self, text: &str, expr: &Expr<Parsed>, out: &mut Vec<Expr<Resolved>>) -> Stacked<()> {
        self.enter(expr.mark)?;
        let mut inner = Vec::new();
        match &expr.node {
            Node::Atom(atom) => self.atom_to(text, atom, expr.mark, out)?,
            Node::All => out.push(Expr::new(Node::All, ())),
            Node::Not(member) => {
                self.negated = !self.negated;
                self.expr(text, member, &mut inner)?;
                self.negated = !self.negated;
                connect(&expr.node, inner, out);
            }
            Node::And(members) | Node::Or(members) => {
                for member in members {
                    self.expr(text, member, &mut inner)?;
                }
                connect(&expr.node, inner, out);
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn atom_to(&mut self, text: &str, atom: &Atom, whole: Span, out: &mut Vec<Expr<Resolved>>) -> Stacked<()> {
        match atom {
            // with little on the stack, because a saved query goes deeper
            Atom::Saved { name, args, pin } => match pin {
                None => self.saved(text, name, args, whole, out)?,
                Some(pin) => self.pinned(text, (name, args, pin), whole, out)?,
            },
            atom => out.push(self.atom(text, atom, whole)?),
        }
        Ok(())
    }

    fn atom(&mut self, text: &str, atom: &Atom, whole: Span) -> Result<Expr<Resolved>, QueryError> {
        match atom {
            Atom::Text(value) => self.words(text, Place::Texts(Within::Any), value, whole),
            Atom::Test { field, op, values } => self.test(text, field, *op, values, whole),
            Atom::Near { id, threshold } => self.near(text, id, threshold.as_ref(), whole),
            Atom::Ast { pattern } => self.syntax_pattern(text, pattern),
            Atom::Given(name) => self.given(text, name, whole),
            Atom::Is(name) => self.is(text, name, whole),
            Atom::Saved { name, .. } => {
                Err(QueryError::new("saved", name.span, format!("`@{}` is expanded elsewhere", name.text)))
            }
        }
    }

    fn near(&self, text: &str, id: &Word, threshold: Option<&Word>, whole: Span) -> Result<Expr<Resolved>, QueryError> {
        let threshold = threshold.map_or(Ok(DEFAULT_SIMILARITY), |word| similarity(text, word))?;
        let digits = id.text.to_ascii_lowercase();
        let is_id = (6..=32).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_id {
            let shown: String = id.text.chars().take(40).collect();
            let error = QueryError::new("type", id.span, format!("`near:` wants a sample's id, and `{shown}` is none"))
                .expected(["6 to 32 hexadecimal digits, as `query` shows them"])
                .help("how alike stands after `>=`: near:7f3a21>=0.8");
            // `near:7f3a21>0.5`, `near:7f3a21=0.5`, `near:"7f3a21"`
            let bare = digits.trim_matches(['"', '\'']);
            let fixed = match bare.split_once(['>', '=', ':']) {
                Some((id, share)) => format!("near:{id}>={}", share.trim_start_matches(['=', '>'])),
                None => format!("near:{bare}"),
            };
            return Err(if fixed.len() < 64 && fixed != whole.of(text) {
                error.suggest(text, whole, &fixed)
            } else {
                error
            });
        }
        // Where no store is asked any id may be one.
        let found = self.vocabulary.ids(&digits, 4, self.at.is_some()).unwrap_or_else(|| vec![digits.clone()]);
        match found.as_slice() {
            [one] => Ok(Expr::new(Node::Atom(Check::Near { id: one.clone(), threshold }), ())),
            [] => Err(QueryError::new("value", id.span, format!("no sample has an id that begins with `{}`", id.text))),
            several => {
                let message = format!("`{}` begins the ids of several samples", id.text);
                let error = QueryError::new("value", id.span, message);
                Err(several.iter().fold(error, |error, full| error.suggest(text, id.span, full)))
            }
        }
    }

    fn syntax_pattern(&self, text: &str, pattern: &Word) -> Result<Expr<Resolved>, QueryError> {
        let error = match Pattern::read(&pattern.text) {
            Ok(pattern) => return Ok(Expr::new(Node::Atom(Check::Ast { pattern }), ())),
            Err(error) => error,
        };
        // Inside the quotes, where nothing in them was escaped.
        let inside = pattern.span.from + 1;
        let lead = pattern.text.len() - pattern.text.trim_start().len();
        let (from, to) = (inside + lead + error.place.start, inside + lead + error.place.end);
        let plain = pattern.span.of(text).get(1..).is_some_and(|rest| rest.starts_with(&pattern.text));
        let span = if plain && to < pattern.span.to {
            Span::new(from, to.max(from + 1).min(pattern.span.to))
        } else {
            pattern.span
        };
        let squeezed: String = pattern.text.chars().filter(|c| !c.is_whitespace()).collect();
        let eaten = ["(,", ",,", ",)", "(.", ",.", "=,", "=)"].iter().any(|gap| squeezed.contains(gap));
        let error = QueryError::new("pattern", span, error.message);
        Err(if eaten && !squeezed.contains('$') {
            error.help(
                "the shell has replaced the `$` names of this pattern by nothing: put the whole query in single quotes",
            )
        } else {
            error.help("a pattern is Python with `$A` for any one thing and `$$$` for any number of them: ast:'self.play(Create($A), $$$)'")
        })
    }

    /// Finds the field of a name, or the set and the name whose occurrences are counted.
    pub(super) fn subject(&mut self, text: &str, name: &Word, whole: Span) -> Result<Subject, QueryError> {
        if let Some(field) = fields::named(&name.text) {
            if field.home == Home::Relevance {
                return Err(relevance::misplaced(text, name, whole));
            }
            if let Some(sentence) = fields::unfilled(&field) {
                self.note(sentence);
            }
            return Ok(Subject::Plain(field));
        }
        if let Some((stem, member)) = name.text.split_once('.')
            && let Some(info) = fields::find(stem)
        {
            return match info.kind {
                Kind::CountedSet => Ok(Subject::Count { field: info.field(), name: member.to_owned() }),
                Kind::Set => Err(QueryError::new("type", name.span, format!("`{stem}` is a set without counts"))
                    .help(format!("`{stem}:{member}` asks whether it is in the set"))
                    .suggest(text, whole, &format!("{stem}:{}", typed(member)))),
                kind => Err(QueryError::new("field", name.span, format!("there is no field `{}`", name.text))
                    .help(format!("`{stem}` is a {}; only a set with counts has members", kind_name(kind)))
                    .suggest(text, name.span, stem)),
            };
        }
        Err(unknown_field(text, name, whole))
    }

    fn test(
        &mut self,
        text: &str,
        name: &Word,
        op: Op,
        values: &Expr<InValues>,
        whole: Span,
    ) -> Result<Expr<Resolved>, QueryError> {
        let subject = self.subject(text, name, whole)?;
        if let Some(column) = name.text.strip_prefix("meta.") {
            self.note_unknown_column(column);
        }
        let ask = Ask { text, name, op, whole };
        let mut resolved = Vec::with_capacity(1);
        self.values(&ask, &subject, values, &mut resolved).map_err(|error| *error)?;
        Ok(resolved.pop().expect("one expression resolves to one"))
    }

    /// The values of a test, which are joined as tests are; to the end of `out`.
    fn values(
        &mut self,
        ask: &Ask<'_>,
        subject: &Subject,
        values: &Expr<InValues>,
        out: &mut Vec<Expr<Resolved>>,
    ) -> Stacked<()> {
        self.enter(values.mark)?;
        let mut inner = Vec::new();
        match &values.node {
            Node::Atom(value) => self.value_to(ask, subject, value, out)?,
            Node::All => out.push(Expr::new(Node::All, ())),
            Node::Not(member) => {
                self.negated = !self.negated;
                self.values(ask, subject, member, &mut inner)?;
                self.negated = !self.negated;
                connect(&values.node, inner, out);
            }
            Node::And(members) | Node::Or(members) => {
                for member in members {
                    self.values(ask, subject, member, &mut inner)?;
                }
                connect(&values.node, inner, out);
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn value_to(
        &mut self,
        ask: &Ask<'_>,
        subject: &Subject,
        value: &Value,
        out: &mut Vec<Expr<Resolved>>,
    ) -> Stacked<()> {
        out.push(match ask.op {
            Op::Has => self.member(ask, subject, value)?,
            _ => self.compare(ask, subject, value)?,
        });
        Ok(())
    }

    fn note_unknown_column(&mut self, column: &str) {
        let names = self.vocabulary.meta_names();
        // Without names nothing is known of columns, unless there is a store that has none.
        let known = !names.is_empty() || self.known("source").is_some();
        if known && !names.iter().any(|name| name == column) {
            let near = similar(column, names.iter().map(String::as_str));
            let near: Vec<String> = near.iter().map(|name| format!("meta.{name}")).collect();
            self.note(format!("no source has a column `meta.{column}`{}", did_you_mean(&near)));
        }
    }

    /// `has:field`
    fn given(&mut self, text: &str, name: &Word, whole: Span) -> Result<Expr<Resolved>, QueryError> {
        let check = match self.subject(text, name, whole) {
            Ok(Subject::Plain(field)) => {
                match name.text.strip_prefix("meta.") {
                    Some(column) => self.note_unknown_column(column),
                    None if !self.negated
                        && self.at.is_none()
                        && self.vocabulary.is_filled(&field.name) == Some(false) =>
                    {
                        self.note(format!("no sample has a `{}`", field.name));
                    }
                    None => {}
                }
                Check::Given(field)
            }
            Ok(Subject::Count { field, name }) => {
                self.note_unknown_value(&field, &name);
                let range =
                    super::plan::Range { low: std::ops::Bound::Included(1.0), high: std::ops::Bound::Unbounded };
                Check::Count { field, name, range }
            }
            Err(error) if error.kind == "field" => {
                let mut error = QueryError { suggestions: Vec::new(), ..error };
                let known = fields::all();
                let mut names = fields::alias(&name.text).map(|name| vec![name.to_owned()]).unwrap_or_default();
                names.extend(similar(&name.text, known.iter().map(|field| field.name)));
                names.dedup();
                for near in &names {
                    error = error.suggest(text, name.span, near);
                }
                error.help = Some("`has:` asks whether a field has a value; `fields` lists all fields".to_owned());
                return Err(self.meant_as_value(error, text, name, whole));
            }
            Err(error) => return Err(error),
        };
        Ok(Expr::check(check))
    }

    /// `is:name`
    fn is(&mut self, text: &str, name: &Word, whole: Span) -> Result<Expr<Resolved>, QueryError> {
        let all = fields::all();
        let names: Vec<&str> = all.iter().filter(|field| field.kind == Kind::Bool).map(|field| field.name).collect();
        match fields::find(&name.text) {
            Some(info) if info.kind == Kind::Bool => {
                let field = info.field();
                let none = !self.negated
                    && self.at.is_none()
                    && !self.vocabulary.has_value(&field.name, "true")
                    && self.known(&field.name).is_some_and(|known| !known.has("true"));
                if none {
                    self.note(format!("no sample is `{}`", field.name));
                }
                Ok(Expr::check(Check::Is(field)))
            }
            Some(info) => Err(QueryError::new(
                "type",
                name.span,
                format!("`{}` is a {}, not a yes or no", name.text, kind_name(info.kind)),
            )
            .expected(names.iter().map(|name| format!("is:{name}")))
            .suggest(text, whole, &format!("has:{}", name.text))),
            None => {
                let mut error = QueryError::new("field", name.span, format!("there is no `is:{}`", name.text))
                    .expected(names.iter().map(|name| format!("is:{name}")));
                for near in similar(&name.text, names.iter().copied()) {
                    error = error.suggest(text, name.span, &near);
                }
                Err(self.meant_as_value(error, text, name, whole))
            }
        }
    }

    /// `is:duplicate`, `has:geometry`: a value of a field was meant.
    fn meant_as_value(&mut self, error: QueryError, text: &str, name: &Word, whole: Span) -> QueryError {
        let mut error = error;
        for info in fields::all() {
            let has = match info.kind {
                Kind::Enum { words, .. } => words.contains(&name.text.as_str()),
                Kind::Set | Kind::CountedSet => self.known(info.name).is_some_and(|known| known.has(&name.text)),
                _ => false,
            };
            if has {
                error = error.suggest(text, whole, &format!("{}:{}", info.name, name.text));
            }
        }
        error
    }
}

/// Joins what the members of a node resolved to as the node joins them.
fn connect<L: Leaf>(node: &Node<L>, mut members: Vec<Expr<Resolved>>, out: &mut Vec<Expr<Resolved>>) {
    let joined = match (node, members.len()) {
        (Node::Not(_), 1) => Node::Not(Box::new(members.remove(0))),
        (Node::Or(_), _) => Node::Or(members),
        _ => Node::And(members),
    };
    out.push(Expr::new(joined, ()));
}

/// Checks a regular expression and puts its flags into it.
pub(super) fn expression(pattern: &str, flags: &str, span: Span) -> Result<String, QueryError> {
    let whole = if flags.is_empty() { pattern.to_owned() } else { format!("(?{flags}){pattern}") };
    match regex::Regex::new(&whole) {
        Ok(_) => Ok(whole),
        Err(fault) => {
            let message = fault.to_string();
            let last = message.lines().last().unwrap_or_default().trim_start_matches("error: ").trim_end_matches('.');
            let error = QueryError::new("regex", span, format!("this regular expression is wrong: {last}"));
            let around = ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|group| pattern.contains(group));
            Err(if around || last.contains("backreference") {
                error.help("expressions run in linear time, so there is no look-around and no back-reference")
            } else {
                error
            })
        }
    }
}

/// Least likeness where a query does not say it: that from which samples count as near-duplicates.
pub(super) const DEFAULT_SIMILARITY: f64 = 0.85;

/// A share of shingles in common: above 0, at most 1; or in percent.
pub(super) fn similarity(text: &str, word: &Word) -> Result<f64, QueryError> {
    let error =
        QueryError::new("range", word.span, format!("`{}` is no share of what two samples have in common", word.text))
            .expected(["a number above 0 and up to 1"]);
    if let Some(percent) = word.text.strip_suffix('%').and_then(number)
        && percent > 0.0
        && percent <= 100.0
    {
        let error = QueryError { kind: "unit", ..error };
        return Err(error.suggest(text, word.span, &(percent / 100.0).to_string()));
    }
    match number(&word.text) {
        Some(share) if share > 0.0 && share <= 1.0 => Ok(share),
        Some(percent) if (10.0..=100.0).contains(&percent) => {
            Err(error.suggest(text, word.span, &(percent / 100.0).to_string()))
        }
        _ => Err(error.suggest(text, word.span, "0.85")),
    }
}

/// `; did you mean …?`, or nothing.
pub(super) fn did_you_mean(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("; did you mean {}?", listed(names)) }
}

/// The value as the person may have wanted it, quoted where it must be.
pub(super) fn as_text(value: &Value) -> String {
    match &value.kind {
        ValueKind::Bare(text) | ValueKind::Quoted(text) => quote(text),
        ValueKind::Regex { pattern, flags } => format!("/{}/{flags}", pattern.replace('/', "\\/")),
    }
}
