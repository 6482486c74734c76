//! Everything that is trained, in flat buffers: values, gradients, and the two means of AdamW.
//!
//! One buffer of each makes a step a few operations on long vectors, whatever the model, and a state that is saved and
//! restored whole. Values are 32-bit floats; where the model computes in another kind, a copy in that kind is brought up
//! to date after each step, and the model sees the copy.

use tch::{Kind, Tensor};

use super::{Ground, Out, to_host};
use crate::nn::{AdamW, LearnerState, NamedTensor, NnError};

/// Numbers that a tensor begins at a multiple of: 64 bytes.
const ALIGNED: i64 = 16;

/// A tensor that is trained, as rows of one or of several that files know by name.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The names, each with its rows, from the top.
    pub(super) names: Vec<(String, i64)>,
    /// Numbers per row; none for vectors, whose rows are single numbers.
    pub(super) columns: Option<i64>,
    /// Learning rate over that of the run.
    pub(super) rate: f64,
    /// Whether weight decay applies.
    pub(super) decays: bool,
}

impl Entry {
    fn rows(&self) -> i64 {
        self.names.iter().map(|(_, rows)| rows).sum()
    }

    fn numbers(&self) -> i64 {
        self.rows() * self.columns.unwrap_or(1)
    }
}

/// Where a region of equal treatment begins and ends.
struct Region {
    from: i64,
    length: i64,
    rate: f64,
    decays: bool,
}

/// A tensor of the model, and where its gradient goes if it is trained.
pub(super) struct Weight {
    /// Its values, in the kind that is computed in; of a trained one a view of the flat buffer.
    pub(super) value: Tensor,
    /// Its gradient: a view of the flat buffer, 32-bit.
    grad: Option<Tensor>,
}

impl Weight {
    /// A tensor that is not trained.
    pub(super) fn frozen(value: Tensor) -> Weight {
        Weight { value, grad: None }
    }

    /// Whether it is trained.
    pub(super) fn is_trained(&self) -> bool {
        self.grad.is_some()
    }

    /// The same tensor, known in a second place: an embedding that serves as output layer.
    pub(super) fn shared(&self) -> Weight {
        Weight { value: self.value.shallow_clone(), grad: self.grad.as_ref().map(Tensor::shallow_clone) }
    }

    /// Adds `left`ᵀ · `right` to the gradient; both have a row per token.
    pub(super) fn add_product(&mut self, left: &Tensor, right: &Tensor) -> Out<()> {
        let Some(grad) = &mut self.grad else { return Ok(()) };
        let left = left.f_tr()?;
        if right.kind() == Kind::Float {
            let _ = grad.f_addmm_(&left, right)?;
        } else {
            let _ = grad.f_add_(&left.f_mm(right)?)?;
        }
        Ok(())
    }

    /// Adds the sum of the rows to the gradient.
    pub(super) fn add_rows(&mut self, rows: &Tensor) -> Out<()> {
        let Some(grad) = &mut self.grad else { return Ok(()) };
        let _ = grad.f_add_(&rows.f_sum_dim_intlist([0i64].as_slice(), false, Kind::Float)?)?;
        Ok(())
    }

    /// Adds each row to the row of the gradient that its index names.
    pub(super) fn add_indexed(&mut self, index: &Tensor, rows: &Tensor) -> Out<()> {
        let Some(grad) = &mut self.grad else { return Ok(()) };
        let _ = grad.f_index_add_(0, index, &rows.f_to_kind(Kind::Float)?)?;
        Ok(())
    }
}

/// Gives the values of a tensor by its name and sizes.
pub(super) type Values<'a> = dyn FnMut(&str, &[usize]) -> Result<Vec<f32>, NnError> + 'a;

/// The buffers.
pub(super) struct Flat {
    entries: Vec<(Entry, i64)>,
    regions: Vec<Region>,
    values: Tensor,
    computed: Option<Tensor>,
    grads: Tensor,
    mean: Tensor,
    square: Tensor,
    steps: u64,
    optimiser: AdamW,
}

