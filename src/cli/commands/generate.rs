//! `generate`.

mod asked;
mod kept;

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use crate::cli::args::GenerateArgs;
use crate::cli::draw::{safe, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::whole;
use crate::generate::opening::{self, Asked, Opened};
use crate::generate::prompts::{self, Item, Prompted};
use crate::generate::record::{self, About, Parsed};
use crate::generate::{Ended, GenerateError, Generated, Outcome, Task, run};
use crate::ingest::cleaners::unfenced;
use crate::ingest::generated::Report;
use crate::nn::{self, Predictor};
use crate::store::{Project, StoreError};

/// Answers fields by a model, in the form that it was trained with.
///
/// # Errors
/// As [`opening::open`], [`prompts::prompts`] and [`run`]; where what is asked or its file is wrong; as the store.
pub fn generate(session: &Session, args: &GenerateArgs) -> Result<(), Failure> {
    let options = asked::options(args)?;
    if let Some(out) = &args.out {
        asked::place(out, args.prompts.as_deref())?;
    }
    let fields = asked::pairs("field", &args.field)?;
    let project = project(session)?;
    let origin = asked::origin(project.as_ref(), &args.from)?;
    let probe = fields.get("instruction").map_or("from manim import *\n\n\nclass Example(Scene):\n", String::as_str);
    let opened = opening::open(&Asked {
        folder: &origin.folder,
        base: args.base.as_deref(),
        template: args.template.as_deref(),
        probe,
    })?;
    if opened.zero_shot {
        session.note(format!(
            "the model has no contract; asked zero-shot, by template `{}` (contract {})",
            opened.contract.template.id,
            &opened.contract.digest()[..12]
        ));
    }
    // Whatever can be wrong is told before weights are read.
    let items = if args.interactive { Vec::new() } else { asked::items(session, args, &opened, &fields)? };
    let prompts = prompts::prompts(&opened.contract, &opened.tokenizer, &items)?;
    let (forcing, word) = asked::forcing(session, args, &opened)?;
    let opening = asked::opening(session, args, &opened)?;
    let about = About {
        model: origin.name,
        contract: opened.contract.digest(),
        zero_shot: opened.zero_shot,
        template: opened.contract.template.id.clone(),
        forcing: word,
        forced_sha256: forcing.sha256(),
        nf4: opening.nf4,
        precision: opening.computed_in(),
        options: options.clone(),
    };
    let task = Task {
        prompts,
        stop_ids: opened.contract.stop_ids.clone(),
        max_len: opened.contract.max_len,
        options,
        forcing,
    };
    // From here on Ctrl-C and SIGTERM are heard, also while the model is opened.
    let stop = if args.interactive { Arc::default() } else { session.stopped_by_signals() };
    let spinner = session.spinner();
    spinner.set("opening the model");
    let predictor = nn::predictor(&opening, opened.adapter.as_deref());
    spinner.end();
    let mut predictor = predictor.map_err(GenerateError::from)?;
    let job = Job { session, args, opened: &opened, about: &about, project: project.as_ref() };
    if args.interactive {
        return job.converse(predictor.as_mut(), task, &fields);
    }
    let begun = Instant::now();
    let outcome = job.run(predictor.as_mut(), &task, &stop)?;
    job.finish(&items, &task.prompts, outcome, begun.elapsed().as_secs_f64())
}

/// The project around; none outside one.
fn project(session: &Session) -> Result<Option<Project>, Failure> {
    match Project::find(&session.directory) {
        Ok(project) => Ok(Some(project)),
        Err(StoreError::NoProject { .. }) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// What a generation has at hand.
struct Job<'a> {
    session: &'a Session,
    args: &'a GenerateArgs,
    opened: &'a Opened,
    about: &'a About,
    project: Option<&'a Project>,
}

/// An answer with what is told of it.
struct Answer<'a> {
    item: &'a Item,
    /// Which of several prompts of one key it answers, from 0.
    number: u32,
    generated: &'a Generated,
    /// The response, out of one Markdown fence where it stands in one: what the store takes for its code.
    code: String,
    parsed: Parsed,
}

impl Job<'_> {
    fn run(&self, predictor: &mut dyn Predictor, task: &Task, stop: &AtomicBool) -> Result<Outcome, Failure> {
        let spinner = self.session.spinner();
        let outcome = run(predictor, &self.opened.tokenizer, task, &mut |progress| {
            spinner.set(&format!(
                "{} of {} answers, {} tokens",
                thousands(progress.done as u64),
                thousands(progress.items as u64),
                thousands(progress.tokens)
            ));
            if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        spinner.end();
        let outcome = outcome?;
        for halving in &outcome.halvings {
            self.session.note(format!(
                "{} sequences with room for {} tokens did not fit into memory; the batch was halved ({})",
                thousands(halving.sequences as u64),
                thousands(halving.room as u64),
                halving.message.lines().next().unwrap_or_default()
            ));
        }
        Ok(outcome)
    }

    fn answer<'b>(&self, item: &'b Item, number: u32, generated: &'b Generated) -> Answer<'b> {
        let response = record::response(&self.opened.contract.template, &generated.text);
        let code = unfenced(response).map_or_else(|| response.to_owned(), |(code, _)| code);
        let parsed = Parsed::of(&code);
        Answer { item, number, generated, code, parsed }
    }

    fn line(&self, answer: &Answer<'_>) -> Value {
        record::line(answer.item, answer.generated, &answer.code, &answer.parsed, self.about)
    }

    /// Writes, prints and stores the answers there are, and says what ended the generation before its end.
    fn finish(&self, items: &[Item], prompts: &[Prompted], outcome: Outcome, seconds: f64) -> Result<(), Failure> {
        let (session, args) = (self.session, self.args);
        let asked: Vec<(&Item, u32)> = items.iter().zip(prompts.iter().map(|prompt| prompt.number)).collect();
        let answers: Vec<Answer<'_>> =
            outcome.answers(&asked).map(|((item, number), given)| self.answer(item, *number, given)).collect();
        let finished = matches!(outcome.ended, Ended::Finished);
        if answers.is_empty() && !finished {
            return ended(outcome, items.len(), None);
        }
        // A part never takes the place of a whole file.
        let out = args.out.as_ref().map(|out| if finished { out.clone() } else { part(out) });
        let lines = || answers.iter().map(|answer| self.line(answer));
        let written = out
            .as_ref()
            .map_or(Ok(()), |out| whole::write(out, |put| lines().try_for_each(|line| put(&format!("{line}\n")))));
        if let Some(whole) = args.out.as_ref().filter(|_| finished && written.is_ok()) {
            // What an earlier generation left behind there is not of this one. One that was never there is no error.
            let _ = std::fs::remove_file(part(whole));
        }
        // Answers cost too much to be lost to a file or a store that cannot take them: they are printed all the same.
        let printed = out.is_none() || written.is_err();
        let stored = self.store(&answers);
        let report = stored.as_ref().ok().and_then(Option::as_ref);
        if session.json {
            let out = out.as_deref().filter(|_| !printed);
            let mut told = json!({ "summary": summary(&answers, &outcome, items.len(), seconds, out, report) });
            if printed {
                told["generated"] = lines().collect();
            }
            session.print_json(&told)?;
        } else if printed {
            for (at, answer) in outcome.items.iter().zip(&answers) {
                if items.len() > 1 {
                    session.print(heading(*at, answer))?;
                }
                let end = if answer.code.ends_with('\n') { "" } else { "\n" };
                session.print(format!("{}{end}", safe(&answer.code)))?;
            }
        }
        self.tell(&answers, seconds);
        written?;
        stored?;
        ended(outcome, items.len(), out.as_deref())
    }

    /// Says what the answers came to.
    fn tell(&self, answers: &[Answer<'_>], seconds: f64) {
        let all = answers.len() as u64;
        let tokens: u64 = answers.iter().map(|answer| answer.generated.generated_tokens() as u64).sum();
        let forced: u64 = answers.iter().map(|answer| answer.generated.forced_tokens() as u64).sum();
        let stops: Vec<String> =
            stops(answers).iter().map(|(stop, count)| format!("{stop} {}", thousands(*count))).collect();
        let forced = if forced > 0 { format!(" and {} forced", thousands(forced)) } else { String::new() };
        self.session.say(format!(
            "{} answers of {} tokens{forced} in {seconds:.1} s ({} tokens/s); ended by {}",
            thousands(all),
            thousands(tokens),
            thousands((tokens as f64 / seconds.max(1e-9)) as u64),
            stops.join(", ")
        ));
        let hits = answers.iter().filter(|answer| answer.parsed.parses).count() as u64;
        self.session.say(format!("parse: {}", record::share(hits, all)));
        if let [Answer { parsed: Parsed { error: Some(error), .. }, .. }] = answers {
            self.session.say(format!("it does not parse: {error}"));
        }
    }

    /// Answers instructions that are typed, a line each.
    fn converse(
        &self,
        predictor: &mut dyn Predictor,
        mut task: Task,
        fields: &BTreeMap<String, String>,
    ) -> Result<(), Failure> {
        let session = self.session;
        let at_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !session.json;
        if fields.contains_key("instruction") {
            return Err(Failure::usage("--interactive reads the instructions: leave out --field instruction=..."));
        }
        if at_terminal {
            session.say("an instruction a line; an empty line or Ctrl-D ends");
        }
        let mut lines = std::io::stdin().lock().lines();
        loop {
            if at_terminal {
                let _ = write!(std::io::stderr(), "> ");
                let _ = std::io::stderr().flush();
            }
            let Some(line) = lines.next() else { return Ok(()) };
            let line = line.map_err(|error| Failure::request(format!("standard input: {error}")))?;
            if line.trim().is_empty() {
                if at_terminal {
                    return Ok(());
                }
                continue;
            }
            let mut item = Item { id: None, fields: fields.clone() };
            item.fields.insert("instruction".to_owned(), line);
            let items = [item];
            match prompts::prompts(&self.opened.contract, &self.opened.tokenizer, &items) {
                Ok(prompts) => task.prompts = prompts,
                // What was typed wrongly can be typed again.
                Err(error) if at_terminal => {
                    session.note(error.to_string());
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            let begun = Instant::now();
            // Ctrl-C ends the command: what was answered before is kept already.
            let outcome = self.run(predictor, &task, &AtomicBool::new(false))?;
            let Some(given) = outcome.generated.first() else { return ended(outcome, items.len(), None) };
            let answers = [self.answer(&items[0], 0, given)];
            let stored = self.store(&answers);
            if session.json {
                session.print_json(&self.line(&answers[0]))?;
            } else {
                session.print(format!("{}\n", safe(answers[0].code.trim_end_matches('\n'))))?;
            }
            self.tell(&answers, begun.elapsed().as_secs_f64());
            stored?;
        }
    }
}

/// Where answers go that are not all there: beside the file that was asked for.
fn part(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    out.with_file_name(name)
}

/// The error of a generation that did not come to its end, and where the answers are that it came to.
fn ended(outcome: Outcome, asked: usize, out: Option<&Path>) -> Result<(), Failure> {
    let place = out.map_or("printed".to_owned(), |out| format!("in {}", out.display()));
    let there = match outcome.generated.len() {
        0 => "no answer was whole by then".to_owned(),
        count => format!(
            "{} of {} answers were whole by then, and are {place}",
            thousands(count as u64),
            thousands(asked as u64)
        ),
    };
    match outcome.ended {
        Ended::Finished => Ok(()),
        Ended::Stopped => Err(Failure::new(1, "interrupted", format!("generation was stopped; {there}"))),
        Ended::Failed(error) => {
            let mut failure = Failure::from(error);
            failure.message = format!("{}; {there}", failure.message);
            Err(failure)
        }
    }
}

/// What stands before an answer where there are several: a comment of Python.
fn heading(at: usize, answer: &Answer<'_>) -> String {
    let id = answer.item.id.as_ref().map(|id| format!(" ({})", safe(id))).unwrap_or_default();
    format!(
        "# --- item {}{id}: {}, {} tokens\n",
        at + 1,
        answer.generated.stop.word(),
        thousands(answer.generated.generated_tokens() as u64)
    )
}

/// How many answers ended by what, in words.
fn stops(answers: &[Answer<'_>]) -> BTreeMap<&'static str, u64> {
    let mut out = BTreeMap::new();
    for answer in answers {
        *out.entry(answer.generated.stop.word()).or_default() += 1;
    }
    out
}

fn summary(
    answers: &[Answer<'_>],
    outcome: &Outcome,
    asked: usize,
    seconds: f64,
    out: Option<&Path>,
    stored: Option<&Report>,
) -> Value {
    let all = answers.len() as u64;
    let hits = answers.iter().filter(|answer| answer.parsed.parses).count() as u64;
    let (low, high) = record::wilson(hits, all);
    let sum = |count: fn(&Generated) -> usize| answers.iter().map(|each| count(each.generated) as u64).sum::<u64>();
    json!({
        "items": asked,
        "answers": all,
        "parse": { "hits": hits, "all": all, "low": low, "high": high },
        "stops": stops(answers),
        "generated_tokens": sum(Generated::generated_tokens),
        "forced_tokens": sum(Generated::forced_tokens),
        "batches": outcome.batches,
        "steps": outcome.steps,
        "halvings": outcome.halvings,
        "seconds": seconds,
        "out": out.map(|out| out.display().to_string()),
        "stored": stored,
    })
}
