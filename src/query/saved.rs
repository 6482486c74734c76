//! Saved queries: arguments, expansion, cycles, and errors that show both places.

use std::collections::HashMap;

use super::ast::{Check, Expr, Parsed, Piece, Query, Resolved, Span, Value, ValueKind, Word};
use super::error::QueryError;
use super::resolve::{Resolver, Stacked, did_you_mean};
use super::suggest::{quote, similar};
use super::{Saved, parse};

/// How many saved queries one query may expand, each use counted.
pub const MAX_EXPANSIONS: usize = 1_000;

/// How many saved queries may stand inside one another.
pub const MAX_SAVED_DEPTH: usize = 16;

impl Resolver<'_> {
    /// `@name(args)`, to the end of `out`
    pub(super) fn saved(
        &mut self,
        text: &str,
        name: &Word,
        args: &[Value],
        whole: Span,
        out: &mut Vec<Expr<Resolved>>,
    ) -> Stacked<()> {
        let (saved, inner) = self.opened(text, name, args, whole)?;
        self.open.push(name.text.clone());
        let resolved = self.query(&inner);
        self.open.pop();
        let query = resolved.map_err(|error| error.within(&name.text, &saved.path, &saved.text, whole))?;
        let args = args.iter().map(|value| value.span.of(text).to_owned()).collect();
        out.push(Expr::check(Check::Saved { name: name.text.clone(), args, query }));
        Ok(())
    }

    /// Finds a saved query, reads it and puts the arguments in.
    fn opened(
        &mut self,
        text: &str,
        name: &Word,
        args: &[Value],
        whole: Span,
    ) -> Result<(Saved, Query<Parsed>), QueryError> {
        let Some(saved) = self.vocabulary.saved(&name.text) else {
            return Err(self.no_such_query(text, name, whole));
        };
        if let Some(first) = self.open.iter().position(|open| *open == name.text) {
            let path: Vec<String> =
                self.open[first..].iter().chain([&name.text]).map(|name| format!("@{name}")).collect();
            let message = format!("the saved query `@{}` uses itself: {}", name.text, path.join(" → "));
            return Err(QueryError::new("cycle", whole, message));
        }
        if self.open.len() == MAX_SAVED_DEPTH {
            let message = format!("saved queries stand inside one another more than {MAX_SAVED_DEPTH} deep");
            return Err(QueryError::new("depth", whole, message));
        }
        if self.expansions == MAX_EXPANSIONS {
            let message =
                format!("this query uses saved queries more than {MAX_EXPANSIONS} times, those inside them counted");
            return Err(QueryError::new("depth", whole, message));
        }
        if super::says_nothing(&saved.text) {
            let message =
                format!("the saved query `@{}` holds no query, and an empty one would select every row", name.text);
            return Err(QueryError::new("saved", whole, message).help(format!("write one into {}", saved.path)));
        }
        self.expansions += 1;
        let place = |error: QueryError| error.within(&name.text, &saved.path, &saved.text, whole);
        let parameters = parameters(&saved.text).map_err(place)?;
        let given = arguments(text, name, args, whole, &parameters)?;
        let mut inner = parse::query(&saved.text).map_err(place)?;
        if !parameters.is_empty() {
            inner.visit_pieces(&mut |piece| fill(piece, &given));
        }
        Ok((saved, inner))
    }

    fn no_such_query(&self, text: &str, name: &Word, whole: Span) -> QueryError {
        let names = self.vocabulary.saved_names();
        let near = similar(&name.text, names.iter().map(String::as_str));
        let message = format!("there is no saved query `@{}`{}", name.text, did_you_mean(&near));
        let mut error = QueryError::new("saved", name.span, message);
        for known in &near {
            error = error.suggest(text, name.span, known);
        }
        let error = match names.is_empty() {
            true => error.help("no query is saved yet; `save NAME QUERY` saves one"),
            false => error.expected(names.iter().map(|name| format!("@{name}"))),
        };
        error.suggest(text, whole, &quote(whole.of(text)))
    }
}

/// The parameters that the comment lines at the top of a saved query name: `# args: lo, hi=80`.
pub(super) fn parameters(text: &str) -> Result<Vec<(Word, Option<Value>)>, QueryError> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start();
        if !trimmed.starts_with('#') && !trimmed.is_empty() {
            break;
        }
        let list = trimmed.strip_prefix('#').map(str::trim_start).and_then(|line| line.strip_prefix("args:"));
        if let Some(list) = list {
            let list = list.trim_end();
            let from = at + (list.as_ptr() as usize - line.as_ptr() as usize);
            let shift = |span: Span| Span::new(span.from + from, span.to + from);
            let read = parse::parameters(list).map_err(|mut error| {
                error.span = (error.span.0 + from, error.span.1 + from);
                error.suggestions.clear();
                error
            })?;
            let mut optional = false;
            for (name, default) in &read {
                if optional && default.is_none() {
                    let message = format!("`{}` has no default and stands after one that has", name.text);
                    return Err(QueryError::new("argument", shift(name.span), message));
                }
                optional |= default.is_some();
            }
            return Ok(read);
        }
        at += line.len();
    }
    Ok(Vec::new())
}

