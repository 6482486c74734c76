//! Text that is looked for: words, phrases, beginnings of words and expressions; and what is said of the characters in it
//! that no word has.

use crate::text;

use super::ast::{Check, Expr, Resolved, Span, Value, ValueKind};
use super::error::QueryError;
use super::plan::{Field, Within};
use super::resolve::{Resolver, expression};
use super::suggest::quote;

/// Most terms of a phrase.
pub const MAX_PHRASE: usize = 1_000;

/// Longest text, in bytes, that a note repeats.
const MAX_SHOWN: usize = 80;

/// Where words are looked for.
#[derive(Clone, Copy)]
pub(super) enum Place<'f> {
    /// Instruction, code, or both.
    Texts(Within),
    /// A source's own column.
    Column(&'f Field),
}

impl Place<'_> {
    /// The field as it is typed; `None` for both texts.
    fn field(&self) -> Option<&str> {
        match self {
            Place::Texts(Within::Any) => None,
            Place::Texts(Within::Code) => Some("code"),
            Place::Texts(Within::Instruction) => Some("instruction"),
            Place::Column(field) => Some(&field.name),
        }
    }

    /// A value as it is typed in this place.
    fn typed(&self, value: &str) -> String {
        self.field().map_or_else(|| value.to_owned(), |field| format!("{field}:{value}"))
    }
}

impl Resolver<'_> {
    /// Words, a string or an expression, looked for in texts or in a source's column.
    pub(super) fn words(
        &mut self,
        text: &str,
        place: Place<'_>,
        value: &Value,
        whole: Span,
    ) -> Result<Expr<Resolved>, QueryError> {
        let (written, quoted) = match &value.kind {
            ValueKind::Regex { pattern, flags } => {
                let pattern = expression(pattern, flags, value.span)?;
                return Ok(Expr::check(match place {
                    Place::Texts(within) => Check::Pattern { within, pattern },
                    Place::Column(field) => Check::Match { field: field.clone(), pattern },
                }));
            }
            ValueKind::Quoted(text) => (text.as_str(), true),
            ValueKind::Bare(text) => (text.as_str(), false),
        };
        let (stem, star) = match written.strip_suffix('*').filter(|_| !quoted) {
            Some(stem) => (stem, true),
            None => (written, false),
        };
        let terms = text::phrase(stem);
        if terms.is_empty() {
            return Err(nothing_to_find(text, &place, written, star && stem.is_empty(), value.span, whole));
        }
        let prefix = star && stem.ends_with(text::is_word);
        if !quoted && (stem.contains('*') || star != prefix) {
            return Err(misplaced_star(text, written, value.span));
        }
        if terms.len() > MAX_PHRASE {
            return Err(too_long(text, stem, terms.len(), value.span));
        }
        self.note_what_is_lost(&place, stem, quoted, star, &terms);
        Ok(Expr::check(match place {
            Place::Texts(within) => Check::Phrase { within, terms, prefix },
            Place::Column(field) => {
                let name = field.name.strip_prefix("meta.").unwrap_or(&field.name).to_owned();
                Check::Meta { name, terms, prefix }
            }
        }))
    }

    /// Says that symbols are not looked for, and that a name is looked for as a whole.
    fn note_what_is_lost(&mut self, place: &Place<'_>, stem: &str, quoted: bool, star: bool, terms: &[String]) {
        if has_symbol(stem, quoted) {
            if stem.len() > MAX_SHOWN {
                let begin: String = stem.chars().take(30).collect();
                self.note(format!("only letters and digits of `{begin}…` are searched for, not its other symbols"));
                return;
            }
            let noun = if terms.len() == 1 { "word" } else { "phrase" };
            let (searched, typed) = (terms.join(" "), place.typed(&literal(stem)));
            self.note(format!("`{stem}` is searched as the {noun} `{searched}`; {typed} finds it literally"));
            return;
        }
        let part = stem.trim_matches('_');
        let special = stem.starts_with("__") && stem.ends_with("__");
        let cut = if star { stem.starts_with('_') } else { part.len() < stem.len() };
        if terms.len() == 1 && !quoted && cut && !special && !part.is_empty() && part.chars().all(text::is_word) {
            let (whole, inside) = (place.typed(part), place.typed(&literal(stem)));
            let how = if star { "the beginning of a name" } else { "a whole name" };
            self.note(format!(
                "`{stem}` is looked for as {how}; `{whole}` finds it as a part of names, {inside} anywhere"
            ));
        }
    }
}

