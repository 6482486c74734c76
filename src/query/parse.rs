//! Reads the text of a query into a tree. The grammar stands in [`super`]; each function quotes its line.
//!
//! Every function looks at the next few characters, decides, and never goes back over what it has read, so reading is
//! linear in the length of the text, nesting included. Nesting is limited to [`MAX_DEPTH`]. No error of nom's own
//! reaches a caller: what the combinators cannot say is said here.
//!
//! One file because the functions of the grammar call each other in a circle and share the state of one reading.

use std::cell::{Cell, RefCell};

use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::{char, satisfy};
use nom::combinator::{opt, recognize};
use nom::error::{ErrorKind, ParseError};
use nom::multi::many0_count;
use nom::sequence::{pair, preceded};
use nom::{IResult, Parser};

use super::ast::{Atom, Expr, InValues, Leaf, Node, Op, Parsed, Query, Span, Stated, Value, ValueKind, When, Word};
use super::error::QueryError;
use super::plan::Note;
use super::suggest::quote;
use super::{foreign, stages, suggest};

/// How deep parentheses may be nested.
pub const MAX_DEPTH: usize = 128;

/// What a parser hands to nom: nothing where it did not match, an error where the query is wrong.
#[derive(Debug)]
pub(super) struct Fault(Option<Box<QueryError>>);

impl ParseError<&str> for Fault {
    fn from_error_kind(_: &str, _: ErrorKind) -> Self {
        Fault(None)
    }

    fn append(_: &str, _: ErrorKind, other: Self) -> Self {
        other
    }
}

pub(super) type Read<'a, T> = IResult<&'a str, T, Fault>;

/// What ends a reading early.
pub(super) type Stop = nom::Err<Fault>;

/// Ends the reading with an error.
pub(super) fn fail<T>(error: QueryError) -> Result<T, nom::Err<Fault>> {
    Err(nom::Err::Failure(Fault(Some(Box::new(error)))))
}

/// Reads a query. Suggestions of an error are not checked yet.
pub(super) fn query(text: &str) -> Result<Query<Parsed>, QueryError> {
    let grammar = Grammar::new(text);
    finish(text, grammar.query(text))
}

/// Reads the list after `# args:` of a saved query: `name ["=" value] {"," name ["=" value]}`.
pub(super) fn parameters(text: &str) -> Result<Vec<(Word, Option<Value>)>, QueryError> {
    let grammar = Grammar::new(text);
    finish(text, grammar.parameters(text))
}

fn finish<T>(text: &str, read: Read<'_, T>) -> Result<T, QueryError> {
    match read {
        Ok((_, tree)) => Ok(tree),
        Err(nom::Err::Failure(Fault(Some(error))) | nom::Err::Error(Fault(Some(error)))) => Err(*error),
        Err(_) => Err(QueryError::new("syntax", Span::new(0, text.len()), "this cannot be read as a query")),
    }
}

/// Expressions that the same three functions read: filters, and values in parentheses.
pub(super) trait Readable: Leaf<Mark = Span> {
    /// What may stand at a leaf.
    const EXPECTED: &'static [&'static str];
    /// Reads a leaf.
    fn leaf<'a>(grammar: &Grammar<'a>, text: &'a str) -> Read<'a, Expr<Self>>;
    /// Whether a `-` here belongs to the leaf (a negative number).
    fn takes_minus(text: &str) -> bool;
    /// The word, where the leaf is a bare word of text.
    fn bare(expr: &Expr<Self>) -> Option<&str>;
    /// A spelling of another language that stands here.
    fn foreign(grammar: &Grammar<'_>, text: &str, before: &[Expr<Self>]) -> Option<QueryError>;
}

