//! Causal attention over rows, forward and backward.
//!
//! Rows are padded on the right, so the causal rule alone keeps real tokens from seeing padding. On the CPU short rows are
//! attended in [blocks], longer ones by libtorch's fused kernel and its backward, called as they are. Elsewhere libtorch
//! chooses among its kernels, and the backward pass of this one operation is asked of its autograd: of the scalar
//! `sum(output · gradient)`, whose gradient is the one wanted.

use tch::{Device, Kind, Tensor};

use super::{Out, blocks};

/// What the backward pass needs, heads as S × heads × T × width.
pub(super) enum KeptAttention {
    /// Of blocks: queries, keys and values.
    Blocks(Tensor, Tensor, Tensor),
    /// Of one kernel over all.
    Whole(Whole),
}

/// What the backward pass of a kernel needs; keys and values have a head for every head of queries.
pub(super) struct Whole {
    query: Tensor,
    key: Tensor,
    value: Tensor,
    output: Tensor,
    /// Log-sum-exp of the scores, of the CPU's kernel; elsewhere `output` carries its graph.
    log_sum: Option<Tensor>,
    /// Heads of queries per head of keys.
    shared_by: i64,
}

/// Attends. `query` is S × heads × T × width, `key` and `value` have a divisor of the heads. Answers the output of the
/// same sizes as `query`, and what [`backward`] needs where it is to be kept.
pub(super) fn forward(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    keep: bool,
) -> Out<(Tensor, Option<KeptAttention>)> {
    if blocks::serve(query)? {
        let output = blocks::forward(query, key, value)?;
        let copy = Tensor::shallow_clone;
        return Ok((output, keep.then(|| KeptAttention::Blocks(copy(query), copy(key), copy(value)))));
    }
    let none: Option<&Tensor> = None;
    let shared_by = query.size4()?.1 / key.size4()?.1;
    let (key, value) = (spread(key, shared_by)?, spread(value, shared_by)?);
    if query.device() == Device::Cpu {
        let (output, log_sum) =
            Tensor::f_internal_scaled_dot_product_flash_attention_for_cpu(query, &key, &value, 0.0, true, none, None)?;
        let (query, log_sum) = (query.shallow_clone(), Some(log_sum));
        let kept = Whole { query, key, value, output: output.shallow_clone(), log_sum, shared_by };
        return Ok((output, keep.then_some(KeptAttention::Whole(kept))));
    }
    if !keep {
        let output = Tensor::f_scaled_dot_product_attention(query, &key, &value, none, 0.0, true, None, false)?;
        return Ok((output, None));
    }
    let leaf = |tensor: &Tensor| tensor.f_detach()?.f_set_requires_grad(true);
    let (query, key, value) = (leaf(query)?, leaf(&key)?, leaf(&value)?);
    let graph =
        tch::with_grad(|| Tensor::f_scaled_dot_product_attention(&query, &key, &value, none, 0.0, true, None, false))?;
    let output = graph.f_detach()?;
    let kept = Whole { query, key, value, output: graph, log_sum: None, shared_by };
    Ok((output, Some(KeptAttention::Whole(kept))))
}

/// The gradients of query, key and value from that of the output.
pub(super) fn backward(kept: KeptAttention, grad: &Tensor) -> Out<(Tensor, Tensor, Tensor)> {
    let Whole { query, key, value, output, log_sum, shared_by } = match kept {
        KeptAttention::Blocks(query, key, value) => return blocks::backward(&query, &key, &value, grad),
        KeptAttention::Whole(whole) => whole,
    };
    let none: Option<&Tensor> = None;
    let (query, key, value) = match log_sum {
        Some(log_sum) => Tensor::f_internal_scaled_dot_product_flash_attention_for_cpu_backward(
            grad, &query, &key, &value, &output, &log_sum, 0.0, true, none, None,
        )?,
        None => {
            let scalar = tch::with_grad(|| output.f_mul(grad)?.f_sum(Kind::Float))?;
            let mut grads = Tensor::f_run_backward(&[scalar], &[&query, &key, &value], false, false)?.into_iter();
            match (grads.next(), grads.next(), grads.next()) {
                (Some(query), Some(key), Some(value)) => (query, key, value),
                _ => return Err(tch::TchError::Torch("attention has three gradients".to_owned())),
            }
        }
    };
    Ok((query, gather(&key, shared_by)?, gather(&value, shared_by)?))
}

/// Gives every head of queries a head of keys of its own.
pub(super) fn spread(heads: &Tensor, shared_by: i64) -> Out {
    if shared_by == 1 {
        return Ok(heads.shallow_clone());
    }
    let (examples, count, length, width) = heads.size4()?;
    let wide = heads.f_unsqueeze(2)?.f_expand([examples, count, shared_by, length, width], false)?;
    wide.f_reshape([examples, count * shared_by, length, width])
}

/// Adds up the gradients of heads that were one.
fn gather(heads: &Tensor, shared_by: i64) -> Out {
    if shared_by == 1 {
        return Ok(heads.shallow_clone());
    }
    let (examples, count, length, width) = heads.size4()?;
    let apart = heads.f_reshape([examples, count / shared_by, shared_by, length, width])?;
    apart.f_sum_dim_intlist([2i64].as_slice(), false, heads.kind())
}
