//! A split of a store: who takes part, where everybody goes, and whether that is clean.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::nearness::{Nearness, nearness};
use super::record::{self, Before, Fresh, Leak, Place};
use super::{Families, Ties};
use crate::analyze::parse;
use crate::sample::Side;
use crate::similarity::join::{self, Pair};
use crate::similarity::shingles::Shingles;
use crate::store::{Participant, Store, StoreError};

/// Why a split cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// Nothing was selected.
    #[error("the query selects nothing: there is nothing to split")]
    Nothing,
    /// Some of what is to be placed has a side.
    #[error(
        "{placed} of {asked} samples have a side already, and a recorded side never changes: `--extend` places the others; `scenery undo` takes the split back"
    )]
    Placed {
        /// How many have one.
        placed: usize,
        /// How many were to be placed.
        asked: usize,
    },
    /// What belongs together would part: a fault of ours, found before anything was written.
    #[error("{pairs} near pairs and {ties} other ties would stand across sides: nothing was recorded")]
    Leaks {
        /// Near pairs.
        pairs: u64,
        /// Values of family columns, files, equal code.
        ties: usize,
    },
    /// The sizes are further off than families excuse.
    #[error(
        "{side} would have {got} of {total} samples, {asked:.0} were asked for: families stay whole, the largest has {largest}, and the tolerance is {tolerance:.0}; nothing was recorded"
    )]
    Sizes {
        /// The side.
        side: Side,
        /// What it would have.
        got: u64,
        /// Of how many.
        total: u64,
        /// What was asked for.
        asked: f64,
        /// Kept samples of the largest family.
        largest: u64,
        /// How far off it may be: the larger of 1 % and the largest family.
        tolerance: f64,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is asked of a split.
#[derive(Clone, Debug)]
pub struct Request {
    /// Shares of train, validation and test; none: the sides that sources give.
    pub shares: Option<[f64; 3]>,
    /// Another seed gives other sides.
    pub seed: u64,
    /// Whether samples that have a side are left where they are, and others go by their hash.
    pub extend: bool,
    /// Likeness from which samples are near-duplicates.
    pub threshold: f64,
    /// The rows to place; all that are kept or duplicates where none are named.
    pub rows: Option<BTreeSet<u32>>,
}

/// A split that is ready to be recorded.
pub struct Planned {
    cast: Cast,
    /// Of each member its side.
    pub sides: Vec<Option<Side>>,
    /// Of each member whether it is held.
    pub held: Vec<bool>,
    /// The families.
    pub families: Families,
    /// Ties across sides that sources give.
    pub leaks: Vec<Leak>,
    /// Near pairs across sides.
    pub cross_pairs: u64,
    /// Near pairs across sides inside sources that let them part.
    pub cross_pairs_allowed: u64,
    /// How near test is to train, for these sources.
    pub nearness: Vec<Nearness>,
}

/// What takes part in a split: what is to be placed, and all that has a side.
struct Cast {
    members: Vec<Participant>,
    ties: Vec<Ties>,
    pairs: Vec<Pair>,
    /// Whether it was asked for.
    wanted: Vec<bool>,
}

/// Plans a split: finds all near pairs, exhaustively, places every family, and checks that nothing leaks.
///
/// # Errors
/// [`SplitError`].
pub fn plan(store: &Store, request: &Request) -> Result<Planned, SplitError> {
    let cast = Cast::new(store, request)?;
    let asked = cast.wanted.iter().filter(|wanted| **wanted).count();
    if asked == 0 {
        return Err(SplitError::Nothing);
    }
    let placed = cast.members.iter().zip(&cast.wanted).filter(|(member, wanted)| **wanted && member.side.is_some());
    let placed = placed.count();
    if placed > 0 && !request.extend {
        return Err(SplitError::Placed { placed, asked });
    }
    let Some(shares) = request.shares else { return cast.given().with_nearness(store) };
    let planned = cast.place(shares, request.seed, request.extend);
    if planned.cross_pairs > 0 || !planned.leaks.is_empty() {
        return Err(SplitError::Leaks { pairs: planned.cross_pairs, ties: planned.leaks.len() });
    }
    if !request.extend {
        planned.check_sizes(shares)?;
    }
    planned.with_nearness(store)
}

/// The shingles of the code of rows, in their order.
fn shingles_of(store: &Store, rows: &[u32]) -> Result<Vec<Shingles>, StoreError> {
    store.each_text(parse::pool(), rows, &|text, buffer: &mut Vec<u8>| Ok(Shingles::of_code(text.code(buffer)?)))
}

impl Cast {
    fn new(store: &Store, request: &Request) -> Result<Cast, StoreError> {
        let near: BTreeMap<String, bool> =
            store.sources()?.into_iter().map(|source| (source.name, source.dedup == "near")).collect();
        let asked = |row: u32| request.rows.as_ref().is_none_or(|rows| rows.contains(&row));
        let members: Vec<Participant> = store
            .participants()?
            .into_iter()
            .filter(|member| asked(member.row) || member.side.is_some() || member.held)
            .collect();
        let ties = members
            .iter()
            .map(|member| {
                let placed = store.placed(member.row)?;
                let near = near.get(&placed.source).copied().unwrap_or(true);
                Ok(Ties::of(placed, near))
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        let rows: Vec<u32> = members.iter().map(|member| member.row).collect();
        let sizes = store.each_text(parse::pool(), &rows, &|text, buffer: &mut Vec<u8>| {
            Ok(u32::try_from(Shingles::of_code(text.code(buffer)?).len()).unwrap_or(u32::MAX))
        })?;
        let load = |places: &[u32]| {
            let wanted: Vec<u32> = places.iter().map(|at| rows[*at as usize]).collect();
            shingles_of(store, &wanted)
        };
        let pairs = join::pairs_in_parts(&sizes, request.threshold, &load)?;
        let wanted = rows.iter().map(|row| asked(*row)).collect();
        Ok(Cast { members, ties, pairs, wanted })
    }

    /// Places what has no side.
    fn place(self, shares: [f64; 3], seed: u64, extend: bool) -> Planned {
        let before: Vec<Before> = self
            .members
            .iter()
            .map(|member| Before {
                side: member.side,
                changed: member.side_revision != Some(member.revision),
                held: member.held,
            })
            .collect();
        // Duplicates go where their families go, and count in no size.
        let weights: Vec<u64> = self.members.iter().map(|member| u64::from(member.duplicate.is_none())).collect();
        let fresh = if extend { Fresh::Hashed } else { Fresh::Balanced };
        let placed = record::place(&self.ties, &before, &self.pairs, &weights, shares, seed, fresh);
        let sides: Vec<Option<Side>> = placed
            .places
            .iter()
            .map(|place| match place {
                Place::On(side) => Some(*side),
                Place::Held => None,
            })
            .collect();
        let held = placed.places.iter().map(|place| *place == Place::Held).collect();
        // What was adopted as it was given may leak; what is placed here may not.
        let ours = |at: u32| self.members[at as usize].side.is_none();
        let mut leaks = record::leaks(&self.ties, &sides);
        leaks.retain(|leak| leak.samples.iter().any(|at| ours(*at)));
        let (cross, allowed) = self.crossing(&sides, &|pair| ours(pair.left) || ours(pair.right));
        Planned {
            families: placed.families,
            cross_pairs: cross,
            cross_pairs_allowed: allowed,
            cast: self,
            sides,
            held,
            leaks,
            nearness: Vec::new(),
        }
    }

    /// Adopts the sides that sources give.
    fn given(self) -> Planned {
        let sides: Vec<Option<Side>> = self
            .members
            .iter()
            .zip(&self.wanted)
            .map(|(member, wanted)| member.side.or(member.side_given.filter(|_| *wanted)))
            .collect();
        let leaks = record::leaks(&self.ties, &sides);
        let (cross, allowed) = self.crossing(&sides, &|_| true);
        let families = super::families(&self.ties, &self.pairs);
        Planned {
            held: vec![false; sides.len()],
            cross_pairs: cross,
            cross_pairs_allowed: allowed,
            cast: self,
            sides,
            families,
            leaks,
            nearness: Vec::new(),
        }
    }

    /// How many near pairs stand across sides: those that tie, and those that may part.
    fn crossing(&self, sides: &[Option<Side>], counts: &dyn Fn(&Pair) -> bool) -> (u64, u64) {
        let (mut cross, mut allowed) = (0, 0);
        for pair in &self.pairs {
            let (one, other) = (sides[pair.left as usize], sides[pair.right as usize]);
            if one.is_none() || other.is_none() || one == other {
                continue;
            }
            if !super::ties(&self.ties, pair) {
                allowed += 1;
            } else if counts(pair) {
                cross += 1;
            }
        }
        (cross, allowed)
    }
}

impl Planned {
    /// Says how near test is to train, where near-duplicates may part.
    fn with_nearness(mut self, store: &Store) -> Result<Planned, SplitError> {
        let load = |places: &[u32]| {
            let rows: Vec<u32> = places.iter().map(|at| self.cast.members[*at as usize].row).collect();
            shingles_of(store, &rows)
        };
        let found = nearness(&self.cast.ties, &self.sides, &load)?;
        self.nearness = found;
        Ok(self)
    }

    /// Kept samples on each side.
    pub fn sizes(&self) -> BTreeMap<&'static str, u64> {
        let mut out: BTreeMap<&'static str, u64> = Side::WORDS_AND_HELD.iter().map(|word| (*word, 0)).collect();
        let kept = self.cast.members.iter().enumerate().filter(|(_, member)| member.duplicate.is_none());
        for (at, _) in kept {
            match self.sides[at] {
                Some(side) => *out.entry(side.word()).or_default() += 1,
                None if self.held[at] => *out.entry("held").or_default() += 1,
                None => {}
            }
        }
        out
    }

    /// Whether the sizes that were asked for are met within the larger of 1 % and the largest family.
    fn check_sizes(&self, shares: [f64; 3]) -> Result<(), SplitError> {
        let mut sizes = vec![0u64; self.families.sizes.len()];
        let (mut total, mut got) = (0u64, [0u64; 3]);
        for (at, member) in self.cast.members.iter().enumerate() {
            let free = self.cast.wanted[at] && member.side.is_none() && member.duplicate.is_none();
            if let Some(side) = self.sides[at].filter(|_| free) {
                total += 1;
                got[side as usize] += 1;
                sizes[self.families.of[at] as usize] += 1;
            }
        }
        let largest = sizes.into_iter().max().unwrap_or(0);
        let tolerance = (total as f64 / 100.0).max(largest as f64);
        for (side, (share, got)) in Side::ALL.iter().zip(shares.into_iter().zip(got)) {
            let asked = share * total as f64;
            if (got as f64 - asked).abs() > tolerance {
                return Err(SplitError::Sizes { side: *side, got, total, asked, largest, tolerance });
            }
        }
        Ok(())
    }

    /// What [`Store::change`] takes to record it, row by row.
    pub fn changes(&self) -> impl Iterator<Item = (u32, Value)> + '_ {
        let firsts = self.families.firsts(&self.cast.ties);
        self.cast.members.iter().enumerate().filter_map(move |(at, member)| {
            let first = self.cast.members[firsts[self.families.of[at] as usize]].row;
            let family = Some(first).filter(|first| *first != member.row);
            let (side, held) = (self.sides[at], self.held[at]);
            let revision = (side.is_some() || held).then_some(member.revision);
            let now = (member.side, member.held, member.side_revision, member.family_of);
            ((side, held, revision, family) != now).then(|| {
                let columns = json!({
                    "split": side.map(|side| side.word()), "held": i64::from(held), "side_revision": revision,
                    "family_of": family,
                });
                (member.row, columns)
            })
        })
    }

    /// What ties a member: its id and source among it.
    pub fn ties(&self, at: u32) -> &Ties {
        &self.cast.ties[at as usize]
    }

    /// The members that are held, by place.
    pub fn held(&self) -> Vec<u32> {
        (0..self.held.len() as u32).filter(|at| self.held[*at as usize]).collect()
    }

    /// The sources in which near-duplicates may part.
    pub fn parting(&self) -> BTreeSet<&str> {
        self.cast.ties.iter().filter(|ties| !ties.near).map(|ties| ties.source.as_str()).collect()
    }
}
