//! `metrics.csv`, `evaluations.csv` and `realised.csv`: what a run measured, a line per step, evaluation and epoch.
//!
//! `metrics.csv`, in this order; a cell without a value is empty:
//!
//! | column | what |
//! | --- | --- |
//! | `kind` | `train`: a step; `validation`: an evaluation after a step |
//! | `step` | the step, from 1 |
//! | `epoch` | epochs so far, with the part of the current one |
//! | `loss` | mean loss of the trained tokens, in nats; of a step before its change |
//! | `accuracy` | share of trained tokens that were the likeliest |
//! | `loss_slot` `loss_template` | mean loss of the tokens in slots, and of those that all answers share |
//! | `exact` `prefix` | share of examples, and mean share of an example, that greedy decoding gives |
//! | `learning_rate` `grad_norm` | of the step; the norm is that before clipping |
//! | `rows` `tokens` `trained_tokens` `padded_tokens` `micro_batches` | examples, tokens without padding, those trained, tokens with padding, micro-batches |
//!
//! `evaluations.csv` has the same means by source and level: `step,key,value,rows,tokens,loss,accuracy,loss_slot,loss_template,exact,prefix`.
//! `realised.csv` says what was trained: `epoch,source,level,rows,tokens,trained_tokens`. No column tells time, so the same run
//! gives the same bytes; speed stands in the events.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::run_error::{RunError, file_error};
use super::sampler::Realised;
use super::scoring::{GroupMeans, Means};
use crate::nn::weights::write_whole;

/// Steps and evaluations.
pub const METRICS: &str = "metrics.csv";
/// Evaluations by source and level.
pub const EVALUATIONS: &str = "evaluations.csv";
/// What was trained.
pub const REALISED: &str = "realised.csv";

/// Columns of `metrics.csv`.
pub const COLUMNS: [&str; 16] = [
    "kind",
    "step",
    "epoch",
    "loss",
    "accuracy",
    "loss_slot",
    "loss_template",
    "exact",
    "prefix",
    "learning_rate",
    "grad_norm",
    "rows",
    "tokens",
    "trained_tokens",
    "padded_tokens",
    "micro_batches",
];

const EVALUATION_COLUMNS: [&str; 11] =
    ["step", "key", "value", "rows", "tokens", "loss", "accuracy", "loss_slot", "loss_template", "exact", "prefix"];

const REALISED_COLUMNS: [&str; 6] = ["epoch", "source", "level", "rows", "tokens", "trained_tokens"];

/// A line of `metrics.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Whether it is an evaluation.
    pub validation: bool,
    /// The step.
    pub step: u64,
    /// Epochs so far.
    pub epoch: f64,
    /// Its means.
    pub means: Means,
    /// What only a step has.
    pub step_only: Option<StepOnly>,
}

/// What only a step has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepOnly {
    /// Learning rate.
    pub learning_rate: f64,
    /// Norm of the gradients before clipping.
    pub grad_norm: f64,
    /// Tokens without padding.
    pub tokens: u64,
    /// Tokens with padding.
    pub padded_tokens: u64,
    /// Micro-batches.
    pub micro_batches: usize,
}

/// The files, open at their ends.
#[derive(Debug)]
pub struct Metrics {
    folder: PathBuf,
    metrics: (PathBuf, File),
    evaluations: (PathBuf, File),
}

impl Metrics {
    /// Begins the files of a run.
    ///
    /// # Errors
    /// [`RunError::File`].
    pub fn begin(folder: &Path) -> Result<Metrics, RunError> {
        write_whole(&folder.join(METRICS), &head(&COLUMNS))?;
        write_whole(&folder.join(EVALUATIONS), &head(&EVALUATION_COLUMNS))?;
        Metrics::open(folder)
    }

