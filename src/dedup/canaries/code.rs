//! Code in another form: the same tokens otherwise set, or other names for the same things.
//!
//! Made of the tokens of the lexer and the text between them. Nothing is put where it could become part of a token: no
//! blank after a string that may not be closed, no line end after a lone backslash.

use std::collections::{BTreeMap, BTreeSet};

use crate::similarity::lexer::{self, Token, TokenKind};

/// What stands between two tokens, piece by piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap<'a> {
    /// Blanks and tabs.
    Blank(&'a str),
    /// The end of a line.
    LineEnd,
    /// The end of a line that goes on.
    GoesOn,
    /// A comment, without the end of its line.
    Comment(&'a str),
    /// A mark at the beginning of the text.
    Mark(&'a str),
}

fn gap(text: &str) -> Vec<Gap<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(ch) = rest.chars().next() {
        let (piece, length) = match ch {
            '\r' if rest.starts_with("\r\n") => (Gap::LineEnd, 2),
            '\r' | '\n' => (Gap::LineEnd, 1),
            '\\' if rest.starts_with("\\\r\n") => (Gap::GoesOn, 3),
            '\\' => (Gap::GoesOn, rest.len().min(2)),
            '#' => {
                let end = rest.find(['\r', '\n']).unwrap_or(rest.len());
                (Gap::Comment(&rest[..end]), end)
            }
            '\u{feff}' => (Gap::Mark(&rest[..ch.len_utf8()]), ch.len_utf8()),
            _ => {
                let end = rest.find(['\r', '\n', '\\', '#', '\u{feff}']).unwrap_or(rest.len());
                (Gap::Blank(&rest[..end]), end)
            }
        };
        out.push(piece);
        rest = &rest[length..];
    }
    out
}

/// Whether text may be put right after a token without becoming part of it.
fn is_closed(token: Option<&Token<'_>>) -> bool {
    !matches!(token.map(|token| token.kind), Some(TokenKind::String | TokenKind::Other))
}

/// Writes what comes between two tokens.
type Between<'a> = dyn FnMut(&mut String, &[Gap<'_>], Option<&Token<'_>>, Option<&Token<'_>>) + 'a;

/// Writes code anew: `between` writes what comes between two tokens, the first or the last of which may be missing.
fn rewrite(code: &str, between: &mut Between<'_>, token: &mut dyn FnMut(&mut String, &Token<'_>, usize)) -> String {
    let tokens: Vec<Token<'_>> = lexer::tokens(code).collect();
    let mut out = String::with_capacity(code.len() * 2);
    let mut end = 0;
    for (at, each) in tokens.iter().enumerate() {
        between(&mut out, &gap(&code[end..each.start]), at.checked_sub(1).map(|at| &tokens[at]), Some(each));
        token(&mut out, each, at);
        end = each.end();
    }
    between(&mut out, &gap(&code[end..]), tokens.last(), None);
    out
}

fn as_it_is(out: &mut String, token: &Token<'_>, _: usize) {
    out.push_str(token.text);
}

/// The same tokens with line ends of two bytes, blank lines, twice the indentation, blanks at line ends, more blanks
/// around operators and fewer after commas. `None` where there are no tokens.
pub fn reformatted(code: &str) -> Option<String> {
    lexer::tokens(code).next()?;
    let mut lines = 0usize;
    let mut between = |out: &mut String, gap: &[Gap<'_>], before: Option<&Token<'_>>, after: Option<&Token<'_>>| {
        let operator = |token: Option<&Token<'_>>| token.is_some_and(|token| token.kind == TokenKind::Operator);
        let follows_comma = before.is_some_and(|token| token.text == ",");
        if gap.is_empty() && before.is_some() && after.is_some() && (operator(before) || operator(after)) {
            let dotted = [before, after].into_iter().flatten().any(|token| matches!(token.text, "." | "(" | ")"));
            out.push_str(if dotted || !is_closed(before) { "" } else { " " });
        }
        let mut at_start = before.is_none();
        for (at, piece) in gap.iter().enumerate() {
            match piece {
                Gap::Blank(blank) if at_start => {
                    out.push_str(blank);
                    out.push_str(blank);
                }
                Gap::Blank(_) if follows_comma && at == 0 && gap.len() == 1 => {}
                Gap::Blank(blank) => out.push_str(blank),
                Gap::LineEnd => {
                    let closed = at > 0 || is_closed(before);
                    lines += 1;
                    out.push_str(if closed && before.is_some() { " \t\r\n" } else { "\r\n" });
                    if lines.is_multiple_of(3) {
                        out.push_str("\r\n");
                    }
                    at_start = true;
                }
                Gap::GoesOn => {
                    out.push_str("\\\r\n");
                    at_start = true;
                }
                Gap::Comment(comment) => out.push_str(comment),
                Gap::Mark(mark) => out.push_str(mark),
            }
        }
    };
    Some(rewrite(code, &mut between, &mut as_it_is))
}

