//! Projections of one input as one matrix, with LoRA beside them.
//!
//! Queries, keys and values read the same input, and so do gate and up: each group is one product with a matrix of all
//! rows. LoRA's A matrices of a group are one matrix too; each B adds to its own columns of the result:
//! `y[part] += (s · xAᵀ)[part] Bᵀ`.

use tch::Tensor;

use super::Out;
use super::flat::Weight;
use super::frozen::Frozen;

/// The matrix of a group.
pub(super) enum Matrix {
    /// Not trained.
    Frozen(Frozen),
    /// Trained.
    Trained(Weight),
}

/// LoRA of a group.
pub(super) struct GroupLora {
    /// The A matrices, one below the other: (parts · r) × in.
    pub(super) a: Weight,
    /// First row and rows of the part in the group, and its B matrix, rows × r.
    pub(super) b: Vec<(i64, Weight)>,
    /// What the product is multiplied with.
    pub(super) scale: f64,
}

/// Projections of one input.
pub(super) struct Group {
    /// All rows × in.
    pub(super) matrix: Matrix,
    /// One number per row.
    pub(super) bias: Option<Weight>,
    /// What is added by LoRA.
    pub(super) lora: Option<GroupLora>,
}

impl Group {
    /// N × in becomes N × rows. Answers the inner product of LoRA too, N × (parts · r), which the backward pass needs.
    pub(super) fn forward(&self, input: &Tensor) -> Out<(Tensor, Option<Tensor>)> {
        let weight = self.weight()?;
        let output = match &self.bias {
            Some(bias) => bias.value.f_addmm(input, &weight.f_tr()?)?,
            None => input.f_mm(&weight.f_tr()?)?,
        };
        drop(weight);
        let Some(lora) = &self.lora else { return Ok((output, None)) };
        let mut inner = input.f_mm(&lora.a.value.f_tr()?)?;
        let _ = inner.f_mul_scalar_(lora.scale)?;
        let mut at = 0;
        for (from, b) in &lora.b {
            let (rows, r) = b.value.size2()?;
            // One part that is all of the group needs no view.
            let mut part = if lora.b.len() == 1 && rows == output.size2()?.1 {
                output.shallow_clone()
            } else {
                output.f_narrow(1, *from, rows)?
            };
            let _ = part.f_addmm_(&inner.f_narrow(1, at, r)?, &b.value.f_tr()?)?;
            at += r;
        }
        Ok((output, Some(inner)))
    }

    /// Adds the gradients of what is trained, and answers that of the input, where it is asked for.
    pub(super) fn backward(
        &mut self,
        input: &Tensor,
        inner: Option<&Tensor>,
        grad: &Tensor,
        ask_input: bool,
    ) -> Out<Option<Tensor>> {
        let mut grad_input = if ask_input { Some(grad.f_mm(&self.weight()?)?) } else { None };
        if let Some(bias) = &mut self.bias
            && bias.is_trained()
        {
            bias.add_rows(grad)?;
        }
        if let Matrix::Trained(weight) = &mut self.matrix {
            weight.add_product(grad, input)?;
        }
        if let (Some(lora), Some(inner)) = (&mut self.lora, inner) {
            let mut grad_inner = Vec::with_capacity(lora.b.len());
            let mut at = 0;
            for (from, b) in &mut lora.b {
                let (rows, r) = b.value.size2()?;
                let part = grad.f_narrow(1, *from, rows)?;
                grad_inner.push(part.f_mm(&b.value)?);
                b.add_product(&part, &inner.f_narrow(1, at, r)?)?;
                at += r;
            }
            let mut grad_inner =
                if grad_inner.len() == 1 { grad_inner.remove(0) } else { Tensor::f_cat(&grad_inner, 1)? };
            let _ = grad_inner.f_mul_scalar_(lora.scale)?;
            lora.a.add_product(&grad_inner, input)?;
            if let Some(grad_input) = &mut grad_input {
                let _ = grad_input.f_addmm_(&grad_inner, &lora.a.value)?;
            }
        }
        Ok(grad_input)
    }

    fn weight(&self) -> Out {
        match &self.matrix {
            Matrix::Frozen(frozen) => frozen.dense(),
            Matrix::Trained(weight) => Ok(weight.value.shallow_clone()),
        }
    }
}
