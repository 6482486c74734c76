//! The files of an export while they are written: hashed and counted on their way to disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::manifest::FileEntry;
use super::target::file_error;
use super::{Encoding, ExportError};
use crate::sample::hex;

/// The files that are open.
pub(super) struct Outputs {
    dir: PathBuf,
    open: BTreeMap<String, Output>,
}

struct Output {
    path: PathBuf,
    file: BufWriter<File>,
    hasher: Sha256,
    bytes: u64,
    rows: Option<u64>,
    encoding: Option<Encoding>,
}

impl Output {
    fn put(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.file.write_all(bytes).map_err(file_error("write", &self.path))?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

impl Outputs {
    pub(super) fn new(dir: &Path) -> Outputs {
        Outputs { dir: dir.to_owned(), open: BTreeMap::new() }
    }

    /// Forgets every file; the folder is cleared by who owns it.
    pub(super) fn discard(&mut self) {
        self.open.clear();
    }

    fn create(&self, path: &str, encoding: Option<Encoding>) -> Result<Output, ExportError> {
        let place = self.dir.join(path);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).map_err(file_error("create", folder))?;
        }
        let file = File::create_new(&place).map_err(file_error("create", &place))?;
        let rows = encoding.map(|_| 0);
        let file = BufWriter::with_capacity(1 << 16, file);
        Ok(Output { path: place, file, hasher: Sha256::new(), bytes: 0, rows, encoding })
    }

    /// Adds a row to a file, which is begun with its first row. `row` is JSON on one line, without a line end.
    pub(super) fn row(&mut self, path: &str, encoding: Encoding, row: &[u8]) -> Result<(), ExportError> {
        if !self.open.contains_key(path) {
            let output = self.create(path, Some(encoding))?;
            self.open.insert(path.to_owned(), output);
        }
        let output = self.open.get_mut(path).expect("just put there");
        let first = output.rows == Some(0);
        match encoding {
            Encoding::Json if first => output.put(b"[\n")?,
            Encoding::Json => output.put(b",\n")?,
            Encoding::Jsonl => {}
        }
        output.put(row)?;
        if encoding == Encoding::Jsonl {
            output.put(b"\n")?;
        }
        output.rows = output.rows.map(|rows| rows + 1);
        Ok(())
    }

    /// Writes a whole file that holds no rows.
    pub(super) fn whole(&mut self, path: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let mut output = self.create(path, None)?;
        output.put(bytes)?;
        self.open.insert(path.to_owned(), output);
        Ok(())
    }

    /// Ends the files, brings them to disk, and lists them, sorted by path.
    pub(super) fn finish(&mut self) -> Result<Vec<FileEntry>, ExportError> {
        let mut entries = Vec::new();
        for (path, mut output) in std::mem::take(&mut self.open) {
            if output.encoding == Some(Encoding::Json) {
                output.put(b"\n]\n")?;
            }
            output.file.flush().map_err(file_error("write", &output.path))?;
            output.file.get_ref().sync_all().map_err(file_error("sync", &output.path))?;
            let sha256 = hex(&output.hasher.finalize());
            entries.push(FileEntry { path, rows: output.rows, bytes: output.bytes, sha256 });
        }
        Ok(entries)
    }
}
