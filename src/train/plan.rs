//! What a run would do, before anything is paid for it: lengths, steps, padding, tokens, arithmetic, memory.

use std::collections::BTreeMap;

use serde::Serialize;

use super::batches::{self, Cut};
use super::item::{Item, TooLongCount, fit};
use super::memory::{self, Way};
use super::options::{CurriculumKind, Options, TooLong};
use super::run_error::RunError;
use super::sampler::{self, Realised, Sampler};
use super::schedule::Schedule;
use crate::nn::Precision;
use crate::nn::config::ModelConfig;

/// Rows of a histogram.
const BINS: usize = 12;

/// Budgets of tokens that memory is estimated for, beside the run's own.
const BUDGETS: [usize; 4] = [2_048, 4_096, 16_384, 32_768];

/// Lengths of examples, in tokens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lengths {
    /// The shortest.
    pub least: usize,
    /// Half are as long or shorter.
    pub median: usize,
    /// Nine of ten are.
    pub p90: usize,
    /// Ninety-nine of a hundred are.
    pub p99: usize,
    /// The longest.
    pub most: usize,
    /// Mean.
    pub mean: f64,
    /// Examples of at least `from` and at most `to` tokens.
    pub histogram: Vec<Bin>,
}

/// A row of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bin {
    /// Tokens from.
    pub from: usize,
    /// Tokens to, included.
    pub to: usize,
    /// Examples.
    pub rows: usize,
}

/// Trained tokens of the examples of a source and level, once through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The source.
    pub source: String,
    /// Level where the source gives one, else complexity.
    pub level: String,
    /// Examples.
    pub rows: u64,
    /// Tokens.
    pub tokens: u64,
    /// Trained tokens.
    pub trained_tokens: u64,
    /// Trained tokens of the whole run, after weights and curriculum.
    pub realised_trained_tokens: u64,
}

/// What a run would do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// The preset that the options began with.
    pub preset: String,
    /// Examples of the train side.
    pub rows: usize,
    /// Examples that are evaluated on.
    pub validation_rows: usize,
    /// The limit of tokens.
    pub max_len: usize,
    /// Examples above it.
    pub over_long: usize,
    /// What is done with them; with `error` the run would not begin, and the rest of the plan is about the others.
    pub too_long: TooLong,
    /// How many are dropped or truncated.
    pub fitted: TooLongCount,
    /// Lengths of all examples, before the limit is applied.
    pub lengths: Lengths,
    /// Epochs that are begun.
    pub epochs: u32,
    /// Steps of the first epoch.
    pub steps_per_epoch: u64,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Steps of warm-up.
    pub warmup_steps: u64,
    /// Micro-batches of all steps.
    pub micro_batches: u64,
    /// Tokens of all steps, without padding.
    pub tokens: u64,
    /// Those that are trained.
    pub trained_tokens: u64,
    /// Share of padding among the tokens of all micro-batches.
    pub padding: f64,
    /// By source and level.
    pub shares: Vec<Share>,
    /// With weights or a curriculum: what each epoch trains.
    pub realised: Vec<Realised>,
    /// Examples without a value of the curriculum's label, which count as the hardest.
    pub unclassed: usize,
    /// Share of trained tokens that stand in slots; none where the answers of a source share no template.
    pub slot_share: Option<f64>,
    /// Share of trained tokens that all answers of their source share.
    pub template_share: Option<f64>,
    /// Numbers of the model.
    pub parameters: u64,
    /// Numbers that are trained.
    pub trained_parameters: u64,
    /// Floating-point operations of all steps.
    pub flops: f64,
    /// Bytes at several budgets of a micro-batch, with the run's own options.
    pub memory: Vec<Way>,
    /// Bytes at the run's own budget, with other options.
    pub ways: Vec<Way>,
}

