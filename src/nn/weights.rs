//! Weights on disk: safetensors, single or in shards, under Hugging Face's names.
//!
//! Files are read piece by piece, a tensor at a time, so a model is never in memory twice. Every size is checked against
//! the file before a byte of a tensor is read: a truncated file is told so, with what is missing.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, Metadata, TensorView};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{NamedTensor, NnError, file_error};
use crate::sample::hex;

/// The file of a model in one piece.
pub const SINGLE: &str = "model.safetensors";
/// The file that says which shard holds which tensor.
pub const INDEX: &str = "model.safetensors.index.json";

/// The key of an adapter's metadata that holds what of its settings decides about what it computes, as canonical JSON.
pub const LORA_KEY: &str = "lora";
/// The key of an adapter's metadata that says whether it was trained beside weights of 4 bits: `true` or `false`.
pub const NF4_KEY: &str = "nf4";
/// The key of metadata that names the base's weights, by their fingerprint.
pub const BASE_WEIGHTS_KEY: &str = "base_weights";

/// Places of a file that its fingerprint looks at, and bytes of each.
const LOOKS: u64 = 16;
const LOOK_BYTES: u64 = 64 << 10;

/// Bytes of a header at most: a model of 1,000 layers has less than 1 MB.
const MAX_HEADER_BYTES: u64 = 100 << 20;

/// How the numbers of a tensor are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// 32-bit floats.
    F32,
    /// 16-bit floats of IEEE 754.
    F16,
    /// bfloat16.
    Bf16,
}

impl Stored {
    /// Bytes of a number.
    pub fn bytes(self) -> usize {
        match self {
            Stored::F32 => 4,
            Stored::F16 | Stored::Bf16 => 2,
        }
    }

    fn dtype(self) -> Dtype {
        match self {
            Stored::F32 => Dtype::F32,
            Stored::F16 => Dtype::F16,
            Stored::Bf16 => Dtype::BF16,
        }
    }
}

/// Where a tensor stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// How its numbers are kept.
    pub stored: Stored,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Its first byte in the file.
    offset: u64,
    /// Its bytes.
    size_bytes: usize,
}

/// The tensors of one file or of a sharded model.
#[derive(Clone, Debug)]
pub struct Weights {
    /// Where each tensor stands, by name.
    pub places: BTreeMap<String, Place>,
    /// The metadata of the file; of the first shard.
    pub metadata: BTreeMap<String, String>,
}

