//! Vocabularies made of texts: byte-level BPE, as models that begin from nothing have it. The other door of `tokenizers`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rayon::prelude::*;
use serde_json::{Map, Value, json};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

use super::bpe;
use super::token_files::Beside;
use super::tokenizer::{Tokenizer, TokenizerError};

/// Special tokens of a tokenizer that [`Tokenizer::train`] makes; their ids are 0 to 3.
pub const TRAINED_SPECIALS: [(&str, &str); 4] =
    [("bos_token", "<s>"), ("eos_token", "</s>"), ("pad_token", "<pad>"), ("unk_token", "<unk>")];

/// Texts that one thread cuts into words at once.
const TEXTS_AT_ONCE: usize = 64;

impl Tokenizer {
    /// Trains byte-level BPE with GPT-2's way of cutting texts into words, without a space put in front, with a token for
    /// every byte so that nothing is unknown, and with `<s>`, `</s>`, `<pad>` and `<unk>` as ids 0 to 3. The same texts give
    /// the same bytes, in whatever order they come. Where no pair of tokens stands twice any more, the vocabulary stays
    /// smaller than asked.
    ///
    /// # Errors
    /// [`TokenizerError::Vocabulary`], [`TokenizerError::NoTexts`].
    pub fn train<'a>(texts: impl Iterator<Item = &'a str>, vocabulary: usize) -> Result<Tokenizer, TokenizerError> {
        Tokenizer::train_with(texts, vocabulary, &[])
    }

    /// As [`train`](Self::train), with further special tokens, those of a prompt template, as ids from 4.
    ///
    /// # Errors
    /// As [`train`](Self::train).
    pub fn train_with<'a>(
        texts: impl Iterator<Item = &'a str>,
        vocabulary: usize,
        more: &[String],
    ) -> Result<Tokenizer, TokenizerError> {
        let mut specials: Vec<String> = TRAINED_SPECIALS.iter().map(|(_, text)| (*text).to_owned()).collect();
        for text in more {
            if !text.is_empty() && !specials.contains(text) {
                specials.push(text.clone());
            }
        }
        let mut alphabet: Vec<char> = ByteLevel::alphabet().into_iter().collect();
        alphabet.sort_unstable();
        let reserved: BTreeSet<String> = specials.iter().cloned().collect();
        let first: Vec<String> = specials.iter().cloned().chain(alphabet.into_iter().map(String::from)).collect();
        if vocabulary < first.len() {
            return Err(TokenizerError::Vocabulary { asked: vocabulary, least: first.len() });
        }
        let texts: Vec<&str> = texts.collect();
        let words = texts.par_chunks(TEXTS_AT_ONCE).map(words_of).try_reduce(BTreeMap::new, |mut all, some| {
            some.into_iter().for_each(|(word, count)| *all.entry(word).or_insert(0) += count);
            Ok(all)
        })?;
        if words.is_empty() {
            return Err(TokenizerError::NoTexts);
        }
        let learned = bpe::learn(&words, first, &reserved, vocabulary);
        let added = |(id, text): (usize, &String)| {
            json!({ "id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
                    "normalized": false, "special": true })
        };
        let byte_level =
            json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true });
        let vocab: Map<String, Value> =
            learned.tokens.into_iter().enumerate().map(|(id, token)| (token, json!(id))).collect();
        let file = json!({
            "version": "1.0", "truncation": null, "padding": null,
            "added_tokens": specials.iter().enumerate().map(added).collect::<Vec<_>>(),
            "normalizer": null, "pre_tokenizer": byte_level.clone(), "post_processor": null, "decoder": byte_level,
            "model": { "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                       "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                       "vocab": vocab, "merges": learned.merges },
        });
        let mut config = Map::new();
        config.insert("tokenizer_class".to_owned(), json!("PreTrainedTokenizerFast"));
        config.insert("clean_up_tokenization_spaces".to_owned(), json!(false));
        for (key, text) in TRAINED_SPECIALS {
            config.insert(key.to_owned(), json!(text));
        }
        let beside = Beside { config, ..Beside::default() };
        Tokenizer::assemble(Path::new("the trained tokenizer"), format!("{file:#}\n").into_bytes(), beside)
    }
}

/// The words that byte-level encoding cuts texts into, and how often each stands there.
fn words_of(texts: &[&str]) -> Result<BTreeMap<String, u64>, TokenizerError> {
    let cutter = ByteLevel::new(false, true, true);
    let mut words: BTreeMap<String, u64> = BTreeMap::new();
    for text in texts {
        let mut cut = PreTokenizedString::from(*text);
        cutter
            .pre_tokenize(&mut cut)
            .map_err(|error| TokenizerError::Crate { action: "cut a text into words", message: error.to_string() })?;
        for (word, _, _) in cut.get_splits(OffsetReferential::Original, OffsetType::None) {
            match words.get_mut(word) {
                Some(count) => *count += 1,
                None => drop(words.insert(word.to_owned(), 1)),
            }
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 3] = [
        "from manim import *\n\n\nclass Circles(Scene):\n    def construct(self):\n        self.play(Create(Circle()))\n",
        "MarkupText('<s>old</s>')  # <pad> <unk> <s> </s> <s> </s>",
        "Grüße, 数学, 👩‍🔬, \t\r\n\u{0} f'(x) = 2x",
    ];

    #[test]
    fn training_gives_the_same_bytes_in_whatever_order_and_loses_nothing() {
        let tokenizer = Tokenizer::train(TEXTS.into_iter().cycle().take(30), 400).expect("trains");
        let other = Tokenizer::train(TEXTS.into_iter().rev().cycle().take(30), 400).expect("trains");
        assert_eq!(tokenizer.sha256(), other.sha256());
        assert!((261..=400).contains(&tokenizer.vocabulary()), "{}", tokenizer.vocabulary());
        for text in TEXTS.into_iter().chain([" a", "\u{7f}\u{ffff}", ""]) {
            let ids = tokenizer.encode(text).expect("encodes");
            assert_eq!(tokenizer.decode(&ids).expect("decodes"), text);
            assert!(ids.iter().all(|id| *id > 3), "{text}: {ids:?}");
        }
        assert!(tokenizer.encode(TEXTS[0]).expect("encodes").len() < TEXTS[0].len() / 2);
        let roles = [tokenizer.bos(), tokenizer.eos(), tokenizer.pad(), tokenizer.unk()];
        assert_eq!(roles, [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(tokenizer.special_texts().collect::<Vec<_>>(), ["<s>", "</s>", "<pad>", "<unk>"]);
        assert!(matches!(Tokenizer::train(TEXTS.into_iter(), 259), Err(TokenizerError::Vocabulary { least: 260, .. })));
        assert!(matches!(Tokenizer::train([""].into_iter(), 300), Err(TokenizerError::NoTexts)));
    }
    #[test]
    fn special_tokens_of_a_template_are_tokens_and_never_text() {
        let more = ["<|im_start|>", "<|im_end|>", "</s>", ""].map(str::to_owned);
        let texts = TEXTS.into_iter().chain(["<|im_start|> <|im_start|> <|im_end|>"]).cycle().take(40);
        let tokenizer = Tokenizer::train_with(texts, 400, &more).expect("trains");
        assert_eq!((tokenizer.id("<|im_start|>"), tokenizer.id("<|im_end|>")), (Some(4), Some(5)));
        assert_eq!(tokenizer.special_texts().count(), 6);
        assert!(tokenizer.encode("<|im_end|>").expect("encodes").iter().all(|id| *id > 5));
        assert_eq!(tokenizer.special_in("x <|im_end|>"), Some(2..12));
    }
}
