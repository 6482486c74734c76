//! What tokens alone say: for texts that do not parse, and for words.

use std::collections::{BTreeMap, BTreeSet};

use crate::similarity::lexer::{TokenKind, tokens};

/// Names and imports of a text that need not parse, or keep its line ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lexical {
    /// Modules after `import` and `from`.
    pub modules: BTreeSet<String>,
    /// Names, with counts.
    pub names: BTreeMap<String, u32>,
    /// Names before a single `=` or after `class`: what the text binds, roughly.
    pub bound: BTreeSet<String>,
}

impl Lexical {
    /// Reads a text's tokens.
    pub fn read(code: &str) -> Self {
        let mut lexical = Lexical::default();
        let list: Vec<_> = tokens(code).filter(|token| token.kind != TokenKind::Other).collect();
        let mut at = 0;
        while at < list.len() {
            let token = list[at];
            at += 1;
            if token.kind != TokenKind::Name {
                continue;
            }
            if matches!(token.text, "import" | "from") {
                let mut module = String::new();
                while let Some(part) = list.get(at) {
                    let expected = if module.is_empty() || module.ends_with('.') {
                        part.kind == TokenKind::Name || part.text == "."
                    } else {
                        part.text == "."
                    };
                    if !expected || part.text == "import" {
                        break;
                    }
                    module.push_str(part.text);
                    at += 1;
                }
                if !module.is_empty() {
                    lexical.modules.insert(module);
                    // The names after `from m import` are no modules.
                    if token.text == "from" && list.get(at).is_some_and(|next| next.text == "import") {
                        at += 1;
                    }
                }
                continue;
            }
            *lexical.names.entry(token.text.to_owned()).or_default() += 1;
            let next = list.get(at).map(|token| token.text);
            let after_class = at >= 2 && list[at - 2].text == "class";
            if next == Some("=") || after_class {
                lexical.bound.insert(token.text.to_owned());
            }
        }
        lexical
    }
}

/// The words of a text, one after the other in one piece of memory: of each its stem, which is how it begins, and the
/// whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    text: String,
    /// Of each word, where it ends, and how much of its end is not stem.
    ends: Vec<(u32, u8)>,
}

impl Words {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The stem of the word at a place.
    pub fn get(&self, at: usize) -> Option<&str> {
        let (end, ending) = *self.ends.get(at)?;
        self.text.get(self.start(at)..end as usize - usize::from(ending))
    }

    /// The whole word at a place.
    pub fn whole(&self, at: usize) -> Option<&str> {
        self.text.get(self.start(at)..self.ends.get(at)?.0 as usize)
    }

    fn start(&self, at: usize) -> usize {
        if at == 0 { 0 } else { self.ends[at - 1].0 as usize }
    }

    /// The stems, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    fn push(&mut self, word: &str, stem: &str) {
        self.text.push_str(word);
        let ending = u8::try_from(word.len() - stem.len()).unwrap_or(0);
        self.ends.push((u32::try_from(self.text.len()).unwrap_or(u32::MAX), ending));
    }
}

impl<'a> FromIterator<&'a str> for Words {
    fn from_iter<I: IntoIterator<Item = &'a str>>(words: I) -> Self {
        let mut made = Words::default();
        words.into_iter().for_each(|word| made.push(word, word));
        made
    }
}

/// The words of a text with their [stems](stem), in order.
pub fn stems(text: &str) -> Words {
    let mut words = Words::default();
    words.text.reserve(text.len());
    words.ends.reserve(text.len() / 6);
    for_each_word(text, |word| words.push(word, stem(word)));
    words
}

const LOWER: u8 = 1;
const UPPER: u8 = 2;
const APOSTROPHE: u8 = 3;
const HIGH: u8 = 4;

/// The class of each byte of a word; 0 where it is of none.
const CLASS: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut byte = 0usize;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            b'\'' => APOSTROPHE,
            0x80..=0xff => HIGH,
            _ => 0,
        };
        byte += 1;
    }
    table
};

