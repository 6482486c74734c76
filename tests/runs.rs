//! Runs of training, and what models write, in the store: recorded, undone, asked of the past, killed, forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use scenery::ingest::generated::{self, Answer, Report, Writer};
use scenery::query::compile;
use scenery::sample::{DescriptionKind, Sample, SampleId, Side, State};
use scenery::slice::{self, vocabulary::StoreVocabulary};
use scenery::store::{Begin, Generation, NewRun, Project, RunEnd, RunEval, RunRecord, RunState, RunStep, Store};
use serde_json::{Value, json};

use crate::corpus::{
    RECIPE, Scratch, all_samples, change, code, copy, done, edit, json_of, lines, random_store, run, table_rows,
};
use crate::query_gen::Rng;

const NOW: &str = "2026-06-01T08:00:00Z";
const LATER: &str = "2026-06-01T09:00:00Z";

fn begin<'a>(verb: &'a str, now: &'a str) -> Begin<'a> {
    Begin { verb, arguments: json!({ "command": format!("scenery {verb}") }), now }
}

fn begin_run(store: &mut Store, name: &str) -> Result<i64, scenery::store::StoreError> {
    let (prompt, options) = (json!({ "v": 1 }), json!({ "epochs": 5, "rate": 1e-4 }));
    let run = NewRun {
        name,
        base: "../models/base",
        base_config: "aa11",
        contract: "bb22",
        prompt: &prompt,
        data: "runs/data",
        manifest: "cc33",
        query: "@core",
        samples: 418,
        licence: "MIT",
        options: &options,
        device: "cpu",
        folder: "runs/x",
    };
    store.begin_run(&begin("train", NOW), &run)
}

fn end(store: &mut Store, name: &str, state: RunState) -> Result<i64, scenery::store::StoreError> {
    let outcome = json!({ "loss": 0.5 });
    store.end_run(&begin("train", LATER), name, &RunEnd { state, outcome: &outcome, adapter: Some("dd44") })
}

fn step(step: u64, loss: f64) -> RunStep {
    RunStep {
        step,
        epoch: step as f64 / 27.0,
        loss,
        rate: 1e-4,
        trained: 1000 + step,
        real: 3000,
        padding: 17,
        grad_norm: 1.25,
        seconds: Some(step as f64),
        memory: None,
    }
}

fn eval(step: u64, among: &str, value: f64) -> RunEval {
    RunEval { step, metric: "loss".into(), among: among.into(), value, tokens: 512 }
}

fn steps(store: &Store, name: &str) -> Vec<(u64, f64)> {
    store.run_steps(name).expect("steps").into_iter().map(|step| (step.step, step.loss)).collect()
}

fn known(store: &Store, name: &str) -> RunRecord {
    store.run(name).expect("runs").unwrap_or_else(|| panic!("{name} is there"))
}

fn empty(folder: &Scratch) -> Store {
    let project = Project::init(&folder.join("project")).expect("a project");
    Store::open_for_writing(&project, "a test").expect("a store")
}

/// `doctor` finds nothing. The store must not be open to write.
fn healthy(project: &Path) {
    let (code, out, err) = run(project, &["doctor"]);
    assert_eq!(code, 0, "doctor: {out}{err}");
}

