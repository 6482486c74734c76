//! What of the samples stands in other data: a benchmark, a test set, another source.
//!
//! Every item of the reference is compared with every sample, by four methods, the strongest first; of each pair the
//! strongest that holds is a [`Hit`].
//!
//! | method | what is compared | holds where |
//! | --- | --- | --- |
//! | exact | the content hash of the code | equal |
//! | near | shingles of the code's tokens | Jaccard of at least the threshold of code |
//! | renamed | shingles of the renamed tokens, where both are above the floors of [`crate::similarity::renamed`] | the same |
//! | prompt | shingles of the instruction's words | Jaccard of at least the threshold of prompts; the same words in the same order where one has fewer than [`LEAST_WORDS`] |
//!
//! The search is exact: nothing is sketched. An item that is as alike as the threshold `t` has at least `t n` of the `n`
//! shingles of a sample, so it has one of any `k - t n + 1` of the `k` of them that the reference has at all; the lists
//! of the rarest so many hold all candidates. Most samples have fewer than `t n` and are done with. The reference is held
//! in memory, samples stream past it.

use rustc_hash::FxHashMap;

use super::pairs;
use crate::analyze::parse;
use crate::sample::{content_hash, hash16};
use crate::similarity::renamed::Renamed;
use crate::similarity::shingles::{self, Shingles};
use crate::similarity::{lexer, words};
use crate::store::{FoundAs, Shingled, Store, StoreError};

/// Likeness (Jaccard) from which prompts are near, unless another is asked for.
///
/// Measured on the 417 prompts of ManimBench against 824 of a set that holds half of them reworded (T. Holdsworth's
/// `timholds_multi`), where 196 pairs are rewordings of one prompt: at 0.75 195 of them are found and 2 pairs that are
/// none ("row" for "column", "inserting" for "deleting"); at 0.7 195 and 5; at 0.65 all 196 and 6; at 0.8 191 and none.
/// Five other sets (3,136 prompts) have no pair with ManimBench of 0.3 or more.
pub const PROMPT_NEAR: f64 = 0.75;

/// Fewest words of a prompt that is found by its shingles; below, all words count.
///
/// A short prompt is told apart by one word: all 65 near pairs of different prompts among the 1,272 of ManimCodeGen are
/// as "a square with side length 2, colour it blue" and "red". They have 10 to 16 words.
pub const LEAST_WORDS: usize = 16;

/// An item of the data that samples are compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Where it stands: a line of a file, a locator.
    pub place: String,
    /// Its instruction.
    pub instruction: Option<String>,
    /// Its code; empty where it has none.
    pub code: String,
}

/// From when on two texts are alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Likeness (Jaccard) of code, as it is and renamed.
    pub code: f64,
    /// Likeness (Jaccard) of prompts.
    pub prompt: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds { code: crate::similarity::NEAR, prompt: PROMPT_NEAR }
    }
}

/// A sample, or a text that is looked at as one, that stands in the reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Place of the item among those of the reference.
    pub item: u32,
    /// By what.
    pub method: FoundAs,
    /// How alike they are: Jaccard, 1 of exact copies.
    pub score: f64,
    /// What of the text is matched, see [`spans`]; `instruction` of a prompt.
    pub span: String,
}

/// What looking at a text found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Looked {
    /// The items that it is like, in their order.
    pub hits: Vec<Hit>,
    /// Whether its code is above the floors of the renamed search.
    pub above_floor: bool,
}

/// The data that samples are compared with, made ready.
#[derive(Clone, Debug)]
pub struct Reference {
    items: Vec<Item>,
    thresholds: Thresholds,
    contents: FxHashMap<[u8; 16], Vec<u32>>,
    prompts: FxHashMap<[u8; 16], Vec<u32>>,
    code: Postings,
    renamed: Postings,
    prompt: Postings,
    counts: Counts,
}

