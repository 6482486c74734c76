//! Duplicates: who is like whom, who stands for whom, and why.
//!
//! Layer 3. [`pairs`] keeps signatures and near pairs of all code that takes part up to date, so that a new batch costs
//! its own size; [`clusters`] decides who survives by the keep [`policy`], anew from all pairs each time, so that the
//! result depends on the samples and not on the batches in which they came; [`find`] joins the two and says what would
//! change, and [`apply`] writes it. An op that takes a survivor away, or changes its code, calls [`regrow`] before it
//! closes: no duplicate is ever without a survivor that is kept.
//!
//! [`contamination`] compares samples with data outside the search: a benchmark, another source. [`canaries`] are copies
//! of that data, changed in known ways, that each run has to find before its results count.

pub mod canaries;
pub mod clusters;
pub mod contamination;
pub mod pairs;
pub mod policy;
pub mod prompts;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use clusters::{Layer, Member, Within};
use policy::Policy;
use serde::Serialize;

use crate::similarity::lsh::Bands;
use crate::similarity::union::Union;
use crate::store::{Duplicate, Method, OpRecord, Participant, Shingled, Store, StoreError};

/// What duplicates are looked for by.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Likeness (Jaccard) from which two samples are near-duplicates, from 0.5 to 1.
    pub threshold: f64,
    /// Share of the pairs just at the threshold that is to be found, from 0.5 to 1; 1: all pairs, by an exhaustive search.
    pub recall: f64,
    /// Whether renamed copies are looked for too.
    pub renamed: bool,
    /// Who is kept.
    pub policy: Policy,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { threshold: crate::similarity::NEAR, recall: 0.9995, renamed: false, policy: Policy::default() }
    }
}

/// A threshold or a recall, checked.
///
/// # Errors
/// Where it is not from 0.5 to 1.
pub fn share(number: f64) -> Result<f64, String> {
    if (0.5..=1.0).contains(&number) { Ok(number) } else { Err(format!("{number} is not a number from 0.5 to 1")) }
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The samples that took part.
    pub members: Vec<Participant>,
    /// Of each what it is a duplicate of; `of` is a row.
    pub duplicates: Vec<Option<Duplicate>>,
    /// The share of pairs at the threshold that is found, as predicted.
    pub predicted_recall: f64,
    /// Near pairs of codes with different tokens.
    pub near_pairs: usize,
    /// Near pairs of codes whose renamed forms have different tokens, where these were looked for.
    pub renamed_pairs: usize,
    /// What a person should know before anything is changed.
    pub warnings: Vec<Warning>,
}

/// A source that loses most of its samples to near-duplicates of its own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Warning {
    /// Its name.
    pub source: String,
    /// Its samples that take part.
    pub samples: u64,
    /// Those that would be kept.
    pub kept: u64,
    /// Those that would be kept if only exact copies were removed inside it.
    pub kept_if_exact: u64,
    /// Samples of its largest cluster.
    pub largest_cluster: u64,
    /// Samples of its largest family: what near-duplication leads to, step by step.
    pub largest_family: u64,
}

/// Counts of a search, as `dedup` prints them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Samples that took part.
    pub rows: u64,
    /// Survivors that stand for others.
    pub clusters: u64,
    /// Duplicates of equal code.
    pub exact: u64,
    /// Duplicates of near code.
    pub near: u64,
    /// Duplicates of renamed code.
    pub renamed: u64,
    /// Samples that are kept.
    pub kept: u64,
    /// Samples that are not.
    pub duplicates: u64,
}

impl Found {
    /// Counts.
    pub fn counts(&self) -> Counts {
        let mut out = Counts { rows: self.members.len() as u64, ..Counts::default() };
        let mut survivors = BTreeSet::new();
        for duplicate in self.duplicates.iter().flatten() {
            survivors.insert(duplicate.of);
            out.duplicates += 1;
            match duplicate.method {
                Method::Exact => out.exact += 1,
                Method::Near => out.near += 1,
                Method::Renamed => out.renamed += 1,
            }
        }
        out.clusters = survivors.len() as u64;
        out.kept = out.rows - out.duplicates;
        out
    }

    /// The rows that would change, with what they become.
    pub fn changes(&self) -> Vec<(u32, Option<&Duplicate>)> {
        let changed = self.members.iter().zip(&self.duplicates).filter(|(member, now)| member.duplicate != **now);
        changed.map(|(member, now)| (member.row, now.as_ref())).collect()
    }
}

