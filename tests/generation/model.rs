//! Generation with the tiny models, through libtorch: the tokens of transformers, and the command from end to end.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use scenery::generate::prompts::Prompted;
use scenery::generate::{Choice, Decode, Forcing, GenerateError, Options, Stop, Task, run};
use scenery::nn::{self, DeviceChoice, Opening, Precision};
use serde_json::Value;

use crate::corpus::{Scratch, done, finished, json_of, scenery};

/// A vocabulary of which no text is asked.
struct Ids;

impl Decode for Ids {
    fn decode(&self, _: &[u32]) -> Result<String, GenerateError> {
        Ok(String::new())
    }

    fn vocabulary(&self) -> usize {
        usize::MAX
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn")
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().expect("ids").iter().map(|id| id.as_u64().expect("an id") as u32).collect()
}

#[test]
fn greedy_tokens_are_those_of_transformers_in_one_batch_and_alone() {
    let golden = std::fs::read_to_string(fixtures().join("golden.json")).expect("the goldens");
    let golden: Value = serde_json::from_str(&golden).expect("JSON");
    let models = golden["models"].as_object().expect("models");
    assert!(models.len() >= 6);
    for (name, about) in models {
        let opening = Opening {
            model: fixtures().join(name),
            device: DeviceChoice::Cpu,
            precision: Precision::F32,
            nf4: false,
            threads: Some(1),
        };
        let mut predictor = nn::predictor(&opening, None).expect("it opens");
        let greedy = about["greedy"].as_array().expect("greedy tokens");
        let prompt = |at: usize, each: &Value| {
            let key = at.to_string();
            Prompted { name: format!("item {key}"), key, number: 0, ids: ids(&each["ids"]) }
        };
        let prompts: Vec<Prompted> = greedy.iter().enumerate().map(|(at, each)| prompt(at, each)).collect();
        let wanted: Vec<Vec<u32>> = greedy.iter().map(|each| ids(&each["next"])).collect();
        let most = wanted[0].len();
        for spread in [512, 0] {
            let options = Options { max_new_tokens: Some(most), spread, ..Options::default() };
            // End tokens are not heeded in the goldens.
            let (prompts, forcing) = (prompts.clone(), Forcing::Nothing);
            let task = Task { prompts, stop_ids: Vec::new(), max_len: 512, options, forcing };
            let found = run(predictor.as_mut(), &Ids, &task, &mut super::on).expect("it answers");
            for (each, wanted) in found.generated.iter().zip(&wanted) {
                assert_eq!((&each.ids, each.stop), (wanted, Stop::MaxTokens), "{name}, spread {spread}");
            }
        }
    }
}

#[test]
fn answers_of_the_command_are_written_and_kept_as_generated_samples() {
    let scratch = Scratch::new("generation-model");
    done(scratch.path(), &["init", "."]);
    let model = fixtures().join("llama").display().to_string();
    let ask = |out: &str, more: &[&str]| {
        let own =
            ["generate", &model, "--template", "plain", "--device", "cpu", "--max-new-tokens", "12", "--out", out];
        json_of(scratch.path(), &[&own, more, &["--json"]].concat())["summary"].clone()
    };
    scratch.write("p.jsonl", "{\"id\":\"a\",\"instruction\":\"Draw a circle.\"}\n{\"instruction\":\"Draw.\"}\n");
    let first = ask("first.jsonl", &["--prompts", "p.jsonl"]);
    assert_eq!((&first["items"], &first["stored"]["new"]), (&2.into(), &2.into()));
    let lines = std::fs::read_to_string(scratch.join("first.jsonl")).expect("a file");
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((rows.len(), rows[0]["id"].as_str(), rows[1].get("id")), (2, Some("a"), None));
    assert_eq!(rows[0]["made_by"]["zero_shot"], true);
    // The same again is the same, to the byte.
    let again = ask("again.jsonl", &["--prompts", "p.jsonl"]);
    assert_eq!(again["stored"]["unchanged"], 2);
    assert_eq!(std::fs::read_to_string(scratch.join("again.jsonl")).expect("a file"), lines);
    let source = again["stored"]["source"].as_str().expect("a source");
    assert!(source.starts_with("run/base-llama-"), "{source}");
    let kept = json_of(scratch.path(), &["count", &format!("state:generated source:{source}"), "--json"]);
    assert_eq!(kept["total"], 2, "{kept}");
    let beams = ask("beams.jsonl", &["--prompts", "p.jsonl", "--beams", "1", "--no-store"]);
    assert!(beams["stored"].is_null());
    let texts = |name: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(scratch.join(name)).expect("a file");
        text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["tokens"].clone()).collect()
    };
    assert_eq!(texts("beams.jsonl"), texts("first.jsonl"));
}

