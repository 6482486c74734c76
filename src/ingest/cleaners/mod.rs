//! Cleaners: named mendings of what sources did to code on its way into a table.
//!
//! [`CLEANERS`] are applied in their order, pass after pass until one changes nothing (a fence can lie under a literal
//! newline). A cleaner is either *exact*, which means that what it takes away cannot be meant (no program starts with a
//! fence), or a *fixer*: what a fixer makes is kept only if it parses and what was there did not. Where two fixers are
//! needed at once, they are tried together under the same condition. What none of them touches costs no parsing.

mod eos_token_removed;
mod escaped_newlines;
mod fence_stripped;
mod import_added;
mod literal_newline_prefix_removed;
mod mojibake_fixed;
mod single_line_expanded;
mod spreadsheet_cr_mended;
mod tabs_to_blanks;

use std::borrow::Cow;

use crate::analyze::parse;
use crate::sample::Dialect;

/// What a cleaner may know beside the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CleanContext {
    /// Which Manim the source writes for, where its recipe or reader says.
    pub dialect: Option<Dialect>,
}

/// A text before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// What was read.
    pub before: &'static str,
    /// What it becomes; none where the cleaner leaves it alone.
    pub after: Option<&'static str>,
}

/// A cleaner.
#[derive(Debug)]
pub struct Cleaner {
    /// Its name in records and output.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// Whether its result is kept without a parse test.
    pub exact: bool,
    /// Whether it mends instructions as well.
    pub instructions: bool,
    /// Texts that it mends and texts that it leaves alone.
    pub examples: &'static [Example],
    /// Mends a text; none where there is nothing to mend.
    pub apply: fn(&str, &CleanContext) -> Option<String>,
}

/// Every cleaner, in the order of application.
pub static CLEANERS: &[&Cleaner] = &[
    &fence_stripped::CLEANER,
    &literal_newline_prefix_removed::CLEANER,
    &escaped_newlines::CLEANER,
    &single_line_expanded::CLEANER,
    &mojibake_fixed::CLEANER,
    &spreadsheet_cr_mended::CLEANER,
    &eos_token_removed::CLEANER,
    &import_added::CLEANER,
    &tabs_to_blanks::CLEANER,
];

/// Most passes over the list; each pass but the last takes a layer off.
const MAX_PASSES: usize = 4;

/// A sample's text after cleaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// The code.
    pub code: String,
    /// The instruction.
    pub instruction: Option<String>,
    /// Names of the cleaners that changed something, in order of application, each once.
    pub applied: Vec<&'static str>,
}

impl Cleaned {
    /// Whether anything was changed.
    pub fn changed(&self) -> bool {
        !self.applied.is_empty()
    }
}

/// Cleans code and instruction.
pub fn clean(code: &str, instruction: Option<&str>, context: &CleanContext) -> Cleaned {
    let mut applied = Vec::new();
    let instruction = instruction.map(|text| clean_instruction(text, context, &mut applied));
    let mut text = Cow::Borrowed(code);
    for _ in 0..MAX_PASSES {
        let mut changed = false;
        for cleaner in CLEANERS {
            if let Some(next) = step(cleaner, &text, context) {
                text = Cow::Owned(next);
                note(&mut applied, cleaner.name);
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    if let Some((next, names)) = together(&text, context) {
        text = Cow::Owned(next);
        names.into_iter().for_each(|name| note(&mut applied, name));
    }
    Cleaned { code: text.into_owned(), instruction, applied }
}

/// Takes code out of the one Markdown fence around it, with the name of the cleaner that does; none where there is none.
pub fn unfenced(code: &str) -> Option<(String, &'static str)> {
    let cleaner = &fence_stripped::CLEANER;
    Some((step(cleaner, code, &CleanContext { dialect: None })?, cleaner.name))
}

fn clean_instruction(text: &str, context: &CleanContext, applied: &mut Vec<&'static str>) -> String {
    let mut text = text.to_owned();
    for cleaner in CLEANERS.iter().filter(|cleaner| cleaner.instructions) {
        if let Some(next) = (cleaner.apply)(&text, context).filter(|next| *next != text && !next.trim().is_empty()) {
            text = next;
            note(applied, cleaner.name);
        }
    }
    text
}

fn note(applied: &mut Vec<&'static str>, name: &'static str) {
    if !applied.contains(&name) {
        applied.push(name);
    }
}

/// Applies one cleaner under its condition; none where it changes nothing or its result is not kept.
pub fn step(cleaner: &Cleaner, code: &str, context: &CleanContext) -> Option<String> {
    let next = (cleaner.apply)(code, context).filter(|next| next != code && !next.trim().is_empty())?;
    (cleaner.exact || (!parses(code) && parses(&next))).then_some(next)
}

/// Two fixers or more at once, where none of them is enough by itself.
fn together(code: &str, context: &CleanContext) -> Option<(String, Vec<&'static str>)> {
    let mut text = code.to_owned();
    let mut names = Vec::new();
    for cleaner in CLEANERS.iter().filter(|cleaner| !cleaner.exact) {
        if let Some(next) = (cleaner.apply)(&text, context).filter(|next| *next != text) {
            text = next;
            names.push(cleaner.name);
        }
    }
    (names.len() > 1 && !parses(code) && parses(&text)).then_some((text, names))
}

/// Whether Python takes the text.
fn parses(code: &str) -> bool {
    parse::check(code).is_valid()
}

#[cfg(test)]
mod tests;
