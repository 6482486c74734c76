//! `run.json`: everything that going on with a run needs to know.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::checkpoint::Identity;
use super::item::TooLongCount;
use super::options::Options;
use super::run_error::{RunError, file_error};
use crate::nn::weights::write_whole;
use crate::nn::{LearnerSetup, Opening};

/// Name of the file.
pub const RUN: &str = "run.json";
/// Folder of the exported data inside a run's.
pub const DATA: &str = "data";

/// Version of the file's form.
const VERSION: u32 = 1;

/// `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunFile {
    /// Version of this form.
    pub v: u32,
    /// Version of the tool.
    pub tool: String,
    /// Name of the run.
    pub name: String,
    /// Folder of the model that it begins with; one inside the run's is told from there.
    pub base: PathBuf,
    /// Name of the prompt template.
    pub template: String,
    /// The query that selected the data, as typed.
    pub query: String,
    /// Every option, seeds included.
    pub options: Options,
    /// What it stands on.
    pub identity: Identity,
    /// The model's shape, as its `config.json` has it.
    pub model: Value,
    /// Examples that are trained on and evaluated on.
    pub rows: [usize; 2],
    /// What was done about examples above the limit, on both sides.
    pub too_long: TooLongCount,
    /// Steps.
    pub steps: u64,
    /// Numbers that are trained.
    pub trained_parameters: u64,
}

impl RunFile {
    /// The version that is written.
    pub const VERSION: u32 = VERSION;

    /// Reads the file of a run's folder.
    ///
    /// # Errors
    /// [`RunError::File`]; [`RunError::Damaged`] where it is none, or of another version.
    pub fn read(folder: &Path) -> Result<RunFile, RunError> {
        let path = folder.join(RUN);
        let text = std::fs::read(&path).map_err(file_error("read", &path))?;
        let damaged = |message: String| RunError::Damaged { path: path.clone(), message };
        let value: Value = serde_json::from_slice(&text).map_err(|error| damaged(format!("no JSON: {error}")))?;
        if let Some(other) = value.get("v").filter(|v| v.as_u64() != Some(u64::from(VERSION))) {
            return Err(damaged(format!("it has the version {other}, and this program knows {VERSION}")));
        }
        serde_json::from_value(value).map_err(|error| damaged(format!("it is no description of a run: {error}")))
    }

    /// Writes the file into a run's folder.
    ///
    /// # Errors
    /// [`RunError::Nn`] where it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), RunError> {
        let mut text = serde_json::to_vec_pretty(self).expect("string keys and finite numbers always serialise");
        text.push(b'\n');
        Ok(write_whole(&folder.join(RUN), &text)?)
    }

    /// The folder of the model that the run begins with.
    pub fn base(&self, folder: &Path) -> PathBuf {
        folder.join(&self.base)
    }

    /// How its model is opened.
    pub fn opening(&self, folder: &Path) -> Opening {
        let options = &self.options;
        Opening {
            model: self.base(folder),
            device: options.device,
            precision: options.precision,
            nf4: options.nf4,
            threads: options.threads,
        }
    }

    /// How its learner is made.
    pub fn setup(&self, folder: &Path) -> LearnerSetup {
        let options = &self.options;
        LearnerSetup {
            opening: self.opening(folder),
            trained: options.trained.clone(),
            optimiser: options.optimiser,
            seed: options.seed,
            recompute_layers: options.recompute_layers,
            loss_chunk: options.loss_chunk,
        }
    }
}
