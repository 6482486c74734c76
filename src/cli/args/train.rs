//! The arguments of `train`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Asked;

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
}

impl TrainWhat {
    /// The terms of its query, where it takes one.
    pub fn query(&mut self) -> Option<&mut Vec<String>> {
        match self {
            TrainWhat::Show(args) => Some(&mut args.data.asked.query),
            TrainWhat::Lint(args) => Some(&mut args.data.asked.query),
        }
    }
}

/// What is trained on, and how it is made into tokens.
#[derive(Args, Debug)]
pub struct TrainDataArgs {
    /// The query
    #[command(flatten)]
    pub asked: Asked,
    /// An export to read instead of a query
    #[arg(long, value_name = "DIR", conflicts_with_all = ["query", "file"])]
    pub data: Option<PathBuf>,
    /// The base model: a folder with tokenizer.json and config.json; a tokenizer made of the rows themselves unless said
    #[arg(long, value_name = "DIR")]
    pub base: Option<PathBuf>,
    /// The prompt template
    #[arg(long, value_name = "NAME", default_value = "alpaca")]
    pub template: String,
    /// Most tokens of prompt and answer together
    #[arg(long, value_name = "N", default_value_t = 2_048, value_parser = clap::value_parser!(u32).range(2..))]
    pub max_len: u32,
}

/// `train show`.
#[derive(Args, Debug)]
pub struct TrainShowArgs {
    /// What is shown
    #[command(flatten)]
    pub data: TrainDataArgs,
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
    /// Ids and labels of another trainer, a row a line, instead of a query
    #[arg(long, value_name = "FILE", conflicts_with_all = ["query", "file", "data", "template"], requires = "base")]
    pub encoded: Option<PathBuf>,
    /// Tokens of a micro-batch, by which the share of padding is told
    #[arg(long, value_name = "N", default_value_t = 8_192, value_parser = clap::value_parser!(u32).range(2..))]
    pub token_budget: u32,
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