#[test]
fn beams_are_those_of_transformers() {
    let golden = std::fs::read_to_string(fixtures().join("beams.json")).expect("the goldens");
    let golden: Value = serde_json::from_str(&golden).expect("JSON");
    let opening = Opening {
        model: fixtures().join("llama"),
        device: DeviceChoice::Cpu,
        precision: Precision::F32,
        nf4: false,
        threads: Some(1),
    };
    let mut predictor = nn::predictor(&opening, None).expect("it opens");
    let prompt = |(at, each): (usize, &Value)| Prompted {
        name: format!("item {at}"),
        key: at.to_string(),
        number: 0,
        ids: ids(each),
    };
    let prompts: Vec<Prompted> = golden["prompts"].as_array().expect("a list").iter().enumerate().map(prompt).collect();
    let most = golden["max_new_tokens"].as_u64().expect("a number") as usize;
    let (mut ended, mut all) = (0, 0);
    for search in golden["searches"].as_array().expect("a list") {
        let beams = search["beams"].as_u64().expect("a number") as usize;
        let length_penalty = search["length_penalty"].as_f64().expect("a number");
        let options = Options {
            choice: Choice::Beams { beams, length_penalty },
            max_new_tokens: Some(most),
            ..Options::default()
        };
        let stop_ids = ids(&golden["stop_ids"]);
        let task = Task { prompts: prompts.clone(), stop_ids, max_len: 512, options, forcing: Forcing::Nothing };
        let found = run(predictor.as_mut(), &Ids, &task, &mut |_| ControlFlow::Continue(())).expect("answers");
        let found: Vec<&[u32]> = found.generated.iter().map(|each| each.ids.as_slice()).collect();
        let wanted: Vec<Vec<u32>> = search["answers"].as_array().expect("a list").iter().map(ids).collect();
        assert_eq!(found, wanted, "{beams} beams, length penalty {length_penalty}");
        ended += wanted.iter().filter(|answer| answer.len() < most).count();
        all += wanted.len();
    }
    assert!(ended > 15, "only {ended} of {all} answers end before their last token");
}

#[test]
fn a_generation_that_is_stopped_keeps_what_was_answered() {
    let model = fixtures().join("llama").display().to_string();
    let prompts: String = (0..4000).map(|at| format!("{{\"id\":\"{at}\",\"instruction\":\"Draw {at}.\"}}\n")).collect();
    let arguments = [
        "generate",
        &model,
        "--template",
        "plain",
        "--device",
        "cpu",
        "--max-new-tokens",
        "60",
        "--batch-tokens",
        "600",
        "--prompts",
        "p.jsonl",
        "--out",
        "out.jsonl",
        "--json",
    ];
    // Each try has a project of its own. SIGTERM, since whoever runs the tests may have them pass over SIGINT. A signal that
    // comes before the model is open ends the command without an answer.
    let found = [500u64, 1500, 4000, 10_000].into_iter().find_map(|wait| {
        let scratch = Scratch::new("generation-stopped");
        done(scratch.path(), &["init", "."]);
        scratch.write("p.jsonl", &prompts);
        scratch.write("out.jsonl", "an older file, which is whole\n");
        let mut command = scenery(scratch.path());
        let child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(wait));
        let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill is there");
        assert!(sent.success(), "the command had ended before it was stopped");
        let (code, out, told) = finished(child.wait_with_output().expect("it ends"));
        let by_signal = -15;
        assert!(code == 1 || code == by_signal, "after {wait} ms: {code} {out} {told}");
        (code == 1 && told.contains("answers were whole by then")).then_some((scratch, out, told))
    });
    let (scratch, out, told) = found.expect("it is stopped on its way");
    let summary = &serde_json::from_str::<Value>(&out).expect("JSON")["summary"];
    let count = summary["answers"].as_u64().expect("a number");
    assert!(0 < count && count < 4000 && summary["items"] == 4000, "{summary}");
    let error: Value = serde_json::from_str(told.lines().last().expect("an error")).expect("JSON");
    assert_eq!(error["error"]["kind"], "interrupted");
    let (new, source) = (&summary["stored"]["new"], summary["stored"]["source"].as_str().expect("a source"));
    assert_eq!(*new, count, "each answer is one to a prompt of its own");
    let kept = json_of(scratch.path(), &["count", &format!("state:generated source:{source}"), "--json"]);
    assert_eq!(kept["total"], count);
    assert_eq!(std::fs::read_to_string(scratch.join("out.jsonl.part")).expect("a file").lines().count() as u64, count);
    let whole = std::fs::read_to_string(scratch.join("out.jsonl")).expect("a file");
    assert_eq!(whole, "an older file, which is whole\n");
}
