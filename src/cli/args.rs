//! The command line, as clap sees it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod changes;
mod generate;
mod runs;
mod setup;
mod train;
mod training;

pub use changes::*;
pub use generate::*;
pub use runs::*;
pub use setup::*;
pub use train::*;
pub use training::*;

/// An embedded, query-first dataset store for the code that models are fine-tuned on.
#[derive(Parser, Debug)]
#[command(
    name = "scenery",
    version,
    max_term_width = 100,
    after_help = "Examples:
  scenery demo                                 the whole job on data that the tool brings
  scenery init my-dataset && cd my-dataset
  scenery ingest manimbench manim_sft_dataset.csv
  scenery query 'is:valid uses:Circle | sort lines | take 10'
  scenery export @beginner-geometry --out geometry --format messages

Exit codes: 0 done; 1 the request or the data is wrong; 2 the command line or the query is wrong;
3 the store cannot be used; 4 something outside is missing."
)]
pub struct Cli {
    /// Work on the project of this directory instead of the current one's
    #[arg(short = 'C', long = "directory", global = true, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Print for programs: JSON on stdout, errors as JSON on stderr
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// When to do something that suits a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The verbs.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make an empty project
    #[command(after_help = "Example:\n  scenery init my-dataset")]
    Init(InitArgs),
    /// Do the whole job on data that the tool brings: ingest, look, export
    #[command(after_help = "Example:\n  scenery demo --dir scenery-demo")]
    Demo(DemoArgs),
    /// List the sources that are known, and those of this store
    #[command(
        after_help = "Examples:\n  scenery sources\n  scenery sources manimbench\n  scenery sources manimbench --rejected"
    )]
    Sources(SourcesArgs),
    /// Read a source into the store
    #[command(after_help = "Examples:
  scenery ingest manimbench manim_sft_dataset.csv
  scenery ingest reducible ~/clones/Reducible --sync
  scenery ingest --reader table --field instruction=question --field code=answer mine rows.jsonl
  scenery ingest --reader python mine ~/clones/any-repository
  scenery ingest mine                          reads it again, as it was read
  scenery ingest rows.jsonl                    shows what is in a file, and what to type
  scenery ingest manimbench                    says how to get a source")]
    Ingest(IngestArgs),
    /// Print the rows that a query selects
    #[command(after_help = "Examples:
  scenery query 'uses:Circle lines:20..80 | sort -plays | take 10'
  scenery query fourier series -source:edoh
  scenery query @beginner-geometry --format jsonl --fields complexity,topic
  scenery query -f query.q --format ids")]
    Query(QueryArgs),
    /// Count the rows that a query selects, by fields if you like
    #[command(after_help = "Examples:\n  scenery count is:valid\n  scenery count --by source,complexity")]
    Count(CountArgs),
    /// Show a sample: texts, facts, revisions, history
    #[command(after_help = "Example:\n  scenery show 7f3a21")]
    Show(ShowArgs),
    /// Say why a sample is what it is, or what made up one of its scores
    #[command(after_help = "Examples:\n  scenery why 7f3a21\n  scenery why 7f3a21 complexity")]
    Why(WhyArgs),
    /// Show how a query is understood and run
    #[command(after_help = "Example:\n  scenery explain 'uses:Circle -is:valid or plays>=5'")]
    Explain(ExplainArgs),
    /// List the fields that queries know, with their values in this store
    #[command(after_help = "Examples:\n  scenery fields\n  scenery fields uses")]
    Fields(FieldsArgs),
    /// List what may come next in a query, for shells and editors
    #[command(after_help = "Examples:
  scenery complete 'uses:Cir'
  scenery complete --cursor 5 'uses: | sort lines' --json")]
    Complete(CompleteArgs),
    /// Save a query under a name, for use as @NAME
    #[command(after_help = "Example:\n  scenery save short-valid 'is:valid lines:..40'")]
    Save(SaveArgs),
    /// List saved queries
    #[command(after_help = "Examples:\n  scenery queries\n  scenery queries --counts")]
    Queries(QueriesArgs),
    /// Freeze what a saved query selects now, as @NAME#1, @NAME#2 ...; list the pins
    #[command(after_help = "Examples:
  scenery pin beginner-geometry
  scenery pin 'long-scenes(60)'
  scenery pin                                  lists the pins
  scenery export @beginner-geometry#1 --out geometry")]
    Pin(PinArgs),
    /// Say what two slices differ by, and why
    #[command(after_help = "Examples:
  scenery diff @core#1                         the pin against what @core selects now
  scenery diff @core#1 @core#2
  scenery diff 'at:op3 is:valid' 'is:valid'
  scenery diff @strict @loose")]
    Diff(DiffArgs),
    /// Find duplicates and let one of each stand for the others
    #[command(after_help = "Examples:
  scenery dedup --dry-run                      counts, and five rows that would change
  scenery dedup --pairs pairs.jsonl            with a file of every duplicate and its survivor
  scenery dedup --threshold 0.9 --renamed
  scenery undo                                 takes it back

