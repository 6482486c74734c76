//! The arguments of `setup` and `doctor`: what training needs from outside, and whether it is there.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `setup`.
#[derive(Args, Debug)]
pub struct SetupArgs {
    /// What to set up
    #[command(subcommand)]
    pub what: SetupWhat,
}

/// What `setup` sets up.
#[derive(Subcommand, Debug)]
pub enum SetupWhat {
    /// Put libtorch into `.libtorch` of the source checkout, for builds with `--features train`
    #[command(after_help = "Examples:
  scenery setup libtorch
  scenery setup libtorch --cuda
  scenery setup libtorch --python ~/venv/bin/python
  PIP_NO_INDEX=1 PIP_FIND_LINKS=~/wheels scenery setup libtorch        without a network

A Python environment that has torch of the same version gives its files; else pip downloads pinned wheels
(0.5 GB, with --cuda 2.5 GB). Every file is compared with its hash. What is there and whole is left as it is;
what is damaged is made anew. An interrupted run changes nothing, and the next one clears what it left.")]
    Libtorch(LibtorchArgs),
}

/// `setup libtorch`.
#[derive(Args, Debug)]
pub struct LibtorchArgs {
    /// Add the libraries of CUDA, which a program with training loads where they are
    #[arg(long)]
    pub cuda: bool,
    /// The Python whose torch is taken, or whose pip downloads; VIRTUAL_ENV's and python3 unless said
    #[arg(long, value_name = "EXE")]
    pub python: Option<PathBuf>,
    /// Where to put it; `.libtorch` of the source checkout unless said
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `doctor`.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Check what `scenery setup` has set up, and nothing else; needs no project
    #[arg(long)]
    pub setup: bool,
}
