//! What is decided about a text before any parser sees it: limits that keep parsing linear and stacks bounded, and
//! indentation with tabs brought to the form that all parsers understand alike.
//!
//! One pass over the tokens of our own lexer; string and comment aware.

use std::borrow::Cow;

use crate::similarity::lexer::{self, TokenKind};

/// Largest text that is parsed, in bytes (the parser needs some 50 bytes of memory per byte).
pub const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting of brackets, as CPython has it.
pub const MAX_BRACKETS: u32 = 200;
/// Number of indentation levels that CPython refuses, the outermost not counted.
pub const MAX_INDENTS: usize = 100;
/// Most digits of a decimal integer, as CPython has it.
pub const MAX_DIGITS: usize = 4300;
/// Most operators and postfixes in a logical line, and most `elif`s in a text: each may be a level of the tree.
pub const MAX_CHAIN: u32 = 20_000;

/// Why a text is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Byte offset in the text without its byte order mark.
    pub offset: usize,
    /// Class of [`Syntax::Invalid`](super::facts::Syntax::Invalid).
    pub class: &'static str,
    /// One line.
    pub message: String,
}

/// A text that may be parsed.
#[derive(Clone, Debug)]
pub struct Guarded<'a> {
    /// The text without byte order mark and, if it had tabs, with its indentation in blanks: line numbers stay, columns
    /// on rewritten lines move.
    pub text: Cow<'a, str>,
    /// No tree of this text is deeper than this.
    pub depth_bound: u32,
    /// Operators and brackets inside string literals, where a parser of nested f-strings might see code.
    pub hidden: u32,
    /// Lexical tokens of the text.
    pub tokens: u32,
}

/// A level of indentation: columns with tab stops at 8, and at 1, as CPython's tokenizer counts them.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Level {
    column: usize,
    alternative: usize,
}

fn level_of(blanks: &[u8]) -> Level {
    let mut level = Level { column: 0, alternative: 0 };
    for byte in blanks {
        match byte {
            b' ' => {
                level.column += 1;
                level.alternative += 1;
            }
            b'\t' => {
                level.column = (level.column / 8 + 1) * 8;
                level.alternative += 1;
            }
            // A form feed starts the line anew.
            _ => level = Level { column: 0, alternative: 0 },
        }
    }
    level
}

/// What lies between two tokens: whether a line ended there, where the last line began, and whether the token after
/// it is the first thing of its physical line (a continuation's backslash is such a thing).
struct Gap {
    newline: bool,
    line_start: usize,
    continued: bool,
}