/// How much of a reference there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Items.
    pub items: u64,
    /// Those with code.
    pub code: u64,
    /// Those whose code is above the floors of the renamed search.
    pub above_floor: u64,
    /// Those with an instruction.
    pub prompts: u64,
    /// Those whose instruction has at least [`LEAST_WORDS`].
    pub long_prompts: u64,
}

impl Reference {
    /// Makes it of items. Those that stand in one place are told apart by a number after it.
    pub fn new(mut items: Vec<Item>, thresholds: Thresholds) -> Reference {
        let mut seen: FxHashMap<String, u32> = FxHashMap::default();
        for item in &mut items {
            let times = seen.entry(item.place.clone()).or_default();
            *times += 1;
            if *times > 1 {
                item.place.push_str(&format!(" ({times})"));
            }
        }
        let mut contents: FxHashMap<[u8; 16], Vec<u32>> = FxHashMap::default();
        let mut prompts: FxHashMap<[u8; 16], Vec<u32>> = FxHashMap::default();
        let mut counts = Counts { items: items.len() as u64, ..Counts::default() };
        let (mut code, mut renamed, mut prompt) = (Vec::new(), Vec::new(), Vec::new());
        for (at, item) in items.iter().enumerate() {
            let at = at as u32;
            if has_code(&item.code) {
                counts.code += 1;
                contents.entry(content_hash(&item.code)).or_default().push(at);
            }
            code.push(pairs::shingles(Shingled::Code, None, &item.code));
            let set = pairs::shingles(Shingled::Renamed, None, &item.code);
            counts.above_floor += u64::from(!set.is_empty());
            renamed.push(set);
            let (key, length) = wording(item.instruction.as_deref().unwrap_or_default());
            if length > 0 {
                counts.prompts += 1;
                prompts.entry(key).or_default().push(at);
            }
            let long = length >= LEAST_WORDS;
            counts.long_prompts += u64::from(long);
            let set = |text: &str| pairs::shingles(Shingled::Prompt, Some(text), "");
            prompt.push(item.instruction.as_deref().filter(|_| long).map(set).unwrap_or_default());
        }
        let (code, renamed, prompt) = (Postings::new(code), Postings::new(renamed), Postings::new(prompt));
        Reference { items, thresholds, contents, prompts, code, renamed, prompt, counts }
    }

    /// Its items.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Whether an item is above the floors of the renamed search.
    pub fn is_above_floor(&self, item: u32) -> bool {
        !self.renamed.sets[item as usize].is_empty()
    }

    /// How much of it there is.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// From when on texts are alike.
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// The items that a text is like, without spans. Samples and canaries are all looked at by this.
    pub fn find(&self, code: &str, instruction: Option<&str>) -> Looked {
        let mut found: Vec<(u32, FoundAs, f64)> = Vec::new();
        let mut above_floor = false;
        if has_code(code) {
            let copies = self.contents.get(&content_hash(code)).into_iter().flatten();
            found.extend(copies.map(|item| (*item, FoundAs::Exact, 1.0)));
            let near = self.code.near(&pairs::shingles(Shingled::Code, None, code), self.thresholds.code);
            found.extend(near.into_iter().map(|(item, score)| (item, FoundAs::Near, score)));
            let renamed = pairs::shingles(Shingled::Renamed, None, code);
            above_floor = !renamed.is_empty();
            let near = self.renamed.near(&renamed, self.thresholds.code);
            found.extend(near.into_iter().map(|(item, score)| (item, FoundAs::Renamed, score)));
        }
        if let Some(instruction) = instruction {
            let (key, length) = wording(instruction);
            let same = self.prompts.get(&key).into_iter().flatten().filter(|_| length > 0);
            found.extend(same.map(|item| (*item, FoundAs::Prompt, 1.0)));
            if length >= LEAST_WORDS {
                let set = pairs::shingles(Shingled::Prompt, Some(instruction), "");
                let near = self.prompt.near(&set, self.thresholds.prompt);
                found.extend(near.into_iter().map(|(item, score)| (item, FoundAs::Prompt, score)));
            }
        }
        // Of each item the strongest method.
        found.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(b.2.total_cmp(&a.2)));
        found.dedup_by_key(|(item, ..)| *item);
        let hit = |(item, method, score)| Hit { item, method, score, span: String::new() };
        Looked { hits: found.into_iter().map(hit).collect(), above_floor }
    }

    /// The items that a text is like, with what of it they have too.
    pub fn look(&self, code: &str, instruction: Option<&str>) -> Looked {
        let mut looked = self.find(code, instruction);
        let mut cuts: [Option<Cut>; 2] = [None, None];
        for hit in &mut looked.hits {
            let (sets, at) = match hit.method {
                FoundAs::Prompt => {
                    hit.span = "instruction".to_owned();
                    continue;
                }
                FoundAs::Exact => {
                    hit.span = whole(code);
                    continue;
                }
                FoundAs::Near => (&self.code.sets, 0),
                FoundAs::Renamed => (&self.renamed.sets, 1),
            };
            let cut = cuts[at].get_or_insert_with(|| Cut::of(code, hit.method));
            let set = sets[hit.item as usize].hashes();
            let met: Vec<bool> = cut.hashes.iter().map(|hash| set.binary_search(hash).is_ok()).collect();
            hit.span = runs(&cut.lines, &met);
        }
        looked
    }
}

