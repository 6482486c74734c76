//! Reads what expressions are made of: words, strings, regular expressions, and lists of them.

use super::ast::{Span, Value, ValueKind, Word};
use super::error::QueryError;
use super::parse::{Grammar, Read, Stop, closes, fail, is_blank};
use super::suggest::quote;

impl<'a> Grammar<'a> {
    /// `value := word | word with * or ? | string | /regex/ | number | date | [lo] ".." [hi]`
    pub(super) fn value(&self, text: &'a str, stops: &[char]) -> Read<'a, Value> {
        match text.chars().next() {
            Some(quote @ ('"' | '\'')) => self.string(text, quote, stops),
            Some('/') => self.regex(text, stops),
            _ => {
                let (rest, word) = self.word(text, stops)?;
                Ok((rest, Value { kind: ValueKind::Bare(word.text), span: word.span }))
            }
        }
    }

    /// A bare word: up to a blank, a `|`, a `)` that closes nothing inside it, or one of `stops`. Inside a `(` of its own it
    /// may hold `|` and the stops.
    pub(super) fn word(&self, text: &'a str, stops: &[char]) -> Read<'a, Word> {
        let mut inside = 0usize;
        let mut open = None;
        let mut end = text.len();
        for (at, c) in text.char_indices() {
            match c {
                '(' => {
                    inside += 1;
                    open.get_or_insert(self.at(text) + at);
                }
                ')' if inside > 0 => inside -= 1,
                ')' => end = at,
                '|' if inside == 0 => end = at,
                c if is_blank(c) || (inside == 0 && stops.contains(&c)) => end = at,
                _ => {}
            }
            if end < text.len() {
                break;
            }
        }
        if inside > 0 && self.glued.get().is_none() {
            self.glued.set(open);
        }
        let (word, rest) = text.split_at(end);
        if word.is_empty() {
            let at = self.at(text);
            return fail(QueryError::new("syntax", Span::new(at, at), "a word is missing here"));
        }
        Ok((rest, Word { text: word.to_owned(), span: self.span(text, rest) }))
    }

    /// `string := '"' .. '"' | "'" .. "'"`, with `\"` (or `\'`) for the quote and `\\` for a backslash; any other `\` is itself
    pub(super) fn string(&self, text: &'a str, quote_mark: char, stops: &[char]) -> Read<'a, Value> {
        let mut value = String::new();
        let mut chars = text[1..].char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => match chars.next_if(|(_, next)| *next == quote_mark || *next == '\\') {
                    Some((_, escaped)) => value.push(escaped),
                    None => value.push('\\'),
                },
                c if c == quote_mark => {
                    let rest = &text[at + 2..];
                    self.ends_here(text, rest, stops)?;
                    return Ok((rest, Value { kind: ValueKind::Quoted(value), span: self.span(text, rest) }));
                }
                c => value.push(c),
            }
        }
        let open = self.at(text);
        let chunk = self.chunk(text);
        let end = self.text.trim_end().len();
        let message = format!("the `{quote_mark}` at {} is not closed before the end of the query", open + 1);
        let error = QueryError::new("unclosed", Span::new(open, self.text.len()), message)
            .expected([format!("`{quote_mark}`")]);
        // an apostrophe at the beginning of a word
        let error =
            if quote_mark == '\'' { error.suggest(self.text, chunk, &quote(chunk.of(self.text))) } else { error };
        // `(a or "b)`: the parenthesis is most likely not of the string
        let inside = self.text[..end].trim_end_matches(')').len();
        let error = match inside < end && inside > open + 1 {
            true => error.suggest(self.text, Span::new(inside, inside), &quote_mark.to_string()),
            false => error,
        };
        fail(error.suggest(self.text, Span::new(end, end), &quote_mark.to_string()))
    }

    /// `/regex/ [flags]`, with `\/` for a slash
    pub(super) fn regex(&self, text: &'a str, stops: &[char]) -> Read<'a, Value> {
        let chunk = self.chunk(text);
        let mut pattern = String::new();
        let mut chars = text[1..].char_indices();
        let mut close = None;
        while let Some((at, c)) = chars.next() {
            match c {
                '/' => {
                    close = Some(at + 1);
                    break;
                }
                '\\' => match chars.next() {
                    Some((_, '/')) => pattern.push('/'),
                    Some((_, escaped)) => pattern.extend(['\\', escaped]),
                    None => pattern.push('\\'),
                },
                c => pattern.push(c),
            }
        }
        let quoted = quote(chunk.of(self.text));
        let Some(close) = close else {
            let open = self.at(text);
            let message = format!("the regular expression at {} is not closed before the end of the query", open + 1);
            return fail(
                QueryError::new("unclosed", Span::new(open, self.text.len()), message)
                    .expected(["`/`"])
                    .help("a word that begins with `/` is a regular expression; quote it to look for the text")
                    .suggest(self.text, chunk, &quoted)
                    .suggest(self.text, Span::new(chunk.to, chunk.to), "/"),
            );
        };
        let after = &text[close + 1..];
        let (flags, rest) = after.split_at(after.find(|c: char| !c.is_alphanumeric()).unwrap_or(after.len()));
        let error = |span, message: String| QueryError::new("regex", span, message).suggest(self.text, chunk, &quoted);
        if pattern.is_empty() {
            return fail(error(chunk, "the regular expression is empty".to_owned()));
        }
        if let Some(wrong) = flags.chars().find(|c| !"imsx".contains(*c)) {
            return fail(
                error(self.span(after, rest), format!("`{wrong}` is no flag of a regular expression")).expected([
                    "i (any case)",
                    "m (^ and $ at lines)",
                    "s (. matches line ends)",
                    "x (blanks ignored)",
                ]),
            );
        }
        if let Some(twice) = flags.char_indices().find(|(at, c)| flags[..*at].contains(*c)) {
            return fail(error(self.span(after, rest), format!("the flag `{}` stands here twice", twice.1)));
        }
        self.ends_here(text, rest, stops)?;
        let kind = ValueKind::Regex { pattern, flags: flags.to_owned() };
        Ok((rest, Value { kind, span: self.span(text, rest) }))
    }

    /// Something is complete here: what follows it must be a blank, the end, a `)`, a `|` or one of `stops`.
    pub(super) fn ends_here(&self, from: &'a str, rest: &'a str, stops: &[char]) -> Result<(), Stop> {
        let Some(next) = rest.chars().next() else { return Ok(()) };
        if is_blank(next) || ")|".contains(next) || stops.contains(&next) {
            return Ok(());
        }
        if let Some(error) = super::foreign::after_string(self.text, self.span(from, rest), self.at(rest)) {
            return fail(error);
        }
        let chunk = self.chunk(rest);
        let message = format!("`{}` is glued to `{}`", chunk.of(self.text), self.span(from, rest).of(self.text));
        fail(QueryError::new("syntax", chunk, message).expected(["a blank"]).suggest(
            self.text,
            Span::new(chunk.from, chunk.from),
            " ",
        ))
    }

    /// `args := value { "," value }`
    pub(super) fn args(&self, text: &'a str) -> Read<'a, Vec<Value>> {
        let open = self.at(text);
        let mut rest = self.blank(&text[1..]);
        let mut args = Vec::new();
        while !rest.starts_with(')') {
            let next = rest;
            if closes(next) {
                return fail(self.unclosed(open, next));
            }
            if let Some(after) = next.strip_prefix(',') {
                return fail(
                    QueryError::new("syntax", self.span(next, after), "an argument is missing here")
                        .expected(["a value"]),
                );
            }
            let (after, value) = self.value(next, &[','])?;
            args.push(value);
            rest = self.blank(after);
            if let Some(after) = rest.strip_prefix(',') {
                rest = self.blank(after);
                if rest.starts_with(')') {
                    return fail(
                        QueryError::new("syntax", self.span(rest, rest), "an argument is missing here")
                            .expected(["a value"]),
                    );
                }
            } else if !closes(rest) {
                return fail(
                    QueryError::new("syntax", self.chunk(rest), "arguments are separated by commas")
                        .expected(["`,`", "`)`"])
                        .suggest(self.text, self.span(after, rest), ", "),
                );
            }
        }
        Ok((&rest[1..], args))
    }

    /// `name ["=" value] {"," name ["=" value]}`
    pub(super) fn parameters(&self, text: &'a str) -> Read<'a, Vec<(Word, Option<Value>)>> {
        let mut rest = text.trim_start();
        let mut parameters: Vec<(Word, Option<Value>)> = Vec::new();
        loop {
            let (after, name) = self.field(rest)?;
            let Some(name) = name.filter(|name| !name.text.contains('.')) else {
                return fail(
                    QueryError::new("argument", self.chunk(rest), "a parameter's name is missing here")
                        .expected(["a name, as in `# args: lo, hi=80`"]),
                );
            };
            if parameters.iter().any(|(known, _)| known.text == name.text) {
                return fail(QueryError::new(
                    "argument",
                    name.span,
                    format!("the parameter `{}` stands here twice", name.text),
                ));
            }
            rest = after.trim_start();
            let mut default = None;
            if let Some(after) = rest.strip_prefix('=') {
                let (after, value) = self.value(after.trim_start(), &[','])?;
                default = Some(value);
                rest = after.trim_start();
            }
            parameters.push((name, default));
            match rest.strip_prefix(',') {
                Some(after) => rest = after.trim_start(),
                None if rest.is_empty() => return Ok((rest, parameters)),
                None => {
                    return fail(
                        QueryError::new("argument", self.chunk(rest), "parameters are separated by commas")
                            .expected(["`,`"]),
                    );
                }
            }
        }
    }
}
