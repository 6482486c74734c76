//! Tokenizers: Hugging Face's files read and written. The door of the crate `tokenizers`.
//!
//! Special tokens are never added and never arise from text: they come from the segments of a contract alone. What
//! `tokenizer.json` says about truncation, padding and special tokens around a text is set aside when it is read, since
//! it would change rows unseen; the file itself is kept byte for byte, and its SHA-256 names the tokenizer.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokenizers::{AddedToken, NormalizedString, Normalizer, PostProcessorWrapper};

use super::files::write_whole;
pub use super::learning::TRAINED_SPECIALS;
use super::token_files::{
    Beside, Decoded, Parts, beyond, broken, file_error, not_there, read_object, token_ids, token_text, token_texts,
};
pub use super::token_files::{GENERATION, SPECIAL_TOKENS, TOKENIZER, TOKENIZER_CONFIG, TokenizerError};
use crate::sample::hex;

/// A tokenizer.
#[derive(Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    json: Vec<u8>,
    sha256: String,
    config: Map<String, Value>,
    special_map: Map<String, Value>,
    named: Named,
    generation_eos: Vec<u32>,
    specials: BTreeMap<u32, String>,
    texts: Option<Regex>,
    vocabulary: usize,
}

/// Ids of the tokens that have a role.
#[derive(Clone, Copy, Debug, Default)]
struct Named {
    bos: Option<u32>,
    eos: Option<u32>,
    pad: Option<u32>,
    unk: Option<u32>,
}

/// What stands for a blank in vocabularies of SentencePiece.
const MARK: char = '▁';

/// Makes a token special, so that no text becomes it.
fn make_special(inner: &mut tokenizers::Tokenizer, text: &str, id: u32) {
    if !inner.get_added_vocabulary().is_special_token(text) {
        let known = inner.get_added_tokens_decoder().get(&id).cloned();
        let token = known.unwrap_or_else(|| AddedToken::from(text, true).normalized(false));
        inner.add_special_tokens(&[token.special(true)]);
    }
}

