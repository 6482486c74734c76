//! The five states of the prompt through which a published project went in one day, in order, each replayed: the ids that
//! its trainer fed and the prompt that its generation was given. Each is flagged by lint, and the contract cannot make it.
//!
//! | state | what was wrong | what says so |
//! | --- | --- | --- |
//! | (a) | no end token, the loss on everything, another vendor's model generates | E02, E04, W18; a template without an end is refused; another tokenizer is refused |
//! | (b) | padding, which is the end token, is masked by its id | E02 |
//! | (c), (d) | as (b), and generation asks in another sentence | E02, E04; the contracts differ, and where is shown |
//! | (e) | prompt and answer are encoded apart with special tokens of the tokenizer's own; seven sentences | E01; W10 |

use std::path::PathBuf;

use scenery::prompt::contract::{Contract, difference};
use scenery::prompt::templates::template;
use scenery::prompt::tokenizer::Tokenizer;
use scenery::prompt::{PromptError, Template};
use scenery::train::lint::{self, Report, foreign};
use scenery::train::options::Options;
use serde_json::json;

use crate::corpus::{Scratch, run};

const FUNCTIONS: &[&str] = &["x^2 + 5*x + 6", "sin(x)", "x*e^x", "ln(x)/x", "x^3 - 1"];

/// Seven sentences that ask for the same.
const SENTENCES: [&str; 7] = [
    "Build an animated picture of the derivative of f(x) =",
    "Write a Manim scene about the derivative of f(x) =",
    "Write code that shows how to derive f(x) =",
    "Show with Manim the derivative of f(x) =",
    "Explain by an animation how to derive f(x) =",
    "Construct a scene for the derivative of f(x) =",
    "Make an animation in which this is derived: f(x) =",
];

fn answer(at: usize) -> String {
    format!(
        "from manim import *\n\n\nclass DerivativeVisualization(Scene):\n    def construct(self):\n        f = {at}\n        self.wait(f)\n"
    )
}

fn base(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn").join(name)
}

/// A tokenizer as the project had it: with a beginning token of its own, and the end token for padding.
struct Seed {
    tokenizer: Tokenizer,
    bos: u32,
    eos: u32,
}

/// What a row of the trainer is.
#[derive(Clone)]
struct Fed {
    ids: Vec<u32>,
    labels: Vec<i64>,
    asked: Vec<u32>,
}

impl Seed {
    fn new() -> Seed {
        let tokenizer = Tokenizer::load(&base("llama")).expect("a tokenizer");
        let (bos, eos) = (tokenizer.bos().expect("it has one"), tokenizer.eos().expect("it has one"));
        assert_eq!(tokenizer.pad(), None, "so its users take the end token");
        Seed { tokenizer, bos, eos }
    }

    /// As a call of the tokenizer: a beginning token in front.
    fn call(&self, text: &str) -> Vec<u32> {
        [vec![self.bos], self.tokenizer.encode(text).expect("it encodes")].concat()
    }

    /// One text with its end, padded by the end token, which is masked wherever it stands.
    fn masked_by_id(&self, prompt: &str, at: usize, asked: &str) -> Fed {
        let mut ids = self.call(&format!("{prompt}{}", answer(at)));
        ids.extend([self.eos; 4]);
        let labels = ids.iter().map(|id| if *id == self.eos { -100 } else { i64::from(*id) }).collect();
        Fed { ids, labels, asked: self.call(asked) }
    }

    fn lint(&self, folder: &Scratch, rows: &[Fed]) -> Report {
        let lines: String = rows
            .iter()
            .map(|row| format!("{}\n", json!({ "input_ids": row.ids, "labels": row.labels, "prompt_ids": row.asked })))
            .collect();
        let file = folder.write("fed.jsonl", lines);
        let options = Options { max_len: 512, ..Options::preset("default").expect("there is one") };
        let subject = foreign::read(&file, &self.tokenizer, &[], &options).expect("rows");
        // The program says the same, and ends with 1.
        let (base, file) = (base("llama"), file.display().to_string());
        let arguments = [
            "train",
            "lint",
            "--encoded",
            &file,
            "--base",
            base.to_str().expect("a path"),
            "--max-len",
            "512",
            "--json",
        ];
        let (code, out, err) = run(folder.path(), &arguments);
        let report = lint::run(&subject, &[]);
        assert_eq!(code, i32::from(report.errors > 0), "{out}{err}");
        let said: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
        assert_eq!(said["findings"], serde_json::to_value(&report.findings).expect("JSON"));
        report
    }

    fn contract(&self, template: Template) -> Contract {
        Contract::new(template, &self.tokenizer, &[], 512, "0".repeat(64)).expect("a contract")
    }
}

/// Code and number of rows of the errors.
fn errors(report: &Report) -> Vec<(&'static str, usize)> {
    let errors = report.findings.iter().filter(|finding| finding.code.starts_with('E'));
    errors.map(|finding| (finding.code, finding.count)).collect()
}

