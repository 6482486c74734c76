//! What a program without libtorch answers.

use super::{BackendReport, Learner, LearnerSetup, NnError, Opening, Predictor};
use std::path::Path;

/// Makes a learner.
///
/// # Errors
/// [`NnError::Absent`], always: this program has no libtorch.
pub fn learner(_setup: &LearnerSetup) -> Result<Box<dyn Learner>, NnError> {
    Err(NnError::Absent)
}

/// Opens a model to predict with, with an adapter beside it where one is given.
///
/// # Errors
/// [`NnError::Absent`], always: this program has no libtorch.
pub fn predictor(_opening: &Opening, _adapter: Option<&Path>) -> Result<Box<dyn Predictor>, NnError> {
    Err(NnError::Absent)
}

/// Says what there is of libtorch.
pub fn report() -> BackendReport {
    BackendReport { cuda: "this program was built without training".to_owned(), ..BackendReport::default() }
}
