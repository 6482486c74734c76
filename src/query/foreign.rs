//! Spellings of other languages (SQL, Lucene, GitHub's search, jq, Python), answered with ours. Calls stand in
//! [`super::calls`], characters that only look like ours in [`super::typography`].

use crate::analyze::features::Kind;

use super::ast::{Atom, Expr, Node, Op, Parsed, Span, ValueKind, Word};
use super::error::QueryError;
use super::suggest::{chunk, quote, typed};
use super::{calls, fields, typography};

fn error(span: Span, message: impl Into<String>) -> QueryError {
    QueryError::new("foreign", span, message)
}

/// An operator with a blank on each side that has none.
fn spaced(text: &str, span: Span, operator: &str) -> String {
    let blank = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let before = if blank(text[..span.from].chars().next_back()) { "" } else { " " };
    let after = if blank(text[span.to..].chars().next()) { "" } else { " " };
    format!("{before}{operator}{after}")
}

/// `||`, which is `or`.
pub(super) fn double_bar(text: &str, at: usize) -> QueryError {
    let span = Span::new(at, at + 2);
    error(span, "`||`: write `or`").expected(["`or`"]).suggest(text, span, &spaced(text, span, "or"))
}

/// `&&`, `!`, and signs that only look like ours, wherever an expression or a value may begin.
pub(super) fn spot_symbol(text: &str, at: usize) -> Option<QueryError> {
    let rest = &text[at..];
    if let Some(error) = typography::spot(text, at) {
        return Some(error);
    }
    if rest.starts_with("&&") {
        let span = Span::new(at, at + 2);
        return Some(error(span, "`&&`: write `and`, or nothing: a blank joins").expected(["`and`"]).suggest(
            text,
            span,
            &spaced(text, span, "and"),
        ));
    }
    let after = rest.strip_prefix('!')?;
    let begins = after.starts_with(|c: char| c.is_alphanumeric() || "(@\"'/_".contains(c));
    let span = Span::new(at, at + 1);
    begins.then(|| {
        let error = error(span, "`!`: write `-` or `not`").expected(["`-`", "`not`"]).suggest(text, span, "not ");
        let word = chunk(text, at);
        if after.starts_with('(') { error } else { error.suggest(text, word, &quote(word.of(text))) }
    })
}

/// A foreign spelling at the beginning of an atom; `before` is the member of the same conjunction to its left.
pub(super) fn spot(text: &str, at: usize, before: Option<&Expr<Parsed>>) -> Option<QueryError> {
    if text[at..].starts_with('(') {
        return None;
    }
    spot_symbol(text, at)
        .or_else(|| before.is_none().then(|| statement(text, at)).flatten())
        .or_else(|| clause(text, at, before.is_some()))
        .or_else(|| lucene(text, at))
        .or_else(|| jq(text, at))
        .or_else(|| calls::spot(text, at))
        .or_else(|| after_field(text, at, before?))
        .or_else(|| python_in(text, at, before?))
}

/// The next word from `at` on, blanks before it left out; the beginning of a very long one, so that reading stays linear
/// where many tests stand without a blank between them.
fn word_at(text: &str, at: usize) -> Span {
    let rest = &text[at..];
    let from = at + (rest.len() - rest.trim_start().len());
    let rest = calls::bounded(&text[from..]);
    let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
    Span::new(from, from + length)
}

/// `SELECT … WHERE`, `WHERE`
fn statement(text: &str, at: usize) -> Option<QueryError> {
    let word = word_at(text, at);
    match word.of(text) {
        "WHERE" | "FILTER" | "HAVING" => {
            Some(error(word, format!("`{}`: a query begins with its filter", word.of(text))).suggest(text, word, ""))
        }
        "SELECT" | "FROM" => {
            let found = error(word, format!("`{}`: a query is a filter and stages, not SQL", word.of(text)))
                .help("the columns that are shown are chosen with `--fields`");
            let rest = &text[at..];
            Some(match rest.find(" WHERE ") {
                Some(place) => found.suggest(text, Span::new(at, at + place + " WHERE ".len()), ""),
                None => found,
            })
        }
        _ => None,
    }
}

