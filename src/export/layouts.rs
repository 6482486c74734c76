//! Layouts: which files an export consists of beside `rows.jsonl`, `manifest.json` and `ATTRIBUTION.md`.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::formats::alpaca_complexity;
use super::writing::Tally;
use super::{Encoding, ExportError, Format, Style, licences};
use crate::sample::{Sample, Side, UnknownWord, hash16, hex};

/// Which files an export consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// A file per side that has rows: `train`, `validation`, `test`.
    Plain,
    /// As `plain`, with `metadata.json`, and the rows again under `by_category/TOPIC/` and `by_complexity/LEVEL/`.
    Tree,
    /// As `plain`, with a dataset card that `datasets` loads the sides by.
    Hf,
    /// As `plain`, with `dataset_info.json` for LLaMA-Factory.
    LlamaFactory,
    /// As `mlx-lm` wants it: `train.jsonl`, `valid.jsonl`, `test.jsonl`.
    Mlx,
}

impl Layout {
    /// Every layout.
    pub const ALL: &'static [Layout] = &[Layout::Plain, Layout::Tree, Layout::Hf, Layout::LlamaFactory, Layout::Mlx];
    /// Their names, in the order of [`Self::ALL`].
    pub const WORDS: &'static [&'static str] = &["plain", "tree", "hf", "llamafactory", "mlx"];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Layout::Plain => "plain",
            Layout::Tree => "tree",
            Layout::Hf => "hf",
            Layout::LlamaFactory => "llamafactory",
            Layout::Mlx => "mlx",
        }
    }

    /// The encoding that the layout has unless another is asked for.
    pub fn default_encoding(self) -> Encoding {
        if self == Layout::Tree { Encoding::Json } else { Encoding::Jsonl }
    }

    /// Checks that the layout can hold a format in an encoding.
    pub(super) fn check(self, format: &Format, encoding: Encoding) -> Result<(), ExportError> {
        if self == Layout::Mlx {
            if encoding != Encoding::Jsonl {
                return Err(ExportError::Option {
                    message: "layout mlx is JSON Lines: leave --encoding out".to_owned(),
                });
            }
            if !format.mlx {
                let known: Vec<&str> =
                    super::FORMATS.iter().filter(|format| format.mlx).map(|format| format.name).collect();
                let message = format!("mlx-lm does not read format {}; it reads {}", format.name, known.join(", "));
                return Err(ExportError::Option { message });
            }
        }
        Ok(())
    }

    /// The file of a side.
    pub(super) fn side_file(self, side: Side, encoding: Encoding) -> String {
        let stem = match side {
            Side::Validation if self == Layout::Mlx => "valid",
            side => side.word(),
        };
        format!("{stem}.{}", encoding.word())
    }

    /// The files that a row goes to.
    pub(super) fn files_of(self, side: Side, encoding: Encoding, sample: &Sample) -> Vec<String> {
        let main = self.side_file(side, encoding);
        if self != Layout::Tree {
            return vec![main];
        }
        let mut files = Vec::new();
        for topic in categories(sample) {
            files.push(format!("by_category/{}/{main}", file_word(&topic)));
        }
        files.push(format!("by_complexity/{}/{main}", file_word(alpaca_complexity(sample).unwrap_or(UNKNOWN))));
        files.push(main);
        files
    }

    /// The files that are made at the end, with their text.
    pub(super) fn extras(
        self,
        format: &Format,
        style: &Style,
        encoding: Encoding,
        tally: &Tally,
    ) -> Vec<(String, String)> {
        match self {
            Layout::Plain | Layout::Mlx => Vec::new(),
            Layout::Tree => vec![("metadata.json".to_owned(), pretty(&metadata(tally)))],
            Layout::Hf => vec![("README.md".to_owned(), card(format, style, encoding, tally))],
            Layout::LlamaFactory => {
                let mut entries = Map::new();
                for side in tally.sides_with_rows() {
                    let mut entry = Map::new();
                    entry.insert("file_name".to_owned(), json!(self.side_file(side, encoding)));
                    entry.extend((format.llama_factory)(style));
                    entries.insert(format!("scenery_{side}"), Value::Object(entry));
                }
                vec![("dataset_info.json".to_owned(), pretty(&Value::Object(entries)))]
            }
        }
    }
}

