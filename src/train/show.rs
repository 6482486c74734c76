//! Examples exactly as a model sees them: the tokens of each segment, which are trained, and the prompt of generation.

use serde::Serialize;

use super::data::{Dataset, Example};
use super::{TrainError, encoded};
use crate::prompt::PromptError;
use crate::prompt::contract::{Contract, Encoded};
use crate::prompt::tokenizer::Tokenizer;
use crate::sample::Side;

/// An example as a model sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its id.
    pub id: String,
    /// Its source.
    pub source: String,
    /// Its side.
    pub side: Side,
    /// The parts of prompt and answer, in order.
    pub parts: Vec<Part>,
    /// The parts of the prompt that generation is given.
    pub prompt: Vec<Part>,
    /// Whether the ids of training start with exactly those of generation, and what is trained begins there.
    pub prefix_identical: bool,
    /// How many tokens there are.
    pub tokens: Tokens,
    /// Whether it is longer than the contract allows: training refuses it.
    pub too_long: bool,
}

/// Tokens of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// Before the first trained one.
    pub prompt: usize,
    /// Trained.
    pub trained: usize,
    /// All.
    pub total: usize,
    /// Most that the contract allows.
    pub most: usize,
}

/// Tokens that stand together: a segment of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What the tokens say, a blank at the beginning and tokens for what is unknown (`<unk>`) with the rest; of a special token
    /// of the contract its name, as in `<BOS>`.
    pub text: String,
    /// Whether they are trained.
    pub trained: bool,
    /// Name of the special token that it is.
    pub special: Option<String>,
    /// Name of the field that it is.
    pub field: Option<String>,
    /// The ids.
    pub ids: Vec<u32>,
}

/// Shows the examples at these places of the dataset.
///
/// # Errors
/// [`TrainError::NoPlace`]; [`TrainError::Rows`] where any cannot be encoded at all; that one is too long is shown instead.
pub fn show(
    dataset: &Dataset,
    contract: &Contract,
    tokenizer: &Tokenizer,
    places: &[usize],
) -> Result<Vec<Shown>, TrainError> {
    encoded::check_fields(dataset, &contract.template)?;
    let unbounded = Contract { max_len: usize::MAX, ..contract.clone() };
    let shown = places.iter().filter_map(|at| Some((*at, dataset.examples.get(*at)?)));
    let shown = shown.map(|(at, example)| (at, one(example, &unbounded, contract.max_len, tokenizer)));
    encoded::whole(dataset, shown.collect())
}

fn one(example: &Example, unbounded: &Contract, most: usize, tokenizer: &Tokenizer) -> Result<Shown, PromptError> {
    let fields = example.pairs();
    let encoded = unbounded.encode(tokenizer, &fields)?;
    let prompt = unbounded.encode_prompt(tokenizer, &fields)?;
    // The prompt is shown as its own ids say, cut where the segments of the whole have it.
    let asked = Encoded {
        trained_from: prompt.len(),
        segments: encoded
            .segments
            .iter()
            .filter(|segment| segment.range.end <= prompt.len() && !segment.train)
            .cloned()
            .collect(),
        ids: prompt.clone(),
    };
    Ok(Shown {
        id: example.id.clone(),
        source: example.source.clone(),
        side: example.side,
        parts: parts(&encoded, tokenizer)?,
        prompt: parts(&asked, tokenizer)?,
        prefix_identical: encoded.ids.starts_with(&prompt) && encoded.trained_from == prompt.len(),
        tokens: Tokens {
            prompt: encoded.trained_from,
            trained: encoded.ids.len() - encoded.trained_from,
            total: encoded.ids.len(),
            most,
        },
        too_long: encoded.ids.len() > most,
    })
}

fn parts(encoded: &Encoded, tokenizer: &Tokenizer) -> Result<Vec<Part>, PromptError> {
    let mut out = Vec::new();
    for segment in encoded.segments.iter().filter(|segment| !segment.range.is_empty()) {
        let ids = &encoded.ids[segment.range.clone()];
        let text = match &segment.special {
            Some(name) => format!("<{}>", name.to_uppercase()),
            None => tokenizer.verbatim(ids)?,
        };
        out.push(Part {
            text,
            trained: segment.train,
            special: segment.special.clone(),
            field: segment.field.clone(),
            ids: ids.to_vec(),
        });
    }
    Ok(out)
}