/// Ties arguments to parameters.
fn arguments(
    text: &str,
    name: &Word,
    args: &[Value],
    whole: Span,
    parameters: &[(Word, Option<Value>)],
) -> Result<HashMap<String, ValueKind>, QueryError> {
    let form = form(&name.text, parameters);
    if let Some(extra) = args.get(parameters.len()) {
        let last = args.last().map_or(extra.span, |last| last.span);
        let message = match parameters.len() {
            0 => format!("the saved query `@{}` takes no arguments", name.text),
            count => format!("the saved query `@{}` takes {count} of the {} arguments", name.text, args.len()),
        };
        let kept: Vec<&str> = args[..parameters.len()].iter().map(|value| value.span.of(text)).collect();
        let fixed =
            if kept.is_empty() { format!("@{}", name.text) } else { format!("@{}({})", name.text, kept.join(", ")) };
        return Err(QueryError::new("argument", extra.span.to(last), message)
            .expected([form])
            .suggest(text, whole, &fixed));
    }
    let mut given = HashMap::new();
    for (at, (parameter, default)) in parameters.iter().enumerate() {
        match args.get(at).or(default.as_ref()) {
            Some(value) => {
                given.insert(parameter.text.clone(), value.kind.clone());
            }
            None => {
                let message = format!("the saved query `@{}` wants a value for `{}`", name.text, parameter.text);
                return Err(QueryError::new("argument", whole, message).expected([form]));
            }
        }
    }
    Ok(given)
}

/// How a saved query is used: `@name(lo, hi=80)`.
pub(super) fn form(name: &str, parameters: &[(Word, Option<Value>)]) -> String {
    if parameters.is_empty() {
        return format!("@{name}");
    }
    let list: Vec<String> = parameters
        .iter()
        .map(|(parameter, default)| match default {
            Some(value) => format!("{}={}", parameter.text, shown(&value.kind)),
            None => parameter.text.clone(),
        })
        .collect();
    format!("@{name}({})", list.join(", "))
}

fn shown(kind: &ValueKind) -> String {
    match kind {
        ValueKind::Bare(text) => text.clone(),
        ValueKind::Quoted(text) => quote(text),
        ValueKind::Regex { pattern, flags } => format!("/{}/{flags}", pattern.replace('/', "\\/")),
    }
}

/// Puts arguments where `{name}` stands: a value that is nothing else becomes the argument, quotes and all; elsewhere its
/// text is put in. An argument never turns into syntax.
fn fill(piece: Piece<'_>, given: &HashMap<String, ValueKind>) {
    match piece {
        Piece::Word(word) => word.text = filled(&word.text, given, false),
        Piece::Value(value) => match &mut value.kind {
            ValueKind::Bare(text) => {
                let whole =
                    text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).and_then(|name| given.get(name));
                match whole {
                    Some(argument) => value.kind = argument.clone(),
                    None => *text = filled(text, given, false),
                }
            }
            ValueKind::Quoted(text) => *text = filled(text, given, false),
            ValueKind::Regex { pattern, .. } => *pattern = filled(pattern, given, true),
        },
    }
}

/// The text with every `{name}` of an argument replaced; other braces stay.
fn filled(text: &str, given: &HashMap<String, ValueKind>, escape: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        out.push_str(before);
        let named = from.find('}').and_then(|close| Some((close, given.get(&from[1..close])?)));
        match named {
            Some((close, kind)) => {
                let value = match kind {
                    ValueKind::Bare(text) | ValueKind::Quoted(text) | ValueKind::Regex { pattern: text, .. } => text,
                };
                if escape && !matches!(kind, ValueKind::Regex { .. }) {
                    out.push_str(&regex::escape(value));
                } else {
                    out.push_str(value);
                }
                rest = &from[close + 1..];
            }
            None => {
                out.push('{');
                rest = &from[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The saved queries that a query names, in order of appearance, without duplicates; those inside them are not looked up.
pub fn named(query: &Query<Parsed>) -> Vec<String> {
    let mut names = Vec::new();
    collect(&query.filter, &mut names);
    names
}

fn collect(expr: &Expr<Parsed>, names: &mut Vec<String>) {
    use super::ast::{Atom, Node};
    match &expr.node {
        Node::And(members) | Node::Or(members) => members.iter().for_each(|member| collect(member, names)),
        Node::Not(inner) => collect(inner, names),
        Node::Atom(Atom::Saved { name, .. }) if !names.contains(&name.text) => names.push(name.text.clone()),
        Node::All | Node::Atom(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_that_name_no_argument_stay() {
        let given = HashMap::from([("x".to_owned(), ValueKind::Bare("7".to_owned()))]);
        assert_eq!(filled(r"\frac{d}{dx} {x}..{y} {", &given, false), r"\frac{d}{dx} 7..{y} {");
        assert_eq!(filled("a{x}", &HashMap::from([("x".to_owned(), ValueKind::Bare("+".to_owned()))]), true), r"a\+");
    }

    #[test]
    fn parameters_are_read_from_the_comments_on_top() {
        let read = parameters("# short ones\n# args: lo, hi=80\nlines:{lo}..{hi}").expect("they are right");
        assert_eq!(read.len(), 2);
        assert!(parameters("lines:1\n# args: lo").expect("none").is_empty());
        let error = parameters("# args: hi=80, lo\n").expect_err("order");
        assert_eq!(&"# args: hi=80, lo\n"[error.span.0..error.span.1], "lo");
    }
}