#[test]
fn a_run_is_told_from_its_beginning_over_an_interruption_to_its_end() {
    let folder = Scratch::new("run");
    let mut store = empty(&folder);
    let first = begin_run(&mut store, "r7").expect("it begins");
    let error = begin_run(&mut store, "r7").expect_err("the name is taken").to_string();
    assert!(error.contains("there is a run `r7`") && error.contains("another name"), "{error}");
    store.add_steps("r7", &(1..=4).map(|at| step(at, 2.0 / at as f64)).collect::<Vec<_>>()).expect("steps");
    store.add_evals("r7", &[eval(0, "", 3.0), eval(4, "", 1.0), eval(4, "level:advanced", 1.5)]).expect("evals");
    // The same again replaces.
    store.add_steps("r7", &[step(4, 0.4), step(5, f64::NAN)]).expect("steps");
    let now = known(&store, "r7");
    assert_eq!((now.state, now.steps, now.loss, now.ended.as_deref()), (RunState::Running, 5, None, None));
    assert_eq!((now.op, now.started.as_str(), now.query.as_str(), now.samples), (first, NOW, "@core", 418));
    let stopped = end(&mut store, "r7", RunState::Interrupted).expect("it ends");
    let error = store.add_steps("r7", &[step(6, 1.0)]).expect_err("it does not run").to_string();
    assert!(error.contains("is interrupted") && error.contains("train resume r7"), "{error}");
    let error = end(&mut store, "r7", RunState::Done).expect_err("it ended").to_string();
    assert!(error.contains("is interrupted"), "{error}");
    // It goes on after the checkpoint of step 3: what came after that counts no more, and comes again.
    let on = store.resume_run(&begin("train", LATER), "r7", 3).expect("it goes on");
    assert_eq!(steps(&store, "r7"), [(1, 2.0), (2, 1.0), (3, 2.0 / 3.0)]);
    assert_eq!(store.run_evals("r7").expect("evals"), [eval(0, "", 3.0)]);
    store.add_steps("r7", &[step(4, 0.44)]).expect("steps");
    store.add_evals("r7", &[eval(4, "", 0.9)]).expect("evals");
    let last = end(&mut store, "r7", RunState::Done).expect("it ends");
    assert_eq!(steps(&store, "r7"), [(1, 2.0), (2, 1.0), (3, 2.0 / 3.0), (4, 0.44)]);
    assert_eq!(store.run_evals("r7").expect("evals"), [eval(0, "", 3.0), eval(4, "", 0.9)]);
    let done = known(&store, "r7");
    assert_eq!((done.state, done.steps, done.loss), (RunState::Done, 4, Some(0.44)));
    assert_eq!((done.ended.as_deref(), done.adapter.as_deref()), (Some(LATER), Some("dd44")));
    assert_eq!(done.outcome, json!({ "loss": 0.5 }));
    let parts: Vec<(i64, RunState, Option<u64>)> =
        done.parts.iter().map(|part| (part.op, part.state, part.from_step)).collect();
    assert_eq!(
        parts,
        [
            (first, RunState::Running, Some(0)),
            (stopped, RunState::Interrupted, None),
            (on, RunState::Running, Some(3)),
            (last, RunState::Done, None)
        ]
    );
    for result in [store.add_steps("r8", &[]), store.resume_run(&begin("train", NOW), "r8", 0).map(drop)] {
        assert!(result.expect_err("there is none").to_string().contains("there is no run `r8`"));
    }
    drop(store);
    let project = folder.join("project");
    healthy(&project);
    // What people see of it.
    let listed = json_of(&project, &["train", "runs", "--json"]);
    assert_eq!(
        (&listed[0]["name"], &listed[0]["state"], &listed[0]["steps"]),
        (&json!("r7"), &json!("done"), &json!(4))
    );
    let shown = json_of(&project, &["train", "runs", "r7", "--json"]);
    assert_eq!(shown["steps"].as_array().map(Vec::len), Some(4));
    assert_eq!(shown["evals"][1]["value"], json!(0.9));
    let text = done_text(&project, &["train", "runs"]);
    assert!(text.contains("r7") && text.contains("0.4400") && text.contains("../models/base"), "{text}");
    let text = done_text(&project, &["train", "runs", "r7"]);
    assert!(text.contains("after step 3") && text.contains("@core"), "{text}");
    let (code, _, err) = run(&project, &["train", "runs", "r6"]);
    assert!(code == 1 && err.contains("there is no run `r6`") && err.contains("r7"), "{err}");
    let log = done_text(&project, &["log"]);
    assert!(log.contains("run r7, state done, steps 4, loss 0.44"), "{log}");
}

fn done_text(project: &Path, arguments: &[&str]) -> String {
    done(project, arguments)
}

#[test]
fn what_an_op_said_of_a_run_is_gone_while_it_is_undone() {
    let folder = Scratch::new("run-undo");
    let mut store = empty(&folder);
    let first = begin_run(&mut store, "r").expect("it begins");
    store.add_steps("r", &[step(1, 1.0), step(2, 0.9)]).expect("steps");
    let stopped = end(&mut store, "r", RunState::Interrupted).expect("it ends");
    let whole = known(&store, "r");
    let on = store.resume_run(&begin("train", NOW), "r", 1).expect("it goes on");
    store.add_steps("r", &[step(2, 0.8)]).expect("steps");
    assert_eq!(steps(&store, "r"), [(1, 1.0), (2, 0.8)]);
    // The topmost goes first.
    let error = store.undo(Some(first), NOW).expect_err("others stand above it").to_string();
    assert!(error.contains(&format!("`scenery undo {on}` first")), "{error}");
    // Unless it is named, what a run said is not what `undo` means.
    let error = store.undo(None, NOW).expect_err("runs alone are there").to_string();
    assert!(error.contains("nothing to undo"), "{error}");
    store.undo(Some(on), NOW).expect("it is undone");
    assert_eq!((known(&store, "r"), steps(&store, "r")), (whole.clone(), vec![(1, 1.0), (2, 0.9)]));
    store.undo(Some(stopped), NOW).expect("it is undone");
    assert_eq!(known(&store, "r").state, RunState::Running);
    let gone = store.undo(Some(first), NOW).expect("it is undone");
    assert_eq!(store.runs().expect("runs"), []);
    assert_eq!(steps(&store, "r"), []);
    // Meanwhile another takes the name: the first cannot come back.
    let other = begin_run(&mut store, "r").expect("the name is free");
    let error = store.undo(Some(gone.op), NOW).expect_err("the name is taken").to_string();
    assert!(error.contains("another run is called `r`"), "{error}");
    assert_eq!(known(&store, "r").op, other, "nothing of it was done");
    store.undo(Some(other), NOW).expect("it is undone");
    store.undo(Some(gone.op), NOW).expect("it comes back");
    assert_eq!((known(&store, "r").op, steps(&store, "r")), (first, vec![(1, 1.0), (2, 0.9)]));
    drop(store);
    healthy(&folder.join("project"));
}

