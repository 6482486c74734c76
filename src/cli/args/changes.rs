//! The arguments of the verbs that change what samples are to queries and to each other.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Asked;

/// `dedup`.
#[derive(Args, Debug)]
pub struct DedupArgs {
    /// Likeness (Jaccard of 5-shingles) from which code is near-duplicate, 0.5 to 1; as scenery.toml has it unless said
    #[arg(short, long, value_name = "T")]
    pub threshold: Option<f64>,
    /// Share of the pairs just at the threshold that is to be found, 0.5 to under 1
    #[arg(long, value_name = "R", conflicts_with = "exhaustive")]
    pub recall: Option<f64>,
    /// Find every pair, by an exact search that takes longer
    #[arg(long)]
    pub exhaustive: bool,
    /// Find renamed copies too
    #[arg(long)]
    pub renamed: bool,
    /// Say how prompts repeat too: one code under several, one prompt with several codes; changes no state
    #[arg(long)]
    pub prompts: bool,
    /// Change nothing: print the counts and five rows that would change
    #[arg(long)]
    pub dry_run: bool,
    /// Write a JSON line per duplicate: its survivor, similarity, method and the clause that decided
    #[arg(long, value_name = "FILE")]
    pub pairs: Option<PathBuf>,
}

/// `clusters`.
#[derive(Args, Debug)]
pub struct ClustersArgs {
    /// Only clusters with a sample that this selects, whatever its state
    #[command(flatten)]
    pub asked: Asked,
    /// Print at most so many clusters, the largest first (20 unless said; all with --json)
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<usize>,
    /// Do not print what members differ by
    #[arg(long)]
    pub no_diff: bool,
}

/// `split`.
#[derive(Args, Debug)]
pub struct SplitArgs {
    /// Percentages of train/validation/test, as in 80/10/10, or of train/test, as in 90/10
    #[arg(value_name = "SHARES", required_unless_present_any = ["extend", "given"], conflicts_with = "given")]
    pub shares: Option<String>,
    /// Another seed gives other sides; 0 unless said, of --extend that of the last split
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Place what has no side yet; what has one keeps it
    #[arg(long, conflicts_with = "given")]
    pub extend: bool,
    /// Adopt the sides that sources give, and list what leaks between them
    #[arg(long)]
    pub given: bool,
    /// Change nothing: print what would be
    #[arg(long)]
    pub dry_run: bool,
    /// Print at most so many leaks and held samples (20 unless said; all with --json)
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<usize>,
    /// Only the samples that this query selects, after `--`; all that are kept or duplicates unless said
    #[arg(value_name = "QUERY", last = true)]
    pub query: Vec<String>,
}

/// `report`.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// Which report
    #[command(subcommand)]
    pub what: ReportWhat,
}

/// The reports.
#[derive(clap::Subcommand, Debug)]
pub enum ReportWhat {
    /// Print what became of every row that was read, per source; fails where it does not balance to zero
    #[command(after_help = "Examples:\n  scenery report ledger\n  scenery report ledger --format markdown > ledger.md")]
    Ledger(LedgerArgs),
    /// Check whether a published table adds up: Markdown, CSV, TSV, JSON or aligned text
    #[command(
        after_help = "Examples:\n  scenery report check README.md\n  scenery report ledger --format csv | scenery report check -"
    )]
    Check(CheckArgs),
}

/// `report ledger`.
#[derive(Args, Debug)]
pub struct LedgerArgs {
    /// How to print; --json is the same as json
    #[arg(long)]
    pub format: Option<LedgerFormat>,
}

/// Forms of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LedgerFormat {
    /// Aligned columns
    Text,
    /// A pipe table
    Markdown,
    /// Comma-separated values
    Csv,
    /// JSON
    Json,
}

