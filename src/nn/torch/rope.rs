//! Rotary positions (Su et al. 2021), with halves as Hugging Face lays them out, and their scalings.

use tch::Tensor;

use super::{Ground, Out};
use crate::nn::config::{ModelConfig, RopeScaling};

/// Cosines and sines of every position.
pub(super) struct Rope {
    /// Context × head width.
    cos: Tensor,
    /// Context × head width; the first half is negated.
    sin: Tensor,
    half: i64,
}

/// The angles of some tokens.
pub(super) struct Angles {
    cos: Tensor,
    sin: Tensor,
    half: i64,
}

impl Rope {
    /// Makes the tables of a model, in f64 on the host, then in the kind that is computed in.
    pub(super) fn new(config: &ModelConfig, ground: Ground) -> Out<Rope> {
        let frequencies = frequencies(config);
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
        for position in 0..config.context {
            // As Hugging Face computes them: the angle is a product of 32-bit floats.
            let angles = frequencies.iter().map(|frequency| f64::from(position as f32 * *frequency as f32));
            let angles: Vec<f64> = angles.collect();
            cos.extend(angles.iter().chain(&angles).map(|angle| angle.cos() as f32));
            sin.extend(angles.iter().map(|angle| -angle.sin() as f32));
            sin.extend(angles.iter().map(|angle| angle.sin() as f32));
        }
        let size = [config.context as i64, config.head_dim as i64];
        let put = |values: &[f32]| {
            let table = Tensor::f_from_slice(values)?.f_view(size)?;
            table.f_to_device(ground.device)?.f_to_kind(ground.kind)
        };
        Ok(Rope { cos: put(&cos)?, sin: put(&sin)?, half: config.head_dim as i64 / 2 })
    }

    /// The angles of tokens at these positions, N.
    pub(super) fn at(&self, positions: &Tensor) -> Out<Angles> {
        let rows = |table: &Tensor| table.f_index_select(0, positions)?.f_unsqueeze(1);
        Ok(Angles { cos: rows(&self.cos)?, sin: rows(&self.sin)?, half: self.half })
    }
}

impl Angles {
    /// Those of some of the tokens.
    pub(super) fn some(&self, from: i64, count: i64) -> Out<Angles> {
        let part = |whole: &Tensor| whole.f_narrow(0, from, count);
        Ok(Angles { cos: part(&self.cos)?, sin: part(&self.sin)?, half: self.half })
    }

    /// Turns heads in place. `heads` is N × heads × width, a view of what is to be changed.
    pub(super) fn turn(&self, heads: &mut Tensor) -> Out<()> {
        let swapped = heads.f_roll([self.half], [2])?;
        let _ = heads.f_mul_(&self.cos)?;
        let _ = heads.f_addcmul_(&swapped, &self.sin)?;
        Ok(())
    }

    /// Turns gradients back in place: the transpose of [`turn`](Angles::turn).
    pub(super) fn turn_back(&self, heads: &mut Tensor) -> Out<()> {
        let swapped = heads.f_mul(&self.sin)?.f_roll([self.half], [2])?;
        let _ = heads.f_mul_(&self.cos)?;
        let _ = heads.f_add_(&swapped)?;
        Ok(())
    }
}

/// Angle per position of each pair, in radians.
fn frequencies(config: &ModelConfig) -> Vec<f64> {
    let plain = (0..config.head_dim / 2).map(|pair| {
        let exponent = (2 * pair) as f64 / config.head_dim as f64;
        1.0 / config.rope_theta.powf(exponent)
    });
    match config.rope_scaling {
        RopeScaling::None => plain.collect(),
        RopeScaling::Linear { factor } => plain.map(|frequency| frequency / factor).collect(),
        RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_context } => plain
            .map(|frequency| {
                let wavelength = std::f64::consts::TAU / frequency;
                if wavelength > original_context / low_freq_factor {
                    frequency / factor
                } else if wavelength < original_context / high_freq_factor {
                    frequency
                } else {
                    let between = original_context / wavelength - low_freq_factor;
                    let smooth = between / (high_freq_factor - low_freq_factor);
                    (1.0 - smooth) * frequency / factor + smooth * frequency
                }
            })
            .collect(),
    }
}
