//! Same code under different prompts, same prompt with different code: facts of their own, that change no state.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Settings, pairs};
use crate::sample::SampleId;
use crate::store::{Participant, Shingled, Store, StoreError};

/// Samples that share a prompt or a code, and differ in the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// How many different codes (of one prompt) or prompts (of one code) they have.
    pub different: usize,
    /// Their ids, in order.
    pub ids: Vec<SampleId>,
}

/// What was found of prompts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Prompts {
    /// Samples with an instruction.
    pub prompts: u64,
    /// Different ones among them, by their words.
    pub different: u64,
    /// Pairs of different prompts that share most of their words.
    pub near_pairs: u64,
    /// Groups of one code under several prompts, the largest first.
    pub same_code: Vec<Group>,
    /// Groups of one prompt with several codes, the largest first.
    pub same_prompt: Vec<Group>,
}

/// Compares the prompts of samples that are kept or duplicates: by the shingles of their words, near ones at a
/// likeness of `threshold`.
///
/// # Errors
/// As the store.
pub fn compare(store: &mut Store, threshold: f64, progress: &dyn Fn(&str)) -> Result<Prompts, StoreError> {
    let members = store.participants()?;
    let settings = Settings { threshold, ..Settings::default() };
    let layer = pairs::layer(store, &members, Shingled::Prompt, &settings, progress)?;
    let prompt = |at: usize| layer.node[at];
    let mut of_code: BTreeMap<[u8; 16], Vec<usize>> = BTreeMap::new();
    let mut of_prompt: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    let mut out = Prompts::default();
    for (at, member) in members.iter().enumerate() {
        let Some(node) = prompt(at) else { continue };
        out.prompts += 1;
        of_code.entry(member.content).or_default().push(at);
        of_prompt.entry(node).or_default().push(at);
    }
    out.different = of_prompt.len() as u64;
    out.near_pairs = layer.pairs_taking_part() as u64;
    out.same_code = groups(&members, of_code.into_values(), &|at| prompt(at));
    out.same_prompt = groups(&members, of_prompt.into_values(), &|at| members[at].content);
    Ok(out)
}

/// The groups whose members differ in something, the largest first.
fn groups<T: Ord>(
    members: &[Participant],
    all: impl Iterator<Item = Vec<usize>>,
    differ: &dyn Fn(usize) -> T,
) -> Vec<Group> {
    let mut out: Vec<Group> = all
        .filter_map(|group| {
            let different = group.iter().map(|at| differ(*at)).collect::<BTreeSet<T>>().len();
            let mut ids: Vec<SampleId> = group.iter().map(|at| members[*at].id).collect();
            ids.sort();
            (different > 1).then_some(Group { different, ids })
        })
        .collect();
    out.sort_by(|one, two| two.different.cmp(&one.different).then_with(|| one.ids.cmp(&two.ids)));
    out
}
