//! A table whose names are understood, and the equations that it must fulfil.

use std::collections::{BTreeMap, HashMap};

use super::super::equation::{Equation, Term, narrow, unexplained};
use super::names::{Meaning, Role, is_general, is_reason, is_total, meaning, segments, sums_up, without_reason, words};
use super::tables::{Cell, Grid, MOST_LINES, Number, number, unmarked};
use super::{CheckError, Checked, Finding, excerpt, listed, thousands};

/// How many names may have a second meaning before only the first is tried.
const MOST_DOUBTS: usize = 6;
/// How many other ways of removal one may be tried as the sum of.
const MOST_PARTS: usize = 8;
/// From how many ways of removal on no sum among them is looked for.
const MOST_WAYS: usize = 40;
/// How many such readings are tried.
const MOST_SUMS: usize = 256;

pub(super) struct Column {
    /// Its title without marks.
    pub name: String,
    /// What a sentence calls it: of a path the end, in small letters.
    short: String,
    /// What it may count, the likelier first; none for a part of another column.
    roles: Vec<Role>,
    /// The column that it breaks down.
    part_of: Option<usize>,
}

pub(super) struct Record {
    place: String,
    pub name: String,
    pub total: bool,
    pub values: Vec<Option<i128>>,
}

/// A table whose names are understood.
pub(super) struct Sheet {
    pub(super) columns: Vec<Column>,
    pub(super) records: Vec<Record>,
    reading: Reading,
    laws: Vec<Law>,
}

/// What each column counts, and which one sums up which others.
#[derive(Clone)]
struct Reading {
    roles: Vec<Option<Role>>,
    sum: Option<(usize, Vec<usize>)>,
}

impl Reading {
    fn of(&self, role: Role) -> Vec<usize> {
        self.roles.iter().enumerate().filter(|(_, own)| **own == Some(role)).map(|(at, _)| at).collect()
    }
}

/// An equation over columns: `from − minus = to`.
struct Law {
    from: usize,
    minus: Vec<usize>,
    to: Vec<usize>,
}

impl Sheet {
    /// Understands a table; none where no name is known.
    pub fn read(grid: &Grid) -> Result<Option<Sheet>, CheckError> {
        let grid = &upright(grid);
        let mut columns = columns(grid);
        if columns.iter().all(|column| column.roles.is_empty()) {
            return Ok(None);
        }
        if grid.rows.is_empty() {
            let found = listed(grid.header.iter().map(|title| unmarked(title)));
            return Err(CheckError::NoRows { place: grid.at.clone(), found });
        }
        name_column(grid, &mut columns);
        let records = records(grid, &columns)?;
        let mut sheet = Sheet { reading: Reading { roles: Vec::new(), sum: None }, laws: Vec::new(), columns, records };
        (sheet.reading, sheet.laws) = sheet.best_reading();
        Ok(Some(sheet))
    }

    /// The known columns and what each counts.
    pub fn known(&self) -> Vec<String> {
        self.columns.iter().filter(|column| !column.roles.is_empty()).map(|column| column.name.clone()).collect()
    }

    /// Tests the equations of every row and of the totals.
    pub fn check(&self, checked: &mut Checked) {
        let before = checked.laws;
        for record in &self.records {
            for law in &self.laws {
                if let Some(equation) = self.equation(law, record, &self.reading) {
                    note(checked, record.at(), &equation);
                }
            }
        }
        let steps = self.check_steps(checked);
        self.check_totals(steps, checked);
        let totals = self.total().is_some() && self.records.len() > 1;
        let stands = |at: usize| {
            totals
                || steps
                || self.laws.iter().any(|law| law.from == at || law.minus.contains(&at) || law.to.contains(&at))
        };
        if checked.laws > before {
            let idle = self.columns.iter().enumerate().filter(|(at, column)| !column.roles.is_empty() && !stands(*at));
            checked.unchecked.extend(idle.map(|(_, column)| column.name.clone()));
        } else {
            checked.unchecked.extend(self.known());
        }
    }

