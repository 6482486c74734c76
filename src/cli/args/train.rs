//! The arguments of `train`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Asked, BatchFlags, RunsArgs, TokenFlags, TrainFlags};
use crate::nn::DeviceChoice;

/// `train`.
#[derive(Args, Debug)]
pub struct TrainArgs {
    /// What to do
    #[command(subcommand)]
    pub what: TrainWhat,
}

/// What `train` does.
#[derive(Subcommand, Debug)]
pub enum TrainWhat {
    /// Show examples exactly as a model sees them: trained tokens plain, masked ones dim
    #[command(after_help = "Examples:
  scenery train show @core -n 3
  scenery train show @core --base deepseek-coder-1.3b --template chatml
  scenery train show --data core --json")]
    Show(TrainShowArgs),
    /// Check training data: ids, masks, sides, secrets, duplicates; exit code 1 where an error is found
    #[command(after_help = "Examples:
  scenery train lint @core --base deepseek-coder-1.3b
  scenery train lint source:derivative_537 --ignore W11,W17
  scenery train lint --data core --all
  scenery train lint --encoded rows.jsonl --base deepseek-coder-1.3b     ids and labels of another trainer

A line of --encoded is {\"input_ids\":[..],\"labels\":[..]}, with -100 where nothing is trained, and perhaps
\"attention_mask\" and \"prompt_ids\", what generation is given.")]
    Lint(TrainLintArgs),
    /// Say what a run would do: lengths, steps, padding, tokens, arithmetic, memory
    #[command(after_help = "Examples:
  scenery train plan @core --preset seed
  scenery train plan @core --base deepseek-coder-1.3b --max-len 1024 --too-long drop
  scenery train plan @core --weight source=manimbench:2,thanks:0.5 --curriculum ramp --epochs 4

Without --base the shape is that of deepseek-coder-1.3b; memory is an estimate.")]
    Plan(Box<TrainPlanArgs>),
    /// Train: an adapter beside a base, or a small model from nothing
    #[command(after_help = "Examples:
  scenery train run @core --base deepseek-coder-1.3b --name first
  scenery train run @core --base deepseek-coder-1.3b --preset seed --nf4 --json
  scenery train run --data core --base deepseek-coder-1.3b --out first
  scenery train run @core --from-scratch --epochs 20

Everything goes into runs/NAME: the data, run.json, checkpoints, metrics.csv, loss.svg, and at the end adapter/ (or model/).
Ctrl-C keeps the last step; `scenery train resume NAME` goes on exactly.")]
    Run(Box<TrainRunArgs>),
    /// Go on with a run from its newest checkpoint
    #[command(
        after_help = "Examples:\n  scenery train resume first\n  scenery train resume runs/first --device cuda:1"
    )]
    Resume(TrainResumeArgs),
    /// Write the adapter of a run and the model merged with it, once they say the same
    #[command(after_help = "Examples:
  scenery train export first --out shipped
  scenery train export first --out shipped --parity-prompts 20")]
    Export(TrainExportArgs),
    /// List the runs of this project, or show one
    #[command(after_help = "Examples:\n  scenery train runs\n  scenery train runs r7 --steps")]
    Runs(RunsArgs),
}

impl TrainWhat {
    /// The terms of its query, where it takes one.
    pub fn query(&mut self) -> Option<&mut Vec<String>> {
        match self {
            TrainWhat::Show(args) => Some(&mut args.data.asked.query),
            TrainWhat::Lint(args) => Some(&mut args.data.asked.query),
            TrainWhat::Plan(args) => Some(&mut args.data.asked.query),
            TrainWhat::Run(args) => Some(&mut args.data.asked.query),
            TrainWhat::Resume(_) | TrainWhat::Export(_) | TrainWhat::Runs(_) => None,
        }
    }
}

/// What is looked at or trained on.
#[derive(Args, Debug)]
pub struct TrainDataArgs {
    /// The query
    #[command(flatten)]
    pub asked: Asked,
    /// An export to read instead of a query
    #[arg(long, value_name = "DIR", conflicts_with_all = ["query", "file"])]
    pub data: Option<PathBuf>,
    /// The base model: a folder with config.json, tokenizer.json and, to train, safetensors
    #[arg(long, value_name = "DIR")]
    pub base: Option<PathBuf>,
    /// The prompt template
    #[arg(long, value_name = "NAME", default_value = "alpaca")]
    pub template: String,
    /// What to do about rows without an instruction: error, skip
    #[arg(long, default_value = "error", value_name = "WHAT", conflicts_with = "data")]
    pub missing_instruction: String,
    /// What to do about rows that hold the text of a special token: error, skip
    #[arg(long, default_value = "error", value_name = "WHAT", conflicts_with = "data")]
    pub special_text: String,
}

