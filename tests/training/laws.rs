//! Batches and schedule: what is cut how, and that the way it is cut changes no gradient.

use scenery::nn::Learner;
use scenery::train::batches::{self, Cut};
use scenery::train::item::{Item, fit};
use scenery::train::options::{Options, TooLong, twelve_digits};
use scenery::train::run_error::RunError;
use scenery::train::schedule::{Schedule, ScheduleKind};
use scenery::train::{curve, metrics, tensorboard::EventFile};

use super::fake::{Bigram, PAD, examples};
use super::{Setting, options};
use crate::corpus::Scratch;
use crate::query_gen::Rng;

#[test]
fn micro_batches_hold_every_example_once_and_keep_the_budget() {
    let mut rng = Rng::new(5);
    for _ in 0..400 {
        let count = 1 + rng.below(40);
        let lengths: Vec<usize> = (0..count).map(|_| 2 + rng.below(120)).collect();
        let step: Vec<usize> = (0..count).collect();
        let budget_tokens = 20 + rng.below(600);
        let pack_tokens = rng.chance(40).then(|| 40 + rng.below(100));
        let cut = Cut { budget_tokens, cost_tokens: rng.below(100), pack_tokens };
        let micros = cut.micros(&step, &lengths);
        assert_eq!(micros, cut.micros(&step, &lengths));
        let mut seen: Vec<usize> = micros.iter().flat_map(|micro| micro.items().collect::<Vec<_>>()).collect();
        seen.sort_unstable();
        assert_eq!(seen, step);
        let mut before = usize::MAX;
        for micro in &micros {
            let rows: Vec<usize> =
                micro.rows.iter().map(|row| row.iter().map(|at| lengths[*at]).sum::<usize>()).collect();
            assert_eq!(micro.width, rows.iter().copied().max().expect("a row"));
            assert!(micro.padded_tokens() <= budget_tokens || micro.rows.len() == 1, "{micro:?}");
            for (row, used) in micro.rows.iter().zip(&rows) {
                let most = pack_tokens.unwrap_or(0).min(budget_tokens);
                assert!(row.len() == 1 || *used <= most, "{row:?}");
            }
            assert!(micro.width <= before, "the longest come first");
            before = micro.width;
        }
        if pack_tokens.is_none() {
            // No way to cut the sorted rows is cheaper: checked against the plain greedy one.
            let mut sorted = lengths.clone();
            sorted.sort_unstable_by(|a, b| b.cmp(a));
            let (mut greedy, mut at) = (0, 0);
            while at < sorted.len() {
                let rows = (budget_tokens / sorted[at]).clamp(1, sorted.len() - at);
                greedy += rows * sorted[at] + cut.cost_tokens;
                at += rows;
            }
            let ours: usize = micros.iter().map(|micro| micro.padded_tokens() + cut.cost_tokens).sum();
            assert!(ours <= greedy, "{ours} {greedy}");
        }
    }
}

#[test]
fn a_window_regroups_by_length_and_loses_nothing() {
    let mut rng = Rng::new(11);
    let lengths: Vec<usize> = (0..100).map(|_| 2 + rng.below(300)).collect();
    // One example stands twice.
    let order: Vec<usize> = (0..100).map(|at| (at * 37) % 100).chain([4, 5]).collect();
    let plain = batches::steps(&order, &lengths, 8, 1);
    assert_eq!(plain.len(), 13);
    assert_eq!(plain.concat(), order);
    let grouped = batches::steps(&order, &lengths, 8, 4);
    assert_eq!(grouped.len(), 13);
    for (one, two) in plain.chunks(4).zip(grouped.chunks(4)) {
        let sorted = |steps: &[Vec<usize>]| {
            let mut all = steps.concat();
            all.sort_unstable();
            all
        };
        assert_eq!(sorted(one), sorted(two), "a window keeps its examples");
    }
    let padded = |steps: &[Vec<usize>]| -> usize {
        steps.iter().map(|step| step.len() * step.iter().map(|at| lengths[*at]).max().unwrap_or(0)).sum()
    };
    assert!(padded(&grouped) * 10 < padded(&plain) * 8, "{} {}", padded(&grouped), padded(&plain));
}

/// Gradients of a step in one go, as its effect on the weights.
fn stepped(items: &[Item], cut: Cut) -> Vec<f32> {
    let lengths: Vec<usize> = items.iter().map(|item| item.ids.len()).collect();
    let all: Vec<usize> = (0..items.len()).collect();
    let trained: usize = items.iter().map(Item::trained).sum();
    let mut learner = Bigram::new(7);
    for micro in cut.micros(&all, &lengths) {
        learner.accumulate(&micro.batch(items, PAD), trained as f64).expect("it fits");
    }
    // Plain descent would need another learner: the norm and the sums stand for the gradients.
    let outcome = learner.step(0.05).expect("a step");
    let mut out = learner.weights.clone();
    out.push(outcome.grad_norm as f32);
    out
}