/// Code without its comments; `None` where it has none.
pub fn without_comments(code: &str) -> Option<String> {
    lexer::tokens(code).next()?;
    let mut comments = 0usize;
    let mut between = |out: &mut String, gap: &[Gap<'_>], _: Option<&Token<'_>>, _: Option<&Token<'_>>| {
        for piece in gap {
            match piece {
                Gap::Blank(text) | Gap::Mark(text) => out.push_str(text),
                Gap::LineEnd => out.push('\n'),
                Gap::GoesOn => out.push_str("\\\n"),
                Gap::Comment(_) => comments += 1,
            }
        }
    };
    let out = rewrite(code, &mut between, &mut as_it_is);
    (comments > 0).then_some(out)
}

/// Code with a comment of ours at its head, and in every line that has none. `None` where there are no tokens.
pub fn with_comments(code: &str) -> Option<String> {
    lexer::tokens(code).next()?;
    let mut added = 0usize;
    let mut between = |out: &mut String, gap: &[Gap<'_>], before: Option<&Token<'_>>, _: Option<&Token<'_>>| {
        let mut has_comment = false;
        let marked = gap.first().is_some_and(|piece| matches!(piece, Gap::Mark(_)));
        if before.is_none() && !marked {
            out.push_str("# a canary\n");
        }
        for (at, piece) in gap.iter().enumerate() {
            match piece {
                Gap::Blank(text) => out.push_str(text),
                Gap::Mark(text) => {
                    out.push_str(text);
                    out.push_str("# a canary\n");
                }
                Gap::LineEnd => {
                    if !has_comment && (at > 0 || is_closed(before)) {
                        added += 1;
                        out.push_str(&format!("  # remark {added}: x = f('y')"));
                    }
                    has_comment = false;
                    out.push('\n');
                }
                Gap::GoesOn => {
                    out.push_str("\\\n");
                    has_comment = false;
                }
                Gap::Comment(text) => {
                    out.push_str(text);
                    has_comment = true;
                }
            }
        }
    };
    Some(rewrite(code, &mut between, &mut as_it_is))
}

/// Words that are no names of a text's own: keywords, and what Manim and Python call.
const KEPT: &[&str] = &[
    "False",
    "None",
    "True",
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "case",
    "class",
    "cls",
    "construct",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "match",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "self",
    "setup",
    "tear_down",
    "try",
    "type",
    "while",
    "with",
    "yield",
];