/// Calls `take` with every lower-case word of a text: runs of letters, and the parts of `camelCase` and `snake_case`
/// names.
fn for_each_word(text: &str, mut take: impl FnMut(&str)) {
    let bytes = text.as_bytes();
    let mut word = String::new();
    let mut at = 0;
    while at < bytes.len() {
        if CLASS[bytes[at] as usize] == 0 {
            at += 1;
            continue;
        }
        let start = at;
        // Classes that were met, as bits.
        let mut met = 0u8;
        while at < bytes.len() {
            let class = CLASS[bytes[at] as usize];
            match class {
                0 => break,
                HIGH => {
                    let ch = text[at..].chars().next().unwrap_or(' ');
                    if !ch.is_alphabetic() {
                        break;
                    }
                    at += ch.len_utf8();
                }
                _ => at += 1,
            }
            met |= 1 << class;
        }
        if at == start {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        }
        let mut run = &text[start..at];
        if met & (1 << APOSTROPHE) != 0 {
            run = run.trim_matches('\'');
        }
        if run.is_empty() {
            continue;
        }
        if met & (1 << UPPER | 1 << HIGH) == 0 {
            take(run);
        } else {
            parts(run, &mut word, &mut take);
        }
    }
}

/// Splits a run of letters before a capital that follows a small letter or precedes one.
fn parts(run: &str, word: &mut String, take: &mut impl FnMut(&str)) {
    word.clear();
    if run.is_ascii() {
        let bytes = run.as_bytes();
        let mut start = 0;
        word.push_str(run);
        word.make_ascii_lowercase();
        for at in 1..bytes.len() {
            let follows = bytes[at - 1].is_ascii_lowercase();
            let precedes = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
            if bytes[at].is_ascii_uppercase() && (follows || precedes) {
                take(&word[start..at]);
                start = at;
            }
        }
        take(&word[start..]);
        return;
    }
    let mut chars = run.chars().peekable();
    let mut before_is_lower = false;
    while let Some(ch) = chars.next() {
        let starts = ch.is_uppercase() && (before_is_lower || chars.peek().is_some_and(|next| next.is_lowercase()));
        if starts && !word.is_empty() {
            take(word);
            word.clear();
        }
        before_is_lower = ch.is_lowercase();
        word.extend(ch.to_lowercase());
    }
    take(word);
}

/// A word without the endings of plurals and verbs, so that forms of one word compare equal more often than not.
pub fn stem(word: &str) -> &str {
    if !matches!(word.as_bytes().last(), Some(b's' | b'g' | b'd' | b'e' | b'y')) {
        return word;
    }
    for ending in ["ings", "ing", "ies", "es", "ed", "s"] {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.len() >= 3
            && !(ending == "s" && stem.ends_with('s'))
        {
            return stem;
        }
    }
    word.strip_suffix(['e', 'y']).filter(|stem| stem.len() >= 3).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_without_line_ends() {
        let lexical = Lexical::read("from manim import * import numpy as np class A(Scene): x = TexMobject('a");
        assert_eq!(lexical.modules.iter().collect::<Vec<_>>(), ["manim", "numpy"]);
        assert!(lexical.names.contains_key("TexMobject") && lexical.bound.contains("x") && lexical.bound.contains("A"));
        assert_eq!(Lexical::read("from .a.b import c\nimport").modules.iter().collect::<Vec<_>>(), [".a.b"]);
    }

    #[test]
    fn words_are_parts_of_names_in_lower_case() {
        let words = |text: &str| {
            let mut words = Vec::new();
            for_each_word(text, |word| words.push(word.to_owned()));
            words
        };
        assert_eq!(
            words("MovingCameraScene draw_HTMLPage x2 don't"),
            ["moving", "camera", "scene", "draw", "html", "page", "x", "don't"]
        );
        assert_eq!(words("'quoted' '' Ünïcode² 圆形 ΔTime→end"), ["quoted", "ünïcode", "圆形", "δ", "time", "end"]);
        assert!(words("").is_empty() && words("' 12 _'").is_empty());
        let kept = stems("squares Moving");
        assert_eq!((kept.len(), kept.get(0), kept.get(1), kept.get(2)), (2, Some("squar"), Some("mov"), None));
        assert_eq!((kept.whole(0), kept.whole(1), kept.whole(2)), (Some("squares"), Some("moving"), None));
    }

    #[test]
    fn forms_of_a_word_share_a_stem() {
        for (one, two) in [("circle", "circles"), ("square", "squares"), ("rotating", "rotate"), ("boxes", "box")] {
            assert_eq!(stem(one), stem(two), "{one} {two}");
        }
        assert_ne!(stem("class"), stem("clas"));
    }
}