#[test]
fn a_run_ends_beside_an_op_that_another_command_left_open() {
    let folder = Scratch::new("run-open");
    let mut store = empty(&folder);
    begin_run(&mut store, "r").expect("it begins");
    let open = store.begin(&begin("ingest", NOW)).expect("an op");
    store.put_source(&crate::corpus::source("alpha", "MIT", 3, &[], None)).expect("a source");
    let error = begin_run(&mut store, "s").expect_err("an op is open").to_string();
    assert!(error.contains("scenery undo") && error.contains("scenery ingest"), "{error}");
    store.add_steps("r", &[step(1, 1.0)]).expect("steps");
    end(&mut store, "r", RunState::Done).expect("it ends");
    assert_eq!(store.open_op().expect("ops").map(|(op, ..)| op), Some(open), "the other is open still");
    store.close(open, &json!({}), LATER).expect("and closes");
    assert_eq!((known(&store, "r").state, steps(&store, "r")), (RunState::Done, vec![(1, 1.0)]));
    drop(store);
    healthy(&folder.join("project"));
}

/// Answers to the prompts of samples, at random.
fn answers(rng: &mut Rng, samples: &[Sample], count: usize) -> Vec<Answer> {
    (0..count)
        .map(|at| {
            let sample = rng.chance(80).then(|| rng.pick(samples).clone());
            let asked = sample.as_ref().and_then(|sample| sample.instruction.clone());
            let text = code(rng);
            let fields = BTreeMap::from([("instruction".to_owned(), asked.unwrap_or_else(|| format!("draw {at}")))]);
            Answer {
                of: sample.map(|sample| sample.id),
                id: None,
                number: at as u32,
                fields,
                text: if rng.chance(20) { format!("Here:\n```python\n{text}```\n") } else { text },
                tokens: (0..rng.below(40) as u32).map(|id| id * 7919).collect(),
                prompt_tokens: 11,
                stop: (*rng.pick(&["stop-id", "max-tokens"])).to_owned(),
            }
        })
        .collect()
}

fn add_with(store: &mut Store, run: &str, seed: u64, answers: &[Answer], now: &str) -> Report {
    let (model, parameters) = (json!({ "path": "runs/x", "adapter": "dd44" }), json!({ "temperature": 0.0 }));
    let writer = Writer { run, model: &model, contract: "bb22", parameters: &parameters, seed };
    generated::add(store, &writer, answers, "scenery generate", now).expect("they are kept")
}

fn add(store: &mut Store, run: &str, answers: &[Answer], now: &str) -> Report {
    add_with(store, run, 7, answers, now)
}

fn ids(store: &Store, query: &str) -> BTreeSet<String> {
    let plan = compile(query, &StoreVocabulary::new(store)).unwrap_or_else(|error| panic!("{query}: {error}")).plan;
    let found = slice::select(store, &plan, usize::MAX).expect("it runs");
    found.rows.into_iter().map(|(_, id)| id.to_string()).collect()
}

fn shown(ids: &[SampleId]) -> BTreeSet<String> {
    ids.iter().map(ToString::to_string).collect()
}

/// Everything that is kept of samples that models wrote, by id.
fn written(store: &Store) -> BTreeMap<SampleId, (Sample, Generation)> {
    let all = all_samples(store).into_iter().filter(|sample| sample.written.is_some());
    all.map(|sample| {
        let generation = store.generation_of(sample.row).expect("it is read").expect("it is there");
        (sample.id, (sample, generation))
    })
    .collect()
}