    pub(super) fn total(&self) -> Option<&Record> {
        self.records.iter().find(|record| record.total)
    }

    fn check_totals(&self, steps: bool, checked: &mut Checked) {
        let Some(total) = self.total() else { return };
        let rows: Vec<&Record> = self.records.iter().filter(|record| !record.total).collect();
        if rows.is_empty() {
            return;
        }
        for (at, column) in self.columns.iter().enumerate() {
            let Some(said) = total.values[at] else { continue };
            // What is left after several steps has no sum.
            let left = steps && self.reading.roles[at] == Some(Role::Kept);
            if left || (column.roles.is_empty() && column.part_of.is_none()) {
                continue;
            }
            let sum: i128 = rows.iter().filter_map(|record| record.values[at]).sum();
            checked.laws += 1;
            if sum != said {
                let rows = if rows.len() == 1 { "the row".to_owned() } else { format!("the {} rows", rows.len()) };
                let message = format!(
                    "{}: the total of {} is {}, but {rows} of it add up to {}",
                    unexplained(said - sum),
                    column.name,
                    thousands(said),
                    thousands(sum)
                );
                checked.findings.push(Finding { place: total.at(), unexplained: narrow(said - sum), message });
            }
        }
    }

    /// Where rows are steps, the first being what was read: what is left of one − what the next removes = what is left.
    fn check_steps(&self, checked: &mut Checked) -> bool {
        let (removed, kept, read) = (self.of(Role::Removed), self.of(Role::Kept), self.of(Role::Read));
        let ([removed], [kept], []) = (removed.as_slice(), kept.as_slice(), read.as_slice()) else {
            return false;
        };
        let rows: Vec<&Record> = self.records.iter().filter(|record| !record.total).collect();
        let begins = rows.first().is_some_and(|record| {
            meaning(&record.name) == Meaning::One(Role::Read) && record.values[*removed].is_none_or(|count| count == 0)
        });
        if !begins || rows.len() < 2 {
            return false;
        }
        for pair in rows.windows(2) {
            let [before, after] = pair else { continue };
            let (Some(from), Some(minus), Some(to)) =
                (before.values[*kept], after.values[*removed], after.values[*kept])
            else {
                continue;
            };
            let equation = Equation {
                from: (format!("after {}", before.name), from),
                minus: vec![("removed".to_owned(), minus.abs())],
                to: vec![(self.columns[*kept].short.clone(), to)],
            };
            note(checked, after.at(), &equation);
        }
        true
    }

    /// The columns that count something.
    pub(super) fn of(&self, role: Role) -> Vec<usize> {
        self.reading.of(role)
    }

    fn equation(&self, law: &Law, record: &Record, reading: &Reading) -> Option<Equation> {
        let value = |at: usize| match record.values[at] {
            // A total may leave cells open; elsewhere what is not named is none.
            None if record.total => None,
            value => Some(match reading.roles[at] {
                Some(Role::Removed) => value.unwrap_or(0).abs(),
                _ => value.unwrap_or(0),
            }),
        };
        let name = |at: usize| self.columns[at].short.clone();
        let terms = |places: &[usize]| -> Option<Vec<Term>> {
            places.iter().map(|at| Some((name(*at), value(*at)?))).collect()
        };
        let first = match reading.roles[law.from] {
            Some(Role::Read) => "read".to_owned(),
            _ => name(law.from),
        };
        let mut minus = terms(&law.minus)?;
        if let [(name, _)] = minus.as_mut_slice() {
            *name = "removed".to_owned();
        }
        Some(Equation { from: (first, value(law.from)?), minus, to: terms(&law.to)? })
    }

