//! The prompt contract: one template makes every text that a model sees, in training and in generation alike.
//!
//! A [`Template`] is a list of segments; what is trained on is a suffix of it, so `render(fields).text` starts with
//! `prompt(fields)` by construction. Its digest (SHA-256 over canonical JSON) travels with what was made by it.
//! Masks come from the segments, never from searching text; a field that holds the text of a special token is refused.
//!
//! A [`contract::Contract`] is a template bound to a [`tokenizer::Tokenizer`]: with ids of its special tokens, and where
//! generation stops.

mod bpe;
pub mod chat_template;
pub mod contract;
mod difference;
pub(crate) mod files;
mod lcs;
mod learning;
pub mod skeleton;
pub mod templates;
mod token_files;
pub mod tokenizer;

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::sample::hex;

/// Version of the contract's form, its key `v`.
pub const CONTRACT_VERSION: u32 = 1;

/// What is done to a field's value before it is put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// White space at both ends goes.
    Trim,
    /// White space at the end goes.
    TrimEnd,
    /// `\r\n` and lone `\r` become `\n`.
    Nl,
}

impl Norm {
    fn apply(self, text: String) -> String {
        match self {
            Norm::Trim => text.trim().to_owned(),
            Norm::TrimEnd => text.trim_end().to_owned(),
            Norm::Nl if text.contains('\r') => text.replace("\r\n", "\n").replace('\r', "\n"),
            Norm::Nl => text,
        }
    }
}

/// A part of the prompt, encoded on its own when a model reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Segment {
    /// A special token, by name.
    Special {
        /// Its name in [`Template::specials`].
        name: String,
        /// Whether it is trained.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        train: bool,
    },
    /// Fixed text.
    Text {
        /// The text.
        text: String,
        /// Whether it is trained.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        train: bool,
    },
    /// A value that differs from sample to sample.
    Field {
        /// Its name: `instruction`, `response`, `system`.
        name: String,
        /// What is done to the value, in order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        norm: Vec<Norm>,
        /// The value where none is given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        default: Option<String>,
        /// Whether it is trained.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        train: bool,
    },
}

impl Segment {
    /// Whether the segment is trained on.
    pub fn trained(&self) -> bool {
        match self {
            Segment::Special { train, .. } | Segment::Text { train, .. } | Segment::Field { train, .. } => *train,
        }
    }
}

/// A prompt template.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Name and version: `alpaca-1`.
    pub id: String,
    /// One sentence.
    pub doc: String,
    /// The text that stands for each special token where tokens are written as text; empty where nothing is written.
    pub specials: BTreeMap<String, String>,
    /// The parts, in order; the trained ones are its end.
    pub segments: Vec<Segment>,
}

/// A part of a rendered text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Byte range in the text.
    pub range: Range<usize>,
    /// Whether it is trained on.
    pub train: bool,
    /// Name of the special token that it is.
    pub special: Option<String>,
}

/// A text with its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// What the model sees.
    pub text: String,
    /// A piece per segment, in order, without gaps.
    pub pieces: Vec<Piece>,
}

