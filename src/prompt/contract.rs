//! The contract: a template bound to a tokenizer and a base, the same from export over training to generation.
//!
//! Each segment is encoded on its own and the ids are joined, so the ids of prompt and answer start with exactly those of
//! the prompt. The digest covers everything that decides about an id: segments, special tokens with ids and texts, where
//! generation stops, the greatest length, the tokenizer and the base.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use super::difference::{diff_ids, difference};
use super::files::write_whole;
use super::templates::{TEMPLATES, template};
use super::tokenizer::Tokenizer;
use super::{CONTRACT_VERSION, PromptError, Segment, Template, canonical_json};
use crate::sample::hex;

/// Name of the file that a contract is written to.
pub const CONTRACT: &str = "contract.json";
/// The key of the metadata of weights that holds the digest of the contract.
pub const CONTRACT_KEY: &str = "contract_sha256";
/// The key of the metadata of weights that holds the contract itself, as canonical JSON.
pub const CONTRACT_TEXT_KEY: &str = "contract";

/// A template bound to a tokenizer and a base. Equal contracts give equal ids.
#[derive(Clone, Debug)]
pub struct Contract {
    /// The template; its special tokens have the tokenizer's own texts.
    pub template: Template,
    /// Id of each special token of the template, and of `pad`; none where the tokenizer has no such token: the segment is
    /// then no token.
    pub specials: BTreeMap<String, Option<u32>>,
    /// Ids that end a generated answer: the trained ones at the end of the template first, then those of the base.
    pub stop_ids: Vec<u32>,
    /// Most tokens of prompt and answer together.
    pub max_len: usize,
    /// SHA-256 of the base's `tokenizer.json`.
    pub tokenizer_sha256: String,
    /// SHA-256 of the base's `config.json`.
    pub base_config_sha256: String,
}

/// Ids of prompt and answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The ids.
    pub ids: Vec<u32>,
    /// The first trained one; from there to the end all are. What stands before is the prompt.
    pub trained_from: usize,
    /// The segments of the template, in order, without gaps.
    pub segments: Vec<EncodedSegment>,
}

/// The ids of one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedSegment {
    /// Where they are.
    pub range: Range<usize>,
    /// Whether they are trained.
    pub train: bool,
    /// Name of the special token that it is.
    pub special: Option<String>,
    /// Name of the field that it is.
    pub field: Option<String>,
}

/// The form in which a contract is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    v: u32,
    id: String,
    segments: Vec<Segment>,
    specials: BTreeMap<String, Option<u32>>,
    special_texts: BTreeMap<String, String>,
    stop_ids: Vec<u32>,
    max_len: usize,
    tokenizer_sha256: String,
    base_config_sha256: String,
}

impl PartialEq for Contract {
    fn eq(&self, other: &Contract) -> bool {
        self.json() == other.json()
    }
}

impl Eq for Contract {}

/// The id of a template's special token: `bos`, `eos` and `pad` are the tokenizer's own, others are found by their text.
/// The outer none says that there must be one and is not.
fn resolve(tokenizer: &Tokenizer, name: &str, text: &str) -> Option<Option<u32>> {
    match name {
        "bos" => Some(tokenizer.bos()),
        "pad" => Some(tokenizer.pad()),
        "eos" => tokenizer.eos().map(Some),
        _ => tokenizer.id(text).map(Some),
    }
}

/// Names of the built-in templates of which the tokenizer has every special token.
fn fitting(tokenizer: &Tokenizer) -> Vec<&'static str> {
    let fits = |name: &&'static str| {
        template(name)
            .is_ok_and(|template| template.specials.iter().all(|(name, text)| resolve(tokenizer, name, text).is_some()))
    };
    TEMPLATES.iter().map(|(name, _)| *name).filter(fits).collect()
}

