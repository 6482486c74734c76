//! What changes without the code changing, by dense row number: state, reason, split, source, licence, tags, edited.
//!
//! Derived from `sample`, kept in `derived` as one array per column (so that a query reads only what it asks for) and
//! patched row by row along the change log. Words are numbered in dictionaries that only grow.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::index::rows::RowSet;
use crate::sample::{Side, State};

/// Raised whenever the arrays may differ; older ones are made anew.
const VERSION: i64 = 1;

/// State byte of a row that is not there (its ingest was undone).
const ABSENT: u8 = 255;

/// Words by number; number 0 is null.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dictionary {
    /// The words; number n stands at n - 1.
    pub words: Vec<String>,
    #[serde(skip)]
    numbers: BTreeMap<String, u16>,
}

impl Dictionary {
    fn number(&mut self, word: &str) -> Result<u16, StoreError> {
        if self.numbers.len() != self.words.len() {
            self.numbers = self.words.iter().enumerate().map(|(at, word)| (word.clone(), at as u16 + 1)).collect();
        }
        if let Some(number) = self.numbers.get(word) {
            return Ok(*number);
        }
        if self.words.len() >= usize::from(u16::MAX) - 1 {
            return Err(StoreError::Unknown(format!(
                "more than 65,534 different values in one column (`{word}` is one more)"
            )));
        }
        self.words.push(word.to_owned());
        let number = self.words.len() as u16;
        self.numbers.insert(word.to_owned(), number);
        Ok(number)
    }

    /// The word of a number; `None` for null.
    pub fn word(&self, number: u16) -> Option<&str> {
        usize::from(number).checked_sub(1).and_then(|at| self.words.get(at)).map(String::as_str)
    }
}

/// The columns.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    watermark: i64,
    state: Vec<u8>,
    split: Vec<u8>,
    edited: Vec<u8>,
    source: Vec<u16>,
    licence: Vec<u16>,
    reason: Vec<u16>,
    tags: Vec<u16>,
    rank: Vec<u8>,
    dictionaries: Dictionaries,
    /// The rows in each state, found at first use.
    in_state: [OnceCell<Option<Arc<RowSet>>>; State::ALL.len()],
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Dictionaries {
    source: Dictionary,
    licence: Dictionary,
    reason: Dictionary,
    /// Sorted tag sets, the tags joined by U+001F.
    tags: Dictionary,
}

/// What the columns hold of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnRow {
    /// Dense row number.
    pub row: u32,
    /// Whether the row is there.
    pub present: bool,
    /// State.
    pub state: State,
    /// The store's own side.
    pub split: Option<Side>,
    /// Whether it has no side because it ties two of them.
    pub held: bool,
    /// Whether the current revision is an edited one.
    pub edited: bool,
    /// Source's name.
    pub source: String,
    /// Source's rank.
    pub rank: u8,
    /// Licence that applies.
    pub licence: String,
    /// Reason of a rejected sample.
    pub reason: Option<String>,
    /// Tags, sorted.
    pub tags: Vec<String>,
}

impl Columns {
    /// Reads the columns; empty ones with watermark 0 where there are none, or of another version.
    ///
    /// # Errors
    /// As SQLite; [`StoreError::Inconsistent`] where arrays do not fit each other.
    pub fn load(conn: &Connection) -> Result<Columns, StoreError> {
        let mut out = Columns::default();
        let Some((watermark, bytes)) = read_blob(conn, "dictionaries")? else { return Ok(out) };
        out.watermark = watermark;
        out.dictionaries = serde_json::from_slice(&bytes)
            .map_err(|error| StoreError::Inconsistent(format!("the dictionaries of the columns: {error}")))?;
        let get = |name: &str| -> Result<Vec<u8>, StoreError> {
            match read_blob(conn, name)? {
                Some((mark, bytes)) if mark == watermark => Ok(bytes),
                _ => Err(StoreError::Inconsistent(format!("the column {name} is missing or of another age"))),
            }
        };
        out.state = get("state")?;
        out.split = get("split")?;
        out.edited = get("edited")?;
        out.rank = get("rank")?;
        out.source = wide(&get("source")?);
        out.licence = wide(&get("licence")?);
        out.reason = wide(&get("reason")?);
        out.tags = wide(&get("tags")?);
        let rows = out.state.len();
        let fits = [
            out.split.len(),
            out.edited.len(),
            out.rank.len(),
            out.source.len(),
            out.licence.len(),
            out.reason.len(),
            out.tags.len(),
        ];
        if fits.iter().any(|len| *len != rows) {
            return Err(StoreError::Inconsistent("the columns differ in length".into()));
        }
        Ok(out)
    }