impl FromStr for Layout {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Layout, UnknownWord> {
        let found = Layout::ALL.iter().copied().find(|layout| layout.word() == text);
        found.ok_or_else(|| UnknownWord { word: text.to_owned(), known: Layout::WORDS })
    }
}

/// The folder of rows whose complexity is unknown.
const UNKNOWN: &str = "unknown";
/// The folder of rows without a topic.
const UNCATEGORISED: &str = "uncategorised";

/// The topics that a row is filed under.
pub(super) fn categories(sample: &Sample) -> Vec<String> {
    let topics: Vec<String> = sample.facts.names("topic").map(|(topic, _)| topic.to_owned()).collect();
    if topics.is_empty() { vec![UNCATEGORISED.to_owned()] } else { topics }
}

/// The word that a row's complexity is counted under.
pub(super) fn complexity_word(sample: &Sample) -> String {
    alpaca_complexity(sample).unwrap_or(UNKNOWN).to_owned()
}

/// A word as a file name: what is not a letter, digit, `-` or `_` is replaced, and a hash keeps such names apart.
fn file_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !word.is_empty() && word.len() <= 64 && word.chars().all(plain) {
        return word.to_owned();
    }
    let kept: String = word.chars().take(48).map(|c| if plain(c) { c } else { '_' }).collect();
    format!("{kept}-{}", &hex(&hash16(&[word.as_bytes()]))[..8])
}

fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("a JSON value always serialises");
    text.push('\n');
    text
}

/// `metadata.json` of the tree. A row with several topics counts in each of them.
fn metadata(tally: &Tally) -> Value {
    let sources: BTreeMap<&String, u64> = tally.sources.iter().map(|(source, rows)| (source, *rows)).collect();
    let licences: BTreeMap<&String, u64> = tally.licences.iter().map(|(licence, (_, rows))| (licence, *rows)).collect();
    json!({
        "rows": tally.written.values().sum::<u64>(),
        "sides": tally.written,
        "categories": tally.categories,
        "complexity": tally.complexity,
        "levels": tally.levels,
        "sources": sources,
        "licences": licences,
    })
}

/// The dataset card, with the configuration that `datasets` loads the sides by.
fn card(format: &Format, style: &Style, encoding: Encoding, tally: &Tally) -> String {
    let mut text = String::from("---\n");
    let mut known = tally.licences.keys().filter(|licence| licences::is_free(licence));
    match (tally.licences.len(), known.next()) {
        (1, Some(licence)) => text.push_str(&format!("license: {}\n", licence.to_ascii_lowercase())),
        _ => text.push_str("license: other\nlicense_name: see-attribution\nlicense_link: ATTRIBUTION.md\n"),
    }
    text.push_str("configs:\n- config_name: default\n  data_files:\n");
    for side in tally.sides_with_rows() {
        text.push_str(&format!("  - split: {side}\n    path: {}\n", Layout::Hf.side_file(side, encoding)));
    }
    let features = (format.hf_features)(style);
    if !features.is_empty() {
        text.push_str("dataset_info:\n  features:\n");
        for line in features {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text.push_str("---\n\n# Rows\n\n| side | rows |\n| --- | --- |\n");
    for side in tally.sides_with_rows() {
        text.push_str(&format!("| {side} | {} |\n", tally.written[side.word()]));
    }
    text.push_str(
        "\n`manifest.json` says how the rows were selected and lists a SHA-256 per file; `rows.jsonl` says of each row \
         where it comes from; `ATTRIBUTION.md` names every source with its licence.\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_read_by_their_names() {
        for (layout, word) in Layout::ALL.iter().zip(Layout::WORDS) {
            assert_eq!(layout.word(), *word);
            assert_eq!(word.parse(), Ok(*layout));
        }
        assert!("trees".parse::<Layout>().is_err());
    }

    #[test]
    fn file_words_cannot_leave_their_folder_and_stay_apart() {
        assert_eq!(file_word("linear-algebra"), "linear-algebra");
        for word in ["../x", "a/b", "a b", "", "..", "ü"] {
            let made = file_word(word);
            assert!(!made.contains(['/', '.', ' ']) && !made.is_empty(), "{made}");
        }
        assert_ne!(file_word("a/b"), file_word("a b"));
    }
}
