//! The bench corpus with near-duplicates in it: most rows are those of `scenes`, some are planted variants of an earlier
//! row.
//!
//! A variant is an earlier program with numbers, names and strings changed, lines put in, taken out and moved, comments
//! and blank lines changed, until a similarity that was drawn is about reached (most end between 0.5 and 1); a few are copies to the byte, a
//! few differ in layout only. How alike two rows are is not promised by how they were made: it is computed from their
//! texts. An earlier row may be a variant itself, and every [`POPULAR`]th row is taken often, so that there are families
//! of all sizes. Equal seed and row number give equal text, so the first rows of a corpus are a smaller corpus.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use crate::scenes::{self, Row};

/// Variants among a hundred rows.
pub const PLANTED_PERCENT: u64 = 12;

/// Copies to the byte among a hundred variants.
const COPIES_PERCENT: u64 = 4;

/// Variants among a hundred that differ in comments and blank lines only.
const LAYOUT_PERCENT: u64 = 8;

/// Variants among a hundred that are of a popular row.
const OF_POPULAR_PERCENT: u64 = 25;

/// Each row whose number is a multiple of this is popular.
const POPULAR: u64 = 1000;

/// Indentation of the lines that can be put in, taken out and moved: those right in a method.
const INDENT: &str = "        ";

/// The least similarity that is aimed at; edits that overlap take less away than is reckoned.
const LOWEST: f64 = 0.42;

/// Edits that are tried at most; a few find nothing to change.
const TRIES: usize = 2000;

/// The row that row `row` of the corpus of `seed` was made from, where it is a variant.
pub fn origin(seed: u64, row: u64) -> Option<u64> {
    planted(seed, row).map(|(origin, _, _)| origin)
}

/// Makes row `row` of the corpus of `seed`.
pub fn sample(seed: u64, row: u64) -> Row {
    let Some((_, from, mut draw)) = planted(seed, row) else {
        return scenes::sample(seed, row);
    };
    let kind = draw.below(100);
    if kind < COPIES_PERCENT {
        return from;
    }
    // What is put in comes out of a program that is in no corpus of this seed.
    let donor = scenes::sample(!seed, row);
    let mut variant = Variant::new(&from.code, &donor);
    if kind < COPIES_PERCENT + LAYOUT_PERCENT {
        for _ in 0..1 + draw.below(8) {
            variant.layout(&mut draw);
        }
    } else {
        let wanted = LOWEST + (1.0 - LOWEST) * draw.unit();
        for _ in 0..TRIES {
            if variant.similarity() <= wanted {
                break;
            }
            variant.edit(&mut draw);
        }
    }
    let code = variant.lines.concat();
    let instruction = if draw.below(2) == 0 { from.instruction } else { donor.instruction };
    Row { instruction, code, broken: false }
}

/// Writes the corpus of `seed` as JSON Lines with the columns `instruction` and `code`; returns its size in bytes and how
/// many rows are variants.
pub fn write(path: &Path, rows: u64, seed: u64) -> std::io::Result<(u64, u64)> {
    let partial = path.with_extension("partial");
    let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(&partial)?);
    let mut line = String::new();
    let (mut bytes, mut variants) = (0, 0);
    for row in 0..rows {
        let made = sample(seed, row);
        variants += u64::from(origin(seed, row).is_some());
        line.clear();
        line.push_str("{\"instruction\": ");
        scenes::quote(&made.instruction, &mut line);
        line.push_str(", \"code\": ");
        scenes::quote(&made.code, &mut line);
        line.push_str("}\n");
        out.write_all(line.as_bytes())?;
        bytes += line.len() as u64;
    }
    out.flush()?;
    drop(out);
    std::fs::rename(&partial, path)?;
    Ok((bytes, variants))
}

/// The origin of a variant, its number first, and the numbers to make the variant with. Broken programs have no
/// variants: an edit could mend them.
fn planted(seed: u64, row: u64) -> Option<(u64, Row, Draw)> {
    let mut draw = Draw::new(seed, row);
    if row == 0 || draw.below(100) >= PLANTED_PERCENT {
        return None;
    }
    let mut origin = draw.below(row);
    if draw.below(100) < OF_POPULAR_PERCENT {
        origin -= origin % POPULAR;
    }
    let from = sample(seed, origin);
    (!from.broken).then_some((origin, from, draw))
}

/// A program being edited, and an estimate of what that does to its shingles of five tokens.
struct Variant<'a> {
    /// Lines with their ends.
    lines: Vec<String>,
    donor: &'a Row,
    donor_lines: Vec<&'a str>,
    words: Vec<&'a str>,
    shingles: f64,
    lost: f64,
    gained: f64,
}

