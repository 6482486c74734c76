//! What a run takes of memory and arithmetic, by estimate from the shape of the model. Measurements are worth more; where
//! there is none yet, these say what fits.
//!
//! With h hidden, i intermediate, q and k the widths of all heads of queries and of keys, L layers, V vocabulary, r rank, and D
//! bytes of a number (bf16 2, f32 4), in bytes:
//!
//! - *weights*: D each; projections in NF4 0.5 + 1/64 + 4/(64·256) (a byte of scale per block of 64, double quantised). With all
//!   weights trained their f32 values are counted below, and D each comes here where D is 2;
//! - *training*: 16 per trained number: value, gradient and two means of Adam, each in f32; with LoRA in bf16 2 more for
//!   the copies that are computed with;
//! - *activations*, per token and layer: D·(2h + 3q + 2k + 2i + 7r) + 8: both residuals, q, k, v, the output of attention before
//!   and after its rows are one stream again, gate, up, the seven rank-wide products, two scales of norms in f32; where heads
//!   share keys, D·2q for keys and values of each. With recomputation in segments of s layers: D·h for each of ⌈L/s⌉
//!   segments, and the above for s layers only;
//! - *loss*: per chunk of trained positions the logits, V·4, and V·4 for their copies in bf16; per token 2·D·h for the last
//!   hidden state and its gradient, and D·(2i + 2h) for the gradients in flight.
//!
//! The program and its libraries come on top: on a CPU 0.14 GB, on a GPU what CUDA takes for itself.
//!
//! Floating-point operations count a multiplication and an addition as two: forward 2·(projections) per token, 2·q·(n + 1) per token
//! and layer for causal attention over n tokens, 2·V·h per trained token for the output layer. The backward pass costs as
//! much for inputs, once more for weights that are trained, and recomputation one more forward pass through the layers.

use super::options::Options;
use crate::nn::config::{ModelConfig, RopeScaling};
use crate::nn::{Precision, Trained};

/// The shape of deepseek-coder-1.3b, which the preset `seed` was made for.
pub fn seed_shape() -> ModelConfig {
    ModelConfig {
        architecture: "LlamaForCausalLM".to_owned(),
        hidden: 2_048,
        intermediate: 5_504,
        layers: 24,
        heads: 16,
        kv_heads: 16,
        head_dim: 128,
        vocabulary: 32_256,
        context: 16_384,
        rms_eps: 1e-6,
        rope_theta: 100_000.0,
        rope_scaling: RopeScaling::Linear { factor: 4.0 },
        qkv_bias: false,
        tied: false,
        bos: Some(32_013),
        eos: vec![32_014],
        pad: None,
    }
}

/// Numbers that a run trains.
pub fn trained_parameters(config: &ModelConfig, trained: &Trained) -> u64 {
    match trained {
        Trained::Lora(lora) => lora.parameters(config),
        Trained::Full => config.parameters(),
    }
}

/// Bytes that a run takes with micro-batches of so many tokens, padding included. Where the precision is left to the device,
/// that of CUDA (bf16) is meant.
pub fn bytes(config: &ModelConfig, options: &Options, micro_tokens: usize) -> u64 {
    let number = if options.precision == Precision::F32 { 4.0 } else { 2.0 };
    let (h, i) = (config.hidden as f64, config.intermediate as f64);
    let (q, k) = ((config.heads * config.head_dim) as f64, (config.kv_heads * config.head_dim) as f64);
    let (layers, vocabulary, tokens) = (config.layers as f64, config.vocabulary as f64, micro_tokens as f64);
    let projections = config.projection_parameters() as f64;
    let others = config.parameters() as f64 - projections;
    let trained = trained_parameters(config, &options.trained) as f64;
    let (weights, training, rank) = match &options.trained {
        Trained::Lora(lora) => {
            let each = if options.nf4 { 0.5 + 1.0 / 64.0 + 4.0 / (64.0 * 256.0) } else { number };
            let copies = if number < 4.0 { 2.0 } else { 0.0 };
            (projections * each + others * number, trained * (16.0 + copies), (lora.r * lora.targets.len()) as f64)
        }
        Trained::Full => (if number < 4.0 { (projections + others) * number } else { 0.0 }, trained * 16.0, 0.0),
    };
    let spread = if config.heads > config.kv_heads { 2.0 * q } else { 0.0 };
    let layer = number * (2.0 * h + 3.0 * q + 2.0 * k + spread + 2.0 * i + rank) + 8.0;
    let kept = match options.recompute_layers {
        0 => layers * layer,
        segment => {
            let segment = segment.min(config.layers);
            config.layers.div_ceil(segment) as f64 * number * h + segment as f64 * layer
        }
    };
    let in_flight = number * (2.0 * h + 2.0 * i + 2.0 * h);
    let copies = if number < 4.0 { 4.0 } else { 0.0 };
    let loss = options.loss_chunk.min(micro_tokens) as f64 * vocabulary * (4.0 + copies);
    (weights + training + tokens * (kept + in_flight) + loss) as u64
}

