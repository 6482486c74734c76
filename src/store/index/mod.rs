//! The query index: text and facts of every live sample, derived from SQLite and rebuilt from it at will.
//!
//! Its commit payload carries the watermark, the last entry of the change log that it has followed; whatever is past
//! that is replayed before a query runs, so a crash between SQLite's commit and the index's loses nothing.

pub mod clause;
mod commonest;
mod directory;
pub mod documents;
mod evaluate;
pub mod fragments;
pub mod order;
mod relevance;
pub mod rows;
pub mod schema;
pub mod search;
pub mod tally;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tantivy::directory::error::LockError;
use tantivy::tokenizer::TokenizerManager;
use tantivy::{IndexReader, IndexWriter, ReloadPolicy, Searcher, SegmentReader, TantivyDocument, TantivyError, Term};

use crate::sample::Sample;
use crate::store::StoreError;
use directory::Files;
use schema::{CodeTokenizer, Fields, MetaTokenizer, TermsTokenizer};

/// Memory of the writer, both threads together, before a segment is written.
const WRITER_BYTES: usize = 160 << 20;
const WRITER_THREADS: usize = 2;

/// How long the writer before may keep its lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait before it is asked for again.
const PAUSE: Duration = Duration::from_millis(5);

/// What a commit says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Payload {
    watermark: i64,
    stamp: String,
}

/// An open query index.
pub struct Index {
    index: tantivy::Index,
    reader: IndexReader,
    /// Its fields.
    pub fields: Fields,
    watermark: i64,
    remembered: Mutex<Option<Arc<documents::Remembered>>>,
}

impl Index {
    /// Opens the index in `dir`; `None` where there is none, or one that this version cannot use (it is derived: make it anew).
    ///
    /// # Errors
    /// Where files are there and cannot be read for reasons of the system.
    pub fn open(dir: &Path) -> Result<Option<Index>, StoreError> {
        if !dir.join("meta.json").exists() {
            return Ok(None);
        }
        let fields = Fields::new();
        let directory = Files::open(dir)?;
        let Ok(mut index) = tantivy::Index::open(directory) else { return Ok(None) };
        let payload: Payload = match index.load_metas() {
            Ok(metas) => metas.payload.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
            Err(_) => return Ok(None),
        };
        if payload.stamp != fields.stamp() {
            return Ok(None);
        }
        index.set_tokenizers(tokenizers());
        // Where a file of it is missing or cut off, it is made anew.
        let made: tantivy::Result<IndexReader> = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into();
        let Ok(reader) = made else { return Ok(None) };
        let texts = [fields.terms, fields.code, fields.instruction, fields.meta];
        let opens = |segment: &SegmentReader| texts.iter().all(|field| segment.inverted_index(*field).is_ok());
        if !reader.searcher().segment_readers().iter().all(opens) {
            return Ok(None);
        }
        Ok(Some(Index { index, reader, fields, watermark: payload.watermark, remembered: Mutex::default() }))
    }

    /// Makes an empty index in `dir`, in place of whatever is there.
    ///
    /// # Errors
    /// Where the directory cannot be written.
    pub fn create(dir: &Path) -> Result<Index, StoreError> {
        let io = |path: PathBuf| move |source| StoreError::Io { path, source };
        if dir.exists() {
            std::fs::remove_dir_all(dir).map_err(io(dir.to_owned()))?;
        }
        std::fs::create_dir_all(dir).map_err(io(dir.to_owned()))?;
        let fields = Fields::new();
        let mut index = tantivy::Index::builder().schema(fields.schema.clone()).open_or_create(Files::open(dir)?)?;
        index.set_tokenizers(tokenizers());
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let mut made = Index { index, reader, fields, watermark: 0, remembered: Mutex::default() };
        let writer = made.writer()?;
        made.commit(writer, 0)?;
        Ok(made)
    }