impl Weights {
    /// Opens the weights of a model's folder: `model.safetensors`, or the shards that its index names.
    ///
    /// # Errors
    /// [`NnError::File`], [`NnError::Weights`].
    pub fn of_model(folder: &Path) -> Result<Weights, NnError> {
        let index = folder.join(INDEX);
        let single = folder.join(SINGLE);
        if single.is_file() {
            return Weights::of_file(&single);
        }
        if !index.is_file() {
            let message = format!("there is neither {SINGLE} nor {INDEX} in it; other forms of weights are not read");
            return Err(NnError::Weights { path: folder.to_owned(), message });
        }
        let text = std::fs::read(&index).map_err(file_error("read", &index))?;
        let refused = |message: String| NnError::Weights { path: index.clone(), message };
        let value: Value = serde_json::from_slice(&text).map_err(|error| refused(format!("no JSON: {error}")))?;
        let map = value.get("weight_map").and_then(Value::as_object);
        let map = map.ok_or_else(|| refused("it has no `weight_map`".to_owned()))?;
        let mut shards: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, file) in map {
            let file = file.as_str().filter(|file| !file.is_empty() && !file.contains(['/', '\\']) && *file != "..");
            let file = file.ok_or_else(|| refused(format!("`{name}` is in no file of this folder")))?;
            shards.entry(file).or_default().push(name);
        }
        let mut out = Weights { places: BTreeMap::new(), metadata: BTreeMap::new() };
        for (file, names) in shards {
            let shard = Weights::of_file(&folder.join(file))?;
            if let Some(missing) = names.iter().find(|name| !shard.places.contains_key(**name)) {
                return Err(refused(format!("it says that `{missing}` is in {file}, and it is not")));
            }
            if out.metadata.is_empty() {
                out.metadata = shard.metadata;
            }
            out.places.extend(shard.places);
        }
        Ok(out)
    }

    /// Opens one file.
    ///
    /// # Errors
    /// [`NnError::File`]; [`NnError::Weights`] where it is truncated or damaged, or keeps numbers in a way that is not known.
    pub fn of_file(path: &Path) -> Result<Weights, NnError> {
        let refused = |message: String| NnError::Weights { path: path.to_owned(), message };
        let mut file = File::open(path).map_err(file_error("open", path))?;
        let size = file.metadata().map_err(file_error("read", path))?.len();
        let mut length = [0u8; 8];
        if size < 8 {
            return Err(refused(format!("it has {size} bytes, and a safetensors file has at least 8")));
        }
        file.read_exact(&mut length).map_err(file_error("read", path))?;
        let length = u64::from_le_bytes(length);
        if length > MAX_HEADER_BYTES {
            return Err(refused("it is no safetensors file: its first 8 bytes are no length of a header".to_owned()));
        }
        if 8 + length > size {
            return Err(refused(format!("it is truncated: its header has {length} bytes, the whole file {size}")));
        }
        let mut header = vec![0u8; length as usize];
        file.read_exact(&mut header).map_err(file_error("read", path))?;
        let metadata: Metadata =
            serde_json::from_slice(&header).map_err(|error| refused(format!("its header is damaged: {error}")))?;
        let mut places = BTreeMap::new();
        for (name, info) in metadata.tensors() {
            let stored = match info.dtype {
                Dtype::F32 => Stored::F32,
                Dtype::F16 => Stored::F16,
                Dtype::BF16 => Stored::Bf16,
                // Buffers of old checkpoints; whoever asks for one is told.
                _ => continue,
            };
            let (from, to) = (info.data_offsets.0 as u64, info.data_offsets.1 as u64);
            let offset = 8 + length + from;
            if 8 + length + to > size {
                return Err(refused(format!(
                    "it is truncated: `{name}` ends at byte {}, the file has {size}",
                    8 + length + to
                )));
            }
            let place = Place {
                file: path.to_owned(),
                stored,
                shape: info.shape.clone(),
                offset,
                size_bytes: (to - from) as usize,
            };
            places.insert(name, place);
        }
        let metadata = metadata.metadata().clone().unwrap_or_default().into_iter().collect();
        Ok(Weights { places, metadata })
    }

    /// Reads the bytes of a tensor, little endian, after its sizes were compared with those that are wanted.
    ///
    /// # Errors
    /// [`NnError::File`]; [`NnError::Tensor`] where it is missing or has other sizes.
    pub fn read(&self, name: &str, shape: &[usize]) -> Result<(Stored, Vec<u8>), NnError> {
        let wrong = |message: String| NnError::Tensor { name: name.to_owned(), message };
        let place = self.places.get(name).ok_or_else(|| wrong("the files do not hold it".to_owned()))?;
        if place.shape != shape {
            return Err(wrong(format!(
                "{} has it as {:?}, and the config asks for {shape:?}",
                place.file.display(),
                place.shape
            )));
        }
        let mut bytes = vec![0u8; place.size_bytes];
        let mut file = File::open(&place.file).map_err(file_error("open", &place.file))?;
        file.seek(SeekFrom::Start(place.offset))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(file_error("read", &place.file))?;
        Ok((place.stored, bytes))
    }

    /// A fingerprint of the weights, in hexadecimal digits: SHA-256 over the name and size of each file, and over 16 places of
    /// 64 KiB, evenly from its beginning to its end. Other weights are told apart without reading gigabytes; it is no proof
    /// against a hand that changes single bytes.
    ///
    /// # Errors
    /// [`NnError::File`].
    pub fn fingerprint(&self) -> Result<String, NnError> {
        let mut files: Vec<&Path> = self.places.values().map(|place| place.file.as_path()).collect();
        files.sort_unstable();
        files.dedup();
        let mut hash = Sha256::new();
        let mut buffer = vec![0u8; LOOK_BYTES as usize];
        for path in files {
            let mut file = File::open(path).map_err(file_error("open", path))?;
            let size = file.metadata().map_err(file_error("read", path))?.len();
            hash.update(path.file_name().map(|name| name.as_encoded_bytes()).unwrap_or_default());
            hash.update(size.to_le_bytes());
            let last = size.saturating_sub(LOOK_BYTES);
            for look in 0..LOOKS {
                let from = last / (LOOKS - 1) * look + last % (LOOKS - 1) * look / (LOOKS - 1);
                let length = LOOK_BYTES.min(size - from) as usize;
                file.seek(SeekFrom::Start(from))
                    .and_then(|_| file.read_exact(&mut buffer[..length]))
                    .map_err(file_error("read", path))?;
                hash.update(&buffer[..length]);
            }
        }
        Ok(hex(&hash.finalize()))
    }

    /// Reads a tensor as 32-bit floats.
    ///
    /// # Errors
    /// As [`read`](Weights::read).
    pub fn read_f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, NnError> {
        let (stored, bytes) = self.read(name, shape)?;
        Ok(to_f32(stored, &bytes))
    }
}

