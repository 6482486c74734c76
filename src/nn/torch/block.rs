//! One layer of the Llama family: attention and MLP, each behind an RMSNorm and beside a residual stream.
//!
//! ```text
//! x ─┬─ norm ─ qkv ─ turn ─ attention ─ o ─ + ─┬─ norm ─ gate, up ─ silu(gate)·up ─ down ─ + ─▶
//!    └──────────────────────────────────────┘ └──────────────────────────────────────────┘
//! ```

use tch::{Kind, Tensor};

use super::attention::{self, KeptAttention};
use super::flat::Weight;
use super::group::Group;
use super::pieces::pieces;
use super::rope::Angles;
use super::stream::Stream;
use super::{Ground, Out};
use crate::nn::config::ModelConfig;

/// Widths of a layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Widths {
    pub(super) heads: i64,
    pub(super) kv_heads: i64,
    pub(super) head: i64,
    pub(super) intermediate: i64,
    pub(super) rms_eps: f64,
}

impl Widths {
    pub(super) fn of(config: &ModelConfig) -> Widths {
        Widths {
            heads: config.heads as i64,
            kv_heads: config.kv_heads as i64,
            head: config.head_dim as i64,
            intermediate: config.intermediate as i64,
            rms_eps: config.rms_eps,
        }
    }

    fn queries(&self) -> i64 {
        self.heads * self.head
    }

    fn keys(&self) -> i64 {
        self.kv_heads * self.head
    }
}

/// What is the same for all layers of a pass.
pub(super) struct Pass<'a> {
    pub(super) stream: &'a Stream,
    pub(super) angles: Angles,
    pub(super) ground: Ground,
}

/// A layer.
pub(super) struct Layer {
    pub(super) widths: Widths,
    pub(super) norm_attention: Weight,
    pub(super) qkv: Group,
    pub(super) o: Group,
    pub(super) norm_mlp: Weight,
    pub(super) gate_up: Group,
    pub(super) down: Group,
}

/// What the backward pass of a layer needs of its forward pass.
pub(super) struct Kept {
    input: Tensor,
    input_scale: Tensor,
    qkv_inner: Option<Tensor>,
    attention: KeptAttention,
    attended: Tensor,
    o_inner: Option<Tensor>,
    middle: Tensor,
    middle_scale: Tensor,
    gate_up: Tensor,
    gate_up_inner: Option<Tensor>,
    down_inner: Option<Tensor>,
}

/// RMSNorm (Zhang and Sennrich, 2019): answers `x / rms(x) · w`, and 1 / rms(x), N × 1, 32-bit.
pub(super) fn norm(input: &Tensor, weight: &Tensor, eps: f64) -> Out<(Tensor, Tensor)> {
    let (tokens, width) = input.size2()?;
    let scale = Tensor::f_empty([tokens, 1], (Kind::Float, input.device()))?;
    let out = Tensor::f_empty([tokens, width], (weight.kind(), input.device()))?;
    for (from, count) in pieces(input, width) {
        let part = input.f_narrow(0, from, count)?;
        let length = part.f_to_kind(Kind::Float)?.f_norm_scalaropt_dim(2, [-1i64].as_slice(), true)?;
        let mut scale = scale.f_narrow(0, from, count)?;
        scale.f_copy_(&length.f_square()?.f_div_scalar(width as f64)?.f_add_scalar(eps)?.f_rsqrt()?)?;
        apply(&part, &scale, weight, &out.f_narrow(0, from, count)?)?;
    }
    Ok((out, scale))
}

/// `x · scale · w` as [`norm`] made it, into `out`.
fn apply(input: &Tensor, scale: &Tensor, weight: &Tensor, out: &Tensor) -> Out<()> {
    let _ = input.f_mul(scale)?.f_to_kind(weight.kind())?.f_mul_out(out, weight)?;
    Ok(())
}

/// What [`norm`] answered, once more.
fn normed_again(input: &Tensor, scale: &Tensor, weight: &Weight) -> Out {
    let (tokens, width) = input.size2()?;
    let out = Tensor::f_empty([tokens, width], (weight.value.kind(), input.device()))?;
    for (from, count) in pieces(input, width) {
        let part = |whole: &Tensor| whole.f_narrow(0, from, count);
        apply(&part(input)?, &part(scale)?, &weight.value, &part(&out)?)?;
    }
    Ok(out)
}

