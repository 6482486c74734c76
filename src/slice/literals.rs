//! What must be in a text that a regular expression matches: pieces of text, by which the index leaves rows out.
//!
//! Only pieces in ASCII count: whatever stands around them, the composed form of a text holds them too, and so do its
//! terms, in lower case. (A mark may turn the last letter of a piece into another one; the term without accents then
//! holds it.) Everything that is not a piece is a gap, of which is known at most that it ends words. Where nothing is
//! sure, nothing is said.

use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Look};

use crate::store::index::fragments::{Condition, Fragment, Side};
use crate::text::MAX_TERM_BYTES;

/// Longest beginning of a run that is looked for: the first term of the run holds it, with room for accents.
const MAX_BEGINNING: usize = MAX_TERM_BYTES - 28;

/// What every text that matches an expression meets.
pub(super) fn needed(expression: &str) -> Condition {
    // As `regex` parses it.
    regex_syntax::Parser::new().parse(expression).map_or(Condition::Any, |hir| condition(&hir))
}

/// A piece of an expression, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    /// A character, in lower case; `true` where it is an `s` for which an `ſ` may stand.
    Char(u8, bool),
    /// `\b`.
    WordEdge,
    /// A beginning or end of the text or of a line.
    LineEdge,
    /// One character or more that end a word.
    Break,
    /// None of those, or some.
    MaybeBreak,
    /// Anything.
    Gap,
}

fn condition(hir: &Hir) -> Condition {
    let (mut items, mut all) = (Vec::new(), Vec::new());
    take_apart(hir, &mut items, &mut all);
    let mut at = 0;
    while at < items.len() {
        let length = items[at..].iter().take_while(|item| is_inside(item)).count();
        if items[at..at + length].iter().any(|item| matches!(item, Item::Char(..))) {
            fragments(&items, at, at + length, &mut all);
        }
        at += length.max(1);
    }
    match all.len() {
        0 => Condition::Any,
        1 => all.remove(0),
        _ => Condition::And(all),
    }
}

/// What takes no room between characters belongs to them.
fn is_inside(item: &Item) -> bool {
    matches!(item, Item::Char(..) | Item::WordEdge | Item::LineEdge)
}

fn take_apart(hir: &Hir, items: &mut Vec<Item>, all: &mut Vec<Condition>) {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => items
                .extend(text.chars().map(|ch| {
                    if ch.is_ascii() { Item::Char(ch.to_ascii_lowercase() as u8, false) } else { Item::Gap }
                })),
            Err(_) => items.push(Item::Gap),
        },
        HirKind::Class(Class::Unicode(class)) => items.push(match one_of(class) {
            Some(item) => item,
            None if ends_words(class) => Item::Break,
            None => Item::Gap,
        }),
        HirKind::Class(Class::Bytes(_)) => items.push(Item::Gap),
        HirKind::Look(look) => match look {
            Look::WordUnicode => items.push(Item::WordEdge),
            Look::Start | Look::End | Look::StartLF | Look::EndLF | Look::StartCRLF | Look::EndCRLF => {
                items.push(Item::LineEdge);
            }
            // Takes no room and says nothing here.
            _ => {}
        },
        HirKind::Repetition(repetition) => {
            let breaks = matches!(repetition.sub.kind(), HirKind::Class(Class::Unicode(class)) if ends_words(class));
            match (repetition.min, breaks) {
                (0, true) => items.push(Item::MaybeBreak),
                (_, true) => items.push(Item::Break),
                (0, false) => items.push(Item::Gap),
                (_, false) => {
                    take_apart(&repetition.sub, items, all);
                    items.push(Item::Gap);
                }
            }
        }
        HirKind::Capture(capture) => take_apart(&capture.sub, items, all),
        HirKind::Concat(parts) => parts.iter().for_each(|part| take_apart(part, items, all)),
        HirKind::Alternation(branches) => {
            let branches: Vec<Condition> = branches.iter().map(condition).collect();
            if !branches.contains(&Condition::Any) {
                all.push(Condition::Or(branches));
            }
            items.push(Item::Gap);
        }
    }
}