#[test]
fn how_a_step_is_cut_changes_no_gradient() {
    let items = examples(16, 3);
    let whole = stepped(&items, Cut { budget_tokens: 100_000, cost_tokens: 100_000, pack_tokens: None });
    for (budget_tokens, pack_tokens) in [(1, None), (50, None), (100, None), (100, Some(80)), (100_000, Some(500))] {
        let other = stepped(&items, Cut { budget_tokens, cost_tokens: 0, pack_tokens });
        for (one, two) in whole.iter().zip(&other) {
            assert!((one - two).abs() < 1e-5, "{budget_tokens} {pack_tokens:?}: {one} {two}");
        }
    }
}

#[test]
fn packing_fills_rows_and_is_the_same_run() {
    let mut plain = Setting::new("plain");
    let (one, learner) = plain.whole();
    let mut packed = Setting::new("packed");
    packed.options.packing = true;
    packed.options.micro_tokens = 512;
    let (two, other) = packed.whole();
    assert!(two.progress.padded_tokens < one.progress.padded_tokens, "{:?} {:?}", one.progress, two.progress);
    assert_eq!(one.progress.tokens, two.progress.tokens);
    for (one, two) in learner.weights.iter().zip(&other.weights) {
        assert!((one - two).abs() < 1e-4, "{one} {two}");
    }
}

#[test]
fn rates_rise_and_fall_as_documented() {
    let with = |kind, warmup_steps| Schedule { kind, peak: 1.0, warmup_steps, total_steps: 10 };
    let rates = |schedule: Schedule| (1..=10).map(|step| schedule.rate(step)).collect::<Vec<f64>>();
    let linear = rates(with(ScheduleKind::Linear, 2));
    assert_eq!(linear[..3], [0.5, 1.0, 1.0]);
    assert!((linear[9] - 0.125).abs() < 1e-12, "{linear:?}");
    let cosine = rates(with(ScheduleKind::Cosine, 0));
    assert_eq!(cosine[0], 1.0);
    assert!((cosine[5] - 0.5).abs() < 1e-12 && cosine[9] > 0.0 && cosine[9] < 0.03, "{cosine:?}");
    assert!(cosine.windows(2).all(|pair| pair[0] > pair[1]));
    assert_eq!(rates(with(ScheduleKind::Constant, 4)), [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    let seed = Options::preset("seed").expect("a preset");
    assert_eq!(Schedule::new(&seed, 135).warmup_steps, 5, "3 % of 135 steps, rounded up");
    let given = Options { warmup_steps: Some(9_000), ..seed };
    assert_eq!(Schedule::new(&given, 135).warmup_steps, 135);
}

#[test]
fn what_is_too_long_is_an_error_unless_something_else_is_asked() {
    let mut items = examples(6, 9);
    items[2].ids = vec![3; 200];
    items[4].ids = vec![3; 90];
    items[5].ids = vec![3; 300];
    (items[2].trained_from, items[4].trained_from, items[5].trained_from) = (4, 5, 250);
    for item in &mut items {
        item.slots = Some(vec![false; item.trained()]);
    }
    let error = fit(items.clone(), 64, TooLong::Error).expect_err("three are too long");
    let RunError::TooLong { count: 3, max_len: 64, rows } = &error else { panic!("{error}") };
    assert_eq!((rows[0].1, rows[1].1, rows[2].1), (300, 200, 90));
    assert!(error.to_string().contains("--too-long drop"), "{error}");
    let (left, done) = fit(items.clone(), 64, TooLong::Drop).expect("dropped");
    assert_eq!((left.len(), done.dropped, done.truncated), (3, 3, 0));
    let (left, done) = fit(items.clone(), 64, TooLong::Truncate).expect("cut");
    assert_eq!((left.len(), done.dropped, done.truncated, done.without_answer), (5, 0, 2, 1));
    for item in left {
        assert!(
            item.ids.len() <= 64 && item.slots.is_some_and(|slots| slots.len() == item.ids.len() - item.trained_from)
        );
    }
    let all = fit(items.clone(), 300, TooLong::Error).expect("it fits");
    assert_eq!((all.0.len(), all.1), (6, Default::default()));
    items[0].trained_from = items[0].ids.len();
    let error = fit(items, 300, TooLong::Error).expect_err("no trained token").to_string();
    assert!(error.contains("no trained token"), "{error}");
}

#[test]
fn options_that_make_no_sense_are_told_with_their_flag() {
    let wrong = |change: &dyn Fn(&mut Options), word: &str| {
        let mut options = options();
        change(&mut options);
        let error = options.check().expect_err(word).to_string();
        assert!(error.contains(word), "{error}");
    };
    wrong(&|options| options.epochs = None, "--epochs or --max-steps");
    wrong(&|options| options.batch_rows = 0, "--batch 0");
    wrong(&|options| options.learning_rate = f64::NAN, "--lr");
    wrong(&|options| options.warmup_ratio = 1.0, "--warmup 1");
    wrong(&|options| options.optimiser.beta2 = 1.0, "--beta2 1");
    wrong(&|options| options.optimiser.clip = Some(0.0), "--clip 0");
    wrong(&|options| options.optimiser.weight_decay = -0.1, "--weight-decay");
    wrong(&|options| (options.trained, options.nf4) = (scenery::nn::Trained::Full, true), "--nf4");
    wrong(&|options| options.keep = 0, "--keep 0");
    let error = Options::preset("sed").expect_err("no preset").to_string();
    assert!(error.contains("default, scratch, seed"), "{error}");
    for (name, _) in scenery::train::options::PRESETS {
        let preset = Options::preset(name).expect("a preset");
        preset.check().expect("a preset makes sense");
        let text = serde_json::to_string(&preset).expect("JSON");
        let back: Options = serde_json::from_str(&text).expect("read back");
        assert_eq!(back, preset);
        assert!(preset.differences(&back).is_empty());
    }
}

#[test]
fn numbers_of_twelve_digits_come_back_from_json_bit_for_bit() {
    let mut rng = Rng::new(3);
    for _ in 0..20_000 {
        let wide = (rng.below(1 << 52) as f64 + 1.0) / (1u64 << 40) as f64;
        let value = twelve_digits(wide * 10f64.powi(rng.between(-9, 4) as i32));
        let text = serde_json::to_string(&value).expect("JSON");
        let back: f64 = serde_json::from_str(&text).expect("JSON");
        assert_eq!(back.to_bits(), value.to_bits(), "{text}");
    }
    assert_eq!(twelve_digits(1e-4), 1e-4);
    assert!((twelve_digits(1.0 / 3.0) - 1.0 / 3.0).abs() < 1e-12);
    let odd = Options { learning_rate: 1.0 / 3000.0, ..options() }.kept_exactly();
    let back: Options = serde_json::from_str(&serde_json::to_string(&odd).expect("JSON")).expect("JSON");
    assert_eq!(back, odd);
}

#[test]
fn the_curve_has_the_same_bytes_each_time_and_shows_both_sides() {
    let mut setting = Setting::new("curve");
    setting.whole();
    let lines = metrics::read(setting.scratch.path()).expect("metrics");
    let picture = curve::svg(&lines);
    assert_eq!(picture, curve::svg(&lines));
    assert_eq!(picture, setting.read("loss.svg"));
    for word in ["<svg", "train, smoothed", "validation", "learning rate", "loss, nats per trained token"] {
        assert!(picture.contains(word), "{word}");
    }
    let training: Vec<metrics::Line> = lines.into_iter().filter(|line| !line.validation).collect();
    assert!(!curve::svg(&training).contains("validation"));
    assert!(curve::svg(&training[..1]).contains("<svg"));
}

/// The payloads of an event file, after both sums of each record were checked.
fn records(bytes: &[u8]) -> Vec<Vec<u8>> {
    let masked = |bytes: &[u8]| crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8);
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes")) as usize;
        assert_eq!(number(&bytes[at + 8..at + 12]), masked(&bytes[at..at + 8]));
        let payload = &bytes[at + 12..at + 12 + length];
        assert_eq!(number(&bytes[at + 12 + length..at + 16 + length]), masked(payload));
        out.push(payload.to_vec());
        at += 16 + length;
    }
    out
}

