//! BM25 by hand: what `sort -score` orders by, from the texts of all rows alone.

use scenery::query::plan::{Test, Within};
use scenery::sample::Sample;

const K1: f32 = 1.2;
const B: f32 = 0.75;

/// The words of a text: (term, position), parts of names included.
type Words = Vec<(String, u32)>;

/// One of the two texts of every row.
struct Texts {
    rows: Vec<Words>,
    average: f32,
}

/// How well each row fits some texts; every row counts for what is common, whatever its state.
pub struct Relevance {
    code: Texts,
    instruction: Texts,
}

impl Relevance {
    pub fn new(rows: &[Sample]) -> Relevance {
        Relevance {
            code: Texts::new(rows.iter().map(|row| row.code.as_str())),
            instruction: Texts::new(rows.iter().map(|row| row.instruction.as_deref().unwrap_or_default())),
        }
    }

    /// The score of each row, in the order of the rows.
    pub fn scores(&self, texts: &[Test]) -> Vec<f64> {
        let mut out = vec![0.0; self.code.rows.len()];
        for test in texts {
            let Test::Phrase { within, terms, prefix } = test else { panic!("{test} is no text") };
            for (field, fits) in
                [(&self.code, *within != Within::Instruction), (&self.instruction, *within != Within::Code)]
            {
                if fits {
                    field.add(terms, *prefix, &mut out);
                }
            }
        }
        out
    }
}

impl Texts {
    fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Texts {
        let rows: Vec<Words> = texts
            .map(|text| scenery::text::terms(text).into_iter().map(|term| (term.text, term.position)).collect())
            .collect();
        let tokens: u64 = rows.iter().map(|words| u64::from(coarse(words.len() as u32))).sum();
        Texts { average: tokens as f32 / rows.len() as f32, rows }
    }

    /// How many rows have a term.
    fn common(&self, term: &str) -> u64 {
        self.rows.iter().filter(|words| words.iter().any(|(word, _)| word == term)).count() as u64
    }

    fn add(&self, terms: &[String], prefix: bool, out: &mut [f64]) {
        let (last, before) = terms.split_last().expect("a phrase has a word");
        let mut endings = vec![last.clone()];
        if prefix {
            endings = self.rows.iter().flatten().map(|(word, _)| word.clone()).collect();
            endings.retain(|word| word.starts_with(last.as_str()));
            endings.sort();
            endings.dedup();
        }
        for ending in endings {
            let phrase: Vec<&str> = before.iter().chain([&ending]).map(String::as_str).collect();
            let idf = |term: &&str| {
                let (all, with) = (self.rows.len() as u64, self.common(term));
                (1.0 + ((all - with) as f32 + 0.5) / (with as f32 + 0.5)).ln()
            };
            let rarity: f32 = phrase.iter().map(idf).fold(0.0, |sum, idf| sum + idf);
            for (words, score) in self.rows.iter().zip(&mut *out) {
                let often = occurrences(words, &phrase);
                if often > 0 {
                    let length = coarse(words.len() as u32) as f32;
                    let norm = K1 * (1.0 - B + B * length / self.average);
                    let often = often as f32;
                    *score += f64::from(rarity * (1.0 + K1) * (often / (often + norm)));
                }
            }
        }
    }
}

/// How often words stand one after the other; a name that has a word twice as a part counts twice.
fn occurrences(words: &Words, phrase: &[&str]) -> usize {
    let at = |term: &str, position: u32| words.iter().filter(|(word, at)| word == term && *at == position).count();
    let last = words.last().map_or(0, |(_, position)| *position);
    (0..=last)
        .map(|begin| phrase.iter().zip(begin..).map(|(term, position)| at(term, position)).min().unwrap_or(0))
        .sum()
}

/// A length as one byte keeps it: exact below 24, above that the four leading bits of what is more.
fn coarse(length: u32) -> u32 {
    if length < 24 {
        return length;
    }
    let more = length - 24;
    let bits = 32 - more.leading_zeros();
    24 + if bits <= 4 { more } else { more >> (bits - 4) << (bits - 4) }
}

mod cases {
    use std::collections::BTreeMap;

    use super::*;
    use crate::corpus::{Scratch, all_samples, edit, random_store};
    use crate::query_gen::Rng;
    use scenery::query::compile;
    use scenery::slice::{self, vocabulary::StoreVocabulary};
    use scenery::store::Store;

    #[test]
    fn lengths_are_kept_as_tantivy_keeps_them() {
        let kept: Vec<u32> = [23, 24, 39, 40, 41, 42, 55, 56, 59, 60, 87, 88, 95, 96, 1000].map(coarse).to_vec();
        assert_eq!(kept, [23, 24, 39, 40, 40, 42, 54, 56, 56, 60, 84, 88, 88, 96, 984]);
    }

