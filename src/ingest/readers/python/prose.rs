//! Which comments and docstrings are descriptions of a scene.

use crate::sample::is_placeholder_description;

/// The shortest description, in characters, of a script with blanks between words.
const MIN_CHARS: usize = 20;

/// The same in words.
const MIN_WORDS: usize = 4;

/// The same in characters of scripts without blanks.
const MIN_IDEOGRAPHS: usize = 8;

/// The text as a description, if it is prose: words of a language, not code that was commented out, a ruler, a
/// command line or a placeholder. White space is made single blanks, paragraphs stay apart.
pub(super) fn description(text: &str) -> Option<String> {
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .map(|paragraph| paragraph.trim_matches(['-', '=', '#', '*', '~', '_', ' ']).to_owned())
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    let text = paragraphs.join("\n\n");
    if is_placeholder_description(&text) || looks_like_code(&text) {
        return None;
    }
    let ideographs = text.chars().filter(|c| matches!(*c as u32, 0x3040..=0x30ff | 0x3400..=0x9fff | 0xac00..=0xd7af)).count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let marks = text.chars().filter(|c| !c.is_alphanumeric() && !c.is_whitespace()).count();
    let words = text.split_whitespace().filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() >= 2).count();
    let long = ideographs >= MIN_IDEOGRAPHS || (text.chars().count() >= MIN_CHARS && words >= MIN_WORDS);
    (long && letters > 4 * marks).then_some(text)
}

/// Tells code and command lines from sentences.
fn looks_like_code(text: &str) -> bool {
    const SIGNS: &[&str] = &[
        "self.", "def ", "class ", "import ", " = ", "==", "()", "):", "manim -", "manimgl ", "manim render", "python ", "pip ", ">>>", "://",
        ".py ", "TODO", "FIXME", "noqa", "type: ignore", "pylint", "Copyright", "License", "-*-",
    ];
    SIGNS.iter().any(|sign| text.contains(sign)) || text.ends_with(".py")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_descriptions() {
        for text in [
            "Shows how a square turns into a circle.",
            "  A proof of the theorem\n    by rearrangement.  \n",
            "用动画说明勾股定理的证明过程",
            "---- Draws the unit circle and a tangent ----",
        ] {
            assert!(description(text).is_some(), "{text}");
        }
        assert_eq!(description("A proof\n  of two\n\nthings by moving parts.").unwrap(), "A proof of two\n\nthings by moving parts.");
    }

    #[test]
    fn code_rulers_commands_and_labels_are_none() {
        for text in [
            "self.play(Create(circle)) and then wait a bit",
            "##########################",
            "manim -pql main.py Intro and some more words",
            "Scene 1",
            "TODO write what this scene shows to people",
            "[PLACEHOLDER - needs a description of it]",
            "circle = Circle() square = Square() of some kind",
        ] {
            assert_eq!(description(text), None, "{text}");
        }
    }
}
