//! Calls and accesses of other languages (Python, pandas, SQL functions), answered with ours: `len(code) > 5`,
//! `source.startswith("a")`, `list_contains(uses, 'Circle')`, `row["lines"] > 3`.

use crate::analyze::features::Kind;

use super::ast::Span;
use super::error::QueryError;
use super::fields::{self, FieldInfo};
use super::suggest::{quote, typed};

/// How far a call or a list is read, in bytes: reading stays linear where many begin and none ends.
const LONGEST: usize = 1_000;

/// A call or an access that begins here.
pub(super) fn spot(text: &str, at: usize) -> Option<QueryError> {
    let rest = bounded(&text[at..]);
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
    let name = &rest[..end];
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return None;
    }
    match rest[end..].chars().next()? {
        '(' => {
            let close = closing(&rest[end..], '(', ')')?;
            let inside = &rest[end + 1..end + close];
            let whole = Span::new(at, at + end + close + 1);
            method(text, whole, name, inside).or_else(|| function(text, whole, name, inside))
        }
        '[' => {
            let close = closing(&rest[end..], '[', ']')?;
            let inside = rest[end + 1..end + close].trim();
            let whole = Span::new(at, at + end + close + 1);
            if let Some(field) = unquoted(inside).filter(|inside| fields::find(inside).is_some()) {
                let found = error(whole, format!("`{}`: a field stands by its name", whole.of(text)));
                return Some(found.suggest(text, whole, field));
            }
            let filters = inside.contains(['<', '>', '=']);
            let frame = matches!(name, "df" | "data" | "rows" | "ds" | "dataset" | "table" | "samples" | "train");
            (filters && frame).then(|| {
                error(whole, format!("`{name}[…]`: a filter stands by itself")).suggest(text, whole, &plain(inside))
            })
        }
        _ => None,
    }
}

/// The field that a name of another tool's row ends in: `df.lines`, `row.lines`.
pub(super) fn field_of_row(name: &str) -> Option<&str> {
    let (row, field) = name.split_once('.')?;
    let known =
        matches!(row, "df" | "row" | "r" | "x" | "s" | "d" | "sample" | "samples" | "t" | "record" | "item" | "doc");
    (known && fields::find(field).is_some()).then_some(field)
}

fn error(span: Span, message: String) -> QueryError {
    QueryError::new("foreign", span, message)
}

