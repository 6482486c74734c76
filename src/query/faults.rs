//! What the grammar says where a query does not fit it, and what it remarks on the way.

use crate::analyze::features::Kind;

use super::ast::{Expr, Node, Parsed, Span, Word};
use super::error::QueryError;
use super::parse::{Grammar, MAX_DEPTH, Readable, closes, is_blank, keyword};
use super::plan::Note;
use super::suggest::quote;
use super::{fields, stages, suggest};

impl Grammar<'_> {
    pub(super) fn note(&self, message: String) {
        let note = Note { message };
        let mut notes = self.notes.borrow_mut();
        if !notes.contains(&note) && notes.len() < 10 {
            notes.push(note);
        }
    }

    pub(super) fn stray_parenthesis(&self, rest: &str) -> QueryError {
        let at = self.at(rest);
        let span = Span::new(at, at + 1);
        let error = QueryError::new("syntax", span, "this `)` closes nothing");
        match self.glued.get() {
            Some(open) => {
                let word = suggest::chunk_around(self.text, open);
                error
                    .help(format!(
                        "the `(` in `{}` is glued to a word, so it is text; put a blank before it to group",
                        word.of(self.text)
                    ))
                    .suggest(self.text, Span::new(open, open), " ")
                    .suggest(self.text, Span::new(word.from, at + 1), &quote(&self.text[word.from..=at]))
            }
            None => error.suggest(self.text, span, ""),
        }
    }

    /// A stage's name as the first word was most likely meant as a stage; a field, a verb and a word as a test.
    pub(super) fn note_prose(&self, filter: &Expr<Parsed>) {
        if let Node::And(members) = &filter.node
            && let Some(word) = Parsed::bare(&members[0])
            && stages::NAMES.contains(&word)
        {
            self.note(format!("`{word}` is looked for as text here; the stage is written `| {word} …`"));
        }
        if let Node::And(members) = &filter.node {
            for three in members.windows(3) {
                if let [Some(field), Some(verb), Some(value)] = [0, 1, 2].map(|at| Parsed::bare(&three[at]))
                    && matches!(verb, "contains" | "like" | "in" | "is" | "has" | "equals" | "matches" | "between")
                    && fields::find(field).is_some()
                {
                    self.note(format!(
                        "`{field} {verb} {value}` is looked for as words of a text; a test is written `{field}:{value}`"
                    ));
                }
                if let [Some(value), Some("in"), Some(field)] = [0, 1, 2].map(|at| Parsed::bare(&three[at]))
                    && fields::find(field)
                        .is_some_and(|info| matches!(info.kind, Kind::Set | Kind::CountedSet | Kind::Word))
                {
                    self.note(format!(
                        "`{value} in {field}` is looked for as words of a text; a test is written `{field}:{value}`"
                    ));
                }
            }
        }
    }

    /// A `(` without its `)`: both ends are named.
    pub(super) fn unclosed(&self, open: usize, end: &str) -> QueryError {
        let alternative = end.strip_prefix('|').map(|after| self.span(end, after));
        let end = self.at(end);
        let stop = Span::new(end, end);
        let found = if end == self.text.len() { "the end of the query" } else { "a `|`" };
        let message = format!("the `(` at {} is not closed before {found} at {}", open + 1, end + 1);
        let trimmed = self.text[..end].trim_end().len();
        let error = QueryError::new("unclosed", Span::new(open, end), message).expected(["`)`"]);
        let error = match alternative {
            // `(a|b)`
            Some(bar) => error.suggest(self.text, bar, " or "),
            None => error,
        };
        error
            .suggest(self.text, Span::new(trimmed, trimmed), ")")
            .suggest(self.text, Span::new(open, open + 1), "")
            .suggest(self.text, stop, ")")
    }

    /// What is wrong with a `(` at `open`, before `inner`.
    pub(super) fn group_fault<L: Readable>(&self, open: usize, inner: &str) -> Option<QueryError> {
        if self.depth.get() == MAX_DEPTH {
            let message = format!("parentheses are nested more than {MAX_DEPTH} deep");
            let help = "save an inner part as a query of its own and use it as `@name`";
            return Some(QueryError::new("depth", Span::new(open, open + 1), message).help(help));
        }
        inner.starts_with(')').then(|| {
            let span = Span::new(open, self.at(inner) + 1);
            QueryError::new("syntax", span, "there is nothing between the parentheses")
                .expected(L::EXPECTED.iter().copied())
                .suggest(self.text, span, "")
        })
    }

    /// What is wrong with a `not` or `-` at `text`, before `after`.
    pub(super) fn negation_fault<L: Readable>(&self, text: &str, after: &str) -> Option<QueryError> {
        let minus = text.starts_with('-');
        let operator = Word { text: text[..if minus { 1 } else { 3 }].to_owned(), span: self.span(text, after) };
        if minus && (after.is_empty() || after.starts_with(is_blank)) {
            let gap = self.span(after, after.trim_start());
            let error = QueryError::new("syntax", operator.span, "a `-` that stands alone")
                .help("`-` negates what it is glued to; text that is only a `-` cannot be searched for");
            let error = if after.is_empty() { error } else { error.suggest(self.text, gap, "") };
            return Some(error.suggest(self.text, operator.span.to(gap), ""));
        }
        let joining = keyword(after, "or").or(keyword(after, "and"));
        if closes(after) || joining.is_some() {
            let found = joining.map(|rest| self.span(after, rest));
            return Some(self.nothing_here::<L>(after, Some(&operator), found));
        }
        let twice = match keyword(after, "not") {
            Some(rest) => rest.trim_start(),
            None => after.strip_prefix('-').filter(|rest| !L::takes_minus(rest))?,
        };
        let both = self.span(text, twice);
        let chunk = self.chunk(text);
        let error = QueryError::new("syntax", both, "two negations in a row cancel each other out");
        Some(error.suggest(self.text, both, "").suggest(self.text, chunk, &quote(chunk.of(self.text))))
    }

    /// The error where an expression should stand and does not. `before` is the operator that wants it, `found` the
    /// operator that stands there instead.
    pub(super) fn nothing_here<L: Readable>(
        &self,
        rest: &str,
        before: Option<&Word>,
        found: Option<Span>,
    ) -> QueryError {
        let at = self.at(rest);
        let here = found.unwrap_or(Span::new(at, at + usize::from(!rest.is_empty())));
        let (span, message) = match (before, found) {
            (Some(before), None) if before.text == "(" => {
                return self.unclosed(before.span.from, rest);
            }
            (Some(before), Some(found)) if before.text != "(" => {
                let message = format!("`{}` right after `{}`", found.of(self.text), before.text);
                (before.span.to(found), message)
            }
            (_, Some(found)) => (found, format!("`{}` has nothing before it", found.of(self.text))),
            (Some(before), None) => (before.span, format!("`{}` has nothing after it", before.text)),
            (None, None) => (here, "a filter is missing here".to_owned()),
        };
        let mut error = QueryError::new("syntax", span, message).expected(L::EXPECTED.iter().copied());
        if let Some(before) = before.filter(|before| before.text != "(") {
            error = error.suggest(self.text, before.span, "").suggest(self.text, before.span, &quote(&before.text));
        }
        if let Some(found) = found {
            error = error.suggest(self.text, found, "").suggest(self.text, found, &quote(found.of(self.text)));
        }
        error
    }

    pub(super) fn note_joined(&self, operator: &Word, left: Option<&str>, right: Option<&str>) {
        if let (Some(left), Some(right)) = (left, right) {
            let word = &operator.text;
            self.note(format!(
                "`{word}` joins `{left}` and `{right}` as an operator; to look for the words themselves, quote them: \"{left} {word} {right}\""
            ));
        }
    }
}