    /// Writes the columns with a new watermark.
    ///
    /// # Errors
    /// As SQLite.
    pub fn save(&mut self, conn: &Connection, watermark: i64) -> Result<(), StoreError> {
        self.watermark = watermark;
        let dictionaries = serde_json::to_vec(&self.dictionaries).expect("dictionaries are plain JSON");
        let mut statement = conn.prepare_cached(include_str!("../../schema/statements/put_derived.sql"))?;
        let mut put = |name: &str, data: &[u8]| statement.execute(params![name, watermark, VERSION, data]);
        put("dictionaries", &dictionaries)?;
        put("state", &self.state)?;
        put("split", &self.split)?;
        put("edited", &self.edited)?;
        put("rank", &self.rank)?;
        put("source", &narrow(&self.source))?;
        put("licence", &narrow(&self.licence))?;
        put("reason", &narrow(&self.reason))?;
        put("tags", &narrow(&self.tags))?;
        Ok(())
    }

    /// The last entry of the change log that it has followed.
    pub fn watermark(&self) -> i64 {
        self.watermark
    }

    /// How many rows there are room for: one more than the greatest row number.
    pub fn rows(&self) -> usize {
        self.state.len()
    }

    /// Sets a row.
    ///
    /// # Errors
    /// Where a column has more different words than it can number.
    pub fn set(&mut self, values: &ColumnRow) -> Result<(), StoreError> {
        self.in_state = Default::default();
        let row = values.row as usize;
        if row >= self.state.len() {
            let rows = row + 1;
            self.state.resize(rows, ABSENT);
            self.split.resize(rows, 0);
            self.edited.resize(rows, 0);
            self.rank.resize(rows, 0);
            self.source.resize(rows, 0);
            self.licence.resize(rows, 0);
            self.reason.resize(rows, 0);
            self.tags.resize(rows, 0);
        }
        let place = |word: State| State::ALL.iter().position(|state| *state == word).unwrap_or(0) as u8;
        self.state[row] = if values.present { place(values.state) } else { ABSENT };
        self.split[row] = match values.split {
            Some(side) => 1 + Side::ALL.iter().position(|each| *each == side).unwrap_or(0) as u8,
            None if values.held => 1 + Side::ALL.len() as u8,
            None => 0,
        };
        self.edited[row] = u8::from(values.edited);
        self.rank[row] = values.rank;
        self.source[row] = self.dictionaries.source.number(&values.source)?;
        self.licence[row] = self.dictionaries.licence.number(&values.licence)?;
        self.reason[row] = match &values.reason {
            Some(reason) => self.dictionaries.reason.number(reason)?,
            None => 0,
        };
        self.tags[row] =
            if values.tags.is_empty() { 0 } else { self.dictionaries.tags.number(&values.tags.join("\u{1f}"))? };
        Ok(())
    }

    /// What a row has in a field that lives in columns: its words (none for null; several tags).
    pub fn words(&self, field: &str, row: u32) -> Vec<&str> {
        self.numbers(field).get(row).map(|number| self.named(field, number)).unwrap_or_default()
    }

    /// The rank of a row's source.
    pub fn rank(&self, row: u32) -> Option<u8> {
        self.rank.get(row as usize).copied().filter(|rank| *rank > 0)
    }

    /// The rows that are there and whose words in a field pass; a row without a word does not.
    pub fn filter_words(&self, field: &str, pass: &dyn Fn(&str) -> bool) -> RowSet {
        let numbers = self.numbers(field);
        // A verdict per word first, then a table look-up per row.
        let mut table = vec![false; usize::from(u16::MAX) + 1];
        for number in numbers.distinct() {
            table[usize::from(number)] = self.named(field, number).into_iter().any(pass);
        }
        let passes = |number: u16| table[usize::from(number)];
        match numbers {
            Numbers::Narrow(column) => self.rows_where(|row| passes(u16::from(column[row]))),
            Numbers::Wide(column) => self.rows_where(|row| passes(column[row])),
        }
    }

    /// The rows that are there and whose source's rank passes.
    pub fn filter_rank(&self, pass: &dyn Fn(f64) -> bool) -> RowSet {
        let table: Vec<bool> = (0..=u8::MAX).map(|rank| rank > 0 && pass(f64::from(rank))).collect();
        self.rows_where(|row| table[usize::from(self.rank[row])])
    }