    /// Opens the files of a run that goes on after a step: what came later is cut off, and so is whatever follows a line that
    /// is none, as a power cut can leave one. Answers too how many steps until then have no line.
    ///
    /// # Errors
    /// [`RunError::File`].
    pub fn resume(folder: &Path, step: u64) -> Result<(Metrics, u64), RunError> {
        let left = cut_back(&folder.join(METRICS), &COLUMNS, 1, step)?;
        let trained = left.iter().filter(|(_, line)| line.get(0) == Some("train"));
        let steps: BTreeSet<u64> = trained.map(|(step, _)| *step).collect();
        cut_back(&folder.join(EVALUATIONS), &EVALUATION_COLUMNS, 0, step)?;
        Ok((Metrics::open(folder)?, step.saturating_sub(steps.len() as u64)))
    }

    fn open(folder: &Path) -> Result<Metrics, RunError> {
        let append = |name: &str| {
            let path = folder.join(name);
            let file = OpenOptions::new().append(true).open(&path).map_err(file_error("open", &path))?;
            Ok::<_, RunError>((path, file))
        };
        Ok(Metrics { folder: folder.to_owned(), metrics: append(METRICS)?, evaluations: append(EVALUATIONS)? })
    }

    /// Appends a line of a step or an evaluation.
    ///
    /// # Errors
    /// [`RunError::File`].
    pub fn line(&mut self, line: &Line) -> Result<(), RunError> {
        let means = &line.means;
        let only = |take: fn(&StepOnly) -> String| line.step_only.as_ref().map(take).unwrap_or_default();
        let tokens = line.step_only.map(|only| only.tokens.to_string()).unwrap_or_default();
        let cells = [
            if line.validation { "validation" } else { "train" }.to_owned(),
            line.step.to_string(),
            format!("{:.4}", line.epoch),
            means.loss.to_string(),
            means.accuracy.to_string(),
            cell(means.loss_slot),
            cell(means.loss_template),
            means.exact.to_string(),
            means.prefix.to_string(),
            only(|only| only.learning_rate.to_string()),
            only(|only| only.grad_norm.to_string()),
            means.rows.to_string(),
            tokens,
            means.tokens.to_string(),
            only(|only| only.padded_tokens.to_string()),
            only(|only| only.micro_batches.to_string()),
        ];
        append(&mut self.metrics, &cells)
    }

    /// Appends the means of an evaluation by source and level.
    ///
    /// # Errors
    /// [`RunError::File`].
    pub fn groups(&mut self, step: u64, groups: &[GroupMeans]) -> Result<(), RunError> {
        for group in groups {
            let means = &group.means;
            let cells = [
                step.to_string(),
                group.key.to_owned(),
                group.value.clone(),
                means.rows.to_string(),
                means.tokens.to_string(),
                means.loss.to_string(),
                means.accuracy.to_string(),
                cell(means.loss_slot),
                cell(means.loss_template),
                means.exact.to_string(),
                means.prefix.to_string(),
            ];
            append(&mut self.evaluations, &cells)?;
        }
        Ok(())
    }

    /// Writes what was trained so far.
    ///
    /// # Errors
    /// [`RunError::Nn`] where the file cannot be written.
    pub fn realised(&self, realised: &[Realised]) -> Result<(), RunError> {
        let mut out = head(&REALISED_COLUMNS);
        for each in realised {
            out.extend(row(&[
                each.epoch.to_string(),
                each.source.clone(),
                each.level.clone(),
                each.rows.to_string(),
                each.tokens.to_string(),
                each.trained_tokens.to_string(),
            ]));
        }
        Ok(write_whole(&self.folder.join(REALISED), &out)?)
    }

    /// Brings the lines to disk.
    ///
    /// # Errors
    /// [`RunError::File`].
    pub fn sync(&mut self) -> Result<(), RunError> {
        for (path, file) in [&self.metrics, &self.evaluations] {
            file.sync_all().map_err(file_error("bring to disk", path))?;
        }
        Ok(())
    }
}

fn append((path, file): &mut (PathBuf, File), cells: &[String]) -> Result<(), RunError> {
    file.write_all(&row(cells)).map_err(file_error("write", path))
}

