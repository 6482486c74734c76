//! What a sample is: identity, content, state, and the facts computed from it.
//!
//! Layer 0: everything else may use this module, it uses nothing of ours. All hashes here are stored, so they are fixed:
//! SHA-256, cut to 16 bytes, over the bytes that each function names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

/// The first 16 bytes of the SHA-256 of `parts`, each preceded by its length (u64, little endian), so that no two lists of parts collide.
pub fn hash16(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let digest = hasher.finalize();
    let mut out = [0u8; 16];
    out.copy_from_slice(&digest[..16]);
    out
}

/// Writes bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        out.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    out
}

/// The identity of a sample: the hash of its source's name and its key. 16 bytes; shown as the shortest unambiguous
/// prefix of its 32 hexadecimal digits, at least 6 of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleId(pub [u8; 16]);

impl SampleId {
    /// Makes the id of the sample that `source` knows under `key`.
    pub fn new(source: &str, key: &str) -> Self {
        SampleId(hash16(&[source.as_bytes(), key.as_bytes()]))
    }

    /// The id as two big-endian numbers; comparing the pairs compares the ids.
    pub fn halves(&self) -> (u64, u64) {
        let value = u128::from_be_bytes(self.0);
        ((value >> 64) as u64, value as u64)
    }

    /// The id whose [`halves`](Self::halves) these are.
    pub fn from_halves(high: u64, low: u64) -> Self {
        SampleId(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
    }
}

/// The number that decides what a seed does with a sample: the first 8 bytes, big endian, of the SHA-256 of the 16 bytes of
/// the id and the seed (u64, little endian). What is chosen by it is the same on every machine, and while a store grows.
pub fn seeded_hash(id: &SampleId, seed: u64) -> u64 {
    // What is hashed fits one block: 24 bytes, the mark of their end, and their length in bits.
    let mut block = [0u8; 64];
    block[..16].copy_from_slice(&id.0);
    block[16..24].copy_from_slice(&seed.to_le_bytes());
    block[24] = 0x80;
    block[63] = 24 * 8;
    let mut state = SHA_256;
    compress256(&mut state, &[block]);
    u64::from(state[0]) << 32 | u64::from(state[1])
}

/// Where SHA-256 begins (FIPS 180-4, section 5.3.3).
const SHA_256: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

impl fmt::Display for SampleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl Serialize for SampleId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for SampleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SampleId({self})")
    }
}

/// Hashes code after newline and trailing-blank normalisation, indentation kept; equal hashes are exact duplicates.
/// Blank lines before the first and after the last line of code do not count.
pub fn content_hash(code: &str) -> [u8; 16] {
    hash16(&[normalise_code(code).as_bytes()])
}

/// The text that [`content_hash`] hashes: `\r\n` and lone `\r` become `\n`, blanks and tabs at line ends go, and so do
/// empty lines at both ends.
pub fn normalise_code(code: &str) -> String {
    let unified = code.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = unified.split('\n').map(|line| line.trim_end_matches([' ', '\t', '\x0c'])).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    let first = lines.iter().position(|line| !line.is_empty()).unwrap_or(lines.len());
    lines[first..].join("\n")
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// Every word, in the order of [`Self::ALL`].
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word that stands for this value in files, queries and output.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.word()) }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok($name::$variant),)+
                    _ => Err(UnknownWord { word: text.to_owned(), known: Self::WORDS }),
                }
            }
        }
    };
}

/// A word that is none of the values of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is none of {}", known.join(", "))]
pub struct UnknownWord {
    /// What was given.
    pub word: String,
    /// What there is.
    pub known: &'static [&'static str],
}

words! {
    /// The state of a sample; every sample is in exactly one.
    State {
        /// Seen by queries unless they say otherwise.
        Kept = "kept",
        /// A survivor stands for it.
        Duplicate = "duplicate",
        /// Put aside by a person or a rule, with a reason; restorable.
        Rejected = "rejected",
        /// Content gone for good; only the id stays.
        Forgotten = "forgotten",
        /// Written by a model.
        Generated = "generated",
    }
}

