//! Reads the stages after `|`.

use super::ast::{Span, Stated, StatedKind, Value, Word};
use super::error::QueryError;
use super::parse::{Grammar, Read, fail, keyword};
use super::suggest::{listed, similar};

/// The stages, by name.
pub const NAMES: &[&str] = &["balance", "dedup", "per", "sample", "skip", "sort", "split", "take"];

/// A stage, as the reference lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageInfo {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub form: &'static str,
    /// A query that uses it.
    pub example: &'static str,
    /// One sentence.
    pub doc: &'static str,
}

const fn stage_info(name: &'static str, form: &'static str, example: &'static str, doc: &'static str) -> StageInfo {
    StageInfo { name, form, example, doc }
}

/// Every stage, in the order of [`NAMES`].
pub const ALL: &[StageInfo] = &[
    stage_info(
        "balance",
        "balance FIELD VALUE:1 VALUE:2 [to N]",
        "is:valid | balance complexity basic:1 intermediate:2 to 90",
        "Takes the first rows of each value in proportion; what falls short is said.",
    ),
    stage_info(
        "dedup",
        "dedup [0.85]",
        "is:valid | dedup 0.9",
        "Drops rows whose code is that like the code of an earlier row that stays; 0.85 unless said.",
    ),
    stage_info("per", "per FIELD N", "is:valid | per source 200", "Takes the first N rows of each value."),
    stage_info(
        "sample",
        "sample (N | P%) [seed K] [by FIELD]",
        "is:valid | sample 2000 seed 7 by complexity",
        "Chooses rows by a hash of id and seed and keeps their order; `by` keeps the proportions of a field.",
    ),
    stage_info("skip", "skip N", "is:valid | sort lines | skip 10", "Leaves out the first N rows."),
    stage_info(
        "sort",
        "sort [-]FIELD …",
        "is:valid | sort -plays lines",
        "Orders rows, `-` downwards; rows without a value come last both ways, and ids break ties.",
    ),
    stage_info(
        "split",
        "split 90/5/5 [seed K]",
        "is:valid | split 90/5/5 seed 13",
        "Labels rows train, validation and test in these proportions, families kept together.",
    ),
    stage_info("take", "take N", "is:valid | sort lines | take 10", "Takes the first N rows."),
];

/// The form of each stage.
fn forms() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|stage| stage.form)
}

fn form(name: &str) -> &'static str {
    ALL.iter().find(|stage| stage.name == name).map_or("", |stage| stage.form)
}

/// `stage := sort [-]field {[","] [-]field} | take n | skip n | sample (n | p%) [seed k] [by field]
/// | per field n | balance field a:1 b:2 [to n] | dedup [t] | split 90/5/5 [seed k]`, after its `|`
pub(super) fn stage<'a>(grammar: &Grammar<'a>, text: &'a str) -> Read<'a, Stated> {
    let bar = Span::new(grammar.at(text), grammar.at(text) + 1);
    if text.starts_with("||") {
        return fail(super::foreign::double_bar(grammar.text, bar.from));
    }
    let start = grammar.blank(&text[1..]);
    if start.is_empty() || start.starts_with('|') {
        return fail(QueryError::new("stage", bar, "there is no stage after this `|`").expected(forms()).suggest(
            grammar.text,
            bar,
            "",
        ));
    }
    let end = start.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(start.len());
    let name = Word { text: start[..end].to_owned(), span: grammar.span(start, &start[end..]) };
    let mut words = Words { grammar, rest: &start[end..], name: &name };
    let kind = match name.text.as_str() {
        "sort" => words.sort(),
        "take" => words.word("how many rows").map(StatedKind::Take),
        "skip" => words.word("how many rows").map(StatedKind::Skip),
        "sample" => words.sample(),
        "per" => words.per(),
        "balance" => words.balance(),
        "dedup" => words.optional().map(StatedKind::Dedup),
        "split" => words.split(),
        _ => return fail(unknown(grammar, &name, bar, start)),
    }?;
    let rest = words.rest;
    let next = grammar.blank(rest);
    if !next.is_empty() && !next.starts_with('|') {
        return fail(words.unexpected(next));
    }
    let span = Span::new(name.span.from, grammar.at(rest));
    Ok((rest, Stated { kind, span }))
}

