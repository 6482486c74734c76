//! What checks look at: rows as the ids that are trained, and the data that they stem from.

use std::ops::Range;

use rayon::prelude::*;

use super::super::data::{Dataset, Example, INSTRUCTION, RESPONSE, SYSTEM};
use super::super::options::Options;
use super::super::{TrainError, encoded};
use crate::prompt::contract::{Contract, Encoded};
use crate::prompt::tokenizer::Tokenizer;
use crate::prompt::{PromptError, Segment};
use crate::sample::{Side, content_hash, hash16};

/// How the ids of training begin, against those that generation is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// With the very same ids, and what is trained begins right after them, or before.
    Same,
    /// Otherwise, and how.
    Other(String),
    /// It is not known what generation is given.
    Unknown,
}

/// Ids of a row, marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// The ids of prompt and answer, without padding.
    pub ids: Vec<u32>,
    /// The trained ones: ranges, ascending, apart from each other.
    pub trained: Vec<Range<usize>>,
    /// The answer without what ends it, where it is known.
    pub answer: Option<Range<usize>>,
    /// How they begin.
    pub prefix: Prefix,
}

impl Marked {
    /// How many ids are trained.
    pub fn trained_count(&self) -> usize {
        self.trained.iter().map(Range::len).sum()
    }

    /// The trained ids with their places, in order.
    pub fn trained_ids(&self) -> impl DoubleEndedIterator<Item = (usize, u32)> {
        self.trained.iter().flat_map(|range| range.clone().map(|at| (at, self.ids[at])))
    }
}

/// Why a row cannot be encoded, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It holds the text of a special token.
    SpecialText(String),
    /// Anything else, as a character that the vocabulary has no token for.
    Other(String),
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id; of data of another trainer its line.
    pub name: String,
    /// Its side, where it has one.
    pub side: Option<Side>,
    /// Its ids; where it cannot be encoded, why.
    pub ids: Result<Marked, Refused>,
    /// Equal for rows that ask the same.
    pub prompt_key: [u8; 16],
    /// Equal for rows that answer the same.
    pub answer_key: [u8; 16],
    /// What is asked: a text to be read by checks of words.
    pub instruction: Option<String>,
    /// What is answered, where it is known.
    pub response: Option<String>,
    /// The sentence that states the rules, where the row has one of its own.
    pub system: Option<String>,
}

/// What checks look at.
pub struct Subject<'a> {
    /// The rows, in the order of the data; of an export those of [`Dataset::examples`].
    pub rows: Vec<Row>,
    /// The export, where the rows stem from one.
    pub dataset: Option<&'a Dataset>,
    /// What made the ids.
    pub tokenizer: &'a Tokenizer,
    /// The beginning token.
    pub bos: Option<u32>,
    /// How many of it a row has, where that is known.
    pub bos_wanted: Option<usize>,
    /// Tokens that end an answer.
    pub ends: Vec<u32>,
    /// Most tokens of a row.
    pub most: usize,
    /// Lines of fixed text around fields, which no answer should hold.
    pub fixed_lines: Vec<String>,
    /// The options of a run on the rows, for the batches that it would cut.
    pub options: &'a Options,
}

impl<'a> Subject<'a> {
    /// Encodes an export by a contract, on all cores. Rows that cannot be encoded, or are over the contract's length, are rows
    /// all the same: checks say which they are.
    ///
    /// # Errors
    /// [`TrainError::NoPlace`]; [`TrainError::Prompt`] where contract and tokenizer do not go together.
    pub fn of_dataset(
        dataset: &'a Dataset,
        contract: &Contract,
        tokenizer: &'a Tokenizer,
        options: &'a Options,
    ) -> Result<Subject<'a>, TrainError> {
        encoded::check_fields(dataset, &contract.template)?;
        let unbounded = Contract { max_len: usize::MAX, ..contract.clone() };
        let rows: Result<Vec<Row>, PromptError> =
            dataset.examples.par_iter().map(|example| row(example, &unbounded, tokenizer)).collect();
        let rows = rows?;
        let segments = &contract.template.segments;
        let bos = contract.specials.get("bos").copied().flatten().or(tokenizer.bos());
        let special = |segment: &&Segment| match segment {
            Segment::Special { name, .. } => bos.is_some() && contract.specials.get(name).copied().flatten() == bos,
            _ => false,
        };
        let bos_wanted = segments.iter().filter(special).count();
        let fixed = |segment: &Segment| match segment {
            Segment::Text { text, .. } => text.lines().map(str::trim).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let fixed_lines = segments.iter().flat_map(fixed).filter(|line: &String| line.chars().count() >= 8).collect();
        Ok(Subject {
            rows,
            dataset: Some(dataset),
            tokenizer,
            bos,
            bos_wanted: Some(bos_wanted),
            ends: contract.stop_ids.clone(),
            most: contract.max_len,
            fixed_lines,
            options,
        })
    }

