//! Merging an adapter into the weights it was trained beside: `W' = W + s·B·A`, in f32, kept as `W` was kept or, where that
//! would round away what was trained, as 32-bit floats.
//!
//! Names, files and what else the base holds stay; only the projections that the adapter names change. One tensor at a time is
//! in memory.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::Value;

use super::config::{CONFIG, ModelConfig};
use super::lora::{ADAPTER_WEIGHTS, LoraConfig, PROJECTIONS, tensor_name};
use super::weights::{INDEX, Stored, Weights, write_whole};
use super::writing::{self, Planned};
use super::{NnError, file_error};

/// What a merge came to.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Merged {
    /// Tensors that were changed.
    pub merged: usize,
    /// Tensors that were copied.
    pub copied: usize,
    /// The files of weights: name, SHA-256, size in bytes.
    pub files: Vec<(String, String, u64)>,
}

/// Merges the adapter of a folder into the base of another, and writes `config.json` and weights into a third, which must
/// be there. `metadata` goes into every file of weights. Numbers are kept as the base keeps them, or all as 32-bit floats
/// where `widen` says so.
///
/// # Errors
/// [`NnError::File`], [`NnError::Config`], [`NnError::Weights`]; [`NnError::Tensor`] where a matrix of the adapter is missing,
/// unknown, or has other sizes than base and settings ask for, or where a merged number does not fit its kind.
pub fn merge(
    base: &Path,
    adapter: &Path,
    out: &Path,
    metadata: &BTreeMap<String, String>,
    widen: bool,
) -> Result<Merged, NnError> {
    let config = ModelConfig::read(base)?;
    let lora = LoraConfig::read(adapter)?;
    let weights = Weights::of_model(base)?;
    let deltas = Weights::of_file(&adapter.join(ADAPTER_WEIGHTS))?;
    let pairs = pairs(&config, &lora, &deltas)?;
    let mut shards: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for (name, place) in &weights.places {
        shards.entry(place.file.clone()).or_default().push(name.clone());
    }
    if let Some(missing) = pairs.keys().find(|name| !weights.places.contains_key(*name)) {
        let message = "the base's files do not hold it, and the adapter changes it".to_owned();
        return Err(NnError::Tensor { name: missing.clone(), message });
    }
    let mut done = Merged { merged: 0, copied: 0, files: Vec::new() };
    for (file, mut names) in shards {
        // Wider numbers first keep every tensor aligned.
        names.sort_by_key(|name| std::cmp::Reverse(weights.places[name].stored.bytes()));
        let planned: Vec<Planned> = names
            .iter()
            .map(|name| {
                let place = &weights.places[name];
                let stored = if widen { Stored::F32 } else { place.stored };
                Planned { name: name.clone(), stored, shape: place.shape.clone() }
            })
            .collect();
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (sha256, size_bytes) = writing::write(&out.join(&name), &planned, metadata, |at| {
            let Planned { name, stored, shape } = &planned[at];
            let (kept, bytes) = weights.read(name, shape)?;
            let pair = pairs.get(name);
            if pair.is_none() && kept == *stored {
                done.copied += 1;
                return Ok(Cow::Owned(bytes));
            }
            let mut values = super::weights::to_f32(kept, &bytes);
            if let Some(pair) = pair {
                let a = deltas.read_f32(&pair.a, &[lora.r, pair.input])?;
                let b = deltas.read_f32(&pair.b, &[pair.out, lora.r])?;
                add(&mut values, &a, &b, lora.r, lora.scale() as f32);
                done.merged += 1;
            } else {
                done.copied += 1;
            }
            from_f32(*stored, &values)
                .map(Cow::Owned)
                .map_err(|message| NnError::Tensor { name: name.clone(), message })
        })?;
        done.files.push((name, sha256, size_bytes));
    }
    let read = |name: &str| {
        let from = base.join(name);
        std::fs::read(&from).map_err(file_error("read", &from))
    };
    write_whole(&out.join(CONFIG), &read(CONFIG)?)?;
    if base.join(INDEX).is_file() && !base.join(super::weights::SINGLE).is_file() {
        let mut index = read(INDEX)?;
        if widen {
            let numbers = weights.places.values().map(|place| place.shape.iter().product::<usize>());
            let wrong =
                |error: serde_json::Error| NnError::Weights { path: base.join(INDEX), message: error.to_string() };
            let mut value: Value = serde_json::from_slice(&index).map_err(wrong)?;
            value["metadata"]["total_size"] = (4 * numbers.sum::<usize>()).into();
            index = format!("{value:#}\n").into_bytes();
        }
        write_whole(&out.join(INDEX), &index)?;
    }
    Ok(done)
}

/// The two matrices of a projection.
struct Pair {
    a: String,
    b: String,
    out: usize,
    input: usize,
}