/// `report check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// The file with the table; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `decontaminate`.
#[derive(Args, Debug)]
pub struct DecontaminateArgs {
    /// The data to compare with: a table, a .py file, a folder of either, or a source of this store
    #[arg(long, value_name = "FILE_OR_SOURCE")]
    pub against: String,
    /// Read the file by the recipe of this source
    #[arg(long, value_name = "SOURCE", conflicts_with = "field")]
    pub source_like: Option<String>,
    /// Which column of the file is what: `code=answer`, `instruction=question`; repeatable; guessed unless said
    #[arg(long, value_name = "FIELD=COLUMN")]
    pub field: Vec<String>,
    /// Likeness (Jaccard) from which code is near, 0.5 to 1; as scenery.toml has it for dedup unless said
    #[arg(short, long, value_name = "T")]
    pub threshold: Option<f64>,
    /// Likeness (Jaccard of pairs of words) from which prompts are near, 0.5 to 1; 0.75 unless said
    #[arg(long, value_name = "T")]
    pub prompt_threshold: Option<f64>,
    /// Reject the samples that are found too (reason contaminated)
    #[arg(long)]
    pub reject: bool,
    /// Store nothing: print what would be
    #[arg(long)]
    pub dry_run: bool,
    /// Write a JSON line per hit
    #[arg(long, value_name = "FILE")]
    pub pairs: Option<PathBuf>,
    /// Print at most so many hits (20 unless said)
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<usize>,
    /// The samples to compare
    #[command(flatten)]
    pub asked: Asked,
}

/// `tag`.
#[derive(Args, Debug)]
pub struct TagArgs {
    /// `+LABEL` adds it, `-LABEL` takes it off
    #[arg(value_name = "LABELS", required = true)]
    pub labels: Vec<String>,
    /// Change nothing: print the count and five rows
    #[arg(long)]
    pub dry_run: bool,
    /// The query, after `--`
    #[arg(value_name = "QUERY", last = true)]
    pub query: Vec<String>,
}

/// `reject`.
#[derive(Args, Debug)]
pub struct RejectArgs {
    /// Why; `reason:WORD` finds them again
    #[arg(short, long, value_name = "REASON")]
    pub reason: String,
    /// Change nothing: print the count and five rows
    #[arg(long)]
    pub dry_run: bool,
    /// The query
    #[command(flatten)]
    pub asked: Asked,
}

/// `restore`.
#[derive(Args, Debug)]
pub struct RestoreArgs {
    /// Change nothing: print the count and five rows
    #[arg(long)]
    pub dry_run: bool,
    /// The query; of rejected samples and duplicates unless it says otherwise
    #[command(flatten)]
    pub asked: Asked,
}

/// `standardise`.
#[derive(Args, Debug)]
pub struct StandardiseArgs {
    /// The form: `{name}` is filled from meta.NAME, or from a group of --from; `{{` is a brace
    #[arg(long, value_name = "TEXT")]
    pub to: String,
    /// A pattern on the present instruction, whose named groups fill gaps: `f\\(x\\) = (?P<function>.+)$`
    #[arg(long, value_name = "REGEX")]
    pub from: Option<String>,
    /// Leave samples that lack a value as they are, instead of failing
    #[arg(long)]
    pub skip_missing: bool,
    /// Change nothing: print the counts and five rows
    #[arg(long)]
    pub dry_run: bool,
    /// Print at most so many samples that lack a value (20 unless said; all with --json)
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<usize>,
    /// The query
    #[command(flatten)]
    pub asked: Asked,
}

/// `forget`.
#[derive(Args, Debug)]
pub struct ForgetArgs {
    /// SOURCE, SOURCE:LOCATOR (`*` for any characters), or the beginning of an id
    pub origin: String,
    /// Do it: it is final
    #[arg(long)]
    pub yes: bool,
    /// Change nothing: print the count and five rows
    #[arg(long)]
    pub dry_run: bool,
}

/// `dump`.
#[derive(Args, Debug)]
pub struct DumpArgs {
    /// The file to write; standard output unless said
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What to do about decisions about samples that are not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Missing {
    /// Stop, and change nothing
    Error,
    /// Say how many, and load the others
    Skip,
}

/// `load`.
#[derive(Args, Debug)]
pub struct LoadArgs {
    /// What `dump` wrote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What to do about decisions about samples that are not here
    #[arg(long, value_name = "WHAT", default_value = "error")]
    pub missing: Missing,
    /// Change nothing: print the count and five rows
    #[arg(long)]
    pub dry_run: bool,
}