impl Tokenizer {
    /// Reads a tokenizer from a folder in Hugging Face's form. `tokenizer.json` must be there; `tokenizer_config.json`,
    /// `special_tokens_map.json` and `generation_config.json` say which tokens are special, in this order of precedence:
    /// a later one is asked where an earlier one does not have the key.
    ///
    /// # Errors
    /// [`TokenizerError::Missing`], [`TokenizerError::File`]; [`TokenizerError::Invalid`] where a file is cut or
    /// damaged, or names a token or an id that is not in the vocabulary.
    pub fn load(folder: &Path) -> Result<Tokenizer, TokenizerError> {
        let path = folder.join(TOKENIZER);
        let json = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let slow = folder.join("tokenizer.model").exists();
                return Err(TokenizerError::Missing { folder: folder.to_owned(), slow });
            }
            other => other.map_err(file_error("read", &path))?,
        };
        let beside = Beside {
            config: read_object(&folder.join(TOKENIZER_CONFIG))?,
            special_map: read_object(&folder.join(SPECIAL_TOKENS))?,
            generation: read_object(&folder.join(GENERATION))?,
        };
        Tokenizer::assemble(folder, json, beside)
    }

    pub(super) fn assemble(folder: &Path, json: Vec<u8>, beside: Beside) -> Result<Tokenizer, TokenizerError> {
        let wrong = |file: &str, message: String| TokenizerError::Invalid { path: folder.join(file), message };
        let parts: Parts = serde_json::from_slice(&json).map_err(|error| wrong(TOKENIZER, broken(&error)))?;
        let mut inner = tokenizers::Tokenizer::from_bytes(&json)
            .map_err(|error| wrong(TOKENIZER, format!("it cannot be read: {error}")))?;
        if parts.model.dropout.is_some_and(|share| share != 0.0) {
            let message = "its model has `dropout`, so a text has a different encoding each time: set it to null";
            return Err(wrong(TOKENIZER, message.to_owned()));
        }
        // The crate gives an added token another id where the written one does not follow, and only logs it.
        for added in &parts.added_tokens {
            if inner.token_to_id(&added.content) != Some(added.id) {
                let message = format!(
                    "the added token `{}` has the id {}, which does not follow the vocabulary of {} tokens",
                    added.content,
                    added.id,
                    inner.get_vocab_size(false)
                );
                return Err(wrong(TOKENIZER, message));
            }
        }
        inner
            .with_truncation(None)
            .map_err(|error| TokenizerError::Crate { action: "leave out truncation", message: error.to_string() })?;
        inner.with_padding(None).with_post_processor(None::<PostProcessorWrapper>);
        inner.set_encode_special_tokens(true);
        decoded_tokens(&mut inner, &beside.config).map_err(|message| wrong(TOKENIZER_CONFIG, message))?;
        for (file, map) in [(TOKENIZER_CONFIG, &beside.config), (SPECIAL_TOKENS, &beside.special_map)] {
            for key in ["additional_special_tokens", "extra_special_tokens"] {
                let Some(value) = map.get(key) else { continue };
                for text in token_texts(value).map_err(|problem| wrong(file, format!("`{key}` holds {problem}")))? {
                    let id = inner.token_to_id(text);
                    let id = id.ok_or_else(|| wrong(file, not_there(key, text)))?;
                    make_special(&mut inner, text, id);
                }
            }
        }
        let mut role = |key: &str| -> Result<Option<u32>, TokenizerError> {
            for (file, map) in [(TOKENIZER_CONFIG, &beside.config), (SPECIAL_TOKENS, &beside.special_map)] {
                let Some(value) = map.get(key) else { continue };
                let text = token_text(value).map_err(|problem| wrong(file, format!("`{key}` is {problem}")))?;
                let Some(text) = text else { return Ok(None) };
                let id = inner.token_to_id(text).ok_or_else(|| wrong(file, not_there(key, text)))?;
                make_special(&mut inner, text, id);
                return Ok(Some(id));
            }
            let key = format!("{key}_id");
            let ids = token_ids(beside.generation.get(&key).unwrap_or(&Value::Null));
            let ids = ids.map_err(|problem| wrong(GENERATION, format!("`{key}` is {problem}")))?;
            for id in &ids {
                let text = inner.id_to_token(*id);
                let text = text.ok_or_else(|| wrong(GENERATION, beyond(&key, *id, inner.get_vocab_size(true))))?;
                make_special(&mut inner, &text, *id);
            }
            Ok(ids.first().copied())
        };
        let (bos, eos, pad) = (role("bos_token")?, role("eos_token")?, role("pad_token")?);
        let unk = match role("unk_token")? {
            Some(id) => Some(id),
            None => parts.model.unk_token.and_then(|text| inner.token_to_id(&text)).or(parts.model.unk_id),
        };
        let ends = token_ids(beside.generation.get("eos_token_id").unwrap_or(&Value::Null));
        let generation_eos = ends.map_err(|problem| wrong(GENERATION, format!("`eos_token_id` is {problem}")))?;
        for id in &generation_eos {
            let text = inner.id_to_token(*id);
            let text =
                text.ok_or_else(|| wrong(GENERATION, beyond("eos_token_id", *id, inner.get_vocab_size(true))))?;
            make_special(&mut inner, &text, *id);
        }
        let specials: BTreeMap<u32, String> = inner
            .get_added_tokens_decoder()
            .into_iter()
            .filter(|(_, token)| token.special && !token.content.is_empty())
            .map(|(id, token)| (id, token.content))
            .collect();
        let texts = pattern(specials.values())
            .map_err(|error| wrong(TOKENIZER, format!("its special tokens cannot be searched for: {error}")))?;
        let highest = inner.get_vocab(true).into_values().max();
        Ok(Tokenizer {
            sha256: hex(&Sha256::digest(&json)),
            inner,
            json,
            config: beside.config,
            special_map: beside.special_map,
            named: Named { bos, eos, pad, unk },
            generation_eos,
            specials,
            texts,
            vocabulary: highest.map_or(0, |id| id as usize + 1),
        })
    }

    /// Writes `tokenizer.json` (byte for byte as it was read), `tokenizer_config.json` and `special_tokens_map.json`, as
    /// transformers' `AutoTokenizer` reads them.
    ///
    /// # Errors
    /// [`TokenizerError::File`].
    pub fn save(&self, folder: &Path) -> Result<(), TokenizerError> {
        self.save_with(folder, None, None)
    }

    /// As [`save`](Self::save), and puts a chat template and the greatest length, in tokens, into `tokenizer_config.json`
    /// in place of those there.
    ///
    /// # Errors
    /// [`TokenizerError::File`].
    pub fn save_with(
        &self,
        folder: &Path,
        chat_template: Option<&str>,
        max_len: Option<usize>,
    ) -> Result<(), TokenizerError> {
        fs::create_dir_all(folder).map_err(file_error("create", folder))?;
        let mut config = self.config.clone();
        let mut special_map = self.special_map.clone();
        config.entry("tokenizer_class").or_insert_with(|| json!("PreTrainedTokenizerFast"));
        let Named { bos, eos, pad, unk } = self.named;
        for (key, id) in [("bos_token", bos), ("eos_token", eos), ("pad_token", pad), ("unk_token", unk)] {
            if let Some(text) = id.filter(|id| self.specials.contains_key(id)).and_then(|id| self.token(id)) {
                config.entry(key).or_insert_with(|| json!(text));
                special_map.entry(key).or_insert_with(|| json!(text));
            }
        }
        // Special tokens are segments of the contract; whoever loads this must not put in another.
        config.insert("add_bos_token".to_owned(), json!(false));
        config.insert("add_eos_token".to_owned(), json!(false));
        if let Some(template) = chat_template {
            config.insert("chat_template".to_owned(), json!(template));
        }
        if let Some(length) = max_len {
            config.insert("model_max_length".to_owned(), json!(length));
        }
        let files = [
            (TOKENIZER, self.json.clone()),
            (TOKENIZER_CONFIG, format!("{:#}\n", Value::Object(config)).into_bytes()),
            (SPECIAL_TOKENS, format!("{:#}\n", Value::Object(special_map)).into_bytes()),
        ];
        for (name, bytes) in files {
            let path = folder.join(name);
            write_whole(&path, &bytes).map_err(file_error("write", &path))?;
        }
        Ok(())
    }

    /// Encodes a text as it stands: no special token is added, and none arises from it.
    ///
    /// # Errors
    /// [`TokenizerError::Special`], [`TokenizerError::Lost`], [`TokenizerError::Crate`].
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        Ok(self.encode_with_offsets(text)?.into_iter().map(|(id, _)| id).collect())
    }

    /// As [`encode`](Self::encode), with the bytes of the text that each token stands for. Tokens that share a character
    /// have the bytes of all of it.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_with_offsets(&self, text: &str) -> Result<Vec<(u32, Range<usize>)>, TokenizerError> {
        let tokens = self.raw(text)?;
        if let Some((id, range)) = tokens.iter().find(|(id, _)| self.never_from_text(*id)) {
            return Err(TokenizerError::Special {
                text: text.get(range.clone()).unwrap_or_default().to_owned(),
                at: range.start,
                token: self.token(*id).unwrap_or_default(),
            });
        }
        if let Some(mut gap) = gap(text, &tokens) {
            // A normaliser may leave out what it likes (an accent that it joins with its letter); nothing else may.
            let mut normal = NormalizedString::from(text);
            if let Some(normalizer) = self.inner.get_normalizer() {
                let told = normalizer.normalize(&mut normal);
                told.map_err(|error| TokenizerError::Crate { action: "normalise a text", message: error.to_string() })?;
            }
            let mut seen = text;
            if normal.get() != text {
                seen = normal.get();
                match self::gap(seen, &self.raw(seen)?) {
                    None => return Ok(tokens),
                    Some(inside) => gap = inside,
                }
            }
            return Err(self.lost(seen, gap));
        }
        Ok(tokens)
    }

    /// What is lost, named by the first character that is no token on its own: where a model drops one inside a word, the
    /// bytes that it gives to the rest of the word are wrong.
    fn lost(&self, text: &str, gap: Range<usize>) -> TokenizerError {
        // Some put a mark for a blank before every text.
        let mark = |id: u32| self.token(id).is_some_and(|token| token.chars().all(|ch| ch == MARK));
        let alone = |ch: char| {
            let tokens = self.raw(ch.encode_utf8(&mut [0; 4]));
            tokens.is_ok_and(|tokens| {
                tokens.is_empty() || ![' ', MARK].contains(&ch) && tokens.iter().all(|(id, _)| mark(*id))
            })
        };
        match text.char_indices().find(|(_, ch)| alone(*ch)) {
            Some((at, ch)) => TokenizerError::Lost { text: ch.to_string(), at },
            None => TokenizerError::Lost { at: gap.start, text: text.get(gap).unwrap_or_default().to_owned() },
        }
    }

    /// Whether an id is special, other than the one that unknown characters rightly become: no text is made into it.
    pub fn never_from_text(&self, id: u32) -> bool {
        let Named { bos, eos, pad, unk } = self.named;
        let unknown_alone = unk == Some(id) && ![bos, eos, pad].contains(&unk);
        self.specials.contains_key(&id) && !unknown_alone
    }

    fn raw(&self, text: &str) -> Result<Vec<(u32, Range<usize>)>, TokenizerError> {
        let encoding = self
            .inner
            .encode(text, false)
            .map_err(|error| TokenizerError::Crate { action: "encode a text", message: error.to_string() })?;
        let ranges = encoding.get_offsets().iter().map(|(start, end)| *start..*end);
        Ok(encoding.get_ids().iter().copied().zip(ranges).collect())
    }

    /// What tokens say as they stand, of a row or a part of one: special tokens by their own texts, and the blank kept that
    /// some decoders take from the beginning of a text.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn verbatim(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        let once = self.decoded(ids, false)?;
        if self.inner.get_decoder().is_none() {
            return Ok(once);
        }
        // A beginning is changed once, so what comes behind the first of two is as it stands.
        let twice = self.decoded(&[ids, ids].concat(), false)?;
        Ok(twice.strip_prefix(&once).map_or(once.clone(), str::to_owned))
    }

    /// Decodes tokens into text; special tokens are left out.
    ///
    /// # Errors
    /// [`TokenizerError::Id`], [`TokenizerError::Crate`].
    pub fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        self.decoded(ids, true)
    }

    fn decoded(&self, ids: &[u32], without_specials: bool) -> Result<String, TokenizerError> {
        if let Some(id) = ids.iter().find(|id| self.inner.id_to_token(**id).is_none()) {
            return Err(TokenizerError::Id { id: *id, vocabulary: self.vocabulary });
        }
        self.inner
            .decode(ids, without_specials)
            .map_err(|error| TokenizerError::Crate { action: "decode tokens", message: error.to_string() })
    }

    /// The token of an id, as the vocabulary writes it.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The id of a token, as the vocabulary writes it.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// One more than the highest id.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// SHA-256 of the bytes of `tokenizer.json`, in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Id of the token that begins a text.
    pub fn bos(&self) -> Option<u32> {
        self.named.bos
    }

    /// Id of the token that ends a text.
    pub fn eos(&self) -> Option<u32> {
        self.named.eos
    }

    /// Id of the token that fills rows.
    pub fn pad(&self) -> Option<u32> {
        self.named.pad
    }

    /// Id of the token for what is not in the vocabulary; where it begins, ends or fills texts too, an id of it says nothing.
    pub fn unk(&self) -> Option<u32> {
        self.named.unk
    }

    /// Ids that `generation_config.json` says end a text.
    pub fn generation_eos(&self) -> &[u32] {
        &self.generation_eos
    }

    /// Ids and texts of all special tokens.
    pub fn specials(&self) -> &BTreeMap<u32, String> {
        &self.specials
    }

    /// Texts of all special tokens, by their ids.
    pub fn special_texts(&self) -> impl Iterator<Item = &str> {
        self.specials.values().map(String::as_str)
    }

    /// The first text of a special token in a text, the longest where several begin there: its bytes.
    pub fn special_in(&self, text: &str) -> Option<Range<usize>> {
        self.texts.as_ref()?.find(text).map(|found| found.range())
    }
}