/// What makes a template or a contract unusable, or a text impossible to render or encode.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// There is no template of this name.
    #[error("there is no prompt template `{name}`; there are {}", known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// The template breaks a rule of the contract.
    #[error("prompt template `{id}`: {message}")]
    Invalid {
        /// Its id, or its name where it cannot be read.
        id: String,
        /// Which rule.
        message: String,
    },
    /// A field has no value.
    #[error("prompt template `{id}` needs the field `{field}`")]
    NoField {
        /// Template.
        id: String,
        /// Field.
        field: String,
    },
    /// A value holds the text of a special token, which would end or restart the prompt inside it.
    #[error(
        "the {field} holds `{text}` at byte {at}, the text of the special token {special} of prompt template `{id}`"
    )]
    SpecialText {
        /// Template.
        id: String,
        /// Field.
        field: String,
        /// Name of the token.
        special: String,
        /// Its text.
        text: String,
        /// Byte of the value, as it was given, where the text begins.
        at: usize,
    },
    /// The template has a special token that the tokenizer does not have.
    #[error(
        "prompt template `{id}` needs the special token `{text}` ({special}), which is not in the vocabulary of this \
         tokenizer; templates that fit it: {}", if fit.is_empty() { "none".to_owned() } else { fit.join(", ") }
    )]
    NoToken {
        /// Template.
        id: String,
        /// Name of the token in the template.
        special: String,
        /// Its text.
        text: String,
        /// Templates of which all special tokens are there.
        fit: Vec<&'static str>,
    },
    /// The template ends with the tokenizer's end token, and the tokenizer names none.
    #[error(
        "prompt template `{id}` ends with the tokenizer's end token, and the tokenizer names none: a model trained so would \
         never stop; put `eos_token` into its tokenizer_config.json{}",
        if fit.is_empty() { String::new() } else { format!(", or take a template that has its own: {}", fit.join(", ")) }
    )]
    NoEos {
        /// Template.
        id: String,
        /// Templates of which all special tokens are there.
        fit: Vec<&'static str>,
    },
    /// Prompt and answer are longer than the contract allows. Nothing is ever cut.
    #[error(
        "{tokens} tokens are more than the {max} of the contract: make them shorter, or train with a greater --max-len"
    )]
    TooLong {
        /// How long it is.
        tokens: usize,
        /// How long it may be.
        max: usize,
    },
    /// The contract was made with another tokenizer.
    #[error("the contract was made with the tokenizer {expected}, and this one is {found} (SHA-256 of tokenizer.json)")]
    OtherTokenizer {
        /// SHA-256 in the contract.
        expected: String,
        /// SHA-256 of the tokenizer at hand.
        found: String,
    },
    /// What was read is no contract.
    #[error("no prompt contract: {0}")]
    NoContract(String),
    /// A file is no contract.
    #[error("{}: no prompt contract: {message}", path.display())]
    ContractFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
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
    /// The tokenizer says no.
    #[error(transparent)]
    Tokenizer(#[from] tokenizer::TokenizerError),
}

impl Template {
    /// Reads a template from TOML and checks the rules: every special is in the table, the trained segments are a
    /// suffix, `response` is in it once and trained, and nothing else that differs from sample to sample is trained.
    ///
    /// # Errors
    /// [`PromptError::Invalid`] with the rule that is broken.
    pub fn parse(name: &str, toml: &str) -> Result<Template, PromptError> {
        let template: Template = toml::from_str(toml)
            .map_err(|error| PromptError::Invalid { id: name.to_owned(), message: error.to_string() })?;
        template.check()?;
        Ok(template)
    }

    /// Checks the rules.
    fn check(&self) -> Result<(), PromptError> {
        let invalid = |id: &str, message: String| PromptError::Invalid { id: id.to_owned(), message };
        let id = self.id.as_str();
        let mut trained = false;
        let mut responses = 0;
        for segment in &self.segments {
            if trained && !segment.trained() {
                return Err(invalid(id, "a segment that is not trained follows a trained one".to_owned()));
            }
            trained = segment.trained();
            match segment {
                Segment::Special { name, .. } if !self.specials.contains_key(name) => {
                    return Err(invalid(id, format!("the special token `{name}` is not in [specials]")));
                }
                Segment::Field { name, train, .. } if name == "response" => {
                    responses += 1;
                    if !train {
                        return Err(invalid(id, "the field `response` is not trained".to_owned()));
                    }
                }
                Segment::Field { name, train: true, .. } => {
                    return Err(invalid(id, format!("the field `{name}` is trained; only `response` may be")));
                }
                _ => {}
            }
        }
        if responses != 1 {
            return Err(invalid(id, format!("`response` stands in it {responses} times, not once")));
        }
        Ok(())
    }

    /// Whether a field of this name is in the template.
    pub fn has_field(&self, field: &str) -> bool {
        self.segments.iter().any(|segment| matches!(segment, Segment::Field { name, .. } if name == field))
    }

