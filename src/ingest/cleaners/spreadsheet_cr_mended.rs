//! Carriage returns as spreadsheets write them.

use super::{CleanContext, Cleaner, Example};

/// How Office Open XML writes a carriage return in a cell (ECMA-376, ST_Xstring).
const MARK: &str = "_x000D_";

/// See [`Cleaner::doc`].
pub(super) static CLEANER: Cleaner = Cleaner {
    name: "spreadsheet-cr-mended",
    doc: "Removes `_x000D_`, a carriage return that went through a spreadsheet, where it stands at the ends of lines only.",
    exact: true,
    instructions: true,
    examples: &[
        Example { before: "x = 1_x000D_\ny = 2_x000D_", after: Some("x = 1\ny = 2") },
        Example { before: "x = 1_x000D_\r\ny = 2", after: Some("x = 1\r\ny = 2") },
        Example { before: "f_x000D_g = 1\n", after: None },
    ],
    apply,
};

fn apply(text: &str, _: &CleanContext) -> Option<String> {
    if !text.contains(MARK) {
        return None;
    }
    let mut fixed = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        let mut bare = body;
        while let Some(rest) = bare.strip_suffix(MARK) {
            bare = rest;
        }
        if bare.contains(MARK) {
            return None;
        }
        fixed.push_str(bare);
        fixed.push_str(&line[body.len()..]);
    }
    Some(fixed)
}
