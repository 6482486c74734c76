//! The commonest names of a field that begin so, without reading a large dictionary into memory.
//!
//! Each segment's dictionary is gone through once, all segments side by side, and keeps its commonest names. What is
//! rare in every segment is rare in all of them together: where that settles the answer it is exact, and where it does
//! not the dictionaries are merged, which is as exact and slower.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use tantivy::{SegmentReader, TantivyError, Term};

use super::Index;
use super::schema::term_text;
use crate::store::StoreError;

/// How many times as many names a segment keeps as are asked for.
const SPARE: usize = 8;

/// Names with how many documents have each.
type Counted = Vec<(String, u64)>;

impl Index {
    /// The names or words of a field that begin with `prefix` in any case, the commonest first, then by name; at most
    /// `limit`. Each has how many documents have it, those counted that are deleted and not yet merged away.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn commonest(&self, field: &str, prefix: &str, limit: usize) -> Result<Counted, StoreError> {
        let (stem, searcher) = (term_text(field, ""), self.searcher());
        let readers = searcher.segment_readers();
        let kept = limit.saturating_mul(SPARE);
        let best: Vec<(Counted, u64)> = readers
            .par_iter()
            .map(|reader| {
                let mut heap: BinaryHeap<(Reverse<u64>, Vec<u8>)> = BinaryHeap::new();
                let mut dropped = false;
                self.each(reader, &stem, prefix, &mut |name, count| {
                    if heap.len() < kept {
                        heap.push((Reverse(count), name.to_vec()));
                    } else if let Some(mut least) = heap.peek_mut() {
                        // What is dropped, this one or the least, occurs no more often than what stays.
                        dropped = true;
                        if count > least.0.0 {
                            *least = (Reverse(count), name.to_vec());
                        }
                    }
                })?;
                let full = if dropped { heap.peek().map_or(0, |least| least.0.0) } else { 0 };
                let names = heap.into_iter().filter_map(|(count, name)| Some((String::from_utf8(name).ok()?, count.0)));
                Ok((names.collect(), full))
            })
            .collect::<Result<_, StoreError>>()?;
        // What no segment kept occurs no more often than this.
        let unseen: u64 = best.iter().map(|(_, least)| least).sum();
        let mut found: BTreeMap<String, u64> = BTreeMap::new();
        for (name, _) in best.into_iter().flat_map(|(names, _)| names) {
            found.entry(name).or_default();
        }
        for (name, count) in &mut found {
            let term = Term::from_field_text(self.fields.terms, &format!("{stem}{name}"));
            for reader in readers {
                let info =
                    reader.inverted_index(self.fields.terms)?.get_term_info(&term).map_err(TantivyError::from)?;
                *count += info.map_or(0, |info| u64::from(info.doc_freq));
            }
        }
        let sorted = first(found, limit);
        if unseen == 0 || sorted.len() == limit && sorted.last().is_some_and(|(_, count)| *count > unseen) {
            return Ok(sorted);
        }
        let mut all: BTreeMap<String, u64> = BTreeMap::new();
        for reader in readers {
            self.each(reader, &stem, prefix, &mut |name, count| {
                if let Ok(name) = std::str::from_utf8(name) {
                    match all.get_mut(name) {
                        Some(known) => *known += count,
                        None => drop(all.insert(name.to_owned(), count)),
                    }
                }
            })?;
        }
        Ok(first(all, limit))
    }

    /// Calls `take` with each name of a segment that begins so, in order, and how many of its documents have it.
    fn each(
        &self,
        reader: &SegmentReader,
        stem: &str,
        prefix: &str,
        take: &mut dyn FnMut(&[u8], u64),
    ) -> Result<(), StoreError> {
        let inverted = reader.inverted_index(self.fields.terms)?;
        let folded: Vec<char> = prefix.chars().flat_map(char::to_lowercase).collect();
        for begin in beginnings(prefix) {
            let from = format!("{stem}{begin}");
            let range = inverted.terms().range().ge(from.as_bytes());
            let mut stream = range.into_stream().map_err(TantivyError::from)?;
            while stream.advance() {
                let key = stream.key();
                if !key.starts_with(from.as_bytes()) {
                    break;
                }
                let name = &key[stem.len()..];
                if begins_with(name, prefix, &folded) {
                    take(name, u64::from(stream.value().doc_freq));
                }
            }
        }
        Ok(())
    }
}

/// What names begin with that begin so in any case, as far as it takes few forms: what is left is looked at in each name.
fn beginnings(prefix: &str) -> Vec<String> {
    /// Most forms; each is a place in the dictionary to look at.
    const FORMS: usize = 64;
    let mut out = vec![String::new()];
    for c in prefix.chars() {
        let mut forms = vec![c.to_ascii_uppercase(), c.to_ascii_lowercase()];
        forms.dedup();
        match c.to_ascii_lowercase() {
            // Other letters with a small `k` or `i`: the sign of the kelvin, the capital with a dot.
            'k' => forms.push('\u{212a}'),
            'i' => forms.push('\u{130}'),
            _ => {}
        }
        if !c.is_ascii() || out.len() * forms.len() > FORMS {
            break;
        }
        out = out.iter().flat_map(|begin| forms.iter().map(move |form| format!("{begin}{form}"))).collect();
    }
    out
}

/// Whether a name begins so in any case.
fn begins_with(name: &[u8], prefix: &str, folded: &[char]) -> bool {
    let ascii = name.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()));
    if ascii || (name.is_ascii() && prefix.is_ascii()) {
        return ascii;
    }
    let Ok(name) = std::str::from_utf8(name) else { return false };
    let mut chars = name.chars().flat_map(char::to_lowercase);
    folded.iter().all(|c| chars.next() == Some(*c))
}

/// The commonest, then by name.
fn first(names: BTreeMap<String, u64>, limit: usize) -> Counted {
    let mut names: Counted = names.into_iter().collect();
    names.sort_by_key(|(_, count)| Reverse(*count));
    names.truncate(limit);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_begin_so_in_any_case_lie_under_a_beginning() {
        for (prefix, name) in
            [("se", "SELF"), ("Kel", "\u{212a}elvin"), ("i", "\u{130}zmir"), ("är", "Ärger"), ("x.Y", "X.y")]
        {
            let folded: Vec<char> = prefix.chars().flat_map(char::to_lowercase).collect();
            assert!(begins_with(name.as_bytes(), prefix, &folded), "{prefix} {name}");
            assert!(beginnings(prefix).iter().any(|begin| name.starts_with(begin.as_str())), "{prefix} {name}");
        }
        assert_eq!(beginnings("a-"), ["A-", "a-"]);
        assert!(beginnings("abcdefghijkl").len() <= 64);
    }
}
