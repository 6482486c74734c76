//! The order of examples, weights and curricula.

use std::collections::{BTreeMap, BTreeSet};

use scenery::train::options::{Curriculum, CurriculumKind, Options, weight_rules};
use scenery::train::sampler::Sampler;

use super::fake::examples;
use super::options;

fn with(rules: &str, epochs: u32) -> Options {
    let weights = if rules.is_empty() { Vec::new() } else { weight_rules(rules).expect("rules") };
    Options { weights, epochs: Some(epochs), ..options() }
}

#[test]
fn the_seeds_own_run_has_135_steps() {
    let sampler = Sampler::new(&examples(418, 1), &Options::preset("seed").expect("a preset")).expect("a sampler");
    assert_eq!(sampler.steps(0), 27, "the last, partial group of an epoch is a step");
    assert_eq!(sampler.total_steps(), 135);
    let most = Options { max_steps: Some(100), ..Options::preset("seed").expect("a preset") };
    assert_eq!(Sampler::new(&examples(418, 1), &most).expect("a sampler").total_steps(), 100);
    let steps = Options { epochs: None, max_steps: Some(1_000), ..most };
    assert_eq!(Sampler::new(&examples(418, 1), &steps).expect("a sampler").total_steps(), 1_000);
}

#[test]
fn an_epoch_has_every_example_once_in_an_order_of_its_own() {
    let items = examples(50, 1);
    let sampler = Sampler::new(&items, &with("", 3)).expect("a sampler");
    let first = sampler.epoch(0);
    assert_eq!(first, sampler.epoch(0));
    assert_ne!(first, sampler.epoch(1));
    let sorted: BTreeSet<usize> = first.iter().copied().collect();
    assert_eq!((sorted.len(), first.len()), (50, 50));
    let other = Sampler::new(&items, &Options { seed: 1, ..with("", 3) }).expect("a sampler");
    assert_ne!(first, other.epoch(0));
    // The order is one of ids: where an example stands in the list changes nothing.
    let mut turned = items.clone();
    turned.reverse();
    let turned_sampler = Sampler::new(&turned, &with("", 3)).expect("a sampler");
    let ids = |items: &[scenery::train::item::Item], order: Vec<usize>| -> Vec<String> {
        order.into_iter().map(|at| items[at].id.clone()).collect()
    };
    assert_eq!(ids(&items, first), ids(&turned, turned_sampler.epoch(0)));
}

#[test]
fn weights_are_multiplicities_and_halves_take_turns() {
    let items = examples(60, 1);
    let sampler = Sampler::new(&items, &with("source=alpha:2,beta:0.5", 4)).expect("a sampler");
    let counts = |epoch: u32| {
        let mut out: BTreeMap<usize, usize> = BTreeMap::new();
        sampler.epoch(epoch).into_iter().for_each(|at| *out.entry(at).or_default() += 1);
        out
    };
    let of = |source: &str| -> BTreeSet<usize> { (0..60).filter(|at| items[*at].source() == source).collect() };
    let mut halves = Vec::new();
    for epoch in 0..4 {
        let counts = counts(epoch);
        assert!(of("alpha").iter().all(|at| counts.get(at) == Some(&2)));
        assert!(of("gamma").iter().all(|at| counts.get(at) == Some(&1)));
        let half: BTreeSet<usize> = of("beta").into_iter().filter(|at| counts.contains_key(at)).collect();
        assert_eq!(half.len(), 10);
        assert!(half.iter().all(|at| counts[at] == 1));
        halves.push(half);
    }
    assert!(halves[0].is_disjoint(&halves[1]), "another half next epoch");
    assert_eq!(&halves[0] | &halves[1], of("beta"));
    assert_eq!(halves[0], halves[2]);
    let order = sampler.epoch(0);
    assert!(order.windows(2).filter(|pair| pair[0] == pair[1]).count() < 5, "copies do not stand side by side");
    // Keys multiply, and 0 is never.
    let both = Options {
        weights: [weight_rules("source=alpha:0"), weight_rules("complexity=basic:3")]
            .into_iter()
            .flat_map(|rules| rules.expect("rules"))
            .collect(),
        ..with("", 2)
    };
    let sampler = Sampler::new(&items, &both).expect("a sampler");
    let order = sampler.epoch(0);
    assert!(order.iter().all(|at| items[*at].source() != "alpha"));
    let basic = items.iter().filter(|item| item.source() != "alpha" && item.labels["complexity"] == "basic").count();
    let rest = items.iter().filter(|item| item.source() != "alpha").count() - basic;
    assert_eq!(order.len(), 3 * basic + rest);
    let third = Sampler::new(&items, &with("source=alpha:0.3", 10)).expect("a sampler");
    let times: usize =
        (0..10).map(|epoch| third.epoch(epoch).iter().filter(|at| items[**at].source() == "alpha").count()).sum();
    assert_eq!(times, 60, "0.3 of 20 over 10 epochs");
}

