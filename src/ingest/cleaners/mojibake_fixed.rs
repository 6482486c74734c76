//! UTF-8 that was read as Windows-1252 or Latin-1 and written again.

use super::{CleanContext, Cleaner, Example};

/// See [`Cleaner::doc`].
pub(super) static CLEANER: Cleaner = Cleaner {
    name: "mojibake-fixed",
    doc: "Reads text back that was UTF-8, taken for Windows-1252 or Latin-1; only where every character beyond ASCII fits.",
    exact: true,
    instructions: true,
    examples: &[
        Example { before: "t = 'cafÃ© â€“ Ï€'", after: Some("t = 'café – π'") },
        Example { before: "t = 'ä½\u{a0}å¥½'", after: Some("t = '你好'") },
        Example { before: "t = 'café'", after: None },
        Example { before: "t = 'cafÃ© café'", after: None },
        Example { before: "t = 'π Ã©'", after: None },
        Example { before: "t = 'plain'", after: None },
    ],
    apply,
};

/// The byte that Windows-1252 (in the reading of web browsers, where unassigned bytes are controls) or Latin-1 writes
/// for a character.
fn byte(c: char) -> Option<u8> {
    // Windows-1252, 0x80 to 0x9f; U+0000 where it assigns nothing. https://encoding.spec.whatwg.org/index-windows-1252.txt
    const UPPER: [char; 32] = [
        '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”',
        '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
    ];
    match u32::from(c) {
        code @ 0x80..=0xff => u8::try_from(code).ok(),
        _ => UPPER.iter().position(|known| *known == c).and_then(|at| u8::try_from(at + 0x80).ok()),
    }
}

fn apply(text: &str, _: &CleanContext) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let mut fixed = String::with_capacity(text.len());
    let mut run: Vec<u8> = Vec::new();
    for c in text.chars() {
        if c.is_ascii() {
            flush(&mut run, &mut fixed)?;
            fixed.push(c);
        } else {
            run.push(byte(c)?);
        }
    }
    flush(&mut run, &mut fixed)?;
    Some(fixed)
}

/// Decodes a run of bytes; none where it is not UTF-8, or is a control character that nobody wrote.
fn flush(run: &mut Vec<u8>, fixed: &mut String) -> Option<()> {
    if run.is_empty() {
        return Some(());
    }
    let text = std::str::from_utf8(run).ok().filter(|text| !text.chars().any(char::is_control))?;
    fixed.push_str(text);
    run.clear();
    Some(())
}