words! {
    /// A side of a split.
    Side {
        /// What a model is trained on.
        Train = "train",
        /// What training is steered by.
        Validation = "validation",
        /// What is held out.
        Test = "test",
    }
}

impl Side {
    /// What a query calls the sides, and `held`: no side, because the row ties two of them.
    pub const WORDS_AND_HELD: &[&str] = &["train", "validation", "test", "held"];

    /// Recognises the spellings that datasets use for sides: `val`, `valid`, `dev`, `eval`, `training`, `testing` and others, in any case.
    pub fn from_spelling(text: &str) -> Option<Side> {
        match text.trim().to_ascii_lowercase().as_str() {
            "train" | "training" | "tr" => Some(Side::Train),
            "val" | "valid" | "validation" | "dev" | "eval" => Some(Side::Validation),
            "test" | "testing" | "heldout" | "held_out" => Some(Side::Test),
            _ => None,
        }
    }
}

words! {
    /// Who wrote the instruction of a sample.
    DescriptionKind {
        /// A person wrote or checked it.
        Reviewed = "reviewed",
        /// A person wrote it.
        Human = "human",
        /// A language model wrote it.
        Llm = "llm",
        /// Filled into a fixed sentence.
        Template = "template",
        /// There is none.
        None = "none",
    }
}

words! {
    /// What a revision is.
    RevisionKind {
        /// As the source gave it.
        Read = "read",
        /// Mended by cleaners.
        Fixed = "fixed",
        /// Changed on purpose: standardised, described, or by hand.
        Edited = "edited",
    }
}

words! {
    /// Which Manim a text is written for.
    Dialect {
        /// The community edition.
        Ce = "ce",
        /// 3Blue1Brown's own, ManimGL.
        Gl = "gl",
        /// Names of both.
        Mixed = "mixed",
        /// No sign of either.
        None = "none",
    }
}

/// One value that an analyser computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FactValue {
    /// Unknown, or without meaning for this sample (a syntax tree's depth where nothing parses).
    Null,
    /// Yes or no.
    Bool(bool),
    /// A count or another whole number.
    Int(i64),
    /// A measure.
    Real(f64),
    /// One word out of an enumeration, or a free word.
    Word(String),
    /// Names, each with how often it occurs (1 where occurrences are not counted).
    Set(BTreeMap<String, u32>),
}

impl FactValue {
    /// The value as a number, where it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            FactValue::Int(value) => Some(*value as f64),
            FactValue::Real(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether there is nothing: null, or an empty set.
    pub fn is_empty(&self) -> bool {
        match self {
            FactValue::Null => true,
            FactValue::Set(names) => names.is_empty(),
            _ => false,
        }
    }
}

/// The facts of one revision, by feature name. Nulls are not stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facts(pub BTreeMap<String, FactValue>);

impl Facts {
    /// The value of a feature; [`FactValue::Null`] where there is none.
    pub fn get(&self, name: &str) -> &FactValue {
        self.0.get(name).unwrap_or(&FactValue::Null)
    }

    /// Sets a feature; a null is left out.
    pub fn set(&mut self, name: &str, value: FactValue) {
        if value != FactValue::Null {
            self.0.insert(name.to_owned(), value);
        }
    }

    /// The names in a set-valued feature, with counts; empty where there is none.
    pub fn names(&self, name: &str) -> impl Iterator<Item = (&str, u32)> {
        let set = match self.get(name) {
            FactValue::Set(set) => Some(set),
            _ => None,
        };
        set.into_iter().flatten().map(|(name, count)| (name.as_str(), *count))
    }

    /// A feature's word, where it has one.
    pub fn word(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            FactValue::Word(word) => Some(word),
            _ => None,
        }
    }