/// Adds the gradient of the input of [`norm`] to `into`, and that of its weight where it is trained.
pub(super) fn norm_backward(
    grad: &Tensor,
    input: &Tensor,
    scale: &Tensor,
    weight: &mut Weight,
    into: &mut Tensor,
) -> Out<()> {
    let (_, width) = input.size2()?;
    let factor = weight.value.f_to_kind(Kind::Float)?;
    for (from, count) in pieces(input, width) {
        let part = |whole: &Tensor| whole.f_narrow(0, from, count);
        let (input, grad, scale) =
            (part(input)?.f_to_kind(Kind::Float)?, part(grad)?.f_to_kind(Kind::Float)?, part(scale)?);
        if weight.is_trained() {
            weight.add_rows(&grad.f_mul(&input)?.f_mul_(&scale)?)?;
        }
        let weighted = grad.f_mul(&factor)?;
        let dot = weighted.f_mul(&input)?.f_sum_dim_intlist([-1i64].as_slice(), true, Kind::Float)?;
        let back = dot.f_mul(&scale.f_pow_tensor_scalar(3)?)?.f_mul_scalar_(-1.0 / width as f64)?;
        let mut into = part(into)?;
        if into.kind() == Kind::Float {
            let _ = into.f_addcmul_(&weighted, &scale)?;
            let _ = into.f_addcmul_(&input, &back)?;
        } else {
            let both = weighted.f_mul(&scale)?.f_addcmul_(&input, &back)?;
            let _ = into.f_add_(&both)?;
        }
    }
    Ok(())
}

impl Layer {
    /// One pass forward, N × H. With `rows` only these tokens leave the layer, M × H: what comes after attention is
    /// computed for them alone.
    pub(super) fn forward(
        &self,
        input: &Tensor,
        pass: &Pass,
        rows: Option<&Tensor>,
        keep: bool,
    ) -> Out<(Tensor, Option<Kept>)> {
        let widths = &self.widths;
        let (normed, input_scale) = norm(input, &self.norm_attention.value, widths.rms_eps)?;
        let (qkv, qkv_inner) = self.qkv.forward(&normed)?;
        drop(normed);
        self.turn(&qkv, &pass.angles, false)?;
        let (queries, keys) = (widths.queries(), widths.keys());
        let query = pass.stream.to_rows(&qkv.f_narrow(1, 0, queries)?, widths.heads, pass.ground)?;
        let key = pass.stream.to_rows(&qkv.f_narrow(1, queries, keys)?, widths.kv_heads, pass.ground)?;
        let value = pass.stream.to_rows(&qkv.f_narrow(1, queries + keys, keys)?, widths.kv_heads, pass.ground)?;
        let (output, attention) = attention::forward(&query, &key, &value, keep)?;
        let mut attended = pass.stream.to_stream(&output)?;
        let mut residual = input.shallow_clone();
        if let Some(rows) = rows {
            attended = attended.f_index_select(0, rows)?;
            residual = residual.f_index_select(0, rows)?;
        }
        let (mut middle, o_inner) = self.o.forward(&attended)?;
        let _ = middle.f_add_(&residual)?;
        let (mut out, kept) = self.mlp(&middle)?;
        let _ = out.f_add_(&middle)?;
        let Some(attention) = attention else { return Ok((out, None)) };
        let (middle_scale, gate_up, gate_up_inner, down_inner) = kept;
        let kept = Kept {
            input: input.shallow_clone(),
            input_scale,
            qkv_inner,
            attention,
            attended,
            o_inner,
            middle,
            middle_scale,
            gate_up,
            gate_up_inner,
            down_inner,
        };
        Ok((out, Some(kept)))
    }

    /// The MLP, without the residual.
    #[allow(clippy::type_complexity)]
    pub(super) fn mlp(&self, middle: &Tensor) -> Out<(Tensor, (Tensor, Tensor, Option<Tensor>, Option<Tensor>))> {
        let (normed, scale) = norm(middle, &self.norm_mlp.value, self.widths.rms_eps)?;
        let (gate_up, gate_up_inner) = self.gate_up.forward(&normed)?;
        let (out, down_inner) = self.down.forward(&self.inside(&gate_up)?)?;
        Ok((out, (scale, gate_up, gate_up_inner, down_inner)))
    }

    /// `silu(gate) · up`.
    fn inside(&self, gate_up: &Tensor) -> Out {
        let (tokens, both) = gate_up.size2()?;
        let out = Tensor::f_empty([tokens, both / 2], (gate_up.kind(), gate_up.device()))?;
        for (from, count) in pieces(gate_up, both) {
            let (gate, up) = self.halves(&gate_up.f_narrow(0, from, count)?)?;
            let opened = gate.f_silu()?;
            let _ = opened.f_mul_out(&out.f_narrow(0, from, count)?, &up)?;
        }
        Ok(out)
    }