/// Whether some character says more than punctuation does, and is not looked for.
fn has_symbol(stem: &str, quoted: bool) -> bool {
    let mut chars = stem.chars().peekable();
    while let Some(ch) = chars.next() {
        let symbol = match ch {
            '+' | '#' | '*' | '^' | '=' | '<' | '>' | '%' | '&' | '|' | '~' | '@' => true,
            // `5!`, `a?b`, not the end of a sentence
            '!' => !quoted,
            '?' => !quoted && chars.peek().is_some_and(|next| text::is_word(*next)),
            '°' | '±' | '¬' | '×' | '÷' => true,
            // currencies, letter-like symbols, arrows, operators, shapes; pictures
            '\u{20A0}'..='\u{20CF}' | '\u{2100}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}' => !text::is_word(ch),
            _ => false,
        };
        if symbol {
            return true;
        }
    }
    false
}

/// The expression that finds a text literally.
fn literal(written: &str) -> String {
    slashed(&escaped(written))
}

/// A text as a part of an expression, with no more backslashes than it needs.
fn escaped(written: &str) -> String {
    let mut out = String::with_capacity(written.len());
    for ch in written.chars() {
        if "\\.+*?()|[]{}^$".contains(ch) {
            out.push('\\');
        }
        out.push(ch);
    }
    out
}

/// An expression between slashes.
fn slashed(pattern: &str) -> String {
    format!("/{}/", pattern.replace('/', "\\/").replace('\n', "\\n"))
}

/// The error for text without letters or digits.
fn nothing_to_find(text: &str, place: &Place<'_>, written: &str, star: bool, span: Span, whole: Span) -> QueryError {
    if star {
        let error = QueryError::new("value", span, "a `*` by itself stands for every row");
        return match place.field() {
            Some(field) => error.suggest(text, whole, &format!("has:{field}")),
            None => error.help("an empty filter selects every row").suggest(text, span, ""),
        };
    }
    if written.trim().is_empty() {
        return QueryError::new("value", span, "an empty string is in every text").suggest(text, whole, "");
    }
    QueryError::new(
        "value",
        span,
        format!("`{written}` has no letters or digits, and only those are searched for as words"),
    )
    .help("symbols are found with a regular expression")
    .suggest(text, span, &literal(written))
    .suggest(text, whole, "")
}

/// The error for a `*` in or before a word.
fn misplaced_star(text: &str, written: &str, span: Span) -> QueryError {
    let pieces: Vec<String> = written.split('*').map(escaped).collect();
    let mut pattern = String::new();
    for (at, piece) in pieces.iter().enumerate() {
        // several stars in a row are one
        pattern.push_str(if at > 0 && !pattern.ends_with("\\w*") { "\\w*" } else { "" });
        pattern.push_str(piece);
    }
    let begins = if written.starts_with(text::is_word) { "\\b" } else { "" };
    let ends = if written.ends_with(text::is_word) { "\\b" } else { "" };
    QueryError::new(
        "value",
        span,
        "in a text a `*` is the rest of a word, so it stands right after letters, at the end",
    )
    .expected(["a word", "word*"])
    .help("a regular expression says more: `\\w*` is any letters and digits, `\\*` the `*` itself")
    .suggest(text, span, &format!("{}i", slashed(&format!("{begins}{pattern}{ends}"))))
    .suggest(text, span, &literal(written))
}

/// The error for a phrase that nobody types.
fn too_long(text: &str, stem: &str, terms: usize, span: Span) -> QueryError {
    const ENOUGH: usize = 12;
    let mut end = 0;
    text::for_each_term(stem, &mut |_, position, _, to| {
        if (position as usize) < ENOUGH {
            end = to;
        }
    });
    let message = format!("this phrase has {terms} words, and at most {MAX_PHRASE} in a row can be looked for");
    let error = QueryError::new("value", span, message).help("a few telling words in a row find the same rows");
    // the place of a term is that in the composed text
    match stem.get(..end) {
        Some(begin) if begin.len() < stem.len() => error.suggest(text, span, &quote(begin)),
        _ => error,
    }
}
