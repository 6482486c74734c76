//! The one tokenizer of texts: the index and every evaluator without an index split instruction and code by it.
//!
//! Made for code. A *run* is a maximal stretch of letters, digits, marks and `_`; a `\` before a letter begins a run
//! (`\frac`). Each run gives its lower-cased whole as a term and its parts (`camelCase`, `snake_case`, `HTTPServer2`,
//! the name after a backslash) as further terms at the same position: `self.play` is the phrase `self` `play`, and
//! `moving` finds `MovingCameraScene`. Scripts that put no blanks between words (Han, Hiragana, Katakana, Thai, Lao,
//! Khmer, Myanmar) give a term per character at positions of their own, so that any substring is a phrase. Everything
//! else separates. Terms are split at [`MAX_TERM_BYTES`].
//!
//! A text is read in its composed form (NFC), so an `é` is the same letter whether it is written as one character or as
//! two. Letters with accents give their word without them as a further term: `mobius` finds `Möbius`; `möbius` finds
//! only that.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Longest term in bytes; what is longer is split into pieces of at most this many, at consecutive positions.
pub const MAX_TERM_BYTES: usize = 128;

/// Raised whenever the terms of some text may differ; an index made with another version is rebuilt.
pub const VERSION: u32 = 2;

/// A term of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Lower-cased text of the term.
    pub text: String,
    /// Position; the parts of a run share the position of its whole.
    pub position: u32,
    /// Byte range in the text (in its composed form, where it is not composed).
    pub start: usize,
    /// End of the byte range.
    pub end: usize,
}

/// Splits a text into all its terms, in order of position, the whole of a run before its parts.
pub fn terms(text: &str) -> Vec<Term> {
    let mut out = Vec::new();
    for_each_term(text, &mut |term, position, start, end| {
        out.push(Term { text: term.to_owned(), position, start, end });
    });
    out
}

/// Splits what somebody looks for into its terms: the whole of each run, one per position.
pub fn phrase(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for_each_term(text, &mut |term, position, _, _| {
        if position as usize == out.len() {
            out.push(term.to_owned());
        }
    });
    out
}

/// Calls `take` with (term, position, start byte, end byte) for every term, the whole of a run before its parts. Bytes are
/// those of the composed text.
pub fn for_each_term(text: &str, take: &mut dyn FnMut(&str, u32, usize, usize)) {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        for_each_composed(text, take);
    } else {
        for_each_composed(&text.nfc().collect::<String>(), take);
    }
}

fn for_each_composed(text: &str, take: &mut dyn FnMut(&str, u32, usize, usize)) {
    let mut splitter = Splitter { text, position: 0, lowered: String::new() };
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte < 128 {
            let class = CLASS[byte as usize];
            if class == WORD || (byte == b'\\' && bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic)) {
                at = splitter.run(at, take);
            } else {
                at += 1;
            }
            continue;
        }
        let ch = text[at..].chars().next().unwrap_or(' ');
        if is_unspaced(ch) {
            splitter.single(at, at + ch.len_utf8(), take);
            at += ch.len_utf8();
        } else if is_word(ch) {
            at = splitter.run(at, take);
        } else {
            at += ch.len_utf8();
        }
    }
}

/// Whether consecutive `terms` (the last a prefix where `prefix`) stand somewhere in `text`: the rule that a phrase
/// query in the index follows. An empty list stands nowhere.
pub fn contains_phrase(text: &str, terms: &[String], prefix: bool) -> bool {
    if terms.is_empty() {
        return false;
    }
    let fits = |wanted: usize, term: &str| {
        if prefix && wanted + 1 == terms.len() { term.starts_with(&terms[wanted]) } else { term == terms[wanted] }
    };
    // open[k]: the first k + 1 terms end at `last`; next[k]: at the position being read.
    let mut open = vec![false; terms.len()];
    let mut next = vec![false; terms.len()];
    let mut last = u32::MAX;
    let mut found = false;
    for_each_term(text, &mut |term, position, _, _| {
        if found {
            return;
        }
        if position != last {
            if last != u32::MAX && position == last + 1 {
                std::mem::swap(&mut open, &mut next);
            } else {
                open.fill(false);
            }
            next.fill(false);
            last = position;
        }
        for wanted in 0..terms.len() {
            if (wanted == 0 || open[wanted - 1]) && fits(wanted, term) {
                next[wanted] = true;
            }
        }
        found = next[terms.len() - 1];
    });
    found
}

const WORD: u8 = 1;
const CLASS: [u8; 128] = {
    let mut table = [0u8; 128];
    let mut at = 0;
    while at < 128 {
        let byte = at as u8;
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            table[at] = WORD;
        }
        at += 1;
    }
    table
};

/// Whether a character belongs to a word.
pub fn is_word(ch: char) -> bool {
    ch.is_alphanumeric() || ch == '_' || is_mark(ch)
}