impl Flat {
    /// Makes buffers for entries; those that are treated alike stand together.
    pub(super) fn new(mut entries: Vec<Entry>, optimiser: AdamW, ground: Ground) -> Out<Flat> {
        entries
            .sort_by(|a, b| (b.rate, b.decays).partial_cmp(&(a.rate, a.decays)).unwrap_or(std::cmp::Ordering::Equal));
        let mut regions: Vec<Region> = Vec::new();
        let mut placed = Vec::with_capacity(entries.len());
        let mut at = 0;
        for entry in entries {
            let length = (entry.numbers() + ALIGNED - 1) / ALIGNED * ALIGNED;
            match regions.last_mut() {
                Some(last) if last.rate == entry.rate && last.decays == entry.decays => last.length += length,
                _ => regions.push(Region { from: at, length, rate: entry.rate, decays: entry.decays }),
            }
            placed.push((entry, at));
            at += length;
        }
        let zeros = || Tensor::f_zeros([at], (Kind::Float, ground.device));
        let computed = if ground.kind == Kind::Float { None } else { Some(ground.zeros(&[at])?) };
        let (values, grads, mean, square) = (zeros()?, zeros()?, zeros()?, zeros()?);
        Ok(Flat { entries: placed, regions, values, computed, grads, mean, square, steps: 0, optimiser })
    }

    /// Numbers that are trained; what aligns them is not counted.
    pub(super) fn numbers(&self) -> u64 {
        self.entries.iter().map(|(entry, _)| entry.numbers() as u64).sum()
    }

    /// The tensor whose first name this is.
    pub(super) fn weight(&self, name: &str) -> Result<Weight, NnError> {
        let missing = || NnError::Tensor { name: name.to_owned(), message: "it is not trained".to_owned() };
        let found = self.entries.iter().find(|(entry, _)| entry.names[0].0 == name);
        let (entry, at) = found.ok_or_else(missing)?;
        let view = |buffer: &Tensor| {
            let flat = buffer.f_narrow(0, *at, entry.numbers())?;
            match entry.columns {
                Some(columns) => flat.f_view([entry.rows(), columns]),
                None => Ok(flat),
            }
        };
        Ok(Weight { value: view(self.computed.as_ref().unwrap_or(&self.values))?, grad: Some(view(&self.grads)?) })
    }

    /// The range of a name in the buffers, and its sizes.
    fn pieces(&self) -> impl Iterator<Item = (&str, i64, Vec<usize>)> {
        self.entries.iter().flat_map(|(entry, at)| {
            let columns = entry.columns.unwrap_or(1);
            let mut from = *at;
            entry.names.iter().map(move |(name, rows)| {
                let shape = match entry.columns {
                    Some(columns) => vec![*rows as usize, columns as usize],
                    None => vec![*rows as usize],
                };
                let place = (name.as_str(), from, shape);
                from += rows * columns;
                place
            })
        })
    }

    /// Sets the values of every tensor by name.
    ///
    /// # Errors
    /// Where `values` has none, or as many as do not fit.
    pub(super) fn set_values(&mut self, values: &mut Values) -> Result<(), NnError> {
        let pieces: Vec<_> = self.pieces().map(|(name, from, shape)| (name.to_owned(), from, shape)).collect();
        for (name, from, shape) in pieces {
            put(&self.values, from, &name, &shape, &values(&name, &shape)?)?;
        }
        Ok(self.bring_up_to_date()?)
    }

    fn bring_up_to_date(&mut self) -> Out<()> {
        if let Some(computed) = &mut self.computed {
            computed.f_copy_(&self.values)?;
        }
        Ok(())
    }

    /// Forgets the gradients.
    pub(super) fn clear(&mut self) -> Out<()> {
        let _ = self.grads.f_zero_()?;
        Ok(())
    }

    /// L2 norm of all gradients.
    pub(super) fn grad_norm(&self) -> Out<f64> {
        f64::try_from(self.grads.f_norm()?)
    }

