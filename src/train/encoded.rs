//! Examples as token ids, by the prompt contract.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::TrainError;
use super::data::{Dataset, Example};
use crate::prompt::contract::{Contract, Encoded};
use crate::prompt::templates::{self, TEMPLATES};
use crate::prompt::tokenizer::Tokenizer;
use crate::prompt::{PromptError, Template};

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
/// [`TrainError::NoPlace`]; [`TrainError::Rows`] where any cannot be encoded: how many, the first ids, and what is wrong with
/// the first.
pub fn encode(
    dataset: &Dataset,
    contract: &Contract,
    tokenizer: &Tokenizer,
) -> Result<Vec<EncodedExample>, TrainError> {
    check_fields(dataset, &contract.template)?;
    let all = each(dataset, contract, tokenizer).into_iter().enumerate();
    let all = all.map(|(example, encoded)| (example, encoded.map(|encoded| EncodedExample { example, encoded })));
    whole(dataset, all.collect())
}

/// What was made of examples, each with its place; where any could not be, which.
///
/// # Errors
/// [`TrainError::Rows`].
pub(super) fn whole<T>(dataset: &Dataset, made: Vec<(usize, Result<T, PromptError>)>) -> Result<Vec<T>, TrainError> {
    let of = made.len();
    let mut out = Vec::with_capacity(of);
    let mut failed = Vec::new();
    for (at, made) in made {
        match made {
            Ok(made) => out.push(made),
            Err(error) => failed.push((at, error)),
        }
    }
    let count = failed.len();
    let ids = failed.iter().take(NAMED).map(|(at, _)| dataset.examples[*at].id.clone()).collect();
    match failed.into_iter().next() {
        None => Ok(out),
        Some((_, source)) => Err(TrainError::Rows { count, of, ids, source: Box::new(source) }),
    }
}

/// Checks that the template has a place for every field of the examples: one that it left out would be missing from the
/// prompt in silence.
///
/// # Errors
/// [`TrainError::NoPlace`].
pub fn check_fields(dataset: &Dataset, template: &Template) -> Result<(), TrainError> {
    let said = |example: &Example, name: &str| example.fields.get(name).is_some_and(|value| !value.trim().is_empty());
    let names: BTreeSet<&String> = dataset.examples.iter().flat_map(|example| example.fields.keys()).collect();
    for name in names {
        let count = dataset.examples.iter().filter(|example| said(example, name)).count();
        if count > 0 && !template.has_field(name) {
            let fit = TEMPLATES.iter().map(|(name, _)| *name);
            let fit = fit.filter(|known| templates::template(known).is_ok_and(|known| known.has_field(name)));
            return Err(TrainError::NoPlace {
                field: name.clone(),
                count,
                of: dataset.examples.len(),
                id: template.id.clone(),
                fit: fit.collect(),
            });
        }
    }
    Ok(())
}

/// Encodes every example, each on its own: what cannot be encoded says why.
pub fn each(dataset: &Dataset, contract: &Contract, tokenizer: &Tokenizer) -> Vec<Result<Encoded, PromptError>> {
    dataset.examples.par_iter().map(|example| contract.encode(tokenizer, &example.pairs())).collect()
}
