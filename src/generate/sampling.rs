//! Which token comes next: the likeliest, or one drawn from what temperature, top-k and top-p leave.
//!
//! All sums are of 64-bit floats in the order of token ids, so a row of logits gives the same choice in every batch. A draw
//! depends on seed, key of the item and position alone: the generator counts, it has no state that others move.

use rustc_hash::FxHashSet;
use sha2::{Digest, Sha256};

/// What is drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filter {
    /// Logits are divided by it; above 0. 1 is the model's own distribution.
    pub temperature: f64,
    /// Only so many likeliest tokens, at least 1.
    pub top_k: Option<usize>,
    /// Only the likeliest tokens that together reach this probability (Holtzman et al. 2020), above 0, at most 1.
    pub top_p: Option<f64>,
}

/// The likeliest token; of equals the smallest id. None where no logit is a number that can be compared.
///
/// # Shapes
/// `logits`: vocabulary.
pub fn argmax(logits: &[f32]) -> Option<u32> {
    let mut best: Option<(usize, f32)> = None;
    for (id, logit) in logits.iter().enumerate() {
        if best.map_or(*logit > f32::NEG_INFINITY, |(_, most)| *logit > most) {
            best = Some((id, *logit));
        }
    }
    best.map(|(id, _)| id as u32)
}

/// Logarithm of the sum of exponentials of logits, each divided by the temperature; not finite where one is infinite or
/// no number.
///
/// # Shapes
/// `logits`: vocabulary.
pub fn log_sum_exp(logits: &[f32], temperature: f64) -> f64 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if !most.is_finite() {
        return f64::NAN;
    }
    let most = f64::from(most) / temperature;
    most + logits.iter().map(|logit| (f64::from(*logit) / temperature - most).exp()).sum::<f64>().ln()
}

/// Log-probability of a token, in nats, under softmax of the logits as they are.
///
/// # Shapes
/// `logits`: vocabulary.
pub fn log_probability(logits: &[f32], token: u32) -> f64 {
    logits.get(token as usize).map_or(f64::NEG_INFINITY, |logit| f64::from(*logit) - log_sum_exp(logits, 1.0))
}

/// Tokens that may be drawn with their probabilities, which sum to 1, by id. Temperature first, then top-k, then top-p over
/// what top-k left; equally likely tokens stay in the order of their ids.
///
/// # Shapes
/// `logits`: vocabulary.
pub fn probabilities(logits: &[f32], filter: &Filter) -> Vec<(u32, f64)> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |logit: f32| ((f64::from(logit) - f64::from(most)) / filter.temperature).exp();
    let mut kept: Vec<(u32, f64)> = logits
        .iter()
        .enumerate()
        .filter(|(_, logit)| **logit > f32::NEG_INFINITY)
        .map(|(id, logit)| (id as u32, weight(*logit)))
        .collect();
    let likelier = |a: &(u32, f64), b: &(u32, f64)| {
        let (first, second) = (logits[a.0 as usize], logits[b.0 as usize]);
        second.total_cmp(&first).then(a.0.cmp(&b.0))
    };
    if let Some(k) = filter.top_k.filter(|k| *k < kept.len()) {
        kept.select_nth_unstable_by(k, likelier);
        kept.truncate(k);
    }
    if let Some(p) = filter.top_p.filter(|p| *p < 1.0) {
        kept.sort_unstable_by(likelier);
        let all: f64 = kept.iter().map(|(_, weight)| weight).sum();
        let mut reached = 0.0;
        let enough = kept.iter().position(|(_, weight)| {
            reached += weight;
            reached >= p * all
        });
        kept.truncate(enough.map_or(kept.len(), |last| last + 1));
    }
    kept.sort_unstable_by_key(|(id, _)| *id);
    let all: f64 = kept.iter().map(|(_, weight)| weight).sum();
    kept.iter_mut().for_each(|(_, weight)| *weight /= all);
    kept
}

/// The token whose share of 0 to 1, laid out by id, holds `uniform`. None where there is none to draw.
pub fn draw(probabilities: &[(u32, f64)], uniform: f64) -> Option<u32> {
    let mut reached = 0.0;
    for (id, probability) in probabilities {
        reached += probability;
        if uniform < reached {
            return Some(*id);
        }
    }
    // Rounding may leave the sum a hair under 1.
    probabilities.last().map(|(id, _)| *id)
}

/// The stream of numbers that belongs to an item.
pub fn stream(seed: u64, key: &str) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(seed.to_le_bytes());
    hasher.update(key.as_bytes());
    let digest = hasher.finalize();
    let mut first = [0u8; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(first)
}