type Found<T> = Result<T, super::parse::Stop>;

/// The words of one stage.
struct Words<'g, 'a> {
    grammar: &'g Grammar<'a>,
    rest: &'a str,
    name: &'g Word,
}

impl<'a> Words<'_, 'a> {
    fn ended(&self) -> bool {
        let next = self.grammar.blank(self.rest);
        next.is_empty() || next.starts_with('|')
    }

    fn optional(&mut self) -> Found<Option<Word>> {
        if self.ended() {
            return Ok(None);
        }
        let stops: &[char] = if matches!(self.name.text.as_str(), "sort" | "balance") { &[','] } else { &[] };
        let (rest, word) = self.grammar.word(self.grammar.blank(self.rest), stops)?;
        self.rest = rest;
        Ok(Some(word))
    }

    /// A word that must be there; `what` says what it means.
    fn word(&mut self, what: &str) -> Found<Word> {
        match self.optional()? {
            Some(word) => Ok(word),
            None => fail(
                QueryError::new("stage", self.name.span, format!("`{}` does not say {what}", self.name.text))
                    .expected([form(&self.name.text)])
                    .suggest(self.grammar.text, self.name.span, &complete(&self.name.text)),
            ),
        }
    }

    /// The word after a keyword, where the keyword is next.
    fn after(&mut self, word: &str, what: &str) -> Found<Option<Word>> {
        let next = self.grammar.blank(self.rest);
        match keyword(next, word) {
            Some(rest) => {
                self.rest = rest;
                if self.ended() {
                    let at = self.grammar.span(next, rest);
                    let example = match word {
                        "seed" => " 7",
                        "to" => " 100",
                        _ => " source",
                    };
                    let message = format!("`{word}` does not say {what}");
                    let error = QueryError::new("stage", at, message).expected([form(&self.name.text)]);
                    return fail(error.suggest(self.grammar.text, Span::new(at.to, at.to), example));
                }
                self.word(what).map(Some)
            }
            None => Ok(None),
        }
    }

    /// `sort [-]field {[","] [-]field}`
    fn sort(&mut self) -> Found<StatedKind> {
        let mut keys: Vec<(bool, Word)> = Vec::new();
        while keys.is_empty() || !self.ended() {
            let mut word = self.word("by which field")?;
            let lower = word.text.to_ascii_lowercase();
            if matches!(lower.as_str(), "desc" | "asc" | "descending" | "ascending" | "by" | "reverse") {
                return fail(self.direction(&keys, &word, &lower));
            }
            if let Some(name) = word.text.strip_prefix('+') {
                let plain = name.to_owned();
                return fail(QueryError::new("foreign", word.span, "sorting is upwards without a sign").suggest(
                    self.grammar.text,
                    word.span,
                    &plain,
                ));
            }
            let descending = word.text.starts_with('-');
            if descending {
                word = Word { text: word.text[1..].to_owned(), span: Span::new(word.span.from + 1, word.span.to) };
            }
            if word.text.is_empty() {
                return fail(
                    QueryError::new("stage", word.span, "a field's name is missing here").expected([form("sort")]),
                );
            }
            keys.push((descending, word));
            let next = self.grammar.blank(self.rest);
            if let Some(after) = next.strip_prefix(',') {
                self.rest = after;
                if self.ended() {
                    return fail(
                        QueryError::new(
                            "stage",
                            self.grammar.span(next, after),
                            "a field's name is missing after this comma",
                        )
                        .suggest(self.grammar.text, self.grammar.span(next, after), ""),
                    );
                }
            }
        }
        Ok(StatedKind::Sort(keys))
    }

    /// `sort by lines desc` and its like
    fn direction(&self, keys: &[(bool, Word)], word: &Word, lower: &str) -> QueryError {
        let text = self.grammar.text;
        let error = QueryError::new("foreign", word.span, format!("`{}` is no field", word.text))
            .help("`sort lines` is upwards, `sort -lines` downwards");
        let gap = |from: usize| Span::new(from, word.span.to);
        match keys.last() {
            Some((_, key)) if lower.starts_with("desc") || lower == "reverse" => {
                error.suggest(text, gap(key.span.from), &format!("-{}", key.text))
            }
            Some((_, key)) => error.suggest(text, gap(key.span.to), ""),
            None => error.suggest(text, gap(self.name.span.to), ""),
        }
    }

    /// `sample (n | p%) [seed k] [by field]`
    fn sample(&mut self) -> Found<StatedKind> {
        let amount = self.word("how many rows, or which share of them")?;
        let mut seed = self.after("seed", "which seed")?;
        let by = self.after("by", "by which field")?;
        if seed.is_none() {
            seed = self.after("seed", "which seed")?;
        }
        Ok(StatedKind::Sample { amount, seed, by })
    }

    /// `per field n`
    fn per(&mut self) -> Found<StatedKind> {
        let field = self.word("which field")?;
        let count = self.word("how many rows of each")?;
        Ok(StatedKind::Per { field, count })
    }

    /// `balance field a:1 b:2 [to n]`
    fn balance(&mut self) -> Found<StatedKind> {
        let field = self.word("which field")?;
        let mut shares: Vec<(Value, Word)> = Vec::new();
        let mut to = None;
        while !self.ended() {
            to = self.after("to", "how many rows")?;
            if to.is_some() {
                break;
            }
            let from = self.grammar.blank(self.rest);
            let (rest, value) = self.grammar.value(from, &[':', ','])?;
            let Some(after) = rest.strip_prefix(':') else {
                let span = self.grammar.span(from, rest);
                return fail(
                    QueryError::new("stage", span, format!("`{}` has no share", span.of(self.grammar.text)))
                        .expected([form("balance")])
                        .suggest(self.grammar.text, Span::new(span.to, span.to), ":1"),
                );
            };
            self.rest = after;
            let share = self.word("which share")?;
            shares.push((value, share));
            let next = self.grammar.blank(self.rest);
            self.rest = next.strip_prefix(',').unwrap_or(self.rest);
        }
        Ok(StatedKind::Balance { field, shares, to })
    }

    /// `split 90/5/5 [seed k]`
    fn split(&mut self) -> Found<StatedKind> {
        let shares = self.word("which shares")?;
        let seed = self.after("seed", "which seed")?;
        Ok(StatedKind::Split { shares, seed })
    }

    /// Something stands after a stage that is complete.
    fn unexpected(&self, next: &str) -> QueryError {
        let (text, name) = (self.grammar.text, self.name.text.as_str());
        let here = self.grammar.chunk(next);
        let found = here.of(text);
        let error = QueryError::new("stage", here, format!("`{found}` does not belong to `{name}`"))
            .expected([form(name), "`|`"]);
        let to_end = Span::new(here.from, here.from + next.find('|').unwrap_or(next.len()));
        if NAMES.contains(&found) {
            return error.suggest(text, Span::new(here.from, here.from), "| ");
        }
        if name == "sample" && found.bytes().all(|byte| byte.is_ascii_digit()) {
            return error.suggest(text, Span::new(here.from, here.from), "seed ");
        }
        error.help("a filter stands before the first `|`").suggest(text, to_end, "")
    }
}

