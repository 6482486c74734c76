//! `train plan`.

use std::fmt::Write as _;

use super::flags::{options, shape};
use super::{base_of, contract, dataset};
use crate::cli::args::TrainPlanArgs;
use crate::cli::draw::{table, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::train::item::TooLongCount;
use crate::train::memory::{self, gigabytes};
use crate::train::options::{Options, TooLong};
use crate::train::plan::{self, Plan};
use crate::train::prepare;

/// Says what a run would do.
///
/// # Errors
/// As the data and the options.
pub fn plan(session: &Session, args: &TrainPlanArgs) -> Result<(), Failure> {
    let options = options(&args.flags)?;
    let tokens = &args.flags.tokens;
    let dataset = dataset(session, &args.data)?;
    let (tokenizer, contract) = contract(session, &args.data, tokens, options.max_len, &dataset)?;
    let config = match &args.data.base {
        Some(base) => base_of(base)?.1,
        None if tokens.from_scratch => shape(&args.flags, &options).model(&tokenizer)?,
        None => {
            session
                .note("without --base parameters, arithmetic and memory are those of the shape of deepseek-coder-1.3b");
            memory::seed_shape()
        }
    };
    let sides = prepare::sides(&dataset, &contract, &tokenizer)?;
    let validation_rows = sides.validation.len();
    let plan = plan::plan(sides.train, validation_rows, &options, &config)?;
    if session.json {
        return session.print_json(&plan);
    }
    session.print(text(session, &plan, &options))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn text(session: &Session, plan: &Plan, options: &Options) -> String {
    let mut out = String::new();
    let lengths = &plan.lengths;
    let _ = writeln!(
        out,
        "{} train examples, {} of validation; tokens: {} to {}, median {}, mean {:.0}, 90 % up to {}, 99 % up to {}",
        thousands(plan.rows as u64),
        thousands(plan.validation_rows as u64),
        thousands(lengths.least as u64),
        thousands(lengths.most as u64),
        thousands(lengths.median as u64),
        lengths.mean,
        thousands(lengths.p90 as u64),
        thousands(lengths.p99 as u64),
    );
    let most = lengths.histogram.iter().map(|bin| bin.rows).max().unwrap_or(1).max(1);
    for bin in &lengths.histogram {
        let bar = "█".repeat((bin.rows * 40).div_ceil(most));
        let _ = writeln!(out, "  {:>6}..{:<6} {:>7}  {bar}", bin.from, bin.to, thousands(bin.rows as u64));
    }
    if plan.over_long > 0 {
        let TooLongCount { dropped, truncated, without_answer } = plan.fitted;
        let what: Vec<String> = match plan.too_long {
            TooLong::Error => vec![
                "the run would not begin (`--too-long drop` or `truncate`, or a higher --max-len); the rest is about the others"
                    .to_owned(),
            ],
            _ => [
                (dropped, "dropped"),
                (truncated, "cut, their end token with them"),
                (without_answer, "dropped, since their prompt alone fills it"),
            ]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{} {what}", thousands(count as u64)))
            .collect(),
        };
        let _ = writeln!(
            out,
            "{} longer than {}: {}",
            thousands(plan.over_long as u64),
            thousands(plan.max_len as u64),
            what.join("; ")
        );
    }
    if plan.unclassed > 0 {
        let _ = writeln!(
            out,
            "{} have no {}: in the curriculum they count as the hardest",
            thousands(plan.unclassed as u64),
            options.curriculum.by
        );
    }
    let _ = writeln!(
        out,
        "\n{} steps of {} examples: {} epochs of {}, {} of warm-up; {} micro-batches of at most {} tokens, {} padding",
        thousands(plan.steps),
        options.batch_rows,
        plan.epochs,
        thousands(plan.steps_per_epoch),
        thousands(plan.warmup_steps),
        thousands(plan.micro_batches),
        thousands(options.micro_tokens as u64),
        percent(plan.padding),
    );
    let _ = writeln!(
        out,
        "{} tokens, {} of them trained ({}){}",
        thousands(plan.tokens),
        thousands(plan.trained_tokens),
        percent(plan.trained_tokens as f64 / plan.tokens.max(1) as f64),
        match (plan.template_share, plan.slot_share) {
            (Some(template), Some(slot)) => format!(
                ": {} constant tokens of a template, {} in its slots, {} of sources whose answers share none",
                percent(template),
                percent(slot),
                percent((1.0 - template - slot).max(0.0))
            ),
            _ => String::new(),
        }
    );
    let _ = writeln!(
        out,
        "{} of {} parameters are trained; {:.3e} floating-point operations",
        thousands(plan.trained_parameters),
        thousands(plan.parameters),
        plan.flops
    );
    let rows: Vec<Vec<String>> = plan
        .shares
        .iter()
        .map(|share| {
            vec![
                share.source.clone(),
                share.level.clone(),
                thousands(share.rows),
                thousands(share.tokens),
                thousands(share.trained_tokens),
                thousands(share.realised_trained_tokens),
                percent(share.realised_trained_tokens as f64 / plan.trained_tokens.max(1) as f64),
            ]
        })
        .collect();
    let head = ["source", "level", "rows", "tokens", "trained", "trained in all", "share"];
    let _ = write!(out, "\n{}", table(&head, &rows, session.width));
    if !plan.realised.is_empty() {
        let rows: Vec<Vec<String>> = plan
            .realised
            .iter()
            .map(|each| {
                vec![
                    each.epoch.to_string(),
                    each.source.clone(),
                    each.level.clone(),
                    thousands(each.rows),
                    thousands(each.tokens),
                    thousands(each.trained_tokens),
                ]
            })
            .collect();
        let head = ["epoch", "source", "level", "rows", "tokens", "trained"];
        let _ = write!(out, "\n{}", table(&head, &rows, session.width));
    }
    let rows = plan.memory.iter().chain(&plan.ways);
    let rows: Vec<Vec<String>> =
        rows.map(|way| vec![thousands(way.micro_tokens as u64), gigabytes(way.bytes), way.flags.clone()]).collect();
    let _ = write!(out, "\n{}", table(&["tokens per micro-batch", "memory, estimated", "how"], &rows, session.width));
    out
}