The keep policy, the threshold and the recall of a project stand in scenery.toml:
  [dedup]
  threshold = 0.85
  keep = [\"rank\", \"validation\", \"description\", \"quality\", \"length\", \"id\"]")]
    Dedup(DedupArgs),
    /// List clusters of duplicates: who is kept, who is not, and what they differ by
    #[command(
        after_help = "Examples:\n  scenery clusters\n  scenery clusters -n 3 source:edoh\n  scenery clusters --no-diff --json"
    )]
    Clusters(ClustersArgs),
    /// Record a side of every sample, family by family; a recorded side never changes
    #[command(after_help = "Examples:
  scenery split 80/10/10 --seed 13
  scenery split 90/10 --dry-run -- source:manimbench
  scenery split --extend                       places what was read since
  scenery split --given                        adopts the sides of the sources, and lists their leaks
  scenery count --by split,source")]
    Split(SplitArgs),
    /// Find samples that stand in other data, such as a benchmark
    #[command(after_help = "Examples:
  scenery decontaminate --against bench.jsonl --dry-run
  scenery decontaminate --against bench.csv --field instruction=prompt --field code=answer
  scenery decontaminate --against bench/ --source-like manimbench
  scenery decontaminate --against timholds_ce --pairs hits.jsonl -- source:manimbench
  scenery decontaminate --against solutions/ --reject -- is:valid
  scenery undo                                 takes verdicts and rejections back

A sample is found by equal code (exact), by code that shares most of its tokens (near), by such code under
other names and with other literals (renamed; from 120 tokens and 16 names on), or by an instruction that
shares most of its words (prompt; under 16 words only by all of them). Each hit says how alike the two are and
which lines of the sample the reference has too, and is kept as a verdict.

Every run first plants changed copies of the reference itself and looks for them. One that is missed ends the
run with exit code 1, and nothing is stored.")]
    Decontaminate(DecontaminateArgs),
    /// Put labels on samples, and take them off
    #[command(after_help = "Examples:
  scenery tag +core -- source:manimbench quality>=60
  scenery tag +checked -needs-review --dry-run -- tag:needs-review
  scenery query tag:core")]
    Tag(TagArgs),
    /// Put samples aside, with a reason
    #[command(after_help = "Examples:
  scenery reject --reason off-topic -- 'source:edoh -uses:Scene'
  scenery reject --reason broken --dry-run -- -is:valid
  scenery query 'state:rejected reason:off-topic'")]
    Reject(RejectArgs),
    /// Bring rejected samples and duplicates back; duplicates are exempt from then on
    #[command(after_help = "Examples:
  scenery restore -- reason:off-topic
  scenery restore --dry-run -- 'state:duplicate source:derivative_537'")]
    Restore(RestoreArgs),
    /// Give samples one form of instruction: a new revision of each, which `undo` takes back
    #[command(after_help = "Examples:
  scenery standardise --to 'Generate Manim code for f(x) = {function}' source:derivative_537
  scenery standardise --to 'Draw {what}.' --from '(?i)^(?:draw|show|animate) (?P<what>.+?)\\.?$' source:mine
  scenery standardise --to 'Derive {function}' --skip-missing --dry-run source:derivative_537
  scenery undo