impl Contract {
    /// Binds a template to a tokenizer. `base_eos` are the end tokens of the base's `config.json`; those of its
    /// `generation_config.json` come with the tokenizer.
    ///
    /// # Errors
    /// [`PromptError::NoToken`] and [`PromptError::NoEos`] where the tokenizer lacks a token; [`PromptError::Invalid`]
    /// where the template has no trained special token at its end, its fixed text holds the text of a special token, or
    /// an id of the base is beyond the vocabulary.
    pub fn new(
        mut template: Template,
        tokenizer: &Tokenizer,
        base_eos: &[u32],
        max_len: usize,
        base_config_sha256: String,
    ) -> Result<Contract, PromptError> {
        template.check()?;
        let id = template.id.clone();
        let invalid = |message: String| PromptError::Invalid { id: id.clone(), message };
        let mut specials = BTreeMap::new();
        for (name, text) in &mut template.specials {
            let found = match resolve(tokenizer, name, text) {
                Some(found) => found,
                None if name == "eos" => return Err(PromptError::NoEos { id, fit: fitting(tokenizer) }),
                None => {
                    let (special, text) = (name.clone(), text.clone());
                    return Err(PromptError::NoToken { id, special, text, fit: fitting(tokenizer) });
                }
            };
            *text = found.and_then(|id| tokenizer.token(id)).unwrap_or_default();
            specials.insert(name.clone(), found);
        }
        for segment in &template.segments {
            if let Segment::Text { text, .. } = segment
                && let Some(range) = tokenizer.special_in(text)
            {
                let message = format!("its text holds `{}`, a special token of the tokenizer", &text[range]);
                return Err(invalid(message));
            }
        }
        // Padding leaves the loss by its place, so any id does.
        let pad = tokenizer.pad().or(tokenizer.eos()).unwrap_or(0);
        specials.insert("pad".to_owned(), Some(pad));
        let ends = template.segments.iter().rev().map_while(|segment| match segment {
            Segment::Special { name, train: true } => Some(specials.get(name).copied().flatten()),
            _ => None,
        });
        let mut stop_ids: Vec<u32> = ends.flatten().collect();
        stop_ids.reverse();
        if stop_ids.is_empty() {
            let message = "it ends with no trained special token, so a model trained on it would never stop";
            return Err(invalid(message.to_owned()));
        }
        for id in base_eos.iter().chain(tokenizer.generation_eos()) {
            if tokenizer.token(*id).is_none() {
                let size = tokenizer.vocabulary();
                return Err(invalid(format!("the base's end token {id} is beyond the tokenizer's {size} tokens")));
            }
            if !stop_ids.contains(id) {
                stop_ids.push(*id);
            }
        }
        let tokenizer_sha256 = tokenizer.sha256().to_owned();
        Ok(Contract { template, specials, stop_ids, max_len, tokenizer_sha256, base_config_sha256 })
    }

    /// The contract as JSON.
    pub fn json(&self) -> Value {
        json!({
            "v": CONTRACT_VERSION,
            "id": self.template.id,
            "segments": self.template.segments,
            "specials": self.specials,
            "special_texts": self.template.specials,
            "stop_ids": self.stop_ids,
            "max_len": self.max_len,
            "tokenizer_sha256": self.tokenizer_sha256,
            "base_config_sha256": self.base_config_sha256,
        })
    }

