//! What ends an answer, and the text of an answer while it grows.
//!
//! Tokens of a byte-level vocabulary may end inside a character, and some vocabularies decode a token by the one before.
//! [`Growing`] therefore decodes from the token before the newest ones, takes what that adds, and waits where it ends in a
//! character that is not whole. Stop strings are looked for in that text, so it does not matter which tokens they are cut into.

use serde::{Deserialize, Serialize};

use super::GenerateError;

/// What turns token ids into text.
pub trait Decode: Sync {
    /// Text of tokens; special tokens are left out, bytes that are no character are U+FFFD.
    ///
    /// # Errors
    /// Where the vocabulary cannot decode them.
    fn decode(&self, ids: &[u32]) -> Result<String, GenerateError>;

    /// Tokens that there are: ids from here on, which a model may have rows for, are never chosen.
    fn vocabulary(&self) -> usize;
}

impl Decode for crate::prompt::tokenizer::Tokenizer {
    fn decode(&self, ids: &[u32]) -> Result<String, GenerateError> {
        Ok(crate::prompt::tokenizer::Tokenizer::decode(self, ids)?)
    }

    fn vocabulary(&self) -> usize {
        crate::prompt::tokenizer::Tokenizer::vocabulary(self)
    }
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// The model predicted a token that ends answers.
    StopId,
    /// The text held a stop string; it is cut before it.
    StopString,
    /// The most tokens that were asked for.
    MaxTokens,
    /// The model knows no more positions.
    ContextFull,
    /// The last constant run of a skeleton was fed.
    TemplateEnd,
}

impl Stop {
    /// The word for it, as files and the store have it.
    pub fn word(self) -> &'static str {
        match self {
            Stop::StopId => "stop-id",
            Stop::StopString => "stop-string",
            Stop::MaxTokens => "max-tokens",
            Stop::ContextFull => "context-full",
            Stop::TemplateEnd => "template-end",
        }
    }
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// Why.
    pub(super) stop: Stop,
    /// The stop string that it holds: where it begins in the text, and which it is.
    pub(super) found: Option<(usize, usize)>,
}

impl From<Stop> for Ending {
    fn from(stop: Stop) -> Ending {
        Ending { stop, found: None }
    }
}

/// The text of tokens that come one after the other.
#[derive(Clone, Debug, Default)]
pub struct Growing {
    /// First token of what is decoded again.
    from: usize,
    /// First token whose text has not been taken.
    taken: usize,
    text: String,
}

impl Growing {
    /// The text so far, characters that are not whole left out.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Takes what the tokens add to the text; `ids` are all tokens so far. Answers where the new text begins, in bytes.
    ///
    /// # Errors
    /// As [`Decode::decode`].
    pub fn grow(&mut self, decode: &dyn Decode, ids: &[u32]) -> Result<usize, GenerateError> {
        let before = self.text.len();
        let old = decode.decode(&ids[self.from..self.taken])?;
        let new = decode.decode(&ids[self.from..])?;
        if new.ends_with('\u{FFFD}') {
            return Ok(before);
        }
        match new.strip_prefix(old.as_str()) {
            Some(added) => {
                self.text.push_str(added);
                if !added.is_empty() {
                    (self.from, self.taken) = (self.taken, ids.len());
                }
                Ok(before)
            }
            // The vocabulary changes what stood before: the whole is decoded, and is new from where it differs.
            None => {
                let whole = decode.decode(ids)?;
                let same = whole.bytes().zip(self.text.bytes()).take_while(|(a, b)| a == b).count();
                let same = (0..=same).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0);
                self.text = whole;
                self.taken = ids.len();
                Ok(same)
            }
        }
    }

    /// The whole text of the tokens, what is no character included.
    ///
    /// # Errors
    /// As [`Decode::decode`].
    pub fn finish(self, decode: &dyn Decode, ids: &[u32]) -> Result<String, GenerateError> {
        decode.decode(ids)
    }
}

/// The first stop string of a text: where it begins, and which it is. Looked for from `from` on.
pub fn find(text: &str, from: usize, stops: &[String]) -> Option<(usize, usize)> {
    let from = (0..=from.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let places = stops.iter().enumerate();
    places.filter_map(|(which, stop)| text[from..].find(stop.as_str()).map(|at| (from + at, which))).min()
}

/// Where a stop string that ends in new text may begin at the earliest: so many bytes before it.
pub fn reach(stops: &[String]) -> usize {
    stops.iter().map(String::len).max().unwrap_or(1).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vocabulary of bytes; 256 is a special token, 257 a word with a blank before it that is lost at the beginning.
    struct Bytes;

    impl Decode for Bytes {
        fn decode(&self, ids: &[u32]) -> Result<String, GenerateError> {
            let mut bytes = Vec::new();
            for (at, id) in ids.iter().enumerate() {
                match id {
                    257 if at == 0 => bytes.extend(b"word"),
                    257 => bytes.extend(b" word"),
                    id => bytes.extend(u8::try_from(*id).ok()),
                }
            }
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }

        fn vocabulary(&self) -> usize {
            258
        }
    }

    fn grown(ids: &[u32]) -> Vec<String> {
        let mut growing = Growing::default();
        (1..=ids.len())
            .map(|to| {
                growing.grow(&Bytes, &ids[..to]).expect("it decodes");
                growing.text().to_owned()
            })
            .collect()
    }

    #[test]
    fn characters_come_whole_whatever_tokens_they_are_cut_into() {
        let text = "aé圆🎬z";
        let ids: Vec<u32> = text.bytes().map(u32::from).collect();
        let seen = grown(&ids);
        assert_eq!(seen.last().map(String::as_str), Some(text));
        assert!(seen.iter().all(|part| text.starts_with(part.as_str())), "{seen:?}");
        assert_eq!(seen[1], "a");
        assert_eq!(seen[5], "aé圆");
    }

    #[test]
    fn tokens_that_are_read_by_what_stands_before_them_are_right() {
        assert_eq!(
            grown(&[257, 257, 256, 257, 33]),
            ["word", "word word", "word word", "word word word", "word word word!"]
        );
    }

    #[test]
    fn bytes_that_never_become_a_character_are_shown_at_the_end() {
        let ids = [u32::from(b'a'), 0xE5];
        let mut growing = Growing::default();
        growing.grow(&Bytes, &ids[..1]).expect("it decodes");
        growing.grow(&Bytes, &ids).expect("it decodes");
        assert_eq!(growing.text(), "a");
        assert_eq!(growing.finish(&Bytes, &ids).expect("it decodes"), "a\u{FFFD}");
        // A byte that can no longer become one does not hold up what follows.
        assert_eq!(grown(&[0xE5, u32::from(b'b')]).last().map(String::as_str), Some("\u{FFFD}b"));
    }

    #[test]
    fn the_first_stop_string_is_found_from_any_place() {
        let stops = ["```".to_owned(), "\n\n\n".to_owned(), "``".to_owned()];
        assert_eq!(find("a```b\n\n\n", 0, &stops), Some((1, 0)));
        assert_eq!(find("a```b\n\n\n", 2, &stops), Some((2, 2)));
        assert_eq!(find("é``", 1, &stops), Some((2, 2)));
        assert_eq!(find("none", 0, &stops), None);
        assert_eq!((reach(&stops), reach(&[])), (2, 0));
    }
}
