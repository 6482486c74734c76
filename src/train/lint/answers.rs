//! E07 and E09: what an answer must not hold, and that it is Python.

use std::sync::LazyLock;

use rayon::prelude::*;
use regex::Regex;

use super::rows::{Refused, Row, Subject};
use super::{Check, Found, Named, Outcome, Severity, rows_are};
use crate::analyze::facts::Syntax;
use crate::analyze::parse;

/// What chat and instruction formats put around turns, in small letters; tokens as `<|im_start|>` are told by their form.
const MARKERS: &[&str] = &[
    "### instruction:",
    "### response:",
    "### input:",
    "### system:",
    "### user:",
    "### human:",
    "### assistant:",
    "[inst]",
    "[/inst]",
    "<<sys>>",
    "<</sys>>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<fim_prefix>",
    "<fim_middle>",
    "<fim_suffix>",
];

/// Tokens that models have for turns, ends, headers and gaps: `<|eot_id|>`, `<｜begin▁of▁sentence｜>`.
static TOKENS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<[|｜][\w▁.-]{1,40}[|｜]>").expect("the pattern is legal"));

/// E07.
pub static FOREIGN_TEXT: Check = Check {
    code: "E07",
    name: "foreign-text",
    severity: Severity::Error,
    doc: "An answer holds a code fence, a marker of a prompt format, or a special token in its middle.",
    remedy: "Export without --fence (a template that fences does so itself), read the source with the cleaner fence-stripped, or leave the rows out.",
    run: |subject| {
        let found: Vec<Named> = subject
            .rows
            .par_iter()
            .filter_map(|row| {
                let detail = foreign(subject, row)?;
                Some(Named { id: row.name.clone(), side: row.side, detail })
            })
            .collect();
        Found::of_rows(found, |count| format!("in {} the answer holds what belongs around it", rows_are(count)))
    },
};

/// What an answer holds that it should not.
fn foreign(subject: &Subject<'_>, row: &Row) -> Option<String> {
    let marked = match &row.ids {
        Err(Refused::SpecialText(refused)) => return Some(refused.clone()),
        Err(Refused::Other(_)) => None,
        Ok(marked) => Some(marked),
    };
    if let Some((marked, range)) = marked.and_then(|marked| Some((marked, marked.answer.clone()?))) {
        let ids = &marked.ids[range];
        // What ends another trainer's answer, and perhaps a line end behind it, is part of what it trains.
        let inner = ids.len().saturating_sub(if subject.dataset.is_some() { 0 } else { 2 });
        let special = ids[..inner].iter().position(|id| subject.tokenizer.never_from_text(*id));
        if let Some(at) = special {
            return Some(format!("token {at} of the answer is the special token `{}`", subject.token(ids[at])));
        }
    }
    let response = row.response.as_deref()?;
    for (at, line) in response.lines().enumerate() {
        let line = line.trim();
        let small = line.to_lowercase();
        let marker = MARKERS.iter().find(|marker| small.contains(**marker)).map(|marker| (*marker).to_owned());
        let marker = marker.or_else(|| TOKENS.find(line).map(|token| token.as_str().to_owned()));
        let fixed = || subject.fixed_lines.iter().find(|fixed| *fixed == line).cloned();
        if line.starts_with("```") || line.starts_with("~~~") {
            return Some(format!("line {} is a code fence", at + 1));
        }
        if line.contains("```") {
            return Some(format!("line {} holds a code fence", at + 1));
        }
        if let Some(marker) = marker.or_else(fixed) {
            return Some(format!("line {} holds `{marker}`", at + 1));
        }
    }
    None
}

/// The code of an answer: what stands inside the fence, where the whole of it is one fenced block.
fn code(response: &str) -> &str {
    let text = response.trim();
    let Some(fence) = text.lines().next().filter(|line| line.starts_with("```")) else { return response };
    let ticks = &fence[..fence.bytes().take_while(|byte| *byte == b'`').count()];
    match text[fence.len()..].strip_suffix(ticks) {
        Some(inside) if inside.ends_with('\n') && !inside.contains(&format!("\n{ticks}")) => inside,
        _ => response,
    }
}

