//! The stage `prompt`: laws of contracts over every template and tokenizer, encodings against those of transformers, chat
//! templates against rendering, and the skeleton of real answers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use minijinja::{Environment, ErrorKind, context};
use rayon::prelude::*;
use scenery::export::preset;
use scenery::prompt::chat_template::chat_template;
use scenery::prompt::contract::Contract;
use scenery::prompt::skeleton::Skeleton;
use scenery::prompt::templates::{TEMPLATES, template};
use scenery::prompt::tokenizer::Tokenizer;
use scenery::prompt::{PromptError, Segment, Template};
use serde_json::Value;

use crate::query_gen::Rng;

const BASES: [&str; 6] = ["deepseek", "llama", "llama3", "qwen2", "smollm2", "tinyllama"];

/// Random values for each law.
const ROUNDS: u64 = 1000;

fn base(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn").join(name)
}

fn tokenizers() -> Vec<(&'static str, Tokenizer)> {
    let texts = ["from manim import *\n\n\nclass Ring(Scene):\n    def construct(self):\n        self.wait()\n"];
    let trained = Tokenizer::train(texts.into_iter().cycle().take(9), 300).expect("trains");
    let load = |name: &'static str| (name, Tokenizer::load(&base(name)).expect(name));
    BASES.into_iter().map(load).chain([("trained", trained)]).collect()
}

fn bind(template: Template, tokenizer: &Tokenizer) -> Result<Contract, PromptError> {
    Contract::new(template, tokenizer, &[], 100_000, "0".repeat(64))
}

/// Pieces of texts that trouble tokenizers, templates and Jinja.
const PIECES: &[&str] = &[
    "draw",
    "Circle()",
    " ",
    "  ",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "\u{b}",
    "\u{1c}",
    "\u{85}",
    "\u{a0}",
    "\u{2003}",
    "\u{feff}",
    "é",
    "e\u{301}",
    "数学",
    "👩‍🔬",
    "π/2",
    "x**2",
    "'",
    "\"",
    "\\",
    "\\n",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "-%}",
    "```python\n",
    "```",
    "### Response:\n",
    "### Instruction:",
    "<",
    "|",
    ">",
    "<|im_",
    "start|>",
    "</",
    "s>",
    "[INST]",
    "\u{0}",
    "\u{7f}",
    "0.5",
    "self.play",
    "    ",
    "None",
    "none",
    "assistant\n",
];

/// Texts that are special tokens of some of the tokenizers, of all templates, or of none.
const MARKS: &[&str] =
    &["<s>", "</s>", "<pad>", "<unk>", "<|im_start|>", "<|im_end|>", "<|EOT|>", "<|endoftext|>", "<|eot_id|>"];

fn value(random: &mut Rng, marks: bool) -> String {
    let mut out = String::new();
    for _ in 0..random.below(12) {
        let from = if marks && random.chance(3) { MARKS } else { PIECES };
        out.push_str(random.pick::<&str>(from));
    }
    out
}

#[test]
fn what_is_trained_begins_with_the_prompt_and_special_tokens_never_come_from_texts() {
    let tokenizers = tokenizers();
    let pairs: Vec<_> =
        tokenizers.iter().flat_map(|base| TEMPLATES.iter().map(move |(named, _)| (base, *named))).collect();
    let counted: Vec<usize> =
        pairs.par_iter().filter_map(|((name, tokenizer), named)| law(name, tokenizer, named)).collect();
    assert!(counted.len() >= 30, "{} of {} pairs fit", counted.len(), pairs.len());
    assert!(counted.iter().all(|refused| (1..ROUNDS as usize / 2).contains(refused)), "{counted:?}");
}

/// The law for one tokenizer and one template. Answers how many values were refused; none where the two do not fit.
fn law(name: &str, tokenizer: &Tokenizer, named: &str) -> Option<usize> {
    let place = format!("{named} on {name}");
    let contract = match bind(template(named).expect("built in"), tokenizer) {
        Ok(contract) => contract,
        Err(PromptError::NoToken { fit, .. }) => {
            assert!(!fit.contains(&named) && fit.len() >= 4, "{place}");
            return None;
        }
        Err(error) => panic!("{place}: {error}"),
    };
    let specials: BTreeSet<u32> = tokenizer.specials().keys().copied().collect();
    let mut random = Rng::new(named.len() as u64);
    let mut refused = 0;
    for _ in 0..ROUNDS {
        let (instruction, response) = (value(&mut random, true), value(&mut random, true));
        let fields = [("instruction", instruction.as_str()), ("response", response.as_str())];
        let encoded = match contract.encode(tokenizer, &fields) {
            Ok(encoded) => encoded,
            Err(PromptError::SpecialText { field, text, at, .. }) => {
                let held = if field == "response" { &response } else { &instruction };
                assert!(held[at..].starts_with(&text), "{place}");
                assert!(tokenizer.special_texts().any(|special| special == text), "{place}: {text}");
                refused += 1;
                continue;
            }
            Err(error) => panic!("{place}, {fields:?}: {error}"),
        };
        for text in tokenizer.special_texts() {
            assert!(!instruction.contains(text) && !response.contains(text), "{place}: {fields:?}");
        }
        let prompt = contract.encode_prompt(tokenizer, &fields).expect("encodes");
        assert_eq!(encoded.ids[..encoded.trained_from], prompt, "{place}");
        assert!(contract.stop_ids.contains(encoded.ids.last().expect("an end")), "{place}");
        let mut end = 0;
        for segment in &encoded.segments {
            assert_eq!(segment.range.start, end, "{place}");
            assert_eq!(segment.train, segment.range.start >= encoded.trained_from, "{place}");
            end = segment.range.end;
            let ids = &encoded.ids[segment.range.clone()];
            match &segment.special {
                Some(special) => assert_eq!(ids, contract.specials[special].as_slice(), "{place}"),
                None => assert!(ids.iter().all(|id| !specials.contains(id)), "{place}: {fields:?}"),
            }
        }
        assert_eq!(end, encoded.ids.len(), "{place}");
    }
    Some(refused)
}

