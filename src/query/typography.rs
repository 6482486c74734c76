//! Characters that only look like those of the language: typographic quotes, dashes, full-width signs. A text editor, a
//! document or a keyboard put them there; as text they would be searched for without a word said.

use super::ast::{Span, Word};
use super::error::QueryError;
use super::suggest::{chunk, may_be_field, quote};

fn error(span: Span, found: &str, ours: &str) -> QueryError {
    QueryError::new("foreign", span, format!("`{found}`: write `{ours}`")).expected([format!("`{ours}`")])
}

/// The quote that closes a typographic one.
fn closing(open: char) -> Option<&'static [char]> {
    Some(match open {
        '“' | '”' | '„' | '‟' | '＂' => &['”', '“', '„', '‟', '"', '＂'],
        '‘' | '’' | '‚' | '‛' => &['’', '‘', '\''],
        '«' => &['»'],
        '»' => &['«'],
        '「' => &['」'],
        _ => return None,
    })
}

/// A quote, dash or parenthesis that only looks like ours, where an expression or a value may begin.
pub(super) fn spot(text: &str, at: usize) -> Option<QueryError> {
    let rest = &text[at..];
    let first = rest.chars().next().filter(|c| !c.is_ascii())?;
    let after = &rest[first.len_utf8()..];
    let shown = first.to_string();
    let span = Span::new(at, at + first.len_utf8());
    if let Some(ends) = closing(first) {
        let found = error(span, &shown, "\"");
        return Some(match after.char_indices().find(|(_, c)| ends.contains(c)) {
            Some((end, mark)) => {
                let whole = Span::new(at, span.to + end + mark.len_utf8());
                found.suggest(text, whole, &quote(&after[..end]))
            }
            None => {
                let word = chunk(text, span.to);
                found.suggest(text, span.to(word), &quote(word.of(text)))
            }
        });
    }
    if matches!(first, '–' | '—' | '−' | '‐' | '‑' | '－') && after.starts_with(|c: char| !c.is_whitespace())
    {
        return Some(error(span, &shown, "-").suggest(text, span, "-"));
    }
    if matches!(first, '（' | '）') {
        let mended = text.replace('（', "(").replace('）', ")");
        let ours = if first == '（' { "(" } else { ")" };
        return Some(error(span, &shown, ours).suggest(&mended, Span::default(), ""));
    }
    if first == '｜' {
        return Some(error(span, &shown, "|").suggest(text, span, "|"));
    }
    None
}

/// A sign after a field's name that only looks like an operator: `lines：20`, `lines≥20`.
pub(super) fn sign(text: &str, field: &Word, at: usize) -> Option<QueryError> {
    let first = text[at..].chars().next().filter(|c| !c.is_ascii())?;
    let ours = match first {
        '：' | '∶' | '﹕' | 'ː' => ":",
        '＝' => "=",
        '＜' | '‹' => "<",
        '＞' | '›' => ">",
        '≥' | '⩾' => ">=",
        '≤' | '⩽' => "<=",
        '≠' => "!=",
        _ => return None,
    };
    let span = Span::new(at, at + first.len_utf8());
    may_be_field(&field.text).then(|| {
        let whole = field.span.to(chunk(text, at));
        error(span, &first.to_string(), ours).suggest(text, span, ours).suggest(text, whole, &quote(whole.of(text)))
    })
}