/// A whole stage with a number that one may change.
fn complete(name: &str) -> String {
    match name {
        "sort" => "sort lines",
        "take" => "take 10",
        "skip" => "skip 10",
        "sample" => "sample 100",
        "per" => "per source 100",
        "split" => "split 90/5/5",
        other => other,
    }
    .to_owned()
}

/// No stage has this name.
fn unknown(grammar: &Grammar<'_>, name: &Word, bar: Span, start: &str) -> QueryError {
    let text = grammar.text;
    let end = start.find('|').map_or(text.len(), |at| grammar.at(start) + at);
    let whole = Span::new(grammar.at(start), end);
    let rest = text[name.span.to..end].trim();
    if name.text.is_empty() {
        let chunk = grammar.chunk(start);
        return QueryError::new("stage", chunk, format!("`{}` is no stage", chunk.of(text)))
            .expected(forms())
            .help("a `|` begins a stage; quote text that has a `|` in it")
            .suggest(text, bar, " ");
    }
    let error = QueryError::new("stage", name.span, format!("there is no stage `{}`", name.text));
    // A test after a `|` was meant as a filter.
    if text[name.span.to..].starts_with([':', '=', '<', '>', '.', '!']) {
        return error
            .expected(forms())
            .help("a filter stands before the first `|`; a blank between two tests means `and`")
            .suggest(text, Span::new(bar.from, grammar.at(start)), "");
    }
    let kind = QueryError { kind: "foreign", ..error.clone() };
    match name.text.to_ascii_lowercase().as_str() {
        "head" | "limit" | "first" | "top" | "tail" => {
            let number = rest.trim_start_matches("-n").trim_start_matches('-').trim();
            let number = if number.is_empty() { "10" } else { number };
            match name.text.eq_ignore_ascii_case("tail") {
                true => kind.help("there is no last: turn the order around with `sort`, then `take`"),
                false => kind.suggest(text, whole, &format!("take {number}")),
            }
        }
        "offset" | "drop" => kind.suggest(text, name.span, "skip"),
        "order" | "orderby" | "order_by" | "sort_by" | "sortby" | "arrange" => {
            let rest = rest.strip_prefix("by ").or(rest.strip_prefix("BY ")).unwrap_or(rest);
            kind.suggest(text, whole, &format!("sort {rest}"))
        }
        "shuffle" | "random" | "shuf" => {
            let number = if rest.is_empty() { "100%" } else { rest.trim_start_matches("-n").trim() };
            kind.help("`sample` chooses by hash; the order stays").suggest(text, whole, &format!("sample {number}"))
        }
        "select" | "where" | "filter" if rest.starts_with('(') => {
            let inner = rest.trim_start_matches('(').trim_end_matches(')').trim_start_matches('.');
            let before = text[..bar.from].trim_end().trim_start_matches(".[]").trim_start_matches('.');
            kind.help("a filter stands before the first `|`").suggest(
                &format!("{before} {inner} {}", text[end..].trim()),
                Span::default(),
                "",
            )
        }
        "where" | "filter" | "select" | "grep" | "and" | "having" => {
            let before = text[..bar.from].trim_end();
            let after = &text[end..];
            kind.help("a filter stands before the first `|`").suggest(
                &format!("{before} {rest} {}", after.trim()),
                Span::default(),
                "",
            )
        }
        "count" | "wc" | "group" | "groupby" | "group_by" => kind
            .help("counting is a verb: `count QUERY`, with `--by FIELD` for groups")
            .suggest(text, Span::new(bar.from, end), ""),
        "length" | "len" => kind.help("how long a code is stands in `chars`, `lines` and `tokens`").suggest(
            text,
            Span::new(bar.from, end),
            "",
        ),
        "uniq" | "unique" | "distinct" => {
            kind.help("one row of each value is `per FIELD 1`").suggest(text, whole, "per source 1")
        }
        lower => {
            let names = similar(lower, NAMES.iter().copied());
            let error = names.iter().fold(error, |error, known| error.suggest(text, name.span, known));
            let error = error.expected(forms()).suggest(text, Span::new(bar.from, end), "");
            if names.is_empty() {
                let error = QueryError { suggestions: Vec::new(), ..error };
                alternative(text, bar, name, rest, error).suggest(text, Span::new(bar.from, end), "").help(
                    "a `|` begins a stage; alternatives are joined with `or`, and text that has a `|` in it is quoted",
                )
            } else {
                error.help(format!("did you mean {}?", listed(&names)))
            }
        }
    }
}

/// `a|b`, `field:a|b`
fn alternative(text: &str, bar: Span, name: &Word, rest: &str, error: QueryError) -> QueryError {
    if !rest.is_empty() || bar.to != name.span.from {
        return error;
    }
    let from = text[..bar.from]
        .rfind(char::is_whitespace)
        .map_or(0, |blank| blank + text[blank..].chars().next().map_or(1, char::len_utf8));
    let left = Span::new(from, bar.from);
    match left.of(text).split_once(':') {
        Some((field, value)) => error.suggest(text, left.to(name.span), &format!("{field}:({value} or {})", name.text)),
        None => error.suggest(text, bar, " or "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_its_form_and_a_sentence() {
        assert!(NAMES.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(NAMES, ALL.iter().map(|stage| stage.name).collect::<Vec<_>>());
        for stage in ALL {
            assert!(stage.form.starts_with(stage.name) && stage.doc.ends_with('.'), "{}", stage.name);
            assert!(stage.example.contains(&format!("| {} ", stage.name)), "{}", stage.name);
            // What nothing answers yet is read all the same.
            super::super::parse(stage.example).expect(stage.example);
        }
    }
}
