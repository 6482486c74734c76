//! Answers become rows of the store.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Answer, Job};
use crate::cli::draw::thousands;
use crate::cli::failure::{Failure, chain};
use crate::generate::Choice;
use crate::ingest::generated::{self, Report, Writer};
use crate::nn::lora::ADAPTER_WEIGHTS;
use crate::nn::weights::Weights;
use crate::sample::{SampleId, hex};
use crate::store::{RUN_SOURCES, Store};

/// How long a store is waited for that another command writes.
const PATIENCE: Duration = Duration::from_secs(60);

impl Job<'_> {
    /// Keeps the answers in the store of the project; none outside one or where that is not wanted.
    pub(super) fn store(&self, answers: &[Answer<'_>]) -> Result<Option<Report>, Failure> {
        let session = self.session;
        let project = match self.project {
            Some(project) if !self.args.no_store => project,
            other => {
                let why = if other.is_some() { "--no-store" } else { "there is no project here" };
                let kept =
                    if self.args.out.is_some() { "only the file is written" } else { "the answers are only printed" };
                session.note(format!("{kept}: {why}"));
                return Ok(None);
            }
        };
        let who = format!("`{}`, begun {}", session.command, session.now());
        let mut store = Store::open_when_free(project, &who, PATIENCE)?;
        let adapter = self.adapter_sha256()?;
        let run = self.run_name(&store, adapter.as_deref())?;
        let (model, parameters) = (self.model(adapter.as_deref()), self.parameters()?);
        let seed = match self.about.options.choice {
            Choice::Sample { seed, .. } => seed,
            Choice::Greedy | Choice::Beams { .. } => 0,
        };
        let writer = Writer { run: &run, model: &model, contract: &self.about.contract, parameters: &parameters, seed };
        let mut strangers = 0u64;
        let mut out = Vec::with_capacity(answers.len());
        for answer in answers {
            let asked = self.prompt_of(&store, answer)?;
            strangers += u64::from(asked.is_none() && self.args.side.is_some());
            out.push(generated::Answer {
                of: asked,
                id: answer.item.id.clone().filter(|_| asked.is_none()),
                number: answer.number,
                fields: answer.item.fields.clone(),
                text: crate::generate::record::response(&self.opened.contract.template, &answer.generated.text)
                    .to_owned(),
                tokens: answer.generated.ids.clone(),
                prompt_tokens: u32::try_from(answer.generated.prompt_tokens).unwrap_or(u32::MAX),
                stop: answer.generated.stop.word().to_owned(),
            });
        }
        if strangers > 0 {
            session.note(format!(
                "{} prompts are of samples that this store does not have; their answers are kept as to typed prompts",
                thousands(strangers)
            ));
        }
        let report = generated::add(&mut store, &writer, &out, &session.command, &session.now())?;
        session.say(format!(
            "kept in {} (op {}): {} new, {} changed, {} unchanged{}",
            report.source,
            report.op,
            thousands(report.new),
            thousands(report.changed),
            thousands(report.unchanged),
            if report.forgotten > 0 {
                format!(", {} forgotten before", thousands(report.forgotten))
            } else {
                String::new()
            }
        ));
        Ok(Some(report))
    }

    /// The sample whose prompt was asked, where it is one of the store.
    fn prompt_of(&self, store: &Store, answer: &Answer<'_>) -> Result<Option<SampleId>, Failure> {
        let id = answer.item.id.as_deref().filter(|_| self.args.side.is_some()).and_then(sample_id);
        let Some(id) = id else { return Ok(None) };
        Ok(store.known(&id)?.filter(|known| known.present).map(|_| id))
    }

    /// The name that the answers stand under: of the run, else one that no run has.
    fn run_name(&self, store: &Store, adapter: Option<&str>) -> Result<String, Failure> {
        if let Some(name) = self.about.model.strip_prefix(RUN_SOURCES)
            && generated::check_run(name).is_ok()
        {
            return Ok(name.to_owned());
        }
        let last = self.about.model.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or("model");
        let plain: String =
            last.chars().map(|ch| if ch.is_ascii_alphanumeric() || "-_.".contains(ch) { ch } else { '-' }).collect();
        let kind = if self.about.zero_shot { "base" } else { "model" };
        // Folders of other models have the same name: `merged`, `checkpoint`.
        let mut own = format!("{kind}-{plain}");
        own.truncate(60);
        // What tells the weights from others: an adapter's digest, or a model's fingerprint.
        let weights = match adapter {
            Some(digest) => digest.to_owned(),
            None => Weights::of_model(&self.opened.model)?.fingerprint()?,
        };
        own = format!("{own}-{}", &weights[..8]);
        let mut name = own.clone();
        for number in 2.. {
            if store.run(&name)?.is_none() {
                break;
            }
            name = format!("{own}-{number}");
        }
        Ok(name)
    }

    /// SHA-256 of an adapter's weights.
    fn adapter_sha256(&self) -> Result<Option<String>, Failure> {
        let path = self.opened.adapter.as_ref().map(|folder| folder.join(ADAPTER_WEIGHTS));
        path.map(|path| sha256_of(&path).map_err(|error| Failure::file(&path, &error))).transpose()
    }

    /// What was loaded: where it was, and the digests of it.
    fn model(&self, adapter: Option<&str>) -> Value {
        let contract = &self.opened.contract;
        json!({
            "path": self.args.from.display().to_string(),
            "base": self.opened.model.display().to_string(),
            "base_config_sha256": contract.base_config_sha256,
            "tokenizer_sha256": contract.tokenizer_sha256,
            "adapter_sha256": adapter,
            "zero_shot": self.about.zero_shot,
        })
    }

    /// What decides about the answers but the model and the seed: how batches were cut does not.
    fn parameters(&self) -> Result<Value, Failure> {
        let mut out = serde_json::to_value(&self.about.options)
            .map_err(|error| Failure::request(format!("no JSON: {}", chain(&error))))?;
        if let Some(map) = out.as_object_mut() {
            for key in ["batch_tokens", "spread", "seed"] {
                map.shift_remove(key);
            }
            map.insert("template".to_owned(), json!(self.about.template));
            map.insert("forcing".to_owned(), json!(self.about.forcing));
            map.insert("forced_sha256".to_owned(), json!(self.about.forced_sha256));
            map.insert("nf4".to_owned(), json!(self.about.nf4));
            map.insert("precision".to_owned(), json!(self.about.precision));
        }
        Ok(out)
    }
}

/// SHA-256 of a file, in hexadecimal digits.
fn sha256_of(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0u8; 1 << 20];
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&piece[..count]);
    }
}

/// The id that 32 hexadecimal digits write.
fn sample_id(text: &str) -> Option<SampleId> {
    let mut id = [0u8; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(SampleId(id))
}
