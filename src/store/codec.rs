//! How texts are kept: zstd, level 3, with dictionaries that ship with the tool. Every blob says its codec, so old ones
//! stay readable when a newer dictionary comes.
//!
//! A dictionary holds text verbatim, so it is made from text that is ours (`bench/codec.rs` makes it, `bench/results`
//! says what it gives), never from a store's samples: `forget` must reach everything. A dictionary that a release has
//! shipped never changes; a better one gets a number of its own.

use std::cell::RefCell;
use std::sync::LazyLock;

use zstd::dict::{DecoderDictionary, EncoderDictionary};

use crate::store::StoreError;

/// Stored as it is: short texts that do not shrink.
pub const RAW: i64 = 0;
/// zstd without a dictionary.
pub const ZSTD: i64 = 1;
/// zstd with the first dictionary for code.
pub const ZSTD_CODE_1: i64 = 2;
/// zstd with the first dictionary for records of facts.
pub const ZSTD_FACTS_1: i64 = 3;

/// Compression level of zstd.
pub const LEVEL: i32 = 3;

/// The first dictionary for code.
pub static CODE_1: &[u8] = include_bytes!("codec-code-1.dict");
/// The first dictionary for records of facts.
pub static FACTS_1: &[u8] = include_bytes!("codec-facts-1.dict");

/// A dictionary made ready for both directions, once per process.
struct Prepared {
    compress: EncoderDictionary<'static>,
    decompress: DecoderDictionary<'static>,
}

impl Prepared {
    fn new(dictionary: &'static [u8]) -> Self {
        Prepared {
            compress: EncoderDictionary::copy(dictionary, LEVEL),
            decompress: DecoderDictionary::copy(dictionary),
        }
    }
}

static CODE: LazyLock<Prepared> = LazyLock::new(|| Prepared::new(CODE_1));
static FACTS: LazyLock<Prepared> = LazyLock::new(|| Prepared::new(FACTS_1));

/// A thread's coders of one codec.
struct Coders {
    compress: zstd::bulk::Compressor<'static>,
    decompress: zstd::bulk::Decompressor<'static>,
}

impl Coders {
    fn new(codec: i64) -> std::io::Result<Coders> {
        let prepared = match codec {
            ZSTD_CODE_1 => &*CODE,
            ZSTD_FACTS_1 => &*FACTS,
            _ => {
                return Ok(Coders {
                    compress: zstd::bulk::Compressor::new(LEVEL)?,
                    decompress: zstd::bulk::Decompressor::new()?,
                });
            }
        };
        Ok(Coders {
            compress: zstd::bulk::Compressor::with_prepared_dictionary(&prepared.compress)?,
            decompress: zstd::bulk::Decompressor::with_prepared_dictionary(&prepared.decompress)?,
        })
    }
}

thread_local! {
    static CODERS: RefCell<[Option<Coders>; 3]> = const { RefCell::new([None, None, None]) };
}

fn with_coders<T>(codec: i64, act: impl FnOnce(&mut Coders) -> std::io::Result<T>) -> std::io::Result<T> {
    CODERS.with(|cell| {
        let mut slots = cell.borrow_mut();
        let slot = &mut slots[match codec {
            ZSTD_CODE_1 => 1,
            ZSTD_FACTS_1 => 2,
            _ => 0,
        }];
        let coders = match slot {
            Some(coders) => coders,
            None => slot.insert(Coders::new(codec)?),
        };
        act(coders)
    })
}

/// Compresses code; returns the bytes and the codec that reads them.
///
/// # Errors
/// Only where zstd cannot get memory.
pub fn encode(text: &[u8]) -> Result<(Vec<u8>, i64), StoreError> {
    encode_as(text, ZSTD_CODE_1)
}

/// Compresses a record of facts; returns the bytes and the codec that reads them.
///
/// # Errors
/// As [`encode`].
pub fn encode_facts(record: &[u8]) -> Result<(Vec<u8>, i64), StoreError> {
    encode_as(record, ZSTD_FACTS_1)
}

/// Compresses with a codec, unless the text is shorter without.
///
/// # Errors
/// As [`encode`].
pub fn encode_as(text: &[u8], codec: i64) -> Result<(Vec<u8>, i64), StoreError> {
    let packed = with_coders(codec, |coders| coders.compress.compress(text)).map_err(codec_error)?;
    if packed.len() + 4 >= text.len() {
        return Ok((text.to_vec(), RAW));
    }
    // The plain length stands in front (u32, little endian), so that reading needs no guess.
    let mut out = Vec::with_capacity(packed.len() + 4);
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(&packed);
    Ok((out, codec))
}