/// E09.
pub static UNPARSED: Check = Check {
    code: "E09",
    name: "does-not-parse",
    severity: Severity::Error,
    doc: "An answer is no Python; inside a fence that is the whole of it, what stands there.",
    remedy: "Add is:valid to the query; `scenery query -is:valid` shows the rows.",
    run: |subject| {
        let told = subject.rows.iter().filter(|row| row.response.is_some()).count();
        if told == 0 {
            return Outcome::Untold("where an answer begins is not known (`prompt_ids`)".to_owned());
        }
        let found: Vec<Named> = parse::pool().install(|| {
            subject
                .rows
                .par_iter()
                .filter_map(|row| {
                    let Syntax::Invalid(error) = parse::check(code(row.response.as_deref()?)) else { return None };
                    let detail = format!("line {}, column {}: {}", error.line, error.column, error.message);
                    Some(Named { id: row.name.clone(), side: row.side, detail })
                })
                .collect()
        });
        Found::of_rows(found, |count| format!("in {} the answer is no Python", rows_are(count)))
    },
};

#[cfg(test)]
mod tests {
    use super::super::rows::for_tests::{clean, codes, counts, lint_without, scene};
    use super::*;

    fn with(response: &str) -> super::super::Report {
        let mut examples = clean();
        examples[2].fields.insert("response".to_owned(), response.to_owned());
        lint_without(examples, &["W11"])
    }

    #[test]
    fn fences_markers_and_texts_of_special_tokens_are_e07() {
        let fenced = with(&format!("```python\n{}```", scene(2)));
        assert_eq!(codes(&fenced), ["E07"], "what stands in the fence parses: {:#?}", fenced.findings);
        assert!(fenced.findings[0].rows[0].detail.contains("line 1 is a code fence"));
        for text in [
            "# ### Response:\n",
            "# Below is an instruction that describes a task. Write a response that appropriately completes the request.\n",
        ] {
            let marked = with(&format!("{text}{}", scene(2)));
            let marked =
                if codes(&marked).is_empty() { with(&format!("'''\n{}'''\n{}", &text[2..], scene(2))) } else { marked };
            assert_eq!(codes(&marked), ["E07"], "{text}");
        }
        for marker in [
            "### USER:",
            "### Assistant:",
            "[inst]",
            "<|start_header_id|>",
            "<|FIM_middle|>",
            "<｜begin▁of▁sentence｜>",
            "<|im_sep|>",
            "```",
        ] {
            let marked = with(&format!("{}# said {marker} here\n", scene(2)));
            assert_eq!(codes(&marked), ["E07"], "{marker}");
        }
        // A strike-through tag of Pango is what some tokenizers end texts by.
        let special =
            with(&scene(2).replace("circle = Circle", "t = MarkupText('<s>no</s>')\n        circle = Circle"));
        assert_eq!(codes(&special), ["E07"]);
        assert!(special.findings[0].rows[0].detail.contains("special token"), "{:?}", special.findings[0].rows);
        for code in [scene(2).replace("radius=2", "radius=2.5"), scene(2) + "        x = 1 < 2 | 3 > 1  # a | b\n"] {
            assert!(codes(&with(&code)).is_empty(), "{code}");
        }
    }

    #[test]
    fn what_is_no_python_is_e09() {
        let report = with("from manim import *\n\nclass A(Scene):\n    def construct(self)\n        pass\n");
        assert_eq!(counts(&report), [("E09", 1)].into_iter().collect());
        assert!(report.findings[0].rows[0].detail.starts_with("line 4"), "{:?}", report.findings[0].rows);
    }

    #[test]
    fn a_fence_is_taken_off_only_where_it_is_the_whole() {
        assert_eq!(code("```python\nx = 1\n```"), "\nx = 1\n");
        for text in ["x = 1", "```python\nx = 1", "a\n```\nx\n```", "```\nx\n```\ny\n```"] {
            assert_eq!(code(text), text);
        }
    }
}