/// `ORDER BY`, `LIMIT`, `OFFSET`, `GROUP BY`, `HAVING` in capitals; `inside`: after something else
fn clause(text: &str, at: usize, inside: bool) -> Option<QueryError> {
    let word = word_at(text, at);
    let second = word_at(text, word.to);
    let number = second.of(text).bytes().all(|byte| byte.is_ascii_digit()) && second.from < second.to;
    match (word.of(text), second.of(text)) {
        ("ORDER", "BY") => {
            let span = Span::new(word.from, second.to);
            Some(error(span, "`ORDER BY`: sorting is a stage").suggest(text, span, "| sort"))
        }
        ("GROUP", "BY") => {
            let span = Span::new(word.from, second.to);
            Some(error(span, "`GROUP BY`: counting by groups is the verb `count --by FIELD`").suggest(
                text,
                Span::new(word.from, text.len()),
                "",
            ))
        }
        ("HAVING" | "WHERE", _) if inside => {
            Some(error(word, format!("`{}`: tests stand one after the other", word.of(text))).suggest(text, word, ""))
        }
        ("LIMIT", _) if number => {
            Some(error(word, "`LIMIT`: taking the first rows is a stage").suggest(text, word, "| take"))
        }
        ("OFFSET", _) if number => {
            Some(error(word, "`OFFSET`: leaving out the first rows is a stage").suggest(text, word, "| skip"))
        }
        _ => None,
    }
}

/// `+word`, `word~2`, `*:*`
fn lucene(text: &str, at: usize) -> Option<QueryError> {
    let word = word_at(text, at);
    let spelled = word.of(text);
    if let Some(required) = spelled.strip_prefix('+') {
        let begins = required.starts_with(|c: char| c.is_alphabetic() || "\"'(_@".contains(c));
        let sign = Span::new(word.from, word.from + 1);
        return begins.then(|| {
            error(sign, "`+`: every word is asked for as it is").suggest(text, sign, "").suggest(
                text,
                word,
                &format!("/{}/", regex::escape(spelled).replace('/', "\\/")),
            )
        });
    }
    if spelled.starts_with("*:*") {
        let span = Span::new(word.from, word.from + 3);
        return Some(error(span, "`*:*`: an empty filter selects every row").suggest(text, span, "").suggest(
            text,
            span,
            "state:any",
        ));
    }
    let (stem, digits) = spelled.trim_end_matches(')').split_once('~')?;
    let fuzzy = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let plain = !stem.is_empty() && stem.chars().all(|c| c.is_alphanumeric() || c == '_');
    (fuzzy && plain).then(|| {
        let span = Span::new(word.from, word.from + stem.len() + 1 + digits.len());
        error(span, format!("`~{digits}`: words are not looked for by likeness"))
            .help("`word*` finds what begins so, a regular expression says more")
            .suggest(text, span, stem)
            .suggest(text, span, &format!("{stem}*"))
            .suggest(text, span, &quote(span.of(text)))
    })
}

/// `"a b"~2`, `"a b"^3`: what follows a string.
pub(super) fn after_string(text: &str, string: Span, at: usize) -> Option<QueryError> {
    let word = chunk(text, at);
    let number = word.of(text).strip_prefix(['~', '^'])?;
    let number = number.is_empty() || number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    number.then(|| {
        let message = match word.of(text).starts_with('~') {
            true => format!("`{}`: the words of a phrase stand right after one another", word.of(text)),
            false => format!("`{}`: no part of a query counts more than another", word.of(text)),
        };
        let words = string.of(text).trim_matches(['"', '\'']).to_owned();
        error(word, message).suggest(text, word, "").suggest(text, string.to(word), &words)
    })
}

/// `.lines > 20`, `select(.lines > 20)`
fn jq(text: &str, at: usize) -> Option<QueryError> {
    let rest = &text[at..];
    if let Some(after) = rest.strip_prefix("select(.") {
        let inner = after.split(')').next().unwrap_or(after);
        let span = Span::new(at, at + "select(.".len() + inner.len() + usize::from(inner.len() < after.len()));
        return Some(error(span, "`select(…)`: a filter stands by itself").suggest(text, span, inner));
    }
    let after = rest.strip_prefix('.')?;
    let end = after.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(after.len());
    let name = &after[..end];
    fields::find(name)?;
    let piped = after[end..].trim_start().strip_prefix('|').map(str::trim_start);
    if let Some(rest) = piped.and_then(|piped| piped.strip_prefix("length")) {
        let span = Span::new(at, text.len() - rest.len());
        let found = error(span, format!("`{}`: there are no calls in a query", span.of(text)));
        let found = found.help("how long a code is stands in `chars`, `lines` and `tokens`");
        let compared = name == "code" && rest.trim_start().starts_with(['<', '>', '=', '!']);
        return Some(if compared { found.suggest(text, span, "chars") } else { found });
    }
    let compared = after[end..].trim_start().starts_with(['=', '<', '>', '!', ':', '|']);
    let span = Span::new(at, at + 1);
    compared.then(|| {
        error(Span::new(at, at + 1 + end), format!("`.{name}`: a field stands without a dot")).suggest(text, span, "")
    })
}