    /// Texts of the special tokens that a tokenizer must have as they are written: all but those of its own that begin, end and
    /// fill texts.
    pub fn special_texts(&self) -> Vec<String> {
        let own = |name: &str| matches!(name, "bos" | "eos" | "pad");
        self.specials.iter().filter(|(name, _)| !own(name)).map(|(_, text)| text.clone()).collect()
    }

    /// Fixes a field that is the same in every sample, such as `system`: it becomes text, and so part of the digest.
    ///
    /// # Errors
    /// [`PromptError::NoField`] where the template has no such field; [`PromptError::SpecialText`].
    pub fn bind(mut self, field: &str, value: &str) -> Result<Template, PromptError> {
        if !self.has_field(field) {
            return Err(PromptError::NoField { id: self.id, field: field.to_owned() });
        }
        self.refuse_specials(field, value)?;
        for segment in &mut self.segments {
            if let Segment::Field { name, norm, train, .. } = segment
                && name == field
            {
                let text = norm.iter().fold(value.to_owned(), |text, norm| norm.apply(text));
                *segment = Segment::Text { text, train: *train };
            }
        }
        Ok(self)
    }

    /// Renders prompt and answer.
    ///
    /// # Errors
    /// [`PromptError::NoField`], [`PromptError::SpecialText`].
    pub fn render(&self, fields: &[(&str, &str)]) -> Result<Rendered, PromptError> {
        self.run(fields, true)
    }

    /// Renders what stands before the trained part: what a model is given to continue.
    ///
    /// # Errors
    /// [`PromptError::NoField`], [`PromptError::SpecialText`].
    pub fn prompt(&self, fields: &[(&str, &str)]) -> Result<Rendered, PromptError> {
        self.run(fields, false)
    }

    fn run(&self, fields: &[(&str, &str)], answer: bool) -> Result<Rendered, PromptError> {
        let mut text = String::new();
        let mut pieces = Vec::with_capacity(self.segments.len());
        for segment in self.segments.iter().filter(|segment| answer || !segment.trained()) {
            let start = text.len();
            let mut special = None;
            match segment {
                Segment::Special { name, .. } => {
                    text.push_str(self.specials.get(name).map_or("", String::as_str));
                    special = Some(name.clone());
                }
                Segment::Text { text: fixed, .. } => text.push_str(fixed),
                Segment::Field { name, norm, default, .. } => {
                    let given = fields.iter().find(|(field, _)| field == name).map(|(_, value)| *value);
                    let value = given.or(default.as_deref());
                    let value =
                        value.ok_or_else(|| PromptError::NoField { id: self.id.clone(), field: name.clone() })?;
                    self.refuse_specials(name, value)?;
                    text.push_str(&norm.iter().fold(value.to_owned(), |text, norm| norm.apply(text)));
                }
            }
            pieces.push(Piece { range: start..text.len(), train: segment.trained(), special });
        }
        Ok(Rendered { text, pieces })
    }

    fn refuse_specials(&self, field: &str, value: &str) -> Result<(), PromptError> {
        let written = self.specials.iter().filter(|(_, text)| !text.is_empty());
        let found = written.filter_map(|(special, text)| Some((value.find(text.as_str())?, special, text)));
        match found.min_by_key(|(at, _, text)| (*at, std::cmp::Reverse(text.len()))) {
            None => Ok(()),
            Some((at, special, text)) => Err(PromptError::SpecialText {
                id: self.id.clone(),
                field: field.to_owned(),
                special: special.clone(),
                text: text.clone(),
                at,
            }),
        }
    }

    /// The contract as JSON: `v`, `id`, `segments` and the specials' texts. The sentence about it is not part of it.
    pub fn contract(&self) -> Value {
        serde_json::json!({ "v": CONTRACT_VERSION, "id": self.id, "segments": self.segments, "specials": self.specials })
    }

    /// SHA-256 over the canonical JSON of the [`contract`](Self::contract), in hexadecimal digits.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(canonical_json(&self.contract()).as_bytes()))
    }
}