impl<'a> Variant<'a> {
    fn new(code: &str, donor: &'a Row) -> Self {
        let donor_lines = donor.code.split_inclusive('\n').filter(|line| is_simple(line)).collect();
        let words =
            donor.instruction.split(|ch: char| !ch.is_ascii_alphabetic()).filter(|word| word.len() > 2).collect();
        Variant {
            lines: code.split_inclusive('\n').map(str::to_owned).collect(),
            donor,
            donor_lines,
            words,
            shingles: tokens(code),
            lost: 0.0,
            gained: 0.0,
        }
    }

    /// How alike it still is to what it was made from, about.
    fn similarity(&self) -> f64 {
        (self.shingles - self.lost).max(0.0) / (self.shingles + self.gained)
    }

    fn count(&mut self, lost: f64, gained: f64) {
        self.lost += lost;
        self.gained += gained;
    }

    fn edit(&mut self, draw: &mut Draw) {
        match draw.below(20) {
            0..=5 => self.number(draw),
            6..=8 => self.name(draw),
            9..=11 => self.string(draw),
            12..=13 => self.put_in(draw),
            14..=15 => self.take_out(draw),
            16..=17 => self.put_elsewhere(draw),
            _ => self.layout(draw),
        }
    }

    /// Another number in place of one.
    fn number(&mut self, draw: &mut Draw) {
        let at = draw.below(self.lines.len() as u64) as usize;
        let line = &self.lines[at];
        let bytes = line.as_bytes();
        let starts: Vec<usize> =
            (1..bytes.len()).filter(|&at| bytes[at].is_ascii_digit() && b" (,=-*[".contains(&bytes[at - 1])).collect();
        if starts.is_empty() {
            return;
        }
        let start = starts[draw.below(starts.len() as u64) as usize];
        let end =
            (start..bytes.len()).find(|&at| !bytes[at].is_ascii_digit() && bytes[at] != b'.').unwrap_or(bytes.len());
        let new = if line[start..end].contains('.') {
            format!("{:.2}", 0.1 + draw.unit() * 5.0)
        } else {
            (1 + draw.below(60)).to_string()
        };
        self.lines[at] = format!("{}{new}{}", &line[..start], &line[end..]);
        self.count(5.0, 5.0);
    }

    /// Another name for a variable, wherever it stands.
    fn name(&mut self, draw: &mut Draw) {
        let at = draw.below(self.lines.len() as u64) as usize;
        let Some((name, _)) = self.lines[at].trim_start().split_once(" = ") else { return };
        if name.is_empty() || !name.bytes().all(is_word) || self.words.is_empty() {
            return;
        }
        let name = name.to_owned();
        let new = format!("{}_{}", draw.pick(&self.words).to_lowercase(), draw.below(90) + 10);
        let mut met = 0;
        for line in &mut self.lines {
            let (changed, times) = renamed(line, &name, &new);
            *line = changed;
            met += times;
        }
        self.count(5.0 * met as f64, 5.0 * met as f64);
    }

    /// Another word in a string or a comment.
    fn string(&mut self, draw: &mut Draw) {
        let at = draw.below(self.lines.len() as u64) as usize;
        let line = &self.lines[at];
        let Some(open) = line.find(['"', '#']) else { return };
        let text = &line[open..];
        let starts: Vec<usize> = text.match_indices(' ').map(|(at, _)| at + 1).collect();
        if line[open..].starts_with("\"\"\"") || starts.is_empty() || self.words.is_empty() {
            return;
        }
        let start = open + starts[draw.below(starts.len() as u64) as usize];
        let end = start + line[start..].bytes().take_while(|byte| byte.is_ascii_alphabetic()).count();
        // Only what stands within the quotes, or after the sign of a comment.
        let inside = line.as_bytes()[open] == b'#' || line[open..start].matches('"').count() == 1;
        if end == start || !inside {
            return;
        }
        self.lines[at] = format!("{}{}{}", &line[..start], draw.pick(&self.words), &line[end..]);
        self.count(5.0, 5.0);
    }

    fn put_in(&mut self, draw: &mut Draw) {
        let Some(at) = self.place(draw) else { return };
        let new = if self.donor_lines.is_empty() || draw.below(4) == 0 {
            format!("{INDENT}self.wait({:.1})\n", 0.1 + draw.unit() * 3.0)
        } else {
            (*draw.pick(&self.donor_lines)).to_owned()
        };
        self.count(4.0, tokens(&new) + 4.0);
        self.lines.insert(at, new);
    }