const ALPACA: &str = "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\n{}\n\n### Response:\n";

fn alpaca(instruction: &str) -> String {
    ALPACA.replace("{}", instruction)
}

/// A template of one sentence that is filled in.
fn sentence(text: &str, end: bool) -> String {
    let end = if end { "[[segments]]\nkind = \"special\"\nname = \"eos\"\ntrain = true\n" } else { "" };
    format!(
        "id = \"sentence-1\"\ndoc = \"A sentence.\"\n[specials]\nbos = \"\"\neos = \"</s>\"\n\
         [[segments]]\nkind = \"special\"\nname = \"bos\"\n[[segments]]\nkind = \"text\"\ntext = {text:?}\n\
         [[segments]]\nkind = \"field\"\nname = \"instruction\"\n[[segments]]\nkind = \"text\"\ntext = \"\\n\"\n\
         [[segments]]\nkind = \"field\"\nname = \"response\"\nnorm = [\"trim_end\"]\ntrain = true\n{end}"
    )
}

#[test]
fn what_the_contract_makes_of_the_same_rows_has_no_fault() {
    let (folder, seed) = (Scratch::new("state0"), Seed::new());
    let contract = seed.contract(template("alpaca").expect("built in"));
    let rows: Vec<Fed> = FUNCTIONS
        .iter()
        .enumerate()
        .map(|(at, function)| {
            let asked = format!("Generate Manim code for f(x) = {function}");
            let (answer, asked) = (answer(at), asked.as_str());
            let fields = [("instruction", asked), ("response", answer.as_str())];
            let encoded = contract.encode(&seed.tokenizer, &fields).expect("it encodes");
            let label = |(at, id): (usize, &u32)| if at < encoded.trained_from { -100 } else { i64::from(*id) };
            Fed {
                labels: encoded.ids.iter().enumerate().map(label).collect(),
                asked: contract.encode_prompt(&seed.tokenizer, &fields).expect("it encodes"),
                ids: encoded.ids.clone(),
            }
        })
        .collect();
    let report = seed.lint(&folder, &rows);
    assert_eq!(errors(&report), [], "{:#?}", report.findings);
    let told: Vec<&str> = report.untold.iter().map(|untold| untold.code).collect();
    assert!(["E01", "E02", "E03", "E04"].iter().all(|code| !told.contains(code)), "{told:?}");
}

#[test]
fn state_a_has_no_end_and_another_model_generates() {
    let (folder, seed) = (Scratch::new("state-a"), Seed::new());
    let rows: Vec<Fed> = FUNCTIONS
        .iter()
        .enumerate()
        .map(|(at, function)| {
            let prompt = format!("Task: Generate Manim code.\nFunction: {function}\nCode: ");
            let mut ids = seed.call(&format!("{prompt}{}", answer(at)));
            let mut labels: Vec<i64> = ids.iter().map(|id| i64::from(*id)).collect();
            ids.extend([seed.eos; 3]);
            labels.extend([-100; 3]);
            Fed { asked: seed.call(&prompt), ids, labels }
        })
        .collect();
    let report = seed.lint(&folder, &rows);
    // Encoded as one text, the blank before the answer melts into its first token, so the prompt alone ends otherwise.
    let all = FUNCTIONS.len();
    assert_eq!(errors(&report), [("E02", all), ("E04", all)], "{:#?}", report.findings);
    let everything = |report: &Report| {
        let found = report.findings.iter().find(|finding| finding.code == "W18");
        found.map(|finding| finding.count)
    };
    assert_eq!(everything(&report), Some(all), "the prompt is trained too: {:#?}", report.findings);
    // With a clean cut and an end, the loss on everything is all that is left to flag, and it is flagged.
    let mended: Vec<Fed> = FUNCTIONS
        .iter()
        .enumerate()
        .map(|(at, function)| {
            let asked = seed.call(&format!("Task: Generate Manim code.\nFunction: {function}\nCode:\n"));
            let said = seed.tokenizer.encode(&answer(at)).expect("it encodes");
            let ids = [asked.clone(), said, vec![seed.eos]].concat();
            Fed { labels: ids.iter().map(|id| i64::from(*id)).collect(), ids, asked }
        })
        .collect();
    let report = seed.lint(&folder, &mended);
    assert_eq!((errors(&report), everything(&report)), (Vec::new(), Some(all)), "{:#?}", report.findings);
    // A contract without an end cannot be made ...
    let endless = Template::parse("sentence", &sentence("Task: ", false)).expect("its rules allow it");
    let error = Contract::new(endless, &seed.tokenizer, &[], 512, "0".repeat(64)).expect_err("it never stops");
    assert!(error.to_string().contains("would never stop"), "{error}");
    // ... and one that was made refuses another vendor's tokenizer.
    let contract = seed.contract(template("alpaca").expect("built in"));
    let other = Tokenizer::load(&base("deepseek")).expect("a tokenizer");
    let refused = contract.encode_prompt(&other, &[("instruction", "x^2")]);
    assert!(matches!(refused, Err(PromptError::OtherTokenizer { .. })), "{refused:?}");
}

