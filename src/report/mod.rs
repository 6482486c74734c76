//! Numbers for papers and data cards: what became of every row, and whether a published table says so.
//!
//! [`ledger`] is the account of a store by source, made into text, Markdown, CSV or JSON by one renderer.
//! [`check`](mod@check) reads such a table, ours or anybody's, and refuses one whose parts do not add up. Both speak in
//! the same sentence: how many rows are unexplained, and the two sums that differ.

mod equation;

pub mod check;
pub mod ledger;

pub use check::{CheckError, Checked, Finding, check};
pub use equation::thousands;
pub use ledger::{Entry, Format, Imbalance, Ledger, Sides, Table};

/// Shows control characters, line ends among them, as symbols: text from a dataset stays on its line and in its cell.
fn plain(text: &str) -> String {
    text.chars()
        .map(|ch| match ch {
            // Control pictures stand at U+2400 + code.
            '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + ch as u32).unwrap_or('\u{FFFD}'),
            '\u{7f}' => '\u{2421}',
            '\u{80}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => '\u{FFFD}',
            other => other,
        })
        .collect()
}