/// The character that every member of a class is in terms, if it is one.
fn one_of(class: &ClassUnicode) -> Option<Item> {
    let (mut found, mut folded) = (None, false);
    for range in class.ranges() {
        if range.len() > 4 {
            return None;
        }
        for ch in range.start()..=range.end() {
            let lower = match ch {
                // The sign for kelvins is a K in the composed form.
                '\u{212A}' => b'k',
                'ſ' => {
                    folded = true;
                    b's'
                }
                ch if ch.is_ascii() => ch.to_ascii_lowercase() as u8,
                _ => return None,
            };
            if found.is_some_and(|known| known != lower) {
                return None;
            }
            found = Some(lower);
        }
    }
    found.map(|lower| Item::Char(lower, folded))
}

/// Whether each character of a class ends a word and begins none.
fn ends_words(class: &ClassUnicode) -> bool {
    let plain = |ch: char| ch.is_whitespace() || (ch.is_ascii() && !is_part(ch as u8) && ch != '\\');
    let few = |(from, to): (char, char)| (to as u32) - (from as u32) < 128;
    !class.ranges().is_empty()
        && class
            .ranges()
            .iter()
            .all(|range| few((range.start(), range.end())) && (range.start()..=range.end()).all(plain))
}

/// Whether a character in ASCII belongs to a word.
fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// What stands beside the characters that begin (or, in `outwards`, end) at a place.
fn side<'i>(outwards: impl Iterator<Item = &'i Item>, backwards: bool) -> Side {
    let (mut word, mut near) = (false, true);
    for item in outwards {
        match item {
            Item::LineEdge | Item::Break => return Side::Closed,
            Item::Char(byte, _) if !(is_part(*byte) || backwards && *byte == b'\\') => return Side::Closed,
            Item::Char(..) | Item::Gap => break,
            Item::WordEdge => word |= near,
            Item::MaybeBreak => near = false,
        }
    }
    if word { Side::Word } else { Side::Open }
}

/// Adds the fragments of terms in the characters from one place to another.
fn fragments(items: &[Item], from: usize, to: usize, all: &mut Vec<Condition>) {
    let mut chars: Vec<(usize, u8, bool)> = Vec::new();
    for (at, item) in items.iter().enumerate().take(to).skip(from) {
        if let Item::Char(byte, folded) = item {
            chars.push((at, *byte, *folded));
        }
    }
    let mut at = 0;
    while at < chars.len() {
        let byte = chars[at].1;
        let escape = byte == b'\\' && chars.get(at + 1).is_some_and(|(_, next, _)| next.is_ascii_alphabetic());
        if !escape && !is_part(byte) {
            at += 1;
            continue;
        }
        let start = at;
        at += 1;
        while chars.get(at).is_some_and(|(_, byte, _)| is_part(*byte)) {
            at += 1;
        }
        let left = if escape { Side::Closed } else { side(items[..chars[start].0].iter().rev(), true) };
        let right = side(items[chars[at - 1].0 + 1..].iter(), false);
        let run = &chars[start..at];
        let text: String = run.iter().map(|(_, byte, _)| char::from(*byte)).collect();
        let folded = run.iter().any(|(_, _, folded)| *folded);
        all.extend(fragment(text, left, right, folded).map(Condition::Has));
    }
}

