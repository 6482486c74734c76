//! How texts are kept: zstd, level 3, with a dictionary that ships with the tool. Every blob says its codec, so old
//! ones stay readable when a newer dictionary comes.
//!
//! A dictionary holds text verbatim, so it is made from text that is ours (`bench/results` says what it gives), never
//! from a store's samples: `forget` must reach everything.

use std::cell::RefCell;

use crate::store::StoreError;

/// Stored as it is: short texts that do not shrink.
pub const RAW: i64 = 0;
/// zstd without a dictionary.
pub const ZSTD: i64 = 1;

const LEVEL: i32 = 3;

struct Coders {
    compress: zstd::bulk::Compressor<'static>,
    decompress: zstd::bulk::Decompressor<'static>,
}

thread_local! {
    static CODERS: RefCell<Option<Coders>> = const { RefCell::new(None) };
}

fn with_coders<T>(act: impl FnOnce(&mut Coders) -> std::io::Result<T>) -> std::io::Result<T> {
    CODERS.with(|cell| {
        let mut slot = cell.borrow_mut();
        if slot.is_none() {
            let compress = zstd::bulk::Compressor::new(LEVEL)?;
            let decompress = zstd::bulk::Decompressor::new()?;
            *slot = Some(Coders { compress, decompress });
        }
        act(slot.as_mut().expect("the coders were just made"))
    })
}

/// Compresses a text; returns the bytes and the codec that reads them.
///
/// # Errors
/// Only where zstd cannot get memory.
pub fn encode(text: &[u8]) -> Result<(Vec<u8>, i64), StoreError> {
    let packed = with_coders(|coders| coders.compress.compress(text)).map_err(codec_error)?;
    if packed.len() + 4 >= text.len() {
        return Ok((text.to_vec(), RAW));
    }
    // The plain length stands in front (u32, little endian), so that reading needs no guess.
    let mut out = Vec::with_capacity(packed.len() + 4);
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(&packed);
    Ok((out, ZSTD))
}

/// Reads what [`encode`] made.
///
/// # Errors
/// [`StoreError::Inconsistent`] where the bytes are damaged or the codec is unknown.
pub fn decode(bytes: &[u8], codec: i64) -> Result<Vec<u8>, StoreError> {
    match codec {
        RAW => Ok(bytes.to_vec()),
        ZSTD => {
            let (head, packed) = bytes
                .split_first_chunk::<4>()
                .ok_or_else(|| StoreError::Inconsistent("a compressed text without a length".into()))?;
            let length = u32::from_le_bytes(*head) as usize;
            let plain = with_coders(|coders| coders.decompress.decompress(packed, length)).map_err(codec_error)?;
            if plain.len() != length {
                return Err(StoreError::Inconsistent("a compressed text of another length than it says".into()));
            }
            Ok(plain)
        }
        other => Err(StoreError::Inconsistent(format!("codec {other} is unknown to this version"))),
    }
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

    #[test]
    fn texts_come_back_as_they_were() {
        for text in ["", "a", "self.play(Create(circle))\n", &"from manim import *\n".repeat(2000)] {
            let (bytes, codec) = encode(text.as_bytes()).unwrap();
            assert_eq!(decode_text(&bytes, codec).unwrap(), text);
        }
    }

    #[test]
    fn damage_is_an_error() {
        let (mut bytes, codec) = encode("x = 1\n".repeat(100).as_bytes()).unwrap();
        bytes.truncate(bytes.len() / 2);
        assert!(decode(&bytes, codec).is_err());
        assert!(decode(&bytes, 99).is_err());
    }
}