/// Reads what [`encode`] or [`encode_facts`] made.
///
/// # Errors
/// [`StoreError::Inconsistent`] where the bytes are damaged or the codec is unknown.
pub fn decode(bytes: &[u8], codec: i64) -> Result<Vec<u8>, StoreError> {
    let mut plain = Vec::new();
    decode_into(bytes, codec, &mut plain)?;
    Ok(plain)
}

/// Reads what [`encode`] or [`encode_facts`] made into `plain`, whose content goes.
///
/// # Errors
/// As [`decode`].
pub fn decode_into(bytes: &[u8], codec: i64, plain: &mut Vec<u8>) -> Result<(), StoreError> {
    plain.clear();
    match codec {
        RAW => plain.extend_from_slice(bytes),
        ZSTD | ZSTD_CODE_1 | ZSTD_FACTS_1 => {
            let (head, packed) = bytes
                .split_first_chunk::<4>()
                .ok_or_else(|| StoreError::Inconsistent("a compressed text without a length".into()))?;
            let length = u32::from_le_bytes(*head) as usize;
            // A frame says its length too; where they differ, memory is not asked for what damage says.
            if zstd::bulk::Decompressor::upper_bound(packed) != Some(length) {
                return Err(StoreError::Inconsistent("a compressed text of another length than it says".into()));
            }
            plain.reserve(length);
            with_coders(codec, |coders| coders.decompress.decompress_to_buffer(packed, plain)).map_err(codec_error)?;
        }
        other => return Err(StoreError::Inconsistent(format!("codec {other} is unknown to this version"))),
    }
    Ok(())
}

/// Reads a text that [`encode`] made.
///
/// # Errors
/// As [`decode`], and where the bytes are no UTF-8.
pub fn decode_text(bytes: &[u8], codec: i64) -> Result<String, StoreError> {
    String::from_utf8(decode(bytes, codec)?).map_err(|_| StoreError::Inconsistent("a stored text is no UTF-8".into()))
}

fn codec_error(error: std::io::Error) -> StoreError {
    StoreError::Inconsistent(format!("a compressed text cannot be read or made: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: &[&str] = &["", "a", "self.play(Create(circle))\n", "x² = \\frac{d}{dx}\n\u{0}"];

    #[test]
    fn texts_come_back_as_they_were_by_every_codec() {
        let long = "from manim import *\n".repeat(2000);
        for codec in [ZSTD, ZSTD_CODE_1, ZSTD_FACTS_1] {
            for text in TEXTS.iter().copied().chain([long.as_str()]) {
                let (bytes, as_kept) = encode_as(text.as_bytes(), codec).unwrap();
                assert!(as_kept == codec || as_kept == RAW);
                assert_eq!(decode_text(&bytes, as_kept).unwrap(), text);
            }
        }
    }

    #[test]
    fn the_dictionaries_shrink_what_they_are_for() {
        let code = "from manim import *\n\n\nclass Turn(Scene):\n    def construct(self):\n        square = Square()\n        self.play(Create(square))\n        self.play(Rotate(square, PI / 3), run_time=2)\n        self.wait()\n";
        let facts = serde_json::to_vec(&crate::analyze::analyse(code, Some("Turn a square."), None, &[])).unwrap();
        for (text, with) in [(code.as_bytes(), ZSTD_CODE_1), (facts.as_slice(), ZSTD_FACTS_1)] {
            let plain = encode_as(text, ZSTD).unwrap().0.len();
            let packed = encode_as(text, with).unwrap().0.len();
            assert!(packed * 4 < plain * 3, "{packed} bytes with codec {with}, {plain} without a dictionary");
        }
    }

    #[test]
    fn shipped_dictionaries_never_change() {
        // Blobs of the wild are unreadable with any other bytes.
        let hash = |bytes: &[u8]| crate::sample::hex(&crate::sample::hash16(&[bytes]));
        assert_eq!(hash(CODE_1), "8630ad30f62e57c143bcc0f48c171fec");
        assert_eq!(hash(FACTS_1), "67542120a12d9c35ecefc0013405bee4");
    }

    #[test]
    fn damage_is_an_error() {
        let (mut bytes, codec) = encode("x = 1\n".repeat(100).as_bytes()).unwrap();
        bytes.truncate(bytes.len() / 2);
        assert!(decode(&bytes, codec).is_err());
        assert!(decode(&bytes, 99).is_err());
    }
}