/// A fragment that is worth looking for.
fn fragment(mut text: String, left: Side, mut right: Side, folded: bool) -> Option<Fragment> {
    match (left, right) {
        (Side::Closed, Side::Closed) if text.len() > MAX_TERM_BYTES => return None,
        (Side::Closed, Side::Closed) => {}
        // A letter is nearly everywhere.
        _ if text.len() < 2 => return None,
        (Side::Closed, _) if text.len() > MAX_BEGINNING => {
            text.truncate(MAX_BEGINNING);
            right = Side::Open;
        }
        _ => {}
    }
    Some(Fragment { text, left, right, folded })
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_normalization::UnicodeNormalization;

    fn shown(expression: &str) -> String {
        fn show(condition: &Condition) -> String {
            let list = |parts: &[Condition], sign: &str| parts.iter().map(show).collect::<Vec<_>>().join(sign);
            let sign = |side: Side| match side {
                Side::Closed => "|",
                Side::Word => "'",
                Side::Open => "*",
            };
            match condition {
                Condition::Any => "any".to_owned(),
                Condition::Has(fragment) => {
                    let folded = if fragment.folded { "ſ" } else { "" };
                    format!("{}{}{}{folded}", sign(fragment.left), fragment.text, sign(fragment.right))
                }
                Condition::And(parts) => list(parts, " & "),
                Condition::Or(parts) => format!("({})", list(parts, " or ")),
            }
        }
        show(&needed(expression))
    }

    #[test]
    fn expressions_need_the_pieces_that_stand_in_them() {
        for (expression, expected) in [
            (r"lambda\s+t", "*lambda|"),
            (r"lambda\s*tx", "*lambda* & *tx*"),
            (r"\blambda\b", "'lambda'"),
            (r"self\.play\(Write", "*self| & |play| & |write*"),
            (r"(?m)^class \w+\(ThreeDScene\)", "|class| & |threedscene|"),
            (r"run_time\s*=\s*\d", "*run_time|"),
            (r"\(\s*tx\s*\)", "|tx|"),
            (r"x?transform", "*transform*"),
            (r"(?:abc)+d", "*abc*"),
            (r"(?:abc){0,3}de", "*de*"),
            (r"a|bcd", "any"),
            (r"(?:Create|Write)\(", "(*create* or *write*)"),
            (r"(?i)mask", "*mask*ſ"),
            (r"(?i)tex", "*tex*"),
            (r"[Tt]ex[aeiou]t", "*tex*"),
            (r"\\frac\{", r"|\frac|"),
            (r"\\\d+ab", "*ab*"),
            (r"[\s\\]frac", "*frac*"),
            (r"caf\u{e9}s", "*caf*"),
            (r".*", "any"),
            (r"\d+", "any"),
            (r"(?-u:\bab\b)", "*ab*"),
            (r"self\b\.play", "*self| & |play*"),
            (r"(?s)^.import", "*import*"),
            (r"\Aimport\z", "|import|"),
        ] {
            assert_eq!(shown(expression), expected, "{expression}");
        }
        assert_eq!(shown(&format!(r"\s{}", "a".repeat(140))), format!("|{}*", "a".repeat(MAX_BEGINNING)));
        assert_eq!(shown(&format!(r"\s{}\s", "a".repeat(140))), "any");
    }

    #[test]
    fn what_is_said_of_unicode_is_so() {
        for ch in ('\0'..=char::MAX).filter(|ch| !ch.is_ascii()) {
            // Only accents join a letter of ASCII, and the term without accents has the letter alone.
            let parts: Vec<char> = std::iter::once(ch).nfd().collect();
            let joined = parts.len() > 1 && parts[0].is_ascii();
            assert!(!joined || parts[1..].iter().all(|part| ('\u{300}'..='\u{36f}').contains(part)), "{ch:?}");
            // No letter of a composed text shrinks to less than half.
            let composed: String = std::iter::once(ch).nfc().collect();
            let lower: usize = composed.chars().flat_map(char::to_lowercase).map(char::len_utf8).sum();
            assert!(lower * 2 >= composed.len(), "{ch:?}");
            // Blanks stay what they are in the composed form.
            assert!(!ch.is_whitespace() || composed.chars().all(char::is_whitespace), "{ch:?}");
        }
        assert_eq!("\u{212A}".nfc().collect::<String>(), "K");
    }
}
