//! Texts made into grids of cells: pipe tables, separated values, aligned columns.

use super::json;
use super::names::{Meaning, meaning};
use super::{CheckError, excerpt};

/// How many rows are looked at to learn whether each is a quantity.
pub(super) const MOST_LINES: usize = 500;

/// A cell: its text, where there is one, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub text: Option<String>,
    pub place: String,
}

/// A table as it is written: titles, and rows with as many cells as there are titles.
#[derive(Clone, Debug, Default)]
pub(super) struct Grid {
    pub header: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
    /// Where each row stands.
    pub places: Vec<String>,
    /// Where the titles stand.
    pub at: String,
}

impl Grid {
    /// How many titles and names of rows mean something.
    pub fn known(&self) -> usize {
        let known = |name: &str| !matches!(meaning(name), Meaning::Unknown | Meaning::Other | Meaning::Rows);
        let rows = self.rows.iter().take(MOST_LINES).filter_map(|row| row.first()?.text.as_deref());
        self.header.iter().map(String::as_str).chain(rows).filter(|name| known(name)).count()
    }

    /// Whether a whole number stands anywhere behind the names of the rows.
    pub fn counts(&self) -> bool {
        let whole = |cell: &Cell| matches!(cell.text.as_deref().map(number), Some(Number::Whole(_)));
        self.rows.iter().any(|row| row.iter().skip(1).any(whole))
    }

    fn push(&mut self, line: usize, cells: Vec<String>) -> Result<(), CheckError> {
        if cells.len() > self.header.len() {
            return Err(CheckError::UnevenRow { line, cells: cells.len(), columns: self.header.len() });
        }
        let place = format!("line {line}");
        let mut row: Vec<Cell> =
            cells.into_iter().map(|text| Cell { text: Some(text), place: place.clone() }).collect();
        row.resize_with(self.header.len(), || Cell { text: Some(String::new()), place: place.clone() });
        self.rows.push(row);
        self.places.push(place);
        Ok(())
    }
}

/// The tables of a text. The name of its file, where there is one, says the form; else the text does.
pub(super) fn grids(text: &str, name_hint: Option<&str>) -> Result<Vec<Grid>, CheckError> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(CheckError::Empty);
    }
    let ending = name_hint.and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("json" | "jsonl" | "ndjson") => return json::grids(text),
        Some("csv") => return separated(text, separator(text).unwrap_or(',')),
        Some("tsv" | "tab") => return separated(text, '\t'),
        _ => {}
    }
    let first = text.trim_start().chars().next();
    let pipes = piped(text);
    if matches!(first, Some('{' | '[')) {
        let found = json::grids(text);
        if found.is_ok() || !matches!(&pipes, Ok(grids) if !grids.is_empty()) {
            return found;
        }
    }
    let pipes = pipes?;
    if !pipes.is_empty() {
        return Ok(pipes);
    }
    let lines = named_numbers(text)?;
    if lines.known() > 1 {
        return Ok(vec![lines]);
    }
    let known = |grids: &[Grid]| grids.iter().any(|grid| grid.known() > 0);
    let values = separator(text).map(|separator| separated(text, separator));
    if matches!(&values, Some(Ok(grids)) if known(grids)) {
        return values.unwrap_or(Err(CheckError::NoTable));
    }
    let columns = aligned(text)?;
    if known(&columns) {
        return Ok(columns);
    }
    match values {
        // A row of another length is worth a word only where the titles are those of a table.
        Some(Err(error)) if known_titles(text) => Err(error),
        Some(Ok(grids)) if grids.iter().any(|grid| grid.header.len() > 1 && !grid.rows.is_empty()) => Ok(grids),
        _ if columns.is_empty() => Err(CheckError::NoTable),
        _ => Ok(columns),
    }
}

/// Lines like `- Raw rows: 7,434`, wherever they stand in the text.
fn named_numbers(text: &str) -> Result<Grid, CheckError> {
    let mut grid = Grid { header: vec![String::new(); 2], at: "line 1".to_owned(), ..Grid::default() };
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_start_matches(['-', '*', '+', '•', ' ', '\t']);
        if let Some((name, count)) = line.rsplit_once(':')
            && let Number::Whole(_) = number(count)
        {
            grid.push(at + 1, vec![name.trim().to_owned(), count.trim().to_owned()])?;
        }
    }
    Ok(grid)
}

