//! Which examples an epoch has, and in which order: a function of the options and the ids, so that it is the same on every
//! machine and needs no state.
//!
//! The order of an epoch is that of hash(seed, epoch, id, copy). How often an example stands in an epoch is the product of
//! its weights and, with a curriculum, the share of its class in that epoch. Examples with the same weights and class are a
//! group of n; laid out by hash(seed, id) in a ring, the epochs take consecutive stretches of it, in epoch `e` the places
//! from `round(n·Σ_{k<e} m_k)` to `round(n·Σ_{k≤e} m_k)`. So a multiplicity of 2 is twice in every epoch, one of 0.5 is half of
//! the group in one epoch and the other half in the next, and no example comes again before all of its group were there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::item::Item;
use super::options::{Curriculum, CurriculumKind, Options};
use super::run_error::RunError;
use crate::sample::hash16;

/// Examples that stand equally often in every epoch.
#[derive(Clone, Debug)]
struct Group {
    /// Positions in the list of examples, by hash(seed, id).
    ring: Vec<usize>,
    /// Times per epoch by weight alone.
    times: f64,
    /// Class of the curriculum, 0 the easiest.
    class: usize,
}

/// Decides which examples each epoch has.
#[derive(Clone, Debug)]
pub struct Sampler {
    groups: Vec<Group>,
    ids: Vec<String>,
    seed: u64,
    epochs: Option<u32>,
    max_steps: Option<u64>,
    batch_rows: usize,
    curriculum: Curriculum,
    /// Examples without a value of the curriculum's label, which count as the hardest.
    unclassed: usize,
}

impl Sampler {
    /// Makes the sampler of a run.
    ///
    /// # Errors
    /// [`RunError::Option`] where a weight or a curriculum names what no example has; [`RunError::Nothing`] where an epoch
    /// would be empty.
    pub fn new(items: &[Item], options: &Options) -> Result<Sampler, RunError> {
        if items.is_empty() {
            return Err(RunError::Nothing("no example is left on the train side".to_owned()));
        }
        check_rules(items, options)?;
        let curriculum = options.curriculum.clone();
        let mut unclassed = 0;
        let mut groups: BTreeMap<(u64, usize), Vec<usize>> = BTreeMap::new();
        for (at, item) in items.iter().enumerate() {
            let class = match class_of(item, &curriculum)? {
                Some(class) => class,
                None => {
                    unclassed += 1;
                    curriculum.order.len() - 1
                }
            };
            let rules = options.weights.iter().filter(|rule| item.labels.get(&rule.key) == Some(&rule.value));
            let times: f64 = rules.map(|rule| rule.times).product();
            groups.entry((times.to_bits(), class)).or_default().push(at);
        }
        let groups = groups.into_iter().map(|((times, class), mut ring)| {
            ring.sort_by_cached_key(|at| (hash(&[&options.seed.to_le_bytes(), items[*at].id.as_bytes()]), *at));
            Group { ring, times: f64::from_bits(times), class }
        });
        let sampler = Sampler {
            groups: groups.collect(),
            ids: items.iter().map(|item| item.id.clone()).collect(),
            seed: options.seed,
            epochs: options.epochs,
            max_steps: options.max_steps,
            batch_rows: options.batch_rows,
            curriculum,
            unclassed,
        };
        // Without an end by epochs, one that is empty could be followed by empty ones for ever.
        let checked = options.epochs.unwrap_or(2);
        if let Some(empty) = (0..checked).find(|epoch| sampler.rows(*epoch) == 0) {
            return Err(RunError::Nothing(format!("epoch {} would have no example: --weight leaves none", empty + 1)));
        }
        Ok(sampler)
    }

    /// Examples that have no value of the curriculum's label, and count as the hardest; 0 without a curriculum.
    pub fn unclassed(&self) -> usize {
        if self.curriculum.kind == CurriculumKind::None { 0 } else { self.unclassed }
    }

    /// Share of a class in an epoch, from 0.
    fn share(&self, class: usize, epoch: u32) -> f64 {
        let classes = self.curriculum.order.len();
        let epochs = self.epochs.unwrap_or(1).max(1);
        match self.curriculum.kind {
            CurriculumKind::None => 1.0,
            CurriculumKind::Staged => {
                let stage = (epoch as usize * classes / epochs as usize).min(classes - 1);
                if class <= stage { 1.0 } else { 0.0 }
            }
            CurriculumKind::Ramp => {
                let hardness = class as f64 / (classes - 1) as f64;
                1.0 - hardness * (1.0 - f64::from(epoch + 1) / f64::from(epochs))
            }
        }
    }

    /// The places of the ring that an epoch takes.
    fn stretch(&self, group: &Group, epoch: u32) -> std::ops::Range<u64> {
        let size = group.ring.len() as f64;
        let mut before = 0.0;
        for earlier in 0..epoch {
            before += group.times * self.share(group.class, earlier);
        }
        let after = before + group.times * self.share(group.class, epoch);
        (size * before).round() as u64..(size * after).round() as u64
    }

