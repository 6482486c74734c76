//! Cross-entropy over trained positions only, some of them at a time: the logits of a batch are never whole in memory.

use tch::{Kind, Tensor};

use super::Out;
use super::flat::Weight;
use super::pieces::pieces;

/// Losses and hits of the trained positions, M each, still on the device; and the gradient of the hidden states.
pub(super) struct Lost {
    /// Negative log-likelihood, nats, 32-bit.
    pub(super) losses: Tensor,
    /// Whether the target was the likeliest.
    pub(super) correct: Tensor,
    /// Gradient of `sum(losses) / divisor`, M × H.
    pub(super) grad: Option<Tensor>,
}

/// Scores hidden states, M × H, against targets, M, under an output layer, V × H. With a divisor the gradient of
/// `sum(losses) / divisor` comes too, and that of the output layer is added where it is trained.
pub(super) fn cross_entropy(
    hidden: &Tensor,
    targets: &Tensor,
    head: &mut Weight,
    chunk: i64,
    divisor: Option<f64>,
) -> Out<Lost> {
    let (positions, _) = hidden.size2()?;
    let grad = match divisor {
        Some(_) => Some(hidden.f_empty_like()?),
        None => None,
    };
    let (mut losses, mut correct) = (Vec::new(), Vec::new());
    let mut from = 0;
    while from < positions {
        let count = chunk.max(1).min(positions - from);
        let part = hidden.f_narrow(0, from, count)?;
        let target = targets.f_narrow(0, from, count)?.f_unsqueeze(1)?;
        let logits = part.f_mm(&head.value.f_tr()?)?.f_to_kind(Kind::Float)?;
        for (from, count) in pieces(&logits, logits.size2()?.1) {
            let part = |whole: &Tensor| whole.f_narrow(0, from, count);
            let (mut logits, target) = (part(&logits)?, part(&target)?);
            let most = logits.f_amax([1i64].as_slice(), true)?;
            let wanted = logits.f_gather(1, &target, false)?;
            correct.push(wanted.f_ge_tensor(&most)?.f_squeeze_dim(1)?);
            // Probabilities take the place of the logits. That of the likeliest is 1 / sum(exp(logit - most)), so the loss
            // needs neither the logarithm of a probability that may vanish nor a second matrix.
            let _ = logits.f_internal_softmax_out(&logits, 1, false)?;
            let likeliest = logits.f_amax([1i64].as_slice(), true)?;
            losses.push(most.f_sub(&wanted)?.f_sub_(&likeliest.f_log()?)?.f_squeeze_dim(1)?);
            // The gradient of the logits is (softmax - one at the target) / divisor.
            let minus = Tensor::f_full([count, 1], -1.0, (Kind::Float, logits.device()))?;
            let _ = logits.f_scatter_add_(1, &target, &minus)?;
        }
        if let (Some(grad), Some(divisor)) = (&grad, divisor) {
            // The divisor goes to the smaller factor.
            let logits = logits.f_to_kind(head.value.kind())?;
            grad.f_narrow(0, from, count)?.f_copy_(&logits.f_mm(&head.value)?.f_mul_scalar_(1.0 / divisor)?)?;
            if head.is_trained() {
                head.add_product(&logits, &part.f_mul_scalar(1.0 / divisor)?)?;
            }
        }
        from += count;
    }
    if losses.is_empty() {
        let none = || Tensor::f_zeros([0], (Kind::Float, hidden.device()));
        return Ok(Lost { losses: none()?, correct: none()?, grad });
    }
    Ok(Lost { losses: Tensor::f_cat(&losses, 0)?, correct: Tensor::f_cat(&correct, 0)?, grad })
}
