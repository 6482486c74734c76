//! Causal attention of short rows on the CPU, a block of queries at a time.
//!
//! libtorch's fused kernel takes 64 queries of one head at once where rows are shorter than 768 tokens, which are products
//! too small for the processor. A block here is 128 queries of all the heads that share their keys; it stops at its last
//! key, and its scores stay in the cache. Rows of 512 tokens take two thirds of the time. What the backward pass needs is
//! queries, keys and values: it makes the probabilities of a block again.

use tch::{Device, Kind, Tensor};

use super::Out;

/// Queries of a block.
const BLOCK: i64 = 128;
/// Tokens of a row from which on the fused kernel is as fast.
const FUSED_FROM: i64 = 768;

/// Whether rows of these queries, S × heads × T × width, are attended faster in blocks.
pub(super) fn serve(query: &Tensor) -> Out<bool> {
    Ok(query.device() == Device::Cpu && query.kind() == Kind::Float && query.size4()?.2 < FUSED_FROM)
}

/// The output, sized as `query`: S × heads × T × width.
pub(super) fn forward(query: &Tensor, key: &Tensor, value: &Tensor) -> Out {
    let sizes = Sizes::of(query, key)?;
    let (key, value) = (sizes.all(key)?, sizes.all(value)?);
    let output = sizes.empty()?;
    for block in sizes.blocks() {
        let probabilities = block.probabilities(&block.queries(query)?, &key)?;
        block.put(&probabilities.f_bmm(&block.seen(&value)?)?, &output)?;
    }
    Ok(output)
}

/// The gradients of query, key and value from that of the output.
pub(super) fn backward(query: &Tensor, key: &Tensor, value: &Tensor, grad: &Tensor) -> Out<(Tensor, Tensor, Tensor)> {
    let sizes = Sizes::of(query, key)?;
    let (key, value) = (sizes.all(key)?, sizes.all(value)?);
    let grad_query = sizes.empty()?;
    let (grad_key, grad_value) = (key.f_zeros_like()?, value.f_zeros_like()?);
    for block in sizes.blocks() {
        let (queries, grad) = (block.queries(query)?, block.of(grad)?);
        let probabilities = block.probabilities(&queries, &key)?;
        let _ = block.seen(&grad_value)?.f_baddbmm_(&probabilities.f_transpose(1, 2)?, &grad)?;
        let scores = grad.f_bmm(&block.seen(&value)?.f_transpose(1, 2)?)?;
        // In place: each row is read whole before it is written.
        let scores = Tensor::f_internal_softmax_backward_data_out(&scores, &scores, &probabilities, 2, Kind::Float)?;
        let _ = block.seen(&grad_key)?.f_baddbmm_(&scores.f_transpose(1, 2)?, &queries)?;
        block.put(&scores.f_bmm(&block.seen(&key)?)?.f_mul_scalar_(sizes.scale())?, &grad_query)?;
    }
    let heads = |flat: &Tensor| flat.f_view([sizes.examples, sizes.key_heads, sizes.length, sizes.width]);
    Ok((grad_query, heads(&grad_key)?, heads(&grad_value)?))
}

/// Sizes of attention.
#[derive(Clone, Copy)]
struct Sizes {
    examples: i64,
    /// Heads of keys.
    key_heads: i64,
    /// Heads of queries per head of keys, G.
    shared_by: i64,
    length: i64,
    width: i64,
}

impl Sizes {
    fn of(query: &Tensor, key: &Tensor) -> Out<Sizes> {
        let (examples, heads, length, width) = query.size4()?;
        let (_, key_heads, _, _) = key.size4()?;
        Ok(Sizes { examples, key_heads, shared_by: heads / key_heads, length, width })
    }

    /// What scores are multiplied with.
    fn scale(&self) -> f64 {
        1.0 / (self.width as f64).sqrt()
    }

    /// Room for S × heads × T × width, a token's heads beside each other.
    fn empty(&self) -> Out {
        let heads = self.key_heads * self.shared_by;
        let room = Tensor::f_empty([self.examples, self.length, heads, self.width], (Kind::Float, Device::Cpu))?;
        room.f_transpose(1, 2)
    }

    /// Keys or values as (S · key heads) × T × width.
    fn all(&self, heads: &Tensor) -> Out {
        heads.f_reshape([self.examples * self.key_heads, self.length, self.width])
    }

    fn blocks(self) -> impl Iterator<Item = Block> {
        let blocks = (0..self.length).step_by(BLOCK as usize);
        blocks.map(move |from| Block { sizes: self, from, count: BLOCK.min(self.length - from) })
    }
}

/// Some queries of every row.
struct Block {
    sizes: Sizes,
    from: i64,
    count: i64,
}

impl Block {
    /// The part of S × heads × T × width, as S × key heads × G × block × width: a view.
    fn part(&self, heads: &Tensor) -> Out {
        let Sizes { examples, key_heads, shared_by, width, .. } = self.sizes;
        heads.f_narrow(2, self.from, self.count)?.f_view([examples, key_heads, shared_by, self.count, width])
    }

    /// The part as (S · key heads) × (G · block) × width.
    fn of(&self, heads: &Tensor) -> Out {
        let Sizes { examples, key_heads, shared_by, width, .. } = self.sizes;
        self.part(heads)?.f_reshape([examples * key_heads, shared_by * self.count, width])
    }

    /// The block's queries, scaled.
    fn queries(&self, query: &Tensor) -> Out {
        self.of(query)?.f_mul_scalar(self.sizes.scale())
    }

    /// Keys or values that the block sees, of (S · key heads) × T × width: a view.
    fn seen(&self, keys: &Tensor) -> Out {
        keys.f_narrow(1, 0, self.from + self.count)
    }

    /// How much each query takes of each key that it sees.
    fn probabilities(&self, queries: &Tensor, keys: &Tensor) -> Out {
        let scores = queries.f_bmm(&self.seen(keys)?.f_transpose(1, 2)?)?;
        // Of the last keys, which are the block's own tokens, a query sees those up to itself.
        let later =
            Tensor::f_full([self.count, self.count], f64::NEG_INFINITY, (Kind::Float, Device::Cpu))?.f_triu(1)?;
        let _ = scores.f_narrow(2, self.from, self.count)?.f_add_(&later.f_repeat([self.sizes.shared_by, 1])?)?;
        scores.f_internal_softmax_out(&scores, 2, false)
    }

    /// Writes the block's part of a result.
    fn put(&self, rows: &Tensor, into: &Tensor) -> Out<()> {
        let Sizes { examples, key_heads, shared_by, width, .. } = self.sizes;
        let rows = rows.f_view([examples, key_heads, shared_by, self.count, width])?;
        self.part(into)?.f_copy_(&rows)
    }
}