    /// Reads a contract from JSON.
    ///
    /// # Errors
    /// [`PromptError::NoContract`] with what is wrong; [`PromptError::Invalid`] where its template breaks a rule.
    pub fn parse(value: &Value) -> Result<Contract, PromptError> {
        if let Some(version) = value.get("v")
            && version.as_u64() != Some(u64::from(CONTRACT_VERSION))
        {
            let message = format!("it is of version {version}, and this program knows {CONTRACT_VERSION}");
            return Err(PromptError::NoContract(message));
        }
        let form = Form::deserialize(value).map_err(|error| PromptError::NoContract(error.to_string()))?;
        debug_assert_eq!(form.v, CONTRACT_VERSION);
        // The sentence about a template is not part of the contract.
        let doc = TEMPLATES.iter().filter_map(|(name, _)| template(name).ok()).find(|known| known.id == form.id);
        let template = Template {
            doc: doc.map(|known| known.doc).unwrap_or_default(),
            id: form.id,
            specials: form.special_texts,
            segments: form.segments,
        };
        template.check()?;
        let wrong = |message: String| Err(PromptError::NoContract(message));
        if let Some(name) = template.specials.keys().find(|name| !form.specials.contains_key(*name)) {
            return wrong(format!("`specials` has no id for {name}"));
        }
        if form.specials.get("pad").copied().flatten().is_none() {
            return wrong("`specials` has no id for pad".to_owned());
        }
        if form.stop_ids.is_empty() {
            return wrong("`stop_ids` is empty".to_owned());
        }
        for (key, digest) in
            [("tokenizer_sha256", &form.tokenizer_sha256), ("base_config_sha256", &form.base_config_sha256)]
        {
            if digest.len() != 64 || !digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                return wrong(format!("`{key}` is no SHA-256 in 64 small hexadecimal digits: {digest:?}"));
            }
        }
        Ok(Contract {
            template,
            specials: form.specials,
            stop_ids: form.stop_ids,
            max_len: form.max_len,
            tokenizer_sha256: form.tokenizer_sha256,
            base_config_sha256: form.base_config_sha256,
        })
    }

    /// The contract as canonical JSON.
    pub fn text(&self) -> String {
        canonical_json(&self.json())
    }

    /// SHA-256 over the canonical JSON, in hexadecimal digits: that of the file that [`write`](Self::write) makes.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.text().as_bytes()))
    }

    /// Reads a contract from a file.
    ///
    /// # Errors
    /// [`PromptError::File`]; [`PromptError::ContractFile`] where it is no contract.
    pub fn read(path: &Path) -> Result<Contract, PromptError> {
        let file = |source| PromptError::File { action: "read", path: path.to_owned(), source };
        let wrong = |message: String| PromptError::ContractFile { path: path.to_owned(), message };
        let bytes = fs::read(path).map_err(file)?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        Contract::parse(&value).map_err(|error| match error {
            PromptError::NoContract(message) => wrong(message),
            other => wrong(other.to_string()),
        })
    }

    /// Writes the canonical JSON to a file, whole or not at all.
    ///
    /// # Errors
    /// [`PromptError::File`].
    pub fn write(&self, path: &Path) -> Result<(), PromptError> {
        let file = |source| PromptError::File { action: "write", path: path.to_owned(), source };
        write_whole(path, self.text().as_bytes()).map_err(file)
    }

    /// Id that fills rows; it is never trained, whichever it is.
    pub fn pad(&self) -> u32 {
        self.specials.get("pad").copied().flatten().unwrap_or(0)
    }

    /// Encodes prompt and answer, and makes sure that they begin with the ids of the prompt alone.
    ///
    /// # Errors
    /// [`PromptError::TooLong`] where they have more tokens than the contract allows; [`PromptError::SpecialText`] where a
    /// value holds the text of any special token of the tokenizer; [`PromptError::NoField`];
    /// [`PromptError::OtherTokenizer`]; [`PromptError::Tokenizer`]; [`PromptError::Invalid`] where the prompt is no token.
    pub fn encode(&self, tokenizer: &Tokenizer, fields: &[(&str, &str)]) -> Result<Encoded, PromptError> {
        let encoded = self.run(tokenizer, fields, true)?;
        let prompt = self.run(tokenizer, fields, false)?.ids;
        if encoded.ids[..encoded.trained_from] != prompt[..] {
            let message = "training would not begin with the very ids that generation is given".to_owned();
            return Err(PromptError::Invalid { id: self.template.id.clone(), message });
        }
        Ok(encoded)
    }

    /// Encodes the prompt: what a model is given to continue.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_prompt(&self, tokenizer: &Tokenizer, fields: &[(&str, &str)]) -> Result<Vec<u32>, PromptError> {
        Ok(self.run(tokenizer, fields, false)?.ids)
    }

    fn run(&self, tokenizer: &Tokenizer, fields: &[(&str, &str)], answer: bool) -> Result<Encoded, PromptError> {
        if tokenizer.sha256() != self.tokenizer_sha256 {
            let (expected, found) = (self.tokenizer_sha256.clone(), tokenizer.sha256().to_owned());
            return Err(PromptError::OtherTokenizer { expected, found });
        }
        let template = &self.template;
        let segments = template.segments.iter().filter(|segment| answer || !segment.trained());
        for segment in segments.clone() {
            if let Segment::Field { name, default, .. } = segment {
                let given = fields.iter().find(|(field, _)| field == name).map(|(_, value)| *value);
                if let Some(value) = given.or(default.as_deref()) {
                    self.refuse_specials(tokenizer, name, value)?;
                }
            }
        }
        let rendered = if answer { template.render(fields)? } else { template.prompt(fields)? };
        let mut ids = Vec::new();
        let mut out = Vec::with_capacity(rendered.pieces.len());
        let mut trained_from = None;
        for (segment, piece) in segments.zip(rendered.pieces) {
            let start = ids.len();
            if piece.train {
                trained_from.get_or_insert(start);
            }
            let text = &rendered.text[piece.range];
            let mut field = None;
            match segment {
                Segment::Special { name, .. } => ids.extend(self.specials.get(name).copied().flatten()),
                Segment::Text { .. } => ids.extend(tokenizer.encode(text)?),
                Segment::Field { name, .. } => {
                    // A line end that was made one may have joined what stood apart.
                    self.refuse_specials(tokenizer, name, text)?;
                    ids.extend(tokenizer.encode(text)?);
                    field = Some(name.clone());
                }
            }
            out.push(EncodedSegment { range: start..ids.len(), train: piece.train, special: piece.special, field });
        }
        let trained_from = trained_from.unwrap_or(ids.len());
        if trained_from == 0 {
            let message = "the prompt is no token at all, so there is nothing for a model to continue".to_owned();
            return Err(PromptError::Invalid { id: template.id.clone(), message });
        }
        if ids.len() > self.max_len {
            return Err(PromptError::TooLong { tokens: ids.len(), max: self.max_len });
        }
        Ok(Encoded { ids, trained_from, segments: out })
    }

    fn refuse_specials(&self, tokenizer: &Tokenizer, field: &str, value: &str) -> Result<(), PromptError> {
        // A token of the template may be an ordinary one to the tokenizer; to the contract it is special.
        self.template.refuse_specials(field, value)?;
        let Some(range) = tokenizer.special_in(value) else { return Ok(()) };
        let (text, at) = (value[range.clone()].to_owned(), range.start);
        let id = tokenizer.id(&text);
        let roles =
            [("bos", tokenizer.bos()), ("eos", tokenizer.eos()), ("pad", tokenizer.pad()), ("unk", tokenizer.unk())];
        let role = roles.iter().find(|(_, known)| known.is_some() && *known == id).map(|(role, _)| (*role).to_owned());
        let special = role.unwrap_or_else(|| text.clone());
        Err(PromptError::SpecialText { id: self.template.id.clone(), field: field.to_owned(), special, text, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[(&str, &str)] = &[("instruction", " Draw\r\na circle. "), ("response", "x = 1\n\n")];
    const NAMES: (&str, &str) = ("trained", "asked");

    fn fixture(name: &str) -> Tokenizer {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn").join(name);
        Tokenizer::load(&folder).expect(name)
    }

    fn bound(name: &str, tokenizer: &Tokenizer) -> Result<Contract, PromptError> {
        Contract::new(template(name).expect("built in"), tokenizer, &[], 2048, "0".repeat(64))
    }

    #[test]
    fn a_contract_says_everything_and_reads_back_as_it_was() {
        let tokenizer = fixture("llama");
        let contract = bound("alpaca", &tokenizer).expect("fits");
        let json = contract.json();
        assert_eq!((&json["v"], &json["id"], &json["max_len"]), (&json!(1), &json!("alpaca-1"), &json!(2048)));
        assert_eq!(json["specials"], json!({ "bos": 1, "eos": 2, "pad": 2 }));
        assert_eq!(json["special_texts"], json!({ "bos": "<s>", "eos": "</s>" }));
        assert_eq!(json["stop_ids"], json!([2]));
        let again = Contract::parse(&json).expect("reads");
        assert_eq!((&again, again.digest()), (&contract, contract.digest()));
        assert_eq!(again.template, contract.template);
        let path = std::env::temp_dir().join(format!("scenery-contract-{}.json", std::process::id()));
        contract.write(&path).expect("written");
        assert_eq!(Contract::read(&path).expect("reads"), contract);
        assert_eq!(hex(&Sha256::digest(fs::read(&path).expect("there"))), contract.digest());
        fs::write(&path, "{").expect("written");
        assert!(Contract::read(&path).expect_err("cut").to_string().contains(".json: no prompt contract: EOF"));
        fs::remove_file(&path).expect("removed");
    }

    #[test]
    fn every_part_changes_the_digest() {
        let tokenizer = fixture("llama");
        let contract = bound("alpaca", &tokenizer).expect("fits");
        let mut seen = std::collections::BTreeSet::from([contract.digest()]);
        let mut change = |part: &str, change: &dyn Fn(&mut Contract)| {
            let mut other = contract.clone();
            change(&mut other);
            assert!(seen.insert(other.digest()), "{part}");
            assert_ne!(other, contract, "{part}");
            assert!(difference(NAMES, &contract, &other).contains("\n! "), "{part}");
        };
        change("id", &|contract| contract.template.id = "alpaca-2".to_owned());
        change("segments", &|contract| drop(contract.template.segments.remove(1)));
        change("texts", &|contract| drop(contract.template.specials.insert("bos".to_owned(), String::new())));
        change("specials", &|contract| contract.specials.extend([("bos".to_owned(), None)]));
        change("pad", &|contract| contract.specials.extend([("pad".to_owned(), Some(0))]));
        change("stop_ids", &|contract| contract.stop_ids.push(5));
        change("max_len", &|contract| contract.max_len = 1024);
        change("tokenizer", &|contract| contract.tokenizer_sha256 = "1".repeat(64));
        change("base", &|contract| contract.base_config_sha256 = "1".repeat(64));
        let mut reworded = contract.clone();
        reworded.template.doc = "Another sentence.".to_owned();
        assert_eq!((reworded.digest(), difference(NAMES, &contract, &reworded)), (contract.digest(), String::new()));
    }

    #[test]
    fn segments_are_encoded_alone_and_the_answer_is_what_is_trained() {
        let tokenizer = fixture("llama");
        let contract = bound("alpaca", &tokenizer).expect("fits");
        let encoded = contract.encode(&tokenizer, FIELDS).expect("encodes");
        let prompt = contract.encode_prompt(&tokenizer, FIELDS).expect("encodes");
        assert_eq!(encoded.ids[..encoded.trained_from], prompt);
        assert_eq!((encoded.ids[0], encoded.ids.last()), (1, Some(&2)));
        let answer = tokenizer.encode("x = 1").expect("encodes");
        assert_eq!(encoded.ids[encoded.trained_from..encoded.ids.len() - 1], answer);
        assert!(encoded.segments.windows(2).all(|two| two[0].range.end == two[1].range.start));
        assert_eq!(encoded.segments[0].special.as_deref(), Some("bos"));
        assert_eq!(encoded.segments[4].field.as_deref(), Some("response"));
        assert_eq!(tokenizer.decode(&prompt).expect("decodes").matches("Draw\na circle.\n\n###").count(), 1);
        let mut short = contract.clone();
        short.max_len = encoded.ids.len() - 1;
        let error = short.encode(&tokenizer, FIELDS).expect_err("too long");
        assert!(matches!(error, PromptError::TooLong { tokens, max } if tokens == max + 1), "{error}");
        let other = contract.encode(&fixture("qwen2"), FIELDS).expect_err("another tokenizer");
        assert!(matches!(other, PromptError::OtherTokenizer { .. }), "{other}");
    }

    #[test]
    fn a_tokenizer_without_bos_has_none_and_templates_that_do_not_fit_are_refused() {
        let qwen = fixture("qwen2");
        let contract = bound("alpaca", &qwen).expect("fits");
        assert_eq!(contract.json()["specials"], json!({ "bos": null, "eos": 351, "pad": 349 }));
        assert_eq!(contract.stop_ids, [351, 349]);
        let encoded = contract.encode(&qwen, FIELDS).expect("encodes");
        assert_eq!(encoded.segments[0].range, 0..0);
        assert_eq!(bound("chatml", &qwen).expect("fits").stop_ids, [351, 349]);
        let error = bound("chatml", &fixture("llama")).expect_err("no <|im_start|>");
        let PromptError::NoToken { text, fit, .. } = &error else { panic!("{error}") };
        assert!(text.starts_with("<|im_") && fit.contains(&"alpaca") && !fit.contains(&"chatml"), "{error}");
        let endless = "id = \"t-1\"\ndoc = \"A test.\"\n[specials]\n[[segments]]\nkind = \"field\"\nname = \"response\"\ntrain = true\n";
        let endless = Template::parse("t", endless).expect("a template");
        let error = Contract::new(endless, &qwen, &[], 9, "0".repeat(64)).expect_err("never stops").to_string();
        assert!(error.contains("never stop"), "{error}");
        let alpaca = || template("alpaca").expect("built in");
        let error = Contract::new(alpaca(), &qwen, &[9999], 9, "0".repeat(64)).expect_err("beyond").to_string();
        assert!(error.contains("9999"), "{error}");
        let stops = Contract::new(alpaca(), &qwen, &[7, 351], 9, "0".repeat(64)).expect("fits").stop_ids;
        assert_eq!(stops, [351, 7, 349]);
    }

    #[test]
    fn special_texts_are_those_of_the_tokenizer() {
        let deepseek = fixture("deepseek");
        let contract = bound("alpaca", &deepseek).expect("fits");
        let respond = |text: &str| contract.encode(&deepseek, &[("instruction", "a"), ("response", text)]);
        assert!(respond("MarkupText('<s>old</s>')").is_ok(), "</s> is no token of this tokenizer");
        for (text, name, place) in [("a\r\n<|EOT|>", "eos", 3), ("<｜fim▁hole｜>", "<｜fim▁hole｜>", 0)] {
            let error = respond(text).expect_err(text);
            let PromptError::SpecialText { field, special, at, .. } = &error else { panic!("{error}") };
            assert_eq!((field.as_str(), special.as_str(), *at), ("response", name, place), "{error}");
        }
        let mut template = template("alpaca").expect("built in");
        template.segments[1] = Segment::Text { text: "Say <|EOT|>".to_owned(), train: false };
        let error = Contract::new(template, &deepseek, &[], 9, "0".repeat(64)).expect_err("a special text");
        assert!(error.to_string().contains("its text holds `<|EOT|>`"), "{error}");
    }

    #[test]
    fn damaged_contracts_are_refused_with_the_part() {
        let json = bound("alpaca", &fixture("llama")).expect("fits").json();
        let cases: [(&str, Value, &str); 8] = [
            ("v", json!(2), "version 2, and this program knows 1"),
            ("v", json!("1"), "version \"1\""),
            ("max_len", json!(-1), "-1"),
            ("stop_ids", json!([]), "`stop_ids` is empty"),
            ("specials", json!({ "bos": 1, "pad": 2 }), "has no id for eos"),
            ("specials", json!({ "bos": 1, "eos": 2 }), "has no id for pad"),
            ("tokenizer_sha256", json!("0"), "`tokenizer_sha256` is no SHA-256"),
            ("extra", json!(1), "unknown field `extra`"),
        ];
        for (key, value, part) in cases {
            let mut damaged = json.clone();
            damaged[key] = value;
            let error = Contract::parse(&damaged).expect_err(key).to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn differences_are_shown_side_by_side() {
        let tokenizer = fixture("llama");
        let contract = bound("alpaca", &tokenizer).expect("fits");
        let plain = bound("plain", &fixture("qwen2")).expect("fits");
        let shown = difference(NAMES, &contract, &plain);
        assert!(shown.lines().any(|line| line.split_whitespace().eq(["!", "specials.bos", "1", "null"])), "{shown}");
        assert!(shown.lines().next().is_some_and(|head| head.split_whitespace().eq(["trained", "asked"])), "{shown}");
        let ids = contract.encode_prompt(&tokenizer, FIELDS).expect("encodes");
        let mut doubled = ids.clone();
        doubled.insert(0, 1);
        let shown = diff_ids(NAMES, &tokenizer, &doubled, &ids);
        assert_eq!(shown.lines().filter(|line| line.starts_with('!')).count(), 1, "{shown}");
        assert!(shown.contains("\"<s>\"") && shown.ends_with("equal …\n"), "{shown}");
        let head = shown.lines().next().unwrap_or_default();
        assert!(head.split_whitespace().eq(["id", "trained", "|", "id", "asked"]), "{shown}");
        assert_eq!(diff_ids(NAMES, &tokenizer, &ids, &ids), "");
        let shown = diff_ids(NAMES, &tokenizer, &[5, 6, 7], &[5, 8, 7]);
        assert_eq!(shown.lines().filter(|line| line.starts_with('!') && line.contains('|')).count(), 1, "{shown}");
    }
}