/// Numbers as 32-bit floats; exact for each of the three kinds.
pub fn to_f32(stored: Stored, bytes: &[u8]) -> Vec<f32> {
    match stored {
        Stored::F32 => bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect(),
        Stored::Bf16 => bytes
            .as_chunks::<2>()
            .0
            .iter()
            .map(|two| f32::from_bits(u32::from(u16::from_le_bytes(*two)) << 16))
            .collect(),
        Stored::F16 => bytes.as_chunks::<2>().0.iter().map(|two| half_to_f32(u16::from_le_bytes(*two))).collect(),
    }
}

/// A 16-bit float of IEEE 754 as a 32-bit one.
fn half_to_f32(half: u16) -> f32 {
    let sign = u32::from(half >> 15) << 31;
    let (exponent, fraction) = (u32::from(half >> 10) & 31, u32::from(half) & 1023);
    match (exponent, fraction) {
        (31, _) => f32::from_bits(sign | 0x7F80_0000 | fraction << 13),
        (0, _) => {
            let small = fraction as f32 / 16_777_216.0;
            if sign == 0 { small } else { -small }
        }
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// A tensor to be written.
#[derive(Clone, Debug)]
pub struct Piece<'a> {
    /// Its name.
    pub name: String,
    /// How its numbers are kept.
    pub stored: Stored,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Its bytes, little endian.
    pub bytes: std::borrow::Cow<'a, [u8]>,
}

impl Piece<'_> {
    /// A tensor as 32-bit floats.
    pub fn of(tensor: &NamedTensor) -> Piece<'static> {
        let bytes = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        Piece { name: tensor.name.clone(), stored: Stored::F32, shape: tensor.shape.clone(), bytes: bytes.into() }
    }
}

/// Writes a safetensors file whole: beside under another name, brought to disk, then renamed. The same tensors give the
/// same bytes.
///
/// # Errors
/// [`NnError::File`]; what was there before is still there then.
pub fn write(path: &Path, pieces: &[Piece<'_>], metadata: &BTreeMap<String, String>) -> Result<(), NnError> {
    let broken = |error: &dyn std::fmt::Display| NnError::Weights { path: path.to_owned(), message: error.to_string() };
    let mut views = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let view = TensorView::new(piece.stored.dtype(), piece.shape.clone(), &piece.bytes);
        views.push((piece.name.as_str(), view.map_err(|error| broken(&error))?));
    }
    // One key at most keeps the order of the header the same: what else is to be told is JSON under it.
    let metadata: HashMap<String, String> = metadata.clone().into_iter().collect();
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|error| broken(&error))?;
    write_whole(path, &bytes)
}

/// Writes a file whole: beside under another name, brought to disk, then renamed.
///
/// # Errors
/// [`NnError::File`]; what was there before is still there then, and what was begun is removed.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), NnError> {
    crate::prompt::files::write_whole(path, bytes).map_err(file_error("write", path))
}
