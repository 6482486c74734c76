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

/// Splits a text into lower-case words: runs of letters, and the parts of `camelCase` and `snake_case` names.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for run in text.split(|ch: char| !ch.is_alphabetic() && ch != '\'') {
        let run = run.trim_matches('\'');
        if run.is_empty() {
            continue;
        }
        if run.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'\'') {
            words.push(run.to_owned());
            continue;
        }
        let mut word = String::new();
        let mut chars = run.chars().peekable();
        let mut before_is_lower = false;
        while let Some(ch) = chars.next() {
            let starts = ch.is_uppercase() && (before_is_lower || chars.peek().is_some_and(|next| next.is_lowercase()));
            if starts && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            before_is_lower = ch.is_lowercase();
            word.extend(ch.to_lowercase());
        }
        words.push(word);
    }
    words
}

/// The words of a text, each [stemmed](stem), in order.
pub fn stems(text: &str) -> Vec<String> {
    let mut words = words(text);
    for word in &mut words {
        let length = stem(word).len();
        word.truncate(length);
    }
    words
}

/// A word without the endings of plurals and verbs, so that forms of one word compare equal more often than not.
pub fn stem(word: &str) -> &str {
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
        assert_eq!(
            words("MovingCameraScene draw_HTMLPage x2 don't"),
            ["moving", "camera", "scene", "draw", "html", "page", "x", "don't"]
        );
    }

    #[test]
    fn forms_of_a_word_share_a_stem() {
        for (one, two) in [("circle", "circles"), ("square", "squares"), ("rotating", "rotate"), ("boxes", "box")] {
            assert_eq!(stem(one), stem(two), "{one} {two}");
        }
        assert_ne!(stem("class"), stem("clas"));
    }
}
