//! Going through the texts of many rows with all cores.
//!
//! One thread reads from the database, a batch at a time, and runs ahead of those that look at what it read. Where it is
//! too far ahead it looks at a batch itself, so that no core waits and memory stays bounded.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::analyze::parse;
use crate::analyze::pattern::SeenLines;
use crate::store::{Store, StoreError, Text, Texts};

/// Rows that are read at once.
const BATCH: usize = 256;

/// Batches per core that may be read and not looked at yet: 0.2 MB each, for texts of common size.
const AHEAD: usize = 4;

/// What was said of a batch, with its place among them.
type Done<T> = (usize, Result<Vec<T>, StoreError>);

/// What whoever looks at texts keeps from one to the next.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// Code is unpacked into it.
    pub(super) code: Vec<u8>,
    /// What was found of lines of code.
    pub(super) lines: SeenLines,
}

/// What `look` says of the texts of each of the rows, in their order.
///
/// # Errors
/// As the store, and as `look`: the first in the order of the rows, as far as was read.
pub(super) fn each<T: Send>(
    store: &Store,
    rows: &[u32],
    look: &(dyn Fn(Text<'_>, &mut Desk) -> Result<T, StoreError> + Sync),
) -> Result<Vec<T>, StoreError> {
    let pool = parse::pool();
    let limit = pool.current_num_threads() * AHEAD;
    let waiting = AtomicUsize::new(0);
    let spare: Mutex<Vec<Texts>> = Mutex::default();
    let desks: Mutex<Vec<Desk>> = Mutex::default();
    let done: Mutex<Vec<Done<T>>> = Mutex::default();
    let look_at = |place: usize, texts: Texts| {
        let mut desk = locked(&desks).pop().unwrap_or_default();
        let found = texts.iter().map(|text| look(text, &mut desk)).collect();
        locked(&done).push((place, found));
        locked(&spare).push(texts);
        locked(&desks).push(desk);
    };
    let (look_at, waiting) = (&look_at, &waiting);
    store.in_one_view(|| {
        pool.in_place_scope(|scope| {
            for (place, batch) in rows.chunks(BATCH).enumerate() {
                let mut texts = locked(&spare).pop().unwrap_or_default();
                store.read_texts(batch, &mut texts)?;
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

/// What a lock guards; a thread that panics while it holds one ends the whole scope.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