/// Takes in the tokens of `added_tokens_decoder`.
fn decoded_tokens(inner: &mut tokenizers::Tokenizer, config: &Map<String, Value>) -> Result<(), String> {
    let decoder = match config.get("added_tokens_decoder") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Object(map)) => map,
        Some(other) => return Err(format!("`added_tokens_decoder` is no object: {other}")),
    };
    let mut tokens: BTreeMap<u32, Decoded> = BTreeMap::new();
    for (key, value) in decoder {
        let id = key.parse().map_err(|_| format!("`added_tokens_decoder` has the key {key:?}, which is no id"))?;
        let token = serde_json::from_value(value.clone())
            .map_err(|error| format!("`added_tokens_decoder` cannot be read at {key}: {error}"))?;
        tokens.insert(id, token);
    }
    for (id, token) in tokens {
        let text = token.content;
        if inner.token_to_id(&text).is_none() {
            let added = AddedToken::from(text.as_str(), token.special)
                .lstrip(token.lstrip)
                .rstrip(token.rstrip)
                .single_word(token.single_word)
                .normalized(token.normalized.unwrap_or(!token.special));
            inner.add_tokens(&[added]);
        }
        if inner.token_to_id(&text) != Some(id) {
            let found = inner.token_to_id(&text).map_or("none".to_owned(), |found| found.to_string());
            return Err(format!(
                "`added_tokens_decoder` gives `{text}` the id {id}, and by {TOKENIZER} it is {found}: the two files are not of \
                 one tokenizer"
            ));
        }
        if token.special {
            make_special(inner, &text, id);
        }
    }
    Ok(())
}

