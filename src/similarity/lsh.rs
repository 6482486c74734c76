//! Locality-sensitive hashing: the pairs that may be alike, found without looking at all pairs.
//!
//! Signatures are cut into bands of some values each (Indyk, Motwani 1998; Leskovec, Rajaraman, Ullman, Mining of Massive
//! Datasets, chapter 3); two sets are candidates where all values of some band agree. A band of at most 8 values of a byte
//! is a number, so the places of all sets sorted by it have the candidates side by side; no hash map is made. How many
//! values a band has follows from the threshold and the wanted recall ([`Bands::choose`]).
//!
//! Candidates whose signatures agree too seldom to be alike are dropped at once; what is left is checked exactly.

use rayon::prelude::*;

use super::join::Pair;
use super::minhash::{Signature, VALUES};
use super::shingles::{Shingles, sizes_allow};
use super::union::Union;

/// Most values of a band: they are a `u64` then.
const MOST_ROWS: usize = 8;

/// How often a pair at the threshold may be dropped because its signatures agree too seldom.
const TAIL: f64 = 1e-6;

/// How signatures are cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bands {
    /// Likeness from which pairs are wanted.
    pub threshold: f64,
    /// How many bands.
    pub bands: usize,
    /// Values of each.
    pub rows: usize,
    /// In how many values of [`VALUES`] a pair agrees at least.
    pub agreeing: u32,
    /// The share of pairs as alike as the threshold that is found; of pairs that are more alike more.
    pub recall: f64,
}

impl Bands {
    /// The longest bands that find so large a share (`recall`, under 1) of the pairs that are just as alike as `threshold`.
    ///
    /// A pair of likeness `s` is a candidate with probability `1 - (1 - s^rows)^bands`.
    pub fn choose(threshold: f64, recall: f64) -> Bands {
        let agreeing = least_agreeing(threshold);
        let tail = binomial_below(agreeing, threshold);
        let of = |rows: usize| {
            let bands = VALUES / rows;
            let found = 1.0 - (1.0 - threshold.powi(rows as i32)).powi(bands as i32);
            Bands { threshold, bands, rows, agreeing, recall: found - tail }
        };
        (2..=MOST_ROWS).rev().map(of).find(|bands| bands.recall >= recall).unwrap_or_else(|| of(1))
    }

    /// The values of a band as a number.
    fn key(&self, signature: &Signature, band: usize) -> u64 {
        let mut bytes = [0u8; MOST_ROWS];
        bytes[..self.rows].copy_from_slice(&signature.0[band * self.rows..(band + 1) * self.rows]);
        u64::from_le_bytes(bytes)
    }
}

/// The probability that fewer than `count` of [`VALUES`] values agree, where each does so with probability `p`.
fn binomial_below(count: u32, p: f64) -> f64 {
    if p >= 1.0 {
        return 0.0;
    }
    let mut term = (1.0 - p).powi(VALUES as i32);
    let mut sum = 0.0;
    for at in 0..count {
        sum += term;
        term *= f64::from(VALUES as u32 - at) / f64::from(at + 1) * p / (1.0 - p);
    }
    sum
}

/// The greatest count under which a pair at the threshold stays only once in a million.
fn least_agreeing(threshold: f64) -> u32 {
    (0..=VALUES as u32).rev().find(|count| binomial_below(*count, threshold) <= TAIL).unwrap_or(0)
}

/// A set that candidates are looked for among.
#[derive(Clone, Copy, Debug)]
pub struct Sketch {
    /// Its signature.
    pub signature: Signature,
    /// How many members it has.
    pub size: u32,
    /// Whether it is looked at for the first time: pairs of two that are not are left out.
    pub fresh: bool,
}

impl Sketch {
    /// The sketch of a set, fresh; `None` of an empty one.
    pub fn of(set: &Shingles) -> Option<Sketch> {
        let size = u32::try_from(set.len()).unwrap_or(u32::MAX);
        Signature::of(set).map(|signature| Sketch { signature, size, fresh: true })
    }
}