/// Looks for duplicates among all samples that are kept or duplicates. Signatures and pairs are brought up to date in
/// the store; nothing else is changed.
///
/// # Errors
/// As the store.
pub fn find(store: &mut Store, settings: &Settings, progress: &dyn Fn(&str)) -> Result<Found, StoreError> {
    let members = store.participants()?;
    let mut layers = vec![pairs::layer(store, &members, Shingled::Code, settings, progress)?];
    if settings.renamed {
        layers.push(pairs::layer(store, &members, Shingled::Renamed, settings, progress)?);
    }
    let ranked = settings.policy.rank(store, &members)?;
    let within = sources_within(store)?;
    let cast = cast(&members, &within);
    let chosen = clusters::choose(&cast, &ranked.order, &layers);
    let duplicates = named(&members, &chosen, &ranked);
    let mut warnings = warnings(store, &members, &cast, &layers, &chosen, &ranked)?;
    warnings.sort_by(|a, b| a.source.cmp(&b.source));
    let predicted_recall =
        if settings.recall >= 1.0 { 1.0 } else { Bands::choose(settings.threshold, settings.recall).recall };
    let near_pairs = layers[0].pairs_taking_part();
    let renamed_pairs = layers.get(1).map_or(0, Layer::pairs_taking_part);
    Ok(Found { members, duplicates, predicted_recall, near_pairs, renamed_pairs, warnings })
}

/// Writes what changes under an open op; returns how many rows.
///
/// # Errors
/// As the store.
pub fn apply(store: &mut Store, found: &Found) -> Result<u64, StoreError> {
    let changes: Vec<_> =
        found.changes().into_iter().map(|(row, duplicate)| (row, Duplicate::columns(duplicate))).collect();
    store.change(&changes)?;
    Ok(changes.len() as u64)
}

/// Before an op closes: the duplicates of survivors that it takes away, or whose code it changes, get new survivors, and
/// those among what leaves that were duplicates are none any more. Returns how many others changed.
///
/// What near-duplication leads to from the duplicates that are left alone is decided anew, as a whole search would decide
/// it; samples that were not compared yet stay as they are until the next search.
///
/// # Errors
/// As the store.
pub fn regrow(store: &mut Store, settings: &Settings) -> Result<u64, StoreError> {
    let leaving = store.leaving()?;
    if leaving.is_empty() {
        return Ok(0);
    }
    let all = store.participants()?;
    let gone: Vec<(u32, serde_json::Value)> = all
        .iter()
        .filter(|member| member.duplicate.is_some())
        .filter_map(|member| Some((member.row, dropped(*leaving.get(&member.row)?))))
        .collect();
    store.change(&gone)?;
    let orphaned = |member: &Participant| {
        member.duplicate.as_ref().is_some_and(|duplicate| leaving.contains_key(&duplicate.of))
            && !leaving.contains_key(&member.row)
    };
    if !all.iter().any(orphaned) {
        return Ok(0);
    }
    let settings = &in_effect(store, settings)?;
    let mut members: Vec<Participant> = all.into_iter().filter(|member| !leaving.contains_key(&member.row)).collect();
    // What the op itself exempts is no duplicate of another survivor either.
    let exempted = store.exempted()?;
    members.iter_mut().for_each(|member| member.exempt = exempted.get(&member.row).copied().unwrap_or(member.exempt));
    let mut layers = vec![pairs::known_layer(store, &members, Shingled::Code, settings)?];
    if settings.renamed {
        layers.push(pairs::known_layer(store, &members, Shingled::Renamed, settings)?);
    }
    // What near-duplication and equal code lead to from the orphans.
    let mut union = Union::new(members.len());
    for layer in &layers {
        layer.join(&mut union);
    }
    join_copies(&members, &mut union);
    let touched: BTreeSet<u32> =
        (0..members.len() as u32).filter(|at| orphaned(&members[*at as usize])).map(|at| union.root(at)).collect();
    let ranked = settings.policy.rank(store, &members)?;
    let within = sources_within(store)?;
    let cast = cast(&members, &within);
    let order: Vec<u32> = ranked.order.iter().copied().filter(|at| touched.contains(&union.root(*at))).collect();
    let chosen = clusters::choose(&cast, &order, &layers);
    let decided: BTreeSet<u32> = order.iter().copied().collect();
    let duplicates = named(&members, &chosen, &ranked);
    let changes: Vec<_> = members
        .iter()
        .zip(&duplicates)
        .enumerate()
        .filter(|(at, (member, now))| decided.contains(&(*at as u32)) && member.duplicate != **now)
        .map(|(_, (member, now))| (member.row, Duplicate::columns(now.as_ref())))
        .collect();
    store.change(&changes)?;
    Ok(changes.len() as u64)
}

/// The settings of the newest search that is in effect; others where there was none.
fn in_effect(store: &Store, otherwise: &Settings) -> Result<Settings, StoreError> {
    let stands = |op: &OpRecord| op.verb == "dedup" && op.ended.is_some() && op.undone_by.is_none();
    let Some(op) = store.ops()?.into_iter().find(stands) else { return Ok(otherwise.clone()) };
    let mut out = otherwise.clone();
    out.threshold = op.arguments["threshold"].as_f64().unwrap_or(out.threshold);
    out.recall = op.arguments["recall"].as_f64().unwrap_or(out.recall);
    out.renamed = op.arguments["renamed"].as_bool().unwrap_or(out.renamed);
    if let Some(words) = op.arguments["keep"].as_array() {
        let clauses: Result<Vec<policy::Clause>, String> =
            words.iter().filter_map(serde_json::Value::as_str).map(str::parse).collect();
        let unread = |message| StoreError::Inconsistent(format!("the keep policy of op {}: {message}", op.op));
        out.policy = clauses.and_then(|clauses| Policy::new(&clauses)).map_err(unread)?;
    }
    Ok(out)
}