/// `train show`.
#[derive(Args, Debug)]
pub struct TrainShowArgs {
    /// What is shown
    #[command(flatten)]
    pub data: TrainDataArgs,
    /// How it is made into tokens
    #[command(flatten)]
    pub tokens: TokenFlags,
    /// Show so many examples, the first of the slice
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5)]
    pub limit: usize,
}

/// `train lint`.
#[derive(Args, Debug)]
pub struct TrainLintArgs {
    /// What is checked
    #[command(flatten)]
    pub data: TrainDataArgs,
    /// How it is made into tokens
    #[command(flatten)]
    pub tokens: TokenFlags,
    /// How it would be cut into batches
    #[command(flatten)]
    pub batches: BatchFlags,
    /// Ids and labels of another trainer, a row a line, instead of a query
    #[arg(long, value_name = "FILE", conflicts_with_all = ["query", "file", "data", "template", "from_scratch", "missing_instruction", "special_text"], requires = "base")]
    pub encoded: Option<PathBuf>,
    /// Checks that are not asked, separated by commas: E07,W12
    #[arg(long, value_delimiter = ',', value_name = "CODES")]
    pub ignore: Vec<String>,
    /// Name every row of a finding (the first five unless said; all with --json)
    #[arg(long)]
    pub all: bool,
    /// List the checks and what to do about what they find
    #[arg(long, conflicts_with_all = ["query", "file", "data", "encoded", "ignore", "all"])]
    pub list: bool,
}

/// `train plan`.
#[derive(Args, Debug)]
pub struct TrainPlanArgs {
    /// What it is about
    #[command(flatten)]
    pub data: TrainDataArgs,
    /// The options
    #[command(flatten)]
    pub flags: TrainFlags,
}

/// `train run`.
#[derive(Args, Debug)]
pub struct TrainRunArgs {
    /// What it is made of
    #[command(flatten)]
    pub data: TrainDataArgs,
    /// Its name, and that of its folder under runs/; the next of r1, r2 .. unless said
    #[arg(long, value_name = "NAME", conflicts_with = "out")]
    pub name: Option<String>,
    /// Its folder, instead of one under runs/
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Let a licence be trained on that is unknown, restricts use or is denied by scenery.toml; repeatable
    #[arg(long, value_name = "SPDX")]
    pub allow_licence: Vec<String>,
    /// The options
    #[command(flatten)]
    pub flags: TrainFlags,
}

/// `train resume`.
#[derive(Args, Debug)]
pub struct TrainResumeArgs {
    /// The run: its name, or its folder
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The base's folder, where it is another than before: its weights are the same
    #[arg(long, value_name = "DIR")]
    pub base: Option<PathBuf>,
    /// Where: auto, cpu, cuda, cuda:N; as before unless said
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Threads of the CPU; as before unless said
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// `train export`.
#[derive(Args, Debug)]
pub struct TrainExportArgs {
    /// The run: its name, or its folder
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The base's folder, where it is another than before: its weights are the same
    #[arg(long, value_name = "DIR")]
    pub base: Option<PathBuf>,
    /// The folder to write; it holds nothing yet
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,
    /// Examples that are scored by each artefact
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..))]
    pub parity_rows: u64,
    /// Those of them whose prompt is answered greedily
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..))]
    pub parity_prompts: u64,
    /// Tokens of those answers at most
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..))]
    pub parity_tokens: u64,
    /// Largest difference of mean losses, in nats per token; 1e-4 in f32 and 0.02 in bf16 unless said
    #[arg(long, value_name = "NATS", value_parser = tolerance)]
    pub parity_tolerance: Option<f64>,
    /// Ship an adapter that was trained beside weights of 4 bits although, merged into the weights as they are, it answers
    /// otherwise
    #[arg(long)]
    pub accept_rounding: bool,
    /// Where: auto, cpu, cuda, cuda:N; as in training unless said
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(nats) if nats >= 0.0 && f64::is_finite(nats) => Ok(nats),
        _ => Err("a tolerance is a number of nats per token, 0 or more".to_owned()),
    }
}