fn cell(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn head(columns: &[&str]) -> Vec<u8> {
    (columns.join(",") + "\n").into_bytes()
}

/// A line of comma-separated values.
fn row(cells: &[String]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(cells).expect("memory takes what is written");
    writer.into_inner().expect("memory takes what is written")
}

/// Leaves the lines up to a step, and a heading. Answers the lines that are left, with the step of each.
fn cut_back(
    path: &Path,
    columns: &[&str],
    step_column: usize,
    step: u64,
) -> Result<Vec<(u64, csv::StringRecord)>, RunError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(file_error("read", path)(error)),
    };
    let (mut out, mut left) = (head(columns), Vec::new());
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let mut reader = csv::ReaderBuilder::new().from_reader(&bytes[..whole]);
    for record in reader.records() {
        let Ok(record) = record else { break };
        let Some(found) = record.get(step_column).and_then(|cell| cell.parse::<u64>().ok()) else { break };
        if found <= step {
            out.extend(row(&record.iter().map(str::to_owned).collect::<Vec<_>>()));
            left.push((found, record));
        }
    }
    write_whole(path, &out)?;
    Ok(left)
}

/// Reads `evaluations.csv` of a run: of each line the step, key and value of the group, and its means.
///
/// # Errors
/// [`RunError::File`], [`RunError::Damaged`].
pub fn read_groups(folder: &Path) -> Result<Vec<(u64, String, String, Means)>, RunError> {
    let path = folder.join(EVALUATIONS);
    let bytes = std::fs::read(&path).map_err(file_error("read", &path))?;
    let damaged = |message: String| RunError::Damaged { path: path.clone(), message };
    let mut out = Vec::new();
    for (at, record) in csv::ReaderBuilder::new().from_reader(bytes.as_slice()).records().enumerate() {
        let record = record.map_err(|error| damaged(error.to_string()))?;
        let number = |column: usize| record.get(column).and_then(|cell| cell.parse::<f64>().ok());
        let must = |column: usize| {
            number(column)
                .ok_or_else(|| damaged(format!("line {}: `{}` is no number", at + 2, EVALUATION_COLUMNS[column])))
        };
        let means = Means {
            rows: must(3)? as u64,
            tokens: must(4)? as u64,
            loss: must(5)?,
            accuracy: must(6)?,
            loss_slot: number(7),
            loss_template: number(8),
            exact: must(9)?,
            prefix: must(10)?,
        };
        let text = |column: usize| record.get(column).unwrap_or_default().to_owned();
        out.push((must(0)? as u64, text(1), text(2), means));
    }
    Ok(out)
}

/// Reads `metrics.csv` of a run.
///
/// # Errors
/// [`RunError::File`], [`RunError::Damaged`].
pub fn read(folder: &Path) -> Result<Vec<Line>, RunError> {
    let path = folder.join(METRICS);
    let bytes = std::fs::read(&path).map_err(file_error("read", &path))?;
    let damaged = |message: String| RunError::Damaged { path: path.clone(), message };
    let mut reader = csv::ReaderBuilder::new().from_reader(bytes.as_slice());
    let mut out = Vec::new();
    for (at, record) in reader.records().enumerate() {
        let record = record.map_err(|error| damaged(error.to_string()))?;
        let number = |column: usize| record.get(column).and_then(|cell| cell.parse::<f64>().ok());
        let must = |column: usize| {
            number(column).ok_or_else(|| damaged(format!("line {}: `{}` is no number", at + 2, COLUMNS[column])))
        };
        let whole = |column: usize| number(column).map(|value| value as u64).unwrap_or(0);
        let means = Means {
            rows: whole(11),
            tokens: whole(13),
            loss: must(3)?,
            accuracy: must(4)?,
            loss_slot: number(5),
            loss_template: number(6),
            exact: must(7)?,
            prefix: must(8)?,
        };
        let validation = record.get(0) == Some("validation");
        let step_only = (!validation).then(|| StepOnly {
            learning_rate: number(9).unwrap_or(0.0),
            grad_norm: number(10).unwrap_or(0.0),
            tokens: whole(12),
            padded_tokens: whole(14),
            micro_batches: whole(15) as usize,
        });
        out.push(Line { validation, step: must(1)? as u64, epoch: must(2)?, means, step_only });
    }
    Ok(out)
}
