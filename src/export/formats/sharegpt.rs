//! `sharegpt`: conversations with role tags that may be chosen.

use serde_json::{Value, json};

use super::{Example, Format, object};

/// The format `sharegpt`.
pub static FORMAT: Format = Format {
    name: "sharegpt",
    doc: "ShareGPT's `conversations` with chosen role tags (system, human and gpt unless said), and the source.",
    version: 1,
    takes_system: true,
    takes_roles: true,
    takes_template: false,
    mlx: false,
    llama_factory: |style| {
        object([
            ("formatting", json!("sharegpt")),
            ("columns", json!({ "messages": "conversations" })),
            (
                "tags",
                json!({ "role_tag": "from", "content_tag": "value", "user_tag": style.roles.user,
                        "assistant_tag": style.roles.assistant, "system_tag": style.roles.system }),
            ),
        ])
    },
    hf_features: |_| Vec::new(),
    examples: &[
        Example {
            preset: "",
            system: "",
            instruction: "Draw a circle.",
            code: "from manim import *\n",
            facts: "{}",
            row: r#"{"conversations":[{"from":"human","value":"Draw a circle."},{"from":"gpt","value":"from manim import *\n"}],"source":"starter"}"#,
        },
        Example {
            preset: "manim",
            system: "",
            instruction: "Draw a circle.",
            code: "from manim import *\n",
            facts: "{}",
            row: r#"{"conversations":[{"from":"system","value":"You are a Manim code generator. Create clean, working Manim animations using ManimCE syntax. Always wrap code in Python code blocks."},{"from":"user","value":"Draw a circle."},{"from":"assistant","value":"```python\nfrom manim import *\n```"}],"source":"starter"}"#,
        },
    ],
    row: |subject| {
        let turn = |from: &str, value: String| json!({ "from": from, "value": value });
        let roles = &subject.style.roles;
        let mut turns = Vec::with_capacity(3);
        if let Some(system) = &subject.style.system {
            turns.push(turn(&roles.system, system.clone()));
        }
        turns.push(turn(&roles.user, subject.instruction.to_owned()));
        turns.push(turn(&roles.assistant, subject.answer()));
        Ok(Value::Object(object([("conversations", Value::Array(turns)), ("source", json!(subject.sample.source))])))
    },
};
