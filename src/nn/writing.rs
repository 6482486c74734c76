//! Safetensors written a tensor at a time, so that a large model is never in memory whole.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::weights::Stored;
use super::{NamedTensor, NnError, file_error};
use crate::sample::hex;

/// A tensor that is to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// How its numbers are kept.
    pub stored: Stored,
    /// Its sizes.
    pub shape: Vec<usize>,
}

impl Planned {
    fn size_bytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.stored.bytes()
    }
}

/// Writes a safetensors file, asking for the bytes (little endian) of one tensor after the other, in the given order. It is
/// written beside under another name, brought to disk, then renamed. Answers its SHA-256 and its size in bytes.
///
/// # Errors
/// [`NnError::File`], [`NnError::Tensor`] where the bytes of a tensor are of another size, and what `bytes` answers; what was
/// there before is still there then, and what was begun is removed.
pub fn write<'a>(
    path: &Path,
    planned: &[Planned],
    metadata: &BTreeMap<String, String>,
    mut bytes: impl FnMut(usize) -> Result<Cow<'a, [u8]>, NnError>,
) -> Result<(String, u64), NnError> {
    let mut name = path.file_name().map(std::ffi::OsStr::to_owned).unwrap_or_default();
    name.push(".partial");
    let beside = path.with_file_name(name);
    let mut all = || -> Result<(String, u64), NnError> {
        let file = File::create(&beside).map_err(file_error("write", path))?;
        let mut out = Hashing { file: BufWriter::with_capacity(1 << 20, file), hash: Sha256::new(), size_bytes: 0 };
        out.put(&header(planned, metadata)).map_err(file_error("write", path))?;
        for (at, each) in planned.iter().enumerate() {
            let bytes = bytes(at)?;
            if bytes.len() != each.size_bytes() {
                let message = format!("{} bytes were given, its shape has {}", bytes.len(), each.size_bytes());
                return Err(NnError::Tensor { name: each.name.clone(), message });
            }
            out.put(&bytes).map_err(file_error("write", path))?;
        }
        let file = out.file.into_inner().map_err(|error| error.into_error()).map_err(file_error("write", path))?;
        file.sync_all().map_err(file_error("write", path))?;
        std::fs::rename(&beside, path).map_err(file_error("write", path))?;
        Ok((hex(&out.hash.finalize()), out.size_bytes))
    };
    let done = all();
    if done.is_err() {
        // The error is on its way already; a leftover is overwritten by the next try.
        let _ = std::fs::remove_file(&beside);
    }
    done
}

/// Writes tensors of 32-bit floats in the given order; see [`write()`].
///
/// # Errors
/// As [`write()`].
pub fn write_tensors(
    path: &Path,
    tensors: &[NamedTensor],
    metadata: &BTreeMap<String, String>,
) -> Result<(String, u64), NnError> {
    let planned: Vec<Planned> = tensors
        .iter()
        .map(|tensor| Planned { name: tensor.name.clone(), stored: Stored::F32, shape: tensor.shape.clone() })
        .collect();
    write(path, &planned, metadata, |at| {
        let values = &tensors[at].values;
        let mut bytes = Vec::with_capacity(values.len() * 4);
        values.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        Ok(bytes.into())
    })
}

/// Length and text of the header; blanks fill it up to a multiple of 8 bytes.
fn header(planned: &[Planned], metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let mut map = Map::new();
    if !metadata.is_empty() {
        map.insert("__metadata__".to_owned(), json!(metadata));
    }
    let mut offset = 0usize;
    for each in planned {
        let end = offset + each.size_bytes();
        let kind = match each.stored {
            Stored::F32 => "F32",
            Stored::F16 => "F16",
            Stored::Bf16 => "BF16",
        };
        map.insert(each.name.clone(), json!({ "dtype": kind, "shape": each.shape, "data_offsets": [offset, end] }));
        offset = end;
    }
    let mut text = Value::Object(map).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut out = (text.len() as u64).to_le_bytes().to_vec();
    out.extend(text);
    out
}

struct Hashing {
    file: BufWriter<File>,
    hash: Sha256,
    size_bytes: u64,
}

impl Hashing {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.size_bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }
}
