//! `text`: the whole text that a model is trained on, rendered by a prompt template.

use serde_json::{Value, json};

use super::{Example, Format, object};

/// The format `text`.
pub static FORMAT: Format = Format {
    name: "text",
    doc: "One string, rendered by a prompt template whose digest stands in the manifest.",
    version: 1,
    takes_system: true,
    takes_roles: false,
    takes_template: true,
    mlx: true,
    llama_factory: |_| object([("columns", json!({ "prompt": "text" }))]),
    hf_features: |_| Vec::new(),
    examples: &[Example {
        preset: "",
        system: "",
        instruction: "Draw a circle. ",
        code: "from manim import *\n",
        facts: "{}",
        row: r###"{"text":"Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\nDraw a circle.\n\n### Response:\nfrom manim import *</s>"}"###,
    }],
    row: |subject| {
        let template = subject.style.template.as_ref().expect("a request in this format always resolves a template");
        let rendered = template.render(&[("instruction", subject.instruction), ("response", &subject.answer())])?;
        Ok(Value::Object(object([("text", json!(rendered.text))])))
    },
};
