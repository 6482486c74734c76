//! Special tokens of language models at the ends of a text.

use super::{CleanContext, Cleaner, Example};

/// Tokens that end a text.
const ENDS: &[&str] = &[
    "</s>",
    "<|endoftext|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|end|>",
    "<eos>",
    "<end_of_turn>",
    "<\u{ff5c}end\u{2581}of\u{2581}sentence\u{ff5c}>",
];

/// Tokens that start one.
const STARTS: &[&str] = &["<s>", "<|begin_of_text|>", "<|startoftext|>", "<bos>"];

/// See [`Cleaner::doc`].
pub(super) static CLEANER: Cleaner = Cleaner {
    name: "eos-token-removed",
    doc: "Removes the tokens by which language models mark the start and end of a text.",
    exact: true,
    instructions: true,
    examples: &[
        Example { before: "x = 1\n</s>", after: Some("x = 1") },
        Example { before: "<s>x = 1<|im_end|>\n<|endoftext|>", after: Some("x = 1") },
        Example { before: "x = '</s>'\n", after: None },
    ],
    apply,
};

fn apply(text: &str, _: &CleanContext) -> Option<String> {
    let mut rest = text;
    loop {
        let trimmed = rest.trim_end();
        match ENDS.iter().find_map(|token| trimmed.strip_suffix(token)) {
            Some(shorter) => rest = shorter.trim_end(),
            None => break,
        }
    }
    while let Some(shorter) = STARTS.iter().find_map(|token| rest.trim_start().strip_prefix(token)) {
        rest = shorter.strip_prefix(' ').unwrap_or(shorter);
    }
    (rest.len() < text.len()).then(|| rest.to_owned())
}