/// Operations of one example's forward and backward pass.
pub fn flops(config: &ModelConfig, options: &Options, length: usize, trained_tokens: usize) -> f64 {
    let n = length as f64;
    let projections = 2.0 * config.projection_parameters() as f64 * n;
    let attention = 2.0 * (config.heads * config.head_dim) as f64 * (n + 1.0) * n * config.layers as f64;
    let output = 2.0 * (config.vocabulary * config.hidden) as f64 * trained_tokens as f64;
    let recompute = if options.recompute_layers > 0 { projections + attention } else { 0.0 };
    let weights = match &options.trained {
        // Both matrices: forward, for inputs, for weights.
        Trained::Lora(lora) => 6.0 * lora.parameters(config) as f64 * n,
        Trained::Full => projections + output,
    };
    // Attention has two products forward and four backward.
    projections * 2.0 + attention * 3.0 + output * 2.0 + weights + recompute
}

/// A way to run, and what it would take.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Way {
    /// The flags, beside those of the run.
    pub flags: String,
    /// Tokens of a micro-batch.
    pub micro_tokens: usize,
    /// Bytes.
    pub bytes: u64,
}

/// What a run would take in other ways with micro-batches of so many tokens, the greatest first.
pub fn ways(config: &ModelConfig, options: &Options, micro_tokens: usize) -> Vec<Way> {
    let mut out = Vec::new();
    let lora = matches!(options.trained, Trained::Lora(_));
    for recompute in [0, 1] {
        for nf4 in [false, true] {
            for precision in [Precision::F32, Precision::Bf16] {
                if nf4 && (!lora || precision == Precision::F32) {
                    continue;
                }
                let other = Options { recompute_layers: recompute, nf4, precision, ..options.clone() };
                let word = if precision == Precision::F32 { "f32" } else { "bf16" };
                let flags = format!(
                    "--precision {word}{}{}",
                    if nf4 { " --nf4" } else { "" },
                    if recompute > 0 { " --recompute 1" } else { "" }
                );
                out.push(Way { flags, micro_tokens, bytes: bytes(config, &other, micro_tokens) });
            }
        }
    }
    out.sort_by_key(|way| std::cmp::Reverse(way.bytes));
    out
}

/// The same as a table for people.
pub fn table(config: &ModelConfig, options: &Options, micro_tokens: usize) -> String {
    let mut out = format!("what would fit, by estimate, at {micro_tokens} tokens per micro-batch:\n");
    for way in ways(config, options, micro_tokens) {
        out.push_str(&format!("  {:>9}  {}\n", gigabytes(way.bytes), way.flags));
    }
    out.push_str("and less with a lower --max-len, or `--too-long drop`");
    out
}

/// Bytes as people read them.
pub fn gigabytes(bytes: u64) -> String {
    if bytes < 100_000_000 { format!("{:.1} MB", bytes as f64 / 1e6) } else { format!("{:.1} GB", bytes as f64 / 1e9) }
}