/// What a row that leaves, or whose code changes, loses of having been a duplicate.
fn dropped(stays: bool) -> serde_json::Value {
    let mut columns = Duplicate::columns(None);
    if let Some(fields) = columns.as_object_mut().filter(|_| !stays) {
        fields.retain(|name, _| name.starts_with("dup_"));
    }
    columns
}

/// What happens to duplicates inside each source, by its number.
fn sources_within(store: &Store) -> Result<BTreeMap<i64, Within>, StoreError> {
    store
        .numbered_sources()?
        .into_iter()
        .map(|(number, source)| {
            let within = match source.dedup.as_str() {
                "near" => Within::Near,
                "exact" => Within::Exact,
                "off" => Within::Off,
                other => return Err(StoreError::Inconsistent(format!("source {}: dedup is `{other}`", source.name))),
            };
            Ok((number, within))
        })
        .collect()
}

fn cast(members: &[Participant], within: &BTreeMap<i64, Within>) -> Vec<Member> {
    let mut contents: HashMap<[u8; 16], u32> = HashMap::new();
    members
        .iter()
        .map(|member| {
            let next = contents.len() as u32;
            Member {
                source: member.source,
                within: within.get(&member.source).copied().unwrap_or(Within::Near),
                content: *contents.entry(member.content).or_insert(next),
                exempt: member.exempt,
            }
        })
        .collect()
}

/// Joins samples of equal code.
fn join_copies(members: &[Participant], union: &mut Union) {
    let mut first: HashMap<[u8; 16], u32> = HashMap::new();
    for (at, member) in members.iter().enumerate() {
        union.join(*first.entry(member.content).or_insert(at as u32), at as u32);
    }
}

/// What was chosen, with rows for places and the clause that decided.
fn named(
    members: &[Participant],
    chosen: &[Option<clusters::Chosen>],
    ranked: &policy::Ranked,
) -> Vec<Option<Duplicate>> {
    chosen
        .iter()
        .enumerate()
        .map(|(at, chosen)| {
            chosen.as_ref().map(|chosen| Duplicate {
                of: members[chosen.survivor as usize].row,
                similarity: chosen.similarity,
                method: chosen.method,
                clause: ranked.decided(chosen.survivor, at as u32),
            })
        })
        .collect()
}

/// The sources of which near-duplicates of their own would leave fewer than half.
fn warnings(
    store: &Store,
    members: &[Participant],
    cast: &[Member],
    layers: &[Layer],
    chosen: &[Option<clusters::Chosen>],
    ranked: &policy::Ranked,
) -> Result<Vec<Warning>, StoreError> {
    let mut counts: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
    for (member, chosen) in members.iter().zip(chosen) {
        let count = counts.entry(member.source).or_default();
        count.0 += 1;
        let own = chosen.as_ref().is_some_and(|chosen| {
            chosen.method != Method::Exact && members[chosen.survivor as usize].source == member.source
        });
        count.1 += u64::from(own);
    }
    let sources = store.numbered_sources()?;
    let mut out = Vec::new();
    for (source, (samples, own)) in counts {
        if own * 2 <= samples {
            continue;
        }
        let here = |at: u32| members[at as usize].source == source;
        let alone: Vec<u32> = ranked.order.iter().copied().filter(|at| here(*at)).collect();
        let kept_of = |chosen: &[Option<clusters::Chosen>]| {
            alone.iter().filter(|at| chosen[**at as usize].is_none()).count() as u64
        };
        let strict: Vec<Member> = cast.iter().map(|member| Member { within: Within::Exact, ..*member }).collect();
        let exact = clusters::choose(&strict, &alone, layers);
        let mut sizes: BTreeMap<u32, u64> = BTreeMap::new();
        for (at, chosen) in chosen.iter().enumerate() {
            if here(at as u32) {
                *sizes.entry(chosen.as_ref().map_or(at as u32, |chosen| chosen.survivor)).or_default() += 1;
            }
        }
        let mut union = Union::new(members.len());
        for layer in layers {
            layer.join_where(&mut union, &here);
        }
        let mut families: BTreeMap<u32, u64> = BTreeMap::new();
        for at in &alone {
            *families.entry(union.root(*at)).or_default() += 1;
        }
        out.push(Warning {
            source: sources.get(&source).map(|source| source.name.clone()).unwrap_or_default(),
            samples,
            kept: kept_of(chosen),
            kept_if_exact: kept_of(&exact),
            largest_cluster: sizes.values().copied().max().unwrap_or(0),
            largest_family: families.values().copied().max().unwrap_or(0),
        });
    }
    Ok(out)
}