#[test]
fn state_b_masks_the_end_together_with_the_padding() {
    let (folder, seed) = (Scratch::new("state-b"), Seed::new());
    let rows: Vec<Fed> = FUNCTIONS
        .iter()
        .enumerate()
        .map(|(at, function)| {
            let asks = alpaca(&format!("Generate Manim animation code for the derivative of: f(x) = {function}"));
            seed.masked_by_id(&asks, at, &asks)
        })
        .collect();
    let report = seed.lint(&folder, &rows);
    // Prompt and generation agree: only the end is never learned.
    assert_eq!(errors(&report), [("E02", FUNCTIONS.len())], "{:#?}", report.findings);
    // The contract pads by place: with the end token for padding, the end is trained all the same.
    let contract = seed.contract(template("alpaca").expect("built in"));
    assert_eq!(contract.pad(), seed.eos);
    let encoded = contract.encode(&seed.tokenizer, &[("instruction", "x"), ("response", "y = 1")]).expect("encodes");
    assert_eq!(encoded.ids.last(), Some(&seed.eos));
    assert!(encoded.trained_from < encoded.ids.len() - 1);
}

#[test]
fn states_c_and_d_ask_in_another_sentence_than_was_trained() {
    let seed = Seed::new();
    let trained = "Generate Manim animation code for the derivative of: f(x) = ";
    for (state, asked) in [
        ("c", "Write a complete Manim scene that demonstrates the derivative of: f(x) = "),
        ("d", "Build an animated derivative visualization for: f(x) = "),
    ] {
        let folder = Scratch::new("state-cd");
        let rows: Vec<Fed> = FUNCTIONS
            .iter()
            .enumerate()
            .map(|(at, function)| {
                let prompt = alpaca(&format!("{trained}{function}"));
                seed.masked_by_id(&prompt, at, &alpaca(&format!("{asked}{function}")))
            })
            .collect();
        let report = seed.lint(&folder, &rows);
        let all = FUNCTIONS.len();
        assert_eq!(errors(&report), [("E02", all), ("E04", all)], "state {state}: {:#?}", report.findings);
        // As contracts the two are not the same, and the sentences are shown beside each other.
        let contract =
            |text: &str| seed.contract(Template::parse("sentence", &sentence(text, true)).expect("a template"));
        let (one, other) = (contract(trained), contract(asked));
        assert_ne!(one.digest(), other.digest());
        let shown = difference(("trained", "asked"), &one, &other);
        assert!(shown.contains("Generate Manim animation code") && shown.contains(&asked[..20]), "{shown}");
    }
}

#[test]
fn state_e_has_a_beginning_token_between_prompt_and_answer() {
    let (folder, seed) = (Scratch::new("state-e"), Seed::new());
    let rows: Vec<Fed> = FUNCTIONS
        .iter()
        .enumerate()
        .map(|(at, function)| {
            let asked =
                seed.call(&alpaca(&format!("Build an animated derivative visualization for: f(x) = {function}")));
            // Response-only labels, the end trained: all right but for the token between the two.
            let mut said = seed.call(&answer(at));
            said.push(seed.eos);
            let ids = [asked.clone(), said.clone()].concat();
            let masked = std::iter::repeat_n(-100, asked.len());
            Fed { labels: masked.chain(said.iter().map(|id| i64::from(*id))).collect(), ids, asked }
        })
        .collect();
    let report = seed.lint(&folder, &rows);
    let all = FUNCTIONS.len();
    assert_eq!(errors(&report), [("E01", all), ("E07", all)], "{:#?}", report.findings);
    assert!(report.findings[0].rows[0].detail.contains("1 trained"), "{:?}", report.findings[0].rows);
    // Where the seam is left out of the labels, it is no token of the answer, and flagged all the same.
    let unlabelled: Vec<Fed> = rows
        .iter()
        .cloned()
        .map(|mut row| {
            row.labels[row.asked.len()] = -100;
            row
        })
        .collect();
    let report = seed.lint(&folder, &unlabelled);
    assert_eq!(errors(&report).iter().map(|(code, _)| *code).collect::<Vec<_>>(), ["E01", "E04"]);
    // The seven sentences are seven forms.
    let prompts: Vec<String> =
        (0..70).map(|at| format!("{} {}", SENTENCES[at % 7], FUNCTIONS[at * 3 % FUNCTIONS.len()])).collect();
    let prompts: Vec<&str> = prompts.iter().map(String::as_str).collect();
    let forms: Vec<(String, usize)> =
        lint::forms(&prompts).into_iter().map(|form| (form.skeleton, form.members.len())).collect();
    let mut wanted: Vec<(String, usize)> =
        SENTENCES.iter().map(|sentence| (format!("{sentence} {}", lint::GAP), 10)).collect();
    wanted.sort();
    assert_eq!(forms, wanted);
}