fn first_line(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or("")
}

/// What parts the values of the first line.
fn separator(text: &str) -> Option<char> {
    ['\t', ';', ','].into_iter().find(|separator| first_line(text).contains(*separator))
}

/// Whether a text that is no table looks like one that is spoilt: short titles that are known, and a number below them.
fn known_titles(text: &str) -> bool {
    const LONGEST_WORDS: usize = 4;
    let Some(separator) = separator(text) else { return false };
    let header: Vec<String> =
        first_line(text).split(separator).map(|title| title.trim_matches(['"', ' ']).to_owned()).collect();
    let short = header.iter().all(|title| title.split_whitespace().count() <= LONGEST_WORDS);
    let numbers = text.trim_start().lines().skip(1).any(|line| line.contains(|ch: char| ch.is_ascii_digit()));
    short && numbers && Grid { header, ..Grid::default() }.known() > 1
}

fn separated(text: &str, separator: char) -> Result<Vec<Grid>, CheckError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .delimiter(u8::try_from(separator).unwrap_or(b','))
        .from_reader(text.as_bytes());
    let mut grid = Grid::default();
    for record in reader.records() {
        let record = record.map_err(|error| CheckError::Csv { message: error.to_string() })?;
        let line = record.position().map_or(1, |position| usize::try_from(position.line()).unwrap_or(usize::MAX));
        let cells: Vec<String> = record.iter().map(str::to_owned).collect();
        if grid.header.is_empty() {
            (grid.header, grid.at) = (cells, format!("line {line}"));
        } else if cells.len() < grid.header.len() {
            return Err(CheckError::UnevenRow { line, cells: cells.len(), columns: grid.header.len() });
        } else {
            grid.push(line, cells)?;
        }
    }
    Ok(vec![grid])
}

/// Pipe tables, wherever they stand in the text.
fn piped(text: &str) -> Result<Vec<Grid>, CheckError> {
    let lines: Vec<&str> = text.lines().map(|line| line.trim().trim_start_matches("> ").trim()).collect();
    let mut grids = Vec::new();
    let mut at = 0;
    while at + 1 < lines.len() {
        if !(lines[at].contains('|') && is_rule(lines[at + 1])) {
            at += 1;
            continue;
        }
        let mut grid = Grid { header: pipe_cells(lines[at]), at: format!("line {}", at + 1), ..Grid::default() };
        at += 2;
        while let Some(line) = lines.get(at).filter(|line| line.contains('|')) {
            if !is_rule(line) {
                grid.push(at + 1, pipe_cells(line))?;
            }
            at += 1;
        }
        grids.push(grid);
    }
    Ok(grids)
}

fn is_rule(line: &str) -> bool {
    line.contains('-') && line.chars().all(|ch| matches!(ch, '|' | '-' | ':' | '+' | ' '))
}

/// Cells of a line of a pipe table; a backslash takes the meaning from the sign after it.
fn pipe_cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut chars = line.chars().peekable();
    let mut closed = false;
    while let Some(ch) = chars.next() {
        closed = ch == '|';
        match (ch, cells.last_mut()) {
            ('|', _) => cells.push(String::new()),
            ('\\', Some(cell)) if chars.peek().is_some_and(char::is_ascii_punctuation) => cell.extend(chars.next()),
            (ch, Some(cell)) => cell.push(ch),
            (_, None) => {}
        }
    }
    if closed && cells.len() > 1 {
        cells.pop();
    }
    if line.starts_with('|') {
        cells.remove(0);
    }
    cells.into_iter().map(|cell| cell.trim().to_owned()).collect()
}