/// A text cut into shingles, in order, and the first and last line of each of its tokens.
struct Cut {
    hashes: Vec<u64>,
    lines: Vec<(usize, usize)>,
}

impl Cut {
    fn of(code: &str, method: FoundAs) -> Cut {
        let mut hashes = Vec::new();
        let mut take = |hash| hashes.push(hash);
        if method == FoundAs::Renamed {
            shingles::each_hash(Renamed::of(code).tokens(), &mut take);
        } else {
            shingles::each_hash(lexer::tokens(code).map(|token| token.text), &mut take);
        }
        Cut { hashes, lines: token_lines(code) }
    }
}

/// All lines of code, but for blank ones at both ends.
fn whole(code: &str) -> String {
    let starts = line_starts(code);
    let line = |byte: usize| starts.partition_point(|start| *start <= byte);
    let first = code.len() - code.trim_start().len();
    range(line(first), line(code.trim_end().len().saturating_sub(1)))
}

/// The lines of code that matched shingles cover, such as `3-12,15`; `met` says of each shingle, in order, whether it is
/// matched.
///
/// A token is matched where some matched shingle holds it. Tokens in a row that are all matched are a run, which covers
/// the lines from that of its first token to that of its last one's end; runs that meet in a line, or in two lines in a
/// row, are one. Lines are counted from 1.
pub fn spans(code: &str, met: &[bool]) -> String {
    runs(&token_lines(code), met)
}

/// The first and last line of each token.
fn token_lines(code: &str) -> Vec<(usize, usize)> {
    let starts = line_starts(code);
    let line = |byte: usize| starts.partition_point(|start| *start <= byte);
    lexer::tokens(code).map(|token| (line(token.start), line(token.end().saturating_sub(1)))).collect()
}

fn runs(lines: &[(usize, usize)], met: &[bool]) -> String {
    let mut matched = vec![false; lines.len()];
    for (at, _) in met.iter().enumerate().filter(|(_, met)| **met) {
        matched[at..lines.len().min(at + shingles::TOKENS)].fill(true);
    }
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut goes_on = false;
    for ((first, last), matched) in lines.iter().copied().zip(matched) {
        match runs.last_mut() {
            Some(run) if matched && (goes_on || first <= run.1 + 1) => run.1 = last,
            _ if matched => runs.push((first, last)),
            _ => {}
        }
        goes_on = matched;
    }
    runs.iter().map(|(first, last)| range(*first, *last)).collect::<Vec<_>>().join(",")
}

