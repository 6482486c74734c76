//! `messages`: the chat form of OpenAI's fine-tuning files.

use serde_json::{Value, json};

use super::{Example, Format, object};

/// The format `messages`.
pub static FORMAT: Format = Format {
    name: "messages",
    doc: "OpenAI's chat form: `messages` with the roles system (where one is given), user and assistant.",
    version: 1,
    takes_system: true,
    takes_roles: false,
    takes_template: false,
    mlx: true,
    llama_factory: |_| {
        object([
            ("formatting", json!("sharegpt")),
            ("columns", json!({ "messages": "messages" })),
            (
                "tags",
                json!({ "role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant",
                        "system_tag": "system" }),
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
            row: r#"{"messages":[{"role":"user","content":"Draw a circle."},{"role":"assistant","content":"from manim import *\n"}]}"#,
        },
        Example {
            preset: "",
            system: "Be brief.",
            instruction: "Zeichne „π“.",
            code: "x = '\t'",
            facts: "{}",
            row: r#"{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Zeichne „π“."},{"role":"assistant","content":"x = '\t'"}]}"#,
        },
    ],
    row: |subject| {
        let turn = |role: &str, content: String| json!({ "role": role, "content": content });
        let mut turns = Vec::with_capacity(3);
        if let Some(system) = &subject.style.system {
            turns.push(turn("system", system.clone()));
        }
        turns.push(turn("user", subject.instruction.to_owned()));
        turns.push(turn("assistant", subject.answer()));
        Ok(Value::Object(object([("messages", Value::Array(turns))])))
    },
};