#[test]
fn event_files_are_whole_records_and_a_resume_begins_another() {
    let folder = Scratch::new("events");
    let mut file = EventFile::begin(folder.path(), 1_700_000_000.5, None).expect("a file");
    file.scalars(1_700_000_001.0, 300, &[("train/loss".to_owned(), 0.5), ("train/lr".to_owned(), 2.0)])
        .expect("written");
    let first = folder.join("events.out.tfevents.1700000000.scenery");
    let payloads = records(&std::fs::read(&first).expect("the file"));
    assert_eq!(payloads.len(), 2);
    let mut wanted = vec![9];
    wanted.extend(1_700_000_001.0f64.to_le_bytes());
    // Step 300, a summary of two values: tag and simple_value of each.
    wanted.extend([16, 0xac, 2, 42, 36, 10, 17, 10, 10]);
    wanted.extend(b"train/loss\x15");
    wanted.extend(0.5f32.to_le_bytes());
    wanted.extend([10, 15, 10, 8]);
    wanted.extend(b"train/lr\x15");
    wanted.extend(2.0f32.to_le_bytes());
    assert_eq!(payloads[1], wanted);
    EventFile::begin(folder.path(), 1_700_000_000.9, Some(300)).expect("another file");
    let second = folder.join("events.out.tfevents.1700000000.scenery.1");
    let payloads = records(&std::fs::read(second).expect("the file"));
    assert_eq!(payloads.len(), 2, "what came after step 300 is to be forgotten");
}
