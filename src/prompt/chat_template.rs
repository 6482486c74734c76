//! `chat_template.jinja`: a template in the language in which transformers and inference servers render conversations.
//!
//! Rendered with one user message (a system message before it where the template has that field, the answer after it), it
//! gives the text of [`Template::render`], and with `add_generation_prompt` that of [`Template::prompt`]. Special tokens
//! stand as their texts. What the template has no place for is refused (`raise_exception`), not left out.

use std::fmt::Write;
use std::path::Path;

use super::contract::Contract;
use super::files::write_whole;
use super::{Norm, PromptError, Segment, Template};

/// Name of the file beside the tokenizer's.
pub const CHAT_TEMPLATE: &str = "chat_template.jinja";

/// Everything that [`str::trim`] takes for white space; Python's `strip()` takes four control characters more.
const WHITE_SPACE: &str = " \\t\\n\\u000b\\f\\r\\u0085\\u00a0\\u1680\\u2000\\u2001\\u2002\\u2003\\u2004\\u2005\\u2006\\u2007\\u2008\\u2009\\u200a\
                           \\u2028\\u2029\\u202f\\u205f\\u3000";

/// Writes the Jinja text of a contract's template.
///
/// # Errors
/// [`PromptError::Invalid`] where the template has a field that is no message: another than `system`, `instruction` and
/// `response`.
pub fn chat_template(contract: &Contract) -> Result<String, PromptError> {
    jinja(&contract.template)
}

/// Writes the Jinja text of a contract's template to `chat_template.jinja` in a folder.
///
/// # Errors
/// As [`chat_template`]; [`PromptError::File`].
pub fn write(contract: &Contract, folder: &Path) -> Result<(), PromptError> {
    let path = folder.join(CHAT_TEMPLATE);
    let text = chat_template(contract)?;
    write_whole(&path, text.as_bytes()).map_err(|source| PromptError::File { action: "write", path, source })
}

/// A string in Jinja's notation, which is JSON's as far as it is used here.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// What ends a rendering with an error.
fn refuse(message: &str) -> String {
    format!("{{{{- raise_exception({}) -}}}}\n", quoted(message))
}

fn jinja(template: &Template) -> Result<String, PromptError> {
    let mut out = String::from("{%- set given = namespace(system=none, instruction=none, response=none) -%}\n");
    let system = template.has_field("system");
    let takes = if system { "a system message if you like, " } else { "no system message, " };
    let order = format!("prompt template {} takes {takes}one user message, and its answer", template.id);
    out.push_str("{%- for message in messages -%}\n");
    out.push_str("{%- if message['content'] is not string -%}\n");
    out.push_str(&refuse("the content of a message must be text"));
    if system {
        out.push_str("{%- elif message['role'] == 'system' and loop.first -%}\n");
        out.push_str("{%- set given.system = message['content'] -%}\n");
    }
    out.push_str("{%- elif message['role'] == 'user' and given.instruction is none -%}\n");
    out.push_str("{%- set given.instruction = message['content'] -%}\n");
    out.push_str(
        "{%- elif message['role'] == 'assistant' and given.instruction is not none and given.response is none -%}\n",
    );
    out.push_str("{%- set given.response = message['content'] -%}\n");
    let _ = write!(out, "{{%- else -%}}\n{}{{%- endif -%}}\n{{%- endfor -%}}\n", refuse(&order));
    let _ = write!(out, "{{%- if given.instruction is none -%}}\n{}", refuse(&order));
    out.push_str("{%- elif given.response is not none and add_generation_prompt -%}\n");
    let _ = writeln!(out, "{}{{%- endif -%}}", refuse("the answer is there already: nothing is left to generate"));
    // What follows the last value of the prompt opens the answer: a prompt without an answer has it on demand.
    let is_value = |segment: &Segment| matches!(segment, Segment::Field { .. }) && !segment.trained();
    let opening = template.segments.iter().rposition(is_value).map_or(0, |at| at + 1);
    for (at, segment) in template.segments.iter().enumerate() {
        if at == opening {
            out.push_str("{%- if given.response is not none or add_generation_prompt -%}\n");
        }
        if at > 0 && segment.trained() && !template.segments[at - 1].trained() {
            out.push_str("{%- if given.response is not none -%}\n");
        }
        match segment {
            Segment::Special { name, .. } => put(&mut out, template.specials.get(name).map_or("", String::as_str)),
            Segment::Text { text, .. } => put(&mut out, text),
            Segment::Field { name, norm, default, .. } => {
                if !["system", "instruction", "response"].contains(&name.as_str()) {
                    let message =
                        format!("the field `{name}` is no message of a conversation: system, instruction, response");
                    return Err(PromptError::Invalid { id: template.id.clone(), message });
                }
                let normed: String = norm.iter().map(|norm| method(*norm)).collect();
                let _ = writeln!(out, "{{%- if given.{name} is not none -%}}\n{{{{- given.{name}{normed} -}}}}");
                out.push_str("{%- else -%}\n");
                match default {
                    Some(default) => put(&mut out, &norm.iter().fold(default.clone(), |text, norm| norm.apply(text))),
                    None => out.push_str(&refuse(&format!("prompt template {} needs the {name}", template.id))),
                }
                out.push_str("{%- endif -%}\n");
            }
        }
    }
    out.push_str("{%- endif -%}\n{%- endif -%}\n");
    Ok(out)
}

fn put(out: &mut String, text: &str) {
    if !text.is_empty() {
        let _ = writeln!(out, "{{{{- {} -}}}}", quoted(text));
    }
}

/// A norm as calls of Python's methods of strings.
fn method(norm: Norm) -> String {
    match norm {
        Norm::Trim => format!(".strip(\"{WHITE_SPACE}\")"),
        Norm::TrimEnd => format!(".rstrip(\"{WHITE_SPACE}\")"),
        Norm::Nl => ".replace(\"\\r\\n\", \"\\n\").replace(\"\\r\", \"\\n\")".to_owned(),
    }
}