impl Readable for Parsed {
    const EXPECTED: &'static [&'static str] =
        &["a word", "a string", "a test such as `lines>=20`", "`@saved`", "`(`", "`not`"];

    fn leaf<'a>(grammar: &Grammar<'a>, text: &'a str) -> Read<'a, Expr<Self>> {
        grammar.atom(text)
    }

    fn takes_minus(_: &str) -> bool {
        false
    }

    fn bare(expr: &Expr<Self>) -> Option<&str> {
        match &expr.node {
            Node::Atom(Atom::Text(Value { kind: ValueKind::Bare(word), .. })) => Some(word),
            _ => None,
        }
    }

    fn foreign(grammar: &Grammar<'_>, text: &str, before: &[Expr<Self>]) -> Option<QueryError> {
        foreign::spot(grammar.text, grammar.at(text), before.last())
    }
}

impl Readable for InValues {
    const EXPECTED: &'static [&'static str] = &["a value", "`(`", "`not`"];

    fn leaf<'a>(grammar: &Grammar<'a>, text: &'a str) -> Read<'a, Expr<Self>> {
        let (rest, value) = grammar.value(text, &[])?;
        let span = value.span;
        Ok((rest, Expr::new(Node::Atom(value), span)))
    }

    fn takes_minus(text: &str) -> bool {
        text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
    }

    fn bare(_: &Expr<Self>) -> Option<&str> {
        None
    }

    fn foreign(grammar: &Grammar<'_>, text: &str, _: &[Expr<Self>]) -> Option<QueryError> {
        foreign::spot_symbol(grammar.text, grammar.at(text))
    }
}

/// What is being read, and what was noticed on the way.
pub(super) struct Grammar<'a> {
    pub(super) text: &'a str,
    pub(super) depth: Cell<usize>,
    pub(super) notes: RefCell<Vec<Note>>,
    /// First `(` that is glued to a word and not closed in it.
    pub(super) glued: Cell<Option<usize>>,
}

/// Whether a bare word may go on with this character's being blank.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace()
}

/// A keyword in any case, not the beginning of a longer word.
pub(super) fn keyword<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len())?;
    let rest = &text[word.len()..];
    let ends = rest.chars().next().is_none_or(|c| is_blank(c) || "()|\"'".contains(c));
    (head.eq_ignore_ascii_case(word) && ends).then_some(rest)
}

/// Whether an expression ends here.
pub(super) fn closes(text: &str) -> bool {
    text.is_empty() || text.starts_with([')', '|'])
}

