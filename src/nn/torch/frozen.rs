//! Frozen matrices: dense, or in 4 bits (NF4; Dettmers et al. 2023, QLoRA).
//!
//! NF4 cuts a matrix into blocks of 64 numbers, divides each by its largest magnitude, and keeps the nearest of 16 values that
//! are equally likely under a normal distribution. The magnitudes are quantised again: less their mean, in 8 bits with a
//! scale per 256. 4.127 bits per number.

use tch::{Kind, Tensor};

use super::{Ground, Out};

/// Numbers that share a magnitude.
const BLOCK: i64 = 64;
/// Magnitudes that share a scale.
const GROUP: i64 = 256;

/// The 16 values of NF4, from -1 to 1.
const NF4: [f32; 16] = [
    -1.0,
    -0.696_192_8,
    -0.525_073_05,
    -0.394_917_5,
    -0.284_441_38,
    -0.184_773_43,
    -0.091_050_036,
    0.0,
    0.079_580_3,
    0.160_930_2,
    0.246_112_3,
    0.337_915_24,
    0.440_709_83,
    0.562_617,
    0.722_956_84,
    1.0,
];

/// A matrix that is not trained, out × in.
pub(super) enum Frozen {
    /// As it is.
    Dense(Tensor),
    /// In 4 bits.
    Nf4(Nf4),
}

impl Frozen {
    /// The matrix, made again where it is kept in 4 bits.
    pub(super) fn dense(&self) -> Out {
        match self {
            Frozen::Dense(weight) => Ok(weight.shallow_clone()),
            Frozen::Nf4(packed) => packed.dense(),
        }
    }
}

/// A matrix in 4 bits.
pub(super) struct Nf4 {
    /// Two numbers per byte, the first in the high half.
    codes: Tensor,
    /// Magnitude of each block, in 8 bits.
    magnitudes: Tensor,
    /// Scale of each group of magnitudes.
    scales: Tensor,
    /// Mean of all magnitudes.
    mean: f64,
    /// The 16 values, in the kind that is computed in.
    table: Tensor,
    shape: [i64; 2],
    ground: Ground,
}

impl Nf4 {
    /// Quantises a matrix.
    pub(super) fn new(weight: &Tensor, ground: Ground) -> Out<Nf4> {
        let (rows, columns) = weight.size2()?;
        let count = rows * columns;
        let blocks = (count + BLOCK - 1) / BLOCK;
        let flat = Tensor::f_zeros([blocks * BLOCK], (Kind::Float, ground.device))?;
        flat.f_narrow(0, 0, count)?.f_copy_(&weight.f_reshape([count])?)?;
        let flat = flat.f_view([blocks, BLOCK])?;
        let magnitude = flat.f_abs()?.f_amax([1], true)?;
        let scaled = flat.f_div(&magnitude.f_clamp_min(1e-30)?)?;
        let between: Vec<f32> = NF4.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).collect();
        let between = Tensor::f_from_slice(&between)?.f_to_device(ground.device)?;
        let codes = scaled.f_bucketize(&between, false, false)?.f_view([blocks * BLOCK / 2, 2])?;
        let high = codes.f_select(1, 0)?.f_mul_scalar(16)?;
        let codes = high.f_add(&codes.f_select(1, 1)?)?.f_to_kind(Kind::Uint8)?;
        let groups = (blocks + GROUP - 1) / GROUP;
        let mean = f64::try_from(magnitude.f_mean(Kind::Float)?)?;
        let padded = Tensor::f_zeros([groups * GROUP], (Kind::Float, ground.device))?;
        padded.f_narrow(0, 0, blocks)?.f_copy_(&magnitude.f_view([blocks])?.f_sub_scalar(mean)?)?;
        let padded = padded.f_view([groups, GROUP])?;
        let scales = padded.f_abs()?.f_amax([1], true)?.f_clamp_min(1e-30)?.f_div_scalar(127.0)?;
        let magnitudes = padded.f_div(&scales)?.f_round()?.f_to_kind(Kind::Int8)?;
        let table = Tensor::f_from_slice(&NF4)?.f_to_device(ground.device)?.f_to_kind(ground.kind)?;
        Ok(Nf4 { codes, magnitudes, scales, mean, table, shape: [rows, columns], ground })
    }

    fn dense(&self) -> Out {
        let [rows, columns] = self.shape;
        let count = rows * columns;
        let blocks = (count + BLOCK - 1) / BLOCK;
        let codes = self.codes.f_to_kind(Kind::Int)?;
        let high = codes.f_div_scalar_mode(16, "floor")?;
        let low = codes.f_sub(&high.f_mul_scalar(16)?)?;
        let index = Tensor::f_stack(&[high, low], 1)?.f_view([-1])?;
        let values = self.table.f_index_select(0, &index)?.f_view([blocks, BLOCK])?;
        let magnitudes = self.magnitudes.f_to_kind(Kind::Float)?.f_mul(&self.scales)?.f_add_scalar(self.mean)?;
        let magnitudes = magnitudes.f_view([-1])?.f_narrow(0, 0, blocks)?.f_to_kind(self.ground.kind)?;
        let flat = values.f_mul(&magnitudes.f_unsqueeze(1)?)?.f_view([blocks * BLOCK])?;
        flat.f_narrow(0, 0, count)?.f_view([rows, columns])
    }
}