/// How a text uses its names.
#[derive(Default)]
struct Names<'a> {
    /// Names of functions and classes.
    defined: BTreeSet<&'a str>,
    /// Targets of assignments, loops and aliases, and parameters.
    assigned: BTreeSet<&'a str>,
    /// Attributes that are set on `self`.
    own: BTreeSet<&'a str>,
    /// Names after a dot.
    dotted: BTreeSet<&'a str>,
    /// Names of arguments, and what is imported: these keep theirs.
    kept: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    /// Goes through the tokens once. What is in doubt is not bound here, or is kept: a canary renames less rather than
    /// wrongly.
    fn of(code: &'a str, tokens: &[Token<'a>]) -> Names<'a> {
        let mut names = Names::default();
        let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
        let is_name = |at: usize| tokens.get(at).is_some_and(|token| token.kind == TokenKind::Name);
        // Of each open bracket whether parameters of a `def` are in it.
        let mut open: Vec<bool> = Vec::new();
        let mut importing = false;
        let mut end = 0;
        for (at, token) in tokens.iter().enumerate() {
            let starts_line = at == 0 || gap(&code[end..token.start]).contains(&Gap::LineEnd);
            end = token.end();
            if open.is_empty() && starts_line {
                importing = matches!(token.text, "import" | "from");
                names.targets(tokens, at);
            }
            match token.text {
                "(" | "[" | "{" => open.push(token.text == "(" && at >= 2 && text(at - 2) == "def"),
                ")" | "]" | "}" => {
                    open.pop();
                }
                _ => {}
            }
            if token.kind != TokenKind::Name {
                continue;
            }
            let before = if at == 0 { "" } else { text(at - 1) };
            let opens_item = matches!(before, "(" | "," | "*" | "**");
            match before {
                "." => {
                    names.dotted.insert(token.text);
                    if at >= 2 && text(at - 2) == "self" && text(at + 1) == "=" {
                        names.own.insert(token.text);
                    }
                }
                "def" | "class" => {
                    names.defined.insert(token.text);
                }
                "as" => {
                    names.assigned.insert(token.text);
                }
                _ if importing => {
                    names.kept.insert(token.text);
                }
                _ if open.last() == Some(&true) && opens_item => {
                    names.assigned.insert(token.text);
                }
                _ if !open.is_empty() && text(at + 1) == "=" => {
                    names.kept.insert(token.text);
                }
                "for" if is_name(at) => {
                    let mut to = at;
                    while is_name(to) && !KEPT.contains(&text(to)) {
                        names.assigned.insert(text(to));
                        to += if text(to + 1) == "," { 2 } else { 1 };
                    }
                }
                _ => {}
            }
        }
        names
    }

    /// The names that an assignment at the beginning of a line sets: `a = `, `a, b = `.
    fn targets(&mut self, tokens: &[Token<'a>], from: usize) {
        let mut found = Vec::new();
        let mut at = from;
        while let Some(name) = tokens.get(at).filter(|token| token.kind == TokenKind::Name) {
            found.push(name.text);
            match tokens.get(at + 1).map(|token| token.text) {
                Some(",") => at += 2,
                Some("=") => {
                    self.assigned.extend(found);
                    return;
                }
                _ => return,
            }
        }
    }

    /// What is renamed where it stands alone, and what after a dot.
    fn renamed(&self) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
        let free = |name: &&&str| {
            let is_special = name.starts_with("__") && name.ends_with("__");
            !is_special && !KEPT.contains(*name) && !self.kept.contains(**name)
        };
        // A variable whose name is also that of an attribute may be set in the body of a class: it is left alone.
        let alone = |name: &&&str| !self.dotted.contains(**name) || self.defined.contains(**name);
        let defined: BTreeSet<&str> = self.defined.iter().filter(free).copied().collect();
        let assigned = self.assigned.iter().filter(free).filter(alone).copied();
        let names = defined.iter().copied().chain(assigned).collect();
        let attributes = self.own.iter().filter(free).copied().chain(defined.iter().copied()).collect();
        (names, attributes)
    }
}

/// Code in which every name that it clearly binds is another, and every literal another of its kind. `None` where it
/// binds none.
pub fn renamed(code: &str) -> Option<String> {
    let tokens: Vec<Token<'_>> = lexer::tokens(code).collect();
    let (names, attributes) = Names::of(code, &tokens).renamed();
    if names.is_empty() {
        return None;
    }
    let mut stem = String::from("canary");
    while code.contains(&stem) {
        stem.push('_');
    }
    let numbers: BTreeMap<&str, usize> = names
        .iter()
        .chain(&attributes)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .enumerate()
        .map(|(n, w)| (*w, n))
        .collect();
    let mut literals = 0usize;
    let mut between = |out: &mut String, gap: &[Gap<'_>], _: Option<&Token<'_>>, _: Option<&Token<'_>>| {
        for piece in gap {
            match piece {
                Gap::Blank(text) | Gap::Mark(text) | Gap::Comment(text) => out.push_str(text),
                Gap::LineEnd => out.push('\n'),
                Gap::GoesOn => out.push_str("\\\n"),
            }
        }
    };
    let mut token = |out: &mut String, token: &Token<'_>, at: usize| match token.kind {
        TokenKind::Name => {
            let dotted = at > 0 && tokens[at - 1].text == ".";
            let known = if dotted { &attributes } else { &names };
            match numbers.get(token.text).filter(|_| known.contains(token.text)) {
                Some(number) => out.push_str(&format!("{stem}{number}")),
                None => out.push_str(token.text),
            }
        }
        TokenKind::Number => {
            literals += 1;
            out.push_str(&(40 + literals).to_string());
        }
        TokenKind::String => {
            literals += 1;
            let quote = token.text.find(['"', '\'']).unwrap_or(0);
            out.push_str(&token.text[..quote]);
            out.push_str(&format!("'text {literals}'"));
        }
        TokenKind::Operator | TokenKind::Other => out.push_str(token.text),
    };
    Some(rewrite(code, &mut between, &mut token))
}
