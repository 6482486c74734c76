//! Drawing for people: query errors with their place, tables, text that cannot reach the terminal's controls.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use unicode_width::UnicodeWidthStr;

use crate::query::QueryError;

/// Makes text from outside safe for a terminal: control characters (but newline and tab) are shown as `␛`-like symbols.
pub fn safe(text: &str) -> String {
    text.chars()
        .map(|ch| match ch {
            '\n' | '\t' => ch,
            // Control pictures stand at U+2400 + code.
            '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + ch as u32).unwrap_or('\u{FFFD}'),
            '\u{7f}' => '\u{2421}',
            '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                '\u{FFFD}'
            }
            other => other,
        })
        .collect()
}

/// A name from outside, safe for a terminal and on one line: of a file, or a command that names one.
pub fn name(text: &str) -> String {
    safe(text).replace('\n', "\u{240a}").replace('\t', "\u{2409}")
}

/// One line of text, at most `width` columns wide; what is cut ends in `…`.
pub fn line(text: &str, width: usize) -> String {
    let one: String = safe(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if one.width() <= width {
        return one;
    }
    let mut out = String::new();
    for ch in one.chars() {
        let mut next = out.clone();
        next.push(ch);
        if next.width() + 1 > width {
            break;
        }
        out = next;
    }
    out.push('…');
    out
}

/// A table: left-aligned columns, numbers right-aligned, no lines. Cells are made safe; the last column takes the width that is left.
pub fn table(head: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let columns = head.len();
    let mut widths: Vec<usize> = head.iter().map(|title| title.width()).collect();
    for row in rows {
        for (at, cell) in row.iter().enumerate().take(columns) {
            widths[at] = widths[at].max(line(cell, 60).width());
        }
    }
    if let Some((last, before)) = widths.split_last_mut() {
        let used: usize = before.iter().sum::<usize>() + 2 * before.len();
        let natural =
            rows.iter().filter_map(|row| row.get(columns - 1)).map(|cell| line(cell, 400).width()).max().unwrap_or(0);
        *last = natural.max(head[columns - 1].width()).min(width.saturating_sub(used).max(20));
    }
    let numeric: Vec<bool> = (0..columns)
        .map(|at| !rows.is_empty() && rows.iter().all(|row| row.get(at).is_some_and(|cell| is_number(cell))))
        .collect();
    let mut out = String::new();
    let mut put = |cells: Vec<String>| {
        let mut text = String::new();
        for (at, cell) in cells.iter().enumerate() {
            let shown = line(cell, widths[at]);
            let pad = " ".repeat(widths[at].saturating_sub(shown.width()));
            let parts = if numeric[at] { [pad.as_str(), shown.as_str()] } else { [shown.as_str(), pad.as_str()] };
            text.push_str(&parts.concat());
            text.push_str("  ");
        }
        out.push_str(text.trim_end());
        out.push('\n');
    };
    put(head.iter().map(|title| (*title).to_owned()).collect());
    for row in rows {
        put(row.clone());
    }
    out
}

fn is_number(cell: &str) -> bool {
    cell.is_empty() || cell.trim_end_matches('%').replace(['.', ','], "").parse::<i64>().is_ok()
}

/// A count with a thin structure for the eye: 12,345.
pub fn thousands(count: u64) -> String {
    crate::report::thousands(count.into())
}

#[derive(Debug)]
struct Drawn {
    message: String,
    help: Option<String>,
    source: NamedSource<String>,
    labels: Vec<LabeledSpan>,
}

impl std::fmt::Display for Drawn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Drawn {}

impl Diagnostic for Drawn {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// A wrong query: the sentence, the place marked, and what to write instead; then the places inside saved queries.
pub fn query_error(error: &QueryError, text: &str, colour: bool) -> String {
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
    let mut help: Vec<String> = Vec::new();
    help.extend(error.help.iter().cloned());
    help.extend(error.suggestions.iter().map(|suggestion| format!("write: {suggestion}")));
    if error.suggestions.is_empty() && !error.expected.is_empty() {
        help.push(format!("expected: {}", error.expected.join(", ")));
    }
    let mut out = String::new();
    let mut draw =
        |message: String, name: &str, text: &str, span: (usize, usize), label: &str, help: Option<String>| {
            let (text, span) = excerpt(text, span);
            let from = span.0.min(text.len());
            let length = span.1.saturating_sub(from).min(text.len() - from);
            let drawn = Drawn {
                message: safe(&message),
                help: help.map(|help| safe(&help)),
                source: NamedSource::new(name, safe(text)),
                labels: vec![LabeledSpan::new(Some(label.to_owned()), from, length)],
            };
            if handler.render_report(&mut out, &drawn).is_err() {
                out.push_str(&drawn.message);
            }
        };
    let help = (!help.is_empty()).then(|| help.join("\n"));
    let label = if error.trace.is_empty() { "here" } else { "named here" };
    draw(format!("error: {}", error.message), "query", text, error.span, label, help);
    for place in &error.trace {
        draw(format!("in the saved query @{}", place.name), &place.path, &place.text, place.span, "here", None);
    }
    out
}

/// A text that is not too long to be drawn, and the place in it: of a long one what lies around the beginning of the place.
fn excerpt(text: &str, span: (usize, usize)) -> (&str, (usize, usize)) {
    const LONG: usize = 4_000;
    const AROUND: usize = 80;
    if text.len() <= LONG {
        return (text, span);
    }
    let boundary = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (from, to) = (boundary(span.0.saturating_sub(AROUND)), boundary(span.0.saturating_add(AROUND)));
    (&text[from..to], (span.0 - from, span.1.min(to) - from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_do_not_reach_the_terminal() {
        assert_eq!(safe("a\u{1b}[31mb\u{7}\n\tc\u{202e}"), "a␛[31mb␇\n\tc\u{FFFD}");
        assert_eq!(name("a\n\tb\u{1b}"), "a␊␉b␛");
    }

    #[test]
    fn of_a_long_text_only_the_place_is_drawn() {
        let text = format!("{}é{}", "a ".repeat(5_000), "b ".repeat(5_000));
        let (shown, span) = excerpt(&text, (10_000, 20_000));
        assert!(shown.len() < 200 && shown[span.0..].starts_with('é'), "{shown}");
        assert_eq!(excerpt("short", (1, 2)), ("short", (1, 2)));
    }

    #[test]
    fn long_lines_are_cut_where_all_can_see_it() {
        assert_eq!(line("one two three", 8), "one two…");
        assert_eq!(line("圆圆圆", 5), "圆圆…");
        assert_eq!(line("short", 8), "short");
    }

    #[test]
    fn thousands_are_marked() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1234567), "1,234,567");
    }

    #[test]
    fn tables_align_numbers_to_the_right() {
        let drawn = table(&["name", "rows"], &[vec!["a".into(), "5".into()], vec!["bb".into(), "12".into()]], 80);
        assert_eq!(drawn, "name  rows\na        5\nbb      12\n");
    }
}
