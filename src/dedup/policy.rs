//! The keep policy: who of two duplicates is kept.
//!
//! An ordered list of clauses; the first that tells two samples apart decides. The id is the last clause of every policy,
//! so the order is total.

use std::cmp::Ordering;
use std::str::FromStr;

use crate::sample::DescriptionKind;
use crate::store::index::rows::RowSet;
use crate::store::index::search::Value;
use crate::store::{Participant, Store, StoreError};

/// What samples are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clause {
    /// Rank of the source: the higher goes first.
    Rank,
    /// How far it came in validation. Nothing is validated yet, so all are equal.
    Validation,
    /// Who wrote the instruction: reviewed, human, llm, template, none.
    Description,
    /// Quality, 0 to 100: the higher goes first.
    Quality,
    /// Characters of the code: the longer goes first.
    Length,
    /// The id: the smaller goes first.
    Id,
}

impl Clause {
    /// All of them, by name, in the order of the policy that holds unless another is written down.
    pub const ALL: &[(&str, Clause)] = &[
        ("rank", Clause::Rank),
        ("validation", Clause::Validation),
        ("description", Clause::Description),
        ("quality", Clause::Quality),
        ("length", Clause::Length),
        ("id", Clause::Id),
    ];

    /// Its name.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, clause)| *clause == self).map_or("", |(word, _)| word)
    }
}

impl FromStr for Clause {
    type Err = String;

    fn from_str(word: &str) -> Result<Clause, String> {
        Self::ALL.iter().find(|(each, _)| *each == word).map(|(_, clause)| *clause).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|(word, _)| *word).collect();
            format!("`{word}` is no clause of the keep policy; clauses are {}", known.join(", "))
        })
    }
}

/// An ordered list of clauses that ends with the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy(Vec<Clause>);

impl Default for Policy {
    fn default() -> Self {
        Policy(Clause::ALL.iter().map(|(_, clause)| *clause).collect())
    }
}

impl Policy {
    /// Makes it of clauses; the id is added where it is missing.
    ///
    /// # Errors
    /// Where a clause stands twice, or one after the id, which decides everything.
    pub fn new(clauses: &[Clause]) -> Result<Policy, String> {
        let mut list: Vec<Clause> = Vec::new();
        for clause in clauses {
            if list.contains(clause) {
                return Err(format!("`{}` stands twice in the keep policy", clause.word()));
            }
            if list.last() == Some(&Clause::Id) {
                return Err(format!("`{}` stands after `id`, which leaves nothing to decide", clause.word()));
            }
            list.push(*clause);
        }
        if list.last() != Some(&Clause::Id) {
            list.push(Clause::Id);
        }
        Ok(Policy(list))
    }

    /// Its clauses, in order.
    pub fn words(&self) -> Vec<&'static str> {
        self.0.iter().map(|clause| clause.word()).collect()
    }

    /// Ranks samples.
    ///
    /// # Errors
    /// As the store.
    pub fn rank(&self, store: &Store, members: &[Participant]) -> Result<Ranked, StoreError> {
        let mut keys: Vec<Key> = members
            .iter()
            .map(|member| Key { rank: 0, description: member.description, quality: None, length: 0, id: member.id })
            .collect();
        let sources = store.numbered_sources()?;
        for (key, member) in keys.iter_mut().zip(members) {
            key.rank = sources.get(&member.source).map_or(0, |source| source.rank);
        }
        let rows: RowSet = members.iter().map(|member| member.row).collect();
        let place = |row: u32| members.binary_search_by_key(&row, |member| member.row).ok();
        let index = store.index();
        if self.0.contains(&Clause::Quality) {
            index.values("quality", &rows, &mut |row, value| {
                if let (Some(at), Value::Number(number)) = (place(row), value) {
                    keys[at].quality = Some(number as i64);
                }
            })?;
        }
        if self.0.contains(&Clause::Length) {
            index.values("chars", &rows, &mut |row, value| {
                if let (Some(at), Value::Number(number)) = (place(row), value) {
                    keys[at].length = number as i64;
                }
            })?;
        }
        let mut order: Vec<u32> = (0..members.len() as u32).collect();
        order.sort_unstable_by(|one, two| self.compare(&keys[*one as usize], &keys[*two as usize]).0);
        Ok(Ranked { policy: self.clone(), keys, order })
    }

    /// Which of two goes first, and the clause that says so.
    fn compare(&self, one: &Key, two: &Key) -> (Ordering, Clause) {
        for clause in &self.0 {
            let order = match clause {
                Clause::Rank => two.rank.cmp(&one.rank),
                Clause::Validation => Ordering::Equal,
                Clause::Description => one.description.cmp(&two.description),
                Clause::Quality => two.quality.cmp(&one.quality),
                Clause::Length => two.length.cmp(&one.length),
                Clause::Id => one.id.cmp(&two.id),
            };
            if order.is_ne() {
                return (order, *clause);
            }
        }
        (Ordering::Equal, Clause::Id)
    }
}

/// What a sample is ranked by.
#[derive(Clone, Debug)]
struct Key {
    rank: u8,
    description: DescriptionKind,
    quality: Option<i64>,
    length: i64,
    id: crate::sample::SampleId,
}

/// Samples in the order of a policy.
pub struct Ranked {
    policy: Policy,
    keys: Vec<Key>,
    /// Places, the first is kept before all others.
    pub order: Vec<u32>,
}

impl Ranked {
    /// Why one goes before another: the clause, and the values that it compared.
    pub fn decided(&self, first: u32, second: u32) -> String {
        let (one, two) = (&self.keys[first as usize], &self.keys[second as usize]);
        let (_, clause) = self.policy.compare(one, two);
        let number = |value: Option<i64>| value.map_or("none".to_owned(), |value| value.to_string());
        let values = match clause {
            Clause::Rank => format!("{} over {}", one.rank, two.rank),
            Clause::Validation => String::new(),
            Clause::Description => format!("{} over {}", one.description, two.description),
            Clause::Quality => format!("{} over {}", number(one.quality), number(two.quality)),
            Clause::Length => format!("{} over {} characters", one.length, two.length),
            Clause::Id => "the smaller".to_owned(),
        };
        format!("{}: {values}", clause.word())
    }
}
