//! The arguments of `generate`.

use std::path::PathBuf;

use clap::Args;

/// `generate`.
#[derive(Args, Debug)]
pub struct GenerateArgs {
    /// A run of the project by name, or the folder of a run, an adapter or a model
    #[arg(value_name = "FROM")]
    pub from: PathBuf,
    /// The base of an adapter, where it is not where the adapter says
    #[arg(long, value_name = "DIR")]
    pub base: Option<PathBuf>,
    /// The prompt template of a model that has no contract; of one that has, only the same is taken
    #[arg(long, value_name = "NAME")]
    pub template: Option<String>,

    /// A field of the prompt, instruction="Draw a circle"; repeatable; with other items it is a field of all of them
    #[arg(long, value_name = "NAME=VALUE", help_heading = "What is asked")]
    pub field: Vec<String>,
    /// Items out of a file (.jsonl, .json, .csv), a field per column; `-` reads JSON lines from standard input
    #[arg(long, value_name = "FILE", help_heading = "What is asked", conflicts_with_all = ["side", "interactive"])]
    pub prompts: Option<PathBuf>,
    /// Which column of the file is what, instruction=question; repeatable
    #[arg(long, value_name = "FIELD=COLUMN", help_heading = "What is asked", requires = "prompts")]
    pub column: Vec<String>,
    /// The rows of a side of the run's data: train, validation, test
    #[arg(long, value_name = "SIDE", help_heading = "What is asked", conflicts_with = "interactive")]
    pub side: Option<String>,
    /// The export that --side, --forced-prefix auto and --skeleton read, instead of the run's data
    #[arg(long, value_name = "DIR", help_heading = "What is asked")]
    pub data: Option<PathBuf>,
    /// Ask for instructions, a line each, and answer at once
    #[arg(long, help_heading = "What is asked", conflicts_with = "out")]
    pub interactive: bool,
    /// Only the first items
    #[arg(short = 'n', long, value_name = "N", help_heading = "What is asked")]
    pub limit: Option<usize>,

    /// Most tokens that the model chooses per item; what its training allowed unless said
    #[arg(long, value_name = "N", help_heading = "How tokens are chosen")]
    pub max_new_tokens: Option<usize>,
    /// Let no token end an answer before so many
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "How tokens are chosen")]
    pub min_new_tokens: usize,
    /// End an answer before this text; repeatable
    #[arg(long, value_name = "TEXT", help_heading = "How tokens are chosen", allow_hyphen_values = true)]
    pub stop: Vec<String>,
    /// Draw tokens, from logits divided by this, instead of taking the likeliest
    #[arg(long, value_name = "T", allow_negative_numbers = true, help_heading = "How tokens are chosen")]
    pub temperature: Option<f64>,
    /// Draw from so many likeliest tokens
    #[arg(long, value_name = "K", help_heading = "How tokens are chosen")]
    pub top_k: Option<usize>,
    /// Draw from the likeliest tokens that together reach this probability
    #[arg(long, value_name = "P", help_heading = "How tokens are chosen")]
    pub top_p: Option<f64>,
    /// Another seed draws other tokens (0 unless said)
    #[arg(long, value_name = "N", help_heading = "How tokens are chosen")]
    pub seed: Option<u64>,
    /// Follow so many sequences at once and keep the best
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1024), help_heading = "How tokens are chosen", conflicts_with_all = ["temperature", "top_k", "top_p", "seed", "skeleton"])]
    pub beams: Option<usize>,
    /// Compare beams by log-probability / length^P (1 unless said)
    #[arg(
        long,
        value_name = "P",
        help_heading = "How tokens are chosen",
        requires = "beams",
        allow_negative_numbers = true
    )]
    pub length_penalty: Option<f64>,
    /// Make tokens that stand in prompt or answer less likely, above 1
    #[arg(long, value_name = "X", help_heading = "How tokens are chosen")]
    pub repetition_penalty: Option<f64>,
    /// Begin every answer with this text, or with what all trained answers begin with: auto
    #[arg(long, value_name = "TEXT", help_heading = "How tokens are chosen", conflicts_with = "skeleton")]
    pub forced_prefix: Option<String>,
    /// Feed what the trained answers have in common and let the model fill the slots between
    #[arg(long, help_heading = "How tokens are chosen")]
    pub skeleton: bool,

    /// Write the answers to a file, a JSON line each; FILE.part where Ctrl-C or an error ends it before the last
    #[arg(long, value_name = "FILE", help_heading = "Where it goes")]
    pub out: Option<PathBuf>,
    /// Keep the answers out of the project's store
    #[arg(long, help_heading = "Where it goes")]
    pub no_store: bool,

    /// Where to compute: auto, cpu, cuda, cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto", help_heading = "The machine")]
    pub device: String,
    /// What to compute in: auto (bf16 on CUDA, f32 on the CPU), f32, bf16
    #[arg(long, value_name = "WHAT", default_value = "auto", help_heading = "The machine")]
    pub precision: String,
    /// Keep the frozen weights in 4 bits; so it is unsaid where the adapter was trained beside such
    #[arg(long, conflicts_with = "no_nf4", help_heading = "The machine")]
    pub nf4: bool,
    /// Keep them as they are, also where the adapter was trained beside others
    #[arg(long, help_heading = "The machine")]
    pub no_nf4: bool,
    /// Threads of the CPU
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1024), help_heading = "The machine")]
    pub threads: Option<usize>,
    /// Tokens of a batch: sequences times the room of each
    #[arg(long, value_name = "N", default_value_t = crate::generate::BATCH_TOKENS, help_heading = "The machine")]
    pub batch_tokens: usize,
    /// How many tokens longer than the shortest a prompt of a batch may be
    #[arg(long, value_name = "N", default_value_t = crate::generate::SPREAD, help_heading = "The machine")]
    pub batch_spread: usize,
}