    /// The rows that are there and of which something holds.
    fn rows_where(&self, holds: impl Fn(usize) -> bool) -> RowSet {
        let mut out = RowSet::new(self.rows());
        for (at, states) in self.state.chunks(64).enumerate() {
            let bits = states
                .iter()
                .enumerate()
                .fold(0, |bits, (bit, state)| bits | u64::from(*state != ABSENT && holds(at * 64 + bit)) << bit);
            out.set_word(at, bits);
        }
        out
    }

    /// The rows in a state, the same set each time; `None` where every row that is there is in it.
    pub fn in_state(&self, state: State) -> Option<Arc<RowSet>> {
        let wanted = State::ALL.iter().position(|each| *each == state).unwrap_or(0);
        let known = self.in_state.get(wanted)?;
        let find = || {
            let all = self.state.iter().all(|found| usize::from(*found) == wanted || *found == ABSENT);
            (!all).then(|| Arc::new(self.rows_where(|row| usize::from(self.state[row]) == wanted)))
        };
        known.get_or_init(find).clone()
    }

    /// Words of a field with the number of rows that are there and have them.
    pub fn counts(&self, field: &str) -> Vec<(String, u64)> {
        self.counts_among(field, &self.present()).1
    }

    /// How many of these rows have something in a field, and its words with the number of rows that have each.
    pub fn counts_among(&self, field: &str, rows: &RowSet) -> (u64, Vec<(String, u64)>) {
        let column = self.numbers(field);
        // Of each number how often it occurs, and a row that has it.
        let mut found: Vec<(u64, u32)> = Vec::new();
        for row in rows.iter() {
            let Some(number) = column.get(row).map(usize::from) else { break };
            if number >= found.len() {
                found.resize(number + 1, (0, 0));
            }
            found[number] = (found[number].0 + 1, row);
        }
        let mut given = 0;
        let mut out: BTreeMap<&str, u64> = BTreeMap::new();
        for (count, row) in found.into_iter().filter(|(count, _)| *count > 0) {
            let words = self.words(field, row);
            given += if words.is_empty() { 0 } else { count };
            for word in words {
                *out.entry(word).or_default() += count;
            }
        }
        (given, out.into_iter().map(|(word, count)| (word.to_owned(), count)).collect())
    }

    /// The rows that are there.
    pub fn present(&self) -> RowSet {
        self.rows_where(|_| true)
    }

    /// Ranks of rows for sorting by a field that lives in columns: words by their order (states and sides as declared,
    /// others by text); `u32::MAX` is null.
    pub fn ranks(&self, field: &str) -> Vec<u32> {
        let fixed: &[&str] = match field {
            "state" => State::WORDS,
            "split" => Side::WORDS_AND_HELD,
            "edited" => &["false", "true"],
            _ => return self.numbered(field).0,
        };
        self.placed(field, |word| fixed.iter().position(|each| *each == word))
    }

    /// The first word of each row in a field, as its place among all words of the field by text (`rank`: by number);
    /// `u32::MAX` is null. With the words.
    pub fn numbered(&self, field: &str) -> (Vec<u32>, Vec<String>) {
        if field == "rank" {
            let ranks = self.rank.iter().map(|rank| u32::from(*rank).checked_sub(1).unwrap_or(u32::MAX)).collect();
            return (ranks, (1..=5).map(|rank: u8| rank.to_string()).collect());
        }
        let words: BTreeSet<&str> =
            self.numbers(field).distinct().into_iter().flat_map(|number| self.named(field, number)).collect();
        let words: Vec<&str> = words.into_iter().collect();
        let places = self.placed(field, |word| words.binary_search(&word).ok());
        (places, words.into_iter().map(str::to_owned).collect())
    }

    /// Of each row the place of its first word in a field; `u32::MAX` where there is none.
    fn placed(&self, field: &str, place: impl Fn(&str) -> Option<usize>) -> Vec<u32> {
        let numbers = self.numbers(field);
        let mut table: Vec<u32> = Vec::new();
        for number in numbers.distinct() {
            if usize::from(number) >= table.len() {
                table.resize(usize::from(number) + 1, u32::MAX);
            }
            let first = self.named(field, number).into_iter().next();
            table[usize::from(number)] = first.and_then(&place).map_or(u32::MAX, |place| place as u32);
        }
        match numbers {
            Numbers::Narrow(column) => column.iter().map(|number| table[usize::from(*number)]).collect(),
            Numbers::Wide(column) => column.iter().map(|number| table[usize::from(*number)]).collect(),
        }
    }