impl<'a> Grammar<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Grammar { text, depth: Cell::new(0), notes: RefCell::default(), glued: Cell::new(None) }
    }

    /// Offset of what is still to be read.
    pub(super) fn at(&self, rest: &str) -> usize {
        self.text.len() - rest.len()
    }

    /// The range between two points of the reading.
    pub(super) fn span(&self, from: &str, to: &str) -> Span {
        Span::new(self.at(from), self.at(to))
    }

    /// The span of everything up to the next blank, for showing and quoting.
    pub(super) fn chunk(&self, from: &str) -> Span {
        let from = self.at(from);
        suggest::chunk(self.text, from)
    }

    /// Blanks, and comments: a line that begins with `#` and a blank.
    pub(super) fn blank(&self, text: &'a str) -> &'a str {
        let mut rest = text;
        loop {
            let next = rest.trim_start();
            let skipped = &self.text[self.at(rest)..self.at(next)];
            let line_begins = self.at(next) == skipped.len() || skipped.contains('\n');
            let mut after = next.chars();
            let comment = after.next() == Some('#') && after.next().is_none_or(is_blank);
            if !(line_begins && comment) {
                return next;
            }
            rest = next.find('\n').map_or(&next[next.len()..], |end| &next[end..]);
        }
    }

    /// `query := [ "at:" when ] [ expr ] { "|" stage }`
    fn query(&self, text: &'a str) -> Read<'a, Query<Parsed>> {
        let mut rest = self.blank(text);
        let mut at = None;
        if rest.starts_with("at:") {
            let (after, when) = self.when(rest)?;
            at = Some(when);
            rest = self.blank(after);
        }
        let mut filter = Expr::new(Node::All, self.span(rest, rest));
        if !closes(rest) {
            (rest, filter) = self.expr::<Parsed>(rest, None)?;
            self.note_prose(&filter);
        }
        let mut steps: Vec<Stated> = Vec::new();
        loop {
            rest = self.blank(rest);
            if rest.is_empty() {
                let notes = self.notes.take();
                return Ok((rest, Query { origin: self.text.to_owned(), at, filter, steps, notes }));
            }
            if rest.starts_with(')') {
                return fail(self.stray_parenthesis(rest));
            }
            let (after, step) = stages::stage(self, rest)?;
            steps.push(step);
            rest = after;
        }
    }

    /// `when := date | "op" int | "@" name "#" int`
    fn when(&self, text: &'a str) -> Read<'a, When> {
        let after = &text["at:".len()..];
        let (rest, word) = self.word(after, &[])?;
        let error = |message: &str| {
            QueryError::new("syntax", self.chunk(text), message).expected([
                "`at:2026-01-31`",
                "`at:op12`",
                "`at:@name#3`",
            ])
        };
        if let Some(name) = word.text.strip_prefix('@') {
            let Some((name, pin)) = name.split_once('#') else {
                return fail(
                    error("`at:@name` names a saved query, which is no moment; a pin is one")
                        .help("write `at:@name#3`"),
                );
            };
            let hash = word.span.from + 1 + name.len();
            let name = Word { text: name.to_owned(), span: Span::new(word.span.from + 1, hash) };
            let pin = Word { text: pin.to_owned(), span: Span::new(hash + 1, word.span.to) };
            return Ok((rest, When::Pin { name, pin }));
        }
        match word.text.as_bytes() {
            [b'o', b'p', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
                Ok((rest, When::Op(word)))
            }
            [first, ..] if first.is_ascii_digit() => Ok((rest, When::Day(word))),
            _ => fail(error("`at:` wants a day, an operation or a pin")),
        }
    }

    /// `expr := and { "or" and }`, and the same of values: `vexpr := vand { "or" vand }`
    fn expr<L: Readable>(&self, text: &'a str, after: Option<Word>) -> Read<'a, Expr<L>> {
        let (mut rest, first) = self.and::<L>(text, after)?;
        let mut members = vec![first];
        loop {
            let next = self.blank(rest);
            let Some(after) = keyword(next, "or") else { break };
            let or = Word { text: next[..2].to_owned(), span: self.span(next, after) };
            let left = members.last().and_then(L::bare).map(str::to_owned);
            let (end, member) = self.and::<L>(self.blank(after), Some(or.clone()))?;
            self.note_joined(&or, left.as_deref(), L::bare(&member));
            members.push(member);
            rest = end;
        }
        Ok((rest, joined(members, Node::Or)))
    }

    /// `and := not { ["and"] not }`, `vand := vnot { ["and"] vnot }`
    fn and<L: Readable>(&self, text: &'a str, after: Option<Word>) -> Read<'a, Expr<L>> {
        let mut rest = text;
        let mut members: Vec<Expr<L>> = Vec::new();
        let mut pending = after;
        loop {
            let next = self.blank(rest);
            let or = keyword(next, "or");
            if closes(next) || or.is_some() {
                if next.starts_with("||") {
                    return fail(foreign::double_bar(self.text, self.at(next)));
                }
                if members.is_empty() || pending.is_some() {
                    return fail(self.nothing_here::<L>(next, pending.as_ref(), or.map(|rest| self.span(next, rest))));
                }
                break;
            }
            if let Some(after) = keyword(next, "and") {
                let word = Word { text: next[..3].to_owned(), span: self.span(next, after) };
                if members.is_empty() || pending.is_some() {
                    return fail(self.nothing_here::<L>(next, pending.as_ref(), Some(word.span)));
                }
                pending = Some(word);
                rest = after;
                continue;
            }
            if let Some(error) = L::foreign(self, next, &members) {
                return fail(error);
            }
            let (end, member) = self.not::<L>(next)?;
            if let Some(word) = pending.take()
                && !members.is_empty()
            {
                self.note_joined(&word, members.last().and_then(L::bare), L::bare(&member));
            }
            if let (Node::Not(inner), Some(left)) = (&member.node, members.last().and_then(L::bare))
                && let Some(not) = next.get(..3).filter(|word| word.eq_ignore_ascii_case("not"))
            {
                let word = Word { text: not.to_owned(), span: self.span(next, &next[3..]) };
                self.note_joined(&word, Some(left), L::bare(inner));
            }
            members.push(member);
            rest = end;
        }
        Ok((rest, joined(members, Node::And)))
    }

    /// `not := ["not" | "-"] atom`, `vnot := ["not" | "-"] ( value | "(" vexpr ")" )`
    fn not<L: Readable>(&self, text: &'a str) -> Read<'a, Expr<L>> {
        let after = match keyword(text, "not") {
            Some(after) => self.blank(after),
            None => match text.strip_prefix('-') {
                Some(after) if !L::takes_minus(after) => after,
                _ => return self.primary::<L>(text),
            },
        };
        if let Some(error) = self.negation_fault::<L>(text, after).or_else(|| L::foreign(self, after, &[])) {
            return fail(error);
        }
        let (rest, inner) = self.primary::<L>(after)?;
        let span = self.span(text, rest);
        Ok((rest, Expr::new(Node::Not(Box::new(inner)), span)))
    }

    /// `"(" expr ")"`, or a leaf
    fn primary<L: Readable>(&self, text: &'a str) -> Read<'a, Expr<L>> {
        let Some(after) = text.strip_prefix('(') else { return L::leaf(self, text) };
        let open = self.at(text);
        let inner = self.blank(after);
        if let Some(error) = self.group_fault::<L>(open, inner) {
            return fail(error);
        }
        self.depth.set(self.depth.get() + 1);
        let opening = Word { text: "(".to_owned(), span: Span::new(open, open + 1) };
        let (rest, inner) = self.expr::<L>(inner, Some(opening))?;
        let end = self.blank(rest);
        let Some(after) = end.strip_prefix(')') else { return fail(self.unclosed(open, end)) };
        self.depth.set(self.depth.get() - 1);
        Ok((after, inner))
    }

    /// `atom := "(" expr ")" | "@" name [ "(" args ")" ] [ "#" int ] | test | word | word"*" | string | /regex/ [flags]`
    fn atom(&self, text: &'a str) -> Read<'a, Expr<Parsed>> {
        match text.chars().next() {
            Some('@') => self.saved(text),
            Some('"' | '\'' | '/') => self.text_leaf(text),
            _ => match self.field(text)? {
                (after, Some(field)) => {
                    if let Some(error) = super::typography::sign(self.text, &field, self.at(after)) {
                        return fail(error);
                    }
                    let (value, signs) = take_while(|c| ":=!<>~".contains(c)).parse(after)?;
                    // `n!` and `circle~` are words
                    if signs.is_empty() || (matches!(signs, "!" | "~" | "!!") && !value.starts_with('=')) {
                        self.text_leaf(text)
                    } else {
                        self.test(text, field, after, value)
                    }
                }
                (_, None) => self.text_leaf(text),
            },
        }
    }

    /// `word | word"*" | string | /regex/ [flags]`
    fn text_leaf(&self, text: &'a str) -> Read<'a, Expr<Parsed>> {
        let (rest, value) = self.value(text, &[])?;
        let span = value.span;
        Ok((rest, Expr::new(Node::Atom(Atom::Text(value)), span)))
    }

    /// `field := ident { "." ident }`, with a `-` inside an ident where a letter or digit follows it
    pub(super) fn field(&self, text: &'a str) -> Read<'a, Option<Word>> {
        let part = |c: char| c.is_alphanumeric() || c == '_';
        let ident = |first: fn(char) -> bool| {
            recognize((satisfy(first), take_while(part), many0_count(pair(char('-'), take_while1(part)))))
        };
        let begins = |c: char| c.is_alphabetic() || c == '_';
        let goes_on = |c: char| c.is_alphanumeric() || c == '_';
        let path = recognize(pair(ident(begins), many0_count(preceded(char('.'), ident(goes_on)))));
        let (rest, name) = opt(path).parse(text)?;
        Ok((rest, name.map(|name| Word { text: name.to_owned(), span: self.span(text, rest) })))
    }

    /// `test := field ( ":" values | "=" value | "!=" value | ("<" | "<=" | ">" | ">=") value ) | "near:" … | "ast:" … | "has:" field | "is:" name`
    fn test(&self, text: &'a str, field: Word, signs_at: &'a str, value: &'a str) -> Read<'a, Expr<Parsed>> {
        let signs = self.span(signs_at, value);
        let op = match signs.of(self.text) {
            ":" => Op::Has,
            "=" => Op::Equal,
            "!=" => Op::Differs,
            "<" => Op::Less,
            "<=" => Op::AtMost,
            ">" => Op::More,
            ">=" => Op::AtLeast,
            // of a name that is none of a field the sign does not matter
            sign if sign != "::" && !suggest::may_be_field(&field.text) => {
                return fail(suggest::unknown_field(self.text, &field, self.chunk(text)));
            }
            _ => return fail(foreign::operator(self.text, &field, signs, self.chunk(text))),
        };
        let read = match (op, field.text.as_str()) {
            (Op::Has, "near") => self.near(value),
            (Op::Has, "ast") => self.ast(text, value),
            (Op::Has, "has" | "is") => self.named(&field, value),
            (Op::Has, "at") => {
                let span = self.chunk(text);
                let moved = format!("{} {}", span.of(self.text), span.replaced(self.text, ""));
                let error = QueryError::new("syntax", span, "`at:` stands before everything else").suggest(
                    &moved,
                    Span::default(),
                    "",
                );
                return fail(error);
            }
            _ => self
                .values(&field, op, signs, value)
                .map(|(rest, values)| (rest, Atom::Test { field: field.clone(), op, values })),
        };
        match read {
            Ok((rest, atom)) => {
                let span = self.span(text, rest);
                Ok((rest, Expr::new(Node::Atom(atom), span)))
            }
            // a URL or prose: what comes after the colon does not matter
            Err(nom::Err::Failure(Fault(Some(error))))
                if !suggest::may_be_field(&field.text) && error.kind != "depth" =>
            {
                fail(suggest::unknown_field(self.text, &field, self.chunk(text)))
            }
            Err(error) => Err(error),
        }
    }

    /// `values := value | "(" vexpr ")"`
    fn values(&self, field: &Word, op: Op, signs: Span, text: &'a str) -> Read<'a, Expr<InValues>> {
        let sign = op.sign();
        if text.is_empty() || text.starts_with(is_blank) || closes(text) {
            let next = self.blank(text);
            let error = QueryError::new("syntax", field.span.to(signs), format!("`{}{sign}` has no value", field.text));
            if closes(next) {
                return fail(error.expected(["a value"]).suggest(
                    self.text,
                    field.span.to(signs),
                    &format!("has:{}", field.text),
                ));
            }
            return fail(
                error
                    .help(format!("a value is glued to its `{sign}`"))
                    .suggest(self.text, self.span(text, next), "")
                    .suggest(self.text, field.span.to(signs), &quote(field.span.to(signs).of(self.text))),
            );
        }
        if text.starts_with('(') {
            if op == Op::Has {
                return self.primary::<InValues>(text);
            }
            return fail(
                QueryError::new("operator", signs, format!("`{sign}` takes one value, not a list in parentheses"))
                    .help("`:` takes a list")
                    .suggest(self.text, signs, ":"),
            );
        }
        if let Some(error) = foreign::value(self.text, field, op, signs, self.at(text)) {
            return fail(error);
        }
        InValues::leaf(self, text)
    }

    /// `"near:" id [ ">=" number ]`
    fn near(&self, text: &'a str) -> Read<'a, Atom> {
        let (rest, word) = self.word(text, &[])?;
        let (id, threshold) = match word.text.split_once(">=") {
            Some((id, _)) => {
                let at = word.span.from + id.len() + 2;
                let threshold = Span::new(at, word.span.to);
                (
                    Span::new(word.span.from, at - 2),
                    Some(Word { text: threshold.of(self.text).to_owned(), span: threshold }),
                )
            }
            None => (word.span, None),
        };
        Ok((rest, Atom::Near { id: Word { text: id.of(self.text).to_owned(), span: id }, threshold }))
    }

    /// `"ast:" string`
    fn ast(&self, text: &'a str, value: &'a str) -> Read<'a, Atom> {
        if !value.starts_with(['"', '\'']) {
            let chunk = self.chunk(value);
            return fail(
                QueryError::new("syntax", self.chunk(text), "`ast:` wants its pattern in quotes")
                    .expected(["a string"])
                    .suggest(self.text, chunk, &quote(chunk.of(self.text))),
            );
        }
        let (rest, value) = self.value(value, &[])?;
        let ValueKind::Quoted(pattern) = value.kind else {
            return fail(QueryError::new("syntax", value.span, "a string is missing"));
        };
        Ok((rest, Atom::Ast { pattern: Word { text: pattern, span: value.span } }))
    }

    /// `"has:" field | "is:" name`
    fn named(&self, what: &Word, text: &'a str) -> Read<'a, Atom> {
        let (rest, name) = self.field(text)?;
        let ends = rest.is_empty() || rest.starts_with(is_blank) || closes(rest);
        match name.filter(|_| ends) {
            Some(name) if what.text == "has" => Ok((rest, Atom::Given(name))),
            Some(name) => Ok((rest, Atom::Is(name))),
            None => {
                let noun = if what.text == "has" { "a field's name" } else { "a name, such as `is:valid`" };
                let error =
                    QueryError::new("syntax", self.chunk(text).to(what.span), format!("`{}:` wants {noun}", what.text))
                        .expected([noun]);
                fail(if text.starts_with('(') {
                    error.help(format!("write `({0}:a or {0}:b)`", what.text))
                } else {
                    error
                })
            }
        }
    }

    /// `"@" name [ "(" args ")" ] [ "#" int ]`
    fn saved(&self, text: &'a str) -> Read<'a, Expr<Parsed>> {
        let (mut rest, name) = take_while(|c: char| c.is_alphanumeric() || "_-.".contains(c)).parse(&text[1..])?;
        if name.is_empty() {
            return fail(QueryError::new("syntax", self.chunk(text), "`@` wants the name of a saved query").suggest(
                self.text,
                self.chunk(text),
                &quote(self.chunk(text).of(self.text)),
            ));
        }
        let name = Word { text: name.to_owned(), span: self.span(&text[1..], rest) };
        let mut args = Vec::new();
        if rest.starts_with('(') {
            (rest, args) = self.args(rest)?;
        }
        let mut pin = None;
        if let Some(after) = rest.strip_prefix('#') {
            let (end, digits) = take_while(|c: char| c.is_ascii_digit()).parse(after)?;
            if digits.is_empty() {
                return fail(
                    QueryError::new("syntax", self.chunk(text), "`#` wants the number of a pin")
                        .expected(["a number"])
                        .suggest(self.text, self.span(rest, after), ""),
                );
            }
            pin = Some(Word { text: digits.to_owned(), span: self.span(after, end) });
            rest = end;
        }
        self.ends_here(text, rest, &[])?;
        let span = self.span(text, rest);
        Ok((rest, Expr::new(Node::Atom(Atom::Saved { name, args, pin }), span)))
    }
}

/// One member is itself; several are joined.
fn joined<L: Leaf<Mark = Span>>(mut members: Vec<Expr<L>>, join: fn(Vec<Expr<L>>) -> Node<L>) -> Expr<L> {
    if members.len() == 1 {
        return members.remove(0);
    }
    let span = members.iter().map(|member| member.mark).reduce(Span::to).unwrap_or_default();
    Expr::new(join(members), span)
}