A gap {name} is filled from the column meta.NAME of the source, or from the group of that name in --from. Samples
that lack a value are listed, and nothing changes unless --skip-missing leaves them as they are.")]
    Standardise(StandardiseArgs),
    /// Remove the content of samples for good; this cannot be undone
    #[command(after_help = "Examples:
  scenery forget 'edoh:edoh-dataset.jsonl:12' --dry-run
  scenery forget 'edoh:edoh-dataset.jsonl:12' --yes
  scenery forget 'reducible:Old_Videos/*' --yes      a `*` stands for any characters
  scenery forget 7f3a21 --yes

Texts, facts, columns, signatures and history of the samples go, from the database, its free pages and the
index. Their ids stay, so that reading them again is refused.")]
    Forget(ForgetArgs),
    /// Write what people decided (tags, rejections, exemptions, sides) as JSON lines
    #[command(after_help = "Examples:\n  scenery dump > decisions.jsonl\n  scenery dump --out decisions.jsonl")]
    Dump(DumpArgs),
    /// Bring decisions in that `dump` wrote
    #[command(
        after_help = "Examples:\n  scenery load decisions.jsonl --dry-run\n  scenery load decisions.jsonl --missing skip"
    )]
    Load(LoadArgs),
    /// Print the ledger of the store, or check whether a published table adds up
    #[command(after_help = "Examples:\n  scenery report ledger\n  scenery report check table.md")]
    Report(ReportArgs),
    /// Write a slice as files for a trainer
    #[command(after_help = "Examples:
  scenery export 'is:valid has:instruction' --out slice --format messages
  scenery export @core --out core --format sharegpt --preset manim
  scenery export @core --out core --format alpaca --layout tree --encoding json
  scenery export --from core/manifest.json --out again")]
    Export(ExportArgs),
    /// Answer instructions by a model, asked in exactly the form that it was trained with
    #[command(after_help = "Examples:
  scenery generate r7 --field instruction='Show the derivative of x^2.'
  scenery generate r7 --side test --out r7-test.jsonl
  scenery generate r7 --prompts prompts.csv --column instruction=question --out answers.jsonl
  scenery generate r7 --side test --forced-prefix auto --stop '```' --max-new-tokens 800
  scenery generate r7 --side test --skeleton                 feeds the template, fills its slots
  scenery generate r7 --interactive --temperature 0.7 --top-p 0.9 --seed 3
  scenery generate r7/adapter --base ~/models/base --beams 4 --side test
  scenery generate ~/models/base --template alpaca --prompts prompts.jsonl      the base, zero-shot

The likeliest token is taken unless drawing or beams are asked for; there is no repetition penalty and no
least length unless said. A model whose contract, tokenizer or config is not what it was trained with is refused.")]
    Generate(Box<GenerateArgs>),
    /// Train on a slice: look at the data before a GPU is paid for, run, go on, hand over
    #[command(after_help = "Examples:
  scenery train show @core -n 3
  scenery train lint @core --base deepseek-coder-1.3b
  scenery train plan @core --preset seed
  scenery train run @core --base deepseek-coder-1.3b --name first
  scenery train resume first
  scenery train export first --out shipped
  scenery train runs")]
    Train(TrainArgs),
    /// List what changed the store, newest first
    #[command(
        after_help = "Examples:\n  scenery log -n 5\n  scenery log -S 'ShowCreation('              when a text came and went\n  scenery log -G 'run_time *= *[0-9]{2}'"
    )]
    Log(LogArgs),
    /// Take back the newest op, or the one that is named
    #[command(after_help = "Examples:\n  scenery undo\n  scenery undo 7")]
    Undo(UndoArgs),
    /// Set up what training needs from outside: libtorch
    #[command(after_help = "Examples:\n  scenery setup libtorch\n  scenery setup libtorch --cuda")]
    Setup(SetupArgs),
    /// Check the store (rows, index, columns, facts) and what `setup` has set up
    #[command(after_help = "Examples:\n  scenery doctor\n  scenery doctor --setup")]
    Doctor(DoctorArgs),
    /// Make the index and stale facts anew
    #[command(after_help = "Example:\n  scenery rebuild")]
    Rebuild,
    /// Print shell completions
    #[command(after_help = "Example:\n  scenery completions bash > ~/.local/share/bash-completion/completions/scenery")]
    Completions(CompletionsArgs),
    /// Print the manual page, the reference of the query language, or the tutorial
    #[command(after_help = "Examples:\n  scenery man | man -l -\n  scenery man query\n  scenery man tutorial")]
    Man(ManArgs),
}

