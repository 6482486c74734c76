//! Prompts, compared by their words.

use super::shingles::{Shingles, Windows};

/// Raised whenever the shingles of some prompt may differ.
pub const VERSION: u32 = 1;

/// Words of a shingle. Prompts are short: two words keep their order in sight, and one changed word costs two shingles.
pub const WORDS: usize = 2;

/// The words of a prompt, in lower case: letters and digits, whatever stands between them.
pub fn words(prompt: &str) -> impl Iterator<Item = String> {
    prompt.split(|ch: char| !ch.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// The shingles of a prompt: two words in a row. A prompt of one word is one
/// shingle, one without words has none.
pub fn shingles(prompt: &str) -> Shingles {
    let (mut windows, mut hashes) = (Windows::<WORDS>::default(), Vec::new());
    words(prompt).for_each(|word| windows.push(&word, &mut |hash| hashes.push(hash)));
    windows.finish(&mut |hash| hashes.push(hash));
    Shingles::of_hashes(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_compared_by_words_alone() {
        let one = shingles("Draw a circle, then a square.");
        assert_eq!(one.len(), 5);
        assert_eq!(one, shingles("draw a Circle;  then a SQUARE!"));
        assert_eq!(one.jaccard(&shingles("Draw a circle, then a triangle.")), 4.0 / 6.0);
        assert_eq!(shingles("Circle").len(), 1);
        assert!(shingles(" ... ").is_empty());
    }
}
