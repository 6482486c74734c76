//! `train`.

mod runs;

use crate::cli::args::{TrainArgs, TrainWhat};
use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// Does what was asked.
///
/// # Errors
/// As that.
pub fn train(session: &Session, args: &TrainArgs) -> Result<(), Failure> {
    match &args.what {
        TrainWhat::Runs(args) => runs::runs(session, args),
    }
}