/// `init`.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// Where; made where it is missing
    #[arg(default_value = ".")]
    pub dir: PathBuf,
}

/// `demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Where to put the project and the exports
    #[arg(long, default_value = "scenery-demo")]
    pub dir: PathBuf,
    /// Replace an earlier demo there
    #[arg(long)]
    pub force: bool,
}

/// `sources`.
#[derive(Args, Debug)]
pub struct SourcesArgs {
    /// Show one in full
    pub name: Option<String>,
    /// List its rejected rows
    #[arg(long, requires = "name")]
    pub rejected: bool,
}

/// `ingest`.
#[derive(Args, Debug)]
pub struct IngestArgs {
    /// The source's name, or a file or folder to look into
    #[arg(value_name = "SOURCE")]
    pub source: String,
    /// Files and folders to read; of a source without a recipe, those that were read last unless said
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Read without a recipe, by this reader: table, python, notebook, docs
    #[arg(long)]
    pub reader: Option<String>,
    /// Without a recipe: which column is what, `instruction=question`; repeatable
    #[arg(long, value_name = "FIELD=COLUMN")]
    pub field: Vec<String>,
    /// Without a recipe: the licence (an SPDX expression, LicenseRef-NAME, or none-stated)
    #[arg(long, value_name = "SPDX")]
    pub licence: Option<String>,
    /// Without a recipe: the rank, 1 to 5
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5))]
    pub rank: Option<u8>,
    /// Read a source by these flags from now on, where it was read by others
    #[arg(long)]
    pub replace_recipe: bool,
    /// Which rendering to read, where a recipe knows several
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
    /// Reject what the source no longer has (reason gone-upstream, restorable)
    #[arg(long)]
    pub sync: bool,
    /// Reject rows above this size
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=4096))]
    pub max_row_mib: u64,
}

/// A query, as verbs take it.
#[derive(Args, Debug, Clone)]
pub struct Asked {
    /// The query; several arguments join with a blank, `-` reads it from standard input, none selects all kept samples
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,
    /// Read the query from a file
    #[arg(short = 'f', long = "file", value_name = "FILE", conflicts_with = "query")]
    pub file: Option<PathBuf>,
}

/// Forms that `query` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueryFormat {
    /// A table of one page
    Table,
    /// A JSON object per line
    Jsonl,
    /// A JSON array
    Json,
    /// Comma-separated values with a heading
    Csv,
    /// Full ids, one per line
    Ids,
}

/// `query`.
#[derive(Args, Debug)]
pub struct QueryArgs {
    /// The query
    #[command(flatten)]
    pub asked: Asked,
    /// How to print
    #[arg(long, default_value = "table")]
    pub format: QueryFormat,
    /// Further fields to print, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "FIELDS")]
    pub fields: Vec<String>,
    /// Print at most so many rows (a table: 20 unless said)
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<usize>,
}

/// `count`.
#[derive(Args, Debug)]
pub struct CountArgs {
    /// The query
    #[command(flatten)]
    pub asked: Asked,
    /// Count by these fields, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "FIELDS")]
    pub by: Vec<String>,
    /// Print at most so many groups
    #[arg(short = 'n', long, value_name = "N", requires = "by")]
    pub limit: Option<usize>,
}

/// `show`.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// The beginning of its id
    pub id: String,
    /// Do not page
    #[arg(long)]
    pub no_pager: bool,
}

/// `why`.
#[derive(Args, Debug)]
pub struct WhyArgs {
    /// The beginning of its id
    pub id: String,
    /// A feature with contributions: complexity, quality, topic, dialect
    pub feature: Option<String>,
}

/// `explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The query
    #[command(flatten)]
    pub asked: Asked,
}

/// `fields`.
#[derive(Args, Debug)]
pub struct FieldsArgs {
    /// Show one in full, with its values
    pub name: Option<String>,
}

