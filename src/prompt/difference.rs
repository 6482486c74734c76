//! Two contracts, or two rows of ids, side by side, for errors that refuse one for the other.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use super::contract::Contract;
use super::lcs;
use super::tokenizer::Tokenizer;

/// Equal lines shown around those that differ.
const AROUND: usize = 3;

/// Widest text of a column, in characters; longer ones are shown around the first place where they differ.
const WIDEST: usize = 40;

/// Writes what differs between two contracts under their names, a line for each part: its path, and its value in either. Empty
/// where nothing does.
pub fn difference(names: (&str, &str), a: &Contract, b: &Contract) -> String {
    let (mut left, mut right) = (BTreeMap::new(), BTreeMap::new());
    flatten(&a.json(), "", &mut left);
    flatten(&b.json(), "", &mut right);
    let paths: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let mut rows = Vec::new();
    for path in paths {
        let (one, other) = (left.get(path), right.get(path));
        if one != other {
            let text = |value: Option<&String>| value.cloned().unwrap_or_else(|| "-".to_owned());
            let (one, other) = shortened(&text(one), &text(other));
            rows.push((path.clone(), one, other));
        }
    }
    let width = |of: fn(&(String, String, String)) -> &String| rows.iter().map(|row| of(row).chars().count()).max();
    let (first, second) = (width(|row| &row.0).unwrap_or(0), width(|row| &row.1).unwrap_or(0));
    let second = second.max(names.0.chars().count());
    let mut out = String::new();
    if !rows.is_empty() {
        let _ = writeln!(out, "  {:first$}  {:second$}  {}", "", names.0, names.1);
    }
    for (path, one, other) in &rows {
        let _ = writeln!(out, "! {path:first$}  {one:second$}  {other}");
    }
    out
}

/// Every leaf of a value, by its path: `specials.bos`, `segments[0].name`.
fn flatten(value: &Value, path: &str, out: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(value, &format!("{path}{dot}{key}"), out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (at, value) in items.iter().enumerate() {
                flatten(value, &format!("{path}[{at}]"), out);
            }
        }
        leaf => drop(out.insert(path.to_owned(), leaf.to_string())),
    }
}

/// Two texts, each cut to a window around the first place where they differ.
fn shortened(a: &str, b: &str) -> (String, String) {
    let same = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
    let cut = |text: &str| {
        let length = text.chars().count();
        if length <= WIDEST {
            return text.to_owned();
        }
        let start = same.saturating_sub(WIDEST / 2).min(length - WIDEST);
        let inside: String = text.chars().skip(start).take(WIDEST).collect();
        let before = if start > 0 { "…" } else { "" };
        let after = if start + WIDEST < length { "…" } else { "" };
        format!("{before}{inside}{after}")
    };
    (cut(a), cut(b))
}

/// A line of two columns: places in either row of ids.
type Line = (Option<usize>, Option<usize>);

/// Writes two rows of ids in two columns under their names, id and token on each side, lines that differ marked with `!`. Of
/// equal lines those next to a difference are shown, the others counted. Empty where nothing differs.
pub fn diff_ids(names: (&str, &str), tokenizer: &Tokenizer, a: &[u32], b: &[u32]) -> String {
    if a == b {
        return String::new();
    }
    let mut lines: Vec<Line> = Vec::new();
    let (mut left, mut right) = (0, 0);
    for (x, y) in lcs::common(a, b).into_iter().chain([(a.len(), b.len())]) {
        // What stands between two equal ids is set beside each other.
        for at in 0..(x - left).max(y - right) {
            let within = |from: usize, to: usize| (from + at < to).then_some(from + at);
            lines.push((within(left, x), within(right, y)));
        }
        if x < a.len() {
            lines.push((Some(x), Some(y)));
        }
        (left, right) = (x + 1, y + 1);
    }
    let equal = |line: &Line| matches!(line, (Some(x), Some(y)) if a[*x] == b[*y]);
    let differing: Vec<usize> = (0..lines.len()).filter(|at| !equal(&lines[*at])).collect();
    let shown = |at: usize| {
        let next = differing.partition_point(|place| *place + AROUND < at);
        differing.get(next).is_some_and(|place| *place <= at + AROUND)
    };
    let cell = |ids: &[u32], at: Option<usize>| match at {
        None => String::new(),
        Some(at) => {
            let token = tokenizer.token(ids[at]).map_or("(no token)".to_owned(), |token| format!("{token:?}"));
            format!("{:>7} {token}", ids[at])
        }
    };
    let cells: Vec<(String, String)> = lines.iter().map(|(x, y)| (cell(a, *x), cell(b, *y))).collect();
    let seen = (0..lines.len()).filter(|at| shown(*at)).map(|at| cells[at].0.chars().count());
    let (one, other) = (format!("{:>7} {}", "id", names.0), format!("{:>7} {}", "id", names.1));
    let width = seen.chain([one.chars().count()]).max().unwrap_or(0);
    let mut out = format!("  {one:width$} | {other}\n");
    let mut skipped = 0;
    for (at, (one, other)) in cells.iter().enumerate() {
        if !shown(at) {
            skipped += 1;
            continue;
        }
        tell(&mut out, &mut skipped);
        let mark = if equal(&lines[at]) { ' ' } else { '!' };
        let line = format!("{mark} {one:width$} | {other}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    tell(&mut out, &mut skipped);
    out
}

fn tell(out: &mut String, skipped: &mut usize) {
    if *skipped > 0 {
        let _ = writeln!(out, "  … {skipped} equal …");
        *skipped = 0;
    }
}
