//! Ways on: similar names, quoted forms, and the errors that most faults share.

use super::ast::{Span, Word};
use super::error::QueryError;
use super::fields;

/// The text in double quotes, so that it reads back as that string.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// A value as it is typed: as it is where that reads back as one word, else in quotes.
pub fn typed(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_.-+/#:@".contains(c);
    let begins = value.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
    let keyword = ["and", "or", "not"].iter().any(|word| value.eq_ignore_ascii_case(word));
    if begins && !keyword && value.chars().all(plain) && !value.contains("..") {
        value.to_owned()
    } else {
        quote(value)
    }
}

/// The range from `from` to the next blank, without a `)` or `|` that ends it for certain.
pub(super) fn chunk(text: &str, from: usize) -> Span {
    let rest = &text[from..];
    let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let mut word = &rest[..length];
    while word.ends_with(')') && word.matches(')').count() > word.matches('(').count() {
        word = &word[..word.len() - 1];
    }
    Span::new(from, from + word.len().max(usize::from(length > 0 && word.is_empty())))
}

/// The blank-free stretch that holds a byte.
pub(super) fn chunk_around(text: &str, at: usize) -> Span {
    let from = text[..at]
        .rfind(|c: char| c.is_whitespace() || c == '|')
        .map_or(0, |blank| blank + text[blank..].chars().next().map_or(1, char::len_utf8));
    chunk(text, from)
}

/// The fewest insertions, deletions, replacements and swaps of neighbours that turn one word into the other, up to
/// `limit`; `None` above it.
pub fn distance(left: &str, right: &str, limit: usize) -> Option<usize> {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    if left.len().abs_diff(right.len()) > limit {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut best = (above[j + 1] + 1).min(row[j] + 1).min(above[j] + usize::from(a != b));
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    let distance = above[right.len()];
    (distance <= limit).then_some(distance)
}

/// Up to three of the names that resemble `name`, most similar first.
pub fn similar<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    const LONGEST: usize = 64;
    let length = name.chars().count();
    if length == 0 || length > LONGEST {
        return Vec::new();
    }
    let limit = (length / 3).max(1);
    let lower = name.to_lowercase();
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        .filter(|candidate| *candidate != name && candidate.len() <= 4 * LONGEST)
        .filter_map(|candidate| {
            let folded = candidate.to_lowercase();
            let score = if folded == lower {
                Some(0)
            } else {
                let near = distance(&lower, &folded, limit).map(|distance| 2 * distance);
                let part =
                    length >= 4 && (folded.starts_with(&lower) || lower.starts_with(&folded) && folded.len() >= 4);
                let piece = length >= 4 && folded.split(['_', '-', '.']).any(|piece| piece == lower);
                near.or((part || piece).then_some(2 * limit + 1))
            };
            score.map(|score| (score, candidate))
        })
        .collect();
    found.sort();
    found.dedup();
    found.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

/// The list in a sentence: `a`, `b` or `c`.
pub(super) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Whether a name is that of a field, a set's count or a source's column.
pub(super) fn may_be_field(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name);
    fields::find(name).is_some()
        || matches!(stem, "meta" | "eval" | "near" | "ast" | "has" | "is" | "at")
        || (stem != name && fields::find(stem).is_some())
}

/// The error for a name before an operator that is none of a field: a slip of the pen, another tool's name, a URL, prose.
pub(super) fn unknown_field(text: &str, field: &Word, whole: Span) -> QueryError {
    let mut error = QueryError::new("field", field.span, format!("there is no field `{}`", field.text));
    let after = whole.of(text).get(field.text.len()..).unwrap_or_default();
    let value = after.trim_start_matches([':', '=', '!', '<', '>', '~']);
    let sign = &after[..after.len() - value.len()];
    if let Some((stage, help)) = stage_for(&field.text, value) {
        let without = whole.replaced(text, "");
        return error.help(help).suggest(&format!("{} | {stage}", without.trim()), Span::default(), "").suggest(
            text,
            whole,
            &quote(whole.of(text)),
        );
    }
    if let Some((ours, help)) = elsewhere(&field.text, value) {
        let error = error.help(help);
        let error = if ours.is_empty() { error } else { error.suggest(text, whole, &ours) };
        return error.suggest(text, whole, &quote(whole.of(text)));
    }
    if let Some(ours) = super::calls::field_of_row(&field.text) {
        return error.help("a field stands by its name").suggest(text, field.span, ours);
    }
    let mut names = fields::alias(&field.text).map(|name| vec![name.to_owned()]).unwrap_or_default();
    let known = fields::all();
    names.extend(similar(&field.text, known.iter().map(|field| field.name)));
    names.dedup();
    for name in &names {
        if name.ends_with(".NAME") {
            continue;
        }
        error = match fields::find(name).map(|field| field.kind) {
            Some(crate::analyze::features::Kind::Bool) => error.suggest(text, whole, &format!("is:{name}")),
            _ => error.suggest(text, field.span, name),
        };
    }
    error = match names.as_slice() {
        [] if sign == ":" => error.help(format!(
            "a word with a `:` in it is a test on a field; quote it to look for the text; `fields` lists all fields{}",
            meta_hint(&field.text)
        )),
        [] => error
            .help(format!("`fields` lists all fields{}; quote the whole to look for the text", meta_hint(&field.text))),
        names => error.help(format!("did you mean {}?", listed(names))),
    };
    error.suggest(text, whole, &quote(whole.of(text)))
}

