//! `alpaca`: instruction, input and output, with what is known of the sample.

use serde_json::{Value, json};

use super::{Example, Format, object};
use crate::sample::{FactValue, Sample};

/// The format `alpaca`.
pub static FORMAT: Format = Format {
    name: "alpaca",
    doc: "Stanford Alpaca's instruction, input and output, with metadata of the sample.",
    version: 1,
    takes_system: true,
    takes_roles: false,
    takes_template: false,
    mlx: false,
    llama_factory: |style| {
        let mut columns =
            object([("prompt", json!("instruction")), ("query", json!("input")), ("response", json!("output"))]);
        if style.system.is_some() {
            columns.insert("system".to_owned(), json!("system"));
        }
        object([("formatting", json!("alpaca")), ("columns", Value::Object(columns))])
    },
    hf_features: |style| {
        let system: &[&str] = if style.system.is_some() { &["- name: system", "  dtype: string"] } else { &[] };
        [system, FEATURES].concat()
    },
    examples: &[
        Example {
            preset: "",
            system: "",
            instruction: "Draw a circle.",
            code: "from manim import *\n",
            facts: "{}",
            row: r#"{"instruction":"Draw a circle.","input":"","output":"from manim import *\n","metadata":{"source":"starter","quality_score":null,"complexity":null,"concepts":null,"manim_features":null,"estimated_duration":null,"compilation_tested":null,"has_video":null}}"#,
        },
        Example {
            preset: "",
            system: "Be brief.",
            instruction: "Draw a circle.",
            code: "pass",
            facts: r#"{"quality":87,"complexity":"basic","topic":{"geometry":2,"algebra":1},"uses":{"Create":1,"Circle":3},"duration":4.10000001}"#,
            row: r#"{"system":"Be brief.","instruction":"Draw a circle.","input":"","output":"pass","metadata":{"source":"starter","quality_score":0.87,"complexity":"beginner","concepts":["algebra","geometry"],"manim_features":["Circle","Create"],"estimated_duration":4.1,"compilation_tested":null,"has_video":null}}"#,
        },
    ],
    row: |subject| {
        let sample = subject.sample;
        let metadata = object([
            ("source", json!(sample.source)),
            ("quality_score", rounded(sample.facts.number("quality").map(|score| score / 100.0), 4)),
            ("complexity", json!(complexity(sample))),
            ("concepts", names(sample, "topic")),
            ("manim_features", names(sample, "uses")),
            ("estimated_duration", rounded(sample.facts.number("duration"), 3)),
            ("compilation_tested", compiled(sample)),
            ("has_video", if sample.meta.contains_key("video") { json!(true) } else { Value::Null }),
        ]);
        let mut row = serde_json::Map::new();
        if let Some(system) = &subject.style.system {
            row.insert("system".to_owned(), json!(system));
        }
        row.insert("instruction".to_owned(), json!(subject.instruction));
        row.insert("input".to_owned(), json!(""));
        row.insert("output".to_owned(), json!(subject.answer()));
        row.insert("metadata".to_owned(), Value::Object(metadata));
        Ok(Value::Object(row))
    },
};

/// The types of the columns; several may be null in a whole part of a file.
const FEATURES: &[&str] = &[
    "- name: instruction",
    "  dtype: string",
    "- name: input",
    "  dtype: string",
    "- name: output",
    "  dtype: string",
    "- name: metadata",
    "  struct:",
    "  - name: source",
    "    dtype: string",
    "  - name: quality_score",
    "    dtype: float64",
    "  - name: complexity",
    "    dtype: string",
    "  - name: concepts",
    "    sequence: string",
    "  - name: manim_features",
    "    sequence: string",
    "  - name: estimated_duration",
    "    dtype: float64",
    "  - name: compilation_tested",
    "    dtype: bool",
    "  - name: has_video",
    "    dtype: bool",
];

/// The complexity in the words of exports: `beginner` for `basic`.
pub(in crate::export) fn complexity(sample: &Sample) -> Option<&str> {
    match sample.facts.word("complexity") {
        Some("basic") => Some("beginner"),
        other => other,
    }
}

/// A number with at most so many decimals, null where unknown.
fn rounded(value: Option<f64>, decimals: i32) -> Value {
    let scale = 10f64.powi(decimals);
    value.map_or(Value::Null, |value| json!((value * scale).round() / scale))
}

/// The names of a set, sorted; null where the set is unknown.
fn names(sample: &Sample, feature: &str) -> Value {
    match sample.facts.get(feature) {
        FactValue::Set(set) => json!(set.keys().collect::<Vec<_>>()),
        _ => Value::Null,
    }
}

/// Whether the scene was run to its end: null until a validation at level `run` or above is recorded.
fn compiled(sample: &Sample) -> Value {
    match sample.facts.word("validated") {
        Some("run" | "frame" | "render") => json!(true),
        _ => Value::Null,
    }
}