/// The beginning of a text that is looked at.
pub(super) fn bounded(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Offset of what closes the bracket that the text begins with; what stands in quotes does not count.
fn closing(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 0usize;
    let mut quoted = None;
    for (at, c) in text.char_indices() {
        match (quoted, c) {
            (Some(mark), c) if c == mark => quoted = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quoted = Some(c),
            (None, c) if c == open => depth += 1,
            (None, c) if c == close => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// What stands between quotes of one kind.
fn unquoted(text: &str) -> Option<&str> {
    let text = text.trim();
    let mark = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    text.strip_prefix(mark)?.strip_suffix(mark).filter(|inner| !inner.contains(mark))
}

/// A condition of theirs without the row's name and the blanks around its operator.
fn plain(condition: &str) -> String {
    let mut out = condition.trim().to_owned();
    for row in ["df.", "row.", "x.", "."] {
        if let Some(rest) = out.strip_prefix(row) {
            out = rest.to_owned();
        }
    }
    for sign in ["==", ">=", "<=", "!=", ">", "<"] {
        if let Some((field, value)) = out.split_once(sign) {
            let ours = if sign == "==" { "=" } else { sign };
            return format!("{}{ours}{}", field.trim(), value.trim());
        }
    }
    out
}

/// The value of a field that a word of theirs means: at the beginning, at the end, anywhere in it, or all of it.
fn like(field: &FieldInfo, word: &str, before: &str, after: &str) -> String {
    match field.kind {
        Kind::Text => quote(word),
        Kind::Set | Kind::CountedSet if before == "*" && after == "*" => typed(word),
        _ if word.contains(|c: char| c.is_whitespace() || "()|".contains(c)) => format!("/{}/", regex::escape(word)),
        _ => format!("{before}{word}{after}"),
    }
}

/// `source.startswith("a")`, `code.str.contains("x")`, `lines.between(1, 5)`, `topic.isnull()`
fn method(text: &str, whole: Span, name: &str, inside: &str) -> Option<QueryError> {
    let (owner, method) = name.rsplit_once('.')?;
    let owner = owner.strip_suffix(".str").unwrap_or(owner);
    let (frame, owner) = match field_of_row(owner) {
        Some(field) => (true, field),
        None => (false, owner),
    };
    let value = unquoted(inside);
    if matches!(method, "query" | "filter" | "where" | "loc") && fields::find(owner).is_none() {
        let condition = value.unwrap_or(inside);
        return condition.contains(['<', '>', '=']).then(|| {
            error(whole, format!("`{name}(…)`: a filter stands by itself")).suggest(text, whole, &plain(condition))
        });
    }
    let field = fields::find(owner)?;
    let ours = match (method, value) {
        ("startswith" | "startsWith" | "starts_with", Some(word)) => format!("{owner}:{}", like(&field, word, "", "*")),
        ("endswith" | "endsWith" | "ends_with", Some(word)) => format!("{owner}:{}", like(&field, word, "*", "")),
        ("count", Some(word)) => {
            let found = error(whole, format!("`{name}(…)`: there are no calls in a query"));
            let found = found.help("`calls.play>=3` asks how often a name occurs");
            let next = text[whole.to..].trim_start().starts_with(['<', '>', '=', '!']);
            return Some(match field.name == "code" && next && word.chars().all(|c| c.is_alphanumeric() || c == '_') {
                true => found.suggest(text, whole, &format!("calls.{word}")),
                false => found,
            });
        }
        ("contains" | "includes" | "find" | "index", Some(word)) => {
            format!("{owner}:{}", like(&field, word, "*", "*"))
        }
        ("match" | "fullmatch" | "search" | "matches", Some(word)) => format!("{owner}:/{}/", word.replace('/', "\\/")),
        ("eq" | "equals", _) => format!("{owner}={}", value.unwrap_or(inside.trim())),
        ("ne", _) => format!("{owner}!={}", value.unwrap_or(inside.trim())),
        ("gt", _) => format!("{owner}>{}", inside.trim()),
        ("ge", _) => format!("{owner}>={}", inside.trim()),
        ("lt", _) => format!("{owner}<{}", inside.trim()),
        ("le", _) => format!("{owner}<={}", inside.trim()),
        ("between", _) => {
            let (low, high) = inside.split_once(',')?;
            format!("{owner}:{}..{}", low.trim(), high.trim())
        }
        ("isin" | "is_in" | "in_", _) => {
            let items = inside.trim().trim_matches(['[', ']', '(', ')', '{', '}']).split(',');
            let items: Vec<String> = items.filter_map(|item| unquoted(item).or(Some(item.trim()))).map(typed).collect();
            format!("{owner}:({})", items.join(" or "))
        }
        ("isnull" | "isna" | "is_null" | "is_none", _) => format!("-has:{owner}"),
        ("notnull" | "notna" | "is_not_null" | "any", _) => format!("has:{owner}"),
        ("lower" | "upper" | "strip" | "len" | "length" | "size", _) => return None,
        // a method of the samples' own code
        _ if !frame && value.is_none() => return None,
        _ => return None,
    };
    let found = error(whole, format!("`{name}(…)`: there are no calls in a query"));
    Some(found.help("`:` is membership: a set has it, a text contains it").suggest(text, whole, &ours))
}

/// `len(code) > 5`, `list_contains(uses, 'Circle')`, `lower(source)`, `COUNT(*)`
fn function(text: &str, whole: Span, name: &str, inside: &str) -> Option<QueryError> {
    let found = || error(whole, format!("`{}(…)`: there are no calls in a query", name));
    let lower = name.to_ascii_lowercase();
    if lower == "count" && (inside.trim() == "*" || fields::find(inside.trim()).is_some()) {
        return Some(
            found().help("counting is a verb: `count QUERY`, with `--by FIELD` for groups").suggest(text, whole, ""),
        );
    }
    if matches!(lower.as_str(), "select" | "filter" | "map" | "where") && inside.contains(['<', '>', '=']) {
        let inner = inside.trim().strip_prefix("select(").and_then(|inner| inner.strip_suffix(')')).unwrap_or(inside);
        return Some(error(whole, format!("`{name}(…)`: a filter stands by itself")).suggest(
            text,
            whole,
            &plain(inner),
        ));
    }
    let (first, second) = match inside.split_once(',') {
        Some((first, second)) => (first.trim(), second.trim()),
        None => (inside.trim(), ""),
    };
    let first = first.strip_prefix('.').or(field_of_row(first)).unwrap_or(first);
    // the field is the second argument of `re.search`
    let (first, second) =
        if fields::find(first).is_none() && fields::find(second).is_some() { (second, first) } else { (first, second) };
    let field = fields::find(first)?;
    let word = unquoted(second).or_else(|| unquoted(second.trim_start_matches(['r', '[']).trim_end_matches(']')));
    let ours = match (lower.as_str(), word) {
        (
            "len" | "length" | "char_length" | "strlen" | "size" | "cardinality" | "array_length" | "list_length",
            None,
        ) => {
            let help = match field.kind {
                Kind::Text => "how long a code is stands in `chars`, `lines` and `tokens`",
                Kind::CountedSet => {
                    "`calls.play>=3` asks how often a name occurs; how many names a set has is not a field"
                }
                _ => "how many names a set has is not a field",
            };
            let found = found().help(help);
            return Some(if field.name == "code" { found.suggest(text, whole, "chars") } else { found });
        }
        (
            "lower" | "upper" | "trim" | "str" | "int" | "float" | "abs" | "any" | "all" | "coalesce" | "ifnull"
            | "date",
            _,
        ) => {
            return Some(found().suggest(text, whole, first));
        }
        ("exists" | "isnotnull" | "notnull" | "has" | "defined", None) => format!("has:{first}"),
        ("isnull" | "isna" | "isnan" | "missing" | "is_null", None) => format!("-has:{first}"),
        (
            "contains" | "list_contains" | "array_contains" | "list_has" | "array_has" | "has" | "instr" | "strpos"
            | "position",
            Some(word),
        ) => format!("{first}:{}", like(&field, word, "*", "*")),
        ("starts_with" | "startswith" | "prefix" | "hasprefix", Some(word)) => {
            format!("{first}:{}", like(&field, word, "", "*"))
        }
        ("ends_with" | "endswith" | "suffix", Some(word)) => format!("{first}:{}", like(&field, word, "*", "")),
        (
            "regexp_matches" | "regexp_like" | "regexp_full_match" | "re.search" | "re.match" | "re.findall" | "match"
            | "test",
            Some(word),
        ) => {
            format!("{first}:/{}/", word.replace('/', "\\/"))
        }
        _ => return None,
    };
    Some(found().help("`:` is membership: a set has it, a text contains it").suggest(text, whole, &ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_closed_outside_of_quotes() {
        assert_eq!(closing("(a(b)c)d", '(', ')'), Some(6));
        assert_eq!(closing("(\")\")", '(', ')'), Some(4));
        assert_eq!(closing("((a)", '(', ')'), None);
    }

    #[test]
    fn code_of_samples_is_no_call_of_ours() {
        for code in [
            "self.play(Create(c))",
            "sin(x)",
            "f(a,b)",
            "len(self.mobjects)",
            "Circle(radius=2)",
            "range(3)",
            "lines(a)",
            "np.array([1])",
        ] {
            assert_eq!(spot(code, 0), None, "{code}");
        }
    }
}