/// A pattern for any of the texts, the longest first.
fn pattern<'a>(texts: impl Iterator<Item = &'a String>) -> Result<Option<Regex>, regex::Error> {
    let mut texts: Vec<&String> = texts.collect();
    texts.sort_by_key(|text| (std::cmp::Reverse(text.len()), *text));
    if texts.is_empty() {
        return Ok(None);
    }
    let any: Vec<String> = texts.into_iter().map(|text| regex::escape(text)).collect();
    RegexBuilder::new(&any.join("|")).size_limit(1 << 28).build().map(Some)
}

/// The first bytes of a text that no token stands for.
fn gap(text: &str, tokens: &[(u32, Range<usize>)]) -> Option<Range<usize>> {
    let mut covered = 0;
    for (_, range) in tokens {
        if range.start > covered {
            return Some(covered..range.start);
        }
        covered = covered.max(range.end);
    }
    (covered < text.len()).then_some(covered..text.len())
}

#[cfg(test)]
pub(crate) mod for_tests {
    //! Tokenizers for tests of other modules.

    use super::*;

    /// The tokenizer of a fixture.
    pub fn fixture(name: &str) -> Tokenizer {
        Tokenizer::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn").join(name)).expect(name)
    }

    /// That of `tinyllama`, with a token for every character of ASCII, and for others none that are bytes: each is unknown.
    pub fn without_bytes() -> Tokenizer {
        changed(|_| {})
    }