/// Plans a run over examples of any length.
///
/// # Errors
/// [`RunError::Option`]; [`RunError::Nothing`] where no example is left.
pub fn plan(
    train: Vec<Item>,
    validation_rows: usize,
    options: &Options,
    config: &ModelConfig,
) -> Result<Plan, RunError> {
    options.check()?;
    if train.is_empty() {
        return Err(RunError::Nothing("there is no example on the train side".to_owned()));
    }
    let rows = train.len();
    let lengths = lengths_of(&train);
    let over_long = train.iter().filter(|item| item.ids.len() > options.max_len).count();
    // A plan of what is left says more than a refusal, unless nothing is.
    let policy = match options.too_long {
        TooLong::Error if over_long < rows => TooLong::Drop,
        policy => policy,
    };
    let (items, fitted) = fit(train, options.max_len, policy)?;
    let sampler = Sampler::new(&items, options)?;
    let steps = sampler.total_steps();
    let tally = Tally::of(&items, &sampler, options);
    let trained: usize = items.iter().map(Item::trained).sum();
    let slots = items.iter().filter_map(|item| item.slots.as_ref()).flatten();
    let (slot, template) = slots.fold(
        (0u64, 0u64),
        |(slot, template), is_slot| {
            if *is_slot { (slot + 1, template) } else { (slot, template + 1) }
        },
    );
    // Where nothing is shared, all of it stands in slots, and that says nothing.
    let share = |part: u64| (template > 0 && trained > 0).then(|| part as f64 / trained as f64);
    let own = Way {
        flags: match options.precision {
            Precision::Auto => "as planned, in bf16 as on CUDA".to_owned(),
            _ => "as planned".to_owned(),
        },
        micro_tokens: options.micro_tokens,
        bytes: memory::bytes(config, options, options.micro_tokens),
    };
    let mut budgets: Vec<usize> = BUDGETS.into_iter().chain([options.micro_tokens]).collect();
    budgets.sort_unstable();
    budgets.dedup();
    let memory = budgets.into_iter().map(|micro_tokens| Way {
        micro_tokens,
        bytes: memory::bytes(config, options, micro_tokens),
        flags: own.flags.clone(),
    });
    let plain = options.weights.is_empty() && options.curriculum.kind == CurriculumKind::None;
    Ok(Plan {
        preset: options.preset.clone(),
        rows,
        validation_rows,
        max_len: options.max_len,
        over_long,
        too_long: options.too_long,
        fitted: if options.too_long == TooLong::Error { TooLongCount::default() } else { fitted },
        lengths,
        epochs: tally.epochs,
        steps_per_epoch: sampler.steps(0),
        steps,
        warmup_steps: Schedule::new(options, steps).warmup_steps,
        micro_batches: tally.micro_batches,
        tokens: tally.tokens,
        trained_tokens: tally.trained_tokens,
        padding: batches::padding_share(tally.tokens, tally.padded_tokens),
        shares: shares(&items, &tally.realised),
        realised: if plain { Vec::new() } else { tally.realised },
        unclassed: sampler.unclassed(),
        slot_share: share(slot),
        template_share: share(template),
        parameters: config.parameters(),
        trained_parameters: memory::trained_parameters(config, &options.trained),
        flops: tally.rows_made.iter().zip(&items).fold(0.0, |sum, (times, item)| {
            sum + *times as f64 * memory::flops(config, options, item.ids.len(), item.trained())
        }),
        memory: memory.collect(),
        ways: memory::ways(config, options, options.micro_tokens),
    })
}

/// The micro-batches of all steps of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batched {
    /// How many.
    pub micro_batches: u64,
    /// Their tokens, without padding.
    pub tokens: u64,
    /// With it.
    pub padded_tokens: u64,
}

/// The micro-batches that a run over examples would cut.
///
/// # Errors
/// As [`Sampler::new`].
pub fn batched(items: &[Item], options: &Options) -> Result<Batched, RunError> {
    let Tally { micro_batches, tokens, padded_tokens, .. } = Tally::of(items, &Sampler::new(items, options)?, options);
    Ok(Batched { micro_batches, tokens, padded_tokens })
}