#[test]
fn what_a_model_writes_is_a_sample_that_knows_how() {
    let folder = Scratch::new("generated");
    let mut rng = Rng::new(5);
    let mut store = random_store(&folder, &mut rng, 60);
    let samples = all_samples(&store);
    let kept = ids(&store, "");
    begin_run(&mut store, "r7").expect("it begins");
    end(&mut store, "r7", RunState::Done).expect("it ends");
    let parent = samples.iter().find(|sample| sample.level.is_some() && sample.instruction.is_some()).expect("one");
    let mut list = answers(&mut rng, &samples, 30);
    list[0].of = Some(parent.id);
    list[0].fields = BTreeMap::from([("instruction".to_owned(), parent.instruction.clone().expect("it has one"))]);
    list[0].text = "Here it is:\n```python\nfrom manim import *\nx = Circle()\n```\n".to_owned();
    list[1].of = None;
    list[1].text = "no code at all (".to_owned();
    let report = add(&mut store, "r7", &list, NOW);
    assert_eq!((report.read, report.new, report.changed, report.unchanged, report.forgotten), (30, 30, 0, 0, 0));
    assert_eq!((report.source.as_str(), report.ids.len()), ("run/r7", 30));
    let all = written(&store);
    let (sample, generation) = &all[&report.ids[0]];
    assert_eq!((sample.state, sample.source.as_str(), sample.rank), (State::Generated, "run/r7", 1));
    assert_eq!(sample.code, "from manim import *\nx = Circle()\n", "taken out of its fence");
    assert_eq!(sample.cleaners, ["fence-stripped"]);
    assert_eq!(
        store.revisions(sample.row).expect("revisions")[0].code,
        list[0].text,
        "and what was written stands below"
    );
    assert_eq!(sample.licence, "MIT", "of what the run was trained on");
    assert_eq!((&sample.level, sample.split_given, sample.split), (&parent.level, parent.split_given, None));
    assert_eq!(sample.description_kind, parent.description_kind);
    assert_eq!(sample.facts.names("uses").map(|(name, _)| name).collect::<Vec<_>>(), ["Circle"]);
    assert_eq!(sample.facts.word("syntax"), Some("valid"));
    assert_eq!((generation.prompt_of, generation.seed, generation.number), (Some(parent.row), 7, 0));
    assert_eq!((&generation.tokens, &generation.stop), (&list[0].tokens, &list[0].stop));
    assert_eq!(generation.side.as_deref(), parent.split_given.map(|side| side.word()));
    assert_eq!(generation.run, Some(known(&store, "r7").run));
    let (typed, how) = &all[&report.ids[1]];
    assert_eq!((typed.description_kind, typed.split_given, how.prompt_of), (DescriptionKind::Human, None, None));
    assert_eq!(typed.facts.word("syntax").map(|word| word == "valid"), Some(false));
    // The levels are ordered as those of the sources that the prompts are of, where these agree.
    assert!(store.source("run/r7").expect("sources").is_some_and(|source| source.dedup == "off"));

    // Outside of what queries ask by default, unless evaluation is named.
    assert_eq!(ids(&store, ""), kept);
    let these = shown(&report.ids);
    for query in ["state:generated", "eval.run:r7", "state:any source:run/r7", "state:any source:run/*", "eval.run=r7"]
    {
        assert_eq!(ids(&store, query), these, "{query}");
    }
    assert_eq!(ids(&store, "source:run/r7"), BTreeSet::new(), "a source alone does not say so");
    assert_eq!(ids(&store, "-has:eval.run"), kept);
    assert_eq!(ids(&store, "-eval.run:r7"), kept);
    let stops = |stop: &str| -> BTreeSet<String> {
        list.iter().zip(&report.ids).filter(|(answer, _)| answer.stop == stop).map(|(_, id)| id.to_string()).collect()
    };
    assert_eq!(ids(&store, "eval.run:r7 eval.stop:max-tokens"), stops("max-tokens"));
    assert_eq!(ids(&store, "eval.stop:stop-id"), stops("stop-id"));
    let plan = compile("eval.run:r7", &StoreVocabulary::new(&store)).expect("it compiles");
    assert_eq!(plan.defaults, ["state:kept", "state:generated"]);
    let participants: BTreeSet<u32> =
        store.participants().expect("participants").into_iter().map(|each| each.row).collect();
    assert!(all.values().all(|(sample, _)| !participants.contains(&sample.row)), "they are compared with nothing");

    // The same again changes nothing; another answer is a new revision; another seed is another sample.
    let again = add(&mut store, "r7", &list, LATER);
    assert_eq!((again.new, again.changed, again.unchanged), (0, 0, 30));
    assert_eq!(written(&store), all);
    let before = again.op;
    list[2].text = "from manim import *\ny = Square()\n".to_owned();
    list[2].stop = "context-full".to_owned();
    list[2].tokens = vec![1, 2, u32::MAX];
    let other = add(&mut store, "r7", &list, LATER);
    assert_eq!((other.new, other.changed, other.unchanged), (0, 1, 29));
    assert_eq!(other.ids, report.ids);
    assert_eq!(written(&store)[&report.ids[2]].1.tokens, [1, 2, u32::MAX]);
    assert_eq!(ids(&store, "eval.stop:context-full"), shown(&report.ids[2..3]));
    assert_eq!(ids(&store, &format!("at:op{before} eval.stop:context-full")), BTreeSet::new());
    assert_eq!(ids(&store, &format!("at:op{before} eval.run:r7")), these);
    assert_eq!(ids(&store, &format!("at:op{} eval.run:r7", report.op - 1)), BTreeSet::new());
    let then = slice::count_by(
        &store,
        &compile(&format!("at:op{before} eval.run:r7"), &StoreVocabulary::new(&store)).expect("it compiles").plan,
        &[scenery::query::fields::find("eval.stop").expect("a field").field()],
    )
    .expect("it counts");
    assert_eq!(then.1.iter().map(|group| group.count).sum::<u64>(), 30);
    assert!(then.1.iter().all(|group| group.key["eval.stop"] != json!("context-full")), "as they were then");
    let seeded = add_with(&mut store, "r7", 8, &list[..5], LATER);
    assert_eq!((seeded.new, ids(&store, "eval.run:r7").len()), (5, 35));

    // Undone, done again, and generated again after it was undone: never kept.
    store.undo(None, LATER).expect("it is undone");
    store.undo(None, LATER).expect("the change too");
    assert_eq!(written(&store), all);
    store.undo(Some(again.op), LATER).expect("that changed nothing");
    let gone = store.undo(Some(report.op), LATER).expect("and the first");
    assert_eq!((gone.removed, ids(&store, "state:generated").len()), (30, 0));
    store.undo(Some(gone.op), LATER).expect("done again");
    assert_eq!(written(&store), all);
    store.undo(Some(report.op), LATER).expect("undone again");
    list[2] = answers(&mut rng, &samples, 3).remove(2);
    let anew = add(&mut store, "r7", &list, LATER);
    assert_eq!((anew.new, anew.unchanged), (30, 0));
    assert_eq!(ids(&store, "state:generated"), shown(&anew.ids));
    assert_eq!(ids(&store, ""), kept);
    // The run cannot be undone below what it wrote.
    let op = known(&store, "r7").op;
    let error = store.undo(Some(op), LATER).expect_err("it was used").to_string();
    assert!(error.contains("changed or used what op"), "{error}");
    drop(store);
    let project = folder.join("project");
    healthy(&project);
    done(&project, &["rebuild"]);
    healthy(&project);
    let shown = json_of(&project, &["show", &anew.ids[0].to_string(), "--json"]);
    assert_eq!(shown["generation"]["run"], json!("r7"));
    assert_eq!(shown["generation"]["of"], json!(parent.id.to_string()));
    assert_eq!(shown["generation"]["fields"]["instruction"], json!(parent.instruction));
    let text = done(&project, &["show", &anew.ids[0].to_string()]);
    assert!(text.contains("written by") && text.contains("run r7") && text.contains("seed 7"), "{text}");
    let fields = json_of(&project, &["count", "eval.run:r7", "--by", "eval.run,eval.stop", "--json"]);
    assert_eq!(fields["total"], json!(30));
    let rows = json_of(&project, &["query", "eval.run:r7", "--fields", "eval.run,eval.stop", "--json"]);
    assert!(rows.as_array().is_some_and(|rows| rows.iter().all(|row| row["eval.run"] == json!("r7"))));
    done(&project, &["sources"]);
    done(&project, &["sources", "run/r7"]);
    let ledger = json_of(&project, &["report", "ledger", "--json"]);
    assert!(!ledger.to_string().contains("run/r7"), "what was written was not read: {ledger}");
}