    /// The rows that could be encoded, with their ids.
    pub fn marked(&self) -> impl Iterator<Item = (&Row, &Marked)> {
        self.rows.iter().filter_map(|row| Some((row, row.ids.as_ref().ok()?)))
    }

    /// Whether an id ends an answer.
    pub fn is_end(&self, id: u32) -> bool {
        self.ends.contains(&id)
    }

    /// A token as text, for messages.
    pub fn token(&self, id: u32) -> String {
        self.tokenizer.token(id).unwrap_or_else(|| format!("id {id}"))
    }
}

/// An example as a row.
fn row(example: &Example, unbounded: &Contract, tokenizer: &Tokenizer) -> Result<Row, PromptError> {
    let fields = example.pairs();
    let both = || {
        let encoded = unbounded.encode(tokenizer, &fields)?;
        Ok(marked(encoded, &unbounded.encode_prompt(tokenizer, &fields)?))
    };
    let ids = match both() {
        Ok(marked) => Ok(marked),
        Err(error @ PromptError::OtherTokenizer { .. }) => return Err(error),
        Err(error @ PromptError::SpecialText { .. }) => Err(Refused::SpecialText(error.to_string())),
        Err(error) => Err(Refused::Other(error.to_string())),
    };
    let asked: Vec<&[u8]> = fields
        .iter()
        .filter(|(name, _)| *name != RESPONSE)
        .flat_map(|(name, value)| [name.as_bytes(), value.trim().as_bytes()])
        .collect();
    let response = example.field(RESPONSE);
    Ok(Row {
        name: example.id.clone(),
        side: Some(example.side),
        ids,
        prompt_key: hash16(&asked),
        answer_key: content_hash(response),
        instruction: Some(example.field(INSTRUCTION).to_owned()),
        response: Some(response.to_owned()),
        system: example.fields.get(SYSTEM).cloned(),
    })
}

/// Compares what is trained with what generation is given, id by id.
pub(super) fn prefix(ids: &[u32], prompt: &[u32], first_trained: Option<usize>) -> Prefix {
    let same = ids.iter().zip(prompt).take_while(|(one, other)| one == other).count();
    if same < prompt.len() {
        let at = |ids: &[u32]| ids.get(same).map_or("nothing".to_owned(), u32::to_string);
        return Prefix::Other(format!(
            "after {same} tokens in common, training has {} and generation {}",
            at(ids),
            at(prompt)
        ));
    }
    match first_trained {
        Some(first) if first > prompt.len() => Prefix::Other(format!(
            "generation begins after {} tokens, and the first trained one is the {}th",
            prompt.len(),
            first + 1
        )),
        _ => Prefix::Same,
    }
}

fn marked(encoded: Encoded, prompt: &[u32]) -> Marked {
    let Encoded { ids, trained_from, segments } = encoded;
    let mut prefix = prefix(&ids, prompt, Some(trained_from));
    if prefix == Prefix::Same && trained_from != prompt.len() {
        prefix = Prefix::Other(format!("{trained_from} tokens are masked, and generation is given {}", prompt.len()));
    }
    let answer = segments.iter().find(|segment| segment.field.as_deref() == Some(RESPONSE));
    let mut trained: Vec<Range<usize>> = Vec::new();
    for segment in segments.iter().filter(|segment| segment.train && !segment.range.is_empty()) {
        match trained.last_mut() {
            Some(last) if last.end == segment.range.start => last.end = segment.range.end,
            _ => trained.push(segment.range.clone()),
        }
    }
    Marked { answer: answer.map(|segment| segment.range.clone()), trained, prefix, ids }
}

#[cfg(test)]
pub(super) mod for_tests {
    //! Datasets and subjects for the tests of checks.