#[test]
fn encodings_are_those_of_transformers() {
    let text = std::fs::read_to_string(base("golden.json")).expect("the golden file");
    let golden: Value = serde_json::from_str(&text).expect("JSON");
    let mut compared = 0;
    for name in BASES {
        let tokenizer = Tokenizer::load(&base(name)).expect(name);
        for case in golden["models"][name]["tokenizer"].as_array().expect("a list") {
            let text = case["text"].as_str().expect("a text");
            let ids: Vec<u32> = serde_json::from_value(case["ids"].clone()).expect("ids");
            assert_eq!(tokenizer.decode(&ids).expect("decodes"), case["plain"].as_str().expect("a text"), "{name}");
            let ours = tokenizer.encode(text).expect("encodes");
            if tokenizer.special_in(text).is_none() {
                assert_eq!(ours, ids, "{name}: {text:?}");
                compared += 1;
            } else {
                // There a text becomes special tokens, here never.
                assert!(ids.iter().any(|id| tokenizer.specials().contains_key(id)), "{name}");
                assert!(ours.iter().all(|id| !tokenizer.specials().contains_key(id)), "{name}: {text:?}");
            }
        }
    }
    assert!(compared >= 50, "{compared}");
}

/// Jinja as transformers sets it up.
fn jinja() -> Environment<'static> {
    let mut jinja = Environment::new();
    jinja.set_trim_blocks(true);
    jinja.set_lstrip_blocks(true);
    jinja.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    jinja.add_function("raise_exception", |message: String| -> Result<String, minijinja::Error> {
        Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
    });
    jinja
}

#[test]
fn chat_templates_render_what_templates_render() {
    let tokenizers = tokenizers();
    for (named, _) in TEMPLATES {
        let plain = template(named).expect("built in");
        let contract = tokenizers.iter().rev().find_map(|(_, tokenizer)| bind(plain.clone(), tokenizer).ok());
        let contract = contract.expect("a tokenizer that fits");
        let text = chat_template(&contract).expect("a chat template");
        let jinja = jinja();
        let chat = jinja.template_from_str(&text).unwrap_or_else(|error| panic!("{named}: {error}\n{text}"));
        let render = |messages: &[(&str, &str)], prompt: bool| {
            let messages: Vec<Value> = messages
                .iter()
                .map(|(role, content)| serde_json::json!({ "role": role, "content": content }))
                .collect();
            let specials = &contract.template.specials;
            let (bos, eos) = (specials.get("bos"), specials.get("eos"));
            chat.render(context! { messages, add_generation_prompt => prompt, bos_token => bos, eos_token => eos })
        };
        let mut random = Rng::new(7);
        let mut rendered = 0;
        for _ in 0..ROUNDS + 200 {
            let (system, instruction) = (value(&mut random, false), value(&mut random, false));
            let response = value(&mut random, false);
            let mut fields = vec![("instruction", instruction.as_str()), ("response", response.as_str())];
            let mut messages = vec![("user", instruction.as_str())];
            if plain.has_field("system") && random.chance(50) {
                fields.push(("system", &system));
                messages.insert(0, ("system", &system));
            }
            let whole = match contract.template.render(&fields) {
                Ok(whole) => whole.text,
                // `<` and `s>` have met.
                Err(PromptError::SpecialText { .. }) => continue,
                Err(error) => panic!("{named}: {error}"),
            };
            rendered += 1;
            let prompt = contract.template.prompt(&fields).expect("renders").text;
            assert_eq!(render(&messages, true).expect("renders"), prompt, "{named}");
            messages.push(("assistant", &response));
            assert_eq!(render(&messages, false).expect("renders"), whole, "{named}");
        }
        assert!(rendered >= 1000, "{rendered}");
        let user = ("user", "Draw.");
        let without = render(&[user], false).expect("renders");
        let prompt = render(&[user], true).expect("renders");
        assert!(prompt.starts_with(&without) && without.ends_with("Draw.") && prompt.len() > without.len(), "{named}");
        let answer = ("assistant", "x");
        for wrong in
            [&[][..], &[answer], &[user, user], &[user, answer, user], &[user, ("system", "s")], &[user, ("tool", "t")]]
        {
            let error = render(wrong, false).expect_err("refused").to_string();
            assert!(error.contains("one user message, and its answer"), "{named}: {error}");
        }
        assert!(render(&[user, answer], true).is_err(), "{named}");
        assert_eq!(render(&[("system", "s"), user], true).is_ok(), plain.has_field("system"), "{named}");
    }
}

