//! What is wrong with a query: place, cause, way on. Data only; the command line draws it.

use serde::Serialize;

use super::ast::Span;

/// The kinds of errors, as they stand in [`QueryError::kind`] and in `--json`.
pub const KINDS: &[&str] = &[
    "argument", "cycle", "depth", "field", "foreign", "moment", "operator", "pattern", "pin", "range", "regex",
    "saved", "stage", "syntax", "type", "unclosed", "unit", "value",
];

/// A place inside a saved query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Name of the saved query, without `@`.
    pub name: String,
    /// Its file.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Byte range in that text.
    pub span: (usize, usize),
}

/// What is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    /// One of [`KINDS`].
    pub kind: &'static str,
    /// The sentence: lower case, no full stop.
    pub message: String,
    /// Byte range in the query as typed; where the fault lies in a saved query, the `@name` that led to it.
    pub span: (usize, usize),
    /// What could have stood there.
    pub expected: Vec<String>,
    /// Whole corrected queries, best first; each compiles.
    pub suggestions: Vec<String>,
    /// The saved queries that lead to the fault, outermost first; empty where it lies in the query as typed.
    pub trace: Vec<Place>,
    /// A further sentence: why it is so, or what to do where no correction can be written down.
    pub help: Option<String>,
}

impl QueryError {
    /// Makes an error of a kind at a place.
    pub(super) fn new(kind: &'static str, span: Span, message: impl Into<String>) -> Self {
        debug_assert!(KINDS.contains(&kind), "{kind} is no kind of error");
        QueryError {
            kind,
            message: message.into(),
            span: (span.from, span.to),
            expected: Vec::new(),
            suggestions: Vec::new(),
            trace: Vec::new(),
            help: None,
        }
    }

    /// Adds what could have stood there.
    pub(super) fn expected<T: Into<String>>(mut self, expected: impl IntoIterator<Item = T>) -> Self {
        self.expected.extend(expected.into_iter().map(Into::into));
        self
    }

    /// Adds a further sentence.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Proposes a correction: `text` with `span` replaced. Only those that compile are kept in the end.
    pub(super) fn suggest(mut self, text: &str, span: Span, replacement: &str) -> Self {
        let fixed = span.replaced(text, replacement);
        if !fixed.trim().is_empty() {
            self.suggestions.push(fixed.trim().to_owned());
        }
        self
    }

    /// Moves an error of a saved query's own text to the place that named the query.
    pub(super) fn within(mut self, name: &str, path: &str, text: &str, named_at: Span) -> Self {
        // what an argument was put into is right as it stands
        let filled = Span::new(self.span.0, self.span.1).of(text).contains('{');
        let place = Place { name: name.to_owned(), path: path.to_owned(), text: text.to_owned(), span: self.span };
        self.trace.insert(0, place);
        self.span = (named_at.from, named_at.to);
        if let Some(first) = self.suggestions.first().filter(|_| !filled) {
            let shown = first.lines().filter(|line| !line.trim_start().starts_with("# ")).collect::<Vec<_>>().join(" ");
            let way_on = format!("in {path}, write `{}`", shown.trim());
            self.help = Some(match self.help.take() {
                Some(help) => format!("{help}; {way_on}"),
                None => way_on,
            });
        }
        self.suggestions.clear();
        self
    }

    /// Keeps the suggestions that pass `check`. One that fails with a suggestion of its own is followed up, so that a
    /// query with several faults of the same sort is mended as a whole.
    pub(super) fn verified(mut self, check: &dyn Fn(&str) -> Result<(), QueryError>) -> Self {
        const CANDIDATES: usize = 6;
        const KEPT: usize = 3;
        const LONG: usize = 1 << 16;
        let mut kept: Vec<String> = Vec::new();
        // a long text is checked, not mended again and again
        let rounds = |text: &str| if text.len() > LONG { 1 } else { 6 };
        for candidate in std::mem::take(&mut self.suggestions).into_iter().take(CANDIDATES) {
            let mut text = candidate;
            for _ in 0..rounds(&text) {
                match check(&text) {
                    Ok(()) => {
                        if !kept.contains(&text) {
                            kept.push(text);
                        }
                        break;
                    }
                    Err(error) => match error.suggestions.into_iter().next() {
                        Some(next) if next != text => text = next,
                        _ => break,
                    },
                }
            }
            if kept.len() == KEPT {
                break;
            }
        }
        self.suggestions = kept;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_sorted_and_unique() {
        assert!(KINDS.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn an_error_inside_a_saved_query_keeps_both_places() {
        let error = QueryError::new("field", Span::new(3, 8), "no field `linez`").within(
            "short",
            "queries/short.q",
            "-- linez<20",
            Span::new(0, 6),
        );
        assert_eq!(error.span, (0, 6));
        assert_eq!(error.trace[0].span, (3, 8));
    }

    #[test]
    fn json_has_the_documented_members() {
        let error = QueryError::new("field", Span::new(0, 1), "m");
        let json = serde_json::to_value(&error).expect("plain data");
        assert_eq!(json["span"], serde_json::json!([0, 1]));
        for member in ["kind", "message", "suggestions", "expected", "trace", "help"] {
            assert!(json.get(member).is_some(), "{member}");
        }
    }
}