fn range(first: usize, last: usize) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// The bytes at which lines start; a line ends with `\n`, `\r\n` or a lone `\r`.
fn line_starts(code: &str) -> Vec<usize> {
    let bytes = code.as_bytes();
    let ends = |at: &usize| bytes[*at] == b'\n' || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
    std::iter::once(0).chain((0..bytes.len()).filter(ends).map(|at| at + 1)).collect()
}

fn has_code(code: &str) -> bool {
    !code.trim().is_empty()
}

/// A hash of the words of a prompt, and how many there are.
fn wording(prompt: &str) -> ([u8; 16], usize) {
    let words: Vec<String> = words::words(prompt).collect();
    let parts: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
    (hash16(&parts), words.len())
}

/// The sets of shingles of all items, and of each shingle the items that have it.
#[derive(Clone, Debug, Default)]
struct Postings {
    sets: Vec<Shingles>,
    /// Where the list of a shingle begins in `lists`, and how long it is.
    places: FxHashMap<u64, (u32, u32)>,
    lists: Vec<u32>,
}

impl Postings {
    fn new(sets: Vec<Shingles>) -> Postings {
        let mut all: Vec<(u64, u32)> = sets
            .iter()
            .enumerate()
            .flat_map(|(at, set)| set.hashes().iter().map(move |hash| (*hash, at as u32)))
            .collect();
        all.sort_unstable();
        let mut places = FxHashMap::default();
        let mut start = 0u32;
        for list in all.chunk_by(|one, two| one.0 == two.0) {
            places.insert(list[0].0, (start, list.len() as u32));
            start += list.len() as u32;
        }
        Postings { sets, places, lists: all.into_iter().map(|(_, at)| at).collect() }
    }

    /// The items whose sets are as like a set as the threshold says, in their order, with their likeness.
    fn near(&self, set: &Shingles, threshold: f64) -> Vec<(u32, f64)> {
        let least = (set.len() as f64 * threshold - 1e-6).ceil().max(1.0) as usize;
        // The lists of those of its shingles that the reference has, shortest first.
        let mut known: Vec<(u32, u32)> =
            set.hashes().iter().filter_map(|hash| self.places.get(hash)).map(|(start, len)| (*len, *start)).collect();
        if known.len() < least {
            return Vec::new();
        }
        let needed = known.len() - least + 1;
        known.sort_unstable();
        let mut items: Vec<u32> = known[..needed]
            .iter()
            .flat_map(|(len, start)| &self.lists[*start as usize..(*start + *len) as usize])
            .copied()
            .collect();
        items.sort_unstable();
        items.dedup();
        let like = |item: u32| Some((item, set.at_least(&self.sets[item as usize], threshold)?));
        items.into_iter().filter_map(like).collect()
    }
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Samples that were compared.
    pub samples: u64,
    /// Those above the floors of the renamed search.
    pub above_floor: u64,
    /// By row, in the order in which rows were given, the hits of those that have some.
    pub hits: Vec<(u32, Vec<Hit>)>,
}

impl Found {
    /// How many hits there are by a method, and of how many samples.
    pub fn count(&self, method: FoundAs) -> (u64, u64) {
        let of = |hits: &[Hit]| hits.iter().filter(|hit| hit.method == method).count() as u64;
        let counts = self.hits.iter().map(|(_, hits)| of(hits));
        counts.fold((0, 0), |(all, samples), count| (all + count, samples + u64::from(count > 0)))
    }
}

/// Compares samples with a reference. Texts stream by; what is held are the hits.
///
/// # Errors
/// As the store.
pub fn search(store: &Store, rows: &[u32], reference: &Reference) -> Result<Found, StoreError> {
    let looked = store.each_text(parse::pool(), rows, &|text, buffer: &mut Vec<u8>| {
        Ok(reference.look(text.code(buffer)?, text.instruction))
    })?;
    let mut found = Found { samples: rows.len() as u64, ..Found::default() };
    for (row, looked) in rows.iter().zip(looked) {
        found.above_floor += u64::from(looked.above_floor);
        if !looked.hits.is_empty() {
            found.hits.push((*row, looked.hits));
        }
    }
    Ok(found)
}
