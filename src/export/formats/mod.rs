//! The registry of export formats: one file, one entry.

mod alpaca;
mod messages;
mod prompt_completion;
mod sharegpt;
mod text;

use serde_json::{Map, Value};

pub(super) use alpaca::complexity as alpaca_complexity;

use crate::prompt::{PromptError, Template};
use crate::sample::Sample;

/// Every format, sorted by name.
pub const FORMATS: &[&Format] =
    &[&alpaca::FORMAT, &messages::FORMAT, &prompt_completion::FORMAT, &sharegpt::FORMAT, &text::FORMAT];

/// Finds a format by its name.
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().copied().find(|format| format.name == name)
}

/// The form that a row of an export takes.
pub struct Format {
    /// Name on the command line and in manifests.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// Raised whenever the same sample may come out as other bytes.
    pub version: u32,
    /// Whether it has a place for a system sentence.
    pub takes_system: bool,
    /// Whether its turns carry role tags that may be chosen.
    pub takes_roles: bool,
    /// Whether it is rendered by a prompt template.
    pub takes_template: bool,
    /// Whether `mlx-lm` reads it.
    pub mlx: bool,
    /// The entry of LLaMA-Factory's `dataset_info.json` that reads it, without `file_name`.
    pub llama_factory: fn(&Style) -> Map<String, Value>,
    /// The `features` of a Hugging Face dataset card, in YAML, a line each; empty where no column is ever null, because
    /// then `datasets` infers the types from any part of a file.
    pub hf_features: fn(&Style) -> Vec<&'static str>,
    /// Examples, run as tests.
    pub examples: &'static [Example],
    /// Makes the row. Every row of an export has the same keys; what is unknown is null.
    pub row: fn(&Subject<'_>) -> Result<Value, PromptError>,
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Format({})", self.name)
    }
}

/// The names of the three parts in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// Who states the rules.
    pub system: String,
    /// Who asks.
    pub user: String,
    /// Who answers.
    pub assistant: String,
}

impl Roles {
    /// Makes roles out of three names.
    pub fn new(system: &str, user: &str, assistant: &str) -> Roles {
        Roles { system: system.to_owned(), user: user.to_owned(), assistant: assistant.to_owned() }
    }

    /// Reads `SYSTEM,USER,ASSISTANT`; none unless it is three different names.
    pub fn parse(text: &str) -> Option<Roles> {
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        match names[..] {
            [system, user, assistant]
                if names.iter().all(|name| !name.is_empty())
                    && system != user
                    && system != assistant
                    && user != assistant =>
            {
                Some(Roles::new(system, user, assistant))
            }
            _ => None,
        }
    }
}

/// What is the same in every row of an export.
#[derive(Clone, Debug)]
pub struct Style {
    /// The system sentence.
    pub system: Option<String>,
    /// The role tags.
    pub roles: Roles,
    /// Whether the answer stands in a fenced Python block.
    pub fence: bool,
    /// What renders the `text` format, with the system sentence bound.
    pub template: Option<Template>,
}

/// What a row is made of.
pub struct Subject<'a> {
    /// The sample.
    pub sample: &'a Sample,
    /// Its instruction; never blank.
    pub instruction: &'a str,
    /// What is the same in every row.
    pub style: &'a Style,
}

impl Subject<'_> {
    /// The code, in a fenced Python block where that was asked for.
    pub fn answer(&self) -> String {
        if self.style.fence { fenced(&self.sample.code) } else { self.sample.code.clone() }
    }
}

/// Puts code into a fenced Python block; the fence is longer than any run of backticks in the code.
pub fn fenced(code: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for byte in code.bytes() {
        run = if byte == b'`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(if longest < 3 { 3 } else { longest + 1 });
    format!("{fence}python\n{}\n{fence}", code.trim_end_matches(['\n', '\r']))
}

/// An example, run as a test.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// Preset; empty for none.
    pub preset: &'static str,
    /// System sentence; empty for none.
    pub system: &'static str,
    /// The instruction.
    pub instruction: &'static str,
    /// The code.
    pub code: &'static str,
    /// The facts, as JSON.
    pub facts: &'static str,
    /// The row, byte for byte.
    pub row: &'static str,
}

/// Builds a JSON object out of its members, in this order.
fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{Request, preset, sample_for_tests};

    #[test]
    fn the_rows_of_the_examples_come_out_byte_for_byte() {
        for format in FORMATS {
            assert!(!format.examples.is_empty(), "{}", format.name);
            for example in format.examples {
                let mut request = Request::new("out", format);
                request.preset = (!example.preset.is_empty()).then(|| preset(example.preset).expect("a preset"));
                request.system = (!example.system.is_empty()).then(|| example.system.to_owned());
                let style = request.style().expect(format.name);
                let mut sample = sample_for_tests("starter", "k", example.instruction, example.code);
                sample.facts = serde_json::from_str(example.facts).expect("facts are JSON");
                let subject = Subject { sample: &sample, instruction: example.instruction, style: &style };
                let row = (format.row)(&subject).expect("a row");
                assert_eq!(row.to_string(), example.row, "{}", format.name);
            }
        }
    }

    #[test]
    fn names_are_sorted_unique_and_legal_and_no_file_is_forgotten() {
        assert!(FORMATS.windows(2).all(|pair| pair[0].name < pair[1].name));
        for format in FORMATS {
            assert!(format.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", format.name);
            assert!(format.doc.ends_with('.') && format.version > 0);
            let file =
                format!("{}/src/export/formats/{}.rs", env!("CARGO_MANIFEST_DIR"), format.name.replace('-', "_"));
            assert!(std::path::Path::new(&file).exists(), "{file}");
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/export/formats");
        assert_eq!(std::fs::read_dir(folder).expect("the folder").count(), FORMATS.len() + 1);
    }

    #[test]
    fn a_fence_is_longer_than_what_it_encloses() {
        assert_eq!(fenced("a = 1\n\n"), "```python\na = 1\n```");
        assert_eq!(fenced("a = '``'"), "```python\na = '``'\n```");
        assert_eq!(fenced("'''````'''\n"), "`````python\n'''````'''\n`````");
    }

    #[test]
    fn roles_are_three_different_names() {
        assert_eq!(Roles::parse("system, human,gpt"), Some(Roles::new("system", "human", "gpt")));
        for text in ["", "a,b", "a,b,b", "a,,c", "a,b,c,d"] {
            assert_eq!(Roles::parse(text), None, "{text}");
        }
    }
}