    /// Examples of an epoch, from 0.
    pub fn rows(&self, epoch: u32) -> u64 {
        self.groups.iter().map(|group| self.stretch(group, epoch)).map(|stretch| stretch.end - stretch.start).sum()
    }

    /// The examples of an epoch in order, as positions in the list that the sampler was made of.
    pub fn epoch(&self, epoch: u32) -> Vec<usize> {
        let mut out: Vec<(u128, usize)> = Vec::new();
        for group in &self.groups {
            let size = group.ring.len() as u64;
            for place in self.stretch(group, epoch) {
                let (at, copy) = (group.ring[(place % size) as usize], place / size);
                let parts: [&[u8]; 4] =
                    [&self.seed.to_le_bytes(), &epoch.to_le_bytes(), self.ids[at].as_bytes(), &copy.to_le_bytes()];
                out.push((hash(&parts), at));
            }
        }
        out.sort_unstable();
        out.into_iter().map(|(_, at)| at).collect()
    }

    /// Steps of an epoch: the last group of examples counts as one, however few they are.
    pub fn steps(&self, epoch: u32) -> u64 {
        self.rows(epoch).div_ceil(self.batch_rows as u64)
    }

    /// Steps of the whole run.
    pub fn total_steps(&self) -> u64 {
        match (self.epochs, self.max_steps) {
            (Some(epochs), most) => {
                let all: u64 = (0..epochs).map(|epoch| self.steps(epoch)).sum();
                most.map_or(all, |most| most.min(all))
            }
            (None, most) => most.unwrap_or(0),
        }
    }
}

fn hash(parts: &[&[u8]]) -> u128 {
    u128::from_be_bytes(hash16(parts))
}

/// The class of an example; none where it has no value.
fn class_of(item: &Item, curriculum: &Curriculum) -> Result<Option<usize>, RunError> {
    if curriculum.kind == CurriculumKind::None {
        return Ok(Some(0));
    }
    let Some(value) = item.labels.get(&curriculum.by) else { return Ok(None) };
    let class = curriculum.order.iter().position(|known| known == value);
    class.map(Some).ok_or_else(|| {
        RunError::Option(format!(
            "example {} has the {} `{value}`, which stands nowhere in the order {}: --curriculum-by {}:EASIEST,..,HARDEST names them all",
            item.id,
            curriculum.by,
            curriculum.order.join(", "),
            curriculum.by
        ))
    })
}

fn check_rules(items: &[Item], options: &Options) -> Result<(), RunError> {
    let by = (options.curriculum.kind != CurriculumKind::None).then_some(("--curriculum-by", &options.curriculum.by));
    let keys = options.weights.iter().map(|rule| ("--weight", &rule.key)).chain(by);
    for (flag, key) in keys {
        if !items.iter().any(|item| item.labels.contains_key(key)) {
            let mut known: Vec<&str> = items.iter().flat_map(|item| item.labels.keys()).map(String::as_str).collect();
            known.sort_unstable();
            known.dedup();
            return Err(RunError::Option(format!(
                "{flag}: no example of the train side has a {key}; they have {}",
                known.join(", ")
            )));
        }
    }
    for (at, rule) in options.weights.iter().enumerate() {
        let same = |other: &&super::options::WeightRule| other.key == rule.key && other.value == rule.value;
        if options.weights[..at].iter().any(|other| same(&other)) {
            return Err(RunError::Option(format!("--weight names {}={} twice", rule.key, rule.value)));
        }
        if !items.iter().any(|item| item.labels.get(&rule.key) == Some(&rule.value)) {
            let mut known: Vec<&str> =
                items.iter().filter_map(|item| item.labels.get(&rule.key)).map(String::as_str).collect();
            known.sort_unstable();
            known.dedup();
            known.truncate(12);
            return Err(RunError::Option(format!(
                "--weight {}={}: no example of the train side has it; there are {}",
                rule.key,
                rule.value,
                known.join(", ")
            )));
        }
    }
    Ok(())
}

/// What was trained of a source and level in an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Realised {
    /// The epoch, from 1.
    pub epoch: u32,
    /// The source.
    pub source: String,
    /// Level where the source gives one, else complexity.
    pub level: String,
    /// Examples.
    pub rows: u64,
    /// Tokens, without padding.
    pub tokens: u64,
    /// Tokens that are trained.
    pub trained_tokens: u64,
}

/// Adds an example to what was trained in an epoch, from 0.
pub fn realise(tally: &mut Vec<Realised>, epoch: u32, item: &Item) {
    let epoch = epoch + 1;
    let key = |each: &Realised| (each.epoch, each.source.clone(), each.level.clone());
    let wanted = (epoch, item.source().to_owned(), item.level().to_owned());
    let at = match tally.binary_search_by(|each| key(each).cmp(&wanted)) {
        Ok(at) => at,
        Err(at) => {
            let (epoch, source, level) = wanted;
            tally.insert(at, Realised { epoch, source, level, rows: 0, tokens: 0, trained_tokens: 0 });
            at
        }
    };
    tally[at].rows += 1;
    tally[at].tokens += item.ids.len() as u64;
    tally[at].trained_tokens += item.trained() as u64;
}
