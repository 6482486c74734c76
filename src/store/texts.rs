//! The texts of many rows, for whoever goes through them all.
//!
//! One thread reads from the database, a batch at a time, and runs ahead of those that look at what it read. Where it is
//! too far ahead it looks at a batch itself, so that no core waits and memory stays bounded.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::ThreadPool;
use rusqlite::{CachedStatement, Row};

use super::{Store, StoreError, codec};

/// Instruction and code of a row; the code still compressed.
const POINT: &str = "SELECT s.row, r.instruction, r.code, r.codec FROM sample AS s CROSS JOIN revision AS r ON r.revision = s.revision WHERE s.row = ?1";

/// The same of all rows between two, in order.
const RANGE: &str = "SELECT s.row, r.instruction, r.code, r.codec FROM sample AS s CROSS JOIN revision AS r ON r.revision = s.revision WHERE s.row BETWEEN ?1 AND ?2 ORDER BY s.row";

/// Of so many rows of the table, one at least must be wanted for going through the table to be faster than looking up
/// each.
const DENSE: usize = 4;

/// Rows that are read at once.
const BATCH: usize = 256;

/// Batches per core that may be read and not looked at yet: 0.2 MB each, for texts of common size.
const AHEAD: usize = 4;

/// What was said of a batch, with its place among them.
type Done<T> = (usize, Result<Vec<T>, StoreError>);

/// The texts of some rows as they are stored, in memory that is used again for the next ones.
#[derive(Debug, Default)]
pub struct Texts {
    instructions: String,
    codes: Vec<u8>,
    places: Vec<Place>,
}

/// Where the texts of a row lie: the ends of its pieces, which begin where those of the row before end.
#[derive(Debug)]
struct Place {
    row: u32,
    has_instruction: bool,
    instruction_end: usize,
    code_end: usize,
    codec: i64,
}

/// The texts of a row.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// The row.
    pub row: u32,
    /// Its instruction.
    pub instruction: Option<&'a str>,
    code: &'a [u8],
    codec: i64,
}

impl<'a> Text<'a> {
    /// The code, unpacked into `buffer`, whose content goes.
    ///
    /// # Errors
    /// As [`codec::decode_text`].
    pub fn code<'b>(&self, buffer: &'b mut Vec<u8>) -> Result<&'b str, StoreError> {
        codec::decode_into(self.code, self.codec, buffer)?;
        std::str::from_utf8(buffer).map_err(|_| StoreError::Inconsistent("a stored text is no UTF-8".into()))
    }
}

impl Texts {
    /// The texts, in the order in which the rows were asked for.
    pub fn iter(&self) -> impl Iterator<Item = Text<'_>> {
        let (mut instruction_start, mut code_start) = (0, 0);
        self.places.iter().map(move |place| {
            let instruction = &self.instructions[instruction_start..place.instruction_end];
            let code = &self.codes[code_start..place.code_end];
            (instruction_start, code_start) = (place.instruction_end, place.code_end);
            let instruction = place.has_instruction.then_some(instruction);
            Text { row: place.row, instruction, code, codec: place.codec }
        })
    }

    fn clear(&mut self) {
        self.instructions.clear();
        self.codes.clear();
        self.places.clear();
    }

    fn push(&mut self, row: u32, found: &Row<'_>) -> Result<(), StoreError> {
        let wrong = |error: rusqlite::types::FromSqlError| {
            StoreError::Inconsistent(format!("a text of row {row} is of another type: {error}"))
        };
        let instruction = found.get_ref(1)?.as_str_or_null().map_err(wrong)?;
        self.instructions.push_str(instruction.unwrap_or_default());
        self.codes.extend_from_slice(found.get_ref(2)?.as_blob().map_err(wrong)?);
        self.places.push(Place {
            row,
            has_instruction: instruction.is_some(),
            instruction_end: self.instructions.len(),
            code_end: self.codes.len(),
            codec: found.get(3)?,
        });
        Ok(())
    }
}