#[test]
fn what_cannot_be_kept_is_refused_whole() {
    let folder = Scratch::new("generated-wrong");
    let mut rng = Rng::new(6);
    let mut store = random_store(&folder, &mut rng, 20);
    let samples = all_samples(&store);
    let list = answers(&mut rng, &samples, 4);
    let (model, parameters) = (json!({}), json!({}));
    let mut refused = |run: &str, list: &[Answer], says: &str| {
        let writer = Writer { run, model: &model, contract: "c", parameters: &parameters, seed: 0 };
        let error = generated::add(&mut store, &writer, list, "scenery generate", NOW).expect_err(says).to_string();
        assert!(error.contains(says), "{error}");
        assert_eq!(store.open_op().expect("ops"), None);
        assert!(store.source(&format!("run/{run}")).expect("sources").is_none());
    };
    refused("a/b", &list, "is no name of a run");
    refused("r", &[], "there are no answers");
    let unknown = Answer { of: Some(SampleId::new("nowhere", "x")), ..list[0].clone() };
    refused("r", &[list[1].clone(), unknown], "which is no sample of this store");
    refused("r", &[list[0].clone(), list[0].clone()], "number the answers");
    assert_eq!(all_samples(&store), samples);
}

#[test]
fn random_queries_over_what_models_wrote_select_what_the_naive_evaluator_selects() {
    let folder = Scratch::new("generated-queries");
    let mut rng = Rng::new(9);
    let mut store = random_store(&folder, &mut rng, 60);
    for (name, text) in [
        ("short", "lines:..12"),
        ("ordered", "plays>=1 | sort -plays | take 40"),
        ("rejects", "state:rejected"),
        ("nested", "@ordered uses:Circle or eval.run:one or @short"),
    ] {
        folder.write(&format!("project/queries/{name}.q"), text);
    }
    let samples = all_samples(&store);
    let mut wrong = Vec::new();
    let mut recorded = Vec::new();
    let mut found = 0;
    for stage in 0..4 {
        let now = format!("2026-06-0{}T08:00:00Z", stage + 1);
        let list = answers(&mut rng, &samples, 40);
        add(&mut store, if stage % 2 == 0 { "one" } else { "two" }, &list, &now);
        let some = all_samples(&store);
        let generated: Vec<&Sample> = some.iter().filter(|sample| sample.written.is_some()).collect();
        match stage {
            0 => {
                let changes: Vec<(u32, Value)> = generated
                    .iter()
                    .step_by(3)
                    .map(|sample| (sample.row, json!({ "state": "rejected", "reason": "off-topic" })))
                    .chain(generated.iter().map(|sample| (sample.row, json!({ "tags": "[\"core\"]" }))))
                    .collect();
                change(&mut store, &changes, &now);
            }
            1 => {
                edit(&mut store, generated[1].row, Some("a circle that was edited"), "x = Circle()\n", &now);
            }
            2 => drop(store.undo(None, &now).expect("it is undone")),
            _ => {}
        }
        found += crate::slice::compare(&store, 90 + stage, 250, &format!("stage {stage}"), &mut wrong);
        recorded.push((store.newest_op().expect("ops").expect("some").0, all_samples(&store)));
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
    assert!(found > 300, "only {found} queries select anything");
    // And of the past, row by row as it was.
    for (op, then) in &recorded {
        let plan = compile(&format!("at:op{op} state:any"), &StoreVocabulary::new(&store)).expect("it compiles").plan;
        let found = slice::select(&store, &plan, usize::MAX).expect("it runs");
        let got: Vec<Sample> = slice::samples(&store, &found).map(|sample| sample.expect("a sample")).collect();
        let mut wanted = then.clone();
        wanted.sort_by_key(|sample| sample.id);
        assert_eq!(got, wanted, "op {op}");
        for query in [
            "eval.run:one",
            "-eval.run:one",
            "eval.stop:stop-id or has:eval.x",
            "eval.run:two | sort -eval.stop, lines",
        ] {
            let compiled = compile(&format!("at:op{op} {query}"), &StoreVocabulary::new(&store)).expect("it compiles");
            let wanted: Vec<SampleId> =
                crate::naive::select(&compiled.resolved, then).into_iter().map(|at| then[at].id).collect();
            let found = slice::select(&store, &compiled.plan, usize::MAX).expect("it runs");
            assert_eq!(found.rows.into_iter().map(|(_, id)| id).collect::<Vec<_>>(), wanted, "op {op}: {query}");
        }
    }
    drop(store);
    healthy(&folder.join("project"));
}

/// A project of rows, half of them given as train and half as test.
fn project(folder: &Scratch, count: usize) -> PathBuf {
    let mut rows = table_rows(&mut Rng::new(31), count);
    for (at, row) in rows.iter_mut().enumerate() {
        row["answer"] =
            json!(format!("from manim import *\nx{at} = [{at}, y{at}, 'z{at}', {at} + a{at}, b{at}({at})]\n"));
        row["question"] = json!(format!("draw the figure {at}"));
        row["side"] = json!(if at % 2 == 0 { "train" } else { "test" });
    }
    let dir = folder.join("p");
    done(folder.path(), &["init", "p"]);
    folder.write("p/sources/rows.toml", RECIPE);
    folder.write("rows.jsonl", lines(&rows));
    done(&dir, &["ingest", "rows", "../rows.jsonl"]);
    dir
}

fn open(project: &Path) -> Store {
    Store::open_for_writing(&Project::find(project).expect("a project"), "a test").expect("a store")
}

/// An answer to each of these samples.
fn one_each(samples: &[Sample]) -> Vec<Answer> {
    let answer = |sample: &Sample| Answer {
        of: Some(sample.id),
        id: None,
        number: 0,
        fields: BTreeMap::from([("instruction".to_owned(), sample.instruction.clone().expect("it has one"))]),
        text: format!("from manim import *\n# of {}\n{}", sample.key, sample.code),
        tokens: vec![1, 2, 3],
        prompt_tokens: 5,
        stop: "stop-id".to_owned(),
    };
    samples.iter().map(answer).collect()
}

/// Of each row of an export its id and side.
fn sides(out: &Path) -> BTreeMap<String, String> {
    let rows = std::fs::read_to_string(out.join("rows.jsonl")).expect("rows");
    rows.lines()
        .map(|line| {
            let row: Value = serde_json::from_str(line).expect("JSON");
            let text = |name: &str| row[name].as_str().unwrap_or_else(|| panic!("{name}: {row}")).to_owned();
            (text("id"), text("side"))
        })
        .collect()
}

#[test]
fn what_comes_from_a_test_prompt_never_gets_on_the_training_side() {
    let folder = Scratch::new("generated-sides");
    let dir = project(&folder, 40);
    let mut store = open(&dir);
    let samples = all_samples(&store);
    let list = one_each(&samples);
    let report = add(&mut store, "r", &list, NOW);
    drop(store);
    let by_parent: BTreeMap<String, String> =
        report.ids.iter().zip(&samples).map(|(id, sample)| (id.to_string(), sample.id.to_string())).collect();
    let export = |query: &str, name: &str| {
        let arguments =
            ["export", query, "--out", name, "--format", "alpaca", "--allow-licence", "none-stated", "--overwrite"];
        done(&dir, &arguments);
        sides(&dir.join(name))
    };
    // By the sides that the source gave.
    let given: BTreeMap<String, String> = samples
        .iter()
        .map(|sample| (sample.id.to_string(), sample.split_given.expect("it has one").word().to_owned()))
        .collect();
    let found = export("state:generated", "one");
    assert_eq!(found.len(), 40);
    assert!(found.iter().all(|(id, side)| given[&by_parent[id]] == *side));
    assert_eq!(export("", "kept").len(), 40, "by default nothing of them leaves");
    // A stage of the query may not say otherwise.
    let (code, _, err) = run(&dir, &["query", "state:generated | split 90/0/10"]);
    assert!(code != 0 && err.contains("generated from a prompt that is"), "{err}");
    // A split of the store's own comes after they were written: their prompts carry them along.
    done(&dir, &["split", "50/10/40", "--seed", "5"]);
    let mut store = open(&dir);
    let all = all_samples(&store);
    assert!(
        all.iter().all(|sample| sample.split.is_some() == sample.written.is_none()),
        "they are on no side of the split"
    );
    let own: BTreeMap<String, String> =
        all.iter().filter_map(|sample| Some((sample.id.to_string(), sample.split?.word().to_owned()))).collect();
    assert!(
        samples
            .iter()
            .any(|sample| { sample.split_given == Some(Side::Train) && own[&sample.id.to_string()] == "test" })
    );
    for query in ["state:generated", "state:any", "eval.run:r or source:rows"] {
        let found = export(query, "two");
        assert_eq!(found.len(), if query == "state:generated" { 40 } else { 80 }, "{query}");
        for (id, side) in &found {
            assert_eq!(own[by_parent.get(id).unwrap_or(id)], *side, "{query}");
        }
    }
    // What is written of what was written has the side of the first prompt.
    let first: Vec<Sample> = all.iter().filter(|sample| sample.written.is_some()).cloned().collect();
    let second = add(&mut store, "again", &one_each(&first), LATER);
    drop(store);
    let found = export("eval.run:again", "three");
    for (id, parent) in second.ids.iter().zip(&first) {
        assert_eq!(own[&by_parent[&parent.id.to_string()]], found[&id.to_string()]);
    }
    // The split is undone: what was written while it stood keeps the side that is furthest from training.
    done(&dir, &["undo", &format!("{}", json_of(&dir, &["log", "--json"])[0]["op"])]);
    let split = json_of(&dir, &["log", "--json"]);
    let split =
        split.as_array().expect("ops").iter().find(|op| op["verb"] == json!("split")).expect("one")["op"].clone();
    let mut store = open(&dir);
    let third = add(&mut store, "third", &one_each(&samples), LATER);
    drop(store);
    done(&dir, &["undo", &split.to_string()]);
    let found = export("eval.run:third", "four");
    let far = |side: &str| ["train", "validation", "test"].iter().position(|each| *each == side);
    for (id, sample) in third.ids.iter().zip(&samples) {
        let (id, of) = (id.to_string(), sample.id.to_string());
        assert_eq!(far(&found[&id]), far(&own[&of]).max(far(&given[&of])), "{} and {}", own[&of], given[&of]);
    }
    // Searches and decisions leave them alone, or bring them back as what they are.
    let states = json_of(&dir, &["count", "state:any", "--by", "state", "--json"]);
    done(&dir, &["dedup"]);
    done(&dir, &["decontaminate", "--against", "../rows.jsonl"]);
    assert_eq!(json_of(&dir, &["count", "state:any", "--by", "state", "--json"]), states);
    done(&dir, &["reject", "--reason", "off-topic", "--", "eval.run:r"]);
    assert_eq!(json_of(&dir, &["count", "state:rejected", "--json"])["total"], json!(40));
    done(&dir, &["restore", "--", "source:run/r"]);
    assert_eq!(json_of(&dir, &["count", "state:any", "--by", "state", "--json"]), states);
    healthy(&dir);
    done(&dir, &["report", "ledger"]);
}

#[test]
fn forgetting_reaches_what_was_written_and_what_was_written_from_it() {
    let folder = Scratch::new("generated-forget");
    let dir = project(&folder, 12);
    let mut store = open(&dir);
    let samples = all_samples(&store);
    let mut list = one_each(&samples);
    for (at, answer) in list.iter_mut().enumerate() {
        answer.text = format!("from manim import *\nwrittensecret{at}x = {at}\n");
    }
    let report = add(&mut store, "r", &list, NOW);
    drop(store);
    let first = samples.iter().position(|sample| sample.key == "r3").expect("one");
    let prompt = samples[first].instruction.clone().expect("it has one");
    let holds = |word: &str| crate::curation::unpacked(&dir).contains(word);
    assert!(holds(&format!("writtensecret{first}x")) && holds(&prompt));
    // The prompt's sample goes, and with it what holds its prompt.
    let (code, out, err) = run(&dir, &["forget", &samples[first].id.to_string()]);
    assert!(code == 1 && err.contains("forget 2 samples") && err.contains("written by models"), "{out}{err}");
    done(&dir, &["forget", &samples[first].id.to_string(), "--yes"]);
    assert!(!holds(&format!("writtensecret{first}x")) && !holds(&prompt));
    assert!(crate::curation::files_with(&dir.join(".scenery"), &prompt).is_empty());
    healthy(&dir);
    // What was forgotten is not written again.
    let mut store = open(&dir);
    let error = {
        let (model, parameters) = (json!({}), json!({}));
        let writer = Writer { run: "r", model: &model, contract: "c", parameters: &parameters, seed: 0 };
        generated::add(&mut store, &writer, &list, "scenery generate", LATER)
            .expect_err("its prompt is gone")
            .to_string()
    };
    assert!(error.contains("is no sample of this store"), "{error}");
    drop(store);
    let gone = report.ids[(first + 1) % 12].to_string();
    done(&dir, &["forget", &gone, "--yes"]);
    let mut store = open(&dir);
    let kept: Vec<Answer> = list.iter().filter(|answer| answer.of != Some(samples[first].id)).cloned().collect();
    let again = add(&mut store, "r", &kept, LATER);
    assert_eq!((again.read, again.unchanged, again.forgotten), (11, 10, 1));
    assert_eq!(store.rejected("run/r", 10).expect("rows").len(), 1);
    drop(store);
    healthy(&dir);
    done(&dir, &["forget", "run/r", "--yes"]);
    assert!(!holds("writtensecret"));
    let conn = rusqlite::Connection::open(dir.join(".scenery/store.sqlite")).expect("the database");
    let left: i64 = conn.query_row("SELECT count(*) FROM generation", [], |row| row.get(0)).expect("a count");
    assert_eq!(left, 0);
    drop(conn);
    healthy(&dir);
    done(&dir, &["report", "ledger"]);
    assert_eq!(json_of(&dir, &["count", "state:kept", "--json"])["total"], json!(11));
}

/// Answers of [`a_child_that_keeps_answers`].
fn many(store: &Store) -> Vec<Answer> {
    let samples: Vec<Sample> = all_samples(store).into_iter().filter(|sample| sample.written.is_none()).collect();
    answers(&mut Rng::new(77), &samples, 1300)
}

const CHILD: &str = "SCENERY_TEST_KEEPS_ANSWERS";

/// Run by the test below in a process of its own, which it kills.
#[test]
#[ignore = "a part of another test"]
fn a_child_that_keeps_answers() {
    let Some(project) = std::env::var_os(CHILD) else { return };
    let mut store = open(Path::new(&project));
    let list = many(&store);
    add(&mut store, "r", &list, NOW);
}

#[test]
fn answers_whose_keeping_is_killed_are_kept_as_if_nothing_had_been() {
    let folder = Scratch::new("generated-kill");
    drop(random_store(&folder, &mut Rng::new(12), 40));
    let base = folder.join("project");
    let child = |project: &Path| {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "runs::a_child_that_keeps_answers", "--ignored", "--quiet"]).env(CHILD, project);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let undisturbed = folder.join("undisturbed");
    copy(&base, &undisturbed);
    let begun = Instant::now();
    assert!(child(&undisturbed).status().expect("it runs").success());
    let mut takes = begun.elapsed();
    let wanted = written(&open(&undisturbed));
    assert_eq!(wanted.len(), 1300);
    let mut rng = Rng::new(13);
    let mut left_open = 0;
    for round in 0..24 {
        if round >= 4 && left_open >= 2 {
            break;
        }
        let project = folder.join(&format!("round{round}"));
        copy(&base, &project);
        let part = 0.3 + 0.7 * (rng.below(1000) as f64 / 1000.0);
        let mut process = child(&project).spawn().expect("it starts");
        let begun = Instant::now();
        while begun.elapsed() < takes.mul_f64(part) && process.try_wait().expect("it can be asked").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if process.try_wait().expect("it can be asked").is_some() {
            takes = takes.min(begun.elapsed());
        }
        let _ = process.kill();
        process.wait().expect("it ends");
        let mut store = open(&project);
        if let Some((_, verb, _)) = store.open_op().expect("ops") {
            left_open += 1;
            assert_eq!(verb, "generate");
            assert_eq!(written(&store).len(), 0, "what an open op wrote is not seen");
            assert!(store.source("run/r").expect("sources").is_none());
            if round % 3 == 2 {
                store.undo(None, NOW).expect("it is taken back");
            }
        }
        let list = many(&store);
        let report = add(&mut store, "r", &list, NOW);
        assert!(report.new == 1300 || report.unchanged == 1300, "{report:?}");
        let got = written(&store);
        assert!(got == wanted, "round {round}: the samples are others");
        drop(store);
        healthy(&project);
        let _ = std::fs::remove_dir_all(&project);
    }
    assert!(left_open >= 2, "only {left_open} ops were open: the moments were not spread over the keeping");
}