    /// Puts an index that was made in `fresh` in the place of the one in `dir`, and opens it there.
    ///
    /// # Errors
    /// Where the directories cannot be renamed.
    pub fn replace(fresh: &Path, dir: &Path) -> Result<Index, StoreError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { path, source }
        };
        let old = dir.with_extension("old");
        if old.exists() {
            std::fs::remove_dir_all(&old).map_err(io(&old))?;
        }
        if dir.exists() {
            std::fs::rename(dir, &old).map_err(io(dir))?;
        }
        std::fs::rename(fresh, dir).map_err(io(fresh))?;
        let _ = std::fs::remove_dir_all(&old);
        Index::open(dir)?
            .ok_or_else(|| StoreError::Inconsistent("the index that was just made cannot be opened".into()))
    }

    /// The digest of each row's document, see [`Fields::digest`].
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn digests(&self) -> Result<BTreeMap<u32, u64>, StoreError> {
        let mut out = BTreeMap::new();
        for reader in self.searcher().segment_readers() {
            let (rows, digests) = (reader.fast_fields().u64("row")?, reader.fast_fields().u64("digest")?);
            for doc in 0..reader.max_doc() {
                if reader.alive_bitset().is_none_or(|alive| alive.is_alive(doc))
                    && let (Some(row), Some(digest)) = (rows.first(doc), digests.first(doc))
                {
                    out.insert(row as u32, digest);
                }
            }
        }
        Ok(out)
    }

    /// The last entry of the change log that it has followed.
    pub fn watermark(&self) -> i64 {
        self.watermark
    }

    /// A view of what is committed.
    pub fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    /// Opens the writer.
    ///
    /// # Errors
    /// Where another writer is open, or memory is lacking.
    pub fn writer(&self) -> Result<DocumentWriter, StoreError> {
        let mut waited = Duration::ZERO;
        loop {
            match self.index.writer_with_num_threads(WRITER_THREADS, WRITER_BYTES) {
                Ok(writer) => return Ok(DocumentWriter { writer, fields: self.fields.clone() }),
                // Whoever writes holds the lock of the store, so no other writer is open. But a process that this one
                // starts in another thread holds its files for a moment, and with them the lock of the last writer.
                Err(TantivyError::LockFailure(LockError::LockBusy, _)) if waited < PATIENCE => {
                    std::thread::sleep(PAUSE);
                    waited += PAUSE;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Makes what was written durable and visible, and moves the watermark.
    ///
    /// # Errors
    /// Where the disk refuses; the old state then stays.
    pub fn commit(&mut self, mut writer: DocumentWriter, watermark: i64) -> Result<(), StoreError> {
        let payload = Payload { watermark, stamp: self.fields.stamp() };
        let mut prepared = writer.writer.prepare_commit()?;
        prepared.set_payload(&serde_json::to_string(&payload).expect("a payload is plain JSON"));
        prepared.commit()?;
        writer.writer.wait_merging_threads()?;
        self.reader.reload()?;
        self.watermark = watermark;
        Ok(())
    }
}

impl Index {
    /// Writes every segment anew that holds documents which were taken out, so that nothing of them is left on disk.
    ///
    /// # Errors
    /// Where another writer is open, or the disk refuses.
    pub fn purge(&mut self) -> Result<(), StoreError> {
        let holding: Vec<_> = self
            .index
            .searchable_segment_metas()?
            .into_iter()
            .filter(|segment| segment.has_deletes())
            .map(|segment| segment.id())
            .collect();
        let mut writer = self.writer()?.writer;
        if !holding.is_empty() {
            writer.merge(&holding).wait()?;
        }
        // Files of readers that still have the old segments open go when these end.
        writer.garbage_collect_files().wait()?;
        writer.wait_merging_threads()?;
        self.reader.reload()?;
        Ok(())
    }
}

/// Writes documents.
pub struct DocumentWriter {
    writer: IndexWriter<TantivyDocument>,
    fields: Fields,
}

impl DocumentWriter {
    /// Adds the document of a sample that the index does not hold yet.
    ///
    /// # Errors
    /// Where the writer's threads died.
    pub fn add(&self, sample: &Sample) -> Result<(), StoreError> {
        self.writer.add_document(self.fields.document(sample))?;
        Ok(())
    }

    /// Takes a row's document out.
    pub fn delete(&self, row: u32) {
        self.writer.delete_term(Term::from_field_u64(self.fields.row, u64::from(row)));
    }
}

fn tokenizers() -> TokenizerManager {
    // tantivy asks for its own default tokenizer even for numbers.
    let manager = TokenizerManager::default();
    manager.register("terms", TermsTokenizer);
    manager.register("code", CodeTokenizer);
    manager.register("meta", MetaTokenizer);
    manager
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_written_and_found_by_row() {
        let dir = std::env::temp_dir().join(format!("scenery-index-{}", std::process::id()));
        let mut index = Index::create(&dir).unwrap();
        let writer = index.writer().unwrap();
        let sample = Sample {
            row: 7,
            id: crate::sample::SampleId::new("s", "k"),
            source: "s".into(),
            key: "k".into(),
            locator: "f:1".into(),
            state: crate::sample::State::Kept,
            reason: None,
            instruction: Some("draw a circle".into()),
            code: "from manim import *\n".into(),
            revision: crate::sample::RevisionKind::Read,
            cleaners: Vec::new(),
            licence: "MIT".into(),
            rank: 3,
            level: None,
            split: None,
            held: false,
            split_given: None,
            tags: Default::default(),
            description_kind: crate::sample::DescriptionKind::Human,
            meta: Default::default(),
            family: None,
            content: [0; 16],
            added: "2026-01-01T00:00:00Z".into(),
            facts: crate::analyze::analyse("from manim import *\n", None, None, &[]),
            written: None,
        };
        writer.add(&sample).unwrap();
        index.commit(writer, 1).unwrap();
        assert_eq!(search::documents_per_row(&index).unwrap().into_iter().collect::<Vec<_>>(), [(7, 1)]);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