/// A number from 0 to under 1, of 53 random bits, at a position of a stream: SplitMix64 (Steele et al. 2014) reached by
/// counting.
pub fn uniform(stream: u64, position: u64) -> f64 {
    let mut bits = stream.wrapping_add(position.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^= bits >> 31;
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// Makes tokens that were seen less likely: a logit above 0 is divided by the penalty, another multiplied with it
/// (Keskar et al. 2019).
///
/// # Shapes
/// `logits`: vocabulary.
pub fn penalise(logits: &mut [f32], seen: &FxHashSet<u32>, penalty: f64) {
    for id in seen {
        if let Some(logit) = logits.get_mut(*id as usize) {
            let value = f64::from(*logit);
            *logit = if value > 0.0 { value / penalty } else { value * penalty } as f32;
        }
    }
}

/// The `count` likeliest tokens with their log-probabilities, likeliest first, of equals the smallest id first.
///
/// # Shapes
/// `logits`: vocabulary.
pub fn likeliest(logits: &[f32], count: usize) -> Vec<(u32, f64)> {
    let all = log_sum_exp(logits, 1.0);
    let mut ids: Vec<u32> = (0..logits.len() as u32).filter(|id| logits[*id as usize] > f32::NEG_INFINITY).collect();
    let likelier = |a: &u32, b: &u32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
    if count < ids.len() {
        ids.select_nth_unstable_by(count, likelier);
        ids.truncate(count);
    }
    ids.sort_unstable_by(likelier);
    ids.into_iter().map(|id| (id, f64::from(logits[id as usize]) - all)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Filter = Filter { temperature: 1.0, top_k: None, top_p: None };

    fn logits(shares: &[f64]) -> Vec<f32> {
        shares.iter().map(|share| share.ln() as f32).collect()
    }

    fn close(found: &[(u32, f64)], wanted: &[(u32, f64)]) {
        assert_eq!(found.len(), wanted.len(), "{found:?} {wanted:?}");
        for (a, b) in found.iter().zip(wanted) {
            assert!(a.0 == b.0 && (a.1 - b.1).abs() < 1e-7, "{found:?} {wanted:?}");
        }
    }

    #[test]
    fn ties_go_to_the_smallest_id_and_what_is_no_number_is_never_chosen() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0, 2.0]), Some(1));
        assert_eq!(argmax(&[f32::NAN, -1.0, f32::NAN]), Some(1));
        assert_eq!(argmax(&[f32::NEG_INFINITY, f32::NAN]), None);
        assert!(log_sum_exp(&[f32::NEG_INFINITY], 1.0).is_nan());
    }

    #[test]
    fn softmax_is_exact_to_rounding_even_of_large_logits() {
        let all = log_sum_exp(&[1000.0, 1000.0], 1.0);
        assert!((all - (1000.0 + 2f64.ln())).abs() < 1e-12);
        close(&probabilities(&logits(&[0.5, 0.3, 0.2]), &PLAIN), &[(0, 0.5), (1, 0.3), (2, 0.2)]);
        let hot = Filter { temperature: 0.5, ..PLAIN };
        close(&probabilities(&logits(&[0.6, 0.3, 0.1]), &hot), &[(0, 0.36 / 0.46), (1, 0.09 / 0.46), (2, 0.01 / 0.46)]);
        assert!((log_probability(&logits(&[0.25, 0.75]), 1) - 0.75f64.ln()).abs() < 1e-7);
    }

    #[test]
    fn top_k_and_top_p_keep_the_fewest_that_are_enough() {
        let row = logits(&[0.1, 0.4, 0.2, 0.3]);
        let k = |k| Filter { top_k: Some(k), ..PLAIN };
        let p = |p| Filter { top_p: Some(p), ..PLAIN };
        close(&probabilities(&row, &k(2)), &[(1, 4.0 / 7.0), (3, 3.0 / 7.0)]);
        assert_eq!(probabilities(&row, &k(9)).len(), 4);
        close(&probabilities(&row, &p(0.39)), &[(1, 1.0)]);
        close(&probabilities(&row, &p(0.41)), &[(1, 4.0 / 7.0), (3, 3.0 / 7.0)]);
        assert_eq!(probabilities(&row, &p(0.85)).len(), 3);
        assert_eq!(probabilities(&row, &p(1.0)).len(), 4);
        // Top-p counts within what top-k left: 0.4 of 0.7 is more than a half.
        close(&probabilities(&row, &Filter { top_k: Some(2), top_p: Some(0.5), ..PLAIN }), &[(1, 1.0)]);
        // Of equals the smallest ids are kept.
        let even = [0.0f32; 6];
        assert_eq!(probabilities(&even, &k(2)).iter().map(|(id, _)| *id).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(probabilities(&even, &p(0.5)).iter().map(|(id, _)| *id).collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn draws_follow_the_probabilities_and_depend_on_seed_key_and_position_alone() {
        let shares = [(3, 0.5), (5, 0.25), (9, 0.25)];
        assert_eq!(draw(&shares, 0.0), Some(3));
        assert_eq!(draw(&shares, 0.5), Some(5));
        assert_eq!(draw(&shares, 0.999), Some(9));
        assert_eq!(draw(&shares, 1.0), Some(9));
        assert_eq!(draw(&[], 0.3), None);
        let own = stream(7, "a");
        assert_eq!(uniform(own, 4), uniform(stream(7, "a"), 4));
        assert!(stream(7, "b") != own && stream(8, "a") != own && uniform(own, 5) != uniform(own, 4));
        let count = 40_000u64;
        let mut met = [0u64; 10];
        for position in 0..count {
            let number = uniform(own, position);
            assert!((0.0..1.0).contains(&number));
            met[draw(&shares, number).expect("there are tokens") as usize] += 1;
        }
        // Five standard deviations of a binomial share.
        for (id, share) in shares {
            let wide = 5.0 * (share * (1.0 - share) * count as f64).sqrt();
            assert!((met[id as usize] as f64 - share * count as f64).abs() < wide, "{met:?}");
        }
    }

    #[test]
    fn what_was_seen_is_made_less_likely() {
        let mut row = [2.0, -2.0, 1.0];
        penalise(&mut row, &[0, 1, 7].into_iter().collect(), 2.0);
        assert_eq!(row, [1.0, -4.0, 1.0]);
    }

    #[test]
    fn the_likeliest_come_in_order() {
        let found = likeliest(&logits(&[0.2, 0.4, 0.2, 0.2]), 3);
        close(&found, &[(1, 0.4f64.ln()), (0, 0.2f64.ln()), (2, 0.2f64.ln())]);
        assert_eq!(likeliest(&[1.0, 2.0], 5).len(), 2);
    }
}