    /// The same without a token for what is unknown: such characters are lost.
    pub fn lossy() -> Tokenizer {
        changed(|file| file["model"]["unk_token"] = Value::Null)
    }

    fn changed(change: impl FnOnce(&mut Value)) -> Tokenizer {
        let whole = fixture("tinyllama");
        let mut file: Value = serde_json::from_slice(&whole.json).expect("JSON");
        file["model"]["byte_fallback"] = json!(false);
        file["model"]["fuse_unk"] = json!(false);
        let vocab = file["model"]["vocab"].as_object_mut().expect("a map");
        for ch in (32..127).map(char::from).chain(['\t']) {
            let next = vocab.len();
            vocab.entry(ch).or_insert_with(|| json!(next));
        }
        change(&mut file);
        let beside = Beside { config: whole.config, special_map: whole.special_map, ..Beside::default() };
        Tokenizer::assemble(Path::new("folder"), file.to_string().into_bytes(), beside).expect("a tokenizer")
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const TEXTS: [&str; 3] = [
        "from manim import *\n\n\nclass Circles(Scene):\n    def construct(self):\n        self.play(Create(Circle()))\n",
        "MarkupText('<s>old</s>')  # <pad> <unk> <s> </s> <s> </s>",
        "Grüße, 数学, 👩‍🔬, \t\r\n\u{0} f'(x) = 2x",
    ];

    fn trained() -> Tokenizer {
        Tokenizer::train(TEXTS.into_iter().cycle().take(30), 400).expect("trains")
    }

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn").join(name)
    }