#[test]
fn weights_that_say_nothing_are_told_what_there_is() {
    let items = examples(20, 1);
    let refused = |rules: &str| Sampler::new(&items, &with(rules, 2)).expect_err(rules).to_string();
    assert!(refused("source=alfa:2").contains("alpha, beta, gamma"));
    assert!(refused("colour=red:2").contains("complexity, level, source"));
    assert!(refused("source=alpha:2,alpha:3").contains("twice"));
    assert!(refused("source=alpha:0,beta:0,gamma:0").contains("no example"));
    for text in ["source", "source=alpha", "source=alpha:x", "source=alpha:-1", "source=alpha:inf"] {
        let error = weight_rules(text).expect_err(text).to_string();
        assert!(error.contains("source=manimbench:2,thanks:0.5"), "{error}");
    }
    assert!(Sampler::new(&[], &options()).is_err());
}

fn shares(kind: CurriculumKind, epochs: u32) -> Vec<[usize; 3]> {
    let items = examples(210, 1);
    let options = Options { curriculum: Curriculum { kind, ..Curriculum::default() }, ..with("", epochs) };
    options.check().expect("it makes sense");
    let sampler = Sampler::new(&items, &options).expect("a sampler");
    (0..epochs)
        .map(|epoch| {
            let mut out = [0; 3];
            for at in sampler.epoch(epoch) {
                let order = ["basic", "intermediate", "advanced"];
                out[order.iter().position(|word| *word == items[at].labels["complexity"]).expect("a class")] += 1;
            }
            assert_eq!(out.iter().sum::<usize>() as u64, sampler.rows(epoch));
            out
        })
        .collect()
}

#[test]
fn curricula_are_applied() {
    // 90 basic, 60 intermediate, 60 advanced.
    assert_eq!(shares(CurriculumKind::None, 2), [[90, 60, 60]; 2]);
    let staged = shares(CurriculumKind::Staged, 6);
    assert_eq!(staged, [[90, 0, 0], [90, 0, 0], [90, 60, 0], [90, 60, 0], [90, 60, 60], [90, 60, 60]]);
    let ramp = shares(CurriculumKind::Ramp, 4);
    assert_eq!(ramp, [[90, 38, 15], [90, 45, 30], [90, 52, 45], [90, 60, 60]]);
}

#[test]
fn a_curriculum_needs_epochs_and_an_order_of_all_values() {
    let items = examples(30, 1);
    let mut options = with("", 2);
    options.curriculum.kind = CurriculumKind::Staged;
    let error = options.check().expect_err("three stages in two epochs").to_string();
    assert!(error.contains("3 stages") && error.contains("ramp"), "{error}");
    options.epochs = Some(1);
    assert!(options.check().is_err());
    options.epochs = Some(4);
    options.curriculum.set_order("level:foundation,application").expect("an order");
    let sampler = Sampler::new(&items, &options).expect("a sampler");
    assert_eq!(sampler.unclassed(), 20, "those without a level count as the hardest");
    assert_eq!(
        sampler.rows(0),
        items.iter().filter(|item| item.labels.get("level").is_some_and(|level| level == "foundation")).count() as u64
    );
    options.curriculum.set_order("complexity:basic,advanced").expect("an order");
    let error = Sampler::new(&items, &options).expect_err("one is missing").to_string();
    assert!(error.contains("intermediate") && error.contains("--curriculum-by"), "{error}");
    assert!(options.curriculum.set_order("complexity").is_err());
    assert!(options.curriculum.set_order("complexity:basic").is_err());
}
