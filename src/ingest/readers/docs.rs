//! The `docs` reader: `.rst` and `.md`, and docstrings of `.py` where the recipe asks for them; a sample per
//! `.. manim::` directive or fenced block with a Scene.
//!
//! The code of a directive is what it is: the library puts `from manim import *` before it, which is for a cleaner to
//! do. Options: `docstrings` reads the docstrings of `.py` files; `code_blocks` also `.. code-block:: python` with a Scene;
//! `pages` also `<pre>` elements with a Scene in saved `.html` pages.
//!
//! Reasons of rejected rows: `no-code` for a directive without any, `syntax`, `not-utf8`, `unreadable`, `row-too-large`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use super::files::{Found, Settings, read_paths, read_text, wanted};
use super::python::{issues_of, load, not_parsed, prose_of};
use crate::analyze::facts::SyntaxError;
use crate::analyze::outline::{Outline, doc_strings, outline};
use crate::ingest::IngestError;
use crate::ingest::row::{Emit, Met, RawRow, ReadRequest, ReadSummary, Reader};
use crate::sample::{DescriptionKind, Dialect, RejectedRow};

/// The reader.
pub static READER: Reader = Reader {
    name: "docs",
    doc: "Documentation in .rst, .md and docstrings: a sample per manim directive or fenced block with a Scene.",
    read,
};

static DIRECTIVE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^([ \t]*)\.\. (manim|code-block|code|sourcecode)::[ \t]*(.*?)[ \t]*$")
        .expect("the pattern is well-formed")
});
static OPTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*:[^:\s][^:]*:").expect("the pattern is well-formed"));
static FENCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^([ \t]*)(`{3,}|~{3,})[ \t]*([^`]*)$").expect("the pattern is well-formed"));
static SCENE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^\s*class\s+\w+\s*\([^)]*Scene").expect("the pattern is well-formed"));

static PRE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?is)<pre\b[^>]*>(.*?)</pre>").expect("the pattern is well-formed"));
static BREAK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i)<br\s*/?>").expect("the pattern is well-formed"));
static TAG: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"</?[a-zA-Z][^>]*>").expect("the pattern is well-formed"));
static REFERENCE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"&(#?\w+);").expect("the pattern is well-formed"));

/// A piece of code in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Block {
    /// Whether it is a `manim` directive, whose code is complete once the library is imported.
    directive: bool,
    /// The first name after the directive.
    name: Option<String>,
    /// Its code, dedented.
    code: String,
    /// Line of the directive or fence, from 1.
    line: u32,
    /// Lines from there to the first of the code.
    offset: u32,
}

pub(super) fn read(request: &ReadRequest<'_>, emit: &mut Emit<'_>) -> Result<ReadSummary, IngestError> {
    read_paths(request, emit, read_folder)
}

fn read_folder(
    root: &Path,
    request: &ReadRequest<'_>,
    settings: &Settings,
    summary: &mut ReadSummary,
    emit: &mut Emit<'_>,
) -> Result<(), IngestError> {
    let mut endings = vec![".rst", ".md", ".markdown"];
    if settings.docstrings {
        endings.push(".py");
    }
    if settings.pages {
        endings.extend([".html", ".htm"]);
    }
    // What a plugin of the repository itself defines is told from what nothing defines.
    let project = if settings.external.is_empty() { None } else { Some(load(root, request, settings, &[])?.project) };
    let none = HashMap::new();
    let defined = project.as_ref().map_or(&none, |project| project.plugin_names());
    for file in wanted(root, &endings, settings)? {
        emit(Met::Progress(std::fs::metadata(&file.path).map_or(0, |data| data.len())))?;
        *summary.counts.entry("documents".to_owned()).or_default() += 1;
        match read_text(&file, request.max_row_bytes).and_then(|text| blocks_of(&file, &text, settings)) {
            Ok(blocks) => {
                let mut seen = HashMap::new();
                for block in blocks {
                    if let Some(met) = met(&file.rel, &block, settings, defined, &mut seen) {
                        let name = if block.directive { "directives" } else { "blocks" };
                        *summary.counts.entry(name.to_owned()).or_default() += 1;
                        emit(met)?;
                    }
                }
            }
            Err(row) => {
                *summary.counts.entry("unparsable".to_owned()).or_default() += 1;
                emit(Met::Rejected(row))?;
            }
        }
        summary.files.push(file.rel);
    }
    Ok(())
}