    /// The meaning of doubtful names by which most holds; no meaning may be bought with fewer equations.
    fn best_reading(&self) -> (Reading, Vec<Law>) {
        let mut readings = vec![Reading { roles: vec![None; self.columns.len()], sum: None }];
        let mut doubts = 0;
        for (at, column) in self.columns.iter().enumerate() {
            let second = column.roles.get(1).filter(|_| doubts < MOST_DOUBTS);
            doubts += usize::from(second.is_some());
            let mut more = Vec::new();
            for reading in &mut readings {
                reading.roles[at] = column.roles.first().copied();
                if let Some(role) = second {
                    let mut other = reading.clone();
                    other.roles[at] = Some(*role);
                    more.push(other);
                }
            }
            readings.extend(more);
        }
        let sums: Vec<Reading> = readings.iter().flat_map(|reading| self.with_sums(reading)).take(MOST_SUMS).collect();
        readings.extend(sums);
        let mut best: Option<(Reading, Vec<Law>, (usize, i128))> = None;
        for reading in readings {
            let laws = self.laws(&reading);
            let mut failed = (0, 0i128);
            for equation in self.records.iter().flat_map(|record| laws.iter().map(move |law| (law, record))) {
                let off = self.equation(equation.0, equation.1, &reading).map_or(0, |equation| equation.unexplained());
                failed = (failed.0 + usize::from(off != 0), failed.1.saturating_add(off.abs()));
            }
            let better = best.as_ref().is_none_or(|(_, first, least)| {
                laws.len() >= first.len() && (failed < *least || (first.is_empty() && !laws.is_empty()))
            });
            if better {
                best = Some((reading, laws, failed));
            }
        }
        best.map(|(reading, laws, _)| (reading, laws)).unwrap_or((Reading { roles: Vec::new(), sum: None }, Vec::new()))
    }

    /// Readings in which one way of removal sums up others that stand beside it.
    fn with_sums(&self, reading: &Reading) -> Vec<Reading> {
        let removed = reading.of(Role::Removed);
        let mut found = Vec::new();
        if removed.len() > MOST_WAYS {
            return found;
        }
        for (place, at) in removed.iter().enumerate().filter(|(_, at)| is_general(&self.columns[**at].name)) {
            let beside = (2..removed.len().min(MOST_PARTS + 1)).flat_map(|many| {
                let after = removed.get(place + 1..place + 1 + many);
                let before = place.checked_sub(many).and_then(|from| removed.get(from..place));
                after.into_iter().chain(before)
            });
            found.extend(beside.map(|parts| Reading { sum: Some((*at, parts.to_vec())), ..reading.clone() }));
        }
        found
    }

    fn laws(&self, reading: &Reading) -> Vec<Law> {
        let of = |role: Role| reading.of(role);
        let mut laws = Vec::new();
        let mut removed = of(Role::Removed);
        let named = removed.iter().copied().find(|at| sums_up(&self.columns[*at].name) && removed.len() > 1);
        let sum = match (&reading.sum, named) {
            (Some(sum), _) => Some(sum.clone()),
            (None, Some(at)) => Some((at, removed.iter().copied().filter(|other| *other != at).collect())),
            (None, None) => None,
        };
        if let Some((at, parts)) = sum {
            removed.retain(|other| *other != at);
            laws.push(Law { from: at, minus: Vec::new(), to: parts });
        }
        let (read, kept, sides) = (of(Role::Read).first().copied(), of(Role::Kept), of(Role::Side));
        match (kept.as_slice(), read) {
            ([], Some(read)) if !sides.is_empty() => laws.push(Law { from: read, minus: removed, to: sides }),
            ([], _) => {}
            ([only], read) => {
                if let Some(read) = read.filter(|_| !removed.is_empty()) {
                    laws.push(Law { from: read, minus: removed, to: vec![*only] });
                }
                if !sides.is_empty() {
                    laws.push(Law { from: *only, minus: Vec::new(), to: sides });
                }
            }
            (steps, read) => {
                let mut from = read;
                let mut rest = removed.as_slice();
                for step in steps {
                    let (until, after) = rest.split_at(rest.iter().take_while(|at| *at < step).count());
                    if let Some(from) = from.filter(|_| !until.is_empty()) {
                        laws.push(Law { from, minus: until.to_vec(), to: vec![*step] });
                    }
                    (from, rest) = (Some(*step), after);
                }
                if let Some(from) = from.filter(|_| !sides.is_empty()) {
                    laws.push(Law { from, minus: rest.to_vec(), to: sides });
                }
            }
        }
        let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, column) in self.columns.iter().enumerate() {
            if let Some(whole) = column.part_of {
                parts.entry(whole).or_default().push(at);
            }
        }
        laws.extend(parts.into_iter().map(|(from, to)| Law { from, minus: Vec::new(), to }));
        laws
    }
}

