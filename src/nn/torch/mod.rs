//! The Llama family on libtorch: forward, backward, optimiser, and a cache for generation.
//!
//! ```text
//! Batch ─▶ Stream (real tokens only) ─▶ embedding ─▶ layers ─▶ trained positions ─▶ loss, in chunks
//!                                          ▲            │                              │
//!                                     Flat (values,   Kept per layer ◀── backward ◀────┘
//!                                     gradients, m, v)
//! ```
//!
//! The backward pass is written out, without autograd: gradients are added straight into one flat buffer, what a layer
//! keeps is chosen, and frozen weights cannot get a gradient because nothing here would compute one. A batch becomes a stream of its real tokens;
//! only attention sees rows, so padding costs little and packed rows are the same computation as separate ones.
//!
//! Sizes in the docs: N real tokens, S examples, T the longest of them, M trained positions, H hidden, V vocabulary.

mod attention;
mod block;
mod blocks;
mod flat;
mod frozen;
mod group;
mod learner;
mod loss;
mod native;
mod network;
mod pieces;
mod rope;
mod stream;
#[cfg(test)]
mod tests;

use std::path::Path;

use tch::{Cuda, Device, Kind, TchError, Tensor};

use super::{BackendReport, DeviceChoice, Learner, LearnerSetup, NnError, Opening, Precision, Predictor};

/// What an operation on tensors comes to.
type Out<T = Tensor> = Result<T, TchError>;

impl From<TchError> for NnError {
    fn from(error: TchError) -> NnError {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or("").trim_start_matches("Internal torch error: ").to_owned();
        let full = ["out of memory", "can't allocate memory", "not enough memory"];
        if full.iter().any(|sign| text.contains(sign)) { NnError::OutOfMemory(first) } else { NnError::Backend(first) }
    }
}

/// Makes a learner.
///
/// # Errors
/// [`NnError`], of every kind: the files, the device, memory.
pub fn learner(setup: &LearnerSetup) -> Result<Box<dyn Learner>, NnError> {
    Ok(Box::new(learner::TorchLearner::new(setup)?))
}

/// Opens a model to predict with, with an adapter beside it where one is given.
///
/// # Errors
/// [`NnError`], of every kind: the files, the device, memory.
pub fn predictor(opening: &Opening, adapter: Option<&Path>) -> Result<Box<dyn Predictor>, NnError> {
    Ok(Box::new(network::Network::open(opening, adapter)?))
}

/// Says what there is of libtorch.
pub fn report() -> BackendReport {
    let cuda = native::load_cuda();
    let mut devices = vec!["cpu".to_owned()];
    let count = if cuda.is_ok() { Cuda::device_count().max(0) } else { 0 };
    devices.extend((0..count).map(|number| format!("cuda:{number}")));
    let cuda = match cuda {
        Ok(false) => "libtorch's CUDA library is not here: `scenery setup libtorch --cuda` fetches it".to_owned(),
        Ok(true) if count > 0 => format!("{count} CUDA device{}", if count == 1 { "" } else { "s" }),
        Ok(true) => "libtorch's CUDA library is loaded; no CUDA device answers".to_owned(),
        Err(error) => error,
    };
    BackendReport { built_in: true, version: Some(torch_version().to_owned()), devices, cuda }
}

/// The libtorch that this version of tch is made for, and that `setup` fetches.
fn torch_version() -> &'static str {
    "2.11.0"
}

/// Where tensors live and what they are made of.
#[derive(Clone, Copy, Debug)]
struct Ground {
    device: Device,
    kind: Kind,
}

impl Ground {
    fn of(opening: &Opening) -> Result<Ground, NnError> {
        native::keep_memory();
        if let Some(threads) = opening.threads {
            tch::set_num_threads(i32::try_from(threads.max(1)).unwrap_or(i32::MAX));
        }
        let cuda = || match native::load_cuda() {
            Ok(_) => Ok(Cuda::device_count().max(0) as usize),
            Err(message) => Err(message),
        };
        let device = match opening.device {
            DeviceChoice::Cpu => Device::Cpu,
            DeviceChoice::Auto if cuda().unwrap_or(0) > 0 => Device::Cuda(0),
            DeviceChoice::Auto => Device::Cpu,
            DeviceChoice::Cuda(number) => match cuda() {
                Ok(count) if number < count => Device::Cuda(number),
                Ok(count) => {
                    return Err(NnError::Device(format!(
                        "there is no device cuda:{number}: {count} CUDA devices answer here; `scenery doctor` says more, `--device cpu` runs without"
                    )));
                }
                Err(message) => return Err(NnError::Device(message)),
            },
        };
        let kind = match opening.precision {
            Precision::F32 => Kind::Float,
            Precision::Bf16 => Kind::BFloat16,
            Precision::Auto if device.is_cuda() => Kind::BFloat16,
            Precision::Auto => Kind::Float,
        };
        Ok(Ground { device, kind })
    }

    fn zeros(self, size: &[i64]) -> Out {
        Tensor::f_zeros(size, (self.kind, self.device))
    }

    fn empty(self, size: &[i64]) -> Out {
        Tensor::f_empty(size, (self.kind, self.device))
    }
}

/// Brings values to the host as 32-bit floats.
fn to_host(tensor: &Tensor) -> Out<Vec<f32>> {
    let tensor = tensor.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?;
    let mut values = vec![0f32; tensor.numel()];
    let count = values.len();
    tensor.f_copy_data(&mut values, count)?;
    Ok(values)
}
