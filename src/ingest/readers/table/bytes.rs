//! Opening files: compression is recognised by content, bytes are counted, the start can be looked at first.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::rc::Rc;

use crate::ingest::IngestError;

/// How many decompressed bytes are looked at before a format is chosen.
const HEAD_BYTES: u64 = 64 << 10;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// Not at all.
    Plain,
    /// gzip, of one member or more.
    Gzip,
    /// zstd, of one frame or more.
    Zstd,
}

/// An open file.
pub(super) struct Opened {
    /// The decompressed bytes, from the start.
    pub input: BufReader<Box<dyn Read>>,
    /// The first decompressed bytes; they come again in `input`.
    pub head: Vec<u8>,
    /// How it is compressed.
    pub packing: Packing,
    /// Bytes of the file itself that were read so far.
    pub read_bytes: Rc<Cell<u64>>,
}

/// Opens a file.
///
/// # Errors
/// [`IngestError::File`] where it cannot be opened or its start cannot be read.
pub(super) fn open(path: &Path) -> Result<Opened, IngestError> {
    let file = File::open(path).map_err(|source| IngestError::File { path: path.to_owned(), source })?;
    unpack(file).map_err(|source| IngestError::File { path: path.to_owned(), source })
}

/// The same for any stream of bytes.
pub(super) fn unpack(raw: impl Read + 'static) -> io::Result<Opened> {
    let read_bytes = Rc::new(Cell::new(0));
    let mut raw = Counting { inner: raw, count: Rc::clone(&read_bytes) };
    let magic = take(&mut raw, 4)?;
    let packing = match magic.as_slice() {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Packing::Zstd,
        _ => Packing::Plain,
    };
    let raw = BufReader::with_capacity(128 << 10, Cursor::new(magic).chain(raw));
    let mut unpacked: Box<dyn Read> = match packing {
        Packing::Plain => Box::new(raw),
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(raw)),
        Packing::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(raw)?),
    };
    let head = take(&mut unpacked, HEAD_BYTES)?;
    let input: Box<dyn Read> = Box::new(Cursor::new(head.clone()).chain(unpacked));
    Ok(Opened { input: BufReader::with_capacity(128 << 10, input), head, packing, read_bytes })
}

fn take(input: &mut impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

struct Counting<R> {
    inner: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

/// A failure while reading on, in words: compressed data that ends early is the usual one.
pub(super) fn broken(path: &Path, rows: &str, error: &io::Error) -> IngestError {
    let what = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the compressed data ends early: the file is truncated".to_owned(),
        _ => error.to_string(),
    };
    IngestError::Input { path: path.to_owned(), message: format!("{what} (after {rows})") }
}