/// The word of a bare word of text, negated or not, with its place.
fn bare(expr: &Expr<Parsed>) -> Option<(&str, Span)> {
    match &expr.node {
        Node::Not(inner) if matches!(inner.node, Node::Atom(_)) => bare(inner),
        Node::Atom(Atom::Text(value)) => match &value.kind {
            ValueKind::Bare(word) => Some((word, value.span)),
            _ => None,
        },
        _ => None,
    }
}

/// `lines >= 20`, `source LIKE '%x%'`, `source IN ('a', 'b')`, `lines BETWEEN 20 AND 80`, `topic IS NULL`, `code contains "x"`
fn after_field(text: &str, at: usize, before: &Expr<Parsed>) -> Option<QueryError> {
    let (name, field_span) = bare(before).or_else(|| quoted_field(text, before, at))?;
    let name = name.trim_matches('`');
    let name = calls::field_of_row(name).unwrap_or(name);
    let counted = || fields::find(name.split_once('.')?.0).filter(|set| set.kind == Kind::CountedSet);
    let field = fields::find(name).or_else(counted)?;
    let word = word_at(text, at);
    let spelled = word.of(text);
    let signs: String = spelled.chars().take_while(|c| ":=!<>~".contains(*c)).collect();
    if !signs.is_empty() {
        let value = if signs.len() < spelled.len() { word.from + signs.len() } else { word_at(text, word.to).from };
        let gap = Span::new(field_span.to, value);
        let whole = Span::new(field_span.from, value);
        return Some(
            error(whole, format!("no blanks stand around `{signs}`"))
                .help(format!("`{name}` by itself is a word that is looked for as text"))
                .suggest(text, field_span.to(gap), &format!("{name}{signs}")),
        );
    }
    let (negated, word) = match spelled.to_ascii_lowercase().as_str() {
        "not" => (true, word_at(text, word.to)),
        _ => (false, word),
    };
    let operator = word.of(text);
    let upper = operator.len() > 1 && operator.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let (operator, glued) = match operator.find(['(', '[']) {
        Some(open) => (&operator[..open], Some(word.from + open)),
        None => (operator, None),
    };
    let next = glued.unwrap_or_else(|| word_at(text, word.to).from);
    let following = word_at(text, word.to);
    let null = |span: Span| matches!(span.of(text), "null" | "None" | "NULL");
    let meant = match operator {
        "is" => null(following) || (following.of(text) == "not" && null(word_at(text, following.to))),
        "between" => following.of(text).bytes().all(|byte| byte.is_ascii_digit()) && following.from < following.to,
        _ => false,
    };
    let quoted = text[next..].starts_with(['"', '\'', '(', '[', '%']);
    if !(upper || quoted || meant || glued.is_some()) {
        return None;
    }
    let minus = if negated { "-" } else { "" };
    let found =
        |to: usize, shown: &str| error(Span::new(field_span.from, to), format!("`{shown}` is no operator here"));
    let replace = |found: QueryError, to: usize, by: String| found.suggest(text, Span::new(field_span.from, to), &by);
    match operator.to_ascii_uppercase().as_str() {
        "IN" => {
            let (close, items) = list(text, next)?;
            let list = items.iter().map(|item| typed(item)).collect::<Vec<_>>();
            let list = if list.len() == 1 { list.join("") } else { format!("({})", list.join(" or ")) };
            Some(replace(found(close, "IN").help("`:` takes a list"), close, format!("{minus}{name}:{list}")))
        }
        "BETWEEN" => {
            let low = word_at(text, word.to);
            let and = word_at(text, low.to);
            let high = word_at(text, and.to);
            let ends = and.of(text).eq_ignore_ascii_case("and") && low.from < low.to && high.from < high.to;
            let error = found(if ends { high.to } else { word.to }, "BETWEEN").help("a range is `lo..hi`");
            Some(if ends {
                let unquote = |span: Span| span.of(text).trim_matches(['"', '\'']).to_owned();
                replace(error, high.to, format!("{minus}{name}:{}..{}", unquote(low), unquote(high)))
            } else {
                error
            })
        }
        "LIKE" | "ILIKE" | "GLOB" | "MATCHES" | "RLIKE" | "REGEXP" | "CONTAINS" | "HAS" | "INCLUDES" | "STARTSWITH"
        | "EQUALS" => {
            let (to, pattern) = string(text, next);
            let value = like(&operator.to_ascii_uppercase(), &pattern, field.kind);
            Some(replace(
                found(to, operator).help("`:` is membership: a set has it, a text contains it"),
                to,
                format!("{minus}{name}:{value}"),
            ))
        }
        "IS" => {
            let second = word_at(text, word.to);
            let third = word_at(text, second.to);
            let (to, present) = match (second.of(text), third.of(text)) {
                ("NULL" | "None" | "null", _) => (second.to, false),
                ("NOT" | "not", "NULL" | "None" | "null") => (third.to, true),
                _ => return None,
            };
            let sign = if present { "" } else { "-" };
            Some(replace(found(to, "IS").help("`has:` asks whether there is a value"), to, format!("{sign}has:{name}")))
        }
        _ => None,
    }
}