    /// The backward pass of [`inside`](Layer::inside): its result's gradient is used up, and `gate_up` becomes its own gradient.
    fn inside_backward(&self, grad: &Tensor, gate_up: &Tensor) -> Out<()> {
        let (_, both) = gate_up.size2()?;
        for (from, count) in pieces(gate_up, both) {
            let (gate, mut up) = self.halves(&gate_up.f_narrow(0, from, count)?)?;
            let mut grad = grad.f_narrow(0, from, count)?;
            let grad_up = gate.f_silu()?.f_mul_(&grad)?;
            let _ = grad.f_mul_(&up)?;
            up.f_copy_(&grad_up)?;
            let _ = gate.f_silu_backward_grad_input(&gate, &grad)?;
        }
        Ok(())
    }

    fn halves(&self, gate_up: &Tensor) -> Out<(Tensor, Tensor)> {
        let width = self.widths.intermediate;
        Ok((gate_up.f_narrow(1, 0, width)?, gate_up.f_narrow(1, width, width)?))
    }

    /// Turns the heads of queries and keys in a result of the group, in place.
    pub(super) fn turn(&self, qkv: &Tensor, angles: &Angles, back: bool) -> Out<()> {
        let widths = &self.widths;
        let turned = qkv.f_narrow(1, 0, widths.queries() + widths.keys())?;
        let (tokens, both) = turned.size2()?;
        let heads = turned.f_view([tokens, widths.heads + widths.kv_heads, widths.head])?;
        for (from, count) in pieces(&heads, both) {
            let (mut heads, angles) = (heads.f_narrow(0, from, count)?, angles.some(from, count)?);
            if back { angles.turn_back(&mut heads)? } else { angles.turn(&mut heads)? }
        }
        Ok(())
    }

    /// Queries, keys and values of a result of the group, each N × (heads · width).
    pub(super) fn parts(&self, qkv: &Tensor) -> Out<(Tensor, Tensor, Tensor)> {
        let (queries, keys) = (self.widths.queries(), self.widths.keys());
        Ok((qkv.f_narrow(1, 0, queries)?, qkv.f_narrow(1, queries, keys)?, qkv.f_narrow(1, queries + keys, keys)?))
    }

    /// The backward pass: `grad` is that of what left the layer, and is used up. Answers that of the input, N × H, where
    /// it is asked for.
    pub(super) fn backward(
        &mut self,
        kept: Kept,
        mut grad: Tensor,
        pass: &Pass,
        rows: Option<&Tensor>,
        ask_input: bool,
    ) -> Out<Option<Tensor>> {
        // The MLP.
        let inside = self.inside(&kept.gate_up)?;
        let grad_inside = self.down.backward(&inside, kept.down_inner.as_ref(), &grad, true)?;
        drop(inside);
        self.inside_backward(&grad_inside.ok_or_else(unasked)?, &kept.gate_up)?;
        let normed = normed_again(&kept.middle, &kept.middle_scale, &self.norm_mlp)?;
        let back = self.gate_up.backward(&normed, kept.gate_up_inner.as_ref(), &kept.gate_up, true)?;
        let back = back.ok_or_else(unasked)?;
        norm_backward(&back, &kept.middle, &kept.middle_scale, &mut self.norm_mlp, &mut grad)?;
        // Attention.
        let back = self.o.backward(&kept.attended, kept.o_inner.as_ref(), &grad, true)?;
        let mut back = back.ok_or_else(unasked)?;
        let (tokens, _) = kept.input.size2()?;
        if let Some(rows) = rows {
            let whole = |part: &Tensor| {
                let mut all = Tensor::f_zeros([tokens, part.size2()?.1], (part.kind(), part.device()))?;
                all.f_index_copy_(0, rows, part)
            };
            back = whole(&back)?;
            grad = whole(&grad)?;
        }
        let back = pass.stream.to_rows(&back, self.widths.heads, pass.ground)?;
        let (query, key, value) = attention::backward(kept.attention, &back)?;
        let stream = pass.stream;
        let parts = [stream.to_stream(&query)?, stream.to_stream(&key)?, stream.to_stream(&value)?];
        let grad_qkv = Tensor::f_cat(&parts, 1)?;
        drop((query, key, value, parts));
        self.turn(&grad_qkv, &pass.angles, true)?;
        let normed = normed_again(&kept.input, &kept.input_scale, &self.norm_attention)?;
        let ask = ask_input || self.norm_attention.is_trained();
        let Some(back) = self.qkv.backward(&normed, kept.qkv_inner.as_ref(), &grad_qkv, ask)? else { return Ok(None) };
        norm_backward(&back, &kept.input, &kept.input_scale, &mut self.norm_attention, &mut grad)?;
        Ok(Some(grad))
    }
}

/// A gradient that was asked for is there.
fn unasked() -> tch::TchError {
    tch::TchError::Torch("a gradient that was asked for is missing".to_owned())
}
