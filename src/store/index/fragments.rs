//! Rows whose texts may hold pieces of text, by the terms that the pieces would be in: what a scan of the texts need not
//! read.
//!
//! The answer may hold rows too many, never one too few. A run of word characters that is longer than a term is cut
//! ([`MAX_TERM_BYTES`]), so a piece may lie across two terms of it: rows with terms that may be such pieces are in
//! every answer that is found by looking into terms.

use memchr::memmem::Finder;
use tantivy::postings::TermInfo;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, InvertedIndexReader, SegmentReader, TERMINATED, Term};

use super::Index;
use super::rows::RowSet;
use crate::query::plan::Within;
use crate::store::StoreError;
use crate::text::MAX_TERM_BYTES;

/// The least bytes of a term that may be a piece of a longer run: a run is cut at a character of at most four bytes,
/// and no letter takes less than half as many in lower case.
const PIECE_BYTES: usize = (MAX_TERM_BYTES - 3) / 2;

/// Most terms that a fragment may be in; one that is in more tells too little for the work.
const MAX_TERMS: usize = 20_000;

/// A row costs as much to read as so many terms to look into.
const TERMS_PER_ROW: usize = 32;

/// What stands beside a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The beginning or end of the run of word characters.
    Closed,
    /// No letter, digit or mark as regular expressions see them (`\b`): the end of the run, or a sign that only
    /// [`crate::text`] counts to words.
    Word,
    /// Anything.
    Open,
}

/// A part of a run of word characters, in ASCII and lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Its text.
    pub text: String,
    /// What stands before it.
    pub left: Side,
    /// What stands after it.
    pub right: Side,
    /// Whether an `ſ` may stand for an `s` of it.
    pub folded: bool,
}

/// What must be true of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Any,
    /// A fragment is in it.
    Has(Fragment),
    /// All of these.
    And(Vec<Condition>),
    /// One of these.
    Or(Vec<Condition>),
}

impl Fragment {
    /// Whether it is found by looking into every term.
    fn is_inside(&self) -> bool {
        self.left != Side::Closed || self.folded
    }

    fn is_in(&self, term: &str, finder: &Finder<'_>) -> bool {
        let fits = |start: usize| {
            let (before, after) = (&term[..start], &term[start + self.text.len()..]);
            let side = |side: Side, next: Option<char>| match side {
                Side::Open => true,
                Side::Closed => next.is_none(),
                Side::Word => next.is_none_or(|ch| ch == '\\' || (ch.is_numeric() && !ch.is_ascii_digit())),
            };
            side(self.left, before.chars().next_back()) && side(self.right, after.chars().next())
        };
        let mut from = 0;
        while let Some(found) = finder.find(&term.as_bytes()[from..]) {
            if fits(from + found) {
                return true;
            }
            from += found + 1;
        }
        false
    }
}

/// The documents of a segment; none where it may be all of them.
type Docs = Option<Vec<u64>>;

impl Index {
    /// The rows of which a text may meet a condition, where finding them is less work than reading `candidates` rows;
    /// none where they may be too many to be worth it.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn rows_that_may(
        &self,
        condition: &Condition,
        within: Within,
        candidates: usize,
    ) -> Result<Option<RowSet>, StoreError> {
        let fields: &[Field] = match within {
            Within::Any => &[self.fields.code, self.fields.instruction],
            Within::Code => &[self.fields.code],
            Within::Instruction => &[self.fields.instruction],
        };
        let mut leaves = Vec::new();
        leaves_of(condition, &mut leaves);
        if leaves.is_empty() {
            return Ok(None);
        }
        let searcher = self.searcher();
        let mut terms = 0;
        for reader in searcher.segment_readers() {
            for field in fields {
                terms += reader.inverted_index(*field)?.terms().num_terms();
            }
        }
        let look_inside = terms < candidates.saturating_mul(TERMS_PER_ROW);
        let mut out = RowSet::default();
        for reader in searcher.segment_readers() {
            let mut docs: Docs = Some(Vec::new());
            for field in fields {
                let lists = Lists::of(reader, *field, &leaves, look_inside)?;
                docs = union(docs, lists.docs(condition, &leaves)?);
            }
            let Some(docs) = docs else { return Ok(None) };
            let rows = reader.fast_fields().u64("row")?;
            let alive = reader.alive_bitset();
            for doc in RowSet::from_words(docs).iter() {
                if alive.is_none_or(|alive| alive.is_alive(doc))
                    && let Some(row) = rows.first(doc)
                {
                    out.insert(row as u32);
                }
            }
        }
        Ok(Some(out))
    }
}

impl Index {
    /// How many codes have a term, deleted ones included until segments merge.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn codes_with(&self, term: &str) -> Result<u64, StoreError> {
        Ok(self.searcher().doc_freq(&Term::from_field_text(self.fields.code, term))?)
    }
}

fn leaves_of<'a>(condition: &'a Condition, leaves: &mut Vec<&'a Fragment>) {
    match condition {
        Condition::Any => {}
        Condition::Has(fragment) => {
            if !leaves.contains(&fragment) {
                leaves.push(fragment);
            }
        }
        Condition::And(parts) | Condition::Or(parts) => parts.iter().for_each(|part| leaves_of(part, leaves)),
    }
}