impl Record {
    pub(super) fn at(&self) -> String {
        if self.name.is_empty() { self.place.clone() } else { format!("{} ({})", self.place, self.name) }
    }
}

pub(super) fn note(checked: &mut Checked, place: String, equation: &Equation) {
    checked.laws += 1;
    let off = equation.unexplained();
    if off != 0 {
        checked.findings.push(Finding { place, unexplained: narrow(off), message: equation.sentence() });
    }
}

/// Turns a table with a line per quantity, so that each quantity has a column.
fn upright(grid: &Grid) -> Grid {
    let counts = |cell: &Cell| matches!(cell.text.as_deref().map(number), Some(Number::Whole(_)));
    let mut grid = grid.clone();
    // Where the titles are numbers there are none, and the line is a row like the others.
    let text = |title: &String| Cell { text: Some(title.clone()), place: grid.at.clone() };
    let first: Vec<Cell> = grid.header.iter().map(text).collect();
    if first.len() > 1 && first.iter().skip(1).all(counts) && !counts(&first[0]) {
        grid.header = vec![String::new(); first.len()];
        grid.places.insert(0, grid.at.clone());
        grid.rows.insert(0, first);
    }
    let names: Vec<String> =
        grid.rows.iter().map(|row| row.first().and_then(|cell| cell.text.clone()).unwrap_or_default()).collect();
    let (across, down) = (Known::of(&grid.header), Known::of(&names[..names.len().min(MOST_LINES)]));
    let steps = has_steps(&grid);
    let turned = !steps
        && (down.kinds > across.kinds || (down.kinds == across.kinds && down.kinds < 2 && down.all > across.all));
    if !turned {
        return grid;
    }
    let mut header = vec![String::new()];
    header.extend(names);
    let mut out = Grid { header, at: grid.at.clone(), ..Grid::default() };
    for (at, title) in grid.header.iter().enumerate().skip(1) {
        let known = |row: &&Vec<Cell>| {
            let name = row.first().and_then(|cell| cell.text.as_deref()).unwrap_or("");
            !matches!(meaning(name), Meaning::Unknown | Meaning::Other)
        };
        // A column of notes or shares counts nothing.
        let numbers = grid.rows.iter().filter(known).any(|row| counts(&row[at]));
        if (numbers || grid.header.len() == 2) && meaning(title) != Meaning::Other {
            let mut row = vec![Cell { text: Some(title.clone()), place: grid.at.clone() }];
            row.extend(grid.rows.iter().map(|line| line[at].clone()));
            out.places.push(if title.is_empty() { grid.at.clone() } else { format!("column {}", unmarked(title)) });
            out.rows.push(row);
        }
    }
    out
}

/// Whether a table has a line per step, with what it removed and what it left, and begins with what was read.
fn has_steps(grid: &Grid) -> bool {
    let first = grid.rows.first().and_then(|row| row.first()?.text.as_deref());
    Known::of(&grid.header).steps && first.is_some_and(|name| meaning(name) == Meaning::One(Role::Read))
}

/// How much of a list of names is known.
struct Known {
    /// How many of read, removed and kept are named.
    kinds: usize,
    /// Whether a line can be a step: removed is named, and kept or a mere count is, and read is not.
    steps: bool,
    /// How many names are known, sides among them.
    all: usize,
}

