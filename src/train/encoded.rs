//! Examples as token ids, by the prompt contract.

use rayon::prelude::*;

use super::TrainError;
use super::data::Dataset;
use crate::prompt::PromptError;
use crate::prompt::contract::{Contract, Encoded};
use crate::prompt::tokenizer::Tokenizer;

/// How many ids an error names.
const NAMED: usize = 5;

/// An example as token ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedExample {
    /// Its place in [`Dataset::examples`].
    pub example: usize,
    /// Its ids.
    pub encoded: Encoded,
}

/// Encodes every example, in the order of the dataset, on all cores.
///
/// # Errors
/// [`TrainError::Rows`] where any cannot be encoded: how many, the first ids, and what is wrong with the first.
pub fn encode(
    dataset: &Dataset,
    contract: &Contract,
    tokenizer: &Tokenizer,
) -> Result<Vec<EncodedExample>, TrainError> {
    let mut out = Vec::with_capacity(dataset.examples.len());
    let mut failed = Vec::new();
    for (example, encoded) in each(dataset, contract, tokenizer).into_iter().enumerate() {
        match encoded {
            Ok(encoded) => out.push(EncodedExample { example, encoded }),
            Err(error) => failed.push((example, error)),
        }
    }
    let count = failed.len();
    let ids = failed.iter().take(NAMED).map(|(at, _)| dataset.examples[*at].id.clone()).collect();
    match failed.into_iter().next() {
        None => Ok(out),
        Some((_, source)) => Err(TrainError::Rows { count, of: dataset.examples.len(), ids, source: Box::new(source) }),
    }
}

/// Encodes every example, each on its own: what cannot be encoded says why.
pub fn each(dataset: &Dataset, contract: &Contract, tokenizer: &Tokenizer) -> Vec<Result<Encoded, PromptError>> {
    dataset.examples.par_iter().map(|example| contract.encode(tokenizer, &example.pairs())).collect()
}