/// What the steps come to.
struct Tally {
    epochs: u32,
    lengths: Vec<usize>,
    rows_made: Vec<u64>,
    micro_batches: u64,
    tokens: u64,
    padded_tokens: u64,
    trained_tokens: u64,
    realised: Vec<Realised>,
}

impl Tally {
    fn of(items: &[Item], sampler: &Sampler, options: &Options) -> Tally {
        let steps = sampler.total_steps();
        let mut tally = Tally {
            epochs: 0,
            lengths: items.iter().map(|item| item.ids.len()).collect(),
            rows_made: vec![0; items.len()],
            micro_batches: 0,
            tokens: 0,
            padded_tokens: 0,
            trained_tokens: 0,
            realised: Vec::new(),
        };
        let mut made = 0;
        while made < steps {
            let order = sampler.epoch(tally.epochs);
            for rows in batches::steps(&order, &tally.lengths, options.batch_rows, options.length_window) {
                if made == steps {
                    break;
                }
                made += 1;
                tally.step(&rows, items, options);
            }
            tally.epochs += 1;
        }
        tally
    }

    fn step(&mut self, rows: &[usize], items: &[Item], options: &Options) {
        let pack_tokens = options.packing.then_some(options.max_len);
        let cut = Cut { budget_tokens: options.micro_tokens, cost_tokens: options.micro_cost_tokens, pack_tokens };
        for micro in cut.micros(rows, &self.lengths) {
            self.micro_batches += 1;
            self.padded_tokens += micro.padded_tokens() as u64;
        }
        for at in rows {
            self.rows_made[*at] += 1;
            self.tokens += self.lengths[*at] as u64;
            self.trained_tokens += items[*at].trained() as u64;
            sampler::realise(&mut self.realised, self.epochs, &items[*at]);
        }
    }
}

fn shares(items: &[Item], realised: &[Realised]) -> Vec<Share> {
    let mut out: BTreeMap<(&str, &str), Share> = BTreeMap::new();
    for item in items {
        let key = (item.source(), item.level());
        let share = out.entry(key).or_insert_with(|| Share {
            source: key.0.to_owned(),
            level: key.1.to_owned(),
            rows: 0,
            tokens: 0,
            trained_tokens: 0,
            realised_trained_tokens: 0,
        });
        share.rows += 1;
        share.tokens += item.ids.len() as u64;
        share.trained_tokens += item.trained() as u64;
    }
    for each in realised {
        if let Some(share) = out.get_mut(&(each.source.as_str(), each.level.as_str())) {
            share.realised_trained_tokens += each.trained_tokens;
        }
    }
    out.into_values().collect()
}

/// Lengths of examples; there is at least one.
fn lengths_of(items: &[Item]) -> Lengths {
    let mut all: Vec<usize> = items.iter().map(|item| item.ids.len()).collect();
    all.sort_unstable();
    let at = |share: f64| all[((all.len() - 1) as f64 * share).round() as usize];
    let most = all[all.len() - 1];
    let width = step_of((most - all[0] + 1).div_ceil(BINS));
    let mut histogram = Vec::new();
    let mut from = all[0] / width * width;
    while from <= most {
        let to = from + width - 1;
        let rows = all.partition_point(|length| *length <= to) - all.partition_point(|length| *length < from);
        histogram.push(Bin { from, to, rows });
        from += width;
    }
    Lengths {
        least: all[0],
        median: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        most,
        mean: all.iter().sum::<usize>() as f64 / all.len() as f64,
        histogram,
    }
}

/// The next of 1, 2, 5, 10, 20, 50 .. that is not below a width.
fn step_of(width: usize) -> usize {
    let mut power = 1;
    loop {
        for factor in [1, 2, 5] {
            if factor * power >= width {
                return factor * power;
            }
        }
        power *= 10;
    }
}