/// The blocks of a document, or of the docstrings of a module.
fn blocks_of(file: &Found, text: &str, settings: &Settings) -> Result<Vec<Block>, RejectedRow> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    if file.rel.ends_with(".html") || file.rel.ends_with(".htm") {
        return Ok(page_blocks(&text));
    }
    if !file.rel.ends_with(".py") {
        return Ok(blocks(&text, 1, !file.rel.ends_with(".rst"), settings.code_blocks));
    }
    // Cheaper than a tree, and a module without any directive is no document that could be rejected.
    if !text.contains(".. manim::") {
        return Ok(Vec::new());
    }
    let strings = doc_strings(&text).map_err(|verdict| not_parsed(&file.rel, &file.rel, &verdict))?;
    Ok(strings.iter().flat_map(|string| blocks(&string.text, string.line, false, settings.code_blocks)).collect())
}

/// Finds the blocks of a text whose first line has the number `first`.
fn blocks(text: &str, first: u32, fences: bool, code_blocks: bool) -> Vec<Block> {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = first + at as u32;
        if fences && let Some(captures) = FENCE.captures(lines[at]) {
            let (indent, mark, info) = (&captures[1], &captures[2], captures[3].trim().to_owned());
            let closes = |line: &str| {
                let line = line.trim();
                line.len() >= mark.len() && line.chars().all(|c| mark.starts_with(c))
            };
            let end = (at + 1..lines.len()).find(|index| closes(lines[*index])).unwrap_or(lines.len());
            let inside = &lines[at + 1..end];
            let word = info.split([' ', ',', '{', '}']).find(|word| !word.is_empty()).unwrap_or_default();
            if word == "eval-rst" {
                found.extend(blocks(&inside.join("\n"), line + 1, false, code_blocks));
            } else if word == "manim" && info.starts_with('{') {
                let name = info.trim_start_matches("{manim}").split_whitespace().next().map(str::to_owned);
                let options = inside.iter().take_while(|line| OPTION.is_match(line)).count();
                found.push(block(true, name, &inside[options..], line, options as u32 + 1));
            } else if matches!(word, "python" | "py" | "python3" | "Python") {
                let body: Vec<&str> = inside.iter().map(|line| line.strip_prefix(indent).unwrap_or(line)).collect();
                found.push(block(false, None, &body, line, 1));
            }
            at = end + 1;
            continue;
        }
        let Some(captures) = DIRECTIVE.captures(lines[at]) else {
            at += 1;
            continue;
        };
        let indent = width(&captures[1]);
        let mut body = at + 1;
        let belongs =
            |index: usize| lines.get(index).is_some_and(|line| line.trim().is_empty() || width(line) > indent);
        // Options follow at once, each with continuation lines that are indented deeper than it.
        let mut option_width = None;
        while belongs(body) && !lines[body].trim().is_empty() {
            let this = width(lines[body]);
            if OPTION.is_match(lines[body]) && option_width.is_none_or(|width| this <= width) {
                option_width = Some(this);
            } else if option_width.is_none_or(|width| this <= width) {
                break;
            }
            body += 1;
        }
        let mut end = body;
        while belongs(end) {
            end += 1;
        }
        let inside = &lines[body..end];
        let skipped = inside.iter().take_while(|line| line.trim().is_empty()).count();
        let offset = (body + skipped - at) as u32;
        if &captures[2] == "manim" {
            let name = captures[3].split_whitespace().next().map(str::to_owned);
            found.push(block(true, name, inside, line, offset));
            at = end;
        } else if code_blocks && matches!(&captures[3], "python" | "py" | "python3") {
            found.push(block(false, None, inside, line, offset));
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

fn block(directive: bool, name: Option<String>, lines: &[&str], line: u32, offset: u32) -> Block {
    let first = lines.iter().position(|line| !line.trim().is_empty()).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !line.trim().is_empty()).map_or(first, |last| last + 1);
    let lines = &lines[first..last];
    // As the library does: a session is its input.
    let prompts = ["... ", ">>> "];
    let session: Vec<&str>;
    let lines = if directive && lines.first().is_some_and(|line| line.trim_start().starts_with(">>> ")) {
        session = lines
            .iter()
            .filter_map(|line| prompts.iter().find_map(|prompt| line.trim_start().strip_prefix(prompt)))
            .collect();
        session.as_slice()
    } else {
        lines
    };
    let shared = lines.iter().filter(|line| !line.trim().is_empty()).map(|line| blanks(line)).min().unwrap_or(0);
    let mut code = String::new();
    for line in lines {
        code.push_str(line.get(shared..).unwrap_or_default().trim_end());
        code.push('\n');
    }
    Block { directive, name, code, line, offset }
}

/// The `<pre>` elements of a page.
fn page_blocks(text: &str) -> Vec<Block> {
    let found = PRE.captures_iter(text).filter_map(|captures| {
        let inside = captures.get(1)?;
        let line = text[..inside.start()].matches('\n').count() as u32 + 1;
        let code = unescaped(&TAG.replace_all(&BREAK.replace_all(inside.as_str(), "\n"), ""));
        let lines: Vec<&str> = code.split('\n').collect();
        Some(block(false, None, &lines, line, 0))
    });
    found.collect()
}

/// A text with its character references replaced; a blank that may not break becomes a blank.
fn unescaped(text: &str) -> String {
    let replaced = REFERENCE.replace_all(text, |captures: &regex::Captures<'_>| {
        let name = &captures[1];
        let number = match name.strip_prefix('#') {
            Some(digits) => match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => digits.parse().ok(),
            },
            None => None,
        };
        match (name, number.and_then(char::from_u32)) {
            ("lt", _) => "<".to_owned(),
            ("gt", _) => ">".to_owned(),
            ("quot", _) => "\"".to_owned(),
            ("apos", _) => "'".to_owned(),
            ("amp", _) => "&".to_owned(),
            ("nbsp", _) => " ".to_owned(),
            (_, Some(c)) => c.to_string(),
            _ => captures[0].to_owned(),
        }
    });
    replaced.replace('\u{a0}', " ")
}