    /// A feature as a number, where it is one.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name).number()
    }
}

/// A sample at its current revision, with everything that a query, a page or an export shows of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The dense number that ties SQLite, the index and the columns together; never shown.
    pub row: u32,
    /// Identity.
    pub id: SampleId,
    /// Name of its source.
    pub source: String,
    /// What makes it the same row next time.
    pub key: String,
    /// Where it was last seen.
    pub locator: String,
    /// Its state.
    pub state: State,
    /// Why it is rejected, where it is.
    pub reason: Option<String>,
    /// The instruction of the current revision, where there is one.
    pub instruction: Option<String>,
    /// The code of the current revision.
    pub code: String,
    /// Which kind of revision is current.
    pub revision: RevisionKind,
    /// The cleaners that made the current revision, in order of application.
    pub cleaners: Vec<String>,
    /// SPDX expression or `none-stated`.
    pub licence: String,
    /// Rank of the source, 1 to 5; higher wins among duplicates.
    pub rank: u8,
    /// The level that the source gives, in lower case.
    pub level: Option<String>,
    /// The store's own side.
    pub split: Option<Side>,
    /// Whether it has no side because it ties two of them.
    pub held: bool,
    /// The side that the source gives.
    pub split_given: Option<Side>,
    /// Labels put on by people.
    pub tags: BTreeSet<String>,
    /// Who wrote the instruction.
    pub description_kind: DescriptionKind,
    /// The source's own columns that the recipe keeps.
    pub meta: serde_json::Map<String, serde_json::Value>,
    /// What ties it to others of its source by the recipe's `family` columns.
    pub family: Option<String>,
    /// Hash of the current code, see [`content_hash`].
    pub content: [u8; 16],
    /// When it was first read (UTC, RFC 3339).
    pub added: String,
    /// The analysers' results for the current revision.
    pub facts: Facts,
    /// How a model wrote it, where one did.
    pub written: Option<Written>,
}

/// What queries and exports know of how a model wrote a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Name of the run.
    pub run: String,
    /// Why the answer ended, in one word.
    pub stop: String,
    /// Row of the sample whose prompt it was; none where the prompt was typed.
    pub prompt_of: Option<u32>,
    /// Whether that sample was held when the answer was written: it tied two sides.
    pub held: bool,
}

impl Sample {
    /// Gives what a model wrote the side of the sample whose prompt it was, which `read` gives where it is there still: the
    /// store's own side as it is now, and of the side that its source gives and the one that it had when the answer was
    /// written the one that is furthest from training. A prompt that a model wrote in turn has the side of its own prompt.
    /// Other samples stay as they are.
    ///
    /// # Errors
    /// As `read`.
    pub fn inherit_side<E>(&mut self, read: &dyn Fn(u32) -> Result<Option<Sample>, E>) -> Result<(), E> {
        let Some(written) = &self.written else { return Ok(()) };
        let (mut split, mut held) = (None, written.held);
        let parent = written.prompt_of.map(read).transpose()?.flatten();
        if let Some(mut parent) = parent {
            parent.inherit_side(read)?;
            split = parent.split;
            held = parent.held || (held && split.is_none());
            self.split_given = self.split_given.max(parent.split_given);
        }
        (self.split, self.held) = (split, held);
        Ok(())
    }
}

/// SHA-256 over what makes up the samples of a slice, in order: id, source, licence, instruction and code of each.
#[derive(Clone, Default)]
pub struct ContentDigest(Sha256);

impl ContentDigest {
    /// Adds a sample.
    pub fn add(&mut self, sample: &Sample) {
        let instruction = sample.instruction.as_deref().map(str::as_bytes);
        let (source, licence) = (sample.source.as_bytes(), sample.licence.as_bytes());
        self.feed(&[Some(&sample.id.0), Some(source), Some(licence), instruction, Some(sample.code.as_bytes())]);
    }