/// The pairs that may be alike, each once, the smaller place first, in order.
pub fn candidates(sketches: &[Sketch], bands: &Bands) -> Vec<(u32, u32)> {
    let mut found: Vec<(u32, u32)> = (0..bands.bands)
        .into_par_iter()
        .flat_map_iter(|band| {
            let mut keys: Vec<(u64, u32)> = sketches
                .iter()
                .enumerate()
                .map(|(place, sketch)| (bands.key(&sketch.signature, band), place as u32))
                .collect();
            keys.sort_unstable();
            let mut out = Vec::new();
            for group in keys.chunk_by(|one, two| one.0 == two.0) {
                for (at, (_, left)) in group.iter().enumerate() {
                    for (_, right) in &group[at + 1..] {
                        if may_be_alike(&sketches[*left as usize], &sketches[*right as usize], bands, band) {
                            out.push((*left, *right));
                        }
                    }
                }
            }
            out
        })
        .collect();
    found.par_sort_unstable();
    found
}

/// Whether two sets that agree in a band are worth a look, and none of the bands before has them.
fn may_be_alike(left: &Sketch, right: &Sketch, bands: &Bands, band: usize) -> bool {
    (left.fresh || right.fresh)
        && left.signature.agreeing(&right.signature) >= bands.agreeing
        && sizes_allow(left.size as usize, right.size as usize, bands.threshold)
        && (0..band).all(|before| bands.key(&left.signature, before) != bands.key(&right.signature, before))
}

/// Members of the sets that are held at a time: 64 MB for either side.
const HELD: u64 = 8 << 20;

/// Gives the sets of places, in their order.
pub type Load<'a, E> = dyn Fn(&[u32]) -> Result<Vec<Shingles>, E> + 'a;