/// Columns that two blanks or more part; an empty line ends a table.
fn aligned(text: &str) -> Result<Vec<Grid>, CheckError> {
    let mut grids: Vec<Grid> = Vec::new();
    let mut grid = Grid::default();
    let mut uneven = None;
    for (at, line) in text.lines().chain(std::iter::once("")).enumerate() {
        let cells: Vec<String> = line
            .replace('\t', "  ")
            .split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .map(str::to_owned)
            .collect();
        if cells.is_empty() {
            let whole = std::mem::take(&mut grid);
            match uneven.take() {
                Some(error) if whole.known() > 1 => return Err(error),
                None if !whole.rows.is_empty() => grids.push(whole),
                _ => {}
            }
        } else if grid.header.is_empty() {
            if cells.len() > 1 {
                (grid.header, grid.at) = (cells, format!("line {}", at + 1));
            }
        } else if line.chars().all(|ch| matches!(ch, '-' | '=' | '─' | '═' | '+' | ' ')) {
            // A rule below the titles or above the total.
        } else if cells.len() == grid.header.len() {
            grid.push(at + 1, cells)?;
        } else {
            let columns = grid.header.len();
            uneven.get_or_insert(CheckError::UnevenRow { line: at + 1, cells: cells.len(), columns });
        }
    }
    Ok(grids)
}

/// A name without marks of emphasis and without the target of a link.
pub(super) fn unmarked(text: &str) -> String {
    let mut text = text.trim().to_owned();
    while let Some(from) = text.find("](") {
        let to = text[from..].find(')').map_or(text.len(), |to| from + to + 1);
        text.replace_range(from..to, "");
    }
    excerpt(text.trim_matches(['*', '_', '`', '~', '[', ' ']))
}

/// The number that a cell holds.
pub(super) enum Number {
    /// A whole number.
    Whole(i64),
    /// No text at all.
    Blank,
    /// Something else.
    Not,
}

/// Reads a whole number: emphasis, a share in parentheses, a minus sign and marks between thousands are allowed; a dash
/// alone is zero.
pub(super) fn number(text: &str) -> Number {
    let mut text = text.trim().trim_matches(['*', '`', ' ']);
    text = text.strip_prefix('_').and_then(|rest| rest.strip_suffix('_')).unwrap_or(text);
    if let Some((before, note)) = text.split_once('(')
        && note.trim_end().ends_with(')')
        && note.contains('%')
    {
        text = before.trim_end();
    }
    if text.is_empty() {
        return Number::Blank;
    }
    if matches!(text, "-" | "–" | "—" | "−") {
        return Number::Whole(0);
    }
    let (sign, digits) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (-1, rest.trim_start()),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.strip_suffix(".0").or(digits.strip_suffix(".00")).unwrap_or(digits);
    let marks = [',', ' ', '\u{a0}', '\u{2009}', '\u{202f}', '_', '\'', '\u{2019}'];
    let whole = match digits.chars().find(|ch| marks.contains(ch)) {
        None => digits.to_owned(),
        Some(mark) => {
            let groups: Vec<&str> = digits.split(mark).collect();
            let first = groups.first().map_or(0, |group| group.len());
            if !(1..=3).contains(&first) || groups.iter().skip(1).any(|group| group.len() != 3) {
                return Number::Not;
            }
            groups.concat()
        }
    };
    if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return Number::Not;
    }
    whole.parse::<i64>().map_or(Number::Not, |value| Number::Whole(sign * value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let read = |text: &str| match number(text) {
            Number::Whole(value) => Some(value),
            Number::Blank | Number::Not => None,
        };
        for text in
            ["7434", "7,434", " **7 434** ", "7\u{2009}434", "7_434", "7'434", "7434.0", "7,434 (12.5 %)", "+7,434"]
        {
            assert_eq!(read(text), Some(7434), "{text}");
        }
        assert_eq!(read("\u{2212}3,827"), Some(-3827));
        assert_eq!(read("-3827"), Some(-3827));
        assert_eq!(read("–"), Some(0));
        for text in
            ["7,43", "7.434", "~7434", "7.4k", "1,00,000", "7,434 (8)", "n/a", "99999999999999999999", "1 2", ""]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn escaped_pipes_do_not_part_cells() {
        assert_eq!(pipe_cells(r"| a\|b | c\\ | **d** |"), ["a|b", r"c\", "**d**"]);
        assert_eq!(pipe_cells("a | b"), ["a", "b"]);
        assert_eq!(unmarked("**[raw](https://example.org/after)**"), "raw");
    }
}
