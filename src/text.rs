//! The one tokenizer of texts: the index and every evaluator without an index split instruction and code by it.
//!
//! Made for code. A *run* is a maximal stretch of letters, digits, marks and `_`; a `\` before letters belongs to the
//! run (`\frac`). Each run gives its lower-cased whole as a term, and its parts (`camelCase`, `snake_case`,
//! `HTTPServer2`) as further terms at the same position, so `self.play` is the phrase `self` `play`, and `moving` finds
//! `MovingCameraScene`. Scripts that put no blanks between words (Han, Hiragana, Katakana, Thai, Lao, Khmer, Myanmar)
//! give a term per character, at positions of their own, so that any substring is a phrase. Other symbols separate.

/// Longest term in bytes; what is longer is split into pieces of at most this many, at consecutive positions.
pub const MAX_TERM_BYTES: usize = 128;

/// A term of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Lower-cased text of the term.
    pub text: String,
    /// Position; the parts of a run share the position of its whole.
    pub position: u32,
    /// Byte range in the text.
    pub start: usize,
    /// End of the byte range.
    pub end: usize,
}
