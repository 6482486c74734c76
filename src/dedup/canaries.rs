//! Canaries: copies of the reference, changed in known ways, that a run has to find before its results count.
//!
//! A search that finds nothing may be right, or blind. So every run plants variants of up to [`MOST`] of the reference's
//! own items of each [`Class`], chosen by hash, and looks at them by what samples are looked at. One that is missed makes
//! the run fail. Variants are made of tokens and words by rules of their own, which share nothing with what they test but
//! the lexer; each rule keeps to changes after which the search must still find the text.

mod code;
mod prompts;

use super::contamination::{Item, LEAST_WORDS, Looked, Reference};
use crate::sample::hash16;
use crate::store::FoundAs;

/// Most items of a class that variants are planted of.
pub const MOST: usize = 200;

/// What was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Nothing.
    Verbatim,
    /// Line ends, blank lines, indentation, blanks between tokens.
    Reformatted,
    /// Comments are gone.
    CommentsStripped,
    /// There are comments in every line.
    CommentsAdded,
    /// Names that the code binds, and literals.
    Renamed,
    /// Case and punctuation of the instruction; in longer ones also a word, or the order of two.
    Reworded,
}

impl Class {
    /// All of them, with a word for programs and one for people.
    pub const ALL: &[(Class, &str, &str)] = &[
        (Class::Verbatim, "verbatim", "verbatim"),
        (Class::Reformatted, "reformatted", "reformatted"),
        (Class::CommentsStripped, "comments_stripped", "comments stripped"),
        (Class::CommentsAdded, "comments_added", "comments added"),
        (Class::Renamed, "renamed", "renamed"),
        (Class::Reworded, "prompt_reworded", "prompt reworded"),
    ];

    /// Its name.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(class, ..)| *class == self).map_or("", |(_, word, _)| word)
    }

    /// Its name in a table.
    pub fn title(self) -> &'static str {
        Self::ALL.iter().find(|(class, ..)| *class == self).map_or("", |(.., title)| title)
    }
}

/// A changed copy of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planted {
    /// What was changed.
    pub class: Class,
    /// Place of the item among those of the reference.
    pub item: u32,
    /// The code; empty where the class is about the instruction.
    pub code: String,
    /// The instruction, where the class is about it.
    pub instruction: Option<String>,
}

/// How a class fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The class.
    pub class: Class,
    /// How many were planted.
    pub planted: u64,
    /// How many of these were found.
    pub found: u64,
    /// Those that were missed.
    pub missed: Vec<Planted>,
    /// Why so few were planted, where the class does not suit some item.
    pub unsuited: Option<String>,
}

/// The variant of an item that belongs to a class; `None` where the item does not suit it.
pub fn plant(class: Class, item: &Item) -> Option<(String, Option<String>)> {
    if class == Class::Reworded {
        let instruction = item.instruction.as_deref()?;
        let seed = u64::from(digest(class, item)[15]);
        return Some((String::new(), Some(prompts::reworded(instruction, seed)?)));
    }
    let original = &item.code;
    if original.trim().is_empty() {
        return None;
    }
    let variant = match class {
        Class::Verbatim => Some(original.clone()),
        Class::Reformatted => code::reformatted(original),
        Class::CommentsStripped => code::without_comments(original),
        Class::CommentsAdded => code::with_comments(original),
        Class::Renamed => code::renamed(original),
        Class::Reworded => None,
    };
    Some((variant?, None))
}

/// Plants canaries of every class and looks at them by `look`, which is [`Reference::find`] but in tests.
pub fn run(reference: &Reference, look: &dyn Fn(&str, Option<&str>) -> Looked) -> Vec<Outcome> {
    Class::ALL.iter().map(|(class, ..)| run_class(reference, *class, look)).collect()
}

fn run_class(reference: &Reference, class: Class, look: &dyn Fn(&str, Option<&str>) -> Looked) -> Outcome {
    let items = reference.items();
    let mut order: Vec<([u8; 16], u32)> =
        items.iter().enumerate().map(|(at, item)| (digest(class, item), at as u32)).collect();
    order.sort_unstable();
    let mut outcome = Outcome { class, planted: 0, found: 0, missed: Vec::new(), unsuited: None };
    let mut unsuited = 0u64;
    for (_, at) in order {
        if outcome.planted as usize >= MOST {
            break;
        }
        let item = &items[at as usize];
        // Short code has no renamed form that is searched.
        let takes_part = class != Class::Renamed || reference.is_above_floor(at);
        let Some((code, instruction)) = Some(item).filter(|_| takes_part).and_then(|item| plant(class, item)) else {
            unsuited += 1;
            continue;
        };
        outcome.planted += 1;
        let weakest = match class {
            Class::Verbatim => FoundAs::Exact,
            Class::Reformatted | Class::CommentsStripped | Class::CommentsAdded => FoundAs::Near,
            Class::Renamed => FoundAs::Renamed,
            Class::Reworded => FoundAs::Prompt,
        };
        let looked = look(&code, instruction.as_deref());
        if looked.hits.iter().any(|hit| hit.item == at && hit.method <= weakest) {
            outcome.found += 1;
        } else {
            outcome.missed.push(Planted { class, item: at, code, instruction });
        }
    }
    if unsuited > 0 {
        outcome.unsuited = Some(match class {
            Class::Verbatim | Class::Reformatted => format!("{unsuited} without code"),
            Class::CommentsStripped => format!("{unsuited} without comments"),
            Class::CommentsAdded => format!("{unsuited} without a line that takes one"),
            Class::Renamed => format!("{unsuited} below the floor, or without names of their own"),
            Class::Reworded => format!("{unsuited} without an instruction"),
        });
    }
    outcome
}

/// What items are chosen by, and what chooses among the ways to change one.
fn digest(class: Class, item: &Item) -> [u8; 16] {
    let instruction = item.instruction.as_deref().unwrap_or_default();
    hash16(&[class.word().as_bytes(), item.place.as_bytes(), instruction.as_bytes(), item.code.as_bytes()])
}