/// Combining marks of the scripts that mathematics and natural language use with letters.
fn is_mark(ch: char) -> bool {
    matches!(ch,
        '\u{0300}'..='\u{036F}' | '\u{0483}'..='\u{0489}' | '\u{0591}'..='\u{05BD}' | '\u{0610}'..='\u{061A}'
        | '\u{064B}'..='\u{065F}' | '\u{0670}' | '\u{06D6}'..='\u{06DC}' | '\u{0900}'..='\u{0903}' | '\u{093A}'..='\u{094F}'
        | '\u{0951}'..='\u{0957}' | '\u{0962}'..='\u{0963}' | '\u{0981}'..='\u{0983}' | '\u{09BC}'..='\u{09CD}'
        | '\u{0A3C}'..='\u{0A4D}' | '\u{0ABC}'..='\u{0ACD}' | '\u{0B3C}'..='\u{0B4D}' | '\u{0BBE}'..='\u{0BCD}'
        | '\u{0C3E}'..='\u{0C4D}' | '\u{0CBC}'..='\u{0CCD}' | '\u{0D3E}'..='\u{0D4D}' | '\u{1AB0}'..='\u{1AFF}'
        | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

/// Letters of scripts that are written without blanks between words.
fn is_unspaced(ch: char) -> bool {
    matches!(ch,
        '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{3040}'..='\u{30FF}'
        | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3134F}')
        && (ch.is_alphanumeric() || is_mark(ch))
}

struct Splitter<'t> {
    text: &'t str,
    position: u32,
    lowered: String,
}

impl Splitter<'_> {
    /// Takes the run that begins at `start`; returns where it ends.
    fn run(&mut self, start: usize, take: &mut dyn FnMut(&str, u32, usize, usize)) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = start + usize::from(bytes[start] == b'\\');
        let mut ascii = true;
        while at < bytes.len() {
            if bytes[at] < 128 {
                if CLASS[bytes[at] as usize] != WORD {
                    break;
                }
                at += 1;
            } else {
                let ch = self.text[at..].chars().next().unwrap_or(' ');
                if !is_word(ch) || is_unspaced(ch) {
                    break;
                }
                ascii = false;
                at += ch.len_utf8();
            }
        }
        let end = at;
        let mut from = start;
        while from < end {
            let mut to = end;
            if to - from > MAX_TERM_BYTES {
                to = from + MAX_TERM_BYTES;
                while !self.text.is_char_boundary(to) {
                    to -= 1;
                }
            }
            self.emit(from, to, ascii, take);
            self.parts(from, to, ascii, take);
            self.position += 1;
            from = to;
        }
        end
    }

    fn single(&mut self, start: usize, end: usize, take: &mut dyn FnMut(&str, u32, usize, usize)) {
        self.emit(start, end, false, take);
        self.position += 1;
    }

    fn emit(&mut self, start: usize, end: usize, ascii: bool, take: &mut dyn FnMut(&str, u32, usize, usize)) {
        let piece = &self.text[start..end];
        if ascii && !piece.bytes().any(|byte| byte.is_ascii_uppercase()) {
            take(piece, self.position, start, end);
            return;
        }
        self.lowered.clear();
        if ascii {
            self.lowered.push_str(piece);
            self.lowered.make_ascii_lowercase();
        } else {
            self.lowered.extend(piece.chars().flat_map(char::to_lowercase));
        }
        take(&self.lowered, self.position, start, end);
        if !ascii {
            let accent = |ch: &char| ('\u{0300}'..='\u{036F}').contains(ch);
            let plain: String = self.lowered.nfd().filter(|ch| !accent(ch)).nfc().collect();
            if !plain.is_empty() && plain != self.lowered {
                take(&plain, self.position, start, end);
            }
        }
    }

    /// Emits the parts of a piece of a run, where it has more than one or begins with a backslash.
    fn parts(&mut self, start: usize, end: usize, ascii: bool, take: &mut dyn FnMut(&str, u32, usize, usize)) {
        let bytes = self.text.as_bytes();
        let mut from = start;
        if bytes[start] == b'\\' {
            from += 1;
            self.emit(from, end, ascii, take);
            // A newline or tab escape in a string is glued to the word after it: `\nHello`.
            if matches!(bytes[from], b'n' | b't' | b'r') && from + 1 < end {
                self.emit(from + 1, end, ascii, take);
            }
        }
        if ascii && bytes[from..end].iter().all(u8::is_ascii_lowercase) {
            return;
        }
        let whole = from;
        let mut kind = Shape::Break;
        let mut part = from;
        let mut at = from;
        while at < end {
            let ch =
                if bytes[at] < 128 { char::from(bytes[at]) } else { self.text[at..].chars().next().unwrap_or('_') };
            let width = ch.len_utf8();
            let shape = Shape::of(ch);
            let cut = match (kind, shape) {
                (Shape::Lower | Shape::Digit, Shape::Upper) | (Shape::Digit, Shape::Lower) => true,
                (Shape::Lower | Shape::Upper, Shape::Digit) => true,
                (Shape::Upper, Shape::Upper) => {
                    // The last capital before a small letter begins a part: HTTPServer.
                    self.text[at + width..end].chars().next().is_some_and(|next| Shape::of(next) == Shape::Lower)
                }
                (Shape::Break, _) | (_, Shape::Break) => true,
                _ => false,
            };
            if cut {
                self.part(whole, end, part, at, ascii, take);
                part = if shape == Shape::Break { at + width } else { at };
            }
            kind = shape;
            at += width;
        }
        self.part(whole, end, part, end, ascii, take);
    }

    /// Emits one part unless it is empty or the whole.
    fn part(
        &mut self,
        whole: usize,
        end: usize,
        from: usize,
        to: usize,
        ascii: bool,
        take: &mut dyn FnMut(&str, u32, usize, usize),
    ) {
        if from < to && !(from == whole && to == end) {
            self.emit(from, to, ascii, take);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Break,
    Lower,
    Upper,
    Digit,
}

impl Shape {
    fn of(ch: char) -> Shape {
        if ch == '_' {
            Shape::Break
        } else if ch.is_numeric() {
            Shape::Digit
        } else if ch.is_uppercase() {
            Shape::Upper
        } else {
            Shape::Lower
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = String::new();
        let mut last = None;
        for term in terms(text) {
            if last == Some(term.position) {
                out.push('|');
            } else if last.is_some() {
                out.push(' ');
            }
            last = Some(term.position);
            out.push_str(&term.text);
        }
        out
    }

    #[test]
    fn code_splits_into_runs_and_their_parts() {
        assert_eq!(shown("self.play(Create(c))"), "self play create c");
        assert_eq!(shown("MovingCameraScene"), "movingcamerascene|moving|camera|scene");
        assert_eq!(shown("run_time=2"), "run_time|run|time 2");
        assert_eq!(shown("HTTPServer2"), "httpserver2|http|server|2");
        assert_eq!(shown("__init__"), "__init__|init");
        assert_eq!(shown(r"\frac{d}{dx}"), r"\frac|frac d dx");
        assert_eq!(shown(r"'Hello\nWorld'"), r"hello \nworld|nworld|world|n|world");
        assert_eq!(shown("x² + Ünïcode"), "x²|x|² ünïcode|unicode");
    }

    #[test]
    fn unspaced_scripts_give_a_term_per_character() {
        assert_eq!(shown("动画 Circle圆"), "动 画 circle 圆");
        assert!(contains_phrase("绘制一个圆形动画", &phrase("圆形"), false));
        assert!(!contains_phrase("绘制一个圆动画形", &phrase("圆形"), false));
    }

    #[test]
    fn long_runs_are_split_at_consecutive_positions() {
        let long = "a".repeat(300);
        let pieces = phrase(&long);
        assert_eq!(pieces.iter().map(String::len).collect::<Vec<_>>(), [128, 128, 44]);
        assert!(contains_phrase(&long, &pieces, false));
    }

    #[test]
    fn phrases_are_found_in_order_only_and_prefixes_at_the_end() {
        let text = "self.play(Transform(square, circle)); self.wait()";
        assert!(contains_phrase(text, &phrase("self.play"), false));
        assert!(contains_phrase(text, &phrase("transform square"), false));
        assert!(!contains_phrase(text, &phrase("transform circle"), false));
        assert!(contains_phrase(text, &phrase("square cir"), true));
        assert!(!contains_phrase(text, &phrase("square cir"), false));
        assert!(contains_phrase("a a b", &phrase("a b"), false));
        assert!(!contains_phrase("anything", &[], false));
    }

    #[test]
    fn a_letter_is_the_same_however_it_is_written() {
        let (one, two) = ("Café Möbius", "Cafe\u{301} Mo\u{308}bius");
        assert_eq!(shown(one), "café|cafe möbius|mobius");
        assert_eq!(shown(two), shown(one));
        assert!(contains_phrase(two, &phrase("café"), false));
        assert!(contains_phrase(two, &phrase("mobius"), false));
        assert!(!contains_phrase("a Mobius strip", &phrase("möbius"), false));
        // signs of vowels are no accents, and kana are composed
        assert_eq!(shown("वृत्त"), "वृत्त");
        assert_eq!(shown("か\u{3099}"), "が");
    }

    #[test]
    fn byte_ranges_hold_the_text_of_the_term() {
        let text = "Écrire MovingCamera_x \\alpha 圆";
        for term in terms(text) {
            let there = text[term.start..term.end].to_lowercase();
            assert!(there == term.text || term.text == "ecrire", "{there} {}", term.text);
        }
    }
}