    /// A tokenizer of a changed `tokenizer.json` and `tokenizer_config.json`.
    fn changed(change: impl FnOnce(&mut Value, &mut Map<String, Value>)) -> Result<Tokenizer, TokenizerError> {
        let mut file: Value = serde_json::from_slice(&trained().json).expect("JSON");
        let mut beside = Beside { config: trained().config, ..Beside::default() };
        change(&mut file, &mut beside.config);
        Tokenizer::assemble(Path::new("folder"), file.to_string().into_bytes(), beside)
    }

    #[test]
    fn saving_and_loading_keeps_everything() {
        let folder = std::env::temp_dir().join(format!("scenery-tokenizer-{}", std::process::id()));
        let tokenizer = trained();
        tokenizer.save_with(&folder, Some("{{ bos_token }}"), Some(2048)).expect("saved");
        let loaded = Tokenizer::load(&folder).expect("loads");
        assert_eq!((loaded.json.as_slice(), loaded.sha256()), (tokenizer.json.as_slice(), tokenizer.sha256()));
        assert_eq!(loaded.specials, tokenizer.specials);
        assert_eq!((loaded.bos(), loaded.eos(), loaded.pad(), loaded.unk()), (Some(0), Some(1), Some(2), Some(3)));
        assert_eq!(loaded.config["model_max_length"], 2048);
        assert_eq!(loaded.config["chat_template"], "{{ bos_token }}");
        assert_eq!(loaded.config["add_bos_token"], false);
        for name in ["deepseek", "qwen2", "tinyllama"] {
            let first = Tokenizer::load(&fixture(name)).expect(name);
            first.save(&folder).expect("saved");
            let second = Tokenizer::load(&folder).expect(name);
            assert_eq!((first.sha256(), &first.specials), (second.sha256(), &second.specials), "{name}");
            assert_eq!((first.bos(), first.eos(), first.pad()), (second.bos(), second.eos(), second.pad()), "{name}");
        }
        fs::write(folder.join(TOKENIZER), &tokenizer.json[..tokenizer.json.len() / 2]).expect("written");
        let error = Tokenizer::load(&folder).expect_err("cut").to_string();
        assert!(error.contains("tokenizer.json: ") && error.contains("the file is cut short"), "{error}");
        fs::remove_file(folder.join(TOKENIZER)).expect("removed");
        fs::write(folder.join("tokenizer.model"), "x").expect("written");
        let error = Tokenizer::load(&folder).expect_err("none").to_string();
        assert!(error.contains("only tokenizer.model: give a base with tokenizer.json"), "{error}");
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn special_tokens_come_from_wherever_they_are_named() {
        let qwen = Tokenizer::load(&fixture("qwen2")).expect("loads");
        assert_eq!((qwen.bos(), qwen.eos(), qwen.pad()), (None, Some(351), Some(349)));
        assert_eq!(qwen.generation_eos(), [351, 349]);
        let deepseek = Tokenizer::load(&fixture("deepseek")).expect("loads");
        assert_eq!((deepseek.bos(), deepseek.eos(), deepseek.pad()), (Some(364), Some(369), Some(365)));
        let folder = std::env::temp_dir().join(format!("scenery-specials-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        fs::copy(fixture("llama").join(TOKENIZER), folder.join(TOKENIZER)).expect("copied");
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("written");
        write(GENERATION, r#"{"bos_token_id":1,"eos_token_id":[2,0]}"#);
        let generation = Tokenizer::load(&folder).expect("loads");
        assert_eq!((generation.bos(), generation.eos(), generation.pad()), (Some(1), Some(2), None));
        write(SPECIAL_TOKENS, r#"{"eos_token":{"content":"<unk>"},"additional_special_tokens":["from"]}"#);
        assert!(Tokenizer::load(&folder).expect_err("not there").to_string().contains("names `from`, which is not in"));
        write(SPECIAL_TOKENS, r#"{"eos_token":{"content":"<unk>"},"bos_token":null}"#);
        let map = Tokenizer::load(&folder).expect("loads");
        assert_eq!((map.bos(), map.eos()), (None, Some(0)));
        write(TOKENIZER_CONFIG, r#"{"eos_token":"</s>"}"#);
        assert_eq!(Tokenizer::load(&folder).expect("loads").eos(), Some(2));
        write(GENERATION, r#"{"eos_token_id":99999}"#);
        let error = Tokenizer::load(&folder).expect_err("beyond").to_string();
        assert!(error.contains("`eos_token_id` has 99999, which is beyond the vocabulary of 320"), "{error}");
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn settings_that_would_change_rows_unseen_are_set_aside_or_refused() {
        let text = TEXTS[0];
        let plain = trained().encode(text).expect("encodes");
        let cutting = changed(|file, _| {
            file["truncation"] =
                json!({ "direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0 });
            file["padding"] = json!({ "strategy": { "Fixed": 999 }, "direction": "Right", "pad_to_multiple_of": null,
                                      "pad_id": 2, "pad_type_id": 0, "pad_token": "<pad>" });
            file["post_processor"] = json!({ "type": "TemplateProcessing",
                "single": [{ "SpecialToken": { "id": "<s>", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } }],
                "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 0 } }],
                "special_tokens": { "<s>": { "id": "<s>", "ids": [0], "tokens": ["<s>"] } } });
        });
        assert_eq!(cutting.expect("loads").encode(text).expect("encodes"), plain);
        let error = changed(|file, _| file["model"]["dropout"] = json!(0.1)).expect_err("random").to_string();
        assert!(error.contains("dropout"), "{error}");
        let error = changed(|file, _| file["added_tokens"][3]["id"] = json!(7)).expect_err("moved").to_string();
        assert!(error.contains("the added token `<unk>` has the id 7"), "{error}");
        let error = changed(|_, config| drop(config.insert("eos_token".to_owned(), json!("<end>"))));
        assert!(error.expect_err("missing").to_string().contains("`eos_token` names `<end>`, which is not in"));
        let decoder = |id: &str, text: &str| json!({ id: { "content": text, "special": true } });
        let error = changed(|_, config| drop(config.insert("added_tokens_decoder".to_owned(), decoder("7", "<end>"))));
        assert!(error.expect_err("moved").to_string().contains("gives `<end>` the id 7, and by tokenizer.json it is"));
        let next = trained().vocabulary();
        let added = changed(|_, config| {
            config.insert("added_tokens_decoder".to_owned(), decoder(&next.to_string(), "<end>"));
            config.insert("eos_token".to_owned(), json!("<end>"));
        });
        let added = added.expect("loads");
        assert_eq!((added.eos(), added.vocabulary()), (Some(next as u32), next + 1));
        assert!(added.encode("<end>").expect("encodes").len() > 1);
    }

    #[test]
    fn what_a_tokenizer_would_drop_or_make_special_is_an_error() {
        let words = changed(|file, _| file["pre_tokenizer"] = json!({ "type": "Whitespace" })).expect("loads");
        let error = words.encode("a\n b").expect_err("drops the line end");
        assert!(matches!(&error, TokenizerError::Lost { text, at: 1 } if text == "\n"), "{error}");
        let poor = changed(|file, _| {
            let vocab = file["model"]["vocab"].as_object_mut().expect("a map");
            vocab.retain(|token, _| !token.contains('q'));
        });
        let error = poor.expect("loads").encode("a quiz").expect_err("no token for q");
        assert!(matches!(&error, TokenizerError::Lost { text, at: 2 } if text == "q"), "{error}");
        // A model that has the special token among its merges.
        let merging = changed(|file, _| {
            file["pre_tokenizer"]["use_regex"] = json!(false);
            file["model"]["merges"] = json!([["<", "s"], ["<s", ">"]]);
            let vocab = file["model"]["vocab"].as_object_mut().expect("a map");
            let next = vocab.len();
            vocab.insert("<s".to_owned(), json!(next));
        });
        let error = merging.expect("loads").encode("a <s> b").expect_err("becomes the token");
        assert!(matches!(&error, TokenizerError::Special { text, at: 2, .. } if text == "<s>"), "{error}");
        let error = trained().decode(&[5, 4000]).expect_err("no such id");
        assert!(matches!(error, TokenizerError::Id { id: 4000, .. }), "{error}");
    }

    #[test]
    fn bytes_of_tokens_join_without_gaps_and_joined_accents_are_no_loss() {
        for name in ["deepseek", "llama", "llama3", "qwen2", "smollm2", "tinyllama"] {
            let tokenizer = Tokenizer::load(&fixture(name)).expect(name);
            for text in TEXTS.into_iter().chain(["e\u{301}te\u{301}", "  x", "\u{1f469}\u{1f3fd}"]) {
                let tokens = tokenizer.encode_with_offsets(text).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert!(tokens.iter().all(|(_, range)| range.end <= text.len()), "{name}");
                assert!(tokens.iter().all(|(id, _)| !tokenizer.never_from_text(*id)), "{name}");
                if name != "qwen2" {
                    let ids: Vec<u32> = tokens.into_iter().map(|(id, _)| id).collect();
                    assert_eq!(tokenizer.decode(&ids).expect("decodes"), text, "{name}");
                }
            }
        }
    }

    #[test]
    fn what_tokens_say_is_told_with_its_blanks_and_what_is_unknown() {
        let metaspace = for_tests::fixture("tinyllama");
        let ids = metaspace.encode("from x\n").expect("encodes");
        assert_eq!(metaspace.decode(&ids).expect("decodes"), "from x\n");
        // The mark that is put before every text is a token, and a blank.
        assert_eq!(metaspace.verbatim(&ids).expect("told"), " from x\n");
        let poor = for_tests::without_bytes();
        let ids = poor.encode("a \u{6570}b").expect("encodes");
        assert_eq!(poor.decode(&ids).expect("decodes"), "a b");
        assert_eq!(poor.verbatim(&ids).expect("told"), " a <unk>b");
        for name in ["llama", "llama3", "deepseek", "qwen2", "smollm2"] {
            let tokenizer = for_tests::fixture(name);
            let text = "x = 1\n\n  y";
            let ids = tokenizer.encode(text).expect("encodes");
            assert_eq!(tokenizer.verbatim(&ids).expect("told"), text, "{name}");
        }
        assert_eq!(metaspace.verbatim(&[]).expect("told"), "");
    }

    #[test]
    fn the_first_and_longest_special_text_is_found() {
        let tokenizer = trained();
        assert_eq!(tokenizer.special_in("x </s> <s>"), Some(2..6));
        assert_eq!(tokenizer.special_in("< s > |im_end|"), None);
    }
}