/// Writes JSON with the keys of every object sorted by bytes and no white space, so that equal values are equal text.
pub fn canonical_json(value: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let ordered: BTreeMap<&String, Value> = map.iter().map(|(key, value)| (key, sorted(value))).collect();
                Value::Object(ordered.into_iter().map(|(key, value)| (key.clone(), value)).collect())
            }
            Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
            other => other.clone(),
        }
    }
    sorted(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[(&str, &str)] = &[("instruction", " Draw\r\na circle. "), ("response", "x = 1\n\n")];

    #[test]
    fn every_rendered_text_starts_with_its_prompt_and_has_pieces_without_gaps() {
        for (name, _) in templates::TEMPLATES {
            let template = templates::template(name).expect("a built-in template");
            let all = template.render(FIELDS).expect("renders");
            let prompt = template.prompt(FIELDS).expect("renders");
            assert!(all.text.starts_with(&prompt.text), "{name}");
            assert!(all.text.len() > prompt.text.len(), "{name}");
            assert_eq!(all.pieces[..prompt.pieces.len()], prompt.pieces[..], "{name}");
            let mut end = 0;
            for piece in &all.pieces {
                assert_eq!(piece.range.start, end, "{name}");
                end = piece.range.end;
            }
            assert_eq!(end, all.text.len(), "{name}");
        }
    }

    #[test]
    fn values_are_normalised_and_trained_parts_marked() {
        let template = templates::template("alpaca").expect("built in");
        let rendered = template.render(FIELDS).expect("renders");
        assert!(rendered.text.contains("Draw\na circle.\n\n### Response:\nx = 1</s>"), "{}", rendered.text);
        let trained: String = rendered
            .pieces
            .iter()
            .filter(|piece| piece.train)
            .map(|piece| &rendered.text[piece.range.clone()])
            .collect();
        assert_eq!(trained, "x = 1</s>");
    }

    #[test]
    fn a_value_with_the_text_of_a_special_token_is_refused() {
        let template = templates::template("alpaca").expect("built in");
        let error = template.render(&[("instruction", "a"), ("response", "MarkupText('<s>old</s>')")]);
        assert!(matches!(error, Err(PromptError::SpecialText { special, .. }) if special == "eos"));
        let error = template.render(&[("instruction", "a")]);
        assert!(matches!(error, Err(PromptError::NoField { field, .. }) if field == "response"));
    }

    #[test]
    fn the_digest_follows_the_contract_and_nothing_else() {
        let plain = templates::template("chatml").expect("built in");
        let mut reworded = plain.clone();
        reworded.doc = "Another sentence.".to_owned();
        assert_eq!(plain.digest(), reworded.digest());
        let bound = plain.clone().bind("system", "Be brief.").expect("chatml has a system field");
        assert_ne!(plain.digest(), bound.digest());
        assert!(bound.render(FIELDS).expect("renders").text.contains("Be brief."));
        assert_eq!(
            canonical_json(&serde_json::json!({"b":[{"d":1,"c":2}],"a":null})),
            r#"{"a":null,"b":[{"c":2,"d":1}]}"#
        );
    }

    #[test]
    fn broken_templates_are_refused_with_the_rule() {
        let head = "id = \"t-1\"\ndoc = \"A test.\"\n[specials]\neos = \"E\"\n";
        let cases = [
            ("[[segments]]\nkind = \"field\"\nname = \"response\"\n", "not trained"),
            ("[[segments]]\nkind = \"text\"\ntext = \"x\"\n", "0 times"),
            (
                "[[segments]]\nkind = \"field\"\nname = \"response\"\ntrain = true\n[[segments]]\nkind = \"text\"\ntext = \"x\"\n",
                "follows a trained one",
            ),
            ("[[segments]]\nkind = \"special\"\nname = \"bos\"\n", "not in [specials]"),
            ("[[segments]]\nkind = \"field\"\nname = \"instruction\"\ntrain = true\n", "only `response`"),
            ("[[segments]]\nkind = \"text\"\ntext = \"x\"\nbold = true\n", "bold"),
        ];
        for (body, rule) in cases {
            let error = Template::parse("t", &format!("{head}{body}")).expect_err(body).to_string();
            assert!(error.contains(rule), "{error}");
        }
    }
}
