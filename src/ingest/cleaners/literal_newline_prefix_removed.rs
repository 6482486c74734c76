//! A literal `\n` before the code.

use super::{CleanContext, Cleaner, Example, parses};

/// See [`Cleaner::doc`].
pub(super) static CLEANER: Cleaner = Cleaner {
    name: "literal-newline-prefix-removed",
    doc: "Removes a backslash and an n (two characters) before the code, with the blank behind them; no program starts so.",
    exact: true,
    instructions: false,
    examples: &[
        Example { before: "\\n x = 1", after: Some("x = 1") },
        Example { before: "\\n\\n x = 1\ny = 2", after: Some("x = 1\ny = 2") },
        Example { before: "\\n        x = 1\ny = 2", after: Some("x = 1\ny = 2") },
        Example { before: "\\n     x = 1\n    y = 2", after: Some("    x = 1\n    y = 2") },
        Example { before: "x = '\\n '", after: None },
    ],
    apply,
};

fn apply(code: &str, _: &CleanContext) -> Option<String> {
    let mut rest = code.trim_start_matches(['\n', '\r']);
    let start = rest;
    while let Some(after) = rest.trim_start_matches(' ').strip_prefix("\\n") {
        // `\nfrom` is a newline and code all the same; `\name` inside a text never stands first.
        rest = after;
    }
    if rest.len() == start.len() {
        return None;
    }
    // The prefix is the two characters and one blank. Blanks behind belong to the code's first line, unless they are all
    // that keeps it from parsing.
    let kept = rest.strip_prefix(' ').unwrap_or(rest);
    let bare = rest.trim_start_matches(' ');
    if bare.len() < kept.len() && !parses(kept) && parses(bare) {
        return Some(bare.to_owned());
    }
    Some(kept.to_owned())
}
