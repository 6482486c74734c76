//! `prompt-completion`: two strings.

use serde_json::{Value, json};

use super::{Example, Format, object};

/// The format `prompt-completion`.
pub static FORMAT: Format = Format {
    name: "prompt-completion",
    doc: "Two strings, `prompt` and `completion`, as TRL and mlx-lm read them.",
    version: 1,
    takes_system: false,
    takes_roles: false,
    takes_template: false,
    mlx: true,
    llama_factory: |_| {
        object([("formatting", json!("alpaca")), ("columns", json!({ "prompt": "prompt", "response": "completion" }))])
    },
    hf_features: |_| Vec::new(),
    examples: &[Example {
        preset: "",
        system: "",
        instruction: "Draw a circle.",
        code: "from manim import *\n",
        facts: "{}",
        row: r#"{"prompt":"Draw a circle.","completion":"from manim import *\n"}"#,
    }],
    row: |subject| {
        let members = [("prompt", json!(subject.instruction)), ("completion", json!(subject.answer()))];
        Ok(Value::Object(object(members)))
    },
};