impl Store {
    /// Reads the texts of rows into `texts`, whose content goes.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] where a row is not there; as SQLite.
    pub fn read_texts(&self, rows: &[u32], texts: &mut Texts) -> Result<(), StoreError> {
        texts.clear();
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
        if rows.is_sorted_by(|one, next| one < next) && ((last - first) as usize) < rows.len() * DENSE {
            let mut statement = self.conn.prepare_cached(RANGE)?;
            return range(&mut statement, rows, texts);
        }
        let mut statement = self.conn.prepare_cached(POINT)?;
        for row in rows {
            let mut found = statement.query([row])?;
            match found.next()? {
                Some(found) => texts.push(*row, found)?,
                None => return Err(missing(*row)),
            }
        }
        Ok(())
    }

    /// What `look` says of the texts of each of the rows, in their order, by all threads of a pool. A thread hands what it
    /// keeps from one text to the next (`D`) to `look`.
    ///
    /// # Errors
    /// As SQLite, and as `look`: the first in the order of the rows, as far as was read.
    pub fn each_text<T: Send, D: Default + Send>(
        &self,
        pool: &ThreadPool,
        rows: &[u32],
        look: &(dyn Fn(Text<'_>, &mut D) -> Result<T, StoreError> + Sync),
    ) -> Result<Vec<T>, StoreError> {
        let limit = pool.current_num_threads() * AHEAD;
        let waiting = AtomicUsize::new(0);
        let spare: Mutex<Vec<Texts>> = Mutex::default();
        let desks: Mutex<Vec<D>> = Mutex::default();
        let done: Mutex<Vec<Done<T>>> = Mutex::default();
        let look_at = |place: usize, texts: Texts| {
            let mut desk = locked(&desks).pop().unwrap_or_default();
            let found = texts.iter().map(|text| look(text, &mut desk)).collect();
            locked(&done).push((place, found));
            locked(&spare).push(texts);
            locked(&desks).push(desk);
        };
        let (look_at, waiting) = (&look_at, &waiting);
        self.in_one_view(|| {
            pool.in_place_scope(|scope| {
                for (place, batch) in rows.chunks(BATCH).enumerate() {
                    let mut texts = locked(&spare).pop().unwrap_or_default();
                    self.read_texts(batch, &mut texts)?;
                    if waiting.load(Ordering::Relaxed) >= limit {
                        look_at(place, texts);
                        continue;
                    }
                    waiting.fetch_add(1, Ordering::Relaxed);
                    scope.spawn(move |_| {
                        look_at(place, texts);
                        waiting.fetch_sub(1, Ordering::Relaxed);
                    });
                }
                Ok(())
            })
        })?;
        let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        done.sort_unstable_by_key(|(place, _)| *place);
        let mut out = Vec::with_capacity(rows.len());
        for (_, found) in done {
            out.extend(found?);
        }
        Ok(out)
    }

    /// Runs `read` over one state of the database, whatever others write meanwhile; each read inside is spared the work
    /// of finding out whether somebody did.
    ///
    /// # Errors
    /// As `read`, and as SQLite.
    pub fn in_one_view<T>(&self, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        if !self.conn.is_autocommit() {
            return read();
        }
        // Nothing is written in it: however it ends, nothing is lost.
        let _view = self.conn.unchecked_transaction()?;
        read()
    }
}

fn range(statement: &mut CachedStatement<'_>, rows: &[u32], texts: &mut Texts) -> Result<(), StoreError> {
    let mut found = statement.query([rows[0], rows[rows.len() - 1]])?;
    let mut wanted = rows.iter().copied().peekable();
    while let (Some(next), Some(row)) = (wanted.peek().copied(), found.next()?) {
        let here: u32 = row.get(0)?;
        if here > next {
            return Err(missing(next));
        }
        if here == next {
            texts.push(here, row)?;
            wanted.next();
        }
    }
    wanted.next().map_or(Ok(()), |row| Err(missing(row)))
}

fn missing(row: u32) -> StoreError {
    StoreError::Inconsistent(format!("row {row} is in the index and not in the database"))
}

/// What a lock guards; a thread that panics while it holds one ends the whole scope.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