impl Known {
    fn of(names: &[String]) -> Known {
        let meanings: Vec<Meaning> = names.iter().map(|name| meaning(name)).collect();
        let has = |role: Role| {
            meanings.iter().any(|meaning| match meaning {
                Meaning::One(only) => *only == role,
                Meaning::Either(first, _) => *first == role,
                _ => false,
            })
        };
        let kinds = [Role::Read, Role::Removed, Role::Kept].into_iter().filter(|role| has(*role)).count();
        let known = |meaning: &&Meaning| !matches!(meaning, Meaning::Unknown | Meaning::Other | Meaning::Rows);
        let left = has(Role::Kept) || meanings.contains(&Meaning::Rows);
        let steps = !has(Role::Read) && has(Role::Removed) && left;
        let all = names.iter().zip(&meanings).filter(|(name, meaning)| known(meaning) && !is_total(name)).count();
        Known { kinds, steps, all }
    }
}

fn columns(grid: &Grid) -> Vec<Column> {
    let meanings: Vec<Meaning> = grid.header.iter().map(|title| meaning(title)).collect();
    let sure = |role: Role| meanings.contains(&Meaning::One(role));
    let doubt = meanings.contains(&Meaning::Total);
    let steps = has_steps(grid);
    let wholes = Wholes::of_titles(grid, &meanings);
    let column = |at: usize| {
        let title = &grid.header[at];
        let part_of = wholes.of(title, at, &meanings);
        let shares = !grid.rows.is_empty()
            && grid.rows.iter().all(|row| row[at].text.as_deref().is_some_and(|text| text.trim().ends_with('%')));
        let roles = match meanings[at] {
            _ if part_of.is_some() || shares => Vec::new(),
            Meaning::Unknown | Meaning::Other => Vec::new(),
            Meaning::One(role) => vec![role],
            Meaning::Either(first, second) => vec![first, second],
            Meaning::Total if sure(Role::Read) => vec![Role::Kept, Role::Read],
            Meaning::Total => vec![Role::Read, Role::Kept],
            Meaning::Valid if sure(Role::Side) => vec![Role::Side, Role::Kept],
            Meaning::Valid => vec![Role::Kept, Role::Side],
            Meaning::Rows if sure(Role::Read) || doubt => Vec::new(),
            Meaning::Rows if steps && sure(Role::Kept) => Vec::new(),
            Meaning::Rows if steps => vec![Role::Kept],
            Meaning::Rows => vec![Role::Read],
        };
        let last = segments(title).pop().filter(|last| {
            part_of.is_some() || matches!(meaning(last), Meaning::One(_) | Meaning::Either(..) | Meaning::Valid)
        });
        let short = unmarked(last.unwrap_or(title));
        let short = if part_of.is_some() { short } else { short.to_lowercase() };
        Column { name: unmarked(title), short, roles, part_of }
    };
    let mut columns: Vec<Column> = (0..grid.header.len()).map(column).collect();
    // A count that is named by nothing but `rows` makes no table known, unless there is a total of it.
    let mere = columns.iter().enumerate().all(|(at, column)| column.roles.is_empty() || meanings[at] == Meaning::Rows);
    let is_sum = |row: &Vec<Cell>| row.iter().filter_map(|cell| cell.text.as_deref()).any(is_total);
    if mere && !grid.rows.last().is_some_and(is_sum) {
        columns.iter_mut().for_each(|column| column.roles.clear());
    }
    columns
}

/// Columns that others may break down, by the words of their names.
struct Wholes {
    by_words: HashMap<Vec<String>, usize>,
    /// The one that `by_reason` alone breaks down.
    rejected: Option<usize>,
}