fn meta_hint(name: &str) -> String {
    format!("; a column of the source's own is `meta.{name}`")
}

/// What other tools ask with a field, and we in another way or not at all: the test of ours, and a sentence.
fn elsewhere(name: &str, value: &str) -> Option<(String, &'static str)> {
    let value = value.trim_matches(['"', '\'']);
    let is_name = fields::find(value).is_some();
    Some(match name.to_ascii_lowercase().as_str() {
        "_exists_" | "exists" if is_name => (format!("has:{value}"), "`has:` asks whether a field has a value"),
        "_missing_" | "missing" if is_name => (format!("-has:{value}"), "`-has:` asks for those without a value"),
        "not" if !value.is_empty() => (format!("-{value}"), "`-` or `not` stands before what it negates"),
        "language" | "lang" => (String::new(), "every sample is Python; `dialect` says which Manim it is for"),
        "in" => (String::new(), "`instruction:word` and `code:word` look in one of the texts"),
        "stars" | "forks" | "followers" | "size_bytes" => {
            (String::new(), "that is not kept; `rank` says how much a source is trusted")
        }
        "repo" | "repository" | "org" | "user" | "author" | "dataset" if !value.is_empty() => (
            format!("source:{}", typed(value)),
            "where a sample comes from is its `source`; its place there is its `locator`",
        ),
        "extension" | "ext" if !value.is_empty() => {
            (format!("locator:*.{value}"), "the name of the file stands in the `locator`")
        }
        _ => return None,
    })
}

/// What other tools say as a field and we as a stage.
fn stage_for(name: &str, value: &str) -> Option<(String, &'static str)> {
    let value = value.trim_matches(['"', '\'']);
    match name.to_ascii_lowercase().as_str() {
        "sort" | "order" | "orderby" | "order_by" | "sort_by" => {
            let key = match value.rsplit_once('-') {
                Some((key, "desc")) => format!("-{key}"),
                Some((key, "asc")) => key.to_owned(),
                _ => value.to_owned(),
            };
            Some((format!("sort {key}"), "sorting is a stage"))
        }
        "limit" | "take" | "first" | "top" | "head" => Some((format!("take {value}"), "taking the first is a stage")),
        "skip" | "offset" => Some((format!("skip {value}"), "skipping is a stage")),
        "sample" => Some((format!("sample {value}"), "sampling is a stage")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_swaps_once_and_stops_at_the_limit() {
        assert_eq!(distance("lines", "lines", 1), Some(0));
        assert_eq!(distance("lnies", "lines", 1), Some(1));
        assert_eq!(distance("line", "lines", 1), Some(1));
        assert_eq!(distance("tag", "topic", 2), None);
        assert_eq!(distance("", "ab", 2), Some(2));
    }

    #[test]
    fn similar_names_come_most_similar_first() {
        assert_eq!(similar("circle", ["Square", "Circle", "Circles"]), ["Circle", "Circles"]);
        assert_eq!(similar("zzz", ["Square", "Circle"]), Vec::<String>::new());
        assert_eq!(similar("bench", ["manim_bench", "other"]), ["manim_bench"]);
    }

    #[test]
    fn values_are_quoted_where_they_must_be() {
        assert_eq!(typed("manimbench"), "manimbench");
        assert_eq!(typed("a b"), "\"a b\"");
        assert_eq!(typed("or"), "\"or\"");
        assert_eq!(typed(r#"a"\b"#), r#""a\"\\b""#);
        assert_eq!(typed("a..b"), "\"a..b\"");
    }

    #[test]
    fn chunks_end_before_a_parenthesis_that_closes_a_group() {
        assert_eq!(chunk("(a:b) c", 1).of("(a:b) c"), "a:b");
        assert_eq!(chunk("f(x) c", 0).of("f(x) c"), "f(x)");
    }
}
