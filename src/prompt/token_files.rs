//! The files of a tokenizer as far as they are read here: which tokens are special, by name or by id, and what is wrong
//! with them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

/// Name of the file that holds vocabulary and rules.
pub const TOKENIZER: &str = "tokenizer.json";
/// Name of the file that says which tokens are special.
pub const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
/// Name of the older file that says the same.
pub const SPECIAL_TOKENS: &str = "special_tokens_map.json";
/// Name of the file that says which tokens end a text.
pub const GENERATION: &str = "generation_config.json";

/// What makes a tokenizer unusable, or a text impossible to encode.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// A file cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no `tokenizer.json`.
    #[error(
        "there is no tokenizer.json in {}{}: give a base with tokenizer.json; slow tokenizers (tokenizer.model alone) are \
         not read", folder.display(), if *slow { ", only tokenizer.model" } else { "" }
    )]
    Missing {
        /// Where it was looked for.
        folder: PathBuf,
        /// Whether a SentencePiece model is there.
        slow: bool,
    },
    /// A file is not what it should be.
    #[error("{}: {message}", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and what to do.
        message: String,
    },
    /// An id has no token.
    #[error("the id {id} has no token: the vocabulary has {vocabulary}")]
    Id {
        /// The id.
        id: u32,
        /// Ids of the vocabulary.
        vocabulary: usize,
    },
    /// The tokenizer drops a part of a text.
    #[error("the tokenizer drops {text:?} at byte {at}, so what it encodes is not what was written: take another base")]
    Lost {
        /// What it drops.
        text: String,
        /// Byte of the text where that begins.
        at: usize,
    },
    /// A text would become a special token.
    #[error("the text `{text}` at byte {at} would become the special token `{token}`")]
    Special {
        /// The text.
        text: String,
        /// Byte of the text where that begins.
        at: usize,
        /// The token.
        token: String,
    },
    /// The crate says no.
    #[error("the tokenizer cannot {action}: {message}")]
    Crate {
        /// What was tried.
        action: &'static str,
        /// Why not.
        message: String,
    },
    /// The vocabulary asked for is too small.
    #[error(
        "a vocabulary of {asked} is too small: {least} tokens are the special ones and one for each byte; ask for more"
    )]
    Vocabulary {
        /// Asked for.
        asked: usize,
        /// Least that works.
        least: usize,
    },
    /// There is nothing to train on.
    #[error("there are no texts to train a tokenizer on")]
    NoTexts,
}

/// The parts of `tokenizer.json` that are looked at here; the crate reads the rest.
#[derive(Deserialize)]
pub(super) struct Parts {
    #[serde(default)]
    pub(super) added_tokens: Vec<Added>,
    pub(super) model: Model,
}

#[derive(Deserialize)]
pub(super) struct Added {
    pub(super) id: u32,
    pub(super) content: String,
}

#[derive(Deserialize)]
pub(super) struct Model {
    #[serde(default)]
    pub(super) unk_token: Option<String>,
    #[serde(default)]
    pub(super) unk_id: Option<u32>,
    #[serde(default)]
    pub(super) dropout: Option<f64>,
}

/// An entry of `added_tokens_decoder`.
#[derive(Deserialize)]
pub(super) struct Decoded {
    pub(super) content: String,
    #[serde(default)]
    pub(super) special: bool,
    #[serde(default)]
    pub(super) lstrip: bool,
    #[serde(default)]
    pub(super) rstrip: bool,
    #[serde(default)]
    pub(super) single_word: bool,
    #[serde(default)]
    pub(super) normalized: Option<bool>,
}

/// The files beside `tokenizer.json`; empty where there are none.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) config: Map<String, Value>,
    pub(super) special_map: Map<String, Value>,
    pub(super) generation: Map<String, Value>,
}

pub(super) fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TokenizerError + use<> {
    let path = path.to_owned();
    move |source| TokenizerError::File { action, path, source }
}

pub(super) fn broken(error: &serde_json::Error) -> String {
    let hint = if error.is_eof() { "; the file is cut short: fetch or copy it again" } else { "" };
    format!("it cannot be read: {error}{hint}")
}

/// Reads a JSON object; an absent file is an empty one.
pub(super) fn read_object(path: &Path) -> Result<Map<String, Value>, TokenizerError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Map::new()),
        other => other.map_err(file_error("read", path))?,
    };
    serde_json::from_slice(&bytes)
        .map_err(|error| TokenizerError::Invalid { path: path.to_owned(), message: broken(&error) })
}

/// The text of a token that is given as a string or as an object; none where it is null.
pub(super) fn token_text(value: &Value) -> Result<Option<&str>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Object(map) => match map.get("content").and_then(Value::as_str) {
            Some(text) => Ok(Some(text)),
            None => Err(format!("an object without a `content` that is text: {value}")),
        },
        other => Err(format!("neither text nor an object: {other}")),
    }
}

/// Tokens that are in a list, or the values of an object.
pub(super) fn token_texts(value: &Value) -> Result<Vec<&str>, String> {
    let items: Vec<&Value> = match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        Value::Object(map) => map.values().collect(),
        other => return Err(format!("neither a list nor an object: {other}")),
    };
    let mut texts = Vec::new();
    for item in items {
        texts.extend(token_text(item)?);
    }
    Ok(texts)
}

/// One or several ids.
pub(super) fn token_ids(value: &Value) -> Result<Vec<u32>, String> {
    let one = |value: &Value| {
        let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
        id.ok_or_else(|| format!("not the id of a token: {value}"))
    };
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items.iter().map(one).collect(),
        other => Ok(vec![one(other)?]),
    }
}

pub(super) fn not_there(key: &str, text: &str) -> String {
    format!("`{key}` names `{text}`, which is not in the vocabulary of {TOKENIZER}")
}

pub(super) fn beyond(key: &str, id: u32, vocabulary: usize) -> String {
    format!("`{key}` has {id}, which is beyond the vocabulary of {vocabulary} tokens in {TOKENIZER}")
}