impl Wholes {
    fn of_titles(grid: &Grid, meanings: &[Meaning]) -> Wholes {
        let mut wholes = Wholes { by_words: HashMap::new(), rejected: None };
        for (at, title) in grid.header.iter().enumerate() {
            if matches!(meanings[at], Meaning::Unknown | Meaning::Other | Meaning::Rows) {
                continue;
            }
            let words: Vec<String> = segments(title).into_iter().flat_map(words).collect();
            if meanings[at] == Meaning::One(Role::Removed) && words.iter().any(|word| word == "rejected") {
                wholes.rejected.get_or_insert(at);
            }
            wholes.by_words.entry(words).or_insert(at);
        }
        wholes
    }

    /// The column that another breaks down: its name begins with the name of that one (`rejected: no code`), or says
    /// that it is by reason.
    fn of(&self, title: &str, at: usize, meanings: &[Meaning]) -> Option<usize> {
        let parts = segments(title);
        let (last, above) = parts.split_last()?;
        let by_reason = above.iter().any(|part| is_reason(part)) || !title.contains(" / ");
        for many in (1..=above.len()).rev() {
            let path: Vec<String> = above[..many].iter().flat_map(|part| without_reason(part)).collect();
            let named = if path.is_empty() { self.rejected } else { self.by_words.get(&path).copied() };
            let Some(whole) = named.filter(|whole| *whole != at) else { continue };
            let own = meaning(last);
            let side = matches!(own, Meaning::One(Role::Side) | Meaning::Valid)
                && !matches!(meanings[whole], Meaning::One(Role::Removed | Role::Side));
            let share = own == Meaning::Other && !by_reason;
            return (!side && !share).then_some(whole);
        }
        None
    }
}

/// A first column without numbers names the rows, whatever its title means.
fn name_column(grid: &Grid, columns: &mut [Column]) {
    let counts = |row: &Vec<Cell>| {
        row.first().and_then(|cell| cell.text.as_deref()).is_some_and(|text| matches!(number(text), Number::Whole(_)))
    };
    let others = columns.iter().skip(1).any(|column| !column.roles.is_empty());
    if let Some(first) = columns.first_mut().filter(|_| others && !grid.rows.iter().any(counts)) {
        first.roles.clear();
    }
}

fn records(grid: &Grid, columns: &[Column]) -> Result<Vec<Record>, CheckError> {
    let names: Vec<usize> =
        (0..columns.len()).filter(|at| columns[*at].roles.is_empty() && columns[*at].part_of.is_none()).collect();
    let texts = |row: &[Cell]| -> Vec<String> {
        names.iter().filter_map(|at| row[*at].text.as_deref()).map(unmarked).filter(|text| !text.is_empty()).collect()
    };
    // Of several rows that are named so the last one is the total: a source may be named `total` as well.
    let total = grid.rows.iter().rposition(|row| texts(row).first().is_some_and(|text| is_total(text)));
    let mut records = Vec::new();
    for (row_at, row) in grid.rows.iter().enumerate() {
        let known = |at: &usize| !columns[*at].roles.is_empty();
        let blank = |cell: &Cell| cell.text.as_deref().is_none_or(|text| text.trim().is_empty());
        if (0..columns.len()).filter(known).all(|at| blank(&row[at])) {
            continue;
        }
        let is_total = total == Some(row_at);
        let mut values = Vec::with_capacity(columns.len());
        for (cell, column) in row.iter().zip(columns) {
            let counted = !column.roles.is_empty() || column.part_of.is_some();
            let open = is_total || column.part_of.is_some();
            values.push(match cell.text.as_deref().filter(|_| counted).map(number) {
                None => None,
                Some(Number::Whole(value)) => Some(i128::from(value)),
                Some(Number::Blank) if open => None,
                Some(Number::Blank | Number::Not) => {
                    let cell_text = excerpt(cell.text.as_deref().unwrap_or(""));
                    return Err(CheckError::NotANumber {
                        place: cell.place.clone(),
                        column: column.name.clone(),
                        cell: cell_text,
                    });
                }
            });
        }
        let name = texts(row).into_iter().next().unwrap_or_default();
        records.push(Record { place: grid.places[row_at].clone(), name, total: is_total, values });
    }
    Ok(records)
}