/// A field's name in quotes, before an operator: `"lines" > 20`.
fn quoted_field<'e>(text: &str, expr: &'e Expr<Parsed>, at: usize) -> Option<(&'e str, Span)> {
    let Node::Atom(Atom::Text(value)) = &expr.node else { return None };
    let ValueKind::Quoted(name) = &value.kind else { return None };
    let signs = word_at(text, at).of(text).starts_with(['=', '<', '>', '!']);
    (signs && fields::find(name).is_some()).then_some((name, value.span))
}

/// The value of ours that a pattern of theirs means.
fn like(operator: &str, pattern: &str, kind: Kind) -> String {
    let text = kind == Kind::Text;
    match operator {
        "LIKE" | "ILIKE" if text => quote(&pattern.replace('%', " ").trim().replace('_', " ")),
        "LIKE" | "ILIKE" => glob(&pattern.replace('%', "*")),
        "GLOB" if !text => glob(pattern),
        "STARTSWITH" if !text => glob(&format!("{pattern}*")),
        "MATCHES" | "RLIKE" | "REGEXP" => format!("/{}/", pattern.replace('/', "\\/")),
        "CONTAINS" if matches!(kind, Kind::Word | Kind::Enum { .. }) => glob(&format!("*{pattern}*")),
        _ if text => quote(pattern),
        _ => typed(pattern),
    }
}

fn glob(pattern: &str) -> String {
    if pattern.contains(char::is_whitespace) {
        format!("/{}/", regex::escape(pattern.trim_matches('*')))
    } else {
        pattern.to_owned()
    }
}

/// The string or word at a place, without its quotes, and where it ends.
fn string(text: &str, at: usize) -> (usize, String) {
    let rest = &text[at..];
    if let Some(mark @ ('"' | '\'')) = rest.chars().next()
        && let Some(end) = rest[1..].find(mark)
    {
        return (at + end + 2, rest[1..=end].to_owned());
    }
    let word = word_at(text, at);
    (word.to, word.of(text).trim_matches(['"', '\'']).to_owned())
}

/// The items of `('a', 'b')` or `["a"]` and where it ends.
fn list(text: &str, at: usize) -> Option<(usize, Vec<String>)> {
    let rest = &text[at..];
    let close = match rest.chars().next()? {
        '(' => ')',
        '[' => ']',
        _ => return None,
    };
    let end = calls::bounded(rest).find(close)?;
    let items = rest[1..end].split(',').map(|item| item.trim().trim_matches(['"', '\'']).to_owned());
    let items: Vec<String> = items.filter(|item| !item.is_empty()).collect();
    (!items.is_empty()).then_some((at + end + 1, items))
}

/// `"Circle" in uses`
fn python_in(text: &str, at: usize, before: &Expr<Parsed>) -> Option<QueryError> {
    let Node::Atom(Atom::Text(value)) = &before.node else { return None };
    let ValueKind::Quoted(wanted) = &value.kind else { return None };
    let first = word_at(text, at);
    let (negated, word) = if first.of(text) == "not" { (true, word_at(text, first.to)) } else { (false, first) };
    let name = word_at(text, word.to);
    let known = fields::find(name.of(text))?;
    if word.of(text) != "in" {
        return None;
    }
    let whole = Span::new(value.span.from, name.to);
    let wanted = if known.kind == Kind::Text { quote(wanted) } else { typed(wanted) };
    let minus = if negated { "-" } else { "" };
    Some(error(whole, "`in` is no operator").help("`:` is membership, the field first").suggest(
        text,
        whole,
        &format!("{minus}{}:{wanted}", name.of(text)),
    ))
}

