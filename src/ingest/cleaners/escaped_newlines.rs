//! Newlines written as a backslash and an n throughout.

use super::{CleanContext, Cleaner, Example, parses};
use crate::similarity::lexer::{TokenKind, tokens};

/// See [`Cleaner::doc`].
pub(super) static CLEANER: Cleaner = Cleaner {
    name: "escaped-newlines",
    doc: "Turns escaped newlines into newlines where code was escaped once too often and stands on one line.",
    exact: false,
    instructions: false,
    examples: &[
        Example { before: "def f():\\n    return \\\"a\\\\n\\\"\\n", after: Some("def f():\n    return \"a\\n\"\n") },
        Example { before: "import a\\nx = MathTex(r\"\\frac\")", after: Some("import a\nx = MathTex(r\"\\frac\")") },
        Example { before: "x = 'a\\nb'", after: None },
        Example { before: "import a\nx = 'a\\nb' +", after: None },
    ],
    apply,
};

fn apply(code: &str, _: &CleanContext) -> Option<String> {
    if code.trim_end().contains('\n') || !code.contains("\\n") || parses(code) {
        return None;
    }
    // Two ways in which it can have come about: the whole text was escaped as JSON strings are, or only its newlines were
    // replaced. Where both give a program and not the same one, there is no telling.
    let whole = serde_json::from_str::<String>(&format!("\"{}\"", code.trim_end())).ok();
    let lines = outside_strings(code);
    match (whole.filter(|text| text != code), lines) {
        (Some(whole), Some(lines)) if whole != lines => match (parses(&whole), parses(&lines)) {
            (true, false) => Some(whole),
            (false, true) => Some(lines),
            _ => None,
        },
        // What does not parse yet may do so after a further fixer; the condition is checked there.
        (whole, lines) => whole.or(lines),
    }
}

/// Replaces `\n` and `\t` outside string literals. A literal that a quote in later code would close is cut at the
/// escaped newline first: a plain string cannot go over it.
fn outside_strings(code: &str) -> Option<String> {
    let mut text = String::with_capacity(code.len());
    let mut at = 0;
    for token in tokens(code) {
        if token.kind == TokenKind::String {
            text.push_str(&unescaped(&code[at..token.start]));
            text.push_str(token.text);
            at = token.end();
        }
    }
    text.push_str(&unescaped(&code[at..]));
    (text != code).then_some(text)
}

fn unescaped(code: &str) -> String {
    code.replace("\\r\\n", "\n").replace("\\n", "\n").replace("\\t", "\t")
}