    /// Compares what the store gives with what is counted by hand.
    fn compare(store: &Store, stage: &str) -> BTreeMap<String, Vec<String>> {
        let samples = all_samples(store);
        let by_hand = Relevance::new(&samples);
        let words = StoreVocabulary::new(store);
        let mut orders = BTreeMap::new();
        for query in [
            "circle | sort -score",
            "circle fourier | sort -score",
            "circle or fourier or camera | sort -score | take 9",
            "\"fourier series\" or instruction:the | sort -score, -lines",
            "code:self.play | sort -score",
            "ci* -camera | sort -score source",
            "code:(\"self pl*\" or cam*) state:any | sort -score",
            "lines<12 or circle | sort -score",
            "not (not fourier) -series | sort -score | skip 2 | take 5",
        ] {
            let compiled = compile(query, &words).unwrap_or_else(|error| panic!("{query}: {error}"));
            assert!(compiled.plan.orders_by_score(), "{query}");
            let slice = slice::select(store, &compiled.plan, usize::MAX).expect("it runs");
            assert!(slice.total > 1, "{stage}: {query} finds {}", slice.total);
            let rows = slice.rows.iter().map(|(row, _)| *row).collect();
            let scores = slice::scores(store, &compiled.plan, &rows).expect("it runs").expect("it is scored");
            let wanted = by_hand.scores(compiled.plan.scored_texts().expect("it is scored"));
            let wanted: BTreeMap<u32, f64> = samples.iter().map(|sample| sample.row).zip(wanted).collect();
            for (row, score) in &scores {
                assert!((score - wanted[row]).abs() < 1e-5, "{stage}: {query}: {score} and {}", wanted[row]);
            }
            let order: Vec<f64> = slice.rows.iter().map(|(row, _)| scores[row]).collect();
            assert!(order.is_sorted_by(|a, b| a >= b), "{stage}: {query}: {order:?}");
            assert!(order[0] > 0.0, "{stage}: {query}");
            let ids = slice.rows.iter().map(|(_, id)| id.to_string()).collect();
            orders.insert(query.to_owned(), ids);
            let twice = slice::select(store, &compiled.plan, usize::MAX).expect("it runs");
            assert_eq!(twice.rows, slice.rows, "{query}");
        }
        orders
    }

    #[test]
    fn the_index_scores_as_counted_by_hand_and_the_same_after_a_rebuild() {
        let folder = Scratch::new("relevance");
        let mut store = random_store(&folder, &mut Rng::new(31), 200);
        compare(&store, "as read");
        // Documents that are deleted and not yet gone count for nothing.
        for (at, row) in all_samples(&store).iter().map(|sample| sample.row).step_by(3).enumerate() {
            let text = ["a circle", "the fourier series moves", "nothing"][at % 3];
            edit(&mut store, row, Some(text), "from manim import *\ncircle = Circle()\n", "2026-04-03T00:00:00Z");
        }
        let edited = compare(&store, "edited");
        store.rebuild().expect("it is rebuilt");
        assert_eq!(compare(&store, "rebuilt"), edited);
    }

    #[test]
    fn rows_of_the_same_score_go_by_the_further_keys_and_then_by_id() {
        let folder = Scratch::new("relevance-ties");
        let mut store = random_store(&folder, &mut Rng::new(32), 60);
        let rows: Vec<u32> = all_samples(&store).iter().map(|sample| sample.row).take(12).collect();
        for (at, row) in rows.iter().enumerate() {
            let code = format!("from manim import *\nhapax = {}\n", if at % 2 == 0 { "1" } else { "2" });
            edit(&mut store, *row, Some("one of a kind"), &code, "2026-04-03T00:00:00Z");
        }
        let words = StoreVocabulary::new(&store);
        for (query, keys) in [("hapax | sort -score", false), ("hapax | sort -score, -rank", true)] {
            let compiled = compile(query, &words).expect("it compiles");
            let slice = slice::select(&store, &compiled.plan, usize::MAX).expect("it runs");
            assert!(slice.rows.len() >= 8, "{}", slice.rows.len());
            let order: Vec<(i64, String)> = slice::samples(&store, &slice)
                .map(|sample| sample.expect("a sample"))
                .map(|sample| (if keys { -i64::from(sample.rank) } else { 0 }, sample.id.to_string()))
                .collect();
            assert!(order.is_sorted(), "{query}: {order:?}");
        }
    }
}