/// Checks candidates exactly, and returns those that are as alike as the threshold says, in their order. `load` gives the
/// sets of places; sets are asked for in parts, so that never all of them are in memory.
///
/// # Errors
/// As `load`.
pub fn check<E>(
    sketches: &[Sketch],
    candidates: &[(u32, u32)],
    threshold: f64,
    load: &Load<'_, E>,
) -> Result<Vec<Pair>, E> {
    // Places that candidates lead to from one another stand side by side, so that nearly all pairs lie within a part.
    let mut union = Union::new(sketches.len());
    candidates.iter().for_each(|(left, right)| union.join(*left, *right));
    let mut places: Vec<(u32, u32)> = Vec::with_capacity(candidates.len() * 2);
    for place in candidates.iter().flat_map(|(left, right)| [*left, *right]) {
        places.push((union.root(place), place));
    }
    places.sort_unstable();
    places.dedup();
    // Of each place the part it is in, and where in it.
    let mut seats: rustc_hash::FxHashMap<u32, (u32, u32)> = rustc_hash::FxHashMap::default();
    let mut parts: Vec<Vec<u32>> = vec![Vec::new()];
    let mut held = 0u64;
    for (_, place) in places {
        if held > HELD {
            parts.push(Vec::new());
            held = 0;
        }
        held += u64::from(sketches[place as usize].size);
        let part = parts.len() - 1;
        seats.insert(place, (part as u32, parts[part].len() as u32));
        parts[part].push(place);
    }
    let seat = |place: &u32| seats[place];
    let mut order: Vec<((u32, u32), (u32, u32))> = candidates
        .iter()
        .copied()
        .map(|pair| {
            let (left, right) = (seat(&pair.0).0, seat(&pair.1).0);
            ((left.min(right), left.max(right)), pair)
        })
        .collect();
    order.par_sort_unstable();
    let mut found: Vec<Pair> = Vec::new();
    let mut loaded: Option<(u32, Vec<Shingles>)> = None;
    for run in order.chunk_by(|one, two| one.0 == two.0) {
        let (first, second) = run[0].0;
        if loaded.as_ref().is_none_or(|(part, _)| *part != first) {
            // The sets of the part before go first.
            drop(loaded.take());
            loaded = Some((first, load(&parts[first as usize])?));
        }
        let here = loaded.as_ref().map_or(&[][..], |(_, sets)| sets);
        let other = if first == second { None } else { Some(load(&parts[second as usize])?) };
        let set = |place: &u32| {
            let (part, at) = seat(place);
            let sets = if part == first { here } else { other.as_deref().unwrap_or(here) };
            &sets[at as usize]
        };
        found.par_extend(run.par_iter().filter_map(|(_, (left, right))| {
            let similarity = set(left).at_least(set(right), threshold)?;
            Some(Pair { left: *left, right: *right, similarity })
        }));
    }
    found.par_sort_unstable_by_key(|pair| (pair.left, pair.right));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::join;
    use super::*;

    #[test]
    fn bands_follow_from_threshold_and_recall() {
        for (threshold, recall, expected) in
            [(0.85, 0.9995, (21, 6)), (0.8, 0.9995, (25, 5)), (0.7, 0.999, (32, 4)), (0.95, 0.9995, (16, 8))]
        {
            let found = Bands::choose(threshold, recall);
            assert_eq!((found.bands, found.rows), expected, "at {threshold}");
            assert!(found.recall >= recall && found.recall < 1.0 + f64::EPSILON);
            // One value more would find too few.
            let rows = found.rows as i32 + 1;
            let longer = 1.0 - (1.0 - threshold.powi(rows)).powi((VALUES / rows as usize) as i32);
            assert!(longer < recall || found.rows == MOST_ROWS);
        }
    }

    #[test]
    fn the_tail_is_that_of_the_binomial_distribution() {
        // Against sums of whole probabilities, each from logarithms of factorials.
        let ln = |n: u32| (1..=n).map(|k| f64::from(k).ln()).sum::<f64>();
        for p in [0.3, 0.5, 0.85, 0.99] {
            for count in [0u32, 1, 40, 100, 128] {
                let n = VALUES as u32;
                let of = |k: u32| {
                    (ln(n) - ln(k) - ln(n - k) + f64::from(k) * f64::ln(p) + f64::from(n - k) * f64::ln(1.0 - p)).exp()
                };
                let expected: f64 = (0..count).map(of).sum();
                assert!((binomial_below(count, p) - expected).abs() < 1e-9, "{count} {p}");
            }
        }
        assert_eq!(binomial_below(128, 1.0), 0.0);
    }

    /// Sets in families of near-duplicates: every new one is an edit of an earlier one, or new.
    fn sets(count: usize, seed: u64) -> Vec<Shingles> {
        let mut state = seed;
        let mut next = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut texts: Vec<Vec<String>> = Vec::new();
        for _ in 0..count {
            let mut tokens = match texts.len() {
                before if before > 0 && next(3) > 0 => texts[next(before as u64) as usize].clone(),
                _ => (0..20 + next(300)).map(|_| format!("t{}", next(60))).collect(),
            };
            for _ in 0..next(6) {
                let at = next(tokens.len() as u64) as usize;
                tokens[at] = format!("t{}", next(60));
            }
            texts.push(tokens);
        }
        texts.iter().map(|tokens| Shingles::of_tokens(tokens.iter().map(String::as_str))).collect()
    }

    fn found(sets: &[Shingles], sketches: &[Sketch], bands: &Bands) -> Vec<Pair> {
        let load = |places: &[u32]| Ok::<_, ()>(places.iter().map(|at| sets[*at as usize].clone()).collect());
        check(sketches, &candidates(sketches, bands), bands.threshold, &load).expect("nothing fails")
    }

    #[test]
    fn what_is_found_are_pairs_and_nearly_all_of_them() {
        let sets = sets(3_000, 5);
        let sketches: Vec<Sketch> = sets.iter().map(|set| Sketch::of(set).expect("members")).collect();
        for threshold in [0.7, 0.8, 0.85, 0.9, 1.0] {
            let bands = Bands::choose(threshold, 0.9995);
            let all = join::pairs(&sets, threshold);
            let found = found(&sets, &sketches, &bands);
            assert!(found.iter().all(|pair| all.contains(pair)), "every one is a pair, with its likeness");
            assert!(found.len() as f64 >= 0.999 * all.len() as f64, "{threshold}: {} of {}", found.len(), all.len());
            assert!(all.len() > 100, "{threshold}: {}", all.len());
        }
    }

    #[test]
    fn batches_find_what_one_run_finds_and_threads_change_nothing() {
        let sets = sets(800, 9);
        let mut sketches: Vec<Sketch> = sets.iter().map(|set| Sketch::of(set).expect("members")).collect();
        let bands = Bands::choose(0.85, 0.9995);
        let whole = found(&sets, &sketches, &bands);
        let mut parts = Vec::new();
        for batch in 0..10 {
            let end = sets.len() * (batch + 1) / 10;
            parts.extend(found(&sets[..end], &sketches[..end], &bands));
            sketches[..end].iter_mut().for_each(|sketch| sketch.fresh = false);
        }
        parts.sort_by_key(|pair| (pair.left, pair.right));
        assert_eq!(parts, whole);
        sketches.iter_mut().for_each(|sketch| sketch.fresh = true);
        for threads in [1, 2, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            assert_eq!(pool.install(|| found(&sets, &sketches, &bands)), whole);
        }
    }
}
