//! What is written of answers: a JSON line each, and how many parse.

use serde::Serialize;
use serde_json::{Value, json};

use super::prompts::Item;
use super::{Generated, Options};
use crate::analyze::facts::Syntax;
use crate::analyze::parse;
use crate::prompt::{Segment, Template};

/// What is the same of all answers of a generation.
#[derive(Clone, Debug, Serialize)]
pub struct About {
    /// What it was generated from: a run's name, or a folder.
    pub model: String,
    /// Digest of the contract.
    pub contract: String,
    /// Whether the contract was made for a model that has none.
    pub zero_shot: bool,
    /// Id of the prompt template.
    pub template: String,
    /// `none`, `auto`, `text` or `skeleton`.
    pub forcing: &'static str,
    /// SHA-256 of the tokens that are forced, run by run; none where none are.
    pub forced_sha256: Option<String>,
    /// Whether the frozen projections were kept in 4 bits.
    pub nf4: bool,
    /// What was computed in: `f32` or `bf16`.
    pub precision: &'static str,
    /// What was asked.
    pub options: Options,
}

/// Whether a text is Python, and where it is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parsed {
    /// Whether it is.
    pub parses: bool,
    /// The first error: its line, from 1, and what is wrong.
    pub error: Option<String>,
}

impl Parsed {
    /// Parses a text; a blank one is no program.
    pub fn of(code: &str) -> Parsed {
        if code.trim().is_empty() {
            return Parsed { parses: false, error: Some("it is empty".to_owned()) };
        }
        match parse::check(code) {
            Syntax::Valid | Syntax::Newer => Parsed { parses: true, error: None },
            Syntax::Invalid(error) => {
                Parsed { parses: false, error: Some(format!("line {}: {}", error.line, error.message)) }
            }
        }
    }
}

/// The response in an answer: the answer without the constant text that the template trains around the response.
pub fn response<'t>(template: &Template, text: &'t str) -> &'t str {
    let at = template.segments.iter().position(|each| matches!(each, Segment::Field { train: true, .. }));
    let Some(at) = at else { return text };
    let constant = |segment: &Segment| match segment {
        Segment::Text { text, train: true } => Some(text.clone()),
        _ => None,
    };
    let before: String = template.segments[..at].iter().filter_map(constant).collect();
    let behind: String = template.segments[at..].iter().filter_map(constant).collect();
    let text = text.strip_prefix(before.as_str()).unwrap_or(text);
    text.strip_suffix(behind.as_str()).unwrap_or(text)
}

/// An answer as a line of a file.
pub fn line(item: &Item, generated: &Generated, code: &str, parsed: &Parsed, about: &About) -> Value {
    let ranges: Vec<[usize; 2]> = generated.forced.iter().map(|range| [range.start, range.end]).collect();
    let slots: Vec<Value> = generated
        .slots
        .iter()
        .map(|slot| json!({ "tokens": [slot.tokens.start, slot.tokens.end], "ended": slot.ended }))
        .collect();
    let mut out = json!({
        "fields": item.fields,
        "text": generated.text,
        "code": code,
        "parses": parsed.parses,
        "parse_error": parsed.error,
        "stop": generated.stop,
        "stop_string": generated.stop_string,
        "tokens": generated.ids,
        "forced": ranges,
        "slots": slots,
        "prompt_sha256": generated.prompt_sha256,
        "prompt_tokens": generated.prompt_tokens,
        "generated_tokens": generated.generated_tokens(),
        "forced_tokens": generated.forced_tokens(),
        "log_probability": generated.log_probability,
        "beam_score": generated.beam_score,
        "made_by": about,
    });
    if let (Some(id), Some(map)) = (&item.id, out.as_object_mut()) {
        map.shift_insert(0, "id".to_owned(), json!(id));
    }
    out
}

/// The interval of a share that is `hits` of `all`, by Wilson (1927), at 95 %; 0 to 1 where there is nothing.
pub fn wilson(hits: u64, all: u64) -> (f64, f64) {
    /// The 97.5th percentile of the normal distribution.
    const Z: f64 = 1.959_963_984_540_054;
    if all == 0 {
        return (0.0, 1.0);
    }
    let (n, share) = (all as f64, hits as f64 / all as f64);
    let middle = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    // At the ends the interval ends there too; rounding must not go beyond.
    let low = if hits == 0 { 0.0 } else { middle - half };
    let high = if hits == all { 1.0 } else { middle + half };
    (low, high)
}

/// A share in words: `41 of 57 (71.9 %, 95 % interval 59 to 82)`.
pub fn share(hits: u64, all: u64) -> String {
    let (low, high) = wilson(hits, all);
    let percent = if all == 0 { 0.0 } else { 100.0 * hits as f64 / all as f64 };
    format!("{hits} of {all} ({percent:.1} %, 95 % interval {:.0} to {:.0})", 100.0 * low, 100.0 * high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilsons() {
        // R: prop.test(41, 57, correct = FALSE) gives 0.5917 to 0.8195; 0 of 10 gives 0 to 0.2775.
        let (low, high) = wilson(41, 57);
        assert!((low - 0.591_7).abs() < 5e-4 && (high - 0.819_5).abs() < 5e-4, "{low} {high}");
        let (low, high) = wilson(0, 10);
        assert!(low == 0.0 && (high - 0.277_5).abs() < 5e-4, "{high}");
        assert_eq!(wilson(10, 10).1, 1.0);
        assert_eq!(share(41, 57), "41 of 57 (71.9 %, 95 % interval 59 to 82)");
    }

    #[test]
    fn the_response_is_what_the_templates_own_constants_leave() {
        let toml = "id = \"t-1\"\ndoc = \"A test.\"\n[specials]\neos = \"E\"\n[[segments]]\nkind = \"field\"\nname = \"instruction\"\n[[segments]]\nkind = \"text\"\ntext = \"```python\\n\"\ntrain = true\n[[segments]]\nkind = \"field\"\nname = \"response\"\ntrain = true\n[[segments]]\nkind = \"text\"\ntext = \"\\n```\"\ntrain = true\n[[segments]]\nkind = \"special\"\nname = \"eos\"\ntrain = true\n";
        let template = Template::parse("t", toml).expect("a template");
        assert_eq!(response(&template, "```python\nx = 1\n```"), "x = 1");
        assert_eq!(response(&template, "```python\nx = 1\n"), "x = 1\n");
        assert_eq!(response(&template, "x = 1\n"), "x = 1\n");
        let alpaca = crate::prompt::templates::template("alpaca").expect("built in");
        assert_eq!(response(&alpaca, "x = 1\n```"), "x = 1\n```");
    }

    #[test]
    fn python_is_told_from_what_is_none() {
        assert!(Parsed::of("x = 1\n").parses);
        assert_eq!(Parsed::of("x = 1\nclass A(:\n").error.expect("an error").split(':').next(), Some("line 2"));
        assert!(!Parsed::of(" \n").parses);
    }
}