/// The matrices of an adapter by the name of the weight that they change; none may be missing, and none be left over.
fn pairs(config: &ModelConfig, lora: &LoraConfig, deltas: &Weights) -> Result<BTreeMap<String, Pair>, NnError> {
    let mut out = BTreeMap::new();
    let mut open: BTreeSet<&str> = deltas.places.keys().map(String::as_str).collect();
    for layer in 0..config.layers {
        for (projection, module) in PROJECTIONS.iter().filter(|(name, _)| lora.targets.contains(*name)) {
            let (rows, input) = config.projection(projection);
            let pair = Pair {
                a: tensor_name(layer, projection, 'A'),
                b: tensor_name(layer, projection, 'B'),
                out: rows,
                input,
            };
            for name in [&pair.a, &pair.b] {
                if !open.remove(name.as_str()) {
                    let message = "the adapter does not hold it, and its settings name the projection".to_owned();
                    return Err(NnError::Tensor { name: name.clone(), message });
                }
            }
            out.insert(format!("model.layers.{layer}.{module}.{projection}.weight"), pair);
        }
    }
    match open.into_iter().next() {
        Some(other) => {
            let message = "the adapter holds it, and its settings or the base have no place for it".to_owned();
            Err(NnError::Tensor { name: other.to_owned(), message })
        }
        None => Ok(out),
    }
}

/// Adds `scale·B·A` to a matrix: the product first, then its sum with the matrix, as PEFT does.
fn add(values: &mut [f32], a: &[f32], b: &[f32], r: usize, scale: f32) {
    /// Columns whose part of A stays in the cache.
    const COLUMNS: usize = 512;
    let columns = a.len() / r;
    values.par_chunks_mut(columns).zip(b.par_chunks(r)).for_each(|(row, b)| {
        let mut sums = [0f32; COLUMNS];
        for (block, part) in row.chunks_mut(COLUMNS).enumerate() {
            let from = block * COLUMNS;
            let sums = &mut sums[..part.len()];
            sums.fill(0.0);
            for (k, factor) in b.iter().enumerate() {
                let a = &a[k * columns + from..][..part.len()];
                for (sum, value) in sums.iter_mut().zip(a) {
                    *sum += factor * value;
                }
            }
            for (value, sum) in part.iter_mut().zip(&*sums) {
                *value += scale * sum;
            }
        }
    });
}

/// 32-bit floats as the bytes of a kind, little endian, rounded to the nearest, ties to even.
///
/// # Errors
/// A sentence, where a number is too large for the kind.
pub fn from_f32(stored: Stored, values: &[f32]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(values.len() * stored.bytes());
    for value in values {
        match stored {
            Stored::F32 => out.extend(value.to_le_bytes()),
            Stored::Bf16 => out.extend(to_bf16(*value).to_le_bytes()),
            Stored::F16 => {
                let half = to_f16(*value);
                if value.is_finite() && half & 0x7FFF == 0x7C00 {
                    return Err(format!("the number {value} does not fit 16-bit floats (at most 65,504)"));
                }
                out.extend(half.to_le_bytes());
            }
        }
    }
    Ok(out)
}

fn to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    if value.is_nan() {
        return (bits >> 16) as u16 | 0x40;
    }
    let odd = bits >> 16 & 1;
    (bits.wrapping_add(0x7FFF + odd) >> 16) as u16
}

fn to_f16(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let magnitude = bits & 0x7FFF_FFFF;
    if magnitude > 0x7F80_0000 {
        return sign | 0x7E00;
    }
    if magnitude >= 0x4780_0000 {
        return sign | 0x7C00;
    }
    if magnitude < 0x3880_0000 {
        // Below the least normal number: in units of 2^-24, which f32 rounds as it should when 0.5 is added.
        let moved = f32::from_bits(magnitude) + 0.5;
        return sign | (moved.to_bits() - 0.5f32.to_bits()) as u16;
    }
    let odd = magnitude >> 13 & 1;
    sign | ((magnitude.wrapping_sub(112 << 23) + 0xFFF + odd) >> 13) as u16
}

#[cfg(test)]
mod tests {
    use super::super::weights::to_f32;
    use super::*;

    #[test]
    fn halves_are_rounded_to_the_nearest() {
        // Every 16-bit number comes back as itself.
        for stored in [Stored::F16, Stored::Bf16] {
            let bytes: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
            let values = to_f32(stored, &bytes);
            let finite: Vec<(usize, f32)> =
                values.iter().copied().enumerate().filter(|(_, value)| value.is_finite()).collect();
            let back = from_f32(stored, &finite.iter().map(|(_, value)| *value).collect::<Vec<_>>()).expect("they fit");
            for ((at, value), bytes) in finite.iter().zip(back.as_chunks::<2>().0) {
                assert_eq!(usize::from(u16::from_le_bytes(*bytes)), *at, "{value}");
            }
        }
        // Half way between two goes to the even one; a little more goes up.
        assert_eq!(to_f16(1.0 + 1.0 / 2048.0), 0x3C00);
        assert_eq!(to_f16(1.0 + 3.0 / 2048.0), 0x3C02);
        assert_eq!(to_f16(1.0 + 1.1 / 2048.0), 0x3C01);
        assert_eq!(to_f16(1.5 * 2f32.powi(-24)), 2);
        assert_eq!(to_f16(2f32.powi(-25)), 0);
        assert_eq!(to_f16(-65_519.0), 0xFBFF);
        assert_eq!(to_bf16(1.0 + 1.0 / 256.0), 0x3F80);
        assert_eq!(to_bf16(1.0 + 3.0 / 256.0), 0x3F82);
        assert!(to_f16(f32::NAN) & 0x7FFF > 0x7C00 && to_bf16(f32::NAN) & 0x7FFF > 0x7F80);
        assert!(from_f32(Stored::F16, &[65_520.0]).is_err());
        assert!(from_f32(Stored::F16, &[f32::INFINITY]).is_ok());
    }
}