fn union(one: Docs, two: Docs) -> Docs {
    let (mut one, two) = (one?, two?);
    if one.len() < two.len() {
        one.resize(two.len(), 0);
    }
    one.iter_mut().zip(&two).for_each(|(one, two)| *one |= two);
    Some(one)
}

/// For each fragment the terms of a segment and field that it is in; none where they are too many.
struct Lists {
    inverted: std::sync::Arc<InvertedIndexReader>,
    max_doc: u32,
    lists: Vec<Option<Vec<TermInfo>>>,
}

/// The terms of a fragment, as far as they are worth it.
struct Terms {
    found: Option<Vec<TermInfo>>,
    docs: u64,
    most: u64,
}

impl Terms {
    fn push(&mut self, info: TermInfo) {
        let Some(found) = &mut self.found else { return };
        self.docs += u64::from(info.doc_freq);
        found.push(info);
        if self.docs > self.most || found.len() > MAX_TERMS {
            self.found = None;
        }
    }
}

impl Lists {
    fn of(reader: &SegmentReader, field: Field, leaves: &[&Fragment], look_inside: bool) -> Result<Lists, StoreError> {
        let inverted = reader.inverted_index(field)?;
        let most = u64::from(reader.max_doc()) * 2 / 3;
        let mut lists: Vec<Terms> = leaves.iter().map(|_| Terms { found: Some(Vec::new()), docs: 0, most }).collect();
        for (fragment, terms) in leaves.iter().zip(&mut lists) {
            match (fragment.is_inside(), fragment.right) {
                (true, _) if look_inside => {}
                (true, _) => terms.found = None,
                (false, Side::Closed) => {
                    let term = Term::from_field_text(field, &fragment.text);
                    inverted
                        .get_term_info(&term)
                        .map_err(tantivy::TantivyError::from)?
                        .into_iter()
                        .for_each(|info| terms.push(info));
                }
                (false, _) => {
                    let from = fragment.text.as_bytes();
                    let finder = Finder::new(from);
                    let range = inverted.terms().range().ge(from);
                    let mut stream = range.into_stream().map_err(tantivy::TantivyError::from)?;
                    while stream.advance() && stream.key().starts_with(from) && terms.found.is_some() {
                        if std::str::from_utf8(stream.key()).is_ok_and(|term| fragment.is_in(term, &finder)) {
                            terms.push(stream.value().clone());
                        }
                    }
                }
            }
        }
        let inside: Vec<(usize, &Fragment, Finder<'_>)> = leaves
            .iter()
            .enumerate()
            .filter(|(at, fragment)| fragment.is_inside() && lists[*at].found.is_some())
            .map(|(at, fragment)| (at, *fragment, Finder::new(fragment.text.as_bytes())))
            .collect();
        if !inside.is_empty() {
            let mut stream = inverted.terms().stream().map_err(tantivy::TantivyError::from)?;
            while stream.advance() && inside.iter().any(|(at, ..)| lists[*at].found.is_some()) {
                let key = stream.key();
                let Ok(term) = std::str::from_utf8(key) else { continue };
                let is_piece = key.len() >= PIECE_BYTES;
                let has_long_s = !term.is_ascii() && term.contains('ſ');
                for (at, fragment, finder) in &inside {
                    if is_piece || (fragment.folded && has_long_s) || fragment.is_in(term, finder) {
                        lists[*at].push(stream.value().clone());
                    }
                }
            }
        }
        let lists = lists.into_iter().map(|terms| terms.found).collect();
        Ok(Lists { inverted, max_doc: reader.max_doc(), lists })
    }

    /// The documents that may meet a condition.
    fn docs(&self, condition: &Condition, leaves: &[&Fragment]) -> Result<Docs, StoreError> {
        Ok(match condition {
            Condition::Any => None,
            Condition::Has(fragment) => {
                let list = leaves.iter().position(|leaf| *leaf == fragment).and_then(|at| self.lists[at].as_ref());
                let Some(list) = list else { return Ok(None) };
                let mut docs = vec![0u64; (self.max_doc as usize).div_ceil(64)];
                for info in list {
                    let postings = self.inverted.read_postings_from_terminfo(info, IndexRecordOption::Basic);
                    let mut postings = postings.map_err(tantivy::TantivyError::from)?;
                    while postings.doc() != TERMINATED {
                        docs[postings.doc() as usize / 64] |= 1 << (postings.doc() % 64);
                        postings.advance();
                    }
                }
                Some(docs)
            }
            Condition::And(parts) => {
                let mut all: Docs = None;
                for part in parts {
                    all = match (all, self.docs(part, leaves)?) {
                        (Some(mut one), Some(two)) => {
                            one.iter_mut().zip(&two).for_each(|(one, two)| *one &= two);
                            Some(one)
                        }
                        (one, two) => one.or(two),
                    };
                }
                all
            }
            Condition::Or(parts) => {
                let mut any: Docs = Some(vec![0u64; (self.max_doc as usize).div_ceil(64)]);
                for part in parts {
                    any = union(any, self.docs(part, leaves)?);
                }
                any
            }
        })
    }
}
