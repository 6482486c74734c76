//! The arguments of `train runs`.

use clap::Args;

/// `train runs`.
#[derive(Args, Debug)]
pub struct RunsArgs {
    /// Show one run in full: what it was asked for, its parts, and how its loss went
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// With a name, print every step instead of some (all with --json)
    #[arg(long, requires = "name")]
    pub steps: bool,
}
