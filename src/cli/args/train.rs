//! The arguments of `train`.

use clap::{Args, Subcommand};

use super::RunsArgs;

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
    /// List the runs of this project, or show one
    #[command(after_help = "Examples:\n  scenery train runs\n  scenery train runs r7 --steps")]
    Runs(RunsArgs),
}
