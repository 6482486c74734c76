//! The bench corpus: programs like those people write with Manim CE, made from a seed.
//!
//! Every program is put together from blocks (a plot, a formula, a loop of dots, a table, a tracker with an updater, ...)
//! with names, numbers, colours, formulas and comments of its own. A hundredth of them are broken. Equal seed and row
//! number give equal text; nothing is taken from anywhere.

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::Path;

mod blocks;
mod words;

/// One in so many programs does not parse.
pub const BROKEN_ONE_IN: u64 = 100;

/// A generator of numbers: splitmix64 (Steele, Lea, Flood 2014).
pub struct Rng(u64);

impl Rng {
    /// Begins at a seed.
    pub fn new(seed: u64) -> Self {
        Rng(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// Uniform in [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// A decimal with one or two places, as people type them.
    fn decimal(&mut self, low: f64, high: f64) -> String {
        let value = low + self.unit() * (high - low);
        if self.chance(60) { format!("{value:.1}") } else { format!("{value:.2}") }
    }
}

/// A row of the corpus.
pub struct Row {
    /// What the program shows.
    pub instruction: String,
    /// The program.
    pub code: String,
    /// Whether it was broken on purpose.
    pub broken: bool,
}

/// Makes row `row` of the corpus of `seed`.
pub fn sample(seed: u64, row: u64) -> Row {
    let mut mix = Rng::new(seed ^ row.wrapping_mul(0xd6e8_feb8_6659_fd93));
    let mut rng = Rng::new(mix.next());
    // Lengths spread log-normally, as real ones do; the mean is set by trial.
    let normal = (0..6).map(|_| rng.unit()).sum::<f64>() - 3.0;
    let target = (1688.0 * (normal * 0.75).exp()).clamp(350.0, 14_000.0) as usize;
    let mut program = blocks::Program::new(&mut rng);
    while program.len() < target {
        program.block(&mut rng);
    }
    let (mut code, instruction) = program.finish(&mut rng);
    let broken = row % BROKEN_ONE_IN == BROKEN_ONE_IN / 2;
    if broken {
        break_it(&mut code, &mut rng);
    }
    Row { instruction, code, broken }
}

/// Makes a program one that does not parse.
fn break_it(code: &mut String, rng: &mut Rng) {
    match rng.below(3) {
        0 => {
            // A bracket that is never closed.
            let at = code.rfind(')').expect("every program calls something");
            code.remove(at);
        }
        1 => {
            // A line that is indented for no reason, at the end.
            code.push_str("          self.wait()\n");
        }
        _ => {
            // A string that is cut off, as at a limit of tokens.
            code.push_str("        self.play(Write(Text(\"");
            code.push_str(rng.pick(words::NOUNS));
            code.push('\n');
        }
    }
}

/// Writes the corpus of `seed` as JSON Lines with the columns `instruction` and `code`; returns its size in bytes and how
/// many programs are broken.
pub fn write(path: &Path, rows: u64, seed: u64) -> std::io::Result<(u64, u64)> {
    let partial = path.with_extension("partial");
    let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(&partial)?);
    let mut line = String::new();
    let (mut bytes, mut broken) = (0, 0);
    for row in 0..rows {
        let made = sample(seed, row);
        broken += u64::from(made.broken);
        line.clear();
        line.push_str("{\"instruction\": ");
        quote(&made.instruction, &mut line);
        line.push_str(", \"code\": ");
        quote(&made.code, &mut line);
        line.push_str("}\n");
        out.write_all(line.as_bytes())?;
        bytes += line.len() as u64;
    }
    out.flush()?;
    drop(out);
    std::fs::rename(&partial, path)?;
    Ok((bytes, broken))
}

/// Writes a text as JSON.
pub fn quote(text: &str, out: &mut String) {
    out.push('"');
    for ch in text.chars() {
        match ch {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ch if (ch as u32) < 32 => {
                let _ = write!(out, "\\u{:04x}", ch as u32);
            }
            ch => out.push(ch),
        }
    }
    out.push('"');
}