fn read_gap(bytes: &[u8], from: usize, to: usize) -> Gap {
    let mut gap = Gap { newline: from == 0, line_start: from, continued: false };
    let mut at = from;
    while at < to {
        match bytes[at] {
            b'#' => {
                while at < to && !matches!(bytes[at], b'\n' | b'\r') {
                    at += 1;
                }
                continue;
            }
            b'\\' => {
                gap.continued = true;
                at += if bytes.get(at + 1) == Some(&b'\r') && bytes.get(at + 2) == Some(&b'\n') { 3 } else { 2 };
                gap.line_start = at;
                continue;
            }
            b'\n' | b'\r' => {
                gap.newline = true;
                gap.continued = false;
                gap.line_start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    gap
}

/// Rewrites the indentation of lines with nothing or only a comment on them: it means nothing to Python, but the parser
/// takes offence at a tab after a blank there too.
fn blank_lines(bytes: &[u8], from: usize, to: usize, rewrites: &mut Vec<(usize, usize, usize)>) {
    let is_end = |at: usize| at > from && matches!(bytes[at - 1], b'\n' | b'\r') || at == 0;
    let mut at = from;
    while at < to {
        let mut end = at;
        if is_end(at) {
            while end < to && matches!(bytes[end], b' ' | b'\t' | 0x0c) {
                end += 1;
            }
            let nothing = bytes.get(end).is_none_or(|byte| matches!(byte, b'\n' | b'\r' | b'#'));
            if nothing && bytes[at..end].contains(&b'\t') {
                rewrites.push((at, end, level_of(&bytes[at..end]).column));
            }
        }
        while end < to && !matches!(bytes[end], b'\n' | b'\r') {
            end += 1;
        }
        at = end + 1;
    }
}

fn is_chain_byte(byte: u8) -> bool {
    matches!(
        byte,
        b'(' | b'[' | b'{' | b'.' | b'+' | b'-' | b'*' | b'/' | b'%' | b'@' | b'&' | b'|' | b'^' | b'~' | b'<' | b'>'
    )
}

fn is_chain_word(word: &str) -> bool {
    matches!(word, "not" | "if" | "else" | "lambda" | "await")
}

fn too_long(offset: usize) -> Refusal {
    let message = format!("an integer of more than {MAX_DIGITS} digits");
    Refusal { offset, class: "too-large", message }
}

/// What the expressions in an f-string may add: operators (words counted too), and the longest run of digits.
fn scan_string(text: &str) -> (u32, usize) {
    let (mut chain, mut digits, mut longest) = (0u32, 0usize, 0usize);
    for byte in text.bytes() {
        if byte.is_ascii_digit() || (byte == b'_' && digits > 0) {
            digits += 1;
            longest = longest.max(digits);
        } else {
            digits = 0;
            chain += u32::from(is_chain_byte(byte));
        }
    }
    let words = text.split(|ch: char| !ch.is_alphanumeric()).filter(|word| is_chain_word(word)).count() as u32;
    (chain + words, longest)
}

fn is_interpolated(literal: &str) -> bool {
    literal.bytes().take_while(|byte| !matches!(byte, b'"' | b'\'')).any(|byte| matches!(byte | 0x20, b'f' | b't'))
}

/// Checks a text and brings it to the form that is parsed.
///
/// # Errors
///
/// A text beyond the limits, with a NUL, or whose tabs and blanks disagree as CPython counts them.
pub fn guard(code: &str) -> Result<Guarded<'_>, Refusal> {
    let code = code.strip_prefix('\u{feff}').unwrap_or(code);
    if code.len() > MAX_BYTES {
        let message = format!("{} bytes are more than {MAX_BYTES}", code.len());
        return Err(Refusal { offset: 0, class: "too-large", message });
    }
    if code.starts_with('\u{feff}') {
        let message = "invalid non-printable character U+FEFF".to_owned();
        return Err(Refusal { offset: 0, class: "syntax", message });
    }
    let bytes = code.as_bytes();
    if let Some(offset) = bytes.iter().position(|byte| *byte == 0) {
        return Err(Refusal { offset, class: "nul", message: "source code cannot contain null bytes".to_owned() });
    }
    let has_tabs = bytes.contains(&b'\t');
    let mut rewrites: Vec<(usize, usize, usize)> = Vec::new();
    let mut levels = vec![Level { column: 0, alternative: 0 }];
    let (mut brackets, mut chain, mut longest_chain, mut elifs, mut hidden, mut deepest) =
        (0u32, 0u32, 0u32, 0u32, 0u32, 0);
    let mut end = 0;
    let mut nested = false;
    let mut tokens = 0u32;
    for token in lexer::tokens(code) {
        tokens += 1;
        let glued = token.start == end && end > 0;
        if !glued && brackets == 0 {
            if has_tabs {
                blank_lines(bytes, end, token.start, &mut rewrites);
            }
            let gap = read_gap(bytes, end, token.start);
            if gap.newline {
                chain = 0;
                if !gap.continued {
                    let level = level_of(&bytes[gap.line_start..token.start]);
                    indent(&mut levels, level, token.start, has_tabs)?;
                    deepest = deepest.max(levels.len());
                    if has_tabs && bytes[gap.line_start..token.start].iter().any(|byte| *byte != b' ') {
                        rewrites.push((gap.line_start, token.start, level.column));
                    }
                }
            }
        }
        end = token.end();
        match token.kind {
            TokenKind::Operator => {
                let byte = bytes[token.start];
                match byte {
                    b'(' | b'[' | b'{' => {
                        brackets += 1;
                        if brackets > MAX_BRACKETS {
                            let message = "too many nested parentheses".to_owned();
                            return Err(Refusal { offset: token.start, class: "too-deep", message });
                        }
                    }
                    b')' | b']' | b'}' => brackets = brackets.saturating_sub(1),
                    _ => {}
                }
                chain += u32::from(is_chain_byte(byte));
            }
            TokenKind::Name => {
                if is_chain_word(token.text) {
                    chain += 1;
                } else if token.text == "elif" {
                    elifs += 1;
                }
            }
            TokenKind::Number => {
                if token.text.len() > MAX_DIGITS
                    && token.text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
                    && token.text.bytes().filter(u8::is_ascii_digit).count() > MAX_DIGITS
                {
                    return Err(too_long(token.start));
                }
            }
            TokenKind::String => {
                if is_interpolated(token.text) {
                    nested |= token.text.matches('{').count() != token.text.matches('}').count();
                    let (inside, digits) = scan_string(token.text);
                    if digits > MAX_DIGITS && token.text.contains('{') {
                        return Err(too_long(token.start));
                    }
                    chain += inside;
                }
                if nested {
                    hidden += token.text.bytes().filter(|byte| is_chain_byte(*byte)).count() as u32;
                }
            }
            TokenKind::Other => {}
        }
        longest_chain = longest_chain.max(chain);
        if chain > MAX_CHAIN || elifs > MAX_CHAIN || hidden > MAX_CHAIN {
            let message = format!("more than {MAX_CHAIN} operators in a line, or branches of one condition");
            return Err(Refusal { offset: token.start, class: "too-complex", message });
        }
    }
    if has_tabs {
        blank_lines(bytes, end, bytes.len(), &mut rewrites);
    }
    let text = if rewrites.is_empty() { Cow::Borrowed(code) } else { Cow::Owned(rewritten(code, &rewrites)) };
    let depth_bound = longest_chain.saturating_mul(2) + elifs + 4 * deepest as u32 + 16;
    Ok(Guarded { text, depth_bound, hidden, tokens })
}

/// Takes a logical line's indentation into the stack of levels, as CPython does.
fn indent(levels: &mut Vec<Level>, level: Level, offset: usize, has_tabs: bool) -> Result<(), Refusal> {
    let tabs =
        || Refusal { offset, class: "tabs", message: "inconsistent use of tabs and spaces in indentation".to_owned() };
    let top = levels.last().copied().unwrap_or(level);
    if level.column > top.column {
        if levels.len() >= MAX_INDENTS {
            let message = "too many levels of indentation".to_owned();
            return Err(Refusal { offset, class: "too-deep", message });
        }
        if level.alternative <= top.alternative {
            return Err(tabs());
        }
        levels.push(level);
        return Ok(());
    }
    while levels.len() > 1 && levels.last().is_some_and(|top| level.column < top.column) {
        levels.pop();
    }
    match levels.last() {
        Some(top) if top.column == level.column && top.alternative != level.alternative => Err(tabs()),
        // Without tabs the parser says this itself, at the right place among other errors.
        Some(top) if top.column != level.column && has_tabs => Err(Refusal {
            offset,
            class: "indentation",
            message: "unindent does not match any outer indentation level".to_owned(),
        }),
        _ => Ok(()),
    }
}

fn rewritten(code: &str, rewrites: &[(usize, usize, usize)]) -> String {
    let mut text = String::with_capacity(code.len() + rewrites.iter().map(|(_, _, blanks)| blanks).sum::<usize>());
    let mut at = 0;
    for &(from, to, blanks) in rewrites {
        text.push_str(&code[at..from]);
        text.extend(std::iter::repeat_n(' ', blanks));
        at = to;
    }
    text.push_str(&code[at..]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(code: &str) -> &'static str {
        guard(code).map_or_else(|refusal| refusal.class, |_| "")
    }

    #[test]
    fn limits_are_those_of_cpython() {
        assert_eq!(class(&format!("x = {}{}", "(".repeat(200), ")".repeat(200))), "");
        assert_eq!(class(&format!("x = {}", "(".repeat(201))), "too-deep");
        let nested =
            |levels: usize| (0..=levels).map(|level| format!("{}if x:\n", " ".repeat(level))).collect::<String>();
        assert_eq!(class(&nested(99)), "");
        assert_eq!(class(&nested(100)), "too-deep");
        assert_eq!(class(&format!("x = {}", "1".repeat(4300))), "");
        assert_eq!(class(&format!("x = {}", "1".repeat(4301))), "too-large");
        assert_eq!(class(&format!("x = 0x{}", "1".repeat(4301))), "");
        assert_eq!(class("x = 'a\0'"), "nul");
        assert_eq!(class(&"#".repeat(MAX_BYTES + 1)), "too-large");
    }

    #[test]
    fn chains_are_counted_per_logical_line_also_in_interpolated_strings() {
        assert_eq!(class(&format!("x = a{}", ".b".repeat(20_001))), "too-complex");
        assert_eq!(class(&"x = a.b.c\n".repeat(20_001)), "");
        assert_eq!(class(&format!("x = f'{{a{}}}'", ".b".repeat(20_001))), "too-complex");
        assert_eq!(class(&format!("if a: pass\n{}", "elif b: pass\n".repeat(20_001))), "too-complex");
        assert_eq!(class(&format!("x = '{}'", ".b".repeat(20_001))), "");
    }

    #[test]
    fn tabs_become_blanks_where_cpython_can_tell_their_width() {
        let text = |code| guard(code).map(|guarded| guarded.text.into_owned()).map_err(|refusal| refusal.class);
        assert_eq!(text("if a:\n\tb\n\tc\t\n"), Ok("if a:\n        b\n        c\t\n".to_owned()));
        assert_eq!(text("if a:\n\tif b:\n            c\n"), Ok("if a:\n        if b:\n            c\n".to_owned()));
        assert_eq!(text("if a:\n\tif b:\n\t    c\n"), Ok("if a:\n        if b:\n            c\n".to_owned()));
        assert_eq!(text("if a:\n  \tb\n"), Ok("if a:\n        b\n".to_owned()));
        assert_eq!(text("if a:\n\tb\n        c\n"), Err("tabs"));
        assert_eq!(
            text("x = [\n\t1]\n\t# c\ny = '''\n\t'''"),
            Ok("x = [\n\t1]\n        # c\ny = '''\n\t'''".to_owned())
        );
        assert_eq!(text("if a:\n\tb\n c\n"), Err("indentation"));
        assert_eq!(
            text(" \t\nif a:\n\tb\n \t# c\n  \t"),
            Ok("        \nif a:\n        b\n        # c\n        ".to_owned())
        );
    }
}