/// Signs after a field that are no operator of ours: `==`, `:=`, `=~`, `<>`, `:>`.
pub(super) fn operator(text: &str, field: &Word, signs: Span, whole: Span) -> QueryError {
    let spelled = signs.of(text);
    let value = Span::new(signs.to, whole.to.max(signs.to));
    let ours: &[&str] = match spelled {
        "==" | "===" | ":=" | "=:" | ":==" => &["=", ":"],
        "<>" | "!==" | "=!" | ":!=" | "~=" if spelled != "~=" => &["!="],
        "=>" | ":>=" | ":=>" => &[">="],
        "=<" | ":<=" | ":=<" => &["<="],
        ":>" => &[">"],
        ":<" => &["<"],
        "=~" | "~=" | "~" | ":~" | "~~" => {
            let bare = value.of(text).trim_matches(['"', '\'']);
            let pattern =
                if bare.starts_with('/') { bare.to_owned() } else { format!("/{}/", bare.replace('/', "\\/")) };
            return error(signs, format!("`{spelled}`: write `{}:/expression/`", field.text))
                .expected(["`:`"])
                .suggest(text, signs.to(value), &format!(":{pattern}"));
        }
        "!~" => {
            let bare = value.of(text).trim_matches(['"', '\'']);
            let ours = format!("-{}:/{}/", field.text, bare.replace('/', "\\/"));
            return error(signs, format!("`!~`: write `-{}:/expression/`", field.text)).expected(["`:`"]).suggest(
                text,
                field.span.to(value),
                &ours,
            );
        }
        "!:" | ":!" => {
            return error(signs, format!("`{spelled}`: write `-{}:value`", field.text)).expected(["`-`"]).suggest(
                text,
                field.span.to(signs),
                &format!("-{}:", field.text),
            );
        }
        _ => {
            return QueryError::new("operator", signs, format!("`{spelled}` is no operator"))
                .expected(["`:`", "`=`", "`!=`", "`<`", "`<=`", "`>`", "`>=`"])
                .suggest(text, whole, &quote(whole.of(text)));
        }
    };
    let mut found = error(signs, format!("`{spelled}`: write `{}`", ours[0])).expected([format!("`{}`", ours[0])]);
    for sign in ours {
        found = found.suggest(text, signs, sign);
    }
    if ours[0] == "!=" {
        found = found.suggest(text, field.span.to(signs), &format!("-{}:", field.text));
    }
    found.suggest(text, whole, &quote(whole.of(text)))
}

/// Values that are written otherwise elsewhere: `[20 TO 80]`, `-x` after a colon.
pub(super) fn value(text: &str, field: &Word, op: Op, signs: Span, at: usize) -> Option<QueryError> {
    let rest = &text[at..];
    let named = field.span.to(signs);
    if let Some(error) = typography::spot(text, at) {
        return Some(error);
    }
    if rest.starts_with(['[', '{'])
        && let Some(end) = calls::bounded(rest).find([']', '}'])
        && let Some((low, high)) = rest[1..end].split_once(" TO ")
    {
        let span = Span::new(at, at + end + 1);
        let side = |end: &str| if end.trim() == "*" { String::new() } else { end.trim().trim_matches('"').to_owned() };
        let range = format!("{}..{}", side(low), side(high));
        return Some(
            error(span, format!("`{}`: a range is `lo..hi`", span.of(text)))
                .expected(["`lo..hi`"])
                .help("both ends are in it; for others compare with `<` and `>`")
                .suggest(text, signs.to(span), &format!(":{range}")),
        );
    }
    let minus = rest.strip_prefix('-')?;
    let letter = minus.starts_with(|c: char| c.is_alphabetic() || "_\"'(/".contains(c));
    (op == Op::Has && letter).then(|| {
        let whole = named.to(chunk(text, at));
        error(Span::new(at, at + 1), "the `-` stands before the field")
            .suggest(text, named.to(Span::new(at, at + 1)), &format!("-{}", named.of(text)))
            .suggest(text, whole, &format!("{}{}", named.of(text), quote(chunk(text, at).of(text))))
    })
}
