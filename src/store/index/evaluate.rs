//! Which documents of a segment a clause means: one bit for each.
//!
//! Lists of documents are decoded whole into bits, and columns are read in blocks, which costs about a nanosecond for
//! each entry whatever the rest of the query is. In a conjunction the parts go from cheap to dear, each over what the
//! ones before have left; where little is left, entries are looked up one by one.

use std::sync::Arc;

use tantivy::columnar::column_index::{OptionalIndex, Set};
use tantivy::columnar::{Column, ColumnIndex};
use tantivy::postings::{Postings, SegmentPostings, TermInfo};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, InvertedIndexReader, SegmentReader, Term};

use super::Index;
use super::clause::Clause;
use super::rows::RowSet;
use crate::store::StoreError;

/// Values that are read at once from a column.
const BLOCK: usize = 1024;

/// A look-up of one document costs as much as reading so many in a row.
const LOOK_UP: u64 = 16;

/// Comparing the positions of a document costs as much as reading so many documents in a row.
const POSITIONS: u64 = 128;

/// A clause in one segment: terms are found, columns are open.
enum Node<'q> {
    All,
    Nothing,
    Postings(Arc<InvertedIndexReader>, Vec<TermInfo>),
    Phrase(Arc<InvertedIndexReader>, Vec<TermInfo>),
    Between(Column<u64>, u64, u64),
    Rows(Column<u64>, &'q RowSet),
    Found(&'q RowSet),
    And(Vec<Node<'q>>),
    Or(Vec<Node<'q>>),
    Not(Box<Node<'q>>),
}

/// A segment, and the documents in it that are known of rows that are asked for again and again.
pub(super) struct Segment<'a> {
    index: &'a Index,
    reader: &'a SegmentReader,
    size: DocId,
    known: &'a dyn Fn(&Arc<RowSet>) -> Option<&'a RowSet>,
}

impl<'a> Segment<'a> {
    pub(super) fn new(
        index: &'a Index,
        reader: &'a SegmentReader,
        known: &'a dyn Fn(&Arc<RowSet>) -> Option<&'a RowSet>,
    ) -> Self {
        Segment { index, reader, size: reader.max_doc(), known }
    }

    /// The documents that a clause means, deleted ones left out.
    pub(super) fn documents(&self, clause: &Clause) -> Result<RowSet, StoreError> {
        let mut found = self.evaluate(&self.node(clause)?, None)?;
        self.leave_living(&mut found);
        Ok(found)
    }

    /// The documents of some rows, deleted ones left out.
    pub(super) fn documents_of(&self, rows: &RowSet) -> Result<RowSet, StoreError> {
        let mut found = self.evaluate(&Node::Rows(self.reader.fast_fields().u64("row")?, rows), None)?;
        self.leave_living(&mut found);
        Ok(found)
    }

    fn leave_living(&self, found: &mut RowSet) {
        if let Some(alive) = self.reader.alive_bitset() {
            let living: RowSet = found.iter().filter(|doc| alive.is_alive(*doc)).collect();
            *found = living;
        }
    }

    fn node<'q>(&self, clause: &'q Clause) -> Result<Node<'q>, StoreError>
    where
        'a: 'q,
    {
        Ok(match clause {
            Clause::All => Node::All,
            Clause::AnyOf(field, texts) => {
                let inverted = self.reader.inverted_index(*field)?;
                let terms: Vec<TermInfo> = infos(&inverted, *field, texts)?.into_iter().flatten().collect();
                if terms.iter().any(|term| term.doc_freq == self.size) {
                    Node::All
                } else if terms.is_empty() {
                    Node::Nothing
                } else {
                    Node::Postings(inverted, terms)
                }
            }
            Clause::Phrase(field, texts) => {
                let inverted = self.reader.inverted_index(*field)?;
                let terms: Option<Vec<TermInfo>> = infos(&inverted, *field, texts)?.into_iter().collect();
                match terms {
                    Some(terms) if terms.len() > 1 => Node::Phrase(inverted, terms),
                    Some(terms) if terms.len() == 1 => Node::Postings(inverted, terms),
                    _ => Node::Nothing,
                }
            }
            Clause::Between(name, low, high) => {
                let column = self.index.number_column(self.reader, name)?.raw;
                if column.values.num_vals() == 0 {
                    return Ok(Node::Nothing);
                }
                let (least, greatest) = (column.min_value(), column.max_value());
                let (low, high) = ((*low).max(least), (*high).min(greatest));
                if low > high {
                    Node::Nothing
                } else if low == least && high == greatest && matches!(column.index, ColumnIndex::Full) {
                    Node::All
                } else {
                    Node::Between(column, low, high)
                }
            }
            Clause::Rows(rows) if rows.is_empty() => Node::Nothing,
            Clause::Lasting(rows) if let Some(found) = (self.known)(rows) => Node::Found(found),
            Clause::Rows(rows) | Clause::Lasting(rows) => Node::Rows(self.reader.fast_fields().u64("row")?, rows),
            Clause::And(parts) => {
                let mut nodes = Vec::with_capacity(parts.len());
                for part in parts {
                    match self.node(part)? {
                        Node::All => {}
                        Node::Nothing => return Ok(Node::Nothing),
                        node => nodes.push(node),
                    }
                }
                // What is left out comes last: it needs something to be left out of.
                nodes.sort_by_key(|node| (matches!(node, Node::Not(_)), self.cost(node)));
                match nodes.len() {
                    0 => Node::All,
                    1 => nodes.remove(0),
                    _ => Node::And(nodes),
                }
            }
            Clause::Or(parts) => {
                let mut nodes = Vec::with_capacity(parts.len());
                for part in parts {
                    match self.node(part)? {
                        Node::All => return Ok(Node::All),
                        Node::Nothing => {}
                        node => nodes.push(node),
                    }
                }
                match nodes.len() {
                    0 => Node::Nothing,
                    1 => nodes.remove(0),
                    _ => Node::Or(nodes),
                }
            }
            Clause::Not(inner) => match self.node(inner)? {
                Node::All => Node::Nothing,
                Node::Nothing => Node::All,
                Node::Not(inner) => *inner,
                node => Node::Not(Box::new(node)),
            },
        })
    }

    /// What evaluating a node costs, in documents read in a row.
    fn cost(&self, node: &Node<'_>) -> u64 {
        match node {
            Node::All | Node::Nothing | Node::Found(_) => 0,
            Node::Postings(_, terms) => lengths(terms),
            Node::Phrase(_, terms) => lengths(terms) + POSITIONS * terms.iter().map(frequency).min().unwrap_or(0),
            Node::Between(..) | Node::Rows(..) => 2 * u64::from(self.size),
            Node::And(nodes) | Node::Or(nodes) => nodes.iter().map(|node| self.cost(node)).sum(),
            Node::Not(inner) => self.cost(inner),
        }
    }

    /// The documents of a node, of those among which it looks.
    fn evaluate(&self, node: &Node<'_>, among: Option<&RowSet>) -> Result<RowSet, StoreError> {
        let left = among.map_or(u64::from(self.size), |among| among.len() as u64);
        if left == 0 {
            return Ok(RowSet::default());
        }
        Ok(match node {
            Node::All => among.cloned().unwrap_or_else(|| RowSet::all(self.size)),
            Node::Nothing => RowSet::default(),
            Node::Postings(inverted, terms) => match among {
                Some(among) if left * LOOK_UP * (terms.len() as u64) < lengths(terms) => {
                    let mut out = RowSet::new(self.size as usize);
                    for term in terms {
                        let mut postings = opened(inverted, term, IndexRecordOption::Basic)?;
                        among.iter().filter(|doc| is_in(&mut postings, *doc)).for_each(|doc| out.insert(doc));
                    }
                    out
                }
                _ => {
                    let mut out = RowSet::new(self.size as usize);
                    for term in terms {
                        let mut block = inverted
                            .read_block_postings_from_terminfo(term, IndexRecordOption::Basic)
                            .map_err(tantivy::TantivyError::from)?;
                        while !block.docs().is_empty() {
                            out.insert_ascending(block.docs());
                            block.advance();
                        }
                    }
                    narrowed(out, among)
                }
            },
            Node::Phrase(inverted, terms) => self.phrase(inverted, terms, among)?,
            Node::Between(column, low, high) => {
                let (low, reach) = (*low, high - low);
                match &column.index {
                    ColumnIndex::Full => self.by_value(column, among, left, &|value| value.wrapping_sub(low) <= reach),
                    _ if left * LOOK_UP < u64::from(self.size) => among
                        .into_iter()
                        .flat_map(RowSet::iter)
                        .filter(|doc| column.first(*doc).is_some_and(|value| value.wrapping_sub(low) <= reach))
                        .collect(),
                    ColumnIndex::Optional(present) => {
                        let pass = |value: u64| value.wrapping_sub(low) <= reach;
                        narrowed(self.by_present_value(column, present, &pass), among)
                    }
                    _ => {
                        let mut docs = Vec::new();
                        column.get_docids_for_value_range(low..=low + reach, 0..self.size, &mut docs);
                        narrowed(docs.into_iter().collect(), among)
                    }
                }
            }
            Node::Found(found) => narrowed((*found).clone(), among),
            Node::Rows(column, rows) => self.by_value(column, among, left, &|row| rows.contains(row as u32)),
            Node::And(nodes) => {
                let mut out = among.cloned();
                for node in nodes {
                    let next = match (node, out) {
                        (Node::Not(inner), Some(mut held)) => {
                            let gone = self.evaluate(inner, Some(&held))?;
                            held.subtract(&gone);
                            held
                        }
                        (node, held) => self.evaluate(node, held.as_ref())?,
                    };
                    if next.is_empty() {
                        return Ok(next);
                    }
                    out = Some(next);
                }
                out.unwrap_or_else(|| RowSet::all(self.size))
            }
            Node::Or(nodes) => {
                let mut out = RowSet::new(self.size as usize);
                for node in nodes {
                    out.unite(&self.evaluate(node, among)?);
                }
                out
            }
            Node::Not(inner) => {
                let gone = self.evaluate(inner, among)?;
                let mut out = among.cloned().unwrap_or_else(|| RowSet::all(self.size));
                out.subtract(&gone);
                out
            }
        })
    }

    /// The documents whose value in a column passes; every document has one.
    fn by_value(
        &self,
        column: &Column<u64>,
        among: Option<&RowSet>,
        left: u64,
        pass: &(impl Fn(u64) -> bool + ?Sized),
    ) -> RowSet {
        let mut values = [0u64; BLOCK];
        let mut out = RowSet::new(self.size as usize);
        match among {
            Some(among) if left * 4 < u64::from(self.size) => among.each_block(&mut |docs| {
                let values = &mut values[..docs.len()];
                column.values.get_vals(docs, values);
                docs.iter().zip(values).filter(|(_, value)| pass(**value)).for_each(|(doc, _)| out.insert(*doc));
            }),
            _ => {
                for from in (0..self.size).step_by(BLOCK) {
                    let values = &mut values[..BLOCK.min((self.size - from) as usize)];
                    column.values.get_range(u64::from(from), values);
                    for (at, chunk) in values.chunks(64).enumerate() {
                        let word = chunk
                            .iter()
                            .enumerate()
                            .fold(0, |word, (bit, value)| word | u64::from(pass(*value)) << bit);
                        out.set_word(from as usize / 64 + at, word);
                    }
                }
                out = narrowed(out, among);
            }
        }
        out
    }

    /// The documents that have a value in a column, and one that passes.
    fn by_present_value(
        &self,
        column: &Column<u64>,
        present: &OptionalIndex,
        pass: &(impl Fn(u64) -> bool + ?Sized),
    ) -> RowSet {
        let mut values = [0u64; BLOCK];
        let mut out = RowSet::new(self.size as usize);
        let mut before = 0;
        for from in (0..self.size).step_by(BLOCK) {
            let after = present.rank((from + BLOCK as u32).min(self.size));
            let values = &mut values[..(after - before) as usize];
            column.values.get_range(u64::from(before), values);
            let mut rest: &[u64] = values;
            let mut ranked = before;
            for word in (from..(from + BLOCK as u32).min(self.size)).step_by(64) {
                let to = (word + 64).min(self.size);
                let rank = present.rank(to);
                let (mine, others) = rest.split_at((rank - ranked) as usize);
                let bits = mine.iter().enumerate().fold(0, |bits, (bit, value)| bits | u64::from(pass(*value)) << bit);
                out.set_word(word as usize / 64, spread(bits, word, (word, ranked), (to, rank), present));
                (rest, ranked) = (others, rank);
            }
            before = after;
        }
        out
    }

    /// The documents in which terms stand one after the other.
    fn phrase(
        &self,
        inverted: &Arc<InvertedIndexReader>,
        terms: &[TermInfo],
        among: Option<&RowSet>,
    ) -> Result<RowSet, StoreError> {
        // From the rarest term to the most frequent, each with its place in the phrase.
        let mut placed: Vec<(usize, &TermInfo)> = terms.iter().enumerate().collect();
        placed.sort_by_key(|(_, term)| term.doc_freq);
        let mut candidates: Option<RowSet> = among.cloned();
        for (_, term) in &placed {
            let node = Node::Postings(inverted.clone(), vec![(*term).clone()]);
            candidates = Some(self.evaluate(&node, candidates.as_ref())?);
        }
        let candidates = candidates.unwrap_or_default();
        let mut lists = Vec::with_capacity(placed.len());
        for (place, term) in placed {
            let postings = opened(inverted, term, IndexRecordOption::WithFreqsAndPositions)?;
            // Positions of all terms are moved to that of the last one.
            lists.push(((terms.len() - 1 - place) as u32, postings));
        }
        let mut out = RowSet::new(self.size as usize);
        let (mut here, mut there) = (Vec::new(), Vec::new());
        for doc in candidates.iter() {
            let mut first = true;
            let found = lists.iter_mut().all(|(offset, postings)| {
                if !is_in(postings, doc) {
                    return false;
                }
                if first {
                    first = false;
                    postings.positions_with_offset(*offset, &mut here);
                } else {
                    postings.positions_with_offset(*offset, &mut there);
                    leave_common(&mut here, &there);
                }
                !here.is_empty()
            });
            if found {
                out.insert(doc);
            }
        }
        Ok(out)
    }
}

fn infos(inverted: &InvertedIndexReader, field: Field, texts: &[String]) -> Result<Vec<Option<TermInfo>>, StoreError> {
    let found = texts.iter().map(|text| inverted.get_term_info(&Term::from_field_text(field, text)));
    Ok(found.collect::<Result<_, _>>().map_err(tantivy::TantivyError::from)?)
}

fn opened(
    inverted: &InvertedIndexReader,
    term: &TermInfo,
    option: IndexRecordOption,
) -> Result<SegmentPostings, StoreError> {
    Ok(inverted.read_postings_from_terminfo(term, option).map_err(tantivy::TantivyError::from)?)
}

/// Whether a list holds a document; documents are asked for in ascending order.
fn is_in(postings: &mut SegmentPostings, doc: DocId) -> bool {
    if postings.doc() < doc {
        postings.seek(doc);
    }
    postings.doc() == doc
}

fn frequency(term: &TermInfo) -> u64 {
    u64::from(term.doc_freq)
}

fn lengths(terms: &[TermInfo]) -> u64 {
    terms.iter().map(frequency).sum()
}

fn narrowed(mut found: RowSet, among: Option<&RowSet>) -> RowSet {
    if let Some(among) = among {
        found.intersect(among);
    }
    found
}

/// Moves the bits of values to those of the documents that have one. `from` and `to` are documents with the number of
/// values before them; bits are counted from `base`.
fn spread(bits: u64, base: DocId, from: (DocId, u32), to: (DocId, u32), present: &OptionalIndex) -> u64 {
    let (docs, values) = (to.0 - from.0, to.1 - from.1);
    if values == 0 {
        return 0;
    }
    if values == docs {
        return bits << (from.0 - base);
    }
    let middle = from.0 + docs / 2;
    let middle = (middle, present.rank(middle));
    let mine = middle.1 - from.1;
    let later = bits.checked_shr(mine).unwrap_or(0);
    let earlier = if mine == 64 { bits } else { bits & ((1 << mine) - 1) };
    spread(earlier, base, from, middle, present) | spread(later, base, middle, to, present)
}

/// Leaves the numbers that both ascending lists have.
fn leave_common(here: &mut Vec<u32>, there: &[u32]) {
    let mut rest = there.iter().peekable();
    here.retain(|position| {
        while rest.next_if(|other| *other < position).is_some() {}
        rest.peek() == Some(&position)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_numbers_are_left() {
        let mut here = vec![1, 4, 4, 9, 12];
        leave_common(&mut here, &[0, 4, 10, 12, 13]);
        assert_eq!(here, [4, 4, 12]);
        leave_common(&mut here, &[]);
        assert!(here.is_empty());
    }

    #[test]
    fn bits_of_values_move_to_the_documents_that_have_one() {
        for (size, every) in [(64u32, 1u32), (64, 7), (200, 2), (200, 63), (130, 200)] {
            let docs: Vec<u32> = (0..size).filter(|doc| doc % every != every - 1 || every == 1).collect();
            let present = OptionalIndex::for_test(size, &docs);
            for word in (0..size).step_by(64) {
                let to = (word + 64).min(size);
                let (before, after) = (present.rank(word), present.rank(to));
                let all = if after - before == 64 { u64::MAX } else { (1 << (after - before)) - 1 };
                for bits in [all, all & 0x5555_5555_5555_5555, 0] {
                    let moved = spread(bits, word, (word, before), (to, after), &present);
                    let mut wanted = 0u64;
                    for (at, doc) in docs.iter().filter(|doc| (word..to).contains(doc)).enumerate() {
                        wanted |= (bits >> at & 1) << (doc - word);
                    }
                    assert_eq!(moved, wanted, "{size} {every} {word}");
                }
            }
        }
    }
}