    use std::collections::BTreeMap;
    use std::path::PathBuf;
    use std::sync::LazyLock;

    use super::*;
    use crate::prompt::templates::template;
    use crate::train::data::{Dataset, Example};
    use crate::train::lint::{Report, run};

    /// A scene that parses, told apart by a number.
    pub fn scene(at: usize) -> String {
        format!(
            "from manim import *\n\n\nclass Scene{at}(Scene):\n    def construct(self):\n        circle = Circle(radius={at})\n        self.play(Create(circle))\n"
        )
    }

    /// A row of a source.
    pub fn example(at: usize, side: Side, instruction: &str, response: &str) -> Example {
        let fields = [(INSTRUCTION, instruction), (RESPONSE, response)];
        Example {
            id: format!("{at:032x}"),
            source: "tests".to_owned(),
            level: None,
            complexity: None,
            side,
            family: None,
            near_duplicates_may_part: false,
            fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect(),
        }
    }

    /// Rows that no check has anything against.
    pub fn clean() -> Vec<Example> {
        let words = ["circle", "turning wheel", "ball", "planet that rolls", "ring", "drum", "plate seen from above"];
        (0..14)
            .map(|at| {
                let side = if at % 7 == 6 { Side::Test } else { Side::Train };
                let begin = ["Draw", "Show a", "Animate", "A scene with", "Please create", "Make", "Let me see a"];
                let instruction = format!("{} circle like a {} ({at})", begin[at % 7], words[(at + at / 7) % 7]);
                example(at, side, &instruction, &scene(at))
            })
            .collect()
    }

    /// A dataset of rows.
    pub fn dataset(examples: Vec<Example>) -> Dataset {
        Dataset {
            folder: PathBuf::from("tests"),
            manifest_sha256: String::new(),
            manifest_digest: String::new(),
            query: String::new(),
            examples,
            notes: Vec::new(),
        }
    }

    /// A tokenizer that knows these rows.
    pub fn tokenizer(dataset: &Dataset) -> Tokenizer {
        let texts = dataset.examples.iter().flat_map(|example| example.fields.values().map(String::as_str));
        Tokenizer::train(texts, 400).expect("it is trained")
    }

    /// What a template makes of a tokenizer.
    pub fn contract(name: &str, tokenizer: &Tokenizer, most: usize) -> Contract {
        let template = template(name).expect("a built-in template");
        Contract::new(template, tokenizer, &[], most, "0".repeat(64)).expect("a contract")
    }

    /// Lints rows by the template `alpaca`.
    pub fn lint(examples: Vec<Example>) -> Report {
        lint_without(examples, &[])
    }

    /// The same without some checks: few rows differ in their style soon.
    pub fn lint_without(examples: Vec<Example>, ignored: &[&str]) -> Report {
        let dataset = dataset(examples);
        let tokenizer = tokenizer(&dataset);
        let contract = contract("alpaca", &tokenizer, 2_048);
        run(&subject(&dataset, &contract, &tokenizer), ignored)
    }

    /// What checks look at, with batches so small that a row is alone in its own.
    pub fn subject<'a>(dataset: &'a Dataset, contract: &Contract, tokenizer: &'a Tokenizer) -> Subject<'a> {
        static ALONE: LazyLock<Options> = LazyLock::new(|| Options { micro_tokens: 2, ..options() });
        Subject::of_dataset(dataset, contract, tokenizer, &ALONE).expect("a subject")
    }

    /// The options of a run unless said.
    pub fn options() -> Options {
        Options::preset("default").expect("there is one")
    }

    /// Codes of what was found.
    pub fn codes(report: &Report) -> Vec<&'static str> {
        report.findings.iter().map(|finding| finding.code).collect()
    }

    /// How many rows each finding names, by code.
    pub fn counts(report: &Report) -> BTreeMap<&'static str, usize> {
        report.findings.iter().map(|finding| (finding.code, finding.count)).collect()
    }

    #[test]
    fn rows_without_a_fault_have_no_finding() {
        let report = lint(clean());
        assert_eq!(codes(&report), Vec::<&str>::new(), "{:#?}", report.findings);
        assert_eq!((report.rows, report.sides["train"], report.sides["test"]), (14, 12, 2));
        assert!(report.trained_tokens > 0 && report.trained_tokens < report.tokens);
    }
}
