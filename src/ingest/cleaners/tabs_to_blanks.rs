//! Tabs and blanks mixed in indentation.

use super::{CleanContext, Cleaner, Example, parses};
use crate::similarity::lexer::{TokenKind, tokens};

/// See [`Cleaner::doc`].
pub(super) static CLEANER: Cleaner = Cleaner {
    name: "tabs-to-blanks",
    doc: "Turns tabs in indentation into blanks where both are mixed so that Python refuses them; by 8 or by 4, if only one reading is possible.",
    exact: false,
    instructions: false,
    examples: &[
        Example { before: "if a:\n        x = 1\n\ty = 2\n", after: Some("if a:\n        x = 1\n        y = 2\n") },
        Example { before: "if a:\n    x = 1\n\ty = 2\n", after: Some("if a:\n    x = 1\n    y = 2\n") },
        Example { before: "if a:\n\tx = 1\n", after: None },
        Example { before: "if a:\n    if b:\n        x = 1\n\ty = '\t'\n", after: None },
    ],
    apply,
};

fn apply(code: &str, _: &CleanContext) -> Option<String> {
    // Tabs alone are not refused: both must stand in indentation.
    if !code.contains('\t') {
        return None;
    }
    let indents = |c: char| code.split('\n').any(|line| line[..line.len() - line.trim_start().len()].contains(c));
    if !indents('\t') || !indents(' ') || parses(code) {
        return None;
    }
    let starts = indented_lines(code);
    let by_eight = expanded(code, &starts, 8);
    let by_four = expanded(code, &starts, 4);
    match (parses(&by_eight), parses(&by_four)) {
        (true, true) => (levels(&by_eight) == levels(&by_four)).then_some(by_four),
        (true, false) => Some(by_eight),
        (false, true) => Some(by_four),
        (false, false) => None,
    }
}

/// Offsets of the lines that start outside string literals.
fn indented_lines(code: &str) -> Vec<usize> {
    let strings: Vec<(usize, usize)> = tokens(code)
        .filter(|token| token.kind == TokenKind::String && token.text.contains('\n'))
        .map(|token| (token.start, token.end()))
        .collect();
    let mut starts = vec![0];
    starts.extend(code.match_indices('\n').map(|(at, _)| at + 1));
    let mut next = 0;
    starts.retain(|start| {
        while strings.get(next).is_some_and(|(_, end)| end <= start) {
            next += 1;
        }
        strings.get(next).is_none_or(|(from, _)| from >= start)
    });
    starts
}

fn expanded(code: &str, starts: &[usize], width: usize) -> String {
    let mut text = String::with_capacity(code.len() + 64);
    let mut at = 0;
    for start in starts {
        text.push_str(&code[at..*start]);
        let line = &code[*start..];
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        let mut column = 0;
        for c in indent.chars() {
            column = if c == '\t' { (column / width + 1) * width } else { column + 1 };
        }
        text.extend(std::iter::repeat_n(' ', column));
        at = start + indent.len();
    }
    text.push_str(&code[at..]);
    text
}

/// How deep each line stands, by the stack of indentations; blank lines and comments have none.
fn levels(code: &str) -> Vec<usize> {
    let mut stack = vec![0];
    let mut found = Vec::new();
    for start in indented_lines(code) {
        let line = code[start..].split('\n').next().unwrap_or("");
        let body = line.trim_start_matches(' ');
        if body.trim().is_empty() || body.starts_with('#') {
            continue;
        }
        let column = line.len() - body.len();
        while stack.last().is_some_and(|top| *top > column) {
            stack.pop();
        }
        if stack.last() != Some(&column) {
            stack.push(column);
        }
        found.push(stack.len());
    }
    found
}