#[test]
fn a_field_that_is_no_message_has_no_chat_template() {
    let toml = "id = \"t-1\"\ndoc = \"A test.\"\n[specials]\neos = \"E\"\n[[segments]]\nkind = \"field\"\nname = \"function\"\n\
                [[segments]]\nkind = \"field\"\nname = \"response\"\ntrain = true\n[[segments]]\nkind = \"special\"\n\
                name = \"eos\"\ntrain = true\n";
    let contract = bind(Template::parse("t", toml).expect("a template"), &tokenizers()[0].1).expect("fits");
    let error = chat_template(&contract).expect_err("no message").to_string();
    assert!(error.contains("`function` is no message"), "{error}");
}

#[test]
fn the_seeds_template_has_the_sentence_and_the_fence_of_the_preset() {
    let seeds = preset("manim").expect("built in");
    let template = template("sharegpt-manim").expect("built in");
    let system = template.segments.iter().find_map(|segment| match segment {
        Segment::Field { name, default, .. } if name == "system" => default.as_deref(),
        _ => None,
    });
    assert_eq!(system, Some(seeds.system));
    let rendered =
        template.render(&[("instruction", "Draw."), ("response", "from manim import *\n")]).expect("renders");
    let trained = rendered.pieces.iter().filter(|piece| piece.train).map(|piece| &rendered.text[piece.range.clone()]);
    let fenced = scenery::export::formats::fenced("from manim import *\n");
    assert_eq!(trained.collect::<String>(), format!("{fenced}</s>"));
}

/// Numbers of answers as [`Skeleton::of`] takes them.
fn rows(answers: &[Vec<u32>]) -> Vec<&[u32]> {
    answers.iter().map(Vec::as_slice).collect()
}

#[test]
fn a_thousand_unrelated_answers_have_no_skeleton_at_little_cost() {
    let mut random = Rng::new(3);
    let answers: Vec<Vec<u32>> = (0..1000).map(|_| (0..2000).map(|_| random.below(300) as u32).collect()).collect();
    let start = Instant::now();
    let skeleton = Skeleton::of(&rows(&answers));
    assert!(skeleton.parts.is_empty() && skeleton.opens && skeleton.closes);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn derivative_answers_are_mostly_template() {
    let Some(folder) = crate::real_data::data("the skeleton of the derivative answers") else { return };
    let mut codes = Vec::new();
    for name in ["train", "val", "test"] {
        let text = std::fs::read_to_string(folder.join(format!("derivative_537/{name}.jsonl"))).expect("the file");
        for line in text.lines() {
            let row: Value = serde_json::from_str(line).expect("JSON");
            codes.push(row["code"].as_str().expect("a code").to_owned());
        }
    }
    assert_eq!(codes.len(), 525);
    let trained = Tokenizer::train(codes.iter().map(String::as_str).take(100), 2000).expect("trains");
    let fixture = Tokenizer::load(&base("deepseek")).expect("loads");
    for (name, tokenizer) in [("trained on them", trained), ("deepseek", fixture)] {
        let answers: Vec<Vec<u32>> = codes.par_iter().map(|code| tokenizer.encode(code).expect("encodes")).collect();
        let start = Instant::now();
        let skeleton = Skeleton::of(&rows(&answers));
        let took = start.elapsed();
        let (mut slot, mut all) = (0, 0);
        for answer in &answers {
            let slots = skeleton.slots(answer);
            slot += slots.iter().filter(|slot| **slot).count();
            all += slots.len();
            assert!(skeleton.locate(answer).is_some());
        }
        let share = 1.0 - slot as f64 / all as f64;
        let parts = skeleton.parts.len();
        println!("{name}: {parts} parts, {:.2} % of {all} tokens are template, {took:?}", share * 100.0);
        assert!((0.80..0.97).contains(&share), "{share}");
        assert!(
            !skeleton.opens && skeleton.anchors.iter().zip(&skeleton.parts).all(|(anchor, part)| *anchor <= part.len())
        );
        // A row that is new and of the same template, but for one word of it.
        let text = codes[7].replace("Define the function", "Define the map");
        let slots = skeleton.slots(&tokenizer.encode(&text).expect("encodes"));
        let own = slots.iter().filter(|slot| **slot).count() as f64 / slots.len() as f64;
        assert!(own < 0.25, "{own}");
    }
}