    /// Steps so far.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// One step of AdamW with clipping; gradients are cleared.
    pub(super) fn step(&mut self, learning_rate: f64, grad_norm: f64) -> Out<()> {
        let AdamW { beta1, beta2, epsilon, weight_decay, clip } = self.optimiser;
        if let Some(clip) = clip.filter(|clip| grad_norm > *clip) {
            let _ = self.grads.f_mul_scalar_(clip / (grad_norm + 1e-6))?;
        }
        self.steps += 1;
        let steps = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let (correct1, correct2) = (1.0 - beta1.powi(steps), 1.0 - beta2.powi(steps));
        let _ = self.mean.f_lerp_(&self.grads, 1.0 - beta1)?;
        let squared = self.grads.f_square()?;
        let _ = self.square.f_lerp_(&squared, 1.0 - beta2)?;
        for region in &self.regions {
            let part = |buffer: &Tensor| buffer.f_narrow(0, region.from, region.length);
            let rate = learning_rate * region.rate;
            let mut values = part(&self.values)?;
            if region.decays && weight_decay != 0.0 {
                let _ = values.f_mul_scalar_(1.0 - rate * weight_decay)?;
            }
            let mut root = part(&self.square)?.f_sqrt()?;
            let _ = root.f_mul_scalar_(1.0 / correct2.sqrt())?;
            let _ = root.f_add_scalar_(epsilon)?;
            let update = part(&self.mean)?.f_mul_scalar(-rate / correct1)?;
            let _ = values.f_addcdiv_(&update, &root)?;
        }
        self.bring_up_to_date()?;
        self.clear()
    }

    /// Values by name.
    pub(super) fn named_values(&self) -> Out<Vec<NamedTensor>> {
        self.named(&self.values, "")
    }

    /// Gradients by name.
    #[cfg(test)]
    pub(super) fn named_gradients(&self) -> Vec<NamedTensor> {
        self.named(&self.grads, "").expect("the gradients can be read")
    }

    /// The whole state.
    pub(super) fn state(&self) -> Out<LearnerState> {
        let mut tensors = self.named(&self.values, "param.")?;
        tensors.extend(self.named(&self.mean, "m.")?);
        tensors.extend(self.named(&self.square, "v.")?);
        Ok(LearnerState { steps: self.steps, tensors })
    }

    fn named(&self, buffer: &Tensor, prefix: &str) -> Out<Vec<NamedTensor>> {
        let all = to_host(buffer)?;
        let pieces = self.pieces().map(|(name, from, shape)| {
            let count: usize = shape.iter().product();
            let values = all[from as usize..from as usize + count].to_vec();
            NamedTensor { name: format!("{prefix}{name}"), shape, values }
        });
        Ok(pieces.collect())
    }

    /// Takes a state back.
    pub(super) fn restore(&mut self, state: &LearnerState) -> Result<(), NnError> {
        let given: std::collections::BTreeMap<&str, &NamedTensor> =
            state.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        let pieces: Vec<_> = self.pieces().map(|(name, from, shape)| (name.to_owned(), from, shape)).collect();
        if given.len() != pieces.len() * 3 {
            let message = format!("the state holds {} tensors, and {} are trained", given.len(), pieces.len() * 3);
            return Err(NnError::Tensor { name: "state".to_owned(), message });
        }
        for (prefix, buffer) in [("param.", &self.values), ("m.", &self.mean), ("v.", &self.square)] {
            for (name, from, shape) in &pieces {
                let name = format!("{prefix}{name}");
                let Some(tensor) = given.get(name.as_str()).filter(|tensor| tensor.shape == *shape) else {
                    let message = format!("the state does not hold it as {shape:?}");
                    return Err(NnError::Tensor { name, message });
                };
                put(buffer, *from, &name, shape, &tensor.values)?;
            }
        }
        self.steps = state.steps;
        self.bring_up_to_date()?;
        Ok(self.clear()?)
    }
}

/// Copies values into a place of a buffer.
fn put(buffer: &Tensor, from: i64, name: &str, shape: &[usize], values: &[f32]) -> Result<(), NnError> {
    let count: usize = shape.iter().product();
    if values.len() != count {
        let message = format!("{} numbers were given, and {shape:?} has {count}", values.len());
        return Err(NnError::Tensor { name: name.to_owned(), message });
    }
    let mut place = buffer.f_narrow(0, from, count as i64)?;
    Ok(place.f_copy_(&Tensor::f_from_slice(values)?)?)
}