/// Bytes of white space that a line begins with.
fn blanks(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// Columns of white space that a line begins with; a tab goes to the next multiple of 8.
fn width(line: &str) -> usize {
    let mut column = 0;
    for c in line.chars() {
        match c {
            ' ' => column += 1,
            '\t' => column = (column / 8 + 1) * 8,
            _ => break,
        }
    }
    column
}

/// What comes of a block; none for a fenced block without a Scene.
fn met(
    rel: &str,
    block: &Block,
    settings: &Settings,
    defined: &HashMap<String, String>,
    seen: &mut HashMap<String, u32>,
) -> Option<Met> {
    let line = block.line;
    let outlined = outline(&block.code);
    let scene = |outline: &Outline| {
        let mut classes = outline.items.iter().filter_map(|item| item.class.as_ref());
        classes
            .find(|class| class.has_construct && class.bases.iter().any(|base| base.ends_with("Scene")))
            .map(|class| class.name.clone())
    };
    if !block.directive {
        let is_scene = match &outlined {
            Ok(outline) => scene(outline).is_some(),
            Err(_) => SCENE.is_match(&block.code),
        };
        if !is_scene {
            return None;
        }
    }
    let given =
        block.name.clone().or_else(|| outlined.as_ref().ok().and_then(scene)).unwrap_or_else(|| "block".to_owned());
    let occurrence = seen.entry(given.clone()).or_default();
    *occurrence += 1;
    let name = if *occurrence == 1 { given.clone() } else { format!("{given}~{occurrence}") };
    let locator = format!("{rel}:{line}#{name}");
    if block.directive && block.code.trim().is_empty() {
        let detail = format!("the directive for {given} has no code");
        return Some(Met::Rejected(RejectedRow {
            file: rel.to_owned(),
            locator,
            reason: "no-code".to_owned(),
            detail,
        }));
    }
    let outline = match outlined {
        Ok(outline) => outline,
        Err(error) => {
            let error = SyntaxError { line: line + block.offset + error.line - 1, ..error };
            let locator = format!("{rel}:{}:{}#{name}", error.line, error.column);
            return Some(Met::Rejected(RejectedRow { locator, ..not_parsed(rel, "", &error) }));
        }
    };
    let (mut issues, dialect) = issues_of(&block.code, &outline, block.directive, settings, defined);
    let instruction = if settings.needs_description { None } else { prose_of(&outline, block.name.as_deref()) };
    if settings.needs_description {
        issues.push("needs-description".to_owned());
    }
    issues.sort();
    let description_kind = Some(if instruction.is_some() { settings.description_kind } else { DescriptionKind::None });
    Some(settings.filtered(RawRow {
        file: rel.to_owned(),
        locator,
        instruction,
        description_kind,
        code: block.code.clone(),
        key: Some(format!("{rel}#{name}")),
        meta: settings.meta(rel, &given),
        dialect: if block.directive { Some(Dialect::Ce) } else { dialect },
        issues,
        ..RawRow::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_continuation_lines_and_nesting_are_read_as_the_library_reads_them() {
        let text = "\
Text.

    .. manim:: Nested Second
        :save_last_frame:
        :ref_classes: Circle
            Square

        class Nested(Scene):
            def construct(self):
                pass

    After.

.. manim:: Empty

.. manim:: Plain

   x = 1
";
        let found = blocks(text, 1, false, false);
        let names: Vec<_> = found.iter().map(|block| (block.name.as_deref().unwrap(), block.line)).collect();
        assert_eq!(names, [("Nested", 3), ("Empty", 14), ("Plain", 16)]);
        assert_eq!(found[0].code, "class Nested(Scene):\n    def construct(self):\n        pass\n");
        assert_eq!(found[0].offset, 5);
        assert_eq!(found[1].code, "");
        assert_eq!(found[2].code, "x = 1\n");
    }

    #[test]
    fn fences_of_both_kinds_are_read_where_the_format_has_them() {
        let text = "\
```python
a = 1
```

  ~~~py
  b = 2
  ~~~

```text
.. manim:: Shown

   c = 3
```

```{eval-rst}
.. manim:: Meant

   d = 4
```

```{manim} Myst
:hide_source:

e = 5
```
";
        let codes: Vec<String> = blocks(text, 1, true, false).into_iter().map(|block| block.code).collect();
        assert_eq!(codes, ["a = 1\n", "b = 2\n", "d = 4\n", "e = 5\n"]);
    }

    #[test]
    fn preformatted_texts_of_pages_are_read() {
        let page = "<p>x</p>\n<pre class=\"wp-block-code\"><code>class A(Scene):<br>    x = &#34;a&#34; &lt; <b>1</b>&nbsp;&amp; 2</code></pre>";
        let found = page_blocks(page);
        assert_eq!(found[0].code, "class A(Scene):\n    x = \"a\" < 1 & 2\n");
        assert_eq!(found[0].line, 2);
    }

    #[test]
    fn a_session_in_a_directive_is_its_input() {
        let text = ".. manim:: A\n\n   >>> class A(Scene):\n   ...     x = 1\n   output\n";
        assert_eq!(blocks(text, 1, false, false)[0].code, "class A(Scene):\n    x = 1\n");
    }

    #[test]
    fn code_blocks_are_read_only_when_asked_for() {
        let text = ".. code-block:: python\n\n   a = 1\n";
        assert!(blocks(text, 1, false, false).is_empty());
        assert_eq!(blocks(text, 1, false, true)[0].code, "a = 1\n");
    }
}