    /// The numbers that stand for words in a field.
    fn numbers(&self, field: &str) -> Numbers<'_> {
        match field {
            "state" => Numbers::Narrow(&self.state),
            "split" => Numbers::Narrow(&self.split),
            "edited" => Numbers::Narrow(&self.edited),
            "source" => Numbers::Wide(&self.source),
            "licence" => Numbers::Wide(&self.licence),
            "reason" => Numbers::Wide(&self.reason),
            "tag" => Numbers::Wide(&self.tags),
            _ => Numbers::Narrow(&[]),
        }
    }

    /// The words that a number stands for in a field.
    fn named(&self, field: &str, number: u16) -> Vec<&str> {
        let at = usize::from(number);
        let before = |words: &'static [&'static str]| at.checked_sub(1).and_then(|at| words.get(at)).copied();
        let one = |word: Option<&'static str>| word.into_iter().collect::<Vec<&str>>();
        match field {
            "state" => one(State::WORDS.get(at).copied()),
            "split" => one(before(Side::WORDS_AND_HELD)),
            "edited" => one(Some(if at == 1 { "true" } else { "false" })),
            "source" => self.dictionaries.source.word(number).into_iter().collect(),
            "licence" => self.dictionaries.licence.word(number).into_iter().collect(),
            "reason" => self.dictionaries.reason.word(number).into_iter().collect(),
            "tag" => self.dictionaries.tags.word(number).map(|tags| tags.split('\u{1f}').collect()).unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

/// The numbers that rows have in a field.
#[derive(Clone, Copy)]
enum Numbers<'a> {
    Narrow(&'a [u8]),
    Wide(&'a [u16]),
}

impl Numbers<'_> {
    fn get(self, row: u32) -> Option<u16> {
        match self {
            Numbers::Narrow(column) => column.get(row as usize).map(|number| u16::from(*number)),
            Numbers::Wide(column) => column.get(row as usize).copied(),
        }
    }

    /// The numbers that occur, ascending.
    fn distinct(self) -> Vec<u16> {
        let mut seen = vec![false; usize::from(u16::MAX) + 1];
        match self {
            Numbers::Narrow(column) => column.iter().for_each(|number| seen[usize::from(*number)] = true),
            Numbers::Wide(column) => column.iter().for_each(|number| seen[usize::from(*number)] = true),
        }
        (0..=u16::MAX).filter(|number| seen[usize::from(*number)]).collect()
    }
}

fn read_blob(conn: &Connection, name: &str) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
    let mut statement = conn.prepare_cached(include_str!("../../schema/statements/get_derived.sql"))?;
    Ok(statement.query_row(params![name, VERSION], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

fn narrow(column: &[u16]) -> Vec<u8> {
    column.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn wide(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(row: u32, state: State, tags: &[&str]) -> ColumnRow {
        ColumnRow {
            row,
            present: true,
            state,
            split: row.is_multiple_of(2).then_some(Side::Test),
            held: false,
            edited: false,
            source: format!("s{}", row % 3),
            rank: 3,
            licence: "MIT".into(),
            reason: None,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        }
    }

    #[test]
    fn rows_are_found_by_words_and_nulls_by_none() {
        let mut columns = Columns::default();
        columns.set(&row(0, State::Kept, &["a", "b"])).unwrap();
        columns.set(&row(1, State::Rejected, &[])).unwrap();
        columns.set(&row(5, State::Kept, &["b"])).unwrap();
        let found =
            |field: &str, word: &str| columns.filter_words(field, &|each| each == word).iter().collect::<Vec<_>>();
        assert_eq!(found("tag", "b"), [0, 5]);
        assert_eq!(found("tag", "a"), [0]);
        assert_eq!(found("state", "kept"), [0, 5]);
        assert_eq!(found("split", "test"), [0]);
        assert_eq!(found("source", "s2"), [5]);
        assert_eq!(columns.present().iter().collect::<Vec<_>>(), [0, 1, 5]);
        assert_eq!(columns.ranks("split"), [2, u32::MAX, u32::MAX, u32::MAX, u32::MAX, u32::MAX]);
        assert_eq!(columns.counts("tag"), [("a".to_owned(), 1), ("b".to_owned(), 2)]);
    }
}