/// `complete`.
#[derive(Args, Debug)]
pub struct CompleteArgs {
    /// The query as far as it is written; several arguments join with a blank
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,
    /// Where the cursor stands, in bytes from the beginning; at the end unless said
    #[arg(long, value_name = "N")]
    pub cursor: Option<usize>,
    /// Print all, not only the best 50
    #[arg(long)]
    pub all: bool,
    /// Print what the text from this byte on becomes, instead of what is put in; for shells
    #[arg(long, value_name = "N", conflicts_with = "json")]
    pub word: Option<usize>,
}

/// `save`.
#[derive(Args, Debug)]
pub struct SaveArgs {
    /// Its name: letters, digits, `-` and `_`
    pub name: String,
    /// The query
    #[command(flatten)]
    pub asked: Asked,
    /// A sentence that says what it is for
    #[arg(long, value_name = "TEXT")]
    pub about: Option<String>,
    /// Replace a query of that name
    #[arg(long)]
    pub force: bool,
}

/// `queries`.
#[derive(Args, Debug)]
pub struct QueriesArgs {
    /// Count what each selects now
    #[arg(long)]
    pub counts: bool,
}

/// `export`.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// The query
    #[command(flatten)]
    pub asked: Asked,
    /// The folder to write
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,
    /// Repeat the export of a manifest, byte for byte
    #[arg(long, value_name = "MANIFEST", conflicts_with_all = ["query", "file", "format", "layout", "encoding", "preset", "system", "template"])]
    pub from: Option<PathBuf>,
    /// The form of a row: messages, sharegpt, alpaca, prompt-completion, text
    #[arg(long, default_value = "messages")]
    pub format: String,
    /// Which files there are: plain, tree, hf, llamafactory, mlx
    #[arg(long, default_value = "plain")]
    pub layout: String,
    /// How rows are written: jsonl, json; as the layout has it unless said
    #[arg(long)]
    pub encoding: Option<String>,
    /// A bundle of options: manim
    #[arg(long)]
    pub preset: Option<String>,
    /// The system sentence
    #[arg(long, value_name = "TEXT")]
    pub system: Option<String>,
    /// The prompt template of the format text: alpaca, chatml, deepseek, plain, sharegpt-manim
    #[arg(long)]
    pub template: Option<String>,
    /// Put the answer into a fenced Python block
    #[arg(long)]
    pub fence: bool,
    /// What to do about rows without an instruction: error, skip
    #[arg(long, default_value = "error", value_name = "WHAT")]
    pub missing_instruction: String,
    /// What to do about rows that hold the text of a special token: error, skip
    #[arg(long, default_value = "error", value_name = "WHAT")]
    pub special_text: String,
    /// Let a licence leave that is unknown, restricts use or is denied by scenery.toml; repeatable
    #[arg(long, value_name = "SPDX")]
    pub allow_licence: Vec<String>,
    /// Replace an export that stands there
    #[arg(long)]
    pub overwrite: bool,
}

/// `pin`.
#[derive(Args, Debug)]
pub struct PinArgs {
    /// The saved query, with its arguments if it takes some; without it the pins are listed
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

/// `diff`.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// A query: a pin, a saved query, one of another moment
    #[arg(value_name = "QUERY")]
    pub first: String,
    /// What it is compared with; of a pin or a query with `at:`, the same now unless said
    #[arg(value_name = "QUERY")]
    pub second: Option<String>,
    /// Print at most so many rows (20 unless said)
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<usize>,
}

/// `log`.
#[derive(Args, Debug)]
pub struct LogArgs {
    /// List the ops after which other samples hold this text than before
    #[arg(short = 'S', long = "text", value_name = "TEXT")]
    pub text: Option<String>,
    /// The same of a regular expression
    #[arg(short = 'G', long = "regex", value_name = "REGEX", conflicts_with = "text")]
    pub regex: Option<String>,
    /// Print at most so many
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<usize>,
}

/// `undo`.
#[derive(Args, Debug)]
pub struct UndoArgs {
    /// The op; unless said the newest in effect that is no undo. Naming an `undo` takes that back
    pub op: Option<i64>,
}

/// `completions`.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// What about; the commands unless said
    pub topic: Option<Topic>,
}

/// What `man` tells about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Topic {
    /// The reference of the query language
    Query,
    /// The query language in twenty queries
    Tutorial,
}