    /// Adds parts as they are; a missing one is told from an empty one by a length that no part has.
    pub fn feed(&mut self, parts: &[Option<&[u8]>]) {
        for part in parts {
            self.0.update(part.map_or(u64::MAX, |part| part.len() as u64).to_le_bytes());
            self.0.update(part.unwrap_or_default());
        }
    }

    /// The digest.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// A row that became no sample: kept by reason and locator, counted, never silent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRow {
    /// The file it stands in, relative to what was given to `ingest`.
    pub file: String,
    /// Where exactly: `train.jsonl:117`, `main.py:3:17`.
    pub locator: String,
    /// Why, in a fixed word such as `no-code`; see the reader for its list.
    pub reason: String,
    /// The particulars: a parser's message, a column's name, the first characters of the row.
    pub detail: String,
}

/// Tells whether an instruction is a placeholder or a bare file name, which is recognised as no description.
pub fn is_placeholder_description(text: &str) -> bool {
    let text = text.trim();
    if text.is_empty() {
        return true;
    }
    let lower = text.to_ascii_lowercase();
    let opens = [
        "[pending",
        "[placeholder",
        "[todo",
        "[no description",
        "[needs description",
        "[description needed",
        "[missing",
    ];
    if opens.iter().any(|open| lower.starts_with(open)) {
        return true;
    }
    if matches!(lower.as_str(), "n/a" | "na" | "none" | "null" | "todo" | "tbd" | "-" | "..." | "description") {
        return true;
    }
    let one_word = !text.contains(char::is_whitespace);
    let stem_ok = |ext: &str| lower.len() > ext.len() && lower.ends_with(ext);
    one_word && [".py", ".ipynb", ".mp4", ".txt", ".md", ".rst", ".json"].iter().any(|ext| stem_ok(ext))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_parts_do_not_run_together() {
        assert_ne!(hash16(&[b"ab", b"c"]), hash16(&[b"a", b"bc"]));
        assert_eq!(SampleId::new("a", "b").to_string().len(), 32);
    }

    #[test]
    fn content_hash_ignores_line_ends_and_trailing_blanks_but_not_indentation() {
        assert_eq!(content_hash("\na = 1\r\n  b\t\n\n"), content_hash("a = 1\n  b"));
        assert_ne!(content_hash("  a"), content_hash("a"));
    }

    #[test]
    fn the_hash_of_a_seed_is_that_of_sha_256() {
        for (byte, seed) in [(0, 0), (1, 7), (255, u64::MAX)] {
            let id = SampleId([byte; 16]);
            let mut hasher = Sha256::new();
            hasher.update(id.0);
            hasher.update(seed.to_le_bytes());
            assert_eq!(seeded_hash(&id, seed).to_be_bytes(), hasher.finalize()[..8]);
        }
    }

    #[test]
    fn halves_keep_the_order_of_ids() {
        let a = SampleId::new("s", "1");
        let b = SampleId::new("s", "2");
        assert_eq!(a.cmp(&b), a.halves().cmp(&b.halves()));
        let (high, low) = a.halves();
        assert_eq!(SampleId::from_halves(high, low), a);
    }

    #[test]
    fn placeholders_are_no_descriptions() {
        for text in ["[PENDING_DESCRIPTION] Brace", "[PLACEHOLDER - Needs description]", "main.py", "", "  ", "TODO"] {
            assert!(is_placeholder_description(text), "{text}");
        }
        for text in ["Draw a circle.", "Circle", "Explain main.py"] {
            assert!(!is_placeholder_description(text), "{text}");
        }
    }

    #[test]
    fn sides_are_recognised_in_the_spellings_of_datasets() {
        assert_eq!(Side::from_spelling("Val"), Some(Side::Validation));
        assert_eq!(Side::from_spelling("train"), Some(Side::Train));
        assert_eq!(Side::from_spelling("all"), None);
    }
}