    fn take_out(&mut self, draw: &mut Draw) {
        let Some(at) = self.removable(draw) else { return };
        let old = self.lines.remove(at);
        self.count(tokens(&old) + 4.0, 4.0);
    }

    fn put_elsewhere(&mut self, draw: &mut Draw) {
        let Some(at) = self.removable(draw) else { return };
        let line = self.lines.remove(at);
        // At another place of the same program; back where it was, where there is none.
        let to = self.place(draw).unwrap_or(at);
        self.lines.insert(to, line);
        self.count(12.0, 12.0);
    }

    /// A comment or a blank line put in or taken out.
    fn layout(&mut self, draw: &mut Draw) {
        match draw.below(4) {
            0 | 1 => {
                let Some(at) = self.place(draw) else { return };
                let blank = draw.below(2) == 0;
                let new = if blank { "\n".to_owned() } else { self.comment(draw) };
                if !blank {
                    self.count(4.0, tokens(&new) + 4.0);
                }
                self.lines.insert(at, new);
            }
            _ => {
                let at = draw.below(self.lines.len() as u64) as usize;
                let text = self.lines[at].trim();
                if text.is_empty() {
                    self.lines.remove(at);
                } else if text.starts_with('#') {
                    let old = self.lines.remove(at);
                    self.count(tokens(&old) + 4.0, 4.0);
                }
            }
        }
    }

    fn comment(&self, draw: &mut Draw) -> String {
        let mut words = self.donor.instruction.split(' ').skip(draw.below(6) as usize).take(5);
        let mut comment = format!("{INDENT}#");
        for word in &mut words {
            comment.push(' ');
            comment.push_str(word);
        }
        comment.push('\n');
        comment
    }

    /// Somewhere between the statements of a method.
    fn place(&self, draw: &mut Draw) -> Option<usize> {
        let places: Vec<usize> = (0..self.lines.len()).filter(|&at| is_simple(&self.lines[at])).collect();
        (!places.is_empty()).then(|| places[draw.below(places.len() as u64) as usize])
    }

    /// A statement of a method that is not the first of a block, which could be the only one.
    fn removable(&self, draw: &mut Draw) -> Option<usize> {
        let at = self.place(draw)?;
        let before = self.lines[..at]
            .iter()
            .rev()
            .map(|line| line.trim())
            .find(|line| !line.is_empty() && !line.starts_with('#'));
        before.is_some_and(|line| !line.ends_with(':')).then_some(at)
    }
}

/// Whether a line is one whole statement right in a method.
fn is_simple(line: &str) -> bool {
    let Some(text) = line.strip_prefix(INDENT) else { return false };
    let text = text.trim_end();
    let count = |sign: char| text.matches(sign).count();
    text.starts_with(|ch: char| ch.is_ascii_lowercase() || ch == '_')
        && !text.ends_with([':', ',', '\\'])
        && !text.starts_with("return")
        && !text.contains("\"\"\"")
        && count('(') == count(')')
        && count('[') == count(']')
        && count('{') == count('}')
        && count('"') % 2 == 0
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A line with a name in place of another, and how often it was met.
fn renamed(line: &str, name: &str, new: &str) -> (String, usize) {
    let bytes = line.as_bytes();
    let (mut out, mut from, mut times) = (String::with_capacity(line.len()), 0, 0);
    for (at, _) in line.match_indices(name) {
        let end = at + name.len();
        let whole = at.checked_sub(1).is_none_or(|before| !is_word(bytes[before]) && bytes[before] != b'.')
            && !bytes.get(end).is_some_and(|&after| is_word(after));
        if whole {
            out.push_str(&line[from..at]);
            out.push_str(new);
            from = end;
            times += 1;
        }
    }
    out.push_str(&line[from..]);
    (out, times)
}

/// Tokens of a text: words, and each other sign that is no blank.
fn tokens(text: &str) -> f64 {
    let (mut count, mut in_word) = (0u32, false);
    for byte in text.bytes() {
        let word = is_word(byte);
        count += u32::from(if word { !in_word } else { !byte.is_ascii_whitespace() });
        in_word = word;
    }
    f64::from(count)
}

/// Numbers to draw with: splitmix64 (Steele, Lea, Flood 2014), apart from those that the programs are made with.
struct Draw(u64);

impl Draw {
    fn new(seed: u64, row: u64) -> Self {
        let mut draw = Draw(seed.rotate_left(32) ^ row.wrapping_mul(0xa24b_aed4_963e_e407));
        Draw(draw.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}
